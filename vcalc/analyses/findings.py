"""What the check of a file finds: problems with their severity, each once, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterable

from vcalc import limits
from vcalc.analyses.check_work import Work
from vcalc.analyses.ignores import Ignores
from vcalc.errors import Place, Problem, VcalcError
from vcalc.source.read import Source

ERROR, WARNING = "error", "warning"


class Finding:
    """A problem, and whether it is an error or a warning."""

    __slots__ = ("problem", "severity")

    def __init__(self, problem: Problem, severity: str) -> None:
        self.problem = problem
        self.severity = severity


class Checked:
    """One file, what it holds, with its models (or options) and everything found in it."""

    def __init__(self, path: str, kind: str, models: list[str], findings: list[Finding]) -> None:
        self.path = path
        self.kind = kind
        self.models = models
        self.findings = findings

    def count(self, severity: str) -> int:
        """How many findings are of a severity."""
        return sum(finding.severity == severity for finding in self.findings)


class Findings:
    """What has been found in a file so far; what is looked at for it counts as `work`."""

    def __init__(self, file: str, work: Work) -> None:
        self.file = file
        self.work = work
        self._found: dict[tuple[object, ...], Finding] = {}

    def is_late(self, what: str, place: Place) -> bool:
        """Whether it is enough: too long, or too many findings. That is then noted."""
        if len(self._found) >= limits.CHECK_FINDINGS:
            much = f"there are more than {limits.CHECK_FINDINGS:,} problems"
        elif self.work.is_over:
            much = f"{what} come to more together than one file may"
        else:
            return False
        message = f"{much}; the rest is not looked at"
        self.error(VcalcError("limit", message, place, "see docs/limits.md"))
        return True

    def error(self, error: VcalcError) -> None:
        """Note an error's problems."""
        self.note(error.problems, ERROR)

    def note(self, problems: Iterable[Problem], severity: str) -> None:
        """Note problems; what several models or turns of a loop share is noted once."""
        for problem in problems:
            problem = _placed(problem, self.file)
            key: tuple[object, ...] = (problem.code, *problem.position)
            if severity == ERROR:
                key += (problem.message, problem.path)
            self._found.setdefault(key, Finding(problem, severity))

    def take_noted(self, source: Source) -> None:
        """Take over what the readers noted in a source."""
        self.note(list(source.problems), ERROR)
        source.problems.clear()

    def in_order(self, ignores: Ignores | None = None) -> list[Finding]:
        """What is not silenced, in the order of the file, with the ignores that silenced nothing."""
        found = [each for each in self._found.values() if not (ignores and ignores.silences(each.problem))]
        found += [Finding(problem, WARNING) for problem in (ignores.unused() if ignores else ())]
        return sorted(found, key=lambda finding: finding.problem.position)


def _placed(problem: Problem, path: str) -> Problem:
    """A problem with a place in the file; one in another file says where, and stands at the beginning."""
    if problem.place is None or problem.place.file != path:
        message = problem.message if problem.place is None else f"{problem.place}: {problem.message}"
        path_in_network, hint = problem.path, problem.hint
        problem = Problem(problem.code, message, Place(path, 1, 1), hint)
        problem.path = path_in_network
    return problem
