"""Pooling attention in its parts: heads pooled as the maps that tokens form, and attention that tells rows and columns.

`split_heads`, `layernorm` and `merge_heads` are the rest of it. Tokens that have no place on the map, such as a class
token, stand first and are skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from vcalc.arithmetic import (
    Number,
    Shape,
    assumed,
    certainly_equal,
    exact_div,
    maximum,
    product,
)
from vcalc.layers.axes import HEADS, Grid, NamedShape, grid_of
from vcalc.layers.base import BRANCHES, Layer, describe, needs, needs_division, put_back, show
from vcalc.layers.conv import slide
from vcalc.layers.fields import count, field, per_axis
from vcalc.layers.grids import NO_MAP, by, in_front
from vcalc.layers.windows import EVERYWHERE, Sliding, Window, alike

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


def _laid(kind: str, shape: NamedShape, rows: Number | None, skip: Number | None, key: str) -> Grid:
    """How many heads in front are skipped and the sizes of the map that the others form: as said, or as they know."""
    if shape.grid is None or rows is not None:
        needs(rows is not None, f"{kind} needs '{key}', the rows of the map: {NO_MAP}")
        skip, tokens = 0 if skip is None else skip, shape[1]
        left_out = f"{kind}: {show(skip)} tokens cannot be left out of {show(tokens)}"
        needs(assumed(">=", tokens, skip + 1), left_out, "skip")
        needs_division(f"{kind}: tokens into rows", tokens - skip, rows, key)
        return (skip, rows, exact_div(tokens - skip, rows))
    front, *sizes = shape.grid
    said = f"{kind}: skip is {show(skip)}, but {in_front(shape.grid)}"
    needs(skip is None or assumed("==", skip, front), said, "skip", "leave skip out: the tokens remember their map")
    filled = f"those of a map of {by(shape.grid[1:])} and {show(front)} in front"
    needs(assumed("==", shape[1], front + product(sizes)), f"{kind}: {show(shape[1])} tokens are not {filled}")
    return shape.grid


def _rows(grid: Grid) -> Number | None:
    """The rows of an image that tokens form; None where they form none."""
    return grid[1] if len(grid) == 3 else None


class PoolHeads(Layer, kind="pool_heads"):
    """Heads [h, N, d] pooled by a depthwise convolution, the same for all heads, over the map that tokens form."""

    source = "Fan et al. 2021 (MViT), section 3.1; convolutions: Li et al. 2022 (MViTv2), section 4.3"
    accepts = (HEADS,)
    composed = True
    weighted_layers = 1

    placed = True
    sample: ClassVar[dict[str, Any]] = {"height": None, "skip": 0}

    height: Any = field(count(), "rows of the map that the tokens form, where they do not remember it", None, "H")
    kernel: Any = field(per_axis(), "window size; half of it is padded on each side", 3, "K")
    stride: Any = field(per_axis(), "step between windows", 1, "S")
    skip: Any = field(count(0), "tokens at the front that are not pooled, such as a class token; likewise", None)

    def place(self, inputs: tuple[NamedShape, ...]) -> None:
        self._grid = _laid(self.kind, inputs[0], self.height, self.skip, "height")
        self.height, self.skip = _rows(self._grid), self._grid[0]

    @property
    def _pad(self) -> tuple[Number, ...]:
        return tuple(size // 2 for size in self.kernel)

    def _places(self) -> tuple[Number, ...]:
        """The sizes of the map when it is pooled."""
        return tuple(map(slide, self._grid[1:], self.kernel, self.stride, self._pad))

    def output(self, *inputs: Shape) -> Shape:
        heads, _, width = inputs[0]
        return (heads, self.skip + product(self._places()), width)

    def run(self, ops: Paper, x: Value) -> Value:
        batch, heads, _, width = x.shape
        skip, *sizes = self._grid
        axes, places = len(sizes), self._places()
        skipped = ops.slice(x, axis=2, count=skip)
        placed = ops.reshape(ops.slice(x, axis=2, count=product(sizes), start=skip), (batch, heads, *sizes, width))
        maps = ops.permute(placed, (0, 1, axes + 2, *range(2, axes + 2)))
        maps = ops.copy(ops.reshape(maps, (batch * heads, width, *sizes)))
        weight = ops.parameter(width, 1, *self.kernel)
        window = {"stride": self.stride, "pad": self._pad}
        pooled = ops.conv(maps, weight, shape=(batch * heads, width, *places), groups=width, **window)
        del maps
        pooled = ops.permute(ops.reshape(pooled, (*pooled.shape[:2], product(places))), (0, 2, 1))
        pooled = ops.reshape(pooled, (batch, heads, product(places), width))
        return pooled if certainly_equal(skip, 0) else ops.concat(skipped, pooled, axis=2)

    def reach(self, input: Shape) -> Window:
        gives = (self.skip, *self._places())
        known = alike(grid_of(input), self._grid)
        return Sliding(self.kernel, self.stride, self._pad, gives=gives) if known else Window((), gives)


class RelativeAttention(Layer, kind="relative_attention"):
    """Queries, keys and values of maps, [heads, N, d], joined in this order: scores tell how far apart tokens lie.

    To a score are added the query's products with trained vectors, one for each axis: for the rows and the columns
    between query and key, of a video for the frames, too (decomposed relative positions).
    """

    source = "Li et al. 2022 (MViTv2), section 4.1, equations 3 and 4"
    accepts = (HEADS,)
    composed = True
    joins = True
    forms = ("operator", "sdpa")
    example = (("h", "N", "d"), ("h", "M", "d"), ("h", "M", "d"))

    placed = True
    sample: ClassVar[dict[str, Any]] = {"query_rows": None, "key_rows": None, "skip": 0}

    query_rows: Any = field(
        count(), "rows of the map that the queries form, where they do not remember it", None, "H_q"
    )
    key_rows: Any = field(count(), "rows of the map that the keys form, likewise", None, "H_k")
    skip: Any = field(count(0), "tokens at the front without a place, such as a class token; likewise", None)

    def place(self, inputs: tuple[NamedShape, ...]) -> None:
        if len(inputs) > 1:
            query, key = (
                _laid(self.kind, shape, getattr(self, name), self.skip, name)
                for shape, name in zip(inputs, ("query_rows", "key_rows"), strict=False)
            )
            same = f"relative_attention: {show(query[0])} of the queries have no place, and {show(key[0])} of the keys"
            needs(assumed("==", query[0], key[0]), same)
            alike = f"relative_attention: queries of a map of {by(query[1:])} and keys of one of {by(key[1:])}"
            needs(len(query) == len(key), f"{alike} lie on other axes")
            self._grids = tuple(zip(query[1:], key[1:], strict=True))
            self.query_rows, self.key_rows, self.skip = _rows(query), _rows(key), key[0]

    def output(self, *inputs: Shape) -> Shape:
        needs(len(inputs) == 3, f"relative_attention joins 3 branches, not {len(inputs)}", BRANCHES)
        query, key, value = inputs
        pairs = ((query[0], key[0]), (query[2], key[2]), (key[0], value[0]), (key[1], value[1]))
        fits = all(assumed("==", one, other) for one, other in pairs)
        needs(fits, f"queries, keys and values do not match: {', '.join(map(describe, inputs))}")
        return (*query[:2], value[2])

    def run(self, ops: Paper, query: Value, key: Value, value: Value) -> Value:
        if self.form == "sdpa" and certainly_equal(self.skip, 0):  # one operator adds to all scores, or to none
            return ops.attention(query, key, value, self._bias(ops, query))
        scores = ops.matmul(ops.scale(query, root=query.shape[3]), ops.permute(key, (0, 1, 3, 2)))
        return ops.matmul(ops.softmax(self._with_positions(ops, query, scores)), value)

    def _with_positions(self, ops: Paper, query: Value, scores: Value) -> Value:
        """The scores with what positions add, where both tokens have a place."""
        heres, theres = zip(*self._grids, strict=True)
        found = self._by_axis(ops, query)
        first, pairs = (0, 0, self.skip, self.skip), (product(heres), product(theres))
        sums = ops.slice(scores, axis=2, count=pairs[0], start=self.skip)
        sums = ops.slice(sums, axis=3, count=pairs[1], start=self.skip)
        sums = ops.reshape(sums, (*query.shape[:2], *heres, *theres))
        for each in found:
            sums = ops.add(sums, each)
        return ops.overwrite(scores, ops.reshape(sums, (*query.shape[:2], *pairs)), first=first)

    def _bias(self, ops: Paper, query: Value) -> Value:
        """What positions add to all scores."""
        heres, theres = zip(*self._grids, strict=True)
        sums, *found = self._by_axis(ops, query)
        for each in found:
            sums = ops.add(sums, each)
        whole = ops.expand(sums, (*query.shape[:2], *heres, *theres))
        return ops.reshape(whole, (*query.shape[:2], product(heres), product(theres)))

    def _by_axis(self, ops: Paper, query: Value) -> list[Value]:
        """The query's products with the vector of each distance along each axis, as they go with each two places."""
        batch, heads, _, width = query.shape
        heres, theres = zip(*self._grids, strict=True)
        role = "relative_position_embedding"
        tables = [ops.parameter(2 * maximum(*sizes) - 1, width, role=role) for sizes in self._grids]
        placed = ops.slice(query, axis=2, count=product(heres), start=self.skip)
        placed = ops.reshape(placed, (batch, heads, *heres, width))
        found = [
            _by_distance(ops, placed, *each) for each in zip(tables, range(2, len(theres) + 2), theres, strict=True)
        ]
        return [
            ops.reshape(
                each, (batch, heads, *heres, *(there if axis == own else 1 for axis, there in enumerate(theres)))
            )
            for own, each in enumerate(found)
        ]

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


def _by_distance(ops: Paper, query: Value, table: Value, axis: int, there: int) -> Value:
    """Queries [B, h, *here, d] by the vector of each distance along one axis: [B, h, *here, there]."""
    here, width = query.shape[axis], query.shape[-1]
    vectors = ops.gather(
        table, ops.numbers((here, there), by=("distances_apart", here, there)), axis=0, shape=(here, there, width)
    )
    order = (axis, *(other for other in range(len(query.shape)) if other != axis))
    first = ops.permute(query, order)
    merged = ops.reshape(first, (here, product(first.shape[1:-1]), width))
    products = ops.part("positions").matmul(merged, ops.permute(vectors, (0, 2, 1)))
    found = ops.reshape(products, (*first.shape[:-1], there))
    return ops.permute(found, put_back(order))
