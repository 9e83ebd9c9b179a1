"""A recording as a graph that every analysis of counts reads: each operator a layer, on the shapes that arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

from vcalc.arithmetic import Number, Shape
from vcalc.errors import LayerError
from vcalc.graph import Facts, Graph, Node
from vcalc.importers import aten
from vcalc.importers.recording import Recording, Step, Tensor
from vcalc.layers.axes import NOTHING, NamedShape
from vcalc.layers.base import KINDS, Layer
from vcalc.layers.call import Call


class Operation(Layer):
    """One operator that no layer kind is: what it does is known element by element, or not at all."""

    composed = True
    moves = True

    def __init__(self, name: str, output: NamedShape) -> None:
        super().__init__()
        self.kind = name  # type: ignore[misc]
        self._output = output

    def output(self, *inputs: Shape) -> Shape:
        return self._output

    def with_values(self, change: Callable[[Any], Any]) -> Layer:
        return self  # it has no fields

    def check(self, inputs: tuple[Shape, ...]) -> None:
        """It was called with what it takes."""

    def fitted(self, inputs: tuple[NamedShape, ...]) -> Layer:
        return self


class RecordedFacts(Facts):
    """What was recorded of an operator: parameters and buffers that it reads first, and how it was called."""

    __slots__ = ("_buffers", "_called", "_form", "_parameters", "batched")

    def __init__(
        self, laid: tuple[Layer, tuple[NamedShape, ...]], step: Step | None, calls: list[Call] | None, form: str
    ) -> None:
        self._parameters: dict[str, Number] = {}
        self._buffers: dict[str, Number] = {}
        self._called, self._form = calls, form
        self.batched = step is not None and step.batched
        super().__init__(*laid)

    def has(self, parameters: dict[str, Number], buffers: dict[str, Number]) -> None:
        """Note the parameters and buffers that nothing before it has read."""
        self._parameters, self._buffers = parameters, buffers

    @property
    def parameters(self) -> dict[str, Number]:
        return self._parameters

    @property
    def buffers(self) -> dict[str, Number]:
        return self._buffers

    def _counts(self) -> tuple[dict[str, Number], dict[str, Number], list[Call]]:
        if self._called is None:
            self._called = super()._counts()[2]
        return self._parameters, self._buffers, self._called

    @property
    def form(self) -> str:
        return self._form


def counted(recording: Recording) -> tuple[Graph, list[Node]]:
    """The graph of a recording, and those of its nodes that vcalc has no count for."""
    made = _Made(recording)
    return made.graph, made.unweighed


class _Made:
    def __init__(self, recording: Recording) -> None:
        shapes = {name: aten.elementwise(shape) for name, shape in recording.inputs.items()}
        self.graph = Graph(shapes if len(shapes) > 1 else next(iter(shapes.values()), NOTHING))
        self.unweighed: list[Node] = []
        self._recording = recording
        self._index: list[int] = []
        self._taken: set[str] = set()
        self._paths: dict[str, int] = {}
        for step in recording.steps:
            self._add(step)
        self._add_unread()
        ends = [tensor.source for tensor in recording.outputs if tensor.source is not None and tensor.source >= 0]
        names = [f"output{number + 1}" if len(ends) > 1 else "" for number in range(len(ends))]
        self.graph.outputs = dict(zip(names, [self._index[end] for end in ends], strict=True))

    def _add(self, step: Step) -> None:
        facts, weighed = self._facts(step)
        facts.has(*self._first_read(step, facts.kind))
        reads = tuple(dict.fromkeys(self._index_of(tensor) for tensor in step.tensors if tensor.source is not None))
        node = Node(len(self.graph.nodes), self._path(step), facts, reads)
        own = {name for tensor in step.tensors for name in tensor.parameters}
        node.frozen = bool(facts.parameters) and own <= self._recording.frozen | self._recording.buffers.keys()
        self.graph.nodes.append(node)
        self._index.append(node.index)
        if not weighed:
            self.unweighed.append(node)

    def _add_unread(self) -> None:
        """Parameters that no operator reads are there all the same: one node has them all."""
        left = unread(self._recording)
        if left:
            layer = Operation("unread", NamedShape((0,)))
            facts = RecordedFacts((layer, ()), None, [], "")
            found: dict[str, Number] = {}
            for name, count in left.items():
                role = _role(name.rpartition(".")[2], "", name, 0)
                found[role] = found.get(role, 0) + count
            facts.has(found, {})
            self.graph.nodes.append(Node(len(self.graph.nodes), "unread", facts, ()))

    def _index_of(self, tensor: Tensor) -> int:
        assert tensor.source is not None
        return tensor.source if tensor.source < 0 else self._index[tensor.source]

    def _path(self, step: Step) -> str:
        path = step.path.replace(".", "/") if step.form == "module" else f"{step.path.replace('.', '/')}/{step.name}"
        path = path.strip("/") or step.name
        times = self._paths[path] = self._paths.get(path, 0) + 1
        return path if times == 1 else f"{path}.{times}"

    def _first_read(self, step: Step, kind: str) -> tuple[dict[str, Number], dict[str, Number]]:
        """Parameters and buffers that no step before has read, by role."""
        found: tuple[dict[str, Number], dict[str, Number]] = ({}, {})
        for argument, tensor in _by_argument(step):
            for name in tensor.parameters:
                if name not in self._taken:
                    self._taken.add(name)
                    own = self._recording.parameters
                    place, counts = (0, own) if name in own else (1, self._recording.buffers)
                    role = _role(argument, kind, name, place)
                    found[place][role] = found[place].get(role, 0) + counts[name]
        return found

    def _facts(self, step: Step) -> tuple[RecordedFacts, bool]:
        found = _laid(step)
        if found is not None:
            return found, True
        call, known = _call(step)
        shapes = tuple(aten.elementwise(tensor.shape) for tensor in step.tensors)
        output = aten.elementwise(step.made[0].shape) if step.made else NamedShape(())
        layer = Operation(call.kind or step.name if call else step.name, output)
        return RecordedFacts((layer, shapes), step, [call] if call else [], call.form if call else ""), known


MISFITS = (LayerError, ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What a call raises that does not fit its kind: a file may hold anything, and torch takes what a kind refuses."""


