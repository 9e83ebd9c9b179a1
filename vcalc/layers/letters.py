"""The sizes of a pattern's letters that follow from the map which tokens come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from vcalc.arithmetic import Number, Shape, always_equal, certainly_different, certainly_less, exact_div, product
from vcalc.errors import LayerError
from vcalc.layers.axes import grid_of
from vcalc.layers.grids import in_front, taken_away
from vcalc.operators.pattern import Axis, Part, parse


def sizes_of(text: str, given: Mapping[str, Number], shape: Shape) -> dict[str, Number]:
    """The sizes of a pattern's letters that follow from the map which tokens come from: (H W) of 196 are 14 and 14."""
    pattern, grid = parse(text), grid_of(shape)
    if grid is None or len(pattern.left) != len(shape):
        return {}
    axis = pattern.left[-2]
    still_open = [part for part in axis.parts if part.name not in given]
    if len(still_open) < 2:
        return {}
    if certainly_less(0, grid[0]) and len(still_open) == len(grid) - 1:
        raise LayerError(f"rearrange: {in_front(grid)}", "pattern", taken_away(grid), axis.column, axis.length)
    if not always_equal(grid[0], 0) or not always_equal(shape[-2], product(grid[1:])):
        return {}
    ways = list(_ways(axis, given, grid[1:]))
    return ways[0] if len(ways) == 1 else {}


def _ways(axis: Axis, given: Mapping[str, Number], sizes: tuple[Number, ...]) -> Iterator[dict[str, Number]]:
    """The ways in which letters in a row count the places of one line after the other, each with one size open."""
    parts = axis.parts
    for ends in combinations(range(1, len(parts)), len(sizes) - 1):
        lines = [parts[a:b] for a, b in zip((0, *ends), (*ends, len(parts)), strict=True)]
        found: dict[str, Number] = {}
        if all(_fits(line, given, size, found) for line, size in zip(lines, sizes, strict=True)):
            yield found


def _fits(line: tuple[Part, ...], given: Mapping[str, Number], size: Number, found: dict[str, Number]) -> bool:
    """Whether letters can count so many places; puts the size of an open one into `found`."""
    still_open = [part for part in line if part.name not in given]
    known = product(given[part.name] for part in line if part.name in given)
    if not still_open:
        return always_equal(size, known)
    if len(still_open) > 1 or certainly_different(size % known, 0):
        return False
    found[still_open[0].name] = size if always_equal(known, 1) else exact_div(size, known)
    return True
