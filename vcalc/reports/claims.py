"""`vcalc claims`: published figures beside ours, with the verdict, the reason and the source of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from vcalc import conventions, units
from vcalc.analyses.claims import CHECKED, DIFFERS, GUESS, IMPLIES, OPEN, REPRODUCED, UNDER, Verdict, figure_of
from vcalc.analyses.measure import Question
from vcalc.analyses.read_claims import Claim, name_asked, subject
from vcalc.reports.table import BELOW, HEAD, SMALL, Column, Report, Row, Table

UNEXPLAINED = "unexplained"
ORDER = (UNEXPLAINED, DIFFERS, UNDER, IMPLIES, REPRODUCED)
"""The kinds of verdicts, the one that says most against a figure first: so they are shown."""


def claims_report(verdicts: list[Verdict], title: str = "published figures", asked: Sequence[str] = ()) -> Report:
    """A row for each claim, and how many of each verdict there are; the models that are asked for first, in order."""
    places = {name: place for place, name in enumerate(asked)}
    shown = sorted(verdicts, key=lambda verdict: places.get(name_asked(verdict.claim.question), len(places)))
    records = [verdict.record() for verdict in verdicts]
    tables = partial(_tables, title, shown)
    return Report(tables, records, lambda: _exact_table(verdicts), all(verdict.explained for verdict in verdicts))


def _tables(title: str, verdicts: list[Verdict]) -> list[Table]:
    return [claims_table(title, verdicts, [counted(verdicts)])]


def claims_table(title: str, verdicts: list[Verdict], notes: list[str]) -> Table:
    """A row for each claim: what is printed, ours, the verdict; the reason and the source below. Differences first."""
    several = len({name_asked(verdict.claim.question) for verdict in verdicts}) > 1
    columns = [
        *([Column("model", "model", place=HEAD)] if several else []),
        Column("figure", "figure", prose=True),
        Column("printed", "printed", number=True),
        Column("ours", "ours", number=True, text=str),
        Column("verdict", "verdict", prose=True),
        Column("why", "why", prose=True, place=BELOW),
        Column("source", "source", prose=True, place=SMALL),
        Column("edition", "edition", prose=True, place=SMALL),
        Column("how", "how", prose=True, place=SMALL),
    ]
    return Table(title, columns, [_row(verdict) for verdict in _in_order(verdicts)], notes)


def counted(verdicts: list[Verdict]) -> str:
    """How many figures there are, what becomes of them, and how many are of sources that were not seen."""
    figures = distinct(verdicts)
    of_kind = {kind: [verdict for verdict in figures if kind_of(verdict) == kind] for kind in ORDER}
    if not figures:
        return "there is no such figure"
    found = ", ".join(_becomes(kind, of_kind[kind]) for kind in BECOMES if of_kind[kind])
    unseen = sum(not verdict.claim.seen for verdict in figures)
    many = f"{units.counted(len(figures), 'figure')} in {units.counted(len(verdicts), 'claim')}"
    return f"{many}: {found}" + (f"; {unseen:,} of a source that was not seen" if unseen else "")


BECOMES = {
    REPRODUCED: ("reproduced", "reproduced"),
    UNDER: ("reproduced under a variant or rule", "reproduced under a variant or rule"),
    DIFFERS: ("differs", "differ"),
    UNEXPLAINED: ("differs without an explanation that holds", "differ without an explanation that holds"),
    IMPLIES: ("implies a share of a device's peak", "imply a share of a device's peak"),
}
"""What becomes of one figure, and of several, by the kind of their verdicts."""


def _becomes(kind: str, verdicts: list[Verdict]) -> str:
    one, several = BECOMES[kind]
    reasons = _reasons(verdicts) if kind == DIFFERS else ""
    return f"{len(verdicts):,} {one if len(verdicts) == 1 else several}{reasons}"


def _reasons(verdicts: list[Verdict]) -> str:
    """What the explanations of differences are: ` (3 checked, 1 a guess)`."""
    counts = {reason: sum(verdict.reason == reason for verdict in verdicts) for reason in REASONS}
    parts = ", ".join(f"{counts[reason]:,} {text}" for reason, text in REASONS.items() if counts[reason])
    return f" ({parts})" if parts else ""


REASONS = {CHECKED: "checked", GUESS: "guessed", OPEN: "open"}
"""The kinds of explanations, in a word each."""


def distinct(verdicts: list[Verdict]) -> list[Verdict]:
    """A verdict for each printed figure, the worst where several claims are of one."""
    figures: dict[Any, Verdict] = {}
    for verdict in verdicts:
        key = figure_of(verdict.claim)
        figures[key] = min(figures.get(key, verdict), verdict, key=_rank)
    return list(figures.values())


def kind_of(verdict: Verdict) -> str:
    """One of ORDER."""
    return UNEXPLAINED if not verdict.explained else verdict.verdict


def _rank(verdict: Verdict) -> int:
    return ORDER.index(kind_of(verdict))


def _in_order(verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts by model, the differences of each first, and those of one source and reason together."""
    models: dict[Any, int] = {}
    together: dict[Any, int] = {}
    keys = []
    for verdict in verdicts:
        model = models.setdefault(name_asked(verdict.claim.question), len(models))
        same = (model, _why(verdict), _source(verdict.claim), verdict.claim.edition, _how(verdict))
        reason = [*REASONS, ""].index(verdict.reason)
        keys.append((model, _rank(verdict), reason, together.setdefault(same, len(together))))
    return [verdict for _, verdict in sorted(zip(keys, verdicts, strict=True), key=lambda pair: pair[0])]


