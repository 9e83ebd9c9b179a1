"""Longest ways through a network: layers with weights (the depth that names VGG-16), and non-linearities."""

from __future__ import annotations

from collections.abc import Callable, Collection

from vcalc.graph import Graph, Node


def depth(graph: Graph, within: Collection[Node] | None = None) -> int:
    """Convolutions and matrices on the longest path; of the given nodes only, where they are given."""
    return _longest(graph, lambda node: node.layer.weighted_layers, within)


def nonlinearities(graph: Graph, within: Collection[Node] | None = None) -> int:
    """Activation functions on the longest path."""
    return _longest(graph, lambda node: int(node.layer.nonlinear), within)


def _longest(graph: Graph, weight: Callable[[Node], int], within: Collection[Node] | None) -> int:
    chosen = None if within is None else {node.index for node in within}
    lengths: list[int] = []
    for node in graph.nodes:
        before = max((lengths[i] for i in node.inputs if i >= 0), default=0)
        counts = chosen is None or node.index in chosen
        lengths.append(before + (weight(node) if counts else 0))
    return max(lengths, default=0)
