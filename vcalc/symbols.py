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
    """The number as SymPy has it: a float is the decimal that it prints as, 0.75*N stays exact.

    A text is refused, since SymPy runs it.
    """
    if isinstance(value, str):
        raise TypeError(f"the word {value!r:.40} is not a number")
    if isinstance(value, float):
        return sympy.Rational(str(value))
    return sympy.sympify(getattr(value, "written", value))


def decide(operator: str, a: Any, b: Any) -> bool | None:
    """`a operator b` for one of == != < <= > >=, or None when the symbols leave it open."""
    difference = exact(a) - exact(b)
    if not difference.is_number:
        difference = sympy.expand(difference)
    fact: bool | None = getattr(difference, _FACTS[operator])
    if fact is None:
        fact = _within(operator, *bounds_together(difference))
    return None if fact is None else fact is not (operator == "!=")


_FACTS = {
    "==": "is_zero",
    "!=": "is_zero",
    "<": "is_negative",
    "<=": "is_nonpositive",
    ">": "is_positive",
    ">=": "is_nonnegative",
}


def _within(operator: str, low: Any, high: Any) -> bool | None:
    """What the bounds of a difference say of the fact that an operator asks for."""
    if operator in ("==", "!="):
        return False if low > 0 or high < 0 else None
    if operator in ("<", "<="):
        low, high = -high, -low
        operator = operator.replace("<", ">")
    if low > 0 or (low == 0 and operator == ">="):
        return True
    return False if high < 0 or (high == 0 and operator == ">") else None


def holds(relation: str, a: Any, b: Any) -> bool | None:
    """Whether a relation (see `vcalc.arithmetic.Condition`) holds whatever the symbols are; None where that is open.

    Two sizes that both grow, and one of them faster, are not equal: that they meet where both are small helps nobody.
    """
    if relation == "%":
        return decide("==", exact(a) % exact(b), 0)
    known = decide(relation, a, b)
    return False if known is None and relation == "==" and _grow_apart(exact(a), exact(b)) else known


def _grow_apart(a: Any, b: Any) -> bool:
    """Whether the difference of two formulas gets ever larger with each of its symbols."""
    if not (a.free_symbols and b.free_symbols):
        return False
    difference = _unrounded(sympy.expand(a - b))
    if difference is None or not difference.free_symbols:
        return False
    signs = {factor.is_positive for term, factor in difference.as_coefficients_dict().items() if term.free_symbols}
    return len(signs) == 1


def _unrounded(value: Any) -> Any:
    """A sum of products without the floors and ceilings in it, which are off by a number; None for another formula."""
    terms = []
    for term in sympy.Add.make_args(value):
        factor, rest = term.as_coeff_Mul()
        if isinstance(rest, (sympy.floor, sympy.ceiling)):
            rest = _unrounded(sympy.expand(rest.args[0]))
        elif not rest.is_polynomial():
            rest = None
        if rest is None:
            return None
        terms.append(factor * rest)
    return sympy.expand(sympy.Add(*terms))


def bounds(value: Any) -> tuple[Any, Any]:
    """What a formula is no less and no more than: as wide as may be where it is not seen."""
    if value.is_number:
        return value, value
    if value.is_Symbol:
        return (1 if value.is_integer else 0), sympy.oo
    if isinstance(value, (sympy.floor, sympy.ceiling, sympy.Min, sympy.Max)):
        ends = [bounds(part) for part in value.args]
        return value.func(*(low for low, _ in ends)), value.func(*(high for _, high in ends))
    if value.is_Add:
        ends = [bounds(part) for part in value.args]
        return sympy.Add(*(low for low, _ in ends)), sympy.Add(*(high for _, high in ends))
    if value.is_Mul or (value.is_Pow and value.exp.is_Integer and value.exp > 0):
        return _bounds_of_product(value)
    return -sympy.oo, sympy.oo


def bounds_together(value: Any) -> tuple[Any, Any]:
    """The bounds of a formula, where floors in it that grow alike take each other's growth away, too."""
    low, high = bounds(value)
    if is_rounded(value):
        below, above = (sympy.expand(_straight(value, upwards)) for upwards in (False, True))
        low, high = sympy.Max(low, bounds(below)[0]), sympy.Min(high, bounds(above)[1])
    return (sympy.ceiling(low), sympy.floor(high)) if value.is_integer else (low, high)


