"""`vcalc table` and `vcalc formula`: one model."""

from __future__ import annotations

import click

from vcalc.cli.options import MODEL, binding_options, costs_of, counting_options, emit, given, output_options


@click.command("table")
@click.argument("model", type=MODEL)
@click.option(
    "--only", metavar="PATH,...", help="Only these groups or layers: stem, or stage1,stage2, or stage1/conv2."
)
@click.option("--depth", type=click.IntRange(1, 20), help="Fold groups below this depth into one row.")
@click.option("--all", "show_all", is_flag=True, help="Show the layers that cost nothing under the convention, too.")
@click.option("--explain", is_flag=True, help="Show each count with its working: (3*3*64)*64 + 64 = 36,928.")
@click.option("--columns", metavar="NAME,...", help="Columns to show, e.g. layer,kind,output,receptive_field,params.")
@binding_options
@counting_options
@output_options
def table_command(
    model: str,
    only: str | None,
    depth: int | None,
    show_all: bool,
    explain: bool,
    columns: str | None,
    settings: tuple[str, ...],
    input_: str | None,
    convention: str | None,
    batch: str,
    dtype: str,
    format_: str | None,
    output: str | None,
) -> None:
    """The layer table of a MODEL: shapes, memory, parameters and FLOPs, with totals.

    \b
    vcalc table vgg16
    vcalc table googlenet --only stem
    vcalc table vit-b-16 --input 3x384x384 --batch 8 --dtype bf16
    vcalc table resnet50 --set H=32*h --set W=32*h --set width=c
    """
    from vcalc.reports.layers_table import table_report
    from vcalc.spec.expand import expand
    from vcalc.spec.find import load

    spec, entry = load(model)
    network = expand(spec, entry, given(settings, input_, spec))
    costs = costs_of(network, convention, batch, dtype)
    report = table_report(
        network,
        costs,
        only=_names(only),
        depth=depth,
        show_all=show_all,
        explain=explain,
        chosen=_names(columns),
    )
    emit(report, format_, output)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


@click.command("formula")
@click.argument("model", type=MODEL)
@binding_options
@counting_options
@output_options
def formula_command(
    model: str,
    settings: tuple[str, ...],
    input_: str | None,
    convention: str | None,
    batch: str,
    dtype: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Closed forms of a MODEL's params, FLOPs and memory.

    \b
    vcalc formula resnet152 --set H=32*h --set W=32*h --set width=c --set classes=K
    """
    from vcalc.reports.layers_table import formula_report
    from vcalc.spec.expand import expand
    from vcalc.spec.find import load

    spec, entry = load(model)
    network = expand(spec, entry, given(settings, input_, spec))
    costs = costs_of(network, convention, batch, dtype)
    emit(formula_report(network, costs), format_, output)
