"""Batch norms as part of the convolution before them, as networks are deployed for inference."""

from __future__ import annotations

from typing import Any

from vcalc.graph import Graph, Node, Routing

NORMS = ("batchnorm", "frozen_batchnorm")
WEIGHED = ("conv", "conv_transpose", "linear", "pointwise_linear")
"""Kinds whose weights and bias can take up a factor and an offset a channel."""


def fold_norms(graph: Graph) -> Graph:
    """The graph without the batch norms that scale what a convolution alone puts out, which it names.

    Running statistics and trained factors go into the convolution's weights and a bias, which it has then.
    """
    folded = _folded(graph)
    grown = {graph.nodes[index].inputs[0] for index in folded}
    made, places = Graph(graph.inputs), {start: start for start in graph.starts}
    for node in graph.nodes:
        inputs = tuple(places[index] for index in node.inputs)
        if node.index in folded:
            places[node.index] = inputs[0]
            continue
        layer: Any = node.layer
        if node.index in grown:
            layer = layer.with_values(lambda value: value)
            layer.bias = True
        shares, tied = (None if index is None else places[index] for index in (node.shares, node.tied))
        owns, routing = node.facts.owns, None
        if node.routed is not None:
            routing = Routing(owns.sets, owns.active, places[node.routed])
        places[node.index] = made.add(layer, inputs, node.path, shares, tied, routing)
    made.freeze(places[node.index] for node in graph.nodes if node.frozen)
    made.says_widths = graph.says_widths
    for node in graph.nodes:
        if node.index not in folded:
            made.nodes[places[node.index]].widths = node.widths
    made.outputs = {name: places[index] for name, index in graph.outputs.items()}
    made.folded = [
        (graph.nodes[index].path, graph.nodes[graph.nodes[index].inputs[0]].path) for index in sorted(folded)
    ]
    return made


def _folded(graph: Graph) -> set[int]:
    """The norms that can go: nobody else reads what they read, and nobody else has the weights, theirs or its own."""
    readers: dict[int, int] = {}
    for node in graph.nodes:
        for index in node.inputs:
            readers[index] = readers.get(index, 0) + 1
    for index in graph.outputs.values():
        readers[index] = readers.get(index, 0) + 1
    others = [(node.index, index) for node in graph.nodes for index in (node.shares, node.tied) if index is not None]
    shared = {index for pair in others for index in pair}
    return {
        node.index
        for node in graph.nodes
        if node.kind in NORMS and node.inputs[0] >= 0 and readers[node.inputs[0]] == 1
        if _takes_up(graph.nodes[node.inputs[0]]) and shared.isdisjoint((node.index, node.inputs[0]))
    }


def _takes_up(node: Node) -> bool:
    layer: Any = node.layer
    return (
        node.kind in WEIGHED and not getattr(layer, "standardized", False) and not getattr(layer, "connections", None)
    )
