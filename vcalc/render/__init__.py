"""Reports as text. Renderers know columns and rows, and nothing of networks."""

from __future__ import annotations

from collections.abc import Callable

from vcalc.reports.table import Report

FORMATS = ("rich", "plain", "markdown", "csv", "json", "latex")


def render(report: Report, format: str, width: int | None = None) -> str:
    """A report as text in one of FORMATS; `width` is the terminal's, where columns have to fit one."""
    from vcalc.render import text

    if format == "json":
        import json

        return json.dumps(report.record, indent=2, ensure_ascii=False) + "\n"
    if format == "rich":
        from vcalc.render.terminal import terminal

        return terminal(report, width)
    makers: dict[str, Callable[[Report, int | None], str]] = {
        "plain": text.plain,
        "markdown": text.markdown,
        "csv": text.csv_text,
        "latex": text.latex,
    }
    return makers[format](report, width)
