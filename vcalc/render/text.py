"""Plain text, Markdown, CSV and LaTeX."""

from __future__ import annotations

import textwrap
from typing import Any

from vcalc.render.fit import GAP, fitted, folded_widths, visible
from vcalc.reports.table import Column, Report, Row, Table, plain_value, shape_text


def plain(report: Report, width: int | None) -> str:
    """Aligned columns, no colour; nothing is cut."""
    return "\n".join(_plain_table(table, width) for table in report.tables)


def _plain_table(table: Table, width: int | None) -> str:
    columns = fitted(table, width)
    sizes = folded_widths(table, columns, width)
    rule = "-" * (sum(sizes) + GAP * (len(columns) - 1))
    lines = [table.title] if table.title else []
    lines += [_line([c.header for c in columns], columns, sizes), rule]
    totals = False
    for row, after in zip(table.rows, [*table.rows[1:], None], strict=True):
        if row.style == "total" and lines[-1] not in (rule, "") and not totals:
            lines.append(rule)
        totals = row.style == "total"
        lines += _folded_row([table.text(row, column) for column in columns], columns, sizes)
        if after is not None and row.style == "subtotal" and after.style != "total":
            lines.append("")
        elif after is not None and totals and after.style != "total":
            lines.append(rule)
    if table.notes:
        lines.append("")
        for note in table.notes:
            lines += textwrap.wrap(note, width, subsequent_indent="  ") if width else [note]
    return "\n".join(lines) + "\n"


def _folded_row(cells: list[str], columns: list[Column], sizes: list[int]) -> list[str]:
    """A row on as many lines as its longest text needs."""
    parts = [
        [cell] if column.number or len(cell) <= size else textwrap.wrap(cell, size) or [""]
        for cell, column, size in zip(cells, columns, sizes, strict=True)
    ]
    height = max(map(len, parts), default=1)
    return [
        _line([part[i] if i < len(part) else "" for part in parts], columns, sizes) for i in range(height)
    ]


def _line(cells: list[str], columns: list[Column], sizes: list[int]) -> str:
    shown = (
        cell.rjust(size) if column.number else cell.ljust(size)
        for cell, column, size in zip(cells, columns, sizes, strict=True)
    )
    return (" " * GAP).join(shown).rstrip()


def markdown(report: Report, width: int | None) -> str:
    """GitHub's tables, the title before and the notes after as text."""
    return "\n".join(_markdown_table(table) for table in report.tables)


def _markdown_table(table: Table) -> str:
    columns = visible(table)
    lines = [f"**{table.title}**", ""] if table.title else []
    lines.append("| " + " | ".join(column.header for column in columns) + " |")
    lines.append("| " + " | ".join("---:" if column.number else "---" for column in columns) + " |")
    for row in table.rows:
        cells = [table.text(row, column).replace("|", "\\|").replace("*", "\\*") for column in columns]
        if row.style in ("total", "subtotal"):
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        lines.append("| " + " | ".join(cells) + " |")
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def csv_text(report: Report, width: int | None) -> str:
    """Every row, exact values, one header line; no notes."""
    import csv
    import io

    table = report.complete or report.tables[-1]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([column.key for column in table.columns])
    for row in table.rows:
        writer.writerow([_csv_value(row, column) for column in table.columns])
    return buffer.getvalue()


def _csv_value(row: Row, column: Column) -> Any:
    value = row.cells.get(column.key)
    if isinstance(value, (tuple, list)):
        return shape_text(value)
    return "" if value is None else plain_value(value)


_LATEX = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "█": r"\rule{.5ex}{1ex}",
    }
)


def latex(report: Report, width: int | None) -> str:
    """A booktabs table (LaTeX: \\usepackage{booktabs})."""
    return "\n".join(_latex_table(table) for table in report.tables)


def _latex_table(table: Table) -> str:
    columns = visible(table)
    kinds = "".join("r" if column.number else "l" for column in columns)
    lines = [r"\begin{table}", r"\centering"]
    caption = ". ".join(text for text in (table.title, *table.notes) if text)
    lines.append(rf"\caption{{{caption.translate(_LATEX)}}}")
    lines += [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule"]
    lines.append(" & ".join(column.header.translate(_LATEX) for column in columns) + r" \\")
    lines.append(r"\midrule")
    for row in table.rows:
        if row.style == "total" and lines[-1] != r"\midrule":
            lines.append(r"\midrule")
        lines.append(" & ".join(table.text(row, column).translate(_LATEX) for column in columns) + r" \\")
        if row.style == "subtotal":
            lines.append(r"\addlinespace")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"
