"""The memory model beside torch on the CPU: saved bytes through its hooks, live bytes through a dispatch mode.

Dropout keeps a byte an element on a GPU and a factor of the activations' dtype on the CPU: the plans here say cpu.
"""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from live_memory import Live, Saved, own
from peer_tools import start_torchvision
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import memory as benchmark
from layer_torch import alone

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.analyses.fold_norms import fold_norms
from vcalc.analyses.liveness import Run, blocks
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, TRAINING, Plan
from vcalc.analyses.trained import frozen_params, trained_params
from vcalc.graph import INPUT, Facts, Graph
from vcalc.layers import KINDS
from vcalc.layers.axes import HEADS, MAP, TOKENS, Leading, NamedShape, rank
from vcalc.layers.partition import Laid
from vcalc.layers.vocabulary import FROZEN
from vcalc.operators.layout import channels_last
from vcalc.operators.paper import Leaf, Paper, Value
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.torch_backend.build import build
from vcalc.torch_backend.write import lines

ROOT = Path(__file__).parent.parent
BATCH = 2
SMALL = {"H": 64, "W": 64}
MODELS: dict[str, dict[str, int]] = {
    "lenet5": {},
    "alexnet": {"H": 67, "W": 67},
    "zfnet": SMALL,
    "nin": {"H": 67, "W": 67},
    "vgg11-bn": {"H": 32, "W": 32},
    "googlenet": SMALL,
    "resnet18": SMALL,
    "resnet50": SMALL,
    "resnet50-fpn": SMALL,
    "densenet121": SMALL,
    "mobilenet-v2": SMALL,
    "efficientnet-b0": SMALL,
    "nasnet-a-mobile": SMALL,
    "repvgg-a0": SMALL,
    "vovnet-v2-39": SMALL,
    "hrnet-w18": SMALL,
    "convnext-t": SMALL,
    "vit-ti-16": SMALL,
    "swin-t": SMALL,
    "mvit-v2-t": SMALL,
    "unet": {"H": 188, "W": 204},
    "unet-padded": {"H": 42, "W": 25},
    "dcgan": {"width": 8},
    "examples/m5.yaml": {"L": 4000},
    "examples/c3d.yaml": {"T": 16, "H": 32, "W": 32},
}
"""Networks with inputs small enough for a test."""


def made(network: Network) -> Any:
    """The network as the backend builds it, with zeros for weights: memory knows no values."""
    module = build(network, device="meta").to_empty(device="cpu")
    for tensor in [*module.parameters(), *module.buffers()]:
        tensor.detach().zero_()
    return module


def run(network: Network, module: Any, values: dict[int, Any], nodes: Any = None, last: Any = None) -> dict[int, Any]:
    """The network's own lines one by one, each tensor let go after its last reader, unless it is an output."""
    last = last or {index: node.index for node in network.graph.nodes for index in node.inputs}
    last = {index: reader for index, reader in last.items() if index not in network.graph.outputs.values()}
    wanted = None if nodes is None else {node.index for node in nodes}
    images = len(next(iter(values.values())))
    for line in lines(network.graph):
        node = line.node
        if wanted is not None and node.index not in wanted:
            continue
        names = [f"values[{index}]" for index in node.inputs]
        call = line.code.call.format(*names, self=f"module.{line.attribute}")
        known = {"module": module, "values": values, "images": images}
        values[node.index] = eval(call, {"torch": torch, "F": torch.nn.functional}, known)
        for index in set(node.inputs):
            if index != INPUT and last.get(index) == node.index:
                del values[index]
    return values


def outputs(values: dict[int, Any]) -> list[Any]:
    return [tensor for index, tensor in values.items() if index != INPUT]


FREEZING = (
    "resnet50 stem,stage1",
    "resnet18 stage2,fc",
    "vit-ti-16 encoder/block1,encoder/block3",
    "convnext-t stage1,classifier",
)
"""Networks of which parts are not trained: the first ones, those in the middle, those at the end."""


def frozen(network: Network, paths: str) -> Network:
    """The network with groups that are not trained."""
    network.graph.freeze(
        node.index for path in filter(None, paths.split(",")) for node in network.graph.select((path,))
    )
    return network


@pytest.fixture(scope="module", params=[*MODELS, *FREEZING])
def model(request: Any) -> tuple[Network, Any, Any]:
    name, _, paths = request.param.partition(" ")
    file = ROOT / name
    network = frozen(expand(*load(str(file) if file.is_file() else name), MODELS[name]), paths)
    module, image = made(network), torch.randn(BATCH, *network.graph.input)
    with torch.no_grad(), Live(own(module)):
        module.eval()(image)  # what is imported at a first call holds its tensors for a while
    return network, module, image


def test_saved_bytes_are_torchs(model: Any):
    network, module, image = model
    with Saved(own(module)) as saved:
        result = module.train()(image)
    assert Memory(network.graph, Plan(TRAINING, device="cpu")).saved.at(BATCH) == saved.bytes
    del result


def test_the_peak_of_inference_is_torchs(model: Any):
    network, module, image = model
    memory = Memory(network.graph, Plan())
    with torch.no_grad(), Live(own(module), image) as live:
        run(network, module.eval(), {INPUT: image})
    assert memory.peak(BATCH).size.at(BATCH) - memory.held.always == live.peak


def test_the_peaks_of_training_are_torchs(model: Any):
    """Exactly, gradients added anew, as torch does where it is watched; the loss takes 8 bytes."""
    network, module, image = model
    ours = Run(network.graph, Plan(TRAINING, device="cpu").checked(), watched=True)
    module.train().zero_grad()
    with Live(own(module), image) as live:
        values = run(network, module, {INPUT: image})
        forward, live.peak = live.peak, 0
        sum((tensor * 1.0).sum() for tensor in outputs(values)).backward()
    module.zero_grad()
    peaks = {
        phase: max(each.size.at(BATCH) for each in ours.moments if each.phase == phase) for phase in (FORWARD, BACKWARD)
    }
    assert peaks == {FORWARD: forward, BACKWARD: live.peak - 8}


def test_a_product_with_the_input_saves_what_torch_saves():
    convolution, image = torch.nn.Conv2d(4, 4, 3, padding=1), torch.randn(BATCH, 4, 8, 8)
    graph = Graph((4, 8, 8))
    graph.add(KINDS["conv"](out=4, kernel=3, pad=1), (INPUT,), "conv")
    graph.add(KINDS["gelu"](), (0,), "gelu")
    graph.add(KINDS["multiply"](), (INPUT, 1), "multiply")
    with Saved(own(convolution)) as saved:
        result = image * torch.nn.functional.gelu(convolution(image))
    assert Memory(graph, Plan(TRAINING)).saved.at(BATCH) == saved.bytes
    del result


def test_torch_adds_gradients_in_place_when_nobody_watches():
    """Two convolutions read one tensor: the second gradient is added to the first one's memory."""
    first, one, other = (torch.nn.Conv2d(4, 4, 1) for _ in range(3))
    middle = first(torch.randn(2, 4, 8, 8))
    loss = (one(middle) * other(middle)).sum()
    with torch.profiler.profile() as profile:
        loss.backward()
    added = [event.name for event in profile.events() if event.name.startswith("aten::add")]
    assert "aten::add_" in added
    assert "aten::add" not in added


def in_place(module: Any) -> Any:
    for part in module.modules():
        if hasattr(part, "inplace") and not isinstance(part, torch.nn.Dropout):
            part.inplace = True
    return module


