"""Networks on sequences and videos as people meet them: tables, JSON, questions, formulas; the examples of both."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import vcalc as api
from vcalc import symbols

ROOT = Path(__file__).parent.parent
M5, C3D = (str(ROOT / "examples" / f"{name}.yaml") for name in ("m5", "c3d"))

KERAS = {
    "stage1/conv": ([128, 8000], 10368),
    "stage1/maxpool": ([128, 2000], 0),
    "stage2/conv": ([128, 2000], 49280),
    "stage2/maxpool": ([128, 500], 0),
    "stage3/conv": ([256, 500], 98560),
    "stage3/maxpool": ([256, 125], 0),
    "stage4/conv": ([512, 125], 393728),
    "stage4/maxpool": ([512, 31], 0),
    "global_avgpool": ([512], 0),
    "fc": ([10], 5130),
}
"""What Keras prints of M5's layers, channels first: philipperemy/very-deep-convnets-raw-waveforms, assets/m5.out."""


@pytest.fixture
def record(vcalc):
    """The JSON that a command prints."""

    def of(*arguments: str) -> Any:
        return json.loads(vcalc(*arguments, "--format", "json").stdout)

    return of


def layers(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {layer["path"]: layer for layer in found["layers"]}


# The examples


def test_m5_is_what_keras_prints_of_it(record):
    found = record("table", M5)
    ours = {path: (layer["output"], layer["params"]) for path, layer in layers(found).items()}
    assert KERAS.items() <= ours.items()
    assert found["total"]["params"] == 559114


def test_c3d_is_what_its_convolutions_come_to(record):
    """27 weights for each pair of channels, at as many places as the pools leave of 16 frames of 112 x 112."""
    found = layers(record("table", C3D))
    channels, places = [3, 64, 128, 256, 256, 512, 512, 512, 512], (200704, 50176, 6272, 6272, 784, 784, 98, 98)
    convolutions = [layer for layer in found.values() if layer["kind"] == "conv"]
    for layer, before, after, where in zip(convolutions, channels[:-1], channels[1:], places, strict=True):
        assert (layer["params"], layer["flops"]) == (27 * before * after + after, 27 * before * after * where)
    assert found["stage5/maxpool"]["output"] == [512, 1, 4, 4]
    assert found["fc6"]["params"] == 8192 * 4096 + 4096


@pytest.mark.parametrize("file", [M5, C3D])
def test_the_examples_hold(vcalc, file: str):
    assert "reproduced under" not in vcalc("claims", file).stdout
    assert vcalc("check", "--strict", file).stdout == "1 file, 1 model: no problems\n"


@pytest.mark.parametrize(
    ("file", "formula", "numbers"),
    [
        (M5, {"L": "64*l"}, {"l": 37}),
        (M5, {"L": "x"}, {"x": 5003}),
        (M5, {"L": "4*l", "width": "w"}, {"l": 1000, "w": 8}),
        (C3D, {"T": "16*t", "H": "32*h", "W": "32*h"}, {"t": 2, "h": 3}),
    ],
)
def test_formulas_give_what_numbers_give(file: str, formula: dict[str, str], numbers: dict[str, int]):
    sizes = {name: eval(text, {}, numbers) for name, text in formula.items()}
    symbolic, bound = api.load(file).bind(**formula).total, api.load(file).bind(**sizes).total
    assert [symbols.evaluate(value, numbers) for value in symbolic] == list(bound)


def test_an_array_of_lengths_gives_what_each_gives():
    numpy = pytest.importorskip("numpy")
    lengths = [4000, 16000, 32000]
    together = api.load(M5).bind(L=numpy.array(lengths)).total
    assert [*together.flops] == [api.load(M5).bind(L=length).total.flops for length in lengths]


# What is shown


def test_the_working_of_a_sequence_and_of_a_video(vcalc):
    """A window of 4 in steps of 4 on 8,000 places; one of 2 x 2 x 2 on 16 frames of 56 x 56."""
    sound = vcalc("table", M5, "--explain", "--only", "stage1/maxpool").stdout
    assert "output L" in sound
    assert "= 2,000" in sound
    film = vcalc("table", C3D, "--explain", "--only", "stage2/maxpool").stdout
    assert [f"output {axis}" in film for axis in "THW"] == [True] * 3
    assert "output L" not in film


@pytest.mark.parametrize("format_", ["plain", "markdown", "latex"])
def test_a_number_for_each_axis_in_the_columns(vcalc, format_: str):
    table = vcalc("table", C3D, "--format", format_).stdout
    row = next(line for line in table.splitlines() if "stage5/maxpool" in line)
    for shape in ((512, 2, 7, 7), (0, 1, 1), (512, 1, 4, 4)):
        assert "x".join(map(str, shape)) in row


def test_csv_has_the_shapes(vcalc):
    rows = {row["layer"]: row for row in csv.DictReader(io.StringIO(vcalc("table", C3D, "--format", "csv").stdout))}
    pool = rows["stage1/maxpool"]
    assert [pool[name] for name in ("input", "kernel", "output")] == ["64x16x112x112", "1x2x2", "64x16x56x56"]


NETWORK = """\
title: Net
input: {C: 8, L: 64}
layers:
- {conv: {out: 8, kernel: 3, pad: 1}}
- tokens
- {split_heads: {heads: 2}}
- merge_heads
- take_token
"""
AXES = {
    "conv": {"input": ["C", "L"], "output": ["C", "L"]},
    "tokens": {"input": ["C", "L"], "output": ["N", "D"]},
    "split_heads": {"input": ["N", "D"], "output": ["h", "N", "d"]},
    "merge_heads": {"input": ["h", "N", "d"], "output": ["N", "D"]},
    "take_token": {"input": ["N", "D"], "output": ["D"]},
}


def test_json_names_the_axes_of_every_shape(record, tmp_path):
    """As many names as sizes: two of a sequence are not those of tokens, three of heads not those of a map."""
    net = tmp_path / "net.yaml"
    net.write_text(NETWORK)
    table = record("table", str(net))
    assert table["axes"] == {"input": ["C", "L"], "receptive_field": ["L"]}
    assert {path: layer["axes"] for path, layer in layers(table).items()} == AXES
    for command in ("formula", "conventions"):
        assert record(command, str(net))["axes"] == {"input": ["C", "L"]}
    film = record("table", C3D)
    assert film["axes"] == {"input": ["C", "T", "H", "W"], "receptive_field": ["T", "H", "W"]}
    assert all(len(layer["axes"][key]) == len(layer[key]) for layer in film["layers"] for key in ("input", "output"))
    assert all(len(layer["receptive_field"]["size"]) == 3 for layer in film["layers"])


def test_json_names_the_axes_of_what_is_compared(record, tmp_path):
    net, other = tmp_path / "net.yaml", tmp_path / "other.yaml"
    net.write_text(NETWORK)
    other.write_text(NETWORK.replace("kernel: 3, pad: 1", "kernel: 1").replace("- take_token\n", ""))
    changed, gone = record("diff", str(net), str(other))["layers"]
    assert changed["axes"] == {"input": [["C", "L"]] * 2, "output": [["C", "L"]] * 2}
    assert gone["axes"] == {"input": [["N", "D"], None], "output": [["D"], None]}
    models = record("compare", M5, C3D)["models"]
    assert [model["axes"]["input"] for model in models] == [["C", "L"], ["C", "T", "H", "W"]]
    assert record("list")[0]["axes"] == {"input": ["C", "H", "W"]}


def test_a_comparison_of_blocks_on_sequences(record, tmp_path):
    net = tmp_path / "net.yaml"
    net.write_text(
        "symbols: [c, L]\ninput: {C: c, L: L}\ncrossover: c\noptions:\n"
        "  dense: [conv: {out: C, kernel: 3, pad: 1}]\n"
        "  separable: [conv: {out: C, kernel: 3, pad: 1, groups: C, bias: false}, conv: {out: 2*C, kernel: 1}]\n"
    )
    found = record("block", str(net))
    dense, separable = found["options"]
    assert (dense["flops"], separable["flops"]) == ("3*L*c**2", "2*L*c**2 + 3*L*c")
    assert separable["axes"] == {"output": ["C", "L"]}
    (crossing,) = [each for each in found["crossovers"] if each["metric"] == "flops"]
    assert (crossing["value"], crossing["input"], crossing["axes"]) == (3, [3, "L"], {"input": ["C", "L"]})


# What can be asked


@pytest.mark.parametrize(
    ("file", "metric", "part", "value"),
    [
        (M5, "length", "stage2", 500),
        (M5, "input_length", "stage2", 2000),
        (M5, "channels", "stage4", 512),
        (C3D, "frames", "stage3", 4),
        (C3D, "input_frames", "stage3", 8),
        (C3D, "height", "stage3", 14),
        (C3D, "input_width", "stage1", 112),
    ],
)
def test_sizes_can_be_expected_by_name(vcalc, tmp_path, file: str, metric: str, part: str, value: int):
    text = Path(file).read_text()
    net = tmp_path / "net.yaml"
    for figure, code in ((value, 0), (value + 1, 1)):
        net.write_text(text[: text.index("expect:")] + f"expect: {{{metric} of {part}: {figure}}}\n")
        vcalc("check", str(net), code=code)


@pytest.mark.parametrize(
    ("file", "metric", "says"),
    [
        (M5, "frames of stage2", "stage2/maxpool gives [128, 500], which has no frames"),
        (M5, "height of stage2", "stage2/maxpool gives [128, 500], which has no height"),
        (M5, "tokens of stage2", "stage2/maxpool gives [128, 500], which has no tokens"),
        (C3D, "length of stage2", "stage2/maxpool gives [128, 8, 28, 28], which has no length"),
    ],
)
def test_a_size_that_a_shape_lacks(vcalc, tmp_path, file: str, metric: str, says: str):
    text = Path(file).read_text()
    net = tmp_path / "net.yaml"
    net.write_text(text[: text.index("expect:")] + f"expect: {{{metric}: 1}}\n")
    assert says in vcalc("check", str(net), code=1).stdout


# Specs made and changed


def test_a_copy_of_an_example_is_the_same_network(vcalc, record, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in (M5, C3D):
        vcalc("new", "mine", "--from", file, "--force")
        mine, whole = record("table", "mine.yaml"), record("table", file)
        assert [mine[key] for key in ("input", "axes", "layers", "total")] == [
            whole[key] for key in ("input", "axes", "layers", "total")
        ]


def test_another_kind_of_input_is_a_difference(record, tmp_path):
    net, other = tmp_path / "net.yaml", tmp_path / "other.yaml"
    net.write_text("input: {C: 4, L: 16}\nlayers: [relu, global_avgpool]\n")
    other.write_text("input: {C: 4, H: 4, W: 4}\nlayers: [relu, global_avgpool]\n")
    found = record("diff", str(net), str(other))
    assert (found["old"]["input"], found["new"]["input"]) == ({"C": 4, "L": 16}, {"C": 4, "H": 4, "W": 4})
    assert found["layers"][0]["axes"]["input"] == [["C", "L"], ["C", "H", "W"]]


def test_one_number_for_all_axes_is_no_difference(record, tmp_path):
    """3 on a sequence and 3 x 3 x 3 on a video are written alike; what they cost differs."""
    files = tmp_path / "old.yaml", tmp_path / "new.yaml"
    for file, input_, pad in zip(files, ("{C: 4, L: 16}", "{C: 4, T: 4, H: 4, W: 4}"), (1, 0), strict=True):
        file.write_text(f"input: {input_}\nlayers: [conv: {{out: 4, kernel: 3, stride: 2, pad: {pad}}}]\n")
    (layer,) = record("diff", *map(str, files))["layers"]
    assert layer["fields"] == {"pad": [[1], [0, 0, 0]]}
    assert layer["old"]["params"] == 4 * 4 * 3 + 4
    assert layer["new"]["params"] == 4 * 4 * 27 + 4


@pytest.mark.parametrize(
    ("input_", "what"),
    [("{C: 3, L: 16000}", "a sequence [3, 16000]"), ("{C: 3, T: 4, H: 32, W: 32}", "a video [3, 4, 32, 32]")],
)
def test_a_network_of_images_is_not_used_on_others(vcalc, tmp_path, input_: str, what: str):
    net = tmp_path / "net.yaml"
    net.write_text(f"input: {input_}\nlayers:\n- {{use: resnet18, upto: stem}}\n")
    says = f"resnet18 takes a feature map [C, H, W], but {what} arrives"
    assert says in vcalc("table", str(net), code=2).stderr


# What a check says


@pytest.mark.parametrize(
    ("input_", "layer", "says"),
    [
        (
            "{C: 2, L: 15}",
            "maxpool: {kernel: 2}",
            "windows of 2 do not tile a length of 15: the last position of the input",
        ),
        (
            "{C: 2, L: 16}",
            "conv: {out: 2, kernel: 3, stride: 2}",
            "end early in a length of 16: the last position is never",
        ),
        (
            "{C: 2, T: 7, H: 8, W: 8}",
            "avgpool: {kernel: 2}",
            "windows of 2 do not tile a duration of 7: the last frame of",
        ),
        (
            "{C: 2, T: 8, H: 8, W: 6}",
            "maxpool: {kernel: [2, 2, 4]}",
            "do not tile a width of 6: the last 2 columns of the",
        ),
        ("{C: 16000, L: 1}", "relu", "an input of 16000 channels and 1 position"),
        ("{C: 16, T: 112, H: 112, W: 3}", "relu", "an input of 16 channels, 112 frames, 112 rows and 3 columns"),
    ],
)
def test_likely_mistakes_on_other_maps(vcalc, tmp_path, input_: str, layer: str, says: str):
    net = tmp_path / "net.yaml"
    net.write_text(f"title: t\ninput: {input_}\nlayers:\n- {layer}\n")
    assert says in vcalc("check", "--strict", str(net), code=1).stdout


def test_what_moves_a_sequence_for_nothing(vcalc, tmp_path):
    net = tmp_path / "net.yaml"
    net.write_text(
        "title: t\ninput: {C: 4, L: 8}\nlayers:\n- channel_shuffle: {groups: 2}\n- channel_shuffle: {groups: 2}\n"
    )
    assert "moved-for-nothing" in vcalc("check", str(net)).stdout
