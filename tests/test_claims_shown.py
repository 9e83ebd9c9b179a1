"""What people see of claims: every figure whole, its reason and its source, on any terminal and in any format."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_render import on_a_terminal
from zoo import judged, one_in

from vcalc.analyses import claims
from vcalc.analyses.claims import judge
from vcalc.analyses.pick_claims import ONLY
from vcalc.cli import main
from vcalc.render import markup, text
from vcalc.reports.claims import claims_report, distinct, kind_of
from vcalc.reports.claims_overview import overview
from vcalc.reports.table import BELOW, HEAD, SMALL, Column, Report, Row, Table
from vcalc.spec.find import catalogue

WIDTHS = (60, 80, 100, 140)
ASKED = (
    ("vgg16",),
    ("googlenet", "resnet50"),
    ("vit-h-14", "mae-vit-l-16"),
    ("window-vs-global", "conv-vs-depthwise-separable", "resnext-cardinality"),
)


def flat(drawn: str) -> str:
    """The words of a text, however it is folded."""
    return " ".join(drawn.split())


def bare(drawn: str) -> str:
    """The letters of a text, however it is folded: a path is longer than a narrow line."""
    return "".join(drawn.split())


@pytest.mark.parametrize("width", one_in(2, WIDTHS))
@pytest.mark.parametrize("names", ASKED, ids="-".join)
def test_every_claim_is_shown_whole_at_every_width(names, width):
    verdicts = judged(*names)
    drawn = text.plain(claims_report(verdicts), width)
    assert max(map(len, drawn.splitlines())) <= width
    for verdict in verdicts:
        claim = verdict.claim
        assert f" {claim.printed} " in flat(drawn)
        assert bare(claim.source) in bare(drawn)
        assert verdict.verdict == "reproduced" or bare(claim.why) in bare(drawn)


@pytest.mark.parametrize("width", one_in(2, WIDTHS))
def test_a_figure_and_ours_stand_on_one_line(width):
    lines = text.plain(claims_report(judged("vgg16")), width).splitlines()
    for printed, ours, verdict in (
        ("13.6 GFLOP", "15,476,385,792", "under"),
        ("138M", "138,357,544", "reproduced"),
        ("17.8x", "19.414", "differs"),
        ("[2, 2, 2, 3, 3]", "[2, 2, 3, 3, 3]", "under"),
    ):
        assert any(re.search(rf"{re.escape(printed)} +{re.escape(ours)} +{verdict}\b", line) for line in lines)


def test_on_a_wide_terminal_lines_are_no_longer_than_is_easily_read():
    lines = text.plain(claims_report(judged("googlenet", "resnet50")), 200).splitlines()
    assert max(len(line) for line in lines[1:-1]) <= 100


def test_differences_come_first_and_each_model_by_itself():
    drawn = text.plain(claims_report(judged("googlenet", "resnet50"), "", ["googlenet", "resnet50"]), 80)
    models = drawn.index("\ngooglenet\n"), drawn.index("\nresnet50\n")
    assert models[0] < models[1]
    assert models[1] < drawn.index("\ninception-v3\n")
    part = drawn[models[0] : models[1]]
    order = [part.index(word) for word in ("  differs", "  under\n", "  reproduced\n")]
    assert order == sorted(order)
    assert part.rindex("  differs") < order[1]


def test_figures_of_one_source_share_it():
    drawn = text.plain(claims_report(judged("vgg16")), 100)
    listing = drawn.split("\nheight of stage1/conv1 ", 1)[1].split(" source: ", 1)[0]
    assert len(re.findall(r"^(?:height|width|channels) of \S+ +\d+ +\d+  reproduced$", listing, re.MULTILINE)) > 40
    assert drawn.count(" source: ") < len(judged("vgg16")) / 3


def test_a_terminal_tells_verdicts_by_colour_and_a_pipe_gets_none():
    model = str(Path(catalogue()) / "vgg.yaml:vgg16")  # reads the claims of this file alone
    coloured = on_a_terminal("claims", model, columns=80)
    assert re.search(r"\x1b\[1m[^\n]*17\.8x +19\.414 +differs", coloured)
    assert re.search(r"\x1b\[36m[^\n]*13\.6 GFLOP", coloured)
    assert "\x1b[" not in on_a_terminal("claims", model, NO_COLOR="1").rpartition("published figures")[2]


@pytest.mark.parametrize(("columns", "most"), one_in(2, [("80", 80), ("", 100), ("60", 60), ("7", 100), ("wide", 100)]))
def test_a_pipe_is_a_page_of_so_many_columns_as_is_said(vcalc, monkeypatch, columns, most):
    monkeypatch.setenv("COLUMNS", columns)
    lines = vcalc("claims", "vgg16").stdout.splitlines()
    assert most - 20 < max(map(len, lines)) <= most


def test_other_formats_have_a_row_for_each_claim(vcalc):
    records = json.loads(vcalc("claims", "vgg16", "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(vcalc("claims", "vgg16", "--format", "csv").stdout)))
    lines = [line for line in vcalc("claims", "vgg16", "--format", "markdown").stdout.splitlines() if line[:1] == "|"]
    assert len(records) == len(rows) == len(lines) - 2
    assert [row["printed"] for row in rows] == [record["printed"] for record in records]
    assert [row["source"] for row in rows] == [record["source"] for record in records]
    assert {"subject", "metric", "printed", "exact", "verdict", "why", "source"} <= set(rows[0])


def totals(line: str) -> tuple[int, int]:
    """How many figures the summary has, and what its kinds of verdicts add to."""
    figures, parts = line.split(" in ", 1)
    kinds = re.findall(r"(\d[\d,]*) (?:reproduced|differs?|imply|implies)", parts)
    return int(figures.split()[0].replace(",", "")), sum(int(number.replace(",", "")) for number in kinds)


@pytest.mark.parametrize("names", ASKED, ids="-".join)
def test_the_summary_adds_up(names):
    figures, kinds = totals(claims_report(judged(*names)).tables[0].notes[-1])
    assert figures == kinds <= len(judged(*names))


def test_a_figure_that_several_sources_print_counts_once(tmp_path, vcalc):
    claim = "  - {source: a %s, metric: params, printed: %s, %s}\n"
    spec = "title: Net\ninput: {D: 4}\nlayers: [{linear: {out: 2, name: fc}}]\nclaims:\n"
    reason = "ours: 10, guess: a misprint"
    printed = [
        ("table", 10, "of: fc"),
        ("slide", "10", "of: fc"),
        ("poster", 10, "kinds: linear"),
        ("talk", 12, reason),
    ]
    (tmp_path / "net.yaml").write_text(spec + "".join(claim % one for one in [*printed, ("memo", 12, reason)]))
    last = vcalc("claims", str(tmp_path / "net.yaml")).stdout.splitlines()[-1]
    assert last == "3 figures in 5 claims: 2 reproduced, 1 differs (1 guessed)"


# What is asked for


def records(vcalc: Any, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(vcalc("claims", *arguments, "--format", "json").stdout)
    return found


def test_only_some_verdicts(vcalc):
    every = records(vcalc, "vgg16", "resnet50")
    for only, verdict in (("differs", "differs"), ("under", "reproduced under"), ("reproduced", "reproduced")):
        found = records(vcalc, "vgg16", "resnet50", "--only", only)
        assert found == [record for record in every if record["verdict"] == verdict] != []
    both = records(vcalc, "vgg16", "resnet50", "--only", "differs", "--only", "under")
    assert both == [record for record in every if record["verdict"] in ("differs", "reproduced under")]


def test_only_a_source(vcalc):
    found = records(vcalc, "--source", "johnson")
    assert {record["model"] for record in found} >= {"vgg16", "googlenet", "resnet50", "alexnet"}
    assert all(any("Johnson" in source for source in record["sources"]) for record in found)


@pytest.mark.parametrize("asked", one_in(3, ["--only open", "--source Johnson", "--edition pycls"]))
def test_what_needs_no_verdict_is_judged_only_where_it_is_shown(vcalc, monkeypatch, asked):
    seen = []
    monkeypatch.setattr(claims, "judge", lambda claim, *rest: seen.append(claim) or judge(claim, *rest))
    assert 0 < len(records(vcalc, *asked.split())) == len(seen) < len(judged()) / 10


@pytest.mark.parametrize(
    ("arguments", "says", "hint"),
    [
        (("--source", "Jonson"), "no claim that is asked for has 'Jonson' in its source", "did you mean 'Johnson'?"),
        (("--source", "@"), "no claim that is asked for has '@' in its source", "any part of a claim's source will do"),
        (("--edition", "@"), "no claim that is asked for has '@' in its edition", "any part of a claim's edition"),
        (("--only", "differ"), "--only cannot be 'differ'", "did you mean 'differs'?"),
        (("--only", "all"), "--only cannot be 'all'", "differs, guess, implies, open, reproduced, under"),
    ],
)
def test_what_cannot_be_asked_for_is_answered_in_one_message(vcalc, arguments, says, hint):
    error, help_, end = vcalc("claims", "vgg16", "vgg19", "alexnet", *arguments, code=2).stderr.split("\n")
    assert (error, end) == (f"error: {says}", "")
    assert hint in help_


def test_the_shell_completes_what_may_be_asked_for(monkeypatch, vcalc):
    monkeypatch.setenv("COMP_WORDS", "vcalc claims --only ")
    monkeypatch.setenv("COMP_CWORD", "3")
    done = CliRunner().invoke(main, [], prog_name="vcalc", env={"_VCALC_COMPLETE": "bash_complete"})
    assert {line.split(",")[1] for line in done.output.split()} >= set(ONLY)


NET = """
title: Net
input: {D: 4}
layers: [{linear: {out: 2}}]
claims:
  - {source: a table, edition: "arXiv v1, corrected in v2", metric: params, printed: 10}
  - {source: a lost slide, seen: no, metric: params, printed: 8, derived: 4 times 2, under: {kinds: linear,
     convention: cs231n}, why: without biases}
  - {sources: [a poster, a talk], metric: params, printed: 11, ours: 10, guess: somebody miscounted}
  - {source: a rumour, metric: params, printed: 12, ours: 10, open: yes}
  - {source: a memo, metric: params, printed: ~9.8, digits: 2}
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.yaml").write_text(NET)
    return str(tmp_path / "net.yaml")


