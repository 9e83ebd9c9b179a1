"""Why two conventions differ on a network: the difference split into parts that sum to it exactly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from vcalc.analyses.cost import Costs, collected, distinct
from vcalc.arithmetic import Number, is_symbolic
from vcalc.conventions import Rule, amounts
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
    """None also where a layer's calls have several."""
    second_weight: int | None
    first: Number
    second: Number

    @property
    def difference(self) -> Number:
        """The second side less the first."""
        return self.second - self.first


class _Side(NamedTuple):
    """What a side makes of a primitive: how many there are, with what weight, and what that gives."""

    count: Number
    weight: int | None
    amount: Number


_NOTHING = _Side(0, 0, 0)


def by_primitive(first: Costs, second: Costs, nodes: list[Node]) -> list[Part]:
    """FLOPs by layer kind and primitive, the parts that differ most first. Both count the same graph.

    What a layer's calls do is in several parts where they have other weights.
    """
    parts: dict[tuple[str, str, int | None, int | None], list[Any]] = {}
    for facts, times in distinct(nodes):
        for a, b in _compared(first, second, facts):
            for primitive in {**a, **b}:
                one, other = a.get(primitive, _NOTHING), b.get(primitive, _NOTHING)
                entry = parts.setdefault((facts.layer.label, primitive, one.weight, other.weight), [0, 0, 0])
                entry[0] += times * (one.count if primitive in a else other.count)
                entry[1] += times * one.amount
                entry[2] += times * other.amount
    return _sorted(
        Part(label, primitive, collected(count), one, other, collected(a), collected(b))
        for (label, primitive, one, other), (count, a, b) in parts.items()
    )


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
        a, b = (costs.convention.counted_params(facts) for costs in (first, second))
        for role in {**a, **b}:
            entry = parts.setdefault((facts.layer.label, role), [0, 0, 0])
            entry[0] += times * {**facts.buffers, **facts.parameters}[role]
            entry[1] += times * a.get(role, 0)
            entry[2] += times * b.get(role, 0)
    return _sorted(
        Part(*key, collected(count), None, None, collected(a), collected(b)) for key, (count, a, b) in parts.items()
    )


Weighed = dict[str, _Side]
"""By primitive, those that have a weight."""


def _compared(first: Costs, second: Costs, facts: Facts) -> list[tuple[Weighed, Weighed]]:
    """What both sides make of each call of a layer; of the whole layer where one of them has a rule for that."""
    a, b = (
        [(part, _weighed(costs, part, rule)) for part, rule in costs.convention.weighed(facts)]
        for costs in (first, second)
    )
    if [part for part, _ in a] == [part for part, _ in b]:
        return [(one, other) for (_, one), (_, other) in zip(a, b, strict=True)]
    return [(_together(a), _together(b))]


def _weighed(costs: Costs, part: Any, rule: Rule) -> Weighed:
    found: Weighed = {}
    for primitive, weight, amount in amounts(rule, part, costs.batch):
        old = found.get(primitive, _NOTHING)
        count = (costs.batch if part.batched else 1) * part.work[primitive]
        found[primitive] = _Side(count, (old.weight or 0) + weight, old.amount + amount)
    return {primitive: side for primitive, side in found.items() if side.weight}


def _together(parts: list[tuple[Any, Weighed]]) -> Weighed:
    """What several parts come to; the weight is None where it is not the same for all."""
    found: Weighed = {}
    for _, weighed in parts:
        for primitive, side in weighed.items():
            old = found.get(primitive, side._replace(count=0, amount=0))
            weight = side.weight if old.weight == side.weight else None
            found[primitive] = _Side(old.count + side.count, weight, old.amount + side.amount)
    return found


def _sorted(parts: Iterable[Part]) -> list[Part]:
    parts = list(parts)
    if any(is_symbolic(part.difference) for part in parts):
        return parts
    return sorted(parts, key=lambda part: -abs(part.difference))
