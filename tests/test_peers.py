"""What the other tools report, as data (data/peers.json), and the same from their conventions: to the last unit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from zoo import one_in

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.graph import Facts
from vcalc.layers import KINDS

PEERS = json.loads((Path(__file__).parent / "data" / "peers.json").read_text())
"""Measured on 2026-11-21, CPU, eval mode; one-operator networks, and torchvision's models at 224x224."""

CONVENTIONS = {
    "fvcore 0.1.5 flops": "fvcore",
    "fvcore 0.1.5 activations": "fvcore-activations",
    "mmengine 0.10.7": "mmengine",
    "ptflops 0.7.5 pytorch": "ptflops",
    "ptflops 0.7.5 aten": "ptflops-aten",
    "thop 0.1.1": "thop",
    "ultralytics-thop 2.2.3": "ultralytics-thop",
    "torchinfo 1.8.0": "torchinfo-1.8",
    "torchinfo HEAD 2026-08": "torchinfo",
    "torch 2.15 FlopCounterMode": "torch",
    "calflops 0.3.2": "calflops",
    "DeepSpeed HEAD 2026-08": "deepspeed",
}
"""The convention of each tool; calflops and DeepSpeed report FLOPs and MACs, the latter a convention of their own."""

IMAGE = (8, 10, 10)
TOKENS = (10, 32)
HEADS = (4, 10, 16)
PRODUCT = (HEADS, (4, 16, 12))
CONV = {"out": 16, "kernel": 3, "pad": 1}

LAYERS: dict[str, tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]]] = {
    "conv_b": ("conv", CONV, (IMAGE,)),
    "conv_nb": ("conv", {**CONV, "bias": False}, (IMAGE,)),
    "conv_g4": ("conv", {**CONV, "bias": False, "groups": 4}, (IMAGE,)),
    "conv_s2": ("conv", {**CONV, "bias": False, "stride": 2}, (IMAGE,)),
    "convT_b_s2": ("conv_transpose", {"out": 16, "kernel": 3, "stride": 2}, (IMAGE,)),
    "convT_nb_s2": ("conv_transpose", {"out": 16, "kernel": 3, "stride": 2, "bias": False}, (IMAGE,)),
    "linear_b": ("linear", {"out": 64}, ((32,),)),
    "linear_b_3d": ("linear", {"out": 64}, (TOKENS,)),
    "linear_nb_3d": ("linear", {"out": 64, "bias": False}, (TOKENS,)),
    "bn": ("batchnorm", {}, (IMAGE,)),
    "bn_noaff": ("batchnorm", {"affine": False}, (IMAGE,)),
    "ln": ("layernorm", {}, (TOKENS,)),
    "gn": ("groupnorm", {"groups": 4}, (IMAGE,)),
    "in": ("instancenorm", {}, (IMAGE,)),
    "relu": ("relu", {}, (IMAGE,)),
    "F.relu": ("relu", {"written": "functional"}, (IMAGE,)),
    "gelu": ("gelu", {}, (IMAGE,)),
    "silu": ("silu", {}, (IMAGE,)),
    "sigmoid": ("sigmoid", {}, (IMAGE,)),
    "softmax": ("softmax", {}, (IMAGE,)),
    "F.softmax": ("softmax", {"written": "functional"}, (IMAGE,)),
    "leaky": ("leaky_relu", {}, (IMAGE,)),
    "maxpool2": ("maxpool", {"kernel": 2, "stride": 2}, (IMAGE,)),
    "avgpool2": ("avgpool", {"kernel": 2, "stride": 2}, (IMAGE,)),
    "aap1": ("adaptive_avgpool", {"out": 1}, (IMAGE,)),
    "matmul": ("matmul", {}, PRODUCT),
    "@": ("matmul", {"written": "operator"}, PRODUCT),
    "bmm": ("matmul", {"written": "bmm"}, PRODUCT),
    "einsum": ("matmul", {"written": "einsum"}, PRODUCT),
    "sdpa": ("scaled_dot_product_attention", {}, (HEADS, HEADS, HEADS)),
    "sdpa_causal": ("scaled_dot_product_attention", {}, (HEADS, HEADS, HEADS)),
    "+": ("add", {}, (IMAGE, IMAGE)),
    "*": ("multiply", {}, (IMAGE, IMAGE)),
    "torch.add": ("add", {"written": "function"}, (IMAGE, IMAGE)),
    "torch.mul": ("multiply", {"written": "function"}, (IMAGE, IMAGE)),
    "up_nearest": ("upsample", {}, (IMAGE,)),
    "up_bilinear": ("upsample", {"mode": "bilinear"}, (IMAGE,)),
    "F.interp": ("upsample", {"mode": "bilinear", "written": "functional"}, (IMAGE,)),
    "dropout": ("dropout", {}, (IMAGE,)),
    "embedding": ("embedding", {"vocabulary": 100, "out": 32}, ((10,),)),
    "mha": ("attention", {"heads": 4}, ((10, 64),)),
}
"""Each one-operator network as a layer; `written` where a tool tells two ways of calling the same operation apart."""


