"""Claims as a spec states them: published figures, read from YAML into questions that can be answered.

`vcalc.analyses.claim_keys` has the keys. Nothing is judged here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

import yaml

from vcalc.analyses.claim_keys import CLAIM, Cell
from vcalc.analyses.measure import Question
from vcalc.analyses.training import TIMES, Run
from vcalc.errors import Place, Problem, VcalcError
from vcalc.source.keys import Found, Values
from vcalc.source.read import Source, YamlNode, stamp
from vcalc.spec.beside import CLAIMS, claims_beside, read_part
from vcalc.spec.find import catalogue, is_file_name, load_claimed, split_model, stem
from vcalc.spec.syntax import Spec

_NAMING = ("model", "option", "of", "kinds", "set", "metric", "against", "under")
"""The keys of a claim that name something that may not be there."""


class Claim:
    """One printed figure: the question it answers, its text, its sources, and the explanation where it needs one."""

    def __init__(self, question: Question, printed: Cell, said: Values, words: tuple[Cell, ...] = ()) -> None:
        self.question = question
        self.printed = printed.text
        """The figure in the source's own form."""
        self.place = printed.place
        self.sources: tuple[str, ...] = said["sources"] or (said["source"],)
        """Where the figure is printed; the printed text is that of the first."""
        self.edition: str = said["edition"]
        """The commit, version or date of the source that was read; `corrected in …` where it corrected itself."""
        self.seen: bool = said["seen"]
        """False where the source was not to be had."""
        self.derived: str = said["derived"]
        """How the figure is worked out from what is printed; empty where it is printed itself."""
        self.against: Question | None = None
        self.own: Collection[str] = ()
        """The models of the spec that it is a claim of."""
        self.cut: bool = said["rounding"] == "cut"
        """Whether the source is said to cut digits; a verdict's `rounding` says whether that holds."""
        self.digits: int | None = said["digits"]
        self.kilo: int = said["kilo"]
        self.under: dict[str, Any] = {}
        self.ours: str = said["ours"].text if said["ours"] else ""
        self.proof: Values | None = said["proof"]
        """What shows that `ours` was meant, by the keys of PROOF."""
        self.why: str = said["why"] or said["guess"]
        """The reason in words, proved or not."""
        self.guessed = bool(said["guess"])
        """Whether the reason is said to be a guess."""
        self.open: bool = said["open"]
        """Whether it is said that nobody can explain the figure."""
        self.words = words
        """What it names, each with its place: models, metrics, layers, sizes."""

    def place_of(self, error: VcalcError) -> Place:
        """The place of the word that an error names, the last one of the claim's; else that of the figure."""
        said = error.problems[0].message
        named = max(self.words, key=lambda word: _where_named(said, word.text), default=None)
        return named.place if named and _where_named(said, named.text) >= 0 else self.place

    @property
    def source(self) -> str:
        """Where the figure is printed, the first of the sources."""
        return self.sources[0]

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
        return subject(self.question) + (f" : {self.other_side}" if self.against else "")

    @property
    def other_side(self) -> str:
        """What a ratio is to, with the metric where that is another one; nothing for a figure that is none."""
        if self.against is None:
            return ""
        metric = "" if self.against.metric == self.question.metric else f"{self.against.metric} of "
        return metric + subject(self.against)


def _where_named(message: str, word: str) -> int:
    """Where a message names a word last, in quotes or, if it is no single letter, without; -1 where it does not."""
    pattern = rf"'{re.escape(word)}'" + (rf"|(?<![\w./-]){re.escape(word)}(?![\w/-])" if len(word) > 1 else "")
    return max((found.end() for found in re.finditer(pattern, message)), default=-1)


def name_asked(question: Question) -> str:
    """The model, or the block comparison."""
    return stem(question.model) if question.option else question.model.rpartition(":")[2]


def subject_name(question: Question) -> str:
    """The model's name, or the block's and its option's."""
    return f"{name_asked(question)}/{question.option}" if question.option else name_asked(question)


def subject(question: Question) -> str:
    """What a question asks about: the model, its part, and sizes it is given."""
    more = (f"({words})" for words in (question.sizes, question.widths, str(question.run or "")) if words)
    return " ".join(filter(None, (subject_name(question), question.part, *more)))


def claims_of(spec: Spec) -> list[Claim]:
    """The claims in a spec and beside it, tables taken apart. Raises VcalcError with every problem among them."""
    beside = claims_beside(spec.beside)
    return claims_in(spec) + (claims_at(beside, spec) if beside else [])


def claims_in(spec: Spec) -> list[Claim]:
    """The claims in a spec itself."""
    return [] if spec.claims is None else _read(spec, spec.source, spec.claims)


def claims_at(path: str, spec: Spec | None = None) -> list[Claim]:
    """The claims in a file beside a spec, which is read where it is not given."""
    return list(_claims_at(path, stamp(path), spec or load_claimed(path)))


