"""`vcalc list`: the models that come with vcalc."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from vcalc import conventions
from vcalc.reports.notes import convention_note, params_note
from vcalc.reports.table import Column, Report, Row, Table, inputs_of, inputs_text
from vcalc.spec.find import model_names, read_totals


def list_report(convention: str, watched: Callable[[list[str]], Iterable[str]] = iter) -> Report:
    """Name, title, family, input, aliases, params and FLOPs of every model.

    What the default convention gives is written down; for another one the models are counted, and their names go
    through `watched`, for a sign of how far it is.
    """
    chosen = conventions.find(convention)
    names = model_names()
    known = read_totals() if chosen is conventions.load(conventions.DEFAULT) else {}
    rows = [known.get(name) or entry(name, chosen) for name in (names if known else watched(names))]
    columns = [
        Column("name", "model"),
        Column("title", "title", prose=True, drop=2),
        Column("family", "family", drop=3),
        Column("input", "input", number=True, drop=1, text=inputs_text),
        Column("params", "params", number=True),
        Column("flops", chosen.unit, number=True),
    ]
    notes = [convention_note(chosen), *params_note(chosen)]
    return Report([Table(f"{len(rows)} models", columns, [*map(_row, rows)], notes)], rows)


def _row(record: dict[str, Any]) -> Row:
    return Row({**record, "input": record.get("inputs") or record["input"]}, "layer")


def entry(name: str, convention: conventions.Convention) -> dict[str, Any]:
    """What the list says of a model, as plain data."""
    from vcalc.analyses.cost import Costs
    from vcalc.spec.find import load
    from vcalc.spec.network import expand

    spec, model = load(name)
    network = expand(spec, model)
    total = Costs(network.graph, convention).total(network.graph.nodes)
    return {
        "name": name,
        "title": model.title,
        "family": spec.family,
        **inputs_of(network.graph.inputs),
        "axes": inputs_of(network.graph.inputs, axes=True),
        "aliases": sorted({*model.same_as.values(), *model.aliases}),
        "params": total.params,
        "flops": total.flops,
    }


def all_entries() -> list[dict[str, Any]]:
    """Every entry under the default convention, counted: what `specs/totals.json` writes down."""
    return [entry(name, conventions.load(conventions.DEFAULT)) for name in model_names()]
