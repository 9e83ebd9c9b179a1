"""Published figures, held against what the specs give. The verdicts are worked out here; nothing is written down.

A claim is *reproduced* when our value is what was printed, *reproduced under* a variant or rule that the spec names, or
it *differs*; a difference is explained when the reason's own figure is ours. A reason is *checked*, a *guess*, or the
figure is *open*. A time of training *implies* how much of the device's peak was used; more than all of it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from vcalc import conventions, units
from vcalc.analyses.bearing import bearing_on
from vcalc.analyses.check_work import Work
from vcalc.analyses.claim_values import beside, matches, said, statement, under_value, value_of
from vcalc.analyses.proofs import proved, ruled_out
from vcalc.analyses.read_claims import Claim, claims_of, subject_name
from vcalc.analyses.statements import ABOUT, TOLERANCE
from vcalc.arithmetic import is_symbolic
from vcalc.errors import VcalcError, nearest, quoted, suggestion
from vcalc.spec.find import is_file_name
from vcalc.spec.syntax import Spec

REPRODUCED, UNDER, DIFFERS, IMPLIES = "reproduced", "reproduced under", "differs", "implies"

CHECKED, GUESS, OPEN = "checked", "guess", "open"
"""What an explanation may be: proved by a variant or by the source's other figures, or by nothing; or there is none."""


class Verdict:
    """A claim with our value and what that makes of it."""

    def __init__(
        self,
        claim: Claim,
        exact: Any,
        verdict: str,
        under: str = "",
        explained: bool = True,
        holding: list[str] | None = None,
        utilization: float | None = None,
        proof: str = "",
        cut_ruled_out: str = "",
    ) -> None:
        self.claim = claim
        self.exact = float(exact) if isinstance(exact, Fraction) else exact
        self.verdict = verdict
        """REPRODUCED, UNDER, DIFFERS or IMPLIES."""
        self.under = under
        """Under what it is reproduced, in words."""
        self.explained = explained
        """False where it differs and no explanation holds."""
        self.holding = holding or []
        """The other conventions under which a figure holds that does not hold under its own."""
        self.utilization = utilization
        """The share of the device's peak that a published time of training implies."""
        self.proof = proof
        """What proves the reason of a slip, in words; empty where nothing was to be proved or it does not hold."""
        self.cut_ruled_out = cut_ruled_out
        """The neighbour in the same printed table that only rounding gives, for a figure that is said to be cut."""

    @property
    def rounding(self) -> str:
        """`cut` where the verdict rests on the source's cutting of digits, else nothing: it is rounded."""
        return "cut" if self.claim.cut and not self.cut_ruled_out else ""

    @property
    def reason(self) -> str:
        """What the explanation is: CHECKED, GUESS or OPEN; nothing where none is needed, or none is there."""
        if self.verdict not in (UNDER, DIFFERS):
            return ""
        if self.claim.open:
            return OPEN
        if self.claim.guessed:
            return GUESS
        if self.claim.under if self.verdict == UNDER else self.proof:
            return CHECKED
        return GUESS if self.verdict == UNDER or self.claim.why else ""

    @property
    def rests_on(self) -> list[str]:
        """What a verdict rests on beside the digits, in words: cut digits, few digits, an approximation's tolerance."""
        claim = self.claim
        words = ["cut, not rounded"] if self.rounding else []
        if self.cut_ruled_out:
            words.append(f"rounded, not cut: {self.cut_ruled_out} only comes out by rounding")
        if claim.digits:
            words.append(f"rounded to {units.counted(claim.digits, 'digit')}")
        if claim.kilo != 1000:
            words.append(f"in steps of {claim.kilo}")
        if self.verdict == REPRODUCED and isinstance(self.exact, (int, float)):
            words += _relation(claim, self.exact)
        return words

    def record(self) -> dict[str, Any]:
        """The verdict as plain data, the keys of the JSON contract first."""
        claim, exact = self.claim, self.exact
        return {
            "model": subject_name(claim.question),
            "metric": claim.question.metric,
            "printed": claim.printed,
            "exact": exact if isinstance(exact, (int, float, list)) else str(exact),
            "verdict": self.verdict,
            "source": claim.source,
            "why": claim.why,
            "of": list(claim.question.of),
            "against": claim.other_side or None,
            "convention": claim.question.convention,
            "under": self.under,
            "explained": self.explained,
            "holds_under": self.holding,
            "utilization": self.utilization,
            "sources": list(claim.sources),
            "edition": claim.edition,
            "seen": claim.seen,
            "derived": claim.derived,
            "rounding": self.rounding,
            "digits": claim.digits,
            "kilo": claim.kilo,
            "cut_ruled_out": self.cut_ruled_out,
            "kinds": list(claim.question.kinds),
            "set": dict(claim.question.bindings),
            "bits": claim.question.bits or None,
            "density": claim.question.density or None,
            "reason": self.reason,
            "proof": self.proof,
        }


def _relation(claim: Claim, exact: float) -> list[str]:
    """How ours keeps to a bound, or how far it is from an approximation."""
    try:
        statement = said(claim)
    except VcalcError:
        return []  # sizes: 3x3
    if statement.relation != ABOUT:
        return [f"{statement.relation} what is printed"] if statement.relation else []
    if statement.figure.matches(exact):
        return []
    return [f"within {float(TOLERANCE):.0%}: {abs(exact / float(statement.value) - 1):.1%} from it"]


