"""The sizes that a network's input has, by name: which of them make something that a network may take."""

from __future__ import annotations

from collections.abc import Iterable

from vcalc.errors import VcalcError
from vcalc.language.expression import SHAPE_NAMES, SHAPE_NAMES_OF_SOME
from vcalc.layers.axes import INPUTS
from vcalc.spec.syntax import Sizes, Taking

SIZES = SHAPE_NAMES | SHAPE_NAMES_OF_SOME
"""Every name that a size can have."""
SAYS = {
    "C": "channels",
    "L": "length of a sequence",
    "T": "frames of a video",
    "H": "height",
    "W": "width",
    "N": "tokens",
    "D": "features of a vector, or of each token",
}
"""What each is."""
WHAT_THERE_IS = "C, H, W for an image; C, L for a sequence; C, T, H, W for a video; N, D for tokens; D for a vector"

_TAKEN_FOR: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (frozenset("CN"), frozenset(), "N counts tokens, and --batch images"),
    (frozenset("CD"), frozenset(), "the depth of a volume is T"),
    (frozenset("CT"), frozenset("HW"), "T counts frames, and L the samples of a sequence"),
    (frozenset("LD"), frozenset("C"), "tokens are counted by N"),
    (frozenset("TD"), frozenset("C"), "tokens are counted by N"),
)
"""Names that do not go together where some others are missing, and what one of them counts."""


def in_order(sizes: Iterable[str]) -> tuple[str, ...]:
    """The names of an input's sizes as a shape has them, channels first; none, where they make no input."""
    written = set(sizes)
    return next((names for names in INPUTS if set(names) == written), ())


def order_of(sizes: Iterable[str]) -> tuple[str, ...]:
    """The same of sizes that make an input. Raises VcalcError for any others."""
    sizes = tuple(sizes)
    problem = rank_problem(sizes)
    if problem:
        raise problem
    return in_order(sizes)


def rank_problem(sizes: Iterable[str]) -> VcalcError | None:
    """What is wrong with an input of these sizes."""
    sizes = list(sizes)
    if in_order(sizes):
        return None
    what = f"an input of {', '.join(sizes)}" if sizes else "an input without sizes"
    hint = "write {C: , H: , W: } or {N: , D: } or {D: }, {C: , L: } of a sequence or {C: , T: , H: , W: } of a video"
    says = [note for names, others, note in _TAKEN_FOR if names.issubset(sizes) and others.isdisjoint(sizes)]
    hint = "; ".join([hint, *says])
    return VcalcError("input", f"{what} is no image, sequence or video, no tokens and no vector", hint=hint)


def _merged(whole: Sizes, own: Sizes) -> Sizes:
    """The sizes of an input: a variant's own in place of some of the file's, or of all where they make an input."""
    return own if in_order(own) else {**whole, **own}


def merged_inputs(whole: Taking, *own: Taking | None) -> dict[str, Sizes]:
    """The sizes of every input by name, a model's or an option's own in place of the file's."""
    inputs = whole.inputs
    for each in own:
        if each is not None and each.inputs:
            made = {name: _merged(inputs.get(name, {}), sizes) for name, sizes in each.inputs.items()}
            inputs = made if each.names_all or not made.keys() <= inputs.keys() else {**inputs, **made}
    return inputs


def label(input: str, size: str) -> str:
    """What binds a size from outside: `H`, or `image.H` of an input that has a name."""
    return f"{input}.{size}" if input else size