def test_what_a_verdict_rests_on_is_said(vcalc, net):
    drawn = flat(vcalc("claims", net).stdout)
    for words in (
        "differs, guess A guess: somebody miscounted source: a poster; also a talk",
        "differs, open Nobody has an explanation. source: a rumour how: ours is 10 in its rounding",
        "under under linear only, convention cs231n: without biases source: a lost slide (not seen by us)",
        "how: derived: 4 times 2",
        "source: a table edition: arXiv v1, corrected in v2",
        "rounded to 2 digits; within 5%: 2.0% from it",
        "5 figures in 5 claims: 2 reproduced, 1 reproduced under a variant or rule, 2 differ (1 guessed, 1 open); "
        "1 of a source that was not seen",
    ):
        assert words in drawn


@pytest.mark.parametrize(
    ("asked", "printed"),
    [
        (("--only", "guess"), ["11"]),
        (("--only", "open"), ["12"]),
        (("--only", "open", "--only", "under"), ["8", "12"]),
        (("--only", "differs", "--source", "TALK"), ["11"]),
        (("--edition", "CORRECTED"), ["10"]),
        (("--unseen",), ["8"]),
        (("--unseen", "--only", "differs"), []),
    ],
)
def test_only_what_is_asked_for(vcalc, net, asked, printed):
    assert [record["printed"] for record in records(vcalc, net, *asked)] == printed
    assert ("there is no such figure" in vcalc("claims", net, *asked).stdout) is not bool(printed)


