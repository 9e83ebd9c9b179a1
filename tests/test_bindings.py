"""Sizes and hyperparameters bound from outside: `--set`, `--input`, and the Python API; what is refused says why."""

from __future__ import annotations

import json
from typing import Any

import pytest

import vcalc as api
from vcalc.errors import VcalcError
from vcalc.spec.rows import channels_first

TOO_LARGE = "a number of more than 128 bits\n  help: the largest is 2**128 - 1, about 3.4e38"

SPEC = """\
title: Net
input: {C: 3, H: 32, W: 32}
let: {classes: 10, depths: [1, 2], block: plain, width: 8}
blocks:
  plain: {args: {c: }, do: [conv: {out: c, kernel: 3, pad: 1}]}
  double: {args: {c: }, do: [plain: {c: c}, plain: {c: 2*c}]}
layers:
  - each: {n: depths}
    name: stage
    do:
      - repeat: n
        do: [{use: block, with: {c: width}}]
      - if: C > 8
        then: [relu]
  - global_avgpool
  - linear: {out: classes}
"""

EXPRESSIONS = "numbers, names, + - * / // % **, comparisons, and, or, not, a if b else c, lists, functions"


@pytest.fixture
def refused(vcalc, tmp_path, monkeypatch):
    """What `vcalc table net.yaml` says to the given options."""
    (tmp_path / "net.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return lambda *options: vcalc("table", "net.yaml", *options, code=2).stderr


@pytest.mark.parametrize(
    ("binding", "says"),
    [
        ("clases=5", "Net has no hyperparameter 'clases'\n  help: did you mean 'classes'?"),
        ("N=5", "Net has no hyperparameter 'N'\n  help: it has: C, H, W, block, classes, depths, width"),
        ("classes", "--set classes is no binding\n  help: write --set classes=10 or --set H=32*h"),
        ("classes=", "--set classes= is no binding\n  help: write --set classes=10 or --set H=32*h"),
        ("=5", "--set =5 is no binding\n  help: write --set classes=10 or --set H=32*h"),
        ("", "--set is empty\n  help: write --set NAME=VALUE, or leave it out"),
        ("classes=5 +", f"--set classes=5 +: '5 +' is not an expression\n  help: {EXPRESSIONS}"),
        ("classes=1/0", "--set classes=1/0: '1/0' divides by zero"),
        ("classes=k/0", "--set classes=k/0: 'k/0' divides by zero"),
        ("classes=10**400", f"--set classes=10**400: '10**400' has no value: {TOO_LARGE}"),
        (f"classes={9**42}", f"--set classes={9**42}: '{9**42}' is {TOO_LARGE}"),
        (
            "classes=2**127*k + 2**127*k",
            f"--set classes=2**127*k + 2**127*k: '2**127*k + 2**127*k' has no value: it holds {TOO_LARGE}",
        ),
        ("classes=lambda", f"--set classes=lambda: 'lambda' is not an expression\n  help: {EXPRESSIONS}"),
        (
            "classes=rond(5)",
            "--set classes=rond(5): there is no function 'rond'\n"
            "  help: did you mean 'round' or 'round8' or 'round_even'?",
        ),
        ("classes=max", "'max' cannot name a symbol\n  help: the language has that word"),
        ("H=0", "input H is 0, not a whole number, 1 or more"),
        ("H=-32", "input H is -32, not a whole number, 1 or more"),
        ("H=1.5", "input H is 1.5, not a whole number, 1 or more"),
        ("H=true", "input H is true, not a whole number, 1 or more"),
        ("H=[3, 3]", "input H is [3, 3], not a whole number, 1 or more"),
        ("H='big'", "input H is 'big', not a whole number, 1 or more"),
        ("H=W", "--set H=W: 'W' is a size of the input\n  help: choose another name: w"),
        ("H=h/2 - h", "input H is -h/2, not a whole number, 1 or more"),
    ],
)
def test_bindings_that_do_not_fit(refused, binding: str, says: str):
    assert refused("--set", binding) == f"error: {says}\n"


def test_a_name_bound_twice(refused):
    assert refused("--set", "width=8", "--set", "width=9") == "error: --set binds width twice\n"


def test_names_bound_to_one_another(refused):
    assert refused("--set", "width=classes", "--set", "classes=2*width") == (
        "error: net.yaml:3:16: hyperparameters define one another in a circle: classes → width → classes\n"
        "3 | let: {classes: 10, depths: [1, 2], block: plain, width: 8}\n"
        "                   ^~\n"
        "  help: write classes without width\n"
    )


@pytest.mark.parametrize(
    ("binding", "says"),
    [
        (
            "classes=0",
            "16:19: linear: out is 0, not a whole number, 1 or more, at linear\n"
            "16 |   - linear: {out: classes}\n"
            "                       ^~~~~~~\n",
        ),
        (
            "classes='ten'",
            "16:19: linear: out is 'ten', not a whole number, 1 or more, at linear\n"
            "16 |   - linear: {out: classes}\n"
            "                       ^~~~~~~\n",
        ),
        (
            "depths=3",
            "8:15: each goes through lists, and 'n' is 3\n"
            "8 |   - each: {n: depths}\n"
            "                  ^~~~~~\n"
            "  help: write n: [depths], or repeat: depths\n",
        ),
        (
            "depths=[1, true]",
            "11:17: repeat true is not a whole number, 0 or more, at stage2\n"
            "11 |       - repeat: n\n"
            "                     ^\n",
        ),
        (
            "depths=[1, n]",
            "11:17: how often repeat n runs cannot be told while n has no value, at stage2\n"
            "11 |       - repeat: n\n"
            "                     ^\n"
            "  help: bind n to a number: --set n=…\n",
        ),
        (
            "width=c",
            "13:13: whether c > 8 cannot be told while c has no value, at stage1\n"
            "13 |       - if: C > 8\n"
            "                 ^~~~~\n"
            "  help: bind c to a number: --set c=…\n",
        ),
        (
            "block=duoble",
            "12:20: 'duoble' is not a block, at stage1\n"
            "12 |         do: [{use: block, with: {c: width}}]\n"
            "                        ^~~~~\n"
            "  help: did you mean 'double'?\n",
        ),
        (
            "block=3",
            "12:20: '3' is not a block, at stage1\n"
            "12 |         do: [{use: block, with: {c: width}}]\n"
            "                        ^~~~~\n"
            "  help: blocks: double, plain\n",
        ),
    ],
)
def test_a_value_that_does_not_fit_where_it_is_used(refused, binding: str, says: str):
    assert refused("--set", binding) == f"error: net.yaml:{says}"


@pytest.mark.parametrize(
    ("size", "says"),
    [
        ("3x32", "--input 3x32 has 2 sizes; Net takes CxHxW"),
        ("3x32x32x1", "--input 3x32x32x1 has 4 sizes; Net takes CxHxW\n  help: write --input 3x32x32"),
        ("3xaxb", "--input 3xaxb is no size"),
        ("3x-32x32", "--input 3x-32x32 is no size"),
        ("", "--input is empty\n  help: write --input SIZE, or leave it out"),
        ("3x0x32", "input H is 0, not a whole number, 1 or more"),
    ],
)
def test_inputs_that_do_not_fit(refused, size: str, says: str):
    assert refused("--input", size).startswith(f"error: {says}\n")


def test_hyperparameters_that_are_blocks_and_lists(vcalc, network):
    shallow = network("resnet50", block="basic", depths="[1, 1, 1, 1]")
    assert sum(node.kind == "conv" for node in shallow.graph.nodes) == 1 + 4 * 2 + 3
    table = vcalc("table", "resnet50", "--set", "block=basic", "--set", "depths=[1,1,1,1]").stdout
    assert "stage4/block1/conv2" in table
    assert "stage1/block2" not in table


def test_a_binding_may_refer_to_a_hyperparameter(network):
    assert network("resnet18", classes="2*width").graph.nodes[-1].output == (128,)


def test_a_condition_is_decided_where_it_can_be(network):
    widths = [node.output[0] for node in network("resnet50", width="c").graph.nodes if node.kind == "add"]
    assert str(widths[-1]) == "32*c"


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"clases": 5}, "ResNet has no hyperparameter 'clases'\n  help: did you mean 'classes'?"),
        ({"H": 1.5}, "input H is 1.5, not a whole number, 1 or more"),
        ({"H": None}, "input H is None, not a whole number, 1 or more"),
        ({"classes": 10**400}, f"classes is {TOO_LARGE}"),
        ({"classes": float("nan")}, "classes is not a finite number"),
        ({"depths": [1] * 20_000}, "depths is a list of more than 10,000 items\n  help: see docs/limits.md"),
    ],
)
def test_bindings_from_python(sizes: dict, says: str):
    with pytest.raises(VcalcError) as error:
        api.load("resnet18").bind(**sizes)
    assert str(error.value) == says


