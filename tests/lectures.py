"""The tables and figures that lectures print, cell by cell, as tests/data/lectures/*.yaml has them.

A file is a lecture; a slide has a `table`, exactly as printed, with `|` between the cells and its heads in the first
line, or `figures`, whose `words` are the sentence that each stands in. How a cell is asked is what its slide (`ask`),
its column and its row say, the last one last, in the words of a claim: `model` (`block/option`, too), `metric`, `of`,
`kinds`, `set`, `against` as `vcalc claims --format json` writes it, and `schedule`, `30 epochs of 14,000,000 images`.
A row asks for one of its columns in another way under the head of it. `unit` is what the head of a column adds to the
figure; `as` is what a claim writes for a figure in words, or for a formula; `item` its place in a list. `waits` says
why a figure whose `metric` there is not yet cannot be asked, `outside` that it is nothing that a network costs or has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from vcalc.analyses.read_claims import Claim, subject_name

DATA = Path(__file__).parent / "data" / "lectures"
_KEYS = {"model", "metric", "of", "kinds", "set", "against", "schedule", "unit", "as", "item", "waits", "outside"}


class Question(NamedTuple):
    """What a cell or a claim asks."""

    model: str
    metric: str
    of: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    against: str = ""
    schedule: str = ""

    def __str__(self) -> str:
        parts = [*self.of, *self.kinds, *(f"{name}={value}" for name, value in self.set)]
        to = f" against {self.against}" if self.against else ""
        run = f" ({self.schedule})" if self.schedule else ""
        return f"{self.metric} of {' '.join([self.model, *parts])}{to}{run}"


class Cell(NamedTuple):
    """A printed figure with its place, and how it is asked; or why it is not."""

    lecture: str
    slide: str
    place: str
    printed: str
    question: Question | None
    item: int = 0
    waits: str = ""
    outside: str = ""
    metric: str = ""

    def __str__(self) -> str:
        return f"{self.slide}, {self.place}: {self.printed}"


def lectures() -> list[Path]:
    """The files of the lectures."""
    return sorted(DATA.glob("*.yaml"))


def cells_of(file: Path) -> list[Cell]:
    """Every cell of a lecture. Raises ValueError for a column or a row that does not say what it is."""
    data = yaml.load(file.read_text(), yaml.BaseLoader)
    return [cell for slide in data["slides"] for cell in _slide(data["lecture"], slide)]


def _slide(lecture: str, slide: dict[str, Any]) -> Iterator[Cell]:
    known = {"slide", "ask", "table", "rows", "columns", "figures"}
    if unknown := set(slide) - known:
        raise ValueError(f"{slide['slide']}: {unknown} says nothing")
    ask = slide.get("ask", {})
    if "table" in slide:
        yield from _table(lecture, slide, ask)
    for figure in slide.get("figures", []):
        asked = {**ask, **{key: value for key, value in figure.items() if key not in ("printed", "words")}}
        yield _cell(lecture, slide["slide"], figure["words"], figure["printed"], asked)


def _table(lecture: str, slide: dict[str, Any], ask: dict[str, Any]) -> Iterator[Cell]:
    heads, *rows = [[cell.strip() for cell in line.split("|")] for line in slide["table"].strip().splitlines()]
    columns, asked_rows = slide["columns"], slide.get("rows") or [{}] * len(rows)
    if set(columns) != set(heads) or len(heads) != len(set(heads)) or len(rows) != len(asked_rows):
        raise ValueError(f"{slide['slide']}: {set(columns) ^ set(heads)} or a row more or less")
    for row, of_row in zip(rows, asked_rows, strict=True):
        if len(row) != len(heads) or set(of_row) - {*_KEYS, *heads}:
            raise ValueError(f"{slide['slide']}: {row} is not a row of {heads}, or {of_row} names no column")
        whole_row = {key: value for key, value in of_row.items() if key in _KEYS}
        for head, printed in zip(heads, row, strict=True):
            if printed not in ("", "—", "-"):
                asked = {**ask, **columns[head], **whole_row, **of_row.get(head, {})}
                yield _cell(lecture, slide["slide"], f"{row[0]}, {head}", printed, asked)


def _cell(lecture: str, slide: str, place: str, printed: str, asked: dict[str, Any]) -> Cell:
    if unknown := set(asked) - _KEYS:
        raise ValueError(f"{slide}, {place}: {unknown} says nothing")
    for key in ("outside", "waits"):
        if key in asked:
            return Cell(lecture, slide, place, printed, None, metric=asked.get("metric", ""), **{key: asked[key]})
    if not {"model", "metric"} <= set(asked):
        raise ValueError(f"{slide}, {place}: {printed} is asked by no metric of no model")
    bindings = tuple(sorted(asked.get("set", {}).items()))
    question = Question(
        asked["model"],
        asked["metric"],
        _words(asked.get("of", ())),
        _words(asked.get("kinds", ())),
        bindings,
        asked.get("against", ""),
        asked.get("schedule", ""),
    )
    text = asked.get("as", printed + asked.get("unit", ""))
    return Cell(lecture, slide, place, text, question, int(asked.get("item", 0)))


def _words(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def asked_by(claim: Claim) -> Question:
    """What a claim asks, in the same words."""
    question = claim.question
    return Question(
        subject_name(question),
        question.metric,
        question.of,
        question.kinds,
        tuple(sorted(question.bindings)),
        claim.other_side,
        str(question.run.schedule or "") if question.run else "",
    )


def cites(claim: Claim, lecture: str, slide: str = "") -> bool:
    """Whether a claim is of a lecture, or of one of its slides: its title, in quotes or up to a comma or the end."""
    sources = [" ".join(source.split()) for source in claim.sources]
    if not slide:
        return any(lecture in source for source in sources)
    ends = (f"{lecture}, {slide}", f'{lecture}, "{slide}"')
    begins = (f"{lecture}, {slide},", f"{lecture}, {slide};", f'{lecture}, "{slide}"')
    return any(source.endswith(ends) or any(begin in source for begin in begins) for source in sources)


def prints(claim: Claim, cell: Cell) -> bool:
    """Whether a claim prints what the cell does, or has it in its list."""
    if not cell.item:
        return claim.printed == cell.printed
    items = claim.printed.strip("[]").split(",")
    return len(items) >= cell.item and items[cell.item - 1].strip() == cell.printed
