"""What a layer kind is: a class whose fields are its spec keys and whose methods are its formulas.

From the class alone follow validation, defaults, documentation, the symbolic form and the working that
`--explain` shows. A kind overrides only what differs: the shape defaults to unchanged, parameters and work to none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from vcalc.arithmetic import Number, Shape, assumed, certainly_less, common_divisor, product
from vcalc.errors import LayerError
from vcalc.layers.axes import (
    HEADS,
    INPUTS,
    MAP,
    TOKENS,
    VECTOR,
    Grid,
    NamedShape,
    axes,
    called,
    described,
    front_of,
    inner,
    names_of,
    rank,
    spatial_axes,
    usual,
)
from vcalc.layers.fields import Alike, Field, choice, on_axes
from vcalc.layers.windows import Front, Window, lies
from vcalc.operators.types import ACTIVATION

if TYPE_CHECKING:
    from vcalc.operators.paper import Value

BRANCHES = "branches"
"""The field of a join's error about how many branches there are."""

_WAYS = {
    (MAP, TOKENS): ("'tokens'",),
    (MAP, VECTOR): ("'flatten'", "'global_avgpool'"),
    (MAP, HEADS): ("'tokens' and then 'split_heads'",),
    (TOKENS, VECTOR): ("'take_token'",),
    (TOKENS, MAP): ("'to_map'",),
    (TOKENS, HEADS): ("'split_heads'",),
    (HEADS, TOKENS): ("'merge_heads'",),
    (HEADS, VECTOR): ("'merge_heads' and then 'take_token'",),
    (HEADS, MAP): ("'merge_heads' and then 'to_map'",),
}
"""What turns a rank into another."""
_INSTEAD = {
    **dict.fromkeys([(kind, rank) for kind in ("conv", "pointwise_linear") for rank in (TOKENS, VECTOR)], "'linear'"),
    ("linear", MAP): "'pointwise_linear', which works at each place",
}
"""The kind that does the same to what a kind does not take, and what to know of it."""

_RATHER = {("tokens", HEADS): "'merge_heads'"}
"""The kind that makes of something at once what another would make of it by a detour."""


KINDS: dict[str, type[Layer]] = {}
"""Every layer kind by its spec word; classes enter themselves."""


