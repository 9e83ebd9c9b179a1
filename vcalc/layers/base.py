"""What a layer kind is: a class whose fields are its spec keys and whose methods are its formulas.

From the class alone follow validation, defaults, documentation, the symbolic form and the working that
`--explain` shows. A kind overrides only what differs: the shape defaults to unchanged, parameters and work to none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from vcalc.arithmetic import Number, Shape, certainly_different, certainly_less, product
from vcalc.errors import LayerError
from vcalc.layers.fields import Field

PRIMITIVES = {
    "multiply_adds": "products of a weight and an activation, each added to a sum",
    "product_multiply_adds": "products of two activations, each added to a sum (attention scores, weighted values)",
    "bias_additions": "additions of a bias",
    "window_elements": "elements that pooling windows read",
    "additions": "element-wise additions",
    "multiplications": "element-wise multiplications",
    "exponentials": "exponentials of a softmax",
    "input_elements": "elements that arrive",
    "output_elements": "elements that leave",
}
"""What a layer does, in units that no counting convention can dispute. Conventions weigh them."""

ROLES = {
    "weight": "kernels and matrices",
    "bias": "biases of convolutions, linear layers and attention projections",
    "scale": "per-channel factors of norms and of trainable subsampling",
    "shift": "per-channel offsets of norms and of trainable subsampling",
    "layer_scale": "per-channel factors of a residual branch",
    "class_token": "the token that collects the class",
    "mask_token": "the token that stands for a hidden patch",
    "position_embedding": "learned positions",
    "fixed_position_embedding": "fixed sine-cosine positions, frozen",
    "relative_position_bias": "learned bias of each relative position in a window",
}
"""What a parameter is for; a convention may leave roles out."""

MAP, TOKENS, VECTOR = 3, 2, 1
SIZES = {MAP: ("C", "H", "W"), TOKENS: ("N", "D"), VECTOR: ("D",)}
"""What the sizes of a shape are called, by its rank."""
RANK_NAMES = {MAP: "a feature map [C, H, W]", TOKENS: "tokens [N, D]", VECTOR: "a vector [D]"}


class Window:
    """How one output element reads the input along H and W: kernel, stride, padding before, dilation (pairs)."""

    __slots__ = ("dilation", "kernel", "pad", "stride")

    def __init__(self, kernel: Any, stride: Any = (1, 1), pad: Any = (0, 0), dilation: Any = (1, 1)) -> None:
        self.kernel = kernel
        self.stride = stride
        self.pad = pad
        self.dilation = dilation


EVERYWHERE = Window(None)
"""Every output element reads the whole input."""

KINDS: dict[str, type[Layer]] = {}
"""Every layer kind by its spec word; classes enter themselves."""


class Layer:
    """One layer with its fields resolved. Instances are shared between nodes and never changed."""

    kind: ClassVar[str] = ""
    family: ClassVar[str] = ""
    source: ClassVar[str] = ""
    """Paper and section that the formulas come from."""
    accepts: ClassVar[tuple[int, ...]] = (MAP, TOKENS, VECTOR)
    joins: ClassVar[bool] = False
    """True for a kind that takes several inputs; it is written as the `join` of branches."""
    weighted_layers: ClassVar[int] = 0
    """What the layer adds to the depth: convolutions and matrices on the longest way through it."""
    nonlinear: ClassVar[bool] = False
    """True for an activation function."""
    fields: ClassVar[dict[str, Field]] = {}

    def __init_subclass__(cls, kind: str = "", **_: Any) -> None:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        for name, value in own.items():
            value.name = name
        cls.fields = {**cls.fields, **own}
        if kind:
            if kind in KINDS:
                raise TypeError(f"two layer kinds are called {kind!r}")
            cls.kind = kind
            cls.family = cls.__module__.rpartition(".")[2]
            KINDS[kind] = cls

    def __init__(self, **values: Any) -> None:
        for name, spec in self.fields.items():
            if name in values:
                value = values.pop(name)
                try:
                    value = spec.type.accept(value)
                except (ValueError, TypeError):
                    raise LayerError(f"{self.kind}: {name} is {show(value)}, not {spec.type.says}", name) from None
            elif spec.required:
                raise LayerError(f"{self.kind} needs '{name}': {spec.doc}", hint=f"write {self.kind}: {{{name}: …}}")
            else:
                value = spec.type.accept(spec.default) if spec.default is not None else None
            setattr(self, name, value)
        if values:
            raise LayerError(f"{self.kind} has no key '{next(iter(values))}'", next(iter(values)))

    def values(self) -> dict[str, Any]:
        """The resolved fields, by name."""
        return {name: getattr(self, name) for name in self.fields}

    def with_values(self, change: Callable[[Any], Any]) -> Layer:
        """The same layer with every field passed through `change`."""
        other = object.__new__(type(self))
        for name, value in self.values().items():
            setattr(other, name, change(value))
        return other

    # The formulas. A kind overrides what differs.

    def output(self, *inputs: Shape) -> Shape:
        """The output's shape."""
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        """Trained (or frozen) parameters by role."""
        return {}

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        """State that is no parameter: running statistics, fixed codes."""
        return {}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        """What one forward pass does, by primitive (see PRIMITIVES)."""
        return {}

    def reach(self, input: Shape) -> Window | None:
        """How an output element reads the input; None: only the element in its own place."""
        return None

    # Checks

    def check(self, inputs: tuple[Shape, ...]) -> None:
        """Refuse inputs of the wrong rank."""
        for shape in inputs:
            if len(shape) not in self.accepts:
                wanted = " or ".join(RANK_NAMES[rank] for rank in self.accepts)
                raise LayerError(
                    f"{self.kind} takes {wanted}, but {describe(shape)} arrives", hint=self._rank_hint(len(shape))
                )

    def _rank_hint(self, rank: int) -> str:
        ways = {(MAP, TOKENS): "tokens", (MAP, VECTOR): "flatten' or 'global_avgpool", (TOKENS, VECTOR): "take_token"}
        step = next((ways[rank, wanted] for wanted in self.accepts if (rank, wanted) in ways), "")
        return f"put '{step}' before it" if step else ""


