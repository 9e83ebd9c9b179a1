"""Networks on sequences and videos beside torch's own: two built there by hand, and many drawn at random."""

from __future__ import annotations

import random
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from test_memory_torch import Saved, own
from test_spatial import M5, network_of
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vcalc.analyses.cost import Costs
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import TRAINING, Plan
from vcalc.conventions import load as convention
from vcalc.errors import VcalcError
from vcalc.spec.network import Network
from vcalc.torch_backend.validate import validate

BATCH = 2

VIDEO = """
title: A residual network on a clip
input: {C: 3, T: 16, H: 56, W: 56}
layers:
  - conv: {out: 16, kernel: [3, 7, 7], stride: [1, 2, 2], pad: [1, 3, 3], bias: false}
  - batchnorm
  - relu
  - maxpool: {kernel: [1, 2, 2]}
  - residual:
      - conv: {out: 16, kernel: 3, pad: 1, bias: false}
      - batchnorm
      - relu
      - conv: {out: 16, kernel: 3, pad: 1, bias: false}
      - batchnorm
  - relu
  - residual:
      - conv: {out: 32, kernel: 3, stride: 2, pad: 1, bias: false}
      - batchnorm
      - relu
      - conv: {out: 32, kernel: 3, pad: 1, bias: false}
      - batchnorm
    shortcut:
      - conv: {out: 32, kernel: 1, stride: 2, bias: false}
      - batchnorm
  - relu
  - global_avgpool
  - linear: {out: 10}
"""


def m5() -> Any:
    layers: list[Any] = []
    for arrive, leave, kernel, stride in ((1, 32, 80, 16), (32, 32, 3, 1), (32, 64, 3, 1), (64, 64, 3, 1)):
        layers += [nn.Conv1d(arrive, leave, kernel, stride), nn.BatchNorm1d(leave), nn.ReLU(), nn.MaxPool1d(4)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 35))


class Block(nn.Module):
    """Two convolutions over frames, rows and columns, and a way around them."""

    def __init__(self, arrive: int, leave: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Conv3d(arrive, leave, 3, stride, 1, bias=False)
        self.other = nn.Conv3d(leave, leave, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm3d(leave), nn.BatchNorm3d(leave)])
        around = [nn.Conv3d(arrive, leave, 1, stride, bias=False), nn.BatchNorm3d(leave)] if stride > 1 else []
        self.around = nn.Sequential(*around)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norms[1](self.other(self.norms[0](self.one(x)).relu()))
        made: Tensor = (y + self.around(x)).relu()
        return made


def video() -> Any:
    stem = [nn.Conv3d(3, 16, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False), nn.BatchNorm3d(16), nn.ReLU()]
    pool, blocks = nn.MaxPool3d((1, 2, 2)), [Block(16, 16, 1), Block(16, 32, 2)]
    return nn.Sequential(*stem, pool, *blocks, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(32, 10))


BY_HAND = [(M5, m5, {"params": 26_915}), (VIDEO, video, {})]


@pytest.mark.parametrize(("spec", "build", "known"), BY_HAND, ids=["m5", "video"])
def test_a_network_built_by_hand(spec: str, build: Any, known: dict[str, int]):
    """Parameters, shapes, FLOPs, and the bytes that are saved for backward."""
    network, module = network_of(spec), build()
    shape = (BATCH, *network.graph.input)
    total = Costs(network.graph, convention("torch"), BATCH).total(network.graph.nodes)
    assert {"params": total.params, **known} == {"params": sum(p.numel() for p in module.parameters())}
    shapes: list[tuple[int, ...]] = []
    convolutions = [part for part in module.modules() if isinstance(part, (nn.Conv1d, nn.Conv3d))]
    for part in convolutions:
        part.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape[1:])))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval()(torch.zeros(shape))
    assert total.flops == counter.get_total_flops()
    assert sorted(shapes) == sorted(node.output for node in network.graph.nodes if node.kind == "conv")
    with Saved(own(module)) as saved:
        result = module.train()(torch.zeros(shape))
    assert Memory(network.graph, Plan(TRAINING, device="cpu")).saved.at(BATCH) == saved.bytes
    assert tuple(result.shape) == (BATCH, *network.graph.nodes[-1].output)


