"""Where specs are: the catalogue that comes with vcalc, and files of the user's own.

The catalogue has an index, generated from the specs (`python docs/generate.py`), so that `vcalc table vgg16` reads one
spec, and the totals of its models, so that `vcalc list` reads none. A name that the index lacks is looked for in the
specs themselves, and a model that the totals lack is counted.
"""

from __future__ import annotations

import json
import os
import re
import sys
from functools import cache, partial
from typing import Any

from vcalc import foreign
from vcalc.errors import Place, VcalcError, nearest, printable, quoted, suggestion
from vcalc.source import SUFFIXES
from vcalc.spec.syntax import ModelEntry, Spec

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGED = os.path.join(_PACKAGE, "specs")
_SOURCE_TREE = os.path.join(os.path.dirname(_PACKAGE), "specs")
_ALIKE = 0.7
"""How close the name of a model has to be to be suggested: a network of another family is of no help."""
_NAME = r"[a-z0-9][a-z0-9.-]*"
"""The name of a model of the catalogue."""


Index = dict[str, dict[str, str]]
"""`models` with their files, `aliases` with their models, `blocks`, by either spelling, with their files."""


@cache
def catalogue() -> str:
    """The folder of the specs that come with vcalc: in the installed package, or beside it in a source tree."""
    return _PACKAGED if os.path.isdir(_PACKAGED) else _SOURCE_TREE


def plain(name: str) -> str:
    """A name without case and punctuation: `ViT-B/16` and `vit_b_16` are both `vitb16`.

    What parts two numbers stays: RegNetY-1.6GF is not RegNetY-16GF.
    """
    return re.sub(r"[^\w\0]+|_", "", re.sub(r"(?<=\d)[\W_]+(?=\d)", "\0", name.lower())).replace("\0", ".")


def find(name: str) -> tuple[str, str]:
    """The file and the model that a name means: a catalogue name, an alias in any spelling, or a name of others.

    Raises VcalcError with the nearest names when there is none.
    """
    return _find_model(name)[:2]


def _find_model(name: str) -> tuple[str, str, str]:
    """The file and the model, and the library whose network was asked for."""
    for index in (_read_index, build_index):
        named = partial(_model_named, index())
        found = named(name)
        if found:
            return (*found, "")
        from vcalc.spec.library_names import model_of

        other = model_of(name, named, load_file)
        if other:
            return other
    raise _unknown("models", name)


def find_block(name: str) -> str:
    """The file of a block comparison. Raises VcalcError with the nearest names when there is none."""
    for index in (_read_index, build_index):
        blocks = index()["blocks"]
        file = blocks.get(name) or blocks.get(plain(name))
        if file:
            return _path(file)
    raise _unknown("blocks", name)


def _path(file: str) -> str:
    """A file of the catalogue, as the index calls it."""
    return os.path.join(catalogue(), *file.split("/"))


def _model_named(index: Index, name: str) -> tuple[str, str] | None:
    """The file and the model of a name in the index."""
    models, aliases = index["models"], index["aliases"]
    short = plain(name)
    found = name if name in models else aliases.get(name) or (short if short in models else aliases.get(short))
    if not found:
        return None
    if "_" in name:
        from vcalc.spec.library_names import check_unlike

        check_unlike(name, found)
    return _path(models[found]), found


def _unknown(section: str, name: str) -> VcalcError:
    """The error for a name that nothing has, with the nearest names."""
    from vcalc.source.walk import meant_file

    known = model_names() if section == "models" else block_names()
    what = "model" if section == "models" else "block comparison"
    command = "vcalc list" if section == "models" else "vcalc block"
    by_plain = {plain(n): n for n in known}
    begun = beginning(name) if section == "models" else []
    close = [f"'{each}'" for each in begun[:3] or map(by_plain.get, nearest(plain(name), by_plain, cutoff=_ALIKE))]
    hint = f"did you mean {' or '.join(close)}?" if close else f"'{command}' lists them; a file is named with its .yaml"
    if len(begun) > len(close):
        hint += f" {len(begun)} begin so: {command}"
    if section == "models":
        hint = _layer_hint(name, or_word=not begun) or hint
    hint = meant_file(name) or _other_hint(section, name) or hint
    if "," in name:
        hint = f"names stand apart, with a space between them: {' '.join(name.replace(',', ' ').split())}"
    return VcalcError("unknown-model", f"there is no {what} {quoted(name)}", hint=hint)


