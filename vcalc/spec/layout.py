"""`vcalc fmt`: a spec's text in its canonical layout, every value and every comment as it was.

Lines are moved and indented anew, never written anew: what stands in a line stays. The result is read again; where it
does not say the very same, the text is refused instead.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from vcalc.errors import VcalcError
from vcalc.source.read import Source, YamlNode, read
from vcalc.source.sections import Section, sections
from vcalc.spec.beside import is_part
from vcalc.spec.top import TOP

APART = ("blocks", "layers", "options", "claims")
"""Sections that an empty line stands before."""

NO_SPEC = "no-spec"
"""The code of the problem of a file that is YAML, but no spec."""


def formatted(text: str, file: str) -> str:
    """The text in its canonical layout.

    Raises VcalcError for what is not YAML or no spec, for tabs, and for a text that could not be laid out without a
    change of what it says.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    result = _laid_out(text, file)
    if _laid_out(result, file) != result or said(result, file) != said(text, file):
        message = f"{file} cannot be laid out without a change of what it says"
        raise VcalcError("layout", message, hint="it is left as it is")
    return result


def _laid_out(text: str, file: str) -> str:
    source, root = read(text, file)
    lines = text.split("\n")
    _check(source, root, lines)
    lines = _Layout(lines, root).lines()
    if not root.flow_style:
        lines = _ordered(lines, file)
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return "\n".join(lines) + "\n"


def _check(source: Source, root: YamlNode, lines: list[str]) -> None:
    keys = {key.value for key, _ in root.value} if isinstance(root, yaml.MappingNode) else set()
    if not {"layers", "options", "models"} & keys and not is_part(source.file, keys):
        raise VcalcError(NO_SPEC, f"{source.file} is no spec: it has neither 'layers' nor 'options'")
    for number, line in enumerate(lines):
        found = re.search("[\t\x85\u2028\u2029]", line)
        if found:
            source.lines = lines
            what, hint = "line end that is none elsewhere", "begin a new line"
            if found[0] == "\t":
                what, hint = "tab", "YAML is indented with spaces"
            raise VcalcError("layout", f"a {what} stands here", source.at(number, found.start()), hint=hint)


def said(text: str, file: str, but: str = "") -> Any:
    """What a text says: its values as they are quoted, the keys at the top in any order, and its comments.

    `but` is a key at the top that may say anything.
    """
    root = read(text, file)[1]
    comments = sorted(line.strip() for line in text.split("\n") if line.lstrip().startswith("#"))
    return (
        sorted(repr((_value(key), _value(value))) for key, value in root.value if key.value != but),
        comments,
        text.count("#"),
    )


def _value(node: YamlNode) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return (node.value, node.style)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    return [(_value(key), _value(value)) for key, value in node.value]


