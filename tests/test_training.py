"""What training takes: hand-worked numbers, formulas that bind to them, what a published time implies, refusals."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from vcalc import conventions, devices
from vcalc.analyses.claims import judge_all
from vcalc.analyses.cost import Costs
from vcalc.analyses.read_claims import claims_at
from vcalc.analyses.training import Training
from vcalc.errors import VcalcError
from vcalc.spec.beside import claims_beside
from vcalc.spec.find import catalogue_files, load, load_file
from vcalc.spec.network import expand
from vcalc.spec.schedule import Schedule, count
from vcalc.symbols import symbol

SPEC = """
title: Net
cite: own work
input: {C: 3, H: 8, W: 8}
schedule: {images: 1000, epochs: 1.5}
models:
  net: {width: 4}
  wide: {width: 8, schedule: {steps: 10, batch: 32, set: {H: 16}, source: a table}}
layers:
  - conv: {out: width, kernel: 3, pad: 1}
  - global_avgpool
  - linear: {out: 10}
"""
FORWARD = (4 * 8 * 8) * (3 * 3 * 3) + 4 * 10
"""Multiply-adds of one image through net: 6,952."""
WIDE = (8 * 16 * 8) * (3 * 3 * 3) + 8 * 10
"""Multiply-adds of one image of 16 x 8 through wide: 27,728."""
V100 = 125e12


@pytest.fixture
def net(tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text(SPEC)
    return str(file)


@pytest.fixture
def run(net, vcalc):
    """`vcalc training` of the small spec: its record."""

    def training(*arguments: str, model: str = "net", code: int = 0):
        result = vcalc("training", f"{net}:{model}", "--format", "json", *arguments, code=code)
        return json.loads(result.stdout)

    return training


@pytest.fixture
def judged(verdicts_of):
    """The verdict of one claim on the small spec."""
    return lambda claim: verdicts_of(f"{SPEC}claims:\n  - {{source: a test, {claim}}}\n")[0]


# The formula


def test_three_passes_of_every_image_seen(run):
    record = run()
    assert record["forward"] == 2 * FORWARD
    assert record["images"] == 1500
    assert record["passes"] == 3
    assert record["flops"] == 3 * 2 * FORWARD * 1500


@pytest.mark.parametrize(("images", "epochs"), [(3, "1.5"), (5, "0.5"), (3, "0.1"), (7, "1.5")])
def test_images_seen_are_rounded_as_numbers_and_symbols_are(images: int, epochs: str):
    """Halves up: of 1.5 epochs of 3 images 5."""
    expected = int(Decimal(epochs) * images + Decimal("0.5"))
    assert Schedule(images=images, epochs=count(epochs, "epochs")).seen == expected
    assert Schedule(images=symbol("n"), epochs=count(epochs, "epochs")).seen.subs(symbol("n"), images) == expected


def test_a_model_has_a_schedule_of_its_own_with_its_sizes(run):
    record = run(model="wide")
    assert record["input"] == {"C": 3, "H": 16, "W": 8}
    assert record["flops"] == 3 * 2 * WIDE * 320
    assert record["schedule"]["source"] == "a table"


def test_the_command_line_replaces_half_a_schedule_or_all_of_it(run):
    assert run("--epochs", "3")["images"] == 3000
    assert run("--steps", "7", "--batch", "2K")["images"] == 14_000
    own = run("--steps", "20", model="wide")
    assert (own["images"], own["input"]["H"]) == (640, 16)
    other = run("--images", "5", "--epochs", "1", model="wide")
    assert (other["images"], other["input"]["H"], other["schedule"]["source"]) == (5, 8, "")


def test_time_counts_a_multiply_add_as_two_operations_whatever_the_unit(run):
    seconds = 3 * 2 * FORWARD * 1500 / V100
    for convention in ("flops", "macs"):
        record = run("--convention", convention, "--device", "v100-sxm2-16gb")
        assert record["device_seconds"] == pytest.approx(seconds)
    assert run("--convention", "macs")["flops"] == 3 * FORWARD * 1500


def test_a_share_of_the_peak_and_several_devices(run):
    record = run("--device", "V100 SXM2 16GB", "--devices", "8", "--utilization", "40%")
    assert record["device_seconds"] == pytest.approx(3 * 2 * FORWARD * 1500 / (V100 * 0.4))
    assert record["seconds"] == pytest.approx(record["device_seconds"] / 8)
    assert record["joules"] == pytest.approx(record["device_seconds"] * 300)


def test_the_dtype_chooses_the_rate(run):
    times = [run("--device", "a100-sxm4-40gb", "--dtype", dtype)["device_seconds"] for dtype in ("bf16", "fp32")]
    assert times[1] / times[0] == pytest.approx(312 / 19.5)


@pytest.mark.parametrize(
    ("measured", "devices_", "share"),
    [
        ("2,0 core-seconds", 1, None),
        ("2e0 core-seconds", 1, 2.0),
        ("2 core-seconds", 1, 2.0),
        ("1 second", 2, 2.0),
        ("4 device-seconds", 9, 4.0),
    ],
)
def test_a_measured_time_implies_a_share(run, vcalc, net, measured, devices_, share):
    arguments = ("--device", "tpu-v3-core", "--devices", str(devices_), "--measured", measured)
    if share is None:
        vcalc("training", f"{net}:net", *arguments, code=2)
        return
    implied = run(*arguments, "--images", "1M", "--epochs", "10")["measured"]["utilization"]
    assert implied == pytest.approx(3 * 2 * FORWARD * 10_000_000 / (61.5e12 * share))


def test_more_than_the_peak_is_a_no(run, vcalc, net):
    arguments = ("--device", "tpu-v3-core", "--images", "1B", "--epochs", "10", "--measured", "1 core-second")
    assert run(*arguments, code=1)["measured"]["utilization"] > 1
    assert "more than the whole peak" in vcalc("training", f"{net}:net", *arguments, code=1).stdout


def test_a_convention_may_say_another_number_of_passes(run, tmp_path):
    own = tmp_path / "recomputed.yaml"
    own.write_text("name: recomputed\nextends: flops\nsays: x\nunit: FLOPs\nsource: x\ntraining: 4\n")
    assert run("--convention", str(own))["flops"] == 4 * 2 * FORWARD * 1500
    further = tmp_path / "further.yaml"
    further.write_text("name: further\nextends: macs\nsays: x\nunit: MACs\nsource: x\ntraining: many\n")
    with pytest.raises(VcalcError, match="training is a whole number of forward passes from 1 to 9, not 'many'"):
        conventions.find(str(further))


@pytest.mark.parametrize("name", ["vit-ti-16", "resnet18", "swin-t"])
def test_a_formula_bound_is_the_number(name):
    from vcalc import symbols

    def flops(sizes, schedule):
        network = expand(*load(name), sizes)
        return Training(Costs(network.graph, conventions.load("flops")), network.graph.nodes, schedule).flops

    images, epochs = symbols.symbol("I"), symbols.symbol("E")
    step = 32 if name != "swin-t" else 224
    formula = flops({"H": f"{step}*h", "W": f"{step}*h"}, Schedule(images=images, epochs=epochs))
    bound = formula.subs({symbols.symbol("h"): 2, images: 1000, epochs: 90})
    assert bound == flops({"H": 2 * step, "W": 2 * step}, Schedule(images=1000, epochs=90))


def test_names_stay_names_on_the_command_line(run):
    record = run("--images", "I", "--epochs", "E", "--device", "t4", "--measured", "1 GPU-day")
    assert record["flops"] == f"{3 * 2 * FORWARD}*E*I"
    assert "E*I" in record["measured"]["utilization"]


# Schedules and devices as data


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.28M", 1_280_000), ("1,281,167", 1_281_167), ("0.5", 0.5), ("303m", 303_000_000), ("2 K", 2000)],
)
def test_figures_of_a_schedule_are_exact(text, value):
    assert count(text, "images") == value


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("{images: 3}", "needs images and epochs, or steps and batch; it has images"),
        ("{images: 3, epochs: 1, batch: 2}", "it has images and epochs and batch"),
        ("{}", "it has neither"),
        ("{images: 0, epochs: 1}", "images is a number above 0, not '0'"),
        ("{images: many, epochs: 1}", "images is a number above 0, not 'many'"),
        ("{images: [3], epochs: 1}", "images is a number, not a list"),
        ("{image: 3, epochs: 1}", "schedule has no key 'image'"),
        ("often", "schedule is a mapping"),
        ("{images: 1" + "0" * 30 + ", epochs: 1}", "images is a number above 0"),
    ],
)
def test_a_schedule_that_is_none_is_refused(tmp_path, schedule, says):
    file = tmp_path / "net.yaml"
    file.write_text(SPEC.replace("{images: 1000, epochs: 1.5}", schedule))
    with pytest.raises(VcalcError, match=says):
        load_file(str(file))


def test_every_device_has_a_rate_and_a_source():
    for device in devices.devices().values():
        assert device.peak.keys() <= set(devices.DTYPES)
        assert all(1e12 < rate < 1e16 for rate in device.peak.values()), device.name
        assert device.source
        assert set(device.unverified) <= {"memory", "bandwidth", "power"}
        assert bool(device.power) == bool(device.power_is)
        assert device.memory is None or 1e9 < device.memory < 1e12
    alexnets = devices.find("GTX 580 3GB")  # "only 3 GB of memory", Krizhevsky et al. 2012 and the lectures
    assert (alexnets.memory, alexnets.peak) == (3e9, devices.find("gtx-580").peak)
    core, chip = devices.find("tpu-v3-core"), devices.find("tpu-v3-chip")
    assert core.peak["bfloat16"] * 2 == chip.peak["bfloat16"] == 123e12


def test_devices_are_listed_with_what_was_not_verified(vcalc):
    assert {record["name"] for record in json.loads(vcalc("devices", "--format", "json").stdout)} == set(
        devices.names()
    )
    assert "141 ?" in vcalc("devices").stdout


@pytest.mark.parametrize("peak", ["65T", "65 tflop/s", "65000G", "0.065PFLOPs"])
def test_a_peak_rate_stands_for_a_device(run, peak):
    """T4's: 65 TFLOP/s of float16."""
    other, t4 = run("--peak", peak, "--utilization", "40%"), run("--device", "t4", "--utilization", "40%")
    assert other["device"]["peak"] == {"": 65e12}
    assert other["device_seconds"] == t4["device_seconds"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--device", "tpu-v3-cor"), "did you mean 'tpu-v3-core'"),
        (("--device", "t4", "--dtype", "bf16"), "NVIDIA T4 has no peak rate for 'bf16'"),
        (("--utilization", "0.4"), "--utilization needs --device or --peak"),
        (("--peak", "312T", "--device", "t4"), "--peak and --device do not go together"),
        (("--peak", "312T", "--dtype", "bf16"), "--peak and --dtype do not go together"),
        (("--peak", "312"), "--peak '312' is no rate"),
        (("--peak", "0T"), "--peak '0T' is no rate"),
        (("--device", "t4", "--utilization", "40"), "'40' is no share of the peak"),
        (("--device", "t4", "--utilization", "0"), "'0' is no share of the peak"),
        (("--device", "t4", "--measured", "soon"), "'soon' is no time"),
        (("--device", "tpu-v3-chip", "--measured", "2 core-days"), "counts cores, and tpu-v3-chip is a chip"),
        (("--convention", "fvcore-activations"), "fvcore-activations counts no multiply-adds"),
        (("--images", "x y"), "--images is a number above 0, not 'x y'"),
        (("--steps", "3"), "a schedule needs images and epochs, or steps and batch; it has steps"),
    ],
)
def test_refusals(vcalc, net, arguments, says):
    assert says in vcalc("training", f"{net}:net", *arguments, code=2).output


