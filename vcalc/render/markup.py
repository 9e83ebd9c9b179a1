"""Markdown, CSV and LaTeX: tables for documents, with every column and exact values."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from vcalc.errors import printable
from vcalc.render.fit import visible
from vcalc.reports.table import Column, Report, Row, Table, plain_value, shape_text


def markdown(report: Report) -> str:
    """GitHub's tables, the title before and the notes after as text."""
    return "\n".join(_markdown_table(table) for table in report.tables)


def _markdown_table(table: Table) -> str:
    columns = visible(table)
    lines = [f"**{_escaped(table.title)}**", ""] if table.title else []
    lines.append("| " + " | ".join(column.header for column in columns) + " |")
    lines.append("| " + " | ".join("---:" if column.number else "---" for column in columns) + " |")
    for row in table.rows:
        cells = [_escaped(table.text(row, column)) for column in columns]
        if row.style in ("total", "subtotal"):
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        lines.append("| " + " | ".join(cells) + " |")
    if table.notes:
        lines += ["", *(f"- {_escaped(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


_MARKDOWN = {r"([\\|*`])": r"\\\1", r"\](?=[(\[])": r"\\]", r"<(?=[A-Za-z/!?])": "&lt;", r"@(?=\w)": "@<!-- -->"}
"""What would be a link, a tag, or a mention: a spec's words are text, also in a comment that a bot writes."""


def _escaped(text: str) -> str:
    text = printable(text)
    for pattern, instead in _MARKDOWN.items():
        text = re.sub(pattern, instead, text)
    return text


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
        value = shape_text(value)
    value = "" if value is None else plain_value(value)
    return printable(value) if isinstance(value, str) else value


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


def _latex_text(text: str) -> str:
    return printable(text).translate(_LATEX)


def latex(report: Report) -> str:
    """A booktabs table (LaTeX: \\usepackage{booktabs})."""
    return "\n".join(_latex_table(table) for table in report.tables)


def _latex_table(table: Table) -> str:
    columns = visible(table)
    kinds = "".join("r" if column.number else "l" for column in columns)
    lines = [r"\begin{table}", r"\centering"]
    caption = ". ".join(text for text in (table.title, *table.notes) if text)
    lines.append(rf"\caption{{{_latex_text(caption)}}}")
    lines += [rf"\begin{{tabular}}{{{kinds}}}", r"\toprule"]
    lines.append(" & ".join(_latex_text(column.header) for column in columns) + r" \\")
    lines.append(r"\midrule")
    for row in table.rows:
        if row.style == "total" and lines[-1] != r"\midrule":
            lines.append(r"\midrule")
        lines.append(" & ".join(_latex_text(table.text(row, column)) for column in columns) + r" \\")
        if row.style == "subtotal":
            lines.append(r"\addlinespace")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"
