"""The operators of torch that split, merge, order, take and repeat axes: each on paper and as text.

Axes are numbered as torch does, the batch being the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from vcalc.operators.layout import size_of
from vcalc.operators.pattern import Part, Taken

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value

Sized = Mapping[str, Taken]


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

    def rank(self, rank: int) -> int:
        return rank - (self.last - self.first)

    def text(self, taken: Sized, given: frozenset[str], rank: int) -> str:
        return f".flatten({self.first}{f', {self.last}' if self.last != rank - 1 else ''})"

    def run(self, ops: Paper, x: Value, taken: Sized) -> Value:
        before, merged, after = x.shape[: self.first], x.shape[self.first : self.last + 1], x.shape[self.last + 1 :]
        return ops.reshape(x, (*before, size_of(merged), *after))


class Unflatten(NamedTuple):
    """An axis split into several; a size that follows from the others is written -1."""

    axis: int
    units: tuple[Unit, ...]

    def rank(self, rank: int) -> int:
        return rank + len(self.units) - 1

    def text(self, taken: Sized, given: frozenset[str], rank: int) -> str:
        follows = next((unit for unit in self.units if not given.issuperset(unit.names)), None)
        sizes = ["-1" if unit is follows else str(unit.size(taken, True)) for unit in self.units]
        return f".unflatten({self.axis}, ({', '.join(sizes)}))"

    def run(self, ops: Paper, x: Value, taken: Sized) -> Value:
        sizes = [unit.size(taken, True) for unit in self.units]
        return ops.reshape(x, (*x.shape[: self.axis], *sizes, *x.shape[self.axis + 1 :]))


class Squeeze(NamedTuple):
    """Axes of one place left out."""

    axes: tuple[int, ...]

    def rank(self, rank: int) -> int:
        return rank - len(self.axes)

    def text(self, taken: Sized, given: frozenset[str], rank: int) -> str:
        return f".squeeze({self.axes[0] if len(self.axes) == 1 else self.axes})"

    def run(self, ops: Paper, x: Value, taken: Sized) -> Value:
        return ops.reshape(x, tuple(size for axis, size in enumerate(x.shape) if axis not in self.axes))


class Index(NamedTuple):
    """Some places of axes taken, or one, which then are none."""

    units: tuple[Unit | None, ...]
    """For each axis after the batch."""

    def rank(self, rank: int) -> int:
        return rank - sum(unit is not None and unit.picked for unit in self.units)

    def text(self, taken: Sized, given: frozenset[str], rank: int) -> str:
        places = [":", *("" if unit is None else self._places(unit, taken) for unit in self.units)]
        while not places[-1]:
            places.pop()
        return f"[{', '.join(place or ':' for place in places)}]"

    @staticmethod
    def _places(unit: Unit, taken: Sized) -> str:
        whole, first, count = taken[unit.names[0]]
        if unit.picked:
            return str(first)
        return f"{first or ''}:{first + count if first + count != whole else ''}"

    def run(self, ops: Paper, x: Value, taken: Sized) -> Value:
        axis = 1
        for unit in self.units:
            if unit is not None and unit.picked:
                x = ops.select(x, axis=axis)
                continue
            if unit is not None and taken[unit.names[0]].count != x.shape[axis]:
                x = ops.slice(x, axis=axis, count=taken[unit.names[0]].count)
            axis += 1
        return x


class Permute(NamedTuple):
    """Axes in another order."""

    order: tuple[int, ...]

    def rank(self, rank: int) -> int:
        return rank

    def text(self, taken: Sized, given: frozenset[str], rank: int) -> str:
        moved = [axis for axis, from_ in enumerate(self.order) if axis != from_]
        if len(moved) == 2:
            return f".transpose({moved[0]}, {moved[1]})"
        return f".permute({', '.join(map(str, self.order))})"

    def run(self, ops: Paper, x: Value, taken: Sized) -> Value:
        return ops.permute(x, self.order)


class Repeat(NamedTuple):
    """New axes, of one place or with all repeated so often."""

    units: tuple[Unit | None, ...]
    """For each axis after the batch the unit where it is new; one without letters has one place."""

    def rank(self, rank: int) -> int:
        return len(self.units) + 1

    def text(self, taken: Sized, given: frozenset[str], rank: int) -> str:
        new = [":", *(":" if unit is None else "None" for unit in self.units)]
        while new[-1] == ":":
            new.pop()
        sizes = [-1, *(-1 if unit is None else unit.size(taken) for unit in self.units)]
        expanded = all(size in (1, -1) for size in sizes)
        return f"[{', '.join(new)}]" + ("" if expanded else f".expand({', '.join(map(str, sizes))})")

    def run(self, ops: Paper, x: Value, taken: Sized) -> Value:
        old = iter(x.shape[1:])
        single = (x.shape[0], *[next(old) if unit is None else 1 for unit in self.units])
        new = [1, *[1 if unit is None else unit.size(taken) for unit in self.units]]
        shape = tuple(size * times for size, times in zip(single, new, strict=True))
        x = ops.reshape(x, single)
        return x if shape == single else ops.expand(x, shape)


Move = Flatten | Unflatten | Squeeze | Index | Permute | Repeat
"""One of them."""
