"""`vcalc list` and `vcalc layers`: what there is."""

from __future__ import annotations

import click

from vcalc.cli.options import CONVENTION, KIND, emit, output_options


@click.command("list")
@click.option("--convention", type=CONVENTION, default="lecture", show_default=True, help="How to count.")
@output_options
def list_command(convention: str, format_: str | None, output: str | None) -> None:
    """The models that come with vcalc: name, title, input, params, FLOPs."""
    from vcalc.reports.catalogue import list_report

    emit(list_report(convention), format_, output)


@click.command("layers")
@click.argument("kind", type=KIND, required=False)
@output_options
def layers_command(kind: str | None, format_: str | None, output: str | None) -> None:
    """The layer kinds; with a KIND its fields, formulas and source."""
    from vcalc.reports.kinds import kind_report, kinds_report

    emit(kind_report(kind) if kind else kinds_report(), format_, output)
