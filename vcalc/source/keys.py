"""The keyed parts of files, declared once: what each key takes, what it is without, what it means.

A `Record` reads a mapping into values, tells what is wrong with it and where, and gives its JSON Schema. Types are
small classes: a part that has a type of its own writes one (`Figure` of a claim) and gets the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import yaml

from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.source.read import Source, YamlNode, describe, is_null

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "number", "boolean"], "pattern": r"\S"}


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
    """A whole number within bounds, of what in words, where the key does not say so."""

    def __init__(self, least: int, most: int, of: str = "") -> None:
        self.least, self.most, self.of = least, most, of

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        text = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
        if text.isascii() and text.isdigit() and len(text) < 10 and self.least <= int(text) <= self.most:
            return int(text)
        number = f"a whole number{f' of {self.of}' if self.of else ''}"
        message = f"{what} is {number} from {self.least:,} to {self.most:,}, not {describe(node)}"
        return source.report("type", message, node)

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


class Number(Type):
    """A number above 0."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        text = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
        if re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", text) and float(text) > 0:
            return float(text) if "." in text else int(text)
        return source.report("type", f"{what} is a number above 0, not {describe(node)}", node)

    def schema(self) -> Schema:
        return {"type": "number", "exclusiveMinimum": 0}


class Word(Type):
    """One of some words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        if isinstance(node, yaml.ScalarNode) and node.value in self.words:
            return str(node.value)
        return source.report("value", f"{what} is {' or '.join(self.words)}, not {describe(node)}", node)

    def schema(self) -> Schema:
        as_read = {repr(value): value for word in self.words for value in (word, yaml.safe_load(word))}
        return {"enum": list(as_read.values())}


class YesOrNo(Type):
    """Yes or no; `true` and `false` are read, too."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        text = node.value if isinstance(node, yaml.ScalarNode) else None
        if text in ("yes", "true", "no", "false"):
            return text in ("yes", "true")
        return source.report("value", f"{what} is yes or no, not {describe(node)}", node)

    def schema(self) -> Schema:
        return {"enum": ["yes", "no", True, False, "true", "false"]}


class Known(Type):
    """One of the names that there are of something."""

    def __init__(self, called: str, names: Callable[[], Collection[str]]) -> None:
        self.called, self.names = called, names

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        text = source.text(node, what)
        if not text or text in self.names():
            return text or None
        return self.unknown(source, node, text)

    def unknown(self, source: Source, node: YamlNode, name: str) -> None:
        """Note a name that there is not."""
        hint = suggestion(name, self.names(), "there are")
        source.report("unknown", f"there is no {self.called} {quoted(name)}", node, hint)

    def schema(self) -> Schema:
        return {"enum": sorted(self.names())}


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
        return {"anyOf": [{"enum": names}, TEXT]} if names else TEXT


class Several(Type):
    """A list of one type, as a tuple; with `or_one`, a single value may stand without its list.

    `item` is what messages call one of them.
    """

    def __init__(self, type_: Type, or_one: bool = False, item: str = "") -> None:
        self.type, self.or_one, self.item = type_, or_one, item

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        alone = self.or_one and not isinstance(node, yaml.SequenceNode)
        nodes = [node] if alone else source.sequence(node, what)
        item = self.item or (what if alone else f"an item of {what}")
        read = [self.type.read(source, each, item) for each in nodes]
        return tuple(value for value in read if value is not None)

    def schema(self) -> Schema:
        many = {"type": "array", "items": self.type.schema()}
        return {"anyOf": [self.type.schema(), many]} if self.or_one else many


class Pairs(Type):
    """A mapping of names to values of one type, as a tuple of pairs; the names may be of a type, too."""

    def __init__(self, type_: Type, example: str = "", names: Type | None = None, value: str = "the value of") -> None:
        self.type, self.example, self.names, self.value = type_, example, names, value

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        read = [
            (
                self.names.read(source, key, "a name") if self.names else name,
                self.type.read(source, value, f"{self.value} {quoted(name)}"),
            )
            for name, (key, value) in source.mapping(node, what, self.example).items()
        ]
        return tuple((name, value) for name, value in read if name is not None and value is not None)

    def schema(self) -> Schema:
        names = {"propertyNames": self.names.schema()} if self.names else {}
        return {"type": ["object", "null"], **names, "additionalProperties": self.type.schema()}


class Placed(Type):
    """A value of another type with its place."""

    def __init__(self, type_: Type) -> None:
        self.type = type_

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        value = self.type.read(source, node, what)
        return None if value is None else (value, source.place(node))

    def schema(self) -> Schema:
        return self.type.schema()


