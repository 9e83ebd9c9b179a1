"""Bits and densities: bit operations, bytes of parameters, what zeros spare; in a spec and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import vcalc as api
from vcalc.analyses.check import check_file
from vcalc.analyses.findings import ERROR
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import Plan
from vcalc.errors import VcalcError
from vcalc.spec.find import load
from vcalc.spec.network import expand
from vcalc.spec.widths import widen

MACS = 4_089_184_256
"""ResNet-50: its weights, the rest of its parameters, and what its first and last layer hold and do."""
WEIGHTS, REST = 25_502_912, 53_120 + 1000
FIRST, LAST = 64 * 3 * 49, 2048 * 1000
ENDS = FIRST * 112 * 112 + LAST

EXAMPLE = Path(__file__).parent.parent / "examples" / "quantised.yaml"

NET = """\
title: Net
cite: own work
input: {C: 3, H: 8, W: 8}
let: {b: 4, a: 8}
blocks:
  unit: {shared: true, do: [conv: {out: 8, kernel: 3, pad: 1, bias: false}, relu]}
layers:
  - {name: stem, do: [conv: {out: 8, kernel: 3, pad: 1, bias: false}, batchnorm]}
  - unit
  - unit
  - global_avgpool
  - linear: {out: 10}
"""
STEM, UNIT, HEAD = 3 * 8 * 9, 8 * 8 * 9, 80
"""Weights; the unit stands there twice. Beside them are 16 parameters of a norm and 10 biases."""


def bound(bits: Any = None, density: Any = None, model: str = "resnet50", **more: Any) -> Any:
    return api.load(model).bind(bits=bits, density=density, **more)


def spec(tmp_path: Path, more: str, name: str = "net") -> str:
    path = tmp_path / f"{name}.yaml"
    path.write_text(NET + more)
    return str(path)


@pytest.mark.parametrize(
    ("bits", "dtype", "size", "work"),
    [
        (8, "float32", 25_719_392, 261_707_792_384),
        (8, "int8", 25_557_032, 261_707_792_384),
        ("8,bias=8,norm=8", "float32", 25_557_032, 261_707_792_384),
        (None, "float32", 4 * 25_557_032, 1024 * MACS),
        (None, "bf16", 2 * 25_557_032, 256 * MACS),
        ("weight=4", "bf16", WEIGHTS // 2 + 2 * REST, 64 * MACS),
        ("W4A8,first=8,last=8", "float32", (WEIGHTS + FIRST + LAST) // 2 + 4 * REST, 32 * (MACS + ENDS)),
        ("conv=4,last=W8A16", "float32", (WEIGHTS + LAST) // 2 + 4 * REST, 16 * (MACS - LAST) + 128 * LAST),
        ("1,first=32,last=32", "float32", (WEIGHTS + 31 * (FIRST + LAST)) // 8 + 4 * REST, MACS + 1023 * ENDS),
        ("8,fc=2,fc.bias=16", "int8", 25_557_032 - LAST * 3 // 4 + 1000, 64 * (MACS - LAST) + 4 * LAST),
    ],
)
def test_resnet50(bits: Any, dtype: str, size: int, work: int):
    """Binary weights and activations with the ends in full precision are those of XNOR-Net."""
    network = bound(bits, dtype=dtype)
    assert (network.bytes, network.bops) == (size, work)


@pytest.mark.parametrize(
    ("bits", "gigabops", "megabytes"), [(32, 1858, 44.6), (8, 116, 11.1), ("W4A4,first=8,last=8", 34, 5.8)]
)
def test_resnet18_in_the_model_zoo_of_hawq(bits: Any, gigabops: int, megabytes: float):
    """HAWQ-V3's authors print them in model_zoo.md, some rounded and some cut."""
    network = bound(bits, model="resnet18")
    assert abs(network.bops / 1e9 - gigabops) < 1
    assert abs(network.bytes / 2**20 - megabytes) < 0.1


@pytest.mark.parametrize("model", ["swin-t", "detr-r50", "t2t-vit-14", "mvit-v2-t", "clip-text-b", "coatnet-0"])
def test_bops_of_one_width_are_macs_with_its_square(model: str):
    """They are counted apart, by the layer and by its calls, whatever the layers are."""
    macs = api.load(model).bind(convention="macs").total
    network = bound(5, model=model)
    assert network.bops == 25 * macs.flops
    assert bound(model=model).bytes == 4 * macs.params


def test_products_of_two_activations_have_the_bits_of_both():
    """ViT-B/16: in 12 blocks 197 tokens of 768 features meet one another twice."""
    products = 12 * 2 * 197**2 * 768
    macs = 17_563_828_224
    assert bound("W4A8", model="vit-b-16").bops == 32 * (macs - products) + 64 * products


