"""Tensors rearranged: flattened, rescaled, folded. No parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from vcalc.arithmetic import Number, Shape, assumed, ceil_div, certainly_equal, product
from vcalc.errors import LayerError, quoted
from vcalc.layers.axes import MAP, MAPS, TOKENS, VECTOR, names_of, places_of, rank
from vcalc.layers.base import (
    Layer,
    axes_over,
    describe,
    elements,
    features,
    needs,
    needs_division,
    put_back,
    put_last,
    show,
)
from vcalc.layers.centre import CROP, cut, moved, offsets
from vcalc.layers.fields import ORDER, PATTERN, WHOLE, axes_or, both_sides, choice, count, field, per_axis
from vcalc.layers.moved import Moved
from vcalc.layers.windows import EVERYWHERE, REORDERED, Sliding, Window, interpolated

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class Rearrange(Moved, kind="rearrange"):
    """Elements in another order and shape, as a pattern in einops' notation says: `C (r m) (c n) -> (m n C) r c`."""

    source = "Rogozhnikov 2022 (Einops)"
    shorthand = "pattern"
    sample = {"pattern": "C H W -> (H W) C"}

    pattern: Any = field(PATTERN, "what arrives and what leaves; its letters are fields, for sizes that do not follow")

    placed = True

    def __init__(self, **values: Any) -> None:
        super().__init__(**{name: values.pop(name) for name in self.fields if name in values})
        self._placed: dict[str, Number] = {}
        self._sizes = {name: self._size(name, value) for name, value in values.items()}

    def _size(self, name: str, value: Any) -> Number:
        """The size of a letter, or the place that a name stands for."""
        from vcalc.operators.pattern import parse

        pattern = parse(self.pattern)
        if name not in pattern.names:
            raise LayerError(f"rearrange: the pattern has no {quoted(name)}", name)
        type_ = count(1 if name in pattern.letters else 0)
        try:
            return type_.accept(value)
        except (ValueError, TypeError):
            raise LayerError(f"rearrange: {name} is {show(value)}, not {type_.says}", name) from None

    @property
    def reuses_input(self) -> bool:  # type: ignore[override]
        from vcalc.operators.rearrange import copies

        return not copies(self.pattern)

    @property
    def sizes(self) -> dict[str, Number]:
        return {**self._sizes, **self._placed}

    def place(self, inputs: tuple[Shape, ...]) -> None:
        from vcalc.layers.letters import sizes_of

        self._placed = sizes_of(self.pattern, self._sizes, inputs[0])

    def values(self) -> dict[str, Any]:
        return {"pattern": self.pattern, **self._sizes}

    def with_values(self, change: Callable[[Any], Any]) -> Layer:
        return Rearrange(pattern=self.pattern, **{name: change(size) for name, size in self._sizes.items()})

    def output(self, *inputs: Shape) -> Shape:
        from vcalc.layers.places import leaves
        from vcalc.operators.pattern import parse

        pattern, (shape,) = parse(self.pattern), inputs
        if len(pattern.left) != len(shape):
            axes = f"{len(pattern.left)} axes" if len(pattern.left) > 1 else "one axis"
            message = f"rearrange: the left side has {axes}, but {describe(shape)} arrives"
            raise LayerError(message, "pattern", "a letter for each size, none for the batch", 0, pattern.arrow - 1)
        output = super().output(*inputs)
        if leaves(self.pattern, shape) is None:
            from vcalc.layers import mend

            start = pattern.right[0].column
            message = f"rearrange: what leaves, {show(output)}, is none of {mend.all_ranks()}"
            raise LayerError(message, "pattern", mend.rearranged(pattern, shape), start, len(self.pattern) - start)
        return output


class Flatten(Layer, kind="flatten"):
    """A map or tokens read as one vector."""

    source = "none needed"
    moves = True
    reuses_input = True
    accepts = (MAP, TOKENS, VECTOR)

    def output(self, *inputs: Shape) -> Shape:
        return (elements(inputs[0]),)

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.reshape(x, self.on(x))

    def is_view(self, training: bool, input: Shape) -> bool:
        return True

    def reach(self, input: Shape) -> Window | None:
        return EVERYWHERE if rank(input) != VECTOR else None