class Layer:
    """One layer with its fields resolved. Instances are shared between nodes and never changed."""

    kind: ClassVar[str] = ""
    family: ClassVar[str] = ""
    source: ClassVar[str] = ""
    """Paper and section that the formulas come from."""
    accepts: ClassVar[tuple[str, ...]] = (MAP, TOKENS, VECTOR, HEADS)
    spatial: ClassVar[tuple[int, ...]] = (1, 2, 3)
    """How many spatial axes the maps may have that it takes."""
    sample: ClassVar[dict[str, Any]] = {}
    """Fields for documentation, where a symbol or 1 does not do; None for the symbol of one that may be left out."""
    joins: ClassVar[bool] = False
    """True for a kind that takes several inputs; it is written as the `join` of branches."""
    also_joins: ClassVar[bool] = False
    """True for a layer that may be the `join` of branches, too, the first of which has what it works on."""
    ties: ClassVar[bool] = False
    """True for a kind whose matrix or table may be another layer's: see `Graph.add`."""
    begins: ClassVar[bool] = False
    """True for a kind without an input: what arrives where it stands is left, as by `take`."""
    joins_one: ClassVar[bool] = False
    """For a join: whether of one tensor it makes that tensor, so that there is nothing to do."""
    example: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Shapes of inputs in symbols, for documentation, where a kind's inputs differ."""
    weighted_layers: ClassVar[int] = 0
    """What the layer adds to the depth: convolutions and matrices on the longest way through it."""
    moves: ClassVar[bool] = False
    """True for a kind that only moves elements, or puts some beside them: it counts where a convention says so."""
    reuses_input: bool = False
    """True for a kind whose output has the memory of its input, where a convention takes that for no output."""
    shorthand: ClassVar[str] = ""
    """The field that a text in the place of fields is."""
    nonlinear: ClassVar[bool] = False
    """True for an activation function."""
    reads: ClassVar[str] = ACTIVATION
    """What the elements that arrive are: activations, or whole numbers."""
    in_place: ClassVar[str] = ""
    """For a kind that torch can run in place: what backward reads then, the "output", or a copy of the "input"."""
    forms: ClassVar[tuple[str, ...]] = ()
    """The ways in which source code calls it (FORMS has them all), where tools tell them apart; the usual one first."""
    composed: bool = False
    """True for a kind of several operators: parameters, buffers and work follow from what its `run` calls.

    A property where the kind is one operator, too, of which conventions have to say something.
    """
    in_parts: bool = False
    """For one that is `composed`: whether a rule for its kind is for it as one operator, not as what it calls here."""
    fields: ClassVar[dict[str, Field]] = {}
    per_axis: ClassVar[tuple[str, ...]] = ()
    """The fields that have a number for each spatial axis."""
    in_front: int = 0
    """How many of the axes in front of what arrives it takes itself; all others are a batch to it."""
    takes: NamedShape = NamedShape(())
    """What arrives, where it takes axes in front itself, which are one axis with the batch when it runs."""
    arrives: tuple[str, ...] = ()
    """What the inputs are, where their sizes do not tell: see `fitted`."""
    by_place: ClassVar[bool] = False
    """Whether what it does to a token depends on where that stands among the others."""
    placed: ClassVar[bool] = False
    """Whether what it does depends on the map that tokens come from, or on how many axes a map has: see `place`."""
    written: str | None = None

    def __init_subclass__(cls, kind: str = "", hidden: bool = False, **_: Any) -> None:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        for name, value in own.items():
            value.name = name
        if "forms" in vars(cls):
            own["written"] = Field(choice(cls.forms), f"how the source calls it; {cls.forms[0]} if not said", None)
            own["written"].name = "written"
        cls.fields = {**cls.fields, **own}
        cls.per_axis = tuple(name for name, value in cls.fields.items() if value.type.per_axis)
        if kind:
            if kind in KINDS:
                raise TypeError(f"two layer kinds are called {kind!r}")
            cls.kind = kind
            cls.family = cls.__module__.rpartition(".")[2]
            if not hidden:
                KINDS[kind] = cls

    def __init__(self, **values: Any) -> None:
        for name, spec in self.fields.items():
            if name in values:
                value = values.pop(name)
                try:
                    value = spec.type.accept(value)
                except (ValueError, TypeError):
                    hint = "// divides without a rest" if isinstance(value, float) and "whole" in spec.type.says else ""
                    if spec.type.axes and type(value) is int:
                        hint = "axes go by name: C, H and W of a map, N and D of tokens"
                    message = f"{self.kind}: {name} is {show(value)}, not {spec.type.says}"
                    raise LayerError(message, name, hint) from None
            elif spec.required:
                raise LayerError(f"{self.kind} needs '{name}': {spec.doc}", hint=f"write {self.kind}: {{{name}: …}}")
            else:
                value = spec.usual(self)
            setattr(self, name, value)
        if values:
            raise LayerError(f"{self.kind} has no key '{next(iter(values))}'", next(iter(values)))

    @property
    def form(self) -> str:
        """How the source calls the layer; empty where no tool tells ways apart."""
        return (self.written or self.forms[0]) if self.forms else ""

    def form_on(self, inputs: tuple[Shape, ...]) -> str:
        """The form on such inputs, where it depends on them."""
        return self.form

    @property
    def label(self) -> str:
        """The kind, with the form where that is not the usual one: `relu/functional`."""
        return self.kind if not self.forms or self.form == self.forms[0] else f"{self.kind}/{self.form}"

    def values(self) -> dict[str, Any]:
        """The resolved fields, by name."""
        return {name: getattr(self, name) for name in self.fields}

    def with_values(self, change: Callable[[Any], Any]) -> Layer:
        """The same layer with every field passed through `change`."""
        other = object.__new__(type(self))
        for name, value in self.values().items():
            setattr(other, name, change(value))
        return other

    def fitted(self, inputs: tuple[NamedShape, ...]) -> Layer:
        """The same layer for such inputs: with a number for each of their spatial axes, and told what they are.

        Raises LayerError for a field that has a number for each of other axes.
        """
        if self.in_front:
            shape = inputs[0]
            return self._once((shape, shape.told), lambda other: setattr(other, "takes", shape))
        told = True in [shape.unusual for shape in inputs]
        axes = spatial_axes(inputs[0]) if self.per_axis else 2
        if not (told or self.placed) and (not self.per_axis or (axes == 2 and self._is_on_two_axes)):
            return self
        arrives = tuple([shape.of for shape in inputs]) if told else ()

        def fit(other: Layer) -> None:
            other.arrives = arrives
            for name in self.per_axis:
                if not self._is_word(name):
                    setattr(other, name, on_axes(self.kind, name, getattr(self, name), axes))
            other.place(inputs)

        return self._once(
            (axes, arrives, (inputs, tuple([shape.grid for shape in inputs])) if self.placed else ()), fit
        )

    def _once(self, key: Any, change: Callable[[Layer], None]) -> Layer:
        """A copy that `change` fits to what the key tells, made when it is first asked for."""
        known: dict[Any, Layer] = self.__dict__.setdefault("_copies", {})
        if key not in known:
            other = self.with_values(lambda value: value)
            change(other)
            known[key] = other
        return known[key]

    @cached_property
    def _is_on_two_axes(self) -> bool:
        values = [getattr(self, name) for name in self.per_axis]
        return {2}.issuperset([len(value) for value in values if type(value) in (tuple, Alike)])

    def place(self, inputs: tuple[NamedShape, ...]) -> None:
        """Fill in what follows from the maps that tokens come from, on a layer that is for such inputs alone."""

    def _is_word(self, name: str) -> bool:
        """Whether a field has a word in place of numbers, or nothing."""
        return not isinstance(getattr(self, name), tuple)

    def named(self, *inputs: Value) -> tuple[NamedShape, ...]:
        """The shapes of tensors that arrive when the layer runs, without their batch."""
        known = self.arrives or ("",) * len(inputs)
        return tuple(NamedShape(x.shape[1:], of) for x, of in zip(inputs, known, strict=True))

    def is_of(self, x: Value, of: str) -> bool:
        """Whether the first tensor that arrives when the layer runs is a map, tokens, a vector or heads."""
        return (self.arrives[0] if self.arrives else usual(len(x.shape) - 1)) == of

    def in_form(self, form: str) -> Layer:
        """The same layer, called by the source in another way."""
        other = self.with_values(lambda value: value)
        other.written = form
        return other

    # The formulas. A kind overrides what differs.

    def output(self, *inputs: Shape) -> Shape:
        """The output's shape."""
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        """Trained (or frozen) parameters by role; of a layer that is not `composed`, as buffers and work."""
        return {}

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        """State that is no parameter: running statistics, fixed codes."""
        return {}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        """What one forward pass does, by primitive (see `vcalc.layers.vocabulary`)."""
        return {}

    def reach(self, input: Shape) -> Window | Front | None:
        """What an output element reads of the input; None: only the element in its own place."""
        return None

    def aligned(self, inputs: tuple[Shape, ...]) -> tuple[Window, ...] | None:
        """What each of several maps goes through before they lie place on place; None where they do as they arrive."""
        return None

    def rows_apart(self, input: Shape) -> bool:
        """Of a join: whether a token reads only its own of the first branch, however much it reads of the others."""
        return False

    def grid(self, inputs: tuple[NamedShape, ...], output: Shape) -> Grid | None:
        """How tokens or heads that leave lie on the map that they come from, as far as it is known."""
        return lies(self.reach(inputs[0]), inputs, output)

    def is_view(self, training: bool, input: Shape) -> bool:
        """Whether the output has the memory of the first input: reshapes, and what does nothing."""
        return False

    def run(self, *args: Any, **named: Any) -> Any:
        """What it runs, as torch runs it: from `ops` and the inputs, which have a batch in front, to the output.

        `ops` has the operators (see `vcalc.operators`). A variable is a tensor that lives until the end.
        """
        raise NotImplementedError

    def on(self, *inputs: Any) -> tuple[int, ...]:
        """The output's shape with a batch in front, for inputs that have one."""
        return (inputs[0].shape[0], *self.output(*self.named(*inputs)))

    # Checks

    def check(self, inputs: tuple[Shape, ...]) -> None:
        """Refuse inputs of the wrong rank, and heads together with a map."""
        ranks = [rank(shape) for shape in inputs]
        everywhere = self.spatial is Layer.spatial
        for each, shape in zip(ranks, inputs, strict=True):
            if each not in self.accepts:
                raise LayerError(self._takes_else(self.accepts, shape), hint=self._rank_hint(each))
            if each == MAP and not everywhere and len(inner(shape)) - 1 not in self.spatial:
                raise LayerError(self._takes_else((MAP,), shape))
        if HEADS in ranks and MAP in ranks:
            from vcalc.layers import mend

            heads, other = inputs[ranks.index(HEADS)], inputs[ranks.index(MAP)]
            message = f"{self.kind}: {describe(heads)} and {describe(other)} do not match"
            raise LayerError(message, hint=mend.joined(heads, other))

    def _takes_else(self, ranks: Iterable[str], arriving: Shape) -> str:
        """What it takes of such ranks, and what arrives instead."""
        maps = [described(each) for each, of in INPUTS.items() if of == MAP and len(each) - 1 in self.spatial]
        *others, last = [what for of in ranks for what in (maps if of == MAP else [described(axes(of))])]
        return (
            f"{self.kind} takes {', '.join(others)}{' or ' if others else ''}{last}, but {describe(arriving)} arrives"
        )

    def read(self, inputs: tuple[Shape, ...]) -> tuple[NamedShape, ...]:
        """Inputs of which perhaps only the sizes are known: three are heads to a kind that takes heads and no map."""
        if {NamedShape}.issuperset(map(type, inputs)):
            return cast("tuple[NamedShape, ...]", inputs)
        no_map = MAP not in self.accepts and HEADS in self.accepts
        return tuple(
            shape
            if isinstance(shape, NamedShape)
            else NamedShape(shape, HEADS if no_map and len(shape) == len(names_of(shape)) == 3 else "")
            for shape in inputs
        )

    def leaves(self, inputs: tuple[Shape, ...], output: Shape) -> str:
        """What an output of such sizes is: what the first input is that has as many, else what they usually are."""
        for shape in inputs:
            if len(shape) == len(output):
                return rank(shape)
        return usual(len(output))

    def _rank_hint(self, rank: str) -> str:
        if any(f"'{self.kind}'" in _WAYS.get((wanted, rank), ()) for wanted in self.accepts):
            return f"leave it out: what arrives is {called(rank)} already"
        if (self.kind, rank) in _RATHER:
            return f"use {_RATHER[self.kind, rank]}"
        instead = _INSTEAD.get((self.kind, rank), "")
        use = f"use {instead}" if instead else ""
        return ", or ".join(filter(None, (way_between(rank, self.accepts), use))) or no_way(rank, self.accepts)


