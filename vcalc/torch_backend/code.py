"""A layer written in torch: its `run` as one call, or as a class of its own where that is more.

What is validated is what is exported: both are made from this text. Names and words of a spec never reach it, only
numbers, truth values and the words of a field's own list.
"""

from __future__ import annotations

from inspect import Parameter, signature
from typing import NamedTuple

from vcalc.arithmetic import product
from vcalc.graph import Facts
from vcalc.layers.axes import front_of, inner
from vcalc.operators.text import BATCH, FIRST, IMAGES
from vcalc.torch_backend.lines import Lines
from vcalc.torch_backend.script import Script


class Code(NamedTuple):
    """A module's construction (none for an operation without one), and its call on the inputs {0}, {1}, ...

    The call of a layer without inputs reads `images`, how many there are in the batch.

    One that torch has not is made by `CLASS()`, `body` being the text of that class after its name.
    """

    make: str
    call: str = "{self}({0})"
    body: str = ""
    first: str = ""
    """What the first parameter is called in it."""


def by_experts(code: Code, facts: Facts, inputs: int) -> Code:
    """A layer that every expert has, each on its rows; who has chosen whom comes behind its other inputs."""
    if facts.owns.sets == 1 or not code.make or not any(facts.held):
        return code
    given = ", ".join(f"{{{number}}}" for number in (inputs, *range(inputs)))
    make = f"nn.ModuleList({code.make} for _ in range({facts.owns.sets}))"
    return code._replace(make=make, call=f"by_expert({{self}}, {given})")


CLASS = "CLASS"
"""Stands for the name of a class."""


def code_of(facts: Facts) -> Code:
    """A layer of known sizes, written in torch."""
    code = _code(facts)
    for number in facts.front.lacking:
        one = f"{{{number}}}.repeat_interleave({facts.front.times}, 0)"
        code = code._replace(call=code.call.replace(f"{{{number}}}", one))
    return code


def _code(facts: Facts) -> Code:
    layer = facts.layer
    shapes = tuple((BATCH * product(shape[: len(front_of(shape))]), *inner(shape)) for shape in facts.inner)
    script = Script(layer.run, shapes, facts.form, layer.composed)
    inputs = [f"{{{number}}}" for number in range(len(shapes))]
    lines = Lines(script, inputs)
    if inputs and not lines.statements and len(script.modules) == len(script.members):
        called = _call(script, lines.returned)
        if called is not None:
            return called._replace(first=script.first.rpartition(".")[2])
    return Code(f"{CLASS}()", f"{{self}}({', '.join(inputs) or 'images'})", _body(facts, script), script.first)


def _call(script: Script, text: str) -> Code | None:
    """What comes to one call, of at most one module or of several in a row."""
    text = text.replace(FIRST, "{0}").replace(IMAGES, "{0}.shape[0]")
    made = [script.members[name] for name in script.modules]
    if len(made) < 2:
        return Code(made[0], text.replace(f"self.{script.modules[0]}(", "{self}(")) if made else Code("", text)
    row = "".join(f"self.{name}(" for name in reversed(script.modules)) + "{0}" + ")" * len(made)
    return Code(f"nn.Sequential({', '.join(made)})") if text == row else None


def _body(facts: Facts, script: Script) -> str:
    """A class, after its name."""
    layer, names = facts.layer, _names(facts)
    lines = Lines(script, names)
    members = [
        f'self.register_buffer("{name}", {text})' if name in script.buffers else f"self.{name} = {text}"
        for name, text in script.members.items()
    ]
    statements = [*lines.statements, f"return {lines.returned}"]
    first = names[0] if names else "self.like"
    if not names and any(FIRST in line for line in statements):
        members.append('self.register_buffer("like", torch.zeros(0), persistent=False)')
    if names and any(IMAGES in line for line in statements):
        statements.insert(0, f"images = {names[0]}.shape[0]")
    if names and layer.is_view(False, facts.inner[0]) and not layer.is_view(True, facts.inner[0]):
        statements.insert(0, f"if not self.training:\n            return {names[0]}")
    taken = ", ".join(f"{name}: Tensor" for name in names) or "images: int"
    made = "\n        ".join(["super().__init__()", *members])
    run = "\n        ".join(statements).replace(IMAGES, "images").replace(FIRST, first)
    says = (type(layer).__doc__ or "").splitlines()[0]
    init = f"    def __init__(self) -> None:\n        {made}\n\n" if members else ""
    return f'(nn.Module):\n    """{says}"""\n\n{init}    def forward(self, {taken}) -> Tensor:\n        {run}'


def _names(facts: Facts) -> list[str]:
    """What `run` calls its inputs."""
    _, *given = signature(facts.layer.run).parameters.values()
    if given and given[0].kind is Parameter.VAR_POSITIONAL:
        return [f"{given[0].name.rstrip('s')}{number or ''}" for number in range(len(facts.inner))]
    return [each.name for each in given[: len(facts.inner)]]
