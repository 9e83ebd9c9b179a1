"""A new spec works, says what its parts are, and, copied from a model, is the very same network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from zoo import of_each_file, one_in

from vcalc import conventions
from vcalc.analyses.accept import accepted
from vcalc.analyses.cost import Costs
from vcalc.spec.find import load, load_file
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec
from vcalc.spec.scaffold import copied_spec, first_spec

ROOT = Path(__file__).parent.parent


def counts(spec, model) -> list:
    """The network's totals as several conventions count them, among them those that see how it is written."""
    network = expand(spec, model)
    names = ("lecture", "cs231n", "fvcore", "ptflops")
    totals = [Costs(network.graph, conventions.find(name)).total(network.graph.nodes) for name in names]
    return [*totals, [(node.path, node.kind, node.output) for node in network.graph.nodes]]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_new_spec_works_and_explains_itself(vcalc, tmp_path):
    said = vcalc("new", "my-net").stdout
    assert said == "my-net.yaml is written: vcalc table my-net.yaml\n"
    table = json.loads(vcalc("table", "my-net.yaml", "--format", "json").stdout)
    assert (table["model"], table["title"]) == ("my-net", "my-net")
    assert {layer["path"].partition("/")[0] for layer in table["layers"]} >= {"stem", "stage1", "stage3", "classifier"}
    assert table["layers"][-1]["output"] == [1000]
    text = (tmp_path / "my-net.yaml").read_text()
    assert text.count("\n# ") + text.count("\n  # ") > 8
    assert "h**2*w" in vcalc("table", "my-net.yaml", "--set", "width=w", "--set", "H=32*h", "--set", "W=32*h").stdout


@pytest.mark.parametrize("model", one_in(6, of_each_file()))
def test_a_copy_of_a_model_is_the_same_network(model):
    spec, entry = load(model)
    text = copied_spec("mine", "mine.yaml", spec, entry)
    copy = parse_spec(text, "mine.yaml", "mine")
    assert list(copy.models) == ["mine"]
    assert copy.claims is None
    assert copy.title == "mine"
    assert counts(copy, copy.models["mine"]) == counts(spec, entry)
    assert f"from {model} (" in text.splitlines()[0]


def test_a_copy_keeps_the_comments_of_what_it_copies(vcalc, tmp_path):
    (tmp_path / "net.yaml").write_text(
        "# about the whole\ntitle: 'Net: a ''test'''\ncite: A, B\n# sizes\ninput: {C: 3, H: 8, W: 8}\nlet:\n"
        "  # how wide\n  width: 4  # channels\n  depth: 2\n# variants\nmodels:\n  a: {depth: 3}\n"
        "  b: {width: 8, list: [1, max(1, 2), [2]]}\n# the network\nlayers:\n"
        "  # first\n  - repeat: depth  # often\n    do: [{conv: {out: width, kernel: 1}}]\nclaims: []\n".replace(
            "max(1, 2)", "'max(1, 2)'"
        )
        .replace("depth  #", "depth + list[0] - 1  #")
        .replace("a: {depth: 3}", "a: {depth: 3, list: [1]}")
    )
    vcalc("new", "c", "--from", "net.yaml:b")
    text = (tmp_path / "c.yaml").read_text()
    for comment in ("# sizes", "# how wide", "# the network", "# first", "# often"):
        assert comment in text
    assert "width: 8\n" in text
    assert "list: [1, 'max(1, 2)', [2]]" in text
    assert "models:" not in text
    assert "# variants" not in text
    assert "claims" not in text
    spec = load_file("net.yaml")
    copy = load_file("c.yaml")
    assert counts(copy, copy.models["c"]) == counts(spec, spec.models["b"])


