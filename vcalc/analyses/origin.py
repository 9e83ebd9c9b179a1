"""Where a printed number comes from: what is known is asked before what merely fits, and a fit is weighed.

The claims of the model's file come first, then the model as tools count it and the variants that its claims name. What
is tried after that (docs/macs-and-flops.md lists it) is no more than a fit; how likely one is by accident is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from vcalc import conventions
from vcalc.analyses import readings
from vcalc.analyses.check_claims import beside
from vcalc.analyses.check_work import Work
from vcalc.analyses.claims import Verdict, judge
from vcalc.analyses.cost import dtype_name
from vcalc.analyses.read_claims import Claim
from vcalc.analyses.readings import Asked, Counting, Missing, Reading
from vcalc.analyses.variants import Model, Variant
from vcalc.numerals import NumeralError, Printed

LIKELY = {0: Fraction(2), 1: Fraction(1, 5), 2: Fraction(1, 50)}
"""A fit is no answer where so large a share of all figures has one by accident: by how many things are changed at once,
the counting (half, a group) or the variant, or the variant and the tool. What is known needs no such test."""

PLAIN = ("macs", "flops", "torchvision", "timm")
"""Under these, networks are published at other inputs, in groups and as variants, beside the spec's own."""

OTHER_DTYPES = ("float32", "float16", "int8")
"""4, 2 and 1 bytes."""

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


Step = tuple[int, Callable[[], Iterable[Reading]]]
"""How many things are changed at once, and the readings, worked out when they are asked for."""


def origin(asked: Asked, model: Model, counting: Counting, fixed: bool = False) -> Origin:
    """What a printed number may be, the closest first. With `fixed` only the one convention is tried that is named."""
    claims = model.claims()
    fit, verdicts = _published(asked, claims, model, counting, fixed)
    is_printed = fit in (_SAME, _FINER) and any(verdict.explained for verdict in verdicts)
    result = Origin(verdicts, [], 0, 0, Fraction(0), [], [])
    tried: list[Reading] = []
    steps = _steps(asked, model, claims, counting, fixed) if asked.metrics else ()
    for changed, readings_of in steps:
        if is_printed and changed:
            break
        new = [asked.marked(reading) for reading in readings_of() if reading.value > 0]
        tried += new
        result = _weighed(asked, result, tried, [reading for reading in new if reading.how], changed)
        if result.fits:
            break
    if is_printed or result.fits:
        return result
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


def _steps(asked: Asked, model: Model, claims: list[Claim], counting: Counting, fixed: bool) -> Iterator[Step]:
    """What is tried, in order. Each step changes one thing more, or something less likely, than those before it."""
    itself = model.itself
    plain = counting if fixed else counting._replace(conventions=_plain(model, counting))

    def counted(variants: Iterable[Variant], counting: Counting = counting) -> Iterator[Reading]:
        for variant in variants:
            yield from readings.totals(asked, variant, counting)
            if asked.in_bytes and not fixed:
                yield from readings.sizes(variant, counting, counting.dtype)

    yield 0, lambda: counted([itself])
    yield 0, lambda: counted(model.claimed(model.own(claims)))
    yield 1, lambda: readings.scaled(readings.totals(asked, itself, counting))
    if asked.in_bytes and not fixed:
        yield 1, lambda: _in_other_ways(asked, itself, counting)
    yield 1, lambda: readings.groups(asked, itself, plain)
    variants: list[Variant] = []
    for neighbours in (model.switched(), model.resized(), model.family()):
        kept = [*neighbours]
        variants += kept
        yield 1, partial(counted, kept, plain)
    yield 2, lambda: (reading for variant in variants for reading in readings.totals(asked, variant, counting))


def _plain(model: Model, counting: Counting) -> list[Any]:
    """The spec's own convention, and those under which networks are published at other inputs and in parts."""
    names = {model.spec.convention or conventions.DEFAULT, *PLAIN}
    return [convention for convention in counting.conventions if convention.name in names]


def _in_other_ways(asked: Asked, itself: Variant, counting: Counting) -> Iterator[Reading]:
    """Bytes of training, and those of elements of other types."""
    yield from readings.training_sizes(itself, counting, counting.dtype)
    for dtype in OTHER_DTYPES:
        if dtype != dtype_name(counting.dtype):
            other = counting._replace(dtype=dtype)
            yield from readings.totals(asked, itself, other)
            yield from readings.sizes(itself, other, dtype)
            yield from readings.training_sizes(itself, other, dtype)


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


# Claims

_SAME, _FINER, _COARSER = range(3)
"""How a claim's figure is to the one that is asked for: equal, with more digits, or with fewer and a reason."""


def _published(
    asked: Asked, claims: list[Claim], model: Model, counting: Counting, fixed: bool
) -> tuple[int | None, list[Verdict]]:
    """The claims that print the figure, those alone that fit it best, and how well that is."""
    if counting.batch != 1 or (asked.in_bytes and dtype_name(counting.dtype) != "float32"):
        return None, []
    given = {name: str(value) for name, value in model.given.items()}
    fits: dict[int, list[Claim]] = {}
    for claim in model.own(claims):
        question = claim.question
        same_part = not counting.part or question.of == counting.part
        same_way = not fixed or question.convention == counting.conventions[0].name
        if same_part and same_way and dict(question.bindings) == given:
            fit = _fit(asked, claim)
            if fit is not None:
                fits.setdefault(fit, []).append(claim)
    if not fits:
        return None, []
    best = min(fits)
    work = Work()
    whole_first = sorted(fits[best], key=lambda claim: bool(claim.question.of))
    return best, [judge(claim, beside(model.spec, claims, claim), work) for claim in whole_first]


def _fit(asked: Asked, claim: Claim) -> int | None:
    """How a claim's figure is to the one that is asked for; None where it is another one, or of something else."""
    kilobyte = conventions.load(claim.question.convention).memory.kilobyte
    try:
        figure = Printed(claim.printed, kilobyte, claim.digits, claim.kilo)
    except NumeralError:
        return None  # a list, a formula, a word
    if not _same_kind(asked, claim, figure):
        return None
    wanted = asked.figures.get(kilobyte, asked.figures[1024])
    if figure.value == wanted.value:
        return _SAME
    if wanted.digits > 1 and wanted.matches(figure.value):
        return _FINER
    return _COARSER if claim.why and figure.digits > 2 and figure.matches(wanted.value) else None


def _same_kind(asked: Asked, claim: Claim, figure: Printed) -> bool:
    """Whether two figures may count the same, by their units and the claim's metric; times are of training."""
    if claim.implies or asked.in_bytes != figure.in_bytes or bool(claim.against) == bool(asked.metrics):
        return False
    metric = claim.question.metric
    return len(asked.metrics) != 1 or metric in asked.metrics or (metric == "memory" and "elements" in asked.metrics)
