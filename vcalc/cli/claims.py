"""`vcalc claims`: published figures and what becomes of them."""

from __future__ import annotations

import click

from vcalc.cli.options import MODEL, reporting
from vcalc.cli.progress import progress
from vcalc.reports.table import Report


@click.command("claims", short_help="Published figures, ours beside them, verdicts.")
@click.argument("models", type=MODEL, nargs=-1)
@reporting
def claims_command(models: tuple[str, ...]) -> Report:
    """Every published figure we hold, ours beside it, and the verdict; only those of MODELS where they are named.

    The exit code is 1 when a figure differs and no explanation that holds is given.
    """
    from vcalc.analyses.claims import judge_all
    from vcalc.reports.claims import claims_report
    from vcalc.spec.find import catalogue_files, claim_files, load_for_claims

    files, wanted = claim_files(models) if models else (catalogue_files(), None)
    return claims_report(judge_all(map(load_for_claims, files), wanted, lambda claims: progress(claims, "judging")))
