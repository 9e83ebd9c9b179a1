"""Tensors that a layer makes when it runs: what its memory formulas speak of.

The formulas say how PyTorch writes each kind; they were read off torch 2.13 with its saved-tensor hooks and with a
dispatch mode that follows every storage (tests/test_memory_torch.py).
"""

from __future__ import annotations

from typing import NamedTuple

from vcalc.arithmetic import Number

ACTIVATION, STATISTIC, INDEX, MASK = "activation", "statistic", "index", "mask"
ELEMENTS = {
    ACTIVATION: "of the activations' dtype",
    STATISTIC: "in fp32, or wider where the activations are: means, deviations, the log-sum-exp of a softmax",
    INDEX: "whole numbers of 64 bits",
    MASK: "booleans of one byte on a GPU; the CPU's dropout keeps factors of the activations' dtype",
}
"""What a tensor's elements are, which decides their size."""


class Tensor(NamedTuple):
    """A tensor that a layer makes beside its output: a name, how many elements, of which type.

    `per_image` says that it grows with the batch; `elements` are those of one image then.
    """

    name: str
    elements: Number
    type: str = ACTIVATION
    per_image: bool = True


class Gradient(NamedTuple):
    """The gradient of a layer's input of this number."""

    number: int


OUTPUT = Tensor("output", 0)
"""The layer's output; its size is that of its shape."""

GRADIENT = Tensor("gradient", 0)
"""The gradient of the layer's output."""

Stored = int | Tensor | Gradient
"""A tensor as a memory formula names it: the layer's input of this number, a gradient, or one that the layer makes."""

Step = tuple[Stored, ...]
"""What of a layer's own is alive at one moment while it runs, beside what the network keeps alive."""
