"""`schedule`: how many images a network is trained on, at which sizes, and who says so."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

import yaml

from vcalc.arithmetic import Number, is_symbolic
from vcalc.errors import VcalcError, quoted
from vcalc.numerals import NumeralError, read
from vcalc.source.read import Entries, Source, YamlNode, describe
from vcalc.spec.words import SCHEDULE

_DIGITS = 30
"""A training of more images or steps than numbers of so many digits is no training."""

_EXAMPLE = "schedule: {images: 1.28M, epochs: 300}, or {steps: 500K, batch: 4096}"


class Schedule(NamedTuple):
    """Images an epoch and epochs, or steps and images a step; the sizes and hyperparameters of training."""

    images: Number | None = None
    epochs: Number | None = None
    steps: Number | None = None
    batch: Number | None = None
    bindings: tuple[tuple[str, str], ...] = ()
    source: str = ""

    def checked(self) -> Schedule:
        """The schedule, of which both halves of one way are there. Raises VcalcError for anything else."""
        given = tuple(name for name in ("images", "epochs", "steps", "batch") if getattr(self, name) is not None)
        if given in (("images", "epochs"), ("steps", "batch")):
            return self
        found = f"it has {' and '.join(given)}" if given else "it has neither"
        message = f"a schedule needs images and epochs, or steps and batch; {found}"
        raise VcalcError("schedule", message, hint=_EXAMPLE)

    @property
    def seen(self) -> Number:
        """The images that training passes forward and back, each as often as it is seen; whole."""
        a: Number = self.steps if self.images is None else self.images
        b: Number = self.batch if self.images is None else self.epochs
        if is_symbolic(a) or is_symbolic(b):
            from vcalc import symbols

            return symbols.closed_form(symbols.round_half_away(symbols.exact(a) * symbols.exact(b)))
        return floor(a * b + Fraction(1, 2))  # of 1.5 epochs of 3 images 5: halves up, as everywhere

    def __str__(self) -> str:
        a, b = (self.images, self.epochs) if self.images is not None else (self.batch, self.steps)
        unit = "epoch" if self.images is not None else "step"
        what = f"{_shown(b)} {unit}{'' if b == 1 else 's'} of {_shown(a)} images"
        return " ".join([what, *(f"{name}={value}" for name, value in self.bindings)])


def _shown(figure: Number) -> str:
    if isinstance(figure, int):
        return f"{figure:,}"
    return f"{float(figure):,g}" if isinstance(figure, Fraction) else str(figure)


def count(text: str, what: str) -> int | Fraction:
    """`1.28M`, `1,281,167` or `0.5`, exactly. Raises VcalcError for what is no positive number."""
    message, hint = f"{what} is a number above 0, not {quoted(text)}", "1281167, 1.28M or 300"
    try:
        value = read(text, "KMBGT").value()
    except NumeralError as error:
        raise error.error("schedule", message, hint) from None
    if not 0 < value < 10**_DIGITS:
        raise VcalcError("schedule", message, hint=hint)
    return value.numerator if value.denominator == 1 else value


def read_schedule(source: Source, node: YamlNode) -> Schedule | None:
    """A schedule from its YAML node; what is wrong with it is noted in the source, and None returned."""
    before = len(source.problems)
    entries = source.mapping(node, "schedule", _EXAMPLE)
    source.known_keys(entries, SCHEDULE, "schedule")
    figures = {key: _count(source, entries, key) for key in ("images", "epochs", "steps", "batch") if key in entries}
    bindings = _bindings(source, entries)
    text = " ".join(source.text(entries["source"][1], "source").split()) if "source" in entries else ""
    if len(source.problems) > before:
        return None
    try:
        return Schedule(**figures, bindings=bindings, source=text).checked()
    except VcalcError as error:
        source.take(error, node)
        return None


def _count(source: Source, entries: Entries, key: str) -> Any:
    node = entries[key][1]
    if not isinstance(node, yaml.ScalarNode):
        source.report("type", f"{key} is a number, not {describe(node)}", node)
        return None
    try:
        return count(node.value, key)
    except VcalcError as error:
        source.take(error, node)
        return None


def _bindings(source: Source, entries: Entries) -> tuple[tuple[str, str], ...]:
    pairs = source.mapping(entries["set"][1], "set", "set: {H: 224, W: 224}") if "set" in entries else {}
    return tuple((name, source.text(value, f"the value of {quoted(name)}")) for name, (_, value) in pairs.items())
