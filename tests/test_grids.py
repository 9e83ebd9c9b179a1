"""Tokens remember the map that they come from: what follows from it, and what is said where it is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vcalc
from vcalc import symbols
from vcalc.errors import VcalcError
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.axes import HEADS, MAP, TOKENS, NamedShape
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec
from vcalc.torch_backend.validate import validate


def network(layers: str, input: str = "{C: 3, H: 32, W: 48}", **given: Any) -> Network:
    text = f"title: Net\ncite: own work\ninput: {input}\nlayers: {layers}\n"
    return expanded(text, given)


def expanded(text: str, given: dict[str, Any]) -> Network:
    spec = parse_spec(text, "net.yaml", "net")
    return expand(spec, spec.models["net"], given)


def outputs(layers: str, input: str = "{C: 3, H: 32, W: 48}", **given: Any) -> NamedShape:
    return network(layers, input, **given).graph.nodes[-1].facts.output


PATCHES = "conv: {out: 8, kernel: 8, stride: 8}, tokens"


@pytest.mark.parametrize(
    ("layers", "grid"),
    [
        ("tokens", (0, 4, 6)),
        ("tokens, class_token", (1, 4, 6)),
        ("tokens, class_token, class_token: {count: 4}", (5, 4, 6)),
        ("tokens, class_token: {count: 3}, keep_tokens: {start: 2, count: 25}", (1, 4, 6)),
        ("tokens, linear: {out: 12}, layernorm, gelu, attention: {heads: 2}, position_embedding", (0, 4, 6)),
        ("tokens, split_heads: {heads: 2}", (0, 4, 6)),
        ("tokens, class_token, split_heads: {heads: 2}, merge_heads", (1, 4, 6)),
        ("tokens, class_token, split_heads: {heads: 2}, pool_heads: {stride: 2}, merge_heads", (1, 2, 3)),
        ("unfold: {kernel: 3, stride: 2, pad: 1}", (0, 2, 3)),
        ("tokens, keep_tokens: {start: 1, count: 23}", None),
        ("tokens, split_heads: {heads: 2, transposed: true}", None),
        ("tokens, {residual: [linear: {out: 8}]}", (0, 4, 6)),
        ("tokens, class_token, {branches: [[keep_tokens: {count: 1}], [keep_tokens: {start: 1, count: 24}]],"
         " join: concat}", (1, 4, 6)),
        ("tokens, {branches: [[], []], join: concat}", None),
        ("tokens, {branches: [[linear: {out: 8}], [to_map, rearrange: C H W -> (W H) C]], join: add}", None),
    ],
)  # fmt: skip
def test_how_tokens_lie(layers: str, grid: tuple[int, ...] | None):
    """How many stand in front, and rows and columns: 32 by 48 in patches of 8."""
    assert outputs(f"[conv: {{out: 8, kernel: 8, stride: 8}}, {layers}]").grid == grid


@pytest.mark.parametrize(
    ("input", "shape"),
    [
        ("{C: 8, L: 40}", (8, 40)),
        ("{C: 8, H: 4, W: 6}", (8, 4, 6)),
        ("{C: 8, T: 3, H: 4, W: 6}", (8, 3, 4, 6)),
    ],
)
def test_tokens_are_put_back_into_their_map(input: str, shape: tuple[int, ...]):
    for between in ("linear: {out: 8}", "class_token, attention: {heads: 2}, keep_tokens: {start: 1, count: N - 1}"):
        found = outputs(f"[tokens, {between}, to_map]", input)
        assert (found, found.of) == (shape, MAP)


@pytest.mark.parametrize(
    ("layers", "says", "hint"),
    [
        ("class_token: {count: 2}, to_map", "to_map: 2 tokens stand in front that have no place on the map of 4x6",
         "keep_tokens: {start: 2, count: 24} before it leaves them out"),
        ("keep_tokens: {count: 6}, to_map", "to_map: 6 tokens are not those of a map of 4x6, which are 24",
         "to_map: {height: …} makes another map of them"),
        ("{branches: [[], []], join: concat}, to_map", "to_map needs 'height', the rows of the map: no map is known"
         " that these tokens come from; the input's own have none, joined or reordered ones forget it", ""),
        ("class_token, to_map: {height: 4}", "to_map: 1 token stands in front that has no place on the map of 4x6",
         "keep_tokens: {start: 1, count: 24} before it leaves them out"),
        ("class_token, 'rearrange: (H W) D -> D H W'",
         "rearrange: 1 token stands in front that has no place on the map of 4x6",
         "keep_tokens: {start: 1, count: 24} before it leaves them out"),
        ("'rearrange: (H m W) D -> m D H W'", "rearrange: how 24 divides into 'H' and 'm' and 'W' is open",
         "give all but one a size: {pattern: …, m: …, W: …}"),
        ("{rearrange: {pattern: (H a W) D -> (a D) H W, a: 2}}", "rearrange: how 24 divides into 'H' and 'W' is open",
         "give all but one a size: {pattern: …, W: …}"),
        ("class_token, split_heads: {heads: 2}, pool_heads: {skip: 0}", "pool_heads: skip is 0, but 1 token stands in"
         " front that has no place on the map of 4x6", "leave skip out: the tokens remember their map"),
    ],
)  # fmt: skip
def test_what_does_not_agree(layers: str, says: str, hint: str):
    layers = layers.replace("'rearrange: (", "{rearrange: '(").replace("W'", "W'}")
    with pytest.raises(VcalcError) as refused:
        outputs(f"[{PATCHES}, {layers}]")
    (problem,) = refused.value.problems
    assert (problem.message.split(", at ")[0], problem.hint) == (says, hint)
    assert str(problem.place).startswith("net.yaml:4:")


def test_rows_that_are_said_make_another_map():
    """24 tokens of a map of 4x6, pooled by 2 as one of 6x4: 3x2; as they lie: 2x3."""
    for rows, places in (("height: 6, ", 6), ("", 6), ("height: 3, ", 8)):
        assert outputs(f"[{PATCHES}, split_heads: {{heads: 2}}, pool_heads: {{{rows}stride: 2}}]")[1] == places


def test_rows_are_asked_of_tokens_that_come_from_no_map():
    with pytest.raises(VcalcError, match="pool_heads needs 'height', the rows of the map: no map is known"):
        outputs("[split_heads: {heads: 2}, pool_heads]", "{N: 24, D: 8}")
    assert outputs("[split_heads: {heads: 2}, pool_heads: {height: 4, stride: 2}]", "{N: 24, D: 8}") == (2, 6, 4)
    assert outputs("[to_map: {height: 4}]", "{N: 24, D: 8}") == (8, 4, 6)


def test_some_of_the_tokens_as_another_map():
    """Rows that are said make another map: 24 tokens in 8 rows, 25 in 5. Six that are kept are no map of 4 by 6."""
    assert outputs(f"[{PATCHES}, to_map: {{height: 8}}]") == (8, 8, 3)
    assert outputs(f"[{PATCHES}, class_token, to_map: {{height: 5}}]") == (8, 5, 5)
    assert outputs(f"[{PATCHES}, keep_tokens: {{count: 6}}, to_map: {{height: 2}}]") == (8, 2, 3)


@pytest.mark.parametrize(
    ("pattern", "sizes", "grid", "found"),
    [
        ("(H W) D -> D H W", {}, (4, 6), {"H": 4, "W": 6}),
        ("(T H W) D -> D T H W", {}, (2, 4, 6), {"T": 2, "H": 4, "W": 6}),
        ("(r m c n) D -> (m n D) r c", {"m": 4, "n": 5}, (4, 10), {"r": 1, "c": 2}),
        ("(r m c n) D -> (m n D) r c", {"m": 2, "n": 3}, (4, 6), {}),
        ("(H W n) D -> (n D) H W", {"n": 3}, (4, 6), {"H": 4, "W": 2}),
        ("(H W) D -> D H W", {"H": 8}, (4, 6), {}),
        ("(m H W) D -> (m D) H W", {"m": 3}, (4, 6), {}),
        ("(H W) D -> D H W", {}, (2, 3, 4), {}),
        ("(H W) D -> D H W", {}, (24,), {}),
    ],
)
def test_letters_that_follow_from_the_map(pattern: str, sizes: dict[str, int], grid: Any, found: dict[str, int]):
    """One way to count its lines, each with one size open; 4 rows are no multiple of 3, so that 24 stay open there."""
    from vcalc.layers.letters import sizes_of

    tokens = NamedShape((int(np.prod(grid)), 5), TOKENS, (0, *grid))
    assert sizes_of(pattern, sizes, tokens) == found
    assert sizes_of(pattern, sizes, tokens[:]) == {}


def test_heads_remember_it_in_patterns_too():
    heads = NamedShape((2, 24, 4), HEADS, (0, 4, 6))
    assert Facts(KINDS["rearrange"](pattern="h (H W) d -> (h d) H W"), (heads,)).output == (8, 4, 6)


def test_symbols_come_back_as_they_went():
    layers = f"[{PATCHES}, class_token, keep_tokens: {{start: 1, count: N - 1}}, to_map]"
    found = outputs(layers, H=symbols.symbol("n"), W=symbols.symbol("m"))
    assert [str(size) for size in found] == ["8", "floor(n/8)", "floor(m/8)"]


def test_arrays_give_what_each_number_does():
    sizes = np.array([32, 64, 224])
    model = vcalc.load("pvt-v2-b0")
    many = model.bind(H=sizes, W=sizes).total
    one_by_one = [model.bind(H=int(size), W=int(size)).total for size in sizes]
    assert many.flops.tolist() == [each.flops for each in one_by_one]
    assert many.params == one_by_one[0].params


def test_a_block_of_one_set_of_weights_at_two_sizes():
    """What it does to tokens of 4 by 6 it does to those of 2 by 3, and its weights are counted once."""
    text = """
title: Net
cite: own work
input: {C: 8, H: 4, W: 6}
blocks: {mixed: {shared: true, do: [tokens, linear: {out: 8}, to_map]}}
layers: [mixed, maxpool: {kernel: 2}, mixed]
"""
    found = expanded(text, {}).graph.nodes
    assert found[-1].output == (8, 2, 3)
    assert sum(sum(node.facts.parameters.values()) for node in found) == 8 * 8 + 8


@pytest.mark.parametrize("input", ["{C: 4, L: 24}", "{C: 4, H: 6, W: 4}", "{C: 4, T: 2, H: 4, W: 6}"])
def test_torch_puts_them_back_in_the_same_way(input: str):
    """Shapes, parameters and the text of torch, on one, two and three axes."""
    pytest.importorskip("torch")
    back = "keep_tokens: {start: 1, count: N - 1}, to_map, conv: {out: 4, kernel: 2}"
    checks = validate(network(f"[tokens, class_token, linear: {{out: 8}}, {back}]", input))
    assert [check for check in checks if not check.holds] == []
