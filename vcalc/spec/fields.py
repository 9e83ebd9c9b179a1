"""Names, labels and values of a spec, read from YAML nodes. Every problem in them is noted."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

from vcalc import limits
from vcalc.errors import quoted, suggestion
from vcalc.layers import KINDS
from vcalc.source.read import Entries, Source, YamlNode, describe, is_null
from vcalc.spec.expression import ARRIVES, FUNCTIONS, SHAPE_NAMES, ExpressionError, can_name, constant, parse
from vcalc.spec.syntax import Value

Names = frozenset[str]

WORDS = frozenset(word for kind in KINDS.values() for field in kind.fields.values() for word in field.type.words)
"""Every word that some field of a layer takes."""

_NAMES = re.compile(r"[A-Za-z_]\w*")


def is_word(text: str, known: Names) -> bool:
    """Whether a hyperparameter's value is a word: one of a layer's field, or the name of a model of the catalogue."""
    parts = _NAMES.findall(text)
    if not parts or known.issuperset(parts):
        return False
    if text in WORDS:
        return True
    from vcalc.spec.find import is_model

    return is_model(text)


class FieldReader:
    """Reads what layers, loops and blocks are given."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.blocks: dict[str, dict[str, bool]] = {}
        """Every block's arguments, and whether each is required."""
        self.used: set[str] = set()
        """Every name that an expression refers to."""
        self.operations = 0
        """Those of the expressions that have been read."""
        self.bound: list[tuple[str, YamlNode, str]] = []
        """Every name that is bound: where, and what it names."""

    def visible(self, names: Names, more: Iterable[str], node: YamlNode) -> Names:
        """The names with some more of them. Raises VcalcError when they are too many."""
        names = names | frozenset(more)
        if len(names) > limits.NAMES:
            self.source.report("limit", f"more than {limits.NAMES} names at once", node, "see docs/limits.md")
            self.source.raise_problems()
        return names

    def check_name(self, name: str, node: YamlNode, what: str) -> None:
        """Note a name that is bound here; refuse a word that cannot name a value."""
        self.bound.append((name, node, what))
        if name in SHAPE_NAMES:
            message = f"'{name}' is the arriving shape and cannot name {what}"
            self.source.report("name", message, node, ARRIVES)
        elif not can_name(name):
            hint = "the language has that word" if name in FUNCTIONS else "a letter, then letters, digits and _"
            self.source.report("name", f"{quoted(name)} cannot name {what}", node, hint)

    def label(self, node: YamlNode, what: str = "name") -> str:
        """The name of a layer, a group, a tensor or a model."""
        name = self.source.text(node, what)
        if name and (len(name) > limits.NAME_LENGTH or any(c in "/,:" or c.isspace() for c in name)):
            message = f"a name holds no slash, comma, colon or space, and at most 60 characters: {quoted(name)}"
            self.source.report("name", message, node)
        return name

    def name(self, entries: Entries) -> str:
        return self.label(entries["name"][1]) if "name" in entries else ""

    # Values

    def values(self, node: YamlNode | None, names: Names, what: str) -> dict[str, Value]:
        if node is None:
            return {}
        return {name: self.value(value, names) for name, (_, value) in self.source.mapping(node, what).items()}

    def value(self, node: YamlNode, names: Names, words: tuple[str, ...] = (), shape: Names = SHAPE_NAMES) -> Value:
        """A number, an expression over the names and the arriving shape, one of the words, or a list of these."""
        if isinstance(node, yaml.SequenceNode):
            return Value(node, None, [self.value(item, names, words, shape) for item in node.value])
        if not isinstance(node, yaml.ScalarNode) or is_null(node):
            message = f"a number, an expression or a list is needed here, not {describe(node)}"
            self.source.report("type", message, node)
            return Value(node, constant(0))
        if node.value in words:
            return Value(node, constant(node.value, node.value))
        try:
            expression = parse(node.value)
        except ExpressionError as error:
            self.source.take(error, node, error.column)
            return Value(node, constant(0))
        self.operations += expression.operations - 1
        if self.operations > limits.FILE_OPERATIONS:
            self.source.report("limit", f"more than {limits.FILE_OPERATIONS:,} operations in one file", node)
            self.source.raise_problems()
        self.used |= expression.names
        for name, column in expression.columns.items():
            if name not in names and name not in shape and name not in self.blocks:
                self.undefined(name, node, column, (*names, *shape, *self.blocks, *words))
        return Value(node, expression)

    def undefined(self, name: str, node: YamlNode, column: int, known: Iterable[str]) -> None:
        hint = suggestion(name, known, "names that are")
        if name in SHAPE_NAMES:
            hint = ARRIVES
        elif name.lower() in ("yes", "no", "on", "off"):
            hint = "write true or false"
        self.source.report("undefined", f"{quoted(name)} is not defined here", node, hint, column, len(name))

    def fields(self, node: YamlNode | None, what: str, required: Iterable[str]) -> Entries | None:
        """The fields that stand with a word, none where it stands alone; None where they are something else."""
        if node is None or is_null(node):
            return {}
        if isinstance(node, yaml.MappingNode):
            return self.source.mapping(node, what)
        example = ", ".join(f"{name}: …" for name in required) or "name: …"
        hint = f"write {what}: {{{example}}}"
        self.source.report("type", f"{what} takes its fields by name, not {describe(node)}", node, hint)
        return None
