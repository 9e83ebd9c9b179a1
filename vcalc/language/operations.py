"""What the operators of the expression language do: exactly, on numbers and symbols alike."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vcalc import limits
from vcalc.arithmetic import COMPARISONS, assumed, is_many, is_symbolic
from vcalc.language.values import (
    ExpressionError,
    bounded,
    check_length,
    has_symbols,
    is_list,
    is_number,
    number,
    shown,
    too_long,
)


class _Paying(threading.local):
    by: Callable[..., Any] | None = None
    for_items: Callable[[int], None] | None = None


PAYING = _Paying()
"""Who pays, in each thread, for arithmetic on numbers that are not whole: it is asked what `exact` is. And who
pays for the items of lists that are made of others."""


def answer(asked: str, *given: Any) -> Any:
    """What exact arithmetic answers, paid for where somebody pays."""
    if PAYING.by is not None:
        return PAYING.by(asked, *given)
    from vcalc.language import exact

    return exact.answer(asked, *given)


def _paired(sign: str, whole: Callable[[int, int], Any], formula: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """An operator on two numbers: what it does with whole ones, and with formulas."""

    def apply(a: Any, b: Any) -> Any:
        if type(a) is int and type(b) is int:
            return whole(a, b)
        if sign in _OF_LISTS and (is_list(a) or is_list(b)):
            return _OF_LISTS[sign](a, b)
        number(a), number(b)
        if is_many(a) or is_many(b):
            return _of_many(sign, whole, apply, a, b)
        if has_symbols(a) or has_symbols(b):
            from vcalc import symbols

            parts = [answer("write", part) if hasattr(part, "digits") else symbols.exact(part) for part in (a, b)]
            return bounded(formula(*parts))
        return answer(sign, a, b)

    return apply


def _one_after_the_other(a: Any, b: Any) -> list[Any]:
    if not (is_list(a) and is_list(b)):
        raise TypeError(f"{shown(a)} and {shown(b)} are not both lists, or both numbers")
    return _listed([*a, *b])


def _repeated(a: Any, b: Any) -> list[Any]:
    items, times = (a, b) if is_list(a) else (b, a)
    times = common(times)
    if type(times) is not int or times < 0:
        raise TypeError(f"a list is repeated a whole number of times, 0 or more, not {shown(times)}")
    if len(items) * times > limits.LIST_ITEMS:
        raise too_long()
    return _listed([*items] * times)


_OF_LISTS = {"+": _one_after_the_other, "*": _repeated}
"""What operators do with lists."""


def _listed(items: list[Any]) -> list[Any]:
    """A list that is made of others, paid for where somebody pays."""
    count = check_length(items)
    if PAYING.for_items is not None:
        PAYING.for_items(count)
    return items


def _of_many(sign: str, whole: Callable[[Any, Any], Any], apply: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """An operator on arrays: at once on whole numbers with a whole answer; else on one number after the other."""
    from vcalc import many

    if many.are_whole(a, b) and sign != "**":
        if sign != "/":
            return whole(a, b)
        if a % b == 0:
            return a // b
    elif sign in ("/", "//", "%") and not compared("!=", b, 0):
        raise ZeroDivisionError
    return on_each(apply, a, b)


def on_each(function: Callable[..., Any], *values: Any) -> Any:
    """What a function makes of arrays, one number after the other; as for one network, the first is paid for."""
    from vcalc import many

    with _paid_once():
        return many.each(function, *values)


@contextmanager
def _paid_once() -> Iterator[None]:
    """Have the first answer that exact arithmetic is asked for paid for, and no more."""
    payer = PAYING.by

    def pay(asked: str, *given: Any) -> Any:
        PAYING.by = None
        return payer(asked, *given) if payer else answer(asked, *given)

    PAYING.by = pay
    try:
        yield
    finally:
        PAYING.by = payer


def _divisor(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """SymPy divides by zero in silence; Python's error stands for both."""

    def divide(a: Any, b: Any) -> Any:
        if not assumed("!=", b, 0):
            raise ZeroDivisionError
        return op(a, b)

    return divide


