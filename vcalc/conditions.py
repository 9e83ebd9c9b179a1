"""The conditions of a formula as they are said: `d % 12 == 0`, `h >= 7`; each thing once, in the order it came up.

`vcalc.arithmetic.assumed` notes them; SymPy is here where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from vcalc.arithmetic import Condition, is_symbolic

MOST = 2**40
"""A size beyond which none is looked for that fulfils a condition."""


def stated(conditions: Sequence[Condition]) -> list[str]:
    """The conditions as text; those that another one holds in it are left out."""
    if not conditions:
        return []
    from vcalc import symbols

    divided: dict[Any, int] = {}
    least: dict[Any, int] = {}
    others: dict[str, Any] = {}
    for relation, a, b in conditions:
        if (relation, b) == ("%", 1) and a.is_integer:  # a symbol that is taken to be whole, and need not be
            others[_divides(a, 1)] = None
            continue
        whole, parts = symbols.quotient(a, b) if relation == "%" else (a, None)
        start = _least(a, b, relation) if relation in (">=", ">") else None
        if type(parts) is int and whole.is_integer:
            factor, rest = whole.as_coeff_Mul()
            if factor.is_Integer and rest.is_integer and rest != 1:
                whole, parts = rest, parts // math.gcd(int(factor), parts)
            divided[whole] = math.lcm(parts, divided.get(whole, 1))
        elif start:
            least[start[0]] = max(start[1], least.get(start[0], 1))
        elif parts is not None:
            others[_divides(whole, parts)] = None
        elif not _is_identity(relation, a, b):
            others[_compared(relation, a, b)] = _spare(relation, a, b)
    return [
        *(_divides(whole, parts) for whole, parts in divided.items() if parts > 1),
        *(f"{name} >= {size}" for name, size in least.items() if size > divided.get(name, 1)),
        *(text for text, spare in others.items() if not _holds_from(spare, {**divided, **least})),
    ]


def _is_identity(relation: str, a: Any, b: Any) -> bool:
    """Whether two formulas are one, written in two ways."""
    from vcalc import symbols

    return relation == "==" and bool(symbols.closed_form(symbols.exact(a) - symbols.exact(b)) == 0)


def _spare(relation: str, a: Any, b: Any) -> Any:
    """A formula that a relation holds for where it is not below 0; None where there is none."""
    from vcalc import symbols

    if relation not in (">=", ">"):
        return None
    return symbols.exact(a) - symbols.exact(b) - int(relation == ">")


def _holds_from(spare: Any, least: dict[Any, int]) -> bool:
    """Whether a formula is not below 0 where its symbols are no less than they have to be."""
    from vcalc import symbols

    if spare is None:
        return False
    start = {name: name + size - 1 for name, size in least.items() if name.is_Symbol}
    return bool(symbols.bounds_together(spare.subs(start, simultaneous=True))[0] >= 0)


def _divides(whole: Any, parts: Any) -> str:
    above = f"({whole})" if whole.is_Add else str(whole)
    return f"{above} % {parts if getattr(parts, 'is_Symbol', True) else f'({parts})'} == 0"


def _compared(relation: str, a: Any, b: Any) -> str:
    """The relation with its number, where it has one, on the right."""
    if is_symbolic(a):
        return f"{a} {relation} {b}"
    return f"{b} {relation.translate(str.maketrans('<>', '><'))} {a}"


def _least(a: Any, b: Any, relation: str) -> tuple[Any, int] | None:
    """The only symbol of a - b, and where it has to begin, if a - b does not fall while the symbol grows."""
    from vcalc import symbols

    difference = symbols.closed_form(symbols.exact(a) - symbols.exact(b))
    if len(difference.free_symbols) != 1 or not symbols.is_rising(difference):
        return None
    (name,) = difference.free_symbols
    if not name.is_integer:
        return None

    def fulfils(size: int) -> bool:
        value = difference.subs(name, size)
        return bool(value > 0 if relation == ">" else value >= 0)

    high = 1
    while not fulfils(high):
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fulfils(middle) else (middle, high)
    return name, high
