"""Tables that two layers are tied by, and shared loops: what torch makes, saves and counts of the exported module."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from live_memory import Live, Saved, own
from test_tied import TIED, network

from vcalc.analyses.liveness import Run
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import TRAINING, Plan
from vcalc.torch_backend.build import build
from vcalc.torch_backend.validate import validate

WITH_A_LOOP = TIED + "  - {repeat: 3, shared: true, do: [residual: [relu, linear: {out: D}]]}\n"


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("text", [TIED, TIED.replace("bias: false", "bias: true"), WITH_A_LOOP])
def test_every_count_is_torchs(text: str, device: str):
    checks = validate(network(text), device, batch=2)
    assert [check for check in checks if not check.holds] == []


@pytest.mark.parametrize("text", [TIED, WITH_A_LOOP])
def test_memory_is_torchs(text: str):
    """Saved bytes, and the gradient of the tied table, which is there once: what lives after the backward pass."""
    made = network(text)
    built, words = build(made), torch.zeros(4, 16, dtype=torch.long)
    memory = Memory(made.graph, Plan(TRAINING, device="cpu"))
    with Saved(own(built)) as saved:
        built(words)
    assert saved.bytes == memory.saved.at(4)
    ours = Run(made.graph, memory.plan, watched=True)
    with Live(own(built), words) as live:
        output = built(words)
        (output * 1.0).sum().backward()
    assert live.now == ours.left.at(4)
    if text == TIED:
        assert live.peak == max(moment.size.at(4) for moment in ours.moments) + 8  # the loss
    named = built.named_parameters(remove_duplicate=False)
    assert len([name for name, each in named if each is built.words.weight]) == 2
    gradients = sum(parameter.grad.nbytes for parameter in built.parameters())
    assert gradients == memory.held.gradients == 4 * sum(each.numel() for each in built.parameters())


def test_a_frozen_table_has_no_gradient_in_either():
    built = build(network(TIED.replace("name: words", "frozen: true, name: words"), bias=True))
    assert [name for name, each in built.named_parameters() if not each.requires_grad] == ["words.weight"]
