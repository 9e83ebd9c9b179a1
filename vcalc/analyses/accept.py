"""`vcalc check --accept`: the figures that a spec comes to, written under its `expect`; everything else stays as it is.

Where the file pins figures, those that differ are written anew, each in its place; a model without any gets params and
FLOPs, and so does each model of a file that pins nothing. The text is read again: it has to say the same as before, and
to hold.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from vcalc import conventions
from vcalc.analyses.check_work import Work
from vcalc.analyses.figures import Expected, expected_of, figure_of, names_of, networks_of
from vcalc.analyses.quantities import Quantity, read_quantity
from vcalc.arithmetic import is_symbolic
from vcalc.errors import VcalcError
from vcalc.source.read import YamlNode, is_null
from vcalc.source.sections import sections
from vcalc.spec.layout import said
from vcalc.spec.network import Network
from vcalc.spec.parse import parse_spec
from vcalc.spec.scaffold import written
from vcalc.spec.syntax import Spec
from vcalc.spec.top import TOP
from vcalc.units import exact

PINNED = ("params", "flops")
"""What is pinned of a model of which nothing is."""


class Edit(NamedTuple):
    """A text in place of what stands from one position to another, each a line and a column counted from 0."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def accepted(text: str, file: str, name: str) -> str:
    """The text of a spec with the figures that it comes to; `name` is that of a file's only model.

    Raises VcalcError where it does not read or expand, and where nothing but its figures cannot be written.
    """
    spec = parse_spec(text, file, name)
    pinning = _Pinning(spec, {network.name: network for network in _networks(spec)})
    result = _edited(text, pinning.edits())
    if result != text and not pinning.holds(name, text, result):
        hint = f"write it by hand, expect: {pinning.all_figures()}"
        raise VcalcError(
            "accept", f"the figures of {file} cannot be written without a change of something else", hint=hint
        )
    return result


def _networks(spec: Spec) -> list[Network]:
    """Every model and option, expanded within the bounds of one check."""
    work, made = Work(), []
    for name, entry, option in networks_of(spec):
        network = work.expanded(spec, entry, option)
        network.name = name
        work.look(network, "params")
        made.append(network)
    return made


