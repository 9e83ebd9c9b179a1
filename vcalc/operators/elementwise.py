"""Operators that work element by element, and sums of elements."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators import text as written
from vcalc.operators.layout import broadcast
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import ACTIVATION, BOOLEAN, INDEX, MASK, STATISTIC


def together(*parts: Any, **fields: Any) -> Shape:
    """The shape of what is worked out of each element of several tensors."""
    return broadcast(*[part.shape for part in parts])


class Activation(Operator, name="activation"):
    """A function of each element. Backward reads the input or the output; in place they have one memory.

    The gradient of a ReLU, and of a leaky one, lies as what is read, that of others as the gradient that arrives.
    """

    def forward(
        self, paper: Paper, x: Value, saves: str = "input", in_place: bool = False, function: str = "", **numbers: float
    ) -> Value:
        self.function = function
        if in_place:
            self.saved = (x if saves == "output" else paper.like(x),)
            return x.bare()
        made = paper.like(x)
        self.saved = (made if saves == "output" else x,)
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (saved,) = self.saved
        as_saved = self.function in ("relu", "leaky_relu") and saved is not None
        return (paper.like(saved, gradients[0]) if as_saved else paper.like(gradients[0]),)  # type: ignore[arg-type]

    @staticmethod
    def module(x: Any, function: str, saves: str = "", in_place: bool = False, **numbers: float) -> str:
        return f"nn.{MODULES[function]}({written.arguments(**{name: repr(each) for name, each in numbers.items()})})"

    @staticmethod
    def text(x: Any, function: str, saves: str = "", in_place: bool = False, **numbers: float) -> str:
        named = {name: repr(each) for name, each in numbers.items()}
        return f"{x}.sigmoid()" if function == "sigmoid" else f"F.{function}({written.arguments(x, **named)})"


MODULES = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "selu": "SELU",
    "hardtanh": "Hardtanh",
    "softplus": "Softplus",
    "mish": "Mish",
    "gelu": "GELU",
    "silu": "SiLU",
    "hardswish": "Hardswish",
    "sigmoid": "Sigmoid",
    "hardsigmoid": "Hardsigmoid",
    "tanh": "Tanh",
}
"""Torch's modules of functions of each element."""


class _Added(Operator):
    output = staticmethod(together)

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        return {"additions": product(output)}


class Add(_Added, name="add", kind="add"):
    """A sum; the gradient of each is that of the sum."""

    @staticmethod
    def text(a: Any, b: Any) -> str:
        return f"{a} + {b}"

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        return paper.like(a, b)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (gradients[0], gradients[0])


class _Multiplied(Operator):
    output = staticmethod(together)

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        return {"multiplications": product(output)}


class Mul(_Multiplied, name="mul", kind="multiply"):
    """A product: each factor is saved for the gradient of the other."""

    @staticmethod
    def text(a: Any, b: Any) -> str:
        return f"{a} * {b}"

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        self.saved = (a if self.needs[1] else None, b if self.needs[0] else None)
        return paper.like(a, b)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        a, b = self.saved
        of_b = None if a is None else paper.like(gradients[0], a)
        of_a = None if b is None else paper.like(gradients[0], b)
        return (of_a, of_b)


class Div(Operator, name="div"):
    """A quotient; the divisor's gradient is -g * ((a / b) / b)."""

    output = staticmethod(together)

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        return {"divisions": product(output)}

    @staticmethod
    def text(a: Any, b: Any) -> str:
        return f"{a} / {b}"

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        self.saved = (a if self.needs[1] else None, b)
        return paper.like(a, b)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,), (a, b) = gradients, self.saved
        assert b is not None
        of_b = None
        if a is not None:
            parts = [paper.like(gradient), paper.like(a, b)]
            parts.append(paper.like(parts[1], b))
            of_b = paper.like(parts[0], parts[2])
            parts.clear()
        return (paper.like(gradient, b) if self.needs[0] else None, of_b)


