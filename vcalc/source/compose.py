"""YAML events made into nodes: what no spec may hold is found here, before anything grows from it.

PyYAML's own composer nests as deeply as a text asks for, down to the end of the stack, and follows aliases. This one
counts as it goes and ends at a bound. Nothing gets a type or a tag: `no`, `010` and `1e6` stay as they are written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from vcalc import limits
from vcalc.errors import Place, Problem, quoted

if TYPE_CHECKING:
    from vcalc.source.read import Source

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Node = Any
"""A yaml.ScalarNode, yaml.SequenceNode or yaml.MappingNode."""

_NO_TEXT = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
"""Characters that no text file holds."""

_BLANKS = dict.fromkeys(map(ord, "\t\n\r"))

_TOO_DEEP = f"lists and mappings nested more than {limits.YAML_DEPTH} deep"

_COMMANDS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
"""Characters that command a terminal or turn the direction of a text: an escape in quotes can still bring them in."""


def compose(source: Source, text: str) -> Node:
    """The root node, or None for an empty text. Notes what no spec may hold; gives up at the first error of YAML."""
    # Compiling the pattern takes a millisecond, which a text of printing characters and line ends need not pay.
    found = None if text.translate(_BLANKS).isprintable() else re.search(_NO_TEXT, text)
    if found:
        source.note(_no_text(source, text, found.start()))
        return None
    loader = _Loader(text)
    try:
        return _Composer(source).root(loader)
    except yaml.YAMLError as error:
        source.note(_syntax_error(source, error))
    finally:
        loader.dispose()
    return None


class _Composer:
    """Puts the nodes together that events begin and end."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.open: list[Node] = []
        self.nodes = 0
        self.aliased = False
        self.stopped = False

    def root(self, loader: Any) -> Node:
        begin = {
            yaml.ScalarEvent: self.scalar,
            yaml.MappingStartEvent: self.mapping,
            yaml.SequenceStartEvent: self.sequence,
            yaml.AliasEvent: self.alias,
        }
        root = None
        while not self.stopped and loader.check_event():
            event = loader.get_event()
            make = begin.get(type(event))
            if make is not None:
                node = make(event)
                root = root or node
            elif isinstance(event, yaml.CollectionEndEvent):
                self.close(event)
            elif root and isinstance(event, yaml.DocumentStartEvent):
                self.stop("yaml", "a second document begins here", event, "a file holds one spec")
        return root

    def placed(self, node: Node) -> Node:
        self.nodes += 1
        if self.nodes > limits.YAML_NODES:
            self.stop("size", f"more than {limits.YAML_NODES:,} values in one file", node)
        if self.open:
            self.open[-1].value.append(node)
        return node

    def scalar(self, event: Any) -> Node:
        if event.tag is not None:
            self.refuse_tag(event)
        if not event.value.isprintable() and re.search(_COMMANDS, event.value):
            self.report("text", f"a text holds no control characters: {quoted(event.value)}", event)
        return self.placed(yaml.ScalarNode("", event.value, event.start_mark, event.end_mark, event.style))

    def mapping(self, event: Any) -> Node:
        return self.opened(yaml.MappingNode, event)

    def sequence(self, event: Any) -> Node:
        return self.opened(yaml.SequenceNode, event)

    def opened(self, kind: Any, event: Any) -> Node:
        if event.tag is not None:
            self.refuse_tag(event)
        if len(self.open) == limits.YAML_DEPTH:
            self.stop("depth", _TOO_DEEP, event)
        node = kind("", [], event.start_mark, event.end_mark, event.flow_style)
        self.placed(node)
        self.open.append(node)
        return node

    def alias(self, event: Any) -> Node:
        if not self.aliased:
            message = "YAML aliases are not part of the spec language"
            self.report("alias", message, event, "name a value under let, a list of layers under blocks")
        self.aliased = True
        return self.placed(yaml.ScalarNode("", "", event.start_mark, event.end_mark))

    def refuse_tag(self, event: Any) -> None:
        message = f"the tag {quoted(event.tag)} is not part of the spec language"
        self.report("tag", message, event, "leave it out")

    def close(self, event: Any) -> None:
        node = self.open.pop()
        node.end_mark = event.end_mark
        if isinstance(node, yaml.MappingNode):
            node.value = list(zip(node.value[::2], node.value[1::2], strict=True))
            _check_keys(self.source, node)
        elif node.flow_style:
            _check_items(self.source, node)

    def report(self, code: str, message: str, event: Any, hint: str = "") -> None:
        mark = event.start_mark
        self.source.note(Problem(code, message, self.source.at(mark.line, mark.column), hint))

    def stop(self, code: str, message: str, event: Any, hint: str = "") -> None:
        """Look no further: the text is past a bound."""
        self.report(code, message, event, hint)
        self.stopped = True


