"""A model with every size bound: what all analyses start from."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Protocol

from vcalc.arithmetic import Condition, conditions
from vcalc.errors import Place, VcalcError, quoted
from vcalc.graph import INPUT, Graph, Node
from vcalc.source.read import read_file, stamp
from vcalc.spec.bindings import Bindings
from vcalc.spec.build import Budget, Building, Scope
from vcalc.spec.expand import Expander
from vcalc.spec.find import stem
from vcalc.spec.syntax import ModelEntry, Option, Spec


class Described(Protocol):
    """What tables and totals ask of a network, be it written in a spec or recorded."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def graph(self) -> Graph: ...
    @property
    def library(self) -> str: ...
    @property
    def hyperparameters(self) -> dict[str, Any]: ...
    @property
    def symbols(self) -> dict[str, Any]: ...
    @property
    def arrays(self) -> dict[str, Any]: ...
    @property
    def conditions(self) -> tuple[Condition, ...]: ...
    @property
    def symbolic(self) -> bool: ...
    @property
    def notes(self) -> list[str]: ...


class Origin:
    """Where the nodes of a graph come from."""

    def __init__(self, own: Spec, building: Building, end: int) -> None:
        self.steps = building.steps
        """The step of a spec that each node comes from."""
        self.named = {*building.graph.outputs.values()} if "" not in building.graph.outputs else building.named | {end}
        """The nodes whose output is the network's or may be: it has a name, where the spec does not say."""
        self.hidden = [(step, name) for spec, step, name in building.hidden if spec is own]
        """Where a tensor is taken up by a name that a group has, too."""
        self.lost = [
            (step, name, by)
            for step, (spec, name, by) in building.lost.items()
            if spec is own and step not in building.taken
        ]
        """Where a tensor is saved in vain, its name, and where another one is saved in its place."""
        self.idle = [step for step, (spec, idle) in building.frozen.idle.items() if spec is own and idle]
        """The steps that are frozen and have no parameters."""
        self._used = [used.nodes for used in building.used]

    def foreign(self) -> set[int]:
        """The nodes that come from another spec."""
        return {index for nodes in self._used for index in nodes}


class Network:
    """A model with every size bound: its graph, and the hyperparameters that made it."""

    def __init__(
        self,
        spec: Spec,
        model: ModelEntry,
        graph: Graph,
        bindings: Bindings,
        library: str,
        origin: Origin,
        conditions: tuple[Condition, ...],
        given: dict[str, Any],
    ) -> None:
        self.spec = spec
        self.name = model.name
        self.title = model.title
        self.same_as = model.same_as
        """The independent implementations that it equals, by library."""
        self.graph = graph
        self.hyperparameters = bindings.hyperparameters()
        self.symbols = dict(bindings.symbols)
        self.arrays = bindings.arrays
        """What was given as an array, and is many numbers."""
        self.conditions = conditions
        """What the layers and expressions assume of the symbols, as it came up: where the formulas hold."""
        self.library = library
        """The library whose way of calling the layers the graph has; none, where no library has the network."""
        self.origin = origin
        self.given = given
        """What was bound from outside."""

    @property
    def notes(self) -> list[str]:
        """What has to be said beside all figures: nothing, of a network that a spec says as a whole."""
        return []

    def of(self, library: str) -> Network:
        """The same network as a library has it, where the spec says that libraries differ."""
        if library == self.library or not self.spec.libraries:
            return self
        return expand(self.spec, self.spec.models[self.name], self.given, library=library)

    @property
    def symbolic(self) -> bool:
        """True when a size is a symbol: counts are formulas then."""
        return bool(self.symbols)


def expand(
    spec: Spec,
    model: ModelEntry,
    given: dict[str, Any] | None = None,
    option: Option | None = None,
    library: str = "",
    budget: Budget | None = None,
) -> Network:
    """Build the network of a spec's model, with `given` hyperparameters and input sizes in place of its own.

    `option` expands one side of a block comparison instead of `layers`. The layers are called as `library` calls them,
    or as the first one does that the model is the same as. Several expansions may spend one `budget`. Raises VcalcError
    with the place in the file and the path in the network of the first thing that does not fit.
    """
    with conditions() as assumed:
        return _expand(spec, model, given or {}, option, library_of(model, library, spec), budget or Budget(), assumed)


