"""Convolutions, and the window arithmetic along one axis that convolutions and pools share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import (
    Number,
    Shape,
    assumed,
    ceil_div,
    certainly_equal,
    certainly_less,
    exact_div,
    maximum,
    minimum,
    product,
)
from vcalc.errors import LayerError
from vcalc.layers.axes import MAP
from vcalc.layers.base import Layer, elements, needs, needs_division, needs_groups, show
from vcalc.layers.fields import FLAG, INDEX_LISTS, count, field, padding, per_axis
from vcalc.layers.windows import Reads, Sliding, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


CAUSAL = "causal"
"""Padding before a sequence alone."""


def slide(
    size: Number, kernel: Number, stride: Number, pad: Number, dilation: Number = 1, ceil_mode: bool = False
) -> Number:
    """Positions of a window along one axis (Dumoulin & Visin 2016, relationship 15).

    With `ceil_mode` a last, partly empty window counts when it starts inside the input or its left padding.
    """
    reach = extent(kernel, dilation)
    room = size + 2 * pad - reach
    if not assumed(">=", room + stride - 1 if ceil_mode else room, 0):
        message = f"a window of {show(reach)} does not fit an input of {show(size)} padded by {show(pad)} on each side"
        raise LayerError(message, "kernel", "a larger input, more pad, or fewer strides before it")
    if not ceil_mode:
        return room // stride + 1
    positions = ceil_div(room, stride) + 1
    starts_inside = certainly_less(pad + stride - 1, kernel)
    return positions if starts_inside else minimum(positions, ceil_div(size + pad, stride))


def extent(kernel: Number, dilation: Number) -> Number:
    """Positions from the first element of a window to its last."""
    return kernel + (dilation - 1) * (kernel - 1)


def slide_map(shape: Shape, layer: Any, channels: Number, ceil_mode: bool = False) -> Shape:
    """A feature map's shape after a layer with kernel, stride, pad (words as in TensorFlow) and perhaps dilation."""
    if isinstance(layer.pad, str):
        return (channels, *map(ceil_div, shape[1:], layer.stride))
    each = zip(shape[1:], layer.kernel, layer.stride, layer.pad, dilation_of(layer), strict=True)
    return (channels, *(slide(*axis, ceil_mode) for axis in each))


def dilation_of(layer: Any) -> Shape:
    """The distance between elements of a window along each axis; else they lie side by side."""
    return getattr(layer, "dilation", None) or (1,) * len(layer.kernel)


def extents(layer: Any) -> Shape:
    """Positions from the first element of a window to its last, along each axis."""
    return tuple(map(extent, layer.kernel, dilation_of(layer)))


