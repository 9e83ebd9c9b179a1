"""Modules that torch has not: what a built or exported network needs beside torch.nn. Nothing here imports vcalc."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812, its usual name
from torch import Tensor, nn


class SamePad(nn.Module):
    """Pads a map so that a window makes ceil(size / stride) steps along each axis; an odd place goes last."""

    def __init__(
        self,
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...] | None = None,
        value: float = 0.0,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.value = kernel, stride, value
        self.dilation = dilation or (1,) * len(kernel)

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        each = zip(x.shape[2:], self.kernel, self.stride, self.dilation, strict=True)
        for size, kernel, stride, dilation in each:
            total = max((-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
            pads = [total // 2, total - total // 2, *pads]
        return F.pad(x, pads, value=self.value) if any(pads) else x


class AvgPoolInside(nn.Module):
    """Means over the part of each window that lies on the map, where its padding is `same`."""

    def __init__(self, kernel: tuple[int, ...], stride: tuple[int, ...], ceil_mode: bool) -> None:
        super().__init__()
        self.pad = SamePad(kernel, stride)
        self.pool = getattr(nn, f"AvgPool{len(kernel)}d")(kernel, stride, ceil_mode=ceil_mode)

    def forward(self, x: Tensor) -> Tensor:
        inside = self._inside(x)
        mean: Tensor = self.pool(self.pad(x))
        return mean / inside

    def _inside(self, x: Tensor) -> Tensor:
        """The share of each window that lies on the map: the product of those along each axis."""
        there, axes = self.pad(x.new_ones(1, 1, *x.shape[2:]))[0, 0], range(x.dim() - 2)
        shares: Tensor = there.new_ones(())
        for axis in axes:
            along = there.amax([other for other in axes if other != axis]) if x.dim() > 3 else there
            along = along.unfold(0, self.pad.kernel[axis], self.pad.stride[axis]).mean(1)
            shares = shares[..., None] * along
        return shares


class ConnectedConv(nn.Module):
    """A convolution whose output channels each read input channels of their own (LeNet's C3)."""

    def __init__(
        self,
        connections: tuple[tuple[int, ...], ...],
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        bias: bool,
    ) -> None:
        super().__init__()
        self.connections = [list(row) for row in connections]
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.weights = nn.ParameterList([nn.Parameter(torch.empty(1, len(row), *kernel)) for row in connections])
        self.bias = nn.Parameter(torch.zeros(len(connections))) if bias else None
        for weight in self.weights:
            nn.init.kaiming_uniform_(weight)

    def forward(self, x: Tensor) -> Tensor:
        convolve = getattr(F, f"conv{x.dim() - 2}d")
        maps = [
            convolve(x[:, row], weight, None, self.stride, self.padding, self.dilation)
            for row, weight in zip(self.connections, self.weights, strict=True)
        ]
        y = torch.cat(maps, 1)
        return y if self.bias is None else y + self.bias.reshape(-1, *[1] * (x.dim() - 2))


class StandardizedConv(nn.Module):
    """A convolution whose weights have mean 0 and variance 1 for each output channel, times a trained gain if asked."""

    def __init__(self, conv: nn.Conv1d | nn.Conv2d | nn.Conv3d, gain: bool = False) -> None:
        super().__init__()
        self.conv = conv
        self.gain = nn.Parameter(torch.ones(conv.out_channels)) if gain else None

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        weight = F.batch_norm(conv.weight.flatten(1)[None], None, None, self.gain, training=True, momentum=0.0)
        weight = weight.reshape_as(conv.weight)
        convolve = getattr(F, f"conv{x.dim() - 2}d")
        convolved: Tensor = convolve(x, weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)
        return convolved


class Subsample(nn.Module):
    """Sums of windows, times a trained coefficient, plus a trained offset, one each a channel (LeNet)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.coefficient = nn.Parameter(torch.ones(channels))
        self.offset = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        axes = x.dim() - 2
        sums: Tensor = getattr(F, f"avg_pool{axes}d")(x, self.kernel) * self.kernel**axes
        return sums * self.coefficient.reshape(-1, *[1] * axes) + self.offset.reshape(-1, *[1] * axes)


class RadialBasis(nn.Module):
    """Squared distances of a vector to fixed codes (LeNet's output)."""

    codes: Tensor

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.register_buffer("codes", torch.ones(units, features))

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, None] - self.codes).square().sum(-1)


