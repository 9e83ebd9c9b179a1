"""What a built or exported network needs beside torch: padding that follows from a size, and tensors that are known.

Nothing here imports vcalc.
"""

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


def by_expert(experts: nn.ModuleList, choice: Tensor, *inputs: Tensor) -> Tensor:
    """Each expert on the rows of those tokens that have chosen it: they lie in the order of the experts."""
    rows = [torch.split(x.flatten(0, 1), loads(choice, len(experts))) for x in inputs]
    made = [expert(*(x[None] for x in parts)) for expert, *parts in zip(experts, *rows, strict=True)]
    return torch.cat(made, 1).reshape(*inputs[0].shape[:2], -1)


def loads(choice: Tensor, experts: int) -> list[int]:
    """How many rows each expert has; where tensors have no elements, as many for each as can be."""
    if choice.is_meta:
        return [len(rows) for rows in torch.arange(choice.numel(), device="cpu").tensor_split(experts)]
    counts: list[int] = choice.flatten().bincount(minlength=experts).tolist()
    return counts


def shares_inside(sizes: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """The share of each window that lies on a map which `same` pads: the product of those along each axis."""
    shares = torch.ones(())
    for size, window, step in zip(sizes, kernel, stride, strict=True):
        count = -(-size // step)
        before = max((count - 1) * step + window - size, 0) // 2
        places = torch.arange(count)[:, None] * step - before + torch.arange(window)
        along = ((places >= 0) & (places < size)).float().mean(1)
        shares = shares[..., None] * along
    return shares


def regions(count: int, side: int) -> Tensor:
    """Where regions are sampled, one below the other: each is the whole map, in place of a detector's proposals."""
    places = torch.linspace(-1, 1, side)
    rows, columns = torch.meshgrid(places.repeat(count), places, indexing="ij")
    return torch.stack((columns, rows), -1)


def level_sizes(levels: tuple[tuple[int, int], ...]) -> Tensor:
    """The width and height of each level, which offsets that count elements are divided by."""
    return torch.tensor([[(columns, rows)] for rows, columns in levels]).float()


class ReadAgain(torch.autograd.Function):
    """A deformable convolution that saves what goes in, and reads it again on the way back."""

    @staticmethod
    def forward(
        context: torch.autograd.function.BackwardCFunction,
        x: Tensor,
        weight: Tensor,
        offsets: Tensor,
        mask: Tensor,
        bias: Tensor,
        window: tuple[tuple[int, int], ...],
    ) -> Tensor:
        context.save_for_backward(x, weight, offsets, mask, bias)
        context.window = window  # type: ignore[attr-defined]
        return deformed(x, weight, offsets, mask, bias, window)

    @staticmethod
    def backward(context: torch.autograd.function.BackwardCFunction, gradient: Tensor) -> tuple[Tensor | None, ...]:
        tensors = x, weight, offsets, mask, bias = [each.detach().requires_grad_() for each in context.saved_tensors]
        with torch.enable_grad():
            made = deformed(x, weight, offsets, mask, bias, context.window)  # type: ignore[attr-defined]
        return (*torch.autograd.grad(made, tensors, gradient, allow_unused=True), None)


def deform_conv(
    x: Tensor,
    weight: Tensor,
    offsets: Tensor,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    pad: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Tensor:
    """What torchvision.ops.deform_conv2d computes and saves: zeros stand for a mask and a bias that are not there."""
    window = tuple(each if isinstance(each, tuple) else (each, each) for each in (stride, pad, dilation))
    mask = x.new_zeros(len(x), 1) if mask is None else mask
    bias = x.new_zeros(len(weight)) if bias is None else bias
    made: Tensor = ReadAgain.apply(x, weight, offsets, mask, bias, window)  # type: ignore[no-untyped-call]
    return made


def deformed(
    x: Tensor, weight: Tensor, offsets: Tensor, mask: Tensor, bias: Tensor, window: tuple[tuple[int, int], ...]
) -> Tensor:
    """Each element of the kernel read at its place and offset, from an element before the map to one behind it."""
    (batch, channels, *sizes), (out, each, *kernel), (rows, columns) = x.shape, weight.shape, offsets.shape[2:]
    elements = kernel[0] * kernel[1]
    sets = offsets.shape[1] // (2 * elements)
    offsets = offsets.reshape(batch * sets, *kernel, 2, rows, columns)
    places = []
    for axis, stride, pad, dilation in zip((0, 1), *window, strict=True):
        shape = [-1 if at == axis else 1 for at in range(2)]
        first = torch.arange(offsets.shape[4 + axis], device=x.device) * stride - pad
        inside = torch.arange(kernel[axis], device=x.device) * dilation
        at = offsets[:, :, :, axis] + first.reshape(shape) + inside.reshape(*shape, 1, 1)
        places.append((2 * at + 1) / sizes[axis] - 1)
    grid = torch.stack(places[::-1], -1).reshape(batch * sets, elements * rows, columns, 2)
    read = F.grid_sample(x.reshape(batch * sets, channels // sets, *sizes), grid, align_corners=False)
    read = read.reshape(batch, sets, channels // sets, elements, rows, columns)
    if mask.dim() > 2:
        read = read * mask.reshape(batch, sets, 1, elements, rows, columns)
    groups = channels // each
    read = read.reshape(batch, groups, each * elements, rows * columns)
    made = weight.reshape(groups, out // groups, each * elements) @ read
    return made.reshape(batch, out, rows, columns) + bias[:, None, None]


def rotary_angles(tokens: int, width: int) -> Tensor:
    """The angles by which pairs of elements are turned; they grow with the token's position."""
    rates = 10000.0 ** -(torch.arange(0, width, 2) / width)
    return (torch.arange(tokens)[:, None] * rates).repeat_interleave(2, -1)


def rotary_cosines(tokens: int, width: int) -> Tensor:
    """The cosines of these angles."""
    return rotary_angles(tokens, width).cos()


def rotary_sines(tokens: int, width: int) -> Tensor:
    """The sines of these angles."""
    return rotary_angles(tokens, width).sin()


def distances(queries: int, keys: int, positions: int) -> Tensor:
    """Which of so many relative positions a query and a key have."""
    return (torch.arange(queries)[:, None] - torch.arange(keys)) % positions


def sparse_mask(queries: int, keys: int, reads: int, causal: bool) -> Tensor:
    """Minus infinity for keys that a query does not read: it reads so many about its place, or the latest ones."""
    place, key = torch.arange(queries)[:, None], torch.arange(keys)
    first = place - reads + 1 if causal else (place - reads // 2).clamp(0, max(keys - reads, 0))
    last = place if causal else first + reads - 1
    return torch.zeros(queries, keys).masked_fill((key < first) | (key > last), -torch.inf)


def distances_apart(here: int, there: int) -> Tensor:
    """How far queries and keys lie apart along one axis of a map, from 0; the fewer stand for several."""
    places = torch.arange(here)[:, None] * max(there // here, 1)
    return places - (torch.arange(there) - there + 1) * max(here // there, 1)


def relative_position_index(*window: int) -> Tensor:
    """The number of the relative position of each two positions of a window."""
    index = torch.zeros((), dtype=torch.long)
    places = torch.meshgrid(*map(torch.arange, window), indexing="ij")
    for place, size in zip(places, window, strict=True):
        place = place.flatten()
        index = index * (2 * size - 1) + place[:, None] - place + size - 1
    return index.flatten()


def one_hot_distances(size: int) -> Tensor:
    """For each two places a vector that is one at their distance."""
    place = torch.arange(size)
    return F.one_hot(place[:, None] - place + size - 1, 2 * size - 1).flatten(0, 1).float()


def relative_coordinates(*window: int) -> Tensor:
    """Relative positions, from -8 to 8, on a logarithmic scale (Swin V2)."""
    sides = [torch.arange(1 - size, size) * (8 / max(size - 1, 1)) for size in window]
    places = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).flatten(0, -2)[None]
    return places.sign() * (places.abs() + 1).log2() / 3


def shifted_window_mask(map: tuple[int, ...], window: tuple[int, ...], shift: tuple[int, ...]) -> Tensor:
    """Minus 100 between positions of a window that a shift brought together from two ends of the map."""
    regions, parts = torch.zeros(1), []
    for size, one, by in zip(map, window, shift, strict=True):
        along = torch.zeros(size)
        if by:
            along[size - one : size - by] = 1
            along[size - by :] = 2
        regions = 3 * regions[..., None] + along
        parts += [size // one, one]
    axes = range(0, len(parts), 2)
    regions = regions.reshape(parts).permute(*axes, *(axis + 1 for axis in axes))
    regions = regions.flatten(0, len(axes) - 1).flatten(1)
    return (regions[:, None] != regions[:, :, None]).float()[:, None] * -100.0


def selective_scan(*given: Tensor) -> Tensor:
    """Of x [B, N, D]: its steps, a decay [D, S], what enters and leaves the states [B, N, S], what passes by [D]."""
    made: Tensor = RecomputedScan.apply(*given)  # type: ignore[no-untyped-call]
    return made


class RecomputedScan(torch.autograd.Function):
    """States are not kept for the backward pass, but made once more there, as by a fused kernel."""

    @staticmethod
    def forward(ctx: torch.autograd.function.BackwardCFunction, *given: Tensor) -> Tensor:
        ctx.save_for_backward(*given)
        return scanned(*given)

    @staticmethod
    def backward(ctx: torch.autograd.function.BackwardCFunction, gradient: Tensor) -> tuple[Tensor, ...]:
        given = [each.detach().requires_grad_() for each in ctx.saved_tensors]
        with torch.enable_grad():
            made = scanned(*given)
        return torch.autograd.grad(made, given, gradient)


def scanned(x: Tensor, step: Tensor, decay: Tensor, enter: Tensor, leave: Tensor, skip: Tensor) -> Tensor:
    """The scan, one step after the other."""
    step = F.softplus(step)
    state = x.new_zeros(x.shape[0], x.shape[2], decay.shape[1])
    made = []
    for n in range(x.shape[1]):
        size = step[:, n, :, None]
        state = (size * decay).exp() * state + size * x[:, n, :, None] * enter[:, n, None]
        made.append((state * leave[:, n, None]).sum(-1))
    return torch.stack(made, 1) + x * skip
