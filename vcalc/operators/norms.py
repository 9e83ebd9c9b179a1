"""Norms that are one operator: what they save beside their input are means and inverse deviations."""

from __future__ import annotations

from typing import Any

from vcalc.operators import text as written
from vcalc.operators.layout import Sizes, size_of
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.types import ACTIVATION, STATISTIC


class _Norm(Operator):
    def statistics(self, paper: Paper, x: Value, shape: Sizes, batched: bool = True) -> tuple[Value, ...]:
        """The means and the inverse deviations, and the norm's input, saved."""
        made = tuple(paper.new(shape, batched, STATISTIC) for _ in range(2))
        self.saved = (x, *made)
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        x = self.saved[0]
        assert x is not None
        of_input = paper.map_like(x, x.shape) if self.needs[0] else None
        return (of_input, *(paper.new(self.width, False, ACTIVATION) if each else None for each in self.needs[1:]))

    width: Sizes = ()


def _norm(
    of: str,
    *sizes: Any,
    factors: tuple[Any, ...],
    eps: float | None,
    affine: str = "affine",
    usual: bool = True,
    offset: bool = True,
) -> str:
    """Torch's module of a norm; `usual` says whether it has factors if nothing is said, `offset` whether offsets."""
    named = {affine: written.unless(bool(factors), usual)}
    named["bias"] = "False" if offset and len(factors) == 1 else ""
    return f"nn.{of}({written.arguments(*sizes, eps=written.unless(eps, None, repr(eps)), **named)})"


class BatchNorm(_Norm, name="batch_norm"):
    """Over all axes but the channels, and over the batch. Running statistics make none at inference."""

    @staticmethod
    def module(x: Any, *factors: Any, fixed: bool = False, eps: float | None = None) -> str:
        axes = max(len(x.shape) - 2, 1)
        return "" if fixed else _norm(f"BatchNorm{axes}d", x.shape[1], factors=factors, eps=eps)

    @staticmethod
    def text(x: Any, *factors: Any, fixed: bool = False, eps: float | None = None) -> str:
        given = written.arguments(x, None, None, *factors, training=True, momentum=0.0)
        return f"F.batch_norm({given})"

    def forward(self, paper: Paper, x: Value, *factors: Value, fixed: bool = False, eps: float | None = None) -> Value:
        made = paper.map_like(x, x.shape)
        self.width = (x.shape[1],)
        if fixed or paper.training:
            self.statistics(paper, x, self.width, False)
        return made


class LayerNorm(_Norm, name="layer_norm"):
    """Over so many of the last axes."""

    @staticmethod
    def module(x: Any, *factors: Any, axes: int = 1, eps: float | None = None) -> str:
        return _over_last("LayerNorm", x, factors, axes, eps)

    def forward(self, paper: Paper, x: Value, *factors: Value, axes: int = 1, eps: float | None = None) -> Value:
        made = paper.new(x.shape, x.batched, x.type)
        self.width = x.shape[-axes:]
        self.statistics(paper, x, x.shape[:-axes])
        return made


class GroupNorm(_Norm, name="group_norm"):
    """Over groups of channels; it wants its input in order, or channels last, and backward its gradient likewise."""

    @staticmethod
    def module(x: Any, *factors: Any, groups: int, eps: float | None = None) -> str:
        return _norm("GroupNorm", groups, x.shape[1], factors=factors, eps=eps)

    def forward(self, paper: Paper, x: Value, *factors: Value, groups: int, eps: float | None = None) -> Value:
        x = x if x.channels_last else paper.in_order(x)
        made = paper.map_like(x, x.shape)
        self.width = (x.shape[1],)
        self.statistics(paper, x, (x.shape[0], groups))
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        (gradient,), x = gradients, self.saved[0]
        assert x is not None
        if not x.channels_last:
            gradient = paper.in_order(gradient)
        elif not gradient.channels_last:
            gradient = paper.map_like(x, x.shape)
        found = super().backward(paper, gradient)
        del gradient
        return found


class InstanceNorm(Operator, name="instance_norm"):
    """Over the positions of each channel by itself; trained factors are repeated for each image."""

    composed = True

    @staticmethod
    def module(x: Any, *factors: Any, eps: float | None = None) -> str:
        return _norm(f"InstanceNorm{len(x.shape) - 2}d", x.shape[1], factors=factors, eps=eps, usual=False)

    def forward(self, paper: Paper, x: Value, *factors: Value, eps: float | None = None) -> Value:
        return paper.each_normalized(x, *[paper.repeat(factor, x.shape[:2]) for factor in factors])


class EachNormalized(_Norm, name="each_normalized"):
    """Instance norm with factors for each image."""

    def forward(self, paper: Paper, x: Value, *factors: Value) -> Value:
        x = paper.in_order(x)
        made = paper.new(x.shape, type=x.type)
        statistics = self.statistics(paper, x, x.shape[:2])
        self.saved = (x, *factors[:1], *statistics)
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        shape = gradients[0].shape
        of_input = paper.new(shape) if self.needs[0] else None
        return (of_input, *(paper.new(shape[:2], type=ACTIVATION) if each else None for each in self.needs[1:]))


class RMSNorm(Operator, name="rms_norm"):
    """Divided by the root of the mean square along so many of the last axes, in fp32 at least."""

    composed = True

    @staticmethod
    def module(x: Any, *factors: Any, axes: int = 1, eps: float | None = None) -> str:
        return _over_last("RMSNorm", x, factors, axes, eps, offset=False)

    def forward(self, paper: Paper, x: Value, *factors: Value, axes: int = 1, eps: float | None = None) -> Value:
        type, x = x.type, paper.as_type(x, STATISTIC)
        root = self._inverse_root(paper, x, axes)
        normal = paper.mul(x, root)
        for factor in factors:
            normal = paper.mul(normal, factor)
        return paper.copy(paper.as_type(normal, type))

    @staticmethod
    def _inverse_root(paper: Paper, x: Value, axes: int) -> Value:
        squares = paper.power(x)
        means = paper.mean(squares, axes=tuple(range(len(x.shape) - axes, len(x.shape))))
        return paper.inverse_root(paper.shift(means, 1e-6, in_place=True))


def _over_last(of: str, x: Any, factors: tuple[Any, ...], axes: int, eps: float | None, offset: bool = True) -> str:
    """Torch's module of a norm over so many of the last axes."""
    sizes = x.shape[-1] if axes == 1 else written.each(x.shape[-axes:])
    return _norm(of, sizes, factors=factors, eps=eps, affine="elementwise_affine", offset=offset)


class LocalResponseNorm(Operator, name="local_response_norm"):
    """Divided by a power of the mean square of neighbouring channels."""

    composed = True

    @staticmethod
    def module(x: Any, size: int) -> str:
        return f"nn.LocalResponseNorm({size})"

    def forward(self, paper: Paper, x: Value, size: int) -> Value:
        batch, channels, first, *others = x.shape
        places = (first, *((size_of(tuple(others)),) if others else ()))
        divisor = paper.reshape(paper.mul(x, x), (batch, 1, channels, *places))
        divisor = paper.pad(divisor, (batch, 1, channels + size - 1, *places))
        divisor = paper.reshape(paper.avg_pool(divisor, (batch, 1, channels, *places)), x.shape)
        divisor = paper.power(paper.shift(paper.scale(divisor), 1))
        return paper.div(x, divisor)
