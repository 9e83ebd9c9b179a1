"""Tokens: made from a map, added, kept, read out, and told their positions."""

from __future__ import annotations

from functools import reduce
from operator import mul
from typing import TYPE_CHECKING, Any, ClassVar

from vcalc.arithmetic import (
    Number,
    Shape,
    assumed,
    certainly_different,
    certainly_equal,
    certainly_less,
    exact_div,
    product,
)
from vcalc.errors import LayerError
from vcalc.layers.axes import HEADS, MAP, MAPS, TOKENS, VECTOR, Grid, grid_of, rank
from vcalc.layers.base import Layer, axes_over, describe, elements, needs, needs_division, show
from vcalc.layers.conv import slide_map
from vcalc.layers.fields import FLAG, axes_or, choice, count, field, flag_or, per_axis
from vcalc.layers.grids import NO_MAP, filled, in_front, taken_away
from vcalc.layers.moved import Moved
from vcalc.layers.shape import INTERPOLATIONS, needs_mode
from vcalc.layers.windows import SPREAD, Front, Reads, Sliding, Window, alike
from vcalc.operators.types import INDEX

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class Tokens(Moved, kind="tokens"):
    """A map read as tokens of width C, one for each position: H*W of an image."""

    source = "Dosovitskiy et al. 2021, section 3.1"
    reuses_input = True
    accepts = (MAP,)
    pattern = "C ... -> (...) C"


class Unfold(Layer, kind="unfold"):
    """Windows of a map, each read as one token: of an image of width C * K * K; they may overlap (soft split)."""

    source = "Yuan et al. 2021 (T2T-ViT), section 3.1"
    moves = True
    accepts = (MAP,)

    kernel: Any = field(per_axis(), "window size", symbol="K")
    stride: Any = field(per_axis(), "step between windows", 1, "S")
    pad: Any = field(per_axis(0), "zero padding on each side", 0, "P")

    def output(self, *inputs: Shape) -> Shape:
        channels, *places = slide_map(inputs[0], self, inputs[0][0])
        return (reduce(mul, places), channels * product(self.kernel))

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        return TOKENS

    def run(self, ops: Paper, x: Value) -> Value:
        batch, tokens, width = self.on(x)
        if len(self.kernel) < 3:
            window = {"kernel": self.kernel, "stride": self.stride, "pad": self.pad}
            if len(self.kernel) == 1:
                x = ops.reshape(x, (*x.shape[:2], 1, x.shape[2]))
                window = {"kernel": (1, *self.kernel), "stride": (1, *self.stride), "pad": (0, *self.pad)}
            return ops.permute(ops.unfold(x, (batch, width, tokens), **window), (0, 2, 1))
        places = slide_map(x.shape[1:], self, x.shape[1])[1:]
        padded = (*x.shape[:2], *(size + 2 * pad for size, pad in zip(x.shape[2:], self.pad, strict=True)))
        x = x if padded == x.shape else ops.pad(x, padded, before=(0, *self.pad))
        for axis, (kernel, stride) in enumerate(zip(self.kernel, self.stride, strict=True)):
            x = ops.windows(x, axis=2 + axis, kernel=kernel, stride=stride)
        axes = len(places)
        order = (0, *range(2, 2 + axes), 1, *range(2 + axes, 2 + 2 * axes))
        return ops.reshape(ops.permute(x, order), (batch, tokens, width))

    def reach(self, input: Shape) -> Window:
        return Sliding(self.kernel, self.stride, self.pad, gives=(0, *slide_map(input, self, input[0])[1:]))


class Fold(Layer, kind="fold"):
    """Tokens [N, C * K * K] read as windows of a map and added up where they overlap: `unfold` the other way round."""

    source = "Yuan et al. 2022 (VOLO), section 3.1 (outlook attention)"
    accepts = (TOKENS,)

    out: Any = field(per_axis(), "size of the map along each spatial axis", symbol="M")
    kernel: Any = field(per_axis(), "window size", symbol="K")
    stride: Any = field(per_axis(), "step between windows", 1, "S")
    pad: Any = field(per_axis(0), "padding of the map on each side, which is left out", 0, "P")

    def _counts(self) -> tuple[Number, ...]:
        """How many windows there are along each axis."""
        return slide_map((1, *self.out), self, 1)[1:]

    def output(self, *inputs: Shape) -> Shape:
        tokens, width = inputs[0]
        needs(len(self.kernel) == 2, "fold: windows are of an image", "kernel", "'rearrange' puts back those of others")
        counts = self._counts()
        message = (
            f"fold: a map of {show(self.out)} has {show(product(counts))} windows, but {show(tokens)} tokens arrive"
        )
        needs(assumed("==", tokens, product(counts)), message, "out")
        needs_division("fold: width into the places of a window", width, product(self.kernel), "kernel")
        return (exact_div(width, product(self.kernel)), *self.out)

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        return MAP

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"additions": elements(inputs[0])}

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.fold(ops.permute(x, (0, 2, 1)), self.on(x), kernel=self.kernel, stride=self.stride, pad=self.pad)

    def reach(self, input: Shape) -> Window:
        if not alike(grid_of(input), (0, *self._counts())):
            return SPREAD
        each = zip(self.kernel, self.stride, self.pad, strict=True)
        return Window(tuple(Reads(pad - kernel + stride, pad, parts=stride) for kernel, stride, pad in each))


