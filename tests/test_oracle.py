"""The layers held against loops that slide windows and multiply matrices one step at a time.

Nothing here is a formula: positions are walked, products are counted where they happen. A position outside the input is
padding, and counts as torch counts it: the kernel is applied there in full.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest

from vcalc import conventions
from vcalc.graph import Facts
from vcalc.layers import KINDS


def facts(kind: str, *inputs: tuple[int, ...], **fields: Any) -> Facts:
    return Facts(KINDS[kind](**fields), inputs)


def starts(
    size: int, kernel: int, stride: int = 1, pad: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> Iterator[int]:
    """Where windows begin along one axis of the input; the padding lies at negative positions and from `size` on.

    With `ceil_mode` a window may lack less than a stride of elements, if it begins before the padding on the right.
    """
    for start in itertools.count(-pad, stride):
        lacking = start + dilation * (kernel - 1) - (size + pad - 1)
        if lacking > 0 and not (ceil_mode and lacking < stride and start < size):
            return
        yield start


def positions(shape: tuple[int, ...], **window: Any) -> list[list[tuple[int, int]]]:
    """Every window of a map, as the list of the places it reads."""
    axes = []
    for axis, size in enumerate(shape[1:]):
        own = {key: value[axis] if isinstance(value, list) else value for key, value in window.items()}
        taps = range(0, own["kernel"] * own.get("dilation", 1), own.get("dilation", 1))
        axes.append([[start + tap for tap in taps] for start in starts(size, **own)])
    return [list(itertools.product(rows, columns)) for rows, columns in itertools.product(*axes)]


AXES = list(itertools.product(range(1, 12), (1, 2, 3, 4), (1, 2, 3), (0, 1, 2)))
"""Sizes, kernels, strides, paddings."""


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pool_windows_along_an_axis(ceil_mode: bool):
    for size, kernel, stride, pad in AXES:
        expected = len(list(starts(size, kernel, stride, pad, 1, ceil_mode)))
        if not expected or pad > kernel // 2:  # torch pads a pool by half its window at most
            continue
        found = facts("maxpool", (1, size, size), kernel=kernel, stride=stride, pad=pad, ceil_mode=ceil_mode)
        assert found.output == (1, expected, expected), (size, kernel, stride, pad)


def test_with_ceil_mode_the_only_window_may_be_partly_empty():
    assert list(starts(2, kernel=3, stride=2, ceil_mode=True)) == [0]
    assert facts("maxpool", (1, 2, 2), kernel=3, stride=2, ceil_mode=True).output == (1, 1, 1)


@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_convolution_windows_along_an_axis(dilation: int):
    for size, kernel, stride, pad in AXES:
        if size + 2 * pad <= dilation * (kernel - 1):
            continue
        found = facts("conv", (1, size, size), out=1, kernel=kernel, stride=stride, pad=pad, dilation=dilation)
        expected = len(list(starts(size, kernel, stride, pad, dilation)))
        assert found.output == (1, expected, expected), (size, kernel, stride, pad)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_same_padding_starts_one_window_in_every_stride(kernel: int, stride: int):
    for size in range(1, 12):
        expected = len(range(0, size, stride))
        assert facts("conv", (1, size, size), out=1, kernel=kernel, stride=stride, pad="same").output[1] == expected


CONVOLUTIONS: list[tuple[tuple[int, int, int], dict[str, Any]]] = [
    ((3, 5, 6), {"out": 4, "kernel": 3}),
    ((2, 4, 4), {"out": 3, "kernel": 3, "pad": 1}),
    ((2, 7, 6), {"out": 3, "kernel": 3, "stride": 2, "pad": 1}),
    ((2, 5, 7), {"out": 2, "kernel": [1, 5], "pad": [0, 2]}),
    ((2, 8, 7), {"out": 2, "kernel": 3, "dilation": 2}),
    ((1, 9, 9), {"out": 2, "kernel": [2, 3], "stride": [3, 1], "pad": [1, 2], "dilation": [3, 2]}),
    ((4, 5, 5), {"out": 6, "kernel": 3, "groups": 2}),
    ((4, 5, 5), {"out": 4, "kernel": 3, "groups": 4, "bias": False}),
    ((4, 5, 4), {"out": 8, "kernel": 3, "stride": 2, "groups": 4}),
    ((3, 6, 6), {"out": 4, "kernel": 5, "connections": [[0, 1], [2], [0, 1, 2], [1]]}),
]


@pytest.mark.parametrize(("shape", "fields"), CONVOLUTIONS)
def test_convolutions(shape: tuple[int, int, int], fields: dict[str, Any]):
    given = {"groups": 1, "bias": True, "connections": None, **fields}
    window = {key: given[key] for key in ("kernel", "stride", "pad", "dilation") if key in given}
    out_group, in_group = given["out"] // given["groups"], shape[0] // given["groups"]
    multiply_adds = bias_additions = 0
    weights, outputs = set(), set()
    for channel in range(given["out"]):
        group = channel // out_group
        reads = range(group * in_group, (group + 1) * in_group)
        for window_number, places in enumerate(positions(shape, **window)):
            outputs.add((channel, window_number))
            bias_additions += given["bias"]
            for source in given["connections"][channel] if given["connections"] else reads:
                for tap in range(len(places)):
                    weights.add((channel, source, tap))
                    multiply_adds += 1
    found = facts("conv", shape, **fields)
    assert found.output[0] * found.output[1] * found.output[2] == len(outputs)
    assert found.parameters == {"weight": len(weights), **({"bias": given["out"]} if given["bias"] else {})}
    assert found.work["multiply_adds"] == multiply_adds
    assert found.work.get("bias_additions", 0) == bias_additions


TRANSPOSED: list[tuple[tuple[int, int, int], dict[str, Any]]] = [
    ((3, 4, 5), {"out": 2, "kernel": 2, "stride": 2}),
    ((2, 4, 4), {"out": 3, "kernel": 4, "stride": 2, "pad": 1, "bias": False}),
    ((1, 1, 1), {"out": 2, "kernel": 4, "bias": False}),
    ((2, 5, 4), {"out": 2, "kernel": 3, "stride": [1, 3], "output_pad": [0, 2]}),
    ((2, 5, 4), {"out": 2, "kernel": [2, 3], "stride": 2, "pad": [0, 1], "output_pad": 1, "dilation": [3, 2]}),
    ((4, 5, 6), {"out": 6, "kernel": 3, "stride": 2, "pad": 1, "groups": 2}),
    ((4, 3, 3), {"out": 4, "kernel": 2, "stride": 3, "groups": 4}),
]


@pytest.mark.parametrize(("shape", "fields"), TRANSPOSED)
def test_transposed_convolutions(shape: tuple[int, int, int], fields: dict[str, Any]):
    """Every input element lays its kernels down; what falls into the padding is cut off, after it was worked out."""
    given = {"stride": 1, "pad": 0, "output_pad": 0, "dilation": 1, "groups": 1, "bias": True, **fields}
    axes = []
    for axis, size in enumerate(shape[1:]):
        names = ("kernel", "stride", "pad", "output_pad", "dilation")
        kernel, stride, pad, extra, dilation = (
            given[name][axis] if isinstance(given[name], list) else given[name] for name in names
        )
        laid = [[place * stride + tap * dilation for tap in range(kernel)] for place in range(size)]
        last = max(map(max, laid)) + extra
        axes.append((laid, list(range(last + 1))[pad : last + 1 - pad]))
    (rows, high), (columns, wide) = axes
    out_group, in_group = given["out"] // given["groups"], shape[0] // given["groups"]
    multiply_adds, weights = 0, set()
    for source in range(shape[0]):
        group = source // in_group
        for channel in range(group * out_group, (group + 1) * out_group):
            for row, column in itertools.product(rows, columns):
                for tap in itertools.product(range(len(row)), range(len(column))):
                    weights.add((source, channel, tap))
                    multiply_adds += 1
    found = facts("conv_transpose", shape, **fields)
    positions = len(high) * len(wide)
    assert found.output == (given["out"], len(high), len(wide))
    assert found.parameters == {"weight": len(weights), **({"bias": given["out"]} if given["bias"] else {})}
    assert found.work["multiply_adds"] == multiply_adds
    assert found.work.get("bias_additions", 0) == (given["out"] * positions if given["bias"] else 0)
    everywhere = conventions.load("thop").flops(found)  # as if each output position took a whole kernel
    assert everywhere == sum(1 for _ in range(positions) for _ in weights)


@pytest.mark.parametrize("kind", ["maxpool", "avgpool"])
@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        ((2, 6, 7), {"kernel": 2, "stride": 2}),
        ((2, 6, 7), {"kernel": 3, "stride": 2, "ceil_mode": True}),
        ((1, 5, 4), {"kernel": 2, "stride": 3, "ceil_mode": True}),
        ((1, 4, 3), {"kernel": 2, "stride": 2, "pad": 1, "ceil_mode": True}),
        ((3, 5, 5), {"kernel": 3, "stride": 1, "pad": 1}),
        ((1, 7, 8), {"kernel": [3, 2], "stride": [2, 1], "pad": [1, 0]}),
    ],
)
def test_pools(kind: str, shape: tuple[int, int, int], fields: dict[str, Any]):
    windows = positions(shape, **fields)
    found = facts(kind, shape, **fields)
    assert found.output[1] * found.output[2] == len(windows)
    assert found.work["window_elements"] == sum(len(window) for window in windows for _ in range(shape[0]))


@pytest.mark.parametrize("kind", ["maxpool", "avgpool"])
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(2, 2, 0), ([3, 2], [2, 3], 1), (4, 4, [0, 2])])
def test_steps_of_a_pool_tile_what_its_windows_start_in(kind: str, kernel: Any, stride: Any, pad: Any):
    """Steps laid side by side from the first window's start, without a gap and without an overlap."""
    shape = (2, 9, 8)
    tiles = [
        (channel, row + y, column + x)
        for channel in range(shape[0])
        for (row, column), *_ in positions(shape, kernel=kernel, stride=stride, pad=pad)
        for y in range(stride[0] if isinstance(stride, list) else stride)
        for x in range(stride[1] if isinstance(stride, list) else stride)
    ]
    assert len(set(tiles)) == len(tiles)
    found = facts(kind, shape, kernel=kernel, stride=stride, pad=pad)
    assert conventions.load("convnet-burden").flops(found) == 2 * len(tiles)


