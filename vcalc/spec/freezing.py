"""Which parameters of a network are not trained, as its spec says: all of a step, or groups by their paths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from vcalc.errors import Place, VcalcError, quoted, suggestion
from vcalc.graph import Graph
from vcalc.spec.syntax import ALL, Frozen, Spec

if TYPE_CHECKING:
    from vcalc.spec.build import Scope


class _Part(NamedTuple):
    """A path among some nodes, from a scope on, and where it is said; with `perhaps` it need not be there."""

    path: str
    nodes: range
    scope: Scope
    place: Place
    perhaps: bool


class Freezing:
    """What is frozen of a network that is being built."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: set[int] = set()
        self._parts: list[_Part] = []

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
        for path, node in frozen.parts.items() if frozen else ():
            self._parts.append(_Part(path, nodes, scope, spec.source.place(node), perhaps))

    def end(self) -> None:
        """Tell the graph what is frozen, now that all nodes have their paths."""
        for part in self._parts:
            self.nodes.update(self._found(part))
        self.graph.freeze(self.nodes)

    def _found(self, part: _Part) -> set[int]:
        start = f"{part.scope.path}/" if part.scope.path else ""
        paths = {index: self.graph.nodes[index].path.removeprefix(start) for index in part.nodes}
        found = {index for index, path in paths.items() if part.path == ALL or f"{path}/".startswith(f"{part.path}/")}
        if found or part.perhaps or part.path == ALL:
            return found
        names = [path.split("/") for path in paths.values()]
        there = dict.fromkeys("/".join(each[:count]) for each in names for count in range(1, len(each) + 1))
        hint = suggestion(part.path, there, "there are")
        raise VcalcError("path", f"there is no layer or group {quoted(part.path)} to freeze", hint=hint).at(part.place)
