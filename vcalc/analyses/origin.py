"""Where a printed number comes from: what is known is asked before what merely fits, and a fit is weighed.

The claims of the model's file come first, then the model as tools count it and the variants that its claims name. What
is tried after that (docs/macs-and-flops.md lists it) is no more than a fit; how likely one is by accident is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from vcalc.analyses import readings
from vcalc.analyses.attempts import Attempts
from vcalc.analyses.claims import Verdict
from vcalc.analyses.cost import dtype_name
from vcalc.analyses.published import FINER, SAME, published
from vcalc.analyses.readings import Asked, Counting, Missing, Reading
from vcalc.analyses.variants import Model

LIKELY = {0: Fraction(2), 1: Fraction(1, 5), 2: Fraction(1, 50)}
"""A fit is no answer where so large a share of all figures has one by accident: by how many things are changed at once,
the counting (half, a group) or the variant, or the variant and the tool. What is known needs no such test."""

NEAREST = 5


class Origin(NamedTuple):
    """What a number may be, and how sure that is."""

    verdicts: list[Verdict]
    """The claims that print it."""
    found: list[Reading]
    changed: int
    """How many things differ from the model as it is, or a variant that its claims name: none where it is known."""
    tried: int
    """The numbers that were tried until one was found."""
    accident: Fraction
    """The share of all figures with as many digits, from half to twice it, that one of those comes to."""
    nearest: list[Reading]
    missing: list[tuple[Reading, list[Missing]]]
    meant: tuple[str, Reading] | None = None
    """The figure with another letter, where the model comes near to that."""
    cut_short: bool = False
    """Whether the network is too large to try everything."""

    @property
    def known(self) -> bool:
        """Whether it is what the model, or a variant that its claims name, comes to."""
        return bool(self.found) and not self.changed

    @property
    def fits(self) -> bool:
        """Whether something comes to it that is no accident."""
        return bool(self.found) and self.accident < LIKELY[self.changed]

    @property
    def holds(self) -> bool:
        """Whether that is an answer."""
        return self.fits or any(verdict.explained for verdict in self.verdicts)


def origin(asked: Asked, model: Model, counting: Counting, fixed: bool = False) -> Origin:
    """What a printed number may be, the closest first. With `fixed` only the one convention is tried that is named."""
    claims = model.claims()
    fit, verdicts = published(asked, claims, model, counting, fixed)
    is_printed = fit in (SAME, FINER) and any(verdict.explained for verdict in verdicts)
    result = Origin(verdicts, [], 0, 0, Fraction(0), [], [])
    tried: list[Reading] = []
    attempts = Attempts(asked, model, counting, fixed)
    for changed, readings_of in attempts.steps(model.own(claims)) if asked.metrics else ():
        if is_printed and changed:
            break
        new = [asked.marked(reading) for reading in readings_of() if reading.value > 0]
        tried += new
        result = _weighed(asked, result, tried, [reading for reading in new if reading.how], changed)
        if result.fits:
            break
    if is_printed or result.fits:
        return result
    result = result._replace(cut_short=attempts.is_over)
    plain = [reading for reading in tried if _is_plain(reading, model, counting)]
    near, graph = nearest(asked, plain), model.network.graph
    parts = [(reading, readings.missing(asked, graph, reading, counting)) for reading in near]
    return result._replace(nearest=near, missing=parts, meant=misread(asked, plain))


def _weighed(asked: Asked, result: Origin, tried: list[Reading], new: list[Reading], changed: int) -> Origin:
    """What has been found, with the new, and how likely it was to find something. A fit stands without the doubtful."""
    values = {reading.value for reading in tried}
    accident = share_met(asked, values) if new or result.found else Fraction(0)
    alone = result._replace(found=_unlike(new), changed=changed, tried=len(values), accident=accident)
    return alone if alone.fits else alone._replace(found=_unlike([*result.found, *new]))


def _unlike(found: Iterable[Reading]) -> list[Reading]:
    """Each value once for a convention and a metric."""
    unlike: dict[Any, Reading] = {}
    for reading in found:
        unlike.setdefault((reading.convention and reading.convention.name, reading.metric, reading.value), reading)
    return list(unlike.values())


def share_met(asked: Asked, values: Iterable[Any]) -> Fraction:
    """The share of figures with as many digits, from half to twice the printed one, that some value rounds or cuts to.

    So likely it is that a figure with no reason at all is met. Megabytes may be of two kinds: both are counted.
    """
    share = Fraction(0)
    for figure in asked.figures.values():
        step, low, high = figure.last_digit, figure.value / 2, 2 * figure.value
        near = [Fraction(value) for value in values if low <= value <= high]
        met = {number for value in near for number in (value // step, (value + step / 2) // step)}
        share += Fraction(len(met)) * step / (high - low)
    return min(share, Fraction(1))


def nearest(asked: Asked, every: list[Reading]) -> list[Reading]:
    """The readings that come nearest to a printed number; those that are far off only where all are, and then few."""
    near = sorted(every, key=lambda reading: _factor(reading, asked))
    return [reading for reading in near if _factor(reading, asked) <= 10][:NEAREST] or near[:2]


def _factor(reading: Reading, asked: Asked) -> Fraction:
    """How many times the one is the other, the larger by the smaller."""
    quotient = Fraction(reading.value) / asked.value
    return max(quotient, 1 / quotient)


def misread(asked: Asked, every: list[Reading]) -> tuple[str, Reading] | None:
    """The figure with another letter, where a reading is near to that and none to this: 4.1 for 4.1G."""
    if any(_factor(reading, asked) <= 10 for reading in every):
        return None
    meant = [other for other in map(asked.with_letter, ("", "K", "M", "G", "T")) if other is not None]
    pairs = [(other, reading) for other in meant for reading in every if _factor(reading, other) < Fraction(11, 10)]
    if not pairs:
        return None
    other, reading = min(pairs, key=lambda pair: 0 if pair[0].marked(pair[1]).how else _factor(pair[1], pair[0]))
    return other.text, reading


def _is_plain(reading: Reading, model: Model, counting: Counting) -> bool:
    """Whether a reading is of the model as it is."""
    as_it_is = reading.variant == model.network.name and not reading.of and reading.times == 1
    return as_it_is and reading.dtype in ("", dtype_name(counting.dtype))
