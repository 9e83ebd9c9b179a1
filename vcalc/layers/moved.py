"""Kinds that only move elements, each by one pattern (see `vcalc.operators.pattern`): what arrives, what leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.layers.axes import Leading, NamedShape, inner, rank
from vcalc.layers.base import Layer
from vcalc.layers.windows import Front, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class Moved(Layer):
    """A kind whose elements leave as a pattern says. Nothing is computed, and there are no parameters."""

    moves = True
    pattern: Any = ""

    @property
    def sizes(self) -> Mapping[str, Number]:
        """The sizes of letters that do not follow from what arrives, and the places that other names stand for."""
        return {}

    @property
    def in_front(self) -> int:  # type: ignore[override]
        from vcalc.operators.pattern import parse

        return parse(self.pattern).front[0] if "|" in self.pattern else 0

    def output(self, *inputs: Shape) -> Shape:
        from vcalc.layers import places
        from vcalc.operators.pattern import parse

        pattern = parse(self.pattern)
        sizes = pattern.output(inputs[0], self.sizes)
        if not pattern.front[1]:
            return sizes
        front = tuple(Leading(pattern.written(axis)) for axis in pattern.right[: pattern.front[1]])
        return NamedShape(sizes, places.leaves(self.pattern, inputs[0]) or rank(inputs[0]), front)

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.rearrange(x, self.pattern, self.sizes, tuple(self.takes[: self.in_front]))

    def reach(self, input: Shape) -> Window | Front | None:
        from vcalc.layers import places

        return places.reach(self.pattern, self.sizes, input)

    def is_view(self, training: bool, input: Shape) -> bool:
        if not all(type(size) is int for size in input):
            from vcalc.operators.rearrange import copies

            return not copies(self.pattern)
        from vcalc.operators.paper import Paper

        paper = Paper(lambda type: 1)
        given = paper.new((paper.images * product(self.takes[: self.in_front]), *inner(input)))
        return self.run(paper, given).storage is given.storage

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        from vcalc.layers import places

        return places.leaves(self.pattern, inputs[0]) or rank(inputs[0])
