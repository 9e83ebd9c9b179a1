"""What changed from one network to another: layers paired, and the costs of each part beside each other.

Costs are those of the layers themselves, so that the differences of the stages sum to that of the totals.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from vcalc.analyses.cost import NOTHING, Cost, Costs, collected
from vcalc.analyses.pairing import Pair, pairs, unnumbered
from vcalc.arithmetic import Number, is_symbolic
from vcalc.graph import Node, group_of, prefixes
from vcalc.layers.base import Layer
from vcalc.layers.fields import Alike
from vcalc.widths import group_of as width_of


class Side(NamedTuple):
    """One of two networks: its layers and what they cost. None of either where there was none."""

    nodes: list[Node]
    costs: Costs | None

    def cost(self, node: Node | None) -> Cost:
        """One layer's cost; nothing for a layer that is not there."""
        return self.costs.of(node) if self.costs and node else NOTHING

    @property
    def starts(self) -> dict[int, str]:
        """What stands for the inputs where layers are named, by index: the only one goes by any name."""
        graph = self.costs.graph if self.costs else None
        if graph is None or len(graph.inputs) == 1:
            return {-1: INPUT}
        return {index: f"{INPUT} {name}" for index, name in zip(graph.starts, graph.inputs, strict=True)}

    def total(self) -> Cost:
        """The whole network."""
        return self.costs.total(self.nodes) if self.costs else NOTHING

    def stages(self) -> dict[str, Cost]:
        """The outermost groups, and the input where the convention counts it: they sum to the total."""
        if not self.costs:
            return {}
        costs = self.costs
        groups: dict[str, list[Node]] = {}
        for node in self.nodes:
            groups.setdefault(group_of(node.path), []).append(node)
        stages = {name: _sum(costs, nodes) for name, nodes in groups.items()}
        return {INPUT: costs.input, **stages} if costs.input != NOTHING else stages


INPUT = "the input"
"""The stage that the input's memory stands under; a group's name holds no space."""

NOTHING_THERE = Side([], None)


def _sum(costs: Costs, nodes: list[Node]) -> Cost:
    total = costs.total(nodes)
    whole = len(nodes) == len(costs.graph.nodes)
    return Cost(*map(collected, total.plus(costs.input, -1))) if whole else total


class LayerChange(NamedTuple):
    """A layer that was added, removed or changed: the layer before and after, and the fields that differ."""

    old: Node | None
    new: Node | None
    fields: dict[str, tuple[Any, Any]]
    reads: tuple[list[str], list[str]] | None
    """The paths of the layers that it read and that it reads, where these are others."""
    old_cost: Cost
    new_cost: Cost

    @property
    def change(self) -> str:
        return "added" if self.old is None else "removed" if self.new is None else "changed"

    @property
    def node(self) -> Node:
        """The layer as it is now, or as it was."""
        node = self.new or self.old
        assert node is not None
        return node

    @property
    def kinds(self) -> tuple[str, str] | None:
        """What kind it was and what it is now, where that differs."""
        return (self.old.kind, self.new.kind) if self.old and self.new and self.old.kind != self.new.kind else None

    @property
    def moved_from(self) -> str:
        """The path that it had, where that is another one by more than a number."""
        if self.old and self.new and unnumbered(self.old.path) != unnumbered(self.new.path):
            return self.old.path
        return ""

    @property
    def follows(self) -> bool:
        """Whether the layer is written as before, and only what arrives at it or leaves it has changed."""
        return self.change == "changed" and not (self.fields or self.kinds or self.reads or self.moved_from)


def whole_groups(changes: list[LayerChange], old: Side, new: Side) -> list[list[LayerChange]]:
    """The changes, those of a group that came or went as a whole together."""
    ours: dict[str, set[str]] = {}
    for change, side in (("added", new), ("removed", old)):
        alone = {each.node.path for each in changes if each.change == change}
        ours[change] = {part for node in side.nodes if node.path not in alone for part in prefixes(node.path)}
    found: list[list[LayerChange]] = []
    before = None
    for each in changes:
        parts = (part for part in prefixes(each.node.path) if part not in ours.get(each.change, ()))
        group = (each.change, each.node.path if each.change == "changed" else next(parts))
        if group == before:
            found[-1].append(each)
        else:
            found.append([each])
        before = group
    return found


def group_of_all(changes: list[LayerChange]) -> str:
    """The innermost path that holds all the changes."""
    first, *others = (prefixes(each.node.path) for each in changes)
    return [path for path in first if all(path in other for other in others)][-1]


class CostChange(NamedTuple):
    """A cost before and after."""

    name: str
    old: Cost
    new: Cost

    @property
    def difference(self) -> Cost:
        """The new one less the old one."""
        return Cost(*(collected(new - old) for old, new in zip(self.old, self.new, strict=True)))

    @property
    def ratios(self) -> dict[str, Any]:
        """The new one by the old one, metric by metric; None where there is no such number."""
        return {name: ratio(new, old) for name, old, new in zip(Cost._fields, self.old, self.new, strict=True)}


