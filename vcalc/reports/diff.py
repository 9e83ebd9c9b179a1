"""`vcalc diff`: what changed from one network to another, layer by layer, by stage and in total."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from vcalc import units
from vcalc.analyses.cost import Cost, Costs, collected
from vcalc.analyses.diff import (
    NOTHING_THERE,
    CostChange,
    LayerChange,
    Side,
    group_of_all,
    layer_changes,
    same_value,
    stage_changes,
    total_change,
    whole_groups,
)
from vcalc.arithmetic import is_symbolic
from vcalc.layers.base import Layer, show
from vcalc.reports.layers_table import columns
from vcalc.reports.notes import convention_note, params_note, signed, writing_note
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
    plain_value,
    shape_text,
)
from vcalc.spec.network import Network
from vcalc.widths import HEADERS

METRICS = Cost._fields


class Version:
    """A network with its costs, and the revision that it is of, where it is one of git's."""

    def __init__(self, network: Network, costs: Costs, revision: str = "") -> None:
        self.network = network
        self.costs = costs
        self.revision = revision

    @property
    def name(self) -> str:
        """`resnet50`, or `resnet50 at main`."""
        return f"{self.network.name} at {_short(self.revision)}" if self.revision else self.network.name

    @property
    def side(self) -> Side:
        """What the analysis compares."""
        return Side(self.network.graph.nodes, self.costs)

    def record(self) -> dict[str, Any]:
        """What it is, as data."""
        return {
            "model": self.network.name,
            "title": self.network.title,
            "revision": self.revision or None,
            **inputs_of(self.network.graph.inputs, by_name=True),
            **outputs_of(self.network.graph),
        }

    @property
    def outputs(self) -> list[str]:
        """The outputs that have names, with the layers that give them."""
        named = outputs_of(self.network.graph).get("outputs", {})
        return [f"{name} of {each['layer'] or 'the input'}" for name, each in named.items()]


def diff_report(old: Version | None, new: Version, *, since: str = "", show_all: bool = False) -> Report:
    """What changed; without an `old`, all of the new one, which was not there at the revision `since`."""
    before, after = old.side if old else NOTHING_THERE, new.side
    layers, stages = layer_changes(before, after), stage_changes(before, after)
    total, of_bits = total_change(before, after), _of_bits(old, new)
    others = bool(old and old.outputs != new.outputs)
    tables = [_sums(old, new, since, bool(layers) or others, stages, total)]
    if old and others:
        each = [", ".join(side.outputs) or "what the list ends with" for side in (old, new)]
        tables[0].notes.insert(0, f"outputs: {' → '.join(each)}")
    if layers:
        shown = [[each] for each in layers] if show_all else whole_groups(layers, before, after)
        tables.append(_layers(new.costs, layers, shown, show_all))
    record = {
        "schema": 1,
        "old": old.record() if old else None,
        "new": new.record(),
        "convention": new.costs.convention.name,
        "unit": new.costs.convention.unit,
        "batch": plain_value(new.costs.batch),
        "dtype": new.costs.dtype,
        "same": _same(layers, total) and not others,
        "layers": [_layer_record(change) for change in layers],
        "stages": [{"stage": change.name, **_cost_record(change)} for change in stages],
        "total": _cost_record(total),
        **({"of_bits": {name: plain_value(pair) for name, pair in of_bits.items()}} if of_bits else {}),
    }
    return Report(tables, record, _complete(layers))


def _same(layers: list[LayerChange], total: CostChange) -> bool:
    return not layers and total.old == total.new


def _short(revision: str) -> str:
    """A revision for people: of a commit's whole number the first twelve digits."""
    return revision[:12] if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", revision) else revision


# By stage, and in total


