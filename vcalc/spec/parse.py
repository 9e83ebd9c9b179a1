"""A whole file, from YAML nodes to the tree of `vcalc.spec.syntax`. Every problem is noted before it gives up."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import yaml

from vcalc.errors import quoted, suggestion
from vcalc.language.expression import can_name
from vcalc.layers import KINDS
from vcalc.source.read import Entries, Source, YamlNode, describe, is_null, read
from vcalc.spec.fields import Names, is_word, name_hint
from vcalc.spec.ports import PortReader, shape_names
from vcalc.spec.steps import StepReader
from vcalc.spec.syntax import ALL, Block, Frozen, ModelEntry, Option, Spec, Value
from vcalc.spec.top import LIBRARY_EXAMPLE, MODEL, TOP

EXAMPLES = {
    "let": "write let: {width: 64}",
    "models": "write models: {small: {width: 32}}",
    "blocks": "write blocks: {unit: {do: [relu]}}",
    "options": "write options: {small: [relu]}",
}
NOTHING: Names = frozenset()
"""The shape that arrives before there is a layer."""


def parse_spec(text: str, file: str, model: str) -> Spec:
    """Read a file's text; `model` names the one model of a file without `models`.

    Raises VcalcError with all problems of the file.
    """
    source, root = read(text, file)
    if not isinstance(root, yaml.MappingNode):
        hint = "write layers: above the list, and input: {C: 3, H: 224, W: 224}"
        message = f"a spec is a mapping with title, input and layers, not {describe(root)}"
        source.report("type", message, root, hint if isinstance(root, yaml.SequenceNode) else "")
        source.raise_problems()
    if len(root.value) == 1:
        from vcalc.spec.beside import check_network

        check_network(source, root.value[0][0].value)
    return _Parser(source, root).spec(model)


class _Parser:
    """One file's reading."""

    def __init__(self, source: Source, root: YamlNode) -> None:
        self.source = source
        self.root = root
        self.top = source.mapping(root, "a spec")
        self.said = TOP.read(source, root)
        self.reader = StepReader(source)
        self.ports = PortReader(self.reader)
        self.let_nodes, self.model_nodes = self.entries("let"), self.entries("models")
        self.block_nodes, self.option_nodes = self.entries("blocks"), self.entries("options")
        self.model_entries = {
            name: source.mapping(node, f"model {quoted(name)}", f"write {name}: {{width: 64}}")
            for name, (_, node) in self.model_nodes.items()
        }

    def entries(self, key: str) -> Entries:
        return self.source.mapping(self.top[key][1], key, EXAMPLES.get(key, "")) if key in self.top else {}

    def spec(self, model: str) -> Spec:
        source, reader, spec, said = self.source, self.reader, Spec(self.source), self.said
        for key in ("title", "cite", "family", "convention", "schedule", "written", "claims", "expect", "budget"):
            setattr(spec, key, said[key])
        spec.written_node = said.nodes.get("written")
        spec.frozen = self.frozen(said.nodes.get("frozen"))
        options = [node for _, node in self.option_nodes.values()]
        spec.shape_names = reader.shape = shape_names([self.top, *self.model_entries.values()], options)
        spec.symbols = self.symbols()
        spec.crossover = self.crossover(spec.symbols)
        self.declare_blocks()
        names = self.hyperparameters(spec)
        spec.let = {name: self.hyperparameter(node, names) for name, (_, node) in self.let_nodes.items()}
        spec.inputs, spec.input_nodes = self.ports.inputs(self.top, names), self.ports.nodes(self.top)
        self.ports.check_names([self.top, *self.model_entries.values()], names)
        spec.outputs = self.ports.outputs(said["outputs"])
        spec.blocks = self.blocks(names)
        if "layers" in self.top:
            spec.layers = reader.steps(self.top["layers"][1], names, "layers")
        self.widths(spec, names)
        spec.options = self.options(names, spec)
        spec.models = self.models(names, spec) or {model: self.single(model, spec.title)}
        if self.model_nodes:
            self.check_single()
        self.check_complete(spec, said.meant)
        spec.libraries = self.libraries(names)
        spec.root, spec.used, spec.bound, spec.worded = self.root, reader.used, reader.bound, reader.worded
        source.raise_problems()
        return spec

    def frozen(self, node: YamlNode | None) -> Frozen | None:
        """What the file says is not trained: all, or the paths of a list."""
        if node is None or (isinstance(node, yaml.ScalarNode) and node.value == "false"):
            return None
        if isinstance(node, yaml.ScalarNode) and node.value == "true":
            return Frozen(None, {ALL: node})
        if not isinstance(node, yaml.SequenceNode):
            hint = "write frozen: [stem, stage1]"
            self.source.report("type", f"frozen is true, or a list of paths, not {describe(node)}", node, hint)
            return None
        return Frozen(None, {self.source.text(item, "a path"): item for item in node.value})

    def widths(self, spec: Spec, names: Names) -> None:
        """What the file says of the widths of numbers, and of weights that are zero."""
        nodes = self.said.nodes
        if "bits" in nodes or "density" in nodes:
            from vcalc.spec.widths import WidthReader

            reader = WidthReader(self.source, names, lambda node: self.reader.value(node, names, shape=NOTHING))
            spec.bits, spec.density = reader.bits(nodes.get("bits")), reader.density(nodes.get("density"))

    def check_complete(self, spec: Spec, meant: set[str]) -> None:
        own = all("do" in entry for entry in self.model_entries.values()) and bool(self.model_entries)
        if "layers" not in self.top and not spec.options and not own and "layers" not in meant:
            hint = "write layers: and a list of layers under it"
            self.source.report("missing", "a spec needs 'layers'", self.root, hint)
        if {"input", "inputs"}.isdisjoint({*self.top, *meant}):
            self.check_inputs(spec)
        self.ports.check_sizes(spec)

    def check_inputs(self, spec: Spec) -> None:
        """Refuse models without an input in a file that has none for all."""
        entries = self.model_entries.items()
        lacking = [name for name, entry in entries if {"input", "inputs"}.isdisjoint(entry)]
        hint = "write input: {C: 3, H: 224, W: 224}"
        if spec.options or len(lacking) == len(entries):
            self.source.report("missing", "a spec needs 'input'", self.root, hint)
            return
        for name in lacking:
            message = f"model {quoted(name)} needs 'input', which the file has not for all"
            self.source.report("missing", message, self.model_nodes[name][0], f"{hint} in it, or above the models")

    def symbols(self) -> list[str]:
        found = []
        for node in self.source.sequence(self.top["symbols"][1], "symbols") if "symbols" in self.top else []:
            name = self.source.text(node, "a symbol")
            if name and not can_name(name):
                self.source.report("name", f"{quoted(name)} cannot name a symbol", node, name_hint(name))
            if name in self.block_nodes:
                message = f"'{name}' is a block and cannot name a symbol, too"
                self.source.report("name", message, node, f"give one of them another name, such as {name}_block")
            found.append(name)
        return found

    def crossover(self, symbols: list[str]) -> str:
        name = str(self.said["crossover"])
        if name and name not in symbols:
            message = f"crossover names one of the symbols, not {quoted(name)}"
            self.source.report("name", message, self.said.nodes["crossover"], suggestion(name, symbols, "there are"))
        return name

    # Hyperparameters and models

    def hyperparameter(self, node: YamlNode, names: Names) -> Value:
        """A number, an expression over the others, or a word: one that a layer's field takes, or a model's name."""
        known = names | self.reader.blocks.keys()
        if isinstance(node, yaml.ScalarNode) and is_word(node.value, known, self.model_entries):
            return self.reader.value(node, names, (node.value,), shape=NOTHING)
        return self.reader.argument(node, names, NOTHING)

    def hyperparameters(self, spec: Spec) -> Names:
        """Every name that expressions can refer to anywhere in the file."""
        symbols = spec.symbols
        keys = spec.names = {name: key for name, (key, _) in self.let_nodes.items()}
        for entry in self.model_entries.values():
            for name in entry.keys() - MODEL.keys.keys():
                keys.setdefault(name, entry[name][0])
        for name, key in keys.items():
            if name in symbols:
                message = f"'{name}' is a symbol and cannot name a hyperparameter, too"
                self.source.report("name", message, key, f"give one of them another name, such as {name}_size")
            else:
                self.reader.check_name(name, key, "a hyperparameter")
        return self.reader.visible(frozenset(), (*keys, *symbols, *self.reader.blocks), self.root)

    def models(self, names: Names, spec: Spec) -> dict[str, ModelEntry]:
        found = {}
        bodies = {
            name: self.reader.steps(entry["do"][1], names, f"model {quoted(name)}")
            for name, entry in self.model_entries.items()
            if "do" in entry
        }
        for name, entry in self.model_entries.items():
            key, node = self.model_nodes[name]
            self.reader.label(key, "a model's name")
            values = {}
            for word, (word_node, value) in entry.items():
                if word in MODEL.keys or self.is_unused(name, word, word_node, spec.let):
                    continue
                values[word] = self.hyperparameter(value, names)
            said = MODEL.values(self.source, {key: value for key, (_, value) in entry.items()})
            inputs = self.ports.inputs(entry, names, spec, of_model=True)
            found[name] = ModelEntry(
                node, name, said["title"] or name, values, inputs, said["same_as"], [*said["aliases"]]
            )
            found[name].input_nodes, found[name].outputs = self.ports.nodes(entry), self.ports.outputs(said["outputs"])
            found[name].body = bodies.get(name)
            found[name].schedule, found[name].written = said["schedule"], said["written"]
            found[name].written_node = entry["written"][1] if "written" in entry else None
        return found

    def is_unused(self, model: str, word: str, node: YamlNode, let: dict[str, Value]) -> bool:
        """Report a word of a model that no expression uses: a hyperparameter's name misspelt."""
        if word in let or word in self.reader.used or not can_name(word):
            return False
        if word in self.reader.shape or word in self.words_of_models:
            return False
        known = {*let, *MODEL.keys, *(self.reader.used - self.reader.shape)}
        message = f"model {quoted(model)} sets {quoted(word)}, which nothing uses"
        self.source.report("unknown-key", message, node, suggestion(word, known, "it can set"))
        return True

    @cached_property
    def words_of_models(self) -> set[str]:
        """Every word in the values of the models: they may refer to one another."""
        return set().union(*map(_words, self.model_entries.values()))

    def check_single(self) -> None:
        """What belongs to one model does not stand at the top of a file with several."""
        name = next(iter(self.model_nodes))
        for key in ("same_as", "aliases"):
            if key in self.top:
                message = f"'{key}' stands with each model where a file has models"
                self.source.report("misplaced", message, self.top[key][0], f"move it into models: {{{name}: {{…}}}}")

    def single(self, name: str, title: str) -> ModelEntry:
        return ModelEntry(self.root, name, title or name, {}, {}, self.said["same_as"], [*self.said["aliases"]])

    def libraries(self, names: Names) -> dict[str, dict[str, Value]]:
        """By library the hyperparameters of `let` that its networks have otherwise."""
        found = {}
        for library, node in self.said["libraries"].items():
            values = self.source.mapping(node, f"what {library} has otherwise", LIBRARY_EXAMPLE)
            self.source.known_keys(values, self.let_nodes, "let")
            found[library] = {name: self.hyperparameter(value, names) for name, (_, value) in values.items()}
        return found

    # Blocks and options

    def declare_blocks(self) -> None:
        """Note what blocks there are and what they take, before any is called."""
        for name, (key, node) in self.block_nodes.items():
            if name in KINDS or name in self.reader.words:
                message = f"a block cannot be called '{name}': the language has that word"
                self.source.report("name", message, key, f"choose another name, such as '{name}_block'")
            else:
                self.reader.check_name(name, key, "a block")
            entry = self.source.mapping(node, f"block {quoted(name)}", f"write {name}: {{do: [relu]}}")
            meant = self.source.known_keys(entry, ("args", "do", "shared"), f"block {quoted(name)}")
            if "do" not in entry and "do" not in meant and isinstance(node, yaml.MappingNode):
                self.source.report("missing", f"block {quoted(name)} needs 'do', its list of layers", key)
            arguments = self.source.mapping(entry["args"][1], "args") if "args" in entry else {}
            self.reader.blocks[name] = {argument: is_null(value) for argument, (_, value) in arguments.items()}

    def blocks(self, names: Names) -> dict[str, Block]:
        found = {}
        for name, (_, node) in self.block_nodes.items():
            entry = self.source.mapping(node, "") if isinstance(node, yaml.MappingNode) else {}
            inner, arguments = self.arguments(entry, names)
            body = self.reader.steps(entry["do"][1], inner, f"block {quoted(name)}") if "do" in entry else []
            found[name] = Block(node, name, arguments, body, self.reader.shared(entry, inner))
        return found

    def arguments(self, entry: Entries, names: Names) -> tuple[Names, dict[str, Value | None]]:
        """A block's arguments with their defaults, which may refer to the arguments before them."""
        arguments: dict[str, Value | None] = {}
        if isinstance(entry.get("args", (None, None))[1], yaml.MappingNode):
            from vcalc.spec.words import CALL

            for name, (key, value) in self.source.mapping(entry["args"][1], "args").items():
                self.reader.check_name(name, key, "an argument", names)
                if name in CALL:
                    message = f"'{name}' cannot name an argument: every call has a key of that name"
                    self.source.report("name", message, key, f"choose another name, such as '{name}_'")
                arguments[name] = None if is_null(value) else self.reader.argument(value, names)
                names = self.reader.visible(names, [name], key)
        return names, arguments

    def options(self, names: Names, spec: Spec) -> dict[str, Option]:
        options = {}
        for name, (key, node) in self.option_nodes.items():
            self.reader.label(key, "an option's name")
            if isinstance(node, yaml.SequenceNode):
                options[name] = Option(node, name, self.reader.steps(node, names, f"option {quoted(name)}"), {})
                continue
            entry = self.source.mapping(node, f"option {quoted(name)}")
            meant = self.source.known_keys(entry, ("input", "inputs", "do"), f"option {quoted(name)}")
            body = self.reader.body(key, entry, names, f"option {quoted(name)}", "do", meant)
            options[name] = Option(node, name, body, self.ports.inputs(entry, names, spec))
            options[name].input_nodes = self.ports.nodes(entry)
        return options


def _words(entry: Entries) -> set[str]:
    """Every word in the values of a model."""
    found: set[str] = set()
    stack: list[Any] = [value for name, (_, value) in entry.items() if name not in MODEL.keys]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.ScalarNode):
            found |= set(re.findall(r"[^\W\d]\w*", node.value))
        elif isinstance(node, yaml.SequenceNode):
            stack += node.value
    return found
