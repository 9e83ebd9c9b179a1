"""How each layer kind is written in torch: one function a kind, from a layer and its shapes to a line of Python.

What is validated is what is exported: both are made from these lines. Names and words of a spec never reach them, only
numbers, truth values and the words of a field's own list.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import chain
from typing import Any, NamedTuple

from vcalc.arithmetic import Shape
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.attention import PRODUCTS
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, names_of, rank
from vcalc.layers.base import channels_first, put_back, put_last
from vcalc.layers.conv import leading_pad
from vcalc.layers.moved import Moved


class Code(NamedTuple):
    """A module's construction (none for an operation without one), and its call on the inputs {0}, {1}, ..."""

    make: str
    call: str = "{self}({0})"


Builder = Callable[[Any, tuple[Shape, ...], Shape], Code]

BUILDERS: dict[str, Builder] = {}
"""A builder for each layer kind."""


def code_of(facts: Facts) -> Code:
    """A layer of known sizes, written in torch."""
    code = BUILDERS[facts.layer.kind](facts.layer, facts.inner, facts.made)
    for number in facts.front.lacking:
        one = f"{{{number}}}.repeat_interleave({facts.front.times}, 0)"
        code = Code(code.make, code.call.replace(f"{{{number}}}", one))
    return code


def _builds(*kinds: str) -> Callable[[Builder], Builder]:
    def enter(builder: Builder) -> Builder:
        for kind in kinds:
            BUILDERS[kind] = builder
        return builder

    return enter


def _each(value: Any) -> str:
    """A number for each axis."""
    return str(tuple(map(int, value)))


def _axes(value: Any) -> str:
    """The same as torch takes it: one number where all are the same."""
    return str(int(value[0])) if len(set(value)) == 1 else _each(value)


def _unless_all(value: Any, usual: int) -> str:
    """The same, or nothing where all are the usual number."""
    return _unless(set(value), {usual}, _axes(value))


def _behind(input: Shape, axes: tuple[int, ...] = (0,), merged: bool = False) -> str:
    """A call on a tensor whose channels, or other axes, are last there, perhaps merged into one."""
    order = put_last(len(input) + 1, axes)
    turned = order != tuple(range(len(order)))
    call = f"{{0}}.permute{order}" if turned else "{0}"
    if merged:
        first = len(order) - len(axes)
        call = f"{{self}}({call}.flatten({first})).unflatten({first}, {_each(input[axis] for axis in axes)})"
    else:
        call = f"{{self}}({call})"
    return f"{call}.permute{put_back(order)}" if turned else call


def _arguments(positional: tuple[Any, ...], **named: Any) -> str:
    """Arguments of a call; named ones that are empty are left out."""
    return ", ".join([*map(str, positional), *(f"{name}={value}" for name, value in named.items() if value != "")])


def _unless(value: Any, usual: Any, text: str) -> str:
    return "" if value == usual else text


