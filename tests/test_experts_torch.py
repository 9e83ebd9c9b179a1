"""Experts in torch: what each token goes through, every count, and the memory of a step, to the byte."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from live_memory import Live, Saved, own
from test_experts import MOE
from test_tied import network

from vcalc.analyses.liveness import Run
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, TRAINING, Plan
from vcalc.torch_backend.build import build
from vcalc.torch_backend.validate import validate

NORMED = MOE.replace("gelu,", "gelu, layernorm,").replace("    name", "    normalized: true\n    name")


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("active", [1, 3])
def test_every_count_is_torchs(device: str, active: int):
    checks = validate(network(NORMED, active=active), device, batch=3)
    assert [check for check in checks if not check.holds] == []


@pytest.mark.parametrize(("text", "active"), [(NORMED, 2), (MOE, 1), (NORMED, 4)])
def test_each_token_goes_through_the_experts_that_it_chooses(text: str, active: int):
    built = build(network(text, active=active)).eval()
    x = torch.randn(3, 6, 8)
    tokens = built.before(x)
    scores = built.mixture_router_linear(tokens).softmax(-1)
    expected = torch.zeros_like(tokens)
    for place in torch.cartesian_prod(torch.arange(3), torch.arange(6)):
        of_token, token = scores[tuple(place)], tokens[tuple(place)]
        chosen = sorted(range(4), key=lambda expert: -of_token[expert].item())[:active]
        whole = sum(of_token[expert] for expert in chosen) if text == NORMED else 1
        for expert in chosen:
            made = torch.nn.functional.gelu(built.mixture_expert_linear1[expert](token))
            made = built.mixture_expert_layernorm[expert](made) if text == NORMED else made
            expected[tuple(place)] += of_token[expert] / whole * built.mixture_expert_linear2[expert](made)
    torch.testing.assert_close(built(x), expected)


@pytest.mark.parametrize("batch", [1, 3])
def test_memory_is_torchs_however_the_tokens_choose(batch: int):
    """Gradients are added anew where torch is watched; the loss takes 8 bytes."""
    made = network(NORMED)
    built, x = build(made), torch.randn(batch, 6, 8)
    ours = Run(made.graph, Plan(TRAINING, device="cpu", single=batch == 1).checked(), watched=True)
    with Saved(own(built)) as saved:
        built(x)
    assert saved.bytes == sum(size.at(batch) for size in ours.saved_by)
    with Live(own(built), x) as live:
        output = built(x)
        forward, live.peak = live.peak, 0
        (output * 1.0).sum().backward()
    peaks = [max(each.size.at(batch) for each in ours.moments if each.phase == phase) for phase in (FORWARD, BACKWARD)]
    assert [forward, live.peak] == [peaks[0], peaks[1] + 8]
