"""Pages that follow from the code do; the README's and the docs' commands print what is shown; examples run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import yaml

from vcalc import conventions
from vcalc.reports.catalogue import entry
from vcalc.spec.find import model_names

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import generate
import slips

ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


PAGES = generate.pages()


@pytest.mark.parametrize("path", list(PAGES), ids=lambda path: path.name)
def test_the_page_is_what_the_code_says(path):
    assert path.read_text(encoding="utf-8") == PAGES[path], f"run python docs/generate.py ({path})"


TOTALS = json.loads((Path(generate.catalogue()) / "totals.json").read_text(encoding="utf-8"))


def test_the_totals_are_of_all_models_in_order():
    assert [entry["name"] for entry in TOTALS] == model_names()


@pytest.mark.parametrize("row", TOTALS[::29], ids=lambda row: row["name"])
def test_a_models_totals_are_what_is_counted(row):
    assert row == entry(row["name"], conventions.load(conventions.DEFAULT)), "run python docs/generate.py"


@pytest.mark.slow
def test_all_totals_are_what_is_counted():
    for path, text in generate.totals().items():
        assert path.read_text(encoding="utf-8") == text, "run python docs/generate.py"


def without_output(page: str) -> str:
    """A page whose console blocks have their commands alone."""
    block = re.compile(r"(?<=```console\n).*?(?=^```)", re.DOTALL | re.MULTILINE)
    return block.sub(lambda found: "".join(re.findall(r"^\$ .*\n", found[0], re.MULTILINE)), page)


SLIPS = yaml.safe_load(slips.DATA.read_text(encoding="utf-8"))["slips"]


def test_the_page_of_slips_tells_what_the_claims_say():
    page = (generate.DOCS / "slips.md").read_text(encoding="utf-8")
    assert without_output(page) == slips.slips_page(generate.NOTE), "run python docs/generate.py"


@pytest.mark.slow
def test_the_commands_of_the_page_of_slips_print_what_it_shows():
    for path, text in generate.stories().items():
        assert path.read_text(encoding="utf-8") == text, "run python docs/generate.py"


def test_twenty_slips_of_twenty_claims_are_told():
    found = [verdict for _, verdict in slips.told(SLIPS)]
    assert len({verdict.claim for verdict in found}) == 20
    assert all(verdict.explained for verdict in found)


def test_a_claim_that_is_no_slip_is_not_told():
    claim = {"model": "vgg16", "metric": "params", "source": "AlexNet vs VGG-16", "printed": "138M"}
    right = {"title": "None", "claim": claim}
    with pytest.raises(SystemExit, match="138M is reproduced, and no slip"):
        list(slips.told([right]))
    with pytest.raises(SystemExit, match="0 claims are"):
        list(slips.told([{"title": "None", "claim": claim | {"model": "vgg17"}}]))


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (15_476_385_792, "0.1 GFLOP", "15.5 GFLOP"),
        (15_237_608 * 4, "1 MB", "61 MB"),
        (0.019055, "0.01%", "1.91%"),
        (6_998_552, "0.1", "6,998,552.0"),
        (19.414, "0.1", "19.4"),
        (12_500, "1K", "13K"),
    ],
)
def test_a_figure_of_a_story_is_rounded_as_it_is_asked_for(value, step, text):
    assert slips.rounded(value, step) == text


QUICK = "spec-language.md"
SHOWN = [pytest.param(path, marks=() if path.name == QUICK else pytest.mark.slow) for path in generate.SHOWN]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_the_commands_of_a_page_print_what_it_shows(path):
    text = path.read_text(encoding="utf-8")
    assert text == generate.replayed(text), f"run python docs/generate.py ({path})"


def test_the_page_on_checks_shows_what_each_example_gets():
    text = generate.CHECK.read_text(encoding="utf-8")
    assert text == generate.checked(text), f"run python docs/generate.py ({generate.CHECK})"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("bias: false}\n  - batchnorm", "bias: true, stride: 1}\n  - relu", ""),
        ("  - conv: {out: 16, kernel: 3}\n  - batchnorm", "  - conv: {out: 16, kernel: 3}\n  - relu", "failing"),
        ("kernel: 3, bias: false}\n  - batchnorm", "kernel: 3}\n  - batchnorm", "mended"),
    ],
)
def test_an_example_that_does_not_show_its_code_is_refused(old, new, says):
    text = generate.CHECK.read_text(encoding="utf-8")
    assert old in text
    if not says:
        assert generate.checked(text.replace(old, new)) == text.replace(old, new)
        return
    with pytest.raises(SystemExit, match=f"conv-bias-before-norm: the {says} example"):
        generate.checked(text.replace(old, new))


@pytest.mark.parametrize("spec", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_example_specs_check_clean(vcalc, spec):
    command = ["table", "resnet18", "--convention"] if "extends:" in spec.read_text() else ["check", "--strict"]
    vcalc(*command, str(spec))


@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_python_examples_run(script):
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, env=ENVIRONMENT)
    assert run.returncode == 0, run.stderr
    assert run.stdout


def test_the_first_spec_runs():
    run = subprocess.run(["bash", ROOT / "examples" / "first_spec.sh"], capture_output=True, text=True, env=ENVIRONMENT)
    assert run.returncode == 0, run.stderr
    assert "24,234" in run.stdout


def test_the_readmes_spec_is_the_example():
    readme = (ROOT / "README.md").read_text()
    spec = re.search(r"## A spec in ten lines\n\n```yaml\n(.*?)```", readme, re.DOTALL)
    assert spec is not None
    assert spec[1] == (ROOT / "examples" / "tiny.yaml").read_text()


def test_the_readmes_python_says_what_is_so():
    import vcalc

    network = vcalc.load("resnet50").bind(H=320, W=320, classes=10)
    readme = (ROOT / "README.md").read_text()
    assert f"# {network.total.params}, {network.total.flops}" in readme
    assert f"# {network.layers[0].output}" in readme
    sizes = numpy.array([224, 256, 320])
    assert f"# {vcalc.load('resnet50').bind(H=sizes, W=sizes).total.flops.tolist()}" in readme


def test_the_readmes_layer_kind_works():
    """The class of "A new layer kind", as it stands in the README, is a layer kind."""
    code = re.search(r"```python\n(class ChannelGate.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code is not None
    script = (
        "from typing import Any\n"
        "from vcalc.layers.base import MAP, Layer, elements\n"
        "from vcalc.layers.fields import FLAG, field\n"
        f"{code[1]}\n"
        "from vcalc.spec.parse import parse_spec\n"
        "from vcalc.spec.network import expand\n"
        "spec = parse_spec('{title: t, input: {C: 4, H: 2, W: 2}, layers: [channel_gate]}', 't.yaml', 't')\n"
        "print(expand(spec, spec.models['t']).graph.nodes[0].facts.parameters)\n"
        "from vcalc.reports.kinds import kind_report\n"
        "print(kind_report('channel_gate').record['formulas']['work: multiplications'])\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.stdout == "{'scale': 4, 'shift': 4}\nC_in*H*W\n", run.stderr


def test_links_lead_somewhere():
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
