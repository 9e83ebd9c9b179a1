"""`vcalc training` and `vcalc devices`: what training takes, and on what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from vcalc.cli.options import AS, CONVENTION, DEVICE, INPUT, MODEL, SET, reporting
from vcalc.cli.request import Request
from vcalc.reports.table import Report

if TYPE_CHECKING:
    from vcalc.devices import Device
    from vcalc.spec.schedule import Schedule


@click.command("training", short_help="FLOPs of training, and the time on a device.")
@click.argument("model", type=MODEL)
@click.option("--images", metavar="COUNT", help="Images an epoch: 1281167, 1.28M or a name; the spec's if not said.")
@click.option("--epochs", metavar="COUNT", help="How often each is seen: a number or a name; the spec's if not said.")
@click.option("--steps", metavar="COUNT", help="Steps of --batch images, in place of --images and --epochs.")
@click.option("--batch", metavar="COUNT", help="Images a step.")
@click.option("--device", type=DEVICE, help="Where it is trained: a name of `vcalc devices`.")
@click.option("--peak", metavar="RATE", help="In place of --device: the peak rate of one, in FLOP/s: 312T.")
@click.option("--devices", type=click.IntRange(1, 10**6), default=1, show_default=True, help="On how many of them.")
@click.option("--dtype", metavar="NAME", default="", help="Whose peak rate counts: bf16, ...; that of training.")
@click.option("--utilization", metavar="SHARE", help="The share of the peak that is used: 0.4 or 40%.")
@click.option("--measured", metavar="TIME", help="How long it took: '2.5k core-days', '15.4 hours' on --devices.")
@click.option("--convention", type=CONVENTION, default="flops", show_default=True, help="How to count the FLOPs.")
@SET
@INPUT
@AS
@reporting
def training_command(
    model: str,
    images: str | None,
    epochs: str | None,
    steps: str | None,
    batch: str | None,
    device: str | None,
    peak: str | None,
    devices: int,
    dtype: str,
    utilization: str | None,
    measured: str | None,
    convention: str,
    settings: tuple[str, ...],
    input_: tuple[str, ...],
    library: str,
) -> Report:
    """What training a MODEL takes: FLOPs from its schedule, and on a device the time at a share of its peak rate.

    With --measured the share of the peak that such a time implies; the exit code is 1 where that is more than 100%.

    \b
    vcalc training vit-l-16 --images 303M --epochs 14
    vcalc training vit-l-16 --device a100-sxm4-80gb --utilization 0.4
    vcalc training vit-l-16 --peak 312T --devices 64 --measured '40 hours'
    vcalc training vit-h-14 --device tpu-v3-core --measured '2.5k core-days'
    vcalc training resnet50 --steps 450K --batch 256 --set H=32*h --set W=32*h
    """
    from vcalc import conventions
    from vcalc.analyses.cost import Costs
    from vcalc.analyses.training import Run, Training
    from vcalc.reports.training import Time, training_report
    from vcalc.spec.find import load
    from vcalc.spec.network import expand

    on = _device(device, peak, dtype)
    asked = {"--devices": devices != 1, "--dtype": dtype, "--utilization": utilization, "--measured": measured}
    _check_device(on, asked)
    share = None if utilization is None else _share(utilization)
    time = None if measured is None or on is None else Time(measured, *_time(measured, on, devices))
    spec, entry = load(model)
    given = {"images": images, "epochs": epochs, "steps": steps, "batch": batch}
    schedule = _schedule({name: text for name, text in given.items() if text}, entry.schedule or spec.schedule)
    request = Request(settings, input_, convention, "1", "float32", library)
    network = expand(spec, entry, {**dict(schedule.bindings), **request.given(spec, entry)}, library=library)
    training = Training(Costs(network.graph, conventions.find(convention)), network.graph.nodes, schedule)
    run = Run(schedule, on, devices, on.dtype(dtype) if on else "")
    return training_report(network, training, run, share, time)


@click.command("devices", short_help="The devices: peak rates, memory, bandwidth, power, sources.")
@reporting
def devices_command() -> Report:
    """The devices that networks are trained on: peak rates by dtype, memory, bandwidth, power, and their sources.

    A figure with a question mark was seen on no page of the device's maker.
    """
    from vcalc.reports.training import devices_report

    return devices_report()


def _check_device(device: Device | None, asked: dict[str, Any]) -> None:
    """Refuse what only a device gives a meaning to."""
    from vcalc.errors import VcalcError

    for option, value in asked.items():
        if value and device is None:
            hint = "`vcalc devices` lists them; --peak is for another one"
            raise VcalcError("usage", f"{option} needs --device or --peak", hint=hint)


def _device(name: str | None, peak: str | None, dtype: str) -> Device | None:
    """The device that is named, or one with the peak rate that is said."""
    from vcalc.devices import find, of_peak
    from vcalc.errors import VcalcError, quoted
    from vcalc.numerals import NumeralError, read

    if peak is None:
        return find(name) if name else None
    other = "--device" if name else "--dtype" if dtype else ""
    if other:
        raise VcalcError("usage", f"--peak and {other} do not go together", hint="--peak is the rate of one device")
    message, hint = f"--peak {quoted(peak)} is no rate", "FLOP/s with G, T, P or E: 312T"
    try:
        rate = read(peak, "GTPE", ("flop/s", "flops"))
    except NumeralError as error:
        raise error.error("usage", message, hint) from None
    if not rate.letter or not 0 < rate.number < 10**9:
        raise VcalcError("usage", message, hint=hint)
    return of_peak(float(rate.value()))


def _schedule(given: dict[str, str], own: Schedule | None) -> Schedule:
    """The schedule of the command line; what it leaves out of a spec's own stays."""
    from vcalc.errors import VcalcError
    from vcalc.spec.schedule import Schedule

    figures: dict[str, Any] = {name: _count(name, text) for name, text in given.items()}
    if not given and own is None:
        hint = "--images 1.28M --epochs 300, or a schedule: in the spec"
        raise VcalcError("schedule", "nothing says how long the model is trained", hint=hint)
    if own is not None and {name for name in given if getattr(own, name) is not None} == set(given):
        whole = len(given) == 2
        return Schedule(**figures) if whole else own._replace(**figures)
    return Schedule(**figures).checked()


