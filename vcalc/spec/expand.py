"""From the tree of a spec to the layers of a graph: loops, conditions and blocks are carried out here."""

from __future__ import annotations

from typing import Any

from vcalc import limits
from vcalc.arithmetic import Shape, is_many, is_symbolic
from vcalc.errors import LayerError, Place, VcalcError, quoted, suggestion
from vcalc.language.expression import Environment, ExpressionError, undecided
from vcalc.language.values import COMPARE, NoValueError, bounded_list, decimal, frozen, is_number, shown
from vcalc.layers.axes import MAPS, VECTOR, NamedShape, described, names_of, rank
from vcalc.layers.base import BRANCHES, describe, no_way, way_between
from vcalc.spec import syntax
from vcalc.spec.bindings import Bindings, explained
from vcalc.spec.build import Building, Scope, Used
from vcalc.spec.copying import Copies
from vcalc.spec.fields import written_out
from vcalc.spec.syntax import Block, ModelEntry, Spec, Step, Value

PASSES_ON = "a branch in which nothing is carried out is left out; one that passes on what arrives is []"


class _Reached(Exception):  # noqa: N818, no error
    """The named group at which the use of another spec ends."""

    def __init__(self, at: int) -> None:
        self.at = at


class Expander:
    """Carries out one spec's steps; a spec that is used by another gets an expander of its own."""

    def __init__(
        self,
        spec: Spec,
        model: ModelEntry,
        environment: Environment,
        building: Building,
        root: Scope,
        upto: str = "",
        used_by: tuple[ModelEntry, ...] = (),
    ) -> None:
        self.spec = spec
        self.model = model
        self.globals = environment
        self.building = building
        self.root = root
        self.upto = upto
        self.models = (*used_by, model)
        self.saved: list[dict[str, int]] = [{}]
        """The tensors that have names: the network's, then those of each call that is being carried out."""
        self.kept: dict[str, str] = {}
        """The names of tensors that have ended with a call, and the block that had them."""
        self.copies = Copies(building)
        self.calls: list[str] = []

    def steps(self, steps: list[Step], at: int, environment: Environment, scope: Scope) -> int:
        """Run a list from tensor `at`; returns the tensor it ends with. An error gets its place and path here."""
        self.building.depth += 1
        self.building.carried_out += not steps  # an empty list says that what arrives is passed on
        for step in steps:
            try:
                self.building.budget.step()
                if self.building.depth > limits.NESTING:
                    raise VcalcError("limit", f"nested more than {limits.NESTING} deep", hint="see docs/limits.md")
                if type(step) is syntax.Let:
                    environment = self.let(step, at, environment)
                else:
                    at = _RUN[type(step)](self, step, at, environment, scope)
            except VcalcError as error:
                raise error.at(self.place(step.node), scope.path) from None
        self.building.depth -= 1
        return at

    def place(self, node: Any) -> Place:
        place: Place = self.spec.source.place(node)
        return place

    def within(self, node: Any, error: LayerError) -> Place:
        """The part of a text in a notation of its own that an error is about."""
        place: Place = self.spec.source.place(node, error.column)
        place.length = min(place.length, error.length)
        return place

    # Values

    def value(self, value: Value, at: int, environment: Environment) -> Any:
        """A field's value here: lists become tuples; C, H, W, N, D are the arriving shape."""
        try:
            if value.items is not None:
                items = bounded_list([self.value(item, at, environment) for item in value.items])
                self.building.budget.spend(len(items))
                return tuple(items)
            expression = value.expression
            assert expression is not None
            if expression.shape_names:
                arrive(environment, self.building.graph.shape(at), self.spec.shape_names)
            return frozen(self.building.budget.value(expression, environment))
        except (NoValueError, ExpressionError) as error:
            arriving = self.building.graph.shape(at)
            raise explained(error, self.spec, self.model, arriving).at(self.place(value.node)) from None

    def whole(self, value: Value, what: str, at: int, environment: Environment) -> int:
        """A value that must be a whole number now: a loop cannot run a symbol of times."""
        number = self.value(value, at, environment)
        if is_many(number):
            number = number.common()
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

    # Steps

    def layer(self, step: syntax.LayerStep, at: int, environment: Environment, scope: Scope) -> int:
        return self.put(step, () if step.kind.begins else (at,), at, environment, scope)

    def put(
        self, step: syntax.LayerStep, inputs: tuple[int, ...], at: int, environment: Environment, scope: Scope
    ) -> int:
        """Append a layer whose inputs are these, with fields that see the shape that arrives at `at`."""
        try:
            fields = {name: decimal(self.value(value, at, environment)) for name, value in step.fields.items()}
            return self.building.add(self.building.layer(step.kind, fields), inputs, scope, step.name, step)
        except VcalcError as error:
            field = error.field if isinstance(error, LayerError) else ""
            place = self.place(step.fields[field].node if field in step.fields else step.node)
            if isinstance(error, LayerError) and error.length and field in step.fields:
                place = self.within(step.fields[field].node, error)
            raise error.at(place, _path_of(scope, step.name or step.kind.kind)) from None

    def call(self, step: syntax.Call, at: int, environment: Environment, scope: Scope) -> int:
        block = self.value(step.block, at, environment)
        if isinstance(block, str):
            node = step.block.node
            use = syntax.UseModel(step.node, node, block, step.arguments, step.upto, step.name, step.library)
            use.takes, use.saves = step.takes, step.saves
            return self.use_model(use, at, environment, scope)
        if not isinstance(block, Block):
            hint = suggestion(str(block), self.spec.blocks, "blocks")
            message = f"{quoted(str(block))} is not a block"
            raise VcalcError("type", message, hint=hint).at(self.place(step.block.node))
        if block.name in self.calls:
            circle = " → ".join((*self.calls[self.calls.index(block.name) :], block.name))
            hint = "repeat and each write layers several times, each with other values"
            raise VcalcError("recursion", f"a block calls itself: {circle}", hint=hint)
        self.building.budget.step()
        inner = self.arguments(step, block, at, environment)
        handed = {name: self.tensor(outer, step) for name, outer in step.takes.items()}
        within = scope.child(step.name) if step.name else scope
        self.calls.append(block.name)
        self.saved.append(handed)
        sharing = self.building.enter_shared(self.spec, block.name) if block.shared else None
        sees = (*self.calls, *[inner[name] for name in block.arguments])
        at = self.part(sees, block.body, at, inner, within)
        self.building.leave_shared(sharing)
        self.calls.pop()
        self.give(step, block, self.saved.pop())
        return self.leave(within, at) if step.name else at

    def give(self, step: syntax.Call, block: Block, own: dict[str, int]) -> None:
        """Save in the caller what a call asks of the names that the block has saved; the others end with it."""
        for name, inner in step.saves.items():
            if inner not in own:
                hint = suggestion(inner, own, "it saves") or f"write save: {inner} in the block, where the tensor is"
                raise VcalcError("undefined", f"block {block.name} saves no {quoted(inner)}", hint=hint)
            self.saved[-1][name] = own[inner]
        self.kept.update(dict.fromkeys(own, block.name))

    def part(self, sees: tuple[Any, ...], steps: list[Step], at: int, environment: Environment, scope: Scope) -> int:
        """Run a list that sees these values and no others of its own; a copy, where it has run on such a tensor."""
        if self.upto:
            return self.steps(steps, at, environment, scope)
        key = (self.building.depth, *sees)
        return self.copies.run(key, at, scope, lambda: self.steps(steps, at, environment, scope))

    def arguments(self, step: syntax.Call, block: Block, at: int, environment: Environment) -> Environment:
        inner = dict(self.globals)
        for name in step.arguments:
            if name not in block.arguments:
                hint = suggestion(name, block.arguments, "it takes")
                raise VcalcError("unknown-key", f"block {block.name} takes no {quoted(name)}", hint=hint)
        for name, default in block.arguments.items():
            given = step.arguments.get(name)
            if given is not None:
                inner[name] = self.value(given, at, environment)
            elif default is not None:
                inner[name] = self.value(default, at, inner)
            else:
                required = [name for name, default in block.arguments.items() if default is None]
                hint = f"write {{use: {step.block.node.value}, {written_out('with', required)}}}"
                raise VcalcError("missing", f"block {block.name} needs '{name}'", hint=hint)
        return inner

    def group(self, step: syntax.Group, at: int, environment: Environment, scope: Scope) -> int:
        within = scope.child(step.name)
        return self.leave(within, self.steps(step.body, at, environment, within))

    def leave(self, scope: Scope, at: int) -> int:
        """Note what a named group gives; end here when it is as far as this spec is used."""
        scope.output = at
        self.building.named.add(at)
        if self.upto and scope.path == f"{self.root.path}/{self.upto}":
            raise _Reached(at)
        return at

    def loop(self, step: syntax.Loop, at: int, environment: Environment, scope: Scope) -> int:
        columns = {name: self.value(value, at, environment) for name, value in step.variables.items()}
        turns = self.turns(step, columns, at, environment)
        environment = dict(environment)
        this_loop = object()
        for turn in range(turns):
            self.building.budget.step()
            for name, column in columns.items():
                environment[name] = column[turn]
            if step.index:
                environment[step.index] = turn
            if step.when is not None and not self.truth(step.when, at, environment):
                continue
            within = scope.child(step.name, numbered=True) if step.name else scope
            sees = (this_loop, turn if step.reads_index else 0, *[column[turn] for column in columns.values()])
            at = self.part(sees, step.body, at, environment, within)
            at = self.leave(within, at) if step.name else at
        return at

    def turns(self, step: syntax.Loop, columns: dict[str, Any], at: int, environment: Environment) -> int:
        if step.count is not None:
            turns = self.whole(step.count, "repeat", at, environment)
            if turns > limits.STEPS:
                message = f"a repeat of {turns:,}; at most {limits.STEPS:,} steps are taken"
                raise VcalcError("limit", message, hint="see docs/limits.md").at(self.place(step.count.node))
            return turns
        for name, column in columns.items():
            if not isinstance(column, tuple):
                written = step.variables[name].node
                message = f"each goes through lists, and '{name}' is {shown(column)}"
                hint = f"write {name}: [{written.value}], or repeat: {written.value}" if type(column) is int else ""
                raise VcalcError("type", message, hint=hint).at(self.place(written))
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            sizes = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            hint = "a turn takes an item of every list; for all combinations nest one each in another"
            raise VcalcError("type", f"the lists of each differ in length: {sizes}", hint=hint)
        return next(iter(lengths.values()))

    def condition(self, step: syntax.If, at: int, environment: Environment, scope: Scope) -> int:
        body = step.then if self.truth(step.condition, at, environment) else step.otherwise
        return at if body is None else self.steps(body, at, environment, scope)

    def truth(self, condition: Value, at: int, environment: Environment) -> bool:
        """A condition's answer."""
        answer = self.value(condition, at, environment)
        if not isinstance(answer, bool):
            message = f"a condition is true or false, not {shown(answer)}"
            raise VcalcError("type", message, hint=COMPARE).at(self.place(condition.node))
        return answer

    def branches(self, step: syntax.Branches, at: int, environment: Environment, scope: Scope) -> int:
        outer = scope.child(step.name) if step.name else scope
        ends: tuple[int, ...] = ()
        for number, (name, body) in enumerate(step.branches):
            is_shortcut = step.residual and number > 0
            ends += self.branch(name, body, is_shortcut, at, environment, outer)
        if not ends:
            many = len(step.branches)
            what = f"none of these {many} branches is left: no condition in them holds, and no loop takes a turn"
            raise VcalcError("missing", what, hint=PASSES_ON)
        alone = len(ends) == 1 and step.join.kind.joins_one
        joined = ends[0] if alone else self.join(step, ends, at, environment, outer)
        return self.leave(outer, joined) if step.name else joined

    def branch(
        self, name: str, body: list[Step], is_shortcut: bool, at: int, environment: Environment, outer: Scope
    ) -> tuple[int, ...]:
        """Run a branch: its end; none where nothing in it is carried out, but a shortcut is what arrives then."""
        within = outer.child(name) if name else outer
        before = self.building.carried_out
        end = self.steps(body, at, environment, within)
        if self.building.carried_out > before or is_shortcut:
            return (self.leave(within, end) if name else end,)
        if name:
            outer.forget(within)
        return ()

    def join(
        self, step: syntax.Branches, ends: tuple[int, ...], at: int, environment: Environment, scope: Scope
    ) -> int:
        try:
            return self.put(step.join, ends, at, environment, scope)
        except LayerError as error:
            if step.residual:
                from vcalc.layers import mend

                error.problems[0].hint = mend.residual(*map(self.building.graph.shape, (ends[0], at)))
            elif error.field == BRANCHES and len(ends) < len(step.branches):
                error.problems[0].hint = PASSES_ON
            raise

    def save(self, step: syntax.Save, at: int, environment: Environment, scope: Scope) -> int:
        self.building.outside += 1
        self.saved[-1][step.name] = at
        self.building.named.add(at)
        self.building.carried_out += 1
        return at

    def take(self, step: syntax.Take, at: int, environment: Environment, scope: Scope) -> int:
        self.building.outside += 1
        self.building.carried_out += 1
        return self.tensor(step.name, step)

    def tensor(self, name: str, step: Step) -> int:
        """The tensor that is saved under a name here, or that a group of the network gives."""
        found = self.found(name, step)
        if found is None:
            raise VcalcError("undefined", f"no tensor is called {quoted(name)} so far", hint=self.where(name))
        return found

    def found(self, name: str, step: Step) -> int | None:
        """The tensor of a name, if there is one."""
        saved, group = self.saved[-1].get(name), self.root.find(name)
        given = group.output if group else None
        if saved is not None and given not in (None, saved):
            self.building.hidden.append((self.spec, step, name))
        return given if saved is None else saved

    def outputs(self, end: int) -> dict[str, int]:
        """What the network gives when its list has ended at tensor `end`: that, or what the spec names."""
        outputs: dict[str, int] = {}
        for step in self.spec.outputs:
            found = self.found(step.name, step)
            if found is None:
                known = [*self.saved[-1], *self.root.ended()]
                hint = suggestion(step.name, known, "there are") or f"write save: {step.name} where it is"
                error = VcalcError("undefined", f"no tensor is called {quoted(step.name)}, an output", hint=hint)
                raise error.at(self.place(step.node))
            outputs[step.name] = found
        return outputs or {"": end}

    def where(self, name: str) -> str:
        """Where a tensor could come from that has no name here."""
        if any(name in names for names in self.saved):
            return f"a block has what its call hands to it: {self.calls[-1]}: {{take: {name}}}"
        if name in self.kept:
            block = self.kept[name]
            return f"block {block} keeps it to itself, unless its call asks for it: {block}: {{save: {name}}}"
        save = f"write save: {name} where it is, above this" if "/" not in name else ""
        return suggestion(name, [*self.saved[-1], *self.root.ended()], "so far") or save

    def use_model(self, step: syntax.UseModel, at: int, environment: Environment, scope: Scope) -> int:
        from vcalc.spec.find import is_file_name, load

        try:
            if is_file_name(step.model):
                raise VcalcError("file", "a spec opens no other file", hint="use a block, or a model of the catalogue")
            spec, model = load(step.model)
        except VcalcError as error:
            raise error.at(self.place(step.target)) from None
        if model in self.models:
            circle = " → ".join(entry.name for entry in (*self.models[self.models.index(model) :], model))
            raise VcalcError("recursion", f"a spec uses itself: {circle}")
        self.building.outside += 1
        self.building.carried_out += 1
        values = {name: self.value(value, at, environment) for name, value in step.values.items()}
        given = self.arriving(step, spec, model, at)
        bindings = self.bound(step, spec, model, given, values)
        inner = bindings.all()
        within = scope.child(step.name or model.name)
        expander = Expander(spec, model, inner, self.building, within, step.upto, self.models)
        expander.saved[0] = {name: index for name, index in given.items() if name}
        first = next(iter(given))
        depth, start = self.building.depth, len(self.building.graph.nodes)
        try:
            end = self.leave_model(step, expander, expander.steps(spec.layers, given[first], inner, within))
        except _Reached as reached:
            end, self.building.depth = reached.at, depth
        else:
            if step.upto:
                hint = suggestion(step.upto, within.ended(), "it has")
                raise VcalcError("undefined", f"{model.name} has no group {quoted(step.upto)}", hint=hint)
        self.check_library(step, model)
        nodes = range(start, len(self.building.graph.nodes))
        self.building.used.append(Used(spec, model, nodes, step.library, bool(step.upto)))
        return self.leave(within, end)

    def arriving(self, step: syntax.UseModel, spec: Spec, model: ModelEntry, at: int) -> dict[str, int]:
        """The tensors that a model in use takes, by its inputs' names: what arrives is the first where none is said."""
        names = [*spec.inputs]
        if (step.takes and "" in names) or (step.saves and not spec.outputs):
            raise VcalcError("misplaced", syntax.MODELS_KEEP, hint=syntax.THEIR_GROUPS)
        if step.saves and step.upto:
            message = f"'upto' ends {model.name} before it has its outputs, which 'save' asks for"
            raise VcalcError("misplaced", message, hint="leave one of them out")
        for name in step.takes:
            if name not in names:
                hint = suggestion(name, names, "it takes")
                raise VcalcError("input", f"{model.name} has no input {quoted(name)}", hint=hint)
        given = {names[0]: at, **{name: self.tensor(outer, step) for name, outer in step.takes.items()}}
        for name in names:
            if name not in given:
                hint = f"write {{use: {step.model}, take: {{{name}: …}}}}"
                raise VcalcError("input", f"{model.name} takes {' and '.join(names)}: nothing is its {name}", hint=hint)
        return {name: given[name] for name in names}

    def leave_model(self, step: syntax.UseModel, inner: Expander, end: int) -> int:
        """Save the outputs of a model in use that are asked for; returns the last of all."""
        outputs = inner.outputs(end)
        for ours, its in step.saves.items():
            if its not in outputs:
                hint = suggestion(its, outputs, "it gives")
                raise VcalcError("undefined", f"{inner.model.name} has no output {quoted(its)}", hint=hint)
            self.saved[-1][ours] = outputs[its]
        return [*outputs.values()][-1]

    def check_library(self, step: syntax.UseModel, model: ModelEntry) -> None:
        """Refuse a library that has no such model."""
        if step.library and step.library not in model.same_as:
            hint = suggestion(step.library, model.same_as, "it is in") if model.same_as else ""
            raise VcalcError("library", f"{model.name} is not in '{step.library}'", hint=hint)

    def bound(
        self, step: syntax.UseModel, spec: Spec, model: ModelEntry, tensors: dict[str, int], given: dict[str, Any]
    ) -> Bindings:
        """The hyperparameters of a model in use; its inputs' sizes give way to what arrives."""
        library = step.library or next(iter(model.same_as), "")
        bindings = Bindings(spec, model, given, self.building.budget, library)
        bindings.all()
        self.building.symbolic |= bool(bindings.symbols)
        for name, expected in bindings.inputs().items():
            self.check_arriving(step, name, expected, self.building.graph.shape(tensors[name]))
        try:
            bindings.check_used()
        except VcalcError as error:
            raise error.at(self.place(step.values[bindings.left_over() or ""].node)) from None
        return bindings

    def check_arriving(self, step: syntax.UseModel, name: str, expected: NamedShape, found: NamedShape) -> None:
        """Refuse a tensor of other axes than a model's input has."""
        if (rank(expected), len(expected)) == (rank(found), len(found.inner(0))):
            return
        its = f" as {name}" if name else ""
        message = f"{step.model} takes {described(expected.axes)}{its}, but {describe(found)} arrives"
        wanted = (rank(expected),)
        hint = way_between(rank(found), wanted) or no_way(rank(found), wanted)
        if (expected.axes, found.inner(0).axes) == (MAPS[1], MAPS[2]):
            hint = "put 'frames' before it, and each frame goes through it by itself"
        raise VcalcError("input", message, hint=hint)


def _path_of(scope: Scope, name: str) -> str:
    return scope.within(name, scope.counts.get(name, 1))


def arrive(environment: Environment, shape: Shape, names: frozenset[str]) -> None:
    """Bind the names of the arriving shape: C, H, W of a map; N, D of tokens; C or D of a vector; unbind the others."""
    for name in names:
        environment.pop(name, None)
    environment.update((name, size) for name, size in zip(names_of(shape), shape, strict=True) if name in names)
    if rank(shape) == VECTOR:
        environment["C"] = shape[-1]


_RUN: dict[type[Step], Any] = {
    syntax.LayerStep: Expander.layer,
    syntax.Call: Expander.call,
    syntax.UseModel: Expander.use_model,
    syntax.Group: Expander.group,
    syntax.Loop: Expander.loop,
    syntax.If: Expander.condition,
    syntax.Branches: Expander.branches,
    syntax.Save: Expander.save,
    syntax.Take: Expander.take,
}
