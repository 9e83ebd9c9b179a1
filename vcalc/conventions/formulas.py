"""Counts that are one tool's alone, as formulas in its file: over the fields and sizes of a layer.

A pair has two names, `kernel_h` and `kernel_w`; a field that is not said is 0. The shape that arrives is C, H, W (N, D
of tokens; h, N, d of heads), the one that leaves has `_out` behind its names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vcalc.arithmetic import Number, bare
from vcalc.errors import VcalcError
from vcalc.graph import Facts
from vcalc.language.expression import Expression, ExpressionError
from vcalc.layers import KINDS
from vcalc.layers.base import SIZES, Heads
from vcalc.layers.fields import Field

HEADS = ("h", "N", "d")


class Formula:
    """What a primitive comes to under a convention, in place of a weight."""

    __slots__ = ("expression",)

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def __str__(self) -> str:
        return self.expression.text

    def count(self, facts: Facts) -> Number:
        """Its value for a layer; of a working the numbers, whose way is the formula itself."""
        try:
            return self.expression.value(_values(facts))
        except ExpressionError as error:
            problem = error.problems[0]
            message = f"a convention's formula for {facts.layer.kind} fails: {problem.message}"
            raise VcalcError("expression", message, hint=problem.hint) from None


def _values(facts: Facts) -> dict[str, Any]:
    layer = facts.layer
    values: dict[str, Any] = {}
    for name, field in layer.fields.items():
        value, keys = getattr(layer, name), _names(field)
        if isinstance(value, str):
            continue  # `same`, whose sizes follow from those of the map
        parts = (0,) * len(keys) if value is None else value if _is_pair(field) else (value,)
        values |= {key: bare(part) for key, part in zip(keys, parts, strict=True)}
    for shape, end in ((facts.inputs[0], ""), (facts.output, "_out")):
        names = HEADS if isinstance(shape, Heads) else SIZES[len(shape)]
        values |= {f"{name}{end}": bare(size) for name, size in zip(names, shape, strict=True)}
    return values


def names_for(kinds: Iterable[str]) -> list[str]:
    """What a formula for layers of some kinds may name: fields that all of them have, and sizes."""
    fields = [{name for field in KINDS[kind].fields.values() for name in _names(field)} for kind in kinds]
    sizes = [f"{name}{end}" for end in ("", "_out") for name in dict.fromkeys((*SIZES[3], *SIZES[2], *HEADS))]
    return [*sizes, *sorted(set.intersection(*fields) if fields else ())]


def _is_pair(field: Field) -> bool:
    return "pair" in field.type.says


def _names(field: Field) -> tuple[str, ...]:
    return (f"{field.name}_h", f"{field.name}_w") if _is_pair(field) else (field.name,)
