"""The keys of a claim: what each takes and what it means; docs/claims.md has them with examples."""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from vcalc import conventions, devices
from vcalc.analyses.measure import METRICS
from vcalc.analyses.training import METRICS as TRAINING_METRICS
from vcalc.errors import Place, VcalcError
from vcalc.numerals import is_endless
from vcalc.source.keys import TEXT, Found, Key, Need, Pairs, Record, Several, Text, Type, Whole, Word, YesOrNo
from vcalc.source.read import Source, YamlNode, describe, is_null
from vcalc.spec.schedule import SCHEDULE


class Cell(NamedTuple):
    """A printed figure, or the formula of one, and where it stands."""

    text: str
    place: Place


class Figure(Type):
    """A printed figure, a formula, or a list of figures."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        several = isinstance(node, yaml.SequenceNode)
        for each in node.value if several else [node]:
            if not isinstance(each, yaml.ScalarNode) or is_null(each) or not each.value.strip():
                return source.report("type", f"a printed figure is needed here, not {describe(each)}", each)
        text = "[" + ", ".join(str(each.value) for each in node.value) + "]" if several else str(node.value)
        if is_endless(text):
            return source.report("claim", "the printed figure is beyond anything that is counted", node)
        return Cell(text, source.place(node))

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}


class Width(Type):
    """Bits, or a density, as the command line has them."""

    def __init__(self, read: str) -> None:
        self.given = read

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        from vcalc.spec import widths

        text = source.text(node, what)
        try:
            said = getattr(widths, self.given)([text]) if text else []
        except VcalcError as error:
            return source.take(error, node)
        if widths.has_names(said):
            return source.report("claim", f"{what} of a printed figure are numbers, not {describe(node)}", node)
        return text or None


class Cells(Type):
    """A figure, or a mapping of metrics to figures."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        return (Pairs(Figure()) if isinstance(node, yaml.MappingNode) else Figure()).read(source, node, what)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [Figure().schema(), Pairs(Figure()).schema()]}


class Side(Type):
    """The other side of a ratio: a name, or what it is of in full."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        return (Text() if isinstance(node, yaml.ScalarNode) else AGAINST).read(source, node, what)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [Text().schema(), AGAINST.schema()]}


_EXAMPLE = "write {source: the paper's Table 1, metric: params, printed: 25.6M}, or a table under models or layers"
_NAMES = Several(Text(), or_one=True)
_WHOSE = (
    Key("model", Text(), "Of which model; the file's first one if not said."),
    Key("option", Text(), "Of which option, in a comparison of blocks.", ""),
)
_HOW = (
    Key("of", _NAMES, "Only these groups or layers."),
    Key("kinds", _NAMES, "Only these layer kinds."),
    Key("convention", Found(conventions.load, conventions.names), "Counted under this convention."),
    Key("set", Pairs(Figure()), "Counted with these sizes and hyperparameters."),
    Key("bits", Width("bits_given"), "Counted with these bits, as `--bits` says them: `8`, `W4A8,first=8,last=8`."),
    Key("density", Width("density_given"), "With this share of weights that are not zero: `2:4`, `conv=0.5`."),
)
AGAINST = Record(
    "against",
    (*_WHOSE, Key("metric", Text(), "Another metric than the claim's: of the input to the output, say."), *_HOW),
)
UNDER = Record(
    "under",
    (
        *_WHOSE,
        *_HOW,
        Key("metric", Text(), "Of another metric."),
        Key("plus", _NAMES, "With these groups or layers counted twice."),
        Key("printed", YesOrNo(), "The quotient of the figures that the source prints for both sides.", False),
    ),
)
PROOF = Record(
    "proof",
    (
        Key("rows", YesOrNo(), "The rows that the source prints add up to `ours`.", False),
        Key("swapped", YesOrNo(), "Two neighbouring digits of `ours` have changed places.", False),
        Key("printed", Figure(), "The source prints this figure of the same elsewhere, and it is ours."),
        Key("metric", Text(), "The metric of that figure, if it is another one of the same row.", ""),
        Key("source", Text(), "Where it does, if that is another source, or another edition.", ""),
    ),
    [Need((("rows",), ("swapped",), ("printed",)), "what shows that `ours` was meant")],
)
CLAIM = Record(
    "a claim",
    (
        Key("source", Text(), "Who printed the figure, down to the table or slide.", ""),
        Key("sources", Several(Text()), "The same, where one figure is printed in several places.", ()),
        Key("edition", Text(), "The commit, version or date of the source that was read.", ""),
        Key("seen", YesOrNo(), "`no` where the source was not to be had by us.", True),
        Key("derived", Text(), "How it is worked out from what is printed, where it is not printed itself.", ""),
        *_WHOSE,
        Key("models", Pairs(Cells()), "A table in place of model, metric and printed: model to metric to figure.", ()),
        Key("layers", Pairs(Cells()), "A table of one model's layers: path to metric to printed figure.", ()),
        Key(
            "metric",
            Found(str, lambda: (*METRICS, *TRAINING_METRICS)),
            "What is counted: params, flops, memory, depth, ..., any primitive, any hyperparameter: dim, let.depth.",
        ),
        Key("printed", Figure(), "The figure as it is printed: `13.6 GFLOP`, `~70k`, `<10%`, `3x or more`, `4096`."),
        *_HOW,
        Key("against", Side(), "The ratio to another model or option."),
        Key("rounding", Word("cut"), "`cut` where the source cuts digits instead of rounding.", ""),
        Key("digits", Whole(1, 12), "How many digits the source rounds to."),
        Key("kilo", Whole(1000, 1024), "1000 or 1024: the step of the source's K and M.", 1000),
        Key("schedule", SCHEDULE, "How it was trained, where that is not the model's own schedule."),
        Key("device", Found(devices.find, devices.names), "On which device: a name of `vcalc devices`."),
        Key("devices", Whole(1, 10**6), "On how many of them at once; 1 if not said.", 1),
        Key("dtype", Text(), "In which dtype; the one that the device trains in if not said.", ""),
        Key("under", UNDER, "A variant that does give the printed figure; checked."),
        Key("ours", Figure(), "What the definition gives, in the source's rounding; checked."),
        Key("proof", PROOF, "What shows that `ours` was meant: its rows, digits, another figure; checked."),
        Key("why", Text(), "The reason of a difference, in a sentence, which `under` or `proof` checks.", ""),
        Key("guess", Text(), "In place of `why`: a reason that nothing proves.", ""),
        Key("open", YesOrNo(), "`yes` where nobody can explain the figure.", False),
    ),
    [
        Need((("source",), ("sources",)), "who printed the figure, and where"),
        Need((("metric", "printed"), ("models",), ("layers",)), open=True),
        Need((("why",), ("guess",), ("open",)), "the reason, in words", when=("under", "ours", "proof"), open=True),
        Need((("why",), ("guess",)), when=("why", "guess")),
        Need((("ours",),), "what should have been printed", when=("proof",)),
    ],
    example=_EXAMPLE,
)
"""The keys of a claim. `why`, `guess` and `open` are the three kinds of reasons."""