def counted(name: str, facts: Facts) -> Any:
    """A layer under a convention; FLOPs and MACs for the tools that report both."""
    if name in ("calflops", "deepspeed"):
        return {
            "flops": conventions.load(name).flops(facts),
            "macs": conventions.load(f"{name}-macs").flops(facts),
        }
    return conventions.load(name).flops(facts)


def test_every_operator_is_here():
    assert LAYERS.keys() == PEERS["operators"].keys()
    assert len(LAYERS) == 41
    for operator in PEERS["operators"].values():
        assert operator["reported"].keys() == CONVENTIONS.keys()


@pytest.mark.parametrize("tool", CONVENTIONS)
@pytest.mark.parametrize("operator", one_in(3, LAYERS))
def test_operators(operator: str, tool: str):
    kind, fields, inputs = LAYERS[operator]
    facts = Facts(KINDS[kind](**fields), inputs)
    assert counted(CONVENTIONS[tool], facts) == PEERS["operators"][operator]["reported"][tool]


@pytest.mark.parametrize(
    ("model", "tool"), [(model, tool) for model, reported in PEERS["models"].items() for tool in reported]
)
def test_models(model: str, tool: str, network: Any):
    reported = PEERS["models"][model][tool]
    graph = network(model, H=224, W=224).graph
    name = CONVENTIONS[tool]
    total = Costs(graph, conventions.load(name)).total(graph.nodes)
    if isinstance(reported["count"], dict):
        macs = Costs(graph, conventions.load(f"{name}-macs")).total(graph.nodes).flops
        assert {"flops": total.flops, "macs": macs} == reported["count"]
    else:
        assert total.flops == reported["count"]
    if reported["params"] is not None:
        assert total.params == reported["params"]


VIT = {
    "fvcore": "fvcore",
    "fvcore_acts": "fvcore-activations",
    "ptflops_pytorch": "ptflops",
    "ptflops_aten": "ptflops-aten",
    "thop": "thop",
    "torchinfo_HEAD": "torchinfo",
    "torch_FlopCounterMode_flops": "torch",
    "calflops": "calflops",
    "deepspeed": "deepspeed",
}


@pytest.mark.parametrize("tool", VIT)
def test_vit(tool: str, network: Any):
    reported = PEERS["vit_b_16 (fused encoder fast path off)"][tool]
    graph = network("vit-b-16").graph

    def total(name: str) -> Any:
        return Costs(graph, conventions.load(name)).total(graph.nodes).flops

    if isinstance(reported, dict):
        assert {"flops": total(VIT[tool]), "macs": total(f"{VIT[tool]}-macs")} == reported
    else:
        assert total(VIT[tool]) == reported
