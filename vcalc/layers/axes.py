"""What a tensor is: a map, tokens, a vector or heads; and what its axes are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

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
PLACES = {"L": ("length", "positions"), "T": ("duration", "frames"), "H": ("height", "rows"), "W": ("width", "columns")}
"""What the size of a map along an axis is, and what lies along it."""
_OTHERS = {TOKENS: ("N", "D"), VECTOR: ("D",), HEADS: ("h", "N", "d")}
_WORDS = ("a sequence", "a feature map", "a video", "tokens", "a vector", "heads")
CALLED = dict(zip((*MAPS, *_OTHERS.values()), _WORDS, strict=True))
"""What has such axes, in words."""
ALL_AXES = (MAPS[2], *_OTHERS.values())
"""The axes of every shape, a map with all that it may have."""
_BY_LENGTH = {1: VECTOR, 2: TOKENS}


def called(of: str, length: int = 3) -> str:
    """What a tensor of so many sizes is, in words."""
    return CALLED[axes(of, length)]


def described(axes: tuple[str, ...]) -> str:
    """What has such axes, with them."""
    return f"{CALLED[axes]} [{', '.join(axes)}]"


Grid = tuple[Number, ...]
"""How tokens lie on a map: how many in front have no place on it, then the sizes of the map, which the others fill."""


class Leading(NamedTuple):
    """An axis in front of those that a layer works on, as of windows or frames: a batch to it."""

    name: str
    laid: Any = None
    """How what it counts lies on what it was made of, for an axis that remembers it."""


class NamedShape(tuple[Number, ...]):
    """A shape that knows what it is of; its sizes are those of one image, without a batch.

    The first of them may be of axes in front of a map, of tokens, of a vector or of heads: so many of these.
    """

    of: str
    grid: Grid | None
    """Of tokens, and of heads, how they lie on the map that they come from, where that is known."""
    front: tuple[Leading, ...]
    unusual: bool
    """Whether so many sizes are usually of something else."""
    told: tuple[str, Grid | None, tuple[Leading, ...]]
    """What is known beside the sizes."""

    def __new__(
        cls, sizes: Iterable[Number], of: str = "", grid: Grid | None = None, front: tuple[Leading, ...] = ()
    ) -> NamedShape:
        made = super().__new__(cls, sizes)
        usually = usual(len(made) - len(front))
        made.of, made.unusual = of or usually, bool(of) and of != usually
        made.grid, made.front, made.told = grid, front, (made.of, grid, front)
        return made

    def each(self, change: Callable[[Number], Number]) -> NamedShape:
        """The same shape with every size passed through `change`, those of maps that it comes from among them."""
        front = tuple(Leading(name, laid and laid.each(change)) for name, laid in self.front)
        return NamedShape(map(change, self), self.of, self.grid and tuple(map(change, self.grid)), front)

    @property
    def axes(self) -> tuple[str, ...]:
        """What each size is called: C, H, W of a map; an axis in front that has the name of a later one is numbered."""
        own = axes(self.of, len(self) - len(self.front))
        return (*(f"{name}2" if name in own else name for name, _ in self.front), *own)

    def batched(self, batch: int) -> tuple[Number, ...]:
        """The sizes of a tensor for so many images: what stands in front is one axis with the batch."""
        many: Number = batch
        for size in self[: len(self.front)]:
            many = many * size
        return (many, *self[len(self.front) :])

    def inner(self, count: int) -> NamedShape:
        """It without the outer axes in front, of which so many stay: 0 for what most layers work on."""
        left_out = len(self.front) - count
        return NamedShape(self[left_out:], self.of, self.grid, self.front[left_out:]) if left_out else self


def usual(length: int) -> str:
    """What so many sizes are of, where nothing else is known."""
    return _BY_LENGTH.get(length, MAP)


def axes(of: str, length: int = 3) -> tuple[str, ...]:
    """What the sizes of a tensor are called; without a length, those of an image where it is a map."""
    if not length:
        return ()
    return MAPS[length - 2] if of == MAP else _OTHERS[of]


NOTHING = NamedShape((), VECTOR)
"""What arrives at a layer without an input."""


def of_axes(names: Iterable[str]) -> tuple[tuple[str, ...], str] | None:
    """The axes with these names in their order, and what they are of; None where no tensor has them."""
    known = {**INPUTS, _OTHERS[HEADS]: HEADS}
    return next(((axes, of) for axes, of in known.items() if set(axes) == set(names)), None)


def rank(shape: Shape) -> str:
    """MAP, TOKENS, VECTOR or HEADS; of bare sizes what they usually are."""
    return shape.of if isinstance(shape, NamedShape) else usual(len(shape))


def inner(shape: Shape) -> Shape:
    """A shape without its axes in front."""
    return shape.inner(0) if isinstance(shape, NamedShape) else shape


def front_of(shape: Shape) -> tuple[Leading, ...]:
    """The axes in front of a shape."""
    return shape.front if isinstance(shape, NamedShape) else ()


def names_of(shape: Shape) -> tuple[str, ...]:
    """What each size of a shape is called."""
    return shape.axes if isinstance(shape, NamedShape) else axes(rank(shape), len(shape))


def places_of(shape: Shape) -> tuple[str, ...]:
    """The names of the axes along which places lie, and not features."""
    return tuple(name for name in names_of(shape) if name not in ("C", "D", "h", "d"))


def grid_of(shape: Shape) -> Grid | None:
    """How tokens or heads lie on the map that they come from; None where that is not known."""
    return shape.grid if isinstance(shape, NamedShape) else None


def spatial_axes(shape: Shape) -> int:
    """How many spatial axes a map has, or the map that tokens come from; 2 where nothing is known."""
    if rank(shape) == MAP:
        return len(shape) - 1
    grid = grid_of(shape)
    return 2 if grid is None else len(grid) - 1