# What YAML makes of an expression that should have been quoted


def is_null(node: Node) -> bool:
    """True for an empty value, as in `args: {c: }`."""
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null")


def _check_keys(source: Source, node: Node) -> None:
    first: dict[str, Node] = {}
    rest: list[str] = []
    for index, (key, value) in enumerate(node.value):
        if rest:
            rest.pop()
            continue
        if not isinstance(key, yaml.ScalarNode) or is_null(key):
            source.report("type", "a key is a plain word, not a list or a mapping", key)
        elif key.value == "<<" and not key.style:
            source.report("merge", "YAML merge keys are not part of the spec language", key, "write the keys out")
        elif key.value in first:
            line = first[key.value].start_mark.line + 1
            message = f"the key {quoted(key.value)} stands here for the second time"
            source.report("duplicate-key", message, key, f"the first is in line {line}")
        else:
            first[key.value] = key
            after = [later if is_null(nothing) else None for later, nothing in node.value[index + 1 : index + 20]]
            rest = _rest(value, after) if _opens(value) > 0 else []
            if rest:
                mended = ", ".join([value.value, *rest])
                _report_cut(source, value, f"the expression of {quoted(key.value)}", f"{key.value}: {mended}")
                continue
            rest = _thousands(value, after) if node.flow_style else []
            if rest:
                digits = [value.value, *rest]
                message = f"the number of {quoted(key.value)} is cut off at the comma"
                hint = f"write {key.value}: {''.join(digits)}, or in a claim '{','.join(digits)}', in quotes"
                source.report("quote", message, value, hint)


def _check_items(source: Source, node: Node) -> None:
    for index, item in enumerate(node.value):
        rest = _rest(item, node.value[index + 1 : index + 20]) if _opens(item) > 0 else []
        if rest:
            _report_cut(source, item, "the expression", ", ".join([item.value, *rest]))


def _report_cut(source: Source, value: Node, what: str, mended: str) -> None:
    name, colon, expression = mended.rpartition(": ")
    hint = f'YAML ends a plain value there; quote it: {name}{colon}"{expression}"'
    source.report("quote", f"{what} is cut off at the comma", value, hint)


def _rest(cut: Node, after: list[Node]) -> list[str]:
    """The plain texts that close the parentheses which `cut` leaves open: a call that YAML took apart."""
    depth = _opens(cut)
    rest: list[str] = []
    for node in after:
        if not isinstance(node, yaml.ScalarNode) or node.style:
            break
        depth += _opens(node)
        rest.append(node.value)
        if depth == 0:
            return rest
    return []


def _thousands(first: Node, after: list[Node]) -> list[str]:
    """The groups of three digits that follow a number: one with commas that YAML took apart."""
    rest: list[str] = []
    if _is_plain(first) and re.fullmatch(r"-?\d{1,3}", first.value):
        for node in after:
            if not (_is_plain(node) and re.fullmatch(r"\d{3}", node.value)):
                break
            rest.append(node.value)
    return rest


