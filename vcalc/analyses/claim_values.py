"""What a claim's question comes to, and whether that is what is printed."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

from vcalc import conventions
from vcalc.analyses.check_work import Work
from vcalc.analyses.measure import Question
from vcalc.analyses.read_claims import Claim, subject
from vcalc.analyses.statements import Statement
from vcalc.arithmetic import is_symbolic
from vcalc.errors import VcalcError, quoted
from vcalc.language.values import is_number
from vcalc.numerals import NumeralError, exactly
from vcalc.spec.build import Budget

_SIZES = re.compile("[0-9]{1,9}(?:[x×][0-9]{1,9}){1,2}")
_QUOTIENT = re.compile("[0-9]{1,9}/[1-9][0-9]{0,8}")
_DOCUMENT = re.compile(r'[\w.-]+/[\w.-]+|[^"]{0,200}?(?:"[^"]*"|\b[12][0-9]{3}\b)')
_PRODUCT = re.compile("[0-9(][0-9*+() ]*[*+][0-9*+() ]*[0-9)]")


def value_of(question: Question, against: Question | None, work: Work) -> Any:
    """The exact value of a question, or the ratio of two."""
    return beside(work.answer(question), question, against, work)


def beside(value: Any, question: Question, against: Question | None, work: Work) -> Any:
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

        ratio = symbols.ratio(value, other)
        return Fraction(int(ratio.p), int(ratio.q)) if ratio.is_Rational else ratio
    return Fraction(value) / Fraction(other)


def under_value(claim: Claim, others: list[Claim], work: Work) -> Any:
    """What a claim's `under` comes to."""
    changes = dict(claim.under)
    if changes.pop("printed", False):
        work.spend(2 * len(others))
        return _quotient_of_printed(claim, others)
    return value_of(claim.question.but(**changes), _shared(claim, changes), work)


def _shared(claim: Claim, changes: dict[str, Any]) -> Question | None:
    """The other side of a ratio, with those sizes and that convention changed which it has in common with the first."""
    against, question = claim.against, claim.question
    if against is None:
        return None
    shared = {
        key for key in ("bindings", "convention", "bits", "density") if getattr(against, key) == getattr(question, key)
    }
    return against.but(**{key: changes[key] for key in shared & changes.keys()})


def _quotient_of_printed(claim: Claim, others: list[Claim]) -> Any:
    """The quotient of the two figures that one and the same document prints for both sides of a ratio."""
    if claim.against is None:
        raise VcalcError("claim", "printed figures are divided in a ratio", hint="say what it is to: against:")
    values = [_printed_of(side, claim, others) for side in (claim.question, claim.against)]
    if not values[1]:
        raise VcalcError("claim", f"0 is printed for the {claim.against.metric} of {subject(claim.against)}: no ratio")
    return values[0] / values[1]


def _printed_of(side: Question, claim: Claim, others: list[Claim]) -> Any:
    """What the document of a claim prints for one side of its ratio."""
    same = [
        other
        for other in others
        if other.against is None
        and (
            other.question.metric,
            other.question.model,
            set(other.question.of),
            other.question.bindings,
            other.question.widths,
        )
        == (side.metric, side.model, set(side.of), side.bindings, side.widths)
    ]
    if not same:
        raise VcalcError("claim", f"no claim prints the {side.metric} of {subject(side)}")
    ours = set(map(_document, claim.sources))
    there = [other for other in same if ours & set(map(_document, other.sources))]
    if not there:
        raise VcalcError(
            "claim",
            f"no claim of {' or '.join(sorted(ours))} prints the {side.metric} of {subject(side)}",
            hint=f"{same[0].source} prints {same[0].printed}: a quotient of what two print is a guess",
        )
    closest = max(there, key=lambda other: _alike(other, claim))
    return statement(closest.printed, conventions.load(side.convention).memory.kilobyte).value


def _document(source: str) -> str:
    """The paper, lecture or repository that a source names: its text up to the title or year, or to the first comma."""
    found = _DOCUMENT.match(source)
    return found[0] if found else source.partition(",")[0]


def _alike(one: Claim, other: Claim) -> int:
    """How many characters two sources begin with in common, of all those that two claims have."""
    return max(_in_common(a, b) for a in one.sources for b in other.sources)


def _in_common(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def statement(text: str, kilobyte: int, claim: Claim | None = None) -> Statement:
    """What is printed, with the digits and the kilo that its claim names. Raises VcalcError for what is none."""
    text = _worked_out(text)
    try:
        return Statement(text, kilobyte, claim.digits, claim.kilo) if claim else Statement(text, kilobyte)
    except NumeralError as error:
        message = f"{quoted(text)} is not a printed figure"
        examples = "13.6 GFLOP, 61M, 1.9 MB, 4096, 4.1e9, 18.6%, 2.5x, ~70k, <10%, 3x or more"
        raise error.error("claim", message, examples) from None


def _worked_out(text: str) -> str:
    """A figure that is printed as a product, `28*28*192*3*3*256` or `(11*11*3)*96`, as the number that it makes."""
    if "**" in text or not _PRODUCT.fullmatch(text):
        return text
    from vcalc.language.expression import parse

    return str(Budget().value(parse(text), {}))


@lru_cache(maxsize=16)  # one claim is held against some thirty conventions
def said(claim: Claim, text: str = "") -> Statement:
    """What a claim prints, or another text in its place, as its convention counts bytes."""
    return statement(text or claim.printed, conventions.load(claim.question.convention).memory.kilobyte, claim)


def matches(claim: Claim, printed: str, value: Any, cut: bool = False) -> bool:
    """Whether a value is what a claim prints, or another text in its place; `cut` for one that is cut, not rounded."""
    if _SIZES.fullmatch(printed):
        sizes = [int(size) for size in re.split("[x×]", printed)]
        return sizes == list(value) if isinstance(value, (list, tuple)) else all(size == value for size in sizes)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(str(item) for item in value) + "]" == printed
    if isinstance(value, (int, float, Fraction)):
        if _QUOTIENT.fullmatch(printed):
            return exactly(value) == Fraction(printed)
        return said(claim, printed).holds(value, cut)
    if getattr(value, "is_Integer", False):
        return matches(claim, printed, int(value), cut)
    if not is_symbolic(value):
        return str(value) == printed
    from vcalc import symbols
    from vcalc.language.expression import parse

    expression = parse(printed)
    figure = Budget().value(expression, {name: symbols.symbol(name) for name in expression.names})
    return is_number(figure) and bool(symbols.decide("==", value, figure))
