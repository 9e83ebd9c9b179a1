"""Normalisation: each element scaled by statistics of its surroundings, then by trained factors."""

from __future__ import annotations

from typing import Any, ClassVar

from vcalc.arithmetic import Number, Shape, assumed, product
from vcalc.layers.base import MAP, TOKENS, VECTOR, Heads, Layer, elements, features, needs, needs_division
from vcalc.layers.fields import FLAG, NUMBER, choice, count, field
from vcalc.layers.tensors import GRADIENT, OUTPUT, STATISTIC, Gradient, Step, Stored, Tensor
from vcalc.layers.windows import ALONG_LAST, EVERYWHERE, Window


class _Norm(Layer):
    forms: ClassVar[tuple[str, ...]] = ("module", "subclass", "functional")

    affine: Any = field(FLAG, "whether a factor and an offset a channel are trained", True)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"scale": features(inputs[0]), "shift": features(inputs[0])} if self.affine else {}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        return {"normalized_elements": size, **({"affine_elements": size} if self.affine else {})}

    def statistics(self, input: Shape) -> tuple[Tensor, ...]:
        """The means and inverse deviations that backward reads, and what else it needs beside the input."""
        raise NotImplementedError

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (0, *self.statistics(inputs[0]))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        return ((OUTPUT, *self.statistics(inputs[0])),)


def _mean_and_deviation(count: Number, per_image: bool = True) -> tuple[Tensor, ...]:
    return tuple(Tensor(name, count, STATISTIC, per_image) for name in ("mean", "inverse deviation"))


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

    def statistics(self, input: Shape) -> tuple[Tensor, ...]:
        return _mean_and_deviation(features(input), per_image=False)

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        return ((OUTPUT, *(self.statistics(inputs[0]) if training else ())),)


class LayerNorm(_Norm, kind="layernorm"):
    """Normalisation over the features of each token, or over the channels at each position of a map."""

    forms = ("module", "final", "subclass", "functional")
    source = "Ba, Kiros & Hinton 2016, section 3; over channels: Liu et al. 2022 (ConvNeXt), section 2.6"

    over: Any = field(
        choice(("channels", "last")), "what of a map is normalised: channels, or its last size, as of heads", "channels"
    )

    def output(self, *inputs: Shape) -> Shape:
        of_heads = isinstance(inputs[0], Heads) and self.over == "channels"
        needs(not of_heads, "layernorm: heads have no channels", "over", "over: last normalises the width of a head")
        return inputs[0]

    def _over_channels(self, input: Shape) -> bool:
        return len(input) == MAP and self.over == "channels"

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        size = inputs[0][0] if self._over_channels(inputs[0]) else inputs[0][-1]
        return {"scale": size, "shift": size} if self.affine else {}

    def statistics(self, input: Shape) -> tuple[Tensor, ...]:
        return _mean_and_deviation(product(input[1:] if self._over_channels(input) else input[:-1]))

    def reach(self, input: Shape) -> Window | None:
        return ALONG_LAST if len(input) == MAP and self.over == "last" else None


