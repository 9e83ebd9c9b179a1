"""A network while it is being built: its graph, the names of its parts, and what is left of the steps it may take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from vcalc import limits
from vcalc.arithmetic import Shape, is_symbolic
from vcalc.errors import VcalcError
from vcalc.graph import Graph, Routing
from vcalc.language.expression import DECIMAL, Environment, Expression
from vcalc.language.operations import PAYING
from vcalc.language.values import LARGEST, has_symbols, is_list, is_quotient, key_of, operations, product_of_terms
from vcalc.layers import Layer
from vcalc.spec.freezing import Freezing
from vcalc.spec.syntax import ModelEntry, Spec, Step

SYMBOLIC = 1000
"""What an operation on symbols costs, in operations on numbers."""

UNLIKE = 400
"""What a layer costs that is like none before it."""

ROUNDED = 150 * SYMBOLIC
"""What a size costs that holds a rounded formula and is like none before it."""

UNROUNDED = "sizes that strides round cost most: a multiple of all strides has none, as in --set H=32*h"
"""What to do where these are too many."""


KNOWN = 10
"""What an answer of exact arithmetic costs that was worked out before."""

ANSWERS = 10_000
"""Answers that are kept; then they are worked out, and paid for, anew."""


_PLAIN = (int, str, bool)
"""Values on which an operation costs one."""


class Budget:
    """What one expansion may spend, so that no spec takes long."""

    def __init__(self) -> None:
        self.steps = 0
        self.operations = 0
        self.rounds = False
        """Whether a size is symbolic and rounded."""
        self._sizes: set[Any] = set()
        self._answers: dict[Any, Any] = {}

    def step(self, count: int = 1) -> None:
        """Spend a step, or several."""
        self.steps += count
        if self.steps > limits.STEPS:
            raise VcalcError("limit", f"the loops come to more than {limits.STEPS:,} steps", hint="see docs/limits.md")

    def spend(self, operations: int) -> None:
        """Spend operations."""
        self.operations += operations
        if self.operations > limits.OPERATIONS:
            message = f"the expressions come to more than {limits.OPERATIONS:,} operations"
            raise VcalcError("limit", message, hint=UNROUNDED if self.rounds else "see docs/limits.md")

    def spend_on_size(self, size: Any) -> None:
        """Spend what a new symbolic size costs that a stride left rounded: SymPy is slow to find its closed form."""
        if size in self._sizes:
            return
        from vcalc import symbols

        self._sizes.add(size)
        if symbols.is_rounded(size):
            self.rounds = True
            self.spend(ROUNDED)

    def value(self, expression: Expression, environment: Environment) -> Any:
        """An expression's value, paid for: operations cost more on symbols and decimals, on lists by their length."""
        cost = expression.operations * expression.weight
        for name in expression.columns:
            value = environment.get(name)
            if type(value) in _PLAIN:
                continue
            if is_list(value):
                cost += expression.operations * _length(value)
            elif has_symbols(value):
                cost += expression.operations * SYMBOLIC
            elif is_quotient(value) or isinstance(value, float):
                cost += expression.operations * DECIMAL
        self.spend(cost)
        if expression.operations == 1:  # a name or a number: nothing is worked out
            return expression.value(environment)
        before = PAYING.by, PAYING.for_items
        PAYING.by, PAYING.for_items = self._answer, self.spend
        try:
            return expression.value(environment)
        finally:
            PAYING.by, PAYING.for_items = before

    def _answer(self, asked: str, *given: Any) -> Any:
        """What exact arithmetic answers; what it has not answered before costs more."""
        key = asked, given
        if key in self._answers:
            self.spend(KNOWN)
            return self._answers[key]
        from vcalc.language import exact

        self.spend(exact.price(asked, *given))
        if len(self._answers) == ANSWERS:
            self._answers.clear()
        self._answers[key] = found = exact.answer(asked, *given)
        return found


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if is_list(value):
            yield from _flat(value)
        else:
            yield value


def _length(items: Any) -> int:
    return limits.LIST_ITEMS if any(map(is_list, items)) else len(items)


