"""What `vcalc import` refuses before torch is asked, and what it says where there is none."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from vcalc.cli import main
from vcalc.importers import is_own_code


def said(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    return result.output


@pytest.mark.parametrize(
    ("source", "says", "help_"),
    [
        ("resnet50", "names no torch module", "timm:resnet50"),
        ("weights.pth", "is a pickle, which runs whatever code is in it", "package.module:name"),
        ("timm:", "names no torch module", "package.module:name"),
        ("a b:c", "names no torch module", "package.module:name"),
    ],
)
def test_what_names_no_module(source: str, says: str, help_: str):
    output = said("import", source, "--counts")
    assert says in output
    assert help_ in output


def test_what_is_not_there_needs_no_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "there is no file 'nothing.onnx'" in said("import", "nothing.onnx", "--counts")
    assert "there is no file 'nothing.onnx'" in said("table", "nothing.onnx")


def test_the_help_without_counts_names_no_command_that_fails():
    assert "resnet50" not in said("import", "resnet50")


@pytest.mark.parametrize("arguments", ["{", "[1]", "3"])
def test_arguments_are_an_object(arguments: str):
    assert """--args '{"num_classes": 10}'""" in said("import", "a:b", "--counts", "--args", arguments)


def test_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "needs torch, which is not installed" in said("import", "timm:resnet50", "--counts")
    assert "needs torch, which is not installed" in said("table", "nets.mine:build", "--input", "3x8x8")


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("nets.mine:build", True),
        ("nets:Net.tiny", True),
        ("timm:resnet50", False),  # the catalogue has it, under timm's name
        ("resnet50", False),
        ("net.yaml:tiny", False),
        ("C:net", True),
    ],
)
def test_whose_code_a_model_is(tmp_path, monkeypatch, name: str, own: bool):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text("")
    assert is_own_code(name) is own