def _is_plain(node: Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style


def _opens(node: Node) -> int:
    return node.value.count("(") - node.value.count(")") if _is_plain(node) else 0


# Errors


def _no_text(source: Source, text: str, position: int) -> Problem:
    before = (text[:position] + "^").splitlines()
    place = source.at(len(before) - 1, len(before[-1]) - 1)
    return Problem("yaml", f"this is not YAML: the character {text[position]!a} stands in no text", place)


def _syntax_error(source: Source, error: Any) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return Problem("yaml", f"{source.file} is not YAML: {problem}")
    place = source.at(mark.line, mark.column)
    if "nesting depth" in problem:  # libyaml's own bound, met while it looks ahead of the first event
        return Problem("depth", _TOO_DEEP, place)
    if not place.text.strip() and getattr(error, "context_mark", None):
        problem = f"{error.context}, {problem}"
        place = source.at(error.context_mark.line, error.context_mark.column)
    before = place.text[: place.column - 1].strip()
    hint = _syntax_hint(place, problem, before) or _opened(error, place) or _comma_hint(place, problem)
    said = f"{problem} within a line" if before else problem
    plain = next((words for theirs, words in _PLAIN_WORDS.items() if theirs in said), problem)
    return Problem("yaml", f"this is not YAML: {plain}", place, hint)


_PLAIN_WORDS = {
    "quoted scalar, found unexpected end": "the quote that opens here is not closed",
    "flow sequence, did not find expected": "the [ that opens here is not closed",
    "flow mapping, did not find expected": "the { that opens here is not closed",
    "did not find expected node content": "a word or a value is missing before this",
    "did not find expected key within a line": "the value has ended before this",
    "did not find expected key": "this does not go on with what stands before it",
    "did not find expected '-' indicator": "this line is no item of the list above it",
    "found character that cannot start any token": "no word begins with this character",
    "mapping values are not allowed": "a colon cannot stand here",
}
"""What the parser says, in plain words."""


def _opened(error: Any, place: Place) -> str:
    """Where the list or mapping begins that is still open in a later line."""
    begun = getattr(error, "context_mark", None)
    if not (begun and begun.line + 1 < place.line and "flow" in (error.context or "")):
        return ""
    return f"the {'[' if 'sequence' in error.context else '{'} in line {begun.line + 1} is not closed"


_INDEXED = r"(?:([A-Za-z_]\w{0,60}): *)?([^\s\"'\[\]{},:][^\"'\[\]{},:]{0,60}\[[^\[\]{},]{0,60}\][^,\[\]{}]{0,60})"


def _syntax_hint(place: Place, problem: str, before: str) -> str:
    """The known traps: an unquoted index inside a flow list or mapping, a tab, an alias, an unquoted colon."""
    start = max(0, place.column - 200)
    for found in re.finditer(_INDEXED, place.text[start : place.column + 200]):
        if start + found.start() < place.column <= start + found.end() + 1:
            name = f"{found[1]}: " if found[1] else ""
            return f'YAML reads [ as a list; quote the expression: {name}"{found[2].strip()}"'
    if "\t" in place.text[: place.column]:
        return "YAML is indented with spaces, not with tabs"
    if "alias" in problem:
        return "YAML aliases are not part of the spec language; a value does not begin with *"
    if "cannot start any token" in problem:
        return "put the text in quotes"
    return _line_hint(place, problem, before)


def _comma_hint(place: Place, problem: str) -> str:
    """What to do about a mapping or list in one line that does not go on."""
    found = re.search(r"(\w{1,60}): *([^,:{}\[\]]{0,60} )?(\w{1,60})$", place.text[: place.column - 1][-200:])
    if not found or "expected ',' or" not in problem or place.text[place.column - 1] != ":":
        return ""
    return (
        f"a comma belongs before {found[3]}"
        if found[2]
        else f"its fields stand in braces: {found[1]}: {{{found[3]}: …}}"
    )


def _line_hint(place: Place, problem: str, before: str) -> str:
    """What to do about a line that does not go with the others."""
    wrong = [word for word in ("mapping values", "expected key", "'-' indicator") if word in problem]
    if wrong and re.match(r"\s*-\w", place.text):
        return "a space belongs after the -"
    if wrong == ["mapping values"] and (fields := re.match(r"\s*- +(\w{1,60}): +(\w.{0,120})", place.text)):
        return f"fields stand in braces, {fields[1]}: {{{fields[2].strip()}}}, and a text that holds a colon in quotes"
    if wrong == ["mapping values"] and ":" in before:
        return "quote a text that holds a colon"
    if wrong == ["expected key"] and before:
        return 'leave this out, or put the whole value in "…"'
    return "indent it as the lines that it belongs to" if wrong else ""
