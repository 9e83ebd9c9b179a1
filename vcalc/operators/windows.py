"""Operators whose windows slide over a map."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators.layout import Sizes, size_of
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
        self.saved = (x if self.needs[1] else None, weight)
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
    """What saves its input, whose gradient lies as it does."""

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        x = self.saved[0]
        assert x is not None
        return (paper.like(x),)


class MaxPool(_Pool, name="max_pool"):
    """The largest of each window, and where it stood; at inference that is made, too, and dropped."""

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        made, places = paper.map_like(x, shape), paper.new(shape, x.batched, INDEX)
        self.saved = (x, places)
        return made


class AvgPool(_Pool, name="avg_pool"):
    """The mean of each window; backward wants the input for its shape."""

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        self.saved = (x,)
        return paper.map_like(x, shape)
