"""Numbers that are not whole, exactly: decimals and quotients as fractions, roots and logarithms by their digits.

A float stands for the decimal that it prints as. A number has one form: an int where it is whole, a float where that
prints it in full, a Fraction where only a quotient is it, an Irrational where none is. Imported where one turns up.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import floor as whole_part
from math import log2
from typing import Any, NamedTuple

from vcalc import limits
from vcalc.language.values import NoValueError, too_fine, too_large

CONTEXT = Context(prec=120)

NEAR = Decimal("1e-95")
"""Numbers that agree to this share of them are equal: roots and logarithms that differ do so far before."""

KEPT = 2000
"""Decimals that are kept as fractions, and logarithms."""

PARTS, DIGITS, ROOT, LOGARITHM, POWER, WRITTEN = 50, 150, 250, 500, 1000, 30_000
"""What a new answer costs, in operations on whole numbers: their shares of the time (`benchmarks/operations.py`)."""

LARGEST = Decimal(2**limits.NUMBER_BITS)


class Extent(NamedTuple):
    """How large a number is where it is written out: its operations, and its roots and logarithms in one another."""

    operations: int
    depth: int

    def check(self) -> None:
        """Refuse what SymPy, which works out a root twice to tell its sign, would take for ever to write."""
        if self.depth > limits.SYMBOLIC_ROOTS:
            message = f"a number of roots and logarithms more than {limits.SYMBOLIC_ROOTS} deep in one another"
            raise NoValueError(f"{message} is not written in a formula", ROUNDED_OR_BOUND)
        if self.operations > limits.SYMBOLIC_OPERATIONS:
            message = f"a number of more than {limits.SYMBOLIC_OPERATIONS} operations"
            raise NoValueError(f"{message} is not written in a formula", ROUNDED_OR_BOUND)


ROUNDED_OR_BOUND = "round it, or bind the symbols to numbers"


class Irrational:
    """A root, a logarithm, or what arithmetic made of one: its first 120 digits, and how a formula writes it."""

    __slots__ = ("_make", "_written", "digits", "extent")

    def __init__(self, digits: Decimal, make: Callable[[], Any], extent: Extent) -> None:
        self.digits = digits
        self.extent = extent
        self._make = make
        self._written: Any = None

    @property
    def written(self) -> Any:
        """The number as SymPy has it, exactly. Raises NoValueError where SymPy would take too long over it."""
        if self._written is None:
            self.extent.check()
            self._written = self._make()
        return self._written

    def __neg__(self) -> Irrational:
        return Irrational(CONTEXT.minus(self.digits), lambda: -self.written, self.extent)

    def __float__(self) -> float:
        return float(self.digits)

    def __str__(self) -> str:
        return str(float(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Irrational) and self.digits == other.digits

    def __hash__(self) -> int:
        return hash(self.digits)


@lru_cache(maxsize=KEPT)
def _of_decimal(text: str) -> Fraction:
    return Fraction(text)


def fraction(value: Any) -> Fraction:
    """A whole number, a decimal or a quotient as a fraction."""
    if isinstance(value, float):
        return _of_decimal(repr(value))
    return value if isinstance(value, Fraction) else Fraction(value)


def number(value: Fraction) -> Any:
    """A fraction in its one form. Raises NoValueError where it takes too many bits."""
    if value.denominator == 1:
        return value.numerator
    if max(abs(value.numerator), value.denominator).bit_length() > limits.NUMBER_BITS:
        raise too_fine()
    decimal = float(value)
    return decimal if _of_decimal(repr(decimal)) == value else value


def digits(value: Any) -> Decimal:
    """The first 120 digits of any number."""
    if isinstance(value, Irrational):
        return value.digits
    if isinstance(value, float):
        return Decimal(repr(value))
    return CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))


def of_digits(found: Decimal, make: Callable[[], Any], extent: Extent, scale: Decimal | None = None) -> Any:
    """The number with these digits; a fraction where they are those of one.

    `make` gives what a formula writes, `scale` is the size of what was added up to the number.
    """
    size = found.copy_abs()
    if size >= LARGEST:
        raise too_large()
    simple = Fraction(found).limit_denominator(2 ** (limits.NUMBER_BITS // 2))
    if CONTEXT.subtract(found, digits(simple)).copy_abs() <= CONTEXT.multiply(NEAR, scale or size):
        return number(simple)
    if CONTEXT.multiply(size, LARGEST) <= 1:
        raise too_fine()
    return Irrational(found, make, extent)


def extent_of(values: Iterable[Any], deeper: int = 0) -> Extent:
    """How large what is made of some numbers is, by an operation or by one that goes a root deeper."""
    parts = [value.extent if isinstance(value, Irrational) else Extent(1, 0) for value in values]
    operations = min(1 + sum(part.operations for part in parts), limits.SYMBOLIC_OPERATIONS + 1)
    return Extent(operations, deeper + max(part.depth for part in parts))


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}

_BY_DIGITS = {"+": CONTEXT.add, "-": CONTEXT.subtract, "*": CONTEXT.multiply, "/": CONTEXT.divide}


def combined(sign: str, a: Any, b: Any) -> Any:
    """What an operator makes of two numbers. Raises ZeroDivisionError, and NoValueError for what no number is."""
    if sign in ("/", "//", "%") and b == 0:
        raise ZeroDivisionError
    if sign == "**":
        return _power(a, b)
    if not (isinstance(a, Irrational) or isinstance(b, Irrational)):
        found = _OPERATORS[sign](fraction(a), fraction(b))
        return found if sign == "//" else number(found)
    if sign == "//":
        return floor(combined("/", a, b))
    if sign == "%":
        return combined("-", a, combined("*", b, floor(combined("/", a, b))))
    x, y = digits(a), digits(b)
    return of_digits(
        _BY_DIGITS[sign](x, y),
        lambda: _OPERATORS[sign](_written(a), _written(b)),
        extent_of((a, b)),
        max(x.copy_abs(), y.copy_abs()) if sign in "+-" else None,
    )


def _written(value: Any) -> Any:
    from vcalc import symbols

    return symbols.exact(value)


def _power(a: Any, b: Any) -> Any:
    if a == 0:
        if compared(b, 0) < 0:
            raise ZeroDivisionError
        return 0 if b != 0 else 1
    whole = _is_whole(b)
    if not whole and compared(a, 0) < 0:
        raise ValueError("the result is not a real number")
    check_size_of_power(a, b)
    if whole and not isinstance(a, Irrational):
        return number(fraction(a) ** int(b))
    extent = extent_of((a, b), 0 if whole else 1)
    return of_digits(CONTEXT.power(digits(a), digits(b)), lambda: _written(a) ** _written(b), extent)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def check_size_of_power(a: Any, b: Any) -> None:
    """Refuse a power before it fills the memory: one that takes eight times the bits that a number may have."""
    if isinstance(a, Irrational):
        bits = abs(log2(abs(float(a))))
    else:
        parts = fraction(a)
        largest = max(abs(parts.numerator), parts.denominator)
        bits = largest.bit_length() if largest > 1 else 0
    if bits * abs(float(digits(b))) > 8 * limits.NUMBER_BITS:
        raise too_large()


def compared(a: Any, b: Any) -> int:
    """-1, 0 or 1: whether a number is below, at, or above another one."""
    if isinstance(a, Irrational) or isinstance(b, Irrational):
        difference = combined("-", a, b)
        found = difference.digits if isinstance(difference, Irrational) else difference
    else:
        found = fraction(a) - fraction(b)
    return (found > 0) - (found < 0)


def floor(value: Any) -> int:
    """The whole part of a number."""
    return whole_part(value.digits if isinstance(value, Irrational) else fraction(value))


def root(value: Any) -> Any:
    """The square root of a number that is not below 0."""
    return of_digits(CONTEXT.sqrt(digits(value)), lambda: _function("sqrt", value), extent_of([value], 1))


@lru_cache(maxsize=KEPT)
def _natural(value: Decimal) -> Decimal:
    return CONTEXT.ln(value)


def logarithm(value: Any, *base: Any) -> Any:
    """The logarithm of a number above 0, the natural one where no base is given."""
    found = _natural(digits(value))
    if base:
        below = _natural(digits(base[0]))
        if not below:
            raise ZeroDivisionError
        found = CONTEXT.divide(found, below)
    return of_digits(found, lambda: _function("log", value, *base), extent_of((value, *base), 1))


_OTHERS: dict[str, Callable[..., Any]] = {"sqrt": root, "log": logarithm, "compare": compared, "write": _written}


@lru_cache(maxsize=KEPT)
def answer(asked: str, *given: Any) -> Any:
    """What an operator makes of two numbers; their order (`compare`); a `sqrt` or a `log`; what SymPy has (`write`)."""
    return _OTHERS[asked](*given) if asked in _OTHERS else combined(asked, *given)


def price(asked: str, *given: Any) -> int:
    """What an answer costs that has to be worked out, in operations on whole numbers."""
    if asked == "sqrt":
        return ROOT
    if asked == "write":
        return WRITTEN
    if asked == "log":
        return LOGARITHM * len(given)
    if asked == "**" and not _is_whole(given[1]):
        return POWER
    if any(isinstance(value, Irrational) for value in given):
        return 3 * DIGITS if asked == "%" else DIGITS
    return PARTS


def _function(name: str, *arguments: Any) -> Any:
    from vcalc import symbols

    return symbols.function(name, *arguments)


def of_constant(value: Any) -> Any:
    """A SymPy number in its one form: what symbols leave behind when they cancel."""
    if value.is_Rational:
        return number(Fraction(int(value.p), int(value.q)))
    from vcalc import symbols

    extent = Extent(*symbols.extent(value))
    return of_digits(Decimal(str(value.evalf(CONTEXT.prec))), lambda: value, extent)


def as_written(value: float, text: str) -> Any:
    """The decimal of a text; the float that Python reads in it, where that keeps all its digits."""
    written = Fraction(text)
    return value if fraction(value) == written else number(written)


def from_outside(value: Any) -> Any:
    """A Fraction or a Decimal of Python's in its one form. Raises NoValueError for what is not finite."""
    try:
        return number(Fraction(value))
    except (OverflowError, ValueError):
        raise NoValueError("not a finite number") from None


def as_float(value: Any) -> Any:
    """A fraction or an irrational number as the float next to it; where that is whole, which it is not, a fraction."""
    near = float(value)
    return Fraction(value.digits if isinstance(value, Irrational) else value) if near.is_integer() else near
