"""Costs: rows and their totals, batches, dtypes, what is left out, and formulas that become the numbers."""

from __future__ import annotations

from typing import Any

import pytest
from zoo import one_in

from vcalc import conventions, symbols
from vcalc.analyses.cost import DTYPE_ALIASES, DTYPE_BYTES, NOTHING, Cost, Costs, dtype_name
from vcalc.errors import VcalcError
from vcalc.graph import INPUT, Graph
from vcalc.layers import KINDS
from vcalc.spec.network import Network

MODELS = ["lenet5", "vgg16", "googlenet", "resnet50", "densenet121", "mobilenet-v2", "vit-b-16", "swin-t", "convnext-t"]


def costs_of(network: Network, convention: str = "lecture", **options: Any) -> Costs:
    return Costs(network.graph, conventions.load(convention), **options)


def total(network: Network, convention: str = "lecture", **options: Any) -> Cost:
    return costs_of(network, convention, **options).total(network.graph.nodes)


@pytest.mark.parametrize("convention", conventions.names())
@pytest.mark.parametrize("model", one_in(3, MODELS))
def test_a_total_is_the_sum_of_its_rows(network: Any, model: str, convention: str):
    costs = costs_of(network(model), convention)
    rows = [costs.of(node) for node in costs.graph.nodes]
    expected = [sum(column) for column in zip(*rows, strict=True)]
    expected[2] += costs.input.memory
    assert list(costs.total(costs.graph.nodes)) == expected


def test_a_part_counts_its_own_layers_only(network: Any):
    costs = costs_of(network("vgg16"), "cs231n")
    stages = [costs.graph.select((f"stage{i}",)) for i in range(1, 6)]
    rest = costs.graph.select(
        ("adaptive_avgpool", "flatten", "fc6", "fc7", "fc8", "relu1", "relu2", "dropout1", "dropout2")
    )
    parts = costs.input
    for part in (*stages, rest):
        parts = parts.plus(costs.total(part))
    assert parts == costs.total(costs.graph.nodes)
    assert costs.total(stages[0]).params == 9 * 3 * 64 + 9 * 64 * 64
    assert costs.total([]) == NOTHING


@pytest.mark.parametrize("batch", [1, 2, 32])
@pytest.mark.parametrize("convention", ["lecture", "cs231n"])
def test_a_batch_multiplies_work_and_memory(network: Any, batch: int, convention: str):
    one, many = total(network("vgg16"), convention), total(network("vgg16"), convention, batch=batch)
    assert many == (one.params, batch * one.flops, batch * one.memory)


def test_a_batch_multiplies_every_row(network: Any):
    vgg = network("vgg16")
    one, many = costs_of(vgg), costs_of(vgg, batch=7)
    for node in vgg.graph.nodes:
        params, flops, memory = one.of(node)
        assert many.of(node) == (params, 7 * flops, 7 * memory)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        ("float64", 8),
        ("float32", 4),
        ("fp32", 4),
        ("float16", 2),
        ("bfloat16", 2),
        ("BF16", 2),
        ("int8", 1),
        ("fp8", 1),
    ],
)
def test_memory_is_elements_times_the_size_of_one(network: Any, dtype: str, size: int):
    outputs = total(network("vgg16"), "lecture", dtype="int8").memory
    assert total(network("vgg16"), "lecture", dtype=dtype).memory == size * outputs
    assert total(network("vgg16"), "cs231n", dtype=dtype).memory == outputs + 3 * 224 * 224


def test_an_unknown_dtype_names_the_nearest():
    with pytest.raises(VcalcError, match="there is no dtype 'flot16'") as refused:
        dtype_name("flot16")
    assert "'float16'" in str(refused.value)
    assert set(DTYPE_ALIASES.values()) <= set(DTYPE_BYTES)


def small() -> Graph:
    """conv 3x3 -> relu -> maxpool -> relu -> flatten -> linear on 2x6x6."""
    graph = Graph((2, 6, 6))
    at = graph.add(KINDS["conv"](out=4, kernel=3), (INPUT,), "conv")
    at = graph.add(KINDS["relu"](), (at,), "relu1")
    at = graph.add(KINDS["maxpool"](kernel=2, stride=2), (at,), "pool")
    at = graph.add(KINDS["relu"](), (at,), "relu2")
    at = graph.add(KINDS["flatten"](), (at,), "flatten")
    graph.add(KINDS["linear"](out=5), (at,), "linear")
    return graph


