"""Every figure that a lecture prints has its claim, at its place and as it is printed, and no claim has another."""

from __future__ import annotations

from collections import defaultdict
from copy import copy

import lectures
import pytest

from vcalc.analyses.check_work import Work
from vcalc.analyses.claims import judge
from vcalc.analyses.measure import KNOWN
from vcalc.analyses.read_claims import Claim


@pytest.fixture(scope="module", params=lectures.lectures(), ids=lambda file: file.stem)
def cells(request: pytest.FixtureRequest) -> list[lectures.Cell]:
    return lectures.cells_of(request.param)


def about(cells: list[lectures.Cell], claims: list[Claim]) -> list[Claim]:
    """The claims that cite a lecture."""
    return [claim for claim in claims if lectures.cites(claim, cells[0].lecture)]


def claims_by_cell(cells: list[lectures.Cell], claims: list[Claim]) -> list[tuple[lectures.Cell, list[Claim]]]:
    """Each cell that can be asked with the claims of its slide that ask the same."""
    asking = defaultdict(list)
    for claim in about(cells, claims):
        asking[lectures.asked_by(claim)].append(claim)
    return [
        (cell, [claim for claim in asking[cell.question] if lectures.cites(claim, cell.lecture, cell.slide)])
        for cell in cells
        if cell.question
    ]


def without_a_claim(cells: list[lectures.Cell], claims: list[Claim]) -> list[str]:
    """Cells that no claim prints as they are printed."""
    found = []
    for cell, its in claims_by_cell(cells, claims):
        if not any(lectures.prints(claim, cell) for claim in its):
            found.append(f"{cell} ({cell.question}; claimed there: {[claim.printed for claim in its]})")
    return found


def with_two_that_disagree(cells: list[lectures.Cell], claims: list[Claim]) -> list[str]:
    """Cells whose claims print different figures, or come to different verdicts."""
    found = []
    for cell, its in claims_by_cell(cells, claims):
        if len({claim.printed for claim in its}) > 1:
            found.append(f"{cell}: {[claim.printed for claim in its]}")
        elif len(its) > 1:
            verdicts = {judge(claim, claims, Work()).verdict for claim in its}
            if len(verdicts) > 1:
                found.append(f"{cell}: {sorted(verdicts)}")
    return found


def not_printed(cells: list[lectures.Cell], claims: list[Claim]) -> list[str]:
    """Claims on the lecture that are no cell's, and do not say that they are worked out from what is printed."""
    by_cell = claims_by_cell(cells, claims)
    printed = {id(claim) for cell, its in by_cell for claim in its if lectures.prints(claim, cell)}
    return [
        f"{claim.source}: {lectures.asked_by(claim)}, {claim.printed}"
        for claim in about(cells, claims)
        if id(claim) not in printed and not claim.derived
    ]


def changed(claim: Claim, **parts: object) -> Claim:
    other = copy(claim)
    vars(other).update(parts)
    return other


def told(found: list[str]) -> str:
    return "\n".join([f"{len(found)}:", *found])


def test_every_printed_figure_has_a_claim(cells, claims):
    assert not (found := without_a_claim(cells, claims)), told(found)


def test_no_two_claims_of_a_figure_disagree(cells, claims):
    assert not (found := with_two_that_disagree(cells, claims)), told(found)


def test_every_claim_is_printed_where_it_says(cells, claims):
    assert not (found := not_printed(cells, claims)), told(found)


def test_what_waits_has_no_metric_yet(cells):
    assert [str(cell) for cell in cells if cell.waits and cell.metric in {"", *KNOWN}] == []


def test_a_claim_that_is_taken_away_or_misprinted_is_missed(cells, claims):
    its = next(its for cell, its in claims_by_cell(cells, claims) if any(lectures.prints(claim, cell) for claim in its))
    left = [claim for claim in claims if claim not in its]
    assert len(without_a_claim(cells, left)) > len(without_a_claim(cells, claims))
    other = changed(its[0], printed="1.25")
    assert len(with_two_that_disagree(cells, [*claims, other])) > len(with_two_that_disagree(cells, claims))
    elsewhere = changed(its[0], sources=(f"{cells[0].lecture}, a slide that is none",), derived="")
    assert len(not_printed(cells, [*claims, elsewhere])) > len(not_printed(cells, claims))
