"""Counting conventions: data files that say how a source counts, and the way to them by name."""

from __future__ import annotations

import os
from functools import cache

from vcalc.conventions.rules import Bug, Convention, Rule, amounts
from vcalc.errors import VcalcError, suggestion
from vcalc.source import SUFFIXES

__all__ = ["DEFAULT", "Bug", "Convention", "Rule", "aliases", "amounts", "find", "load", "names"]

FOLDER = os.path.dirname(__file__)
DEFAULT = "lecture"
_TO_EXTEND = ("_torch",)
"""Conventions that are there to be extended only."""


@cache
def names() -> list[str]:
    """The conventions that come with vcalc, the default first."""
    found = sorted(name.removesuffix(".yaml") for name in os.listdir(FOLDER) if name.endswith(".yaml"))
    return sorted((name for name in found if name not in _TO_EXTEND), key=lambda name: name != DEFAULT)


def find(name: str) -> Convention:
    """A convention by name, or from a file of one's own. Raises VcalcError for an unknown name or a wrong file."""
    if "/" in name or os.sep in name or name.endswith(SUFFIXES) or name == "-":
        return _from_file(name)
    return load(name)


@cache
def load(name: str) -> Convention:
    """A convention that comes with vcalc, by name or alias. Raises VcalcError for an unknown one, with the nearest."""
    if name in (*names(), *_TO_EXTEND):
        return _from_file(os.path.join(FOLDER, f"{name}.yaml"), complete=name not in _TO_EXTEND)
    if name in aliases():
        return load(aliases()[name])
    if name != name.lower():
        return load(name.lower())
    hint = suggestion(name, [*names(), *aliases()], "known") or "vcalc conventions shows them all"
    raise VcalcError("convention", f"there is no convention '{name}'", hint=hint)


@cache
def aliases() -> dict[str, str]:
    """The other names of the conventions that come with vcalc, each with its convention."""
    return {alias: known for known in names() for alias in load(known).aliases}


@cache
def _from_file(path: str, complete: bool = True) -> Convention:
    from vcalc.conventions.read import parse
    from vcalc.source.read import read_file

    return parse(read_file(path, "a convention"), path, load, lambda: [*names(), *_TO_EXTEND], complete)
