"""The fields of a layer: how a spec's value is checked and brought into the form that formulas use."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from vcalc.arithmetic import assumed, is_many
from vcalc.errors import LayerError
from vcalc.layers.axes import ALL_AXES, MAPS

REQUIRED: Any = object()


class FieldType:
    """How a value is checked and brought into the form that formulas use."""

    def __init__(
        self,
        says: str,
        accept: Callable[[Any], Any],
        words: tuple[str, ...] = (),
        names: Callable[[str], tuple[str, ...]] | None = None,
        per_axis: bool = False,
        axes: tuple[str, ...] = (),
    ) -> None:
        self.says = says
        self.accept = accept
        """Returns the value to store; raises ValueError when it does not fit."""
        self.words = words
        """Plain words that are values, not names."""
        self.names = names
        """Of a text in a notation of its own: reads it, and gives the names in it, which are fields, too."""
        self.per_axis = per_axis
        """Whether it is a number for each spatial axis of a map."""
        self.axes = axes
        """Names of axes that it takes, one or several of them, and that are no sizes here."""


def _whole(value: Any, minimum: float) -> Any:
    if isinstance(value, (bool, str, tuple, list)):
        raise ValueError
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError
        value = int(value)
    if type(value) is int:
        if value < minimum:
            raise ValueError
    elif not (assumed("%", value, 1) and (minimum == -math.inf or assumed(">=", value, minimum))):
        raise ValueError
    return value


def count(minimum: int = 1) -> FieldType:
    """A whole number or an expression that gives one."""
    return FieldType(f"a whole number, {minimum} or more", lambda value: _whole(value, minimum))


WHOLE = FieldType("a whole number", lambda value: _whole(value, -math.inf))


def size2d(minimum: int = 1) -> FieldType:
    """One whole number for both axes, or a pair [height, width]; stored as a pair."""

    def accept(value: Any) -> tuple[Any, Any]:
        pair = value if isinstance(value, (list, tuple)) else (value, value)
        if len(pair) != 2:
            raise ValueError
        return (_whole(pair[0], minimum), _whole(pair[1], minimum))

    return FieldType(f"a whole number, {minimum} or more, or a pair [height, width] of them", accept)


class Alike(tuple[Any, ...]):
    """One number for all spatial axes, however many there are."""

    __slots__ = ()


def per_axis(minimum: int = 1) -> FieldType:
    """One whole number for all spatial axes, or one for each; stored as a tuple."""

    def accept(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            return Alike((_whole(value, minimum),) * 2)
        if not 1 <= len(value) <= 3:
            raise ValueError
        kind = Alike if isinstance(value, Alike) else tuple
        return kind(_whole(number, minimum) for number in value)

    says = f"a whole number, {minimum} or more, or one for each spatial axis, as in [height, width]"
    return FieldType(says, accept, per_axis=True)


def on_axes(kind: str, name: str, value: tuple[Any, ...], axes: int) -> tuple[Any, ...]:
    """A field's numbers for so many spatial axes. Raises LayerError where there are others."""
    if isinstance(value, Alike):
        return Alike(value[:1] * axes)
    if len(value) != axes:
        there = f"{axes} spatial axes" if axes > 1 else "one spatial axis"
        message = f"{kind}: {name} has a number for each of {len(value)} axes, and what arrives has {there}"
        hint = f"one for each of {', '.join(MAPS[axes - 1][1:])}, or one number that goes for all axes"
        raise LayerError(message, name, hint if axes > 1 else "one number")
    return value


def both_sides() -> FieldType:
    """One whole number for both sides, or a pair [before, after]; stored as a pair."""
    return FieldType("a whole number, 0 or more, or a pair [before, after] of them", size2d(0).accept)


def padding(*more: str) -> FieldType:
    """As `per_axis(0)`, or a word: `same`, as much as makes the output ceil(input / stride), or another one."""
    each, words = per_axis(0), ("same", *more)
    return FieldType(
        ", or ".join([each.says, *map(repr, words)]),
        lambda value: value if isinstance(value, str) and value in words else each.accept(value),
        words,
        per_axis=True,
    )


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError


def _fraction(value: Any) -> Any:
    if not _is_real(value) or not 0 <= value <= 1:
        raise ValueError
    return value


def _number(value: Any) -> float:
    if not _is_real(value) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _positive(value: Any) -> float:
    number = _number(value)
    if number <= 0:
        raise ValueError
    return number