@pytest.mark.parametrize("name", ["vgg11-bn", "resnet18", "mobilenet-v2", "alexnet"])
def test_in_place(name: str):
    network = expand(*load(name), MODELS[name])
    module, image = in_place(made(network)), torch.randn(BATCH, *network.graph.input)
    memory = Memory(network.graph, Plan(in_place=True))
    with torch.no_grad(), Live(own(module), image) as live:
        run(network, module.eval(), {INPUT: image})
    assert memory.peak(BATCH).size.at(BATCH) - memory.held.always == live.peak
    memory = Memory(network.graph, Plan(TRAINING, in_place=True, device="cpu"))
    with Saved(own(module)) as saved:
        result = module.train()(image)
    assert memory.saved.at(BATCH) == saved.bytes
    del result


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(
    "name", ["ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "Hardtanh", "Mish", "SiLU", "Hardswish", "Hardsigmoid"]
)
def test_what_an_activation_in_place_saves(name: str, in_place: bool):
    """Its output, or a copy of its input. Before it stands what saves an input of its own, behind it what reads it."""
    kind = {"LeakyReLU": "leaky_relu"}.get(name, name.lower())
    graph = Graph((4, 8, 8))
    for number, layer in enumerate((KINDS["batchnorm"](), KINDS[kind](), KINDS["conv"](out=4, kernel=1))):
        graph.add(layer, (number - 1 if number else INPUT,), f"layer{number}")
    activation = getattr(torch.nn, name)(inplace=in_place)
    module = torch.nn.Sequential(torch.nn.BatchNorm2d(4), activation, torch.nn.Conv2d(4, 4, 1))
    with Saved(own(module)) as saved:
        result = module(torch.randn(BATCH, 4, 8, 8))
    assert Memory(graph, Plan(TRAINING, in_place=in_place, device="cpu")).saved.at(BATCH) == saved.bytes
    del result


CHECKPOINTED = [
    *(("resnet18", 2, ""), ("vit-ti-16", 2, ""), ("densenet121", 1, ""), ("vgg11-bn", 1, "")),
    *(("resnet18", 2, "stem,stage1,stage3"), ("vgg11-bn", 1, "stage1,stage2/conv1")),
]


@pytest.mark.parametrize(("name", "depth", "paths"), CHECKPOINTED)
def test_checkpoints(name: str, depth: int, paths: str):
    """What is alive after a forward pass through torch.utils.checkpoint: what is saved, and the output."""
    network = frozen(expand(*load(name), MODELS[name]), paths)
    module, image = made(network).train(), torch.randn(BATCH, *network.graph.input)
    last = {index: node.index for node in network.graph.nodes for index in node.inputs}
    with Live(own(module), image) as live:
        values: dict[int, Any] = {INPUT: image}
        for block in blocks(network.graph, depth):
            if not block.again:
                run(network, module, values, block.nodes)
                continue
            inside = {node.index for node in block.nodes}
            needed = {index for node in block.nodes for index in node.inputs} - inside

            def inside_out(*given: Any, block: Any = block, needed: Any = needed, inside: Any = inside) -> Any:
                found = run(network, module, dict(zip(needed, given, strict=True)), block.nodes)
                return tuple(found[index] for index in sorted(inside & found.keys()))

            leaving = sorted(index for index in inside if last.get(index, len(network.graph.nodes)) not in inside)
            found = checkpoint(
                inside_out, *(values[index] for index in needed), use_reentrant=False, preserve_rng_state=False
            )
            values.update(zip(leaving, found, strict=True))
            end = block.nodes[-1].index
            for index in needed - {INPUT}:
                if last[index] <= end:
                    del values[index]
            del found
        now = live.now
    memory = Memory(network.graph, Plan(TRAINING, checkpoint=depth, device="cpu"))
    logits = sum(tensor.numel() * 4 for tensor in outputs(values))
    unsaved = image.nbytes if paths else 0  # what the caller holds, and frozen layers at the beginning do not save
    assert memory.saved.at(BATCH) + logits + unsaved == now
    assert memory.saved.at(BATCH) < Memory(network.graph, Plan(TRAINING, device="cpu")).saved.at(BATCH)


# Each kind by itself


def frames(*sizes: int) -> NamedShape:
    """So many of what has the other sizes."""
    return NamedShape(sizes, front=(Leading("T"),))


def windows(*sizes: int, laid: tuple[Any, ...]) -> NamedShape:
    """Windows that lie so."""
    return NamedShape(sizes, front=(Leading("w", Laid(*laid)),))


CASES: list[tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]]] = [
    ("conv", {"out": 4, "kernel": 3, "pad": 1}, ((6, 8, 10),)),
    ("conv", {"out": 4, "kernel": 1, "pad": "same"}, ((6, 8, 10),)),
    ("conv", {"out": 4, "kernel": [3, 4], "stride": 2, "pad": "same"}, ((6, 8, 10),)),
    ("conv", {"out": 6, "kernel": 3, "groups": 6, "bias": False}, ((6, 8, 10),)),
    ("conv", {"out": 4, "kernel": 3, "standardized": True}, ((6, 8, 10),)),
    ("conv", {"out": 4, "kernel": 3, "pad": "same", "standardized": True, "gain": True}, ((6, 8, 10),)),
    ("conv", {"out": 3, "kernel": 3, "connections": [[0, 1], [2], [0, 1, 2]]}, ((3, 8, 10),)),
    ("conv_transpose", {"out": 4, "kernel": 3, "stride": 2}, ((6, 8, 10),)),
    ("maxpool", {"kernel": 3, "stride": 2, "pad": 1}, ((6, 8, 10),)),
    ("maxpool", {"kernel": 3, "stride": 2, "pad": "same"}, ((6, 8, 10),)),
    ("avgpool", {"kernel": 2, "stride": 2}, ((6, 8, 10),)),
    ("avgpool", {"kernel": 3, "stride": 2, "pad": "same"}, ((6, 8, 10),)),
    ("avgpool", {"kernel": 3, "stride": 1, "pad": "same", "count_pad": False}, ((6, 8, 10),)),
    ("global_avgpool", {}, ((6, 8, 10),)),
    ("global_avgpool", {"keep_dims": True}, ((6, 8, 10),)),
    ("global_avgpool", {}, ((5, 6),)),
    ("adaptive_avgpool", {"out": 3}, ((6, 8, 10),)),
    ("adaptive_avgpool", {"out": 1}, ((6, 8, 10),)),
    ("adaptive_maxpool", {"out": 3}, ((6, 8, 10),)),
    ("subsample", {}, ((6, 8, 10),)),
    ("linear", {"out": 4}, ((6,),)),
    ("linear", {"out": 4}, ((5, 6),)),
    ("linear", {"out": 4, "bias": False}, ((5, 6),)),
    ("pointwise_linear", {"out": 4}, ((6, 8, 10),)),
    ("pointwise_linear", {"out": 4, "bias": False}, ((6, 8, 10),)),
    ("radial_basis", {"out": 5}, ((6,),)),
    ("batchnorm", {}, ((6, 8, 10),)),
    ("batchnorm", {"affine": False}, ((6,),)),
    ("batchnorm", {}, ((5, 6),)),
    ("batchnorm", {"bias": False}, ((5, 6),)),
    ("batchnorm", {}, (NamedShape((6, 20), MAP),)),
    ("batchnorm", {}, (frames(4, 5, 6),)),
    ("frozen_batchnorm", {}, ((6, 8, 10),)),
    ("frozen_batchnorm", {}, (NamedShape((6, 20), MAP),)),
    ("layernorm", {"bias": False}, ((5, 6),)),
    ("layernorm", {"bias": False, "over": ["H", "W"]}, ((6, 8, 10),)),
    ("groupnorm", {"groups": 3, "bias": False}, ((6, 8, 10),)),
    ("instancenorm", {"affine": True, "bias": False}, ((6, 8, 10),)),
    ("affine", {}, ((5, 6),)),
    ("affine", {}, ((6, 8, 10),)),
    ("affine", {"shared": True}, ((6, 8, 10),)),
    ("l2norm", {}, ((5, 6),)),
    ("l2norm", {}, ((6, 8, 10),)),
    ("l2norm", {"over": "N"}, ((5, 6),)),
    ("l2norm", {"over": ["H", "W"]}, ((6, 8, 10),)),
    ("l2norm", {"over": "last"}, (NamedShape((3, 5, 6), HEADS),)),
    ("layernorm", {}, ((6, 8, 10),)),
    ("layernorm", {}, ((5, 6),)),
    ("layernorm", {"over": "last"}, ((3, 5, 6),)),
    ("layernorm", {"over": "C"}, ((6, 8, 10),)),
    ("layernorm", {"over": ["C", "H", "W"]}, ((6, 8, 10),)),
    ("layernorm", {"over": ["W", "C"], "affine": False}, ((6, 8, 10),)),
    ("layernorm", {"over": "H"}, ((6, 8, 10),)),
    ("layernorm", {"over": ["H", "W"]}, ((6, 8, 10),)),
    ("layernorm", {"over": "L"}, (NamedShape((6, 20), MAP),)),
    ("layernorm", {"over": ["C", "T"]}, ((6, 4, 8, 10),)),
    ("layernorm", {"over": "D"}, ((5, 6),)),
    ("layernorm", {"over": "N"}, ((5, 6),)),
    ("layernorm", {"over": "D"}, ((6,),)),
    ("layernorm", {"over": "D"}, (frames(4, 5, 6),)),
    ("layernorm", {"over": "d"}, (NamedShape((3, 5, 6), HEADS),)),
    ("layernorm", {"over": ["h", "d"]}, (NamedShape((3, 5, 6), HEADS),)),
    ("softmax", {"over": "N"}, ((5, 6),)),
    ("softmax", {"over": "D"}, ((5, 6),)),
    ("softmax", {"over": "C"}, ((6, 8, 10),)),
    ("softmax", {"over": "H"}, ((6, 8, 10),)),
    ("softmax", {"over": ["H", "W"]}, ((6, 8, 10),)),
    ("softmax", {"over": ["C", "W"]}, ((6, 8, 10),)),
    ("softmax", {"over": "L"}, (NamedShape((6, 20), MAP),)),
    ("softmax", {"over": "T"}, ((6, 4, 8, 10),)),
    ("softmax", {"over": ["T", "W"]}, ((6, 4, 8, 10),)),
    ("softmax", {"over": "h"}, (NamedShape((3, 5, 6), HEADS),)),
    ("rmsnorm", {}, ((5, 6),)),
    ("rmsnorm", {"affine": False}, ((5, 6),)),
    ("rmsnorm", {}, ((6, 8, 10),)),
    ("rmsnorm", {"over": "C"}, ((6, 8, 10),)),
    ("rmsnorm", {"over": ["C", "H", "W"]}, ((6, 8, 10),)),
    ("rmsnorm", {"over": ["C", "T"], "affine": False}, ((6, 4, 8, 10),)),
    ("rmsnorm", {"over": "L"}, (NamedShape((6, 20), MAP),)),
    ("rmsnorm", {"over": "N"}, ((5, 6),)),
    ("rmsnorm", {"over": "D"}, (frames(4, 5, 6),)),
    ("rmsnorm", {"over": "d"}, (NamedShape((3, 5, 6), HEADS),)),
    ("unfold", {"kernel": 3, "stride": 2, "pad": 1}, ((6, 8, 10),)),
    ("to_map", {"height": 5}, ((10, 6),)),
    ("split_heads", {"heads": 2}, ((5, 6),)),
    ("merge_heads", {}, ((2, 5, 4),)),
    ("rotary_embedding", {}, ((2, 5, 4),)),
    ("rotary_embedding", {"skip": 1}, ((2, 5, 4),)),
    ("random_features", {"count": 4}, ((5, 6),)),
    ("linear_attention", {}, ((5, 4), (5, 4), (5, 6))),
    ("linear_attention", {}, (NamedShape((3, 5, 4), HEADS),) * 3),
    ("linear_attention", {"ones": True}, (NamedShape((3, 5, 4), HEADS),) * 3),
    ("pool_heads", {"height": 8, "stride": 2}, ((3, 48, 8),)),
    ("pool_heads", {"height": 8, "stride": 2, "skip": 1}, ((3, 49, 8),)),
    ("relative_attention", {"query_rows": 8, "key_rows": 4}, ((3, 48, 8), (3, 12, 8), (3, 12, 8))),
    ("relative_attention", {"query_rows": 8, "key_rows": 4, "skip": 1}, ((3, 49, 8), (3, 13, 8), (3, 13, 6))),
    ("relative_attention", {"query_rows": 4, "key_rows": 8}, ((3, 12, 8), (3, 48, 8), (3, 48, 8))),
    ("relative_attention", {"query_rows": 4, "key_rows": 4, "written": "sdpa"}, ((3, 24, 8),) * 3),
    ("relative_attention", {"query_rows": 4, "key_rows": 2, "written": "sdpa"}, ((3, 24, 8), (3, 6, 8), (3, 6, 6))),
    ("pool_heads", {"stride": [1, 2, 2]}, (NamedShape((2, 25, 4), HEADS, (1, 2, 4, 3)),)),
    (
        "relative_attention",
        {},
        (NamedShape((2, 25, 4), HEADS, (1, 2, 4, 3)), *[NamedShape((2, 9, 4), HEADS, (1, 2, 2, 2))] * 2),
    ),
    ("groupnorm", {"groups": 3}, ((6, 8, 10),)),
    ("groupnorm", {"groups": 3}, ((5, 6),)),
    ("instancenorm", {}, ((6, 8, 10),)),
    ("instancenorm", {"affine": True}, ((6, 8, 10),)),
    ("local_response_norm", {}, ((6, 8, 10),)),
    ("layer_scale", {}, ((6, 8, 10),)),
    ("layer_scale", {"shared": True}, ((6, 8, 10),)),
    ("layer_scale", {"constant": 0.5}, ((6, 8, 10),)),
    ("global_response_norm", {}, ((6, 8, 10),)),
    ("softmax", {"over": "groups", "groups": 3}, ((6, 8, 10),)),
    ("keep_channels", {"count": 3, "start": 1}, ((6, 8, 10),)),
    ("keep_channels", {"count": 3}, ((5, 6),)),
    ("channel_shuffle", {"groups": 3}, ((6, 8, 10),)),
    ("channel_shuffle", {"groups": 1}, ((6, 8, 10),)),
    ("channel_shuffle", {"groups": 6}, ((6, 8, 10),)),
    ("rearrange", {"pattern": "C H W -> (H W) C"}, ((6, 8, 10),)),
    ("rearrange", {"pattern": "C (r m) (c n) -> (m n C) r c", "m": 2, "n": 2}, ((6, 8, 10),)),
    ("rearrange", {"pattern": "(C m n) H W -> C (H m) (W n)", "m": 2, "n": 2}, ((8, 4, 5),)),
    ("rearrange", {"pattern": "C H W -> C (H 2) (W 3)"}, ((2, 4, 5),)),
    ("rearrange", {"pattern": "C H[1:-1] W[:3] -> C H W"}, ((6, 8, 10),)),
    ("rearrange", {"pattern": "N (p[1] h d) -> h N d", "p": 3, "h": 2}, ((5, 12),)),
    ("rearrange", {"pattern": "N[1:] (p[0] D) -> D N", "p": 2}, ((5, 12),)),
    ("rearrange", {"pattern": "N[2] (h d) -> (d h)", "h": 2}, ((5, 12),)),
    ("rearrange", {"pattern": "h N d -> (h 2) N d"}, ((2, 5, 4),)),
    ("rearrange", {"pattern": "N D -> N D 1"}, ((5, 6),)),
    ("rearrange", {"pattern": "D -> 3 D"}, ((6,),)),
    ("rearrange", {"pattern": "a (b c) -> (a b) c", "b": 2}, ((5, 6),)),
    ("rearrange", {"pattern": "C 1 1 -> C"}, ((6, 1, 1),)),
    ("rearrange", {"pattern": "N D -> N D"}, ((5, 6),)),
    ("zero_pad", {"rows": 1, "channels": [0, 2]}, ((6, 8, 10),)),
    ("mean", {}, ((6, 8, 10), (6, 8, 10))),
    ("mean", {}, ((6, 8, 10), (6, 8, 10), (6, 1, 1))),
    *((kind, {}, ((6, 8, 10),)) for kind in ("relu", "relu6", "leaky_relu", "gelu", "silu", "hardswish", "sigmoid")),
    *((kind, {}, ((6, 8, 10),)) for kind in ("hardsigmoid", "tanh", "softmax", "dropout", "drop_path")),
    *((kind, {}, ((6, 8, 10),)) for kind in ("elu", "selu", "hardtanh", "softplus", "softsign", "mish")),
    *((kind, {}, (shape,)) for kind in ("squared_relu", "star_relu") for shape in ((6, 8, 10), (5, 6))),
    ("crop", {"out": [5, 10]}, ((6, 8, 10),)),
    ("crop", {"out": 3, "start": [1, 0]}, ((6, 8, 10),)),
    ("roll", {"rows": 1, "columns": -2}, ((6, 8, 10),)),
    ("roll", {}, ((6, 8, 10),)),
    ("roll", {"positions": 3, "channels": 1}, (NamedShape((6, 20), MAP),)),
    ("pixel_shuffle", {}, ((8, 4, 5),)),
    ("pixel_shuffle", {"factor": [3, 1]}, ((6, 4, 5),)),
    ("pixel_shuffle", {}, ((8, 3, 4, 5),)),
    ("fold", {"out": [8, 10], "kernel": 3, "stride": 2, "pad": 1}, ((20, 54),)),
    ("concat", {"fit": "crop"}, ((6, 8, 10), (4, 5, 10))),
    ("concat", {"fit": "pad"}, ((6, 8, 10), (4, 5, 10))),
    *(
        ("reduce_axes", {"by": by, "over": over}, ((6, 8, 10),))
        for by in ("mean", "max", "sum")
        for over in ("C", ["H", "W"])
    ),
    ("reduce_axes", {"by": "max", "over": "N"}, ((5, 6),)),
    ("maxpool", {"kernel": 3, "dilation": 2, "stride": 1, "pad": 1}, ((6, 8, 10),)),
    ("conv_transpose", {"out": 4, "kernel": 3, "stride": 2, "pad": "same"}, ((6, 8, 10),)),
    ("conv_transpose", {"out": 4, "kernel": [4, 2], "stride": [2, 3], "pad": "same"}, ((6, 8, 10),)),
    ("drop_path", {"p": 0.5}, ((6, 8, 10),)),
    ("dropout", {"p": 0}, ((6, 8, 10),)),
    ("conv", {"out": 3, "kernel": 3, "pad": "same", "connections": [[0, 1], [2], [0, 1, 2]]}, ((3, 8, 10),)),
    ("prelu", {}, ((6, 8, 10),)),
    ("attention", {"heads": 3}, ((5, 6),)),
    ("attention", {"heads": 2, "head_dim": 4, "qkv_bias": False}, ((5, 6),)),
    ("window_attention", {"heads": 2, "window": 4}, ((6, 8, 8),)),
    ("window_attention", {"heads": 2, "window": 4, "cosine": True}, ((6, 8, 8),)),
    ("window_attention", {"heads": 2, "window": 4, "position_mlp": 5}, ((6, 8, 8),)),
    ("window_attention", {"heads": 2, "window": 4, "shift": 2, "position_mlp": 5, "cosine": True}, ((6, 7, 9),)),
    ("window_attention", {"heads": 2, "window": [4, 3], "one_hot_lookup": True}, ((6, 8, 8),)),
    ("window_attention", {"heads": 2, "window": 8, "one_hot_lookup": True}, ((6, 8, 8),)),
    ("window_attention", {"heads": 2, "window": 4, "qkv_bias": "qv"}, ((6, 8, 8),)),
    ("attention", {"heads": 2, "qkv_bias": "qv"}, ((5, 6),)),
    ("attention", {"heads": 3, "written": "matmul"}, ((5, 6),)),
    ("attention", {"heads": 1, "written": "operator", "out_bias": False}, ((5, 6),)),
    ("window_attention", {"heads": 2, "window": 4, "shift": 2}, ((6, 7, 9),)),
    ("window_attention", {"heads": 2, "window": 4, "shift": 2}, ((6, 4, 4),)),
    ("window_attention", {"heads": 3, "window": 4, "relative_position_bias": False}, ((6, 4, 8),)),
    (
        "window_attention",
        {"heads": 2, "window": 4, "shift": 2, "relative_position_bias": False, "written": "sdpa"},
        ((6, 7, 9),),
    ),
    ("window_attention", {"heads": 2, "window": [3, 2], "strided": True}, ((6, 6, 8),)),
    ("window_attention", {"heads": 2, "window": [2, 3, 3], "shift": [1, 1, 0]}, ((6, 4, 7, 6),)),
    ("window_attention", {"heads": 2, "window": 4, "shift": 2, "position_mlp": 5}, (NamedShape((6, 10), "map"),)),
    ("embedding", {"vocabulary": 30, "out": 6}, ((5,),)),
    ("tokens", {}, ((6, 8, 10),)),
    ("class_token", {}, ((5, 6),)),
    ("learned", {"N": 5, "D": 6}, ()),
    ("learned", {"C": 6, "H": 4, "W": 5}, ()),
    ("constant", {"N": 5, "D": 6}, ()),
    ("constant", {"N": 5, "D": 6, "computed": True}, ()),
    ("position_embedding", {}, ((5, 6),)),
    *(("position_embedding", {"fixed": fixed}, ((6, 4, 5),)) for fixed in (False, True, "buffer", "computed")),
    *(
        ("position_embedding", {"grid": [3, 7], "mode": mode, "antialias": antialias}, (shape,))
        for mode, antialias in (("bicubic", True), ("bicubic", False), ("bilinear", True), ("bilinear", False))
        for shape in ((6, 4, 5), NamedShape((20, 6), grid=(0, 4, 5)), NamedShape((21, 6), grid=(1, 4, 5)))
    ),
    ("position_embedding", {"grid": [4, 5]}, (NamedShape((21, 6), grid=(1, 4, 5)),)),
    ("position_embedding", {"grid": 9, "fixed": "buffer"}, (NamedShape((21, 6), grid=(1, 4, 5)),)),
    ("position_embedding", {"grid": 9, "mode": "linear"}, (NamedShape((6, 20), MAP),)),
    ("position_embedding", {"grid": [2, 4, 4], "mode": "trilinear"}, ((6, 4, 8, 10),)),
    ("position_embedding", {"over": ["H", "W"]}, ((6, 4, 8, 10),)),
    ("position_embedding", {"over": "T", "fixed": "buffer"}, ((6, 4, 8, 10),)),
    ("take_token", {}, ((5, 6),)),
    ("keep_tokens", {"count": 4}, ((5, 6),)),
    ("keep_tokens", {"count": 3, "start": 1}, ((5, 6),)),
    ("append_tokens", {"count": 3}, ((5, 6),)),
    ("flatten", {}, ((6, 8, 10),)),
    ("space_to_depth", {}, ((6, 8, 10),)),
    ("space_to_depth", {}, ((6, 7, 10),)),
    ("space_to_depth", {"order": ["W", "H", "C"]}, ((6, 7, 10),)),
    *(("upsample", {"mode": mode}, ((6, 8, 10),)) for mode in ("nearest", "bilinear", "bicubic")),
    ("concat", {}, ((6, 8, 10), (4, 8, 10))),
    ("concat", {"over": "D"}, ((5, 6), (5, 4))),
    ("concat", {"over": "W"}, ((6, 8, 10), (6, 8, 4))),
    ("transpose", {}, ((5, 6),)),
    ("transpose", {}, (NamedShape((3, 5, 6), HEADS),)),
    ("offset", {}, ((6, 8, 10),)),
    ("offset", {}, ((5, 6),)),
    ("offset", {"constant": 1}, ((6,),)),
    ("add", {}, ((6,), (5, 6))),
    ("multiply", {}, ((5, 6), (6,))),
    *((kind, {}, ((5, 6), other)) for kind in ("subtract", "max", "absolute_difference") for other in ((5, 6), (6,))),
    ("max", {}, ((6, 8, 10), (6,), (6, 8, 10))),
    *(("divide", {}, ((5, 6), other)) for other in ((5, 6), (1, 6), (6,))),
    ("add", {}, ((6, 8, 10), (6, 8, 10))),
    ("add", {}, ((6, 8, 10),) * 4),
    ("multiply", {}, ((6, 8, 10), (6, 1, 1))),
    ("multiply", {}, ((6,), (6, 8, 10))),
    ("multiply", {}, ((6, 8, 10),) * 3),
    ("roi_align", {"proposals": 5, "out": 3}, ((6, 8, 10), (6, 4, 5))),
    ("grid_sample", {}, ((6, 8, 10), (2, 5, 7))),
    ("grid_sample", {"mode": "nearest"}, ((6, 8, 10), (2, 9, 11))),
    ("grid_sample", {}, ((6, 4, 8, 10), (3, 2, 5, 7))),
    ("deform_conv", {"out": 4, "kernel": 3, "pad": 1}, ((6, 8, 10), (18, 8, 10))),
    ("deform_conv", {"out": 4, "kernel": [3, 2], "stride": 2, "bias": False}, ((6, 8, 10), (24, 3, 5), (12, 3, 5))),
    ("deform_conv", {"out": 4, "kernel": 3, "pad": 2, "dilation": 2, "groups": 2}, ((6, 8, 10), (54, 8, 10))),
    ("deformable_attention", {"heads": 2, "levels": [[4, 5], [2, 3]]}, ((7, 24), (7, 12), (7, 2), (26, 6))),
    ("deformable_attention", {"heads": 2, "levels": [[4, 5]]}, ((7, 8), (7, 4), (7, 4), (20, 6))),
    ("matmul", {}, ((5, 6), (6, 7))),
    ("matmul", {}, ((3, 5, 6), (3, 6, 7))),
    ("scaled_dot_product_attention", {}, ((3, 5, 6), (3, 7, 6), (3, 7, 6))),
    ("scaled_dot_product_attention", {}, ((3, 5, 6), (3, 7, 6), (3, 7, 4))),
    ("scaled_dot_product_attention", {}, ((5, 6), (7, 6), (7, 6))),
    ("scaled_dot_product_attention", {"causal": True}, ((3, 5, 6), (3, 5, 6), (3, 5, 6))),
    ("scaled_dot_product_attention", {"causal": True, "keys_read": 2}, ((3, 5, 6), (3, 5, 6), (3, 5, 6))),
    ("scaled_dot_product_attention", {"keys_read": 2}, ((3, 5, 6), (3, 7, 6), (3, 7, 4))),
    ("scaled_dot_product_attention", {"keys_read": 2}, ((5, 6), (7, 6), (7, 6))),
    ("scaled_dot_product_attention", {}, ((6, 5, 8), (3, 7, 8), (3, 7, 8))),
    ("scaled_dot_product_attention", {}, ((6, 5, 8), (3, 7, 8), (3, 7, 4))),
    ("scaled_dot_product_attention", {"relative_positions": 9}, ((3, 5, 6), (3, 5, 6), (3, 5, 6))),
    ("windows", {"window": 4}, ((6, 8, 12),)),
    ("windows", {"window": 4, "shift": [2, 0]}, ((6, 7, 9),)),
    ("windows", {"window": [3, 2], "strided": True}, ((6, 6, 8),)),
    ("windows", {"window": [2, 3, 3], "shift": 1}, ((6, 4, 7, 6),)),
    ("windows", {"window": 4}, (NamedShape((6, 10), "map"),)),
    ("merge_windows", {}, (windows(6, 16, 5, laid=((8, 12), (4, 4), (0, 0), False)),)),
    ("merge_windows", {}, (windows(6, 16, 5, laid=((7, 9), (4, 4), (2, 0), False)),)),
    ("merge_windows", {}, (windows(8, 6, 5, laid=((6, 8), (3, 2), (0, 0), True)),)),
    ("merge_windows", {}, (windows(6, 5, 2, 2, laid=((8, 12), (4, 4), (0, 0), False)),)),
    ("merge_windows", {}, (windows(12, 18, 5, laid=((4, 7, 6), (2, 3, 3), (1, 1, 1), False)),)),
    ("frames", {}, ((3, 4, 6, 5),)),
    ("merge_frames", {}, (frames(4, 3, 6, 5),)),
    ("merge_frames", {}, (frames(4, 7, 6),)),
    ("merge_frames", {}, (frames(4, 6),)),
    ("rearrange", {"pattern": "T | N D -> N | T D"}, (frames(4, 7, 6),)),
    ("rearrange", {"pattern": "T | C H W -> (T H W) | C"}, (frames(4, 3, 6, 5),)),
    ("rearrange", {"pattern": "C (r m) (c n) -> (r c) | (m n) C", "m": 2, "n": 2}, ((6, 8, 10),)),
    ("position_embedding", {}, (frames(4, 5, 6),)),
    ("class_token", {}, (frames(4, 5, 6),)),
    ("concat", {}, ((1, 6), frames(4, 5, 6))),
    ("add", {}, (frames(4, 5, 6), frames(4, 5, 6), (5, 6))),
    ("flatten", {}, (frames(4, 3, 6, 5),)),
    ("conv", {"out": 4, "kernel": 3}, (frames(2, 4, 6, 5),)),
    *(
        (kind, fields, (shape,))
        for shape in (NamedShape((6, 20), MAP), (6, 4, 8, 10))
        for kind, fields in (
            ("conv", {"out": 4, "kernel": 3, "pad": 1}),
            ("conv", {"out": 4, "kernel": 2, "pad": "same", "groups": 2, "bias": False}),
            ("conv", {"out": 3, "kernel": 3, "connections": [[0, 1], [2], [0, 1, 2]]}),
            ("conv", {"out": 4, "kernel": 3, "standardized": True, "gain": True}),
            ("conv_transpose", {"out": 4, "kernel": 2, "stride": 2}),
            ("maxpool", {"kernel": 2}),
            ("maxpool", {"kernel": 3, "stride": 2, "pad": "same"}),
            ("avgpool", {"kernel": 2}),
            ("avgpool", {"kernel": 3, "stride": 2, "pad": "same", "count_pad": False}),
            ("global_avgpool", {}),
            ("adaptive_avgpool", {"out": 1}),
            ("adaptive_avgpool", {"out": 3}),
            ("adaptive_maxpool", {"out": 3}),
            ("subsample", {}),
            ("batchnorm", {}),
            ("layernorm", {}),
            ("layernorm", {"over": "last"}),
            ("groupnorm", {"groups": 3}),
            ("instancenorm", {"affine": True}),
            ("local_response_norm", {}),
            ("global_response_norm", {}),
            ("layer_scale", {}),
            ("prelu", {}),
            ("softmax", {"over": "channels"}),
            ("softmax", {"over": "groups", "groups": 3}),
            ("pointwise_linear", {"out": 4}),
            ("upsample", {}),
            ("unfold", {"kernel": 2, "stride": 2}),
            ("unfold", {"kernel": 3, "pad": 1}),
            ("space_to_depth", {}),
            ("space_to_depth", {"factor": 3}),
            ("zero_pad", {"channels": 1}),
            ("keep_channels", {"count": 3, "start": 1}),
            ("channel_shuffle", {"groups": 3}),
            ("tokens", {}),
            ("flatten", {}),
        )
    ),
    *(
        (kind, {"hidden": 4, **fields}, ((3, 5),))
        for kind in ("lstm", "gru", "rnn")
        for fields in (
            {},
            {"bias": False},
            {"bias": "one"},
            {"last": True},
            {"bidirectional": True},
            {"bidirectional": True, "last": True},
            {"layers": 2, "bidirectional": True},
            {"layers": 3, "dropout": 0.5},
        )
    ),
    ("lstm", {"hidden": 256, "layers": 2}, ((7, 100),)),
    ("lstm", {"hidden": 4, "project": 3}, ((3, 5),)),
    ("lstm", {"hidden": 4, "project": 3, "bidirectional": True, "layers": 2, "bias": False}, ((3, 5),)),
    ("lstm", {"hidden": 4, "project": 3, "last": True}, ((1, 5),)),
    ("rnn", {"hidden": 4, "relu": True}, ((3, 5),)),
    ("gru", {"hidden": 4}, ((1, 5),)),
    ("gru", {"hidden": 4}, (frames(4, 3, 5),)),
    *((kind, {"hidden": 4}, ((3, 5), (4,))) for kind in ("lstm", "gru", "rnn")),
    ("lstm", {"hidden": 4, "layers": 2, "bidirectional": True}, ((3, 5), (16,), (16,))),
    ("lstm", {"hidden": 4, "project": 3}, ((3, 5), (3,), (4,))),
    ("gru", {"hidden": 4, "bias": "one", "layers": 2}, ((3, 5), (8,))),
    ("selective_scan", {"state": 4, "rank": 3}, ((5, 8),)),
    ("flip", {"over": "N"}, ((5, 6),)),
    ("flip", {"over": ["H", "W"]}, ((6, 8, 10),)),
    ("conv", {"out": 4, "kernel": 3, "dilation": 2, "stride": 3, "pad": "causal"}, (NamedShape((6, 20), MAP),)),
    # That of a video lies as its input does where torch has several threads, and in order where it has one.
    ("pointwise_linear", {"out": 4, "written": "conv"}, (NamedShape((6, 20), MAP),)),
    ("upsample", {"mode": "linear"}, (NamedShape((6, 20), MAP),)),
    ("upsample", {"mode": "trilinear", "scale": [1, 2, 2]}, ((6, 4, 8, 10),)),
    ("multiply", {}, (NamedShape((6, 20), MAP), (6,))),
    ("multiply", {}, ((6, 4, 8, 10), (6,))),
]
LAST = ("layernorm", "pointwise_linear", "window_attention")
"""Kinds whose maps have their channels last in memory, after the layer norm that stands before them."""


