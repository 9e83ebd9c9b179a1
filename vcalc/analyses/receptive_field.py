"""The part of the input that one output element can depend on (Araujo, Norris & Sim 2019, equations 1 to 5).

Kept for each spatial axis as the first output element's leftmost and rightmost input position and the step to the next
element; joins take the outermost positions of their branches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from vcalc.arithmetic import Number, certainly_equal, is_symbolic, maximum, minimum
from vcalc.graph import Graph, Node
from vcalc.layers.base import EVERYWHERE


class Axis(NamedTuple):
    """One axis: positions that the first output element reads, and the step to the next element."""

    left: Number
    right: Number
    stride: Number

    @property
    def size(self) -> Number:
        """How many input positions an element reads at most, padding included."""
        return -((self.left - self.right) // 1) + 1

    @property
    def start(self) -> Number:
        """The centre of the first element's receptive field, in input positions from 0."""
        twice = self.left + self.right
        return twice // 2 if certainly_equal(twice % 2, 0) else twice / 2


Field = tuple[Axis, ...] | None
"""One entry an axis of the input; None stands for the whole input."""

_HERE = Axis(0, 0, 1)


def receptive_fields(graph: Graph) -> list[Field]:
    """The receptive field of every node, in order."""
    start: Field = tuple([_HERE] * (len(graph.input) - 1))
    fields: list[Field] = []
    for node in graph.nodes:
        before = [fields[i] if i >= 0 else start for i in node.inputs]
        fields.append(_step(node, _joined(before)))
    return fields


def size_of(field: Field, input: tuple[Number, ...]) -> tuple[Number, ...]:
    """Height and width of a field; the input's own for the whole of it."""
    sizes = input[1:] if len(input) == 3 else input[:-1]
    return tuple(sizes) if field is None else tuple(axis.size for axis in field)


def as_record(field: Field, input: tuple[Number, ...]) -> dict[str, Any]:
    """A field as plain data: size, stride and start along each axis; the last two only where they are defined."""
    size = list(size_of(field, input))
    if field is None:
        return {"size": size, "stride": None, "start": None}
    strides, starts = ([_decimal(getattr(axis, name)) for axis in field] for name in ("stride", "start"))
    return {"size": size, "stride": strides, "start": starts}


def _decimal(value: Number) -> Number:
    """Halves and quarters as decimals; whole numbers and formulas as they are."""
    return float(value) if getattr(value, "denominator", 1) != 1 and not is_symbolic(value) else value


def _step(node: Node, field: Field) -> Field:
    window = node.layer.reach(node.input)
    if field is None or window is None:
        return field
    if window is EVERYWHERE or len(field) != 2:
        return None
    return tuple(_slid(axis, i, window) for i, axis in enumerate(field))


def _slid(axis: Axis, i: int, window: Any) -> Axis:
    before = window.pad[i] * axis.stride
    extent = window.dilation[i] * (window.kernel[i] - 1) * axis.stride
    step = _divided(axis.stride * window.stride[i], window.enlarged[i])
    return Axis(axis.left - before, axis.right + extent - before, step)


def _divided(a: Number, b: Number) -> Number:
    """a / b exactly: a whole number where it is one, else a fraction."""
    if b == 1:
        return a
    if certainly_equal(a % b, 0):
        return a // b
    if is_symbolic(a) or is_symbolic(b):
        return a / b
    from fractions import Fraction

    return Fraction(a, b)


def _joined(fields: list[Field]) -> Field:
    """The outermost positions; the whole input when a branch reads it, or when branches step differently."""
    first = fields[0]
    for field in fields[1:]:
        if first is None or field is None or len(field) != len(first):
            return None
        if not all(certainly_equal(a.stride, b.stride) for a, b in zip(first, field, strict=True)):
            return None
        first = tuple(
            Axis(minimum(a.left, b.left), maximum(a.right, b.right), a.stride)
            for a, b in zip(first, field, strict=True)
        )
    return first
