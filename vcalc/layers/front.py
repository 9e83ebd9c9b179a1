"""Axes in front of those that a layer works on: windows, frames. To the layer they are a batch.

In torch and on paper they are one axis with the batch, so that neither a layer's `run` nor its formulas know of them.
"""

from __future__ import annotations

from typing import NamedTuple

from vcalc.arithmetic import Number, assumed, product
from vcalc.errors import LayerError
from vcalc.layers.axes import Leading, NamedShape
from vcalc.layers.base import Layer, describe


class Front(NamedTuple):
    """What stands in front of all that a layer works on, and of what the layer makes."""

    axes: tuple[Leading, ...] = ()
    sizes: tuple[Number, ...] = ()
    lacking: tuple[int, ...] = ()
    """The inputs that have nothing in front: one of them for all."""

    @property
    def times(self) -> Number:
        """How often the layer runs for one image."""
        return product(self.sizes)

    def before(self, shape: NamedShape) -> NamedShape:
        """A shape with this in front."""
        if not self.axes:
            return shape
        return NamedShape((*self.sizes, *shape), shape.of, shape.grid, (*self.axes, *shape.front))


NONE = Front()


def parted(layer: Layer, inputs: tuple[NamedShape, ...]) -> tuple[Front, tuple[NamedShape, ...]]:
    """What stands in front of a layer's inputs, and what it works on.

    Raises LayerError where there is less than the layer takes itself, and where inputs differ in it.
    """
    takes = layer.in_front
    if not takes and not [shape for shape in inputs if shape.front]:
        return NONE, inputs
    for shape in inputs:
        if len(shape.front) < takes:
            message = f"{layer.kind} takes what has windows or frames in front, but {describe(shape)} arrives"
            raise LayerError(message, hint="'windows' cuts a map into windows, 'frames' parts a video into frames")
    fronts = [_outer(shape, takes) for shape in inputs]
    widest = max(fronts, key=lambda front: len(front.axes))
    for shape, front in zip(inputs, fronts, strict=True):
        if front.axes and not _alike(front, widest):
            whole = inputs[fronts.index(widest)]
            message = f"{layer.kind}: {describe(whole)} and {describe(shape)} differ in what stands in front"
            from vcalc.layers import mend

            raise LayerError(message, hint=mend.IN_FRONT)
    lacking = tuple(number for number, front in enumerate(fronts) if widest.axes and not front.axes)
    return widest._replace(lacking=lacking), tuple(shape.inner(takes) for shape in inputs)


def _outer(shape: NamedShape, takes: int) -> Front:
    count = len(shape.front) - takes
    return Front(shape.front[:count], tuple(shape[:count]))


def _alike(one: Front, other: Front) -> bool:
    """Whether the same stands in front, as far as is known."""
    return one.axes == other.axes and all(assumed("==", *sizes) for sizes in zip(one.sizes, other.sizes, strict=True))
