"""Numbers as text: exact with separators, rounded with a unit, formulas. numerals.py reads them back."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractions import Fraction

COUNTS = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("K", 10**3))


def plain(value: Any) -> str:
    """The value as it is written."""
    return _formula(value) if hasattr(value, "free_symbols") else str(value)


@lru_cache(maxsize=50_000)
def _formula(value: Any) -> str:
    """A formula: layers have the same ones over and over, a table asks twice, and SymPy takes its time."""
    return str(value)


def exact(value: Any) -> str:
    """All digits, with separators for thousands; formulas as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, (int, float)) else plain(value)


def counted(number: int, what: str) -> str:
    """`1 error`, `2 errors`, `3 files of claims`."""
    first, of, last = what.partition(" of ")
    return f"{number:,} {first}{'' if number == 1 else 's'}{of}{last}"


def rounded(value: Any, unit: str = "") -> str:
    """Three or more significant digits with K, M, G (1e3, 1e6, 1e9): `15.48 G`."""
    if not isinstance(value, (int, float)):
        return f"{plain(value)} {unit}".rstrip()
    for letter, factor in (("", 1), *reversed(COUNTS)):  # noqa: B007, the last of them is printed
        text = _short(_quotient(value, factor))
        if abs(float(text.replace(",", ""))) < 1000 or factor == COUNTS[0][1]:
            break
    return f"{text} {letter}{unit}".rstrip()


def size(value: Any, kilobyte: int = 1024) -> str:
    """Bytes in KB, MB or GB of 1024 (or 1000) steps."""
    if not isinstance(value, (int, float)):
        return f"{plain(value)} bytes"
    for letter, power in (("TB", 4), ("GB", 3), ("MB", 2), ("KB", 1)):
        if abs(value) >= kilobyte**power:
            return f"{_short(_quotient(value, kilobyte**power))} {letter}"
    return "1 byte" if value == 1 else f"{value} bytes"


def ratio(value: float | Fraction) -> str:
    """A quotient of counts: a fraction of small numbers where it is one, else four digits.

    A float is taken for the fraction that it is nearest to; counts beyond 2**53 need a Fraction to be told apart.
    """
    from fractions import Fraction

    fraction = Fraction(value).limit_denominator(100)
    same = fraction == value if isinstance(value, Fraction) else float(fraction) == value
    return str(fraction) if same else f"{float(value):.4g}"


def _quotient(value: float, by: int) -> float:
    """A number in a larger unit: a whole one, where a float would make up its last digits."""
    if by == 1:
        return value
    return (value + by // 2) // by if isinstance(value, int) and abs(value) >= by << 53 else value / by


def _short(value: float) -> str:
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:,.2f}"
