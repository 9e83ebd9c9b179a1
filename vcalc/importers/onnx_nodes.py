"""Nodes of ONNX in the words of torch's operators, whose recipes make layers of them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from vcalc.importers.recording import Tensor

Sizes = tuple[int, ...]
Translated = list[tuple[str, dict[str, Any]]]


class Call(NamedTuple):
    """A node: its kind, attributes, inputs, those of them that are short constants, and the shapes that it makes."""

    kind: str
    attributes: dict[str, Any]
    given: list[Tensor | None]
    values: list[Any]
    shapes: list[Sizes | None]
    bias: Tensor | None = None

    def tensor(self, place: int) -> Tensor | None:
        """An input, if it is there."""
        return self.given[place] if place < len(self.given) else None

    def first(self) -> Tensor:
        """The first input."""
        found = self.given[0]
        assert found is not None
        return found

    def value(self, place: int) -> Any:
        """A short constant among the inputs, if it is one."""
        return self.values[place] if place < len(self.values) else None

    def made(self) -> Sizes:
        """The first shape that it makes."""
        found = self.shapes[0]
        assert found is not None
        return found


Translate = Callable[[Call], Translated | None]
_TRANSLATED: dict[str, Translate] = {}


def _for(*kinds: str) -> Callable[[Translate], Translate]:
    def enter(translate: Translate) -> Translate:
        _TRANSLATED.update(dict.fromkeys(kinds, translate))
        return translate

    return enter


def translated(call: Call) -> Translated | None:
    """The operators of torch that a node is; None for one that is called alike or not known."""
    translate = _TRANSLATED.get(call.kind)
    return translate(call) if translate else None


def _window(call: Call, axes: int) -> tuple[dict[str, Any], list[int]]:
    """Stride, dilation and padding of a window, and what is padded at the ends beyond what is at the beginnings."""
    read = call.attributes.get
    pads = list(read("pads", [0] * 2 * axes))
    auto = read("auto_pad", b"NOTSET")
    auto = auto.decode() if isinstance(auto, bytes) else auto
    before, after = pads[:axes], pads[axes:]
    fields = {"stride": list(read("strides", [1] * axes)), "dilation": list(read("dilations", [1] * axes))}
    if auto.startswith("SAME"):
        return {**fields, "padding": "same"}, [0] * axes
    least = [min(pair) for pair in zip(before, after, strict=True)]
    return {**fields, "padding": least}, [b + a - 2 * low for b, a, low in zip(before, after, least, strict=True)]


def _padded(tensor: Tensor, more: list[int]) -> Tensor:
    """A map with what is padded on one side only."""
    if not any(more):
        return tensor
    axes = len(more)
    sizes = [size + extra for size, extra in zip(tensor.shape[-axes:], more, strict=True)]
    return tensor._replace(shape=(*tensor.shape[:-axes], *sizes))


def _convolved(call: Call, weight: Tensor, bias: Tensor | None) -> Translated:
    axes = len(weight.shape) - 2
    if call.first().shape[1] != weight.shape[1] * call.attributes.get("group", 1):
        raise ValueError("the weight reads another number of channels")
    fields, more = _window(call, axes)
    given = {"input": _padded(call.first(), more), "weight": weight, "bias": bias, **fields}
    return [(f"conv{axes}d", {**given, "groups": call.attributes.get("group", 1)})]


@_for("Conv", "ConvInteger", "FusedConv")
def _conv(call: Call) -> Translated | None:
    weight = call.tensor(1)
    bias = call.tensor(2) if call.kind != "ConvInteger" else None
    return _convolved(call, weight, bias) if weight is not None and len(weight.shape) in (3, 4, 5) else None


@_for("QLinearConv")
def _quantized_conv(call: Call) -> Translated | None:
    weight = call.tensor(3)
    return _convolved(call, weight, call.tensor(8)) if weight is not None and len(weight.shape) in (3, 4, 5) else None


@_for("ConvTranspose")
def _conv_transpose(call: Call) -> Translated | None:
    weight = call.tensor(1)
    if weight is None or len(weight.shape) not in (3, 4, 5):
        return None
    axes = len(weight.shape) - 2
    read = call.attributes.get
    pads, strides, dilations = (read(name, [default] * n) for name, default, n in (
        ("pads", 0, 2 * axes), ("strides", 1, axes), ("dilations", 1, axes)))  # fmt: skip
    sizes, out = call.first().shape[2:], call.made()[2:]
    full = [
        (size - 1) * stride + dilation * (kernel - 1) + 1
        for size, stride, dilation, kernel in zip(sizes, strides, dilations, weight.shape[2:], strict=True)
    ]
    cut = [min(pads[axis], max(full[axis] - out[axis], 0) // 2) for axis in range(axes)]
    more = [out[axis] - full[axis] + 2 * cut[axis] for axis in range(axes)]
    given = {"input": call.first(), "weight": weight, "bias": call.tensor(2), "stride": list(strides)}
    extra = {"padding": cut, "output_padding": more, "dilation": list(dilations), "groups": read("group", 1)}
    return [(f"conv_transpose{axes}d", {**given, **extra})]


@_for("DeformConv")
def _deform_conv(call: Call) -> Translated | None:
    weight, offset, mask = call.tensor(1), call.tensor(2), call.tensor(4)
    if weight is None or offset is None or len(weight.shape) != 4:
        return None
    fields, more = _window(call, 2)
    given = {"input": _padded(call.first(), more), "weight": weight, "offset": offset, "bias": call.tensor(3)}
    window = {
        f"{called}_{axis}": fields[name][place]
        for name, called in (("stride", "stride"), ("padding", "pad"), ("dilation", "dilation"))
        for place, axis in enumerate("hw")
    }
    masks = {"use_mask": mask is not None, "mask": mask}
    return [("deform_conv2d", {**given, **window, **masks, "groups": call.attributes.get("group", 1)})]


@_for("GridSample")
def _grid_sample(call: Call) -> Translated | None:
    mode = call.attributes.get("mode", b"linear")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    numbers = {"linear": 0, "bilinear": 0, "nearest": 1}
    grid = call.tensor(1)
    if grid is None or mode not in numbers:
        return None
    return [("grid_sampler", {"input": call.first(), "grid": grid, "interpolation_mode": numbers[mode]})]


@_for("Gemm", "FusedGemm")
def _gemm(call: Call) -> Translated | None:
    left, right = call.tensor(0), call.tensor(1)
    if left is None or right is None:
        return None
    left = _turned(left) if call.attributes.get("transA", 0) else left
    right = right if call.attributes.get("transB", 0) else _turned(right)
    if right.parameters:
        return [("linear", {"input": left, "weight": right, "bias": call.tensor(2)})]
    product: Translated = [("mm", {"self": left, "mat2": _turned(right)})]
    return [*product, ("add", {"self": call.tensor(2)})] if call.tensor(2) else product


@_for("MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul")
def _matmul(call: Call) -> Translated | None:
    left, right = call.tensor(0), call.tensor(3 if call.kind == "QLinearMatMul" else 1)
    if left is None or right is None:
        return None
    if right.parameters and len(right.shape) == 2:
        return [("linear", {"input": left, "weight": _turned(right), "bias": call.bias})]
    return [("matmul", {"self": left, "other": right})]


@_for("Einsum")
def _einsum(call: Call) -> Translated | None:
    equation = call.attributes.get("equation", b"")
    text = (equation.decode() if isinstance(equation, bytes) else equation).replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if not arrow or "." in text or len(terms) != 2 or len(call.given) != 2 or None in call.given:
        return None
    sizes: dict[str, int] = {}
    for term, tensor in zip(terms, call.given, strict=True):
        assert tensor is not None
        if len(term) != len(tensor.shape):
            return None
        sizes |= dict(zip(term, tensor.shape, strict=True))
    summed = prod(size for letter, size in sizes.items() if letter not in right)
    first, second = call.given
    assert first is not None
    assert second is not None
    return [("matmul", {"self": first._replace(shape=(prod(first.shape) // summed, summed)), "other": second})]


def _turned(tensor: Tensor) -> Tensor:
    return tensor._replace(shape=(*tensor.shape[:-2], *tensor.shape[:-3:-1]))


@_for("BatchNormalization")
def _batch_norm(call: Call) -> Translated:
    names = ("input", "weight", "bias", "running_mean", "running_var")
    return [("batch_norm", dict(zip(names, call.given, strict=False)))]


@_for("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization")
def _layer_norm(call: Call) -> Translated:
    shape = call.first().shape
    axis = call.attributes.get("axis", -1) % len(shape)
    given = {"input": call.first(), "normalized_shape": list(shape[axis:]), "weight": call.tensor(1)}
    if call.kind != "LayerNormalization":
        return [("rms_norm", given)]
    return [("layer_norm", {**given, "bias": call.tensor(2)})]


@_for("SkipLayerNormalization", "SkipSimplifiedLayerNormalization")
def _skip_layer_norm(call: Call) -> Translated:
    """Two tensors added, and normed."""
    simple = "Simplified" in call.kind
    added: Translated = [
        ("add", {"self": call.first(), "other": call.tensor(1), "bias": call.tensor(3 if simple else 4)})
    ]
    given = {"input": call.first(), "normalized_shape": [call.first().shape[-1]], "weight": call.tensor(2)}
    return [*added, ("rms_norm", given) if simple else ("layer_norm", {**given, "bias": call.tensor(3)})]


@_for("GroupNormalization")
def _group_norm(call: Call) -> Translated:
    groups = call.attributes.get("num_groups", 1)
    return [
        ("group_norm", {"input": call.first(), "num_groups": groups, "weight": call.tensor(1), "bias": call.tensor(2)})
    ]


@_for("InstanceNormalization")
def _instance_norm(call: Call) -> Translated:
    return [("instance_norm", {"input": call.first(), "weight": call.tensor(1), "bias": call.tensor(2)})]


@_for("MaxPool", "AveragePool")
def _pool(call: Call) -> Translated | None:
    kernel = list(call.attributes.get("kernel_shape", []))
    axes = len(kernel)
    if axes not in (1, 2, 3):
        return None
    fields, more = _window(call, axes)
    given = {
        "input": _padded(call.first(), more),
        "kernel_size": kernel,
        "ceil_mode": call.attributes.get("ceil_mode", 0),
        "count_include_pad": call.attributes.get("count_include_pad", 0),
        **fields,
    }
    return [(f"{'max' if call.kind == 'MaxPool' else 'avg'}_pool{axes}d", given)]


@_for("GlobalAveragePool", "QLinearGlobalAveragePool")
def _global_pool(call: Call) -> Translated | None:
    axes = len(call.first().shape) - 2
    given = {"input": call.first(), "output_size": [1] * axes}
    return [(f"adaptive_avg_pool{axes}d", given)] if axes in (1, 2, 3) else None


@_for("ReduceMean")
def _mean(call: Call) -> Translated:
    axes = call.attributes.get("axes")
    axes = call.value(1) if axes is None else axes
    given = {"self": call.first(), "keepdim": bool(call.attributes.get("keepdims", 1))}
    return [("mean", {**given, "dim": [int(axis) for axis in axes] if axes is not None else None})]


@_for("Softmax", "LogSoftmax")
def _softmax(call: Call) -> Translated:
    return [("softmax", {"input": call.first(), "dim": call.attributes.get("axis", -1)})]


@_for("Clip")
def _clip(call: Call) -> Translated | None:
    low, high = (call.attributes.get(name, call.value(place)) for name, place in (("min", 1), ("max", 2)))
    if low is not None and high is not None and (float(low), float(high)) == (0.0, 6.0):
        return [("relu6", {"input": call.first()})]
    return None


@_for("PRelu")
def _prelu(call: Call) -> Translated:
    slope = call.tensor(1)
    assert slope is not None
    flat = slope._replace(shape=(prod(slope.shape),))
    return [("prelu", {"input": call.first(), "weight": flat})]


@_for("Resize", "Upsample")
def _resize(call: Call) -> Translated | None:
    mode = call.attributes.get("mode", b"nearest")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    axes = len(call.first().shape) - 2
    names = {"nearest": "nearest", "linear": {1: "linear", 2: "bilinear", 3: "trilinear"}.get(axes), "cubic": "bicubic"}
    name = names.get(mode)
    if axes not in (1, 2, 3) or name is None or (name == "bicubic" and axes != 2):
        return None
    return [(f"upsample_{name}{axes}d", {"input": call.first(), "output_size": list(call.made()[2:])})]


@_for("Attention")
def _attention(call: Call) -> Translated | None:
    """Scaled dot-product attention as ONNX has it since opset 23: heads apart, or along the features."""
    tensors = [call.tensor(place) for place in range(3)]
    if None in tensors or "num_heads" in call.attributes:
        return _of_microsoft(call)
    heads = (call.attributes.get("q_num_heads"), *[call.attributes.get("kv_num_heads")] * 2)
    parts = [_in_heads(tensor, count) for tensor, count in zip(tensors, heads, strict=True)]
    causal = bool(call.attributes.get("is_causal", 0))
    return [
        (
            "scaled_dot_product_attention",
            {**dict(zip(("query", "key", "value"), parts, strict=True)), "is_causal": causal},
        )
    ]


def _in_heads(tensor: Tensor | None, count: Any) -> Tensor:
    assert tensor is not None
    if len(tensor.shape) != 3 or not count:
        return tensor
    batch, tokens, width = tensor.shape
    return tensor._replace(shape=(batch, count, tokens, width // count))


def _of_microsoft(call: Call) -> Translated | None:
    """onnxruntime's attention with its projection: queries, keys and values of one matrix."""
    x, weight, bias = (call.tensor(place) for place in range(3))
    heads = call.attributes.get("num_heads")
    if x is None or weight is None or not heads or len(x.shape) != 3:
        return None
    batch, tokens, _ = x.shape
    part = x._replace(shape=(batch, heads, tokens, weight.shape[-1] // 3 // heads), parameters=())
    projected: Translated = [("linear", {"input": x, "weight": _turned(weight), "bias": bias})]
    return [*projected, ("scaled_dot_product_attention", {"query": part, "key": part, "value": part})]


@_for("MultiHeadAttention")
def _multi_head(call: Call) -> Translated | None:
    tensors, heads = [call.tensor(place) for place in range(3)], call.attributes.get("num_heads")
    if None in tensors or not heads:
        return None
    parts = dict(zip(("query", "key", "value"), (_in_heads(tensor, heads) for tensor in tensors), strict=True))
    return [("scaled_dot_product_attention", parts)]


@_for("LSTM", "GRU", "RNN")
def _recurrent(call: Call) -> Translated | None:
    """All steps of a direction: what arrives and the state, each by its own matrix."""
    weights, again = call.tensor(1), call.tensor(2)
    if weights is None or again is None:
        return None
    length, batch, width = call.first().shape
    directions, _, state = again.shape
    rows = call.first()._replace(shape=(length * batch * directions, width))
    states = call.first()._replace(shape=(length * batch * directions, state))
    return [
        ("linear", {"input": rows, "weight": weights._replace(shape=weights.shape[1:]), "bias": call.tensor(3)}),
        ("linear", {"input": states, "weight": again._replace(shape=again.shape[1:]), "bias": None}),
    ]


READS_SHAPES = frozenset(_TRANSLATED)
"""What cannot be counted without the shapes that arrive."""


@_for("BiasGelu")
def _bias_gelu(call: Call) -> Translated:
    return [("add", {"self": call.first(), "other": call.tensor(1)}), ("gelu", {"input": call.first()})]
