"""Bits and densities in reports: what is said of which layers, what parameters take by what they are, and how so."""

from __future__ import annotations

from typing import Any

from vcalc import units
from vcalc.analyses import widths as measures
from vcalc.analyses.cost import Costs, added, collected
from vcalc.analyses.widths import MEASURES, SOURCE, Size, buffers, multiplies, operands, sizes, usual
from vcalc.arithmetic import is_symbolic
from vcalc.graph import Node
from vcalc.reports.table import Column, Row, Table, plain_value
from vcalc.widths import METRICS

NAMES = {"weight": "weights", "bias": "biases", "norm": "norms", "other": "others"}
"""What tables call parameters of a sort."""

DENSE, THINNED = ("bytes", "bops"), ("effective_bytes", "effective_bops")

MOST_LAYERS = 3
"""Layers of one sort that a note names; of more it says how many there are."""


def is_thinned(nodes: list[Node]) -> bool:
    """Whether weights that are zero are told apart."""
    return any(node.widths.density is not None for node in nodes)


def usual_metrics(nodes: list[Node]) -> tuple[str, ...]:
    """The metrics that are shown where bits or densities are said."""
    return (*DENSE, *(THINNED if is_thinned(nodes) else ()))


def width_text(node: Node, costs: Costs) -> str | None:
    """`W4A8` of a layer that multiplies by weights, `A8` of one that multiplies activations; None of others."""
    if not multiplies(node):
        return None
    weight, activation = (_one(bits) for bits in operands(node.widths, usual(costs)))
    return f"W{weight}A{activation}" if "multiply_adds" in node.facts.work else f"A{activation}"


def _one(bits: Any) -> str:
    text = str(bits)
    return f"({text})" if is_symbolic(bits) and not bits.is_Symbol else text


def density_text(node: Node) -> str | None:
    """The share of a layer's weights that is not zero; None where nothing is said."""
    return None if node.widths.density is None else str(node.widths.density)


def width_notes(costs: Costs, nodes: list[Node], whose: str = "") -> list[str]:
    """Which layers have which bits, and what follows from them; nothing where none are said."""
    notes = [f"bits{whose}: {_shared(nodes, lambda node: width_text(node, costs))}"]
    notes += [f"density{whose}: {_shared(nodes, density_text)}"] if is_thinned(nodes) else []
    if is_thinned(nodes):
        dense = costs.primitive(nodes, "multiply_adds") + costs.primitive(nodes, "product_multiply_adds")
        left = measures.effective_multiply_adds(costs, nodes)
        notes.append(f"multiply-adds{whose}: {units.exact(dense)} dense, {units.exact(left)} effective")
    return notes


def notes(costs: Costs, nodes: list[Node]) -> list[str]:
    """All that is said of bits and densities under a table."""
    return [*width_notes(costs, nodes), *how_notes(costs, nodes)]


def how_notes(costs: Costs, nodes: list[Node]) -> list[str]:
    """How bit operations and bytes are counted."""
    notes = [
        "BOPs: each multiply-add counts the bits of its weight times those of its activation, or of both activations, "
        f"under any convention; additions, biases and norms count nothing ({SOURCE})",
        "size: the weights of a layer, its biases, ... are each packed without gaps into whole bytes; scales and zero "
        "points of a quantiser are not included",
        f"numbers of which no bits are said have the {usual(costs)} of {costs.dtype}, and so have outputs in memory "
        "(--dtype)",
    ]
    densities = {node.widths.density for node in nodes if node.widths.density is not None}
    if any(density.is_open for density in densities):
        notes.append("effective size is that of the weights that are not zero, without what says where these are")
    if any(density.place_bits for density in densities):
        notes.append("effective size of N:M patterns holds the place of each weight in its group, 2 bits in 2:4")
    return notes


def _shared(nodes: list[Node], text: Any) -> str:
    """`W8A8 of stem/conv, fc; W4A8 of 52 conv`."""
    found: dict[str, list[Node]] = {}
    for node in nodes:
        if (says := text(node)) is not None:
            found.setdefault(says, []).append(node)
    return "; ".join(f"{says} in {_layers(each)}" for says, each in found.items()) or "no layer multiplies"


def _layers(nodes: list[Node]) -> str:
    if len(nodes) <= MOST_LAYERS:
        return ", ".join(node.path for node in nodes)
    kinds: dict[str, int] = {}
    for node in nodes:
        kinds[node.kind] = kinds.get(node.kind, 0) + 1
    return ", ".join(f"{many} {kind}" for kind, many in kinds.items())


def size_table(costs: Costs, nodes: list[Node]) -> Table:
    """What the parameters take by what they are, and the buffers beside them."""
    thinned = is_thinned(nodes)
    found = sizes(costs, nodes)
    rows = [_row(NAMES[group], size, "layer") for group, size in found.items()]
    rows.append(_row("all parameters", _sum(costs, nodes, found), "total"))
    count, size = buffers(costs, nodes)
    if is_symbolic(count) or count != 0:
        rows.append(Row({"what": "buffers", "params": count, "bytes": size, "effective_bytes": size}, "layer"))
    columns = [
        Column("what", "size"),
        Column("params", "numbers", number=True),
        Column("bits", "bits", number=True),
        *(Column(name, name.replace("_", " "), METRICS[name], number=True) for name in ("bytes", "effective_bytes")),
    ]
    return Table("", columns if thinned else columns[:-1], rows)


def _row(what: str, size: Size, style: str) -> Row:
    bits = " or ".join(map(str, size.bits)) if len(size.bits) <= MOST_LAYERS else f"{len(size.bits)} widths"
    return Row({**size._asdict(), "what": what, "bits": bits or None}, style)


def _sum(costs: Costs, nodes: list[Node], found: dict[str, Size]) -> Size:
    params = collected(added([size.params for size in found.values()]))
    return Size(params, (), measures.bytes_of(costs, nodes), measures.effective_bytes(costs, nodes))


def sizes_record(costs: Costs, nodes: list[Node]) -> dict[str, Any]:
    """What the parameters take by what they are, and the buffers, as data."""
    count, size = buffers(costs, nodes)
    of_parameters = {NAMES[group]: plain_value(each._asdict()) for group, each in sizes(costs, nodes).items()}
    return {**of_parameters, "buffers": {"numbers": plain_value(count), "bytes": plain_value(size)}}


def metrics_record(costs: Costs, nodes: list[Node]) -> dict[str, Any]:
    """Bytes and bit operations of some layers as data, dense and effective, with the multiply-adds that are left."""
    return {name: plain_value(measure(costs, nodes)) for name, measure in MEASURES.items()}


def layer_record(costs: Costs, node: Node) -> dict[str, Any]:
    """The same of one layer, with its bits."""
    bits = dict(zip(("weight", "activation"), operands(node.widths, usual(costs)), strict=True))
    density = node.widths.density
    return {
        "bits": {name: plain_value(value) for name, value in bits.items()} if multiplies(node) else None,
        "density": None if density is None else str(density),
        **metrics_record(costs, [node]),
    }
