"""What each convention makes of the same network, and what a convention's data may not say."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import pytest

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.errors import VcalcError
from vcalc.graph import Facts
from vcalc.layers import KINDS

# VGG-16, from Table 1 of the paper: (input channels, output channels, side) of each convolution, then the matrices.
CONVS = [
    (3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56), (256, 256, 56),
    (256, 512, 28), (512, 512, 28), (512, 512, 28), (512, 512, 14), (512, 512, 14), (512, 512, 14),
]  # fmt: skip
MATRICES = [(7 * 7 * 512, 4096), (4096, 4096), (4096, 1000)]
POOLS = [(64, 112), (128, 56), (256, 28), (512, 14), (512, 7)]

WEIGHTS = sum(9 * c * k for c, k, _ in CONVS) + sum(map(prod, MATRICES))
BIASES = sum(k for _, k, _ in CONVS) + sum(k for _, k in MATRICES)
MULTIPLY_ADDS = sum(9 * c * k * side * side for c, k, side in CONVS) + sum(map(prod, MATRICES))
POOLED = sum(4 * c * side * side for c, side in POOLS)
OUTPUTS = (
    sum(k * side * side for _, k, side in CONVS)
    + sum(c * side * side for c, side in POOLS)
    + sum(k for _, k in MATRICES)
)


def test_vgg16_by_hand_is_vgg16_as_published():
    assert WEIGHTS == 138_344_128  # CS231n's table; torchvision's 138,357,544 has the biases
    assert WEIGHTS + BIASES == 138_357_544
    assert MULTIPLY_ADDS == 15_470_264_320
    assert MULTIPLY_ADDS + POOLED == 15_476_385_792
    assert OUTPUTS + 3 * 224 * 224 == 15_237_608


@pytest.mark.parametrize(
    ("convention", "params", "flops", "memory"),
    [
        ("lecture", WEIGHTS + BIASES, MULTIPLY_ADDS + POOLED, 4 * OUTPUTS),
        ("macs", WEIGHTS + BIASES, MULTIPLY_ADDS, 4 * OUTPUTS),
        ("flops", WEIGHTS + BIASES, 2 * MULTIPLY_ADDS, 4 * OUTPUTS),
        ("cs231n", WEIGHTS, MULTIPLY_ADDS + POOLED, OUTPUTS + 3 * 224 * 224),
    ],
)
def test_vgg16(network: Any, convention: str, params: int, flops: int, memory: int):
    costs = Costs(network("vgg16").graph, conventions.load(convention))
    assert costs.total(costs.graph.nodes) == (params, flops, memory)


def test_lenets_connections(network: Any):
    """LeCun et al. 1998, section II.B: the connections of each layer; 340,908 together, the outputs' 840 among them."""
    costs = Costs(network("lenet5").graph, conventions.load("connections"))
    by_layer = {node.path: costs.of(node).flops for node in costs.graph.nodes if node.kind not in ("tanh", "flatten")}
    assert by_layer == {
        "C1": 122_304,
        "S2": 5_880,
        "C3": 151_600,
        "S4": 2_000,
        "C5": 48_120,
        "F6": 84 * (120 + 1),
        "output": 10 * 84,
    }
    assert costs.total(costs.graph.nodes).flops == 340_908
    assert costs.total(costs.graph.nodes).params == 60_000


LAYERS: list[tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]]] = [
    ("conv", {"out": 8, "kernel": 3}, ((4, 10, 10),)),
    ("maxpool", {"kernel": 2, "stride": 2}, ((4, 10, 10),)),
    ("global_avgpool", {}, ((4, 10, 10),)),
    ("adaptive_avgpool", {"out": 5}, ((4, 10, 10),)),
    ("attention", {"heads": 2}, ((10, 4),)),
    ("batchnorm", {}, ((4, 10, 10),)),
    ("relu", {}, ((4, 10, 10),)),
    ("add", {}, ((4, 10, 10), (4, 10, 10))),
    ("softmax", {}, ((10,),)),
]
CONV, ATTENTION = 9 * 4 * 8 * 8 * 8, 10 * 4 * 4 * 4 + 2 * 10 * 10 * 4


