"""What a counting convention is: which primitives of which layer kind count, and with what weight.

Formulas know no convention, and a convention knows no formula: it weighs the primitives that a layer reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from vcalc.arithmetic import Number
from vcalc.graph import Counted, Weighed
from vcalc.layers import KINDS, SPECIAL, STANDS_FOR, Layer

if TYPE_CHECKING:
    from vcalc.conventions.formulas import Formula

Weights = dict[str, "int | Formula"]
"""The weight of each primitive that counts, or what it comes to there."""


class Rule:
    """How the layers of a kind are counted: weights for each image, and weights for a whole batch of any size."""

    __slots__ = ("once", "seen", "weights")

    def __init__(self, weights: Weights, once: Weights, seen: bool = True) -> None:
        self.weights = weights
        self.once = once
        self.seen = seen
        """False where the source does not see the layer at all; True for a rule, and for a zero on purpose."""


TRAINING = 3
"""Forward passes that a step of training comes to: one forward; backward a product of the same size for the gradient of
each product's input, and one for that of its weights. Amodei & Hernandez, "AI and Compute", 2018, appendix."""

NOTHING = Rule({}, {})
UNSEEN = Rule({}, {}, seen=False)

Rules = dict[str, Rule]
"""Rules by layer kind, by kind and form (`relu/functional`)."""


class Bug:
    """A known fault of a tool, which its published numbers have: what it does, and the rules that would be right."""

    __slots__ = ("instead", "says")

    def __init__(self, says: str, instead: Rules) -> None:
        self.says = says
        self.instead = instead


class Memory:
    """What takes memory, and the unit it is shown in."""

    __slots__ = ("families_not_stored", "kilobyte", "kinds_not_stored", "shows_input", "unit", "views_stored")

    def __init__(self) -> None:
        self.unit = "bytes"
        self.kilobyte = 1024
        self.shows_input = False
        self.families_not_stored: frozenset[str] = frozenset()
        self.kinds_not_stored: frozenset[str] = frozenset()
        self.views_stored = True
        """Whether what moves elements without a copy takes memory, too."""


class Params:
    """What a source calls parameters, where that is not all of them."""

    __slots__ = ("buffers", "left_out", "lost", "says", "tied")

    def __init__(self) -> None:
        self.left_out: frozenset[str] = frozenset()
        """Roles that are no parameters to it."""
        self.lost: frozenset[str] = frozenset()
        """Layer kinds, or kinds in a form, whose parameters it does not see."""
        self.buffers: frozenset[str] = frozenset()
        """Buffers that it takes for parameters."""
        self.tied = False
        """Whether a table that two layers have counts in each of them."""
        self.says = ""