def _laid(step: Step) -> RecordedFacts | None:
    """The layer that an operator is; None where it is none, or one that the kind refuses."""
    recipe = aten.RECIPES.get(step.name)
    try:
        laid = recipe(step.given) if recipe else None
        if laid is None:
            return None
        layer = KINDS[laid.kind](**laid.fields)
        facts = RecordedFacts((layer, laid.inputs), step, None, _form(layer, step))
        return facts if facts.work else None
    except MISFITS:
        return None


def _call(step: Step) -> tuple[Call | None, bool]:
    """What an operator without a layer kind does, and whether that is known."""
    tensors = step.tensors
    output = step.made[0].shape if step.made else ()
    shapes = tuple(tensor.shape for tensor in (*tensors, *step.made[:1]))
    if step.name in aten.PRODUCTS:
        left, right = (step.given[name] for name in aten.PRODUCTS[step.name])
        trained = bool(left.parameters or right.parameters)
        work = aten.product_work(output, left.shape, trained)
        return Call("matmul", "function", step.batched, _with_elements(work, tensors, output), {}, shapes), True
    if step.name in aten.ARITHMETIC:
        kind, primitive = aten.ARITHMETIC[step.name]
        count = prod(output) if primitive != "additions" or kind else prod(tensors[0].shape) - prod(output)
        work = _with_elements({primitive: count}, tensors, output)
        return Call(kind, "operator" if kind else "", step.batched, work, {}, shapes), True
    return None, step.name in aten.COPIES or step.name in aten.OTHER_ARITHMETIC


def _with_elements(work: dict[str, Number], tensors: Iterable[Tensor], output: tuple[int, ...]) -> dict[str, Number]:
    return {**work, "input_elements": sum(prod(each.shape) for each in tensors), "output_elements": prod(output)}


def _form(layer: Layer, step: Step) -> str:
    """How the source calls a layer, in the words of its kind."""
    if layer.written is not None:
        return layer.written
    wanted = step.form if step.form in layer.forms else "functional"
    return wanted if wanted in layer.forms else (layer.forms or ("",))[0]


_ROLES = {"weight": "weight", "bias": "bias", "running_mean": "running_mean", "running_var": "running_variance"}
_NORMS = ("batchnorm", "layernorm", "rmsnorm", "groupnorm", "instancenorm")
_NAMED = {
    "pos_embed": "position_embedding",
    "position": "position_embedding",
    "cls_token": "class_token",
    "class_token": "class_token",
    "relative_position_bias": "relative_position_bias",
    "rel_pos": "relative_position_embedding",
    "gamma": "layer_scale",
    "layer_scale": "layer_scale",
    "ls": "layer_scale",
}
"""What parameters are for, by words in their names, where no operator tells."""


def _role(argument: str, kind: str, name: str, place: int) -> str:
    if place:
        return _ROLES.get(argument, "batches_tracked" if name.endswith("num_batches_tracked") else "constant")
    if kind in _NORMS:
        return {"weight": "scale", "bias": "shift"}.get(argument, "weight")
    if kind == "prelu":
        return "slope"
    if argument in ("weight", "bias"):
        return argument
    return next((role for word, role in _NAMED.items() if word in name), _plain_role(name))


def _plain_role(name: str) -> str:
    """A parameter is a bias where its name says so."""
    last = name.rpartition(".")[2]
    return "bias" if last.startswith("bias") or last.endswith("bias") else "weight"


def _by_argument(step: Step) -> Iterable[tuple[str, Tensor]]:
    for argument, value in step.given.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Tensor):
                yield argument, each


def unread(recording: Recording) -> dict[str, int]:
    """The parameters that no operator reads, and the elements of each."""
    read = {name for step in recording.steps for tensor in step.tensors for name in tensor.parameters}
    return {name: count for name, count in recording.parameters.items() if name not in read}
