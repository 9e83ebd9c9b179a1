"""`vcalc why M A B`: why two conventions differ on a model."""

from __future__ import annotations

from typing import Any

from vcalc import units
from vcalc.analyses.cost import Costs
from vcalc.analyses.difference import Part, by_layer, by_primitive, of_params
from vcalc.graph import Node
from vcalc.reports.notes import bug_notes, convention_note, params_note, signed, total_record
from vcalc.reports.table import Column, Report, Row, Table, plain_value
from vcalc.spec.network import Network


def difference_report(
    network: Network, nodes: list[Node], first: Costs, second: Costs, title: str, layers: bool
) -> Report:
    """The difference of two conventions on a model's nodes, split into parts that sum to it exactly."""
    parts = by_layer(first, second, nodes) if layers else by_primitive(first, second, nodes)
    sums = [costs.total(nodes) for costs in (first, second)]
    totals = [total.flops for total in sums]
    differing = [part for part in parts if part.difference != 0]
    tables = [
        Table(
            title,
            _columns(first, second, layers),
            [*(Row(_cells(part), "layer") for part in differing), _total(totals)],
            [*_alike(parts, totals, first, second, layers), *_captions(network, nodes, first, second)],
        )
    ]
    params = [part for part in of_params(first, second, nodes) if part.difference != 0]
    if params:
        counted = [total.params for total in sums]
        rows = [*(Row(_cells(part), "layer") for part in params), _total(counted)]
        notes = [note for costs in (first, second) for note in params_note(costs.convention)]
        tables.append(Table("params", _columns(first, second, False, "role"), rows, notes))
    record = {
        "schema": 1,
        "model": network.name,
        "first": total_record(first.convention, sums[0]),
        "second": total_record(second.convention, sums[1]),
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


def _captions(network: Network, nodes: list[Node], first: Costs, second: Costs) -> list[str]:
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
