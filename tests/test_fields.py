"""The values that a layer's fields take, what they become, and what a refusal says."""

from __future__ import annotations

from typing import Any

import pytest
from arrays import many
from test_layers import ANY_MAP, put, shapes

from vcalc import symbols
from vcalc.errors import LayerError
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.axes import MAP, Leading, NamedShape
from vcalc.layers.base import Layer, describe, kinds, needs, needs_division, show
from vcalc.layers.fields import (
    FLAG,
    FRACTION,
    INDEX_LISTS,
    NUMBER,
    REQUIRED,
    FieldType,
    axes_or,
    both_sides,
    choice,
    count,
    field,
    flag_or,
    padding,
    per_axis,
    size2d,
)

C = symbols.symbol("C")
WORDS = ("nearest", "bilinear")


def label(value: Any) -> str:
    return value.says if isinstance(value, FieldType) else str(value)


@pytest.mark.parametrize(
    ("type", "value", "stored"),
    [
        (count(), 1, 1),
        (count(), 7.0, 7),
        (count(), C, C),
        (count(0), 0, 0),
        (size2d(), 3, (3, 3)),
        (per_axis(), 3, (3, 3)),
        (per_axis(), [3, 5, 5], (3, 5, 5)),
        (per_axis(), [7], (7,)),
        (size2d(), [1, 7], (1, 7)),
        (size2d(0), (0, C), (0, C)),
        (both_sides(), 1, (1, 1)),
        (both_sides(), [0, 2], (0, 2)),
        (padding(), 0, (0, 0)),
        (padding(), [1, 2], (1, 2)),
        (padding(), "same", "same"),
        (FLAG, True, True),
        (FLAG, False, False),
        (FRACTION, 0, 0),
        (FRACTION, 1, 1),
        (FRACTION, 0.25, 0.25),
        (NUMBER, 2, 2.0),
        (NUMBER, -0.5, -0.5),
        (INDEX_LISTS, [[0, 2], [1.0]], ((0, 2), (1,))),
        (INDEX_LISTS, ((), (3,)), ((), (3,))),
        (choice(WORDS), "bilinear", "bilinear"),
        (axes_or("last"), "last", "last"),
        (axes_or("last"), "C", ("C",)),
        (axes_or("last"), ["h", "N"], ("h", "N")),
        (flag_or("affine"), "affine", "affine"),
        (flag_or("affine"), True, True),
        (flag_or("affine"), False, False),
    ],
    ids=label,
)
def test_what_a_field_stores(type: FieldType, value: Any, stored: Any):
    found = type.accept(value)
    assert found == stored
    assert isinstance(found, stored.__class__)


@pytest.mark.parametrize(
    ("type", "values"),
    [
        (count(), (0, -1, 0.5, "3", True, [3], (3,), -C)),
        (count(0), (-1, -0.5, False)),
        (per_axis(), (0, [], [3, 0], [1, 2, 3, 4], "33", [True, 3])),
        (size2d(), (0, [3], [3, 3, 3], [3, 0], [0, 3], "33", [True, 3])),
        (size2d(0), (-1, [-1, 0], [0, -1])),
        (both_sides(), (-1, [0, -1], [1], "same")),
        (padding(), (-1, "valid", [0, -1], [])),
        (FLAG, (0, 1, "true", None)),
        (FRACTION, (-0.1, 1.1, 2, True, "0.5", C)),
        (NUMBER, (float("inf"), float("nan"), True, "1", C)),
        (INDEX_LISTS, ([], 3, [3], [[0], 3], [[-1]], [[0.5]], [["a"]], "ab")),
        (choice(WORDS), ("cubic", "near", True, 1)),
        (axes_or("last"), ("first", "CH", 1, True, None, [], ["C", "C"], ["C", "last"], [["C"]], ["C", 1])),
        (flag_or("affine"), ("all", 0, None)),
    ],
    ids=label,
)
def test_what_a_field_refuses(type: FieldType, values: tuple[Any, ...]):
    for value in values:
        with pytest.raises(ValueError):  # noqa: PT011
            type.accept(value)


