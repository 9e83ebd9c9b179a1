"""Mutation testing of the formulas, the conventions and the expression language. Run by hand, from the root:

    python benchmarks/mutation.py                                  # every mutant without a verdict
    python benchmarks/mutation.py --again 'vcalc.layers.conv.*'    # of these, the survivors once more

mutmut makes the mutants, in mutants/; pyproject.toml says of which files and against which tests. `mutmut run` collects
the tests anew for each mutant, which takes hours, and runs none of what has run at import. Here the tests are collected
once, and a mutant is a fork of that process, which runs the tests that reach its function until one fails; only what
runs at import starts anew. `mutmut results`, `mutmut show MUTANT` and `mutmut browse` read the verdicts.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import io
import os
import pkgutil
import shutil
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import accumulate
from multiprocessing import get_context
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation import trampoline
from mutmut.mutation.data import SourceFileMutationData
from mutmut.utils import file_utils
from mutmut.utils.format_utils import mangled_name_from_mutant_name as function_of

KILLED, SURVIVED, NO_TESTS, TIMEOUT = 1, 0, 33, 36
"""The exit codes by which mutmut knows them."""

ANEW = 4
"""Test files, the nearest ones, for a mutant of a function that runs at import."""

THIRD_PARTY = ("click", "numpy", "rich.console", "rich.table", "sympy", "yaml")
FORK = get_context("fork")


def make_mutants(jobs: int) -> None:
    """Write mutants/: the package with every mutant of every function in it, and the tests."""
    os.makedirs("mutants", exist_ok=True)
    activate("mutant_generation")
    with contextlib.redirect_stdout(io.StringIO()):
        file_utils.copy_src_dir()
        for folder, name in file_utils.walk_all_files():
            if not name.endswith(".py"):
                shutil.copy2(os.path.join(folder, name), os.path.join("mutants", folder, name))
        file_utils.copy_also_copy_files()
        file_utils.setup_source_paths()
        create_mutants(jobs)


def activate(name: str) -> None:
    """From here on this process runs a mutant ("" for none)."""
    trampoline.get_mutant_under_test = lambda: name
    os.environ["MUTANT_UNDER_TEST"] = name


def in_child(work: Callable[..., Any], *arguments: Any) -> Any:
    """What the work gives, done in mutants/ in a process of its own; None if that dies."""
    reader, writer = FORK.Pipe(duplex=False)

    def run() -> None:
        os.chdir("mutants")
        writer.send(work(*arguments))

    child = FORK.Process(target=run)
    child.start()
    writer.close()
    try:
        return reader.recv()
    except EOFError:
        return None
    finally:
        child.join()


def run_pytest(*arguments: str, plugin: Any = None) -> int:
    """Run tests until one fails. Hypothesis tries the same examples each time, and does not look for smaller ones."""
    from hypothesis import Phase, settings

    settings.register_profile("mutation", derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutation")
    options = ["-qxs", "-p", "no:cacheprovider", "--rootdir=.", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, *arguments], plugins=[plugin] if plugin else []))


def passes(item: Any, following: Any) -> bool:
    """Whether a test passes."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def pairs(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Each test and the one after it."""
    return zip(items, [*items[1:], None], strict=True)


