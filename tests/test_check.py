"""`vcalc check`: every problem of every file; each code has an example on its page that fails and a mended one."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zoo import one_in

from vcalc import conventions, limits
from vcalc.analyses.check import CODES, check_file
from vcalc.analyses.measure import METRICS
from vcalc.analyses.quantities import read_budget
from vcalc.errors import VcalcError
from vcalc.render.check import FORMATS, render_check
from vcalc.reports.check import CheckReport
from vcalc.spec.find import catalogue_files
from vcalc.spec.layout import NO_SPEC

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import generate

PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
HEAD = "title: Net\ncite: own work\ninput: {C: 3, H: 8, W: 8}\nexpect: {params: 112}\n"
GOOD = HEAD + "layers:\n  - {name: stage, do: [conv: {out: 4, kernel: 3, pad: 1}, relu]}\n"


@pytest.fixture
def net(tmp_path, monkeypatch):
    """Write a spec, net.yaml in the current folder if not said otherwise."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "net.yaml") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return write


@pytest.fixture
def found(net):
    """The codes, lines and columns that a spec gets."""

    def check(text: str, *budgets: str) -> list[tuple[str, int, int]]:
        checked = check_file(net(text), [read_budget(budget, conventions.find) for budget in budgets])
        places = [(finding.problem, finding.problem.place) for finding in checked.findings]
        return [(problem.code, place.line, place.column) for problem, place in places]

    return check


def codes(places):
    return [code for code, _, _ in places]


# The page


EXAMPLES = generate.examples(PAGE)
WHOLE = re.findall(r"```yaml\n(.*?)```", PAGE[: PAGE.index("## Codes of a check")], re.DOTALL)
OF_COMMANDS = {
    "accept",
    "array",
    "batch",
    "column",
    "copy",
    "duplicate",
    "git",
    "import",
    "layout",
    "library",
    "missing-library",
}
OF_COMMANDS |= {"models", "no-spec", "optimizer", "options", "output", "symbolic", "usage", "value"}
"""Codes of questions, in Python, too, of conventions and of files that no check reads: no spec gets them."""


@pytest.mark.parametrize(("code", "failing", "mended"), EXAMPLES, ids=[code for code, _, _ in EXAMPLES])
def test_an_example_of_the_page_has_its_code_and_the_mended_one_nothing(found, code, failing, mended):
    got = set(codes(found(failing)))
    assert code in got
    assert got <= {code, "unused-ignore"}
    assert found(mended) == []


@pytest.mark.parametrize("example", WHOLE)
def test_a_whole_example_of_the_page_checks_clean(found, example):
    assert found(example) == []


def raised(path: Path) -> set[str]:
    """The codes that a module's problems have."""
    makes = {"VcalcError", "Problem", "report", "stop"}
    found = set()
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant):
            made = ast.unparse(call.func).rpartition(".")[2]
            is_error = made in makes or (made == "__init__" and isinstance(call.args[0].value, str))
            found |= {call.args[0].value} if is_error else set()
    return found


def test_the_page_has_every_code():
    """One without an example fails here; so does one that nothing raises any more."""
    listed = [code for code, _, _ in EXAMPLES]
    assert listed == re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    assert len(listed) == len(set(listed))
    every = set(CODES) | {NO_SPEC}.union(*map(raised, (ROOT / "vcalc").rglob("*.py")))
    assert {"layer", "expression", "size", "alias"} <= every
    assert every - OF_COMMANDS == set(listed)
    assert every >= OF_COMMANDS


@pytest.mark.parametrize(
    ("layers", "count"),
    [
        ("rearrange: C H W -> C H W", 1),
        ("rearrange: C H W -> C W H", 0),
        ("rearrange: a b c -> a b c, rearrange: {pattern: (a b) c d -> (a b) c d, b: 2}", 2),
        ("rearrange: C H W -> C W H, rearrange: C H W -> C W H", 1),
        ("rearrange: C H W -> C W H, relu, rearrange: C H W -> C W H", 0),
        ("rearrange: a b c -> a c b, save: x, rearrange: a b c -> a c b, {branches: [[], [take: x]], join: add}", 0),
        ("channel_shuffle: {groups: 2}, channel_shuffle: {groups: 4}", 1),
        ("channel_shuffle: {groups: 2}, channel_shuffle: {groups: 2}", 0),
        ("channel_shuffle: {groups: 1}, channel_shuffle: {groups: 1}", 0),
        ("tokens, keep_tokens: {count: 16}", 0),
        ("rearrange: 'C[1:] H W -> C H W', relu", 0),
        ("windows: {window: 2}, to_map, tokens, merge_windows", 1),
        ("windows: {window: 2}, to_map, maxpool: {kernel: 2}, tokens, to_map, merge_windows", 1),
        ("windows: {window: 2}, rearrange: w | N D -> w | D N, rearrange: w | N D -> w | D N, merge_windows", 1),
    ],
)
def test_elements_that_are_moved_for_nothing(found, layers: str, count: int):
    """Letters of another name are the same axes; a group of 2 by 4 is undone by 4 by 2; one group never moves."""
    head = "title: t\ncite: own work\ninput: {C: 8, H: 4, W: 4}\nexpect: {params: 0}\n"
    assert codes(found(f"{head}layers: [{layers}]\n")) == ["moved-for-nothing"] * count


