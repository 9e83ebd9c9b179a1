"""Several tensors made one: the joins of branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import Number, Shape, assumed, certainly_equal, certainly_less
from vcalc.errors import LayerError
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, Grid, NamedShape, names_of, rank
from vcalc.layers.base import BRANCHES, Layer, axes_over, describe, elements, needs, needs_division, show
from vcalc.layers.centre import CROP, PAD, common_sizes, fitted, moved, offsets
from vcalc.layers.fields import AXIS, FLAG, choice, count, field
from vcalc.layers.windows import EVERYWHERE, REORDERED, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


def alike(a: Shape, b: Shape) -> bool:
    """Whether two shapes are the same, as far as is known; what is not is assumed."""
    return len(a) == len(b) and all(assumed("==", one, other) for one, other in zip(a, b, strict=True))


def _meet(a: Number, b: Number) -> bool:
    """Whether two sizes may be the same, or one of them is 1, as a constant's."""
    return b in (a, 1) or certainly_equal(a, 1) or certainly_equal(b, 1) or assumed("==", a, b)


def _common(a: Number, b: Number) -> Number:
    """The size that two give together."""
    return a if b in (a, 1) or not certainly_equal(a, 1) else b


def _map_and_tokens(a: Shape, b: Shape) -> bool:
    """Whether one is a map and the other tokens, which only look alike where both have two sizes."""
    return {rank(a), rank(b)} == {MAP, TOKENS}


def _have_places(tokens: NamedShape) -> bool:
    """Whether some of these tokens may lie on a map, and not only in front of it."""
    return tokens.grid is not None and not certainly_less(tokens[0], tokens.grid[0] + 1)


