"""`vcalc check`: every problem of every spec file, for people and for CI."""

from __future__ import annotations

import click

from vcalc.cli.options import printing
from vcalc.cli.output import format_of, put
from vcalc.errors import VcalcError
from vcalc.render.check import FORMATS, render_check

_SUFFIXES = {".txt": "plain", ".json": "json", ".xml": "junit", ".sarif": "sarif"}


@click.command("check", short_help="Every problem of spec files: errors, claims, budgets, likely mistakes.")
@click.argument("paths", type=click.Path(readable=False), nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="TEXT",
    help="A bound that every model keeps to: 'params <= 5M', 'flops of stage1 <= 300M under macs', 'memory <= 20MB'.",
)
@click.option("--strict", is_flag=True, help="Warnings fail the check, too.")
@printing(FORMATS)
def check_command(
    paths: tuple[str, ...], budgets: tuple[str, ...], strict: bool, format_: str | None, output: str | None
) -> None:
    """Check spec files, and those below folders: that they read and expand, that claims and budgets hold, and more.

    \b
    vcalc check specs/
    vcalc check new.yaml --budget 'params <= 5M' --budget 'memory <= 20MB'
    vcalc check specs/ --format github

    The exit code is 1 when there is an error (with --strict, a warning). '# vcalc: ignore[code]' at the end of a line
    silences a warning there. docs/check.md explains every code.
    """
    from vcalc import conventions
    from vcalc.analyses.check import check_file
    from vcalc.analyses.quantities import read_budget
    from vcalc.reports.check import CheckReport
    from vcalc.source.walk import spec_files

    try:
        bounds = [read_budget(text, conventions.find) for text in budgets]
    except VcalcError as error:
        error.problems[0].message = f"--budget: {error.problems[0].message}"
        raise
    format_of(output, format_, _SUFFIXES)
    report = CheckReport([check_file(file, bounds) for file in spec_files(paths)], strict)
    put(lambda chosen, _: render_check(report, chosen), format_, output, _SUFFIXES)
    if not report.holds:
        click.get_current_context().exit(1)
