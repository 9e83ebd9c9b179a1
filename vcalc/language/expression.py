"""The small arithmetic of specs: parsed, checked against a closed list of operations, turned into closures.

Nothing is ever evaluated as Python. The same expression works on ints, floats and symbols; where symbols leave a
comparison open, the error names the symbol to bind. What operators and functions do is in `operations` and `functions`.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

from vcalc import limits
from vcalc.errors import quoted, suggestion
from vcalc.language import operations, values
from vcalc.language.functions import FUNCTIONS
from vcalc.language.operations import undecided
from vcalc.language.values import ExpressionError, NoValueError

__all__ = [
    "FUNCTIONS",
    "SHAPE_NAMES",
    "SHAPE_NAMES_OF_SOME",
    "Environment",
    "Expression",
    "ExpressionError",
    "arrives",
    "constant",
    "parse",
    "undecided",
]

Environment = dict[str, Any]
Closure = Callable[[Environment], Any]

SHAPE_NAMES = frozenset({"C", "H", "W", "N", "D"})
"""The shape that arrives at the layer: C, H, W of a map; N, D of tokens; C or D of a vector."""

SHAPE_NAMES_OF_SOME = frozenset({"L", "T"})
"""Names that are sizes, too, in a spec whose input has them: of a sequence, of a video."""

OPERATORS = ("and", "or", "not", "if", "else")
"""The words among the operators."""

DECIMAL = 10
"""What an operation costs among numbers that are not whole, in ones on whole numbers, before an answer is new."""

CONSTANTS = {"true": True, "false": False, "True": True, "False": False}


class Expression:
    """A parsed expression: its text, the names it uses, how many operations it takes, its value in an environment."""

    __slots__ = ("_closure", "columns", "names", "operations", "shape_names", "text", "weight")

    def __init__(
        self, text: str, closure: Closure, columns: dict[str, int], operations: int = 1, weight: int = 1
    ) -> None:
        self.text = text
        self.weight = weight
        """What one of its operations takes of the time of one on whole numbers, if the names in it have whole ones."""
        self.columns = columns
        """Where each name first stands."""
        self.names = frozenset(columns)
        self.shape_names = self.names & (SHAPE_NAMES | SHAPE_NAMES_OF_SOME)
        self.operations = operations
        self._closure = closure

    def knowing(self, words: set[str]) -> Expression:
        """The expression with names that stand for themselves."""
        if not words:
            return self
        closure, known = self._closure, {word: word for word in words}
        columns = {name: column for name, column in self.columns.items() if name not in words}
        return Expression(self.text, lambda given: closure({**given, **known}), columns, self.operations, self.weight)

    def value(self, environment: Environment) -> Any:
        """The value. Raises ExpressionError for an undefined name, a division by zero, a number out of bounds."""
        try:
            value = self._closure(environment)
            return value if self.operations == 1 else values.bounded(value)
        except ZeroDivisionError:
            raise ExpressionError(f"{quoted(self.text)} divides by zero") from None
        except OverflowError:
            raise ExpressionError(f"{quoted(self.text)} has no value: it comes to a number that is too large") from None
        except (ValueError, TypeError, ArithmeticError, RecursionError, NotImplementedError) as error:
            hint = error.hint if isinstance(error, NoValueError) else ""
            raise ExpressionError(f"{quoted(self.text)} has no value: {error}", hint) from None


def arrives(names: frozenset[str]) -> str:
    """What the names of sizes are, with those of sequences and videos where a spec has them."""
    sequence = ", C, L of a sequence" if "L" in names else ""
    video = ", C, T, H, W of a video" if "T" in names else ""
    return f"C, H, W are the shape of a map that arrives at a layer{sequence}{video}, N, D of tokens, D of a vector"


def can_name(word: str) -> bool:
    """True for a word that can name a value: a letter, then letters, digits, _; nothing that has a meaning already."""
    if (
        word in CONSTANTS
        or word in FUNCTIONS
        or not word.isidentifier()
        or iskeyword(word)
        or len(word) > limits.NAME_LENGTH
    ):
        return False
    return word.isascii() or _is_plain(word)


def constant(value: Any, text: str = "") -> Expression:
    """An expression with a value that needs no environment."""
    return Expression(text or str(value), lambda _: value, {})


def named(name: str) -> Expression:
    """The expression that is a name and nothing else."""
    return Expression(name, _name(name), {name: 0})


def parse(text: str) -> Expression:
    """Read an expression. Raises ExpressionError at the first thing that is not part of the language."""
    text = text.strip()
    simple = _simple(text)
    if simple is not None:
        return simple
    if len(text) > limits.EXPRESSION_LENGTH:
        message = f"an expression of {len(text):,} characters; at most {limits.EXPRESSION_LENGTH} are read"
        raise ExpressionError(message, _IN_PARTS)
    reading = _Reading(text)
    closure = _compile(_tree(text), reading, 0)
    return Expression(text, closure, reading.columns, reading.operations, reading.weight)


def parse_places(text: str, name: str) -> Expression:
    """What stands in brackets behind the name of a list, `x[i - 1]` or `x[1:]`, as what takes it from the list.

    The list stands in the environment under no name, ''.
    """
    if len(text) > limits.EXPRESSION_LENGTH:
        message = f"an expression of {len(text):,} characters; at most {limits.EXPRESSION_LENGTH} are read"
        raise ExpressionError(message)
    stands_for = "_" * len(name.encode())
    node = _tree(stands_for + text[len(name) :], text)
    if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == stands_for):
        raise ExpressionError(f"{quoted(text)} is no name with a place in brackets", _PLACES)
    reading = _Reading(text)
    closure = _subscript(_name(""), node.slice, reading, 0)
    return Expression(text, closure, reading.columns, reading.operations + 1, reading.weight)


_IN_PARTS = "name parts of it under let"
_PLACES = "write x[i], x[-1] or x[1:]"
_SAYS = "numbers, names, + - * / // % **, comparisons, and, or, not, a if b else c, lists, functions"


def _simple(text: str) -> Expression | None:
    """Whole numbers and single names, the bulk of any spec, without the parser."""
    if text.isascii():
        if text.isdigit() and len(text) < 19:
            number = int(text)
            return Expression(text, lambda _: number, {})
        if text.isidentifier() and text not in CONSTANTS and not iskeyword(text):
            return named(text)
    return None


def _tree(text: str, written: str = "") -> ast.expr:
    """The syntax tree of a text, which is written so, where that is not the text itself."""
    written = written or text
    if not (written.isascii() or _is_plain(written)):
        raise ExpressionError(f"{quoted(written)} holds letters that could be taken for others", "write plain letters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        column = (error.offset or 1) - 1 if error.lineno == 1 else 0
        raise ExpressionError(
            f"{quoted(written)} is not an expression", _meant(text) or _SAYS, max(0, min(column, len(written) - 1))
        ) from None
    except (ValueError, MemoryError, RecursionError):
        raise ExpressionError(f"{quoted(written)} is not an expression", _SAYS) from None


def _meant(text: str) -> str:
    """What a pair `3x3` and a product without its sign, `32h`, are written like; empty for what is neither."""
    if re.fullmatch(r"[0-9]{1,9}(?:\s*[xX×]\s*[0-9]{1,9}){1,2}", text):
        numbers = re.findall("[0-9]+", text)
        return f"{'a pair is' if len(numbers) == 2 else 'three numbers are'} a list: [{', '.join(numbers)}]"
    product = re.sub(r"(?<![\w.])([0-9]+(?:\.[0-9]+)?)(?=[A-Za-z])(?![eExX][0-9])", r"\1*", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ast.parse(product, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ""
    return f"write {product}"


def _is_plain(text: str) -> bool:
    """False where Python's parser would read other letters than the text holds."""
    from unicodedata import normalize

    return normalize("NFKC", text) == text