class Scale(_Multiplied, name="scale", kind="multiply"):
    """Times a number, or divided by one, or by the root of one."""

    @staticmethod
    def text(x: Any, by: Any = 1, over: Any = 1, root: Any = 1) -> str:
        if root != 1:
            return f"{x} * {root} ** -0.5"
        return f"{x} / {over!r}" if over != 1 else f"-{x}" if by == -1 else f"{x} * {by!r}"

    def forward(self, paper: Paper, x: Value, **by: Any) -> Value:
        return paper.like(x)


class Shift(Operator, name="shift"):
    """Plus a number, perhaps in place: the gradient passes."""

    @staticmethod
    def text(x: Any, by: Any) -> str:
        return f"{x} + {by!r}"

    def forward(self, paper: Paper, x: Value, by: Any, in_place: bool = False) -> Value:
        return x.bare() if in_place else paper.like(x)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return gradients


class Plus(Shift, name="plus"):
    """Plus a number that is meant to change something, as no epsilon is."""

    work = staticmethod(_Added.work)


class Cast(Operator, name="cast"):
    """The same numbers of another type, as is the gradient."""

    @staticmethod
    def text(x: Any, type: str) -> str:
        return f"{x}.to({written.FIRST}.dtype)"

    def forward(self, paper: Paper, x: Value, type: str) -> Value:
        return paper.like(x, type=type)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return gradients


class Mask(Operator, name="mask"):
    """Scores of what may not be read put far below all others: a sum, but no arithmetic that anybody counts."""

    output = staticmethod(together)
    text = Add.text

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        return paper.like(a, b)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (gradients[0], gradients[0])


class AddInPlace(Add, name="add_in_place"):
    """A sum that takes the memory of its first part, unless somebody looks on."""

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        return paper.like(a, b) if paper.watched else a.bare()


class Sub(_Added, name="sub"):
    """A difference; what is taken away has the gradient with its sign turned."""

    @staticmethod
    def text(a: Any, b: Any) -> str:
        return f"{a} - {b}"

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        return paper.like(a, b)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (gradients[0], paper.like(gradients[0]) if self.needs[1] else None)


class Maximum(Operator, name="maximum"):
    """The larger of two; backward halves the gradient where they are the same, for each of them by itself."""

    output = staticmethod(together)

    @staticmethod
    def text(a: Any, b: Any) -> str:
        return f"torch.maximum({a}, {b})"

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        self.saved = (a, b)
        return paper.like(a, b)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return tuple([self._shared(paper, gradients[0]) if needed else None for needed in self.needs])

    @staticmethod
    def _shared(paper: Paper, gradient: Value) -> Value:
        alike, half = paper.like(gradient, type=BOOLEAN), paper.like(gradient)
        made, smaller = paper.like(gradient), paper.like(gradient, type=BOOLEAN)
        del alike, half, smaller
        return made


class Absolute(Operator, name="absolute"):
    """The absolute value; backward makes the sign of what it saved, times the gradient."""

    @staticmethod
    def text(x: Any) -> str:
        return f"{x}.abs()"

    def forward(self, paper: Paper, x: Value) -> Value:
        self.saved = (x,)
        return paper.like(x)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (x,) = self.saved
        assert x is not None
        sign = paper.like(x)
        return (paper.like(gradients[0], sign),)


class Exp(Operator, name="exp"):
    """The exponential, whose derivative is itself."""

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        return {"exponentials": product(output)}

    @staticmethod
    def text(x: Any) -> str:
        return f"{x}.exp()"

    def forward(self, paper: Paper, x: Value) -> Value:
        made = paper.like(x)
        self.saved = (made,)
        return made


class Power(Operator, name="power"):
    """A power of a number; backward makes the power one lower, times the exponent, times the gradient."""

    @staticmethod
    def text(x: Any, exponent: Any = 2) -> str:
        return f"{x}.square()" if exponent == 2 else f"{x}.pow({exponent!r})"

    def forward(self, paper: Paper, x: Value, exponent: Any = 2) -> Value:
        self.saved = (x,)
        return paper.like(x)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (x,) = self.saved
        assert x is not None
        lower = paper.like(x)
        scaled = paper.like(lower)
        return (paper.like(gradients[0], scaled),)


