"""The operators of torch that split, merge, order, take and repeat axes.

Axes are numbered as torch does, the batch being the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vcalc.operators.layout import Sizes, size_of
from vcalc.operators.pattern import Part, Taken

Sized = Mapping[str, Taken]
Call = tuple[str, dict[str, Any]]
"""An operator's name and how it is called."""


class Unit(NamedTuple):
    """Letters that move as one axis, and where they stood: the number of their axis, and of the first letter in all.

    Numbers that only leave, and letters that do, have stood nowhere: -1.
    """

    names: tuple[str, ...]
    axis: int = -1
    place: int = -1
    part: Part | None = None

    @property
    def cut(self) -> bool:
        return self.part is not None and self.part.cut is not None

    @property
    def picked(self) -> bool:
        return self.part is not None and self.part.picked

    def size(self, taken: Sized, whole: bool = False) -> int:
        """Places on the axis, before any are left out (`whole`) or after."""
        return size_of(tuple(taken[name].whole if whole else taken[name].count for name in self.names))


class Flatten(NamedTuple):
    """Neighbouring axes made one."""

    first: int
    last: int

    def calls(self, shape: Sizes, taken: Sized) -> list[Call]:
        before, merged, after = shape[: self.first], shape[self.first : self.last + 1], shape[self.last + 1 :]
        return [("reshape", {"shape": (*before, size_of(merged), *after)})]


class Unflatten(NamedTuple):
    """An axis split into several; a size that follows from the others is written -1."""

    axis: int
    units: tuple[Unit, ...]

    def calls(self, shape: Sizes, taken: Sized) -> list[Call]:
        sizes = [unit.size(taken, True) for unit in self.units]
        return [("reshape", {"shape": (*shape[: self.axis], *sizes, *shape[self.axis + 1 :])})]


class Squeeze(NamedTuple):
    """Axes of one place left out."""

    axes: tuple[int, ...]

    def calls(self, shape: Sizes, taken: Sized) -> list[Call]:
        return [("reshape", {"shape": tuple(size for axis, size in enumerate(shape) if axis not in self.axes)})]


class Index(NamedTuple):
    """Some places of axes taken, or one, which then are none."""

    units: tuple[Unit | None, ...]
    """For each axis after the batch."""

    def calls(self, shape: Sizes, taken: Sized) -> list[Call]:
        found: list[Call] = []
        axis = 1
        for unit, size in zip(self.units, shape[1:], strict=True):
            _, first, count = taken[unit.names[0]] if unit is not None else (size, 0, size)
            if unit is not None and unit.picked:
                found.append(("select", {"axis": axis, "place": first}))
                continue
            if count != size:
                found.append(("slice", {"axis": axis, "count": count, "start": first}))
            axis += 1
        return found


class Permute(NamedTuple):
    """Axes in another order."""

    order: tuple[int, ...]

    def calls(self, shape: Sizes, taken: Sized) -> list[Call]:
        return [("permute", {"axes": self.order})]


class Repeat(NamedTuple):
    """New axes, of one place or with all repeated so often."""

    units: tuple[Unit | None, ...]
    """For each axis after the batch the unit where it is new; one without letters has one place."""

    def calls(self, shape: Sizes, taken: Sized) -> list[Call]:
        old = iter(shape[1:])
        single = (shape[0], *[next(old) if unit is None else 1 for unit in self.units])
        new = [1, *[1 if unit is None else unit.size(taken) for unit in self.units]]
        wide = tuple(size * times for size, times in zip(single, new, strict=True))
        return [("reshape", {"shape": single}), *([("expand", {"shape": wide})] if wide != single else [])]


Move = Flatten | Unflatten | Squeeze | Index | Permute | Repeat
"""One of them."""