@pytest.mark.parametrize(("bits", "size"), [(3, 81 + 216 + 30), (1, 27 + 72 + 10), (5, 135 + 360 + 50)])
def test_what_does_not_fill_a_byte_takes_a_whole_one(bits: int, size: int, tmp_path: Path):
    """216, 576 and 80 weights; then all 16 of the norm and 10 biases, in 2 * 8 and 10 numbers."""
    path = spec(tmp_path, "")
    assert bound(bits, model=path).bytes == size + 4 * 26
    assert bound(f"{bits},bias=3,norm=3", model=path).bytes == size + 3 + 3 + 4


def test_a_shared_block_is_stored_once_and_works_twice(tmp_path: Path):
    path = spec(tmp_path, "")
    assert bound("8,bias=8,norm=8", model=path).bytes == STEM + UNIT + HEAD + 26
    for where in ("conv1", "conv2"):
        network = bound(f"8,{where}=2", model=path)
        assert network.bytes == STEM + UNIT // 4 + HEAD + 4 * 26
        assert network.bops == 64 * (64 * STEM + HEAD) + 2 * 4 * 64 * UNIT


def test_the_narrower_place_wins_whatever_the_order(tmp_path: Path):
    asked = ("stem/conv.weight=2", "stem=16", "first=4", "conv=32", "weight=64,activation=64")
    for order in (asked, asked[::-1]):
        assert bound(",".join(order), model=spec(tmp_path, "")).bops == (
            2 * 16 * 64 * STEM + 2 * 32 * 32 * 64 * UNIT + 64 * 64 * HEAD
        )


