"""Normalisation: each element scaled by statistics of its surroundings, then by trained factors."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape
from vcalc.layers.base import MAP, TOKENS, VECTOR, Layer, elements, needs_division
from vcalc.layers.fields import FLAG, count, field


def features(shape: Shape) -> Number:
    """Channels of a map, width of tokens or of a vector."""
    return shape[0] if len(shape) == MAP else shape[-1]


class _Norm(Layer):
    affine: Any = field(FLAG, "whether a factor and an offset a channel are trained", True)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"scale": features(inputs[0]), "shift": features(inputs[0])} if self.affine else {}


class BatchNorm(_Norm, kind="batchnorm"):
    """Normalisation over the batch; running mean and variance are buffers, not parameters."""

    source = "Ioffe & Szegedy 2015, algorithm 1"
    accepts = (MAP, VECTOR)

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        return {
            "running_mean": features(inputs[0]),
            "running_variance": features(inputs[0]),
            "batches_tracked": 1,
        }


class LayerNorm(_Norm, kind="layernorm"):
    """Normalisation over the features of each token, or over the channels at each position of a map."""

    source = "Ba, Kiros & Hinton 2016, section 3; over channels: Liu et al. 2022 (ConvNeXt), section 2.6"


class GroupNorm(_Norm, kind="groupnorm"):
    """Normalisation over groups of channels."""

    source = "Wu & He 2018, section 3"
    accepts = (MAP, TOKENS)

    groups: Any = field(count(), "groups of channels that share statistics", symbol="G")

    def output(self, *inputs: Shape) -> Shape:
        needs_division("groupnorm: channels into groups", features(inputs[0]), self.groups, "groups")
        return inputs[0]


class LocalResponseNorm(Layer, kind="local_response_norm"):
    """Normalisation over neighbouring channels."""

    source = "Krizhevsky et al. 2012, section 3.3"
    accepts = (MAP,)

    size: Any = field(count(), "channels that are normalised together", 5)


class LayerScale(Layer, kind="layer_scale"):
    """One trained factor a channel on a residual branch."""

    source = "Touvron et al. 2021 (CaiT), section 2"

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"layer_scale": features(inputs[0])}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"multiplications": elements(output)}
