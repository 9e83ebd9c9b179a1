"""Attention and its parts where sizes are uneven, few or open: what the tables of test_layers.py leave out."""

from __future__ import annotations

from typing import Any

import pytest
from test_layers import put, shapes

from vcalc import symbols
from vcalc.errors import LayerError
from vcalc.graph import Facts
from vcalc.layers import KINDS

SIZES = {name: symbols.symbol(name) for name in "CND"}


def facts_of(kind: str, fields: dict[str, Any], inputs: str) -> Facts:
    return Facts(KINDS[kind](**fields), put(shapes(inputs), SIZES))


def test_an_mlp_of_positions_has_biases_where_the_projections_have_none():
    """Swin V2's: two coordinates to 5 hidden units with biases, and these to two heads without."""
    fields = {"heads": 2, "window": 2, "position_mlp": 5, "qkv_bias": False, "out_bias": False}
    facts = facts_of("window_attention", fields, "4 2 2")
    assert facts.parameters == {"weight": 4 * 4 * 4 + 2 * 5 + 5 * 2, "bias": 5}


@pytest.mark.parametrize(("shape", "windows"), [("6 8 8", 4 * 2), ("6 7 9", 4 * 3), ("6 8 2", 4)])
def test_oblong_windows(shape: str, windows: int):
    """Of 2 rows and 4 columns: 8 tokens each, so two products of 8x3x8 for each of two heads."""
    work = facts_of("window_attention", {"heads": 2, "window": [2, 4]}, shape).work
    assert work["multiply_adds"] == windows * 8 * 4 * 6 * 6
    assert work["product_multiply_adds"] == windows * 2 * 2 * 8 * 3 * 8
    assert work["exponentials"] == windows * 2 * 8 * 8


def test_proposals_of_a_single_level():
    """As in Mask R-CNN without a pyramid."""
    assert facts_of("roi_align", {"proposals": 5, "out": 2}, "4 9 9").output == (4, 5 * 2, 2)


@pytest.mark.parametrize(
    ("kind", "fields", "inputs", "message", "field"),
    [
        ("rotary_embedding", {"skip": 4}, "2 3 8", "rotary_embedding: 4 tokens cannot be left out of 3", "skip"),
        ("relative_attention", {"query_rows": 2, "key_rows": 3}, "2 8 4, 2 4 4, 2 N 4",
         "relative_attention: tokens into rows: 4 does not divide into 3", "key_rows"),
        ("relative_attention", {"query_rows": 2, "key_rows": 2}, "2 8 4, 2 4 4, 3 4 4",
         "queries, keys and values do not match: heads [2, 8, 4], heads [2, 4, 4],"
         " heads [3, 4, 4]", ""),
        ("scaled_dot_product_attention", {}, "3 4, 2 3 4, 2 3 4",
         "queries, keys and values do not match: tokens [3, 4], heads [2, 3, 4], heads [2, 3, 4]", ""),
        ("matmul", {}, "2 3 4, 4 5", "matmul: a feature map [2, 3, 4] and tokens [4, 5] do not match", ""),
        ("matmul", {}, "2 3 4, 3 4 5",
         "matmul: a feature map [2, 3, 4] and a feature map [3, 4, 5] do not match", ""),
    ],
    ids=str,
)  # fmt: skip
def test_refusals(kind: str, fields: dict[str, Any], inputs: str, message: str, field: str):
    with pytest.raises(LayerError) as refused:
        facts_of(kind, fields, inputs)
    assert (refused.value.problems[0].message, refused.value.field) == (message, field)


def test_every_token_may_be_skipped():
    """Five tokens, each longer than wide: none is turned."""
    facts = facts_of("rotary_embedding", {"skip": 5}, "2 5 4")
    assert (facts.output, facts.buffers["angles"]) == ((2, 5, 4), 0)


def test_vectors_of_distances_are_as_wide_as_the_queries_they_are_multiplied_by():
    """Queries on 2x4, keys on 2x2, their width still open: 3 and 7 distances."""
    facts = facts_of("relative_attention", {"query_rows": 2, "key_rows": 2}, "2 8 4, 2 4 D, 2 4 4")
    assert facts.parameters == {"relative_position_embedding": (3 + 7) * 4}


def test_biases_are_those_of_the_queries_heads_between_queries_and_keys():
    """Three heads, 5 queries, 7 keys; the keys' heads and how many values there are is still open."""
    facts = facts_of("scaled_dot_product_attention", {"relative_positions": 9}, "3 5 6, C 7 6, 3 N 6")
    assert facts.parameters == {"relative_position_bias": 9 * 3}
    assert facts.buffers == {"relative_position_index": 5 * 7}