class _Layout:
    """Indents by two: each block list and mapping stands two columns right of what holds it."""

    def __init__(self, lines: list[str], root: YamlNode) -> None:
        self.text = lines
        self.moves: dict[int, tuple[int, int]] = {}
        """By line that something begins: its column, and the column where it belongs."""
        self.inside: dict[int, int] = {}
        """By line inside a value: the line that the value begins on."""
        self.texts: set[int] = set()
        """Lines inside texts, where empty ones count."""
        self.verbatim: set[int] = set()
        """Those among them where spaces at the end count, too."""
        self.dashes: dict[int, list[tuple[int, int]]] = {}
        """By line: the column of each dash, and that of the item after it."""
        self.walk(root, 0)

    def walk(self, node: YamlNode, column: int) -> None:
        """Note where a value belongs that is to stand at the column."""
        if isinstance(node, yaml.ScalarNode) or node.flow_style:
            if node.value:
                self.begins(node.start_mark.line, node.start_mark.column, column)
            self.walk_value(node)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self.begins(key.start_mark.line, key.start_mark.column, column)
                self.walk(key, column)
                self.walk(value, column + 2)
        else:
            for item in node.value:
                self.walk_item(node.start_mark, item, column)

    def walk_value(self, node: YamlNode) -> None:
        first, last = node.start_mark.line, min(node.end_mark.line, len(self.text) - 1)
        is_text = isinstance(node, yaml.ScalarNode)
        is_block = is_text and node.style in ("|", ">")
        if is_block:  # its end mark is where the next value begins
            last -= not self.text[last][: node.end_mark.column].strip()
            while last > first and not self.text[last].strip():
                last -= 1
        for line in range(first + 1, last + 1):
            self.inside.setdefault(line, first)
            if is_text:
                self.texts.add(line)
            if is_block:
                self.verbatim.add(line)

    def walk_item(self, start: Any, item: YamlNode, column: int) -> None:
        """An item of a block list: its dash is on its line, or on one before it."""
        line = min(item.start_mark.line, len(self.text) - 1)
        while line > start.line and not self.is_dash(line, start.column):
            line -= 1
        self.begins(line, start.column, column)
        if line == item.start_mark.line:
            self.dashes.setdefault(line, []).append((start.column, item.start_mark.column))
        self.walk(item, column + 2)

    def is_dash(self, line: int, column: int) -> bool:
        return self.text[line][column : column + 1] == "-" and not self.text[line][:column].strip(" -")

    def begins(self, line: int, old: int, new: int) -> None:
        if line not in self.moves and not self.text[line][:old].strip():
            self.moves[line] = (old, new)

    def lines(self) -> list[str]:
        """Every line where it belongs; one empty line where there were several."""
        comments = self.comments()
        made: list[str] = []
        for number, line in enumerate(self.text):
            first = self.inside.get(number, number)
            old, new = self.moves.get(first, (0, comments.get(first, 0)))
            line = line if number in self.verbatim else line.rstrip(" ")
            if line or number in self.texts or (made and made[-1]):
                made.append(_moved(self.closed_up(number, line), new - old))
        return made

    def comments(self) -> dict[int, int]:
        """How far each comment moves: with what is of its column after it or before it, or else what is next."""
        shifts: dict[int, int] = {}
        after = before = None
        followed: dict[int, tuple[int, int] | None] = {}
        for number in range(len(self.text) - 1, -1, -1):
            followed[number] = after
            after = self.moves.get(number, after)
        for number, line in enumerate(self.text):
            before = self.moves.get(number, before)
            if number not in self.moves and number not in self.inside and line.strip():
                column = len(line) - len(line.lstrip(" "))
                near = [move for move in (followed[number], before) if move]
                old, new = next((move for move in near if move[0] == column), near[0] if near else (0, 0))
                shifts[number] = max(-column, new - old)
        return shifts

    def closed_up(self, number: int, line: str) -> str:
        """The line with one space after each of its dashes."""
        for column, item in reversed(self.dashes.get(number, [])):
            if not line[column + 1 : item].strip():
                line = f"{line[: column + 1]} {line[item:]}".rstrip(" ")
        return line


def _moved(line: str, shift: int) -> str:
    if shift >= 0 or not line:
        return " " * shift + line if line.strip() else line
    return line[min(-shift, len(line) - len(line.lstrip(" "))) :]


def _ordered(lines: list[str], file: str) -> list[str]:
    """The sections in the order of TOP, an empty line before the long ones and wherever one was."""
    root = read("\n".join(lines), file)[1]
    head, parts = sections(lines, root)
    first = root.value[0][0].start_mark.line
    made = [*head, ""] if head and not lines[first - 1] else list(head)
    apart = {part.key for part, (key, _) in zip(parts, root.value, strict=True) if _after_empty(lines, key, part)}
    order = {key: place for place, key in enumerate(TOP.keys)}
    for index, part in enumerate(sorted(parts, key=lambda part: order.get(part.key, len(order)))):
        if index and part.key in apart.union(APART):
            made.append("")
        made += [*part.comments, *part.lines]
    return made


def _after_empty(lines: list[str], key: YamlNode, part: Section) -> bool:
    above = key.start_mark.line - len(part.comments) - 1
    return above >= 0 and not lines[above]
