"""How a tensor lies in memory: the strides of its axes, and when another reading of it needs no copy."""

from __future__ import annotations

from math import prod

from vcalc.arithmetic import Shape

Sizes = tuple[int, ...]


def contiguous(shape: Sizes) -> Sizes:
    """The strides of a tensor whose last axis is dense."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def is_contiguous(shape: Sizes, strides: Sizes, wanted: Sizes | None = None) -> bool:
    """Whether the elements lie in their order, or as wanted; the stride of a size of 1 has no meaning."""
    pairs = zip(shape, strides, wanted or contiguous(shape), strict=True)
    return all(size == 1 or stride == expected for size, stride, expected in pairs)


def is_dense(shape: Sizes, strides: Sizes) -> bool:
    """Whether the elements lie side by side, in whatever order of axes."""
    step = 1
    for stride, size in sorted((stride, size) for stride, size in zip(strides, shape, strict=True) if size != 1):
        if stride != step:
            return False
        step *= size
    return True


def in_order_of(shape: Sizes, strides: Sizes) -> Sizes:
    """Dense strides that keep an order of axes, as an element-wise operator keeps that of what it reads."""
    order = sorted(range(len(shape)), key=lambda axis: (-strides[axis], axis))
    found, step = [0] * len(shape), 1
    for axis in reversed(order):
        found[axis] = step
        step *= shape[axis]
    return tuple(found)


def in_order_of_all(shape: Sizes, given: list[tuple[Sizes, Sizes]]) -> Sizes:
    """Dense strides of what an element-wise operator makes of tensors none of which has the whole shape.

    Of two axes those go faster that the first tensor to tell steps over less; what is repeated along one tells nothing.
    """
    told = []
    for sizes, strides in given:
        lacking = len(shape) - len(sizes)
        pairs = zip(sizes, strides, shape[lacking:], strict=True)
        told.append((0,) * lacking + tuple(0 if size == 1 != whole else step for size, step, whole in pairs))
    order = list(range(len(shape) - 1, -1, -1))  # the fastest axis first
    for last in range(1, len(order)):
        at = last
        for before in range(last - 1, -1, -1):
            slower = _slower(shape, told, order[before], order[at])
            if slower is False:
                break
            if slower:
                order[before], order[at] = order[at], order[before]
                at = before
    found, step = [0] * len(shape), 1
    for axis in order:
        found[axis] = step
        step *= shape[axis]
    return tuple(found)


def _slower(shape: Sizes, told: list[Sizes], one: int, other: int) -> bool | None:
    """Whether an axis goes slower than another; None where no tensor tells."""
    for strides in told:
        if strides[one] and strides[other]:
            if strides[one] != strides[other]:
                return strides[one] > strides[other]
            if shape[one] > shape[other]:
                return True
    return None


def channels_last(shape: Sizes) -> Sizes:
    """The strides of a map with a batch in front whose channels lie side by side."""
    batch, *places, channels = contiguous((shape[0], *shape[2:], shape[1]))
    return (batch, channels, *places)


def looks_channels_last(shape: Sizes, strides: Sizes) -> bool:
    """Whether no axis of a map steps over less than the ones after it do, channels last, then columns and rows.

    What may lie either way does not look so.
    """
    least = 0
    for axis in (1, *range(len(shape) - 1, 1, -1), 0):
        if strides[axis] < least or strides[1] == 0 or (axis == 0 and least == strides[1]):
            return False
        least = strides[axis] * shape[axis]
    return True


def viewed(shape: Sizes, strides: Sizes, new: Sizes) -> Sizes | None:
    """The strides under which the same elements are read in another shape; None where they have to be copied.

    Neighbouring axes can be merged where one steps over the whole of the next, and any axis can be split.
    """
    found = [0] * len(new)
    at, base, old_size, new_size = len(new) - 1, strides[-1] if strides else 1, 1, 1
    for axis in range(len(shape) - 1, -1, -1):
        old_size *= shape[axis]
        if axis and (shape[axis - 1] == 1 or strides[axis - 1] == old_size * base):
            continue
        while at >= 0 and (new_size < old_size or new[at] == 1):
            found[at] = new_size * base
            new_size *= new[at]
            at -= 1
        if new_size != old_size:
            return None
        base, old_size, new_size = strides[axis - 1], 1, 1
    return tuple(found) if at < 0 else None


def broadcast(*shapes: Shape) -> Shape:
    """The shape that several give together, each axis of 1 repeated. A size that is no int is not taken for 1."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(
        next((size for size in sizes if type(size) is not int or size != 1), 1) for sizes in zip(*padded, strict=True)
    )


def size_of(shape: Sizes) -> int:
    """How many elements a shape holds."""
    return prod(shape)
