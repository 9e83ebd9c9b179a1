"""`vcalc check --accept`: the figures that a spec comes to, written by as small a change as a person would make."""

from __future__ import annotations

import difflib
import os

import pytest

from vcalc.analyses.accept import accepted
from vcalc.analyses.check import check_file
from vcalc.errors import VcalcError

NET = "title: Net\ninput: {C: 3, H: 8, W: 8}\nlayers:\n  - conv: {out: 4, kernel: 3, pad: 1}  # one\n"
FIGURES = "{params: 112, flops: 6912}"
MODELS = (
    "title: Net\ninput: {C: 3, H: 8, W: 8}\nmodels: {narrow: {width: 4}, wide: {width: 8}}\n"
    "layers: [conv: {out: width, kernel: 3, pad: 1}]\n"
)


def changes(before: str, after: str) -> str:
    """The lines that go and come, without those around them."""
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return "".join(line for line in lines if line[0] in "+-")


WIDE = "wide: {params: 224, flops: 13824}"


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (NET, f"+ \n+ expect: {FIGURES}\n"),
        (NET + "\n", f"+ expect: {FIGURES}\n"),
        (NET + "budget: [params <= 1K]\n", f"+ \n+ expect: {FIGURES}\n"),
        (NET + "\n# what papers say\nclaims: []\n", f"+ expect: {FIGURES}\n+ \n"),
        (MODELS, f"+ \n+ expect:\n+   narrow: {FIGURES}\n+   {WIDE}\n"),
        ("title: t\nsymbols: [c]\ninput: {D: c}\nlayers: [linear: {out: c}]\n",
         "+ \n+ expect: {params: c**2 + c, flops: c**2}\n"),
        ("title: t\ninput: {D: 2}\noptions:\n  a: [linear: {out: 3}]\n  b-c: [relu]\n",
         "+ \n+ expect:\n+   a: {params: 9, flops: 6}\n+   b-c: {params: 0, flops: 0}\n"),
    ],
)  # fmt: skip
def test_a_file_that_pins_nothing_gets_a_section(before, change):
    after = accepted(before, "net.yaml", "net")
    assert changes(before, after) == change
    assert accepted(after, "net.yaml", "net") == after


@pytest.mark.parametrize(
    ("rest", "old", "new"),
    [
        (NET, "expect:\n", f"expect: {FIGURES}\n"),
        (NET, "expect: {}  # none\n", f"expect: {FIGURES}  # none\n"),
        (NET, "expect: {params: 112}\n", "expect: {params: 112}\n"),
        (NET, "expect: {params: 111, depth: 1}\n", "expect: {params: 112, depth: 1}\n"),
        (NET, "expect:\n  # a\n  params: 1  # b\n  depth: 1\n", "expect:\n  # a\n  params: 112  # b\n  depth: 1\n"),
        (NET, 'expect: {flops: "6,911"}\n', 'expect: {flops: "6,912"}\n'),
        (NET, "expect: {flops: 6_911}\n", "expect: {flops: 6_912}\n"),
        (NET, "expect: {flops under fvcore: 1, depth: 1}\n", "expect: {flops under fvcore: 6912, depth: 1}\n"),
        (NET, "expect: {receptive_field: [1, 1]}\n", "expect: {receptive_field: 3}\n"),
        (NET, "expect: {params: 1, params under thop: 2}\n", "expect: {params: 112, params under thop: 112}\n"),
        (MODELS, "expect:\n  narrow: {params: 1}\n", f"expect:\n  narrow: {{params: 112}}\n  {WIDE}\n"),
        (MODELS, "expect: {narrow: {params: 1}}\n", f"expect: {{narrow: {{params: 112}}, {WIDE}}}\n"),
        (MODELS, "expect: {\n  narrow: {depth: 1},\n}\n", f"expect: {{\n  narrow: {{depth: 1}},\n  {WIDE},\n}}\n"),
        (MODELS, "expect:\n  narrow:\n    depth: 2\n# z", f"expect:\n  narrow:\n    depth: 1\n  {WIDE}\n# z"),
        ("{title: t, input: {D: 2}, layers: [linear: {out: 3}]", "}\n", ", expect: {params: 9, flops: 6}}\n"),
    ],
)  # fmt: skip
def test_a_file_that_pins_figures_gets_those_that_differ(rest, old, new):
    after = accepted(rest + old, "net.yaml", "net")
    assert after == rest + new
    assert accepted(after, "net.yaml", "net") == after


