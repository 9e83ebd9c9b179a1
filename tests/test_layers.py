"""Every layer kind: one formula on ints, symbols, arrays and workings; and what it comes to, worked out by hand."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from arrays import at, many
from hypothesis import given
from hypothesis import strategies as st
from zoo import whole_in

from vcalc import symbols
from vcalc.arithmetic import ceil_div, product
from vcalc.errors import LayerError
from vcalc.graph import Facts
from vcalc.layers import BUFFERS, FORMS, KINDS, PRIMITIVES, ROLES, SPECIAL, STANDS_FOR, WAYS, axes
from vcalc.layers.axes import MAP as MAPS
from vcalc.layers.axes import Leading, NamedShape
from vcalc.layers.partition import Laid
from vcalc.working import Working, with_working


class Case(NamedTuple):
    """A layer and its inputs; words in fields and shapes are sizes, whose values stand in `sizes`."""

    kind: str
    fields: dict[str, Any]
    inputs: tuple[tuple[Any, ...], ...]
    sizes: dict[str, int]

    def facts(self, sizes: dict[str, Any]) -> Facts:
        return Facts(KINDS[self.kind](**put(self.fields, sizes)), put(self.inputs, sizes))

    def settings(self) -> list[dict[str, int]]:
        """Five values for the sizes: places grow by ones, for every remainder; the others keep their divisors."""
        return [
            {name: size + i if name in "HWNLT" else size * (i + 1) for name, size in self.sizes.items()}
            for i in range(5)
        ]


def put(value: Any, sizes: dict[str, Any]) -> Any:
    """The value with sizes in place of their names."""
    if isinstance(value, dict):
        return {key: put(item, sizes) for key, item in value.items()}
    if isinstance(value, NamedShape):
        return value.each(lambda size: put(size, sizes))
    if isinstance(value, (tuple, list)):
        return tuple(put(item, sizes) for item in value)
    return sizes.get(value, value) if isinstance(value, str) else value


def shapes(text: str) -> tuple[tuple[Any, ...], ...]:
    """`64 28 28, 32 H W` as a tuple of shapes; two sizes of which one is L are a sequence."""
    each = [
        tuple(int(word) if word.isdigit() else word for word in part.split())
        for part in text.split(",")
        if part.strip()
    ]
    return tuple(NamedShape(shape, axes.MAP) if "L" in shape else shape for shape in each)


def case(kind: str, fields: dict[str, Any], inputs: str, **sizes: int) -> Case:
    return Case(kind, fields, shapes(inputs), sizes)


def windows(*sizes: Any, laid: tuple[Any, ...]) -> NamedShape:
    """Windows of tokens or of maps that lie so."""
    return NamedShape(sizes, front=(Leading("w", Laid(*laid)),))


C, H, W, N, D, G = (symbols.symbol(name) for name in "CHWNDG")

ANY_MAP = "a feature map [C, H, W], a sequence [C, L] or a video [C, T, H, W]"
MAP = {"C": 6, "H": 13, "W": 18}
WINDOWS: list[dict[str, Any]] = [
    {"kernel": 3},
    {"kernel": 1, "stride": 2},
    {"kernel": 3, "stride": 2, "pad": 1},
    {"kernel": 2, "stride": 3},
    {"kernel": [3, 5], "stride": [1, 2], "pad": [0, 2]},
    {"kernel": 3, "pad": "same"},
    {"kernel": 4, "stride": 3, "pad": "same"},
]
PADDED: list[dict[str, Any]] = [
    {"kernel": 3, "stride": 2, "pad": 1},
    {"kernel": 5, "stride": 2, "pad": 2},
    {"kernel": [3, 5], "stride": [1, 2], "pad": [0, 2]},
    {"kernel": [4, 2], "stride": [3, 4], "pad": [2, 1]},
]
IDENTITIES = [
    "relu", "relu6", "leaky_relu", "gelu", "silu", "hardswish", "sigmoid", "hardsigmoid", "tanh", "dropout",
    "drop_path", "elu", "selu", "hardtanh", "softplus", "softsign", "mish",
]  # fmt: skip
MODES = ["nearest", "bilinear", "bicubic"]

ON_ANY_AXES: list[tuple[str, dict[str, Any]]] = [
    ("conv", {"out": 4, "kernel": 3, "stride": 2, "pad": 1}),
    ("conv", {"out": 4, "kernel": 3, "stride": 2, "pad": "same", "dilation": 2}),
    ("conv", {"out": 4, "kernel": 3, "groups": 2, "standardized": True, "gain": True}),
    ("conv_transpose", {"out": 4, "kernel": 3, "stride": 2, "output_pad": 1}),
    ("maxpool", {"kernel": 3, "stride": 2, "pad": 1, "ceil_mode": True}),
    ("avgpool", {"kernel": 2}),
    ("avgpool", {"kernel": 3, "stride": 2, "pad": "same", "count_pad": False}),
    ("global_avgpool", {"keep_dims": True}),
    ("adaptive_avgpool", {"out": 4}),
    ("adaptive_maxpool", {"out": 4}),
    ("subsample", {"kernel": 3}),
    ("batchnorm", {}),
    ("layernorm", {}),
    ("frozen_batchnorm", {}),
    ("affine", {}),
    ("l2norm", {}),
    ("groupnorm", {"groups": 3}),
    ("instancenorm", {"affine": True}),
    ("local_response_norm", {}),
    ("global_response_norm", {}),
    ("layer_scale", {}),
    ("prelu", {}),
    ("softmax", {"over": "channels"}),
    ("pointwise_linear", {"out": 4}),
    ("upsample", {"scale": 3}),
    ("unfold", {"kernel": 3, "stride": 2, "pad": 1}),
    ("space_to_depth", {"factor": 3}),
    ("crop", {"out": 5}),
    ("reduce_axes", {"by": "max", "over": "channels"}),
    ("channel_shuffle", {"groups": 3}),
    ("tokens", {}),
    ("flatten", {}),
]

CASES = [
    *(case("conv", {"out": "K", **window}, "C H W", **MAP, K=4) for window in WINDOWS),
    case("conv", {"out": "K", "kernel": 3, "dilation": 2}, "C H W", **MAP, K=4),
    case("conv", {"out": "K", "kernel": 3, "stride": 2, "pad": [2, 4], "dilation": [2, 3]}, "C H W", **MAP, K=4),
    case("conv", {"out": "C", "kernel": 3, "pad": 1, "groups": "C", "bias": False}, "C H W", **MAP),
    case("conv", {"out": "K", "kernel": 5, "groups": 2}, "C H W", **MAP, K=4),
    case("conv", {"out": 4, "kernel": "k", "stride": "S", "dilation": "d"}, "3 H W", H=26, W=18, k=1, S=2, d=1),
    case("conv", {"out": 3, "kernel": 3, "connections": [[0, 1], [2], [0, 1, 2]]}, "3 H W", H=8, W=9),
    case("conv", {"out": "K", "kernel": 3, "standardized": True}, "C H W", **MAP, K=4),
    case("conv", {"out": "K", "kernel": 3, "groups": 2, "standardized": True, "gain": True}, "C H W", **MAP, K=4),
    *(
        case("conv_transpose", {"out": "K", **window}, "C H W", **MAP, K=4)
        for window in WINDOWS
        if "same" not in str(window)
    ),
    case("conv_transpose", {"out": "K", "kernel": 3, "stride": 2, "pad": 1, "output_pad": [1, 0]}, "C H W", **MAP, K=4),
    case(
        "conv_transpose", {"out": "K", "kernel": 4, "stride": 3, "pad": [2, 4], "dilation": [2, 3]}, "C H W", **MAP, K=4
    ),
    case("conv_transpose", {"out": "K", "kernel": 3, "groups": 2, "bias": False}, "C H W", **MAP, K=4),
    case("conv_transpose", {"out": "C", "kernel": "k", "stride": "S", "groups": "C"}, "C H W", **MAP, k=3, S=2),
    case("conv_transpose", {"out": 4, "kernel": 9, "pad": "P", "dilation": "d"}, "3 H W", H=26, W=18, P=1, d=1),
    *(case("maxpool", window, "C H W", **MAP) for window in WINDOWS),
    case("maxpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "C H W", **MAP),
    case("maxpool", {"kernel": 3, "stride": 2, "pad": 1, "ceil_mode": True}, "C H W", **MAP),
    case("maxpool", {"kernel": 2, "stride": 2, "pad": 1, "ceil_mode": True}, "C H W", **MAP),
    case("maxpool", {"kernel": 2, "stride": 3, "ceil_mode": True}, "C H W", **MAP),
    *(case("avgpool", window, "C H W", **MAP) for window in WINDOWS),
    case("avgpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "C H W", **MAP),
    case("avgpool", {"kernel": "k", "stride": "S", "pad": "P"}, "C H W", C=6, H=30, W=31, k=2, S=1, P=1),
    case("avgpool", {"kernel": "k", "stride": "S", "count_pad": False}, "C H W", C=6, H=30, W=31, k=2, S=1),
    *(case("avgpool", {**window, "ceil_mode": True}, "C H W", **MAP) for window in PADDED),
    *(case("avgpool", {**window, "count_pad": False}, "C H W", **MAP) for window in PADDED),
    *(case("avgpool", {**window, "ceil_mode": True, "count_pad": False}, "C H W", **MAP) for window in PADDED),
    case("global_avgpool", {}, "C H W", **MAP),
    case("global_avgpool", {"keep_dims": True}, "C H W", **MAP),
    case("global_avgpool", {}, "N D", N=5, D=8),
    case("global_avgpool", {"keep_dims": True}, "N D", N=5, D=8),
    case("adaptive_avgpool", {"out": 7}, "C H W", **MAP),
    case("adaptive_avgpool", {"out": [1, 20]}, "C H W", **MAP),
    case("adaptive_maxpool", {"out": 7}, "C H W", **MAP),
    case("adaptive_maxpool", {"out": [20, 1]}, "C H W", **MAP),
    case("subsample", {"kernel": 2}, "C H W", **MAP),
    case("subsample", {"kernel": 3}, "C H W", **MAP),
    case("linear", {"out": "K"}, "D", D=6, K=10),
    case("linear", {"out": "K", "bias": False}, "N D", N=5, D=6, K=10),
    case("pointwise_linear", {"out": "K"}, "C H W", **MAP, K=10),
    case("pointwise_linear", {"out": "K", "bias": False}, "C H W", **MAP, K=10),
    case("radial_basis", {"out": "K"}, "D", D=6, K=10),
    case("batchnorm", {}, "C H W", **MAP),
    case("batchnorm", {"affine": False}, "D", D=6),
    case("batchnorm", {"eps": 1e-3}, "N D", N=5, D=6),
    case("frozen_batchnorm", {}, "C H W", **MAP),
    case("affine", {}, "N D", N=5, D=6),
    case("affine", {"shared": True}, "C H W", **MAP),
    case("l2norm", {"over": "last"}, "C N D", C=3, N=5, D=6),
    case("l2norm", {}, "C H W", **MAP),
    case("layernorm", {"bias": False}, "C H W", **MAP),
    case("layernorm", {}, "C H W", **MAP),
    case("layernorm", {}, "N D", N=5, D=6),
    case("layernorm", {"affine": False}, "D", D=6),
    case("layernorm", {"over": "last"}, "C N D", C=3, N=5, D=6),
    case("rmsnorm", {}, "N D", N=5, D=6),
    case("rmsnorm", {"affine": False}, "D", D=6),
    case("groupnorm", {"groups": "G"}, "C H W", **MAP, G=1),
    case("groupnorm", {"groups": 3}, "N D", N=5, D=6),
    case("groupnorm", {"groups": 3, "affine": False}, "C H W", **MAP),
    case("instancenorm", {}, "C H W", **MAP),
    case("instancenorm", {"affine": True}, "C H W", **MAP),
    case("local_response_norm", {}, "C H W", **MAP),
    case("local_response_norm", {"size": "n"}, "C H W", **MAP, n=4),
    case("layer_scale", {}, "C H W", **MAP),
    case("layer_scale", {}, "N D", N=5, D=6),
    case("layer_scale", {"shared": True}, "C H W", **MAP),
    case("layer_scale", {"constant": 0.17}, "C H W", **MAP),
    case("global_response_norm", {}, "C H W", **MAP),
    case("attention", {"heads": 3}, "N D", N=5, D=6),
    case("attention", {"heads": "h", "head_dim": "d", "qkv_bias": False}, "N D", N=5, D=6, h=4, d=2),
    case("attention", {"heads": 1, "qkv_bias": False, "out_bias": False}, "N D", N=5, D=6),
    case("window_attention", {"heads": 3, "window": 7}, "C H W", **MAP),
    case("window_attention", {"heads": "h", "window": "M", "shift": [1, 2]}, "C H W", C=6, H=14, W=21, h=2, M=7),
    case("window_attention", {"heads": 2, "window": [2, 3], "relative_position_bias": False}, "C H W", **MAP),
    case("window_attention", {"heads": 3, "window": 7, "cosine": True, "position_mlp": "m"}, "C H W", **MAP, m=8),
    case("window_attention", {"heads": 3, "window": 7, "qkv_bias": "qv"}, "C H W", **MAP),
    case("window_attention", {"heads": 3, "window": ["m", "n"], "one_hot_lookup": True}, "C H W", **MAP, m=2, n=3),
    case("window_attention", {"heads": 2, "window": ["m", 3], "strided": True}, "C H W", C=6, H=14, W=21, m=7),
    case("window_attention", {"heads": 2, "window": 2, "shift": "s"}, "C T H W", C=6, T=4, H=6, W=5, s=1),
    case("attention", {"heads": 3, "qkv_bias": "qv"}, "N D", N=5, D=6),
    case("linear", {"out": 12, "bias": "qv"}, "N D", N=5, D=6),
    case("prelu", {}, "C H W", **MAP),
    case("prelu", {}, "N D", N=5, D=6),
    case("prelu", {"shared": True}, "C H W", **MAP),
    case("softmax", {}, "C H W", **MAP),
    case("softmax", {}, "N D", N=5, D=6),
    case("softmax", {}, "D", D=6),
    case("softmax", {"over": "channels"}, "C H W", **MAP),
    case("softmax", {"over": "groups", "groups": "G"}, "C H W", **MAP, G=1),
    case("softmax", {"over": "groups", "groups": 2}, "N D", N=5, D=6),
    case("embedding", {"vocabulary": "V", "out": "D"}, "N", N=5, V=30, D=6),
    case("selective_scan", {"state": "S", "rank": "R"}, "N D", N=5, D=6, S=4, R=2),
    case("selective_scan", {"rank": 3}, "N D", N=5, D=6),
    case("flip", {"over": "last"}, "N D", N=5, D=6),
    case("flip", {"over": "channels"}, "C H W", **MAP),
    *(case(kind, {"hidden": "M"}, "N D", N=5, D=6, M=4) for kind in ("lstm", "gru", "rnn")),
    case("lstm", {"hidden": "M", "project": "P", "layers": 2, "bidirectional": True}, "N D", N=5, D=6, M=4, P=3),
    case("gru", {"hidden": "M", "layers": 3, "bias": "one", "dropout": 0.5, "last": True}, "N D", N=5, D=6, M=4),
    case("rnn", {"hidden": 4, "bias": False, "relu": True}, "N D", N=5, D=6),
    case("tokens", {}, "C H W", **MAP),
    case("unfold", {"kernel": 3, "stride": 2, "pad": 1}, "C H W", **MAP),
    case("unfold", {"kernel": "k", "stride": "S"}, "3 H W", H=26, W=18, k=1, S=2),
    case("to_map", {"height": "R"}, "60 D", D=4, R=1),
    case("to_map", {"height": 3}, "12 D", D=4),
    case("split_heads", {"heads": 3}, "N D", N=5, D=6),
    case("split_heads", {"heads": "h", "transposed": True}, "N D", N=5, D=6, h=1),
    case("merge_heads", {}, "C N D", C=3, N=5, D=6),
    case("rotary_embedding", {}, "C N D", C=3, N=5, D=6),
    case("rotary_embedding", {"skip": 1}, "C N D", C=3, N=5, D=6),
    case("random_features", {"count": "m"}, "N D", N=5, D=6, m=4),
    case("linear_attention", {}, "N m, N m, N D", N=5, D=6, m=4),
    case("linear_attention", {"ones": True}, "C N m, C N m, C N D", C=3, N=5, D=6, m=4),
    case("pool_heads", {"height": "R", "stride": "S"}, "C 60 D", C=3, D=4, R=1, S=1),
    case("pool_heads", {"height": 3, "kernel": "k", "skip": 1}, "C 13 D", C=3, D=4, k=1),
    case("relative_attention", {"query_rows": "R", "key_rows": 3}, "C 60 D, C 12 D, C 12 E", C=3, D=4, E=5, R=1),
    case("relative_attention", {"query_rows": 2, "key_rows": 4, "skip": 1}, "C 9 D, C 25 D, C 25 D", C=3, D=4),
    case("class_token", {}, "N D", N=5, D=6),
    case("class_token", {"count": "K"}, "N D", N=5, D=6, K=2),
    case("position_embedding", {}, "N D", N=5, D=6),
    case("position_embedding", {"fixed": True}, "N D", N=5, D=6),
    *(case("position_embedding", {"fixed": fixed}, "C H W", **MAP) for fixed in (False, "buffer", "computed")),
    case("position_embedding", {"grid": ["G", 40]}, "C H W", **MAP, G=37),
    case("position_embedding", {"over": ["H", "W"]}, "C 4 3 5", C=6),
    case("position_embedding", {"grid": 40, "mode": "bilinear", "antialias": False, "fixed": True}, "C H W", **MAP),
    Case("position_embedding", {"grid": [13, 18]}, (NamedShape((235, "D"), grid=(1, 13, 18)),), {"D": 6}),
    Case("position_embedding", {"grid": [40, 3]}, (NamedShape((234, "D"), grid=(0, 13, 18)),), {"D": 6}),
    Case(
        "position_embedding",
        {"grid": "G", "fixed": "buffer"},
        (NamedShape((235, "D"), grid=(1, 13, 18)),),
        {"D": 6, "G": 50},
    ),
    case("transpose", {}, "N D", N=5, D=6),
    case("transpose", {}, "C N D", C=3, N=5, D=6),
    case("offset", {}, "C H W", **MAP),
    case("offset", {}, "N D", N=5, D=6),
    case("offset", {"constant": 1}, "D", D=6),
    Case("learned", {"N": "n", "D": "m"}, (), {"n": 5, "m": 6}),
    Case("learned", {"C": "c", "H": 4, "W": "w"}, (), {"c": 6, "w": 5}),
    Case("constant", {"D": "m"}, (), {"m": 6}),
    Case("constant", {"h": 2, "N": "n", "d": 3, "computed": True}, (), {"n": 5}),
    case("take_token", {}, "N D", N=5, D=6),
    case("take_token", {"index": 4}, "N D", N=5, D=6),
    case("keep_tokens", {"count": 4}, "N D", N=5, D=6),
    case("keep_tokens", {"count": "K", "start": 1}, "N D", N=9, D=6, K=1),
    case("append_tokens", {"count": "K"}, "N D", N=5, D=6, K=3),
    case("flatten", {}, "C H W", **MAP),
    case("flatten", {}, "N D", N=5, D=6),
    case("flatten", {}, "D", D=6),
    case("keep_channels", {"count": 4, "start": 1}, "C H W", **MAP),
    case("keep_channels", {"count": "K"}, "N D", N=5, D=6, K=2),
    case("channel_shuffle", {"groups": 3}, "C H W", **MAP),
    case("rearrange", {"pattern": "C (r m) (c n) -> (m n C) r c", "m": "m", "n": 2}, "C 60 6", C=4, m=1),
    case("rearrange", {"pattern": "C H W[1:] -> (C H) (W 2)"}, "C H W", **MAP),
    case("rearrange", {"pattern": "N (p[i] h d) -> h N d", "p": 3, "h": "h", "i": "i"}, "N D", N=5, D=24, h=2, i=0),
    case("rearrange", {"pattern": "N[-1] (C H) -> C H 1", "C": 2}, "N D", N=5, D=24),
    case("zero_pad", {"rows": 1, "columns": ["P", 2], "channels": [4, 0]}, "C H W", **MAP, P=3),
    case("space_to_depth", {}, "C H W", **MAP),
    case("space_to_depth", {"factor": 3}, "C H W", **MAP),
    *(case("upsample", {"scale": "S", "mode": mode}, "C H W", **MAP, S=3) for mode in MODES),
    case("upsample", {"out": [7, "W"], "mode": "bilinear"}, "C H 9", C=6, H=13, W=18),
    case("concat", {}, "C H W, B H W, C H W", **MAP, B=2),
    case("concat", {}, "N D, 3 D", N=5, D=6),
    case("concat", {}, "D, K", D=6, K=4),
    case("add", {}, "C H W, C H W", **MAP),
    case("add", {}, "N D, N D, N D", N=5, D=6),
    case("concat", {"over": "D"}, "N M, N 3", N=5, M=6),
    case("concat", {"over": "W"}, "C H M, C H 2", C=6, H=13, M=18),
    case("mean", {}, "C H W, C H W, C H W", **MAP),
    case("max", {}, "C H W, C H W, C H W", **MAP),
    case("subtract", {}, "N D, D", N=5, D=6),
    case("absolute_difference", {}, "D, D", D=6),
    case("divide", {}, "N D, N D", N=5, D=6),
    case("multiply", {}, "C H W, C 1 1", **MAP),
    case("multiply", {}, "C, C H W", **MAP),
    case("multiply", {}, "D, N D", N=5, D=6),
    case("matmul", {}, "N K, K M", N=5, K=4, M=7),
    case("roi_align", {"proposals": "R", "out": 7}, "C H W, C 5 6", **MAP, R=3),
    case("grid_sample", {}, "C H W, 2 M N", **MAP, M=5, N=7),
    case("grid_sample", {"mode": "nearest"}, "C T H W, 3 2 M N", T=5, **MAP, M=5, N=7),
    case("deform_conv", {"out": "K", "kernel": 3, "pad": 1}, "C H W, 18 H W", **MAP, K=4),
    case("deform_conv", {"out": 4, "kernel": [1, 3], "pad": [0, 1], "groups": 2}, "C H W, 12 H W, 6 H W", **MAP),
    case("deformable_attention", {"heads": 2, "levels": [["M", 1]]}, "N 24, N 12, N 2, M D", N=7, D=6, M=4),
    case("deformable_attention", {"heads": 2, "levels": [[2, 3], [1, 3]]}, "N 24, N 12, N 4, 9 D", N=7, D=6),
    case("matmul", {}, "C N D, C D N", C=3, N=5, D=6),
    case("scaled_dot_product_attention", {}, "N D, N D, N D", N=5, D=6),
    case("scaled_dot_product_attention", {}, "C N D, C M D, C M K", C=3, N=5, D=6, M=7, K=4),
    case("scaled_dot_product_attention", {"causal": True}, "C N D, C N D, C N D", C=3, N=5, D=6),
    case("scaled_dot_product_attention", {"keys_read": "r"}, "C N D, G M D, G M D", C=4, G=2, N=5, D=6, M=7, r=3),
    case("scaled_dot_product_attention", {"causal": True, "keys_read": "r"}, "N D, N D, N D", N=5, D=6, r=3),
    case("scaled_dot_product_attention", {"relative_positions": "R"}, "C N D, C M D, C M D", C=3, N=5, D=6, M=7, R=12),
    *(case(kind, {}, "C H W", **MAP) for kind in (*IDENTITIES, "squared_relu", "star_relu")),
    case("crop", {"out": [4, 7]}, "C H W", **MAP),
    case("crop", {"out": ["H", 7], "start": [0, 1]}, "C H W", **MAP),
    case("roll", {"rows": 1, "columns": -2, "channels": "K"}, "C H W", **MAP, K=4),
    case("pixel_shuffle", {}, "8 H W", H=13, W=18),
    case("pixel_shuffle", {"factor": [1, 3]}, "6 H W", H=13, W=18),
    case("fold", {"out": [13, 9], "kernel": 3, "stride": 2, "pad": 1}, "35 D", D=36),
    case("concat", {"fit": "crop"}, "C H W, B 9 W", **MAP, B=2),
    case("concat", {"fit": "pad"}, "C H W, B 9 20", **MAP, B=2),
    case("reduce_axes", {"by": "mean", "over": "channels"}, "C H W", **MAP),
    case("reduce_axes", {"by": "max", "over": "last"}, "C H W", **MAP),
    case("reduce_axes", {"by": "sum", "over": "last"}, "C H W", **MAP),
    case("maxpool", {"kernel": 3, "stride": 2, "pad": 1, "dilation": 2, "ceil_mode": True}, "C H W", **MAP),
    case("conv_transpose", {"out": "K", "kernel": 3, "stride": 2, "pad": "same"}, "C H W", **MAP, K=4),
    case("conv_transpose", {"out": "K", "kernel": 2, "stride": 3, "pad": "same"}, "C H W", **MAP, K=4),
    case("frames", {}, "C T H W", T=5, **MAP),
    Case("merge_frames", {}, (NamedShape("TCHW", of=MAPS, front=(Leading("T"),)),), {"T": 5, **MAP}),
    Case("merge_frames", {}, (NamedShape("TND", front=(Leading("T"),)),), {"T": 5, "N": 6, "D": 4}),
    Case("merge_frames", {}, (NamedShape("TD", front=(Leading("T"),)),), {"T": 5, "D": 4}),
    case("windows", {"window": 4, "shift": 2}, "C H W", **MAP),
    case("windows", {"window": [3, "M"], "strided": True}, "C H W", M=2, **MAP),
    Case(
        "merge_windows",
        {},
        (windows("w", 12, "D", laid=(("H", "W"), (4, 3), (0, 2), False)),),
        {"w": 24, "D": 4, **MAP},
    ),
    Case("merge_windows", {}, (windows("w", "C", 3, 2, laid=((12, 8), (6, 4), (0, 0), True)),), {"w": 4, "C": 6}),
    Case(
        "attention", {"heads": 2}, (windows("w", "N", "D", laid=((8,), (4,), (0,), False)),), {"w": 3, "N": 5, "D": 6}
    ),
    Case("conv", {"out": 3, "kernel": 3}, (NamedShape("TCHW", of=MAPS, front=(Leading("T"),)),), {"T": 5, **MAP}),
    *(
        case(kind, fields, shape, **sizes)
        for shape, sizes in (("C L", {"C": 6, "L": 18}), ("C T H W", {"C": 6, "T": 9, "H": 13, "W": 18}))
        for kind, fields in ON_ANY_AXES
    ),
    case("conv", {"out": "C", "kernel": "k", "stride": "S", "groups": "C"}, "C L", C=6, L=40, k=3, S=2),
    case("conv", {"out": 4, "kernel": [1, 3, 5], "stride": [1, 2, 3], "pad": [0, 1, 2]}, "3 T H W", T=5, H=9, W=9),
    case("avgpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "C L", C=6, L=18),
    case("avgpool", {"kernel": 3, "stride": 2, "pad": 1, "ceil_mode": True, "count_pad": False}, "C L", C=6, L=18),
    case("upsample", {"mode": "linear", "scale": "S"}, "C L", C=6, L=18, S=3),
    case("upsample", {"mode": "trilinear", "scale": [1, 2, "S"]}, "C T H W", C=6, T=3, H=4, W=5, S=3),
    case("zero_pad", {"positions": [1, "P"]}, "C L", C=6, L=18, P=3),
    case("zero_pad", {"frames": [1, "P"], "rows": 2, "channels": 1}, "C T H W", C=6, T=3, H=4, W=5, P=3),
    case("multiply", {}, "C, C L", C=6, L=18),
    case("multiply", {}, "C T H W, C", C=6, T=3, H=4, W=5),
]


def label(item: Case) -> str:
    return f"{item.kind} {item.fields} {item.inputs}"


each_case = pytest.mark.parametrize("case", CASES, ids=label)
some_cases = pytest.mark.parametrize("case", whole_in(3, CASES), ids=label)


def numbers(facts: Facts) -> dict[str, Any]:
    """Everything that a layer says, each number under its own name."""
    return {
        **{f"output {axis}": size for axis, size in enumerate(facts.output)},
        **{f"parameters: {role}": count for role, count in facts.parameters.items()},
        **{f"buffers: {name}": count for name, count in facts.buffers.items()},
        **{f"work: {primitive}": count for primitive, count in facts.work.items()},
    }


def test_every_kind_has_a_case_and_a_source():
    assert {case.kind for case in CASES} == set(KINDS)
    assert all(kind.source and kind.__doc__ for kind in KINDS.values())


@each_case
def test_names_are_known_primitives_roles_and_buffers(case: Case):
    facts = case.facts(case.sizes)
    assert set(facts.work) <= set(PRIMITIVES)
    assert set(facts.parameters) <= set(ROLES)
    assert set(facts.buffers) <= set(BUFFERS)


def test_every_known_name_is_used():
    usual = [case.facts(case.sizes) for case in CASES]
    facts = [*usual, *(Facts(each.layer.in_form(form), each.inputs) for each in usual for form in each.layer.forms)]
    assert {name for each in facts for name in each.work} == set(PRIMITIVES)
    assert {name for each in facts for name in each.parameters} == set(ROLES)
    assert {name for each in facts for name in each.buffers} == set(BUFFERS)
    assert {form for kind in KINDS.values() for form in kind.forms} == {*FORMS, *WAYS}
    assert {form for kind in KINDS.values() if kind.composed is True for form in kind.forms} - {"module", "conv"} == {
        *WAYS
    }
    assert {*STANDS_FOR, *STANDS_FOR.values()} <= set(PRIMITIVES)
    assert {*SPECIAL, *SPECIAL.values()} <= set(FORMS)


@each_case
def test_ints_give_ints(case: Case):
    assert {type(number) for number in numbers(case.facts(case.sizes)).values()} == {int}


@each_case
def test_symbols_then_numbers_agree_with_ints(case: Case):
    formulas = numbers(case.facts({name: symbols.symbol(name) for name in case.sizes}))
    for sizes in case.settings():
        bound = {name: symbols.evaluate(formula, sizes) for name, formula in formulas.items()}
        assert bound == numbers(case.facts(sizes)), sizes


@some_cases
def test_arrays_agree_with_ints(case: Case):
    settings = case.settings()
    columns = numbers(case.facts({name: many(*(sizes[name] for sizes in settings)) for name in case.sizes}))
    for i, sizes in enumerate(settings):
        assert {name: at(i, column) for name, column in columns.items()} == numbers(case.facts(sizes)), sizes


@some_cases
def test_workings_agree_with_ints_and_with_their_own_text(case: Case):
    for sizes in case.settings():
        plain = case.facts(sizes)
        inputs = tuple(shape.each(with_working) for shape in plain.inputs)
        shown = Facts(plain.layer.with_values(with_working), inputs)
        workings = {name: Working.of(number) for name, number in numbers(shown).items()}
        expected = numbers(plain)
        assert {name: working.value for name, working in workings.items()} == expected
        assert {name: eval(working.text, {}) for name, working in workings.items()} == expected


def test_a_working_of_symbols_keeps_the_formula():
    layer = KINDS["maxpool"](kernel=2, stride=3, ceil_mode=True)
    facts = Facts(layer.with_values(with_working), with_working(((4, H, 8),)))
    assert Working.of(facts.output[1]).value == symbols.closed_form(layer.output((4, H, 8))[1])


def test_ceil_mode_with_a_symbolic_kernel():
    """Windows of 2 in steps of 3 over 15: from 0, 3, 6, 9, 12; a sixth would start past the end."""
    height = KINDS["maxpool"](kernel=D, stride=3, ceil_mode=True).output((1, H, 8))[1]
    assert symbols.evaluate(height, {"H": 15, "D": 2}) == 5


def test_an_array_of_paddings():
    assert KINDS["conv"](out=1, kernel=3, pad=many(0, 1, 2)).output((1, 8, 8))[1] == many(6, 8, 10)


def workings(depth: int) -> st.SearchStrategy[Working]:
    """Numbers from 1 on, put together with what formulas may use; divisors are plain."""
    plain = st.integers(1, 12).map(Working)
    if depth == 0:
        return plain
    part = workings(depth - 1)
    return st.one_of(
        plain,
        st.builds(operator.add, part, part),
        st.builds(operator.mul, part, part),
        st.builds(operator.sub, part, part),
        st.builds(operator.neg, part),
        st.builds(operator.floordiv, part, plain),
        st.builds(ceil_div, part, plain),
        st.builds(product, st.lists(part, min_size=1, max_size=3)),
        st.builds(operator.add, st.integers(0, 3), part),
        st.builds(operator.sub, st.integers(0, 3), part),
        st.builds(operator.mul, st.integers(0, 3), part),
    )


@given(workings(4))
def test_a_working_reads_as_its_value(working: Working):
    assert eval(working.text, {}) == working.value


@pytest.mark.parametrize(
    ("working", "text"),
    [
        (product([Working(3), 3, 64]) * 64 + Working(64), "(3*3*64)*64 + 64"),
        (product([Working(1), 1, 64]), "64"),
        (Working(2) * Working(3) * 4, "2*3*4"),
        (Working(7) - (Working(3) - Working(1)), "7 - (3 - 1)"),
        ((Working(7) + 2 * Working(1) - Working(3)) // Working(2) + 1, "(7 + 2 - 3)//2 + 1"),
        (7 - Working(2), "7 - 2"),
        (7 // Working(2), "7//2"),
        (Working(6) / (Working(1) + 2), "6/(1 + 2)"),
        (Working(5) * 1 + 0, "5"),
        (0 * Working(5), "0"),
    ],
)
def test_a_working_shows_no_more_than_it_has_to(working: Working, text: str):
    assert working.text == text


def test_workings_compare_as_their_values():
    small, large = Working(1) + 1, Working(3)
    assert small == Working(2) == 2
    assert small != large
    assert small < large
    assert small <= 2 <= small
    assert large > small
    assert large >= 3
    assert not small < 2
    assert not large > 3
    assert hash(small) == hash(2)


# Facts worked out by hand. Work is written without the elements that arrive and leave.


class Fact(NamedTuple):
    kind: str
    fields: dict[str, Any]
    shapes: str
    parameters: dict[str, int] = {}
    work: dict[str, int] = {}
    buffers: dict[str, int] = {}


FACTS = [
    # AlexNet's first layer; VGG's first; a depthwise 3x3; two groups; a 7x7 window dilated to 13x13
    Fact("conv", {"out": 64, "kernel": 11, "stride": 4, "pad": 2}, "3 224 224 -> 64 55 55",
         {"weight": 11*11*3*64, "bias": 64}, {"multiply_adds": 11*11*3*64 * 55*55, "bias_additions": 64*55*55}),
    Fact("conv", {"out": 64, "kernel": 3, "pad": 1}, "3 224 224 -> 64 224 224",
         {"weight": 1728, "bias": 64}, {"multiply_adds": 86_704_128, "bias_additions": 64*224*224}),
    Fact("conv", {"out": 32, "kernel": 3, "pad": 1, "groups": 32, "bias": False}, "32 10 12 -> 32 10 12",
         {"weight": 3*3*32}, {"multiply_adds": 3*3*32 * 10*12}),
    Fact("conv", {"out": 256, "kernel": 5, "pad": 2, "groups": 2}, "96 27 27 -> 256 27 27",
         {"weight": 2 * 25*48*128, "bias": 256}, {"multiply_adds": 2 * 25*48*128 * 27*27, "bias_additions": 256*27*27}),
    Fact("conv", {"out": 1, "kernel": 7, "dilation": 2, "bias": False}, "1 13 20 -> 1 1 8",
         {"weight": 49}, {"multiply_adds": 49*8}),
    Fact("conv", {"out": 5, "kernel": [1, 7], "pad": [0, 3]}, "2 9 9 -> 5 9 9",
         {"weight": 7*2*5, "bias": 5}, {"multiply_adds": 7*2*5 * 81, "bias_additions": 5*81}),
    Fact("conv", {"out": 8, "kernel": 3, "stride": 2, "pad": "same"}, "4 7 8 -> 8 4 4",
         {"weight": 9*4*8, "bias": 8}, {"multiply_adds": 9*4*8 * 16, "bias_additions": 8*16}),
    Fact("conv", {"out": 2, "kernel": 5, "connections": [[0, 1], [2]]}, "3 6 6 -> 2 2 2",
         {"weight": 25*2 + 25*1, "bias": 2}, {"multiply_adds": (25*2 + 25*1) * 4, "bias_additions": 2*4}),
    # NFNet-F0's first 3x3 in groups of 128, and the projection after it without gain
    Fact("conv", {"out": 128, "kernel": 3, "pad": 1, "standardized": True, "gain": True}, "128 64 64 -> 128 64 64",
         {"weight": 9*128*128, "bias": 128, "scale": 128},
         {"multiply_adds": 9*128*128 * 64*64, "bias_additions": 128*64*64, "standardized_weights": 9*128*128,
          "scaled_weights": 9*128*128}),
    Fact("conv", {"out": 256, "kernel": 1, "bias": False, "standardized": True}, "128 64 64 -> 256 64 64",
         {"weight": 128*256}, {"multiply_adds": 128*256 * 64*64, "standardized_weights": 128*256}),
    # U-Net's first up-convolution; DCGAN's second; sides that differ: 4*2 + 5 + 1 - 2 = 12, 5*3 + 2 + 2 = 19.
    Fact("conv_transpose", {"out": 512, "kernel": 2, "stride": 2}, "1024 28 28 -> 512 56 56",
         {"weight": 4*1024*512, "bias": 512},
         {"multiply_adds": 4*1024*512 * 28*28,
          "bias_additions": 512 * 56*56}),
    # Mask R-CNN's on 100 masks of 14x14, one below the other: each is 28 rows of its own
    Fact("conv_transpose", {"out": 256, "kernel": 2, "stride": 2, "stack": 100}, "256 1400 14 -> 256 2800 28",
         {"weight": 4*256*256, "bias": 256},
         {"multiply_adds": 4*256*256 * 1400*14,
          "bias_additions": 256 * 2800*28}),
    Fact("conv_transpose", {"out": 512, "kernel": 4, "stride": 2, "pad": 1, "bias": False}, "1024 4 4 -> 512 8 8",
         {"weight": 16*1024*512}, {"multiply_adds": 16*1024*512 * 4*4}),
    Fact("conv_transpose", {"out": 6, "kernel": [3, 2], "stride": [2, 3], "pad": [1, 0], "output_pad": [1, 2],
                            "dilation": [2, 1], "groups": 2}, "4 5 6 -> 6 12 19",
         {"weight": 3*2 * 4 * 3, "bias": 6},
         {"multiply_adds": 3*2*4*3 * 5*6,
          "bias_additions": 6 * 12*19}),
    # 112 to 56: padded as in ResNet, rounded up as in GoogLeNet; a last window that would start in the padding
    Fact("maxpool", {"kernel": 3, "stride": 2, "pad": 1}, "64 112 112 -> 64 56 56", {},
         {"window_elements": 9*64*56*56}),
    Fact("maxpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "64 112 112 -> 64 56 56", {},
         {"window_elements": 9*64*56*56}),
    Fact("maxpool", {"kernel": 3, "stride": 2}, "64 112 112 -> 64 55 55", {},
         {"window_elements": 9*64*55*55}),
    Fact("maxpool", {"kernel": 2, "stride": 2, "pad": 1, "ceil_mode": True}, "1 3 4 -> 1 2 3", {},
         {"window_elements": 4*2*3}),
    # Without a stride windows lie side by side, as in torch, Keras and darknet
    Fact("maxpool", {"kernel": 2}, "6 28 28 -> 6 14 14", {},
         {"window_elements": 4*6*14*14}),
    Fact("avgpool", {"kernel": [2, 3], "pad": "same"}, "1 5 7 -> 1 3 3", {},
         {"window_elements": 6*9, "averaged_elements": 6*9}),
    Fact("maxpool", {"kernel": 3, "stride": 2, "pad": "same"}, "2 5 6 -> 2 3 3", {},
         {"window_elements": 9*2*9}),
    # Means: of whole windows; 56 windows of 3, the last of which lacks one; at both edges of 5, windows of 2 elements.
    # 4 padded by 1: windows of 2, 3 and 1 elements, of 3, 3 and 2 with the padding, 6 and 8 along each side
    Fact("avgpool", {"kernel": [2, 3], "stride": [2, 3]}, "4 6 7 -> 4 3 2", {},
         {"window_elements": 6*4*6, "averaged_elements": 6*4*6}),
    Fact("avgpool", {"kernel": 3, "stride": 1, "pad": 1}, "2 5 5 -> 2 5 5", {},
         {"window_elements": 9*2*25, "averaged_elements": 9*2*25}),
    Fact("avgpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "64 112 112 -> 64 56 56", {},
         {"window_elements": 9*64*56*56,
          "averaged_elements": 64 * (55*3 + 2) * (55*3 + 2)}),
    Fact("avgpool", {"kernel": 3, "stride": 1, "pad": 1, "count_pad": False}, "2 5 5 -> 2 5 5", {},
         {"window_elements": 9*2*25, "averaged_elements": 2 * (2+3*3+2) * (2+3*3+2)}),
    Fact("avgpool", {"kernel": 3, "stride": 2, "pad": 1, "ceil_mode": True}, "1 4 4 -> 1 3 3", {},
         {"window_elements": 9*9, "averaged_elements": (3+3+2) * (3+3+2)}),
    Fact("avgpool", {"kernel": 3, "stride": 2, "pad": 1, "ceil_mode": True, "count_pad": False}, "1 4 4 -> 1 3 3", {},
         {"window_elements": 9*9, "averaged_elements": (2+3+1) * (2+3+1)}),
    # 4 rows by two: 2 + 2 + 2 + 1; 5 columns by three: 2 + 3 + 3 + 3 + 2; what `same` pads is there before any rounding
    Fact("avgpool", {"kernel": [2, 3], "stride": 1, "pad": "same", "count_pad": False}, "6 4 5 -> 6 4 5", {},
         {"window_elements": 6 * 6*20, "averaged_elements": 6 * 7*13}),
    Fact("avgpool", {"kernel": 2, "stride": 1, "pad": "same", "ceil_mode": True}, "1 5 5 -> 1 5 5", {},
         {"window_elements": 4*25, "averaged_elements": 4*25}),
    Fact("avgpool", {"kernel": [1, 3], "stride": [1, 2], "pad": [0, 1], "count_pad": False}, "2 3 5 -> 2 3 3", {},
         {"window_elements": 3*2*9, "averaged_elements": 2 * 3 * (2+3+2)}),
    Fact("global_avgpool", {}, "2048 7 7 -> 2048", {}, {"window_elements": 2048*49}),
    Fact("global_avgpool", {"keep_dims": True}, "16 7 5 -> 16 1 1", {}, {"window_elements": 16*35}),
    Fact("global_avgpool", {}, "196 768 -> 768", {}, {"window_elements": 196*768}),
    Fact("global_avgpool", {"keep_dims": True}, "196 768 -> 1 768", {}, {"window_elements": 196*768}),
    # 7 into 3: windows 0-2, 2-4, 4-6; 3 into 6: each element twice
    Fact("adaptive_avgpool", {"out": 3}, "2 7 7 -> 2 3 3", {}, {"window_elements": 2 * 9*9}),
    Fact("adaptive_avgpool", {"out": [6, 1]}, "2 3 5 -> 2 6 1", {}, {"window_elements": 2 * 6*5}),
    Fact("adaptive_maxpool", {"out": [3, 6]}, "2 7 3 -> 2 3 6", {}, {"window_elements": 2 * 9*6}),
    # LeNet's S2: 12 trained parameters; a window of 4, one coefficient, one bias an output
    Fact("subsample", {}, "6 28 28 -> 6 14 14", {"scale": 6, "shift": 6},
         {"window_elements": 4*6*14*14, "multiplications": 6*14*14, "bias_additions": 6*14*14}),
    Fact("linear", {"out": 2}, "3 -> 2", {"weight": 6, "bias": 2}, {"multiply_adds": 6, "bias_additions": 2}),
    Fact("linear", {"out": 3072}, "197 768 -> 197 3072", {"weight": 768*3072, "bias": 3072},
         {"multiply_adds": 197*768*3072, "bias_additions": 197*3072}),
    Fact("pointwise_linear", {"out": 384, "bias": False}, "96 56 56 -> 384 56 56", {"weight": 96*384},
         {"multiply_adds": 96*384 * 56*56}),
    Fact("pointwise_linear", {"out": 2}, "3 5 5 -> 2 5 5", {"weight": 6, "bias": 2},
         {"multiply_adds": 6*25, "bias_additions": 2*25}),
    Fact("radial_basis", {"out": 10}, "84 -> 10", {}, {"multiply_adds": 840}, {"codes": 7*12 * 10}),
    Fact("batchnorm", {}, "64 7 7 -> 64 7 7", {"scale": 64, "shift": 64},
         {"normalized_elements": 64*7*7, "affine_elements": 64*7*7},
         {"running_mean": 64, "running_variance": 64, "batches_tracked": 1}),
    Fact("batchnorm", {"affine": False}, "64 -> 64", {}, {"normalized_elements": 64},
         {"running_mean": 64, "running_variance": 64, "batches_tracked": 1}),
    # LeViT-256's first block on 14 x 14 places: one mean and variance a channel, over the tokens of all images
    Fact("batchnorm", {"eps": 1e-3}, "196 256 -> 196 256", {"scale": 256, "shift": 256},
         {"normalized_elements": 196*256, "affine_elements": 196*256},
         {"running_mean": 256, "running_variance": 256, "batches_tracked": 1}),
    # Detection's frozen norm: no parameters; a factor and an offset a channel are worked out of four buffers
    Fact("frozen_batchnorm", {}, "64 7 5 -> 64 7 5", {},
         {"multiplications": 64*7*5 + 2*64, "additions": 64*7*5 + 64},
         {"frozen_scale": 64, "frozen_shift": 64, "running_mean": 64, "running_variance": 64}),
    # ResMLP-S12's tokens; StarReLU's one factor and one offset
    Fact("affine", {}, "196 384 -> 196 384", {"scale": 384, "shift": 384},
         {"multiplications": 196*384, "additions": 196*384}),
    Fact("affine", {"shared": True}, "64 56 56 -> 64 56 56", {"scale": 1, "shift": 1},
         {"multiplications": 64*56*56, "additions": 64*56*56}),
    # a length is a square of each element and 5 sums of 6; XCiT's is along the tokens
    Fact("l2norm", {}, "5 6 -> 5 6", {}, {"multiplications": 30, "additions": 25, "divisions": 30}),
    Fact("l2norm", {"over": "N"}, "196 48 -> 196 48", {},
         {"multiplications": 196*48, "additions": 195*48, "divisions": 196*48}),
    # CAFormer's norms have a factor and no offset
    Fact("layernorm", {"bias": False}, "64 56 56 -> 64 56 56", {"scale": 64},
         {"normalized_elements": 64*56*56, "affine_elements": 64*56*56}),
    Fact("groupnorm", {"groups": 1, "bias": False}, "64 9 9 -> 64 9 9", {"scale": 64},
         {"normalized_elements": 64*81, "affine_elements": 64*81}),
    Fact("layernorm", {"affine": False, "bias": False}, "16 8 -> 16 8", {}, {"normalized_elements": 16*8}),
    Fact("layernorm", {}, "197 768 -> 197 768", {"scale": 768, "shift": 768},
         {"normalized_elements": 197*768, "affine_elements": 197*768}),
    Fact("layernorm", {}, "96 56 28 -> 96 56 28", {"scale": 96, "shift": 96},
         {"normalized_elements": 96*56*28, "affine_elements": 96*56*28}),
    Fact("layernorm", {"affine": False}, "16 8 -> 16 8", {}, {"normalized_elements": 16*8}),
    Fact("groupnorm", {"groups": 4}, "8 5 5 -> 8 5 5", {"scale": 8, "shift": 8},
         {"normalized_elements": 8*25, "affine_elements": 8*25}),
    Fact("instancenorm", {}, "8 5 6 -> 8 5 6", {}, {"normalized_elements": 8*30}),
    Fact("instancenorm", {"affine": True}, "8 5 6 -> 8 5 6", {"scale": 8, "shift": 8},
         {"normalized_elements": 8*30, "affine_elements": 8*30}),
    # AlexNet's neighbours: 5 channels, two more on each side of the 96; an even number pads one side by one more
    Fact("local_response_norm", {}, "96 55 55 -> 96 55 55", {},
         {"padded_elements": (2+96+2) * 55*55}),
    Fact("local_response_norm", {"size": 4}, "8 5 6 -> 8 5 6", {},
         {"padded_elements": (2+8+1) * 30}),
    # ConvNeXt's factors, NFNet's one, Inception-ResNet's constant; ConvNeXt V2-T's first block
    Fact("layer_scale", {}, "96 56 28 -> 96 56 28", {"layer_scale": 96}, {"multiplications": 96*56*28}),
    Fact("layer_scale", {"shared": True}, "96 5 6 -> 96 5 6", {"layer_scale": 1}, {"multiplications": 96*30}),
    Fact("layer_scale", {"constant": 0.17}, "96 5 6 -> 96 5 6", {}, {"multiplications": 96*30}),
    Fact("global_response_norm", {}, "384 56 56 -> 384 56 56", {"scale": 384, "shift": 384},
         {"normalized_elements": 384*56*56, "affine_elements": 384*56*56, "additions": 384*56*56}),
    # ViT-B/16: 12 heads of 64; scores and weighted values are 12 products of 197x64x197; a sum of 197 takes 196
    Fact("attention", {"heads": 12}, "197 768 -> 197 768", {"weight": 4*768*768, "bias": 4*768},
         {"multiply_adds": 197 * 4*768*768, "product_multiply_adds": 2 * 12 * 197*64*197, "multiplications": 12*197*64,
          "exponentials": 12*197*197, "softmax_additions": 12*197*196, "divisions": 12*197*197,
          "product_elements": 12*197*197 + 12*197*64,
          "bias_additions": 197 * 4*768}),
    Fact("attention", {"heads": 2, "head_dim": 5, "qkv_bias": False}, "3 4 -> 3 4",
         {"weight": 3*4*10 + 10*4, "bias": 4},
         {"multiply_adds": 3 * (3*4*10 + 10*4), "product_multiply_adds": 2 * 2 * 3*5*3, "multiplications": 2*3*5,
          "exponentials": 2*3*3, "softmax_additions": 2*3*2, "divisions": 2*3*3,
          "product_elements": 2*3*3 + 2*3*5,
          "bias_additions": 3*4}),
    # BEiT's: no bias for keys
    Fact("attention", {"heads": 1, "qkv_bias": "qv", "out_bias": False}, "3 4 -> 3 4",
         {"weight": 4 * 4*4, "bias": 2*4},
         {"multiply_adds": 3 * 4*4*4, "product_multiply_adds": 2 * 3*4*3, "multiplications": 3*4,
          "exponentials": 3*3, "softmax_additions": 3*2, "divisions": 3*3,
          "product_elements": 3*3 + 3*4,
          "bias_additions": 3 * 2*4},
         {"key_bias": 4}),
    Fact("attention", {"heads": 1, "out_bias": False}, "3 4 -> 3 4", {"weight": 4 * 4*4, "bias": 3*4},
         {"multiply_adds": 3 * 4*4*4, "product_multiply_adds": 2 * 3*4*3, "multiplications": 3*4,
          "exponentials": 3*3, "softmax_additions": 3*2, "divisions": 3*3,
          "product_elements": 3*3 + 3*4,
          "bias_additions": 3 * 3*4}),
    Fact("attention", {"heads": 1, "qkv_bias": False, "out_bias": False}, "3 4 -> 3 4", {"weight": 4 * 4*4},
         {"multiply_adds": 3 * 4*4*4, "product_multiply_adds": 2 * 3*4*3, "multiplications": 3*4,
          "exponentials": 3*3, "softmax_additions": 3*2, "divisions": 3*3,
          "product_elements": 3*3 + 3*4}),
    # Swin-T's first block: 64 windows of 49 tokens, 13*13 relative positions; and 8x8 padded to 14x14, 4 windows
    Fact("window_attention", {"heads": 3, "window": 7}, "96 56 56 -> 96 56 56",
         {"weight": 4*96*96, "bias": 4*96, "relative_position_bias": 13*13*3},
         {"multiply_adds": 56*56 * 4*96*96, "product_multiply_adds": 2 * 64 * 49*49*96, "multiplications": 64 * 49*96,
          "exponentials": 64 * 3*49*49, "softmax_additions": 64 * 3*49*48, "divisions": 64 * 3*49*49,
          "product_elements": 64 * (3*49*49 + 49*96),
          "additions": 64 * 3*49*49, "bias_additions": 56*56 * 4*96}, {"relative_position_index": 49*49}),
    Fact("window_attention", {"heads": 1, "window": 7, "relative_position_bias": False, "qkv_bias": False},
         "2 8 8 -> 2 8 8",
         {"weight": 4*2*2, "bias": 2},
         {"multiply_adds": 14*14 * 16, "product_multiply_adds": 2 * 4 * 49*49*2, "multiplications": 4 * 49*2,
          "exponentials": 4 * 49*49, "softmax_additions": 4 * 49*48, "divisions": 4 * 49*49,
          "product_elements": 4 * (49*49 + 49*2),
          "bias_additions": 14*14 * 2}),
    # Swin V2-T's first block: 15*15 relative positions through 512 hidden units for three heads, once a batch; lengths
    # of queries and keys, whose squares add up 32 by 32; a factor a head, learned as its logarithm; 16 x a sigmoid
    Fact("window_attention", {"heads": 3, "window": 8, "cosine": True, "position_mlp": 512}, "96 64 64 -> 96 64 64",
         {"weight": 4*96*96 + 512 * (2 + 3), "bias": 4*96 + 512, "logit_scale": 3},
         {"multiply_adds": 64*64 * 4*96*96 + 15*15 * 512 * (2 + 3), "product_multiply_adds": 2 * 64 * 64*64*96,
          "multiplications": 2 * 64*64*96 + 64 * 3*64*64 + 3*64*64,
          "exponentials": 64 * 3*64*64 + 3, "softmax_additions": 64 * 3*64*63,
          "divisions": 2 * 64*64*96 + 64 * 3*64*64, "product_elements": 64 * (3*64*64 + 64*96),
          "additions": 64 * 3*64*64 + 2 * 64*64*3 * 31, "bias_additions": 64*64 * 4*96 + 15*15 * 512},
         {"relative_position_index": 64*64, "relative_coordinates": 2 * 15*15}),
    # MaxViT: 3x5 distances in windows of 2x3; for 2*2 pairs of rows and 5 columns 3 products, for 4*9 pairs of places 5
    Fact("window_attention", {"heads": 1, "window": [2, 3], "one_hot_lookup": True, "qkv_bias": False,
                              "out_bias": False}, "2 2 3 -> 2 2 3",
         {"weight": 4*2*2, "relative_position_bias": 3*5},
         {"multiply_adds": 6 * 16, "product_multiply_adds": 2 * 6*6*2 + 4*5*3 + 4*9*5, "multiplications": 6*2,
          "additions": 6*6,
          "exponentials": 6*6, "softmax_additions": 6*5, "divisions": 6*6,
          "product_elements": 6*6 + 6*2 + 4*5 + 4*9}, {"one_hot_positions": 2*2*3 + 3*3*5}),
    # Video Swin: eight windows of 2x2x3 in a video of 3x3x4 that is padded to 4x4x6, 3*3*5 relative positions
    Fact("window_attention", {"heads": 1, "window": [2, 2, 3], "qkv_bias": False, "out_bias": False},
         "2 3 3 4 -> 2 3 3 4",
         {"weight": 4*2*2, "relative_position_bias": 3*3*5},
         {"multiply_adds": 4*4*6 * 16, "product_multiply_adds": 2 * 8 * 12*12*2, "multiplications": 8 * 12*2,
          "additions": 8 * 12*12,
          "exponentials": 8 * 12*12, "softmax_additions": 8 * 12*11, "divisions": 8 * 12*12,
          "product_elements": 8 * (12*12 + 12*2)}, {"relative_position_index": 12*12}),
    # one window of 7x6 around a map of 5x4: without padding it shrinks to the shorter side, 4x4
    Fact("window_attention", {"heads": 1, "window": [7, 6], "relative_position_bias": False, "qkv_bias": False,
                              "out_bias": False}, "2 5 4 -> 2 5 4",
         {"weight": 4*2*2},
         {"multiply_adds": 7*6 * 16, "product_multiply_adds": 2 * 42*42*2, "multiplications": 42*2,
          "exponentials": 42*42, "softmax_additions": 42*41, "divisions": 42*42, "product_elements": 42*42 + 42*2}),
    # CLIP's words
    Fact("embedding", {"vocabulary": 49408, "out": 512}, "77 -> 77 512", {"embedding": 49408*512}),
    Fact("tokens", {}, "768 14 14 -> 196 768"),
    Fact("class_token", {}, "196 768 -> 197 768", {"class_token": 768}),
    Fact("class_token", {"count": 5}, "196 768 -> 201 768", {"class_token": 5*768}),
    Fact("position_embedding", {}, "197 768 -> 197 768", {"position_embedding": 197*768}, {"additions": 197*768}),
    Fact("position_embedding", {"fixed": True}, "4 3 -> 4 3", {"fixed_position_embedding": 12}, {"additions": 12}),
    # DETR's queries; StyleGAN's map to begin with; ConViT's relative coordinates of 196 places, no parameters
    Fact("learned", {"N": 100, "D": 256}, " -> 100 256", {"learned": 100*256}),
    Fact("learned", {"C": 512, "H": 4, "W": 4}, " -> 512 4 4", {"learned": 512*16}),
    Fact("constant", {"C": 3, "H": 196, "W": 196}, " -> 3 196 196", {}, {}, {"constant": 3*196*196}),
    Fact("constant", {"N": 100, "D": 256, "computed": True}, " -> 100 256"),
    # Segment Anything's 64 x 64 places; a map of 14 x 14 whose positions are those of 7 x 7; sines, no parameters
    Fact("position_embedding", {}, "768 64 64 -> 768 64 64", {"position_embedding": 768*4096},
         {"additions": 768*4096}),
    # MViT: the same in each of 8 frames; and in each of 56x56 places, as a buffer
    Fact("position_embedding", {"over": ["H", "W"]}, "96 8 56 56 -> 96 8 56 56", {"position_embedding": 96*56*56},
         {"additions": 96*8*56*56}),
    Fact("position_embedding", {"over": "T", "fixed": "buffer"}, "96 8 56 56 -> 96 8 56 56", {},
         {"additions": 96*8*56*56}, {"positions": 96*8}),
    Fact("position_embedding", {"grid": 7}, "64 14 14 -> 64 14 14", {"position_embedding": 64*49},
         {"antialiased_elements": 64*196, "additions": 64*196}),
    Fact("position_embedding", {"grid": 7, "mode": "bilinear", "antialias": False}, "64 14 14 -> 64 14 14",
         {"position_embedding": 64*49}, {"bilinear_elements": 64*196, "additions": 64*196}),
    Fact("position_embedding", {"grid": 14}, "64 14 14 -> 64 14 14", {"position_embedding": 64*196},
         {"additions": 64*196}),
    Fact("position_embedding", {"fixed": "buffer"}, "4 3 -> 4 3", {}, {"additions": 12}, {"positions": 12}),
    Fact("position_embedding", {"fixed": "computed"}, "4 3 -> 4 3", {}, {"additions": 12}),
    Fact("take_token", {}, "1 768 -> 768"),
    Fact("take_token", {"index": 196}, "197 768 -> 768"),
    Fact("keep_tokens", {"count": 49}, "196 1024 -> 49 1024"),
    Fact("keep_tokens", {"count": 196, "start": 1}, "197 768 -> 196 768"),
    Fact("append_tokens", {"count": 0}, "4 5 -> 4 5", {"mask_token": 5}),
    Fact("append_tokens", {"count": 147}, "50 512 -> 197 512", {"mask_token": 512}),
    Fact("flatten", {}, "512 7 7 -> 25088"),
    # the half of ShuffleNet V2's channels that a unit leaves alone, and the other; ResNet-20's shortcut into 32
    Fact("keep_channels", {"count": 58}, "116 28 28 -> 58 28 28"),
    Fact("keep_channels", {"count": 58, "start": 58}, "116 28 28 -> 58 28 28"),
    Fact("keep_channels", {"count": 64}, "197 192 -> 197 64"),
    Fact("keep_channels", {"count": 512, "start": 512}, "1024 -> 512"),
    Fact("channel_shuffle", {"groups": 3}, "240 28 28 -> 240 28 28"),
    Fact("rearrange", {"pattern": "C H W -> (H W) C"}, "768 14 14 -> 196 768"),
    Fact("rearrange", {"pattern": "C (r m) (c n) -> (m n C) r c", "m": 2, "n": 2}, "96 56 56 -> 384 28 28"),
    Fact("rearrange", {"pattern": "N (p[0] h d) -> h N d", "p": 3, "h": 12}, "197 2304 -> 12 197 64"),
    Fact("rearrange", {"pattern": "N[1:] D -> N D"}, "197 768 -> 196 768"),
    Fact("rearrange", {"pattern": "D -> D 1 1"}, "100 -> 100 1 1"),
    Fact("zero_pad", {"channels": 8}, "16 16 16 -> 32 16 16"),
    Fact("zero_pad", {"rows": [0, 1], "columns": [2, 3]}, "3 5 6 -> 3 6 11"),
    Fact("space_to_depth", {}, "96 56 55 -> 384 28 28"),
    # U-Net's skip of 136 beside 104; EDSR's map twice as large; VOLO's windows of 3x3 back on 28x28
    Fact("crop", {"out": 104}, "256 136 136 -> 256 104 104"),
    Fact("crop", {"out": [4, 5], "start": [1, 0]}, "3 5 6 -> 3 4 5"),
    Fact("roll", {"rows": -1, "columns": 3}, "3 5 6 -> 3 5 6"),
    Fact("pixel_shuffle", {}, "256 48 48 -> 64 96 96"),
    Fact("fold", {"out": 28, "kernel": 3, "stride": 2, "pad": 1}, "196 1728 -> 192 28 28", {}, {"additions": 196*1728}),
    Fact("concat", {"fit": "crop"}, "512 64 64, 512 56 56 -> 1024 56 56"),
    Fact("concat", {"fit": "pad"}, "256 105 60, 256 104 60 -> 512 105 60"),
    # CBAM: both over channels
    Fact("reduce_axes", {"by": "mean", "over": "C"}, "64 56 56 -> 1 56 56", {}, {"window_elements": 64*56*56}),
    Fact("reduce_axes", {"by": "max", "over": "channels"}, "64 56 56 -> 1 56 56", {}, {"window_elements": 64*56*56}),
    Fact("squared_relu", {}, "8 5 6 -> 8 5 6"),
    Fact("star_relu", {}, "8 5 6 -> 8 5 6", {"scale": 1, "shift": 1},
         {"multiplications": 8*5*6, "additions": 8*5*6}),
    # 3x3 over 5 places: from 1 before to 3 after the middle one, as a window of 5
    Fact("maxpool", {"kernel": 3, "stride": 1, "pad": 1, "dilation": 2}, "4 7 8 -> 4 5 6", {},
         {"window_elements": 9 * 4*5*6, "padded_elements": 4*7*8}),
    # as Keras: twice as large whatever the kernel; one of 3 leaves out none before and one after
    Fact("conv_transpose", {"out": 8, "kernel": 3, "stride": 2, "pad": "same"}, "4 5 6 -> 8 10 12",
         {"weight": 4*8*9, "bias": 8}, {"multiply_adds": 4*8*9 * 5*6, "bias_additions": 8*10*12}),
    Fact("conv_transpose", {"out": 8, "kernel": 2, "stride": 3, "pad": "same", "bias": False}, "4 5 6 -> 8 15 18",
         {"weight": 4*8*4}, {"multiply_adds": 4*8*4 * 5*6}),
    Fact("upsample", {"scale": 3}, "8 5 6 -> 8 15 18", {}, {"nearest_elements": 8*15*18}),
    # UPerNet's finest pooled map back to stage 4's size
    Fact("upsample", {"out": [16, 64], "mode": "bilinear"}, "512 6 6 -> 512 16 64", {},
         {"bilinear_elements": 512*16*64}),
    Fact("upsample", {}, "8 5 6 -> 8 10 12", {}, {"nearest_elements": 8*10*12}),
    Fact("upsample", {"mode": "bilinear"}, "8 5 6 -> 8 10 12", {}, {"bilinear_elements": 8*10*12}),
    Fact("upsample", {"mode": "bicubic", "scale": 4}, "8 5 6 -> 8 20 24", {}, {"bicubic_elements": 8*20*24}),
    Fact("concat", {}, "64 28 28, 128 28 28, 32 28 28, 32 28 28 -> 256 28 28"),
    Fact("concat", {}, "1 768, 196 768 -> 197 768"),
    Fact("concat", {"over": "D"}, "196 768, 196 64 -> 196 832"),
    Fact("concat", {"over": "H"}, "3 5 8, 3 4 8 -> 3 9 8"),
    # a Mixer's tokens, whose 196 places are features then; XCiT's queries, 48 channels that ask about 48
    Fact("transpose", {}, "196 768 -> 768 196"),
    Fact("transpose", {}, "4 196 48 -> 4 48 196"),
    # adaLN's 1 + scale, and its product and sum: one vector for all tokens; ResMLP's affine is a factor and an offset
    Fact("offset", {"constant": 1}, "1152 -> 1152", {}, {"additions": 1152}),
    Fact("offset", {}, "196 384 -> 196 384", {"shift": 384}, {"additions": 196*384}),
    Fact("multiply", {}, "256 1152, 1152 -> 256 1152", {}, {"multiplications": 256*1152}),
    Fact("add", {}, "1152, 256 1152 -> 256 1152", {}, {"additions": 256*1152}),
    # Weights of 197 keys and their sums
    Fact("reduce_axes", {"by": "sum", "over": "last"}, "4 196 196 -> 4 196 1", {}, {"additions": 4*196*195}),
    Fact("divide", {}, "4 196 196, 4 196 1 -> 4 196 196", {}, {"divisions": 4*196*196}),
    Fact("absolute_difference", {}, "4096, 4096 -> 4096", {}, {"additions": 4096}),
    Fact("subtract", {}, "64 5 6, 64 5 6 -> 64 5 6", {}, {"additions": 64*30}),
    Fact("max", {}, "64 5 6, 64 5 6, 64 5 6 -> 64 5 6"),
    Fact("add", {}, "256 56 56, 256 56 56 -> 256 56 56", {}, {"additions": 256*56*56}),
    Fact("add", {}, "4 3, 4 3, 4 3 -> 4 3", {}, {"additions": 2 * 4*3}),
    # FractalNet's join of three columns
    Fact("mean", {}, "64 32 32, 64 32 32, 64 32 32 -> 64 32 32", {},
         {"additions": 2 * 64*32*32, "multiplications": 64*32*32}),
    Fact("multiply", {}, "96 28 28, 96 -> 96 28 28", {}, {"multiplications": 96*28*28}),
    Fact("multiply", {}, "96 1 1, 96 28 28 -> 96 28 28", {}, {"multiplications": 96*28*28}),
    Fact("matmul", {}, "3 4, 4 5 -> 3 5", {}, {"product_multiply_adds": 3*4*5, "product_elements": 3*5}),
    Fact("matmul", {}, "12 197 64, 12 64 197 -> 12 197 197", {},
         {"product_multiply_adds": 12 * 197*64*197, "product_elements": 12 * 197*197}),
    # Mask R-CNN's box head on three levels: 1000 regions of 7x7, four samples each
    Fact("roi_align", {"proposals": 1000, "out": 7}, "256 200 320, 256 100 160, 256 50 80 -> 256 7000 7", {},
         {"sampled_elements": 4 * 256*7000*7}),
    Fact("roi_align", {"proposals": 5, "out": 2, "samples": 1}, "4 9 9, 4 5 5 -> 4 10 2", {},
         {"sampled_elements": 4*10*2}),
    # A map of 5x7 samples, a video's, and one by its nearest elements
    Fact("grid_sample", {}, "6 13 18, 2 5 7 -> 6 5 7", {}, {"bilinear_elements": 6*5*7}),
    Fact("grid_sample", {}, "6 4 8 10, 3 2 5 7 -> 6 2 5 7", {}, {"trilinear_elements": 6*2*5*7}),
    Fact("grid_sample", {"mode": "nearest"}, "6 13 18, 2 5 7 -> 6 5 7", {}, {"nearest_elements": 6*5*7}),
    # 3x3, 64 to 64 on 64x64; with masks, four channels of a group moved by themselves
    Fact("deform_conv", {"out": 64, "kernel": 3, "pad": 1}, "64 64 64, 18 64 64 -> 64 64 64",
         {"weight": 36864, "bias": 64},
         {"multiply_adds": 150994944, "bilinear_elements": 9 * 64*64*64, "bias_additions": 64*64*64}),
    Fact("deform_conv", {"out": 8, "kernel": [3, 2], "stride": 2, "groups": 2, "bias": False},
         "8 9 10, 24 4 5, 12 4 5 -> 8 4 5", {"weight": 8*4*6},
         {"multiply_adds": 8*4*6 * 20, "bilinear_elements": 8*6*20, "multiplications": 8*6*20}),
    # Deformable DETR's decoder at 800x1216: 300 queries, 8 heads, 4 points in each of 4 levels
    Fact("deformable_attention", {"heads": 8, "levels": [[100, 152], [50, 76], [25, 38], [13, 19]]},
         "300 256, 300 128, 300 2, 20197 256 -> 300 256", {},
         {"product_multiply_adds": 300*256*16, "product_elements": 300*256, "bilinear_elements": 300*256*16,
          "exponentials": 300*128, "softmax_additions": 300*8*15, "divisions": 300*128 + 300*256,
          "additions": 2 * 300*256, "multiplications": 300*256}),
    # ViT-B/16's twelve heads; five queries of width 4 on seven keys, whose values have width 3
    Fact("scaled_dot_product_attention", {}, "12 197 64, 12 197 64, 12 197 64 -> 12 197 64", {},
         {"product_multiply_adds": 2 * 12 * 197*64*197, "unmasked_product_multiply_adds": 2 * 12 * 197*64*197,
          "multiplications": 12*197*64, "exponentials": 12*197*197,
          "softmax_additions": 12*197*196, "divisions": 12*197*197, "product_elements": 12*197*197 + 12*197*64}),
    Fact("scaled_dot_product_attention", {}, "5 4, 7 4, 7 3 -> 5 3", {},
         {"product_multiply_adds": 5*4*7 + 5*7*3, "unmasked_product_multiply_adds": 5*4*7 + 5*7*3,
          "multiplications": 5*4, "exponentials": 5*7,
          "softmax_additions": 5*6, "divisions": 5*7, "product_elements": 5*7 + 5*3}),
    # CLIP's eight text heads: of 77*77 pairs 77*76/2 are masked; BEiT's 27*27 + 3 relative positions
    Fact("scaled_dot_product_attention", {"causal": True}, "8 77 64, 8 77 64, 8 77 64 -> 8 77 64", {},
         {"product_multiply_adds": 2 * 8 * 77*77*64, "unmasked_product_multiply_adds": 2 * 8 * 77*39*64,
          "multiplications": 8*77*64, "exponentials": 8*77*77, "softmax_additions": 8*77*76, "divisions": 8*77*77,
          "product_elements": 8*77*77 + 8*77*64}),
    # 8 heads of queries on 2 of keys, each query reading 3 of 7 keys; causal, the first two of 5 read 1 and 2 keys
    Fact("scaled_dot_product_attention", {"keys_read": 3}, "8 5 4, 2 7 4, 2 7 4 -> 8 5 4", {},
         {"product_multiply_adds": 2 * 8 * 5*4*7, "unmasked_product_multiply_adds": 2 * 8 * 5*4*3,
          "multiplications": 8*5*4, "exponentials": 8*5*7, "softmax_additions": 8*5*6, "divisions": 8*5*7,
          "product_elements": 8*5*7 + 8*5*4}, {"attention_mask": 5*7}),
    Fact("scaled_dot_product_attention", {"keys_read": 3, "causal": True}, "5 4, 5 4, 5 4 -> 5 4", {},
         {"product_multiply_adds": 2 * 5*4*5, "unmasked_product_multiply_adds": 2 * 4 * (1 + 2 + 3 + 3 + 3),
          "multiplications": 5*4, "exponentials": 5*5, "softmax_additions": 5*4, "divisions": 5*5,
          "product_elements": 5*5 + 5*4}, {"attention_mask": 5*5}),
    Fact("scaled_dot_product_attention", {"keys_read": 9}, "5 4, 7 4, 7 4 -> 5 4", {},
         {"product_multiply_adds": 2 * 5*4*7, "unmasked_product_multiply_adds": 2 * 5*4*7,
          "multiplications": 5*4, "exponentials": 5*7, "softmax_additions": 5*6, "divisions": 5*7,
          "product_elements": 5*7 + 5*4}, {"attention_mask": 5*7}),
    Fact("scaled_dot_product_attention", {"relative_positions": 732}, "2 5 4, 2 7 4, 2 7 4 -> 2 5 4",
         {"relative_position_bias": 732*2},
         {"product_multiply_adds": 2 * 2 * 5*4*7, "unmasked_product_multiply_adds": 2 * 2 * 5*4*7,
          "multiplications": 2*5*4, "exponentials": 2*5*7, "additions": 2*5*7,
          "softmax_additions": 2*5*6, "divisions": 2*5*7, "product_elements": 2*5*7 + 2*5*4},
         {"relative_position_index": 5*7}),
    Fact("rmsnorm", {}, "256 4096 -> 256 4096", {"scale": 4096},
         {"normalized_elements": 256*4096, "affine_elements": 256*4096}),
    Fact("rmsnorm", {"affine": False}, "8 -> 8", {}, {"normalized_elements": 8}),
    # Keras' documented sizes have one bias a gate; torch's two, and two layers of both directions read 2 * 3 below
    Fact("lstm", {"hidden": 256, "bias": "one"}, "16 4096 -> 16 256", {"weight": 4*256*(4096 + 256), "bias": 4*256},
         {"multiply_adds": 16 * 4*256*(4096 + 256), "bias_additions": 16 * 4*256, "zero_additions": 16 * 4*256,
          "additions": 16 * 5*256, "multiplications": 16 * 3*256}, {"constant": 4*256}),
    Fact("lstm", {"hidden": 3, "layers": 2, "bidirectional": True, "project": 2}, "5 7 -> 5 4",
         {"weight": 2*(12*(7 + 2) + 3*2 + 12*(4 + 2) + 3*2), "bias": 2*2*2*12},
         {"multiply_adds": 5 * 2*(12*(7 + 2) + 3*2 + 12*(4 + 2) + 3*2), "bias_additions": 5 * 2*2*2*12,
          "additions": 5 * 4 * 5*3, "multiplications": 5 * 4 * 3*3}),
    Fact("gru", {"hidden": 128}, "32 128 -> 32 128", {"weight": 98_304, "bias": 99_072 - 98_304},
         {"multiply_adds": 32 * 98_304, "bias_additions": 32 * 2*3*128,
          "additions": 32 * 5*128, "multiplications": 32 * 2*128}),
    Fact("gru", {"hidden": 4, "last": True, "bidirectional": True, "bias": False}, "6 5 -> 8",
         {"weight": 2 * 12*(5 + 4)}, {"multiply_adds": 6 * 2 * 12*(5 + 4), "additions": 6 * 2 * 5*4,
          "multiplications": 6 * 2 * 2*4}),
    # Mamba-130M's: of 1536 features 48 + 2 * 16 numbers, step sizes of all out of 48, and 16 numbers of state for each
    Fact("selective_scan", {"state": 16, "rank": 48}, "10 1536 -> 10 1536",
         {"weight": 1536*(48 + 32) + 48*1536, "bias": 1536, "state_space": 1536*16 + 1536},
         {"multiply_adds": 10 * (1536*(48 + 32) + 48*1536), "bias_additions": 10 * 1536,
          "product_multiply_adds": 2 * 10*1536*16, "exponentials": 10*1536*16 + 1536*16, "additions": 10*1536,
          "multiplications": 2 * 10*1536*16 + 2 * 10*1536 + 1536*16}),
    Fact("flip", {"over": "W"}, "3 8 9 -> 3 8 9"),
    Fact("rnn", {"hidden": 4}, "6 5 -> 6 4", {"weight": 4*(5 + 4), "bias": 8},
         {"multiply_adds": 6 * 4*(5 + 4), "bias_additions": 6 * 8, "additions": 6 * 4}),
    # T2T-ViT's first soft split of 224x224 pixels, and tokens put back into a map
    Fact("unfold", {"kernel": 7, "stride": 4, "pad": 2}, "3 224 224 -> 3136 147"),
    Fact("unfold", {"kernel": [2, 3]}, "4 5 6 -> 16 24"),
    Fact("to_map", {"height": 56}, "3136 64 -> 64 56 56"),
    Fact("to_map", {"height": 2}, "6 5 -> 5 2 3"),
    # ViT-B/16's heads; EVA-02-B's, whose class token is not turned: two products and a sum for each of 1024*64
    Fact("split_heads", {"heads": 12}, "197 768 -> 12 197 64"),
    Fact("split_heads", {"heads": 12, "transposed": True}, "197 768 -> 12 64 197"),
    Fact("merge_heads", {}, "12 197 64 -> 197 768"),
    Fact("rotary_embedding", {"skip": 1}, "12 1025 64 -> 12 1025 64", {},
         {"multiplications": 2 * 12*1024*64, "additions": 12*1024*64}, {"angles": 2 * 1024*64}),
    Fact("rotary_embedding", {}, "2 3 4 -> 2 3 4", {}, {"multiplications": 48, "additions": 24}, {"angles": 24}),
    # T2T-ViT's Performer: 3136 tokens of 64 in 32 features; two tokens of 3 in 5 features
    Fact("random_features", {"count": 32}, "3136 64 -> 3136 32", {"random_projection": 32*64},
         {"product_multiply_adds": 3136*32*64, "product_elements": 3136*32, "multiplications": 3136 * (64 + 1 + 32),
          "additions": 3136 * (63 + 32), "exponentials": 3136*32}),
    Fact("random_features", {"count": 5}, "2 3 -> 2 5", {"random_projection": 15},
         {"product_multiply_adds": 30, "product_elements": 10, "multiplications": 6 + 2 + 10, "additions": 2*2 + 10,
          "exponentials": 10}),
    # k'v, q'(k'v) and q'(sum of k'): 4 features by 6 values for each of 3 keys and 2 queries, 4 for each of 2 queries
    Fact("linear_attention", {}, "2 4, 3 4, 3 6 -> 2 6", {},
         {"product_multiply_adds": 3*4*6 + 2*4*6 + 2*4, "product_elements": 4*6 + 2*6 + 2, "additions": 2*4,
          "divisions": 2*6}),
    # five heads of them; with a one behind each of the 6 values, whose product is the sum
    Fact("linear_attention", {}, "5 2 4, 5 3 4, 5 3 6 -> 5 2 6", {},
         {"product_multiply_adds": 5 * (3*4*6 + 2*4*6 + 2*4), "product_elements": 5 * (4*6 + 2*6 + 2),
          "additions": 5 * 2*4, "divisions": 5 * 2*6}),
    Fact("linear_attention", {"ones": True}, "5 2 4, 5 3 4, 5 3 6 -> 5 2 6", {},
         {"product_multiply_adds": 5 * (3*4*7 + 2*4*7), "product_elements": 5 * (4*7 + 2*7), "divisions": 5 * 2*6}),
    # MViTv2-T's second stage: two heads of 56x56 places, of which 28x28 are left; and a class token that stays, with
    # 5x3 places in steps of 2, of which 3x2 are left
    Fact("pool_heads", {"height": 56, "stride": 2}, "2 3136 96 -> 2 784 96", {"weight": 9*96},
         {"multiply_adds": 9 * 2*784*96}),
    Fact("pool_heads", {"height": 5, "kernel": 5, "stride": 2, "skip": 1}, "2 16 4 -> 2 7 4", {"weight": 25*4},
         {"multiply_adds": 25 * 2*6*4}),
    # MViTv2-T's first block: 111 distances of rows and 111 of columns, 3136 queries by 14 rows and by 14 columns; and
    # two heads with a class token: queries of 2x3 places, keys of 4x3, so 7 and 5 distances
    Fact("relative_attention", {"query_rows": 56, "key_rows": 14}, "1 3136 96, 1 196 96, 1 196 96 -> 1 3136 96",
         {"relative_position_embedding": 2 * 111*96},
         {"product_multiply_adds": 2 * 3136*196*96 + 3136*96 * 28, "multiplications": 3136*96,
          "additions": 2 * 3136*196, "exponentials": 3136*196, "softmax_additions": 3136*195, "divisions": 3136*196,
          "product_elements": 3136 * (196 + 28 + 96)}),
    Fact("relative_attention", {"query_rows": 2, "key_rows": 4, "skip": 1}, "2 7 5, 2 13 5, 2 13 3 -> 2 7 3",
         {"relative_position_embedding": (7 + 5) * 5},
         {"product_multiply_adds": 2 * 7*13 * (5 + 3) + 2 * 6*5 * (4 + 3),
          "multiplications": 2*7*5, "additions": 2 * 2*6*12, "exponentials": 2*7*13, "softmax_additions": 2*7*12,
          "divisions": 2*7*13, "product_elements": 2*7*13 + 2*6 * (4 + 3) + 2*7*3}),
    *(Fact(kind, {}, "8 5 6 -> 8 5 6") for kind in IDENTITIES),
    # A sum of n elements takes n - 1 additions: 1000 classes, 768 features a token, 21 classes a pixel, 6 columns a row
    Fact("softmax", {}, "1000 -> 1000", {}, {"exponentials": 1000, "softmax_additions": 999, "divisions": 1000}),
    Fact("softmax", {}, "197 768 -> 197 768", {},
         {"exponentials": 197*768, "softmax_additions": 197*767, "divisions": 197*768}),
    Fact("softmax", {"over": "channels"}, "21 8 9 -> 21 8 9", {},
         {"exponentials": 21*8*9, "softmax_additions": 20*8*9, "divisions": 21*8*9}),
    # SKNet's two branches of 128 channels
    Fact("softmax", {"over": "groups", "groups": 2}, "256 -> 256", {},
         {"exponentials": 256, "softmax_additions": 128, "divisions": 256}),
    Fact("softmax", {"over": "groups", "groups": 3}, "6 2 2 -> 6 2 2", {},
         {"exponentials": 24, "softmax_additions": 16, "divisions": 24}),
    Fact("softmax", {}, "8 5 6 -> 8 5 6", {},
         {"exponentials": 8*5*6, "softmax_additions": 8*5*5, "divisions": 8*5*6}),
    Fact("prelu", {}, "64 5 6 -> 64 5 6", {"slope": 64}),
    Fact("prelu", {}, "5 6 -> 5 6", {"slope": 6}),
    Fact("prelu", {"shared": True}, "64 5 6 -> 64 5 6", {"slope": 1}),
    Fact("gelu", {}, "197 3072 -> 197 3072"),
    # ViT-Det's windows of 14 on a map of 64: 70 rows of them; Swin's of 7; MaxViT's grid; Video Swin's of three axes
    Fact("windows", {"window": 14}, "768 64 64 -> 25 196 768"),
    Fact("windows", {"window": 7, "shift": 3}, "96 56 56 -> 64 49 96"),
    Fact("windows", {"window": 7, "strided": True}, "64 56 56 -> 64 49 64"),
    Fact("windows", {"window": [8, 7, 7]}, "96 16 56 56 -> 128 392 96"),
    Fact("frames", {}, "3 8 224 224 -> 8 3 224 224"),
]  # fmt: skip


def test_every_kind_has_a_fact():
    assert {fact.kind for fact in FACTS} | {"merge_windows", "merge_frames"} == set(KINDS), (
        "those are in test_fronts.py"
    )


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: " ".join(map(str, fact[:3])))
def test_facts(fact: Fact):
    inputs, output = map(shapes, fact.shapes.split("->"))
    facts = Facts(KINDS[fact.kind](**fact.fields), inputs)
    assert facts.output == output[0]
    assert facts.parameters == fact.parameters
    assert facts.buffers == fact.buffers
    left_out = {"input_elements", "output_elements", "parameters", *SEEN} - fact.work.keys()
    assert {name: number for name, number in facts.work.items() if name not in left_out} == fact.work


SEEN = {"padded_elements", "inside_elements", "zero_additions", "unmasked_product_multiply_adds"}
"""Primitives that single tools see of a whole."""


@pytest.mark.parametrize(
    ("kind", "fields", "arrives", "seen"),
    [
        # 7 rows in steps of two with a window of two: `same` adds one on each axis
        ("maxpool", {"kernel": 2, "stride": 2, "pad": "same"}, (8, 7, 7), {"padded_elements": 8 * 8*8}),
        ("maxpool", {"kernel": 3, "stride": 2, "pad": 1}, (8, 7, 7), {"padded_elements": 8 * 7*7}),
        ("avgpool", {"kernel": 3, "stride": 2, "pad": "same"}, (2, 4, 5),
         {"padded_elements": 2 * 5*7, "inside_elements": 2 * (3+2) * (2+3+2)}),
        ("avgpool", {"kernel": 2, "stride": 2}, (2, 5, 4), {"padded_elements": 40, "inside_elements": 2 * 4*4}),
        ("linear", {"out": 12, "bias": "qv"}, (5, 4), {"zero_additions": 5*4}),
        ("linear", {"out": 12}, (5, 4), {}),
        ("attention", {"heads": 2, "qkv_bias": "qv", "written": "operator"}, (5, 4), {"zero_additions": 5*4}),
    ],
)  # fmt: skip
def test_what_tools_see_of_a_whole(kind: str, fields: dict[str, Any], arrives: tuple[int, ...], seen: dict[str, int]):
    work = Facts(KINDS[kind](**fields), (arrives,)).work
    assert {name: work[name] for name in SEEN & work.keys()} == seen


def test_elements_that_arrive_and_leave():
    work = Facts(KINDS["concat"](), ((2, 3, 4), (5, 3, 4))).work
    assert work == {"input_elements": 2 * 3 * 4 + 5 * 3 * 4, "output_elements": 7 * 3 * 4, "parameters": 0}


def test_parameters_are_taken_once_whatever_the_rows():
    assert Facts(KINDS["linear"](out=5), ((197, 3),)).work["parameters"] == 3 * 5 + 5
    assert Facts(KINDS["prelu"](), ((8, 9, 9),)).work["parameters"] == 8


@pytest.mark.parametrize(
    ("kind", "required", "defaults"),
    [
        ("local_response_norm", {}, {"size": 5}),
        ("dropout", {}, {"p": 0.5}),
        ("drop_path", {}, {"p": 0.0}),
        (
            "window_attention",
            {"heads": 2, "window": 7},
            {"shift": (0, 0), "window": (7, 7), "cosine": False, "position_mlp": 0, "one_hot_lookup": False},
        ),
        ("maxpool", {"kernel": 2}, {"stride": (2, 2), "pad": (0, 0), "ceil_mode": False, "written": None}),
        ("avgpool", {"kernel": 2}, {"stride": (2, 2), "pad": (0, 0), "ceil_mode": False, "count_pad": True}),
        (
            "conv_transpose",
            {"out": 4, "kernel": 2},
            {
                "stride": (1, 1),
                "pad": (0, 0),
                "output_pad": (0, 0),
                "dilation": (1, 1),
                "groups": 1,
                "bias": True,
                "stack": 1,
            },
        ),
        ("upsample", {}, {"scale": (2, 2), "out": None, "mode": "nearest"}),
        ("scaled_dot_product_attention", {}, {"causal": False, "keys_read": None, "relative_positions": 0}),
        ("unfold", {"kernel": 3}, {"stride": (1, 1), "pad": (0, 0)}),
        ("rotary_embedding", {}, {"skip": 0}),
        ("pool_heads", {"height": 4}, {"kernel": (3, 3), "stride": (1, 1), "skip": None}),
        ("relative_attention", {"query_rows": 4, "key_rows": 2}, {"skip": None}),
        ("layernorm", {}, {"over": "channels"}),
        ("keep_tokens", {"count": 4}, {"start": 0}),
        ("roi_align", {"proposals": 9, "out": 7}, {"samples": 2}),
        ("split_heads", {"heads": 2}, {"transposed": False}),
        ("softmax", {}, {"over": "last", "groups": 1}),
        ("keep_channels", {"count": 4}, {"start": 0}),
        ("zero_pad", {}, {"rows": (0, 0), "columns": (0, 0), "channels": (0, 0)}),
        ("layer_scale", {}, {"shared": False, "constant": None}),
        ("conv", {"out": 4, "kernel": 2}, {"standardized": False, "gain": False}),
        ("prelu", {}, {"shared": False}),
        ("instancenorm", {}, {"affine": False}),
    ],
)
def test_defaults_that_no_count_shows(kind: str, required: dict[str, Any], defaults: dict[str, Any]):
    assert defaults.items() <= KINDS[kind](**required).values().items()


@pytest.mark.parametrize("kind", ["adaptive_avgpool", "adaptive_maxpool"])
def test_adaptive_windows_of_an_open_number_are_refused_or_counted(kind: str):
    with suppress(LayerError):
        work = Facts(KINDS[kind](out=N), ((1, 12, 12),)).work
        assert symbols.evaluate(work["window_elements"], {"N": 4}) == 12 * 12
    with pytest.raises(LayerError, match=f"^{kind}: the windows of H by 101 cannot be counted"):
        KINDS[kind](out=101).output((1, H, 12))


# The elements of a mean, walked through window by window.


def averaged(size: int, kernel: int, stride: int, pad: int, ceil_mode: bool, count_pad: bool) -> list[int]:
    """How many elements the mean of each window along one axis is taken over.

    The input is at 0 to size - 1, with `pad` places of padding on either side and nothing beyond; a window that reaches
    beyond is there only with `ceil_mode`, if it lacks less than a stride and begins before the padding on the right.
    """
    present = range(-pad, size + pad) if count_pad else range(size)
    means, start = [], -pad
    while True:
        places = range(start, start + kernel)
        lacking = sum(place >= size + pad for place in places)
        if lacking and not (ceil_mode and lacking < stride and start < size):
            return means
        means.append(sum(place in present for place in places))
        start += stride


def pools(sizes: range, kernels: range, strides: range) -> Iterator[dict[str, int]]:
    """Windows that torch takes: padded by half of the window at most."""
    for size in sizes:
        for kernel in kernels:
            for stride in strides:
                for pad in range(kernel // 2 + 1):
                    if size + 2 * pad >= kernel:
                        yield {"size": size, "kernel": kernel, "stride": stride, "pad": pad}


@pytest.mark.parametrize("count_pad", [True, False])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_the_elements_of_a_mean_along_an_axis(ceil_mode: bool, count_pad: bool):
    for axis in pools(range(1, 14), range(1, 8), range(1, 9)):
        means = averaged(**axis, ceil_mode=ceil_mode, count_pad=count_pad)
        window = {name: [axis[name], other] for name, other in (("kernel", 1), ("stride", 1), ("pad", 0))}
        layer = KINDS["avgpool"](**window, ceil_mode=ceil_mode, count_pad=count_pad)
        facts = Facts(layer, ((3, axis["size"], 2),))
        assert facts.output == (3, len(means), 2), axis
        assert facts.work["averaged_elements"] == 3 * sum(means) * 2, axis


AXIS = st.sampled_from(list(pools(range(1, 30), range(1, 9), range(1, 6))))


@given(AXIS, AXIS, st.booleans(), st.booleans())
def test_the_elements_of_a_mean(rows: dict[str, int], columns: dict[str, int], ceil_mode: bool, count_pad: bool):
    """A mean over both axes takes every place that is there in its row and in its column."""
    pad = {"ceil_mode": ceil_mode, "count_pad": count_pad}
    window = {name: [rows[name], columns[name]] for name in ("kernel", "stride", "pad")}
    facts = Facts(KINDS["avgpool"](**window, **pad), ((2, rows["size"], columns["size"]),))
    heights, widths = averaged(**rows, **pad), averaged(**columns, **pad)
    assert facts.output == (2, len(heights), len(widths))
    assert facts.work["averaged_elements"] == 2 * sum(height * width for height in heights for width in widths)


def test_means_of_an_open_window_are_counted_where_all_of_it_is_there_and_else_refused():
    whole = Facts(KINDS["avgpool"](kernel=D, stride=G, pad=1), ((3, 9, 9),))
    assert symbols.evaluate(whole.work["averaged_elements"], {"D": 3, "G": 2}) == 9 * 3 * 5 * 5
    for fields in ({"ceil_mode": True}, {"pad": 1, "count_pad": False}):
        for kernel, stride in ((D, 2), (3, D)):
            partial = Facts(KINDS["avgpool"](kernel=kernel, stride=stride, **fields), ((3, 9, 9),))
            with pytest.raises(LayerError, match="cannot be counted while the window is open"):
                assert partial.work


def test_means_of_an_open_size():
    """7 in steps of 2 by windows of 3, padded by 1: means over 2, 3, 3 and 2; 8: over 2, 3, 3, 3 and 1."""
    layer = KINDS["avgpool"](kernel=[3, 1], stride=[2, 1], pad=[1, 0], ceil_mode=True, count_pad=False)
    formula = Facts(layer, ((1, H, 1),)).work["averaged_elements"]
    assert symbols.evaluate(formula, {"H": 7}) == 2 + 3 + 3 + 2
    assert symbols.evaluate(formula, {"H": 8}) == 2 + 3 + 3 + 3 + 1


# Transposed convolutions, against the convolutions that they turn round.


def height(kind: str, size: int, **window: Any) -> int:
    """The height that a layer makes of an input's; 0 where it refuses to."""
    with suppress(LayerError):
        return KINDS[kind](out=4, **window).output((3, size, 9))[1]
    return 0


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_a_transposed_convolution_makes_the_sizes_that_a_convolution_leads_back_from(dilation: int, stride: int):
    """All of them, from the smallest on, as `output_pad` grows to less than a stride."""
    for size, kernel, pad in itertools.product(range(1, 6), range(1, 6), range(4)):
        window = {"kernel": [kernel, 1], "stride": [stride, 1], "pad": [pad, 0], "dilation": [dilation, 1]}
        from_these = [before for before in range(1, 40) if height("conv", before, **window) == size]
        made = [height("conv_transpose", size, **window, output_pad=[extra, 0]) for extra in range(stride)]
        assert [rows for rows in made if rows] == from_these, (size, kernel, pad)


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_an_output_element_of_a_transposed_convolution_reads_no_more_than_it_says(dilation: int):
    """Input i adds tap j of its kernel to output i*stride + j*dilation - pad; without dilation the bound is reached."""
    size = 9
    for kernel, stride, pad in itertools.product(range(1, 8), range(1, 6), range(4)):
        layer = KINDS["conv_transpose"](out=1, kernel=kernel, stride=stride, pad=pad, dilation=dilation)
        readers: dict[int, list[int]] = {}
        for i in range(size):
            for tap in range(kernel):
                readers.setdefault(i * stride + tap * dilation - pad, []).append(i)
        rows, columns = layer.reach((1, size, size)).reads
        assert rows == columns
        for element, read in readers.items():
            assert rows.first(element) <= min(read), (kernel, stride, pad)
            assert rows.last(element) >= max(read), (kernel, stride, pad)
            if dilation == 1 and min(read) > 0 and max(read) < size - 1:
                assert (rows.first(element), rows.last(element)) == (min(read), max(read)), (kernel, stride, pad)


