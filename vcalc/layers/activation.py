"""Element-wise non-linearities, and the dropout that does nothing at inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vcalc.arithmetic import Number, Shape, exact_div, product
from vcalc.layers.axes import TOKENS
from vcalc.layers.base import Layer, axes_over, elements, features, needs, needs_division, put_back, put_last
from vcalc.layers.fields import FLAG, FRACTION, NUMBER, axes_or, count, field
from vcalc.layers.windows import Window, along

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class _Activation(Layer):
    """Backward reads the input, unless `reads_output`."""

    nonlinear = True
    forms = ("module", "functional", "method")
    reads_output: ClassVar[bool] = False

    def run(self, ops: Paper, x: Value) -> Value:
        usual = "output" if self.reads_output else "input"
        saves = self.in_place if ops.overwrites else usual
        return ops.activation(x, saves=saves, in_place=ops.overwrites, function=self.kind, **self._numbers)

    @property
    def _numbers(self) -> dict[str, float]:
        """What torch's function takes beside x, where that is not the usual, by its name there."""
        return {}


class _OfSeveral(Layer):
    """One that torch has no operator for."""

    nonlinear = True
    composed = True


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

    slope: Any = field(NUMBER, "the multiple", 0.01)

    @property
    def _numbers(self) -> dict[str, float]:
        return {} if self.slope == 0.01 else {"negative_slope": self.slope}


class ELU(_Activation, kind="elu"):
    """x where positive, alpha (exp(x) - 1) elsewhere."""

    source = "Clevert, Unterthiner & Hochreiter 2016"
    in_place = "output"

    alpha: Any = field(NUMBER, "what it comes to far below 0, with its sign turned", 1.0)

    @property
    def _numbers(self) -> dict[str, float]:
        return {} if self.alpha == 1 else {"alpha": self.alpha}


class SELU(_Activation, kind="selu"):
    """An ELU with the two factors under which activations keep mean 0 and variance 1."""

    source = "Klambauer, Unterthiner, Mayr & Hochreiter 2017 (Self-Normalizing Neural Networks), equation 2"
    in_place = "output"


class Hardtanh(_Activation, kind="hardtanh"):
    """x cut off at two numbers."""

    source = "Collobert 2004 (Large Scale Machine Learning)"
    in_place = "input"

    low: Any = field(NUMBER, "what it is at least", -1.0)
    high: Any = field(NUMBER, "what it is at most", 1.0)

    @property
    def _numbers(self) -> dict[str, float]:
        return {"min_val": self.low, "max_val": self.high}

    def output(self, *inputs: Shape) -> Shape:
        needs(self.low < self.high, f"hardtanh: low, {self.low}, is not below high, {self.high}", "low")
        return inputs[0]


class Softplus(_Activation, kind="softplus"):
    """log(1 + exp(x))."""

    source = "Dugas, Bengio, Bélisle, Nadeau & Garcia 2001"


class Softsign(_Activation, kind="softsign"):
    """x / (1 + |x|)."""

    source = "Bergstra, Desjardins, Lamblin & Bengio 2009"

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.div(x, ops.shift(ops.absolute(x), by=1))


class Mish(_Activation, kind="mish"):
    """x times the hyperbolic tangent of its softplus."""

    source = "Misra 2020 (Mish), equation 1"
    in_place = "input"


class PReLU(_Activation, kind="prelu"):
    """x where positive, a trained multiple of it elsewhere: one factor a channel, or one for all."""

    source = "He et al. 2015 (Delving Deep into Rectifiers), section 2.1"

    shared: Any = field(FLAG, "whether all channels share one factor", False)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"slope": 1 if self.shared else features(inputs[0])}

    def run(self, ops: Paper, x: Value) -> Value:
        if self.shared or not self.is_of(x, TOKENS):
            return ops.prelu(x, ops.parameter(1 if self.shared else x.shape[1], role="slope"))
        x = ops.permute(x, (0, 2, 1))
        return ops.permute(ops.prelu(x, ops.parameter(x.shape[1], role="slope")), (0, 2, 1))


class GELU(_Activation, kind="gelu"):
    """x times the normal distribution function of x."""

    source = "Hendrycks & Gimpel 2016"


