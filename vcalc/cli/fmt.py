"""`vcalc fmt`: specs in their canonical layout."""

from __future__ import annotations

import os

import click


@click.command("fmt", short_help="Specs in their canonical layout, comments kept.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(readable=False))
@click.option("--check", is_flag=True, help="Change nothing; name the files that would change, and exit with 1.")
def fmt_command(paths: tuple[str, ...], check: bool) -> None:
    """Lay out the specs at PATH: files, folders with all specs in them, or - from standard input to standard output.

    Indentation, order of the top-level keys, empty lines, line ends and trailing spaces; values and comments stay.
    A file that could not be laid out without a change of what it says is left as it is.

    \b
    vcalc fmt specs/
    vcalc fmt --check specs/ net.yaml
    """
    from vcalc.errors import Problem, VcalcError, printable

    problems: list[Problem] = []
    changed = looked_at = 0
    for file, named in _files(paths):
        try:
            differs = _format(file, check)
        except VcalcError as error:
            problems += error.problems if named or not _is_no_spec(error) else []
            continue
        looked_at += 1
        changed += differs
        if differs and file != "-":
            click.echo(f"{'would change' if check else 'changed'}: {printable(file)}")
    if problems:
        raise VcalcError.of(problems)
    if paths != ("-",):
        click.echo(f"{looked_at:,} {'file' if looked_at == 1 else 'files'}, {changed:,} of them {_done(check)}")
    click.get_current_context().exit(int(check and changed > 0))


def _done(check: bool) -> str:
    return "not in the canonical layout" if check else "changed"


def _is_no_spec(error: Exception) -> bool:
    from vcalc.spec.layout import NO_SPEC

    return [problem.code for problem in getattr(error, "problems", [])] == [NO_SPEC]


def _files(paths: tuple[str, ...]) -> list[tuple[str, bool]]:
    """Every file, and whether it was named: what a folder holds is looked at only where it is a spec, and no link."""
    from vcalc.source.walk import files_below

    found: dict[str, tuple[str, bool]] = {}
    for path in paths:
        named = not os.path.isdir(path)
        for file in [path] if named else files_below(path, links=False):
            key = os.path.abspath(file)
            found[key] = (file, named) if named else found.get(key, (file, named))
    return list(found.values())


def _format(file: str, check: bool) -> bool:
    """Lay out one file; whether that changed it."""
    from vcalc.cli.output import write_text
    from vcalc.source.read import STANDARD_INPUT, read_file
    from vcalc.spec.layout import formatted

    text = read_file(file)
    result = formatted(text, STANDARD_INPUT if file == "-" else file)
    if file == "-" and not check:
        click.echo(result, nl=False)
    elif result != text and not check:
        write_text(result, file)
    return result != text
