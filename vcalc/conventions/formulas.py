"""Counts that are one tool's alone, as formulas in its file: over the fields and sizes of a layer.

What has a number for each axis has three names, `kernel_t`, `kernel_h` and `kernel_w`; a field that is not said is 0,
and a word in place of true is true. The shape that arrives is C, T, H, W (N, D of tokens; h, N, d of heads), the one
that leaves has `_out` behind them. An axis that a map does not have has one place, and fields that do nothing; that of
a sequence is W; `axes` says how many spatial axes there are. Of an operator that another kind calls there are the
shapes, `out` and `bias`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vcalc.arithmetic import Number, bare, certainly_less, is_many, is_symbolic
from vcalc.errors import Place, VcalcError
from vcalc.graph import Facts
from vcalc.language.expression import Expression, ExpressionError
from vcalc.language.values import is_number, shown
from vcalc.layers import KINDS
from vcalc.layers.axes import ALL_AXES, MAP, MAPS, NOTHING, names_of, rank
from vcalc.layers.fields import Field


class Formula:
    """What a primitive comes to under a convention, in place of a weight."""

    __slots__ = ("expression", "place")

    def __init__(self, expression: Expression, place: Place) -> None:
        self.expression = expression
        self.place = place

    def __str__(self) -> str:
        return self.expression.text

    def count(self, facts: Facts) -> Number:
        """Its value for a layer; of a working the numbers, whose way is the formula itself.

        Raises VcalcError where it has none, and where that is no count: a whole number, and not less than 0.
        """
        try:
            value = self.expression.value(_values(facts))
        except ExpressionError as error:
            problem = error.problems[0]
            raise self._fails(facts, problem.message, problem.hint) from None
        if not _is_count(value):
            message = f"'{self}' gives {shown(value)}, and a count is a whole number of 0 or more"
            raise self._fails(facts, message, "// and round() give whole numbers, max(…, 0) none below 0")
        return value

    def _fails(self, facts: Facts, message: str, hint: str) -> VcalcError:
        said = f"a convention's formula for {facts.layer.kind} fails: {message}"
        return VcalcError("expression", said, self.place, hint or f"this layer has {', '.join(sorted(_values(facts)))}")


def _is_count(value: Any) -> bool:
    """Whether a value counts something; what open sizes will make of it is not known."""
    if is_symbolic(value):
        return True
    if is_many(value):
        return not value.unfit(_is_count)
    return is_number(value) and value == value // 1 and not certainly_less(value, 0)


def _values(facts: Facts) -> dict[str, Any]:
    layer = facts.layer
    values: dict[str, Any] = {}
    for name, field in layer.fields.items():
        value, keys = getattr(layer, name), _names(field)
        if field.type.axes:
            continue
        if isinstance(value, str) and field.type.per_axis and hasattr(layer, "left_out"):
            value = layer.left_out
        elif isinstance(value, str):
            if not field.type.says.startswith("true"):
                continue  # `same`, whose sizes follow from those of the map
            value = True
        parts = (0,) * len(keys) if value is None else value if isinstance(value, tuple) else (value,)
        if field.type.per_axis and value is not None:
            parts = (*(field.default if field.default == 0 else 1,) * (len(keys) - len(value)), *value)
        values |= {key: bare(part) for key, part in zip(keys, parts, strict=True)}
    first = facts.inputs[0] if facts.inputs else NOTHING
    values["axes"] = len(first) - 1
    for shape, end in ((first, ""), (facts.output, "_out")):
        sizes = (shape[0], *(1,) * (len(MAPS[2]) - len(shape)), *shape[1:]) if rank(shape) == MAP else shape
        names = MAPS[2] if rank(shape) == MAP else names_of(shape)
        values |= {f"{name}{end}": bare(size) for name, size in zip(names, sizes, strict=True)}
    return values


def names_for(kinds: Iterable[str]) -> list[str]:
    """What a formula for layers of some kinds may name: fields that all of them have, and sizes."""
    fields = [{name for field in KINDS[kind].fields.values() for name in _names(field)} for kind in kinds]
    names = dict.fromkeys(name for each in ALL_AXES for name in each)
    sizes = [f"{name}{end}" for end in ("", "_out") for name in names]
    return ["axes", *sizes, *sorted(set.intersection(*fields) if fields else ())]


def _is_pair(field: Field) -> bool:
    return "pair" in field.type.says


def _names(field: Field) -> tuple[str, ...]:
    if field.type.per_axis:
        return tuple(f"{field.name}_{axis}" for axis in "thw")
    return (f"{field.name}_h", f"{field.name}_w") if _is_pair(field) else (field.name,)
