"""Published figures, held against what the specs give. The verdicts are worked out here; nothing is written down.

A claim is *reproduced* when our value rounds to what was printed, *reproduced under* a variant or rule that the spec
names, or it *differs*; a difference is explained when the reason's own figure is ours. A time that training took
*implies* how much of the device's peak was used; more than all of it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from vcalc import conventions
from vcalc.analyses.check_work import Work
from vcalc.analyses.measure import Question
from vcalc.analyses.printed import beside
from vcalc.analyses.read_claims import Claim, claims_of, subject, subject_name
from vcalc.arithmetic import is_symbolic
from vcalc.errors import VcalcError, quoted
from vcalc.numerals import NumeralError, Printed
from vcalc.spec.build import Budget
from vcalc.spec.syntax import Spec
from vcalc.spec.values import is_number

REPRODUCED, UNDER, DIFFERS, IMPLIES = "reproduced", "reproduced under", "differs", "implies"


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
    ) -> None:
        self.claim = claim
        self.exact = float(exact) if isinstance(exact, Fraction) else exact
        self.verdict = verdict
        self.under = under
        self.explained = explained
        self.holding = holding or []
        """The other conventions under which a figure holds that does not hold under its own."""
        self.utilization = utilization
        """The share of the device's peak that a published time of training implies."""

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
            "against": subject(claim.against) if claim.against else None,
            "convention": claim.question.convention,
            "under": self.under,
            "explained": self.explained,
            "holds_under": self.holding,
            "utilization": self.utilization,
        }


def judge(claim: Claim, others: list[Claim], work: Work) -> Verdict:
    """Work a claim out. `others` are claims whose printed figures a ratio may have been taken from."""
    try:
        exact = _value(claim.question, claim.against, work)
        if claim.implies:
            return _implied(claim, exact)
        if _matches(claim, claim.printed, exact):
            return Verdict(claim, exact, REPRODUCED)
        as_said = not claim.ours or _matches(claim, claim.ours, exact)
        holding = _conventions_that_hold(claim, work)
        if holding and not claim.under and not claim.ours:
            return Verdict(claim, exact, UNDER, f"convention {', '.join(holding)}", holding=holding)
        if claim.under and _matches(claim, claim.printed, _under_value(claim, others, work)):
            return Verdict(claim, exact, UNDER, _describe_under(claim.under), as_said, holding)
        return Verdict(claim, exact, DIFFERS, explained=bool(claim.ours) and as_said, holding=holding)
    except VcalcError as error:
        raise error.at(claim.place) from None


def _implied(claim: Claim, exact: Any) -> Verdict:
    """The share of the peak that a time implies; `exact` is the time at the whole peak."""
    if is_symbolic(exact):
        raise VcalcError("claim", f"how long training takes is the formula {exact!s:.60}, which no time can be held to")
    printed = _figure(claim.printed, 1000, claim).value
    if printed <= 0:
        raise VcalcError("claim", f"training took {quoted(claim.printed)}, which is no time")
    as_said = not claim.ours or _matches(claim, claim.ours, exact)
    if exact <= printed or _matches(claim, claim.printed, exact):
        return Verdict(claim, exact, IMPLIES, explained=as_said, utilization=float(exact / printed))
    return Verdict(claim, exact, DIFFERS, explained=bool(claim.ours) and as_said, utilization=float(exact / printed))


def judge_all(
    files: Iterable[Spec | list[Claim]],
    names: set[str] | None = None,
    watched: Callable[[list[list[Claim]]], Iterable[list[Claim]]] = iter,
) -> list[Verdict]:
    """The claims of several specs or files with their verdicts, in order; only those about `names`, if some are given.

    The claims of each file share what they may look at, and the networks that they ask for, which nobody holds on to
    after them. The files' claims go through `watched`, for a sign of how far it is.
    """
    read = [file if isinstance(file, list) else claims_of(file) for file in files]
    every = [claim for claims in read for claim in claims]
    wanted = [[claim for claim in claims if names is None or claim.concerns(names)] for claims in read]
    return [verdict for claims in watched(list(filter(None, wanted))) for verdict in _judged(claims, every)]