def way_between(rank: str, wanted: Iterable[str]) -> str:
    """What makes one of the wanted ranks of what arrives."""
    ways = filter(None, (" or ".join(_WAYS.get((rank, each), ())) for each in wanted))
    return next((f"put {way} before it" for way in sorted(ways, key=lambda way: " and " in way)), "")


def no_way(rank: str, wanted: Iterable[str]) -> str:
    """That only a pattern makes one of the wanted ranks of a vector, or an embedding of one of word numbers."""
    wanted = tuple(wanted)
    if rank != VECTOR:
        return ""
    if MAP in wanted:
        return "only 'rearrange' makes a feature map of a vector, as in D -> D 1 1"
    made = called(wanted[0])
    pattern = ", and 'rearrange', as in D -> 1 D" if TOKENS in wanted else ""
    return f"no layer makes {made} of a vector, but 'embedding' of word numbers{pattern}"


_IN_FRONT = {"w": ("window", "windows"), "T": ("frame", "frames")}


def describe(shape: Shape) -> str:
    """A shape in words for a message: `a feature map [64, 56, 56]`, `tokens [64, 49, 96] in 64 windows`."""
    front = zip(shape, front_of(shape), strict=False)
    words = ((size, _IN_FRONT.get(axis.name, (axis.name,) * 2)) for size, axis in front)
    many = " and ".join(f"{show(size)} {word if size == 1 else several}" for size, (word, several) in words)
    return f"{called(rank(shape), len(inner(shape)))} {show(shape)}" + (f" in {many}" if many else "")


