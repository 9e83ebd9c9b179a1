"""What `experts` runs beside its router and its experts: tokens sent to those that they choose, and brought back.

Nobody writes these by themselves. The rows of a token lie one after the other, one for each expert that it has chosen,
until they are put in the order of the experts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Shape, assumed
from vcalc.layers.axes import TOKENS, Grid, NamedShape, grid_of
from vcalc.layers.base import Layer, describe, needs, show
from vcalc.layers.fields import FLAG, count, field
from vcalc.layers.windows import REORDERED, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value

SOURCE = "Shazeer et al. 2017, section 2.1; Jiang et al. 2024 (Mixtral), section 2.1"


class _Routing(Layer):
    accepts = (TOKENS,)
    composed = True
    source = SOURCE

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        return TOKENS


class TopK(_Routing, kind="top_k", hidden=True):
    """The numbers of the experts that each token chooses: those with the largest scores."""

    count: Any = field(count(), "how many it chooses", symbol="k")

    def output(self, *inputs: Shape) -> Shape:
        tokens, experts = inputs[0]
        message = f"{show(self.count)} active experts cannot be chosen among {show(experts)}"
        needs(assumed(">=", experts, self.count), message, "count")
        return (tokens, self.count)

    def run(self, ops: Paper, x: Value) -> Value:
        return ops.top_k(x, count=self.count)


class Dispatch(_Routing, kind="dispatch", hidden=True):
    """Tokens and what they have chosen: a row of a token for each expert, in the order of the experts."""

    def output(self, *inputs: Shape) -> Shape:
        (tokens, width), (_, chosen) = inputs
        return (tokens * chosen, width)

    def reach(self, input: Shape) -> Window:
        return REORDERED

    def run(self, ops: Paper, x: Value, choice: Value) -> Value:
        (batch, tokens, width), count = x.shape, choice.shape[2]
        places = ops.whole(ops.order(choice), by=count)
        rows = ops.gather(
            ops.reshape(x, (batch * tokens, width)), places, axis=0, shape=(batch * tokens * count, width)
        )
        return ops.reshape(rows, (batch, tokens * count, width))


class Combine(_Routing, kind="combine", hidden=True):
    """The rows that experts give, what tokens have chosen, and all scores: the weighed sum for each token."""

    normalized: Any = field(FLAG, "whether the weights of a token add up to 1", False)

    def output(self, *inputs: Shape) -> Shape:
        return (inputs[1][0], inputs[0][1])

    def grid(self, inputs: tuple[NamedShape, ...], output: Shape) -> Grid | None:
        return grid_of(inputs[2])

    def reach(self, input: Shape) -> Window:
        return REORDERED

    def run(self, ops: Paper, x: Value, choice: Value, scores: Value) -> Value:
        batch, rows, width = x.shape
        tokens, count = choice.shape[1:]
        weights = ops.take_along(scores, choice)
        if self.normalized:
            weights = ops.div(weights, ops.sum(weights, axis=2))
        back = ops.order(ops.order(choice))
        mine = ops.gather(ops.reshape(x, (batch * rows, width)), back, axis=0, shape=(batch * rows, width))
        mine = ops.reshape(mine, (batch, tokens, count, width))
        return ops.sum(ops.mul(mine, ops.reshape(weights, (*weights.shape, 1))), axis=2, keep=False)


def of_each_token(layer: Layer, inputs: tuple[NamedShape, ...], made: NamedShape) -> str:
    """Why an expert cannot have a layer, which works on each token by itself; empty where it can."""
    rows = inputs[0] if inputs else made
    if layer.begins:
        return "it begins with no token"
    if made.of != TOKENS or any(shape.of != TOKENS for shape in inputs):
        return f"it takes {describe(rows)} to {describe(made)}"
    if not assumed("==", made[0], rows[0]):
        return f"it makes {show(made[0])} tokens of {show(rows[0])}"
    if layer.kind == "batchnorm":
        return "its means would be of all tokens that have chosen one, and mix them"
    if layer.by_place or layer.reach(rows) is not None:
        return "what it does depends on other tokens" if not layer.by_place else "what it does depends on their places"
    return ""
