"""Tensors rearranged: flattened, rescaled, folded. No parameters."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, ceil_div
from vcalc.layers.base import EVERYWHERE, MAP, TOKENS, VECTOR, Layer, Window, elements
from vcalc.layers.fields import choice, count, field


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
    """A map enlarged by a whole factor, each element repeated (nearest neighbour) or interpolated."""

    source = "Lin et al. 2017 (FPN), section 3; bilinear: Long, Shelhamer & Darrell 2015, section 3.3"
    accepts = (MAP,)
    forms = ("module", "functional")

    scale: Any = field(count(), "factor along H and W", 2, "S")
    mode: Any = field(choice(("nearest", "bilinear", "bicubic")), "how new elements are made", "nearest")

    def output(self, *inputs: Shape) -> Shape:
        channels, height, width = inputs[0]
        return (channels, height * self.scale, width * self.scale)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {f"{self.mode}_elements": elements(output)}

    def reach(self, input: Shape) -> Window:
        before, size = {"nearest": (0, 1), "bilinear": (1, 2), "bicubic": (2, 4)}[self.mode]
        return Window((size, size), pad=(before, before), enlarged=(self.scale, self.scale))
