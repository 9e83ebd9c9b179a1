"""How a library's source calls the layers of its models: the tables in `written/`, a file each library.

An entry names specs of the folder above, or models of theirs, and the forms of their layers, by kind or path. Of two
entries about one model, the later goes before.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import yaml

from vcalc.errors import Place
from vcalc.source.read import Entries, Source, YamlNode
from vcalc.spec.beside import WRITTEN, read_part
from vcalc.spec.writing import Writing, read_forms

_KEYS = ("specs", "models", "forms")


class Entry(NamedTuple):
    """Some specs and models that are written alike: their names with their places."""

    specs: dict[str, Place]
    models: dict[str, Place]
    forms: Writing
    place: Place


class Table(NamedTuple):
    """The entries of a file in order, and what is wrong with it."""

    source: Source
    entries: list[Entry]


def forms_in(path: str, text: str, spec: str, model: str) -> tuple[Writing, Place | None]:
    """What a table's text says of a model of a spec, and where; nothing where it names neither."""
    forms: Writing = {}
    place = None
    for entry in _entries(path, text):
        if spec in entry.specs or model in entry.models:
            forms, place = {**forms, **entry.forms}, entry.place
    return forms, place


@cache
def _entries(path: str, text: str) -> list[Entry]:
    source, entries = read_table(path, text)
    source.raise_problems()
    return entries


def read_table(path: str, text: str | None = None) -> Table:
    """A file in `written/`; what is wrong with its entries is noted in its source. Raises VcalcError for no table."""
    source, node = read_part(path, WRITTEN, text)
    return Table(source, [_entry(source, item) for item in source.sequence(node, WRITTEN)])


def _entry(source: Source, node: YamlNode) -> Entry:
    what = "what is written alike"
    entries = source.mapping(node, what, "write {specs: [vgg], forms: {relu: functional}}")
    meant = source.known_keys(entries, _KEYS, what)
    there = {*entries, *meant}
    if isinstance(node, yaml.MappingNode) and not ({"specs", "models"} & there and "forms" in there):
        message = "an entry needs 'forms', and the 'specs' or 'models' that they are of"
        source.report("missing", message, node, "write {specs: [vgg], forms: {relu: functional}}")
    forms = read_forms(source, entries["forms"][1]) if "forms" in entries else {}
    return Entry(_names(source, entries, "specs"), _names(source, entries, "models"), forms, source.place(node))


def _names(source: Source, entries: Entries, key: str) -> dict[str, Place]:
    nodes = source.sequence(entries[key][1], key) if key in entries else []
    return {source.text(node, "a name"): source.place(node) for node in nodes}