def test_a_transposed_convolution_has_the_weights_and_work_of_the_convolution_it_turns_round():
    """Every product of the convolution of 9x9 to 4x4 is a product of the transposed one of 4x4 to 9x9."""
    window = {"kernel": 3, "stride": 2, "groups": 2, "bias": False}
    back = Facts(KINDS["conv"](out=4, **window), ((6, 9, 9),))
    there = Facts(KINDS["conv_transpose"](out=6, **window), (back.output,))
    assert there.output == (6, 9, 9)
    assert there.parameters == back.parameters
    assert there.work["multiply_adds"] == back.work["multiply_adds"] == 9 * 3 * 2 * 2 * 16


# How the source calls a layer.


def test_a_layer_is_written_in_the_usual_way_unless_said_otherwise():
    relu = KINDS["relu"]
    assert (relu().form, relu().written) == ("module", None)
    assert (relu(written="method").form, relu(written="method").written) == ("method", "method")
    assert KINDS["attention"](heads=2).form == "mha"
    assert KINDS["window_attention"](heads=2, window=7).form == KINDS["window_attention"].forms[0]
    assert KINDS["concat"]().form == ""


EITHER = {"work: multiplications", "work: unmasked_product_multiply_adds"}
"""What differs: one operator scales queries by what several scale scores by, and knows of a mask."""


