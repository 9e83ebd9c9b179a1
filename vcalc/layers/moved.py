"""Kinds that only move elements, each by one pattern (see `vcalc.operators.pattern`): what arrives, what leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape
from vcalc.layers.base import HEADS, MAP, TOKENS, VECTOR, Layer, rank
from vcalc.layers.windows import Front, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value
    from vcalc.operators.pattern import Pattern

PLACES = {MAP: (1, 2), TOKENS: (0,), VECTOR: (), HEADS: (1,)}
"""The axes of a shape along which places lie; features, channels and heads are along the others."""


class Moved(Layer):
    """A kind whose elements leave as a pattern says. Nothing is computed, and there are no parameters."""

    moves = True
    pattern: Any = ""

    @property
    def sizes(self) -> Mapping[str, Number]:
        """The sizes of letters that do not follow from what arrives, and the places that other names stand for."""
        return {}

    def output(self, *inputs: Shape) -> Shape:
        from vcalc.operators.pattern import parse

        return parse(self.pattern).output(inputs[0], self.sizes)

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.rearrange(x, self.pattern, self.sizes)

    def reach(self, input: Shape) -> Window | Front | None:
        from vcalc.layers import moved_reach

        return moved_reach.reach(self.pattern, self.sizes, input, leaves(self.pattern, rank(input)))

    def is_view(self, training: bool, input: Shape) -> bool:
        if not all(type(size) is int for size in input):
            from vcalc.operators.rearrange import copies

            return not copies(self.pattern)
        from vcalc.operators.paper import Paper

        paper = Paper(lambda type: 1)
        given = paper.new((paper.images, *input))
        return self.run(paper, given).storage is given.storage

    def gives_heads(self, inputs: tuple[Shape, ...], output: Shape) -> bool:
        return leaves(self.pattern, rank(inputs[0])) == HEADS


def leaves(text: str, arrives: int) -> int | None:
    """Whether a map, tokens, a vector or heads leave; None for what is none of them.

    Three sizes are a map's where places lie along the last two, a head's where they lie along one of these: the letters
    tell, by the axes that they arrive in.
    """
    from vcalc.operators.pattern import parse

    pattern = parse(text)
    if len(pattern.right) != MAP:
        return len(pattern.right) if len(pattern.right) < MAP else None
    roles = _roles(pattern, arrives)
    mixed = sum(len(role) > 1 for role in roles) == 1
    is_map, is_heads = _fits(roles, "FPP"), _fits(roles, "FPF") or _fits(roles, "FFP")
    if arrives == VECTOR or (is_map and not is_heads):
        return MAP
    if is_map and is_heads and arrives != HEADS:
        return None if mixed and arrives == TOKENS else MAP
    if is_heads:
        return HEADS
    if not any("P" in role for role in roles):
        return MAP
    if arrives == TOKENS:  # which may have been transposed: their places are the second size then
        return MAP if _fits(roles, "PFF") else HEADS if _fits(roles, "PFP") else None
    return None


def _roles(pattern: Pattern, arrives: int) -> list[set[str]]:
    """For each axis that leaves, whether its letters are of places (P) or of features (F); nothing for new ones."""
    of = {
        part.name: "P" if axis in PLACES[arrives] else "F"
        for axis, each in enumerate(pattern.left)
        for part in each.parts
    }
    return [{of[part.name] for part in axis.parts if part.name in of} for axis in pattern.right]


def _fits(roles: list[set[str]], wanted: str) -> bool:
    return all(not role or want in role for role, want in zip(roles, wanted, strict=True))
