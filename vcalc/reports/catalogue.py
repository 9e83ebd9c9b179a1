"""`vcalc list`: the models that come with vcalc."""

from __future__ import annotations

from typing import Any

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.reports.notes import convention_note, params_note
from vcalc.reports.table import Column, Report, Row, Table, plain_value, shape_text
from vcalc.spec.find import load, model_names
from vcalc.spec.network import expand


def list_report(convention: str) -> Report:
    """Name, title, family, input, aliases, params and FLOPs of every model."""
    chosen = conventions.find(convention)
    rows = [_entry(name, chosen) for name in model_names()]
    columns = [
        Column("name", "model"),
        Column("title", "title", prose=True, drop=2),
        Column("family", "family", drop=3),
        Column("input", "input", number=True, drop=1, text=shape_text),
        Column("params", "params", number=True),
        Column("flops", chosen.unit, number=True),
    ]
    notes = [convention_note(chosen), *params_note(chosen)]
    record = [{**row, "input": plain_value(row["input"])} for row in rows]
    return Report([Table(f"{len(rows)} models", columns, [Row(row, "layer") for row in rows], notes)], record)


def _entry(name: str, convention: conventions.Convention) -> dict[str, Any]:
    spec, model = load(name)
    network = expand(spec, model)
    total = Costs(network.graph, convention).total(network.graph.nodes)
    return {
        "name": name,
        "title": model.title,
        "family": spec.family,
        "input": network.graph.input,
        "aliases": sorted({*model.same_as.values(), *model.aliases}),
        "params": total.params,
        "flops": total.flops,
    }