@some_cases
def test_a_layer_computes_the_same_however_it_is_written(case: Case):
    facts = case.facts(case.sizes)
    layer = facts.layer
    assert ("written" in layer.fields) == bool(layer.forms)
    for form in layer.forms:
        other = layer.in_form(form)
        assert (other.form, layer.written) == (form, None)
        assert {**other.values(), "written": None} == layer.values()
        written = KINDS[case.kind](**{**put(case.fields, case.sizes), "written": form})
        for same in (Facts(other, facts.inputs), Facts(written, facts.inputs)):
            own = {f"buffers: {name}" for name in same.buffers.keys() ^ facts.buffers.keys()} | EITHER
            theirs, ours = numbers(same), numbers(facts)
            assert {name: theirs[name] for name in theirs.keys() - own} == {
                name: ours[name] for name in ours.keys() - own
            }


# Refusals: what is known not to fit, and nothing else.

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("conv", {"out": 4, "kernel": 3}, "10", f"conv takes {ANY_MAP}, but a vector [10] arrives"),
    ("linear", {"out": 4}, "3 8 8", "put 'flatten' or 'global_avgpool' before it"),
    ("attention", {"heads": 2}, "4 8 8", "put 'tokens' before it"),
    ("conv", {"out": 4, "kernel": 7}, "3 5 5", "a window of 7 does not fit an input of 5 padded by 0"),
    ("conv", {"out": 4, "kernel": 3, "dilation": 4}, "3 8 8", "a window of 9 does not fit an input of 8"),
    ("maxpool", {"kernel": [2, 4], "pad": 1}, "3 8 1", "a window of 4 does not fit an input of 1 padded by 1"),
    ("maxpool", {"kernel": 4, "stride": 2, "ceil_mode": True}, "3 2 2", "a window of 4 does not fit an input of 2"),
    ("conv", {"out": 4, "kernel": 1, "groups": 2}, "3 8 8", "input channels into groups: 3 does not divide into 2"),
    ("conv", {"out": 5, "kernel": 1, "groups": 2}, "4 8 8", "output channels into groups: 5 does not divide into 2"),
    ("conv", {"out": 2, "kernel": 1, "connections": [[0], [3]]}, "3 8 8", "input channel 3, the input has 3"),
    ("conv", {"out": 3, "kernel": 1, "connections": [[0], [1]]}, "3 8 8", "2 lists for 3 output channels"),
    ("conv", {"out": 2, "kernel": 1, "groups": 2, "connections": [[0], [1]]}, "2 8 8", "exclude each other"),
    ("attention", {"heads": 5}, "4 8", "it divides into 4 or 8"),
    ("window_attention", {"heads": 5, "window": 7}, "8 8 8", "8 does not divide into 5"),
    ("groupnorm", {"groups": 3}, "8 2 2", "8 does not divide into 3"),
    ("take_token", {"index": 4}, "4 8", "no token 4 among 4"),
    ("keep_tokens", {"count": 5}, "4 8", "5 from 0 cannot stay of 4"),
    ("concat", {}, "3 8 8, 3 8 7", "differ in more than the first size"),
    ("concat", {}, "3 8 8, 3", "differ in more than the first size"),
    ("add", {}, "3 8 8, 4 8 8", "a feature map [3, 8, 8] and a feature map [4, 8, 8] do not match"),
    ("multiply", {}, "4 8, 4", "do not match"),
    ("conv", {"out": 4}, "3 8 8", "conv needs 'kernel'"),
    ("conv", {"out": 4, "kernel": 3, "padding": 1}, "3 8 8", "conv has no key 'padding'"),
    ("conv", {"out": 0, "kernel": 3}, "3 8 8", "out is 0, not a whole number, 1 or more"),
    ("conv", {"out": 4.5, "kernel": 3}, "3 8 8", "out is 4.5, not a whole number"),
    ("conv", {"out": True, "kernel": 3}, "3 8 8", "out is true, not a whole number"),
    ("conv", {"out": 4, "kernel": [3, 3, 3]}, "3 8 8", "kernel has a number for each of 3 axes"),
    ("conv", {"out": 4, "kernel": 3, "pad": -1}, "3 8 8", "pad is -1, not"),
    ("conv", {"out": 4, "kernel": 3, "pad": "valid"}, "3 8 8", "pad is 'valid', not"),
    ("conv", {"out": 4, "kernel": 3, "bias": 1}, "3 8 8", "bias is 1, not true or false"),
    ("conv", {"out": 4, "kernel": 3, "connections": [0, 1]}, "3 8 8", "connections is [0, 1], not a list of lists"),
    ("dropout", {"p": 1.5}, "3", "p is 1.5, not a number from 0 to 1"),
    ("conv_transpose", {"out": 4, "kernel": 3, "pad": 2}, "3 2 8", "nothing is left of 4 positions without 2 on"),
    ("conv_transpose", {"out": 4, "kernel": 1, "groups": 2}, "3 8 8", "input channels into groups: 3 does not divide"),
    ("conv_transpose", {"out": 5, "kernel": 1, "groups": 2}, "4 8 8", "output channels into groups: 5 does not divide"),
    ("conv_transpose", {"out": 4, "kernel": 3}, "10", f"conv_transpose takes {ANY_MAP}, but a vector"),
    ("conv_transpose", {"out": 4, "kernel": 3, "pad": "same", "output_pad": 1}, "3 8 8", "output_pad adds none"),
    ("hardtanh", {"low": 1, "high": 1}, "3 8 8", "low, 1.0, is not below high, 1.0"),
    ("crop", {"out": 9}, "3 8 8", "crop: 9 from 0 cannot stay of 8"),
    ("crop", {"out": 4, "start": [0, 5]}, "3 8 8", "crop: 4 from 5 cannot stay of 8"),
    ("roll", {"frames": 1}, "3 8 8", "a feature map [3, 8, 8] has no frames"),
    ("pixel_shuffle", {}, "6 8 8", "channels into blocks: 6 does not divide into 4"),
    ("fold", {"out": 8, "kernel": 2, "stride": 2}, "15 12", "a map of [8, 8] has 16 windows, but 15 tokens arrive"),
    ("fold", {"out": 8, "kernel": 2, "stride": 2}, "16 10", "10 does not divide into 4"),
    ("concat", {"fit": "crop"}, "4 6, 3 6", "fit is for maps, but tokens [4, 6] and tokens [3, 6] arrive"),
    ("concat", {}, "4 6 6, 4 5 5", "differ in more than the first size"),
    ("conv_transpose", {"out": 4, "kernel": 3, "output_pad": -1}, "3 8 8", "output_pad is -1, not"),
    ("matmul", {}, "3 4, 4 5, 5 6", "matmul joins 2 branches, not 3"),
    ("matmul", {}, "3 4, 3 4", "matmul: tokens [3, 4] and tokens [3, 4] do not match"),
    ("matmul", {}, "2 3 4, 5 4 3", "matmul: a feature map [2, 3, 4] and a feature map [5, 4, 3] do not match"),
    ("matmul", {}, "2 3 4, 4 3", "matmul: a feature map [2, 3, 4] and tokens [4, 3] do not match"),
    ("matmul", {}, "3, 3", "or heads [h, N, d], but a vector [3] arrives"),
    ("scaled_dot_product_attention", {}, "3 4, 3 4", "scaled_dot_product_attention joins 3 branches, not 2"),
    ("scaled_dot_product_attention", {}, "3 4, 5 6, 5 4", "do not match: tokens [3, 4], tokens [5, 6], tokens [5, 4]"),
    ("scaled_dot_product_attention", {}, "3 4, 5 4, 6 4", "queries, keys and values do not match"),
    ("scaled_dot_product_attention", {}, "2 3 4, 2 3 4, 1 3 4", "queries, keys and values do not match"),
    ("scaled_dot_product_attention", {}, "2 3 4, 1 3 4, 2 3 4", "queries, keys and values do not match"),
    ("scaled_dot_product_attention", {}, "2 3 4, 2 3 4, 3 4", "queries, keys and values do not match"),
    ("scaled_dot_product_attention", {}, "3 3 4, 2 3 4, 2 3 4", "heads of queries into heads of keys: 3 does not"),
    ("scaled_dot_product_attention", {"causal": True}, "3 4, 5 4, 5 4", "causal takes as many queries as keys"),
    ("scaled_dot_product_attention", {"causal": True, "relative_positions": 9}, "3 4, 3 4, 3 4", "a mask and biases"),
    ("scaled_dot_product_attention", {"keys_read": 2, "relative_positions": 9}, "3 4, 3 4, 3 4", "a mask and biases"),
    ("attention", {"heads": 2, "qkv_bias": "kv"}, "3 8", "qkv_bias is 'kv', not true, false or qv"),
    ("attention", {"heads": 2, "qkv_bias": 1}, "3 8", "qkv_bias is 1, not true, false or qv"),
    ("window_attention", {"heads": 2, "window": 7, "relative_position_bias": False, "position_mlp": 8}, "4 8 8",
     "position_mlp makes relative position biases, which are off"),
    ("roi_align", {"proposals": 9, "out": 7}, "3 8 8, 4 4 4", "roi_align: all levels have as many channels as the"),
    ("grid_sample", {}, "3 8 8, 3 4 4", "[3, 4, 4] does not say where to sample a feature map [3, 8, 8]"),
    ("grid_sample", {}, "3 8 8", "grid_sample joins a map and places, 2 branches, not 1"),
    ("deform_conv", {"out": 4, "kernel": 3}, "4 8 8, 18 8 8", "offsets are [18, 6, 6], or several times as many"),
    ("deform_conv", {"out": 4, "kernel": 3}, "4 8 8, 20 6 6", "offsets are [18, 6, 6], or several times as many"),
    ("deform_conv", {"out": 4, "kernel": 3}, "4 8 8, 36 6 6, 9 6 6", "36 offsets go with 18 masks, not with 9"),
    ("deform_conv", {"out": 4, "kernel": 3}, "4 8 8, 54 6 6", "that move by themselves: 4 does not divide into 3"),
    ("deform_conv", {"out": 4, "kernel": 3}, "4 8 8", "deform_conv joins a map, offsets and perhaps masks, not 1"),
    ("deformable_attention", {"heads": 2, "levels": [[2, 2]]}, "7 8, 7 4, 7 2, 5 6", "levels have 4 places, but"),
    ("deformable_attention", {"heads": 2, "levels": [[2, 2]]}, "7 8, 7 4, 7 3, 4 6", "2 coordinates, a box 4, not 3"),
    ("deformable_attention", {"heads": 2, "levels": [[2, 2]]}, "7 8, 7 5, 7 2, 4 6", "5 does not divide into 2"),
    ("deformable_attention", {"heads": 2, "levels": [[2, 2]]}, "7 6, 7 4, 7 2, 4 6", "4 weights go with 8 offsets,"),
    ("deformable_attention", {"heads": 2, "levels": [[2, 2]]}, "7 8, 6 4, 7 2, 4 6", "queries do not match"),
    ("deformable_attention", {"heads": 2, "levels": [[2, 2]]}, "7 8, 7 4, 7 2, 4 5", "into heads: 5 does not divide"),
    ("deformable_attention", {"heads": 2, "levels": [2, 2]}, "7 8, 7 4, 7 2, 4 6", "not a list of pairs [height"),
    ("deformable_attention", {"heads": 2, "levels": [[2, 2]]}, "7 8, 7 4, 4 6", "joins 4 branches, not 3"),
    ("split_heads", {"heads": 3}, "5 8", "split_heads: width into heads: 8 does not divide into 3"),
    ("to_map", {"height": 3}, "8 5", "to_map: tokens into rows: 8 does not divide into 3"),
    ("rotary_embedding", {}, "2 5 3", "rotary_embedding: a head's width into pairs: 3 does not divide into 2"),
    ("rotary_embedding", {"skip": 6}, "2 5 4", "rotary_embedding: 6 tokens cannot be left out of 5"),
    ("pool_heads", {"height": 3}, "2 8 4", "pool_heads: tokens into rows: 8 does not divide into 3"),
    ("pool_heads", {"height": 2, "skip": 1}, "2 8 4", "pool_heads: tokens into rows: 7 does not divide into 2"),
    ("pool_heads", {"height": 2, "skip": 8}, "2 8 4", "pool_heads: 8 tokens cannot be left out of 8"),
    ("pool_heads", {"height": 2}, "8 4", "pool_heads takes heads [h, N, d], but tokens [8, 4] arrives"),
    ("relative_attention", {"query_rows": 2, "key_rows": 2}, "2 8 4, 2 8 4", "joins 3 branches, not 2"),
    ("relative_attention", {"query_rows": 2, "key_rows": 2}, "2 8 4, 2 4 5, 2 4 4", "queries, keys and values do not"),
    ("relative_attention", {"query_rows": 2, "key_rows": 2}, "2 8 4, 2 4 4, 2 6 4", "queries, keys and values do not"),
    ("relative_attention", {"query_rows": 2, "key_rows": 2}, "2 8 4, 3 4 4, 3 4 4", "queries, keys and values do not"),
    ("relative_attention", {"query_rows": 3, "key_rows": 2}, "2 8 4, 2 4 4, 2 4 4", "8 does not divide into 3"),
    ("relative_attention", {"query_rows": 2, "key_rows": 3}, "2 8 4, 2 4 4, 2 4 4", "4 does not divide into 3"),
    ("lstm", {"hidden": 4}, "3 8 8", "lstm reads tokens [N, D] one after another, but a feature map [3, 8, 8] arrives"),
    ("gru", {"hidden": 4}, "3 8 8", "rearrange: C H W -> W (C H) one of each column"),
    ("gru", {"hidden": 4}, "8", "gru takes tokens [N, D], but a vector [8] arrives"),
    ("lstm", {"hidden": 4, "project": 4}, "3 8", "lstm: a state of 4 is projected to fewer"),
    ("rnn", {"hidden": 4, "dropout": 0.5}, "3 8", "rnn: dropout is between layers, and there is one"),
    ("gru", {"hidden": 4, "layers": 2}, "3 8, 4", "gru: a first state is a vector [8], but a vector [4] arrives"),
    ("lstm", {"hidden": 4}, "3 8, 4, 3 4", "lstm: a first state is a vector [4], but tokens [3, 4] arrives"),
    ("rnn", {"hidden": 4}, "3 8, 4, 4", "rnn joins tokens and a first state, not 3 branches"),
    ("selective_scan", {"state": 4}, "3 8", "selective_scan needs 'rank'"),
    ("selective_scan", {"rank": 4}, "3 8 8", "put 'tokens' before it"),
    ("flip", {"over": "H"}, "3 8", "flip: over names H, and what arrives is tokens [N, D]"),
    ("rnn", {"hidden": 4, "bias": "two"}, "3 8", "rnn: bias is 'two', not true, false or one"),
    ("layernorm", {"over": "first"}, "3 8 8", "over is 'first', not channels or last"),
    ("keep_tokens", {"count": 4, "start": 1}, "4 8", "keep_tokens: 4 from 1 cannot stay of 4"),
    ("linear_attention", {}, "5 4, 5 4", "linear_attention joins 3 branches, not 2"),
    ("linear_attention", {}, "5 4, 5 3, 5 6", "queries, keys and values do not match"),
    ("linear_attention", {}, "5 4, 5 4, 6 6", "queries, keys and values do not match"),
    ("linear_attention", {}, "2 5 4, 2 5 4, 3 5 6", "queries, keys and values do not match"),
    ("linear_attention", {}, "2 5 4, 5 4, 2 5 6", "queries, keys and values do not match"),
    ("unfold", {"kernel": 5}, "3 4 8", "a window of 5 does not fit an input of 4"),
    ("embedding", {"vocabulary": 9, "out": 4}, "3 8 8", "embedding takes a vector [D], but a feature map [3, 8, 8]"),
    ("embedding", {"vocabulary": 9, "out": 4}, "3 8", "embedding takes a vector [D], but tokens [3, 8] arrives"),
    ("embedding", {"out": 4}, "3", "embedding needs 'vocabulary': words in the table"),
    ("instancenorm", {}, "3 8", f"instancenorm takes {ANY_MAP}, but tokens [3, 8] arrives"),
    ("upsample", {"mode": "cubic"}, "3 8 8", "mode is 'cubic', not nearest or linear or bilinear or trilinear or"),
    ("upsample", {"mode": True}, "3 8 8", "mode is true, not nearest or linear or bilinear or trilinear or bicubic"),
    ("softmax", {"over": "rows"}, "3 8 8", "over is 'rows', not last or channels or groups"),
    ("softmax", {"over": ["C", "C"]}, "3 8 8", "over is ['C', 'C'], not last or channels or groups, or the name of an"),
    ("softmax", {"over": []}, "3 8 8", "over is [], not last or channels or groups, or the name of an axis"),
    ("softmax", {"over": "N"}, "3 8 8", "softmax: over names N, and what arrives is a feature map [C, H, W]"),
    ("layernorm", {"over": ["C", "T"]}, "3 8 8", "over names T, and what arrives is a feature map [C, H, W]"),
    ("layernorm", {"over": "H"}, "3 8", "layernorm: over names H, and what arrives is tokens [N, D]"),
    ("softmax", {"over": "groups", "groups": 2}, "3 8 8", "softmax: channels into groups: 3 does not divide into 2"),
    ("keep_channels", {"count": 3, "start": 1}, "3 8 8", "keep_channels: 3 from 1 cannot stay of 3"),
    ("keep_channels", {"count": 9}, "3 8", "keep_channels: 9 from 0 cannot stay of 8"),
    ("channel_shuffle", {"groups": 2}, "3 8 8", "channel_shuffle: channels into groups: 3 does not divide into 2"),
    ("zero_pad", {"rows": -1}, "3 8 8", "rows is -1, not a whole number, 0 or more, or a pair [before, after]"),
    ("layer_scale", {"constant": "half"}, "3 8 8", "constant is 'half', not a number"),
    ("layernorm", {"eps": 0}, "3 8", "eps is 0, not a number above 0"),
    ("batchnorm", {"eps": "small"}, "3 8", "eps is 'small', not a number above 0"),
    ("l2norm", {"over": "H"}, "3 8", "l2norm: over names H, and what arrives is tokens [N, D]"),
    ("frozen_batchnorm", {}, "3 8", "a video [C, T, H, W], but tokens [3, 8] arrives"),
    ("layer_scale", {"constant": float("inf")}, "3 8 8", "constant is inf, not a number"),
    ("layer_scale", {"constant": True}, "3 8 8", "constant is true, not a number"),
    ("layer_scale", {"constant": 0.1, "shared": True}, "3 8 8", "layer_scale: a constant is shared already"),
    ("conv", {"out": 4, "kernel": 3, "gain": True}, "3 8 8", "conv: gain belongs to standardized weights"),
    ("conv", {"out": 1, "kernel": 3, "standardized": True, "connections": [[0]]}, "3 8 8", "exclude each other"),
    ("avgpool", {"kernel": 3, "count_pad": 0}, "3 8 8", "count_pad is 0, not true or false"),
    ("maxpool", {"kernel": 3, "count_pad": False}, "3 8 8", "maxpool has no key 'count_pad'"),
    ("relu", {"written": "operator"}, "3", "relu: written is 'operator', not module or functional or method"),
    ("add", {"written": "module"}, "3, 3", "add: written is 'module', not operator or function"),
    ("concat", {"written": "function"}, "3, 3", "concat has no key 'written'"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "inputs", "says"), REFUSED, ids=lambda value: str(value)[:60])
