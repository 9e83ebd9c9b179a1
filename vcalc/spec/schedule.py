"""`schedule`: how many images a network is trained on, at which sizes, and who says so."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

import yaml

from vcalc.arithmetic import Number, is_symbolic
from vcalc.errors import VcalcError, quoted
from vcalc.numerals import NumeralError, read
from vcalc.source.keys import Key, Need, Pairs, Record, Schema, Text, Type
from vcalc.source.read import Source, YamlNode, describe

_DIGITS = 30
"""A training of more images or steps than numbers of so many digits is no training."""

_EXAMPLE = "schedule: {images: 1.28M, epochs: 300}, or {steps: 500K, batch: 4096}"

_WAYS = Need((("images", "epochs"), ("steps", "batch")))


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
        given = {name for name in ("images", "epochs", "steps", "batch") if getattr(self, name) is not None}
        problem = _WAYS.problem(given, set())
        if problem:
            raise VcalcError("schedule", f"a schedule {problem}", hint=_EXAMPLE)
        return self

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
        what = f"{_counted(b, unit)} of {_counted(a, 'image')}"
        return " ".join([what, *(f"{name}={value}" for name, value in self.bindings)])


def _counted(figure: Number, what: str) -> str:
    return f"{_shown(figure)} {what}{'' if figure == 1 else 's'}"


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


class _Count(Type):
    """A positive number."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return source.report("type", f"{what} is a number, not {describe(node)}", node)
        try:
            return count(node.value, what)
        except VcalcError as error:
            return source.take(error, node)

    def schema(self) -> Schema:
        return {"type": ["string", "number"], "pattern": "[0-9]", "exclusiveMinimum": 0}


class _Schedule(Record):
    """The keys of a schedule, read into one."""

    def read(self, source: Source, node: YamlNode, what: str = "") -> Any:
        """A schedule from its node; what is wrong with it is noted in the source, and None returned."""
        before = len(source.problems)
        said = super().read(source, node, what)
        return Schedule(bindings=said.pop("set"), **said) if len(source.problems) == before else None


SCHEDULE = _Schedule(
    "a schedule",
    (
        Key("images", _Count(), "Images an epoch."),
        Key("epochs", _Count(), "How often each image is seen."),
        Key("steps", _Count(), "Steps of training, in place of images and epochs."),
        Key("batch", _Count(), "Images a step."),
        Key(
            "set",
            Pairs(Text(), "set: {H: 224, W: 224}"),
            "Sizes and hyperparameters of training, where they are not the model's own: `{H: 224, W: 224}`.",
            (),
        ),
        Key("source", Text(), "Who says so, down to the table.", ""),
    ),
    [_WAYS],
    example=_EXAMPLE,
    code="schedule",
)
"""The keys of `schedule`."""
