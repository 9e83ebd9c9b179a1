"""What each layer and any part of a network costs under a convention: params, FLOPs, memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from vcalc.arithmetic import Number, Shape, is_symbolic
from vcalc.conventions import Bug, Convention, Rule, amounts
from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.graph import Called, Counted, Facts, Graph, Node, Weighed
from vcalc.layers.base import elements
from vcalc.layers.vocabulary import STANDS_FOR

DTYPE_BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "float8": 1,
    "int8": 1,
}
"""Bytes of one element. Conventions of names: NumPy's, and `bfloat16`, `float8` as in ML frameworks."""

DTYPE_ALIASES = {"fp64": "float64", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "fp8": "float8"}


MOST_IMAGES = 10**12
"""A batch is not larger."""


def batch_size(given: Any, what: str = "batch", arrays: dict[str, Any] | None = None) -> Number:
    """Images at once: a number, an array of them beside others, or the symbol of a name.

    Raises VcalcError for anything else.
    """
    if type(given) in (int, str) and str(given) == "1":
        return 1  # what nearly every call has: nothing is loaded for it
    from vcalc.language.expression import can_name
    from vcalc.numerals import NumeralError, whole
    from vcalc.spec.bindings import from_python

    if getattr(given, "shape", None):
        return _many_batches(given, what, arrays or {})
    if isinstance(given, str) and can_name(given):
        from vcalc import symbols

        return symbols.symbol(given)
    message = f"{what} {quoted(str(given))} is neither a whole number, 1 or more and at most 10**12, nor a name"
    hint = "--batch 32, or --batch B" if what == "--batch" else "batch=32, or batch='B'"
    try:
        size = whole(given) if isinstance(given, str) else from_python(what, given)
    except NumeralError as error:
        raise error.error("batch", message, hint) from None
    if is_symbolic(size):
        return size
    if not _is_batch(size):
        raise VcalcError("batch", message, hint=hint)
    return int(size)


def _many_batches(array: Any, what: str, beside: dict[str, Any]) -> Number:
    from vcalc.spec.arrays import from_outside

    sizes = from_outside(what, array, dict(beside))
    unfit = sizes.unfit(_is_batch)
    return batch_size(unfit[0], what) if unfit else sizes


def _is_batch(size: Any) -> bool:
    number = isinstance(size, (int, float)) and not isinstance(size, bool)
    return number and 1 <= size <= MOST_IMAGES and not size % 1


def dtype_name(dtype: Any) -> str:
    """The full name of a dtype, of NumPy's and torch's own, too. Raises VcalcError for an unknown one."""
    name = getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
    full = DTYPE_ALIASES.get(name.lower(), name.lower())
    if full not in DTYPE_BYTES:
        raise VcalcError(
            "dtype", f"there is no dtype '{name}'", hint=suggestion(name, [*DTYPE_BYTES, *DTYPE_ALIASES], "known")
        )
    return full


class Cost(NamedTuple):
    """Parameters, FLOPs (in the convention's unit) and memory (bytes, or elements where the convention says so)."""

    params: Number
    flops: Number
    memory: Number

    def plus(self, other: Cost, times: int = 1) -> Cost:
        """Both together, the other one several times."""
        return Cost(
            self.params + times * other.params, self.flops + times * other.flops, self.memory + times * other.memory
        )


NOTHING = Cost(0, 0, 0)


class _Sum:
    """What is weighed alike, added."""

    __slots__ = ("_alike", "batched", "form", "kind", "work")

    def __init__(self, alike: list[tuple[Weighed, int]]) -> None:
        self._alike, first = alike, alike[0][0]
        self.kind, self.form, self.batched = first.kind, first.form, first.batched
        self.work = _added_by_name((part.work, times) for part, times in alike)

    @property
    def each(self) -> list[tuple[Any, Number]]:
        return [(one, times * many) for part, times in self._alike for one, many in part.each]


class _SumOfCalls(_Sum):
    __slots__ = ("parameters",)

    def __init__(self, alike: list[tuple[Called, int]]) -> None:
        super().__init__([*alike])
        self.parameters = _added_by_name((call.parameters, times) for call, times in alike)


