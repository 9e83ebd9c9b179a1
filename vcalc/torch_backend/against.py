"""A network held against the independent implementation that it says it is the same as: torchvision's or timm's.

Parameters by role, buffers, multiply-adds, and every convolution's and matrix's shape in the order they run. Their
network is built without storage, so nothing is computed.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from math import prod
from typing import Any

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.arithmetic import Number
from vcalc.errors import VcalcError, suggestion
from vcalc.spec.network import Network
from vcalc.torch_backend import needed
from vcalc.torch_backend.validate import Check

HEADLESS = (
    "vit_base_r50_s16_224",
    "vit_small_patch8_224",
    "vit_large_patch32_224",
    "vit_huge_patch14_224",
)
"""Networks of timm that come without a classifier, since their weights have none."""

BUILT_WITH: dict[tuple[str, str], dict[str, Any]] = {
    **{("timm", name): {"num_classes": 1000} for name in HEADLESS},
    ("torchvision", "googlenet"): {"aux_logits": False, "init_weights": False},
    ("torchvision", "inception_v3"): {"aux_logits": False, "init_weights": False},
    ("timm", "mvitv2_base_cls"): {"num_classes": 1000},
    ("timm", "mvitv2_large_cls"): {"num_classes": 1000},
    ("timm", "mvitv2_huge_cls"): {"num_classes": 1000},
}
"""What a builder has to be told: no auxiliary classifiers, no values for weights without storage, how many classes."""

OTHER_ORDER = {
    ("Pre-activation ResNet", "timm"): "the projection of a shortcut runs before the residual branch",
    ("CoAtNet", "timm"): "the projection of a shortcut runs before the residual branch",
    ("MaxViT", "timm"): "the projection of a shortcut runs before the residual branch",
    ("NASNet", "timm"): "the second stem cell fits the newer of its two inputs first, all other cells the older",
    ("RegNet", "torchvision"): "the projection of a shortcut runs before the residual branch",
}
"""Families whose layers a library runs in another order: they are compared sorted."""

Row = tuple[int, int, tuple[int, ...], int]
"""A convolution or a matrix: outputs, inputs of one group, kernel, positions it is applied at."""

OURS = {
    "weight": "weight",
    "bias": "bias",
    "scale": "norm scale",
    "shift": "norm shift",
    "slope": "slope",
    "layer_scale": "layer scale",
    "class_token": "token",
    "mask_token": "token",
    "position_embedding": "position",
    "fixed_position_embedding": "position",
    "relative_position_bias": "relative position",
    "relative_position_embedding": "relative position",
    "logit_scale": "logit scale",
    "random_projection": "random projection",
    "embedding": "embedding",
}
"""Our roles, in the words that both sides can be put into."""

_operators: list[Any] = []


def start_torchvision() -> None:
    """Import torchvision, without its compiled operators where they do not fit this torch: no network needs them."""
    torch = needed("torch", "--against")
    try:
        needed("torchvision", "--against torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _operators.append(library)
        needed("torchvision", "--against torchvision")


def against(network: Network, library: str) -> list[Check]:
    """Compare a network with its twin at the network's own input.

    Raises VcalcError where the spec names no twin in the library, or the library is missing or takes no such input.
    """
    same_as = network.same_as
    if library not in same_as:
        hint = suggestion(library, same_as, "it is in") if same_as else f"{network.name} is the same as none"
        raise VcalcError("library", f"{network.name} has no twin in '{library}'", hint=hint)
    peer = twin(library, same_as[library])
    try:
        flops, theirs = run(peer, network.graph.input)
    except (AssertionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        message = f"{library}'s {same_as[library]} does not take this input: {reason}"
        raise VcalcError("input", message, hint="leave out --input") from None
    ours = rows(network)
    if (network.spec.family, library) in OTHER_ORDER:
        ours, theirs = sorted(ours), sorted(theirs)
    checks = [Check("total", library, "multiply-adds", multiply_adds(network), flops)]
    our_roles, their_roles = roles(network), peer_roles(peer)
    checks += [
        Check("total", library, f"params: {role}", our_roles.get(role, 0), their_roles.get(role, 0))
        for role in dict.fromkeys([*our_roles, *their_roles])
    ]
    checks.append(Check("total", library, "convolutions and matrices", len(ours), len(theirs)))
    checks += [
        Check(f"{i + 1} of {len(ours)}", library, "outputs, inputs, kernel, positions", mine, other)
        for i, (mine, other) in enumerate(zip(ours, theirs, strict=False))
    ]
    return checks


def twin(library: str, name: str) -> Any:
    """The other network, without storage for its weights, at inference."""
    torch = needed("torch", "--against")
    if library == "torchvision":
        start_torchvision()
    else:
        with suppress(VcalcError):
            start_torchvision()  # timm uses it where it is there
    package = needed(library, f"--against {library}")
    make = package.create_model if library == "timm" else package.models.get_model
    options = BUILT_WITH.get((library, name), {})
    try:
        with torch.device("meta"):
            network = make(name, **options)
    except NotImplementedError:  # torchvision's RegNets work out their widths with tensors, which need values
        network = make(name, **options).to("meta")
    # FlopCounterMode refuses a view of a parameter that has a gradient: CaiT's class token.
    return network.eval().requires_grad_(False)


def run(network: Any, shape: tuple[int, ...]) -> tuple[int, list[Row]]:
    """Multiply-adds of one forward pass, and the convolutions and matrices outside attention in the order they run."""
    torch = needed("torch", "--against")
    from torch.utils.flop_counter import FlopCounterMode

    found: list[Row] = []

    def note(module: Any, _: Any, output: Any) -> None:
        out, inputs, *kernel = module.weight.shape
        found.append((out, inputs, tuple(kernel) or (1, 1), output.numel() // out))

    hooks = [module.register_forward_hook(note) for module in _outside_attention(torch, network)]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.empty(1, *shape, device="meta"))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for hook in hooks:
            hook.remove()
    return counter.get_total_flops() // 2, found


def _outside_attention(torch: Any, network: Any) -> list[Any]:
    """vcalc keeps the projections of attention in one layer with it, and some libraries call them without a module."""
    inside = {id(part) for module in network.modules() if _attends(module) for part in module.modules()}
    return [m for m in network.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)) and id(m) not in inside]


def _attends(module: Any) -> bool:
    """Whether a module is attention and no more than that: timm's PartitionAttention has an MLP, too."""
    name = type(module).__name__
    return "Attention" in name and not name.startswith("PartitionAttention")


