"""Bad specs and the message that each deserves: tests/bad/NAME.yaml and NAME.txt, which grow without code here.

A message names file, line and column, what was found, and what would have worked; the source line follows with a caret.
`claims-*` are read by `vcalc claims`, `options-*` by `vcalc block`, all others by `vcalc table`. To add one:

    vcalc table tests/bad/NAME.yaml 2> tests/bad/NAME.txt     # and read what it says
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from zoo import one_in

ROOT = Path(__file__).parent.parent
BAD = Path(__file__).parent / "bad"
SPECS = sorted(path.stem for path in BAD.glob("*.yaml"))
COMMANDS = {"claims": "claims", "options": "block"}

PLACED = re.compile(r"^(?:error: )?(?P<file>tests/bad/\S+):(?P<line>\d+):(?P<column>\d+): ")


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", SPECS)
def test_a_bad_spec_gets_its_message(vcalc, name):
    command = COMMANDS.get(name.partition("-")[0], "table")
    result = vcalc(command, f"tests/bad/{name}.yaml", code=2)
    assert result.stderr == (BAD / f"{name}.txt").read_text(encoding="utf-8")
    assert result.stdout == ""


@pytest.mark.parametrize("name", one_in(3, SPECS))
def test_the_caret_stands_under_the_place(name):
    source = (BAD / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    message = (BAD / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    places = [(index, found) for index, line in enumerate(message) if (found := PLACED.match(line))]
    assert [int(found["line"]) for _, found in places] == sorted(int(found["line"]) for _, found in places)
    for index, found in places:
        line, column = source[int(found["line"]) - 1].replace("\t", " "), int(found["column"])
        margin = f"{found['line']} | "
        shown, caret = message[index + 1].removeprefix(margin), message[index + 2][len(margin) :]
        assert shown in line
        assert caret.index("^") + line.index(shown) == column - 1


def test_every_message_belongs_to_a_spec():
    assert {path.stem for path in BAD.glob("*.txt")} == set(SPECS)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.yaml", "nowhere.yaml cannot be read: no such file or directory"),
        ("nowhere/net.yml", "nowhere/net.yml cannot be read: no such file or directory"),
        ("tests/bad", "tests/bad is a directory, not a spec\n  help: name a .yaml file in it"),
        (
            "tests/conftest.py",
            "tests/conftest.py is a program in Python, which vcalc does not read\n  help: `vcalc new` writes",
        ),
        (
            "googlnet",
            "there is no model 'googlnet'\n  help: did you mean 'googlenet' or 'googlenet-bn' or 'googlenet-aux'?",
        ),
        ("specs/vgg.yaml:foo", "specs/vgg.yaml has no model 'foo'\n  help: it has: "),
    ],
)
def test_what_is_no_spec(vcalc, name, says):
    assert vcalc("table", name, code=2).stderr.startswith(f"error: {says}")


def test_a_directory_that_is_named_like_a_spec(vcalc, tmp_path, monkeypatch):
    (tmp_path / "net.yaml").mkdir()
    monkeypatch.chdir(tmp_path)
    expected = "error: net.yaml is a directory, not a spec\n  help: name a .yaml file in it\n"
    assert vcalc("table", "net.yaml", code=2).stderr == expected


def test_a_spec_on_standard_input(vcalc):
    result = vcalc("table", "-", input="input: {C: 3, H: 8, W: 8}\nlayers: [rleu]\n", code=2)
    assert result.stderr.startswith(
        "error: <standard input>:2:10: there is no layer or block 'rleu'\n2 | layers: [rleu]\n"
    )


def test_a_hyperparameter_that_only_another_model_has(vcalc, tmp_path, monkeypatch):
    (tmp_path / "net.yaml").write_text(
        "input: {C: 3, H: 8, W: 8}\nmodels:\n  small: {width: 8}\n  large: {}\n"
        "layers:\n  - conv: {out: width, kernel: 1}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert vcalc("table", "net.yaml:large", code=2).stderr == (
        "error: net.yaml:6:17: 'width' is not defined here, at conv\n"
        "6 |   - conv: {out: width, kernel: 1}\n"
        "                    ^~~~~\n"
        "  help: model 'large' gives it no value: write it there, or under let\n"
    )