def ratio(new: Number, old: Number) -> Any:
    """A quotient, as a number or as a formula."""
    if not is_symbolic(old) and old == 0:
        return None
    if not is_symbolic(new) and not is_symbolic(old):
        return new / old
    from vcalc import symbols

    return symbols.ratio(new, old)


def layer_changes(old: Side, new: Side) -> list[LayerChange]:
    """Every layer that is not as it was, in the order of the networks."""
    found = []
    paired = pairs(old.nodes, new.nodes)
    wiring = _Wiring(old, new, paired)
    for before, after in paired:
        fields, reads = _fields(before, after), wiring.reads(before, after)
        change = LayerChange(before, after, fields, reads, old.cost(before), new.cost(after))
        if before is None or after is None or _differs(change):
            found.append(change)
    return found


def stage_changes(old: Side, new: Side) -> list[CostChange]:
    """Every outermost group, in the order of the new network, those that are gone where they were."""
    before, after = old.stages(), new.stages()
    return [
        CostChange(name, before.get(name, NOTHING), after.get(name, NOTHING))
        for name in _merged(list(before), list(after))
    ]


def total_change(old: Side, new: Side) -> CostChange:
    """The whole networks."""
    return CostChange("total", old.total(), new.total())


def _merged(old: list[str], new: list[str]) -> list[str]:
    """The new names, and each old one that is gone after the one that stood before it."""
    kept, last = set(new), ""
    gone: dict[str, list[str]] = {}
    for name in old:
        if name in kept:
            last = name
        else:
            gone.setdefault(last, []).append(name)
    return [*gone.get("", []), *(each for name in new for each in (name, *gone.get(name, ())))]


def _fields(old: Node | None, new: Node | None) -> dict[str, tuple[Any, Any]]:
    """The fields that differ, in a kind that is the same."""
    if old is None or new is None or old.kind != new.kind:
        return {}
    said: dict[str, tuple[Any, Any]] = {}
    if old.frozen != new.frozen and new.facts.parameters:
        said["frozen"] = (old.frozen, new.frozen)
    if old.widths != new.widths:
        said |= _widths(old, new)
    tied = old.tied is not None, new.tied is not None
    if tied[0] != tied[1]:
        said["tied"] = tied
    sets = old.facts.owns.sets, new.facts.owns.sets
    if not same_value(*sets):
        said["experts"] = sets
    if old.layer is new.layer:
        return said
    before, after = _values(old.layer), _values(new.layer)
    return {name: (before[name], after[name]) for name in before if not same_value(before[name], after[name])} | said


def _widths(old: Node, new: Node) -> dict[str, tuple[Any, Any]]:
    """The widths that differ of what a layer has: of its parameters, and of activations where it multiplies."""
    work = new.facts.work.keys() & {"multiply_adds", "product_multiply_adds"}
    has = {*map(width_of, new.facts.parameters), *(("activation", "density") if work else ())}
    each = {name: (getattr(old.widths, name), getattr(new.widths, name)) for name in old.widths._fields if name in has}
    return {f"{name}{'' if name == 'density' else ' bits'}": pair for name, pair in each.items() if pair[0] != pair[1]}


def _values(layer: Layer) -> dict[str, Any]:
    """The fields, with the way of calling it that goes without saying."""
    return {**layer.values(), "written": layer.form} if layer.forms else layer.values()


def same_value(old: Any, new: Any) -> bool:
    """Whether a field is the same: one number for all axes is, however many there are."""
    return bool(old == new) or (isinstance(old, Alike) and isinstance(new, Alike) and old[:1] == new[:1])


def _differs(change: LayerChange) -> bool:
    assert change.old is not None
    assert change.new is not None
    shapes = change.old.facts.inputs != change.new.facts.inputs or change.old.output != change.new.output
    return shapes or change.old_cost != change.new_cost or not change.follows


class _Wiring:
    """What layers read, told in layers that both networks have: those between, added or removed, are seen through."""

    def __init__(self, old: Side, new: Side, paired: list[Pair]) -> None:
        both = [(before.index, after.index) for before, after in paired if before and after]
        self.old = _through(old, {i: i for i, _ in both})
        self.new = _through(new, {j: i for i, j in both})
        self.sides = old, new

    def reads(self, old: Node | None, new: Node | None) -> tuple[list[str], list[str]] | None:
        """What it read and what it reads, by path, where these are not the same layers."""
        if old is None or new is None:
            return None
        before, after = [self.old[i] for i in old.inputs], [self.new[i] for i in new.inputs]
        if before == after:
            return None
        return _paths(self.sides[0], old.inputs), _paths(self.sides[1], new.inputs)


def _through(side: Side, known: dict[int, int]) -> dict[int, int | str]:
    """The old index of each node; of one that has none, that of what it reads first. Inputs have their names.

    A new table, which reads nothing, has its path.
    """
    found: dict[int, int | str] = dict(side.starts)
    for node in side.nodes:
        first = found[node.inputs[0]] if node.inputs else node.path
        found[node.index] = known.get(node.index, first)
    return found


def _paths(side: Side, indices: tuple[int, ...]) -> list[str]:
    return [side.nodes[index].path if index >= 0 else side.starts[index] for index in indices]