class Lot(_SumOfCalls):
    """The layers of one kind that are called in one way, their counts added: a convention weighs them as one."""

    __slots__ = ("buffers", "calls", "layer", "shared", "tied_parameters", "whole")

    def __init__(self, alike: list[tuple[Facts, int]]) -> None:
        super().__init__([*alike])
        self.layer, self.shared = alike[0][0].layer, alike[0][0].shared
        self.buffers = _added_by_name((facts.buffers, times) for facts, times in alike)
        self.tied_parameters = _added_by_name((facts.tied_parameters, times) for facts, times in alike)
        calls = _alike((call, times) for facts, times in alike for call in facts.calls)
        self.calls = [_SumOfCalls(each) for each in calls]
        parts = _alike((part, times) for facts, times in alike for part in facts.whole)
        self.whole = [_Sum(each) for each in parts] if calls else [self]


def _alike(parts: Iterable[tuple[Any, int]]) -> list[list[tuple[Any, int]]]:
    found: dict[tuple[str, str, bool], list[tuple[Any, int]]] = {}
    for part, times in parts:
        found.setdefault((part.kind, part.form, part.batched), []).append((part, times))
    return [*found.values()]


def lots(nodes: Iterable[Node]) -> list[Lot]:
    """The nodes in lots: what many conventions weigh in turn."""
    alike: dict[tuple[str, str, bool], list[tuple[Facts, int]]] = {}
    for facts, times in distinct(nodes):
        alike.setdefault((facts.layer.kind, facts.form, facts.shared), []).append((facts, times))
    return [Lot(each) for each in alike.values()]


def _added_by_name(parts: Iterable[tuple[dict[str, Number], int]]) -> dict[str, Number]:
    amounts: dict[str, list[Number]] = {}
    for counts, times in parts:
        for name, count in counts.items():
            amounts.setdefault(name, []).append(times * count)
    return {name: added(each) for name, each in amounts.items()}


class Costs:
    """The costs of a graph's nodes, each distinct layer worked out once."""

    def __init__(self, graph: Graph, convention: Convention, batch: Number = 1, dtype: Any = "float32") -> None:
        self.graph = graph
        self.convention = convention
        self.batch = batch
        self.dtype = dtype_name(dtype)
        self._of: dict[Facts, Cost] = {}

    def of(self, node: Node) -> Cost:
        """One node's cost; FLOPs and memory for the whole batch."""
        return self._cost(node.facts)

    def _cost(self, facts: Facts) -> Cost:
        cost = self._of.get(facts)
        if cost is None:
            cost = self._of[facts] = self.work_out(facts)
        return cost

    def work_out(self, facts: Facts) -> Cost:
        """The cost of a layer on given shapes."""
        return Cost(self.convention.params(facts), self._flops(facts), self._stored(facts))

    def _weighed(self, in_lots: list[Lot]) -> Cost:
        weigh = (self.convention.params, self._flops, self._stored)
        return Cost(*(added([each(lot) for lot in in_lots]) for each in weigh))

    def _flops(self, facts: Counted) -> Number:
        return self.convention.flops(facts, self.batch)

    def _stored(self, facts: Counted) -> Number:
        return self.memory_of(facts.work["output_elements"]) if self.convention.stores(facts.layer) else 0

    def memory_of(self, count: Number) -> Number:
        """Memory of a tensor with so many elements, in the convention's unit."""
        scale = DTYPE_BYTES[self.dtype] if self.convention.memory.unit == "bytes" else 1
        return self.batch * scale * count

    @property
    def input(self) -> Cost:
        """What the inputs take, where the convention counts them."""
        shown = (
            [self.of_input(shape) for shape in self.graph.inputs.values()] if self.convention.memory.shows_input else []
        )
        return Cost(0, 0, added([cost.memory for cost in shown]))

    def of_input(self, shape: Shape) -> Cost:
        """What one of the inputs takes."""
        return Cost(0, 0, self.memory_of(elements(shape)))

    def total(self, nodes: Iterable[Node], in_lots: list[Lot] | None = None) -> Cost:
        """The nodes together; in symbolic runs like terms are collected.

        Under many conventions it takes less with the nodes put in `lots` once for all.
        """
        nodes = list(nodes)
        total = self._weighed(in_lots) if in_lots else _together(nodes, self._cost)
        if len(nodes) == len(self.graph.nodes):
            total = total.plus(self.input)
        return Cost(*(collected(value) for value in total))

    def figure(self, nodes: Iterable[Node], name: str) -> Number:
        """The params, FLOPs or memory of the nodes alone, for who asks for no more."""
        nodes = list(nodes)
        weigh = {"params": self.convention.params, "flops": self._flops, "memory": self._stored}[name]
        whole = len(nodes) == len(self.graph.nodes)
        return collected(_sum(nodes, weigh) + (getattr(self.input, name) if whole else 0))

    def elements(self, nodes: Iterable[Node]) -> Number:
        """Output elements of the nodes whose output is stored."""
        nodes = list(nodes)
        stored = [node for node in nodes if self.convention.stores(node.layer)]
        whole = self.convention.memory.shows_input and len(nodes) == len(self.graph.nodes)
        input = added([elements(shape) for shape in self.graph.inputs.values()]) if whole else 0
        return collected(self.batch * (_sum(stored, lambda facts: elements(facts.output)) + input))

    def primitive(self, nodes: Iterable[Node], name: str) -> Number:
        """One primitive of the nodes, unweighed."""
        parts = [(part, times) for facts, times in distinct(nodes) for part in facts.whole if name in part.work]
        return collected(
            added([times * ((self.batch if part.batched else 1) * part.work[name]) for part, times in parts])
        )

    def left_out(self, nodes: Iterable[Node], seen: bool = True) -> dict[str, tuple[int, Number]]:
        """Kinds that bring no FLOPs under the convention: how many layers, and the elements that pass through them.

        With `seen` those that it counts as nothing, without it those that its source does not see at all. Where it
        tells apart how a layer is called, so do the names: `relu`, `relu/functional`.
        """
        found: dict[str, list[tuple[int, Number]]] = {}
        for facts, times in distinct(nodes):
            if self._cost(facts).flops == 0 and self.convention.sees(facts) is seen:
                name = facts.layer.label if self.convention.sees_writing else facts.layer.kind
                found.setdefault(name, []).append((times, times * self.batch * facts.work["output_elements"]))
        return {
            name: (sum(times for times, _ in parts), added([passing for _, passing in parts]))
            for name, parts in found.items()
        }

    def uncounted(self, nodes: Iterable[Node]) -> dict[tuple[str, str], Number]:
        """Multiply-adds that a total leaves out of layers that count otherwise: by kind and primitive."""
        found: dict[tuple[str, str], Number] = {}
        for facts, times in distinct(nodes):
            if not any(weight for _, weight, _ in self.convention.parts(facts)):
                continue
            for part, rule in self.convention.weighed(facts):
                batch, counted = (self.batch if part.batched else 1), _counted(rule, part)
                for primitive in ("multiply_adds", "product_multiply_adds"):
                    if primitive in part.work and primitive not in counted:
                        key = (facts.layer.label, primitive)
                        found[key] = found.get(key, 0) + times * batch * part.work[primitive]
        return {key: collected(value) for key, value in found.items()}

    def faults(self, nodes: Iterable[Node]) -> list[tuple[Bug, Number]]:
        """The known bugs of the convention's tool that change the nodes' count, and what each adds to it."""
        found = []
        for bug in self.convention.bugs:
            each = (times * self.convention.fault(bug, facts, self.batch) for facts, times in distinct(nodes))
            fault = collected(sum(each))
            if fault != 0:
                found.append((bug, fault))
        return found


