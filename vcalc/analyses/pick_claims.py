"""Which claims somebody wants to see: by source and edition, which needs no verdict, and by what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from vcalc.analyses.claims import DIFFERS, GUESS, IMPLIES, OPEN, REPRODUCED, UNDER, Verdict
from vcalc.analyses.read_claims import Claim
from vcalc.errors import VcalcError, nearest, quoted

ONLY: dict[str, Callable[[Verdict], bool]] = {
    "differs": lambda verdict: verdict.verdict == DIFFERS,
    "under": lambda verdict: verdict.verdict == UNDER,
    "open": lambda verdict: verdict.reason == OPEN,
    "guess": lambda verdict: verdict.reason == GUESS,
    "reproduced": lambda verdict: verdict.verdict == REPRODUCED,
    "implies": lambda verdict: verdict.verdict == IMPLIES,
}
"""What may be asked for of verdicts, by name."""


class Pick(NamedTuple):
    """What is wanted: kinds of verdicts, any of which, texts in a source and in the edition, and what was not seen."""

    only: tuple[str, ...] = ()
    source: str = ""
    edition: str = ""
    unseen: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Pick()

    def chosen(self, claims: list[Claim]) -> list[Claim]:
        """The claims that may be wanted, whatever their verdict. Raises VcalcError for a text that none of them has."""
        found = _having(self.source, "source", claims, lambda claim: claim.sources)
        found = _having(self.edition, "edition", found, lambda claim: (claim.edition,))
        return [claim for claim in found if not (self.unseen and claim.seen) and self._may_be(claim)]

    def _may_be(self, claim: Claim) -> bool:
        """Whether a claim's verdict may be one that is wanted: what is open is said to be."""
        return claim.open or set(self.only) != {"open"}

    def verdict(self, verdict: Verdict) -> bool:
        """Whether a verdict is wanted."""
        return not self.only or any(ONLY[name](verdict) for name in self.only)


def _having(text: str, what: str, claims: list[Claim], texts: Callable[[Claim], tuple[str, ...]]) -> list[Claim]:
    """The claims that have a text in one of theirs, whatever its case; an error, with a near word, where none has."""
    wanted = text.casefold()
    found = [claim for claim in claims if any(wanted in each.casefold() for each in texts(claim))]
    if found or not claims:
        return found
    words = {word.strip('(),.:;"') for claim in claims for each in texts(claim) for word in each.split()}
    near = nearest(text, sorted(words), 1)
    hint = f"did you mean {quoted(near[0])}?" if near else f"any part of a claim's {what} will do, and any case"
    raise VcalcError("usage", f"no claim that is asked for has {quoted(text)} in its {what}", hint=hint)