def test_without_a_schedule_there_is_no_answer(vcalc):
    output = vcalc("training", "lenet5", code=2).output
    assert "nothing says how long the model is trained" in output
    assert "--images 1.28M --epochs 300" in output


# Claims


@pytest.mark.parametrize(
    ("claim", "verdict", "explained"),
    [
        ("model: net, metric: training_flops, convention: flops, printed: 62.6M", "reproduced", True),
        ("model: net, metric: training_flops, printed: 62.6M", "differs", False),
        ("model: wide, metric: training_flops, convention: macs, printed: 26.6M", "reproduced", True),
        ("model: net, metric: training_hours, device: t4, printed: 1", "implies", True),
        ("model: net, metric: training_hours, device: t4, printed: 0.0000000001", "differs", False),
        ("model: net, metric: training_hours, device: t4, printed: 1e-10, ours: 3e-10, why: x", "differs", True),
        ("model: net, metric: training_hours, device: t4, printed: 1e-10, ours: 4e-10, why: x", "differs", False),
        ("model: wide, metric: training_flops, against: net, convention: flops, printed: 0.85x", "reproduced", True),
    ],
)
def test_verdicts(judged, claim, verdict, explained):
    found = judged(claim)
    assert (found.verdict, found.explained) == (verdict, explained)


