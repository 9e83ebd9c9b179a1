"""Element-wise non-linearities, and the dropout that does nothing at inference."""

from __future__ import annotations

from typing import Any, ClassVar

from vcalc.arithmetic import Number, Shape, exact_div, product
from vcalc.layers.base import MAP, Layer, elements, features, needs_division
from vcalc.layers.fields import FLAG, FRACTION, choice, count, field
from vcalc.layers.tensors import MASK, OUTPUT, Step, Stored, Tensor
from vcalc.layers.windows import ALONG_LAST, Window


class _Activation(Layer):
    """Backward reads the input, unless `reads_output`."""

    nonlinear = True
    forms = ("module", "functional", "method")
    reads_output: ClassVar[bool] = False

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (OUTPUT,) if self.reads_output else (0,)


class ReLU(_Activation, kind="relu"):
    """max(x, 0)."""

    source = "Nair & Hinton 2010"
    reads_output = True
    in_place = "output"


class ReLU6(_Activation, kind="relu6"):
    """min(max(x, 0), 6)."""

    source = "Howard et al. 2017 (MobileNets); Krizhevsky 2010"
    in_place = "input"


class LeakyReLU(_Activation, kind="leaky_relu"):
    """x where positive, a small multiple of it elsewhere."""

    source = "Maas, Hannun & Ng 2013"
    in_place = "output"


class PReLU(_Activation, kind="prelu"):
    """x where positive, a trained multiple of it elsewhere: one factor a channel, or one for all."""

    source = "He et al. 2015 (Delving Deep into Rectifiers), section 2.1"

    shared: Any = field(FLAG, "whether all channels share one factor", False)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"slope": 1 if self.shared else features(inputs[0])}


class GELU(_Activation, kind="gelu"):
    """x times the normal distribution function of x."""

    source = "Hendrycks & Gimpel 2016"


class SiLU(_Activation, kind="silu"):
    """x times its sigmoid, also called swish."""

    source = "Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017"
    in_place = "input"


class Hardswish(_Activation, kind="hardswish"):
    """x times its hard sigmoid."""

    source = "Howard et al. 2019 (MobileNetV3), section 5.2"
    in_place = "input"


class Sigmoid(_Activation, kind="sigmoid"):
    """1 / (1 + exp(-x))."""

    source = "Rumelhart, Hinton & Williams 1986"
    reads_output = True
    in_place = "output"


class Hardsigmoid(_Activation, kind="hardsigmoid"):
    """A sigmoid in three straight pieces."""

    source = "Courbariaux, Bengio & David 2015"
    in_place = "input"


class Tanh(_Activation, kind="tanh"):
    """The hyperbolic tangent, scaled in LeNet."""

    source = "LeCun et al. 1998, equation 6"
    reads_output = True
    in_place = "output"


class Softmax(_Activation, kind="softmax"):
    """Exponentials divided by their sum, along the last axis, over channels, or across equal groups of them."""

    source = "Bridle 1990; across groups: Li et al. 2019 (Selective Kernel Networks), equation 5"
    reads_output = True

    over: Any = field(
        choice(("last", "channels", "groups")), "what the sum goes over: the last axis, channels, or groups", "last"
    )
    groups: Any = field(count(), "groups of channels whose elements of the same place compete", 1, "G")

    def output(self, *inputs: Shape) -> Shape:
        needs_division("softmax: channels into groups", features(inputs[0]), self.groups, "groups")
        return inputs[0]

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size = elements(output)
        if self.over == "groups":
            rows = exact_div(size, self.groups)
        else:
            rows = product(output[1:] if self.over == "channels" and len(output) == MAP else output[:-1])
        return {"exponentials": size, "softmax_additions": size - rows, "divisions": size}

    def reach(self, input: Shape) -> Window | None:
        return ALONG_LAST if len(input) == MAP and self.over == "last" else None


class Dropout(Layer, kind="dropout"):
    """Elements dropped at random in training; the identity at inference."""

    source = "Srivastava et al. 2014"

    p: Any = field(FRACTION, "probability that an element is dropped", 0.5)

    def is_view(self, training: bool, input: Shape) -> bool:
        return not training or self.p == 0

    def passes_gradient(self, input: Shape, output: Shape) -> bool:
        return bool(self.p == 0)

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (_mask(output),) if self.p else ()

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        return ((OUTPUT,),) if self.is_view(training, inputs[0]) else ((OUTPUT, _mask(output)),)


def _mask(output: Shape) -> Tensor:
    """Which elements are kept."""
    return Tensor("mask", elements(output), MASK)


class DropPath(Layer, kind="drop_path"):
    """Whole residual branches dropped at random in training (stochastic depth); the identity at inference."""

    source = "Huang et al. 2016"

    p: Any = field(FRACTION, "probability that the branch is dropped", 0.0)

    def is_view(self, training: bool, input: Shape) -> bool:
        return not training or self.p == 0

    def passes_gradient(self, input: Shape, output: Shape) -> bool:
        return bool(self.p == 0)

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (Tensor("factor", 1),) if self.p else ()

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        if self.is_view(training, inputs[0]):
            return ((OUTPUT,),)
        kept, product = Tensor("factor", 1), Tensor("what is kept", elements(output))
        return ((kept, product), (product, OUTPUT))
