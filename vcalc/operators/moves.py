"""Operators that move elements: other shapes, parts, copies, and what is put together."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators import text as written
from vcalc.operators.layout import Sizes, in_order_of, size_of
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import ACTIVATION, INDEX


class _AsTold(Operator):
    @staticmethod
    def output(*inputs: Any, shape: Shape = (), **fields: Any) -> Shape:
        return shape or inputs[-1]


class Reshape(_AsTold, name="reshape"):
    """The elements in their order under another shape: a view where they lie so, else a copy; likewise backward."""

    @staticmethod
    def text(x: Any, shape: Sizes) -> str:
        return f"{x}{written.reshaped(x.shape, shape)}"

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

    @staticmethod
    def text(x: Any, axes: Sizes) -> str:
        moved = [axis for axis, from_ in enumerate(axes) if axis != from_]
        if len(moved) == 2:
            return f"{x}.transpose({moved[0]}, {moved[1]})"
        return f"{x}.permute({', '.join(map(str, axes))})" if moved else f"{x}"

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
    def output(x: Any, axis: int, count: Number, start: Number = 0, step: int = 1) -> Shape:
        return (*x.shape[:axis], count, *x.shape[axis + 1 :])

    @staticmethod
    def text(x: Any, axis: int, count: int, start: int = 0, step: int = 1) -> str:
        if count == x.shape[axis]:
            return f"{x}"
        end = start + (count - 1) * step + 1
        last = "" if end + step > x.shape[axis] else written.size(end)
        every = f":{step}" if step > 1 else ""
        return f"{x}[{':, ' * axis}{start or ''}:{last}{every}]"

    def forward(self, paper: Paper, x: Value, axis: int, count: int, start: int = 0, step: int = 1) -> Value:
        self.shape = x.shape
        strides = (*x.strides[:axis], x.strides[axis] * step, *x.strides[axis + 1 :])
        return paper.view(x, self.output(x, axis, count), strides)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return gradients if gradients[0].shape == self.shape else (paper.new(self.shape, gradients[0].batched),)


class Windows(Operator, name="windows"):
    """Windows along an axis, `stride` apart, their places behind all axes: a view. Backward adds them up."""

    @staticmethod
    def output(x: Any, axis: int, kernel: int, stride: int) -> Shape:
        places = (x.shape[axis] - kernel) // stride + 1
        return (*x.shape[:axis], places, *x.shape[axis + 1 :], kernel)

    @staticmethod
    def text(x: Any, axis: int, kernel: int, stride: int) -> str:
        return f"{x}.unfold({axis}, {kernel}, {stride})"

    def forward(self, paper: Paper, x: Value, axis: int, kernel: int, stride: int) -> Value:
        self.shape = x.shape
        strides = (*x.strides[:axis], x.strides[axis] * stride, *x.strides[axis + 1 :], x.strides[axis])
        return paper.view(x, self.output(x, axis, kernel, stride), strides)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, gradients[0].batched),)


class Select(Operator, name="select"):
    """One place of an axis, which goes: a view. Backward fills a tensor of zeros."""

    @staticmethod
    def output(x: Any, axis: int, place: int = 0) -> Shape:
        return (*x.shape[:axis], *x.shape[axis + 1 :])

    @staticmethod
    def text(x: Any, axis: int, place: int = 0) -> str:
        return f"{x}[{':, ' * axis}{place}]"

    def forward(self, paper: Paper, x: Value, axis: int, place: int = 0) -> Value:
        self.shape = x.shape
        return paper.view(x, self.output(x, axis), (*x.strides[:axis], *x.strides[axis + 1 :]))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, gradients[0].batched),)


class Unbind(Operator, name="unbind"):
    """All places of the first axis: views. Backward stacks their gradients."""

    @staticmethod
    def output(x: Any) -> list[Shape]:
        return [x.shape[1:]] * x.shape[0]

    @staticmethod
    def text(x: Any) -> str:
        return f"{x}.unbind(0)"

    def forward(self, paper: Paper, x: Value) -> tuple[Value, ...]:
        self.shape, self.batched = x.shape, x.batched
        return tuple(paper.view(x, shape, x.strides[1:]) for shape in self.output(x))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, self.batched),)


class Expand(_AsTold, name="expand"):
    """Repeated along new or single places, without a copy. Backward sums, as it does wherever shapes differ."""

    @staticmethod
    def text(x: Any, shape: Sizes) -> str:
        if shape == x.shape:
            return f"{x}"
        old = (None,) * (len(shape) - len(x.shape)) + tuple(x.shape)
        return f"{x}.expand({', '.join('-1' if a == b else written.size(b) for a, b in zip(old, shape, strict=True))})"

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

    @staticmethod
    def text(x: Any, images: int) -> str:  # type: ignore[override]
        return f"{x}.expand({written.sizes((images, *x.shape))})"

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

    @staticmethod
    def text(*parts: Any, axis: int) -> str:
        return f"torch.cat({written.row(parts)}, {axis})"

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
    """One beside the other along a new axis, the last one or the first. Backward parts them again."""

    @staticmethod
    def output(*parts: Any, axis: int = -1) -> Shape:
        return (*parts[0].shape, len(parts)) if axis else (len(parts), *parts[0].shape)

    @staticmethod
    def text(*parts: Any, axis: int = -1) -> str:
        return f"torch.stack({written.row(parts)}, {axis})"

    def forward(self, paper: Paper, *parts: Value, axis: int = -1) -> Value:
        self.rest = slice(None, -1) if axis else slice(1, None)
        return paper.new(self.output(*parts, axis=axis), parts[0].batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,) = gradients
        return tuple(paper.view(gradient, gradient.shape[self.rest], gradient.strides[self.rest]) for _ in self.needs)


class Pad(_AsTold, name="pad"):
    """Something put around: so much before each of the last axes, the rest behind. A copy, as is its part backward.

    `same` are the kernel, stride and dilation that the padding follows from, whatever the size of the map.
    """

    @staticmethod
    def module(x: Any, shape: Sizes, same: tuple[Sizes, ...] = (), value: float = 0, **fields: Any) -> str:
        least = "float('-inf')" if value else ""
        return f"SamePad({written.arguments(*map(written.each, same), value=least)})" if same else ""

    @staticmethod
    def text(x: Any, shape: Sizes, before: Sizes = (), value: float = 0, **fields: Any) -> str:
        each = list(zip(x.shape, shape, strict=True))[1:]
        first = before or (0,) * len(each)
        pads = [(start, new - old - start) for (old, new), start in zip(each, first, strict=True)]
        while len(pads) > 1 and pads[0] == (0, 0):
            pads.pop(0)
        sides = ", ".join(f"{start}, {end}" for start, end in reversed(pads))
        return f"F.pad({x}, ({sides}){f', value={value}' if value else ''})"

    def forward(self, paper: Paper, x: Value, shape: Sizes, **fields: Any) -> Value:
        self.shape = x.shape
        return paper.map_like(x, shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,) = gradients
        strides = None if gradient.contiguous else in_order_of(self.shape, gradient.strides)
        return (paper.new(self.shape, gradient.batched, strides=strides),)


class Roll(Operator, name="roll"):
    """Moved around in a ring along axes. A map whose channels come last in memory stays so, as does its gradient.

    What goes around once along an axis, or several times, lies in order.
    """

    @staticmethod
    def text(x: Any, shifts: Sizes, axes: Sizes) -> str:
        moved = [pair for pair in zip(shifts, axes, strict=True) if pair[0]]
        if len(moved) == 1:
            return f"{x}.roll({moved[0][0]}, {moved[0][1]})"
        shifts, axes = zip(*moved, strict=True)
        return f"{x}.roll({shifts}, {axes})"

    def forward(self, paper: Paper, x: Value, shifts: Sizes, axes: Sizes) -> Value:
        each = zip(shifts, axes, strict=True)
        self.around = any(shift and shift % x.shape[axis] == 0 for shift, axis in each)
        return self._moved(paper, x)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (self._moved(paper, gradients[0]),)

    def _moved(self, paper: Paper, x: Value) -> Value:
        return paper.new(x.shape, x.batched, x.type) if self.around else paper.map_like(x, x.shape)


class Flip(Operator, name="flip"):
    """The places along axes in the other order: a copy, as is the gradient."""

    @staticmethod
    def text(x: Any, axes: Sizes) -> str:
        return f"{x}.flip({', '.join(map(str, axes))})"

    def forward(self, paper: Paper, x: Value, axes: Sizes) -> Value:
        return paper.like(x)


class Copy(Operator, name="copy"):
    """The elements put in their order, if they are not."""

    @staticmethod
    def text(x: Any) -> str:
        return f"{x}.contiguous()"

    def forward(self, paper: Paper, x: Value) -> Value:
        return paper.in_order(x)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return gradients


class Gather(_AsTold, name="gather"):
    """Places along an axis, taken by numbers, which are saved. Backward adds into zeros, in place unless watched."""

    @staticmethod
    def text(x: Any, index: Any, axis: int, shape: Sizes) -> str:
        return f"{x}[{':, ' * axis}{index}]"

    def forward(self, paper: Paper, x: Value, index: Value, axis: int, shape: Sizes) -> Value:
        self.shape, self.batched = x.shape, x.batched
        self.saved = (index,)
        return paper.new(shape, x.batched, x.type)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        zeros = paper.new(self.shape, self.batched)
        return (paper.like(zeros) if paper.watched else zeros, None)


class Lookup(Gather, name="lookup", kind="matmul"):
    """As a gather, but by a product with zeros and ones."""

    @staticmethod
    def text(x: Any, index: Any, axis: int, shape: Sizes) -> str:
        old = "abcd"[: len(x.shape)]
        return f'torch.einsum("{old},z{old[axis]}->{old.replace(old[axis], "z")}", {x}, {index})'

    def forward(self, paper: Paper, x: Value, index: Value, axis: int, shape: Sizes) -> Value:
        paper.multiply_adds += size_of(shape) * x.shape[axis]
        return super().forward(paper, x, index, axis, shape)

    @staticmethod
    def work(output: Shape, x: Any, index: Any, axis: int, shape: Shape) -> dict[str, Number]:
        made = product(output)
        return {"product_multiply_adds": made * x.shape[axis], "product_elements": made}


class Numbers(_AsTold, name="numbers"):
    """Whole numbers, made on the way: the same for every image. `by` is as in `Made`."""

    @staticmethod
    def text(shape: Sizes, by: tuple[Any, ...]) -> str:
        return f"{constant(shape, by)}.to({written.FIRST}.device)"

    def forward(self, paper: Paper, shape: Sizes, by: tuple[Any, ...]) -> Value:
        return paper.new(shape, False, INDEX)


class Made(_AsTold, name="made"):
    """A tensor without a gradient, made on the way: the same for every image.

    `by` names what makes it in torch, and the numbers that it is made of; without it, it is of zeros.
    """

    @staticmethod
    def text(shape: Sizes, by: tuple[Any, ...] = (), type: str = ACTIVATION) -> str:
        return f"{constant(shape, by)}.to({written.FIRST})"

    def forward(self, paper: Paper, shape: Sizes, by: tuple[Any, ...] = (), type: str = ACTIVATION) -> Value:
        return paper.new(shape, False, type)


def constant(shape: Sizes, by: tuple[Any, ...]) -> str:
    """What makes a tensor whose elements are known."""
    name, *given = by or ("torch.zeros", *shape)
    return f"{name}({', '.join(map(str, given))})"


class Overwrite(Operator, name="overwrite"):
    """A part put over a view of what is there. Backward copies the gradient, and parts it, over zeros."""

    changes = True

    @staticmethod
    def text(into: Any, part: Any, first: Sizes) -> str:
        axes = ", ".join(f"{start}:" if start else ":" for start in first)
        return f"{into}[{axes}].copy_({part})"

    def forward(self, paper: Paper, into: Value, part: Value, first: Sizes) -> Value:
        self.part = part.shape
        return into.bare()

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        whole, part = paper.like(gradients[0]), paper.new(self.part, gradients[0].batched)
        paper.like(part)
        return (whole, part)


class Repeat(_AsTold, name="repeat"):
    """A copy of each place for several, or of all for each image of the batch; backward sums."""

    batches = True

    @staticmethod
    def text(x: Any, shape: Sizes) -> str:
        return f"{x}.repeat({written.sizes(new // old for old, new in zip(x.shape, shape, strict=True))})"

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        self.shape, self.batched = x.shape, x.batched
        return paper.new(shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, self.batched),)


class Embedding(Operator, name="embedding"):
    """Rows of a table, looked up."""

    @staticmethod
    def output(words: Any, table: Any) -> Shape:
        return (*words.shape, table.shape[1])

    @staticmethod
    def module(words: Any, table: Any) -> str:
        return f"nn.Embedding({written.sizes(table.shape)})"

    @staticmethod
    def called(module: str, words: Any, table: Any) -> str:
        return f"{module}({words}.long())"

    def forward(self, paper: Paper, words: Value, table: Value) -> Value:
        self.saved, self.table = (words,), table.shape
        return paper.new(self.output(words, table))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (None, paper.new(self.table, False))


class _Columns(_AsTold):
    """A map as windows in columns, or back. Both ways take the memory of the larger, forward and backward."""

    @staticmethod
    def window(kernel: Sizes, stride: Sizes, pad: Sizes) -> str:
        """Arguments of the window in torch's call."""
        named = {"stride": written.unless_all(stride, 1), "padding": written.unless_all(pad, 0)}
        return written.arguments(written.axes(kernel), **named)

    def forward(self, paper: Paper, x: Value, shape: Sizes, **window: Any) -> Value:
        self.shape = x.shape
        return paper.new(shape, x.batched, room=max(size_of(shape), size_of(x.shape)))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        room = max(size_of(gradients[0].shape), size_of(self.shape))
        return (paper.new(self.shape, gradients[0].batched, room=room),)


