"""Networks of video and sound beside modules of torch that are written here by hand, from the papers and their code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is asked what it runs")

from live_memory import Saved, own
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.flop_counter import FlopCounterMode

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import TRAINING, Plan
from vcalc.spec.find import load
from vcalc.spec.network import expand
from vcalc.torch_backend.against import start_torchvision
from vcalc.torch_backend.build import build


def conv_bn(before: int, after: int, kernel: tuple[int, int, int] = (1, 1, 1), stride: int = 1, groups: int = 1) -> Any:
    sides = tuple(size // 2 for size in kernel)
    convolution = nn.Conv3d(before, after, kernel, (1, stride, stride), sides, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm3d(after))


class Residual(nn.Module):
    """A body, what goes past it, and a ReLU behind their sum."""

    def __init__(self, before: int, after: int, stride: int, *body: Any) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.past = conv_bn(before, after, stride=stride) if stride > 1 or before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.past(x)).relu()


class Excite(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        layers = (nn.Conv3d(width, hidden, 1), nn.ReLU(), nn.Conv3d(hidden, width, 1), nn.Sigmoid())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool3d(1), *layers)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


def x3d() -> Any:
    """Feichtenhofer 2020, Table 1 with widths x 2 and depths x 2.2; hidden units in eights, as in PySlowFast."""
    layers: list[Any] = [
        nn.Conv3d(3, 24, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False),
        nn.Conv3d(24, 24, (5, 1, 1), padding=(2, 0, 0), groups=24, bias=False),
        *(nn.BatchNorm3d(24), nn.ReLU()),
    ]
    before = 24
    for after, wide, hidden, depth in ((24, 54, 8, 3), (48, 108, 8, 5), (96, 216, 16, 11), (192, 432, 32, 7)):
        for i in range(depth):
            stride = 1 if i else 2
            middle = conv_bn(wide, wide, (3, 3, 3), stride, groups=wide)
            excite = [Excite(wide, hidden)] if i % 2 == 0 else []
            body = (conv_bn(before, wide), nn.ReLU(), middle, *excite, nn.SiLU(), conv_bn(wide, after))
            layers.append(Residual(before, after, stride, *body))
            before = after
    head = (nn.AdaptiveAvgPool3d(1), nn.Conv3d(432, 2048, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Dropout())
    return nn.Sequential(*layers, conv_bn(192, 432), nn.ReLU(), *head, nn.Linear(2048, 400))


def stem(width: int, frames: int) -> Any:
    return nn.Sequential(conv_bn(3, width, (frames, 7, 7), 2), nn.ReLU(), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))


def pathway(before: int, width: int, depth: int, frames: int, stride: int) -> Any:
    blocks = []
    for i in range(depth):
        step = 1 if i else stride
        squeeze, spatial = conv_bn(before, width, (frames, 1, 1)), conv_bn(width, width, (1, 3, 3), step)
        body = (squeeze, nn.ReLU(), spatial, nn.ReLU(), conv_bn(width, 4 * width))
        blocks.append(Residual(before, 4 * width, step, *body))
        before = 4 * width
    return nn.Sequential(*blocks)


class SlowFast(nn.Module):
    """Feichtenhofer et al. 2019, Table 1; lateral connections with norms, as in PySlowFast."""

    def __init__(self, alpha: int = 8, places: int = 5) -> None:
        super().__init__()
        self.stems = nn.ModuleList([stem(64, 1), stem(8, 5)])
        self.stages = nn.ModuleList()
        slow, fast = 64, 8
        for width, depth, frames, stride in ((64, 3, 1, 1), (128, 4, 1, 2), (256, 6, 3, 2), (512, 3, 3, 2)):
            sides = (places // 2, 0, 0)
            lateral = nn.Conv3d(fast, 2 * fast, (places, 1, 1), (alpha, 1, 1), sides, bias=False)
            joined = nn.Sequential(lateral, nn.BatchNorm3d(2 * fast), nn.ReLU())
            paths = pathway(slow + 2 * fast, width, depth, frames, stride), pathway(fast, width // 8, depth, 3, stride)
            self.stages.append(nn.ModuleList([joined, *paths]))
            slow, fast = 4 * width, width // 2
        self.pool = nn.AdaptiveAvgPool3d(1)
        self.head = nn.Sequential(nn.Dropout(), nn.Linear(2304, 400))

    def forward(self, slow: Tensor, fast: Tensor) -> Tensor:
        slow, fast = self.stems[0](slow), self.stems[1](fast)
        for lateral, slowly, quickly in self.stages:
            slow, fast = slowly(torch.cat([slow, lateral(fast)], 1)), quickly(fast)
        return self.head(torch.cat([self.pool(slow).flatten(1), self.pool(fast).flatten(1)], 1))


def i3d() -> Any:
    """torchvision's S3D, each pair of its convolutions made one of three axes again."""
    start_torchvision()
    from torchvision.models.video import s3d
    from torchvision.models.video.s3d import TemporalSeparableConv

    network = s3d()
    for whole in network.modules():
        for name, part in list(whole.named_children()):
            if isinstance(part, TemporalSeparableConv):
                first, norm = part[0][0], part[1][1]
                size, stride = first.kernel_size[1], first.stride[1]
                one = nn.Conv3d(first.in_channels, first.out_channels, size, stride, size // 2, bias=False)
                setattr(whole, name, nn.Sequential(one, norm, nn.ReLU()))
    return network


class WaveNet(nn.Module):
    """Van den Oord et al. 2016, Figures 3 and 4."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv1d(256, 32, 2)
        self.layers = nn.ModuleList()
        for layer in range(20):
            gates = [nn.Conv1d(32, 32, 2, dilation=2 ** (layer % 10)) for _ in range(2)]
            self.layers.append(nn.ModuleList([*gates, nn.Conv1d(32, 32, 1), nn.Conv1d(32, 256, 1)]))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(256, 256, 1), nn.ReLU(), nn.Conv1d(256, 256, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.front(pad(x, (1, 0)))
        skips = []
        for tanh, sigmoid, residual, skip in self.layers:
            past = tanh.dilation[0]
            gated = tanh(pad(x, (past, 0))).tanh() * sigmoid(pad(x, (past, 0))).sigmoid()
            x = residual(gated) + x
            skips.append(skip(gated))
        return self.head(sum(skips[1:], skips[0]))


NETWORKS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "x3d-s": (x3d, {"T": 5, "H": 64, "W": 64}),
    "slowfast-4x16-r50": (SlowFast, {"slow": {"T": 2, "H": 64, "W": 64}, "fast": {"T": 16, "H": 64, "W": 64}}),
    "i3d": (i3d, {"T": 16}),
    "wavenet": (WaveNet, {"L": 2000}),
}
"""Networks with the module that each is, and inputs small enough for a test."""


def without_copies(module: Any) -> Any:
    for part in module.modules():
        if hasattr(part, "inplace"):
            part.inplace = False
    return module


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "i3d" else ()) for name in NETWORKS]
)
def test_a_network_is_the_module(name: str):
    """Parameters, multiply-adds, what is saved to the byte, and with the same weights what comes out."""
    make, sizes = NETWORKS[name]
    network, theirs = expand(*load(name), sizes), without_copies(make())
    ours = build(network).eval()
    inputs = [torch.randn(2, *shape) for shape in network.graph.inputs.values()]
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.shape == other.shape
        mine.data = other.data
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        given = theirs.eval()(*inputs)
    torch.testing.assert_close(ours(*inputs), given, rtol=1e-4, atol=1e-5)
    costs = Costs(network.graph, conventions.load("macs"))
    assert costs.total(network.graph.nodes).flops * 2 * 2 == counter.get_total_flops()
    with Saved(own(theirs)) as saved:
        result = theirs.train()(*inputs)
    assert Memory(network.graph, Plan(TRAINING, device="cpu")).saved.at(2) == saved.bytes
    del result
