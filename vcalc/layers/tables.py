"""What no layer makes: a table of parameters that goes in like a tensor, and what is the same for every image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vcalc.arithmetic import Shape
from vcalc.errors import LayerError
from vcalc.layers.axes import HEADS, INPUTS, NamedShape, axes, described, of_axes
from vcalc.layers.base import Layer
from vcalc.layers.fields import AXES, FLAG, count, field

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class _Source(Layer):
    """A layer without an input. Its sizes are named, as those of a network's input are."""

    begins = True
    composed = True
    moves = True
    accepts = ()
    sample: ClassVar[dict[str, Any]] = {"N": None, "D": None}

    C: Any = field(count(), "channels of a map", None, "C")
    L: Any = field(count(), "positions of a sequence", None, "L")
    T: Any = field(count(), "frames of a video", None, "T")
    H: Any = field(count(), "rows of a map", None, "H")
    W: Any = field(count(), "columns of a map", None, "W")
    h: Any = field(count(), "how many heads", None, "h")
    N: Any = field(count(), "how many tokens", None, "N")
    D: Any = field(count(), "features of each token, or of a vector", None, "D")
    d: Any = field(count(), "features of a head", None, "d")

    def output(self, *inputs: Shape) -> NamedShape:
        names = [name for name in AXES if getattr(self, name) is not None]
        found = of_axes(names)
        if found is None:
            message = f"{self.kind}: no tensor is [{', '.join(names)}]" if names else f"{self.kind} needs its sizes"
            known = ", ".join(map(described, INPUTS))
            raise LayerError(message, hint=f"its sizes are those of {known} or {described(axes(HEADS))}")
        own, of = found
        return NamedShape([getattr(self, name) for name in own], of)

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        assert isinstance(output, NamedShape)
        return output.of

    def grid(self, inputs: tuple[NamedShape, ...], output: Shape) -> None:
        return None


class Learned(_Source, kind="learned"):
    """A table of parameters, the same for every image: queries, latents, registers, prompts, a map to begin with."""

    source = "Carion et al. 2020 (DETR), section 3.2; Jaegle et al. 2021 (Perceiver), section 3.1"
    reuses_input = True

    def run(self, ops: Paper) -> Value:
        return ops.spread(ops.parameter(*self.output(), role="learned"), ops.images)


class Constant(_Source, kind="constant"):
    """Numbers that nobody trains and no layer makes, the same for every image: coordinates, sines, zeros."""

    source = "d'Ascoli et al. 2021 (ConViT), section 3"

    computed: Any = field(FLAG, "whether they are made on the way, and no buffer holds them", False)

    @property
    def reuses_input(self) -> bool:  # type: ignore[override]
        return not self.computed

    def run(self, ops: Paper) -> Value:
        sizes = tuple(self.output())
        return ops.spread(ops.made(sizes) if self.computed else ops.own(sizes, "constant"), ops.images)