def _judged(claims: list[Claim], every: list[Claim]) -> list[Verdict]:
    work = Work()
    return [judge(claim, beside(every, claim), work) for claim in claims]


def _value(question: Question, against: Question | None, work: Work) -> Any:
    return _beside(work.answer(question), question, against, work)


def _beside(value: Any, question: Question, against: Question | None, work: Work) -> Any:
    """The value itself, or its ratio to that of the other side."""
    if against is None:
        return value
    other = work.answer(against)
    for side in (value, other):
        if not (isinstance(side, (int, float, Fraction)) or is_symbolic(side)):
            raise VcalcError("claim", f"a ratio is of numbers, and {question.metric} is {side!s:.40}")
    if type(other) is int and other == 0:
        raise VcalcError("claim", f"{question.metric} of {subject(against)} is 0: there is no ratio")
    if is_symbolic(value) or is_symbolic(other):
        from vcalc import symbols

        return symbols.ratio(value, other)
    return Fraction(value) / Fraction(other)


def _conventions_that_hold(claim: Claim, work: Work) -> list[str]:
    """The other conventions that give the printed figure, for a figure that conventions bear on."""
    if claim.question.metric not in ("flops", "params"):
        return []
    others = [conventions.load(name) for name in conventions.names() if name != claim.question.convention]
    values = work.answers(claim.question, others)
    return [
        convention.name
        for convention, value in zip(others, values, strict=True)
        if _matches(claim, claim.printed, _beside(value, claim.question, claim.against, work))
    ]


def _under_value(claim: Claim, others: list[Claim], work: Work) -> Any:
    changes = dict(claim.under)
    if changes.pop("printed", False):
        work.spend(2 * len(others))
        return _quotient_of_printed(claim, others)
    return _value(claim.question.but(**changes), claim.against, work)


def _quotient_of_printed(claim: Claim, others: list[Claim]) -> Any:
    """The quotient of the two figures that the same kind of source prints for both sides of a ratio."""
    if claim.against is None:
        raise VcalcError("claim", "printed figures are divided in a ratio", hint="say what it is to: against:")
    values = []
    for side in (claim.question, claim.against):
        same = [
            other
            for other in others
            if other.against is None
            and (other.question.metric, other.question.model, set(other.question.of))
            == (side.metric, side.model, set(side.of))
        ]
        if not same:
            raise VcalcError("claim", f"no claim prints the {side.metric} of {subject(side)}")
        closest = max(same, key=lambda other: _alike(other.source, claim.source))
        values.append(_figure(closest.printed, conventions.load(side.convention).memory.kilobyte).value)
    if not values[1]:
        raise VcalcError("claim", f"0 is printed for the {claim.against.metric} of {subject(claim.against)}: no ratio")
    return values[0] / values[1]


def _figure(text: str, kilobyte: int, claim: Claim | None = None) -> Printed:
    """A printed figure, with the digits and the kilo that its claim names. Raises VcalcError for what is none."""
    try:
        return Printed(text, kilobyte, claim.digits, claim.kilo) if claim else Printed(text, kilobyte)
    except NumeralError as error:
        message = f"{quoted(text)} is not a printed figure"
        raise error.error("claim", message, "13.6 GFLOP, 61M, 1.9 MB, 4096, 4.1e9") from None


def _alike(a: str, b: str) -> int:
    """How many characters two sources begin with in common."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _describe_under(under: dict[str, Any]) -> str:
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
            }.get(key, text)
        )
    return ", ".join(words)


def _matches(claim: Claim, printed: str, value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(str(item) for item in value) + "]" == printed
    if isinstance(value, (int, float, Fraction)):
        kilobyte = conventions.load(claim.question.convention).memory.kilobyte
        return _figure(printed, kilobyte, claim).matches(value, claim.cut)
    if getattr(value, "is_Integer", False):
        return _matches(claim, printed, int(value))
    if not is_symbolic(value):
        return str(value) == printed
    from vcalc import symbols
    from vcalc.spec.expression import parse

    expression = parse(printed)
    figure = Budget().value(expression, {name: symbols.symbol(name) for name in expression.names})
    return is_number(figure) and bool(symbols.decide("==", value, figure))
