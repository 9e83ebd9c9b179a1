"""Parameters that several layers have: shared runs of a list, and tables that two layers are tied by."""

from __future__ import annotations

from textwrap import dedent

import pytest

import vcalc
from vcalc.analyses.cost import Costs
from vcalc.conventions import load
from vcalc.errors import VcalcError
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec

TIED = """
input: {D: 16}
let: {vocabulary: 100, dim: 8, bias: false}
layers:
  - embedding: {vocabulary: vocabulary, out: dim, name: words}
  - layernorm
  - linear: {out: vocabulary, bias: bias, tied: words}
"""


def network(text: str, **given):
    spec = parse_spec(dedent(text), "net.yaml", "net")
    return expand(spec, next(iter(spec.models.values())), given)


def params(text: str, convention: str = "macs", **given):
    made = network(text, **given)
    return Costs(made.graph, load(convention)).figure(made.graph.nodes, "params")


def test_a_tied_table_counts_once_and_a_bias_is_the_layers_own():
    assert params(TIED) == 100 * 8 + 16
    assert params(TIED, bias=True) == 100 * 8 + 16 + 100
    assert str(params(TIED, vocabulary="V", dim="d").expand()) == "V*d + 2*d"


def test_some_tools_count_what_is_tied_in_each_layer():
    """torchinfo 1.8.0 and thop 0.1.1 on the exported network: 1,616, and 816 without embeddings."""
    assert params(TIED, "torchinfo") == params(TIED, "torchinfo-1.8") == 2 * 800 + 16
    assert params(TIED, "thop") == 800 + 16
    assert params(TIED, "fvcore") == 800 + 16


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("linear: {out: 99, bias: false, tied: words}", "[99, 8] of linear is not [100, 8] of embedding"),
        ("linear: {out: 100, tied: wodrs}", "no layer is called 'wodrs' so far"),
        ("relu: {tied: words}", "relu has no key 'tied'"),
        ("relu, linear: {out: 100, tied: relu}", "relu has no parameters"),
        ("linear: {out: 99, bias: qv, tied: words}", "linear is several operators"),
        ("linear: {out: 100, tied: layernorm}", "[100, 8] of linear is not [8] of layernorm"),
        ("linear: {out: 100, tied: [words]}", "tied is a text"),
        ("linear: {out: 100, tied: }", "tied"),
    ],
)
def test_a_layer_is_tied_to_one_of_the_same_shape(layer: str, says: str):
    with pytest.raises(VcalcError) as raised:
        network(TIED.replace("linear: {out: vocabulary, bias: bias, tied: words}", layer.replace(", lin", "\n  - lin")))
    assert says in str(raised.value)


def test_who_freezes_a_tied_table_freezes_it_for_both():
    for frozen in ("name: words}", "tied: words}"):
        nodes = network(TIED.replace(frozen, f"frozen: true, {frozen}")).graph.nodes
        assert [node.frozen for node in nodes] == [True, False, True]
    nodes = network(TIED.replace("name: words}", "frozen: true, name: words}"), bias=True).graph.nodes
    assert [node.frozen for node in nodes] == [True, False, False]  # the bias is trained


SHARED = """
input: {{D: 8}}
blocks:
  unit: {{args: {{k: 0}}, {block} do: [linear: {{out: 8, bias: false}}]}}
layers:
  - each: {{s: [0, 1]}}
    {outer}
    do:
      - repeat: 3
        index: i
        {inner}
        do: [{body}]
"""


@pytest.mark.parametrize(
    ("where", "sets"),
    [
        ({}, 6),
        ({"block": "shared: true,"}, 1),
        ({"block": "shared: k,", "body": "unit: {k: s}"}, 2),
        ({"block": "shared: k,", "body": "unit: {k: i}"}, 3),
        ({"block": "shared: k > 0,", "body": "unit: {k: i}"}, 3),  # the first turn of each has its own
        ({"inner": "shared: true"}, 2),
        ({"inner": "shared: i > 0"}, 4),
        ({"outer": "shared: true"}, 3),
        ({"outer": "shared: true", "inner": "shared: true"}, 1),
        ({"outer": "shared: true", "block": "shared: true,"}, 1),
        ({"body": "{name: g, shared: true, do: [unit]}"}, 1),
        ({"body": "{name: g, shared: s, do: [unit]}"}, 2),
        ({"body": "{name: g, shared: false, do: [unit]}"}, 6),
    ],
)
def test_what_is_shared_has_one_set_for_each_value(where: dict[str, str], sets: int):
    said = {"block": "", "outer": "", "inner": "", "body": "unit"} | where
    assert params(SHARED.format(**said)) == 64 * sets


def test_a_group_in_a_block_shares_within_one_call():
    text = """
        input: {D: 8}
        blocks: {tower: {do: [{repeat: 3, do: [{name: g, shared: true, do: [linear: {out: 8, bias: false}]}]}]}}
        layers: [tower, tower]
    """
    assert params(text) == 2 * 64


def test_a_shared_loop_takes_the_same_layers_each_turn():
    text = SHARED.format(block="", outer="shared: true", inner="", body="unit, {if: s > 0, then: [relu]}")
    with pytest.raises(VcalcError, match=r"relu: what is shared has .* not weight 64, then none"):
        network(text)


def test_a_table_says_what_is_tied(tmp_path):
    (tmp_path / "net.yaml").write_text(TIED)
    record = vcalc.load(str(tmp_path / "net.yaml")).bind().to_dict()
    assert [layer.get("tied") for layer in record["layers"]] == [None, None, "words"]
