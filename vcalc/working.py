"""Numbers that remember how they came about: `--explain` evaluates the ordinary formulas on them.

A `Working` is an exact value and the text of the arithmetic that gave it. Fed to a formula in place of ints, it
gives the same count with its working: `(3*3*64)*64 + 64`.
"""

from __future__ import annotations

from typing import Any

SUM, PRODUCT, GROUP, ATOM = 1, 2, 3, 4


class Working:
    """A whole number with the text of its arithmetic and how tightly that text binds."""

    __slots__ = ("strength", "text", "value")

    def __init__(self, value: Any, text: str | None = None, strength: int = ATOM) -> None:
        self.value = value
        self.text = str(value) if text is None else text
        self.strength = strength

    @classmethod
    def of(cls, value: Any) -> Working:
        """The value as a working: a plain one where it is none yet."""
        if isinstance(value, Working):
            return value
        return cls(value, strength=SUM if getattr(value, "is_Add", False) else ATOM)

    @property
    def bare(self) -> Any:
        """The value without its working."""
        return self.value

    @property
    def is_plain(self) -> bool:
        """True for a number that no arithmetic led to."""
        return self.strength == ATOM or self.text == str(self.value)

    def grouped_product(self, factors: tuple[Any, ...]) -> Working:
        """The product of several factors, shown as one group; factors of one are left out."""
        workings = [Working.of(factor) for factor in factors]
        value = 1
        for working in workings:
            value = value * working.value
        shown = [working for working in workings if working.value != 1] or [Working(1)]
        if len(shown) == 1:
            return shown[0]
        return Working(value, "*".join(working._within(PRODUCT, right=True) for working in shown), GROUP)

    def __add__(self, other: Any) -> Working:
        other = Working.of(other)
        if other.value == 0 or self.value == 0:
            return self if other.value == 0 else other
        return Working(self.value + other.value, f"{self.text} + {other.text}", SUM)

    def __sub__(self, other: Any) -> Working:
        other = Working.of(other)
        if other.value == 0:
            return self
        return Working(self.value - other.value, f"{self.text} - {other._within(SUM, right=True)}", SUM)

    def __mul__(self, other: Any) -> Working:
        other = Working.of(other)
        if other.value == 1 or self.value == 1:
            return self if other.value == 1 else other
        if other.value == 0 or self.value == 0:
            return Working(0)
        text = f"{self._within(PRODUCT)}*{other._within(PRODUCT, right=True)}"
        return Working(self.value * other.value, text, PRODUCT)

    def __floordiv__(self, other: Any) -> Working:
        other = Working.of(other)
        if other.value == 1:
            return self
        left, right = self._within(PRODUCT), other._within(PRODUCT, right=True)
        return Working(self.value // other.value, f"{left}//{right}", PRODUCT)

    def __truediv__(self, other: Any) -> Working:
        other = Working.of(other)
        text = f"{self._within(PRODUCT)}/{other._within(PRODUCT, right=True)}"
        return Working(self.value / other.value, text, PRODUCT)

    def __neg__(self) -> Working:
        return Working(-self.value, f"-{self._within(PRODUCT, right=True)}", SUM)

    def __mod__(self, other: Any) -> Any:
        return self.value % Working.of(other).value

    def __radd__(self, other: Any) -> Working:
        return Working.of(other) + self

    def __rsub__(self, other: Any) -> Working:
        return Working.of(other) - self

    def __rmul__(self, other: Any) -> Working:
        return Working.of(other) * self

    def __rfloordiv__(self, other: Any) -> Working:
        return Working.of(other) // self

    def __eq__(self, other: object) -> bool:
        return bool(self.value == Working.of(other).value)

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < Working.of(other).value)

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= Working.of(other).value)

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > Working.of(other).value)

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= Working.of(other).value)

    def __index__(self) -> int:
        return int(self.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return self.text

    def _within(self, strength: int, right: bool = False) -> str:
        """The text, in parentheses where the arithmetic around it would pull it apart."""
        if self.strength == GROUP:
            return f"({self.text})"
        tight = self.strength > strength or (self.strength == strength and not right)
        return self.text if tight else f"({self.text})"


def with_working(value: Any) -> Any:
    """Whole numbers inside tuples turned into workings; everything else as it is."""
    if isinstance(value, tuple):
        return tuple(with_working(item) for item in value)
    return Working.of(value) if type(value) is int or hasattr(value, "free_symbols") else value
