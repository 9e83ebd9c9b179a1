"""Damaged and hostile specs, as benchmarks/fuzz.py makes them by the million: each is counted or refused.

Nothing else is raised, nothing takes long, and no file is opened and no module imported at a spec's wish.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import fuzz
import fuzz_cases

from vcalc.analyses.check import check_file

SECONDS = 10
"""Far more than the two of the benchmark: a loaded machine fails no test."""


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fuzz.Guard]:
    """The guard that watches the cases; what is imported late has been imported."""
    fuzz.warm_up(str(tmp_path_factory.mktemp("fuzz") / "case.yaml"))
    guard = fuzz.State.guard
    assert guard is not None
    yield guard
    guard.watching = False


def ends_well(ready: fuzz.Guard, dice: random.Random) -> None:
    _, text = fuzz_cases.case(dice)
    start = time.process_time()
    outcome = fuzz.attempt(text, dice)
    assert outcome in ("counted", "counted in symbols", "refused")
    assert time.process_time() - start < SECONDS
    assert ready.seen == []


def specs(count: int) -> settings:
    """Settings of a test on so many damaged specs."""
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@given(st.randoms(use_true_random=False))
@specs(100)
def test_a_hundred_specs(ready: fuzz.Guard, dice: random.Random):
    ends_well(ready, dice)


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
@specs(2000)
def test_thousands_of_specs(ready: fuzz.Guard, dice: random.Random):
    ends_well(ready, dice)


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz_cases.KINDS)
def test_cases_of_a_kind_reach_both_ends(ready: fuzz.Guard, kind: str):
    make = fuzz_cases.KINDS[kind][0]
    outcomes = {fuzz.attempt(make(random.Random(seed)), random.Random(seed)) for seed in range(80)}
    assert "refused" in outcomes
    assert outcomes & {"counted", "counted in symbols"}


@pytest.mark.parametrize("number", range(len(fuzz_cases.SEEDS)))
def test_the_seeds_are_right(tmp_path: Path, number: int):
    (tmp_path / "net.yaml").write_text(fuzz_cases.SEEDS[number])
    assert [str(finding.problem) for finding in check_file(str(tmp_path / "net.yaml")).findings] == []


def test_the_guard_sees_what_a_spec_must_not_do(ready: fuzz.Guard, tmp_path: Path):
    (tmp_path / "secret.yaml").write_text("password: hunter2")
    ready.seen.clear()
    ready.watching = True
    (tmp_path / "secret.yaml").read_text()
    exec(compile("1", "<string>", "exec"))
    sys.modules.pop("this", None)
    __import__("antigravity" if False else "colorsys")
    ready.watching = False
    assert [event.partition(" ")[0] for event in ready.seen][:2] == ["open", "exec"]


def test_a_failing_case_is_told_and_cut_down(ready: fuzz.Guard, monkeypatch: pytest.MonkeyPatch):
    def fail(path: str) -> None:
        if "sigmoid" in Path(path).read_text():
            raise ZeroDivisionError("here")

    monkeypatch.setattr(fuzz.check, "check_file", fail)
    text = "title: Net\n" + "# nothing\n" * 20 + "layers: [sigmoid]\n# nothing\n"
    ready.watching = False
    outcome, wrong, _ = fuzz.judged(text, "0/0")
    assert outcome == "failed"
    assert wrong.startswith("ZeroDivisionError: here at ")
    assert fuzz.shorter(text, "0/0", wrong) == "layers: [sigmoid]\n"


@pytest.mark.slow
def test_nothing_of_the_code_is_imported_while_a_case_runs():
    # An import that a case is the first to need would be noted as the case's own doing.
    program = """
import pkgutil, sys
sys.path.insert(0, sys.argv[1])
import fuzz, vcalc
fuzz.warm_up(sys.argv[2])
parts = {module.name for module in pkgutil.walk_packages(vcalc.__path__, "vcalc.") if "torch" not in module.name}
print(sorted(parts - set(sys.modules)))
"""
    arguments = [sys.executable, "-c", program, str(ROOT / "benchmarks"), "/nowhere/case.yaml"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['vcalc.__main__']", done.stderr
