"""Self-attention over tokens, and within windows of a map. Projections, products, softmax and bias are kept apart."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, ceil_div, minimum, product
from vcalc.layers.base import EVERYWHERE, MAP, TOKENS, Layer, Window, needs_division
from vcalc.layers.fields import FLAG, count, field, size2d


def _attention_parameters(width: Number, inner: Number, layer: Any) -> dict[str, Number]:
    """Query, key and value projections [width, 3 inner] and the output projection [inner, width]."""
    parameters = {"weight": width * 3 * inner + inner * width}
    bias = (3 * inner if layer.qkv_bias else 0) + (width if layer.out_bias else 0)
    return {**parameters, "bias": bias} if layer.qkv_bias or layer.out_bias else parameters


def _attention_work(tokens: Number, windows: Number, width: Number, inner: Number, layer: Any) -> dict[str, Number]:
    """One forward pass over `windows` separate groups of `tokens` tokens (Vaswani et al. 2017, section 3.2)."""
    parameters = _attention_parameters(width, inner, layer)
    positions = windows * tokens
    pairs = windows * (tokens * tokens)
    scores = layer.heads * pairs
    work = {
        "multiply_adds": positions * parameters["weight"],
        "product_multiply_adds": 2 * (pairs * inner),
        "multiplications": positions * inner,
        "exponentials": scores,
        "softmax_additions": scores - layer.heads * positions,
        "divisions": scores,
        "projected_elements": positions * (3 * inner + width),
        "product_elements": scores + positions * inner,
        "leading_parameters": windows * (parameters["weight"] + parameters.get("bias", 0)),
    }
    if "bias" in parameters:
        work["bias_additions"] = positions * parameters["bias"]
    if layer.qkv_bias:
        work["qkv_bias_additions"] = positions * (3 * inner)
    return work


class Attention(Layer, kind="attention"):
    """Multi-head self-attention over all tokens, its four projections included."""

    source = "Vaswani et al. 2017, section 3.2; Dosovitskiy et al. 2021, appendix A"
    accepts = (TOKENS,)
    weighted_layers = 2
    forms = ("mha", "sdpa", "timm", "matmul", "operator")

    heads: Any = field(count(), "attention heads", symbol="h")
    head_dim: Any = field(count(), "width of one head; D / heads where not given", None, "d")
    qkv_bias: Any = field(FLAG, "whether query, key and value have a bias", True)
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

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        tokens, width = inputs[0]
        return _attention_work(tokens, 1, width, self._inner(width), self)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class WindowAttention(Layer, kind="window_attention"):
    """Self-attention inside windows of a map that is padded to whole windows; `shift` moves the windows."""

    source = "Liu et al. 2021 (Swin), section 3.2"
    accepts = (MAP,)
    weighted_layers = 2
    forms = ("modules", "matmul", "sdpa", "functional")

    heads: Any = field(count(), "attention heads", symbol="h")
    window: Any = field(size2d(), "window height and width", symbol="M")
    shift: Any = field(size2d(0), "cyclic shift of the windows", 0)
    qkv_bias: Any = field(FLAG, "whether query, key and value have a bias", True)
    out_bias: Any = field(FLAG, "whether the output projection has a bias", True)
    relative_position_bias: Any = field(FLAG, "whether each head learns a bias for each relative position", True)

    def output(self, *inputs: Shape) -> Shape:
        needs_division("window_attention: channels into heads", inputs[0][0], self.heads, "heads")
        return inputs[0]

    def _offsets(self) -> Number:
        return product(2 * size - 1 for size in self.window)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        channels = inputs[0][0]
        parameters = _attention_parameters(channels, channels, self)
        if self.relative_position_bias:
            parameters["relative_position_bias"] = self._offsets() * self.heads
        return parameters

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        tokens = product(self.window)
        return {"relative_position_index": tokens * tokens} if self.relative_position_bias else {}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        channels, height, width = inputs[0]
        windows = product((ceil_div(height, self.window[0]), ceil_div(width, self.window[1])))
        work = _attention_work(product(self.window), windows, channels, channels, self)
        if self.relative_position_bias:
            work["additions"] = work["exponentials"]
        positions, side = height * width, minimum(height, width)
        reads = product(minimum(size, side) for size in self.window)
        work["unpadded_multiply_adds"] = positions * (4 * channels * channels)
        work["unpadded_product_multiply_adds"] = 2 * (positions * (reads * channels))
        return work

    def reach(self, input: Shape) -> Window:
        # The bound over all positions: an element at a window's edge reads the whole window on one side of it.
        height, width = self.window
        return Window((2 * height - 1, 2 * width - 1), pad=(height - 1, width - 1))