class Convention:
    """How one source counts: FLOPs by weighed primitives, parameters by role, memory by what is stored."""

    def __init__(
        self,
        *,
        name: str,
        says: str,
        unit: str,
        source: str,
        rules: Rules,
        default: Rule | None,
        params: Params,
        memory: Memory,
        aliases: tuple[str, ...],
        version: str,
        called: str,
        bugs: tuple[Bug, ...],
        depends: tuple[str, ...],
        training: int,
    ) -> None:
        self.name = name
        self.aliases = aliases
        self.says = says
        self.version = version
        self.unit = unit
        """What it counts: MACs, FLOPs, ..."""
        self.called = called or unit
        """What the source itself calls that."""
        self.source = source
        self.rules = rules
        self.default = default
        """The rule of every kind that is not named."""
        self.params_rule = params
        self.memory = memory
        self.bugs = bugs
        self.depends = depends
        """Rules that depend on how a network is written, in words."""
        self.training = training
        """How many forward passes a step of training comes to."""
        self._found: dict[tuple[str, str], Rule] = {}

    def rule_of(self, kind: str, form: str) -> Rule | None:
        """The rule of a kind in a form ("" where it has none); None where the convention says nothing of it."""
        return _named(self.rules, kind, form) or self.default or (NOTHING if not kind or KINDS[kind].moves else None)

    def weighed(self, facts: Counted) -> list[tuple[Weighed, Rule]]:
        """What is counted of a layer, each with its rule: all of it by the layer's own, or each call by its kind's."""
        if not facts.calls and facts.layer.composed:
            return []  # of several operators, of which nobody counts any
        if not facts.calls:
            return [(facts, self._rule(facts.kind, facts.form))]
        own = None if facts.layer.in_parts else _named(self.rules, facts.kind, facts.form)
        if own is not None:
            return [(part, own) for part in facts.whole]
        return [(call, self._rule(call.kind, call.form)) for call in facts.calls]

    def _rule(self, kind: str, form: str) -> Rule:
        key = (kind, form)
        if key not in self._found:
            found = self.rule_of(*key)
            assert found is not None, f"{self.name} was read without a rule for {key}"
            self._found[key] = found
        return self._found[key]

    def sees(self, facts: Counted) -> bool:
        """Whether the source sees all of a layer, be it to count it as nothing."""
        return all(rule.seen for _, rule in self.weighed(facts))

    def parts(self, facts: Counted, batch: Number = 1) -> Iterator[tuple[str, int, Number]]:
        """The primitives that count for a layer: name, weight, and the weighed count for the batch."""
        for part, rule in self.weighed(facts):
            yield from amounts(rule, part, batch)

    def flops(self, facts: Counted, batch: Number = 1) -> Number:
        """The layer's work for a batch, weighed."""
        total: Number = 0
        for part, rule in self.weighed(facts):
            for _, _, amount in amounts(rule, part, batch):
                total = total + amount
        return total

    def fault(self, bug: Bug, facts: Counted, batch: Number = 1) -> Number:
        """What a bug adds to a layer's count (less than 0 where it loses some)."""
        return _sum(
            _sum(amount for _, _, amount in amounts(rule, part, batch))
            - _sum(amount for _, _, amount in amounts(instead, part, batch))
            for part, rule in self.weighed(facts)
            if (instead := _named(bug.instead, part.kind, part.form)) is not None
        )

    def params(self, facts: Counted) -> Number:
        """The layer's parameters as the source sees them."""
        return _sum(self.counted_params(facts).values())

    def counted_params(self, facts: Counted) -> dict[str, Number]:
        """The roles that count as parameters, and how many each has."""
        rule = self.params_rule
        if rule.lost and self._loses(facts.kind, facts.form):
            return {}
        found = self._seen_parameters(facts)
        if rule.tied and facts.tied_parameters:
            found = {**found, **facts.tied_parameters}
        if rule.left_out:
            found = {role: count for role, count in found.items() if role not in rule.left_out}
        if rule.buffers:
            found = {**found, **{name: count for name, count in facts.buffers.items() if name in rule.buffers}}
        return found

    def _loses(self, kind: str, form: str) -> bool:
        lost = self.params_rule.lost
        return kind in lost or f"{kind}/{form}" in lost

    def _seen_parameters(self, facts: Counted) -> dict[str, Number]:
        """By role, without those of calls that lose them."""
        if facts.shared or not self.params_rule.lost:
            return facts.parameters
        found = dict(facts.parameters)
        for call in facts.calls:
            if self._loses(call.kind, call.form):
                for role, count in call.parameters.items():
                    found[role] = found[role] - count
        return found

    @cached_property
    def sees_writing(self) -> bool:
        """Whether a count depends on how the network's source calls its layers."""
        named = any("/" in name for name in (*self.rules, *self.params_rule.lost))
        return named or self._products("matmul") != self._products("scaled_dot_product_attention")

    def _products(self, kind: str) -> dict[str, int | Formula]:
        """The weights of products, which an attention runs by themselves or as one operator."""
        rule = self.rule_of(kind, "") or NOTHING
        named = {STANDS_FOR.get(name, name): weight for name, weight in (rule.weights | rule.once).items()}
        return {name: weight for name, weight in named.items() if name.startswith("product_")}

    @property
    def multiply_add(self) -> int:
        """What a multiply-add of a convolution counts for."""
        rule = self.rule_of("conv", "module") or NOTHING
        weights = (rule.weights.get("multiply_adds", 0), rule.once.get("multiply_adds", 0))
        return sum(weight for weight in weights if isinstance(weight, int))

    @property
    def formulas(self) -> Iterator[tuple[str, str, str]]:
        """The counts that are its own: kind, primitive, formula."""
        for kind, rule in self.rules.items():
            for name, weight in (*rule.weights.items(), *rule.once.items()):
                if not isinstance(weight, int):
                    yield kind, name, str(weight)

    @property
    def not_stored(self) -> list[str]:
        """The layer kinds whose output takes no memory of its own."""
        return sorted(
            kind for kind, cls in KINDS.items() if not self._stores(cls.family, kind, cls.reuses_input is True)
        )

    def stores(self, layer: Layer) -> bool:
        """Whether the layer's output takes memory of its own; activations and views reuse their input's."""
        return self._stores(layer.family, layer.kind, layer.reuses_input)

    def _stores(self, family: str, kind: str, reuses_input: bool) -> bool:
        if reuses_input and not self.memory.views_stored:
            return False
        return family not in self.memory.families_not_stored and kind not in self.memory.kinds_not_stored


def _named(rules: Rules, kind: str, form: str) -> Rule | None:
    """The rule that a kind has by name, in a form or in all."""
    return (
        rules.get(f"{kind}/{form}")
        or (rules.get(f"{kind}/{SPECIAL[form]}") if form in SPECIAL else None)
        or rules.get(kind)
    )


def amounts(rule: Rule, part: Weighed, batch: Number) -> Iterator[tuple[str, int, Number]]:
    """The primitives that count by a rule: name, weight, and the weighed count for the batch."""
    work = part.work
    for weights, times in ((rule.weights, batch if part.batched else 1), (rule.once, 1)):
        for primitive, weight in weights.items():
            if primitive not in work:
                continue
            if isinstance(weight, int):
                yield primitive, weight, times * (weight * work[primitive])
            else:
                yield primitive, 1, times * _sum(many * weight.count(each) for each, many in part.each)


def _sum(amounts: Iterable[Number]) -> Number:
    total: Number = 0
    for amount in amounts:
        total = total + amount
    return total
