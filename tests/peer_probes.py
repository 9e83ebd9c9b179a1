"""One-operator networks: the probes of peers.json by their names there, as functions that build network and inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

Probe = Callable[[], "tuple[nn.Module, tuple[Tensor, ...]]"]

IMAGE = (1, 8, 10, 10)
TOKENS = (1, 10, 32)
HEADS = (1, 4, 10, 16)
MATRICES = ((4, 10, 16), (4, 16, 12))


def _layer(kind: str, shape: tuple[int, ...], *arguments: Any, **keywords: Any) -> Probe:
    """A layer of torch.nn, alone."""

    def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
        import torch

        return getattr(torch.nn, kind)(*arguments, **keywords).eval(), (torch.zeros(shape),)

    return build


def _call(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Probe:
    """A network without layers, which calls a function."""

    def build() -> tuple[nn.Module, tuple[Tensor, ...]]:
        import torch

        class Call(torch.nn.Module):
            def forward(self, *inputs: Tensor) -> Tensor:
                return function(*inputs)

        return Call().eval(), tuple(torch.zeros(shape) for shape in shapes)

    return build


def _functional(name: str, *shapes: tuple[int, ...], **keywords: Any) -> Probe:
    """A function of torch.nn.functional, looked up when it is called: some tools patch it."""

    def call(*inputs: Tensor) -> Tensor:
        import torch

        return getattr(torch.nn.functional, name)(*inputs, **keywords)

    return _call(call, *shapes)


def _torch(name: str, *shapes: tuple[int, ...]) -> Probe:
    """A function of torch, looked up when it is called."""

    def call(*inputs: Tensor) -> Tensor:
        import torch

        return getattr(torch, name)(*inputs)

    return _call(call, *shapes)


def _einsum(left: Tensor, right: Tensor) -> Tensor:
    import torch

    return torch.einsum("bik,bkj->bij", left, right)


def _embedding() -> tuple[nn.Module, tuple[Tensor, ...]]:
    import torch

    return torch.nn.Embedding(100, 32).eval(), (torch.zeros(1, 10, dtype=torch.long),)


def _attention() -> tuple[nn.Module, tuple[Tensor, ...]]:
    import torch

    class SelfAttention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = torch.nn.MultiheadAttention(64, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.attention(x, x, x, need_weights=False)[0]

    return SelfAttention().eval(), (torch.zeros(1, 10, 64),)


PROBES: dict[str, Probe] = {
    "conv_b": _layer("Conv2d", IMAGE, 8, 16, kernel_size=3, padding=1),
    "conv_nb": _layer("Conv2d", IMAGE, 8, 16, kernel_size=3, padding=1, bias=False),
    "conv_g4": _layer("Conv2d", IMAGE, 8, 16, kernel_size=3, padding=1, bias=False, groups=4),
    "conv_s2": _layer("Conv2d", IMAGE, 8, 16, kernel_size=3, padding=1, stride=2, bias=False),
    "convT_b_s2": _layer("ConvTranspose2d", IMAGE, 8, 16, kernel_size=3, stride=2),
    "convT_nb_s2": _layer("ConvTranspose2d", IMAGE, 8, 16, kernel_size=3, stride=2, bias=False),
    "linear_b": _layer("Linear", (1, 32), 32, 64),
    "linear_b_3d": _layer("Linear", TOKENS, 32, 64),
    "linear_nb_3d": _layer("Linear", TOKENS, 32, 64, bias=False),
    "bn": _layer("BatchNorm2d", IMAGE, 8),
    "bn_noaff": _layer("BatchNorm2d", IMAGE, 8, affine=False),
    "ln": _layer("LayerNorm", TOKENS, 32),
    "gn": _layer("GroupNorm", IMAGE, 4, 8),
    "in": _layer("InstanceNorm2d", IMAGE, 8),
    "relu": _layer("ReLU", IMAGE),
    "F.relu": _functional("relu", IMAGE),
    "gelu": _layer("GELU", IMAGE),
    "silu": _layer("SiLU", IMAGE),
    "sigmoid": _layer("Sigmoid", IMAGE),
    "softmax": _layer("Softmax", IMAGE, dim=-1),
    "F.softmax": _functional("softmax", IMAGE, dim=-1),
    "leaky": _layer("LeakyReLU", IMAGE),
    "maxpool2": _layer("MaxPool2d", IMAGE, 2),
    "avgpool2": _layer("AvgPool2d", IMAGE, 2),
    "aap1": _layer("AdaptiveAvgPool2d", IMAGE, 1),
    "matmul": _torch("matmul", HEADS, (1, 4, 16, 12)),
    "@": _call(lambda left, right: left @ right, HEADS, (1, 4, 16, 12)),
    "bmm": _torch("bmm", *MATRICES),
    "einsum": _call(_einsum, *MATRICES),
    "sdpa": _functional("scaled_dot_product_attention", HEADS, HEADS, HEADS),
    "sdpa_causal": _functional("scaled_dot_product_attention", HEADS, HEADS, HEADS, is_causal=True),
    "+": _call(lambda left, right: left + right, IMAGE, IMAGE),
    "*": _call(lambda left, right: left * right, IMAGE, IMAGE),
    "torch.add": _torch("add", IMAGE, IMAGE),
    "torch.mul": _torch("mul", IMAGE, IMAGE),
    "up_nearest": _layer("Upsample", IMAGE, scale_factor=2),
    "up_bilinear": _layer("Upsample", IMAGE, scale_factor=2, mode="bilinear"),
    "F.interp": _functional("interpolate", IMAGE, scale_factor=2, mode="bilinear"),
    "dropout": _layer("Dropout", IMAGE),
    "embedding": _embedding,
    "mha": _attention,
}