def _counted(rule: Rule, part: Weighed) -> set[str]:
    """The primitives that count by a rule, by the names of those that they stand for."""
    return {STANDS_FOR.get(primitive, primitive) for primitive, weight, _ in amounts(rule, part, 1) if weight}


def distinct(nodes: Iterable[Node]) -> list[tuple[Facts, int]]:
    """What differs among the nodes, and how often each is there: symbolic sums stay short."""
    times: dict[Facts, int] = {}
    for node in nodes:
        times[node.facts] = times.get(node.facts, 0) + 1
    return list(times.items())


def _together(nodes: list[Node], cost: Callable[[Facts], Cost]) -> Cost:
    """The sum of costs, each distinct one taken once and multiplied."""
    parts = [(cost(facts), count) for facts, count in distinct(nodes)]
    return Cost(*(added([count * each[place] for each, count in parts]) for place in range(len(Cost._fields))))


def _sum(nodes: list[Node], amount: Callable[[Facts], Number]) -> Number:
    return added([count * amount(facts) for facts, count in distinct(nodes)])


def added(amounts: list[Number]) -> Number:
    """The sum. SymPy adds formulas at once: one by one, each addition would go through all those before it."""
    if not set(map(type, amounts)) <= {int} and any(map(is_symbolic, amounts)):
        from vcalc import symbols

        return symbols.added(amounts)
    return sum(amounts)


def collected(value: Any) -> Any:
    """A formula as a sum of products; numbers as they are."""
    if is_symbolic(value):
        from vcalc import symbols

        return symbols.closed_form(value)
    return value
