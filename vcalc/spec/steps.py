"""Lists of layers: from YAML nodes to the steps of `vcalc.spec.syntax`."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from vcalc import foreign
from vcalc.errors import LayerError, quoted, suggestion
from vcalc.language.expression import CONSTANTS, can_name, constant, named
from vcalc.layers import KINDS, Field, Layer
from vcalc.source.read import Entries, Source, YamlNode, describe, is_null
from vcalc.spec import syntax
from vcalc.spec.fields import Names, written_out
from vcalc.spec.loops import LoopReader, StepT
from vcalc.spec.syntax import Step, Value

JOINS = tuple(sorted(name for name, kind in KINDS.items() if kind.joins or kind.also_joins))
ONLY_JOINS = tuple(name for name in JOINS if KINDS[name].joins)
"""Those that are no layer as well."""
BELONGS = {
    **dict.fromkeys(("with", "upto", "as"), "use"),
    **dict.fromkeys(("then", "else"), "if"),
    "first": "repeat",
    "join": "branches",
    **dict.fromkeys(("active", "router", "normalized"), "experts"),
    "shortcut": "residual",
}
"""Words that stand beside another one, and get lost where a list in brackets takes them for an item of its own."""

_LISTED = "'vcalc layers' lists the layer kinds"
_KIND = ("type", "kind", "layer", "op", "class_name", "module", "block")
"""Under what others write a layer's kind."""


LAYERS = tuple(name for name, kind in KINDS.items() if not kind.joins)


class StepReader(LoopReader):
    """Reads the steps of one file, and notes every problem in them."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.words: dict[str, Callable[[YamlNode, Entries, Names], Step | None]] = {
            "repeat": self.loop,
            "each": self.loop,
            "if": self.condition,
            "elif": self.no_case,
            "branches": self.branches,
            "residual": self.residual,
            "use": self.use,
            "save": self.save,
            "take": self.take,
            "experts": self.experts,
            "do": self.group,
            "let": self.let,
        }

    def steps(self, node: YamlNode, names: Names, what: str) -> list[Step]:
        """A list of layers; a name that a `let` binds is visible to those after it."""
        steps: list[Step] = []
        for item in self.source.sequence(node, what):
            if _has(item, "elif") and steps and (case := _condition(steps[-1])):
                self.further_case(item, case, names)
                continue
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
                if word in _ALONE and any(map(self.begins, entries.keys() - {word})):
                    self.several(entries, node)
                    return None
                step = self.words[word](node, entries, names)
                return step if isinstance(step, syntax.Loop) else self.freezing(step, entries, names)
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

    def begins(self, word: str) -> bool:
        """Whether an item of its own begins with the word."""
        return word in self.words or self.is_known(word)

    def several(self, entries: Entries, node: YamlNode) -> None:
        first, *others = sorted(entries, key=lambda word: (word not in self.blocks, not self.begins(word)))
        words = " and ".join(quoted(key) for key in entries if key != "name" or len(entries) == 2)
        hint = "begin each with '- '"
        handed = first in self.blocks and not {"take", "save"}.isdisjoint(others)
        if handed or not any(map(self.begins, others)):
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
            entries = self.fields(
                value, word, [name for name, required in self.blocks[word].items() if required], self.blocks[word]
            )
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
            entries = self.fields(
                value, kind.kind, [name for name, spec in kind.fields.items() if spec.required], kind.fields
            )
        if entries is None:
            return None
        named = self.named_in(kind, entries)
        if named is None:
            return None
        own = ("name", "tied", "frozen") if kind.ties else ("name", "frozen")
        meant = self.source.known_keys(entries, (*kind.fields, *named, *own), kind.kind, "fields")
        fields = {
            key: self.field_value(kind.fields.get(key), v, names)
            for key, (_, v) in entries.items()
            if key in kind.fields or key in named
        }
        lacking = [name for name, spec in kind.fields.items() if spec.required and name not in {*entries, *meant}]
        doc = f", {kind.fields[lacking[0]].doc}" if len(lacking) == 1 else ""
        self.lacking(kind.kind, lacking, node, written_out(kind.kind, lacking) + doc)
        step = syntax.LayerStep(node, kind, fields, self.name(entries))
        if "tied" in entries:
            tied = entries["tied"][1]
            step.tied = syntax.Tensor(tied, self.source.text(tied, "tied"))
        return self.freezing(step, entries, names)

    def freezing(self, step: StepT, entries: Entries, names: Names) -> StepT:
        """A step with what its entries say of its parameters: whether they are trained."""
        if step is None or "frozen" not in entries:
            return step
        node = entries["frozen"][1]
        if step.frozen:
            self.source.report("duplicate-key", "'frozen' stands here twice", node, "leave one of them out")
        uses = isinstance(step, (syntax.Call, syntax.UseModel))
        word = getattr(node, "value", "")
        if uses and isinstance(word, str) and can_name(word) and word not in (*names, *CONSTANTS):
            message = f"{quoted(word)} is not defined here"
            self.source.report("undefined", message, node, f"write frozen: [{word}] for a group of the model")
        elif not isinstance(node, yaml.SequenceNode):
            step.frozen = syntax.Frozen(self.value(node, names), {})
        elif uses:
            step.frozen = syntax.Frozen(None, {self.source.text(item, "a group"): item for item in node.value})
        else:
            self.source.report("type", syntax.GROUPS_OF_MODELS, node, "frozen: true")
        return step

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

        own = ("name", "frozen") if use else tuple(CALL)
        if name:
            meant = self.source.known_keys(entries, (*self.blocks[name], *own), f"block {name}")
            required = [argument for argument, required in self.blocks[name].items() if required]
            hint = f"{{use: {name}, {written_out('with', required)}}}" if use else written_out(name, required)
            lacking = [argument for argument in required if argument not in {*entries, *meant}]
            self.lacking(f"block {name}", lacking, node, f"write {hint}")
        arguments = {key: self.argument(v, names) for key, (_, v) in entries.items() if key not in own}
        step = syntax.Call(node, block, arguments, self.name(entries))
        if not use:
            step.takes, step.saves = self.handed(entries, names), self.asked(entries, names)
        return self.freezing(step, entries, names)

    def body(self, node: YamlNode, entries: Entries, names: Names, word: str, key: str, meant: set[str]) -> list[Step]:
        """The list under `key`, which has to be there, unless a key that is not known was meant to be it."""
        if key in entries:
            return self.steps(entries[key][1], names, key)
        if key not in meant:
            self.source.report("missing", f"{word} needs '{key}', a list of layers", node)
        return []

    def condition(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        made = syntax.If(node, [], None)
        self.case(node, entries, made, "if", names)
        return made

    def case(self, node: YamlNode, entries: Entries, made: syntax.If, word: str, names: Names) -> None:
        """One case of a condition, and the last of all where it has an `else`."""
        if word == "if" and "elif" in entries:
            self.report_elif(entries)
            entries = {key: entry for key, entry in entries.items() if key != "elif"}
        meant = self.source.known_keys(entries, (word, "then", "else"), word)
        test = self.value(entries[word][1], names)
        made.cases.append((test, self.body(node, entries, names, word, "then", meant)))
        if "else" in entries:
            made.otherwise = self.steps(entries["else"][1], names, "else")

    def further_case(self, node: YamlNode, made: syntax.If, names: Names) -> None:
        """An item with `elif`, right after the item whose case it goes on from."""
        entries = self.source.mapping(node, "elif")
        if made.otherwise is not None:
            message = "an 'elif' after an 'else' is never reached"
            self.source.report("misplaced", message, entries["elif"][0], "'else' stands with the last 'elif'")
        self.case(node, entries, made, "elif", names)

    def no_case(self, node: YamlNode, entries: Entries, names: Names) -> None:
        self.source.known_keys(entries, ("elif", "then", "else"), "elif")
        self.report_elif(entries)

    def report_elif(self, entries: Entries) -> None:
        message = "'elif' stands in an item of its own right after one with 'if' or 'elif'"
        self.source.report("misplaced", message, entries["elif"][0], "begin with {if: …, then: […]}")

    def branches(self, node: YamlNode, entries: Entries, names: Names) -> Step | None:
        meant = self.source.known_keys(entries, ("branches", "join", "frozen", "name"), "branches")
        inside = entries["branches"][1]
        parts = self.branch_lists(inside, names)
        several = any(not isinstance(part, syntax.Branch) for part in parts)
        if len(parts) < 2 and not several and not isinstance(inside, yaml.ScalarNode):
            hint = "a branch that passes on what arrives is []"
            self.source.report("missing", f"branches needs two or more lists, not {len(parts)}", inside, hint)
        if "join" not in entries:
            if "join" not in meant:
                self.source.report("missing", "branches needs 'join'", node, f"join: {' or '.join(ONLY_JOINS)}")
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

    def branch_lists(self, node: YamlNode, names: Names) -> list[syntax.Branch | syntax.Loop | syntax.Take]:
        """Branches, and what stands for several."""
        parts: list[syntax.Branch | syntax.Loop | syntax.Take] = []
        if isinstance(node, yaml.MappingNode):
            for name, (key, body) in self.source.mapping(node, "branches").items():
                parts += self.branch(body, self.label(key, "a branch's name"), f"branch {quoted(name)}", names)
            return parts
        for item in self.source.sequence(node, "branches"):
            if _has(item, "elif") and parts and (case := _condition(parts[-1])):
                self.further_case(item, case, names)
            elif _has(item, "take") and not _has(item, "join"):
                taken = self.take(item, self.source.mapping(item, "take"), names)
                parts += [taken] if isinstance(taken, syntax.Take) else []
            else:
                parts += self.branch(item, "", "a branch", names)
        return parts

    def branch(self, node: YamlNode, name: str, what: str, names: Names) -> list[syntax.Branch | syntax.Loop]:
        """A list of layers, a condition with its lists, or a loop, each of whose turns is a branch."""
        word = next((word for word in ("repeat", "each", "if", "elif") if _has(node, word)), "")
        if not word:
            return [syntax.Branch(node, name, self.steps(node, names, what))]
        entries = self.source.mapping(node, what)
        step = self.words[word](node, entries, names)
        if isinstance(step, syntax.Loop):
            if name and step.name:
                message = f"these branches are named twice, {quoted(name)} and {quoted(step.name)}"
                self.source.report("misplaced", message, entries["name"][0], "leave one of the names out")
            step.name = step.name or name
            return [step]
        return [syntax.Branch(node, name, [step])] if step else []

    def residual(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        self.source.known_keys(entries, ("residual", "shortcut", "when", "frozen", "name"), "residual")
        body = self.steps(entries["residual"][1], names, "residual")
        shortcut = self.steps(entries["shortcut"][1], names, "shortcut") if "shortcut" in entries else []
        parts = [syntax.Branch(node, "", body), syntax.Branch(node, "shortcut" if shortcut else "", shortcut)]
        added = syntax.Branches(node, [*parts], syntax.LayerStep(node, KINDS["add"], {}, ""), self.name(entries))
        added.residual = True
        return syntax.If(node, [(self.value(entries["when"][1], names), [added])], body) if "when" in entries else added

    def let(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        self.source.known_keys(entries, ("let",), "let")
        values: dict[str, Value] = {}
        for name, (key, value) in self.source.mapping(entries["let"][1], "let").items():
            self.check_name(name, key, "a value", names)
            values[name] = self.argument(value, names)
            names = self.visible(names, [name], key)
        return syntax.Let(node, values)

    def use(self, node: YamlNode, entries: Entries, names: Names) -> Step | None:
        self.source.known_keys(entries, ("use", "with", "upto", "as", "take", "save", "frozen", "name"), "use", "uses")
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
        step.takes, step.saves = self.handed(entries, names), self.asked(entries, names)
        return step

    def take(self, node: YamlNode, entries: Entries, names: Names) -> Step | None:
        self.source.known_keys(entries, ("take", "join", "name"), "take")
        taken = syntax.Take(node, self.tensors(entries["take"][1], names, "take"))
        if "join" not in entries:
            if "name" in entries:
                message = "a tensor that is taken up has a name already"
                self.source.report("unknown-key", message, entries["name"][0], "leave name out")
            return taken
        join = self.join(node, entries["join"][1], names)
        return None if join is None else syntax.Branches(node, [taken], join, self.name(entries))

    def experts(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        keys = ("experts", "active", "do", "router", "normalized", "frozen", "name")
        meant = self.source.known_keys(entries, keys, "experts")
        values = {key: self.value(entries[key][1], names) for key in keys if key in entries and key in _OF_EXPERTS}
        if "active" not in entries and "active" not in meant:
            hint = "active: 2, how many of them a token goes through"
            self.source.report("missing", "experts needs 'active'", node, hint)
        router = self.steps(entries["router"][1], names, "router") if "router" in entries else None
        body = self.body(node, entries, names, "experts", "do", meant)
        active = values.get("active", values["experts"])
        return syntax.Experts(
            node, values["experts"], active, body, router, values.get("normalized"), self.name(entries)
        )

    def group(self, node: YamlNode, entries: Entries, names: Names) -> Step | None:
        unknown = [key for name, (key, _) in entries.items() if name not in ("do", "shared", "frozen", "name")]
        if unknown and not foreign.is_frozen(unknown[0].value):
            self.unknown(unknown[0])
            return None
        self.source.known_keys(entries, ("do", "shared", "frozen", "name"), "a group")
        if "name" not in entries:
            self.source.report("missing", "a group needs 'name'", node, "{name: stem, do: [...]}")
        body = self.body(node, entries, names, "a group", "do", set())
        return syntax.Group(node, self.name(entries), body, self.shared(entries, names))


_OF_EXPERTS = ("experts", "active", "normalized")
"""What stands beside `experts` as a value."""

_ALONE = ("save", "take", "do", "let")
"""The words beside which no other stands in an item."""


def _no_layer(node: YamlNode) -> str:
    """What to do about an item that is no layer."""
    if is_null(node):
        return "write a layer after '- ', or leave the line out"
    return "write each of them as an item of its own" if isinstance(node, yaml.SequenceNode) and node.value else ""


def _condition(step: Step) -> syntax.If | None:
    """The condition that an item with `if` is, in a list of layers or of branches."""
    made = step.body[0] if isinstance(step, syntax.Branch) and _has(step.node, "if") else step
    return made if isinstance(made, syntax.If) and _has(made.node, "if") else None


def _has(node: YamlNode, word: str) -> bool:
    """Whether an item is a mapping with that key."""
    return isinstance(node, yaml.MappingNode) and any(getattr(key, "value", None) == word for key, _ in node.value)
