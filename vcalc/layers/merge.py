"""Several tensors made one: the joins of branches."""

from __future__ import annotations

from vcalc.arithmetic import Number, Shape, certainly_different, certainly_equal
from vcalc.layers.base import MAP, VECTOR, Layer, describe, elements, needs


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


class Add(_Elementwise, kind="add"):
    """Elements added, as in a residual connection."""

    source = "He et al. 2016, equation 1"

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"additions": (len(inputs) - 1) * elements(output)}


class Multiply(_Elementwise, kind="multiply"):
    """Elements multiplied, as a gate multiplies its channels."""

    source = "Hu, Shen & Sun 2018 (Squeeze-and-Excitation), equation 4"

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"multiplications": (len(inputs) - 1) * elements(output)}
