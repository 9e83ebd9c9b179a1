"""Markdown, CSV and LaTeX: tables for documents, with every column and exact values."""

from __future__ import annotations

import csv
import io
from typing import Any

from vcalc.render.fit import visible
from vcalc.reports.table import Column, Report, Row, Table, plain_value, shape_text


def markdown(report: Report) -> str:
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


def csv_text(report: Report) -> str:
    """Every row, exact values, one header line; no notes."""
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


def latex(report: Report) -> str:
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