_SIZES = re.compile("(?<=[a-z0-9])(tiny|small|base|large|huge|giant)")


def beginning(name: str) -> list[str]:
    """The models whose names begin as a name does: a family's, or those of a size, `vit-large`; the plainest first."""
    short = plain(name)
    for start in dict.fromkeys((short, _SIZES.sub(lambda size: size[0][0], short))):
        begun = [known for known in model_names() if plain(known).startswith(start)] if len(short) > 2 else []
        if begun:
            return sorted(begun, key=lambda known: known.count("-"))
    return []


def _other_hint(section: str, name: str) -> str:
    """What to ask of a name that is a comparison's where a model is needed, or the other way round."""
    index, short = _read_index(), plain(name)
    if section == "models" and short in index["blocks"]:
        return f"it is a comparison of blocks: vcalc block {name}, vcalc claims {name}"
    if section == "blocks" and (short in index["models"] or short in index["aliases"]):
        return f"it is a model: vcalc table {name}"
    return ""


def _layer_hint(name: str, or_word: bool) -> str:
    """What to write in a spec for a name that is a layer's and no model's, or a word of others for one."""
    from vcalc.layers import KINDS

    if name in KINDS:
        return f"it is a layer kind: vcalc layers {name}"
    if not or_word or not foreign.answers("layers", name):
        return ""
    return f"{foreign.layer_hint(name, KINDS, 'layer kinds')}; 'vcalc layers' lists the layer kinds"


def model_names() -> list[str]:
    """The catalogue's models, family by family."""
    return list(_read_index()["models"])


def is_model(name: str) -> bool:
    """True for the very name of a model of the catalogue, as its index has it: other files are not looked into."""
    return re.fullmatch(_NAME, name) is not None and name in _read_index()["models"]


def block_names() -> list[str]:
    """The catalogue's block comparisons."""
    return sorted({stem(file) for file in _read_index()["blocks"].values()})


def is_file_name(name: str) -> bool:
    """True for what can only be a path: standard input, or a name with a .yaml suffix (perhaps followed by a model)."""
    return name == "-" or split_model(name)[0].endswith(SUFFIXES)


def split_model(name: str) -> tuple[str, str]:
    """`net.yaml:vgg11` as its file and its model."""
    for suffix in SUFFIXES:
        file, mark, model = name.partition(f"{suffix}:")
        if mark:
            return file + suffix, model
    return name, ""


def load(name: str) -> tuple[Spec, ModelEntry]:
    """The spec and the model of a catalogue name, a file, `file.yaml:model`, or `-` for standard input.

    Raises VcalcError for an unknown name, a file that cannot be read, and every problem in the file.
    """
    if not is_file_name(name):
        file, model_name, library = _find_or_explain(name)
        spec = load_file(file)
        return spec, spec.models[model_name].first_as(library)
    file, wanted = split_model(name)
    spec = load_file(file)
    if wanted:
        return spec, _model_in(spec, wanted)
    if not spec.has_models and spec.options:
        raise VcalcError("options", f"{file} compares options and is no network", hint=f"vcalc block {file}")
    if len(spec.models) > 1:
        names = ", ".join(spec.models)
        raise VcalcError(
            "models", f"{file} has several models: {names}", hint=f"name one: {file}:{next(iter(spec.models))}"
        )
    return spec, next(iter(spec.models.values()))


def _find_or_explain(name: str) -> tuple[str, str, str]:
    """The catalogue's model, or what else the name is: a directory, or a file that is not named as a spec is."""
    try:
        return _find_model(name)
    except VcalcError:
        if os.path.isdir(name):
            raise VcalcError("file", f"{name} is a directory, not a spec", hint="name a .yaml file in it") from None
        about = foreign.kind_of_file(name)
        if name.lower().endswith(".onnx"):
            message = f"{printable(name)} is {about}, and a spec is asked for"
            raise VcalcError("file", message, hint="vcalc table and vcalc import --counts read it") from None
        if about:
            hint = "`vcalc new` writes a spec to begin with, and docs/spec-language.md says how it describes a network"
            message = f"{printable(name)} is {about}, which vcalc does not read"
            raise VcalcError("file", message, hint=hint) from None
        if os.path.exists(name):
            raise VcalcError("file", f"{name} is a file, but no spec", hint="a spec's name ends in .yaml") from None
        raise


def load_block(name: str) -> Spec:
    """The spec of a block comparison, from the catalogue or from a file."""
    file = name if is_file_name(name) else find_block(name)
    spec = load_file(file)
    if not spec.options:
        raise VcalcError("options", f"{name} has no options to compare", hint=f"vcalc table {name}")
    return spec


