"""`vcalc conventions`: the conventions there are, or one model under all of them."""

from __future__ import annotations

from typing import Any

from vcalc import conventions, units
from vcalc.analyses.cost import Cost, Costs
from vcalc.conventions import Convention
from vcalc.errors import VcalcError
from vcalc.graph import Node
from vcalc.reports.layers_table import title
from vcalc.reports.notes import bug_notes, bug_records, params_note, total_record
from vcalc.reports.table import Amount, Column, Report, Row, Table, inputs_of
from vcalc.spec.network import Network


def conventions_report() -> Report:
    """Name, what a multiply-add counts for, what counts, and the source of every convention."""
    chosen = [conventions.load(name) for name in conventions.names()]
    columns = [
        Column("name", "convention"),
        Column("multiply_add", "a multiply-add is", text=str),
        Column("says", "what counts", prose=True),
        Column("version", "version", prose=True, drop=2),
        Column("source", "source", prose=True, drop=1),
    ]
    rows = [Row({**_entry(convention), "multiply_add": _weight(convention)}, "layer") for convention in chosen]
    notes = ["write your own as a file: vcalc table resnet50 --convention ./mine.yaml (see docs/conventions.md)"]
    table = Table(f"{len(rows)} conventions", columns, rows, notes)
    return Report([table], [_entry(convention) for convention in chosen])


def convention_report(name: str) -> Report:
    """One convention: its name, its unit, what it counts, of which version, and who says so."""
    convention = conventions.load(name)
    rows = [
        ("convention", ", ".join((convention.name, *convention.aliases))),
        ("a multiply-add is", multiply_add(convention)),
        ("what counts", convention.says),
        ("params", _entry(convention)["params"]),
        ("memory", f"in {convention.memory.unit}, {convention.memory.kilobyte} to the K"),
        *((f"{primitive} of {kind}", formula) for kind, primitive, formula in convention.formulas),
        ("version", convention.version),
        *(("known bug", f"it {bug.says}") for bug in convention.bugs),
        *(("depends on the writing", text) for text in convention.depends),
        ("source", convention.source),
    ]
    columns = [Column("what", "of it"), Column("says", convention.name, prose=True)]
    notes = [
        f"vcalc conventions resnet50 counts a model under it and the others; --convention {convention.name} under it"
    ]
    made = [Row({"what": what, "says": says}, "layer") for what, says in rows if says]
    return Report([Table("", columns, made, notes)], {"schema": 1, **_entry(convention)})


def multiply_add(convention: Convention) -> str:
    """`1 MAC`, `2 FLOPs`; and what the source calls it, where it has a word of its own."""
    one = f"{convention.multiply_add} {convention.unit if convention.multiply_add != 1 else convention.unit[:-1]}"
    if convention.multiply_add == 0:
        one = "not counted"
    called = f" ({convention.called})" if convention.called != convention.unit else ""
    return f"{one}{called}"


def _weight(convention: Convention) -> Amount:
    return Amount(convention.multiply_add, convention.unit, multiply_add(convention))


def _entry(convention: Convention) -> dict[str, Any]:
    return {
        "name": convention.name,
        "aliases": list(convention.aliases),
        "unit": convention.unit,
        "called": convention.called,
        "multiply_add": convention.multiply_add,
        "says": convention.says,
        "params": "; ".join(params_note(convention, said_of_tied=True)) or "all parameters",
        "version": convention.version,
        "source": convention.source,
        "formulas": [dict(zip(("kind", "primitive", "formula"), each, strict=True)) for each in convention.formulas],
        "bugs": [bug.says for bug in convention.bugs],
        "depends": list(convention.depends),
    }


def _total(costs: Costs, nodes: list[Node]) -> tuple[Cost, str]:
    """The total; where a tool's formula has no count here, params alone and why. Raises VcalcError for one's own."""
    try:
        return costs.total(nodes), ""
    except VcalcError as error:
        if costs.convention.name not in conventions.names():
            raise
        return Cost(costs.figure(nodes, "params"), None, None), error.problems[0].message


def _rounded(flops: Any, unit: str) -> str:
    return "none" if flops is None else units.rounded(flops, unit)


def model_report(network: Network, sides: list[Costs]) -> Report:
    """One model under several conventions, side by side; each figure with its unit."""
    nodes = network.graph.nodes
    rows, notes = [], []
    everything = sides[0].total(nodes).params
    for costs in sides:
        convention, (total, problem) = costs.convention, _total(costs, nodes)
        faults = [] if problem else bug_notes(costs, nodes)
        exact = "none" if problem else f"{units.exact(total.flops)} {convention.unit}"
        cells = {
            "convention": convention.name,
            "flops": Amount(total.flops, convention.unit, f"{exact}{'*' if faults else ''}"),
            "rounded": _rounded(total.flops, convention.unit),
            "multiply_add": _weight(convention),
            "params": total.params,
        }
        rows.append(Row(cells, "layer"))
        notes += [f"* {note}" for note in faults]
        if problem:
            notes.append(f"{convention.name}: {problem}")
        elif total.params != everything:
            notes += [f"{convention.name}: {note}" for note in params_note(convention)]
    if network.library:
        notes.append(f"where a tool's count depends on how a network is written: as {network.library} writes it")
    columns = [
        Column("convention", "convention"),
        Column("flops", "one forward pass", number=True, text=str),
        Column("rounded", "rounded", number=True, drop=1, text=str),
        Column("multiply_add", "a multiply-add is", drop=2, text=str),
        Column("params", "params", number=True),
    ]
    numbers = Table("", [column for column in columns if column.key != "rounded"], rows)
    record = {"schema": 1, **_record(network, sides)}
    return Report([Table(title(network, sides[0]), columns, rows, notes)], record, numbers)


def models_report(sides: list[tuple[Network, list[Costs]]]) -> Report:
    """Several models, a column each, under several conventions; every cell says its unit."""
    rows, notes = [], []
    for i, costs in enumerate(sides[0][1]):
        convention = costs.convention
        cells: dict[str, Any] = {"convention": convention.name, "multiply_add": _weight(convention)}
        for network, under in sides:
            total, problem = _total(under[i], network.graph.nodes)
            cells[network.name] = Amount(total.flops, convention.unit, _rounded(total.flops, convention.unit))
            if problem:
                notes.append(f"{convention.name} of {network.name}: {problem}")
        rows.append(Row(cells, "layer"))
    columns = [
        Column("convention", "convention"),
        Column("multiply_add", "a multiply-add is", drop=1, text=str),
        *(Column(network.name, network.name, number=True, text=str) for network, _ in sides),
    ]
    record = {"schema": 1, "models": [_record(network, under) for network, under in sides]}
    return Report([Table("one forward pass", columns, rows, notes)], record)


def _record(network: Network, sides: list[Costs]) -> dict[str, Any]:
    nodes = network.graph.nodes
    return {
        "model": network.name,
        "title": network.title,
        **inputs_of(network.graph.inputs),
        "axes": inputs_of(network.graph.inputs, axes=True),
        "written": network.library or None,
        "conventions": [_side(costs, nodes) for costs in sides],
    }


def _side(costs: Costs, nodes: list[Node]) -> dict[str, Any]:
    """A model under one convention; without a count with the reason."""
    total, problem = _total(costs, nodes)
    record = total_record(costs.convention, total)
    return {**record, "bugs": [], "error": problem} if problem else {**record, "bugs": bug_records(costs, nodes)}
