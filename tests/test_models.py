"""The catalogue against independent implementations' figures (tests/data/models.csv) and against itself."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from zoo import one_in

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.spec.find import (
    _parse,
    block_names,
    build_index,
    find,
    load,
    load_block,
    load_file,
    model_names,
    plain,
)
from vcalc.spec.network import expand

AXES = ("", "D", "CL", "CHW", "CTHW")
"""What the sizes of an input mean; a network of several inputs has those of its spec, and none in the table."""
FIGURES = list(csv.DictReader((Path(__file__).parent / "data" / "models.csv").read_text().splitlines()))


@pytest.mark.parametrize("row", FIGURES, ids=lambda row: row["model"])
def test_params_and_multiply_adds_are_the_independent_ones(network, row):
    given = row["input"].split("x") if row["input"] else []
    sizes = dict(zip(AXES[len(given)], given, strict=True))
    total = Costs(network(row["model"], **sizes).graph, conventions.load("macs"))
    total = total.total(total.graph.nodes)
    for count, ours in ((row["params"], total.params), (row["macs"], total.flops)):
        assert not count or int(count) == ours
    assert row["params"] or row["macs"]


# Recounted by hand from the filters of Szegedy et al. 2015, Table 1 and section 5: weights without biases. The
# classifiers' are 512*128 + 4*4*128*1024 + 1024*1000 and 528*128 + the same.
AUXILIARY = (512 * 128 + 528 * 128) + 2 * (4 * 4 * 128 * 1024 + 1024 * 1000)


@pytest.mark.parametrize(("name", "weights"), [("googlenet", 6_990_272), ("googlenet-aux", 6_990_272 + AUXILIARY)])
def test_googlenets_weights(network, name, weights):
    costs = Costs(network(name).graph, conventions.load("cs231n"))
    assert costs.total(costs.graph.nodes).params == weights


# Variants that published figures are of. The shortcuts of ResNet-34 without weights save three 1x1 convolutions of
# 128*64*28*28 multiply-adds and as many; timm's efficientnetv2_rw_s, 23,941,296 parameters, has two 1x1 convolutions
# with norms more in its first stage; MAE's class token has a position in the encoder and one in the decoder.
@pytest.mark.parametrize(
    ("name", "sizes", "metric", "figure"),
    [
        ("resnet34", {"shortcut": "zero_padding"}, "flops", 3_663_761_408 - 3 * 128 * 64 * 28 * 28),
        ("resnet18", {"shortcut": "zero_padding"}, "flops", 1_814_073_344 - 3 * 128 * 64 * 28 * 28),
        (
            "efficientnet-v2-s",
            {"widths": [24, 48, 64, 128, 160, 272], "head": 1792},
            "params",
            23_941_296 - 2 * (24 * 24 + 2 * 24),
        ),
        ("mae-vit-l-16", {"with_class_token": False}, "params", 329_541_888 - (1024 + 1024 + 512)),
        ("vit-b-16", {"representation": 768}, "params", 86_567_656 + 768 * 768 + 768),
    ],
)
def test_variants_that_published_figures_are_of(network, name, sizes, metric, figure):
    costs = Costs(network(name, **sizes).graph, conventions.load("macs"))
    assert getattr(costs.total(costs.graph.nodes), metric) == figure


@pytest.mark.parametrize(
    ("name", "stride", "macs", "dilations"),
    [
        ("resnet50", 8, 19_079_364_608, [1] * (1 + 3 + 4) + [1, *[2] * 5] + [2, 4, 4]),
        ("resnet50", 16, 6_208_618_496, [1] * (1 + 3 + 4 + 6) + [1, 2, 2]),
        ("resnet18", 8, 9_212_825_600, [1] * (1 + 4 + 4) + [1, 2, 2, 2] + [2, 4, 4, 4]),
        ("mobilenet-v2", 16, 537_159_680, [1] * (1 + 13) + [1, 2, 2, 2]),
        ("mobilenet-v2", 8, 1_790_568_704, [1] * (1 + 6) + [1, *[2] * 6] + [2, 4, 4, 4]),
    ],
)
def test_strides_become_dilations(network, name, stride, macs, dilations):
    """Multiply-adds and dilations of timm 1.0.31's networks with that output_stride."""
    graph = network(name, output_stride=stride).graph
    assert Costs(graph, conventions.load("macs")).total(graph.nodes).flops == macs
    convs = [node.layer for node in graph.nodes if node.kind == "conv" and node.layer.kernel != (1, 1)]
    assert [layer.dilation[0] for layer in convs] == dilations


