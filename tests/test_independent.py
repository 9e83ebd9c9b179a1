"""Every model that says what it is the same as, held against that implementation: torchvision's, timm's, or both.

The other network is built on the meta device and run with a counter and with hooks, so nothing is ever computed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from vcalc.errors import VcalcError
from vcalc.spec.find import load, model_names
from vcalc.spec.network import Network, expand
from vcalc.torch_backend.against import against, multiply_adds, rows, run, twin

torch = pytest.importorskip("torch", reason="the independent networks are built with torch")

PEERS = [(model, library, name) for model in model_names() for library, name in load(model)[1].same_as.items()]
"""A model of the catalogue, the library that has it too, and its name there."""


@cache
def build(library: str, name: str) -> Any:
    """The other network, without storage for its weights; the test is skipped where the library is missing."""
    try:
        return twin(library, name)
    except VcalcError as error:
        pytest.skip(str(error))


def takes_any_size(network: Any) -> bool:
    """False for a network that has learned a position for each patch of its own size, or a bias for each distance."""
    patches = getattr(network, "patch_embed", None)
    fixed = hasattr(network, "image_size") or hasattr(network, "img_size")
    fixed = fixed or getattr(network, "pretrained_cfg", {}).get("fixed_input_size", False)
    return not (fixed or getattr(patches, "strict_img_size", False))


def ours(model: str, library: str = "", **sizes: int) -> Network:
    """The catalogue's network as a library has it, at sizes of its own or at these."""
    return expand(*load(model), sizes, library=library)


def held(role: str, network: Network) -> int:
    """All parameters, or all buffers."""
    return sum(sum(getattr(node.facts, role).values()) for node in network.graph.nodes)


each_peer = pytest.mark.parametrize(("model", "library", "name"), PEERS, ids=lambda text: text)


@each_peer
def test_buffers(model: str, library: str, name: str) -> None:
    theirs = sum(buffer.numel() for buffer in build(library, name).buffers())
    assert held("buffers", ours(model, library)) == theirs


@pytest.mark.parametrize("size", ["as it is", "larger", "odd"])
@each_peer
def test_roles_layers_and_multiply_adds(model: str, library: str, name: str, size: str) -> None:
    peer = build(library, name)
    _, height, width = ours(model).graph.input
    if size != "as it is" and not takes_any_size(peer):
        if not name.startswith("swin"):
            pytest.skip(f"{library}'s {name} takes no size but its own")
        height, width = height - 32, width + 32  # the window of the last stage shrinks along one axis
    elif size == "larger":
        height, width = height + 32, width + 64
    elif size == "odd":
        height, width = (height + 20) | 1, (width + 44) | 1
    checks = against(ours(model, library, H=height, W=width), library)
    assert [check for check in checks if not check.holds] == []
    assert len(checks) > 10


@pytest.mark.parametrize(("height", "width"), [(800, 1280), (224, 288)])
def test_feature_pyramid(height: int, width: int) -> None:
    """torchvision builds this one with a function of its own, and by default with frozen norms."""
    build("torchvision", "resnet18")
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    with torch.device("meta"):
        peer = resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=torch.nn.BatchNorm2d).eval()
    network = ours("resnet50-fpn", H=height, W=width)
    assert held("parameters", network) == sum(parameter.numel() for parameter in peer.parameters())
    assert (multiply_adds(network), rows(network)) == run(peer, (3, height, width))