def test_without_a_model_there_is_an_overview_of_what_differs(monkeypatch):
    every = judged()
    monkeypatch.setattr(claims, "judge_all", lambda *_: every)
    drawn = CliRunner().invoke(main, ["claims"]).stdout
    assert len(drawn.splitlines()) < 300
    assert re.search(r"^googlenet +\d+[\d ]+$", drawn, re.MULTILINE)
    assert "googlenet 418 MFLOP, 0 KB, 5M" in flat(drawn)
    everything = CliRunner().invoke(main, ["claims", "--all"]).stdout
    assert flat(everything)[-60:] == flat(drawn)[-60:]
    assert len(re.findall("  differs(?:,|$)", everything, re.MULTILINE)) > 150
    rows = list(csv.DictReader(io.StringIO(CliRunner().invoke(main, ["claims", "--format", "csv"]).stdout)))
    assert len(rows) == len(judged())


@pytest.mark.parametrize("width", one_in(2, WIDTHS))
def test_every_claim_of_the_catalogue_has_its_place_at_every_width(width):
    for table in (claims_report(judged()).tables[0], overview(judged())):
        drawn = text.plain(Report([table], None), width)
        assert max(map(len, drawn.splitlines())) <= width
        written = bare(drawn)
        assert all(bare(verdict.claim.printed) in written for verdict in judged() if verdict.verdict == "differs")


