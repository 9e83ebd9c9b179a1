"""What elements that a pattern moves read of the places that arrive: the part of it that receptive fields follow from.

Rows and columns are followed each by itself: of a map, or of the map that tokens form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import NamedTuple

from vcalc.arithmetic import Number, Shape, certainly_equal
from vcalc.layers.base import HEADS, MAP, TOKENS, VECTOR, rank
from vcalc.layers.moved import PLACES
from vcalc.layers.windows import BY_TOKEN, EVERYWHERE, REORDERED, Front, Grid, Reads, Window
from vcalc.operators.pattern import Axis, Part, Pattern, Taken, parse

Sized = Mapping[str, Taken]
Parts = tuple[Part, ...]


class _Lines(NamedTuple):
    """The letters that count rows, those that count columns, and the grid of tokens that lie so (None for a map)."""

    rows: Parts
    columns: Parts
    grid: Grid | None


def reach(text: str, sizes: Mapping[str, Number], input: Shape, leaves: int | None) -> Window | Front | None:
    """What an output element reads; None where only its own place."""
    pattern, arrives = parse(text), rank(input)
    if arrives == VECTOR:
        return None
    if leaves in (None, VECTOR):
        return _by_token(pattern, arrives) or EVERYWHERE
    assert leaves is not None
    taken, places = pattern.taken(input, sizes), _places(pattern, arrives, leaves)
    if arrives != MAP and leaves != MAP and places and (by_token := _kept(pattern, arrives, places[0])) is not None:
        return _front(by_token, taken, arrives)
    if arrives == MAP == leaves and all(_stays(pattern, axis) for axis in PLACES[MAP]):
        return None
    window = _through(pattern, taken, arrives, places)
    return window or (EVERYWHERE if _spreads(pattern, arrives, places) else REORDERED)


def _by_token(pattern: Pattern, arrives: int) -> Window | None:
    """One token taken as a vector."""
    (part,) = pattern.left[0].parts if arrives == TOKENS and len(pattern.left[0].parts) == 1 else (None,)
    return REORDERED if part is not None and part.picked else None


def _places(pattern: Pattern, arrives: int, leaves: int) -> tuple[Axis, ...]:
    """The axes that leave along which places lie."""
    axes = PLACES[leaves]
    if leaves == HEADS:
        names = {part.name for axis in PLACES[arrives] for part in pattern.left[axis].parts}
        axes = (1,) if names.intersection(part.name for part in pattern.right[1].parts) else (2,)
    return tuple(pattern.right[axis] for axis in axes)


def _kept(pattern: Pattern, arrives: int, place: Axis) -> Part | None:
    """The letter of all tokens, where it leaves as the tokens, and not behind the features of a head."""
    parts = pattern.left[PLACES[arrives][0]].parts
    alone = len(parts) == 1 and len(place.parts) == 1 and parts[0].name == place.parts[0].name
    return parts[0] if alone and not (len(pattern.right) == MAP and place is pattern.right[2]) else None


def _stays(pattern: Pattern, axis: int) -> bool:
    """Whether all places along an axis stay where they are."""
    here, there = pattern.left[axis].parts, pattern.right[axis].parts
    names = [part.name for part in here]
    return names == [part.name for part in there] and not any(part.cut for part in here)


def _front(part: Part, taken: Sized, arrives: int) -> Window | Front | None:
    if arrives == HEADS:
        return BY_TOKEN if part.cut is None else REORDERED
    return None if part.cut is None else Front(-taken[part.name].first)


def _spreads(pattern: Pattern, arrives: int, places: tuple[Axis, ...]) -> bool:
    """Whether the features of a place that leaves come from several places."""
    arriving = {part.name for axis in PLACES[arrives] for part in pattern.left[axis].parts}
    features = [axis for axis in pattern.right if axis not in places]
    return any(part.name in arriving for axis in features for part in axis.parts)


def _through(pattern: Pattern, taken: Sized, arrives: int, places: tuple[Axis, ...]) -> Window | None:
    """Rows read from rows and columns from columns, in their order; None where they are not."""
    there = {part.name for axis in places for part in axis.parts}
    source = _arriving(pattern, taken, arrives, places)
    if source is None or (len(pattern.right) == MAP and places == (pattern.right[2],)):
        return None
    target = _leaving(taken, places, source)
    if target is None:
        return None
    lines = ((target.rows, source.rows, source.columns), (target.columns, source.columns, source.rows))
    if not all(_in_order(here, from_, other, there) for here, from_, other in lines):
        return None
    return Window(tuple(_along(here, from_, taken) for here, from_, _ in lines), source.grid, target.grid)


def _arriving(pattern: Pattern, taken: Sized, arrives: int, places: tuple[Axis, ...]) -> _Lines | None:
    if arrives == MAP:
        return _Lines(pattern.left[1].parts, pattern.left[2].parts, None)
    parts = pattern.left[PLACES[arrives][0]].parts
    columns = {part.name for part in places[1].parts} if len(places) == 2 else set()
    at = next((i for i, part in enumerate(parts) if part.name in columns), 0)
    if not at:
        return None
    return _Lines(parts[:at], parts[at:], _grid(parts[:at], parts[at:], taken, whole=True))


def _leaving(taken: Sized, places: tuple[Axis, ...], source: _Lines) -> _Lines | None:
    if len(places) == 2:
        return _Lines(places[0].parts, places[1].parts, None)
    columns, parts = {part.name for part in source.columns}, places[0].parts
    at = next((i for i, part in enumerate(parts) if part.name in columns), 0)
    return _Lines(parts[:at], parts[at:], _grid(parts[:at], parts[at:], taken)) if at else None


def _grid(rows: Parts, columns: Parts, taken: Sized, whole: bool = False) -> Grid:
    return (0, _count(rows, taken, whole), _count(columns, taken, whole))


def _count(parts: Iterable[Part], taken: Sized, whole: bool = False) -> Number:
    total: Number = 1
    for part in parts:
        size = taken[part.name].whole if whole else taken[part.name].count
        total = size if certainly_equal(total, 1) else total * size
    return total


def _in_order(here: Parts, source: Parts, other: Parts, there: set[str]) -> bool:
    """Whether the slowest letters of a source's row stay in their order, and all others go into the features."""
    kept = _same(here, source)
    moved = any(part.name in there for part in source[kept:]) or any(part.cut for part in source[1:kept])
    return not moved and not {part.name for part in here} & {part.name for part in other}


def _same(here: Parts, source: Parts) -> int:
    """How many letters two rows begin with in common."""
    pairs = zip(here, source, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].name == pair[1].name, pairs))


def _along(here: Parts, source: Parts, taken: Sized) -> Reads | None:
    """What the places of a row read of those of a source's: None for all of it.

    The letters that went into the features are read together; what comes in behind from elsewhere repeats each place.
    """
    kept = _same(here, source)
    if not kept:
        return None
    inside, behind = source[kept:], here[kept:]
    block, first, last = _block(inside, taken)
    if source[0].cut:
        moved = taken[source[0].name].first * _count(source[1:], taken, whole=True)
        first, last = first + moved, last + moved
    parts = _count(behind, taken)
    if certainly_equal(parts, 1):
        return Reads(first, last, block)
    return Reads(0, 0, 1, parts, block, first, last)


def _block(inside: Parts, taken: Sized) -> tuple[Number, Number, Number]:
    """How many places the letters count that went into the features, and the first and last of them that are read."""
    size: Number = 1
    first: Number = 0
    last: Number = 0
    for part in inside:
        whole, start, count = taken[part.name]
        first, last = first * whole + start, last * whole + start + count - 1
        size = size * whole
    return size, first, last
