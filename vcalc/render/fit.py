"""Which columns a terminal has room for. Numbers are never cut; whole columns go instead, the least needed first."""

from __future__ import annotations

from vcalc.errors import printable, text_width
from vcalc.reports.table import Column, Row, Table

GAP = 2
"""Spaces between columns."""

PROSE = 16
"""A column of running text is folded to no less than this."""

NAME = 12
"""A column of names is folded to no less than this, and only where no column is left to drop."""

SHORT_BAR = 10
"""A bar is shortened to no less than this."""


def shown(table: Table, row: Row, column: Column) -> str:
    """One cell as it is printed: what a spec or its file is called commands no terminal."""
    return printable(table.text(row, column))


def widths(table: Table, columns: list[Column]) -> list[int]:
    """The width that each column needs to show every cell whole."""
    return [
        max([text_width(column.header), *(text_width(shown(table, row, column)) for row in table.rows)], default=0)
        for column in columns
    ]


def visible(table: Table) -> list[Column]:
    """The columns in which any row has a value."""
    return [c for c in table.columns if any(table.text(row, c) for row in table.rows)] or table.columns


def fitted(table: Table, width: int | None) -> list[Column]:
    """The columns that fit, in order. Prose is folded and a bar shortened before any column is dropped for it."""
    columns = visible(table)
    if width is None:
        return columns
    while _total([_least(c, need) for c, need in zip(columns, widths(table, columns), strict=True)]) > width:
        droppable = [column for column in columns if column.drop]
        if not droppable:
            break
        columns.remove(max(droppable, key=lambda column: column.drop))
    return columns


def _least(column: Column, need: int) -> int:
    return min(need, PROSE if column.prose else SHORT_BAR if column.bar else need)


def _total(sizes: list[int]) -> int:
    return sum(sizes) + GAP * (len(sizes) - 1)


def folded_widths(table: Table, columns: list[Column], width: int | None) -> list[int]:
    """Column widths with bars shortened and texts folded until the table fits: prose first, names last."""
    sizes = widths(table, columns)
    if width is None:
        return sizes
    _shrink(sizes, [SHORT_BAR if column.bar else None for column in columns], width)
    _shrink(sizes, [PROSE if column.prose else None for column in columns], width)
    _shrink(sizes, [None if column.number else NAME for column in columns], width)
    return sizes


def _shrink(sizes: list[int], least: list[int | None], width: int) -> None:
    """Take from the widest columns that have a least width, until all fit."""
    while (excess := _total(sizes) - width) > 0:
        room = {i: sizes[i] - low for i, low in enumerate(least) if low is not None and sizes[i] > low}
        if not room:
            return
        widest = max(room, key=lambda i: sizes[i])
        sizes[widest] -= min(excess, max(1, room[widest] // 2))
