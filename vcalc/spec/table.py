"""How a library's source calls the layers of its models: the tables in `written/`, a file each library.

An entry names specs of the folder above, or models of theirs, and the forms of their layers, by kind or path. Of two
entries about one model, the later goes before.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from vcalc.errors import Place
from vcalc.source.keys import Key, Made, Need, Placed, Record, Several, Text, Values, needed
from vcalc.source.read import Source
from vcalc.spec.beside import WRITTEN, read_part
from vcalc.spec.writing import FORMS, Writing

_NAMES = Made(Several(Placed(Text()), item="a name"), dict)
ENTRY = Record(
    "what is written alike",
    (
        Key(
            "specs",
            _NAMES,
            "The specs of the folder above whose models are written so, where the library has them.",
            {},
        ),
        Key("models", _NAMES, "Models that are written so, besides what is said of their specs.", {}),
        Key("forms", FORMS, "How the library's source calls the layers, by layer kind or path.", {}),
    ),
    [Need((("specs",), ("models",)), "what is written so", open=True), *needed("forms")],
    example="write {specs: [vgg], forms: {relu: functional}}",
)
"""Some specs and models that are written alike: their names with their places, and how."""


class Table(NamedTuple):
    """The entries of a file in order, and what is wrong with it."""

    source: Source
    entries: tuple[Values, ...]


def forms_in(path: str, text: str, spec: str, model: str) -> tuple[Writing, Place | None]:
    """What a table's text says of a model of a spec, and where; nothing where it names neither."""
    forms: Writing = {}
    place = None
    table = _checked(path, text)
    for entry in table.entries:
        if spec in entry["specs"] or model in entry["models"]:
            forms, place = {**forms, **entry["forms"]}, table.source.place(entry.node)
    return forms, place


@cache
def _checked(path: str, text: str) -> Table:
    table = read_table(path, text)
    table.source.raise_problems()
    return table


def read_table(path: str, text: str | None = None) -> Table:
    """A file in `written/`; what is wrong with its entries is noted in its source. Raises VcalcError for no table."""
    source, node = read_part(path, WRITTEN, text)
    return Table(source, Several(ENTRY).read(source, node, WRITTEN))
