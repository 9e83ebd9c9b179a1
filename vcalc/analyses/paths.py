"""Parts of a network that are named by a path: what to write for one that is not there."""

from __future__ import annotations

from vcalc.errors import listing, nearest
from vcalc.graph import Graph, group_of

_LOOKED_AT = 1000
"""Layers whose paths are compared with one that is wrong: a spec may have any number."""


def hint(graph: Graph, path: str) -> str:
    """What to write for a path that nothing stands at: it by our marks, a near one, or what there is outermost."""
    by_our_marks = path.replace(".", "/").strip("/")
    if by_our_marks and graph.select((by_our_marks,)):
        return f"write {by_our_marks}"
    paths = [node.path for node in graph.nodes[:_LOOKED_AT]]
    known = {"/".join(parts[:end]) for parts in (each.split("/") for each in paths) for end in (1, 2, None)}
    close = " or ".join(f"'{each}'" for each in nearest(path, sorted(known)))
    outermost = listing({group_of(node.path) for node in graph.nodes}, "it has")
    return f"did you mean {close}?" if close else outermost or "`vcalc table` shows the path of each layer"
