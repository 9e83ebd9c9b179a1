"""Operators that read a map between its elements."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators import text as written
from vcalc.operators.layout import Sizes, size_of
from vcalc.operators.moves import _AsTold
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import ACTIVATION

INTERPOLATED = {"nearest": ("nearest", "nearest"), "bilinear": ("bilinear", "trilinear")}
"""What torch's word for a way of sampling is on two axes, and on three."""


class Sample(_AsTold, name="sample", kind="grid_sample"):
    """A map read at places, from -1 to 1 along each axis, the last axis first; both are saved.

    Backward makes the places' gradient whether anybody wants it or not.
    """

    @staticmethod
    def work(output: Shape, x: Any, places: Any, shape: Shape = (), mode: str = "bilinear") -> dict[str, Number]:
        return {f"{INTERPOLATED[mode][len(output) - 4]}_elements": product(output)}

    @staticmethod
    def text(x: Any, places: Any, shape: Sizes, mode: str = "bilinear") -> str:
        alone = len(places.shape) < len(x.shape)
        each = f"{places}.expand({written.IMAGES}, {', '.join('-1' for _ in places.shape)})" if alone else places
        named = {"mode": written.unless(mode, "bilinear", repr(mode)), "align_corners": "False"}
        return f"F.grid_sample({written.arguments(x, each, **named)})"

    def forward(self, paper: Paper, x: Value, places: Value, shape: Sizes, mode: str = "bilinear") -> Value:
        self.saved, self.shapes = (x, places), (x.shape, places.shape)
        return paper.new(shape, x.batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        of_map = paper.new(self.shapes[0], gradients[0].batched) if self.needs[0] else None
        return (of_map, paper.new(self.shapes[1], gradients[0].batched))


class DeformConv(_AsTold, name="deform_conv", kind="deform_conv"):
    """A convolution that reads at offsets from its places, each times a mask where there are some.

    As torchvision runs it: zeros stand for masks and a bias that are not there, and autocast has it in fp32.
    """

    composed = True

    @staticmethod
    def text(x: Any, weight: Any, offsets: Any, mask: Any = None, bias: Any = None, **window: Any) -> str:
        window.pop("shape")
        named = {name: written.unless_all(given, 0 if name == "pad" else 1) for name, given in window.items()}
        also = {"mask": "" if mask is None else mask, "bias": "" if bias is None else bias}
        return f"deform_conv({written.arguments(x, weight, offsets, **also, **named)})"

    def forward(
        self,
        paper: Paper,
        x: Value,
        weight: Value,
        offsets: Value,
        mask: Value | None = None,
        bias: Value | None = None,
        *,
        shape: Sizes,
        **window: Any,
    ) -> Value:
        given = [x, weight, offsets, mask or paper.new((x.shape[0], 1)), bias or paper.new(weight.shape[:1], False)]
        if paper.rules:
            given = [paper.as_type(each, ACTIVATION) for each in given]
        return paper.as_type(paper.deform_columns(*given, shape=shape), x.type)


class DeformColumns(Operator, name="deform_columns"):
    """Its kernel: what is read lies in columns, those of backward made anew. What goes in is saved."""

    def forward(
        self, paper: Paper, x: Value, weight: Value, offsets: Value, mask: Value, bias: Value, shape: Sizes
    ) -> Value:
        self.saved = given = (x, weight, offsets, mask, bias)
        self.made, self.columns = shape, (x.shape[0], x.shape[1] * size_of((*weight.shape[2:], *shape[2:])))
        paper.multiply_adds += size_of(weight.shape) * shape[0] * size_of(shape[2:])
        in_order = [paper.in_order(each) for each in given]
        out, by_images, columns = paper.new(shape), paper.new(shape), paper.new(self.columns)
        made = paper.new(shape)
        del in_order, out, by_images, columns
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        x, weight, offsets, mask, bias = (each for each in self.saved if each is not None)
        in_order = [paper.in_order(each) for each in (gradients[0], x, offsets, mask)]
        of_x, of_offsets, of_mask = (paper.new(each.shape) for each in (x, offsets, mask))
        columns, by_images = paper.new(self.columns), paper.new(self.made)
        del columns, by_images
        of_weight = paper.new(weight.shape, False)
        by_images, columns = paper.new(self.made), paper.new(self.columns)
        del columns, by_images
        of_bias = paper.new(bias.shape, False)
        del in_order
        return (of_x, of_weight, of_offsets, of_mask, of_bias)


class WeightedSum(Operator, name="weighted_sum"):
    """Products along the last axis added up."""

    composed = True

    @staticmethod
    def output(x: Any, weights: Any) -> Shape:
        shape: Shape = x.shape[:-1]
        return shape

    @staticmethod
    def work(output: Shape, x: Any, weights: Any) -> dict[str, Number]:
        return {"product_multiply_adds": product(x.shape), "product_elements": product(output)}

    @staticmethod
    def text(x: Any, weights: Any) -> str:
        return f"({x} * {weights}).sum(-1)"

    def forward(self, paper: Paper, x: Value, weights: Value) -> Value:
        paper.multiply_adds += size_of(x.shape)
        return paper.sum(paper.mul(x, weights), axis=-1, keep=False)
