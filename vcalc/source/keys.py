"""The keyed parts of files, declared once: what each key takes, what it is without, what it means.

A `Record` reads a mapping into values, tells what is wrong with it and where, and gives its JSON Schema. Types are
small classes: a part that has a type of its own writes one (`Figure` of a claim) and gets the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import yaml

from vcalc.errors import VcalcError, quoted
from vcalc.source.read import Source, YamlNode, describe

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "number"], "minLength": 1}


class Type:
    """What may stand under a key."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        """The value of a node; what is wrong with it is noted in the source, and None returned."""
        raise NotImplementedError

    def schema(self) -> Schema:
        """Its JSON Schema."""
        return TEXT


class Text(Type):
    """A text, put on one line."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        return " ".join(source.text(node, what).split()) or None


class Whole(Type):
    """A whole number within bounds."""

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        text = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
        if text.isascii() and text.isdigit() and len(text) < 10 and self.least <= int(text) <= self.most:
            return int(text)
        message = f"{what} is a whole number from {self.least} to {self.most}, not {describe(node)}"
        return source.report("type", message, node)

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Word(Type):
    """One of some words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        if isinstance(node, yaml.ScalarNode) and node.value in self.words:
            return str(node.value)
        return source.report("value", f"{what} is {' or '.join(self.words)}, not {describe(node)}", node)

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


class YesOrNo(Type):
    """Yes or no; `true` and `false` are read, too."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        text = node.value if isinstance(node, yaml.ScalarNode) else None
        if text in ("yes", "true", "no", "false"):
            return text in ("yes", "true")
        return source.report("value", f"{what} is yes or no, not {describe(node)}", node)

    def schema(self) -> Schema:
        return {"enum": ["yes", "no", True, False]}


class Found(Type):
    """A name that `find` looks up; it raises VcalcError for one that there is not. `known` names some for editors."""

    def __init__(self, find: Callable[[str], Any], known: Callable[[], Iterable[str]] = tuple) -> None:
        self.find, self.known = find, known

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        text = source.text(node, what)
        try:
            return self.find(text) if text else None
        except VcalcError as error:
            return source.take(error, node)

    def schema(self) -> Schema:
        names = list(self.known())
        return {"anyOf": [{"enum": names}, {"type": "string", "minLength": 1}]} if names else TEXT


class Several(Type):
    """A list of one type, as a tuple; with `or_one`, a single value may stand without its list."""

    def __init__(self, type_: Type, or_one: bool = False) -> None:
        self.type, self.or_one = type_, or_one

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        alone = self.or_one and not isinstance(node, yaml.SequenceNode)
        nodes = [node] if alone else source.sequence(node, what)
        read = [self.type.read(source, each, what if alone else f"an item of {what}") for each in nodes]
        return tuple(value for value in read if value is not None)

    def schema(self) -> Schema:
        many = {"type": "array", "items": self.type.schema()}
        return {"anyOf": [self.type.schema(), many]} if self.or_one else many


class Pairs(Type):
    """A mapping of names to values of one type, as a tuple of pairs."""

    def __init__(self, type_: Type, example: str = "") -> None:
        self.type, self.example = type_, example

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        read = [
            (name, self.type.read(source, value, f"the value of {quoted(name)}"))
            for name, (_, value) in source.mapping(node, what, self.example).items()
        ]
        return tuple((name, value) for name, value in read if value is not None)

    def schema(self) -> Schema:
        return {"type": ["object", "null"], "additionalProperties": self.type.schema()}


class Key(NamedTuple):
    """One key: its name, what it takes, what it means, and its value where it is not there."""

    name: str
    type: Type
    doc: str
    default: Any = None


class Need(NamedTuple):
    """Ways of which one has to be there, each some keys together.

    With `open`, more than one way may be taken; with `when`, it is asked only where one of those keys is there.
    """

    ways: tuple[tuple[str, ...], ...]
    says: str = ""
    when: tuple[str, ...] = ()
    open: bool = False

    def problem(self, given: set[str], meant: set[str]) -> str:
        """What is wrong with the keys that are there, in words; nothing where some were `meant`, misspelt."""
        mine = {key for way in self.ways for key in way}
        if (self.when and not given & set(self.when)) or meant & mine:
            return ""
        full = [way for way in self.ways if given.issuperset(way)]
        if full and (self.open or given & mine == set(full[0])):
            return ""
        found = [key for way in self.ways for key in way if key in given]
        has = f"; it has {' and '.join(found)}" if found else "" if self.says else "; it has neither"
        return f"needs {self._words()}{f': {self.says}' if self.says else ''}{has}"

    def _words(self) -> str:
        if all(len(way) == 1 for way in self.ways):
            return " or ".join(f"'{key}'" for (key,) in self.ways)
        return ", or ".join(" and ".join(way) for way in self.ways)

    def schema(self) -> Schema:
        ways: list[Schema] = [{"required": list(way)} for way in self.ways]
        one = ways[0] if len(ways) == 1 else {"anyOf" if self.open else "oneOf": ways}
        return {"if": {"anyOf": [{"required": [key]} for key in self.when]}, "then": one} if self.when else one


class Values(dict[str, Any]):
    """The values of a record's keys, those that are not there among them; `nodes` has the nodes of those that are."""

    def __init__(self, node: YamlNode, nodes: dict[str, YamlNode], values: dict[str, Any]) -> None:
        super().__init__(values)
        self.node = node
        self.nodes = nodes

    def some(self, *keys: str) -> dict[str, Any]:
        """The values of those of some keys that are there."""
        return {key: self[key] for key in keys if key in self.nodes and self[key] is not None}


class Record(Type):
    """A mapping with these keys and no others. `what` it is, in words; `section` has foreign words for its keys."""

    def __init__(
        self,
        what: str,
        keys: Iterable[Key],
        needs: Iterable[Need] = (),
        section: str = "",
        example: str = "",
        code: str = "missing",
    ) -> None:
        self.what, self.section, self.example, self.code = what, section, example, code
        self.keys = {key.name: key for key in keys}
        self.needs = tuple(needs)

    def read(self, source: Source, node: YamlNode, what: str = "") -> Values:
        """The values; every problem is noted in the source, and a key with one has its default."""
        entries = source.mapping(node, self.what, self.example)
        meant = source.known_keys(entries, self.keys, self.what, self.section)
        nodes = {name: value for name, (_, value) in entries.items() if name in self.keys}
        for need in self.needs:
            problem = need.problem(set(nodes), meant)
            if problem and (entries or isinstance(node, yaml.MappingNode)):
                source.report(self.code, f"{self.what} {problem}", node, self.example)
        values = {}
        for name, key in self.keys.items():
            read = key.type.read(source, nodes[name], name) if name in nodes else None
            values[name] = key.default if read is None else read
        return Values(node, nodes, values)

    def schema(self) -> Schema:
        made: Schema = {"type": "object", "additionalProperties": False}
        made["properties"] = {name: {"description": key.doc, **key.type.schema()} for name, key in self.keys.items()}
        needs = [need.schema() for need in self.needs]
        return {**made, "allOf": needs} if needs else made
