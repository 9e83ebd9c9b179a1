"""Windows and places: the kernel, stride and padding of a layer, and how many patches its output holds."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, product
from vcalc.errors import VcalcError, quoted
from vcalc.graph import Node
from vcalc.layers.axes import MAP, TOKENS, rank
from vcalc.layers.windows import Window


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
        sizes = tuple(node.facts.inner[0][1:])
        return {"kernel": sizes, "stride": (1,) * len(sizes), "pad": (0,) * len(sizes)}.get(what)
    reach = node.layer.reach(node.facts.inner[0]) if "kernel" in values else None
    return getattr(reach, what) if isinstance(reach, Window) else None


def _text(size: Any) -> str:
    return "x".join(map(str, size)) if isinstance(size, tuple) else str(size)


def patches(node: Node) -> Number:
    """The places of the image that a layer's output holds: positions of a map, or tokens without class tokens.

    Raises VcalcError for an output that is neither, and for tokens that come from no map.
    """
    output = node.facts.output
    if output.of == MAP:
        return product((*output[: len(output.front)], *output.inner(0)[1:]))
    if output.of != TOKENS:
        raise VcalcError("metric", f"{node.path} gives {list(output)}, which has no patches")
    if output.grid is None:
        raise VcalcError("metric", f"the tokens of {quoted(node.path)} are not those of a map: they are no patches")
    tokens: Number = output.inner(0)[0]
    return product(output[: len(output.front)]) * (tokens - output.grid[0])