@pytest.mark.parametrize(
    ("convention", "flops"),
    [
        ("macs", [CONV, 0, 0, 0, ATTENTION, 0, 0, 0, 0]),
        ("flops", [2 * CONV, 0, 0, 0, 2 * ATTENTION, 0, 0, 0, 0]),
        ("lecture", [CONV, 4 * 4 * 25, 4 * 100, 0, ATTENTION, 0, 0, 0, 0]),
        ("cs231n", [CONV, 4 * 4 * 25, 4 * 100, 0, ATTENTION, 0, 0, 0, 0]),
        ("connections", [CONV + 8 * 64, 0, 0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_what_counts(convention: str, flops: list[int]):
    ours = [conventions.load(convention).flops(Facts(KINDS[kind](**fields), inputs)) for kind, fields, inputs in LAYERS]
    assert ours == flops


def test_what_is_stored():
    """Activations and views reuse the memory of their input; convolutions, pools and sums do not."""
    stored = {kind for kind in KINDS if conventions.load("lecture").stores(make(kind))}
    assert {"conv", "linear", "maxpool", "global_avgpool", "add", "concat", "attention"} <= stored
    assert not {"relu", "softmax", "dropout", "batchnorm", "layernorm", "flatten", "tokens"} & stored


def make(kind: str) -> Any:
    """A layer of the kind, its fields left out."""
    return object.__new__(KINDS[kind])


def test_names_and_their_order():
    assert conventions.names()[0] == conventions.DEFAULT == "lecture"
    promised = {
        "lecture", "macs", "flops", "cs231n", "fvcore", "fvcore-fused", "ptflops", "ptflops-aten", "thop",
        "ultralytics-thop", "torchinfo-1.8", "torchinfo", "torch", "calflops", "calflops-macs", "deepspeed",
        "deepspeed-macs", "torchvision", "timm", "mmcv", "pycls", "convnet-burden", "swin", "nfnet",
    }  # fmt: skip
    assert promised <= set(conventions.names())
    assert set(conventions.names()) - promised == {"connections", "fvcore-activations"}
    assert conventions.load("mmengine") is conventions.load("fvcore")


@pytest.mark.parametrize("name", conventions.names())
def test_every_convention_says_what_it_is(name: str):
    convention = conventions.load(name)
    assert convention.name == name
    assert convention.says
    assert convention.source
    assert convention.unit in ("FLOPs", "MACs", "connections", "activations")
    if convention.params_rule.left_out or convention.params_rule.lost:
        assert name == "cs231n" or convention.params_rule.says
    for kind, layer in KINDS.items():
        for form in layer.forms or ("",):
            assert convention.rule_of(kind, form) is not None


@pytest.mark.parametrize("name", conventions.names())
def test_a_bug_has_a_rule_that_differs(name: str):
    """A bug whose right rules are those that run would change no answer."""
    convention = conventions.load(name)
    for bug in convention.bugs:
        assert bug.instead
        for kind, rule in bug.instead.items():
            wrong = convention.rule_of(*kind.split("/"))
            assert wrong is not None
            assert (wrong.weights, wrong.once) != (rule.weights, rule.once)


def test_what_a_multiply_add_is():
    twice = {name for name in conventions.names() if conventions.load(name).multiply_add == 2}
    assert twice == {"flops", "torch", "calflops", "deepspeed"}
    assert all(conventions.load(name).unit == "FLOPs" for name in twice)
    assert conventions.load("fvcore-activations").multiply_add == 0


def test_an_unknown_convention_names_the_nearest():
    with pytest.raises(VcalcError, match="there is no convention 'lecure'") as refused:
        conventions.load("lecure")
    assert "did you mean 'lecture'?" in str(refused.value)


@pytest.mark.parametrize("name", ["../conventions/macs", "", "macs.yaml", "a/b", "_torch.yaml"])
def test_a_name_opens_no_other_file(name: str):
    """Claims and specs name conventions; only the command line and the library may name a file."""
    with pytest.raises(VcalcError, match="there is no convention"):
        conventions.load(name)


MINE = """\
name: mine
says: something
unit: FLOPs
source: me
weights: {multiply_adds: 3, bias_additions: 1}
kinds:
  linear: {multiply_adds: 5}
  "relu, gelu/functional": {output_elements: 1, once: {input_elements: 2}}
zero: {families: [pool]}
unseen: {kinds: [add]}
params: {leave_out: [bias], lose: [layernorm], buffers: [running_mean], says: odd ones}
memory: {unit: elements, kilobyte: 1000, leave_out: {families: [norm], kinds: [flatten]}}
bugs:
  - says: takes a linear layer for more than it is
    instead: {linear: {multiply_adds: 3}}
"""


def own(tmp_path: Path, text: str) -> conventions.Convention:
    """A convention from a file of one's own."""
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    return conventions.find(str(file))


def facts_of(kind: str, *inputs: tuple[int, ...], **fields: Any) -> Facts:
    return Facts(KINDS[kind](**fields), inputs)


def test_a_convention_of_ones_own(tmp_path: Path):
    mine = own(tmp_path, MINE)
    conv = facts_of("conv", (5, 3, 3), out=2, kernel=1)
    linear = facts_of("linear", (5,), out=2)
    relu, gelu = facts_of("relu", (7,)), facts_of("gelu", (7,))
    assert (mine.flops(conv), mine.flops(linear)) == (3 * 5 * 2 * 9 + 2 * 9, 5 * 5 * 2)
    assert (mine.flops(relu), mine.flops(relu, 10), mine.flops(gelu)) == (7 + 2 * 7, 10 * 7 + 2 * 7, 0)
    assert mine.flops(facts_of("gelu", (7,), written="functional")) == 7 + 2 * 7
    assert mine.flops(facts_of("maxpool", (1, 4, 4), kernel=2)) == 0
    assert mine.rule(facts_of("maxpool", (1, 4, 4), kernel=2).layer).seen
    assert not mine.rule(facts_of("add", (7,), (7,)).layer).seen
    assert (mine.params(conv), mine.params(linear)) == (10, 10)
    assert mine.params(facts_of("layernorm", (3, 8))) == 0
    assert mine.params(facts_of("batchnorm", (8,))) == 8 + 8 + 8
    assert [mine.stores(make(kind)) for kind in ("conv", "batchnorm", "flatten", "relu")] == [True, False, False, True]
    (bug,) = mine.bugs
    assert mine.fault(bug, linear, 4) == 4 * (5 - 3) * 10
    assert mine.fault(bug, conv) == 0


def test_one_that_extends_another(tmp_path: Path):
    text = (
        "name: mine\nsays: s\nunit: MACs\nsource: me\nextends: calflops\nkinds: {matmul: {product_multiply_adds: 7}}\n"
    )
    mine, base = own(tmp_path, text), conventions.load("calflops")
    assert mine.flops(facts_of("conv", (5, 3, 3), out=2, kernel=1)) == base.flops(
        facts_of("conv", (5, 3, 3), out=2, kernel=1)
    )
    for form in KINDS["matmul"].forms:
        product = facts_of("matmul", (2, 3), (3, 4), written=form)
        assert mine.flops(product) == 7 * 2 * 3 * 4
    assert mine.params_rule.left_out == base.params_rule.left_out
    assert mine.memory.kilobyte == 1024


BAD = [
    ("wieghts: {}", "wieghts: {}", "a convention has no key 'wieghts'", "weights"),
    ("weights:", "weights: {multiply_add: 1}", "a rule has no key 'multiply_add'", "multiply_adds"),
    ("weights:", "weights: {multiply_adds: one}", "whole number, 0 or more, not 'one'", ""),
    ("weights:", "weights: {multiply_adds: -1}", "whole number, 0 or more, not '-1'", ""),
    ("weights:", "weights: {multiply_adds: 0.5}", "whole number, 0 or more, not '0.5'", ""),
    ("kinds:", "kinds: {convolution: {}}", "there is no layer kind 'convolution'", ""),
    ("kinds:", "kinds: {relu/function: {}}", "there is no layer kind 'relu/function'", "relu/functional"),
    ("kinds:", "kinds: {conv: {macs: 1}}", "a rule has no key 'macs'", ""),
    ("kinds:", 'kinds: {"conv, conv": {multiply_adds: 1}}', "'conv' stands here twice", ""),
    ("zero:", "zero: {families: [pools]}", "families: there is no 'pools'", "pool"),
    ("unseen:", "unseen: {kind: [relu]}", "unseen has no key 'kind'", "kinds"),
    ("params:", "params: {leave_out: [biases]}", "leave_out: there is no 'biases'", "bias"),
    ("params:", "params: {leave: [bias]}", "params has no key 'leave'", "leave_out"),
    ("params:", "params: {leave_out: bias}", "leave_out is a list, not 'bias'", ""),
    ("params:", "params: {buffers: [mean]}", "buffers: there is no 'mean'", ""),
    ("memory:", "memory: {unit: byte}", "the unit of memory is bytes or elements, not 'byte'", ""),
    ("memory:", "memory: {kilobyte: 1023}", "a kilobyte is 1000 or 1024, not '1023'", ""),
    ("memory:", "memory: {inputs: true}", "memory has no key 'inputs'", "input"),
    ("memory:", "memory: {leave_out: {kinds: [flaten]}}", "kinds: there is no 'flaten'", "flatten"),
    ("unit:", "unit: GFLOPS", "a unit is MACs or FLOPs", ""),
    ("extends:", "extends: fvcor", "there is no convention 'fvcor'", "fvcore"),
    ("extends:", "extends: ./other.yaml", "there is no convention './other.yaml'", ""),
    ("bugs:", "bugs: [{says: it is wrong}]", "a bug needs 'instead'", ""),
    ("name:", "name: [a]", "name is a text, not a list", ""),
]


@pytest.mark.parametrize(("key", "line", "message", "hint"), BAD, ids=lambda text: text[:40])
def test_a_wrong_file_says_where(tmp_path: Path, key: str, line: str, message: str, hint: str):
    lines = [*MINE.split("bugs:")[0].splitlines()]
    kept = [other for other in lines if not other.startswith(key)] if key != "kinds:" else lines[:5] + lines[8:]
    with pytest.raises(VcalcError) as refused:
        own(tmp_path, "\n".join([*kept, line]) + "\n")
    text = str(refused.value)
    assert f"mine.yaml:{len(kept) + 1}:" in text
    assert message in text
    assert hint in text


@pytest.mark.parametrize("key", ["name", "says", "unit", "source"])
def test_missing_data_is_refused(tmp_path: Path, key: str):
    lines = [line for line in MINE.splitlines() if not line.startswith(f"{key}:")]
    with pytest.raises(VcalcError, match=f"a convention needs '{key}'"):
        own(tmp_path, "\n".join(lines))


def test_nothing_said_of_a_kind_is_an_error(tmp_path: Path):
    """Not a zero: a convention without weights for all other kinds names each of them."""
    text = "name: mine\nsays: s\nunit: MACs\nsource: me\nkinds: {conv: {multiply_adds: 1}, gelu/module: {}}\n"
    with pytest.raises(VcalcError, match=r"mine.yaml:1:1: nothing is said of adaptive_avgpool, .*linear") as refused:
        own(tmp_path, text)
    missing = str(refused.value).partition("nothing is said of ")[2].splitlines()[0].split(", ")
    assert set(missing) == set(KINDS) - {"conv"}


def test_no_name_excuses_a_file_from_saying_something_of_every_kind(tmp_path: Path):
    """Only vcalc's own file to extend may be silent; once a name beginning with _ was enough, and tables broke."""
    text = "name: _mine\nsays: s\nunit: MACs\nsource: me\nkinds: {conv: {multiply_adds: 1}}\n"
    with pytest.raises(VcalcError, match="nothing is said of"):
        own(tmp_path, text)


def test_a_file_that_is_none():
    with pytest.raises(VcalcError, match=r"\./nowhere\.yaml cannot be read: no such file"):
        conventions.find("./nowhere.yaml")