@pytest.mark.parametrize(
    ("layers", "count"),
    [
        ("split_heads: {heads: 1, transposed: true}, merge_heads", 1),
        ("split_heads: {heads: 2, transposed: true}, merge_heads", 0),
        ("rearrange: N D -> D N 1, rearrange: D N 1 -> D N", 1),
        ("rearrange: N D -> D N", 0),
        ("transpose, relu, transpose", 0),
        ("class_token: {count: 3}, keep_tokens: {count: 3}", 1),
        ("class_token: {count: 3}, keep_tokens: {count: 2}", 1),
        ("class_token: {count: 3}, keep_tokens: {count: 4}", 0),
        ("class_token: {count: 3}, keep_tokens: {start: 1, count: 2}", 0),
    ],
)
def test_two_layers_in_the_place_of_one(found, layers: str, count: int):
    head = "title: t\ncite: own work\ninput: {N: 4, D: 8}\nexpect: {depth: 0}\n"
    assert codes(found(f"{head}layers: [{layers}]\n")) == ["roundabout"] * count


def test_class_tokens_that_others_are_read_with_are_no_table(found):
    """As in CaiT: the shortcut keeps the class token, and attention reads all."""
    branches = "branches: [[keep_tokens: {count: 1}], [keep_tokens: {start: 4, count: 1}]]"
    head = "title: t\ncite: own work\ninput: {N: 4, D: 8}\nexpect: {depth: 0}\n"
    assert codes(found(f"{head}layers: [class_token, {{{branches}, join: add}}]\n")) == []


def test_the_page_shows_what_is_printed(vcalc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    block = re.search(r"```console\n\$ printf '(.*?)' > (\S+)\n\$ vcalc (.*?)\n(.*?)```", PAGE, re.DOTALL)
    assert block
    Path(block[2]).write_text(block[1].replace("\\n", "\n"), encoding="utf-8")
    result = vcalc("check", block[2], "--budget", "params <= 20", code=1)
    assert result.stdout == block[4]


# Files


@pytest.mark.slow
def test_the_catalogue_checks_clean(vcalc):
    """Every published figure is there, and what is meant to leave rows out says so."""
    files = [check_file(file) for file in catalogue_files()]
    got = {(Path(file.path).name, finding.problem.code) for file in files for finding in file.findings}
    assert got == set()
    assert sum(len(file.models) for file in files) > 60


def test_problems_of_several_files_come_in_order(vcalc, net):
    net(GOOD, "specs/a.yaml")
    net("layers: [rleu, {conv: {out: 3}}]\n", "specs/b.yaml")
    net("not: [yaml", "specs/c.yaml")
    net(HEAD + "layers: [linear: {out: 3}, conv: {out: 4, kernel: 99}]\n", "specs/deep/d.yaml")
    report = json.loads(vcalc("check", "specs", "--format", "json", code=1).stdout)
    assert [file["path"] for file in report["files"]] == [f"specs/{n}.yaml" for n in ("a", "b", "c", "deep/d")]
    assert [file["models"] for file in report["files"]] == [["a"], [], [], ["d"]]
    got = [[(p["line"], p["column"], p["code"]) for p in file["problems"]] for file in report["files"]]
    assert got[0] == []
    assert [code for _, _, code in got[1]] == ["missing", "unknown-kind", "missing"]
    assert got[2] == [(2, 1, "yaml")] or got[2][0][2] == "yaml"
    assert [code for _, _, code in got[3]] == ["layer"]
    for problems in got:
        assert problems == sorted(problems)
    assert (report["ok"], report["errors"], report["warnings"]) == (False, 5, 0)


def test_every_model_is_expanded(found):
    text = HEAD.replace("expect: {params: 112}", "expect: {a: {params: 112}}")
    text += "models:\n  a: {k: 3}\n  b: {k: 9}\n  c: {k: 10}\nlayers:\n  - conv: {out: 4, kernel: k, pad: 0}\n"
    assert found(text) == [("layer", 10, 28), ("layer", 10, 28)]


def test_every_option_of_a_comparison_is_expanded(net):
    text = (
        "title: B\ncite: own work\nsymbols: [C]\ninput: {C: C, H: 8, W: 8}\n"
        "expect: {a: {params: 9*C**2 + C}}\noptions:\n"
        "  a: [conv: {out: C, kernel: 3}]\n  b: [conv: {out: C, kernel: 9}]\n"
    )
    checked = check_file(net(text))
    assert checked.models == ["a", "b"]
    assert [(finding.problem.code, finding.problem.place.line) for finding in checked.findings] == [("layer", 8)]
    assert check_file(net(text.replace("9*C**2 + C", "9*C**2"))).findings[0].problem.code == "expect"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.yaml"], "nowhere.yaml cannot be read: no such file or directory"),
        (["net.yaml", "nowhere"], "nowhere cannot be read"),
        (["empty"], "empty has no spec in it"),
        (["note.txt"], "note.txt is a file, but no spec"),
        (["net.yaml", "--budget", "params <= 5 apples"], "--budget: '5 apples' is not a figure"),
        (["net.yaml", "--budget", "parms <= 5"], "did you mean 'params' or"),
        (["net.yaml", "--format", "xml"], "--format cannot be 'xml'\n  help: here that is junit (which is XML)"),
        ([], "check needs a PATH..."),
    ],
)
def test_a_wrong_question(vcalc, net, tmp_path, arguments, says):
    net(GOOD)
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").write_text("hello")
    result = vcalc("check", *arguments, code=2)
    assert says in result.stderr
    assert result.stdout == ""


