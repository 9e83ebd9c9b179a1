"""From the tree of a spec and bindings to a graph: loops, conditions and blocks are carried out here."""

from __future__ import annotations

from typing import Any

from vcalc import limits
from vcalc.arithmetic import Shape, is_symbolic
from vcalc.errors import LayerError, VcalcError, suggestion
from vcalc.graph import INPUT, Graph
from vcalc.layers import Layer
from vcalc.spec import syntax
from vcalc.spec.bindings import Bindings
from vcalc.spec.expression import Environment, undecided
from vcalc.spec.syntax import Block, ModelEntry, Option, Spec, Step, Value


class Network:
    """A model with every size bound: its graph, and the hyperparameters that made it."""

    def __init__(self, spec: Spec, model: ModelEntry, graph: Graph, bindings: Bindings) -> None:
        self.spec = spec
        self.name = model.name
        self.title = model.title
        self.graph = graph
        self.hyperparameters = bindings.hyperparameters()
        self.symbols = dict(bindings.symbols)

    @property
    def symbolic(self) -> bool:
        """True when a size is a symbol: counts are formulas then."""
        return bool(self.symbols)


def expand(spec: Spec, model: ModelEntry, given: dict[str, Any] | None = None, option: Option | None = None) -> Network:
    """Build the network that a spec's model describes, with `given` hyperparameters and input sizes in place of its own.

    `option` expands one side of a block comparison instead of `layers`. Raises VcalcError with the place in the file and
    the path in the network of the first thing that does not fit.
    """
    bindings = Bindings(spec, model, given or {})
    graph = Graph(bindings.input(model, option))
    environment = bindings.all()
    bindings.check_used()
    run = _Run(graph, _Budget())
    root = Scope(None, "", 0, False)
    _Expander(spec, environment, run, root, (model.name,)).steps(option.body if option else spec.layers, INPUT, environment, root)
    run.name_nodes()
    return Network(spec, model, graph, bindings)


class Scope:
    """A named part of the network while it is built. Names that turn up again are numbered."""

    __slots__ = ("_path", "counts", "name", "numbered", "ordinal", "parent")

    def __init__(self, parent: Scope | None, name: str, ordinal: int, numbered: bool) -> None:
        self.parent = parent
        self.name = name
        self.ordinal = ordinal
        self.numbered = numbered
        self.counts: dict[str, int] = {}
        self._path: str | None = None

    def child(self, name: str, numbered: bool = False) -> Scope:
        return Scope(self, name, self.count(name), numbered)

    def count(self, name: str) -> int:
        """Note one more thing of that name; returns how many there are."""
        ordinal = self.counts[name] = self.counts.get(name, 0) + 1
        return ordinal

    def within(self, name: str, ordinal: int, numbered: bool = False) -> str:
        """The path of a thing in this scope, numbered where its name is shared."""
        label = f"{name}{ordinal}" if numbered or self.counts[name] > 1 else name
        return f"{self.path}/{label}" if self.parent else label

    @property
    def path(self) -> str:
        """The path as far as it is known; final once the network is built."""
        if self._path is not None:
            return self._path
        return self.parent.within(self.name, self.ordinal, self.numbered) if self.parent else ""

    def close(self) -> str:
        """Fix the path, when no more names can be shared."""
        if self._path is None:
            if self.parent:
                self.parent.close()
            self._path = self.path
        return self._path


