"""What a rearrangement reads, whatever its letters: two that follow one another are one, in its simplest form.

Each axis that leaves is a row of digits, the slowest first, and each digit counts places of an axis that arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from math import prod
from typing import NamedTuple

from vcalc.operators.layout import Sizes
from vcalc.operators.pattern import Taken, parse


class Digit(NamedTuple):
    """So many places of an axis that arrives, `step` apart; of none (-1), where all is repeated."""

    axis: int
    step: int
    size: int


class Read(NamedTuple):
    """The digits of each axis that leaves, and the first place of each that arrives."""

    shape: Sizes
    firsts: Sizes
    axes: tuple[tuple[Digit, ...], ...]

    @property
    def output(self) -> Sizes:
        """The shape that leaves."""
        return tuple(prod(digit.size for digit in axis) for axis in self.axes)

    @property
    def changes_nothing(self) -> bool:
        """Whether all leaves as it arrives."""
        return self == whole(self.shape)

    def then(self, text: str, sizes: Mapping[str, int]) -> Read | None:
        """This and another pattern after it; None where no one pattern reads so: its axes cut across the digits."""
        pattern = parse(text)
        taken = pattern.taken(self.output, sizes)
        firsts, found = list(self.firsts), {part.name: [Digit(-1, 0, taken[part.name].count)] for part in pattern.new}
        for axis, digits in zip(pattern.left, self.axes, strict=True):
            parts = _split(list(digits), [taken[part.name].whole for part in axis.parts])
            if parts is None:
                return None
            for part, inside in zip(axis.parts, parts, strict=True):
                cut = _cut(inside, taken[part.name], firsts)
                if cut is None:
                    return None
                found[part.name] = cut
        axes = tuple(_joined(digit for part in axis.parts for digit in found[part.name]) for axis in pattern.right)
        return Read(self.shape, tuple(firsts), axes)

    def pattern(self) -> tuple[str, dict[str, int]] | None:
        """The simplest pattern that reads so, and the sizes that it needs; letters are a, b, c, ...

        None where no one pattern does: an axis is cut, and what is left divides otherwise than all of it.
        """
        names = (letter + (str(turn) if turn else "") for turn in count() for letter in "abcdefghijklmnopqrstuvwxyz")
        left, sizes = [], {}
        called: dict[Digit, str] = {}
        for axis, size in enumerate(self.shape):
            digits = sorted({d for out in self.axes for d in out if d.axis == axis}, key=lambda digit: -digit.step)
            if not _divides(digits, size, self.firsts[axis]):
                return None
            letters = list(_letters(digits, size, self.firsts[axis], names, called))
            left.append(_side([name + cut for name, cut, _ in letters]))
            sizes.update({name: whole for name, _, whole in letters[1:]})
        right = [_side([called.get(digit, str(digit.size)) for digit in out]) for out in self.axes]
        return f"{' '.join(left)} -> {' '.join(right)}", sizes


def whole(shape: Sizes) -> Read:
    """What leaves all as it arrives."""
    axes = tuple(_joined([Digit(axis, 1, size)]) for axis, size in enumerate(shape))
    return Read(shape, (0,) * len(shape), axes)


def read(text: str, shape: Sizes, sizes: Mapping[str, int]) -> Read:
    """What a pattern reads of a shape."""
    found = whole(shape).then(text, sizes)
    assert found is not None
    return found


def _joined(digits: Iterable[Digit]) -> tuple[Digit, ...]:
    """The fewest digits that count the same."""
    found: list[Digit] = []
    for digit in digits:
        last = found[-1] if found else None
        if digit.size == 1:
            continue
        if last and last.axis == digit.axis and last.step == digit.step * digit.size:
            found[-1] = Digit(digit.axis, digit.step, last.size * digit.size)
        else:
            found.append(digit)
    return tuple(found)


def _split(digits: list[Digit], sizes: list[int]) -> list[list[Digit]] | None:
    """The digits of an axis among parts of such sizes; None where one would have to count in two of them."""
    parts: list[list[Digit]] = []
    for size in reversed(sizes):
        part: list[Digit] = []
        while size > 1:
            axis, step, places = digits.pop()
            if places > size:
                if places % size:
                    return None
                digits.append(Digit(axis, step * size, places // size))
                places = size
            elif size % places:
                return None
            part.insert(0, Digit(axis, step, places))
            size //= places
        parts.insert(0, part)
    return parts


def _cut(digits: list[Digit], taken: Taken, firsts: list[int]) -> list[Digit] | None:
    """The digits of what is taken, whose first place is noted; None where that is no row of digits."""
    if taken.count == taken.whole:
        return digits
    axis, step, size = digits[0]
    inner = taken.whole // size
    first, rest = divmod(taken.first, inner)
    last = (taken.first + taken.count - 1) // inner
    if axis >= 0:
        firsts[axis] += first * step
    if first == last:
        return _cut(digits[1:], Taken(inner, rest, taken.count), firsts)
    if rest or taken.count % inner:
        return None
    return [Digit(axis, step, taken.count // inner), *digits[1:]]


def _divides(digits: list[Digit], size: int, first: int) -> bool:
    """Whether letters in a row count as the digits of an axis do."""
    for digit in digits:
        if size % digit.step or first // digit.step + digit.size > size // digit.step:
            return False
        size, first = digit.step, first % digit.step
    return True


def _letters(
    digits: list[Digit], size: int, first: int, names: Iterator[str], called: dict[Digit, str]
) -> Iterator[tuple[str, str, int]]:
    """The letters of an axis that arrives: name, what is taken of it, and its size. Digits are called by them."""
    for digit in digits:
        name = called[digit] = next(names)
        places, start = size // digit.step, first // digit.step
        yield name, "" if places == digit.size else f"[{start}:{start + digit.size}]", places
        size, first = digit.step, first % digit.step
    if size > 1:
        yield next(names), f"[{first}]", size


def _side(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"({' '.join(names)})" if names else "1"
