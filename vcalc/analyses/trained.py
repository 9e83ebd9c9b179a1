"""Which of the parameters that a convention counts are trained, and which are frozen."""

from __future__ import annotations

from vcalc.analyses.cost import Costs, added, collected
from vcalc.arithmetic import Number
from vcalc.graph import Node, prefixes
from vcalc.layers.vocabulary import FROZEN, ROLES


def trained_params(costs: Costs, nodes: list[Node]) -> Number:
    """Parameters that have gradients."""
    return _counted(costs, nodes, trained=True)


def frozen_params(costs: Costs, nodes: list[Node]) -> Number:
    """Parameters that have none: of frozen layers, and fixed ones."""
    return _counted(costs, nodes, trained=False)


def _counted(costs: Costs, nodes: list[Node], trained: bool) -> Number:
    """Buffers are no parameters, whoever counts them."""
    return collected(
        added(
            [
                count
                for node in nodes
                for role, count in costs.convention.counted_params(node.facts).items()
                if role in ROLES and is_trained(node, role) is trained
            ]
        )
    )


def is_trained(node: Node, role: str) -> bool:
    """Whether the parameters that a layer has in a role have gradients."""
    return not node.frozen and role not in FROZEN


def frozen_parts(nodes: list[Node]) -> list[str]:
    """The outermost groups in which no parameter is trained, and the layers outside them of which none is."""
    with_params = [node for node in nodes if node.facts.parameters]
    trained: set[str] = set()
    for node in with_params:
        if any(is_trained(node, role) for role in node.facts.parameters):
            trained.update(prefixes(node.path))
    outermost = (next((part for part in prefixes(node.path) if part not in trained), "") for node in with_params)
    return [*dict.fromkeys(filter(None, outermost))]
