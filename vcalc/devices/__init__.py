"""Devices that networks are trained on: what they compute in a second at most, and where that is printed."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, NamedTuple

from vcalc.errors import VcalcError, quoted, suggestion

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


@cache
def devices() -> dict[str, Device]:
    """The devices that come with vcalc, by name."""
    import yaml

    with open(FILE, encoding="utf-8") as file:
        entries = yaml.safe_load(file)
    return {name: _device(name, entry) for name, entry in entries.items()}


def of_peak(rate: float) -> Device:
    """A device of which nothing is known but its peak rate in FLOP/s."""
    return Device("", title="as said", unit="device", peak={"": rate}, source="as said")


def _device(name: str, entry: dict[str, Any]) -> Device:
    """A device in FLOP/s, bytes and bytes a second, from tera and giga."""
    return Device(
        name,
        title=entry["title"],
        unit=entry["unit"],
        peak={dtype: rate * 1e12 for dtype, rate in entry["peak"].items()},
        source=entry["source"],
        memory=entry["memory"] * 1e9 if "memory" in entry else None,
        bandwidth=entry["bandwidth"] * 1e9 if "bandwidth" in entry else None,
        power=entry.get("power"),
        power_is=entry.get("power_is", ""),
        unverified=tuple(entry.get("unverified", ())),
    )


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
