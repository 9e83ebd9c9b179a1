"""What changed between two networks: the layers that did, and differences that sum to that of the totals."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from zoo import one_in

from vcalc import conventions
from vcalc.analyses import pairing
from vcalc.analyses.cost import Cost, Costs
from vcalc.analyses.diff import Side, layer_changes, stage_changes, total_change
from vcalc.spec.find import load, model_names
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec

ROOT = Path(__file__).parent.parent
METRICS = ("params", "flops", "memory")
BASE = """title: Net
input: {C: 3, H: 32, W: 32}
layers:
  - name: stem
    do:
      - conv: {out: 16, kernel: 3, pad: 1}
      - batchnorm
      - relu
  - name: body
    do:
      - conv: {out: 32, kernel: 3, stride: 2, pad: 1}
      - relu
      - conv: {out: 32, kernel: 3, pad: 1}
      - relu
  - global_avgpool
  - linear: {out: 10, name: head}
"""


def side(text: str, convention: str = "lecture") -> Side:
    spec = parse_spec(text, "net.yaml", "net")
    network = expand(spec, next(iter(spec.models.values())))
    return Side(network.graph.nodes, Costs(network.graph, conventions.find(convention)))


def changes(new: str, old: str = BASE) -> list:
    """The layers that are written in another way."""
    return [change for change in layer_changes(side(old), side(new)) if not change.follows]


def told(new: str, old: str = BASE) -> list[tuple[str, str]]:
    return [(change.change, change.node.path) for change in changes(new, old)]


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A repository with one commit of net.yaml, one that widens it, and one that adds late.yaml."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "repo"
    (folder / "specs").mkdir(parents=True)
    git(folder, "init", "-b", "main")
    steps = ({"specs/net.yaml": BASE}, {"specs/net.yaml": BASE.replace("32, k", "48, k")}, {"late.yaml": BASE})
    for number, files in enumerate(steps):
        for name, text in files.items():
            (folder / name).write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-m", f"step {number}")
        git(folder, "tag", f"v{number}")
    monkeypatch.chdir(folder)
    return folder


# What changed


@pytest.mark.parametrize("name", one_in(24, model_names()))
def test_a_model_and_itself_differ_in_nothing(name):
    graphs = [expand(*load(name)).graph for _ in range(2)]
    for convention in map(conventions.find, ("lecture", "cs231n", "fvcore")):
        both = [Side(graph.nodes, Costs(graph, convention)) for graph in graphs]
        assert layer_changes(*both) == []
        assert all(change.old == change.new for change in stage_changes(*both))


def test_a_wider_layer_is_one_change_and_the_rest_follows():
    new = BASE.replace("conv: {out: 16,", "conv: {out: 24,")
    (change,) = changes(new)
    assert (change.change, change.node.path) == ("changed", "stem/conv")
    assert change.fields == {"out": (16, 24)}
    assert change.new_cost.params - change.old_cost.params == 8 * (3 * 9 + 1)
    follow = [change.node.path for change in layer_changes(side(BASE), side(new)) if change.follows]
    assert follow == ["stem/batchnorm", "stem/relu", "body/conv1"]


def test_layers_come_and_go():
    assert told(BASE.replace("      - batchnorm\n", "")) == [("removed", "stem/batchnorm")]
    more = BASE.replace("  - global_avgpool", "      - dropout\n  - global_avgpool")
    assert told(more) == [("added", "body/dropout")]
    assert told(BASE, more) == [("removed", "body/dropout")]


def test_a_layer_in_front_does_not_make_all_the_others_new():
    """body/conv1 is body/conv2 now; it was only numbered anew."""
    new = BASE.replace(
        "    do:\n      - conv: {out: 32, kernel: 3, s",
        "    do:\n      - conv: {out: 8, kernel: 1}\n      - conv: {out: 32, kernel: 3, s",
    )
    assert told(new) == [("added", "body/conv1")]


def test_another_kind_in_its_place():
    (change,) = changes(BASE.replace("      - batchnorm\n", "      - {groupnorm: {groups: 4, name: batchnorm}}\n"))
    assert change.kinds == ("batchnorm", "groupnorm")
    (change,) = changes(BASE.replace("name: head", "name: classifier"))
    assert (change.moved_from, change.node.path, change.fields) == ("head", "classifier", {})


def test_the_usual_way_of_calling_a_layer_goes_without_saying():
    said = BASE.replace("- batchnorm\n", "- batchnorm: {written: module}\n")
    assert said != BASE
    assert changes(said) == []
    (change,) = changes(said.replace("module", "functional"))
    assert change.fields == {"written": ("module", "functional")}


@pytest.mark.parametrize("input", ["{C: 3, L: 8}", "{C: 3, H: 8, W: 8}", "{C: 3, T: 8, H: 8, W: 8}"])
def test_one_number_for_all_axes_is_shown_as_one(vcalc, tmp_path, input):
    for name, layers in (("old", "relu"), ("new", "relu, conv: {out: 4, kernel: 3, pad: 1}, maxpool: {kernel: 2}")):
        (tmp_path / f"{name}.yaml").write_text(f"input: {input}\nlayers: [{layers}]\n")
    shown = vcalc("diff", str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml"), "--format", "csv").stdout
    assert "conv out 4, kernel 3, pad 1" in shown
    assert "maxpool kernel 2," in shown


def test_a_group_with_another_name_has_moved():
    found = changes(BASE.replace("name: stem", "name: entry"))
    assert [change.moved_from for change in found] == ["stem/conv", "stem/batchnorm", "stem/relu"]


def test_what_reads_another_tensor_has_changed():
    """Shapes and costs are the same: only the way through the network differs."""
    layers = "{linear: {out: 8, name: a}}, {save: x}, {linear: {out: 8, name: b}}, {save: y}, {take: x}, relu"
    old = f"input: {{D: 8}}\nlayers: [{layers}]"
    (change,) = changes(old.replace("take: x", "take: y"), old)
    assert (change.node.path, change.reads) == ("relu", (["a"], ["b"]))


@pytest.mark.parametrize("convention", ["lecture", "cs231n", "macs"])
@pytest.mark.parametrize(
    ("old", "new"), [("resnet18", "resnet50"), ("vgg16", "alexnet"), ("vit-b-16", "swin-t"), ("lenet-5", "lenet-5")]
)
def test_the_stages_sum_to_the_total(network, old, new, convention):
    sides = []
    for name in (old, new):
        made = network(name)
        sides.append(Side(made.graph.nodes, Costs(made.graph, conventions.find(convention))))
    total = total_change(*sides)
    stages = stage_changes(*sides)
    for metric in METRICS:
        assert sum(getattr(stage.difference, metric) for stage in stages) == getattr(total.difference, metric)
    layers = layer_changes(*sides)
    for metric in METRICS:
        moved = sum(getattr(each.new_cost, metric) - getattr(each.old_cost, metric) for each in layers)
        inputs = getattr(sides[1].costs.input, metric) - getattr(sides[0].costs.input, metric)
        assert moved + inputs == getattr(total.difference, metric)
    assert [len(stage.old) for stage in stages] == [len(Cost._fields)] * len(stages)


LAYER = st.sampled_from(
    [
        "relu",
        "batchnorm",
        "conv: {out: 8, kernel: 3, pad: 1}",
        "conv: {out: 4, kernel: 1}",
        "gelu",
        "maxpool: {kernel: 1}",
    ]
)
NETWORKS = st.lists(st.tuples(st.sampled_from("abc"), st.lists(LAYER, min_size=1, max_size=6)), min_size=1, max_size=5)


def written(groups: list) -> str:
    body = "".join(
        f"  - name: {name}\n    do:\n" + "".join(f"      - {layer}\n" for layer in layers) for name, layers in groups
    )
    return f"input: {{C: 3, H: 8, W: 8}}\nlayers:\n{body}"


@settings(max_examples=150, deadline=None)
@given(NETWORKS, NETWORKS)
def test_every_layer_is_paired_once_and_in_order(old, new):
    a, b = side(written(old)), side(written(new))
    found = pairing.pairs(a.nodes, b.nodes)
    assert [node for node, _ in found if node] == a.nodes
    assert [node for _, node in found if node] == b.nodes
    assert not any(before is None and after is None for before, after in found)
    differences = layer_changes(a, b)
    for metric in METRICS:
        moved = sum(getattr(each.new_cost, metric) - getattr(each.old_cost, metric) for each in differences)
        assert moved == getattr(total_change(a, b).difference, metric)
    back = layer_changes(b, a)
    assert (differences == []) == (back == [])


def test_long_stretches_are_paired_in_time():
    text = "input: {C: 4, H: 8, W: 8}\nlayers: [{repeat: 3000, do: [relu, sigmoid]}]"
    old, new = side(text), side(text.replace("relu, sigmoid", "sigmoid, tanh, gelu"))
    started = time.process_time()
    found = pairing.pairs(old.nodes, new.nodes)
    assert time.process_time() - started < 5
    assert sorted(node.index for node, _ in found if node) == list(range(6000))
    assert sorted(node.index for _, node in found if node) == list(range(9000))
    started = time.process_time()
    layer_changes(old, new)
    assert len(stage_changes(old, new)) == 12_000
    assert time.process_time() - started < 10


# The command


def test_the_contract(vcalc, tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text(BASE)
    wide = tmp_path / "wide.yaml"
    wide.write_text(BASE.replace("conv: {out: 16,", "conv: {out: 24,").replace("      - batchnorm\n", ""))
    found = json.loads(vcalc("diff", str(file), str(wide), "--format", "json").stdout)
    assert list(found) == [
        "schema",
        "old",
        "new",
        "convention",
        "unit",
        "batch",
        "dtype",
        "same",
        "layers",
        "stages",
        "total",
    ]
    assert found["old"] == {"model": "net", "title": "Net", "revision": None, "input": {"C": 3, "H": 32, "W": 32}}
    first, second = found["layers"][:2]
    assert (first["path"], first["change"], first["fields"]) == ("stem/conv", "changed", {"out": [16, 24]})
    assert first["output"] == [[16, 32, 32], [24, 32, 32]]
    assert first["old"]["params"] + first["difference"]["params"] == first["new"]["params"]
    assert (second["path"], second["change"], second["output"]) == ("stem/batchnorm", "removed", [[16, 32, 32], None])
    assert {layer["change"] for layer in found["layers"]} == {"changed", "removed"}
    for metric in METRICS:
        difference = found["total"]["difference"][metric]
        assert sum(stage["difference"][metric] for stage in found["stages"]) == difference
        assert found["total"]["new"][metric] - found["total"]["old"][metric] == difference
        assert found["total"]["ratio"][metric] == found["total"]["new"][metric] / found["total"]["old"][metric]
    text = vcalc("diff", str(file), str(wide)).stdout
    assert "out 16 → 24" in text
    assert "1 changed" in text
    assert "1 removed" in text


def test_nothing_changed_is_said(vcalc):
    result = vcalc("diff", "resnet50", "resnet50", "--exit-code")
    assert "nothing changed" in result.stdout
    assert json.loads(vcalc("diff", "vgg16", "vgg16", "--format", "json").stdout)["same"] is True


def test_a_difference_is_an_answer_unless_the_exit_code_is_asked_for(vcalc):
    assert vcalc("diff", "resnet18", "resnet34").exit_code == 0
    vcalc("diff", "resnet18", "resnet34", "--exit-code", code=1)


def test_whole_blocks_are_one_row_and_all_shows_each_layer(vcalc):
    short = vcalc("diff", "resnet18", "resnet34").stdout
    assert "stage1/block3/  7 layers: 2 conv, 2 batchnorm, 2 relu, add" in short
    assert "stage1/block3/conv2" in vcalc("diff", "resnet18", "resnet34", "--all").stdout
    assert "56 added" in short


def test_the_strided_convolution_of_a_resnet(vcalc):
    """What torchvision changed in the bottleneck, its README's V1.5: the stride went from the 1x1 to the 3x3."""
    found = json.loads(vcalc("diff", "resnet50-v1", "resnet50", "--format", "json").stdout)
    written = {layer["path"]: layer["fields"] for layer in found["layers"] if layer["fields"]}
    assert written == {
        f"stage{stage}/block1/conv{conv}": {"stride": [[a, a], [b, b]]}
        for stage in (2, 3, 4)
        for conv, a, b in ((1, 2, 1), (2, 1, 2))
    }
    assert found["total"]["difference"]["params"] == 0


