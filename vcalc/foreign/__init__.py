"""What others call a thing, and what it is here: torch, Keras, timm, Caffe, darknet, ONNX and common speech.

The table is `words.yaml`, read where an error is made. An answer goes by meaning: what would bring the same network, or
an honest "there is none". Only for a word that nobody knows is the spelling asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache, partial

from vcalc.errors import listing, nearest, suggestion

_NONE = "there is none"
"""What the table says of a word where there is nothing to add; the names that there are follow."""

FILE = os.path.join(os.path.dirname(__file__), "words.yaml")


class Answer:
    """One thing that a word may mean: what is written here (empty: nothing), and what sets it apart."""

    __slots__ = ("kinds", "says", "write")

    def __init__(self, write: str, says: str, kinds: tuple[str, ...] = ()) -> None:
        self.write = write
        self.says = says
        self.kinds = kinds
        """Of a field: the layer kinds that have it in this sense; none: whichever have it."""

    def __str__(self) -> str:
        return f"{self.write} ({self.says})" if self.write and self.says else self.write or self.says


def answers(section: str, word: str) -> list[Answer]:
    """What a word of others may mean, in the order of the table: none for a word that it does not hold.

    `section` is one of those of the table: layers, uses, joins, fields, keys, metrics, columns, formats, files,
    options, commands, rules, models; one that it lacks knows no word.
    """
    return _table().get(section, {}).get(_key(section, word), [])


def is_frozen(word: str) -> bool:
    """Whether others say with the word what is trained: any word of the language may stand beside `frozen`."""
    return any(answer.write == "frozen" for answer in answers("fields", word))


def _answers_of(section: str, word: str, kind: str) -> list[Answer]:
    """The answers that hold of a layer kind."""
    return [answer for answer in answers(section, word) if not answer.kinds or kind in answer.kinds]


def meant(section: str, word: str, allowed: Iterable[str], kind: str = "") -> list[str] | None:
    """The allowed names that a word of others stands for; None where nobody is known to use it."""
    allowed = list(allowed)
    known = _answers_of(section, word, kind)
    found = [answer.write for answer in known if answer.write in allowed]
    found += [name for name in allowed if bare(name) == bare(word)] if not known else []
    return list(dict.fromkeys(found)) if known or found else None


def hint(section: str, word: str, allowed: Iterable[str], what: str, kind: str = "") -> str:
    """What to write for a word that is not allowed: by meaning, where others use it; else the nearest by spelling."""
    allowed = list(allowed)
    names = meant(section, word, allowed, kind)
    if names is None:
        return suggestion(word, allowed, what)
    known = _answers_of(section, word, kind)
    if names:
        return _here([str(answer) for answer in known if answer.write in allowed] or names)
    none = next((answer.says for answer in known if not answer.write), "")
    return "; ".join(filter(None, (none, listing(allowed, what)))) if none in ("", _NONE) else none


def layer_hint(word: str, allowed: Iterable[str], what: str) -> str:
    """The same for a layer, whose answer is a piece of a spec: `conv_transpose: {out: …, kernel: …, stride: …}`."""
    known = answers("layers", word)
    if not known:
        return hint("layers", word, allowed, what)
    written = [str(answer) for answer in known if answer.write]
    return _here(written) if written else known[0].says


def probably(section: str, word: str, allowed: Iterable[str], kind: str = "") -> list[str]:
    """The allowed names that a word was probably meant to be: by meaning, else the nearest by spelling."""
    allowed = list(allowed)
    names = meant(section, word, allowed, kind)
    return nearest(word, allowed, 1) if names is None else names


def kind_of_file(path: str) -> str:
    """What a file is by its suffix, in words: `a graph of ONNX`; empty for one that is nobody's."""
    return next((answer.says for answer in answers("files", os.path.splitext(path)[1])), "")


def _here(names: list[str]) -> str:
    return f"here that is {', or '.join(names)}"


def bare(word: str) -> str:
    """A word without case and punctuation, and without module and arguments: `nn.BatchNorm2d(64)` is `batchnorm2d`."""
    name = word[:80].partition("(")[0].strip("._ ")
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


@cache
def _table() -> dict[str, dict[str, list[Answer]]]:
    import yaml

    with open(FILE, encoding="utf-8") as file:
        sections = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    table: dict[str, dict[str, list[Answer]]] = {}
    for section, entries in sections.items():
        words = table.setdefault(section, {})
        for entry in entries:
            kinds = tuple(entry.get("kinds", "").split())
            answer = Answer(entry.get("is", ""), entry.get("says", "") or entry.get("none", ""), kinds)
            for word in map(partial(_key, section), str(entry["words"]).split()):
                if answer not in words.setdefault(word, []):
                    words[word].append(answer)
    return table


def _key(section: str, word: str) -> str:
    """What a word counts as; the name of a model keeps its owner and its points."""
    return re.sub(r"[^a-z0-9./+]", "", word[:80].lower()) if section == "models" else bare(word)
