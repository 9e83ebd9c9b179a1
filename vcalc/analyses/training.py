"""What training a network takes: FLOPs, and from a device's peak rate the least time, or the share of it that was used.

One formula: images seen x forward passes a step x FLOPs of one forward pass. A step comes to three forward passes: one
forward, and backward the gradients of the inputs and of the weights, each as many multiply-adds as the forward pass
(Amodei & Hernandez, "AI and Compute", 2018, appendix; a convention may say another number). A device's peak counts a
multiply-add as two operations, so time is taken from the FLOPs with two for each, whatever the convention's unit.
"""

from __future__ import annotations

from typing import NamedTuple

from vcalc.analyses.cost import Costs, collected
from vcalc.arithmetic import Number
from vcalc.devices import Device
from vcalc.errors import VcalcError
from vcalc.graph import Node
from vcalc.spec.schedule import Schedule

HOUR, DAY = 3600, 86400

METRICS = {
    "training_flops": "FLOPs of the whole training, in the convention's unit",
    "training_days": "days of training on the device, at least",
    "training_hours": "hours of training on the device, at least",
}
"""What can be asked of a network with a schedule, and what it means."""

TIMES = {"training_days": DAY, "training_hours": HOUR}
"""The metrics that are times, in seconds: a published one implies how much of the peak was used."""


class Run(NamedTuple):
    """How a network is trained: on a schedule, and on some number of a device."""

    schedule: Schedule | None = None
    device: Device | None = None
    devices: int = 1
    dtype: str = ""
    """The dtype of the peak rate; the one that the device trains in where it is empty."""

    def __str__(self) -> str:
        several = f"{self.devices} x " if self.devices != 1 else ""
        on = f"on {several}{self.device.name}" if self.device else ""
        return ", ".join(part for part in (str(self.schedule or ""), on) if part)


class Training:
    """The FLOPs of training some layers of a network on a schedule, step by step of the formula."""

    def __init__(self, costs: Costs, nodes: list[Node], schedule: Schedule) -> None:
        self.convention, self.nodes = costs.convention, nodes
        if not self.convention.multiply_add:
            message = f"{self.convention.name} counts no multiply-adds, so that it says nothing of training"
            raise VcalcError("convention", message, hint="--convention flops")
        self.forward: Number = costs.figure(nodes, "flops")
        """One forward pass of one image, in the convention's unit."""
        self.factor = costs.convention.training
        self.images: Number = schedule.seen
        self.flops: Number = collected(self.forward * self.factor * self.images)

    @property
    def operations(self) -> Number:
        """The FLOPs as a device's peak counts them, two for a multiply-add."""
        weight = self.convention.multiply_add
        return self.flops * 2 / weight if 2 % weight else self.flops * (2 // weight)

    def seconds(self, rate: float, devices: int = 1, utilization: float = 1) -> Number:
        """The time on some devices of a peak rate, of which a share is used."""
        return self.operations / (rate * devices * utilization)

    def utilization(self, seconds: float, rate: float, devices: int = 1) -> Number:
        """The share of the peak that was used where training took so long."""
        return self.operations / (rate * devices * seconds)


def measure(metric: str, run: Run, costs: Costs, nodes: list[Node]) -> Number:
    """One of METRICS. Raises VcalcError where the run lacks what it needs."""
    if run.schedule is None:
        raise VcalcError("schedule", f"{metric} needs a schedule: images and epochs, or steps and batch")
    training = Training(costs, nodes, run.schedule)
    if metric not in TIMES:
        return training.flops
    if run.device is None:
        raise VcalcError("device", f"{metric} needs a device", hint="device: tpu-v3-core; `vcalc devices` lists them")
    return training.seconds(run.device.peak[run.device.dtype(run.dtype)], run.devices) / TIMES[metric]
