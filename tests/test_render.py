"""Tables on wide, narrow and no terminals."""

from __future__ import annotations

import csv
import io
import itertools
import os
import pty
import re
import subprocess
import sys

import markdown_it
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vcalc import symbols
from vcalc.errors import printable
from vcalc.render import markup, text
from vcalc.render.fit import fitted
from vcalc.reports.table import Column, Report, Row, Table

COLUMNS = [
    Column("layer", "layer"),
    Column("kernel", "kernel", number=True, drop=2),
    Column("output", "output", number=True, drop=1),
    Column("flops", "FLOPs", number=True),
]
ROW = Row({"layer": "stage1/conv1", "kernel": 3, "output": "64x224x224", "flops": 1_849_688_064}, "layer")
TABLE = Table("a table", COLUMNS, [ROW, Row({"layer": "total", "flops": 1_849_688_064}, "total")], ["a note"])


@pytest.mark.parametrize(
    ("width", "kept"),
    [
        (None, ["layer", "kernel", "output", "flops"]),
        (80, ["layer", "kernel", "output", "flops"]),
        (40, ["layer", "output", "flops"]),
        (30, ["layer", "flops"]),
        (5, ["layer", "flops"]),
    ],
)
def test_columns_go_in_order_and_numbers_stay_whole(width, kept):
    assert [column.key for column in fitted(TABLE, width)] == kept
    drawn = text.plain(Report([TABLE], None), width)
    assert "1,849,688,064" in drawn
    if width and width >= 30:
        assert max(map(len, drawn.splitlines())) <= width


def test_a_long_text_is_folded_before_a_column_is_dropped_for_it():
    table = Table(
        "", [Column("a", "a", prose=True), Column("b", "b", number=True, drop=1)], [Row({"a": "word " * 20, "b": 7})]
    )
    drawn = text.plain(Report([table], None), 60)
    assert " 7" in drawn
    assert max(map(len, drawn.splitlines())) <= 60


def on_a_terminal(*arguments: str, columns: int = 80, **environment: str) -> str:
    """What a command prints on a real terminal of that width."""
    main, child = pty.openpty()
    variables = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "vcalc", *arguments], stdout=child, stderr=child, stdin=child, env=variables
    )
    os.close(child)
    chunks = []
    while True:
        try:
            chunk = os.read(main, 65536)
        except OSError:
            break
        if not chunk:
            break
        chunks.append(chunk)
    process.wait()
    os.close(main)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def test_a_terminal_gets_colour_and_only_columns_that_fit():
    wide, narrow = (on_a_terminal("table", "vgg16", columns=columns) for columns in (160, 60))
    assert "\x1b[" in wide
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in narrow.splitlines()]
    assert max(map(len, plain)) <= 60
    assert any("15,476,385,792" in line for line in plain)
    assert "kernel" in wide
    assert "no room here" not in wide
    assert "kernel" not in next(line for line in plain if line.startswith("layer"))
    assert "no room here for input, filters, kernel, stride, pad" in " ".join(line.strip() for line in plain)


@pytest.mark.parametrize("columns", [64, 80])
def test_a_diff_fits_and_says_of_what(columns):
    drawn = on_a_terminal("diff", "vgg16", "resnet50", columns=columns, NO_COLOR="1")
    sums = drawn[: drawn.index("convention lecture")].splitlines()
    assert max(map(len, sums)) <= columns
    assert "params change" in sums[1]
    assert "FLOPs change" in sums[1]
    assert any("-11,385,294,848" in line for line in sums)


def test_no_color_is_honoured():
    assert "\x1b[" not in on_a_terminal("table", "vgg16", NO_COLOR="1")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colour_only_rules_are_drawn(tmp_path, environment):
    spec = tmp_path / "net.yaml"
    spec.write_text("title: a----b\ninput: {D: 8}\nlayers: [{linear: {out: 4, name: x-----y}}]\n")
    drawn = on_a_terminal("table", str(spec), "--columns", "layer,params", **environment)
    assert "a----b" in drawn
    assert "x-----y" in drawn
    rules = [line for line in drawn.splitlines() if "─" in line]
    assert len(rules) == 2
    assert {*rules} == {"─" * len("x-----y  params")}


