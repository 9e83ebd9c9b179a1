"""The SymPy side: new symbols, comparisons that may stay undecided, closed forms. Imports SymPy; import it late."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import sympy

from vcalc import limits


def symbol(name: str) -> Any:
    """A positive whole number without a value yet: a size, a width, a count."""
    return sympy.Symbol(name, integer=True, positive=True)


def share(name: str) -> Any:
    """A positive number without a value yet that need not be whole: a masking ratio, a width multiplier."""
    return sympy.Symbol(name, positive=True)


def exact(value: Any) -> Any:
    """A float as the decimal fraction it was written as: 0.75*N stays exact. A text is refused, since SymPy runs it."""
    if isinstance(value, str):
        raise TypeError(f"the word {value!r:.40} is not a number")
    return sympy.Rational(str(value)) if isinstance(value, float) else sympy.sympify(value)


def decide(operator: str, a: Any, b: Any) -> bool | None:
    """`a operator b` for one of == != < <= > >=, or None when the symbols leave it open."""
    difference = exact(a) - exact(b)
    if not difference.is_number:
        difference = sympy.expand(difference)
    if operator in ("==", "!="):
        zero = difference.is_zero
        return zero if zero is None or operator == "==" else not zero
    fact = {
        "<": difference.is_negative,
        "<=": difference.is_nonpositive,
        ">": difference.is_positive,
        ">=": difference.is_nonnegative,
    }
    answer: bool | None = fact[operator]
    return answer


def maximum(a: Any, b: Any) -> Any:
    """The larger of two expressions, as SymPy's Max when that is open."""
    return sympy.Max(exact(a), exact(b))


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two expressions, as SymPy's Min when that is open."""
    return sympy.Min(exact(a), exact(b))


def round_half_away(value: Any) -> Any:
    """The nearest whole number of a positive expression, halves up."""
    return sympy.floor(exact(value) + sympy.Rational(1, 2))


def floor(value: Any) -> Any:
    """The whole part."""
    return sympy.floor(exact(value))


def ceiling(value: Any) -> Any:
    """Rounded up."""
    return sympy.ceiling(exact(value))


def function(name: str, *arguments: Any) -> Any:
    """`log` or `sqrt` of an expression."""
    return getattr(sympy, name)(*(exact(argument) for argument in arguments))


def operations(value: Any) -> int:
    """How many operations an expression holds."""
    return int(sympy.count_ops(value, visual=False))


@lru_cache(maxsize=4096, typed=True)
def closed_form(value: Any) -> Any:
    """The sum of products that a count comes to, like terms collected and floors within floors made one."""
    whole = exact(value)
    if whole.has(sympy.floor, sympy.ceiling):
        whole = whole.replace(sympy.ceiling, _as_floor)
        whole = whole.replace(sympy.floor, lambda inside: sympy.floor(_unfloored(inside)))
        whole = whole.replace(sympy.floor, _as_ceiling)
    return sympy.expand(whole)


def _as_floor(value: Any) -> Any:
    """A ceiling as a floor, where it is that of a quotient of whole numbers."""
    parts = _parts(value)
    return sympy.floor(value + 1 - 1 / parts) if parts else sympy.ceiling(value)


def _as_ceiling(value: Any) -> Any:
    """The floor of a quotient, as a ceiling less one where that is shorter: floor((n - 1) / m)."""
    if value.could_extract_minus_sign():
        return -sympy.ceiling(-value)
    parts = _parts(value)
    if parts and parts > 1 and sympy.expand(value).as_coeff_Add()[0] % 1 == 1 - 1 / parts:
        return sympy.ceiling(value + 1 / parts) - 1
    return sympy.floor(value)


def _parts(value: Any) -> Any:
    """The whole number that a quotient of whole numbers is divided by; None where it is no such quotient."""
    above, below = sympy.fraction(sympy.together(value))
    return below if below.is_Integer and above.is_integer else None


def _unfloored(value: Any) -> Any:
    """What a floor is taken of, without a floor in it that makes no difference: (floor(x) + n) / m, n and m whole."""
    rest, floors = sympy.expand(value).as_independent(sympy.floor, as_Add=True)
    factor, inner = floors.as_coeff_Mul()
    if not isinstance(inner, sympy.floor) or not factor.is_positive:
        return value
    parts = 1 / factor
    return rest + factor * inner.args[0] if parts.is_integer and (rest * parts).is_integer else value


def is_rounded(value: Any) -> bool:
    """Whether a formula holds the floor or the ceiling of another one."""
    return bool(value.has(sympy.floor, sympy.ceiling))


def added(values: Iterable[Any]) -> Any:
    """The sum of expressions."""
    return sympy.Add(*map(exact, values))


def ratio(a: Any, b: Any) -> Any:
    """a / b, simplified unless it is long: one fraction, or a sum of fractions where that is shorter."""
    whole = exact(a) / exact(b)
    if operations(whole) > limits.RATIO_OPERATIONS:
        return whole
    one = sympy.cancel(whole)
    return min(one, sympy.expand(one), key=lambda form: len(str(form)))


def evaluate(value: Any, bindings: dict[str, Any]) -> Any:
    """The expression with numbers in place of the named symbols."""
    whole = exact(value)
    return whole.subs({s: bindings[s.name] for s in whole.free_symbols if s.name in bindings})
