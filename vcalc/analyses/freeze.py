"""Freezing parts of a network that somebody names: paths, parts of paths, layer kinds."""

from __future__ import annotations

from vcalc import foreign
from vcalc.analyses import paths
from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.graph import Graph, Node, prefixes
from vcalc.spec.freezing import KIND, PATH, can_freeze, nothing_called, nothing_trained


def freeze(graph: Graph, names: tuple[str, ...], whose: str) -> None:
    """Note that the parameters of what has some names are not trained.

    Raises VcalcError for a name that nothing has, that is a path and a kind, or that has no parameters.
    """
    for name in names:
        nodes = [node.index for node in _meant_by(graph, name)]
        if not nodes:
            raise nothing_called(name, whose, _hint(graph, name))
        if not can_freeze(graph, nodes):
            raise nothing_trained(name, whose)
        graph.freeze(nodes)


def _meant_by(graph: Graph, name: str) -> list[Node]:
    """The layers of a network that a name stands for: those at or below a path or a part of one, or all of a kind.

    Empty where nothing is called so. Raises VcalcError for a name that is both.
    """
    kind, is_path = name.removeprefix(KIND), name.startswith(PATH)
    of_kind = [] if is_path else [node for node in graph.nodes if node.kind == kind]
    if name.startswith(KIND):
        return of_kind
    at_path = graph.select((name.removeprefix(PATH),))
    if not of_kind or not at_path or {*at_path} == {*of_kind}:
        return at_path or of_kind
    named = [path for node in at_path for path in prefixes(node.path) if f"/{path}".endswith(f"/{name}")]
    if name not in named and all(node.kind == kind and node.path in named for node in at_path):
        return of_kind
    message = f"{quoted(name)} is a layer kind, and what stands at {named[0]} is called so, too"
    raise VcalcError("path", message, hint=f"write {KIND}{name} for the kind, {PATH}{name} for what has that name")


def _hint(graph: Graph, name: str) -> str:
    """What to write for a name that nothing has."""
    kinds = {node.kind for node in graph.nodes}
    if name.startswith(KIND):
        return suggestion(name.removeprefix(KIND), kinds, "it has")
    meant = (answer.write.partition(":")[0] for answer in foreign.answers("layers", name))
    kind = next(filter(kinds.__contains__, meant), "")
    return f"here that is {kind}" if kind else paths.hint(graph, name.removeprefix(PATH))
