"""Everything that is wrong with a spec file, in the order of the file; docs/check.md explains every code.

Errors fail a check: a file that cannot be read, a network that does not expand, a figure or a budget that does not
hold, a title or a source that is missing. Likely mistakes are warnings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vcalc import limits
from vcalc.analyses.check_claims import DOUBTS, beside, differs, doubts
from vcalc.analyses.check_work import Work
from vcalc.analyses.claims import judge
from vcalc.analyses.figures import Bound, Expected, budgets_of, expected_of, networks_of
from vcalc.analyses.ignores import UNUSED, Ignores
from vcalc.analyses.measure import hyperparameter_named
from vcalc.analyses.mistakes import MISTAKES, mistakes_of_network, mistakes_of_spec
from vcalc.analyses.quantities import Budget
from vcalc.analyses.read_claims import Claim, claims_of
from vcalc.errors import Place, Problem, VcalcError
from vcalc.source.read import Source, is_null
from vcalc.spec.find import is_of_catalogue, load_file
from vcalc.spec.network import Network
from vcalc.spec.syntax import Spec

INCOMPLETE = {
    "no-title": "a spec has a title",
    "no-citation": "a spec cites where its architecture comes from",
    "no-figure": "a spec holds a published figure (claims), an exact one (expect) or a bound (budget) for the check",
}
"""What a complete spec has, each of which an ignore can silence; the last two are warnings outside the catalogue."""

SILENT = (*MISTAKES, *INCOMPLETE, *DOUBTS)
"""The codes that `# vcalc: ignore[code]` can silence."""

ERROR, WARNING = "error", "warning"


class Finding:
    """A problem, and whether it is an error or a warning."""

    __slots__ = ("problem", "severity")

    def __init__(self, problem: Problem, severity: str) -> None:
        self.problem = problem
        self.severity = severity


class Checked:
    """One file with its models (or options) and everything found in it."""

    def __init__(self, path: str, models: list[str], findings: list[Finding]) -> None:
        self.path = path
        self.models = models
        self.findings = findings

    def count(self, severity: str) -> int:
        """How many findings are of a severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check_file(path: str, budgets: list[Budget] | None = None) -> Checked:
    """Check one file, its own budgets and the given ones. Whatever is wrong is a finding; nothing is raised."""
    try:
        spec = load_file(path)
    except VcalcError as error:
        problems = [_placed(problem, path) for problem in error.problems]
        return Checked(path, [], [Finding(problem, ERROR) for problem in problems])
    check = _Check(spec, budgets or [])
    check.run()
    return Checked(path, check.names, check.findings())


