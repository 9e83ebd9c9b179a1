"""Where a report goes: the terminal, a pipe, or a file that is written whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import click

from vcalc.errors import VcalcError
from vcalc.render import render
from vcalc.reports.table import Report

_SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".tex": "latex"}
"""The format that the suffix of an output file chooses."""


def emit(report: Report, format_: str | None, output: str | None) -> None:
    """Print a report, or write it to a file."""
    put(lambda chosen, width: render(report, chosen, width), format_, output, _SUFFIXES)


def put(
    render_as: Callable[[str, int | None], str], format_: str | None, output: str | None, suffixes: dict[str, str]
) -> None:
    """Print what is rendered in a format for a width, or write it to a file.

    Without a format: rich on a terminal, what the file's suffix says, plain elsewhere.
    """
    if output is None:
        on_terminal = sys.stdout.isatty()
        width = _terminal_width() if on_terminal else None
        text = render_as(format_ or ("rich" if on_terminal else "plain"), width)
        click.echo(text, nl=False, color=on_terminal)
        return
    suffix = os.path.splitext(output)[1].lower()
    write_text(render_as(format_ or suffixes.get(suffix, "plain"), None), output)


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def write_text(text: str, path: str) -> None:
    """Write a file by way of a temporary one beside it: whole, or not at all."""
    import tempfile

    folder = os.path.dirname(os.path.abspath(path))
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".vcalc-", delete=False) as file:
            temporary = file.name
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        if not isinstance(error, OSError):
            raise
        raise VcalcError("output", f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