class Concat(Layer, kind="concat"):
    """Channels of maps, tokens, or elements of vectors, one after the other; or what lies along any other axis."""

    source = "Szegedy et al. 2015, section 4; Huang et al. 2017, equation 2"
    moves = True
    joins = True
    joins_one = True

    over: Any = field(AXIS, "the axis along which they lie: D for features of tokens; the first if not said", None)

    def _axis(self, input: Shape) -> int:
        """The number of the axis among the sizes of an input."""
        return 0 if self.over is None else axes_over(self.kind, (self.over,), input)[0]

    fit: Any = field(
        choice((CROP, PAD)),
        "maps of several sizes cropped to the smallest, or padded to the largest, at the centre",
        None,
    )

    def _fitted(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """The inputs, maps among them brought to one size."""
        if self.fit is None:
            return inputs
        only = {MAP}.issuperset(map(rank, inputs)) and len(set(map(len, inputs))) == 1
        needs(only, f"concat: fit is for maps, but {' and '.join(map(describe, inputs))} arrive", "fit", "leave it out")
        sizes = common_sizes(self.fit, inputs)
        return tuple(NamedShape((shape[0], *sizes), MAP) for shape in inputs)

    def output(self, *inputs: Shape) -> Shape:
        inputs = self._fitted(inputs)
        first, axis = inputs[0], self._axis(inputs[0])
        before, after = first[:axis], first[axis + 1 :]
        for shape in inputs[1:]:
            fits = alike((*shape[:axis], *shape[axis + 1 :]), (*before, *after))
            if not fits or _map_and_tokens(first, shape):
                from vcalc.layers import mend

                differ = "do not match" if fits else f"differ in more than {self.over or 'the first size'}"
                message = f"concat: {describe(first)} and {describe(shape)} {differ}"
                raise LayerError(message, hint=mend.concatenated(first, shape, self.over))
        return (*before, sum(shape[axis] for shape in inputs), *after)

    def run(self, ops: Paper, *inputs: Value) -> Value:
        axis = 1 + self._axis(self.named(*inputs)[0])
        if self.fit is not None:
            sizes = common_sizes(self.fit, tuple(x.shape[1:] for x in inputs))
            inputs = tuple(fitted(ops, self.fit, x, sizes) for x in inputs)
        return ops.concat(*inputs, axis=axis)

    def reach(self, input: Shape) -> Window | None:
        if self._axis(input):
            return None if names_of(input)[self._axis(input)] in ("D", "d") else REORDERED
        return {MAP: None, HEADS: None, TOKENS: REORDERED}.get(rank(input), EVERYWHERE)

    def aligned(self, inputs: tuple[Shape, ...]) -> tuple[Window, ...] | None:
        if self.fit is None:
            return None
        sizes = common_sizes(self.fit, inputs)
        return tuple(moved(self.fit, offsets(self.fit, shape[1:], sizes)) for shape in inputs)

    def grid(self, inputs: tuple[NamedShape, ...], output: Shape) -> Grid | None:
        *others, last = inputs
        if self._axis(last) or last.of != TOKENS or last.grid is None or any(map(_have_places, others)):
            return super().grid(inputs, output)
        return (sum(shape[0] for shape in others) + last.grid[0], *last.grid[1:])


def _spread(vector: Shape, whole: Shape) -> Shape:
    """A vector as a map of one place, or as one token, where it goes with a map or with tokens; else what it is."""
    if rank(vector) != VECTOR or rank(whole) not in (MAP, TOKENS):
        return vector
    return (*vector, *(1,) * len(whole[1:])) if rank(whole) == MAP else (1, *vector)


class _Elementwise(Layer):
    joins = True
    joins_one = True

    def output(self, *inputs: Shape) -> Shape:
        result = inputs[0]
        for shape in inputs[1:]:
            result = self._broadcast(result, shape)
        return result

    def _broadcast(self, a: Shape, b: Shape) -> Shape:
        """The common shape; a vector, a map [C, 1, 1] or a token [1, D] is the same for all places."""
        first, second = _spread(a, b), _spread(b, a)
        if len(first) != len(second) or _map_and_tokens(a, b) or not all(map(_meet, first, second)):
            from vcalc.layers import mend

            raise LayerError(f"{self.kind}: {describe(a)} and {describe(b)} do not match", hint=mend.combined(a, b))
        return NamedShape(map(_common, first, second), rank(b) if rank(a) == VECTOR else rank(a))

    def _together(self, ops: Paper, operator: str, inputs: tuple[Value, ...]) -> Value:
        """Two at a time, from the first on; vectors as maps of one position, or as one token, where others are such."""
        shapes = self.named(*inputs)
        widest = next((shape for shape in shapes if rank(shape) != VECTOR), shapes[0])
        spread = [(x, _spread(shape, widest)) for x, shape in zip(inputs, shapes, strict=True)]
        first, *others = (x if len(x.shape) > len(one) else ops.reshape(x, (x.shape[0], *one)) for x, one in spread)
        for other in others:
            first = getattr(ops, operator)(first, other)
        return first


class Add(_Elementwise, kind="add"):
    """Elements added, as in a residual connection."""

    forms = ("operator", "function")
    source = "He et al. 2016, equation 1"

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"additions": (len(inputs) - 1) * elements(output)}

    def run(self, ops: Paper, *inputs: Value) -> Value:
        return self._together(ops, "add", inputs)


class Mean(_Elementwise, kind="mean"):
    """The mean of elements that stand in the same place."""

    source = "Larsson, Maire & Shakhnarovich 2017 (FractalNet), section 2"

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"additions": (len(inputs) - 1) * elements(output), "multiplications": elements(output)}

    def run(self, ops: Paper, *inputs: Value) -> Value:
        return ops.scale(self._together(ops, "add", inputs), over=len(inputs))


class Multiply(_Elementwise, kind="multiply"):
    """Elements multiplied, as a gate multiplies its channels."""

    forms = ("operator", "function")
    source = "Hu, Shen & Sun 2018 (Squeeze-and-Excitation), equation 4"

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"multiplications": (len(inputs) - 1) * elements(output)}

    def run(self, ops: Paper, *inputs: Value) -> Value:
        return self._together(ops, "mul", inputs)


class Maximum(_Elementwise, kind="max"):
    """The largest of the elements that stand in the same place (maxout)."""

    source = "Goodfellow et al. 2013 (Maxout Networks), section 3"
    composed = True

    def run(self, ops: Paper, *inputs: Value) -> Value:
        return self._together(ops, "maximum", inputs)


