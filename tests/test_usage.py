"""A command line that is wrong is answered with what was meant; what a command cannot use is not offered."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from zoo import whole_in

from vcalc.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
TINY = str(ROOT / "examples" / "tiny.yaml")


def test_a_model_in_a_commands_place_is_its_table(vcalc):
    assert vcalc("vgg16").stdout == vcalc("table", "vgg16").stdout
    assert vcalc(TINY, "--depth", "1").stdout == vcalc("table", TINY, "--depth", "1").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tabel", "vgg16"), "no command or model 'tabel'\n  help: did you mean 'table'?"),
        (("resnet51",), "no command or model 'resnet51'\n  help: did you mean 'resnet"),
        (("ViT",), "did you mean 'vit-ti-16' or 'vit-s-32' or 'vit-s-16'? 13 begin so: vcalc list\n"),
        (("convnext",), "did you mean 'convnext-t' or 'convnext-s' or 'convnext-b'? 16 begin so: vcalc list\n"),
        (("table", "resnet"), "did you mean 'resnet18' or 'resnet34' or 'resnet50'? 31 begin so: vcalc list\n"),
        (("resnet20",), "did you mean 'resnet200' or 'resnet20-cifar'"),
        (("table", "vit_large"), "did you mean 'vit-l-32' or 'vit-l-16' or 'vit-l-14'?\n"),
        (("table", "deit-base"), "did you mean 'deit-b' or 'deit-b-distilled'?\n"),
        (("memory", "mobilenetv3"), "did you mean 'mobilenet-v3-large' or 'mobilenet-v3-small'"),
        (("clip",), "did you mean 'clip-b-32'"),
        (("--model", "resnet50"), "no option '--model'\n  help: options follow a command or a model: vcalc table"),
        (("--format", "json", "resnet50"), "no option '--format'\n  help: options follow a command or a model"),
        (("-m", "resnet50"), "help: options follow a command or a model"),
        (("--verson",), "did you mean '--version'?"),
        (("plot",), "there is none; `vcalc compare A B --metric flops` draws bars"),
        (("summary", "resnet50"), "here that is table"),
        (("lint", "a.yaml"), "here that is check"),
        (("segnet",), "the catalogue has none of this family"),
        (("vgg16,resnet50",), "with a space between them: vgg16 resnet50"),
        (("compare", "vgg16,resnet50"), "with a space between them: vgg16 resnet50"),
        (("compare", "vgg16"), "vcalc compare vgg16 resnet50"),
        (("why", "resnet50", "fvcore"), "vcalc why resnet50 fvcore ptflops"),
        (("why", "resnet50", "thop"), "vcalc why resnet50 thop fvcore"),
        (("table",), "table needs a MODEL\n  help: "),
        (
            ("memory", "vgg16", "--mixed", "autocastt"),
            "--mixed cannot be 'autocastt'\n  help: did you mean 'autocast'?",
        ),
        (("table", "vgg16", "resnet50"), "no place for 'resnet50'\n  help: one model at a time; `vcalc compare`"),
        (("compare", "vgg"), "no model 'vgg'\n  help: did you mean"),
        (("help", "table"), "`vcalc --help` lists the commands"),
        (("layers", "nosuch"), "`vcalc layers` lists them"),
        (
            ("table", "vgg16", "--set", "H=32*h", "W=32*h"),
            "'W=32*h'\n  help: each has an option of its own: --set W=32*h\n",
        ),
        (
            ("table", "vgg16", "--columns", "layer,", "params"),
            "'params'\n  help: a value with a space in it stands in quotes",
        ),
        (
            ("table", "vgg16", "--input", "3", "64", "64"),
            "'64 64'\n  help: a value with a space in it stands in quotes",
        ),
        (("table", "vgg16", "net.yaml"), "help: one model at a time"),
        (("table", "vgg16", "--no-bias"), "help: it has: --all, --as"),
        (("table", "vgg16", "--quiet"), "help: it has: --all, --as"),
        (("table", "vgg16", "--macs"), "here that is --convention (as in --convention macs)"),
        (("table", "vgg16", "--input-size", "3", "64", "64"), "here that is --input (as in --input 3x224x224)"),
        (("table", "vgg16", "--only", "layer1"), "help: it has: adaptive_avgpool, dropout1"),
        (("table", "resnet18", "--only", "stage1.block1"), "help: write stage1/block1\n"),
        (("why", "resnet18", "fvcore", "thop", "--only", "stage1/block1/"), "help: write stage1/block1\n"),
        (("table", "vgg16", "--depth", "0"), "--depth: 0 is not in the range"),
        (("table", "vgg16", "--depth", "x"), "--depth: 'x' is not a valid integer"),
        (("table", "vgg16", "--batch"), "--batch requires an argument"),
        (("table", "vgg16", "--img-size", "320"), "no option '--img-size'\n  help: here that is --input"),
        (("table", "vgg16", "--classes", "10"), "here that is --set (as in --set classes=10)"),
        (("table", "vgg16", "--formt", "json"), "did you mean '--format'?"),
        (("compare", "vgg16", "alexnet", "--metric", "gflops"), "cannot be 'gflops'\n  help: here that is flops"),
        (("compare", "vgg16", "alexnet", "--metric", "latency"), "there is none; nothing here is measured"),
        (("compare", "vgg16", "alexnet", "--columns", "macs"), "here that is flops"),
        (("table", "vgg16", "--columns", "name"), "here that is layer"),
        (("table", "vgg16", "--format", "html"), "cannot be 'html'\n  help: there is none"),
        (("table", "vgg16", "--format", "foo"), "it can be: csv, json, latex, markdown, plain, rich"),
        (("memory", "vgg16", "--mode", "train"), "did you mean 'training'?"),
        (("export", "vgg16", "--to", "onnx"), "cannot be 'onnx'\n  help: it can be: torch"),
        (("layers", "dense"), "here that is linear"),
        (("layers", "deconv"), "here that is conv_transpose"),
        (("check", TINY, "--budget", "gflops <= 5"), "here that is flops"),
        (("check", TINY, "--budget", "flops <= 5 GMACs under torch"), "under torch a multiply-add is 2, not 1 MAC"),
        (("conventions", "fvcore", "resnet50"), "one convention at a time, or models"),
        (("conventions", "lecture", "--batch", "3"), "--batch changes nothing here"),
        (("conventions", "--input", "3x2x2"), "--input changes nothing here"),
        (("block", "--set", "C=3"), "--set changes nothing here"),
        (("table", "vgg16", "--explain", "--columns", "params"), "--explain and --columns do not go together"),
        (("table", "vgg16", "--explain", "--depth", "1"), "--explain and --depth do not go together"),
        (("validate", "vgg16", "--against", "timm", "--dtype", "fp16"), "--dtype changes nothing here"),
        (("validate", "vgg16", "--against", "timm", "--device", "cuda"), "--device changes nothing here"),
        (("table", "net.py"), "net.py is a program in Python, which vcalc does not read"),
        (("compare", "model.onnx", "vgg16"), "vcalc table and vcalc import --counts read it"),
        (("table", "yolo.cfg"), "yolo.cfg is a network of darknet"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_line_is_answered_in_one_style(vcalc, arguments, says):
    result = vcalc(*arguments, code=2)
    assert says in result.stderr
    assert result.stderr.startswith("error: ")
    assert "Usage:" not in result.stderr
    assert result.stdout == ""


ASKED = {
    **{name: [TINY] for name in ("table", "formula", "claims", "conventions", "memory", "training", "check")},
    **{name: [TINY] for name in ("block", "export", "fmt", "validate")},
    "compare": [TINY, TINY],
    "diff": [TINY, TINY],
    "why": [TINY, "3G"],
    "layers": ["conv"],
    "new": ["net"],
}
VALUED = [
    [name, *ASKED.get(name, []), option.opts[0]]
    for name in COMMANDS
    for option in main.get_command(click.Context(main), name).params
    if isinstance(option, click.Option) and not option.is_flag
]


@pytest.mark.parametrize("value", ["", " ", ","])
@pytest.mark.parametrize("command", whole_in(4, VALUED), ids=lambda command: f"{command[0]} {command[-1]}")
def test_an_option_without_a_value_is_not_taken_for_none(vcalc, tmp_path, monkeypatch, command, value):
    """A shell's variable that is not set must not change what is counted, or how."""
    monkeypatch.chdir(tmp_path)
    result = vcalc(*command, value, code=2)
    assert f"error: {command[-1]}" in result.stderr
    assert result.stdout == ""
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["", " ", ","])
@pytest.mark.parametrize("command", ["layers", "block", "conventions", "claims", "table", "check", "compare"])
def test_an_argument_without_a_value_is_not_taken_for_none(vcalc, command, name):
    assert vcalc(command, name, code=2).stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("apart", "together"),
    [
        (("table", "vgg16", "--only", "stage1", "--only", "fc8"), ("table", "vgg16", "--only", "stage1,fc8")),
        (
            ("table", "vgg16", "--columns", "layer", "--columns", "kind,params"),
            ("table", "vgg16", "--columns", "layer,kind,params"),
        ),
        (
            ("why", "vgg16", "fvcore", "thop", "--only", "stage1", "--only", "fc8"),
            ("why", "vgg16", "fvcore", "thop", "--only", "stage1,fc8"),
        ),
        (
            ("compare", "vgg16", "vgg19", "--columns", "depth", "--columns", "params"),
            ("compare", "vgg16", "vgg19", "--columns", "depth,params"),
        ),
    ],
)
def test_a_list_may_be_given_name_by_name(vcalc, apart, together):
    assert vcalc(*apart).stdout == vcalc(*together).stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("table", "net"), "no model 'net'\n  help: net.yaml is there\n"),
        (("net",), "no command or model 'net'\n  help: net.yaml is there\n"),
        (("compare", "vgg16", "./net"), "no model './net'\n  help: ./net.yaml is there\n"),
        (("block", "other"), "no block comparison 'other'\n  help: other.yml is there\n"),
        (("check", "net"), "help: net.yaml is there\n"),
        (("fmt", "net.yaml:net"), "help: net.yaml is there, which stands for all of its models\n"),
        (("check", "other.yml:a"), "help: other.yml is there, which stands for all of its models\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_file_without_its_suffix_is_found(vcalc, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    for name in ("net.yaml", "other.yml"):
        Path(name).write_text(Path(TINY).read_text(encoding="utf-8"), encoding="utf-8")
    assert vcalc(*arguments, code=2).stderr.endswith(says)


def test_without_a_command_there_is_help(vcalc):
    result = vcalc(code=2)
    assert "vcalc MODEL" in " ".join(result.output.split())
    assert "Usage: " in result.output
    assert "error: " not in result.output


@pytest.mark.parametrize(("format_", "means"), [("md", "markdown"), ("tex", "latex"), ("txt", "plain")])
def test_a_format_by_its_suffix(vcalc, format_, means):
    assert vcalc("layers", "--format", format_).stdout == vcalc("layers", "--format", means).stdout


def test_one_convention(vcalc):
    text = vcalc("conventions", "thop").stdout
    for part in ("thop", "1 MAC", "version", "source", "known bug"):
        assert part in text
    record = vcalc("conventions", "thop", "--format", "json").stdout
    assert '"schema": 1' in record
    assert '"name": "thop"' in record


@pytest.mark.parametrize("size", ["3,320,320", "(3, 320, 320)", "[3, 320, 320]", "3×320×320", "3 320 320", "3*320*320"])
def test_an_input_as_other_tools_write_it(vcalc, size):
    written = vcalc("table", "resnet18", "--input", "3x320x320", "--format", "json").stdout
    assert vcalc("table", "resnet18", "--input", size, "--format", "json").stdout == written


@pytest.mark.parametrize(
    ("model", "size", "says"),
    [
        ("resnet18", "320", "write --input 3x320x320"),
        ("resnet18", "320x480", "write --input 3x320x480"),
        ("resnet18", "3x320", "write --input 3x320x320"),
        ("resnet18", "1x3x64x64", "the batch stands apart: --input 3x64x64\n"),
        ("resnet18", "(8, 3, 64, 64)", "the batch stands apart: --input 3x64x64 --batch 8\n"),
        ("lenet5", "28", "write --input 1x28x28"),
        ("bert-base", "4x128", "the batch stands apart: --input 128 --batch 4\n"),
        ("resnet18", "3x16x64x64", "takes CxHxW\n  help: write --input 3x224x224\n"),
        ("resnet18", "3x64x64x64x64", "help: write --input 3x224x224\n"),
        ("bert-base", "3x224x224", "takes D\n  help: write --input 512\n"),
        ("resnet18", "3x-1x2", "is no size"),
        ("resnet18", "3x0.5x2", "is no size"),
        ("resnet18", "", "--input is empty"),
        ("resnet18", f"3{' ' * 100_000}z", "is no size"),
    ],
)
def test_an_input_with_too_many_sizes_or_too_few_is_put_right(vcalc, model, size, says):
    assert says in vcalc("table", model, "--input", size, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "file", "says"),
    [
        (("table", TINY), "x.png", "no format has the suffix .png\n  help: formats by suffix: .txt (plain), .json"),
        (("table", TINY), "x.html", "no format has the suffix .html"),
        (("compare", TINY, "vgg16"), "x.xlsx", "help: .csv is csv"),
        (("table", TINY, "--format", "json"), "x.csv", "a csv file, and --format says json"),
        (("table", TINY, "--format", "plain"), "x.json", "--format says plain"),
        (("check", TINY), "x.md", "no format has the suffix .md"),
        (("export", TINY), "v.onnx", "it is a module of Python, which ends in .py\n  help: -o v.py"),
        (("schema",), "x.yaml", "it is JSON, which ends in .json"),
    ],
    ids=lambda value: " ".join(value).replace(TINY, "tiny") if isinstance(value, tuple) else "",
)  # fmt: skip
def test_a_suffix_that_says_something_else_is_an_error(vcalc, tmp_path, monkeypatch, arguments, file, says):
    monkeypatch.chdir(tmp_path)
    assert says in vcalc(*arguments, "-o", file, code=2).stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (("table", TINY), "x"),
        (("table", TINY), "x.TXT"),
        (("table", TINY, "--format", "json"), "x.out"),
        (("table", TINY, "--format", "markdown"), "x.txt"),
        (("check", TINY, "--format", "sarif"), "x.json"),
        (("export", TINY), "x.py"),
        (("export", TINY), "x"),
    ],
    ids=lambda value: " ".join(value).replace(TINY, "tiny") if isinstance(value, tuple) else "",
)
def test_a_suffix_that_fits(vcalc, tmp_path, monkeypatch, arguments, file):
    monkeypatch.chdir(tmp_path)
    vcalc(*arguments, "-o", file)
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_a_folded_table_shows_the_receptive_field_that_was_asked_for(vcalc):
    text = vcalc("table", "resnet18", "--columns", "layer,receptive_field,kernel", "--depth", "1").stdout
    assert [line.split() for line in text.splitlines()[3:5]] == [["stem", "11"], ["stage1", "43"]]
    assert "no row has a value for kernel" in text