class ToMap(Moved, kind="to_map"):
    """Tokens put back into the map that they come from, or, row by row, into one [D, H, W]."""

    source = "Yuan et al. 2021 (T2T-ViT), section 3.1 (restructurization)"
    reuses_input = True
    accepts = (TOKENS,)
    placed = True
    sample: ClassVar[dict[str, Any]] = {"height": None}
    pattern: Any = "(H W) D -> D H W"

    height: Any = field(
        count(), "rows of the map, where it is not known which one the tokens come from; N divides into them", None, "H"
    )

    @property
    def sizes(self) -> dict[str, Number]:
        sizes: dict[str, Number] = self.__dict__.get("_sizes", {"H": self.height})
        return sizes

    def place(self, inputs: tuple[Shape, ...]) -> None:
        sizes = filled(self.kind, inputs[0], self.height)
        if sizes is not None:
            names = MAPS[len(sizes) - 1][1:]
            self.pattern = f"({' '.join(names)}) D -> D {' '.join(names)}"
            self._sizes = dict(zip(names, sizes, strict=True))

    def output(self, *inputs: Shape) -> Shape:
        if "_sizes" not in self.__dict__:
            needs(self.height is not None, f"to_map needs 'height', the rows of the map: {NO_MAP}")
            grid, tokens = grid_of(inputs[0]), inputs[0][0]
            if grid is not None and certainly_less(0, grid[0]) and not assumed("%", tokens, self.height):
                raise LayerError(f"to_map: {in_front(grid)}", "height", taken_away(grid))
            needs_division("to_map: tokens into rows", tokens, self.height, "height")
        return super().output(*inputs)

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        return MAP


class Transpose(Moved, kind="transpose"):
    """Tokens [N, D] read as [D, N], so that what follows mixes places and not features; of heads each by itself."""

    source = "Tolstikhin et al. 2021 (MLP-Mixer), section 2; heads: El-Nouby et al. 2021 (XCiT), section 3.2"
    reuses_input = True
    accepts = (TOKENS, HEADS)

    def pattern_on(self, input: Shape) -> str:
        return "h N d -> h d N" if rank(input) == HEADS else "N D -> D N"


class Embedding(Layer, kind="embedding"):
    """Word numbers, a vector of N, looked up in a table: N tokens of width D."""

    source = "Bengio et al. 2003, section 2; Vaswani et al. 2017, section 3.4"
    reads = INDEX
    ties = True
    accepts = (VECTOR,)

    vocabulary: Any = field(count(), "words in the table", symbol="V")
    out: Any = field(count(), "width of a token", symbol="D_out")

    def output(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], self.out)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"embedding": self.vocabulary * self.out}

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.embedding(x, ops.parameter(self.vocabulary, self.out, role="embedding"))


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
        token = ops.parameter(self.count, x.shape[2], role="class_token")
        return ops.concat(ops.expand(token, (x.shape[0], *token.shape)), x, axis=1)

    def reach(self, input: Shape) -> Front:
        return Front(self.count)


