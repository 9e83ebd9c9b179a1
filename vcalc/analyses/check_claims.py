"""The claims of a file that a stranger may have written: what they may ask for, and what one that differs is told."""

from __future__ import annotations

from functools import cache

from vcalc import units
from vcalc.analyses.claims import Verdict
from vcalc.analyses.read_claims import Claim, claims_of
from vcalc.errors import VcalcError
from vcalc.spec.find import find, is_file_name, load_file
from vcalc.spec.syntax import Spec


def beside(spec: Spec, claims: list[Claim], claim: Claim) -> list[Claim]:
    """The claims from whose printed figures a claim's quotient may be taken: the file's, and those of both families."""
    if not claim.under.get("printed"):
        return claims
    sides = [side for side in (claim.question, claim.against) if side is not None and not is_file_name(side.model)]
    files = dict.fromkeys(find(side.model)[0] for side in sides)
    return [*claims, *(other for file in files if file != spec.file for other in _claims_in(file))]


@cache
def _claims_in(file: str) -> list[Claim]:
    return claims_of(load_file(file))


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
