"""The claims of a model's file that print a figure: the same, one with more digits, or one with fewer and a reason."""

from __future__ import annotations

from collections.abc import Iterator

from vcalc import conventions
from vcalc.analyses.check_work import Work
from vcalc.analyses.claim_values import said
from vcalc.analyses.claims import Verdict, judge
from vcalc.analyses.cost import dtype_name
from vcalc.analyses.read_claims import Claim
from vcalc.analyses.readings import Asked, Counting
from vcalc.analyses.variants import Model
from vcalc.errors import VcalcError
from vcalc.numerals import Printed

SAME, FINER, COARSER = range(3)
"""How a claim's figure is to the one that is asked for: equal, with more digits, or with fewer and a reason."""


def published(
    asked: Asked, own: list[Claim], model: Model, counting: Counting, fixed: bool
) -> tuple[int | None, list[Verdict]]:
    """The claims that print the figure, those alone that fit it best, and how well that is."""
    if asked.in_bytes and dtype_name(counting.dtype) != "float32":
        return None, []
    fits: dict[int, list[Claim]] = {}
    for claims in _in_turn(own, model):
        for claim in _meant(claims, model, counting, fixed):
            fit = _fit(asked, claim)
            if fit is not None:
                fits.setdefault(fit, []).append(claim)
        if fits and min(fits) < COARSER:
            break
    return (min(fits), _judged(fits[min(fits)], claims)) if fits else (None, [])


def printed_so(text: str, model: Model, counting: Counting, fixed: bool) -> list[Verdict]:
    """The claims that print this very text, be it a figure, a list or a word."""
    for claims in _in_turn(model.claims(), model):
        found = [claim for claim in _meant(claims, model, counting, fixed) if _alike(text, claim)]
        if found:
            return _judged(found, claims)
    return []


def _in_turn(own: list[Claim], model: Model) -> Iterator[list[Claim]]:
    """The claims of the model's own file; then those of the other files, which compare their models with it."""
    yield own
    yield model.claims_elsewhere()


def _meant(claims: list[Claim], model: Model, counting: Counting, fixed: bool) -> list[Claim]:
    """The claims about the model that may be meant, with the part, the sizes and the convention that are asked for."""
    given = {name: str(value) for name, value in model.given.items()}
    if counting.batch != 1:
        return []
    return [
        claim
        for claim in model.own(claims)
        if (not counting.part or claim.question.of == counting.part)
        and (not fixed or claim.question.convention == counting.conventions[0].name)
        and (not given or dict(claim.question.bindings) == given)
    ]


def _judged(found: list[Claim], claims: list[Claim]) -> list[Verdict]:
    """The verdicts of some claims, those of whole networks first."""
    work = Work()
    whole_first = sorted(found, key=lambda claim: bool(claim.question.of))
    return [judge(claim, claims, work) for claim in whole_first]


def _alike(text: str, claim: Claim) -> bool:
    """Whether a text is what a claim prints, spaces and case aside."""
    return "".join(text.split()).casefold() == "".join(claim.printed.split()).casefold()


def _fit(asked: Asked, claim: Claim) -> int | None:
    """How a claim's figure is to the one that is asked for; None where it is another one, or of something else."""
    if _alike(asked.text, claim):
        return SAME
    kilobyte = conventions.load(claim.question.convention).memory.kilobyte
    try:
        figure = said(claim).figure
    except VcalcError:
        return None  # a list, a formula, a word
    if not _same_kind(asked, claim, figure):
        return None
    wanted = asked.figures.get(kilobyte, asked.figures[1024])
    if figure.value == wanted.value:
        return SAME
    if wanted.digits > 1 and wanted.matches(figure.value):
        return FINER
    return COARSER if claim.why and figure.digits > 2 and figure.matches(wanted.value) else None


def _same_kind(asked: Asked, claim: Claim, figure: Printed) -> bool:
    """Whether two figures may count the same, by their units and the claim's metric; times are of training."""
    if claim.implies or asked.in_bytes != figure.in_bytes or bool(claim.against) == bool(asked.metrics):
        return False
    metric = claim.question.metric
    return len(asked.metrics) != 1 or metric in asked.metrics or (metric == "memory" and "elements" in asked.metrics)
