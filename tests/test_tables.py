"""What no layer makes: a table is a parameter, read by every image and held once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vcalc import symbols
from vcalc.analyses.cost import Costs
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import TRAINING, Plan
from vcalc.analyses.receptive_field import as_record, receptive_fields
from vcalc.conventions import load as convention
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec

QUERY = """
  - branches:
      q: [learned: {N: n, D: D}, linear: {out: D}]
      k: [linear: {out: D}]
      v: []
    join: scaled_dot_product_attention
"""


def network(layers: str, input: str = "{C: 8, H: 6, W: 6}", **values: Any) -> Network:
    spec = parse_spec(f"input: {input}\nlet: {{n: 2}}\nlayers:{layers}", str(Path("net.yaml")), "net")
    return expand(spec, spec.models["net"], values)


def params(net: Network) -> Any:
    return sum(sum(node.facts.parameters.values()) for node in net.graph.nodes)


def test_a_table_reads_nothing_and_leaves_what_arrives():
    nodes = network("\n  - conv: {out: 4, kernel: 1}\n  - learned: {N: 3, D: C}\n  - gelu").graph.nodes
    assert [(node.kind, node.inputs, tuple(node.output)) for node in nodes[1:]] == [
        ("learned", (), (3, 4)),
        ("gelu", (1,), (3, 4)),
    ]


def test_a_learned_query_reads_all_tokens():
    """SigLIP's head: one query, two matrices of 8x8 with biases."""
    net = network(f"\n  - tokens{QUERY}", n=1)
    assert tuple(net.graph.nodes[-1].output) == (1, 8)
    assert params(net) == 8 + 2 * (64 + 8)
    assert Costs(net.graph, convention("macs")).total(net.graph.nodes).flops == 64 + 36 * 64 + 2 * 36 * 8


def test_queries_stay_a_symbol():
    n = symbols.symbol("n")
    assert symbols.exact(params(network(f"\n  - tokens{QUERY}", n=n)) - (8 * n + 144)) == 0


def test_memory_holds_a_table_once_for_all_images():
    """Registers beside tokens: 4 * (16 + 3) * 8 bytes joined for each image, the table only among the weights."""
    net = network("\n  - tokens\n  - branches: [[learned: {N: 3, D: D}], []]\n    join: concat", "{C: 8, H: 4, W: 4}")
    memory = Memory(net.graph, Plan())
    assert memory.held.weights == 4 * 3 * 8
    assert {batch: memory.peak(batch).size.at(batch) for batch in (2, 64)} == {
        batch: 4 * 3 * 8 + batch * 4 * (16 * 8 + 19 * 8) for batch in (2, 64)
    }


def test_a_table_in_a_shared_block_is_one():
    text = "input: {N: 5, D: 8}\nblocks: {add_table: {shared: true, do: [residual: [learned: {N: N, D: D}]]}}\n"
    spec = parse_spec(text + "layers: [add_table, gelu, add_table]", "net.yaml", "net")
    assert params(expand(spec, spec.models["net"])) == 40


def test_a_constant_is_a_buffer_and_adds_to_memory_only_where_it_is_computed():
    held = network("\n  - residual: [constant: {C: 8, H: 6, W: 6}]")
    made = network("\n  - residual: [constant: {C: 8, H: 6, W: 6, computed: true}]")
    bytes = 4 * 8 * 36
    assert [params(net) for net in (held, made)] == [0, 0]
    assert [Memory(net.graph, Plan(TRAINING)).held.buffers for net in (held, made)] == [bytes, 0]
    assert [int(Memory(net.graph, Plan()).peak(2).size.at(2)) for net in (held, made)] == [5 * bytes, 5 * bytes]


@pytest.mark.parametrize(
    ("layers", "size"),
    [
        ("learned: {N: 4, D: 8}, linear: {out: 3}", None),
        ("conv: {out: 4, kernel: 3}, residual: [learned: {C: C, H: H, W: W}], conv: {out: 4, kernel: 2}", [4, 4]),
        ("conv: {out: 4, kernel: 3}, tokens, {branches: [[learned: {N: 2, D: D}], []], join: concat}", [3, 3]),
        ("global_avgpool: {keep_dims: true}, residual: [learned: {C: C, H: 6, W: 6}]", [6, 6]),
        ("conv: {out: 4, kernel: 6}, residual: [learned: {C: C, H: 6, W: 6}], conv: {out: 4, kernel: 3}", [6, 6]),
    ],
)
def test_a_table_reads_nothing_of_the_input(layers: str, size: list[int] | None):
    graph = network(f" [{layers}]").graph
    field = receptive_fields(graph)[-1]
    assert (field and as_record(field, graph.input)["size"]) == size