class SiLU(_Activation, kind="silu"):
    """x times its sigmoid, also called swish."""

    source = "Elfwing, Uchibe & Doya 2018; Ramachandran, Zoph & Le 2017"
    in_place = "input"


class SquaredReLU(_OfSeveral, kind="squared_relu"):
    """The square of max(x, 0)."""

    source = "So et al. 2021 (Primer), section 3"

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.power(ops.activation(x, saves="output", function="relu"))


class StarReLU(SquaredReLU, kind="star_relu"):
    """s max(x, 0)^2 + b, with a trained s and b that all elements share."""

    source = "Yu et al. 2024 (MetaFormer Baselines), its StarReLU"

    def run(self, ops: Paper, x: Value) -> Value:
        scale, shift = ops.parameter(1, role="scale"), ops.parameter(1, role="shift")
        return ops.add(ops.mul(super().run(ops, x), scale), shift)


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
    """Exponentials divided by their sum, along the last axis, over channels or groups of them, or any axes."""

    source = "Bridle 1990; across groups: Li et al. 2019 (Selective Kernel Networks), equation 5"
    reads_output = True

    over: Any = field(
        axes_or("last", "channels", "groups"),
        "what the sum goes over: the last axis, channels, groups, or axes by name",
        "last",
    )
    groups: Any = field(count(), "groups of channels whose elements of the same place compete", 1, "G")

    def output(self, *inputs: Shape) -> Shape:
        needs_division("softmax: channels into groups", features(inputs[0]), self.groups, "groups")
        self.axes(inputs[0])
        return inputs[0]

    def axes(self, input: Shape) -> tuple[int, ...]:
        """Those that the sum goes over; none where it goes over groups."""
        return () if self.over == "groups" else axes_over(self.kind, self.over, input)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        size, axes = elements(output), self.axes(inputs[0])
        if axes:
            rows = product(each for axis, each in enumerate(output) if axis not in axes)
        else:
            rows = exact_div(size, self.groups)
        return {"exponentials": size, "softmax_additions": size - rows, "divisions": size}

    def run(self, ops: Paper, x: Value) -> Value:
        axes = self.axes(*self.named(x))
        if axes:
            last = axes[0] == len(x.shape) - 2
            return ops.softmax(x, axis=-1 if last else axes[0] + 1) if len(axes) == 1 else self._together(ops, x, axes)
        axis = 2 if self.is_of(x, TOKENS) else 1
        parts = (*x.shape[:axis], self.groups, x.shape[axis] // self.groups, *x.shape[axis + 1 :])
        return ops.reshape(ops.softmax(ops.reshape(x, parts), axis=axis), x.shape)

    @staticmethod
    def _together(ops: Paper, x: Value, axes: tuple[int, ...]) -> Value:
        """Over several axes: as one, which is the last."""
        order = put_last(len(x.shape), axes)
        x = ops.permute(x, order)
        rows = x.shape[: -len(axes)]
        made = ops.softmax(ops.reshape(x, (*rows, product(x.shape[len(rows) :]))))
        return ops.permute(ops.reshape(made, x.shape), put_back(order))

    def reach(self, input: Shape) -> Window | None:
        return along(input, self.axes(input))


class Dropout(Layer, kind="dropout"):
    """Elements dropped at random in training; the identity at inference."""

    source = "Srivastava et al. 2014"

    p: Any = field(FRACTION, "probability that an element is dropped", 0.5)

    def run(self, ops: Paper, x: Value) -> Value:
        return x if self.is_view(ops.training, x.shape[1:]) else ops.dropout(x, p=float(self.p))

    def is_view(self, training: bool, input: Shape) -> bool:
        return not training or self.p == 0


class DropPath(Layer, kind="drop_path"):
    """Whole residual branches dropped at random in training (stochastic depth); the identity at inference."""

    source = "Huang et al. 2016"

    p: Any = field(FRACTION, "probability that the branch is dropped", 0.0)

    def run(self, ops: Paper, x: Value) -> Value:
        if self.is_view(ops.training, x.shape[1:]):
            return x
        each = (x.shape[0], *(1 for _ in x.shape[1:]))
        kept = ops.at_random(each, p=float(self.p))
        found = ops.scale(ops.mul(x, ops.cast(kept, type=x.type)), over=1 - float(self.p))
        del kept
        return found

    def is_view(self, training: bool, input: Shape) -> bool:
        return not training or self.p == 0
