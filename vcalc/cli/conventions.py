"""`vcalc conventions` and `vcalc why`: how sources count, and why they differ."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from vcalc.cli.options import CONVENTION, MODEL, Word, counting, reporting
from vcalc.cli.request import Request
from vcalc.reports.table import Report

if TYPE_CHECKING:
    from vcalc.spec.network import Network
    from vcalc.spec.syntax import ModelEntry, Spec


@click.command("conventions", short_help="Counting conventions; a model under all of them.")
@click.argument("models", type=MODEL, nargs=-1, metavar="[MODELS]... | [CONVENTION]")
@reporting
@partial(counting, without=("dtype",))
def conventions_command(models: tuple[str, ...], request: Request) -> Report:
    """The counting conventions, one of them, or MODELS under every one of them, side by side.

    \b
    vcalc conventions
    vcalc conventions fvcore
    vcalc conventions resnet50
    vcalc conventions alexnet vgg16 resnet50 vit-b-16
    vcalc conventions resnet50 --convention ./mine.yaml
    """
    from vcalc.reports.conventions import convention_report, conventions_report, model_report, models_report

    if not models:
        request.refuse("no model is counted")
        return conventions_report()
    named = [name for name in models if _is_convention(name)]
    if named:
        if len(models) > 1:
            raise _mixed(models, named)
        request.refuse("a convention is shown as it is, and counts no model")
        return convention_report(named[0])
    from vcalc.analyses.readings import all_conventions
    from vcalc.spec.find import load

    chosen = all_conventions(request.convention)
    sides = []
    for model in models:
        network = request.network(*load(model))
        sides.append((network, [request.costs(network, convention) for convention in chosen]))
    return model_report(*sides[0]) if len(sides) == 1 else models_report(sides)


def _is_convention(name: str) -> bool:
    from vcalc.conventions import aliases, names

    return name in names() or name in aliases()


def _mixed(given: tuple[str, ...], named: list[str]) -> Exception:
    from vcalc.errors import VcalcError

    models = [name for name in given if name not in named]
    hint = f"vcalc conventions {' '.join(models)} has all of them" if models else f"vcalc conventions {named[0]}"
    return VcalcError("usage", "one convention at a time, or models", hint=hint)


@click.command("why", short_help="Why two numbers for one model differ; what a printed number is.")
@click.argument("model", type=MODEL)
@click.argument("first", type=CONVENTION, metavar="CONVENTION|NUMBER")
@click.argument("second", type=CONVENTION, required=False, metavar="[CONVENTION]")
@click.option("--by", type=Word(("primitive", "layer")), default="primitive", help="Split by layer instead.")
@reporting
@counting
def why_command(model: str, first: str, second: str | None, by: str, request: Request) -> Report:
    """Why two conventions give a MODEL different numbers, or what a printed NUMBER may be.

    The difference is split by layer kind and primitive, or by layer, into parts that sum to it exactly. For a number:
    the conventions and variants of the model that come to it, or else the nearest, with what is missing; the exit code
    is 1 then.

    \b
    vcalc why resnet50 fvcore ptflops
    vcalc why resnet50 fvcore ptflops --by layer
    vcalc why resnet50 3.8G
    """
    from vcalc import conventions
    from vcalc.reports.why import difference_report
    from vcalc.spec.find import load

    spec, entry = load(model)
    network = request.network(spec, entry)
    if second is None:
        return _number(first, network, request, spec, entry)
    from vcalc.reports.layers_table import title

    one, other = (request.costs(network, conventions.find(name)) for name in (first, second))
    heading = f"{title(network, one)}: {one.convention.name} and {other.convention.name}"
    return difference_report(network, one, other, heading, by == "layer")


def _number(text: str, network: Network, request: Request, spec: Spec, entry: ModelEntry) -> Report:
    """What a printed number may be."""
    from vcalc import conventions
    from vcalc.analyses import readings
    from vcalc.errors import VcalcError
    from vcalc.reports.why import number_report
    from vcalc.units import Printed

    if network.symbolic:
        raise VcalcError("usage", "a number is compared with numbers: bind every size")
    try:
        printed = Printed(text, 1024)
    except VcalcError:
        conventions.find(text)
        other = "ptflops" if text == "fvcore" else "fvcore"
        hint = f"vcalc why {network.name} {text} {other}, or a number: vcalc why {network.name} 3.8G"
        raise VcalcError("usage", f"{text} needs a second convention to differ from", hint=hint) from None
    chosen = readings.of_operations(readings.all_conventions(request.convention))
    every = readings.variants(spec, entry, network, request.given(spec))
    found = readings.readings(printed, every, chosen)
    near = [] if found else readings.nearest(printed, every[:1], chosen)
    parts = [(reading, readings.missing(printed, network, reading)) for reading in near]
    return number_report(network, text, found, near, parts)
