"""How a network is run, and sizes as straight lines in the batch: what the memory analysis speaks of."""

from __future__ import annotations

from typing import NamedTuple

from vcalc.analyses.cost import DTYPE_BYTES, dtype_name
from vcalc.arithmetic import Number
from vcalc.errors import VcalcError, suggestion
from vcalc.operators.autocast import AUTOCAST, OFF, Rules
from vcalc.operators.types import ACTIVATION, BOOLEAN, INDEX, LOW, MASK, STATISTIC

INFERENCE, TRAINING = "inference", "training"
FORWARD, BACKWARD, UPDATE = "forward", "backward", "update"

FP32 = 4

STATES = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}
"""Tensors of the parameters' size that an optimizer keeps: none; the velocity; the first and second moments."""

SCRATCH = {"adam": 1, "adamw": 1}
"""Tensors of the parameters' size that torch's optimizer on a GPU makes during the update: the square roots.

On a CPU it updates one parameter after the other.
"""


class Size(NamedTuple):
    """Bytes, as a straight line in the batch."""

    fixed: int
    per_image: int

    def plus(self, other: Size) -> Size:
        """Both together."""
        return Size(self.fixed + other.fixed, self.per_image + other.per_image)

    def minus(self, other: Size) -> Size:
        """This without the other."""
        return Size(self.fixed - other.fixed, self.per_image - other.per_image)

    def at(self, batch: Number) -> Number:
        """Bytes at a batch, a formula where that is a symbol."""
        return self.fixed + self.per_image * batch


NOTHING = Size(0, 0)


class Plan(NamedTuple):
    """How a network is run: for what, in which dtype, with which optimizer."""

    mode: str = INFERENCE
    dtype: str = "float32"
    optimizer: str = "adamw"
    mixed: bool = False
    """Mixed precision: weights and gradients of the dtype, beside weights in fp32 that the optimizer updates."""
    in_place: bool = False
    """Whether activations overwrite their input where nothing else reads it."""
    checkpoint: int = 0
    """The depth of the groups that are run again in the backward pass; 0 for none."""
    device: str = "cuda"
    """`cpu` keeps dropout's masks as factors of the activations' dtype; autocast casts for other operators there."""

    modules: bool = False
    """Whether what enters a group lives until its last layer, as a module of Python holds what it is called with."""
    autocast: bool = False
    """torch.autocast: weights in fp32, and what some operators read cast to the dtype."""
    single: bool = False
    """A batch of one image, of whose tensors torch makes views where it copies those of several."""
    images: int = 2
    """The images that else stand for several: their very number, where memory is rounded up to pages."""

    @property
    def training(self) -> bool:
        return self.mode == TRAINING

    def checked(self) -> Plan:
        """The plan with the dtype's full name. Raises VcalcError for one that makes no sense."""
        dtype = dtype_name(self.dtype)
        if self.optimizer not in STATES:
            known = suggestion(self.optimizer, STATES, "optimizers")
            raise VcalcError("optimizer", f"there is no optimizer '{self.optimizer}'", hint=known)
        if self.training and DTYPE_BYTES[dtype] < 2:
            raise VcalcError("dtype", f"torch does not train in {dtype}", hint="--dtype float32, or bf16 --mixed")
        if (self.mixed or self.autocast) and DTYPE_BYTES[dtype] != 2:
            hint = f"--dtype bf16 --mixed{' autocast' if self.autocast else ''}"
            raise VcalcError("dtype", f"mixed precision has a 16-bit dtype beside fp32, not {dtype}", hint=hint)
        return self._replace(dtype=dtype)

    @property
    def rules(self) -> Rules:
        """What autocast does, if it is on."""
        return AUTOCAST[self.device, self.dtype] if self.autocast else OFF

    def element(self, type: str) -> int:
        """Bytes of one element of a tensor of this type."""
        dtype = FP32 if self.autocast else DTYPE_BYTES[self.dtype]
        mask = dtype if self.device == "cpu" else 1
        low = DTYPE_BYTES[self.dtype]
        return {LOW: low, ACTIVATION: dtype, STATISTIC: max(dtype, FP32), INDEX: 8, MASK: mask, BOOLEAN: 1}[type]


class Moment(NamedTuple):
    """Everything that is alive at one moment, and the layer that runs then."""

    phase: str
    path: str
    size: Size
