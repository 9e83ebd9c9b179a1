"""Recurrent layers and scans as specs, beside networks of torch that are written by hand, with the same parameters."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from torch import nn
from torch.nn import functional

from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec
from vcalc.torch_backend.build import build

F = functional


def network_of(text: str) -> Network:
    spec = parse_spec(f"title: t\n{text}", "t.yaml", "t")
    return expand(spec, spec.models["t"])


def both(text: str, theirs: Any) -> tuple[Any, Any]:
    """What the exported network and one of torch give with the same parameters, which are in the same order."""
    network = network_of(text)
    ours = build(network).eval()
    torch.manual_seed(0)
    pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
    for mine, other in pairs:
        nn.init.normal_(other, std=0.3)
        mine.data.copy_(other.data.reshape(mine.shape))
    assert sum(each.numel() for each in theirs.parameters()) == sum(
        sum(node.facts.parameters.values()) for node in network.graph.nodes
    )
    x = torch.randn(2, *network.graph.input)
    with torch.no_grad():
        return ours(x), theirs.eval()(x)


class OneBias(nn.Module):
    """An LSTM as Hochreiter & Schmidhuber and Gers et al. write it, one bias a gate; gates i, f, g, o."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.of_input = nn.Parameter(torch.empty(4 * hidden, width))
        self.of_state = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.bias = nn.Parameter(torch.empty(4 * hidden))

    def forward(self, x: Any) -> Any:
        state = cell = x.new_zeros(x.shape[0], self.of_state.shape[1])
        states = []
        for step in x.unbind(1):
            enter, forget, new, leave = (step @ self.of_input.T + state @ self.of_state.T + self.bias).chunk(4, 1)
            cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
            state = leave.sigmoid() * cell.tanh()
            states.append(state)
        return torch.stack(states, 1)


def test_an_lstm_with_one_bias_a_gate():
    ours, theirs = both("input: {N: 7, D: 5}\nlayers: [lstm: {hidden: 3, bias: one}]\n", OneBias(5, 3))
    assert torch.allclose(ours, theirs, atol=1e-6)


class LastStates(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 3, 2, batch_first=True, bidirectional=True)

    def forward(self, x: Any) -> Any:
        states, _ = self.gru(x)
        return torch.cat((states[:, -1, :3], states[:, 0, 3:]), 1)


def test_the_last_state_of_each_direction_is_where_it_ends():
    spec = "input: {N: 7, D: 5}\nlayers: [gru: {hidden: 3, layers: 2, bidirectional: true, last: true}]\n"
    ours, theirs = both(spec, LastStates())
    assert torch.allclose(ours, theirs, atol=1e-6)


class Translation(nn.Module):
    """The last state of one LSTM is the first of another, of two layers each."""

    def __init__(self) -> None:
        super().__init__()
        self.begin = nn.Linear(5, 6)
        self.lstm = nn.LSTM(5, 3, 2, batch_first=True)

    def forward(self, x: Any) -> Any:
        state = self.begin(x.mean(1)).unflatten(1, (2, 3)).transpose(0, 1).contiguous()
        return self.lstm(x, (state, torch.zeros_like(state)))[0]


def test_a_first_state_has_those_of_all_layers_one_beside_the_other():
    spec = """
input: {N: 7, D: 5}
layers: [branches: [[], [global_avgpool, linear: {out: 6}]], join: {lstm: {hidden: 3, layers: 2}}]
"""
    ours, theirs = both(spec.replace("[branches", "[{branches").replace("}}]\n", "}}}]\n"), Translation())
    assert torch.allclose(ours, theirs, atol=1e-6)


class Scan(nn.Module):
    """As the authors' selective_scan_ref: decays and inputs for all steps by einsum, then one step after the other."""

    def __init__(self, inner: int, rank: int, state: int) -> None:
        super().__init__()
        self.sizes = [rank, state, state]
        self.A_log = nn.Parameter(torch.empty(inner, state))
        self.D = nn.Parameter(torch.empty(inner))
        self.x_proj = nn.Linear(inner, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(rank, inner)

    def forward(self, x: Any) -> Any:
        step, enter, leave = self.x_proj(x.transpose(1, 2)).split(self.sizes, -1)
        step, decay = F.softplus(self.dt_proj(step)).transpose(1, 2), -torch.exp(self.A_log)
        kept = torch.exp(torch.einsum("bdl,dn->bdln", step, decay))
        taken = torch.einsum("bdl,bln,bdl->bdln", step, enter, x)
        state, rows = torch.zeros_like(kept[:, :, 0]), []
        for place in range(x.shape[2]):
            state = kept[:, :, place] * state + taken[:, :, place]
            rows.append(torch.einsum("bdn,bn->bd", state, leave[:, place]))
        return torch.stack(rows, 2) + x * self.D[:, None]


class Mamba(nn.Module):
    """A block as mamba_simple.py runs it without kernels: a convolution padded on both sides, and what is later cut."""

    def __init__(self, width: int, state: int) -> None:
        super().__init__()
        inner = 2 * width
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, 4, groups=inner, padding=3)
        self.scan = Scan(inner, math.ceil(width / 16), state)
        self.out_proj = nn.Linear(inner, width, bias=False)

    def forward(self, tokens: Any) -> Any:
        x, z = self.in_proj(tokens).transpose(1, 2).chunk(2, 1)
        y = self.scan(F.silu(self.conv1d(x)[..., : tokens.shape[1]])) * F.silu(z)
        return self.out_proj(y.transpose(1, 2))


MAMBA = """
input: {N: 9, D: 20}
layers:
  - linear: {out: 80, bias: false}
  - branches:
      - - keep_channels: {count: 40}
        - rearrange: {pattern: L C -> C L}
        - conv: {out: C, kernel: 4, groups: C, pad: causal}
        - tokens
        - silu
        - selective_scan: {state: 5, rank: 2}
      - [keep_channels: {count: 40, start: 40}, silu]
    join: multiply
  - linear: {out: 20, bias: false}
"""


def test_a_block_of_mamba():
    ours, theirs = both(MAMBA, Mamba(20, 5))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_gradients_pass_through_a_scan_whose_states_are_made_again():
    module = build(network_of("input: {N: 5, D: 3}\nlayers: [selective_scan: {state: 2, rank: 1}]\n"), dtype="float64")
    module.requires_grad_(True)
    x = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, (x,))


def test_a_flip_turns_places_round():
    ours = build(network_of("input: {N: 5, D: 3}\nlayers: [flip: {over: N}]\n"))
    x = torch.randn(2, 5, 3)
    assert torch.equal(ours(x), x.flip(1))
