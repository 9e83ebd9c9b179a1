"""The words of the spec language as a tree: what a file says, before anything has a value.

`vcalc.spec.parse` and `vcalc.spec.steps` build it from YAML nodes, `vcalc.spec.expand` walks it. Every part keeps its
YAML node for its place.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vcalc.language.expression import Expression
from vcalc.layers import Layer

if TYPE_CHECKING:
    from vcalc.spec.schedule import Schedule
    from vcalc.spec.widths import Said


MODELS_KEEP = (
    "a model takes what arrives, and keeps the names of its tensors to itself, unless it names inputs and outputs"
)
GROUPS_OF_MODELS = "frozen is true, false or a condition; only a model in use has groups that can be named there"
THEIR_GROUPS = "take: backbone/stage2 goes on from a group of it, where name: backbone is its name"


class Value:
    """A field's value: an expression, or a list of values."""

    __slots__ = ("expression", "items", "node")

    def __init__(self, node: Any, expression: Expression | None, items: list[Value] | None = None) -> None:
        self.node = node
        self.expression = expression
        self.items = items


class Tensor:
    """A tensor by its name, `p5` or `backbone/stage2`; with `places`, one or some of a list: `x[i - 1]`, `x[1:]`.

    Where it is one to save, the places are one number; else they are what takes it from the list.
    """

    __slots__ = ("name", "node", "places")

    def __init__(self, node: Any, name: str, places: Value | None = None) -> None:
        self.node = node
        self.name = name
        self.places = places

    def __str__(self) -> str:
        return self.name if self.places is None else str(self.node.value)


ALL = ""
"""The path of everything; no list has it."""


class Frozen:
    """That parameters are not trained: those of all layers where a condition holds, or of the named groups."""

    __slots__ = ("condition", "parts")

    def __init__(self, condition: Value | None, parts: dict[str, Any]) -> None:
        self.condition = condition
        self.parts = parts
        """The YAML node of each path."""


class Step:
    """One item of a list of layers."""

    __slots__ = ("frozen", "node")

    def __init__(self, node: Any) -> None:
        self.node = node
        self.frozen: Frozen | None = None


class LayerStep(Step):
    """A layer of a kind: `conv: {out: 64, kernel: 3}`; `tied` names another one whose first parameter it has."""

    __slots__ = ("fields", "is_fixed", "kind", "name", "tied")

    def __init__(self, node: Any, kind: type[Layer], fields: dict[str, Value], name: str) -> None:
        super().__init__(node)
        self.kind = kind
        self.fields = fields
        self.name = name
        self.is_fixed = not any(map(names_in, fields.values()))
        """Whether no field depends on anything."""
        self.tied: Tensor | None = None


Sizes = dict[str, Value]
"""An input's sizes by what they are called."""


class Handing(Step):
    """What is handed tensors, `takes`, by the names that it has for them, and asked for some, `saves`.

    Each of those has the caller's name first.
    """

    __slots__ = ("saves", "takes")

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.takes: dict[str, list[Tensor]] = {}
        self.saves: list[tuple[Tensor, list[Tensor]]] = []


class Call(Handing):
    """A block called by name, `bottleneck: {c: 64}`, or by the value of a hyperparameter, `use: block`.

    That value may be a layer kind, or the name of a model, too, whose use may end with a named group, `upto`.
    """

    __slots__ = ("arguments", "block", "library", "name", "upto")

    def __init__(
        self, node: Any, block: Value, arguments: dict[str, Value], name: str, upto: str = "", library: str = ""
    ) -> None:
        super().__init__(node)
        self.block = block
        self.arguments = arguments
        self.name = name
        self.upto = upto
        self.library = library


class UseModel(Handing):
    """Another spec's model run on the arriving tensor, as a whole or up to a named group, as a library writes it.

    `takes` are tensors for its inputs, `saves` ask for its outputs.
    """

    __slots__ = ("library", "model", "name", "target", "upto", "values")

    def __init__(
        self, node: Any, target: Any, model: str, values: dict[str, Value], upto: str, name: str, library: str = ""
    ) -> None:
        super().__init__(node)
        self.target = target
        self.model = model
        self.values = values
        self.upto = upto
        self.name = name
        self.library = library


class Group(Step):
    """A named part of the network: `{name: stem, do: [...]}`; `shared` as that of a block."""

    __slots__ = ("body", "name", "shared")

    def __init__(self, node: Any, name: str, body: list[Step], shared: Value | None = None) -> None:
        super().__init__(node)
        self.name = name
        self.body = body
        self.shared = shared


class Experts(Step):
    """`experts: 8`, `active: 2`, `do: [...]`: as many copies of a list, of which each token goes through some.

    The scores by which it chooses come of `router`, or of a matrix and a softmax where that is None.
    """

    __slots__ = ("active", "body", "count", "name", "normalized", "router")

    def __init__(
        self,
        node: Any,
        count: Value,
        active: Value,
        body: list[Step],
        router: list[Step] | None = None,
        normalized: Value | None = None,
        name: str = "",
    ) -> None:
        super().__init__(node)
        self.count = count
        self.active = active
        self.body = body
        self.router = router
        self.normalized = normalized
        self.name = name