class KeepChannels(Layer, kind="keep_channels"):
    """Some channels of a map, features of tokens or of a vector, or heads, the others left out."""

    source = "Ma et al. 2018 (ShuffleNet V2), section 3.2 (channel split)"
    moves = True
    reuses_input = True

    start: Any = field(count(0), "the first channel that stays, from 0", 0)
    count: Any = field(count(), "how many channels stay", symbol="K")

    def output(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        needs(
            assumed(">=", features(shape), self.start + self.count),
            f"keep_channels: {show(self.count)} from {show(self.start)} cannot stay of {show(features(shape))}",
            "count",
        )
        return (shape[0], self.count) if rank(shape) == TOKENS else (self.count, *shape[1:])

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.slice(x, axis=2 if self.is_of(x, TOKENS) else 1, count=self.count, start=self.start)

    def is_view(self, training: bool, input: Shape) -> bool:
        return True


class ChannelShuffle(Moved, kind="channel_shuffle"):
    """Channels in groups, reordered so that each group holds some of every former one."""

    source = "Zhang et al. 2018 (ShuffleNet), section 3.1"
    accepts = (MAP,)
    pattern = "(g c) ... -> (c g) ..."

    groups: Any = field(count(), "groups that the channels come from", symbol="G")

    @property
    def sizes(self) -> dict[str, Number]:
        return {"g": self.groups}

    def output(self, *inputs: Shape) -> Shape:
        needs_division("channel_shuffle: channels into groups", inputs[0][0], self.groups, "groups")
        return inputs[0]


def along_axes(layer: Any, input: Shape) -> tuple[Any, ...]:
    """The fields that say something of each spatial axis of a map: positions; rows and columns; or frames, too.

    Raises LayerError where one says something of an axis that it does not have.
    """
    of = {1: ("positions",), 2: ("rows", "columns"), 3: ("frames", "rows", "columns")}[len(input) - 1]
    for name in ("positions", "frames", "rows", "columns"):
        value = getattr(layer, name)
        none = all(certainly_equal(each, 0) for each in (value if isinstance(value, tuple) else (value,)))
        message = f"{layer.kind}: {describe(input)} has no {name}"
        needs(name in of or none, message, name, f"it has {' and '.join(of)}")
    return tuple(getattr(layer, name) for name in of)


class Crop(Layer, kind="crop"):
    """A part of a map, about its centre if not said otherwise, the places around it left out."""

    source = "Ronneberger et al. 2015 (U-Net), section 2"
    moves = True
    reuses_input = True
    accepts = (MAP,)

    out: Any = field(per_axis(), "size along each spatial axis that stays", symbol="M")
    start: Any = field(per_axis(0), "the first place along each axis that stays, from 0, where not at the centre", None)

    def _starts(self, input: Shape) -> tuple[Number, ...]:
        return self.start or offsets(CROP, input[1:], self.out)

    def output(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        for size, out, start in zip(sizes, self.out, self.start or (0,) * len(sizes), strict=True):
            message = f"crop: {show(out)} from {show(start)} cannot stay of {show(size)}"
            needs(assumed(">=", size, start + out), message, "out")
        return (channels, *self.out)

    def run(self, ops: Paper, x: Value) -> Value:
        return cut(ops, x, self._starts(x.shape[1:]), self.out)

    def is_view(self, training: bool, input: Shape) -> bool:
        return True

    def reach(self, input: Shape) -> Window:
        return moved(CROP, self._starts(input))


class Roll(Layer, kind="roll"):
    """A map moved around in a ring: what leaves it at one end comes in at the other."""

    source = "Liu et al. 2021 (Swin), section 3.2 (cyclic shift)"
    moves = True
    accepts = (MAP,)

    rows: Any = field(WHOLE, "rows that it moves down; less than 0: up", 0)
    columns: Any = field(WHOLE, "columns that it moves to the right; less than 0: to the left", 0)
    frames: Any = field(WHOLE, "frames of a video that it moves, likewise", 0)
    positions: Any = field(WHOLE, "positions of a sequence that it moves, likewise", 0)
    channels: Any = field(WHOLE, "channels that it moves, likewise", 0)

    def shifts(self, input: Shape) -> dict[int, Number]:
        """How far it moves, by the axis of a tensor with a batch in front; axes along which it stays are left out."""
        moved = enumerate((self.channels, *along_axes(self, input)), 1)
        return {axis: shift for axis, shift in moved if not certainly_equal(shift, 0)}

    def output(self, *inputs: Shape) -> Shape:
        self.shifts(inputs[0])
        return inputs[0]

    def run(self, ops: Paper, x: Value) -> Value:
        moved = self.shifts(x.shape[1:])
        return ops.roll(x, tuple(moved.values()), tuple(moved)) if moved else x

    def is_view(self, training: bool, input: Shape) -> bool:
        return not self.shifts(input)

    def reach(self, input: Shape) -> Window | None:
        return REORDERED if self.shifts(input) else None


class Flip(Layer, kind="flip"):
    """The places along some axes in the other order, the last one first."""

    source = "Schuster & Paliwal 1997 (bidirectional networks); Zhu et al. 2024 (Vision Mamba), algorithm 1"
    moves = True
    sample: ClassVar[dict[str, Any]] = {"over": "last"}

    over: Any = field(axes_or("channels", "last"), "the axes, by name: N of tokens, W of a map; channels, or the last")

    def axes(self, input: Shape) -> tuple[int, ...]:
        """Those whose places change their order."""
        return axes_over(self.kind, self.over, input)

    def output(self, *inputs: Shape) -> Shape:
        self.axes(inputs[0])
        return inputs[0]

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.flip(x, tuple(axis + 1 for axis in self.axes(*self.named(x))))

    def reach(self, input: Shape) -> Window | None:
        named = {names_of(input)[axis] for axis in self.axes(input)}
        return REORDERED if named & {*places_of(input), "d"} else None


class ZeroPad(Layer, kind="zero_pad"):
    """Zeros put around a map, and before and after its channels."""

    source = "He et al. 2016, section 3.3 (option A: channels)"
    moves = True
    accepts = (MAP,)

    rows: Any = field(both_sides(), "rows above and below: a number for both sides, or a pair [before, after]", 0)
    columns: Any = field(both_sides(), "columns to the left and to the right, likewise", 0)
    frames: Any = field(both_sides(), "frames of a video before and after, likewise", 0)
    positions: Any = field(both_sides(), "positions of a sequence before and after, likewise", 0)
    channels: Any = field(both_sides(), "channels before and after, likewise", 0)

    def pads(self, input: Shape) -> tuple[tuple[Number, Number], ...]:
        """What is put before and after the places along each spatial axis."""
        return along_axes(self, input)

    def output(self, *inputs: Shape) -> Shape:
        pads = (self.channels, *self.pads(inputs[0]))
        return tuple(size + pad[0] + pad[1] for size, pad in zip(inputs[0], pads, strict=True))

    def run(self, ops: Paper, x: Value) -> Value:
        before = tuple(first for first, _ in (self.channels, *self.pads(x.shape[1:])))
        return ops.pad(x, self.on(x), before=before)

    def reach(self, input: Shape) -> Window:
        pads = self.pads(input)
        return Sliding((1,) * len(pads), pad=tuple(before for before, _ in pads))


def is_square(factor: Shape) -> bool:
    """Whether blocks of such sizes are squares of an image, which torch has operators for."""
    return len(factor) == 2 and certainly_equal(*factor)


class SpaceToDepth(Layer, kind="space_to_depth"):
    """Blocks of neighbouring positions stacked as channels; an odd edge is padded (patch merging)."""

    source = "Liu et al. 2021 (Swin), section 3.1"
    moves = True
    accepts = (MAP,)

    factor: Any = field(per_axis(), "size of a block", 2, "F")
    order: Any = field(
        ORDER,
        "what the channels that leave are made of, slowest first: C of those that arrive, H and W within a block;"
        " torch's, C first, if not said",
        None,
    )

    def output(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        self._order(inputs[0])
        for factor in self.factor:
            channels = channels * factor
        return (channels, *map(ceil_div, sizes, self.factor))

    def _order(self, input: Shape) -> tuple[str, ...]:
        """The axes of what arrives in the order of the channels that leave."""
        there = MAPS[len(input) - 2]
        order: tuple[str, ...] = self.order or there
        needs(
            set(order) == set(there),
            f"space_to_depth: order has {show(order)}",
            "order",
            f"each of {', '.join(there)} once",
        )
        return order

    def run(self, ops: Paper, x: Value) -> Value:
        shape, (channels, *axes) = self.on(x), MAPS[len(self.factor) - 1]
        whole = (*x.shape[:2], *(size * factor for size, factor in zip(shape[2:], self.factor, strict=True)))
        x = x if whole == x.shape else ops.pad(x, whole)
        order = self._order(x.shape[1:])
        if order == (channels, *axes) and is_square(self.factor):
            return ops.pixel_unshuffle(x, shape, factor=self.factor[0])
        blocks = " ".join(f"({axis} {axis.lower()})" for axis in axes)
        stacked = " ".join(axis if axis == channels else axis.lower() for axis in order)
        sizes = dict(zip(map(str.lower, axes), self.factor, strict=True))
        last = put_last(len(x.shape), (0,))  # libraries that have an order of their own work on channels that come last
        made = ops.rearrange(ops.permute(x, last), f"{blocks} {channels} -> {' '.join(axes)} ({stacked})", sizes)
        return ops.permute(made, put_back(last))

    def reach(self, input: Shape) -> Window:
        return Sliding(self.factor, self.factor)


class PixelShuffle(Moved, kind="pixel_shuffle"):
    """Channels spread over blocks of neighbouring positions, a larger map: what `space_to_depth` does, undone."""

    source = "Shi et al. 2016 (ESPCN), equation 4"
    accepts = (MAP,)

    factor: Any = field(per_axis(), "size of a block", 2, "F")

    @property
    def pattern(self) -> str:
        pairs = list(zip(MAPS[len(self.factor) - 1][1:], "ijk", strict=False))
        left, right = " ".join(axis for axis, _ in pairs), " ".join(f"({axis} {one})" for axis, one in pairs)
        return f"(C {' '.join(one for _, one in pairs)}) {left} -> C {right}"

    @property
    def sizes(self) -> dict[str, Number]:
        return dict(zip("ijk", self.factor, strict=False))

    def output(self, *inputs: Shape) -> Shape:
        needs_division("pixel_shuffle: channels into blocks", inputs[0][0], product(self.factor), "factor")
        return super().output(*inputs)

    def run(self, ops: Paper, x: Value) -> Value:
        if not is_square(self.factor):
            return super().run(ops, x)
        shuffled: Value = ops.pixel_shuffle(x, self.on(x), factor=self.factor[0])
        return shuffled


INTERPOLATIONS = ("linear", "bilinear", "trilinear", "bicubic")
"""How new elements of a map are made of those around them; on how many axes, the first of them say."""


def needs_mode(kind: str, mode: str, axes: int, other: str) -> None:
    """Refuse an interpolation that is for other than so many spatial axes; `other` is what is for any."""
    fits = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}.get(mode, axes) == axes
    of = "one spatial axis" if axes == 1 else f"{axes} spatial axes"
    needs(
        fits,
        f"{kind}: {mode} does not go with {of}",
        "mode",
        " or ".join(filter(None, (INTERPOLATIONS[axes - 1], other))),
    )


class Upsample(Layer, kind="upsample"):
    """A map enlarged by a whole factor, or brought to a size, each element repeated (nearest) or interpolated."""

    source = "Lin et al. 2017 (FPN), section 3; bilinear: Long, Shelhamer & Darrell 2015, section 3.3"
    accepts = (MAP,)
    forms = ("module", "functional")

    scale: Any = field(per_axis(), "factor along each spatial axis", 2, "S")
    out: Any = field(per_axis(), "size along each spatial axis to come to, in place of a factor", None)
    mode: Any = field(
        choice(("nearest", *INTERPOLATIONS)),
        "how new elements are made; linear, bilinear and trilinear are for one, two and three spatial axes",
        "nearest",
    )

    def output(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        needs_mode(self.kind, self.mode, len(sizes), "nearest")
        if self.out:
            return (channels, *self.out)
        return (channels, *(size * scale for size, scale in zip(sizes, self.scale, strict=True)))

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {f"{self.mode}_elements": elements(output)}

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.interpolate(x, self.on(x), mode=self.mode, scale=() if self.out else self.scale)

    def reach(self, input: Shape) -> Window:
        if self.out:
            return Window(tuple(interpolated(self.mode, *sizes) for sizes in zip(input[1:], self.out, strict=True)))
        return Window(tuple(interpolated(self.mode, 1, scale) for scale in self.scale))
