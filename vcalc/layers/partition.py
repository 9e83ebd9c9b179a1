"""Maps parted into windows, and videos into frames, each a tensor by itself for the layers that follow; and put back.

How many windows or frames there are stands in front: `w N D` are w times N tokens (see `vcalc.layers.front`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from vcalc.arithmetic import Number, Shape, always_equal, assumed, ceil_div, certainly_equal, exact_div, product
from vcalc.errors import LayerError
from vcalc.layers.axes import MAP, TOKENS, VECTOR, Grid, Leading, NamedShape, front_of, rank
from vcalc.layers.base import Layer, describe, needs, put_back, show
from vcalc.layers.fields import FLAG, field, per_axis
from vcalc.layers.moved import Moved
from vcalc.layers.windows import REORDERED, Reads, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class Frames(Moved, kind="frames"):
    """A video [C, T, H, W] as T maps [C, H, W], each by itself to the layers that follow."""

    source = "Arnab et al. 2021 (ViViT), section 3.3; Bertasius, Wang & Torresani 2021 (TimeSformer), section 3"
    accepts = (MAP,)
    spatial = (3,)
    example = (("C", "T", "H", "W"),)
    pattern = "C T H W -> T | C H W"

    def _rank_hint(self, rank: str) -> str:
        return super()._rank_hint(rank) if rank == VECTOR else "use 'rearrange', as in (T N) D -> T | N D with T: 8"


_TOGETHER = {MAP: "T | C H W -> C T H W", TOKENS: "T | N D -> (T N) D", VECTOR: "T | D -> T D"}


class MergeFrames(Moved, kind="merge_frames"):
    """Frames put together again: maps to a video [C, T, H, W], tokens one frame after the other, vectors to tokens."""

    source = "Arnab et al. 2021 (ViViT), section 3.3"
    reuses_input = True
    accepts = tuple(_TOGETHER)
    spatial = (2,)
    example = (NamedShape(("T", "C", "H", "W"), MAP, front=(Leading("T"),)),)

    @property
    def pattern(self) -> str:
        return _TOGETHER[rank(self.takes)]

    def output(self, *inputs: Shape) -> Shape:
        (axis,) = front_of(inputs[0])
        message = f"merge_frames puts frames together, but {describe(inputs[0])} arrives"
        needs(axis.name == "T", message, hint="use 'merge_windows'" if axis.laid else "name the axis T in 'rearrange'")
        return super().output(*inputs)


class Laid(NamedTuple):
    """How windows lie on a map: the places of both along each axis, the shift, and whether they are strided."""

    map: tuple[Number, ...]
    window: tuple[Number, ...]
    shift: tuple[Number, ...]
    grid: bool

    def each(self, change: Callable[[Number], Number]) -> Laid:
        """The same with every size passed through `change`."""
        map_, window, shift = (tuple(map(change, sizes)) for sizes in self[:3])
        return Laid(map_, window, shift, self.grid)

    @property
    def counts(self) -> tuple[Number, ...]:
        """How many windows lie along each axis; the last one may be padded."""
        return tuple(map(ceil_div, self.map, self.window))

    @property
    def padded(self) -> tuple[Number, ...]:
        """The map in whole windows."""
        return tuple(count * size for count, size in zip(self.counts, self.window, strict=True))

    @property
    def pads(self) -> bool:
        return not all(map(certainly_equal, self.map, self.padded))

    @property
    def shifts(self) -> tuple[Number, ...]:
        """How far the windows move along each axis, of many maps those of any: along a single window not at all."""
        return self._shifts(always_equal)

    @property
    def moves(self) -> bool:
        return not all(certainly_equal(shift, 0) for shift in self._shifts(certainly_equal))

    def _shifts(self, equal: Callable[[Number, Number], bool]) -> tuple[Number, ...]:
        each = zip(self.counts, self.shift, strict=True)
        return tuple(0 if equal(shift, 0) or equal(count, 1) else shift for count, shift in each)

    def cut(self, ops: Paper, x: Value, moves: bool) -> Value:
        """The tokens of each window of a map that whole windows fill; the windows are one axis with the batch."""
        x = ops.permute(x, (0, *range(2, len(x.shape)), 1))
        if moves:
            x = self._rolled(ops, x, -1)
        batch, *_, channels = x.shape
        places = (self.window, self.counts) if self.grid else (self.counts, self.window)
        x = ops.reshape(x, (batch, *chain(*zip(*places, strict=True)), channels))
        x = ops.permute(x, put_back(self._order))
        return ops.reshape(x, (batch * product(self.counts), product(self.window), channels))

    def together(self, ops: Paper, x: Value, batch: Number, moves: bool, inside: tuple[Number, ...]) -> Value:
        """The map that windows of so many places make, channels last before and after, without what pads it."""
        x = ops.reshape(x, (batch, *self.counts, *inside, x.shape[-1]))
        x = ops.permute(x, self._order)
        sizes = tuple(count * size for count, size in zip(self.counts, inside, strict=True))
        x = ops.reshape(x, (batch, *sizes, x.shape[-1]))
        if moves:
            x = self._rolled(ops, x, 1)
        if all(map(certainly_equal, inside, self.window)):
            for axis, size in enumerate(self.map, 1):
                x = ops.slice(x, axis=axis, count=size)
        return ops.permute(x, (0, len(sizes) + 1, *range(1, len(sizes) + 1)))

    def _rolled(self, ops: Paper, x: Value, way: int) -> Value:
        """A map whose channels come last, moved as the windows are shifted (-1), or back (1)."""
        return ops.roll(x, shifts=tuple(way * shift for shift in self.shifts), axes=tuple(range(1, len(self.map) + 1)))

    @property
    def _order(self) -> tuple[int, ...]:
        """From windows along each axis, and then the places in one, to each axis with both."""
        axes = len(self.map)
        windows, places = range(1, axes + 1), range(axes + 1, 2 * axes + 1)
        each = zip(places, windows, strict=True) if self.grid else zip(windows, places, strict=True)
        return (0, *chain(*each), 2 * axes + 1)

    def own(self, axis: int) -> Reads | None:
        """What lies in a place's window along an axis; None for the whole axis, along which strided windows reach."""
        size, shift = self.window[axis], self.shift[axis]
        if self.grid or certainly_equal(self.counts[axis], 1):
            return None
        return Reads(-shift, -shift, parts=size, block=size, start=shift, end=shift + size - 1)