def test_sizes_and_conventions_go_to_both_sides(vcalc):
    arguments = ("diff", "resnet18", "resnet34", "--set", "classes=10", "--convention", "macs", "--format", "json")
    found = json.loads(vcalc(*arguments, "--input", "3x64x64").stdout)
    assert found["convention"] == "macs"
    assert found["old"]["input"] == found["new"]["input"] == {"C": 3, "H": 64, "W": 64}
    table = json.loads(
        vcalc(
            "table", "resnet34", "--set", "classes=10", "--convention", "macs", "--input", "3x64x64", "--format", "json"
        ).stdout
    )
    assert found["total"]["new"]["flops"] == table["total"]["flops"]


def test_formulas(vcalc):
    arguments = ("diff", "resnet18", "resnet34", "--set", "width=c", "--set", "H=32*h", "--set", "W=32*h")
    found = json.loads(vcalc(*arguments, "--format", "json").stdout)
    c, h = sympy.symbols("c h")
    difference = sympy.sympify(found["total"]["difference"]["flops"])
    assert difference.subs({c: 64, h: 7}) == 3_665_592_832 - 1_815_904_768
    assert sympy.sympify(found["total"]["ratio"]["params"]).subs({c: 64}) == sympy.Rational(21_797_672, 11_689_512)
    assert "→" in vcalc(*arguments).stdout