def test_it_writes_over_nothing_unless_forced(vcalc, tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text("mine")
    result = vcalc("new", "net", code=2)
    assert "net.yaml is there already" in result.stderr
    assert "--force" in result.stderr
    assert file.read_text() == "mine"
    vcalc("new", "net", "--force")
    assert "title: net" in file.read_text()
    (tmp_path / "link.yaml").symlink_to(tmp_path / "nowhere.yaml")
    assert "is there already" in vcalc("new", "link", code=2).stderr


def test_where_it_goes(vcalc, tmp_path):
    assert vcalc("new", "a", "-o", "-").stdout == accepted(first_spec("a", "a.yaml"), "a.yaml", "a")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "sub").mkdir()
    vcalc("new", "a.yaml", "--from", "vgg11", "-o", "sub/b.yaml")
    assert (tmp_path / "sub" / "b.yaml").exists()
    assert "cannot be written" in vcalc("new", "a", "-o", "no/b.yaml", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a/b",), "cannot name a model"),
        (("../a",), "cannot name a model"),
        (("",), "NAME is empty"),
        (("-o-",), ""),
        (("a b",), "cannot name a model"),
        (("a\nb: c",), "cannot name a model"),
        (("a" * 61,), "cannot name a model"),
        (("a", "--from", "resnet43"), "did you mean"),
        (("a", "--from", "missing.yaml"), "cannot be read"),
        (("a", "-o", "a.txt"), "ends in .yaml"),
        (("a", "-o", "a.yaml:b"), "ends in .yaml"),
    ],
)
def test_a_wrong_question(vcalc, tmp_path, arguments, says):
    result = vcalc("new", *arguments, code=2)
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "{title: a, input: {D: 4}, layers: [relu]}",
        "title: a\ninput: {D: 4}\nlayers: [nothing]\n",
        "title: a\ninput: {D: 4}\nlet: {x: 1/0}\nlayers: [{linear: {out: x}}]\n",
        "? title\n: a\n? input\n: {D: 4}\n? layers\n: [relu]\n",
        "---\ntitle: a\ninput: {D: 4}\nlayers: [relu]\n...\n",
        '"title": "a\\nlayers: []"\ninput: {D: 4}\nlayers: [relu]\n',
        "title: a\ninput: {D: 4}\nlet: {}\nlayers: [relu]\n",
        "title: a\ninput: {D: 4}\nlet:\nlayers: [relu]\n",
    ],
)
def test_an_odd_file_gives_the_same_network_or_one_message(vcalc, tmp_path, text):
    (tmp_path / "odd.yaml").write_text(text)
    from click.testing import CliRunner

    from vcalc.cli import main

    result = CliRunner().invoke(main, ["new", "c", "--from", "odd.yaml"], catch_exceptions=False)
    if result.exit_code == 0:
        spec, copy = load_file("odd.yaml"), load_file("c.yaml")
        assert counts(copy, copy.models["c"]) == counts(spec, spec.models["odd"])
    else:
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")
        assert not (tmp_path / "c.yaml").exists()


@pytest.mark.parametrize("name", ["null", "true", "1e3", "007", "no", "a.b-c_d+e"])
def test_a_name_that_yaml_takes_for_something_else(vcalc, name):
    vcalc("new", name)
    assert load(f"{name}.yaml")[1].name == name
    assert load_file(f"{name}.yaml").title == name


@pytest.mark.parametrize("arguments", [(), ("--from", "resnet50"), ("--from", "swin-t"), ("--from", "vit-b-16")])
def test_what_it_writes_is_in_the_canonical_layout(vcalc, arguments):
    vcalc("new", "net", *arguments)
    vcalc("fmt", "--check", "net.yaml")


HEAD = "title: a\ninput: {D: 4}\n"


@pytest.mark.parametrize(
    "text",
    [
        "models:\n  odd:\n    # own\n    do:\n      # first\n      - relu  # act\n\n      - linear:\n          out: 3\n"
        "    # end\n  b: {do: [tanh]}\n",
        "models:\n  odd: {do: [relu, {linear: {out: 2}}]}\n",
        "models:\n  odd: {do: [relu,\n  linear: {out: 2}, {name: a,\n  do: [relu]}]}\nlet: {x: 3}\n",
        "frozen: [linear]\nmodels:\n  odd:\n    do:\n    - linear: {out: 2}\n",
        "frozen: [linear]\nlayers:\n  - linear: {out: 2}\nmodels: {odd: {}}\n",
    ],
)
def test_a_model_with_layers_of_its_own_is_copied(vcalc, tmp_path, text):
    (tmp_path / "net.yaml").write_text(HEAD + text)
    vcalc("new", "c", "--from", "net.yaml:odd")
    spec, copy = load_file("net.yaml"), load_file("c.yaml")
    assert counts(copy, copy.models["c"]) == counts(spec, spec.models["odd"])
    frozen = [
        [node.frozen for node in expand(each, model).graph.nodes]
        for each, model in ((copy, copy.models["c"]), (spec, spec.models["odd"]))
    ]
    assert frozen[0] == frozen[1]
    assert "models:" not in (tmp_path / "c.yaml").read_text()


def test_why_a_model_is_not_copied_is_told(vcalc, tmp_path):
    (tmp_path / "net.yaml").write_text(f"{HEAD}models:\n  odd: {{do: [use: b, relu]}}\n  b: {{do: [tanh]}}\n")
    said = vcalc("new", "c", "--from", "net.yaml:odd", code=2).stderr
    assert said.startswith("error: odd cannot be copied out of net.yaml: there is no model 'b'")
