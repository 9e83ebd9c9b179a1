"""What torch's operators are to vcalc: a layer kind each, arithmetic element by element, or moves.

By the names of torch's own library, as they are called before autograd would take them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from vcalc.arithmetic import Number
from vcalc.importers.tables import aten
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, Leading, NamedShape

Given = dict[str, Any]
Sizes = tuple[int, ...]


class Laid(NamedTuple):
    """A layer kind with its fields, and what arrives at it, without the batch."""

    kind: str
    fields: dict[str, Any]
    inputs: tuple[NamedShape, ...]


VIEWS = frozenset(aten()["views"])
"""What leaves elements where they are, or as they are at inference."""
COPIES = frozenset(aten()["copies"])
"""What moves, makes or compares elements."""
OTHER_ARITHMETIC = frozenset(aten()["not counted"])
"""What works element by element and vcalc has no count for, since no convention weighs it."""
PRODUCTS: dict[str, list[str]] = aten()["products"]
"""Products of matrices, and the names of their factors."""
ARITHMETIC = {
    name: (kind, primitive)
    for what, names in aten()["arithmetic"].items()
    for primitive, _, kind in [what.partition(" of ")]
    for name in names
}
"""What works element by element: the kind that it is to conventions, and what it does to each element."""

Recipe = Callable[[Given], Laid | None]
RECIPES: dict[str, Recipe] = {}
"""How an operator becomes a layer."""


def _for(*names: str) -> Callable[[Recipe], Recipe]:
    def enter(recipe: Recipe) -> Recipe:
        RECIPES.update(dict.fromkeys(names, recipe))
        return recipe

    return enter


def behind(many: int, sizes: Sizes, of: str) -> NamedShape:
    """What has so many in front, which are windows; a batch of one is left out."""
    return NamedShape(sizes, of) if many == 1 else NamedShape((many, *sizes), of, front=(Leading("w"),))


def as_map(shape: Sizes, axes: int) -> NamedShape:
    """A map of so many spatial axes, with what stands in front of them."""
    return behind(prod(shape[: -axes - 1]), shape[-axes - 1 :], MAP)


def as_rows(shape: Sizes, width: int | None = None) -> NamedShape:
    """Tokens of some width, a vector where there is one alone, whatever the axes that they lie along."""
    width = shape[-1] if width is None else width
    rows = prod(shape) // width if width else 0
    return NamedShape((width,), VECTOR) if rows == 1 else NamedShape((rows, width), TOKENS)


def elementwise(shape: Sizes) -> NamedShape:
    """What a function of each element takes: a map or tokens as they are, anything else as one row."""
    inner = shape[1:] if len(shape) > 1 and shape[0] == 1 else shape
    if len(inner) in (3, 4):
        return NamedShape(inner, MAP)
    if len(inner) == 2:
        return NamedShape(inner, TOKENS)
    return NamedShape((prod(inner),), VECTOR)


def _pair(value: Any, axes: int) -> Any:
    """A number for each axis: torch takes one for all, or none, where the kernel's is meant."""
    values = [value] if not isinstance(value, list) else value
    return tuple(values * axes if len(values) == 1 else values) if values else None


def _conv(given: Given) -> Laid:
    weight = given["weight"].shape
    axes = len(weight) - 2
    pad = given.get("padding", 0)
    fields = {
        "out": weight[0],
        "kernel": weight[2:],
        "stride": _pair(given.get("stride", 1), axes),
        "pad": {"same": "same", "valid": (0,) * axes}[pad] if isinstance(pad, str) else _pair(pad, axes),
        "dilation": _pair(given.get("dilation", 1), axes),
        "groups": given.get("groups", 1),
        "bias": given.get("bias") is not None,
    }
    return Laid("conv", fields, (as_map(given["input"].shape, axes),))


def _conv_transpose(given: Given) -> Laid:
    weight = given["weight"].shape
    axes, groups = len(weight) - 2, given.get("groups", 1)
    fields = {
        "out": weight[1] * groups,
        "kernel": weight[2:],
        "stride": _pair(given.get("stride", 1), axes),
        "pad": _pair(given.get("padding", 0), axes),
        "output_pad": _pair(given.get("output_padding", 0), axes),
        "dilation": _pair(given.get("dilation", 1), axes),
        "groups": groups,
        "bias": given.get("bias") is not None,
    }
    return Laid("conv_transpose", fields, (as_map(given["input"].shape, axes),))


for _axes in (1, 2, 3):
    _for(f"conv{_axes}d")(_conv)
    _for(f"conv_transpose{_axes}d")(_conv_transpose)


@_for("convolution", "_convolution")
def _convolution(given: Given) -> Laid:
    return (_conv_transpose if given.get("transposed") else _conv)(given)


@_for("linear")
def _linear(given: Given) -> Laid:
    fields = {"out": given["weight"].shape[0], "bias": given.get("bias") is not None}
    return Laid("linear", fields, (as_rows(given["input"].shape),))


