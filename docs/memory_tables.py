"""The tables of docs/memory.md that show torch's figures beside vcalc's: measured ones from benchmarks/memory.json."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from vcalc.analyses.liveness import Run
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, INFERENCE, TRAINING, Plan
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand

DATA = Path(__file__).parents[1] / "benchmarks" / "memory.json"
_TABLE = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Row = dict[str, Any]


def record() -> Row:
    """The measured file."""
    found: Row = json.loads(DATA.read_text(encoding="utf-8"))
    return found


@cache
def network(model: str, library: str) -> Network:
    """The model as the library calls its layers."""
    return expand(*load(model), library=library)


def figures(row: Row, modules: bool = False) -> dict[str, int]:
    """What vcalc says of a row's training, in the same words."""
    return _training(row["model"], row["library"], row["batch"], modules)


def inference(row: Row, modules: bool = False) -> int:
    """The peak of a row's inference."""
    return peak(_run(INFERENCE, row["model"], row["library"], row["batch"], modules), FORWARD, row["batch"])


@cache
def _training(model: str, library: str, batch: int, modules: bool) -> dict[str, int]:
    run = _run(TRAINING, model, library, batch, modules)
    return {
        "saved": sum(size.at(batch) for size in run.saved_by),
        "forward": peak(run, FORWARD, batch),
        "backward": peak(run, BACKWARD, batch),
    }


def _run(mode: str, model: str, library: str, batch: int, modules: bool) -> Run:
    """A pass on paper: torchvision's activations run in place, timm's of these do not.

    The gradients of several readers are added anew, as torch adds them where it is measured.
    """
    in_place = library == "torchvision"
    plan = Plan(mode, in_place=in_place, device="cpu", modules=modules, single=batch == 1).checked()
    return Run(network(model, library).graph, plan, watched=True)


def peak(run: Run, phase: str, batch: int, layer: str = "") -> int:
    """The most that is alive in a phase, or while a layer runs in it."""
    return max(
        int(each.size.at(batch)) for each in run.moments if each.phase == phase and layer in ("", each.path)
    )  # fmt: skip


def training_table(rows: list[Row]) -> str:
    """Saved bytes and both peaks of training."""
    lines = [
        "| network | of | batch | saved | | forward peak | | backward peak | |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ours = figures(row)
        cells = [row["name"], row["library"], str(row["batch"])]
        for name in ("saved", "forward", "backward"):
            cells += [f"{row[name]:,}", _difference(ours[name], row[name])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def inference_table(rows: list[Row]) -> str:
    """The peak of inference by both definitions."""
    lines = [
        "| network | of | batch | torch | alive | | `--modules` | |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        cells = [row["name"], row["library"], str(row["batch"]), f"{row['inference']:,}"]
        for modules in (False, True):
            ours = inference(row, modules)
            cells += [f"{ours:,}", _difference(ours, row["inference"])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _difference(ours: int, theirs: int) -> str:
    """How much more vcalc says, in percent; nothing where it says the same."""
    return f"{100 * (ours - theirs) / theirs:+.2f}%" if ours != theirs else "="


TABLES: dict[str, Callable[[list[Row]], str]] = {"training": training_table, "inference": inference_table}


def measured_beside(text: str) -> str:
    """A page whose marked tables say what the measured file and vcalc say now."""
    rows = record()["rows"]
    return _TABLE.sub(lambda found: f"{found[1]}{TABLES[found[2]](rows)}{found[3]}", text)
