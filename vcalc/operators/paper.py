"""Torch on paper: tensors without elements, a tape, and the memory that is taken while they live.

A layer's `run` calls operators as the `forward` of a module does. A tensor lives as long as something refers to it: a
variable of `run`, the tape that saved it for the backward pass, a gradient that waits. Python's references are counted
here as torch counts its own, so that what is alive at each moment follows from how `run` is written.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any, ClassVar, NamedTuple

from vcalc.arithmetic import Number
from vcalc.operators.autocast import OFF, Rules
from vcalc.operators.layout import (
    Sizes,
    broadcast,
    channels_last,
    contiguous,
    in_order_of,
    in_order_of_all,
    is_contiguous,
    is_dense,
    looks_channels_last,
    size_of,
    viewed,
)
from vcalc.operators.types import ACTIVATION, NUMBERS

OPERATORS: dict[str, type[Operator]] = {}
"""Every operator by its name; classes enter themselves."""


class Storage:
    """A piece of memory: its bytes, and bytes for each image of the batch, one of which is 0."""

    __slots__ = ("fixed", "holders", "paper", "per_image", "saved")

    def __init__(self, paper: Paper, fixed: int, per_image: int) -> None:
        self.paper = paper
        self.fixed = fixed
        self.per_image = per_image
        self.holders = 0
        """How many tensors lie in it; with the last one it is given back."""
        self.saved = False


class Value:
    """A tensor: a shape, the storage that it lies in and how; the operator that made it, where gradients go back."""

    __slots__ = ("batched", "key", "place", "shape", "source", "storage", "strides", "type")

    def __init__(
        self, storage: Storage | None, shape: Sizes, strides: Sizes, batched: bool, type: str = ACTIVATION
    ) -> None:
        self.storage = storage
        """None for parameters and buffers, which are held all the time and counted elsewhere."""
        self.shape = shape
        self.strides = strides
        self.batched = batched
        self.type = type
        self.source: Node | Leaf | None = None
        self.place = 0
        self.key: Hashable = None
        """Which parameter it is, if it is one."""
        if storage is not None:
            storage.holders += 1

    def __del__(self) -> None:
        storage = self.storage
        if storage is not None:
            storage.holders -= 1
            if not storage.holders:
                storage.paper.fixed -= storage.fixed
                storage.paper.per_image -= storage.per_image

    @property
    def trains(self) -> bool:
        """Whether it has a gradient."""
        return self.source is not None

    @property
    def contiguous(self) -> bool:
        """Whether its elements lie in their order."""
        return is_contiguous(self.shape, self.strides)

    @property
    def channels_last(self) -> bool:
        """Whether it is a map whose channels lie side by side, of an image or a video: torch has no such sequences."""
        return len(self.shape) in (4, 5) and looks_channels_last(self.shape, self.strides)

    @property
    def is_repeated(self) -> bool:
        """Whether several places along an axis are one in memory."""
        return any(not stride and size > 1 for size, stride in zip(self.shape, self.strides, strict=True))

    def bare(self) -> Value:
        """The same tensor, apart from the operator that made it."""
        return Value(self.storage, self.shape, self.strides, self.batched, self.type)


class Leaf:
    """What is given and has a gradient: a parameter, or an input."""

    __slots__ = ("gradient", "parameter")

    def __init__(self, parameter: bool = False) -> None:
        self.gradient: Value | None = None
        self.parameter = parameter


class Node:
    """An operator on the tape: where its inputs came from, and the gradients that have reached its outputs."""

    __slots__ = ("edges", "gradients", "operator", "where")

    def __init__(self, operator: Operator, inputs: Iterable[Value | None], outputs: int, where: int | None) -> None:
        self.operator = operator
        self.edges = [_edge(value) for value in inputs]
        self.gradients: list[Value | None] = [None] * outputs
        self.where = where


class Edge(NamedTuple):
    """Where the gradient of an input goes, and what it is like there."""

    source: Node | Leaf | None
    place: int
    shape: Sizes
    batched: bool
    type: str


def _edge(value: Value | None) -> Edge | None:
    return None if value is None else Edge(value.source, value.place, value.shape, value.batched, value.type)


class Operator:
    """One operation of torch: what it makes and does, what it saves, what it makes on the way back.

    `output` and `work` ask shapes of tensors alone, whose sizes may be symbols: `vcalc.layers.calls` counts with them.
    """

    kind: ClassVar[str] = ""
    """The layer kind that it is to conventions; empty where no tool counts it."""
    saved: tuple[Value | None, ...] = ()
    needs: tuple[bool, ...] = ()
    """Which inputs have a gradient."""
    batches: ClassVar[bool] = False
    """True for one that makes something for each image out of what is the same for all."""
    type = ACTIVATION
    """Of what numbers its output is, and what its backward makes."""
    name: ClassVar[str] = ""
    ways: ClassVar[tuple[str, ...]] = ()
    """Forms (see `vcalc.layers.vocabulary`) that `text` tells apart, as its `way`."""
    functional: ClassVar[bool] = False
    """Whether `text` is torch's function that does what its module does."""
    changes: ClassVar[bool] = False
    """True for one that changes its first input, and makes no other tensor."""
    composed: ClassVar[bool] = False
    """True for one that runs other operators, which go on the tape in its place."""

    def __init_subclass__(cls, name: str = "", kind: str = "") -> None:
        if name:
            cls.name = name
            OPERATORS[name] = cls
        if kind:
            cls.kind = kind

    @staticmethod
    def output(*inputs: Any, **fields: Any) -> Any:
        """The shape of what it makes; a list of shapes where it makes several."""
        return inputs[0].shape

    @staticmethod
    def work(output: Any, *inputs: Any, **fields: Any) -> dict[str, Number]:
        """What it does, by primitive (see `vcalc.layers.vocabulary`)."""
        return {}

    @staticmethod
    def module(*inputs: Any, **fields: Any) -> str:
        """Torch's module that does it with such parameters; empty where it has none."""
        return ""

    @staticmethod
    def reads(**fields: Any) -> int:
        """How many tensors its module is called with; all others are its parameters."""
        return 1

    @staticmethod
    def called(module: str, *inputs: Any, **fields: Any) -> str:
        """The call of its module, which has such a name, and what is taken of what that gives."""
        return f"{module}({inputs[0]})"

    @staticmethod
    def text(*inputs: Any, **fields: Any) -> str:
        """Its call in torch, in which an input writes itself; see `vcalc.operators.text`."""
        raise NotImplementedError

    def forward(self, paper: Paper, *inputs: Any, **fields: Any) -> Any:
        """The output, or several in a tuple. What backward needs of it and of the inputs is put in `saved`."""
        raise NotImplementedError

    def backward(self, paper: Paper, *gradients: Any) -> tuple[Value | None, ...]:
        """The gradients of the inputs, from those of the outputs."""
        return (paper.like(gradients[0]),)


