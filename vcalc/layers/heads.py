"""Attention in its parts: heads split and merged, tokens turned by their positions, and attention without softmax.

With `linear` and the joins `matmul` and `scaled_dot_product_attention` these say what `attention` says in one line, and
every variant that it has no field for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape, assumed, certainly_equal, product
from vcalc.layers.axes import HEADS, TOKENS
from vcalc.layers.base import BRANCHES, Layer, describe, needs, needs_division, show
from vcalc.layers.fields import FLAG, POSITIVE, count, field
from vcalc.layers.merge import alike
from vcalc.layers.moved import Moved
from vcalc.layers.windows import EVERYWHERE, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class SplitHeads(Moved, kind="split_heads"):
    """Tokens [N, h*d] read as heads [h, N, d]."""

    source = "Vaswani et al. 2017, section 3.2.2"
    reuses_input = True
    accepts = (TOKENS,)

    heads: Any = field(count(), "attention heads", symbol="h")
    transposed: Any = field(FLAG, "whether tokens go last, [h, d, N], as the keys of a product", False)

    @property
    def pattern(self) -> str:
        return "N (h d) -> h d N" if self.transposed else "N (h d) -> h N d"

    @property
    def sizes(self) -> dict[str, Number]:
        return {"h": self.heads}

    def output(self, *inputs: Shape) -> Shape:
        needs_division("split_heads: width into heads", inputs[0][1], self.heads, "heads")
        return super().output(*inputs)


class MergeHeads(Moved, kind="merge_heads"):
    """Heads [h, N, d] put side by side again: tokens [N, h*d]."""

    source = "Vaswani et al. 2017, section 3.2.2"
    reuses_input = True
    accepts = (HEADS,)
    pattern = "h N d -> N (h d)"

    def is_view(self, training: bool, input: Shape) -> bool:
        return True  # as attention leaves them: the features of a token's heads side by side


class RotaryEmbedding(Layer, kind="rotary_embedding"):
    """Pairs of a query's or a key's elements turned by angles that grow with the token's position."""

    source = "Su et al. 2021 (RoFormer), section 3.2.2"
    accepts = (HEADS,)
    forms = ("module", "timm")

    skip: Any = field(count(0), "tokens at the front that are not turned, such as a class token", 0)

    def output(self, *inputs: Shape) -> Shape:
        needs(
            assumed(">=", inputs[0][1], self.skip),
            f"rotary_embedding: {show(self.skip)} tokens cannot be left out of {show(inputs[0][1])}",
            "skip",
        )
        needs_division("rotary_embedding: a head's width into pairs", inputs[0][2], 2, "")
        return inputs[0]

    def _turned(self, shape: Shape) -> Number:
        """Elements that are turned."""
        return product((shape[0], shape[1] - self.skip, shape[2]))

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        angles = {"angles": 2 * (inputs[0][1] - self.skip) * inputs[0][2]}
        return {**angles, "bands": inputs[0][2] // 4} if self.form == "timm" else angles

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        turned = self._turned(inputs[0])
        return {"multiplications": 2 * turned, "additions": turned}

    def run(self, ops: Paper, x: Value) -> Value:
        if self.form == "timm":
            ops.own((x.shape[3] // 4,), "bands")
        if certainly_equal(self.skip, 0):
            return self._turn(ops, x)
        tokens = x.shape[2] - self.skip
        skipped = ops.slice(x, axis=2, count=self.skip)
        return ops.concat(skipped, self._turn(ops, ops.slice(x, axis=2, count=tokens, start=self.skip)), axis=2)

    @staticmethod
    def _turn(ops: Paper, x: Value) -> Value:
        """x cos + (each pair turned by a quarter) sin."""
        half, angles = x.shape[3] // 2, x.shape[2:]
        cosines, sines = (ops.own(angles, "angles", by=(by, *angles)) for by in ("rotary_cosines", "rotary_sines"))
        turned = ops.stack(
            ops.scale(ops.slice(x, axis=3, count=half, start=1, step=2), by=-1),
            ops.slice(x, axis=3, count=half, step=2),
        )
        partners = ops.reshape(turned, x.shape)
        return ops.add(ops.mul(x, cosines), ops.mul(partners, sines))


class RandomFeatures(Layer, kind="random_features"):
    """Tokens [N, D] as positive random features [N, m] of the softmax kernel: exp(w x - x x / 2) / sqrt(m)."""

    source = "Choromanski et al. 2021 (Performers), lemma 1; Yuan et al. 2021 (T2T-ViT), section 3.1"
    accepts = (TOKENS,)
    composed = True

    count: Any = field(count(), "random features of a token", symbol="m")

    def output(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], self.count)

    def run(self, ops: Paper, x: Value) -> Value:
        directions = ops.own((x.shape[2], self.count), "random_projection")
        lengths = ops.scale(ops.sum(ops.mul(x, x), axis=2), over=2)
        return ops.scale(ops.exp(ops.sub(ops.matmul(x, directions), lengths)), root=self.count)


class LinearAttention(Layer, kind="linear_attention"):
    """Features of queries and keys, and values, [N, m], [N, m], [N, D] or such heads, joined in this order.

    No pair is ever formed: keys and values are multiplied first.
    """

    source = (
        "Katharopoulos et al. 2020, equation 5; Choromanski et al. 2021 (Performers), section 2.2;"
        " ones: Cai et al. 2023 (EfficientViT), the released models"
    )
    accepts = (TOKENS, HEADS)
    composed = True
    joins = True
    example = (("N", "m"), ("N", "m"), ("N", "D"))

    ones: Any = field(FLAG, "whether a one stands behind each value, whose products are the sums of the keys", False)
    eps: Any = field(POSITIVE, "what keeps the divisor from 0", 1e-8)

    def output(self, *inputs: Shape) -> Shape:
        needs(len(inputs) == 3, f"linear_attention joins 3 branches, not {len(inputs)}", BRANCHES)
        query, key, value = inputs
        heads, pairs = query[:-2], key[-2]
        fits = alike(key, (*heads, pairs, query[-1])) and alike(value, (*heads, pairs, value[-1]))
        needs(fits, f"queries, keys and values do not match: {', '.join(map(describe, inputs))}")
        return (*query[:-1], value[-1])

    def run(self, ops: Paper, query: Value, key: Value, value: Value) -> Value:
        axis = len(value.shape) - 1
        turned = (*range(axis - 1), axis, axis - 1)
        if self.ones:
            width = value.shape[axis]
            padded = ops.pad(value, (*value.shape[:axis], width + 1), value=1)
            both = ops.matmul(query, ops.matmul(ops.permute(key, turned), padded))
            weighted = ops.slice(both, axis=axis, count=width)
            sums = ops.slice(both, axis=axis, count=1, start=width)
        else:
            sums = ops.matmul(query, ops.permute(ops.sum(key, axis=axis - 1), turned))
            weighted = ops.matmul(query, ops.matmul(ops.permute(key, turned), value))
        return ops.div(weighted, ops.shift(sums, self.eps))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE
