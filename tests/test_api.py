"""The Python API: few names, the same figures as the commands."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy
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


NET = """title: Net
input: {C: 3, H: 8, W: 8}
let: {share: 0.29, widths: [4, 8]}
layers: [{each: {c: widths}, do: [conv: {out: "floor(share*100) * c", kernel: 1}]}]
"""


@pytest.fixture
def model(tmp_path):
    (tmp_path / "net.yaml").write_text(NET)
    return vcalc.load(tmp_path / "net.yaml")


@pytest.mark.parametrize(
    ("batch", "images"), [(2, 2), (2.0, 2), ("2", 2), (numpy.int64(3), 3), (numpy.uint8(200), 200), (10**12, 10**12)]
)
def test_a_batch_is_a_whole_number_of_images(model, batch, images):
    one, many = model.bind().total, model.bind(batch=batch).total
    assert many == (one.params, images * one.flops, images * one.memory)
    assert type(many.flops) is int


def test_a_batch_may_be_a_name(model):
    total = model.bind(batch="B").total
    assert str(total.flops) == f"{model.bind().total.flops}*B"
    assert json.dumps(model.bind(batch="B").to_dict())


@pytest.mark.parametrize(
    "batch", [0, -1, 1.5, True, None, "", "-2", "two images", 10**12 + 1, [2], float("nan"), 2**200]
)
def test_what_is_no_batch(model, batch):
    with pytest.raises(VcalcError):
        model.bind(batch=batch)


@pytest.mark.parametrize("dtype", ["fp16", "float16", numpy.float16, numpy.dtype("float16")])
def test_dtypes_by_name_and_as_numpy_has_them(model, dtype):
    assert model.bind(dtype=dtype).to_dict()["dtype"] == "float16"


@pytest.mark.parametrize("dtype", ["half a float", None, 16, numpy.complex64])
def test_what_is_no_dtype(model, dtype):
    with pytest.raises(VcalcError, match="there is no dtype"):
        model.bind(dtype=dtype)


@pytest.mark.parametrize(
    "widths", [[4, 8], (4, 8), range(4, 9, 4), numpy.array([4, 8]), numpy.array([4.0, 8.0]), "[4, 8]"]
)
def test_lists_from_python(model, widths):
    bound = model.bind(widths=widths)
    assert bound.total == model.bind().total
    assert bound.hyperparameters["widths"] == [4, 8]


@pytest.mark.parametrize(
    "share", [numpy.float16(0.29), numpy.float32(0.29), numpy.array(0.29), Decimal("0.29"), "0.29"]
)
def test_a_decimal_from_python_is_the_one_that_it_is_written_as(model, share):
    assert model.bind(share=share).layers[0].output == (29 * 4, 8, 8)


def test_numbers_from_torch():
    torch = pytest.importorskip("torch")
    bound = vcalc.load("resnet18").bind(classes=torch.tensor(7), dtype=torch.float16, depths=torch.tensor([1, 1, 1, 1]))
    assert bound.total == vcalc.load("resnet18").bind(classes=7, dtype="fp16", depths=[1, 1, 1, 1]).total


@pytest.mark.parametrize("value", [{4, 8}, {4: 8}, None, b"4", object(), iter([4, 8])])
def test_what_is_no_value(model, value):
    with pytest.raises(VcalcError, match=r"^widths is .*: neither a number nor a truth, a word or a list"):
        model.bind(widths=value)


def test_a_list_of_a_million_million_items_is_not_made(model):
    with pytest.raises(VcalcError, match="more than 10,000 items"):
        model.bind(widths=range(10**12))


@pytest.mark.parametrize("value", [Decimal("Infinity"), Decimal("-Infinity"), Decimal("nan"), float("inf")])
def test_infinity_is_no_number(model, value):
    with pytest.raises(VcalcError, match=r"^share is not a finite number$"):
        model.bind(share=value)


def test_a_list_is_no_size(model):
    with pytest.raises(VcalcError, match=r"input H is \[224, 256\], not a whole number, 1 or more"):
        model.bind(H=[224, 256])


def test_a_hyperparameter_that_is_called_like_an_option_is_bound_by_name(tmp_path):
    net = "title: Net\ninput: {D: 8}\nlet: {batch: 2, self: 3}\nlayers: [linear: {out: batch*self, bias: false}]\n"
    (tmp_path / "net.yaml").write_text(net)
    model = vcalc.load(tmp_path / "net.yaml")
    assert model.bind({"batch": 5}, self=7).total.params == 5 * 7 * 8
    assert model.bind({"batch": 5}, batch=10).total.flops == 10 * 5 * 3 * 8


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


def test_a_shell_completes_what_there_is():
    assert dir(vcalc) == sorted(vcalc.__all__)
    assert all(hasattr(vcalc, name) for name in dir(vcalc))


def test_a_spec_is_counted_by_its_own_convention_as_on_the_command_line(tmp_path, request):
    """1x1, 3 to 4 channels on 2x2 with a bias: 48 multiply-adds; 2 * 48 under `flops`, which the spec names."""
    spec = tmp_path / "net.yaml"
    layer = "layers: [conv: {out: 4, kernel: 1}]"
    spec.write_text(f"title: t\nconvention: flops\ninput: {{C: 3, H: 2, W: 2}}\n{layer}\n", encoding="utf-8")
    run = request.getfixturevalue("vcalc")
    model = vcalc.load(str(spec))
    assert model.bind().total.flops == json.loads(run("table", str(spec), "--format", "json").stdout)["total"]["flops"]
    assert model.bind(convention="macs").total.flops == 48
    assert model.bind().total.flops == model.bind(convention="flops").total.flops != 48
