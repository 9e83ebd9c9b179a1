"""A check as text: for a terminal, with the source lines, and for the machines that read reports of checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.errors import printable

if TYPE_CHECKING:
    from pathlib import PurePath

    from vcalc.reports.check import CheckReport

FORMATS = ("rich", "plain", "json", "github", "junit", "sarif")
PAGE = "docs/check.md"
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

Line = tuple[str, str]
"""A style (error, warning, source, help, summary) and the text."""

STYLES = {"error": "bold red", "warning": "yellow", "source": "", "help": "dim", "summary": "bold"}


def render_check(report: CheckReport, format: str) -> str:
    """A check as text in one of FORMATS."""
    if format == "json":
        from vcalc.render.records import json_text

        return json_text(report.record)
    return {"rich": _rich, "plain": _plain, "github": _github, "junit": _junit, "sarif": _sarif}[format](report)


def _lines(report: CheckReport) -> list[Line]:
    lines: list[Line] = []
    for file in report.files:
        for finding in file.findings:
            problem = finding.problem
            first, *rest = str(problem).split("\n")
            start = f"{problem.place}: "
            lines.append((finding.severity, f"{start}{finding.severity}[{problem.code}]: {first[len(start) :]}"))
            lines += [("help" if line.startswith("  help: ") else "source", line) for line in rest]
    return [*lines, ("summary", report.summary)]


def _plain(report: CheckReport) -> str:
    return "\n".join(text for _, text in _lines(report)) + "\n"


def _rich(report: CheckReport) -> str:
    from rich.console import Console
    from rich.style import Style

    console = Console()
    if console.color_system is None or console.no_color:
        return _plain(report)
    styles = {name: Style.parse(style) for name, style in STYLES.items()}
    return "\n".join(styles[name].render(text) if text else text for name, text in _lines(report)) + "\n"


def _github(report: CheckReport) -> str:
    """Workflow commands, one a problem, that GitHub shows beside the lines of a pull request."""
    from vcalc.reports.check import problem_record

    lines = []
    for file in report.files:
        for problem in map(problem_record, file.findings):
            places = {
                "file": printable(pure(file.path).as_posix()),
                "line": problem["line"],
                "col": problem["column"],
                "endColumn": problem["end_column"],
                "title": problem["code"],
            }
            properties = ",".join(f"{key}={_property(str(value))}" for key, value in places.items())
            lines.append(f"::{problem['severity']} {properties}::{_data(_message(problem))}")
    return "\n".join([*lines, _data(report.summary)]) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _message(problem: dict[str, Any]) -> str:
    """A problem's message with the path in the network, and the hint in a line of its own."""
    message = f"{problem['message']}, at {problem['layer']}" if problem["layer"] else problem["message"]
    return f"{message}\nhelp: {problem['hint']}" if problem["hint"] else message


def _junit(report: CheckReport) -> str:
    """A suite a file, with a failed case for each problem that fails the check, or one case that passes."""
    from xml.etree import ElementTree

    suites = ElementTree.Element("testsuites", name="vcalc check")
    tests = failures = 0
    for file in report.files:
        path = printable(file.path)
        suite = ElementTree.SubElement(suites, "testsuite", name=path)
        failed = [finding for finding in file.findings if report.fails(finding)]
        passing = [finding for finding in file.findings if not report.fails(finding)]
        for finding in failed:
            problem = finding.problem
            name = f"{problem.code} at {problem.place and problem.place.line}:{problem.place and problem.place.column}"
            case = ElementTree.SubElement(suite, "testcase", classname=path, name=name)
            failure = ElementTree.SubElement(case, "failure", type=problem.code, message=problem.message)
            failure.text = str(problem)
        if not failed:
            ElementTree.SubElement(suite, "testcase", classname=path, name="check")
        if passing:
            ElementTree.SubElement(suite, "system-out").text = "\n".join(str(finding.problem) for finding in passing)
        suite.set("tests", str(max(1, len(failed))))
        suite.set("failures", str(len(failed)))
        tests, failures = tests + max(1, len(failed)), failures + len(failed)
    suites.set("tests", str(tests))
    suites.set("failures", str(failures))
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def _sarif(report: CheckReport) -> str:
    """SARIF 2.1.0 (OASIS), for code scanning."""
    import json

    from vcalc import __version__
    from vcalc.reports.check import meaning, problem_record

    found = [(file.path, problem_record(finding)) for file in report.files for finding in file.findings]
    codes = sorted({problem["code"] for _, problem in found})
    rules = [
        {"id": code, "shortDescription": {"text": meaning(code)}, "help": {"text": f"See {PAGE}."}} for code in codes
    ]
    results = [_result(path, problem, codes) for path, problem in found]
    driver = {"name": "vcalc", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def _result(path: str, problem: dict[str, Any], codes: list[str]) -> dict[str, Any]:
    region = {"startLine": problem["line"], "startColumn": problem["column"], "endColumn": problem["end_column"]}
    location: dict[str, Any] = {"artifactLocation": {"uri": uri(pure(path))}, "region": region}
    return {
        "ruleId": problem["code"],
        "ruleIndex": codes.index(problem["code"]),
        "level": problem["severity"],
        "message": {"text": _message(problem).replace("](", "] (")},  # it would be a link (SARIF 2.1.0, 3.11.6)
        "locations": [{"physicalLocation": location}],
    }


def pure(path: str) -> PurePath:
    """A path of this system."""
    from pathlib import PurePath

    return PurePath(path)


def uri(path: PurePath) -> str:
    """A path as a URI, relative where the path is."""
    from urllib.parse import quote

    return path.as_uri() if path.is_absolute() else quote(path.as_posix().encode("utf-8", "surrogateescape"))