class Loop(Step):
    """`repeat: n` (no variables) or `each: {c: [...], n: depths}`; `index` counts from 0, `name` from 1.

    Several variables of one list are the items of its rows. With `when` only the turns for which it holds are taken,
    and only these are numbered; the first of them does `first`, where that is not None. The turns whose `shared` has
    one value have the same parameters.
    """

    __slots__ = ("__dict__", "body", "count", "first", "index", "name", "shared", "variables", "when")

    def __init__(
        self,
        node: Any,
        count: Value | None,
        variables: dict[tuple[str, ...], Value],
        index: str,
        name: str,
        body: list[Step],
        when: Value | None = None,
        first: list[Step] | None = None,
        shared: Value | None = None,
    ) -> None:
        super().__init__(node)
        self.when = when
        self.shared = shared
        self.first = first
        self.count = count
        self.variables = variables
        self.index = index
        self.name = name
        self.body = body

    @cached_property
    def reads_index(self) -> bool:
        """Whether a step of the body refers to the index."""
        return bool(self.index) and self.index in names_in(self.body)


class If(Step):
    """`if: condition`, `then: [...]`, then `elif` and `then` as often as wanted, `else: [...]`.

    `cases` are conditions with their lists; without `else`, `otherwise` is None.
    """

    __slots__ = ("cases", "otherwise")

    def __init__(self, node: Any, cases: list[tuple[Value, list[Step]]], otherwise: list[Step] | None) -> None:
        super().__init__(node)
        self.cases = cases
        self.otherwise = otherwise


class Branch(Step):
    """One list of those that are joined, perhaps with a name."""

    __slots__ = ("body", "name")

    def __init__(self, node: Any, name: str, body: list[Step]) -> None:
        super().__init__(node)
        self.name = name
        self.body = body


class Branches(Step):
    """Lists that start from the same tensor, joined: `branches: [...]`, `join: concat`.

    Among them a loop stands for as many branches as it takes turns, and a `take` for as many as its list has tensors.
    The join is a layer of several inputs; its fields see the shape that arrives at the branches.
    """

    __slots__ = ("branches", "join", "name", "residual")

    def __init__(self, node: Any, branches: list[Branch | Loop | Take], join: LayerStep, name: str) -> None:
        super().__init__(node)
        self.branches = branches
        self.join = join
        self.name = name
        self.residual = False
        """Whether it is written `residual`: the layers, and their shortcut."""


class Let(Step):
    """Names bound for the rest of the list."""

    __slots__ = ("values",)

    def __init__(self, node: Any, values: dict[str, Value]) -> None:
        super().__init__(node)
        self.values = values


class Save(Step):
    """The current tensor gets a name, or a place in the list of that name."""

    __slots__ = ("tensor",)

    def __init__(self, node: Any, tensor: Tensor) -> None:
        super().__init__(node)
        self.tensor = tensor


class Take(Step):
    """Go on from a tensor saved before, or from the output of a named group; of several that are joined, from all."""

    __slots__ = ("tensors",)

    def __init__(self, node: Any, tensors: list[Tensor]) -> None:
        super().__init__(node)
        self.tensors = tensors


def names_in(part: Any) -> frozenset[str]:
    """The names that the expressions in steps refer to."""
    if isinstance(part, Value) and part.expression is not None:
        return part.expression.names
    if isinstance(part, Value):
        part = part.items
    elif isinstance(part, Tensor):
        part = [part.places]
    elif isinstance(part, Step):
        said: list[Any] = [part.frozen.condition] if part.frozen else []
        said += [part.takes, part.saves] if isinstance(part, Handing) else []
        part = [*said, *(getattr(part, slot) for slot in part.__slots__ if slot != "__dict__")]
    elif isinstance(part, dict):
        part = list(part.values())
    return frozenset().union(*map(names_in, part)) if isinstance(part, (list, tuple)) else frozenset()


class Block:
    """A named list with arguments; a default of None marks a required one.

    All calls for which `shared` has the same value have the same parameters, unless that is false.
    """

    __slots__ = ("arguments", "body", "name", "node", "shared")

    def __init__(
        self, node: Any, name: str, arguments: dict[str, Value | None], body: list[Step], shared: Value | None = None
    ) -> None:
        self.node = node
        self.name = name
        self.arguments = arguments
        self.body = body
        self.shared = shared

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