def test_links_out_of_a_folder_are_not_followed(vcalc, net, tmp_path):
    net(GOOD, "specs/a.yaml")
    net("bad: [", "outside/b.yaml")
    (tmp_path / "specs" / "link.yaml").symlink_to(tmp_path / "outside" / "b.yaml")
    (tmp_path / "specs" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "specs" / "round").symlink_to(tmp_path / "specs")
    (tmp_path / "specs" / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    net("bad: [", "specs/.hidden/c.yaml")
    os.mkfifo(tmp_path / "specs" / "pipe.yaml")
    report = json.loads(vcalc("check", "specs", "--format", "json").stdout)
    assert [file["path"] for file in report["files"]] == ["specs/a.yaml"]
    assert vcalc("check", "specs/link.yaml", code=1)  # what the user names is read


def test_a_file_is_checked_once(vcalc, net):
    net(GOOD, "specs/a.yaml")
    assert vcalc("check", "specs/a.yaml", "specs", "./specs/a.yaml").stdout == "1 file, 1 model: no problems\n"


def test_a_file_that_cannot_be_read(net, tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"title: caf\xe9\n")
    problem = check_file("latin.yaml").findings[0].problem
    assert (problem.code, problem.place.line, problem.place.column) == ("file", 1, 1)


# Figures and budgets


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ("params <= 112", ""),
        ("params <= 0.112K", ""),
        ("params <= 111", "params of net under lecture is 112, and the budget is <= 111"),
        ("params<=0.1K", "params of net under lecture is 112, and the budget is <= 0.1K (100)"),
        ("params < 112", "params of net under lecture is 112, and the budget is < 112"),
        ("params < 113", ""),
        ("params >= 113", "params of net under lecture is 112, and the budget is >= 113"),
        ("params under cs231n <= 108", ""),
        ("params <= 107 under cs231n", "params of net under cs231n is 108, and the budget is <= 107"),
        ("params of stage <= 111", "params of stage in net under lecture is 112, and the budget is <= 111"),
        ("params of stage/conv, stage/relu <= 112", ""),
        ("params of stag <= 1", "net has no layer at stag"),
        (
            "flops of stage <= 6.9K under macs",
            "flops of stage in net under macs is 6,912, and the budget is <= 6.9K (6,900)",
        ),
        (
            "flops <= 13.8 KFLOPs under flops",
            "flops of net under flops is 13,824, and the budget is <= 13.8 KFLOPs (13,800)",
        ),
        ("memory <= 1KB", ""),
        ("memory <= 0.9KB", "memory of net under lecture is 1,024 bytes, and the budget is <= 0.9KB (921.6)"),
        ("memory <= 1000 bytes", "memory of net under lecture is 1,024 bytes, and the budget is <= 1000 bytes (1,000)"),
        ("receptive_field >= 4", "receptive_field of net is 3, and the budget is >= 4"),
        ("multiply_adds <= 6911", "multiply_adds of net is 6,912, and the budget is <= 6911"),
        ("tokens <= 4", "stage/relu gives [4, 8, 8], which has no tokens"),
    ],
)
def test_budgets_hold_or_say_by_how_much_not(vcalc, net, budget, says):
    net(GOOD)
    result = vcalc("check", "net.yaml", "--budget", budget, code=1 if says else 0)
    assert says in result.stdout
    inside = GOOD + f"budget: ['{budget}']\n"
    net(inside)
    assert says in vcalc("check", "net.yaml", code=1 if says else 0).stdout


@pytest.mark.parametrize("metric", METRICS)
def test_a_budget_of_every_metric(metric):
    assert read_budget(f"{metric} of a,b <= 5 under macs", conventions.find).quantity.metric == metric


@pytest.mark.parametrize(
    "text",
    ["", "params", "params <=", "<= 5", "params = 5", "params <= 5 <= 6", "params <= 5MB", "params <= 5 FLOPs",
     "memory <= 20B", "depth <= 3KB", "params <= 1e999999999", "params <= " + "9" * 60, "params of <= 5",
     "params of a b <= 5", "params of a,, b <= 5", "params under <= 5", "params <= 5 under nothing", "x" * 5000,
     "params <= 5 under macs flops", "params of a of b <= 5", "params <= nan", "params <= ١e٢٢٢"],
)  # fmt: skip
def test_what_is_no_budget(text):
    start = time.process_time()
    with pytest.raises(VcalcError):
        read_budget(text, conventions.load)
    assert time.process_time() - start < 10


def test_a_bound_is_the_figure_as_it_is_written():
    for figure, bound in [("2.01M", 2_010_000), ("4.35G", 4_350_000_000), ("0.3K", 300), ("1.1e3", 1100)]:
        assert read_budget(f"params <= {figure}", conventions.load).bound(conventions.load("lecture")) == bound
    assert read_budget("memory <= 20MB", conventions.load).bound(conventions.load("lecture")) == 20 * 2**20


def test_budgets_and_figures_of_one_model_of_several(found):
    text = HEAD.replace(
        "expect: {params: 112}", "expect: {a: {params: 112}, b: {params: 224, depth: 2}, c: {params: 1}}"
    )
    text += "models:\n  a: {w: 4}\n  b: {w: 8}\nbudget: {a: [params <= 1], b: params <= 1K, d: [params <= 1]}\n"
    text += "layers: [conv: {out: w, kernel: 3}]\n"
    assert codes(found(text)) == ["expect", "unknown-model", "budget", "unknown-model"]


def test_a_figure_without_a_model_where_there_are_several(found):
    text = HEAD + "models: {a: {w: 4}, b: {w: 8}}\nlayers: [conv: {out: w, kernel: 3}]\n"
    assert found(text) == [("expect", 4, 10)]


