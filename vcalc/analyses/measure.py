"""One question, one number: a metric of a model, of a part of it, under a convention, with sizes bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vcalc import conventions, foreign
from vcalc.analyses import active, depth, paths, places, receptive_field, trained, training
from vcalc.analyses.cost import Costs, lots
from vcalc.arithmetic import Shape
from vcalc.conventions import Convention
from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.graph import Node
from vcalc.layers import KINDS, PRIMITIVES
from vcalc.layers.axes import names_of
from vcalc.spec.find import load, load_file, split_model
from vcalc.spec.network import Network
from vcalc.spec.syntax import ModelEntry, Option, Spec
from vcalc.widths import METRICS as WIDTH_METRICS

Metric = Callable[[Costs, list[Node]], Any]


def _receptive_field(costs: Costs, nodes: list[Node]) -> Any:
    fields = receptive_field.fields_by_input(costs.graph)[nodes[-1].index]
    if len(fields) != 1:
        which = f"each of {' and '.join(fields)}" if fields else "no input"
        raise VcalcError("metric", f"a receptive field lies in one input, and {nodes[-1].path} depends on {which}")
    ((name, field),) = fields.items()
    return receptive_field.as_one(receptive_field.size_of(field, costs.graph.inputs[name]))


def _output(what: str, axis: str = "") -> Metric:
    return lambda costs, nodes: _size(nodes[-1], "gives", nodes[-1].output, what, axis)


def _input(what: str, axis: str = "") -> Metric:
    return lambda costs, nodes: _size(nodes[0], "reads", nodes[0].input, what, axis)


def _size(node: Node, does: str, shape: Shape, what: str, axis: str) -> Any:
    """The size of an axis, of the last one where none is named."""
    names = names_of(shape)
    if axis and axis not in names:
        raise VcalcError("metric", f"{node.path} {does} {list(shape)}, which has no {what}")
    return shape[names.index(axis) if axis else -1]


def _width(metric: str) -> Metric:
    """What depends on the bits of numbers, and is loaded where it is asked for."""

    def measure(costs: Costs, nodes: list[Node]) -> Any:
        from vcalc.analyses.widths import MEASURES

        return MEASURES[metric](costs, nodes)

    return measure


def _window(what: str) -> Metric:
    return lambda costs, nodes: places.window(nodes, what)


METRICS: dict[str, tuple[Metric, str]] = {
    "params": (lambda costs, nodes: costs.figure(nodes, "params"), "parameters"),
    "active_params": (active.active_params, "parameters that a token meets: of experts those of the active ones"),
    "trained_params": (trained.trained_params, "parameters that are trained: those that are not frozen"),
    "frozen_params": (trained.frozen_params, "parameters that are not trained: of frozen layers, and fixed ones"),
    "flops": (
        lambda costs, nodes: costs.figure(nodes, "flops"),
        "floating-point operations of one forward pass, in the convention's unit",
    ),
    "memory": (
        lambda costs, nodes: costs.figure(nodes, "memory"),
        "memory of the outputs, in bytes or in the convention's unit",
    ),
    "elements": (lambda costs, nodes: costs.elements(nodes), "elements of the outputs that are stored"),
    **{name: (_width(name), says) for name, says in WIDTH_METRICS.items()},
    "depth": (lambda costs, nodes: depth.depth(costs.graph, nodes), "layers with weights on the longest path"),
    "nonlinearities": (
        lambda costs, nodes: depth.nonlinearities(costs.graph, nodes),
        "activation functions on the longest path",
    ),
    "receptive_field": (_receptive_field, "input positions, along one side, that one output element reads"),
    "channels": (_output("channels", "C"), "channels of the last output"),
    "height": (_output("height", "H"), "height of the last output"),
    "width": (_output("width", "W"), "width of the last output"),
    "length": (_output("length", "L"), "length of the last output, where that is a sequence"),
    "frames": (_output("frames", "T"), "frames of the last output, where that is a video"),
    "tokens": (_output("tokens", "N"), "tokens of the last output"),
    "features": (_output("features"), "size of the last axis of the last output"),
    "input_channels": (_input("channels", "C"), "channels of the first layer's input"),
    "input_height": (_input("height", "H"), "height of the first layer's input"),
    "input_width": (_input("width", "W"), "width of the first layer's input"),
    "input_length": (_input("length", "L"), "length of the first layer's input, where that is a sequence"),
    "input_frames": (_input("frames", "T"), "frames of the first layer's input, where that is a video"),
    "input_tokens": (_input("tokens", "N"), "tokens of the first layer's input"),
    "input_features": (_input("features"), "size of the last axis of the first layer's input"),
    "patches": (
        lambda costs, nodes: places.patches(nodes[-1]),
        "places of the image in the last output: positions of a map, tokens without class tokens",
    ),
    "kernel": (_window("kernel"), "size of the window, of a layer or of layers that agree in it"),
    "stride": (_window("stride"), "step between windows, of a layer or of layers that agree in it"),
    "pad": (_window("pad"), "padding on each side, of a layer or of layers that agree in it"),
    "layers": (lambda costs, nodes: len(nodes), "layers; with kinds, those of these kinds"),
    "weighted_layers": (
        lambda costs, nodes: sum(node.layer.weighted_layers for node in nodes),
        "layers with weights: convolutions and matrices, parallel ones each",
    ),
}
"""What can be asked of a network, and what it means. Primitives and hyperparameters can be asked for too."""

KNOWN = frozenset((*METRICS, *PRIMITIVES, *training.METRICS))
"""What is a metric's name, whatever a spec calls its hyperparameters."""

