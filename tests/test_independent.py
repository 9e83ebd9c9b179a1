"""Every model that says what it is the same as, held against that implementation: torchvision's, timm's, or both.

The other network is built on the meta device and run with a counter and with hooks, so nothing is ever computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from math import prod
from typing import Any

import pytest
from peer_tools import start_torchvision

from vcalc.spec.find import load, model_names
from vcalc.spec.network import Network, expand

torch = pytest.importorskip("torch", reason="the independent networks are built with torch")

PEERS = [(model, library, name) for model in model_names() for library, name in load(model)[1].same_as.items()]
"""A model of the catalogue, the library that has it too, and its name there."""

BUILT_WITH: dict[tuple[str, str], dict[str, Any]] = {
    ("torchvision", "googlenet"): {"aux_logits": False, "init_weights": False},
    ("torchvision", "inception_v3"): {"aux_logits": False, "init_weights": False},
}
"""What a builder has to be told: no auxiliary classifiers, no values for weights that have no storage."""

BUFFERS = {"running_mean", "running_var", "num_batches_tracked", "relative_position_index"}
"""The buffers that vcalc counts too; networks with others are compared in everything else."""

OTHER_ORDER = {
    ("NASNet", "timm"): "the second stem cell fits the newer of its two inputs first, all other cells the older",
    ("RegNet", "torchvision"): "the projection of a shortcut runs before the residual branch",
}
"""Families whose layers a library runs in another order: they are compared sorted."""

Row = tuple[int, int, tuple[int, ...], int]
"""A convolution or a matrix: outputs, inputs of one group, kernel, positions it is applied at."""


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> Iterator[None]:
    """Start torchvision without its compiled operators, which no network here needs; show attention to the counter."""
    with suppress(ImportError):
        start_torchvision()
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.backends.mha.set_fastpath_enabled(enabled)


@cache
def build(library: str, name: str) -> Any:
    """The other network, without storage for its weights."""
    package = pytest.importorskip(library, reason=f"{library} is not installed")
    make = package.create_model if library == "timm" else package.models.get_model
    options = BUILT_WITH.get((library, name), {})
    try:
        with torch.device("meta"):
            network = make(name, **options)
    except NotImplementedError:  # torchvision's RegNets work out their widths with tensors, which need values
        network = make(name, **options).to("meta")
    return network.eval()


def run(network: Any, shape: tuple[int, ...]) -> tuple[int, list[Row]]:
    """Multiply-adds of one forward pass, and the convolutions and matrices outside attention in the order they run."""
    from torch.utils.flop_counter import FlopCounterMode

    rows: list[Row] = []

    def note(module: Any, _: Any, output: Any) -> None:
        out, inputs, *kernel = module.weight.shape
        rows.append((out, inputs, tuple(kernel) or (1, 1), output.numel() // out))

    hooks = [module.register_forward_hook(note) for module in layers_outside_attention(network)]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, *shape, device="meta"))
    for hook in hooks:
        hook.remove()
    return counter.get_total_flops() // 2, rows


def layers_outside_attention(network: Any) -> list[Any]:
    """vcalc keeps the projections of attention in one layer with it, and some libraries call them without a module."""
    inside = {
        id(part) for module in network.modules() if "Attention" in type(module).__name__ for part in module.modules()
    }
    return [m for m in network.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)) and id(m) not in inside]


def takes_any_size(network: Any) -> bool:
    """False for a network that has learned a position for each patch of its own size."""
    patches = getattr(network, "patch_embed", None)
    return not (hasattr(network, "image_size") or getattr(patches, "strict_img_size", False))


def ours(model: str, **sizes: int) -> Network:
    """The catalogue's network, at sizes of its own or at these."""
    return expand(*load(model), sizes)


def multiply_adds(network: Network) -> int:
    """All products that are added to a sum, attention's included."""
    return sum(
        count
        for node in network.graph.nodes
        for primitive, count in node.facts.work.items()
        if primitive in ("multiply_adds", "product_multiply_adds")
    )


def rows(network: Network) -> list[Row]:
    """The convolutions and matrices outside attention in the order of the graph."""
    found: list[Row] = []
    for node in network.graph.nodes:
        if node.kind not in ("conv", "linear", "pointwise_linear"):
            continue
        layer: Any = node.layer
        inputs = node.input[-1] if node.kind == "linear" else node.input[0] // getattr(layer, "groups", 1)
        found.append((layer.out, inputs, getattr(layer, "kernel", (1, 1)), prod(node.output) // layer.out))
    return found


def held(role: str, network: Network) -> int:
    """All parameters, or all buffers."""
    return sum(sum(getattr(node.facts, role).values()) for node in network.graph.nodes)


each_peer = pytest.mark.parametrize(("model", "library", "name"), PEERS, ids=lambda text: text)


@each_peer
def test_parameters(model: str, library: str, name: str) -> None:
    peer = build(library, name)
    assert held("parameters", ours(model)) == sum(parameter.numel() for parameter in peer.parameters())


@each_peer
def test_buffers(model: str, library: str, name: str) -> None:
    counts: dict[str, int] = {}
    for path, buffer in build(library, name).named_buffers():
        kind = path.rpartition(".")[2]
        counts[kind] = counts.get(kind, 0) + buffer.numel()
    if set(counts) - BUFFERS:
        pytest.skip(f"{library} also keeps {', '.join(sorted(set(counts) - BUFFERS))}")
    assert held("buffers", ours(model)) == sum(counts.values())


@pytest.mark.parametrize("size", ["as it is", "larger", "odd"])
@each_peer
def test_layers_and_multiply_adds(model: str, library: str, name: str, size: str) -> None:
    peer = build(library, name)
    channels, height, width = ours(model).graph.input
    if size != "as it is" and not takes_any_size(peer):
        pytest.skip(f"{library}'s {name} takes no size but its own")
    if size == "larger":
        height, width = height + 32, width + 64
    if size == "odd":
        height, width = (height + 20) | 1, (width + 44) | 1
    network = ours(model, H=height, W=width)
    count, their_rows = run(peer, (channels, height, width))
    our_rows = rows(network)
    if (network.spec.family, library) in OTHER_ORDER:
        our_rows, their_rows = sorted(our_rows), sorted(their_rows)
    assert our_rows == their_rows
    assert multiply_adds(network) == count


@pytest.mark.parametrize(("height", "width"), [(800, 1280), (224, 288)])
def test_feature_pyramid(height: int, width: int) -> None:
    """torchvision builds this one with a function of its own, and by default with frozen norms."""
    pytest.importorskip("torchvision", reason="torchvision is not installed")
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    with torch.device("meta"):
        peer = resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=torch.nn.BatchNorm2d).eval()
    network = ours("resnet50-fpn", H=height, W=width)
    assert held("parameters", network) == sum(parameter.numel() for parameter in peer.parameters())
    assert (multiply_adds(network), rows(network)) == run(peer, (3, height, width))