@pytest.mark.parametrize(
    ("figure", "holds"),
    [("112", True), ("1_12", False), ("113", False), ("0.1K", False), ("[112]", False), ("{}", False), ("", False),
     ("112.4", False), ("112.0", True), ("__import__('os')", False), ("9" * 5000, False), ("C**2", False)],
)  # fmt: skip
def test_an_expected_figure_is_exact(found, figure, holds):
    assert (found(GOOD.replace("{params: 112}", f"{{params: {figure}}}")) == []) is holds


def test_an_expected_list(found):
    text = HEAD.replace("H: 8", "H: 9").replace("params: 112", "receptive_field: [9, 8]") + "layers: [global_avgpool]\n"
    assert found(text) == []


def test_a_formula_is_no_figure_to_bound(found):
    text = HEAD.replace("C: 3", "C: c").replace("params: 112", "params: 9*c*4 + 4") + "symbols: [c]\n"
    text += "layers: [conv: {out: 4, kernel: 3}]\n"
    assert found(text) == []
    assert codes(found(text, "params <= 5")) == ["budget"]


# Claims


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("metric: params, printed: 112", []),
        ("metric: params, printed: 113", ["claim-differs"]),
        ("metric: params, printed: 113, ours: 112, guess: off by one", []),
        ("metric: params, printed: 113, ours: 112, open: yes", []),
        ("metric: params, printed: 121, ours: 112, proof: {swapped: yes}, why: digits swapped", []),
        ("metric: params, printed: 113, ours: 112, why: off by one", ["reason-unchecked"]),
        ("metric: params, printed: 115, ours: 112, proof: {swapped: yes}, why: digits swapped", ["claim-differs"]),
        ("metric: params, printed: 113, ours: 112, proof: {}, why: off by one", ["missing"]),
        ("metric: params, printed: 113, why: off by one, guess: off by two, ours: 112", ["missing"]),
        ("metric: params, printed: 113, ours: 112, gues: off by one", ["unknown-key"]),
        ("metric: params, printed: 112, seen: never", ["value"]),
        ("metric: params, printed: 112, rounding: up", ["value"]),
        ("metric: params, printed: 112, sources: [a slide]", ["missing"]),  # and 'source'
        ("metric: kernel, printed: 3", []),
        ("metric: kernel, kinds: relu, printed: 3", ["metric"]),
        ("metric: params, printed: 113, ours: 111, why: off by one", ["claim-differs"]),
        ("metric: params, printed: 108", []),  # holds under other conventions, which leave biases out
        ("metric: params", ["missing"]),
        ("metric: parms, printed: 1", ["metric"]),
        ("metric: params, printed: words", ["claim"]),
        ("metric: params, printed: 1e999999999", ["claim"]),
        ("metric: params, printed: '" + "9" * 400 + "'", ["claim"]),
        ("metric: params, printed: 113, ours: 1e99999999, why: x", ["claim"]),
        ("model: ../secret.yaml, metric: params, printed: 1", ["file"]),
        ("model: /etc/passwd, option: a, metric: params, printed: 1", ["file"]),
        ("metric: params, against: ../secret.yaml, printed: 1", ["file"]),
        ("metric: params, printed: 1, under: {model: ../secret.yaml}, why: x", ["file"]),
    ],
)
def test_claims_hold_or_are_explained(found, monkeypatch, claim, expected):
    got = found(GOOD + f"claims: [{{source: a test, {claim}}}]\n")
    assert codes(got) == expected
    assert found(GOOD + f"claims: [{{source: a test, {claim}}}]\n") == got  # and again, of the same file


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ("kernel of stage/conv <= 3", []),
        ("kernel <= 2", ["budget"]),
        ("patches of stage <= 64", []),
        ("patches of stage < 64", ["budget"]),
        ("weighted_layers >= 2", ["budget"]),
        ("layers <= 2", []),
        ("stride of stage/relu <= 1", ["metric"]),
    ],
)
def test_a_budget_bounds_windows_patches_and_layers(found, budget, expected):
    assert codes(found(GOOD, budget)) == expected


def test_a_cut_that_a_neighbour_rules_out(found):
    text = GOOD.replace("expect: {params: 112}\n", "") + "claims:\n"
    text += "- {source: s, metric: output_elements, kinds: relu, printed: 0.2K, rounding: cut}\n"  # 256
    assert found(text) == []
    assert found(text + "- {source: s, metric: params, printed: 0.1K}\n") == []
    assert codes(found(text + "- {source: s, metric: output_elements, kinds: conv, printed: 0.3K}\n")) == [
        "claim-differs",
    ]
    text = text.replace("rounding: cut", "rounding: cut, ours: 0.3K, open: yes")
    assert codes(found(text + "- {source: s, metric: output_elements, kinds: conv, printed: 0.3K}\n")) == [
        "cut-ruled-out"
    ]


def test_a_cut_is_held_against_the_catalogues_other_files_too(found):
    """In Table 2 of Tan & Le 2019, 0.39B of EfficientNet-B0 (0.386) is rounded."""
    claim = "source: 'Tan & Le 2019, Table 2', model: efficientnet-b7, metric: flops, convention: macs, printed: 37B"
    text = GOOD + f"claims: [{{{claim}, rounding: cut, ours: 38B, open: yes}}]\n"
    assert codes(found(text)) == ["cut-ruled-out"]


def test_a_claim_on_a_quotient_of_printed_figures_finds_the_others_figures():
    assert check_file(next(file for file in catalogue_files() if file.endswith("vgg.yaml"))).findings == []


