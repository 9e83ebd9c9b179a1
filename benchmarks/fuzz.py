"""Hostile specs, a million of them, through everything that reads a spec. Run by hand: python benchmarks/fuzz.py

    python benchmarks/fuzz.py --cases 1000000 --seed 0 --jobs 2 --out failed/ --record

A case goes through `fmt`, `check`, and the `table` of each of its models. It fails on any exception but a VcalcError,
on more than two seconds of CPU in any of them or 300 MB, and when it opens a file, imports a module or runs anything
beyond itself and vcalc's own catalogue. The same seed gives the same cases.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import multiprocessing
import os
import pkgutil
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

from fuzz_cases import ROOT, case, corpus, trees

import vcalc
from vcalc import conventions
from vcalc.analyses import check
from vcalc.analyses.cost import Costs
from vcalc.errors import VcalcError
from vcalc.render.check import FORMATS, render_check
from vcalc.reports.check import CheckReport
from vcalc.reports.layers_table import table_report
from vcalc.spec import find
from vcalc.spec.layout import formatted
from vcalc.spec.network import expand

SECONDS = 2.0
MEGABYTES = 300
CHUNK = 500
RECORD = Path(__file__).with_name("fuzz.json")

DENIED = ("open", "import", "exec", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "urllib.", "glob.")
PACKAGES = ("vcalc", "sympy", "mpmath")
"""Imported piece by piece as they are needed; nothing in a spec names a piece."""


class Hang(BaseException):
    """More CPU than a case may take; no Exception, so that no handler on the way takes it for one."""


class Guard:
    """An audit hook that notes what a case does beyond reading its own file and the catalogue."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.watching = False
        self.seen: list[str] = []
        folders = (find.catalogue(), conventions.FOLDER)
        self.data = tuple(os.path.join(folder, "") for folder in folders)
        self.code = tuple(
            os.path.join(os.path.dirname(os.path.abspath(str(sys.modules[name].__file__))), "")
            for name in PACKAGES
            if name in sys.modules
        )
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note an event that is not allowed."""
        if self.watching and event.startswith(DENIED) and not self.allowed(event, arguments):
            self.seen.append(f"{event} {arguments[:1]!r:.200}")

    def allowed(self, event: str, arguments: tuple[Any, ...]) -> bool:
        """Whether the code does that of its own."""
        what = arguments[0] if arguments else None
        if event == "import":
            return str(what).partition(".")[0] in PACKAGES
        if event == "exec":  # SymPy writes the multiplication of monomials as code: numbers alone go in
            if sys._getframe(2).f_code.co_filename.endswith("monomials.py"):
                return True
            return str(getattr(what, "co_filename", "")).startswith(self.code)
        if event in ("os.listdir", "os.scandir"):
            return os.path.join(str(what), "").startswith((*self.data, *self.code))
        if event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return False
        path = str(what)
        if ".." in path:
            return False
        data = path.startswith(self.data) and path.endswith((".yaml", "index.json"))
        return path == self.file or data or (path.startswith(self.code) and path.endswith((".py", ".pyc")))


def run(path: str, text: str, dice: random.Random) -> str:
    """Take a case through the commands; what becomes of it. Raises whatever is no VcalcError."""
    outcome = "refused"
    if dice.random() < 0.3:
        with contextlib.suppress(VcalcError):
            formatted(text, path)
        State.laps.append(time.process_time())
    report = CheckReport([check.check_file(path)])
    render_check(report, dice.choice(FORMATS))
    State.laps.append(time.process_time())
    if not report.files[0].models:
        return outcome
    spec = find.load_file(path)
    first = next(iter(spec.models.values()))
    sides = [(first, option) for option in spec.options.values()]
    for entry, option in ([(entry, None) for entry in spec.models.values()] if spec.layers else sides)[:8]:
        with contextlib.suppress(VcalcError):
            given = {} if option or dice.random() < 0.8 else _given(spec, dice)
            network = expand(spec, entry, given, option)
            costs = Costs(network.graph, conventions.load(dice.choice(conventions.names())))
            costs.total(network.graph.nodes)
            table = table_report(network, costs)
            assert table.record if dice.random() < 0.5 else table.complete
            outcome = "counted in symbols" if network.symbolic else "counted"
        State.laps.append(time.process_time())
    return outcome


def _given(spec: Any, dice: random.Random) -> dict[str, Any]:
    """Sizes and hyperparameters bound to symbols, as `--set` does."""
    names = [*(name for name in ("H", "W", "C", "N", "D") if name in spec.input), *spec.let]
    return {name: f"{dice.choice((1, 7, 32))}*{name.lower()}" for name in dice.sample(names, min(len(names), 2))}


# One process of several


class State:
    """The file of the case that runs in this process, when each of its commands ended, and what watches it."""

    path = ""
    laps: ClassVar[list[float]] = []
    guard: Guard | None = None


def begin(folder: str) -> None:
    """Make a process of its own ready."""
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    warm_up(os.path.join(folder, f"{os.getpid()}.yaml"))
    gc.collect()
    gc.freeze()  # a case pays for what it makes, not for what all of them stand on
    signal.signal(signal.SIGPROF, _hang)


def warm_up(path: str) -> None:
    """Import everything that is imported late, read the conventions, and watch from then on."""
    for module in pkgutil.walk_packages(vcalc.__path__, "vcalc."):
        if "torch" not in module.name and not module.name.endswith("__main__"):
            import_module(module.name)
    State.path = path
    dice = random.Random(0)
    for _ in range(200):
        with contextlib.suppress(Exception):
            attempt(case(dice)[1], dice)
    for name in conventions.names():
        conventions.load(name)
    State.guard = Guard(path)


def _hang(*_: Any) -> None:
    raise Hang


def attempt(text: str, dice: random.Random) -> str:
    """Write a case to its file and run it, watched once the process is ready."""
    guard, path = State.guard, State.path
    with open(path, "wb") as file:
        file.write(text.encode("utf-8", "surrogatepass"))
    if guard is None:
        return run(path, text, dice)
    guard.seen.clear()
    guard.watching = True
    try:
        return run(path, text, dice)
    finally:
        guard.watching = False


def judged(text: str, seed: str) -> tuple[str, str, float]:
    """What becomes of a case, what is wrong with it if anything, and how long its longest command took."""
    wrong, outcome = "", "failed"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    State.laps[:] = [time.process_time()]
    signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)
    try:
        outcome = attempt(text, random.Random(seed))
    except Hang:
        wrong = "more than four seconds"
    except Exception as error:  # noqa: BLE001, whatever it is, it is a finding
        where = traceback.extract_tb(error.__traceback__)[-1]
        wrong = f"{type(error).__name__}: {error!s:.200} at {where.filename.removeprefix(str(ROOT))}:{where.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    State.laps.append(time.process_time())
    seconds = max(end - start for start, end in pairwise(State.laps))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if not wrong and seconds > SECONDS:
        wrong = f"{seconds:.2f} seconds"
    if not wrong and peak > max(before, MEGABYTES * 1024):
        wrong = f"{peak // 1024} MB"
    if not wrong and State.guard and State.guard.seen:
        wrong = "; ".join(State.guard.seen[:3])
    return ("failed" if wrong else outcome), wrong, seconds


def chunk(task: tuple[int, int, int]) -> dict[str, Any]:
    """Run some cases; what becomes of them in numbers, and those that fail."""
    seed, start, end = task
    counts: Counter[tuple[str, str]] = Counter()
    slowest, failures = (0.0, ""), []
    for number in range(start, end):
        if number % 100 == 0:
            find._parse.cache_clear()  # every case is a file of its own
        name = f"{seed}/{number}"
        kind, text = case(random.Random(name))
        outcome, wrong, seconds = judged(text, name)
        counts[kind, outcome] += 1
        slowest = max(slowest, (seconds, name))
        if wrong:
            failures.append((name, kind, wrong, shorter(text, name, wrong)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"counts": counts, "slowest": slowest, "failures": failures, "peak": peak}


def shorter(text: str, name: str, wrong: str) -> str:
    """The text without the lines that do not matter to the failure."""
    alike = wrong.partition(":")[0].split(" ")[-1]
    lines = text.splitlines(keepends=True)
    for size in (8, 4, 2, 1):
        at = 0
        while at < len(lines) and size < len(lines):
            fewer = lines[:at] + lines[at + size :]
            if alike in judged("".join(fewer), name)[1]:
                lines = fewer
            else:
                at += size
    return "".join(lines)


# The whole


def main() -> int:
    """Run the cases and print what became of them; 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no more cases after that")
    parser.add_argument("--out", type=Path, help="a folder for the cases that fail")
    parser.add_argument("--record", action="store_true", help=f"write the figures to {RECORD.name}, for docs/limits.md")
    asked = parser.parse_args()
    corpus(), trees()  # read once, so that no change on the disk changes the cases
    counts: Counter[tuple[str, str]] = Counter()
    slowest, peak, failures, begun = (0.0, ""), 0, [], time.monotonic()
    with (
        tempfile.TemporaryDirectory(dir=_memory()) as folder,
        multiprocessing.get_context("fork").Pool(asked.jobs, begin, (folder,), maxtasksperchild=100) as pool,
    ):
        tasks = ((asked.seed, at, min(at + CHUNK, asked.cases)) for at in range(0, asked.cases, CHUNK))
        for done, result in enumerate(pool.imap_unordered(chunk, tasks), 1):
            counts += result["counts"]
            slowest, peak = max(slowest, result["slowest"]), max(peak, result["peak"])
            for failure in result["failures"]:
                failures.append(failure)
                show(failure, asked.out)
            if done % 20 == 0:
                rate = counts.total() / (time.monotonic() - begun)
                print(f"{counts.total():,} cases, {rate:.0f}/s, {len(failures)} failed", flush=True)
            if time.monotonic() - begun > asked.seconds:
                pool.terminate()
                break
    figures = summary(counts, slowest, peak, asked.seed, len(failures))
    if asked.record:
        RECORD.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"{counts.total() / (time.monotonic() - begun):.0f} cases/s over {asked.jobs} processes")
    return int(bool(failures))


