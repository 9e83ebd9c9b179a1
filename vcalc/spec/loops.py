"""Loops: from YAML nodes to `vcalc.spec.syntax.Loop`."""

from __future__ import annotations

from typing import TypeVar

import yaml

from vcalc.errors import quoted
from vcalc.source.read import Entries, YamlNode, describe, is_null
from vcalc.spec import syntax
from vcalc.spec.fields import Names
from vcalc.spec.syntax import Step, Value
from vcalc.spec.tensors import TensorReader

StepT = TypeVar("StepT", bound="Step | None")


class LoopReader(TensorReader):
    """Reads what a loop goes through; its lists of layers are read by `vcalc.spec.steps`."""

    def steps(self, node: YamlNode, names: Names, what: str) -> list[Step]:
        """A list of layers."""
        raise NotImplementedError

    def freezing(self, step: StepT, entries: Entries, names: Names) -> StepT:
        """A step with what its entries say of its parameters: whether they are trained."""
        raise NotImplementedError

    def body(self, node: YamlNode, entries: Entries, names: Names, word: str, key: str, meant: set[str]) -> list[Step]:
        """The list under `key`, which has to be there."""
        raise NotImplementedError

    def loop(self, node: YamlNode, entries: Entries, names: Names) -> Step:
        word = "repeat" if "repeat" in entries else "each"
        meant = self.source.known_keys(
            entries, (word, "do", "first", "index", "when", "shared", "frozen", "name"), word
        )
        count = self.value(entries["repeat"][1], names) if word == "repeat" else None
        variables = self.variables(entries["each"][1], names) if word == "each" else {}
        bound = [name for together in variables for name in together]
        index = self.index(entries, bound, names)
        inner = self.visible(names, [*bound, *([index] if index else [])], node)
        body = self.body(node, entries, inner, word, "do", meant)
        first = self.steps(entries["first"][1], inner, "first") if "first" in entries else None
        when = self.value(entries["when"][1], inner) if "when" in entries else None
        shared = self.shared(entries, inner)
        made = syntax.Loop(node, count, variables, index, self.name(entries), body, when, first, shared)
        return self.freezing(made, entries, inner)

    def shared(self, entries: Entries, names: Names) -> Value | None:
        """What says which runs have the same parameters: true for all, or a value, each of which has a set."""
        if "shared" not in entries:
            return None
        node = entries["shared"][1]
        if not isinstance(node, yaml.ScalarNode) or is_null(node):
            message = f"shared is true or false, or a value that has a set of its own, not {describe(node)}"
            self.source.report("type", message, node, "shared: true")
            return None
        return self.value(node, names)

    def variables(self, node: YamlNode, names: Names) -> dict[tuple[str, ...], Value]:
        """The lists of a loop; those of several names that share one, `{k, c, s: table}`, have its rows."""
        bound, through, table = str(node.value).partition(" in ") if isinstance(node, yaml.ScalarNode) else ("", "", "")
        hint = f"each: {{{bound}: {table}}}" if through else "each: {c: [64, 128]}"
        entries = self.source.mapping(node, "each", hint)
        found: dict[tuple[str, ...], Value] = {}
        names_so_far: list[str] = []
        for text, (key, value) in entries.items():
            for name in map(str.strip, text.split(",")):
                if any(name in together for together in found) or name in names_so_far:
                    self.source.report("duplicate-key", f"the name {quoted(name)} stands here twice", key)
                self.check_name(name, key, "a loop variable", names)
                names_so_far.append(name)
            if not is_null(value):
                found[tuple(names_so_far)] = self.argument(value, names)
                names_so_far = []
        if names_so_far or not entries:
            message = f"{' and '.join(map(quoted, names_so_far))} go through no list" if entries else ""
            if not entries and (is_null(node) or isinstance(node, yaml.MappingNode)):
                message = "each needs lists to go through"
            if message:
                message = message.replace(" go ", " goes ") if len(names_so_far) == 1 else message
                self.source.report("missing", message, node, "each: {c: [64, 128]}, or {k, c: [[3, 64], [5, 128]]}")
        return found

    def index(self, entries: Entries, variables: list[str], names: Names) -> str:
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
