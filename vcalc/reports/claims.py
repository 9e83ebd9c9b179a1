"""`vcalc claims`: every published figure beside ours, with the verdict and the reason."""

from __future__ import annotations

from typing import Any

from vcalc import conventions, units
from vcalc.analyses.claims import DIFFERS, UNDER, Verdict
from vcalc.reports.table import Column, Report, Row, Table


def claims_report(verdicts: list[Verdict]) -> Report:
    """A row for each claim, and how many of each verdict there are."""
    columns = [
        Column("subject", "figure of"),
        Column("metric", "metric"),
        Column("printed", "printed", number=True),
        Column("exact", "ours", number=True, text=_ours),
        Column("verdict", "verdict", drop=3),
        Column("why", "why", drop=1),
        Column("source", "source", drop=2),
    ]
    table = Table("published figures, and ours", columns, [_row(verdict) for verdict in verdicts], [_counted(verdicts)])
    return Report([table], [verdict.record() for verdict in verdicts])


def _row(verdict: Verdict) -> Row:
    claim = verdict.claim
    name = f"{verdict.verdict} {verdict.under}".strip()
    if verdict.verdict == DIFFERS:
        name = "differs, explained" if verdict.explained else "differs, NOT explained"
    metric = claim.question.metric
    if claim.question.convention != conventions.DEFAULT:
        metric += f" ({claim.question.convention})"
    cells = {
        "subject": claim.subject,
        "metric": metric,
        "printed": claim.printed,
        "exact": verdict.exact,
        "verdict": name,
        "why": claim.why if verdict.verdict in (UNDER, DIFFERS) else None,
        "source": claim.source,
    }
    return Row(cells, "layer" if verdict.explained else "total")


def _ours(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:,.3f}" if isinstance(value, float) and value != int(value) else units.exact(value)


def _counted(verdicts: list[Verdict]) -> str:
    counts: dict[str, int] = {}
    for verdict in verdicts:
        name = verdict.verdict if verdict.explained else f"{verdict.verdict} without an explanation that holds"
        counts[name] = counts.get(name, 0) + 1
    return f"{len(verdicts)} claims: " + ", ".join(f"{count} {name}" for name, count in counts.items())