@_for("batch_norm", "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training")
def _batch_norm(given: Given) -> Laid:
    shape = given["input"].shape
    affine = given.get("weight") is not None
    inner = behind(shape[0], shape[1:], MAP) if len(shape) > 2 else NamedShape((shape[1], shape[0]), MAP)
    return Laid("batchnorm", {"affine": affine}, (inner,))


@_for("layer_norm", "native_layer_norm")
def _layer_norm(given: Given) -> Laid:
    affine = given.get("weight") is not None
    fields = {"affine": affine, **({"bias": given.get("bias") is not None} if affine else {})}
    return Laid("layernorm", fields, (as_rows(given["input"].shape, prod(given["normalized_shape"])),))


@_for("rms_norm")
def _rms_norm(given: Given) -> Laid:
    fields = {"affine": given.get("weight") is not None}
    return Laid("rmsnorm", fields, (as_rows(given["input"].shape, prod(given["normalized_shape"])),))


@_for("group_norm", "native_group_norm")
def _group_norm(given: Given) -> Laid:
    shape = given["input"].shape
    groups = given.get("num_groups", given.get("group"))
    fields = {"groups": groups, "affine": given.get("weight") is not None}
    sizes = shape[1:] if len(shape) in (3, 4, 5) else (shape[1], prod(shape[2:]))
    return Laid("groupnorm", fields, (behind(shape[0], sizes, MAP),))


@_for("instance_norm")
def _instance_norm(given: Given) -> Laid:
    shape = given["input"].shape
    return Laid("instancenorm", {"affine": given.get("weight") is not None}, (as_map(shape, len(shape) - 2),))


def _pool(kind: str, axes: int) -> Recipe:
    def recipe(given: Given) -> Laid:
        kernel = _pair(given["kernel_size"], axes)
        fields = {
            "kernel": kernel,
            "stride": _pair(given.get("stride") or [], axes) or kernel,
            "pad": _pair(given.get("padding", 0), axes),
            "ceil_mode": bool(given.get("ceil_mode", False)),
        }
        if kind == "maxpool":
            fields["dilation"] = _pair(given.get("dilation", 1), axes)
        else:
            fields["count_pad"] = bool(given.get("count_include_pad", True))
        return Laid(kind, fields, (as_map(_first(given).shape, axes),))

    return recipe


def _adaptive(kind: str, axes: int) -> Recipe:
    def recipe(given: Given) -> Laid:
        out, inputs = _pair(given["output_size"], axes), (as_map(_first(given).shape, axes),)
        if kind == "adaptive_avgpool" and set(out) == {1}:
            return Laid("global_avgpool", {"keep_dims": True}, inputs)
        return Laid(kind, {"out": out}, inputs)

    return recipe


for _axes in (1, 2, 3):
    _for(f"max_pool{_axes}d", f"max_pool{_axes}d_with_indices")(_pool("maxpool", _axes))
    _for(f"avg_pool{_axes}d")(_pool("avgpool", _axes))
    _for(f"adaptive_avg_pool{_axes}d", f"_adaptive_avg_pool{_axes}d")(_adaptive("adaptive_avgpool", _axes))
    _for(f"adaptive_max_pool{_axes}d")(_adaptive("adaptive_maxpool", _axes))


@_for("mean")
def _mean(given: Given) -> Laid | None:
    """A mean over all places of a map, or over tokens; any other is arithmetic."""
    shape = _first(given).shape
    dims = sorted(dim % len(shape) for dim in given.get("dim") or range(len(shape)))
    fields = {"keep_dims": bool(given.get("keepdim", False)), "written": "mean"}
    if len(shape) >= 4 and dims == [*range(2, len(shape))]:
        return Laid("global_avgpool", fields, (as_map(shape, len(shape) - 2),))
    if len(shape) >= 3 and dims == [*range(1, len(shape) - 1)]:
        return Laid("global_avgpool", fields, (behind(shape[0], (prod(shape[1:-1]), shape[-1]), TOKENS),))
    return None


def _upsample(mode: str, axes: int) -> Recipe:
    def recipe(given: Given) -> Laid:
        shape = _first(given).shape
        sizes = given.get("output_size")
        if sizes is None:
            factors = given.get("scale_factors") or given["scales"]
            sizes = [int(size * factor) for size, factor in zip(shape[2:], factors, strict=True)]
        return Laid("upsample", {"out": tuple(sizes), "mode": mode}, (as_map(shape, axes),))

    return recipe


for _name, _mode, _axes in (
    *((f"upsample_nearest{axes}d", "nearest", axes) for axes in (1, 2, 3)),
    *((f"_upsample_nearest_exact{axes}d", "nearest", axes) for axes in (1, 2, 3)),
    ("upsample_linear1d", "linear", 1),
    ("upsample_bilinear2d", "bilinear", 2),
    ("upsample_trilinear3d", "trilinear", 3),
    ("upsample_bicubic2d", "bicubic", 2),
):
    _for(_name)(_upsample(_mode, _axes))