class Windows(Layer, kind="windows"):
    """A map cut into windows of tokens, padded to whole ones: what follows works on each window by itself."""

    source = "Liu et al. 2021 (Swin), section 3.2; grid: Tu et al. 2022 (MaxViT), section 3.2"
    moves = True
    accepts = (MAP,)

    window: Any = field(per_axis(), "window size", symbol="M")
    shift: Any = field(per_axis(0), "cyclic shift of the windows", 0)
    strided: Any = field(FLAG, "whether the places of a window lie evenly over the whole map (grid attention)", False)

    def _laid(self, sizes: tuple[Number, ...]) -> Laid:
        return Laid(sizes, tuple(self.window), tuple(self.shift), bool(self.strided))

    def output(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        laid = self._laid(tuple(sizes))
        shape = (product(laid.counts), product(self.window), channels)
        return NamedShape(shape, TOKENS, front=(Leading("w", laid),))

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        return TOKENS

    def run(self, ops: Paper, x: Value) -> Value:
        laid = self._laid(x.shape[2:])
        if laid.pads:
            x = ops.pad(x, (*x.shape[:2], *laid.padded))
        return laid.cut(ops, x, laid.moves)

    def reach(self, input: Shape) -> Window:
        return REORDERED

    def grid(self, inputs: tuple[NamedShape, ...], output: Shape) -> Grid | None:
        return (0, *self.window)


class MergeWindows(Layer, kind="merge_windows"):
    """Windows put back where they came from: a map, its padding taken off and its shift undone."""

    source = "Liu et al. 2021 (Swin), section 3.2"
    moves = True
    accepts = (TOKENS, MAP)
    in_front = 1
    example = (NamedShape(("w", "N", "D"), TOKENS, front=(Leading("w", Laid(("H", "W"), ("M", "M"), (0, 0), False)),)),)

    def output(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        (axis,), laid = front_of(shape), front_of(shape)[0].laid
        if not isinstance(laid, Laid):
            message = f"merge_windows puts back what 'windows' has cut, but {describe(shape)} arrives"
            hint = "'rearrange' takes away what it puts in front; it keeps windows that stand there before and after"
            raise LayerError(message, hint="use 'merge_frames'" if axis.name == "T" else hint)
        return self._tokens(shape, laid) if rank(shape) == TOKENS else self._maps(shape, laid)

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        return MAP

    def _tokens(self, shape: Shape, laid: Laid) -> Shape:
        _, tokens, width = shape
        if not assumed("==", tokens, product(laid.window)):
            message = f"merge_windows: a window of {show(laid.window)} has no {show(tokens)} tokens"
            hint = (
                "keep_tokens takes away what was put before them; to_map, a pool and merge_windows make windows smaller"
            )
            raise LayerError(message, hint=hint)
        return (width, *laid.map)

    def _maps(self, shape: Shape, laid: Laid) -> Shape:
        """Maps that have kept the size of their window, or have come to another where nothing was padded or shifted."""
        _, channels, *sizes = shape
        needs(len(sizes) == len(laid.map), f"merge_windows: windows have {len(laid.map)} axes, and not {len(sizes)}")
        if all(map(certainly_equal, sizes, laid.window)):
            return (channels, *laid.map)
        whole = all(assumed("%", *each) for each in zip(laid.map, laid.window, strict=True))
        message = f"merge_windows: windows of {show(laid.window)} are {show(tuple(sizes))} now"
        needs(whole, f"{message}, and their padding cannot be taken off", hint="a map that the window divides")
        needs(not laid.moves, f"{message}, and their shift cannot be undone", hint="shift: 0")
        return (channels, *(count * size for count, size in zip(laid.counts, sizes, strict=True)))

    def run(self, ops: Paper, x: Value) -> Value:
        laid: Laid = self.takes.front[0].laid
        batch, inside = exact_div(x.shape[0], self.takes[0]), laid.window
        if rank(self.takes) == MAP:
            inside = x.shape[2:]
            x = ops.permute(x, (0, *range(2, len(x.shape)), 1))
        return laid.together(ops, x, batch, laid.moves, inside)

    def reach(self, input: Shape) -> Window:
        return REORDERED
