"""`vcalc table` and `vcalc formula`: one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vcalc.cli.options import MODEL, counting, names, reporting, totals
from vcalc.cli.request import Request
from vcalc.reports.table import Report

if TYPE_CHECKING:
    from vcalc.spec.network import Described


@click.command("table", short_help="The layer table of a model, with totals.")
@click.argument("model", type=MODEL)
@click.option(
    "--only",
    metavar="PATH,...",
    multiple=True,
    help="Only these groups or layers: stem, or stage1,stage2, or stage1/conv2.",
)
@click.option("--depth", type=click.IntRange(1, 20), help="Fold groups below this depth into one row.")
@click.option("--all", "show_all", is_flag=True, help="Show the layers that cost nothing under the convention, too.")
@click.option("--explain", is_flag=True, help="Show each count with its working: (3*3*64)*64 + 64 = 36,928.")
@click.option(
    "--columns",
    metavar="NAME,...",
    multiple=True,
    help="Columns to show, e.g. layer,kind,output,receptive_field,params.",
)
@reporting
@totals
@counting
def table_command(
    model: str,
    only: tuple[str, ...],
    depth: int | None,
    show_all: bool,
    explain: bool,
    columns: tuple[str, ...],
    request: Request,
) -> Report:
    """The layer table of a MODEL: shapes, memory, parameters and FLOPs, with totals.

    \b
    vcalc table vgg16
    vcalc table googlenet --only stem
    vcalc table vit-b-16 --input 3x384x384 --batch 8 --dtype bf16
    vcalc table resnet50 --set H=32*h --set W=32*h --set width=c
    vcalc table mypkg.models:build --input 3x224x224
    """
    from vcalc.errors import VcalcError
    from vcalc.importers import is_recorded
    from vcalc.reports.layers_table import table_report
    from vcalc.spec.find import load

    if explain and is_recorded(model):
        message = "--explain works out the formulas of a spec's layers, and a recorded network has none"
        raise VcalcError("usage", message, hint="leave --explain out")
    network: Described
    network, costs = request.recorded(model) if is_recorded(model) else request.counted(*load(model))
    return table_report(
        network,
        costs,
        only=names(only),
        depth=depth,
        show_all=show_all,
        explain=explain,
        chosen=names(columns),
    )


@click.command("formula", short_help="Closed forms of params, FLOPs and memory.")
@click.argument("model", type=MODEL)
@reporting
@counting
def formula_command(model: str, request: Request) -> Report:
    """Closed forms of a MODEL's params, FLOPs and memory.

    \b
    vcalc formula resnet152 --set H=32*h --set W=32*h --set width=c --set classes=K
    """
    from vcalc.reports.layers_table import formula_report
    from vcalc.spec.find import load

    return formula_report(*request.counted(*load(model)))