@pytest.mark.parametrize(
    ("type", "says", "words"),
    [
        (count(), "a whole number, 1 or more", ()),
        (count(0), "a whole number, 0 or more", ()),
        (size2d(), "a whole number, 1 or more, or a pair [height, width] of them", ()),
        (both_sides(), "a whole number, 0 or more, or a pair [before, after] of them", ()),
        (
            padding(),
            "a whole number, 0 or more, or one for each spatial axis, as in [height, width], or 'same'",
            ("same",),
        ),
        (FLAG, "true or false", ()),
        (choice(WORDS), "nearest or bilinear", WORDS),
        (axes_or("last"), "last, or the name of an axis, such as C, or a list of names", ("last",)),
        (flag_or("affine", "all"), "true, false or affine or all", ("affine", "all")),
    ],
    ids=label,
)
def test_what_a_field_takes_in_words(type: FieldType, says: str, words: tuple[str, ...]):
    assert (type.says, type.words) == (says, words)


def test_a_field_has_the_name_of_its_attribute():
    class Scale(Layer):
        by: Any = field(count(), "the factor")
        shared: Any = field(FLAG, "whether all channels share it", False, "s")

    by, shared = Scale.fields["by"], Scale.fields["shared"]
    assert list(Scale.fields) == ["by", "shared"]
    assert (by.name, by.doc, by.default, by.symbol, by.required) == ("by", "the factor", REQUIRED, "", True)
    assert (shared.name, shared.default, shared.symbol, shared.required) == ("shared", False, "s", False)
    assert by.type.accept(2) == 2
    assert Scale(by=3).values() == {"by": 3, "shared": False}


# What a refusal says, which field it points to, and what would work

ROOM = "a larger input, more pad, or fewer strides before it"
NUMBERS = "bind the sizes to numbers, or ask for 100 windows at most"
SIZES = {name: symbols.symbol(name) for name in "HD"}