def _of_each(accept: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A check of each number of an array by itself."""
    return lambda value: value.each(accept) if is_many(value) else accept(value)


def _is_real(value: Any) -> bool:
    return not isinstance(value, bool) and hasattr(value, "as_integer_ratio")


def _index_lists(value: Any) -> tuple[tuple[int, ...], ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise ValueError
    return tuple(tuple(_whole(index, 0) for index in row) for row in value if isinstance(row, (list, tuple)) or _fail())


def _fail() -> bool:
    raise ValueError


def choice(words: tuple[str, ...]) -> FieldType:
    """One of some words."""

    def accept(value: Any) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return FieldType(" or ".join(words), accept, words)


AXES = tuple(dict.fromkeys(name for axes in (*MAPS, *ALL_AXES) for name in axes))
"""What axes are called."""


def axes_or(*words: str) -> FieldType:
    """An axis by its name or a list of such, stored as a tuple; or one of some words."""

    def accept(value: Any) -> str | tuple[str, ...]:
        if isinstance(value, str) and value in words:
            return value
        names = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        known = all(isinstance(name, str) and name in AXES for name in names)
        if not names or not known or len(set(names)) < len(names):
            raise ValueError
        return names

    says = " or ".join(words) + ", or " * bool(words) + "the name of an axis, such as C, or a list of names"
    return FieldType(says, accept, words, axes=AXES)


def _order(value: Any) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, (list, tuple)) else ()
    if "C" not in names or len(set(names)) < len(names) or not set(MAPS[2]).union(MAPS[0]).issuperset(names):
        raise ValueError
    return names


ORDER = FieldType("a list of the axes of a map, as in [W, H, C]", _order, axes=AXES)
"""An order of the axes of a map."""


def _axis(value: Any) -> str:
    if not isinstance(value, str) or value not in AXES:
        raise ValueError
    return value


AXIS = FieldType("the name of an axis, such as D", _axis, axes=AXES)


def flag_or(*words: str) -> FieldType:
    """True, false, or one of some words."""

    def accept(value: Any) -> bool | str:
        return value if isinstance(value, str) and value in words else _flag(value)

    return FieldType(f"true, false or {' or '.join(words)}", accept, words)


FLAG = FieldType("true or false", _flag)
NUMBER = FieldType("a number", _of_each(_number))
POSITIVE = FieldType("a number above 0", _of_each(_positive))
FRACTION = FieldType("a number from 0 to 1", _of_each(_fraction))
INDEX_LISTS = FieldType("a list of lists of input channels, one list an output channel", _index_lists)


def _sizes(value: Any) -> tuple[tuple[Any, ...], ...]:
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(row, (list, tuple)) for row in value):
        raise ValueError
    if any(len(row) != 2 for row in value):
        raise ValueError
    return tuple(tuple(_whole(size, 1) for size in row) for row in value)


SIZES = FieldType("a list of pairs [height, width]", _sizes)


class Like:
    """The default of a field that has the value of another one, above it, where it is not said."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


class Field:
    """One spec key of a layer: its type, default, the symbol the literature uses, one sentence of documentation."""

    __slots__ = ("_usual", "default", "doc", "name", "symbol", "type")

    def __init__(self, type: FieldType, doc: str, default: Any = REQUIRED, symbol: str = "") -> None:
        self.type = type
        self.doc = doc
        self.default = default
        self.symbol = symbol
        self.name = ""
        self._usual: Any = REQUIRED

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def usual(self, layer: Any) -> Any:
        """The value that a layer has where the field is not said; the fields above it have theirs."""
        if isinstance(self.default, Like):
            return getattr(layer, self.default.name)
        if self._usual is REQUIRED:
            self._usual = None if self.default is None else self.type.accept(self.default)
        return self._usual


def field(type: FieldType, doc: str, default: Any = REQUIRED, symbol: str = "") -> Any:
    """Declare a spec key of a layer class."""
    return Field(type, doc, default, symbol)


def _named_in_pattern(text: str) -> tuple[str, ...]:
    from vcalc.operators.pattern import parse

    return parse(text).names


def _pattern(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    _named_in_pattern(value)
    return value


PATTERN = FieldType("a text such as C H W -> (H W) C", _pattern, names=_named_in_pattern)
"""How elements move, in einops' notation."""
