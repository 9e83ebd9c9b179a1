"""Tensors rearranged: flattened, rescaled, folded. No parameters."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Shape, ceil_div
from vcalc.layers.base import EVERYWHERE, MAP, TOKENS, VECTOR, Layer, Window, elements
from vcalc.layers.fields import count, field


class Flatten(Layer, kind="flatten"):
    """A map or tokens read as one vector."""

    source = "none needed"
    accepts = (MAP, TOKENS, VECTOR)

    def output(self, *inputs: Shape) -> Shape:
        return (elements(inputs[0]),)

    def reach(self, input: Shape) -> Window | None:
        return EVERYWHERE if len(input) > VECTOR else None


class SpaceToDepth(Layer, kind="space_to_depth"):
    """Squares of neighbouring positions stacked as channels; an odd edge is padded (patch merging)."""

    source = "Liu et al. 2021 (Swin), section 3.1"
    accepts = (MAP,)

    factor: Any = field(count(), "side of the square", 2, "F")

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        return (channels * self.factor * self.factor, ceil_div(height, self.factor), ceil_div(width, self.factor))

    def reach(self, input: Shape) -> Window:
        return Window((self.factor, self.factor), (self.factor, self.factor))


class Upsample(Layer, kind="upsample"):
    """A map enlarged by a whole factor, each element repeated (nearest neighbour)."""

    source = "Lin et al. 2017 (FPN), section 3"
    accepts = (MAP,)

    scale: Any = field(count(), "factor along H and W", 2, "S")

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        return (channels, height * self.scale, width * self.scale)
