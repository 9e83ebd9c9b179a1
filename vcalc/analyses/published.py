"""The claims of a model's file that print a figure: the same, one with more digits, or one with fewer and a reason."""

from __future__ import annotations

from vcalc import conventions
from vcalc.analyses.check_work import Work
from vcalc.analyses.claim_values import said
from vcalc.analyses.claims import Verdict, judge
from vcalc.analyses.cost import dtype_name
from vcalc.analyses.printed import bearing_on
from vcalc.analyses.read_claims import Claim
from vcalc.analyses.readings import Asked, Counting
from vcalc.analyses.variants import Model
from vcalc.errors import VcalcError
from vcalc.numerals import Printed

SAME, FINER, COARSER = range(3)
"""How a claim's figure is to the one that is asked for: equal, with more digits, or with fewer and a reason."""


def published(
    asked: Asked, claims: list[Claim], model: Model, counting: Counting, fixed: bool
) -> tuple[int | None, list[Verdict]]:
    """The claims that print the figure, those alone that fit it best, and how well that is."""
    if counting.batch != 1 or (asked.in_bytes and dtype_name(counting.dtype) != "float32"):
        return None, []
    given = {name: str(value) for name, value in model.given.items()}
    fits: dict[int, list[Claim]] = {}
    for claim in model.own(claims):
        question = claim.question
        same_part = not counting.part or question.of == counting.part
        same_way = not fixed or question.convention == counting.conventions[0].name
        same_sizes = not given or dict(question.bindings) == given
        if same_part and same_way and same_sizes:
            fit = _fit(asked, claim)
            if fit is not None:
                fits.setdefault(fit, []).append(claim)
    if not fits:
        return None, []
    best = min(fits)
    work = Work()
    whole_first = sorted(fits[best], key=lambda claim: bool(claim.question.of))
    return best, [judge(claim, bearing_on(claims, claim), work) for claim in whole_first]


def _fit(asked: Asked, claim: Claim) -> int | None:
    """How a claim's figure is to the one that is asked for; None where it is another one, or of something else."""
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
