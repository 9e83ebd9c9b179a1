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
from vcalc.layers.fields import FLAG, NUMBER, POSITIVE, axes_or, count, field
from vcalc.layers.windows import EVERYWHERE, Window, along

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class _Norm(Layer):
    forms: ClassVar[tuple[str, ...]] = ("module", "subclass", "functional")
    affine: Any = field(FLAG, "whether a factor and an offset a channel are trained", True)
    eps: Any = field(POSITIVE, "what keeps the divisor from 0; torch's own where it is not said", None)

    @property
    def roles(self) -> tuple[str, ...]:
        """What is trained for each channel, or for each element that is normalised."""
        return () if not self.affine else ("scale", "shift") if getattr(self, "bias", False) else ("scale",)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return dict.fromkeys(self.roles, features(inputs[0]))

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        return {"normalized_elements": size, **({"affine_elements": size} if self.affine else {})}

    def _factors(self, ops: Paper, *sizes: int) -> list[Value]:
        """The trained factor and offset, if there are any."""
        return [ops.parameter(*sizes, role=role) for role in self.roles]


def _bias() -> Any:
    return field(FLAG, "whether the offset is trained, and not the factor alone", True)


class BatchNorm(_Norm, kind="batchnorm"):
    """Normalisation over the batch, of tokens over all of them, too; running mean and variance are buffers."""

    source = "Ioffe & Szegedy 2015, algorithm 1; of tokens: Graham et al. 2021 (LeViT), section 4.2"
    accepts = (MAP, TOKENS, VECTOR)
    forms = ("module", "subclass", "with_activation", "functional")

    bias: Any = _bias()

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        return {
            "running_mean": features(inputs[0]),
            "running_variance": features(inputs[0]),
            "batches_tracked": 1,
        }

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        work = super().work(inputs, output)
        if rank(inputs[0]) != TOKENS:
            return work
        return {**work, "parameters": inputs[0][0] * sum(self.parameters(*inputs).values())}

    def run(self, ops: Paper, x: Value) -> Value:
        if not self.is_of(x, TOKENS):
            return ops.batch_norm(x, *self._factors(ops, x.shape[1]), eps=self.eps)
        rows = ops.reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))
        return ops.reshape(ops.batch_norm(rows, *self._factors(ops, x.shape[2]), eps=self.eps), x.shape)


class FrozenBatchNorm(Layer, kind="frozen_batchnorm"):
    """A batch norm of which nothing is trained: statistics, factors and offsets are buffers, one each a channel."""

    source = "He et al. 2016, the released models' frozen batch norm; torchvision, FrozenBatchNorm2d"
    accepts = (MAP,)
    composed = True

    eps: Any = field(POSITIVE, "what keeps the divisor from 0", 1e-5)

    def run(self, ops: Paper, x: Value) -> Value:
        channels = x.shape[1]
        wide, ones = (channels, *(1 for _ in x.shape[2:])), ("torch.ones", channels)
        factor, variance = (
            ops.reshape(ops.own((channels,), name, by=ones), wide) for name in ("frozen_scale", "running_variance")
        )
        offset, mean = (ops.reshape(ops.own((channels,), name), wide) for name in ("frozen_shift", "running_mean"))
        scale = ops.mul(factor, ops.power(ops.shift(variance, self.eps), exponent=-0.5))
        shift = ops.sub(offset, ops.mul(mean, scale))
        return ops.add(ops.mul(x, scale), shift)


def refuse_channels_of_heads(kind: str, over: Any, input: Shape) -> None:
    """Refuse to normalise the channels of heads, which are none."""
    of_heads = rank(input) == HEADS and over == "channels"
    needs(not of_heads, f"{kind}: heads have no channels", "over", "over: last normalises the width of a head")


class _OverAxes(_Norm):
    """Statistics of the features of each place, or along axes that are named, and factors for each element of these."""

    over: Any = field(
        axes_or("channels", "last"), "what is normalised: axes by name, channels of a map, or the last axis", "channels"
    )

    def output(self, *inputs: Shape) -> Shape:
        refuse_channels_of_heads(self.kind, self.over, inputs[0])
        self.axes(inputs[0])
        return inputs[0]

    def axes(self, input: Shape) -> tuple[int, ...]:
        """Those that are normalised together."""
        return axes_over(self.kind, self.over, input)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return dict.fromkeys(self.roles, product(inputs[0][axis] for axis in self.axes(inputs[0])))

    def run(self, ops: Paper, x: Value) -> Value:
        axes = self.axes(*self.named(x))
        order = put_last(len(x.shape), axes)
        if order == tuple(range(len(x.shape))):
            return self.normal(ops, x, len(axes))
        return ops.permute(self.normal(ops, ops.permute(x, order), len(axes)), put_back(order))

    def normal(self, ops: Paper, x: Value, axes: int) -> Value:
        """What is normalised along so many of the last axes."""
        raise NotImplementedError

    def reach(self, input: Shape) -> Window | None:
        return along(input, self.axes(input))


class LayerNorm(_OverAxes, kind="layernorm"):
    """Normalisation over the features of each token, over the channels at each position of a map, or any axes."""

    forms = ("module", "final", "subclass", "functional")
    source = "Ba, Kiros & Hinton 2016, section 3; over channels: Liu et al. 2022 (ConvNeXt), section 2.6"

    bias: Any = _bias()

    def normal(self, ops: Paper, x: Value, axes: int) -> Value:
        return ops.layer_norm(x, *self._factors(ops, *x.shape[-axes:]), axes=axes, eps=self.eps)