class Scope:
    """A named part of the network while it is built. Names that turn up again are numbered."""

    __slots__ = ("_path", "counts", "inner", "name", "numbered", "ordinal", "output", "parent")

    def __init__(self, parent: Scope | None, name: str, ordinal: int, numbered: bool) -> None:
        self.parent = parent
        self.name = name
        self.ordinal = ordinal
        self.numbered = numbered
        self.counts: dict[str, int] = {}
        self.inner: dict[tuple[str, int], Scope] = {}
        self.output: int | None = None
        """The tensor that it ends with, once it has."""
        self._path: str | None = None
        if parent:
            parent.inner[name, ordinal] = self

    def child(self, name: str, numbered: bool = False) -> Scope:
        """A part of this part."""
        return Scope(self, name, self.count(name), numbered)

    def forget(self, scope: Scope) -> None:
        """Take back a part of this part, the last of its name, in which nothing was."""
        del self.inner[scope.name, scope.ordinal]
        self.counts[scope.name] -= 1

    def count(self, name: str) -> int:
        """Note one more thing of that name; returns how many there are."""
        ordinal = self.counts[name] = self.counts.get(name, 0) + 1
        return ordinal

    def within(self, name: str, ordinal: int, numbered: bool = False) -> str:
        """The path of a thing in this scope, numbered where its name is shared."""
        label = f"{name}{ordinal}" if numbered or self.counts.get(name, 1) > 1 else name
        if self.parent is None:
            return label
        return f"{self.path if self._path is None else self._path}/{label}"

    @property
    def path(self) -> str:
        """The path as far as it is known; final once the network is built."""
        if self._path is not None:
            return self._path
        return self.parent.within(self.name, self.ordinal, self.numbered) if self.parent else ""

    def close(self) -> None:
        """Fix the path, when no more names can be shared; the parts are let go, so that nothing goes in a circle."""
        if self._path is None:
            if self.parent:
                self.parent.close()
            self._path = self.path
            self.inner.clear()

    def find(self, path: str) -> Scope | None:
        """The part at a path below this one, by the names it has so far."""
        label, _, rest = path.partition("/")
        for cut in range(len(label), max(0, len(label) - 8), -1):
            name, digits = label[:cut], label[cut:]
            if digits and not (digits.isascii() and digits.isdigit()):
                break
            if digits.startswith("0"):
                continue
            scope = self.inner.get((name, int(digits or 1)))
            if scope and (bool(digits) == (scope.numbered or self.counts[name] > 1)):
                return scope.find(rest) if rest else scope
        return None

    def turns(self, path: str) -> list[Scope | None]:
        """The numbered parts that have a path in common, backbone/stage1 and on, in their order; None for a layer."""
        above, _, name = path.rpartition("/")
        scope = self.find(above) if above else self
        return [scope.inner.get((name, 1 + turn)) for turn in range(scope.counts.get(name, 0))] if scope else []

    def ended(self) -> list[str]:
        """The paths, from here, of the parts in this one that have ended; those of the first hundred."""
        found: list[str] = []
        for scope in list(self.inner.values())[:100]:
            label = scope.path.removeprefix(f"{self.path}/")
            found += [label] if scope.output is not None else []
            found += [f"{label}/{inner}" for inner in scope.ended()] if len(found) < 100 else []
        return found


class Used(NamedTuple):
    """Another spec's model in use: which nodes are its, as which library writes it, whether it ends early."""

    spec: Spec
    model: ModelEntry
    nodes: range
    library: str
    part: bool


class Sharing:
    """A run of what is shared: the first one notes its nodes, later ones take their parameters from them in order."""

    __slots__ = ("first", "nodes", "taken", "what")

    def __init__(self, what: str, nodes: list[int], first: bool) -> None:
        self.what = what
        self.nodes = nodes
        self.first = first
        self.taken = 0

    def next(self, layer: Layer) -> int | None:
        """The node whose parameters the next layer has; None in the first call."""
        if self.first:
            return None
        if self.taken == len(self.nodes):
            had = f"had {self.taken} layers before, not more"
            raise VcalcError("type", f"{layer.kind}: shared {self.what} {had}")
        self.taken += 1
        return self.nodes[self.taken - 1]

    def end(self) -> None:
        """Refuse a call that had fewer layers than the first."""
        if not self.first and self.taken < len(self.nodes):
            had = f"had {len(self.nodes)} layers before, not {self.taken}"
            raise VcalcError("type", f"shared {self.what} {had}")


