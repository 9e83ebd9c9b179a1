"""The few operations a formula may use beside `+ - * //`, the same for ints, symbols, many numbers and workings.

A size check refuses only when the answer is known: `assumed` turns a comparison of symbols that nobody can decide yet
into "not refused", and notes it as a condition of the formulas that follow.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import gcd, prod
from typing import Any

Number = Any
"""A Python int, a SymPy expression, a `vcalc.many.Many` or a `vcalc.working.Working`."""

Shape = tuple[Number, ...]
"""[C, H, W] for a feature map, [N, D] for tokens, [D] for a vector; no batch axis."""

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""What each comparison asks of two numbers."""


def product(factors: Iterable[Number]) -> Number:
    """The product of the factors; a working shows it as one group, `(3*3*64)`."""
    factors = tuple(factors)
    for factor in factors:
        grouped = getattr(factor, "grouped_product", None)
        if grouped is not None:
            return grouped(factors)
    return prod(factors)


def ceil_div(a: Number, b: Number) -> Number:
    """a / b rounded up."""
    return -(-a // b)


def exact_div(a: Number, b: Number) -> Number:
    """a / b where b is known, or has to be assumed, to divide a: symbols stay a plain quotient."""
    return a / b if is_symbolic(bare(a)) or is_symbolic(bare(b)) else a // b


def is_symbolic(value: Number) -> bool:
    """True for a SymPy expression that still holds a symbol."""
    return bool(getattr(value, "free_symbols", None))


def is_many(value: Number) -> bool:
    """True for a number that is many, each of which has an answer of its own."""
    return hasattr(value, "numbers")


def tidied(shape: Shape) -> Shape:
    """A shape with its symbolic sizes multiplied out, so that floors fold away where they can."""
    if {int}.issuperset(map(type, shape)) or not any(map(is_symbolic, shape)):
        return shape
    from vcalc import symbols

    return tuple(symbols.closed_form(size) if is_symbolic(size) else size for size in shape)


def bare(value: Number) -> Number:
    """The value of a working; anything else as it is."""
    return getattr(value, "bare", value)


def common_divisor(a: Number, b: Number) -> Number:
    """The greatest common divisor of whole numbers."""
    a, b = bare(a), bare(b)
    if is_many(a) or is_many(b):
        from vcalc import many

        return many.common_divisor(a, b)
    return gcd(a, b)


Condition = tuple[str, Number, Number]
"""A relation that has to hold: `==`, `!=`, `>=` or `>`; `%`, where the second divides the first (1: it is whole)."""


class _Noted(threading.local):
    conditions: dict[Condition, None] | None = None


_NOTED = _Noted()


@contextmanager
def conditions() -> Iterator[dict[Condition, None]]:
    """What is assumed within, in order."""
    found: dict[Condition, None] = {}
    before, _NOTED.conditions = _NOTED.conditions, found
    try:
        yield found
    finally:
        _NOTED.conditions = before


def assumed(relation: str, a: Number, b: Number) -> bool:
    """False where a relation is known not to hold; where symbols leave it open it is noted."""
    if type(a) is int and type(b) is int:
        return bool(_HOLDS[relation](a, b))
    known = _known(relation, a, b)
    if known is None:
        note(relation, bare(a), bare(b))
    return known is not False


def note(relation: str, a: Number, b: Number) -> None:
    """Say that what is worked out holds only where a relation does."""
    noted = _NOTED.conditions
    if noted is not None:
        noted[relation, a, b] = None


_HOLDS: dict[str, Callable[[Any, Any], Any]] = {**COMPARISONS, "%": lambda a, b: a % b == 0}


def certainly_different(a: Number, b: Number) -> bool:
    """True when a and b are known to differ."""
    return _known("!=", a, b) is True


def certainly_less(a: Number, b: Number) -> bool:
    """True when a is known to be less than b."""
    return _known("<", a, b) is True


def certainly_equal(a: Number, b: Number) -> bool:
    """True when a and b are known to be equal."""
    return _known("==", a, b) is True


def always_equal(a: Number, b: Number) -> bool:
    """True when a and b are known to be equal, of many numbers all of them; that only some are is no error here."""
    return bool(bare(a) == bare(b)) if is_many(bare(a)) or is_many(bare(b)) else certainly_equal(a, b)


def _known(relation: str, a: Number, b: Number) -> bool | None:
    """Whether a relation holds; None where symbols leave it open. Many numbers have one answer, or there is none."""
    if type(a) is int and type(b) is int:
        return bool(_HOLDS[relation](a, b))
    a, b = bare(a), bare(b)
    if is_many(a) or is_many(b):
        from vcalc import many

        return many.holds(relation, a, b)
    if is_symbolic(a) or is_symbolic(b):
        from vcalc import symbols

        return symbols.holds(relation, a, b)
    return bool(_HOLDS[relation](a, b))


def maximum(a: Number, b: Number) -> Number:
    """The larger of two numbers; undecided symbols give SymPy's Max, and a working then loses how it came about."""
    other = _other_side(a, b)
    if other:
        return other.maximum(bare(a), bare(b))
    return a if a >= b else b


def minimum(a: Number, b: Number) -> Number:
    """The smaller of two numbers; undecided symbols give SymPy's Min."""
    other = _other_side(a, b)
    if other:
        return other.minimum(bare(a), bare(b))
    return -maximum(-a, -b)


def _other_side(a: Number, b: Number) -> Any:
    """The module for numbers that are many, or that are symbols; None for others."""
    if type(a) is int and type(b) is int:
        return None
    if is_many(bare(a)) or is_many(bare(b)):
        from vcalc import many

        return many
    if is_symbolic(bare(a)) or is_symbolic(bare(b)):
        from vcalc import symbols

        return symbols
    return None