REFUSED: list[tuple[str, dict[str, Any], str, str, str, str]] = [
    ("conv", {"out": 4, "kernel": 3}, "10", f"conv takes {ANY_MAP}, but a vector [10] arrives", "",
     "use 'linear'"),
    ("linear", {"out": 4}, "3 8 8",
     "linear takes a vector [D] or tokens [N, D], but a feature map [3, 8, 8] arrives", "",
     "put 'flatten' or 'global_avgpool' before it, or use 'pointwise_linear', which works at each place"),
    ("attention", {"heads": 2}, "4 8 8",
     "attention takes tokens [N, D], but a feature map [4, 8, 8] arrives", "", "put 'tokens' before it"),
    ("embedding", {"vocabulary": 9, "out": 4}, "3 8",
     "embedding takes a vector [D], but tokens [3, 8] arrives", "", "put 'take_token' before it"),
    ("conv", {"out": 4}, "3 8 8", "conv needs 'kernel': kernel size", "", "write conv: {kernel: …}"),
    ("conv", {"out": 4, "kernel": 3, "padding": 1}, "3 8 8", "conv has no key 'padding'", "padding", ""),
    ("conv", {"out": 4.5, "kernel": 3}, "3 8 8",
     "conv: out is 4.5, not a whole number, 1 or more", "out", "// divides without a rest"),
    ("conv", {"out": 0, "kernel": 3}, "3 8 8", "conv: out is 0, not a whole number, 1 or more", "out", ""),
    ("conv", {"out": 4, "kernel": [3, 3, 3]}, "3 8 8",
     "conv: kernel has a number for each of 3 axes, and what arrives has 2 spatial axes", "kernel",
     "one for each of H, W, or one number that goes for all axes"),
    ("conv", {"out": 4, "kernel": 7, "pad": [3, 0]}, "3 5 5",
     "a window of 7 does not fit an input of 5 padded by 0 on each side", "kernel", ROOM),
    ("conv", {"out": 4, "kernel": 3, "stride": 2}, "3 2 2",
     "a window of 3 does not fit an input of 2 padded by 0 on each side", "kernel", ROOM),
    ("conv", {"out": 4, "kernel": 3, "dilation": 4}, "3 8 8",
     "a window of 9 does not fit an input of 8 padded by 0 on each side", "kernel", ROOM),
    ("maxpool", {"kernel": 4, "stride": 2, "ceil_mode": True}, "3 2 2",
     "a window of 4 does not fit an input of 2 padded by 0 on each side", "kernel", ROOM),
    ("unfold", {"kernel": 5}, "3 4 8",
     "a window of 5 does not fit an input of 4 padded by 0 on each side", "kernel", ROOM),
    ("conv", {"out": 4, "kernel": 1, "groups": 2}, "3 8 8",
     "conv: input channels into groups: 3 does not divide into 2", "groups",
     "1 divides both 3 and 4"),
    ("conv", {"out": 5, "kernel": 1, "groups": 2}, "4 8 8",
     "conv: output channels into groups: 5 does not divide into 2", "groups",
     "1 divides both 4 and 5; with groups: 2, out is 4 or 6"),
    ("conv", {"out": 6, "kernel": 1, "groups": 3, "standardized": True}, "3 8 8",
     "conv: one weight an output channel has no variance to be standardized", "standardized", ""),
    ("conv", {"out": 2, "kernel": 1, "connections": [[0], [3]]}, "3 8 8",
     "conv: connections names input channel 3, the input has 3 (0 is the first)", "connections", ""),
    ("conv", {"out": 3, "kernel": 1, "connections": [[0], [1]]}, "3 8 8",
     "conv: connections has 2 lists for 3 output channels", "connections", ""),
    ("conv", {"out": 2, "kernel": 1, "groups": 2, "connections": [[0], [1]]}, "2 8 8",
     "conv: connections and groups exclude each other", "connections", ""),
    ("conv", {"out": 1, "kernel": 3, "standardized": True, "connections": [[0]]}, "3 8 8",
     "conv: connections and standardized exclude each other", "connections", ""),
    ("conv", {"out": 4, "kernel": 3, "gain": True}, "3 8 8", "conv: gain belongs to standardized weights", "gain", ""),
    ("conv_transpose", {"out": 4, "kernel": 3, "pad": 2}, "3 2 8",
     "conv_transpose: nothing is left of 4 positions without 2 on each side", "pad", ""),
    ("conv_transpose", {"out": 4, "kernel": 3, "output_pad": 1}, "3 8 8",
     "conv_transpose: output_pad is less than the stride or the dilation", "output_pad", ""),
    ("conv_transpose", {"out": 4, "kernel": 1, "groups": 2}, "3 8 8",
     "conv_transpose: input channels into groups: 3 does not divide into 2", "groups",
     "1 divides both 3 and 4"),
    ("conv_transpose", {"out": 5, "kernel": 1, "groups": 2}, "4 8 8",
     "conv_transpose: output channels into groups: 5 does not divide into 2", "groups",
     "1 divides both 4 and 5; with groups: 2, out is 4 or 6"),
    ("conv_transpose", {"out": 4, "kernel": 4, "stride": 2, "stack": 2}, "3 8 8",
     "conv_transpose: images of a stack would reach into one another", "stack",
     "each would have 10 rows: a kernel as large as the stride keeps them apart"),
    ("conv_transpose", {"out": 4, "kernel": 2, "stride": 2, "stack": 2}, "3 4 8 8",
     "conv_transpose: stack is a number of images, one below the other", "stack", ""),
    ("conv_transpose", {"out": 4, "kernel": 3, "stack": 3}, "3 8 8",
     "conv_transpose: rows into images: 8 does not divide into 3", "stack", "it divides into 2 or 4"),
    ("adaptive_avgpool", {"out": 101}, "3 H 8",
     "adaptive_avgpool: the windows of H by 101 cannot be counted while sizes are open", "out", NUMBERS),
    ("adaptive_avgpool", {"out": "D"}, "3 8 8",
     "adaptive_avgpool: the windows of 8 by D cannot be counted while sizes are open", "out", NUMBERS),
    ("attention", {"heads": 5}, "4 8",
     "attention: width into heads: 8 does not divide into 5", "heads", "it divides into 4 or 8"),
    ("attention", {"heads": 9}, "4 8",
     "attention: width into heads: 8 does not divide into 9", "heads", "it divides into 8"),
    ("window_attention", {"heads": 5, "window": 7}, "8 8 8",
     "window_attention: channels into heads: 8 does not divide into 5", "heads", "it divides into 4 or 8"),
    *(("window_attention", {"heads": 2, "window": 7, "one_hot_lookup": True, **without}, "4 8 8",
       "window_attention: one_hot_lookup is for biases that are learned by themselves", "one_hot_lookup", "")
      for without in ({"relative_position_bias": False}, {"position_mlp": 8})),
    ("window_attention", {"heads": 2, "window": 7, "relative_position_bias": False, "position_mlp": 8}, "4 8 8",
     "window_attention: position_mlp makes relative position biases, which are off", "position_mlp", ""),
    ("groupnorm", {"groups": 3}, "8 2 2",
     "groupnorm: channels into groups: 8 does not divide into 3", "groups", "it divides into 2 or 4"),
    ("softmax", {"over": "groups", "groups": 2}, "3 8 8",
     "softmax: channels into groups: 3 does not divide into 2", "groups", "it divides into 1 or 3"),
    ("layer_scale", {"constant": 0.1, "shared": True}, "3 8 8",
     "layer_scale: a constant is shared already", "shared", ""),
    ("take_token", {"index": 4}, "4 8", "take_token: there is no token 4 among 4 (0 is the first)", "index", ""),
    ("keep_tokens", {"count": 4, "start": 1}, "4 8", "keep_tokens: 4 from 1 cannot stay of 4", "count", ""),
    ("keep_channels", {"count": 3, "start": 1}, "3 8 8", "keep_channels: 3 from 1 cannot stay of 3", "count", ""),
    ("channel_shuffle", {"groups": 2}, "3 8 8",
     "channel_shuffle: channels into groups: 3 does not divide into 2", "groups", "it divides into 1 or 3"),
    ("to_map", {"height": 3}, "8 5",
     "to_map: tokens into rows: 8 does not divide into 3", "height", "it divides into 2 or 4"),
    ("split_heads", {"heads": 3}, "5 8",
     "split_heads: width into heads: 8 does not divide into 3", "heads", "it divides into 2 or 4"),
    ("rotary_embedding", {}, "2 5 3",
     "rotary_embedding: a head's width into pairs: 3 does not divide into 2", "", "it divides into 1 or 3"),
    ("rotary_embedding", {"skip": 6}, "2 5 4", "rotary_embedding: 6 tokens cannot be left out of 5", "skip", ""),
    ("position_embedding", {"over": "W"}, "8 4",
     "position_embedding: over names axes of a map with places, but tokens [8, 4] arrives", "over", "leave it out"),
    ("position_embedding", {"over": ["C", "W"]}, "4 8 8",
     "position_embedding: over names axes of a map with places; each has a number for every channel", "over",
     "leave C out"),
    ("position_embedding", {"over": "T"}, "4 8 8",
     "position_embedding: over names T, and what arrives is a feature map [C, H, W]", "over", "over: C or H or W"),
    ("position_embedding", {"over": "W", "grid": 7}, "4 8 8",
     "position_embedding: a grid has positions along all axes", "over", "leave it out"),
    ("space_to_depth", {"order": ["T", "W", "C"]}, "4 8 8", "space_to_depth: order has ['T', 'W', 'C']", "order",
     "each of C, H, W once"),
    ("window_attention", {"heads": 2, "window": 4, "strided": True, "shift": 2}, "4 8 8",
     "window_attention: windows over the whole map are not shifted", "shift", "shift: 0"),
    ("window_attention", {"heads": 2, "window": 4, "one_hot_lookup": True}, "4 8 8 8",
     "window_attention: one_hot_lookup is for images, but a video [4, 8, 8, 8] arrives", "one_hot_lookup",
     "leave it out"),
    ("pool_heads", {"height": 3}, "2 8 4",
     "pool_heads: tokens into rows: 8 does not divide into 3", "height", "it divides into 2 or 4"),
    ("pool_heads", {"height": 2, "skip": 8}, "2 8 4", "pool_heads: 8 tokens cannot be left out of 8", "skip", ""),
    ("relative_attention", {"query_rows": 3, "key_rows": 2}, "2 8 4, 2 4 4, 2 4 4",
     "relative_attention: tokens into rows: 8 does not divide into 3", "query_rows", "it divides into 2 or 4"),
    ("relative_attention", {"query_rows": 2, "key_rows": 3}, "2 8 4, 2 4 4, 2 4 4",
     "relative_attention: tokens into rows: 4 does not divide into 3", "key_rows", "it divides into 2 or 4"),
    ("relative_attention", {"query_rows": 2, "key_rows": 2}, "2 8 4, 2 4 5, 2 4 4",
     "queries, keys and values do not match: heads [2, 8, 4], heads [2, 4, 5],"
     " heads [2, 4, 4]", "", ""),
    ("relative_attention", {"query_rows": 2, "key_rows": 2}, "2 8 4, 2 8 4",
     "relative_attention joins 3 branches, not 2", "branches", ""),
    ("scaled_dot_product_attention", {}, "3 4, 3 4", "scaled_dot_product_attention joins 3 branches, not 2", "branches",
     "they are queries, keys and values, in this order"),
    ("scaled_dot_product_attention", {}, "3 4, 5 4, 6 4",
     "queries, keys and values do not match: tokens [3, 4], tokens [5, 4], tokens [6, 4]", "",
     "queries [N, D] read keys [M, D] and values [M, E], all of them or none in heads"),
    ("scaled_dot_product_attention", {"causal": True}, "3 4, 5 4, 5 4",
     "scaled_dot_product_attention: causal takes as many queries as keys", "causal", ""),
    *(("scaled_dot_product_attention", {"relative_positions": 9, **mask}, "3 4, 3 4, 3 4",
       "scaled_dot_product_attention: a mask and biases do not go together", "relative_positions",
       f"leave relative_positions out, or {next(iter(mask))}")
      for mask in ({"causal": True}, {"keys_read": 2})),
    ("scaled_dot_product_attention", {}, "6 3 4, 4 3 4, 4 3 4",
     "scaled_dot_product_attention: heads of queries into heads of keys: 6 does not divide into 4", "",
     "it divides into 3 or 6"),
    ("linear_attention", {}, "5 4, 5 4", "linear_attention joins 3 branches, not 2", "branches", ""),
    ("linear_attention", {}, "5 4, 5 3, 5 6",
     "queries, keys and values do not match: tokens [5, 4], tokens [5, 3], tokens [5, 6]", "", ""),
    ("matmul", {}, "3 4, 4 5, 5 6", "matmul joins 2 branches, not 3", "branches", "join two of them first"),
    ("matmul", {}, "3 4, 3 4", "matmul: tokens [3, 4] and tokens [3, 4] do not match", "",
     "the second has to be [4, M], with any M"),
    ("concat", {}, "3 8 8, 3 8 7",
     "concat: a feature map [3, 8, 8] and a feature map [3, 8, 7] differ in more than the first size", "",
     "bring them to one height and width: pad, stride, or 'upsample'"),
    ("add", {}, "3 8 8, 4 8 8", "add: a feature map [3, 8, 8] and a feature map [4, 8, 8] do not match", "",
     "conv: {out: 3, kernel: 1} brings the second to the channels of the first"),
    ("roi_align", {"proposals": 9, "out": 7}, "3 8 8, 4 4 4",
     "roi_align: all levels have as many channels as the first", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "inputs", "message", "field", "hint"), REFUSED, ids=lambda v: str(v)[:50])