@pytest.mark.parametrize("before", [NET, MODELS, NET + "expect: {params: 1}\n"])
def test_line_ends_and_a_mark_of_byte_order_stay(vcalc, tmp_path, before):
    file = tmp_path / "net.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + before.replace("\n", "\r\n").encode())
    vcalc("check", "--accept", str(file))
    data = file.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert b"params: 112" in data


def test_a_file_without_a_last_line_end(vcalc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET.rstrip())
    result = vcalc("check", "--accept", "net.yaml")
    assert (tmp_path / "net.yaml").read_text() == f"{NET.rstrip()}\n\nexpect: {FIGURES}\n"
    assert result.stderr == "net.yaml: expect is written\n"
    assert vcalc("check", "--accept", "net.yaml").stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["net.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        NET.replace("conv:", "covn:"),
        NET.replace("kernel: 3", "kernel: 30"),
        NET + "expect: {parms: 1}\n",
        NET + "expect: [1]\n",
        "title: [\n",
    ],
)
def test_what_does_not_hold_otherwise_is_left_alone(vcalc, tmp_path, text):
    file = tmp_path / "net.yaml"
    file.write_text(text)
    vcalc("check", "--accept", str(file), code=1)
    assert file.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        NET + "...\n",
        NET + "expect:\n  - params\n",
        NET.replace("out: 4", "out: 4, bias: 1 > 2") + "expect: {params: [\n  1]}\n",
        "title: Net\r\ninput: {D: 2}\nlayers: [relu]\n...\n",
    ],
)
def test_every_file_is_written_right_or_not_at_all(text):
    try:
        after = accepted(text, "net.yaml", "net")
    except VcalcError:
        return
    assert accepted(after, "net.yaml", "net") == after


def test_nothing_is_written_through_a_link(vcalc, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    outside = tmp_path / "out" / "net.yaml"
    outside.write_text(NET)
    os.symlink(outside, tmp_path / "in" / "link.yaml")
    (tmp_path / "in" / "own.yaml").write_text(NET)
    assert "is a link" in vcalc("check", "--accept", str(tmp_path / "in" / "link.yaml"), code=2).stderr
    vcalc("check", "--accept", str(tmp_path / "in"))
    assert outside.read_text() == NET
    assert FIGURES in (tmp_path / "in" / "own.yaml").read_text()
    assert (tmp_path / "in" / "link.yaml").is_symlink()


def test_a_figure_that_differs_says_how_it_is_accepted(vcalc, tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text(NET + "expect: {params: 1}\n")
    assert "vcalc check --accept" in vcalc("check", str(file), code=1).stdout


def codes(tmp_path, text: str) -> list[tuple[str, str]]:
    file = tmp_path / "net.yaml"
    file.write_text(text)
    return [(finding.problem.code, finding.severity) for finding in check_file(str(file)).findings]


def test_a_private_spec_without_a_source_or_a_figure_passes(tmp_path):
    assert codes(tmp_path, NET) == [("no-citation", "warning"), ("no-figure", "warning")]
    assert codes(tmp_path, NET + "budget: [params <= 1K]\n") == [("no-citation", "warning")]
    assert codes(tmp_path, NET.replace("title: Net\n", "cite: own work\n") + "expect: {params: 112}\n") == [
        ("no-title", "error")
    ]


def test_a_spec_of_the_catalogue_has_to_have_both(tmp_path, monkeypatch):
    monkeypatch.setattr("vcalc.spec.find.catalogue", lambda: str(tmp_path))
    assert codes(tmp_path, NET) == [("no-citation", "error"), ("no-figure", "error")]