@pytest.mark.parametrize("format_", ["rich", "plain", "markdown", "csv", "json", "latex"])
def test_every_format(vcalc, format_):
    text = vcalc("diff", "resnet18", "resnet50", "--format", format_).stdout
    if format_ == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {"added", "changed"} <= {row["change"] for row in rows}
        assert sum(int(row["new_params"]) - int(row["old_params"]) for row in rows) == 25_557_032 - 11_689_512
        assert {"64x56x56", "2048x7x7"} <= {row["new_output"] for row in rows}
    if format_ == "markdown":
        lines = [line for line in text.splitlines() if line.startswith("|")]
        assert all(line.endswith("|") for line in lines)
        assert len({line.count("|") for line in lines}) == 2


# Against a revision


def test_against_a_revision(vcalc, repository):
    found = json.loads(vcalc("diff", "specs/net.yaml", "--against", "v0", "--format", "json").stdout)
    assert found["old"]["revision"] == "v0"
    assert [layer["path"] for layer in found["layers"] if layer["fields"]] == ["body/conv1", "body/conv2"]
    text = vcalc("diff", "specs/net.yaml", "--against", "HEAD~2").stdout
    assert "net at HEAD~2 → net" in text
    assert "nothing changed" in vcalc("diff", "specs/net.yaml", "--against", "main").stdout


def test_from_another_folder_and_with_a_change_that_is_not_committed(vcalc, repository, tmp_path, monkeypatch):
    file = repository / "specs" / "net.yaml"
    file.write_text(BASE.replace("out: 10", "out: 100"))
    (tmp_path / "link").symlink_to(repository / "specs")
    monkeypatch.chdir(repository / "specs")
    for name in ("net.yaml", str(file), "../specs/net.yaml", str(tmp_path / "link" / "net.yaml")):
        assert "out 10 → 100" in vcalc("diff", name, "--against", "v1").stdout


def test_a_spec_that_was_not_there_is_new_as_a_whole(vcalc, repository):
    result = vcalc("diff", "late.yaml", "--against", "v0")
    assert "which was not there at v0" in result.stdout
    found = json.loads(vcalc("diff", "late.yaml", "--against", "v0", "--format", "json").stdout)
    assert found["old"] is None
    assert {layer["change"] for layer in found["layers"]} == {"added"}
    assert found["total"]["difference"] == found["total"]["new"]
    vcalc("diff", "late.yaml", "--against", "v0", "--exit-code", code=1)


def test_a_model_that_was_not_in_the_file(vcalc, repository):
    text = BASE.replace("layers:", "let: {c: 16}\nmodels: {small: {c: 8}, large: {c: 32}}\nlayers:").replace(
        "out: 16", "out: c"
    )
    (repository / "late.yaml").write_text(text)
    assert "was not there" in vcalc("diff", "late.yaml:small", "--against", "v2").stdout
    assert "has several models" in vcalc("diff", "late.yaml", "--against", "v2", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("resnet18",), "diff takes two models"),
        (("resnet18", "resnet34", "resnet50"), "diff takes two models"),
        (("resnet18", "resnet34", "--against", "v0"), "goes with one model"),
        (("resnet18", "resnet43"), "did you mean 'resnet34'"),
        (("specs/net.yaml", "--against", "v9"), "git knows no revision 'v9'"),
        (("specs/net.yaml", "--against", ""), "--against is empty"),
        (("specs/net.yaml", "--against", "--output=x"), "git knows no revision '--output=x'"),
        (("specs/net.yaml", "--against", "v0:specs"), "git knows no revision"),
        (("specs/net.yaml", "--against", "v0; touch x"), "git knows no revision"),
        (("specs/net.yaml", "--against", "$(touch x)"), "git knows no revision"),
        (("specs/net.yaml", "--against", "v0\n"), "git knows no revision"),
        (("-", "--against", "v0"), "standard input has no revisions"),
        (("specs/net.yaml", "specs/net.yaml", "--set", "clases=3"), "no hyperparameter"),
    ],
)
def test_a_wrong_question(vcalc, repository, arguments, says):
    result = vcalc("diff", *arguments, code=2, input=BASE)
    assert says in result.stderr
    assert result.stdout == ""
    assert not (repository / "x").exists()


