"""What the operators of the expression language do. Symbols and floats meet as exact fractions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from vcalc import limits
from vcalc.arithmetic import is_symbolic
from vcalc.spec.values import ExpressionError, bounded, has_symbols, is_list, is_number, number, shown, too_large


def _paired(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator on two numbers; fractions where one of them is a symbol."""

    def apply(a: Any, b: Any) -> Any:
        if type(a) is int and type(b) is int:
            return op(a, b)
        number(a), number(b)
        if has_symbols(a) or has_symbols(b):
            return bounded(op(_exact(a), _exact(b)))
        return bounded(op(a, b))

    return apply


def _exact(value: Any) -> Any:
    from vcalc import symbols

    return symbols.exact(value)


def _divisor(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """SymPy divides by zero in silence; Python's error stands for both."""

    def divide(a: Any, b: Any) -> Any:
        if b == 0 or (is_symbolic(b) and _is_zero(b)):
            raise ZeroDivisionError
        return op(a, b)

    return divide


def _is_zero(value: Any) -> bool:
    from vcalc import symbols

    return symbols.decide("==", value, 0) is True


def _quotient(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int and a % b == 0:
        return a // b
    return a / b


def _power(a: Any, b: Any) -> Any:
    if has_symbols(a):  # and then b, too, made exact
        return _symbolic_power(a, b)
    if isinstance(a, int) and isinstance(b, int):
        _check_size_of_power(a, b)
    result = a**b
    if isinstance(result, complex):
        raise ValueError("the result is not a real number")
    return result


def _check_size_of_power(a: int, b: int) -> None:
    if abs(a) > 1 and abs(b) * abs(a).bit_length() > 8 * limits.NUMBER_BITS:
        raise too_large()


def _symbolic_power(a: Any, b: Any) -> Any:
    if a == 0 and b.is_negative:
        raise ZeroDivisionError
    if is_symbolic(a):
        if not b.is_Integer:
            raise ValueError("a symbol is only raised to a whole number")
        if abs(b) * _degree(a) > limits.SYMBOLIC_POWER:
            raise ValueError(f"a symbol is raised to at most the {limits.SYMBOLIC_POWER}th power")
    elif b.is_number:
        largest = max(max(abs(part.p), part.q) for part in a.atoms() if part.is_Rational)
        _check_size_of_power(int(largest), max(1, int(abs(b))))
    return a**b


def _degree(value: Any) -> int:
    """The highest power of a symbol in a formula, as it is written."""
    if value.is_Pow and value.exp.is_Integer:
        return abs(int(value.exp)) * _degree(value.base)
    return max(map(_degree, value.args), default=1)


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": _paired(operator.add),
    "-": _paired(operator.sub),
    "*": _paired(operator.mul),
    "/": _paired(_divisor(_quotient)),
    "//": _paired(_divisor(operator.floordiv)),
    "%": _paired(_divisor(operator.mod)),
    "**": _paired(_power),
}

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def negated(value: Any) -> Any:
    """The number with the other sign."""
    return -number(value)


def compared(sign: str, a: Any, b: Any) -> bool:
    """A comparison's answer. Raises ExpressionError where symbols leave it open."""
    if sign in ("==", "!=") and not (is_number(a) and is_number(b)):
        return _same(a, b) is (sign == "==")
    number(a), number(b)
    if has_symbols(a) or has_symbols(b):
        from vcalc import symbols

        answer = symbols.decide(sign, a, b)
        if answer is None:
            raise undecided(f"whether {shown(a)} {sign} {shown(b)}", a, b)
        return answer
    return bool(_COMPARISONS[sign](a, b))


def _same(a: Any, b: Any) -> bool:
    """Equality of lists, item by item, and of truths, words and blocks, which are what they are."""
    if is_list(a) and is_list(b):
        return len(a) == len(b) and all(compared("==", x, y) for x, y in zip(a, b, strict=True))
    if type(a) is not type(b):
        raise TypeError(f"{shown(a)} and {shown(b)} cannot be compared")
    return bool(a == b)


def undecided(question: str, *values: Any) -> ExpressionError:
    """The error for a question that the symbols leave open; it names what to bind."""
    free = sorted({str(s) for value in values for s in getattr(value, "free_symbols", ())})
    return ExpressionError(
        f"{question} cannot be told while {' and '.join(free)} {'have' if len(free) > 1 else 'has'} no value",
        "bind " + " and ".join(free) + " to a number: " + " ".join(f"--set {name}=…" for name in free),
    )


def pick(items: Any, index: Any) -> Any:
    """An item of a list, counted from 0, or from -1 at its end."""
    if not is_list(items) or type(index) is not int:
        raise TypeError("only a list is indexed, with a whole number")
    if not -len(items) <= index < len(items):
        raise ValueError(f"there is no item {index} in a list of {len(items)} (0 is the first)")
    return items[index]