def _straight(value: Any, above: bool) -> Any:
    """A formula that another one is at most (`above`) or at least: without its floors and ceilings, as far as seen."""
    found = []
    for term in sympy.Add.make_args(sympy.expand(value)):
        factor, rest = term.as_coeff_Mul()
        if isinstance(rest, (sympy.floor, sympy.ceiling)):
            (inside,) = rest.args
            upwards, parts = above is bool(factor > 0), _parts(inside)
            off = 1 - 1 / parts if parts else 1
            goes = (off if upwards else -off) if upwards is isinstance(rest, sympy.ceiling) else 0
            rest = _straight(inside, upwards) + goes
        found.append(factor * rest)
    return sympy.Add(*found)


def _bounds_of_product(value: Any) -> tuple[Any, Any]:
    """Those of a product of numbers that are not below nought, and of one factor."""
    factor, rest = value.as_coeff_Mul()
    base, times = rest.as_base_exp()
    parts = [base] * int(times) if times.is_Integer and times > 0 else [None]
    ends = [bounds(part) for part in (rest.args if rest.is_Mul else parts) if part is not None]
    if not ends or any(low < 0 for low, _ in ends):
        return -sympy.oo, sympy.oo
    low, high = sympy.Mul(*(low for low, _ in ends)), sympy.Mul(*(high for _, high in ends))
    return (factor * low, factor * high) if factor > 0 else (factor * high, factor * low)


def is_rising(value: Any) -> bool:
    """Whether a formula is seen not to fall while its symbols grow: sums and products of such, rounded or not."""
    if value.is_Symbol or value.is_number:
        return True
    if value.is_Add or isinstance(value, (sympy.floor, sympy.ceiling, sympy.Min, sympy.Max)):
        return all(map(is_rising, value.args))
    if value.is_Mul or (value.is_Pow and value.exp.is_Integer and value.exp > 0):
        factor, rest = value.as_coeff_Mul()
        if factor != 1:
            return bool(factor > 0) and is_rising(rest)
        parts = value.args if value.is_Mul else (value.base,)
        return all(is_rising(part) and bounds(part)[0] >= 0 for part in parts)
    return False


def quotient(a: Any, b: Any) -> tuple[Any, Any]:
    """What has to divide, and by what, for a / b to be whole; by an int where that is a number."""
    whole = exact(a) / exact(b)
    short = operations(whole) <= limits.RATIO_OPERATIONS
    above, below = sympy.fraction(sympy.together(sympy.cancel(sympy.together(whole))) if short else whole)
    return above, int(below) if below.is_Integer else below


def maximum(a: Any, b: Any) -> Any:
    """The larger of two expressions, as SymPy's Max when that is open."""
    known = _is_less(a, b)
    return sympy.Max(exact(a), exact(b)) if known is None else exact(b if known else a)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two expressions, as SymPy's Min when that is open."""
    known = _is_less(a, b)
    return sympy.Min(exact(a), exact(b)) if known is None else exact(a if known else b)


def _is_less(a: Any, b: Any) -> bool | None:
    """Whether the first of two expressions is the smaller one, or as large; None where symbols leave it open."""
    return True if decide("<=", a, b) else False if decide(">=", a, b) else None


def round_half_away(value: Any) -> Any:
    """The nearest whole number, halves away from zero, also below it."""
    half, whole = sympy.Rational(1, 2), exact(value)
    if whole.is_nonnegative:
        return sympy.floor(whole + half)
    if whole.is_nonpositive:
        return sympy.ceiling(whole - half)
    return sympy.sign(whole) * sympy.floor(sympy.Abs(whole) + half)


def round_half_even(value: Any) -> Any:
    """The nearest whole number, halves to the even one: the sum of what half the number is rounded down and up."""
    quarter, half = sympy.Rational(1, 4), exact(value) / 2
    return sympy.floor(half + quarter) + sympy.ceiling(half - quarter)


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


def extent(value: Any) -> tuple[int, int]:
    """How many operations and numbers an expression holds, and how deep its roots and logarithms are in one another."""
    return operations(value) + 1, _depth(value)


def _depth(value: Any) -> int:
    deeper = isinstance(value, sympy.log) or (value.is_Pow and not value.exp.is_Integer)
    return int(deeper) + max(map(_depth, value.args), default=0)


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
    return whole.xreplace({s: exact(bindings[s.name]) for s in whole.free_symbols if s.name in bindings})
