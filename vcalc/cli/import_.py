"""`vcalc import`: a torch module, recorded while it runs on tensors without elements, or an ONNX file."""

from __future__ import annotations

import click

from vcalc.cli.options import CONVENTION, reporting
from vcalc.cli.request import Request
from vcalc.reports.table import Report


@click.command("import", short_help="Count a network of your own: torch code, or an ONNX file.")
@click.argument("source")
@click.option("--counts", is_flag=True, help="Counts at once, by kind and in all; no spec is written.")
@click.option("--args", "arguments", default="", metavar="JSON", help='What the module is built with: {"depth": 2}.')
@click.option(
    "--input",
    "shapes",
    multiple=True,
    metavar="SHAPE",
    help="What goes in, without the batch: 3x224x224; once each for several; text=77:int64 by name and type.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 where something is seen that vcalc has no count for.")
@click.option("--convention", type=CONVENTION, help="How to count, by name or file; lecture if not said.")
@click.option("--batch", default="1", show_default=True, help="Images at once.")
@reporting
def import_command(
    source: str, counts: bool, arguments: str, shapes: tuple[str, ...], strict: bool, convention: str | None, batch: str
) -> Report:
    """Count a network of torch or ONNX: SOURCE is timm:NAME, torchvision:NAME, a file, or package.module:name, which
    runs that code.

    \b
    vcalc import timm:efficientnet_b0 --counts
    vcalc import torchvision:swin_t --counts --convention fvcore
    vcalc import mypkg.models:build --counts --input 3x224x224 --args '{"num_classes": 10}'
    vcalc import net.onnx --counts
    """
    from vcalc.errors import VcalcError
    from vcalc.importers.network import named
    from vcalc.reports.imported import counts_report

    if not counts:
        raise VcalcError("usage", "import writes no spec yet", hint="with --counts a network is counted at once")
    network = named(source, arguments, shapes)
    return counts_report(network, Request(convention=convention, batch=batch).costs_of(network), strict)