@_builds("conv")
def _conv(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    same = isinstance(layer.pad, str) and not layer.even_same
    pad = (0,) * len(layer.kernel) if same else leading_pad(layer, inputs[0])
    bias = bool(layer.bias)
    if layer.connections:
        rows = tuple(tuple(int(index) for index in row) for row in layer.connections)
        window = ", ".join(map(_each, (layer.kernel, layer.stride, pad, layer.dilation)))
        made = f"ConnectedConv({rows}, {window}, {bias})"
    else:
        arguments = _arguments(
            (inputs[0][0], layer.out, _axes(layer.kernel)),
            stride=_unless_all(layer.stride, 1),
            padding=_unless_all(pad, 0),
            dilation=_unless_all(layer.dilation, 1),
            groups=_unless(layer.groups, 1, str(layer.groups)),
            bias=_unless(bias, True, "False"),
        )
        made = f"nn.Conv{len(pad)}d({arguments})"
        if layer.standardized:
            made = f"StandardizedConv({_arguments((made,), gain=_unless(bool(layer.gain), False, 'True'))})"
    if not same:
        return Code(made)
    window = ", ".join(map(_each, (layer.kernel, layer.stride, layer.dilation)))
    return Code(f"nn.Sequential(SamePad({window}), {made})")


@_builds("conv_transpose")
def _conv_transpose(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    arguments = _arguments(
        (inputs[0][0], layer.out, _axes(layer.kernel)),
        stride=_unless_all(layer.stride, 1),
        padding=_unless_all(layer.pad, 0),
        output_padding=_unless_all(layer.output_pad, 0),
        groups=_unless(layer.groups, 1, str(layer.groups)),
        bias=_unless(bool(layer.bias), True, "False"),
        dilation=_unless_all(layer.dilation, 1),
    )
    return Code(f"nn.ConvTranspose{len(layer.kernel)}d({arguments})")


@_builds("maxpool", "avgpool")
def _pool(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    same = isinstance(layer.pad, str)
    average = layer.kind == "avgpool"
    window = f"{_each(layer.kernel)}, {_each(layer.stride)}"
    if same and average and not layer.count_pad:
        return Code(f"AvgPoolInside({window}, {bool(layer.ceil_mode)})")
    arguments = _arguments(
        (_axes(layer.kernel),),
        stride=_axes(layer.stride),
        padding="" if same else _unless_all(layer.pad, 0),
        ceil_mode=_unless(bool(layer.ceil_mode), False, "True"),
        count_include_pad="False" if average and not layer.count_pad else "",
    )
    made = f"nn.{'Avg' if average else 'Max'}Pool{len(layer.kernel)}d({arguments})"
    if not same:
        return Code(made)
    value = "" if average else ", value=float('-inf')"
    return Code(f"nn.Sequential(SamePad({window}{value}), {made})")


@_builds("global_avgpool")
def _global_avgpool(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    if rank(inputs[0]) == MAP:
        return Code(
            f"nn.AdaptiveAvgPool{len(inputs[0]) - 1}d(1)",
            "{self}({0})" if layer.keep_dims else "{self}({0}).flatten(1)",
        )
    return Code("", f"{{0}}.mean(1, keepdim={bool(layer.keep_dims)})")


@_builds("adaptive_avgpool", "adaptive_maxpool")
def _adaptive(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    kind = "Avg" if layer.kind == "adaptive_avgpool" else "Max"
    return Code(f"nn.Adaptive{kind}Pool{len(layer.out)}d({_each(layer.out)})")


@_builds("subsample")
def _subsample(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"Subsample({inputs[0][0]}, {layer.kernel})")


@_builds("linear", "pointwise_linear")
def _linear(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    on_map = layer.kind == "pointwise_linear"
    width = inputs[0][0] if on_map else inputs[0][-1]
    if layer.bias == "qv":
        buffer = _unless(layer.form == "functional", False, "True")
        return Code(f"QKVLinear({_arguments((width, layer.out // 3), key_bias=buffer)})")
    bias = _unless(bool(layer.bias), True, "False")
    if layer.form == "conv" and on_map:
        return Code(f"nn.Conv{len(inputs[0]) - 1}d({_arguments((width, layer.out, 1), bias=bias)})")
    arguments = _arguments((width, layer.out), bias=bias)
    return Code(f"nn.Linear({arguments})", _behind(inputs[0]) if on_map else "{self}({0})")


@_builds("radial_basis")
def _radial_basis(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"RadialBasis({inputs[0][0]}, {layer.out})")


@_builds("batchnorm", "instancenorm")
def _batchnorm(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    shape = inputs[0]
    if layer.kind == "instancenorm":
        return Code(
            f"nn.InstanceNorm{len(shape) - 1}d({_arguments((shape[0],), affine=_unless(layer.affine, False, 'True'))})"
        )
    affine = _unless(layer.affine, True, "False")
    axes = len(shape) - 1 if rank(shape) == MAP else 1
    return Code(f"nn.BatchNorm{axes}d({_arguments((shape[0],), affine=affine)})")


@_builds("layernorm", "rmsnorm")
def _along_axes(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    axes, of = layer.axes(inputs[0]), "LayerNorm" if layer.kind == "layernorm" else "RMSNorm"
    affine = _unless(layer.affine, True, "False")
    sizes = inputs[0][axes[0]] if len(axes) == 1 else _each(inputs[0][axis] for axis in axes)
    return Code(f"nn.{of}({_arguments((sizes,), elementwise_affine=affine)})", _behind(inputs[0], axes))


@_builds("groupnorm")
def _groupnorm(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    on_map = rank(inputs[0]) == MAP
    affine = _unless(layer.affine, True, "False")
    arguments = _arguments((layer.groups, inputs[0][0] if on_map else inputs[0][-1]), affine=affine)
    call = "{self}({0})" if on_map else "{self}({0}.transpose(1, 2)).transpose(1, 2)"
    return Code(f"nn.GroupNorm({arguments})", call)


@_builds("local_response_norm")
def _local_response_norm(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"nn.LocalResponseNorm({layer.size})")


@_builds("layer_scale")
def _layer_scale(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    on_map = channels_first(inputs[0])
    if layer.constant is not None:
        return Code("", f"{{0}} * {layer.constant!r}")
    width = 1 if layer.shared else inputs[0][0] if on_map else inputs[0][-1]
    return Code(f"LayerScale({width}, {len(inputs[0]) - 1 if on_map else 0})")


@_builds("global_response_norm")
def _global_response_norm(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"GlobalResponseNorm({inputs[0][0]}, {len(inputs[0]) - 1})")


ACTIVATIONS = {
    "relu": "nn.ReLU()",
    "relu6": "nn.ReLU6()",
    "leaky_relu": "nn.LeakyReLU()",
    "gelu": "nn.GELU()",
    "silu": "nn.SiLU()",
    "hardswish": "nn.Hardswish()",
    "sigmoid": "nn.Sigmoid()",
    "hardsigmoid": "nn.Hardsigmoid()",
    "tanh": "nn.Tanh()",
}


@_builds(*ACTIVATIONS)
def _activation(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(ACTIVATIONS[layer.kind])


@_builds("prelu")
def _prelu(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    if layer.shared or rank(inputs[0]) != TOKENS:
        return Code(f"nn.PReLU({1 if layer.shared else inputs[0][0]})")
    return Code(f"nn.PReLU({inputs[0][1]})", "{self}({0}.transpose(1, 2)).transpose(1, 2)")


@_builds("softmax")
def _softmax(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    if layer.over == "groups":
        axis = 2 if rank(inputs[0]) == TOKENS else 1
        call = f"{{self}}({{0}}.unflatten({axis}, ({layer.groups}, -1))).flatten({axis}, {axis + 1})"
        return Code(f"nn.Softmax(dim={axis})", call)
    axes = layer.axes(inputs[0])
    if len(axes) > 1:
        return Code("nn.Softmax(dim=-1)", _behind(inputs[0], axes, merged=True))
    return Code(f"nn.Softmax(dim={-1 if axes[0] == len(inputs[0]) - 1 else axes[0] + 1})")


@_builds("dropout")
def _dropout(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"nn.Dropout({float(layer.p)})")


@_builds("drop_path")
def _drop_path(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"DropPath({float(layer.p)})")


@_builds("attention")
def _attention(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    width = inputs[0][1]
    head_dim = layer.head_dim if layer.head_dim is not None else width // layer.heads
    biases = {"qkv_bias": layer.qkv_bias, "out_bias": bool(layer.out_bias)}
    named = {name: _unless(value, True, repr(value)) for name, value in biases.items()}
    named["key_bias"] = _unless("key_bias" in Facts(layer, inputs).buffers, False, "True")
    named["fused"] = _unless(layer.form in PRODUCTS, False, "False")
    return Code(f"Attention({_arguments((width, layer.heads, head_dim), **named)})")


@_builds("window_attention")
def _window_attention(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    names = ("out_bias", "relative_position_bias")
    named = {name: _unless(bool(getattr(layer, name)), True, "False") for name in names}
    named["qkv_bias"] = _unless(layer.qkv_bias, True, repr(layer.qkv_bias))
    named["position_mlp"] = _unless(layer.position_mlp, 0, str(layer.position_mlp))
    for name in ("cosine", "one_hot_lookup"):
        named[name] = _unless(bool(getattr(layer, name)), False, "True")
    buffers = Facts(layer, inputs).buffers
    named["key_bias"] = _unless("key_bias" in buffers, False, "True")
    named["mask_of"] = _unless("attention_mask" in buffers, False, _each(inputs[0][1:]))
    shift = _unless(layer.shift, (0, 0), _each(layer.shift))
    arguments = _arguments((inputs[0][0], layer.heads, _each(layer.window)), shift=shift, **named)
    return Code(f"WindowAttention({arguments})")


@_builds("unfold")
def _unfold(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    if len(layer.kernel) == 2:
        window = _arguments((_axes(layer.kernel),), stride=_axes(layer.stride), padding=_axes(layer.pad))
        return Code("", f"F.unfold({{0}}, {window}).transpose(1, 2)")
    return Code(f"Unfold({', '.join(map(_each, (layer.kernel, layer.stride, layer.pad)))})")


@_builds("rotary_embedding")
def _rotary_embedding(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    _, tokens, width = inputs[0]
    named = {"skip": _unless(layer.skip, 0, str(layer.skip)), "bands": _unless(layer.form == "timm", False, "True")}
    return Code(f"RotaryEmbedding({_arguments((tokens, width), **named)})")


@_builds("random_features")
def _random_features(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"RandomFeatures({inputs[0][1]}, {layer.count})")


@_builds("linear_attention")
def _linear_attention(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code("LinearAttention()", "{self}({0}, {1}, {2})")


@_builds("pool_heads")
def _pool_heads(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    sizes = (inputs[0][2], layer.height, layer.kernel, layer.stride)
    return Code(f"PoolHeads({_arguments(sizes, skip=_unless(layer.skip, 0, str(layer.skip)))})")


@_builds("relative_attention")
def _relative_attention(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    query, key = (
        f"({rows}, {(shape[1] - layer.skip) // rows})"
        for shape, rows in zip(inputs, (layer.query_rows, layer.key_rows), strict=False)
    )
    arguments = _arguments((inputs[0][2], query, key), skip=_unless(layer.skip, 0, str(layer.skip)))
    return Code(f"RelativeAttention({arguments})", "{self}({0}, {1}, {2})")


@_builds("embedding")
def _embedding(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"nn.Embedding({layer.vocabulary}, {layer.out})", "{self}({0}.long())")


@_builds("class_token")
def _class_token(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"ClassToken({inputs[0][1]}, {layer.count})")


@_builds("append_tokens")
def _append_tokens(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"AppendTokens({inputs[0][1]}, {layer.count})")


@_builds("flatten")
def _flatten(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code("", "{0}.flatten(1)")


@_builds(*(name for name, kind in KINDS.items() if issubclass(kind, Moved)))
def _moved(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code("", "{0}" + _moved_text((layer.pattern_on(inputs[0]), layer.sizes), inputs[0]))


def _moved_text(moved: tuple[str, Any], shape: Shape) -> str:
    from vcalc.operators.rearrange import torch_text

    return torch_text(*moved, shape)


@_builds("windows")
def _windows(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    laid, axes = output.front[0].laid, len(inputs[0]) - 1  # type: ignore[attr-defined]
    pads = [padded - size for size, padded in zip(laid.map, laid.padded, strict=True)]
    call = f"F.pad({{0}}, ({', '.join(f'0, {pad}' for pad in reversed(pads))}))" if laid.pads else "{0}"
    call += f".permute(0, {', '.join(map(str, range(2, axes + 2)))}, 1)"
    return Code("", call + _rolled(laid, -1) + _moved_text(laid.pattern(), (*laid.padded, inputs[0][0])))


@_builds("merge_windows")
def _merge_windows(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    laid, axes = inputs[0].front[0].laid, len(output) - 1  # type: ignore[attr-defined]
    call = "{0}" + _moved_text(laid.pattern(rank(inputs[0])), inputs[0]) + _rolled(laid, 1)
    if laid.pads:
        call += f"[:, {', '.join(f':{size}' for size in laid.map)}]"
    return Code("", call + f".permute(0, {axes + 1}, {', '.join(map(str, range(1, axes + 1)))})")


def _rolled(laid: Any, way: int) -> str:
    """The cyclic shift of a map whose channels come last, there or back."""
    moved = [(way * shift, axis) for axis, shift in enumerate(laid.shifts, 1) if shift]
    return (
        ".roll(({}), ({}))".format(*(", ".join(map(str, each)) for each in zip(*moved, strict=True))) if moved else ""
    )


@_builds("keep_channels")
def _keep_channels(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    axes = ":, :" if rank(inputs[0]) == TOKENS else ":"
    return Code("", f"{{0}}[{axes}, {layer.start}:{layer.start + layer.count}]")


@_builds("zero_pad")
def _zero_pad(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    pads = chain(*reversed((layer.channels, *layer.pads(inputs[0]))))
    return Code("", f"F.pad({{0}}, ({', '.join(map(str, pads))}))")


@_builds("space_to_depth")
def _space_to_depth(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code(f"SpaceToDepth({_axes(layer.factor) if layer.square else _each(layer.factor)})")


@_builds("upsample")
def _upsample(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    mode = _unless(layer.mode, "nearest", repr(layer.mode))
    if layer.out:
        return Code(f"nn.Upsample({_arguments((_each(layer.out),), mode=mode)})")
    return Code(f"nn.Upsample({_arguments((), scale_factor=_axes(layer.scale), mode=mode)})")


@_builds("concat")
def _concat(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    axis = names_of(inputs[0]).index(layer.over) if layer.over else 0
    return Code("", f"torch.cat(({', '.join(f'{{{i}}}' for i in range(len(inputs)))},), {axis + 1})")


_TOGETHER = {
    "add": "{} + {}",
    "mean": "{} + {}",
    "multiply": "{} * {}",
    "subtract": "{} - {}",
    "absolute_difference": "({} - {}).abs()",
    "max": "torch.maximum({}, {})",
}
"""Two tensors joined element by element."""


@_builds(*_TOGETHER)
def _elementwise(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    spread = {MAP: "[:, :" + ", None" * (len(output) - 1) + "]", TOKENS: "[:, None]"}.get(rank(output), "")
    wide = [f"{{{i}}}{spread if rank(shape) == VECTOR else ''}" for i, shape in enumerate(inputs)]
    joined = reduce(_TOGETHER[layer.kind].format, wide)
    return Code("", f"({joined}) / {len(inputs)}" if layer.kind == "mean" else joined)


@_builds("roi_align")
def _roi_align(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    levels = ", ".join(f"{{{i}}}" for i in range(len(inputs)))
    return Code(f"RoIAlign({layer.proposals}, {layer.out}, {layer.samples})", f"{{self}}({levels})")


@_builds("matmul")
def _matmul(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    return Code("", "torch.matmul({0}, {1})")


@_builds("scaled_dot_product_attention")
def _scaled_dot_product_attention(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    if layer.relative_positions:
        heads = inputs[0][0] if rank(inputs[0]) == HEADS else 1
        sizes = _arguments((layer.relative_positions, heads, inputs[0][-2], inputs[1][-2]))
        return Code(f"BiasedAttention({sizes})", "{self}({0}, {1}, {2})")
    if layer.keys_read is not None:
        causal = _unless(bool(layer.causal), False, "True")
        sizes = _arguments((layer.keys_read, inputs[0][-2], inputs[1][-2]), causal=causal)
        return Code(f"SparseAttention({sizes})", "{self}({0}, {1}, {2})")
    causal = ", is_causal=True" if layer.causal else ""
    grouped = ", enable_gqa=True" if inputs[0][:-2] != inputs[1][:-2] else ""
    return Code("", f"F.scaled_dot_product_attention({{0}}, {{1}}, {{2}}{causal}{grouped})")


@_builds("offset")
def _offset(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    if layer.constant is not None:
        return Code("", f"{{0}} + {layer.constant!r}")
    on_map = channels_first(inputs[0])
    return Code(f"Offset({inputs[0][0] if on_map else inputs[0][-1]}, {len(inputs[0]) - 1 if on_map else 0})")


@_builds("learned", "constant")
def _table(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    computed = layer.kind == "constant" and layer.computed
    name = "Computed" if computed else layer.kind.capitalize()
    return Code(f"{name}({_each(output)})", "{self}(images)")


@_builds("position_embedding")
def _position_embedding(layer: Any, inputs: tuple[Shape, ...], output: Shape) -> Code:
    named = {"fixed": _unless(layer.fixed, False, repr(layer.fixed))}
    if not layer.composed:
        return Code(f"PositionEmbedding({_arguments((_each(inputs[0]),), **named)})")
    # Places come first in the tables of tokens, features in those of maps.
    channels = inputs[0][0] if rank(inputs[0]) == MAP else 0
    sizes = (channels, layer.grid) if channels else (inputs[0][1], layer.grid)
    named |= {"mode": _unless(layer.mode, "bicubic", repr(layer.mode))}
    named |= {"antialias": _unless(layer.antialias and layer.mode in ("bilinear", "bicubic"), True, "False")}
    named |= {"on_map": _unless(bool(channels), False, "True"), "first": _unless(layer.first, 0, str(layer.first))}
    made = _arguments((sizes[0], _each(layer.grid), _each(layer.sizes)), **named)
    return Code(f"InterpolatedPositions({made})")