class Building:
    """What all specs of one expansion share: the graph, the budget, and who is called what."""

    def __init__(self, graph: Graph, budget: Budget, symbolic: bool) -> None:
        self.graph = graph
        self.budget = budget
        self.symbolic = symbolic
        self.depth = 0
        self.used: list[Used] = []
        """The models of other specs in use."""
        self.steps: list[Step] = []
        """The step of a spec that each node comes from."""
        self.carried_out = 0
        """How many steps did something so far: layers, saved and taken tensors, empty lists, which pass on."""
        self.named: set[int] = set()
        """The nodes whose output has a name: saved, or what a named group gives."""
        self.hidden: list[tuple[Spec, Step, str]] = []
        """Where which spec takes up a saved tensor whose name a group has, too."""
        self.taken: set[Step] = set()
        """The steps that saved a tensor which was taken up, or kept to the end of a block's call."""
        self.lost: dict[Step, tuple[Spec, str, Step]] = {}
        """Steps that saved a tensor which another step's has replaced before it was taken up: spec, name, and that."""
        self.shared: dict[Any, list[int]] = {}
        """The nodes of the first run of what is shared."""
        self.sharing: tuple[Sharing, ...] = ()
        """The runs of what is shared that are being carried out, one within the other."""
        self.routing: Routing | None = None
        """The experts whose layers are being added."""
        self.experts: set[int] = set()
        """The nodes of experts, which nobody outside reads."""
        self.names: list[tuple[Scope, str, int]] = []
        """The scope of each node, and its name and ordinal there."""
        self.outside = 0
        """How many steps so far read or gave more than the tensor that arrives and the one that leaves."""
        self.paid_once = 0
        """The operations that were spent on what is like nothing before it."""
        self.frozen = Freezing(graph)
        """What is not trained."""
        self.fixed: dict[Step, tuple[Layer, int]] = {}
        """The layer of each step whose fields are the same wherever it stands, and what working them out costs."""
        self._layers: dict[Any, Layer] = {}
        self._paid: set[Any] = set()

    @contextmanager
    def sharing_as(self, key: Any, what: str) -> Iterator[None]:
        """A run of what has the same parameters wherever that key is; no key, and all are its own."""
        if key is None:
            yield
            return
        self.outside += 1
        before = self.sharing
        first = key not in self.shared
        sharing = Sharing(what, self.shared.setdefault(key, []), first)
        self.sharing = (*before, sharing)
        yield
        self.sharing = before
        sharing.end()

    def layer(self, kind: type[Layer], fields: dict[str, Any]) -> Layer:
        """The layer with these fields; equal ones are one object, so that their facts are worked out once."""
        key = (kind, *fields, *[value if type(value) is int else key_of(value) for value in fields.values()])
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = kind(**fields)
        return layer

    def add(
        self, layer: Layer, inputs: tuple[int, ...], scope: Scope, name: str, step: Step, tied: int | None = None
    ) -> int:
        """Append a layer to the graph, which comes from a step; returns its index."""
        if len(self.graph.nodes) >= limits.LAYERS:
            message = f"the network comes to more than {limits.LAYERS:,} layers"
            raise VcalcError("limit", message, hint="see docs/limits.md")
        self.carried_out += 1
        name = name or layer.kind
        self.names.append((scope, name, scope.count(name)))
        self.budget.step(max(len(inputs) - 1, 0))
        if self.symbolic:
            self.budget.spend(SYMBOLIC)
        before = self.budget.operations
        shapes = tuple([self.graph.shape(index) for index in inputs])
        is_new = self._pay(layer, shapes)
        owners = [owner for sharing in self.sharing if (owner := sharing.next(layer)) is not None]
        shares = Graph.owner(self.graph.nodes[owners[0]]) if owners else None
        self._check_routing(layer, inputs, tied)
        index = self.graph.add(layer, inputs, "", shares, tied, self.routing, shapes)
        if self.routing:
            self._check_expert(index)
        for sharing in self.sharing:
            if sharing.first:
                sharing.nodes.append(index)
        self.steps.append(step)
        if is_new:
            self._pay_for_sizes(layer, self.graph.shape(index))
            self.paid_once += self.budget.operations - before
        return index

    def _check_routing(self, layer: Layer, inputs: tuple[int, ...], tied: int | None) -> None:
        """Refuse what leads into experts or out of them beside the tokens that they are sent."""
        if self.routing is None:
            leak = not self.experts.isdisjoint(inputs) and layer.kind != "combine"
            message = f"{layer.kind}: what an expert makes of its tokens is not there outside of the experts"
        else:
            leak = not self.experts.issuperset(inputs)
            message = f"{layer.kind}: an expert reads the tokens that have chosen it, and no other tensor"
        if leak:
            raise VcalcError("experts", message)
        if tied is not None and (self.routing or tied in self.experts):
            raise VcalcError("experts", f"{layer.kind}: experts have their own parameters, and none is tied")

    def _check_expert(self, index: int) -> None:
        """Refuse a layer that does not work on each token by itself."""
        from vcalc.layers.experts import of_each_token

        self.experts.add(index)
        facts = self.graph.nodes[index].facts
        if why := of_each_token(facts.layer, facts.inner, facts.made):
            message = f"{facts.kind}: an expert works on each token by itself, and {why}"
            raise VcalcError("experts", message, hint="put it before or behind the experts")

    def _pay(self, layer: Layer, inputs: tuple[Shape, ...]) -> bool:
        """Pay for a layer on shapes that it has not been on before; returns whether it has not."""
        if (layer, inputs) in self._paid:
            return False
        self._paid.add((layer, inputs))
        self.budget.spend(UNLIKE)
        if self.symbolic:
            self._pay_for_formulas(layer, inputs)
        return True

    def _pay_for_sizes(self, layer: Layer, output: Shape) -> None:
        """Pay for the sizes of an output; refuse one that no network has."""
        for size in output:
            if type(size) is int and size.bit_length() > limits.NUMBER_BITS:
                message = f"{layer.kind}: a size of more than {limits.NUMBER_BITS} bits"
                raise VcalcError("limit", message, hint=LARGEST)
            if self.symbolic and is_symbolic(size):
                self.budget.spend_on_size(size)

    def _pay_for_formulas(self, layer: Layer, inputs: tuple[Shape, ...]) -> None:
        """Pay for a layer with formulas among its sizes; refuse one whose counts would not come to an end."""
        fields = list(_flat(layer.values().values()))
        if not any(map(is_symbolic, (*fields, *_flat(inputs)))):
            return
        formulas = [[size for size in (*fields, *shape) if is_symbolic(size)] for shape in inputs or ((),)]
        together = max(map(product_of_terms, formulas))
        largest = max(operations(size) for sizes in formulas for size in sizes)
        self.budget.spend((10 + together + 6 * max(0, largest - 10)) * SYMBOLIC)
        message = ""
        if together > limits.SYMBOLIC_TERMS:
            message = f"{layer.kind}: its sizes come to more than {limits.SYMBOLIC_TERMS} terms together"
        elif largest > limits.SYMBOLIC_OPERATIONS:
            message = f"{layer.kind}: a size of more than {limits.SYMBOLIC_OPERATIONS} operations"
        if message:
            raise VcalcError("limit", message, hint="bind some of the symbols to numbers")

    def layer_at(self, path: str) -> int | None:
        """The layer at a path, by the names that there are so far."""
        self.budget.spend(len(self.names))
        for index, (scope, name, ordinal) in reversed([*enumerate(self.names)]):
            if path.rpartition("/")[2].startswith(name) and scope.within(name, ordinal) == path:
                return index
        return None

    def name_nodes(self) -> None:
        """Give every node its path, now that it is known which names are shared."""
        taken: set[str] = set()
        later: dict[tuple[Scope, str], int] = {}
        for node, (scope, name, ordinal) in zip(self.graph.nodes, self.names, strict=True):
            if scope._path is None:
                scope.close()
            path = scope.within(name, ordinal)
            if path in taken:
                ordinal = max(ordinal, later.get((scope, name), 0))
            while path in taken:
                ordinal += 1
                path = scope.within(name, ordinal, numbered=True)
                later[scope, name] = ordinal
            taken.add(path)
            node.path = path
