"""Operators whose windows slide over a map."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators.layout import Sizes, channels_last, size_of
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import INDEX


class Conv(Operator, name="conv", kind="conv"):
    """A convolution: a kernel at each position that is put out; transposed, at each that arrives."""

    @staticmethod
    def output(*inputs: Any, shape: Shape, transposed: bool = False) -> Shape:
        return shape

    @staticmethod
    def work(
        output: Shape, x: Any, weight: Any, bias: Any = None, *, shape: Shape, transposed: bool = False
    ) -> dict[str, Number]:
        positions = x.shape if transposed else output
        work = {"multiply_adds": product(weight.shape) * product((positions[0], *positions[2:]))}
        return work if bias is None else {**work, "bias_additions": product(output)}

    def forward(
        self,
        paper: Paper,
        x: Value,
        weight: Value,
        bias: Value | None = None,
        *,
        shape: Sizes,
        transposed: bool = False,
    ) -> Value:
        self.saved = (x, weight)
        self.last = x.channels_last
        """Whether channels come last in memory, of the input and then of all else."""
        self.shapes = (x.shape, weight.shape, (shape[1],))
        positions = x.shape if transposed else shape
        paper.multiply_adds += size_of(weight.shape) * positions[0] * size_of(positions[2:])
        return paper.map_like(x, shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        wanted = zip(self.needs, self.shapes, (gradients[0].batched, False, False), strict=False)
        return tuple(paper.map(shape, many, self.last) if needed else None for needed, shape, many in wanted)


class _Pool(Operator):
    """What saves its input. The output and the input's gradient lie as it does, a sequence as an image of one row."""

    in_order = False
    """Whether both lie in order, however the input does."""

    def pooled(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        last = not self.in_order and not x.contiguous and x.strides[1] == 1
        return paper.new(shape, x.batched, strides=channels_last(shape) if last else None)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        x = self.saved[0]
        assert x is not None
        return (self.pooled(paper, x, x.shape),)


class MaxPool(_Pool, name="max_pool"):
    """The largest of each window, and where it stood; at inference that is made, too, and dropped."""

    def forward(self, paper: Paper, x: Value, shape: Sizes, adaptive: bool = False) -> Value:
        self.in_order = adaptive and len(shape) == 5
        made, places = self.pooled(paper, x, shape), paper.new(shape, x.batched, INDEX)
        self.saved = (x, places)
        return made


class AvgPool(_Pool, name="avg_pool"):
    """The mean of each window; backward wants the input for its shape."""

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        self.saved, self.in_order = (x,), len(shape) == 5
        return self.pooled(paper, x, shape)
