"""The spec files that paths stand for: files as they are named, folders with what is below them."""

from __future__ import annotations

import os
from typing import NoReturn

from vcalc import foreign
from vcalc.errors import VcalcError
from vcalc.source import SUFFIXES


def spec_files(paths: tuple[str, ...]) -> list[str]:
    """Every spec file at or below the paths, each once, sorted within a folder.

    Links that lead out of a folder are left alone, and so are hidden files and folders. Raises VcalcError for a path
    that is not there, a file that is not named as a spec is, a folder without one, and one that cannot be read.
    """
    found: dict[str, str] = {}
    for path in paths:
        for file in _files(path):
            found.setdefault(os.path.abspath(file), file)
    return list(found.values())


def _unreadable(error: OSError) -> NoReturn:
    """Refuse a folder that os.walk would leave out without a word."""
    reason = (error.strerror or str(error)).lower()
    raise VcalcError("file", f"{error.filename} cannot be read: {reason}") from None


def _files(path: str) -> list[str]:
    if path == "-":
        raise VcalcError("file", "standard input is no file", hint="name a file or a folder; ./- is a file called -")
    if os.path.isdir(path):
        files = files_below(path)
        if not files:
            raise VcalcError("file", f"{path} has no spec in it", hint="a spec's name ends in .yaml")
        return files
    try:
        there = os.path.exists(path)
    except ValueError:
        there = False
    if not there:
        raise VcalcError("file", f"{path} cannot be read: no such file or directory", hint=meant_file(path))
    if not path.endswith(SUFFIXES):
        about = foreign.kind_of_file(path)
        message = f"{path} is {about}, which vcalc does not read" if about else f"{path} is a file, but no spec"
        raise VcalcError("file", message, hint="a spec's name ends in .yaml")
    if not os.path.isfile(path):
        raise VcalcError("file", f"{path} is no regular file")
    return [path]


def meant_file(path: str) -> str:
    """Which file is there that a path may have meant: with its suffix, or without one of its models."""
    for suffix in SUFFIXES:
        if os.path.isfile(path + suffix):
            return f"{path}{suffix} is there"
        file, model, _ = path.partition(f"{suffix}:")
        if model and os.path.isfile(file + suffix):
            return f"{file}{suffix} is there, which stands for all of its models"
    return ""


def files_below(folder: str, links: bool = True) -> list[str]:
    """The files in a folder that are named as specs are, sorted: none that is hidden, no link that leads out.

    Without `links`, no link at all.
    """
    inside = os.path.join(os.path.realpath(folder), "")
    found = []
    for where, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = os.path.join(where, name)
            if name.startswith(".") or not name.endswith(SUFFIXES) or not os.path.isfile(path):
                continue
            if os.path.realpath(path).startswith(inside) and (links or not os.path.islink(path)):
                found.append(path)
    return sorted(found, key=lambda file: file.split(os.sep))
