"""Products of matrices, and attention as one operator."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, certainly_equal, exact_div, minimum, product
from vcalc.operators import text as written
from vcalc.operators.layout import Sizes, contiguous, in_order_of, size_of, viewed
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import BOOLEAN, STATISTIC


class Linear(Operator, name="linear", kind="linear"):
    """x W + b on the last axis, all others as rows; to rows that do not lie in order the bias is added afterwards."""

    composed = True
    functional = True

    @staticmethod
    def output(x: Any, weight: Any, bias: Any = None) -> Shape:
        return (*x.shape[:-1], weight.shape[0])

    @staticmethod
    def work(output: Shape, x: Any, weight: Any, bias: Any = None) -> dict[str, Number]:
        rows = product(output[:-1])
        work = {"multiply_adds": rows * (x.shape[-1] * output[-1])}
        if bias is None:
            return work
        work["bias_additions"] = rows * bias.trained
        zeros = output[-1] - bias.trained
        return work if certainly_equal(zeros, 0) else {**work, "zero_additions": rows * zeros}

    @staticmethod
    def module(x: Any, weight: Any, bias: Any = None) -> str:
        out, width = weight.shape
        return f"nn.Linear({written.arguments(width, out, bias='False' if bias is None else '')})"

    @staticmethod
    def text(x: Any, weight: Any, bias: Any = None) -> str:
        return f"F.linear({x}, {weight}{'' if bias is None else f', {bias}'})"

    def forward(self, paper: Paper, x: Value, weight: Value, bias: Value | None = None) -> Value:
        if len(x.shape) == 2:
            return paper.rows_by(x, weight, bias)
        rows = paper.reshape(x, (size_of(x.shape[:-1]), x.shape[-1]))
        made = paper.rows_by(rows, weight, bias if x.contiguous else None)
        del rows
        made = paper.reshape(made, (*x.shape[:-1], made.shape[1]))
        return made if bias is None or x.contiguous else paper.add_in_place(made, bias)


class RowsBy(Operator, name="rows_by"):
    """Rows by a matrix of weights [out, in], with a bias."""

    def forward(self, paper: Paper, x: Value, weight: Value, bias: Value | None = None) -> Value:
        self.saved = (x if self.needs[1] else None, weight if self.needs[0] else None)
        self.shapes = (x.shape, weight.shape, weight.shape[:1])
        self.strides = (_turned(x), None, None)
        paper.multiply_adds += size_of(x.shape) * weight.shape[0]
        return paper.new((x.shape[0], weight.shape[0]), x.batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        batched = (gradients[0].batched, False, False)
        made = zip(self.needs, self.shapes, batched, self.strides, strict=False)
        return tuple(paper.new(shape, many, strides=lies) if needed else None for needed, shape, many, lies in made)


def _turned(matrix: Value) -> Sizes | None:
    """How the gradient of a matrix lies: by columns, where the matrix itself does."""
    by_columns = (1, matrix.shape[0])
    return by_columns if matrix.strides == by_columns else None


class MatMul(Operator, name="matmul", kind="matmul"):
    """A product for each of the leading axes, which are merged: where they do not lie so, both are copied for it."""

    composed = True

    @staticmethod
    def output(a: Any, b: Any) -> Shape:
        return (*a.shape[:-1], b.shape[-1])

    @staticmethod
    def work(output: Shape, a: Any, b: Any) -> dict[str, Number]:
        return {"product_multiply_adds": product(a.shape) * output[-1], "product_elements": product(output)}

    ways = ("function", "bmm", "einsum")

    @staticmethod
    def text(a: Any, b: Any, way: str = "") -> str:
        if way == "einsum":
            first = "abcdefgh"[: len(a.shape) - 2]
            second = first[len(first) + 2 - len(b.shape) :] if len(b.shape) > 2 else ""
            return f'torch.einsum("{first}ij,{second}jk->{first}ik", {a}, {b})'
        return f"torch.matmul({a}, {b})" if way else f"{a} @ {b}"

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        leading, rows, inner, columns = a.shape[:-2], a.shape[-2], a.shape[-1], b.shape[-1]
        together, many = (size_of(a.shape[:-1]), inner), size_of(leading)
        if len(b.shape) == 2 and (b.trains or viewed(a.shape, a.strides, together) is not None):
            made = paper.product(paper.reshape(a, together), b)
        else:
            b = b if len(b.shape) > 2 else paper.expand(b, (*leading, inner, columns))
            made = paper.product(paper.reshape(a, (many, rows, inner)), paper.reshape(b, (many, inner, columns)))
        return paper.reshape(made, self.output(a, b))


class Product(Operator, name="product"):
    """A product of matrices, or one for each place of a first axis; each factor is saved for the other's gradient."""

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        self.saved = (a if self.needs[1] else None, b if self.needs[0] else None)
        self.shapes = ((a.shape, a.batched, "", _turned(a)), (b.shape, b.batched, "", _turned(b)))
        paper.multiply_adds += size_of(a.shape) * b.shape[-1]
        return paper.new((*a.shape[:-1], b.shape[-1]), a.batched or b.batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        of_b = paper.new(*self.shapes[1]) if self.needs[1] else None
        return (paper.new(*self.shapes[0]) if self.needs[0] else None, of_b)


class Attention(Operator, name="attention", kind="scaled_dot_product_attention"):
    """Softmax attention of queries, keys and values: one operator where torch has one for it, else what it is made of.

    Several heads of queries may read one of keys. A bias is added to the scores, and masks keep keys away: later ones,
    or all but so many.
    """

    composed = True

    @staticmethod
    def output(query: Any, key: Any, value: Any, *others: Any, **fields: Any) -> Shape:
        return (*query.shape[:-1], value.shape[-1])

    @staticmethod
    def work(
        output: Shape,
        query: Any,
        key: Any,
        value: Any,
        bias: Any = None,
        *mask: Any,
        causal: bool = False,
        reads: Any = None,
    ) -> dict[str, Number]:
        *leading, queries, width = query.shape
        keys, widths = key.shape[-2], width + output[-1]
        scores = product(query.shape[:-1]) * keys
        reads = keys if reads is None else minimum(reads, keys)
        pairs = queries * reads - (exact_div(reads * (reads - 1), 2) if causal else 0)
        work = {
            "product_multiply_adds": scores * widths,
            "multiplications": product(query.shape),
            "exponentials": scores,
            "softmax_additions": scores - product(query.shape[:-1]),
            "divisions": scores,
            "product_elements": scores + product(output),
            "unmasked_product_multiply_adds": product(leading) * pairs * widths,
        }
        return work if bias is None else {**work, "additions": scores}

    @staticmethod
    def text(
        query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, causal: bool = False, reads: Any = None
    ) -> str:
        masks = [str(each) for each in (bias, mask) if each is not None]
        later = "True" if causal and not masks else ""
        grouped = "True" if query.shape[1:-2] != key.shape[1:-2] else ""
        given = ([" + ".join(masks)] if masks else []), {"is_causal": later, "enable_gqa": grouped}
        return f"F.scaled_dot_product_attention({written.arguments(query, key, value, *given[0], **given[1])})"

    def forward(
        self,
        paper: Paper,
        query: Value,
        key: Value,
        value: Value,
        bias: Value | None = None,
        mask: Value | None = None,
        causal: bool = False,
        reads: int | None = None,
    ) -> Value:
        trained = False
        if bias is not None and bias.storage is not None:  # made on the way, of parameters
            trained = bias.trains if paper.records else paper.training and not paper.frozen
        if mask is not None:
            bias = mask if bias is None else paper.mask(bias, mask)
        if not trained and _fused(query, key, value, bias):
            return paper.fused_attention(query, key, value, bias)
        if query.shape[1:-2] != key.shape[1:-2]:
            key, value = (paper.repeat(each, (each.shape[0], query.shape[1], *each.shape[2:])) for each in (key, value))
        return self._products(paper, query, key, value, bias, causal and reads is None)

    @staticmethod
    def _products(paper: Paper, query: Value, key: Value, value: Value, mask: Value | None, causal: bool) -> Value:
        """Two products and a softmax, in fp32 at least; the softmax would be given back, too, in the type of values."""
        type, last = value.type, len(key.shape) - 1
        query, key, value = (paper.as_type(each, STATISTIC) for each in (query, key, value))
        scaled = paper.scale(query)
        if causal:
            mask = _earlier_only(paper, (query.shape[-2], key.shape[-2]))
        scores = paper.matmul(scaled, paper.scale(paper.permute(key, (*range(last - 1), last, last - 1))))
        scores = scores if mask is None else paper.add_in_place(scores, mask)
        scores = paper.softmax(scores)
        given_back = paper.as_type(scores, type)
        made = paper.as_type(paper.matmul(scores, value), type)
        del given_back
        return made


def _fused(query: Value, key: Value, value: Value, mask: Value | None) -> bool:
    """Whether torch has one operator for it: heads of one width, whose elements lie side by side."""
    dense = all(each.shape[-1] == 1 or each.strides[-1] == 1 for each in (query, key, value))
    ranks = len(query.shape) == 4 and (mask is None or len(mask.shape) in (2, 4))
    return dense and ranks and query.shape[-1] == value.shape[-1]


def _earlier_only(paper: Paper, pairs: Sizes) -> Value:
    """The mask of a causal attention that is not one operator: made of truths, each time, and the same for all."""
    ones = paper.made(pairs, type=BOOLEAN)
    lower = paper.made(pairs, type=BOOLEAN)
    del ones
    return paper.made(lower.shape)


class FusedAttention(Operator, name="fused_attention"):
    """Softmax attention as one operator; gradients have tokens before heads in memory."""

    def forward(self, paper: Paper, query: Value, key: Value, value: Value, mask: Value | None = None) -> Value:
        batch, heads, tokens, _ = query.shape
        made = paper.new(query.shape, strides=in_order_of(query.shape, query.strides))
        sums = paper.new((batch, heads, tokens), True, STATISTIC)
        self.saved = (query, key, value, mask, made, sums)
        paper.multiply_adds += batch * heads * tokens * key.shape[2] * (query.shape[3] + value.shape[3])
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (*(_tokens_first(paper, given.shape) for given in self.saved[:3] if given is not None), None)


def _tokens_first(paper: Paper, shape: Sizes) -> Value:
    batch, heads, tokens, width = shape
    along = contiguous((batch, tokens, heads, width))
    return paper.new(shape, strides=(along[0], along[2], along[1], along[3]))