def test_refusals(kind: str, fields: dict[str, Any], inputs: str, message: str, field: str, hint: str):
    with pytest.raises(LayerError) as refused:
        Facts(KINDS[kind](**put(fields, SIZES)), put(shapes(inputs), SIZES))
    (problem,) = refused.value.problems
    assert (problem.code, problem.message) == ("layer", message)
    assert (refused.value.field, problem.hint) == (field, hint)


def test_as_many_windows_as_are_written_out():
    assert Facts(KINDS["adaptive_avgpool"](out=100), ((3, SIZES["H"], 8),)).output == (3, 100, 100)


def test_an_open_window_is_not_averaged_over():
    pool = Facts(KINDS["avgpool"](kernel=SIZES["D"], stride=2, ceil_mode=True), ((3, 9, 9),))
    with pytest.raises(LayerError) as refused:
        _ = pool.work
    (problem,) = refused.value.problems
    assert problem.message == "avgpool: the elements of its windows cannot be counted while the window is open"
    assert (refused.value.field, problem.hint) == ("kernel", "bind kernel and stride to numbers")


def test_a_window_that_starts_inside_counts_where_sizes_are_rounded_up():
    """(2 - 3) / 2, rounded up, and one."""
    assert Facts(KINDS["maxpool"](kernel=3, stride=2, ceil_mode=True), ((3, 2, 2),)).output == (3, 1, 1)