def test_a_folded_table_shows_what_is_free_where_that_is_asked_for(vcalc):
    assert "\ndropout1  " not in vcalc("table", "vgg16", "--depth", "2").stdout
    assert "\ndropout1  " in vcalc("table", "vgg16", "--depth", "2", "--all").stdout


# Options that change something

VALUES = {
    "--set": "classes=10",
    "--input": "3x256x256",
    "--convention": "nfnet",
    "--batch": "3",
    "--dtype": "fp16",
    "--as": "timm",
}
ASKED = {
    "table": ("table", "resnet18"),
    "compare": ("compare", "resnet18", "resnet34"),
    "formula": ("formula", "resnet18"),
    "conventions": ("conventions", "resnet18"),
    "why": ("why", "resnet18", "fvcore", "ptflops"),
    "memory": ("memory", "resnet18"),
    "diff": ("diff", "resnet18", "resnet34"),
    "block": ("block", "vgg-stage-doubling"),
    "training": ("training", "resnet18", "--images", "1M", "--epochs", "2"),
    "export": ("export", "resnet18"),
    "validate": ("validate", "resnet18"),
}
AS = {
    "table": ("table", "vit-b-16", "--convention", "thop"),
    "compare": ("compare", "vit-b-16", "vit-b-32", "--convention", "thop"),
    "formula": ("formula", "vit-b-16", "--convention", "thop"),
    "conventions": ("conventions", "vit-b-16"),
    "why": ("why", "vit-b-16", "fvcore", "thop"),
    "diff": ("diff", "vit-b-16", "vit-b-32", "--convention", "thop"),
    "memory": ("memory", "swin-t"),
    "training": ("training", "vit-b-16", "--images", "1M", "--epochs", "2", "--convention", "thop"),
}
"""Where a library's way of writing bears on a count."""
SPECIAL = {
    ("block", "--set"): "C=32",
    ("conventions", "--convention"): str(ROOT / "examples" / "fma2-with-bias.yaml"),
}


