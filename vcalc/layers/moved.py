"""Kinds that only move elements, each by one pattern (see `vcalc.operators.pattern`): what arrives, what leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.layers.axes import Leading, NamedShape, front_of, inner, names_of, rank
from vcalc.layers.base import Layer
from vcalc.layers.windows import Front, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class Moved(Layer):
    """A kind whose elements leave as a pattern says. Nothing is computed, and there are no parameters."""

    moves = True
    pattern: Any = ""
    """In it `...` stands for the spatial axes of the map that arrives, however many there are."""

    @property
    def sizes(self) -> Mapping[str, Number]:
        """The sizes of letters that do not follow from what arrives, and the places that other names stand for."""
        return {}

    @property
    def in_front(self) -> int:  # type: ignore[override]
        from vcalc.operators.pattern import parse

        return parse(self.pattern).front[0] if "|" in self.pattern else 0

    def pattern_on(self, input: Shape) -> str:
        """The pattern with a letter for each axis of what arrives."""
        text: str = self.pattern
        return text.replace("...", " ".join(names_of(input)[1:]))

    def output(self, *inputs: Shape) -> Shape:
        from vcalc.layers import places
        from vcalc.operators.pattern import parse

        text = self.pattern_on(inputs[0])
        pattern = parse(text)
        sizes = pattern.output(inputs[0], self.sizes)
        if not pattern.front[1]:
            return sizes
        stood = dict(zip(map(pattern.written, pattern.left), front_of(inputs[0]), strict=False))
        names = map(pattern.written, pattern.right[: pattern.front[1]])
        front = tuple(Leading(name, stood[name].laid if name in stood else None) for name in names)
        return NamedShape(sizes, places.leaves(text, inputs[0]) or rank(inputs[0]), front=front)

    def run(self, ops: Paper, x: Value) -> Value:
        pattern = self.pattern if self.in_front else self.pattern_on(*self.named(x))
        return ops.rearrange(x, pattern, self.sizes, tuple(self.takes[: self.in_front]))

    def reach(self, input: Shape) -> Window | Front | None:
        from vcalc.layers import places

        return places.reach(self.pattern_on(input), self.sizes, input, self.leaves((input,), ()))

    def is_view(self, training: bool, input: Shape) -> bool:
        if not all(type(size) is int for size in input):
            from vcalc.operators.rearrange import copies

            return not copies(self.pattern_on(input))
        from vcalc.operators.paper import Paper

        paper = Paper(lambda type: 1)
        given = paper.new((paper.images * product(self.takes[: self.in_front]), *inner(input)))
        return self.run(paper, given).storage is given.storage

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        from vcalc.layers import places

        return places.leaves(self.pattern_on(inputs[0]), inputs[0]) or rank(inputs[0])
