"""From YAML nodes to the tree of `vcalc.spec.syntax`. Notes every problem of the file before it gives up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from vcalc.errors import suggestion
from vcalc.layers import KINDS, Layer
from vcalc.spec import syntax
from vcalc.spec.expression import FUNCTIONS, SHAPE_NAMES, ExpressionError, constant, parse
from vcalc.spec.read import Source, YamlNode, describe, is_null, read
from vcalc.spec.syntax import Block, ModelEntry, Option, Spec, Step, Value

TOP = ("title", "cite", "family", "convention", "input", "let", "symbols", "blocks", "models", "same_as", "aliases", "layers", "options", "claims")
MODEL_WORDS = ("title", "input", "same_as", "aliases")
JOINS = tuple(sorted(name for name, kind in KINDS.items() if kind.joins))

Names = frozenset[str]


def parse_spec(text: str, file: str, model: str) -> Spec:
    """Read a file's text; `model` names the one model of a file without `models`. Raises VcalcError with all problems."""
    source, root = read(text, file)
    if not isinstance(root, yaml.MappingNode):
        source.report("type", f"a spec is a mapping with title, input and layers, not {describe(root)}", root)
        source.raise_problems()
    return _Parser(source).spec(root, model)


class _Parser:
    """One file's reading; `blocks` and `names` are what its expressions may refer to."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.block_arguments: dict[str, list[str]] = {}
        self.required: dict[str, list[str]] = {}
        self.words: dict[str, Callable[[YamlNode, dict[str, Any], Names], Step | None]] = {
            "repeat": self.loop,
            "each": self.loop,
            "if": self.condition,
            "branches": self.branches,
            "residual": self.residual,
            "let": self.let,
            "use": self.use,
            "save": self.save,
            "take": self.take,
            "do": self.group,
        }

    def spec(self, root: YamlNode, model: str) -> Spec:
        source, spec = self.source, Spec(self.source)
        top = source.mapping(root, "a spec")
        source.known_keys(top, TOP, "a spec")
        spec.title, spec.cite, spec.family = (
            source.text(top[key][1], key) if key in top else "" for key in ("title", "cite", "family")
        )
        spec.convention = source.text(top["convention"][1], "convention") if "convention" in top else ""
        spec.symbols = [source.text(node, "a symbol") for node in self.optional_list(top, "symbols")]
        self.declare_blocks(top)
        let_node = top["let"][1] if "let" in top else None
        model_nodes = source.mapping(top["models"][1], "models") if "models" in top else {}
        names = self.hyperparameters(source.mapping(let_node, "let") if let_node is not None else {}, model_nodes)
        names |= frozenset(spec.symbols)
        self.reserve(names, root)
        spec.let = self.values(let_node, names, "let")
        spec.input = self.values(top["input"][1] if "input" in top else None, names, "input")
        if "input" not in top:
            source.report("missing", "a spec needs 'input'", root, "write input: {C: 3, H: 224, W: 224}")
        self.check_input(spec.input)
        spec.blocks = self.blocks(top, names)
        spec.models = self.models(model_nodes, names, spec.title) or {model: self.single(root, top, model, spec.title)}
        if "layers" in top:
            spec.layers = self.steps(top["layers"][1], names, "layers")
        spec.options = self.options(top, names)
        if "layers" not in top and "options" not in top:
            source.report("missing", "a spec needs 'layers'", root, "write layers: and a list of layers under it")
        spec.claims = top["claims"][1] if "claims" in top else None
        source.raise_problems()
        return spec

    def optional_list(self, top: dict[str, Any], key: str) -> list[YamlNode]:
        return self.source.sequence(top[key][1], key) if key in top else []

    # Hyperparameters and models

    def hyperparameters(self, let: dict[str, Any], models: dict[str, Any]) -> Names:
        names = set(let)
        for _, node in models.values():
            if isinstance(node, yaml.MappingNode):
                names |= {key.value for key, _ in node.value} - set(MODEL_WORDS)
        return frozenset(names)

    def reserve(self, names: Names, node: YamlNode) -> None:
        for name in sorted(names):
            if not name.isidentifier() or (name in FUNCTIONS):
                self.source.report("name", f"'{name}' cannot name a hyperparameter", node, "a letter, then letters, digits, _")

    def check_input(self, input: dict[str, Value]) -> None:
        for name, value in input.items():
            if name not in SHAPE_NAMES:
                hint = "C, H, W for an image; N, D for tokens; D for a vector"
                self.source.report("unknown-key", f"input has no size '{name}'", value.node, hint)

    def models(self, nodes: dict[str, Any], names: Names, title: str) -> dict[str, ModelEntry]:
        entries = {}
        for name, (_, node) in nodes.items():
            entry = self.source.mapping(node, f"model {name}")
            values = {key: self.value(v, names) for key, (_, v) in entry.items() if key not in MODEL_WORDS}
            input = self.values(entry["input"][1], names, "input") if "input" in entry else {}
            self.check_input(input)
            own_title = self.source.text(entry["title"][1], "title") if "title" in entry else name
            entries[name] = ModelEntry(
                node, name, own_title, values, input, self.same_as(entry), self.aliases(entry)
            )
        return entries

    def single(self, root: YamlNode, top: dict[str, Any], name: str, title: str) -> ModelEntry:
        return ModelEntry(root, name, title or name, {}, {}, self.same_as(top), self.aliases(top))

    def same_as(self, entry: dict[str, Any]) -> dict[str, str]:
        if "same_as" not in entry:
            return {}
        pairs = self.source.mapping(entry["same_as"][1], "same_as")
        self.source.known_keys(pairs, ("torchvision", "timm"), "same_as")
        return {library: self.source.text(node, library) for library, (_, node) in pairs.items()}

    def aliases(self, entry: dict[str, Any]) -> list[str]:
        return [self.source.text(node, "an alias") for node in self.optional_list(entry, "aliases")]

    # Blocks and options

    def declare_blocks(self, top: dict[str, Any]) -> None:
        if "blocks" not in top:
            return
        for name, (key, node) in self.source.mapping(top["blocks"][1], "blocks").items():
            if name in KINDS or name in self.words:
                self.source.report("name", f"a block cannot be called '{name}': the language has that word", key)
            entry = self.source.mapping(node, f"block {name}")
            self.source.known_keys(entry, ("args", "do"), f"block {name}")
            arguments = self.source.mapping(entry["args"][1], "args") if "args" in entry else {}
            self.block_arguments[name] = list(arguments)
            self.required[name] = [argument for argument, (_, value) in arguments.items() if is_null(value)]

    def blocks(self, top: dict[str, Any], names: Names) -> dict[str, Block]:
        blocks = {}
        for name in self.block_arguments:
            node = dict((key.value, value) for key, value in top["blocks"][1].value)[name]
            entry = self.source.mapping(node, f"block {name}")
            inner = names | frozenset(self.block_arguments[name])
            arguments: dict[str, Value | None] = {}
            if "args" in entry:
                for argument, (_, value) in self.source.mapping(entry["args"][1], "args").items():
                    arguments[argument] = None if is_null(value) else self.value(value, inner)
            if "do" not in entry:
                self.source.report("missing", f"block {name} needs 'do', its list of layers", node)
                continue
            blocks[name] = Block(node, name, arguments, self.steps(entry["do"][1], inner, f"block {name}"))
        return blocks

    def options(self, top: dict[str, Any], names: Names) -> dict[str, Option]:
        options = {}
        for name, (_, node) in (self.source.mapping(top["options"][1], "options") if "options" in top else {}).items():
            if isinstance(node, yaml.SequenceNode):
                options[name] = Option(name, self.steps(node, names, f"option {name}"), {})
                continue
            entry = self.source.mapping(node, f"option {name}")
            self.source.known_keys(entry, ("input", "do"), f"option {name}")
            input = self.values(entry["input"][1], names, "input") if "input" in entry else {}
            body = self.steps(entry["do"][1], names, f"option {name}") if "do" in entry else []
            options[name] = Option(name, body, input)
        return options

    # Values

    def values(self, node: YamlNode | None, names: Names, what: str) -> dict[str, Value]:
        if node is None:
            return {}
        return {name: self.value(value, names) for name, (_, value) in self.source.mapping(node, what).items()}

    def value(self, node: YamlNode, names: Names, words: tuple[str, ...] = ()) -> Value:
        if isinstance(node, yaml.SequenceNode):
            return Value(node, None, [self.value(item, names, words) for item in node.value])
        if not isinstance(node, yaml.ScalarNode) or is_null(node):
            self.source.report("type", f"a number, an expression or a list is needed here, not {describe(node)}", node)
            return Value(node, constant(0))
        if node.value in words:
            return Value(node, constant(node.value, node.value))
        try:
            expression = parse(node.value)
        except ExpressionError as error:
            self.source.take(error, node, error.column)
            return Value(node, constant(0))
        for name in sorted(expression.names - names - SHAPE_NAMES - self.block_arguments.keys()):
            known = names | SHAPE_NAMES | self.block_arguments.keys()
            hint = suggestion(name, known, "names that are")
            self.source.report("undefined", f"'{name}' is not defined here", node, hint, max(0, expression.text.find(name)))
        return Value(node, expression)

    # Steps

    def steps(self, node: YamlNode, names: Names, what: str) -> list[Step]:
        steps = []
        for item in self.source.sequence(node, what):
            step = self.step(item, names)
            if step is None:
                continue
            if isinstance(step, syntax.Let):
                names = names | frozenset(step.values)
            steps.append(step)
        return steps

    def step(self, node: YamlNode, names: Names) -> Step | None:
        if isinstance(node, yaml.ScalarNode) and not is_null(node):
            return self.named_step(node, node, None, names)
        if not isinstance(node, yaml.MappingNode) or not node.value:
            self.source.report("type", f"a layer is a word or 'word: {{fields}}', not {describe(node)}", node)
            return None
        entries = self.source.mapping(node, "a layer")
        for word in self.words:
            if word in entries:
                return self.words[word](node, entries, names)
        if len(entries) > 1:
            words = " and ".join(f"'{key}'" for key in entries)
            self.source.report("step", f"one layer at a time: {words} stand in one item", node, "begin each with '- '")
            return None
        (key, value) = node.value[0]
        return self.named_step(node, key, value, names)

    def named_step(self, node: YamlNode, key: YamlNode, value: YamlNode | None, names: Names) -> Step | None:
        word = key.value
        if word in KINDS and not KINDS[word].joins:
            return self.layer(node, KINDS[word], value, names)
        if word in self.block_arguments:
            entries = self.source.mapping(value, word) if value is not None else {}
            block = Value(key, parse(word))
            return self.call(node, block, word, entries, names)
        if word in KINDS:
            self.source.report("unknown-kind", f"'{word}' joins branches", key, f"write branches: [...] with join: {word}")
            return None
        allowed = [*(k for k in KINDS if not KINDS[k].joins), *self.block_arguments, *self.words]
        hint = suggestion(word, allowed, "known") + " ('vcalc layers' lists them all)"
        self.source.report("unknown-kind", f"there is no layer or block '{word}'", key, hint)
        return None

    def layer(self, node: YamlNode, kind: type[Layer], value: YamlNode | None, names: Names) -> Step:
        entries = self.source.mapping(value, kind.kind) if value is not None else {}
        self.source.known_keys(entries, (*kind.fields, "name"), kind.kind)
        fields = {
            key: self.value(v, names, kind.fields[key].type.words)
            for key, (_, v) in entries.items()
            if key in kind.fields
        }
        for name, spec in kind.fields.items():
            if spec.required and name not in entries:
                hint = f"{kind.kind}: {{{name}: …}}, {spec.doc}"
                self.source.report("missing", f"{kind.kind} needs '{name}'", node, hint)
        return syntax.LayerStep(node, kind, fields, self.name(entries))

    def name(self, entries: dict[str, Any]) -> str:
        if "name" not in entries:
            return ""
        node = entries["name"][1]
        name = self.source.text(node, "name")
        if "/" in name or "," in name or any(c.isspace() for c in name):
            self.source.report("name", f"a name holds no slash, comma or space: '{name}'", node)
        return name

    def call(self, node: YamlNode, block: Value, name: str, entries: dict[str, Any], names: Names) -> Step:
        if name:
            allowed = (*self.block_arguments[name], "name")
            self.source.known_keys(entries, allowed, f"block {name}")
            for argument in self.required[name]:
                if argument not in entries:
                    self.source.report("missing", f"block {name} needs '{argument}'", node)
        arguments = {key: self.value(v, names) for key, (_, v) in entries.items() if key != "name"}
        return syntax.Call(node, block, arguments, self.name(entries))

    def loop(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step:
        word = "repeat" if "repeat" in entries else "each"
        self.source.known_keys(entries, (word, "do", "index", "name"), word)
        count = self.value(entries["repeat"][1], names) if word == "repeat" else None
        variables = self.values(entries["each"][1], names, "each") if word == "each" else {}
        if word == "each" and not variables:
            self.source.report("missing", "each needs lists to go through", node, "each: {c: [64, 128]}")
        index = self.source.text(entries["index"][1], "index") if "index" in entries else ""
        inner = names | frozenset(variables) | ({index} if index else frozenset())
        for name in (*variables, index):
            if name in SHAPE_NAMES:
                self.source.report("name", f"'{name}' is the arriving shape and cannot be a loop variable", node)
        return syntax.Loop(node, count, variables, index, self.name(entries), self.body(node, entries, inner, word))

    def body(self, node: YamlNode, entries: dict[str, Any], names: Names, word: str, key: str = "do") -> list[Step]:
        if key not in entries:
            self.source.report("missing", f"{word} needs '{key}', a list of layers", node)
            return []
        return self.steps(entries[key][1], names, key)

    def condition(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step:
        self.source.known_keys(entries, ("if", "then", "else"), "if")
        then = self.body(node, entries, names, "if", "then")
        otherwise = self.steps(entries["else"][1], names, "else") if "else" in entries else []
        return syntax.If(node, self.value(entries["if"][1], names), then, otherwise)

    def branches(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step | None:
        self.source.known_keys(entries, ("branches", "join", "name"), "branches")
        inside = entries["branches"][1]
        if isinstance(inside, yaml.MappingNode):
            parts = [(key, self.steps(v, names, f"branch {key}")) for key, (_, v) in self.source.mapping(inside, "branches").items()]
        else:
            parts = [("", self.steps(item, names, "a branch")) for item in self.source.sequence(inside, "branches")]
        if len(parts) < 2:
            self.source.report("missing", f"branches needs two or more lists, not {len(parts)}", inside)
        if "join" not in entries:
            self.source.report("missing", "branches needs 'join'", node, f"join: {' or '.join(JOINS)}")
            return None
        join_node = entries["join"][1]
        join = self.source.text(join_node, "join")
        if join not in JOINS:
            if join:
                self.source.report("unknown-kind", f"there is no join '{join}'", join_node, suggestion(join, JOINS, "joins"))
            return None
        return syntax.Branches(node, parts, KINDS[join], self.name(entries))

    def residual(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step:
        self.source.known_keys(entries, ("residual", "shortcut", "when", "name"), "residual")
        body = self.steps(entries["residual"][1], names, "residual")
        shortcut = self.steps(entries["shortcut"][1], names, "shortcut") if "shortcut" in entries else []
        parts = [("", body), ("shortcut" if shortcut else "", shortcut)]
        added = syntax.Branches(node, parts, KINDS["add"], self.name(entries))
        return syntax.If(node, self.value(entries["when"][1], names), [added], body) if "when" in entries else added

    def let(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step:
        self.source.known_keys(entries, ("let",), "let")
        values: dict[str, Value] = {}
        for name, (key, value) in self.source.mapping(entries["let"][1], "let").items():
            if name in SHAPE_NAMES or name in FUNCTIONS or not name.isidentifier():
                self.source.report("name", f"'{name}' cannot be bound", key, "C, H, W, N, D are the arriving shape")
            values[name] = self.value(value, names | frozenset(values))
        return syntax.Let(node, values)

    def use(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step | None:
        self.source.known_keys(entries, ("use", "with", "upto", "name"), "use")
        target = entries["use"][1]
        text = self.source.text(target, "use")
        with_node = entries["with"][1] if "with" in entries else None
        if not text:
            return None
        if text in self.block_arguments or text in names:
            inside = self.source.mapping(with_node, "with") if with_node is not None else {}
            step = self.call(node, Value(target, parse(text)), text if text in self.block_arguments else "", inside, names)
            if isinstance(step, syntax.Call):
                step.name = self.name(entries)
            return step
        upto = self.source.text(entries["upto"][1], "upto") if "upto" in entries else ""
        return syntax.UseModel(node, text, self.values(with_node, names, "with"), upto, self.name(entries))

    def save(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step:
        self.source.known_keys(entries, ("save",), "save")
        return syntax.Save(node, self.source.text(entries["save"][1], "save"))

    def take(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step:
        self.source.known_keys(entries, ("take",), "take")
        return syntax.Take(node, self.source.text(entries["take"][1], "take"))

    def group(self, node: YamlNode, entries: dict[str, Any], names: Names) -> Step:
        self.source.known_keys(entries, ("do", "name"), "a group")
        if "name" not in entries:
            self.source.report("missing", "a group needs 'name'", node, "{name: stem, do: [...]}")
        return syntax.Group(node, self.name(entries), self.body(node, entries, names, "a group"))