class RMSNorm(_Norm, kind="rmsnorm"):
    """Each token divided by the root of its mean square; a factor a feature is trained, no offset."""

    source = "Zhang & Sennrich 2019, equation 4"
    accepts = (TOKENS, VECTOR)
    forms = ("module", "subclass", "functional")

    affine: Any = field(FLAG, "whether a factor a feature is trained", True)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"scale": features(inputs[0])} if self.affine else {}

    def statistics(self, input: Shape) -> tuple[Tensor, ...]:
        return (Tensor("inverse root mean square", product(input[:-1]), STATISTIC),)

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        normalized = (Tensor("normalized", elements(output)),) if self.affine else ()
        return (0, *self.statistics(inputs[0]), *normalized)

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        rows = product(inputs[0][:-1])
        first = (Tensor("squares", elements(output)), Tensor("means", rows), Tensor("means and epsilon", rows))
        return (first, (*self.saved(inputs, output)[1:], OUTPUT))


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

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (*(self._turned(inputs[0]) or (0,)), *_mean_and_deviation(self.groups))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        return ((OUTPUT, *self._turned(inputs[0]), *_mean_and_deviation(self.groups)),)

    def _turned(self, input: Shape) -> tuple[Tensor, ...]:
        """Tokens are copied with the features first, as torch's operator wants them."""
        return () if len(input) == MAP else (Tensor("turned input", elements(input)),)

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

    def statistics(self, input: Shape) -> tuple[Tensor, ...]:
        return (*_mean_and_deviation(input[0]), *((Tensor("factors", input[0]),) if self.affine else ()))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        offsets = (Tensor("offsets", inputs[0][0]),) if self.affine else ()
        return ((OUTPUT, *self.statistics(inputs[0]), *offsets),)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class LocalResponseNorm(Layer, kind="local_response_norm"):
    """Normalisation over neighbouring channels."""

    source = "Krizhevsky et al. 2012, section 3.3"
    accepts = (MAP,)

    size: Any = field(count(), "channels that are normalised together", 5)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"padded_elements": self._padded(inputs[0]), "positions": product(inputs[0][1:])}

    def _padded(self, input: Shape) -> Number:
        return product((input[0] + self.size - 1, *input[1:]))

    def _made(self, input: Shape) -> tuple[Tensor, ...]:
        """Squares with padding, their mean, k + alpha times it, and its power: torch runs one operator for each."""
        size, padded = elements(input), self._padded(input)
        names = {"squares": size, "padded squares": padded, "means": size, "product": size, "sum": size, "power": size}
        return tuple(Tensor(name, count) for name, count in names.items())

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        _, padded, _, _, total, power = self._made(inputs[0])
        return (0, padded, total, power)

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        squares, padded, means, scaled, total, power = self._made(inputs[0])
        return (
            (squares, padded),
            (padded, means),
            (means, scaled, total),
            (means, total, power),
            (power, OUTPUT),
        )

    def gradient_steps(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Step, ...]:
        _, padded, means, _, total, power = self._made(inputs[0])
        parts = tuple(Tensor(f"factor {number} of a gradient", elements(output)) for number in range(4))
        of_input, of_power = (Tensor(f"gradient of the {name}", elements(output)) for name in ("quotient", "power"))
        of_padded = Tensor("gradient of the padded squares", padded.elements)
        return (
            (0, padded, total, power, GRADIENT, *parts),
            (0, padded, total, of_input, of_power, *parts[:3]),
            (0, padded, of_input, means._replace(name="gradient of the means"), of_padded),
            (0, of_input, *parts[:2], Gradient(0)),
        )


class GlobalResponseNorm(Layer, kind="global_response_norm"):
    """Each channel weighed by its length over all positions, against the mean length; the input added."""

    source = "Woo et al. 2023 (ConvNeXt V2), section 3, algorithm 1"
    accepts = (MAP,)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"scale": inputs[0][0], "shift": inputs[0][0]}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        return {"normalized_elements": size, "affine_elements": size, "additions": size}

    def _made(self, input: Shape) -> tuple[Tensor, ...]:
        """The channels' lengths, their mean, the quotient, and the input times it."""
        lengths, quotients = Tensor("lengths", input[0]), Tensor("quotients", input[0])
        return (lengths, Tensor("mean length", 1), quotients, Tensor("normalized", elements(input)))

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (0, *self._made(inputs[0]))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        lengths, mean, quotients, normalized = self._made(inputs[0])
        kept = (lengths, mean, quotients, normalized) if training else (quotients,)
        scaled = Tensor("scaled", elements(output))
        return ((lengths, mean, quotients), (*kept, normalized, scaled), (*kept, scaled, OUTPUT))

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

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (0,) if self.constant is None else ()

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"multiplications": elements(output)}
