"""What stands beside a spec: its claims in `claims/`, how libraries write its models in `written/`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_hostile import opened_by

from vcalc.spec import find
from vcalc.spec.index import index_of
from vcalc.spec.network import _text as read_text
from vcalc.spec.network import expand

SPEC = """title: Nets
cite: own work
input: {C: 3, H: 8, W: 8}
let: {width: 4}
models:
  net: {same_as: {torchvision: their_net}}
  wide: {width: 8}
layers: [conv: {out: width, kernel: 3}, relu, global_avgpool, linear: {out: 10}]
"""
CLAIMS = """claims:
  - {source: a table, model: net, metric: params, printed: 162}
  - {source: a table, model: wide, metric: params, against: net, printed: 1.9x}
"""
TABLE = """written:
  - specs: [nets]
    forms: {relu: functional}
"""
# 3x3 over 3 channels with a bias, and 10 classes: 4*27 + 4 + 4*10 + 10 and 8*27 + 8 + 8*10 + 10, 314/162 = 1.938.


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Write a file into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


def judged(vcalc, *names: str) -> list[tuple[str, str, str]]:
    claims = json.loads(vcalc("claims", *names, "--format", "json").stdout)
    return [(claim["model"], claim["printed"], claim["verdict"]) for claim in claims]


BOTH = [("net", "162", "reproduced"), ("wide", "1.9x", "reproduced")]


def test_claims_are_the_same_in_a_spec_and_beside_it(vcalc, put):
    put("own.yaml", SPEC + CLAIMS)
    put("nets.yaml", SPEC)
    put("claims/nets.yaml", CLAIMS)
    for name in ("own.yaml", "nets.yaml", "claims/nets.yaml", "./nets.yaml", str(Path("nets.yaml").absolute())):
        assert judged(vcalc, name) == BOTH
    assert "as it is published" in vcalc("why", "nets.yaml:net", "162").stdout
    assert judged(vcalc, "nets.yaml:net") == BOTH


def test_a_file_of_claims_is_itself_alone(vcalc, put):
    put("nets.yaml", SPEC + CLAIMS.replace("printed: 162", "printed: 0.16K"))
    put("claims/nets.yaml", CLAIMS)
    assert len(judged(vcalc, "nets.yaml")) == 4
    assert judged(vcalc, "claims/nets.yaml") == BOTH


def test_a_folder_of_specs_has_one_folder_of_claims(vcalc, put, monkeypatch, tmp_path):
    put("specs/blocks/nets.yaml", SPEC)
    put("specs/claims/blocks/nets.yaml", CLAIMS)
    assert judged(vcalc, "specs/blocks/nets.yaml") == judged(vcalc, "specs/claims/blocks/nets.yaml") == BOTH
    monkeypatch.chdir(tmp_path / "specs" / "blocks")
    assert judged(vcalc, "nets.yaml") == BOTH
    monkeypatch.chdir(tmp_path / "specs" / "claims" / "blocks")
    assert judged(vcalc, "nets.yaml") == BOTH


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        (["nets.yaml"], "1 file, 2 models, 1 file of claims: no problems\n"),
        (["nets.yaml", "claims/nets.yaml"], "1 file, 2 models, 1 file of claims: no problems\n"),
        (["."], "1 file, 2 models, 1 file of claims, 1 table of forms: no problems\n"),
        (["claims/nets.yaml"], "1 file of claims: no problems\n"),
        (["written"], "1 table of forms: no problems\n"),
    ],
)
def test_a_check_counts_what_it_looks_at(vcalc, put, paths, says):
    put("nets.yaml", SPEC)
    put("claims/nets.yaml", CLAIMS)
    put("written/torchvision.yaml", TABLE)
    assert vcalc("check", "--strict", *paths).stdout == says
    record = json.loads(vcalc("check", ".", "--format", "json").stdout)
    assert [(file["path"], file["kind"], file["models"]) for file in record["files"]] == [
        ("./nets.yaml", "spec", ["net", "wide"]),
        ("./claims/nets.yaml", "claims", []),
        ("./written/torchvision.yaml", "written", []),
    ]


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        (CLAIMS.replace("162", "163"), "2:60: error[claim-differs]: params of net is 162, and 163 is printed"),
        (CLAIMS.replace("model: net", "model: nett"), "2:30: error[unknown-model]: there is no model 'nett'"),
        (CLAIMS.replace("metric", "metrik"), "2:35: error[unknown-key]: a claim has no key 'metrik'"),
        (CLAIMS.replace("claims:", "clams:"), "1:1: error[unknown-key]: a file in claims/ has no key 'clams'"),
        ("- a\n", "1:1: error[type]: a file in claims/ has claims: and a list, and this is a list"),
        ("claims: []\n", "1:1: error[missing]: there is no claim in this file"),
        ("claims: [\n", "error[yaml]"),
        ("", "claims/nets.yaml is empty"),
    ],
)
@pytest.mark.parametrize("named", ["nets.yaml", "claims/nets.yaml", "."])
def test_what_is_wrong_in_a_file_of_claims_is_told_there(vcalc, put, claims, says, named):
    put("nets.yaml", SPEC)
    put("claims/nets.yaml", claims)
    said = vcalc("check", named, code=1).stdout
    assert says in said
    assert "claims/nets.yaml:" in said
    assert "no-figure" not in said


@pytest.mark.parametrize("key", ["model: net,", "against: net,"])
def test_a_claim_of_a_model_that_its_spec_lacks_says_which_it_has(vcalc, put, key):
    put("nets.yaml", SPEC)
    put("claims/nets.yaml", CLAIMS.replace(key, key.replace("net,", "nett,")))
    for command in (["check", "claims/nets.yaml"], ["claims", "nets.yaml"]):
        result = vcalc(*command, code=1 if command[0] == "check" else 2)
        said = result.stdout + result.stderr
        assert "claims/nets.yaml:" in said
        assert "there is no model 'nett'" in said
        assert "help: did you mean 'net'?" in said


def test_claims_without_their_spec(vcalc, put):
    put("claims/nets.yaml", CLAIMS)
    message = "claims/nets.yaml:1:1: error[file]: there is no nets.yaml, the spec whose claims these are"
    assert message in vcalc("check", "claims", code=1).stdout
    assert (
        "there is no nets.yaml, the spec whose claims these are" in vcalc("claims", "claims/nets.yaml", code=2).stderr
    )


def test_claims_of_a_spec_that_does_not_read_are_not_judged(vcalc, put):
    put("nets.yaml", SPEC.replace("relu", "rleu"))
    put("claims/nets.yaml", CLAIMS)
    (error,) = [line for line in vcalc("check", "nets.yaml", code=1).stdout.splitlines() if "error[" in line]
    assert error.startswith("nets.yaml:8:41: error[unknown-kind]")
    put("nets.yaml", SPEC.replace("kernel: 3", "kernel: 99"))
    assert "claims/nets.yaml" not in vcalc("check", "nets.yaml", code=1).stdout


def test_a_hyperparameter_that_claims_ask_for_is_used(vcalc, put):
    put("nets.yaml", SPEC.replace("width: 4}", "width: 4, published: 7}"))
    assert "unused-hyperparameter" in vcalc("check", "nets.yaml").stdout
    put("claims/nets.yaml", CLAIMS + "  - {source: a table, model: net, metric: published, printed: 7}\n")
    assert "unused-hyperparameter" not in vcalc("check", "nets.yaml").stdout


def test_a_network_is_a_spec_whatever_its_folder_is_called(vcalc, put):
    put("claims/nets.yaml", SPEC + CLAIMS)
    put("nets.yaml", SPEC)
    put("written/timm.yaml", SPEC + CLAIMS)
    assert vcalc("check", "claims/nets.yaml").stdout == "1 file, 2 models: no problems\n"
    assert vcalc("check", "written/timm.yaml").stdout == "1 file, 2 models: no problems\n"
    assert judged(vcalc, "claims/nets.yaml") == BOTH
    assert judged(vcalc, "nets.yaml") == []


def test_no_link_leads_to_what_stands_beside(vcalc, put, tmp_path):
    put("nets.yaml", SPEC)
    for secret in ("secret/nets.yaml", "secret/torchvision.yaml"):
        put(secret, "written: [hunter2]\nclaims: [hunter2]\n")
    for folder, name in (("claims", "nets.yaml"), ("written", "torchvision.yaml")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).symlink_to(tmp_path / "secret" / name)
    commands = (["check", "nets.yaml"], ["claims", "nets.yaml"], ["table", "nets.yaml:net"])
    for command in commands:
        opened = opened_by(lambda command=command: vcalc(*command))
        assert {path for path in opened if path.endswith("nets.yaml") or "secret" in path} <= {"nets.yaml"}
    for folder in ("claims", "written"):
        for file in (tmp_path / folder).iterdir():
            file.unlink()
        (tmp_path / folder).rmdir()
        (tmp_path / folder).symlink_to(tmp_path / "secret")
    for command in commands:
        vcalc(*command)


@pytest.mark.parametrize("command", [("table",), ("why", "5M"), ("memory",), ("formula",)], ids=lambda each: each[0])
def test_what_stands_beside_a_spec_is_told_from_a_network(vcalc, put, command):
    """Nobody is told to write layers into a file of claims; the spec is named."""
    put("claims/nets.yaml", CLAIMS)
    put("written/timm.yaml", TABLE)
    word, *more = command
    said = vcalc(word, "claims/nets.yaml", *more, code=2).stderr
    assert said.startswith("error: claims/nets.yaml:1:1: there is no network in this file, which holds claims\n")
    assert said.endswith("  help: name the spec that they are of: nets.yaml\n")
    said = vcalc(word, "written/timm.yaml", *more, code=2).stderr
    assert "written/timm.yaml:1:1: there is no network in this file, which holds how a library calls layers" in said
    assert "write layers" not in said


def test_claims_in_no_folder_of_claims_are_told_where_they_belong(vcalc, put):
    put("figures.yaml", CLAIMS)
    for command in ("claims", "check"):
        result = vcalc(command, "figures.yaml", code=2 if command == "claims" else 1)
        assert "  help: it belongs in claims/ beside specs\n" in result.stdout + result.stderr


def test_a_folder_is_told_from_a_model_that_there_is_not(vcalc, put):
    put("specs/claims/nets.yaml", CLAIMS)
    assert vcalc("claims", "specs", code=2).stderr.startswith("error: specs is a directory, not a spec\n")


@pytest.mark.parametrize("text", [CLAIMS, TABLE], ids=["claims", "written"])
def test_an_editor_lays_out_what_stands_beside_by_standard_input(vcalc, text):
    assert vcalc("fmt", "-", input=text.replace("  - ", "-   ")).stdout.split() == text.split()


def test_the_layout_of_what_stands_beside(vcalc, put):
    put("claims/nets.yaml", "claims:\n- {source: a table, metric: params, printed: 1}   \n\n\n")
    put("written/timm.yaml", "written:\n-   specs: [nets]\n    forms: {relu: functional}\n")
    assert vcalc("fmt", ".").stdout.endswith("2 files, 2 of them changed\n")
    assert Path("claims/nets.yaml").read_text() == "claims:\n  - {source: a table, metric: params, printed: 1}\n"
    assert Path("written/timm.yaml").read_text() == "written:\n  - specs: [nets]\n    forms: {relu: functional}\n"
    put("notes/claims.yaml", "claims:\n- about something else\n")
    assert vcalc("fmt", ".").stdout == "2 files, 0 of them changed\n"


# How libraries write the models


def forms(name: str) -> dict[str, str]:
    return {node.kind: node.layer.form for node in expand(*find.load(name)).graph.nodes}


def test_a_library_writes_the_models_that_it_has(put):
    put("nets.yaml", SPEC)
    put("written/timm.yaml", TABLE)
    assert forms("nets.yaml:net")["relu"] == "module"  # it is not in timm
    put("written/torchvision.yaml", TABLE)
    assert forms("nets.yaml:net")["relu"] == "functional"
    assert forms("nets.yaml:wide")["relu"] == "module"  # it is in no library


def test_what_is_nearer_to_a_model_goes_before(put):
    put("nets.yaml", SPEC)
    put("written/torchvision.yaml", TABLE + "  - models: [net]\n    forms: {relu: method}\n")
    assert forms("nets.yaml:net")["relu"] == "method"
    put("nets.yaml", SPEC + "written: {torchvision: {relu: functional}}\n")
    assert forms("nets.yaml:net")["relu"] == "functional"
    put("nets.yaml", SPEC.replace("their_net}", "their_net}, written: {torchvision: {relu: method}}"))
    assert forms("nets.yaml:net")["relu"] == "method"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[nets]", "[nest]", "2:13: error[unknown-model]: there is no spec 'nest' here"),
        ("specs: [nets]", "models: [wide]", "2:14: error[library]: no same_as names the model 'wide' in torchvision"),
        ("specs: [nets]", "models: [neta]", "2:14: error[unknown-model]: there is no model 'neta' here"),
        ("functional", "functionnal", "3:19: error[written]: 'relu' is not written as 'functionnal'"),
        ("relu: f", "stem/relu: f", "2:5: error[written]: there is no layer at 'stem/relu'"),
        ("forms", "form", "3:5: error[unknown-key]: what is written alike has no key 'form'"),
        ("    forms: {relu: functional}\n", "", "2:5: error[missing]: what is written alike needs 'forms'"),
        ("specs: [nets]", "specs: nets", "2:12: error[type]: specs is a list, not 'nets'"),
        ("written:\n", "written:\n  - nets\n", "2:5: error[type]: what is written alike is a mapping"),
    ],
)
def test_what_is_wrong_in_a_table_is_told(vcalc, put, old, new, says):
    put("nets.yaml", SPEC)
    put("written/torchvision.yaml", TABLE.replace(old, new))
    said = vcalc("check", "written/torchvision.yaml", code=1).stdout
    assert f"written/torchvision.yaml:{says}" in said
    assert said.endswith("1 table of forms: 1 error\n")


def test_a_table_is_a_librarys(vcalc, put):
    put("nets.yaml", SPEC)
    put("written/torchvison.yaml", TABLE)
    said = vcalc("check", "written", code=1).stdout
    assert "written/torchvison.yaml:1:1: error[unknown]: there is no library 'torchvison'" in said
    assert "did you mean 'torchvision'?" in said


def test_a_broken_table_is_told_where_a_model_needs_it(vcalc, put):
    put("nets.yaml", SPEC)
    put("written/torchvision.yaml", TABLE.replace("functional", "functionnal"))
    assert "written/torchvision.yaml:3:19: 'relu' is not written as" in vcalc("table", "nets.yaml:net", code=2).stderr
    vcalc("table", "nets.yaml:wide")


# The catalogue


def test_a_spec_of_the_catalogue_is_an_architecture_alone():
    for path in find.catalogue_files():
        spec = find.load_file(path)
        assert spec.claims is None
        assert not spec.written
        assert not [model.name for model in spec.models.values() if model.written]


def test_a_table_of_the_catalogue_opens_no_claims(vcalc, monkeypatch):
    vcalc("table", "densenet121")  # what is loaded once stays
    monkeypatch.setattr(find, "_parse", find._parse.__wrapped__)
    monkeypatch.setattr("vcalc.spec.network._text", read_text.__wrapped__)
    opened = opened_by(lambda: vcalc("table", "vgg16"))
    there = [str(Path(path).relative_to(find.catalogue())) for path in opened if path.startswith(find.catalogue())]
    assert sorted(set(there) - {"index.json"}) == ["vgg.yaml", "written/torchvision.yaml"]


def test_the_index_needs_no_layers(put, tmp_path):
    """A model's name is known from what names it, whatever the layers of its file, or of another, are."""
    files = [
        put("a.yaml", "models: {a1: {title: A, same_as: {timm: a_one}}, a2: }\nlayers: [use: b]\n"),
        put("b.yaml", "aliases: [bee]\nlayers: [no such layer]\n"),
        put("c.yaml", "options: {x: [relu]}\n"),
    ]
    index = index_of([str(tmp_path / file) for file in files], str(tmp_path))
    assert index["models"] == {"a1": "a.yaml", "a2": "a.yaml", "b": "b.yaml"}
    assert index["aliases"] == {"a": "a1", "aone": "a1", "bee": "b"}
    assert index["blocks"] == {"c": "c.yaml"}
