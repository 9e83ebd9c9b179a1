"""Likely mistakes of a spec that expands well: what a reviewer would ask about. Each has a code (docs/check.md).

Only what the file itself writes is looked at, at the step that writes it; what several models share is said once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vcalc.arithmetic import Shape, certainly_equal, certainly_less
from vcalc.errors import Place, Problem, quoted, suggestion
from vcalc.graph import INPUT, Node, untouched
from vcalc.layers.axes import MAP, NOTHING, PLACES, TOKENS, names_of, rank
from vcalc.layers.base import show
from vcalc.layers.conv import extent
from vcalc.layers.mend import FEATURES
from vcalc.layers.moved import Moved
from vcalc.layers.windows import Sliding
from vcalc.operators.types import INDEX
from vcalc.source.read import YamlNode, is_null
from vcalc.spec import syntax
from vcalc.spec.fields import written_out
from vcalc.spec.find import is_model
from vcalc.spec.network import Network
from vcalc.spec.rows import channels_first
from vcalc.spec.sizes import merged_inputs
from vcalc.spec.syntax import Spec

MISTAKES = {
    "conv-bias-before-norm": "a convolution adds a bias that the batch norm right after it takes away",
    "stride-drops-rows": "a stride ends before the last rows or columns of its input, which no window reads",
    "window-does-not-tile": "windows that lie side by side do not cover their input",
    "embedding-of-activations": "an embedding looks up what a layer computed, which are no word numbers",
    "unused-branch": "a tensor is worked out, saved or handed to a block, and nothing reads it",
    "unused-hyperparameter": "a hyperparameter that no expression uses",
    "channels-last": "an input of a map looks like one whose channels come last",
    "concat-along-tokens": "tokens of one size are joined one after the other, not side by side",
    "roundabout": "two layers only come to what one layer says: a table, or a transpose",
    "moved-for-nothing": "elements are moved, and lie as they did: by one pattern, or by two layers in a row",
    "no-effect": "what is written changes nothing: frozen where nothing is trained, an offset where there is none",
    "shadowed-name": "a name hides what else has that name: a value, a model, a group",
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
    for step, name in origin.hidden:
        message = f"{quoted(name)} is the tensor that was saved under this name, and hides the group that has it"
        yield _shadowed(message, network.spec.source.place(step.node))
    yield from _saved_in_vain(network)
    yield from _frozen_in_vain(network)
    yield from _channels_last(network)
    if "" in network.graph.inputs and INPUT not in readers and INPUT not in origin.named:
        yield _unread_input(network)
    said: set[tuple[syntax.Step, str]] = set()
    words = untouched(network.graph)
    for node in nodes:
        if node.index in foreign:
            continue
        step = origin.steps[node.index]
        found = [_dead_end(node, readers, origin.named), _looks_up_activations(node, words), _along_tokens(node)]
        found += [_as_it_arrives(node, step), _offset_alone(node, step)]
        found += [_moved_for_nothing(node, nodes, readers), _class_tokens_alone(node, nodes, readers)]
        if not network.same_as:
            found += [_bias_before_norm(node, step, readers), _rows_left_over(node)]
        for problem in found:
            if problem and (step, problem.code) not in said:
                said.add((step, problem.code))
                problem.place, problem.path = network.spec.source.place(step.node), node.path
                yield problem


def _saved_in_vain(network: Network) -> Iterator[Problem]:
    """Tensors that give way to others of their name before anything takes them up."""
    place = network.spec.source.place
    for step, name, by in network.origin.lost:
        message = f"{quoted(name)} is saved again in line {place(by.node).line}, before anything takes this one up"
        yield Problem("unused-branch", message, place(step.node), "give one of them another name, or leave it out")


def _frozen_in_vain(network: Network) -> Iterator[Problem]:
    """What is said to be frozen, and has no parameters wherever it stands."""
    for step in network.origin.idle:
        message = "this is frozen, and has no parameters that could be trained"
        yield Problem("no-effect", message, network.spec.source.place(step.node), "leave frozen out")


def _unread_input(network: Network) -> Problem:
    """An input of which no layer makes anything."""
    key, _ = network.spec.input_nodes.get("", (network.spec.root, None))
    hint = "a table leaves what arrives: put it in a branch, or behind {save: x} and before {take: x}"
    return Problem("unused-branch", "nothing reads the input", network.spec.source.place(key), hint)


def _as_it_arrives(node: Node, step: syntax.Step) -> Problem | None:
    """A layer that moves elements by its fields, none of which says that any is moved."""
    kind, said = type(node.layer), node.facts.asked.values()
    is_plain = isinstance(step, syntax.LayerStep) and not syntax.names_in([*step.fields.values()])
    if not (kind.moves and kind.fields and is_plain and len(node.inputs) == 1) or node.output != node.input:
        return None
    if any(field.required or said[name] != field.usual(node.facts.asked) for name, field in kind.fields.items()):
        return None
    hint = f"say how far: {written_out(node.kind, [next(iter(kind.fields))])}"
    return Problem("moved-for-nothing", f"all leaves this {node.kind} as it arrives", hint=hint)


def _offset_alone(node: Node, step: syntax.Step) -> Problem | None:
    """A norm that is to have an offset, and has no factors."""
    fields = step.fields if isinstance(step, syntax.LayerStep) else {}
    if (
        "bias" not in fields
        or getattr(node.layer, "affine", True) is not False
        or not getattr(node.layer, "bias", False)
    ):
        return None
    message = f"this {node.kind} has no offset: affine: false leaves it out with the factors"
    return Problem("no-effect", message, hint="leave bias out, or affine")


def _channels_last(network: Network) -> Iterator[Problem]:
    """An input of few columns, or samples, and many channels."""
    inputs = merged_inputs(network.spec, network.spec.models.get(network.name))
    for name, sizes in network.graph.inputs.items():
        meant = channels_first(sizes) if "C" in inputs[name] else ()
        if not meant:
            continue
        counted = [_counted(size, PLACES[name][1]) for name, size in zip(sizes.axes[1:], sizes[1:], strict=True)]
        message = f"an input of {_listed([f'{sizes[0]} channels', *counted])}"
        place = network.spec.source.place(inputs[name]["C"].node)
        hint = f"did you mean {'x'.join(map(str, meant))} for {_listed(sizes.axes)}? Channels come first"
        yield Problem("channels-last", message, place, hint)


def _counted(number: int, what: str) -> str:
    return f"{number} {what if number > 1 else what[:-1]}"


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


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


def _along_tokens(node: Node) -> Problem | None:
    """Tokens that agree in number and in width: which of the two sizes grows is not seen in what is written."""
    shapes = node.facts.inputs
    if (
        node.kind != "concat"
        or node.layer.values()["over"]
        or rank(shapes[0]) != TOKENS
        or not all(_equal(shapes[0], shape) for shape in shapes[1:])
    ):
        return None
    message = f"tokens {show(shapes[0])} are joined one after the other, to {show(node.output)}"
    return Problem("concat-along-tokens", message, hint=f"silence this where it is meant; else: {FEATURES}")


def _moved_for_nothing(node: Node, nodes: list[Node], readers: dict[int, list[Node]]) -> Problem | None:
    """A pattern that moves nothing, and one that puts back what the layer before it moved, where nobody else reads."""
    if not isinstance(node.layer, Moved):
        return None
    from vcalc.operators.reads import read
    from vcalc.operators.rearrange import moves

    pattern = node.layer.pattern_on(node.facts.inner[0])
    if node.kind == "rearrange" and not moves(pattern):
        return Problem("moved-for-nothing", "all leaves this pattern as it arrives", hint="leave it out")
    (index,) = node.inputs
    before = nodes[index] if index >= 0 and len(readers[index]) == 1 else None
    if before is None or not isinstance(before.layer, Moved) or before.facts.front != node.facts.front:
        return None
    (arrives,) = before.facts.inner
    if not all(type(size) is int for size in arrives):
        return None
    first = read(before.layer.pattern_on(arrives), arrives, before.layer.sizes)
    both = None if first.changes_nothing else first.then(pattern, node.layer.sizes)
    transposes = rank(arrives) == TOKENS and not before.layer.in_front
    if both is not None and transposes and both == read("N D -> D N", arrives, {}):
        message = f"this {node.kind} and the {before.kind} in front of it transpose tokens"
        return Problem("roundabout", message, hint="'transpose' says so")
    if both is None or not both.changes_nothing:
        return None
    message = f"this {node.kind} puts everything back where it was before the {before.kind} in front of it"
    return Problem("moved-for-nothing", message, hint="leave both out, or put between them what they are for")


def _class_tokens_alone(node: Node, nodes: list[Node], readers: dict[int, list[Node]]) -> Problem | None:
    """Class tokens of which nothing but themselves is kept: a table that was made of what it has nothing to do with."""
    before = nodes[node.inputs[0]] if node.kind == "keep_tokens" and node.inputs[0] >= 0 else None
    if before is None or before.kind != "class_token" or len(readers[before.index]) > 1:
        return None
    kept, put = node.layer.values(), before.layer.values()["count"]
    if not certainly_equal(kept["start"], 0) or certainly_less(put, kept["count"]):
        return None
    message = "class tokens are put before the others, and none of the others is kept"
    hint = f"learned: {{N: {show(kept['count'])}, D: {show(node.output[-1])}}} is such a table"
    return Problem("roundabout", message, hint=hint)


def _equal(first: Shape, second: Shape) -> bool:
    return len(first) == len(second) and all(map(certainly_equal, first, second))


def _rows_left_over(node: Node) -> Problem | None:
    """Rows or columns at the end of a map that no window reads, although the windows reach one another."""
    arrives, leaves = node.facts.inner[0] if node.inputs else NOTHING, node.facts.made
    if not rank(arrives) == rank(leaves) == MAP or len(arrives) != len(leaves):
        return None
    window = node.layer.reach(arrives)
    if not isinstance(window, Sliding):
        return None
    slides = zip(window.kernel, window.stride, window.pad, window.dilation, strict=True)
    for name, size, positions, slide in zip(names_of(arrives)[1:], arrives[1:], leaves[1:], slides, strict=True):
        if all(type(number) is int for number in (size, positions, *slide)):
            problem = _left_over(node.kind, name, size, positions, *slide)
            if problem:
                return problem
    return None


def _left_over(
    kind: str, name: str, size: int, positions: int, kernel: int, stride: int, pad: int, dilation: int
) -> Problem | None:
    """The same along one axis."""
    side, what = PLACES[name]
    reach = extent(kernel, dilation)
    left = size - ((positions - 1) * stride + reach - pad)
    if left <= 0 or stride == 1 or reach < stride:
        return None
    last, are = (f"the last {left} {what}", "are") if left > 1 else (f"the last {what[:-1]}", "is")
    if reach == stride:
        message = f"windows of {reach} do not tile a {side} of {size}: {last} of the input {are} left out"
        pool = ", pad, or ceil_mode: true" if "pool" in kind else ", or pad"
        return Problem("window-does-not-tile", message, hint=f"a {side} that {stride} divides{pool}")
    message = f"windows of {reach} in steps of {stride} end early in a {side} of {size}: {last} {are} never read"
    hint = f"a {side} of {size - left} or {size + stride - left}, or more pad"
    return Problem("stride-drops-rows", message, hint=hint)


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
    yield from _hidden(spec)
    yield from _unread(spec)
    yield from _handed_in_vain(spec)


def _hidden(spec: Spec) -> Iterator[Problem]:
    """Names that hide another: what they stand for depends on where one looks."""
    required = set(_required(spec))
    before: dict[str, tuple[YamlNode, str]] = {}
    for name, key, what, hides in spec.bound:
        hidden = "the catalogue's model of that name" if is_model(name) else ""
        if hides and key not in required:
            node, other = before.get(name, (None, "a symbol"))
            if name in spec.names:
                node, other = spec.names[name], "a hyperparameter"
            of_line = f" of line {spec.source.place(node).line}" if node else ""
            hidden = f"the {other.partition(' ')[2]}{of_line}"
        if hidden:
            yield _shadowed(f"{quoted(name)} names {what} here, and hides {hidden}", spec.source.place(key))
        before[name] = (key, what)
    for name, node in spec.worded:
        message = f"{quoted(name)} is a word of this field here, and hides what has that name"
        yield _shadowed(message, spec.source.place(node))


def _shadowed(message: str, place: Place) -> Problem:
    return Problem("shadowed-name", message, place, "give one of them another name")


def _required(spec: Spec) -> Iterator[YamlNode]:
    """Where arguments are written that every call has to give: they hide a name, and surprise nobody."""
    for block in spec.blocks.values():
        entries = spec.source.mapping(block.node, "a block")
        if "args" in entries:
            yield from (
                key for key, value in spec.source.mapping(entries["args"][1], "args").values() if is_null(value)
            )


def _unread(spec: Spec) -> Iterator[Problem]:
    """Saved tensors whose name is never taken up: in the block that has it, or by a call that asks the block for it."""
    networks = [(_steps_of(body), *_ports(spec, models)) for body, models in _bodies(spec)]
    blocks = [_steps_of(block.body) for block in spec.blocks.values()]
    asked = {name for steps in (*(steps for steps, *_ in networks), *blocks) for step in steps for name in _asked(step)}
    for steps, inputs, outputs in (*networks, *((each, set[str](), asked) for each in blocks)):
        taken = {name for step in steps for name in _taken(step)} | outputs
        for step in steps:
            for name in _named(step):
                place: Place = spec.source.place(step.node)
                if name in inputs:
                    message = f"{quoted(name)} names another tensor from here on, and hides the input of that name"
                    yield _shadowed(message, place)
                if name not in taken:
                    message = f"{quoted(name)} is saved, and nothing takes it up"
                    yield Problem("unused-branch", message, place, f"take: {name}, or leave the save out")


def _handed_in_vain(spec: Spec) -> Iterator[Problem]:
    """Tensors that a call hands to a block which takes up none of that name."""
    bodies = [body for body, _ in _bodies(spec)]
    blocks = {name: _steps_of(block.body) for name, block in spec.blocks.items()}
    taken = {name: [each for step in steps for each in _taken(step)] for name, steps in blocks.items()}
    for step in (step for steps in (*map(_steps_of, bodies), *blocks.values()) for step in steps):
        if not isinstance(step, syntax.Call):
            continue
        block = getattr(step.block.node, "value", "")
        for name, tensors in step.takes.items() if block in taken else ():
            if name not in taken[block]:
                message = f"{quoted(name)} is handed to block {block}, which takes up no tensor of that name"
                hint = suggestion(name, taken[block], "it takes") if taken[block] else "leave it out"
                yield Problem("unused-branch", message, spec.source.place(tensors[0].node), hint)


def _bodies(spec: Spec) -> Iterator[tuple[list[syntax.Step], list[syntax.ModelEntry]]]:
    """The lists of layers that are networks, each with the models that have it."""
    models = [*spec.models.values()]
    yield spec.layers, [model for model in models if model.body is None]
    yield from ((model.body, [model]) for model in models if model.body is not None)
    yield from ((option.body, models[:1]) for option in spec.options.values())


def _ports(spec: Spec, models: list[syntax.ModelEntry]) -> tuple[set[str], set[str]]:
    """The names of what goes into some models, and of what comes out."""
    inputs = {name for model in models for name in merged_inputs(spec, model)}
    return inputs, {name for model in models for step in spec.outputs_of(model) for name in _taken(step)}


def _named(step: syntax.Step) -> tuple[str, ...]:
    """The names that a step gives to tensors."""
    if isinstance(step, syntax.Save):
        return (step.tensor.name,)
    return tuple(target.name for target, _ in step.saves) if isinstance(step, syntax.Handing) else ()


def _taken(step: syntax.Step) -> tuple[str, ...]:
    """The names of tensors that a step takes up, or hands to a block."""
    if isinstance(step, syntax.Take):
        return tuple(tensor.name for tensor in step.tensors)
    if isinstance(step, syntax.Handing):
        return tuple(tensor.name for tensors in step.takes.values() for tensor in tensors)
    return ()


def _asked(step: syntax.Step) -> tuple[str, ...]:
    """The names that a call asks its block for."""
    if isinstance(step, syntax.Call):
        return tuple(tensor.name for _, tensors in step.saves for tensor in tensors)
    return ()


def _steps_of(body: list[syntax.Step]) -> list[syntax.Step]:
    """The steps of a list, and of those within."""
    found, lists = [], [body]
    while lists:
        for step in lists.pop():
            found.append(step)
            lists += _inside(step)
    return found


def _inside(step: Any) -> list[list[syntax.Step]]:
    """The lists of steps within a step."""
    if isinstance(step, syntax.Loop):
        return [step.body, step.first or []]
    if isinstance(step, (syntax.Group, syntax.Branch)):
        return [step.body]
    if isinstance(step, syntax.If):
        return [*(then for _, then in step.cases), step.otherwise or []]
    return [[*step.branches]] if isinstance(step, syntax.Branches) else []