def _memory() -> str | None:
    """A folder that is no disk, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def show(failure: tuple[str, str, str, str], out: Path | None) -> None:
    """Print a failure, and keep its text."""
    name, kind, wrong, text = failure
    print(f"FAILED {name} ({kind}): {wrong}", flush=True)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name.replace('/', '-')}.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))


def summary(
    counts: Counter[tuple[str, str]], slowest: tuple[float, str], peak: int, seed: int, failed: int
) -> dict[str, Any]:
    """Print the figures of a run; returns those that are kept."""
    kinds = sorted({kind for kind, _ in counts})
    outcomes = sorted({outcome for _, outcome in counts})
    print(f"{'':18}" + "".join(f"{outcome:>20}" for outcome in outcomes))
    for kind in kinds:
        print(f"{kind:18}" + "".join(f"{counts[kind, outcome]:>20,}" for outcome in outcomes))
    print(f"{counts.total():,} cases, {failed} failed; slowest {slowest[0]:.2f} s ({slowest[1]}); peak {peak} MB")
    totals = {outcome: sum(counts[kind, outcome] for kind in kinds) for outcome in outcomes}
    return {
        "cases": counts.total(),
        "seed": seed,
        "outcomes": totals,
        "slowest_seconds": round(slowest[0], 2),
        "peak_megabytes": peak,
    }


if __name__ == "__main__":
    with contextlib.redirect_stderr(io.StringIO()) if os.environ.get("QUIET") else contextlib.nullcontext():
        sys.exit(main())
