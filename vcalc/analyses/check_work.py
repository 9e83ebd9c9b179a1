"""How much of the networks the claims, figures and budgets of one file look at: counted in layers, not in seconds."""

from __future__ import annotations

from typing import Any

from vcalc import conventions, limits
from vcalc.analyses.cost import Cost, Costs
from vcalc.analyses.measure import Question, found
from vcalc.conventions import Convention
from vcalc.errors import VcalcError
from vcalc.spec.build import Budget
from vcalc.spec.network import Network, expand
from vcalc.spec.syntax import ModelEntry, Option, Spec

QUESTION = 50
"""What a question costs by itself, in layers."""

WALK = 10
"""What a layer costs that is walked through for a receptive field or a depth."""

UNLIKE = 20
"""What a layer costs that is unlike the others: its counts are worked out."""

FORMULA = 8000
"""What it costs where its counts are formulas."""

Key = tuple[Spec, ModelEntry, Option | None, tuple[tuple[str, str], ...], str, str]


class Work:
    """What one file may look at, and the networks that it asks for, which spend one budget together."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self.done = 0
        self._networks: dict[Key, Network] = {}
        self._found: dict[tuple[str, str], tuple[Spec, ModelEntry, Option | None]] = {}
        self._costs: dict[tuple[Network, str], Costs] = {}
        self._answers: dict[tuple[Any, ...], Any] = {}

    @property
    def is_over(self) -> bool:
        """Whether nothing more is looked at."""
        spent = self.budget.steps > limits.STEPS or self.budget.operations > limits.OPERATIONS
        return spent or self.done > limits.CHECK_WORK

    def spend(self, layers: int) -> None:
        """Spend work. Raises VcalcError when there is none left."""
        self.done += layers
        if self.done > limits.CHECK_WORK:
            message = f"the claims, figures and budgets look at more than {limits.CHECK_WORK:,} layers together"
            raise VcalcError("limit", message, hint="see docs/limits.md")

    def look(self, network: Network, metric: str, parts: int = 0, known: bool = False) -> None:
        """Pay for a look at a network, or at some named parts of it; less where its layers' counts are known."""
        nodes, walk = network.graph.nodes, WALK * len(network.graph.inputs)
        self.spend(QUESTION + len(nodes) * ((1 if metric in Cost._fields else walk) + parts))
        if network.symbolic or not known:
            self.spend(len({node.facts for node in nodes}) * (FORMULA if network.symbolic else UNLIKE))

    def answer(self, question: Question) -> Any:
        """The exact value that a question asks for, paid for; one that was asked before costs no look."""
        question = question.scheduled()
        network = self.network(question)
        key = (network, question.convention)
        asked = (*key, question.metric, question.of, question.kinds, question.plus)
        if question.run is not None:
            return self._worked_out(question, network, key)
        if asked not in self._answers:
            self._answers[asked] = self._worked_out(question, network, key)
        else:
            self.spend(QUESTION)
        return self._answers[asked]

    def _worked_out(self, question: Question, network: Network, key: tuple[Network, str]) -> Any:
        parts = len(question.of) + len(question.kinds) + len(question.plus)
        self.look(network, question.metric, parts, key in self._costs)
        if key not in self._costs:
            self._costs[key] = Costs(network.graph, conventions.load(question.convention))
        return question.of_network(network, self._costs[key])

    def answers(self, question: Question, conventions_: list[Convention]) -> list[Any]:
        """The params or FLOPs that a question asks for, under each of some conventions: a single look."""
        network = self.network(question)
        self.look(network, question.metric, len(question.of) + len(question.kinds) + len(question.plus))
        self.spend(QUESTION * len(conventions_))
        return question.of_network_under(network, conventions_)

    def network(self, question: Question) -> Network:
        """The network that a question is about, built once."""
        where = (question.model, question.option)
        if where not in self._found:
            self._found[where] = found(*where)
        spec, entry, option = self._found[where]
        key = (spec, entry, option, question.bindings, question.bits, question.density)
        if key not in self._networks:
            self.spend(QUESTION)
            network = expand(spec, entry, dict(question.bindings), option, budget=self.budget)
            if question.bits or question.density:
                from vcalc.spec.widths import widen

                widen(network.graph, *([said] if said else [] for said in (question.bits, question.density)))
            self._networks[key] = network
        return self._networks[key]

    def expanded(self, spec: Spec, entry: ModelEntry, option: Option | None) -> Network:
        """A model or an option with no size bound, built, and kept for the questions about it."""
        network = expand(spec, entry, None, option, budget=self.budget)
        self._networks[spec, entry, option, (), "", ""] = network
        return network
