"""`vcalc compare`: several models."""

from __future__ import annotations

import click

from vcalc.cli.options import MODEL, Word, counting, names, reporting, totals
from vcalc.cli.request import Request
from vcalc.reports.table import Report


@click.command("compare", short_help="Several models side by side.")
@click.argument("models", type=MODEL, nargs=-1, required=True)
@click.option(
    "--metric",
    type=Word(("flops", "params", "memory", "depth", "bytes", "bops"), "metrics"),
    help="One metric, by group, as bars; without it all of them, as a table.",
)
@click.option(
    "--columns",
    metavar="NAME,...",
    multiple=True,
    help="Columns of the table: metrics, and hyperparameters: dim, or let.depth where a metric is called so.",
)
@reporting
@totals
@counting
def compare_command(models: tuple[str, ...], metric: str | None, columns: tuple[str, ...], request: Request) -> Report:
    """Compare MODELS by a metric, or by all of them and by their hyperparameters.

    \b
    vcalc compare alexnet vgg16 --metric flops
    vcalc compare resnet18 resnet34 resnet50
    vcalc compare vit-b-16 vit-l-16 vit-h-14 --columns let.depth,dim,mlp,heads,params
    """
    from vcalc import conventions
    from vcalc.errors import VcalcError
    from vcalc.reports.compare import compare_report
    from vcalc.spec.find import load

    found = [load(model) for model in models]
    if len(models) < 2:
        other = "resnet50" if models[0] != "resnet50" else "vit-b-16"
        raise VcalcError("usage", "compare needs two models or more", hint=f"vcalc compare {models[0]} {other}")
    if metric and columns:
        raise VcalcError("usage", "--metric and --columns exclude each other")
    common = found[0][0].convention if len({spec.convention for spec, _ in found}) == 1 else conventions.DEFAULT
    sides = [request.counted(*each, convention=common) for each in found]
    return compare_report(sides, metric, names(columns))