class _Check:
    """The check of one file that reads well."""

    def __init__(self, spec: Spec, budgets: list[Budget]) -> None:
        self.spec = spec
        self.source: Source = spec.source
        self.given = budgets
        self.names: list[str] = []
        self.found: dict[tuple[Any, ...], Finding] = {}
        self.work = Work()
        """What the models, and the networks of the claims, may spend together: as much as any one of them by itself."""

    def run(self) -> None:
        self.incomplete()
        claims = self.read_claims()
        expected, bounds = expected_of(self.spec), budgets_of(self.spec)
        self.take_noted()
        claimed = {
            hyperparameter_named(question.metric)
            for claim in claims
            for question in (claim.question, claim.against)
            if question is not None
        }
        self.note(mistakes_of_spec(self.spec, claimed), WARNING)
        expands = True
        for name, place, network in self.networks():
            expands &= network is not None
            if network is not None:
                self.network(name, place, network, expected, bounds)
        if expands:
            self.judge(claims)

    def incomplete(self) -> None:
        """A title; and a citation and a figure to hold the spec against, which those of the catalogue have to have."""
        spec, place = self.spec, self.source.place(self.spec.root)
        severity = ERROR if is_of_catalogue(spec.file) else WARNING
        if not spec.title:
            self.error(VcalcError("no-title", "a spec needs 'title'", place, "title: ResNet"))
        if not spec.cite:
            hint = "cite: the paper and its table, or: cite: own work"
            message = "there is no 'cite', where the architecture comes from"
            self.note(iter([Problem("no-citation", message, place, hint)]), severity)
        held = (spec.claims, spec.expect, spec.budget)
        if not any(node is not None and node.value and not is_null(node) for node in held):
            hint = "vcalc check --accept writes expect: {params: …}; claims: has what the source prints, budget: bounds"
            message = "there is no 'expect', 'claims' or 'budget', a figure that the spec is held against"
            self.note(iter([Problem("no-figure", message, place, hint)]), severity)

    def networks(self) -> Iterator[tuple[str, Place, Network | None]]:
        """Every model and every option, expanded; None for one that does not expand."""
        for name, entry, option in networks_of(self.spec):
            if self.is_late("its models"):
                return
            self.names.append(name)
            place = self.source.place((option or entry).node)
            try:
                network = self.work.expanded(self.spec, entry, option)
                network.name = name
                yield name, place, network
            except VcalcError as error:
                self.error(error.at(place))
                yield name, place, None

    def network(self, name: str, place: Place, network: Network, expected: list[Expected], bounds: list[Bound]) -> None:
        """One expanded network: its likely mistakes, figures and budgets."""
        self.note(mistakes_of_network(network), WARNING)
        held: list[tuple[Expected | Budget, Place]]
        held = [(each, each.place) for each in expected if each.name in ("", name)]
        held += [(bound.budget, bound.place) for bound in bounds if bound.name in ("", name)]
        held += [(budget, place) for budget in self.given]
        for each, at in held:
            if self.is_late("its figures and budgets"):
                return
            try:
                self.work.look(network, each.quantity.metric, len(each.quantity.of))
                problem = each.problem(network)
            except VcalcError as error:
                problem = error
            if problem:
                self.error(problem.at(at))

    # Claims

    def read_claims(self) -> list[Claim]:
        self.source.problems.clear()  # what an earlier reading of the claims has noted
        try:
            return claims_of(self.spec)
        except VcalcError as error:
            self.source.problems.clear()
            self.error(error)
            return []

    def judge(self, claims: list[Claim]) -> None:
        """Hold the claims against what the specs give."""
        for claim in claims:
            if self.is_late("its claims"):
                return
            try:
                verdict = judge(claim, beside(self.spec, claims, claim), self.work)
            except VcalcError as error:
                if not self.work.is_over:
                    self.error(error.at(claim.place))
                continue
            if not verdict.explained:
                self.error(differs(verdict))
            else:
                self.note(doubts(verdict), WARNING)
        self.is_late("its claims")

    # Findings

    def is_late(self, what: str) -> bool:
        """Whether it is enough: too long, or too many findings. That is then noted."""
        if len(self.found) >= limits.CHECK_FINDINGS:
            much = f"there are more than {limits.CHECK_FINDINGS:,} problems"
        elif self.work.is_over:
            much = f"{what} come to more together than one file may"
        else:
            return False
        message = f"{much}; the rest is not looked at"
        self.error(VcalcError("limit", message, self.source.place(self.spec.root), "see docs/limits.md"))
        return True

    def take_noted(self) -> None:
        """Take over what the readers noted in the source."""
        self.note(iter(list(self.source.problems)), ERROR)
        self.source.problems.clear()

    def error(self, error: VcalcError) -> None:
        self.note(iter(error.problems), ERROR)

    def note(self, problems: Iterator[Problem], severity: str) -> None:
        """Note problems; what several models or turns of a loop share is noted once."""
        for problem in problems:
            problem = _placed(problem, self.spec.file)
            assert problem.place is not None
            key: tuple[Any, ...] = (problem.code, problem.place.line, problem.place.column)
            if severity == ERROR:
                key += (problem.message, problem.path)
            self.found.setdefault(key, Finding(problem, severity))

    def findings(self) -> list[Finding]:
        """What is not silenced, in the order of the file, with the ignores that silenced nothing."""
        ignores = Ignores(self.source, SILENT)
        found = [finding for finding in self.found.values() if not ignores.silences(finding.problem)]
        found += [Finding(problem, WARNING) for problem in ignores.unused()]
        return sorted(found, key=lambda finding: _position(finding.problem))


def _placed(problem: Problem, path: str) -> Problem:
    """A problem with a place in the file; one in another file says where, and stands at the beginning."""
    if problem.place is None or problem.place.file != path:
        message = problem.message if problem.place is None else f"{problem.place}: {problem.message}"
        path_in_network, hint = problem.path, problem.hint
        problem = Problem(problem.code, message, Place(path, 1, 1), hint)
        problem.path = path_in_network
    return problem


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column) if problem.place else (0, 0)


CODES = {
    **INCOMPLETE,
    **MISTAKES,
    **DOUBTS,
    UNUSED: "an ignore that silences nothing",
    "budget": "a network goes over a budget",
    "expect": "a network does not come to the figure that its file expects",
    "claim-differs": "a published figure differs, and no explanation that holds is given",
}
"""The codes of a check, and what each says; those of the reader and of the language come on top."""
