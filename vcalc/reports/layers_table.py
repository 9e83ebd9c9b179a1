"""`vcalc table`: the layer table of one model, with stage subtotals, totals and, on request, the working."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vcalc import foreign, units
from vcalc.analyses import paths
from vcalc.analyses.active import active_params, experts_of
from vcalc.analyses.cost import Cost, Costs
from vcalc.analyses.trained import frozen_params, frozen_parts, trained_params
from vcalc.arithmetic import is_symbolic
from vcalc.conventions import Convention
from vcalc.errors import VcalcError
from vcalc.graph import Facts, Graph, Node
from vcalc.reports.notes import (
    active_note,
    bug_notes,
    conditions_note,
    convention_note,
    convention_record,
    folded_note,
    frozen_note,
    left_out_notes,
    params_note,
    tied_note,
    writing_note,
)
from vcalc.reports.table import (
    KEEP,
    Column,
    Report,
    Row,
    Table,
    axes_of,
    inputs_of,
    inputs_text,
    outputs_of,
    pair_text,
    plain_value,
    shape_text,
)
from vcalc.spec.network import Described
from vcalc.widths import HEADERS, METRICS, PLAIN, Widths, symbols_in

DEFAULT_COLUMNS = ("layer", "input", "filters", "kernel", "stride", "pad", "output", "memory", "params", "flops")


def columns(costs: Costs, symbolic: bool) -> dict[str, Column]:
    """Every column a layer table can have."""
    convention = costs.convention
    in_bytes = convention.memory.unit == "bytes"
    kilobyte = in_bytes and not symbolic
    memory = "memory (KB)" if kilobyte else f"memory ({convention.memory.unit})"

    def memory_text(value: Any) -> str:
        return f"{value / convention.memory.kilobyte:,.1f}" if kilobyte else units.exact(value)

    made = (
        Column("layer", "layer", "where the layer stands in the network"),
        Column("kind", "kind", "the layer's kind", drop=7),
        Column("input", "input", "shape that arrives, as CxHxW, CxL or NxD", number=True, drop=5, text=shape_text),
        Column("filters", "filters", "output channels or features, where the layer sets them", number=True, drop=6),
        Column("kernel", "kernel", "size of the window, along each axis where that differs", number=True, drop=8),
        Column("stride", "stride", "step between windows", number=True, drop=9),
        Column("pad", "pad", "padding on each side", number=True, drop=10),
        Column("output", "output", "shape that leaves", number=True, drop=1, text=shape_text),
        Column(
            "receptive_field", "receptive field", "input positions that one output element reads", number=True, drop=4
        ),
        Column("memory", memory, "memory of the output", number=True, drop=3, text=memory_text),
        Column("params", "params", "parameters", number=True),
        Column("trained_params", "trained", "parameters that are trained", number=True, drop=2),
        Column("frozen_params", "frozen", "parameters that are not trained", number=True, drop=2),
        Column("active_params", "active", "parameters that a token meets", number=True, drop=2),
        Column("flops", convention.unit, convention.says, number=True),
        Column("bits", "bits", "bits of weights and activations where they are multiplied", drop=3),
        Column("density", "density", "share of weights that are not zero", number=True, drop=3),
        *(
            Column(name, header, METRICS[name], number=True, drop=2 if "bytes" in name else KEEP)
            for name, header in HEADERS.items()
        ),
    )
    return {column.key: column for column in made}


def table_report(
    network: Described,
    costs: Costs,
    *,
    only: tuple[str, ...] = (),
    depth: int | None = None,
    show_all: bool = False,
    explain: bool = False,
    chosen: tuple[str, ...] = (),
) -> Report:
    """The table of a network or of the parts named in `only`; `depth` folds groups, `explain` shows the working."""
    if explain and (depth is not None or chosen or show_all):
        given = "--depth" if depth is not None else "--columns" if chosen else "--all"
        message = f"--explain and {given} do not go together"
        raise VcalcError("usage", message, hint="--explain has a row for each count of each layer; --only takes some")
    nodes = selected(network.graph, only)
    known = columns(costs, network.symbolic or is_symbolic(costs.batch))
    picked = [column_named(name, known) for name in chosen or _usual_columns(nodes)]
    makes = _Rows(network, costs, [column.key for column in picked])
    total = costs.total(nodes)
    show_all = show_all or all(_is_free(costs.of(node)) for node in nodes)
    rows = (
        makes.grouped(nodes, show_all) if depth is None else [*makes.input_row(), *makes.folded(nodes, depth, show_all)]
    )
    rows.append(makes.sum("total", total, "total", nodes))
    heading = title(network, costs)
    notes = [*_empty(picked, rows, chosen), *_notes(network, costs, nodes, total, only)]
    tables = [_explained(costs, nodes, total, heading, notes) if explain else Table(heading, picked, rows, notes)]
    if _says_widths(nodes):
        tables.append(_widths().size_table(costs, nodes))

    def record() -> dict[str, Any]:
        return _record(network, costs, nodes, total, explain)

    def complete() -> Table | None:
        if explain:
            return Table("", [*tables[0].columns, Column("value", "value", number=True)], tables[0].rows)
        if depth is not None:
            return None
        return Table("", picked, [*makes.input_row(), *map(makes.layer, nodes), rows[-1]])

    return Report(tables, record, complete)


def _usual_columns(nodes: list[Node]) -> tuple[str, ...]:
    """The columns that a table has if no others are asked for: what is trained, where not all of it is."""
    behind, width = DEFAULT_COLUMNS.index("params") + 1, _width_columns(nodes)
    some = ("trained_params",) if frozen_parts(nodes) else ()
    return (*DEFAULT_COLUMNS[:behind], *some, *DEFAULT_COLUMNS[behind:], *width)


def _width_columns(nodes: list[Node]) -> tuple[str, ...]:
    """The columns of bits and densities, where they are said."""
    if not _says_widths(nodes):
        return ()
    return ("bits", *(("density",) if _widths().is_thinned(nodes) else ()), *_widths().usual_metrics(nodes))


def _says_widths(nodes: list[Node]) -> bool:
    """Whether bits or densities are said of some layers."""
    return any(node.widths is not PLAIN for node in nodes)


def _widths() -> Any:
    """What reports have of bits and densities, loaded where these are said."""
    from vcalc.reports import widths

    return widths


def _empty(columns: list[Column], rows: list[Row], chosen: tuple[str, ...]) -> list[str]:
    """Which columns that were asked for are not shown, since no row has a value for them."""
    empty = [c.key for c in columns if c.key in chosen and all(row.cells.get(c.key) is None for row in rows)]
    return [f"no row has a value for {', '.join(empty)}"] if empty else []


def selected(graph: Graph, only: tuple[str, ...]) -> list[Node]:
    """The nodes at or below the named paths. Raises VcalcError for a path that nothing matches."""
    for path in only:
        if not graph.select((path,)):
            raise VcalcError("path", f"there is no layer or group '{path}'", hint=paths.hint(graph, path))
    return graph.select(only)


def column_named(name: str, known: dict[str, Column]) -> Column:
    """A column by key. Raises VcalcError for an unknown one."""
    if name not in known:
        section = "columns" if foreign.answers("columns", name) or not foreign.answers("metrics", name) else "metrics"
        raise VcalcError("column", f"there is no column '{name}'", hint=foreign.hint(section, name, known, "columns"))
    return known[name]


class _Rows:
    """Makes rows of nodes and of sums."""

    def __init__(self, network: Described, costs: Costs, keys: list[str]) -> None:
        self.costs = costs
        self.graph = network.graph
        self.fields: list[str | None] = []
        if "receptive_field" in keys:
            from vcalc.reports.fields import field_texts

            self.fields = field_texts(network.graph)
        both: dict[str, Callable[[Costs, list[Node]], Any]] = {
            "trained_params": trained_params,
            "frozen_params": frozen_params,
            "active_params": active_params,
        }
        both |= _widths().MEASURES if HEADERS.keys() & {*keys} else {}
        self.split = {key: count for key, count in both.items() if key in keys}
        self.says = [key for key in ("bits", "density") if key in keys]
        self._cells: dict[Facts, dict[str, Any]] = {}

    def layer(self, node: Node) -> Row:
        if node.facts not in self._cells:
            self._cells[node.facts] = self._cells_of(node)
        own = {"layer": node.path, "receptive_field": self._field(node), **self._params([node])}
        if self.says:
            own |= {"bits": _widths().width_text(node, self.costs), "density": _widths().density_text(node)}
        return Row({**self._cells[node.facts], **own}, "layer")

    def _params(self, nodes: list[Node]) -> dict[str, Any]:
        """The parameters of some layers that are trained, and that are not; their bytes and bit operations."""
        return {key: count(self.costs, nodes) for key, count in self.split.items()}

    def _cells_of(self, node: Node) -> dict[str, Any]:
        """What layers that are alike have in common."""
        values = node.layer.values()
        return {
            "kind": node.kind,
            "input": node.input,
            "filters": values.get("out") if not isinstance(values.get("out"), tuple) else None,
            "kernel": pair_text(values.get("kernel", values.get("window"))),
            "stride": pair_text(values.get("stride")),
            "pad": pair_text(values.get("pad")),
            "output": node.output,
            **self.costs.of(node)._asdict(),
        }

    def _field(self, node: Node) -> str | None:
        return self.fields[node.index] if self.fields else None

    def input_row(self) -> list[Row]:
        if not self.costs.convention.memory.shows_input:
            return []
        return [
            Row({"layer": f"input {name}".rstrip(), "output": shape, **self.costs.of_input(shape)._asdict()}, "layer")
            for name, shape in self.graph.inputs.items()
        ]

    def sum(self, name: str, cost: Cost, style: str, nodes: list[Node]) -> Row:
        return Row({"layer": name, **cost._asdict(), **self._params(nodes)}, style)

    def grouped(self, nodes: list[Node], show_all: bool) -> list[Row]:
        """Rows group by group, a subtotal under each that shows more than one."""
        rows = self.input_row()
        groups = _runs(nodes, 1)
        for group, members in groups:
            shown = [self.layer(node) for node in members if show_all or not _is_free(self.costs.of(node))]
            rows += shown
            if len(shown) > 1 and len(groups) > 1:
                rows.append(self.sum(f"{group} subtotal", self.costs.total(members), "subtotal", members))
        return rows

    def folded(self, nodes: list[Node], depth: int, show_all: bool) -> list[Row]:
        """One row for each group at the given depth; its receptive field is that of what leaves it."""
        rows = []
        whole = dict(_runs(self.graph.nodes, depth))
        for group, members in _runs(nodes, depth):
            cost = self.costs.total(members)
            if show_all or not _is_free(cost):
                last = members[-1]
                name = _part(group, members, whole[group])
                cells = {"layer": name, "input": members[0].input, "output": last.output, **cost._asdict()}
                cells |= self._params(members)
                cells["receptive_field"] = self._field(last)
                rows.append(Row(cells, "layer"))
        return rows


def _runs(nodes: list[Node], depth: int) -> list[tuple[str, list[Node]]]:
    """Nodes by the first `depth` parts of their path, in the order in which the groups begin."""
    runs: dict[str, list[Node]] = {}
    for node in nodes:
        runs.setdefault("/".join(node.path.split("/")[:depth]), []).append(node)
    return list(runs.items())


def _part(group: str, members: list[Node], whole: list[Node]) -> str:
    """What some nodes of a group are called: as it, or as a group in it, where they are all of that."""
    if len(members) == len(whole):
        return group
    first, *others = (node.path.split("/") for node in members)
    common = next((i for i, part in enumerate(first) if any(path[i : i + 1] != [part] for path in others)), len(first))
    inner = "/".join(first[:common])
    return (
        inner if sum(f"{node.path}/".startswith(f"{inner}/") for node in whole) == len(members) else f"part of {group}"
    )


def _is_free(cost: Cost) -> bool:
    return all(value == 0 for value in cost)


def title(network: Described, costs: Costs) -> str:
    """What a table is of: the network, its input, batch and dtype."""
    batch = f", batch {costs.batch}" if str(costs.batch) != "1" else ""
    name = network.title if network.title == network.name else f"{network.title} ({network.name})"
    folded = ", norms folded" if network.graph.folded is not None else ""
    return f"{name}, input {inputs_text(network.graph.inputs)}{batch}, {costs.dtype}{folded}"


def _notes(network: Described, costs: Costs, nodes: list[Node], total: Cost, only: tuple[str, ...]) -> list[str]:
    convention = costs.convention
    part = f" of {', '.join(only)}" if only else ""
    outputs = {name: network.graph.shape(index) for name, index in network.graph.outputs.items() if name and not only}
    notes = [
        f"total{part}: {summary(costs, total)}",
        *network.notes,
        *active_note(costs, nodes),
        *frozen_note(costs, nodes),
        *tied_note(network.graph, nodes),
        *folded_note(network.graph),
        *([f"outputs: {inputs_text(outputs)}"] if outputs else []),
        *(_widths().notes(costs, nodes) if _says_widths(nodes) else ()),
        convention_note(convention),
        *writing_note(costs, network.library),
        *params_note(convention, any(node.tied is not None for node in nodes)),
        *left_out_notes(costs, nodes),
        *bug_notes(costs, nodes),
    ]
    if not_stored := _not_stored(nodes, convention):
        notes.append(f"memory is that of the outputs; reusing their input's: {', '.join(not_stored)}")
    return notes + conditions_note(network.conditions)


def _not_stored(nodes: list[Node], convention: Convention) -> list[str]:
    """The kinds whose outputs take no memory of their own; of some it is only those that are views."""
    stored = {node.kind for node in nodes if convention.stores(node.layer)}
    found = {node.kind for node in nodes if not convention.stores(node.layer)}
    return sorted(f"{kind} (where it is a view)" if kind in stored else kind for kind in found)


def summary(costs: Costs, total: Cost) -> str:
    """A total in rounded units, for the line under a table."""
    convention = costs.convention
    memory = (
        units.size(total.memory, convention.memory.kilobyte)
        if convention.memory.unit == "bytes"
        else units.rounded(total.memory, "elements")
    )
    return f"{units.rounded(total.params)} params, {units.rounded(total.flops)} {convention.unit}, memory {memory}"


def _explained(costs: Costs, nodes: list[Node], total: Cost, heading: str, notes: list[str]) -> Table:
    """One row a count, with its arithmetic."""
    from vcalc.analyses.explain import working

    memory = "memory (bytes)" if costs.convention.memory.unit == "bytes" else "memory (elements)"
    named = {"flops": costs.convention.unit, "memory": memory, **HEADERS}

    def row(layer: str, what: str, worked: str, value: Any, style: str) -> Row:
        return Row({"layer": layer, "what": named.get(what, what), "working": worked, "value": value}, style)

    rows = [
        row(node.path, what, f"{text} = {units.exact(value)}", value, "layer")
        for node in nodes
        for what, text, value in working(costs, node)
    ]
    totals = total._asdict()
    if _says_widths(nodes):
        totals |= {name: _widths().MEASURES[name](costs, nodes) for name in ("bytes", "bops")}
    rows += [row("total", what, units.exact(value), value, "total") for what, value in totals.items()]
    shown = [Column("layer", "layer"), Column("what", "count"), Column("working", "working", prose=True)]
    return Table(heading, shown, rows, notes)


def _record(network: Described, costs: Costs, nodes: list[Node], total: Cost, explain: bool) -> dict[str, Any]:
    """The JSON contract of `vcalc table`."""
    from vcalc.reports.fields import FieldRecords

    fields = FieldRecords(network.graph)
    alike: dict[tuple[Facts, bool, Widths], dict[str, Any]] = {}
    layers = []
    for node in nodes:
        kind = (node.facts, node.frozen, node.widths)
        if kind not in alike:
            alike[kind] = _layer_record(node, costs)
        layer = {"path": node.path, **alike[kind], "receptive_field": fields.of(node)}
        if node.tied is not None:
            layer["tied"] = network.graph.nodes[node.tied].path
        if explain:
            from vcalc.analyses.explain import working

            layer["working"] = {what: f"{text} = {units.exact(value)}" for what, text, value in working(costs, node)}
        layers.append(layer)
    return {
        "schema": 1,
        "model": network.name,
        "title": network.title,
        **inputs_of(network.graph.inputs, by_name=True),
        **outputs_of(network.graph),
        "batch": plain_value(costs.batch),
        "dtype": costs.dtype,
        **convention_record(costs, nodes, network.library),
        "memory_unit": costs.convention.memory.unit,
        "hyperparameters": {name: plain_value(value) for name, value in network.hyperparameters.items()},
        "axes": {**inputs_of(network.graph.inputs, axes=True), "receptive_field": fields.axes},
        "layers": layers,
        "frozen": frozen_parts(nodes),
        "total": {
            **{key: plain_value(value) for key, value in total._asdict().items()},
            "trained_params": plain_value(trained_params(costs, nodes)),
            **(_widths().metrics_record(costs, nodes) if _says_widths(nodes) else {}),
            **_active_record(costs, nodes),
        },
        **({"sizes": _widths().sizes_record(costs, nodes)} if _says_widths(nodes) else {}),
    }


def _active_record(costs: Costs, nodes: list[Node]) -> dict[str, Any]:
    """What JSON says of experts, where there are any."""
    return {"active_params": plain_value(active_params(costs, nodes))} if experts_of(nodes) else {}


def _layer_record(node: Node, costs: Costs) -> dict[str, Any]:
    """What the records of layers that are alike have in common."""
    return {
        "kind": node.kind,
        "input": plain_value(node.input),
        "output": plain_value(node.output),
        "axes": axes_of(input=node.input, output=node.output),
        **{key: plain_value(value) for key, value in costs.of(node)._asdict().items()},
        "trained_params": plain_value(trained_params(costs, [node])),
        **(_widths().layer_record(costs, node) if costs.graph.says_widths else {}),
    }


def formula_report(network: Described, costs: Costs) -> Report:
    """`vcalc formula`: closed forms of params, FLOPs and memory of a whole network."""
    total = costs.total(network.graph.nodes)
    unit = costs.convention.memory.unit
    named = {"params": "params", "flops": costs.convention.unit, "memory": f"memory ({unit})"}
    rows = [Row({"what": named[key], "formula": value}) for key, value in total._asdict().items()]
    nodes = network.graph.nodes
    if frozen_parts(nodes):
        rows.insert(1, Row({"what": "trained params", "formula": trained_params(costs, nodes)}))
    metrics = _widths().usual_metrics(nodes) if _says_widths(nodes) else ()
    measured = {name: _widths().MEASURES[name](costs, nodes) for name in metrics}
    rows += [Row({"what": HEADERS[name], "formula": value}) for name, value in measured.items()]
    if experts_of(nodes):
        rows.insert(1, Row({"what": "active params", "formula": active_params(costs, nodes)}))
    notes = [
        *folded_note(network.graph),
        *(_widths().notes(costs, nodes) if measured else ()),
        convention_note(costs.convention),
        *writing_note(costs, network.library),
        *params_note(costs.convention),
        *left_out_notes(costs, nodes),
        *bug_notes(costs, nodes),
    ]
    if not any(is_symbolic(value) for value in (*total, *measured.values())):
        notes.append("every size has a number; bind one to a name for a formula: --set H=32*h --set W=32*h")
    notes += conditions_note(network.conditions)
    from vcalc.conditions import stated

    table = Table(
        title(network, costs), [Column("what", "count"), Column("formula", "formula", prose=True)], rows, notes
    )
    record = {
        "schema": 1,
        "model": network.name,
        "title": network.title,
        **inputs_of(network.graph.inputs),
        "axes": inputs_of(network.graph.inputs, axes=True),
        "batch": plain_value(costs.batch),
        "dtype": costs.dtype,
        **convention_record(costs, nodes, network.library),
        "symbols": sorted({*network.symbols, *symbols_in(node.widths for node in nodes)}),
        "conditions": stated(network.conditions),
        **{key: plain_value(value) for key, value in total._asdict().items()},
        "trained_params": plain_value(trained_params(costs, nodes)),
        **(_widths().metrics_record(costs, nodes) if measured else {}),
        **_active_record(costs, nodes),
    }
    return Report([table], record)