class Subtract(_Elementwise, kind="subtract"):
    """What the second branch gives taken away from what the first gives."""

    source = "none needed"
    composed = True
    joins_one = False

    def output(self, *inputs: Shape) -> Shape:
        needs(len(inputs) == 2, f"{self.kind} joins 2 branches, not {len(inputs)}", BRANCHES)
        return super().output(*inputs)

    def run(self, ops: Paper, *inputs: Value) -> Value:
        return self._together(ops, "sub", inputs)


class Divide(Subtract, kind="divide"):
    """What the first branch gives divided by what the second gives, as weights by their sum."""

    source = "d'Ascoli et al. 2021 (ConViT), equation 7"

    def run(self, ops: Paper, *inputs: Value) -> Value:
        return self._together(ops, "div", inputs)


class AbsoluteDifference(Subtract, kind="absolute_difference"):
    """The distance of the elements that stand in the same place, by which twin networks compare: |a - b|."""

    source = "Koch, Zemel & Salakhutdinov 2015 (Siamese Neural Networks), section 3.1"

    def run(self, ops: Paper, *inputs: Value) -> Value:
        return ops.absolute(super().run(ops, *inputs))


class MatMul(Layer, kind="matmul"):
    """The matrix product of two tensors, [N, K] and [K, M] or, channel by channel, [C, N, K] and [C, K, M]."""

    source = "none needed"
    accepts = (MAP, TOKENS, HEADS)
    joins = True
    forms = ("function", "operator", "bmm", "einsum")
    example = (("N", "K"), ("K", "M"))

    def output(self, *inputs: Shape) -> Shape:
        more = "join two of them first" if len(inputs) > 2 else ""
        needs(len(inputs) == 2, f"matmul joins 2 branches, not {len(inputs)}", BRANCHES, more)
        left, right = inputs
        fits = alike(right, (*left[:-2], left[-1], right[-1]))
        if not fits:
            needed = f"the second has to be [{', '.join(map(show, (*left[:-2], left[-1])))}, M], with any M"
            raise LayerError(f"matmul: {describe(left)} and {describe(right)} do not match", hint=needed)
        return (*left[:-1], right[-1])

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"product_multiply_adds": elements(inputs[0]) * output[-1], "product_elements": elements(output)}

    def run(self, ops: Paper, left: Value, right: Value) -> Value:
        return ops.matmul(left, right)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE

    def rows_apart(self, input: Shape) -> bool:
        return rank(input) != MAP


