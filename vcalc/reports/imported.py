"""`vcalc import --counts`: what a torch module comes to, as it ran."""

from __future__ import annotations

from functools import partial
from typing import Any

from vcalc import units
from vcalc.analyses.cost import Cost, Costs
from vcalc.analyses.trained import frozen_params, trained_params
from vcalc.graph import Node
from vcalc.importers.network import RecordedNetwork, unweighed
from vcalc.reports.layers_table import summary, title
from vcalc.reports.notes import bug_notes, convention_note, convention_record, left_out_notes, params_note
from vcalc.reports.table import Column, Report, Row, Table, axes_of, inputs_of, plain_value


def counts_report(network: RecordedNetwork, costs: Costs, strict: bool = False) -> Report:
    """Params and FLOPs by kind, and in all; with `strict` it does not hold where something is left unweighed."""
    nodes = network.graph.nodes
    total = costs.total(nodes)
    rows = []
    for kind, members in _by_kind(nodes).items():
        cost = costs.total(members)
        if cost.params or cost.flops:
            rows.append(Row({"kind": kind, "calls": len(members), "params": cost.params, "flops": cost.flops}, "layer"))
    rows.append(Row({"kind": "total", "calls": len(nodes), "params": total.params, "flops": total.flops}, "total"))
    columns = [
        Column("kind", "kind"),
        Column("calls", "calls", number=True),
        Column("params", "params", number=True),
        Column("flops", costs.convention.unit, costs.convention.says, number=True),
    ]
    notes = [
        f"total: {summary(costs, total)}",
        *_trained_note(costs, nodes),
        *network.notes,
        convention_note(costs.convention),
        *params_note(costs.convention),
        *left_out_notes(costs, nodes),
        *bug_notes(costs, nodes),
    ]
    holds = not (strict and (network.unweighed or network.recording.stopped))
    return Report(
        [Table(title(network, costs), columns, rows, notes)], partial(_record, network, costs, total), holds=holds
    )


def _by_kind(nodes: list[Node]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for node in nodes:
        found.setdefault(node.kind, []).append(node)
    return found


def _trained_note(costs: Costs, nodes: list[Node]) -> list[str]:
    frozen = frozen_params(costs, nodes)
    return (
        [f"params: {units.exact(trained_params(costs, nodes))} trained, {units.exact(frozen)} frozen"] if frozen else []
    )


def _record(network: RecordedNetwork, costs: Costs, total: Cost) -> dict[str, Any]:
    from vcalc import conventions

    nodes = network.graph.nodes
    macs = Costs(network.graph, conventions.find("macs"), costs.batch, costs.dtype).total(nodes).flops
    return {
        "schema": 1,
        "source": network.name,
        "route": "recorded",
        "model": network.title,
        **inputs_of(network.graph.inputs, by_name=True),
        "batch": plain_value(costs.batch),
        "dtype": costs.dtype,
        "params": plain_value(total.params),
        "trained_params": plain_value(trained_params(costs, nodes)),
        "multiply_adds": plain_value(macs),
        "flops": plain_value(total.flops),
        **convention_record(costs, nodes, ""),
        "axes": axes_of(**{name or "input": shape for name, shape in network.graph.inputs.items()}),
        "spec": None,
        "operators": [{"name": name, "count": count} for name, count in network.operators()],
        "unmapped": [each._asdict() for each in unweighed(network.unweighed)],
        "unread": network.unread,
        "stopped": network.recording.stopped or None,
        "verified": False,
    }
