"""Networks of several inputs and outputs beside torch: what they compute, save, hold and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is asked what it runs")

from live_memory import Live, Saved, own
from test_inputs import CLIP, CROSS, DIT, HELD, LEVELS, PYRAMID, SIAMESE, of
from torch import nn

from vcalc.analyses.liveness import Run
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, TRAINING, Plan
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.torch_backend.build import build, examples, exported
from vcalc.torch_backend.validate import validate

BATCH = 2
WORDS = """
inputs: {image: {C: 3, H: 16, W: 16}, text: {D: 7}}
outputs: [early, late, sum]
layers:
  - conv: {out: 8, kernel: 3, pad: 1}
  - save: early
  - relu
  - maxpool: {kernel: 2}
  - save: late
  - global_avgpool
  - branches: [[], [take: text, embedding: {vocabulary: 50, out: 8}, layernorm, global_avgpool]]
    join: add
  - save: sum
"""
TEXTS = {"cross": CROSS, "held": f"outputs: [early, late]{HELD}", "words": WORDS}


@pytest.fixture(scope="module", params=TEXTS)
def network(request: Any) -> Network:
    return of(TEXTS[request.param])


def test_saved_bytes_are_torchs(network: Network):
    module = build(network).train()
    given = examples(network, BATCH)
    with Saved(own(module)) as saved:
        result = module(*given)
    assert Memory(network.graph, Plan(TRAINING, device="cpu")).saved.at(BATCH) == saved.bytes
    del result


def test_the_peak_of_inference_is_torchs(network: Network):
    module = build(network).eval()
    given = examples(network, BATCH)
    memory = Memory(network.graph, Plan())
    with torch.no_grad():
        module(*given)
        with Live(own(module), *given) as live:
            module(*given)
    assert memory.peak(BATCH).size.at(BATCH) - memory.held.always == live.peak


def test_the_peaks_of_training_are_torchs(network: Network):
    """Outputs that are read again have a gradient from outside, too; the loss takes 8 bytes."""
    module = build(network).train()
    given = examples(network, BATCH)
    ours = Run(network.graph, Plan(TRAINING, device="cpu").checked(), watched=True)
    with Live(own(module), *given) as live:
        results = module(*given)
        forward, live.peak = live.peak, 0
        sum((each * 1.0).sum() for each in results).backward()
    peaks = {
        phase: max(each.size.at(BATCH) for each in ours.moments if each.phase == phase) for phase in (FORWARD, BACKWARD)
    }
    assert peaks == {FORWARD: forward, BACKWARD: live.peak - 8}


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_every_layer_and_every_output_holds(network: Network, device: str):
    checks = validate(network, device)
    assert [check for check in checks if not check.holds] == []
    outputs = [f"output {name}" for name in network.graph.outputs]
    assert [check.path for check in checks if check.kind == "output"] == outputs


@pytest.mark.parametrize("file", [CLIP, DIT, SIAMESE, PYRAMID, LEVELS], ids=lambda file: Path(file).stem)
def test_whole_networks_hold(file: str):
    assert [check for check in validate(expand(*load(file)), "meta") if not check.holds] == []


def test_what_is_written_takes_inputs_by_name_and_gives_a_tuple(capsys: Any):
    network = of(WORDS)
    text = exported(network)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "written", "exec"), namespace)
    params = sum(sum(node.facts.parameters.values()) for node in network.graph.nodes)
    assert capsys.readouterr().out == f"(1, 8, 16, 16) (1, 8, 8, 8) (1, 8) {params}\n"
    assert "def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:" in text
    image, text = examples(network)
    by_name = namespace["network"](text=text, image=image)
    assert [tuple(each.shape) for each in by_name] == [(1, 8, 16, 16), (1, 8, 8, 8), (1, 8)]


def test_names_that_mean_something_in_the_module_give_way():
    text = "inputs: {torch: {D: 4}, x1: {D: 4}, F: {D: 4}, F_input: {D: 4}}\nlayers: [BRANCHES, linear: {out: 2}]"
    text = text.replace("BRANCHES", "{branches: [[], [take: x1, gelu], [take: F], [take: F_input]], join: add}")
    output = build(of(text))(*(torch.ones(1, 4) for _ in range(4)))
    assert output.shape == (1, 2)


def twin() -> Any:
    """Koch et al. 2015, Figure 4."""
    layers: list[Any] = []
    for before, after, kernel in ((1, 64, 10), (64, 128, 7), (128, 128, 4), (128, 256, 4)):
        layers += [nn.Conv2d(before, after, kernel), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers[:-1], nn.Flatten(), nn.Linear(9216, 4096), nn.Sigmoid())


def test_shared_weights_see_both_images():
    """The same weights in a module that is written here by hand."""
    ours = build(expand(*load(SIAMESE))).eval()
    tower, last = twin().eval(), nn.Linear(4096, 1)
    theirs = [*tower.state_dict().values(), *last.state_dict().values()]
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs, strict=True)))
    first, second = torch.randn(2, 2, 1, 105, 105).unbind()
    with torch.no_grad():
        torch.testing.assert_close(ours(first, second), last(tower(first) + tower(second)))


def test_a_query_reads_its_own_place_and_all_of_the_text():
    """What autograd says that the middle token depends on before the pool: 3 x 3 pixels, 77 words."""
    network = of(CROSS.replace("  - global_avgpool\n", ""))
    module = build(network).double().eval()
    image, text, time = (torch.rand(1, *shape, dtype=torch.double) for shape in network.graph.inputs.values())
    for each in (image, text):
        each.requires_grad_()
    _, tokens = module(image, text, time)
    tokens[0, 136].sum().backward()
    rows, columns = (image.grad[0].abs().sum(dim).nonzero() for dim in ((0, 2), (0, 1)))
    assert (len(rows), len(columns), len(text.grad[0].abs().sum(1).nonzero())) == (3, 3, 77)
