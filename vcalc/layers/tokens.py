"""Tokens: made from a map, added, kept, read out, and told their positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape, assumed, product
from vcalc.layers.axes import MAP, TOKENS, VECTOR
from vcalc.layers.base import Layer, elements, needs, needs_division, show
from vcalc.layers.conv import slide_map
from vcalc.layers.fields import FLAG, count, field, per_axis
from vcalc.layers.moved import Moved
from vcalc.layers.windows import Front, Sliding, Window
from vcalc.operators.types import INDEX

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class Tokens(Moved, kind="tokens"):
    """A map [C, H, W] read as H*W tokens of width C."""

    source = "Dosovitskiy et al. 2021, section 3.1"
    reuses_input = True
    accepts = (MAP,)
    pattern = "C H W -> (H W) C"


class Unfold(Layer, kind="unfold"):
    """Windows of a map, each read as one token of width C * K * K; they may overlap (soft split)."""

    source = "Yuan et al. 2021 (T2T-ViT), section 3.1"
    moves = True
    accepts = (MAP,)

    kernel: Any = field(per_axis(), "window size", symbol="K")
    stride: Any = field(per_axis(), "step between windows", 1, "S")
    pad: Any = field(per_axis(0), "zero padding on each side", 0, "P")

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = slide_map(inputs[0], self, inputs[0][0])
        return (height * width, channels * product(self.kernel))

    def run(self, ops: Paper, x: Value) -> Value:
        batch, tokens, width = self.on(x)
        return ops.permute(ops.unfold(x, (batch, width, tokens)), (0, 2, 1))

    def reach(self, input: Shape) -> Window:
        _, height, width = slide_map(input, self, input[0])
        return Sliding(self.kernel, self.stride, self.pad, gives=(0, height, width))


class ToMap(Moved, kind="to_map"):
    """Tokens [N, D] put back into a map [D, H, W], row by row."""

    source = "Yuan et al. 2021 (T2T-ViT), section 3.1 (restructurization)"
    reuses_input = True
    accepts = (TOKENS,)
    pattern = "(H W) D -> D H W"

    height: Any = field(count(), "rows of the map; N divides into them", symbol="H")

    @property
    def sizes(self) -> dict[str, Number]:
        return {"H": self.height}

    def output(self, *inputs: Shape) -> Shape:
        needs_division("to_map: tokens into rows", inputs[0][0], self.height, "height")
        return super().output(*inputs)


class Embedding(Layer, kind="embedding"):
    """Word numbers, a vector of N, looked up in a table: N tokens of width D."""

    source = "Bengio et al. 2003, section 2; Vaswani et al. 2017, section 3.4"
    reads = INDEX
    accepts = (VECTOR,)

    vocabulary: Any = field(count(), "words in the table", symbol="V")
    out: Any = field(count(), "width of a token", symbol="D_out")

    def output(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], self.out)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"embedding": self.vocabulary * self.out}

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.embedding(x, ops.parameter(self.vocabulary, self.out))


class ClassToken(Layer, kind="class_token"):
    """Learned tokens put before the others to collect the class."""

    source = "Dosovitskiy et al. 2021, section 3.1; Devlin et al. 2019"
    moves = True
    accepts = (TOKENS,)

    count: Any = field(count(), "how many tokens", 1)

    def output(self, *inputs: Shape) -> Shape:
        tokens, width = inputs[0]
        return (tokens + self.count, width)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"class_token": self.count * inputs[0][1]}

    def run(self, ops: Paper, x: Value) -> Value:
        token = ops.parameter(self.count, x.shape[2])
        return ops.concat(ops.expand(token, (x.shape[0], *token.shape)), x, axis=1)

    def reach(self, input: Shape) -> Front:
        return Front(self.count)


class PositionEmbedding(Layer, kind="position_embedding"):
    """One vector a token added to it: learned, or fixed sines and cosines (`fixed: true`, frozen)."""

    source = "Dosovitskiy et al. 2021, section 3.1; fixed: He et al. 2022 (MAE), appendix A.1"
    accepts = (TOKENS,)

    fixed: Any = field(FLAG, "whether the positions are fixed sines and cosines, frozen", False)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"fixed_position_embedding" if self.fixed else "position_embedding": elements(inputs[0])}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"additions": elements(output)}

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.add(x, ops.own(x.shape[1:]) if self.fixed else ops.parameter(*x.shape[1:]))


class TakeToken(Moved, kind="take_token"):
    """One token read out as a vector; the class token by default."""

    source = "Dosovitskiy et al. 2021, equation 4"
    reuses_input = True
    accepts = (TOKENS,)
    pattern = "N[i] D -> D"

    index: Any = field(count(0), "which token, from 0", 0)

    @property
    def sizes(self) -> dict[str, Number]:
        return {"i": self.index}

    def output(self, *inputs: Shape) -> Shape:
        needs(
            assumed(">=", inputs[0][0], self.index + 1),
            f"take_token: there is no token {show(self.index)} among {show(inputs[0][0])} (0 is the first)",
            "index",
        )
        return super().output(*inputs)


class KeepTokens(Moved, kind="keep_tokens"):
    """A part of the tokens, the others left out (random masking)."""

    source = "He et al. 2022 (MAE), section 3"
    accepts = (TOKENS,)
    pattern = "N[i:j] D -> N D"

    start: Any = field(count(0), "the first token that stays, from 0", 0)
    count: Any = field(count(), "how many tokens stay", symbol="K")

    @property
    def sizes(self) -> dict[str, Number]:
        return {"i": self.start, "j": self.start + self.count}

    def output(self, *inputs: Shape) -> Shape:
        needs(
            assumed(">=", inputs[0][0], self.start + self.count),
            f"keep_tokens: {show(self.count)} from {show(self.start)} cannot stay of {show(inputs[0][0])}",
            "count",
        )
        return super().output(*inputs)


class AppendTokens(Layer, kind="append_tokens"):
    """Copies of one learned token put in for those that were left out."""

    source = "He et al. 2022 (MAE), section 3"
    moves = True
    accepts = (TOKENS,)

    count: Any = field(count(0), "how many copies are added", symbol="K")

    def output(self, *inputs: Shape) -> Shape:
        tokens, width = inputs[0]
        return (tokens + self.count, width)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"mask_token": inputs[0][1]}

    def run(self, ops: Paper, x: Value) -> Value:
        token = ops.parameter(x.shape[2])
        return ops.concat(x, ops.expand(token, (x.shape[0], self.count, x.shape[2])), axis=1)
