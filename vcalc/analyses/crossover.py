"""Where one way to build a thing overtakes another: the sizes at which two formulas are equal."""

from __future__ import annotations

from typing import Any, NamedTuple

from vcalc.arithmetic import is_symbolic

DEGREE = 4
"""The highest power of the symbol that is solved for with others left open; numbers alone may have any."""


class Crossover(NamedTuple):
    """A value of the symbol at which two formulas are equal, and which is less before and after it."""

    value: Any
    less_below: int | None
    """0 for the first formula, 1 for the second; None where the other symbols leave it open."""
    less_above: int | None


def crossovers(first: Any, second: Any, name: str) -> list[Crossover] | None:
    """The positive values of a symbol at which two formulas agree, in ascending order where they are numbers.

    None where the difference is no polynomial in the symbol (a floor is left in it) or one that is not solved.
    """
    import sympy

    from vcalc import symbols

    x = symbols.symbol(name)
    difference = sympy.together(symbols.exact(first) - symbols.exact(second))
    above, _ = sympy.fraction(difference)
    if not above.has(x):
        return []
    try:
        polynomial = sympy.Poly(above, x)
    except sympy.PolynomialError:
        return None
    if any(c.has(x) for c in polynomial.coeffs()):
        return None
    roots = _numbers(polynomial) if polynomial.domain.is_ZZ or polynomial.domain.is_QQ else _formulas(polynomial)
    if roots is None:
        return None
    return [Crossover(root, *_sides(polynomial, roots, i)) for i, root in enumerate(roots)]


def _numbers(polynomial: Any) -> list[Any]:
    """The positive roots of a polynomial with numbers for coefficients, each once."""
    return [root for root in dict.fromkeys(polynomial.real_roots()) if root.is_positive]


def _formulas(polynomial: Any) -> list[Any] | None:
    """The roots that are positive for all positive values of the other symbols."""
    import sympy

    if _span(polynomial) > DEGREE:
        return None
    found = sympy.roots(polynomial, filter="R") or sympy.roots(polynomial)
    return [_short(sympy, root) for root in found if root.is_positive]


def _short(sympy: Any, root: Any) -> Any:
    """A root as one square root where that is shorter."""
    forms = (sympy.radsimp(root), sympy.sqrt(sympy.expand(root**2)))
    return min(forms, key=lambda form: len(str(form)))


def _span(polynomial: Any) -> int:
    powers = [monomial[0] for monomial in polynomial.monoms()]
    return int(max(powers) - min(powers))


def _sides(polynomial: Any, roots: list[Any], i: int) -> tuple[int | None, int | None]:
    """Which formula is less just below and just above a root: the sign of the difference there."""
    import sympy

    if is_symbolic(roots[i]) or len(roots) == 1:
        below, above = polynomial.coeffs()[-1], polynomial.coeffs()[0]
        if len(roots) > 1:
            return None, None
    else:
        before = (roots[i - 1] + roots[i]) / 2 if i else roots[i] / 2
        after = (roots[i] + roots[i + 1]) / 2 if i + 1 < len(roots) else roots[i] * 2
        below, above = (polynomial.eval(sympy.Rational(str(sympy.N(place, 50)))) for place in (before, after))
    return _less(below), _less(above)


def _less(difference: Any) -> int | None:
    """Which of two is less by the sign of first minus second."""
    if difference.is_positive:
        return 1
    return 0 if difference.is_negative else None
