"""Which parameters of a network are not trained, as its spec says: all of a step, or groups by their paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.graph import Graph, prefixes
from vcalc.spec.syntax import ALL, Frozen, Spec, Step

if TYPE_CHECKING:
    from vcalc.spec.build import Scope


KIND = "kind:"
"""What stands before a layer kind, and PATH before a path, where a name is both."""
PATH = "/"


class _Said(NamedTuple):
    """What a spec says is frozen of some nodes, by paths from a scope on; with `perhaps` not all need be there."""

    frozen: Frozen
    nodes: range
    scope: Scope
    spec: Spec
    perhaps: bool


class Freezing:
    """What is frozen of a network that is being built."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: set[int] = set()
        self.idle: dict[Step, tuple[Spec, bool]] = {}
        """The steps that are frozen, with their specs, and whether nothing that they have added has parameters."""
        self._said: list[_Said] = []

    @contextmanager
    def meanwhile(self, holds: bool, step: Step, spec: Spec) -> Iterator[None]:
        """Freeze the nodes that a step of a spec adds meanwhile, if that holds."""
        first = len(self.graph.nodes)
        try:
            yield
        finally:
            if holds:
                added = range(first, len(self.graph.nodes))
                self.nodes.update(added)
                idle = self.idle.get(step, (spec, True))[1] and not can_freeze(self.graph, added)
                self.idle[step] = spec, idle

    def note(self, frozen: Frozen | None, nodes: range, scope: Scope, spec: Spec, perhaps: bool = False) -> None:
        """Note the paths in a scope that a spec says are frozen: they are known when all is built."""
        if frozen and frozen.parts:
            self._said.append(_Said(frozen, nodes, scope, spec, perhaps))

    def end(self) -> None:
        """Tell the graph what is frozen, now that all nodes have their paths."""
        for said in self._said:
            below = self._below(said.nodes, said.scope)
            for name, node in said.frozen.parts.items():
                found = below.get(name.removeprefix(PATH), []) or self._of_kind(name, said.nodes)
                if not (found or said.perhaps):
                    hint = suggestion(name, [*filter(None, below)], "there are")
                    raise nothing_called(name, hint=hint).at(said.spec.source.place(node))
                if found and name and not can_freeze(self.graph, found):
                    raise nothing_trained(name).at(said.spec.source.place(node))
                self.nodes.update(found)
        self.graph.freeze(self.nodes)

    def _of_kind(self, name: str, nodes: range) -> list[int]:
        """Those of the nodes whose layer kind has that name."""
        kind = name.removeprefix(KIND)
        return [index for index in nodes if self.graph.nodes[index].kind == kind]

    def _below(self, nodes: range, scope: Scope) -> dict[str, list[int]]:
        """Those of the nodes that stand at or below every path from a scope on, in their order."""
        start = f"{scope.path}/" if scope.path else ""
        below = {ALL: [*nodes]}
        for index in nodes:
            for path in prefixes(self.graph.nodes[index].path.removeprefix(start)):
                below.setdefault(path, []).append(index)
        return below


def can_freeze(graph: Graph, indices: Iterable[int]) -> bool:
    """Whether any of some nodes has a parameter, its own or another's."""
    return any(graph.nodes[graph.owner(graph.nodes[index])].facts.parameters for index in indices)


def nothing_called(name: str, whose: str = "", hint: str = "") -> VcalcError:
    """The error for a name of what should be frozen that nothing has."""
    what = "layer, group or kind"
    for mark, one in ((KIND, "layer of kind"), (PATH, "layer or group")):
        if name.startswith(mark):
            what, name = one, name.removeprefix(mark)
    return VcalcError("path", f"there is no {what} {quoted(name)} to freeze{whose}", hint=hint)


def nothing_trained(name: str, whose: str = "") -> VcalcError:
    """The error for a name of what should be frozen and has no parameters."""
    return VcalcError("path", f"{quoted(name)} has no parameters to freeze{whose}", hint="leave it out")
