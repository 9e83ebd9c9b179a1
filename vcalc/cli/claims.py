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
    from vcalc.analyses.read_claims import claims_at, claims_of
    from vcalc.reports.claims import claims_report
    from vcalc.spec.beside import CLAIMS, kind_of
    from vcalc.spec.find import catalogue_files, claim_files, load_file

    files, wanted = claim_files(models) if models else (catalogue_files(), None)
    read = [claims_at(file) if kind_of(file) == CLAIMS else claims_of(load_file(file)) for file in files]
    return claims_report(judge_all(read, wanted, lambda claims: progress(claims, "judging")))