def _count(name: str, text: str) -> Any:
    """A figure of the schedule, or a symbol where it is a name."""
    from vcalc.language.expression import can_name
    from vcalc.spec.schedule import count

    if can_name(text):
        from vcalc import symbols

        return symbols.symbol(text)
    return count(text, f"--{name}")


def _share(text: str) -> float:
    """`0.4` or `40%`. Raises VcalcError for anything but a share of a whole."""
    from vcalc.errors import VcalcError, quoted
    from vcalc.numerals import NumeralError, read

    message = f"--utilization {quoted(text)} is no share of the peak"
    hint = "a number above 0 and no more than 1: 0.4, or 40%"
    try:
        number, _, _, percent = read(text, words=("%",))
    except NumeralError as error:
        raise error.error("usage", message, hint) from None
    share = number / 100 if percent else number
    if not 0 < share <= 1:
        raise VcalcError("usage", message, hint=hint)
    return float(share)


_UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_TIME = re.compile(r"(?P<figure>.*?)\s*(?:\b(?P<of>[a-z]+)[- ])?(?P<unit>day|hour|minute|second)s?", re.IGNORECASE)


def _time(text: str, device: Device, devices: int) -> tuple[float, bool]:
    """`2.5k core-days` or `15.4 hours`: seconds on all devices together, and whether they were summed in the text."""
    from vcalc.errors import VcalcError, quoted
    from vcalc.spec.schedule import count

    found = _TIME.fullmatch(text.strip())
    if not found:
        message = f"--measured {quoted(text)} is no time"
        raise VcalcError("usage", message, hint=f"'2.5k {device.unit}-days', or '15.4 hours' on --devices {devices}")
    of = (found["of"] or "").lower()
    if of and of not in ("device", device.unit.lower()):
        message = f"--measured {quoted(text)} counts {of}s, and {device.name} is a {device.unit}"
        hint = f"name a device that is a {of}, or write {device.unit}-{found['unit']}s"
        raise VcalcError("usage", message, hint=hint)
    seconds = float(count(found["figure"], "--measured")) * _UNITS[f"{found['unit'].lower()}s"]
    return (seconds, True) if of else (seconds * devices, False)
