"""A block mapping's text taken apart: the lines of each key, with the comments that stand right above it."""

from __future__ import annotations

from typing import NamedTuple

from vcalc.source.read import YamlNode


class Section(NamedTuple):
    """One key with its value: the comment lines above it, and its own lines."""

    key: str
    comments: list[str]
    lines: list[str]


def sections(
    lines: list[str], mapping: YamlNode, begin: int = 0, end: int | None = None
) -> tuple[list[str], list[Section]]:
    """The lines before the first key, and each key's; blank lines around them are left out.

    `begin` and `end` are the first line to look at and the one after the last, where that is not the whole text. What
    stands above the first key stays apart from it: it is about the whole.
    """
    starts = [key.start_mark.line for key, _ in mapping.value]
    ends = [*starts[1:], len(lines) if end is None else end]
    above: list[str] = []
    found: list[Section] = []
    for (key, _), start, stop in zip(mapping.value, starts, ends, strict=True):
        body = _trimmed(lines[start:stop])
        after: list[str] = []
        if stop != ends[-1]:
            while len(body) > 1 and body[-1].lstrip().startswith("#") and lines[stop - 1].strip() and _above(body):
                after.insert(0, body.pop())
        found.append(Section(key.value, above, _trimmed(body)))
        above = after
    return _trimmed(lines[begin : starts[0]]), found


def _above(body: list[str]) -> bool:
    """Whether the last line, a comment, is no deeper than the section's key: it is about the next one."""
    return _indent(body[-1]) <= _indent(body[0])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _trimmed(lines: list[str]) -> list[str]:
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]
