"""A run of a network on paper: which storages are alive while each layer runs, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from vcalc.analyses.ledger import Ledger
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, NOTHING, Moment, Plan, Size
from vcalc.arithmetic import Shape
from vcalc.graph import INPUT, Graph, Node, takes_words
from vcalc.layers.base import elements
from vcalc.layers.tensors import ACTIVATION, GRADIENT, INDEX, OUTPUT, Gradient, Step, Stored, Tensor
from vcalc.layers.vocabulary import FROZEN


class _Block(NamedTuple):
    """Layers that run one after the other; those of a checkpointed group run again in the backward pass."""

    nodes: list[Node]
    again: bool
    entries: list[Any]
    """The storages that a checkpointed group reads from outside: all that it saves."""


def blocks(graph: Graph, depth: int) -> list[_Block]:
    """The layers in order, those of one group at `depth` together; 0, and layers above that depth: no groups."""
    found: list[_Block] = []
    group_before: list[str] | None = None
    for node in graph.nodes:
        parts = node.path.split("/")
        group = parts[:depth] if 0 < depth < len(parts) else None
        if not found or group != group_before:
            found.append(_Block([], group is not None, []))
        found[-1].nodes.append(node)
        group_before = group
    return found


class Run:
    """One pass through the network: every moment of it, and what it saved for backward."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph = graph
        self.plan = plan
        self.moments: list[Moment] = []
        self.saved_by = [NOTHING] * len(graph.nodes)
        """What each layer adds to the saved tensors; a storage is the first one's that saves it."""
        self._ledger = Ledger()
        self._phase = FORWARD
        self._last_reader = {index: node.index for node in graph.nodes for index in node.inputs}
        self._outputs = [node.index for node in graph.nodes if node.index not in self._last_reader]
        self._trains = _trains(graph)
        self.input = self.size_of(graph.input, _input_type(graph))
        self._key: dict[int, Any] = {}
        """The storage that each tensor lies in."""
        self._read_until: dict[Any, int] = {}
        """The last reader of any tensor that lies in a storage."""
        self._saved: dict[int, dict[Stored, Any]] = {}
        self._kept: set[Any] = set()
        self._gradients: dict[int, _Gradient] = {}
        self._whole()

    def size_of(self, shape: Shape, type: str = ACTIVATION) -> Size:
        """Bytes of a tensor."""
        return Size(0, int(elements(shape)) * self.plan.element(type))

    def _output_size(self, node: Node) -> Size:
        """Bytes of the storage that a layer makes for its output."""
        return self.size_of((node.layer.storage(node.facts.inputs, node.output),))

    def _whole(self) -> None:
        """Forward, and backward in training. The caller holds the input, and the outputs once they are there."""
        training = self.plan.training
        self._born(INPUT, "input", self.input)
        parts = blocks(self.graph, self.plan.checkpoint if training else 0)
        for part in parts:
            if part.again:
                self._keep_entries(part)
            self._forward(part.nodes, saves=training and not part.again)
        outside = {self._key[index]: self._ledger.size(self._key[index]) for index in (INPUT, *self._outputs)}
        self.outside = Size(*map(sum, zip(*outside.values(), strict=True)))
        if training:
            self._phase = BACKWARD
            for index in self._outputs:
                if self._trains[index]:
                    self._gradients[index] = _Gradient(("gradient", index))
                    self._ledger.hold(("gradient", index), self.size_of(self.graph.shape(index)))
            for part in reversed(parts):
                if part.again:
                    self._forward(part.nodes, saves=True, again=True)
                self._backward(part)
        self.left = self._ledger.total
        """What is alive when all is done."""

    def _mark(self, node: Node) -> None:
        self.moments.append(Moment(self._phase, node.path, self._ledger.total))

    # Forward

    def _born(self, index: int, key: Any, size: Size) -> None:
        """A tensor comes to be, in a storage of its own or in one that is there."""
        self._key[index] = key
        never = len(self.graph.nodes)
        self._read_until[key] = max(self._read_until.get(key, 0), self._last_reader.get(index, never))
        self._ledger.hold(key, size)

    def _forward(self, nodes: list[Node], saves: bool, again: bool = False) -> None:
        """Run layers; those that run `again` are read by one another only."""
        last = self._last_reader
        if again:
            inside = {node.index for node in nodes}
            last = {index: node.index for node in nodes for index in node.inputs if index in inside}
        for node in nodes:
            self._layer(node, saves and self._trains[node.index], again)
            for index in dict.fromkeys(node.inputs):
                if index != INPUT and last.get(index) == node.index:
                    self._ledger.release(self._key[index])
            if again and node.index not in last:
                self._ledger.release(self._key[node.index])

    def _layer(self, node: Node, saves: bool, again: bool) -> None:
        layer, inputs = node.layer, node.facts.inputs
        overwrites = self._overwrites(node)
        shares = overwrites or layer.is_view(self.plan.training, inputs[0])
        key = self._key[node.inputs[0]] if shares else ("again" if again else "output", node.index)
        saved = self._wanted(node, layer.saved(inputs, node.output)) if saves else ()
        if saved and overwrites:
            saved = (OUTPUT,) if layer.in_place == "output" else (Tensor("copy of the input", elements(inputs[0])),)
        steps = layer.steps(inputs, node.output, self.plan.training)
        self._saved[node.index] = {}
        for step in self._walk(steps, lambda stored: [self._found(node, stored, key)]):
            at_end = step is steps[-1]
            self._keep(node, saved if at_end else tuple(stored for stored in saved if stored in step), key)
            self._mark(node)
            if at_end:
                self._born(node.index, key, self._output_size(node))

    def _wanted(self, node: Node, saved: tuple[Stored, ...]) -> tuple[Stored, ...]:
        """Without the factors of a product that only the gradient of an input that has none would need."""
        if not node.layer.saves_for_others:
            return saved
        trains = [index != INPUT and self._trains[index] for index in node.inputs]
        return tuple(each for each in saved if not isinstance(each, int) or any(trains[:each] + trains[each + 1 :]))

    def _walk(
        self, steps: tuple[Step, ...], find: Callable[[Stored], list[tuple[Any, Size]]], before: Iterable[Any] = ()
    ) -> Iterator[Step]:
        """A layer's steps, the storages of each held while it is looked at; `before` is held until the first one is."""
        for step in steps:
            found = [each for stored in step for each in find(stored)]
            for key, size in found:
                self._ledger.hold(key, size)
            for key in before:
                self._ledger.release(key)
            before = [key for key, _ in found]
            yield step
        for key in before:
            self._ledger.release(key)

    def _overwrites(self, node: Node) -> bool:
        """Whether an activation may run in place: nobody else reads its input, now, later or backward."""
        if not (self.plan.in_place and node.layer.in_place):
            return False
        key = self._key[node.inputs[0]]
        read_later = self._read_until[key] > node.index
        return key != self._key[INPUT] and not read_later and key not in self._kept

    def _found(self, node: Node, stored: Stored, key: Any) -> tuple[Any, Size]:
        """The storage that a formula speaks of, and its size. `key` is that of the output."""
        if isinstance(stored, int):
            return self._key[node.inputs[stored]], self.size_of(node.facts.inputs[stored])
        if stored is OUTPUT:
            return key, self._output_size(node)
        assert isinstance(stored, Tensor)
        amount = int(stored.elements) * self.plan.element(stored.type)
        return (stored.name, node.index), Size(0, amount) if stored.per_image else Size(amount, 0)

    def _keep(self, node: Node, saved: tuple[Stored, ...], key: Any) -> None:
        """Save tensors for the backward pass."""
        for stored in saved:
            if stored not in self._saved[node.index]:
                found, size = self._found(node, stored, key)
                self._saved[node.index][stored] = found
                self._save(node, found, size)

    def _save(self, node: Node, key: Any, size: Size) -> None:
        """Hold a storage until backward; one that is saved twice is there once."""
        self._ledger.hold(key, size)
        if self._phase == FORWARD and key not in self._kept:
            self.saved_by[node.index] = self.saved_by[node.index].plus(self._ledger.size(key))
        self._kept.add(key)

    def _keep_entries(self, part: _Block) -> None:
        """Save what a checkpointed group reads from outside."""
        inside = {node.index for node in part.nodes}
        for index in dict.fromkeys(index for node in part.nodes for index in node.inputs if index not in inside):
            part.entries.append(self._key[index])
            self._save(part.nodes[0], self._key[index], self.size_of(self.graph.shape(index)))

    # Backward

    def _backward(self, part: _Block) -> None:
        for node in reversed(part.nodes):
            if self._trains[node.index]:
                self._layer_backward(node)
        for key in part.entries:
            self._ledger.release(key)

    def _layer_backward(self, node: Node) -> None:
        """The gradients of a layer's parameters and inputs; what it saved is freed as soon as it is not needed."""
        ledger, facts = self._ledger, node.facts
        trained = sum(int(count) for role, count in facts.parameters.items() if role not in FROZEN)
        gradient, saved = self._gradients.pop(node.index), self._saved.pop(node.index)
        before = [gradient.key, *saved.values()]
        there: dict[Stored, tuple[Any, Size]] = {stored: (key, ledger.size(key)) for stored, key in saved.items()}
        there[GRADIENT] = (gradient.key, ledger.size(gradient.key))
        arriving = self._arriving(node, gradient)
        for number, each in arriving.items():
            if each.key == gradient.key:
                ledger.hold(each.key)
            else:
                there[Gradient(number)] = each.key, self.size_of(facts.inputs[number])

        def find(stored: Stored) -> list[tuple[Any, Size]]:
            if isinstance(stored, Gradient) and stored not in there:
                return []
            return [there.get(stored) or self._found(node, stored, None)]

        steps = facts.layer.gradient_steps(facts.inputs, node.output)
        for step in self._walk(steps, find, before):
            if step is steps[-1]:
                ledger.hold(("parameters", node.index), Size(trained * self.plan.element(ACTIVATION), 0))
            self._mark(node)
            if step is steps[-1]:
                for each in arriving.values():
                    if each.key != gradient.key:
                        ledger.hold(each.key)
        for number, each in arriving.items():
            self._arrive(node, node.inputs[number], each)

    def _arriving(self, node: Node, gradient: _Gradient) -> dict[int, _Gradient]:
        """The gradients of the inputs that have one: the output's own or a part of it, or new."""
        facts, found = node.facts, {}
        for number, index in enumerate(node.inputs):
            if index == INPUT or not self._trains[index]:
                continue
            shape = facts.inputs[number]
            if facts.layer.passes_gradient(shape, node.output):
                fills = int(elements(shape)) == int(elements(node.output))
                found[number] = _Gradient(gradient.key, gradient.whole and fills)
            else:
                found[number] = _Gradient(("gradient", node.index, number))
        return found

    def _arrive(self, node: Node, index: int, new: _Gradient) -> None:
        """A gradient reaches a tensor, where it is added to what has come from other readers: in place, or anew."""
        old = self._gradients.get(index)
        if old is None:
            self._gradients[index] = new
            return
        if old.whole and self._ledger.holders(old.key) == 1:
            self._ledger.release(new.key)
            return
        total = _Gradient(("sum", index, node.index))
        self._ledger.hold(total.key, self.size_of(self.graph.shape(index)))
        self._mark(node)
        self._ledger.release(old.key)
        self._ledger.release(new.key)
        self._gradients[index] = total


class _Gradient(NamedTuple):
    """A gradient: the storage that it lies in, and whether it fills it."""

    key: Any
    whole: bool = True


def _input_type(graph: Graph) -> str:
    """What the elements of the network's input are: activations, or numbers of words."""
    return INDEX if takes_words(graph) else ACTIVATION


def _trains(graph: Graph) -> list[bool]:
    """Whether each node's output has a gradient: it has trained parameters, or an input that has a gradient."""
    trains: list[bool] = []
    for node in graph.nodes:
        own = any(role not in FROZEN for role in node.facts.parameters)
        trains.append(own or any(index != INPUT and trains[index] for index in node.inputs))
    return trains
