"""What of its input an output element reads: the part of a layer's formula that its receptive field follows from."""

from __future__ import annotations

from typing import Any, NamedTuple

from vcalc.arithmetic import Number, certainly_equal

Grid = tuple[Number, Number, Number]
"""How tokens lie on a map: how many at the front have no place on it, its rows, its columns."""


class Reads(NamedTuple):
    """Along one axis: output element j reads the input from `first(j)` to `last(j)`.

    Both grow with j, by block * step / parts on average. Symbols may stand for any of the numbers.
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
    """What an output element reads along H and W; None for an axis of which it reads everything.

    `takes` is the grid that arriving tokens have to form, None for a map; `gives` the grid that leaving ones form.
    """

    kernel: Any = None
    """For a window that slides over a map: its size along each axis, with stride, padding before and dilation."""
    stride: Any = ()
    pad: Any = ()
    dilation: Any = ()

    def __init__(self, reads: tuple[Reads | None, ...], takes: Grid | None = None, gives: Grid | None = None) -> None:
        self.reads = reads
        self.takes = takes
        self.gives = gives


class Sliding(Window):
    """A window of a kernel's size, `stride` apart, from `pad` before the first element."""

    def __init__(
        self,
        kernel: Any,
        stride: Any = (),
        pad: Any = (),
        dilation: Any = (),
        takes: Grid | None = None,
        gives: Grid | None = None,
    ) -> None:
        ones = (1,) * len(kernel)
        self.kernel, self.stride, self.dilation = kernel, stride or ones, dilation or ones
        self.pad = pad or (0,) * len(kernel)
        each = zip(self.kernel, self.stride, self.pad, self.dilation, strict=True)
        reads = (Reads(-pad, dilation * (kernel - 1) - pad, stride) for kernel, stride, pad, dilation in each)
        super().__init__(tuple(reads), takes, gives)


class Front(NamedTuple):
    """Each token reads itself; so many are put before the others, or, below zero, taken away from the front."""

    tokens: Number


EVERYWHERE = Window((None, None))
"""Every output element reads the whole input."""

ALONG_LAST = Window((Reads(), None))
"""Every element of a map reads its row; of tokens, which have their features last, only its own token."""

BY_TOKEN = Window((None, None))
"""Every token reads only itself, as far as it is known where tokens lie; else everything."""

REORDERED = Window((Reads(), Reads()))
"""Every element reads one place, but places no longer lie as on a map."""


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