class Taking:
    """What takes inputs: their sizes by name; the only one may have none."""

    __slots__ = ()
    inputs: dict[str, Sizes]
    input_nodes: dict[str, Any]
    """Where each of them is written: its name, and its sizes."""

    @property
    def names_all(self) -> bool:
        """Whether these are all its inputs, and not the sizes of some of the file's."""
        return False

    @property
    def input(self) -> Sizes:
        """The sizes of its first input, the only one of most."""
        return next(iter(self.inputs.values()), {})


class ModelEntry(Taking):
    """A named variant: hyperparameters that override `let`, and what the catalogue says of it."""

    __slots__ = (
        "aliases",
        "body",
        "input_nodes",
        "inputs",
        "name",
        "node",
        "outputs",
        "same_as",
        "schedule",
        "title",
        "values",
        "written",
        "written_node",
    )

    def __init__(
        self,
        node: Any,
        name: str,
        title: str,
        values: dict[str, Value],
        inputs: dict[str, Sizes],
        same_as: dict[str, str],
        aliases: list[str],
    ) -> None:
        self.node = node
        self.name = name
        self.title = title
        self.values = values
        self.inputs = inputs
        self.input_nodes = {}
        self.same_as = same_as
        self.aliases = aliases
        self.body: list[Step] | None = None
        """Its own layers, where it does not have the file's."""
        self.outputs: list[Take] = []
        """The tensors that it gives, where it names them itself."""
        self.schedule: Schedule | None = None
        """How it is trained, where it says so itself."""
        self.written: dict[str, dict[str, str]] = {}
        """How each library's source calls the layers of this model, where the file's `written` does not hold."""
        self.written_node: Any = None

    @property
    def names_all(self) -> bool:
        return self.body is not None

    def first_as(self, library: str) -> ModelEntry:
        """The model as one of the libraries has it, where one is named and it is not the first anyway."""
        if not library or library == next(iter(self.same_as), ""):
            return self
        other = copy(self)
        other.same_as = {library: self.same_as[library], **self.same_as}
        return other


class Option(Taking):
    """One side of a comparison of blocks, with its own inputs where they differ."""

    __slots__ = ("body", "input_nodes", "inputs", "name", "node")

    def __init__(self, node: Any, name: str, body: list[Step], inputs: dict[str, Sizes]) -> None:
        self.node = node
        self.name = name
        self.body = body
        self.inputs = inputs
        self.input_nodes = {}


class Spec(Taking):
    """A whole file."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.shape_names: frozenset[str] = frozenset()
        """What the sizes of a shape that arrives at a layer are called."""
        self.file: str = source.file
        self.beside: str = source.file
        """The file whose neighbours are its claims and tables: its own, also where the text is of another revision."""
        self.title = ""
        self.cite = ""
        self.family = ""
        self.convention = ""
        """The convention that its source counts in, where that is not the default."""
        self.written: dict[str, dict[str, str]] = {}
        """How each library's source calls the layers, by kind or path, where not in the usual way."""
        self.written_node: Any = None
        self.libraries: dict[str, dict[str, Value]] = {}
        """The hyperparameters that a library's networks have otherwise than `let` says."""
        self.frozen: Frozen | None = None
        """What is not trained, where the file says so for the network."""
        self.bits: list[Said] = []
        self.density: list[Said] = []
        """What is said of the widths of numbers, and of weights that are zero, in the order of the file."""
        self.inputs = {}
        self.input_nodes = {}
        self.outputs: list[Take] = []
        """The tensors that its models give, where they are named."""
        self.let: dict[str, Value] = {}
        self.symbols: list[str] = []
        self.crossover = ""
        """The symbol of a comparison to solve for."""
        self.schedule: Schedule | None = None
        """How the models are trained that do not say so themselves."""
        self.blocks: dict[str, Block] = {}
        self.models: dict[str, ModelEntry] = {}
        self.layers: list[Step] = []
        self.options: dict[str, Option] = {}
        self.claims: Any = None
        """The YAML node of the claims; read only when they are asked for."""
        self.expect: Any = None
        self.budget: Any = None
        """The YAML nodes of the exact figures and of the budgets; read only by `vcalc check`."""
        self.root: Any = None
        self.names: dict[str, Any] = {}
        """Where each hyperparameter is first written."""
        self.bound: list[tuple[str, Any, str, bool]] = []
        """Every name that the file binds, in order: where, what it names (an argument, a loop variable, ...), and
        whether the name had a meaning there already."""
        self.worded: list[tuple[str, Any]] = []
        """The words of fields that are names, too, where they stand."""
        self.used: set[str] = set()
        """Every name that an expression refers to."""

    def layers_of(self, model: ModelEntry) -> list[Step]:
        """The layers of one of the file's models."""
        return self.layers if model.body is None else model.body

    def outputs_of(self, model: ModelEntry) -> list[Take]:
        """The tensors that one of the file's models gives, where they are named."""
        return model.outputs or self.outputs

    @property
    def has_models(self) -> bool:
        """Whether the file has a network, and not only the sides of a comparison."""
        return bool(self.layers) or any(model.body is not None for model in self.models.values())
