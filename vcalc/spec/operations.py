"""What the operators and functions of the expression language do to values: ints, floats, symbols, lists, truths, words.

Symbols and floats meet as exact fractions. What is no number is refused before SymPy sees it, which would evaluate a
text; and every result that could grow is bounded at once.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

from vcalc import limits
from vcalc.arithmetic import is_symbolic
from vcalc.errors import VcalcError, quoted

EXACT_FLOAT = 2.0**53
"""From here on a float leaves out whole numbers."""


class ExpressionError(VcalcError):
    """An expression that cannot be read or has no value; `column` counts from 0 within its text."""

    def __init__(self, message: str, hint: str = "", column: int = 0, name: str = "") -> None:
        super().__init__("expression", message, hint=hint)
        self.column = column
        self.name = name
        """The name that is not defined, where that is what is wrong."""


# Values


def is_list(value: Any) -> bool:
    """True for a list, however it came to be."""
    return isinstance(value, (list, tuple))


def has_symbols(value: Any) -> bool:
    """True for a SymPy expression, its numbers included."""
    return hasattr(value, "free_symbols")


def number(value: Any) -> Any:
    """The value, if it is a number: no truth, word, list or block."""
    if type(value) is int or isinstance(value, (int, float)) and not isinstance(value, bool) or has_symbols(value):
        return value
    raise TypeError(f"{quoted(str(value)) if has_text(value) else shown(value)} is not a number")


def numbers(values: Any, what: str) -> list[Any]:
    """The items of a list of numbers."""
    if not is_list(values):
        raise TypeError(f"{what} takes a list")
    return [number(value) for value in values]


def has_text(value: Any) -> bool:
    """True for a word."""
    return isinstance(value, str)


def truth(value: Any) -> bool:
    """The value, if it is true or false: nothing else decides anything."""
    if isinstance(value, bool):
        return value
    raise TypeError(f"{shown(value)} is neither true nor false")


def shown(value: Any) -> str:
    """A value for a message, short."""
    text = "a list" if is_list(value) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def bounded(value: Any) -> Any:
    """The value, unless it is a number that no network has. SymPy's whole numbers become Python's."""
    if type(value) is int:
        if value.bit_length() > limits.NUMBER_BITS:
            raise ArithmeticError(f"a number of more than {limits.NUMBER_BITS} bits")
    elif type(value) is float:
        if not math.isfinite(value):
            raise ArithmeticError("not a finite number")
        if abs(value) >= EXACT_FLOAT:
            raise ArithmeticError("a decimal number of 2**53 or more, which is not exact: write it as a whole number")
    elif has_symbols(value):
        return _bounded_formula(value)
    return value


def _bounded_formula(value: Any) -> Any:
    if value.is_Integer:
        return bounded(int(value))
    if value.is_finite is False or value.is_real is False or value.is_number and not value.is_real:
        raise ArithmeticError("not a real number")
    from vcalc import symbols

    if symbols.operations(value) > limits.SYMBOLIC_OPERATIONS:
        raise ArithmeticError(f"it grows past {limits.SYMBOLIC_OPERATIONS} operations")
    if _terms(value) > limits.SYMBOLIC_TERMS:
        raise ArithmeticError(f"it comes to more than {limits.SYMBOLIC_TERMS} terms")
    for part in value.atoms():
        if part.is_Rational and max(abs(part.p), part.q).bit_length() > limits.NUMBER_BITS:
            raise ArithmeticError(f"it holds a number of more than {limits.NUMBER_BITS} bits")
    return value


def _terms(value: Any) -> int:
    """At most how many terms a formula has when it is multiplied out; stops counting past the limit."""
    if value.is_Add:
        return sum(map(_terms, value.args))
    if value.is_Mul:
        return _product_of_terms(map(_terms, value.args))
    if value.is_Pow and value.exp.is_Integer:
        base, times = _terms(value.base), min(abs(int(value.exp)), limits.SYMBOLIC_TERMS)
        return math.comb(base + times - 1, times) if base <= limits.SYMBOLIC_TERMS else base
    return max(map(_terms, value.args), default=1)


def _product_of_terms(counts: Iterable[int]) -> int:
    product = 1
    for count in counts:
        product *= count
        if product > limits.SYMBOLIC_TERMS:
            break
    return product


def bounded_list(items: list[Any]) -> list[Any]:
    """The list, unless it and the lists in it hold too many items, or a number that no network has."""
    items = [item if is_list(item) else bounded(item) for item in items]
    if list_items(items) > limits.LIST_ITEMS:
        raise ArithmeticError(f"a list of more than {limits.LIST_ITEMS:,} items")
    return items


def list_items(items: Any) -> int:
    """How many items a list and the lists in it hold; stops counting past the limit."""
    count = len(items)
    for item in items:
        if count > limits.LIST_ITEMS:
            break
        if is_list(item):
            count += list_items(item)
    return count


# Operators


def _paired(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator on two numbers; fractions where one of them is a symbol."""

    def apply(a: Any, b: Any) -> Any:
        if type(a) is int and type(b) is int:
            return op(a, b)
        if has_symbols(number(a)) or has_symbols(number(b)):
            return bounded(op(_exact(a), _exact(b)))
        return bounded(op(a, b))

    return apply


