"""Attention in its parts: heads split and merged, tokens turned by their positions, and attention without softmax.

With `linear` and the joins `matmul` and `scaled_dot_product_attention` these say what `attention` says in one line, and
every variant that it has no field for.
"""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, assumed, certainly_different, exact_div, product
from vcalc.layers.base import (
    BRANCHES,
    HEADS,
    TOKENS,
    Layer,
    describe,
    elements,
    needs,
    needs_division,
    show,
)
from vcalc.layers.fields import FLAG, count, field
from vcalc.layers.tensors import OUTPUT, Step, Stored, Tensor
from vcalc.layers.windows import BY_TOKEN, EVERYWHERE, REORDERED, Window


class SplitHeads(Layer, kind="split_heads"):
    """Tokens [N, h*d] read as heads [h, N, d]."""

    source = "Vaswani et al. 2017, section 3.2.2"
    accepts = (TOKENS,)
    splits_heads = True

    heads: Any = field(count(), "attention heads", symbol="h")
    transposed: Any = field(FLAG, "whether tokens go last, [h, d, N], as the keys of a product", False)

    def output(self, *inputs: Shape) -> Shape:
        tokens, width = inputs[0]
        needs_division("split_heads: width into heads", width, self.heads, "heads")
        one = exact_div(width, self.heads)
        return (self.heads, one, tokens) if self.transposed else (self.heads, tokens, one)

    def reach(self, input: Shape) -> Window | None:
        return REORDERED if self.transposed else None

    def is_view(self, training: bool, input: Shape) -> bool:
        return True

    def passes_gradient(self, input: Shape, output: Shape) -> bool:
        return True


class MergeHeads(Layer, kind="merge_heads"):
    """Heads [h, N, d] put side by side again: tokens [N, h*d]."""

    source = "Vaswani et al. 2017, section 3.2.2"
    accepts = (HEADS,)

    def output(self, *inputs: Shape) -> Shape:
        heads, tokens, width = inputs[0]
        return (tokens, heads * width)

    def reach(self, input: Shape) -> Window:
        return BY_TOKEN

    def is_view(self, training: bool, input: Shape) -> bool:
        return True

    def passes_gradient(self, input: Shape, output: Shape) -> bool:
        return True


class RotaryEmbedding(Layer, kind="rotary_embedding"):
    """Pairs of a query's or a key's elements turned by angles that grow with the token's position."""

    source = "Su et al. 2021 (RoFormer), section 3.2.2"
    accepts = (HEADS,)

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
        return product((shape[0], shape[1] - self.skip, shape[2]))

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        return {"angles": 2 * (inputs[0][1] - self.skip) * inputs[0][2]}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        turned = self._turned(inputs[0])
        return {"multiplications": 2 * turned, "additions": turned}

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        names = ("cosine part", "partners", "sine part")
        cosines, partners, sines = (Tensor(name, self._turned(inputs[0])) for name in names)
        if certainly_different(self.skip, 0):
            turned = Tensor("turned", self._turned(inputs[0]))
            return ((cosines, partners, sines, turned), (turned, OUTPUT))
        return ((cosines, partners, sines, OUTPUT),)


class RandomFeatures(Layer, kind="random_features"):
    """Tokens [N, D] as positive random features [N, m] of the softmax kernel: exp(w x - x x / 2) / sqrt(m)."""

    source = "Choromanski et al. 2021 (Performers), lemma 1; Yuan et al. 2021 (T2T-ViT), section 3.1"
    accepts = (TOKENS,)

    count: Any = field(count(), "random features of a token", symbol="m")

    def output(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], self.count)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"random_projection": self.count * inputs[0][1]}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {
            "product_multiply_adds": elements(output) * inputs[0][1],
            "multiplications": elements(inputs[0]) + elements(output),
            "additions": elements(inputs[0]) - inputs[0][0] + elements(output),
            "exponentials": elements(output),
            "product_elements": elements(output),
        }

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (0, Tensor("exponentials", elements(output)))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        squares = Tensor("squares", elements(inputs[0]))
        lengths = Tensor("lengths", inputs[0][0])
        names = ("products", "exponents", "exponentials")
        products, exponents, exponentials = (Tensor(name, elements(output)) for name in names)
        return (
            (squares, lengths),
            (lengths, products, exponents),
            (lengths, exponents, exponentials),
            (lengths, exponentials, OUTPUT),
        )


class LinearAttention(Layer, kind="linear_attention"):
    """Features of queries and keys and values, [N, m], [N, m], [N, D], joined in this order: no pair is ever formed."""

    source = "Katharopoulos et al. 2020, equation 5; Choromanski et al. 2021 (Performers), section 2.2"
    accepts = (TOKENS,)
    joins = True
    example = (("N", "m"), ("N", "m"), ("N", "D"))

    def output(self, *inputs: Shape) -> Shape:
        needs(len(inputs) == 3, f"linear_attention joins 3 branches, not {len(inputs)}", BRANCHES)
        query, key, value = inputs
        fits = assumed("==", query[1], key[1]) and assumed("==", key[0], value[0])
        needs(fits, f"queries, keys and values do not match: {', '.join(map(describe, inputs))}")
        return (query[0], value[1])

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        query, key, value = inputs
        return {
            "product_multiply_adds": elements(key) * value[1] + elements(query) * value[1] + elements(query),
            "additions": elements(key) - key[1],
            "divisions": elements(output),
            "product_elements": key[1] * value[1] + elements(output) + query[0],
        }

    def _made(self, inputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        query, key, value = inputs
        return (
            Tensor("sum of the keys", key[1]),
            Tensor("normalizers", query[0]),
            Tensor("keys by values", key[1] * value[1]),
            Tensor("weighted values", query[0] * value[1]),
        )

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (0, 1, 2, *self._made(inputs))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        total, normalizers, by_values, weighted = self._made(inputs)
        kept = (total, by_values) if training else ()
        shifted = normalizers._replace(name="normalizers and epsilon")
        return (
            (total, normalizers),
            (*kept, normalizers, by_values, weighted),
            (*kept, normalizers, shifted, weighted, OUTPUT),
        )

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE
