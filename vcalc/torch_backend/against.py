"""A network held against the independent implementation that it says it is the same as: torchvision's or timm's.

Parameters by role, buffers, multiply-adds, and every convolution's and matrix's shape. Their
network is built without storage, so nothing is computed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from inspect import signature
from math import prod
from typing import Any, NamedTuple

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.arithmetic import Number
from vcalc.errors import VcalcError, suggestion
from vcalc.spec.network import Network
from vcalc.torch_backend import needed
from vcalc.torch_backend.validate import Check
from vcalc.torch_backend.watch import in_a_line

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

Row = tuple[int, int, tuple[int, ...], int]
"""A convolution or a matrix: outputs, inputs of one group, kernel, positions it is applied at."""

WHAT = "outputs, inputs, kernel, positions"

OURS = {
    "weight": "weight",
    "bias": "bias",
    "scale": "norm scale",
    "shift": "norm shift",
    "slope": "slope",
    "layer_scale": "layer scale",
    "learned": "token",
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


class Compared(NamedTuple):
    """What a comparison with a twin gives: the checks, and whether all layers run in the same order."""

    checks: list[Check]
    in_order: bool


def against(network: Network, library: str) -> Compared:
    """Compare a network with its twin at the network's own input.

    Convolutions and matrices are the same where each has its equal, in whatever order they run.

    Raises VcalcError where the spec names no twin in the library, or the library is missing or takes no such input.
    """
    same_as = network.same_as
    if library not in same_as:
        hint = suggestion(library, same_as, "it is in") if same_as else f"{network.name} is the same as none"
        raise VcalcError("library", f"{network.name} has no twin in '{library}'", hint=hint)
    network = network.of(library)
    if len(network.graph.inputs) > 1:
        message = (
            f"{library}'s networks are run on one input, and {network.name} takes {' and '.join(network.graph.inputs)}"
        )
        raise VcalcError("input", message, hint="leave out --against")
    peer = twin(library, same_as[library], network.graph.input)
    try:
        theirs = run(peer, network.graph.input)
    except NotImplementedError:
        message = (
            f"{library}'s {same_as[library]} looks at values as it runs, as detectors do, and is built without any"
        )
        raise VcalcError("input", message, hint="its backbone can be compared") from None
    except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
        message = f"{library}'s {same_as[library]} does not take this input: {in_a_line(error)}"
        raise VcalcError("input", message, hint="leave out --input") from None
    checks = [Check("total", library, "multiply-adds", multiply_adds(network), theirs.flops)]
    our_roles, their_roles = roles(network), peer_roles(peer)
    checks += [
        Check("total", library, f"params: {role}", our_roles.get(role, 0), their_roles.get(role, 0))
        for role in dict.fromkeys([*our_roles, *their_roles])
    ]
    # A spec may write out an attention that is a module of theirs, whose projections are among all layers only.
    pairs = (rows(network), theirs.outside), (rows(network, in_attention=True), theirs.every)
    mine, other = min(pairs, key=lambda pair: sum((Counter(pair[0]) - Counter(pair[1])).values()))
    checks.append(Check("total", library, "convolutions and matrices", len(mine), len(other)))
    return Compared([*checks, *_paired(mine, other, library)], mine == other)


def _paired(ours: list[Row], theirs: list[Row], library: str) -> list[Check]:
    """Each of our layers beside an equal one of theirs, wherever it runs; those without one beside what is left."""
    left = Counter(theirs)
    left.subtract(ours)
    beside = [*left.elements()]  # theirs that ours has too few of
    checks = []
    for i, row in enumerate(reversed(ours)):  # of several equal ones the last have no partner
        lacks = left[row] < 0
        left[row] += lacks
        other = (beside.pop(0) if beside else "none") if lacks else row
        checks.append(Check(f"{len(ours) - i} of {len(ours)}", library, WHAT, row, other))
    return [*reversed(checks), *(Check("none of ours", library, WHAT, "none", row) for row in beside)]


def twin(library: str, name: str, shape: tuple[int, ...] = ()) -> Any:
    """The other network, without storage for its weights, at inference; built for images of a shape if it takes one."""
    torch = needed("torch", "--against")
    if library == "torchvision":
        start_torchvision()
    else:
        with suppress(VcalcError):
            start_torchvision()  # timm uses it where it is there
    make = _builder(library, name)
    try:
        try:
            with torch.device("meta"):
                network = make()
                if shape and _has_other_size(network, shape[1:]):
                    network = make(img_size=shape[1:])
        except NotImplementedError:  # torchvision's RegNets work out their widths with tensors, which need values
            network = make().to("meta")
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        ImportError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise VcalcError("library", f"{library} cannot build '{name}': {in_a_line(error)}") from None
    # FlopCounterMode refuses a view of a parameter that has a gradient: CaiT's class token.
    return network.eval().requires_grad_(False)


def _builder(library: str, name: str) -> Callable[..., Any]:
    """What makes a library's network, without trained weights, which would have to be downloaded.

    Raises VcalcError where the library has no network of the name.
    """
    package = needed(library, f"--against {library}")
    known = package.list_models() if library == "timm" else package.models.list_models()
    if not (package.is_model(name) if library == "timm" else name in known):
        raise VcalcError("library", f"{library} has no network '{name}'", hint=suggestion(name, known, "it has"))
    options = BUILT_WITH.get((library, name), {})
    if library == "timm":
        return partial(package.create_model, name, pretrained=False, **options)
    make = package.models.get_model_builder(name)
    without = {"weights": None, "weights_backbone": None}
    taken = signature(make).parameters
    return partial(make, **{key: value for key, value in without.items() if key in taken}, **options)


def _has_other_size(network: Any, size: tuple[int, ...]) -> bool:
    """Whether timm builds a network for images of one size, and has built it for another."""
    patches = getattr(network, "patch_embed", None)
    built = getattr(patches, "img_size", None) if getattr(patches, "strict_img_size", False) else None
    return built is not None and tuple(built) != size


class Ran(NamedTuple):
    """What a forward pass does: multiply-adds, and the convolutions and matrices in the order they run."""

    flops: int
    outside: list[Row]
    """Those outside attention."""
    every: list[Row]


def run(network: Any, shape: tuple[int, ...]) -> Ran:
    """One forward pass, without values."""
    torch = needed("torch", "--against")
    from torch.utils.flop_counter import FlopCounterMode

    found: list[tuple[bool, Row]] = []
    # vcalc keeps the projections of attention in one layer with it, and some libraries call them without a module.
    inside = {id(part) for module in network.modules() if _attends(module) for part in module.modules()}

    def note(module: Any, _: Any, output: Any) -> None:
        out, inputs, *kernel = module.weight.shape
        found.append((id(module) in inside, (out, inputs, tuple(kernel) or (1, 1), output.numel() // out)))

    kinds = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.Linear)
    layers = [module for module in network.modules() if isinstance(module, kinds)]
    hooks = [module.register_forward_hook(note) for module in layers]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.empty(1, *shape, device="meta"))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        for hook in hooks:
            hook.remove()
    outside = [row for within, row in found if not within]
    return Ran(counter.get_total_flops() // 2, outside, [row for _, row in found])


def _attends(module: Any) -> bool:
    """Whether a module is attention and no more than that: timm's PartitionAttention has an MLP, too.

    Some are called Attn, as is what weighs channels elsewhere, and those of its ConViT by their letters.
    """
    name = type(module).__name__
    if name in ("LocallyGroupedAttn", "GlobalSubSampleAttn", "CrossCovarianceAttn", "GPSA", "MHSA"):
        return True
    return "Attention" in name and not name.startswith("PartitionAttention")


def multiply_adds(network: Network) -> Number:
    """Ours, in the convention `macs`."""
    return Costs(network.graph, conventions.load("macs")).figure(network.graph.nodes, "flops")


def rows(network: Network, in_attention: bool = False) -> list[Row]:
    """The convolutions and matrices in the order of the graph, those in groups called attention among them if asked."""
    found: list[Row] = []
    for node in network.graph.nodes:
        within = not in_attention and "attention" in node.path.split("/")[:-1]
        if within or node.kind not in ("conv", "linear", "pointwise_linear"):
            continue
        layer: Any = node.layer
        inputs = node.input[-1] if node.kind == "linear" else node.facts.inner[0][0] // getattr(layer, "groups", 1)
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
    if name in ("skipinit_gain", "ls1", "ls2", "temperature") or name.startswith("gamma_") or owner == "Scale":
        return "layer scale"
    if owner in ("XCABlock", "ClassAttentionBlock") and name.startswith("gamma"):
        return "layer scale"
    if owner in ("Affine", "StarReLU"):
        return "norm scale" if name in ("alpha", "scale") else "norm shift"
    if "Norm" in owner:
        return "norm scale" if name == "weight" else "norm shift"
    if name == "gain":
        return "norm scale"
    if "PReLU" in owner:
        return "slope"
    if "pos_embed" in name or name == "pos_embedding" or name.endswith("_pos"):
        return "position"
    if "token" in name or name in ("latent", "gating_param"):
        return "token"
    if "relative_position" in name or name.startswith("rel_pos_") or name == "attention_biases":
        return "relative position"
    if name in ("gamma", "layer_scale"):
        return "layer scale"
    if name == "logit_scale":
        return "logit scale"
    return "bias" if name.endswith("bias") or name.startswith("bias_") else "weight"
