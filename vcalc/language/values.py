"""What a value of the expression language is, and how large: numbers, symbols, lists, truths, words, blocks.

What is no number is refused before SymPy sees it, which would evaluate a text; what could grow is bounded at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from vcalc import limits
from vcalc.arithmetic import is_many
from vcalc.errors import VcalcError, quoted

EXACT_FLOAT = 2.0**53
"""From here on a float leaves out whole numbers."""

SMALLEST_FLOAT = 2.0**-limits.NUMBER_BITS
"""A decimal number nearer to 0 takes more bits than a fraction may have."""

COMPARE = "compare it, as in C > 64"
ROUNDED = "write it with fewer digits, or round it"
LARGEST = f"the largest is 2**{limits.NUMBER_BITS} - 1, about 3.4e38"


class ExpressionError(VcalcError):
    """An expression that cannot be read or has no value; `column` counts from 0 within its text."""

    def __init__(self, message: str, hint: str = "", column: int = 0, name: str = "") -> None:
        super().__init__("expression", message, hint=hint)
        self.column = column
        self.name = name
        """The name that is not defined, where that is what is wrong."""


class NoValueError(ArithmeticError):
    """What comes out is no value of the language; `hint` says what would be."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def is_list(value: Any) -> bool:
    """True for a list, however it came to be."""
    return isinstance(value, (list, tuple))


def has_symbols(value: Any) -> bool:
    """True for a SymPy expression, its numbers included."""
    return hasattr(value, "free_symbols")


def is_quotient(value: Any) -> bool:
    """True for a number that no int and no float is: a fraction, a root, a logarithm (see `vcalc.language.exact`)."""
    return hasattr(value, "limit_denominator") or hasattr(value, "digits")


def is_number(value: Any) -> bool:
    """True for a number or a formula; false for a truth, a word, a list, a block."""
    if isinstance(value, (int, float)):
        return not isinstance(value, bool)
    return has_symbols(value) or is_quotient(value) or is_many(value)


def number(value: Any) -> Any:
    """The value, if it is a number."""
    if type(value) is int or is_number(value):
        return value
    raise TypeError(f"{shown(value)} is not a number")


def numbers(values: Any, what: str) -> list[Any]:
    """The items of a list of numbers."""
    if not is_list(values):
        raise TypeError(f"{what} takes a list")
    return [number(value) for value in values]


def truth(value: Any) -> bool:
    """The value, if it is true or false: nothing else decides anything."""
    if isinstance(value, bool):
        return value
    raise NoValueError(f"{shown(value)} is neither true nor false", COMPARE)


def shown(value: Any) -> str:
    """A value for a message, short."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    text = f"[{', '.join(map(shown, value[:21]))}]" if is_list(value) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def bounded(value: Any) -> Any:
    """The value, unless it is a number that no network has. SymPy's numbers become those of the language."""
    if type(value) is int:
        if value.bit_length() > limits.NUMBER_BITS:
            raise too_large()
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise NoValueError("not a finite number")
        if abs(value) >= EXACT_FLOAT:
            raise NoValueError("a decimal number of 2**53 or more, which is not exact: write it as a whole number")
        if value and abs(value) < SMALLEST_FLOAT:
            raise too_fine()
    elif has_symbols(value):
        return _bounded_formula(value)
    elif is_many(value):
        return value.each(bounded) if value.size is None or value.size > 2**limits.NUMBER_BITS - 1 else value
    return value


def too_large() -> NoValueError:
    """The error for a number that no network has."""
    return NoValueError(f"a number of more than {limits.NUMBER_BITS} bits", LARGEST)


def too_fine() -> NoValueError:
    """The error for a fraction that no network has."""
    return NoValueError(f"a fraction of more than {limits.NUMBER_BITS} bits above or below its line", ROUNDED)


def too_long() -> NoValueError:
    """The error for a list that no spec needs."""
    return NoValueError(f"a list of more than {limits.LIST_ITEMS:,} items", "see docs/limits.md")


def _bounded_formula(value: Any) -> Any:
    if value.is_Integer:
        return bounded(int(value))
    if value.is_finite is False or value.is_real is False or (value.is_number and not value.is_real):
        raise NoValueError("not a real number")
    if value.is_number:
        from vcalc.language import exact

        return exact.of_constant(value)
    if operations(value) > limits.SYMBOLIC_OPERATIONS:
        raise NoValueError(f"it grows past {limits.SYMBOLIC_OPERATIONS} operations")
    if terms(value) > limits.SYMBOLIC_TERMS:
        raise NoValueError(f"it comes to more than {limits.SYMBOLIC_TERMS} terms")
    for part in value.atoms():
        if part.is_Rational and max(abs(part.p), part.q).bit_length() > limits.NUMBER_BITS:
            raise NoValueError(f"it holds a number of more than {limits.NUMBER_BITS} bits", LARGEST)
    return value


def operations(value: Any) -> int:
    """How many operations a formula holds."""
    from vcalc import symbols

    return symbols.operations(value)


def terms(value: Any) -> int:
    """At most how many terms a formula has when it is multiplied out; stops counting past the limit."""
    if value.is_Add:
        return sum(map(terms, value.args))
    if value.is_Mul:
        return product_of_terms(value.args)
    if value.is_Pow and value.exp.is_Integer:
        base, times = terms(value.base), min(abs(int(value.exp)), limits.SYMBOLIC_TERMS)
        return base if base > limits.SYMBOLIC_TERMS else math.comb(base + times - 1, times)
    return max(map(terms, value.args), default=1)


def product_of_terms(factors: Iterable[Any]) -> int:
    """At most how many terms the product of formulas has; stops counting past the limit."""
    product = 1
    for factor in factors:
        product *= terms(factor)
        if product > limits.SYMBOLIC_TERMS:
            break
    return product


def bounded_list(items: list[Any]) -> list[Any]:
    """The list, unless it and the lists in it hold too many items, or a number that no network has."""
    items = [bounded(item) for item in items]
    check_length(items)
    return items


def check_length(items: Any) -> int:
    """How many items a list and the lists in it hold. Raises NoValueError where they are too many."""
    count = list_items(items)
    if count > limits.LIST_ITEMS:
        raise too_long()
    return count


def list_items(items: Any) -> int:
    """How many items a list and the lists in it hold; stops counting past the limit."""
    count = len(items)
    for item in items:
        if count > limits.LIST_ITEMS:
            break
        if is_list(item):
            count += list_items(item)
    return count


def frozen(value: Any) -> Any:
    """Lists as tuples, so that layers with equal fields are one."""
    return tuple([frozen(item) for item in value]) if is_list(value) else value


def key_of(value: Any) -> Any:
    """What equals only the same of another value: 1, 1.0 and true, which are equal, are three."""
    kind = type(value)
    if kind is int or kind is str:
        return value
    if kind is tuple:
        return tuple([item if type(item) is int else key_of(item) for item in value])
    return kind, value


def decimal(value: Any) -> Any:
    """A quotient, a root or a logarithm as the float next to it, for what is outside the language; lists, too."""
    if isinstance(value, (int, float, str)):
        return value
    if is_list(value):
        return type(value)(map(decimal, value))
    if is_quotient(value):
        from vcalc.language import exact

        return exact.as_float(value)
    if is_many(value):
        return value.each(decimal) if value.size is None else value
    return value
