"""Networks that libraries have otherwise than the paper, or than one another, and what tools report of them.

data/twins.json is what live tools reported of torchvision's and timm's own networks, fused encoder fast path off, with
torch 2.13, torchvision 0.28 and timm 1.0.31; test_live_twins.py measures anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.errors import VcalcError
from vcalc.graph import Facts, Graph
from vcalc.layers import KINDS
from vcalc.spec.find import find, load, model_names
from vcalc.spec.library_names import UNLIKE
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec

TWINS = json.loads((Path(__file__).parent / "data" / "twins.json").read_text())


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin['model']}-{twin['library']}-{twin['width']}")
def test_what_tools_report(twin: dict[str, Any]) -> None:
    network = expand(*load(twin["model"]), {"H": twin["height"], "W": twin["width"]}, library=twin["library"])
    assert sum(sum(node.facts.buffers.values()) for node in network.graph.nodes) == twin["buffers"]
    for tool, (count, params) in twin["reported"].items():
        total = Costs(network.graph, conventions.load(tool)).total(network.graph.nodes)
        assert (tool, total.flops) == (tool, count)
        assert (tool, params if params is None else total.params) == (tool, params)


def total(model: str, convention: str = "macs", library: str = "", **sizes: int) -> Any:
    network = expand(*load(model), sizes, library=library)
    return Costs(network.graph, conventions.load(convention)).total(network.graph.nodes)


def test_a_window_shrinks_along_each_axis_in_timm_and_never_in_torchvision() -> None:
    assert total("swin-v2-t-w8", H=224, W=256).flops == 5_364_206_592
    # A last map of 7 x 8: one window of timm's, and one of torchvision's, padded
    windows = [
        [node.layer.window for node in expand(*load(model), {"H": 224, "W": 256}).graph.nodes if "window" in node.kind]
        for model in ("swin-v2-t-w8", "swin-v2-t")
    ]
    assert windows == [[(8, 8)] * 10 + [(7, 8)] * 2, [(8, 8)] * 12]
    # A shrunk window has a smaller table of biases: 11 x 11 offsets in place of 13 x 13 for 24 heads in two layers
    ours, theirs = (total("swin-t", library=library, H=192, W=192).params for library in ("torchvision", "timm"))
    assert ours - theirs == 2 * 24 * (13 * 13 - 11 * 11)


def test_published_activations_of_swin_v2() -> None:
    """24.57 M by timm's table."""
    assert round(total("swin-v2-t-w8", "timm-activations").flops / 1e6, 2) == 24.57


def test_a_layer_that_is_used_again_is_counted_again() -> None:
    """torchinfo adds up calls, and parameters once."""
    graph, layer = Graph((1024,)), KINDS["linear"](out=1024)
    first = graph.add(layer, (-1,), "first")
    for number in (2, 3):
        graph.add(layer, (number - 2,), f"again{number}", shares=first)
    counted = Costs(graph, conventions.load("torchinfo-1.8")).total(graph.nodes)
    assert (counted.flops, counted.params) == (3 * 1_049_600, 1_049_600)
    assert sum(conventions.load("torchinfo-1.8").fault(bug, graph.nodes[1].facts) for bug in
               conventions.load("torchinfo-1.8").bugs) == 0  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields", "arrives", "reported"),
    [
        ("upsample", {"out": [32, 32]}, (8, 4, 4), {"calflops": 1024, "deepspeed": 1024, "ptflops": 2 * 8192}),
        ("upsample", {"scale": 2}, (8, 4, 4), {"calflops": 128, "deepspeed": 512, "ptflops": 2 * 512}),
        ("maxpool", {"kernel": 2, "stride": 2, "pad": "same"}, (8, 7, 7), {"ptflops": 1024, "calflops": 512}),
        ("avgpool", {"kernel": 2, "stride": 2, "pad": "same"}, (8, 7, 7), {"ptflops": 1024, "calflops": 512}),
        ("rmsnorm", {}, (5, 6), {"ultralytics-thop": 4 * 30, "torchinfo": 6, "thop": 0}),
        ("global_avgpool", {}, (5, 8), {"ptflops": 0, "fvcore": 0, "thop": 0}),
        ("linear", {"out": 12, "bias": "qv"}, (5, 6), {"ptflops-aten": 5*6*12 + 5*12, "thop": 0, "ptflops": 0}),
        ("conv", {"out": 3, "kernel": 3, "standardized": True}, (3, 8, 9), {"thop": 0, "torchinfo": 42 * (81+3)}),
    ],
)  # fmt: skip
def test_single_layers(kind: str, fields: dict[str, Any], arrives: tuple[int, ...], reported: dict[str, int]) -> None:
    facts = Facts(KINDS[kind](**fields), (arrives,))
    assert {tool: conventions.load(tool).flops(facts) for tool in reported} == reported


