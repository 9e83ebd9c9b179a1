"""The Python API: few names, the same figures as the commands."""

from __future__ import annotations

import json

import pytest

import vcalc
from vcalc import VcalcError


def test_load_bind_total():
    network = vcalc.load("ResNet-50").bind()
    assert network.total == (25_557_032, 4_091_090_944, 67_348_384)
    assert network.depth == 50
    assert network.input == (3, 224, 224)
    assert network.hyperparameters["depths"] == [3, 4, 6, 3]


def test_bind_takes_numbers_lists_and_formulas():
    assert vcalc.load("vgg16").bind(depths=[1, 1, 2, 2, 2]).total.params == 132_863_336
    assert vcalc.load("vgg16").bind(H=320, W=320).layers[0].output == (64, 320, 320)
    flops = vcalc.load("vgg16").bind(H="32*h", W="32*h", convention="macs").total.flops
    assert flops.subs(dict.fromkeys(flops.free_symbols, 7)) == 15_470_264_320


def test_layers_rows_and_dict_agree():
    network = vcalc.load("alexnet").bind(convention="cs231n", batch=2, dtype="bf16")
    rows = network.rows()
    assert [row["path"] for row in rows] == [layer.path for layer in network.layers]
    assert sum(row["flops"] for row in rows) == network.total.flops
    record = network.to_dict()
    assert json.loads(json.dumps(record))["total"]["flops"] == network.total.flops
    assert record["batch"] == 2


def test_parts():
    network = vcalc.load("googlenet").bind()
    assert network.total_of("stem").flops == 480_836_608
    assert network.total_of("inception3a", "inception3b").params > network.total_of("inception3a").params
    with pytest.raises(VcalcError, match="no layer or group 'stam'"):
        network.total_of("stam")


def test_errors_carry_their_problems(tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text("title: a\ninput: {D: 4}\nlayers:\n  - liner: {out: 2}\n  - linear: {ouot: 2}\n")
    with pytest.raises(VcalcError) as caught:
        vcalc.load(str(file))
    problems = caught.value.problems
    assert [(p.place.line, p.place.column, p.code) for p in problems] == [
        (4, 5, "unknown-kind"),
        (5, 14, "unknown-key"),
    ]
    assert "did you mean 'linear'" in problems[0].hint


def test_models_are_the_catalogue():
    assert {"vgg16", "resnet50", "vit-b-16"} <= set(vcalc.models())


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="resnet"):
        vcalc.resnet  # noqa: B018
