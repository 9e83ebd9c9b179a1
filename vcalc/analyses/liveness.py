"""A run of a network on paper: which storages are alive while each layer runs, forward and backward."""

from __future__ import annotations

from typing import NamedTuple

from vcalc.analyses.memory_plan import BACKWARD, FORWARD, NOTHING, Moment, Plan, Size
from vcalc.analyses.trained import is_trained
from vcalc.graph import Graph, prefixes, takes_words
from vcalc.graph import Node as Layer
from vcalc.operators.paper import Leaf, Node, Operator, Paper, Value
from vcalc.operators.types import ACTIVATION, ELEMENTS, INDEX


class _Block(NamedTuple):
    """Layers that run one after the other; those of a checkpointed group run again in the backward pass."""

    nodes: list[Layer]
    again: bool


def blocks(graph: Graph, depth: int) -> list[_Block]:
    """The layers in order, those of one group at `depth` together; 0, and layers above that depth: no groups."""
    found: list[_Block] = []
    group_before: list[str] | None = None
    for node in graph.nodes:
        parts = node.path.split("/")
        group = parts[:depth] if 0 < depth < len(parts) else None
        if not found or group != group_before:
            found.append(_Block([], group is not None))
        found[-1].nodes.append(node)
        group_before = group
    return found


class Run:
    """One pass through the network: every moment of it, and what it saved for backward."""

    def __init__(self, graph: Graph, plan: Plan, watched: bool = False) -> None:
        self.graph = graph
        self.plan = plan
        bytes = {type: plan.element(type) for type in ELEMENTS}
        self.paper = Paper(bytes.__getitem__, 1 if plan.single else plan.images, plan.training, watched, plan.rules)
        self.saved_by = [NOTHING] * len(graph.nodes)
        """What each layer adds to the saved tensors; a storage is the first one's that saves it."""
        readers = {index: node.index for node in graph.nodes for index in node.inputs}
        ends = _held_by_modules(graph, readers) if plan.modules else readers
        given = {*graph.outputs.values()}
        self._readers = {index: node for index, node in readers.items() if index not in given}
        """The last reader of each tensor that is no output of the network."""
        self._ends = _ends({index: end for index, end in ends.items() if index not in given})
        self._values: dict[int, Value] = {}
        self._whole()

    def _whole(self) -> None:
        """Forward, and backward in training. The caller holds the inputs, and the outputs once they are there."""
        paper, graph = self.paper, self.graph
        for index, shape in graph.starts.items():
            type = INDEX if takes_words(graph, index) else ACTIVATION
            self._values[index] = paper.new((paper.images, *shape), type=type)
        inputs = [*self._values.values()]
        self.input = Size(0, paper.per_image)
        paper.moments.clear()
        for block in blocks(graph, self.plan.checkpoint if self.plan.training else 0):
            if block.again:
                self._checkpointed(block.nodes)
            else:
                self.forward(block.nodes, self._values, self._readers, self._ends)
        outputs = [self._values[node.index] for node in graph.nodes if node.index not in self._readers]
        paper.leave_autocast()
        held = {value.storage for value in (*inputs, *outputs) if value.storage}
        self.outside = Size(0, sum(storage.per_image for storage in held))
        held.clear()
        self.moments = self._moments(FORWARD)
        self._note_saved()
        if self.plan.training:
            seeds = [(value, paper.new(value.shape, type=value.type)) for value in outputs if value.trains]
            paper.backward(seeds)
            self.moments += self._moments(BACKWARD)
        self.left = Size(paper.fixed, paper.per_image)
        """What is alive when all is done."""

    def _moments(self, phase: str) -> list[Moment]:
        found = [
            Moment(phase, self.graph.nodes[where].path, Size(fixed, per_image))
            for where, fixed, per_image in self.paper.moments
            if where is not None
        ]
        self.paper.moments.clear()
        return found

    def _note_saved(self) -> None:
        for where, fixed, per_image in self.paper.saved:
            assert where is not None
            self.saved_by[where] = self.saved_by[where].plus(Size(fixed, per_image))

    def forward(
        self, nodes: list[Layer], values: dict[int, Value], readers: dict[int, int], ends: dict[int, list[int]]
    ) -> dict[int, tuple[Node | Leaf | None, int]]:
        """Run layers; after each, tensors whose end that is are let go. Returns where their outputs' gradients go."""
        paper, sources = self.paper, {}
        for node in nodes:
            paper.enter(node.index, self.graph.owner(node), node.frozen, node.tied)
            paper.overwrites = self._overwrites(node, values, readers)
            values[node.index] = node.facts.run(paper, *[values[index] for index in node.inputs])
            paper.mark()
            sources[node.index] = (values[node.index].source, values[node.index].place)
            for index in ends.get(node.index, ()):
                del values[index]
        return sources

    def _overwrites(self, node: Layer, values: dict[int, Value], readers: dict[int, int]) -> bool:
        """Whether an activation may run in place: nobody else reads its input, now, later or backward."""
        if not (self.plan.in_place and node.layer.in_place) or node.inputs[0] < 0:
            return False
        storage, never = values[node.inputs[0]].storage, len(self.graph.nodes)
        last = max(readers.get(index, never) for index, value in values.items() if value.storage is storage)
        return storage is not None and not storage.saved and last <= node.index

    def _checkpointed(self, nodes: list[Layer]) -> None:
        """Run layers of which only what they read from outside is saved, to run again in the backward pass."""
        paper, inside = self.paper, {node.index for node in nodes}
        read = dict.fromkeys(index for node in nodes for index in node.inputs if index not in inside)
        entries = {index: self._values[index] for index in read}
        paper.records = False
        self.forward(nodes, self._values, self._readers, self._ends)
        paper.records, paper.where = True, nodes[0].index
        leaving = [index for index in inside if index in self._values]
        if any(value.trains for value in entries.values()) or any(map(self._has_trained, nodes)):
            again = _Again(self, nodes, entries, leaving)
            paper.record(again, (), tuple(self._values[index] for index in leaving))

    def _has_trained(self, node: Layer) -> bool:
        """Whether a layer has parameters that are trained."""
        owners = [self.graph.nodes[index] for index in (self.graph.owner(node), node.tied) if index is not None]
        return any(is_trained(each, role) for each in owners for role in each.facts.parameters)