def show(value: Any) -> str:
    """A value for a message, short."""
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(show(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def elements(shape: Shape) -> Number:
    """How many elements a tensor of this shape holds."""
    return product(shape)


def features(shape: Shape) -> Number:
    """Channels of a map, how many heads, width of tokens or of a vector."""
    return shape[0] if channels_first(shape) else shape[-1]


def along_places(x: Value) -> tuple[int, ...]:
    """The spatial axes of a map with a batch in front."""
    return tuple(range(2, len(x.shape)))


def axes_over(kind: str, over: str | tuple[str, ...], input: Shape) -> tuple[int, ...]:
    """The axes that a layer's field `over` names, in the order of the shape: channels, the last one, or any.

    Raises LayerError where one of them does not arrive.
    """
    if isinstance(over, str):
        return (0 if over == "channels" and channels_first(input) else len(input) - 1,)
    there = names_of(input)
    lacking = next((name for name in over if name not in there), "")
    what = f"{called(rank(input), len(input))} [{', '.join(there)}]"
    hint = f"over: {' or '.join(there)}"
    needs(not lacking, f"{kind}: over names {lacking}, and what arrives is {what}", "over", hint)
    return tuple(axis for axis, name in enumerate(there) if name in over)


def put_last(length: int, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of a tensor with a batch in front, so many in all, with some of those behind the batch put last."""
    last = [axis + 1 for axis in axes]
    return (*(axis for axis in range(length) if axis not in last), *last)


def put_back(order: tuple[int, ...]) -> tuple[int, ...]:
    """The way back from such an order."""
    return tuple(map(order.index, range(len(order))))


def channels_first(shape: Shape) -> bool:
    """Whether features, or heads, are the first axis, as of maps, and not the last."""
    return rank(shape) in (MAP, HEADS)


def needs(condition: bool, message: str, field: str = "", hint: str = "") -> None:
    """Refuse a layer whose sizes are known not to fit."""
    if not condition:
        raise LayerError(message, field, hint)


def needs_division(what: str, whole: Number, parts: Number, field: str) -> None:
    """Refuse when `whole` is known not to divide into `parts`."""
    if not _divides(whole, parts):
        hint = f"it divides into {near}" if (near := _divisors(whole, parts)) else ""
        raise LayerError(f"{what}: {show(whole)} does not divide into {show(parts)}", field, hint)


def needs_groups(kind: str, channels: Number, out: Number, groups: Number) -> None:
    """Refuse groups that input or output channels are known not to divide into; the help has what divides both."""
    for what, whole in (("input", channels), ("output", out)):
        if not _divides(whole, groups):
            message = f"{kind}: {what} channels into groups: {show(whole)} does not divide into {show(groups)}"
            raise LayerError(message, "groups", _groups(channels, out, groups))


def _divides(whole: Number, parts: Number) -> bool:
    """Whether nothing is known against it."""
    return not certainly_less(0, parts) or assumed("%", whole, parts)


MOST_DIVIDED = 1_000_000
"""The largest number whose divisors are looked for."""


def _divisors(whole: Number, parts: Number) -> str:
    """What a number divides into, nearest to what it was to: `4 or 8`."""
    if not (type(whole) is int and type(parts) is int and 0 < whole <= MOST_DIVIDED):
        return ""
    below = next(d for d in range(min(parts, whole), 0, -1) if whole % d == 0)
    above = next((d for d in range(parts, whole) if whole % d == 0), whole)
    return " or ".join(map(str, dict.fromkeys((below, above))))


def _groups(channels: Number, out: Number, groups: Number) -> str:
    """What groups both channels divide into, and which output channels divide into as many as were asked for."""
    sizes = (channels, out, groups)
    if not all(type(size) is int and 0 < size <= MOST_DIVIDED for size in sizes):
        return ""
    both = f"both {channels} and {out}" if channels != out else channels
    hint = f"{_divisors(common_divisor(channels, out), groups)} divides {both}"
    if channels % groups:
        return hint
    fitting = dict.fromkeys(size for size in (out - out % groups, out - out % groups + groups) if size)
    return f"{hint}; with groups: {groups}, out is {' or '.join(map(str, fitting))}"


def kinds() -> Iterator[type[Layer]]:
    """Every layer kind, in alphabetical order."""
    return iter(KINDS[name] for name in sorted(KINDS))
