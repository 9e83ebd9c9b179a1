"""Why two conventions differ on a network: the difference split into parts that sum to it exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from vcalc.analyses.cost import Costs, collected, distinct
from vcalc.arithmetic import Number, is_symbolic
from vcalc.graph import Facts, Node


class Part(NamedTuple):
    """One thing that both sides count, each in its own way."""

    name: str
    """The layer kind, or the layer's path."""
    what: str
    """The primitive, or the role of the parameters."""
    count: Number
    """How many there are, before weighing; None where several things are taken together."""
    first_weight: int | None
    second_weight: int | None
    first: Number
    second: Number

    @property
    def difference(self) -> Number:
        """The second side less the first."""
        return self.second - self.first


Weighed = dict[str, tuple[int, Number]]
"""By primitive: its weight, and what it comes to."""


def by_primitive(first: Costs, second: Costs, nodes: list[Node]) -> list[Part]:
    """FLOPs by layer kind and primitive, the parts that differ most first. Both count the same graph."""
    parts: dict[tuple[str, str], list[Any]] = {}
    for facts, times in distinct(nodes):
        a, b = _weighed(first, facts), _weighed(second, facts)
        for primitive in {**a, **b}:
            count = facts.work[primitive] * first.batch
            entry = parts.setdefault((facts.layer.label, primitive), [0, 0, 0, 0, 0])
            entry[0] += times * count
            for i, side in ((0, a), (1, b)):
                weight, amount = side.get(primitive, (0, 0))
                entry[1 + i] = weight
                entry[3 + i] += times * amount
    return _sorted(Part(*key, *map(collected, entry)) for key, entry in parts.items())


def by_layer(first: Costs, second: Costs, nodes: list[Node]) -> list[Part]:
    """FLOPs by layer, in the order in which they run."""
    return [
        Part(node.path, node.layer.label, None, None, None, first.of(node).flops, second.of(node).flops)
        for node in nodes
    ]


def of_params(first: Costs, second: Costs, nodes: list[Node]) -> list[Part]:
    """Parameters by layer kind and role, buffers among them where a side takes them for parameters."""
    parts: dict[tuple[str, str], list[Any]] = {}
    for facts, times in distinct(nodes):
        a, b = (dict(costs.convention.counted_params(facts)) for costs in (first, second))
        for role in {**a, **b}:
            entry = parts.setdefault((facts.layer.label, role), [0, 0, 0])
            entry[0] += times * {**facts.buffers, **facts.parameters}[role]
            entry[1] += times * a.get(role, 0)
            entry[2] += times * b.get(role, 0)
    return _sorted(
        Part(*key, collected(count), None, None, collected(a), collected(b)) for key, (count, a, b) in parts.items()
    )


def _weighed(costs: Costs, facts: Facts) -> Weighed:
    found: Weighed = {}
    for primitive, weight, amount in costs.convention.parts(facts, costs.batch):
        before = found.get(primitive, (0, 0))
        found[primitive] = (before[0] + weight, before[1] + amount)
    return {primitive: part for primitive, part in found.items() if part[0]}


def _sorted(parts: Iterable[Part]) -> list[Part]:
    parts = list(parts)
    if any(is_symbolic(part.difference) for part in parts):
        return parts
    return sorted(parts, key=lambda part: -abs(part.difference))
