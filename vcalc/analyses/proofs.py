"""What the other figures of a source say of one: that it is a slip, or that it cannot have been cut.

A table keeps one rule of rounding, its rows add up to its total, and one figure is the same wherever it is printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from vcalc import conventions
from vcalc.analyses.check_work import Work
from vcalc.analyses.claim_values import matches, said, under_value, value_of
from vcalc.analyses.read_claims import Claim
from vcalc.errors import VcalcError


def proved(claim: Claim, others: list[Claim], exact: Any, work: Work) -> str:
    """What proves that `ours` was meant, in words; nothing where the proof that the claim names does not hold."""
    proof = claim.proof
    if not proof or not claim.ours:
        return ""
    work.spend(len(others))
    ways = [
        _rows_add_up(claim, others, exact, work) if proof["rows"] else None,
        _swapped(claim) if proof["swapped"] else None,
        _printed_elsewhere(claim, others, exact, work) if proof["printed"] else None,
    ]
    held = [way for way in ways if way is not None]
    return ", and ".join(held) if all(held) else ""


def ruled_out(claim: Claim, others: list[Claim], work: Work) -> str:
    """The neighbour in the same printed table that only rounding gives, so that nothing is cut there; or nothing."""
    work.spend(len(others))
    unit = said(claim).figure.unit
    same_file = claim.question.model.rpartition(":")[0]
    near = sorted(_neighbours(claim, others), key=lambda other: other.question.model.rpartition(":")[0] != same_file)
    for other in near:
        try:
            statement = said(other)
            if statement.relation or statement.figure.unit != unit:
                continue
            for value in _values(other, others, work):
                if matches(other, other.printed, value) and not matches(other, other.printed, value, cut=True):
                    return f"{other.printed} of {other.subject}"
        except VcalcError:
            continue  # a figure that cannot be worked out says nothing of its neighbours
    return ""


def _neighbours(claim: Claim, others: Iterable[Claim]) -> Iterator[Claim]:
    """The figures of the same metric that the same table prints."""
    for other in others:
        if other is not claim and other.question.metric == claim.question.metric:
            same_kind = (other.against is None) == (claim.against is None) and not other.implies
            if same_kind and not set(map(_table, claim.sources)).isdisjoint(map(_table, other.sources)):
                yield other


@lru_cache(maxsize=4096)
def _table(source: str) -> str:
    """The printed table that a source names: its text up to the table's number, or all of it."""
    found = re.match(r".*?\bTable [0-9]+", source)
    return found[0] if found else source


def _values(claim: Claim, others: list[Claim], work: Work) -> Iterator[Any]:
    """Ours, and what its `under` gives, if it names a variant."""
    yield value_of(claim.question, claim.against, work)
    if claim.under and "printed" not in claim.under:
        yield under_value(claim, others, work)


# Slips


def _rows_add_up(claim: Claim, others: list[Claim], exact: Any, work: Work) -> str:
    """The printed rows of the same source come to `ours`, and not to what is printed for all of them."""
    if not isinstance(exact, int):
        return ""
    rows = _rows(claim, others, work) + _row_of_input(claim, others)
    if sum(work.answer(row.question) for row in rows) != exact:
        return ""
    figures = [said(row).figure for row in rows]
    total = sum((figure.value for figure in figures), Fraction(0))
    ours, printed = said(claim, claim.ours).figure, said(claim).figure
    slack = sum((figure.last_digit for figure in figures), ours.last_digit) / 2
    if abs(total - ours.value) > slack or abs(total - printed.value) <= slack:
        return ""
    return f"its {len(rows)} rows add up to {claim.ours}"


def _rows(claim: Claim, others: list[Claim], work: Work) -> list[Claim]:
    """The smallest rows of a total that the same source prints: none of them holds another."""
    network = work.network(claim.question)
    inside = {node.index for node in network.graph.select(claim.question.of, claim.question.kinds)}
    rows: dict[frozenset[int], Claim] = {}
    for other in _neighbours(claim, others):
        if _asks_alike(claim, other):
            work.spend(len(network.graph.nodes) + len(rows))
            nodes = frozenset(node.index for node in network.graph.select(other.question.of, other.question.kinds))
            if nodes < inside:
                rows.setdefault(nodes, other)
    return [row for nodes, row in rows.items() if not any(other < nodes for other in rows)]


def _row_of_input(claim: Claim, others: list[Claim]) -> list[Claim]:
    """The row of the input, where the convention counts it among the outputs of a whole network."""
    asked = claim.question
    counted = asked.metric == "memory" and conventions.load(asked.convention).memory.shows_input
    if not counted or asked.of or asked.kinds:
        return []
    inputs = (other for other in others if other.question.metric == "input_elements" and _asks_alike(claim, other))
    return [other for other in inputs if not set(claim.sources).isdisjoint(other.sources)][:1]


def _asks_alike(claim: Claim, other: Claim) -> bool:
    """Whether two figures are of one network, counted alike, be it of other parts."""
    sides = [
        (side.model, side.option, side.convention, side.bindings, side.plus, side.widths)
        for side in (claim.question, other.question)
    ]
    return sides[0] == sides[1] and claim.other_side == other.other_side


def _swapped(claim: Claim) -> str:
    """Two neighbouring digits of `ours` stand the other way round in what is printed."""
    ours, printed = (re.sub("[^0-9]", "", text) for text in (claim.ours, claim.printed))
    units = {said(claim, text).figure.unit for text in (claim.ours, claim.printed)}
    if len(units) > 1 or len(ours) != len(printed):
        return ""
    wrong = [i for i, (a, b) in enumerate(zip(ours, printed, strict=True)) if a != b]
    i = wrong[0] if wrong else 0
    swapped = wrong == [i, i + 1] and ours[i : i + 2] == printed[i : i + 2][::-1]
    return f"two digits of {claim.ours} have changed places" if swapped else ""


def _printed_elsewhere(claim: Claim, others: list[Claim], exact: Any, work: Work) -> str:
    """The source prints another figure of the same elsewhere, which is ours."""
    assert claim.proof
    figure = claim.proof["printed"].text
    metric = claim.proof["metric"] or claim.question.metric
    if metric == claim.question.metric and _are_one(claim, figure, claim.printed):
        return ""
    where = claim.proof["source"] or claim.source.rpartition(", ")[0]
    for other in others:
        source = next((source for source in other.sources if where and source.startswith(where)), "")
        if not source or other.question.metric != metric or not _of_the_same(claim, other):
            continue
        value = value_of(other.question, other.against, work)
        alike = [(each.question.bindings, each.question.widths) for each in (other, claim)]
        sized_alike = alike[0] == alike[1] or value == exact
        if sized_alike and _are_one(other, other.printed, figure) and matches(other, figure, value):
            return f"{source} prints {other.printed}{f' ({metric})' if metric != claim.question.metric else ''}"
    return ""


def _are_one(claim: Claim, one: str, other: str) -> bool:
    """Whether two printed texts are one figure, in whatever form."""
    return one == other or ("[" not in one + other and said(claim, one).value == said(claim, other).value)


def _of_the_same(claim: Claim, other: Claim) -> bool:
    """Whether two figures are of the same part of one model, whatever its sizes and however it is counted."""
    sides = [
        (side.model, side.option, side.plus, set(side.of), set(side.kinds)) for side in (claim.question, other.question)
    ]
    return sides[0] == sides[1] and claim.other_side == other.other_side
