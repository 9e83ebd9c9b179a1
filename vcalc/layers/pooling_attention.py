"""Pooling attention in its parts: heads pooled as the maps that tokens form, and attention that tells rows and columns.

`split_heads`, `layernorm` and `merge_heads` are the rest of it. Tokens that have no place on the map, such as a class
token, stand first and are skipped.
"""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import (
    Number,
    Shape,
    assumed,
    certainly_equal,
    exact_div,
    maximum,
    product,
)
from vcalc.layers.base import (
    BRANCHES,
    HEADS,
    Layer,
    describe,
    elements,
    needs,
    needs_division,
    show,
)
from vcalc.layers.conv import slide
from vcalc.layers.fields import count, field
from vcalc.layers.tensors import GRADIENT, INDEX, OUTPUT, Gradient, Step, Stored, Tensor
from vcalc.layers.windows import EVERYWHERE, Sliding, Window


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
    weighted_layers = 1

    height: Any = field(count(), "rows of the map that the tokens form", symbol="H")
    kernel: Any = field(count(), "side of the window; half of it is padded on each side", 3, "K")
    stride: Any = field(count(), "step between windows", 1, "S")
    skip: Any = field(count(0), "tokens at the front that are not pooled, such as a class token", 0)

    def _places(self, input: Shape) -> tuple[Number, Number]:
        rows, columns = _grid(self.kind, input[1], self.skip, self.height, "height")
        pad = self.kernel // 2
        return (slide(rows, self.kernel, self.stride, pad), slide(columns, self.kernel, self.stride, pad))

    def _pooled(self, input: Shape) -> Number:
        """Elements that the convolution puts out."""
        return product((input[0], *self._places(input), input[2]))

    def output(self, *inputs: Shape) -> Shape:
        heads, _, width = inputs[0]
        return (heads, self.skip + product(self._places(inputs[0])), width)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"weight": product((self.kernel, self.kernel, inputs[0][2]))}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        pooled = self._pooled(inputs[0])
        return {"multiply_adds": self.kernel * self.kernel * pooled, "pooled_elements": pooled}

    def _map(self, input: Shape) -> Tensor:
        """The tokens put in order as maps, one a head, which the convolution reads."""
        return Tensor("maps", product((input[0], input[1] - self.skip, input[2])))

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (self._map(inputs[0]),)

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        maps = self._map(inputs[0])
        if certainly_equal(self.skip, 0):
            return ((maps, OUTPUT),)
        pooled = Tensor("pooled", self._pooled(inputs[0]))
        return ((maps, pooled), (*((maps,) if training else ()), pooled, OUTPUT))

    def gradient_steps(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Step, ...]:
        maps = self._map(inputs[0])
        of_maps = maps._replace(name="gradient of the maps")
        return ((maps, GRADIENT, of_maps), (GRADIENT, of_maps, Gradient(0)))

    def reach(self, input: Shape) -> Window:
        rows, columns = _grid(self.kind, input[1], self.skip, self.height, "height")
        kernel, stride, pad = ((side, side) for side in (self.kernel, self.stride, self.kernel // 2))
        takes, gives = (self.skip, rows, columns), (self.skip, *self._places(input))
        return Sliding(kernel, stride, pad, takes=takes, gives=gives)


class RelativeAttention(Layer, kind="relative_attention"):
    """Queries, keys and values of maps, [heads, N, d], joined in this order: scores tell how far apart tokens lie.

    To a score are added the query's products with two trained vectors, one for the rows and one for the columns between
    query and key (decomposed relative positions).
    """

    source = "Li et al. 2022 (MViTv2), section 4.1, equations 3 and 4"
    accepts = (HEADS,)
    joins = True
    example = (("h", "N", "d"), ("h", "M", "d"), ("h", "M", "d"))

    query_rows: Any = field(count(), "rows of the map that the queries form", symbol="H_q")
    key_rows: Any = field(count(), "rows of the map that the keys form", symbol="H_k")
    skip: Any = field(count(0), "tokens at the front without a place, such as a class token", 0)

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

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        distances = (2 * maximum(here, there) - 1 for here, there in self._grids(inputs).values())
        return {"relative_position_embedding": sum(distances) * inputs[0][2]}

    def _placed(self, inputs: tuple[Shape, ...]) -> Number:
        """Elements of the queries that have a place."""
        heads, tokens, width = inputs[0]
        return product((heads, tokens - self.skip, width))

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        query, key, value = inputs
        scores = query[0] * query[1] * key[1]
        rows, columns = (there for _, there in self._grids(inputs).values())
        placed = query[0] * (query[1] - self.skip)
        return {
            "product_multiply_adds": scores * (query[2] + value[2]),
            "position_multiply_adds": placed * query[2] * (rows + columns),
            "multiplications": elements(query),
            "additions": 2 * placed * (key[1] - self.skip),
            "exponentials": scores,
            "softmax_additions": scores - query[0] * query[1],
            "divisions": scores,
            "product_elements": scores + placed * (rows + columns) + elements(output),
        }

    def _made(self, inputs: tuple[Shape, ...]) -> dict[str, Tensor]:
        """The tensors between the operators, by name; tables and their indices are those of distances that occur."""
        query, key, _ = inputs
        placed, scores = self._placed(inputs), query[0] * query[1] * key[1]
        sums = query[0] * (query[1] - self.skip) * (key[1] - self.skip)
        sizes = {"scaled": elements(query), "scores": scores, "sum": sums, "sums": sums, "softmax": scores}
        made = {name: Tensor(name, size) for name, size in sizes.items()}
        for axis, (here, there) in self._grids(inputs).items():
            made[f"{axis}_index"] = Tensor(f"{axis} apart", here * there, INDEX, per_image=False)
            made[f"{axis}_table"] = Tensor(f"vectors of {axis}", here * there * query[2], per_image=False)
            made[f"{axis}_queries"] = Tensor(f"queries by {axis}", placed)
            made[axis] = Tensor(f"products by {axis}", query[0] * (query[1] - self.skip) * there)
        return made

    def _of_positions(self, axis: str) -> tuple[str, ...]:
        """What backward reads of one axis; queries by columns are a view where no token is skipped."""
        views = axis == "columns" and certainly_equal(self.skip, 0)
        return (f"{axis}_index", f"{axis}_table", *(() if views else (f"{axis}_queries",)))

    def _of_scores(self, made: dict[str, Tensor]) -> tuple[Stored, ...]:
        """What backward reads to get from the scores to queries and keys."""
        names = ("scaled", *self._of_positions("rows"), *self._of_positions("columns"))
        reads_queries = (0,) if certainly_equal(self.skip, 0) else ()
        return (*reads_queries, 1, *(made[name] for name in names))

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        made = self._made(inputs)
        return (2, made["softmax"], *self._of_scores(made))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        made = {**self._made(inputs), "output": OUTPUT}
        rows, columns = self._of_positions("rows"), self._of_positions("columns")
        # What training keeps, and what each operator has beside that.
        steps = (
            ((), ("scaled", "scores")),
            (("scaled",), ("scores", *rows[1:], "rows")),
            (("scaled", *rows), ("scores", "rows", *columns[1:], "columns")),
            (("scaled", *rows, *columns), ("scores", "rows", "columns", "sum", "sums")),
            (("scaled", *rows, *columns), ("scores", "softmax", "output")),
        )
        return tuple(tuple(made[name] for name in (*(kept if training else ()), *now)) for kept, now in steps)

    def gradient_steps(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Step, ...]:
        made = self._made(inputs)
        later = self._of_scores(made)
        names = ("softmax", "scores", "sums", "rows", "columns", "scaled")
        of = {name: made[name]._replace(name=f"gradient of the {made[name].name}") for name in names}
        return (
            (*later, 2, made["softmax"], GRADIENT, of["softmax"], Gradient(2)),
            (*later, made["softmax"], of["softmax"], of["scores"], Gradient(2)),
            (*later, of["scores"], of["sums"], of["rows"], of["columns"], Gradient(0), Gradient(2)),
            (1, made["scaled"], of["scores"], of["scaled"], Gradient(0), Gradient(1), Gradient(2)),
        )

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE
