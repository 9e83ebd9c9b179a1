"""`vcalc claims`: published figures and what becomes of them."""

from __future__ import annotations

import click

from vcalc.cli.options import MODEL, Word, reporting
from vcalc.cli.progress import progress
from vcalc.reports.table import Report

ONLY = ("differs", "under", "open", "guess", "reproduced", "implies")


@click.command("claims", short_help="Published figures, ours beside them, verdicts.")
@click.argument("models", type=MODEL, nargs=-1)
@click.option(
    "--only", type=Word(ONLY), multiple=True, help="Only figures that this becomes of; more than once for several."
)
@click.option("--source", default="", metavar="TEXT", help="Only figures with this in a source: Johnson, torchvision.")
@click.option("--edition", default="", metavar="TEXT", help="Only figures with this in the edition: arXiv, corrected.")
@click.option("--unseen", is_flag=True, help="Only figures whose source was not to be had.")
@click.option("--all", "whole", is_flag=True, help="Every figure, where no model is named and nothing else chosen.")
@reporting
def claims_command(
    models: tuple[str, ...], only: tuple[str, ...], source: str, edition: str, unseen: bool, whole: bool
) -> Report:
    """Published figures, ours beside each, the verdict, the reason and the source: those of MODELS, differences first.

    A figure is reproduced, reproduced under a variant or rule that is named, or it differs: for a reason that is
    checked, for one that is a guess, or for none that anybody knows, which leaves it open. A time of training implies
    a share of the device's peak rate.

    Without MODELS, and nothing else chosen, text is an overview: the families in which a figure differs, and which ones
    do. Markdown, CSV, LaTeX and JSON hold a row for each claim.

    The exit code is 1 when a figure that is shown differs and no explanation that holds is given.

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

    pick = Pick(only, source, edition, unseen)
    files, wanted = claim_files(models) if models else (catalogue_files(), None)
    read = [claims_at(file) if kind_of(file) == CLAIMS else claims_of(load_file(file)) for file in files]
    verdicts = judge_all(read, wanted, lambda claims: progress(claims, "judging"), pick.chosen)
    verdicts = [verdict for verdict in verdicts if pick.verdict(verdict)]
    title = f"published figures of {', '.join(models)}" if models else "published figures"
    report = claims_report(verdicts, title, [name for model in models for name in claim_files((model,))[1] or ()])
    if not models and pick.everything and not whole:
        report.brief = [overview(verdicts)]
    return report
