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
    chosen = {node.index for node in (graph.nodes if within is None else within)}
    if not chosen:
        return 0
    first = min(chosen)  # nothing counts before it; a group's nodes stand together, so that all groups walk once
    lengths: list[int] = []
    for node in graph.nodes[first : max(chosen) + 1]:
        before = max((lengths[i - first] for i in node.inputs if i >= first), default=0)
        lengths.append(before + (weight(node) if node.index in chosen else 0))
    return max(lengths)
