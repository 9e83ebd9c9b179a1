"""Networks with windows and frames, as specs, beside torch modules written by hand from the papers' code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'vcalc[torch]'")

from layer_torch import alone
from test_memory_torch import Live, Saved, made, own, run
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import TRAINING, Plan
from vcalc.graph import INPUT, Facts
from vcalc.layers import KINDS
from vcalc.layers.axes import HEADS, NamedShape
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec
from vcalc.torch_backend.against import start_torchvision
from vcalc.torch_backend.build import build
from vcalc.torch_backend.validate import validate

FILES = {
    "sam": "tests/data/fronts/sam.yaml",
    "timesformer": "specs/timesformer.yaml",
    "units": "tests/data/fronts/units.yaml",
}
BATCH = 2


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width))


def mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class ChannelNorm(nn.LayerNorm):
    def forward(self, x: Any) -> Any:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Learned(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self) -> Any:
        return self.weight


class SamBlock(nn.Module):
    """Kirillov et al. 2023, image_encoder.py, without relative positions: x is [B, H, W, C]."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.mlp, self.window = nn.LayerNorm(width), mlp(width), window

    def forward(self, x: Any) -> Any:
        y = self.norm1(x)
        batch, height, width, channels = y.shape
        side = self.window
        if not side:
            y = self.attention(y.flatten(1, 2)).unflatten(1, (height, width))
        else:
            y = functional.pad(y, (0, 0, 0, -width % side, 0, -height % side))
            rows, columns = y.shape[1] // side, y.shape[2] // side
            y = y.view(batch, rows, side, columns, side, channels).permute(0, 1, 3, 2, 4, 5).contiguous()
            y = self.attention(y.view(-1, side * side, channels))
            y = y.view(batch, rows, columns, side, side, channels).permute(0, 1, 3, 2, 4, 5).contiguous()
            y = y.view(batch, rows * side, columns * side, channels)[:, :height, :width]
        x = x + y
        return x + self.mlp(self.norm2(x))