# Random chains

WINDOW = {"kernel": (1, 2, 3), "stride": (1, 2), "pad": (0, 1)}
DRAWN: dict[str, dict[str, tuple[Any, ...]]] = {
    "conv": {"out": (4, 6), **WINDOW, "groups": (1, 2), "dilation": (1, 2), "bias": (True, False)},
    "conv_transpose": {"out": (4, 6), **WINDOW, "groups": (1, 2), "output_pad": (0, 1)},
    "maxpool": {**WINDOW, "ceil_mode": (True, False)},
    "avgpool": {**WINDOW, "ceil_mode": (True, False), "count_pad": (True, False)},
    "adaptive_avgpool": {"out": (1, 2, 3)},
    "adaptive_maxpool": {"out": (2, 3)},
    "subsample": {},
    "batchnorm": {"affine": (True, False)},
    "layernorm": {"over": ("channels", "last")},
    "groupnorm": {"groups": (1, 2)},
    "instancenorm": {"affine": (True, False)},
    "local_response_norm": {"size": (2, 3)},
    "global_response_norm": {},
    "layer_scale": {"shared": (True, False)},
    "prelu": {"shared": (True, False)},
    "pointwise_linear": {"out": (4, 6)},
    "softmax": {"over": ("channels", "last", "groups"), "groups": (2,)},
    "upsample": {"scale": (1, 2), "mode": ("nearest", "linear", "bilinear", "trilinear", "bicubic")},
    "space_to_depth": {"factor": (2, 3)},
    "zero_pad": {"channels": (0, 2), "positions": (0, 1), "rows": (0, 1), "frames": (0, 1)},
    "channel_shuffle": {"groups": (2,)},
    "keep_channels": {"count": (2, 4)},
}
PER_AXIS = ("kernel", "stride", "pad", "dilation", "output_pad", "scale")
SIZES = {1: {"L": 40}, 2: {"H": 12, "W": 15}, 3: {"T": 6, "H": 9, "W": 12}}
LENGTH = 8


def layer_of(draw: random.Random, axes: int) -> str:
    """A layer of the language, fields of an axis' own among them."""
    kind = draw.choice(list(DRAWN))
    fields = {name: draw.choice(values) for name, values in DRAWN[kind].items()}
    for name in set(PER_AXIS) & set(fields) if draw.random() < 0.5 else ():
        fields[name] = [draw.choice(DRAWN[kind][name]) for _ in range(axes)]
    if "pad" in fields and kind != "conv_transpose" and draw.random() < 0.3:
        fields["pad"] = "same"
    written = ", ".join(f"{name}: {str(value).lower()}" for name, value in fields.items())
    return f"  - {kind}: {{{written}}}\n" if fields else f"  - {kind}\n"


def random_network(axes: int, seed: int) -> Network:
    """Layers that fit one after the other, then tokens, windows or a mean."""
    draw = random.Random(f"{axes} {seed}")
    sizes = ", ".join(f"{name}: {size}" for name, size in {"C": 4, **SIZES[axes]}.items())
    spec, count = f"input: {{{sizes}}}\nlayers:\n", 0
    while count < LENGTH:
        longer = spec + layer_of(draw, axes)
        try:
            network_of(longer)
        except VcalcError:
            continue
        spec, count = longer, count + 1
    return network_of(spec + draw.choice(("  - tokens\n", "  - unfold: {kernel: 1}\n", "  - global_avgpool\n")))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("axes", SIZES)
def test_random_networks_are_torchs(axes: int, seed: int):
    network = random_network(axes, seed)
    checks = validate(network, batch=BATCH)
    assert [check for check in checks if not check.holds] == []
    assert len(checks) >= 4 * len(network.graph.nodes)
