"""The other tools, run here and now, against vcalc's conventions of the same names: to the last unit.

They are the extra `peers`; a tool that is missing is skipped with its reason. data/peers.json holds what they reported
when the conventions were written.
"""

from __future__ import annotations

import importlib
import json
from functools import cache
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the tools count torch networks")

import peer_probes
import peer_tools
from test_peers import LAYERS

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.axes import MAP, NamedShape
from vcalc.spec.find import load, model_names
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec
from vcalc.torch_backend.against import BUILT_WITH, start_torchvision
from vcalc.torch_backend.build import build
from vcalc.torch_backend.code import Code, code_of

SIZES = ((224, 224), (193, 225))

ANY_SIZE = {
    "torchvision": [
        "alexnet", "vgg11", "resnet18", "resnet50", "googlenet", "densenet121", "mobilenet_v2", "efficientnet_b0",
        "regnet_y_400mf", "convnext_tiny", "swin_t",
    ],
    "timm": ["resnet50", "densenet121", "mobilenetv2_100", "efficientnet_b0", "regnety_004", "convnext_tiny"],
}  # fmt: skip
ONE_SIZE = {
    "torchvision": ["vit_b_16"],
    "timm": [
        "vit_tiny_patch16_224",
        "swin_tiny_patch4_window7_224",
        "maxvit_tiny_tf_224",
        "cait_xxs24_224",
        "pvt_v2_b0",
    ],
}

OTHERWISE = {
    ("convT_b_s2", "deepspeed"): (237_456, "release 0.19.8 has mended the size of the bias that edaa722 has wrong"),
    **{
        ("maxvit_tiny_tf_224", tool): (count, "a product of einsum is rounded to four digits")
        for tool, count in {
            "fvcore": 5_421_356_576,
            "mmengine": 5_421_356_576,
            "calflops": 10_819_792_256,
            "deepspeed": 11_173_834_112,
        }.items()
    },
    ("cait_xxs24_224", "ptflops-aten"): (2_531_645_032, "it sees no bias of a linear layer on a tensor with gaps"),
    ("pvt_v2_b0", "ptflops-aten"): (534_574_952, "it sees no bias of a linear layer on a tensor with gaps"),
    ("maxvit_tiny_tf_224", "ptflops-aten"): (
        5_570_791_032,
        "a mask of three dimensions keeps a CPU from fused attention, and so ptflops sees its products",
    ),
}
"""What a tool reports where its convention says otherwise, and why; by operator, or by model."""

OTHERWISE_OF_THREE = {
    ("vit_b_16", "ptflops-aten"): (
        50_578_636_728,
        "in a batch torch adds the bias of queries, keys and values apart from the product, where ptflops sees none",
    ),
}
"""The same for a batch of three images."""

CASES = [
    (library, name, size)
    for sizes, models in ((SIZES, ANY_SIZE), (SIZES[:1], ONE_SIZE))
    for library, names in models.items()
    for name in names
    for size in sizes
]


@cache
def built(library: str, name: str) -> Any:
    """A library's network."""
    start_torchvision()
    package = pytest.importorskip(library, reason=f"{library} is not installed")
    make = package.create_model if library == "timm" else importlib.import_module("torchvision").models.get_model
    return make(name, **BUILT_WITH.get((library, name), {})).eval()


@cache
def ours(library: str, name: str, height: int, width: int) -> Network:
    """The model of the catalogue that is the same as a library's, written as the library writes it."""
    (model,) = [model for model in model_names() if load(model)[1].same_as.get(library) == name]
    return expand(*load(model), {"H": height, "W": width}, library=library)


def reported(tool: str, network: Any, *inputs: Any) -> peer_tools.Counted:
    """What a tool says; the test is skipped where there is no such tool."""
    try:
        return peer_tools.TOOLS[tool](network, inputs)
    except ImportError as error:
        pytest.skip(f"{tool}: {error}")


def counted(tool: str, network: Network, batch: int = 1) -> tuple[Any, Any]:
    """FLOPs and params under the convention of a tool."""
    total = Costs(network.graph, conventions.load(tool), batch).total(network.graph.nodes)
    return total.flops, total.params


