"""Live tools on libraries' networks and on what the export writes, and the names of the libraries themselves."""

from __future__ import annotations

import importlib
from inspect import signature
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the tools count torch networks")

import peer_tools
from layer_torch import NAMES, made_of
from test_layers import CASES, Case
from test_twins import TWINS

from vcalc import conventions
from vcalc.errors import VcalcError
from vcalc.layers.axes import MAP
from vcalc.spec.find import find, load
from vcalc.spec.network import expand
from vcalc.torch_backend.against import BUILT_WITH, start_torchvision, twin
from vcalc.torch_backend.code import code_of

COUNTED_OTHERWISE = {
    (
        "attention",
        "ptflops",
    ): "a spec's attention is torch's MultiheadAttention unless it says sdpa, as which it is written",
    ("attention", "thop"): "likewise",
    ("attention", "torchinfo-1.8"): "likewise",
    ("attention", "ultralytics-thop"): "likewise",
    ("conv", "calflops"): "the export adds the bias of a partly connected convolution apart",
    ("conv", "deepspeed"): "likewise",
    ("conv", "ptflops-aten"): "likewise",
    ("conv", "torchinfo-1.8"): "the export standardizes the weights of a module, libraries those of a function",
    ("conv", "ultralytics-thop"): "likewise",
    ("conv_transpose", "fvcore-activations"): "the export crops what `same` leaves out of a convolution's output",
    ("conv_transpose", "thop"): "likewise",
    ("conv_transpose", "torchinfo-1.8"): "likewise",
    ("conv_transpose", "ptflops"): "likewise, its bias among it",
    ("conv_transpose", "ptflops-aten"): "likewise",
    ("conv_transpose", "deepspeed"): "release 0.19.8 has mended the size of the bias that edaa722 has wrong",
    ("linear", "torchinfo-1.8"): "the export has parameters of queries, keys and values, libraries a module with them",
    ("pointwise_linear", "ptflops-aten"): "a linear layer on a tensor with gaps adds its bias apart, unseen",
    ("relative_attention", "calflops"): "an einsum is rounded to four digits",
    ("relative_attention", "deepspeed"): "likewise",
    ("window_attention", "calflops"): "likewise, where products look biases up",
    ("window_attention", "deepspeed"): "likewise",
    ("roi_align", "calflops"): "torchvision has it in one operator, and the export in two that tools know",
    ("roi_align", "deepspeed"): "likewise",
    ("roi_align", "fvcore"): "likewise",
    ("roi_align", "mmengine"): "likewise",
    ("roi_align", "ptflops"): "likewise",
    ("deform_conv", "ptflops"): "torchvision has a module for it, which the tool knows, and the export has none",
    ("deform_conv", "torchinfo-1.8"): "likewise",
    ("deform_conv", "ptflops-aten"): "torchvision has it in one operator, and the export in a product that tools know",
    ("deform_conv", "deepspeed"): "likewise",
    ("deform_conv", "deepspeed-macs"): "likewise",
    ("deform_conv", "ultralytics-thop"): "likewise",
    ("selective_scan", "ptflops-aten"): "the bias of the steps is added apart, and the tool sees no addition",
    ("gru", "torchinfo-1.8"): "of a layer that gives its last state the tool takes that for all it gives",
    ("scaled_dot_product_attention", "ptflops-aten"): "without heads, or with a mask, a CPU does not fuse it",
}
"""Kinds of which a tool may report another count than the convention, when the export runs them, and why."""


def alone(case: Case) -> tuple[Any, tuple[Any, ...]]:
    """A network of one layer, as the export writes it, and its inputs."""
    facts = case.facts(case.sizes)
    code = code_of(facts)
    arguments = [f"x{index}" for index in range(len(facts.inputs))]
    text = f"lambda self, {', '.join(arguments)}: {code.call.format(*arguments, self='self.layer')}"
    network = type("Alone", (torch.nn.Module,), {"forward": eval(text, NAMES)})()
    network.layer = made_of(code)
    dtype = torch.long if case.kind == "embedding" else torch.float32
    return network.eval(), tuple(torch.zeros(shape.batched(1), dtype=dtype) for shape in facts.inputs)


def reported(tool: str, network: Any, inputs: tuple[Any, ...]) -> peer_tools.Counted:
    """What a tool says; the test is skipped where there is no such tool."""
    try:
        return peer_tools.TOOLS[tool](network, inputs)
    except ImportError as error:
        pytest.skip(f"{tool}: {error}")


@pytest.mark.parametrize("tool", peer_tools.TOOLS)
def test_the_export_is_counted_as_the_convention_says(tool: str) -> None:
    convention, wrong = conventions.load(tool), []
    for case in CASES:
        facts = case.facts(case.sizes)
        if not facts.inputs:
            continue  # a tool runs a network on its input
        if any(shape.front or (shape.of == MAP and len(shape) != 3) for shape in facts.inputs):
            continue  # what stands in front is no batch to a tool; sequences and videos: test_live_peers.py
        theirs = reported(tool, *alone(case))
        if theirs.params is not None and (case.kind, tool) not in COUNTED_OTHERWISE:
            assert (case.kind, theirs.params) == (case.kind, convention.params(facts))
        if theirs.count != convention.flops(facts):
            wrong.append((case.kind, tool))
            assert (case.kind, tool) in COUNTED_OTHERWISE, (case, theirs.count, convention.flops(facts))
    assert set(wrong) == {key for key in COUNTED_OTHERWISE if key[1] == tool}


@pytest.mark.slow
@pytest.mark.parametrize("row", TWINS, ids=lambda row: f"{row['model']}-{row['library']}-{row['width']}")
def test_what_tools_report_of_libraries(row: dict[str, Any]) -> None:
    size = (row["height"], row["width"])
    network = twin(row["library"], load(row["model"])[1].same_as[row["library"]], (3, *size))
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    on_meta = ("thop", "ultralytics-thop", "torchinfo-1.8", "torch")
    for tool in row["reported"].keys() & set(on_meta):
        assert [*reported(tool, network, (torch.zeros(1, 3, *size),))] == row["reported"][tool]


@pytest.mark.slow
@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_an_exact_name_is_the_librarys_network_or_an_error(library: str) -> None:
    """All names of a library that find a model; the catalogue's own are the paper's, as googlenet."""
    start_torchvision()
    package = pytest.importorskip(library, reason=f"{library} is not installed")
    models = package if library == "timm" else importlib.import_module("torchvision").models
    make = models.create_model if library == "timm" else models.get_model
    compared = 0
    for name in models.list_models():
        try:
            model = find(name)[1]
        except VcalcError:
            continue
        options = {} if library == "timm" else BUILT_WITH.get((library, name), {})
        if library != "timm" and "weights_backbone" in signature(models.get_model_builder(name)).parameters:
            options = {**options, "weights_backbone": None}
        try:
            with torch.device("meta"):
                theirs = make(name, **options)
        except NotImplementedError:
            theirs = make(name, **options)
        if model == name == "googlenet":
            continue
        network = expand(*load(model))
        ours = sum(sum(node.facts.parameters.values()) for node in network.graph.nodes)
        held = sum(parameter.numel() for parameter in theirs.parameters())
        if library == "torchvision" and name in models.list_models(module=models.detection):
            held = models.get_model_weights(name).DEFAULT.meta["num_params"]  # with the norms of its weights, frozen
        assert (name, ours) == (name, held)
        compared += 1
    assert compared > (60 if library == "torchvision" else 200)