class PositionEmbedding(Layer, kind="position_embedding"):
    """One vector a token, or a place of a map, added to it: learned, or fixed sines and cosines.

    With a grid of their own the positions are interpolated to the map that arrives, or that the tokens come from.
    """

    source = (
        "Dosovitskiy et al. 2021, section 3.1, interpolated: section 3.2; fixed: He et al. 2022 (MAE), appendix A.1;"
        " fixed, no parameters: Carion et al. 2020 (DETR), section 3.2"
    )
    by_place = True
    accepts = (TOKENS, MAP)

    fixed: Any = field(
        flag_or("buffer", "computed"),
        "whether they are fixed sines and cosines, frozen parameters; or a buffer, or computed on the way",
        False,
    )
    grid: Any = field(per_axis(), "rows and columns of the positions' own map; that of what arrives if not said", None)
    mode: Any = field(choice(INTERPOLATIONS), "how they are interpolated from it, where the sizes differ", "bicubic")
    antialias: Any = field(FLAG, "whether that smooths where it makes fewer, as timm's bicubic and bilinear do", True)
    over: Any = field(
        axes_or(),
        "axes of a map along which positions differ; along the others all have the same; all if not said",
        None,
    )

    def output(self, *inputs: Shape) -> Shape:
        if self.over is not None:
            needs(self.grid is None, "position_embedding: a grid has positions along all axes", "over", "leave it out")
            told = "position_embedding: over names axes of a map with places"
            needs(rank(inputs[0]) == MAP, f"{told}, but {describe(inputs[0])} arrives", "over", "leave it out")
            needs("C" not in self.over, f"{told}; each has a number for every channel", "over", "leave C out")
            axes_over(self.kind, self.over, inputs[0])
        return inputs[0]

    def _own(self, input: Shape) -> Shape:
        """The sizes of the table that is added."""
        if self.over is None:
            return tuple(input)
        along = (0, *axes_over(self.kind, self.over, input))
        return tuple(size if axis in along else 1 for axis, size in enumerate(input))

    @property
    def placed(self) -> bool:  # type: ignore[override]
        return self.grid is not None

    @property
    def composed(self) -> bool:  # type: ignore[override]
        """Positions that are interpolated are more than a sum."""
        return self.sizes is not None

    @property
    def in_parts(self) -> bool:  # type: ignore[override]
        return self.composed

    sizes: tuple[Number, ...] | None = None
    """The map to which they are interpolated."""
    first: Number = 0
    """The tokens in front of it, which have positions of their own."""

    def place(self, inputs: tuple[Shape, ...]) -> None:
        if self.grid is None:
            return
        needs(self.fixed != "computed", "position_embedding: computed positions are of the map that arrives", "grid")
        first, *sizes = (0, *inputs[0][1:]) if rank(inputs[0]) == MAP else self._laid(inputs[0])
        needs_mode(self.kind, self.mode, len(sizes), "")
        if not all(map(certainly_equal, self.grid, sizes)):
            undecided = [pair for pair in zip(sizes, self.grid, strict=True) if not certainly_different(*pair)]
            if len(undecided) == len(sizes):
                assumed("!=", *undecided[0])
            self.first, self.sizes = first, tuple(sizes)

    def _laid(self, tokens: Shape) -> Grid:
        """How tokens lie on a map, which they fill."""
        grid = grid_of(tokens)
        needs(grid is not None, f"position_embedding: {NO_MAP}", "grid", "leave it out: each token has its position")
        assert grid is not None
        wanted = grid[0] + product(grid[1:])
        fill = f"position_embedding: {show(tokens[0])} tokens do not fill their map, which takes {show(wanted)}"
        needs(assumed("==", tokens[0], wanted), fill, "grid", "leave it out: each token has its position")
        return grid

    @property
    def _role(self) -> str:
        return {False: "position_embedding", True: "fixed_position_embedding"}.get(self.fixed, "")

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {self._role: elements(self._own(inputs[0]))} if self._role else {}

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        return {"positions": elements(self._own(inputs[0]))} if self.fixed == "buffer" else {}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"additions": elements(output)}

    def run(self, ops: Paper, x: Value) -> Value:
        if self.sizes is None:
            return ops.add(x, self._table(ops, *self._own(*self.named(x))))
        if self.is_of(x, MAP):
            table = self._table(ops, x.shape[1], *self.grid)
            return ops.add(x, self._resized(ops, ops.reshape(table, (1, *table.shape))))
        return ops.add(x, self._of_tokens(ops, x.shape[-1]))

    def _table(self, ops: Paper, *shape: int) -> Value:
        if self.fixed is False:
            return ops.parameter(*shape, role=self._role)
        return ops.made(shape) if self.fixed == "computed" else ops.own(shape, self._role or "positions")

    def _of_tokens(self, ops: Paper, width: int) -> Value:
        """The positions of all tokens: those in front as they are, those on the map interpolated."""
        first, places, axes = self.first, product(self.grid), len(self.grid)
        table = placed = self._table(ops, first + places, width)
        none_first = certainly_equal(first, 0)
        if not none_first:
            placed = ops.slice(table, axis=0, count=places, start=first)
        features_first = (0, axes + 1, *range(1, axes + 1))
        placed = self._resized(ops, ops.permute(ops.reshape(placed, (1, *self.grid, width)), features_first))
        placed = ops.permute(placed, (0, *range(2, axes + 2), 1))
        placed = ops.reshape(placed, (1, product(placed.shape[1:-1]), width))
        if none_first:
            return placed
        in_front = ops.slice(ops.reshape(table, (1, *table.shape)), axis=1, count=first)
        return ops.concat(in_front, placed, axis=1)

    def _resized(self, ops: Paper, map_: Value) -> Value:
        smooths = self.antialias and self.mode in ("bilinear", "bicubic")
        shape = (*map_.shape[:2], *(self.sizes or ()))
        return ops.interpolate(map_, shape, mode=self.mode, antialias=smooths)


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
        token = ops.parameter(x.shape[2], role="mask_token")
        return ops.concat(x, ops.expand(token, (x.shape[0], self.count, x.shape[2])), axis=1)

    def reach(self, input: Shape) -> Front:
        return Front(0)