# Likely mistakes


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("{conv: {out: 4, kernel: 1, bias: true}}, batchnorm", []),
        ("{conv: {out: 4, kernel: 1}}, relu, batchnorm", []),
        ("{conv: {out: 4, kernel: 1}}, {groupnorm: {groups: 2}}", []),
        ("flatten, {linear: {out: 4}}, batchnorm", ["conv-bias-before-norm"]),
        ("{conv: {out: 4, kernel: 1, name: c}}, {save: x}, {branches: [[batchnorm], [{take: x}]], join: add}", []),
        ("{conv: {out: 4, kernel: 1, stride: 2}}", []),  # leaves positions out on purpose
        ("{conv: {out: 4, kernel: 3, stride: 2, pad: same}}", []),
        ("{conv: {out: 4, kernel: 3, stride: 2, pad: 1}}", []),
        ("{conv: {out: 4, kernel: [3, 1], stride: [2, 1]}}", ["stride-drops-rows"]),
        ("{conv: {out: 4, kernel: 2, stride: 3, dilation: 2}}", ["window-does-not-tile"]),
        ("{maxpool: {kernel: 3, stride: 2}}", ["stride-drops-rows"]),
        ("{maxpool: {kernel: 3, stride: 2, ceil_mode: true}}", []),
        ("{maxpool: {kernel: 2, stride: 2}}", []),
        ("{avgpool: {kernel: 5, stride: 5}}", ["window-does-not-tile"]),
        ("{save: x}, relu, {take: x}, tanh", ["unused-branch"]),
        ("roll", ["moved-for-nothing"]),
        ("{roll: {rows: 8}}, {roll: {columns: 1}}, {zero_pad: {rows: 1}}", []),
        ("{zero_pad: {rows: 0}}", ["moved-for-nothing"]),
        ("{let: {s: 0}}, {roll: {rows: s}}", []),
        ("{batchnorm: {affine: false, bias: true}}", ["no-effect"]),
        ("{batchnorm: {affine: false}}, {batchnorm: {bias: true}}, {layernorm: {affine: false, bias: false}}", []),
        ("{relu: {frozen: true}}, {repeat: 2, frozen: true, do: [relu]}", ["no-effect", "no-effect"]),
        ("{name: a, frozen: true, do: [relu, batchnorm]}, {relu: {frozen: false}}", []),
        ("{repeat: 2, index: i, frozen: true, do: [{if: i == 0, then: [relu], else: [batchnorm]}]}", []),
        ("{learned: {N: 4, D: 8}}", ["unused-branch"]),
        ("{branches: [[flatten], [{learned: {D: 8}}]], join: concat}", []),
        ("{save: x}, {learned: {D: 8}}, relu, {branches: [[], [{take: x}, flatten]], join: concat}", []),
        ("{save: x}, relu", ["unused-branch"]),
        ("{save: x}, relu, {save: x}, {branches: [[], {take: x}], join: add}", ["unused-branch"]),
        ("{save: x}, relu, {branches: [[], {take: x}], join: add}, {save: x}, {take: x}", []),
        ("{save: 'x[0]'}, relu, {save: 'x[0]'}, {branches: [[], {take: x}], join: add}", ["unused-branch"]),
        ("{save: 'x[0]'}, relu, {save: 'x[1]'}, {branches: [[], {take: x}], join: add}", []),
        ("{repeat: 3, do: [relu, {save: x}]}, {branches: [[], {take: x}], join: add}", []),
        ("{repeat: 3, do: [{save: x}, relu, {save: x}]}, {branches: [[], {take: x}], join: add}", ["unused-branch"]),
        ("{name: p1, do: [relu]}, {take: p1}, relu", []),
        ("{name: p1, do: [relu]}, {name: p2, do: [relu]}, {take: p1}, tanh", []),
        ("{let: {width: 4}}, {conv: {out: width, kernel: 1}}", []),
        ("flatten, {keep_channels: {count: 2}}, {embedding: {vocabulary: 9, out: 4}}", []),
        ("flatten, relu, {embedding: {vocabulary: 9, out: 4}}", ["embedding-of-activations"]),
        ("{constant: {D: 3}}, {embedding: {vocabulary: 9, out: 4}}", ["unused-branch"]),
    ],
)  # fmt: skip
def test_likely_mistakes(found, layers, expected):
    text = HEAD.replace("expect: {params: 112}\n", "").replace("Net", "Net  # vcalc: ignore[no-figure]", 1)
    assert codes(found(text + f"layers: [{layers}]\n")) == expected


def test_a_saved_name_is_read_in_its_block_or_asked_for_by_a_call(found):
    text = HEAD.replace("expect: {params: 112}", "expect: {depth: 0}") + (
        "blocks:\n  b:\n    do:\n      - save: x\n      - relu\n      - save: y\n"
        "layers:\n  - save: x\n  - b\n  - branches: [[], [take: x]]\n    join: add\n"
    )
    assert found(text) == [("unused-branch", 8, 9), ("unused-branch", 10, 9)]
    asked = text.replace("  - b\n", "  - b: {save: {z: x}}\n  - take: z\n  - b: {save: [y]}\n")
    assert found(asked) == [("unused-branch", 15, 5)]
    assert found(asked.replace("[take: x]", "[take: x], [take: y]")) == []


def test_what_is_handed_to_a_block_is_taken_up_in_it(found):
    text = HEAD.replace("expect: {params: 112}", "expect: {depth: 0}") + (
        "blocks:\n  b:\n    do:\n      - branches: [[], [take: skip]]\n        join: add\n"
        "layers:\n  - save: x\n  - relu\n  - save: y\n  - b: {take: {skip: x, skp: y}}\n"
    )
    assert found(text) == [("unused-branch", 14, 30)]
    assert found(text.replace(", skp: y", "").replace("save: y", "tanh")) == []


