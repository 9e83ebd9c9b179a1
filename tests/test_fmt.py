"""The canonical layout: what it changes, and what no layout may change: values, comments, counts."""

from __future__ import annotations

import os
import random
import re
import stat
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from zoo import one_in

from vcalc.analyses.cost import Costs
from vcalc.conventions import load as convention
from vcalc.errors import VcalcError
from vcalc.source.read import read
from vcalc.spec.find import catalogue_files
from vcalc.spec.layout import formatted
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec

ROOT = Path(__file__).parent.parent
UNTIDY = """\
# about the whole

layers:   # in order
- name:   stem
  do:
      # first
      -   conv: {out: 8,
                kernel: 3}@
      - relu


      -   -   odd
# about the input
input: {C: 3, H: 8, W: 8}
title: Net
cite: >-
     a long
     citation

# the end
""".replace("@", "   ").replace("Net\n", "Net\r\n")
TIDY = """\
# about the whole

title: Net
cite: >-
     a long
     citation

# the end
# about the input
input: {C: 3, H: 8, W: 8}

layers:   # in order
  - name:   stem
    do:
      # first
      - conv: {out: 8,
                kernel: 3}
      - relu

      - - odd
"""


def counts(text: str, name: str) -> list:
    spec = parse_spec(text, name, name)
    found = []
    for model in spec.models.values():
        for option in spec.options.values() or [None]:
            network = expand(spec, model, option=option)
            costs = Costs(network.graph, convention("lecture"))
            found.append((model.name, [(n.path, n.layer.values(), n.output) for n in network.graph.nodes]))
            found.append(costs.total(network.graph.nodes))
    return found


def test_what_it_does():
    assert formatted(UNTIDY, "net.yaml") == TIDY


def test_lists_in_lists_and_dashes():
    text = "layers:\n-   -   -   relu\n        - gelu\n    - tanh\n-\n    relu\n-   a: 1\n    b:\n    -  c\n"
    assert (
        formatted(text, "n")
        == "layers:\n  - - - relu\n      - gelu\n    - tanh\n  -\n    relu\n  - a: 1\n    b:\n      - c\n"
    )


@pytest.mark.parametrize("file", one_in(8, catalogue_files()), ids=lambda file: Path(file).stem)
def test_a_spec_of_the_catalogue_means_the_same(file):
    text = Path(file).read_text(encoding="utf-8")
    result = formatted(text, file)
    assert formatted(result, file) == result
    assert counts(result, "net") == counts(text, "net")
    assert [line.strip() for line in result.split("\n") if "#" in line] == [
        line.strip() for line in text.split("\n") if "#" in line
    ]


@pytest.mark.parametrize("file", one_in(8, catalogue_files()), ids=lambda file: Path(file).stem)
def test_a_layout_that_was_spoilt_is_mended(file):
    """Line ends, trailing spaces, empty lines and a wider indent all come back to the one layout."""
    text = Path(file).read_text(encoding="utf-8")
    spoilt = "".join(re.sub("^[ -]*", _wider, line) + "   \r\n" for line in text.split("\n")) + "\r\n\r\n"
    assert counts(formatted(spoilt, file), "net") == counts(text, "net")
    assert _indents(formatted(spoilt, file)) == _indents(formatted(text, file))


def _wider(found: re.Match[str]) -> str:
    return found[0].replace(" ", "  ").replace("-", "- ").replace("- - ", "--") if found[0] != "-" * 3 else found[0]


def _indents(text: str) -> list[tuple[str, int]]:
    """The column of every key of a block mapping. Lines inside a value keep what they have beyond its first one."""
    found, nodes = [], [read(text, "net.yaml")[1]]
    while nodes:
        node = nodes.pop()
        pairs = node.value if isinstance(node, yaml.MappingNode) and not node.flow_style else []
        found += [(key.value, key.start_mark.column) for key, _ in pairs]
        nodes += [value for _, value in pairs]
        nodes += node.value if isinstance(node, yaml.SequenceNode) and not node.flow_style else []
    return found