class _Budget:
    """What is left of the steps that one expansion may take."""

    def __init__(self) -> None:
        self.steps = 0

    def spend(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > limits.STEPS:
            raise VcalcError("limit", f"the loops come to more than {limits.STEPS:,} steps", hint="see docs/limits.md")


class _Run:
    """What all specs of one expansion share: the graph, the budget, and who is called what."""

    def __init__(self, graph: Graph, budget: _Budget) -> None:
        self.graph = graph
        self.budget = budget
        self.outputs: dict[str, int] = {}
        self.depth = 0
        self._names: list[tuple[Scope, str, int]] = []
        self._layers: dict[Any, Layer] = {}

    def layer(self, kind: type[Layer], values: tuple[tuple[str, Any], ...]) -> Layer:
        """The layer with these fields; equal ones are one object, so that their facts are worked out once."""
        key = (kind, values)
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = kind(**dict(values))
        return layer

    def add(self, layer: Layer, inputs: tuple[int, ...], scope: Scope, name: str) -> int:
        if len(self.graph.nodes) >= limits.LAYERS:
            raise VcalcError("limit", f"the network comes to more than {limits.LAYERS:,} layers", hint="see docs/limits.md")
        name = name or layer.kind
        self._names.append((scope, name, scope.count(name)))
        return self.graph.add(layer, inputs, "")

    def name_nodes(self) -> None:
        """Give every node its path, now that it is known which names are shared."""
        taken: set[str] = set()
        for node, (scope, name, ordinal) in zip(self.graph.nodes, self._names, strict=True):
            scope.close()
            path = scope.within(name, ordinal)
            while path in taken:
                ordinal += 1
                path = scope.within(name, ordinal, numbered=True)
            taken.add(path)
            node.path = path


class _Reached(Exception):
    """The named group at which the use of another spec ends."""

    def __init__(self, at: int) -> None:
        self.at = at


class _Expander:
    """Carries out one spec's steps; a spec that is used by another gets an expander of its own."""

    def __init__(
        self, spec: Spec, environment: Environment, run: _Run, root: Scope, models: tuple[str, ...], upto: str = ""
    ) -> None:
        self.spec = spec
        self.globals = environment
        self.run = run
        self.root = root
        self.models = models
        self.upto = upto
        self.saved: dict[str, int] = {}
        self.calls: list[str] = []

    def steps(self, steps: list[Step], at: int, environment: Environment, scope: Scope) -> int:
        """Run a list from tensor `at`; returns the tensor it ends with."""
        self.run.depth += 1
        if self.run.depth > limits.NESTING:
            raise VcalcError("limit", f"nested more than {limits.NESTING} deep", hint="see docs/limits.md").at(
                self.place(steps[0].node) if steps else self.spec.source.place(self.spec.source)
            )
        for step in steps:
            self.run.budget.spend()
            if type(step) is syntax.Let:
                environment = self.let(step, at, environment)
            else:
                at = _RUN[type(step)](self, step, at, environment, scope)
        self.run.depth -= 1
        return at

    def place(self, node: Any) -> Any:
        return self.spec.source.place(node)

    # Values

    def value(self, value: Value, at: int, environment: Environment) -> Any:
        """A field's value here: lists become tuples; C, H, W, N, D are the arriving shape."""
        if value.items is not None:
            return tuple([self.value(item, at, environment) for item in value.items])
        expression = value.expression
        assert expression is not None
        if expression.shape_names:
            environment = {**environment, **arriving(self.run.graph.shape(at))}
        try:
            result = expression.value(environment)
        except VcalcError as error:
            raise error.at(self.place(value.node)) from None
        return tuple(result) if isinstance(result, list) else result

    def whole(self, value: Value, what: str, at: int, environment: Environment) -> int:
        """A value that must be a whole number now: a loop cannot run a symbol of times."""
        number = self.value(value, at, environment)
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if is_symbolic(number):
            raise undecided(f"{what} {number} ends", number).at(self.place(value.node))
        if hasattr(number, "is_Integer") and number.is_Integer:
            number = int(number)
        if type(number) is not int or number < 0:
            raise VcalcError("type", f"{what} {number!s:.60} is not a whole number, 0 or more").at(self.place(value.node))
        return number

    def let(self, step: syntax.Let, at: int, environment: Environment) -> Environment:
        environment = dict(environment)
        for name, value in step.values.items():
            environment[name] = self.value(value, at, environment)
        return environment

    # Steps

    def layer(self, step: syntax.LayerStep, at: int, environment: Environment, scope: Scope) -> int:
        try:
            values = tuple([(name, self.value(value, at, environment)) for name, value in step.fields.items()])
            return self.run.add(self.run.layer(step.kind, values), (at,), scope, step.name)
        except LayerError as error:
            field = error.field
            node = step.fields[field].node if field in step.fields else step.node
            raise error.at(self.place(node), self._path_of(scope, step.name or step.kind.kind)) from None
        except VcalcError as error:
            raise error.at(self.place(step.node)) from None

    def _path_of(self, scope: Scope, name: str) -> str:
        return scope.within(name, scope.counts.get(name, 1)) if name in scope.counts else f"{scope.path}/{name}".lstrip("/")

    def call(self, step: syntax.Call, at: int, environment: Environment, scope: Scope) -> int:
        block = self.value(step.block, at, environment)
        if not isinstance(block, Block):
            raise VcalcError("type", f"'{block}' is not a block", hint=suggestion(str(block), self.spec.blocks, "blocks")).at(
                self.place(step.block.node)
            )
        if block.name in self.calls:
            circle = " → ".join((*self.calls[self.calls.index(block.name) :], block.name))
            raise VcalcError("recursion", f"a block calls itself: {circle}").at(self.place(step.node))
        inner = self.arguments(step, block, at, environment)
        within = scope.child(step.name) if step.name else scope
        self.calls.append(block.name)
        at = self.steps(block.body, at, inner, within)
        self.calls.pop()
        return self.leave(within, at) if step.name else at

    def arguments(self, step: syntax.Call, block: Block, at: int, environment: Environment) -> Environment:
        inner = dict(self.globals)
        for name in step.arguments:
            if name not in block.arguments:
                hint = suggestion(name, block.arguments, "it takes")
                raise VcalcError("unknown-key", f"block {block.name} takes no '{name}'", hint=hint).at(self.place(step.node))
        for name, default in block.arguments.items():
            given = step.arguments.get(name)
            if given is not None:
                inner[name] = self.value(given, at, environment)
            elif default is not None:
                inner[name] = self.value(default, at, inner)
            else:
                raise VcalcError("missing", f"block {block.name} needs '{name}'").at(self.place(step.node))
        return inner

    def group(self, step: syntax.Group, at: int, environment: Environment, scope: Scope) -> int:
        within = scope.child(step.name)
        return self.leave(within, self.steps(step.body, at, environment, within))

    def leave(self, scope: Scope, at: int) -> int:
        """Note what a named group gives; end here when it is as far as this spec is used."""
        self.run.outputs[scope.path] = at
        if self.upto and scope.path == f"{self.root.path}/{self.upto}":
            raise _Reached(at)
        return at

    def loop(self, step: syntax.Loop, at: int, environment: Environment, scope: Scope) -> int:
        columns = {name: self.value(value, at, environment) for name, value in step.variables.items()}
        turns = self.turns(step, columns, at, environment)
        environment = dict(environment)
        for turn in range(turns):
            self.run.budget.spend()
            for name, column in columns.items():
                environment[name] = column[turn]
            if step.index:
                environment[step.index] = turn
            if step.name:
                within = scope.child(step.name, numbered=True)
                at = self.leave(within, self.steps(step.body, at, environment, within))
            else:
                at = self.steps(step.body, at, environment, scope)
        return at

    def turns(self, step: syntax.Loop, columns: dict[str, Any], at: int, environment: Environment) -> int:
        if step.count is not None:
            turns = self.whole(step.count, "repeat", at, environment)
            if turns > limits.STEPS:
                raise VcalcError("limit", f"a repeat of {turns:,}; at most {limits.STEPS:,} steps are taken").at(
                    self.place(step.count.node)
                )
            return turns
        for name, column in columns.items():
            if not isinstance(column, tuple):
                raise VcalcError("type", f"each goes through lists, and '{name}' is {column}").at(self.place(step.variables[name].node))
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            sizes = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise VcalcError("type", f"the lists of each differ in length: {sizes}").at(self.place(step.node))
        return next(iter(lengths.values()))

    def condition(self, step: syntax.If, at: int, environment: Environment, scope: Scope) -> int:
        answer = self.value(step.condition, at, environment)
        if not isinstance(answer, bool):
            raise VcalcError("type", f"a condition is true or false, not {answer}").at(self.place(step.condition.node))
        return self.steps(step.then if answer else step.otherwise, at, environment, scope)

    def branches(self, step: syntax.Branches, at: int, environment: Environment, scope: Scope) -> int:
        outer = scope.child(step.name) if step.name else scope
        ends = []
        for name, body in step.branches:
            within = outer.child(name) if name else outer
            end = self.steps(body, at, environment, within)
            ends.append(self.leave(within, end) if name else end)
        try:
            joined = self.run.add(self.run.layer(step.join, ()), tuple(ends), outer, "")
        except VcalcError as error:
            raise error.at(self.place(step.node), self._path_of(outer, step.join.kind)) from None
        return self.leave(outer, joined) if step.name else joined

    def save(self, step: syntax.Save, at: int, environment: Environment, scope: Scope) -> int:
        self.saved[step.name] = at
        return at

    def take(self, step: syntax.Take, at: int, environment: Environment, scope: Scope) -> int:
        if step.name in self.saved:
            return self.saved[step.name]
        path = f"{self.root.path}/{step.name}".lstrip("/")
        if path in self.run.outputs:
            return self.run.outputs[path]
        known = [*self.saved, *(p.removeprefix(f"{self.root.path}/") for p in self.run.outputs)]
        hint = suggestion(step.name, known, "so far") if len(known) <= 60 else ""
        raise VcalcError("undefined", f"no tensor is called '{step.name}' so far", hint=hint).at(self.place(step.node))

    def use_model(self, step: syntax.UseModel, at: int, environment: Environment, scope: Scope) -> int:
        from vcalc.spec.find import load

        if step.model in self.models:
            circle = " → ".join((*self.models, step.model))
            raise VcalcError("recursion", f"a spec uses itself: {circle}").at(self.place(step.node))
        try:
            spec, model = load(step.model)
            given = {name: self.value(value, at, environment) for name, value in step.values.items()}
            bindings = Bindings(spec, model, given)
            inner = bindings.all()
            self._check_rank(bindings.input(model), self.run.graph.shape(at), step)
            bindings.check_used()
        except VcalcError as error:
            raise error.at(self.place(step.node)) from None
        within = scope.child(step.name or model.name)
        expander = _Expander(spec, inner, self.run, within, (*self.models, model.name), step.upto)
        depth = self.run.depth
        try:
            end = expander.steps(spec.layers, at, inner, within)
        except _Reached as reached:
            end, self.run.depth = reached.at, depth
        else:
            if step.upto:
                raise VcalcError("undefined", f"{model.name} has no group '{step.upto}'").at(self.place(step.node))
        return self.leave(within, end)

    def _check_rank(self, expected: Shape, found: Shape, step: syntax.UseModel) -> None:
        if len(expected) != len(found):
            raise VcalcError("input", f"{step.model} takes an input of {len(expected)} sizes; {list(found)} arrives")


def arriving(shape: Shape) -> Environment:
    """The names of the arriving shape: C, H, W of a map; N, D of tokens; C or D of a vector."""
    if len(shape) == 3:
        return {"C": shape[0], "H": shape[1], "W": shape[2]}
    if len(shape) == 2:
        return {"N": shape[0], "D": shape[1]}
    return {"C": shape[0], "D": shape[0]}


_RUN: dict[type[Step], Any] = {
    syntax.LayerStep: _Expander.layer,
    syntax.Call: _Expander.call,
    syntax.UseModel: _Expander.use_model,
    syntax.Group: _Expander.group,
    syntax.Loop: _Expander.loop,
    syntax.If: _Expander.condition,
    syntax.Branches: _Expander.branches,
    syntax.Save: _Expander.save,
    syntax.Take: _Expander.take,
}
