"""How a library's source calls the layers of a network, put into its graph: what it computes stays the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vcalc.errors import VcalcError, suggestion
from vcalc.graph import Facts, Graph, Node
from vcalc.layers import FORMS as ONE
from vcalc.layers import KINDS, WAYS, Layer
from vcalc.source.keys import Schema, Type
from vcalc.source.read import Source, YamlNode

Writing = dict[str, str]
"""The form (see `vcalc.layers.vocabulary`) of every layer of a kind, or at or below a path."""


def problem(name: str, form: str) -> VcalcError | None:
    """What is wrong with one entry; a name that is no layer kind stands for a path."""
    kinds = [KINDS[name]] if name in KINDS else list(KINDS.values())
    known = {known: None for kind in kinds for known in kind.forms}
    if form in known:
        return None
    if not known:
        return VcalcError("written", f"no tool tells ways to call '{name}' apart", hint="leave it out")
    return VcalcError("written", f"'{name}' is not written as '{form}'", hint=suggestion(form, known, "it can be"))


class Forms(Type):
    """How layers are called, by kind or path."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        found: Writing = {}
        example = "write how it calls a kind of layer: {relu: functional}"
        for name, (_, value) in source.mapping(node, "what is written of a library", example).items():
            found[name] = source.text(value, "how a layer is written")
            wrong = problem(name, found[name]) if found[name] else None
            if wrong:
                source.take(wrong, value)
        return found

    def schema(self) -> Schema:
        of_a_kind: Schema = {kind: {"enum": list(cls.forms)} if cls.forms else False for kind, cls in KINDS.items()}
        every = sorted({form for cls in KINDS.values() for form in cls.forms})
        meanings = {
            form: "; ".join(filter(None, (ONE.get(form), WAYS[form].says if form in WAYS else ""))) for form in every
        }
        of_a_path = {"oneOf": [{"const": form, "description": says} for form, says in meanings.items()]}
        return {"type": ["object", "null"], "properties": of_a_kind, "additionalProperties": of_a_path}


FORMS = Forms()


def write(graph: Graph, nodes: list[Node], writing: Writing, part: bool = False) -> None:
    """Give each of the nodes the form that is written for it; what a layer's own step says stays.

    The longest path wins. Raises VcalcError for a path that nothing matches, unless the nodes are a `part` of the
    network, and for that of a layer that cannot be called that way.
    """
    by_path = {name: form for name, form in writing.items() if name not in KINDS}
    lengths = sorted({path.count("/") for path in by_path})
    firsts = {path.partition("/")[0] for path in by_path}
    used: set[str] = set()
    layers: dict[tuple[Layer, str], Layer] = {}
    made: dict[tuple[Facts, str], Facts] = {}
    for node in nodes:
        facts = node.facts
        layer, names = facts.layer, node.path.split("/")
        form = writing.get(layer.kind, "")
        for path in () if firsts.isdisjoint(names) else _around(names, by_path, lengths):
            used.add(path)
            form = by_path[path] if by_path[path] in layer.forms else form
            if node.path == path and by_path[path] not in layer.forms:
                hint = suggestion(by_path[path], layer.forms, "it can be") if layer.forms else ""
                raise VcalcError("written", f"'{path}' is not written as '{by_path[path]}'", hint=hint)
        if form and layer.written is None:
            if (facts, form) not in made:
                if (layer, form) not in layers:
                    layers[layer, form] = layer.in_form(form)
                graph.replace(node, layers[layer, form])
                made[facts, form] = node.facts
            node.facts = made[facts, form]
    for path in by_path:
        if path not in used and not part:
            known = {node.path for node in nodes}
            raise VcalcError("written", f"there is no layer at '{path}'", hint=suggestion(path, known, "there are"))


def _around(names: list[str], written: Writing, lengths: list[int]) -> Iterator[str]:
    """What is written of a path itself or of groups around it, stage1 of stage1/conv2; the longest comes last."""
    for length in lengths:
        for start in range(len(names) - length):
            part = "/".join(names[start : start + length + 1])
            if part in written:
                yield part
