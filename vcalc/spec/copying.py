"""Parts of a network that are like one before, copied from it: blocks with equal arguments, equal turns of a loop.

What a part adds to a network follows from the shape that arrives and from the values that its steps see. Where these
are what they were before, so are the layers, and the steps are not carried out again. A copy has the names that its
steps would have given, and costs what they would have cost, so that a limit is met at the same layer.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from vcalc import limits
from vcalc.graph import Node
from vcalc.language.values import key_of
from vcalc.spec.build import Building, Scope


class Part:
    """What some steps added to a network, all of it following from the tensor that arrived."""

    __slots__ = ("_names", "carried_out", "end", "frozen", "inner", "nodes", "operations", "scope", "steps")

    def __init__(
        self,
        nodes: range,
        steps: int,
        operations: int,
        carried_out: int,
        end: int,
        scope: Scope,
        inner: list[Scope],
    ) -> None:
        self.nodes = nodes
        self.steps = steps
        self.operations = operations
        """What a copy costs."""
        self.carried_out = carried_out
        self.end = end
        """The tensor that it ends with."""
        self.scope = scope
        self.inner = inner
        """The named parts that it has in its scope."""
        self.frozen: list[int] = []
        """Those of its nodes that it says are frozen itself."""
        self._names: dict[str, tuple[int, int]] | None = None

    def fits(self, building: Building) -> bool:
        """Whether the limits leave room for another one."""
        return (
            not building.sharing
            and building.routing is None
            and len(building.graph.nodes) + len(self.nodes) <= limits.LAYERS
            and building.budget.steps + self.steps <= limits.STEPS
            and building.budget.operations + self.operations <= limits.OPERATIONS
        )

    def copy(self, building: Building, at: int, scope: Scope) -> int:
        """Add the same once more, from tensor `at`, to a scope; returns the tensor it ends with."""
        building.budget.steps += self.steps
        building.budget.operations += self.operations
        building.carried_out += self.carried_out
        nodes, names, first, stop = building.graph.nodes, building.names, self.nodes.start, self.nodes.stop
        shift = len(nodes) - first

        def moved(index: int) -> int:
            return index + shift if index >= first else at

        later = self._count_names(building, scope)
        scopes = {self.scope: scope}
        for part in self.inner:
            _copy_scope(part, later[part.name], scopes, building, moved)
        for node, (inside, name, ordinal) in zip(nodes[first:stop], names[first:stop], strict=True):
            inputs = tuple([index + shift if index >= first else at for index in node.inputs])
            nodes.append(Node(node.index + shift, "", node.facts, inputs))
            names.append((scopes[inside], name, ordinal + (later[name] if inside is self.scope else 0)))
        building.steps += building.steps[first:stop]
        building.frozen.nodes.update(map(moved, self.frozen))
        return moved(self.end)

    def _count_names(self, building: Building, scope: Scope) -> dict[str, int]:
        """Count the names in the scope itself once more; returns by how much later each ordinal is."""
        if self._names is None:
            self._names = self._own_names(building)
        later = {}
        for name, (first, times) in self._names.items():
            before = scope.counts.get(name, 0)
            later[name] = before + 1 - first
            scope.counts[name] = before + times
        return later

    def _own_names(self, building: Building) -> dict[str, tuple[int, int]]:
        """The names that it gave in its scope: the first ordinal of each, and how many."""
        given = [(part.name, part.ordinal) for part in self.inner]
        layers = building.names[self.nodes.start : self.nodes.stop]
        given += [(name, ordinal) for inside, name, ordinal in layers if inside is self.scope]
        found: dict[str, tuple[int, int]] = {}
        for name, ordinal in given:
            first, times = found.get(name, (ordinal, 0))
            found[name] = (min(first, ordinal), times + 1)
        return found


def _copy_scope(
    part: Scope, later: int, scopes: dict[Scope, Scope], building: Building, moved: Callable[[int], int]
) -> None:
    """Enter a named part once more, its ordinal so much later, with the parts in it."""
    assert part.parent
    scope = scopes[part] = Scope(scopes[part.parent], part.name, part.ordinal + later, part.numbered)
    scope.counts = part.counts.copy()
    if part.output is not None:
        scope.output = moved(part.output)
        building.named.add(scope.output)
    for inner in part.inner.values():
        _copy_scope(inner, 0, scopes, building, moved)


class Copies:
    """The parts of a network that have been built, each by what it follows from."""

    def __init__(self, building: Building) -> None:
        self.building = building
        self._parts: dict[Any, Part] = {}

    def run(self, follows_from: Any, at: int, scope: Scope, build: Callable[[], int]) -> int:
        """What `build` does from tensor `at`: a copy, where it was done before from equal things and an equal shape."""
        building = self.building
        try:
            shape = building.graph.shape(at)
            key = (key_of(follows_from), shape.told, shape)
            part = self._parts.get(key)
        except TypeError:  # what has no hash is like nothing else
            return build()
        if part is not None and part.fits(building):
            return part.copy(building, at, scope)
        budget, before, outside, done = building.budget, len(scope.inner), building.outside, building.carried_out
        first, steps, operations = len(building.graph.nodes), budget.steps, budget.operations - building.paid_once
        end = build()
        if building.outside == outside and not building.sharing and building.routing is None:
            inner = list(islice(reversed(scope.inner.values()), len(scope.inner) - before))[::-1]
            nodes = range(first, len(building.graph.nodes))
            operations = budget.operations - building.paid_once - operations
            done = building.carried_out - done
            part = self._parts[key] = Part(nodes, budget.steps - steps, operations, done, end, scope, inner)
            part.frozen = [index for index in nodes if index in building.frozen.nodes] if building.frozen.nodes else []
        return end
