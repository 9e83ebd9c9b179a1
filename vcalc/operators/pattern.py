"""Rearrangements in the notation of einops, `C (r m) (c n) -> (r c) (m n) C`: the text, and the sizes that it makes.

Letters name the arriving axes in their order; in round brackets stand the parts of an axis, the slowest first. Beside
einops' `rearrange` and `repeat`, some of a letter's places can be taken, as Python would write it: `p[0]`, `N[1:]`; and
axes before a bar stand in front of those that a layer works on: `T | N D -> N | T D`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from vcalc import limits
from vcalc.arithmetic import Number, Shape, assumed, exact_div
from vcalc.errors import LayerError, quoted

FIELD = "pattern"
"""The field of a layer that holds a pattern, to which the places of errors refer."""

_TOKEN = re.compile(r"\s+|->|\.\.\.|\w+|\[[^\[\]]*\]|.", re.ASCII | re.DOTALL)
_NAME = re.compile(r"[A-Za-z](?:\w*[A-Za-z0-9])?", re.ASCII)
_CUT = re.compile(r"\s*(-?\w+)?\s*(?:(:)\s*(-?\w+)?\s*)?", re.ASCII)


class Cut(NamedTuple):
    """Which places of a letter are taken: from the first to before the last, counted from 0; or just the first."""

    first: int | str | None
    last: int | str | None
    one: bool


class Part(NamedTuple):
    """A letter, or a number in its place, where it stands in the text."""

    name: str
    column: int
    cut: Cut | None = None

    @property
    def picked(self) -> bool:
        """Whether one place of it is taken, so that it is no axis any more."""
        return self.cut is not None and self.cut.one

    @property
    def is_number(self) -> bool:
        return self.name.isdigit()


class Axis(NamedTuple):
    """An axis and its parts, the slowest first; none, where it has one place."""

    parts: tuple[Part, ...]
    column: int
    length: int


class Taken(NamedTuple):
    """What is taken of a letter: so many of all its places, from the first one on."""

    whole: Number
    first: Number
    count: Number


class Pattern:
    """A pattern that keeps to the notation: what arrives, what leaves, and the names whose values may be given."""

    __slots__ = ("arrow", "front", "left", "letters", "names", "new", "right", "text")

    def __init__(self, text: str, left: tuple[Axis, ...], right: tuple[Axis, ...], front: tuple[int, int]) -> None:
        self.text = text
        self.arrow = text.index("->")
        self.left = left
        self.right = right
        self.front = front
        """How many of the axes of each side stand in front."""
        arriving = {part.name: part for part in _parts(left)}
        self.new = [part for part in _parts(right) if part.name not in arriving]
        """The letters and numbers that only leave: so often all is repeated."""
        ends = [end for part in arriving.values() if part.cut for end in part.cut[:2] if isinstance(end, str)]
        letters = (*arriving, *(part.name for part in self.new if not part.is_number))
        self.letters = frozenset(letters)
        self.names = tuple(dict.fromkeys((*letters, *ends)))
        """The letters, and the names that say which part of one is taken: what can have a value."""

    def written(self, axis: Axis) -> str:
        """An axis as it stands in the text."""
        return self.text[axis.column : axis.column + axis.length]

    @property
    def inner(self) -> tuple[tuple[Axis, ...], tuple[Axis, ...]]:
        """The axes of each side that do not stand in front."""
        return self.left[self.front[0] :], self.right[self.front[1] :]

    def output(self, shape: Shape, given: Mapping[str, Number]) -> Shape:
        """The shape that leaves. Raises LayerError where what arrives does not fit."""
        taken = self.taken(shape, given)
        return tuple(_times(taken[part.name].count for part in axis.parts) for axis in self.right)

    def taken(self, shape: Shape, given: Mapping[str, Number]) -> dict[str, Taken]:
        """The size of each letter, and what is taken of it. Raises LayerError where what arrives does not fit."""
        sizes: dict[str, Number] = {part.name: int(part.name) for part in self.new if part.is_number}
        for axis, size in zip(self.left, shape, strict=True):
            sizes |= self._split(axis, size, given)
        for part in self.new:
            if part.is_number:
                continue
            if part.name not in given:
                hint = f"give it a size, {part.name}: …, and all is repeated so often"
                raise _of(part, f"'{part.name}' leaves and does not arrive", hint)
            sizes[part.name] = given[part.name]
        cuts = {part.name: part for part in _parts(self.left) if part.cut}
        whole = {name: Taken(size, 0, size) for name, size in sizes.items() if name not in cuts}
        return whole | {name: _cut(part, sizes[name], given) for name, part in cuts.items()}

    def _split(self, axis: Axis, size: Number, given: Mapping[str, Number]) -> dict[str, Number]:
        """The sizes of an axis' parts, of which one may be open."""
        known = [given[part.name] for part in axis.parts if part.name in given]
        open_parts = [part for part in axis.parts if part.name not in given]
        if len(open_parts) > 1:
            names = " and ".join(f"'{part.name}'" for part in open_parts)
            sizes = ", ".join(f"{part.name}: …" for part in open_parts[1:])
            message = f"how {_shown(size)} divides into {names} is open"
            raise _wrong(message, axis.column, axis.length, f"give all but one a size: {{pattern: …, {sizes}}}")
        together = _times(known)
        if not open_parts:
            if not assumed("==", size, together):
                what = quoted(self.written(axis)) if axis.parts else "an axis"
                message = f"{what} is {_shown(together)}, but {_shown(size)} arrive"
                raise _wrong(message, axis.column, axis.length)
        elif known and not assumed("%", size, together):
            message = f"{_shown(size)} does not divide into {quoted(self.written(axis))}, {_shown(together)} in each"
            raise _wrong(message, axis.column, axis.length)
        found = {part.name: given[part.name] for part in axis.parts if part.name in given}
        return found | {part.name: exact_div(size, together) if known else size for part in open_parts}


