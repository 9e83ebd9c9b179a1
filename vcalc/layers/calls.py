"""What a layer of several operators calls: its `run` once more, on shapes alone, whose sizes may be open.

From the calls follow its parameters, buffers and work; conventions weigh each as the layer of one operator that it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.layers.base import KINDS, Layer, elements
from vcalc.layers.call import Call
from vcalc.layers.vocabulary import BUFFERS, called
from vcalc.operators import elementwise, moves, products, routing, sampling, scan, windows
from vcalc.operators.paper import Caller, Operator

FAMILIES = (elementwise, moves, products, routing, sampling, scan, windows)
"""Where the operators are, which enter themselves."""


class Parameter:
    """Parameters that are made together, and whether an operator has read them."""

    __slots__ = ("count", "read", "role", "shape")

    def __init__(self, role: str, shape: Shape) -> None:
        self.role = role
        self.shape = shape
        self.count = product(shape)
        self.read = False


class Tensor:
    """A shape; of one that depends on the images, with one image in front. Moved parameters are still parameters."""

    __slots__ = ("batched", "parameters", "shape")

    def __init__(self, shape: Shape, batched: bool, parameters: Iterable[Parameter] = ()) -> None:
        self.shape = shape
        self.batched = batched
        self.parameters = tuple(parameters)

    @property
    def trained(self) -> Number:
        """How many of its elements are parameters."""
        return sum(each.count for each in self.parameters)


class Calls(Caller):
    """A run that keeps shapes and notes what is called. Operators are its methods, as they are those of `Paper`."""

    training = overwrites = False

    def __init__(self, layer: Layer, inputs: tuple[Shape, ...], images: Number = 1) -> None:
        self._kind, self._form = layer.kind, layer.form
        self.images = images
        """How many images there are, windows and frames among them."""
        self.calls: list[Call] = []
        self.parameters: dict[str, Number] = {}
        """Trained (or frozen) parameters by role."""
        self.buffers: dict[str, Number] = {}
        self.weights: list[Parameter] = []
        """Parameters in the order in which they are made."""
        layer.run(self, *[Tensor((images, *shape), True) for shape in inputs])
        self._rest()

    def parameter(self, *shape: Number, role: str = "weight", name: str = "") -> Tensor:
        """Trained parameters."""
        made = Parameter(role, shape)
        self.weights.append(made)
        self.parameters[role] = self.parameters.get(role, 0) + made.count
        return Tensor(shape, False, (made,))

    def own(self, shape: Shape, role: str = "", by: tuple[Any, ...] = ()) -> Tensor:
        """A buffer, or a parameter that is not trained."""
        if role and role not in BUFFERS:
            return self.parameter(*shape, role=role)
        if role:
            self.buffers[role] = self.buffers.get(role, 0) + product(shape)
        return Tensor(shape, False)

    def call(self, operator: type[Operator], part: str, *arguments: Any, **fields: Any) -> Any:
        """Note an operator, and give what it makes."""
        tensors = [given for given in arguments if isinstance(given, Tensor)]
        batched = operator.batches or True in [tensor.batched for tensor in tensors]
        shape = operator.output(*arguments, **fields)
        kind, work = fields.get("function") or operator.kind, operator.work(shape, *arguments, **fields)
        if kind or work:
            self._note(kind, part, work, tensors, Tensor(shape, batched))
            return Tensor(shape, batched)
        moved = dict.fromkeys(each for tensor in tensors for each in tensor.parameters)
        made = [Tensor(each, batched, moved) for each in (shape if isinstance(shape, list) else [shape])]
        return tuple(made) if isinstance(shape, list) else made[0]

    def _note(self, kind: str, part: str, work: dict[str, Number], tensors: list[Tensor], made: Tensor) -> None:
        read: dict[str, Number] = {}
        for each in dict.fromkeys(each for tensor in tensors for each in tensor.parameters if not each.read):
            each.read = True
            read[each.role] = read.get(each.role, 0) + each.count
        given = [tensor for tensor in tensors if not tensor.parameters]
        counts = {
            "input_elements": sum(elements(tensor.shape) for tensor in given),
            "output_elements": elements(made.shape),
            "parameters": tensors[0].shape[0] * sum(read.values()),
            **work,
        }
        shapes = tuple(tensor.shape for tensor in (*(given or tensors[:1]), made))
        self.calls.append(Call(kind, self._called(part, kind), made.batched, counts, read, shapes))

    def _called(self, part: str, kind: str) -> str:
        """The form of an operator: the layer's own, where it is one of that kind."""
        if kind == self._kind:
            return self._form
        return called(self._form, part, kind) if kind and KINDS[kind].forms else ""

    def _rest(self) -> None:
        """Parameters that nothing reads but what moves them."""
        rest: dict[str, Number] = {}
        for each in self.weights:
            if not each.read:
                rest[each.role] = rest.get(each.role, 0) + each.count
        if rest:
            self.calls.append(Call("", "", True, {}, rest, ()))


def first_parameter(layer: Layer, inputs: tuple[Shape, ...]) -> Parameter | None:
    """What a layer makes first of its parameters: the weight of a matrix, the table of an embedding."""
    from vcalc.operators import norms, rearrange  # noqa: F401, they enter their operators

    made = Calls(layer, inputs).weights
    return made[0] if made else None