def clear_caches() -> None:
    """Forget what functions of vcalc and of the tests have kept from earlier calls."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("vcalc", "test_", "peer_", "conftest")):
            for value in list(vars(module).values()):
                if callable(getattr(value, "cache_clear", None)):
                    value.cache_clear()


def module_of(function: str) -> str:
    """The module that a function is in."""
    return function.rpartition(".")[0]


class Survey:
    """Which functions run when vcalc is imported, and which in each test, with its seconds."""

    def __init__(self) -> None:
        self.reached: dict[str, set[str]] = defaultdict(set)
        self.seconds: dict[str, float] = {}
        self.at_import: set[str] = set()
        self.failed: list[str] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        called: set[str] = set()
        trampoline.record_trampoline_hit = lambda name, caller=None: called.add(name)
        for item, following in pairs(session.items):
            clear_caches()
            called.clear()
            start = os.times()
            if not passes(item, following):
                self.failed.append(item.nodeid)
                continue
            self.seconds[item.nodeid] = os.times().user - start.user
            for name in called:
                self.reached[name].add(item.nodeid)
        return True


class Nearness:
    """How much of what a test reaches is in one module."""

    def __init__(self, found: Survey) -> None:
        self._breadth = Counter(test for tests in found.reached.values() for test in tests)
        self._within = Counter((test, module_of(name)) for name, tests in found.reached.items() for test in tests)

    def of(self, test: str, module: str) -> float:
        return self._within[test, module] / self._breadth[test]

    def of_file(self, file: str, module: str) -> float:
        """The mean over a file's tests."""
        shares = [self.of(test, module) for test in self._breadth if test.startswith(f"{file}::")]
        return sum(shares) / len(shares) if shares else 0.0


def survey(tests: list[str]) -> Survey:
    """Run the tests without a mutant."""
    found = Survey()
    activate("stats")
    trampoline.record_trampoline_hit = lambda name, caller=None: found.at_import.add(name)
    import vcalc

    for module in pkgutil.walk_packages(vcalc.__path__, "vcalc."):
        if "torch" not in module.name and "__main__" not in module.name:
            importlib.import_module(module.name)
    trampoline.record_trampoline_hit = lambda name, caller=None: None
    run_pytest(*tests, plugin=found)
    return found


class Verdicts:
    """What became of each mutant, in mutmut's files."""

    def __init__(self) -> None:
        self.files = [SourceFileMutationData(path=path) for path in file_utils.walk_mutatable_files()]
        for file in self.files:
            file.meta_path = file.meta_path.resolve()
            file.load()

    def names(self, patterns: Iterable[str], codes: Iterable[int | None]) -> list[str]:
        """The mutants with one of these verdicts whose names fit a pattern."""
        known = {name: code for file in self.files for name, code in file.exit_code_by_key.items()}
        fits = {name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)}
        return [name for name, code in known.items() if name in fits and code in codes]

    def put(self, name: str, code: int) -> None:
        for file in self.files:
            if name in file.exit_code_by_key:
                file.exit_code_by_key[name] = code
                file.save()

    def table(self) -> str:
        """The figures, a file a line."""
        counts = {str(file.path): Counter(file.exit_code_by_key.values()) for file in self.files}
        counts = {path: codes for path, codes in sorted(counts.items()) if codes}
        counts["total"] = sum(counts.values(), Counter())
        lines = ["| file | mutants | killed | timed out | survived | reached by no test | killed or timed out |"]
        for path, codes in counts.items():
            numbers = [codes[code] for code in (KILLED, TIMEOUT, SURVIVED, NO_TESTS)]
            share = 100 * (codes[KILLED] + codes[TIMEOUT]) / max(1, sum(numbers))
            lines.append(f"| {path} | {' | '.join(map(str, [sum(numbers), *numbers]))} | {share:.1f}% |")
        return "\n".join(lines)


