"""Numbers to text and back: exact with separators, rounded with a unit, formulas; and figures as papers print them."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from vcalc.errors import VcalcError

COUNTS = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("K", 10**3))
_POWERS = {"K": 1, "M": 2, "G": 3, "B": 3, "T": 4}


def plain(value: Any) -> str:
    """The value as it is written."""
    return _formula(value) if hasattr(value, "free_symbols") else str(value)


@lru_cache(maxsize=1000)
def _formula(value: Any) -> str:
    """A formula: layers have the same ones over and over, and SymPy takes its time."""
    return str(value)


def exact(value: Any) -> str:
    """All digits, with separators for thousands; formulas as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, (int, float)) else plain(value)


def rounded(value: Any, unit: str = "") -> str:
    """Three or more significant digits with K, M, G (1e3, 1e6, 1e9): `15.48 G`."""
    if not isinstance(value, (int, float)):
        return f"{plain(value)} {unit}".rstrip()
    for letter, factor in (("", 1), *reversed(COUNTS)):  # noqa: B007, the last of them is printed
        text = _short(value / factor if factor > 1 else value)
        if abs(float(text.replace(",", ""))) < 1000 or factor == COUNTS[0][1]:
            break
    return f"{text} {letter}{unit}".rstrip()


def size(value: Any, kilobyte: int = 1024) -> str:
    """Bytes in KB, MB or GB of 1024 (or 1000) steps."""
    if not isinstance(value, (int, float)):
        return f"{plain(value)} bytes"
    for letter, power in (("TB", 4), ("GB", 3), ("MB", 2), ("KB", 1)):
        if abs(value) >= kilobyte**power:
            return f"{_short(value / kilobyte**power)} {letter}"
    return f"{value} bytes"


def ratio(value: float) -> str:
    """A quotient of counts: a fraction of small numbers where it is one, else four digits."""
    from fractions import Fraction

    fraction = Fraction(value).limit_denominator(100)
    return str(fraction) if abs(fraction - value) < 1e-12 * value else f"{value:.4g}"


def _short(value: float) -> str:
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:,.2f}"


class Printed:
    """A figure as a source prints it: the value of its text, and the size of its last digit."""

    def __init__(self, text: str, kilobyte: int, digits: int | None = None, kilo: int = 1000) -> None:
        found = re.fullmatch(_FIGURE, text.strip())
        if not found:
            raise VcalcError("claim", f"'{text}' is not a printed figure", hint="13.6 GFLOP, 61M, 1.9 MB, 4096, 4.1e9")
        number, exponent, unit = found["number"].replace(",", ""), found["exponent"], found["unit"] or ""
        scale = _scale(unit, kilobyte, kilo) * 10 ** int(exponent or 0)
        decimals = len(number.partition(".")[2])
        self.text = text
        self.unit = unit
        self.value = float(number) * scale
        self.last_digit = scale * 10.0**-decimals
        if digits is not None and self.value:
            leading = math.floor(math.log10(abs(self.value)))
            self.last_digit = max(self.last_digit, 10.0 ** (leading + 1 - digits))

    @property
    def metrics(self) -> tuple[str, ...]:
        """What the figure may count, by its unit."""
        unit = self.unit.lower()
        if unit.endswith(("flop", "flops", "mac", "macs")):
            return ("flops",)
        if unit == "params":
            return ("params",)
        if unit == "bytes" or (len(unit) > 1 and unit.endswith("b")):
            return ("memory",)
        return ("flops", "params")

    def matches(self, value: Any, cut: bool = False) -> bool:
        """Whether `value`, rounded (or cut) to the printed digits, gives the printed figure."""
        difference = value - self.value
        slack = 1e-9 * abs(self.value)
        if cut:
            return bool(-slack <= difference < self.last_digit)
        return bool(abs(difference) <= self.last_digit / 2 + slack)


_FIGURE = (
    r"(?P<number>-?[\d,]*\.?\d+)(?:e(?P<exponent>[+-]?\d{1,2}))?\s*x?\s*"
    r"(?P<unit>[KMGBTkmgbt](?:i?B)?(?:FLOPs?|MACs?)?|(?:FLOPs?|bytes|elements|params))?"
)


def _scale(unit: str, kilobyte: int, kilo: int) -> int:
    if not unit or unit.lower() in ("flop", "flops", "bytes", "elements", "params"):
        return 1
    letter = unit[0].upper()
    step = {"B": kilobyte, "iB": 1024}.get(unit[1:], kilo)
    return int(step ** _POWERS[letter])
