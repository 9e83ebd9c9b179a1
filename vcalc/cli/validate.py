"""`vcalc validate` and `vcalc export`: the torch backend."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from vcalc.cli.options import MODEL, Word, counting, reporting
from vcalc.cli.progress import bar
from vcalc.cli.request import Request
from vcalc.reports.table import Report

if TYPE_CHECKING:
    from vcalc.reports.validate import Validated
    from vcalc.spec.network import Network


@click.command("validate", short_help="Every count held against a real forward pass (needs torch).")
@click.argument("model", type=MODEL, required=False)
@click.option("--all", "every", is_flag=True, help="Every model of the catalogue.")
@click.option(
    "--against",
    metavar="LIBRARY",
    help="Compare with torchvision's or timm's network instead; 'twins': both.",
)
@click.option("--device", default="meta", show_default=True, help="cpu and cuda run the network, meta its shapes.")
@click.option("--progress", is_flag=True, help="Show a progress bar.")
@reporting
@partial(counting, without=("convention", "library", "bits", "density"))
def validate_command(
    model: str | None, every: bool, against: str | None, device: str, progress: bool, request: Request
) -> Report:
    """Build a MODEL in torch, run it, and compare every layer's shape, params, buffers and FLOPs with ours.

    \b
    vcalc validate vgg16
    vcalc validate resnet50 --device cuda --dtype bf16 --batch 32
    vcalc validate resnet50 --against torchvision
    vcalc validate --all --progress
    vcalc validate --all --against twins
    """
    from vcalc.errors import VcalcError

    if every == (model is not None):
        hint = "vcalc validate vgg16, or vcalc validate --all"
        raise VcalcError("usage", "validate needs a model, or --all and no model", hint=hint)
    if against:
        request.refuse("shapes and counts are compared, with no number in them", ("--batch", "--dtype"))
        request.refuse("a library's network is held against ours as it is trained", ("--frozen", "--fold-norms"))
        if device != "meta":
            raise VcalcError("usage", "--device changes nothing here: nothing is run", hint="leave --device out")
    if model is None:
        return _all(against, device, progress, request)
    from vcalc.reports.validate import against_report, validate_report
    from vcalc.spec.find import load
    from vcalc.torch_backend.against import against as compared
    from vcalc.torch_backend.validate import validate

    network = request.network(*load(model))
    if against == "twins":
        return _all(against, device, progress, request, [network])
    if against:
        return against_report(network, against, compared(network, against))
    with bar(len(network.graph.nodes), "validate", progress) as advance:
        checks = validate(network, device, request.dtype_name, request.whole_batch, advance)
    return validate_report(network, checks, _how(device, request))


def _all(
    against: str | None, device: str, progress: bool, request: Request, networks: list[Network] | None = None
) -> Report:
    from vcalc.errors import VcalcError
    from vcalc.reports.validate import all_report
    from vcalc.spec.find import load, model_names
    from vcalc.torch_backend.against import against as compared
    from vcalc.torch_backend.validate import validate

    networks = networks or [request.network(*load(name)) for name in model_names()]
    validated: list[Validated] = []
    skipped: list[tuple[str, str]] = []
    with bar(len(networks), "validate", progress) as advance:
        for network in networks:
            advance(network.name)
            if not against:
                validated.append((network, validate(network, device, request.dtype_name, request.whole_batch)))
                continue
            for library in network.same_as if against == "twins" else {against} & network.same_as.keys():
                try:
                    validated.append((network, compared(network, library).checks))
                except VcalcError as error:
                    if error.problems[0].code != "input":
                        raise
                    skipped.append((f"{network.name} ({library})", str(error).partition("\n")[0]))
    how = {**_how(device, request), **({"against": against} if against else {})}
    return all_report(validated, skipped, how)


def _how(device: str, request: Request) -> dict[str, object]:
    return {"device": device, "dtype": request.dtype_name, "batch": request.whole_batch}


@click.command("export", short_help="A model as a plain torch module, in a file of its own.")
@click.argument("model", type=MODEL)
@click.option("--to", "target", type=Word(("torch",)), default="torch", show_default=True, help="What for.")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="The file, written whole or not at all.")
@partial(counting, without=("convention", "batch", "dtype", "library", "bits", "density"))
def export_command(model: str, target: str, output: str | None, request: Request) -> None:
    """Write a MODEL as a Python file with one nn.Module, which needs torch and nothing of vcalc.

    \b
    vcalc export vgg16 --to torch -o vgg16.py
    vcalc export resnet50 --set classes=10 -o resnet50.py && python resnet50.py
    """
    from vcalc.cli.output import check_suffix, deliver
    from vcalc.spec.find import load
    from vcalc.torch_backend.build import exported

    check_suffix(output, ".py", "it is a module of Python")
    deliver(exported(request.network(*load(model))), output)
