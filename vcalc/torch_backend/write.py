"""A network as the text of a Python module: what `vcalc export` writes and what the backend runs."""

from __future__ import annotations

import keyword
import re
from heapq import heappop, heappush
from textwrap import fill

from vcalc.graph import Graph, Node, takes_words
from vcalc.spec.network import Network
from vcalc.torch_backend.code import CLASS, Code, by_experts, code_of


class Line:
    """One layer: the attribute that holds its module, its code, the names of its inputs and of its output.

    `dead` are names whose tensors nobody reads after it; `tied` is the layer whose first parameter it has.
    """

    __slots__ = ("attribute", "code", "dead", "inputs", "node", "output", "tied")

    def __init__(self, node: Node, attribute: str, code: Code, inputs: list[str], output: str, dead: list[str]) -> None:
        self.node = node
        self.attribute = attribute
        self.code = code
        self.inputs = inputs
        self.output = output
        self.dead = dead
        self.tied: Line | None = None

    @property
    def first(self) -> str:
        """Its first parameter."""
        return f"self.{self.attribute}.{self.code.first}"

    @property
    def makes(self) -> bool:
        """Whether it has a module of its own, and not that of the layer whose parameters it shares."""
        return bool(self.code.make) and self.node.shares is None

    @property
    def make(self) -> str:
        """The module's expression; the parameters of a frozen layer have no gradient."""
        return (
            f"{self.code.make}.requires_grad_(False)"
            if self.node.frozen and self.node.facts.parameters
            else self.code.make
        )

    @property
    def call(self) -> str:
        """The call's expression."""
        return self.code.call.format(*self.inputs, self=f"self.{self.attribute}")


def lines(graph: Graph) -> list[Line]:
    """The layers in the order they run. A name is used again once the tensor that it held has been read last.

    The names of inputs stay theirs, but for the only one that has none.
    """
    last: dict[int, int] = {}
    for node in graph.nodes:
        for index in node.inputs:
            last[index] = node.index
    kept = {*graph.outputs.values(), *(graph.starts if "" not in graph.inputs else ())}
    taken: set[str] = set()
    holds = arguments(graph)
    own = len(holds) if "" not in graph.inputs else 0
    free: list[str] = []
    made: list[Line] = []
    classes: dict[str, str] = {}
    attributes: dict[int, str] = {}
    for node in graph.nodes:
        attributes[node.index] = attribute = (
            _attribute(node.path, taken) if node.shares is None else attributes[node.shares]
        )
        inputs = [holds[index] for index in node.inputs]
        chosen = None if node.routed is None else holds[node.routed]
        dead = [
            holds.pop(index) for index in dict.fromkeys(node.inputs) if last[index] == node.index and index not in kept
        ]
        for name in dead:
            heappush(free, name)
        output = heappop(free) if free else f"x{len(holds) - own or ''}"
        holds[node.index] = output
        dead = [name for name in dead if name != output]
        code = _called(code_of(node.facts), type(node.facts.layer).__name__, classes)
        code = by_experts(code, node.facts, len(inputs))
        inputs += [] if chosen is None else [chosen]
        made.append(Line(node, attribute, code, inputs, output, dead))
        made[-1].tied = None if node.tied is None else made[node.tied]
    return made


def _called(code: Code, base: str, classes: dict[str, str]) -> Code:
    """Code whose class has a name: that of the layer's, and a number where layers of one kind differ in it."""
    if not code.body:
        return code
    name = classes.get(code.body)
    if name is None:
        number = 1 + sum(each.rstrip("0123456789") == base for each in classes.values())
        name = classes[code.body] = base if number == 1 else f"{base}{number}"
    return code._replace(make=code.make.replace(CLASS, name), body=f"class {name}{code.body}")


def arguments(graph: Graph) -> dict[int, str]:
    """What `forward` calls each input, by its index: x, or its own name, unless that means something else there."""
    if "" in graph.inputs:
        return dict.fromkeys(graph.starts, "x")
    made: dict[int, str] = {}
    for index, name in zip(graph.starts, graph.inputs, strict=True):
        while name in made.values() or re.fullmatch(r"x\d*|self|torch|F|nn|Tensor|images|makes|runs|__\w*", name):
            name = f"{name}_input".lstrip("_")
        made[index] = name
    return made


def _attribute(path: str, taken: set[str]) -> str:
    """A path as an attribute that no other layer and nothing of nn.Module has."""
    name = re.sub(r"\W", "_", path, flags=re.ASCII)
    if not name or name[0].isdigit() or keyword.iskeyword(name) or name in _RESERVED or name.startswith("__"):
        name = f"layer_{name}"
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    taken.add(unique)
    return unique


_RESERVED = frozenset(
    word
    for line in (
        "T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches",
        "eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict",
        "modules mtia named_buffers named_children named_modules named_parameters parameters register_buffer",
        "register_module register_parameter requires_grad_ set_extra_state set_submodule share_memory state_dict to",
        "to_empty train training type xpu zero_grad",
    )
    for word in line.split()
)
"""What an nn.Module has of its own."""


_IMPORTS = """from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn"""