# Exact names


def test_the_exact_name_of_a_librarys_network_is_that_network() -> None:
    for model in model_names():
        for name in load(model)[1].same_as.values():
            if name in UNLIKE:
                with pytest.raises(VcalcError, match=f"{UNLIKE[name].library}'s {name} has {UNLIKE[name].has}"):
                    find(name)
            else:
                assert find(name)[1] == (name if name in model_names() else model)


@pytest.mark.parametrize(
    ("name", "model", "params"),
    [
        ("regnet_x_400mf", "regnet-x-400mf-torchvision", 5_495_976),
        ("regnet_y_800mf", "regnet-y-800mf-torchvision", 6_432_512),
        ("regnet_y_8gf", "regnet-y-8gf-torchvision", 39_381_472),
        ("RegNetX-400MF", "regnet-x-400mf", 5_157_512),
        ("nfnet_f0", "nfnet-f0-timm", 71_489_272),
        ("nfnet_f6", "nfnet-f6-timm", 438_359_032),
        ("dm_nfnet_f0", "nfnet-f0", 71_489_284),
    ],
)
def test_names_that_two_networks_could_have(name: str, model: str, params: int) -> None:
    assert find(name)[1] == model
    assert total(model).params == params


def test_a_library_that_has_the_network_under_another_model() -> None:
    with pytest.raises(VcalcError) as refused:
        expand(*load("regnet-x-400mf"), library="torchvision")
    assert refused.value.problems[0].hint == "torchvision's regnet_x_400mf is regnet-x-400mf-torchvision"


# The language

SPEC = """
input: {C: 3, H: 8, W: 8}
let: {width: 4}
models:
  small: {same_as: {timm: a}}
  large: {width: 6, same_as: {timm: b, torchvision: c}, written: {timm: {relu: method}}}
written: {timm: {relu: functional, pointwise_linear: conv}}
libraries: {timm: {width: 5}}
layers:
  - pointwise_linear: {out: width}
  - relu
"""


@pytest.mark.parametrize(
    ("model", "library", "width", "forms"),
    [
        ("small", "timm", 5, ["conv", "functional"]),
        ("large", "timm", 6, ["conv", "method"]),
        ("large", "torchvision", 6, ["module", "module"]),
    ],
)
def test_what_differs_by_model_and_by_library(model: str, library: str, width: int, forms: list[str]) -> None:
    spec = parse_spec(SPEC, "net.yaml", "net")
    network = expand(spec, spec.models[model], library=library)
    assert network.graph.nodes[0].output == (width, 8, 8)
    assert [node.layer.form for node in network.graph.nodes] == forms
    assert expand(spec, spec.models[model], {"width": 9}, library=library).graph.nodes[0].output == (9, 8, 8)


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("{width: 5}", "{widht: 5}", "net.yaml:8:20", "widht"),
        ("{timm: {width: 5}}", "{tim: {width: 5}}", "net.yaml:8:13", "tim"),
        ("{relu: method}", "{relu: sdpa}", "net.yaml:6:80", "'relu' is not written as 'sdpa'"),
    ],
)
def test_mistakes(old: str, new: str, place: str, message: str) -> None:
    with pytest.raises(VcalcError) as refused:
        parse_spec(SPEC.replace(old, new), "net.yaml", "net")
    assert place in str(refused.value)
    assert message in str(refused.value)
