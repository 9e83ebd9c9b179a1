"""The keys of a spec, and of a model in it, in the order in which `vcalc fmt` puts them.

What is read over the hyperparameters (`let`, `layers`, ...) is read by `vcalc.spec.parse`, claims, figures and budgets
by what asks for them.
"""

from __future__ import annotations

from collections.abc import Collection

from vcalc.source.keys import Key, Known, Later, Made, Other, Pairs, Record, Several, Text, Type

LIBRARIES = ("torchvision", "timm")
LIBRARY_EXAMPLE = "write libraries: {timm: {same_padding: true}}"
_LIBRARY = Known("library", lambda: LIBRARIES)


def _conventions() -> Collection[str]:
    from vcalc.conventions import names

    return names()


def _forms() -> Type:
    from vcalc.spec.writing import FORMS

    return FORMS


def _schedule() -> Type:
    from vcalc.spec.schedule import SCHEDULE

    return SCHEDULE


def by_library(type_: Type, example: str = "") -> Type:
    """Values by library, those that are there."""
    return Made(Pairs(type_, example, names=_LIBRARY), dict)


_TITLE = Key("title", Text(), "The architecture's name, as the tables print it.", "")
_INPUT = Key(
    "input",
    Other("sizes"),
    "The input's sizes: `{C: 3, H: 224, W: 224}`, `{C: 1, L: 16000}` for a sequence, `{C: 3, T: 16, H: 112, W: 112}` "
    "for a video, `{N: 512, D: 768}` for tokens, `{D: 100}` for a vector.",
)
_INPUTS = Key(
    "inputs",
    Other("inputs"),
    "In place of `input` several by name: `{image: {C: 3, H: 224, W: 224}, text: {D: 77}}`; "
    "the first of them arrives, `take: text` brings in another.",
)
_SAME_AS = Key(
    "same_as",
    by_library(Text()),
    "The independent implementations that the network equals, by library; their names work as aliases.",
    {},
)
_ALIASES = Key("aliases", Several(Text(), item="an alias"), "Other names of the network.", ())
_SCHEDULE = Key(
    "schedule",
    Later(_schedule),
    "How it is trained: `{images: 1.28M, epochs: 300}`, or `{steps: 500K, batch: 4096}`, with its source.",
)
_FROZEN = Key(
    "frozen",
    Other("frozen"),
    "What is not trained: `true` for all, or paths of layers and groups: `[stem, backbone/stage1]`.",
)
_BITS = Key(
    "bits",
    Other("bits"),
    "How many bits numbers have in use: `8`, `W4A8`, `{conv: {weight: 4, activation: 8}, first: 8, last: 8}`, by layer "
    "kind or path; what is not said is as wide as `--dtype`.",
)
_DENSITY = Key(
    "density",
    Other("density"),
    "The share of weights that are not zero: `0.5`, `2:4`, `{conv: 2:4, first: 1}`, by layer kind or path.",
)
_WRITTEN = Key(
    "written",
    by_library(Later(_forms), "write written: {torchvision: {relu: functional}}"),
    "How a library's source calls the layers, by layer kind or path, where that is not the usual way.",
    {},
)
_DO = Key(
    "do", Other("steps"), "Its own layers, in place of those of the file: a backbone beside the detector that uses it."
)
_OUTPUTS = Key(
    "outputs",
    Other("outputs"),
    "What comes out, where that is not what the list ends with: the names of saved tensors or of groups.",
)
MODEL = Record("a model", (_TITLE, _INPUT, _INPUTS, _OUTPUTS, _SAME_AS, _ALIASES, _SCHEDULE, _WRITTEN, _DO))
"""The keys of a model beside the hyperparameters that it sets."""

TOP = Record(
    "a spec",
    (
        _TITLE,
        Key("cite", Text(), "Its paper, down to the table or figure that the spec follows.", ""),
        Key("family", Text(), "The group that it is listed in.", ""),
        Key(
            "convention",
            Known("convention", _conventions),
            "The counting convention of its source, where that is not `lecture`.",
            "",
        ),
        Key("symbols", Other("symbols"), "Names that stay symbols: counts are formulas over them."),
        Key("crossover", Text(), "In a comparison, the symbol to solve for: where one side overtakes the other.", ""),
        _INPUT,
        _INPUTS,
        _OUTPUTS,
        Key(
            "let",
            Other("hyperparameters"),
            "Hyperparameters with their values; they may refer to one another in any order.",
        ),
        _SAME_AS,
        _ALIASES,
        _SCHEDULE,
        _FROZEN,
        _BITS,
        _DENSITY,
        Key(
            "models",
            Other("models"),
            "Named variants: hyperparameters that override `let`, and "
            "title, input, inputs, outputs, same_as, aliases, schedule, written.",
        ),
        _WRITTEN,
        Key(
            "libraries",
            by_library(Other("values"), LIBRARY_EXAMPLE),
            "Hyperparameters of `let` that a library's networks have otherwise, by library.",
            {},
        ),
        Key("blocks", Other("blocks"), "Named lists of layers with arguments, called like a layer."),
        Key("layers", Other("steps"), "The network: a list of layers, blocks and loops."),
        Key("options", Other("options"), "In place of `layers`: the sides of a comparison, for `vcalc block`."),
        Key(
            "expect",
            Other("expect"),
            "Exact figures of the file's own, pinned: `{params: 61100840}`, or such a mapping for each model.",
        ),
        Key(
            "budget",
            Other("budget"),
            "Bounds that every model keeps to: `[params <= 5M, memory <= 20MB]`, or such a list for each model.",
        ),
        Key("claims", Other("claims"), "Published figures, each worked out anew by `vcalc claims`."),
    ),
    section="keys",
)
