"""The page of slips: twenty printed figures that are not so, each with its story and its proof.

slips.yaml names the claims and tells the stories; what a claim says and every figure of ours is worked out here, and
what the commands print is put in by generate.py.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import yaml

from vcalc import units
from vcalc.analyses.check_work import Work
from vcalc.analyses.claims import CHECKED, DIFFERS, GUESS, OPEN, UNDER, Verdict, judge_all
from vcalc.analyses.measure import Question
from vcalc.analyses.read_claims import Claim, name_asked
from vcalc.spec.find import catalogue_files, find_block, load_file

DATA = Path(__file__).parent / "slips.yaml"
WIDTH = 118
_STEP = re.compile(r"(?P<step>[0-9.]+)(?P<space> ?)(?P<letter>[KMGBT]?)(?P<word>.*)")
REASONS = {CHECKED: "checked", GUESS: "a guess", OPEN: "not known"}
_SCALE = {"": 0, "K": 1, "M": 2, "G": 3, "B": 3, "T": 4}


def slips_page(note: str) -> str:
    """The page, with a note at its head, and commands without what they print."""
    data = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    slips = list(told(data["slips"]))
    parts = [note, f"# {data['title']}\n", _wrapped(data["intro"]), _contents(slips)]
    for number, (slip, verdict) in enumerate(slips, 1):
        parts += [f"## {number}. {slip['title']}\n", _facts(verdict), *_story(slip, verdict)]
    return "\n".join([*parts, _wrapped(data["end"])])


def told(slips: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Verdict]]:
    """Each slip with the verdict of its claim."""
    found: list[Claim] = []

    def chosen(claims: list[Claim]) -> list[Claim]:
        found.extend(_claim(slip["claim"], claims) for slip in slips)
        return found

    judged = judge_all(map(load_file, catalogue_files()), None, iter, chosen)
    verdicts = {verdict.claim: verdict for verdict in judged}
    for slip, claim in zip(slips, found, strict=True):
        verdict = verdicts[claim]
        if verdict.verdict not in (DIFFERS, UNDER):
            raise SystemExit(f"docs/slips.yaml, {slip['title']}: {claim.printed} is {verdict.verdict}, and no slip")
        yield slip, verdict


def _claim(wanted: dict[str, Any], claims: list[Claim]) -> Claim:
    """The one claim that an entry names by model, metric, printed figure and words of its source."""
    found = [
        claim
        for claim in claims
        if (name_asked(claim.question), claim.question.metric) == (wanted["model"], wanted["metric"])
        and claim.printed == wanted["printed"]
        and any(wanted["source"] in source for source in claim.sources)
    ]
    if len(found) != 1:
        raise SystemExit(f"docs/slips.yaml: {len(found)} claims are {wanted}; one is wanted")
    return found[0]


def _contents(slips: list[tuple[dict[str, Any], Verdict]]) -> str:
    """Every slip in a line: its title, what it is of, what is printed and what is so."""
    lines = ["| | slip | of | printed | ours |", "| ---: | --- | --- | ---: | ---: |"]
    for number, (slip, verdict) in enumerate(slips, 1):
        claim = verdict.claim
        anchor = re.sub(r"[^a-z0-9 -]", "", f"{number}. {slip['title']}".lower()).replace(" ", "-")
        of = f"{name_asked(claim.question)}: {claim.question.metric}"
        lines.append(f"| {number} | [{slip['title']}](#{anchor}) | {of} | {claim.printed} | {_ours(verdict)} |")
    return "\n".join(lines) + "\n"


def _facts(verdict: Verdict) -> str:
    """What is printed, what is so, and where."""
    claim = verdict.claim
    where = [claim.sources[0], *(f"also {source}" for source in claim.sources[1:])]
    edition = f"; edition {claim.edition}" if claim.edition else ""
    unseen = "; not seen by us" if not claim.seen else ""
    reason = f" The reason is {REASONS[verdict.reason]}." if verdict.reason in REASONS else ""
    source = f"*{'; '.join(where)}{edition}{unseen}.*"
    return _wrapped(f"Printed: **{claim.printed}**. Ours: **{_ours(verdict)}**.{reason} {source}")


def _ours(verdict: Verdict) -> str:
    """Our value: a count exact, a ratio as the source writes it."""
    value = verdict.exact
    if isinstance(value, float):
        return f"{value:.2%}" if verdict.claim.printed.endswith("%") else f"{value:.3g}"
    return str(value) if isinstance(value, list) else units.exact(value)


def _story(slip: dict[str, Any], verdict: Verdict) -> Iterator[str]:
    """The story with the figures that it asks for put in, the commands, and what has happened since."""
    figures = {name: figure(asked) for name, asked in slip.get("figures", {}).items()}
    figures |= {"printed": verdict.claim.printed}
    try:
        yield from (_wrapped(text.format(**figures)) for text in slip["story"].strip().split("\n\n"))
        yield _proof(slip["proof"])
        if "since" in slip:
            yield _wrapped(f"**Since then:** {slip['since'].format(**figures)}")
    except KeyError as error:
        raise SystemExit(f"docs/slips.yaml, {slip['title']}: there is no figure {error}") from None


def figure(asked: dict[str, Any]) -> str:
    """A figure of ours in words: exact, or rounded as `as` says (`0.1 G`, `0.01%`, `1x`)."""
    question = _question(asked)
    work = Work()
    value: Any = work.answer(question)
    if "over" in asked:
        other = question.but(of=(), kinds=()) if isinstance(asked["over"], dict) else question
        over = asked["over"] if isinstance(asked["over"], dict) else {"model": asked["over"]}
        value = Fraction(value) / Fraction(work.answer(_changed(other, over)))
    value *= asked.get("times", 1)
    return rounded(value, str(asked["as"])) if "as" in asked else units.exact(value)


def _question(asked: dict[str, Any]) -> Question:
    question = _changed(Question(asked["metric"], asked["model"]), asked)
    return question.but(model=find_block(asked["model"])) if "option" in asked else question


def _changed(question: Question, asked: dict[str, Any]) -> Question:
    changes: dict[str, Any] = {key: asked[key] for key in ("model", "convention", "option") if key in asked}
    for key in ("of", "kinds", "plus"):
        if key in asked:
            changes[key] = (asked[key],) if isinstance(asked[key], str) else tuple(asked[key])
    if "set" in asked:
        changes["bindings"] = tuple((name, str(size)) for name, size in asked["set"].items())
    return question.but(**changes)


def rounded(value: Any, step: str) -> str:
    """A number rounded to a step with a letter and a unit: `15.5 G` to the step `0.1 G`."""
    found = _STEP.fullmatch(step)
    assert found, step
    least = Fraction(found["step"])
    scale = Fraction(1, 100) if found["word"] == "%" else Fraction(1000 ** _SCALE[found["letter"]])
    number = floor(Fraction(value) / scale / least + Fraction(1, 2)) * least
    decimals = len(found["step"].partition(".")[2])
    return f"{float(number):,.{decimals}f}{found['space']}{found['letter']}{found['word']}"


def _proof(command: str) -> str:
    return "```console\n" + "".join(f"$ {line}\n" for line in command.strip().splitlines()) + "```\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_on_hyphens=False, break_long_words=False) + "\n"
