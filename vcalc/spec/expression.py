"""The small arithmetic of specs: parsed, checked against a closed list of operations, turned into closures.

Nothing is ever evaluated as Python. The same expression works on ints, floats and symbols; where symbols leave a
comparison open, the error names the symbol to bind.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from vcalc import limits
from vcalc.arithmetic import is_symbolic
from vcalc.errors import VcalcError

Environment = dict[str, Any]
Closure = Callable[[Environment], Any]

SHAPE_NAMES = frozenset({"C", "H", "W", "N", "D"})
"""The shape that arrives at the layer: C, H, W of a map; N, D of tokens; C or D of a vector."""

CONSTANTS = {"true": True, "false": False, "True": True, "False": False}


class ExpressionError(VcalcError):
    """An expression that cannot be read or has no value; `column` counts from 0 within its text."""

    def __init__(self, message: str, hint: str = "", column: int = 0, name: str = "") -> None:
        super().__init__("expression", message, hint=hint)
        self.column = column
        self.name = name


class Expression:
    """A parsed expression: its text, the names it uses, and its value in an environment."""

    __slots__ = ("_closure", "names", "shape_names", "text")

    def __init__(self, text: str, closure: Closure, names: frozenset[str]) -> None:
        self.text = text
        self.names = names
        self.shape_names = names & SHAPE_NAMES
        self._closure = closure

    def value(self, environment: Environment) -> Any:
        """The value. Raises ExpressionError for an undefined name, a division by zero, a number out of bounds."""
        try:
            return _bounded(self._closure(environment), self.text)
        except ZeroDivisionError:
            raise ExpressionError(f"'{self.text}' divides by zero") from None
        except (OverflowError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise ExpressionError(f"'{self.text}' has no value: {error}") from None


def constant(value: Any, text: str = "") -> Expression:
    """An expression with a value that needs no environment."""
    return Expression(text or str(value), lambda _: value, frozenset())


def parse(text: str) -> Expression:
    """Read an expression. Raises ExpressionError at the first thing that is not part of the language."""
    text = text.strip()
    simple = _simple(text)
    if simple is not None:
        return simple
    if len(text) > limits.EXPRESSION_LENGTH:
        raise ExpressionError(f"an expression of {len(text)} characters; at most {limits.EXPRESSION_LENGTH} are read")
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"'{text}' is not an expression", _SAYS, max(0, (error.offset or 1) - 1)) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError("this is not an expression", _SAYS) from None
    names: set[str] = set()
    closure = _compile(tree, names, 0)
    return Expression(text, closure, frozenset(names))


_SAYS = "numbers, names, + - * / // % **, comparisons, and, or, not, a if b else c, lists, functions"


def _simple(text: str) -> Expression | None:
    """Whole numbers and single names, the bulk of any spec, without the parser."""
    if text.isascii():
        if text.isdigit() and len(text) < 19:
            number = int(text)
            return Expression(text, lambda _: number, frozenset())
        if text.isidentifier() and text not in CONSTANTS and text not in _KEYWORDS:
            return Expression(text, _name(text), frozenset((text,)))
    return None


_KEYWORDS = frozenset({"and", "or", "not", "if", "else", "in", "is", "lambda", "None", "for", "await", "yield"})


def _name(name: str) -> Closure:
    def look_up(environment: Environment) -> Any:
        try:
            return environment[name]
        except KeyError:
            raise ExpressionError(f"'{name}' is not defined here", name=name) from None

    return look_up


# Operations. Symbols and floats meet as exact fractions.


def _paired(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        if type(a) is int and type(b) is int:
            return op(a, b)
        _arithmetic(a)
        _arithmetic(b)
        if hasattr(a, "free_symbols") or hasattr(b, "free_symbols"):
            from vcalc import symbols

            return op(symbols.exact(a), symbols.exact(b))
        return op(a, b)

    return apply


def _arithmetic(value: Any) -> None:
    if isinstance(value, (str, list, tuple, bool)) or not (isinstance(value, (int, float)) or hasattr(value, "is_number")):
        raise TypeError(f"{value!r} is not a number")


def _divide(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int and a % b == 0:
        return a // b
    return a / b


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        if abs(a) > 1 and abs(b) * abs(a).bit_length() > 4 * limits.NUMBER_BITS:
            raise ValueError(f"a number of more than {limits.NUMBER_BITS} bits")
    elif is_symbolic(a) and not (isinstance(b, int) or getattr(b, "is_Integer", False)):
        raise ValueError("a symbol is only raised to a whole number")
    if is_symbolic(a) and abs(int(b)) > 16:
        raise ValueError("a symbol is raised to at most the 16th power")
    result = a**b
    if isinstance(result, complex):
        raise ValueError("the result is not a real number")
    return result


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: _paired(operator.add),
    ast.Sub: _paired(operator.sub),
    ast.Mult: _paired(operator.mul),
    ast.Div: _paired(_divide),
    ast.FloorDiv: _paired(operator.floordiv),
    ast.Mod: _paired(operator.mod),
    ast.Pow: _paired(_power),
}

_COMPARE = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}


def _compared(sign: str, compare: Callable[[Any, Any], Any], a: Any, b: Any) -> bool:
    if is_symbolic(a) or is_symbolic(b):
        from vcalc import symbols

        answer = symbols.decide(sign, a, b)
        if answer is None:
            raise undecided(f"{a} {sign} {b}", a, b)
        return answer
    return bool(compare(a, b))


def undecided(question: str, *values: Any) -> ExpressionError:
    """The error for a question that the symbols leave open; it names what to bind."""
    free = sorted({str(s) for value in values for s in getattr(value, "free_symbols", ())})
    return ExpressionError(
        f"whether {question} cannot be told while {' and '.join(free)} {'have' if len(free) > 1 else 'has'} no value",
        "bind " + " and ".join(free) + " to a number: " + " ".join(f"--set {name}=…" for name in free),
    )


# Functions


def _round(value: Any) -> Any:
    """The nearest whole number, halves away from zero."""
    if hasattr(value, "free_symbols"):
        from vcalc import symbols

        return symbols.round_half_away(value)
    if isinstance(value, int):
        return value
    return int(math.floor(abs(value) + 0.5)) * (1 if value >= 0 else -1)


def _floor(value: Any) -> Any:
    if hasattr(value, "free_symbols"):
        from vcalc import symbols

        return symbols.floor(value)
    return math.floor(value)


def _ceil(value: Any) -> Any:
    if hasattr(value, "free_symbols"):
        from vcalc import symbols

        return symbols.ceiling(value)
    return math.ceil(value)


def _round8(value: Any) -> Any:
    """The nearest multiple of 8, at least 8, never more than 10% below (Howard et al., MobileNet's reference code)."""
    if is_symbolic(value):
        from vcalc import symbols

        if value.is_integer and symbols.decide("==", value % 8, 0):
            return value
        free = ", ".join(sorted(str(s) for s in value.free_symbols))
        raise ExpressionError(f"round8({value}) depends on the value of {free}", f"bind {free} to a number")
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


def _extreme(sign: str, pick: Callable[..., Any]) -> Callable[..., Any]:
    def choose(*values: Any) -> Any:
        if len(values) == 1 and isinstance(values[0], (list, tuple)):
            values = tuple(values[0])
        if any(is_symbolic(value) for value in values):
            best = values[0]
            for value in values[1:]:
                best = value if _compared(sign, pick, value, best) else best
            return best
        return pick(values)

    return choose


def _real(name: str) -> Callable[..., Any]:
    def apply(*values: Any) -> Any:
        if any(hasattr(value, "free_symbols") for value in values):
            from vcalc import symbols

            return symbols.function(name, *values)
        return getattr(math, name)(*values)

    return apply


def _sum(values: Any) -> Any:
    if not isinstance(values, (list, tuple)):
        raise TypeError("sum takes a list")
    return sum(values)


def _length(values: Any) -> int:
    if not isinstance(values, (list, tuple)):
        raise TypeError("len takes a list")
    return len(values)


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, int], str]] = {
    "max": (_extreme(">", max), (1, 20), "the largest of several numbers or of a list"),
    "min": (_extreme("<", min), (1, 20), "the smallest of several numbers or of a list"),
    "abs": (abs, (1, 1), "the size without the sign"),
    "round": (_round, (1, 1), "the nearest whole number, halves away from zero"),
    "floor": (_floor, (1, 1), "rounded down"),
    "ceil": (_ceil, (1, 1), "rounded up"),
    "round8": (_round8, (1, 1), "the nearest multiple of 8, at least 8, never more than 10% below (MobileNet)"),
    "log": (_real("log"), (1, 2), "the natural logarithm, or to the base given second"),
    "sqrt": (_real("sqrt"), (1, 1), "the square root"),
    "sum": (_sum, (1, 1), "the sum of a list"),
    "len": (_length, (1, 1), "how many items a list has"),
}
"""Every function of the language: how it works, how many arguments it takes, what it gives."""


