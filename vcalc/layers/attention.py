"""Self-attention over tokens, and within windows of a map. Projections, products, softmax and bias are kept apart."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, ceil_div, certainly_equal, minimum, product
from vcalc.layers.base import MAP, TOKENS, Layer, needs, needs_division
from vcalc.layers.fields import FLAG, count, field, flag_or, size2d
from vcalc.layers.tensors import GRADIENT, OUTPUT, STATISTIC, Gradient, Step, Stored, Tensor
from vcalc.layers.windows import EVERYWHERE, Reads, Window


def _attention_parameters(width: Number, inner: Number, layer: Any) -> dict[str, Number]:
    """Query, key and value projections [width, 3 inner] and the output projection [inner, width]."""
    parameters = {"weight": width * 3 * inner + inner * width}
    bias = _qkv_biases(layer) * inner + (width if layer.out_bias else 0)
    return {**parameters, "bias": bias} if layer.qkv_bias or layer.out_bias else parameters


def _qkv_biases(layer: Any) -> int:
    """How many of queries, keys and values have a bias; a key's has no effect on a softmax."""
    return 2 if layer.qkv_bias == "qv" else 3 * bool(layer.qkv_bias)


def _attention_work(tokens: Number, windows: Number, width: Number, inner: Number, layer: Any) -> dict[str, Number]:
    """One forward pass over `windows` separate groups of `tokens` tokens (Vaswani et al. 2017, section 3.2)."""
    parameters = _attention_parameters(width, inner, layer)
    positions = windows * tokens
    pairs = windows * (tokens * tokens)
    scores = layer.heads * pairs
    work = {
        "multiply_adds": positions * parameters["weight"],
        "product_multiply_adds": 2 * (pairs * inner),
        "multiplications": positions * inner,
        "exponentials": scores,
        "softmax_additions": scores - layer.heads * positions,
        "divisions": scores,
        "projected_elements": positions * (3 * inner + width),
        "product_elements": scores + positions * inner,
        "leading_parameters": windows * (parameters["weight"] + parameters.get("bias", 0)),
    }
    if "bias" in parameters:
        work["bias_additions"] = positions * parameters["bias"]
    if layer.qkv_bias:
        work["qkv_bias_additions"] = positions * (_qkv_biases(layer) * inner)
    return work


def _of_out(width: Number, inner: Number, layer: Any) -> Tensor:
    """The gradient of the output projection's parameters, which are the first that backward comes to."""
    count = inner * width + (width if layer.out_bias else 0)
    return Tensor("gradient of the output projection", count, per_image=False)