@lru_cache(maxsize=1024)
def parse(text: str) -> Pattern:
    """A pattern's text, read. Raises LayerError with the column of what does not keep to the notation."""
    if len(text) > limits.PATTERN_LENGTH:
        raise _wrong(f"a pattern of more than {limits.PATTERN_LENGTH} characters", 0, 1, "see docs/limits.md")
    tokens = [(match[0], match.start()) for match in _TOKEN.finditer(text) if not match[0].isspace()]
    arrows = [place for place, (token, _) in enumerate(tokens) if token == "->"]
    if len(arrows) != 1:
        column = tokens[arrows[1]][1] if arrows else 0
        message = "a pattern has two sides" if arrows else "a pattern says what arrives and what leaves"
        raise _wrong(message, column, 2 if arrows else max(len(text), 1), "as in C H W -> (H W) C")
    sides = tokens[: arrows[0]], tokens[arrows[0] + 1 :]
    if not all(sides):
        side = "arrives" if not sides[0] else "leaves"
        raise _wrong(f"nothing {side}", tokens[arrows[0]][1], 2, "an axis of one place is written 1")
    parts = [_at_bar(side) for side in sides]
    left, right = (tuple(_axes([*before, *after])) for before, after in parts)
    front = [len(list(_axes(before))) for before, _ in parts]
    pattern = Pattern(text, left, right, (front[0], front[1]))
    _check(pattern)
    return pattern


def _at_bar(tokens: list[tuple[str, int]]) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """What stands before a side's bar, and what after it."""
    bars = [place for place, (token, _) in enumerate(tokens) if token == "|"]
    if not bars:
        return [], tokens
    before, after = tokens[: bars[0]], tokens[bars[0] + 1 :]
    if len(bars) > 1:
        raise _wrong("a side has one bar", tokens[bars[1]][1], hint="all axes before it stand in front")
    if not before or not after:
        where = "before" if not before else "behind"
        raise _wrong(f"nothing stands {where} the bar", tokens[bars[0]][1], hint="as in T | N D -> N | T D")
    return before, after


def _axes(tokens: list[tuple[str, int]]) -> Iterator[Axis]:
    group: list[Part] | None = None
    opened = 0
    for place, (token, column) in enumerate(tokens):
        if token == "(":
            if group is not None:
                raise _wrong("round brackets within round brackets", column, 1, "the parts of an axis stand in one row")
            group, opened = [], column
        elif token == ")":
            if group is None:
                raise _wrong("a round bracket closes that was not opened", column)
            yield Axis(tuple(group), opened, column + 1 - opened)
            group = None
        elif token[0] != "[":
            cut, length = _following(tokens, place)
            parts = [] if token == "1" and cut is None else [_part(token, column, cut)]
            if group is None:
                yield Axis(tuple(parts), column, length)
            else:
                group += parts
        elif not place or tokens[place - 1][1] + len(tokens[place - 1][0]) != column or not _is_word(tokens[place - 1]):
            raise _wrong("square brackets follow a letter, without a space", column, len(token), "as in N[1:]")
    if group is not None:
        raise _wrong("a round bracket is not closed", opened)


def _is_word(token: tuple[str, int]) -> bool:
    return token[0][-1].isalnum()


def _following(tokens: list[tuple[str, int]], place: int) -> tuple[Cut | None, int]:
    """What the square brackets say that follow a letter, if any do, and how long it is with them."""
    token, column = tokens[place]
    after = tokens[place + 1] if place + 1 < len(tokens) else ("", -1)
    if after[0][:1] != "[" or after[1] != column + len(token):
        return None, len(token)
    return _read_cut(*after), len(token) + len(after[0])