def test_subsampling_leaves_an_incomplete_window_out():
    shape = (3, 7, 6)
    windows = positions(shape, kernel=2, stride=2)
    found = facts("subsample", shape, kernel=2)
    assert found.output == (3, 3, 3)
    assert found.work["window_elements"] == 3 * sum(map(len, windows))
    assert found.work["multiplications"] == found.work["bias_additions"] == 3 * len(windows)


@pytest.mark.parametrize("out", [1, 2, 3, 5, 7, 9])
@pytest.mark.parametrize("size", [1, 2, 5, 7, 8, 13])
def test_adaptive_windows(size: int, out: int):
    """Window i covers every element that the i-th of `out` equal parts of the axis touches."""
    parts = [(Fraction(i * size, out), Fraction((i + 1) * size, out)) for i in range(out)]
    touched = sum(1 for left, right in parts for place in range(size) if place + 1 > left and place < right)
    assert touched == sum(ceil(right) - floor(left) for left, right in parts)
    for kind in ("adaptive_avgpool", "adaptive_maxpool"):
        assert facts(kind, (2, size, 4), out=[out, 1]).work["window_elements"] == 2 * touched * 4


class Counter:
    """Multiplies matrices, given as sizes, and counts every product that is added to a sum."""

    def __init__(self) -> None:
        self.multiply_adds = 0

    def product(self, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        assert left[1] == right[0]
        for _ in itertools.product(range(left[0]), range(right[1]), range(left[1])):
            self.multiply_adds += 1
        return (left[0], right[1])


@pytest.mark.parametrize(("shape", "bias"), [((5,), True), ((5,), False), ((3, 5), True)])
def test_linear(shape: tuple[int, ...], bias: bool):
    matrix = Counter()
    rows, columns = matrix.product((1, *shape)[-2:], (5, 4))
    found = facts("linear", shape, out=4, bias=bias)
    assert found.output == (*shape[:-1], 4)
    assert found.work["multiply_adds"] == matrix.multiply_adds
    assert found.work.get("bias_additions", 0) == (rows * columns if bias else 0)


def attend(groups: Iterable[int], width: int, heads: int, head_dim: int) -> tuple[int, int, int]:
    """Multiply-adds with weights, multiply-adds of activations, exponentials: attention within each group of tokens."""
    projections, products, exponentials = Counter(), Counter(), 0
    for tokens in groups:
        for _ in range(heads):
            query, key, value = (projections.product((tokens, width), (width, head_dim)) for _ in range(3))
            scores = products.product(query, key[::-1])
            exponentials += scores[0] * scores[1]
            mixed = products.product(scores, value)
            projections.product(mixed, (head_dim, width))
    return projections.multiply_adds, products.multiply_adds, exponentials


@pytest.mark.parametrize(
    ("tokens", "width", "heads", "head_dim"), [(5, 6, 1, 6), (5, 6, 3, 2), (1, 4, 2, 2), (4, 6, 2, 5)]
)
def test_attention_from_its_matrix_products(tokens: int, width: int, heads: int, head_dim: int):
    plain = {} if heads * head_dim == width else {"head_dim": head_dim}
    work = facts("attention", (tokens, width), heads=heads, **plain).work
    counted = attend([tokens], width, heads, head_dim)
    assert (work["multiply_adds"], work["product_multiply_adds"], work["exponentials"]) == counted
    assert work["bias_additions"] == tokens * heads * head_dim * 3 + tokens * width


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize(("queries", "keys", "width", "value"), [(5, 5, 4, 4), (1, 6, 2, 3), (4, 1, 3, 2)])
def test_attention_of_given_queries_keys_and_values(heads: int, queries: int, keys: int, width: int, value: int):
    """Each query is made smaller, held against each key, and mixes the values by a softmax of what comes out."""
    products = Counter()
    scaled = exponentials = additions = divisions = made = 0
    for _ in range(heads):
        scaled += queries * width
        rows, columns = products.product((queries, width), (width, keys))
        made += rows * columns
        for _ in range(rows):
            exponentials += columns
            additions += len(list(itertools.pairwise(range(columns))))
            divisions += columns
        mixed = products.product((rows, columns), (keys, value))
        made += mixed[0] * mixed[1]
    shapes = [(heads, queries, width), (heads, keys, width), (heads, keys, value)]
    found = facts("scaled_dot_product_attention", *shapes)
    assert found.output == (heads, queries, value)
    assert inside(found) == {
        "product_multiply_adds": products.multiply_adds,
        "unmasked_product_multiply_adds": products.multiply_adds,
        "multiplications": scaled,
        "exponentials": exponentials,
        "softmax_additions": additions,
        "divisions": divisions,
        "product_elements": made,
    }
    if heads == 1:
        without_heads = facts("scaled_dot_product_attention", *(shape[1:] for shape in shapes))
        assert inside(without_heads) == inside(found)


def inside(found: Facts) -> dict[str, Any]:
    """What a layer does, without what goes in and out."""
    around = ("input_elements", "output_elements", "parameters")
    return {name: count for name, count in found.work.items() if name not in around}


INSIDE = (
    "product_multiply_adds", "multiplications", "exponentials", "softmax_additions", "divisions", "product_elements",
)  # fmt: skip


@pytest.mark.parametrize(("tokens", "heads", "head_dim"), [(5, 3, 4), (1, 2, 3), (7, 1, 6)])
def test_attention_is_its_layers_one_after_the_other(tokens: int, heads: int, head_dim: int):
    """Three linear layers, attention of what they give, a fourth; or the products and the softmax by themselves."""
    width = 12
    whole = facts("attention", (tokens, width), heads=heads, head_dim=head_dim)
    projections = [facts("linear", (tokens, width), out=heads * head_dim) for _ in range(3)]
    projections.append(facts("linear", (tokens, heads * head_dim), out=width))
    for name in ("multiply_adds", "bias_additions"):
        assert whole.work[name] == sum(linear.work[name] for linear in projections)
    called = [call for call in whole.calls if call.kind == "linear"]
    for name in ("output_elements", "parameters"):
        assert sum(call.work[name] for call in called) == sum(linear.work[name] for linear in projections)
    inside = facts("scaled_dot_product_attention", *[(heads, tokens, head_dim)] * 3)
    assert {name: whole.work[name] for name in INSIDE} == {name: inside.work[name] for name in INSIDE}
    scores = facts("matmul", (heads, tokens, head_dim), (heads, head_dim, tokens))
    softmax = facts("softmax", scores.output)
    mixed = facts("matmul", softmax.output, (heads, tokens, head_dim))
    assert mixed.output == inside.output
    for name in ("product_multiply_adds", "product_elements"):
        assert inside.work[name] == scores.work[name] + mixed.work[name]
    for name in ("exponentials", "softmax_additions", "divisions"):
        assert inside.work[name] == softmax.work[name]


@pytest.mark.parametrize("qkv_bias", [True, False])
@pytest.mark.parametrize("window", [[2, 2], [3, 2], [4, 5]])
def test_window_attention_is_attention_in_each_window(window: list[int], qkv_bias: bool):
    windows = {(y // window[0], x // window[1]) for y in range(5) for x in range(7)}
    named = {"heads": 2, "qkv_bias": qkv_bias, "written": "matmul"}
    one = facts("attention", (window[0] * window[1], 6), **named)
    every = facts("window_attention", (6, 5, 7), window=window, relative_position_bias=False, **named)
    for name, count in inside(one).items():
        assert every.work[name] == len(windows) * count
    assert inside(every).keys() == inside(one).keys()
    for call, alone in zip(every.calls, one.calls, strict=True):
        assert (call.kind, call.work) == (
            alone.kind,
            {name: len(windows) * count for name, count in alone.work.items()},
        )


@pytest.mark.parametrize(("height", "width"), [(4, 6), (6, 2), (2, 2)])
def test_windows_that_need_no_padding_work_the_same_without(height: int, width: int):
    """The Swin authors count them on the map without padding."""
    windows = facts("window_attention", (4, height, width), heads=2, window=2)
    assert conventions.load("swin").flops(windows) == conventions.load("macs").flops(windows)


@pytest.mark.parametrize(("left", "right"), [((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 1)), ((3, 1, 2), (3, 2, 1))])
def test_a_product_of_two_activations(left: tuple[int, ...], right: tuple[int, ...]):
    matrix = Counter()
    for _ in range(left[0] if len(left) == 3 else 1):
        rows, columns = matrix.product(left[-2:], right[-2:])
    found = facts("matmul", left, right)
    assert found.output == (*left[:-2], rows, columns)
    assert found.work["product_multiply_adds"] == matrix.multiply_adds


@pytest.mark.parametrize("over", ["last", "channels", "C", "H", ["W", "H"], ["C", "W"], ["C", "H", "W"]], ids=str)
def test_a_softmax_adds_up_all_but_one_element_of_each_sum(over: str | list[str]):
    shape = (4, 3, 5)
    names = {"last": "W", "channels": "C"}.get(str(over), over)
    sums: dict[tuple[int, ...], int] = {}
    for index in itertools.product(*map(range, shape)):
        place = tuple(at for name, at in zip("CHW", index, strict=True) if name not in names)
        sums[place] = sums[place] + 1 if place in sums else 0
    work = facts("softmax", shape, over=over).work
    assert work["softmax_additions"] == sum(sums.values())
    assert work["exponentials"] == work["divisions"] == len(list(itertools.product(*map(range, shape))))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_local_response_norm_pads_its_channels_until_each_has_its_neighbours(size: int):
    """As many channels in all as make `size` neighbours slide over them once for each of the 7."""
    padded = next(channels for channels in itertools.count(7) if len(list(starts(channels, size))) == 7)
    assert facts("local_response_norm", (7, 3, 2), size=size).work["padded_elements"] == padded * 3 * 2


@pytest.mark.parametrize(
    ("height", "width", "window"), [(4, 4, [2, 2]), (5, 4, [2, 2]), (3, 7, [2, 3]), (2, 2, [3, 3])]
)
def test_window_attention_fills_the_last_windows_with_padding(height: int, width: int, window: list[int]):
    cells = [(y, x) for y in range(height) for x in range(width)]
    windows = {(y // window[0], x // window[1]) for y, x in cells}
    tokens = len([(y, x) for y in range(window[0]) for x in range(window[1])])
    found = facts("window_attention", (4, height, width), heads=2, window=window)
    counted = attend([tokens for _ in windows], 4, 2, 2)
    assert found.output == (4, height, width)
    assert tuple(found.work[name] for name in ("multiply_adds", "product_multiply_adds", "exponentials")) == counted
    offsets = {(a - c, b - d) for a, b, c, d in itertools.product(*map(range, window * 2))}
    assert found.parameters["relative_position_bias"] == 2 * len(offsets)
    assert found.work["additions"] == counted[2]


@pytest.mark.parametrize("size", [4, 5, 6, 7])
def test_space_to_depth_keeps_every_element(size: int):
    cells = itertools.product(range(3), range(size), range(size))
    blocks = {(y // 3, x // 3) for _, y, x in cells}
    channels, height, width = facts("space_to_depth", (3, size, size), factor=3).output
    assert (channels, height * width) == (3 * 9, len(blocks))
