"""The printed figures that may bear on a claim: of both sides of a quotient, and of the same table or source."""

from __future__ import annotations

from functools import cache

from vcalc.analyses.read_claims import Claim, claims_of
from vcalc.spec.beside import claims_beside
from vcalc.spec.find import files_citing, find, is_file_name, load_file


def bearing_on(claims: list[Claim], claim: Claim) -> list[Claim]:
    """The claims at hand, and those of the catalogue's other files whose printed figures may bear on a claim.

    A quotient is taken of the figures of both sides; a cut and a slip are held against the figures of the same source.
    """
    files = dict.fromkeys(_sides(claim))
    if claim.cut or claim.proof:
        sources = [*claim.sources, *([claim.proof["source"]] if claim.proof else [])]
        files |= dict.fromkeys(file for source in sources for file in files_citing(source))
    if not files:
        return claims
    there = {other.place.file for other in claims}
    missing = [file for file in files if not there & {file, _beside(file)}]
    return [*claims, *(other for file in missing for other in _claims_in(file))]


def _sides(claim: Claim) -> list[str]:
    """The specs of both sides of a quotient of printed figures."""
    if not claim.under.get("printed"):
        return []
    sides = [side for side in (claim.question, claim.against) if side is not None and not is_file_name(side.model)]
    return [find(side.model)[0] for side in sides]


_beside = cache(claims_beside)
"""The claims beside a spec of the catalogue, which stay where they are."""


@cache
def _claims_in(file: str) -> list[Claim]:
    return claims_of(load_file(file))