def test_rows_by_hand():
    costs = Costs(small(), conventions.load("lecture"), batch=3, dtype="float16")
    assert [costs.of(node) for node in costs.graph.nodes] == [
        (9 * 2 * 4 + 4, 3 * 9 * 2 * 4 * 16, 3 * 2 * 4 * 16),
        NOTHING,
        (0, 3 * 4 * 4 * 4, 3 * 2 * 4 * 4),
        NOTHING,
        NOTHING,
        (16 * 5 + 5, 3 * 16 * 5, 3 * 2 * 5),
    ]


def test_left_out_names_what_counts_nothing():
    costs = Costs(small(), conventions.load("lecture"), batch=3)
    assert costs.left_out(costs.graph.nodes) == {"relu": (2, 3 * (4 * 16 + 16)), "flatten": (1, 3 * 16)}
    macs = Costs(small(), conventions.load("macs"))
    assert macs.left_out(macs.graph.nodes) == {"relu": (2, 80), "maxpool": (1, 16), "flatten": (1, 16)}


def test_elements_and_primitives():
    costs = Costs(small(), conventions.load("lecture"), batch=3)
    assert costs.elements(costs.graph.nodes) == 3 * (4 * 16 + 16 + 5)
    assert costs.primitive(costs.graph.nodes, "multiply_adds") == 3 * (9 * 2 * 4 * 16 + 16 * 5)
    assert costs.primitive(costs.graph.nodes, "window_elements") == 3 * 4 * 16
    assert costs.primitive(costs.graph.nodes[1:2], "multiply_adds") == 0


def test_the_input_counts_with_the_whole_network_only():
    costs = Costs(small(), conventions.load("cs231n"))
    whole, part = costs.graph.nodes, costs.graph.nodes[:3]
    assert costs.elements(part) == costs.total(part).memory == 4 * 16 + 16
    assert costs.elements(whole) == costs.total(whole).memory == 2 * 36 + 4 * 16 + 16 + 5


# Formulas


def test_the_closed_form_of_resnet152(network: Any):
    found = total(network("resnet152", H="32*h", W="32*h", width="c", classes="K"), "macs")
    c, h, k = (symbols.symbol(name) for name in "chK")
    assert found.params == 32 * k * c + k + 14156 * c**2 + 2513 * c
    assert found.flops == 32 * k * c + 56768 * c**2 * h**2 + 37632 * c * h**2
    assert symbols.evaluate(found.flops, {"c": 64, "h": 7, "K": 1000}) == total(network("resnet152"), "macs").flops


@pytest.mark.parametrize("convention", ["lecture", "cs231n"])
@pytest.mark.parametrize(
    ("model", "formula", "bindings"),
    [
        ("resnet50", {"H": "h", "W": "w"}, [(32, 224), (97, 160), (224, 225), (231, 500)]),
        ("vgg16", {"H": "h", "W": "w"}, [(32, 224), (97, 160), (224, 255)]),
        ("vit-b-16", {"H": "h", "W": "w"}, [(16, 224), (97, 160), (384, 255)]),
        ("densenet121", {"H": "h", "W": "w"}, [(32, 224), (97, 161), (224, 255)]),
        ("swin-t", {"H": "h", "W": "w"}, [(32, 224), (97, 161), (224, 255)]),
        ("convnext-t", {"H": "h", "W": "w"}, [(32, 224), (97, 161), (224, 255)]),
        ("mobilenet-v2", {"H": "h", "W": "w"}, [(32, 224), (97, 161), (224, 255)]),
        ("googlenet", {"H": "h", "W": "w"}, [(64, 224), (97, 161), (224, 255)]),
        ("vit-b-16", {"mlp": "h", "dim": "12*w"}, [(768, 16), (5, 1)]),
        ("resnet50", {"width": "h", "classes": "w"}, [(64, 1000), (1, 2)]),
    ],
)
def test_formulas_become_the_numbers(
    network: Any, model: str, formula: dict[str, str], bindings: list[tuple[int, int]], convention: str
):
    """Free heights and widths, odd ones too: nothing is assumed to divide."""
    formulas = total(network(model, **formula), convention)
    for h, w in bindings:
        sizes = {name: text.replace("h", str(h)).replace("w", str(w)) for name, text in formula.items()}
        numbers = total(network(model, **sizes), convention)
        assert tuple(symbols.evaluate(part, {"h": h, "w": w}) for part in formulas) == numbers, (h, w)


def test_a_sum_of_rows_in_symbols_is_the_total(network: Any):
    costs = costs_of(network("resnet18", H="32*h", W="32*w"), "macs", batch=symbols.symbol("B"))
    rows = sum(costs.of(node).flops for node in costs.graph.nodes)
    assert symbols.closed_form(rows) == costs.total(costs.graph.nodes).flops
