"""A network as the text of a Python module: what `vcalc export` writes and what the backend runs."""

from __future__ import annotations

import keyword
import re
from heapq import heappop, heappush

from vcalc.graph import Graph, Node, takes_words
from vcalc.spec.network import Network
from vcalc.torch_backend.code import Code, code_of


class Line:
    """One layer: the attribute that holds its module, its code, the names of its inputs and of its output.

    `dead` are names whose tensors nobody reads after it.
    """

    __slots__ = ("attribute", "code", "dead", "inputs", "node", "output")

    def __init__(self, node: Node, attribute: str, code: Code, inputs: list[str], output: str, dead: list[str]) -> None:
        self.node = node
        self.attribute = attribute
        self.code = code
        self.inputs = inputs
        self.output = output
        self.dead = dead

    @property
    def makes(self) -> bool:
        """Whether it has a module of its own, and not that of the layer whose parameters it shares."""
        return bool(self.code.make) and self.node.shares is None

    @property
    def call(self) -> str:
        """The call's expression."""
        return self.code.call.format(*self.inputs, self=f"self.{self.attribute}")


def lines(graph: Graph) -> list[Line]:
    """The layers in the order they run. A name is used again once the tensor that it held has been read last."""
    last: dict[int, int] = {}
    for node in graph.nodes:
        for index in node.inputs:
            last[index] = node.index
    taken: set[str] = set()
    holds: dict[int, str] = {-1: "x"}
    free: list[str] = []
    made: list[Line] = []
    attributes: dict[int, str] = {}
    for node in graph.nodes:
        own = node.shares is None
        attributes[node.index] = attribute = _attribute(node.path, taken) if own else attributes[node.shares or 0]
        inputs = [holds[index] for index in node.inputs]
        dead = [holds.pop(index) for index in dict.fromkeys(node.inputs) if last[index] == node.index]
        for name in dead:
            heappush(free, name)
        output = heappop(free) if free else f"x{len(holds) or ''}"
        holds[node.index] = output
        dead = [name for name in dead if name != output]
        made.append(Line(node, attribute, code_of(node.facts), inputs, output, dead))
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
        f"        self.{line.attribute} = {_handed('makes', i, line.code.make) if watched else line.code.make}"
        for i, line in enumerate(made)
        if line.makes
    )
    run = "\n".join(
        f"        {line.output} = {_handed('runs', i, line.call) if watched else line.call}"
        + (f"\n        del {', '.join(line.dead)}" if line.dead else "")
        for i, line in enumerate(made)
    )
    begin = "        images = x.shape[0]\n" if any(line.node.layer.begins for line in made) else ""
    names = " x ".join(network.graph.input.axes)
    shape = ", ".join(map(str, network.graph.input))
    used = {name for line in made for name in re.findall(r"\b([A-Z]\w+)\(", line.code.make)}
    example = f"torch.zeros(1, {shape}{', dtype=torch.long' if takes_words(network.graph) else ''})"
    cite = f"\n\n{_plain(network.spec.cite)}" if network.spec.cite else ""
    blocks = [
        f'"""{_plain(network.title)}, input {names} = {shape}.{cite}\n\nWritten by vcalc; needs torch only.\n"""',
        _IMPORTS,
        *_used_parts(parts, used),
        f"class Network(nn.Module):\n    def __init__(self) -> None:\n        super().__init__()\n{body}\n\n"
        f"    def forward(self, x: Tensor) -> Tensor:\n{begin}{run}\n        return {_given(made)}",
        'if __name__ == "__main__":\n    network = Network().eval()\n    with torch.no_grad():\n'
        f"        print(tuple(network({example}).shape), sum(p.numel() for p in network.parameters()))",
    ]
    return (
        "\n\n\n".join(blocks[:2]).replace("\n\n\nfrom __future__", "\n\nfrom __future__")
        + "".join(f"\n\n\n{block}" for block in blocks[2:])
        + "\n"
    )


def _given(made: list[Line]) -> str:
    """The output, what stands in front of it apart from the batch."""
    if not made:
        return "x"
    output = made[-1].node.output
    sizes = ", ".join(map(str, output[: len(output.front)]))
    return f"{made[-1].output}.unflatten(0, (-1, {sizes}))" if sizes else made[-1].output


def _handed(to: str, number: int, text: str) -> str:
    """A call put into another's hands; Python compiles plain arguments several times as fast as functions of none."""
    call = re.fullmatch(r"([\w.]+)\(([^()]*)\)", text)
    return f"{to}({number}, {f'{call[1]}, {call[2]}' if call else f'lambda: {text}'})"


def _plain(text: str) -> str:
    """A title or citation as it may stand in a docstring."""
    return " ".join(text.split()).replace("\\", "/").replace('"""', "''").replace('"', "'")


def _used_parts(text: str, used: set[str]) -> list[str]:
    """The classes of a module's text that are used, with those that they use themselves, in their order."""
    blocks = {
        match[1]: match[0].rstrip()
        for match in re.finditer(r"^class (\w+)\(.*?(?=^class |\Z)", text, re.MULTILINE | re.DOTALL)
    }
    wanted = {name for name in used if name in blocks}
    while True:
        more = {name for name in blocks for by in wanted if re.search(rf"\b{name}\(|\({name}\):", blocks[by])} - wanted
        if not more:
            return [block for name, block in blocks.items() if name in wanted]
        wanted |= more
