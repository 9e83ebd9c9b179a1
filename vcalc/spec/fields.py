"""Names, labels and values of a spec, read from YAML nodes. Every problem in them is noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable
from keyword import iskeyword

import yaml

from vcalc import foreign, limits
from vcalc.errors import listing, nearest, quoted, suggestion
from vcalc.language.expression import (
    CONSTANTS,
    FUNCTIONS,
    OPERATORS,
    SHAPE_NAMES,
    Expression,
    ExpressionError,
    arrives,
    can_name,
    constant,
    parse,
)
from vcalc.layers import KINDS
from vcalc.source.read import Entries, Source, YamlNode, describe, is_null
from vcalc.spec.syntax import Value

Names = frozenset[str]
NO_NAMES: Names = frozenset()

WORDS = frozenset(word for kind in KINDS.values() for field in kind.fields.values() for word in field.type.words)
"""Every word that some field of a layer takes."""

VALUES = WORDS | {name for name, kind in KINDS.items() if not kind.joins}
"""Every word that a name can be bound to: those, and the layer kinds."""

_NAMES = re.compile(r"[A-Za-z_]\w*")


def chooses(text: str) -> bool:
    """Whether an expression is one thing or another, as a condition says; words can stand there, too."""
    return " if " in text


def is_word(text: str, known: Names, models: Container[str] = ()) -> bool:
    """Whether a hyperparameter's value is a word: of a layer's field, a layer kind, a model of the file or another."""
    parts = _NAMES.findall(text)
    if not parts or text in CONSTANTS or known.issuperset(parts):
        return False
    if text in VALUES or text in models:
        return True
    from vcalc.spec.find import is_model

    return is_model(text)


def written_out(word: str, fields: Iterable[str]) -> str:
    """How a word is written with its fields: `conv: {out: …, kernel: …}`."""
    return f"{word}: {{{', '.join(f'{name}: …' for name in fields)}}}"


def _by_name(node: YamlNode, word: str, required: list[str], known: list[str]) -> str:
    """How a word is written whose fields stand there without their names."""
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    numbers = re.findall(r"\d{1,9}", " ".join(str(item.value) for item in items[:4]))
    names = {1: ["D"], 2: ["N", "D"], 3: ["C", "H", "W"]}.get(len(numbers), [])
    if not required and names and {"N", "D", "C", "H"}.issubset(known):
        return f"write {word}: {{{', '.join(map(': '.join, zip(names, numbers, strict=True)))}}}"
    if required or not known:
        return f"write {written_out(word, required) if required else word}"
    return listing(known, "its fields are") or f"'vcalc layers {word}' has its fields"


def mended(name: str, unwanted: str) -> str:
    """The name with `_` for what it may not hold; empty where that is no other name, or no short one."""
    other = re.sub(unwanted, "_", name).strip("_")
    return other if other != name and len(other) <= limits.NAME_LENGTH else ""


def name_hint(name: str) -> str:
    """Why a word cannot name a value, and what could."""
    if iskeyword(name) and name not in CONSTANTS and name not in OPERATORS:
        return f"it is a word of Python, whose grammar expressions have; choose another name, such as {name}_"
    if name in CONSTANTS or name in FUNCTIONS or name in OPERATORS:
        return "the language has that word"
    other = mended(name, r"\W+")
    return "a letter, then letters, digits and _" + (f", such as {other}" if can_name(other) else "")


class FieldReader:
    """Reads what layers, loops and blocks are given."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.shape: Names = SHAPE_NAMES
        """The names of the shape that arrives."""
        self.blocks: dict[str, dict[str, bool]] = {}
        """Every block's arguments, and whether each is required."""
        self.worded: list[tuple[str, YamlNode]] = []
        """The words of fields that are names, too, where they stand."""
        self.tensor_names: set[str] = set()
        """The names of tensors that have been saved so far, in the order of the file."""
        self.used: set[str] = set()
        """Every name that an expression refers to."""
        self.operations = 0
        """Those of the expressions that have been read."""
        self.bound: list[tuple[str, YamlNode, str, bool]] = []
        """Every name that is bound: where, what it names, and whether the name had a meaning there already."""

    def visible(self, names: Names, more: Iterable[str], node: YamlNode) -> Names:
        """The names with some more of them. Raises VcalcError when they are too many."""
        names = names | frozenset(more)
        if len(names) > limits.NAMES:
            self.source.report("limit", f"more than {limits.NAMES} names at once", node, "see docs/limits.md")
            self.source.raise_problems()
        return names

    def check_name(self, name: str, node: YamlNode, what: str, names: Names = NO_NAMES) -> None:
        """Note a name that is bound here, where those of `names` are known; refuse a word that cannot name a value."""
        self.bound.append((name, node, what, name in names))
        if name in self.blocks:
            message = f"'{name}' is a block and cannot name {what}, too"
            self.source.report("name", message, node, f"give one of them another name, such as {name}_block")
            return
        if name in self.shape:
            message = f"'{name}' is the arriving shape and cannot name {what}"
            self.source.report("name", message, node, arrives(self.shape))
        elif not can_name(name):
            self.source.report("name", f"{quoted(name)} cannot name {what}", node, name_hint(name))

    def label(self, node: YamlNode, what: str = "name") -> str:
        """The name of a layer, a group, a tensor or a model."""
        name = self.source.text(node, what)
        if name and (len(name) > limits.NAME_LENGTH or any(c in "/,:" or c.isspace() for c in name)):
            message = f"a name holds no slash, comma, colon or space, and at most 60 characters: {quoted(name)}"
            other = mended(name, r"[/,:\s]+")
            self.source.report("name", message, node, f"write {other}" if other else "")
        return name

    def name(self, entries: Entries) -> str:
        return self.label(entries["name"][1]) if "name" in entries else ""

    # Values

    def values(self, node: YamlNode | None, names: Names, what: str) -> dict[str, Value]:
        if node is None:
            return {}
        return {name: self.argument(value, names) for name, (_, value) in self.source.mapping(node, what).items()}

    def argument(self, node: YamlNode, names: Names, shape: Names | None = None) -> Value:
        """What a name is bound to: as `value`, and a word of a field or a layer kind that nothing else is called.

        Or one of two, as a condition says: `relu if small else silu`.
        """
        if isinstance(node, yaml.SequenceNode):
            return Value(node, None, [self.argument(item, names, shape) for item in node.value])
        if not isinstance(node, yaml.ScalarNode) or not (node.value in VALUES or chooses(node.value)):
            return self.value(node, names, (), shape)
        return self.value(node, names, tuple(VALUES - {*names, *self.blocks}), shape)

    def value(self, node: YamlNode, names: Names, words: tuple[str, ...] = (), shape: Names | None = None) -> Value:
        """A number, an expression over the names and the arriving shape, one of the words, or a list of these."""
        shape = self.shape if shape is None else shape
        if isinstance(node, yaml.SequenceNode):
            return Value(node, None, [self.value(item, names, words, shape) for item in node.value])
        if not isinstance(node, yaml.ScalarNode) or is_null(node):
            message = f"a number, an expression or a list is needed here, not {describe(node)}"
            self.source.report("type", message, node)
            return Value(node, constant(0))
        if node.value in words:
            if node.value in names:
                self.worded.append((node.value, node))
            return Value(node, constant(node.value, node.value))
        return Value(node, self.expression(node, names, lambda: parse(node.value), 0, words, shape))

    def expression(
        self,
        node: YamlNode,
        names: Names,
        read: Callable[[], Expression],
        offset: int = 0,
        words: tuple[str, ...] = (),
        shape: Names | None = None,
    ) -> Expression:
        """The expression that `read` makes of a text, so far behind the beginning of a node."""
        shape = self.shape if shape is None else shape
        try:
            expression = read()
        except ExpressionError as error:
            self.source.take(error, node, offset + error.column)
            return constant(0)
        self.operations += expression.operations - 1
        if self.operations > limits.FILE_OPERATIONS:
            self.source.report("limit", f"more than {limits.FILE_OPERATIONS:,} operations in one file", node)
            self.source.raise_problems()
        unknown = {name: at for name, at in expression.columns.items() if name not in {*names, *shape, *self.blocks}}
        if chooses(expression.text):
            expression = expression.knowing({name for name in unknown if name in words})
        self.used |= expression.names
        for name in unknown.keys() & expression.names:
            self.undefined(name, node, offset + unknown[name], {*names, *self.blocks, *words}, shape)
        return expression

    def undefined(self, name: str, node: YamlNode, column: int, known: set[str], shape: Names) -> None:
        if name in self.shape:
            hint = arrives(self.shape)
        elif name.lower() in ("yes", "no", "on", "off"):
            hint = "write true or false"
        elif name in FUNCTIONS:
            hint = f"it is a function: {name}(…)"
        elif name in self.tensor_names:
            hint = f"it is a tensor; a call hands it over: take: {{its: {name}}}, 'its' being the block's name"
        elif nearest(name, known | shape):
            hint = suggestion(name, known | shape, "")
        elif foreign.answers("values", name):
            hint = f"here that is {', or '.join(map(str, foreign.answers('values', name)))}"
        elif name in WORDS:
            hint = "other fields take that word, not this one"
        elif name in KINDS:
            hint = "it is a layer, and stands in a list of layers"
        else:
            hint = suggestion(name, known, "names that are") or f"write a value, or define it: let: {{{name}: …}}"
            places = [name for name in "LTHW" if name in shape]
            hint += f"; C, {', '.join(places)} or N, D are what arrives" if shape else ""
        self.source.report("undefined", f"{quoted(name)} is not defined here", node, hint, column, len(name))

    def fields(
        self, node: YamlNode | None, what: str, required: Iterable[str], known: Iterable[str] = ()
    ) -> Entries | None:
        """The fields that stand with a word, none where it stands alone; None where they are something else."""
        if node is None or is_null(node):
            return {}
        if isinstance(node, yaml.MappingNode):
            return self.source.mapping(node, what)
        hint = _by_name(node, what, [*required], [*known])
        self.source.report("type", f"{what} takes its fields by name, not {describe(node)}", node, hint)
        return None