class _Pinning:
    """The figures of one spec, and where they are written."""

    def __init__(self, spec: Spec, networks: dict[str, Network]) -> None:
        self.spec = spec
        self.networks = networks
        self.names = names_of(spec)

    def edits(self) -> list[Edit]:
        """What is written where. Raises VcalcError for figures that cannot be told."""
        node = self.spec.expect
        if node is None:
            return [self.section()]
        start, end = (node.start_mark.line, node.start_mark.column), (node.end_mark.line, node.end_mark.column)
        if is_null(node):
            return [Edit(start, end, f"{'' if node.value else ' '}{self.all_figures()}")]
        if not node.value:
            return [Edit(start, end, self.all_figures())]
        if not isinstance(node, yaml.MappingNode):
            raise VcalcError("expect", "expect is no mapping", self.spec.source.place(node))
        changed = [edit for each in node.value for edit in self.entry(*each)]
        named = {key.value for key, _ in node.value}
        lacking = [name for name in self.names if name not in named] if len(self.names) > 1 else []
        return [*changed, *([self.more(node, lacking)] if lacking else [])]

    def entry(self, key: YamlNode, value: YamlNode) -> list[Edit]:
        """The figures under one key that differ."""
        if isinstance(value, yaml.MappingNode) and key.value in self.networks:
            return [edit for each in value.value for edit in self.figure(key.value, *each)]
        return self.figure(self.names[0], key, value) if len(self.names) == 1 else []

    def figure(self, name: str, key: YamlNode, value: YamlNode) -> list[Edit]:
        quantity = read_quantity(key.value, conventions.load)
        network = self.networks[name]
        if Expected(name, quantity, figure_of(value), self.spec.source.place(key)).problem(network) is None:
            return []
        found = quantity.of_network(network)
        if isinstance(value, yaml.SequenceNode) and isinstance(found, (list, tuple)) and len(value.value) == len(found):
            return [_replaced(item, size) for item, size in zip(value.value, found, strict=True)]
        return [_replaced(value, found)]

    def figures(self, name: str) -> str:
        """`{params: 61100840, flops: 714188480}`."""
        network = self.networks[name]
        values = ((metric, Quantity(metric, (), None).of_network(network)) for metric in PINNED)
        return f"{{{', '.join(f'{metric}: {_figure(value)}' for metric, value in values)}}}"

    def all_figures(self) -> str:
        """Those of all models, on one line."""
        if len(self.names) == 1:
            return self.figures(self.names[0])
        return f"{{{', '.join(f'{written(name)}: {self.figures(name)}' for name in self.names)}}}"

    def section(self) -> Edit:
        """The key `expect` for a file that has none: after the layers, before budgets and claims."""
        root, lines = self.spec.root, self.spec.source.lines
        if root.flow_style:
            return _before_brace(root, f"expect: {self.all_figures()}", lines)
        if len(self.names) == 1:
            made = [f"expect: {self.all_figures()}"]
        else:
            made = ["expect:", *(f"  {written(name)}: {self.figures(name)}" for name in self.names)]
        after = list(TOP.keys)[list(TOP.keys).index("expect") + 1 :]
        at = len(lines)
        for (key, _), part in zip(root.value, sections(lines, root)[1], strict=True):
            if key.value in after:
                at = key.start_mark.line - len(part.comments)
                made += [""] if key.value == "claims" else []
                break
        apart = [""] if at and lines[at - 1].strip() else []
        return Edit((at, 0), (at, 0), "".join(f"{line}\n" for line in [*apart, *made]))

    def more(self, node: YamlNode, names: list[str]) -> Edit:
        """Models that are not among the figures yet."""
        entries = [f"{written(name)}: {self.figures(name)}" for name in names]
        if node.flow_style:
            return _before_brace(node, ", ".join(entries), self.spec.source.lines)
        column = node.value[0][0].start_mark.column
        last = _last_line(node.value[-1][1]) + 1
        return Edit((last, 0), (last, 0), "".join(f"{' ' * column}{entry}\n" for entry in entries))

    def holds(self, name: str, before: str, after: str) -> bool:
        """Whether the new text says what the old one did, and every figure in it holds."""
        try:
            spec = parse_spec(after, self.spec.file, name)
        except VcalcError:
            return False
        expected = expected_of(spec)
        if spec.source.problems or said(before, spec.file, "expect") != said(after, spec.file, "expect"):
            return False
        named = {each.name or self.names[0] for each in expected}
        return named == set(self.names) and not any(
            each.problem(self.networks[each.name or self.names[0]]) for each in expected
        )


def _replaced(node: YamlNode, value: Any) -> Edit:
    """A figure in the place of another, its digits set apart as there."""
    old = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
    mark = next((mark for mark in ",_" if mark in old), "") if type(value) is int else ""
    text = f"{value:{mark}}" if mark else _figure(value)
    if getattr(node, "style", None) in ("'", '"') and not text.startswith("'"):
        text = f"{node.style}{text}{node.style}"
    return Edit((node.start_mark.line, node.start_mark.column), (node.end_mark.line, node.end_mark.column), text)


def _figure(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_figure, value))}]"
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = str(value) if number or is_symbolic(value) else exact(value)
    return text if re.fullmatch(r"[A-Za-z0-9][\w.*+/() -]*", text) else written(text)


def _before_brace(node: YamlNode, text: str, lines: list[str]) -> Edit:
    """Entries before the brace that ends a mapping."""
    line, column = node.end_mark.line, node.end_mark.column - 1
    before = " ".join([*lines[node.start_mark.line : line], lines[line][:column]]).rstrip()
    if before.endswith(",") and not lines[line][:column].strip():  # the brace stands alone, as in Python's lists
        return Edit((line, 0), (line, 0), f"{' ' * node.value[0][0].start_mark.column}{text},\n")
    comma = "" if before.endswith((",", "{")) else ","
    at = (line, len(lines[line][:column].rstrip()) or column)
    return Edit(at, at, f"{comma}{' ' if at[1] else ''}{text}")


def _last_line(node: YamlNode) -> int:
    """The line that a value ends on."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(node, yaml.MappingNode) else last)


def _edited(text: str, edits: list[Edit]) -> str:
    """The text with the edits made, its line ends kept."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += newline if any(edit.start[0] == len(lines) for edit in edits) else ""
    for start, end, made in sorted(edits, reverse=True):
        made = made.replace("\n", newline)
        if start[0] >= len(lines):
            lines.append(made)
            continue
        first, last = lines[start[0]], lines[end[0]] if end[0] < len(lines) else ""
        lines[start[0] : end[0] + 1] = [first[: start[1]] + made + last[end[1] :]]
    return "".join(lines)
