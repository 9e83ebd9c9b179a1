"""Hyperparameters and input sizes given values: from the spec, from a variant of it, from the command line.

A binding is a number or an expression; names that the spec does not know become symbols.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vcalc import foreign, limits
from vcalc.arithmetic import assumed, is_many, is_symbolic, note
from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.language.expression import ExpressionError, arrives, can_name, parse
from vcalc.language.values import NoValueError, bounded, bounded_list, decimal, is_list, is_number, is_quotient, shown
from vcalc.layers.axes import INPUTS, NamedShape
from vcalc.layers.base import describe
from vcalc.spec.build import Budget
from vcalc.spec.fields import VALUES, is_word, name_hint
from vcalc.spec.sizes import label, merged_inputs, order_of
from vcalc.spec.syntax import Block, ModelEntry, Option, Spec, Value


class Bindings:
    """The value of every hyperparameter, worked out on demand in whatever order they refer to one another."""

    def __init__(
        self,
        spec: Spec,
        model: ModelEntry,
        given: dict[str, Any],
        budget: Budget,
        library: str = "",
        option: Option | None = None,
    ) -> None:
        self.spec = spec
        self.model = model
        self.budget = budget
        self._written: dict[str, Value] = {**spec.let, **spec.libraries.get(library, {}), **model.values}
        self._inputs = merged_inputs(spec, model, option)
        self._sizes = {size for sizes in self._inputs.values() for size in sizes}
        self._given = self._flat(given)
        self._values: dict[str, Any] = dict(spec.blocks)
        self._open: list[str] = []
        self.symbols: dict[str, Any] = {}
        self.arrays: dict[str, Any] = {}
        """What was given as an array and is many numbers."""

    def _flat(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is given, each size by a name of its own: `image.H` for `image={"H": 224}`."""
        found: dict[str, Any] = {}
        for name, value in given.items():
            if name not in self._inputs:
                found[name] = value
            elif isinstance(value, Mapping):
                found |= {label(name, str(size)): each for size, each in value.items()}
            else:
                sizes = " and ".join(label(name, size) for size in self._inputs[name])
                raise VcalcError("binding", f"{name} is an input, and no number", hint=f"its sizes are {sizes}")
        return found

    def all(self) -> dict[str, Any]:
        """Every hyperparameter and block by name. The arriving shape's names are left to the layers."""
        for name in (*self._written, *self.spec.symbols):
            self.hyperparameter(name)
        return {name: value for name, value in self._values.items() if name not in self.spec.shape_names}

    def hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters alone, in the order they are written; quotients and roots as floats."""
        return {name: decimal(self.hyperparameter(name)) for name in self._written}

    def hyperparameter(self, name: str) -> Any:
        """One hyperparameter's value. Raises VcalcError where hyperparameters define one another in a circle."""
        if name in self._values and name not in self._given:
            return self._values[name]
        self._check_open(name)
        self._open.append(name)
        try:
            self._values[name] = self._work_out(name)
        finally:
            self._open.pop()
        return self._values[name]

    def _check_open(self, name: str) -> None:
        problem = None
        if name in self._open:
            circle = [*self._open[self._open.index(name) :], name]
            message = f"hyperparameters define one another in a circle: {' → '.join(circle)}"
            problem = VcalcError("circle", message, hint=f"write {name} without {circle[1]}")
        elif len(self._open) >= limits.NESTING:
            message = f"hyperparameters refer to one another more than {limits.NESTING} deep"
            problem = VcalcError("limit", message, hint="see docs/limits.md")
        if problem:
            written = self._written.get(name)
            raise problem.at(self.spec.source.place(written.node)) if written else problem

    def _work_out(self, name: str) -> Any:
        if name in self._given:
            value = self._from_outside(name, self._given.pop(name))
            if is_list(value) or is_number(value) or isinstance(value, (bool, str, Block)):
                return value
            raise VcalcError("binding", f"{name} is {shown(value)}: neither a number nor a truth, a word or a list")
        if name in self._written:
            return self._evaluate(self._written[name])
        return self.symbol(name)

    def _evaluate(self, value: Value) -> Any:
        try:
            if value.items is not None:
                return bounded_list([self._evaluate(item) for item in value.items])
            assert value.expression is not None
            names = {name: self.hyperparameter(name) for name in value.expression.names if self._knows(name)}
            return self.budget.value(value.expression, names)
        except (NoValueError, ExpressionError) as error:
            raise explained(error, self.spec, self.model).at(self.spec.source.place(value.node)) from None

    def value(self, value: Value) -> Any:
        """What an expression over the hyperparameters comes to. Raises VcalcError where it has no value."""
        return self._evaluate(value)

    def _knows(self, name: str) -> bool:
        return name in self._written or name in self._values or name in self.spec.symbols

    def _from_outside(self, name: str, value: Any) -> Any:
        """A binding of the command line: a value as it is, a text read as an expression."""
        if getattr(value, "shape", None) and self._holds_a_number(name):
            from vcalc.spec import arrays

            return arrays.from_outside(name, value, self.arrays)
        if not isinstance(value, str):
            return from_python(name, value)
        known = frozenset((*self._written, *self._values))
        worded = self._holds_a_word(name)
        if worded and is_word(value, known, self.spec.models):
            return value
        meant = foreign.answers("values", value) if worded and value not in known else []
        if meant:
            hint = f"here that is {', or '.join(map(str, meant))}"
            raise VcalcError("binding", f"--set {name}={value}: {quoted(value)} is no word of a field", hint=hint)
        try:
            expression = parse(value)
            self._check_sizes(expression.names - self._own_name(name))
            whole = not self._holds_a_fraction(name)
            names = {n: n if worded and n in VALUES - known else self._named(n, name, whole) for n in expression.names}
            if whole and self._may_be_a_fraction(name):
                self._note_whole(names)
            return self.budget.value(expression, names)
        except ExpressionError as error:
            problem = error.problems[0]
            raise VcalcError("binding", f"--set {name}={value}: {problem.message}", hint=problem.hint) from None

    def _named(self, name: str, bound: str, whole: bool) -> Any:
        return self.hyperparameter(name) if self._refers(name, bound) else self.symbol(name, whole)

    def _holds_a_number(self, name: str) -> bool:
        """Whether many numbers may stand there: for a size, and where the spec has a number, not a list of them."""
        return name not in self._written or is_number(self._evaluate(self._written[name]))

    def _holds_a_fraction(self, name: str) -> bool:
        """Whether the spec's own value is no whole number, so that a symbol in its place need not be one."""
        written = self._written.get(name)
        if written is None or written.expression is None or written.expression.names:
            return False
        value = self._evaluate(written)
        return is_quotient(value) or (isinstance(value, float) and not value.is_integer())

    def _may_be_a_fraction(self, name: str) -> bool:
        """Whether the spec writes a point in a value of that name, here or for another model: a multiplier, 1.0."""
        values = [self.spec.let, *self.spec.libraries.values(), *(model.values for model in self.spec.models.values())]
        written = [each[name].expression for each in values if name in each]
        return any(each is not None and not each.names and "." in each.text for each in written)

    def _note_whole(self, names: dict[str, Any]) -> None:
        for value in names.values():
            if is_symbolic(value) and value in self.symbols.values():
                note("%", value, 1)

    def _holds_a_word(self, name: str) -> bool:
        written = self._written.get(name)
        return written is not None and _has_a_word(self._evaluate(written))

    def _own_name(self, name: str) -> set[str]:
        """The name that may stand for itself: H=H, and image.H=H where no other input has an H."""
        size = name.rpartition(".")[2]
        return {size} if sum(size in sizes for sizes in self._inputs.values()) < 2 else {name}

    def _check_sizes(self, names: frozenset[str]) -> None:
        """Refuse the name of an input size: H=W would neither be the width that the input has nor a new name."""
        for name in sorted(names & self._sizes - set(self.spec.symbols)):
            raise ExpressionError(f"'{name}' is a size of the input", f"choose another name: {name.lower()}")

    def _refers(self, name: str, bound: str) -> bool:
        return name != bound and name not in self.spec.shape_names and (name in self._written or name in self._values)

    def symbol(self, name: str, whole: bool = True) -> Any:
        """The symbol of that name, made when it is first used: a whole number, or any."""
        if name not in self.symbols:
            if not can_name(name):
                raise VcalcError("binding", f"{quoted(name)} cannot name a symbol", hint=name_hint(name))
            from vcalc import symbols

            self.symbols[name] = symbols.symbol(name) if whole else symbols.share(name)
        return self.symbols[name]

    def inputs(self) -> dict[str, NamedShape]:
        """The shape of every input, its sizes in order. Raises VcalcError for sizes that make no input."""
        made = {}
        for name, written in self._inputs.items():
            order = order_of(written)
            made[name] = NamedShape((self._size(name, size, written[size]) for size in order), INPUTS[order])
        return made

    def _given_as(self, input: str, size: str) -> str:
        """The name under which a size is given from outside; empty where it is not."""
        if input and label(input, size) in self._given:
            return label(input, size)
        if size not in self._given or size in self.spec.symbols:
            return ""
        having = [name for name, sizes in self._inputs.items() if size in sizes]
        if len(having) > 1:
            hint = f"say of which: {' or '.join(label(name, size) for name in having)}"
            raise VcalcError("binding", f"{size} is a size of {' and '.join(having)}", hint=hint)
        return size

    def _size(self, input: str, size: str, written: Value) -> Any:
        given = self._given_as(input, size)
        value = self._from_outside(given, self._given.pop(given)) if given else self._evaluate(written)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        unfit = value.unfit(_is_size) if is_many(value) else [] if _is_size(value) else [value]
        if unfit:
            what = f"input {label(input, size)} is {shown(unfit[0])}"
            error = VcalcError("input", f"{what}, not a whole number, 1 or more")
            raise error if given else error.at(self.spec.source.place(written.node))
        return value

    def left_over(self) -> str | None:
        """A binding that nothing took up."""
        return next(iter(self._given), None)

    def check_used(self) -> None:
        """Refuse a binding that nothing took up."""
        name = self.left_over()
        if name is not None:
            known = {*self._written, *self.spec.symbols, *self._sizes}
            known |= {label(input, size) for input, sizes in self._inputs.items() for size in sizes}
            what = self.spec.title or self.spec.file
            hint = suggestion(name, known, "it has")
            raise VcalcError("binding", f"{what} has no hyperparameter {quoted(name)}", hint=hint)


