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
from vcalc.layers.axes import HEADS, NamedShape, grid_of
from vcalc.layers.base import BRANCHES, Layer, describe, needs, needs_division, put_back, show
from vcalc.layers.conv import slide
from vcalc.layers.fields import count, field
from vcalc.layers.grids import NO_MAP, by, in_front
from vcalc.layers.windows import EVERYWHERE, Sliding, Window, alike

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


def _known(kind: str, shape: NamedShape, rows: Number | None, skip: Number | None, key: str) -> tuple[Number, Number]:
    """Rows of the map that tokens form, and how many in front are skipped: as it is said, or as they remember it."""
    if shape.grid is None or rows is not None:
        needs(rows is not None, f"{kind} needs '{key}', the rows of the map: {NO_MAP}")
        return rows, 0 if skip is None else skip
    front, *sizes = shape.grid
    needs(len(sizes) == 2, f"{kind} takes tokens of an image, but these come from a map of {by(shape.grid[1:])}")
    said = f"{kind}: skip is {show(skip)}, but {in_front(shape.grid)}"
    needs(skip is None or assumed("==", skip, front), said, "skip", "leave skip out: the tokens remember their map")
    filled = f"those of a map of {by(shape.grid[1:])} and {show(front)} in front"
    needs(assumed("==", shape[1], front + product(sizes)), f"{kind}: {show(shape[1])} tokens are not {filled}")
    return sizes[0], front


def _grid(kind: str, tokens: Number, skip: Number, rows: Number, key: str) -> tuple[Number, Number]:
    """Rows and columns of the map that tokens form, without those that are skipped."""
    needs(
        assumed(">=", tokens, skip + 1),
        f"{kind}: {show(skip)} tokens cannot be left out of {show(tokens)}",
        "skip",
    )
    needs_division(f"{kind}: tokens into rows", tokens - skip, rows, key)
    return (rows, exact_div(tokens - skip, rows))