def _row(verdict: Verdict) -> Row:
    claim = verdict.claim
    cells = {
        "model": name_asked(claim.question),
        "figure": figure_name(claim),
        "printed": claim.printed,
        "ours": _ours(verdict),
        "verdict": _verdict(verdict),
        "why": _why(verdict),
        "source": _source(claim),
        "edition": claim.edition or None,
        "how": _how(verdict),
    }
    return Row(cells, _SHORT.get(kind_of(verdict), UNEXPLAINED))


def figure_name(claim: Claim) -> str:
    """What a figure is, beside the name of its model: `params of fc6`, `flops against alexnet`."""
    question, against = claim.question, claim.against
    name = f"{question.option}: {question.metric}" if question.option else question.metric
    name += _part(question)
    return f"{name} against {subject(against)}" if against else name


def _part(question: Question) -> str:
    part, sizes = question.part, question.sizes
    how = (f" ({said})" for said in (question.widths, str(question.run or "")) if said)
    return (f" of {part}" if part else "") + (f" at {sizes}" if sizes else "") + "".join(how)


def _verdict(verdict: Verdict) -> str:
    if verdict.verdict == IMPLIES and verdict.utilization is not None:
        return f"implies {verdict.utilization:.1%}"
    short = _SHORT[verdict.verdict]
    if not verdict.explained:
        return f"{short}, NOT explained"
    return f"{short}, {verdict.reason}" if verdict.reason in (GUESS, OPEN) else short


_SHORT = {REPRODUCED: "reproduced", UNDER: "under", DIFFERS: "differs", IMPLIES: "implies"}


def _why(verdict: Verdict) -> str:
    """The reason in words, after what the figure holds under; a guess is called one."""
    if verdict.verdict not in (UNDER, DIFFERS):
        return ""
    why = verdict.claim.why
    if verdict.reason in (GUESS, OPEN):
        why = f"A guess: {why}" if verdict.reason == GUESS else why or "Nobody has an explanation."
    if verdict.verdict == UNDER:
        return ": ".join(filter(None, (f"under {verdict.under}", why)))
    others = _holding(verdict)
    return " ".join(filter(None, (why, f"It would hold under convention {others}." if others else "")))


def _holding(verdict: Verdict) -> str:
    """The first of the conventions under which a figure would hold."""
    return ", ".join([*verdict.holding[:3], *(["…"] if len(verdict.holding) > 3 else [])])


def _source(claim: Claim) -> str:
    """Every place where it is printed, and whether that was seen."""
    return "; also ".join(claim.sources) + ("" if claim.seen else " (not seen by us)")


def _how(verdict: Verdict) -> str:
    """What the verdict rests on, where that is not the rule."""
    claim = verdict.claim
    convention = claim.question.convention
    facts = [
        f"counted as {convention}" if convention != conventions.DEFAULT else "",
        *verdict.rests_on,
        f"ours is {claim.ours} in its rounding" if claim.ours and verdict.verdict != REPRODUCED else "",
        f"proved: {verdict.proof}" if verdict.proof else "",
        f"derived: {claim.derived}" if claim.derived else "",
    ]
    return "; ".join(filter(None, facts))


def _ours(verdict: Verdict) -> str:
    """Our value as a person compares it with the printed one: memory in MB, ratios to three places, counts exact."""
    value, question = verdict.exact, verdict.claim.question
    convention = conventions.load(question.convention)
    if question.metric == "memory" and isinstance(value, int) and convention.memory.unit == "bytes":
        return units.size(value, convention.memory.kilobyte)
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, float) and verdict.claim.printed.endswith("%"):
        return f"{value:.2%}"
    return f"{value:,.3f}" if isinstance(value, float) else units.exact(value)


def _exact_table(verdicts: list[Verdict]) -> Table:
    """A row for each claim in the order of the files, with exact values: for CSV."""
    rows = [Row(_exact(verdict), "layer") for verdict in verdicts]
    return Table("", [Column(key, key) for key in EXACT], rows)


EXACT = (
    *("subject", "metric", "printed", "exact", "verdict", "why", "source"),
    *("sources", "edition", "seen", "derived", "rounding", "digits", "kilo", "reason", "ours", "proof"),
)
"""The columns of a row for a claim, in which CSV adds what is new at the end."""


def _exact(verdict: Verdict) -> dict[str, Any]:
    claim, question = verdict.claim, verdict.claim.question
    named = question.convention != conventions.DEFAULT
    return {
        "subject": claim.subject,
        "metric": f"{question.metric} ({question.convention})" if named else question.metric,
        "printed": claim.printed,
        "exact": verdict.exact,
        "verdict": _verdict_in_full(verdict),
        "why": claim.why if verdict.verdict in (UNDER, DIFFERS) else None,
        "source": claim.source,
        "sources": "; ".join(claim.sources),
        "edition": claim.edition,
        "seen": "yes" if claim.seen else "no",
        "derived": claim.derived,
        "rounding": verdict.rounding,
        "digits": claim.digits,
        "kilo": claim.kilo,
        "reason": verdict.reason,
        "ours": claim.ours,
        "proof": verdict.proof,
    }


def _verdict_in_full(verdict: Verdict) -> str:
    if verdict.utilization is not None and verdict.verdict == IMPLIES:
        return f"implies {verdict.utilization:.1%} of the peak"
    if verdict.verdict != DIFFERS:
        return f"{verdict.verdict} {verdict.under}".strip()
    name = "differs, explained" if verdict.explained else "differs, NOT explained"
    if verdict.holding:
        name += f"; holds under {_holding(verdict)}"
    return name