class Attention(Layer, kind="attention"):
    """Multi-head self-attention over all tokens, its four projections included."""

    source = "Vaswani et al. 2017, section 3.2; Dosovitskiy et al. 2021, appendix A"
    accepts = (TOKENS,)
    weighted_layers = 2
    forms = ("mha", "sdpa", "timm", "matmul", "operator")

    heads: Any = field(count(), "attention heads", symbol="h")
    head_dim: Any = field(count(), "width of one head; D / heads where not given", None, "d")
    qkv_bias: Any = field(flag_or("qv"), "whether query, key and value have a bias; qv: all but the key", True)
    out_bias: Any = field(FLAG, "whether the output projection has a bias", True)

    def output(self, *inputs: Shape) -> Shape:
        if self.head_dim is None:
            needs_division("attention: width into heads", inputs[0][1], self.heads, "heads")
        return inputs[0]

    def _inner(self, width: Number) -> Number:
        return width if self.head_dim is None else self.heads * self.head_dim

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        width = inputs[0][1]
        return _attention_parameters(width, self._inner(width), self)

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        tokens, width = inputs[0]
        return _attention_work(tokens, 1, width, self._inner(width), self)

    def _made(self, input: Shape) -> tuple[Tensor, ...]:
        """Queries, keys and values in one tensor, the weighted values, and the logarithms of the softmax's sums."""
        tokens, inner = input[0], self._inner(input[1])
        return (
            Tensor("queries, keys and values", tokens * (3 * inner)),
            Tensor("weighted values", tokens * inner),
            Tensor("log-sum-exp", self.heads * tokens, STATISTIC),
        )

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        return (0, *self._made(inputs[0]))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        projected, weighted, sums = self._made(inputs[0])
        return ((projected,), (projected, weighted, sums), (projected, weighted, OUTPUT))

    def gradient_steps(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Step, ...]:
        projected, weighted, sums = self._made(inputs[0])
        of_weighted = Tensor("gradient of the weighted values", weighted.elements)
        of_heads = Tensor("gradients of queries, keys and values", projected.elements)
        of_projected = Tensor("gradient of the projection", projected.elements)
        of_out = _of_out(output[1], self._inner(output[1]), self)
        return (
            (0, projected, weighted, sums, GRADIENT, of_weighted, of_out),
            (0, projected, weighted, sums, of_weighted, of_heads, of_out),
            (0, of_heads, of_projected, of_out),
            (0, of_projected, Gradient(0)),
        )

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class WindowAttention(Layer, kind="window_attention"):
    """Self-attention inside windows of a map that is padded to whole windows; `shift` moves the windows."""

    source = (
        "Liu et al. 2021 (Swin), section 3.2; cosine, position_mlp: Liu et al. 2022 (Swin V2), sections 3.2 and 3.3;"
        " one_hot_lookup: Tu et al. 2022 (MaxViT), the authors' attention_utils.py"
    )
    accepts = (MAP,)
    weighted_layers = 2
    forms = ("modules", "matmul", "sdpa", "functional")

    heads: Any = field(count(), "attention heads", symbol="h")
    window: Any = field(size2d(), "window height and width", symbol="M")
    shift: Any = field(size2d(0), "cyclic shift of the windows", 0)
    qkv_bias: Any = field(flag_or("qv"), "whether query, key and value have a bias; qv: all but the key", True)
    out_bias: Any = field(FLAG, "whether the output projection has a bias", True)
    relative_position_bias: Any = field(FLAG, "whether each head learns a bias for each relative position", True)
    position_mlp: Any = field(
        count(0), "hidden width of an MLP that makes those biases; 0: each is learned by itself", 0
    )
    one_hot_lookup: Any = field(
        FLAG, "whether products with zeros and ones, first of rows, then of columns, look those biases up", False
    )
    cosine: Any = field(FLAG, "whether scores are cosines, times a trained factor a head", False)

    def output(self, *inputs: Shape) -> Shape:
        needs_division("window_attention: channels into heads", inputs[0][0], self.heads, "heads")
        needs(
            bool(self.relative_position_bias or not self._makes_biases),
            "window_attention: position_mlp makes relative position biases, which are off",
            "position_mlp",
        )
        needs(
            bool(not self.one_hot_lookup or (self.relative_position_bias and not self._makes_biases)),
            "window_attention: one_hot_lookup is for biases that are learned by themselves",
            "one_hot_lookup",
        )
        return inputs[0]

    @property
    def _makes_biases(self) -> bool:
        return not certainly_equal(self.position_mlp, 0)

    def _offsets(self) -> Number:
        return product(2 * size - 1 for size in self.window)

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        channels = inputs[0][0]
        parameters = _attention_parameters(channels, channels, self)
        if self._makes_biases:
            parameters["weight"] = parameters["weight"] + self.position_mlp * (2 + self.heads)
            parameters["bias"] = parameters.get("bias", 0) + self.position_mlp
        elif self.relative_position_bias:
            parameters["relative_position_bias"] = self._offsets() * self.heads
        if self.cosine:
            parameters["logit_scale"] = self.heads
        return parameters

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        tokens = product(self.window)
        if self.one_hot_lookup:
            return {"one_hot_positions": sum(size * size * (2 * size - 1) for size in self.window)}
        found = {"relative_position_index": tokens * tokens} if self.relative_position_bias else {}
        return {**found, "relative_coordinates": 2 * self._offsets()} if self._makes_biases else found

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        channels, height, width = inputs[0]
        windows = product(self._windows(inputs[0]))
        work = _attention_work(product(self.window), windows, channels, channels, self)
        if self.relative_position_bias:
            work["additions"] = work["exponentials"]
        if self._makes_biases:
            work["table_multiply_adds"] = self._offsets() * (self.position_mlp * (2 + self.heads))
        if self.one_hot_lookup:
            rows, columns = self.window
            of_rows = self.heads * (rows * rows * (2 * columns - 1))
            work["lookup_multiply_adds"] = of_rows * (2 * rows - 1 + columns * columns)
            work["lookup_elements"] = of_rows + self.heads * (rows * rows * columns * columns)
        if self.cosine:
            # Squares and quotients of queries and keys, and each score by its head's factor.
            work["multiplications"] = 4 * work["multiplications"] + work["exponentials"]
        positions, side = height * width, minimum(height, width)
        reads = product(minimum(size, side) for size in self.window)
        work["unpadded_multiply_adds"] = positions * (4 * channels * channels)
        work["unpadded_product_multiply_adds"] = 2 * (positions * (reads * channels))
        return work

    def _windows(self, input: Shape) -> tuple[Number, Number]:
        """How many windows lie one below the other, and side by side."""
        return ceil_div(input[1], self.window[0]), ceil_div(input[2], self.window[1])

    def _padded(self, input: Shape) -> tuple[Number, Number]:
        """Height and width of the map in whole windows."""
        down, across = self._windows(input)
        return down * self.window[0], across * self.window[1]

    def _shifts(self, input: Shape) -> bool:
        """Whether the windows move: a map of one window stays."""
        counts = self._windows(input)
        return any(not (certainly_equal(self.shift[axis], 0) or certainly_equal(counts[axis], 1)) for axis in (0, 1))

    def _made(self, input: Shape) -> dict[str, Tensor]:
        """The tensors between the operators, by name. Products of two tensors copy both so that heads come first."""
        channels, tokens = input[0], product(self.window)
        positions = product(self._padded(input))
        windows = product(self._windows(input))
        pairs = windows * (tokens * tokens)
        names = ("padded", "windows", "scaled", "queries", "keys", "values", "weighted", "flat", "projected")
        made = {name: Tensor(name, positions * channels) for name in names}
        made["all"] = Tensor("queries, keys and values", positions * (3 * channels))
        made |= {name: Tensor(name, self.heads * pairs) for name in ("scores", "biased", "masked", "softmax")}
        made |= {name: Tensor(name, positions * channels) for name in ("normal_queries", "normal_keys")}
        made["cosines"] = Tensor("cosines", self.heads * pairs)
        for name in ("query_lengths", "key_lengths", "query_divisors", "key_divisors"):
            made[name] = Tensor(name, self.heads * positions)
        made["factor"] = Tensor("factor", self.heads, per_image=False)
        for name in ("bias", "sigmoid", "scaled_bias"):
            made[name] = Tensor(name, self.heads * (tokens * tokens), per_image=False)
        rows, columns = self.window
        made["of_rows"] = Tensor("of_rows", self.heads * (rows * rows * (2 * columns - 1)), per_image=False)
        made["looked_up"] = made["bias"]._replace(name="looked_up")
        made["hidden"] = Tensor("hidden", self.position_mlp * self._offsets(), per_image=False)
        made["mask"] = Tensor("mask", pairs, per_image=False)
        return made

    def storage(self, inputs: tuple[Shape, ...], output: Shape) -> Number:
        return product((output[0], *self._padded(inputs[0])))

    def saved(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Stored, ...]:
        made = self._made(inputs[0])
        return tuple(made[name] for name in ("windows", "queries", "keys", "values", "softmax", "flat", *self._extra()))

    def _extra(self) -> tuple[str, ...]:
        """What cosines and made biases save beside the rest."""
        lengths = ("query_lengths", "key_lengths", "query_divisors", "key_divisors")
        cosine = ("all", *lengths, "cosines", "factor") if self.cosine else ()
        return (*cosine, *(("hidden", "sigmoid") if self._makes_biases else ()))

    def steps(self, inputs: tuple[Shape, ...], output: Shape, training: bool) -> tuple[Step, ...]:
        made = self._made(inputs[0])
        one_across = certainly_equal(self._windows(inputs[0])[1], 1)
        steps = ["windows" if one_across and not self._shifts(inputs[0]) else "padded windows", "windows all"]
        scores, beside = "scores", "windows all"
        if self.cosine:
            steps.append("windows all normal_queries normal_keys queries keys cosines")
            steps.append("windows all cosines factor scores")
        else:
            steps.append("windows all scaled queries keys scores")
        if self.one_hot_lookup:
            steps.append(f"{beside} {scores} of_rows looked_up bias")
        for wanted, term, result in (
            (self.relative_position_bias, "bias", "biased"),
            (self._shifts(inputs[0]), "mask", "masked"),
        ):
            if wanted:
                beside += f" {term}"
                made_here = " scaled_bias" if term == "bias" and self._makes_biases else ""
                steps.append(f"{beside}{made_here} {scores} {result}")
                scores = result
        after = f"{beside.removeprefix('windows ')} {scores}"
        steps += [f"{beside} {scores} softmax", f"{beside} {scores} softmax values weighted"]
        steps.append(f"{beside} {scores} weighted flat")
        # One window across needs no copy to be put back: the projection is the output.
        stays = one_across and not self._shifts(inputs[0])
        steps += [f"{after} flat output"] if stays else [f"{after} flat projected", f"{after} projected output"]
        made["output"] = OUTPUT
        return tuple(tuple(made[name] for name in step.split()) for step in steps)

    def gradient_steps(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[Step, ...]:
        made = self._made(inputs[0])

        def step(saved: str, gradients: str) -> Step:
            of = (made[name] for name in gradients.split())
            return (
                *(made[name] for name in saved.split()),
                *(each._replace(name=f"gradient of {each.name}") for each in of),
            )

        of_out = _of_out(output[0], output[0], self)
        extra = " ".join(("", *self._extra()))
        normal = " normal_queries normal_keys" if self.cosine else ""
        return (
            (*step(f"windows queries keys values softmax flat{extra}", "projected flat"), GRADIENT, of_out),
            (*step(f"windows queries keys values softmax{extra}", "flat values softmax"), of_out),
            (*step(f"windows queries keys softmax{extra}", "values softmax scores"), of_out),
            (*step(f"windows queries keys{extra}", "values scores queries keys"), of_out),
            (*step(f"windows{extra}", f"values queries keys all{normal}"), of_out),
            step("windows", "all windows"),
            (*step("", "windows"), Gradient(0)),
        )

    def reach(self, input: Shape) -> Window:
        axes = zip(self._windows(input), self.window, self.shift, strict=True)
        return Window(tuple(_own_window(*axis) for axis in axes))


def _own_window(count: Number, size: Number, shift: Number) -> Reads | None:
    """Along one axis of `count` windows an element reads the window that it lies in; a single one is not shifted."""
    if certainly_equal(count, 1):
        return None
    return Reads(-shift, -shift, parts=size, block=size, start=shift, end=shift + size - 1)