def test_every_model_is_held_against_a_figure_or_a_claim(claims):
    figured = {row["model"] for row in FIGURES} | {"googlenet", "googlenet-aux"}
    figured |= {claim.question.model for claim in claims} | {claim.under.get("model") for claim in claims}
    assert set(model_names()) <= figured


def test_a_spec_says_what_it_is_and_where_it_comes_from():
    for spec, model in map(load, model_names()):
        assert model.title, model.name
        assert spec.family, model.name
        assert any(digit in spec.cite for digit in "12"), f"the citation of {model.name} has a year"


@pytest.mark.parametrize("name", one_in(4, model_names()))
def test_paths_are_unique_and_inputs_come_before(network, name):
    nodes = network(name).graph.nodes
    assert len({node.path for node in nodes}) == len(nodes)
    assert all(source < node.index for node in nodes for source in node.inputs)


@pytest.mark.parametrize("name", one_in(4, model_names()))
def test_what_is_worked_out_is_read_or_given(network, name):
    """Auxiliary classifiers, levels of a pyramid, boxes beside classes: an export drops nothing.

    The last residual of WaveNet leads nowhere in its paper, too: what comes out is the sum of the skips.
    """
    graph = network(name).graph
    used = {index for node in graph.nodes for index in node.inputs} | {*graph.outputs.values()}
    nowhere = {"wavenet": ["cycle2/layer10/add"]}.get(name, [])
    assert [node.path for node in graph.nodes if node.index not in used] == nowhere


@pytest.mark.parametrize(
    ("written", "model"),
    [
        ("VGG-16", "vgg16"),
        ("vgg 16", "vgg16"),
        ("vit_b_16", "vit-b-16"),
        ("ViT-B/16", "vit-b-16"),
        ("vit_base_patch16_224", "vit-b-16"),
        ("ResNet-50", "resnet50"),
        ("EfficientNet-B0", "efficientnet-b0"),
        ("LeNet-5", "lenet5"),
        ("RegNetY-1.6GF", "regnet-y-1.6gf"),
        ("RegNetY-16GF", "regnet-y-16gf"),
        ("regnet_y_1_6gf", "regnet-y-1.6gf"),
        ("WRN 28 10", "wrn-28-10"),
        ("squeezenet1_0", "squeezenet1.0"),
        ("swin_tiny_patch4_window7_224", "swin-t"),
    ],
)
def test_names_are_forgiving(written, model):
    assert find(written)[1] == model


def test_no_two_models_have_the_same_name_in_any_spelling():
    names = [plain(name) for name in model_names()]
    assert sorted(names) == sorted(set(names))


def test_a_models_own_name_wins_over_an_alias():
    index = build_index()
    assert list(index["models"]) == model_names()
    assert not index["models"].keys() & index["aliases"].keys()
    assert all(find(name)[1] == name for name in model_names())


@pytest.mark.parametrize("name", block_names())
def test_block_options_expand(name):
    spec = load_block(name)
    assert len(spec.options) >= 2
    for option in spec.options.values():
        assert expand(spec, next(iter(spec.models.values())), {}, option).graph.nodes


def test_the_backbone_of_the_pyramid_is_resnet50(network):
    backbone = [node for node in network("resnet50-fpn").graph.nodes if node.path.startswith("backbone/")]
    resnet = network("resnet50", H=800, W=1280).graph.nodes[: len(backbone)]
    assert [(node.kind, node.output) for node in backbone] == [(node.kind, node.output) for node in resnet]
    pyramid = Path(load("resnet50-fpn")[0].file).read_text()
    assert "use: resnet50" in pyramid


def test_a_file_is_read_once_and_again_when_it_changes(tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text("{title: a, input: {D: 4}, layers: [{linear: {out: 2}}]}")
    first = load_file(str(file))
    assert load_file(str(file)) is first
    file.write_text("{title: another, input: {D: 4}, layers: [{linear: {out: 2}}]}")
    assert load_file(str(file)).title == "another"


def test_a_model_is_read_from_one_file(monkeypatch):
    """The index says which: however large the catalogue, a model costs as much to read."""
    names, opened, really = model_names(), [], open

    def noted(file, *arguments, **more):
        opened.append(str(file))
        return really(file, *arguments, **more)

    monkeypatch.setattr("builtins.open", noted)
    monkeypatch.setattr("vcalc.spec.find._parse", _parse.__wrapped__)
    for name in names:
        opened.clear()
        load(name)
        assert opened == [find(name)[0]], name
