"""`vcalc compare`: several models side by side, by group as bars, or all metrics and hyperparameters as one table."""

from __future__ import annotations

from typing import Any

from vcalc import foreign, units
from vcalc.analyses import measure
from vcalc.analyses.cost import Cost, Costs
from vcalc.analyses.measure import LET, METRICS, hyperparameter
from vcalc.analyses.trained import frozen_parts
from vcalc.errors import VcalcError
from vcalc.graph import Node, group_of
from vcalc.reports.notes import (
    active_note,
    bug_notes,
    convention_note,
    folded_note,
    folded_record,
    frozen_note,
    left_out_notes,
    params_note,
    writing_note,
)
from vcalc.reports.table import KEEP, Column, Report, Row, Table, bar_text, inputs_of, inputs_text, plain_value
from vcalc.spec.network import Network
from vcalc.widths import HEADERS

COMPARED = ("flops", "params", "memory", "depth")
"""The metrics that models are compared by."""

Side = tuple[Network, Costs]


def compare_report(sides: list[Side], metric: str | None, chosen: tuple[str, ...]) -> Report:
    """One metric by group with bars, or a table with a row for each model."""
    if metric is not None:
        return _bars(sides, metric)
    return _overview(sides, chosen)


def measured(side: Side, metric: str, nodes: list[Node] | None = None) -> Any:
    """One metric of a model, or of some of its nodes."""
    network, costs = side
    nodes = network.graph.nodes if nodes is None else nodes
    if metric in Cost._fields:
        return getattr(costs.total(nodes), metric)
    return measure.measured(metric, network, costs, nodes)


def _groups(side: Side, metric: str) -> dict[str, Any]:
    groups: dict[str, list[Node]] = {}
    for node in side[0].graph.nodes:
        groups.setdefault(group_of(node.path), []).append(node)
    values = {name: measured(side, metric, nodes) for name, nodes in groups.items()}
    return {name: value for name, value in values.items() if value != 0}


def _bars(sides: list[Side], metric: str) -> Report:
    totals = [measured(side, metric) for side in sides]
    groups = [_groups(side, metric) for side in sides]
    symbolic = any(not isinstance(value, int) for by_name in groups for value in by_name.values())
    longest = 1 if symbolic else max((value for by_name in groups for value in by_name.values()), default=1)
    rows = []
    for side, by_name, total in zip(sides, groups, totals, strict=True):
        for name, value in by_name.items():
            share = None if symbolic else value / longest
            rows.append(Row({"model": side[0].name, "group": name, "value": value, "bar": share}, "layer"))
        rows.append(Row({"model": side[0].name, "group": "total", "value": total}, "total"))
    convention = sides[0][1].convention
    header = {"flops": convention.unit, "depth": "layers", **HEADERS}.get(metric, metric)
    if metric == "memory":
        header = f"memory ({convention.memory.unit})"
    shown = [Column("model", "model"), Column("group", "group"), Column("value", header, number=True)]
    if not symbolic:
        shown.append(Column("bar", "", bar=True, drop=1, text=bar_text))
    ratios = [_ratio(total, totals[0]) for total in totals]
    table = Table(f"{metric} by group", shown, rows, [*_ratio_notes(sides, totals, ratios), *_captions(sides)])
    record = {
        "schema": 1,
        "metric": metric,
        "convention": convention.name,
        "models": [
            {
                "model": side[0].name,
                "total": plain_value(total),
                "groups": {name: plain_value(value) for name, value in by_name.items()},
                "ratio": ratio,
            }
            for side, total, by_name, ratio in zip(sides, totals, groups, ratios, strict=True)
        ],
        "ratio": ratios[1] if len(ratios) == 2 else ratios[1:],
    }
    return Report([table], record)


def _ratio(value: Any, first: Any) -> Any:
    if isinstance(value, int) and isinstance(first, int):
        return value / first if first else None
    from vcalc import symbols

    return str(symbols.ratio(value, first))


def _ratio_notes(sides: list[Side], totals: list[Any], ratios: list[Any]) -> list[str]:
    from fractions import Fraction

    first = sides[0][0].name
    return [
        f"{side[0].name} : {first} = {units.exact(total)} : {units.exact(totals[0])} = "
        f"{_ratio_text(Fraction(total, totals[0]) if isinstance(ratio, float) else ratio)}"
        for side, total, ratio in list(zip(sides, totals, ratios, strict=True))[1:]
    ]


def _ratio_text(ratio: Any) -> str:
    return str(ratio) if isinstance(ratio, str) or ratio is None else units.ratio(ratio)


