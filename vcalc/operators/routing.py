"""Which rows go where: the numbers of the largest features, the order of numbers, and rows parted and put in order."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators.layout import Sizes, size_of
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import INDEX


class TopK(Operator, name="top_k"):
    """The numbers of so many features of each row, those that are largest; the features themselves are let go."""

    @staticmethod
    def output(x: Any, count: Number) -> Shape:
        return (*x.shape[:-1], count)

    @staticmethod
    def text(x: Any, count: int) -> str:
        return f"{x}.topk({count}).indices"

    def forward(self, paper: Paper, x: Value, count: int) -> Value:
        self.needs = ()
        largest = paper.new(self.output(x, count), x.batched)
        made = paper.new(largest.shape, x.batched, INDEX)
        del largest
        return made


class Order(Operator, name="order"):
    """The places of numbers from the least to the greatest, all in a row; the sorted numbers themselves are let go."""

    @staticmethod
    def output(numbers: Any) -> Shape:
        return (product(numbers.shape),)

    @staticmethod
    def text(numbers: Any) -> str:
        return f"{numbers}{'.flatten()' if len(numbers.shape) > 1 else ''}.argsort(stable=True)"

    def forward(self, paper: Paper, numbers: Value) -> Value:
        sorted_numbers = paper.new((size_of(numbers.shape),), numbers.batched, INDEX)
        made = paper.new(sorted_numbers.shape, numbers.batched, INDEX)
        del sorted_numbers
        return made


class Whole(Operator, name="whole"):
    """Whole numbers divided without a rest."""

    @staticmethod
    def text(numbers: Any, by: int) -> str:
        return f"{numbers} // {by}"

    def forward(self, paper: Paper, numbers: Value, by: int) -> Value:
        return paper.new(numbers.shape, numbers.batched, INDEX)


class TakeAlong(Operator, name="take_along"):
    """Some features of each row, taken by numbers; backward adds into zeros."""

    @staticmethod
    def output(x: Any, numbers: Any) -> Shape:
        shape: Shape = numbers.shape
        return shape

    @staticmethod
    def text(x: Any, numbers: Any) -> str:
        return f"{x}.gather(-1, {numbers})"

    def forward(self, paper: Paper, x: Value, numbers: Value) -> Value:
        self.saved = (x, numbers)
        return paper.new(numbers.shape, x.batched, x.type)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        x, _ = self.saved
        assert x is not None
        return (paper.new(x.shape, x.batched), None)


class Split(Operator, name="split"):
    """Parts of so many places along an axis: views. Backward puts their gradients together."""

    @staticmethod
    def output(x: Any, axis: int, sizes: Sizes) -> list[Shape]:
        return [(*x.shape[:axis], size, *x.shape[axis + 1 :]) for size in sizes]

    @staticmethod
    def text(x: Any, axis: int, sizes: Sizes) -> str:
        return f"{x}.split({[*sizes]}, {axis})"

    def forward(self, paper: Paper, x: Value, axis: int, sizes: Sizes) -> tuple[Value, ...]:
        self.shape, self.batched = x.shape, x.batched
        return tuple(paper.view(x, shape, x.strides) for shape in self.output(x, axis, sizes))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, self.batched),)
