"""What a layer on tokens takes from the map that they come from, and what it says where it cannot."""

from __future__ import annotations

from vcalc.arithmetic import Number, Shape, assumed, certainly_different, certainly_equal, certainly_less, product
from vcalc.errors import LayerError
from vcalc.layers.axes import Grid, grid_of
from vcalc.layers.base import show

NO_MAP = "no map is known that these tokens come from; the input's own have none, joined or reordered ones forget it"


def filled(kind: str, shape: Shape, rows: Number | None) -> tuple[Number, ...] | None:
    """The sizes of the map that tokens fill; None where it is not known, or `rows` says how they fill one, row by row.

    Raises LayerError where some stand in front that have no place on it, and where there are not as many tokens as
    places.
    """
    grid = grid_of(shape)
    if grid is None or rows is not None:
        return None
    tokens, places = shape[-2], product(grid[1:])
    if certainly_less(0, grid[0]) or not assumed("==", grid[0], 0):
        raise LayerError(f"{kind}: {in_front(grid)}", hint=taken_away(grid))
    if certainly_different(tokens, places):
        message = f"{kind}: {show(tokens)} tokens are not those of a map of {by(grid[1:])}, which are {show(places)}"
        raise LayerError(message, hint=f"{kind}: {{height: …}} makes another map of them")
    assumed("==", tokens, places)
    return grid[1:]


def in_front(grid: Grid) -> str:
    """That some tokens have no place on the map."""
    stand, have = ("token stands", "has") if certainly_equal(grid[0], 1) else ("tokens stand", "have")
    return f"{show(grid[0])} {stand} in front that {have} no place on the map of {by(grid[1:])}"


def taken_away(grid: Grid) -> str:
    """How the tokens in front are left out."""
    return f"keep_tokens: {{start: {show(grid[0])}, count: {show(product(grid[1:]))}}} before it leaves them out"


def by(sizes: tuple[Number, ...]) -> str:
    """The sizes of a map, as 14x14."""
    return "x".join(map(show, sizes))
