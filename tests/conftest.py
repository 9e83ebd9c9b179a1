"""What several test files need: the command line in process, a network by name, and claims."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from vcalc.analyses.claims import Verdict, judge_all
from vcalc.analyses.read_claims import Claim, claims_of
from vcalc.cli import main
from vcalc.spec.find import catalogue_files, load, load_file
from vcalc.spec.network import Network, expand

settings.register_profile("alike", derandomize=True, deadline=None)
settings.load_profile("alike")  # every run draws the same cases; --hypothesis-profile=default draws others


def pytest_collection_finish() -> None:
    """What has been imported and collected stays: the collector need not look through it so often."""
    gc.set_threshold(20_000, 20, 20)


class Hang(BaseException):
    """A test has had its CPU time. Not an Exception, so that no handler on the way takes it for one."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """End a test that is marked `cpu_seconds` when it has had them: in its own call, never in pytest's reporting."""
    marker = pyfuncitem.get_closest_marker("cpu_seconds")
    if marker is None:
        return (yield)

    def alarm(*_: Any) -> None:
        raise Hang(f"more than {marker.args[0]} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, alarm)
    signal.setitimer(signal.ITIMER_VIRTUAL, marker.args[0])
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.fixture
def vcalc() -> Any:
    """Run a command in process; the result has exit_code, stdout and stderr."""

    def run(*arguments: str, input: str | None = None, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments), input=input, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def network() -> Any:
    """Expand a catalogue model with sizes bound."""

    def build(name: str, **sizes: Any) -> Network:
        return expand(*load(name), sizes)

    return build


@pytest.fixture(scope="session")
def claims() -> list[Claim]:
    """Every claim of the catalogue."""
    return [claim for file in catalogue_files() for claim in claims_of(load_file(file))]


@pytest.fixture
def verdicts_of(tmp_path: Path) -> Callable[[str], list[Verdict]]:
    """The verdicts of a spec's claims."""

    def judge(spec: str) -> list[Verdict]:
        file = tmp_path / "net.yaml"
        file.write_text(spec)
        return judge_all([load_file(str(file))])

    return judge