PARTS = st.sampled_from(
    [
        "title: a   ",
        "cite: >\n    x\n\n     y \n",
        "cite: |2\n    x\n   y",
        'cite: "a\n  b\n\n   c"',
        "family: a\n  b",
        "# about",
        "",
        "   ",
        "  # deep",
        "let:\n    x: 1 # one\n    # two\n    y:\n    - 1\n    -   2",
        "models:\n a: {x: 1,\n  y: [1,\n 2]}\n b:\n   x: 2",
        "layers:\n- relu\n# between\n-  name: a\n   do:\n   - relu\n   -  conv: {out: 1}",
        "options:\n   a: [relu]\n\n\n   b:\n     - relu",
        "claims: []",
        "unknown:\n  -\n    - 1\n  - - 2\n    - 3",
        "? blocks\n: {a: 1}",
        "'symbols':\n -  a\n -  b",
        "---",
        "...",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PARTS, max_size=9), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_it_is_idempotent_or_refuses(parts, end):
    text = end.join(["layers: [relu]", *parts] if "layers" not in "".join(parts) else parts) + end
    try:
        result = formatted(text, "net.yaml")
    except VcalcError:
        return
    assert formatted(result, "net.yaml") == result
    assert result.endswith("\n")
    assert not result.endswith("\n\n")
    assert "\r" not in result
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            assert line.strip() in result


@pytest.mark.parametrize("seed", range(20))
def test_no_mutated_spec_trips_it(seed):
    dice = random.Random(seed)
    for file in dice.sample(catalogue_files(), 5):
        text = list(Path(file).read_text(encoding="utf-8"))
        for _ in range(dice.randint(1, 30)):
            place = dice.randrange(len(text))
            text[place] = dice.choice(
                [" ", "\n", "\t", "-", ":", "#", "'", '"', "[", "}", "|", ">", "\u2028", "\x85", ""]
            )
        try:
            result = formatted("".join(text), file)
        except VcalcError:
            continue
        assert formatted(result, file) == result


# The command


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs" / "sub").mkdir(parents=True)
    (tmp_path / "specs" / "good.yaml").write_text("title: a\ninput: {D: 4}\n\nlayers: [relu]\n")
    (tmp_path / "specs" / "sub" / "odd.yml").write_text("input: {D: 4}\ntitle: a   \nlayers: [relu]\n")
    (tmp_path / "specs" / "convention.yaml").write_text("name:   a\nsays: b   \n")
    return tmp_path


def test_it_formats_files_and_folders(vcalc, folder):
    said = vcalc("fmt", "specs").stdout
    assert said == "changed: specs/sub/odd.yml\n2 files, 1 of them changed\n"
    assert (folder / "specs" / "sub" / "odd.yml").read_text() == (folder / "specs" / "good.yaml").read_text()
    assert (folder / "specs" / "convention.yaml").read_text() == "name:   a\nsays: b   \n"
    assert vcalc("fmt", "specs").stdout == "2 files, 0 of them changed\n"


def test_check_names_the_files_and_changes_nothing(vcalc, folder):
    file = folder / "specs" / "sub" / "odd.yml"
    before = file.read_text()
    said = vcalc("fmt", "--check", "specs/good.yaml", "specs/sub/odd.yml", code=1).stdout
    assert said == "would change: specs/sub/odd.yml\n2 files, 1 of them not in the canonical layout\n"
    assert file.read_text() == before
    vcalc("fmt", "--check", "specs/good.yaml")


def test_line_ends_are_a_change(vcalc, folder):
    file = folder / "crlf.yaml"
    file.write_bytes((folder / "specs" / "good.yaml").read_bytes().replace(b"\n", b"\r\n"))
    vcalc("fmt", "--check", "crlf.yaml", code=1)
    vcalc("fmt", "crlf.yaml")
    assert file.read_bytes() == (folder / "specs" / "good.yaml").read_bytes()


def test_standard_input(vcalc):
    assert vcalc("fmt", "-", input="input: {D: 4}\ntitle: a\nlayers: [relu]").stdout == (
        "title: a\ninput: {D: 4}\n\nlayers: [relu]\n"
    )
    vcalc("fmt", "-", "--check", input="input: {D: 4}\ntitle: a\nlayers: [relu]", code=1)


def test_a_link_and_a_mode_stay_what_they_are(vcalc, folder):
    target, link = folder / "specs" / "sub" / "odd.yml", folder / "link.yaml"
    target.chmod(0o600)
    link.symlink_to(target)
    vcalc("fmt", "link.yaml")
    assert link.is_symlink()
    assert target.read_text().startswith("title: a\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_link_in_a_folder_is_not_followed(vcalc, folder):
    outside = folder / "outside.yaml"
    outside.write_text("input: {D: 4}\ntitle: a\nlayers: [relu]\n")
    (folder / "specs" / "link.yaml").symlink_to(outside)
    vcalc("fmt", "specs")
    assert outside.read_text().startswith("input")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("layers: [relu]\ntitle:\ta\n", ":2:7: a tab stands here"),
        ("layers: [relu]\n# a\tcomment\n", "a tab stands here"),
        ("layers: [relu\n", "this is not YAML"),
        ("layers: [relu]\nlayers: [relu]\n", "second time"),
        ("layers: &a [relu]\noptions: *a\n", "aliases"),
        ("layers: !!python/object [relu]\n", "tag"),
        ("name: a\n", "is no spec"),
        ("- a\n", "is no spec"),
        ("", "is empty"),
        ("layers: [relu]\n# a\u2028  # b\n", "line end"),
    ],
)
def test_what_it_refuses_is_left_alone(vcalc, folder, text, says):
    file = folder / "bad.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    assert says in vcalc("fmt", "bad.yaml", code=2).stderr
    assert file.read_text(encoding="utf-8") == text
    assert not list(folder.glob(".vcalc-*"))


