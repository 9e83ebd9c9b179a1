"""The values of a spec's expressions at a step, and where in the file they stand."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Shape, is_symbolic
from vcalc.errors import LayerError, Place, VcalcError
from vcalc.language.expression import Environment, ExpressionError, undecided
from vcalc.language.operations import common
from vcalc.language.values import COMPARE, NoValueError, bounded_list, frozen, is_number, shown
from vcalc.layers.axes import VECTOR, names_of, rank
from vcalc.spec import syntax
from vcalc.spec.bindings import explained
from vcalc.spec.build import Building
from vcalc.spec.syntax import ModelEntry, Spec, Value


class Evaluator:
    """Works out what a spec's fields, conditions and lists are where a tensor arrives."""

    def __init__(self, spec: Spec, model: ModelEntry, building: Building) -> None:
        self.spec = spec
        self.model = model
        self.building = building

    def place(self, node: Any) -> Place:
        place: Place = self.spec.source.place(node)
        return place

    def within(self, node: Any, error: LayerError) -> Place:
        """The part of a text in a notation of its own that an error is about."""
        place: Place = self.spec.source.place(node, error.column)
        place.length = min(place.length, error.length)
        return place

    def value(self, value: Value, at: int, environment: Environment) -> Any:
        """A field's value here: lists become tuples; C, H, W, N, D are the arriving shape."""
        try:
            expression = value.expression
            if expression is None:
                assert value.items is not None
                items = bounded_list([self.value(item, at, environment) for item in value.items])
                self.building.budget.spend(len(items))
                return tuple(items)
            if expression.shape_names:
                arrive(environment, self.building.graph.shape(at), self.spec.shape_names)
            return frozen(self.building.budget.value(expression, environment))
        except (NoValueError, ExpressionError) as error:
            arriving = self.building.graph.shape(at)
            raise explained(error, self.spec, self.model, arriving).at(self.place(value.node)) from None

    def whole(self, value: Value, what: str, at: int, environment: Environment) -> int:
        """A value that must be a whole number now: a loop cannot run a symbol of times."""
        number = common(self.value(value, at, environment))
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if is_symbolic(number):
            raise undecided(f"how often {what} {shown(number)} runs", number).at(self.place(value.node))
        if type(number) is not int or number < 0:
            message = f"{what} {shown(number)} is not a whole number, 0 or more"
            hint = "round, floor or ceil makes it whole" if is_number(number) and type(number) is not int else ""
            raise VcalcError("type", message, hint=hint).at(self.place(value.node))
        return number

    def let(self, step: syntax.Let, at: int, environment: Environment) -> Environment:
        environment = dict(environment)
        for name, value in step.values.items():
            environment[name] = self.value(value, at, environment)
        return environment

    def truth(self, condition: Value, at: int, environment: Environment) -> bool:
        """A condition's answer."""
        answer = self.value(condition, at, environment)
        if not isinstance(answer, bool):
            message = f"a condition is true or false, not {shown(answer)}"
            raise VcalcError("type", message, hint=COMPARE).at(self.place(condition.node))
        return answer


def arrive(environment: Environment, shape: Shape, names: frozenset[str]) -> None:
    """Bind the names of the arriving shape: C, H, W of a map; N, D of tokens; C or D of a vector; unbind the others."""
    for name in names:
        environment.pop(name, None)
    environment.update((name, size) for name, size in zip(names_of(shape), shape, strict=True) if name in names)
    if rank(shape) == VECTOR:
        environment["C"] = shape[-1]
