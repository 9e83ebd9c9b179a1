"""The catalogue's index, made anew: every name of a model or a comparison of blocks with the file that it is in.

Only what names the models is read of a file; what its layers are may depend on every other's names.
"""

from __future__ import annotations

import os
from typing import Any

from vcalc.source.read import Entries, Source, read, read_file
from vcalc.spec.find import plain, stem


def index_of(paths: list[str], folder: str) -> dict[str, Any]:
    """Every name and alias with its file, as it is called in the folder, and model. A model's own name wins."""
    models: dict[str, list[str]] = {}
    blocks: dict[str, list[str]] = {}
    aliases: dict[str, list[str]] = {}
    twins: dict[str, list[str]] = {}
    for path in paths:
        file = os.path.relpath(path, folder).replace(os.sep, "/")
        source, top = _read(path)
        if "options" in top:
            blocks |= {key: [file, stem(path)] for key in (stem(path), plain(stem(path)))}
            continue
        for name, entry in _models(source, top, path).items():
            models[name] = [file, name]
            same_as = [str(twin.value) for _, twin in _mapping(source, entry, "same_as").values()]
            twins |= dict.fromkeys(same_as, models[name])
            for alias in (name, _title(source, entry, name), *same_as, *_aliases(source, entry)):
                aliases.setdefault(plain(alias), models[name])
        source.raise_problems()
    by_plain = {**aliases, **{plain(name): entry for name, entry in models.items()}}
    exact = {name: entry for name, entry in twins.items() if by_plain[plain(name)] != entry}
    return {
        "models": {**models, **{key: entry for key, entry in {**by_plain, **exact}.items() if key not in models}},
        "blocks": blocks,
    }


def _read(path: str) -> tuple[Source, Entries]:
    source, root = read(read_file(path), path)
    return source, source.mapping(root, "a spec")


def _mapping(source: Source, entries: Entries, key: str) -> Entries:
    return source.mapping(entries[key][1], key) if key in entries else {}


def _models(source: Source, top: Entries, path: str) -> dict[str, Entries]:
    """What stands with each model: at the top, where a file has but one."""
    named = _mapping(source, top, "models")
    return {name: source.mapping(node, "a model") for name, (_, node) in named.items()} or {stem(path): top}


def _title(source: Source, entry: Entries, name: str) -> str:
    return source.text(entry["title"][1], "title") if "title" in entry else name


def _aliases(source: Source, entry: Entries) -> list[str]:
    nodes = source.sequence(entry["aliases"][1], "aliases") if "aliases" in entry else []
    return [source.text(node, "an alias") for node in nodes]
