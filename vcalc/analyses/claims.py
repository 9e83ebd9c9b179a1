"""Published figures, held against what the specs give. The verdicts are worked out here; nothing is written down.

A claim is *reproduced* when our value rounds to what was printed, *reproduced under* a variant or rule that the spec
names, or it *differs*; a difference is explained when the reason's own figure is ours.
"""

from __future__ import annotations

import os
from typing import Any

import yaml

from vcalc import conventions
from vcalc.analyses.measure import METRICS, Question
from vcalc.arithmetic import is_symbolic
from vcalc.errors import VcalcError
from vcalc.spec.find import catalogue, stem
from vcalc.spec.read import Source, YamlNode, describe
from vcalc.spec.syntax import Spec
from vcalc.units import Printed

_WHAT = ("model", "models", "layers", "option", "metric", "printed")
_HOW = ("of", "kinds", "convention", "set", "against", "rounding", "digits", "kilo")
_WHY = ("under", "ours", "why")
_UNDER = ("model", "convention", "set", "of", "kinds", "plus", "printed", "option")

REPRODUCED, UNDER, DIFFERS = "reproduced", "reproduced under", "differs"


class Claim:
    """One printed figure: the question it answers, its text, its source, and the explanation where it needs one."""

    def __init__(self, question: Question, printed: str, source: str, place: Any) -> None:
        self.question = question
        self.printed = printed
        self.source = source
        self.place = place
        self.against: Question | None = None
        self.cut = False
        self.digits: int | None = None
        self.kilo = 1000
        self.under: dict[str, Any] = {}
        self.ours = ""
        self.why = ""

    def concerns(self, names: set[str]) -> bool:
        """Whether the figure is of one of the named models, or compares one with another."""
        asked = [self.question, *([self.against] if self.against else [])]
        return any(_name_asked(question) in names for question in asked)

    @property
    def subject(self) -> str:
        """What the figure is of: the model, its part, and what it is compared with."""
        return _subject(self.question) + (f" : {_subject(self.against)}" if self.against else "")


class Verdict:
    """A claim with our value and what that makes of it."""

    def __init__(self, claim: Claim, exact: Any, verdict: str, under: str = "", explained: bool = True) -> None:
        self.claim = claim
        self.exact = exact
        self.verdict = verdict
        self.under = under
        self.explained = explained

    def record(self) -> dict[str, Any]:
        """The verdict as plain data, the keys of the JSON contract first."""
        claim, exact = self.claim, self.exact
        return {
            "model": _subject_name(claim.question),
            "metric": claim.question.metric,
            "printed": claim.printed,
            "exact": exact if isinstance(exact, (int, float, list)) else str(exact),
            "verdict": self.verdict,
            "source": claim.source,
            "why": claim.why,
            "of": list(claim.question.of),
            "against": _subject(claim.against) if claim.against else None,
            "convention": claim.question.convention,
            "under": self.under,
            "explained": self.explained,
        }


def _name_asked(question: Question) -> str:
    """The model, or the block comparison."""
    return stem(question.model) if question.option else question.model.rpartition(":")[2]


def _subject_name(question: Question) -> str:
    """The model's name, or the block's and its option's."""
    return f"{_name_asked(question)}/{question.option}" if question.option else _name_asked(question)


def _subject(question: Question) -> str:
    what = _subject_name(question)
    part = ", ".join((*question.of, *(f"{kind} only" for kind in question.kinds)))
    sizes = " ".join(f"{name}={value}" for name, value in question.bindings)
    return " ".join(word for word in (what, part, f"({sizes})" if sizes else "") if word)


def claims_of(spec: Spec) -> list[Claim]:
    """The claims of one file, tables taken apart. Raises VcalcError with every problem among them."""
    if spec.claims is None:
        return []
    source: Source = spec.source
    reader = _Reader(spec, source)
    claims = [claim for node in source.sequence(spec.claims, "claims") for claim in reader.item(node)]
    source.raise_problems()
    return claims


