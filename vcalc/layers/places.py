"""Where the places of a map or of tokens go when a pattern moves them: what leaves, and what its elements read.

Each spatial axis is followed by itself: of a map, or of the map that tokens come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile

from vcalc.arithmetic import Number, Shape, always_equal
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, grid_of, rank
from vcalc.layers.windows import REORDERED, SPREAD, Front, Reads, Window
from vcalc.operators.pattern import Axis, Part, Pattern, Taken, parse

Sized = Mapping[str, Taken]
Parts = tuple[Part, ...]


_PLACES = {TOKENS: (0,), VECTOR: (), HEADS: (1,)}


def _along_places(of: str, length: int) -> tuple[int, ...]:
    """The axes along which places lie; features, channels and heads are along the others."""
    return tuple(range(1, length)) if of == MAP else _PLACES[of]


def leaves(text: str, input: Shape) -> str | None:
    """Whether a map, tokens, a vector or heads leave; None for what is none of them.

    Two sizes are a sequence's where places leave behind features that no tokens have, those of one axis; of tokens only
    where they are called C and L. Three sizes
    are a map's where places lie along the last two, a head's where they lie along one of these: the letters tell, by
    the axes that they arrive in.
    """
    pattern, arrives = parse(text), rank(input)
    roles = _roles(pattern, arrives)
    if len(roles) == 1:
        return VECTOR
    if len(roles) == 2:
        if arrives == TOKENS and [part.name for axis in pattern.right for part in axis.parts] == ["C", "L"]:
            return MAP if _fits(roles, "FP") else TOKENS
        return MAP if arrives in (MAP, VECTOR) and _fits(roles, "FP") and _of_one_line(pattern, arrives) else TOKENS
    if len(roles) > 3:
        places_last = _fits(roles, "FPPP") or not any("P" in role for role in roles)
        return MAP if len(roles) == 4 and places_last else None
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
    """For each axis that leaves, whether its letters are of places (P) or of features (F); nothing for new ones.

    What stands in front, on either side, is of places; so is an L of a vector, which has no axis that tells.
    """
    left, right = pattern.inner
    of = {part.name: "P" for each in pattern.left[: pattern.front[0]] for part in each.parts}
    of |= {
        part.name: "P" if axis in _along_places(arrives, len(left)) or (arrives == VECTOR and part.name == "L") else "F"
        for axis, each in enumerate(left)
        for part in each.parts
    }
    return [{of[part.name] for part in axis.parts if part.name in of} for axis in right]


def _of_one_line(pattern: Pattern, arrives: str) -> bool:
    """Whether the places along the last axis that leaves lay along one."""
    left, last = pattern.inner[0], pattern.right[-1].parts
    lines = (*pattern.left[: pattern.front[0]], *(left[axis] for axis in _along_places(arrives, len(left))))
    return sum(_share(line.parts, last) for line in lines) <= 1


def _fits(roles: list[set[str]], wanted: str) -> bool:
    return all(not role or want in role for role, want in zip(roles, wanted, strict=True))


def reach(text: str, sizes: Mapping[str, Number], input: Shape, leaving: str) -> Window | Front | None:
    """What an output element reads; None where only its own place."""
    pattern, arrives = parse(text), rank(input)
    if "|" in text:
        return REORDERED
    if arrives == VECTOR:
        return None
    if leaving == VECTOR:
        return _by_token(pattern, arrives) or SPREAD
    taken, places = pattern.taken(input, sizes), _places(pattern, arrives, leaving)
    if arrives != MAP and leaving != MAP and (part := _kept(pattern, arrives, places[0])) is not None:
        if arrives == HEADS and grid_of(input) is None:
            return SPREAD if part.cut is None else REORDERED
        return None if part.cut is None else Front(-taken[part.name].first)
    if arrives == MAP == leaving and _stay(pattern):
        return None
    window = _through(pattern, taken, input, places, leaving)
    return window or (SPREAD if _spreads(pattern, arrives, places) else REORDERED)


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


def _stay(pattern: Pattern) -> bool:
    """Whether all places of a map stay where they are."""
    sides = zip(pattern.left[1:], pattern.right[1:], strict=False)
    alike = all([part.name for part in here.parts] == [part.name for part in there.parts] for here, there in sides)
    cut = any(part.cut for axis in pattern.left[1:] for part in axis.parts)
    return alike and not cut and len(pattern.left) == len(pattern.right)


def _spreads(pattern: Pattern, arrives: str, places: tuple[Axis, ...]) -> bool:
    """Whether the features of a place that leaves come from several places."""
    arriving = {part.name for axis in _along_places(arrives, len(pattern.left)) for part in pattern.left[axis].parts}
    features = [axis for axis in pattern.right if axis not in places]
    return any(part.name in arriving for axis in features for part in axis.parts)


def _through(pattern: Pattern, taken: Sized, input: Shape, places: tuple[Axis, ...], of: str) -> Window | None:
    """Each line of places that arrives read by one that leaves, in its order; None where they are not."""
    source = _arriving(pattern, taken, input)
    if source is None or (len(pattern.right) == 3 and places == (pattern.right[2],)):
        return None
    there = [axis.parts for axis in places]
    target = there if of == MAP else _grouped(there[0], source)
    if not target or any(_are_mixed(line, source) for line in target):
        return None
    leaving = {part.name for line in target for part in line}
    reads, to = [], []
    for line in source:
        readers = [j for j, other in enumerate(target) if _share(line, other)]
        if len(readers) > 1 or (readers and not _in_order(target[readers[0]], line, leaving)):
            return None
        to.append(readers[0] if readers else 0)
        reads.append(_along(target[readers[0]], line, taken) if readers else _fixed(line, taken))
    gives = None if of == MAP else (0, *(_count(line, taken) for line in target))
    return Window(tuple(reads), gives, tuple(to))


def _arriving(pattern: Pattern, taken: Sized, input: Shape) -> list[Parts] | None:
    """The letters that count places along each spatial axis, of a map or of one that tokens fill; None if unknown."""
    of, grid = rank(input), grid_of(input)
    along = [pattern.left[axis].parts for axis in _along_places(of, len(input))]
    if of == MAP:
        return along
    if grid is None or not always_equal(grid[0], 0):
        return None
    lines, rest = [], list(along[0])
    for size in grid[1:]:
        line = rest[:1]
        while line and not always_equal(_count(line, taken, whole=True), size):
            line = rest[: len(line) + 1] if len(line) < len(rest) else []
        if not line:
            return None
        del rest[: len(line)]
        lines.append(tuple(line))
    return None if rest else lines


def _grouped(parts: Parts, source: list[Parts]) -> list[Parts]:
    """The letters of tokens that leave by the lines they come from; what repeats places belongs to those before it."""
    groups: list[list[Part]] = []
    before = -1
    for part in parts:
        line = next((k for k, letters in enumerate(source) if _share(letters, (part,))), before)
        if groups and (line == before or before < 0):
            groups[-1].append(part)
        else:
            groups.append([part])
        before = line
    return list(map(tuple, groups))


def _share(one: Parts, other: Parts) -> bool:
    return not {part.name for part in one}.isdisjoint(part.name for part in other)


def _are_mixed(line: Parts, source: list[Parts]) -> bool:
    """Whether a line that leaves has letters of several that arrive."""
    return sum(_share(line, other) for other in source) > 1


def _in_order(here: Parts, source: Parts, leaving: set[str]) -> bool:
    """Whether the slowest letters of a source's line stay in their order, and all others go into the features."""
    kept = _same(here, source)
    return not any(part.name in leaving for part in source[kept:]) and not any(part.cut for part in source[1:kept])


