"""From a file to YAML nodes: every value keeps its line and column, and nothing is given a type yet.

Reading nodes instead of Python values keeps `no`, `010` and `1e6` as written, makes duplicate keys visible, and leaves
no way for a tag to construct anything.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

from vcalc import limits
from vcalc.errors import Place, Problem, VcalcError, suggestion

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

YamlNode = Any
"""A yaml.ScalarNode, yaml.SequenceNode or yaml.MappingNode."""


class Source:
    """A spec's text and the problems found in it so far."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.problems: list[Problem] = []

    def place(self, node: YamlNode, offset: int = 0) -> Place:
        """Where a node stands; `offset` moves to a character within its text."""
        mark, end = node.start_mark, node.end_mark
        line = self.lines[mark.line] if mark.line < len(self.lines) else ""
        on_one_line = end.line == mark.line and isinstance(node, yaml.ScalarNode)
        length = end.column - mark.column - offset if on_one_line else 1
        quotes = 1 if offset and isinstance(node, yaml.ScalarNode) and node.style in ("'", '"') else 0
        return Place(self.file, mark.line + 1, mark.column + 1 + offset + quotes, max(1, length), line)

    def report(self, code: str, message: str, node: YamlNode, hint: str = "", offset: int = 0) -> None:
        """Note a problem and go on."""
        self.problems.append(Problem(code, message, self.place(node, offset), hint))

    def take(self, error: VcalcError, node: YamlNode, offset: int = 0) -> None:
        """Note the problems of an error raised deep down, at this node."""
        self.problems += error.at(self.place(node, offset)).problems

    def raise_problems(self) -> None:
        """Raise everything noted, in the order of the file."""
        if self.problems:
            self.problems.sort(key=lambda p: (p.place.line, p.place.column) if p.place else (0, 0))
            raise VcalcError.of(self.problems)

    # Typed access to nodes

    def mapping(self, node: YamlNode, what: str) -> dict[str, tuple[YamlNode, YamlNode]]:
        """Key text to (key node, value node); anything but a mapping is a problem."""
        if is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.report("type", f"{what} is a mapping of names to values, not {describe(node)}", node)
            return {}
        return {key.value: (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}

    def sequence(self, node: YamlNode, what: str) -> list[YamlNode]:
        """The items of a list; anything else is a problem."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.report("type", f"{what} is a list, not {describe(node)}", node, "write [ … ] or lines that begin with '- '")
        return []

    def text(self, node: YamlNode, what: str) -> str:
        """A plain text; anything else is a problem."""
        if isinstance(node, yaml.ScalarNode) and node.value.strip():
            return str(node.value)
        self.report("type", f"{what} is a text, not {describe(node)}", node)
        return ""

    def known_keys(self, entries: dict[str, Any], allowed: tuple[str, ...], what: str) -> None:
        """Report every key that is not allowed, with the nearest one that is."""
        for key, (key_node, _) in entries.items():
            if key not in allowed:
                hint = suggestion(key, allowed, "it has")
                self.report("unknown-key", f"{what} has no key '{key}'", key_node, hint)


def is_null(node: YamlNode) -> bool:
    """True for an empty value, as in `args: {c: }`."""
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null")


def describe(node: YamlNode) -> str:
    """A node in words, for messages."""
    if is_null(node):
        return "nothing"
    if isinstance(node, yaml.ScalarNode):
        return f"'{node.value[:40]}'"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def read_file(path: str) -> str:
    """A spec's text; `-` reads standard input. Raises VcalcError when there is none or it is too large."""
    try:
        if path == "-":
            data = sys.stdin.buffer.read(limits.FILE_BYTES + 1)
        else:
            if os.path.isdir(path):
                raise VcalcError("file", f"{path} is a directory, not a spec", hint="name a .yaml file in it")
            with open(path, "rb") as file:
                data = file.read(limits.FILE_BYTES + 1)
    except OSError as error:
        raise VcalcError("file", f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(data) > limits.FILE_BYTES:
        raise VcalcError("file", f"{path} is larger than {limits.FILE_BYTES:,} bytes, which no spec needs")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VcalcError("file", f"{path} is not text in UTF-8: byte {error.start + 1} is no character") from None


def read(text: str, file: str) -> tuple[Source, YamlNode]:
    """Parse YAML into nodes and check what every file must keep to. Raises VcalcError with all problems found."""
    source = Source(file, text)
    try:
        documents = _Loader(text)
        try:
            root = documents.get_single_node()
        finally:
            documents.dispose()
    except yaml.YAMLError as error:
        raise _syntax_error(source, error) from None
    except (ValueError, RecursionError) as error:
        raise VcalcError("yaml", f"{file} is not YAML: {error}") from None
    if root is None:
        raise VcalcError("empty", f"{file} is empty", hint="a spec has at least: title, input, layers")
    _check_tree(source, root)
    source.raise_problems()
    return source, root


def _check_tree(source: Source, root: YamlNode) -> None:
    """Aliases, tags, duplicate keys, size and depth."""
    seen: set[int] = set()
    stack: list[tuple[YamlNode, int]] = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        if id(node) in seen:
            source.report("alias", "YAML aliases are not part of the spec language", node, "write a block and call it")
            return
        seen.add(id(node))
        if len(seen) > limits.YAML_NODES:
            source.report("size", f"more than {limits.YAML_NODES:,} values in one file", node)
            return
        if depth > limits.YAML_DEPTH:
            source.report("depth", f"lists and mappings nested more than {limits.YAML_DEPTH} deep", node)
            return
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.startswith("tag:yaml.org,2002:python"):
            source.report("tag", f"the tag '{node.tag[:60]}' is not part of the spec language", node, "leave it out")
        if isinstance(node, yaml.MappingNode):
            _check_keys(source, node)
        stack += [(child, depth + 1) for child in _children(node)]


def _children(node: YamlNode) -> Iterator[YamlNode]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value


def _check_keys(source: Source, node: YamlNode) -> None:
    first: dict[str, YamlNode] = {}
    previous: YamlNode = None
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            source.report("type", "a key is a plain word, not a list or a mapping", key)
        elif is_null(value) and previous is not None and _is_cut_off(previous[1]):
            name, start = previous[0].value, previous[1].value
            source.report(
                "quote",
                f"the expression of '{name}' is cut off at the comma",
                previous[1],
                f'YAML ends a plain value there; quote it: {name}: "{start}, {key.value}"',
            )
        elif key.value in first:
            line = first[key.value].start_mark.line + 1
            source.report("duplicate-key", f"the key '{key.value}' stands here for the second time", key, f"the first is in line {line}")
        else:
            first[key.value] = key
        previous = (key, value)


def _is_cut_off(value: YamlNode) -> bool:
    text = value.value if isinstance(value, yaml.ScalarNode) and not value.style else ""
    return text.count("(") > text.count(")")


def _syntax_error(source: Source, error: yaml.YAMLError) -> VcalcError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return VcalcError("yaml", f"{source.file} is not YAML: {problem}")
    line = source.lines[mark.line] if mark.line < len(source.lines) else ""
    place = Place(source.file, mark.line + 1, mark.column + 1, 1, line)
    return VcalcError("yaml", f"this is not YAML: {problem}", place, _syntax_hint(line, problem))


_INDEXED = r"([A-Za-z_]\w*):\s*([^\s\"'\[\]{},][^\"'\[\]{},]*\[[^\[\]]*\][^,}\]]*)"


def _syntax_hint(line: str, problem: str) -> str:
    """The known traps: an unquoted index or comma inside a flow mapping, a tab, an unquoted colon."""
    found = re.search(_INDEXED, line)
    if found:
        return f'YAML reads [ as a list; quote the expression: {found[1]}: "{found[2].strip()}"'
    if "\t" in line:
        return "YAML is indented with spaces, not with tabs"
    if "mapping values are not allowed" in problem:
        return "quote a text that holds a colon"
    return ""
