"""What a printed number may be: what is known before what fits, and how surprising a fit is."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
from click.testing import CliRunner
from zoo import one_in

from vcalc import conventions, limits
from vcalc.analyses.cost import Costs
from vcalc.analyses.origin import origin, share_met
from vcalc.analyses.read_claims import claims_of
from vcalc.analyses.readings import Asked, Counting, all_conventions, members
from vcalc.analyses.readings import groups as groups_of
from vcalc.analyses.variants import Model
from vcalc.cli import main
from vcalc.spec.find import find, load, load_file, model_names


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["why", *arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def record(*arguments: str, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--format", "json", code=code))


def values(found: Any) -> dict[str, int]:
    return {match["metric"]: match["value"] for match in found["matches"]}


@pytest.mark.parametrize(
    ("model", "printed", "why"),
    [
        ("inception-v3", "23.817M", "merged into convolutions"),
        ("inception-v3", "23.82M", "merged into convolutions"),  # a figure with fewer digits
        ("inception-v3", "23,851,784", "trains no factors"),  # one with more
        ("inception-resnet-v2", "30.223M", "auxiliary classifier"),
        ("vgg16", "24M", "add to 15.2M elements"),
        ("vgg16", "25x", "to divide its own rounded totals"),
        ("efficientnet-b4", "48.5M", "It was corrected to 49.5M"),
        ("googlenet", "418M", "add to 481"),
        ("resnet50", "3.8 GFLOPs", "its stride in the first 1x1"),
    ],
)
def test_a_published_reason_comes_first(model: str, printed: str, why: str):
    assert why in record(model, printed)["claims"][0]["why"]
    output = run(model, printed)
    assert output.splitlines()[0].endswith(f"{printed} as it is published")
    assert why in output


@pytest.mark.parametrize(
    ("model", "printed", "metric", "exact"),
    [
        ("googlenet", "0 KB", "memory", 4000),  # no number that anything could come to
        ("googlenet", "0kb", "memory", 4000),
        ("vgg19", "[2, 2, 2, 4, 4]", "depths", [2, 2, 4, 4, 4]),
        ("vgg19", "[2,2,2,4,4]", "depths", [2, 2, 4, 4, 4]),
        ("googlenet", "463K", "params", 509_440),  # of 1024 each, as the table has them
        ("vit-h-14", "2.5k", "training_days", None),  # a time, which is otherwise no count
        ("alexnet-2012", "12x", "params", None),  # of GoogLeNet's file
        ("alexnet-2012", "50x", "params", None),  # of SqueezeNet's
    ],
)
def test_what_a_claim_prints_is_found_whatever_it_is(model: str, printed: str, metric: str, exact: Any):
    found = record(model, printed)["claims"][0]
    assert found["metric"] == metric
    assert exact is None or found["exact"] == exact


def test_what_no_claim_prints_and_is_no_figure_is_refused():
    assert "'[2, 2, 2, 4, 5]' is no printed figure" in run("vgg19", "[2, 2, 2, 4, 5]", code=2)
    assert "'0 MB' is no figure to explain" in run("googlenet", "0 MB", code=2)


def test_what_is_said_of_a_figure_is_left_aside():
    assert record("resnet50", "~25.6M")["claims"] == record("resnet50", "25.6M")["claims"] != []


def slips() -> list[tuple[str, str, str]]:
    """Every figure of the catalogue that is not simply reproduced: the model, the metric, and what is printed."""
    files, seen = {}, []
    for model in model_names():
        file = find(model)[0]
        if file not in files:
            files[file] = claims_of(load_file(file))
        seen += [
            (model, claim.question.metric, claim.printed)
            for claim in files[file]
            if claim.question.model == model and (claim.under or claim.ours) and not claim.question.option
        ]
    return list(dict.fromkeys(seen))


SLIPS = slips()


@pytest.mark.parametrize(
    ("model", "metric", "printed"),
    [pytest.param(*slip, marks=() if i % 48 == 0 else pytest.mark.slow) for i, slip in enumerate(SLIPS)],
)
def test_of_a_figure_that_is_not_simply_reproduced_the_claim_is_the_first_answer(model, metric, printed):
    result = CliRunner().invoke(main, ["why", model, "--format", "json", "--", printed])
    found = json.loads(result.stdout)["claims"]
    assert (metric, printed) in [(claim["metric"], claim["printed"]) for claim in found]
    drawn = CliRunner().invoke(main, ["why", model, "--", printed]).stdout
    assert drawn.splitlines()[0].endswith("as it is published")
    assert all("".join(claim["source"].split()) in "".join(drawn.split()) for claim in found[:12])


def test_a_figure_that_is_published_at_another_input():
    (claim, *_) = record("vit-b-16", "55.5G")["claims"]
    assert (claim["printed"], claim["exact"], claim["convention"]) == ("55.5G", 55_484_350_464, "macs")
    assert record("vit-b-16", "55.5G", "--input", "3x224x224", code=1)["claims"] == []


def test_a_fit_beside_a_published_reason_says_that_it_is_one():
    output = run("inception-v3", "23,851,784")
    assert "biases=true" in output
    assert "this merely fits, beside the reason that is published" in output
    assert output.index("Keras") < output.index("biases=true")


def test_a_coincidence_is_no_answer():
    """VGG-16 at 227x227 under mmcv rounds to it; so does something to one figure of four digits in a few dozen."""
    found = record("vgg16", "15.61G", code=1)
    assert [match["variant"] for match in found["matches"]] == ["vgg16 at 227x227"] * 2
    assert not found["known"]
    assert 1 / 50 < found["accident"] < 1 / 5
    assert found["nearest"]
    assert "this may well be a coincidence" in run("vgg16", "15.61G", code=1)


def test_what_a_fit_is_weighed_by():
    """Of the figures from 50 to 200 in steps of 1, 150 intervals: 104.5 rounds to two and is cut to one of them."""
    assert share_met(Asked("100"), [Fraction(209, 2), 104, 105, 300, 10]) == Fraction(2, 150)
    assert share_met(Asked("100"), []) == 0
    assert share_met(Asked("1"), range(1, 9)) == 1


@pytest.mark.parametrize("digits", [3, 4])
def test_the_weight_of_a_fit_is_how_often_a_figure_without_a_reason_has_one(digits: int, network: Any):
    """Every figure from half to twice LeNet's multiply-adds is asked for; so many of them have a fit as is said."""
    spec, entry = load("lenet5")
    model = Model(spec, entry, network("lenet5"), {})
    plain = [conventions.load(name) for name in ("macs", "flops", "thop", "ptflops")]
    tried = {Costs(model.network.graph, convention).total(model.network.graph.nodes).flops for convention in plain}
    tried |= {2 * value for value in tried}
    power = len(str(max(tried))) - digits
    asked = Asked(f"{max(tried) // 10**power}e{power}")
    low, high = asked.value / 2, 2 * asked.value
    figures = [Asked(f"{n}e{power}") for n in range(int(low // 10**power) + 1, int(high // 10**power) + 1)]
    hits = sum(any(one.figures[1024].matches(v, cut) for v in tried for cut in (False, True)) for one in figures)
    assert abs(share_met(asked, tried) - Fraction(hits, len(figures))) <= Fraction(2, len(figures))


THOP = 4_133_742_592


@pytest.mark.parametrize(
    ("printed", "value", "times"),
    [("8.27G", 2 * THOP, 2), ("2.06G", 4_111_512_576 // 2, 0.5), ("16.4G", 16_422_216_704, 2)],
)
def test_twice_and_half_of_what_a_tool_counts(printed: str, value: int, times: float):
    found = record("resnet50", printed)
    assert (value, times) in [(match["value"], match["times"]) for match in found["matches"]]


def test_what_ultralytics_prints():
    output = run("resnet50", "8.27G")
    assert "twice resnet50" in output
    assert "hardly a coincidence" in output
    assert "Ultralytics" in output


WEIGHTS = 25_557_032


@pytest.mark.parametrize(
    ("printed", "metric", "dtype", "value", "kilobyte"),
    [
        ("97.49MB", "weights", "float32", 4 * WEIGHTS, 1024),
        ("97.49 MiB", "weights", "float32", 4 * WEIGHTS, 1024),
        ("102.2MB", "weights", "float32", 4 * WEIGHTS, 1000),
        ("102,228,128 bytes", "weights", "float32", 4 * WEIGHTS, 1024),
        ("97.69MB", "weights and buffers", "float32", 4 * WEIGHTS + 212_904, 1024),
        ("51.1MB", "weights", "float16", 2 * WEIGHTS, 1000),
        ("25.56MB", "weights", "int8", WEIGHTS, 1000),
        ("107.46MB", "peak of inference", "float32", 4 * WEIGHTS + 212_904 + 10_235_904, 1024),
        ("9.76MB", "peak of activations", "float32", 10_235_904, 1024),
        ("64.23MB", "memory", "float32", 67_348_384, 1024),
    ],
)
def test_sizes_in_bytes(printed: str, metric: str, dtype: str, value: int, kilobyte: int):
    matches = record("resnet50", printed)["matches"]
    assert (metric, dtype, value, kilobyte) in [
        (match["metric"], match["dtype"], match["value"], match["kilobyte"]) for match in matches
    ]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adamw"])
def test_peaks_of_training(optimizer: str):
    arguments = ["memory", "lenet5", "--mode", "training", "--optimizer", optimizer, "--batch", "64"]
    memory = json.loads(CliRunner().invoke(main, [*arguments, "--format", "json"]).output)
    found = record("lenet5", f"{memory['peak']['bytes']} bytes", "--batch", "64")
    (peak,) = [value for metric, value in values(found).items() if metric.endswith(f" {optimizer}")]
    assert peak == memory["peak"]["bytes"]


def test_a_binary_size_is_no_decimal_one():
    """60,000 weights are 234.4 KiB, and 240 KB of 1000 bytes, which are no KiB."""
    assert values(record("lenet5", "240.0 KB"))["weights"] == 240_000
    assert values(record("lenet5", "234.4 KiB"))["weights"] == 240_000
    assert "weights" not in values(record("lenet5", "240.0 KiB", code=1))


def test_bytes_are_no_elements():
    """cs231n counts elements of outputs: 14,379,880 of them at 320x320 are no 14 MB."""
    found = record("mobilenet-v2", "14MB")
    assert values(found)["weights"] == 4 * 3_504_872
    assert not any(match["convention"] == "cs231n" for match in found["matches"])
    assert {match["unit"] for match in found["matches"]} == {"bytes"}


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (("resnet50", "32.1MB", "--dtype", "fp16"), 67_348_384 // 2),
        (("resnet50", "33.0 GFLOPs", "--batch", "8", "--convention", "thop"), 8 * THOP),
        (("resnet50", "8.2G", "--convention", "flops"), 8_178_368_512),
        (("googlenet", "481M", "--only", "stem"), 480_836_608),
        (("googlenet", "610M", "--only", "stem,inception3a"), 610_240_512),
    ],
)
def test_options_count(arguments: tuple[str, ...], value: int):
    matches = record(*arguments)["matches"]
    assert value in [match["value"] for match in matches]


def test_one_convention_that_is_named_is_tried_alone():
    found = record("resnet50", "4.13G", "--convention", "./examples/fma2-with-bias.yaml", code=1)
    assert {match["convention"] for match in found["nearest"]} == {"fma2-with-bias"}
    assert record("resnet50", "4.13G")["known"]


def test_the_total_of_a_group():
    found = record("resnet50", "1.468G")
    assert {(match["of"], match["variant"]) for match in found["matches"]} == {("stage3", "resnet50")}
    assert "stage3 of resnet50" in run("resnet50", "1.468G")


def test_a_number_at_another_input_or_of_the_family():
    assert {match["variant"] for match in record("resnet50", "5.34GMACs")["matches"]} == {"resnet50 at 256x256"}
    assert "resnet101" in {match["variant"] for match in record("resnet50", "44,549,160")["matches"]}


@pytest.mark.parametrize(
    ("printed", "says"),
    one_in(
        3,
        [
            ("4.1", "4.1G would be near: flops under lecture is 4,091,090,944 FLOPs"),
            ("4.1K", "4.1G would be near"),
            ("1.5T", "1/183 of it"),
            ("25.557 params", "1 million times as much"),
            ("25.557 params", "25.557M params would be near"),
            ("12.3 GFLOPs", "-33.24%"),
            ("90 MFLOPs", "45 times as much"),
        ],
    ),
)
def test_how_far_off(printed: str, says: str):
    output = run("resnet50", printed, code=1)
    assert says in output
    assert "0000%" not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet50", "0"), "'0' is no figure to explain"),
        (("resnet50", "0.0 GFLOPs"), "a number above 0"),
        (("resnet50", "--", "-5"), "'-5' is no figure to explain"),
        (("resnet50", "-5"), "-5"),
        (("resnet50", "nan"), "beyond anything that is counted"),
        (("resnet50", "4.1G", "--batch", "B"), "no whole number"),
        (("resnet50", "4.1G", "--only", "stm"), "did you mean 'stem'"),
        (("resnet50", "4.1G", "--by", "layer"), "--by splits the difference"),
        (("resnet50", "4.1G", "--dtype", "fp12"), "there is no dtype"),
        (("resnet50", "4.1G", "--convention", "thp"), "did you mean 'thop'"),
    ],
)
def test_a_wrong_question(arguments: tuple[str, ...], message: str):
    assert message in run(*arguments, code=2)


def test_a_ratio_that_nobody_prints():
    assert "no claim prints 25x" in run("googlenet", "25x", code=1)


def test_a_large_network_is_tried_as_far_as_there_is_work_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "WHY_WORK", 5000)
    output = run("resnet50", "5.34GMACs", code=1)
    assert "too large to try everything" in output
    assert "4,133,742,592" in output
    assert record("resnet50", "4.13G")["known"]


def test_a_groups_total_looks_at_each_layer_once_for_each_group_around_it(
    network: Any, monkeypatch: pytest.MonkeyPatch
):
    spec, entry = load("resnet152")
    model = Model(spec, entry, network("resnet152"), {})
    seen = 0
    total = Costs.total

    def counted(self: Costs, nodes: Any) -> Any:
        nonlocal seen
        nodes = list(nodes)
        seen += len(nodes)
        return total(self, nodes)

    monkeypatch.setattr(Costs, "total", counted)
    macs = Counting([conventions.load("macs")])
    every = members(model.network.graph, ()).items()
    groups = {reading.of: reading.value for reading in groups_of(Asked("1 GMACs"), model.itself, macs, every)}
    assert seen == sum(max(1, node.path.count("/")) for node in model.network.graph.nodes)
    assert groups["stage2"] == sum(
        value for name, value in groups.items() if name.startswith("stage2/block") and name.count("/") == 1
    )


def test_groups_in_groups_are_paid_for_one_by_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    body = "conv: {out: 8 + i, kernel: 1}"
    for level in range(12):
        body = f"{{name: level{level}, do: [{body}]}}"
    path = tmp_path / "deep.yaml"
    layers = f"[{{repeat: 500, name: g, index: i, do: [{body}]}}]"
    path.write_text(f"title: Deep\ncite: x\ninput: {{C: 8, H: 16, W: 16}}\nlayers: {layers}\n")
    looked_at = 0
    total = Costs.total

    def counted(self: Costs, nodes: Any, in_lots: Any = None) -> Any:
        nonlocal looked_at
        nodes = list(nodes)
        looked_at += len(nodes)
        return total(self, nodes, in_lots)

    monkeypatch.setattr(Costs, "total", counted)
    monkeypatch.setattr(limits, "WHY_WORK", 30_000)
    assert "too large to try everything" in run(str(path), "5M", code=1)
    assert looked_at < 40_000  # 500 layers under some 60 conventions, and groups; all groups have 32,500 more


def test_csv_has_numbers_and_units_apart():
    rows = list(csv.DictReader(run("vgg16", "13.6G", "--format", "csv").splitlines()))
    assert {row["answer"] for row in rows} == {"claim", "match"}
    assert "vgg16-lecture" in rows[0]["how"]
    assert {(row["variant"], int(row["value"]), row["unit"]) for row in rows} >= {
        ("vgg16", 15_476_385_792, ""),
        ("vgg16-lecture", 13_620_576_256, "MACs"),
    }
    (stage,) = csv.DictReader(run("resnet50", "1.468G", "--format", "csv").splitlines())
    assert (stage["of"], stage["how"], stage["value"]) == ("stage3", "is cut", "1468651520")


def test_a_figure_in_two_words():
    assert run("resnet50", "97.49", "MB") == run("resnet50", "97.49 MB")


def test_a_spec_of_ones_own_that_claims_nothing():
    """On standard input, which a process reads once."""
    text = "title: N\ncite: x\ninput: {D: 2}\nlayers: [linear: {out: 3}]\n"
    command = [sys.executable, "-m", "vcalc", "why", "-", "9"]
    assert "rounds to 9" in subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def test_a_claim_of_ones_own_is_asked(tmp_path: Any):
    claim = "{source: s, metric: params, printed: 7, ours: 9, why: a slip of the pen}"
    text = f"title: N\ncite: x\ninput: {{D: 2}}\nlayers: [linear: {{out: 3}}]\nclaims: [{claim}]\n"
    (tmp_path / "n.yaml").write_text(text)
    assert "a slip of the pen" in run(str(tmp_path / "n.yaml"), "7")
    (tmp_path / "n.yaml").write_text(text.replace(", ours: 9, why: a slip of the pen", ""))
    assert "differs, NOT explained" in run(str(tmp_path / "n.yaml"), "7", code=1)


def test_the_difference_of_a_part():
    whole, stem = (
        json.loads(run("resnet50", "fvcore", "thop", *only, "--format", "json")) for only in ((), ("--only", "stem"))
    )
    assert stem["difference"] == sum(part["difference"] for part in stem["parts"]) == 2 * 64 * 112 * 112
    assert 0 < stem["difference"] < whole["difference"]


def test_variants_are_named_once_and_the_model_comes_first(network: Any):
    spec, entry = load("resnet50")
    model = Model(spec, entry, network("resnet50"), {})
    claimed = [variant.says for variant in model.claimed(model.own(model.claims()))]
    names = ["resnet50", *claimed, *(variant.says for variant in (*model.resized(), *model.family()))]
    assert model.itself.says == "resnet50"
    assert "resnet50-v1" in claimed
    assert len(set(names)) == len(names)
    assert {"resnet50 at 256x256", "resnet101"} <= set(names)


def test_what_is_known_is_found_without_building_anything_else(network: Any, monkeypatch: pytest.MonkeyPatch):
    spec, entry = load("vgg16")
    model = Model(spec, entry, network("vgg16"), {})
    monkeypatch.setattr(Model, "resized", lambda self: pytest.fail("inputs were tried"))
    found = origin(Asked("15.47G"), model, Counting(all_conventions(None)))
    assert found.known
    assert found.holds
