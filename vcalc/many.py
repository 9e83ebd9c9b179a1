"""A number that is many: arrays go through the ordinary formulas. Imports NumPy; import it late.

A `Many` behaves like the int of each of its numbers. It is exact: what could leave 64 bits is worked out with Python's
ints. What the numbers have in common is one answer, so that layers that agree in all of them are one layer; what they
do not agree in is an error that says which of them differ.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

import numpy as np

from vcalc.arithmetic import COMPARISONS
from vcalc.errors import VcalcError

MOST = 2**63 - 1
"""The largest number of 64 bits, and with a minus the least that is used."""

ONE_BY_ONE = "bind them one by one"

Given = dict[str, Any]
"""The arrays that numbers come from, by the names that they were given for: they say which number an answer is of."""

_SIZE: dict[Callable[..., Any], Callable[[int, int], int]] = {
    operator.add: lambda a, b: a + b,
    operator.sub: lambda a, b: a + b,
    operator.mul: lambda a, b: a * b,
    operator.floordiv: lambda a, b: a,
    operator.mod: lambda a, b: b,
    np.maximum: max,
    np.minimum: max,
    np.gcd: max,
}
"""What the size of a result is at most, by the sizes of two whole numbers; of an operator that is not here none is."""

_DIVIDE = (operator.floordiv, operator.mod, operator.truediv)


class Many:
    """Several numbers in the place of one."""

    __slots__ = ("given", "numbers", "size")
    __array_ufunc__ = None

    def __init__(self, numbers: Any, given: Given, size: int | None) -> None:
        self.numbers = numbers
        """An array: of 64 bits, or of Python's numbers."""
        self.given = given
        self.size = size
        """What no number is larger than, signs aside; None where they are not all whole."""

    @classmethod
    def of(cls, numbers: Iterable[Any], given: Given) -> Many:
        """Numbers of Python's."""
        numbers = [int(number) if isinstance(number, float) and number.is_integer() else number for number in numbers]
        if not all(type(number) is int for number in numbers):
            made = np.empty(len(numbers), object)
            made[:] = numbers
            return cls(made, given, None)
        size = max(map(abs, numbers))
        return cls(np.array(numbers, np.int64 if size <= MOST else object), given, size)

    def exactly(self) -> Many:
        """The same numbers with the size that they have, in 64 bits where they fit; it is not more than was known."""
        if self.size is None:
            return self
        size = max(int(self.numbers.max()), -int(self.numbers.min()))
        numbers = self.numbers.astype(np.int64) if size <= MOST else self.numbers
        return Many(numbers, self.given, size)

    def each(self, function: Callable[[Any], Any]) -> Many:
        """What a function makes of one number after the other."""
        return each(function, self)

    def unfit(self, fits: Callable[[Any], bool]) -> list[Any]:
        """The numbers that do not fit."""
        return [number for number in self.numbers.tolist() if not fits(number)]

    def array(self) -> Any:
        """A NumPy array of one's own: of 64 bits where they hold all numbers, else of Python's ints; floats."""
        return self.numbers.copy() if self.size is not None else np.array(self.numbers.tolist())

    def __add__(self, other: Any) -> Many:
        return self if _is(0, other) else _combined(operator.add, self, other)

    def __sub__(self, other: Any) -> Many:
        return self if _is(0, other) else _combined(operator.sub, self, other)

    def __mul__(self, other: Any) -> Many:
        return self if _is(1, other) else _combined(operator.mul, self, other)

    def __floordiv__(self, other: Any) -> Many:
        return self if _is(1, other) else _combined(operator.floordiv, self, other)

    def __mod__(self, other: Any) -> Many:
        return _combined(operator.mod, self, other)

    def __truediv__(self, other: Any) -> Many:
        return _combined(operator.truediv, self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Many:
        return _combined(operator.sub, other, self)

    def __rfloordiv__(self, other: Any) -> Many:
        return _combined(operator.floordiv, other, self)

    def __rmod__(self, other: Any) -> Many:
        return _combined(operator.mod, other, self)

    def __rtruediv__(self, other: Any) -> Many:
        return _combined(operator.truediv, other, self)

    def __neg__(self) -> Many:
        return Many(-self.numbers, self.given, self.size)

    def __abs__(self) -> Many:
        return Many(abs(self.numbers), self.given, self.size)

    def __eq__(self, other: object) -> bool:
        """Whether all are equal: what is so everywhere is so."""
        if isinstance(other, Many):
            return self is other or bool(np.array_equal(self.numbers, other.numbers))
        if type(other) is int and self.size is not None and abs(other) > self.size:
            return False
        return bool(hasattr(other, "as_integer_ratio") and (self.numbers == other).all())

    def __hash__(self) -> int:
        return hash(self.numbers[0])

    def __lt__(self, other: Any) -> bool:
        return holds("<", self, other)

    def __le__(self, other: Any) -> bool:
        return holds("<=", self, other)

    def __gt__(self, other: Any) -> bool:
        return holds(">", self, other)

    def __ge__(self, other: Any) -> bool:
        return holds(">=", self, other)

    def __bool__(self) -> bool:
        return holds("!=", self, 0)

    def common(self) -> Any:
        """The number that all of them are."""
        first = self.numbers.tolist()[0]
        holds("==", self, first)
        return first

    def __index__(self) -> int:
        return operator.index(self.common())

    def __str__(self) -> str:
        first = ", ".join(map(str, self.numbers[:4].tolist()))
        return f"[{first}{', …' if len(self.numbers) > 4 else ''}]"


def holds(relation: str, a: Any, b: Any, compare: Callable[[str, Any, Any], bool] | None = None) -> bool:
    """Whether a relation (see `vcalc.arithmetic.Condition`) holds, where that is one answer for all numbers.

    `compare` tells it of numbers that are not all whole. Raises VcalcError where it holds for some and not for others.
    """
    x, y, given = _columns(a, b)
    answers = _answers(relation, a, b, compare)
    if answers.all() or not answers.any():
        return bool(answers[0])
    ends = (answers.argmax(), answers.argmin())
    yes, no = (f"{_shown(relation, x, y, at)} with {_given_at(given, at)}" for at in ends)
    message = f"the numbers of an array differ in what follows from them: {yes}, but not {no}"
    raise VcalcError("array", message, hint=ONE_BY_ONE)


def _answers(relation: str, a: Any, b: Any, compare: Callable[[str, Any, Any], bool] | None) -> Any:
    """Whether a relation holds for one number after the other."""
    x, y, _ = _columns(a, b)
    if are_whole(a, b):
        if relation == "%":
            return (a % b).numbers == 0
        return COMPARISONS[relation](*(_objects(x, y) if max(_size(a), _size(b)) > MOST else (x, y)))
    if relation == "%":
        return np.array([type(i) is type(j) is int and i % j == 0 for i, j in _rows(x, y)])
    return np.array([compare(relation, i, j) if compare else COMPARISONS[relation](i, j) for i, j in _rows(x, y)])


def maximum(a: Any, b: Any) -> Many:
    """The larger of two numbers."""
    return _combined(np.maximum, a, b)


def minimum(a: Any, b: Any) -> Many:
    """The smaller of two numbers."""
    return _combined(np.minimum, a, b)


def common_divisor(a: Any, b: Any) -> Many:
    """The greatest common divisor of two whole numbers."""
    return _combined(np.gcd, a, b)


def are_whole(*values: Any) -> bool:
    """Whether numbers are all whole."""
    return all(_size(value) is not None for value in values)


def each(function: Callable[..., Any], *values: Any) -> Many:
    """What a function makes of one number after the other; of equal ones it is asked once."""
    *columns, given = _any_columns(*values)
    known: dict[Any, Any] = {}
    found = []
    for at, row in enumerate(_rows(*columns)):
        if row not in known:
            try:
                known[row] = function(*row)
            except (ValueError, ArithmeticError) as error:
                error.args = (f"{error} with {_given_at(given, at)}; {ONE_BY_ONE}",)
                raise
        found.append(known[row])
    return Many.of(found, given)


def _is(number: int, other: Any) -> bool:
    """Whether nothing is left to do: 0 to add, 1 to multiply by."""
    return type(other) is int and other == number


def _combined(op: Callable[..., Any], a: Any, b: Any) -> Many:
    """What an operator makes of two numbers, one of them many: in 64 bits where it is certain to fit."""
    if op in _DIVIDE and not (holds("!=", b, 0) if isinstance(b, Many) else b):
        raise ZeroDivisionError
    x, y, given = _columns(a, b)
    size_a, size_b = _size(a), _size(b)
    if size_a is None or size_b is None or op not in _SIZE:
        return Many.of(op(*_objects(x, y)), given)
    size = _SIZE[op](size_a, size_b)
    if size <= MOST and size_a <= MOST and size_b <= MOST:
        return Many(op(x, y), given, size)
    closer = [value.exactly() if isinstance(value, Many) else value for value in (a, b)]
    sizes = list(map(_size, closer))
    if max(_SIZE[op](*sizes), *sizes) <= MOST:
        return _combined(op, *closer)
    return Many.of(op(*_objects(x, y)), given)


def _objects(*columns: Any) -> list[Any]:
    """Python's numbers for those of 64 bits: they are as large as they have to be."""
    return [column.astype(object) if isinstance(column, np.ndarray) else column for column in columns]


def _size(value: Any) -> Any:
    """What a number is not larger than; None for one that is not whole."""
    if type(value) is int:
        return abs(value)
    return value.size if type(value) is Many else None


def _columns(a: Any, b: Any) -> tuple[Any, Any, Given]:
    """Two values, arrays for those that are many, and what they were given as. Raises VcalcError for odd ones."""
    if type(a) is int and type(b) is Many:
        return a, b.numbers, b.given
    if type(b) is int and type(a) is Many:
        return a.numbers, b, a.given
    if type(a) is type(b) is Many and a.given is b.given:
        return a.numbers, b.numbers, a.given
    *columns, given = _any_columns(a, b)
    return columns[0], columns[1], given


def _any_columns(*values: Any) -> tuple[Any, ...]:
    """As `_columns`, of any values, given in different places."""
    given: Given = {}
    for value in values:
        given = {**given, **value.given} if isinstance(value, Many) else given
    symbols = {str(s) for value in values for s in getattr(value, "free_symbols", ())}
    if symbols:
        raise beside_symbols(given, symbols)
    columns = [value.numbers if isinstance(value, Many) else value for value in values]
    if len({len(column) for column in columns if isinstance(column, np.ndarray)}) > 1:
        raise unlike(given)
    return (*columns, given)


def _rows(*columns: Any) -> Iterator[tuple[Any, ...]]:
    lists = (column.tolist() if isinstance(column, np.ndarray) else None for column in columns)
    return zip(*(repeat(c) if each is None else each for c, each in zip(columns, lists, strict=True)), strict=False)


def beside_symbols(given: Given, symbols: Iterable[str]) -> VcalcError:
    """The error for arrays and symbols in one network."""
    names = " and ".join(sorted(symbols))
    what = f"many numbers are given for {' and '.join(given)}, and none for {names}"
    message = f"arrays and symbols do not go together: {what}"
    return VcalcError("array", message, hint=f"bind {names} to a number, or the numbers of the array one by one")


def unlike(given: Given) -> VcalcError:
    """The error for arrays of several lengths."""
    lengths = ", ".join(f"{name} has {len(numbers)}" for name, numbers in given.items())
    return VcalcError("array", f"arrays that are bound together hold as many numbers: {lengths}")


def _shown(relation: str, x: Any, y: Any, at: Any) -> str:
    a, b = (column[at] if isinstance(column, np.ndarray) else column for column in (x, y))
    return f"{a} % {b} == 0" if relation == "%" else f"{a} {relation} {b}"


def _given_at(given: Given, at: Any) -> str:
    return ", ".join(f"{name}={numbers[at]}" for name, numbers in given.items())