class RMSNorm(_OverAxes, kind="rmsnorm"):
    """Each token, each position of a map, or any axes divided by the root of the mean square; no offset is trained."""

    source = "Zhang & Sennrich 2019, equation 4"
    forms = ("module", "subclass", "functional")

    affine: Any = field(FLAG, "whether a factor a feature is trained", True)

    def normal(self, ops: Paper, x: Value, axes: int) -> Value:
        return ops.rms_norm(x, *self._factors(ops, *x.shape[-axes:]), axes=axes, eps=self.eps)


class GroupNorm(_Norm, kind="groupnorm"):
    """Normalisation over groups of channels."""

    source = "Wu & He 2018, section 3"
    accepts = (MAP, TOKENS)
    forms = ("module", "subclass", "with_activation", "functional")

    groups: Any = field(count(), "groups of channels that share statistics", symbol="G")
    bias: Any = _bias()

    def output(self, *inputs: Shape) -> Shape:
        needs_division("groupnorm: channels into groups", features(inputs[0]), self.groups, "groups")
        several = assumed(">", elements(inputs[0]), self.groups)
        needs(several, "groupnorm: a group of one element has no variance to be divided by", "groups", "fewer groups")
        return inputs[0]

    def run(self, ops: Paper, x: Value) -> Value:
        if self.is_of(x, MAP):
            return ops.group_norm(x, *self._factors(ops, x.shape[1]), groups=self.groups, eps=self.eps)
        turned = ops.copy(ops.permute(x, (0, 2, 1)))
        made = ops.group_norm(turned, *self._factors(ops, x.shape[-1]), groups=self.groups, eps=self.eps)
        return ops.permute(made, (0, 2, 1))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class InstanceNorm(_Norm, kind="instancenorm"):
    """Normalisation over the positions of each channel by itself; without trained factors unless asked."""

    source = "Ulyanov, Vedaldi & Lempitsky 2016, equation 2"
    accepts = (MAP,)

    affine: Any = field(FLAG, "whether a factor and an offset a channel are trained", False)
    bias: Any = _bias()

    def output(self, *inputs: Shape) -> Shape:
        several = assumed(">", product(inputs[0][1:]), 1)
        hint = "a larger input, or fewer strides before it"
        needs(several, "instancenorm: one position has no variance to be divided by", hint=hint)
        return inputs[0]

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.instance_norm(x, *self._factors(ops, x.shape[1]), eps=self.eps)

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
        return ops.local_response_norm(x, size=self.size)


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
        wide = (x.shape[1], *(1 for _ in x.shape[2:]))
        names = {"scale": "weight", "shift": "bias"}
        factor, offset = (ops.parameter(*wide, role=role, name=name) for role, name in names.items())
        length = ops.length(x, axes=along_places(x))
        length = ops.div(length, ops.shift(ops.mean(length, axes=(1,)), 1e-6))
        return ops.add(x, ops.mul_add(offset, factor, ops.mul(x, length)))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


def unit(ops: Paper, x: Value, axes: tuple[int, ...], eps: float = 1e-12) -> Value:
    """Divided by its length along some axes, which is kept away from 0."""
    length = ops.at_least(ops.length(x, axes=axes), eps)
    return ops.div(x, ops.expand(length, x.shape))


class L2Norm(Layer, kind="l2norm"):
    """Each token, each position of a map, or any axes divided by their Euclidean length."""

    source = "El-Nouby et al. 2021 (XCiT), section 3.2; torch, F.normalize"
    composed = True

    over: Any = field(
        axes_or("channels", "last"), "what has a length of 1 then: axes by name, channels, or the last axis", "channels"
    )
    eps: Any = field(POSITIVE, "the least that is divided by", 1e-12)

    def output(self, *inputs: Shape) -> Shape:
        refuse_channels_of_heads(self.kind, self.over, inputs[0])
        axes_over(self.kind, self.over, inputs[0])
        return inputs[0]

    def run(self, ops: Paper, x: Value) -> Value:
        axes = axes_over(self.kind, self.over, *self.named(x))
        return unit(ops, x, tuple(axis + 1 for axis in axes), self.eps)

    def reach(self, input: Shape) -> Window | None:
        return along(input, axes_over(self.kind, self.over, input))


def _a_channel(layer: Layer, x: Value, shared: bool = False) -> Shape:
    """The shape of one number a channel, or one for all, that goes with a tensor which has a batch in front."""
    (shape,) = layer.named(x)
    behind = (1,) * len(shape[1:]) if channels_first(shape) else ()
    return (1 if shared else features(shape), *behind)


class Affine(Layer, kind="affine"):
    """A trained factor and offset a channel, and no statistics: x times the one, plus the other."""

    source = "Touvron et al. 2022 (ResMLP), section 2, equation 1; shared: Yu et al. 2024 (StarReLU), section 2.3"
    composed = True

    shared: Any = field(FLAG, "whether all channels share one factor and one offset", False)

    def run(self, ops: Paper, x: Value) -> Value:
        wide = _a_channel(self, x, self.shared)
        factor, offset = (ops.parameter(*wide, role=role) for role in ("scale", "shift"))
        return ops.mul_add(offset, factor, x)


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
            return ops.scale(x, by=self.constant)
        return ops.mul(x, ops.parameter(*_a_channel(self, x, self.shared), role="layer_scale"))


class Offset(Layer, kind="offset"):
    """One number a channel added; trained, or constant, as in 1 + scale."""

    source = "constant: Peebles & Xie 2023 (DiT), section 3.2; trained: Touvron et al. 2022 (ResMLP), equation 1"
    composed = True

    constant: Any = field(NUMBER, "the number, where it is not trained but the same for all", None)

    def run(self, ops: Paper, x: Value) -> Value:
        if self.constant is not None:
            return ops.plus(x, by=self.constant)
        return ops.add(x, ops.parameter(*_a_channel(self, x), role="shift"))