def test_sizes_from_numpy():
    numpy = pytest.importorskip("numpy")
    bound = api.load("resnet18").bind(classes=numpy.int64(7), H=numpy.int32(64), W=64)
    assert bound.total == api.load("resnet18").bind(classes=7, H=64, W=64).total
    assert type(bound.total.params) is int


# Channels first


@pytest.mark.parametrize(
    ("sizes", "meant"),
    [
        ((224, 224, 3), (3, 224, 224)),
        ((480, 640, 3), (3, 480, 640)),
        ((28, 28, 1), (1, 28, 28)),
        ((32, 32, 4), (4, 32, 32)),
        ((3, 224, 224), ()),
        ((3, 224, 3), ()),
        ((64, 128, 1), ()),
        ((512, 7, 3), ()),
        ((512, 3, 3), ()),
        ((224, 224, 224), ()),
        ((16000, 1), (1, 16000)),
        ((44100, 2), (2, 44100)),
        ((1, 16000), ()),
        ((512, 1), ()),
        ((1280, 49), ()),
        ((16, 112, 112, 3), (3, 16, 112, 112)),
        ((32, 64, 64, 1), (1, 32, 64, 64)),
        ((3, 16, 112, 112), ()),
        ((64, 8, 56, 1), ()),
        ((512, 2, 7, 3), ()),
        ((25088,), ()),
    ],
)
def test_sizes_that_look_like_an_input_whose_channels_are_last(sizes, meant):
    assert channels_first(sizes) == meant