def _exact(value: Any) -> Any:
    from vcalc import symbols

    return symbols.exact(number(value))


def _divisor(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """SymPy divides by zero in silence; Python's error stands for both."""

    def divide(a: Any, b: Any) -> Any:
        if b == 0:
            raise ZeroDivisionError
        return op(a, b)

    return divide


def _quotient(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int and a % b == 0:
        return a // b
    return a / b


def _power(a: Any, b: Any) -> Any:
    if has_symbols(a) or has_symbols(b):
        return _symbolic_power(_exact(a), _exact(b))
    if isinstance(a, int) and isinstance(b, int):
        _check_size_of_power(a, b)
    result = a**b
    if isinstance(result, complex):
        raise ValueError("the result is not a real number")
    return result


def _check_size_of_power(a: int, b: int) -> None:
    if abs(a) > 1 and abs(b) * abs(a).bit_length() > 8 * limits.NUMBER_BITS:
        raise ArithmeticError(f"a number of more than {limits.NUMBER_BITS} bits")


def _symbolic_power(a: Any, b: Any) -> Any:
    if a == 0 and b.is_negative:
        raise ZeroDivisionError
    if is_symbolic(a):
        if not b.is_Integer:
            raise ValueError("a symbol is only raised to a whole number")
        if abs(b) * _degree(a) > 16:
            raise ValueError("a symbol is raised to at most the 16th power")
    elif a.is_Rational and b.is_Rational:
        _check_size_of_power(max(abs(int(a.p)), int(a.q)), max(1, int(abs(b))))
    return a**b


def _degree(value: Any) -> int:
    """The highest power of a symbol in a formula, as it is written."""
    if value.is_Pow and value.exp.is_Integer:
        return abs(int(value.exp)) * _degree(value.base)
    if value.is_Mul:
        return max(map(_degree, value.args))
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
    if type(a) is int and type(b) is int:
        return bool(_COMPARISONS[sign](a, b))
    if sign in ("==", "!=") and not (_is_number(a) and _is_number(b)):
        return _same(a, b) is (sign == "==")
    if has_symbols(number(a)) or has_symbols(number(b)):
        from vcalc import symbols

        answer = symbols.decide(sign, a, b)
        if answer is None:
            raise undecided(f"{shown(a)} {sign} {shown(b)}", a, b)
        return answer
    return bool(_COMPARISONS[sign](a, b))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) or has_symbols(value)


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
        f"whether {question} cannot be told while {' and '.join(free)} {'have' if len(free) > 1 else 'has'} no value",
        "bind " + " and ".join(free) + " to a number: " + " ".join(f"--set {name}=…" for name in free),
    )


