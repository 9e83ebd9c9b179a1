"""Self-attention over tokens, and within windows of a map. Projections, products, softmax and bias are kept apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape, ceil_div, certainly_equal, minimum, product
from vcalc.layers.axes import MAP, TOKENS
from vcalc.layers.base import CHANNELS_FIRST, CHANNELS_LAST, Layer, needs, needs_division
from vcalc.layers.fields import FLAG, count, field, flag_or, size2d
from vcalc.layers.linear import project_qkv
from vcalc.layers.windows import EVERYWHERE, Reads, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


def _attention_parameters(width: Number, inner: Number, layer: Any) -> dict[str, Number]:
    """Query, key and value projections [width, 3 inner] and the output projection [inner, width]."""
    parameters = {"weight": width * 3 * inner + inner * width}
    bias = _qkv_biases(layer) * inner + (width if layer.out_bias else 0)
    return {**parameters, "bias": bias} if layer.qkv_bias or layer.out_bias else parameters


def _qkv_biases(layer: Any) -> int:
    """How many of queries, keys and values have a bias; a key's has no effect on a softmax."""
    return 2 if layer.qkv_bias == "qv" else 3 * bool(layer.qkv_bias)


def _key_bias(inner: Number, layer: Any) -> dict[str, Number]:
    """The zeros that some libraries add to keys without a bias."""
    return {"key_bias": inner} if layer.form == "functional_qkv" and layer.qkv_bias == "qv" else {}


def _attention_work(tokens: Number, windows: Number, width: Number, inner: Number, layer: Any) -> dict[str, Number]:
    """One forward pass over `windows` separate groups of `tokens` tokens (Vaswani et al. 2017, section 3.2)."""
    parameters = _attention_parameters(width, inner, layer)
    of_out = inner * width + (width if layer.out_bias else 0)
    positions = windows * tokens
    pairs = windows * (tokens * tokens)
    scores = layer.heads * pairs
    work = {
        "multiply_adds": positions * parameters["weight"],
        "product_multiply_adds": 2 * (pairs * inner),
        "value_multiply_adds": pairs * inner,
        "multiplications": positions * inner,
        "exponentials": scores,
        "softmax_additions": scores - layer.heads * positions,
        "divisions": scores,
        "projected_elements": positions * (3 * inner + width),
        "product_elements": scores + positions * inner,
        "leading_parameters": windows * (parameters["weight"] + parameters.get("bias", 0)),
        "out_multiply_adds": positions * (inner * width),
        "out_parameters": of_out,
        "leading_out_parameters": windows * of_out,
    }
    if layer.qkv_bias == "qv":
        work["zero_additions"] = positions * inner
    if layer.out_bias:
        work["out_bias_additions"] = positions * width
    if "bias" in parameters:
        work["bias_additions"] = positions * parameters["bias"]
    if layer.qkv_bias:
        work["qkv_bias_additions"] = positions * (_qkv_biases(layer) * inner)
    return work


PRODUCTS = ("matmul", "operator")
"""Forms in which an attention is two products and a softmax, and not one operator."""

BESIDE = (0, 1, 3, 2, 4, 5)
"""Rows of windows and rows within them, columns of windows and columns within them, put in order or back."""