def _read_cut(text: str, column: int) -> Cut:
    match = _CUT.fullmatch(text[1:-1]) if text.endswith("]") else None
    ends = [_end(match[group], column) for group in (1, 3)] if match else []
    if match is None or ends == [None, None]:
        hint = "p[0] takes one place, N[1:] all from one on, N[:4] or N[1:5] so many"
        if text.count(":") > 1:
            hint = "every second one is (N s[0]) with s: 2"
        raise _wrong(f"{quoted(text)} takes no part", column, len(text), hint)
    return Cut(ends[0], ends[1], match[2] is None)


def _end(text: str | None, column: int) -> int | str | None:
    """A number, or a name whose value is given beside the pattern."""
    if text is None:
        return None
    if text.lstrip("-").isdigit():
        return _bounded(int(text), column)
    if _NAME.fullmatch(text):
        return text
    raise _wrong(f"{quoted(text)} is neither a whole number nor a name", column + 1, len(text))


def _part(token: str, column: int, cut: Cut | None) -> Part:
    if token.isdigit():
        if _bounded(int(token), column) == 0:
            raise _wrong("an axis has one place or more", column)
        return Part(str(int(token)), column, cut)
    if token == "...":
        raise _wrong("... is not read here: each axis has a letter", column, 3)
    if not _NAME.fullmatch(token):
        message = f"{quoted(token)} does not name an axis"
        raise _wrong(message, column, len(token), "a letter, or a word of letters, digits and _ that begins with one")
    return Part(token, column, cut)


def _bounded(number: int, column: int) -> int:
    if number.bit_length() > limits.NUMBER_BITS:
        raise _wrong(f"a number of more than {limits.NUMBER_BITS} bits", column, 1, "see docs/limits.md")
    return number


def _check(pattern: Pattern) -> None:
    """What einops asks of a pattern, too: a letter once on each side, and none lost."""
    for side, what in ((pattern.left, "arrives"), (pattern.right, "leaves")):
        seen: set[str] = set()
        for part in _parts(side):
            if part.name in seen and not part.is_number:
                raise _of(part, f"'{part.name}' {what} twice")
            seen.add(part.name)
    leaving = {part.name for part in _parts(pattern.right)}
    letters = {part.name for part in _parts(pattern.left)} | leaving
    for part in _parts(pattern.right):
        if part.cut:
            raise _of(part, "a part is taken where it arrives, on the left")
    for part in _parts(pattern.left):
        if part.is_number:
            hint = "only 1 stands for itself" if int(part.name) == 1 else f"write s for it, and s: {part.name}"
            raise _of(part, "what arrives has letters", hint)
        if part.picked and part.name in leaving:
            raise _of(
                part, f"one place of '{part.name}' is taken, which is no axis any more", "leave it out on the right"
            )
        if not part.picked and part.name not in leaving:
            raise _of(part, f"'{part.name}' arrives and does not leave", f"{part.name}[0] takes one place of it")
        for end in part.cut or ():
            if isinstance(end, str) and end in letters:
                raise _of(part, f"'{end}' is an axis, and cannot say which part is taken", "give it another name")


def _parts(axes: Iterable[Axis]) -> Iterator[Part]:
    return (part for axis in axes for part in axis.parts)


def _cut(part: Part, size: Number, given: Mapping[str, Number]) -> Taken:
    """What is taken of a letter of such a size."""
    assert part.cut is not None
    first = _place(part.cut.first or 0, part, size, given)
    last = first + 1 if part.cut.one else size if part.cut.last is None else _place(part.cut.last, part, size, given)
    if not (assumed(">=", first, 0) and assumed(">=", size, last) and assumed(">", last, first)):
        what = f"is no place {_shown(first)}"
        if not part.cut.one:
            what = f"are no places {_shown(first)} to before {_shown(last)}"
        raise _of(part, f"'{part.name}' has {_shown(size)} places, counted from 0: there {what}")
    return Taken(size, first, last - first)


def _place(end: int | str, part: Part, size: Number, given: Mapping[str, Number]) -> Number:
    if isinstance(end, str):
        if end not in given:
            raise _of(part, f"'{end}' has no value", f"give it one: {end}: 0")
        return given[end]
    return size + end if end < 0 else end


def _times(factors: Iterable[Number]) -> Number:
    """A product, with no 1 in front of it that a working would show."""
    factors = list(factors)
    total: Number = factors[0] if factors else 1
    for factor in factors[1:]:
        total = total * factor
    return total


def _shown(value: Number) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _of(part: Part, message: str, hint: str = "") -> LayerError:
    return _wrong(message, part.column, len(part.name), hint)


def _wrong(message: str, column: int, length: int = 1, hint: str = "") -> LayerError:
    return LayerError(f"rearrange: {message}", FIELD, hint, column, length)