def pick(items: Any, index: Any) -> Any:
    """An item of a list, counted from 0, or from -1 at its end."""
    if not is_list(items) or type(index) is not int:
        raise TypeError("only a list is indexed, with a whole number")
    if not -len(items) <= index < len(items):
        raise ValueError(f"there is no item {index} in a list of {len(items)} (0 is the first)")
    return items[index]


# Functions


def _round(value: Any) -> Any:
    """The nearest whole number, halves away from zero."""
    if is_symbolic(number(value)):
        from vcalc import symbols

        return bounded(symbols.round_half_away(value))
    size = abs(value)
    whole = int(size)
    whole += size - whole >= 0.5
    return whole if value >= 0 else -whole


def _floor(value: Any) -> Any:
    if is_symbolic(number(value)):
        from vcalc import symbols

        return bounded(symbols.floor(value))
    return math.floor(value)


def _ceil(value: Any) -> Any:
    if is_symbolic(number(value)):
        from vcalc import symbols

        return bounded(symbols.ceiling(value))
    return math.ceil(value)


def _round8(value: Any) -> Any:
    """The nearest multiple of 8, at least 8, never more than 10% below (Howard et al., MobileNet's reference code)."""
    if is_symbolic(number(value)):
        from vcalc import symbols

        if value.is_integer and symbols.decide("==", value % 8, 0):
            return value
        free = ", ".join(sorted(str(s) for s in value.free_symbols))
        raise ExpressionError(f"round8({shown(value)}) depends on the value of {free}", f"bind {free} to a number")
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


def _extreme(name: str, sign: str) -> Callable[..., Any]:
    def choose(*values: Any) -> Any:
        values = tuple(values[0]) if len(values) == 1 and is_list(values[0]) else values
        if not values:
            raise ValueError(f"{name} of an empty list")
        best = number(values[0])
        for value in values[1:]:
            best = value if compared(sign, number(value), best) else best
        return best

    return choose


def _logarithm(value: Any, base: Any = math.e) -> Any:
    if not compared(">", number(value), 0) or not compared(">", number(base), 0):
        raise ValueError("log takes numbers above 0")
    if has_symbols(value) or has_symbols(base):
        from vcalc import symbols

        return bounded(symbols.function("log", value, *([] if base is math.e else [base])))
    return math.log(value) if base is math.e else math.log(value, base)


def _root(value: Any) -> Any:
    if not compared(">=", number(value), 0):
        raise ValueError("sqrt takes a number that is not below 0")
    if has_symbols(value):
        from vcalc import symbols

        return bounded(symbols.function("sqrt", value))
    return math.sqrt(value)


def _sum(values: Any) -> Any:
    total: Any = 0
    for value in numbers(values, "sum"):
        total = BINARY["+"](total, value)
    return total


def _length(values: Any) -> int:
    if not is_list(values):
        raise TypeError("len takes a list")
    return len(values)


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, int], str]] = {
    "max": (_extreme("max", ">"), (1, 20), "the largest of several numbers or of a list"),
    "min": (_extreme("min", "<"), (1, 20), "the smallest of several numbers or of a list"),
    "abs": (lambda value: abs(number(value)), (1, 1), "the size without the sign"),
    "round": (_round, (1, 1), "the nearest whole number, halves away from zero"),
    "floor": (_floor, (1, 1), "rounded down"),
    "ceil": (_ceil, (1, 1), "rounded up"),
    "round8": (_round8, (1, 1), "the nearest multiple of 8, at least 8, never more than 10% below (MobileNet)"),
    "log": (_logarithm, (1, 2), "the natural logarithm, or to the base given second"),
    "sqrt": (_root, (1, 1), "the square root"),
    "sum": (_sum, (1, 1), "the sum of a list"),
    "len": (_length, (1, 1), "how many items a list has"),
}
"""Every function of the language: how it works, how many arguments it takes, what it gives."""