def test_the_implied_share_is_the_time_at_the_peak_to_the_time_it_took(judged):
    schedule = "schedule: {images: 1M, epochs: 100}"
    found = judged(f"model: net, metric: training_days, device: tpu-v3-core, devices: 2, {schedule}, printed: 2.5")
    operations = 3 * 2 * (FORWARD + 64 * 4) * 100_000_000  # the lecture counts the window of the pooling layer, too
    assert found.utilization == pytest.approx(operations / (2.5 * 86400 * 2 * 61.5e12))
    assert found.record()["utilization"] == found.utilization


def test_what_a_time_is_of_is_said(judged):
    for claim, says in (
        ("model: net, metric: training_days, printed: 3", "training_days needs a device"),
        ("model: net, metric: training_days, device: t5, printed: 3", "there is no device 't5'"),
        ("model: net, metric: training_days, device: t4, printed: 0", "which is no time"),
        ("model: net, metric: training_days, device: t4, set: {H: 8*h}, printed: 3", "which no time can be held to"),
        ("model: net, metric: training_days, device: t4, schedule: {steps: 3}, printed: 3", "it has steps"),
    ):
        with pytest.raises(VcalcError, match=says):
            judged(claim)


@pytest.fixture(scope="module")
def implied():
    """The share of the peak that every published time of the catalogue implies."""
    files = filter(None, map(claims_beside, catalogue_files()))
    claims = [claims_at(file) for file in files if "training_" in Path(file).read_text(encoding="utf-8")]
    verdicts = [each for each in judge_all(claims) if each.utilization is not None]
    return {f"{each.claim.subject}: {each.claim.printed}": each.utilization for each in verdicts}


