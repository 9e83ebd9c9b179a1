"""Networks of tables, transposes and joins against timm's and torch's: bytes that are saved, and what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from live_memory import Saved, own
from torch import Tensor, nn

from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import TRAINING, Plan
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec
from vcalc.torch_backend.against import start_torchvision
from vcalc.torch_backend.build import build

SPECS = Path(__file__).parents[1] / "specs"


def network(name: str, **values: Any) -> Network:
    return expand(*load(f"{SPECS}/{name}"), values)


def timms(name: str, **options: Any) -> Any:
    start_torchvision()
    timm = pytest.importorskip("timm", reason="timm is not installed")
    return timm.create_model(name, **options)


def saved(network: Network, batch: int) -> int:
    return int(Memory(network.graph, Plan(TRAINING, device="cpu", single=batch == 1)).saved.at(batch))


def torchs(module: Any, *inputs: Tensor) -> int:
    with Saved(own(module)) as found:
        held = module.train()(*inputs)
    del held
    return found.bytes


@pytest.mark.parametrize(
    ("name", "theirs", "bytes"),
    [
        ("mlp-mixer.yaml:mixer-b-16", "mixer_b16_224", 116_262_176),
        ("gmlp.yaml:gmlp-s-16", "gmlp_s16_224", 139_385_248),
        ("resmlp.yaml:resmlp-s12", "resmlp_12_224", 51_482_112),
        ("siglip.yaml:siglip-vit-b-16", "vit_base_patch16_siglip_224", 118_805_080),
        ("efficientvit.yaml:efficientvit-b0", "efficientvit_b0", 28_900_424),
    ],
)
def test_saved_bytes_are_timms(name: str, theirs: str, bytes: int):
    ours = network(name)
    assert saved(ours, 1) == torchs(timms(theirs), torch.randn(1, *ours.graph.input)) == bytes


def given(ours: Network, theirs: Any, first: tuple[str, ...] = ()) -> Any:
    """Our module with their parameters, in their order but for some that run first."""
    named = dict(theirs.named_parameters())
    module = build(ours).eval()
    parameters = [named.pop(name) for name in first] + list(named.values())
    for mine, other in zip(module.parameters(), parameters, strict=True):
        mine.data = other.data.reshape(mine.shape)
    return module


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("mlp-mixer.yaml:mixer-s-32", "mixer_s32_224"),
        ("gmlp.yaml:gmlp-ti-16", "gmlp_ti16_224"),
        ("efficientvit.yaml:efficientvit-b0", "efficientvit_b0"),
    ],
)
def test_what_comes_out_is_timms(name: str, theirs: str):
    ours, other = network(name), timms(theirs).eval()
    x = torch.randn(1, *ours.graph.input)
    with torch.no_grad():
        torch.testing.assert_close(given(ours, other)(x), other(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 2])
def test_positions_are_interpolated_as_timm_does(batch: int):
    """A map of 8x5 patches, whose positions are those of 37x37; four registers and a class token, each a table."""
    ours = network("dinov2.yaml:dinov2-s-14-registers", H=112, W=70)
    theirs = timms("vit_small_patch14_reg4_dinov2", dynamic_img_size=True)
    for name, parameter in theirs.named_parameters():
        if name in ("pos_embed", "cls_token", "reg_token"):
            nn.init.normal_(parameter)
    assert sum(parameter.numel() for parameter in theirs.parameters()) == 22_057_344
    x = torch.randn(batch, 3, 112, 70)
    assert saved(ours, batch) == torchs(theirs, x)
    first = ("patch_embed.proj.weight", "patch_embed.proj.bias", "pos_embed", "cls_token", "reg_token")
    with torch.no_grad():
        theirs.eval()
        torch.testing.assert_close(given(ours, theirs, first)(x), theirs(x), rtol=0, atol=1e-4)


ADALN = """
input: {C: 4, H: 8, W: 8}
let: {dim: 24, heads: 2}
blocks:
  modulate:
    do:
      - layernorm: {affine: false}
      - branches: {x: [], scale: [take: scale, offset: {constant: 1}]}
        join: multiply
      - branches: {x: [], shift: [take: shift]}
        join: add
layers:
  - conv: {out: dim, kernel: 2, stride: 2}
  - tokens
  - position_embedding: {fixed: true}
  - save: x
  - global_avgpool
  - silu
  - linear: {out: 3*dim, name: modulation}
  - save: pieces
  - keep_channels: {count: dim}
  - save: shift
  - take: pieces
  - keep_channels: {start: dim, count: dim}
  - save: scale
  - take: x
  - residual:
      - modulate: {take: [shift, scale]}
      - attention: {heads: heads}
      - branches: {x: [], gate: [take: pieces, keep_channels: {start: 2*dim, count: dim}]}
        join: multiply
"""


class AdaLN(nn.Module):
    """A block of DiT: what the condition gives shifts, scales and gates all tokens alike."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 24, 2, 2)
        self.positions = nn.Parameter(torch.randn(16, 24), requires_grad=False)
        self.modulation = nn.Linear(24, 72)
        self.qkv, self.out = nn.Linear(24, 72), nn.Linear(24, 24)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).flatten(2).transpose(1, 2) + self.positions
        shift, scale, gate = self.modulation(nn.functional.silu(x.mean(1))).chunk(3, 1)
        y = nn.functional.layer_norm(x, (24,)) * (1 + scale[:, None]) + shift[:, None]
        q, k, v = self.qkv(y).unflatten(2, (3, 2, 12)).permute(2, 0, 3, 1, 4).unbind(0)
        y = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return x + self.out(y) * gate[:, None]


TWINS = """
input: {C: 2, H: 9, W: 9}
blocks:
  twin: {shared: true, do: [conv: {out: 6, kernel: 3}, relu, flatten, linear: {out: 10}, sigmoid]}
layers:
  - branches:
      first: [keep_channels: {count: 1}, twin]
      second: [keep_channels: {start: 1, count: 1}, twin]
    join: absolute_difference
  - linear: {out: 1}
"""


class Twins(nn.Module):
    """Two images through one network, and the distance of what it makes of them."""

    def __init__(self) -> None:
        super().__init__()
        self.twin = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(294, 10), nn.Sigmoid())
        self.head = nn.Linear(10, 1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.head((self.twin(x[:, :1]) - self.twin(x[:, 1:])).abs())
        return made


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    ("text", "module", "first"), [(ADALN, AdaLN, ("conv.weight", "conv.bias")), (TWINS, Twins, ())]
)
def test_networks_of_torch_alone(text: str, module: Any, first: tuple[str, ...], batch: int):
    spec = parse_spec(text, "net.yaml", "net")
    ours, theirs = expand(spec, spec.models["net"]), module()
    x = torch.randn(batch, *ours.graph.input)
    assert saved(ours, batch) == torchs(theirs, x)
    with torch.no_grad():
        torch.testing.assert_close(given(ours, theirs.eval(), first)(x), theirs(x))


def test_detrs_transformer_has_the_parameters_of_torchs():
    """Six layers each and a norm at the end of the decoder, where nn.Transformer has one of the encoder, too."""
    with torch.device("meta"):
        theirs = nn.Transformer(256, 8, 6, 6, 2048)
    nodes = network("detr.yaml").graph.nodes
    count = {name: sum(sum(n.facts.parameters.values()) for n in nodes if n.path.startswith(name)) for name in PARTS}
    assert sum(count.values()) == sum(p.numel() for p in theirs.parameters()) - 2 * 256
    assert sum(sum(n.facts.parameters.values()) for n in nodes if n.path == "queries") == 100 * 256


PARTS = ("encoder", "decoder", "layernorm")