@pytest.mark.parametrize("sizes", ["224x224x3", "480x640x3"])
def test_an_image_is_given_with_its_channels_first(vcalc, sizes):
    height, width, _ = sizes.split("x")
    says = f"error: --input {sizes} is a map of {height} channels, and this network takes 3\n"
    says += f"  help: did you mean 3x{height}x{width}? Channels come first\n"
    assert vcalc("table", "resnet18", "--input", sizes, code=2).stderr == says


def test_few_columns_and_many_channels_may_be_meant(vcalc, tmp_path):
    """Where the spec itself has many channels, or the columns are not as many as its channels, or its sizes are set."""
    net = tmp_path / "net.yaml"
    net.write_text("input: {C: 64, H: 32, W: 3}\nlayers: [conv: {out: 4, kernel: 1}]\n")
    assert vcalc("table", str(net), "--input", "64x64x1", "--format", "json")
    assert vcalc("table", str(net), "--input", "32x64x3", "--format", "json")
    assert vcalc("table", "resnet18", "--input", "3x224x3", "--format", "json")
    assert vcalc("table", "resnet18", "--set", "C=224", "--set", "W=3", "--format", "json")


# Sequences and videos

SOUND = "title: Sound\ninput: {L: 16000, C: 1}\nlayers: [relu]\n"
FILM = "title: Film\ninput: {C: 3, T: 16, H: 112, W: 112}\nlayers: [relu]\n"


@pytest.fixture
def asked(vcalc, tmp_path):
    """The record of a table of a spec, or what it is refused with."""

    def ask(text: str, *arguments: str, code: int = 0) -> Any:
        (tmp_path / "net.yaml").write_text(text)
        result = vcalc("table", str(tmp_path / "net.yaml"), *arguments, "--format", "json", code=code)
        return result.stderr.removeprefix("error: ") if code else json.loads(result.stdout)

    return ask


@pytest.mark.parametrize(
    ("text", "size", "input"),
    [
        (SOUND, "1x8000", {"C": 1, "L": 8000}),
        (SOUND, "[2, 500]", {"C": 2, "L": 500}),
        (SOUND, "100x1", {"C": 100, "L": 1}),
        (FILM, "3x8x64x64", {"C": 3, "T": 8, "H": 64, "W": 64}),
        (FILM, "(1, 4, 3, 5)", {"C": 1, "T": 4, "H": 3, "W": 5}),
        (FILM, "2x3x64x64", {"C": 2, "T": 3, "H": 64, "W": 64}),
    ],
)
def test_sizes_in_a_row_are_those_of_what_the_spec_takes(asked, text: str, size: str, input: dict):
    found = asked(text, "--input", size)["input"]
    assert found == input
    assert list(found) == list(input)