class Unfold(_Columns, name="unfold"):
    """Windows of a map as columns [B, C * K * K, places]; backward adds them up."""

    @staticmethod
    def text(x: Any, shape: Sizes, **window: Sizes) -> str:
        return f"F.unfold({x}, {_Columns.window(**window)})"


class Fold(_Columns, name="fold"):
    """Columns [B, C * K * K, places] added up to a map; backward reads windows of it."""

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        return {"additions": product(inputs[0].shape)}

    @staticmethod
    def text(x: Any, shape: Sizes, **window: Sizes) -> str:
        return f"F.fold({x}, {written.each(shape[2:])}, {_Columns.window(**window)})"


class _Remade(_AsTold):
    """A map made of another, which lies as that one does; likewise backward."""

    def forward(self, paper: Paper, x: Value, shape: Sizes, **fields: Any) -> Value:
        self.shape = x.shape
        return paper.map_like(x, shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.map_like(gradients[0], self.shape),)


class Interpolate(_Remade, name="interpolate", kind="upsample"):
    """A map brought to another size. The gradients of bicubic, and of a video's repeated elements, lie in order."""

    @staticmethod
    def work(
        output: Shape, *inputs: Any, mode: str = "nearest", antialias: bool = False, **fields: Any
    ) -> dict[str, Number]:
        return {"antialiased_elements" if antialias else f"{mode}_elements": product(output)}

    @staticmethod
    def module(x: Any, shape: Sizes, mode: str = "nearest", antialias: bool = False, scale: Sizes = ()) -> str:
        named = {"scale_factor": written.axes(scale)} if scale else {"size": written.each(shape[2:])}
        how = written.arguments(**named, mode=written.unless(mode, "nearest", repr(mode)))
        return "" if antialias else f"nn.Upsample({how})"

    @staticmethod
    def text(x: Any, shape: Sizes, mode: str = "nearest", antialias: bool = False, **fields: Any) -> str:
        named = {"size": written.each(shape[2:]), "mode": repr(mode), "antialias": written.unless(antialias, False)}
        return f"F.interpolate({written.arguments(x, **named)})"

    def forward(self, paper: Paper, x: Value, shape: Sizes, mode: str = "nearest", **fields: Any) -> Value:
        self.in_order = mode == "bicubic" or (mode == "nearest" and len(shape) == 5)
        return super().forward(paper, x, shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        if self.in_order:
            return (paper.new(self.shape, gradients[0].batched),)
        return super().backward(paper, *gradients)


class PixelUnshuffle(_Remade, name="pixel_unshuffle"):
    """Blocks of a map stacked as channels."""

    @staticmethod
    def text(x: Any, shape: Sizes, factor: int) -> str:
        return f"F.pixel_unshuffle({x}, {factor})"


class PixelShuffle(_Remade, name="pixel_shuffle"):
    """Channels spread over blocks of a larger map."""

    @staticmethod
    def module(x: Any, shape: Sizes, factor: int) -> str:
        return f"nn.PixelShuffle({factor})"

    @staticmethod
    def text(x: Any, shape: Sizes, factor: int) -> str:
        return f"F.pixel_shuffle({x}, {factor})"
