"""The network as a flat list of nodes in the order they run. Every analysis reads this and nothing else.

A node's shapes, parameters and work depend only on its layer and its input shapes, so nodes that agree in both share
one `Facts`: a ResNet-152 has about forty of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vcalc.arithmetic import Number, Shape, assumed, tidied
from vcalc.errors import LayerError
from vcalc.layers.axes import HEADS, NOTHING, TOKENS, NamedShape
from vcalc.layers.base import Layer, elements, show
from vcalc.layers.front import parted
from vcalc.layers.moved import Moved
from vcalc.layers.vocabulary import ONCE_A_BATCH
from vcalc.operators.types import INDEX
from vcalc.widths import PLAIN

if TYPE_CHECKING:
    from vcalc.layers.call import Call
    from vcalc.operators.paper import Paper, Value


class Owns(NamedTuple):
    """Which parameters are not a layer's own, but another node's: all, `shared`, or the first, `tied`.

    A layer of experts has so many `sets` of its own, of which so many are `active` for each token.
    """

    shared: bool = False
    tied: bool = False
    sets: Number = 1
    active: Number = 1


OWN = Owns()


class Routing(NamedTuple):
    """So many experts, of which so many are active for each token: those that a node says."""

    experts: Number
    active: Number
    choice: int


class Facts:
    """What follows from a layer and the shapes that arrive: computed once, shared by all nodes that agree.

    Counts are worked out when they are first asked for: a layer that is put in another's place was never counted.
    """

    __slots__ = (
        "_counted",
        "_work",
        "asked",
        "front",
        "inner",
        "inputs",
        "layer",
        "made",
        "output",
        "owns",
    )

    batched = True

    def __init__(self, layer: Layer, arriving: tuple[Shape, ...], owns: Owns = OWN) -> None:
        self.inputs = read = layer.read(arriving)
        self.front, self.inner = parted(layer, read)
        """What stands in front of all inputs and of the output, and the inputs without it: what the layer works on."""
        self.asked = layer
        """The layer as it was before it was fitted to what arrives."""
        self.owns = owns
        self.layer, self.made = self._fitted()
        """The layer for what arrives, and the output without what stands in front of the inputs, too."""
        self.output = self.front.before(self.made)
        self._counted: tuple[dict[str, Number], dict[str, Number], list[Call]] | None = None
        self._work: dict[str, Number] | None = None
        if self.layer.composed and not _is_known(self.layer, self.inner):
            self._counts()  # what its operators refuse of arrays is refused where the layer stands

    def _counts(self) -> tuple[dict[str, Number], dict[str, Number], list[Call]]:
        if self._counted is None:
            self._counted = _counted(self.layer, self.inner, self.front.times)
        return self._counted

    @property
    def shared(self) -> bool:
        """Whether the parameters are another node's, which has counted them."""
        return self.owns.shared

    @property
    def parameters(self) -> dict[str, Number]:
        """Its own parameters, by role."""
        if self.owns.shared:
            return {}
        own = self._in_sets(self._counts()[0])
        return {role: own[role] for role in [*own][1:]} if self.owns.tied else own

    def _in_sets(self, counts: dict[str, Number]) -> dict[str, Number]:
        sets = self.owns.sets
        return counts if type(sets) is int and sets == 1 else {name: sets * count for name, count in counts.items()}

    @property
    def tied_parameters(self) -> dict[str, Number]:
        """Those that are another node's, by role, where that is said of the first of them alone."""
        return {} if not self.owns.tied else dict([*self._counts()[0].items()][:1])

    @property
    def buffers(self) -> dict[str, Number]:
        """Its own buffers, by name."""
        return {} if self.shared else self._in_sets(self._counts()[1])

    @property
    def held(self) -> tuple[dict[str, Number], dict[str, Number]]:
        """Parameters and buffers that it reads, whosever they are."""
        return self._counts()[:2]

    @property
    def calls(self) -> list[Call]:
        """What it calls, where it is not one operator."""
        return self._counts()[2]

    @property
    def kind(self) -> str:
        return self.layer.kind

    def _fitted(self) -> tuple[Layer, NamedShape]:
        layer = self.asked
        try:
            layer.check(self.inner)
            layer = layer.fitted(self.inner)
            return layer, _named(layer, self.inner, layer.output(*self.inner))
        except LayerError as error:
            if self.front.lacking and not error.field:
                from vcalc.layers import mend

                error.problems[0].hint = mend.with_fronts(self.inner, error.problems[0].hint)
            raise

    @property
    def each(self) -> list[tuple[Any, Number]]:
        """Itself, once; without what stands in front as often as that says."""
        if not self.front.axes:
            return [(self, 1)]
        return [(SimpleNamespace(layer=self.layer, inputs=self.inner, output=self.made), self.front.times)]

    @property
    def form(self) -> str:
        """How the source calls the layer on these inputs."""
        return self.layer.form_on(self.inner)

    @property
    def work(self) -> dict[str, Number]:
        """The primitives of one forward pass over an image, elements in and out among them."""
        if self._work is None:
            self._work = self._worked_out()
        return self._work

    def _worked_out(self) -> dict[str, Number]:
        parameters, _, calls = self._counts()
        work = {
            "input_elements": sum(elements(shape) for shape in self.inner),
            "output_elements": elements(self.made),
            "parameters": sum(self._in_sets(parameters).values()),
            **({} if calls else self.layer.work(self.inner, self.made)),
        }
        if self.front.axes:
            times = self.front.times
            work = {name: many if name in ONCE_A_BATCH else times * many for name, many in work.items()}
        return {**work, **self._added()} if calls else work

    @property
    def is_view(self) -> bool:
        """Whether the output has the memory of the first input."""
        return bool(self.inner) and self.layer.is_view(True, self.inner[0])

    def run(self, ops: Paper, *inputs: Value) -> Value:
        """The layer on tensors of which one axis is the batch and what stands in front."""
        for number in self.front.lacking:
            x = inputs[number]
            one = ops.repeat(x, (x.shape[0] * self.front.times, *x.shape[1:]))
            inputs = (*inputs[:number], one, *inputs[number + 1 :])
        if self.owns.sets != 1 and any(self.held):
            return self._run_by_experts(ops, inputs)
        output: Value = self.layer.run(ops, *inputs)
        return output

    def _run_by_experts(self, ops: Paper, inputs: tuple[Value, ...]) -> Value:
        """Each expert on its rows, as many for each of them as can be."""
        batch, rows = inputs[0].shape[:2]
        experts = int(self.owns.sets)
        sizes = tuple([batch * (rows // experts + (expert < rows % experts)) for expert in range(experts)])
        parts = [ops.split(ops.reshape(x, (1, batch * rows, *x.shape[2:])), axis=1, sizes=sizes) for x in inputs]
        made = ops.concat(*[self.layer.run(ops, *part) for part in zip(*parts, strict=True)], axis=1)
        return ops.reshape(made, (batch, rows, *made.shape[2:]))

    def _added(self) -> dict[str, Number]:
        from vcalc.layers.call import added

        return added(self.calls)

    @property
    def whole(self) -> list[Weighed]:
        """The layer as one: itself; of one that calls several operators what they do for each image, and once."""
        if not self.calls:
            return [self]
        from vcalc.layers.call import whole

        return [*whole(self)]


_PLAIN = frozenset({int, bool, str, float, type(None)})


def _is_known(layer: Layer, inputs: tuple[Shape, ...]) -> bool:
    """Whether all sizes and fields are plain values: no symbols, workings or arrays."""
    values = chain(*inputs, *(value if isinstance(value, tuple) else (value,) for value in layer.values().values()))
    return _PLAIN.issuperset(map(type, values))


def _counted(
    layer: Layer, inputs: tuple[Shape, ...], times: Number
) -> tuple[dict[str, Number], dict[str, Number], list[Call]]:
    """A layer's parameters and buffers, and what it calls where it is not one operator."""
    if not layer.composed:
        return layer.parameters(*inputs), layer.buffers(*inputs), []
    from vcalc.layers.calls import Calls

    made = Calls(layer, inputs, times)
    return made.parameters, made.buffers, made.calls


def _named(layer: Layer, inputs: tuple[NamedShape, ...], made: Shape) -> NamedShape:
    first = inputs[0] if inputs else NOTHING
    if made is first and len(inputs) == 1 and (first.of not in (TOKENS, HEADS) or layer.reach(first) is None):
        return first
    front = made.front if isinstance(made, NamedShape) else ()
    output = NamedShape(tidied(made), layer.leaves(inputs, made), front=front)
    if output.of in (TOKENS, HEADS):
        grid = layer.grid(inputs, output)
        return NamedShape(output, output.of, tidied(grid), front) if grid else output
    return output


class Weighed(Protocol):
    """What the rule of a kind in a form is for: its work for each image, or once for a whole batch."""

    @property
    def kind(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def batched(self) -> bool: ...
    @property
    def work(self) -> dict[str, Number]: ...
    @property
    def each(self) -> list[tuple[Any, Number]]: ...


class Called(Weighed, Protocol):
    """An operator that a layer calls, or several that are weighed alike."""

    @property
    def parameters(self) -> dict[str, Number]: ...


class Counted(Called, Protocol):
    """What a convention counts: a layer and its calls. Those of several layers that it counts alike can be added."""

    @property
    def layer(self) -> Layer: ...
    @property
    def shared(self) -> bool: ...
    @property
    def tied_parameters(self) -> dict[str, Number]: ...
    @property
    def buffers(self) -> dict[str, Number]: ...
    @property
    def calls(self) -> Sequence[Called]: ...
    @property
    def whole(self) -> Sequence[Weighed]: ...


class Node:
    """One layer at one place of the network."""

    __slots__ = ("facts", "frozen", "index", "inputs", "path", "routed", "shares", "tied", "widths")

    def __init__(
        self,
        index: int,
        path: str,
        facts: Facts,
        inputs: tuple[int, ...],
        shares: int | None = None,
        tied: int | None = None,
    ) -> None:
        self.index = index
        self.path = path
        self.facts = facts
        self.inputs = inputs
        """Indices of the nodes it reads; -1 is the network's input, and -2 its second, where it has several.

        A table reads none.
        """
        self.shares = shares
        """The index of the node whose parameters it has; None where they are its own."""
        self.tied = tied
        """The index of the node whose first parameter is its first, too; None where that is its own."""
        self.routed: int | None = None
        """The index of the node that says which expert each token has chosen; None outside of experts."""
        self.frozen = False
        """Whether none of its parameters is trained."""
        self.widths = PLAIN
        """The bits of its numbers, and how many of its weights are not zero, where that is said."""

    @property
    def layer(self) -> Layer:
        return self.facts.layer

    @property
    def kind(self) -> str:
        return self.facts.layer.kind

    @property
    def input(self) -> NamedShape:
        """The first input's shape, the only one of most layers; NOTHING of a layer without one."""
        return self.facts.inputs[0] if self.facts.inputs else NOTHING

    @property
    def output(self) -> NamedShape:
        return self.facts.output


INPUT = -1
"""The index that stands for the network's input, the first of several; the others count on downwards."""


class Graph:
    """Nodes in topological order, and the shapes that go in. Grows by `add`, which infers the shape."""

    def __init__(self, input: Shape | Mapping[str, Shape]) -> None:
        given = input if isinstance(input, Mapping) else {"": input}
        self.inputs = {
            name: shape if isinstance(shape, NamedShape) else NamedShape(shape) for name, shape in given.items()
        }
        """What goes in, by name; the only one may have none."""
        self._shapes = [*self.inputs.values()]
        self.nodes: list[Node] = []
        self.folded: list[tuple[str, str]] | None = None
        """The paths of norms that are part of another layer, and of that; None where none should be."""
        self.says_widths = False
        """Whether bits or densities are said of some nodes."""
        self._outputs: dict[str, int] = {}
        self._facts: dict[Any, Facts] = {}

    @property
    def input(self) -> NamedShape:
        """The first input's shape, the only one of most networks."""
        return self._shapes[0]

    @property
    def starts(self) -> dict[int, NamedShape]:
        """The inputs' shapes by the index that stands for each."""
        return {INPUT - number: shape for number, shape in enumerate(self._shapes)}

    @property
    def outputs(self) -> dict[str, int]:
        """The indices of the tensors that come out, by name; the only one may have none: the last node's."""
        return self._outputs or {"": len(self.nodes) - 1}

    @outputs.setter
    def outputs(self, outputs: dict[str, int]) -> None:
        self._outputs = outputs

    def add(
        self,
        layer: Layer,
        inputs: tuple[int, ...],
        path: str,
        shares: int | None = None,
        tied: int | None = None,
        routing: Routing | None = None,
        shapes: tuple[NamedShape, ...] | None = None,
    ) -> int:
        """Append a layer that reads the given nodes, whose `shapes` these are; returns its index.

        With `shares` it has that node's parameters, with `tied` the first of them, with `routing` it is one of experts.
        Raises LayerError when it does not fit.
        """
        if shapes is None:
            shapes = tuple([self.shape(index) for index in inputs])
        if shares is not None:
            tied = None
        sets, active = (routing.experts, routing.active) if routing else (1, 1)
        facts = self._facts_of(layer, shapes, Owns(shares is not None, tied is not None, sets, active))
        if shares is not None:
            self._check_shared(self.nodes[shares].facts, layer, shapes, facts.owns)
        if tied is not None:
            self._check_tied(self.nodes[tied].facts, facts)
        node = Node(len(self.nodes), path, facts, inputs, shares, tied)
        node.routed = routing.choice if routing else None
        self.nodes.append(node)
        return node.index

    def _check_shared(self, first: Facts, layer: Layer, shapes: tuple[NamedShape, ...], owns: Owns) -> None:
        own = self._facts_of(layer, shapes, first.owns._replace(sets=owns.sets, active=owns.active))
        if (own.asked, own.parameters, own.buffers) != (first.asked, first.parameters, first.buffers):
            sizes = [", ".join(f"{role} {show(n)}" for role, n in each.parameters.items()) for each in (first, own)]
            what = f"{sizes[0] or 'none'}, then {sizes[1] or 'none'}" if sizes[0] != sizes[1] else "other fields"
            message = f"{layer.kind}: what is shared has the same parameters wherever it stands, not {what}"
            raise LayerError(message, hint="shared: s has a set of its own for each value of s")

    @staticmethod
    def _check_tied(first: Facts, own: Facts) -> None:
        from vcalc.layers.calls import first_parameter

        each = [(facts, first_parameter(facts.layer, facts.inner)) for facts in (own, first)]
        for facts, found in each:
            if found is None or facts.layer.composed:
                what = "has no parameters" if found is None else "is several operators"
                raise LayerError(
                    f"{own.kind}: what is tied is the matrix or table of one operator; {facts.kind} {what}"
                )
        sizes = [found.shape for _, found in each if found is not None]
        if len(sizes[0]) != len(sizes[1]) or not all(assumed("==", *pair) for pair in zip(*sizes, strict=True)):
            mine, its = (f"{show(size)} of {facts.kind}" for size, (facts, _) in zip(sizes, each, strict=True))
            raise LayerError(f"{own.kind}: tied parameters have one shape: {mine} is not {its}")

    def replace(self, node: Node, layer: Layer) -> None:
        """Put a layer of the same shapes in a node's place."""
        node.facts = self._facts_of(layer, node.facts.inputs, node.facts.owns)

    def freeze(self, indices: Iterable[int]) -> None:
        """Note that the parameters of some nodes are not trained, nor are they where other nodes have the same."""
        frozen = [self.nodes[index] for index in indices]
        owners = {self.owner(node) for node in frozen} | {node.tied for node in frozen if node.tied is not None}
        for node in self.nodes if owners else ():
            all_tied = node.tied in owners and not node.facts.parameters
            node.frozen = node.frozen or all_tied or self.owner(node) in owners

    @staticmethod
    def owner(node: Node) -> int:
        """The index of the node whose parameters a node has: its own, unless they are another's."""
        return node.index if node.shares is None else node.shares

    def _facts_of(self, layer: Layer, shapes: tuple[NamedShape, ...], owns: Owns = OWN) -> Facts:
        key = (layer, shapes, owns, tuple([shape.told for shape in shapes]))
        facts = self._facts.get(key)
        if facts is None:
            facts = self._facts[key] = Facts(layer, shapes, owns)
        return facts

    def shape(self, index: int) -> NamedShape:
        """The shape that a node gives (below 0: an input)."""
        return self._shapes[INPUT - index] if index < 0 else self.nodes[index].facts.output

    def select(self, paths: tuple[str, ...] = (), kinds: tuple[str, ...] = ()) -> list[Node]:
        """Nodes at or below any of the paths (all, where none is given), of any of the kinds.

        A path is one from the outermost group; where nothing stands there, a part of one: stage1 of backbone/stage1.
        """
        if not paths and not kinds:
            return self.nodes
        nodes = [node for node in self.nodes if node.kind in kinds] if kinds else self.nodes
        if not paths:
            return nodes
        whole = tuple(
            f"{path}/" for path in paths if any(f"{node.path}/".startswith(f"{path}/") for node in self.nodes)
        )
        parts = [path for path in paths if f"{path}/" not in whole]
        return [
            node
            for node in nodes
            if f"{node.path}/".startswith(whole) or any(is_within(node.path, part) for part in parts)
        ]


def is_within(path: str, part: str) -> bool:
    """True when `part` is the path itself or one of the groups around it: stage1 of stage1/conv2."""
    return f"/{path}/".find(f"/{part}/") >= 0


def prefixes(path: str) -> list[str]:
    """The groups around a path, outermost first, and the path itself: stage1 and stage1/conv of stage1/conv."""
    names = path.split("/")
    return ["/".join(names[: count + 1]) for count in range(len(names))]


def group_of(path: str) -> str:
    """The outermost group of a path, the layer itself where there is none."""
    return path.partition("/")[0]


def untouched(graph: Graph, start: int | None = None) -> set[int]:
    """What gives elements of one input, or of any and of constants, as they are, reordered or some of them.

    These are nodes, and the inputs themselves.
    """
    found = {*graph.starts} if start is None else {start}
    for node in graph.nodes:
        alone = len(node.inputs) == 1 and node.inputs[0] in found
        constant = start is None and node.kind == "constant"
        if constant or (alone and (isinstance(node.layer, Moved) or node.facts.is_view)):
            found.add(node.index)
    return found


def takes_words(graph: Graph, start: int = INPUT) -> bool:
    """Whether an input is word numbers: embeddings look them up, and no other layer computes with them."""
    found = untouched(graph, start)
    readers = [node for node in graph.nodes if node.index not in found and not found.isdisjoint(node.inputs)]
    return bool(readers) and all(node.layer.reads == INDEX for node in readers)
