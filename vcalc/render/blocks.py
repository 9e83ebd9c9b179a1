"""Rows with running text under them: the values on one line, and what belongs to them folded below.

Neighbours with the same text share it. A value is never cut: a row whose values leave no room for its name has that on
lines of its own.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from itertools import groupby

from vcalc.errors import text_width
from vcalc.render.fit import GAP, shown
from vcalc.reports.table import BELOW, HEAD, LINE, SMALL, Column, Row, Table

PAGE = 100
"""Columns of a page: of one that goes to a pipe, and of the widest that is easily read."""

INDENT = 4
"""What stands below a row is moved in by this."""

HANGING = 2
"""The further lines of a name are moved in by this."""

NAME = 24
"""Columns of values leave names so much room; a value that would leave less takes what it needs in its row alone."""

LEAST = 12
"""A name that has less room than this is not folded into it: it has lines of its own, over the values."""


def block_lines(table: Table, width: int) -> Iterator[tuple[str, str]]:
    """The header and every row with what stands below it, as lines with a style."""
    if not table.rows:
        return
    layout = _Layout(table, width)
    yield from layout.header()
    before = None
    for (head, _, below), group in groupby(table.rows, layout.block):
        if before is not None and (below or before[1] or head != before[0]):
            yield "", ""
        if head and (before is None or head != before[0]):
            yield "head", head
        for row in group:
            yield from layout.row(row)
        for style, text in below:
            yield from ((style, line) for line in layout.folded(text))
        before = head, below


def page_width() -> int:
    """The width of a page that goes nowhere in particular: what COLUMNS says, where it is exported."""
    said = os.environ.get("COLUMNS", "")
    return int(said[:4]) if said.isascii() and said.isdigit() and int(said[:4]) >= 20 else PAGE


class _Layout:
    def __init__(self, table: Table, width: int) -> None:
        self.table = table
        self.width = min(width, PAGE)
        self.head = [column for column in table.columns if column.place == HEAD]
        self.below = [column for column in table.columns if column.place in (BELOW, SMALL)]
        self.name, *self.values = [column for column in table.columns if column.place == LINE]
        self.sizes = self._sizes()
        rest = self.width - sum(GAP + size for size in self.sizes)
        self.room = min(max(map(text_width, (self.name.header, *self._texts(self.name))), default=0), rest)

    def header(self) -> Iterator[tuple[str, str]]:
        """The line of headers, and a rule as wide as the rows."""
        yield "header", self._line(self.name.header, self._values([column.header for column in self.values]))
        yield "rule", "-" * self.whole

    @property
    def whole(self) -> int:
        """The width of the rows."""
        return self.room + sum(GAP + size for size in self.sizes)

    def block(self, row: Row) -> tuple[str, str, list[tuple[str, str]]]:
        """What a row shares with its neighbours: the heading, the style, and the texts below with theirs."""
        heads = (shown(self.table, row, column) for column in self.head)
        texts = [(column, shown(self.table, row, column)) for column in self.below]
        return " ".join(heads), row.style, [_said(column, text) for column, text in texts if text]

    def row(self, row: Row) -> Iterator[tuple[str, str]]:
        """The lines of a row without what stands below: the name is folded beside the values, or stands over them."""
        name = shown(self.table, row, self.name)
        values = self._values([shown(self.table, row, column) for column in self.values])
        room = self.whole - GAP - text_width(values)
        first, *more = _wrap(name, max(room, 1))
        if more and (room < LEAST or max(map(text_width, name.split())) > room - HANGING):
            yield from ((row.style, line) for line in _wrap(name, self.width))
            first, more = "", []
        if text_width(values) > self.width:
            yield from ((row.style, line) for text in (first, values) if text for line in self.folded(text))
            return
        yield row.style, self._line(first, values)
        yield from ((row.style, line) for line in more)

    def _line(self, name: str, values: str) -> str:
        """A name and, at the end of the line, its values."""
        return f"{name}{' ' * (self.whole - text_width(name) - text_width(values))}{values}".rstrip()

    def folded(self, text: str) -> list[str]:
        """Running text, moved in."""
        indent = " " * INDENT
        return textwrap.wrap(text, self.width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)

    def _texts(self, column: Column) -> Iterator[str]:
        return (shown(self.table, row, column) for row in self.table.rows)

    def _sizes(self) -> list[int]:
        """The widths of the values: of the longest ones, or of those that leave the names enough room."""
        needs = [self._needs(column) for column in self.values]
        least = min(NAME, max(self._needs(self.name)))
        while least + sum(GAP + column[-1] for column in needs) > self.width:
            longer = [column for column in needs if len(column) > 1]
            if not longer:
                break
            max(longer, key=lambda column: column[-1]).pop()
        return [column[-1] for column in needs]

    def _needs(self, column: Column) -> list[int]:
        """The widths of a column's texts, those that are as wide as its header at least."""
        header = text_width(column.header)
        return sorted({header, *(max(header, text_width(text)) for text in self._texts(column))})

    def _values(self, values: list[str]) -> str:
        """The values, each in its column, or taking of the name's room what it needs beyond."""
        cells = []
        for column, value, size in zip(self.values, values, self.sizes, strict=True):
            blank = " " * (size - text_width(value))
            cells.append(blank + value if column.number else value + blank)
        return (" " * GAP).join(cells)


def _said(column: Column, text: str) -> tuple[str, str]:
    """A text below a row with its style: as it is, or in small print after the column's name."""
    return ("note", f"{column.header}: {text}") if column.place == SMALL else ("", text)


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=" " * HANGING, break_on_hyphens=False) or [""]
