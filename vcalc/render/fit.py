"""Which columns a terminal has room for. Numbers are never cut; whole columns go instead, the least needed first."""

from __future__ import annotations

from vcalc.reports.table import Column, Table

GAP = 2
"""Spaces between columns."""

FOLDED = 24
"""A text column is not folded to less than this."""


def cell_width(text: str) -> int:
    """Characters of the longest line."""
    return max(map(len, text.splitlines()), default=0)


def widths(table: Table, columns: list[Column]) -> list[int]:
    """The width that each column needs to show every cell whole."""
    return [
        max([len(column.header), *(cell_width(table.text(row, column)) for row in table.rows)], default=0)
        for column in columns
    ]


def visible(table: Table) -> list[Column]:
    """The columns in which any row has a value."""
    return [c for c in table.columns if any(table.text(row, c) for row in table.rows)] or table.columns


def fitted(table: Table, width: int | None) -> list[Column]:
    """The columns that fit, in order. A wide text column counts as folded before any column is dropped for it."""
    columns = visible(table)
    if width is None:
        return columns
    while sum(_least(table, columns)) + GAP * (len(columns) - 1) > width:
        droppable = [column for column in columns if column.drop]
        if not droppable:
            break
        columns.remove(max(droppable, key=lambda column: column.drop))
    return columns


def _least(table: Table, columns: list[Column]) -> list[int]:
    return [
        need if column.number else min(need, FOLDED)
        for column, need in zip(columns, widths(table, columns), strict=True)
    ]


def folded_widths(table: Table, columns: list[Column], width: int | None) -> list[int]:
    """Column widths with the text columns folded, the widest first, until the table fits."""
    found = widths(table, columns)
    if width is None:
        return found
    excess = sum(found) + GAP * (len(columns) - 1) - width
    while excess > 0:
        texts = [i for i, column in enumerate(columns) if not column.number and found[i] > FOLDED]
        if not texts:
            break
        widest = max(texts, key=lambda i: found[i])
        taken = min(excess, max(1, (found[widest] - FOLDED) // 2))
        found[widest] -= taken
        excess -= taken
    return found