def load_file(path: str) -> Spec:
    """Read and check one spec file, once as long as it stays as it is."""
    from vcalc.source.read import stamp

    return _parse(path, sys.stdin if path == "-" else stamp(path))


def load_claimed(claims: str) -> Spec:
    """The spec whose claims a file holds. Raises VcalcError where it is not there, or does not read."""
    from vcalc.spec.beside import spec_of

    file = spec_of(claims)
    if os.path.isfile(file):
        return load_file(file)
    message = f"there is no {file}, the spec whose claims these are"
    raise VcalcError("file", message, Place(claims, 1, 1), "a file of claims is called as its spec")


def _model_in(spec: Spec, wanted: str) -> ModelEntry:
    """A model of a file by its name, however it is written. Raises VcalcError for one that the file does not have."""
    by_plain = {plain(known): entry for known, entry in spec.models.items()}
    if plain(wanted) in by_plain:
        return by_plain[plain(wanted)]
    raise VcalcError(
        "unknown-model", f"{spec.file} has no model {quoted(wanted)}", hint=suggestion(wanted, spec.models, "it has")
    )


@cache
def _parse(path: str, stamp: Any) -> Spec:
    from vcalc.source.read import STANDARD_INPUT, read_file
    from vcalc.spec.parse import parse_spec

    name = "standard-input" if path == "-" else stem(path)
    return parse_spec(read_file(path), path if path != "-" else STANDARD_INPUT, name)


def stem(path: str) -> str:
    """A file's name without folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]


def catalogue_files() -> list[str]:
    """Every spec of the catalogue, block comparisons last."""
    folders = (catalogue(), os.path.join(catalogue(), "blocks"))
    return [
        os.path.join(folder, name)
        for folder in folders
        if os.path.isdir(folder)
        for name in sorted(os.listdir(folder))
        if name.endswith(SUFFIXES)
    ]


def is_of_catalogue(path: str) -> bool:
    """Whether a file is one of the specs that come with vcalc."""
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(catalogue()), ""))


def claim_files(names: tuple[str, ...]) -> tuple[list[str], set[str] | None]:
    """The files that may hold claims about the named models or blocks (any of the catalogue), and their exact names."""
    from vcalc.spec.beside import CLAIMS, kind_of

    files, wanted = [], set()
    for name in names:
        if is_file_name(name):
            file, model = split_model(name)
            files.append(file)
            spec = load_claimed(file) if kind_of(file) == CLAIMS else load_file(file)
            wanted |= {_model_in(spec, model).name} if model else set(spec.models)
            continue
        is_block = plain(name) in _read_index()["blocks"]
        wanted.add(stem(find_block(name)) if is_block else _find_or_explain(name)[1])
        files += catalogue_files()
    whole_files = all(is_file_name(name) and not split_model(name)[1] for name in names)
    return list(dict.fromkeys(files)), None if whole_files else wanted


@cache
def files_citing(source: str) -> list[str]:
    """The specs of the catalogue whose claims cite a source, or one that begins so, on however many lines."""
    wanted = _on_one_line(source)
    return [file for file in catalogue_files() if wanted in _text_of(file)] if wanted else []


@cache
def _text_of(file: str) -> str:
    beside = os.path.join(catalogue(), "claims", os.path.relpath(file, catalogue()))
    with open(beside if os.path.exists(beside) else file, encoding="utf-8") as opened:
        return _on_one_line(opened.read())


def _on_one_line(text: str) -> str:
    """A text without quotes, on one line."""
    return " ".join(text.replace('"', "").replace("'", "").split())


@cache
def _read_index() -> Index:
    try:
        with open(os.path.join(catalogue(), "index.json"), encoding="utf-8") as file:
            index: Index = json.load(file)
            return index
    except (OSError, ValueError):
        return build_index()


def read_totals() -> dict[str, dict[str, Any]]:
    """What `vcalc list` says of each model, by name, as it was last written down; empty where that cannot be read."""
    try:
        with open(os.path.join(catalogue(), "totals.json"), encoding="utf-8") as file:
            return {entry["name"]: entry for entry in json.load(file)}
    except (OSError, ValueError):
        return {}


@cache
def build_index() -> Index:
    """Every model with its file, what else it is called, and every comparison of blocks, read from the specs."""
    from vcalc.spec.index import index_of

    return index_of(catalogue_files(), catalogue())
