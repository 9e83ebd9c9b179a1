"""Likely mistakes of a spec that expands well: what a reviewer would ask about. Each has a code (docs/check.md).

Only what the file itself writes is looked at, at the step that writes it; what several models share is said once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vcalc.errors import Place, Problem, quoted
from vcalc.graph import Node, untouched
from vcalc.layers.conv import extent
from vcalc.layers.tensors import INDEX
from vcalc.layers.windows import Sliding
from vcalc.source.read import YamlNode, is_null
from vcalc.spec import syntax
from vcalc.spec.network import Network
from vcalc.spec.syntax import Spec

MISTAKES = {
    "conv-bias-before-norm": "a convolution adds a bias that the batch norm right after it takes away",
    "stride-drops-rows": "a stride ends before the last rows or columns of its input, which no window reads",
    "window-does-not-tile": "windows that lie side by side do not cover their input",
    "embedding-of-activations": "an embedding looks up what a layer computed, which are no word numbers",
    "unused-branch": "a tensor is worked out or saved, and nothing reads it",
    "unused-hyperparameter": "a hyperparameter that no expression uses",
    "shadowed-name": "an argument, a loop variable or a let hides a hyperparameter",
}
"""The codes of likely mistakes, and what each says."""

_WITH_BIAS = ("conv", "conv_transpose", "linear")


def mistakes_of_network(network: Network) -> Iterator[Problem]:
    """What looks wrong in one expanded network.

    A model that is the same as a published implementation has its biases and strides from there, whatever they are.
    """
    origin, nodes = network.origin, network.graph.nodes
    foreign = origin.foreign()
    readers: dict[int, list[Node]] = {}
    for node in nodes:
        for index in node.inputs:
            readers.setdefault(index, []).append(node)
    said: set[tuple[syntax.Step, str]] = set()
    words = untouched(network.graph)
    for node in nodes:
        if node.index in foreign:
            continue
        step = origin.steps[node.index]
        found = [_dead_end(node, readers, origin.named), _looks_up_activations(node, words)]
        if not network.same_as:
            found += [_bias_before_norm(node, step, readers), _rows_left_over(node)]
        for problem in found:
            if problem and (step, problem.code) not in said:
                said.add((step, problem.code))
                problem.place, problem.path = network.spec.source.place(step.node), node.path
                yield problem


def _bias_before_norm(node: Node, step: syntax.Step, readers: dict[int, list[Node]]) -> Problem | None:
    """A bias that is there by default; one that is written out is meant."""
    written = isinstance(step, syntax.LayerStep) and "bias" in step.fields
    if node.kind not in _WITH_BIAS or written or getattr(node.layer, "bias", None) is not True:
        return None
    after = readers.get(node.index, [])
    if len(after) != 1 or after[0].kind != "batchnorm":
        return None
    message = f"this {node.kind} adds a bias, and the batch norm right after it takes it away again"
    return Problem("conv-bias-before-norm", message, hint="bias: false, or bias: true where the network has it")


def _rows_left_over(node: Node) -> Problem | None:
    """Rows or columns at the end of a map that no window reads, although the windows reach one another."""
    if len(node.input) != 3 or len(node.output) != 3:
        return None
    window = node.layer.reach(node.input)
    if not isinstance(window, Sliding):
        return None
    for axis, what in enumerate(("rows", "columns")):
        size, positions = node.input[axis + 1], node.output[axis + 1]
        kernel, stride, pad, dilation = (
            each[axis] for each in (window.kernel, window.stride, window.pad, window.dilation)
        )
        if not all(type(number) is int for number in (size, positions, kernel, stride, pad, dilation)):
            continue
        reach = extent(kernel, dilation)
        left = size - ((positions - 1) * stride + reach - pad)
        if left <= 0 or stride == 1 or reach < stride:
            continue
        side = "height" if axis == 0 else "width"
        last = f"the last {left} {what}" if left > 1 else f"the last {what[:-1]}"
        if reach == stride:
            message = f"windows of {reach} do not tile a {side} of {size}: {last} of the input is left out"
            message = message.replace("is left", "are left") if left > 1 else message
            hint = f"a {side} that {stride} divides, pad, or ceil_mode: true" if "pool" in node.kind else ""
            hint = hint or f"a {side} that {stride} divides, or pad"
            return Problem("window-does-not-tile", message, hint=hint)
        verb = "are" if left > 1 else "is"
        message = f"windows of {reach} in steps of {stride} end early in a {side} of {size}: {last} {verb} never read"
        hint = f"a {side} of {size - left} or {size + stride - left}, or more pad"
        return Problem("stride-drops-rows", message, hint=hint)
    return None


def _looks_up_activations(node: Node, words: set[int]) -> Problem | None:
    """Word numbers that are no elements of the input: torch would look up what is left of activations when rounded."""
    if node.layer.reads != INDEX or words.issuperset(node.inputs):
        return None
    message = f"this {node.kind} looks up words by what a layer computed, which are no whole numbers"
    return Problem("embedding-of-activations", message, hint="it reads the input, or a part of it")


def _dead_end(node: Node, readers: dict[int, list[Node]], named: set[int]) -> Problem | None:
    """An output that is neither read nor named: a saved tensor is looked at by its name, a group may be an output."""
    if node.index in readers or node.index in named:
        return None
    hint = "join it, save it and take it up, or name it as a group if it is an output of the network"
    return Problem("unused-branch", f"nothing reads what this {node.kind} gives", hint=hint)


def mistakes_of_spec(spec: Spec, claimed: set[str]) -> Iterator[Problem]:
    """What looks wrong in a file as it is written. `claimed` are the names that claims ask for."""
    source = spec.source
    for name, key in spec.names.items():
        if name not in spec.used and name not in claimed:
            message = f"no expression uses the hyperparameter {quoted(name)}"
            yield Problem("unused-hyperparameter", message, source.place(key), "use it, or leave it out")
    required = set(_required(spec))
    for name, key, what in spec.bound:
        hides = name in spec.names and key is not spec.names[name] and what not in ("a hyperparameter", "a block")
        if hides and key not in required:
            line = source.place(spec.names[name]).line
            message = f"{quoted(name)} names {what} here, and hides the hyperparameter of line {line}"
            yield Problem("shadowed-name", message, source.place(key), "give one of them another name")
    yield from _unread(spec)


def _required(spec: Spec) -> Iterator[YamlNode]:
    """Where arguments are written that every call has to give: they hide a name, and surprise nobody."""
    for block in spec.blocks.values():
        entries = spec.source.mapping(block.node, "a block")
        if "args" in entries:
            yield from (
                key for key, value in spec.source.mapping(entries["args"][1], "args").values() if is_null(value)
            )


def _unread(spec: Spec) -> Iterator[Problem]:
    """Saved tensors whose name is never taken up."""
    saved: list[tuple[str, YamlNode]] = []
    taken: set[str] = set()
    lists = [spec.layers, *(block.body for block in spec.blocks.values())]
    lists += [option.body for option in spec.options.values()]
    while lists:
        for step in lists.pop():
            if isinstance(step, syntax.Save):
                saved.append((step.name, step.node))
            elif isinstance(step, syntax.Take):
                taken.add(step.name)
            lists += _inside(step)
    for name, node in saved:
        if name not in taken:
            place: Place = spec.source.place(node)
            message = f"{quoted(name)} is saved, and nothing takes it up"
            yield Problem("unused-branch", message, place, f"take: {name}, or leave the save out")


def _inside(step: Any) -> list[list[syntax.Step]]:
    """The lists of steps within a step."""
    if isinstance(step, (syntax.Group, syntax.Loop)):
        return [step.body]
    if isinstance(step, syntax.If):
        return [step.then, step.otherwise]
    return [body for _, body in step.branches] if isinstance(step, syntax.Branches) else []
