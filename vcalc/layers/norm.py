"""Normalisation: each element scaled by statistics of its surroundings, then by trained factors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vcalc.arithmetic import Number, Shape, assumed, product
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, rank
from vcalc.layers.base import (
    Layer,
    along_places,
    axes_over,
    channels_first,
    elements,
    features,
    needs,
    needs_division,
    put_back,
    put_last,
)
from vcalc.layers.fields import FLAG, NUMBER, axes_or, count, field
from vcalc.layers.windows import EVERYWHERE, Window, along

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class _Norm(Layer):
    forms: ClassVar[tuple[str, ...]] = ("module", "subclass", "functional")

    affine: Any = field(FLAG, "whether a factor and an offset a channel are trained", True)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"scale": features(inputs[0]), "shift": features(inputs[0])} if self.affine else {}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        return {"normalized_elements": size, **({"affine_elements": size} if self.affine else {})}

    def _factors(self, ops: Paper, *sizes: int) -> list[Value]:
        """The trained factor and offset, if there are any."""
        return [ops.parameter(*sizes), ops.parameter(*sizes)] if self.affine else []


class BatchNorm(_Norm, kind="batchnorm"):
    """Normalisation over the batch; running mean and variance are buffers, not parameters."""

    source = "Ioffe & Szegedy 2015, algorithm 1"
    accepts = (MAP, VECTOR)
    forms = ("module", "subclass", "with_activation", "functional")

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        return {
            "running_mean": features(inputs[0]),
            "running_variance": features(inputs[0]),
            "batches_tracked": 1,
        }

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.batch_norm(x, *self._factors(ops, x.shape[1]))


class _OverAxes(_Norm):
    """Statistics of the features of each place, or along axes that are named, and factors for each element of these."""

    roles: ClassVar[tuple[str, ...]] = ("scale", "shift")
    """What is trained for each of these elements."""

    over: Any = field(
        axes_or("channels", "last"), "what is normalised: axes by name, channels of a map, or the last axis", "channels"
    )

    def output(self, *inputs: Shape) -> Shape:
        of_heads = rank(inputs[0]) == HEADS and self.over == "channels"
        hint = "over: last normalises the width of a head"
        needs(not of_heads, f"{self.kind}: heads have no channels", "over", hint)
        self.axes(inputs[0])
        return inputs[0]

    def axes(self, input: Shape) -> tuple[int, ...]:
        """Those that are normalised together."""
        return axes_over(self.kind, self.over, input)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        size = product(inputs[0][axis] for axis in self.axes(inputs[0]))
        return dict.fromkeys(self.roles, size) if self.affine else {}

    def run(self, ops: Paper, x: Value) -> Value:
        axes = self.axes(*self.named(x))
        order = put_last(len(x.shape), axes)
        turned = order != tuple(range(len(x.shape)))
        x = ops.permute(x, order) if turned else x
        made = self.normal(ops, x, len(axes))
        return ops.permute(made, put_back(order)) if turned else made

    def normal(self, ops: Paper, x: Value, axes: int) -> Value:
        """What is normalised along so many of the last axes."""
        raise NotImplementedError

    def reach(self, input: Shape) -> Window | None:
        return along(input, self.axes(input))


class LayerNorm(_OverAxes, kind="layernorm"):
    """Normalisation over the features of each token, over the channels at each position of a map, or any axes."""

    forms = ("module", "final", "subclass", "functional")
    source = "Ba, Kiros & Hinton 2016, section 3; over channels: Liu et al. 2022 (ConvNeXt), section 2.6"

    def normal(self, ops: Paper, x: Value, axes: int) -> Value:
        return ops.layer_norm(x, *self._factors(ops, *x.shape[-axes:]), axes=axes)


class RMSNorm(_OverAxes, kind="rmsnorm"):
    """Each token, each position of a map, or any axes divided by the root of the mean square; no offset is trained."""

    source = "Zhang & Sennrich 2019, equation 4"
    forms = ("module", "subclass", "functional")
    roles = ("scale",)

    affine: Any = field(FLAG, "whether a factor a feature is trained", True)

    def normal(self, ops: Paper, x: Value, axes: int) -> Value:
        factors = [ops.parameter(*x.shape[-axes:])] if self.affine else []
        return ops.rms_norm(x, *factors, axes=axes)


class GroupNorm(_Norm, kind="groupnorm"):
    """Normalisation over groups of channels."""

    source = "Wu & He 2018, section 3"
    accepts = (MAP, TOKENS)
    forms = ("module", "subclass", "with_activation", "functional")

    groups: Any = field(count(), "groups of channels that share statistics", symbol="G")

    def output(self, *inputs: Shape) -> Shape:
        needs_division("groupnorm: channels into groups", features(inputs[0]), self.groups, "groups")
        several = assumed(">", elements(inputs[0]), self.groups)
        needs(several, "groupnorm: a group of one element has no variance to be divided by", "groups", "fewer groups")
        return inputs[0]

    def run(self, ops: Paper, x: Value) -> Value:
        if self.is_of(x, MAP):
            return ops.group_norm(x, *self._factors(ops, x.shape[1]), groups=self.groups)
        turned = ops.copy(ops.permute(x, (0, 2, 1)))
        return ops.permute(ops.group_norm(turned, *self._factors(ops, x.shape[-1]), groups=self.groups), (0, 2, 1))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class InstanceNorm(_Norm, kind="instancenorm"):
    """Normalisation over the positions of each channel by itself; without trained factors unless asked."""

    source = "Ulyanov, Vedaldi & Lempitsky 2016, equation 2"
    accepts = (MAP,)

    affine: Any = field(FLAG, "whether a factor and an offset a channel are trained", False)

    def output(self, *inputs: Shape) -> Shape:
        several = assumed(">", product(inputs[0][1:]), 1)
        hint = "a larger input, or fewer strides before it"
        needs(several, "instancenorm: one position has no variance to be divided by", hint=hint)
        return inputs[0]

    def run(self, ops: Paper, x: Value) -> Value:
        repeated = [ops.repeat(factor, x.shape[:2]) for factor in self._factors(ops, x.shape[1])]
        return ops.instance_norm(x, *repeated)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class LocalResponseNorm(Layer, kind="local_response_norm"):
    """Normalisation over neighbouring channels."""

    source = "Krizhevsky et al. 2012, section 3.3"
    accepts = (MAP,)

    size: Any = field(count(), "channels that are normalised together", 5)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"padded_elements": self._padded(inputs[0])}

    def _padded(self, input: Shape) -> Number:
        return product((input[0] + self.size - 1, *input[1:]))

    def run(self, ops: Paper, x: Value) -> Value:
        batch, channels, first, *others = x.shape
        places = (first, *((product(others),) if others else ()))
        divisor = ops.reshape(ops.mul(x, x), (batch, 1, channels, *places))
        divisor = ops.pad(divisor, (batch, 1, channels + self.size - 1, *places))
        divisor = ops.reshape(ops.avg_pool(divisor, (batch, 1, channels, *places)), x.shape)
        divisor = ops.power(ops.shift(ops.scale(divisor)))
        return ops.div(x, divisor)


class GlobalResponseNorm(Layer, kind="global_response_norm"):
    """Each channel weighed by its length over all positions, against the mean length; the input added."""

    source = "Woo et al. 2023 (ConvNeXt V2), section 3, algorithm 1"
    accepts = (MAP,)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"scale": inputs[0][0], "shift": inputs[0][0]}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        return {"normalized_elements": size, "affine_elements": size, "additions": size}

    def run(self, ops: Paper, x: Value) -> Value:
        factor, offset = (ops.parameter(x.shape[1], *(1 for _ in x.shape[2:])) for _ in range(2))
        length = ops.length(x, axes=along_places(x))
        length = ops.div(length, ops.shift(ops.mean(length, axes=(1,))))
        return ops.add(x, ops.mul_add(offset, factor, ops.mul(x, length)))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class LayerScale(Layer, kind="layer_scale"):
    """One factor a channel on a residual branch, or one for all; trained, or constant."""

    source = "Touvron et al. 2021 (CaiT), section 2; shared: De & Smith 2020 (SkipInit); constant: Szegedy et al. 2017"
    forms = ("operator", "function")

    shared: Any = field(FLAG, "whether all channels share one factor", False)
    constant: Any = field(NUMBER, "the factor, where it is not trained but the same for all", None)

    def output(self, *inputs: Shape) -> Shape:
        needs(self.constant is None or not self.shared, "layer_scale: a constant is shared already", "shared")
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        if self.constant is not None:
            return {}
        return {"layer_scale": 1 if self.shared else features(inputs[0])}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"multiplications": elements(output)}

    def run(self, ops: Paper, x: Value) -> Value:
        if self.constant is not None:
            return ops.scale(x)
        first = channels_first(*self.named(x))
        width = 1 if self.shared else x.shape[1] if first else x.shape[-1]
        return ops.mul(x, ops.parameter(width, *((1,) * len(x.shape[2:]) if first else ())))


class Offset(Layer, kind="offset"):
    """One number a channel added; trained, or constant, as in 1 + scale."""

    source = "constant: Peebles & Xie 2023 (DiT), section 3.2; trained: Touvron et al. 2022 (ResMLP), equation 1"
    composed = True

    constant: Any = field(NUMBER, "the number, where it is not trained but the same for all", None)

    def run(self, ops: Paper, x: Value) -> Value:
        if self.constant is not None:
            return ops.plus(x)
        first = channels_first(*self.named(x))
        width = x.shape[1] if first else x.shape[-1]
        return ops.add(x, ops.parameter(width, *((1,) * len(x.shape[2:]) if first else ()), role="shift"))