@cache
def _claims_at(path: str, as_it_is: Any, spec: Spec) -> list[Claim]:
    return claims_from(path, spec)[1]


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
    """Makes the claims of a file's items: each asks one question, or one for each cell of its table."""

    def __init__(self, spec: Spec, source: Source) -> None:
        self.spec = spec
        self.source = source

    def item(self, node: YamlNode) -> list[Claim]:
        before = len(self.source.problems)
        said = CLAIM.read(self.source, node)
        claims = []
        try:
            words = tuple(self.words(said))
            claims = [self.claim(said, question, cell, words) for question, cell in self.questions(said)]
        except VcalcError as error:
            self.source.take(error, node)
        if not claims and len(self.source.problems) == before:
            message = "a claim needs a printed figure, and this table has none"
            self.source.report("missing", message, node, CLAIM.example)
        return claims

    def questions(self, said: Values) -> list[tuple[Question, Cell]]:
        """Every metric and printed figure of an item: one, a table of models, or a table of layers."""
        base = self.question(said)
        rows = [(base.but(model=self.model(model)), cells) for model, cells in said["models"]]
        if "models" not in said.nodes:
            rows = [(base.but(of=(path,)), cells) for path, cells in said["layers"]]
        if not {"models", "layers"} & said.nodes.keys():
            return [(base, said["printed"])] if said["metric"] and said["printed"] else []
        return [
            (question.but(metric=metric), cell) for question, cells in rows for metric, cell in self.cells(said, cells)
        ]

    def cells(self, said: Values, cells: Cell | tuple[tuple[str, Cell], ...]) -> list[tuple[str, Cell]]:
        """The metrics and figures of a row: those that it names, or its figure of the item's metric."""
        if isinstance(cells, Cell) and said["metric"]:
            return [(said["metric"], cells)]
        if isinstance(cells, Cell) or said["metric"]:
            needed = "a printed figure, since 'metric' is said," if said["metric"] else "a metric for each figure"
            place = cells.place if isinstance(cells, Cell) else cells[0][1].place if cells else None
            raise VcalcError("type", f"{needed} is needed here", place)
        return list(cells)

    def words(self, said: Values) -> Iterator[Cell]:
        """The texts under the keys that name something, with their places."""
        nodes = [said.nodes[key] for key in reversed(_NAMING) if key in said.nodes]
        while nodes:
            node = nodes.pop()
            if isinstance(node, yaml.ScalarNode):
                yield Cell(str(node.value), self.source.place(node))
            elif isinstance(node, yaml.SequenceNode):
                nodes += reversed(node.value)
            else:
                nodes += [part for pair in reversed(node.value) for part in reversed(pair)]

    def claim(self, said: Values, question: Question, printed: Cell, words: tuple[Cell, ...]) -> Claim:
        claim = Claim(question, printed, said, words)
        claim.own = self.spec.models
        if said["under"]:
            claim.under = self.how(said["under"], "plus")
            claim.under |= said["under"].some("option", "metric")
            if said["under"]["printed"]:
                claim.under["printed"] = True
            if said["under"]["model"]:
                claim.under["model"] = self.model(said["under"]["model"])
        if said["against"]:
            claim.against = self.other(said["against"], question)
        return claim

    def question(self, said: Values) -> Question:
        """The question that the keys of a claim ask."""
        model = said["model"] or (self.spec.file if said["option"] else next(iter(self.spec.models)))
        metric = said["metric"] or "params"
        return Question(metric, self.model(model), option=said["option"], run=self.run(said), **self.how(said))

    def run(self, said: Values) -> Run | None:
        """How the network of a claim was trained; None where it says nothing of that."""
        if not {"schedule", "device", "devices", "dtype"} & said.nodes.keys():
            return None
        device, dtype = said["device"], said["dtype"]
        if device and dtype:
            dtype = Found(device.dtype).read(self.source, said.nodes["dtype"], "dtype")
        return Run(said["schedule"], device, said["devices"], dtype or "")

    def model(self, name: str) -> str:
        """A model of this very file stays in this file, wherever the file is."""
        inside = name in self.spec.models and not self.spec.options
        return f"{self.spec.file}:{name}" if inside and not self.in_catalogue() else name

    def in_catalogue(self) -> bool:
        return os.path.abspath(self.spec.file).startswith(catalogue() + os.sep)

    def how(self, said: Values, *more: str) -> dict[str, Any]:
        """How it is counted, as the changes to a question."""
        found = said.some("of", "kinds", "convention", "set", "bits", "density", *more)
        if "convention" in found:
            found["convention"] = found["convention"].name
        if "set" in found:
            found["bindings"] = tuple((name, cell.text) for name, cell in found.pop("set"))
        return found

    def other(self, said: str | Values, question: Question) -> Question:
        """The other side of a ratio: another model or option by name, or with a part and sizes of its own."""
        base = question.but(of=(), plus=())
        if isinstance(said, str):
            return base.but(option=said) if question.option else base.but(model=self.model(said))
        base = base.but(**self.how(said), **said.some("option", "metric"))
        return base.but(model=self.model(said["model"])) if said["model"] else base
