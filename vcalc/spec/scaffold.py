"""`vcalc new`: a spec to begin with, each part of it explained; small and working, or a copy of one model's."""

from __future__ import annotations

import os
import re
from typing import Any

import yaml

from vcalc.errors import VcalcError, printable, quoted
from vcalc.graph import Node
from vcalc.source.read import YamlNode, is_null
from vcalc.source.sections import Section, sections
from vcalc.spec.network import Network, expand, written_by
from vcalc.spec.parse import parse_spec
from vcalc.spec.sizes import merged_inputs
from vcalc.spec.syntax import ModelEntry, Spec
from vcalc.spec.top import TOP

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,59}"

_FIRST = """\
# {name}, a network for vcalc:  vcalc table {file}
# docs/spec-language.md has the language, `vcalc layers` the layer kinds, docs/editors.md completion in an editor.

# The name that the tables print, and where the network is described, down to the table or figure.
title: {title}
cite: not published

# What arrives: channels, height and width of an image. {{C: 1, L: 16000}} would be a sequence, sound for one,
# {{C: 3, T: 16, H: 112, W: 112}} a video, {{N: 196, D: 768}} tokens, {{D: 100}} a vector. Several have names:
# inputs: {{image: {{C: 3, H: 224, W: 224}}, text: {{D: 77}}}}; outputs: [boxes, classes] names what comes out.
input: {{C: 3, H: 224, W: 224}}

# Hyperparameters. Each can be set from the command line: --set width=64, or --set width=w for formulas in w.
let:
  classes: 1000
  width: 32
  depths: [2, 2, 2]

# Lists of layers that are called like a layer. An argument without a value has to be given with each call.
blocks:
  conv_bn:
    args: {{out: , kernel: 3, stride: 1}}
    do:
      - conv: {{out: out, kernel: kernel, stride: stride, pad: kernel // 2, bias: false}}
      - batchnorm

# The network, in the order in which it runs.
layers:
  # A named group: `vcalc table {file} --depth 1` shows it as one row.
  - name: stem
    do:
      - conv_bn: {{out: width, stride: 2}}
      - relu
  # A loop over lists of the same length; its name makes the turns groups: stage1, stage2, stage3.
  - each: {{c: [width, 2*width, 4*width], n: depths}}
    name: stage
    do:
      - conv_bn: {{out: c, stride: 2}}
      - relu
      - repeat: n
        name: block
        do:
          # What the list gives is added to what arrived. C, H and W are the sizes of what arrives at a layer.
          - residual:
              - conv_bn: {{out: C}}
              - relu
              - conv_bn: {{out: C}}
          - relu
  - global_avgpool
  - linear: {{out: classes, name: classifier}}

# What it comes to, pinned: `vcalc check {file}` says where a change bears on it, `--accept` writes the new figures.
expect: {{}}

# Published figures, each worked out anew by `vcalc claims {file}`:
# claims:
#   - {{source: 'the paper, Table 2', metric: params, printed: 1.2M}}
"""


def check_name(name: str) -> None:
    """Refuse what cannot name a model and its file."""
    if not re.fullmatch(_NAME, name):
        message = f"{quoted(name)} cannot name a model"
        raise VcalcError("name", message, hint="letters, digits, - and _; --output says where the file goes")


def first_spec(name: str, file: str) -> str:
    """A small network that classifies images, each part explained; its `expect` is empty."""
    return _FIRST.format(name=name, file=file, title=written(name))


