"""What can be read off a network: its totals under conventions, twice and half of them, its groups', its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple

from vcalc import conventions
from vcalc.analyses import paths
from vcalc.analyses.cost import DTYPE_BYTES, Cost, Costs
from vcalc.analyses.variants import Variant
from vcalc.conventions import Convention
from vcalc.errors import VcalcError
from vcalc.graph import Graph, Node
from vcalc.numerals import NumeralError, Printed


class Reading(NamedTuple):
    """One way to arrive at a number: a variant of the model, how it is counted, a metric, and what that gives."""

    variant: str
    convention: Convention | None
    """None where no convention bears on it: bytes of weights, a peak."""
    metric: str
    value: Any
    unit: str
    of: str = ""
    """The group that it is the total of; empty for the whole network."""
    times: float = 1
    """2 or 0.5 where it is twice or half of what the convention counts."""
    dtype: str = ""
    """The type of an element, where it bears on the value."""
    how: str = ""
    """`rounds` or `is cut` to the printed figure; empty where it does neither."""
    kilobyte: int = 0
    """The step of KB, MB and GB with which it does."""


class Missing(NamedTuple):
    """A part of the network whose cost, left out or taken twice, leads to the printed number."""

    part: str
    change: str
    """`without` it, or with it `twice`."""
    value: Any


class Asked:
    """A printed figure: one number, or two where its megabytes may be of 1024 or of 1000 steps."""

    def __init__(self, text: str) -> None:
        """Raises NumeralError for a text that is no figure."""
        binary, decimal = Printed(text, 1024), Printed(text, 1000)
        self.text = text.strip()
        self.metrics = binary.metrics
        self.in_bytes = binary.in_bytes
        self.unit = binary.unit
        self.figures = {1024: binary} | ({1000: decimal} if decimal.value != binary.value else {})
        self._least = floor(min(figure.value - figure.last_digit for figure in self.figures.values()))
        self._most = ceil(max(figure.value + figure.last_digit for figure in self.figures.values()))

    @property
    def value(self) -> Fraction:
        """The number, an exact fraction, with megabytes of 1024 steps."""
        return self.figures[1024].value

    def with_letter(self, letter: str) -> Asked | None:
        """The same digits and unit with another letter for thousands; None where that is no figure."""
        word = self.figures[1024].word
        between = " " if letter and word[:1].islower() else ""
        try:
            return Asked(f"{self.text.removesuffix(self.unit).rstrip()}{letter}{between}{word}")
        except NumeralError:
            return None

    def marked(self, reading: Reading) -> Reading:
        """The reading with how it comes to the figure, if it does."""
        if not self._least <= reading.value <= self._most:
            return reading
        for how, cut in (("rounds", False), ("is cut", True)):
            for kilobyte, figure in self.figures.items():
                if figure.matches(reading.value, cut):
                    return reading._replace(how=how, kilobyte=kilobyte if self.in_bytes else 0)
        return reading


class Counting(NamedTuple):
    """How networks are counted when a figure is looked for: conventions, batch, type of an element, part."""

    conventions: list[Convention]
    batch: int = 1
    dtype: str = "float32"
    part: tuple[str, ...] = ()


def totals(asked: Asked, variant: Variant, counting: Counting) -> Iterator[Reading]:
    """The totals under each convention of the metrics that the figure's unit allows; all but flops once a value."""
    graph = variant.network.graph
    nodes = graph.select(counting.part)
    each = (Costs(graph, convention, counting.batch, counting.dtype) for convention in counting.conventions)
    return _totals(asked, variant, each, nodes) if nodes else iter(())


def _totals(
    asked: Asked, variant: Variant, each: Iterable[Costs], nodes: list[Node], of: str = ""
) -> Iterator[Reading]:
    seen: set[tuple[str, Any]] = set()
    for costs in each:
        for metric, unit, value in _measured(asked.metrics, costs, costs.total(nodes), nodes):
            if metric == "flops" or (metric, value) not in seen:
                seen.add((metric, value))
                dtype = costs.dtype if unit == "bytes" else ""
                yield Reading(variant.says, costs.convention, metric, value, unit, of, dtype=dtype)


def _measured(metrics: Iterable[str], costs: Costs, total: Cost, nodes: list[Node]) -> Iterator[tuple[str, str, Any]]:
    """Metric, unit and value. Operations are MACs or FLOPs, not connections; bytes are never elements."""
    convention = costs.convention
    counts = convention.unit in ("MACs", "FLOPs")
    if "flops" in metrics and counts:
        yield "flops", convention.unit, total.flops
    if "params" in metrics:
        yield "params", "params", total.params
    if "elements" in metrics:
        whole = total.memory if convention.memory.unit == "elements" else costs.elements(nodes)
        yield "elements", "elements", total.flops if convention.unit == "activations" else whole
    if "memory" in metrics and convention.memory.unit == "bytes":
        yield "memory", "bytes", total.memory