@pytest.mark.parametrize(
    ("text", "size", "says"),
    [
        (SOUND, "8000", "--input 8000 has 1 size; Sound takes CxL\n  help: write --input 1x8000"),
        (
            SOUND,
            "8x1x8000",
            "--input 8x1x8000 has 3 sizes; Sound takes CxL\n  help: the batch stands apart: --input 1x8000 --batch 8",
        ),
        (SOUND, "3x224x224", "--input 3x224x224 has 3 sizes; Sound takes CxL\n  help: write --input 1x16000"),
        (SOUND, "1x8000x1", "--input 1x8000x1 has 3 sizes; Sound takes CxL\n  help: write --input 1x8000"),
        (
            SOUND,
            "8000x1",
            "--input 8000x1 is a map of 8000 channels, and this network takes 1\n"
            "  help: did you mean 1x8000? Channels come first",
        ),
        (SOUND, "many", "--input many is no size\n  help: write 1x16000; names and formulas: --set L=many"),
        (SOUND, "sound=8000", "Sound has no input 'sound'\n  help: it has one, without a name: --input 1x8000"),
        (SOUND, "1x0", "input L is 0, not a whole number, 1 or more"),
        (FILM, "64", "--input 64 has 1 size; Film takes CxTxHxW\n  help: write --input 3x16x64x64"),
        (FILM, "64x48", "--input 64x48 has 2 sizes; Film takes CxTxHxW\n  help: write --input 3x16x64x48"),
        (FILM, "3x64x48", "--input 3x64x48 has 3 sizes; Film takes CxTxHxW\n  help: write --input 3x16x64x48"),
        (FILM, "8x64x48", "--input 8x64x48 has 3 sizes; Film takes CxTxHxW\n  help: write --input 3x8x64x48"),
        (
            FILM,
            "1x3x8x64x48",
            "--input 1x3x8x64x48 has 5 sizes; Film takes CxTxHxW\n  help: the batch stands apart: --input 3x8x64x48",
        ),
        (
            FILM,
            "8x64x48x3",
            "--input 8x64x48x3 is a map of 8 channels, and this network takes 3\n"
            "  help: did you mean 3x8x64x48? Channels come first",
        ),
        (
            FILM,
            "8x3x64x48",
            "--input 8x3x64x48 is a map of 8 channels, and this network takes 3\n"
            "  help: did you mean 3x8x64x48? Channels come first",
        ),
    ],
)
def test_sizes_in_a_row_that_do_not_fit_a_sequence_or_a_video(asked, text: str, size: str, says: str):
    assert asked(text, "--input", size, code=2).startswith(f"{says}\n")


@pytest.mark.parametrize(
    ("text", "binding", "input"),
    [(SOUND, "L=8000", {"C": 1, "L": 8000}), (FILM, "T=4*t", {"C": 3, "T": "4*t", "H": 112, "W": 112})],
)
def test_the_length_and_the_frames_are_set_by_name(asked, text: str, binding: str, input: dict):
    assert asked(text, "--set", binding)["input"] == input


VARIANTS = """\
input: {C: 3, H: 32, W: 32}
models:
  image: {}
  sound: {input: {C: 1, L: 1000}}
  film: {input: {C: 3, T: 4, H: 8, W: 8}}
layers: [relu]
"""


def test_each_model_of_a_file_is_given_its_own_kind_of_input(vcalc, tmp_path):
    net = tmp_path / "net.yaml"
    net.write_text(VARIANTS)
    for model, size in (("image", "3x64x64"), ("sound", "1x500"), ("film", "3x2x8x8")):
        found = json.loads(vcalc("table", f"{net}:{model}", "--input", size, "--format", "json").stdout)
        assert "x".join(map(str, found["input"].values())) == size
    assert "takes CxL\n" in vcalc("table", f"{net}:sound", "--input", "3x64x64", code=2).stderr
