"""A map cut or padded at its centre to other sizes: an odd place that goes, or comes, does so at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vcalc.arithmetic import Number, Shape, maximum, minimum
from vcalc.layers.windows import Sliding

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value

CROP, PAD = "crop", "pad"


def common_sizes(fit: str, shapes: tuple[Shape, ...]) -> tuple[Number, ...]:
    """What maps are brought to along each spatial axis: the smallest of them, or the largest."""
    found, *others = (tuple(shape[1:]) for shape in shapes)
    for sizes in others:
        found = tuple(map(minimum if fit == CROP else maximum, found, sizes))
    return found


def offsets(fit: str, sizes: Shape, to: Shape) -> tuple[Number, ...]:
    """Along each axis, the first place that stays, or how many are put before the first."""
    pairs = zip(sizes, to, strict=True)
    return tuple((size - wanted if fit == CROP else wanted - size) // 2 for size, wanted in pairs)


def cut(ops: Paper, x: Value, starts: Shape, to: Shape) -> Value:
    """The part of a map with a batch in front that begins at such places."""
    for axis, (size, start, wanted) in enumerate(zip(x.shape[2:], starts, to, strict=True), 2):
        if size != wanted:
            x = ops.slice(x, axis=axis, count=wanted, start=start)
    return x


def fitted(ops: Paper, fit: str, x: Value, to: Shape) -> Value:
    """A map with a batch in front, brought to such sizes."""
    if fit == CROP:
        return cut(ops, x, offsets(fit, x.shape[2:], to), to)
    shape = (*x.shape[:2], *to)
    return x if x.shape == shape else ops.pad(x, shape, before=(0, *offsets(fit, x.shape[2:], to)))


def moved(fit: str, starts: Shape) -> Sliding:
    """What its elements read: each the one in its own place."""
    return Sliding((1,) * len(starts), pad=tuple(-start if fit == CROP else start for start in starts))