@pytest.mark.parametrize("tool", peer_tools.TOOLS)
@pytest.mark.parametrize(("library", "name", "size"), CASES, ids=lambda value: str(value).replace(", ", "x"))
def test_models(library: str, name: str, size: tuple[int, int], tool: str) -> None:
    theirs = reported(tool, built(library, name), torch.zeros(1, 3, *size))
    flops, params = counted(tool, ours(library, name, *size))
    assert theirs.count == OTHERWISE.get((name, tool), (flops, ""))[0]
    if theirs.params is not None:
        assert params == theirs.params


@pytest.mark.parametrize("tool", peer_tools.TOOLS)
@pytest.mark.parametrize("name", ["resnet18", "googlenet", "swin_t", "vit_b_16"])
def test_batches(name: str, tool: str) -> None:
    """ptflops divides what modules bring by the batch, and what functions bring not."""
    theirs = reported(tool, built("torchvision", name), torch.zeros(3, 3, 224, 224))
    flops, _ = counted(tool, ours("torchvision", name, 224, 224), batch=3)
    assert theirs.count == OTHERWISE_OF_THREE.get((name, tool), (flops, ""))[0]


@pytest.mark.parametrize("tool", peer_tools.TOOLS)
@pytest.mark.parametrize("operator", peer_probes.PROBES)
def test_operators(operator: str, tool: str) -> None:
    network, inputs = peer_probes.PROBES[operator]()
    kind, fields, shapes = LAYERS[operator]
    theirs = reported(tool, network, *inputs)
    convention, facts = conventions.load(tool), Facts(KINDS[kind](**fields), shapes)
    assert theirs.count == OTHERWISE.get((operator, tool), (convention.flops(facts), ""))[0]


@pytest.mark.parametrize(("gradients", "seen"), [(True, 4 * 8 * 8), (False, 0)])
def test_torchs_counter_sees_less_of_fused_attention_on_a_cpu(gradients: bool, seen: int) -> None:
    """Four projections of 5 tokens of width 8 where gradients are on, nothing without; the two products never."""
    from torch.utils.flop_counter import FlopCounterMode

    attention, tokens = torch.nn.MultiheadAttention(8, 2, batch_first=True).eval(), torch.zeros(1, 5, 8)
    with torch.set_grad_enabled(gradients), FlopCounterMode(display=False) as counter:
        attention(tokens, tokens, tokens, need_weights=False)
    assert counter.get_total_flops() == 2 * 5 * seen
    spec = "title: t\ninput: {N: 5, D: 8}\nlayers: [{attention: {heads: 2, written: mha}}]\n"
    parsed = parse_spec(spec, "t.yaml", "t")
    assert counted("torch", expand(parsed, parsed.models["t"]))[0] == 2 * (5 * 4 * 8 * 8 + 2 * 5 * 5 * 8)


# Layers of sequences and videos, as the torch backend writes them

SEQUENCE, VIDEO = NamedShape((8, 20), MAP), NamedShape((8, 4, 6, 10), MAP)
SPATIAL: list[tuple[str, dict[str, Any]]] = [
    ("conv", {"out": 16, "kernel": 3, "pad": 1}),
    ("conv", {"out": 16, "kernel": 3, "groups": 4, "bias": False, "stride": 2}),
    ("conv_transpose", {"out": 16, "kernel": 3, "stride": 2}),
    ("conv_transpose", {"out": 16, "kernel": 3, "stride": 2, "bias": False, "groups": 4}),
    *((norm, {"affine": affine}) for norm in ("batchnorm", "instancenorm") for affine in (True, False)),
    ("groupnorm", {"groups": 4}),
    ("layernorm", {}),
    ("local_response_norm", {}),
    *((activation, {}) for activation in ("relu", "gelu", "silu", "prelu", "leaky_relu", "elu", "mish")),
    ("softmax", {"over": "channels"}),
    *((pool, {"kernel": 3, "stride": 2, "pad": pad}) for pool in ("maxpool", "avgpool") for pad in (0, 1)),
    ("global_avgpool", {"keep_dims": True}),
    ("adaptive_avgpool", {"out": 3}),
    ("adaptive_maxpool", {"out": 3}),
    ("upsample", {}),
    ("upsample", {"out": 9}),
]
SPATIAL_CASES = [
    *((kind, fields, shape) for shape in (SEQUENCE, VIDEO) for kind, fields in SPATIAL),
    ("upsample", {"mode": "linear"}, SEQUENCE),
    ("upsample", {"mode": "trilinear"}, VIDEO),
]
MENDED = {SEQUENCE: 512, VIDEO: 39_184}
"""What release 0.19.8 of DeepSpeed counts more of a transposed convolution's bias than git edaa722."""


