"""Every model of the catalogue on a device: counts, memory measured beside predicted, time, share of the device's peak.

python benchmarks/gpu.py                                    all that fits, on cuda, batch 32, into benchmarks/gpu.json
python benchmarks/gpu.py --device cpu --batch 2 vgg11       one model on a CPU, where no memory is measured
python benchmarks/gpu.py --table benchmarks/gpu.json        the measured file as a Markdown table

Each model runs forward, and forward and backward, in fp32 and bf16, in torch's usual layout and channels-last. The
peak is `torch.cuda.max_memory_allocated` of one run after one that warms up; the prediction is `vcalc memory`'s. The
gap is what the allocator rounds up (to 512 bytes a tensor), and the workspaces of the libraries that torch calls.
"""

from __future__ import annotations

import gc
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import click

from vcalc import __version__, conventions
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, INFERENCE, TRAINING, Plan
from vcalc.devices import devices
from vcalc.errors import VcalcError
from vcalc.spec.find import load, model_names
from vcalc.spec.network import Network, expand
from vcalc.torch_backend import needed
from vcalc.torch_backend.build import build, example
from vcalc.torch_backend.validate import validate

HERE = Path(__file__).parent
DTYPES = ("float32", "bfloat16")


def peak_rate(device: str, dtype: str) -> float | None:
    """The peak in FLOP/s of a device that torch calls by this name, where vcalc has it."""
    words = device.lower().replace("_", " ").replace("-", " ").split()
    for name, known in devices().items():
        if name.partition("-")[0] in words and dtype in known.peak:
            return known.peak[dtype]
    return None


def plan(dtype: str, training: bool, device: str) -> Plan:
    """How the model is run here: no optimizer takes a step."""
    return Plan(
        mode=TRAINING if training else INFERENCE,
        dtype=dtype,
        optimizer="sgd",
        device="cpu" if device == "cpu" else "cuda",
    )


def predicted(network: Network, how: Plan, batch: int) -> int:
    """Peak bytes of a forward pass, and of the backward pass after it in training."""
    memory = Memory(network.graph, how)
    phases = (FORWARD, BACKWARD) if how.training else ("",)
    return max(int(memory.peak(batch, phase).size.at(batch)) for phase in phases)


def capacity(torch: Any, device: str) -> int:
    """Bytes that the device has free; all that a CPU's machine has."""
    if device.startswith("cuda"):
        free: int = torch.cuda.mem_get_info()[0]
        return free
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Runner:
    """One network on the device, in one dtype and layout."""

    def __init__(self, torch: Any, network: Network, device: str, dtype: str, channels_last: bool, batch: int) -> None:
        self.torch = torch
        self.device = device
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.network = build(network, device, dtype)
        self.input = example(network, batch, device, dtype)
        if self.input.dim() == 4:
            self.network = self.network.to(memory_format=self.layout)
            self.input = self.input.to(memory_format=self.layout)

    def once(self, training: bool) -> None:
        """A forward pass, and a backward pass of the outputs' sum."""
        self.network.train(training)
        with self.torch.set_grad_enabled(training):
            output = self.network(self.input)
        if training:
            output.sum().backward()
            for parameter in self.network.parameters():
                parameter.grad = None

    def wait(self) -> None:
        """Let the device finish."""
        if self.device.startswith("cuda"):
            self.torch.cuda.synchronize()

    def peak(self, training: bool) -> int | None:
        """Bytes allocated at most during a run; None where torch does not count them."""
        self.once(training)
        if not self.device.startswith("cuda"):
            return None
        self.wait()
        self.torch.cuda.reset_peak_memory_stats()
        self.once(training)
        self.wait()
        bytes_: int = self.torch.cuda.max_memory_allocated()
        return bytes_

    def seconds(self, training: bool, runs: int) -> float:
        """The median time of a run."""
        times = []
        for _ in range(runs):
            self.wait()
            start = time.perf_counter()
            self.once(training)
            self.wait()
            times.append(time.perf_counter() - start)
        return median(times)