def test_a_model_in_use_is_checked_in_its_own_file(found):
    text = HEAD.replace("params: 112", "depth: 11").replace("H: 8, W: 8", "H: 224, W: 224") + "layers: [use: vgg11]\n"
    assert found(text) == []


def test_a_mistake_in_a_loop_or_a_block_is_said_once_at_its_step(found):
    text = HEAD.replace("params: 112", "depth: 4") + (
        "blocks:\n  pair:\n    args: {c: }\n    do:\n      - conv: {out: c, kernel: 1}\n      - batchnorm\n"
        "layers:\n  - repeat: 2\n    do: [pair: {c: 4}]\n  - pair: {c: 8}\n  - pair: {c: 8}\n"
    )
    assert found(text) == [("conv-bias-before-norm", 9, 9)]


def test_a_model_that_equals_a_published_one_has_its_strides_from_there(found):
    text = HEAD.replace("params: 112", "depth: 0") + "layers: [maxpool: {kernel: 3, stride: 3}]\n"
    assert codes(found(text)) == ["window-does-not-tile"]
    assert found(text + "same_as: {timm: net}\n") == []


def test_an_argument_with_a_default_hides_and_one_that_has_to_be_given_does_not(found):
    text = HEAD.replace("params: 112", "depth: 2") + (
        "let: {c: 4}\nblocks: {b: {args: {c: %s}, do: [conv: {out: c, kernel: 1}]}}\n"
        "layers: [b: {c: 8}, conv: {out: c, kernel: 1}]\n"
    )
    assert found(text % "") == []
    assert found(text % "2") == [("shadowed-name", 6, 21)]


@pytest.mark.parametrize(
    ("layers", "column"),
    [("{repeat: 2, index: w, do: [relu]}", 30), ("{let: {w: 1}}, relu", 17), ("{each: {w: [1]}, do: [relu]}", 18)],
)
def test_what_hides_a_hyperparameter(found, layers, column):
    text = HEAD.replace("params: 112", "depth: 1") + "let: {w: 4}\nlayers: [conv: {out: w, kernel: 1}]\n"
    text = text.replace("layers: [", f"layers: [{layers}, ")
    got = found(text)
    assert codes(got) == ["shadowed-name"]
    assert got[0][1] == 6


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("let: {w: 1}, relu, let: {w: 2}, conv: {out: w, kernel: 1}", "a value here, and hides the value of"),
        ("let: {w: 1}, {repeat: w, index: w, do: [conv: {out: w + 1, kernel: 1}]}", "a loop's index here, and hides"),
        ("{each: {w: [1]}, do: [let: {w: w}, conv: {out: w, kernel: 1}]}", "hides the loop variable of line 5"),
        ("let: {vgg16: 1}, conv: {out: vgg16, kernel: 1}", "hides the catalogue's model of that name"),
        ("let: {channels: 4}, layernorm: {over: channels}, conv: {out: channels, kernel: 1}", "word of this field"),
        ("save: p, {name: p, do: [conv: {out: 3, kernel: 1}]}, relu, {branches: [[], [take: p]], join: add}",
         "'p' is the tensor that was saved under this name, and hides the group that has it"),
    ],
)  # fmt: skip
def test_a_name_that_hides_another(net, layers, says):
    text = HEAD.replace("expect: {params: 112}", "expect: {depth: 1}") + f"layers: [{layers}]\n"
    (finding,) = check_file(net(text)).findings
    assert (finding.problem.code, finding.severity) == ("shadowed-name", "warning")
    assert says in finding.problem.message


def test_a_name_of_another_block_or_of_a_list_that_has_ended_is_not_hidden(found):
    text = HEAD.replace("expect: {params: 112}", "expect: {depth: 4}") + (
        "blocks:\n  a: {args: {c: 2}, do: [conv: {out: c, kernel: 1}]}\n"
        "  b: {args: {c: 2}, do: [conv: {out: c, kernel: 1}]}\n"
        "layers: [a, b, {each: {c: [2]}, do: [conv: {out: c, kernel: 1}]}, let: {c: 4}, conv: {out: c, kernel: 1},\n"
        "  {name: p, do: [relu, save: p]}, {branches: [[], [take: p]], join: add}]\n"
    )
    assert found(text) == []


def test_a_claim_uses_a_hyperparameter(found):
    text = HEAD.replace("params: 112", "depth: 0") + "let: {year: 1998}\nlayers: [relu]\n"
    assert codes(found(text)) == ["unused-hyperparameter"]
    assert found(text + "claims: [{source: x, metric: year, printed: 1998}]\n") == []


# Ignores and --strict


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("", ["unused-branch", "window-does-not-tile"]),
        ("# vcalc: ignore[window-does-not-tile]", ["unused-branch"]),
        ("# vcalc: ignore[window-does-not-tile, unused-branch]", []),
        ("#vcalc:ignore[ unused-branch,window-does-not-tile ] as in the paper", []),
        ("# as in the paper # vcalc: ignore[window-does-not-tile,unused-branch]", []),
        ("# vcalc: ignore[unused-branch]", ["window-does-not-tile"]),
        ("# vcalc: ignore", ["unused-branch", "window-does-not-tile", "unused-ignore"]),
        ("# vcalc: ignore[]", ["unused-branch", "window-does-not-tile", "unused-ignore"]),
        ("# vcalc: ignore[window]", ["unused-branch", "window-does-not-tile", "unused-ignore"]),
        ("# vcalc: ignored", ["unused-branch", "window-does-not-tile"]),
        ("# vcalc: ignore[budget]", ["unused-branch", "window-does-not-tile", "unused-ignore"]),
        ("# vcalc: ignore[unused-ignore]", ["unused-branch", "window-does-not-tile", "unused-ignore"]),
    ],
)
def test_ignores(found, comment, expected):
    text = HEAD.replace("params: 112", "depth: 0") + (
        f"layers:\n  - save: x\n  - maxpool: {{kernel: 3, stride: 3}}  {comment}\n  - take: x\n  - relu\n"
    )
    assert codes(found(text)) == expected