def copied_spec(name: str, file: str, spec: Spec, model: ModelEntry) -> str:
    """A spec of one model alone, with another name and an empty `expect`.

    Raises VcalcError where the copy would not be the same network.
    """
    root = _root(spec)
    parts = {part.key: part for part in sections(spec.source.lines, root)[1]}
    keys = {key.value: (key, value) for key, value in root.value}
    made: dict[str, list[str]] = {
        "title": [f"title: {written(name)}"],
        "cite": [f"cite: {written('after ' + ' '.join(spec.cite.split()))}"] if spec.cite else [],
        **_inputs(spec, model, parts),
        "outputs": _outputs(model, parts),
        "let": _let(spec, model, *((*keys["let"], len(parts["let"].lines)) if "let" in keys else ())),
        "same_as": [_same_as(model)] if model.same_as else [],
        "expect": ["expect: {}"],
        "written": _writing(spec, model, parts["written"].lines if "written" in parts else []),
        "libraries": parts["libraries"].lines if "libraries" in parts and model.same_as else [],
    }
    for key in ("convention", "symbols", "bits", "density", "frozen", "blocks", "layers"):
        made[key] = [*parts[key].comments, *parts[key].lines] if key in parts else []
    if model.body is not None:
        made["layers"] = _own_layers(spec.source.lines, root, model)
    lines = [
        f"# {name}, made by `vcalc new` from {_where(spec, model)}:  vcalc table {file}",
        "# docs/spec-language.md has the language, `vcalc layers` the layer kinds, docs/editors.md completion.",
    ]
    for key in TOP.keys:
        if made.get(key):
            lines += [
                "",
                *([] if key in ("cite", "convention") else [f"# {_SAYS.get(key, TOP.keys[key].doc)}"]),
                *made[key],
            ]
    text = "\n".join(lines).replace("\n\ncite:", "\ncite:") + "\n"
    _check_same(text, file, spec, model)
    return text


def _where(spec: Spec, model: ModelEntry) -> str:
    """`resnet50 (ResNet-50, in resnet.yaml)`, on one line."""
    return printable(f"{model.name} ({model.title}, in {os.path.basename(spec.file)})")


_SAYS = {
    "title": "The name that the tables print, and where the network is described, down to the table or figure.",
    "let": "Hyperparameters with their values: --set classes=10 changes one from the command line.",
    "same_as": "The implementations that it still equals: delete this as soon as it does not.",
    "expect": "What it comes to, pinned: `vcalc check --accept` writes the figures anew after a change.",
}


def _root(spec: Spec) -> YamlNode:
    from vcalc.source.read import read

    source, root = read("\n".join(spec.source.lines) + "\n", spec.file)
    if root.flow_style:
        place = source.place(root)
        raise VcalcError(
            "copy", "a spec in braces cannot be copied in part", place, "write it without the outer braces"
        )
    return root


def _inputs(spec: Spec, model: ModelEntry, parts: dict[str, Section]) -> dict[str, list[str]]:
    """The input, or the inputs by name, as the model has them."""
    if not model.inputs:
        key = "inputs" if "inputs" in parts else "input"
        return {key: [*parts[key].comments, *parts[key].lines]}
    each = {}
    for name, sizes in merged_inputs(spec, model).items():
        each[name] = ", ".join(f"{size}: {_flow(value.node)}" for size, value in sizes.items())
    if "" in each:
        return {"input": [f"input: {{{each['']}}}"]}
    return {"inputs": ["inputs:", *(f"  {name}: {{{sizes}}}" for name, sizes in each.items())]}


def _outputs(model: ModelEntry, parts: dict[str, Section]) -> list[str]:
    """What comes out, as the model has it."""
    if model.outputs:
        return [f"outputs: [{', '.join(written(step.tensors[0].name) for step in model.outputs)}]"]
    return [*parts["outputs"].comments, *parts["outputs"].lines] if "outputs" in parts else []


