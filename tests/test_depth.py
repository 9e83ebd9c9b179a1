"""Depth: the number in a network's name, layers with weights on the longest path; and the non-linearities on it."""

from __future__ import annotations

from typing import Any

import pytest

from vcalc.analyses.depth import depth, nonlinearities
from vcalc.graph import INPUT, Graph
from vcalc.layers import KINDS


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        ("lenet5", 4),  # C1, C3, C5, F6
        ("alexnet", 5 + 3),
        ("vgg11", 11),
        ("vgg16", 13 + 3),
        ("vgg19", 19),
        ("googlenet", 22),  # 3 of the stem, 9 inceptions of 2, 1
        ("resnet18", 18),
        ("resnet34", 34),
        ("resnet50", 1 + 3 * 16 + 1),
        ("resnet152", 152),
        ("densenet121", 121),
        ("vit-b-16", 1 + 12 * (2 + 2) + 1),
        ("swin-t", 1 + 12 * (2 + 2) + 3 + 1),  # patches, blocks, mergings, classes
        ("mobilenet-v2", 1 + 2 + 16 * 3 + 1 + 1),
    ],
)
def test_depth(network: Any, model: str, layers: int):
    assert depth(network(model).graph) == layers


@pytest.mark.parametrize(
    ("model", "functions"),
    [
        ("lenet5", 6),  # after C1, S2, C3, S4, C5, F6
        ("alexnet", 7),
        ("vgg16", 13 + 2),
        ("googlenet", 3 + 9 * 2),
        ("resnet18", 1 + 8 * 2),
        ("resnet50", 1 + 16 * 3),
        ("vit-b-16", 12),
    ],
)
def test_nonlinearities(network: Any, model: str, functions: int):
    assert nonlinearities(network(model).graph) == functions


def test_the_longest_branch_counts():
    graph = Graph((4, 8, 8))
    same = {"out": 4, "kernel": 3, "pad": 1}
    long = graph.add(KINDS["conv"](**same), (INPUT,), "a")
    long = graph.add(KINDS["relu"](), (long,), "b")
    long = graph.add(KINDS["conv"](**same), (long,), "c")
    short = graph.add(KINDS["sigmoid"](), (INPUT,), "d")
    short = graph.add(KINDS["tanh"](), (short,), "e")
    joined = graph.add(KINDS["add"](), (long, short, INPUT), "f")
    graph.add(KINDS["pointwise_linear"](out=2), (joined,), "g")
    assert (depth(graph), nonlinearities(graph)) == (2 + 1, 2)


def test_of_a_part(network: Any):
    graph = network("vgg16").graph
    assert depth(graph, graph.select(("stage3", "stage4"))) == 3 + 3
    assert depth(graph, graph.select(kinds=("linear",))) == 3
    assert depth(graph, graph.select(("fc8",))) == 1
    assert nonlinearities(graph, graph.select(("stage1",))) == 2
    assert depth(graph, []) == 0


def test_of_an_empty_network():
    assert depth(Graph((3, 8, 8))) == 0


class Walked(list):
    """Nodes that count how many of them are walked through."""

    steps = 0

    def __iter__(self):
        self.steps += len(self)
        return super().__iter__()

    def __getitem__(self, where):
        found = super().__getitem__(where)
        self.steps += len(found) if isinstance(where, slice) else 0
        return found


def test_the_depths_of_all_groups_walk_the_network_once(network: Any):
    graph = network("resnet152").graph
    groups: dict[str, list[Any]] = {}
    for node in graph.nodes:
        groups.setdefault(node.path.rpartition("/")[0], []).append(node)
    whole = {name: max(_counted_paths(graph, nodes)) for name, nodes in groups.items()}
    graph.nodes = Walked(graph.nodes)
    assert {name: depth(graph, nodes) for name, nodes in groups.items()} == whole
    assert graph.nodes.steps < 3 * len(graph.nodes)


def _counted_paths(graph: Graph, within: list[Any]) -> list[int]:
    """The longest way to each node, through the whole network: only the weights of some nodes count."""
    longest: dict[int, int] = {INPUT: 0}
    for node in graph.nodes:
        weight = node.layer.weighted_layers if node in within else 0
        longest[node.index] = max(longest[i] for i in node.inputs) + weight
    return list(longest.values())
