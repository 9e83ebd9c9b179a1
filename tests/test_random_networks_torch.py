"""Networks drawn at random: the torch module, counts, memory and parts agree (formulas in test_one_arithmetic.py)."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_memory import Live, Saved, own
from test_memory_torch import made, outputs, run
from test_one_arithmetic import NETWORKS, expanded
from torch.utils.flop_counter import FlopCounterMode

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.analyses.fold_norms import fold_norms
from vcalc.analyses.liveness import Run
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, INFERENCE, TRAINING, Plan
from vcalc.errors import VcalcError
from vcalc.graph import INPUT, group_of
from vcalc.spec.network import Network

TOKENS = st.sampled_from(
    [
        "layernorm",
        "rmsnorm",
        "gelu",
        "class_token",
        "position_embedding",
        {"linear": {"out": "2*D", "bias": False}},
        {"attention": {"heads": 2}},
        {"attention": {"heads": 2, "written": "matmul"}},
        {"attention": {"heads": 1, "qkv_bias": "qv"}},
        {"residual": ["layernorm", {"attention": {"heads": 2}}, "layer_scale"]},
        {"residual": [{"linear": {"out": "3*D"}}, "silu", {"linear": {"out": "D // 3"}}]},
        {"do": [{"split_heads": {"heads": 2}}, "rotary_embedding", "merge_heads"]},
        {"keep_tokens": {"count": "N - 1"}},
        {"random_features": {"count": 4}},
        {"flip": {"over": "N"}},
        {"gru": {"hidden": "D // 2", "bidirectional": True}},
        {"rnn": {"hidden": 3, "layers": 2, "dropout": 0.5}},
        {"lstm": {"hidden": 5, "project": 3}},
        {"lstm": {"hidden": 4, "bias": "one"}},
        {"residual": ["layernorm", "transpose", {"linear": {"out": "D"}}, "gelu", "transpose"]},
        {
            "branches": [[], ["global_avgpool", {"linear": {"out": "D"}}, {"offset": {"constant": 1}}]],
            "join": "multiply",
        },
        {"branches": [["gelu"], [{"linear": {"out": 4}}]], "join": {"concat": {"over": "D"}}},
        {"branches": [[], ["silu"]], "join": "absolute_difference"},
        {"branches": [[{"learned": {"N": 3, "D": "D"}}], []], "join": "concat"},
        {"position_embedding": {"grid": [5, 3]}},
        {"residual": [{"learned": {"N": "N", "D": "D"}}, {"linear": {"out": "D"}}]},
        {
            "branches": [[{"linear": {"out": 8}}], [{"linear": {"out": 4}}], [{"linear": {"out": 2}}], []],
            "join": {"deformable_attention": {"heads": 2, "levels": [["N", 1]]}},
        },
    ]
)
OF_TOKENS = st.builds(
    lambda patch, body, tail: [{"conv": {"out": 8, "kernel": patch, "stride": patch}}, "tokens", *body, *tail],
    st.integers(1, 4),
    st.lists(TOKENS, min_size=1, max_size=5),
    st.sampled_from([[], ["take_token", {"linear": {"out": 5}}], ["global_avgpool"]]),
)
MAPS = st.sampled_from(
    [
        "relu",
        "gelu",
        "batchnorm",
        "layernorm",
        "global_response_norm",
        "layer_scale",
        "prelu",
        {"groupnorm": {"groups": 2}},
        {"conv": {"out": 8, "kernel": 3, "pad": 1}},
        {"conv": {"out": 12, "kernel": 1, "bias": False}},
        {"conv": {"out": 8, "kernel": 3, "stride": 2, "pad": 1}},
        {"conv": {"out": "C", "kernel": 3, "pad": 1, "groups": "C"}},
        {"conv": {"out": 8, "kernel": 3, "pad": "same", "standardized": True, "gain": True}},
        {"conv_transpose": {"out": 8, "kernel": 2, "stride": 2}},
        {"pointwise_linear": {"out": 8}},
        {"maxpool": {"kernel": 3, "stride": 2, "pad": 1}},
        {"avgpool": {"kernel": 3, "stride": 1, "pad": 1}},
        {"window_attention": {"heads": 2, "window": 3, "shift": 1}},
        {"space_to_depth": {"factor": 2}},
        {"pixel_shuffle": {"factor": [1, 2]}},
        {"roll": {"rows": 1, "columns": -1}},
        {"crop": {"out": ["max(H - 1, 1)", "W"]}},
        {"conv_transpose": {"out": 8, "kernel": 3, "stride": 2, "pad": "same"}},
        {
            "branches": [[], [{"conv": {"out": 4, "kernel": 3, "stride": 2, "pad": 1}}]],
            "join": {"concat": {"fit": "pad"}},
        },
        {"branches": [[], [{"avgpool": {"kernel": 1, "stride": 2}}]], "join": {"concat": {"fit": "crop"}}},
        {"branches": [[{"reduce_axes": {"by": "max", "over": "C"}}, "sigmoid"], []], "join": "multiply"},
        "star_relu",
        "softsign",
        "elu",
        {"upsample": {"scale": 2, "mode": "bilinear"}},
        {"residual": [{"conv": {"out": "C", "kernel": 3, "pad": 1}}, "batchnorm", "relu"]},
        {
            "residual": [
                "layernorm",
                {"pointwise_linear": {"out": "4*C"}},
                "gelu",
                {"pointwise_linear": {"out": "C // 4"}},
            ]
        },
        {"branches": [[], ["global_avgpool", {"linear": {"out": "C"}}, "sigmoid"]], "join": "multiply"},
        {"branches": [[{"conv": {"out": 4, "kernel": 1}}], ["layernorm"]], "join": "concat"},
        {"residual": [{"learned": {"C": "C", "H": "H", "W": "W"}}, "silu"]},
        {"position_embedding": {"grid": [5, 3], "mode": "bilinear"}},
        {"branches": [[], [{"conv": {"out": 2, "kernel": 3, "stride": 2, "pad": 1}}]], "join": "grid_sample"},
        {"branches": [[], [{"reduce_axes": {"by": "sum", "over": "C"}}, "sigmoid"]], "join": "divide"},
        {"residual": [{"constant": {"C": 3, "H": "H", "W": "W"}}, {"conv": {"out": "C", "kernel": 3, "pad": 1}}]},
    ]
)
OF_MAPS = st.builds(
    lambda body, rest, tail: [{"conv": {"out": 8, "kernel": 1}}, {"name": "body", "do": body}, *rest, *tail],
    st.lists(MAPS, min_size=1, max_size=5),
    st.lists(MAPS, max_size=3),
    st.sampled_from([[], ["flatten", {"linear": {"out": 5}}], ["global_avgpool", {"linear": {"out": 5}}]]),
)
DRAWN = st.one_of(OF_MAPS, OF_TOKENS, NETWORKS)
SIZES = st.fixed_dictionaries({"H": st.integers(1, 14), "W": st.integers(1, 14), "c": st.sampled_from([2, 4, 6, 8])})
UNSEEN = ("attention", "window_attention", "scaled_dot_product_attention", "lstm")
"""Whose products torch's own counter misses on a CPU, or sees in other forms than it would on a GPU."""
CONVENTIONS = [conventions.load(name) for name in conventions.names()]