def inputs_of(facts: Facts) -> list[Any]:
    if facts.layer.kind == "embedding":
        return [torch.randint(0, 30, (BATCH, *facts.inputs[0]))]
    last = facts.layer.kind in LAST and facts.layer.values().get("over") in (None, "channels")
    tensors = [torch.randn(shape.batched(BATCH)) for shape in facts.inputs]
    if last and rank(facts.inputs[0]) == MAP:
        tensors = [tensor.movedim(1, -1).contiguous().movedim(-1, 1) for tensor in tensors]
    if facts.layer.kind == "merge_heads":  # as attention leaves them: tokens first
        tensors = [tensor.transpose(1, 2).contiguous().transpose(1, 2) for tensor in tensors]
    return tensors


def module_of(facts: Facts) -> tuple[Any, Any]:
    """The layer as the torch backend writes it: its module, and the call on a list of inputs."""
    module, call = alone(facts)
    return torch.nn.Identity() if module is None else module, call


def on_paper(facts: Facts, training: bool, dtype: str = "float32") -> tuple[Paper, list[Value]]:
    """A run on paper, watched as torch is here, and the inputs as `inputs_of` lays them."""
    paper = Paper(Plan(device="cpu", dtype=dtype).checked().element, BATCH, training, watched=True)
    inputs = []
    for shape in facts.inputs:
        sizes = shape.batched(BATCH)
        over_channels = facts.layer.kind in LAST and facts.layer.values().get("over") in (None, "channels")
        last = over_channels and rank(facts.inputs[0]) == MAP
        value = paper.new(sizes, type=facts.layer.reads, strides=channels_last(sizes) if last else None)
        if facts.layer.kind == "merge_heads":
            _, heads, tokens, width = sizes
            value.strides = (tokens * heads * width, width, heads * width, 1)
        value.source = Leaf() if training and facts.layer.kind != "embedding" else None
        inputs.append(value)
    paper.moments.clear()
    return paper, inputs


def most(paper: Paper) -> int:
    """The largest moment, in bytes."""
    return max((fixed + per_image * BATCH for _, fixed, per_image in paper.moments), default=0)


each_case = pytest.mark.parametrize(("kind", "fields", "shapes"), CASES, ids=str)

KERNELS = ("deform_conv", "selective_scan")
"""Kinds that one kernel runs, and that an exported module makes tensors for on the way: what it saves is the same."""

ALIVE = [case for case in CASES if case[0] not in KERNELS]
"""All but these: test_operators.py has what a deformable convolution takes."""


@each_case
def test_what_a_kind_saves(kind: str, fields: dict[str, Any], shapes: tuple[tuple[int, ...], ...]):
    facts = Facts(KINDS[kind](**fields), shapes)
    module, call = module_of(facts)
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in inputs_of(facts)]
    with Saved(own(module)) as saved:
        result = call(inputs)
    paper, given = on_paper(facts, training=True)
    made = facts.run(paper, *given)
    assert sum(fixed + per_image * BATCH for _, fixed, per_image in paper.saved) == saved.bytes
    assert [x.storage.saved for x in given] == [x.untyped_storage()._cdata in saved.storages for x in inputs]
    assert (made.storage is not None and made.storage.saved) == (result.untyped_storage()._cdata in saved.storages)
    there = {x.untyped_storage()._cdata for x in inputs}
    assert (made.storage in {x.storage for x in given}) == (result.untyped_storage()._cdata in there)
    assert (bool(given) and made.storage is given[0].storage) == facts.is_view


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    ("kind", "fields", "shapes"),
    [case for case in CASES if case[0] in ("rmsnorm", "attention", "scaled_dot_product_attention", "linear", "matmul")],
    ids=str,
)
def test_what_is_saved_in_16_bits(kind: str, fields: dict[str, Any], shapes: tuple[tuple[int, ...], ...], dtype: str):
    """Attention that is not one operator, and a root mean square norm, are computed in fp32."""
    facts = Facts(KINDS[kind](**fields), shapes)
    module, call = module_of(facts)
    module.to(getattr(torch, dtype))
    with Saved(own(module)) as saved:
        result = call([x.to(getattr(torch, dtype)).requires_grad_() for x in inputs_of(facts)])
    paper, given = on_paper(facts, training=True, dtype=dtype)
    made = facts.layer.run(paper, *given)
    assert sum(fixed + per_image * BATCH for _, fixed, per_image in paper.saved) == saved.bytes
    assert made.shape == tuple(result.shape)


