"""The catalogue's index, made anew: every name of a model or a comparison of blocks with the file that it is in.

Only what names the models is read of a file; what its layers are may depend on every other's names.
"""

from __future__ import annotations

import os
from typing import Any

from vcalc.source.keys import Record
from vcalc.source.read import read, read_file
from vcalc.spec.find import Index, plain, stem
from vcalc.spec.top import MODEL

_NAMING = Record("a model", [MODEL.keys[key] for key in ("title", "same_as", "aliases")])


def index_of(paths: list[str], folder: str) -> Index:
    """The models of files below a folder, what else they are called, and the comparisons of blocks.

    A model's own name goes before another's alias.
    """
    models: dict[str, str] = {}
    blocks: dict[str, str] = {}
    aliases: dict[str, str] = {}
    twins: dict[str, str] = {}
    for path in paths:
        file = os.path.relpath(path, folder).replace(os.sep, "/")
        found = _models(path)
        if not found:
            blocks |= dict.fromkeys((stem(path), plain(stem(path))), file)
        for name, said in found.items():
            models[name] = file
            same_as = said["same_as"].values()
            twins |= dict.fromkeys(same_as, name)
            for alias in (name, said["title"] or name, *same_as, *said["aliases"]):
                aliases.setdefault(plain(alias), name)
    by_plain = {**aliases, **{plain(name): name for name in models}}
    exact = {twin: name for twin, name in twins.items() if by_plain[plain(twin)] != name}
    other = {key: name for key, name in {**by_plain, **exact}.items() if key not in models}
    return {"models": models, "aliases": other, "blocks": blocks}


def _models(path: str) -> dict[str, dict[str, Any]]:
    """What names each model of a file, which stands at the top where there is but one; none in a comparison."""
    source, root = read(read_file(path), path)
    top = source.mapping(root, "a spec")
    if "options" in top:
        return {}
    named = source.mapping(top["models"][1], "models") if "models" in top else {}
    entries = {name: source.mapping(node, "a model") for name, (_, node) in named.items()} or {stem(path): top}
    found = {
        name: _NAMING.values(source, {key: node for key, (_, node) in entry.items()}) for name, entry in entries.items()
    }
    source.raise_problems()
    return found
