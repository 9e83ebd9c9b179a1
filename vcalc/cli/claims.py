"""`vcalc claims`: published figures and what becomes of them."""

from __future__ import annotations

import click

from vcalc.cli.options import MODEL, Word, reporting
from vcalc.cli.progress import progress
from vcalc.reports.table import Report

ONLY = ("differs", "under", "reproduced", "implies")


@click.command("claims", short_help="Published figures, ours beside them, verdicts.")
@click.argument("models", type=MODEL, nargs=-1)
@click.option("--only", type=Word(ONLY), multiple=True, help="Only what becomes of them so; several times for several.")
@click.option("--source", default="", metavar="TEXT", help="Only figures with this in a source: Johnson, torchvision.")
@click.option("--all", "whole", is_flag=True, help="Every figure, where no model is named and nothing else chosen.")
@reporting
def claims_command(models: tuple[str, ...], only: tuple[str, ...], source: str, whole: bool) -> Report:
    """Published figures, ours beside each, the verdict, the reason and the source: those of MODELS, differences first.

    Without MODELS, and nothing else chosen, text is an overview: a line for each family with a figure that differs,
    and which ones do. Files and other formats hold a row for each claim.

    The exit code is 1 when a figure differs and no explanation that holds is given.

    \b
    vcalc claims vgg16
    vcalc claims vgg16 resnet50 --only differs --only under
    vcalc claims --source Johnson --only differs
    vcalc claims --all
    """
    from vcalc.analyses.claims import judge_all
    from vcalc.analyses.pick_claims import Pick
    from vcalc.analyses.read_claims import claims_at, claims_of
    from vcalc.reports.claims import claims_report
    from vcalc.reports.claims_overview import overview
    from vcalc.spec.beside import CLAIMS, kind_of
    from vcalc.spec.find import catalogue_files, claim_files, load_file

    pick = Pick(only, source)
    files, wanted = claim_files(models) if models else (catalogue_files(), None)
    read = [claims_at(file) if kind_of(file) == CLAIMS else claims_of(load_file(file)) for file in files]
    verdicts = judge_all(read, wanted, lambda claims: progress(claims, "judging"), pick.chosen)
    verdicts = [verdict for verdict in verdicts if pick.verdict(verdict)]
    report = claims_report(verdicts, f"published figures{' of ' if models else ''}{', '.join(models)}", wanted)
    if not models and pick.everything and not whole:
        report.brief = [overview(verdicts)]
    return report