def _same(here: Parts, source: Parts) -> int:
    """How many letters two lines begin with in common."""
    pairs = zip(here, source, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].name == pair[1].name, pairs))


def _fixed(source: Parts, taken: Sized) -> Reads | None:
    """What all places read of a line whose letters have gone into the features: None for all of it."""
    if not any(part.cut for part in source) and not always_equal(_count(source, taken), 1):
        return None
    _, first, last = _block(source, taken)
    return Reads(first, last, 0)


def _along(here: Parts, source: Parts, taken: Sized) -> Reads:
    """What the places of a line read of those of a source's.

    The letters that went into the features are read together; what comes in behind from elsewhere repeats each place.
    """
    kept = _same(here, source)
    inside, behind = source[kept:], here[kept:]
    block, first, last = _block(inside, taken)
    if source[0].cut:
        moved = taken[source[0].name].first * _count(source[1:], taken, whole=True)
        first, last = first + moved, last + moved
    parts = _count(behind, taken)
    if always_equal(parts, 1):
        return Reads(first, last, block)
    return Reads(0, 0, 1, parts, block, first, last)


def _count(parts: Iterable[Part], taken: Sized, whole: bool = False) -> Number:
    total: Number = 1
    for part in parts:
        size = taken[part.name].whole if whole else taken[part.name].count
        total = size if always_equal(total, 1) else total * size
    return total


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