@pytest.mark.parametrize(
    ("row", "share"),
    [
        ("vit-h-14 (on tpu-v3-core): 2.5k", 0.321),
        ("vit-l-16 (on tpu-v3-core): 0.68k", 0.434),
        ("vit-l-16 (90 epochs of 14,000,000 images, on tpu-v3-core): 0.23k", 0.381),
        ("vit-l-16 (30 epochs of 14,000,000 images, on tpu-v3-core): 0.23k", 0.127),
        ("bit-r152x4 (40 epochs of 300,000,000 images H=224 W=224, on tpu-v3-core): 9.9k", 0.250),
        ("efficientnet-l2 (350 epochs of 19,217,505 images H=475 W=475, on tpu-v3-core): 12.3k", 0.106),
        ("mae-vit-l-16-mask-tokens (on 128 x tpu-v3-core): 42.4", 0.343),
        ("mae-vit-l-16 (on 128 x tpu-v3-core): 15.4", 0.292),
        ("mae-vit-h-14 (encode_mask_tokens=true) (on 128 x tpu-v3-core): 119.6", 0.317),
    ],
)
def test_what_the_lectures_core_days_and_hours_imply(implied, row, share):
    assert implied[row] == pytest.approx(share, abs=0.0006)


def test_no_published_time_needs_more_than_the_peak(implied):
    assert implied
    assert all(0.05 < share < 0.6 for share in implied.values())


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        (Schedule(images=1, epochs=1), "1 epoch of 1 image"),
        (Schedule(steps=2, batch=1), "2 steps of 1 image"),
        (Schedule(images=1000, epochs=Fraction(1, 2)), "0.5 epochs of 1,000 images"),
    ],
)
def test_a_schedule_in_words(schedule: Schedule, says: str):
    assert str(schedule) == says