class _Reading:
    """What is found out about an expression on the way through its syntax tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.columns: dict[str, int] = {}
        self.operations = 0
        self.weight = 1

    def weigh(self, weight: int) -> None:
        """Note that its operations take so many times as long."""
        self.weight = max(self.weight, weight)

    def column(self, node: ast.expr) -> int:
        """Where a node stands; Python counts in bytes."""
        return len(self.text.encode()[: node.col_offset].decode(errors="ignore")) if node.lineno == 1 else 0

    def quote(self, node: ast.AST) -> str:
        """A node as it is written."""
        return quoted(ast.get_source_segment(self.text, node) or self.text)

    def refuse(self, node: ast.expr, message: str, hint: str = "") -> ExpressionError:
        """The error for a node that is not part of the language."""
        return ExpressionError(message, hint, self.column(node))


def _name(name: str) -> Closure:
    def look_up(environment: Environment) -> Any:
        try:
            return environment[name]
        except KeyError:
            raise ExpressionError(f"'{name}' is not defined here", name=name) from None

    return look_up


# From the syntax tree to a closure


def _compile(node: ast.expr, reading: _Reading, depth: int) -> Closure:
    if depth > limits.EXPRESSION_DEPTH:
        raise ExpressionError(f"an expression nested more than {limits.EXPRESSION_DEPTH} deep", _IN_PARTS)
    build = _COMPILERS.get(type(node))
    if build is None:
        raise reading.refuse(node, f"{reading.quote(node)} is not part of the expression language", _SAYS)
    reading.operations += 1
    return build(node, reading, depth + 1)


def _compile_constant(node: Any, reading: _Reading, depth: int) -> Closure:
    value = node.value
    if not isinstance(value, (bool, int, float, str)):
        raise reading.refuse(node, f"{reading.quote(node)} is not part of the expression language", _SAYS)
    try:
        values.bounded(value)
        if isinstance(value, float):
            value = _as_written(value, ast.get_source_segment(reading.text, node) or "")
            reading.weigh(DECIMAL)
    except NoValueError as error:
        raise reading.refuse(node, f"{reading.quote(node)} is {error}", error.hint) from None
    return lambda _: value


def _as_written(value: float, text: str) -> Any:
    """A decimal with all its digits, where it has more than a float keeps."""
    if not value and any(map("123456789".__contains__, text.lower().partition("e")[0])):
        raise values.too_fine()
    if len(text) <= sys.float_info.dig:
        return value
    from vcalc.language import exact

    return exact.as_written(value, text)


def _compile_name(node: Any, reading: _Reading, depth: int) -> Closure:
    if node.id in CONSTANTS:
        value = CONSTANTS[node.id]
        return lambda _: value
    reading.columns.setdefault(node.id, reading.column(node))
    return _name(node.id)


_BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}


_OTHERS = {ast.BitXor: "^", ast.BitOr: "|", ast.BitAnd: "&", ast.LShift: "<<", ast.RShift: ">>", ast.MatMult: "@"}


def _compile_binary(node: Any, reading: _Reading, depth: int) -> Closure:
    if type(node.op) not in _BINARY:
        hint = "a power is written **" if isinstance(node.op, ast.BitXor) else ""
        raise reading.refuse(node, f"{_OTHERS[type(node.op)]} does not combine numbers; + - * / // % ** do", hint)
    apply = operations.BINARY[_BINARY[type(node.op)]]
    left, right = _compile(node.left, reading, depth), _compile(node.right, reading, depth)
    whole_power = isinstance(node.right, ast.Constant) and type(node.right.value) is int
    if isinstance(node.op, ast.Div) or (isinstance(node.op, ast.Pow) and not whole_power):
        reading.weigh(DECIMAL)
    return lambda environment: apply(left(environment), right(environment))


def _compile_unary(node: Any, reading: _Reading, depth: int) -> Closure:
    inner = _compile(node.operand, reading, depth)
    if isinstance(node.op, ast.Not):
        return lambda environment: not values.truth(inner(environment))
    if isinstance(node.op, ast.USub):
        return lambda environment: operations.negated(inner(environment))
    raise reading.refuse(node, "only - and not stand before a value")


def _compile_logic(node: Any, reading: _Reading, depth: int) -> Closure:
    parts = [_compile(value, reading, depth) for value in node.values]
    choose = all if isinstance(node.op, ast.And) else any
    return lambda environment: choose(values.truth(part(environment)) for part in parts)


_COMPARE = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def _compile_compare(node: Any, reading: _Reading, depth: int) -> Closure:
    if any(type(op) not in _COMPARE for op in node.ops):
        raise reading.refuse(node, "values are compared with == != < <= > >=")
    signs = [_COMPARE[type(op)] for op in node.ops]
    parts = [_compile(part, reading, depth) for part in (node.left, *node.comparators)]

    def compare(environment: Environment) -> bool:
        left = parts[0](environment)
        for sign, part in zip(signs, parts[1:], strict=True):
            right = part(environment)
            if not operations.compared(sign, left, right):
                return False
            left = right
        return True

    return compare


def _compile_choice(node: Any, reading: _Reading, depth: int) -> Closure:
    test, then, other = (_compile(part, reading, depth) for part in (node.test, node.body, node.orelse))
    return lambda environment: then(environment) if values.truth(test(environment)) else other(environment)


def _compile_list(node: Any, reading: _Reading, depth: int) -> Closure:
    items = [_compile(item, reading, depth) for item in node.elts]
    return lambda environment: values.bounded_list([item(environment) for item in items])


def _compile_index(node: Any, reading: _Reading, depth: int) -> Closure:
    return _subscript(_compile(node.value, reading, depth), node.slice, reading, depth)


def _subscript(items: Closure, node: Any, reading: _Reading, depth: int) -> Closure:
    """An item of a list, or a part of it."""
    if not isinstance(node, ast.Slice):
        index = _compile(node, reading, depth)
        return lambda environment: operations.pick(items(environment), index(environment))
    start, stop, step = (
        _compile(bound, reading, depth) if bound else _nothing for bound in (node.lower, node.upper, node.step)
    )
    return lambda environment: operations.part(
        items(environment), start(environment), stop(environment), step(environment)
    )


def _nothing(environment: Environment) -> None:
    """No bound of a part of a list."""


def _compile_call(node: Any, reading: _Reading, depth: int) -> Closure:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in FUNCTIONS:
        hint = suggestion(name, FUNCTIONS, "functions")
        raise reading.refuse(node, f"there is no function {reading.quote(node.func)}", hint)
    function, (least, most), _ = FUNCTIONS[name]
    if name in ("sqrt", "log"):
        reading.weigh(DECIMAL)
    if node.keywords or not least <= len(node.args) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise reading.refuse(node, f"{name} takes {wanted} argument(s), not {len(node.args) + len(node.keywords)}")
    arguments = [_compile(argument, reading, depth) for argument in node.args]
    return lambda environment: function(*[argument(environment) for argument in arguments])


_COMPILERS: dict[type, Callable[[Any, _Reading, int], Closure]] = {
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
