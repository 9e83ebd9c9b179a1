"""The claims of a file that a stranger may have written: what they may ask for, and what one that differs is told."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from vcalc import units
from vcalc.analyses.claims import DIFFERS, GUESS, Verdict
from vcalc.analyses.read_claims import Claim, claims_of
from vcalc.errors import Problem, VcalcError
from vcalc.spec.find import files_citing, find, is_file_name, load_file
from vcalc.spec.syntax import Spec

DOUBTS = {
    "reason-unchecked": "a reason (why) for a figure that differs, which nothing checks",
    "cut-ruled-out": "a figure is said to be cut, and its neighbours in the same table are rounded",
}
"""The codes of what is doubtful about a claim, and what each says."""


def beside(spec: Spec, claims: list[Claim], claim: Claim) -> list[Claim]:
    """The claims whose printed figures may bear on one: the file's; a quotient's, those of both families; and those of
    the same source, where a table's rounding or a slip is to be shown by it.
    """
    files: dict[str, None] = {}
    if claim.under.get("printed"):
        sides = [side for side in (claim.question, claim.against) if side is not None and not is_file_name(side.model)]
        files = dict.fromkeys(find(side.model)[0] for side in sides)
    if claim.cut or claim.proof:
        elsewhere = claim.proof["source"] if claim.proof else ""
        files |= dict.fromkeys(file for source in (*claim.sources, elsewhere) for file in files_citing(source))
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