def test_the_good_files_are_written_and_every_bad_one_is_told(vcalc, folder):
    (folder / "specs" / "bad.yaml").write_text("layers: [relu\n")
    (folder / "specs" / "worse.yaml").write_text("layers: [relu]\ntitle:\ta\n")
    result = vcalc("fmt", "specs", "missing.yaml", code=2)
    assert "changed: specs/sub/odd.yml" in result.stdout
    for name in ("specs/bad.yaml", "specs/worse.yaml", "missing.yaml"):
        assert name in result.stderr


def test_a_change_of_meaning_is_refused(monkeypatch, vcalc, folder):
    from vcalc.spec import layout

    monkeypatch.setattr(layout, "_laid_out", lambda text, file: "layers: [gelu]\n")
    file = folder / "specs" / "good.yaml"
    before = file.read_text()
    assert "without a change of what it says" in vcalc("fmt", str(file), code=2).stderr
    assert file.read_text() == before


@pytest.mark.slow
def test_hostile_lengths_end(folder):
    import time

    for text in (
        "layers: [relu]\n" + "# c\n" * 200_000,
        "layers:\n" + "- relu\n" * 90_000,
        "layers:\n" + "-\n\n\n\n" * 50_000,
        "layers: [relu]\ntitle: '" + "\n" * 400_000 + "'\n",
        "layers:\n" + "- - " * 25 + "relu\n",
    ):
        started = time.process_time()
        with suppress(VcalcError):
            formatted(text, "net.yaml")
        assert time.process_time() - started < 20


def test_a_folder_has_the_specs_that_check_looks_at(vcalc, tmp_path):
    """No hidden file, and nothing that is no file: only what a link points to stays fmt's own exception."""
    text = "input: {D: 8}\ntitle: Net\ncite: own work\nexpect: {params: 18}\nlayers: [linear: {out: 2}]\n"
    for name in ("net.yaml", ".hidden.yaml"):
        (tmp_path / name).write_text(text)
    os.mkfifo(tmp_path / "pipe.yaml")
    assert vcalc("fmt", str(tmp_path)).stdout.endswith("1 file, 1 of them changed\n")
    assert (tmp_path / ".hidden.yaml").read_text() == text
    assert vcalc("check", str(tmp_path)).stdout.startswith("1 file, 1 model")
