"""`vcalc claims` without a model: how many figures of each family there are, and which of them differ."""

from __future__ import annotations

from vcalc.analyses.claims import DIFFERS, GUESS, OPEN, UNDER, Verdict
from vcalc.analyses.read_claims import name_asked
from vcalc.reports.claims import UNEXPLAINED, counted, distinct, kind_of
from vcalc.reports.table import BELOW, Column, Row, Table
from vcalc.spec.find import stem

MORE = (
    "vcalc claims MODEL has the figures of a model, each with its reason and its source; --only differs has all that "
    "differ, --source TEXT those of a source, --all every one"
)

_PLAIN = ("params", "flops", "memory")
"""Metrics that a figure's own letters tell well enough."""


def overview(verdicts: list[Verdict]) -> Table:
    """A row for each family in which a figure differs, with the ones that do; the others in a note."""
    families: dict[str, list[Verdict]] = {}
    for verdict in distinct(verdicts):
        families.setdefault(stem(verdict.claim.place.file), []).append(verdict)
    columns = [
        Column("family", "family"),
        Column("figures", "figures", number=True),
        Column("under", "under", number=True),
        Column("differ", "differ", number=True),
        Column("guess", "guess", number=True),
        Column("open", "open", number=True),
        Column("which", "which", prose=True, place=BELOW),
    ]
    rows = sorted((_row(*item) for item in families.items()), key=lambda row: -row.cells["differ"])
    shown = [row for row in rows if row.cells["differ"]]
    others = _others([row for row in rows if not row.cells["differ"]])
    notes = [*([others] if others else []), MORE, counted(verdicts)]
    return Table("published figures that differ from ours, by family", columns, shown, notes)


def _row(family: str, figures: list[Verdict]) -> Row:
    differing = [verdict for verdict in figures if kind_of(verdict) in (DIFFERS, UNEXPLAINED)]
    cells = {
        "family": family,
        "figures": len(figures),
        "under": sum(kind_of(verdict) == UNDER for verdict in figures) or None,
        "differ": len(differing),
        "guess": sum(verdict.reason == GUESS for verdict in differing) or None,
        "open": sum(verdict.reason == OPEN for verdict in differing) or None,
        "which": _which(differing),
    }
    return Row(cells, "layer")


def _which(verdicts: list[Verdict]) -> str:
    """The figures by model: `vgg16 24M, 17.8x; vgg19 4`."""
    models: dict[str, list[str]] = {}
    for verdict in verdicts:
        metric = verdict.claim.question.metric
        what = verdict.claim.printed + (f" ({metric})" if metric not in _PLAIN else "")
        models.setdefault(name_asked(verdict.claim.question), []).append(what)
    return "; ".join(f"{model} {', '.join(dict.fromkeys(printed))}" for model, printed in models.items())


def _others(rows: list[Row]) -> str:
    figures = sum(row.cells["figures"] for row in rows)
    more = "1 more family, which has" if len(rows) == 1 else f"{len(rows)} more families, which have"
    return f"no figure differs in {more} {figures:,}" if rows else ""