@pytest.mark.parametrize(
    "command",
    [
        "diff resnet18 resnet34",
        "table vgg16 --columns layer,kind,receptive_field,memory,params,flops",
        "table vgg16 --explain --only fc8",
        "compare resnet18 vit-b-16",
        "compare resnet18 vit-b-16 --metric flops",
        "conventions resnet18",
        "conventions resnet18 vit-b-16",
        "why resnet18 fvcore ptflops",
        "why resnet18 1.8G",
        "block attention-vs-conv",
        "memory resnet18 --mode training --layers",
        "training vit-l-16 --device tpu-v3-core",
        "claims lenet5",
        "devices",
        "layers conv",
    ],
)
def test_a_column_is_told_from_the_others_by_its_header(vcalc, command):
    """Where a narrow terminal drops those beside it, its header is all that says what it holds."""
    lines = vcalc(*command.split(), "--format", "markdown").stdout.splitlines()
    headers = [before for before, line in itertools.pairwise(lines) if line.startswith("| --")]
    assert headers
    for header in headers:
        names = header.strip("| ").split(" | ")
        assert len({*names}) == len(names), header


def test_a_pipe_gets_plain_text_without_cuts():
    run = subprocess.run(
        [sys.executable, "-m", "vcalc", "table", "vgg16"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "40"},
    )
    assert "\x1b" not in run.stdout
    assert "…" not in run.stdout
    assert "kernel" in run.stdout


def test_markdown_escapes_what_would_change_a_cell(vcalc):
    drawn = vcalc("block", "conv3x3x2-vs-5x5", "--format", "markdown").stdout
    assert r"18\*C\*\*2" in drawn
    header = next(line for line in drawn.splitlines() if line.startswith("| option"))
    assert all(line.count("|") == header.count("|") for line in drawn.splitlines() if line.startswith("|"))


# What a stranger wrote

SPECIAL = st.text(st.sampled_from("ab1 _*`~$|\\<>[]()!&#;:/.@-+=xw\"'é\n\t"), max_size=24)
WORDS = st.sampled_from(
    [
        "_x_",
        "__x__",
        "a_b",
        "![i](u)",
        "[a][b]",
        "<b>",
        "&lt;",
        "&#64;all",
        "www.x.y",
        "http://x",
        "~~s~~",
        "`c`",
        "#12",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(SPECIAL | WORDS, max_size=4).map(lambda words: "".join(words).strip(" ")))
@example("&#64;everyone")
@example("a_b_x__y__")
def test_in_markdown_every_word_is_text(word):
    """A parser of Markdown sees in it nothing but the text itself, and comments that part what GitHub would link."""
    table = Table("", [Column("name", word)], [Row({"name": word}), Row({"name": word}, "total")], [word])
    drawn = markup.markdown(Report([table], {}))
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    texts = []
    for token in parser.parse(drawn):
        assert token.type in BLOCKS, drawn
        if token.type == "inline":
            inline = [t for t in token.children if t.type not in ("strong_open", "strong_close")]
            assert {t.type for t in inline if t.content != "<!-- -->"} <= {"text", "text_special"}, drawn
            texts.append("".join(t.content for t in inline if t.content != "<!-- -->"))
    assert set(texts) <= {printable(word), ""}
    for linked in (r"@\w", r"#\d", r"://", r"(?<![^\W_])www\."):
        assert not re.search(linked, drawn), drawn


BLOCKS = {"inline"} | {
    f"{name}_{end}"
    for name in ("table", "thead", "tbody", "tr", "th", "td", "bullet_list", "list_item", "paragraph")
    for end in ("open", "close")
}


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "\uff1d1", "-", "=cmd|'/C calc'!A0"])
def test_in_csv_no_text_is_a_formula(text):
    table = Table("", [Column(text, ""), Column("n", "")], [Row({text: text, "n": -5}), Row({text: "-5", "n": -0.5})])
    lines = list(csv.reader(io.StringIO(markup.csv_text(Report([table], {})))))
    assert lines == [[f"'{text}", "n"], [f"'{text}", "-5"], ["-5", "-0.5"]]


def test_in_csv_a_formula_of_ours_stays_one():
    n, rows = symbols.symbol("n"), [Row({"a": value}) for value in (-3 * symbols.symbol("n"), symbols.ratio(18, 25))]
    text = markup.csv_text(Report([Table("", [Column("a", "")], rows)], {}))
    assert text == f"a\n({-3 * n})\n0.72\n"


def test_in_latex_a_line_does_not_take_the_next_one_for_its_own():
    table = Table("", [Column("a", "[1cm]")], [Row({"a": "[2cm]"}), Row({"a": "*"}), Row({"a": "a|b<c>_%"})])
    lines = markup.latex(Report([table], {})).splitlines()
    assert [line for line in lines if line.endswith(r"\\")] == [
        r"{}[1cm] \\",
        r"{}[2cm] \\",
        r"{}* \\",
        r"a\textbar{}b\textless{}c\textgreater{}\_\% \\",
    ]