def test_an_ignore_holds_for_its_line_only(found):
    text = HEAD.replace("params: 112", "depth: 0") + (
        "layers:\n  # vcalc: ignore[window-does-not-tile]\n  - maxpool: {kernel: 3, stride: 3}\n"
    )
    assert found(text) == [("unused-ignore", 6, 19), ("window-does-not-tile", 7, 5)]


def test_an_error_cannot_be_ignored_but_what_is_missing_can(found):
    assert codes(found(GOOD.replace("112}", "113}  # vcalc: ignore[expect]"))) == ["expect", "unused-ignore"]
    assert found("input: {D: 8}  # vcalc: ignore[no-title, no-citation, no-figure]\nlayers: [relu]\n") == []


def test_warnings_fail_a_strict_check_only(vcalc, net):
    net(GOOD + "let: {idle: 1}\n")
    assert "1 file, 1 model: 1 warning" in vcalc("check", "net.yaml").stdout
    assert vcalc("check", "net.yaml", "--strict", code=1)
    assert json.loads(vcalc("check", "net.yaml", "--strict", "--format", "json", code=1).stdout)["ok"] is False


# Formats


NASTY = "na, sty:50%25 <&\"'>é.yaml"
NASTY_TEXT = (
    "title: '<&]]>%0A::error::'\ncite: own work\ninput: {D: 8}\nexpect: {params: 1}\nlet: {'idle': 1}\nlayers: [relu]\n"
)


@pytest.fixture
def nasty(net):
    net(NASTY_TEXT, f"specs/{NASTY}")
    net(GOOD, "specs/good.yaml")
    net("layers: ['::error::%0A<x>']\n", "specs/zz.yaml")
    return f"specs/{NASTY}"


def test_json(vcalc, nasty):
    report = json.loads(vcalc("check", "specs", "--format", "json", code=1).stdout)
    assert list(report) == ["schema", "ok", "strict", "errors", "warnings", "files"]
    by_path = {file["path"]: file for file in report["files"]}
    assert set(by_path) == {nasty, "specs/good.yaml", "specs/zz.yaml"}
    (expect, idle) = by_path[nasty]["problems"]
    assert (expect["line"], expect["column"], expect["end_column"]) == (4, 10, 16)
    assert (expect["code"], expect["severity"], idle["severity"]) == ("expect", "error", "warning")
    keys = ["line", "column", "end_column", "code", "severity", "message", "layer", "hint"]
    assert list(expect) == list(idle) == keys


def test_github(vcalc, nasty):
    lines = vcalc("check", "specs", "--format", "github", code=1).stdout.splitlines()
    commands = [re.fullmatch(r"::(error|warning) ([^\n]*?)::(.*)", line) for line in lines[:-1]]
    assert all(commands)
    assert lines[-1] == "3 files, 2 models: 3 errors, 1 warning"
    first = next(command for command in commands if "na%2C" in command[2])
    properties = dict(pair.split("=", 1) for pair in first[2].split(","))
    assert unquote(properties["file"]) == nasty
    assert (properties["line"], properties["col"], properties["title"]) == ("4", "10", "expect")
    assert "'::error::%250A<x>'" in next(command[3] for command in commands if "unknown-kind" in command[2])


def test_junit(vcalc, nasty):
    root = ElementTree.fromstring(vcalc("check", "specs", "--format", "junit", code=1).stdout.encode())
    assert root.tag == "testsuites"
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {nasty, "specs/good.yaml", "specs/zz.yaml"}
    assert root.get("failures") == "3"
    assert len(root.findall(".//failure")) == 3
    assert int(root.get("tests")) == len(root.findall(".//testcase")) == 4
    assert suites["specs/good.yaml"].findall(".//failure") == []
    assert suites[nasty].find(".//failure").get("type") == "expect"
    assert "'idle'" in suites[nasty].find("system-out").text


