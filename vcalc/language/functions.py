"""The functions of the expression language: the same for numbers and symbols."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce, wraps
from typing import Any

from vcalc.arithmetic import assumed, is_many, is_symbolic, maximum, minimum
from vcalc.language.operations import BINARY, answer, compared, negated, on_each
from vcalc.language.values import ExpressionError, bounded, has_symbols, is_list, number, numbers, shown


def _round(value: Any) -> Any:
    """The nearest whole number, halves away from zero."""
    if is_symbolic(number(value)):
        from vcalc import symbols

        return bounded(symbols.round_half_away(value))
    return _floor(_plus(value, 0.5)) if compared(">=", value, 0) else -_floor(_plus(negated(value), 0.5))


def _round_even(value: Any) -> Any:
    """The nearest whole number, halves to the even one (IEEE 754), as Python and NumPy round."""
    if is_symbolic(number(value)):
        from vcalc import symbols

        return bounded(symbols.round_half_even(value))
    up, down = _floor(_plus(value, 0.5)), _ceil(_plus(value, -0.5))
    return up if up % 2 == 0 else down  # they differ at halves alone


def _plus(value: Any, more: float) -> Any:
    return BINARY["+"](value, more)


def _floor(value: Any) -> Any:
    if type(value) is int:
        return value
    if is_symbolic(number(value)):
        from vcalc import symbols

        return bounded(symbols.floor(value))
    from vcalc.language import exact

    return exact.floor(value)


def _ceil(value: Any) -> Any:
    if is_symbolic(number(value)):
        from vcalc import symbols

        return bounded(symbols.ceiling(value))
    return -_floor(negated(value))


def _round8(value: Any) -> Any:
    """The nearest multiple of 8, at least 8, never more than 10% below (Howard et al., MobileNet's reference code)."""
    if is_symbolic(number(value)):
        from vcalc import symbols

        if value.is_integer and symbols.decide("==", value % 8, 0):
            return value
        free = ", ".join(sorted(str(s) for s in value.free_symbols))
        raise ExpressionError(f"round8({shown(value)}) depends on the value of {free}", f"bind {free} to a number")
    rounded = max(8, _floor(_plus(value, 4)) // 8 * 8)
    return rounded + 8 if compared("<", 10 * rounded, BINARY["*"](9, value)) else rounded


def _size(value: Any) -> Any:
    if type(value) is int:
        return abs(value)
    if is_symbolic(number(value)):
        return abs(value)
    return negated(value) if compared("<", value, 0) else value


def _extreme(name: str, sign: str, of_two: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def choose(*values: Any) -> Any:
        values = tuple(values[0]) if len(values) == 1 and is_list(values[0]) else values
        if not values:
            raise ValueError(f"{name} of an empty list")
        if any(map(is_many, values)):
            from vcalc import many

            whole = many.are_whole(*map(number, values))
            return reduce(of_two, values) if whole else on_each(choose, *values)
        best = number(values[0])
        for value in values[1:]:
            best = value if compared(sign, number(value), best) else best
        return best

    return choose


def _logarithm(value: Any, base: Any = None) -> Any:
    arguments = [number(part) for part in (value, base) if part is not None]
    if not all(_holds(">", part, 0) for part in arguments):
        raise ValueError("log takes numbers above 0")
    if base is not None and not _holds("!=", base, 1):
        raise ZeroDivisionError
    if any(map(has_symbols, arguments)):
        return _formula("log", arguments)
    return answer("log", *arguments)


def _root(value: Any) -> Any:
    if not _holds(">=", number(value), 0):
        raise ValueError("sqrt takes a number that is not below 0")
    if has_symbols(value):
        return _formula("sqrt", [value])
    return answer("sqrt", value)


def _holds(sign: str, a: Any, b: int) -> bool:
    """A comparison's answer; where symbols leave it open, it is a condition of the formula."""
    return assumed(sign, a, b) if is_symbolic(a) else compared(sign, a, b)


def _formula(name: str, arguments: list[Any]) -> Any:
    from vcalc import symbols

    return bounded(symbols.function(name, *arguments))


def _sum(values: Any) -> Any:
    total: Any = 0
    for value in numbers(values, "sum"):
        total = BINARY["+"](total, value)
    return total


def _length(values: Any) -> int:
    if not is_list(values):
        raise TypeError("len takes a list")
    return len(values)


def _each(function: Callable[..., Any], stays: bool = False) -> Callable[..., Any]:
    """A function that takes each number of an array by itself; whole ones it leaves as they are, where it `stays`."""

    @wraps(function)
    def apply(*values: Any) -> Any:
        if not any(map(is_many, values)):
            return function(*values)
        from vcalc import many

        return values[0] if stays and many.are_whole(*values) else on_each(function, *values)

    return apply


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, int], str]] = {
    "max": (_extreme("max", ">", maximum), (1, 20), "the largest of several numbers or of a list"),
    "min": (_extreme("min", "<", minimum), (1, 20), "the smallest of several numbers or of a list"),
    "abs": (_each(_size), (1, 1), "the size without the sign"),
    "round": (_each(_round, stays=True), (1, 1), "the nearest whole number, halves away from zero"),
    "round_even": (
        _each(_round_even, stays=True),
        (1, 1),
        "the nearest whole number, halves to the even one (Python, NumPy)",
    ),
    "floor": (_each(_floor, stays=True), (1, 1), "rounded down"),
    "ceil": (_each(_ceil, stays=True), (1, 1), "rounded up"),
    "round8": (_each(_round8), (1, 1), "the nearest multiple of 8, at least 8, never more than 10% below (MobileNet)"),
    "log": (_each(_logarithm), (1, 2), "the natural logarithm, or to the base given second"),
    "sqrt": (_each(_root), (1, 1), "the square root"),
    "sum": (_sum, (1, 1), "the sum of a list"),
    "len": (_length, (1, 1), "how many items a list has"),
}
"""Every function of the language: how it works, how many arguments it takes, what it gives."""
