"""`vcalc diff`: what changed from one network to another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from vcalc.cli.options import MODEL, counting, reporting
from vcalc.cli.request import Request
from vcalc.reports.table import Report

if TYPE_CHECKING:
    from vcalc.spec.syntax import ModelEntry, Spec

    Found = tuple[Spec, ModelEntry]


@click.command("diff", short_help="What changed from one network to another.")
@click.argument("models", type=MODEL, nargs=-1, required=True, metavar="OLD NEW | MODEL")
@click.option("--against", metavar="REV", help="Compare MODEL with its own spec at a git revision: main, HEAD~1, v1.0.")
@click.option("--all", "show_all", is_flag=True, help="Show the layers, too, that only follow what arrives at them.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where something changed.")
@reporting
@partial(counting, without=("frozen",))
def diff_command(
    models: tuple[str, ...], against: str | None, show_all: bool, exit_code: bool, request: Request
) -> Report:
    """What changed from OLD to NEW: layers, fields, shapes, params, FLOPs, memory; by stage and in total.

    \b
    vcalc diff resnet50 resnet101
    vcalc diff old.yaml new.yaml --format markdown
    vcalc diff net.yaml --against main --exit-code

    Git is asked in the repository of the current folder; a spec of another one, or of a submodule, is refused.
    """
    from vcalc import conventions
    from vcalc.errors import VcalcError
    from vcalc.reports.diff import Version, diff_report
    from vcalc.spec.find import load

    wanted = 2 if against is None else 1
    if len(models) != wanted:
        what = "diff takes two models, or one and --against" if against is None else "--against goes with one model"
        raise VcalcError("usage", what, hint="vcalc diff old.yaml new.yaml, or vcalc diff net.yaml --against main")
    new = load(models[-1])
    old = load(models[0]) if against is None else _at_revision(models[0], new, against)
    same_convention = old is None or old[0].convention == new[0].convention
    convention = (new[0].convention if same_convention else "") or conventions.DEFAULT
    now = Version(*request.counted(*new, convention=convention))
    then = Version(*request.counted(*old, convention=convention), against or "") if old else None
    report = diff_report(then, now, since=against or "", show_all=show_all)
    report.holds = not exit_code or report.record["same"]
    return report


def _at_revision(name: str, new: Found, revision: str) -> Found | None:
    """The same model in its spec as it was; None where there was no such file, or no such model in it."""
    from vcalc.errors import VcalcError
    from vcalc.source.revision import text_at
    from vcalc.spec.find import find, is_file_name, split_model, stem
    from vcalc.spec.parse import parse_spec

    if name == "-":
        raise VcalcError("usage", "standard input has no revisions", hint="name the spec's file")
    file = split_model(name)[0] if is_file_name(name) else find(name)[0]
    text = text_at(file, revision)
    if text is None:
        return None
    spec = parse_spec(text, f"{file}@{revision}", stem(file))
    spec.beside = file
    if not spec.has_models:
        return None
    model = spec.models.get(new[1].name)
    if model is None and len(spec.models) == len(new[0].models) == 1:
        model = next(iter(spec.models.values()))
    return (spec, model) if model else None