def _sums(
    old: Version | None, new: Version, since: str, changed: bool, stages: list[CostChange], total: CostChange
) -> Table:
    """A row for each stage that costs something else now, and the total."""
    memory = columns(new.costs, any(map(is_symbolic, (*total.old, *total.new))))["memory"]
    headers = {"params": "params", "flops": new.costs.convention.unit, "memory": memory.header}
    shown = [Column("stage", "stage")]
    for metric in METRICS:
        text = memory.text if metric == "memory" else units.exact
        shown.append(Column(metric, headers[metric], number=True, drop=2, text=_from_to(text)))
        drop = 1 if metric == "memory" else KEEP
        change = f"{headers[metric]} change"
        shown.append(Column(f"{metric}_change", change, number=True, drop=drop, text=_change(text)))
    rows = [_sum_row(change, "layer") for change in stages if change.old != change.new]
    input = inputs_text(new.network.graph.inputs)
    if old and old.network.graph.inputs != new.network.graph.inputs:
        input = f"{inputs_text(old.network.graph.inputs)} → {input}"
    names = f"{old.name} → {new.name}" if old else f"{new.name}, which was not there at {_short(since)}"
    title = f"{names}: {'what changed' if changed else 'nothing changed'} (input {input}, {new.costs.dtype})"
    notes = [convention_note(new.costs.convention), *params_note(new.costs.convention)]
    notes += [f"{HEADERS[name]}: {_from_to(units.exact)(pair)}" for name, pair in _of_bits(old, new).items()]
    return Table(title, shown, [*rows, _sum_row(total, "total")], notes + writing_note(new.costs, new.network.library))


def _of_bits(old: Version | None, new: Version) -> dict[str, tuple[Any, Any]]:
    """Bytes of parameters and bit operations before and after, where bits or densities are said of either network."""
    saying = [side.network.graph.nodes for side in (old, new) if side and side.network.graph.says_widths]
    if not saying:
        return {}
    from vcalc.analyses.widths import MEASURES
    from vcalc.reports.widths import usual_metrics

    def measured(side: Version | None, metric: str) -> Any:
        return MEASURES[metric](side.costs, side.network.graph.nodes) if side else 0

    names = max(map(usual_metrics, saying), key=len)
    return {name: (measured(old, name), measured(new, name)) for name in names}


def _sum_row(change: CostChange, style: str) -> Row:
    cells: dict[str, Any] = {"stage": change.name}
    for metric, difference in change.difference._asdict().items():
        cells[metric] = (getattr(change.old, metric), getattr(change.new, metric))
        cells[f"{metric}_change"] = (difference, change.ratios[metric])
    return Row(cells, style)


def _change(text: Callable[[Any], str]) -> Callable[[Any], str]:
    """A column's text for a difference and a ratio: `+64 (x1.5)`."""

    def shown(value: Any) -> str:
        difference, ratio = value
        if difference == 0:
            return "0"
        times = "" if ratio is None else f" (x{f'{ratio:,.4g}' if isinstance(ratio, (int, float)) else f'({ratio})'})"
        return f"{'+' if not is_symbolic(difference) and difference > 0 else ''}{text(difference)}{times}"

    return shown


def _from_to(text: Callable[[Any], str]) -> Callable[[Any], str]:
    """A column's text for a pair of values: both, or the one where they are the same."""

    def both(value: Any) -> str:
        old, new = (text(each) for each in value)
        return old if old == new else f"{old} → {new}"

    return both


# Layer by layer


def _layers(costs: Costs, layers: list[LayerChange], shown_as: list[list[LayerChange]], show_all: bool) -> Table:
    shown = [
        Column("change", "change"),
        Column("layer", "layer"),
        Column("what", "what", prose=True),
        Column(
            "output", "output", number=True, drop=1, text=_from_to(lambda shape: shape_text(shape) if shape else "")
        ),
        Column("params", "params", number=True, text=_signed),
        Column("flops", costs.convention.unit, number=True, text=_signed),
    ]
    rows = [Row(_together(each), "layer") for each in shown_as if show_all or not each[0].follows]
    counts = {word: sum(change.change == word for change in layers) for word in ("added", "removed")}
    counts["changed"] = sum(change.change == "changed" and not change.follows for change in layers)
    follow = sum(change.follows for change in layers)
    says = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    notes = []
    if follow and not show_all:
        one = "1 more layer is written as before and follows what arrives at it: --all shows it"
        many = f"{follow:,} more layers are written as before and follow what arrives at them: --all shows them"
        notes.append(one if follow == 1 else many)
    return Table(f"layers: {says or 'none is written in another way'}", shown, rows, notes)


def _signed(value: Any) -> str:
    return "0" if value == 0 else signed(value)


def _together(changes: list[LayerChange]) -> dict[str, Any]:
    """One change, or all those of a group that came or went, as one row."""
    cells = _cells(changes[-1])
    if len(changes) == 1:
        return cells
    kinds: dict[str, int] = {}
    for change in changes:
        kinds[change.node.kind] = kinds.get(change.node.kind, 0) + 1
    what = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in kinds.items())
    sums = {key: collected(sum(_cells(change)[key] for change in changes)) for key in ("params", "flops")}
    return {**cells, **sums, "layer": f"{group_of_all(changes)}/", "what": f"{len(changes):,} layers: {what}"}


