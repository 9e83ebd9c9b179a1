"""`vcalc block`: ways to build the same thing."""

from __future__ import annotations

from functools import partial

import click

from vcalc.cli.options import BLOCK, counting, reporting
from vcalc.cli.request import Request
from vcalc.reports.table import Report


@click.command("block", short_help="Ways to build the same thing, as formulas.")
@click.argument("block", type=BLOCK, required=False)
@reporting
@partial(counting, without=("frozen", "fold_norms", "bits", "density"))
def block_command(block: str | None, request: Request) -> Report:
    """Compare the options of a BLOCK as formulas, or as numbers with --set. Without a BLOCK, list them.

    \b
    vcalc block conv3x3x2-vs-5x5
    vcalc block conv3x3x2-vs-5x5 --set C=64 --set H=56 --set W=56
    """
    from vcalc.reports.block import block_report, blocks_report
    from vcalc.spec.find import load_block

    if block is None:
        request.refuse("no block is compared")
        return blocks_report()
    spec = load_block(block)
    model = next(iter(spec.models.values()))
    sides = [(name, *request.counted(spec, model, option)) for name, option in spec.options.items()]
    return block_report(model.name, spec, sides)
