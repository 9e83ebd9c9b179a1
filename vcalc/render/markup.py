"""Markdown, CSV and LaTeX: tables for documents, with every column and exact values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

from vcalc import units
from vcalc.arithmetic import is_symbolic
from vcalc.errors import printable
from vcalc.render.fit import visible
from vcalc.reports.table import Amount, Column, Report, Table, plain_value


def markdown(report: Report) -> str:
    """GitHub's tables, the title before and the notes after as text."""
    return "\n".join(_markdown_table(table) for table in report.tables)


def _markdown_table(table: Table) -> str:
    columns = visible(table)
    lines = [f"**{_escaped(table.title)}**", ""] if table.title else []
    lines.append("| " + " | ".join(_escaped(column.header) for column in columns) + " |")
    lines.append("| " + " | ".join("---:" if column.number else "---" for column in columns) + " |")
    for row in table.rows:
        cells = [_escaped(table.text(row, column)) for column in columns]
        if row.style in ("total", "subtotal"):
            cells = [f"**{cell}**" if cell else "" for cell in cells]
        lines.append("| " + " | ".join(cells) + " |")
    if table.notes:
        lines += ["", *(f"- {_note(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


_MARKDOWN = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"&(?=[#A-Za-z])", "&amp;"),
        (r"([\\|*`~$]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_]))", r"\\\1"),
        (r"<(?=[A-Za-z/!?])", "&lt;"),
        (r"(@(?=\w)|#(?=\d)|(?<![^\W_])GH-(?=\d)|:(?=//)|(?<![^\W_])www(?=\.)|:(?=[\w+-]+:))", r"\1<!-- -->"),
    )
)
"""What would be a link, a tag, a mention: a spec's words are text, also in a comment that a bot writes."""

_BEGINS = re.compile(r"^(\d+(?=[.)]))?([#>+=.)\[-])")
"""What begins a heading, a list, a quotation, a box to tick at the beginning of a line."""

_HARMLESS = re.compile(r"[A-Za-z0-9 ,/]*")


def _escaped(text: str) -> str:
    text = printable(text)
    if not _HARMLESS.fullmatch(text):
        for pattern, instead in _MARKDOWN:
            text = pattern.sub(instead, text)
    return text


def _note(text: str) -> str:
    return _BEGINS.sub(r"\1\\\2", _escaped(text).strip(" "))


def csv_text(report: Report) -> str:
    """Every row but those that sum others up, exact values without units, one header line; no notes."""
    table = report.complete or report.tables[-1]
    rows = [row for row in table.rows if report.with_total or not row.sums]
    with_unit = {
        column.key
        for column in table.columns
        if column.text is str and any(getattr(row.cells.get(column.key), "unit", "") for row in rows)
    }
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_csv_line(table.columns, with_unit, lambda column: column.key, lambda column: f"{column.key}_unit"))
    for row in rows:
        cells = row.cells
        writer.writerow(
            _csv_line(
                table.columns,
                with_unit,
                lambda column: _csv_value(cells.get(column.key), column),  # noqa: B023, called at once
                lambda column: getattr(cells.get(column.key), "unit", ""),  # noqa: B023
            )
        )
    return buffer.getvalue()


def _csv_line(
    columns: list[Column], with_unit: set[str], value: Callable[[Column], Any], unit: Callable[[Column], Any]
) -> list[Any]:
    """One line: each column's value, and its unit after it where it has one."""
    line = []
    for column in columns:
        line.append(value(column))
        if column.key in with_unit:
            line.append(unit(column))
    return [_no_formula(cell) if isinstance(cell, str) else cell for cell in line]


def _csv_value(value: Any, column: Column) -> Any:
    if isinstance(value, Amount):
        value = value.value
    if isinstance(value, (tuple, list)):
        return column.text(value)
    if value is None:
        return ""
    if is_symbolic(value):
        formula = units.plain(value)
        return f"({formula})" if formula[:1] == "-" else formula
    return float(value) if getattr(value, "is_Rational", False) and not value.is_Integer else plain_value(value)


_BEGINS_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?", re.ASCII)


def _no_formula(text: str) -> str:
    """The text for a spreadsheet: one that it would take for a formula, and is no number, begins with an apostrophe."""
    text = printable(text)
    return f"'{text}" if _BEGINS_FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


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
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "█": r"\rule{.5ex}{1ex}",
    }
)


def _latex_text(text: str) -> str:
    """The text as LaTeX sets it; after the end of a line a bracket or a star would belong to that."""
    text = printable(text).translate(_LATEX)
    return f"{{}}{text}" if text[:1] in ("[", "*") else text


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
