"""`vcalc list` and `vcalc layers`: what there is."""

from __future__ import annotations

import click

from vcalc.cli.options import CONVENTION, KIND, reporting
from vcalc.cli.progress import progress
from vcalc.reports.table import Report


@click.command("list", short_help="The models that come with vcalc.")
@click.option("--convention", type=CONVENTION, default="lecture", show_default=True, help="How to count.")
@reporting
def list_command(convention: str) -> Report:
    """The models that come with vcalc: name, title, input, params, FLOPs."""
    from vcalc.reports.catalogue import list_report

    return list_report(convention, lambda names: progress(names, "counting"))


@click.command("layers", short_help="The layer kinds: fields, formulas, sources.")
@click.argument("kind", type=KIND, required=False)
@reporting
def layers_command(kind: str | None) -> Report:
    """The layer kinds; with a KIND its fields, formulas and source."""
    from vcalc.reports.kinds import kind_report, kinds_report

    return kind_report(kind) if kind else kinds_report()
