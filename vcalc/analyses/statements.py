"""What a source says of a figure: that it is so much, about so much, or on one side of it, in the source's own form.

`13.6 GFLOP`, `~70k`, `<10%`, `3x or more`, `25% fewer`. docs/claims.md says what each form asks of ours.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from vcalc.numerals import NumeralError, Printed, exactly

ABOUT, LESS, AT_MOST, MORE, AT_LEAST = "about", "less than", "at most", "more than", "at least"

TOLERANCE = Fraction(1, 20)
"""How far from an approximation ours may be: a twentieth of it."""

_Words = dict[str, tuple[str, ...]]

_BEFORE: _Words = {
    ABOUT: ("~", "∼", "≈", "≃", "about", "around", "approximately", "approx.", "roughly", "circa", "ca."),
    AT_MOST: ("<=", "≤", "at most", "up to", "no more than"),
    AT_LEAST: (">=", "≥", "at least", "no less than"),
    LESS: ("<", "less than", "fewer than", "under", "below"),
    MORE: (">", "more than", "over", "above"),
}
_AFTER: _Words = {AT_LEAST: ("or more", "+"), AT_MOST: ("or less", "or fewer")}
_CHANGES: _Words = {"less": ("less", "fewer", "smaller", "lower"), "more": ("more", "larger", "higher", "greater")}


class Statement:
    """A printed figure with what the source says of it. Raises NumeralError for a text that is none."""

    def __init__(self, text: str, kilobyte: int, digits: int | None = None, kilo: int = 1000) -> None:
        self.relation, rest = _taken(text.strip())
        self.change, rest = _ending(rest, _CHANGES) if rest[-1:].isalpha() else ("", rest)
        self.figure = Printed(f"{rest[:-1].strip()}x" if rest.endswith("×") else rest, kilobyte, digits, kilo)
        """The figure by itself."""
        if self.change and self.figure.word not in ("%", "x"):
            raise NumeralError("only a percent or a multiple is less or more", f"25% {self.change}, 3x {self.change}")

    @property
    def value(self) -> Fraction:
        """The figure's own value."""
        return self.figure.value

    def holds(self, value: Any, cut: bool = False) -> bool:
        """Whether ours, exact, is what the source says; `cut` where it cuts digits instead of rounding."""
        exact = exactly(value)
        if exact is None:
            return False
        exact = self._changed(exact)
        if exact is None:
            return False
        return self._holds(exact, cut)

    def _holds(self, exact: Fraction, cut: bool) -> bool:
        printed = self.figure
        if self.relation == LESS:
            return exact < printed.value
        if self.relation == MORE:
            return exact > printed.value
        rounds = printed.matches(exact, cut and not self.relation)
        if self.relation == AT_MOST:
            return rounds or exact < printed.value
        if self.relation == AT_LEAST:
            return rounds or exact > printed.value
        return rounds or (self.relation == ABOUT and abs(exact - printed.value) <= TOLERANCE * abs(printed.value))

    def _changed(self, ratio: Fraction) -> Fraction | None:
        """A ratio as the source counts it: what is less or more of it, or how many times smaller it is."""
        if self.figure.word == "x":
            return ratio if self.change != "less" else 1 / ratio if ratio else None
        return {"less": 1 - ratio, "more": ratio - 1}.get(self.change, ratio)


def bare(text: str) -> str:
    """The figure of a text without what is said of it (`70k` of `~70k`); the text itself where it says nothing."""
    relation, rest = _taken(text.strip())
    return rest if relation else text


def _taken(text: str) -> tuple[str, str]:
    """The relation that a text begins or ends with, and the rest of it."""
    if text[:1].isdigit():
        return _ending(text, _AFTER)
    for relation, words in _BEFORE.items():
        for word in words:
            rest = text[len(word) :]
            if text.lower().startswith(word) and not (word[-1].isalpha() and rest[:1].isalpha()):
                return relation, rest.strip()
    return "", text


def _ending(text: str, words: _Words) -> tuple[str, str]:
    """The sense of the word that a text ends with, and the text before it."""
    for sense, endings in words.items():
        for ending in endings:
            if text.lower().endswith(ending):
                return sense, text[: -len(ending)].strip()
    return "", text
