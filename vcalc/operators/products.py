"""Products of matrices, and attention as one operator."""

from __future__ import annotations

from vcalc.operators.layout import Sizes, contiguous, in_order_of, size_of, viewed
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import BOOLEAN, STATISTIC


class Linear(Operator, name="linear"):
    """x W + b on the last axis, all others as rows; to rows that do not lie in order the bias is added afterwards."""

    composed = True

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


class MatMul(Operator, name="matmul"):
    """A product for each of the leading axes, which are merged: where they do not lie so, both are copied for it."""

    composed = True

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        leading, rows, inner, columns = a.shape[:-2], a.shape[-2], a.shape[-1], b.shape[-1]
        together, many = (size_of(a.shape[:-1]), inner), size_of(leading)
        if len(b.shape) == 2 and (b.trains or viewed(a.shape, a.strides, together) is not None):
            made = paper.product(paper.reshape(a, together), b)
        else:
            b = b if len(b.shape) > 2 else paper.expand(b, (*leading, inner, columns))
            made = paper.product(paper.reshape(a, (many, rows, inner)), paper.reshape(b, (many, inner, columns)))
        return paper.reshape(made, (*leading, rows, columns))


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


class Attention(Operator, name="attention"):
    """Softmax attention of queries, keys and values, perhaps with a mask: one operator where torch has one for it."""

    composed = True

    def forward(
        self, paper: Paper, query: Value, key: Value, value: Value, mask: Value | None = None, *, causal: bool = False
    ) -> Value:
        trained = mask is not None and paper.training and mask.storage is not None  # made on the way, of parameters
        if not trained and _fused(query, key, value, mask):
            return paper.fused_attention(query, key, value, mask)
        if query.shape[1:-2] != key.shape[1:-2]:
            key, value = (paper.repeat(each, (each.shape[0], query.shape[1], *each.shape[2:])) for each in (key, value))
        return self._products(paper, query, key, value, mask, causal)

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
