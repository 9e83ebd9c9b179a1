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


MODELS_KEEP = (
    "a model takes what arrives, and keeps the names of its tensors to itself, unless it names inputs and outputs"
)
THEIR_GROUPS = "take: backbone/stage2 goes on from a group of it, where name: backbone is its name"


class Value:
    """A field's value: an expression, or a list of values."""

    __slots__ = ("expression", "items", "node")

    def __init__(self, node: Any, expression: Expression | None, items: list[Value] | None = None) -> None:
        self.node = node
        self.expression = expression
        self.items = items


class Step:
    """One item of a list of layers."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node


class LayerStep(Step):
    """A layer of a kind: `conv: {out: 64, kernel: 3}`."""

    __slots__ = ("fields", "kind", "name")

    def __init__(self, node: Any, kind: type[Layer], fields: dict[str, Value], name: str) -> None:
        super().__init__(node)
        self.kind = kind
        self.fields = fields
        self.name = name


Sizes = dict[str, Value]
"""An input's sizes by what they are called."""


class Call(Step):
    """A block called by name, `bottleneck: {c: 64}`, or by the value of a hyperparameter, `use: block`.

    That value may be the name of a catalogue's model, too, whose use may end with a named group, `upto`. `takes` are
    tensors handed to the block, by the names that it has for them, `saves` those it is asked for, by the caller's.
    """

    __slots__ = ("arguments", "block", "library", "name", "saves", "takes", "upto")

    def __init__(
        self, node: Any, block: Value, arguments: dict[str, Value], name: str, upto: str = "", library: str = ""
    ) -> None:
        super().__init__(node)
        self.block = block
        self.arguments = arguments
        self.name = name
        self.upto = upto
        self.library = library
        self.takes: dict[str, str] = {}
        self.saves: dict[str, str] = {}


class UseModel(Step):
    """Another spec's model run on the arriving tensor, as a whole or up to a named group, as a library writes it.

    `takes` are tensors for its inputs, by the names that it has for them, `saves` its outputs, by the caller's names.
    """

    __slots__ = ("library", "model", "name", "saves", "takes", "target", "upto", "values")

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
        self.takes: dict[str, str] = {}
        self.saves: dict[str, str] = {}


class Group(Step):
    """A named part of the network: `{name: stem, do: [...]}`."""

    __slots__ = ("body", "name")

    def __init__(self, node: Any, name: str, body: list[Step]) -> None:
        super().__init__(node)
        self.name = name
        self.body = body


class Loop(Step):
    """`repeat: n` (no variables) or `each: {c: [...], n: depths}`; `index` counts from 0, `name` from 1.

    With `when` only the turns for which it holds are taken, and only these are numbered.
    """

    __slots__ = ("__dict__", "body", "count", "index", "name", "variables", "when")

    def __init__(
        self,
        node: Any,
        count: Value | None,
        variables: dict[str, Value],
        index: str,
        name: str,
        body: list[Step],
        when: Value | None = None,
    ) -> None:
        super().__init__(node)
        self.when = when
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
    """`if: condition`, `then: [...]`, `else: [...]`; without `else`, `otherwise` is None."""

    __slots__ = ("condition", "otherwise", "then")

    def __init__(self, node: Any, condition: Value, then: list[Step], otherwise: list[Step] | None) -> None:
        super().__init__(node)
        self.condition = condition
        self.then = then
        self.otherwise = otherwise


class Branches(Step):
    """Lists that start from the same tensor, joined: `branches: [...]`, `join: concat`. A branch may have a name.

    The join is a layer of several inputs; its fields see the shape that arrives at the branches.
    """

    __slots__ = ("branches", "join", "name", "residual")

    def __init__(self, node: Any, branches: list[tuple[str, list[Step]]], join: LayerStep, name: str) -> None:
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
    """The current tensor gets a name."""

    __slots__ = ("name",)

    def __init__(self, node: Any, name: str) -> None:
        super().__init__(node)
        self.name = name


class Take(Step):
    """Go on from a tensor saved before, or from the output of a named group."""

    __slots__ = ("name",)

    def __init__(self, node: Any, name: str) -> None:
        super().__init__(node)
        self.name = name


def names_in(part: Any) -> frozenset[str]:
    """The names that the expressions in steps refer to."""
    if isinstance(part, Value) and part.expression is not None:
        return part.expression.names
    if isinstance(part, Value):
        part = part.items
    elif isinstance(part, Step):
        part = [getattr(part, slot) for slot in part.__slots__ if slot != "__dict__"]
    elif isinstance(part, dict):
        part = list(part.values())
    return frozenset().union(*map(names_in, part)) if isinstance(part, (list, tuple)) else frozenset()


class Block:
    """A named list with arguments; a default of None marks a required one.

    All calls of a `shared` block have the same parameters.
    """

    __slots__ = ("arguments", "body", "name", "node", "shared")

    def __init__(
        self, node: Any, name: str, arguments: dict[str, Value | None], body: list[Step], shared: bool = False
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

    @property
    def input(self) -> Sizes:
        """The sizes of its first input, the only one of most."""
        return next(iter(self.inputs.values()), {})


class ModelEntry(Taking):
    """A named variant: hyperparameters that override `let`, and what the catalogue says of it."""

    __slots__ = (
        "aliases",
        "inputs",
        "name",
        "node",
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
        self.same_as = same_as
        self.aliases = aliases
        self.schedule: Schedule | None = None
        """How it is trained, where it says so itself."""
        self.written: dict[str, dict[str, str]] = {}
        """How each library's source calls the layers of this model, where the file's `written` does not hold."""
        self.written_node: Any = None

    def first_as(self, library: str) -> ModelEntry:
        """The model as one of the libraries has it, where one is named and it is not the first anyway."""
        if not library or library == next(iter(self.same_as), ""):
            return self
        other = copy(self)
        other.same_as = {library: self.same_as[library], **self.same_as}
        return other


class Option(Taking):
    """One side of a comparison of blocks, with its own inputs where they differ."""

    __slots__ = ("body", "inputs", "name", "node")

    def __init__(self, node: Any, name: str, body: list[Step], inputs: dict[str, Sizes]) -> None:
        self.node = node
        self.name = name
        self.body = body
        self.inputs = inputs


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
        self.inputs = {}
        self.input_nodes: dict[str, Any] = {}
        """Where the sizes of each input are written."""
        self.outputs: list[Take] = []
        """The tensors that it gives, where they are named."""
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
