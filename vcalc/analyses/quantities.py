"""A quantity in words, `flops of stage1 under macs`, and what a network has of it; budgets and exact figures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from vcalc import conventions, foreign, limits
from vcalc.analyses.cost import Costs
from vcalc.analyses.measure import LET, METRICS, hyperparameter, measured
from vcalc.arithmetic import COMPARISONS, is_symbolic
from vcalc.conventions import Convention
from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.layers import PRIMITIVES
from vcalc.numerals import NumeralError, Printed
from vcalc.spec.network import Network
from vcalc.units import exact

if TYPE_CHECKING:
    from fractions import Fraction

_FIGURES = "5M, 300 MFLOPs, 20MB, 4096, 4.1e9"
_EXAMPLE = "write 'params <= 5M', 'memory <= 20MB' or 'flops of stage1 <= 300M under macs'"


class Quantity(NamedTuple):
    """What is asked of a network: a metric, of which parts, under which convention (none: the spec's own).

    `let.depth` in the place of a metric asks for a hyperparameter, which no part and no convention bears on.
    """

    metric: str
    of: tuple[str, ...]
    convention: Convention | None

    def __str__(self) -> str:
        return f"{self.metric} of {', '.join(self.of)}" if self.of else self.metric

    def convention_for(self, network: Network) -> Convention:
        """The convention that it is counted in."""
        return self.convention or conventions.load(network.spec.convention or conventions.DEFAULT)

    def of_network(self, network: Network) -> Any:
        """The exact value. Raises VcalcError where the network has no such part or no such size."""
        if self.metric.startswith(LET):
            return network.hyperparameters[hyperparameter(self.metric, network)]
        nodes = network.graph.select(self.of)
        if not nodes:
            what = f"no layer at {', '.join(self.of)}" if self.of else "no layers"
            groups = dict.fromkeys(node.path.partition("/")[0] for node in network.graph.nodes[:1000])
            hint = suggestion(self.of[0], groups, "it has") if self.of else ""
            raise VcalcError("path", f"{network.name} has {what}", hint=hint)
        costs = Costs(network.graph, self.convention_for(network))
        if self.metric in METRICS:
            return measured(self.metric, network, costs, nodes)
        return costs.primitive(nodes, self.metric)

    def says(self, network: Network) -> str:
        """The quantity with the model, and with the convention where that bears on it."""
        under = f" under {self.convention_for(network).name}" if self.metric in ("params", "flops", "memory") else ""
        return f"{self} of {network.name}{under}" if not self.of else f"{self} in {network.name}{under}"


class Budget:
    """A bound on a quantity: `params <= 5M`."""

    def __init__(self, text: str, quantity: Quantity, relation: str, figure: str) -> None:
        self.text = text
        self.quantity = quantity
        self.relation = relation
        self.figure = figure

    def bound(self, convention: Convention) -> int | Fraction:
        """The figure as an exact number. Raises VcalcError for what is none, and for a unit that does not fit."""
        try:
            printed = Printed(self.figure, convention.memory.kilobyte)
        except NumeralError as error:
            raise error.error("budget", f"{quoted(self.figure)} is not a figure", _FIGURES) from None
        _check_unit(printed, self.quantity.metric, convention)
        return printed.value.numerator if printed.value.denominator == 1 else printed.value

    def problem(self, network: Network) -> VcalcError | None:
        """What is wrong where the network does not keep to it. Raises VcalcError where that cannot be told."""
        bound = self.bound(self.quantity.convention_for(network))
        value = self.quantity.of_network(network)
        says = self.quantity.says(network)
        sizes = value if isinstance(value, (list, tuple)) else [value]
        for size in sizes:
            if is_symbolic(size):
                hint = "budget a model whose sizes are numbers"
                return VcalcError("budget", f"{says} is the formula {value!s:.80}, which no figure bounds", hint=hint)
            if isinstance(size, bool) or not isinstance(size, (int, float)):
                return VcalcError("budget", f"{says} is {value!s:.80}, which no figure bounds")
        if all(COMPARISONS[self.relation](size, bound) for size in sizes):
            return None
        found = "x".join(exact(size) for size in sizes)
        shown = exact(bound if isinstance(bound, int) else float(bound))
        given = "" if shown == self.figure else f" ({shown})"
        if self.quantity.metric == "memory":
            found += f" {self.quantity.convention_for(network).memory.unit}"
        message = f"{says} is {found}, and the budget is {self.relation} {self.figure}{given}"
        return VcalcError("budget", message, hint=_distance(value, bound))


def read_budget(text: str, find: Callable[[str], Convention]) -> Budget:
    """A budget from its text; `find` finds a convention by name. Raises VcalcError for anything else."""
    parts = re.split(r"(<=|>=|<|>)", text[: limits.BUDGET_LENGTH + 1])
    if len(text) > limits.BUDGET_LENGTH or len(parts) != 3:
        raise VcalcError("budget", f"{quoted(text)} is no budget: it needs one <= and a figure", hint=_EXAMPLE)
    left, relation, right = parts
    figure, mark, after = right.partition(" under ")
    quantity = read_quantity(f"{left} under {after}" if mark else left, find)
    budget = Budget(text, quantity, relation, figure.strip())
    if not budget.figure:
        raise VcalcError("budget", "a budget needs a figure", hint=_FIGURES)
    budget.bound(quantity.convention or conventions.load(conventions.DEFAULT))
    return budget


def read_quantity(text: str, find: Callable[[str], Convention]) -> Quantity:
    """`METRIC [of PART[,PART]] [under CONVENTION]`. Raises VcalcError for anything else."""
    if len(text) > limits.BUDGET_LENGTH:
        raise VcalcError("quantity", f"{quoted(text)} is no quantity", hint=_EXAMPLE)
    words = text.replace(",", " , ").split()
    known = [*METRICS, *PRIMITIVES]
    if not words:
        raise VcalcError("quantity", "a metric is missing here", hint=_EXAMPLE)
    if words[0].startswith(LET) and len(words) == 1:
        return Quantity(words[0], (), None)
    if words[0] not in known:
        hint = foreign.hint("metrics", words[0], known, "metrics")
        raise VcalcError("metric", f"there is no metric {quoted(words[0])}", hint=hint)
    clauses: dict[str, list[str]] = {}
    clause: list[str] = []
    for word in words[1:]:
        if word in ("of", "under") and word not in clauses:
            clause = clauses[word] = []
        elif clauses:
            clause.append(word)
        else:
            raise VcalcError("quantity", f"{quoted(word)} cannot follow {quoted(words[0])}", hint=_EXAMPLE)
    for name, given in clauses.items():
        if not given[::2] or "," in given[::2] or set(given[1::2]) - {","} or (name == "under" and len(given) != 1):
            what = "names of parts, with commas between them" if name == "of" else "the name of one convention"
            raise VcalcError("quantity", f"{what} follows '{name}', not {quoted(' '.join(given))}", hint=_EXAMPLE)
    convention = find(clauses["under"][0]) if "under" in clauses else None
    return Quantity(words[0], tuple(clauses.get("of", [])[::2]), convention)


def _check_unit(printed: Printed, metric: str, convention: Convention) -> None:
    """Refuse megabytes of parameters, MACs where each counts twice, and what the letter B leaves open."""
    unit = printed.unit
    sized = metric in ("bytes", "effective_bytes")
    bytes_ = sized or (metric == "memory" and convention.memory.unit == "bytes")
    allowed = {"flops": ("flops",), "params": ("params",)}.get(metric, ("memory",) if bytes_ else ())
    says = f"{'bytes' if sized else 'memory is in bytes'} (KB, MB, GB)"
    says = says if bytes_ else f"write K, M, G or nothing after a figure of {metric}"
    if unit.upper() == "B" and (sized or metric == "memory"):
        raise VcalcError("unit", f"{quoted(printed.text)}: B alone could be bytes or billions", hint=says)
    if metric == "flops" and printed.word.lower().startswith("mac") and convention.multiply_add > 1:
        message = (
            f"{quoted(printed.text)}: under {convention.name} a multiply-add is {convention.multiply_add}, not 1 MAC"
        )
        raise VcalcError("unit", message, hint="MACs are counted under macs; a figure without unit is in FLOPs here")
    if unit.lower() in ("", "k", "m", "g", "t", "b") or set(printed.metrics) & set(allowed):
        return
    if unit == "elements" and (metric == "elements" or (metric == "memory" and not bytes_)):
        return
    raise VcalcError("unit", f"{quoted(printed.text)} is no figure of {metric}", hint=says)


def _distance(value: Any, bound: int | Fraction) -> str:
    if not isinstance(value, int) or not isinstance(bound, int):
        return ""
    share = f", {abs(value - bound) / bound:.1%} of it" if bound > 0 and abs(value - bound) < 10 * bound else ""
    return f"{exact(abs(value - bound))} too {'many' if value > bound else 'few'}{share}"
