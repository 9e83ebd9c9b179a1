"""`vcalc why`: why two conventions differ on a model, or what a printed number may be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vcalc import numerals, units
from vcalc.analyses.cost import Costs
from vcalc.analyses.difference import Part, by_layer, by_primitive, of_params
from vcalc.analyses.readings import Missing, Reading
from vcalc.reports.notes import bug_notes, convention_note, params_note, signed, total_record
from vcalc.reports.table import Column, Report, Row, Table, plain_value
from vcalc.spec.network import Network


def difference_report(network: Network, first: Costs, second: Costs, title: str, layers: bool) -> Report:
    """The difference of two conventions on a model, split into parts that sum to it exactly."""
    nodes = network.graph.nodes
    parts = by_layer(first, second, nodes) if layers else by_primitive(first, second, nodes)
    totals = [costs.total(nodes).flops for costs in (first, second)]
    differing = [part for part in parts if part.difference != 0]
    tables = [
        Table(
            title,
            _columns(first, second, layers),
            [*(Row(_cells(part), "layer") for part in differing), _total(totals)],
            [*_alike(parts, totals, first, second, layers), *_captions(network, first, second)],
        )
    ]
    params = [part for part in of_params(first, second, nodes) if part.difference != 0]
    counted = [costs.total(nodes).params for costs in (first, second)]
    if params:
        rows = [*(Row(_cells(part), "layer") for part in params), _total(counted)]
        notes = [note for costs in (first, second) for note in params_note(costs.convention)]
        tables.append(Table("params", _columns(first, second, False, "role"), rows, notes))
    record = {
        "schema": 1,
        "model": network.name,
        "first": total_record(first, nodes),
        "second": total_record(second, nodes),
        "difference": plain_value(totals[1] - totals[0]),
        "by": "layer" if layers else "primitive",
        "parts": [_part(part, layers) for part in parts],
        "params": [_part(part, False) for part in params],
    }
    return Report(tables, record)


def _columns(first: Costs, second: Costs, layers: bool, what: str = "primitive") -> list[Column]:
    names = [costs.convention.name for costs in (first, second)]
    units_of = [costs.convention.unit if what == "primitive" else "params" for costs in (first, second)]
    columns = [
        Column("name", "layer" if layers else "kind"),
        Column("what", "kind" if layers else what, drop=4 if layers else 0),
    ]
    if not layers:
        columns.append(Column("count", "how many", number=True, drop=1))
    if not layers and what == "primitive":
        columns += [
            Column("first_weight", f"weight in {names[0]}", number=True, drop=2),
            Column("second_weight", f"in {names[1]}", number=True, drop=2),
        ]
    return [
        *columns,
        Column("first", f"{names[0]}, {units_of[0]}", number=True),
        Column("second", f"{names[1]}, {units_of[1]}", number=True),
        Column("difference", "difference", number=True, text=signed),
    ]


def _cells(part: Part) -> dict[str, Any]:
    return {**part._asdict(), "difference": part.difference}


def _total(totals: list[Any]) -> Row:
    return Row({"name": "total", "first": totals[0], "second": totals[1], "difference": totals[1] - totals[0]}, "total")


def _alike(parts: list[Part], totals: list[Any], first: Costs, second: Costs, layers: bool) -> list[str]:
    """What both count alike, in one line."""
    alike = [part for part in parts if part.difference == 0 and part.first != 0]
    notes = []
    if alike:
        names = f"{len(alike)} layers" if layers else ", ".join(f"{part.what} of {part.name}" for part in alike)
        together = sum(part.first for part in alike)
        notes.append(f"counted alike, and in the totals only: {names} ({units.exact(together)})")
    if totals[0] == totals[1]:
        notes.append(f"{first.convention.name} and {second.convention.name} give the same number")
    return notes


def _captions(network: Network, first: Costs, second: Costs) -> list[str]:
    nodes = network.graph.nodes
    notes = [convention_note(costs.convention) for costs in (first, second)]
    notes += [note for costs in (first, second) for note in bug_notes(costs, nodes)]
    if network.library and (first.convention.sees_writing or second.convention.sees_writing):
        notes.append(f"counted as {network.library} writes the network")
    return notes


def _part(part: Part, layer: bool) -> dict[str, Any]:
    named = {"layer": part.name, "kind": part.what} if layer else {"kind": part.name, "primitive": part.what}
    return {
        **named,
        "count": plain_value(part.count),
        "first_weight": part.first_weight,
        "second_weight": part.second_weight,
        "first": plain_value(part.first),
        "second": plain_value(part.second),
        "difference": plain_value(part.difference),
    }


def number_report(
    network: Network,
    printed: str,
    found: list[Reading],
    near: list[Reading],
    parts: list[tuple[Reading, list[Missing]]],
) -> Report:
    """What a printed number may be; where nothing comes to it, the nearest readings and what is missing."""
    columns = [
        Column("variant", "variant"),
        Column("convention", "convention", prose=True),
        Column("metric", "metric", drop=2, text=lambda metric: metric),
        Column("value", "value", number=True, text=str),
        Column("how", "and" if found else "off by", number=not found, text=str),
    ]
    rows = [Row(cells, "layer") for cells in _merged(_reading_cells(r, printed, bool(found)) for r in found or near)]
    what = f"what comes to {printed}" if found else f"nothing comes to {printed}; the nearest"
    notes = _said(found) if found else _what_is_missing(parts)
    record = {
        "schema": 1,
        "model": network.name,
        "printed": printed,
        "matches": [_reading_record(reading) for reading in found],
        "nearest": [_reading_record(reading) for reading in near],
        "missing": [
            {"convention": reading.convention.name, "metric": reading.metric, **part._asdict()}
            for reading, missing in parts
            for part in missing
        ],
    }
    return Report([Table(f"{network.title}: {what}", columns, rows, notes)], record, holds=bool(found))


def _what_is_missing(parts: list[tuple[Reading, list[Missing]]]) -> list[str]:
    """The parts whose absence or doubling gives the printed number, conventions that agree in one line."""
    who: dict[str, list[str]] = {}
    for reading, missing in parts:
        for part in missing:
            text = f"{part.change} {part.part} it would be {units.exact(part.value)} ({reading.metric})"
            who.setdefault(text, []).append(reading.convention.name)
    notes = [f"{text} under {', '.join(names)}" for text, names in who.items()]
    return notes or ["no single part of the network, left out or taken twice, explains it"]


def _reading_cells(reading: Reading, printed: str, matches: bool) -> dict[str, Any]:
    unit = reading.convention.unit if reading.metric == "flops" else reading.metric
    target = numerals.Printed(printed, reading.convention.memory.kilobyte).value
    how = f"{reading.how} to {printed}" if matches else f"{100 * (reading.value / target - 1):+.2f}%"
    return {
        "variant": reading.variant,
        "convention": reading.convention.name,
        "metric": reading.metric,
        "value": f"{units.exact(reading.value)} {unit}",
        "how": how,
    }


def _merged(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that differ only in their convention as one."""
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cells in rows:
        key = (cells["variant"], cells["metric"], cells["value"])
        if key in merged:
            merged[key]["convention"] += f", {cells['convention']}"
        else:
            merged[key] = cells
    return list(merged.values())


def _said(found: list[Reading]) -> list[str]:
    chosen = {reading.convention.name: reading.convention for reading in found if reading.metric == "flops"}
    return [convention_note(convention) for convention in list(chosen.values())[:3]]


def _reading_record(reading: Reading) -> dict[str, Any]:
    return {
        "variant": reading.variant,
        "convention": reading.convention.name,
        "metric": reading.metric,
        "unit": reading.convention.unit if reading.metric == "flops" else reading.metric,
        "value": plain_value(reading.value),
        "how": reading.how,
    }