class _Again(Operator):
    """Layers that run again in the backward pass, from what they read, which alone is saved."""

    def __init__(self, run: Run, nodes: list[Layer], entries: dict[int, Value], leaving: list[int]) -> None:
        self.run, self.nodes, self.leaving = run, nodes, leaving
        self.sources = {index: (value.source, value.place) for index, value in entries.items()}
        self.saved = tuple(entries.values())

    def backward(self, paper: Paper, *gradients: Value | None) -> tuple[Value | None, ...]:
        values = {index: value for index, value in zip(self.sources, self.saved, strict=True) if value is not None}
        for index, (source, place) in self.sources.items():
            values[index].source, values[index].place = source, place
        held = Operator()
        held.saved = tuple(values.values())
        paper.record(held, (), ())
        paper.records, paper.rules = True, self.run.plan.rules
        inside = {node.index for node in self.nodes}
        readers = {index: node.index for node in self.nodes for index in node.inputs if index in inside}
        unread = {index: index for index in inside if index not in readers}
        reached = self.run.forward(self.nodes, values, readers, _ends({**readers, **unread}))
        paper.records = False
        paper.leave_autocast()
        for index, gradient in zip(self.leaving, gradients, strict=True):
            source, place = reached[index]
            if source is not None and gradient is not None:
                paper.arrive(source, place, gradient)
        return ()


def _ends(last: dict[int, int]) -> dict[int, list[int]]:
    """The tensors that are let go after each layer, from the last that needs each; the caller holds the inputs."""
    found: dict[int, list[int]] = {}
    for index, end in last.items():
        if index >= 0:
            found.setdefault(end, []).append(index)
    return found


def _held_by_modules(graph: Graph, readers: dict[int, int]) -> dict[int, int]:
    """The layer after which each tensor is let go where a group holds what enters it until its last layer."""
    end = {group: node.index for node in graph.nodes for group in _groups(node.path)}
    held = dict(readers)
    for node in graph.nodes:
        for index in node.inputs:
            around = _groups(graph.nodes[index].path) if index >= 0 else []
            held[index] = max([held[index], *(end[group] for group in _groups(node.path) if group not in around)])
    return held


def _groups(path: str) -> list[str]:
    """The groups around a layer: stage1 and stage1/block1 of stage1/block1/conv."""
    return prefixes(path)[:-1]