LET = "let."
"""What stands before a hyperparameter's name where a metric may be called so, too: `let.depth`."""


def hyperparameter_named(name: str) -> str:
    """The hyperparameter that a name stands for, if there is one: `let.depth`, or `dim`, which no metric is called."""
    return name.removeprefix(LET) if name not in KNOWN else ""


def hyperparameter(name: str, network: Network) -> str:
    """The network's hyperparameter that a name stands for, empty where it is a metric's.

    Raises VcalcError for a `let.` that the network does not have.
    """
    found = hyperparameter_named(name)
    if found in network.hyperparameters:
        return found
    if name.startswith(LET):
        hint = suggestion(found, network.hyperparameters, "it has")
        raise VcalcError("metric", f"{network.name} has no hyperparameter {quoted(found)}", hint=hint)
    return ""


def measured(metric: str, network: Network, costs: Costs, nodes: list[Node]) -> Any:
    """One of METRICS. Raises VcalcError where it has no value, with the hyperparameter of that name for a hint."""
    try:
        return METRICS[metric][0](costs, nodes)
    except VcalcError as error:
        if metric in network.hyperparameters:
            error.problems[0].hint = f"{LET}{metric} is the hyperparameter"
        raise


class Question:
    """What is asked: which model (or option of a block comparison), which part, which metric, counted how."""

    def __init__(
        self,
        metric: str,
        model: str,
        of: tuple[str, ...] = (),
        kinds: tuple[str, ...] = (),
        convention: str = conventions.DEFAULT,
        bindings: tuple[tuple[str, str], ...] = (),
        option: str = "",
        plus: tuple[str, ...] = (),
        run: training.Run | None = None,
        bits: str = "",
        density: str = "",
    ) -> None:
        self.metric = metric
        self.model = model
        self.of = of
        self.kinds = kinds
        self.convention = convention
        self.bindings = bindings
        self.option = option
        self.plus = plus
        self.run = run
        """How it is trained, for the metrics of training."""
        self.bits = bits
        self.density = density
        """What `--bits` and `--density` would say."""

    @property
    def part(self) -> str:
        """What is asked of, in words; empty for the whole network."""
        return ", ".join((*self.of, *(f"{kind} only" for kind in self.kinds)))

    @property
    def sizes(self) -> str:
        """What is bound, `H=64 W=64`."""
        return " ".join(f"{name}={value}" for name, value in self.bindings)

    @property
    def widths(self) -> str:
        """The bits and the density, in words."""
        return ", ".join(f"{name} {said}" for name in ("bits", "density") if (said := getattr(self, name)))

    def but(self, **changes: Any) -> Question:
        """The same question with some parts changed."""
        return Question(**{**vars(self), **changes})

    def scheduled(self) -> Question:
        """The question with the model's own schedule, where it asks of training and names none, and with its sizes."""
        if self.metric not in training.METRICS:
            return self
        run = self.run or training.Run()
        if run.schedule is None:
            spec, entry, _ = found(self.model, self.option)
            run = run._replace(schedule=entry.schedule or spec.schedule)
        sizes = dict(run.schedule.bindings if run.schedule else ()) | dict(self.bindings)
        return self.but(run=run, bindings=tuple(sizes.items()))

    def of_network(self, network: Network, costs: Costs | None = None) -> Any:
        """The exact value for a network that has been built, with its costs under the question's convention."""
        named = hyperparameter(self.metric, network)
        if named:
            return network.hyperparameters[named]
        costs = costs or Costs(network.graph, conventions.load(self.convention))
        value = self._measure(network, costs, self.of)
        return value + self._measure(network, costs, self.plus) if self.plus else value

    def of_network_under(self, network: Network, weighing: list[Convention]) -> list[Any]:
        """The params or FLOPs of a network under each of some conventions."""
        parts = [self._nodes(network, of) for of in (self.of, *([self.plus] if self.plus else []))]
        in_lots = [(nodes, lots(nodes)) for nodes in parts]
        each = (Costs(network.graph, convention) for convention in weighing)
        return [sum(getattr(costs.total(*part), self.metric) for part in in_lots) for costs in each]

    def _nodes(self, network: Network, of: tuple[str, ...]) -> list[Node]:
        nodes = network.graph.select(of, self.kinds)
        if not nodes:
            raise self._nothing(network, of)
        lost = tuple(path for path in of if not network.graph.select((path,))) if len(of) > 1 else ()
        if lost:
            raise self._nothing(network, lost)
        for kind in self.kinds:
            if kind not in KINDS:
                raise VcalcError("path", f"there is no layer kind '{kind}'", hint=suggestion(kind, KINDS, "there are"))
        return nodes

    def _measure(self, network: Network, costs: Costs, of: tuple[str, ...]) -> Any:
        nodes = self._nodes(network, of)
        if self.metric in METRICS:
            return measured(self.metric, network, costs, nodes)
        if self.metric in PRIMITIVES:
            return costs.primitive(nodes, self.metric)
        if self.metric in training.METRICS:
            return training.measure(self.metric, self.run or training.Run(), costs, nodes)
        known = [*METRICS, *PRIMITIVES, *training.METRICS, *network.hyperparameters]
        raise VcalcError(
            "metric", f"there is no metric '{self.metric}'", hint=foreign.hint("metrics", self.metric, known, "known")
        )

    def _nothing(self, network: Network, of: tuple[str, ...]) -> VcalcError:
        """The error for a part without layers, or one that has none of the kinds."""
        inside = network.graph.select(of)
        name = self.option or split_model(self.model)[1] or self.model
        if inside:
            at = f" at {' or '.join(of)}" if of else ""
            hint = suggestion(self.kinds[0], {node.kind for node in inside}, "it has")
            return VcalcError("path", f"{name} has no layer of kind {' or '.join(self.kinds)}{at}", hint=hint)
        if not of:
            return VcalcError("path", f"{name} has no layers")
        hint = paths.hint(network.graph, of[0])
        return VcalcError("path", f"{name} has no layer at {' or '.join(of)}", hint=hint)


def found(model: str, option: str = "") -> tuple[Spec, ModelEntry, Option | None]:
    """Where a model, or an option of a block comparison, is described."""
    if not option:
        return (*load(model), None)
    spec = load_file(model)
    if option not in spec.options:
        raise VcalcError("option", f"there is no option '{option}'", hint=suggestion(option, spec.options, "options"))
    return spec, next(iter(spec.models.values())), spec.options[option]
