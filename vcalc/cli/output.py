"""Where a report goes: the terminal, a pipe, or a file that is written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress

import click

from vcalc.cli.process import reason
from vcalc.errors import VcalcError
from vcalc.render import render
from vcalc.reports.table import Report

SUFFIXES = {".txt": "plain", ".json": "json", ".csv": "csv", ".md": "markdown", ".tex": "latex"}
"""The format that the suffix of an output file chooses."""

_ALSO = {"sarif": ".json"}
"""Suffixes that go with a format, too: SARIF is JSON."""

Suffixes = dict[str, str]

_STAND_INS = str.maketrans({"─": "-", "█": "#", "×": "x", "→": "->", "…": "..."})
"""What tables are drawn with, for an encoding that lacks it."""


def emit(report: Report, format_: str | None, output: str | None) -> None:
    """Print a report, or write it to a file."""
    put(lambda chosen, width: render(report, chosen, width), format_, output, SUFFIXES)


def format_of(output: str | None, format_: str | None, suffixes: Suffixes) -> str:
    """The format of a file by its suffix, where `--format` says none; plain without either.

    Raises VcalcError for a suffix that no format has, and for one that `--format` contradicts.
    """
    suffix = os.path.splitext(output or "")[1].lower()
    if format_ is None:
        return suffixes[suffix] if suffix in suffixes else _plain(output or "", suffix, suffixes)
    says = suffixes.get(suffix, format_)
    if says not in ("plain", format_) and _ALSO.get(format_) != suffix:
        hint = f"-o with {_suffix(format_, suffixes)}, or --format {says}"
        raise VcalcError("output", f"{output} is the name of a {says} file, and --format says {format_}", hint=hint)
    return format_


def _plain(output: str, suffix: str, suffixes: Suffixes) -> str:
    """Plain text for a name without a suffix; the error for one that no format has."""
    if not suffix or (os.path.exists(output) and not os.path.isfile(output)):
        return "plain"
    from vcalc import foreign

    known = ", ".join(f"{each} ({name})" for each, name in suffixes.items())
    near = [answer.write for answer in foreign.answers("formats", suffix[1:]) if answer.write in suffixes.values()]
    hint = (
        f"{_suffix(near[0], suffixes)} is {near[0]}; all there are: {known}" if near else f"formats by suffix: {known}"
    )
    raise VcalcError("output", f"{output} cannot be written: no format has the suffix {suffix}", hint=hint)


def _suffix(format_: str, suffixes: Suffixes) -> str:
    return next((suffix for suffix, name in suffixes.items() if name == format_), ".txt")


def put(
    render_as: Callable[[str, int | None], str], format_: str | None, output: str | None, suffixes: Suffixes
) -> None:
    """Print what is rendered in a format for a width, or write it to a file.

    Without a format: rich on a terminal, what the file's suffix says, plain elsewhere.
    """
    if output in (None, "-"):
        on_terminal = sys.stdout.isatty()
        width = _terminal_width() if on_terminal else None
        chosen = format_ or ("rich" if on_terminal else "plain")
        text = render_as(chosen, width)
        if chosen in ("rich", "plain") and not _shows(text, sys.stdout.encoding):
            text = text.translate(_STAND_INS)
        click.echo(text, nl=False, color=on_terminal)
        return
    assert output is not None
    write_text(render_as(format_of(output, format_, suffixes), None), output)


def _shows(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def check_suffix(output: str | None, suffix: str, what: str) -> None:
    """Refuse the name of a file that something is written to under another suffix. Raises VcalcError."""
    if output in (None, "-"):
        return
    assert output is not None
    given = os.path.splitext(output)[1]
    if given and given.lower() != suffix and (os.path.isfile(output) or not os.path.exists(output)):
        hint = f"-o {os.path.splitext(output)[0]}{suffix}"
        raise VcalcError("output", f"{output} cannot be written: {what}, which ends in {suffix}", hint=hint)


def deliver(text: str, output: str | None) -> None:
    """Print a text, or write it to a file."""
    if output in (None, "-"):
        click.echo(text, nl=False)
    else:
        assert output is not None
        write_text(text, output)


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def write_text(text: str, path: str) -> None:
    """Write a file by way of a temporary one beside it: whole, or not at all, and with the permissions it had.

    Links are followed. A pipe or a device is written to.
    """
    data = text.encode("utf-8", "backslashreplace")
    temporary = ""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as stream:
                stream.write(data)
            return
        target = os.path.realpath(path)
        mode = _mode(target)
        temporary = os.path.join(os.path.dirname(target), f".vcalc-{os.urandom(8).hex()}")
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode or 0o666)) as file:
            file.write(data)
        if mode:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if not isinstance(error, (OSError, ValueError)):
            raise
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise VcalcError("output", f"{path} cannot be written: {why}") from None


def _mode(file: str) -> int:
    """The permissions of a file, 0 where there is none yet. Raises OSError for one that may not be written to."""
    try:
        mode = stat.S_IMODE(os.stat(file).st_mode)
    except FileNotFoundError:
        return 0
    if not os.access(file, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return mode
