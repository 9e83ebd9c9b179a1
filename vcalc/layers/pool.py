"""Pooling: windows without weights (and LeNet's trainable subsampling, which has one weight a channel)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vcalc.arithmetic import (
    Number,
    Shape,
    assumed,
    bare,
    ceil_div,
    certainly_equal,
    common_divisor,
    is_symbolic,
    maximum,
    minimum,
    product,
)
from vcalc.errors import LayerError
from vcalc.layers.axes import HEADS, MAP, TOKENS, rank
from vcalc.layers.base import Layer, axes_over, elements, features, needs, show
from vcalc.layers.conv import dilation_of, leading_pad, pad_same, padded_map, slide_map
from vcalc.layers.fields import FLAG, Like, axes_or, choice, count, field, padding, per_axis
from vcalc.layers.windows import EVERYWHERE, Reads, Sliding, Window, along

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class _Pool(Layer):
    """A window that slides over each channel by itself; it steps by its own size if not said otherwise."""

    accepts = (MAP,)
    forms = ("module", "subclass", "functional")

    kernel: Any = field(per_axis(), "window size", symbol="K")
    stride: Any = field(per_axis(), "step between windows", Like("kernel"), "S")
    pad: Any = field(padding(), "padding on each side, or 'same'", 0, "P")
    ceil_mode: Any = field(FLAG, "whether a last, partly empty window counts", False)

    def output(self, *inputs: Shape) -> Shape:
        shape = slide_map(inputs[0], self, inputs[0][0], self.ceil_mode)
        for kernel, pad in () if isinstance(self.pad, str) else zip(self.kernel, self.pad, strict=True):
            if not assumed(">=", kernel // 2, pad):
                message = f"{self.kind}: a pad of {show(pad)} is more than half of a window of {show(kernel)}"
                hint = f"a pad of {show(kernel // 2)} at most: a window has to lie on the map, not beside it"
                raise LayerError(message, "pad", hint)
        return shape

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        return {
            "window_elements": product(self.kernel) * size,
            "padded_elements": inputs[0][0] * padded_map(self, inputs[0]),
        }

    def _window(self) -> dict[str, Any]:
        """The window, of which `same` is padding by itself."""
        pad = (0,) * len(self.kernel) if isinstance(self.pad, str) else self.pad
        return {"kernel": self.kernel, "stride": self.stride, "pad": pad, "ceil_mode": bool(self.ceil_mode)}

    def reach(self, input: Shape) -> Window:
        return Sliding(self.kernel, self.stride, leading_pad(self, input), dilation_of(self))


class MaxPool(_Pool, kind="maxpool"):
    """The largest element of each window."""

    source = "Krizhevsky et al. 2012, section 3.4 (overlapping windows)"

    dilation: Any = field(per_axis(), "distance between elements of a window", 1, "D")

    def run(self, ops: Paper, x: Value) -> Value:
        window = {**self._window(), "dilation": self.dilation}
        return ops.max_pool(pad_same(ops, self, x, float("-inf")), self.on(x), **window)


class AvgPool(_Pool, kind="avgpool"):
    """The mean of each window."""

    source = "Lin, Chen & Yan 2014, section 3"

    count_pad: Any = field(FLAG, "whether padding is part of the mean", True)

    def output(self, *inputs: Shape) -> Shape:
        if len(self.kernel) == 3 and not isinstance(self.pad, str):
            for size, kernel in zip(inputs[0][1:], self.kernel, strict=True):
                message = f"avgpool: a window of {show(kernel)} is larger than the {show(size)} that it averages"
                needs(assumed(">=", size, kernel), message, "kernel", "torch takes none that is on three axes")
        return super().output(*inputs)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        work = super().work(inputs, output)
        pads, same = leading_pad(self, inputs[0]), isinstance(self.pad, str)
        averaged = work["window_elements"]
        none = (0,) * len(self.kernel)
        if (self.ceil_mode and not same) or not (self.count_pad or self.pad == none):
            averaged = self._averaged(inputs[0], output, pads, pads if self.count_pad else none)
        closed = not any(is_symbolic(bare(size)) for size in (*self.kernel, *self.stride))
        inside = self._averaged(inputs[0], output, pads, none) if same and closed else averaged
        return {**work, "averaged_elements": averaged, "inside_elements": inside}

    def _averaged(self, input: Shape, output: Shape, pads: Shape, counted: Shape) -> Number:
        """Elements that all windows average, with `counted` of the padding before each axis among them."""
        return output[0] * product(map(_averaged, input[1:], output[1:], self.kernel, self.stride, pads, counted))

    def run(self, ops: Paper, x: Value) -> Value:
        shape = self.on(x)
        inside = None
        if isinstance(self.pad, str) and not self.count_pad:
            inside = ops.made(shape[2:], by=("shares_inside", x.shape[2:], self.kernel, self.stride))
        counted = bool(self.count_pad or inside is not None)
        means = ops.avg_pool(pad_same(ops, self, x), shape, count_pad=counted, **self._window())
        return means if inside is None else ops.div(means, inside)


def _averaged(size: Number, positions: Number, kernel: Number, stride: Number, pad: Number, counted: Number) -> Number:
    """Elements that the windows along one axis average: what lies beyond `counted` padding is no part of a mean."""
    if is_symbolic(bare(kernel)) or is_symbolic(bare(stride)):
        raise LayerError(
            "avgpool: the elements of its windows cannot be counted while the window is open",
            "kernel",
            "bind kernel and stride to numbers",
        )
    before = pad - counted
    after = (positions - 1) * stride - pad + kernel - size - counted
    total = positions * kernel
    for i in range(ceil_div(int(bare(kernel)), int(bare(stride)))):
        there = maximum(minimum(positions - i, 1), 0)
        total = total - there * (maximum(before - i * stride, 0) + maximum(after - i * stride, 0))
    return total


class GlobalAvgPool(Layer, kind="global_avgpool"):
    """The mean of each channel over all positions (or tokens): a vector."""

    source = "Lin, Chen & Yan 2014, section 3.2"
    accepts = (MAP, TOKENS)
    forms = ("module", "functional", "mean")

    keep_dims: Any = field(FLAG, "whether the result stays a map of one position, [C, 1, 1]", False)

    def form_on(self, inputs: tuple[Shape, ...]) -> str:
        """Tokens are averaged by their own mean: no module of torch does."""
        return "mean" if self.written is None and rank(inputs[0]) == TOKENS else self.form

    def output(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if rank(shape) == MAP:
            return (shape[0], *(1,) * len(shape[1:])) if self.keep_dims else (shape[0],)
        return (1, shape[1]) if self.keep_dims else (shape[1],)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"window_elements": elements(inputs[0])}

    def run(self, ops: Paper, x: Value) -> Value:
        if self.is_of(x, MAP):
            mean = ops.adaptive_mean(x, (*x.shape[:2], *(1 for _ in x.shape[2:])))
        else:
            mean = ops.mean(x, axes=(1,))
        return mean if self.keep_dims else ops.reshape(mean, (x.shape[0], features(*self.named(x))))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


MOST_OPEN_WINDOWS = 100
"""Adaptive windows along one axis of an open size, whose floors are written out one by one."""


class _AdaptivePool(Layer):
    """Windows chosen so that the output has a given size; they may overlap."""

    source = "PyTorch, AdaptiveAvgPool2d: window i covers floor(i*H/out) to ceil((i+1)*H/out)"
    accepts = (MAP,)
    forms = ("module", "functional")

    out: Any = field(per_axis(), "output size along each spatial axis")

    def output(self, *inputs: Shape) -> Shape:
        for size, out in zip(inputs[0][1:], self.out, strict=True):
            needs(
                not is_symbolic(out) and (not is_symbolic(size) or out <= MOST_OPEN_WINDOWS),
                f"{self.kind}: the windows of {show(size)} by {show(out)} cannot be counted while sizes are open",
                "out",
                f"bind the sizes to numbers, or ask for {MOST_OPEN_WINDOWS} windows at most",
            )
        return (inputs[0][0], *self.out)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        channels, *sizes = inputs[0]
        return {"window_elements": channels * product(map(_adaptive_reads, sizes, self.out))}

    def reach(self, input: Shape) -> Window:
        return Window(
            tuple(
                None if certainly_equal(out, 1) else Reads(0, size - 1, size, out)
                for size, out in zip(input[1:], self.out, strict=True)
            )
        )


class AdaptiveAvgPool(_AdaptivePool, kind="adaptive_avgpool"):
    """Means over windows chosen so that the output has a given size; windows may overlap."""

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.adaptive_mean(x, self.on(x))


class AdaptiveMaxPool(_AdaptivePool, kind="adaptive_maxpool"):
    """The largest elements of windows chosen so that the output has a given size; windows may overlap."""

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.max_pool(x, self.on(x))


def _adaptive_reads(size: Number, out: int) -> Number:
    """Elements that the windows along one axis read; neighbours share one where they do not meet at a whole."""
    if is_symbolic(bare(size)):
        return sum(ceil_div((i + 1) * size, out) - i * size // out for i in range(out))
    return size + out - common_divisor(size, out)


class ReduceAxes(Layer, kind="reduce_axes"):
    """The mean, the largest or the sum of what lies along axes, each of which is left with one place."""

    source = "Woo et al. 2018 (CBAM), section 3, spatial attention: both over channels"
    accepts = (MAP, TOKENS, HEADS)
    sample: ClassVar[dict[str, Any]] = {"by": "max", "over": "channels"}

    by: Any = field(choice(("mean", "max", "sum")), "what is made of the elements")
    over: Any = field(axes_or("channels", "last"), "channels, the last axis, or axes by name")

    def axes(self, input: Shape) -> tuple[int, ...]:
        """Those that are left with one place."""
        return axes_over(self.kind, self.over, input)

    def output(self, *inputs: Shape) -> Shape:
        axes = self.axes(inputs[0])
        return tuple(1 if axis in axes else size for axis, size in enumerate(inputs[0]))

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        if self.by == "sum":
            return {"additions": elements(inputs[0]) - elements(output)}
        return {"window_elements": elements(inputs[0])}

    def run(self, ops: Paper, x: Value) -> Value:
        axes = tuple(axis + 1 for axis in self.axes(*self.named(x)))
        if self.by != "sum":
            return ops.mean(x, axes=axes) if self.by == "mean" else ops.largest(x, axes=axes)
        for axis in axes:
            x = ops.sum(x, axis=axis)
        return x

    def reach(self, input: Shape) -> Window | None:
        return along(input, self.axes(input))


class Subsample(Layer, kind="subsample"):
    """LeNet's pooling: the sum of a window, times a trained coefficient, plus a trained bias, one each a channel."""

    source = "LeCun et al. 1998, section II.B, layers S2 and S4"
    accepts = (MAP,)

    kernel: Any = field(count(), "window size and step", 2, "K")

    def output(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        for size in sizes:
            fits = assumed(">=", size, self.kernel)
            needs(fits, f"subsample: a window of {show(self.kernel)} does not fit an input of {show(size)}", "kernel")
        return (channels, *(size // self.kernel for size in sizes))

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"scale": inputs[0][0], "shift": inputs[0][0]}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        return {
            "window_elements": product((self.kernel,) * len(output[1:])) * size,
            "multiplications": size,
            "bias_additions": size,
        }

    def run(self, ops: Paper, x: Value) -> Value:
        wide = (x.shape[1], *(1,) * len(x.shape[2:]))
        factor, offset = (ops.reshape(ops.parameter(x.shape[1], role=role), wide) for role in ("scale", "shift"))
        kernel = (self.kernel,) * len(x.shape[2:])
        sums = ops.scale(ops.avg_pool(x, self.on(x), kernel=kernel, stride=kernel), by=product(kernel))
        return ops.add(ops.mul(sums, factor), offset)

    def reach(self, input: Shape) -> Window:
        each = (self.kernel,) * len(input[1:])
        return Sliding(each, each)
