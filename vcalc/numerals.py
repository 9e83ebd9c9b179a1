"""Numbers as people write and print them, read exactly: `1,234`, `15.3G`, `4.1e9`, `12.5 MB`, `40%`.

There is one grammar. Where a number stands decides which letters and units may follow it, and nothing else.
A comma (or `_`, or a space) stands before every three digits; a decimal point is a point.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from vcalc.errors import VcalcError
from vcalc.limits import FIGURE_DIGITS as DIGITS

if TYPE_CHECKING:
    from fractions import Fraction

_THOUSANDS = {"K": 1, "M": 2, "G": 3, "B": 3, "T": 4, "P": 5, "E": 6}
_IN_WORDS = {"thousand": "K", "million": "M", "billion": "B", "trillion": "T"}
_MARKS = "[,_ \u00a0\u2009\u202f]"
_NUMBER = (
    rf"(?P<sign>[+-]?)(?=\.?[0-9])(?P<whole>[0-9]{{1,3}}(?:(?P<mark>{_MARKS})[0-9]{{3}})(?:(?P=mark)[0-9]{{3}})*|[0-9]*)"
    r"(?:\.(?P<decimals>[0-9]+))?(?:(?:[eE]|\s*[x×]\s*10\s*(?:\^|\*\*)\s*)(?P<exponent>[+-]?[0-9]{1,2}))?"
    rf"\s*(?P<unit>(?:(?:[A-Za-z]|{'|'.join(_IN_WORDS)})\s+)?[A-Za-z/%]*)"
)
_ENDLESS = rf"[0-9](?:{_MARKS}?[0-9]){{{DIGITS}}}|[0-9]\.?[eE][+-]?[0-9]{{3}}|^\W*(?:inf|infinity|nan)\b"
_MISPLACED = r"(?P<before>[+-]?[0-9][0-9.,_]*?)(?P<mark>[.,_])(?P<after>[0-9]+)(?P<rest>[^0-9.,_]*)"


class NumeralError(ValueError):
    """A text that is no number: the reason, where it has one, and what would have been one."""

    def __init__(self, reason: str = "", instead: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.instead = instead

    def error(self, code: str, message: str, hint: str) -> VcalcError:
        """The error of the place where the text stands, with the reason and what would have worked."""
        return VcalcError(code, f"{message}: {self.reason}" if self.reason else message, hint=self.instead or hint)


class Numeral(NamedTuple):
    """A number that was read: its digits' value, the size of the last one, and what follows them."""

    number: Fraction
    last_digit: Fraction
    letter: str
    """K, M, G, B, T, P, E or nothing."""
    word: str
    """The unit as it is written, without the letter."""

    def scale(self, kilo: int = 1000) -> int:
        """What the letter stands for."""
        return int(kilo ** _THOUSANDS.get(self.letter, 0))

    def value(self, kilo: int = 1000) -> Fraction:
        """The number, letter and all."""
        return self.number * self.scale(kilo)


def read(text: str, letters: str = "", words: tuple[str, ...] = ()) -> Numeral:
    """A number, with one of some letters and one of some units after it. Raises NumeralError for anything else."""
    text = text.strip()
    if is_endless(text):
        raise NumeralError("it is beyond anything that is counted")
    found = re.fullmatch(_NUMBER, text)
    unit = _unit("".join(found["unit"].split()), letters, words) if found else None
    if found is None or unit is None:
        raise _refusal(text, letters, words)
    numeral = Numeral(*_value(found), *unit)
    if abs(numeral.value()) >= 10**DIGITS or numeral.last_digit * 10**DIGITS < 1:
        raise NumeralError("it is beyond anything that is counted")
    return numeral


def whole(text: str) -> int:
    """A whole number without a unit. Raises NumeralError for anything else."""
    number = read(text).number
    if number.denominator != 1:
        raise NumeralError
    return number.numerator


def is_endless(text: str) -> bool:
    """True for more digits or a larger exponent than anything that is counted has, and for infinity."""
    return bool(re.search(_ENDLESS, text[: 20 * DIGITS], re.IGNORECASE))


def _value(found: re.Match[str]) -> tuple[Fraction, Fraction]:
    """The number and the size of its last digit."""
    from fractions import Fraction

    decimals = found["decimals"] or ""
    digits = re.sub(_MARKS, "", found["whole"]) + decimals
    last_digit = Fraction(10) ** (int(found["exponent"] or 0) - len(decimals))
    return Fraction(int(f"{found['sign']}{digits}")) * last_digit, last_digit


def _unit(unit: str, letters: str, words: tuple[str, ...]) -> tuple[str, str] | None:
    """The letter and the word of a unit; a letter alone is a letter first. None for a unit that may not stand here."""
    for spelt, letter in _IN_WORDS.items():
        if unit.lower().startswith(spelt):
            rest = unit[len(spelt) :]
            return (letter, rest) if letter in letters and (not rest or _is_word(rest, words)) else None
    if not unit or (len(unit) == 1 and unit.upper() in letters):
        return unit.upper(), ""
    if _is_word(unit, words):
        return "", unit
    return (unit[0].upper(), unit[1:]) if unit[0].upper() in letters and _is_word(unit[1:], words) else None