def _heads(ops: Paper, qkv: Value, heads: int) -> tuple[Value, ...]:
    """Queries, keys and values, [B, h, N, d] each, out of one tensor [B, N, 3 * h * d]."""
    batch, tokens, width = qkv.shape
    parts = ops.reshape(qkv, (batch, tokens, 3, heads, width // (3 * heads)))
    return ops.unbind(ops.permute(parts, (2, 0, 3, 1, 4)))


def _put_out(ops: Paper, layer: Any, x: Value, width: int) -> Value:
    """The output projection."""
    return ops.linear(x, ops.parameter(width, x.shape[-1]), ops.parameter(width) if layer.out_bias else None)


def _normal(ops: Paper, x: Value) -> Value:
    """Divided by its length along the last axis, which is kept away from 0."""
    length = ops.at_least(ops.length(x, axes=(3,)))
    return ops.div(x, ops.expand(length, x.shape))


class Attention(Layer, kind="attention"):
    """Multi-head self-attention over all tokens, its four projections included."""

    source = "Vaswani et al. 2017, section 3.2; Dosovitskiy et al. 2021, appendix A"
    accepts = (TOKENS,)
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

    def _inner(self, width: Number) -> Number:
        return width if self.head_dim is None else self.heads * self.head_dim

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        width = inputs[0][1]
        return _attention_parameters(width, self._inner(width), self)

    @property
    def form(self) -> str:
        """No module takes a bias of queries and values alone."""
        return "functional_qkv" if self.qkv_bias == "qv" and self.written is None else super().form

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        return _key_bias(self._inner(inputs[0][1]), self)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        tokens, width = inputs[0]
        return _attention_work(tokens, 1, width, self._inner(width), self)

    def run(self, ops: Paper, x: Value) -> Value:
        batch, tokens, width = x.shape
        inner = self._inner(width)
        qkv = project_qkv(ops, x, inner, self.qkv_bias, "key_bias" in self.buffers(x.shape[1:]))
        query, key, value = _heads(ops, qkv, self.heads)
        del qkv
        if self.form in PRODUCTS:
            scores = ops.matmul(ops.scale(query), ops.permute(key, (0, 1, 3, 2)))
            mixed = ops.matmul(ops.softmax(scores), value)
        else:
            mixed = ops.attention(query, key, value)
        merged = ops.reshape(ops.permute(mixed, (0, 2, 1, 3)), (batch, tokens, inner))
        return _put_out(ops, self, merged, width)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class WindowAttention(Layer, kind="window_attention"):
    """Self-attention inside windows of a map that is padded to whole windows; `shift` moves the windows."""

    source = (
        "Liu et al. 2021 (Swin), section 3.2; cosine, position_mlp: Liu et al. 2022 (Swin V2), sections 3.2 and 3.3;"
        " one_hot_lookup: Tu et al. 2022 (MaxViT), the authors' attention_utils.py"
    )
    accepts = (MAP,)
    weighted_layers = 2
    forms = ("modules", "timm", "functional_qkv", "matmul", "sdpa", "functional", "functional_cosine")

    heads: Any = field(count(), "attention heads", symbol="h")
    window: Any = field(size2d(), "window height and width", symbol="M")
    shift: Any = field(size2d(0), "cyclic shift of the windows", 0)
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

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        channels = inputs[0][0]
        parameters = _attention_parameters(channels, channels, self)
        if self._makes_biases:
            parameters["weight"] = parameters["weight"] + self.position_mlp * (2 + self.heads)
            parameters["bias"] = parameters.get("bias", 0) + self.position_mlp
        elif self.relative_position_bias:
            parameters["relative_position_bias"] = self._offsets() * self.heads
        if self.cosine:
            parameters["logit_scale"] = self.heads
        return parameters

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        tokens = product(self.window)
        if self.one_hot_lookup:
            return {"one_hot_positions": sum(size * size * (2 * size - 1) for size in self.window)}
        found = {"relative_position_index": tokens * tokens} if self.relative_position_bias else {}
        if self._makes_biases:
            found["relative_coordinates"] = 2 * self._offsets()
        if self._keeps_mask(inputs[0]):
            found["attention_mask"] = product(self._windows(inputs[0])) * (tokens * tokens)
        return {**found, **_key_bias(inputs[0][0], self)}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        channels, height, width = inputs[0]
        windows = product(self._windows(inputs[0]))
        work = _attention_work(product(self.window), windows, channels, channels, self)
        if self.relative_position_bias:
            work["additions"] = work["exponentials"]
        if self._makes_biases:
            work["table_multiply_adds"] = self._offsets() * (self.position_mlp * (2 + self.heads))
            work["table_hidden_elements"] = self._offsets() * self.position_mlp
            work["table_elements"] = self._offsets() * (self.position_mlp + self.heads)
            work["table_parameters"] = self.position_mlp * (3 + self.heads)
        if self.one_hot_lookup:
            rows, columns = self.window
            of_rows = self.heads * (rows * rows * (2 * columns - 1))
            work["lookup_multiply_adds"] = of_rows * (2 * rows - 1 + columns * columns)
            work["lookup_elements"] = of_rows + self.heads * (rows * rows * columns * columns)
        if self.cosine:
            # Squares and quotients of queries and keys, and each score by its head's factor.
            work["multiplications"] = 4 * work["multiplications"] + work["exponentials"]
        positions, side = height * width, minimum(height, width)
        reads = product(minimum(size, side) for size in self.window)
        work["unpadded_multiply_adds"] = positions * (4 * channels * channels)
        work["unpadded_product_multiply_adds"] = 2 * (positions * (reads * channels))
        return work

    def _windows(self, input: Shape) -> tuple[Number, Number]:
        """How many windows lie one below the other, and side by side."""
        return ceil_div(input[1], self.window[0]), ceil_div(input[2], self.window[1])

    def _padded(self, input: Shape) -> tuple[Number, Number]:
        """Height and width of the map in whole windows."""
        down, across = self._windows(input)
        return down * self.window[0], across * self.window[1]

    def _shifts(self, input: Shape) -> bool:
        """Whether the windows move: a map of one window stays."""
        counts = self._windows(input)
        return any(not (certainly_equal(self.shift[axis], 0) or certainly_equal(counts[axis], 1)) for axis in (0, 1))

    def _keeps_mask(self, input: Shape) -> bool:
        """Whether the mask between windows that a shift brought together is kept, and not made anew each time."""
        return self.form in ("timm", "functional_qkv") and self._shifts(input)

    def run(self, ops: Paper, x: Value) -> Value:
        batch, channels, height, width = x.shape
        down, across = self._padded(x.shape[1:])
        y = ops.permute(ops.pad(x, (batch, channels, down, across)), CHANNELS_LAST)
        shifts, one, windows = self._shifts(x.shape[1:]), self.window, self._windows(x.shape[1:])
        if shifts:
            y = ops.roll(y)
        y = ops.reshape(y, (batch, windows[0], one[0], windows[1], one[1], channels))
        y = ops.reshape(ops.permute(y, BESIDE), (batch * product(windows), product(one), channels))
        qkv = project_qkv(ops, y, channels, self.qkv_bias, "key_bias" in self.buffers(x.shape[1:]))
        query, key, value = _heads(ops, qkv, self.heads)
        del qkv
        scores = self._scores(ops, query, key)
        if self.relative_position_bias:
            bias = self._bias(ops)
            scores = ops.add(scores, self._as_heads(ops, bias))
        if shifts:
            mask = self._mask(ops, x.shape[1:])
            scores = ops.add(ops.reshape(scores, (batch, product(windows), *scores.shape[1:])), mask)
            scores = ops.reshape(scores, (batch * product(windows), *scores.shape[2:]))
        y = ops.reshape(ops.permute(ops.matmul(ops.softmax(scores), value), (0, 2, 1, 3)), (*y.shape[:2], channels))
        y = ops.reshape(_put_out(ops, self, y, channels), (batch, *windows, *one, channels))
        y = ops.reshape(ops.permute(y, BESIDE), (batch, down, across, channels))
        if shifts:
            y = ops.roll(y)
        y = ops.slice(ops.slice(y, axis=1, count=height), axis=2, count=width)
        return ops.permute(y, CHANNELS_FIRST)

    def _scores(self, ops: Paper, query: Value, key: Value) -> Value:
        """Products of scaled queries and keys, or their cosines, each times its head's factor."""
        if not self.cosine:
            query, key = ops.scale(query), ops.permute(key, (0, 1, 3, 2))
            # torch's own attention scales both, where trained biases keep it from one operator.
            return ops.matmul(query, ops.scale(key) if self.form == "sdpa" else key)
        factor = ops.parameter(self.heads, 1, 1)
        scores = ops.matmul(_normal(ops, query), ops.permute(_normal(ops, key), (0, 1, 3, 2)))
        return ops.mul(scores, ops.exp(ops.scale(factor)))

    def _bias(self, ops: Paper) -> Value:
        """The bias of each pair of positions and each head: looked up, or made by an MLP."""
        tokens, (rows, columns) = product(self.window), self.window
        pairs = (tokens * tokens, self.heads)
        if self._makes_biases:
            hidden = ops.linear(
                ops.own((self._offsets(), 2)), ops.parameter(self.position_mlp, 2), ops.parameter(self.position_mlp)
            )
            made = ops.linear(ops.activation(hidden, saves="output"), ops.parameter(self.heads, self.position_mlp))
            return ops.gather(made, ops.own(pairs[:1]), axis=0, shape=pairs)
        table = ops.parameter(self._offsets(), self.heads)
        if not self.one_hot_lookup:
            return ops.gather(table, ops.own(pairs[:1]), axis=0, shape=pairs)
        table = ops.reshape(ops.permute(table, (1, 0)), (self.heads, 2 * rows - 1, 2 * columns - 1))
        of_rows = ops.gather(table, ops.own((1,)), axis=1, shape=(self.heads, rows * rows, 2 * columns - 1))
        found = ops.gather(of_rows, ops.own((1,)), axis=2, shape=(self.heads, rows, columns, rows, columns))
        return ops.reshape(ops.permute(found, (0, 1, 3, 2, 4)), (self.heads, tokens, tokens))

    def _as_heads(self, ops: Paper, bias: Value) -> Value:
        """Biases as [h, N, N]; those that are made lie between 0 and 16."""
        if self.one_hot_lookup:
            return bias
        tokens = product(self.window)
        bias = ops.permute(ops.reshape(bias, (tokens, tokens, self.heads)), (2, 0, 1))
        return ops.scale(ops.activation(bias, saves="output")) if self._makes_biases else bias

    def _mask(self, ops: Paper, input: Shape) -> Value:
        """What keeps apart the positions that a shift brought together."""
        tokens = product(self.window)
        shape = (product(self._windows(input)), 1, tokens, tokens)
        return ops.own(shape) if self._keeps_mask(input) else ops.made(shape)

    def reach(self, input: Shape) -> Window:
        axes = zip(self._windows(input), self.window, self.shift, strict=True)
        return Window(tuple(_own_window(*axis) for axis in axes))


def _own_window(count: Number, size: Number, shift: Number) -> Reads | None:
    """Along one axis of `count` windows an element reads the window that it lies in; a single one is not shifted."""
    if certainly_equal(count, 1):
        return None
    return Reads(-shift, -shift, parts=size, block=size, start=shift, end=shift + size - 1)