@pytest.mark.parametrize(("kind", "fields", "shapes"), ALIVE, ids=str)
def test_what_is_alive_while_a_kind_runs(kind: str, fields: dict[str, Any], shapes: tuple[tuple[int, ...], ...]):
    facts = Facts(KINDS[kind](**fields), shapes)
    module, call = module_of(facts)
    module.eval()
    inputs = inputs_of(facts)
    with torch.no_grad(), Live(own(module), *inputs) as live:
        result = call(inputs)
    paper, given = on_paper(facts, training=False)
    made = facts.run(paper, *given)
    paper.mark()
    assert most(paper) == max(live.peak, live.now)
    assert made.shape == tuple(result.shape)
    strides = zip(made.shape, made.strides, result.stride(), strict=True)
    assert all(ours == theirs for size, ours, theirs in strides if size > 1)
    del result


@each_case
def test_a_kinds_trained_parameters_are_those_that_run(
    kind: str, fields: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
):
    facts = Facts(KINDS[kind](**fields), shapes)
    paper, given = on_paper(facts, training=True)
    made = facts.run(paper, *given)
    paper.backward([(made, paper.new(made.shape))])
    gradients = [leaf.gradient for leaf in paper.parameters.values()]
    trained = sum(count for role, count in facts.parameters.items() if role not in FROZEN)
    assert sum(math.prod(gradient.shape) for gradient in gradients) == trained


