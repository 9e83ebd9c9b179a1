"""What the check of a claim that differs says."""

from __future__ import annotations

from vcalc import units
from vcalc.analyses.claims import Verdict
from vcalc.errors import VcalcError


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
    if verdict.holding:
        hint = f"it holds under convention {' or '.join(verdict.holding[:3])}"
    return VcalcError("claim-differs", message, claim.place, hint)
