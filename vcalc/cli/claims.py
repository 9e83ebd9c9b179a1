"""`vcalc claims`: published figures and what becomes of them."""

from __future__ import annotations

import click

from vcalc.cli.options import MODEL, emit, output_options


@click.command("claims")
@click.argument("models", type=MODEL, nargs=-1)
@output_options
@click.pass_context
def claims_command(ctx: click.Context, models: tuple[str, ...], format_: str | None, output: str | None) -> None:
    """Every published figure we hold, ours beside it, and the verdict; only those of MODELS where they are named.

    The exit code is 1 when a figure differs and no explanation that holds is given.
    """
    from vcalc.analyses.claims import judge_all
    from vcalc.reports.claims import claims_report
    from vcalc.spec.find import catalogue_files, claim_files, load_file

    files, wanted = claim_files(models) if models else (catalogue_files(), None)
    verdicts = judge_all([load_file(file) for file in files], wanted)
    emit(claims_report(verdicts), format_, output)
    if not all(verdict.explained for verdict in verdicts):
        ctx.exit(1)