class Mutants:
    """Each mutant in a fork of the process that has collected the tests."""

    def __init__(self, names: list[str], found: Survey, verdicts: Verdicts, jobs: int, seconds: float) -> None:
        self.names = names
        self.found = found
        self.verdicts = verdicts
        self.jobs = jobs
        self.seconds = seconds
        self.kills: dict[str, Counter[str]] = defaultdict(Counter)
        self.nearness = Nearness(found)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        running: dict[int, tuple[str, int]] = {}
        gc.freeze()
        for number, name in enumerate(self.names, 1):
            tests = self.order(function_of(name))
            if not tests:
                self.verdicts.put(name, NO_TESTS)
                continue
            reader, writer = os.pipe()
            child = os.fork()
            if not child:
                run_mutant(name, [items[test] for test in tests], self.found.seconds, writer)
            os.close(writer)
            running[child] = (name, reader)
            while len(running) >= self.jobs:
                self.wait(running)
            print(f"{number}/{len(self.names)}", end="\r", file=sys.stderr)
        while running:
            self.wait(running)
        return True

    def order(self, function: str) -> list[str]:
        """The tests that reach a function, as many as the seconds allow.

        First those that have killed mutants of it; then short before long ones, and of these the ones that reach little
        beside its module.
        """
        kills, seconds, module = self.kills[function], self.found.seconds, module_of(function)

        def rank(test: str) -> tuple[Any, ...]:
            return (-kills[test], seconds[test] > 0.5, seconds[test] > 0.02, -self.nearness.of(test, module), test)

        tests = sorted(self.found.reached.get(function, ()), key=rank)
        spent = accumulate((seconds[test] for test in tests), initial=0.0)
        return [test for test, before in zip(tests, spent, strict=False) if before < self.seconds]

    def wait(self, running: dict[int, tuple[str, int]]) -> None:
        child, status = os.wait()
        name, reader = running.pop(child)
        with os.fdopen(reader, encoding="utf-8") as stream:
            killer = stream.read()
        if killer:
            self.kills[function_of(name)][killer] += 1
        self.verdicts.put(name, TIMEOUT if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


def run_mutant(name: str, items: list[Any], seconds: dict[str, float], writer: int) -> None:
    """Run tests until one fails; each may take twenty times its usual time, and five seconds more."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    code = SURVIVED
    try:
        clear_caches()
        activate(name)
        for item, following in pairs(items):
            signal.setitimer(signal.ITIMER_PROF, 5 + 20 * seconds[item.nodeid])
            if not passes(item, following):
                os.write(writer, item.nodeid.encode())
                code = KILLED
                break
    except BaseException:  # noqa: BLE001
        code = KILLED
    os._exit(code)


def run_anew(name: str, tests: list[str]) -> str:
    """The first test file that fails with a mutant of a function that runs when vcalc is imported; "" for none."""
    activate(name)
    signal.setitimer(signal.ITIMER_PROF, 300)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return next((test for test in tests if run_pytest(test)), "")


def main() -> None:
    """Make the mutants, run them, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("patterns", nargs="*", default=["*"], help="which mutants, as in 'vcalc.layers.conv.*'")
    parser.add_argument("--again", action="store_true", help="those that survived, too")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seconds", type=float, default=10, help="of tests that a mutant has to survive")
    options = parser.parse_args()
    sys.dont_write_bytecode = False
    make_mutants(options.jobs)
    for name in THIRD_PARTY:
        importlib.import_module(name)
    names = Verdicts().names(options.patterns, (None, SURVIVED, NO_TESTS) if options.again else (None,))
    tests = config().pytest_add_cli_args_test_selection
    found = in_child(survey, tests)
    if not found or not found.seconds:
        sys.exit("the tests cannot be run")
    for test in found.failed:
        print(f"left out, since it fails without a mutant: {test}")
    activate("")
    anew = [name for name in names if function_of(name) in found.at_import]
    forked = [name for name in names if function_of(name) not in found.at_import]
    print(f"{len(found.seconds)} tests, {len(names)} mutants, {len(anew)} of them of functions that run at import")
    mutants = Mutants(forked, found, Verdicts(), options.jobs, options.seconds)
    in_child(lambda: run_pytest(*tests, plugin=mutants))
    verdicts = Verdicts()
    for number, name in enumerate(anew, 1):
        module = module_of(function_of(name))
        nearest = sorted(tests, key=lambda file, module=module: mutants.nearness.of_file(file, module), reverse=True)
        killer = in_child(run_anew, name, nearest[:ANEW])
        verdicts.put(name, TIMEOUT if killer is None else KILLED if killer else SURVIVED)
        print(f"{number}/{len(anew)} run anew", end="\r", file=sys.stderr)
    print(verdicts.table())


if __name__ == "__main__":
    main()