def _cells(change: LayerChange) -> dict[str, Any]:
    outputs = [node.output for node in (change.old, change.new) if node]
    old, new = change.old_cost, change.new_cost
    return {
        "change": change.change,
        "layer": change.node.path,
        "what": _what(change),
        "output": (outputs[0], outputs[-1]),
        "params": collected(new.params - old.params),
        "flops": collected(new.flops - old.flops),
    }


def _what(change: LayerChange) -> str:
    """In words: the layer that came or went, or the fields from what to what."""
    if change.change != "changed":
        return _signature(change.node.layer)
    assert change.old is not None
    parts = [f"was {change.moved_from}"] if change.moved_from else []
    if change.kinds:
        parts.append(f"{_signature(change.old.layer)} → {_signature(change.node.layer)}")
    parts += [f"{name} {_text(old)} → {_text(new)}" for name, (old, new) in change.fields.items()]
    if change.reads:
        parts.append(f"reads {' and '.join(change.reads[0])} → {' and '.join(change.reads[1])}")
    if not parts:
        before, after = (", ".join(map(shape_text, node.facts.inputs)) for node in (change.old, change.node))
        parts.append(f"{change.node.kind}, input {before} → {after}" if before != after else change.node.kind)
    return "; ".join(parts)


def _signature(layer: Layer) -> str:
    """A layer as it would be written: `conv out 64, kernel 3`, without what goes without saying."""
    usual = {name: field.usual(layer) for name, field in layer.fields.items() if not field.required}
    said = {name: value for name, value in layer.values().items() if not same_value(value, usual.get(name))}
    fields = [f"{name} {_text(value)}" for name, value in said.items()]
    return f"{layer.kind} {', '.join(fields)}".rstrip()


def _text(value: Any) -> str:
    """A field's value: several sizes that are the same as one of them."""
    if isinstance(value, tuple) and len({*value}) == 1 and not isinstance(value[0], tuple):
        value = value[0]
    return value if isinstance(value, str) else "none" if value is None else show(value)


# As data


def _cost_record(change: CostChange) -> dict[str, Any]:
    parts = {"old": change.old, "new": change.new, "difference": change.difference}
    record = {name: {key: plain_value(value) for key, value in cost._asdict().items()} for name, cost in parts.items()}
    return {**record, "ratio": {key: plain_value(value) for key, value in change.ratios.items()}}


def _layer_record(change: LayerChange) -> dict[str, Any]:
    old, new = change.old, change.new
    record: dict[str, Any] = {"path": change.node.path, "change": change.change, "kind": change.node.kind}
    if old and new and old.path != new.path:
        record["old_path"] = old.path
    if change.kinds:
        record["old_kind"] = change.kinds[0]
    record["fields"] = {name: [plain_value(a), plain_value(b)] for name, (a, b) in change.fields.items()}
    if change.reads:
        record["reads"] = list(change.reads)
    record["input"] = [plain_value(node.input) if node else None for node in (old, new)]
    record["output"] = [plain_value(node.output) if node else None for node in (old, new)]
    each = [axes_of(input=node.input, output=node.output) if node else {} for node in (old, new)]
    record["axes"] = {key: [names.get(key) for names in each] for key in ("input", "output")}
    costs = CostChange(change.node.path, change.old_cost, change.new_cost)
    return {**record, **{key: value for key, value in _cost_record(costs).items() if key != "ratio"}}


def _complete(layers: list[LayerChange]) -> Table:
    """Every change as numbers, for CSV."""
    names = ["change", "layer", "old_layer", "kind", "what", "old_output", "new_output"]
    names += [f"{when}_{metric}" for metric in METRICS for when in ("old", "new")]
    rows = []
    for change in layers:
        cells = {**_cells(change), "kind": change.node.kind, "old_layer": change.old.path if change.old else None}
        for when, node, cost in (("old", change.old, change.old_cost), ("new", change.new, change.new_cost)):
            cells[f"{when}_output"] = shape_text(node.output) if node else None
            cells |= {f"{when}_{metric}": value for metric, value in cost._asdict().items()}
        rows.append(Row(cells, "layer"))
    return Table("", [Column(name, name) for name in names], rows)
