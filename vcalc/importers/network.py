"""A recorded network, as the reports of tables and the API take one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from vcalc.errors import VcalcError
from vcalc.graph import Node
from vcalc.importers.counted import counted, unread
from vcalc.importers.recording import ON_VALUES, Recording, record
from vcalc.importers.source import Built, built
from vcalc.torch_backend import needed

MOST_NAMED = 5
"""Parameters that a note names."""


class RecordedNetwork:
    """A network that was recorded and not written: its graph, and what is known beside that."""

    symbolic = False
    library = ""

    def __init__(self, name: str, title: str, recording: Recording) -> None:
        self.name = name
        self.title = title
        self.recording = recording
        self.graph, self.unweighed = counted(recording)
        self.unread = unread(recording)
        """Parameters that nothing reads, and the elements of each."""
        self.same_as: dict[str, str] = {}
        self.hyperparameters: dict[str, Any] = {}
        self.symbols: dict[str, Any] = {}
        self.arrays: dict[str, Any] = {}
        self.conditions: tuple[Any, ...] = ()
        self.given: dict[str, Any] = {}

    @property
    def notes(self) -> list[str]:
        """What has to be said beside the figures: what nothing reads, what has no count, where counting stops."""
        names, found = [*self.unread], unweighed(self.unweighed)
        more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        said = (f"{each.name} ({each.times} x, {each.elements:,} elements, first at {each.path})" for each in found)
        notes = [f"no operator reads these parameters: {', '.join(names[:MOST_NAMED])}{more}"] if names else []
        notes += [f"seen and not weighed, for vcalc knows no count of them: {', '.join(said)}"] if found else []
        stopped = self.recording.stopped
        return notes + ([f"counting stops at {stopped}"] if stopped else [])

    def operators(self) -> list[tuple[str, int]]:
        """What torch called, in the words of its library, and how often; the commonest first."""
        return Counter(step.name for step in self.recording.steps).most_common()


class Unweighed(NamedTuple):
    """Operators of one name that vcalc has no count for."""

    name: str
    path: str
    """Where the first of them stands."""
    times: int
    elements: int
    """Those that leave all of them."""


def unweighed(nodes: list[Node]) -> list[Unweighed]:
    """What vcalc has no count for, by name."""
    found: dict[str, Unweighed] = {}
    for node in nodes:
        elements = int(node.facts.work["output_elements"])
        first = found.get(node.kind, Unweighed(node.kind, node.path, 0, 0))
        found[node.kind] = first._replace(times=first.times + 1, elements=first.elements + elements)
    return [*found.values()]


def named(source: str, arguments: str = "", shapes: tuple[str, ...] = ()) -> RecordedNetwork:
    """The network of an ONNX file, or of a module that is built with `arguments` (JSON), for inputs of such `shapes`.

    Raises VcalcError for what is not there, cannot be read or built, or does not run.
    """
    if not source.lower().endswith(".onnx"):
        return recorded(built(source, arguments, shapes))
    from vcalc.importers import onnx_file

    if arguments:
        raise VcalcError("usage", "--args changes nothing here: a file is not built", hint="leave --args out")
    return RecordedNetwork(source, os.path.basename(source)[: -len(".onnx")], onnx_file.read(source, shapes))


def recorded(module: Built) -> RecordedNetwork:
    """The network of a built module, recorded on what came with it. Raises VcalcError where it does not run."""
    recording = record(module.module, module.inputs, module.named, ours=True)
    _check_ran(recording, module.name, "--input says what goes in")
    return RecordedNetwork(module.name, type(module.module).__name__, recording)


def of_module(module: Any, input: Any, named: Mapping[str, Any] = MappingProxyType({})) -> RecordedNetwork:
    """The network of a module at hand. Inputs are shapes without the batch, tensors with it, or a list of either.

    Raises VcalcError for what is no module or no shape, and where the run fails, but for want of values.
    """
    torch = needed("torch", "counting a module")
    if not isinstance(module, torch.nn.Module):
        what = "a class: make one of it" if isinstance(module, type) else f"{type(module).__name__}, no torch module"
        raise VcalcError("import", f"from_torch was given {what}", hint="from_torch(net, (3, 224, 224))")
    several = isinstance(input, list) or (isinstance(input, tuple) and any(isinstance(each, tuple) for each in input))
    given = [*input] if several else [input] if isinstance(input, torch.Tensor) or input else []
    placed = [_tensor(torch, each) for each in given]
    recording = record(module, placed, {name: _tensor(torch, each) for name, each in named.items()})
    _check_ran(recording, "the module", "from_torch(net, (3, 224, 224))")
    name = type(module).__name__
    return RecordedNetwork(name, name, recording)


def _check_ran(recording: Recording, name: str, hint: str) -> None:
    """Refuse a run that failed for another reason than that there are no values."""
    if recording.stopped and not recording.stopped.endswith(ON_VALUES):
        raise VcalcError("import", f"{name} does not run: {recording.stopped}", hint=hint)


def _tensor(torch: Any, given: Any) -> Any:
    if isinstance(given, torch.Tensor):
        return given
    sizes = list(given) if isinstance(given, (tuple, list)) else [None]
    if not all(isinstance(size, int) and size >= 0 for size in sizes):
        message = f"{given!r:.80} is neither a shape without its batch nor a tensor"
        raise VcalcError("import", message, hint="from_torch(net, (3, 224, 224)), or a list of several shapes")
    return torch.zeros(1, *sizes, device="meta")
