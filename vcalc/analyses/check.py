"""Everything that is wrong with a spec file, in the order of the file; docs/check.md explains every code.

Errors fail a check: a file that cannot be read, a network that does not expand, a figure or a budget that does not
hold, a title or a source that is missing. Likely mistakes are warnings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from vcalc.analyses.check_beside import Beside, check_claims, check_table, judge_claims
from vcalc.analyses.check_claims import DOUBTS
from vcalc.analyses.check_work import Work
from vcalc.analyses.figures import Bound, Expected, budgets_of, expected_of, networks_of
from vcalc.analyses.findings import ERROR, WARNING, Checked, Findings
from vcalc.analyses.ignores import UNUSED, Ignores
from vcalc.analyses.measure import hyperparameter_named
from vcalc.analyses.mistakes import MISTAKES, mistakes_of_network, mistakes_of_spec
from vcalc.analyses.quantities import Budget
from vcalc.analyses.read_claims import Claim, claims_in
from vcalc.errors import Place, Problem, VcalcError
from vcalc.source.read import Source, is_null
from vcalc.spec.beside import CLAIMS, WRITTEN, claims_beside, kind_of
from vcalc.spec.find import is_of_catalogue, load_claimed, load_file
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


def check_files(files: list[str], budgets: list[Budget] | None = None) -> list[Checked]:
    """Check files in order, each spec with the claims beside it, whether these are named or not."""
    with_specs = {os.path.abspath(claims) for claims in map(claims_beside, files) if claims}
    others = [file for file in files if os.path.abspath(file) not in with_specs]
    return [checked for file in others for checked in _checked(file, budgets or [])]


def check_file(path: str, budgets: list[Budget] | None = None) -> Checked:
    """Check one file, its own budgets and the given ones. Whatever is wrong is a finding; nothing is raised."""
    return _checked(path, budgets or [], alone=True)[0]


def _checked(path: str, budgets: list[Budget], alone: bool = False) -> list[Checked]:
    """A file and, unless it is checked `alone`, the claims beside it."""
    kind, findings = kind_of(path), Findings(path, Work())
    try:
        if kind == CLAIMS:
            return [check_claims(Beside(path, load_claimed(path)), findings.work, SILENT)]
        if kind == WRITTEN:
            return [check_table(path)]
        spec = load_file(path)
    except VcalcError as error:
        findings.error(error)
        return [Checked(path, kind, [], findings.in_order())]
    claims = claims_beside(path)
    beside = Beside(claims, spec) if claims else None
    check = _Check(spec, beside, budgets, findings)
    expands = check.run()
    checked = Checked(path, kind, check.names, findings.in_order(Ignores(check.source, SILENT)))
    return [checked, check_claims(beside, findings.work, SILENT, expands)] if beside and not alone else [checked]


class _Check:
    """The check of one spec that reads well; its claims, too, where it holds them itself."""

    def __init__(self, spec: Spec, beside: Beside | None, budgets: list[Budget], findings: Findings) -> None:
        self.spec = spec
        self.source: Source = spec.source
        self.beside = beside
        self.given = budgets
        self.names: list[str] = []
        self.findings = findings
        self.work = findings.work
        """What the models, and the networks of the claims, may spend together: as much as any one of them by itself."""

    def run(self) -> bool:
        """Look at everything; whether all the models expand."""
        self.incomplete()
        claims = self.read_claims()
        expected, bounds = expected_of(self.spec), budgets_of(self.spec)
        self.findings.take_noted(self.source)
        claimed = {
            hyperparameter_named(question.metric)
            for claim in [*claims, *(self.beside.claims if self.beside else ())]
            for question in (claim.question, claim.against)
            if question is not None
        }
        self.findings.note(mistakes_of_spec(self.spec, claimed), WARNING)
        expands = True
        for name, place, network in self.networks():
            expands &= network is not None
            if network is not None:
                self.network(name, place, network, expected, bounds)
        if expands:
            judge_claims(claims, self.findings, self.source.place(self.spec.root))
        return expands

    def read_claims(self) -> list[Claim]:
        """The claims in the spec."""
        self.source.problems.clear()  # what an earlier reading of the claims has noted
        try:
            return claims_in(self.spec)
        except VcalcError as error:
            self.source.problems.clear()
            self.findings.error(error)
            return []

    def incomplete(self) -> None:
        """A title; and a citation and a figure to hold the spec against, which those of the catalogue have to have."""
        spec, place = self.spec, self.source.place(self.spec.root)
        severity = ERROR if is_of_catalogue(spec.file) else WARNING
        if not spec.title:
            self.findings.error(VcalcError("no-title", "a spec needs 'title'", place, "title: ResNet"))
        if not spec.cite:
            hint = "cite: the paper and its table, or: cite: own work"
            message = "there is no 'cite', where the architecture comes from"
            self.findings.note([Problem("no-citation", message, place, hint)], severity)
        held = (spec.claims, spec.expect, spec.budget)
        if not self.beside and not any(node is not None and node.value and not is_null(node) for node in held):
            hint = "vcalc check --accept writes expect: {params: …}; claims: has what the source prints, budget: bounds"
            message = "there is no 'expect', 'claims' or 'budget', a figure that the spec is held against"
            self.findings.note([Problem("no-figure", message, place, hint)], severity)

    def networks(self) -> Iterator[tuple[str, Place, Network | None]]:
        """Every model and every option, expanded; None for one that does not expand."""
        for name, entry, option in networks_of(self.spec):
            if self.findings.is_late("its models", self.source.place(self.spec.root)):
                return
            self.names.append(name)
            place = self.source.place((option or entry).node)
            try:
                network = self.work.expanded(self.spec, entry, option)
                network.name = name
                yield name, place, network
            except VcalcError as error:
                self.findings.error(error.at(place))
                yield name, place, None

    def network(self, name: str, place: Place, network: Network, expected: list[Expected], bounds: list[Bound]) -> None:
        """One expanded network: its likely mistakes, figures and budgets."""
        self.findings.note(mistakes_of_network(network), WARNING)
        held: list[tuple[Expected | Budget, Place]]
        held = [(each, each.place) for each in expected if each.name in ("", name)]
        held += [(bound.budget, bound.place) for bound in bounds if bound.name in ("", name)]
        held += [(budget, place) for budget in self.given]
        for each, at in held:
            if self.findings.is_late("its figures and budgets", self.source.place(self.spec.root)):
                return
            try:
                self.work.look(network, each.quantity.metric, len(each.quantity.of))
                problem = each.problem(network)
            except VcalcError as error:
                problem = error
            if problem:
                self.findings.error(problem.at(at))


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