class GlobalResponseNorm(nn.Module):
    """Each channel of a map weighed by its length against the mean length, the map added (ConvNeXt V2)."""

    def __init__(self, channels: int, axes: int) -> None:
        super().__init__()
        self.axes = tuple(range(2, 2 + axes))
        self.weight = nn.Parameter(torch.zeros(channels, *[1] * axes))
        self.bias = nn.Parameter(torch.zeros(channels, *[1] * axes))

    def forward(self, x: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=self.axes, keepdim=True)
        length = length / (length.mean(1, keepdim=True) + 1e-6)
        return x + torch.addcmul(self.bias, self.weight, x * length)


class LayerScale(nn.Module):
    """One trained factor a channel, or one for all; so many axes are behind that of the channels."""

    def __init__(self, features: int, behind: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((features, *[1] * behind), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class DropPath(nn.Module):
    """Whole samples dropped at random in training; the identity at inference."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape[0], *[1] * (x.dim() - 1), device=x.device) >= self.p
        return x * kept.to(x.dtype) / (1 - self.p)


class ClassToken(nn.Module):
    """Learned tokens put before tokens [B, N, D]."""

    def __init__(self, width: int, count: int = 1) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(count, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1)


class AppendTokens(nn.Module):
    """Copies of one learned token put after tokens [B, N, D]."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.token = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.token.expand(x.shape[0], self.count, -1)), 1)


class SpaceToDepth(nn.Module):
    """Blocks of neighbouring positions stacked as channels; an odd edge is padded. One number is for a square."""

    def __init__(self, factor: int | tuple[int, ...]) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        factors = (self.factor, self.factor) if isinstance(self.factor, int) else self.factor
        pads = [pad for size, one in zip(x.shape[:1:-1], reversed(factors), strict=True) for pad in (0, -size % one)]
        x = F.pad(x, pads) if any(pads) else x
        if isinstance(self.factor, int):
            return F.pixel_unshuffle(x, self.factor)
        sizes = [size // one for size, one in zip(x.shape[2:], factors, strict=True)]
        x = x.reshape(*x.shape[:2], *[each for pair in zip(sizes, factors, strict=True) for each in pair])
        x = x.permute(0, 1, *range(3, x.dim(), 2), *range(2, x.dim(), 2))
        return x.reshape(x.shape[0], -1, *sizes)


class Unfold(nn.Module):
    """Windows of a map of one or three spatial axes, each read as one token."""

    def __init__(self, kernel: tuple[int, ...], stride: tuple[int, ...], pad: tuple[int, ...]) -> None:
        super().__init__()
        self.kernel, self.stride, self.pad = kernel, stride, pad

    def forward(self, x: Tensor) -> Tensor:
        axes = len(self.kernel)
        if axes == 1:
            window = ((1, self.kernel[0]), 1, (0, self.pad[0]), (1, self.stride[0]))
            return F.unfold(x[:, :, None], *window).transpose(1, 2)
        if any(self.pad):
            x = F.pad(x, [pad for one in reversed(self.pad) for pad in (one, one)])
        for axis in range(axes):
            x = x.unfold(2 + axis, self.kernel[axis], self.stride[axis])
        x = x.permute(0, *range(2, 2 + axes), 1, *range(2 + axes, 2 + 2 * axes))
        return x.reshape(x.shape[0], x.shape[1 : 1 + axes].numel(), -1)


class RoIAlign(nn.Module):
    """Regions of a pyramid's levels [B, C, H, W], sampled and stacked: [B, C, proposals * out, out].

    A stand-in for a detector's proposals, which come from its boxes: here each is a level's whole map.
    """

    def __init__(self, proposals: int, out: int, samples: int = 2) -> None:
        super().__init__()
        self.proposals, self.out, self.samples = proposals, out, samples

    def forward(self, *levels: Tensor) -> Tensor:
        share, rest = divmod(self.proposals, len(levels))
        sampled = [self._regions(x, share + (i < rest)) for i, x in enumerate(levels)]
        return F.avg_pool2d(torch.cat(sampled, 2), self.samples)

    def _regions(self, x: Tensor, count: int) -> Tensor:
        places = torch.linspace(-1, 1, self.out * self.samples, dtype=x.dtype, device=x.device)
        rows, columns = torch.meshgrid(places.repeat(count), places, indexing="ij")
        grid = torch.stack((columns, rows), -1)
        return F.grid_sample(x, grid.expand(x.shape[0], -1, -1, -1), align_corners=False)


class QKVLinear(nn.Module):
    """Queries, keys and values in one; keys have no bias, but for zeros in a buffer if asked."""

    key_bias: Tensor | None

    def __init__(self, width: int, inner: int, key_bias: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 3 * inner, bias=False)
        self.biases = nn.Parameter(torch.zeros(2, inner))
        self.register_buffer("key_bias", torch.zeros(inner) if key_bias else None)

    def forward(self, x: Tensor) -> Tensor:
        zeros = torch.zeros_like(self.biases[0]) if self.key_bias is None else self.key_bias
        return F.linear(x, self.linear.weight, torch.cat((self.biases[0], zeros, self.biases[1])))


class Attention(nn.Module):
    """Multi-head self-attention over tokens [B, N, D]; `fused` as one operator, or as two products."""

    def __init__(
        self,
        width: int,
        heads: int,
        head_dim: int,
        qkv_bias: bool | str = True,
        out_bias: bool = True,
        key_bias: bool = False,
        fused: bool = True,
    ) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_dim
        plain = nn.Linear(width, 3 * inner, bias=qkv_bias is True)
        self.qkv = QKVLinear(width, inner, key_bias) if qkv_bias == "qv" else plain
        self.proj = nn.Linear(heads * head_dim, width, bias=out_bias)
        self.fused = fused

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
            y = scores.softmax(-1) @ v
        out: Tensor = self.proj(y.transpose(1, 2).reshape(batch, tokens, -1))
        return out


class RotaryEmbedding(nn.Module):
    """Pairs of elements of heads [B, h, N, d] turned by angles that grow with the token's position."""

    cosines: Tensor
    sines: Tensor

    def __init__(self, tokens: int, width: int, skip: int = 0, bands: bool = False) -> None:
        super().__init__()
        self.skip = skip
        if bands:
            self.register_buffer("bands", torch.zeros(width // 4))
        rates = 10000.0 ** -(torch.arange(0, width, 2) / width)
        angles = (torch.arange(tokens - skip)[:, None] * rates).repeat_interleave(2, -1)
        self.register_buffer("cosines", angles.cos())
        self.register_buffer("sines", angles.sin())

    def forward(self, x: Tensor) -> Tensor:
        if not self.skip:
            return self._turn(x)
        return torch.cat((x[:, :, : self.skip], self._turn(x[:, :, self.skip :])), 2)

    def _turn(self, x: Tensor) -> Tensor:
        partners = torch.stack((-x[..., 1::2], x[..., ::2]), -1).flatten(-2)
        return x * self.cosines + partners * self.sines


class RandomFeatures(nn.Module):
    """Tokens [B, N, D] as positive random features [B, N, m] of the softmax kernel."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(count, width), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        lengths = (x * x).sum(-1, keepdim=True) / 2
        features: Tensor = torch.exp(x @ self.directions.T - lengths) / self.directions.shape[0] ** 0.5
        return features


class LinearAttention(nn.Module):
    """Features of queries and keys, and values: weighted by their products without forming a pair."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        sums = query @ key.sum(1, keepdim=True).transpose(1, 2)
        weighted: Tensor = query @ (key.transpose(1, 2) @ value)
        return weighted / (sums + 1e-8)


class BiasedAttention(nn.Module):
    """Softmax attention with a trained bias for each relative position of a query and a key."""

    relative_position_index: Tensor

    def __init__(self, positions: int, heads: int, queries: int, keys: int) -> None:
        super().__init__()
        self.tables = nn.ParameterList([nn.Parameter(torch.zeros(positions, heads))])
        index = (torch.arange(queries)[:, None] - torch.arange(keys)) % positions
        self.register_buffer("relative_position_index", index)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        bias = self.tables[0][self.relative_position_index].permute(2, 0, 1)
        bias = bias[None] if query.dim() == 4 else bias[0]
        return F.scaled_dot_product_attention(query, key, value, bias)


class SparseAttention(nn.Module):
    """Softmax attention in which a query reads so many keys: those about its place, or the latest ones."""

    mask: Tensor

    def __init__(self, reads: int, queries: int, keys: int, causal: bool = False) -> None:
        super().__init__()
        place, key = torch.arange(queries)[:, None], torch.arange(keys)
        first = place - reads + 1 if causal else (place - reads // 2).clamp(0, max(keys - reads, 0))
        last = place if causal else first + reads - 1
        self.register_buffer("mask", torch.zeros(queries, keys).masked_fill((key < first) | (key > last), -torch.inf))

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        grouped = query.shape[:-2] != key.shape[:-2]
        return F.scaled_dot_product_attention(query, key, value, self.mask, enable_gqa=grouped)


class PoolHeads(nn.Module):
    """Heads [B, h, N, d] pooled by one depthwise convolution over the map that tokens form, the first ones skipped."""

    def __init__(self, width: int, height: int, kernel: int, stride: int, skip: int = 0) -> None:
        super().__init__()
        self.pool = nn.Conv2d(width, width, kernel, stride, kernel // 2, groups=width, bias=False)
        self.height, self.skip = height, skip

    def forward(self, x: Tensor) -> Tensor:
        batch, heads, _, width = x.shape
        skipped, placed = x[:, :, : self.skip], torch.unflatten(x[:, :, self.skip :], 2, (self.height, -1))
        maps = placed.permute(0, 1, 4, 2, 3).reshape(batch * heads, width, *placed.shape[2:4])
        pooled = self.pool(maps.contiguous())
        del maps
        pooled = torch.unflatten(pooled.flatten(2).transpose(1, 2), 0, (batch, heads))
        return torch.cat((skipped, pooled), 2) if self.skip else pooled


class RelativeAttention(nn.Module):
    """Softmax attention whose scores hold products of queries with vectors of relative rows and columns (MViTv2)."""

    def __init__(self, width: int, queries: tuple[int, int], keys: tuple[int, int], skip: int = 0) -> None:
        super().__init__()
        self.queries, self.keys, self.skip = queries, keys, skip
        sizes = [2 * max(here, there) - 1 for here, there in zip(queries, keys, strict=True)]
        self.rows, self.columns = (nn.Parameter(torch.zeros(size, width)) for size in sizes)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        self._add_positions(query[:, :, self.skip :], scores[:, :, self.skip :, self.skip :])
        mixed: Tensor = scores.softmax(-1) @ value
        return mixed

    def _add_positions(self, query: Tensor, scores: Tensor) -> None:
        query = torch.unflatten(query, 2, self.queries)
        down = torch.einsum("bhrcd,rkd->bhrck", query, self._between(self.rows, 0))
        across = torch.einsum("bhrcd,ckd->bhrck", query, self._between(self.columns, 1))
        apart = torch.unflatten(torch.unflatten(scores, 3, self.keys), 2, self.queries)
        scores.copy_((apart + down.unsqueeze(-1) + across.unsqueeze(-2)).flatten(4).flatten(2, 3))

    def _between(self, table: Tensor, axis: int) -> Tensor:
        """The vector of each distance between a query and a key along one axis."""
        here, there = self.queries[axis], self.keys[axis]
        ours, theirs = (torch.arange(size, device=table.device) for size in (here, there))
        return table[ours[:, None] * max(there // here, 1) - (theirs - there + 1) * max(here // there, 1)]


class WindowAttention(nn.Module):
    """Self-attention inside windows of a map [B, C, H, W] padded to whole windows; `shift` moves the windows (Swin)."""

    relative_position_index: Tensor
    relative_coordinates: Tensor
    attention_mask: Tensor | None
    one_hot_rows: Tensor
    one_hot_columns: Tensor

    def __init__(
        self,
        width: int,
        heads: int,
        window: tuple[int, int],
        shift: tuple[int, int] = (0, 0),
        qkv_bias: bool | str = True,
        out_bias: bool = True,
        relative_position_bias: bool = True,
        position_mlp: int = 0,
        cosine: bool = False,
        one_hot_lookup: bool = False,
        key_bias: bool = False,
        mask_of: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.window, self.shift, self.one_hot_lookup = heads, window, shift, one_hot_lookup
        plain = nn.Linear(width, 3 * width, bias=qkv_bias is True)
        self.qkv = QKVLinear(width, width, key_bias) if qkv_bias == "qv" else plain
        self.softmax = nn.Softmax(dim=-1)
        self.proj = nn.Linear(width, width, bias=out_bias)
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), 2.3)) if cosine else None
        self.relative_position_bias = self.position_mlp = None
        if relative_position_bias:
            rows, columns = window
            offsets = (2 * rows - 1) * (2 * columns - 1)
            if position_mlp:
                first, second = nn.Linear(2, position_mlp), nn.Linear(position_mlp, heads, bias=False)
                self.position_mlp = nn.Sequential(first, nn.ReLU(), second)
                self.register_buffer("relative_coordinates", self._coordinates(rows, columns))
            else:
                self.relative_position_bias = nn.Parameter(torch.zeros(offsets, heads))
            if one_hot_lookup:
                self.register_buffer("one_hot_rows", self._one_hot(rows))
                self.register_buffer("one_hot_columns", self._one_hot(columns))
            else:
                self.register_buffer("relative_position_index", self._index(rows, columns))
        self.register_buffer("attention_mask", None)
        if mask_of:
            down, across = (-(-size // one) * one for size, one in zip(mask_of, window, strict=True))
            self.attention_mask = self._mask(down, across, self._shifts(down, across), torch.empty(0))

    def _shifts(self, down: int, across: int) -> tuple[int, ...]:
        """How far windows move along each axis of a map: a map of one window stays."""
        sizes = zip((down, across), self.window, self.shift, strict=True)
        return tuple(0 if size <= one else by for size, one, by in sizes)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        rows, columns = self.window
        y = F.pad(x, (0, -width % columns, 0, -height % rows)).permute(0, 2, 3, 1)
        down, across = y.shape[1], y.shape[2]
        shifts = self._shifts(down, across)
        if any(shifts):
            y = y.roll((-shifts[0], -shifts[1]), (1, 2))
        y = self._windows(y)
        q, k, v = self.qkv(y).reshape(*y.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        if self.logit_scale is None:
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        else:
            scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
            scores = scores * self.logit_scale.clamp(max=4.6052).exp()
        if self.position_mlp is not None:
            bias = self.position_mlp(self.relative_coordinates).flatten(0, 2)[self.relative_position_index.flatten()]
            scores = scores + 16 * bias.reshape(*scores.shape[-2:], -1).permute(2, 0, 1).sigmoid()
        elif self.relative_position_bias is not None and self.one_hot_lookup:
            bias = self._looked_up(self.relative_position_bias)
            scores = scores + bias
        elif self.relative_position_bias is not None:
            bias = self.relative_position_bias[self.relative_position_index.flatten()]
            scores = scores + bias.reshape(*scores.shape[-2:], -1).permute(2, 0, 1)
        if any(shifts):
            mask = self._mask(down, across, shifts, x) if self.attention_mask is None else self.attention_mask
            scores = scores.unflatten(0, (batch, -1)) + mask[:, None]
            scores = scores.flatten(0, 1)
        y = (self.softmax(scores) @ v).transpose(1, 2).flatten(2)
        y = self.proj(y).reshape(batch, down // rows, across // columns, rows, columns, channels)
        y = y.transpose(2, 3).reshape(batch, down, across, channels)
        if any(shifts):
            y = y.roll(shifts, (1, 2))
        cropped: Tensor = y[:, :height, :width].permute(0, 3, 1, 2)
        return cropped

    @staticmethod
    def _index(rows: int, columns: int) -> Tensor:
        """The number of the relative position of each two positions of a window."""
        places = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")).flatten(1)
        apart = places[:, :, None] - places[:, None]
        return (apart[0] + rows - 1) * (2 * columns - 1) + apart[1] + columns - 1

    @staticmethod
    def _one_hot(size: int) -> Tensor:
        """For each two places a vector that is one at their distance."""
        place = torch.arange(size)
        return F.one_hot(place[:, None] - place + size - 1, 2 * size - 1).float()

    def _looked_up(self, biases: Tensor) -> Tensor:
        """The bias of each head for each two positions of a window, by products with zeros and ones."""
        rows, columns = self.window
        table = biases.T.reshape(self.heads, 2 * rows - 1, 2 * columns - 1)
        of_rows = torch.einsum("hrc,abr->habc", table, self.one_hot_rows)
        found = torch.einsum("habc,dec->hadbe", of_rows, self.one_hot_columns)
        return found.reshape(self.heads, rows * columns, rows * columns)

    @staticmethod
    def _coordinates(rows: int, columns: int) -> Tensor:
        """Relative positions, from -8 to 8, on a logarithmic scale (Swin V2)."""
        sides = [torch.arange(1 - size, size) * (8 / max(size - 1, 1)) for size in (rows, columns)]
        places = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1)[None]
        return places.sign() * (places.abs() + 1).log2() / 3

    def _windows(self, y: Tensor) -> Tensor:
        """A map [B, H, W, C] as windows [B * windows, positions, C]."""
        batch, height, width, channels = y.shape
        rows, columns = self.window
        y = y.reshape(batch, height // rows, rows, width // columns, columns, channels)
        return y.transpose(2, 3).reshape(-1, rows * columns, channels)

    def _mask(self, height: int, width: int, shifts: tuple[int, ...], like: Tensor) -> Tensor:
        """Minus 100 between positions of a window that a shift brought together from two ends of the map."""
        regions = torch.zeros(1, height, width, 1, device=like.device, dtype=like.dtype)
        for number, (size, one, by) in enumerate(zip((height, width), self.window, shifts, strict=True)):
            if by:
                along = torch.zeros(size, device=like.device, dtype=like.dtype)
                along[size - one : size - by] = 1 + 2 * number
                along[size - by :] = 2 + 4 * number
                regions = regions + (along[None, :, None, None] if number == 0 else along[None, None, :, None])
        region = self._windows(regions).squeeze(-1)
        return (region[:, None] != region[:, :, None]).to(like.dtype) * -100.0


class Offset(nn.Module):
    """One trained number a channel, added, on the axis before so many others."""

    def __init__(self, width: int, axes: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(width, *[1] * axes))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.shift


class Learned(nn.Module):
    """A table of parameters, the same for every image."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(sizes))

    def forward(self, images: int) -> Tensor:
        return self.table.expand(images, *self.table.shape)


class Constant(nn.Module):
    """A buffer that is the same for every image."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(sizes))
        self.table: Tensor

    def forward(self, images: int) -> Tensor:
        return self.table.expand(images, *self.table.shape)


class Computed(nn.Module):
    """Zeros in the place of what is worked out on the way, the same for every image."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        self.register_buffer("like", torch.zeros(0), persistent=False)
        self.like: Tensor

    def forward(self, images: int) -> Tensor:
        return self.like.new_zeros(self.sizes).expand(images, *self.sizes)


class PositionEmbedding(nn.Module):
    """Positions added to tokens or a map: learned; fixed and frozen, in a buffer, or zeros where they are computed."""

    def __init__(self, sizes: tuple[int, ...], fixed: bool | str = False) -> None:
        super().__init__()
        self.sizes, self.computed = sizes, fixed == "computed"
        if isinstance(fixed, str):
            self.register_buffer("position", torch.zeros(0 if self.computed else sizes), not self.computed)
        else:
            self.position = nn.Parameter(torch.zeros(sizes), requires_grad=not fixed)

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.position.new_zeros(self.sizes) if self.computed else self.position)


class InterpolatedPositions(PositionEmbedding):
    """Positions of a map of its own, interpolated to another; tokens in front of it have theirs beside them."""

    def __init__(
        self,
        width: int,
        grid: tuple[int, ...],
        sizes: tuple[int, ...],
        first: int = 0,
        on_map: bool = False,
        mode: str = "bicubic",
        antialias: bool = True,
        fixed: bool | str = False,
    ) -> None:
        places = 1
        for size in grid:
            places *= size
        super().__init__((width, *grid) if on_map else (first + places, width), fixed)
        self.grid, self.resized, self.first, self.on_map = grid, sizes, first, on_map
        self.mode, self.antialias = mode, antialias

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.interpolated(self.position[None]) if self.on_map else self.of_tokens())

    def of_tokens(self) -> Tensor:
        width, axes = self.position.shape[1], len(self.grid)
        placed = self.position[self.first :] if self.first else self.position
        placed = placed.reshape(1, *self.grid, width).permute(0, axes + 1, *range(1, axes + 1))
        placed = self.interpolated(placed).permute(0, *range(2, axes + 2), 1).reshape(1, -1, width)
        return torch.cat((self.position[None, : self.first], placed), 1) if self.first else placed

    def interpolated(self, table: Tensor) -> Tensor:
        made: Tensor = F.interpolate(table, size=self.resized, mode=self.mode, antialias=self.antialias)
        return made
