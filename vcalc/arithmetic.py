"""The few operations a formula may use beside `+ - * //`, the same for ints, symbols, arrays and workings.

A size check refuses only when the answer is known: `certainly` turns a comparison of symbols
that nobody can decide yet into "not refused".
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd
from typing import Any

Number = Any
"""A Python int, a SymPy expression, a NumPy array or a `vcalc.working.Working`."""

Shape = tuple[Number, ...]
"""[C, H, W] for a feature map, [N, D] for tokens, [D] for a vector; no batch axis."""


def product(factors: Iterable[Number]) -> Number:
    """The product of the factors; a working shows it as one group, `(3*3*64)`."""
    factors = tuple(factors)
    for factor in factors:
        grouped = getattr(factor, "grouped_product", None)
        if grouped is not None:
            return grouped(factors)
    result = 1
    for factor in factors:
        result = result * factor
    return result


def ceil_div(a: Number, b: Number) -> Number:
    """a / b rounded up."""
    return -(-a // b)


def exact_div(a: Number, b: Number) -> Number:
    """a / b where b is known, or has to be assumed, to divide a: symbols stay a plain quotient."""
    return a / b if is_symbolic(bare(a)) or is_symbolic(bare(b)) else a // b


def is_symbolic(value: Number) -> bool:
    """True for a SymPy expression that still holds a symbol."""
    return bool(getattr(value, "free_symbols", None))


def tidied(shape: Shape) -> Shape:
    """A shape with its symbolic sizes multiplied out, so that floors fold away where they can."""
    if not any(map(is_symbolic, shape)):
        return shape
    from vcalc import symbols

    return tuple(symbols.closed_form(size) if is_symbolic(size) else size for size in shape)


def bare(value: Number) -> Number:
    """The value of a working; anything else as it is."""
    return getattr(value, "bare", value)


def common_divisor(a: Number, b: Number) -> Number:
    """The greatest common divisor of ints or arrays."""
    a, b = bare(a), bare(b)
    if hasattr(a, "shape") or hasattr(b, "shape"):
        import numpy

        return numpy.gcd(a, b)
    return gcd(a, b)


def certainly_different(a: Number, b: Number) -> bool:
    """True when a and b are known to differ (for arrays: anywhere)."""
    return _certainly("!=", a, b)


def certainly_less(a: Number, b: Number) -> bool:
    """True when a is known to be less than b (for arrays: anywhere)."""
    return _certainly("<", a, b)


def certainly_equal(a: Number, b: Number) -> bool:
    """True when a and b are known to be equal (for arrays: everywhere)."""
    if type(a) is int and type(b) is int:
        return a == b
    a, b = bare(a), bare(b)
    if is_symbolic(a) or is_symbolic(b):
        from vcalc import symbols

        return symbols.decide("==", a, b) is True
    return bool(getattr(a == b, "all", lambda: a == b)())


def _certainly(operator: str, a: Number, b: Number) -> bool:
    if type(a) is int and type(b) is int:
        return a != b if operator == "!=" else a < b
    a, b = bare(a), bare(b)
    if is_symbolic(a) or is_symbolic(b):
        from vcalc import symbols

        return symbols.decide(operator, a, b) is True
    answer = a != b if operator == "!=" else a < b
    return bool(answer.any()) if hasattr(answer, "any") else bool(answer)


def maximum(a: Number, b: Number) -> Number:
    """The larger of two numbers; undecided symbols give SymPy's Max, and a working then loses how it came about."""
    if is_symbolic(bare(a)) or is_symbolic(bare(b)):
        from vcalc import symbols

        return symbols.maximum(bare(a), bare(b))
    if hasattr(a, "shape") or hasattr(b, "shape"):
        import numpy

        return numpy.maximum(a, b)
    return a if a >= b else b


def minimum(a: Number, b: Number) -> Number:
    """The smaller of two numbers; undecided symbols give SymPy's Min."""
    if is_symbolic(bare(a)) or is_symbolic(bare(b)):
        from vcalc import symbols

        return symbols.minimum(bare(a), bare(b))
    return -maximum(-a, -b)
