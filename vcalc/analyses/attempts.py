"""What is tried for a printed number, step by step, as long as the network is small enough to try it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from vcalc import conventions, limits
from vcalc.analyses import readings
from vcalc.analyses.read_claims import Claim
from vcalc.analyses.readings import Asked, Counting, Reading
from vcalc.analyses.variants import Model, Variant
from vcalc.conventions import Convention
from vcalc.graph import Node

PLAIN = ("macs", "flops", "torchvision", "timm")
"""Under these, networks are published at other inputs, in groups and as variants, beside the spec's own."""

OTHER_DTYPES = ("float32", "float16", "int8")
"""4, 2 and 1 bytes."""

BUILD, UNLIKE, RUN, GROUP = 2, 6, 5, 1
"""What a layer that is built costs (a group, where there are more of those), what more one unlike the others, what a
layer that is run on paper for its memory, and what a group that is counted beside its layers; a layer that is counted
costs 1."""


class Step(NamedTuple):
    """Readings that are worked out when they are asked for."""

    changed: int
    """How many things are changed at once."""
    readings: Callable[[], Iterable[Reading]]


class Attempts:
    """The steps for one figure and one model, and the work that they may do together."""

    def __init__(self, asked: Asked, model: Model, counting: Counting, fixed: bool) -> None:
        self.asked = asked
        self.model = model
        self.counting = counting
        self.plain = counting if fixed else counting._replace(conventions=_plain(model, counting))
        self.sized = asked.in_bytes and not fixed
        self.work = 0

    @property
    def is_over(self) -> bool:
        """Whether the network is too large to try everything."""
        return self.work > limits.WHY_WORK

    def steps(self, claims: list[Claim]) -> Iterator[Step]:
        """What is tried, in order. Each step changes one thing more, or something less likely, than those before it."""
        itself = self.model.itself
        counted: list[Reading] = []

        def as_it_is() -> list[Reading]:
            counted.extend(self.totals(itself, self.counting))
            return [*counted, *(self.sizes(itself, self.counting.dtype) if self.sized else ())]

        yield Step(0, as_it_is)
        yield Step(0, lambda: self.each(self.model.claimed(claims), self.counting, []))
        yield Step(1, lambda: readings.scaled(counted))
        if self.sized:
            yield Step(1, self.in_other_ways)
        yield Step(1, self.groups)
        variants: list[Variant] = []
        yield Step(1, lambda: self.each(self.model.switched(), self.plain, variants))
        yield Step(1, lambda: self.each(self.model.resized(), self.plain, variants))
        yield Step(1, lambda: self.each(self.model.family(), self.plain, variants))
        yield Step(2, lambda: (reading for variant in variants for reading in self.totals(variant, self.counting)))

    def each(self, variants: Iterator[Variant], counting: Counting, kept: list[Variant]) -> Iterator[Reading]:
        """The readings of neighbours, built one by one and kept."""
        nodes = self.model.network.graph.nodes
        work = BUILD * max(len(nodes), len(self.members)) + UNLIKE * _unlike(nodes)
        while self.pays(work):
            variant = next(variants, None)
            if variant is None:
                return
            kept.append(variant)
            yield from self.totals(variant, counting)
            if self.sized:
                yield from self.sizes(variant, counting.dtype)

    def totals(self, variant: Variant, counting: Counting) -> Iterator[Reading]:
        """The totals under each convention."""
        if self.pays(_unlike(variant.network.graph.nodes) * len(counting.conventions)):
            yield from readings.totals(self.asked, variant, counting)

    def sizes(self, variant: Variant, dtype: str) -> Iterator[Reading]:
        """The bytes of weights and of the peak of inference."""
        if self.pays(RUN * len(variant.network.graph.nodes)):
            yield from readings.sizes(variant, self.counting, dtype)

    def groups(self) -> Iterator[Reading]:
        """The totals of the model's groups, one by one: a layer is in every group around it."""
        every = len(self.plain.conventions)
        paid = ((name, nodes) for name, nodes in self.members.items() if self.pays(every * (GROUP + len(nodes))))
        yield from readings.groups(self.asked, self.model.itself, self.plain, paid)

    @cached_property
    def members(self) -> dict[str, list[Node]]:
        """The nodes of each of the model's groups."""
        return readings.members(self.model.network.graph, self.counting.part)

    def in_other_ways(self) -> Iterator[Reading]:
        """Bytes of training, and those of elements of other types."""
        itself = self.model.itself
        yield from self.training(self.counting.dtype)
        for dtype in OTHER_DTYPES:
            if dtype != self.counting.dtype:
                yield from self.totals(itself, self.counting._replace(dtype=dtype))
                yield from self.sizes(itself, dtype)
                yield from self.training(dtype)

    def training(self, dtype: str) -> Iterator[Reading]:
        """The bytes of training."""
        if self.pays(3 * RUN * len(self.model.network.graph.nodes)):
            yield from readings.training_sizes(self.model.itself, self.counting, dtype)

    def pays(self, work: int) -> bool:
        """Whether there is work left to do; it is spent. What is asked first is always done."""
        is_over = self.is_over
        self.work += work
        return not is_over


def _unlike(nodes: list[Node]) -> int:
    return len({node.facts for node in nodes})


def _plain(model: Model, counting: Counting) -> list[Convention]:
    """The spec's own convention, and those under which networks are published at other inputs and in parts."""
    names = {model.spec.convention or conventions.DEFAULT, *PLAIN}
    return [convention for convention in counting.conventions if convention.name in names]
