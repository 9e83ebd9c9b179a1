"""A layer's `run` once more, written down: torch's calls in their order, as an expression or as a module of its own.

A tensor that `run` lets go after the next call is written into that call; any other has a name, as long as it lives.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from vcalc.arithmetic import Shape
from vcalc.layers.vocabulary import BUFFERS, FROZEN, called
from vcalc.operators import elementwise, moves, norms, products, rearrange, recurrent, routing, sampling, scan, windows
from vcalc.operators.moves import constant
from vcalc.operators.paper import Caller, Operator
from vcalc.operators.text import BATCH
from vcalc.operators.types import ACTIVATION

FAMILIES = (elementwise, moves, norms, products, rearrange, recurrent, routing, sampling, scan, windows)
"""Where the operators are, which enter themselves."""

STARTS = {
    "weight": "nn.init.trunc_normal_(torch.empty({}), std=0.02)",
    "embedding": "torch.randn({})",
    "random_projection": "torch.randn({})",
    "scale": "torch.ones({})",
    "layer_scale": "torch.full(({},), 1e-6)",
    "logit_scale": "torch.full(({},), 2.3026)",
}
"""The values that parameters begin with, by role; others are 0."""


class Tensor:
    """A tensor of a script: its shape, and where its name or call goes."""

    __slots__ = ("number", "script", "shape")

    type = ACTIVATION

    def __init__(self, script: Script, number: int, shape: Shape) -> None:
        self.script = script
        self.number = number
        self.shape = tuple(shape)

    def __str__(self) -> str:
        return f"\x03{self.number}\x04"

    def __del__(self) -> None:
        self.script.let_go(self.number)


class Step:
    """A call: its text, what it makes, and what was let go after it."""

    __slots__ = ("dead", "makes", "over", "text")

    def __init__(self, text: str, makes: tuple[int, ...], over: int | None = None) -> None:
        self.text = text
        self.makes = makes
        self.over = over
        """The tensor that it changes, and that what it makes is."""
        self.dead: list[int] = []


class Script(Caller):
    """A run that writes down what is called. Operators are its methods, as they are those of `Paper`.

    `shapes` are those of the inputs, the batch a multiple of `BATCH`; `form` is how the source writes the layer (see
    `vcalc.layers.vocabulary`), which is `composed` where that is said of several operators.
    """

    training, overwrites, images = True, False, BATCH

    def __init__(
        self, run: Callable[..., Any], shapes: tuple[Shape, ...], form: str = "", composed: bool = False
    ) -> None:
        self._form, self._composed = form, composed
        self._numbers = count()
        self._first: int | None = None
        self._weights: dict[int, tuple[str, str]] = {}
        """Parameters that no operator has read: their roles and names."""
        self.named: dict[int, str] = {}
        """Parameters and buffers, as they are called."""
        self.members: dict[str, str] = {}
        """Modules, parameters and buffers by name, and how each is made."""
        self.buffers: list[str] = []
        """The names of those that are buffers."""
        self.modules: list[str] = []
        """The names of those that are modules, in the order of their calls."""
        self.first = ""
        """What the first parameter is called, in the module that has it."""
        self.steps: list[Step] = []
        inputs = [Tensor(self, next(self._numbers), shape) for shape in shapes]
        self.inputs = len(inputs)
        """So many tensors, the first ones, are given."""
        self.output: int = run(self, *inputs).number

    def let_go(self, number: int) -> None:
        """Note that nothing in `run` refers to a tensor any longer."""
        if self.steps and number >= self.inputs and number not in self.named and number not in self._weights:
            self.steps[-1].dead.append(number)

    # What `run` asks of it

    def parameter(self, *shape: int, role: str = "weight", name: str = "") -> Tensor:
        """Trained parameters: of the module that the next operator is, or the layer's own, called by role or name."""
        made = Tensor(self, next(self._numbers), shape)
        self._weights[made.number] = (role, name or role)
        self._first = made.number if self._first is None else self._first
        return made

    def own(self, shape: Shape, role: str = "", by: tuple[Any, ...] = ()) -> Tensor:
        """A buffer, or a parameter that is not trained."""
        made = Tensor(self, next(self._numbers), shape)
        name = self._name(made.number, role, constant(shape, by) if role in BUFFERS else _parameter(role, shape))
        if role in BUFFERS:
            self.buffers.append(name)
        return made

    def _name(self, number: int, role: str, text: str) -> str:
        name = self._member(role, text)
        self.named[number] = f"self.{name}"
        self.first = name if number == self._first else self.first
        return name

    def _member(self, name: str, text: str) -> str:
        names = (f"{name}{'' if number == 1 else f'_{number}'}" for number in count(1))
        free = next(each for each in names if each not in self.members)
        self.members[free] = text
        return free

    def call(self, operator: type[Operator], part: str, *given: Any, **fields: Any) -> Any:
        """Write down an operator, and give what it makes."""
        if operator.text is Operator.text and operator.module is Operator.module:
            return operator().forward(self, *given, **fields)  # type: ignore[arg-type]
        tensors = [each for each in given if isinstance(each, Tensor)]
        way = self._way(part, fields.get("function") or operator.kind)
        module = self._module(operator, way, given, fields)
        if module:
            for tensor in tensors[operator.reads(**fields) :]:
                del self._weights[tensor.number]
            self.modules.append(self._member(part or operator.name, module))
            if len(tensors) > 1 and tensors[1].number == self._first:
                self.first = f"{self.modules[-1]}.weight"
            text = operator.called(f"self.{self.modules[-1]}", *given, **fields)
        else:
            for tensor in sorted(tensors, key=lambda tensor: tensor.number):
                if tensor.number in self._weights:
                    role, name = self._weights.pop(tensor.number)
                    self._name(tensor.number, name, _parameter(role, tensor.shape))
            text = operator.text(*given, **fields, **({"way": way} if way in operator.ways else {}))
        if tensors and text == str(tensors[0]):
            return tensors[0]
        over = tensors[0].number if operator.changes else None
        return self._made(text, operator.output(*given, **fields), over)

    def _way(self, part: str, kind: str) -> str:
        """How the source writes an operator."""
        if self._composed:
            return called(self._form, part, kind) if kind else "module"
        return self._form

    def _module(self, operator: type[Operator], way: str, given: tuple[Any, ...], fields: dict[str, Any]) -> str:
        """Torch's module for an operator: where its other inputs are parameters that nothing else reads.

        What has no parameters is a module in a layer of one operator, or where the source has one; what has some is a
        function where the whole layer is one.
        """
        made = operator.module(*given, **fields)
        weights = [each for each in given[operator.reads(**fields) :] if isinstance(each, Tensor)]
        if not made or not all(each.number in self._weights for each in weights):
            return ""
        if weights and not self._composed:
            return "" if way == "functional" and operator.functional else made
        return made if weights or not self._composed or way == "module" else ""

    def _made(self, text: str, shape: Any, over: int | None) -> Any:
        shapes = shape if isinstance(shape, list) else [shape]
        numbers = tuple(next(self._numbers) for _ in shapes)
        self.steps.append(Step(text, numbers, over))
        made = tuple(Tensor(self, number, each) for number, each in zip(numbers, shapes, strict=True))
        return made if isinstance(shape, list) else made[0]


def _parameter(role: str, shape: Shape) -> str:
    start = STARTS.get(role, "torch.zeros({})").format(", ".join(map(str, shape)))
    return f"nn.Parameter({start}{', requires_grad=False' if role in FROZEN else ''})"