# From the syntax tree to a closure


def _compile(node: ast.expr, names: set[str], depth: int) -> Closure:
    if depth > limits.EXPRESSION_DEPTH:
        raise ExpressionError(f"an expression nested more than {limits.EXPRESSION_DEPTH} deep")
    build = _COMPILERS.get(type(node))
    if build is None:
        raise ExpressionError(
            f"'{ast.unparse(node)[:40]}' is not part of the expression language", _SAYS, node.col_offset
        )
    return build(node, names, depth + 1)


def _compile_constant(node: Any, names: set[str], depth: int) -> Closure:
    value = node.value
    if not isinstance(value, (bool, int, float, str)):
        raise ExpressionError(f"'{value!r}' is not part of the expression language", _SAYS, node.col_offset)
    return lambda _: value


def _compile_name(node: Any, names: set[str], depth: int) -> Closure:
    if node.id in CONSTANTS:
        value = CONSTANTS[node.id]
        return lambda _: value
    names.add(node.id)
    return _name(node.id)


def _compile_binary(node: Any, names: set[str], depth: int) -> Closure:
    op = _BINARY.get(type(node.op))
    if op is None:
        raise ExpressionError("only + - * / // % ** combine numbers", _SAYS, node.col_offset)
    left, right = _compile(node.left, names, depth), _compile(node.right, names, depth)
    return lambda environment: op(left(environment), right(environment))


