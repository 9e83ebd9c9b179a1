"""`vcalc check`: every problem of every spec file, for people and for CI."""

from __future__ import annotations

import codecs
import os

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
@click.option(
    "--accept", is_flag=True, help="Write the figures that each file comes to under its expect, then check it."
)
@click.option("--strict", is_flag=True, help="Warnings fail the check, too.")
@printing(FORMATS)
def check_command(
    paths: tuple[str, ...],
    budgets: tuple[str, ...],
    accept: bool,
    strict: bool,
    format_: str | None,
    output: str | None,
) -> None:
    """Check spec files, and those below folders: that they read and expand, that claims and budgets hold, and more.

    \b
    vcalc check specs/
    vcalc check new.yaml --budget 'params <= 5M' --budget 'memory <= 20MB'
    vcalc check specs/ --format github
    vcalc check --accept net.yaml

    The exit code is 1 when there is an error (with --strict, a warning). '# vcalc: ignore[code]' at the end of a line
    silences a warning there. docs/check.md explains every code.
    """
    from vcalc import conventions
    from vcalc.analyses.check import check_files
    from vcalc.analyses.quantities import read_budget
    from vcalc.reports.check import CheckReport
    from vcalc.source.walk import spec_files

    try:
        bounds = [read_budget(text, conventions.find) for text in budgets]
    except VcalcError as error:
        error.problems[0].message = f"--budget: {error.problems[0].message}"
        raise
    format_of(output, format_, _SUFFIXES)
    files = spec_files(paths)
    if accept:
        _accept(files, paths)
    report = CheckReport(check_files(files, bounds), strict)
    put(lambda chosen, _: render_check(report, chosen), format_, output, _SUFFIXES)
    if not report.holds:
        click.get_current_context().exit(1)


def _accept(files: list[str], named: tuple[str, ...]) -> None:
    """Write the figures of the files down; what does not read or expand is left to the check."""
    from vcalc.cli.output import write_text
    from vcalc.errors import printable

    for file in files:
        if os.path.islink(file):
            if file in named:
                hint = f"name the file itself: {os.path.realpath(file)}"
                raise VcalcError("output", f"{file} is a link, and nothing is written through one", hint=hint)
            continue
        text = _accepted(file)
        if text is not None:
            write_text(text, file)
            click.echo(f"{printable(file)}: expect is written", err=True)


def _accepted(file: str) -> str | None:
    """The new text of a file; None where there is nothing new, or something else has to be put right first."""
    from vcalc.analyses.accept import accepted
    from vcalc.source.read import read_file
    from vcalc.spec.find import stem

    try:
        text = read_file(file)
        new = accepted(text, file, stem(file))
    except VcalcError as error:
        if error.problems[0].code == "accept":
            raise
        return None
    with open(file, "rb") as stream:
        mark = "\ufeff" if stream.read(3) == codecs.BOM_UTF8 else ""
    return mark + new if new != text else None
