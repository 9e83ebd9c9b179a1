"""Claims as a spec states them: published figures, read from YAML into questions that can be answered.

docs/claims.md describes the keys. Nothing is judged here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import yaml

from vcalc import conventions, devices
from vcalc.analyses.measure import Question
from vcalc.analyses.training import TIMES, Run
from vcalc.errors import Problem, VcalcError
from vcalc.numerals import is_endless
from vcalc.source.read import Source, YamlNode, describe
from vcalc.spec.beside import CLAIMS, claims_beside, read_part
from vcalc.spec.find import catalogue, is_file_name, load_claimed, split_model, stem
from vcalc.spec.schedule import read_schedule
from vcalc.spec.syntax import Spec

_WHAT = ("model", "models", "layers", "option", "metric", "printed")
_HOW = ("of", "kinds", "convention", "set", "against", "rounding", "digits", "kilo")
_RUN = ("schedule", "device", "devices", "dtype")
_WHY = ("under", "ours", "why")
_UNDER = ("model", "convention", "set", "of", "kinds", "plus", "printed", "option")


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
        return any(name_asked(question) in names for question in asked)

    @property
    def implies(self) -> bool:
        """Whether the figure is a time that training took: what share of the device's peak that was is the answer."""
        return self.question.metric in TIMES and self.against is None

    @property
    def subject(self) -> str:
        """What the figure is of: the model, its part, and what it is compared with."""
        return subject(self.question) + (f" : {subject(self.against)}" if self.against else "")


def name_asked(question: Question) -> str:
    """The model, or the block comparison."""
    return stem(question.model) if question.option else question.model.rpartition(":")[2]


def subject_name(question: Question) -> str:
    """The model's name, or the block's and its option's."""
    return f"{name_asked(question)}/{question.option}" if question.option else name_asked(question)


def subject(question: Question) -> str:
    """What a question asks about: the model, its part, and sizes it is given."""
    what = subject_name(question)
    part = ", ".join((*question.of, *(f"{kind} only" for kind in question.kinds)))
    sizes = " ".join(f"{name}={value}" for name, value in question.bindings)
    run = str(question.run or "")
    return " ".join(word for word in (what, part, f"({sizes})" if sizes else "", f"({run})" if run else "") if word)


def claims_of(spec: Spec) -> list[Claim]:
    """The claims in a spec and beside it, tables taken apart. Raises VcalcError with every problem among them."""
    beside = claims_beside(spec.beside)
    return claims_in(spec) + (claims_at(beside, spec) if beside else [])


def claims_in(spec: Spec) -> list[Claim]:
    """The claims in a spec itself."""
    return [] if spec.claims is None else _read(spec, spec.source, spec.claims)


def claims_at(path: str, spec: Spec | None = None) -> list[Claim]:
    """The claims in a file beside a spec, which is read where it is not given."""
    return claims_from(path, spec or load_claimed(path))[1]


def claims_from(path: str, spec: Spec) -> tuple[Source, list[Claim]]:
    """The text of a file beside a spec, and its claims."""
    source, node = read_part(path, CLAIMS)
    return source, _read(spec, source, node)


def _read(spec: Spec, source: Source, node: YamlNode) -> list[Claim]:
    reader = _Reader(spec, source)
    claims = [claim for item in source.sequence(node, "claims") for claim in reader.item(item)]
    for claim in claims:
        _stay_in(spec, source, claim)
    source.raise_problems()
    return claims


def _stay_in(spec: Spec, source: Source, claim: Claim) -> None:
    """Note a claim that reaches for another file: a spec is anybody's, and opens none at its wish."""
    sides = [claim.question, *([claim.against] if claim.against else [])]
    sides.append(claim.question.but(**{key: claim.under[key] for key in ("model", "option") if key in claim.under}))
    for side in sides:
        file = side.model if side.option else split_model(side.model)[0]
        if file != spec.file and (side.option or is_file_name(side.model)):
            hint = "claim something of this file's models, or of the catalogue's"
            source.note(Problem("file", "a claim opens no other file", claim.place, hint))
            return