class _Reader:
    def __init__(self, spec: Spec, source: Source) -> None:
        self.spec = spec
        self.source = source

    def item(self, node: YamlNode) -> list[Claim]:
        entries = self.source.mapping(node, "a claim")
        self.source.known_keys(entries, ("source", *_WHAT, *_HOW, *_WHY), "a claim")
        if "source" not in entries:
            self.source.report("missing", "a claim needs 'source': who printed the figure, and where", node)
        if ("under" in entries or "ours" in entries) and "why" not in entries:
            self.source.report("missing", "an explanation needs 'why', in words", node)
        try:
            return [self.claim(entries, question, printed) for question, printed in self.questions(node, entries)]
        except VcalcError as error:
            self.source.take(error, node)
            return []

    def questions(self, node: YamlNode, entries: dict[str, Any]) -> list[tuple[Question, YamlNode]]:
        """Every metric and printed figure of an item: one, a table of models, or a table of layers."""
        base = self.question(entries, "params")
        if "models" in entries:
            return [
                (base.but(model=model, metric=metric), printed)
                for model, (_, cells) in self.source.mapping(entries["models"][1], "models").items()
                for metric, printed in self.cells(entries, cells)
            ]
        if "layers" in entries:
            return [
                (base.but(of=(path,), metric=metric), printed)
                for path, (_, cells) in self.source.mapping(entries["layers"][1], "layers").items()
                for metric, printed in self.cells(entries, cells)
            ]
        if "metric" not in entries or "printed" not in entries:
            self.source.report(
                "missing", "a claim needs 'metric' and 'printed', or a table of 'models' or 'layers'", node
            )
            return []
        return [(base.but(metric=self.source.text(entries["metric"][1], "metric")), entries["printed"][1])]

    def cells(self, entries: dict[str, Any], cells: YamlNode) -> list[tuple[str, YamlNode]]:
        if "metric" in entries:
            return [(self.source.text(entries["metric"][1], "metric"), cells)]
        return [(metric, printed) for metric, (_, printed) in self.source.mapping(cells, "figures").items()]

    def claim(self, entries: dict[str, Any], question: Question, printed: YamlNode) -> Claim:
        text = self.figure(printed)
        source = " ".join(self.source.text(entries["source"][1], "source").split()) if "source" in entries else ""
        claim = Claim(question, text, source, self.source.place(printed))
        claim.why = " ".join(self.source.text(entries["why"][1], "why").split()) if "why" in entries else ""
        claim.ours = self.figure(entries["ours"][1]) if "ours" in entries else ""
        claim.cut = "rounding" in entries and self.source.text(entries["rounding"][1], "rounding") == "cut"
        claim.digits = self.whole(entries, "digits", 1, 12)
        claim.kilo = self.whole(entries, "kilo", 1000, 1024) or claim.kilo
        claim.under = self.under(entries["under"][1]) if "under" in entries else {}
        if "against" in entries:
            claim.against = self.other(entries["against"][1], question)
        return claim

    def whole(self, entries: dict[str, Any], key: str, least: int, most: int) -> int | None:
        if key not in entries:
            return None
        node = entries[key][1]
        text = self.source.text(node, key)
        if text.isdigit() and least <= int(text) <= most:
            return int(text)
        self.source.report("type", f"{key} is a whole number from {least} to {most}, not {describe(node)}", node)
        return None

    def figure(self, node: YamlNode) -> str:
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        if isinstance(node, yaml.SequenceNode):
            return "[" + ", ".join(str(item.value) for item in node.value) + "]"
        self.source.report("type", f"a printed figure is needed here, not {describe(node)}", node)
        return "0"

    def question(self, entries: dict[str, Any], metric: str) -> Question:
        """The question that the entries of a claim, or of the other side of a ratio, ask."""
        option = self.source.text(entries["option"][1], "option") if "option" in entries else ""
        model = self.source.text(entries["model"][1], "model") if "model" in entries else ""
        if not model:
            model = self.spec.file if option else next(iter(self.spec.models))
        return Question(metric, self.model(model), option=option, **self.how(entries))

    def model(self, name: str) -> str:
        """A model of this very file stays in this file, wherever the file is."""
        inside = name in self.spec.models and not self.spec.options
        return f"{self.spec.file}:{name}" if inside and not self.in_catalogue() else name

    def in_catalogue(self) -> bool:

        return os.path.abspath(self.spec.file).startswith(catalogue() + os.sep)

    def how(self, entries: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in ("of", "kinds", "plus"):
            if key in entries:
                found[key] = self.words(entries[key][1])
        if "convention" in entries:
            found["convention"] = conventions.load(self.source.text(entries["convention"][1], "convention")).name
        if "set" in entries:
            pairs = self.source.mapping(entries["set"][1], "set")
            found["bindings"] = tuple((name, self.figure(value)) for name, (_, value) in pairs.items())
        return found

    def words(self, node: YamlNode) -> tuple[str, ...]:
        if isinstance(node, yaml.ScalarNode):
            return (str(node.value),)
        return tuple(self.source.text(item, "a name") for item in self.source.sequence(node, "names"))

    def other(self, node: YamlNode, question: Question) -> Question:
        """The other side of a ratio: another model or option by name, or with a part and sizes of its own."""
        if isinstance(node, yaml.ScalarNode):
            name = str(node.value)
            plain = question.but(of=(), bindings=question.bindings, plus=())
            return plain.but(option=name) if question.option else plain.but(model=self.model(name))
        entries = self.source.mapping(node, "against")
        self.source.known_keys(entries, ("model", "option", "of", "kinds", "convention", "set"), "against")
        base = question.but(**{"of": (), "plus": (), **self.how(entries)})
        if "option" in entries:
            base = base.but(option=self.source.text(entries["option"][1], "option"))
        return (
            base.but(model=self.model(self.source.text(entries["model"][1], "model"))) if "model" in entries else base
        )

    def under(self, node: YamlNode) -> dict[str, Any]:
        entries = self.source.mapping(node, "under")
        self.source.known_keys(entries, _UNDER, "under")
        changes = self.how(entries)
        for key in ("model", "option"):
            if key in entries:
                name = self.source.text(entries[key][1], key)
                changes[key] = self.model(name) if key == "model" else name
        if "printed" in entries:
            changes["printed"] = True
        return changes


def judge(claim: Claim, others: list[Claim]) -> Verdict:
    """Work a claim out. `others` are claims whose printed figures a ratio may have been taken from."""
    try:
        exact = _value(claim.question, claim.against)
        if _matches(claim, claim.printed, exact):
            return Verdict(claim, exact, REPRODUCED)
        as_said = not claim.ours or _matches(claim, claim.ours, exact)
        if claim.under and _matches(claim, claim.printed, _under_value(claim, others)):
            return Verdict(claim, exact, UNDER, _describe_under(claim.under), as_said)
        return Verdict(claim, exact, DIFFERS, explained=bool(claim.ours) and as_said)
    except VcalcError as error:
        raise error.at(claim.place) from None


def judge_all(specs: list[Spec], names: set[str] | None = None) -> list[Verdict]:
    """The claims of several files with their verdicts, in order; only those about the named models, if there are any."""
    claims = [claim for spec in specs for claim in claims_of(spec)]
    return [judge(claim, claims) for claim in claims if names is None or claim.concerns(names)]


def _value(question: Question, against: Question | None) -> Any:
    value = question.answer()
    if against is None:
        return value
    other = against.answer()
    if is_symbolic(value) or is_symbolic(other):
        from vcalc import symbols

        return symbols.ratio(value, other)
    return value / other


def _under_value(claim: Claim, others: list[Claim]) -> Any:
    changes = dict(claim.under)
    if changes.pop("printed", False):
        return _quotient_of_printed(claim, others)
    return _value(claim.question.but(**changes), claim.against)


def _quotient_of_printed(claim: Claim, others: list[Claim]) -> Any:
    """The quotient of the two figures that the same kind of source prints for both sides of a ratio."""
    assert claim.against is not None
    values = []
    for side in (claim.question, claim.against):
        same = [
            other
            for other in others
            if other.against is None
            and (other.question.metric, other.question.model, set(other.question.of))
            == (side.metric, side.model, set(side.of))
        ]
        if not same:
            raise VcalcError("claim", f"no claim prints the {side.metric} of {_subject(side)}")
        closest = max(same, key=lambda other: _alike(other.source, claim.source))
        values.append(Printed(closest.printed, conventions.load(side.convention).kilobyte).value)
    return values[0] / values[1]


def _alike(a: str, b: str) -> int:
    """How many characters two sources begin with in common."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _describe_under(under: dict[str, Any]) -> str:
    words = []
    for key, value in under.items():
        text = ", ".join(value) if isinstance(value, tuple) and value and isinstance(value[0], str) else str(value)
        if key == "bindings":
            text = " ".join(f"{name}={size}" for name, size in value)
        words.append(
            {
                "plus": f"{text} counted twice",
                "printed": "the quotient of the printed figures",
                "kinds": f"{text} only",
                "of": f"{text} only",
                "convention": f"convention {text}",
            }.get(key, text)
        )
    return ", ".join(words)


def _matches(claim: Claim, printed: str, value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(str(item) for item in value) + "]" == printed
    if isinstance(value, (int, float)):
        kilobyte = conventions.load(claim.question.convention).kilobyte
        return Printed(printed, kilobyte, claim.digits, claim.kilo).matches(value, claim.cut)
    from vcalc import symbols
    from vcalc.spec.expression import parse

    expression = parse(printed)
    names = {name: symbols.symbol(name) for name in expression.names}
    return bool(symbols.decide("==", value, expression.value(names)))


__all__ = ["DIFFERS", "METRICS", "REPRODUCED", "UNDER", "Claim", "Verdict", "claims_of", "judge", "judge_all"]