def _quotient(a: int, b: int) -> Any:
    return answer("/", a, b) if a % b else a // b


def _power(a: int, b: int) -> Any:
    if b >= 0 and b * a.bit_length() <= 8 * limits.NUMBER_BITS:
        return a**b
    return answer("**", a, b)


def _symbolic_power(a: Any, b: Any) -> Any:
    if b.is_negative and not assumed("!=", a, 0):
        raise ZeroDivisionError
    if is_symbolic(a):
        if not b.is_Integer:
            raise ValueError("a symbol is only raised to a whole number")
        if abs(b) * _degree(a) > limits.SYMBOLIC_POWER:
            raise ValueError(f"a symbol is raised to at most the {limits.SYMBOLIC_POWER}th power")
    elif b.is_number:
        from vcalc.language import exact

        largest = max(max(abs(part.p), part.q) for part in a.atoms() if part.is_Rational)
        exact.check_size_of_power(int(largest), max(1, int(abs(b))))
    return a**b


def _degree(value: Any) -> int:
    """The highest power of a symbol in a formula, as it is written."""
    if value.is_Pow and value.exp.is_Integer:
        return abs(int(value.exp)) * _degree(value.base)
    return max(map(_degree, value.args), default=1)


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": _paired("+", operator.add, operator.add),
    "-": _paired("-", operator.sub, operator.sub),
    "*": _paired("*", operator.mul, operator.mul),
    "/": _paired("/", _quotient, _divisor(operator.truediv)),
    "//": _paired("//", operator.floordiv, _divisor(operator.floordiv)),
    "%": _paired("%", operator.mod, _divisor(operator.mod)),
    "**": _paired("**", _power, _symbolic_power),
}


def negated(value: Any) -> Any:
    """The number with the other sign."""
    return -number(value)


def compared(sign: str, a: Any, b: Any) -> bool:
    """A comparison's answer. Raises ExpressionError where symbols leave it open."""
    if type(a) is int and type(b) is int:
        return bool(COMPARISONS[sign](a, b))
    if sign in ("==", "!=") and not (is_number(a) and is_number(b)):
        return _same(a, b) is (sign == "==")
    number(a), number(b)
    if is_many(a) or is_many(b):
        from vcalc import many

        with _paid_once():
            return many.holds(sign, a, b, compared)
    if has_symbols(a) or has_symbols(b):
        from vcalc import symbols

        decided = symbols.decide(sign, a, b)
        if decided is None:
            raise undecided(f"whether {shown(a)} {sign} {shown(b)}", a, b)
        return decided
    return bool(COMPARISONS[sign](answer("compare", a, b), 0))


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


def common(value: Any) -> Any:
    """The number that all those of an array are; any other value is itself. Refuses an array of several."""
    return value.common() if is_many(value) else value


def pick(items: Any, index: Any) -> Any:
    """An item of a list, counted from 0, or from -1 at its end."""
    index = common(index)
    if not is_list(items) or type(index) is not int:
        raise TypeError("only a list is indexed, with a whole number")
    if not -len(items) <= index < len(items):
        raise ValueError(f"there is no item {index} in a list of {len(items)} (0 is the first)")
    return items[index]


def part(items: Any, start: Any, stop: Any, step: Any) -> list[Any]:
    """The items of a list from one place up to another one, which is left out, in steps; None where nothing is said."""
    bounds = [common(bound) for bound in (start, stop, step)]
    if not is_list(items) or not all(bound is None or type(bound) is int for bound in bounds):
        raise TypeError("only a list has parts, from a whole number up to another one")
    if bounds[2] == 0:
        raise ValueError("a part of a list goes in steps of 1 or more, or of -1 or less, not of 0")
    return _listed([*items[slice(*bounds)]])
