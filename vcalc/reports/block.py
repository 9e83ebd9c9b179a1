"""`vcalc block`: two or more ways to build the same thing, compared as formulas or as numbers."""

from __future__ import annotations

from typing import Any

from vcalc import units
from vcalc.analyses.cost import Costs
from vcalc.analyses.depth import depth, nonlinearities
from vcalc.analyses.receptive_field import receptive_fields, size_of
from vcalc.reports.notes import bug_notes, convention_note, left_out_notes, params_note
from vcalc.reports.table import Column, Report, Row, Table, plain_value, shape_text
from vcalc.spec.network import Network
from vcalc.spec.syntax import Spec

RATIOS = ("params", "flops", "memory")


def block_report(name: str, spec: Spec, sides: list[tuple[str, Network, Costs]]) -> Report:
    """A row for each option, and the ratio of the first to each other one."""
    options = [_option(option, network, costs) for option, network, costs in sides]
    convention = sides[0][2].convention
    first = options[0]
    rows = [Row(option, "layer") for option in options]
    ratios: dict[str, dict[str, Any]] = {}
    for other in options[1:]:
        ratios[other["name"]] = {key: _ratio(first[key], other[key]) for key in RATIOS}
        rows.append(Row({"name": f"{first['name']} : {other['name']}", **ratios[other["name"]]}, "total"))
    shown = [
        Column("name", "option"),
        Column("params", "params", number=True, text=_text),
        Column("flops", convention.unit, number=True, text=_text),
        Column("memory", f"memory ({convention.memory.unit})", number=True, drop=3, text=_text),
        Column("receptive_field", "receptive field", number=True, drop=2, text=_field_text),
        Column("depth", "depth", number=True, drop=4),
        Column("nonlinearities", "non-linearities", number=True, drop=5),
        Column("output", "output", number=True, drop=6, text=shape_text),
    ]
    notes = [convention_note(convention), *params_note(convention)]
    for option, network, costs in sides:
        notes += left_out_notes(costs, network.graph.nodes, f", {option}")
        notes += bug_notes(costs, network.graph.nodes, f", {option}")
    table = Table(f"{spec.title}, input {_inputs(sides)}", shown, rows, notes)
    record = {
        "schema": 1,
        "block": name,
        "title": spec.title,
        "convention": convention.name,
        "options": [{key: plain_value(value) for key, value in option.items()} for option in options],
        "ratios": _ratio_record(ratios),
    }
    return Report([table], record)


def _inputs(sides: list[tuple[str, Network, Costs]]) -> str:
    shapes: dict[str, list[str]] = {}
    for option, network, _ in sides:
        shapes.setdefault(shape_text(network.graph.input), []).append(option)
    if len(shapes) == 1:
        return next(iter(shapes))
    return ", ".join(f"{shape} ({' and '.join(names)})" for shape, names in shapes.items())


def _option(name: str, network: Network, costs: Costs) -> dict[str, Any]:
    graph = network.graph
    field = receptive_fields(graph)[-1]
    sizes = size_of(field, graph.input)
    return {
        "name": name,
        **costs.total(graph.nodes)._asdict(),
        "receptive_field": sizes[0] if len(set(sizes)) == 1 else list(sizes),
        "depth": depth(graph),
        "nonlinearities": nonlinearities(graph),
        "output": graph.nodes[-1].output,
    }


def _ratio(a: Any, b: Any) -> Any:
    """a : b, simplified; a plain number where both are; nothing where there is nothing to divide by."""
    if type(b) is int and b == 0:
        return None
    if isinstance(a, int) and isinstance(b, int):
        return a / b
    from vcalc import symbols

    return symbols.ratio(a, b)


def _ratio_record(ratios: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ratios by metric; with more than two options by option and metric."""
    plain = {other: {key: plain_value(value) for key, value in values.items()} for other, values in ratios.items()}
    return next(iter(plain.values())) if len(plain) == 1 else plain


def _text(value: Any) -> str:
    return units.ratio(value) if isinstance(value, float) else units.exact(value)


def _field_text(value: Any) -> str:
    return shape_text(value) if isinstance(value, list) else units.exact(value)


def blocks_report() -> Report:
    """The block comparisons that come with vcalc."""
    from vcalc.spec.find import block_names, load_block

    rows = []
    for name in block_names():
        spec = load_block(name)
        rows.append({"name": name, "title": spec.title, "options": list(spec.options)})
    columns = [
        Column("name", "block"),
        Column("title", "title", prose=True, drop=1),
        Column("options", "options", prose=True, text=", ".join),
    ]
    return Report([Table("block comparisons", columns, [Row(row, "layer") for row in rows])], rows)