class ScaledDotProductAttention(Layer, kind="scaled_dot_product_attention"):
    """Queries, keys and values, [N, D] each or [heads, N, D], joined in this order: the values weighed by a softmax.

    Several heads of queries may read one of keys and values.
    """

    source = (
        "Vaswani et al. 2017, equation 1; relative positions: Bao et al. 2022 (BEiT), section 2.2;"
        " keys_read: Child et al. 2019 (Sparse Transformer), section 4; fewer heads of keys: Ainslie et al. 2023 (GQA)"
    )
    accepts = (HEADS, TOKENS)
    joins = True
    example = (("N", "d"), ("M", "d"), ("M", "e"))

    causal: Any = field(FLAG, "whether no token reads a later one", False)
    keys_read: Any = field(count(), "keys that a query reads under a sparse mask, the latest if causal", None, "r")
    relative_positions: Any = field(count(0), "biases that each head learns, one a relative position; 0 for none", 0)

    def output(self, *inputs: Shape) -> Shape:
        order = "they are queries, keys and values, in this order"
        needs(len(inputs) == 3, f"scaled_dot_product_attention joins 3 branches, not {len(inputs)}", BRANCHES, order)
        query, key, value = inputs
        fits = len(query) == len(key) and alike((*key[:-1], query[-1]), key) and alike((*key[:-1], value[-1]), value)
        message = f"queries, keys and values do not match: {', '.join(map(describe, inputs))}"
        needs(fits, message, hint="queries [N, D] read keys [M, D] and values [M, E], all of them or none in heads")
        if len(query) == 3:
            needs_division("scaled_dot_product_attention: heads of queries into heads of keys", query[0], key[0], "")
        square = not self.causal or assumed("==", query[-2], key[-2])
        needs(square, "scaled_dot_product_attention: causal takes as many queries as keys", "causal")
        alone = self._unbiased or not (self.causal or self.keys_read is not None)
        masks = (*(("causal",) if self.causal else ()), *(("keys_read",) if self.keys_read is not None else ()))
        needs(
            alone,
            "scaled_dot_product_attention: a mask and biases do not go together",
            "relative_positions",
            f"leave relative_positions out, or {' and '.join(masks)}",
        )
        return (*query[:-1], value[-1])

    @property
    def composed(self) -> bool:  # type: ignore[override]
        """Biases and masks are put together; what reads them is an operator of this kind."""
        return True

    @property
    def _unbiased(self) -> bool:
        return certainly_equal(self.relative_positions, 0)

    def run(self, ops: Paper, query: Value, key: Value, value: Value) -> Value:
        bias = None if self._unbiased else self._looked_up(ops, query, key)
        mask, pairs = None, (query.shape[-2], key.shape[-2])
        if self.keys_read is not None:
            mask = ops.own(pairs, "attention_mask", by=("sparse_mask", *pairs, self.keys_read, bool(self.causal)))
        return ops.attention(query, key, value, bias, mask, causal=self.causal, reads=self.keys_read)

    def _looked_up(self, ops: Paper, query: Value, key: Value) -> Value:
        """The bias of each pair, as heads [1, h, N, M], or of one head."""
        heads, pairs = query.shape[1] if len(query.shape) == 4 else 1, (query.shape[-2], key.shape[-2])
        role, name = "relative_position_bias", "relative_positions"
        table = ops.parameter(self.relative_positions, heads, role=role, name=name)
        index = ops.own(pairs, "relative_position_index", by=("distances", *pairs, self.relative_positions))
        found = ops.permute(ops.gather(table, index, axis=0, shape=(*pairs, heads)), (2, 0, 1))
        return ops.reshape(found, (1, *found.shape)) if len(query.shape) == 4 else ops.select(found, axis=0)

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE

    def rows_apart(self, input: Shape) -> bool:
        return rank(input) != MAP


class RoIAlign(Layer, kind="roi_align"):
    """Proposals cut out of the levels of a pyramid and sampled to one size, each from one level.

    They lie one below the other, [C, proposals * out, out]: a convolution that keeps their size, and an `unfold` of one
    proposal a token, cost what they cost on each by itself.
    """

    source = "He et al. 2017 (Mask R-CNN), section 3; levels: Lin et al. 2017 (FPN), equation 1"
    accepts = (MAP,)
    spatial = (2,)
    joins = True
    example = (("C", "H", "W"), ("C", "H2", "W2"))

    proposals: Any = field(count(), "how many regions", symbol="R")
    out: Any = field(count(), "height and width of each after sampling", symbol="P")
    samples: Any = field(count(), "samples a bin along each side", 2)

    def output(self, *inputs: Shape) -> Shape:
        channels = inputs[0][0]
        same = all(assumed("==", shape[0], channels) for shape in inputs)
        needs(same, "roi_align: all levels have as many channels as the first")
        return (channels, self.proposals * self.out, self.out)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        return {"sampled_elements": elements(output) * self.samples * self.samples}

    def run(self, ops: Paper, *levels: Value) -> Value:
        share, rest = divmod(self.proposals, len(levels))
        sampled = [self._regions(ops, x, share + (i < rest)) for i, x in enumerate(levels)]
        joined = ops.concat(*sampled, axis=2)
        shape, window = self.output(*(x.shape[1:] for x in levels)), (self.samples, self.samples)
        return ops.avg_pool(joined, (joined.shape[0], *shape), kernel=window, stride=window)

    def _regions(self, ops: Paper, x: Value, count: int) -> Value:
        side = self.out * self.samples
        places = ops.made((count * side, side, 2), by=("regions", count, side))
        return ops.sample(x, places, shape=(*x.shape[:2], count * side, side))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE
