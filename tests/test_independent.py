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

FITTING = ("hrnet", "dla", "naflexvit")
"""Networks that refuse an image whose sides their strides or patches do not divide."""
OTHER_ORDER = {
    ("Pre-activation ResNet", "timm"): "the projection of a shortcut runs before the residual branch",
    ("CoAtNet", "timm"): "the projection of a shortcut runs before the residual branch",
    ("MaxViT", "timm"): "the projection of a shortcut runs before the residual branch",
    ("NASNet", "timm"): "the second stem cell fits the newer of its two inputs first, all other cells the older",
    ("RegNet", "torchvision"): "the projection of a shortcut runs before the residual branch",
}
"""Families whose layers a library runs in another order."""


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
    fixed = any(hasattr(network, name) for name in ("image_size", "img_size", "pos_encoding"))
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
    peer = build(library, name)
    if name.startswith("convit"):  # its distances are a buffer that is filled when it first runs
        peer(torch.empty(1, 3, 224, 224, device="meta"))
    assert held("buffers", ours(model, library)) == sum(buffer.numel() for buffer in peer.buffers())


@pytest.mark.parametrize("size", ["as it is", "larger", "odd"])
@each_peer
def test_roles_layers_and_multiply_adds(model: str, library: str, name: str, size: str) -> None:
    peer = build(library, name)
    *_, height, width = ours(model).graph.input
    if size != "as it is" and not takes_any_size(peer):
        if not name.startswith("swin"):
            pytest.skip(f"{library}'s {name} takes no size but its own")
        height, width = height - 32, width + 32  # the window of the last stage shrinks along one axis
    elif size == "larger":
        height, width = height + 32, width + 64
    elif size == "odd" and name.startswith(FITTING):
        pytest.skip("its parts fit where their strides divide the image's sides")
    elif size == "odd":
        height, width = (height + 20) | 1, (width + 44) | 1
    network = ours(model, library, H=height, W=width)
    checks, in_order = against(network, library)
    assert [check for check in checks if not check.holds] == []
    assert len(checks) > 10
    assert in_order is ((network.spec.family, library) not in OTHER_ORDER)


@pytest.mark.parametrize(("model", "name"), [("hrnet-w18", "hrnet_w18"), ("dla-34", "dla34"), ("dla-60", "dla60")])
def test_streams_that_do_not_fit_are_refused_by_both(model: str, name: str):
    with pytest.raises(VcalcError, match="do not match"):
        ours(model, H=245, W=269)
    with pytest.raises(RuntimeError, match="broadcast"):
        build("timm", name)(torch.empty(1, 3, 245, 269, device="meta"))


@pytest.mark.parametrize(("height", "width"), [(800, 1280), (224, 288)])
def test_feature_pyramid(height: int, width: int) -> None:
    """torchvision builds this one with a function of its own, and by default with frozen norms."""
    build("torchvision", "resnet18")
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    with torch.device("meta"):
        peer = resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=torch.nn.BatchNorm2d).eval()
    network = ours("resnet50-fpn", H=height, W=width)
    assert held("parameters", network) == sum(parameter.numel() for parameter in peer.parameters())
    assert (multiply_adds(network), rows(network)) == run(peer, (3, height, width))[:2]


def test_a_name_of_timms_weights_is_that_network_with_that_head_or_an_error():
    """Each of timm's 1,800 names of weights, with and without its owner: what is found is it, with 1,000 classes."""
    build("timm", "resnet18")
    timm = pytest.importorskip("timm")
    found = 0
    for name in timm.list_pretrained():
        for spelling in (name, f"timm/{name}"):
            try:
                model = load(spelling)[1]
            except VcalcError:
                continue
            found += 1
            own = model.same_as["timm"]
            assert name.partition(".")[0] in (own, f"tf_{own}"), spelling
            assert timm.get_pretrained_cfg(name).num_classes == 1000, spelling
    assert found > 700


@pytest.mark.parametrize("name", ["efficientnet_b0", "efficientnet_b4", "efficientnetv2_s", "mobilenetv3_large_100"])
def test_tensorflows_weights_in_timm_belong_to_the_same_network(name: str):
    network = ours(load(f"tf_{name}")[1].name)
    port = build("timm", f"tf_{name}")
    assert sum(value.numel() for value in port.parameters()) == held("parameters", network)


def test_every_layer_of_torch_has_an_answer():
    """What torch.nn calls layers, in whatever version: a layer kind, or that there is none."""
    from vcalc import foreign
    from vcalc.layers import KINDS

    own = {foreign.bare(kind) for kind in KINDS}
    names = [name for name in dir(torch.nn) if isinstance(getattr(torch.nn, name), type)]
    assert [name for name in names if not foreign.answers("layers", name) and foreign.bare(name) not in own] == []
