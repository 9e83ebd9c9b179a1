"""`vcalc validate`: what torch gives for every count, beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc import units
from vcalc.reports.table import Column, Report, Row, Table, shape_text
from vcalc.spec.network import Network

if TYPE_CHECKING:
    from vcalc.torch_backend.against import Compared
    from vcalc.torch_backend.validate import Check

    Validated = tuple[Network, list[Check]]


def validate_report(network: Network, checks: list[Check], how: dict[str, Any]) -> Report:
    """One model: a row a layer, and one for each quantity that differs."""
    wrong = [check for check in checks if not check.holds]
    layers: dict[str, dict[str, Any]] = {}
    for check in checks:
        row = layers.setdefault(check.path, {"layer": check.path, "kind": check.kind, "holds": True})
        row[check.what] = check.ours
        row["holds"] = row["holds"] and check.holds
    shown = [
        Column("layer", "layer"),
        Column("kind", "kind", drop=3),
        Column("output shape", "output", number=True, drop=2, text=shape_text),
        Column("params", "params", number=True),
        Column("buffers", "buffers", number=True, drop=4),
        Column("FLOPs", "FLOPs", number=True, drop=1),
        Column("holds", "torch agrees", text=lambda holds: "yes" if holds else "NO"),
    ]
    rows = [Row(row, "total" if path == "total" else "layer") for path, row in layers.items()]
    notes = [
        f"{len(checks):,} comparisons, {len(wrong)} mismatches; {_how(how)}",
        "FLOPs are those of torch's FlopCounterMode, two a multiply-add (convention torch)",
    ]
    tables = [Table(f"{network.title} ({network.name}), held against torch", shown, rows, notes), *_mismatches(wrong)]
    record = {"schema": 1, "model": network.name, **how, "rows": [_row(check) for check in checks]}
    return Report(tables, {**record, "mismatches": len(wrong)}, holds=not wrong)


def against_report(network: Network, library: str, compared: Compared) -> Report:
    """One model and its twin: totals, parameters by role, and every convolution and matrix."""
    checks, in_order = compared
    wrong = [check for check in checks if not check.holds]
    totals = [check for check in checks if check.path == "total"]
    columns = [
        Column("what", "what"),
        Column("ours", "ours", number=True, text=_text),
        Column("theirs", library, number=True, text=_text),
        Column("holds", "equal", text=lambda holds: "yes" if holds else "NO"),
    ]
    rows = [Row({**check._asdict(), "holds": check.holds}, "layer") for check in totals]
    twin = network.same_as[library]
    alike = sum(check.holds for check in checks if check.path != "total")
    every = len(checks) - len(totals)
    same = f"{alike} of {every} convolutions and matrices have the same shape"
    if alike == every:
        same = f"all {every} convolutions and matrices are the same, in {'the' if in_order else 'another'} order"
    notes = [
        same,
        f"{len(wrong)} mismatches",
    ]
    tables = [Table(f"{network.title} ({network.name}), held against {library}'s {twin}", columns, rows, notes)]
    record = {
        "schema": 1,
        "model": network.name,
        "device": "meta",
        "against": library,
        "twin": twin,
        "in_order": in_order,
        "rows": [_row(check) for check in checks],
        "mismatches": len(wrong),
    }
    return Report([*tables, *_mismatches(wrong)], record, holds=not wrong)


def all_report(validated: list[Validated], skipped: list[tuple[str, str]], how: dict[str, Any]) -> Report:
    """A row a model: layers, comparisons, mismatches; models that could not be compared with the reason."""
    rows, record, wrong = [], [], []
    for network, checks in validated:
        bad = [check._replace(path=f"{network.name}: {check.path}") for check in checks if not check.holds]
        wrong += bad
        entry = {"model": network.name, "comparisons": len(checks), "mismatches": len(bad)}
        rows.append(Row({**entry, "layers": len(network.graph.nodes)}, "total" if bad else "layer", sums=False))
        record.append({**entry, "rows": [_row(check) for check in bad]})
    total = sum(len(checks) for _, checks in validated)
    columns = [
        Column("model", "model"),
        Column("layers", "layers", number=True, drop=1),
        Column("comparisons", "comparisons", number=True),
        Column("mismatches", "mismatches", number=True),
    ]
    notes = [f"{len(validated)} models, {total:,} comparisons, {len(wrong)} mismatches; {_how(how)}"]
    notes += [f"{name}: {reason}" for name, reason in skipped]
    tables = [Table("the catalogue, held against torch", columns, rows, notes), *_mismatches(wrong)]
    whole = {"schema": 1, **how, "models": record, "skipped": dict(skipped), "mismatches": len(wrong)}
    return Report(tables, whole, holds=not wrong)


def _mismatches(wrong: list[Check]) -> list[Table]:
    if not wrong:
        return []
    columns = [
        Column("path", "layer"),
        Column("kind", "kind", drop=2),
        Column("what", "what"),
        Column("ours", "ours", number=True, text=_text),
        Column("theirs", "theirs", number=True, text=_text),
        Column("formula", "our formula", prose=True, drop=1),
    ]
    return [Table("mismatches", columns, [Row(check._asdict(), "layer") for check in wrong])]


def _text(value: Any) -> str:
    if not isinstance(value, (tuple, list)):
        return units.exact(value)
    return shape_text([size for part in value for size in (part if isinstance(part, (tuple, list)) else (part,))])


def _how(how: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in how.items())


def _row(check: Check) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        return [plain(item) for item in value] if isinstance(value, (tuple, list)) else value

    return {
        "path": check.path,
        "kind": check.kind,
        "what": check.what,
        "ours": plain(check.ours),
        "theirs": plain(check.theirs),
        "holds": check.holds,
        **({} if check.holds else {"formula": check.formula}),
    }