def test_one_token_may_be_left():
    """Besides the class token: a map of 1x1."""
    assert Facts(KINDS["pool_heads"](height=1, skip=1), ((2, 2, 4),)).output == (2, 2, 4)


@pytest.mark.parametrize(
    ("channels", "groups", "hint"),
    [
        (1, 2, "it divides into 1"),
        (12, 5, "it divides into 4 or 6"),
        (8, 9, "it divides into 8"),
        (1_000_000, 3, "it divides into 2 or 4"),
        (1_000_001, 3, ""),
        (2 * C + 1, 2, ""),
    ],
)
def test_the_nearest_divisors(channels: Any, groups: int, hint: str):
    with pytest.raises(LayerError) as refused:
        needs_division("channels into groups", channels, groups, "groups")
    assert refused.value.problems[0].hint == hint


def test_nothing_divides_into_any_parts():
    needs_division("channels into groups", 0, 3, "groups")


def test_a_refusal_without_a_field_or_a_hint():
    with pytest.raises(LayerError) as refused:
        needs(False, "no")
    assert (refused.value.field, refused.value.problems[0].hint) == ("", "")


def test_values_and_shapes_in_messages():
    assert [show(value) for value in (7, True, "a", 2 * C)] == ["7", "true", "'a'", "2*C"]
    assert show(10**59) == "1" + "0" * 59
    assert show(10**60) == "1" + "0" * 56 + "..."
    assert show(many(1, 2)) == "[1, 2]"
    described = [describe(tuple(range(1, rank + 1))) for rank in range(1, 5)]
    assert describe(NamedShape((1, 2), MAP)) == "a sequence [1, 2]"
    front = (Leading("T"), Leading("w"))
    assert describe(NamedShape((1, 4, 9, 8), "tokens", front=front)) == "tokens [1, 4, 9, 8] in 1 frame and 4 windows"
    assert described == ["a vector [1]", "tokens [1, 2]", "a feature map [1, 2, 3]", "a video [1, 2, 3, 4]"]


def test_kinds_come_in_alphabetical_order():
    assert [kind.kind for kind in kinds()] == sorted(KINDS)
