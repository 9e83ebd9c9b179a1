"""The commands as a user types them: what they print, in which format, and with which exit code."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sympy

ROOT = Path(__file__).parent.parent
COMMANDS = (
    ("list",),
    ("table", "vgg16"),
    ("table", "vgg16", "--explain"),
    ("compare", "alexnet", "vgg16", "--metric", "flops"),
    ("compare", "resnet18", "resnet34"),
    ("block", "conv3x3x2-vs-5x5"),
    ("block",),
    ("formula", "resnet18", "--set", "width=c"),
    ("claims", "resnet50"),
    ("layers",),
    ("layers", "conv"),
)


def record(result):
    return json.loads(result.stdout)


def test_the_table_contract(vcalc):
    table = record(vcalc("table", "vgg16", "--format", "json"))
    assert list(table)[:7] == ["schema", "model", "title", "input", "batch", "dtype", "convention"]
    assert table["schema"] == 1
    assert table["input"] == {"C": 3, "H": 224, "W": 224}
    assert (table["batch"], table["dtype"], table["convention"]) == (1, "float32", "lecture")
    first = table["layers"][0]
    assert {key: first[key] for key in ("path", "kind", "input", "output", "params", "flops", "memory")} == {
        "path": "stage1/conv1",
        "kind": "conv",
        "input": [3, 224, 224],
        "output": [64, 224, 224],
        "params": 1792,
        "flops": 86704128,
        "memory": 12845056,
    }
    assert table["total"]["params"] == 138357544
    assert table["total"]["flops"] == 15476385792
    for key in ("params", "flops", "memory"):
        assert table["total"][key] == sum(layer[key] for layer in table["layers"])


def test_the_googlenet_stem_is_the_lectures(vcalc):
    table = record(vcalc("table", "googlenet", "--only", "stem", "--format", "json"))
    rows = [layer for layer in table["layers"] if layer["flops"]]
    assert [row["memory"] // 1024 for row in rows] == [3136, 784, 784, 2352, 588]
    assert [round(row["flops"] / 1e6) for row in rows] == [118, 2, 13, 347, 1]
    assert table["total"]["memory"] == 7644 * 1024
    assert table["total"]["flops"] == 480836608


def test_vgg16_down_to_28x28(vcalc):
    table = record(
        vcalc("table", "vgg16", "--only", "stage1,stage2,stage3", "--format", "json", "--convention", "macs")
    )
    assert table["total"]["flops"] == 9335144448
    assert table["layers"][-1]["output"] == [256, 28, 28]


def test_explain_shows_the_working(vcalc):
    assert "(3*3*64)*64 + 64 = 36,928" in vcalc("table", "vgg16", "--explain").stdout
    table = record(vcalc("table", "vgg16", "--explain", "--format", "json"))
    assert table["layers"][2]["working"]["flops"] == "(3*3*64)*64*(224*224) = 1,849,688,064"


@pytest.mark.parametrize("asked", [(), ("--depth", "1"), ("--all",)])
def test_layers_that_all_cost_nothing_are_shown(vcalc, tmp_path, asked):
    file = tmp_path / "views.yaml"
    file.write_text("input: {C: 3, H: 8, W: 8}\nlayers: [tokens, to_map, flatten]\n")
    shown = vcalc("table", str(file), *asked).stdout.splitlines()[3:6]
    assert [line.split()[:3] for line in shown] == [
        ["tokens", "3x8x8", "64x3"],
        ["to_map", "64x3", "3x8x8"],
        ["flatten", "3x8x8", "192"],
    ]


def test_sizes_batch_and_dtype(vcalc):
    one = record(vcalc("table", "vit-b-16", "--format", "json"))
    table = record(
        vcalc("table", "vit-b-16", "--input", "3x384x384", "--batch", "8", "--dtype", "bf16", "--format", "json")
    )
    assert table["input"] == {"C": 3, "H": 384, "W": 384}
    assert (table["batch"], table["dtype"]) == (8, "bfloat16")
    assert table["total"]["flops"] == 8 * 55_484_416_512 or table["total"]["flops"] > 8 * one["total"]["flops"]
    tokens = (384 // 16) ** 2 + 1
    block = next(layer for layer in table["layers"] if layer["kind"] == "attention")
    assert block["flops"] == 8 * (tokens * 4 * 768 * 768 + 2 * tokens * tokens * 768)
    assert block["memory"] == 8 * tokens * 768 * 2


def test_a_symbolic_table_gives_formulas(vcalc):
    table = record(
        vcalc("table", "resnet50", "--set", "H=32*h", "--set", "W=32*h", "--set", "width=c", "--format", "json")
    )
    assert table["input"]["H"] == "32*h"
    names = {name: sympy.Symbol(name) for name in "hc"}
    flops = sympy.sympify(table["total"]["flops"], locals=names)
    assert flops.subs({names["h"]: 7, names["c"]: 64}) == 4_091_090_944


def test_a_file_standard_input_and_a_model_of_a_file(vcalc, tmp_path):
    text = (ROOT / "examples" / "tiny.yaml").read_text()
    file = tmp_path / "tiny.yaml"
    file.write_text(text)
    from_file = vcalc("table", str(file)).stdout
    assert "24,234" in from_file
    assert vcalc("table", "-", input=text).stdout.splitlines()[1:] == from_file.splitlines()[1:]
    several = text.replace("layers:", "models: {thin: {width: 8}, wide: {width: 32}}\nlayers:")
    file.write_text(several)
    assert "name one" in vcalc("table", str(file), code=2).stderr
    assert "wide" in vcalc("table", f"{file}:wide").stdout


def test_compare_contract(vcalc):
    one = record(vcalc("compare", "alexnet", "vgg16", "--metric", "flops", "--format", "json"))
    assert one["metric"] == "flops"
    assert [model["model"] for model in one["models"]] == ["alexnet", "vgg16"]
    assert one["models"][0]["total"] == 717562112
    assert sum(one["models"][1]["groups"].values()) == one["models"][1]["total"] == 15476385792
    assert one["ratio"] == pytest.approx(15476385792 / 717562112)
    every = record(vcalc("compare", "resnet18", "resnet50", "--format", "json"))
    assert every["models"][1]["total"]["depth"] == 50


def test_hyperparameters_are_columns(vcalc):
    arguments = ("compare", "vit-b-16", "vit-l-16", "vit-h-14", "--columns", "let.depth,dim,mlp,heads,params")
    rows = list(csv.DictReader(io.StringIO(vcalc(*arguments, "--format", "csv").stdout)))
    assert [row["let.depth"] for row in rows] == ["12", "24", "32"]
    assert [row["dim"] for row in rows] == ["768", "1024", "1280"]
    assert [row["heads"] for row in rows] == ["12", "16", "16"]
    assert [row["params"] for row in rows] == ["86567656", "304326632", "632045800"]


def test_a_metric_without_a_value_names_itself_and_the_hyperparameter(vcalc):
    says = vcalc("compare", "efficientnet-b0", "mobilenet-v2", "--columns", "params,width", code=2).stderr
    assert says == "error: stage9/fc gives [1000], which has no width\n  help: let.width is the hyperparameter\n"


@pytest.mark.parametrize(("column", "says"), [("macs", "here that is flops"), ("kernel_size", "here that is kernel")])
def test_a_column_in_other_words(vcalc, column, says):
    assert says in vcalc("table", "vgg16", "--columns", column, code=2).stderr


def test_a_model_alone_is_compared_with_another(vcalc):
    assert "vcalc compare resnet50 vit-b-16" in vcalc("compare", "resnet50", code=2).stderr


def test_a_format_that_is_none_is_told_those_there_are(vcalc):
    assert "there is none; it can be: csv, json, " in vcalc("table", "vgg16", "--format", "yaml", code=2).stderr


def test_a_metric_and_a_hyperparameter_are_two_things(vcalc, tmp_path):
    """Three of these call something else depth: a multiplier, a number of blocks, and nothing."""
    models = ("efficientnet-b0", "vit-b-16", "resnet50")
    found = record(vcalc("compare", *models, "--format", "json"))["models"]
    assert (
        [model["columns"]["depth"] for model in found] == [model["total"]["depth"] for model in found] == [82, 50, 50]
    )
    file = tmp_path / "net.yaml"
    file.write_text(
        "title: Net\ncite: by hand\ninput: {C: 3, H: 8, W: 8}\nlet: {depth: 2, width: 4, dim: 5, word: same}\n"
        "layers: [{repeat: depth, do: [conv: {out: width, kernel: 3, pad: word}]}, conv: {out: dim, kernel: 1}]\n"
        "expect: {depth: 3, width: 8, let.depth: 2, let.width: 4, let.dim: 5, let.word: same}\n"
        "budget: [depth <= 3, let.depth <= 2, let.width < 5]\n"
        "claims:\n"
        "  - {source: a slide, metric: depth, printed: 3}\n"
        "  - {source: a slide, models: {net: {let.depth: 2, let.width: 4, dim: 5, let.dim: 5, width: 8}}}\n"
    )
    vcalc("check", str(file), "--strict")
    assert {claim["verdict"] for claim in record(vcalc("claims", str(file), "--format", "json"))} == {"reproduced"}
    columns = ("--columns", "depth,let.depth,dim,let.dim,width", "--format", "json")
    first, _ = record(vcalc("compare", str(file), str(file), *columns))["models"]
    assert first["columns"] == {"depth": 3, "let.depth": 2, "dim": 5, "let.dim": 5, "width": 8}
    for wrong, says in (("let.dept", "no hyperparameter 'dept'\n  help: did you mean 'depth'"), ("let.", "it has: d")):
        assert says in vcalc("compare", str(file), str(file), "--columns", wrong, code=2).stderr
    for wrong, says in (
        ("let.word <= 5", "is same, which no"),
        ("let.x < 1", "no hyperparameter 'x'"),
        ("let.dim of a < 1", ""),
    ):
        assert says in vcalc("check", str(file), "--budget", wrong, code=1 if says else 2).output


@pytest.mark.parametrize(
    ("block", "params", "flops", "ratio"),
    [
        ("conv3x3x2-vs-5x5", ["18*C**2", "25*C**2"], ["18*C**2*H*W", "25*C**2*H*W"], "18/25"),
        ("conv3x3x3-vs-7x7", ["27*C**2", "49*C**2"], ["27*C**2*H*W", "49*C**2*H*W"], "27/49"),
        ("vgg-stage-doubling", ["9*C**2", "36*C**2"], ["36*C**2*H*W", "36*C**2*H*W"], "1"),
        ("basic-vs-bottleneck", ["18*C**2", "17*C**2"], ["18*C**2*H*W", "17*C**2*H*W"], "18/17"),
    ],
)
def test_blocks_as_formulas(vcalc, block, params, flops, ratio):
    found = record(vcalc("block", block, "--format", "json"))
    for key, formulas in (("params", params), ("flops", flops)):
        for option, formula in zip(found["options"], formulas, strict=True):
            assert sympy.simplify(sympy.sympify(option[key]) - sympy.sympify(formula)) == 0
    assert sympy.sympify(found["ratios"]["flops"]) == sympy.sympify(ratio)


def test_blocks_receptive_field_and_nonlinearities(vcalc):
    two, one = record(vcalc("block", "conv3x3x2-vs-5x5", "--format", "json"))["options"]
    assert (two["receptive_field"], one["receptive_field"]) == (5, 5)
    assert (two["depth"], one["depth"], two["nonlinearities"], one["nonlinearities"]) == (2, 1, 2, 1)


def test_block_ratio_of_depthwise_separable(vcalc):
    ratio = record(vcalc("block", "conv-vs-depthwise-separable", "--format", "json"))["ratios"]["flops"]
    c2, k = sympy.symbols("C2 K")
    assert sympy.sympify(ratio) == 1 / c2 + 1 / k**2


def test_blocks_as_numbers(vcalc):
    naive, bottleneck = record(vcalc("block", "inception-naive-vs-bottleneck", "--format", "json"))["options"]
    assert (naive["flops"], bottleneck["flops"]) == (854196224, 271351808)
    arguments = ("conv3x3x2-vs-5x5", "--set", "C=64", "--set", "H=56", "--set", "W=56")
    two, one = record(vcalc("block", *arguments, "--format", "json"))["options"]
    assert (two["params"], one["params"]) == (18 * 64**2, 25 * 64**2)
    pixels, patches = record(vcalc("block", "attention-pixels-vs-patches", "--format", "json"))["options"]
    assert (pixels["output"][0], patches["output"][0]) == (224 * 224, 14 * 14)


def test_formula_contract(vcalc):
    arguments = ("resnet152", "--set", "H=32*h", "--set", "W=32*h", "--set", "width=c", "--set", "classes=K")
    found = record(vcalc("formula", *arguments, "--format", "json"))
    assert found["params"] == "32*K*c + K + 14156*c**2 + 2513*c"
    assert found["symbols"] == ["K", "c", "h"]


def test_claims_contract_and_exit_codes(vcalc, tmp_path):
    claims = record(vcalc("claims", "vgg16", "--format", "json"))
    assert {"model", "metric", "printed", "exact", "verdict", "source", "why"} <= set(claims[0])
    file = tmp_path / "net.yaml"
    file.write_text(
        "{title: a, input: {D: 4}, layers: [{linear: {out: 2}}], "
        "claims: [{source: a test, metric: params, printed: 11}]}"
    )
    assert "NOT explained" in vcalc("claims", str(file), code=1).stdout


def test_list_contract(vcalc):
    models = {model["name"]: model for model in record(vcalc("list", "--format", "json"))}
    assert set(models["resnet50"]) == {"name", "title", "family", "input", "axes", "aliases", "params", "flops"}
    assert models["vgg16"]["params"] == 138357544
    assert "vit_base_patch16_224" in models["vit-b-16"]["aliases"]


def test_list_reads_no_spec_for_the_totals_that_are_written_down(vcalc, monkeypatch):
    monkeypatch.setattr("vcalc.source.read.read_file", lambda path: pytest.fail(f"{path} is read"))
    assert "138,357,544" in vcalc("list").stdout


def test_list_counts_where_no_totals_are_written_down(vcalc, monkeypatch):
    monkeypatch.setattr("vcalc.reports.catalogue.model_names", lambda: ["lenet5", "vgg16"])
    written = record(vcalc("list", "--format", "json"))
    monkeypatch.setattr("vcalc.reports.catalogue.read_totals", dict)
    assert record(vcalc("list", "--format", "json")) == written
    counted = record(vcalc("list", "--format", "json", "--convention", "flops"))
    assert counted[1]["flops"] == 2 * 15_470_264_320  # a multiply-add of VGG-16 is two


@pytest.mark.parametrize("format_", ["rich", "plain", "markdown", "csv", "json", "latex"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_in_every_format(vcalc, command, format_):
    text = vcalc(*command, "--format", format_).stdout
    assert text.endswith("\n")
    assert "\x1b" not in text
    if format_ == "json":
        json.loads(text)
    elif format_ == "csv":
        assert len({len(row) for row in csv.reader(io.StringIO(text))}) == 1
    elif format_ == "latex":
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") >= 1


def rows_of(result):
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_csv_is_exact_and_complete(vcalc):
    rows = rows_of(vcalc("table", "vgg16", "--format", "csv"))
    assert rows[0]["memory"] == "12845056"
    assert sum(row["layer"].startswith("stage1/relu") for row in rows) == 2


@pytest.mark.parametrize("more", [(), ("--depth", "1"), ("--columns", "layer,params,flops,memory")])
def test_a_sum_over_a_column_is_the_total(vcalc, more):
    rows = rows_of(vcalc("table", "vgg16", *more, "--format", "csv"))
    totals = {"params": 138357544, "flops": 15476385792, "memory": 60348320}
    assert {key: sum(int(row[key]) for row in rows) for key in totals} == totals
    last = rows_of(vcalc("table", "vgg16", *more, "--total", "--format", "csv"))[len(rows) :]
    assert [(row["layer"], int(row["flops"])) for row in last] == [("total", 15476385792)]


def test_other_columns_of_csv_sum_up_too(vcalc):
    bars = rows_of(vcalc("compare", "alexnet", "vgg16", "--metric", "params", "--format", "csv"))
    assert sum(int(row["value"]) for row in bars if row["model"] == "vgg16") == 138357544
    parts = rows_of(vcalc("why", "resnet50", "fvcore", "ptflops", "--format", "csv"))
    assert sum(int(row["difference"]) for row in parts) == 4132436968 - 4111512576
    worked = rows_of(vcalc("table", "alexnet", "--explain", "--format", "csv"))
    assert sum(int(row["value"]) for row in worked if row["what"] == "params") == 61100840
    options = rows_of(vcalc("block", "conv3x3x2-vs-5x5", "--format", "csv"))
    assert [(row["params"], row["params_ratio"]) for row in options] == [("18*C**2", ""), ("25*C**2", "0.72")]


NUMERIC = [
    *(command for command in COMMANDS if command[0] not in ("list", "layers")),
    ("conventions",),
    ("conventions", "resnet50"),
    ("conventions", "resnet50", "vgg16"),
    ("why", "resnet50", "4.12G"),
    ("memory", "resnet50", "--mode", "training"),
    ("training", "vit-l-16", "--device", "a100-sxm4-80gb", "--measured", "40 days", "--devices", "8"),
    ("devices",),
    ("diff", "resnet18", "resnet34"),
]


@pytest.mark.parametrize("command", NUMERIC, ids=" ".join)
def test_a_number_in_csv_is_a_number(vcalc, command):
    """Without separators, without a unit, without a mark: a unit has a column of its own."""
    for row in rows_of(vcalc(*command, "--format", "csv")):
        for key, cell in row.items():
            if key not in ("working", "printed"):
                odd = re.fullmatch(r"[+-]?\d[\d.]*(,\d{3})+.*|[\d.,]+ ?([A-Za-z]+s|[KMGTPE]?B|\?|\*)\W*", cell)
                assert not odd, (key, cell)


def test_a_unit_has_its_column(vcalc):
    one = rows_of(vcalc("conventions", "resnet50", "--format", "csv"))
    assert {"4091090944 FLOPs", "4089184256 MACs"} <= {f"{row['flops']} {row['flops_unit']}" for row in one}
    two = rows_of(vcalc("conventions", "resnet50", "vgg16", "--format", "csv"))
    assert (two[0]["vgg16"], two[0]["vgg16_unit"], two[0]["multiply_add"]) == ("15476385792", "FLOPs", "1")
    took = rows_of(vcalc("training", "vit-l-16", "--device", "t4", "--format", "csv"))
    assert [row["value_unit"] for row in took][-1] == "joules"
    assert float(took[-1]["value"]) == pytest.approx(70 * float(took[-2]["value"]))


@pytest.mark.parametrize(
    ("only", "rows"),
    [
        ("stage1/block1", {"stage1/block1": 75_008}),
        ("stage1/block1,stage2", {"stage1/block1": 75_008, "stage2": 1_219_584}),
        ("stage1/block1/conv1", {"stage1/block1/conv1": 4_096}),
        ("stage1/block1,stage1/block3", {"part of stage1": 75_008 + 70_400}),
        ("stage1/block1,stage1/block2,stage1/block3", {"stage1": 215_808}),
        ("fc", {"fc": 2_049_000}),
    ],
)
def test_a_row_is_called_by_what_it_is_the_sum_of(vcalc, only, rows):
    """Block 1 of stage 1 of ResNet-50 has 75,008 parameters; a row called stage1 would be all 215,808 of it."""
    found = rows_of(vcalc("table", "resnet50", "--depth", "1", "--only", only, "--format", "csv"))
    assert {row["layer"]: int(row["params"]) for row in found} == rows


def test_models_that_count_alike_are_compared_so(vcalc, tmp_path):
    """By the convention that the specs have in common, as a table of each is; by lecture where they have none."""
    layers = "input: {C: 3, H: 8, W: 8}\nlayers: [{conv: {out: 4, kernel: 3, pad: 1}}, batchnorm]\n"
    for name, convention in (("a", "fvcore"), ("b", "fvcore"), ("c", "flops")):
        (tmp_path / f"{name}.yaml").write_text(f"title: {name}\nconvention: {convention}\n{layers}")
    a, b, c = (str(tmp_path / f"{name}.yaml") for name in "abc")
    for models, convention, flops in (
        ((a, b), "fvcore", 4 * 3 * 9 * 64 + 4 * 64 * 2),
        ((a, c), "lecture", 4 * 3 * 9 * 64),
    ):
        found = record(vcalc("compare", *models, "--format", "json"))
        assert found["convention"] == convention
        assert [model["total"]["flops"] for model in found["models"]] == [flops, flops]


def test_output_is_written_whole_or_not_at_all(vcalc, tmp_path):
    file = tmp_path / "vgg.json"
    assert vcalc("table", "vgg16", "--output", str(file)).stdout == ""
    assert json.loads(file.read_text())["total"]["params"] == 138357544
    before = file.read_text()
    vcalc("table", "vgg17", "--output", str(file), code=2)
    assert file.read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["vgg.json"]
    assert "cannot be written" in vcalc("table", "vgg16", "-o", str(tmp_path / "no" / "x.csv"), code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("table", "vgg17"), "did you mean 'vgg1"),
        (("tabel", "vgg16"), "did you mean 'table'"),
        (("table", "vgg16", "--set", "clases=10"), "did you mean 'classes'"),
        (("table", "vgg16", "--convention", "lectur"), "did you mean 'lecture'"),
        (("table", "vgg16", "--only", "stage9"), "did you mean 'stage"),
        (("table", "vgg16", "--columns", "parms"), "did you mean 'params'"),
        (("table", "vgg16", "--dtype", "float31"), "did you mean 'float32'"),
        (("table", "vgg16", "--input", "3x224"), "takes CxHxW"),
        (("table", "vgg16", "--batch", "0"), "1 or more"),
        (("table", "vgg16", "--batch", "9" * 4301), "1 or more"),
        (("table", "vgg16", "--batch", "lambda"), "nor a name"),
        (("training", "vgg16", "--images", "lambda", "--epochs", "1"), "a number above 0"),
        (("table", "missing.yaml"), "missing.yaml cannot be read: no such file"),
        (("layers", "covn"), "did you mean 'conv'"),
        (("block", "conv3x3-vs-5x5"), "did you mean 'conv3x3x2-vs-5x5'"),
        (("compare", "vgg16"), "two models or more"),
        (("table", "vgg16", "--input", "3x16x16"), "does not fit"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_question_is_answered_with_what_would_work(vcalc, arguments, says):
    result = vcalc(*arguments, code=2)
    assert says in result.stderr
    assert result.stdout == ""


def test_completion_knows_commands_options_and_models():
    def complete(words: str, index: int) -> str:
        environment = {**os.environ, "_VCALC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(index)}
        code = "import sys; sys.argv = ['vcalc']; from vcalc.cli import main; main(prog_name='vcalc')"
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout

    assert "plain,table" in complete("vcalc ta", 1)
    assert "plain,vgg16-bn" in complete("vcalc table vgg16", 2)
    assert "--convention" in complete("vcalc table vgg16 --co", 3)
    assert "plain,cs231n" in complete("vcalc table vgg16 --convention cs", 4)


def test_python_dash_m_is_the_same_program():
    run = subprocess.run([sys.executable, "-m", "vcalc", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("vcalc 0.")


def test_starting_imports_no_heavy_library():
    """Neither SymPy, NumPy nor torch for a number; no rich for JSON; of our own only what the answer takes."""
    spec = ("beside", "index", "library_names", "table", "words", "writing")
    ours = ["vcalc.analyses.receptive_field", "vcalc.language.exact", *(f"vcalc.spec.{name}" for name in spec)]
    assert all(map(importlib.util.find_spec, ours))
    code = (
        "import sys; from click.testing import CliRunner; from vcalc.cli import main; _, format_, *late = sys.argv; "
        "r = CliRunner().invoke(main, ['table', 'vgg16', '--format', format_]); assert r.exit_code == 0, r.output; "
        "print([m for m in late if m in sys.modules])"
    )
    for format_, expected in (
        ("json", "['vcalc.analyses.receptive_field']"),
        ("rich", "['rich']"),
        ("plain", "[]"),
    ):
        late = ["sympy", "numpy", "torch", "rich", *ours]
        run = subprocess.run([sys.executable, "-c", code, format_, *late], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == expected


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", [["layers"], ["table", "vgg16"], ["conventions", "resnet50", "--format", "json"]])
def test_a_full_disk_gets_one_message(command: list[str]):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "vcalc", *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: no space left on device\n"


def test_nobody_reads_any_more():
    done = subprocess.run(
        f"{sys.executable} -m vcalc table vit-h-14 --all | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("ViT-H/14")
    assert done.stderr == ""


def test_a_bar_is_shown_on_a_terminal_only(monkeypatch, capsys):
    from vcalc.cli.progress import progress

    assert list(progress([1, 2], "counting")) == [1, 2]
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(progress([1, 2], "counting")) == [1, 2]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "counting" in shown.err