class PoolHeads(Layer, kind="pool_heads"):
    """Heads [h, N, d] pooled by a depthwise convolution, the same for all heads, over the map that tokens form."""

    source = "Fan et al. 2021 (MViT), section 3.1; convolutions: Li et al. 2022 (MViTv2), section 4.3"
    accepts = (HEADS,)
    composed = True
    weighted_layers = 1

    placed = True
    sample: ClassVar[dict[str, Any]] = {"height": None, "skip": 0}

    height: Any = field(count(), "rows of the map that the tokens form, where they do not remember it", None, "H")
    kernel: Any = field(count(), "side of the window; half of it is padded on each side", 3, "K")
    stride: Any = field(count(), "step between windows", 1, "S")
    skip: Any = field(count(0), "tokens at the front that are not pooled, such as a class token; likewise", None)

    def place(self, inputs: tuple[NamedShape, ...]) -> None:
        self.height, self.skip = _known(self.kind, inputs[0], self.height, self.skip, "height")

    def _places(self, input: Shape) -> tuple[Number, Number]:
        rows, columns = _grid(self.kind, input[1], self.skip, self.height, "height")
        pad = self.kernel // 2
        return (slide(rows, self.kernel, self.stride, pad), slide(columns, self.kernel, self.stride, pad))

    def output(self, *inputs: Shape) -> Shape:
        heads, _, width = inputs[0]
        return (heads, self.skip + product(self._places(inputs[0])), width)

    def run(self, ops: Paper, x: Value) -> Value:
        batch, heads, tokens, width = x.shape
        rows, columns = _grid(self.kind, tokens, self.skip, self.height, "height")
        skipped = ops.slice(x, axis=2, count=self.skip)
        placed = ops.reshape(
            ops.slice(x, axis=2, count=rows * columns, start=self.skip), (batch, heads, rows, columns, width)
        )
        maps = ops.reshape(ops.permute(placed, (0, 1, 4, 2, 3)), (batch * heads, width, rows, columns))
        maps = ops.copy(maps)
        places = self._places(x.shape[1:])
        weight = ops.parameter(width, 1, self.kernel, self.kernel)
        window = {name: (side, side) for name, side in (("stride", self.stride), ("pad", self.kernel // 2))}
        pooled = ops.conv(maps, weight, shape=(batch * heads, width, *places), groups=width, **window)
        del maps
        pooled = ops.permute(ops.reshape(pooled, (*pooled.shape[:2], product(places))), (0, 2, 1))
        pooled = ops.reshape(pooled, (batch, heads, product(places), width))
        return pooled if certainly_equal(self.skip, 0) else ops.concat(skipped, pooled, axis=2)

    def reach(self, input: Shape) -> Window:
        rows, columns = _grid(self.kind, input[1], self.skip, self.height, "height")
        kernel, stride, pad = ((side, side) for side in (self.kernel, self.stride, self.kernel // 2))
        gives = (self.skip, *self._places(input))
        known = alike(grid_of(input), (self.skip, rows, columns))
        return Sliding(kernel, stride, pad, gives=gives) if known else Window((), gives)


class RelativeAttention(Layer, kind="relative_attention"):
    """Queries, keys and values of maps, [heads, N, d], joined in this order: scores tell how far apart tokens lie.

    To a score are added the query's products with two trained vectors, one for the rows and one for the columns between
    query and key (decomposed relative positions).
    """

    source = "Li et al. 2022 (MViTv2), section 4.1, equations 3 and 4"
    accepts = (HEADS,)
    composed = True
    joins = True
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
            self.query_rows, skip = _known(self.kind, inputs[0], self.query_rows, self.skip, "query_rows")
            self.key_rows, self.skip = _known(self.kind, inputs[1], self.key_rows, self.skip, "key_rows")
            same = f"relative_attention: {show(skip)} of the queries have no place, and {show(self.skip)} of the keys"
            needs(assumed("==", skip, self.skip), same)

    def output(self, *inputs: Shape) -> Shape:
        needs(len(inputs) == 3, f"relative_attention joins 3 branches, not {len(inputs)}", BRANCHES)
        query, key, value = inputs
        pairs = ((query[0], key[0]), (query[2], key[2]), (key[0], value[0]), (key[1], value[1]))
        fits = all(assumed("==", one, other) for one, other in pairs)
        needs(fits, f"queries, keys and values do not match: {', '.join(map(describe, inputs))}")
        self._grids(inputs)
        return (*query[:2], value[2])

    def _grids(self, inputs: tuple[Shape, ...]) -> dict[str, tuple[Number, Number]]:
        """How many rows the queries and the keys have, and how many columns."""
        rows, columns = _grid(self.kind, inputs[0][1], self.skip, self.query_rows, "query_rows")
        key_rows, key_columns = _grid(self.kind, inputs[1][1], self.skip, self.key_rows, "key_rows")
        return {"rows": (rows, key_rows), "columns": (columns, key_columns)}

    def run(self, ops: Paper, query: Value, key: Value, value: Value) -> Value:
        scores = ops.matmul(ops.scale(query, root=query.shape[3]), ops.permute(key, (0, 1, 3, 2)))
        grids = self._grids(tuple(given.shape[1:] for given in (query, key, value)))
        scores = self._with_positions(ops, query, scores, grids)
        return ops.matmul(ops.softmax(scores), value)

    def _with_positions(
        self, ops: Paper, query: Value, scores: Value, grids: dict[str, tuple[Number, Number]]
    ) -> Value:
        """The query's products with vectors of relative rows and columns added where both tokens have a place."""
        batch, heads, _, width = query.shape
        (rows, key_rows), (columns, key_columns) = grids["rows"], grids["columns"]
        role = "relative_position_embedding"
        tables = [ops.parameter(2 * maximum(*sizes) - 1, width, role=role) for sizes in grids.values()]
        places, keys = rows * columns, key_rows * key_columns
        placed = ops.reshape(
            ops.slice(query, axis=2, count=places, start=self.skip), (batch, heads, rows, columns, width)
        )
        down = _by_distance(ops, placed, tables[0], 2, key_rows)
        across = _by_distance(ops, placed, tables[1], 3, key_columns)
        first = (0, 0, self.skip, self.skip)
        part = ops.slice(ops.slice(scores, axis=2, count=places, start=self.skip), axis=3, count=keys, start=self.skip)
        apart = ops.reshape(part, (batch, heads, rows, columns, key_rows, key_columns))
        down, across = (
            ops.reshape(down, (*down.shape, 1)),
            ops.reshape(across, (*across.shape[:4], 1, key_columns)),
        )
        sums = ops.reshape(ops.add(ops.add(apart, down), across), (batch, heads, places, keys))
        return ops.overwrite(scores, sums, first=first)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


def _by_distance(ops: Paper, query: Value, table: Value, axis: int, there: int) -> Value:
    """Queries [B, h, rows, columns, d] by the vector of each distance along one axis: [B, h, rows, columns, there]."""
    here, width = query.shape[axis], query.shape[4]
    vectors = ops.gather(
        table, ops.numbers((here, there), by=("distances_apart", here, there)), axis=0, shape=(here, there, width)
    )
    order = (axis, 0, 1, 5 - axis, 4)
    first = ops.permute(query, order)
    merged = ops.reshape(first, (here, first.shape[1] * first.shape[2] * first.shape[3], width))
    products = ops.part("positions").matmul(merged, ops.permute(vectors, (0, 2, 1)))
    found = ops.reshape(products, (*first.shape[:4], there))
    return ops.permute(found, put_back(order))