@_for("grid_sampler", "grid_sampler_2d", "grid_sampler_3d")
def _grid_sample(given: Given) -> Laid | None:
    mode = ("bilinear", "nearest", "")[given["interpolation_mode"]]
    shape, places = given["input"].shape, given["grid"].shape
    axes = len(shape) - 2
    inputs = (as_map(shape, axes), as_map((*places[:1], axes, *places[1:-1]), axes))
    return Laid("grid_sample", {"mode": mode}, inputs) if mode else None


@_for("deform_conv2d")
def _deform_conv(given: Given) -> Laid:
    weight = given["weight"].shape
    fields = {
        "out": weight[0],
        "kernel": weight[2:],
        **{
            name: (given[f"{called}_h"], given[f"{called}_w"])
            for name, called in (("stride", "stride"), ("pad", "pad"), ("dilation", "dilation"))
        },
        "groups": given["groups"],
        "bias": given.get("bias") is not None,
    }
    branches = ("input", "offset", "mask") if given["use_mask"] else ("input", "offset")
    return Laid("deform_conv", fields, tuple(as_map(given[name].shape, 2) for name in branches))


def _activation(kind: str) -> Recipe:
    def recipe(given: Given) -> Laid:
        if kind == "hardtanh" and (given.get("min_val", -1), given.get("max_val", 1)) == (0, 6):
            return Laid("relu6", {}, (elementwise(_first(given).shape),))
        return Laid(kind, {}, (elementwise(_first(given).shape),))

    return recipe


for _name in aten()["activations"]:
    _for(_name)(_activation(_name))


@_for("prelu")
def _prelu(given: Given) -> Laid:
    shape = _first(given).shape
    shared = prod(given["weight"].shape) == 1
    return Laid("prelu", {"shared": shared} if shared else {}, (as_map(shape, max(len(shape) - 2, 1)),))


@_for("softmax", "_softmax", "log_softmax", "_safe_softmax")
def _softmax(given: Given) -> Laid:
    shape = _first(given).shape
    return Laid("softmax", {}, (as_rows(shape, shape[given["dim"]] if shape else 1),))


@_for("scaled_dot_product_attention")
def _attention(given: Given) -> Laid:
    query, key, value = (given[name].shape for name in ("query", "key", "value"))
    lead = (prod(query[:-2]),)
    keys = (prod(key[:-2]),)
    shapes = ((*lead, *query[-2:]), (*keys, *key[-2:]), (*keys, *value[-2:]))
    causal = bool(given.get("is_causal", False))
    return Laid("scaled_dot_product_attention", {"causal": causal}, tuple(NamedShape(shape, HEADS) for shape in shapes))


def _recurrent(kind: str, gates: int) -> Recipe:
    def recipe(given: Given) -> Laid:
        length, batch, width = given["input"].shape
        if given["batch_first"]:
            length, batch = batch, length
        enters, again = (each.shape for each in given["params"][:2])
        hidden = enters[0] // gates
        fields = {
            "hidden": hidden,
            "layers": given["num_layers"],
            "bidirectional": bool(given["bidirectional"]),
            "bias": bool(given["has_biases"]),
            **({"project": again[1]} if again[1] != hidden else {}),
        }
        return Laid(kind, fields, (behind(batch, (length, width), TOKENS),))

    return recipe


_for("lstm")(_recurrent("lstm", 4))
_for("gru")(_recurrent("gru", 3))
_for("rnn_tanh", "rnn_relu")(_recurrent("rnn", 1))


@_for("col2im")
def _fold(given: Given) -> Laid | None:
    if set(given["dilation"]) != {1}:
        return None
    batch, width, places = _first(given).shape
    fields = {
        "out": tuple(given["output_size"]),
        "kernel": _pair(given["kernel_size"], 2),
        "stride": _pair(given["stride"], 2),
        "pad": _pair(given["padding"], 2),
    }
    return Laid("fold", fields, (behind(batch, (places, width), TOKENS),))


COMPOSITES = frozenset(
    {*RECIPES, *VIEWS, *COPIES, *ARITHMETIC, *OTHER_ARITHMETIC, *PRODUCTS}
    | {f"{name}_" for name in (*RECIPES, *ARITHMETIC, *OTHER_ARITHMETIC)}
)
"""What is seen whole; other operators are taken apart as far as torch does."""


def _first(given: Given) -> Any:
    return given.get("input", given.get("self"))


def product_work(output: Sizes, left: Sizes, trained: bool) -> dict[str, Number]:
    """What a product of matrices does: each element that it makes is a sum along the last axis of the first."""
    size = prod(output)
    work: dict[str, Number] = {"multiply_adds" if trained else "product_multiply_adds": size * left[-1]}
    return work if trained else {**work, "product_elements": size}
