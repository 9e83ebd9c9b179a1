"""Matrices applied to a vector, to each token, or at each position of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape, exact_div, product
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR
from vcalc.layers.base import Layer, needs_division, put_back, put_last
from vcalc.layers.fields import FLAG, count, field, flag_or
from vcalc.layers.windows import EVERYWHERE, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


def project_qkv(ops: Paper, x: Value, inner: Number, bias: bool | str, key_bias: bool) -> Value:
    """Queries, keys and values in one product; with a bias of queries and values, zeros stand in for that of keys."""
    weight = ops.parameter(3 * inner, x.shape[-1], name="qkv_weight")
    if bias != "qv":
        made = ops.parameter(3 * inner, role="bias") if bias else None
        return ops.part("qkv").linear(x, weight, made)
    biases = ops.parameter(2, inner, role="bias", name="qv_bias")
    zeros = ops.own((inner,), "key_bias") if key_bias else ops.made((inner,))
    made = ops.concat(ops.select(biases, axis=0), zeros, ops.select(biases, axis=0, place=1), axis=0)
    return ops.part("qkv").linear(x, weight, made)


class Linear(Layer, kind="linear"):
    """A fully connected layer on a vector, or on each token by itself."""

    source = "Rumelhart, Hinton & Williams 1986; on tokens: Vaswani et al. 2017, section 3.3"
    ties = True
    accepts = (VECTOR, TOKENS)
    weighted_layers = 1
    forms = ("module", "subclass", "functional", "conv")

    out: Any = field(count(), "output features", symbol="D_out")
    bias: Any = field(
        flag_or("qv"), "whether a bias is added; qv: of queries, keys and values in one, to all but the keys", True
    )

    def output(self, *inputs: Shape) -> Shape:
        if self.bias == "qv":
            needs_division("linear: features into queries, keys and values", self.out, 3, "out")
        return (*inputs[0][:-1], self.out)

    @property
    def form(self) -> str:
        """A bias of queries and values alone is given to a function: no module takes it."""
        return "functional" if self.bias == "qv" and self.written is None else super().form

    @property
    def composed(self) -> bool:  # type: ignore[override]
        """Whether the bias is put together."""
        return bool(self.bias == "qv")

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"weight": inputs[0][-1] * self.out, **({"bias": self.out} if self.bias else {})}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        rows = product(output[:-1])
        work = {"multiply_adds": rows * (inputs[0][-1] * self.out)}
        return {**work, "bias_additions": rows * self.out} if self.bias else work

    def run(self, ops: Paper, x: Value) -> Value:
        if self.bias == "qv":
            return project_qkv(ops, x, exact_div(self.out, 3), "qv", self.form == "functional")
        weight = ops.parameter(self.out, x.shape[-1])
        return ops.linear(x, weight, ops.parameter(self.out, role="bias") if self.bias else None)


class PointwiseLinear(Layer, kind="pointwise_linear"):
    """A matrix applied to the channels at each position of a map: a 1x1 convolution written as a linear layer.

    On heads it mixes them, for each pair of a query and a key by itself.
    """

    source = "Liu et al. 2022 (ConvNeXt), section 2.5: 1x1 convolutions written as linear layers"
    accepts = (MAP, HEADS)
    composed = True
    weighted_layers = 1
    forms = ("module", "conv")

    out: Any = field(count(), "output channels", symbol="C_out")
    bias: Any = field(FLAG, "whether a bias is added", True)

    def output(self, *inputs: Shape) -> Shape:
        return (self.out, *inputs[0][1:])

    def run(self, ops: Paper, x: Value) -> Value:
        places = tuple(1 for _ in x.shape[2:]) if self.form == "conv" else ()
        weight = ops.parameter(self.out, x.shape[1], *places)
        bias = ops.parameter(self.out, role="bias") if self.bias else None
        if places:
            return ops.conv(x, weight, bias, shape=(x.shape[0], self.out, *x.shape[2:]))
        order = put_last(len(x.shape), (0,))
        made = ops.linear(ops.permute(x, order), weight, bias)
        return ops.permute(made, put_back(order))


class RadialBasis(Layer, kind="radial_basis"):
    """Euclidean radial basis units: the squared distance of the input to one fixed code a class. Not trained."""

    source = "LeCun et al. 1998, section II.B, equation 7"
    accepts = (VECTOR,)

    out: Any = field(count(), "units, one a class", symbol="D_out")

    def output(self, *inputs: Shape) -> Shape:
        return (self.out,)

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        return {"codes": inputs[0][0] * self.out}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"multiply_adds": inputs[0][0] * self.out}

    def run(self, ops: Paper, x: Value) -> Value:
        codes = ops.own((self.out, x.shape[1]), "codes", by=("torch.ones", self.out, x.shape[1]))
        return ops.sum(ops.power(ops.sub(ops.reshape(x, (x.shape[0], 1, x.shape[1])), codes)), axis=2, keep=False)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE
