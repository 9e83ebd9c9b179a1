"""Hyperparameters and input sizes given values: from the spec, from a variant of it, from the command line.

A binding is a number or an expression; names that the spec does not know become symbols.
"""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Shape, certainly_less, is_symbolic
from vcalc.errors import VcalcError, suggestion
from vcalc.spec.expression import SHAPE_NAMES, ExpressionError, parse
from vcalc.spec.syntax import ModelEntry, Option, Spec, Value

RANKS = {("C", "H", "W"): 3, ("N", "D"): 2, ("D",): 1}
"""The sizes an input may have, in the order of its shape."""


class Bindings:
    """The value of every hyperparameter, worked out on demand in whatever order they refer to one another."""

    def __init__(self, spec: Spec, model: ModelEntry, given: dict[str, Any]) -> None:
        self.spec = spec
        self._written: dict[str, Value] = {**spec.let, **model.values}
        self._given = dict(given)
        self._values: dict[str, Any] = dict(spec.blocks)
        self._open: list[str] = []
        self.symbols: dict[str, Any] = {}

    def all(self) -> dict[str, Any]:
        """Every hyperparameter and block by name. The arriving shape's names are left to the layers."""
        for name in (*self._written, *self.spec.symbols):
            self.hyperparameter(name)
        return {name: value for name, value in self._values.items() if name not in SHAPE_NAMES}

    def hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters alone, in the order they are written."""
        return {name: self.hyperparameter(name) for name in self._written}

    def hyperparameter(self, name: str) -> Any:
        """One hyperparameter's value. Raises VcalcError where hyperparameters define one another in a circle."""
        if name in self._values and name not in self._given:
            return self._values[name]
        if name in self._open:
            circle = " → ".join((*self._open[self._open.index(name) :], name))
            written = self._written.get(name)
            place = self.spec.source.place(written.node) if written else None
            raise VcalcError("circle", f"hyperparameters define one another in a circle: {circle}", place)
        self._open.append(name)
        try:
            self._values[name] = self._work_out(name)
        finally:
            self._open.pop()
        return self._values[name]

    def _work_out(self, name: str) -> Any:
        if name in self._given:
            return self._from_outside(name, self._given.pop(name))
        if name in self._written:
            return self._evaluate(self._written[name])
        return self.symbol(name)

    def _evaluate(self, value: Value) -> Any:
        if value.items is not None:
            return [self._evaluate(item) for item in value.items]
        assert value.expression is not None
        try:
            names = {name: self.hyperparameter(name) for name in value.expression.names if self._knows(name)}
            return value.expression.value(names)
        except VcalcError as error:
            raise error.at(self.spec.source.place(value.node)) from None

    def _knows(self, name: str) -> bool:
        return name in self._written or name in self._values or name in self.spec.symbols

    def _from_outside(self, name: str, value: Any) -> Any:
        """A binding of the command line: a value as it is, a text read as an expression."""
        if not isinstance(value, str):
            return value
        try:
            expression = parse(value)
            names = {n: self.hyperparameter(n) if self._refers(n, name) else self.symbol(n) for n in expression.names}
            return expression.value(names)
        except ExpressionError as error:
            raise VcalcError("binding", f"--set {name}={value}: {error.problems[0].message}", hint=error.problems[0].hint) from None

    def _refers(self, name: str, bound: str) -> bool:
        return name != bound and name not in SHAPE_NAMES and (name in self._written or name in self._values)

    def symbol(self, name: str) -> Any:
        """The symbol of that name, made when it is first used."""
        if name not in self.symbols:
            if not (name.isidentifier() and len(name) <= 40):
                raise VcalcError("binding", f"'{name[:40]}' cannot name a symbol", hint="letters, digits and _")
            from vcalc import symbols

            self.symbols[name] = symbols.symbol(name)
        return self.symbols[name]

    def input(self, model: ModelEntry, option: Option | None = None) -> Shape:
        """The input's shape, with its sizes in order. Raises VcalcError for sizes that make no input."""
        written = {**self.spec.input, **model.input, **(option.input if option else {})}
        order = next((names for names in RANKS if set(names) == set(written)), None)
        if order is None:
            raise VcalcError(
                "input",
                f"an input of {', '.join(written)} is no image, no tokens and no vector",
                hint="write {C: , H: , W: } or {N: , D: } or {D: }",
            ).at(self.spec.source.place(next(iter(written.values())).node))
        return tuple(self._size(name, written[name]) for name in order)

    def _size(self, name: str, written: Value) -> Any:
        from_outside = name in self._given and name not in self.spec.symbols
        value = self._from_outside(name, self._given.pop(name)) if from_outside else self._evaluate(written)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not (type(value) is int or is_symbolic(value) or hasattr(value, "shape")) or certainly_less(value, 1):
            error = VcalcError("input", f"input {name} is {value}, not a whole number, 1 or more")
            raise error if from_outside else error.at(self.spec.source.place(written.node))
        return value

    def check_used(self) -> None:
        """Refuse a binding that nothing took up."""
        sizes = {*self.spec.input} if self.spec.input else set()
        for name in self._given:
            known = {*self._written, *self.spec.symbols, *sizes}
            raise VcalcError(
                "binding",
                f"{self.spec.title or self.spec.file} has no hyperparameter '{name}'",
                hint=suggestion(name, known, "it has"),
            )
