"""Experts: what all of them hold, what the active ones do, and what no expert can be."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_tied import network

import vcalc
from vcalc.analyses.active import active_params
from vcalc.analyses.cost import Costs
from vcalc.analyses.explain import working
from vcalc.conditions import stated
from vcalc.conventions import load
from vcalc.errors import VcalcError

MOE = """
input: {N: 6, D: 8}
let: {experts: 4, active: 2}
layers:
  - linear: {out: 8, name: before}
  - experts: experts
    active: active
    do: [linear: {out: 16}, gelu, linear: {out: 8, bias: false}]
    name: mixture
"""
ONE = 8 * 16 + 16 + 16 * 8


def costs(made, convention: str = "macs") -> Costs:
    return Costs(made.graph, load(convention))


def test_all_experts_are_held_and_those_of_a_token_work():
    made = network(MOE)
    counted, nodes = costs(made), made.graph.nodes
    assert counted.figure(nodes, "params") == 8 * 8 + 8 + 4 * 8 + 4 * ONE
    assert active_params(counted, nodes) == 8 * 8 + 8 + 4 * 8 + 2 * ONE
    assert counted.figure(nodes, "flops") == 6 * (8 * 8 + 8 * 4 + 2 * 2 * 8 * 16)
    assert [tuple(node.output) for node in nodes[-2:]] == [(12, 8), (6, 8)]


def test_python_tells_the_active_ones():
    assert vcalc.load(str(Path(__file__).parents[1] / "specs" / "mixtral.yaml")).bind().active_params == 12_879_925_248
    assert vcalc.load("alexnet").bind().active_params == vcalc.load("alexnet").bind().total.params


def test_symbols_are_experts_and_those_that_are_active():
    made = network(MOE, experts="E", active="k")
    counted, nodes = costs(made), made.graph.nodes
    assert str(counted.figure(nodes, "params")) == "280*E + 72"
    assert str(active_params(counted, nodes)) == "8*E + 272*k + 72"
    assert str(counted.figure(nodes, "flops")) == "48*E + 1536*k + 384"
    assert stated(made.conditions) == ["E >= k"]
    assert stated(network(MOE, experts="E").conditions) == ["E >= 2"]
    assert stated(network(MOE, active="k").conditions) == ["k <= 4"]
    sizes = {symbol: {"E": 4, "k": 2}[symbol.name] for symbol in made.symbols.values()}
    assert counted.figure(nodes, "flops").subs(sizes) == costs(network(MOE)).figure(network(MOE).graph.nodes, "flops")


def test_the_working_has_the_experts_in_it():
    made = network(MOE)
    node = next(node for node in made.graph.nodes if node.path == "mixture/expert/linear1")
    assert working(costs(made), node)[0] == ("params", "4*(8*16) + 4*16", 4 * (8 * 16 + 16))


def test_weights_that_add_up_to_one_are_divided_by_their_sum():
    plain, divided = (
        network(MOE.replace("name: mix", f"normalized: {said}\n    name: mix")) for said in ("false", "true")
    )
    assert (
        costs(divided).primitive(divided.graph.nodes, "divisions")
        - costs(plain).primitive(plain.graph.nodes, "divisions")
        == 6 * 2
    )


def test_what_is_said_of_the_router_is_what_it_runs():
    made = network(
        MOE.replace("    name", "    router: [linear: {out: 5}, tanh, linear: {out: experts}, sigmoid]\n    name")
    )
    paths = [node.path for node in made.graph.nodes if "router" in node.path]
    assert paths == [f"mixture/router/{name}" for name in ("linear1", "tanh", "linear2", "sigmoid")]
    assert costs(made).figure(made.graph.nodes, "params") == 72 + 45 + 24 + 4 * ONE


def test_shared_experts_are_branches():
    both = "branches: {routed: [ROUTED], shared: [linear: {out: 8}]}\n    join: add"
    text = (
        MOE.partition("  - experts")[0]
        + "  - "
        + both.replace("ROUTED", "{experts: 4, active: 1, do: [linear: {out: 8}]}")
    )
    made = network(text)
    assert costs(made).figure(made.graph.nodes, "params") == 72 + 32 + 4 * 72 + 72


def body(layers: str) -> str:
    return MOE.replace("[linear: {out: 16}, gelu, linear: {out: 8, bias: false}]", f"[{layers}]")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (body("batchnorm"), "batchnorm: an expert works on each token by itself, and its means would be of all tokens"),
        (MOE.replace("active: 2", "active: 5"), "5 active experts cannot be chosen among 4"),
        (MOE.replace("active: 2", "active: 0"), "active is 0, not a whole number, 1 or more"),
        (MOE.replace("experts: 4", "experts: 2.5"), "experts is 2.5, not a whole number"),
        (MOE.replace("    active: active\n", ""), "experts needs 'active'"),
        (MOE.replace("    name", "    capacity: 2\n    name"), "experts has no key 'capacity'"),
        (MOE.replace("    name", "    router: [linear: {out: 3}]\n    name"), "not a score for each of 4 experts"),
        (MOE.replace("linear: {out: 8, name: before}", "take_token"), "experts take tokens [N, D], but a vector [8]"),
        (body("attention: {heads: 2}"), "what it does depends on other tokens"),
        (body("position_embedding"), "what it does depends on their places"),
        (body("keep_tokens: {count: 2}"), "it makes 2 tokens of 12"),
        (body("to_map: {height: 3}"), "it takes tokens [12, 8] to a feature map [8, 3, 4]"),
        (body("learned: {N: 12, D: 8}"), "it begins with no token"),
        (body("{experts: 2, active: 1, do: [relu]}"), "experts within experts"),
        (body("linear: {out: 8, tied: before}"), "experts have their own parameters, and none is tied"),
        (body("take: before, relu"), "no tensor is called 'before'"),
        (
            body("save: x, relu") + "  - {branches: [[], [take: x]], join: concat}",
            "is not there outside of the experts",
        ),
        ("outputs: [x]" + body("relu, save: x"), "'x' is what an expert makes of its tokens, and no output"),
    ],
)
def test_what_cannot_be_an_expert_is_refused(text: str, says: str):
    with pytest.raises(VcalcError) as raised:
        network(text)
    assert says in str(raised.value)


def test_an_expert_reads_no_tensor_from_outside():
    text = body("take: x, relu").replace("  - experts", "  - save: x\n  - experts")
    with pytest.raises(VcalcError, match="an expert reads the tokens that have chosen it, and no other tensor"):
        network(text)


def test_arrays_are_experts_bound_one_by_one():
    numpy = pytest.importorskip("numpy")
    text = MOE.replace("{N: 6,", "{N: words,").replace("let: {", "let: {words: 6, ")
    many = network(text, words=numpy.array([5, 7]))
    each = [network(text, words=words) for words in (5, 7)]
    counts = costs(many).figure(many.graph.nodes, "flops")
    assert [*counts.numbers] == [costs(one).figure(one.graph.nodes, "flops") for one in each]
