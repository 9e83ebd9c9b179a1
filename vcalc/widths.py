"""How many bits a number has where the dtype does not say, and which share of a layer's weights is not zero."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from vcalc.arithmetic import Number, bare, ceil_div, exact_div, is_symbolic

MOST_BITS = 64
"""No number is wider."""

BYTE = 8

GROUPS = {"weight": "weight", "bias": "bias", "scale": "norm", "shift": "norm"}
"""What the parameters of a role are called where their width is said; all others are `other`."""

OTHER = "other"
PARAMETERS = ("weight", "bias", "norm", OTHER)
"""The parameters whose width can be said."""

WIDE = ("weight", "activation", "bias", "norm", OTHER)
"""Everything whose width can be said: an activation is what a layer multiplies, by a weight or by another one."""

METRICS = {
    "bytes": "bytes of the parameters, each with its bits",
    "bops": "bit operations: each multiply-add with the bits of a weight times those of an activation",
    "effective_bytes": "bytes of the parameters without weights that are zero",
    "effective_bops": "bit operations without those of weights that are zero",
    "effective_multiply_adds": "multiply-adds, of two activations, too, without those of weights that are zero",
}
"""What depends on bits and densities, and what it means."""

HEADERS = {
    "bytes": "size (bytes)",
    "bops": "BOPs",
    "effective_bytes": "effective size (bytes)",
    "effective_bops": "effective BOPs",
}
"""What tables call those that they show."""


class Density(NamedTuple):
    """The share of the weights that is not zero, and the bits that say where each of those is."""

    share: Number
    """A fraction, or a symbol."""
    place_bits: int = 0
    """Two of 2:4, whose places are a part of the format; 0 where the format is left open."""
    pattern: str = ""
    """`2:4`, where it is one."""

    def of(self, count: Number) -> Number:
        """That share of a count, rounded up where it is a number."""
        if is_symbolic(self.share):
            return count * self.share
        return ceil_div(count * self.share.numerator, self.share.denominator)

    @property
    def is_open(self) -> bool:
        """Whether it is left open how the places of the weights are kept."""
        return not self.place_bits and self.share != 1

    def __str__(self) -> str:
        return self.pattern or (str(self.share) if is_symbolic(self.share) else f"{float(self.share):.6g}")


class Widths(NamedTuple):
    """The widths that are said of a layer, in bits; None where a number is as wide as the dtype says."""

    weight: Number = None
    activation: Number = None
    bias: Number = None
    norm: Number = None
    other: Number = None
    density: Density | None = None


PLAIN = Widths()


def group_of(role: str) -> str:
    """What the parameters of a role are called where their width is said."""
    return GROUPS.get(role, OTHER)


def packed(count: Number, bits: Number) -> Number:
    """The bytes of so many numbers side by side, without a gap: the last byte may not be full."""
    if isinstance(bits, int) and bits % BYTE == 0 and is_symbolic(count):
        return count * (bits // BYTE)
    whole = count * bits
    known = bare(whole)
    return whole // BYTE if isinstance(known, int) and known % BYTE == 0 else ceil_div(whole, BYTE)


def packed_share(count: Number, bits: Number, density: Density) -> Number:
    """The bytes of those of them that are not zero, and of what says where these are."""
    kept = density.of(count)
    if is_symbolic(density.share):
        return exact_div(kept * bits, BYTE)
    return packed(kept, bits) + (packed(kept, density.place_bits) if density.place_bits else 0)


def symbols_in(each: Iterable[Widths]) -> set[str]:
    """The names of the symbols in some widths."""
    said: set[Any] = set()
    for widths in {*each}:
        said |= {*widths[:-1], widths.density and widths.density.share}
    return {str(symbol) for value in said if is_symbolic(value) for symbol in value.free_symbols}
