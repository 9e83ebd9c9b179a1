"""Receptive fields in tables and records: of several inputs, in each that a layer depends on."""

from __future__ import annotations

from typing import Any

from vcalc.analyses.receptive_field import Field, as_record, fields_by_input, size_of
from vcalc.graph import Graph, Node
from vcalc.layers.axes import places_of
from vcalc.reports.table import pair_text, plain_value


def field_texts(graph: Graph) -> list[str | None]:
    """The sizes of every node's receptive field along each axis of the input; of several inputs, of each it reads."""
    made: list[str | None] = []
    for fields in fields_by_input(graph):
        each = {name: pair_text(size_of(field, graph.inputs[name])) for name, field in fields.items()}
        several = len(graph.inputs) > 1
        texts = [f"{name} {text}".rstrip() if several else str(text) for name, text in each.items()]
        made.append(", ".join(texts) if each else None)
    return made


class FieldRecords:
    """Receptive fields as JSON has them, those that are equal worked out once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.fields = fields_by_input(graph)
        self._seen: dict[tuple[str, Field], dict[str, Any]] = {}

    def of(self, node: Node) -> dict[str, Any] | None:
        """A node's, by the input's name where there are several; None of a table, which reads nothing of the one."""
        each = {name: self._one(name, field) for name, field in self.fields[node.index].items()}
        return each if len(self.graph.inputs) > 1 else each.get(next(iter(self.graph.inputs)))

    def _one(self, name: str, field: Field) -> dict[str, Any]:
        if (name, field) not in self._seen:
            record = as_record(field, self.graph.inputs[name])
            self._seen[name, field] = {key: plain_value(value) for key, value in record.items()}
        return self._seen[name, field]

    @property
    def axes(self) -> Any:
        """What the sizes of a field are called."""
        each = {name: list(places_of(shape)) for name, shape in self.graph.inputs.items()}
        return each if len(each) > 1 else next(iter(each.values()))
