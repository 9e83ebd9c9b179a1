"""`vcalc why M 3.8G`: what a printed number may be, who prints it, and how surprising that is."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import partial
from typing import Any

from vcalc import units
from vcalc.analyses.claims import Verdict
from vcalc.analyses.origin import LIKELY, Origin
from vcalc.analyses.read_claims import subject_name
from vcalc.analyses.readings import Asked, Missing, Reading
from vcalc.reports.claims import claims_table
from vcalc.reports.notes import convention_note
from vcalc.reports.table import Column, Report, Row, Table, plain_value
from vcalc.spec.network import Network

SHOWN = 12
"""Claims that are shown for one figure."""


def claims_only(network: Network, text: str, verdicts: list[Verdict]) -> Report:
    """The claims that print a text with which nothing can be compared: a list, a word, a 0."""
    origin = Origin(verdicts, [], 0, 0, Fraction(0), [], [])
    tables = [_published(network, text, verdicts)]
    return Report(tables, _record(network, text, origin), partial(_every_answer, origin), origin.holds)


def _published(network: Network, text: str, verdicts: list[Verdict]) -> Table:
    """The claims that print a figure, no more than fit a screen."""
    more = len(verdicts) - SHOWN
    notes = [f"and {more} more claims of {network.name} that print it: vcalc claims {network.name}"] * (more > 0)
    return claims_table(f"{network.title}: {text} as it is published", verdicts[:SHOWN], notes)


def number_report(network: Network, asked: Asked, origin: Origin) -> Report:
    """What a printed number may be: the claims that print it, what comes to it, or else the nearest and what lacks."""
    tables = []
    if not (origin.verdicts or origin.found or origin.nearest):
        notes = ["a ratio is looked for among the claims about the model alone; vcalc compare works one out"]
        tables.append(claims_table(f"{network.title}: no claim prints {asked.text}", [], notes))
    if origin.verdicts:
        tables.append(_published(network, asked.text, origin.verdicts))
    if origin.found:
        heading = f"{network.title}: what {'else ' if origin.verdicts else ''}comes to {asked.text}"
        tables.append(_readings_table(heading, origin.found, asked, True, [*_weighed(origin), *_said(origin.found)]))
    if origin.nearest:
        what = "the nearest otherwise" if origin.found else f"nothing comes to {asked.text}; the nearest"
        notes = [*_what_is_missing(origin.missing), *_misread(origin), *_cut_short(origin)]
        tables.append(_readings_table(f"{network.title}: {what}", origin.nearest, asked, False, notes))
    return Report(tables, _record(network, asked.text, origin), partial(_every_answer, origin), origin.holds)


def _record(network: Network, text: str, origin: Origin) -> dict[str, Any]:
    return {
        "schema": 1,
        "model": network.name,
        "printed": text,
        "claims": [verdict.record() for verdict in origin.verdicts],
        "matches": [_reading_record(reading) for reading in origin.found],
        "known": origin.known,
        "tried": origin.tried,
        "accident": None if origin.known or not origin.found else round(float(origin.accident), 6),
        "nearest": [_reading_record(reading) for reading in origin.nearest],
        "missing": [
            {"convention": _name(reading), "metric": reading.metric, **part._asdict()}
            for reading, missing in origin.missing
            for part in missing
        ],
        "cut_short": origin.cut_short,
    }


def _every_answer(origin: Origin) -> Table:
    """Claims, what comes to the figure, and the nearest, in one table with a number and its unit apart."""
    keys = (
        "answer",
        "variant",
        "of",
        "times",
        "convention",
        "metric",
        "dtype",
        "value",
        "unit",
        "how",
        "why",
        "source",
    )
    rows = [
        {
            "answer": "claim",
            "variant": subject_name(verdict.claim.question),
            "of": ",".join((*verdict.claim.question.of, *verdict.claim.question.kinds)),
            "convention": verdict.claim.question.convention,
            "metric": verdict.claim.question.metric,
            "value": verdict.exact,
            "how": f"{verdict.verdict} {verdict.under}".strip(),
            "why": verdict.claim.why,
            "source": verdict.claim.source,
        }
        for verdict in origin.verdicts
    ]
    for answer, readings in (("match", origin.found), ("nearest", origin.nearest)):
        rows += [{"answer": answer, **_reading_record(reading)} for reading in readings]
    return Table("", [Column(key, key) for key in keys], [Row(cells, "layer") for cells in rows])


def _readings_table(heading: str, readings: list[Reading], asked: Asked, matches: bool, notes: list[str]) -> Table:
    columns = [
        Column("variant", "variant"),
        Column("convention", "convention", prose=True),
        Column("metric", "metric", drop=2, text=str),
        Column("value", "value", number=True, text=str),
        Column("how", "and" if matches else "off by", number=not matches, text=str),
    ]
    rows = _merged(_reading_cells(reading, asked, matches) for reading in readings)
    return Table(heading, columns, [Row(cells, "layer") for cells in rows], notes)


def _weighed(origin: Origin) -> list[str]:
    """How likely it is to meet a figure that has no reason, where what is found is no more than a fit."""
    if origin.known:
        return []
    share = _share(origin.accident)
    text = f"{origin.tried:,} numbers were tried until one fitted; by accident {share} with as many digits fits one"
    if origin.verdicts:
        return [f"this merely fits, beside the reason that is published: {text}"]
    if not origin.fits:
        return [f"this may well be a coincidence: {text}"]
    return [f"hardly a coincidence: {text}" if origin.accident < LIKELY[2] else text]


def _share(share: Fraction) -> str:
    """`one figure in 6`."""
    return "nearly every figure" if 2 * share > 1 else f"one figure in {round(1 / share):,}"


def _what_is_missing(parts: list[tuple[Reading, list[Missing]]]) -> list[str]:
    """The parts whose absence or doubling gives the printed number, conventions that agree in one line."""
    who: dict[str, list[str]] = {}
    for reading, missing in parts:
        for part in missing:
            text = f"{part.change} {part.part} it would be {units.exact(part.value)} ({reading.metric})"
            who.setdefault(text, []).append(_name(reading) or "")
    notes = [f"{text} under {', '.join(names)}" for text, names in who.items()]
    return notes or ["no single part of the network, left out or taken twice, explains it"]


def _cut_short(origin: Origin) -> list[str]:
    return ["the network is too large to try everything: docs/limits.md"] if origin.cut_short else []


def _misread(origin: Origin) -> list[str]:
    """The figure that may be meant, where a letter is missing or another one."""
    if origin.meant is None:
        return []
    text, reading = origin.meant
    return [f"{text} would be near: {_how_counted(reading)} is {_value(reading)}"]


def _how_counted(reading: Reading) -> str:
    return f"{reading.metric} under {reading.convention.name}" if reading.convention else reading.metric


def _reading_cells(reading: Reading, asked: Asked, matches: bool) -> dict[str, Any]:
    of = f"{reading.of} of {reading.variant}" if reading.of else reading.variant
    times = {2: "twice ", 0.5: "half of "}.get(reading.times, "")
    steps = f", in steps of {reading.kilobyte}" if len(asked.figures) > 1 else ""
    return {
        "variant": f"{times}{of}",
        "convention": _name(reading) or "",
        "metric": f"{reading.metric}, {reading.dtype}" if reading.dtype else reading.metric,
        "value": _value(reading),
        "how": f"{reading.how} to {asked.text}{steps}" if matches else _off(reading.value / asked.value),
    }


def _value(reading: Reading) -> str:
    return f"{units.exact(reading.value)} {reading.unit}"


def _off(quotient: Any) -> str:
    """How far a reading is off: per cent where it is near, and else how many times as much it is."""
    if 0.5 <= quotient <= 2:
        return f"{100 * (float(quotient) - 1):+.2f}%"
    if quotient < 0.1:
        return f"1/{_times(1 / quotient)} of it"
    return f"{_times(quotient)} times as much"


def _times(factor: Any) -> str:
    """A factor in words: 2.4, 240, 5 million."""
    for name, size in (("trillion", 10**12), ("billion", 10**9), ("million", 10**6)):
        if factor >= size:
            return f"{round(factor / size):,} {name}"
    return f"{round(factor):,}" if factor >= 10 else f"{float(factor):.1f}"


def _name(reading: Reading) -> str | None:
    return reading.convention.name if reading.convention else None


def _merged(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that differ only in their convention as one."""
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for cells in rows:
        key = (cells["variant"], cells["metric"], cells["value"])
        if key in merged:
            merged[key]["convention"] += f", {cells['convention']}"
        else:
            merged[key] = cells
    return list(merged.values())


def _said(found: list[Reading]) -> list[str]:
    chosen = {_name(reading): reading.convention for reading in found if reading.metric == "flops"}
    return [convention_note(convention) for convention in list(chosen.values())[:3] if convention]


def _reading_record(reading: Reading) -> dict[str, Any]:
    return {
        "variant": reading.variant,
        "convention": _name(reading),
        "metric": reading.metric,
        "unit": reading.unit,
        "value": plain_value(reading.value),
        "how": reading.how,
        "of": reading.of,
        "times": reading.times,
        "dtype": reading.dtype or None,
        "kilobyte": reading.kilobyte or None,
    }