class Written(torch.nn.Module):
    """A layer alone, that is called in the middle of an expression."""

    def __init__(self, code: Code) -> None:
        super().__init__()
        self.layer = eval(code.make, {"nn": torch.nn})
        self.call = code.call.format("x", self="self.layer")

    def forward(self, x: Any) -> Any:
        return eval(self.call, {"self": self, "x": x})


@pytest.mark.parametrize("tool", peer_tools.TOOLS)
@pytest.mark.parametrize(("kind", "fields", "shape"), SPATIAL_CASES, ids=str)
def test_layers_of_sequences_and_videos(kind: str, fields: dict[str, Any], shape: NamedShape, tool: str) -> None:
    facts = Facts(KINDS[kind](**fields), (shape,))
    code = code_of(facts)
    network = eval(code.make, {"nn": torch.nn}) if code.call == "{self}({0})" else Written(code)
    theirs = reported(tool, network.eval(), torch.zeros(1, *shape))
    ours = conventions.load(tool).flops(facts)
    mended = tool == "deepspeed" and kind == "conv_transpose" and facts.layer.bias
    assert theirs.count == ours + (MENDED[shape] if mended else 0)


FRONTS = {
    "frames": """
input: {C: 3, T: 4, H: 8, W: 8}
layers: [frames, conv: {out: 4, kernel: 3, pad: 1}, batchnorm, relu, maxpool: {kernel: 2}, merge_frames,
  conv: {out: 2, kernel: [3, 1, 1], pad: [1, 0, 0]}, global_avgpool, linear: {out: 5}]
""",
    "windows": """
input: {C: 8, H: 7, W: 9}
layers: [windows: {window: 4, shift: 2}, residual: [layernorm, attention: {heads: 2, written: sdpa}],
  linear: {out: 6}, gelu, merge_windows, groupnorm: {groups: 2}, global_avgpool, linear: {out: 5}]
""",
}


@pytest.mark.parametrize("tool", peer_tools.TOOLS)
@pytest.mark.parametrize("name", FRONTS)
def test_windows_and_frames_are_a_batch_to_the_tools(name: str, tool: str) -> None:
    spec = parse_spec(FRONTS[name], "t.yaml", name)
    network = expand(spec, spec.models[name])
    for batch in (1, 3):
        theirs = reported(tool, build(network).eval(), torch.zeros(batch, *network.graph.input))
        flops, params = counted(tool, network, batch)
        assert theirs.count == flops
        assert theirs.params in (None, params)


WAYS = ({}, {"bias": False}, {"bidirectional": True}, {"layers": 3, "bidirectional": True}, {"layers": 2, "last": True})
RECURRENT = [
    *((kind, {"hidden": 6, **way}) for kind in ("lstm", "gru", "rnn") for way in WAYS),
    ("lstm", {"hidden": 6, "project": 4}),
    ("lstm", {"hidden": 6, "project": 4, "layers": 2, "bidirectional": True}),
    ("rnn", {"hidden": 6, "relu": True}),
    *((kind, {"hidden": 6, "bias": "one"}) for kind in ("lstm", "gru", "rnn")),
]


GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def unseen_bias(tool: str, kind: str, fields: dict[str, Any], batch: int) -> int:
    """Of several images torch adds the first layer's bias on the input apart from the product: ptflops sees none."""
    seen = batch == 1 or fields.get("bias") is False or (kind == "lstm" and "project" not in fields)
    if tool != "ptflops-aten" or seen:
        return 0
    return batch * 7 * GATES[kind] * fields["hidden"] * (2 if fields.get("bidirectional") else 1)


@pytest.mark.parametrize("tool", peer_tools.TOOLS)
@pytest.mark.parametrize(("kind", "fields"), RECURRENT, ids=str)
def test_recurrent_layers(kind: str, fields: dict[str, Any], tool: str) -> None:
    spec = parse_spec(f"title: t\ninput: {{N: 7, D: 5}}\nlayers: [{kind}: {json.dumps(fields)}]\n", "t.yaml", "t")
    network = expand(spec, spec.models["t"])
    for batch in (1, 3):
        theirs = reported(tool, build(network).eval(), torch.zeros(batch, 7, 5))
        flops, params = counted(tool, network, batch)
        assert theirs.count == flops - unseen_bias(tool, kind, fields, batch)
        assert theirs.params in (None, params)
