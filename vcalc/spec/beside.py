"""What stands beside a spec: its claims in `claims/`, and in `written/` how libraries write what they have of it.

`specs/resnet.yaml` has its claims in `specs/claims/resnet.yaml`, `specs/blocks/x.yaml` in `specs/claims/blocks/x.yaml`;
`specs/written/timm.yaml` says how timm's source calls the layers. A link is not followed: it may lead anywhere.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import yaml

from vcalc.errors import VcalcError
from vcalc.source import SUFFIXES
from vcalc.source.read import STANDARD_INPUT, Source, YamlNode, describe, read, read_file, stamp

SPEC, CLAIMS, WRITTEN = "spec", "claims", "written"
"""The kinds of files; the last two are called as the folder and the one key that they have."""

_NETWORK = frozenset({"title", "cite", "input", "let", "models", "blocks", "layers", "options"})
"""What makes a file a spec, whatever its folder is called."""


def claims_beside(spec: str) -> str:
    """The file of a spec's claims, empty where there is none."""
    folder, name = os.path.split(spec)
    if not name.endswith(SUFFIXES):
        return ""
    above, last = _parted(folder)
    found = _there(folder, CLAIMS, name) or _there(above, CLAIMS, last, name)
    return found if found and kind_of(found) == CLAIMS else ""


def spec_of(claims: str) -> str:
    """The spec whose claims a file of a folder `claims` holds, there or not; empty for a file of another folder."""
    folder, name = os.path.split(claims)
    above, last = _parted(folder)
    if last == CLAIMS:
        return os.path.join(above, name)
    higher, above_last = _parted(above)
    return os.path.join(higher, last, name) if above_last == CLAIMS else ""


def folder_of(table: str) -> str:
    """The folder of the specs that a table of a library is about."""
    return _parted(os.path.dirname(table))[0]


def kind_of(path: str) -> str:
    """What a file holds, by its folder; a network is a spec wherever it stands."""
    kind = _kind_by_folder(path)
    return kind if kind == SPEC else _kind_by_keys(path, kind, stamp(path))


@cache
def _kind_by_keys(path: str, kind: str, as_it_is: Any) -> str:
    """The kind of a file that is called as one of those, by its keys; read once, as long as it stays as it is."""
    try:
        root = read(read_file(path), path)[1]
    except VcalcError:
        return kind
    keys = {key.value for key, _ in root.value} if isinstance(root, yaml.MappingNode) else set()
    return kind if _NETWORK.isdisjoint(keys) else SPEC


def is_part(path: str, keys: set[str]) -> bool:
    """Whether a file with these keys holds the claims of a spec, or a table of forms; standard input has no folder."""
    kinds = {CLAIMS, WRITTEN} if path == STANDARD_INPUT else {_kind_by_folder(path)}
    return len(keys) == 1 and not kinds.isdisjoint(keys)


def check_network(source: Source, only: str) -> None:
    """Raise VcalcError where the only key of a file is that of what stands beside a spec: a network is needed."""
    for kind, holds in ((CLAIMS, "claims"), (WRITTEN, "how a library calls layers")):
        if only == kind:
            spec = spec_of(source.file) if kind == CLAIMS else ""
            hint = f"name the spec that they are of: {spec}" if spec else f"it belongs in {kind}/ beside specs"
            message = f"there is no network in this file, which holds {holds}"
            raise VcalcError("file", message, source.at(0, 0), hint)


def _kind_by_folder(path: str) -> str:
    if not path.endswith(SUFFIXES):
        return SPEC
    return CLAIMS if spec_of(path) else WRITTEN if _parted(os.path.dirname(path))[1] == WRITTEN else SPEC


def read_part(path: str, key: str, text: str | None = None) -> tuple[Source, YamlNode]:
    """What a file (or its text) has under its only key. Raises VcalcError with what is wrong."""
    what, hint = f"a file in {key}/", f"write {key}: above the list"
    source, root = read(read_file(path, what) if text is None else text, path, f"{what} has {key}: and a list")
    if not isinstance(root, yaml.MappingNode):
        source.report("type", f"{what} has {key}: and a list, and this is {describe(root)}", root, hint)
        source.raise_problems()
    entries = source.mapping(root, what)
    if key not in {*entries, *source.known_keys(entries, (key,), what)}:
        source.report("missing", f"{what} needs '{key}'", root, hint)
    source.raise_problems()
    return source, entries[key][1]


def _there(folder: str, *names: str) -> str:
    """The path of a regular file below a folder, empty where there is none, or a link on the way to it."""
    path = os.path.join(folder, *names)
    if not os.path.isfile(path):
        return ""
    return path if os.path.realpath(path) == os.path.join(os.path.realpath(folder), *names) else ""


def _parted(folder: str) -> tuple[str, str]:
    """The folder above a folder, and what that calls it."""
    above, name = os.path.split(folder)
    if name in ("", os.curdir, os.pardir):
        return os.path.join(folder, os.pardir), os.path.basename(os.path.abspath(folder))
    return above, name