@pytest.mark.parametrize(
    ("kind", "fields", "shapes"), [case for case in ALIVE if case[0] not in ("embedding", "constant")], ids=str
)
def test_what_is_alive_while_a_kind_runs_backward(
    kind: str, fields: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
):
    """The largest step, its inputs held by the caller; torch is watched, and adds no gradient in place."""
    facts = Facts(KINDS[kind](**fields), shapes)
    module, call = module_of(facts)
    alive_backward(facts, module, call, [x.requires_grad_() for x in inputs_of(facts)])


def alive_backward(facts: Facts, module: Any, call: Any, inputs: list[Any], frozen: bool = False) -> Paper:
    """The largest step backward is torch's on paper, too; returns the paper."""
    leaves = [*inputs, *(p for p in module.parameters() if p.requires_grad)]
    with Live(own(module), *inputs) as live:
        total = (call(inputs) * 1.0).sum()
        live.peak = 0
        torch.autograd.grad(total, leaves, allow_unused=True)
    paper, given = on_paper(facts, training=True)
    paper.enter(0, 0, frozen)
    made = facts.run(paper, *given)
    seeds = [(made, paper.new(made.shape))]
    del made
    paper.moments.clear()
    paper.backward(seeds)
    paper.mark()
    scalars = 16
    assert abs(live.peak - most(paper)) <= scalars
    return paper


