"""The printed figures that a quotient may be taken of: those of the claims at hand, and of both sides' own specs."""

from __future__ import annotations

from functools import cache

from vcalc.analyses.read_claims import Claim, claims_of
from vcalc.spec.beside import claims_beside
from vcalc.spec.find import find, is_file_name, load_file


def beside(claims: list[Claim], claim: Claim) -> list[Claim]:
    """The claims from whose printed figures a claim's quotient may be taken; those at hand for any other claim."""
    if not claim.under.get("printed"):
        return claims
    sides = [side for side in (claim.question, claim.against) if side is not None and not is_file_name(side.model)]
    files = dict.fromkeys(find(side.model)[0] for side in sides)
    there = {other.place.file for other in claims}
    return [
        *claims,
        *(other for file in files if not there & {file, claims_beside(file)} for other in _claims_in(file)),
    ]


@cache
def _claims_in(file: str) -> list[Claim]:
    return claims_of(load_file(file))
