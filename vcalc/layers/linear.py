"""Matrices applied to a vector, to each token, or at each position of a map."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.layers.base import HEADS, MAP, TOKENS, VECTOR, Layer, elements
from vcalc.layers.fields import FLAG, count, field
from vcalc.layers.tensors import OUTPUT, Step, Stored, Tensor
from vcalc.layers.windows import EVERYWHERE, Window


class Linear(Layer, kind="linear"):
    """A fully connected layer on a vector, or on each token by itself."""

    source = "Rumelhart, Hinton & Williams 1986; on tokens: Vaswani et al. 2017, section 3.3"
    accepts = (VECTOR, TOKENS)
    weighted_layers = 1
    forms = ("module", "subclass", "functional")

    out: Any = field(count(), "output features", symbol="D_out")
    bias: Any = field(FLAG, "whether a bias is added", True)

    def output(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:-1], self.out)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"weight": inputs[0][-1] * self.out, **({"bias": self.out} if self.bias else {})}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        multiply_adds = product(output[:-1]) * (inputs[0][-1] * self.out)
        return {"multiply_adds": multiply_adds, **({"bias_additions": elements(output)} if self.bias else {})}

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (0,)


class PointwiseLinear(Layer, kind="pointwise_linear"):
    """A matrix applied to the channels at each position of a map: a 1x1 convolution written as a linear layer.

    On heads it mixes them, for each pair of a query and a key by itself.
    """

    source = "Liu et al. 2022 (ConvNeXt), section 2.5: 1x1 convolutions written as linear layers"
    accepts = (MAP, HEADS)
    weighted_layers = 1

    out: Any = field(count(), "output channels", symbol="C_out")
    bias: Any = field(FLAG, "whether a bias is added", True)

    def output(self, *inputs: Shape) -> Shape:
        return (self.out, *inputs[0][1:])

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"weight": inputs[0][0] * self.out, **({"bias": self.out} if self.bias else {})}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        multiply_adds = (inputs[0][0] * self.out) * product(output[1:])
        return {"multiply_adds": multiply_adds, **({"bias_additions": elements(output)} if self.bias else {})}

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (0,)


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

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (Tensor("differences", inputs[0][0] * self.out),)

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        size = inputs[0][0] * self.out
        differences, squares = Tensor("differences", size), Tensor("squares", size)
        return ((differences, squares), (squares, OUTPUT))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE
