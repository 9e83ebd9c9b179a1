"""SAM's prompts and mask decoder, as a spec, beside a torch module written by hand from its paper's appendix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.torch_backend.build import build

SPEC = Path(__file__).parents[1] / "specs" / "segment-anything.yaml"


class ChannelNorm(nn.LayerNorm):
    def forward(self, x: Any) -> Any:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Queries, keys and values of their own tensors, eight heads."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(dim, width) for _ in range(3))
        self.out = nn.Linear(width, dim)

    def forward(self, queries: Any, keys: Any, values: Any) -> Any:
        q, k, v = self.q(queries), self.k(keys), self.v(values)
        q, k, v = (each.unflatten(2, (8, -1)).transpose(1, 2) for each in (q, k, v))
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))


class TwoWayBlock(nn.Module):
    """Tokens read one another and the image, and the image reads the tokens."""

    def __init__(self, dim: int, hidden: int, first: bool) -> None:
        super().__init__()
        self.first = first
        self.own, self.norm1 = Attention(dim, dim), nn.LayerNorm(dim)
        self.to_image, self.norm2 = Attention(dim, dim // 2), nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.norm3 = nn.LayerNorm(dim)
        self.to_tokens, self.norm4 = Attention(dim, dim // 2), nn.LayerNorm(dim)

    def forward(self, tokens: Any, image: Any, prompts: Any, sines: Any) -> Any:
        if self.first:
            tokens = self.own(tokens, tokens, tokens)
        else:
            asked = tokens + prompts
            tokens = tokens + self.own(asked, asked, tokens)
        tokens = self.norm1(tokens)
        tokens = self.norm2(tokens + self.to_image(tokens + prompts, image + sines, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        return tokens, self.norm4(image + self.to_tokens(image + sines, tokens + prompts, tokens))


def mlp(dim: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, out))


class Table(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))


class Segment(nn.Module):
    """What follows the image encoder, for which one convolution stands; the places of the image are zeros."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, dim, 16, 16)
        self.labels = nn.Embedding(5, dim)
        self.down = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2), ChannelNorm(4), nn.GELU(),
            nn.Conv2d(4, 16, 2, 2), ChannelNorm(16), nn.GELU(),
            nn.Conv2d(16, dim, 1),
        )  # fmt: skip
        self.quality, self.masks = Table(1, dim), Table(4, dim)
        self.blocks = nn.ModuleList(TwoWayBlock(dim, hidden, first) for first in (True, False))
        self.final, self.norm = Attention(dim, dim // 2), nn.LayerNorm(dim)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, 2, 2), ChannelNorm(dim // 4), nn.GELU(),
            nn.ConvTranspose2d(dim // 4, dim // 8, 2, 2), nn.GELU(),
        )  # fmt: skip
        self.kernels = nn.ModuleList(mlp(dim, dim // 8) for _ in range(4))
        self.head = mlp(dim, 4)

    def forward(self, image: Any, places: Any, labels: Any, mask: Any) -> Any:
        found = self.encoder(image) + self.down(mask)
        points = places + self.labels(labels)
        tables = torch.cat((self.quality.weight, self.masks.weight)).expand(len(image), -1, -1)
        prompts = torch.cat((tables, points), 1)
        tokens, seen = prompts, found.flatten(2).transpose(1, 2)
        sines = torch.zeros_like(seen)
        for block in self.blocks:
            tokens, seen = block(tokens, seen, prompts, sines)
        tokens = self.norm(tokens + self.final(tokens + prompts, seen + sines, seen))
        wide = self.up(seen.transpose(1, 2).unflatten(2, found.shape[2:]))
        kernels = torch.stack([kernel(tokens[:, 1 + i]) for i, kernel in enumerate(self.kernels)], 1)
        return (kernels @ wide.flatten(2)).unflatten(2, wide.shape[2:]), self.head(tokens[:, 0])


def segment(folder: Path, **sizes: Any) -> Network:
    """SAM with one convolution in place of its image encoder."""
    text = SPEC.read_text(encoding="utf-8").partition("\nexpect:")[0]
    text = text.replace("{use: encoder, name: image_encoder}", "conv: {out: dim, kernel: 16, stride: 16}")
    spec = folder / "sam.yaml"
    spec.write_text(text.replace(", encoder: sam-vit-b", "").replace(", encoder: sam-vit-h", ""), encoding="utf-8")
    return expand(*load(f"{spec}:sam-b"), sizes)


def test_its_exported_module_computes_what_the_module_does(tmp_path: Path):
    sizes = {"image.H": 64, "image.W": 80, "mask.H": 16, "mask.W": 20}
    written = build(segment(tmp_path, dim=64, hidden=96, **sizes)).eval()
    module = Segment(64, 96).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for ours, theirs in zip(written.parameters(), module.parameters(), strict=True):
            ours.copy_(nn.init.normal_(theirs, std=0.2))
        given = (torch.randn(2, 3, 64, 80), torch.randn(2, 2, 64), torch.tensor([[0, 1], [3, 4]]))
        given = (*given, torch.randn(2, 1, 16, 20))
        for one, other in zip(written(*given), module(*given), strict=True):
            assert torch.allclose(one, other, atol=1e-5)


def test_its_params_and_products_are_the_modules(tmp_path: Path):
    """Parameters of the released model but for the vector that stands for no mask; 4,058,340 are the decoder's."""
    network = segment(tmp_path)
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        module = Segment(256, 2048)
        labels = torch.zeros(1, 2, dtype=torch.long)
        module(torch.zeros(1, 3, 1024, 1024), torch.zeros(1, 2, 256), labels, torch.zeros(1, 1, 256, 256))
    params = sum(p.numel() for p in module.parameters())
    assert params - sum(p.numel() for p in module.encoder.parameters()) == 4_058_340 + 6_220 - 256
    total = Costs(network.graph, conventions.load("torch")).total(network.graph.nodes)
    assert (total.params, total.flops) == (params, counter.get_total_flops())
