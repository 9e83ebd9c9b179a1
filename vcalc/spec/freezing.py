"""Which parameters of a network are not trained, as its spec says: all of a step, or groups by their paths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.graph import Graph, prefixes
from vcalc.spec.syntax import ALL, Frozen, Spec

if TYPE_CHECKING:
    from vcalc.spec.build import Scope


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
        self._said: list[_Said] = []

    @contextmanager
    def meanwhile(self, holds: bool) -> Iterator[None]:
        """Freeze the nodes that are added meanwhile, if that holds."""
        first = len(self.graph.nodes)
        try:
            yield
        finally:
            if holds:
                self.nodes.update(range(first, len(self.graph.nodes)))

    def note(self, frozen: Frozen | None, nodes: range, scope: Scope, spec: Spec, perhaps: bool = False) -> None:
        """Note the paths in a scope that a spec says are frozen: they are known when all is built."""
        if frozen and frozen.parts:
            self._said.append(_Said(frozen, nodes, scope, spec, perhaps))

    def end(self) -> None:
        """Tell the graph what is frozen, now that all nodes have their paths."""
        for said in self._said:
            below = self._below(said.nodes, said.scope)
            for path, node in said.frozen.parts.items():
                if path not in below and not said.perhaps:
                    message = f"there is no layer or group {quoted(path)} to freeze"
                    hint = suggestion(path, filter(None, below), "there are")
                    raise VcalcError("path", message, hint=hint).at(said.spec.source.place(node))
                self.nodes.update(below.get(path, ()))
        self.graph.freeze(self.nodes)

    def _below(self, nodes: range, scope: Scope) -> dict[str, list[int]]:
        """Those of the nodes that stand at or below every path from a scope on, in their order."""
        start = f"{scope.path}/" if scope.path else ""
        below = {ALL: [*nodes]}
        for index in nodes:
            for path in prefixes(self.graph.nodes[index].path.removeprefix(start)):
                below.setdefault(path, []).append(index)
        return below
