"""Every layer kind: one formula on ints, symbols, arrays and workings; and what it comes to, worked out by hand."""

from __future__ import annotations

import operator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcalc import symbols
from vcalc.arithmetic import ceil_div, product
from vcalc.errors import LayerError
from vcalc.graph import Facts
from vcalc.layers import KINDS, PRIMITIVES, ROLES
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
        """Five values for the sizes: H, W and N grow by ones, for every remainder; the others keep their divisors."""
        return [
            {name: size + i if name in "HWN" else size * (i + 1) for name, size in self.sizes.items()} for i in range(5)
        ]


def put(value: Any, sizes: dict[str, Any]) -> Any:
    """The value with sizes in place of their names."""
    if isinstance(value, dict):
        return {key: put(item, sizes) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(put(item, sizes) for item in value)
    return sizes.get(value, value) if isinstance(value, str) else value


def shapes(text: str) -> tuple[tuple[Any, ...], ...]:
    """`64 28 28, 32 H W` as a tuple of shapes."""
    return tuple(tuple(int(word) if word.isdigit() else word for word in part.split()) for part in text.split(","))


def case(kind: str, fields: dict[str, Any], inputs: str, **sizes: int) -> Case:
    return Case(kind, fields, shapes(inputs), sizes)


C, H, W, N, D, G = (symbols.symbol(name) for name in "CHWNDG")

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
IDENTITIES = [
    "relu", "relu6", "leaky_relu", "gelu", "silu", "hardswish", "sigmoid", "hardsigmoid", "tanh", "softmax", "dropout",
    "drop_path", "local_response_norm",
]  # fmt: skip

CASES = [
    *(case("conv", {"out": "K", **window}, "C H W", **MAP, K=4) for window in WINDOWS),
    case("conv", {"out": "K", "kernel": 3, "dilation": 2}, "C H W", **MAP, K=4),
    case("conv", {"out": "K", "kernel": 3, "stride": 2, "pad": [2, 4], "dilation": [2, 3]}, "C H W", **MAP, K=4),
    case("conv", {"out": "C", "kernel": 3, "pad": 1, "groups": "C", "bias": False}, "C H W", **MAP),
    case("conv", {"out": "K", "kernel": 5, "groups": 2}, "C H W", **MAP, K=4),
    case("conv", {"out": 4, "kernel": "k", "stride": "S", "dilation": "d"}, "3 H W", H=26, W=18, k=1, S=2, d=1),
    case("conv", {"out": 3, "kernel": 3, "connections": [[0, 1], [2], [0, 1, 2]]}, "3 H W", H=8, W=9),
    *(case("maxpool", window, "C H W", **MAP) for window in WINDOWS),
    case("maxpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "C H W", **MAP),
    case("maxpool", {"kernel": 3, "stride": 2, "pad": 1, "ceil_mode": True}, "C H W", **MAP),
    case("maxpool", {"kernel": 2, "stride": 2, "pad": 1, "ceil_mode": True}, "C H W", **MAP),
    case("maxpool", {"kernel": 2, "stride": 3, "ceil_mode": True}, "C H W", **MAP),
    *(case("avgpool", window, "C H W", **MAP) for window in WINDOWS),
    case("avgpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "C H W", **MAP),
    case("global_avgpool", {}, "C H W", **MAP),
    case("global_avgpool", {"keep_dims": True}, "C H W", **MAP),
    case("global_avgpool", {}, "N D", N=5, D=8),
    case("global_avgpool", {"keep_dims": True}, "N D", N=5, D=8),
    case("adaptive_avgpool", {"out": 7}, "C H W", **MAP),
    case("adaptive_avgpool", {"out": [1, 20]}, "C H W", **MAP),
    case("subsample", {"kernel": 2}, "C H W", **MAP),
    case("subsample", {"kernel": 3}, "C H W", **MAP),
    case("linear", {"out": "K"}, "D", D=6, K=10),
    case("linear", {"out": "K", "bias": False}, "N D", N=5, D=6, K=10),
    case("pointwise_linear", {"out": "K"}, "C H W", **MAP, K=10),
    case("pointwise_linear", {"out": "K", "bias": False}, "C H W", **MAP, K=10),
    case("radial_basis", {"out": "K"}, "D", D=6, K=10),
    case("batchnorm", {}, "C H W", **MAP),
    case("batchnorm", {"affine": False}, "D", D=6),
    case("layernorm", {}, "C H W", **MAP),
    case("layernorm", {}, "N D", N=5, D=6),
    case("layernorm", {"affine": False}, "D", D=6),
    case("groupnorm", {"groups": "G"}, "C H W", **MAP, G=1),
    case("groupnorm", {"groups": 3}, "N D", N=5, D=6),
    case("layer_scale", {}, "C H W", **MAP),
    case("layer_scale", {}, "N D", N=5, D=6),
    case("attention", {"heads": 3}, "N D", N=5, D=6),
    case("attention", {"heads": "h", "head_dim": "d", "qkv_bias": False}, "N D", N=5, D=6, h=4, d=2),
    case("attention", {"heads": 1, "qkv_bias": False, "out_bias": False}, "N D", N=5, D=6),
    case("window_attention", {"heads": 3, "window": 7}, "C H W", **MAP),
    case("window_attention", {"heads": "h", "window": "M", "shift": [1, 2]}, "C H W", C=6, H=14, W=21, h=2, M=7),
    case("window_attention", {"heads": 2, "window": [2, 3], "relative_position_bias": False}, "C H W", **MAP),
    case("tokens", {}, "C H W", **MAP),
    case("class_token", {}, "N D", N=5, D=6),
    case("class_token", {"count": "K"}, "N D", N=5, D=6, K=2),
    case("position_embedding", {}, "N D", N=5, D=6),
    case("position_embedding", {"fixed": True}, "N D", N=5, D=6),
    case("take_token", {}, "N D", N=5, D=6),
    case("take_token", {"index": 4}, "N D", N=5, D=6),
    case("keep_tokens", {"count": 4}, "N D", N=5, D=6),
    case("append_tokens", {"count": "K"}, "N D", N=5, D=6, K=3),
    case("flatten", {}, "C H W", **MAP),
    case("flatten", {}, "N D", N=5, D=6),
    case("flatten", {}, "D", D=6),
    case("space_to_depth", {}, "C H W", **MAP),
    case("space_to_depth", {"factor": 3}, "C H W", **MAP),
    case("upsample", {"scale": "S"}, "C H W", **MAP, S=3),
    case("concat", {}, "C H W, B H W, C H W", **MAP, B=2),
    case("concat", {}, "N D, 3 D", N=5, D=6),
    case("concat", {}, "D, K", D=6, K=4),
    case("add", {}, "C H W, C H W", **MAP),
    case("add", {}, "N D, N D, N D", N=5, D=6),
    case("multiply", {}, "C H W, C 1 1", **MAP),
    case("multiply", {}, "C, C H W", **MAP),
    *(case(kind, {}, "C H W", **MAP) for kind in IDENTITIES),
]


def label(item: Case) -> str:
    return f"{item.kind} {item.fields} {item.inputs}"


each_case = pytest.mark.parametrize("case", CASES, ids=label)


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
def test_names_are_known_primitives_and_roles(case: Case):
    facts = case.facts(case.sizes)
    assert set(facts.work) <= set(PRIMITIVES)
    assert set(facts.parameters) <= set(ROLES)


@each_case
def test_ints_give_ints(case: Case):
    assert {type(number) for number in numbers(case.facts(case.sizes)).values()} == {int}


@each_case
def test_symbols_then_numbers_agree_with_ints(case: Case):
    formulas = numbers(case.facts({name: symbols.symbol(name) for name in case.sizes}))
    for sizes in case.settings():
        bound = {name: symbols.evaluate(formula, sizes) for name, formula in formulas.items()}
        assert bound == numbers(case.facts(sizes)), sizes


@each_case
@pytest.mark.parametrize("dtype", [np.int64, object])
def test_arrays_agree_with_ints(case: Case, dtype: Any):
    settings = case.settings()
    arrays = {name: np.array([sizes[name] for sizes in settings], dtype) for name in case.sizes}
    columns = numbers(case.facts(arrays))
    for i, sizes in enumerate(settings):
        row = {name: np.broadcast_to(column, len(settings))[i] for name, column in columns.items()}
        assert row == numbers(case.facts(sizes)), sizes


@each_case
def test_workings_agree_with_ints_and_with_their_own_text(case: Case):
    for sizes in case.settings():
        plain = case.facts(sizes)
        shown = Facts(plain.layer.with_values(with_working), with_working(plain.inputs))
        workings = {name: Working.of(number) for name, number in numbers(shown).items()}
        expected = numbers(plain)
        assert {name: working.value for name, working in workings.items()} == expected
        assert {name: eval(working.text, {}) for name, working in workings.items()} == expected


def test_a_working_of_symbols_keeps_the_formula():
    layer = KINDS["maxpool"](kernel=2, stride=3, ceil_mode=True)
    facts = Facts(layer.with_values(with_working), with_working(((4, H, 8),)))
    assert Working.of(facts.output[1]).value == layer.output((4, H, 8))[1]


def test_ceil_mode_with_a_symbolic_kernel():
    """Windows of 2 in steps of 3 over 15: from 0, 3, 6, 9, 12; a sixth would start past the end."""
    height = KINDS["maxpool"](kernel=D, stride=3, ceil_mode=True).output((1, H, 8))[1]
    assert symbols.evaluate(height, {"H": 15, "D": 2}) == 5


def test_an_array_of_paddings():
    pads = np.array([0, 1, 2])
    assert KINDS["conv"](out=1, kernel=3, pad=pads).output((1, 8, 8))[1].tolist() == [6, 8, 10]


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
    # 112 to 56: padded as in ResNet, rounded up as in GoogLeNet; a last window that would start in the padding
    Fact("maxpool", {"kernel": 3, "stride": 2, "pad": 1}, "64 112 112 -> 64 56 56", {},
         {"window_elements": 9*64*56*56}),
    Fact("maxpool", {"kernel": 3, "stride": 2, "ceil_mode": True}, "64 112 112 -> 64 56 56", {},
         {"window_elements": 9*64*56*56}),
    Fact("maxpool", {"kernel": 3, "stride": 2}, "64 112 112 -> 64 55 55", {}, {"window_elements": 9*64*55*55}),
    Fact("maxpool", {"kernel": 2, "stride": 2, "pad": 1, "ceil_mode": True}, "1 3 4 -> 1 2 3", {},
         {"window_elements": 4*2*3}),
    Fact("maxpool", {"kernel": 3, "stride": 2, "pad": "same"}, "2 5 6 -> 2 3 3", {}, {"window_elements": 9*2*9}),
    Fact("avgpool", {"kernel": [2, 3], "stride": [2, 3]}, "4 6 7 -> 4 3 2", {}, {"window_elements": 6*4*6}),
    Fact("global_avgpool", {}, "2048 7 7 -> 2048", {}, {"window_elements": 2048*49}),
    Fact("global_avgpool", {"keep_dims": True}, "16 7 5 -> 16 1 1", {}, {"window_elements": 16*35}),
    Fact("global_avgpool", {}, "196 768 -> 768", {}, {"window_elements": 196*768}),
    Fact("global_avgpool", {"keep_dims": True}, "196 768 -> 1 768", {}, {"window_elements": 196*768}),
    # 7 into 3: windows 0-2, 2-4, 4-6; 3 into 6: each element twice
    Fact("adaptive_avgpool", {"out": 3}, "2 7 7 -> 2 3 3", {}, {"window_elements": 2 * 9*9}),
    Fact("adaptive_avgpool", {"out": [6, 1]}, "2 3 5 -> 2 6 1", {}, {"window_elements": 2 * 6*5}),
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
    Fact("batchnorm", {}, "64 7 7 -> 64 7 7", {"scale": 64, "shift": 64}, {},
         {"running_mean": 64, "running_variance": 64, "batches_tracked": 1}),
    Fact("batchnorm", {"affine": False}, "64 -> 64", {}, {},
         {"running_mean": 64, "running_variance": 64, "batches_tracked": 1}),
    Fact("layernorm", {}, "197 768 -> 197 768", {"scale": 768, "shift": 768}),
    Fact("layernorm", {}, "96 56 28 -> 96 56 28", {"scale": 96, "shift": 96}),
    Fact("groupnorm", {"groups": 4}, "8 5 5 -> 8 5 5", {"scale": 8, "shift": 8}),
    Fact("layer_scale", {}, "96 56 28 -> 96 56 28", {"layer_scale": 96}, {"multiplications": 96*56*28}),
    # ViT-B/16: 12 heads of 64; scores and weighted values are 12 products of 197x64x197
    Fact("attention", {"heads": 12}, "197 768 -> 197 768", {"weight": 4*768*768, "bias": 4*768},
         {"multiply_adds": 197 * 4*768*768, "product_multiply_adds": 2 * 12 * 197*64*197, "exponentials": 12*197*197,
          "bias_additions": 197 * 4*768}),
    Fact("attention", {"heads": 2, "head_dim": 5, "qkv_bias": False}, "3 4 -> 3 4",
         {"weight": 3*4*10 + 10*4, "bias": 4},
         {"multiply_adds": 3 * (3*4*10 + 10*4), "product_multiply_adds": 2 * 2 * 3*5*3, "exponentials": 2*3*3,
          "bias_additions": 3*4}),
    Fact("attention", {"heads": 1, "out_bias": False}, "3 4 -> 3 4", {"weight": 4 * 4*4, "bias": 3*4},
         {"multiply_adds": 3 * 4*4*4, "product_multiply_adds": 2 * 3*4*3, "exponentials": 3*3,
          "bias_additions": 3 * 3*4}),
    Fact("attention", {"heads": 1, "qkv_bias": False, "out_bias": False}, "3 4 -> 3 4", {"weight": 4 * 4*4},
         {"multiply_adds": 3 * 4*4*4, "product_multiply_adds": 2 * 3*4*3, "exponentials": 3*3}),
    # Swin-T's first block: 64 windows of 49 tokens, 13*13 relative positions; and 8x8 padded to 14x14
    Fact("window_attention", {"heads": 3, "window": 7}, "96 56 56 -> 96 56 56",
         {"weight": 4*96*96, "bias": 4*96, "relative_position_bias": 13*13*3},
         {"multiply_adds": 56*56 * 4*96*96, "product_multiply_adds": 2 * 64 * 49*49*96, "exponentials": 64 * 3*49*49,
          "additions": 64 * 3*49*49, "bias_additions": 56*56 * 4*96}, {"relative_position_index": 49*49}),
    Fact("window_attention", {"heads": 1, "window": 7, "relative_position_bias": False, "qkv_bias": False},
         "2 8 8 -> 2 8 8",
         {"weight": 4*2*2, "bias": 2},
         {"multiply_adds": 14*14 * 16, "product_multiply_adds": 2 * 4 * 49*49*2, "exponentials": 4 * 49*49,
          "bias_additions": 14*14 * 2}),
    Fact("tokens", {}, "768 14 14 -> 196 768"),
    Fact("class_token", {}, "196 768 -> 197 768", {"class_token": 768}),
    Fact("class_token", {"count": 5}, "196 768 -> 201 768", {"class_token": 5*768}),
    Fact("position_embedding", {}, "197 768 -> 197 768", {"position_embedding": 197*768}, {"additions": 197*768}),
    Fact("position_embedding", {"fixed": True}, "4 3 -> 4 3", {"fixed_position_embedding": 12}, {"additions": 12}),
    Fact("take_token", {}, "1 768 -> 768"),
    Fact("take_token", {"index": 196}, "197 768 -> 768"),
    Fact("keep_tokens", {"count": 49}, "196 1024 -> 49 1024"),
    Fact("append_tokens", {"count": 0}, "4 5 -> 4 5", {"mask_token": 5}),
    Fact("append_tokens", {"count": 147}, "50 512 -> 197 512", {"mask_token": 512}),
    Fact("flatten", {}, "512 7 7 -> 25088"),
    Fact("space_to_depth", {}, "96 56 55 -> 384 28 28"),
    Fact("upsample", {"scale": 3}, "8 5 6 -> 8 15 18"),
    Fact("upsample", {}, "8 5 6 -> 8 10 12"),
    Fact("concat", {}, "64 28 28, 128 28 28, 32 28 28, 32 28 28 -> 256 28 28"),
    Fact("concat", {}, "1 768, 196 768 -> 197 768"),
    Fact("add", {}, "256 56 56, 256 56 56 -> 256 56 56", {}, {"additions": 256*56*56}),
    Fact("add", {}, "4 3, 4 3, 4 3 -> 4 3", {}, {"additions": 2 * 4*3}),
    Fact("multiply", {}, "96 28 28, 96 -> 96 28 28", {}, {"multiplications": 96*28*28}),
    Fact("multiply", {}, "96 1 1, 96 28 28 -> 96 28 28", {}, {"multiplications": 96*28*28}),
    *(Fact(kind, {}, "8 5 6 -> 8 5 6") for kind in IDENTITIES),
    Fact("softmax", {}, "1000 -> 1000"),
    Fact("gelu", {}, "197 3072 -> 197 3072"),
]  # fmt: skip


def test_every_kind_has_a_fact():
    assert {fact.kind for fact in FACTS} == set(KINDS)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: " ".join(map(str, fact[:3])))
def test_facts(fact: Fact):
    inputs, output = map(shapes, fact.shapes.split("->"))
    facts = Facts(KINDS[fact.kind](**fact.fields), inputs)
    assert facts.output == output[0]
    assert facts.parameters == fact.parameters
    assert facts.buffers == fact.buffers
    assert facts.layer.work(facts.inputs, facts.output) == fact.work


def test_elements_that_arrive_and_leave():
    work = Facts(KINDS["concat"](), ((2, 3, 4), (5, 3, 4))).work
    assert work == {"input_elements": 2 * 3 * 4 + 5 * 3 * 4, "output_elements": 7 * 3 * 4}


@pytest.mark.parametrize(
    ("kind", "required", "defaults"),
    [
        ("local_response_norm", {}, {"size": 5}),
        ("dropout", {}, {"p": 0.5}),
        ("drop_path", {}, {"p": 0.0}),
        ("window_attention", {"heads": 2, "window": 7}, {"shift": (0, 0), "window": (7, 7)}),
        ("maxpool", {"kernel": 2}, {"stride": (1, 1), "pad": (0, 0), "ceil_mode": False}),
    ],
)
def test_defaults_that_no_count_shows(kind: str, required: dict[str, Any], defaults: dict[str, Any]):
    assert defaults.items() <= KINDS[kind](**required).values().items()


def test_adaptive_windows_of_an_open_number_are_refused_or_counted():
    with suppress(LayerError):
        work = Facts(KINDS["adaptive_avgpool"](out=N), ((1, 12, 12),)).work
        assert symbols.evaluate(work["window_elements"], {"N": 4}) == 12 * 12


# Refusals: what is known not to fit, and nothing else.

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("conv", {"out": 4, "kernel": 3}, "10", "conv takes a feature map [C, H, W], but a vector [10] arrives"),
    ("linear", {"out": 4}, "3 8 8", "put 'flatten' or 'global_avgpool' before it"),
    ("attention", {"heads": 2}, "4 8 8", "put 'tokens' before it"),
    ("conv", {"out": 4, "kernel": 7}, "3 5 5", "a window of 7 does not fit an input of 5 padded by 0"),
    ("conv", {"out": 4, "kernel": 3, "dilation": 4}, "3 8 8", "a window of 9 does not fit an input of 8"),
    ("maxpool", {"kernel": [1, 4], "pad": 1}, "3 8 1", "a window of 4 does not fit an input of 1 padded by 1"),
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
    ("keep_tokens", {"count": 5}, "4 8", "5 cannot stay of 4"),
    ("concat", {}, "3 8 8, 3 8 7", "differ in more than the first size"),
    ("concat", {}, "3 8 8, 3", "differ in more than the first size"),
    ("add", {}, "3 8 8, 4 8 8", "a feature map [3, 8, 8] and a feature map [4, 8, 8] do not match"),
    ("multiply", {}, "4 8, 4", "do not match"),
    ("conv", {"out": 4}, "3 8 8", "conv needs 'kernel'"),
    ("conv", {"out": 4, "kernel": 3, "padding": 1}, "3 8 8", "conv has no key 'padding'"),
    ("conv", {"out": 0, "kernel": 3}, "3 8 8", "out is 0, not a whole number, 1 or more"),
    ("conv", {"out": 4.5, "kernel": 3}, "3 8 8", "out is 4.5, not a whole number"),
    ("conv", {"out": True, "kernel": 3}, "3 8 8", "out is true, not a whole number"),
    ("conv", {"out": 4, "kernel": [3, 3, 3]}, "3 8 8", "kernel is [3, 3, 3], not a whole number"),
    ("conv", {"out": 4, "kernel": 3, "pad": -1}, "3 8 8", "pad is -1, not"),
    ("conv", {"out": 4, "kernel": 3, "pad": "valid"}, "3 8 8", "pad is 'valid', not"),
    ("conv", {"out": 4, "kernel": 3, "bias": 1}, "3 8 8", "bias is 1, not true or false"),
    ("conv", {"out": 4, "kernel": 3, "connections": [0, 1]}, "3 8 8", "connections is [0, 1], not a list of lists"),
    ("dropout", {"p": 1.5}, "3", "p is 1.5, not a number from 0 to 1"),
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
    ],
)
def test_what_symbols_rule_out_is_refused(kind: str, fields: dict[str, Any], inputs: tuple[tuple[Any, ...], ...]):
    with pytest.raises(LayerError):
        Facts(KINDS[kind](**fields), inputs)