def test_the_overview_counts_every_figure_once():
    table = overview(judged())
    more = int(re.search(r"which have ([\d,]+)", table.notes[0])[1].replace(",", ""))
    assert sum(row.cells["figures"] for row in table.rows) + more == len(distinct(judged()))
    assert sum(row.cells["differ"] for row in table.rows) == sum(
        kind_of(verdict) in ("differs", "unexplained") for verdict in distinct(judged())
    )


MEASURED = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "vcalc", "claims"], stdout=subprocess.DEVNULL)
_, code, usage = os.wait4(child.pid, 0)
child.returncode = 0  # it has been waited for
assert code == 0
print(usage.ru_maxrss, usage.ru_utime + usage.ru_stime)
"""
"""From a small process: a child begins with the memory of the one that starts it."""


@pytest.mark.slow
def test_all_claims_take_little_memory_and_no_long_time():
    """Six seconds of CPU on a free core, and 150 MiB for 620 models; a busy core takes longer for as much."""
    done = subprocess.run([sys.executable, "-c", MEASURED], stdout=subprocess.PIPE, text=True, check=True)
    kilobytes, seconds = map(float, done.stdout.split())
    assert kilobytes < 150 * 1024
    assert seconds < 2 * 6


# Any table whose rows have text below

WORD = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=90)


@settings(max_examples=200)
@example([("a", "", "0" * 15, "", "")], 20)
@given(st.lists(st.tuples(st.sampled_from("ab"), WORD, WORD, WORD, WORD), max_size=5), st.integers(20, 150))
def test_no_line_is_too_long_whatever_is_in_it(cells, width):
    columns = [
        Column("0", "model", place=HEAD, text=str),
        Column("1", "figure", text=str),
        Column("2", "ours", number=True, text=str),
        Column("3", "why", place=BELOW, text=str),
        Column("4", "source", place=SMALL, text=str),
    ]
    rows = [Row(dict(zip("01234", row, strict=True))) for row in cells]
    table = Table("", columns, rows)
    drawn = text.plain(Report([table], None), width)
    assert max(map(len, drawn.splitlines()), default=0) <= width
    whole = bare(drawn)
    assert all(bare(cell) in whole for head, _, *texts in cells for cell in (head, *texts))
    assert all(word in whole for _, name, *_ in cells for word in name.split())  # values stand beside its first line
    assert markup.csv_text(Report([table], None)).count("\n") >= len(rows) + 1