def _expand(
    spec: Spec,
    model: ModelEntry,
    given: dict[str, Any],
    option: Option | None,
    library: str,
    budget: Budget,
    assumed: dict[Condition, None],
) -> Network:
    bindings = Bindings(spec, model, given, budget, library, option)
    graph = Graph(bindings.inputs())
    environment = bindings.all()
    bindings.check_used()
    if bindings.arrays and bindings.symbols:
        from vcalc import many

        raise many.beside_symbols(bindings.arrays, bindings.symbols)
    building = Building(graph, budget, bool(bindings.symbols))
    root = Scope(None, "", 0, False)
    expander = Expander(spec, model, environment, building, root)
    expander.saved.enter(dict(zip(graph.inputs, graph.starts, strict=True)))
    end = expander.steps(option.body if option else spec.layers_of(model), INPUT, environment, root)
    graph.outputs = {
        name if len(tensors) == 1 else f"{name}[{place}]": tensor
        for name, tensors in expander.outputs(end).items()
        for place, tensor in enumerate(tensors)
    }
    _check_taken(spec, model, graph)
    building.name_nodes()
    building.frozen.note(spec.frozen, range(len(graph.nodes)), root, spec, bool(option))
    building.frozen.end()
    if spec.bits or spec.density:
        _widen(spec, graph, bindings)
    _write(graph, graph.nodes, spec, model, library)
    for used in building.used:
        nodes = graph.nodes[used.nodes.start : used.nodes.stop]
        _write(graph, nodes, used.spec, used.model, library_of(used.model, used.library), used.part)
    origin = Origin(spec, building, end)
    return Network(spec, model, graph, bindings, library, origin, tuple(assumed), given)


def _widen(spec: Spec, graph: Graph, bindings: Bindings) -> None:
    """Put into the graph what its spec says of the widths of numbers, and of weights that are zero."""
    from vcalc.spec.widths import BITS, DENSITY, assign, worked_out

    for said, what in ((spec.bits, BITS), (spec.density, DENSITY)):
        if said:
            assign(graph, worked_out(said, bindings.value), what)


def _check_taken(spec: Spec, model: ModelEntry, graph: Graph) -> None:
    """Refuse an input with a name that nothing reads and that is no output."""
    if "" in graph.inputs:
        return
    read = {index for node in graph.nodes for index in node.inputs} | {*graph.outputs.values()}
    for index, name in zip(graph.starts, graph.inputs, strict=True):
        if index not in read:
            hint = f"write take: {name} where it comes in, or leave it out"
            if model.body is not None and not model.inputs:
                hint = f"write take: {name} where it comes in, or give {model.name} inputs of its own"
            error = VcalcError("input", f"nothing takes the input {quoted(name)}", hint=hint)
            raise error.at(spec.source.place({**spec.input_nodes, **model.input_nodes}[name][0]))


def library_of(model: ModelEntry, wanted: str, spec: Spec | None = None) -> str:
    """The library whose network is meant: the wanted one, or the first that has it. Raises VcalcError if it has not."""
    if wanted and wanted not in model.same_as:
        has = f"{model.name} is in {' and '.join(model.same_as)}" if model.same_as else f"{model.name} is in none"
        for other in spec.models.values() if spec else ():
            if other.name.startswith(f"{model.name}-") and wanted in other.same_as:
                has = f"{wanted}'s {other.same_as[wanted]} is {other.name}"
        raise VcalcError("library", f"there is no {model.name} in '{wanted}'", hint=has)
    return wanted or next(iter(model.same_as), "")


def _write(graph: Graph, nodes: list[Node], spec: Spec, model: ModelEntry, library: str, part: bool = False) -> None:
    """Put into the graph how a library's source calls the layers."""
    if not library:
        return
    writing, place = written_by(spec, model, library)
    if writing:
        from vcalc.spec.writing import write

        try:
            write(graph, nodes, writing, part)
        except VcalcError as error:
            raise (error.at(place) if place else error) from None


def written_by(spec: Spec, model: ModelEntry, library: str) -> tuple[dict[str, str], Place | None]:
    """How a library's source calls the layers of a model, and where that is said.

    What a model says goes before what its file says, and that before the table of the library beside the file.
    """
    own = {**spec.written.get(library, {}), **model.written.get(library, {})}
    forms, place = _in_table(spec.beside, model.name, library)
    node = model.written_node or spec.written_node
    return {**forms, **own}, spec.source.place(node) if own else place


def _in_table(file: str, model: str, library: str) -> tuple[dict[str, str], Place | None]:
    """What the library's table beside a file says of a model; it is taken apart only where the name turns up in it."""
    path = os.path.join(os.path.dirname(file), "written", f"{library}.yaml")
    if not os.path.isfile(path) or os.path.islink(path):
        return {}, None
    text = _text(path, stamp(path))
    if stem(file) not in text and model not in text:
        return {}, None
    from vcalc.spec.table import forms_in

    return forms_in(path, text, stem(file), model)


@cache
def _text(path: str, as_it_is: Any) -> str:
    """A table's text, read once as long as it stays as it is: most models of a library look into it."""
    return read_file(path)