WITH_PARAMETERS = [
    case for case in CASES if case[0] != "embedding" and Facts(KINDS[case[0]](**case[1]), case[2]).parameters
]


@pytest.mark.parametrize(("kind", "fields", "shapes"), WITH_PARAMETERS, ids=str)
def test_what_a_frozen_kind_saves_and_what_is_alive_backward(
    kind: str, fields: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
):
    """Gradients pass through it, and none are made of its parameters."""
    facts = Facts(KINDS[kind](**fields), shapes)
    module, call = module_of(facts)
    module.requires_grad_(False)
    inputs = [x.requires_grad_() for x in inputs_of(facts)]
    with Saved(own(module)) as saved:
        result = call(inputs)
    paper, given = on_paper(facts, training=True)
    paper.enter(0, 0, frozen=True)
    made = facts.run(paper, *given)
    assert sum(fixed + per_image * BATCH for _, fixed, per_image in paper.saved) == saved.bytes
    assert made.trains == result.requires_grad
    if not inputs or kind in KERNELS:
        return  # what passes no gradient on, as a table, has no way back; nor is a kernel's looked at here
    del result, made
    assert not alive_backward(facts, module, call, inputs, frozen=True).parameters


@pytest.mark.parametrize(("kind", "fields", "shapes"), WITH_PARAMETERS, ids=str)
def test_nothing_is_saved_for_an_input_that_wants_no_gradient_but_for_parameters(
    kind: str, fields: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
):
    facts = Facts(KINDS[kind](**fields), shapes)
    for frozen in (False, True):
        module, call = module_of(facts)
        module.requires_grad_(False) if frozen else None
        inputs = inputs_of(facts)
        with Saved(own(module)) as saved:
            result = call(inputs)
        paper, given = on_paper(facts, training=True)
        for value in given:
            value.source = None
        paper.enter(0, 0, frozen)
        made = facts.run(paper, *given)
        assert sum(fixed + per_image * BATCH for _, fixed, per_image in paper.saved) == saved.bytes
        assert made.trains == result.requires_grad
        del result


# What depends on how a network is called


def test_attention_written_as_products_saves_what_those_save():
    """Scores and their softmax, 12 heads of 197 x 197, in place of the fused operator's sums."""
    graph = Graph((197, 768))
    graph.add(KINDS["linear"](out=768), (INPUT,), "linear")
    graph.add(KINDS["attention"](heads=12, written="matmul"), (0,), "attention")
    attention, _ = alone(graph.nodes[1].facts)
    x = torch.randn(1, 197, 768, requires_grad=True)
    with Saved(own(attention) | {x.untyped_storage()._cdata}) as saved:
        result = attention(x)
    ours = Memory(graph, Plan(TRAINING, device="cpu", single=True))
    assert ours.saved_by[1].at(1) == saved.bytes + x.untyped_storage().nbytes()
    del result


AGAIN = ("cait_xxs24_224", "mvitv2_tiny", "resnet18", "swin_v2_t", "vit_b_16")
"""Networks of libraries that are measured anew here; benchmarks/memory.py measures all of them."""


@pytest.mark.parametrize(
    "row",
    [row for row in json.loads(benchmark.FILE.read_text(encoding="utf-8"))["rows"] if row["name"] in AGAIN],
    ids=lambda row: f"{row['name']} {row['batch']}",
)
def test_what_was_measured_of_other_peoples_networks(row: dict[str, Any]):
    """To the byte: what test_memory_measured.py holds vcalc against."""
    with suppress(ImportError):
        start_torchvision()
    pytest.importorskip(row["library"])
    assert benchmark.row(row["model"], row["library"], row["batch"]) == row


def test_the_peak_of_a_network_of_modules():
    try:
        start_torchvision()
    except ImportError:
        pytest.skip("torchvision is not installed: pip install 'vcalc[torch]'")
    from torchvision import models

    network, module = expand(*load("resnet50"), SMALL), models.resnet50().eval()
    image = torch.randn(BATCH, 3, 64, 64)
    memory = Memory(network.graph, Plan(in_place=True, modules=True))
    with torch.no_grad(), Live(own(module), image) as live:
        module(image)
    assert memory.peak(BATCH).size.at(BATCH) - memory.held.always == live.peak


@pytest.mark.parametrize("name", ["resnet50", "mobilenet-v2", "efficientnet-b0", "vgg11-bn"])
def test_norms_folded_as_torch_fuses_them(name: str):
    """Weights, buffers and the peak of the network as built, every batch norm fused into the convolution before it."""
    network = expand(*load(name), MODELS[name])
    module, image = made(network).eval(), torch.randn(BATCH, *network.graph.input)
    codes = {line.node.index: line for line in lines(network.graph)}
    for node in network.graph.nodes:
        if node.kind == "batchnorm":
            convolution, norm = (codes[index].attribute for index in (node.inputs[0], node.index))
            fused = fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm))
            setattr(module, convolution, fused)
            setattr(module, norm, torch.nn.Identity())
    memory = Memory(fold_norms(network.graph), Plan())
    assert memory.held.weights == sum(tensor.nbytes for tensor in module.parameters())
    assert memory.held.buffers == sum(tensor.nbytes for tensor in module.buffers()) == 0
    with torch.no_grad(), Live(own(module), image) as live:
        run(network, module, {INPUT: image})
    assert memory.peak(BATCH).size.at(BATCH) - memory.held.always == live.peak


