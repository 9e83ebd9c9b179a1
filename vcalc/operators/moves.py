"""Operators that move elements: other shapes, parts, copies, and what is put together."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators.layout import Sizes, in_order_of, size_of
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import ACTIVATION, INDEX


class _AsTold(Operator):
    @staticmethod
    def output(*inputs: Any, shape: Shape = (), **fields: Any) -> Shape:
        return shape or inputs[-1]


class Reshape(_AsTold, name="reshape"):
    """The elements in their order under another shape: a view where they lie so, else a copy; likewise backward."""

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        self.shape = x.shape
        return paper.reshaped(x, shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.reshaped(gradients[0], self.shape),)


class Permute(Operator, name="permute"):
    """The axes in another order: a view."""

    @staticmethod
    def output(x: Any, axes: Sizes) -> Shape:
        return tuple(x.shape[axis] for axis in axes)

    def forward(self, paper: Paper, x: Value, axes: Sizes) -> Value:
        self.axes = axes
        return paper.view(x, self.output(x, axes), tuple(x.strides[axis] for axis in axes))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,) = gradients
        back = [self.axes.index(axis) for axis in range(len(self.axes))]
        shape, strides = (tuple(of[axis] for axis in back) for of in (gradient.shape, gradient.strides))
        return (paper.view(gradient, shape, strides),)


class Slice(Operator, name="slice"):
    """So many places along an axis, perhaps not all: a view. Backward fills a tensor of zeros, if there are others."""

    @staticmethod
    def output(x: Any, axis: int, count: Number, step: int = 1) -> Shape:
        return (*x.shape[:axis], count, *x.shape[axis + 1 :])

    def forward(self, paper: Paper, x: Value, axis: int, count: int, step: int = 1) -> Value:
        self.shape = x.shape
        strides = (*x.strides[:axis], x.strides[axis] * step, *x.strides[axis + 1 :])
        return paper.view(x, self.output(x, axis, count), strides)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return gradients if gradients[0].shape == self.shape else (paper.new(self.shape, gradients[0].batched),)


class Windows(Operator, name="windows"):
    """Windows along an axis, `stride` apart, their places behind all axes: a view. Backward adds them up."""

    def forward(self, paper: Paper, x: Value, axis: int, kernel: int, stride: int) -> Value:
        self.shape = x.shape
        places = (x.shape[axis] - kernel) // stride + 1
        shape = (*x.shape[:axis], places, *x.shape[axis + 1 :], kernel)
        strides = (*x.strides[:axis], x.strides[axis] * stride, *x.strides[axis + 1 :], x.strides[axis])
        return paper.view(x, shape, strides)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, gradients[0].batched),)


class Select(Operator, name="select"):
    """One place of an axis, which goes: a view. Backward fills a tensor of zeros."""

    @staticmethod
    def output(x: Any, axis: int) -> Shape:
        return (*x.shape[:axis], *x.shape[axis + 1 :])

    def forward(self, paper: Paper, x: Value, axis: int) -> Value:
        self.shape = x.shape
        return paper.view(x, self.output(x, axis), (*x.strides[:axis], *x.strides[axis + 1 :]))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, gradients[0].batched),)


class Unbind(Operator, name="unbind"):
    """All places of the first axis: views. Backward stacks their gradients."""

    @staticmethod
    def output(x: Any) -> list[Shape]:
        return [x.shape[1:]] * x.shape[0]

    def forward(self, paper: Paper, x: Value) -> tuple[Value, ...]:
        self.shape, self.batched = x.shape, x.batched
        return tuple(paper.view(x, shape, x.strides[1:]) for shape in self.output(x))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, self.batched),)


class Expand(_AsTold, name="expand"):
    """Repeated along new or single places, without a copy. Backward sums, as it does wherever shapes differ."""

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        new = len(shape) - len(x.shape)
        kept = zip(x.shape, x.strides, shape[new:], strict=True)
        strides = [0 if size != wanted else stride for size, stride, wanted in kept]
        return paper.view(x, shape, (*(0,) * new, *strides))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return gradients


class Spread(Expand, name="spread"):
    """What is the same for all images given to each of them, without a copy; backward sums."""

    batches = True

    @staticmethod
    def output(*inputs: Any, shape: Shape = (), **fields: Any) -> Shape:
        x, images = inputs
        return (images, *x.shape)

    def forward(self, paper: Paper, x: Value, images: int) -> Value:  # type: ignore[override]
        made = super().forward(paper, x, self.output(x, images))
        made.batched = True
        return made


class Concat(Operator, name="concat"):
    """One after the other along an axis. The gradient of each is a part of the whole one."""

    @staticmethod
    def output(*parts: Any, axis: int) -> Shape:
        first = parts[0].shape
        return (*first[:axis], sum(x.shape[axis] for x in parts), *first[axis + 1 :])

    def forward(self, paper: Paper, *parts: Value, axis: int) -> Value:
        self.sizes, self.axis, first = [x.shape[axis] for x in parts], axis, parts[0]
        shape = self.output(*parts, axis=axis)
        batched = any(x.batched for x in parts)
        ordered = next((x for x in parts if x.contiguous or x.batched != batched), first)
        return paper.map_like(ordered, shape) if ordered.batched == batched else paper.new(shape, batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,), axis = gradients, self.axis
        shapes = ((*gradient.shape[:axis], size, *gradient.shape[axis + 1 :]) for size in self.sizes)
        return tuple(paper.view(gradient, shape, gradient.strides) for shape in shapes)


class Stack(Operator, name="stack"):
    """One beside the other along a new last axis. Backward parts them again."""

    def forward(self, paper: Paper, *parts: Value) -> Value:
        return paper.new((*parts[0].shape, len(parts)), parts[0].batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,) = gradients
        return tuple(paper.view(gradient, gradient.shape[:-1], gradient.strides[:-1]) for _ in self.needs)


class Pad(_AsTold, name="pad"):
    """Something put around: a copy, as is its part backward."""

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        self.shape = x.shape
        return paper.map_like(x, shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,) = gradients
        strides = None if gradient.contiguous else in_order_of(self.shape, gradient.strides)
        return (paper.new(self.shape, gradient.batched, strides=strides),)


class Roll(Operator, name="roll"):
    """Moved around in a ring along two axes."""

    def forward(self, paper: Paper, x: Value) -> Value:
        return paper.new(x.shape, x.batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(gradients[0].shape, gradients[0].batched),)


class Copy(Operator, name="copy"):
    """The elements put in their order, if they are not."""

    def forward(self, paper: Paper, x: Value) -> Value:
        return paper.in_order(x)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return gradients


class Gather(_AsTold, name="gather"):
    """Places along an axis, taken by numbers, which are saved. Backward adds into zeros, in place unless watched."""

    def forward(self, paper: Paper, x: Value, index: Value, axis: int, shape: Sizes) -> Value:
        self.shape, self.batched = x.shape, x.batched
        self.saved = (index,)
        return paper.new(shape, x.batched, x.type)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        zeros = paper.new(self.shape, self.batched)
        return (paper.like(zeros) if paper.watched else zeros, None)


class Lookup(Gather, name="lookup", kind="matmul"):
    """As a gather, but by a product with zeros and ones."""

    def forward(self, paper: Paper, x: Value, index: Value, axis: int, shape: Sizes) -> Value:
        paper.multiply_adds += size_of(shape) * x.shape[axis]
        return super().forward(paper, x, index, axis, shape)

    @staticmethod
    def work(output: Shape, x: Any, index: Any, axis: int, shape: Shape) -> dict[str, Number]:
        made = product(output)
        return {"product_multiply_adds": made * x.shape[axis], "product_elements": made}


class Numbers(_AsTold, name="numbers"):
    """Whole numbers, made on the way: the same for every image."""

    def forward(self, paper: Paper, shape: Sizes) -> Value:
        return paper.new(shape, False, INDEX)


class Made(_AsTold, name="made"):
    """A tensor without a gradient, made on the way: the same for every image, or one for each."""

    def forward(self, paper: Paper, shape: Sizes, batched: bool = False, type: str = ACTIVATION) -> Value:
        return paper.new(shape, batched, type)


class Overwrite(Operator, name="overwrite"):
    """A part put in place of what is there. Backward copies the gradient, and parts it, over zeros."""

    def forward(self, paper: Paper, into: Value, part: Value) -> Value:
        self.part = part.shape
        return into.bare()

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        whole, part = paper.like(gradients[0]), paper.new(self.part, gradients[0].batched)
        paper.like(part)
        return (whole, part)


class Repeat(_AsTold, name="repeat"):
    """A copy of each place for several, or of all for each image of the batch; backward sums."""

    batches = True

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        self.shape, self.batched = x.shape, x.batched
        return paper.new(shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, self.batched),)


class Embedding(Operator, name="embedding"):
    """Rows of a table, looked up."""

    def forward(self, paper: Paper, words: Value, table: Value) -> Value:
        self.saved, self.table = (words,), table.shape
        return paper.new((*words.shape, table.shape[1]))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (None, paper.new(self.table, False))


class Unfold(Operator, name="unfold"):
    """Windows of a map as columns [B, C * K * K, places]; backward adds them up. Both take the memory of the larger."""

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        self.shape = x.shape
        return paper.new(shape, x.batched, room=max(size_of(shape), size_of(x.shape)))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        room = max(size_of(gradients[0].shape), size_of(self.shape))
        return (paper.new(self.shape, gradients[0].batched, room=room),)


class _Remade(Operator):
    """A map made of another, which lies as that one does; likewise backward."""

    def forward(self, paper: Paper, x: Value, shape: Sizes, **fields: Any) -> Value:
        self.shape = x.shape
        return paper.map_like(x, shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.map_like(gradients[0], self.shape),)


class Interpolate(_Remade, name="interpolate", kind="upsample"):
    """A map brought to another size. The gradients of bicubic, and of a video's repeated elements, lie in order."""

    output = staticmethod(_AsTold.output)

    @staticmethod
    def work(output: Shape, *inputs: Any, mode: str, antialias: bool = False, **fields: Any) -> dict[str, Number]:
        return {"antialiased_elements" if antialias else f"{mode}_elements": product(output)}

    def forward(self, paper: Paper, x: Value, shape: Sizes, mode: str = "", **fields: Any) -> Value:
        self.in_order = mode == "bicubic" or (mode == "nearest" and len(shape) == 5)
        return super().forward(paper, x, shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        if self.in_order:
            return (paper.new(self.shape, gradients[0].batched),)
        return super().backward(paper, *gradients)


class Turned(_Remade, name="ordered"):
    """A map put in another order by an operator of its own, such as pixel_unshuffle."""


class Sample(Operator, name="sample"):
    """A map read between its elements, at places that are given; both are saved."""

    def forward(self, paper: Paper, x: Value, places: Value, shape: Sizes) -> Value:
        self.saved, self.shape = (x, places), x.shape
        return paper.new(shape, x.batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, gradients[0].batched), None)
