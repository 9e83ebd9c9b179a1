"""Lists of layers: from YAML nodes to the steps of `vcalc.spec.syntax`."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from vcalc import foreign
from vcalc.errors import LayerError, quoted, suggestion
from vcalc.language.expression import constant, named
from vcalc.layers import KINDS, Field, Layer
from vcalc.source.read import Entries, Source, YamlNode, describe, is_null
from vcalc.spec import syntax
from vcalc.spec.fields import FieldReader, Names, written_out
from vcalc.spec.syntax import Step, Value

JOINS = tuple(sorted(name for name, kind in KINDS.items() if kind.joins))
BELONGS = {
    **dict.fromkeys(("with", "upto", "as"), "use"),
    **dict.fromkeys(("then", "else"), "if"),
    "join": "branches",
    "shortcut": "residual",
}
"""Words that stand beside another one, and get lost where a list in brackets takes them for an item of its own."""

_LISTED = "'vcalc layers' lists the layer kinds"
_KIND = ("type", "kind", "layer", "op", "class_name", "module", "block")
"""Under what others write a layer's kind."""

LAYERS = tuple(name for name, kind in KINDS.items() if not kind.joins)


class StepReader(FieldReader):
    """Reads the steps of one file, and notes every problem in them."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.words: dict[str, Callable[[YamlNode, Entries, Names], Step | None]] = {
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

    def steps(self, node: YamlNode, names: Names, what: str) -> list[Step]:
        """A list of layers; a name that a `let` binds is visible to those after it."""
        steps = []
        for item in self.source.sequence(node, what):
            step = self.step(item, names)
            if isinstance(step, syntax.Let):
                names = self.visible(names, step.values, item)
            if step is not None:
                steps.append(step)
        return steps

    def step(self, node: YamlNode, names: Names) -> Step | None:
        if isinstance(node, yaml.ScalarNode) and not is_null(node):
            return self.named_step(node, node, None, names)
        if not isinstance(node, yaml.MappingNode) or not node.value:
            message = f"a layer is a word or 'word: {{fields}}', not {describe(node)}"
            self.source.report("type", message, node, _no_layer(node))
            return None
        entries = self.source.mapping(node, "a layer")
        for word in self.words:
            if word in entries:
                return self.words[word](node, entries, names)
        key, value = node.value[0]
        if len(entries) > 1 and any(map(self.is_known, entries)):
            self.several(entries, node)
            return None
        if not self.is_known(key.value) and (hint := self.kind_as_a_field(entries)):
            self.source.report("unknown-kind", f"there is no layer or block {quoted(key.value)}", key, hint)
            return None
        return self.named_step(node, key, value, names)

    def is_known(self, word: str) -> bool:
        return word in KINDS or word in self.blocks

    def several(self, entries: Entries, node: YamlNode) -> None:
        first = next(filter(self.is_known, entries))
        others = [key for key in entries if key != first]
        words = " and ".join(quoted(key) for key in entries)
        hint = "begin each with '- '"
        if not any(map(self.is_known, others)):
            hint = f"fields stand inside: {first}: {{{others[0]}: …}}"
        self.source.report("step", f"one layer at a time: {words} stand in one item", node, hint)

    def kind_as_a_field(self, entries: Entries) -> str:
        """How an item is written here that others begin with its name and its kind, or that holds a list of layers."""
        if "name" in entries and any(isinstance(value, yaml.SequenceNode) for _, value in entries.values()):
            return "a named group is {name: stem, do: [...]}"
        for key in filter(entries.__contains__, _KIND):
            word = getattr(entries[key][1], "value", "")
            if isinstance(word, str) and self.is_known(word):
                fields = [name for name in entries if name != key]
                return f"the kind is the word of the item: {written_out(word, fields) if fields else word}"
            if isinstance(word, str) and foreign.answers("layers", word):
                return foreign.layer_hint(word, LAYERS, "known")
        return ""

    def named_step(self, node: YamlNode, key: YamlNode, value: YamlNode | None, names: Names) -> Step | None:
        word = key.value
        if word in self.blocks:
            entries = self.fields(value, word, [name for name, required in self.blocks[word].items() if required])
            return None if entries is None else self.call(node, Value(key, named(word)), word, entries, names)
        if word in LAYERS:
            return self.layer(node, KINDS[word], value, names)
        self.unknown(key)
        return None

    def unknown(self, key: YamlNode) -> None:
        word = key.value
        if word in JOINS:
            hint = f"write branches: [...] with join: {word}"
            self.source.report("unknown-kind", f"'{word}' joins branches", key, hint)
            return
        message = f"there is no layer or block {quoted(word)}"
        own = [name for name in self.blocks if foreign.bare(name) == foreign.bare(word)]
        known = suggestion(word, own, "") or foreign.layer_hint(word, [*LAYERS, *self.blocks, *self.words], "known")
        hint = f"{known}{'' if known.endswith('?') else ';'} {_LISTED}" if known else _LISTED
        if word in BELONGS:
            hint = f"it stands in one item with '{BELONGS[word]}': {{{BELONGS[word]}: …, {word}: …}}"
        self.source.report("unknown-kind", message, key, hint)

    def layer(self, node: YamlNode, kind: type[Layer], value: YamlNode | None, names: Names) -> syntax.LayerStep | None:
        if kind.shorthand and isinstance(value, yaml.ScalarNode) and not is_null(value):
            entries: Entries | None = {kind.shorthand: (value, value)}
        else:
            entries = self.fields(value, kind.kind, [name for name, spec in kind.fields.items() if spec.required])
        if entries is None:
            return None
        named = self.named_in(kind, entries)
        if named is None:
            return None
        meant = self.source.known_keys(entries, (*kind.fields, *named, "name"), kind.kind, "fields")
        fields = {
            key: self.field_value(kind.fields.get(key), v, names)
            for key, (_, v) in entries.items()
            if key in kind.fields or key in named
        }
        lacking = [name for name, spec in kind.fields.items() if spec.required and name not in {*entries, *meant}]
        doc = f", {kind.fields[lacking[0]].doc}" if len(lacking) == 1 else ""
        self.lacking(kind.kind, lacking, node, written_out(kind.kind, lacking) + doc)
        return syntax.LayerStep(node, kind, fields, self.name(entries))

    def field_value(self, field: Field | None, node: YamlNode, names: Names) -> Value:
        """A field's value: an expression, or a text in a notation of its own."""
        if field is not None and field.type.names:
            return Value(node, constant(node.value, node.value))
        return self.value(node, names, (*field.type.words, *field.type.axes) if field else ())

    def named_in(self, kind: type[Layer], entries: Entries) -> tuple[str, ...] | None:
        """The fields that texts in a notation of their own name; None, and a note, where one cannot be read."""
        found: tuple[str, ...] = ()
        for name, field in kind.fields.items():
            if not field.type.names or name not in entries:
                continue
            node = entries[name][1]
            text = self.source.text(node, name)
            try:
                found += field.type.names(text) if text else ()
            except LayerError as error:
                problem = error.problems[0]
                self.source.report(problem.code, problem.message, node, problem.hint, error.column, error.length)
                return None
            if own := next((each for each in found if each in kind.fields or each == "name"), None):
                self.source.report("layer", f"{kind.kind}: '{own}' is a field, and cannot be a letter", node)
            if not text or own:
                return None
        return found

    def lacking(self, what: str, names: list[str], node: YamlNode, hint: str) -> None:
        """Report the fields, if any, that something needs and does not have."""
        if names:
            self.source.report("missing", f"{what} needs {' and '.join(map(quoted, names))}", node, hint)

    def call(
        self, node: YamlNode, block: Value, name: str, entries: Entries, names: Names, use: bool = False
    ) -> syntax.Call:
        """A block's call; `name` is empty where only a hyperparameter's value tells which block it is."""
        from vcalc.spec.words import CALL

        own = ("name",) if use else tuple(CALL)
        if name:
            meant = self.source.known_keys(entries, (*self.blocks[name], *own), f"block {name}")
            required = [argument for argument, required in self.blocks[name].items() if required]
            hint = f"{{use: {name}, {written_out('with', required)}}}" if use else written_out(name, required)
            lacking = [argument for argument in required if argument not in {*entries, *meant}]
            self.lacking(f"block {name}", lacking, node, f"write {hint}")
        arguments = {key: self.argument(v, names) for key, (_, v) in entries.items() if key not in own}
        step = syntax.Call(node, block, arguments, self.name(entries))
        if not use:
            step.takes, step.saves = self.handed(entries, "take"), self.handed(entries, "save")
            self.tensors.update(step.saves)
        return step

    def handed(self, entries: Entries, word: str) -> dict[str, str]:
        """The tensors that a call hands over, by their new names: `{new: name}`, or names that stay as they are."""
        if word not in entries:
            return {}
        node = entries[word][1]
        if isinstance(node, yaml.MappingNode):
            pairs = self.source.mapping(node, word)
            return {self.label(key, word): self.source.text(value, word) for key, value in pairs.values()}
        items = [node] if isinstance(node, yaml.ScalarNode) else self.source.sequence(node, word)
        return {name: name for name in (self.label(item, word) for item in items)}

    def loop(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        word = "repeat" if "repeat" in entries else "each"
        meant = self.source.known_keys(entries, (word, "do", "index", "when", "name"), word)
        count = self.value(entries["repeat"][1], names) if word == "repeat" else None
        variables = self.variables(entries["each"][1], names) if word == "each" else {}
        index = self.index(entries, variables, names)
        inner = self.visible(names, [*variables, *([index] if index else [])], node)
        body = self.body(node, entries, inner, word, "do", meant)
        when = self.value(entries["when"][1], inner) if "when" in entries else None
        return syntax.Loop(node, count, variables, index, self.name(entries), body, when)

    def variables(self, node: YamlNode, names: Names) -> dict[str, Value]:
        entries = self.source.mapping(node, "each", "each: {c: [64, 128]}")
        for name, (key, _) in entries.items():
            self.check_name(name, key, "a loop variable", names)
        if not entries and (is_null(node) or isinstance(node, yaml.MappingNode)):
            self.source.report("missing", "each needs lists to go through", node, "each: {c: [64, 128]}")
        return {name: self.argument(value, names) for name, (_, value) in entries.items()}

    def index(self, entries: Entries, variables: dict[str, Value], names: Names) -> str:
        if "index" not in entries:
            return ""
        node = entries["index"][1]
        index = self.source.text(node, "index")
        if index in variables:
            other = next((f", such as {name}" for name in "ijkn" if name not in variables), "")
            message = f"'{index}' is a list of this loop and cannot be its index"
            self.source.report("name", message, node, f"choose another name{other}")
        elif index:
            self.check_name(index, node, "a loop's index", names)
        return index

    def body(self, node: YamlNode, entries: Entries, names: Names, word: str, key: str, meant: set[str]) -> list[Step]:
        """The list under `key`, which has to be there, unless a key that is not known was meant to be it."""
        if key in entries:
            return self.steps(entries[key][1], names, key)
        if key not in meant:
            self.source.report("missing", f"{word} needs '{key}', a list of layers", node)
        return []

    def condition(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        meant = self.source.known_keys(entries, ("if", "then", "else"), "if")
        test = self.value(entries["if"][1], names)
        then = self.body(node, entries, names, "if", "then", meant)
        otherwise = self.steps(entries["else"][1], names, "else") if "else" in entries else None
        return syntax.If(node, test, then, otherwise)

    def branches(self, node: YamlNode, entries: Entries, names: Names) -> Step | None:
        meant = self.source.known_keys(entries, ("branches", "join", "name"), "branches")
        inside = entries["branches"][1]
        parts = self.branch_lists(inside, names)
        if len(parts) < 2 and not isinstance(inside, yaml.ScalarNode):
            hint = "a branch that passes on what arrives is []"
            self.source.report("missing", f"branches needs two or more lists, not {len(parts)}", inside, hint)
        if "join" not in entries:
            if "join" not in meant:
                self.source.report("missing", "branches needs 'join'", node, f"join: {' or '.join(JOINS)}")
            return None
        join = self.join(node, entries["join"][1], names)
        return None if join is None else syntax.Branches(node, parts, join, self.name(entries))

    def join(self, node: YamlNode, join_node: YamlNode, names: Names) -> syntax.LayerStep | None:
        """What joins the branches of an item: a word, or a word with its fields."""
        value = None
        if isinstance(join_node, yaml.MappingNode) and len(join_node.value) == 1:
            ((join_node, value),) = join_node.value
        join = self.source.text(join_node, "join")
        if join in JOINS:
            return self.layer(node, KINDS[join], value, names)
        if join:
            hint = foreign.hint("joins", join, JOINS, "joins")
            self.source.report("unknown-kind", f"there is no join {quoted(join)}", join_node, hint)
        return None

    def branch_lists(self, node: YamlNode, names: Names) -> list[tuple[str, list[Step]]]:
        if isinstance(node, yaml.MappingNode):
            return [
                (self.label(key, "a branch's name"), self.steps(body, names, f"branch {quoted(name)}"))
                for name, (key, body) in self.source.mapping(node, "branches").items()
            ]
        return [("", self.steps(item, names, "a branch")) for item in self.source.sequence(node, "branches")]

    def residual(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        self.source.known_keys(entries, ("residual", "shortcut", "when", "name"), "residual")
        body = self.steps(entries["residual"][1], names, "residual")
        shortcut = self.steps(entries["shortcut"][1], names, "shortcut") if "shortcut" in entries else []
        parts = [("", body), ("shortcut" if shortcut else "", shortcut)]
        added = syntax.Branches(node, parts, syntax.LayerStep(node, KINDS["add"], {}, ""), self.name(entries))
        added.residual = True
        return syntax.If(node, self.value(entries["when"][1], names), [added], body) if "when" in entries else added

    def let(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        self.source.known_keys(entries, ("let",), "let")
        values: dict[str, Value] = {}
        for name, (key, value) in self.source.mapping(entries["let"][1], "let").items():
            self.check_name(name, key, "a value", names)
            values[name] = self.argument(value, names)
            names = self.visible(names, [name], key)
        return syntax.Let(node, values)

    def use(self, node: YamlNode, entries: Entries, names: Names) -> Step | None:
        self.source.known_keys(entries, ("use", "with", "upto", "as", "take", "save", "name"), "use")
        target = entries["use"][1]
        text = self.source.text(target, "use")
        inside = entries["with"][1] if "with" in entries else None
        if not text:
            return None
        upto = self.source.text(entries["upto"][1], "upto") if "upto" in entries else ""
        library = self.source.text(entries["as"][1], "as") if "as" in entries else ""
        if text in self.blocks or text in names:
            self.used.add(text)
            fields = self.fields(inside, "with", self.blocks.get(text, {})) or {}
            step: syntax.Call | syntax.UseModel = self.call(
                node, Value(target, named(text)), text if text in self.blocks else "", fields, names, True
            )
            step.name = self.name(entries) or step.name
            step.upto, step.library = upto, library
        else:
            values = self.values(inside, names, "with")
            step = syntax.UseModel(node, target, text, values, upto, self.name(entries), library)
        step.takes, step.saves = self.handed(entries, "take"), self.handed(entries, "save")
        self.tensors.update(step.saves)
        return step

    def save(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        self.source.known_keys(entries, ("save",), "save")
        name = self.label(entries["save"][1], "save")
        self.tensors.add(name)
        return syntax.Save(node, name)

    def take(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        self.source.known_keys(entries, ("take",), "take")
        return syntax.Take(node, self.source.text(entries["take"][1], "take"))

    def group(self, node: YamlNode, entries: Entries, names: Names) -> Step | None:
        unknown = [key for name, (key, _) in entries.items() if name not in ("do", "name")]
        if unknown:
            self.unknown(unknown[0])
            return None
        if "name" not in entries:
            self.source.report("missing", "a group needs 'name'", node, "{name: stem, do: [...]}")
        return syntax.Group(node, self.name(entries), self.body(node, entries, names, "a group", "do", set()))


def _no_layer(node: YamlNode) -> str:
    """What to do about an item that is no layer."""
    if is_null(node):
        return "write a layer after '- ', or leave the line out"
    return "write each of them as an item of its own" if isinstance(node, yaml.SequenceNode) and node.value else ""