# What the layout of a tensor changes, and whether it has a gradient

NETWORKS: dict[str, tuple[tuple[int, ...], list[tuple[str, dict[str, Any], tuple[int, ...]]]]] = {
    "a causal attention of tokens makes its mask": (
        (8, 4),
        [("linear", {"out": 4}, (-1,)), ("scaled_dot_product_attention", {"causal": True}, (0, 0, 0))],
    ),
    "so does one of wide values": (
        (6, 8),
        [
            ("split_heads", {"heads": 2}, (-1,)),
            ("linear", {"out": 6}, (-1,)),
            ("split_heads", {"heads": 2}, (1,)),
            ("scaled_dot_product_attention", {"causal": True}, (0, 0, 2)),
        ],
    ),
    "heads whose elements do not lie side by side are not one operator": (
        (8, 4),
        [
            ("split_heads", {"heads": 1}, (-1,)),
            ("pointwise_linear", {"out": 4}, (0,)),
            ("scaled_dot_product_attention", {}, (1, 1, 1)),
        ],
    ),
    "a linear layer on a part of the tokens": (
        (8, 4),
        [("keep_tokens", {"count": 7}, (-1,)), ("linear", {"out": 6}, (0,))],
    ),
    "attention of a part of the tokens": (
        (8, 4),
        [("keep_tokens", {"count": 7}, (-1,)), ("attention", {"heads": 1}, (0,))],
    ),
    "a pointwise linear layer on an image": ((2, 6, 6), [("pointwise_linear", {"out": 4}, (-1,))]),
    "a pool on a part of the features of tokens": (
        (16, 8),
        [("keep_channels", {"count": 4}, (-1,)), ("to_map", {"height": 4}, (0,)), ("maxpool", {"kernel": 2}, (1,)),
         ("tokens", {}, (2,)), ("attention", {"heads": 2}, (3,))],
    ),
    "windows larger than the map": ((16, 1, 1), [("window_attention", {"heads": 1, "window": 2, "shift": 1}, (-1,))]),
    "group norm copies a part of the channels": (
        (4, 5, 3),
        [("keep_channels", {"count": 2}, (-1,)), ("groupnorm", {"groups": 1}, (0,))],
    ),
    "so does instance norm": (
        (6, 8, 4),
        [("keep_channels", {"start": 1, "count": 3}, (-1,)), ("instancenorm", {"affine": True}, (0,))],
    ),
    "instance norm of an image, which has no gradient": ((2, 6, 6), [("instancenorm", {"affine": True}, (-1,))]),
    "root mean square norm puts tokens of a map in order": ((6, 8, 4), [("tokens", {}, (-1,)), ("rmsnorm", {}, (0,))]),
    "random directions are not copied for, nor are tokens": (
        (6, 8, 4),
        [("unfold", {"kernel": 2, "stride": 2}, (-1,)), ("random_features", {"count": 4}, (0,))],
    ),
    "windows that leave a border out take the memory of the map": (
        (2, 3, 3),
        [("batchnorm", {}, (-1,)), ("unfold", {"kernel": 2, "stride": 2}, (0,))],
    ),
    "dropped paths keep what was drawn": (
        (8, 4),
        [("flatten", {}, (-1,)), ("drop_path", {"p": 0.5}, (0,)), ("linear", {"out": 2}, (1,))],
    ),
    "prelu of an image, which has no gradient": ((4, 3, 5), [("prelu", {}, (-1,))]),
}  # fmt: skip


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_small_networks_are_torchs_to_the_byte(name: str, images: int):
    """Saved bytes and all three peaks; torch is watched. The sums of a loss that are alive take 4 bytes each."""
    shape, layers = NETWORKS[name]
    network = copy(expand(*load("lenet5")))
    network.graph = graph = Graph(shape)
    for number, (kind, fields, inputs) in enumerate(layers):
        graph.add(KINDS[kind](**fields), inputs, f"layer{number}")
    module, image = made(network), torch.randn(images, *shape)
    with Saved(own(module)) as saved:
        result = module.train()(image)
    plan = Plan(TRAINING, device="cpu", single=images == 1).checked()
    training, inference = Run(graph, plan, watched=True), Run(graph, plan._replace(mode="inference"), watched=True)
    assert sum(size.at(images) for size in training.saved_by) == saved.bytes
    del result
    with torch.no_grad(), Live(own(module), image) as live:
        run(network, module.eval(), {INPUT: image})
    assert max(each.size.at(images) for each in inference.moments) == live.peak
    module.train().zero_grad()
    with Live(own(module), image) as live:
        values = run(network, module, {INPUT: image})
        forward = live.peak
        loss = sum((tensor * 1.0).sum() for tensor in outputs(values))
        live.peak = live.now
        if loss.requires_grad:
            loss.backward()
    assert max(each.size.at(images) for each in training.moments if each.phase == FORWARD) == forward
    backward = [each.size.at(images) for each in training.moments if each.phase == BACKWARD]
    assert not backward or max(backward) == live.peak - 8


def test_a_detectors_backbone_is_torchvisions(tmp_path: Path):
    """ResNet-50 with frozen batch norms, its stem and first blocks frozen, too: what is trained, and what is saved."""
    start_torchvision()
    from torchvision.models import resnet50
    from torchvision.ops import FrozenBatchNorm2d

    text = (ROOT / "specs" / "resnet.yaml").read_text(encoding="utf-8").replace("- batchnorm\n", "- frozen_batchnorm\n")
    spec = tmp_path / "resnet.yaml"
    spec.write_text(text.replace("let:\n", "frozen: [stem, stage1]\nlet:\n", 1))
    ours = expand(*load(f"{spec}:resnet50"), SMALL)
    theirs = resnet50(norm_layer=FrozenBatchNorm2d)
    for part in (theirs.conv1, theirs.layer1):
        part.requires_grad_(False)
    counts = [sum(p.numel() for p in theirs.parameters() if p.requires_grad is trained) for trained in (True, False)]
    costs = Costs(ours.graph, conventions.load("macs"))
    nodes = ours.graph.nodes
    assert counts == [trained_params(costs, nodes), frozen_params(costs, nodes)]
    assert sum(counts) == 25_557_032 - 53_120  # DETR's backbone, and the classifier that it leaves out
    for module in theirs.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    with Saved(own(theirs)) as saved:
        result = theirs.train()(torch.randn(BATCH, 3, 64, 64))
    assert Memory(ours.graph, Plan(TRAINING, device="cpu")).saved.at(BATCH) == saved.bytes
    del result


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_an_lstms_workspace_is_rounded_to_pages_for_the_very_batch(batch: int):
    graph = Graph(NamedShape((7, 100), TOKENS))
    graph.add(KINDS["lstm"](hidden=33, layers=2, bidirectional=True), (INPUT,), "lstm")
    ours = Memory(graph, Plan(TRAINING, device="cpu")).of(batch)
    module, call = module_of(graph.nodes[0].facts)
    with Saved(own(module)) as saved:
        call([torch.randn(batch, 7, 100).requires_grad_()])
    assert ours.saved.at(batch) == saved.bytes
    capacity = ours.peak(batch).size.at(batch)
    assert ours.largest_batch(capacity) == batch
    assert ours.largest_batch(capacity - 1) == batch - 1