def _captions(sides: list[Side]) -> list[str]:
    convention = sides[0][1].convention
    notes = [convention_note(convention), *params_note(convention)]
    notes += _how(sides)
    for network, costs in sides:
        whose = f", {network.name}"
        notes += active_note(costs, network.graph.nodes, f" of {network.name}")
        notes += frozen_note(costs, network.graph.nodes, f" of {network.name}")
        notes += folded_note(network.graph, whose)
        if network.graph.says_widths:
            from vcalc.reports.widths import width_notes

            notes += width_notes(costs, network.graph.nodes, whose)
        notes += [f"{note} ({network.name})" for note in writing_note(costs, network.library)]
        notes += left_out_notes(costs, network.graph.nodes, whose)
        notes += bug_notes(costs, network.graph.nodes, whose)
    return notes


def _how(sides: list[Side]) -> list[str]:
    """How bits and bytes are counted, where they are said of a side."""
    saying = [(costs, network.graph.nodes) for network, costs in sides if network.graph.says_widths]
    if not saying:
        return []
    from vcalc.reports.widths import how_notes

    return [*dict.fromkeys(note for side in saying for note in how_notes(*side))]


def _widths(sides: list[Side]) -> tuple[str, ...]:
    """The metrics of bits and densities, where they are said of a side."""
    saying = [network.graph.nodes for network, _ in sides if network.graph.says_widths]
    if not saying:
        return ()
    from vcalc.reports.widths import usual_metrics

    return max(map(usual_metrics, saying), key=len)


def _overview(sides: list[Side], chosen: tuple[str, ...]) -> Report:
    """A row for each model: the metrics, or the columns that were asked for, hyperparameters among them."""
    some = any(frozen_parts(network.graph.nodes) for network, _ in sides)
    usual = ("input", "depth", "params", *(["trained_params"] if some else []), "flops", "memory", *_widths(sides))
    columns = [_column(name, sides) for name in chosen or usual]
    rows = [Row({"model": side[0].name, **{c.key: _cell(c.key, side) for c in columns}}, "layer") for side in sides]
    shown = [Column("model", "model"), *columns]
    record = {
        "schema": 1,
        "metric": None,
        "convention": sides[0][1].convention.name,
        "models": [
            {
                "model": side[0].name,
                "total": {metric: plain_value(measured(side, metric)) for metric in (*COMPARED, "trained_params")},
                "groups": {
                    metric: {k: plain_value(v) for k, v in _groups(side, metric).items()} for metric in COMPARED
                },
                "columns": {key: value for c in columns for key, value in _cell_record(c.key, side).items()},
                "axes": inputs_of(side[0].graph.inputs, axes=True),
                "folded": folded_record(side[0].graph),
            }
            for side in sides
        ],
        "ratio": {metric: _ratio(measured(sides[-1], metric), measured(sides[0], metric)) for metric in COMPARED},
    }
    return Report([Table("", shown, rows, _captions(sides))], record)


def _column(name: str, sides: list[Side]) -> Column:
    convention = sides[0][1].convention
    if name == "input":
        return Column("input", "input", "shape of the input", number=True, drop=2, text=inputs_text)
    if name in METRICS:
        memory = f"memory ({convention.memory.unit})"
        header = {"flops": convention.unit, "memory": memory, "trained_params": "trained", **HEADERS}.get(name, name)
        drop = 1 if "bytes" in name or "effective" in name else KEEP
        return Column(name, header, METRICS[name][1], number=True, drop=drop)
    if all(hyperparameter(name, side[0]) for side in sides):
        return Column(name, name, "a hyperparameter", number=True, drop=1, text=_hyperparameter_text)
    common = set.intersection(*(set(side[0].hyperparameters) for side in sides))
    plain = {f"{LET}{known}" if known in ("input", *METRICS) else known for known in common}
    hint = foreign.hint("metrics", name, {"input", *METRICS, *plain}, "columns of all these models")
    raise VcalcError("column", f"there is no column '{name}'", hint=hint)


def _hyperparameter_text(value: Any) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, (list, tuple)) else units.exact(value)


def _cell(name: str, side: Side) -> Any:
    network, costs = side
    if name == "input":
        return network.graph.inputs
    if name in METRICS:
        return measure.measured(name, network, costs, network.graph.nodes)
    return network.hyperparameters[hyperparameter(name, network)]


def _cell_record(name: str, side: Side) -> dict[str, Any]:
    """A cell as JSON has it, by its key."""
    return inputs_of(side[0].graph.inputs) if name == "input" else {name: plain_value(_cell(name, side))}
