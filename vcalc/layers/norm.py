"""Normalisation: each element scaled by statistics of its surroundings, then by trained factors."""

from __future__ import annotations

from typing import Any, ClassVar

from vcalc.arithmetic import Number, Shape, product
from vcalc.layers.base import MAP, TOKENS, VECTOR, Layer, elements, features, needs_division
from vcalc.layers.fields import FLAG, count, field


class _Norm(Layer):
    forms: ClassVar[tuple[str, ...]] = ("module", "subclass", "functional")

    affine: Any = field(FLAG, "whether a factor and an offset a channel are trained", True)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"scale": features(inputs[0]), "shift": features(inputs[0])} if self.affine else {}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        return {"normalized_elements": size, **({"affine_elements": size} if self.affine else {})}


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


class LayerNorm(_Norm, kind="layernorm"):
    """Normalisation over the features of each token, or over the channels at each position of a map."""

    forms = ("module", "final", "subclass", "functional")
    source = "Ba, Kiros & Hinton 2016, section 3; over channels: Liu et al. 2022 (ConvNeXt), section 2.6"


class GroupNorm(_Norm, kind="groupnorm"):
    """Normalisation over groups of channels."""

    source = "Wu & He 2018, section 3"
    accepts = (MAP, TOKENS)

    groups: Any = field(count(), "groups of channels that share statistics", symbol="G")

    def output(self, *inputs: Shape) -> Shape:
        needs_division("groupnorm: channels into groups", features(inputs[0]), self.groups, "groups")
        return inputs[0]


class InstanceNorm(_Norm, kind="instancenorm"):
    """Normalisation over the positions of each channel by itself; without trained factors unless asked."""

    source = "Ulyanov, Vedaldi & Lempitsky 2016, equation 2"
    accepts = (MAP,)

    affine: Any = field(FLAG, "whether a factor and an offset a channel are trained", False)


class LocalResponseNorm(Layer, kind="local_response_norm"):
    """Normalisation over neighbouring channels."""

    source = "Krizhevsky et al. 2012, section 3.3"
    accepts = (MAP,)

    size: Any = field(count(), "channels that are normalised together", 5)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        channels, *sizes = inputs[0]
        return {"padded_elements": product((channels + self.size - 1, *sizes)), "positions": product(sizes)}


class LayerScale(Layer, kind="layer_scale"):
    """One trained factor a channel on a residual branch."""

    source = "Touvron et al. 2021 (CaiT), section 2"
    forms = ("operator", "function")

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"layer_scale": features(inputs[0])}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"multiplications": elements(output)}
