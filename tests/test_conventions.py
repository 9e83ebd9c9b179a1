"""What each convention makes of the same network, and what a convention's data may not say."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.conventions import Convention
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
    assert sorted(conventions.names()) == ["connections", "cs231n", "flops", "lecture", "macs"]
    for name in conventions.names():
        convention = conventions.load(name)
        assert convention.name == name
        assert convention.says
        assert convention.source
        assert convention.unit in ("FLOPs", "MACs", "connections")


def test_an_unknown_convention_names_the_nearest():
    with pytest.raises(VcalcError, match="there is no convention 'lecure'") as refused:
        conventions.load("lecure")
    assert "did you mean 'lecture'?" in str(refused.value)


@pytest.mark.parametrize("name", ["../conventions/macs", "", "macs.yaml", "a/b"])
def test_a_convention_is_no_file_name(name: str):
    with pytest.raises(VcalcError, match="there is no convention"):
        conventions.load(name)


DATA: dict[str, Any] = {
    "name": "mine",
    "says": "something",
    "unit": "FLOPs",
    "source": "me",
    "weights": {"multiply_adds": 3, "bias_additions": 1},
    "kinds": {"linear": {"multiply_adds": 5}},
    "params": {"leave_out": ["bias"]},
    "memory": {"unit": "elements", "kilobyte": 1000, "leave_out": {"families": ["norm"], "kinds": ["flatten"]}},
}


def test_a_convention_of_ones_own():
    mine = Convention(DATA, "mine.yaml")
    conv = Facts(KINDS["conv"](out=2, kernel=1), ((5, 3, 3),))
    linear = Facts(KINDS["linear"](out=2), ((5,),))
    assert (mine.flops(conv), mine.flops(linear)) == (3 * 5 * 2 * 9 + 2 * 9, 5 * 5 * 2)
    assert (mine.params(conv), mine.params(linear)) == (10, 10)
    assert [mine.stores(make(kind)) for kind in ("conv", "batchnorm", "flatten", "relu")] == [True, False, False, True]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"wieghts": {}}, "wieghts"),
        ({"weights": {"multiply_add": 1}}, "multiply_add"),
        ({"weights": {"multiply_adds": "one"}}, "one"),
        ({"kinds": {"convolution": {}}}, "convolution"),
        ({"kinds": {"conv": {"macs": 1}}}, "macs"),
        ({"params": {"leave_out": ["biases"]}}, "biases"),
        ({"params": {"leave": ["bias"]}}, "leave"),
        ({"memory": {"unit": "bytes"}}, "kilobyte"),
        ({"memory": {**DATA["memory"], "unit": "byte"}}, "byte"),
        ({"memory": {**DATA["memory"], "inputs": True}}, "inputs"),
        ({"memory": {**DATA["memory"], "leave_out": {"kinds": ["flaten"]}}}, "flaten"),
        ({"memory": {**DATA["memory"], "leave_out": {"families": ["activations"]}}}, "activations"),
        ({"memory": {**DATA["memory"], "leave_out": {"family": ["norm"]}}}, "family"),
        ({"params": {"leave_out": "bias"}}, "bias"),
    ],
)
def test_wrong_data_is_refused(change: dict[str, Any], named: str):
    with pytest.raises(VcalcError) as refused:
        Convention({**DATA, **change}, "mine.yaml")
    assert str(refused.value).startswith("mine.yaml: ")
    assert f"'{named}'" in str(refused.value)


@pytest.mark.parametrize("key", ["name", "says", "unit", "source", "weights", "memory"])
def test_missing_data_is_refused(key: str):
    with pytest.raises(VcalcError, match=f"mine.yaml: .*'{key}'"):
        Convention({name: value for name, value in DATA.items() if name != key}, "mine.yaml")