def measured(
    torch: Any, network: Network, device: str, name: str, dtype: str, channels_last: bool, batch: int, runs: int
) -> list[dict[str, Any]]:
    """Forward, and forward and backward, of one model; a reason instead where it does not fit."""
    counts = conventions.load("torch")
    flops = sum(counts.flops(node.facts, batch) for node in network.graph.nodes)
    rows: list[dict[str, Any]] = []
    for training in (False, True):
        how = plan(dtype, training, device)
        row = {
            "model": network.name,
            "dtype": dtype,
            "channels_last": channels_last,
            "mode": how.mode,
            "batch": batch,
            "predicted_bytes": predicted(network, how, batch),
        }
        rows.append(row)
        if row["predicted_bytes"] > 0.9 * capacity(torch, device):
            row["skipped"] = "does not fit"
            continue
        try:
            runner = Runner(torch, network, device, dtype, channels_last, batch)
            row["measured_bytes"] = runner.peak(training)
            row["seconds"] = runner.seconds(training, runs)
        except (RuntimeError, NotImplementedError) as error:
            row["skipped"] = str(error).strip().splitlines()[0][:120]
            continue
        finally:
            runner = None  # type: ignore[assignment]
            gc.collect()
        rate = peak_rate(name, dtype)
        done = flops * (3 if training else 1)
        row["share_of_peak"] = done / row["seconds"] / rate if rate else None
        if row["measured_bytes"]:
            row["measured_to_predicted"] = row["measured_bytes"] / row["predicted_bytes"]
    return rows


def write(record: dict[str, Any], path: Path) -> None:
    """Write the file whole or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(json.dumps(record, indent=1) + "\n")
    os.replace(file.name, path)


def table(record: dict[str, Any]) -> str:
    """The measured file as Markdown."""
    lines = [
        f"{record['device_name']}, torch {record['torch']}, vcalc {record['vcalc']}, batch {record['batch']}.",
        "",
        "| model | dtype | layout | mode | predicted MB | measured MB | ratio | ms | share of peak |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in record["rows"]:
        start = [row["model"], row["dtype"], "channels-last" if row["channels_last"] else "usual", row["mode"]]
        cells = [*start, f"{row['predicted_bytes'] / 2**20:,.1f}"]
        if "skipped" in row:
            lines.append("| " + " | ".join([*cells, row["skipped"], "", "", ""]) + " |")
            continue
        measured_bytes, share = row["measured_bytes"], row["share_of_peak"]
        cells += [
            f"{measured_bytes / 2**20:,.1f}" if measured_bytes else "not counted",
            f"{row['measured_to_predicted']:.3f}" if measured_bytes else "",
            f"{row['seconds'] * 1e3:,.2f}",
            f"{share:.1%}" if share else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("models", nargs=-1)
@click.option("--device", default="cuda", show_default=True)
@click.option("--batch", default=32, show_default=True)
@click.option("--runs", default=5, show_default=True, help="Timed runs, of which the median counts.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), default=HERE / "gpu.json")
@click.option("--table", "file", type=click.Path(exists=True, path_type=Path), help="Print a measured file as a table.")
def main(models: tuple[str, ...], device: str, batch: int, runs: int, output: Path, file: Path | None) -> None:
    """Measure MODELS, or every model of the catalogue, and write the file."""
    if file:
        click.echo(table(json.loads(file.read_text(encoding="utf-8"))), nl=False)
        return
    try:
        record = measure_all(models or tuple(model_names()), device, batch, runs)
    except VcalcError as error:
        raise click.ClickException(str(error)) from None
    write(record, output)
    click.echo(table(record), nl=False)
    click.echo(f"{record['mismatches']} mismatches of counts; written to {output}")
    if record["mismatches"]:
        raise SystemExit(1)


def measure_all(models: tuple[str, ...], device: str, batch: int, runs: int) -> dict[str, Any]:
    """The record of a whole run."""
    torch = needed("torch", "this benchmark")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise VcalcError("device", "torch finds no CUDA device", hint="--device cpu --batch 2")
    name = torch.cuda.get_device_name() if device.startswith("cuda") else "CPU"
    rows: list[dict[str, Any]] = []
    mismatches = 0
    for model in models:
        network = expand(*load(model))
        for dtype in DTYPES:
            mismatches += sum(not check.holds for check in validate(network, device, dtype, batch=1))
            for channels_last in (False, True):
                rows += measured(torch, network, device, name, dtype, channels_last, batch, runs)
        click.echo(f"{model} done", err=True)
    return {
        "schema": 1,
        "device": device,
        "device_name": name,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "vcalc": __version__,
        "batch": batch,
        "mismatches": mismatches,
        "rows": rows,
    }


if __name__ == "__main__":
    main()