def _is_word(word: str, words: tuple[str, ...]) -> bool:
    """Whether a word is one of those; only of B and iB, which b and ib are not, the case matters."""
    return word in words or (len(word) > 2 and word.lower() in words)


def _refusal(text: str, letters: str, words: tuple[str, ...]) -> NumeralError:
    """Why a text is no number, as far as that can be told, and the number that may be meant."""
    number = re.fullmatch(_NUMBER, text)
    found = re.fullmatch(_MISPLACED, text) if number is None else None
    if found and len(text) <= DIGITS:
        return _misplaced(found)
    bare = text.lstrip("~≈<>= ").rstrip("~≈<>= +%x")
    if bare != text:
        try:
            read(bare, letters, words)
        except NumeralError:
            bare = ""
        if bare:
            return NumeralError(instead=bare)
    return NumeralError(f"'{number['unit']}' is no unit that may stand here" if number else "")


def _misplaced(found: re.Match[str]) -> NumeralError:
    """Marks that do not stand before every three digits: a decimal comma, or points for thousands."""
    before, mark, after, rest = found["before"], found["mark"], found["after"], found["rest"].rstrip()
    digits = re.sub("[.,_]", "", before)
    if not re.search("[.,_]", before):
        grouped = f"{int(digits + after):,}" if len(digits + after) > 3 else f"{int((digits + after).ljust(4, '0')):,}"
        return NumeralError(f"'{mark}' stands before every three digits", f"{digits}.{after}{rest} or {grouped}{rest}")
    point = f".{after}" if mark != before[-1:] and len(after) != 3 else ""
    number = f"{int(digits):,}{point}" if point else f"{int(digits + after):,}"
    return NumeralError("',' stands before every three digits, and '.' before decimals", f"{number}{rest}")


class Printed:
    """A figure as a source prints it: the value of its text and the size of its last digit, both exact.

    Raises NumeralError for a text that is none.
    """

    def __init__(self, text: str, kilobyte: int, digits: int | None = None, kilo: int = 1000) -> None:
        numeral = read(text, "KMGBTP", FIGURES)
        if numeral.word == "%":
            numeral = _of_a_hundred(numeral, text)
        step = {"B": kilobyte, "iB": 1024}.get(numeral.word, kilo)
        self.text = text
        self.unit = numeral.letter + numeral.word
        self.word = numeral.word
        self.value = numeral.value(step)
        self.last_digit = numeral.last_digit * numeral.scale(step)
        if digits is not None and self.value:
            self.last_digit = max(self.last_digit, _power_of_ten(_leading(abs(self.value)) + 1 - digits))

    @property
    def metrics(self) -> tuple[str, ...]:
        """What the figure may count, by its unit; nothing for a ratio."""
        return METRICS_OF.get(self.word if self.word in ("B", "iB") else self.word.lower(), ())

    @property
    def in_bytes(self) -> bool:
        """Whether it is a size in bytes."""
        return self.metrics == ("memory",)

    @property
    def digits(self) -> int:
        """The digits that it is printed with, zeros before the first other one left out."""
        return len(str(abs(self.value) // self.last_digit)) if self.value else 0

    def matches(self, value: Any, cut: bool = False) -> bool:
        """Whether `value`, rounded (or cut) to the printed digits, gives the printed figure.

        A float counts as the decimal that it is written as.
        """
        exact = exactly(value)
        if exact is None:
            return False
        difference = exact - self.value
        if cut:
            return 0 <= difference < self.last_digit
        return 2 * abs(difference) <= self.last_digit


METRICS_OF = {
    "": ("flops", "params", "elements"),
    **dict.fromkeys(("flop", "flops", "mac", "macs"), ("flops",)),
    **dict.fromkeys(("param", "params", "parameters"), ("params",)),
    **dict.fromkeys(("elements", "activations"), ("elements",)),
    **dict.fromkeys(("bytes", "B", "iB"), ("memory",)),
}
"""What a figure counts, by the word after it."""

FIGURES = (*(word for word in METRICS_OF if word), "x", "%")
"""Words that may follow a printed figure; `x` and `%` follow a ratio."""


def _of_a_hundred(percent: Numeral, text: str) -> Numeral:
    """The share that a percent is. Raises NumeralError for a letter before it."""
    if percent.letter:
        raise NumeralError(instead=text.strip().removesuffix("%").strip())
    return percent._replace(number=percent.number / 100, last_digit=percent.last_digit / 100)


def exactly(value: Any) -> Fraction | None:
    """A number as a fraction, a float as the decimal that it is written as; None of infinity and of no number."""
    from fractions import Fraction
    from math import isfinite

    if isinstance(value, float):
        return Fraction(repr(float(value))) if isfinite(value) else None
    return Fraction(value)


def _leading(value: Fraction) -> int:
    """The power of ten of the first digit of a positive number."""
    power = len(str(value.numerator)) - len(str(value.denominator))
    return power if value >= _power_of_ten(power) else power - 1


def _power_of_ten(power: int) -> Fraction:
    from fractions import Fraction

    return Fraction(10) ** power