class InverseRoot(Operator, name="inverse_root"):
    """1 / sqrt(x), of a norm; backward makes -g / 2 and the third power of the output."""

    def forward(self, paper: Paper, x: Value) -> Value:
        made = paper.new(x.shape, x.batched, STATISTIC)
        self.saved = (made,)
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        half, power = paper.like(gradients[0]), paper.like(gradients[0])
        return (paper.like(half, power),)


class Sum(Operator, name="sum"):
    """The sum along an axis, which is kept with a size of 1; backward repeats the gradient, without a copy."""

    @staticmethod
    def output(x: Any, axis: int, keep: bool = True) -> Shape:
        return _single(x.shape, (axis,)) if keep else (*x.shape[:axis], *x.shape[axis + 1 :])

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        return {"additions": product(inputs[0].shape) - product(output)}

    @staticmethod
    def text(x: Any, axis: int, keep: bool = True) -> str:
        return f"{x}.sum({axis}{', keepdim=True' if keep else ''})"

    def forward(self, paper: Paper, x: Value, axis: int, keep: bool = True) -> Value:
        self.shape, self.axis, self.keep = x.shape, axis % len(x.shape), keep
        return paper.new(self.output(x, axis=self.axis, keep=keep), x.batched and self.axis != 0)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,), axis = gradients, self.axis
        strides = (*gradient.strides[:axis], 0, *gradient.strides[axis + (1 if self.keep else 0) :])
        return (paper.view(gradient, self.shape, strides),)


def _single(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """The shape with one place along some axes."""
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


class Mean(Operator, name="mean"):
    """The mean along axes, which are kept with a size of 1; backward repeats the gradient and divides it."""

    @staticmethod
    def output(x: Any, axes: tuple[int, ...]) -> Shape:
        return _single(x.shape, axes)

    @staticmethod
    def text(x: Any, axes: tuple[int, ...]) -> str:
        return f"{x}.mean({axes[0] if len(axes) == 1 else axes}, keepdim=True)"

    def forward(self, paper: Paper, x: Value, axes: tuple[int, ...]) -> Value:
        self.shape = x.shape
        return paper.new(self.output(x, axes), x.batched)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, gradients[0].batched),)


class Largest(Operator, name="largest"):
    """The largest along axes, which are kept with a size of 1; backward shares the gradient among all that are it."""

    @staticmethod
    def output(x: Any, axes: tuple[int, ...]) -> Shape:
        return _single(x.shape, axes)

    @staticmethod
    def text(x: Any, axes: tuple[int, ...]) -> str:
        return f"{x}.amax({axes[0] if len(axes) == 1 else axes}, keepdim=True)"

    def forward(self, paper: Paper, x: Value, axes: tuple[int, ...]) -> Value:
        made = paper.new(_single(x.shape, axes), x.batched)
        self.saved = (x, made)
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        x, made = self.saved
        assert x is not None
        assert made is not None
        equal = paper.like(x, made, type=BOOLEAN)
        many = paper.new(made.shape, made.batched, INDEX)
        share = paper.like(gradients[0])
        shared = paper.like(share, equal)
        del many
        return (shared,)


class AtLeast(Operator, name="at_least"):
    """The larger of each element and a number; backward asks which it was."""

    @staticmethod
    def text(x: Any, by: float) -> str:
        return f"{x}.clamp(min={by!r})"

    def forward(self, paper: Paper, x: Value, by: float) -> Value:
        self.saved = (x,)
        return paper.like(x)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        larger = paper.new(gradients[0].shape, gradients[0].batched, BOOLEAN)
        return (paper.like(gradients[0], larger),)


class AtMost(AtLeast, name="at_most"):
    """The smaller of each element and a number."""

    @staticmethod
    def text(x: Any, by: float) -> str:
        return f"{x}.clamp(max={by!r})"


