"""`vcalc block`: ways to build the same thing."""

from __future__ import annotations

import click

from vcalc.cli.options import BLOCK, binding_options, costs_of, counting_options, emit, given, output_options


@click.command("block")
@click.argument("block", type=BLOCK, required=False)
@binding_options
@counting_options
@output_options
def block_command(
    block: str | None,
    settings: tuple[str, ...],
    input_: str | None,
    convention: str | None,
    batch: str,
    dtype: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Compare the options of a BLOCK as formulas, or as numbers with --set. Without a BLOCK, list them.

    \b
    vcalc block conv3x3x2-vs-5x5
    vcalc block conv3x3x2-vs-5x5 --set C=64 --set H=56 --set W=56
    """
    from vcalc.reports.block import block_report, blocks_report
    from vcalc.spec.expand import expand
    from vcalc.spec.find import load_block

    if block is None:
        emit(blocks_report(), format_, output)
        return
    spec = load_block(block)
    entry = next(iter(spec.models.values()))
    bindings = given(settings, input_, None)
    sides = []
    for name, option in spec.options.items():
        network = expand(spec, entry, bindings, option)
        sides.append((name, network, costs_of(network, convention, batch, dtype)))
    emit(block_report(entry.name, spec, sides), format_, output)