def peak(run: Run, phase: str, images: int) -> int:
    return max((int(moment.size.at(images)) for moment in run.moments if moment.phase == phase), default=0)


def module_agrees(network: Network, module: Any, image: Any) -> None:
    """Parameters, buffers, shapes, and the products that torch's counter sees."""
    nodes = network.graph.nodes
    facts = [node.facts for node in nodes]
    assert sum(p.numel() for p in module.parameters()) == sum(sum(each.parameters.values()) for each in facts)
    assert sum(b.numel() for b in module.buffers()) == sum(sum(each.buffers.values()) for each in facts)
    trained = [parameter.requires_grad_(False) for parameter in module.parameters() if parameter.requires_grad]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:  # which refuses a view of what has a gradient
        values = run(network, module.eval(), {INPUT: image})
    for parameter in trained:
        parameter.requires_grad_(True)
    assert {index: tuple(value.shape[1:]) for index, value in values.items() if index != INPUT} == {
        node.index: tuple(node.output) for node in nodes if node.index in values
    }
    if not any(node.kind in UNSEEN for node in nodes):
        counted = Costs(network.graph, conventions.load("torch"), len(image)).total(nodes).flops
        assert counted == counter.get_total_flops()


def run_of(network: Network, plan: Plan, images: int) -> Run:
    """A run for several images, or for so many, where memory is rounded up to pages."""
    found = Run(network.graph, plan, watched=True)
    return found if found.paper.straight else Run(network.graph, plan._replace(images=images), watched=True)


