"""From the tree of a spec to the layers of a graph: loops, conditions and blocks are carried out here."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from vcalc import limits
from vcalc.errors import LayerError, VcalcError, quoted, suggestion
from vcalc.graph import Graph
from vcalc.language.expression import Environment
from vcalc.language.values import decimal, key_of, shown
from vcalc.layers import KINDS
from vcalc.layers.axes import MAPS, NamedShape, described, rank
from vcalc.layers.base import BRANCHES, Layer, describe, no_way, way_between
from vcalc.spec import syntax
from vcalc.spec.bindings import Bindings
from vcalc.spec.build import Building, Scope, Used
from vcalc.spec.copying import Copies
from vcalc.spec.fields import written_out
from vcalc.spec.saved import Keeper, List
from vcalc.spec.sizes import merged_inputs
from vcalc.spec.syntax import Block, ModelEntry, Spec, Step
from vcalc.units import counted

PASSES_ON = "a branch in which nothing is carried out is left out; one that passes on what arrives is []"


class _Reached(Exception):  # noqa: N818, no error
    """The named group, by its path, at which the use of another spec ends."""

    def __init__(self, at: int, path: str) -> None:
        self.at = at
        self.path = path


class Expander(Keeper):
    """Carries out one spec's steps; a spec that is used by another gets an expander of its own."""

    def __init__(
        self,
        spec: Spec,
        model: ModelEntry,
        environment: Environment,
        building: Building,
        root: Scope,
        ends: tuple[str, ...] = (),
        used_by: tuple[ModelEntry, ...] = (),
    ) -> None:
        super().__init__(spec, model, building, root)
        self.globals = environment
        self.ends = ends
        """The paths of named groups at which a use of this spec, or of one that uses it, ends."""
        self.frame: object = root
        """The call that is being carried out, or the whole network: what is shared in one is not in another."""
        self.models = (*used_by, model)
        self.copies = Copies(building)

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
                elif step.frozen is None or type(step) is syntax.Loop:
                    at = _RUN[type(step)](self, step, at, environment, scope)
                else:
                    at = self.frozen(step, at, environment, scope)
            except VcalcError as error:
                raise error.at(self.place(step.node), scope.path) from None
        self.building.depth -= 1
        return at

    def frozen(self, step: Step, at: int, environment: Environment, scope: Scope) -> int:
        """Carry out a step that says whether its parameters are trained."""
        with self.freezing(step, at, environment):
            end: int = _RUN[type(step)](self, step, at, environment, scope)
        return end

    def freezing(self, step: Step, at: int, environment: Environment) -> AbstractContextManager[None]:
        """Parameters of what is added meanwhile are not trained, where the condition of a step holds."""
        condition = step.frozen.condition if step.frozen else None
        holds = condition is not None and self.truth(condition, at, environment)
        return self.building.frozen.meanwhile(holds, step, self.spec)

    # Steps

    def layer(self, step: syntax.LayerStep, at: int, environment: Environment, scope: Scope) -> int:
        return self.put(step, () if step.kind.begins else (at,), at, environment, scope)

    def put(
        self, step: syntax.LayerStep, inputs: tuple[int, ...], at: int, environment: Environment, scope: Scope
    ) -> int:
        """Append a layer whose inputs are these, with fields that see the shape that arrives at `at`."""
        try:
            layer = self.layer_of(step, at, environment)
            return self.building.add(layer, inputs, scope, step.name, step, self.tied(step))
        except VcalcError as error:
            field = error.field if isinstance(error, LayerError) else ""
            place = self.place(step.fields[field].node if field in step.fields else step.node)
            if isinstance(error, LayerError) and error.length and field in step.fields:
                place = self.within(step.fields[field].node, error)
            raise error.at(place, _path_of(scope, step.name or step.kind.kind)) from None

    def layer_of(self, step: syntax.LayerStep, at: int, environment: Environment) -> Layer:
        """The layer of a step, with fields that see the shape that arrives at `at`."""
        building = self.building
        known = building.fixed.get(step)
        if known:
            building.budget.spend(known[1])
            return known[0]
        before = building.budget.operations
        fields = {name: decimal(self.value(value, at, environment)) for name, value in step.fields.items()}
        layer = building.layer(step.kind, fields)
        if step.is_fixed:
            building.fixed[step] = layer, building.budget.operations - before
        return layer

    def tied(self, step: syntax.LayerStep) -> int | None:
        """The layer whose first parameter another one has."""
        if step.tied is None:
            return None
        self.building.outside += 1
        name = step.tied.name
        found = self.building.layer_at(f"{self.root.path}/{name}".lstrip("/"))
        if found is None:
            start = f"{self.root.path}/" if self.root.path else ""
            paths = [scope.within(name, ordinal).removeprefix(start) for scope, name, ordinal in self.building.names]
            hint = suggestion(name, paths[-100:], "so far")
            message = f"no layer is called {quoted(name)} so far"
            raise VcalcError("undefined", message, hint=hint).at(self.place(step.tied.node))
        node = self.building.graph.nodes[found]
        return Graph.owner(node) if node.tied is None else node.tied

    def shares(self, shared: syntax.Value | None, of: object, at: int, environment: Environment) -> Any:
        """What those have in common that have the same parameters; None for what has its own."""
        value = None if shared is None else self.value(shared, at, environment)
        return None if value is None or value is False else (of, key_of(value))

    def call(self, step: syntax.Call, at: int, environment: Environment, scope: Scope) -> int:
        block = self.value(step.block, at, environment)
        if isinstance(block, str):
            return self.call_by_word(step, block, at, environment, scope)
        if not isinstance(block, Block):
            hint = suggestion(str(block), self.spec.blocks, "blocks")
            message = f"{quoted(str(block))} is not a block"
            raise VcalcError("type", message, hint=hint).at(self.place(step.block.node))
        self.check_no_groups(step)
        blocks = self.saved.blocks
        if block.name in blocks:
            circle = " → ".join((*blocks[blocks.index(block.name) :], block.name))
            hint = "repeat and each write layers several times, each with other values"
            raise VcalcError("recursion", f"a block calls itself: {circle}", hint=hint)
        self.building.budget.step()
        inner = self.arguments(step, block, at, environment)
        handed: dict[str, List] = {}
        for name, tensors in step.takes.items():
            handed[name] = [*self.taken(tensors, step, at, environment)]
        within = scope.child(step.name) if step.name else scope
        self.saved.begin(block.name, handed)
        shares = self.shares(block.shared, (self.root, block.name), at, inner)
        sees = (*self.saved.blocks, *[inner[name] for name in block.arguments])
        outside, self.frame = self.frame, object()
        with self.building.sharing_as(shares, f"block {block.name}"):
            end = self.part(sees, block.body, at, inner, within)
        self.frame = outside
        own = self.saved.end()
        for target, tensors in step.saves:
            asked = [self.asked(tensor, block, own, at, environment) for tensor in tensors]
            self.save_as(target, [tensor for each in asked for tensor in each], step, at, environment)
        return self.leave(within, end) if step.name else end

    def call_by_word(self, step: syntax.Call, word: str, at: int, environment: Environment, scope: Scope) -> int:
        """Run the layer or the model that a hyperparameter names."""
        kind = None if word in self.spec.models else KINDS.get(word)
        if kind is None or kind.joins:
            use = syntax.UseModel(step.node, step.block.node, word, step.arguments, step.upto, step.name, step.library)
            use.takes, use.saves = step.takes, step.saves
            use.frozen = step.frozen
            return self.use_model(use, at, environment, scope)
        self.check_no_groups(step)
        if step.takes or step.saves:
            raise VcalcError("misplaced", f"{word} is a layer, and has no names of tensors")
        if step.upto or step.library:
            raise VcalcError("misplaced", f"{word} is a layer, and no model", hint="leave upto and as out")
        for name in step.arguments:
            if name not in kind.fields:
                hint = suggestion(name, kind.fields, "it takes") if kind.fields else ""
                raise VcalcError("unknown-key", f"{word} takes no {quoted(name)}", hint=hint)
        lacking = [name for name, field in kind.fields.items() if field.required and name not in step.arguments]
        if lacking:
            hint = f"write {{use: {step.block.node.value}, {written_out('with', lacking)}}}"
            raise VcalcError("missing", f"{word} needs {' and '.join(map(quoted, lacking))}", hint=hint)
        return self.layer(syntax.LayerStep(step.node, kind, step.arguments, step.name), at, environment, scope)

    def check_no_groups(self, step: syntax.Call) -> None:
        """Refuse groups that are frozen of what has none."""
        if step.frozen and step.frozen.parts:
            first = next(iter(step.frozen.parts.values()))
            raise VcalcError("type", syntax.GROUPS_OF_MODELS, hint="frozen: true").at(self.place(first))

    def part(self, sees: tuple[Any, ...], steps: list[Step], at: int, environment: Environment, scope: Scope) -> int:
        """Run a list that sees these values and no others of its own; a copy, where it has run on such a tensor."""
        if self.ends:
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
        with self.building.sharing_as(self.shares(step.shared, (self.frame, step), at, environment), "group"):
            end = self.steps(step.body, at, environment, within)
        return self.leave(within, end)

    def leave(self, scope: Scope, at: int) -> int:
        """Note what a named group gives; end here when it is as far as this spec is used."""
        scope.output = at
        self.building.named.add(at)
        if self.ends and scope.path in self.ends:
            raise _Reached(at, scope.path)
        return at

    def loop(self, step: syntax.Loop, at: int, environment: Environment, scope: Scope) -> int:
        columns = self.columns(step, at, environment)
        environment = dict(environment)
        this_loop = object()
        taken = 0
        for turn in range(self.turns(step, columns, at, environment)):
            if not self.begin_turn(step, columns, turn, at, environment):
                continue
            within = scope.child(step.name, numbered=True) if step.name else scope
            body = step.first if step.first is not None and not taken else step.body
            taken += 1
            values = [column[turn] for column in columns.values()]
            sees = (this_loop, body is step.first, turn if step.reads_index else 0, *values)
            shares = self.shares(step.shared, this_loop, at, environment)
            with self.freezing(step, at, environment), self.building.sharing_as(shares, "loop"):
                at = self.part(sees, body, at, environment, within)
            at = self.leave(within, at) if step.name else at
        return at

    def experts(self, step: syntax.Experts, at: int, environment: Environment, scope: Scope) -> int:
        from vcalc.spec.routing import Router

        return Router(self, step, at, environment, scope).run()

    def begin_turn(
        self, step: syntax.Loop, columns: dict[str, Any], turn: int, at: int, environment: Environment
    ) -> bool:
        """Bind what a loop's turn has of its lists, and its number; whether the turn is taken."""
        self.building.budget.step()
        for name, column in columns.items():
            environment[name] = column[turn]
        if step.index:
            environment[step.index] = turn
        return step.when is None or self.truth(step.when, at, environment)

    def columns(self, step: syntax.Loop, at: int, environment: Environment) -> dict[str, Any]:
        """The lists that a loop goes through, by name; the rows of a table are taken apart."""
        columns: dict[str, Any] = {}
        for names, value in step.variables.items():
            found = self.value(value, at, environment)
            if not isinstance(found, tuple):
                written = str(getattr(value.node, "value", ""))
                message = f"each goes through lists, and '{', '.join(names)}' is {shown(found)}"
                hint = f"write {names[0]}: [{written}], or repeat: {written}" if type(found) is int else ""
                raise VcalcError("type", message, hint=hint).at(self.place(value.node))
            if len(names) == 1:
                columns[names[0]] = found
                continue
            for number, row in enumerate(found):
                if not isinstance(row, tuple) or len(row) != len(names):
                    has = f"has {counted(len(row), 'item')}" if isinstance(row, tuple) else f"is {shown(row)}"
                    message = f"row {number + 1} {has}, and {len(names)} names go through it: {', '.join(names)}"
                    raise VcalcError("type", message).at(self.place(_item(value.node, number)))
            self.building.budget.spend(len(found) * len(names))
            columns.update((name, tuple([row[place] for row in found])) for place, name in enumerate(names))
        return columns

    def turns(self, step: syntax.Loop, columns: dict[str, Any], at: int, environment: Environment) -> int:
        if step.count is not None:
            turns = self.whole(step.count, "repeat", at, environment)
            if turns > limits.STEPS:
                message = f"a repeat of {turns:,}; at most {limits.STEPS:,} steps are taken"
                raise VcalcError("limit", message, hint="see docs/limits.md").at(self.place(step.count.node))
            return turns
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            sizes = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            hint = "a turn takes an item of every list; for all combinations nest one each in another"
            raise VcalcError("type", f"the lists of each differ in length: {sizes}", hint=hint)
        return next(iter(lengths.values()))

    def condition(self, step: syntax.If, at: int, environment: Environment, scope: Scope) -> int:
        for condition, then in step.cases:
            if self.truth(condition, at, environment):
                return self.steps(then, at, environment, scope)
        return at if step.otherwise is None else self.steps(step.otherwise, at, environment, scope)

    def branches(self, step: syntax.Branches, at: int, environment: Environment, scope: Scope) -> int:
        outer = scope.child(step.name) if step.name else scope
        ends: list[int] = []
        for number, part in enumerate(step.branches):
            if isinstance(part, syntax.Loop):
                ends += self.branches_of_turns(part, at, environment, outer)
            elif isinstance(part, syntax.Take):
                self.building.outside += 1
                self.building.carried_out += 1
                ends += self.taken(part.tensors, step, at, environment)
            else:
                ends += self.branch(part.name, part.body, step.residual and number > 0, at, environment, outer)
        if not ends:
            raise _none_left(step)
        alone = len(ends) == 1 and step.join.kind.joins_one
        joined = ends[0] if alone else self.join(step, tuple(ends), at, environment, outer)
        return self.leave(outer, joined) if step.name else joined

    def branches_of_turns(self, step: syntax.Loop, at: int, environment: Environment, scope: Scope) -> list[int]:
        """Run the turns of a loop as branches that all start from the same tensor: their ends."""
        columns = self.columns(step, at, environment)
        environment = dict(environment)
        ends: list[int] = []
        this_loop, taken = object(), 0
        for turn in range(self.turns(step, columns, at, environment)):
            if self.begin_turn(step, columns, turn, at, environment):
                body = step.first if step.first is not None and not taken else step.body
                taken += 1
                shares = self.shares(step.shared, this_loop, at, environment)
                with self.freezing(step, at, environment), self.building.sharing_as(shares, "loop"):
                    ends += self.branch(step.name, body, False, at, environment, scope, numbered=True)
        return ends

    def branch(
        self,
        name: str,
        body: list[Step],
        is_shortcut: bool,
        at: int,
        environment: Environment,
        outer: Scope,
        numbered: bool = False,
    ) -> tuple[int, ...]:
        """Run a branch: its end; none where nothing in it is carried out, but a shortcut is what arrives then."""
        within = outer.child(name, numbered) if name else outer
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

    def outputs(self, end: int) -> dict[str, list[int]]:
        """What the network gives when its list has ended at tensor `end`: that, or what is named, by name."""
        outputs: dict[str, list[int]] = {}
        for step in self.spec.outputs_of(self.model):
            name = step.tensors[0].name
            if not self.saved.has(name):
                known = [*self.saved.open[-1].tensors, *self.root.ended()]
                hint = suggestion(name, known, "there are") or f"write save: {name} where it is"
                if self.model.body is not None and not self.model.outputs:
                    hint += f", or give {self.model.name} outputs of its own"
                error = VcalcError("undefined", f"no tensor is called {quoted(name)}, an output", hint=hint)
                raise error.at(self.place(step.node))
            outputs[name] = self.taken(step.tensors, step, end, self.globals)
            if not self.building.experts.isdisjoint(outputs[name]):
                message = f"{quoted(name)} is what an expert makes of its tokens, and no output"
                raise VcalcError("experts", message).at(self.place(step.node))
        return outputs or {"": [end]}

    def use_model(self, step: syntax.UseModel, at: int, environment: Environment, scope: Scope) -> int:
        from vcalc.spec.find import is_file_name, is_model, load

        try:
            if is_file_name(step.model):
                raise VcalcError("file", "a spec opens no other file", hint="use a block, or a model of the catalogue")
            own = self.spec.models.get(step.model)
            of_catalogue = own is None or (own is self.model and is_model(step.model))
            spec, model = load(step.model) if own is None or of_catalogue else (self.spec, own)
        except VcalcError as error:
            raise error.at(self.place(step.target)) from None
        if model in self.models:
            circle = " → ".join(entry.name for entry in (*self.models[self.models.index(model) :], model))
            raise VcalcError("recursion", f"a spec uses itself: {circle}")
        self.building.outside += 1
        self.building.carried_out += 1
        values = {name: self.value(value, at, environment) for name, value in step.values.items()}
        given = self.arriving(step, spec, model, at, environment)
        bindings = self.bound(step, spec, model, given, values)
        inner = bindings.all()
        within = scope.child(step.name or model.name)
        last = f"{within.path}/{step.upto}" if step.upto else ""
        ends = (*self.ends, last) if last else self.ends
        expander = Expander(spec, model, inner, self.building, within, ends, self.models)
        expander.saved.enter(given)
        first = next(iter(given))
        depth, sharing, routing = self.building.depth, self.building.sharing, self.building.routing
        start = len(self.building.graph.nodes)
        try:
            end = self.leave_model(
                step, expander, expander.steps(spec.layers_of(model), given[first], inner, within), environment
            )
        except _Reached as reached:
            end, self.building.depth = reached.at, depth
            self.building.sharing, self.building.routing = sharing, routing
            outer = reached if reached.path in self.ends else None
        else:
            outer = None
            if step.upto:
                hint = suggestion(step.upto, within.ended(), "it has")
                raise VcalcError("undefined", f"{model.name} has no group {quoted(step.upto)}", hint=hint)
        self.check_library(step, model)
        nodes = range(start, len(self.building.graph.nodes))
        self.building.used.append(Used(spec, model, nodes, step.library, bool(step.upto or outer)))
        for said, source in ((step.frozen, self.spec), (spec.frozen, spec)):
            self.building.frozen.note(said, nodes, within, source, bool(step.upto or outer) and source is spec)
        if outer:
            raise outer
        return self.leave(within, end)

    def arriving(
        self, step: syntax.UseModel, spec: Spec, model: ModelEntry, at: int, environment: Environment
    ) -> dict[str, int]:
        """The tensors that a model in use takes, by its inputs' names: what arrives is the first where none is said."""
        names = [*merged_inputs(spec, model)]
        if step.takes and "" in names:
            hint = "leave take out; {take: …} before it is what arrives then"
            raise VcalcError("misplaced", f"{model.name} has one input, without a name: what arrives", hint=hint)
        if step.saves and not spec.outputs_of(model):
            raise VcalcError("misplaced", syntax.MODELS_KEEP, hint=syntax.THEIR_GROUPS)
        if step.saves and step.upto:
            message = f"'upto' ends {model.name} before it has its outputs, which 'save' asks for"
            raise VcalcError("misplaced", message, hint="leave one of them out")
        for name in step.takes:
            if name not in names:
                hint = suggestion(name, names, "it takes")
                raise VcalcError("input", f"{model.name} has no input {quoted(name)}", hint=hint)
        given = {names[0]: at}
        for name, tensors in step.takes.items():
            given[name] = self.only(syntax.Take(step.node, tensors), at, environment)
        for name in names:
            if name not in given:
                hint = f"write {{use: {step.model}, take: {{{name}: …}}}}"
                raise VcalcError("input", f"{model.name} takes {' and '.join(names)}: nothing is its {name}", hint=hint)
        return {name: given[name] for name in names}

    def leave_model(self, step: syntax.UseModel, inner: Expander, end: int, environment: Environment) -> int:
        """Save the outputs of a model in use that are asked for; returns the last of all."""
        outputs = inner.outputs(end)
        for ours, tensors in step.saves:
            asked: list[int] = []
            for its in tensors:
                if its.name not in outputs:
                    hint = suggestion(its.name, outputs, "it gives")
                    raise VcalcError("undefined", f"{inner.model.name} has no output {quoted(its.name)}", hint=hint)
                asked += self.picked(its, [*outputs[its.name]], end, environment)
            self.save_as(ours, asked, step, end, environment)
        return [*outputs.values()][-1][-1]

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


def _none_left(step: syntax.Branches) -> VcalcError:
    """What to say of branches of which none is left."""
    if all(isinstance(part, syntax.Take) for part in step.branches):
        return VcalcError("missing", "these are lists of no tensors, and nothing is joined")
    many = f"none of these {len(step.branches)} branches" if len(step.branches) > 1 else "no branch"
    message = f"{many} is left: no condition in them holds, and no loop takes a turn"
    return VcalcError("missing", message, hint=PASSES_ON)


def _item(node: Any, number: int) -> Any:
    """The node of an item of a list, where it is written out; else that of the list."""
    return node.value[number] if isinstance(node.value, list) else node


def _path_of(scope: Scope, name: str) -> str:
    return scope.within(name, scope.counts.get(name, 1))


_RUN: dict[type[Step], Any] = {
    syntax.LayerStep: Expander.layer,
    syntax.Call: Expander.call,
    syntax.UseModel: Expander.use_model,
    syntax.Group: Expander.group,
    syntax.Loop: Expander.loop,
    syntax.Experts: Expander.experts,
    syntax.If: Expander.condition,
    syntax.Branches: Expander.branches,
    syntax.Save: Expander.save,
    syntax.Take: Expander.take,
}