class Later(Type):
    """A type that is loaded where something stands under its key."""

    def __init__(self, load: Callable[[], Type]) -> None:
        self.load = load

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        return self.load().read(source, node, what)

    def schema(self) -> Schema:
        return self.load().schema()


class Other(Type):
    """What is read elsewhere: its node, and the schema that it has by `name` there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        return node

    def schema(self) -> Schema:
        return {"$ref": f"#/$defs/{self.name}"}


class Made(Type):
    """What is made of the value of another type."""

    def __init__(self, type_: Type, make: Callable[[Any], Any]) -> None:
        self.type, self.make = type_, make

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        value = self.type.read(source, node, what)
        return None if value is None else self.make(value)

    def schema(self) -> Schema:
        return self.type.schema()


class Key:
    """One key: its name, what it takes, what it means, its value where it is not there, and what messages call it."""

    __slots__ = ("default", "doc", "name", "type", "what")

    def __init__(self, name: str, type_: Type, doc: str, default: Any = None, what: str = "") -> None:
        self.name, self.type, self.doc, self.default, self.what = name, type_, doc, default, what or name

    @property
    def means(self) -> str:
        """What it means, as a part of a sentence."""
        return self.doc[:1].lower() + self.doc[1:].rstrip(".")


def needed(*keys: str) -> list[Need]:
    """Keys each of which has to be there."""
    return [Need(((key,),)) for key in keys]


class Need:
    """Ways of which one has to be there, each some keys together.

    With `open`, more than one way may be taken; with `when`, it is asked only where one of those keys is there.
    """

    __slots__ = ("open", "says", "ways", "when")

    def __init__(
        self, ways: tuple[tuple[str, ...], ...], says: str = "", when: tuple[str, ...] = (), open: bool = False
    ) -> None:
        self.ways, self.says, self.when, self.open = ways, says, when, open

    def problem(self, given: set[str], meant: set[str]) -> str:
        """What is wrong with the keys that are there, in words; nothing where some were `meant`, misspelt."""
        mine = {key for way in self.ways for key in way}
        if (self.when and not given & set(self.when)) or meant & mine:
            return ""
        full = [way for way in self.ways if given.issuperset(way)]
        if full and (self.open or given & mine == set(full[0])):
            return ""
        found = [key for way in self.ways for key in way if key in given]
        nothing = "" if self.says or len(self.ways) < 2 else "; it has neither"
        has = f"; it has {' and '.join(found)}" if found else nothing
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
    """The values of a record's keys, those that are not there among them; `nodes` has the nodes of those that are.

    `meant` has the keys that others were probably meant to be.
    """

    def __init__(self, node: YamlNode, nodes: dict[str, YamlNode], values: dict[str, Any], meant: set[str]) -> None:
        super().__init__(values)
        self.node = node
        self.nodes = nodes
        self.meant = meant

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
        if is_null(node):
            source.report("type", f"{self.what} is a mapping of keys to values, not nothing", node, self.example)
        entries = source.mapping(node, self.what, self.example)
        meant = source.known_keys(entries, self.keys, self.what, self.section)
        nodes = {name: value for name, (_, value) in entries.items() if name in self.keys}
        for need in self.needs:
            problem = need.problem(set(nodes), meant)
            if problem and (entries or isinstance(node, yaml.MappingNode)):
                source.report(self.code, f"{self.what} {problem}", node, self._help(need, set(nodes)))
        return Values(node, nodes, self.values(source, nodes), meant)

    def _help(self, need: Need, given: set[str]) -> str:
        """An example; of what is asked for only beside other keys what it says, where nothing of it is there."""
        if not need.when:
            return self.example
        keys = [self.keys[name] for way in need.ways for name in way]
        if any(key.name in given for key in keys):
            return "leave one of them out" if given.issuperset(key.name for key in keys) else ""
        return f"write {keys[0].name}: …, {keys[0].means}"

    def values(self, source: Source, nodes: dict[str, YamlNode]) -> dict[str, Any]:
        """The values of all keys, those of the nodes that are there read."""
        values = {}
        for name, key in self.keys.items():
            read = key.type.read(source, nodes[name], key.what) if name in nodes else None
            values[name] = key.default if read is None else read
        return values

    def schema(self) -> Schema:
        made: Schema = {"type": "object", "additionalProperties": False}
        made["properties"] = {name: {"description": key.doc, **key.type.schema()} for name, key in self.keys.items()}
        needs = [need.schema() for need in self.needs]
        return {**made, "allOf": needs} if needs else made
