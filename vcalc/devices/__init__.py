"""Devices that networks are trained on: what they compute in a second at most, and where that is printed."""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.source.keys import Key, Made, Number, Pairs, Record, Several, Text, Type, Word, needed
from vcalc.source.read import read, read_file

FILE = os.path.join(os.path.dirname(__file__), "devices.yaml")

DTYPES = ("bfloat16", "float16", "tf32", "float32", "float8")
"""The types of operands that a device has a rate for; tf32 is float32 with products of fewer bits."""

ALIASES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "fp8": "float8", "tensorfloat32": "tf32"}


class Device(NamedTuple):
    """A device: peak rates in FLOP/s by dtype, memory in bytes, bandwidth in bytes a second, power in watts."""

    name: str
    title: str
    unit: str
    """What one of it is called: a GPU, a chip, a core."""
    peak: dict[str, float]
    source: str
    memory: float | None = None
    bandwidth: float | None = None
    power: float | None = None
    power_is: str = ""
    """What the power is: a bound, or measured."""
    unverified: tuple[str, ...] = ()
    """The figures for which no page of the maker was seen."""

    def dtype(self, name: str = "") -> str:
        """The full name of a dtype that the device has a rate for; without a name, the one it trains in."""
        if not name:
            return next(iter(self.peak))
        full = ALIASES.get(name.lower(), name.lower())
        if full not in self.peak:
            known = f"it has one for {', '.join(self.peak)}"
            raise VcalcError("dtype", f"{self.title} has no peak rate for {quoted(name)}", hint=known)
        return full


def _times(unit: float) -> Type:
    """A number of so many."""
    return Made(Number(), lambda number: number * unit)


DEVICE = Record(
    "a device",
    (
        Key("title", Text(), "What it is called."),
        Key("unit", Text(), "What one of it is called."),
        Key(
            "peak",
            Made(Pairs(_times(1e12), names=Word(*DTYPES)), dict),
            "Peak rates in TFLOP/s by dtype, that of training first.",
        ),
        Key("source", Text(), "Where that is printed."),
        Key("memory", _times(1e9), "Memory in GB."),
        Key("bandwidth", _times(1e9), "Bandwidth in GB/s."),
        Key("power", Number(), "Power in W."),
        Key("power_is", Text(), "What the power is: a bound, or measured.", ""),
        Key("unverified", Several(Text()), "The figures for which no page of the maker was seen.", ()),
    ),
    needed("title", "unit", "peak", "source"),
)


@cache
def devices() -> dict[str, Device]:
    """The devices that come with vcalc, by name."""
    source, root = read(read_file(FILE, "a list of devices"), FILE)
    found = Pairs(DEVICE).read(source, root, "devices")
    source.raise_problems()
    return {name: Device(name, **said) for name, said in found}


def of_peak(rate: float) -> Device:
    """A device of which nothing is known but its peak rate in FLOP/s."""
    return Device("", title="as said", unit="device", peak={"": rate}, source="as said")


def names() -> list[str]:
    """Every device's name."""
    return list(devices())


def find(name: str) -> Device:
    """A device by name in any spelling. Raises VcalcError for an unknown one, with the nearest."""
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    if wanted not in devices():
        hint = suggestion(wanted, names(), "`vcalc devices` lists them; there are")
        raise VcalcError("device", f"there is no device {quoted(name)}", hint=hint)
    return devices()[wanted]
