"""What a tensor is: a map, tokens, a vector or heads; and what its axes are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vcalc.arithmetic import Number, Shape

MAP, TOKENS, VECTOR, HEADS = "map", "tokens", "vector", "heads"

MAPS = (("C", "L"), ("C", "H", "W"), ("C", "T", "H", "W"))
"""The axes of maps with one, two and three spatial ones: sequences, images, videos."""
INPUTS: dict[tuple[str, ...], str] = {
    MAPS[1]: MAP,
    ("N", "D"): TOKENS,
    ("D",): VECTOR,
    MAPS[0]: MAP,
    MAPS[2]: MAP,
}
"""What a network may take, by its axes."""
NAMES = {MAP: "a feature map [C, H, W]", TOKENS: "tokens [N, D]", VECTOR: "a vector [D]", HEADS: "heads [h, N, d]"}
_OTHERS = {TOKENS: ("N", "D"), VECTOR: ("D",), HEADS: ("h", "N", "d")}
ALL_AXES = (MAPS[2], *_OTHERS.values())
"""The axes of every shape, a map with all that it may have."""
_BY_LENGTH = {1: VECTOR, 2: TOKENS}


def described(axes: tuple[str, ...]) -> str:
    """What a network may take, in words."""
    return f"{NAMES[INPUTS[axes]].split(' [')[0]} [{', '.join(axes)}]"


class NamedShape(tuple[Number, ...]):
    """A shape that knows what it is of; its sizes are those of one image, without a batch."""

    of: str
    unusual: bool
    """Whether so many sizes are usually of something else."""

    def __new__(cls, sizes: Iterable[Number], of: str = "") -> NamedShape:
        made = super().__new__(cls, sizes)
        usually = usual(len(made))
        made.of, made.unusual = of or usually, bool(of) and of != usually
        return made

    def each(self, change: Callable[[Number], Number]) -> NamedShape:
        """The same shape with every size passed through `change`."""
        return NamedShape(map(change, self), self.of)

    @property
    def axes(self) -> tuple[str, ...]:
        """What each size is called: C, H, W of a map."""
        return axes(self.of, len(self))


def usual(length: int) -> str:
    """What so many sizes are of, where nothing else is known."""
    return _BY_LENGTH.get(length, MAP)


def axes(of: str, length: int) -> tuple[str, ...]:
    """What the sizes of a tensor are called."""
    return MAPS[length - 2] if of == MAP else _OTHERS[of]


def rank(shape: Shape) -> str:
    """MAP, TOKENS, VECTOR or HEADS; of bare sizes what they usually are."""
    return shape.of if isinstance(shape, NamedShape) else usual(len(shape))


def names_of(shape: Shape) -> tuple[str, ...]:
    """What each size of a shape is called."""
    return axes(rank(shape), len(shape))