def _let(spec: Spec, model: ModelEntry, key: YamlNode = None, node: YamlNode = None, length: int = 0) -> list[str]:
    """The hyperparameters as the model has them: its own values in the place of those that it overrides."""
    own = {name: _flow(value.node) for name, value in model.values.items()}
    if not own and not spec.let:
        return []
    indent = "  "
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        indent = " " * node.value[0][0].start_mark.column
        start = key.start_mark.line
        kept, parts = sections(spec.source.lines, node, start + 1, start + length)
        for part in parts:
            value = own.pop(part.key, None)
            kept += part.comments + (part.lines if value is None else [f"{indent}{part.key}: {value}"])
    else:
        kept = [f"{indent}{name}: {own.pop(name, None) or _flow(value.node)}" for name, value in spec.let.items()]
    return ["let:", *kept, *(f"{indent}{name}: {value}" for name, value in own.items())]


def _own_layers(lines: list[str], root: YamlNode, model: ModelEntry) -> list[str]:
    """The layers that a model has for itself, as those of a file."""
    key, body = _at(_at(_at(root, "models")[1], model.name)[1], "do")
    start, end = body.start_mark, body.end_mark
    if body.flow_style:
        text = [*lines[start.line : end.line], lines[end.line][: end.column]]
        text[0] = text[0][start.column :]
        return [f"layers: {text[0]}", *(f"  {line.strip()}" for line in text[1:])]
    own = lines[key.start_mark.line + 1 : end.line]
    while own and (not own[-1].strip() or len(own[-1]) - len(own[-1].lstrip()) < start.column):
        own.pop()
    return ["layers:", *(f"  {line[min(start.column, len(line) - len(line.lstrip())) :]}".rstrip() for line in own)]


def _at(mapping: YamlNode, name: str) -> tuple[YamlNode, YamlNode]:
    """A key of a mapping, and its value."""
    return next((key, value) for key, value in mapping.value if key.value == name)


def _same_as(model: ModelEntry) -> str:
    return f"same_as: {{{', '.join(f'{library}: {written(name)}' for library, name in model.same_as.items())}}}"


def _writing(spec: Spec, model: ModelEntry, lines: list[str]) -> list[str]:
    """How libraries call the layers: the file's own lines, or those of a model of which more is said."""
    every = {library: written_by(spec, model, library)[0] for library in model.same_as}
    if all(forms == spec.written.get(library, {}) for library, forms in every.items()):
        return lines if model.same_as else []
    forms = {library: ", ".join(f"{name}: {form}" for name, form in each.items()) for library, each in every.items()}
    return ["written:", *(f"  {library}: {{{each}}}" for library, each in forms.items() if each)]


def _flow(node: YamlNode, inside: bool = False) -> str:
    """A value on one line."""
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(_flow(item, True) for item in node.value) + "]"
    if inside or node.style:
        return written(node.value)
    return str(node.value)


def written(text: str) -> str:
    """A text as YAML takes it, in quotes where it would be something else without."""
    plain = re.fullmatch(r"[A-Za-z0-9][\w.+*/% -]*", text) and text.strip() == text
    node = yaml.ScalarNode("", text)
    return text if plain and not is_null(node) else "'" + text.replace("'", "''") + "'"


def _check_same(text: str, file: str, spec: Spec, model: ModelEntry) -> None:
    """Refuse a copy that is not the very network that it was made from."""
    wanted, why = _layers(expand(spec, model)), "other layers come of it"
    try:
        copy = parse_spec(text, file, file)
        same = _layers(expand(copy, next(iter(copy.models.values())))) == wanted
    except VcalcError as error:
        same, why = False, error.problems[0].message
    if not same:
        message = f"{model.name} cannot be copied out of {spec.file}: {why}"
        raise VcalcError("copy", message, hint="copy the file by hand")


def _layers(network: Network) -> list[Any]:
    return [
        network.graph.inputs,
        network.graph.outputs,
        *_nodes(network),
    ]


def _nodes(network: Network) -> list[Any]:
    return [(*_said(node), node.inputs, node.facts.inputs, node.output) for node in network.graph.nodes]


def _said(node: Node) -> tuple[Any, ...]:
    """What a spec says of a layer."""
    return (node.path, node.kind, node.layer.values(), node.frozen, node.widths)