@pytest.mark.parametrize(
    ("density", "kept", "size"),
    [
        ("0.5", (108, 288, 40), 4 * (108 + 288 + 40)),
        ("2:4", (108, 288, 40), 4 * (108 + 288 + 40) + (108 + 288 + 40) // 4),
        ("1:4,first=1", (216, 144, 20), 4 * (216 + 144 + 20) + (144 + 20) // 4),
        ("10%", (22, 58, 8), 4 * (22 + 58 + 8)),
        ("conv2=0.25", (216, 144, 80), 4 * (216 + 144 + 80)),
    ],
)
def test_weights_that_are_zero(density: str, kept: tuple[int, int, int], size: int, tmp_path: Path):
    """Each weight of a convolution meets 64 places. Of N:M, the place of each weight in four takes 2 bits."""
    from vcalc.analyses.measure import METRICS

    network = bound(density=density, model=spec(tmp_path, ""))
    costs, nodes = network._costs, network._expanded.graph.nodes
    measured = {name: METRICS[name][0](costs, nodes) for name in METRICS if "effective" in name}
    assert measured["effective_bytes"] == size + 4 * 26
    if density != "10%":
        assert measured["effective_multiply_adds"] == 64 * (kept[0] + 2 * kept[1]) + kept[2]
        assert measured["effective_bops"] == 1024 * measured["effective_multiply_adds"]
    assert (network.bytes, network.bops) == (4 * 898, 1024 * (64 * (STEM + 2 * UNIT) + HEAD))


def test_formulas_in_bits_come_to_the_numbers():
    formula = bound("weight=b,activation=a,first=8", density="d")
    assert str(formula.bops) == f"{MACS - ENDS + LAST}*a*b + {64 * (ENDS - LAST)}"
    for b, a in ((4, 8), (1, 1), (7, 3)):
        numbers = bound(f"weight={b},activation={a},first=8")
        values = {symbol: {"b": b, "a": a}[symbol.name] for symbol in formula.bops.free_symbols}
        assert formula.bops.subs(values) == numbers.bops
        assert formula.bytes.subs(dict.fromkeys(formula.bytes.free_symbols, b)) == numbers.bytes


def test_expressions_of_a_spec(tmp_path: Path):
    numpy = pytest.importorskip("numpy")
    path = spec(tmp_path, "bits: {conv: {weight: b, activation: 2*b}, first: 8, last: W8A16, norm: a}\n")
    each = [api.load(path).bind(b=b) for b in (2, 3, 8)]
    assert each[0].bops == 64 * 64 * STEM + 2 * 8 * 64 * UNIT + 128 * HEAD
    assert each[0].bytes == STEM + UNIT // 4 + HEAD + 16 + 40
    many = api.load(path).bind(b=numpy.array([2, 3, 8]))
    assert many.bops.tolist() == [one.bops for one in each]
    assert many.bytes.tolist() == [one.bytes for one in each]
    assert bound(8, model=path).bops == 64 * (64 * (STEM + 2 * UNIT) + HEAD)  # in place of what the spec says


def test_the_example():
    assert not check_file(str(EXAMPLE)).findings


def test_expect_and_budget_hold_bits(tmp_path: Path):
    good = "bits: 8\nexpect: {bytes: 976, bops: 5608448}\nbudget: [bytes <= 1KB, bops <= 5.7M]\n"
    bad = "bits: 4\nexpect: {bytes: 976}\nbudget: [bops <= 1M]\n"
    unit = "budget: bytes <= 3 MACs\n"
    for said, codes in ((good, []), (bad, ["expect", "budget"]), (unit, ["unit"])):
        found = check_file(spec(tmp_path, said)).findings
        assert [one.problem.code for one in found if one.severity == ERROR] == codes


REFUSED = [
    ("bits: 0", "13:7: a number has a whole number of bits from 1 to 64, not 0"),
    ("bits: 3.5", "13:7: a number has a whole number of bits from 1 to 64, not 3.5"),
    ("bits: {conv: {weight: b + 61}}", "13:23: a number has a whole number of bits from 1 to 64, not 65"),
    ("bits: int8", "write 8"),
    ("bits: W4A0", "not 0"),
    ("bits: {conv: {wieght: 4}}", "did you mean 'weight'?"),
    ("bits: {convv: 4}", "there is no layer kind, layer or group 'convv'"),
    ("bits: {relu: 4}", "these have: conv, batchnorm, linear"),
    ("bits: {first: [8]}", "bits needs one value here, not a list"),
    ("bits: [8]", "bits is a mapping of names to values, not a list"),
    ("bits:", "bits needs one value here, not nothing"),
    ("bits: c", "'c' is not defined here"),
    ("density: 0", "13:10: density is the share of weights that are not zero, not 0"),
    ("density: 1.01", "not 1.01"),
    ("density: 4:2", "'4:2' is no pattern of weights that are not zero"),
    ("density: {batchnorm: 0.5}", "batchnorm has no weights that multiply: it has no density"),
]


@pytest.mark.parametrize(("said", "message"), REFUSED, ids=[said for said, _ in REFUSED])
def test_what_a_spec_cannot_say(said: str, message: str, tmp_path: Path):
    with pytest.raises(VcalcError) as refused:
        api.load(spec(tmp_path, f"{said}\n")).bind()
    assert message in str(refused.value)
    assert "net.yaml:13:" in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--bits", "0"), "a whole number of bits from 1 to 64, not 0"),
        (("--bits", "3.5"), "a whole number of bits from 1 to 64, not 3.5"),
        (("--bits", "w4"), "weight=4 on the command line"),
        (("--bits", "fp8"), "write 8"),
        (("--bits", "4,8"), "W4A8 is weights of 4, activations of 8"),
        (("--bits", "conv=4", "--bits", "conv=5"), "says something of conv twice"),
        (("--bits", "conv.kernel=4"), "conv has no 'kernel' to be wide"),
        (("--bits", "weight=W4A8"), "weight is one of them"),
        (("--bits", "conv="), "has an empty part"),
        (("--bits", "frist=8"), "did you mean 'first'?"),
        (("--density", "nan"), "'nan' is no share of weights"),
        (("--density", "relu=0.5"), "relu has no weights that multiply"),
    ],
)
def test_what_cannot_be_asked(options: tuple[str, ...], message: str, vcalc: Any):
    result = vcalc("table", "resnet18", *options, code=2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_network_without_weights_has_no_first_layer(tmp_path: Path):
    path = tmp_path / "pool.yaml"
    path.write_text("title: Pool\ninput: {C: 3, H: 8, W: 8}\nbits: {first: 8}\nlayers: [global_avgpool]\n")
    with pytest.raises(VcalcError, match="there is no first layer with weights that multiply"):
        api.load(str(path)).bind()


def test_memory_holds_packed_weights_and_tensors_of_the_dtype(vcalc: Any):
    graph = expand(*load("resnet50")).graph
    plain = Memory(graph, Plan(dtype="int8"))
    widen(graph, ["4"], [])
    packed = Memory(graph, Plan(dtype="int8"))
    assert packed.held.weights == WEIGHTS // 2 + REST
    assert plain.held.weights - packed.held.weights == plain.peak(1).size.fixed - packed.peak(1).size.fixed
    assert plain.peak(1).size.per_image == packed.peak(1).size.per_image
    assert Memory(graph, Plan("training")).held.weights == 4 * 25_557_032
    refused = vcalc("memory", "resnet50", "--bits", "8", "--mode", "training", code=2).stderr
    assert "--bits is for inference" in refused
    text = vcalc("memory", "resnet50", "--bits", "8").stdout
    assert "tensors between layers are held in float32, whatever the bits of activations" in " ".join(text.split())


def test_folded_norms_keep_the_bits_of_their_convolutions(vcalc: Any):
    """The convolutions have 26,560 biases then, in float32."""
    text = vcalc("compare", "resnet50", "resnet18", "--bits", "8", "--fold-norms", "--format", "json").stdout
    columns = json.loads(text)["models"][0]["columns"]
    assert (columns["bytes"], columns["bops"]) == (WEIGHTS + 4 * (26_560 + 1000), 64 * MACS)


def test_tables_and_records(vcalc: Any):
    plain = vcalc("table", "resnet18").stdout
    assert "BOPs" not in plain
    assert "sizes" not in json.loads(vcalc("table", "resnet18", "--format", "json").stdout)
    asked = ("resnet18", "--bits", "conv=W4A8,first=8,last=8", "--density", "conv=2:4,first=1")
    text = vcalc("table", *asked).stdout
    assert "bits: W8A8 in stem/conv, fc; W4A8 in 19 conv" in text
    assert "density: 1 in stem/conv; 2:4 in 19 conv" in text
    record = json.loads(vcalc("table", *asked, "--format", "json").stdout)
    conv = record["layers"][0]
    assert (conv["bits"], conv["density"]) == ({"weight": 8, "activation": 8}, "1")
    assert sum(layer["bops"] for layer in record["layers"]) == record["total"]["bops"]
    sizes = record["sizes"]
    assert sum(size["bytes"] for name, size in sizes.items() if name != "buffers") == record["total"]["bytes"]
    assert sizes["norms"] == {"params": 9600, "bits": [32], "bytes": 38400, "effective_bytes": 38400}
    explained = vcalc("table", *asked, "--explain", "--only", "fc").stdout
    assert "512*1000*(8*8) = 32,768,000" in explained
    formula = json.loads(vcalc("formula", "resnet18", "--bits", "b", "--format", "json").stdout)
    assert (formula["bops"], formula["symbols"]) == ("1814073344*b**2", ["b"])


def test_diff_and_new_keep_bits(vcalc: Any, tmp_path: Path):
    old, new = spec(tmp_path, "bits: 8\n", "old"), spec(tmp_path, "bits: {conv: 8, last: W4A8}\n", "new")
    record = json.loads(vcalc("diff", old, new, "--format", "json").stdout)
    assert [(layer["path"], layer["fields"]) for layer in record["layers"]] == [("linear", {"weight bits": [8, 4]})]
    assert record["of_bits"]["bytes"] == [STEM + UNIT + HEAD + 104, STEM + UNIT + HEAD // 2 + 104]
    copy = vcalc("new", "copy", "--from", new, "--output", "-").stdout
    assert "bits: {conv: 8, last: W4A8}" in copy


def test_claims_have_bits(vcalc: Any):
    record = json.loads(vcalc("claims", "resnet50-v1", "--source", "HAWQ", "--format", "json").stdout)
    assert [(claim["printed"], claim["bits"], claim["verdict"]) for claim in record] == [
        ("3951G", None, "reproduced"),
        ("247G", "W8A8", "reproduced"),
        ("67G", "W4A4,first=8,last=8", "reproduced"),
    ]


@pytest.mark.parametrize(("bits", "message"), [("8.5", "a whole number of bits"), ("b", "are numbers, not 'b'")])
def test_bits_of_a_claim_that_are_none(bits: str, message: str, tmp_path: Path, vcalc: Any):
    claims = f"claims: [{{source: x, metric: bytes, bits: {bits}, printed: 1K}}]\n"
    assert message in (told := vcalc("claims", spec(tmp_path, claims), code=2).stderr)
    assert "13:43: " in told


@pytest.mark.parametrize(
    ("bits", "size", "work"),
    [("W4A8", 8_000, 32), ("W4A8,words=6", 12_000, 48), ("embedding=2,last=8", 4_000, 16), ("other=16", 32_000, 512)],
)
def test_a_table_and_the_weights_that_are_tied_to_it_have_one_width(bits: str, size: int, work: int, tmp_path: Path):
    """1,000 words of 16 features: a table, and a matrix that tells the words apart, of 5 tokens."""
    path = tmp_path / "tied.yaml"
    table = "embedding: {name: words, vocabulary: 1000, out: 16}"
    path.write_text(
        f"title: Tied\ninput: {{D: 5}}\nlayers:\n  - {table}\n  - linear: {{out: 1000, bias: false, tied: words}}\n"
    )
    network = bound(bits, model=str(path))
    assert (network.bytes, network.bops) == (size, work * 5 * 16_000)
