"""Self-attention over tokens, and within windows of a map. Projections, products, softmax and bias are kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape, always_equal, certainly_equal, exact_div, product
from vcalc.layers.axes import MAP, TOKENS
from vcalc.layers.base import Layer, describe, needs, needs_division
from vcalc.layers.fields import FLAG, count, field, flag_or, per_axis
from vcalc.layers.linear import project_qkv
from vcalc.layers.norm import unit
from vcalc.layers.partition import Laid
from vcalc.layers.windows import EVERYWHERE, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


PRODUCTS = ("matmul", "operator")
"""Forms in which an attention is two products and a softmax, and not one operator."""


def _heads(ops: Paper, layer: Any, x: Value, inner: Number, head_dim: Number | None = None) -> tuple[Value, ...]:
    """Queries, keys and values of tokens, [B, h, N, d] each, out of one product."""
    qkv = project_qkv(ops, x, inner, layer.qkv_bias, layer.form == "functional_qkv")
    width = exact_div(inner, layer.heads) if head_dim is None else head_dim
    return ops.unbind(ops.permute(ops.reshape(qkv, (*x.shape[:2], 3, layer.heads, width)), (2, 0, 3, 1, 4)))


def _put_out(ops: Paper, layer: Any, x: Value, width: Number) -> Value:
    """The output projection."""
    weight = ops.parameter(width, x.shape[-1])
    return ops.part("out").linear(x, weight, ops.parameter(width, role="bias") if layer.out_bias else None)


class Attention(Layer, kind="attention"):
    """Multi-head self-attention over all tokens, its four projections included."""

    source = "Vaswani et al. 2017, section 3.2; Dosovitskiy et al. 2021, appendix A"
    accepts = (TOKENS,)
    composed = True
    weighted_layers = 2
    forms = ("mha", "sdpa", "timm", "matmul", "operator", "functional_qkv")

    heads: Any = field(count(), "attention heads", symbol="h")
    head_dim: Any = field(count(), "width of one head; D / heads where not given", None, "d")
    qkv_bias: Any = field(flag_or("qv"), "whether query, key and value have a bias; qv: all but the key", True)
    out_bias: Any = field(FLAG, "whether the output projection has a bias", True)

    def output(self, *inputs: Shape) -> Shape:
        if self.head_dim is None:
            needs_division("attention: width into heads", inputs[0][1], self.heads, "heads")
        return inputs[0]

    @property
    def form(self) -> str:
        """No module takes a bias of queries and values alone."""
        return "functional_qkv" if self.qkv_bias == "qv" and self.written is None else super().form

    def run(self, ops: Paper, x: Value) -> Value:
        batch, tokens, width = x.shape
        inner = width if self.head_dim is None else self.heads * self.head_dim
        query, key, value = _heads(ops, self, x, inner, self.head_dim)
        if self.form in PRODUCTS:
            scores = ops.matmul(ops.scale(query, root=query.shape[3]), ops.permute(key, (0, 1, 3, 2)))
            mixed = ops.matmul(ops.softmax(scores), value)
        else:
            mixed = ops.attention(query, key, value)
        merged = ops.reshape(ops.permute(mixed, (0, 2, 1, 3)), (batch, tokens, inner))
        return _put_out(ops, self, merged, width)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class WindowAttention(Layer, kind="window_attention"):
    """Self-attention inside windows of a map, which is padded to whole ones."""

    source = (
        "Liu et al. 2021 (Swin), section 3.2; cosine, position_mlp: Liu et al. 2022 (Swin V2), sections 3.2 and 3.3;"
        " one_hot_lookup: Tu et al. 2022 (MaxViT), the authors' attention_utils.py"
    )
    accepts = (MAP,)
    composed = True
    weighted_layers = 2
    forms = ("modules", "timm", "functional_qkv", "matmul", "sdpa", "functional", "functional_cosine")

    heads: Any = field(count(), "attention heads", symbol="h")
    window: Any = field(per_axis(), "window size", symbol="M")
    shift: Any = field(per_axis(0), "cyclic shift of the windows", 0)
    strided: Any = field(FLAG, "whether the places of a window lie evenly over the whole map (grid attention)", False)
    qkv_bias: Any = field(flag_or("qv"), "whether query, key and value have a bias; qv: all but the key", True)
    out_bias: Any = field(FLAG, "whether the output projection has a bias", True)
    relative_position_bias: Any = field(FLAG, "whether each head learns a bias for each relative position", True)
    position_mlp: Any = field(
        count(0), "hidden width of an MLP that makes those biases; 0: each is learned by itself", 0
    )
    one_hot_lookup: Any = field(
        FLAG, "whether products with zeros and ones, first of rows, then of columns, look those biases up", False
    )
    cosine: Any = field(FLAG, "whether scores are cosines, times a trained factor a head", False)

    def output(self, *inputs: Shape) -> Shape:
        needs_division("window_attention: channels into heads", inputs[0][0], self.heads, "heads")
        needs(
            bool(self.relative_position_bias or not self._makes_biases),
            "window_attention: position_mlp makes relative position biases, which are off",
            "position_mlp",
        )
        needs(
            bool(not self.one_hot_lookup or (self.relative_position_bias and not self._makes_biases)),
            "window_attention: one_hot_lookup is for biases that are learned by themselves",
            "one_hot_lookup",
        )
        needs(
            bool(not self.one_hot_lookup or len(self.window) == 2),
            f"window_attention: one_hot_lookup is for images, but {describe(inputs[0])} arrives",
            "one_hot_lookup",
            "leave it out",
        )
        moves = bool(self.strided) and not all(certainly_equal(shift, 0) for shift in self.shift)
        needs(not moves, "window_attention: windows over the whole map are not shifted", "shift", "shift: 0")
        return inputs[0]

    @property
    def form(self) -> str:
        """No module takes a bias of queries and values alone."""
        return "functional_qkv" if self.qkv_bias == "qv" and self.written is None else super().form

    @property
    def _makes_biases(self) -> bool:
        return not certainly_equal(self.position_mlp, 0)

    def _offsets(self) -> Number:
        return product(2 * size - 1 for size in self.window)

    def _laid(self, input: Shape) -> Laid:
        """How the windows lie on a map."""
        return Laid(tuple(input[1:]), tuple(self.window), tuple(self.shift), bool(self.strided))

    @staticmethod
    def _shifts(laid: Laid) -> bool:
        """Whether windows move, of many maps those of any: a map of one window stays."""
        return not all(always_equal(shift, 0) for shift in laid.shifts)

    def _keeps_mask(self, input: Shape) -> bool:
        """Whether the mask between windows that a shift brought together is kept, and not made anew each time."""
        return self.form in ("timm", "functional_qkv") and self._laid(input).moves

    def run(self, ops: Paper, x: Value) -> Value:
        batch, laid = x.shape[0], self._laid(x.shape[1:])
        shifts = self._shifts(laid)
        return laid.together(
            ops,
            self._attended(ops, laid.cut(ops, ops.pad(x, (*x.shape[:2], *laid.padded)), shifts), x.shape),
            batch,
            shifts,
            laid.window,
        )

    def _attended(self, ops: Paper, y: Value, shape: Shape) -> Value:
        """The tokens of each window of a map after attention, projected."""
        (batch, channels, *_), laid = shape, self._laid(shape[1:])
        shifts, windows = self._shifts(laid), product(laid.counts)
        query, key, value = _heads(ops, self, y, channels)
        if self.form == "sdpa":
            if self.cosine:
                query, key = ops.mul(unit(ops, query, (3,)), self._factor(ops)), unit(ops, key, (3,))
            added = self._as_heads(ops, self._bias(ops)) if self.relative_position_bias else None
            mixed = ops.attention(query, key, value, added, self._mask_of_each(ops, shape) if shifts else None)
        else:
            scores = self._scores(ops, query, key)
            if self.relative_position_bias:
                bias = self._bias(ops)
                scores = ops.add(scores, self._as_heads(ops, bias))
            if shifts:
                mask = self._mask(ops, shape[1:])
                scores = ops.mask(ops.reshape(scores, (batch, windows, *scores.shape[1:])), mask)
                scores = ops.reshape(scores, (batch * windows, *scores.shape[2:]))
            mixed = ops.matmul(ops.softmax(scores), value)
        y = ops.reshape(ops.permute(mixed, (0, 2, 1, 3)), (*y.shape[:2], channels))
        del mixed
        return _put_out(ops, self, y, channels)

    def _scores(self, ops: Paper, query: Value, key: Value) -> Value:
        """Products of scaled queries and keys, or their cosines, each times its head's factor."""
        if not self.cosine:
            return ops.part("scores").matmul(ops.scale(query, root=query.shape[3]), ops.permute(key, (0, 1, 3, 2)))
        query, key = unit(ops, query, (3,)), ops.permute(unit(ops, key, (3,)), (0, 1, 3, 2))
        return ops.mul(ops.part("scores").matmul(query, key), self._factor(ops))

    def _factor(self, ops: Paper) -> Value:
        """The factor of each head's cosines, which is learned as its logarithm."""
        return ops.exp(ops.at_most(ops.parameter(self.heads, 1, 1, role="logit_scale"), 4.6052))

    def _bias(self, ops: Paper) -> Value:
        """The bias of each pair of positions and each head: looked up, or made by an MLP."""
        tokens = product(self.window)
        pairs = (tokens * tokens, self.heads)
        if self._makes_biases:
            return ops.gather(self._made(ops), self._index(ops), axis=0, shape=pairs)
        table = ops.parameter(self._offsets(), self.heads, role="relative_position_bias")
        if not self.one_hot_lookup:
            return ops.gather(table, self._index(ops), axis=0, shape=pairs)
        rows, columns = self.window
        table = ops.reshape(ops.permute(table, (1, 0)), (self.heads, 2 * rows - 1, 2 * columns - 1))
        ones = [
            ops.own((size * size, 2 * size - 1), "one_hot_positions", by=("one_hot_distances", size))
            for size in self.window
        ]
        of_rows = (self.heads, rows * rows, 2 * columns - 1)
        table = ops.part("lookup").lookup(table, ones[0], axis=1, shape=of_rows)
        found = ops.part("lookup").lookup(table, ones[1], axis=2, shape=(*of_rows[:2], columns * columns))
        found = ops.permute(ops.reshape(found, (self.heads, rows, rows, columns, columns)), (0, 1, 3, 2, 4))
        return ops.reshape(found, (self.heads, tokens, tokens))

    def _index(self, ops: Paper) -> Value:
        by = ("relative_position_index", *self.window)
        return ops.own((product(self.window) * product(self.window),), "relative_position_index", by=by)

    def _made(self, ops: Paper) -> Value:
        """A bias for each head and relative position, made of the numbers of it, one for each axis."""
        into, out = ops.parameter(self.position_mlp, len(self.window)), ops.parameter(self.position_mlp, role="bias")
        by = ("relative_coordinates", *self.window)
        offsets = ops.own((1, self._offsets(), len(self.window)), "relative_coordinates", by=by)
        hidden = ops.part("table").linear(offsets, into, out)
        hidden = ops.part("table").activation(hidden, saves="output", function="relu")
        made = ops.part("table").linear(hidden, ops.parameter(self.heads, self.position_mlp))
        return ops.reshape(made, (self._offsets(), self.heads))

    def _as_heads(self, ops: Paper, bias: Value) -> Value:
        """Biases as [h, N, N]; those that are made lie between 0 and 16."""
        if self.one_hot_lookup:
            return bias
        tokens = product(self.window)
        bias = ops.permute(ops.reshape(bias, (tokens, tokens, self.heads)), (2, 0, 1))
        if not self._makes_biases:
            return bias
        return ops.scale(ops.activation(bias, saves="output", function="sigmoid"), by=16)

    def _mask(self, ops: Paper, input: Shape) -> Value:
        """What keeps apart the positions that a shift brought together."""
        tokens = product(self.window)
        laid = self._laid(input)
        shape = (product(laid.counts), 1, tokens, tokens)
        by = ("shifted_window_mask", laid.padded, self.window, laid.shifts)
        return ops.own(shape, "attention_mask", by=by) if self._keeps_mask(input) else ops.made(shape, by=by)

    def _mask_of_each(self, ops: Paper, shape: Shape) -> Value:
        """The mask once more for each image and each head, as attention in one operator takes it."""
        mask = self._mask(ops, shape[1:])
        return ops.repeat(mask, (shape[0] * mask.shape[0], self.heads, *mask.shape[2:]))

    def reach(self, input: Shape) -> Window:
        return Window(tuple(map(self._laid(input).own, range(len(input) - 1))))
