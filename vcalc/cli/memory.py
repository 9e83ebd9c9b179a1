"""`vcalc memory`: what a model takes of memory when it runs or trains."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import click

from vcalc.cli.options import MODEL, Word, counting, reporting
from vcalc.cli.request import Request
from vcalc.reports.table import Report


class _Command(click.Command):
    """A command whose `--mixed` may stand alone, before a model, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        blank = {word for word in args if not word.strip(" ,")}
        alone = [
            word == "--mixed" and not {*MIXED, *blank}.intersection(args[i + 1 : i + 2]) for i, word in enumerate(args)
        ]
        words = [f"--mixed={MIXED[0]}" if alone[i] and i < end else word for i, word in enumerate(args)]
        try:
            return super().parse_args(ctx, words)
        except click.UsageError as error:
            if any(error.message.endswith(f"({after})") for before, after in pairwise(args) if before == "--mixed"):
                super().parse_args(ctx, args)  # the word is no model, but one that --mixed does not know
            raise


MIXED = ("weights", "autocast")
"""The ways of mixed precision."""


@click.command("memory", cls=_Command, short_help="Memory of inference or training, and the batch that fits.")
@click.argument("model", type=MODEL)
@click.option("--mode", type=Word(("inference", "training")), default="inference", show_default=True, help="What for.")
@click.option("--optimizer", metavar="NAME", help="sgd, momentum, adam or adamw (if not said) in training.")
@click.option(
    "--mixed",
    type=Word(MIXED),
    help="Mixed precision: fp32 weights for the optimizer beside a 16-bit --dtype (weights, if nothing is said), "
    "or torch.autocast: fp32 weights, cast as operators read them.",
)
@click.option(
    "--device", type=Word(("cuda", "cpu")), default="cuda", show_default=True, help="Whose operators of torch run."
)
@click.option("--in-place", is_flag=True, help="Activations overwrite their input where nothing else reads it.")
@click.option(
    "--modules", is_flag=True, help="What enters a group lives until its last layer, as Python modules hold it."
)
@click.option(
    "--checkpoint",
    type=click.IntRange(1, 20),
    metavar="DEPTH",
    help="Save only what enters the groups at this depth of the paths, and run them again in the backward pass.",
)
@click.option("--fit", metavar="SIZE", help="The largest batch that fits into this memory: 80GB, in steps of 1024.")
@click.option("--layers", "show_layers", is_flag=True, help="Show what each layer saves and what is alive as it runs.")
@reporting
@partial(counting, without=("convention", "density"))
def memory_command(
    model: str,
    mode: str,
    optimizer: str | None,
    mixed: str | None,
    device: str,
    in_place: bool,
    modules: bool,
    checkpoint: int | None,
    fit: str | None,
    show_layers: bool,
    request: Request,
) -> Report:
    """What a MODEL takes of memory when it runs or trains: what is held, what is saved for backward, and the peak.

    \b
    vcalc memory resnet50 --mode inference
    vcalc memory vit-b-16 --batch 64 --mode training --optimizer adamw
    vcalc memory vit-b-16 --mode training --dtype bf16 --mixed --fit 80GB
    vcalc memory vit-b-16 --mode training --dtype bf16 --mixed autocast --batch 64
    vcalc memory resnet50 --mode training --checkpoint 2 --batch B
    vcalc memory resnet50 --bits 8 --dtype int8
    """
    from vcalc.analyses.memory import Memory
    from vcalc.analyses.memory_plan import Plan
    from vcalc.errors import VcalcError
    from vcalc.reports.memory import memory_report
    from vcalc.spec.find import load

    if mode == "inference":
        asked = {"--optimizer": optimizer, "--mixed": "" if mixed == MIXED[0] else None, "--checkpoint": checkpoint}
        for option, value in asked.items():
            if value is not None:
                hint = f"--mode training {option} {value}".rstrip()
                raise VcalcError("usage", f"{option} is for training", hint=hint)
        if mixed != "autocast":  # which casts a trained weight once, and a frozen one wherever it is read
            request.refuse("at inference nothing is trained, so nothing is spared (--mode training)", ("--frozen",))
    named = (optimizer or "adamw").lower()
    if request.bits and mode != "inference":
        hint = "leave it out, or --dtype and --mixed"
        raise VcalcError("usage", "--bits is for inference: training holds every weight in the dtype", hint=hint)
    if request.fold_norms and mode != "inference":
        raise VcalcError("usage", "--fold-norms is for inference: training needs the norms", hint="leave it out")
    plan = Plan(
        mode,
        request.dtype,
        named,
        mixed == MIXED[0],
        in_place,
        checkpoint or 0,
        device,
        modules,
        autocast=mixed == "autocast",
    ).checked()
    capacity = None if fit is None else _capacity(fit)
    network, costs = request.counted(*load(model))
    return memory_report(network, Memory(network.graph, plan), costs.batch, capacity, show_layers)


def _capacity(text: str) -> int:
    """`80GB`, `80 GiB` or `16384 MB` in bytes, in steps of 1024. Raises VcalcError for anything else."""
    from vcalc.errors import VcalcError, quoted
    from vcalc.numerals import NumeralError, read

    message, hint = f"--fit {quoted(text)} is no size of a memory", "--fit 80GB, or --fit 512MB"
    try:
        size = read(text, "KMGT", ("B", "b", "iB", "ib", "IB", "byte", "bytes", "ibytes"))
    except NumeralError as error:
        raise error.error("size", message, hint) from None
    if not size.word or size.number < 0:
        raise VcalcError("size", message, hint=hint)
    return int(size.value(1024))
