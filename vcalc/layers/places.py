"""Where the places of a map or of tokens go when a pattern moves them: what leaves, and what its elements read.

Rows and columns are followed each by itself: of a map, or of the map that tokens form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import NamedTuple

from vcalc.arithmetic import Number, Shape, certainly_equal
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, rank
from vcalc.layers.windows import BY_TOKEN, EVERYWHERE, REORDERED, Front, Grid, Reads, Window
from vcalc.operators.pattern import Axis, Part, Pattern, Taken, parse

Sized = Mapping[str, Taken]
Parts = tuple[Part, ...]


_PLACES = {TOKENS: (0,), VECTOR: (), HEADS: (1,)}


def _along_places(of: str, length: int) -> tuple[int, ...]:
    """The axes along which places lie; features, channels and heads are along the others."""
    return tuple(range(1, length)) if of == MAP else _PLACES[of]


class _Lines(NamedTuple):
    """The letters that count rows, those that count columns, and the grid of tokens that lie so (None for a map)."""

    rows: Parts
    columns: Parts
    grid: Grid | None


def leaves(text: str, input: Shape) -> str | None:
    """Whether a map, tokens, a vector or heads leave; None for what is none of them.

    Two sizes are a map's where one of two arrives and its places leave behind its channels. Three sizes are a map's
    where places lie along the last two, a head's where they lie along one of these: the letters tell, by the axes that
    they arrive in.
    """
    pattern, arrives = parse(text), rank(input)
    roles = _roles(pattern, arrives)
    if len(roles) == 1:
        return VECTOR
    if len(roles) == 2:
        return MAP if arrives == MAP and len(input) == 2 and _fits(roles, "FP") else TOKENS
    if len(roles) > 3:
        return MAP if len(roles) == 4 and _fits(roles, "FPPP") else None
    mixed = sum(len(role) > 1 for role in roles) == 1
    is_map, is_heads = _fits(roles, "FPP"), _fits(roles, "FPF") or _fits(roles, "FFP")
    if arrives == VECTOR or (is_map and not is_heads):
        return MAP
    if is_map and is_heads and arrives != HEADS:
        return None if mixed and arrives == TOKENS else MAP
    if is_heads:
        return HEADS
    if not any("P" in role for role in roles):
        return MAP
    if arrives == TOKENS:  # which may have been transposed: their places are the second size then
        return MAP if _fits(roles, "PFF") else HEADS if _fits(roles, "PFP") else None
    return None


def _roles(pattern: Pattern, arrives: str) -> list[set[str]]:
    """For each axis that leaves, whether its letters are of places (P) or of features (F); nothing for new ones."""
    of = {
        part.name: "P" if axis in _along_places(arrives, len(pattern.left)) else "F"
        for axis, each in enumerate(pattern.left)
        for part in each.parts
    }
    return [{of[part.name] for part in axis.parts if part.name in of} for axis in pattern.right]


def _fits(roles: list[set[str]], wanted: str) -> bool:
    return all(not role or want in role for role, want in zip(roles, wanted, strict=True))


def reach(text: str, sizes: Mapping[str, Number], input: Shape) -> Window | Front | None:
    """What an output element reads; None where only its own place."""
    pattern, arrives = parse(text), rank(input)
    if arrives == VECTOR:
        return None
    leaving = leaves(text, input)
    if leaving is None or leaving == VECTOR:
        return _by_token(pattern, arrives) or EVERYWHERE
    taken, places = pattern.taken(input, sizes), _places(pattern, arrives, leaving)
    if arrives != MAP and leaving != MAP and places and (by_token := _kept(pattern, arrives, places[0])) is not None:
        return _front(by_token, taken, arrives)
    if arrives == MAP == leaving and all(_stays(pattern, axis) for axis in _along_places(MAP, len(input))):
        return None
    window = _through(pattern, taken, arrives, places)
    return window or (EVERYWHERE if _spreads(pattern, arrives, places) else REORDERED)


def _by_token(pattern: Pattern, arrives: str) -> Window | None:
    """One token taken as a vector."""
    (part,) = pattern.left[0].parts if arrives == TOKENS and len(pattern.left[0].parts) == 1 else (None,)
    return REORDERED if part is not None and part.picked else None


def _places(pattern: Pattern, arrives: str, leaving: str) -> tuple[Axis, ...]:
    """The axes that leave along which places lie."""
    axes = _along_places(leaving, len(pattern.right))
    if leaving == HEADS:
        names = {part.name for axis in _along_places(arrives, len(pattern.left)) for part in pattern.left[axis].parts}
        axes = (1,) if names.intersection(part.name for part in pattern.right[1].parts) else (2,)
    return tuple(pattern.right[axis] for axis in axes)


def _kept(pattern: Pattern, arrives: str, place: Axis) -> Part | None:
    """The letter of all tokens, where it leaves as the tokens, and not behind the features of a head."""
    parts = pattern.left[_along_places(arrives, len(pattern.left))[0]].parts
    alone = len(parts) == 1 and len(place.parts) == 1 and parts[0].name == place.parts[0].name
    return parts[0] if alone and not (len(pattern.right) == 3 and place is pattern.right[2]) else None


def _stays(pattern: Pattern, axis: int) -> bool:
    """Whether all places along an axis stay where they are."""
    here, there = pattern.left[axis].parts, pattern.right[axis].parts
    names = [part.name for part in here]
    return names == [part.name for part in there] and not any(part.cut for part in here)


def _front(part: Part, taken: Sized, arrives: str) -> Window | Front | None:
    if arrives == HEADS:
        return BY_TOKEN if part.cut is None else REORDERED
    return None if part.cut is None else Front(-taken[part.name].first)


def _spreads(pattern: Pattern, arrives: str, places: tuple[Axis, ...]) -> bool:
    """Whether the features of a place that leaves come from several places."""
    arriving = {part.name for axis in _along_places(arrives, len(pattern.left)) for part in pattern.left[axis].parts}
    features = [axis for axis in pattern.right if axis not in places]
    return any(part.name in arriving for axis in features for part in axis.parts)


def _through(pattern: Pattern, taken: Sized, arrives: str, places: tuple[Axis, ...]) -> Window | None:
    """Rows read from rows and columns from columns, in their order; None where they are not."""
    there = {part.name for axis in places for part in axis.parts}
    source = _arriving(pattern, taken, arrives, places)
    if source is None or (len(pattern.right) == 3 and places == (pattern.right[2],)):
        return None
    target = _leaving(taken, places, source)
    if target is None:
        return None
    lines = ((target.rows, source.rows, source.columns), (target.columns, source.columns, source.rows))
    if not all(_in_order(here, from_, other, there) for here, from_, other in lines):
        return None
    return Window(tuple(_along(here, from_, taken) for here, from_, _ in lines), source.grid, target.grid)


def _arriving(pattern: Pattern, taken: Sized, arrives: str, places: tuple[Axis, ...]) -> _Lines | None:
    if arrives == MAP:
        return _Lines(pattern.left[1].parts, pattern.left[2].parts, None)
    parts = pattern.left[_along_places(arrives, len(pattern.left))[0]].parts
    columns = {part.name for part in places[1].parts} if len(places) == 2 else set()
    return _on_grid(parts, columns, taken, whole=True)


def _leaving(taken: Sized, places: tuple[Axis, ...], source: _Lines) -> _Lines | None:
    if len(places) == 2:
        return _Lines(places[0].parts, places[1].parts, None)
    return _on_grid(places[0].parts, {part.name for part in source.columns}, taken)


def _on_grid(parts: Parts, columns: set[str], taken: Sized, whole: bool = False) -> _Lines | None:
    """Tokens whose letters count rows up to the first that counts columns; None where none counts rows."""
    at = next((i for i, part in enumerate(parts) if part.name in columns), 0)
    if not at:
        return None
    rows, others = parts[:at], parts[at:]
    return _Lines(rows, others, (0, _count(rows, taken, whole), _count(others, taken, whole)))


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
