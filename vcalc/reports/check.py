"""`vcalc check`: what was found in each file, as data for people and machines."""

from __future__ import annotations

from typing import Any

from vcalc import units
from vcalc.analyses.check import CODES
from vcalc.analyses.findings import ERROR, WARNING, Checked, Finding
from vcalc.errors import printable
from vcalc.spec.beside import CLAIMS, SPEC, WRITTEN


class CheckReport:
    """The files of a check in order; with `strict`, warnings fail it, too."""

    def __init__(self, files: list[Checked], strict: bool = False) -> None:
        self.files = files
        self.strict = strict
        self.errors = sum(file.count(ERROR) for file in files)
        self.warnings = sum(file.count(WARNING) for file in files)

    @property
    def holds(self) -> bool:
        """False when the check fails: the exit code is 1 then."""
        return not self.errors and not (self.strict and self.warnings)

    def fails(self, finding: Finding) -> bool:
        """Whether a finding makes the check fail."""
        return self.strict or finding.severity == ERROR

    @property
    def summary(self) -> str:
        """Files, models and what was found, in a line."""
        parts = [
            units.counted(number, what) for number, what in ((self.errors, ERROR), (self.warnings, WARNING)) if number
        ]
        what = ", ".join(parts) or "no problems"
        return f"{', '.join(self._looked_at())}: {what}"

    def _looked_at(self) -> list[str]:
        kinds = [file.kind for file in self.files]
        models = sum(len(file.models) for file in self.files)
        specs = [units.counted(kinds.count(SPEC), "file"), units.counted(models, "model")] if SPEC in kinds else []
        beside = {"file of claims": kinds.count(CLAIMS), "table of forms": kinds.count(WRITTEN)}
        return [*specs, *(units.counted(number, name) for name, number in beside.items() if number)]

    @property
    def record(self) -> dict[str, Any]:
        """The check as plain data; docs/json.md promises its keys."""
        return {
            "schema": 1,
            "ok": self.holds,
            "strict": self.strict,
            "errors": self.errors,
            "warnings": self.warnings,
            "files": [
                {
                    "path": printable(file.path),
                    "kind": file.kind,
                    "models": file.models,
                    "problems": [problem_record(finding) for finding in file.findings],
                }
                for file in self.files
            ],
        }


def problem_record(finding: Finding) -> dict[str, Any]:
    """One problem as plain data; `layer` is the path in the network, where the problem has one."""
    problem = finding.problem
    place = problem.place
    assert place is not None
    return {
        "line": place.line,
        "column": place.column,
        "end_column": place.column + max(1, place.length),
        "code": problem.code,
        "severity": finding.severity,
        "message": problem.message,
        "layer": printable(problem.path),
        "hint": problem.hint,
    }


def meaning(code: str) -> str:
    """What a code says; the reader's and the language's codes are errors of the spec."""
    return CODES.get(code, f"the spec cannot be read or expanded ({code})")