def test_refusals(kind: str, fields: dict[str, Any], inputs: str, says: str):
    with pytest.raises(LayerError) as refusal:
        Facts(KINDS[kind](**fields), shapes(inputs))
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("kind", "fields", "inputs"),
    [
        ("conv", {"out": 4, "kernel": 7}, "3 H W"),
        ("conv", {"out": 4, "kernel": 1, "groups": G}, "C 8 8"),
        ("conv", {"out": 2, "kernel": 1, "connections": [[0], [3]]}, "C 8 8"),
        ("conv", {"out": C, "kernel": 1, "connections": [[0], [1]]}, "3 8 8"),
        ("attention", {"heads": 12}, "N D"),
        ("take_token", {"index": 4}, "N 8"),
        ("keep_tokens", {"count": N}, "196 8"),
        ("add", {}, "C 8 8, 64 8 8"),
        ("concat", {}, "3 H 8, 4 W 8"),
        ("conv_transpose", {"out": 4, "kernel": 1, "pad": 9}, "3 H W"),
        ("conv_transpose", {"out": 4, "kernel": 1, "groups": G}, "C 8 8"),
        ("matmul", {}, "N D, 64 N"),
        ("matmul", {}, "C 8 8, H 8 8"),
        ("scaled_dot_product_attention", {}, "N D, W 64, H 8"),
    ],
)
def test_what_symbols_leave_open_is_not_refused(kind: str, fields: dict[str, Any], inputs: str):
    Facts(KINDS[kind](**fields), put(shapes(inputs), {"C": C, "H": H, "W": W, "N": N, "D": D}))


@pytest.mark.parametrize(
    ("kind", "fields", "inputs"),
    [
        ("conv", {"out": 4, "kernel": 1, "groups": 2}, ((2 * C + 1, 8, 8),)),
        ("conv", {"out": -C, "kernel": 1}, ((3, 8, 8),)),
        ("attention", {"heads": 4}, ((N, 4 * D + 2),)),
        ("add", {}, ((C, 8, 8), (C + 1, 8, 8))),
        ("keep_tokens", {"count": N + 1}, ((N, 8),)),
        ("conv_transpose", {"out": 4, "kernel": 1, "pad": [H, 0]}, ((3, H, 8),)),
        ("matmul", {}, ((N, D), (D + 1, N))),
        ("matmul", {}, ((C, N, D), (C + 1, D, N))),
        ("scaled_dot_product_attention", {}, ((N, D), (N, D + 1), (N, D))),
    ],
)
def test_what_symbols_rule_out_is_refused(kind: str, fields: dict[str, Any], inputs: tuple[tuple[Any, ...], ...]):
    with pytest.raises(LayerError):
        Facts(KINDS[kind](**fields), inputs)