def scaled(readings: Iterable[Reading]) -> Iterator[Reading]:
    """Twice and half of what each convention counts: a multiply-add is two operations to some, and one to others."""
    for reading in readings:
        if reading.metric == "flops":
            half, rest = divmod(reading.value, 2)
            yield reading._replace(value=2 * reading.value, times=2)
            yield reading._replace(value=half + rest / 2 if rest else half, times=0.5)


def members(graph: Graph, part: tuple[str, ...]) -> dict[str, list[Node]]:
    """The nodes of every group, and of every layer that stands in none; those of a part alone where one is named."""
    found: dict[str, list[Node]] = {}
    for node in graph.select(part):
        parts = node.path.split("/")
        for end in range(1, max(2, len(parts))):
            found.setdefault("/".join(parts[:end]), []).append(node)
    return {name: nodes for name, nodes in found.items() if (name,) != part}


def groups(
    asked: Asked, variant: Variant, counting: Counting, members: Iterable[tuple[str, list[Node]]]
) -> Iterator[Reading]:
    """The totals of groups, by their names and nodes."""
    graph = variant.network.graph
    each = [Costs(graph, convention, counting.batch, counting.dtype) for convention in counting.conventions]
    for name, nodes in members:
        yield from _totals(asked, variant, each, nodes, name)


def sizes(variant: Variant, counting: Counting, dtype: str) -> Iterator[Reading]:
    """Bytes in a type of elements: of the weights, with buffers, and at the peak of inference."""
    from vcalc.analyses.memory import Memory
    from vcalc.analyses.memory_plan import INFERENCE, Plan

    graph = variant.network.graph
    read = _sizes_of(variant, dtype)
    if counting.part:
        lecture = conventions.load(conventions.DEFAULT)
        params = Costs(graph, lecture).total(graph.select(counting.part)).params
        yield read("weights", DTYPE_BYTES[dtype] * params)
        return
    memory = Memory(graph, Plan(INFERENCE, dtype))
    peak = memory.peak(counting.batch).size.at(counting.batch)
    yield read("weights", memory.held.weights)
    yield read("weights and buffers", memory.held.weights + memory.held.buffers)
    yield read("peak of inference", peak)
    yield read("peak of activations", peak - memory.held.always)


def training_sizes(variant: Variant, counting: Counting, dtype: str) -> Iterator[Reading]:
    """Bytes at the peak of training with each optimizer, and what is saved for the backward pass."""
    from vcalc.analyses.memory import Memory
    from vcalc.analyses.memory_plan import SCRATCH, STATES, TRAINING, Plan

    if counting.part or DTYPE_BYTES[dtype] < 2:
        return
    read = _sizes_of(variant, dtype)
    alike: dict[Any, list[str]] = {}
    for optimizer, state in STATES.items():
        alike.setdefault((state, SCRATCH.get(optimizer, 0)), []).append(optimizer)
    for optimizers in alike.values():
        memory = Memory(variant.network.graph, Plan(TRAINING, dtype, optimizers[0]))
        peak = memory.peak(counting.batch).size.at(counting.batch)
        yield read(f"peak of training, {' or '.join(optimizers)}", peak)
    yield read("saved activations", memory.saved.at(counting.batch))


def _sizes_of(variant: Variant, dtype: str) -> Any:
    return lambda metric, value: Reading(variant.says, None, metric, value, "bytes", dtype=dtype)


def missing(asked: Asked, graph: Graph, reading: Reading, counting: Counting) -> list[Missing]:
    """Parts of the network without which, or with which taken twice, the reading gives the printed number."""
    if reading.convention is None or reading.metric not in Cost._fields:
        return []
    costs = Costs(graph, reading.convention, counting.batch, counting.dtype)
    parts: dict[str, list[Node]] = {}
    for node in graph.select(counting.part):
        parts.setdefault(_next_group(node.path, counting.part), []).append(node)
        parts.setdefault(f"every {node.layer.label}", []).append(node)
    found = []
    for part, nodes in parts.items():
        amount = getattr(costs.total(nodes), reading.metric)
        for change, value in (("without", reading.value - amount), ("twice", reading.value + amount)):
            if amount != 0 and value > 0 and asked.marked(reading._replace(value=value)).how == "rounds":
                found.append(Missing(part, change, value))
    return found


def _next_group(path: str, part: tuple[str, ...]) -> str:
    """The outermost group of a path; of one in the part that is looked at, the group in that."""
    inside = max((name.count("/") + 1 for name in part if f"{path}/".startswith(f"{name}/")), default=0)
    return "/".join(path.split("/")[: inside + 1])


def all_conventions(extra: str | None) -> list[Convention]:
    """The conventions that come with vcalc, and one more where it is asked for."""
    chosen = [conventions.load(name) for name in conventions.names()]
    more = conventions.find(extra) if extra else None
    return [more, *chosen] if more and more not in chosen else chosen


def check_part(graph: Graph, part: tuple[str, ...], name: str) -> None:
    """Raise VcalcError for a part that the network does not have."""
    for path in part:
        if not graph.select((path,)):
            raise VcalcError("path", f"{name} has no layer at {path}", hint=paths.hint(graph, path))
