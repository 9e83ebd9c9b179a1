"""From a file to YAML nodes: every value keeps its line and column, and nothing is given a type yet.

Reading nodes instead of Python values keeps `no`, `010` and `1e6` as written, makes duplicate keys visible, and leaves
no way for a tag to construct anything.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable

import yaml

from vcalc import foreign, limits
from vcalc.errors import Place, Problem, VcalcError, quoted
from vcalc.source.compose import Node, compose, is_null

__all__ = ["STANDARD_INPUT", "Entries", "Source", "YamlNode", "describe", "is_null", "read", "read_file"]

YamlNode = Node

STANDARD_INPUT = "<standard input>"
"""What messages call it."""

Entries = dict[str, tuple[YamlNode, YamlNode]]
"""A mapping: the text of each key to its node and its value's."""


class Source:
    """A file's text and the problems found in it so far."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.problems: list[Problem] = []

    def place(self, node: YamlNode, offset: int = 0) -> Place:
        """Where a node stands: a scalar, or a mapping's first word; `offset` moves to a character within a scalar."""
        if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
            node = node.value[0][0]
        start, end = node.start_mark, node.end_mark
        if end.line != start.line or not (isinstance(node, yaml.ScalarNode) or node.flow_style):
            return self.at(start.line, start.column)
        if offset and node.style:
            offset += 1
        return self.at(start.line, start.column + offset, end.column - start.column - offset)

    def at(self, line: int, column: int, length: int = 1) -> Place:
        """A place by line and column counted from 0."""
        text = self.lines[line] if line < len(self.lines) else ""
        return Place(self.file, line + 1, column + 1, max(1, length), text)

    def report(
        self, code: str, message: str, node: YamlNode, hint: str = "", offset: int = 0, length: int | None = None
    ) -> None:
        """Note a problem and go on; with `length`, underline no more than that."""
        place = self.place(node, offset)
        place.length = place.length if length is None else length
        self.note(Problem(code, message, place, hint))

    def take(self, error: VcalcError, node: YamlNode, offset: int = 0) -> None:
        """Note the problems of an error raised deep down, at this node."""
        for problem in error.at(self.place(node, offset)).problems:
            self.note(problem)

    def note(self, problem: Problem) -> None:
        """Note a problem. Raises VcalcError with what there is when it comes to too many."""
        self.problems.append(problem)
        if len(self.problems) == limits.PROBLEMS:
            self._sort()
            self.problems.append(
                Problem("limit", f"{self.file}: {limits.PROBLEMS} problems; the rest is not looked at")
            )
            raise VcalcError.of(self.problems)

    def _sort(self) -> None:
        self.problems.sort(key=lambda problem: problem.position)

    def raise_problems(self) -> None:
        """Raise everything noted, in the order of the file."""
        if self.problems:
            self._sort()
            raise VcalcError.of(self.problems)

    # Typed access to nodes

    def mapping(self, node: YamlNode, what: str, hint: str = "") -> Entries:
        """Key text to (key node, value node); anything but a mapping is a problem."""
        if is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.report("type", f"{what} is a mapping of names to values, not {describe(node)}", node, hint)
            return {}
        return {key.value: (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}

    def sequence(self, node: YamlNode, what: str) -> list[YamlNode]:
        """The items of a list; anything else is a problem."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self.report(
            "type", f"{what} is a list, not {describe(node)}", node, "write [ … ] or lines that begin with '- '"
        )
        return []

    def text(self, node: YamlNode, what: str) -> str:
        """A plain text; anything else is a problem."""
        if isinstance(node, yaml.ScalarNode) and node.value.strip() and not is_null(node):
            return str(node.value)
        self.report("type", f"{what} is a text, not {describe(node)}", node)
        return ""

    def known_keys(self, entries: Entries, allowed: Iterable[str], what: str, section: str = "") -> set[str]:
        """Report every key that is not allowed; returns the allowed ones that those were probably meant to be.

        `section` is where `vcalc.foreign` has the words of others for them, if anywhere.
        """
        known = frozenset(allowed)
        meant: set[str] = set()
        for key, (key_node, _) in entries.items():
            if key not in known:
                joined = re.match(r"(\w{1,60}) *[:=：] *(.{0,60})", key)
                if joined and joined[1] in known:
                    hint = f"a colon and a space belong after the key: {joined[1]}: {joined[2]}"
                else:
                    frozen = "frozen" in known and foreign.is_frozen(key)
                    hint = foreign.hint("fields" if frozen else section, key, known, "it has", what)
                self.report("unknown-key", f"{what} has no key {quoted(key)}", key_node, hint)
                meant.update(foreign.probably(section, key, known, what))
        return meant


def describe(node: YamlNode) -> str:
    """A node in words, for messages."""
    if is_null(node):
        return "nothing"
    if isinstance(node, yaml.ScalarNode):
        return quoted(node.value)
    what = "list" if isinstance(node, yaml.SequenceNode) else "mapping"
    return f"a {what}" if node.value else f"an empty {what}"


def stamp(path: str) -> tuple[float, int] | None:
    """When a file was last written, and how large it is: while they stay, so does what was read of it."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_mtime, status.st_size)


def read_file(path: str, what: str = "a spec") -> str:
    """A file's text; `-` reads standard input. Raises VcalcError where it is no regular file, or too large."""
    try:
        data = sys.stdin.buffer.read(limits.FILE_BYTES + 1) if path == "-" else _bytes(path, what)
    except (OSError, ValueError) as error:
        from vcalc.source.walk import meant_file

        reason = getattr(error, "strerror", None) or str(error)
        raise VcalcError("file", f"{path} cannot be read: {reason.lower()}", hint=meant_file(path)) from None
    if len(data) > limits.FILE_BYTES:
        raise VcalcError("file", f"{path} is larger than {limits.FILE_BYTES:,} bytes, which {what} does not need")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path} is not text in UTF-8: byte {error.start + 1} is no character"
        hint = "save it as UTF-8; this looks like UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise VcalcError("file", message, hint=hint) from None


def _at_once(path: str, flags: int) -> int:
    """Open a file that may have become a pipe since it was looked at: nothing is waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _bytes(path: str, what: str) -> bytes:
    """The beginning of a regular file: a pipe, a device, a socket could keep us waiting for ever."""
    if os.path.isdir(path):
        raise VcalcError("file", f"{path} is a directory, not {what}", hint="name a .yaml file in it")
    _check_regular(path, os.stat(path).st_mode)
    with open(path, "rb", opener=_at_once) as file:
        _check_regular(path, os.fstat(file.fileno()).st_mode)
        data = file.read(limits.FILE_BYTES + 1)
    if data is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return data


def _check_regular(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise VcalcError("file", f"{path} is no regular file", hint="a pipe is read as standard input, called -")


def read(text: str, file: str, hint: str = "a spec has at least: title, input, layers") -> tuple[Source, YamlNode]:
    """Parse YAML into nodes and check what every file must keep to. Raises VcalcError with all problems found."""
    source = Source(file, text)
    root = compose(source, text)
    source.raise_problems()
    if root is None or is_null(root):
        raise VcalcError("empty", f"{file} is empty", hint=hint)
    return source, root
