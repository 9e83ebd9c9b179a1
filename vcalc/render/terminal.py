"""Tables for a terminal, drawn by rich: bold totals, quiet notes, no more columns than there is room for."""

from __future__ import annotations

import io

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from vcalc.render.fit import GAP, fitted, folded_widths
from vcalc.reports.table import Report, Table

_STYLES = {"total": "bold", "subtotal": "italic cyan"}


def terminal(report: Report, width: int | None) -> str:
    """The report with colours where the terminal shows them (NO_COLOR is honoured by rich)."""
    console = Console(width=width, highlight=False)
    buffer = io.StringIO()
    out = Console(
        file=buffer,
        width=max(console.width, 20),
        force_terminal=console.is_terminal,
        color_system=console.color_system,  # type: ignore[arg-type]
        no_color=console.no_color,
        highlight=False,
        legacy_windows=False,
    )
    for table in report.tables:
        _draw(table, out)
    return buffer.getvalue()


def _draw(table: Table, console: Console) -> None:
    inside = console.width - 2
    columns = fitted(table, inside)
    sizes = folded_widths(table, columns, inside)
    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_edge=False)
    for column, size in zip(columns, sizes, strict=True):
        drawn.add_column(
            Text(column.header),
            justify="right" if column.number else "left",
            no_wrap=column.number,
            overflow="fold",
            width=size,
        )
    for index, row in enumerate(table.rows):
        last = index + 1 == len(table.rows)
        ends = row.style == "subtotal" or (not last and table.rows[index + 1].style == "total" and row.style != "total")
        cells = [Text(table.text(row, column)) for column in columns]
        drawn.add_row(*cells, style=_STYLES.get(row.style), end_section=ends)
    needed = sum(sizes) + GAP * len(columns) + 2
    console.print(Text(table.title, style="bold")) if table.title else None
    console.print(drawn, width=max(console.width, needed), crop=False, no_wrap=True)
    for note in table.notes:
        console.print(Text(note, style="dim"))
    console.print()
