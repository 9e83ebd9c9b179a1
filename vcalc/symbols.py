"""The SymPy side: new symbols, comparisons that may stay undecided, closed forms. Imports SymPy; import it late."""

from __future__ import annotations

from typing import Any

import sympy


def symbol(name: str) -> Any:
    """A positive whole number without a value yet: a size, a width, a count."""
    return sympy.Symbol(name, integer=True, positive=True)


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


def closed_form(value: Any) -> Any:
    """The sum of products that a count comes to, like terms collected."""
    return sympy.expand(exact(value))


def ratio(a: Any, b: Any) -> Any:
    """a / b, simplified: one fraction, or a sum of fractions where that is shorter."""
    one = sympy.cancel(exact(a) / exact(b))
    return min(one, sympy.expand(one), key=lambda form: len(str(form)))


def evaluate(value: Any, bindings: dict[str, Any]) -> Any:
    """The expression with numbers in place of the named symbols."""
    return exact(value).subs({symbol(name): number for name, number in bindings.items()})
