"""What the torch backend writes, and what it says where torch is missing: nothing here needs torch."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from zoo import of_each_file, one_in

from vcalc.cli import main
from vcalc.errors import VcalcError
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.torch_backend.build import exported
from vcalc.torch_backend.write import lines


def network_of(tmp_path: Path, text: str) -> Network:
    file = tmp_path / "net.yaml"
    file.write_text(text)
    return expand(*load(str(file)))


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("model", one_in(12, of_each_file()))
def test_every_model_is_written_as_python(model: str, network: Any):
    text = exported(network(model))
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert names[-1] == "Network"
    imported = {
        name.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in node.names
    }
    assert imported == {"torch", "torch.nn.functional", "__future__"}


def test_tensors_are_let_go_after_their_last_reader(network: Any):
    """A chain needs one name; a residual block a second for its shortcut, and no more."""
    assert {line.output for line in lines(network("vgg16").graph)} == {"x"}
    assert {line.output for line in lines(network("resnet50").graph)} == {"x", "x1"}


def test_what_a_small_network_is_written_as(tmp_path: Path):
    spec = """
title: Small
input: {C: 3, H: 8, W: 8}
layers:
  - conv: {out: 4, kernel: 3, pad: 1, bias: false}
  - residual: [batchnorm, relu]
  - global_avgpool
  - linear: {out: 2}
"""
    text = exported(network_of(tmp_path, spec))
    body = text[text.index("class Network") :]
    assert (
        body.split("\n\n\n")[0]
        == """class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.batchnorm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.global_avgpool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x1 = self.batchnorm(x)
        x1 = self.relu(x1)
        x = x1 + x
        del x1
        x = self.global_avgpool(x).flatten(1)
        x = self.linear(x)
        return x"""
    )


HOSTILE = '''
title: '"""; import os; os.system("touch owned") #'
cite: "\\\\\\"\\"\\" + __import__('os').system('touch owned')"
input: {C: 3, H: 8, W: 8}
layers:
  - conv: {out: 4, kernel: 1, name: "__import__('os')"}
  - relu: {name: "x=1\\u003b"}
  - {name: "forward", do: [relu]}
  - batchnorm: {name: "train"}
  - batchnorm: {name: "class"}
  - global_avgpool: {name: "été"}
  - linear: {out: 2, name: "x)"}
  - linear: {out: 2, name: "x("}
'''


def test_words_of_a_spec_never_become_code(tmp_path: Path):
    """A title stays in the docstring; a layer's name becomes letters, digits and underscores, none of nn.Module's."""
    text = exported(network_of(tmp_path, HOSTILE))
    tree = ast.parse(text)
    assert "owned" in (ast.get_docstring(tree) or "")
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in ("os", "__import__")]
    (network,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    attributes = [
        target.attr
        for node in ast.walk(network)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute)
    ]
    assert len(set(attributes)) == len(attributes) == 8
    assert all(name.isascii() and name.isidentifier() for name in attributes)
    assert not {"train", "class", "forward"} & set(attributes)


def test_a_formula_cannot_be_exported():
    with pytest.raises(VcalcError, match="sizes, not symbols"):
        exported(expand(*load("vgg16"), {"H": "32*h", "W": "32*h"}))
    assert run("export", "vgg16", "--set", "H=32*h", "--set", "W=32*h").exit_code == 2


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "net.py"
    assert run("export", "vgg11", "-o", str(target)).exit_code == 0
    whole = target.read_text()
    assert whole.startswith('"""VGG-11')

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    run("export", "vgg13", "-o", str(target))
    assert target.read_text() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["net.py"]


@pytest.mark.parametrize("arguments", one_in(3, [["vgg16"], ["vgg16", "--against", "torchvision"], ["--all"]]))
def test_without_torch_there_is_one_clear_message(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    result = run("validate", *arguments)
    assert result.exit_code == 2
    assert "needs torch" in result.output
    assert "help: pip install torch; in a clone of vcalc, pip install '.[torch]'" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "needs a model"),
        (("vgg16", "--all"), "needs a model, or --all"),
        (("nonesuch",), "there is no model 'nonesuch'"),
        (("vgg16", "--batch", "B"), "no whole number"),
        (("vgg16", "--dtype", "float31"), "there is no dtype 'float31'"),
    ],
)
def test_a_wrong_question(arguments: tuple[str, ...], message: str):
    result = run("validate", *arguments)
    assert result.exit_code == 2
    assert message in result.output or "needs torch" in result.output
    assert "Traceback" not in result.output