def describe(shape: Shape) -> str:
    """A shape in words for a message: `a feature map [64, 56, 56]`."""
    name = RANK_NAMES.get(len(shape), "a tensor [").partition(" [")[0]
    return f"{name} {show(shape)}"


def show(value: Any) -> str:
    """A value for a message, short."""
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(show(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def elements(shape: Shape) -> Number:
    """How many elements a tensor of this shape holds."""
    return product(shape)


def needs(condition: bool, message: str, field: str = "", hint: str = "") -> None:
    """Refuse a layer whose sizes are known not to fit."""
    if not condition:
        raise LayerError(message, field, hint)


def needs_division(what: str, whole: Number, parts: Number, field: str) -> None:
    """Refuse when `whole` is known not to divide into `parts`."""
    divides = not certainly_less(0, parts) or not certainly_different(whole % parts, 0)
    needs(divides, f"{what}: {show(whole)} does not divide into {show(parts)}", field, _divisors(whole, parts))


def _divisors(whole: Number, parts: Number) -> str:
    if not (type(whole) is int and type(parts) is int and 0 < whole <= 1_000_000):
        return ""
    below = next((d for d in range(min(parts, whole), 0, -1) if whole % d == 0), None)
    above = next((d for d in range(parts, whole + 1) if whole % d == 0), None)
    return "it divides into " + " or ".join(str(d) for d in dict.fromkeys((below, above)) if d)


def kinds() -> Iterator[type[Layer]]:
    """Every layer kind, in alphabetical order."""
    return iter(KINDS[name] for name in sorted(KINDS))
