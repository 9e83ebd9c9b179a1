"""Operators whose windows slide over a map."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators import text as written
from vcalc.operators.layout import Sizes, channels_last, size_of
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import INDEX


class Conv(Operator, name="conv", kind="conv"):
    """A convolution: a kernel at each position that is put out; transposed, at each that arrives."""

    functional = True

    @staticmethod
    def output(*inputs: Any, shape: Shape, **window: Any) -> Shape:
        return shape

    @staticmethod
    def work(
        output: Shape, x: Any, weight: Any, bias: Any = None, *, transposed: bool = False, **window: Any
    ) -> dict[str, Number]:
        positions = x.shape if transposed else output
        work = {"multiply_adds": product(weight.shape) * product((positions[0], *positions[2:]))}
        return work if bias is None else {**work, "bias_additions": product(output)}

    @staticmethod
    def module(
        x: Any, weight: Any, bias: Any = None, *, shape: Sizes, transposed: bool = False, groups: int = 1, **window: Any
    ) -> str:
        named = {**_window(**window), "groups": written.unless(groups, 1), "bias": "False" if bias is None else ""}
        arguments = written.arguments(x.shape[1], shape[1], written.axes(weight.shape[2:]), **named)
        return f"nn.Conv{'Transpose' if transposed else ''}{len(shape) - 2}d({arguments})"

    @staticmethod
    def text(
        x: Any, weight: Any, bias: Any = None, *, shape: Sizes, transposed: bool = False, groups: int = 1, **window: Any
    ) -> str:
        named = {"bias": "" if bias is None else bias, **_window(**window), "groups": written.unless(groups, 1)}
        return f"F.conv{'_transpose' if transposed else ''}{len(shape) - 2}d({written.arguments(x, weight, **named)})"

    def forward(
        self,
        paper: Paper,
        x: Value,
        weight: Value,
        bias: Value | None = None,
        *,
        shape: Sizes,
        transposed: bool = False,
        **window: Any,
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


def _window(
    stride: Sizes = (1,), pad: Sizes = (0,), output_pad: Sizes = (0,), dilation: Sizes = (1,)
) -> dict[str, str]:
    """Arguments for what is not usual about a window."""
    given = {"stride": (stride, 1), "padding": (pad, 0), "output_padding": (output_pad, 0), "dilation": (dilation, 1)}
    return {name: written.unless_all(*each) for name, each in given.items()}


class _Pool(Operator):
    """What saves its input. The output and the input's gradient lie as it does, a sequence as an image of one row."""

    in_order = False
    """Whether both lie in order, however the input does."""

    @staticmethod
    def output(x: Any, shape: Shape, **window: Any) -> Shape:
        return shape

    def pooled(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        last = not self.in_order and not x.contiguous and (x.channels_last if len(x.shape) == 4 else x.strides[1] == 1)
        return paper.new(shape, x.batched, strides=channels_last(shape) if last else None)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        x = self.saved[0]
        assert x is not None
        return (self.pooled(paper, x, x.shape),)


class MaxPool(_Pool, name="max_pool"):
    """The largest of each window, and where it stood; at inference that is made, too, and dropped."""

    @staticmethod
    def module(x: Any, shape: Sizes, kernel: Sizes = (), dilation: Sizes = (1,), **window: Any) -> str:
        return _pool("Max", shape, kernel, dilation=written.unless_all(dilation, 1), **window)

    def forward(self, paper: Paper, x: Value, shape: Sizes, kernel: Sizes = (), **window: Any) -> Value:
        self.in_order = not kernel and len(shape) == 5
        made, places = self.pooled(paper, x, shape), paper.new(shape, x.batched, INDEX)
        self.saved = (x, places)
        return made


class AvgPool(_Pool, name="avg_pool"):
    """The mean of each window; backward wants the input for its shape."""

    @staticmethod
    def module(x: Any, shape: Sizes, kernel: Sizes = (), count_pad: bool | None = None, **window: Any) -> str:
        """None where it is not said whether padding counts: a function, then, of a layer that is more than a pool."""
        return (
            ""
            if count_pad is None
            else _pool("Avg", shape, kernel, count_include_pad=written.unless(count_pad, True), **window)
        )

    @staticmethod
    def text(x: Any, shape: Sizes, kernel: Sizes, stride: Sizes) -> str:
        return f"F.avg_pool{len(shape) - 2}d({x}, {written.axes(kernel)})"

    def forward(self, paper: Paper, x: Value, shape: Sizes, **window: Any) -> Value:
        self.saved, self.in_order = (x,), len(shape) == 5
        return self.pooled(paper, x, shape)


class AdaptiveMean(Operator, name="adaptive_mean"):
    """Means over windows chosen so that the output has a given size: to one element the mean, as torch takes it."""

    composed = True

    @staticmethod
    def output(x: Any, shape: Shape) -> Shape:
        return shape

    @staticmethod
    def module(x: Any, shape: Sizes) -> str:
        return _pool("Avg", shape)

    def forward(self, paper: Paper, x: Value, shape: Sizes) -> Value:
        places = shape[2:]
        if any(size != 1 for size in places):
            return paper.avg_pool(x, shape)
        return paper.mean(x, axes=tuple(range(2, len(shape))))


def _pool(
    of: str,
    shape: Sizes,
    kernel: Sizes = (),
    stride: Sizes = (),
    pad: Sizes = (0,),
    ceil_mode: bool = False,
    **named: str,
) -> str:
    """Torch's module of a pool: of windows, or, without any, to a size."""
    axes = len(shape) - 2
    if not kernel:
        return f"nn.Adaptive{of}Pool{axes}d({written.axes(shape[2:])})"
    given = {"stride": written.axes(stride), "padding": written.unless_all(pad, 0)}
    mode = written.unless(ceil_mode, False)
    return f"nn.{of}Pool{axes}d({written.arguments(written.axes(kernel), **given, ceil_mode=mode, **named)})"
