"""The names of tensors as a file writes them: `x`, `x[i - 1]`, `x[1:]`, `backbone/stage2`."""

from __future__ import annotations

import yaml

from vcalc.errors import quoted
from vcalc.language.expression import parse, parse_places
from vcalc.source.read import Entries, YamlNode
from vcalc.spec.fields import FieldReader, Names
from vcalc.spec.syntax import Save, Tensor, Value


class TensorReader(FieldReader):
    """Reads the names of tensors, with the places in brackets behind them."""

    def tensor(self, node: YamlNode, names: Names, what: str) -> Tensor:
        """A tensor to take, or some of a list: `x`, `backbone/stage2`, `x[i - 1]`, `x[1:]`."""
        text = self.source.text(node, what)
        name, bracket, _ = text.partition("[")
        if not bracket:
            return Tensor(node, text)
        if not name.strip():
            self.source.report("name", f"{quoted(text)} has no name before its brackets", node, "write x[0]")
        places = self.expression(node, names, lambda: parse_places(text, name))
        return Tensor(node, name.strip(), Value(node, places))

    def tensors(self, node: YamlNode, names: Names, what: str) -> list[Tensor]:
        """A tensor to take, or a list of them, each of which may stand for some."""
        items = self.source.sequence(node, what) if not isinstance(node, yaml.ScalarNode) else [node]
        if not items and isinstance(node, yaml.SequenceNode):
            self.source.report("missing", f"{what} needs the name of a tensor", node, f"write {what}: x")
        return [self.tensor(item, names, what) for item in items]

    def target(self, node: YamlNode, names: Names, what: str) -> Tensor:
        """A tensor to save: `x`, or `x[i]` at a place of a list."""
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        name, bracket, rest = text.partition("[")
        if not bracket:
            return self.noted(Tensor(node, self.label(node, what)))
        label = name.strip()
        if not label or not rest.endswith("]"):
            self.source.report("name", f"{quoted(text)} is no name with a place in brackets", node, "write x[i]")
            return Tensor(node, label)
        self.label(yaml.ScalarNode("", label, node.start_mark, node.end_mark), what)
        place = self.expression(node, names, lambda: parse(rest[:-1]), len(name) + 1)
        return self.noted(Tensor(node, label, Value(node, place)))

    def noted(self, tensor: Tensor) -> Tensor:
        """Note that there is a tensor of that name."""
        self.tensor_names.add(tensor.name)
        return tensor

    def save(self, node: YamlNode, entries: Entries, names: Names) -> Save:
        self.source.known_keys(entries, ("save",), "save")
        return Save(node, self.target(entries["save"][1], names, "save"))

    def handed(self, entries: Entries, names: Names) -> dict[str, list[Tensor]]:
        """The tensors that a call hands to its block: by the names that it has for them, or as they are called."""
        if "take" not in entries:
            return {}
        node = entries["take"][1]
        if isinstance(node, yaml.MappingNode):
            pairs = self.source.mapping(node, "take")
            return {self.label(key, "take"): self.tensors(value, names, "take") for key, value in pairs.values()}
        tensors = self.tensors(node, names, "take")
        told: set[str] = set()
        for tensor in tensors:
            name = str(tensor)
            if name in told:
                hint = f"leave one out; by two names of the block it is {{a: {name}, b: {name}}}"
                self.source.report("name", f"take hands over {quoted(name)} twice", tensor.node, hint)
            told.add(name)
            if tensor.places is not None:
                hint = f"write take: {{its: '{tensor}'}}, 'its' being the block's name"
                self.source.report("name", f"{quoted(str(tensor))} needs a name in the block", tensor.node, hint)
        return {self.label(tensor.node, "take"): [tensor] for tensor in tensors if tensor.places is None}

    def asked(self, entries: Entries, names: Names) -> list[tuple[Tensor, list[Tensor]]]:
        """What a call asks of the tensors that its block has saved: the caller's names, each with the block's."""
        if "save" not in entries:
            return []
        node = entries["save"][1]
        if isinstance(node, yaml.MappingNode):
            pairs = self.source.mapping(node, "save")
            return [
                (self.target(key, names, "save"), self.tensors(value, names, "save")) for key, value in pairs.values()
            ]
        items = [node] if isinstance(node, yaml.ScalarNode) else self.source.sequence(node, "save")
        return [(self.target(item, names, "save"), self.tensors(item, names, "save")) for item in items]