def leading_pad(layer: Any, shape: Shape) -> tuple[Number, ...]:
    """Padding before the first element of each axis, words worked out for this input."""
    if not isinstance(layer.pad, str):
        given: tuple[Number, ...] = layer.pad
        return given
    pads = same_pads(layer, shape)
    return pads if layer.pad == CAUSAL else tuple(pad // 2 for pad in pads)


def same_pads(layer: Any, shape: Shape) -> tuple[Number, ...]:
    """What a word adds along each axis, on both sides together; nothing where the padding is given."""
    if not isinstance(layer.pad, str):
        return (0,) * len(shape[1:])
    if layer.pad == CAUSAL:
        return tuple(reach - 1 for reach in extents(layer))
    each = zip(shape[1:], layer.stride, extents(layer), strict=True)
    return tuple(maximum((ceil_div(size, stride) - 1) * stride + reach - size, 0) for size, stride, reach in each)


def padded_map(layer: Any, shape: Shape) -> Number:
    """Elements of one channel of the map that windows slide over: the input's, with what a word for it adds."""
    return product(size + pad for size, pad in zip(shape[1:], same_pads(layer, shape), strict=True))


def pad_same(ops: Paper, layer: Any, x: Value, value: float = 0) -> Value:
    """A map with what a word adds, a copy then."""
    pads = same_pads(layer, x.shape[1:])
    if not any(pads):
        return x
    shape = (*x.shape[:2], *(size + pad for size, pad in zip(x.shape[2:], pads, strict=True)))
    if layer.pad == CAUSAL:
        return ops.pad(x, shape, before=(0, *pads))
    return ops.pad(x, shape, same=(layer.kernel, layer.stride, dilation_of(layer)), value=value)


class Conv(Layer, kind="conv"):
    """A convolution over all spatial axes, grouped or dilated where asked; depthwise with `groups: C`."""

    source = (
        "LeCun et al. 1998, section II; groups: Krizhevsky et al. 2012, section 3.2; Dumoulin & Visin 2016; "
        "standardized: Qiao et al. 2019 (Weight Standardization), equation 1, with gain: Brock et al. 2021, section 4.3"
    )
    ties = True
    accepts = (MAP,)
    weighted_layers = 1
    forms = ("module", "subclass", "functional")

    out: Any = field(count(), "output channels", symbol="C_out")
    kernel: Any = field(per_axis(), "kernel size", symbol="K")
    stride: Any = field(per_axis(), "step between windows", 1, "S")
    pad: Any = field(
        padding(CAUSAL),
        "zero padding on each side; 'same'; or, of a sequence, 'causal', before it, so that nothing later is read",
        0,
        "P",
    )
    dilation: Any = field(per_axis(), "distance between kernel elements", 1, "D")
    groups: Any = field(count(), "groups that channels are split into", 1, "G")
    bias: Any = field(FLAG, "whether a bias is added", True)
    connections: Any = field(
        INDEX_LISTS, "the input channels that each output channel reads, where not all of them", None
    )
    standardized: Any = field(FLAG, "whether each output channel's weights are brought to mean 0, variance 1", False)
    gain: Any = field(FLAG, "whether standardized weights have a trained factor an output channel", False)

    def output(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        needs_groups("conv", shape[0], self.out, self.groups)
        axes = len(shape) - 1
        alone = (
            "'zero_pad' puts frames before a video alone: {frames: [2, 0]}"
            if axes == 3
            else "'zero_pad' pads each side by itself"
        )
        needs(self.pad != CAUSAL or axes == 1, "conv: pad: causal is of a sequence [C, L]", "pad", alone)
        needs(bool(self.standardized or not self.gain), "conv: gain belongs to standardized weights", "gain")
        if self.connections:
            self._check_connections(shape[0])
        several = not self.standardized or assumed("!=", self._of_one(shape), 1)
        needs(several, "conv: one weight an output channel has no variance to be standardized", "standardized")
        return slide_map(shape, self, self.out)

    @property
    def form(self) -> str:
        """Weights that are standardized, or read some channels only, need a class of their own, or functions."""
        if self.written is not None:
            return self.written
        return "functional" if self.connections else "subclass" if self.standardized else "module"

    @property
    def even_same(self) -> bool:
        """Whether `same` adds as much before as after, whatever the size, so that the convolution itself pads."""
        reaches = map(extent, self.kernel, self.dilation)
        steps = all(certainly_equal(stride, 1) for stride in self.stride)
        return self.pad == "same" and steps and all(certainly_equal(reach % 2, 1) for reach in reaches)

    def _check_connections(self, channels: Number) -> None:
        needs(
            assumed("==", len(self.connections), self.out),
            f"conv: connections has {len(self.connections)} lists for {show(self.out)} output channels",
            "connections",
        )
        needs(assumed("==", self.groups, 1), "conv: connections and groups exclude each other", "connections")
        needs(not self.standardized, "conv: connections and standardized exclude each other", "connections")
        needs(
            all(self.connections),
            "conv: connections has an empty list, and every output channel reads an input channel",
            "connections",
        )
        highest = max(map(max, self.connections))
        needs(
            assumed(">=", channels, highest + 1),
            f"conv: connections names input channel {highest}, the input has {show(channels)} (0 is the first)",
            "connections",
        )

    def _weights(self, shape: Shape) -> Number:
        if self.connections:
            return product(self.kernel) * sum(len(row) for row in self.connections)
        return self._of_one(shape) * self.out

    def _of_one(self, shape: Shape) -> Number:
        """The weights of one output channel."""
        return product((*self.kernel, exact_div(shape[0], self.groups)))

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        counts = {"weight": self._weights(inputs[0])}
        if self.bias:
            counts["bias"] = self.out
        if self.gain:
            counts["scale"] = self.out
        return counts

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        weights = self._weights(inputs[0])
        work = {"multiply_adds": weights * product(output[1:])}
        if self.bias:
            work["bias_additions"] = elements(output)
        if self.standardized:
            work["standardized_weights"] = weights
        if self.gain:
            work["scaled_weights"] = weights
        return work

    def run(self, ops: Paper, x: Value) -> Value:
        shape = self.on(x)
        apart = isinstance(self.pad, str) and not self.even_same
        pad = (0,) * len(self.kernel) if apart else leading_pad(self, x.shape[1:])
        window = {"stride": self.stride, "dilation": self.dilation, "pad": pad}
        x = pad_same(ops, self, x) if apart else x
        if self.connections:
            return self._gathered(ops, x, shape, window)
        kernel = ops.parameter(self.out, x.shape[1] // self.groups, *self.kernel)
        if self.standardized:
            gain = [ops.parameter(self.out, role="scale")] if self.gain else []
            rows = ops.reshape(kernel, (1, self.out, product(kernel.shape[1:])))
            kernel = ops.reshape(ops.batch_norm(rows, *gain, fixed=True), kernel.shape)
            del rows
        bias = ops.parameter(self.out, role="bias") if self.bias else None
        return ops.conv(x, kernel, bias, shape=shape, groups=self.groups, **window)

    def _gathered(self, ops: Paper, x: Value, shape: tuple[int, ...], window: dict[str, Any]) -> Value:
        """A convolution for each output channel, of the channels that it reads."""
        maps = []
        for row in self.connections:
            weight = ops.parameter(1, len(row), *self.kernel)
            index = ops.numbers((len(row),), by=("torch.tensor", list(map(int, row))))
            read = ops.gather(x, index, axis=1, shape=(x.shape[0], len(row), *x.shape[2:]))
            del index
            maps.append(ops.conv(read, weight, shape=(shape[0], 1, *shape[2:]), **window))
            del read
        made = ops.concat(*maps, axis=1)
        wide = (self.out, *(1 for _ in self.kernel))
        return ops.add(made, ops.reshape(ops.parameter(self.out, role="bias"), wide)) if self.bias else made

    def reach(self, input: Shape) -> Window:
        return Sliding(self.kernel, self.stride, leading_pad(self, input), self.dilation)


class ConvTranspose(Layer, kind="conv_transpose"):
    """A transposed convolution: every input element adds a kernel to the output, `stride` apart."""

    source = "Zeiler et al. 2010; Dumoulin & Visin 2016, relationship 14"
    accepts = (MAP,)
    weighted_layers = 1

    out: Any = field(count(), "output channels", symbol="C_out")
    kernel: Any = field(per_axis(), "kernel size", symbol="K")
    stride: Any = field(per_axis(), "step between kernels in the output", 1, "S")
    pad: Any = field(
        padding(),
        "positions left out on each side of the output, or 'same': so many that size * stride are left",
        0,
        "P",
    )
    output_pad: Any = field(per_axis(0), "positions added after the output", 0)
    dilation: Any = field(per_axis(), "distance between kernel elements", 1, "D")
    groups: Any = field(count(), "groups that channels are split into", 1, "G")
    bias: Any = field(FLAG, "whether a bias is added", True)
    stack: Any = field(count(), "images that the map consists of, one below the other, as `roi_align` leaves them", 1)

    def output(self, *inputs: Shape) -> Shape:
        channels, *sizes = inputs[0]
        needs_division("conv_transpose: rows into images", sizes[0], self.stack, "stack")
        needs_groups("conv_transpose", channels, self.out, self.groups)
        each = list(zip(sizes, extents(self), self.stride, self.dilation, self.cut, self.added, strict=True))
        places = [self._grown(*axis) for axis in each]
        if not certainly_equal(self.stack, 1):
            needs(len(sizes) == 2, "conv_transpose: stack is a number of images, one below the other", "stack")
            alone = self._grown(exact_div(sizes[0], self.stack), *each[0][1:])
            hint = f"each would have {show(alone)} rows: a kernel as large as the stride keeps them apart"
            apart = assumed("==", places[0], alone * self.stack)
            needs(apart, "conv_transpose: images of a stack would reach into one another", "stack", hint)
        return (self.out, *places)

    @property
    def _same(self) -> tuple[Number, ...] | None:
        """What `same` leaves out along each axis, on both sides together: below 0, what it adds; None if not asked."""
        if not isinstance(self.pad, str):
            return None
        return tuple(reach - stride for reach, stride in zip(extents(self), self.stride, strict=True))

    @property
    def cut(self) -> tuple[tuple[Number, Number], ...]:
        """The positions left out before and after, along each axis: of an odd number one more after."""
        if self._same is None:
            return tuple((pad, pad) for pad in self.pad)
        wholes = (maximum(more, 0) for more in self._same)
        return tuple((whole // 2, whole - whole // 2) for whole in wholes)

    @property
    def left_out(self) -> tuple[Number, ...]:
        """The positions left out before the first, along each axis."""
        return tuple(before for before, _ in self.cut)

    @property
    def added(self) -> tuple[Number, ...]:
        """The positions added after the output, along each axis."""
        if self._same is None:
            return tuple(self.output_pad)
        none = all(certainly_equal(more, 0) for more in self.output_pad)
        needs(none, "conv_transpose: with pad: same the output's size is given, and output_pad adds none", "output_pad")
        return tuple(maximum(-more, 0) for more in self._same)

    @staticmethod
    def _grown(
        size: Number, reach: Number, stride: Number, dilation: Number, cut: tuple[Number, Number], more: Number
    ) -> Number:
        """The positions that leave along one axis."""
        less = assumed(">=", maximum(stride, dilation) - 1, more)
        needs(less, "conv_transpose: output_pad is less than the stride or the dilation", "output_pad")
        full = (size - 1) * stride + reach + more
        left = full - cut[0] - cut[1]
        nothing = f"conv_transpose: nothing is left of {show(full)} positions without {show(cut[0])} on each side"
        needs(assumed(">=", left, 1), nothing, "pad")
        return left

    def _weights(self, shape: Shape) -> Number:
        return product((*self.kernel, exact_div(self.out, self.groups))) * shape[0]

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"weight": self._weights(inputs[0]), **({"bias": self.out} if self.bias else {})}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        weights = self._weights(inputs[0])
        work = {"multiply_adds": weights * product(inputs[0][1:])}
        if self.bias:
            work["bias_additions"] = elements(output)
        return work

    def run(self, ops: Paper, x: Value) -> Value:
        weight = ops.parameter(x.shape[1], self.out // self.groups, *self.kernel)
        bias = ops.parameter(self.out, role="bias") if self.bias else None
        shape = self.on(x)
        # A convolution leaves out as many on both sides; one more goes afterwards.
        wide = (*shape[:2], *(size + after - before for size, (before, after) in zip(shape[2:], self.cut, strict=True)))
        window = {name: getattr(self, name) for name in ("stride", "dilation", "groups")}
        window |= {"pad": self.left_out, "output_pad": self.added}
        made = ops.conv(x, weight, bias, shape=wide, transposed=True, **window)
        for axis, (size, more) in enumerate(zip(shape, wide, strict=True)):
            if size != more:
                made = ops.slice(made, axis=axis, count=size)
        return made

    def reach(self, input: Shape) -> Window:
        # Output element j has the kernels of those input elements in it that stand up to `pad` after it.
        each = zip(extents(self), self.stride, self.cut, strict=True)
        return Window(tuple(Reads(pad - reach + stride, pad, parts=stride) for reach, stride, (pad, _) in each))
