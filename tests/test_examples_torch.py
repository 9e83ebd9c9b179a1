"""Networks beside modules of torch that are written here by hand, from the papers' tables and the authors' code."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is asked what it runs")

from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.torch_backend.build import build

EXAMPLES = Path(__file__).parent.parent / "examples"


def m5() -> Any:
    """Dai et al. 2017, Table 1, M5; its padding as Keras has it: 38 samples before and after the first window."""
    layers: list[Any] = [nn.ConstantPad1d((38, 38), 0.0)]
    channels = [1, 128, 128, 256, 512]
    for stage, (before, after) in enumerate(pairwise(channels)):
        convolution = nn.Conv1d(before, after, 3, padding=1) if stage else nn.Conv1d(1, after, 80, stride=4)
        layers += [convolution, nn.BatchNorm1d(after), nn.ReLU(), nn.MaxPool1d(4)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(512, 10))


def c3d() -> Any:
    """Tran et al. 2015, Figure 3."""
    layers: list[Any] = []
    before = 3
    for stage, (after, depth) in enumerate(((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))):
        for _ in range(depth):
            layers += [nn.Conv3d(before, after, 3, padding=1), nn.ReLU()]
            before = after
        window = (2, 2, 2) if stage else (1, 2, 2)
        layers.append(nn.MaxPool3d(window, window, padding=(0, 1, 1) if stage == 4 else 0))
    head = [nn.Linear(8192, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*layers, nn.Flatten(), *head, nn.Linear(4096, 101))


class DoubleConv(nn.Sequential):
    """Two convolutions, without padding, or with padding and norms."""

    def __init__(self, before: int, after: int, padded: bool) -> None:
        layers: list[Any] = []
        for width in (before, after):
            layers.append(nn.Conv2d(width, after, 3, padding=int(padded), bias=not padded))
            layers += [nn.BatchNorm2d(after), nn.ReLU()] if padded else [nn.ReLU()]
        super().__init__(*layers)


class UNet(nn.Module):
    """Ronneberger et al. 2015, Figure 1: skips cropped; padded as in milesial/Pytorch-UNet: what comes up is padded."""

    def __init__(self, channels: int, padded: bool) -> None:
        super().__init__()
        self.padded = padded
        widths = [channels, 64, 128, 256, 512, 1024]
        self.down = nn.ModuleList(DoubleConv(*pair, padded) for pair in pairwise(widths))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, 2) for c in (512, 256, 128, 64))
        self.convs = nn.ModuleList(DoubleConv(2 * c, c, padded) for c in (512, 256, 128, 64))
        self.head = nn.Conv2d(64, 2, 1)

    def forward(self, x: Any) -> Any:
        skips = []
        for number, convs in enumerate(self.down):
            x = convs(nn.functional.max_pool2d(x, 2) if number else x)
            skips.append(x)
        skips.pop()
        for up, convs in zip(self.up, self.convs, strict=True):
            x, skip = up(x), skips.pop()
            down, across = (skip.shape[axis] - x.shape[axis] for axis in (2, 3))
            if self.padded:
                x = nn.functional.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
            else:
                skip = skip[:, :, down // 2 :, across // 2 :][:, :, : x.shape[2], : x.shape[3]]
            x = convs(torch.cat((skip, x), 1))
        return self.head(x)


def dcgan() -> Any:
    """Radford et al. 2016, Figure 1, and the authors' code: a vector, normalized before it becomes a map."""
    layers: list[Any] = [nn.Linear(100, 16384, bias=False), nn.BatchNorm1d(16384), nn.ReLU()]
    layers.append(nn.Unflatten(1, (1024, 4, 4)))
    for before, after in pairwise((1024, 512, 256, 128, 3)):
        layers.append(nn.ConvTranspose2d(before, after, 5, 2, 2, 1, bias=False))
        layers += [nn.Tanh()] if after == 3 else [nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


class Scaled(nn.Module):
    """What layers add to their input, times a number."""

    def __init__(self, *layers: Any, scale: float = 1.0) -> None:
        super().__init__()
        self.layers, self.scale = nn.Sequential(*layers), scale

    def forward(self, x: Any) -> Any:
        return x + self.layers(x) * self.scale


def edsr(width: int, depth: int, scale: float) -> Any:
    """Lim et al. 2017, Figure 3 and Table 1."""

    def conv(before: int = width, after: int = width) -> Any:
        return nn.Conv2d(before, after, 3, padding=1)

    blocks = [Scaled(conv(), nn.ReLU(), conv(), scale=scale) for _ in range(depth)]
    ups = [layer for _ in range(2) for layer in (conv(width, 4 * width), nn.PixelShuffle(2))]
    return nn.Sequential(conv(3, width), Scaled(*blocks, conv()), *ups, conv(width, 3))


CATALOGUE: dict[str, tuple[str, dict[str, int], Any]] = {
    "unet": ("unet", {}, lambda: UNet(1, False)),
    "unet of colors": ("unet", {"C": 3}, lambda: UNet(3, False)),
    "unet-padded": ("unet-padded", {}, lambda: UNet(3, True)),
    "unet-padded, odd": ("unet-padded", {"H": 420, "W": 240}, lambda: UNet(3, True)),
    "dcgan": ("dcgan", {}, dcgan),
    "edsr-baseline": ("edsr-baseline", {}, lambda: edsr(64, 16, 1.0)),
    "edsr": ("edsr", {}, lambda: edsr(256, 32, 0.1)),
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_model_of_the_catalogue_is_the_module(name: str):
    model, sizes, make = CATALOGUE[name]
    network = expand(*load(model), sizes)
    with torch.device("meta"):
        module = make().eval()
    same_counts(network, module)


def same_counts(network: Network, module: Any) -> None:
    """Parameters, operations and output are those of a module on the meta device."""
    total = Costs(network.graph, conventions.load("torch")).total(network.graph.nodes)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = module(torch.empty(1, *network.graph.input, device="meta"))
    assert total.params == sum(parameter.numel() for parameter in module.parameters())
    assert total.flops == counter.get_total_flops()
    assert tuple(output.shape) == (1, *network.graph.nodes[-1].output)


@pytest.mark.parametrize(
    ("model", "changed", "make"),
    [
        ("unet", {"H": 188, "W": 204}, lambda: UNet(1, False)),
        ("unet-padded", {"H": 42, "W": 25}, lambda: UNet(3, True)),
        ("dcgan", {}, dcgan),
        ("edsr-baseline", {"depth": 2, "H": 6, "W": 7, "scaling": 0.1}, lambda: edsr(64, 2, 0.1)),
    ],
)
def test_a_model_of_the_catalogue_computes_what_the_module_does(model: str, changed: Any, make: Any):
    """With the same weights, handed over in the order in which the module runs."""
    network = expand(*load(model), changed)
    module, ours, weights = make().eval(), build(network, device="cpu").eval(), []
    for each in module.modules():
        if not list(each.children()):
            each.register_forward_hook(lambda each, _, __: weights.extend(each.state_dict().values()))
    given = torch.randn(1, *network.graph.input)
    with torch.no_grad():
        theirs = module(given)
        ours.load_state_dict(dict(zip(ours.state_dict(), weights, strict=True)))
        torch.testing.assert_close(ours(given), theirs, rtol=1e-4, atol=1e-5)


@pytest.fixture(params=[m5, c3d])
def both(request: Any) -> tuple[Network, Any]:
    with torch.device("meta"):
        return expand(*load(str(EXAMPLES / f"{request.param.__name__}.yaml"))), request.param().eval()


def test_params_and_operations_are_those_of_the_module(both: tuple[Network, Any]):
    same_counts(*both)


def test_every_pool_gives_what_the_modules_gives(both: tuple[Network, Any]):
    network, module = both
    theirs: list[tuple[int, ...]] = []
    for each in module:
        if isinstance(each, (nn.MaxPool1d, nn.MaxPool3d)):
            each.register_forward_hook(lambda _, __, output: theirs.append(tuple(output.shape[1:])))
    with torch.no_grad():
        module(torch.empty(1, *network.graph.input, device="meta"))
    assert [tuple(node.output) for node in network.graph.nodes if node.kind == "maxpool"] == theirs


def test_what_is_written_computes_what_the_module_does():
    """Sound of 4,000 samples through M5 with the same weights."""
    network = expand(*load(str(EXAMPLES / "m5.yaml")), {"L": 4000})
    module, ours = m5().eval(), build(network, device="cpu").eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), module.state_dict().values(), strict=True)))
    sound = torch.randn(2, 1, 4000)
    with torch.no_grad():
        torch.testing.assert_close(ours(sound), module(sound))