def _is_size(value: Any) -> bool:
    if type(value) is int:
        return value >= 1
    return is_symbolic(value) and assumed("%", value, 1) and assumed(">=", value, 1)


def from_python(name: str, value: Any) -> Any:
    """A number, a truth, a word, or a list of them, as the language has it; NumPy's and torch's, too.

    Raises VcalcError for a number that no network has; what is no value of the language stays what it is.
    """
    try:
        if is_list(value) or isinstance(value, range) or getattr(value, "shape", None):
            return bounded_list([from_python(name, item) for item in value[: limits.LIST_ITEMS + 1]])
        if getattr(value, "shape", None) == ():
            value = _scalar(value)
        if hasattr(value, "as_integer_ratio") and not isinstance(value, (int, float)):
            from vcalc.language import exact

            return exact.from_outside(value)
        return bounded(value)
    except NoValueError as error:
        raise VcalcError("binding", f"{name} is {error}", hint=error.hint) from None


def _scalar(value: Any) -> Any:
    """An array's only number as Python's; 0.1 of 32 bits is 0.1, too."""
    item = value.item()
    if not hasattr(item, "as_integer_ratio") or hasattr(item, "numerator"):
        return item
    try:
        return float(str(value.__array__()))
    except (TypeError, RuntimeError):  # a type that NumPy lacks
        return item


def explained(
    error: NoValueError | ExpressionError, spec: Spec, model: ModelEntry, arriving: NamedShape | None = None
) -> VcalcError:
    """The error for a spec's value; where a name has no value here but could have, with the reason."""
    if isinstance(error, NoValueError):
        return VcalcError("limit", f"this is {error}", hint=error.hint)
    problem = error.problems[0]
    if error.name in spec.shape_names:
        problem.hint = arrives(spec.shape_names)
        if arriving is not None:
            sizes = [name for name in arriving.axes if name in spec.shape_names]
            problem.hint = f"{describe(arriving)} arrives here, with {' and '.join(sizes)}"
    elif error.name and any(error.name in other.values for other in spec.models.values()):
        problem.hint = f"model {quoted(model.name)} gives it no value: write it there, or under let"
    return error


def _has_a_word(value: Any) -> bool:
    """Whether a value is a word, or a list that holds one."""
    return any(map(_has_a_word, value)) if is_list(value) else isinstance(value, str)
