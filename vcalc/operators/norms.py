"""Norms that are one operator: what they save beside their input are means and inverse deviations."""

from __future__ import annotations

from vcalc.operators.layout import Sizes
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


class BatchNorm(_Norm, name="batch_norm"):
    """Over all axes but the channels, and over the batch. Running statistics make none at inference."""

    def forward(self, paper: Paper, x: Value, *factors: Value, fixed: bool = False, eps: float | None = None) -> Value:
        made = paper.map_like(x, x.shape)
        self.width = (x.shape[1],)
        if fixed or paper.training:
            self.statistics(paper, x, self.width, False)
        return made


class LayerNorm(_Norm, name="layer_norm"):
    """Over so many of the last axes."""

    def forward(self, paper: Paper, x: Value, *factors: Value, axes: int = 1, eps: float | None = None) -> Value:
        made = paper.new(x.shape, x.batched, x.type)
        self.width = x.shape[-axes:]
        self.statistics(paper, x, x.shape[:-axes])
        return made


class GroupNorm(_Norm, name="group_norm"):
    """Over groups of channels; it wants its input in order, or channels last, and backward its gradient likewise."""

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


class InstanceNorm(_Norm, name="instance_norm"):
    """Over the positions of each channel by itself; its trained factors are there for each image."""

    def forward(self, paper: Paper, x: Value, *factors: Value, eps: float | None = None) -> Value:
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
        return paper.inverse_root(paper.shift(means, in_place=True))