def test_outside_a_repository_and_without_git(vcalc, repository, tmp_path, monkeypatch):
    file = tmp_path / "alone.yaml"
    file.write_text(BASE)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "is not in the git repository of" in vcalc("diff", str(file), "--against", "v0", code=2).stderr
    monkeypatch.chdir(tmp_path)
    for name in ("alone.yaml", "repo/specs/net.yaml"):
        assert "folder is in no git repository" in vcalc("diff", name, "--against", "v0", code=2).stderr
    monkeypatch.setenv("PATH", "")
    assert "git is not installed" in vcalc("diff", "alone.yaml", "--against", "v0", code=2).stderr


COMMANDS = """[core]
	repositoryformatversion = 1
	bare = {bare}
	{worktree}
	fsmonitor = touch {owned}; false
	pager = touch {owned}
	hooksPath = {hooks}
	sshCommand = touch {owned}; false
[alias]
	rev-parse = !touch {owned}
[extensions]
	partialClone = origin
[remote "origin"]
	url = .
	promisor = true
	uploadpack = touch {owned}; false
"""
"""Settings that run a command, with one git or another."""


def a_strangers(folder: Path, owned: Path, *, bare: bool) -> None:
    """A repository in which the spec always was what it is, its text is to be fetched, and settings run commands."""
    git(folder, "init", "-b", "main")
    git(folder, "add", "net.yaml")
    git(folder, "commit", "-m", "always")
    git(folder, "tag", "v0")
    made = folder / ".git"
    text = subprocess.run(["git", "-C", folder, "rev-parse", "v0:net.yaml"], capture_output=True, text=True).stdout
    (made / "objects" / text[:2] / text[2:].strip()).unlink()
    worktree = f"worktree = {folder}" if bare else ""
    settings = COMMANDS.format(bare=str(not worktree).lower(), owned=owned, worktree=worktree, hooks=folder / "hooks")
    (made / "config").write_text(settings)
    for path in list(made.iterdir()) if bare else ():
        path.rename(folder / path.name)
    if bare:
        made.rmdir()


