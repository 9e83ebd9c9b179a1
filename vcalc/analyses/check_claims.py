"""What the check of a claim that differs says."""

from __future__ import annotations

from collections.abc import Iterator

from vcalc import units
from vcalc.analyses.claims import DIFFERS, GUESS, Verdict
from vcalc.errors import Problem, VcalcError

DOUBTS = {
    "reason-unchecked": "a reason (why) for a figure that differs, which nothing checks",
    "cut-ruled-out": "a figure is said to be cut, and its neighbours in the same table are rounded",
}
"""The codes of what is doubtful about a claim, and what each says."""


def differs(verdict: Verdict) -> VcalcError:
    """What a claim that differs without an explanation that holds is told."""
    claim, exact = verdict.claim, verdict.exact
    ours = f"[{', '.join(map(str, exact))}]" if isinstance(exact, (list, tuple)) else units.exact(exact)
    if isinstance(exact, float):
        ours = f"{exact:.6g}"
    message = f"{claim.question.metric} of {claim.subject} is {ours}, and {claim.printed} is printed"
    hint = "say under what it holds (under:), or what it should be (ours:) and why"
    if claim.under or claim.ours:
        message += "; the explanation does not hold"
    if verdict.utilization is not None:
        hint = f"that is {verdict.utilization:.0%} of the device's peak: say what it should be (ours:) and why"
    if verdict.cut_ruled_out:
        message += f"; it is not cut, since {verdict.cut_ruled_out} only comes out by rounding"
    if verdict.holding:
        hint = f"it holds under convention {' or '.join(verdict.holding[:3])}"
    return VcalcError("claim-differs", message, claim.place, hint)


def doubts(verdict: Verdict) -> Iterator[Problem]:
    """What is doubtful about a claim whose verdict stands."""
    claim = verdict.claim
    if verdict.verdict == DIFFERS and verdict.reason == GUESS and not claim.guessed:
        hint = "say under what it holds (under:) or what proves the slip (proof:), or call it a guess: in place of why:"
        yield Problem("reason-unchecked", "nothing checks this reason", claim.place, hint)
    if verdict.cut_ruled_out:
        message = f"the table is not cut: {verdict.cut_ruled_out} only comes out by rounding"
        yield Problem("cut-ruled-out", message, claim.place, "leave 'rounding' out, and explain the figure")
