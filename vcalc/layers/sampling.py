"""Layers that read a map between its elements, at places that another layer gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vcalc.arithmetic import Number, Shape, assumed, exact_div, product
from vcalc.layers.axes import MAP, TOKENS
from vcalc.layers.base import BRANCHES, Layer, describe, elements, needs, needs_division, needs_groups, show
from vcalc.layers.conv import slide_map
from vcalc.layers.fields import FLAG, SIZES, choice, count, field, per_axis
from vcalc.layers.windows import EVERYWHERE, Window
from vcalc.operators.sampling import INTERPOLATED

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class GridSample(Layer, kind="grid_sample"):
    """A map sampled at places, the second branch: a map of coordinates, one channel for each axis, from -1 to 1.

    The first of them counts along the last axis of the map, as x does.
    """

    source = "Jaderberg et al. 2015 (Spatial Transformer Networks), section 3.3"
    accepts = (MAP,)
    spatial = (2, 3)
    joins = True
    composed = True
    example = (("C", "H", "W"), (2, "H_s", "W_s"))  # type: ignore[assignment]

    mode: Any = field(
        choice(tuple(INTERPOLATED)), "how it is read between elements, bilinear also in a video", "bilinear"
    )

    def output(self, *inputs: Shape) -> Shape:
        needs(len(inputs) == 2, f"grid_sample joins a map and places, 2 branches, not {len(inputs)}", BRANCHES)
        whole, places = inputs
        axes = len(whole) - 1
        message = f"grid_sample: {describe(places)} does not say where to sample {describe(whole)}"
        hint = f"{axes} channels of coordinates: conv: {{out: {axes}, kernel: …}} makes some"
        needs(len(places) == len(whole) and assumed("==", places[0], axes), message, hint=hint)
        return (whole[0], *places[1:])

    def run(self, ops: Paper, x: Value, places: Value) -> Value:
        last = ops.permute(places, (0, *range(2, len(places.shape)), 1))
        return ops.sample(x, last, shape=(*x.shape[:2], *places.shape[2:]), mode=self.mode)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class DeformConv(Layer, kind="deform_conv"):
    """A convolution that reads each element at an offset from its place: the second branch has them, a third masks.

    Of offsets there are two channels for each element of the kernel, first along the height, of masks one; both as
    often as channels are in groups that move by themselves.
    """

    source = "Dai et al. 2017 (Deformable ConvNets), section 2.1; masks: Zhu et al. 2019 (v2), section 3.2"
    accepts = (MAP,)
    spatial = (2,)
    joins = True
    weighted_layers = 1
    sample: ClassVar[dict[str, Any]] = {"kernel": 3, "stride": 1, "pad": 1, "dilation": 1}
    example = (("C", "H", "W"), (18, "H", "W"), (9, "H", "W"))  # type: ignore[assignment]

    out: Any = field(count(), "output channels", symbol="C_out")
    kernel: Any = field(per_axis(), "kernel size", symbol="K")
    stride: Any = field(per_axis(), "step between windows", 1, "S")
    pad: Any = field(per_axis(0), "zero padding on each side", 0, "P")
    dilation: Any = field(per_axis(), "distance between kernel elements", 1, "D")
    groups: Any = field(count(), "groups that channels are split into", 1, "G")
    bias: Any = field(FLAG, "whether a bias is added", True)

    def output(self, *inputs: Shape) -> Shape:
        several = len(inputs) in (2, 3)
        needs(several, f"deform_conv joins a map, offsets and perhaps masks, not {len(inputs)} branches", BRANCHES)
        shape = inputs[0]
        needs_groups("deform_conv", shape[0], self.out, self.groups)
        made = slide_map(shape, self, self.out)
        each = product(self.kernel)
        sets = self._sets("offsets", inputs[1], 2 * each, made)
        needs_division("deform_conv: channels into groups that move by themselves", shape[0], sets, "")
        if len(inputs) == 3:
            same = assumed("==", self._sets("masks", inputs[2], each, made), sets)
            pairs = f"{show(inputs[1][0])} offsets go with {show(each * sets)} masks"
            needs(same, f"deform_conv: {pairs}, not with {show(inputs[2][0])}")
        return made

    def _sets(self, what: str, given: Shape, channels: Number, made: Shape) -> Number:
        """How many groups of channels have offsets, or masks, of their own."""
        fits = len(given) == len(made) and all(map(lambda a, b: assumed("==", a, b), given[1:], made[1:]))
        needed = show((channels, *made[1:]))
        message = f"deform_conv: {what} are {needed}, or several times as many channels, not {describe(given)}"
        needs(
            fits and assumed("%", given[0], channels),
            message,
            hint=f"a conv with the same window and out: {show(channels)} makes them",
        )
        return exact_div(given[0], channels)

    def _weights(self, shape: Shape) -> Number:
        return product((*self.kernel, exact_div(shape[0], self.groups))) * self.out

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"weight": self._weights(inputs[0]), **({"bias": self.out} if self.bias else {})}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        sampled = product((*self.kernel, *output[1:])) * inputs[0][0]
        work = {"multiply_adds": self._weights(inputs[0]) * product(output[1:]), "bilinear_elements": sampled}
        if len(inputs) == 3:
            work["multiplications"] = sampled
        return {**work, "bias_additions": elements(output)} if self.bias else work

    def run(self, ops: Paper, x: Value, offsets: Value, mask: Value | None = None) -> Value:
        weight = ops.parameter(self.out, x.shape[1] // self.groups, *self.kernel)
        bias = ops.parameter(self.out, role="bias") if self.bias else None
        given = [each for each in (x, offsets, mask) if each is not None]
        window = {"stride": self.stride, "pad": self.pad, "dilation": self.dilation}
        return ops.deform_conv(x, weight, offsets, mask, bias, shape=self.on(*given), **window)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class DeformableAttention(Layer, kind="deformable_attention"):
    """Values of several maps, read by each query at a few points of each and weighed by a softmax over all of them.

    The branches are a query's offsets, [N, heads * levels * points * 2], its weights, [N, heads * levels * points], the
    point that it starts from, [N, 2], or a box, [N, 4], and the values, tokens of one map after the other.
    """

    source = "Zhu et al. 2021 (Deformable DETR), equation 3"
    accepts = (TOKENS,)
    joins = True
    composed = True
    sample: ClassVar[dict[str, Any]] = {"levels": [[4, 4], [2, 2]]}
    example = (("N", 64), ("N", 32), ("N", 2), (20, "D"))  # type: ignore[assignment]

    heads: Any = field(count(), "attention heads")
    levels: Any = field(SIZES, "height and width of each map that the values are of")

    def output(self, *inputs: Shape) -> Shape:
        order = "they are offsets, weights, points and values, in this order"
        needs(len(inputs) == 4, f"deformable_attention joins 4 branches, not {len(inputs)}", BRANCHES, order)
        offsets, weights, points, values = inputs
        alike = all(assumed("==", each[0], offsets[0]) for each in (weights, points))
        needs(alike, f"deformable_attention: queries do not match: {', '.join(map(describe, inputs[:3]))}")
        needs(points[1] in (2, 4), f"deformable_attention: a point has 2 coordinates, a box 4, not {show(points[1])}")
        sets = self.heads * len(self.levels)
        needs_division("deformable_attention: weights into heads and levels", weights[1], sets, "heads")
        twice = f"{show(weights[1])} weights go with {show(2 * weights[1])} offsets"
        same = assumed("==", offsets[1], 2 * weights[1])
        needs(same, f"deformable_attention: {twice}, not with {show(offsets[1])}")
        needs_division("deformable_attention: width into heads", values[1], self.heads, "heads")
        places = sum(rows * columns for rows, columns in self.levels)
        message = f"deformable_attention: levels have {show(places)} places, but {describe(values)} arrives"
        needs(assumed("==", values[0], places), message, "levels")
        return (offsets[0], values[1])

    def run(self, ops: Paper, offsets: Value, weights: Value, points: Value, values: Value) -> Value:
        (batch, queries, _), (_, _, width) = offsets.shape, values.shape
        each = (batch, queries, self.heads, len(self.levels))
        many = exact_div(weights.shape[2], self.heads * len(self.levels))
        places = self._places(ops, ops.reshape(offsets, (*each, many, 2)), points, many)
        sampled = self._sampled(ops, places, values)
        shares = ops.softmax(ops.reshape(weights, (*each[:3], each[3] * many)))
        shares = ops.reshape(ops.permute(shares, (0, 2, 1, 3)), (batch * self.heads, 1, queries, each[3] * many))
        mixed = ops.reshape(ops.weighted_sum(sampled, shares), (batch, width, queries))
        return ops.permute(mixed, (0, 2, 1))

    def _places(self, ops: Paper, offsets: Value, points: Value, many: Number) -> Value:
        """Where each query reads, from -1 to 1: so many elements from its point, or so large a part of its box."""
        start = ops.reshape(points, (*points.shape[:2], 1, 1, 1, points.shape[2]))
        if points.shape[2] == 4:
            size = ops.slice(start, axis=5, count=2, start=2)
            start = ops.slice(start, axis=5, count=2)
            offsets = ops.mul(ops.scale(offsets, over=2 * many), size)
        else:
            sizes = ops.made((len(self.levels), 1, 2), by=("level_sizes", self.levels))
            offsets = ops.div(offsets, sizes)
        return ops.plus(ops.scale(ops.add(start, offsets), by=2), by=-1)

    def _sampled(self, ops: Paper, places: Value, values: Value) -> Value:
        """What is read, [batch * heads, width, queries, points of all levels]."""
        batch, queries, heads, _, many, _ = places.shape
        width, first, found = exact_div(values.shape[2], heads), 0, []
        for level, (rows, columns) in enumerate(self.levels):
            part = ops.permute(ops.slice(values, axis=1, count=rows * columns, start=first), (0, 2, 1))
            whole = ops.reshape(part, (batch * heads, width, rows, columns))
            at = ops.permute(ops.select(places, axis=3, place=level), (0, 2, 1, 3, 4))
            at = ops.reshape(at, (batch * heads, queries, many, 2))
            found.append(ops.sample(whole, at, shape=(batch * heads, width, queries, many)))
            first = first + rows * columns
        return ops.concat(*found, axis=3)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE

    def rows_apart(self, input: Shape) -> bool:
        return True