def multiply_adds(network: Network) -> Number:
    """Ours, in the convention `macs`."""
    return Costs(network.graph, conventions.load("macs")).figure(network.graph.nodes, "flops")


def rows(network: Network) -> list[Row]:
    """The convolutions and matrices outside attention in the order of the graph."""
    found: list[Row] = []
    for node in network.graph.nodes:
        if node.kind not in ("conv", "linear", "pointwise_linear") or "attention" in node.path.split("/")[:-1]:
            continue
        layer: Any = node.layer
        inputs = node.input[-1] if node.kind == "linear" else node.input[0] // getattr(layer, "groups", 1)
        found.append((layer.out, inputs, getattr(layer, "kernel", (1, 1)), prod(node.output) // layer.out))
    return found


def roles(network: Network) -> dict[str, int]:
    """Our parameters by role, in the words of both sides."""
    found: dict[str, int] = {}
    for node in network.graph.nodes:
        for role, count in node.facts.parameters.items():
            found[OURS[role]] = found.get(OURS[role], 0) + count
    return found


def peer_roles(network: Any) -> dict[str, int]:
    """A torch network's parameters by role, told by the modules that own them and by their names."""
    found: dict[str, int] = {}
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            role = _role(type(module).__name__, name)
            found[role] = found.get(role, 0) + parameter.numel()
    return found


def _role(owner: str, name: str) -> str:
    if name == "skipinit_gain" or name.startswith("gamma_"):
        return "layer scale"
    if "Norm" in owner:
        return "norm scale" if name == "weight" else "norm shift"
    if name == "gain":
        return "norm scale"
    if "PReLU" in owner:
        return "slope"
    if "pos_embed" in name or name == "pos_embedding":
        return "position"
    if "token" in name:
        return "token"
    if "relative_position" in name or name.startswith("rel_pos_"):
        return "relative position"
    if name in ("gamma", "layer_scale"):
        return "layer scale"
    if name == "logit_scale":
        return "logit scale"
    return "bias" if name.endswith("bias") else "weight"
