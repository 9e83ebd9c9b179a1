"""What of its input an output element reads: the part of a layer's formula that its receptive field follows from."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, NamedTuple

from vcalc.arithmetic import Number, Shape, always_equal, certainly_equal, certainly_less
from vcalc.layers.axes import HEADS, MAP, VECTOR, Grid, NamedShape, grid_of, rank


class Reads(NamedTuple):
    """Along one axis: output element j reads the input from `first(j)` to `last(j)`.

    Both grow with j, by block * step / parts on average; with a step of 0 all elements read the same. Symbols may stand
    for any of the numbers.
    """

    low: Number = 0
    high: Number = 0
    step: Number = 1
    parts: Number = 1
    block: Number = 1
    start: Number = 0
    end: Number = 0

    def first(self, j: Number) -> Number:
        """The first input element that output element j reads."""
        return self.block * ((self.step * j + self.low) // self.parts) + self.start

    def last(self, j: Number) -> Number:
        """The last one; one before the first where it reads none."""
        return self.block * ((self.step * j + self.high) // self.parts) + self.end


class Window:
    """What an output element reads along each spatial axis that arrives; None for one of which it reads everything.

    `to` are the axes that leave by which those are read, the same ones where nothing is said. `gives` is how tokens
    that leave lie on a map.
    """

    kernel: Any = None
    """For a window that slides over a map: its size, with stride, padding before and dilation, for each axis."""
    stride: Any = None
    pad: Any = None
    dilation: Any = None

    def __init__(
        self, reads: tuple[Reads | None, ...], gives: Grid | None = None, to: tuple[int, ...] | None = None
    ) -> None:
        self.reads = reads
        self.gives = gives
        self.to = tuple(range(len(reads))) if to is None else to


class Sliding(Window):
    """A window of a kernel's size, `stride` apart, from `pad` before the first element."""

    def __init__(
        self, kernel: Any, stride: Any = None, pad: Any = None, dilation: Any = None, gives: Grid | None = None
    ) -> None:
        ones = (1,) * len(kernel)
        self.kernel, self.stride, self.dilation = kernel, stride or ones, dilation or ones
        self.pad = pad or (0,) * len(kernel)
        sizes = zip(self.kernel, self.stride, self.pad, self.dilation, strict=True)
        super().__init__(tuple(Reads(-pad, apart * (size - 1) - pad, step) for size, step, pad, apart in sizes), gives)


class Front(NamedTuple):
    """Each token reads itself; so many are put before the others, or, below zero, taken away from the front."""

    tokens: Number


EVERYWHERE = Window(())
"""Every output element reads the whole input; tokens that leave as many as they arrive keep their places."""

SPREAD = Window(())
"""Every output element reads the whole input, and places no longer lie as on a map."""

REORDERED = Window(())
"""Every element reads one place, but places no longer lie as on a map."""


def along(input: Shape, axes: Container[int]) -> Window | None:
    """What is read of an input by an element that depends on all that lies along some of its axes."""
    of = rank(input)
    if of == VECTOR:
        return None
    if of == MAP:
        reads = tuple(None if axis in axes else Reads() for axis in range(1, len(input)))
        return Window(reads) if None in reads else None
    unknown = of == HEADS and grid_of(input) is None and any(axis in axes for axis in (1, 2))
    return EVERYWHERE if unknown or len(input) - 2 in axes else None


def lies(reach: Window | Front | None, inputs: tuple[NamedShape, ...], output: Shape) -> Grid | None:
    """How tokens or heads that leave lie on the map that they come from, as far as it is known."""
    if isinstance(reach, Window) and reach is not EVERYWHERE:
        return reach.gives
    if isinstance(reach, Front):
        return _moved(inputs[0].grid, reach.tokens)
    found: Grid | None = None
    for shape in inputs[:1] if reach is EVERYWHERE else inputs:
        if shape.grid is None or not always_equal(shape[-2], output[-2]):
            continue
        if found is not None and not alike(found, shape.grid):
            return None
        found = shape.grid
    return found


def _moved(grid: Grid | None, tokens: Number) -> Grid | None:
    """How tokens lie with more, or fewer, before those that have a place."""
    before = None if grid is None else grid[0] + tokens
    return None if grid is None or certainly_less(before, 0) else (before, *grid[1:])


def alike(a: Grid | None, b: Grid | None) -> bool:
    """Whether tokens are known to lie in the same way."""
    return a is b or (a is not None and b is not None and len(a) == len(b) and all(map(always_equal, a, b)))


def interpolated(mode: str, size: Number, out: Number) -> Reads:
    """What an element reads of `size` elements brought to `out`: the nearest, or those around its centre.

    The centre of element j lies at (j + 1/2) * size / out - 1/2. Bilinear reads the elements on both sides of it, only
    one where it falls on one; bicubic one more on each side.
    """
    if certainly_equal(size, out):
        return Reads()
    if mode == "nearest":
        return Reads(0, 0, size, out)
    around = 2 * out if mode == "bicubic" else 0
    return Reads(size - out - around, size + out - 1 + around, 2 * size, 2 * out)