def offered() -> list:
    found = []
    for command in ASKED:
        options = {name for each in main.get_command(None, command).params for name in each.opts}
        for option in VALUES.keys() & options:
            found.append(pytest.param(command, option, id=f"{command} {option}"))
    return sorted(found, key=lambda param: str(param.id))


def test_every_command_that_counts_is_asked():
    counting = [
        name
        for name in COMMANDS
        if any(each.name == "input_" for each in main.get_command(click.Context(main), name).params)
    ]
    assert set(counting) == set(ASKED)


@pytest.mark.parametrize(("command", "option"), offered())
def test_an_option_that_is_offered_changes_the_answer_or_is_refused(command, option):
    """Beyond its first line, which says what was asked."""
    from click.testing import CliRunner

    if command == "validate":
        pytest.importorskip("torch")
    arguments = AS.get(command, ASKED[command]) if option == "--as" else ASKED[command]
    value = SPECIAL.get((command, option), VALUES[option])
    before, after = (CliRunner().invoke(main, [*arguments, *more]) for more in ((), (option, value)))
    assert before.exit_code == 0, before.output
    assert after.exit_code in (0, 2)
    assert before.output.split("\n")[1:] != after.output.split("\n")[1:]


@pytest.mark.parametrize("command", [("table",), ("why", "358M"), ("compare", "vgg16")], ids=lambda each: each[0])
def test_a_comparison_of_blocks_is_told_from_a_model_that_there_is_not(vcalc, command):
    word, *more = command
    said = vcalc(word, "inception-naive-vs-bottleneck", *more, code=2).stderr
    assert "  help: it is a comparison of blocks: vcalc block inception-naive-vs-bottleneck, " in said


def test_a_model_is_told_from_a_comparison_of_blocks_that_there_is_not(vcalc):
    said = vcalc("block", "ResNet-50", code=2).stderr
    assert said.endswith("  help: it is a model: vcalc table ResNet-50\n")