class _Reader:
    def __init__(self, spec: Spec, source: Source) -> None:
        self.spec = spec
        self.source = source

    def item(self, node: YamlNode) -> list[Claim]:
        entries = self.source.mapping(node, "a claim")
        meant = self.source.known_keys(entries, ("source", *_WHAT, *_HOW, *_RUN, *_WHY), "a claim")
        if "source" not in {*entries, *meant}:
            self.source.report("missing", "a claim needs 'source': who printed the figure, and where", node)
        if ("under" in entries or "ours" in entries) and "why" not in {*entries, *meant}:
            self.source.report("missing", "an explanation needs 'why', in words", node)
        try:
            return [
                self.claim(entries, question, printed) for question, printed in self.questions(node, entries, meant)
            ]
        except VcalcError as error:
            self.source.take(error, node)
            return []

    def questions(self, node: YamlNode, entries: dict[str, Any], meant: set[str]) -> list[tuple[Question, YamlNode]]:
        """Every metric and printed figure of an item: one, a table of models, or a table of layers.

        A key that was `meant` to be there, misspelt, is not reported once more.
        """
        base = self.question(entries, "params")
        if "models" in entries:
            return [
                (base.but(model=self.model(model), metric=metric), printed)
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
            if not ({"metric", "printed"} <= {*entries, *meant} or meant & {"models", "layers"}):
                message = "a claim needs 'metric' and 'printed', or a table of 'models' or 'layers'"
                self.source.report("missing", message, node)
            return []
        return [(base.but(metric=self.source.text(entries["metric"][1], "metric")), entries["printed"][1])]

    def cells(self, entries: dict[str, Any], cells: YamlNode) -> list[tuple[str, YamlNode]]:
        if "metric" in entries:
            return [(self.source.text(entries["metric"][1], "metric"), cells)]
        return [(metric, printed) for metric, (_, printed) in self.source.mapping(cells, "figures").items()]

    def claim(self, entries: dict[str, Any], question: Question, printed: YamlNode) -> Claim:
        text = self.printed(printed)
        source = " ".join(self.source.text(entries["source"][1], "source").split()) if "source" in entries else ""
        claim = Claim(question, text, source, self.source.place(printed))
        claim.why = " ".join(self.source.text(entries["why"][1], "why").split()) if "why" in entries else ""
        claim.ours = self.printed(entries["ours"][1]) if "ours" in entries else ""
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
        if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
            return int(text)
        self.source.report("type", f"{key} is a whole number from {least} to {most}, not {describe(node)}", node)
        return None

    def printed(self, node: YamlNode) -> str:
        """A printed figure, or the formula of one; what is beyond counting is noted where it stands."""
        text = self.figure(node)
        if is_endless(text):
            self.source.report("claim", "the printed figure is beyond anything that is counted", node)
            return "0"
        return text

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
        return Question(metric, self.model(model), option=option, run=self.run(entries), **self.how(entries))

    def run(self, entries: dict[str, Any]) -> Run | None:
        """How the network of a claim was trained; None where it says nothing of that."""
        if not any(key in entries for key in _RUN):
            return None
        schedule = read_schedule(self.source, entries["schedule"][1]) if "schedule" in entries else None
        device = self.known(entries, "device", devices.find)
        dtype = self.known(entries, "dtype", device.dtype) if device else None
        return Run(schedule, device, self.whole(entries, "devices", 1, 10**6) or 1, dtype or "")

    def known(self, entries: dict[str, Any], key: str, find: Callable[[str], Any]) -> Any:
        """What the text under a key names; None, and a problem, where that is nothing."""
        if key not in entries:
            return None
        node = entries[key][1]
        try:
            return find(self.source.text(node, key))
        except VcalcError as error:
            self.source.take(error, node)
            return None

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
            convention = self.known(entries, "convention", conventions.load)
            found["convention"] = convention.name if convention else conventions.DEFAULT
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