def memory_agrees(network: Network, module: Any, image: Any) -> None:
    """Saved bytes and all three peaks, to the byte; torch is watched."""
    images = len(image)
    plan = Plan(TRAINING, device="cpu", single=images == 1).checked()
    training, inference = (run_of(network, plan._replace(mode=mode), images) for mode in (TRAINING, INFERENCE))
    with torch.no_grad(), Live(own(module), image) as live:
        run(network, module.eval(), {INPUT: image})
    assert peak(inference, FORWARD, images) == max(live.peak, live.now)
    module.train().zero_grad()
    with Saved(own(module)) as saved:
        result = module(image)
    assert sum(size.at(images) for size in training.saved_by) == saved.bytes
    del result
    with Live(own(module), image) as live:
        values = run(network, module, {INPUT: image})
        forward = max(live.peak, live.now)
        loss = sum((tensor * 1.0).sum() for tensor in outputs(values))
        live.peak = 0
        loss.backward()
    scalars = 16
    assert peak(training, FORWARD, images) == forward
    assert abs(peak(training, BACKWARD, images) - live.peak) <= scalars


def parts_agree(network: Network) -> None:
    """The total is the sum of the groups, and of the layers, under every convention."""
    nodes = network.graph.nodes
    groups = [list(members) for _, members in groupby(nodes, lambda node: group_of(node.path))]
    for convention in CONVENTIONS:
        costs = Costs(network.graph, convention, 3)
        whole = costs.total(nodes)
        for parts in (groups, [[node] for node in nodes]):
            each = [costs.total(part) for part in parts] + ([costs.input] if len(parts) > 1 else [])
            for name in ("flops", "params", "memory"):
                assert sum(getattr(cost, name) for cost in each) == getattr(whole, name), (convention.name, name)


def agree(layers: list[Any], sizes: dict[str, int], images: int, tmp_path_factory: Any) -> None:
    try:
        network = expanded(layers, sizes, tmp_path_factory)
    except VcalcError:
        return
    parts_agree(network)
    fold_norms(network.graph)
    module = made(network)
    single = any(
        node.kind == "batchnorm" and all(size == 1 for size in node.output[1:]) for node in network.graph.nodes
    )
    image = torch.randn(max(images, 1 + single), *network.graph.input)
    module_agrees(network, module, image)
    memory_agrees(network, module, image)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(DRAWN, SIZES, st.integers(1, 3))
def test_torch_counts_memory_and_parts_agree(tmp_path_factory, layers, sizes, images):
    agree(layers, sizes, images, tmp_path_factory)


@pytest.mark.slow
@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(DRAWN, SIZES, st.integers(1, 3))
def test_many_networks_agree(tmp_path_factory, layers, sizes, images):
    agree(layers, sizes, images, tmp_path_factory)
