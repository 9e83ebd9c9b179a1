"""`vcalc conventions` and `vcalc why`: how sources count, and why they differ."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from vcalc.cli.options import CONVENTION, MODEL, Word, counting, reporting, totals
from vcalc.cli.request import Request
from vcalc.reports.table import Report

if TYPE_CHECKING:
    from vcalc.analyses.readings import Asked
    from vcalc.analyses.variants import Model
    from vcalc.spec.syntax import ModelEntry, Spec


@click.command("conventions", short_help="Counting conventions; a model under all of them.")
@click.argument("models", type=MODEL, nargs=-1, metavar="[MODELS]... | [CONVENTION]")
@reporting
@partial(counting, without=("dtype", "frozen", "bits", "density"))
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

    chosen = all_conventions(request.convention)
    sides = []
    for model in models:
        network = request.network(*_loaded(model))
        sides.append((network, [request.costs(network, convention) for convention in chosen]))
    return model_report(*sides[0]) if len(sides) == 1 else models_report(sides)


def _is_convention(name: str) -> bool:
    from vcalc.conventions import aliases, names

    return name in names() or name in aliases()


def _loaded(model: str) -> tuple[Spec, ModelEntry]:
    """A model. Raises VcalcError for a name that is no convention's either, with those that are near."""
    from vcalc.conventions import aliases, names
    from vcalc.errors import VcalcError, nearest, quoted
    from vcalc.spec.find import load

    try:
        return load(model)
    except VcalcError as error:
        problem = error.problems[0]
        near = nearest(model, [*names(), *aliases()], 1, cutoff=0.75)
        if problem.code == "unknown-model" and problem.message.startswith("there is no model ") and near:
            problem.message = problem.message.replace("no model", "no model or convention", 1)
            problem.hint = f"did you mean {quoted(near[0])}?"
        raise


def _mixed(given: tuple[str, ...], named: list[str]) -> Exception:
    from vcalc.errors import VcalcError

    models = [name for name in given if name not in named]
    hint = f"vcalc conventions {' '.join(models)} has all of them" if models else f"vcalc conventions {named[0]}"
    return VcalcError("usage", "one convention at a time, or models", hint=hint)


@click.command("why", short_help="Why two numbers for one model differ; what a printed number is.")
@click.argument("model", type=MODEL)
@click.argument("first", type=CONVENTION, metavar="CONVENTION|NUMBER")
@click.argument("second", type=CONVENTION, required=False, metavar="[CONVENTION]")
@click.option("--by", type=Word(("primitive", "layer")), help="Split by layer kind and primitive, or by layer.")
@click.option("--only", metavar="PATH,...", multiple=True, help="Only these groups or layers: stem, or stage1,stage2.")
@reporting
@totals
@partial(counting, without=("frozen", "fold_norms", "bits", "density"))
def why_command(
    model: str, first: str, second: str | None, by: str | None, only: tuple[str, ...], request: Request
) -> Report:
    """Why two conventions give a MODEL different numbers, or what a printed NUMBER may be.

    The difference is split by layer kind and primitive, or by layer, into parts that sum to it exactly. For a number:
    the published figures that print it, and why; what the model comes to under the conventions; and what else fits,
    with how likely that is by accident. The exit code is 1 where nothing does, or nothing that is no accident.

    \b
    vcalc why resnet50 fvcore ptflops
    vcalc why resnet50 fvcore ptflops --by layer
    vcalc why resnet50 3.8G
    vcalc why resnet50 97.5MB
    vcalc why googlenet 418M --only stem
    """
    from vcalc import conventions
    from vcalc.analyses.readings import check_part
    from vcalc.analyses.variants import Model
    from vcalc.cli.options import names
    from vcalc.reports.why import difference_report
    from vcalc.spec.find import load

    spec, entry = load(model)
    network = request.network(spec, entry)
    part = names(only)
    check_part(network.graph, part, network.name)
    if second is not None and first[:1].isdigit():
        first, second = f"{first} {second}", None  # 97.5 MB
    if second is None:
        asked = Model(spec, entry, network, request.given(spec, entry), request.library)
        return _number(first, asked, request, part, by)
    from vcalc.reports.layers_table import title

    request.refuse("two conventions are named, and both count operations", ("--convention", "--dtype"))
    one, other = (request.costs(network, conventions.find(name)) for name in (first, second))
    heading = f"{title(network, one)}: {one.convention.name} and {other.convention.name}"
    heading += f", only {', '.join(part)}" if part else ""
    return difference_report(network, network.graph.select(part), one, other, heading, by == "layer")


def _number(text: str, model: Model, request: Request, part: tuple[str, ...], by: str | None) -> Report:
    """What a printed number may be."""
    from vcalc import conventions
    from vcalc.analyses.origin import origin
    from vcalc.analyses.published import printed_so
    from vcalc.analyses.readings import Counting, all_conventions
    from vcalc.errors import VcalcError
    from vcalc.reports.origin import claims_only, number_report

    if by:
        raise VcalcError("usage", "--by splits the difference of two conventions", hint="leave --by out for a number")
    fixed = request.convention is not None
    chosen = [conventions.find(request.convention)] if request.convention else all_conventions(None)
    counting = Counting(chosen, request.whole_batch, request.dtype_name, part)
    try:
        asked = _asked(text, model.network.name)
    except VcalcError:
        verdicts = printed_so(text, model, counting, fixed)
        if not verdicts:
            raise
        return claims_only(model.network, text, verdicts)
    if model.network.symbolic:
        raise VcalcError("usage", "a number is compared with numbers: bind every size")
    return number_report(model.network, asked, origin(asked, model, counting, fixed))


def _asked(text: str, model: str) -> Asked:
    """The figure that is asked for. Raises VcalcError for what is none, with the way to write one."""
    from vcalc import conventions
    from vcalc.analyses.readings import Asked
    from vcalc.analyses.statements import bare
    from vcalc.errors import VcalcError, quoted
    from vcalc.numerals import NumeralError, is_endless

    try:
        asked = Asked(bare(text))
    except NumeralError as error:
        if not text[:1].isalpha() or is_endless(text):
            message = f"{quoted(text)} is no printed figure"
            raise error.error("usage", message, "3.8G, 25.6M, 97.5MB, 4.1e9 or 25,557,032") from None
        conventions.find(text)
        other = "ptflops" if text == "fvcore" else "fvcore"
        hint = f"vcalc why {model} {text} {other}, or a number: vcalc why {model} 3.8G"
        raise VcalcError("usage", f"{text} needs a second convention to differ from", hint=hint) from None
    if asked.value <= 0:
        raise VcalcError(
            "usage", f"{quoted(text)} is no figure to explain", hint="a number above 0: 3.8G, 25.6M, 97.5MB"
        )
    return asked