def _compile_unary(node: Any, names: set[str], depth: int) -> Closure:
    inner = _compile(node.operand, names, depth)
    if isinstance(node.op, ast.Not):
        return lambda environment: not inner(environment)
    if isinstance(node.op, ast.USub):

        def negate(environment: Environment) -> Any:
            value = inner(environment)
            _arithmetic(value)
            return -value

        return negate
    raise ExpressionError("only - and not stand before a value", _SAYS, node.col_offset)


def _compile_logic(node: Any, names: set[str], depth: int) -> Closure:
    parts = [_compile(value, names, depth) for value in node.values]
    if isinstance(node.op, ast.And):
        return lambda environment: all(part(environment) for part in parts)
    return lambda environment: any(part(environment) for part in parts)


def _compile_compare(node: Any, names: set[str], depth: int) -> Closure:
    signs = []
    for op in node.ops:
        if type(op) not in _COMPARE:
            raise ExpressionError("values are compared with == != < <= > >=", _SAYS, node.col_offset)
        signs.append(_COMPARE[type(op)])
    parts = [_compile(part, names, depth) for part in (node.left, *node.comparators)]

    def compare(environment: Environment) -> bool:
        left = parts[0](environment)
        for (sign, test), part in zip(signs, parts[1:], strict=True):
            right = part(environment)
            if not _compared(sign, test, left, right):
                return False
            left = right
        return True

    return compare


def _compile_choice(node: Any, names: set[str], depth: int) -> Closure:
    test, then, other = (_compile(part, names, depth) for part in (node.test, node.body, node.orelse))
    return lambda environment: then(environment) if test(environment) else other(environment)


def _compile_list(node: Any, names: set[str], depth: int) -> Closure:
    items = [_compile(item, names, depth) for item in node.elts]
    return lambda environment: [item(environment) for item in items]


def _compile_index(node: Any, names: set[str], depth: int) -> Closure:
    values, index = _compile(node.value, names, depth), _compile(node.slice, names, depth)

    def pick(environment: Environment) -> Any:
        items, at = values(environment), index(environment)
        if not isinstance(items, (list, tuple)) or type(at) is not int:
            raise TypeError("only a list is indexed, with a whole number")
        if not -len(items) <= at < len(items):
            raise ValueError(f"there is no item {at} in a list of {len(items)} (0 is the first)")
        return items[at]

    return pick


def _compile_call(node: Any, names: set[str], depth: int) -> Closure:
    from vcalc.errors import suggestion

    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)[:40]
    if name not in FUNCTIONS:
        raise ExpressionError(
            f"there is no function '{name}'", suggestion(name, FUNCTIONS, "functions"), node.col_offset
        )
    function, (least, most), _ = FUNCTIONS[name]
    if node.keywords or not least <= len(node.args) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise ExpressionError(f"{name} takes {wanted} argument(s), not {len(node.args)}", column=node.col_offset)
    arguments = [_compile(argument, names, depth) for argument in node.args]
    return lambda environment: function(*[argument(environment) for argument in arguments])


_COMPILERS: dict[type, Callable[[Any, set[str], int], Closure]] = {
    ast.Constant: _compile_constant,
    ast.Name: _compile_name,
    ast.BinOp: _compile_binary,
    ast.UnaryOp: _compile_unary,
    ast.BoolOp: _compile_logic,
    ast.Compare: _compile_compare,
    ast.IfExp: _compile_choice,
    ast.List: _compile_list,
    ast.Tuple: _compile_list,
    ast.Subscript: _compile_index,
    ast.Call: _compile_call,
}


def _bounded(value: Any, text: str) -> Any:
    """Refuse a number that no network has, before it is multiplied on."""
    if type(value) is int:
        if value.bit_length() > limits.NUMBER_BITS:
            raise ExpressionError(f"'{text}' is a number of more than {limits.NUMBER_BITS} bits")
    elif type(value) is float:
        if not math.isfinite(value):
            raise ExpressionError(f"'{text}' is not a finite number")
    elif isinstance(value, (list, tuple)):
        for item in value:
            _bounded(item, text)
    elif hasattr(value, "free_symbols"):
        if value.is_Integer:
            return _bounded(int(value), text)
        from vcalc import symbols

        if symbols.operations(value) > limits.SYMBOLIC_OPERATIONS:
            raise ExpressionError(f"'{text}' grows past {limits.SYMBOLIC_OPERATIONS} operations")
    return value
