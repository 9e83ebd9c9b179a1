"""`vcalc training` and `vcalc devices`: the working of what training takes, and the devices with their figures."""

from __future__ import annotations

from typing import Any, NamedTuple

from vcalc import units
from vcalc.analyses.training import DAY, HOUR, Run, Training
from vcalc.arithmetic import Number, is_symbolic
from vcalc.devices import DTYPES, Device, devices
from vcalc.reports.notes import convention_note, what_is_frozen
from vcalc.reports.table import Amount, Column, Report, Row, Table, inputs_of, inputs_text, plain_value
from vcalc.spec.network import Network

WHOLE = "at the whole peak rate, which no training reaches: say a share, --utilization 0.4"


class Time(NamedTuple):
    """A time that training took: as it was typed, and in seconds of all devices together."""

    text: str
    seconds: float
    summed: bool


def training_report(
    network: Network, training: Training, run: Run, share: float | None = None, measured: Time | None = None
) -> Report:
    """FLOPs of training; on a device the time at a share of its peak, and the share that a time implies."""
    made = _Working(training, run, share, measured)
    columns = [
        Column("what", "what", prose=True),
        Column("working", "working", prose=True, drop=1),
        Column("value", "value", number=True, text=str),
    ]
    rows = [Row(cells, "total" if cells.get("total") else "layer", sums=False) for cells in made.rows()]
    title = f"{network.title} ({network.name}), {inputs_text(network.graph.inputs)}, {run.schedule}"
    table = Table(title, columns, rows, made.notes())
    utilization = made.implied
    holds = utilization is None or is_symbolic(utilization) or bool(utilization <= 1)
    return Report([table], made.record(network), holds=holds)


class _Working:
    """What the table, the notes and the record of one training say."""

    def __init__(self, training: Training, run: Run, share: float | None, measured: Time | None) -> None:
        self.training = training
        self.run = run
        self.share = share
        self.measured = measured
        device = run.device
        self.rate = device.peak[run.dtype] if device else None
        self.seconds: Number = training.seconds(self.rate, 1, share or 1) if self.rate else None
        """Of all devices together, at the share of the peak that was said, or the whole."""
        self.takes: Number = measured.seconds if measured and share is None else self.seconds
        """The time that energy is used for: the one measured, unless a share was said."""
        self.implied = training.utilization(measured.seconds, self.rate) if measured and self.rate else None

    def rows(self) -> list[dict[str, Any]]:
        """The table, row by row."""
        training = self.training
        unit = training.convention.unit
        passes = "forward once, backward twice as much" if training.factor == 3 else "as the convention says"
        rows = [
            _row("one image forward", f"under {training.convention.name}", large(training.forward, unit)),
            _row("passes a step", passes, Amount(training.factor, "", f"x {training.factor}")),
            _row(
                "images seen", str(self.run.schedule), Amount(training.images, "", f"x {units.exact(training.images)}")
            ),
            {**_row("training", "the product", large(training.flops, unit)), "total": True},
        ]
        return [*rows, *self.on_device(self.run.device)] if self.run.device else rows

    def on_device(self, device: Device) -> list[dict[str, Any]]:
        """The peak, the time, the energy, and what a measured time implies."""
        run, rate = self.run, ", ".join(filter(None, (device.title, self.run.dtype)))
        rows = [_row("peak rate", rate, large(self.rate, "FLOP/s"))]
        at = "the whole peak" if self.share is None else f"{self.share:.4g} of the peak"
        rows.append({**_row(f"time at {at}", "training / rate", span(self.seconds, f"{device.unit}-")), "total": True})
        if run.devices != 1:
            rows.append(_row(f"on {run.devices} of them", f"/ {run.devices}", span(self.seconds / run.devices)))
        if device.power:
            time = "time" if self.takes is self.seconds else "time measured"
            power = f"{device.power:g} W ({device.power_is}) x {time}"
            rows.append(_row("energy", power, _energy(self.takes * device.power)))
        if self.measured:
            took = f"time at the whole peak / {self.measured.text}"
            if not self.measured.summed and run.devices != 1:
                took += f" x {run.devices}"
            rows.append({**_row("implied utilization", took, _percent(self.implied)), "total": True})
        return rows

    def notes(self) -> list[str]:
        """How it was counted, and from where."""
        run, device = self.run, self.run.device
        notes = [convention_note(self.training.convention)]
        if frozen := what_is_frozen(self.training.nodes):
            notes.append(f"as if all were trained; gradients of frozen parameters take no work ({frozen})")
        if run.schedule and run.schedule.source:
            notes.append(f"schedule: {run.schedule.source}")
        if device is None:
            return notes
        notes.append(
            f"{device.name or 'peak rate'}: {device.source}; a multiply-add is two operations of its peak rate"
        )
        if device.unverified:
            notes.append(f"{device.name}: not seen on a page of its maker: {', '.join(device.unverified)}")
        if self.share is None and self.measured is None:
            notes.append(WHOLE)
        if self.implied is not None and not is_symbolic(self.implied) and self.implied > 1:
            notes.append("more than the whole peak: the schedule, the device or the time is another one")
        return notes

    def record(self, network: Network) -> dict[str, Any]:
        """The JSON contract of `vcalc training`."""
        training, run = self.training, self.run
        assert run.schedule is not None
        schedule = run.schedule._asdict()
        figures = {key: _plain(schedule[key]) for key in ("images", "epochs", "steps", "batch")}
        return {
            "schema": 1,
            "model": network.name,
            "title": network.title,
            **inputs_of(network.graph.inputs, by_name=True),
            "convention": training.convention.name,
            "unit": training.convention.unit,
            "multiply_add": training.convention.multiply_add,
            "schedule": {**figures, "set": dict(run.schedule.bindings), "source": run.schedule.source},
            "forward": plain_value(training.forward),
            "passes": training.factor,
            "images": plain_value(training.images),
            "flops": plain_value(training.flops),
            "device": device_record(run.device) if run.device else None,
            "devices": run.devices if run.device else None,
            "dtype": run.dtype or None,
            "utilization": self.share,
            "device_seconds": plain_value(self.seconds),
            "seconds": None if self.seconds is None else plain_value(self.seconds / run.devices),
            "joules": plain_value(self.takes * run.device.power) if run.device and run.device.power else None,
            "measured": {
                "printed": self.measured.text,
                "device_seconds": self.measured.seconds,
                "utilization": plain_value(self.implied),
            }
            if self.measured
            else None,
        }


