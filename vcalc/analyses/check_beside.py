"""The check of what stands beside a spec: its claims, and the table of how a library writes its models."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from vcalc.analyses.check_claims import differs, doubts
from vcalc.analyses.check_work import Work
from vcalc.analyses.claims import judge
from vcalc.analyses.findings import ERROR, WARNING, Checked, Findings
from vcalc.analyses.ignores import Ignores
from vcalc.analyses.read_claims import Claim, claims_from
from vcalc.errors import Place, Problem, VcalcError, quoted, suggestion
from vcalc.source import SUFFIXES
from vcalc.spec.beside import CLAIMS, WRITTEN, folder_of
from vcalc.spec.find import load_file, stem
from vcalc.spec.network import expand
from vcalc.spec.syntax import ModelEntry, Spec
from vcalc.spec.table import read_table
from vcalc.spec.top import LIBRARIES

Member = tuple[Spec, ModelEntry]


def judge_claims(claims: list[Claim], findings: Findings, place: Place) -> None:
    """Hold claims against what the specs give; `place` is where it is said that they are too many."""
    for claim in claims:
        if findings.is_late("its claims", place):
            return
        try:
            verdict = judge(claim, claims, findings.work)
        except VcalcError as error:
            if not findings.work.is_over:
                findings.error(error.at(claim.place))
            continue
        if not verdict.explained:
            findings.error(differs(verdict))
        else:
            findings.note(doubts(verdict), WARNING)
    findings.is_late("its claims", place)


class Beside:
    """The claims in a file beside a spec, or what is wrong there, which the check of that file tells."""

    def __init__(self, path: str, spec: Spec) -> None:
        self.path = path
        self.claims: list[Claim] = []
        self.wrong: VcalcError | None = None
        try:
            self.source, self.claims = claims_from(path, spec)
        except VcalcError as error:
            self.wrong = error


def check_claims(beside: Beside, work: Work, silent: tuple[str, ...], expands: bool = True) -> Checked:
    """Check a file of claims; they are judged where the spec `expands`. They spend the `work` that the spec may."""
    path, claims, findings = beside.path, beside.claims, Findings(beside.path, work)
    if beside.wrong:
        findings.error(beside.wrong)
        return Checked(path, CLAIMS, [], findings.in_order())
    ignores, place = Ignores(beside.source, silent), beside.source.at(0, 0)
    if not claims:
        findings.note([Problem("missing", "there is no claim in this file", place, "leave the file out")], ERROR)
    if expands:
        judge_claims(claims, findings, place)
    return Checked(path, CLAIMS, [], findings.in_order(ignores))


def check_table(path: str) -> Checked:
    """Check a file of forms: that it is a library's, which has every model that it names, with every layer."""
    findings = Findings(path, Work())
    try:
        _check_table(path, findings)
    except VcalcError as error:
        findings.error(error)
    return Checked(path, WRITTEN, [], findings.in_order())


def _check_table(path: str, findings: Findings) -> None:
    library = stem(path)
    if library not in LIBRARIES:
        hint = suggestion(library, LIBRARIES, "there are")
        findings.note([Problem("unknown", f"there is no library {quoted(library)}", Place(path, 1, 1), hint)], ERROR)
        return
    table, specs = read_table(path), _specs(folder_of(path))
    findings.take_noted(table.source)
    models = {entry.name: [(spec, entry)] for spec in specs.values() for entry in spec.models.values()}
    alike = {name: [(spec, entry) for entry in spec.models.values()] for name, spec in specs.items()}
    named: dict[str, Member] = {}
    for each in table.entries:
        for what, names, known in (("spec", each["specs"], alike), ("model", each["models"], models)):
            for name, place in names.items():
                having = [member for member in known.get(name, []) if library in member[1].same_as]
                named |= {member[1].name: member for member in having}
                if not having:
                    findings.note([_not_there(what, name, place, known, library)], ERROR)
    for spec, entry in named.values():
        try:
            expand(spec, entry, library=library)
        except VcalcError as error:
            findings.error(error)


def _not_there(what: str, name: str, place: Place, known: Iterable[str], library: str) -> Problem:
    """The problem of a name that nothing has, or that the library does not have."""
    if name not in known:
        hint = suggestion(name, known, "there are")
        return Problem("unknown-model", f"there is no {what} {quoted(name)} here", place, hint)
    of = f"a model of {quoted(name)}" if what == "spec" else f"the model {quoted(name)}"
    hint = f"say what it is called there: same_as: {{{library}: …}}"
    return Problem("library", f"no same_as names {of} in {library}", place, hint)


def _specs(folder: str) -> dict[str, Spec]:
    """The specs of a folder that read, by what they are called: what is wrong with others is found there."""
    return dict(_each_spec(folder))


def _each_spec(folder: str) -> Iterator[tuple[str, Spec]]:
    for name in sorted(os.listdir(folder or os.curdir)):
        if name.endswith(SUFFIXES):
            try:
                yield stem(name), load_file(os.path.join(folder, name))
            except VcalcError:
                continue