class Caller:
    """What may stand in for a `Paper` in a layer's `run`, without values: each operator is a `call` of its own."""

    def call(self, operator: type[Operator], part: str, *given: Any, **fields: Any) -> Any:
        """Take note of an operator, and give what it makes. `part` is the part of the layer that it is."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """An operator."""
        if name not in OPERATORS:
            raise AttributeError(f"there is no operator {name!r}")
        return partial(self.call, OPERATORS[name], "")

    def part(self, name: str) -> Part:
        """Itself, for an operator that the source may call in a way of its own."""
        return Part(self, name)


class Part:
    """The operators of a caller, as a part of the layer that has a name."""

    def __init__(self, caller: Caller, name: str) -> None:
        self._caller = caller
        self._name = name

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._caller.call, OPERATORS[name], self._name)


class Paper:
    """A run on paper. Operators are its methods: `paper.softmax(x)`."""

    def __init__(
        self,
        element: Callable[[str], int],
        images: int = 2,
        training: bool = False,
        watched: bool = False,
        rules: Rules = OFF,
    ) -> None:
        from vcalc.operators import (
            elementwise,
            moves,
            norms,
            products,
            rearrange,
            recurrent,
            routing,
            sampling,
            scan,
            windows,
        )

        self.families = (elementwise, moves, norms, products, rearrange, recurrent, routing, sampling, scan, windows)
        """Where the operators are, which enter themselves."""
        self.element = element
        """Bytes of an element of a type."""
        self.images = images
        """The images in the batch: one, which makes views where several make copies, or several, for which 2 stands."""
        self.training = training
        self.records = training
        """Whether operators go on the tape."""
        self.watched = watched
        """Whether a mode of torch looks on, which keeps it from adding gradients in place."""
        self.overwrites = False
        """Whether an activation may put its output in its input's memory."""
        self.where: int | None = None
        """The number of the layer that runs now."""
        self.fixed = self.per_image = 0
        """The bytes that are alive, and those for each image of the batch."""
        self.moments: list[tuple[int | None, int, int]] = []
        self.saved: list[tuple[int | None, int, int]] = []
        """What is saved, where, each storage once."""
        self.multiply_adds = 0
        """Those of the whole batch, forward."""
        self.tape: list[Node] = []
        self.type = ACTIVATION
        """What is made where nothing else is said: of such numbers as the operator that runs."""
        self.rules = rules
        """The types that torch.autocast runs operators in, where it is on."""
        self.casts: dict[Hashable, Value] = {}
        """Parameters that were cast, kept until autocast ends."""
        self.parameters: dict[Hashable, Leaf] = {}
        self.straight = True
        """Whether all that was made is a straight line in the images, for any number of them."""
        self._owner: int | None = None
        self._tied: int | None = None
        self._given = 0
        self.frozen = False
        """Whether the parameters of the layer that runs are not trained."""

    def __getattr__(self, name: str) -> Callable[..., Value]:
        """An operator."""
        if name not in OPERATORS:
            raise AttributeError(f"there is no operator {name!r}")
        return partial(self._run, OPERATORS[name])

    def unbind(self, x: Value) -> tuple[Value, ...]:
        """All places of the first axis: an operator that gives several tensors."""
        found: tuple[Value, ...] = self._run(OPERATORS["unbind"], x)
        return found

    def split(self, x: Value, axis: int, sizes: Sizes) -> tuple[Value, ...]:
        """Parts of so many places along an axis: another one that does."""
        found: tuple[Value, ...] = self._run(OPERATORS["split"], x, axis=axis, sizes=sizes)
        return found

    def _run(self, kind: type[Operator], *arguments: Any, **fields: Any) -> Any:
        operator, rules, type = kind(), self.rules, self.type
        if rules:
            arguments, self.rules = rules.cast(self, kind, arguments)
        tensors = [given for given in arguments if given is None or isinstance(given, Value)]
        operator.needs = tuple([self.records and given is not None and given.trains for given in tensors])
        self.type = rules.makes(kind) or widest(tensors)
        made = operator.forward(self, *arguments, **fields)
        operator.type = (made[0] if isinstance(made, tuple) else made).type
        self.rules, self.type = rules, type
        if any(operator.needs) and not operator.composed:
            self.record(operator, tensors, made if isinstance(made, tuple) else (made,))
        return made

    def record(self, operator: Operator, inputs: Iterable[Value | None], outputs: tuple[Value, ...]) -> None:
        """Put an operator on the tape: what it saved is kept, and the gradients of its outputs go back to it."""
        node = Node(operator, inputs, len(outputs), self.where)
        operator.saved = tuple([self._keep(value) for value in operator.saved])
        for place, value in enumerate(outputs):
            value.source, value.place = node, place
        self.tape.append(node)

    def _keep(self, value: Value | None) -> Value | None:
        """Note that a tensor is saved."""
        if value is None:
            return None
        if value.storage is not None and not value.storage.saved:
            value.storage.saved = True
            self.saved.append((self.where, value.storage.fixed, value.storage.per_image))
        return value.bare()

    # Tensors

    def new(
        self, shape: Sizes, batched: bool = True, type: str = "", strides: Sizes | None = None, room: int = 0
    ) -> Value:
        """A tensor in memory of its own; `room` are the elements of that memory where they are more."""
        type = type or self.type
        amount = (room or size_of(shape)) * self.element(type)
        storage = Storage(self, 0, amount // self.images) if batched else Storage(self, amount, 0)
        self.fixed += storage.fixed
        self.per_image += storage.per_image
        self.mark()
        return Value(storage, shape, contiguous(shape) if strides is None else strides, batched, type)

    def rounded(self, parts: Iterable[int], unit: int) -> Value:
        """Memory for parts of so many elements, each rounded up to whole units of bytes: no straight line in images."""
        sizes = [part * self.element(self.type) for part in parts]
        fixed = sum(-size % unit for size in sizes)
        storage = Storage(self, fixed, sum(sizes) // self.images)
        self.straight = False
        self.fixed += storage.fixed
        self.per_image += storage.per_image
        self.mark()
        return Value(storage, (sum(sizes) + fixed,), (1,), True)

    def mark(self) -> None:
        """Note what is alive now."""
        now = (self.where, self.fixed, self.per_image)
        if not self.moments or self.moments[-1] != now:
            self.moments.append(now)

    def like(self, *values: Value, type: str = "") -> Value:
        """A tensor that an element-wise operator makes of some: it lies as the first of its shape lies.

        One that is repeated without a copy does not tell.
        """
        shape = broadcast(*[value.shape for value in values])
        batched = any(value.batched for value in values)
        first = next((value for value in values if value.shape == shape and not value.is_repeated), None)
        alike = all(value.shape == shape for value in values)
        in_order = first is None or (first.contiguous and alike)
        strides = None if first is None or in_order else in_order_of(shape, first.strides)
        if first is None and len(values) > 1:
            strides = in_order_of_all(shape, [(value.shape, value.strides) for value in values])
        return self.new(shape, batched, type or widest(values), strides)

    def as_type(self, value: Value, type: str) -> Value:
        """The same numbers, in a copy where they take another room; of a parameter one copy while autocast is on."""
        if value.type not in NUMBERS or self.element(value.type) == self.element(type):
            return value
        found = self.casts.get(value.key)
        if found is None or value.key is None:
            found = self._run(OPERATORS["cast"], value, type=type)
            if value.key is not None and self.rules:
                self.casts[value.key] = found
        return found

    def leave_autocast(self) -> None:
        """Operators run in the types of what they read from now on, and copies of parameters are let go."""
        self.rules = OFF
        self.casts.clear()

    def map_like(self, value: Value, shape: Sizes) -> Value:
        """A map that an operator makes of another: its channels come last in memory where those do."""
        return self.map(shape, value.batched, value.channels_last, value.type)

    def map(self, shape: Sizes, batched: bool, last: bool, type: str = "") -> Value:
        """A map, whose channels come last in memory if so; what is none of an image or a video lies in order."""
        return self.new(shape, batched, type, channels_last(shape) if last and len(shape) in (4, 5) else None)

    def view(self, value: Value, shape: Sizes, strides: Sizes) -> Value:
        """The same memory, read otherwise."""
        return Value(value.storage, shape, strides, value.batched, value.type)

    def reshaped(self, value: Value, shape: Sizes) -> Value:
        """Another shape of the same elements: a view where they lie so, else a copy. It is not on the tape."""
        strides = viewed(value.shape, value.strides, shape)
        return self.new(shape, value.batched, value.type) if strides is None else self.view(value, shape, strides)

    def in_order(self, value: Value) -> Value:
        """The tensor itself where its elements lie in their order, else a copy. It is not on the tape."""
        return value.bare() if value.contiguous else self.new(value.shape, value.batched, value.type)

    def part(self, name: str) -> Paper:
        """Itself: which part of the layer the next operator is decides how the source calls it, not what it leaves."""
        return self

    def own(self, shape: Sizes, role: str = "", by: tuple[Any, ...] = ()) -> Value:
        """A buffer, or a parameter that is not trained: held all the time, without a gradient.

        `by` names what makes it in torch, and the numbers that it is made of.
        """
        return Value(None, shape, contiguous(shape), False)

    def enter(self, where: int, owner: int, frozen: bool = False, tied: int | None = None) -> None:
        """A layer begins; layers of one owner have the same parameters, which are not trained if it is frozen.

        The first of them may be another owner's, `tied`.
        """
        self.where, self._owner, self._given, self.frozen, self._tied = where, owner, 0, frozen, tied

    def parameter(self, *shape: int, role: str = "weight", name: str = "") -> Value:
        """The next parameter of the layer, trained unless that is frozen; autocast keeps no copy of one that is."""
        found = self.own(shape)
        if self.frozen:
            return found
        found.key = (self._owner if self._given or self._tied is None else self._tied, self._given)
        if self.records:
            found.source = self.parameters.setdefault(found.key, Leaf(parameter=True))
        self._given += 1
        return found

    # Backward

    def backward(self, seeds: list[tuple[Value, Value]]) -> None:
        """Run the tape backward, from the gradients of some tensors. Each of them is let go when it has been read."""
        while seeds:
            of, gradient = seeds.pop()
            if of.source is not None:
                self.arrive(of.source, of.place, gradient)
            del of, gradient
        self.records = False
        while self.tape:
            self._back(self.tape.pop())

    def _back(self, node: Node) -> None:
        if all(gradient is None for gradient in node.gradients):
            return
        self.where, self.type = node.where, node.operator.type
        gradients, node.gradients = node.gradients, []
        made = list(node.operator.backward(self, *gradients))
        for number, edge in enumerate(node.edges):
            self._fit(made, number, edge)
        self.mark()
        node.operator.saved = ()
        gradients.clear()
        added = []
        for number, edge in enumerate(node.edges):
            gradient, made[number] = made[number], None
            if edge is None or edge.source is None or gradient is None:
                continue
            if self.arrive(edge.source, edge.place, gradient):
                added.append(gradient)

    def _fit(self, made: list[Value | None], number: int, edge: Edge | None) -> None:
        """A gradient summed to the shape of what it belongs to, and cast to its type, if anybody wants it."""
        gradient = made[number]
        if edge is None or edge.source is None or gradient is None:
            made[number] = None
            return
        if gradient.shape != edge.shape:
            made[number] = gradient = self.new(edge.shape, edge.batched, gradient.type)
        if self.element(gradient.type) != self.element(edge.type):
            made[number] = self.like(gradient, type=edge.type)

    def arrive(self, source: Node | Leaf, place: int, gradient: Value) -> bool:
        """A gradient reaches a tensor, where it is added to what has come from other readers: in place, or anew.

        False where it is the first. One that was added lives until all gradients of an operator have arrived.
        """
        old = source.gradient if isinstance(source, Leaf) else source.gradients[place]
        total = gradient.bare()
        if old is not None:
            total = old if self._adds_in_place(old) else self.like(old, gradient)
        if isinstance(source, Leaf):
            # A parameter's gradient lies as the parameter does.
            source.gradient = self.in_order(total) if source.parameter else total
        else:
            source.gradients[place] = total
        return old is not None

    def _adds_in_place(self, old: Value) -> bool:
        """Whether nobody else holds the memory of a gradient, and it fills it."""
        alone = old.storage is not None and old.storage.holders == 1
        return alone and not self.watched and is_dense(old.shape, old.strides)


def widest(values: Iterable[Value | None]) -> str:
    """The type of what is made of some tensors."""
    types = [value.type for value in values if value is not None and value.type in NUMBERS]
    return max(types, key=NUMBERS.index, default=ACTIVATION)