def _row(what: str, working: str, value: Amount) -> dict[str, Any]:
    return {"what": what, "working": working, "value": value}


def _plain(figure: Any) -> Any:
    """A figure of a schedule as JSON has it: half an epoch as 0.5."""
    return figure if figure is None or isinstance(figure, int) else plain_value(_float(figure))


def _float(figure: Any) -> Any:
    return figure if is_symbolic(figure) else float(figure)


def large(value: Any, unit: str) -> Amount:
    """A count with K to E before its unit: `1,567 EFLOPs`."""
    if is_symbolic(value):
        return Amount(value, unit, f"{value} {unit}")
    for letter, factor in (("E", 10**18), ("P", 10**15)):
        if value >= factor:
            short = f"{value / factor:,.4g}" if value < 1000 * factor else f"{value / factor:,.0f}"
            return Amount(value, unit, f"{short} {letter}{unit}")
    return Amount(value, unit, units.rounded(value, unit))


def span(seconds: Any, prefix: str = "") -> Amount:
    """A time in days, or in hours where it is less than two: `801.3 core-days`."""
    return Amount(seconds, f"{prefix}seconds", _span(seconds, prefix))


def _span(seconds: Any, prefix: str) -> str:
    if is_symbolic(seconds):
        return f"({_short(seconds / HOUR)}) {prefix}hours"
    for unit, length in (("days", DAY), ("hours", HOUR), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {prefix}{unit}"
    return f"{seconds:,.3g} {prefix}seconds"


def _energy(joules: Any) -> Amount:
    hours = joules / 3.6e6
    text = f"({_short(hours)})" if is_symbolic(hours) else f"{hours:,.1f}" if hours >= 1 else f"{hours:,.3g}"
    return Amount(joules, "joules", f"{text} kWh")


def _percent(share: Any) -> Amount:
    text = f"({_short(share)})" if is_symbolic(share) else f"{share:.1%}"
    return Amount(share, "of the peak", f"{text} of the peak")


def _short(formula: Any) -> str:
    """A formula with six digits of each number; JSON has them all."""
    return str(formula.evalf(6))


def devices_report() -> Report:
    """Every device: peak rates, memory, bandwidth, power, source."""
    columns = [
        Column("name", "device"),
        Column("unit", "is a", drop=4),
        *(Column(dtype, dtype, "peak rate in TFLOP/s", number=True, text=str) for dtype in DTYPES),
        Column("memory", "GB", "memory", number=True, drop=2, text=str),
        Column("bandwidth", "GB/s", "memory bandwidth", number=True, drop=3, text=str),
        Column("power", "W", "power", number=True, drop=2, text=str),
        Column("power_is", "power is", prose=True, drop=5),
        Column("source", "source", prose=True, drop=1),
    ]
    rows = [Row(_cells(device), "layer") for device in devices().values()]
    notes = [
        "peak rates in TFLOP/s of dense products; a multiply-add is two operations",
        "?: seen on no page of the device's maker",
    ]
    records = [device_record(device) for device in devices().values()]
    with_doubts = Table("", [*columns, Column("unverified", "unverified")], rows)
    return Report([Table(f"{len(rows)} devices", columns, rows, notes)], records, with_doubts)


def _cells(device: Device) -> dict[str, Any]:
    cells: dict[str, Any] = {"name": device.name, "unit": device.unit, "source": device.source}
    cells |= {dtype: Amount(rate / 1e12, "", f"{rate / 1e12:g}") for dtype, rate in device.peak.items()}
    figures = {"memory": (device.memory, 1e9), "bandwidth": (device.bandwidth, 1e9), "power": (device.power, 1)}
    for key, (value, scale) in figures.items():
        if value is not None:
            cells[key] = Amount(value / scale, "", f"{value / scale:g}{' ?' if key in device.unverified else ''}")
    return {**cells, "power_is": device.power_is or None, "unverified": ", ".join(device.unverified)}


def device_record(device: Device) -> dict[str, Any]:
    """A device as data, in FLOP/s, bytes, bytes a second and watts."""
    return {**device._asdict(), "unverified": list(device.unverified)}
