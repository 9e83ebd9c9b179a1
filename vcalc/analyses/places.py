"""Windows and places: the kernel, stride and padding of a layer, and how many patches its output holds."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number
from vcalc.errors import VcalcError, quoted
from vcalc.graph import Graph, Node
from vcalc.layers.axes import MAP, TOKENS, rank
from vcalc.layers.windows import Front, Window


def window(nodes: list[Node], what: str) -> Any:
    """`kernel`, `stride` or `pad` of some layers that agree in it: a number, or a list where the axes differ.

    Raises VcalcError where none of them has one, or where they have different ones.
    """
    found: dict[Any, Node] = {}
    for node in nodes:
        size = _size(node, what)
        if size is not None:
            found.setdefault(size, node)
    if len(found) == 1:
        (size,) = found
        alike = isinstance(size, tuple) and len(set(size)) == 1
        return size[0] if alike else list(size) if isinstance(size, tuple) else size
    if not found:
        where = nodes[0].path if len(nodes) == 1 else f"none of these {len(nodes)} layers"
        raise VcalcError("metric", f"{where} has {'no' if len(nodes) == 1 else 'a'} {what}")
    (one, first), (other, second), *_ = found.items()
    message = f"{what} is asked of layers that agree in it: {first.path} has {_text(one)}, {second.path} {_text(other)}"
    raise VcalcError(
        "metric", message, hint=f"of: [{first.path}] asks one layer, kinds: [{first.kind}] those of a kind"
    )


def _size(node: Node, what: str) -> Any:
    """The size that a layer has under this name; that of its window where it follows from other fields."""
    values = node.layer.values()
    if what in values:
        return values[what]
    if node.kind == "global_avgpool" and rank(node.input) == MAP:
        return {"kernel": tuple(node.input[1:]), "stride": (1, 1), "pad": (0, 0)}.get(what)
    reach = node.layer.reach(node.input) if "kernel" in values else None
    return getattr(reach, what) if isinstance(reach, Window) else None


def _text(size: Any) -> str:
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)


def patches(graph: Graph, node: Node) -> Number:
    """The places of the image that a layer's output holds: positions of a map, or tokens without class tokens.

    Raises VcalcError for an output that is neither, and for tokens that come from no map.
    """
    if rank(node.output) == MAP:
        height: Number = node.output[1]
        return height * node.output[2]
    if rank(node.output) != TOKENS:
        raise VcalcError("metric", f"{node.path} gives {list(node.output)}, which has no patches")
    front = _front(graph, node)
    if front is None:
        raise VcalcError("metric", f"the tokens of {quoted(node.path)} are not those of a map: they are no patches")
    tokens: Number = node.output[0]
    return tokens - front


def _front(graph: Graph, last: Node) -> Number | None:
    """How many of a layer's tokens were put before those of the map; None where they come from none."""
    fronts: list[Number | None] = []
    for node in graph.nodes[: last.index + 1]:
        reach = node.layer.reach(node.input)
        before = [fronts[i] if i >= 0 else None for i in node.inputs]
        if rank(node.input) == MAP:
            fronts.append(0)
        elif any(front is None for front in before):
            fronts.append(None)
        else:
            front = max(front for front in before if front is not None)
            fronts.append(max(front + reach.tokens, 0) if isinstance(reach, Front) else front)
    return fronts[last.index]
