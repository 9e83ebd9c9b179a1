"""Which of a network's parameters a token meets: of experts only those that it goes through."""

from __future__ import annotations

from vcalc.analyses.cost import Costs, added, collected, distinct
from vcalc.arithmetic import Number, exact_div
from vcalc.graph import Node


def active_params(costs: Costs, nodes: list[Node]) -> Number:
    """The parameters that are active for each token, as the convention counts them."""
    return collected(
        added(
            [
                times * exact_div(costs.convention.params(facts) * facts.owns.active, facts.owns.sets)
                for facts, times in distinct(nodes)
            ]
        )
    )


def experts_of(nodes: list[Node]) -> list[tuple[Number, Number]]:
    """How many experts are active, and of how many: each pair that there is."""
    return list(
        dict.fromkeys((node.facts.owns.active, node.facts.owns.sets) for node in nodes if node.routed is not None)
    )
