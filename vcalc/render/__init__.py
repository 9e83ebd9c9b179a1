"""Reports as text. Renderers know columns and rows, and nothing of networks."""

from __future__ import annotations

from vcalc.reports.table import Report

FORMATS = ("rich", "plain", "markdown", "csv", "json", "latex")


def render(report: Report, format: str, width: int | None = None) -> str:
    """A report as text in one of FORMATS; `width` is the terminal's, where columns have to fit one."""
    if format == "json":
        from vcalc.render.records import json_text

        return json_text(report.record)
    if format in ("rich", "plain"):
        from vcalc.render import text

        return text.terminal(report, width) if format == "rich" else text.plain(report, width)
    from vcalc.render import markup

    return {"markdown": markup.markdown, "csv": markup.csv_text, "latex": markup.latex}[format](report)
