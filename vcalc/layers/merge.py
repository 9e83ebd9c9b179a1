"""Several tensors made one: the joins of branches."""

from __future__ import annotations

from vcalc.arithmetic import Number, Shape, certainly_different, certainly_equal
from vcalc.layers.base import EVERYWHERE, MAP, TOKENS, VECTOR, Layer, Window, describe, elements, needs
from vcalc.layers.tensors import OUTPUT, STATISTIC, Step, Stored, Tensor


class Concat(Layer, kind="concat"):
    """Channels of maps, tokens, or elements of vectors, one after the other."""

    source = "Szegedy et al. 2015, section 4; Huang et al. 2017, equation 2"
    joins = True

    def output(self, *inputs: Shape) -> Shape:
        first = inputs[0]
        for shape in inputs[1:]:
            fits = len(shape) == len(first) and not any(map(certainly_different, shape[1:], first[1:]))
            needs(fits, f"concat: {describe(first)} and {describe(shape)} differ in more than the first size")
        return (sum(shape[0] for shape in inputs), *first[1:])

    def passes_gradient(self, input: Shape, output: Shape) -> bool:
        return True


class _Elementwise(Layer):
    joins = True

    def output(self, *inputs: Shape) -> Shape:
        result = inputs[0]
        for shape in inputs[1:]:
            result = self._broadcast(result, shape)
        return result

    def _broadcast(self, a: Shape, b: Shape) -> Shape:
        """The common shape; a vector [C] or a map [C, 1, 1] stands for a constant over H and W."""
        if len(a) == MAP and len(b) == VECTOR:
            b = (*b, 1, 1)
        if len(a) == VECTOR and len(b) == MAP:
            a = (*a, 1, 1)
        same = len(a) == len(b) and not any(
            certainly_different(x, y) and not certainly_equal(x, 1) and not certainly_equal(y, 1)
            for x, y in zip(a, b, strict=True)
        )
        needs(same, f"{self.kind}: {describe(a)} and {describe(b)} do not match")
        return tuple(y if certainly_equal(x, 1) else x for x, y in zip(a, b, strict=True))

    def _partial(self, inputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """What the joins of the first inputs give, two of them at a time."""
        shape, made = inputs[0], []
        for number, other in enumerate(inputs[1:-1], 2):
            shape = self._broadcast(shape, other)
            made.append(Tensor(f"first {number} joined", elements(shape)))
        return tuple(made)

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        made = (*self._partial(inputs), OUTPUT)
        return tuple(made[max(0, i - 1) : i + 1] for i in range(len(made)))


class Add(_Elementwise, kind="add"):
    """Elements added, as in a residual connection."""

    forms = ("operator", "function")
    source = "He et al. 2016, equation 1"

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"additions": (len(inputs) - 1) * elements(output)}

    def passes_gradient(self, input: Shape, output: Shape) -> bool:
        return len(input) == len(output) and not any(map(certainly_different, input, output))


class Mean(_Elementwise, kind="mean"):
    """The mean of elements that stand in the same place."""

    source = "Larsson, Maire & Shakhnarovich 2017 (FractalNet), section 2"

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"additions": (len(inputs) - 1) * elements(output), "multiplications": elements(output)}

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        made = (*self._partial(inputs), Tensor("sum", elements(output)), OUTPUT)
        return tuple(made[max(0, i - 1) : i + 1] for i in range(len(made)))


class Multiply(_Elementwise, kind="multiply"):
    """Elements multiplied, as a gate multiplies its channels."""

    forms = ("operator", "function")
    source = "Hu, Shen & Sun 2018 (Squeeze-and-Excitation), equation 4"
    saves_for_others = True

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"multiplications": (len(inputs) - 1) * elements(output)}

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (*range(len(inputs)), *self._partial(inputs))


class MatMul(Layer, kind="matmul"):
    """The matrix product of two tensors, [N, K] and [K, M] or, channel by channel, [C, N, K] and [C, K, M]."""

    source = "none needed"
    saves_for_others = True
    accepts = (MAP, TOKENS)
    joins = True
    forms = ("function", "operator", "bmm", "einsum")
    example = (("N", "K"), ("K", "M"))

    def output(self, *inputs: Shape) -> Shape:
        needs(len(inputs) == 2, f"matmul joins 2 branches, not {len(inputs)}")
        left, right = inputs
        fits = (
            len(left) == len(right)
            and not certainly_different(left[-1], right[-2])
            and not any(map(certainly_different, left[:-2], right[:-2]))
        )
        needs(fits, f"matmul: {describe(left)} and {describe(right)} do not match")
        return (*left[:-1], right[-1])

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"product_multiply_adds": elements(inputs[0]) * output[-1], "product_elements": elements(output)}

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return tuple(range(len(inputs)))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class ScaledDotProductAttention(Layer, kind="scaled_dot_product_attention"):
    """Queries, keys and values, [N, D] each or [heads, N, D], joined in this order: the values weighed by a softmax."""

    source = "Vaswani et al. 2017, equation 1"
    accepts = (MAP, TOKENS)
    joins = True
    example = (("N", "d"), ("M", "d"), ("M", "e"))

    def output(self, *inputs: Shape) -> Shape:
        needs(len(inputs) == 3, f"scaled_dot_product_attention joins 3 branches, not {len(inputs)}")
        query, key, value = inputs
        fits = (
            len(query) == len(key) == len(value)
            and not certainly_different(query[-1], key[-1])
            and not certainly_different(key[-2], value[-2])
            and not any(map(certainly_different, query[:-2], key[:-2]))
            and not any(map(certainly_different, query[:-2], value[:-2]))
        )
        needs(fits, f"queries, keys and values do not match: {', '.join(map(describe, inputs))}")
        return (*query[:-1], value[-1])

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        query, key, value = inputs
        scores = elements(query[:-1]) * key[-2]
        return {
            "product_multiply_adds": scores * (query[-1] + value[-1]),
            "multiplications": elements(query),
            "exponentials": scores,
            "softmax_additions": scores - elements(query[:-1]),
            "divisions": scores,
            "product_elements": scores + elements(output),
        }

    def _made(self, inputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """The log-sum-exp of the fused operator; without heads or with values of their own width, torch has none."""
        query, key, value = inputs
        if len(query) == MAP and certainly_equal(query[-1], value[-1]):
            return (Tensor("log-sum-exp", elements(query[:-1]), STATISTIC),)
        pairs = elements(query[:-1]) * key[-2]
        sizes = {"queries": elements(query), "keys": elements(key), "scores": pairs, "softmax": pairs}
        return tuple(Tensor(name, count) for name, count in sizes.items())

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        made = self._made(inputs)
        return (0, 1, 2, OUTPUT, *made) if len(made) == 1 else (2, *made[:2], made[3])

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        made = self._made(inputs)
        if len(made) == 1:
            return ((OUTPUT, *made),)
        queries, keys, scores, softmax = made
        return ((queries, keys, scores), (queries, scores, softmax), (queries, softmax, OUTPUT))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE
