"""What an error says would bring shapes together: worked out by hand for each case, and true when it is tried."""

from __future__ import annotations

import pytest

from vcalc.errors import LayerError
from vcalc.graph import Facts
from vcalc.layers import KINDS, mend

SAME_SIZE = "bring them to one height and width: pad, stride, or 'upsample'"
KEEPS = "with stride 1 and pad: same, conv and pools keep the height and width that arrive"


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ((64, 56, 56), (32, 28, 56), SAME_SIZE),
        ((64, 56, 56), (32, 56, 28), SAME_SIZE),
        ((64, 56, 56), (32, 56, 56), "conv: {out: 64, kernel: 1} brings the second to the channels of the first"),
        ((197, 768), (197, 384), "linear: {out: 768} brings the second to the width of the first"),
        ((10,), (20,), "linear: {out: 10} brings the second to the width of the first"),
        ((197, 768), (196, 768), ""),
        ((197, 768), (768,), "'take_token' or 'global_avgpool' turns tokens into a vector"),
        ((64, 8, 8), (64, 64), "'tokens' turns a map into tokens, 'to_map' tokens into a map"),
        ((64, 8, 8), (64,), "'global_avgpool' or 'flatten' turns a map into a vector"),
    ],
)
def test_branches(first: tuple[int, ...], second: tuple[int, ...], says: str):
    assert mend.joined(first, second) == says


def test_a_vector_stands_for_a_constant_map():
    assert mend.combined((64, 8, 8), (32,)) == "a vector goes with a map of as many channels"
    assert mend.combined((64, 8, 8), (32, 8, 8)) == mend.joined((64, 8, 8), (32, 8, 8))


@pytest.mark.parametrize(
    ("made", "arrives", "says"),
    [
        ((8, 4, 4), (3, 4, 4), "shortcut: [conv: {out: 8, kernel: 1}] brings what arrives to [8, 4, 4]"),
        ((8, 4, 4), (3, 32, 32), "shortcut: [conv: {out: 8, kernel: 1, stride: 8}] brings what arrives to [8, 4, 4]"),
        ((8, 4, 4), (3, 36, 36), KEEPS),  # a stride of 9 would, and is none that a network has
        ((8, 28, 56), (8, 30, 56), KEEPS),
        ((8, 28, 28), (8, 30, 28), KEEPS),
        ((8, 9, 9), (8, 4, 4), "a shortcut: [...] has to bring what arrives to [8, 9, 9]"),
        ((197, 768), (197, 384), "shortcut: [linear: {out: 768}] brings what arrives to [197, 768]"),
        ((197, 768), (196, 768), "a shortcut: [...] has to bring what arrives to [197, 768]"),
        ((10,), (20,), "shortcut: [linear: {out: 10}] brings what arrives to [10]"),
        ((10,), (20, 4), "'take_token' or 'global_avgpool' turns tokens into a vector"),
    ],
)
def test_residuals(made: tuple[int, ...], arrives: tuple[int, ...], says: str):
    assert mend.residual(made, arrives) == says


@pytest.mark.parametrize(
    ("kind", "shapes", "says"),
    [
        ("take_token", [(10,)], "leave it out: what arrives is a vector already"),
        ("tokens", [(196, 768)], "leave it out: what arrives is tokens already"),
        ("merge_heads", [(196, 768)], "put 'split_heads' before it"),
        ("merge_heads", [(768,)], ""),
        ("matmul", [(2, 8, 4), (2, 5, 6)], "the second has to be [2, 4, M], with any M"),
        ("matmul", [(8, 4), (5, 6)], "the second has to be [4, M], with any M"),
    ],
)
def test_what_a_layer_takes(kind: str, shapes: list[tuple[int, ...]], says: str):
    with pytest.raises(LayerError) as error:
        Facts(KINDS[kind](), tuple(shapes))
    assert error.value.problems[0].hint == says
