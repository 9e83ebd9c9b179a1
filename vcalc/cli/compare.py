"""`vcalc compare`: several models."""

from __future__ import annotations

import click

from vcalc.cli.options import MODEL, binding_options, costs_of, counting_options, emit, given, output_options


@click.command("compare")
@click.argument("models", type=MODEL, nargs=-1, required=True)
@click.option(
    "--metric",
    type=click.Choice(("flops", "params", "memory", "depth")),
    help="One metric, by group, as bars; without it all of them, as a table.",
)
@click.option("--columns", metavar="NAME,...", help="Columns of the table: metrics, and hyperparameters of the models.")
@binding_options
@counting_options
@output_options
def compare_command(
    models: tuple[str, ...],
    metric: str | None,
    columns: str | None,
    settings: tuple[str, ...],
    input_: str | None,
    convention: str | None,
    batch: str,
    dtype: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Compare MODELS by a metric, or by all of them and by their hyperparameters.

    \b
    vcalc compare alexnet vgg16 --metric flops
    vcalc compare resnet18 resnet34 resnet50
    vcalc compare vit-b-16 vit-l-16 vit-h-14 --columns depth,dim,mlp,heads,params
    """
    from vcalc.errors import VcalcError
    from vcalc.reports.compare import compare_report
    from vcalc.spec.expand import expand
    from vcalc.spec.find import load

    if len(models) < 2:
        raise VcalcError("usage", "compare needs two models or more", hint=f"vcalc compare {models[0]} resnet50")
    if metric and columns:
        raise VcalcError("usage", "--metric and --columns exclude each other")
    sides = []
    for model in models:
        spec, entry = load(model)
        network = expand(spec, entry, given(settings, input_, spec))
        sides.append((network, costs_of(network, convention or "lecture", batch, dtype)))
    chosen = tuple(name.strip() for name in (columns or "").split(",") if name.strip())
    emit(compare_report(sides, metric, chosen), format_, output)