def test_sarif(vcalc, nasty):
    log = json.loads(vcalc("check", "specs", "--format", "sarif", code=1).stdout)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "vcalc"
    assert len(run["results"]) == 4
    for result in run["results"]:
        assert set(result) == {"ruleId", "ruleIndex", "level", "message", "locations"}
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert driver["rules"][result["ruleIndex"]]["shortDescription"]["text"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert 1 <= region["startColumn"] < region["endColumn"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote(uri) in (nasty, "specs/zz.yaml")
        assert re.fullmatch(r"[A-Za-z0-9/._~%-]+", uri)


@pytest.mark.parametrize("format_", ["json", "github", "junit", "sarif", "plain", "rich"])
def test_a_clean_check_in_every_format(vcalc, net, format_):
    net(GOOD)
    text = vcalc("check", "net.yaml", "--format", format_).stdout
    assert text.endswith("\n")
    if format_ in ("plain", "rich", "github"):
        assert text == "1 file, 1 model: no problems\n"


@pytest.mark.parametrize(
    ("name", "start"), [("o.json", "{"), ("o.xml", "<?xml"), ("o.sarif", '{\n  "$schema"'), ("o", "1 file")]
)
def test_the_outputs_suffix_chooses_the_format(vcalc, net, name, start):
    net(GOOD)
    assert vcalc("check", "net.yaml", "--output", name).stdout == ""
    assert Path(name).read_text(encoding="utf-8").startswith(start)


def test_plain_shows_the_line_and_the_place(vcalc, net):
    net(GOOD.replace("112", "113"))
    assert vcalc("check", "net.yaml", code=1).stdout == (
        "net.yaml:4:10: error[expect]: params of net under lecture is 112, not 113 as expected\n"
        "4 | expect: {params: 113}\n"
        "             ^~~~~~\n"
        "  help: where the change is meant, vcalc check --accept writes it down\n"
        "1 file, 1 model: 1 error\n"
    )


# Hostile input


@pytest.mark.parametrize("path", one_in(4, sorted((ROOT / "tests" / "bad").glob("*.yaml"))), ids=lambda path: path.stem)
def test_a_bad_spec_is_findings_and_no_traceback(path):
    start = time.process_time()
    checked = check_file(str(path))
    assert checked.findings
    assert all(finding.problem.place for finding in checked.findings)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("key", ["expect", "budget", "claims"])
@pytest.mark.parametrize(
    "value", ["", "5", "[]", "{}", "[[]]", "{a: }", "[{}]", "[null]", "{params: {params: {}}}", "[params <= 1, {a: b}]",
              "{net: [1, [2]]}", "{net: {params: [[1]]}}", "'a # vcalc: ignore['", "[\"\\u202e\"]", "{1: 2}"]
)  # fmt: skip
def test_whatever_stands_there_is_findings(net, key, value):
    checked = check_file(net(GOOD.replace("expect: {params: 112}\n", "") + f"{key}: {value}\n"))
    assert all(finding.problem.message.isprintable() for finding in checked.findings)


def test_a_spec_opens_no_file(found, net, monkeypatch):
    net("title: secret\n", "secret.yaml")
    opened = []
    monkeypatch.setattr("vcalc.source.read._bytes", lambda path, what: opened.append(path) or Path(path).read_bytes())
    found(
        GOOD
        + "budget: [params <= 1 under ./secret.yaml]\n"
        + "claims: [{source: x, model: secret.yaml, metric: params, printed: 1}]\n"
    )
    assert "secret.yaml" not in "".join(opened)


def test_models_share_what_one_network_may_spend(found):
    models = "".join(f"  m{i}: {{n: {i + 1}}}\n" for i in range(20))
    text = f"title: N\ncite: x\ninput: {{D: 2}}\nexpect: {{m0: {{params: 3}}}}\nmodels:\n{models}"
    start = time.process_time()
    got = codes(found(text + "layers: [{repeat: 180000, do: []}, linear: {out: n}]\n"))
    assert set(got) == {"limit"}
    assert time.process_time() - start < 10


def test_claims_look_at_so_many_layers(found, monkeypatch):
    monkeypatch.setattr(limits, "CHECK_WORK", 500)
    claims = "".join("  - {source: x, metric: params, printed: 112}\n" for _ in range(20))
    assert codes(found(GOOD + "claims:\n" + claims)) == ["limit"]


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_written_is_findings_and_prints(tmp_path_factory, data):
    text = GOOD + "budget: [params <= 5M, flops of stage <= 1K under macs]  # vcalc: ignore[unused-branch]\n"
    text += "claims: [{source: x, metric: params, printed: 113, ours: 112, why: y}]\n"
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        away = data.draw(st.integers(0, 6))
        put = data.draw(st.sampled_from(["", "[", "}", ": ", ",", "- ", "x", "9" * 30, "1e9999", "null", "\n", "C"]))
        text = text[:at] + put + text[at + away :]
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8")
    report = CheckReport([check_file(str(file))])
    for format_ in FORMATS:
        assert render_check(report, format_)


def test_endless_problems_end(net, monkeypatch):
    monkeypatch.setattr(limits, "CHECK_FINDINGS", 20)
    models = "".join(f"  m{i}: {{w: {i + 1}}}\n" for i in range(200))
    text = (
        f"title: N\ncite: x\ninput: {{D: 2}}\nexpect: {{m0: {{params: 3}}}}\nbudget: [params <= 1]\nmodels:\n{models}"
    )
    checked = check_file(net(text + "layers: [linear: {out: w}]\n"))
    assert 20 <= len(checked.findings) <= 22
    assert "limit" in [finding.problem.code for finding in checked.findings]


def test_no_layers_at_all(found):
    assert set(codes(found(HEAD + "layers: []\nbudget: [depth <= 1]\n"))) == {"path"}


@pytest.mark.parametrize(
    ("written", "help_"),
    [
        ("{params: 5M}", "budget: [params <= 5M]"),
        ("[params: 5M]", "write params <= 5M"),
        ("[{params: 5M, flops: 1G}]", "write params <= 5M and flops <= 1G"),
    ],
)
def test_a_budget_without_a_direction_is_told_how_it_is_written(vcalc, net, written, help_):
    net(GOOD + f"budget: {written}\n")
    said = vcalc("check", "net.yaml", code=1).stdout
    assert "error[budget]: a budget says which way it bounds" in said
    assert f"help: {help_}\n" in said


def test_a_file_named_without_its_suffix_is_pointed_at(vcalc, net):
    net(GOOD)
    assert vcalc("check", "net", code=2).stderr.endswith("no such file or directory\n  help: net.yaml is there\n")
