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


def relative_position_index(rows: int, columns: int) -> Tensor:
    """The number of the relative position of each two positions of a window."""
    places = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")).flatten(1)
    apart = places[:, :, None] - places[:, None]
    return ((apart[0] + rows - 1) * (2 * columns - 1) + apart[1] + columns - 1).flatten()


def one_hot_distances(size: int) -> Tensor:
    """For each two places a vector that is one at their distance."""
    place = torch.arange(size)
    return F.one_hot(place[:, None] - place + size - 1, 2 * size - 1).flatten(0, 1).float()


def relative_coordinates(rows: int, columns: int) -> Tensor:
    """Relative positions, from -8 to 8, on a logarithmic scale (Swin V2)."""
    sides = [torch.arange(1 - size, size) * (8 / max(size - 1, 1)) for size in (rows, columns)]
    places = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).flatten(0, 1)[None]
    return places.sign() * (places.abs() + 1).log2() / 3


def shifted_window_mask(map: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]) -> Tensor:
    """Minus 100 between positions of a window that a shift brought together from two ends of the map."""
    regions = torch.zeros(map)
    for axis, (size, one, by) in enumerate(zip(map, window, shift, strict=True)):
        if by:
            along = torch.zeros(size)
            along[size - one : size - by] = 1 + 2 * axis
            along[size - by :] = 2 + 4 * axis
            regions = regions + (along[:, None] if axis == 0 else along)
    (rows, columns), (down, across) = window, (size // one for size, one in zip(map, window, strict=True))
    region = regions.reshape(down, rows, across, columns).transpose(1, 2).reshape(down * across, rows * columns)
    return (region[:, None] != region[:, :, None]).float()[:, None] * -100.0