class Sam(nn.Module):
    def __init__(self, width: int, depth: int, heads: int, window: int, side: int, every: int, neck: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.positions = Learned(side, side, width)
        windows = [0 if i % every == every - 1 else window for i in range(depth)]
        self.blocks = nn.Sequential(*(SamBlock(width, heads, window) for window in windows))
        self.neck = nn.Sequential(
            nn.Conv2d(width, neck, 1, bias=False), ChannelNorm(neck),
            nn.Conv2d(neck, neck, 3, padding=1, bias=False), ChannelNorm(neck),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        x = self.patches(x).permute(0, 2, 3, 1) + self.positions()
        return self.neck(self.blocks(x).permute(0, 3, 1, 2))


class TimeSformerBlock(nn.Module):
    """Bertasius et al. 2021, figure 2 (T+S): x is [B, 1 + T*N, D], one frame after the other."""

    def __init__(self, width: int, heads: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.time_norm, self.time, self.time_fc = nn.LayerNorm(width), Attention(width, heads), nn.Linear(width, width)
        self.norm1, self.space = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width), mlp(width)

    def forward(self, x: Any) -> Any:
        batch, first, patches = x.shape[0], x[:, :1], x[:, 1:]
        y = patches.unflatten(1, (self.frames, -1)).transpose(1, 2).flatten(0, 1)
        y = y + self.time_fc(self.time(self.time_norm(y)))
        timed = y.unflatten(0, (batch, -1)).transpose(1, 2)
        y = torch.cat((first[:, None].expand(-1, self.frames, -1, -1), timed), 2).flatten(0, 1)
        y = self.space(self.norm1(y)).unflatten(0, (batch, -1))
        x = torch.cat((first, timed.flatten(1, 2)), 1) + torch.cat(
            (y[:, :, 0].mean(1, True), y[:, :, 1:].flatten(1, 2)), 1
        )
        return x + self.mlp(self.norm2(x))


class TimeSformer(nn.Module):
    def __init__(self, width: int, depth: int, heads: int, frames: int, side: int, classes: int) -> None:
        super().__init__()
        self.token, self.token_position = Learned(1, width), Learned(1, width)
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.positions = Learned(side * side, width)
        self.times = Learned(frames, width)
        self.blocks = nn.Sequential(*(TimeSformerBlock(width, heads, frames) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Any) -> Any:
        batch, _, frames = x.shape[:3]
        x = self.patches(x.transpose(1, 2).flatten(0, 1)).flatten(2).transpose(1, 2).unflatten(0, (batch, frames))
        x = x + self.positions() + self.times()[:, None]
        first = (self.token() + self.token_position()).expand(batch, 1, -1)
        x = self.blocks(torch.cat((first, x.flatten(1, 2)), 1))
        return self.head(self.norm(x)[:, 0])


class HieraBlock(nn.Module):
    """Ryali et al. 2023: attention in mask units, queries as keys; x is [B * units, tokens, D]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width), mlp(width)

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Units(nn.Module):
    """Blocks in units of 8 x 8, which a pool makes units of 4 x 4, in which blocks go on; then all together."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 7, 4, 3)
        self.first, self.second, self.third = (HieraBlock(width, heads) for _ in range(3))

    def forward(self, x: Any) -> Any:
        x = self.patches(x)
        batch, width, height, _ = x.shape
        side = height // 8
        x = x.unflatten(3, (side, 8)).unflatten(2, (side, 8)).permute(0, 2, 4, 3, 5, 1).reshape(-1, 64, width)
        x = functional.max_pool2d(self.first(x).transpose(1, 2).unflatten(2, (8, 8)), 2).flatten(2).transpose(1, 2)
        x = self.second(x).reshape(batch, side, side, 4, 4, width).transpose(2, 3).reshape(batch, -1, width)
        return self.third(x)


SMALL = {"dim": 24, "depth": 3, "heads": 3}
NETWORKS: dict[str, tuple[dict[str, Any], Any]] = {
    "sam": ({**SMALL, "every": 3, "neck": 8, "H": 288, "W": 288}, lambda: Sam(24, 3, 3, 14, 18, 3, 8)),
    "timesformer": ({**SMALL, "frames": 4, "H": 48, "W": 48}, lambda: TimeSformer(24, 3, 3, 4, 3, 400)),
    "units": ({}, lambda: Units(24, 3)),
}


def flops_of(module: Any, image: Any) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter, sdpa_kernel([SDPBackend.MATH]):
        module(image)
    return counter.get_total_flops()


def counts(network: Network, convention: str) -> tuple[int, int]:
    total = Costs(network.graph, conventions.load(convention), BATCH).total(network.graph.nodes)
    return total.params, total.flops


@pytest.fixture(params=NETWORKS)
def both(request: Any) -> tuple[Network, Any, Any]:
    values, module = NETWORKS[request.param]
    network = expand(*load(str(Path(__file__).parents[1] / FILES[request.param])), values)
    return network, module(), torch.randn(BATCH, *network.graph.input)


def test_params_and_products_are_those_of_a_module_written_by_hand(both: Any):
    network, module, image = both
    assert counts(network, "torch") == (sum(p.numel() for p in module.parameters()), flops_of(module, image))


def test_the_exported_module_computes_the_same(both: Any):
    """With the parameters of the one written by hand, in the order in which they are used."""
    network, module, image = both
    written = build(network)
    theirs = list(module.parameters())
    torch.manual_seed(0)
    with torch.no_grad():
        for ours, given in zip(written.parameters(), theirs, strict=True):
            nn.init.normal_(given, std=0.2)
            maps = ours.shape[0] == given.shape[-1] != given.shape[0]  # of positions, whose channels come first
            ours.copy_((given.movedim(-1, 0) if maps else given).reshape(ours.shape))
        assert torch.allclose(written.eval()(image), module.eval()(image), atol=1e-5)


def exported(input: str, layers: str) -> Any:
    spec = parse_spec(f"title: t\ninput: {input}\nlayers: {layers}\n", "t.yaml", "t")
    return build(expand(spec, next(iter(spec.models.values())))).eval()


def video_swin() -> Any:
    """Torchvision's classes; skipped where there is no torchvision."""
    start_torchvision()
    return pytest.importorskip("torchvision.models.video.swin_transformer")


def given(ours: Any, theirs: Any, order: tuple[str, ...]) -> Any:
    """Parameters of ours set to theirs, whose names begin so in the order of ours."""
    torch.manual_seed(0)
    named = [p for name in order for each, p in theirs.named_parameters() if each.startswith(name)]
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), named, strict=True):
            mine.copy_(nn.init.normal_(other, std=0.3))
    return theirs.eval()


def test_shifted_windows_of_a_video_are_torchvisions():
    """A map that is padded along one axis, and shifted along the two that have several windows."""
    ours = exported("{C: 12, T: 4, H: 7, W: 6}", "[window_attention: {heads: 3, window: [4, 3, 3], shift: [2, 1, 1]}]")
    theirs = video_swin().ShiftedWindowAttention3d(12, [4, 3, 3], [2, 1, 1], 3)
    given(ours, theirs, ("relative_position_bias_table", "qkv", "proj"))
    x = torch.randn(BATCH, 12, 4, 7, 6)
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs(x.movedim(1, -1)).movedim(-1, 1), atol=1e-5)


def test_relative_positions_on_a_video_are_torchvisions():
    """Of rows, columns and frames, for more queries than keys, with a class token that has none."""
    start_torchvision()
    mvit = pytest.importorskip("torchvision.models.video.mvit")
    query, key = (NamedShape((2, 25, 4), HEADS, (1, 2, 4, 3)), NamedShape((2, 9, 4), HEADS, (1, 2, 2, 2)))
    module, call = alone(Facts(KINDS["relative_attention"](), (query, key, key)))
    torch.manual_seed(0)
    frames, rows, columns = (nn.init.normal_(table).detach() for table in module.parameters())
    q, k, v = (torch.randn(BATCH, *shape) for shape in (query, key, key))
    scores = mvit._add_rel_pos(q @ k.mT / 2, q, (2, 4, 3), (2, 2, 2), rows, columns, frames)
    with torch.no_grad():
        assert torch.allclose(call([q, k, v]), scores.softmax(-1) @ v, atol=1e-5)


def test_positions_that_are_added_to_scores_at_once_are_those_of_the_products():
    shapes = ((2, 24, 4), (2, 6, 4), (2, 6, 4))
    forms = [
        alone(Facts(KINDS["relative_attention"](query_rows=4, key_rows=2, written=form), shapes))
        for form in ("operator", "sdpa")
    ]
    torch.manual_seed(0)
    with torch.no_grad():
        for one, other in zip(*(module.parameters() for module, _ in forms), strict=True):
            other.copy_(nn.init.normal_(one))
        given = [torch.randn(BATCH, *shape) for shape in shapes]
        assert torch.allclose(forms[0][1](given), forms[1][1](given), atol=1e-5)


def test_patches_are_merged_as_torchvision_merges_them():
    """An odd edge is padded; of the channels that leave a block's columns are slowest, then its rows."""
    merge = "space_to_depth: {factor: [1, 2, 2], order: [W, H, T, C]}"
    ours = exported("{C: 12, T: 2, H: 5, W: 4}", f"[{merge}, layernorm, pointwise_linear: {{out: 24, bias: false}}]")
    theirs = given(ours, video_swin().PatchMerging(12), ("norm", "reduction"))
    x = torch.randn(BATCH, 12, 2, 5, 4)
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs(x.movedim(1, -1)).movedim(-1, 1), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(12, 8), (6, 4)])
def test_strided_windows_are_those_that_are_cut_and_put_back(height: int, width: int):
    ours = exported(
        f"{{C: 12, H: {height}, W: {width}}}",
        "[window_attention: {heads: 3, window: [6, 4], strided: true, relative_position_bias: false}]",
    )
    cut = exported(
        f"{{C: 12, H: {height}, W: {width}}}",
        "[windows: {window: [6, 4], strided: true}, attention: {heads: 3}, merge_windows]",
    )
    given(ours, cut, ("",))
    x = torch.randn(BATCH, 12, height, width)
    with torch.no_grad():
        assert torch.allclose(ours(x), cut(x), atol=1e-5)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_every_layer_is_torchs(both: Any, device: str):
    checks = validate(both[0], device=device, batch=BATCH)
    assert len(checks) > 50
    assert [check for check in checks if not check.holds] == []


@pytest.mark.parametrize("batch", [1, BATCH])
def test_memory_is_torchs(both: Any, batch: int):
    network, _, image = both
    module, image = made(network), image[:batch].clone()
    with Saved(own(module)) as saved:
        result = module.train()(image)
    assert Memory(network.graph, Plan(TRAINING, device="cpu")).of(batch).saved.at(batch) == saved.bytes
    del result
    memory = Memory(network.graph, Plan()).of(batch)
    with torch.no_grad(), Live(own(module), image) as live:
        run(network, module.eval(), {INPUT: image})
    assert memory.peak(batch).size.at(batch) - memory.held.always == live.peak