@pytest.mark.parametrize("shape", ["bare", "folder", "file", "link"])
def test_a_repository_beside_the_spec_is_not_asked(vcalc, repository, tmp_path, monkeypatch, shape):
    """A pull request may hold one as ordinary files: it would choose what its own spec is compared with."""
    wide, owned = BASE.replace("32, k", "64, k"), tmp_path / "owned"
    specs = repository / "specs"
    other = specs if shape == "bare" else tmp_path / "other" / "specs"
    other.mkdir(parents=True, exist_ok=True)
    (other / "net.yaml").write_text(wide)
    a_strangers(other, owned, bare=shape == "bare")
    if shape == "link":
        shutil.rmtree(specs)
        specs.symlink_to(other)
    elif shape != "bare":
        (specs / "net.yaml").write_text(wide)
        if shape == "folder":
            (other / ".git").rename(specs / ".git")
        else:
            (specs / ".git").write_text(f"gitdir: {other / '.git'}\n")
    ask = ("diff", "--against", "v0", "--exit-code")
    if shape == "bare":
        assert "out 32 → 64" in vcalc(*ask, "specs/net.yaml", code=1).stdout
        monkeypatch.chdir(specs)
        assert "holds a bare one, which is not trusted" in vcalc(*ask, "net.yaml", code=2).stderr
    else:
        assert "is not in the git repository of the current folder" in vcalc(*ask, "specs/net.yaml", code=2).stderr
    assert not owned.exists()


def test_a_submodule_is_a_repository_of_its_own(vcalc, repository, tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    (source / "net.yaml").write_text(BASE)
    git(source, "init", "-b", "main")
    git(source, "add", "-A")
    git(source, "commit", "-m", "first")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", str(source), "sub")
    git(repository, "commit", "-m", "a submodule")
    error = vcalc("diff", "sub/net.yaml", "--against", "main", code=2).stderr
    assert "sub/net.yaml is not in the git repository of the current folder" in error
    monkeypatch.chdir("sub")
    assert "nothing changed" in vcalc("diff", "net.yaml", "--against", "HEAD").stdout


def test_what_a_partial_clone_lacks_is_not_new(vcalc, repository, tmp_path, monkeypatch):
    """It is not fetched, and not taken for a spec that was not there."""
    git(repository, "config", "uploadpack.allowFilter", "true")
    (repository / "late.yaml").unlink()
    git(repository, "commit", "-a", "-m", "earlier again")
    partial = tmp_path / "partial"
    git(tmp_path, "clone", "--filter=blob:none", f"file://{repository}", str(partial))
    monkeypatch.chdir(partial)
    ask = ("diff", "specs/net.yaml", "--against", "v0")
    assert "git does not have specs/net.yaml at 'v0' here" in vcalc(*ask, code=2).stderr
    git(partial, "show", "v0:specs/net.yaml")
    assert "out 32 → 48" in vcalc(*ask).stdout


def test_what_was_no_spec_is_told_with_its_revision(vcalc, repository):
    file = repository / "odd.yaml"
    for number, data in enumerate((b"layers: [cnov]\n", b"\xff\xfe\x00", b"x" * 1_000_001)):
        file.write_bytes(data)
        git(repository, "add", "-A")
        git(repository, "commit", "-m", "odd")
        git(repository, "tag", f"odd{number}")
    file.write_text(BASE)
    assert "odd.yaml@odd0:1:1" in vcalc("diff", "odd.yaml", "--against", "odd0", code=2).stderr
    assert "not text in UTF-8" in vcalc("diff", "odd.yaml", "--against", "odd1", code=2).stderr
    assert "larger than" in vcalc("diff", "odd.yaml", "--against", "odd2", code=2).stderr


def test_a_link_in_the_repository_opens_nothing(vcalc, repository):
    """Git keeps a link as its target's name: that name is read as the spec's text, and no file is opened."""
    secret = repository.parent / "secret.yaml"
    secret.write_text(BASE)
    (repository / "link.yaml").symlink_to(secret)
    git(repository, "add", "-A")
    git(repository, "commit", "-m", "link")
    git(repository, "tag", "link")
    (repository / "link.yaml").unlink()
    (repository / "link.yaml").write_text(BASE)
    assert "a spec is a mapping" in vcalc("diff", "link.yaml", "--against", "link", code=2).stderr


def test_a_catalogue_model_against_a_revision(vcalc, tmp_path):
    inside = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True)
    if inside.returncode:
        pytest.skip("the source tree is in no repository")
    found = json.loads(vcalc("diff", "vgg16", "--against", "HEAD", "--format", "json").stdout)
    assert found["old"]["revision"] == "HEAD"