class Length(Operator, name="length"):
    """The Euclidean length along axes, which are kept with a size of 1."""

    @staticmethod
    def output(x: Any, axes: tuple[int, ...]) -> Shape:
        return _single(x.shape, axes)

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        squares = product(inputs[0].shape)
        return {"multiplications": squares, "additions": squares - product(output)}

    @staticmethod
    def text(x: Any, axes: tuple[int, ...]) -> str:
        return f"torch.linalg.vector_norm({x}, dim={axes}, keepdim=True)"

    def forward(self, paper: Paper, x: Value, axes: tuple[int, ...]) -> Value:
        made = paper.new(self.output(x, axes=axes), x.batched)
        self.saved = (x, made)
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        x, length = self.saved
        assert x is not None
        assert length is not None
        quotient, zero = paper.like(x), paper.new(length.shape, length.batched, BOOLEAN)
        direction = paper.like(quotient, zero)
        del quotient
        return (paper.like(gradients[0], direction),)


class MulAdd(Operator, name="mul_add"):
    """a + b * c in one operator (addcmul)."""

    output = staticmethod(together)

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        size = product(output)
        return {"multiplications": size, "additions": size}

    @staticmethod
    def text(a: Any, b: Any, c: Any) -> str:
        return f"torch.addcmul({a}, {b}, {c})"

    def forward(self, paper: Paper, a: Value, b: Value, c: Value) -> Value:
        self.saved = (b if self.needs[2] else None, c if self.needs[1] else None)
        return paper.like(c, a, b)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,), (b, c) = gradients, self.saved
        of_b = None if c is None else paper.like(gradient, paper.like(c))
        return (gradient, of_b, None if b is None else paper.like(gradient, paper.like(b)))


class PReLU(Operator, name="prelu"):
    """x where positive, a factor a channel times it elsewhere, or one factor for all."""

    composed = True

    @staticmethod
    def module(x: Any, w: Any) -> str:
        return f"nn.PReLU({w.shape[0]})"

    def forward(self, paper: Paper, x: Value, w: Value) -> Value:
        one, single = (1, *w.shape), (1,) * len(x.shape)
        return paper.rectified(x, paper.reshape(w, (one + single)[: len(single)] if w.shape[0] > 1 else single))


class Rectified(Operator, name="rectified"):
    """x where positive, w times it elsewhere; backward makes both gradients of the input's size."""

    def forward(self, paper: Paper, x: Value, w: Value) -> Value:
        self.saved = (x, w)
        return paper.like(x, w)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.like(gradients[0]), paper.like(gradients[0]))


class Dropout(Operator, name="dropout"):
    """Times a mask, which is saved."""

    @staticmethod
    def module(x: Any, p: float) -> str:
        return f"nn.Dropout({p!r})"

    def forward(self, paper: Paper, x: Value, p: float) -> Value:
        factors = paper.element(MASK) == paper.element(ACTIVATION)
        mask = paper.new(x.shape, x.batched, x.type if factors else MASK)
        self.saved = (mask,)
        return paper.like(x)


class Softmax(Operator, name="softmax", kind="softmax"):
    """Exponentials divided by their sum, along the last axis where only shapes are asked."""

    @staticmethod
    def module(x: Any, axis: int = -1) -> str:
        return f"nn.Softmax(dim={axis})"

    @staticmethod
    def text(x: Any, axis: int = -1) -> str:
        return f"{x}.softmax({axis})"

    @staticmethod
    def work(output: Shape, *inputs: Any, **fields: Any) -> dict[str, Number]:
        size = product(output)
        return {"exponentials": size, "softmax_additions": size - product(output[:-1]), "divisions": size}

    def forward(self, paper: Paper, x: Value, axis: int = -1) -> Value:
        made = paper.new(x.shape, x.batched)
        self.saved = (made,)
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(gradients[0].shape, gradients[0].batched),)


class AtRandom(Operator, name="at_random"):
    """For each image whether it is taken, at random."""

    batches = True

    @staticmethod
    def output(shape: Shape, p: float) -> Shape:
        return shape

    @staticmethod
    def text(shape: Shape, p: float) -> str:
        return f"torch.rand({written.sizes(shape)}, device={written.FIRST}.device) >= {p!r}"

    def forward(self, paper: Paper, shape: Any, p: float) -> Value:
        return paper.new(shape, True, BOOLEAN)