def source(network: Network, parts: str, watched: list[Line] | None = None) -> str:
    """The whole module; `parts` is the text of vcalc's own modules, of which only those that are used are kept.

    One whose lines are `watched` has `makes` and `runs`, which have to be in its namespace, make each layer's module
    and run it: they are handed the layer's number, a function and its arguments.
    """
    made = watched or lines(network.graph)
    body = "\n".join(
        f"        self.{line.attribute} = {_handed('makes', i, line.make) if watched else line.make}"
        for i, line in enumerate(made)
        if line.makes
    )
    for line in made:
        if line.tied:
            both = f"self.{line.attribute}, self.{line.tied.attribute}"
            body += f"\n        if None not in ({both}):\n    " if watched else "\n"
            body += f"        {line.first} = {line.tied.first}"
    run = "\n".join(
        f"        {line.output} = {_handed('runs', i, line.call) if watched else line.call}"
        + (f"\n        del {', '.join(line.dead)}" if line.dead else "")
        for i, line in enumerate(made)
    )
    graph = network.graph
    first = next(iter(arguments(graph).values()))
    begin = f"        images = {first}.shape[0]\n" if any(line.node.layer.begins for line in made) else ""
    classes = list(dict.fromkeys(line.code.body for line in made if line.code.body))
    used = set(re.findall(r"\b(\w+)\(", "\n".join([body, *(line.call for line in made), *classes])))
    taken = ", ".join(f"{name}: Tensor" for name in arguments(graph).values())
    given = "Tensor" if len(graph.outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(graph.outputs))}]"
    cite = f"\n\n{fill(_plain(network.spec.cite), 100)}" if network.spec.cite else ""
    blocks = [
        f'"""{_plain(network.title)}, {_signature(graph)}.{cite}\n\nWritten by vcalc; needs torch only.\n"""',
        *_head(_used_parts(parts, used)),
        *classes,
        f"class Network(nn.Module):\n    def __init__(self) -> None:\n        super().__init__()\n{body}\n\n"
        f"    def forward(self, {taken}) -> {given}:\n{begin}{run}\n        return {_given(graph, made)}",
        'if __name__ == "__main__":\n    network = Network().eval()\n    with torch.no_grad():\n'
        f"        print({_shapes(graph)}, sum(p.numel() for p in network.parameters()))",
    ]
    return (
        "\n\n\n".join(blocks[:2]).replace("\n\n\nfrom __future__", "\n\nfrom __future__")
        + "".join(f"\n\n\n{block}" for block in blocks[2:])
        + "\n"
    )


def _signature(graph: Graph) -> str:
    """What goes in and, where they have names, what comes out."""
    names = arguments(graph) if "" not in graph.inputs else dict.fromkeys(graph.starts, "")
    each = [
        f"{names[index]} {' x '.join(shape.axes)} = {', '.join(map(str, shape))}".lstrip()
        for index, shape in graph.starts.items()
    ]
    says = f"input{'s' * (len(each) > 1)} {'; '.join(each)}"
    return says if "" in graph.outputs else f"{says}; gives {', '.join(map(_plain, graph.outputs))}"


def _shapes(graph: Graph) -> str:
    """The shapes of what a network gives for zeros, or for word numbers where it looks them up."""
    zeros = [
        f"torch.zeros(1, {', '.join(map(str, shape))}{', dtype=torch.long' if takes_words(graph, index) else ''})"
        for index, shape in graph.starts.items()
    ]
    run = f"network({', '.join(zeros)})"
    return f"tuple({run}.shape)" if len(graph.outputs) == 1 else f"*(tuple(y.shape) for y in {run})"


def _given(graph: Graph, made: list[Line]) -> str:
    """The outputs in order, what stands in front of each apart from the batch."""
    names = {**arguments(graph), **{line.node.index: line.output for line in made}}
    each = []
    for index in graph.outputs.values():
        output = graph.shape(index)
        sizes = ", ".join(map(str, output[: len(output.front)]))
        each.append(f"{names[index]}.unflatten(0, (-1, {sizes}))" if sizes else names[index])
    return ", ".join(each)


def _handed(to: str, number: int, text: str) -> str:
    """A call put into another's hands; Python compiles plain arguments several times as fast as functions of none."""
    call = re.fullmatch(r"([\w.]+)\(([^()]*)\)", text)
    return f"{to}({number}, {f'{call[1]}, {call[2]}' if call else f'lambda: {text}'})"


def _plain(text: str) -> str:
    """A title or citation as it may stand in a docstring."""
    return " ".join(text.split()).replace("\\", "/").replace('"""', "''").replace('"', "'")


def _head(parts: list[str]) -> list[str]:
    """What is imported, and the parts that are used."""
    typed = any(": Any" in part for part in parts)
    return [_IMPORTS.replace("\n\n", "\n\nfrom typing import Any\n\n", 1) if typed else _IMPORTS, *parts]


def _used_parts(text: str, used: set[str]) -> list[str]:
    """The classes and functions of a module's text that are used, with those that they use, in their order."""
    blocks = {
        match[1]: match[0].rstrip()
        for match in re.finditer(r"^(?:class|def) (\w+)\(.*?(?=^class |^def |\Z)", text, re.MULTILINE | re.DOTALL)
    }
    wanted = {name for name in used if name in blocks}
    while True:
        more = {
            name for name in blocks for by in wanted if re.search(rf"\b{name}(?:\(|\.apply)|\({name}\):", blocks[by])
        } - wanted
        if not more:
            return [block for name, block in blocks.items() if name in wanted]
        wanted |= more
