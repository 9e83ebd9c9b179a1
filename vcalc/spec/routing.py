"""Experts, from a step to layers: the router, tokens sent to the experts that they choose, and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.arithmetic import assumed
from vcalc.errors import LayerError, VcalcError
from vcalc.graph import Routing
from vcalc.language.expression import Environment
from vcalc.language.values import decimal, shown
from vcalc.layers import KINDS, Layer
from vcalc.layers.axes import TOKENS, rank
from vcalc.layers.base import describe, way_between
from vcalc.layers.experts import Combine, Dispatch, TopK
from vcalc.spec import syntax
from vcalc.spec.build import Scope

if TYPE_CHECKING:
    from vcalc.spec.expand import Expander


class Router:
    """Carries out one step of experts on the tokens that arrive."""

    def __init__(
        self, expander: Expander, step: syntax.Experts, at: int, environment: Environment, scope: Scope
    ) -> None:
        self.expander, self.building = expander, expander.building
        self.step, self.at, self.environment = step, at, environment
        self.scope = scope.child(step.name) if step.name else scope

    def run(self) -> int:
        """The router, what the tokens choose, the layers of an expert, and the weighed sum; returns that."""
        building, step = self.building, self.step
        self._check()
        building.outside += 1
        experts, active = self._count("experts", step.count), self._count("active", step.active)
        scores = self._scores(experts, self.scope.child("router"))
        choice = self._add(TopK, (scores,), step.active, count=active)
        rows = self._add(Dispatch, (self.at, choice))
        building.experts.add(rows)
        building.routing = Routing(experts, active, choice)
        end = self._list(step.body, rows, self.scope.child("expert"))
        building.routing = None
        normalized = step.normalized is not None and self.expander.truth(step.normalized, self.at, self.environment)
        made = self._add(Combine, (end, choice, scores), normalized=normalized)
        return self.expander.leave(self.scope, made) if step.name else made

    def _check(self) -> None:
        if self.building.routing:
            raise VcalcError("experts", "experts within experts: a token would choose twice, and nobody routes so")
        arriving = self.building.graph.shape(self.at)
        if rank(arriving) != TOKENS:
            message = f"experts take tokens [N, D], but {describe(arriving)} arrives"
            raise VcalcError("experts", message, hint=way_between(rank(arriving), (TOKENS,)))

    def _count(self, word: str, value: syntax.Value) -> Any:
        """A whole number, 1 or more, or a symbol of one."""
        number, type_ = decimal(self.expander.value(value, self.at, self.environment)), TopK.fields["count"].type
        try:
            return type_.accept(number)
        except (ValueError, TypeError):
            error = VcalcError("type", f"{word} is {shown(number)}, not {type_.says}")
            raise error.at(self.expander.place(value.node)) from None

    def _list(self, steps: list[syntax.Step], at: int, scope: Scope) -> int:
        return self.expander.leave(scope, self.expander.steps(steps, at, self.environment, scope))

    def _scores(self, experts: Any, scope: Scope) -> int:
        """A score of each expert for each token."""
        if self.step.router is None:
            made = self._add(KINDS["linear"], (self.at,), scope=scope, out=experts, bias=False)
            return self.expander.leave(scope, self._add(KINDS["softmax"], (made,), scope=scope))
        end = self._list(self.step.router, self.at, scope)
        scores = self.building.graph.shape(end)
        if rank(scores) != TOKENS or not assumed("==", scores[-1], experts):
            message = f"the router leaves {describe(scores)}, and not a score for each of {shown(experts)} experts"
            raise VcalcError("experts", message, hint="end it in linear: {out: …}, softmax")
        return end

    def _add(
        self,
        kind: type[Layer],
        inputs: tuple[int, ...],
        value: syntax.Value | None = None,
        scope: Scope | None = None,
        **fields: Any,
    ) -> int:
        """Append a layer that no item says; what does not fit is said of a value."""
        try:
            return self.building.add(self.building.layer(kind, fields), inputs, scope or self.scope, "", self.step)
        except LayerError as error:
            raise error.at(self.expander.place(value.node if value else self.step.node)) from None
