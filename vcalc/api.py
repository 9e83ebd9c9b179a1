"""The Python API: load a spec, bind it, read layers and totals as objects, dicts, or rows for a DataFrame.

import vcalc

network = vcalc.load("resnet50").bind(H=320, W=320, classes=10)
network.total.params, network.total.flops
[layer.output for layer in network.layers]
pandas.DataFrame(network.rows())
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from vcalc import conventions
from vcalc.analyses.cost import Cost, Costs, batch_size
from vcalc.analyses.depth import depth
from vcalc.arithmetic import is_many, is_symbolic
from vcalc.conditions import stated
from vcalc.errors import VcalcError
from vcalc.reports.layers_table import selected, table_report
from vcalc.spec import find
from vcalc.spec.network import Described, expand
from vcalc.spec.syntax import ModelEntry, Spec

__all__ = ["Layer", "Model", "Network", "VcalcError", "from_torch", "load", "models"]


class Layer(NamedTuple):
    """One layer: shapes without the batch axis, memory in bytes (or the convention's unit)."""

    path: str
    kind: str
    input: tuple[Any, ...]
    output: tuple[Any, ...]
    params: Any
    flops: Any
    memory: Any


class Model:
    """A model as its spec describes it, before its sizes are bound."""

    def __init__(self, spec: Spec, entry: ModelEntry) -> None:
        self._spec = spec
        self._entry = entry

    @property
    def name(self) -> str:
        """The model's name in the catalogue or in its file."""
        return self._entry.name

    @property
    def title(self) -> str:
        """The model's name as its paper writes it."""
        return self._entry.title

    def bind(
        self,
        values: Mapping[str, Any] = MappingProxyType({}),
        /,
        *,
        convention: str = "",
        batch: Any = 1,
        dtype: Any = "float32",
        library: str = "",
        bits: Any = None,
        density: Any = None,
        **sizes: Any,
    ) -> Network:
        """Bind hyperparameters and input sizes (C, H, W) to numbers, lists, or formulas as text such as "32*h".

        `values` binds by name, too, what is called like one of the others: `bind({"batch": 4})`. `convention` is a name
        or a file's, the spec's own (or lecture) where it is left out; `batch` a number, or a name for a formula;
        `dtype` a name, or NumPy's or torch's; `library` says whose way of writing the network tools are to count.
        `bits` and `density` are what `--bits` and `--density` take, a number or a text: "W4A8", "conv=4,first=8",
        "2:4". What is left out keeps the spec's value.

        An array of one dimension is many numbers: for a size, for the batch, and for a hyperparameter that is a number
        in the spec; for one that is a list, it is a list. What depends on many numbers is an array of as many, each
        what binding that number alone gives. Several arrays are taken together, number by number.

        Raises VcalcError for an unknown name, for what is no value, for sizes that do not fit, and for arrays whose
        numbers make different networks.
        """
        convention = convention or self._spec.convention or conventions.DEFAULT
        expanded = expand(self._spec, self._entry, {**values, **sizes}, library=library)
        if bits is not None or density is not None:
            from vcalc.spec.widths import widen

            widen(expanded.graph, *([] if given is None else [str(given)] for given in (bits, density)))
        return Network(expanded, convention, batch, dtype)


class Network:
    """A model with every size bound, counted under one convention."""

    def __init__(self, expanded: Described, convention: str, batch: Any, dtype: Any) -> None:
        self._expanded = expanded
        images = batch_size(batch, arrays=expanded.arrays)
        _check_beside(expanded, images)
        self._costs = Costs(expanded.graph, conventions.find(convention), images, dtype)

    @property
    def input(self) -> tuple[Any, ...]:
        """The input's shape, without the batch axis. Raises VcalcError where there are several."""
        if len(self.inputs) > 1:
            raise VcalcError(
                "input", f"{self._expanded.name} takes {' and '.join(self.inputs)}", hint="inputs has them"
            )
        return next(iter(self.inputs.values()))

    @property
    def inputs(self) -> dict[str, tuple[Any, ...]]:
        """The shape of every input by name, without the batch axis; one that has no name is called `input`."""
        return {name or "input": _given_back(shape) for name, shape in self._expanded.graph.inputs.items()}

    @property
    def outputs(self) -> dict[str, tuple[Any, ...]]:
        """The shape of every output by name, without the batch axis; one that has no name is called `output`."""
        graph = self._expanded.graph
        return {name or "output": _given_back(graph.shape(index)) for name, index in graph.outputs.items()}

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter with its value."""
        return {name: _given_back(value) for name, value in self._expanded.hyperparameters.items()}

    @property
    def conditions(self) -> list[str]:
        """Where the formulas hold, such as `d % 12 == 0`: what sizes that are symbols leave open. None for numbers."""
        return stated(self._expanded.conditions)

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order they run."""
        return [
            Layer(node.path, node.kind, *map(_given_back, (node.input, node.output, *self._costs.of(node))))
            for node in self._expanded.graph.nodes
        ]

    @property
    def total(self) -> Cost:
        """Params, FLOPs and memory of the whole network; formulas where a size is a symbol."""
        return Cost(*map(_given_back, self._costs.total(self._expanded.graph.nodes)))

    def total_of(self, *paths: str) -> Cost:
        """Params, FLOPs and memory of groups or layers. Raises VcalcError for a path that nothing matches."""
        return Cost(*map(_given_back, self._costs.total(selected(self._expanded.graph, paths))))

    @property
    def trained_params(self) -> Any:
        """The parameters that are trained: all but those that the spec says are frozen, and fixed ones."""
        from vcalc.analyses.trained import trained_params

        return _given_back(trained_params(self._costs, self._expanded.graph.nodes))

    @property
    def active_params(self) -> Any:
        """The parameters that one token meets: all of them, or of experts those that it goes through."""
        from vcalc.analyses.active import active_params

        return _given_back(active_params(self._costs, self._expanded.graph.nodes))

    @property
    def bops(self) -> Any:
        """Bit operations of one forward pass: each multiply-add with the bits of its factors multiplied."""
        return self._measured("bops")

    @property
    def bytes(self) -> Any:
        """The size of the parameters, each with its bits; those of the dtype where nothing is said."""
        return self._measured("bytes")

    def _measured(self, metric: str) -> Any:
        from vcalc.analyses.widths import MEASURES

        return _given_back(MEASURES[metric](self._costs, self._expanded.graph.nodes))

    @property
    def notes(self) -> list[str]:
        """What has to be said beside the figures of a network that was recorded: what is unread, unweighed, missing."""
        return list(self._expanded.notes)

    @property
    def depth(self) -> int:
        """Layers with weights on the longest path."""
        return depth(self._expanded.graph)

    def rows(self) -> list[dict[str, Any]]:
        """One dict a layer, for a DataFrame."""
        return [layer._asdict() for layer in self.layers]

    def to_dict(self) -> dict[str, Any]:
        """What `vcalc table --format json` prints."""
        record: dict[str, Any] = table_report(self._expanded, self._costs).record
        return record


def _check_beside(expanded: Described, images: Any) -> None:
    """Refuse a batch that is an array beside symbols, or a symbol beside arrays."""
    arrays, names = images.given if is_many(images) else expanded.arrays, [*expanded.symbols]
    if arrays and (names or is_symbolic(images)):
        from vcalc import many

        raise many.beside_symbols(arrays, names or [str(images)])


def _given_back(value: Any) -> Any:
    """A value as the API has it: NumPy arrays for numbers that are many, within a shape, too."""
    if isinstance(value, tuple) and any(map(is_many, value)):
        return tuple(map(_given_back, value))
    return value.array() if is_many(value) else value


def load(name: str) -> Model:
    """A model by name, alias, spec file, `file.yaml:model`, or `-` for standard input.

    Raises VcalcError for an unknown name, with the nearest ones, and for every problem in a file.
    """
    return Model(*find.load(str(name)))


def from_torch(
    module: Any,
    input: Any = (),
    *,
    convention: str = "",
    batch: Any = 1,
    dtype: Any = "float32",
    **named: Any,
) -> Network:
    """A torch module, recorded while it runs once on tensors without elements: counted as it is, without a spec.

    `input` is the shape of what goes in, without the batch, or a tensor with it; a list of either for several; what has
    a name in the module's `forward` can be given by it. Nothing of the module is changed, and nothing is computed.
    Where the run comes to no end, since it depends on values or fails, what ran is counted, a warning says so, and
    `notes` where. Raises VcalcError where torch is missing, or the module takes no such input.
    """
    import warnings

    from vcalc.importers.network import of_module

    recorded = of_module(module, input, named)
    if recorded.recording.stopped:
        warnings.warn(f"counting stops at {recorded.recording.stopped}", stacklevel=2)
    return Network(recorded, convention or conventions.DEFAULT, batch, dtype)


def models() -> list[str]:
    """The names of the models that come with vcalc."""
    return find.model_names()
