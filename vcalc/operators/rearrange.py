"""How torch rearranges: a pattern as a row of its own operators.

Letters that stay neighbours move as one. What several axes hold is merged before they move where they lie so, and an
axis is split after it has moved where all its parts stay together: as a person would write it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from vcalc.operators.axes import Flatten, Index, Move, Permute, Repeat, Squeeze, Unflatten, Unit
from vcalc.operators.layout import size_of
from vcalc.operators.paper import Operator
from vcalc.operators.pattern import Pattern, parse

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class _Planner:
    """From a pattern to the moves. `axes` are the units of each axis that there is now, batch left out."""

    def __init__(self, pattern: Pattern) -> None:
        self.moves: list[Move] = []
        self.axes, self.leaving = _units(pattern)
        self.merge()
        after = self.splits_after()
        self.split(after)
        self.take()
        self.move(after)
        self.join(after)

    def merge(self) -> None:
        """Flatten whole axes in a row that leave as one, side by side."""
        first = 0
        while first < len(self.axes):
            last = first
            while last + 1 < len(self.axes) and self._neighbours(last):
                last += 1
            if last > first:
                self.moves.append(Flatten(first + 1, last + 1))
                merged = self._merged([units[0] for units in self.axes[first : last + 1]])
                self.axes[first : last + 1] = [[merged]]
            first += 1

    def _neighbours(self, axis: int) -> bool:
        """Whether an axis and the next are one unit each, and follow one another in one axis that leaves."""
        here, there = self.axes[axis], self.axes[axis + 1]
        if len(here) != 1 or len(there) != 1 or here[0].cut or there[0].cut:
            return False
        return any(pair == (here[0], there[0]) for units in self.leaving for pair in pairwise(units))

    def _merged(self, units: list[Unit]) -> Unit:
        names = tuple(name for unit in units for name in unit.names)
        merged = units[0]._replace(names=names, part=None)
        for leaving in self.leaving:
            if units[0] in leaving:
                at = leaving.index(units[0])
                leaving[at : at + len(units)] = [merged]
        return merged

    def splits_after(self) -> dict[int, tuple[Unit, ...]]:
        """By the number of the first axis that they leave as, the parts of an axis that stay together as axes."""
        found = {}
        singles = [units[0] if len(units) == 1 else None for units in self.leaving]
        for units in self.axes:
            if len(units) < 2 or any(unit.cut for unit in units) or units[0] not in singles:
                continue
            at = singles.index(units[0])
            if singles[at : at + len(units)] == units:
                found[at] = tuple(units)
        return found

    def split(self, after: dict[int, tuple[Unit, ...]]) -> None:
        """Split the other axes that have parts, and leave out those of one place."""
        for axis in range(len(self.axes) - 1, -1, -1):
            units = self.axes[axis]
            if len(units) > 1 and tuple(units) not in after.values():
                self.moves.append(Unflatten(axis + 1, tuple(units)))
                self.axes[axis : axis + 1] = [[unit] for unit in units]
        single = tuple(axis + 1 for axis, units in enumerate(self.axes) if not units)
        if single:
            self.moves.append(Squeeze(single))
            self.axes = [units for units in self.axes if units]

    def take(self) -> None:
        """Take the parts of axes that are taken."""
        if any(units[0].cut for units in self.axes):
            self.moves.append(Index(tuple(units[0] if units[0].cut else None for units in self.axes)))
            self.axes = [units for units in self.axes if not units[0].picked]

    def move(self, after: dict[int, tuple[Unit, ...]]) -> None:
        """Bring the axes in their order, and put in new ones."""
        skipped = {at + i for at, units in after.items() for i in range(1, len(units))}
        rows = [units or [Unit(())] for at, units in enumerate(self.leaving) if at not in skipped]
        kept = [unit for units in rows for unit in units if unit.axis >= 0]
        order = tuple(next(axis for axis, units in enumerate(self.axes) if units[0] == unit) for unit in kept)
        if order != tuple(range(len(order))):
            self.moves.append(Permute((0, *(axis + 1 for axis in order))))
        new = [unit if unit.axis < 0 else None for units in rows for unit in units]
        if any(new):
            self.moves.append(Repeat(tuple(new)))

    def join(self, after: dict[int, tuple[Unit, ...]]) -> None:
        """Merge what leaves as one axis, and split what stayed together."""
        rows = []
        for at, units in enumerate(self.leaving):
            if not any(first < at < first + len(parts) for first, parts in after.items()):
                rows.append((max(len(units), 1), after.get(at)))
        axis = sum(count for count, _ in rows)
        for count, parts in reversed(rows):
            axis -= count
            if count > 1:
                self.moves.append(Flatten(axis + 1, axis + count))
            if parts:
                self.moves.append(Unflatten(axis + 1, parts))


def _units(pattern: Pattern) -> tuple[list[list[Unit]], list[list[Unit]]]:
    """The units of each axis that arrives and that leaves; letters side by side on both sides are one."""
    after = {one.name: other.name for axis in pattern.right for one, other in pairwise(axis.parts)}
    axes, of, place = [], {}, 0
    for number, axis in enumerate(pattern.left):
        units: list[Unit] = []
        for part in axis.parts:
            last = units[-1] if units else None
            if last and not last.cut and not part.cut and after.get(last.names[-1]) == part.name:
                units[-1] = last._replace(names=(*last.names, part.name))
            else:
                units.append(Unit((part.name,), number, place, part if part.cut else None))
            place += 1
        axes.append(units)
        of.update({unit.names[0]: unit for unit in units})
    inside = {name for unit in of.values() for name in unit.names[1:]}
    leaving = [
        [of.get(part.name) or Unit((part.name,)) for part in axis.parts if part.name not in inside]
        for axis in pattern.right
    ]
    return axes, leaving


@lru_cache(maxsize=1024)
def moves(text: str) -> tuple[Move, ...]:
    """The operators that a pattern comes to, in their order; none, where it changes nothing."""
    return tuple(_Planner(parse(text)).moves)


@lru_cache(maxsize=1024)
def copies(text: str) -> bool:
    """Whether the elements of a tensor that lies in their order have to be copied, whatever the sizes.

    An axis that leaves is a view where its parts followed one another, and only the slowest of them was cut.
    """
    pattern = parse(text)
    _, leaving = _units(pattern)
    front = [unit for units in leaving[: pattern.front[1]] for unit in units]
    if front and front[0].place != 0:
        return True  # one axis with the batch
    leaving = [front, *leaving[pattern.front[1] :]]
    pairs = [pair for units in leaving for pair in pairwise(units)]
    return any(one.axis < 0 or other.cut or other.place != one.place + len(one.names) for one, other in pairs)


class Rearrange(Operator, name="rearrange"):
    """Elements in another order and shape, some of them perhaps left out, all of them perhaps repeated."""

    composed = True

    def forward(
        self, paper: Paper, x: Value, pattern: str, sizes: Mapping[str, int], front: tuple[int, ...] = ()
    ) -> Value:
        """`front` are the sizes of the arriving axes before the bar, which are one axis with the batch."""
        parsed = parse(pattern)
        if front:
            x = paper.reshape(x, (x.shape[0] // size_of(front), *front, *x.shape[1:]))
        taken = parsed.taken(x.shape[1:], sizes)
        for move in moves(pattern):
            for name, fields in move.calls(x.shape, taken):
                x = getattr(paper, name)(x, **fields)
        leaving = parsed.front[1] + 1
        return paper.reshape(x, (size_of(x.shape[:leaving]), *x.shape[leaving:])) if leaving > 1 else x
