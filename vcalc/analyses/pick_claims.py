"""Which claims somebody wants to see: by source and edition, which needs no verdict, and by what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from vcalc.analyses.claims import DIFFERS, IMPLIES, REPRODUCED, UNDER, Verdict
from vcalc.analyses.read_claims import Claim
from vcalc.errors import VcalcError, nearest, quoted

ONLY: dict[str, Callable[[Verdict], bool]] = {
    "differs": lambda verdict: verdict.verdict == DIFFERS,
    "under": lambda verdict: verdict.verdict == UNDER,
    "reproduced": lambda verdict: verdict.verdict == REPRODUCED,
    "implies": lambda verdict: verdict.verdict == IMPLIES,
}
"""What may be asked for of verdicts, by name."""


class Pick(NamedTuple):
    """What is wanted: texts that a claim's sources and edition have in them, and kinds of verdicts, any of which."""

    only: tuple[str, ...] = ()
    source: str = ""

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Pick()

    def chosen(self, claims: list[Claim]) -> list[Claim]:
        """The claims that may be wanted, whatever their verdict. Raises VcalcError for a text that none of them has."""
        found = [claim for claim in claims if self.source.casefold() in claim.source.casefold()]
        if claims and not found:
            raise _no_source(self.source, claims)
        return found

    def verdict(self, verdict: Verdict) -> bool:
        """Whether a verdict is wanted."""
        return not self.only or any(ONLY[name](verdict) for name in self.only)


def _no_source(text: str, claims: list[Claim]) -> VcalcError:
    words = {word.strip('(),.:;"') for claim in claims for word in claim.source.split()}
    near = nearest(text, sorted(words), 1)
    hint = f"did you mean {quoted(near[0])}?" if near else "any part of a source will do: Johnson, torchvision, Table 1"
    return VcalcError("usage", f"no claim has a source with {quoted(text)} in it", hint=hint)
