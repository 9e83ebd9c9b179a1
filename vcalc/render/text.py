"""Tables as lines of aligned text: plain for pipes and files, styled by rich on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from vcalc.errors import printable, text_width
from vcalc.render.fit import GAP, fitted, folded_widths, shown, visible
from vcalc.reports.table import LINE, Column, Report, Row, Table, bar_text

Line = tuple[str, str]
"""A style (title, header, rule, layer, subtotal, total, note or nothing) and the text."""

STYLES = {
    "title": "bold",
    "header": "bold",
    "rule": "dim",
    "head": "bold underline",
    "subtotal": "cyan",
    "total": "bold",
    "unexplained": "bold red",
    "differs": "bold",
    "under": "cyan",
    "note": "dim",
}


def plain(report: Report, width: int | None) -> str:
    """Aligned columns without colour; nothing is cut."""
    return "\n".join(text for _, text in lines(report, width)) + "\n"


def terminal(report: Report, width: int | None) -> str:
    """The same lines with colours, where the terminal shows them (rich honours NO_COLOR)."""
    from rich.console import Console
    from rich.style import Style

    console = Console()
    coloured = console.color_system is not None and not console.no_color
    styles = {name: Style.parse(style) for name, style in STYLES.items()} if coloured else {}
    styled = []
    for name, text in lines(report, width):
        if name == "rule":
            text = "─" * len(text)
        style = styles.get(name)
        styled.append(style.render(text) if style and text else text)
    return "\n".join(styled) + "\n"


def lines(report: Report, width: int | None) -> Iterator[Line]:
    """Every line of every table, an empty one between tables."""
    for index, table in enumerate(report.brief or report.tables):
        if index:
            yield "", ""
        yield from _table_lines(table, width)


def _table_lines(table: Table, width: int | None) -> Iterator[Line]:
    if any(column.place != LINE for column in table.columns):
        from vcalc.render.blocks import block_lines, page_width

        width = width or page_width()
        body = block_lines(table, width)
    else:
        body = _row_lines(table, width)
    if table.title:
        yield from _wrapped("title", table.title, width)
    yield from body
    notes = [*_no_room(table, width), *table.notes]
    if notes:
        yield "", ""
    for note in notes:
        yield from _wrapped("note", note, width)


def _no_room(table: Table, width: int | None) -> list[str]:
    """Which columns a terminal has no room for."""
    room = fitted(table, width)
    dropped = [column.header for column in visible(table) if column not in room]
    return [f"no room here for {', '.join(dropped)}: a wider terminal shows them"] if dropped else []


def _row_lines(table: Table, width: int | None) -> Iterator[Line]:
    columns = fitted(table, width)
    sizes = folded_widths(table, columns, width)
    rule = ("rule", "-" * (sum(sizes) + GAP * (len(columns) - 1)))
    yield "header", _line([column.header for column in columns], columns, sizes)
    yield rule
    before = ""
    for row, after in zip(table.rows, (*table.rows[1:], None), strict=False):
        if row.style == "total" and before not in ("total", ""):
            yield rule
        for text in _folded_row(
            [_cell(table, row, c, size) for c, size in zip(columns, sizes, strict=True)], columns, sizes
        ):
            yield row.style, text
        if after is not None and after.style != "total" and row.style in ("subtotal", "total"):
            yield ("", "") if row.style == "subtotal" else rule
        before = row.style


def _cell(table: Table, row: Row, column: Column, size: int) -> str:
    share = row.cells.get(column.key)
    return bar_text(share, size) if column.bar and share is not None else shown(table, row, column)


def _wrapped(style: str, text: str, width: int | None) -> Iterator[Line]:
    text = printable(text)
    if width is None or text_width(text) <= width:
        yield style, text
        return
    import textwrap

    for line in textwrap.wrap(text, width, subsequent_indent="  "):
        yield style, line


def _folded_row(cells: list[str], columns: list[Column], sizes: list[int]) -> list[str]:
    """A row on as many lines as its longest text needs."""
    parts = [
        [cell] if column.number or text_width(cell) <= size else _folded(cell, size)
        for cell, column, size in zip(cells, columns, sizes, strict=True)
    ]
    height = max(map(len, parts), default=1)
    return [_line([part[i] if i < len(part) else "" for part in parts], columns, sizes) for i in range(height)]


def _folded(text: str, size: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, size) or [""]


def _line(cells: list[str], columns: list[Column], sizes: list[int]) -> str:
    padded = (
        " " * (size - text_width(cell)) + cell if column.number else cell + " " * (size - text_width(cell))
        for cell, column, size in zip(cells, columns, sizes, strict=True)
    )
    return (" " * GAP).join(padded).rstrip()
