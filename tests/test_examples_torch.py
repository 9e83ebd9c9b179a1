"""The examples of sound and video beside modules of torch that are written here by hand, from the papers' tables."""

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


@pytest.fixture(params=[m5, c3d])
def both(request: Any) -> tuple[Network, Any]:
    with torch.device("meta"):
        return expand(*load(str(EXAMPLES / f"{request.param.__name__}.yaml"))), request.param().eval()


def test_params_and_operations_are_those_of_the_module(both: tuple[Network, Any]):
    network, module = both
    total = Costs(network.graph, conventions.load("torch")).total(network.graph.nodes)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = module(torch.empty(1, *network.graph.input, device="meta"))
    assert total.params == sum(parameter.numel() for parameter in module.parameters())
    assert total.flops == counter.get_total_flops()
    assert tuple(output.shape) == (1, *network.graph.nodes[-1].output)


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