def judge(claim: Claim, claims: list[Claim], work: Work) -> Verdict:
    """Work a claim out, with what the claims at hand, and those of other files, print of its ratio, table or slip."""
    others = bearing_on(claims, claim)
    try:
        exact = value_of(claim.question, claim.against, work)
        if claim.implies:
            return _implied(claim, exact)
        rival = ruled_out(claim, others, work) if claim.cut else ""
        verdict = _judged_by(claim, others, exact, claim.cut and not rival, work)
        verdict.cut_ruled_out = rival
        return verdict
    except VcalcError as error:
        raise _hinted(error, claim).at(claim.place_of(error)) from None


def _hinted(error: VcalcError, claim: Claim) -> VcalcError:
    """The error of a model that there is not, with the models of the claim's own spec where one is called alike."""
    asked = [side.model for side in (claim.question, claim.against) if side and not is_file_name(side.model)]
    meant = [name for name in asked if nearest(name, claim.own)]
    for problem in error.problems:
        if problem.code == "unknown-model" and meant:
            problem.hint = suggestion(meant[0], claim.own, "")
    return error


def _judged_by(claim: Claim, others: list[Claim], exact: Any, cut: bool, work: Work) -> Verdict:
    """The verdict where the source rounds, or cuts."""
    if matches(claim, claim.printed, exact, cut):
        return Verdict(claim, exact, REPRODUCED)
    as_said = not claim.ours or matches(claim, claim.ours, exact, cut)
    holding = _conventions_that_hold(claim, cut, work)
    if holding and not claim.under and not claim.ours:
        return Verdict(claim, exact, UNDER, f"convention {', '.join(holding)}", holding=holding)
    if claim.under and matches(claim, claim.printed, under_value(claim, others, work), cut):
        return Verdict(claim, exact, UNDER, _describe_under(claim.under), as_said, holding)
    proof = proved(claim, others, exact, work) if as_said else ""
    in_words = bool(claim.why or claim.open) and (bool(proof) or not claim.proof)
    explained = bool(claim.ours) and as_said and in_words
    return Verdict(claim, exact, DIFFERS, explained=explained, holding=holding, proof=proof)


def _implied(claim: Claim, exact: Any) -> Verdict:
    """The share of the peak that a time implies; `exact` is the time at the whole peak."""
    if is_symbolic(exact):
        raise VcalcError("claim", f"how long training takes is the formula {exact!s:.60}, which no time can be held to")
    printed = statement(claim.printed, 1000, claim).value
    if printed <= 0:
        raise VcalcError("claim", f"training took {quoted(claim.printed)}, which is no time")
    as_said = not claim.ours or matches(claim, claim.ours, exact)
    if exact <= printed or matches(claim, claim.printed, exact):
        return Verdict(claim, exact, IMPLIES, explained=as_said, utilization=float(exact / printed))
    return Verdict(claim, exact, DIFFERS, explained=bool(claim.ours) and as_said, utilization=float(exact / printed))


def judge_all(
    files: Iterable[Spec | list[Claim]],
    names: set[str] | None = None,
    watched: Callable[[list[list[Claim]]], Iterable[list[Claim]]] = iter,
    chosen: Callable[[list[Claim]], list[Claim]] = list,
) -> list[Verdict]:
    """The claims of several specs or files with their verdicts, in order; only those about `names`, if some are given,
    and of these only what is `chosen` without a look at verdicts.

    The claims of each file share what they may look at, and the networks that they ask for, which nobody holds on to
    after them. The files' claims go through `watched`, for a sign of how far it is.
    """
    read = [file if isinstance(file, list) else claims_of(file) for file in files]
    every = [claim for claims in read for claim in claims]
    wanted = set(chosen([claim for claim in every if names is None or claim.concerns(names)]))
    of_files = [[claim for claim in claims if claim in wanted] for claims in read]
    return [verdict for claims in watched(list(filter(None, of_files))) for verdict in _judged(claims, every)]


def _judged(claims: list[Claim], every: list[Claim]) -> list[Verdict]:
    work = Work()
    return [judge(claim, every, work) for claim in claims]


def _conventions_that_hold(claim: Claim, cut: bool, work: Work) -> list[str]:
    """The other conventions that give the printed figure, for a figure that conventions bear on."""
    if claim.question.metric not in ("flops", "params"):
        return []
    others = [conventions.load(name) for name in conventions.names() if name != claim.question.convention]
    values = work.answers(claim.question, others)
    return [
        convention.name
        for convention, value in zip(others, values, strict=True)
        if matches(claim, claim.printed, beside(value, claim.question, claim.against, work), cut)
    ]


def _describe_under(under: dict[str, Any]) -> str:
    """What `under` names, in words."""
    words = []
    for key, value in under.items():
        text = ", ".join(value) if isinstance(value, tuple) and value and isinstance(value[0], str) else str(value)
        if key == "bindings":
            text = " ".join(f"{name}={size}" for name, size in value)
        words.append(
            {
                "plus": f"{text} counted twice",
                "printed": "the quotient of the printed figures",
                "kinds": f"{text} only",
                "of": f"{text} only",
                "convention": f"convention {text}",
                "bits": f"bits {text}",
                "density": f"density {text}",
            }.get(key, text)
        )
    return ", ".join(words)


def figure_of(claim: Claim) -> tuple[Any, ...]:
    """What is printed of what, whoever prints it, in whatever form and however it is counted: alike for one figure."""
    return (claim.subject, claim.question.plus, claim.question.metric, *_printed(claim))


def _printed(claim: Claim) -> tuple[Any, ...]:
    """A printed figure as a number with its precision, where it is one."""
    try:
        statement = said(claim)
    except VcalcError:
        return (claim.printed,)
    return (statement.relation, statement.change, statement.value, statement.figure.last_digit)
