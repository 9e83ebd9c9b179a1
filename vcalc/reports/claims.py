"""`vcalc claims`: every published figure beside ours, with the verdict and the reason."""

from __future__ import annotations

from vcalc import conventions, units
from vcalc.analyses.claims import DIFFERS, IMPLIES, UNDER, Verdict
from vcalc.reports.table import Column, Report, Row, Table


def claims_report(verdicts: list[Verdict]) -> Report:
    """A row for each claim, and how many of each verdict there are."""
    table = claims_table("published figures, and ours", verdicts, [_counted(verdicts)])
    exact = [Column("exact", "exact") if column.key == "ours" else column for column in table.columns]
    records = [verdict.record() for verdict in verdicts]
    return Report([table], records, Table("", exact, table.rows), all(verdict.explained for verdict in verdicts))


def claims_table(title: str, verdicts: list[Verdict], notes: list[str]) -> Table:
    """A row for each claim: what is printed, ours, the verdict and the reason."""
    columns = [
        Column("subject", "figure of", prose=True),
        Column("metric", "metric"),
        Column("printed", "printed", number=True),
        Column("ours", "ours", number=True, text=str),
        Column("verdict", "verdict", prose=True),
        Column("why", "why", prose=True, drop=1),
        Column("source", "source", prose=True, drop=2),
    ]
    return Table(title, columns, [_row(verdict) for verdict in verdicts], notes)


def _row(verdict: Verdict) -> Row:
    claim = verdict.claim
    name = f"{verdict.verdict} {verdict.under}".strip()
    if verdict.utilization is not None and verdict.verdict == IMPLIES:
        name = f"implies {verdict.utilization:.1%} of the peak"
    if verdict.verdict == DIFFERS:
        name = "differs, explained" if verdict.explained else "differs, NOT explained"
        if verdict.holding:
            shown = [*verdict.holding[:3], *(["…"] if len(verdict.holding) > 3 else [])]
            name += f"; holds under {', '.join(shown)}"
    metric = claim.question.metric
    if claim.question.convention != conventions.DEFAULT:
        metric += f" ({claim.question.convention})"
    cells = {
        "subject": claim.subject,
        "metric": metric,
        "printed": claim.printed,
        "exact": verdict.exact,
        "ours": _ours(verdict),
        "verdict": name,
        "why": claim.why if verdict.verdict in (UNDER, DIFFERS) else None,
        "source": claim.source,
    }
    return Row(cells, "layer" if verdict.explained else "total", sums=False)


def _ours(verdict: Verdict) -> str:
    """Our value as a person compares it with the printed one: memory in MB, ratios to three places, counts exact."""
    value, question = verdict.exact, verdict.claim.question
    convention = conventions.load(question.convention)
    if question.metric == "memory" and isinstance(value, int) and convention.memory.unit == "bytes":
        return units.size(value, convention.memory.kilobyte)
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:,.3f}" if isinstance(value, float) and value != int(value) else units.exact(value)


def _counted(verdicts: list[Verdict]) -> str:
    counts: dict[str, int] = {}
    for verdict in verdicts:
        name = "implying a share of a device's peak" if verdict.verdict == IMPLIES else verdict.verdict
        name = name if verdict.explained else f"{name} without an explanation that holds"
        counts[name] = counts.get(name, 0) + 1
    return f"{len(verdicts)} claims: " + ", ".join(f"{count} {name}" for name, count in counts.items())
