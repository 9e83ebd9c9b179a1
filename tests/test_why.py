"""Why two conventions differ, and what a printed number is: the parts sum to the difference, to the last unit."""

from __future__ import annotations

import json
from itertools import pairwise, product
from typing import Any

import pytest
from click.testing import CliRunner

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.analyses.difference import by_layer, by_primitive, of_params
from vcalc.cli import main
from vcalc.numerals import Printed

NAMES = conventions.names()


def sides(graph: Any, first: str, second: str, batch: Any = 1) -> tuple[Costs, Costs]:
    return Costs(graph, conventions.load(first), batch), Costs(graph, conventions.load(second), batch)


@pytest.mark.parametrize("model", ["resnet50", "vit-b-16", "swin-t", "googlenet-bn", "lenet5", "mobilenet-v2"])
@pytest.mark.parametrize(("first", "second"), list(pairwise([*NAMES, NAMES[0]])))
def test_the_parts_sum_to_the_difference(model: str, first: str, second: str, network: Any):
    graph = network(model).graph
    a, b = sides(graph, first, second, batch=2)
    totals = a.total(graph.nodes), b.total(graph.nodes)
    for parts in (by_primitive(a, b, graph.nodes), by_layer(a, b, graph.nodes)):
        assert sum(part.first for part in parts) == totals[0].flops
        assert sum(part.second for part in parts) == totals[1].flops
        assert sum(part.difference for part in parts) == totals[1].flops - totals[0].flops
    params = of_params(a, b, graph.nodes)
    assert sum(part.difference for part in params) == totals[1].params - totals[0].params


def test_the_parts_of_a_formula_sum_to_it(network: Any):
    graph = network("resnet18", H="32*h", W="32*h").graph
    a, b = sides(graph, "fvcore", "ptflops")
    difference = sum(part.difference for part in by_primitive(a, b, graph.nodes))
    assert difference - (b.total(graph.nodes).flops - a.total(graph.nodes).flops) == 0


def test_resnet50_under_fvcore_and_thop(network: Any):
    """Reference figures: C + 2*BN + 100,352 and C + 4*BN + 102,400, BN being 11,113,984 elements."""
    graph = network("resnet50").graph
    a, b = sides(graph, "fvcore", "thop")
    parts = {(part.name, part.what): part for part in by_primitive(a, b, graph.nodes) if part.difference}
    norm = 11_113_984
    assert {key: part.difference for key, part in parts.items()} == {
        ("batchnorm", "normalized_elements"): norm,
        ("batchnorm", "affine_elements"): norm,
        ("global_avgpool", "output_elements"): 2_048,
    }
    part = parts["batchnorm", "affine_elements"]
    assert (part.count, part.first_weight, part.second_weight) == (norm, 1, 2)


VGG16 = 15_470_264_320
RELU, MAXPOOL, POOL = 13_555_712, 6_121_472, 25_088


@pytest.mark.parametrize(
    ("convention", "flops"),
    [
        ("fvcore", VGG16 + POOL),
        ("thop", VGG16 + 2 * POOL),
        ("ptflops-aten", VGG16 + 13_556_712),
        ("torchinfo", VGG16 + 13_556_712),
        ("ptflops", VGG16 + 13_556_712 + 2 * (RELU + MAXPOOL + POOL)),
        ("calflops", 2 * VGG16 + 13_547_520 + RELU + MAXPOOL + POOL),
    ],
)
def test_vgg16s_identities(convention: str, flops: int, network: Any):
    """Each tool's number as a sum of what it counts beside the multiply-adds."""
    graph = network("vgg16").graph
    assert Costs(graph, conventions.load(convention)).total(graph.nodes).flops == flops


@pytest.mark.parametrize(
    ("convention", "flops"),
    [
        ("timm", 17_563_828_224 + 5 * 25 * 197 * 768),
        ("fvcore-fused", 17_563_828_224 - 715_327_488 + 5 * 25 * 197 * 768),
        ("torchvision", 115_605_504 + 16_732_895_232 + 715_327_488),
        ("torch", 2 * 17_563_828_224),
        ("torchinfo-1.8", 173_232_616),
    ],
)
def test_vit_b_16s_identities(convention: str, flops: int, network: Any):
    """timm's tables show both 17.58 and, where attention ran fused, 16.87 for one model."""
    graph = network("vit-b-16").graph
    assert Costs(graph, conventions.load(convention)).total(graph.nodes).flops == flops


@pytest.mark.parametrize("model", ["swin-t", "vit-b-16"])
def test_fused_attention_is_what_fvcore_does_not_see(model: str, network: Any):
    graph = network(model).graph
    fused, whole = sides(graph, "fvcore-fused", "timm")
    products = whole.primitive(graph.nodes, "product_multiply_adds")
    assert whole.total(graph.nodes).flops - fused.total(graph.nodes).flops == products > 0


@pytest.mark.parametrize(
    ("model", "bug", "fault"),
    [
        ("vgg16", "twice", RELU + MAXPOOL + POOL),
        ("vit-b-16", "twice", 12 * 197 * 3072),
        ("vit-b-16", "layer norm", -25 * 197 * 768),
    ],
)
def test_what_the_bugs_of_ptflops_add(model: str, bug: str, fault: int, network: Any):
    graph = network(model).graph
    found = {found.says: amount for found, amount in Costs(graph, conventions.load("ptflops")).faults(graph.nodes)}
    (amount,) = [amount for says, amount in found.items() if bug in says]
    assert amount == fault


def test_a_bug_that_changes_nothing_is_not_named(network: Any):
    graph = network("resnet18").graph
    assert Costs(graph, conventions.load("torchinfo")).faults(graph.nodes) == []
    assert len(conventions.load("torchinfo").bugs) == 1


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments))


def record(*arguments: str, code: int = 0) -> Any:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == code, result.output
    return json.loads(result.output)


@pytest.mark.parametrize("by", ["primitive", "layer"])
def test_why_as_data(by: str):
    found = record("why", "resnet50", "fvcore", "ptflops", "--by", by)
    assert found["first"]["flops"] == 4_111_512_576
    assert found["second"]["flops"] == 4_132_436_968
    assert found["difference"] == 4_132_436_968 - 4_111_512_576
    assert sum(part["difference"] for part in found["parts"]) == found["difference"]
    assert sum(part["first"] for part in found["parts"]) == found["first"]["flops"]
    assert found["params"] == []


def test_why_for_people():
    result = run("why", "resnet50", "fvcore", "ptflops")
    assert result.exit_code == 0
    assert "+9,608,704" in result.output
    assert "+20,924,392" in result.output
    assert "known bug of ptflops" in result.output
    assert "twice" in result.output


def test_why_params_differ():
    found = record("why", "vit-b-16", "thop", "fvcore")
    assert sum(part["difference"] for part in found["params"]) == 86_567_656 - 58_067_176
    result = run("why", "vit-b-16", "thop", "fvcore")
    assert "58,067,176" in result.output


@pytest.mark.parametrize(
    ("model", "printed", "matches"),
    [
        ("resnet50", "3.8G", [("resnet50-v1", "macs", "flops", 3_857_973_248, "is cut")]),
        ("resnet50", "4.1 GMACs", [("resnet50", "macs", "flops", 4_089_184_256, "rounds")]),
        ("resnet50", "25.6M", [("resnet50", "lecture", "params", 25_557_032, "rounds")]),
        ("resnet50", "8.2G", [("resnet50", "flops", "flops", 8_178_368_512, "rounds")]),
        ("vit-b-16", "16.87G", [("vit-b-16", "fvcore", "flops", 16_867_412_736, "rounds")]),
        ("vit-b-16", "17.58G", [("vit-b-16", "timm", "flops", 17_582_740_224, "rounds")]),
        ("vit-b-16", "58.07M", [("vit-b-16", "thop", "params", 58_067_176, "rounds")]),
        ("efficientnet-b0", "0.39G", [("efficientnet-b0", "macs", "flops", 385_814_752, "rounds")]),
    ],
)
def test_what_a_printed_number_is(model: str, printed: str, matches: list[tuple[Any, ...]]):
    found = record("why", model, printed)
    keys = ("variant", "convention", "metric", "value", "how")
    answers = [tuple(match[key] for key in keys) for match in found["matches"]]
    for match in matches:
        assert match in answers


def test_a_number_that_nothing_comes_to():
    """Without its last stage ResNet-50 has 3.28 GMACs."""
    found = record("why", "resnet50", "3.280G", code=1)
    assert found["matches"] == []
    assert found["nearest"]
    assert {"part": "stage4", "change": "without", "value": 3_279_945_728} in [
        {key: part[key] for key in ("part", "change", "value")} for part in found["missing"]
    ]
    result = run("why", "resnet50", "3.280G")
    assert result.exit_code == 1
    assert "without stage4" in result.output


def test_a_number_nowhere_near():
    result = run("why", "resnet50", "1T")
    assert result.exit_code == 1
    assert "no single part" in result.output


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("3.8G", ("flops", "params", "elements")),
        ("3.8 GFLOPs", ("flops",)),
        ("4.1GMACs", ("flops",)),
        ("97.5 MB", ("memory",)),
        ("97.5 MiB", ("memory",)),
        ("25M", ("flops", "params", "elements")),
        ("25557032 params", ("params",)),
        ("4089184256", ("flops", "params", "elements")),
        ("2B", ("flops", "params", "elements")),
    ],
)
def test_what_a_unit_allows(text: str, metrics: tuple[str, ...]):
    assert Printed(text, 1024).metrics == metrics


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("why", "resnet50", "fvcor", "ptflops"), "did you mean 'fvcore'"),
        (("why", "resnet50", "fvcore", "ptflop"), "did you mean 'ptflops'"),
        (("why", "resnet50", "fvcore"), "needs a second convention"),
        (("why", "resnet50", "nonsense"), "there is no convention 'nonsense'"),
        (("why", "resnet", "3.8G"), "resnet"),
        (("why", "resnet50", "3.8G", "--set", "H=32*h", "--set", "W=32*h"), "bind every size"),
        (("table", "resnet50", "--convention", "./nowhere.yaml"), "cannot be read"),
        (("table", "resnet50", "--as", "keras"), "there is no resnet50 in 'keras'"),
        (("table", "lenet5", "--as", "timm"), "lenet5 is in none"),
    ],
)
def test_a_wrong_question(arguments: tuple[str, ...], message: str):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_conventions_as_data():
    listed = record("conventions")
    assert [entry["name"] for entry in listed] == NAMES
    fvcore = next(entry for entry in listed if entry["name"] == "fvcore")
    assert (fvcore["aliases"], fvcore["unit"], fvcore["called"], fvcore["multiply_add"]) == (
        ["mmengine"],
        "MACs",
        "flops",
        1,
    )
    assert all(entry["says"] and entry["source"] for entry in listed)


def test_a_model_under_every_convention():
    found = record("conventions", "resnet50")
    assert [entry["convention"] for entry in found["conventions"]] == NAMES
    flops = {entry["convention"]: entry["flops"] for entry in found["conventions"]}
    assert (flops["fvcore"], flops["torch"], flops["macs"]) == (4_111_512_576, 8_178_368_512, 4_089_184_256)
    result = run("conventions", "resnet50")
    for line in ("4,111,512,576 MACs", "8,178,368,512 FLOPs", "4,132,436,968 MACs*"):
        assert line in result.output


def test_several_models_under_every_convention():
    found = record("conventions", "alexnet", "vgg16")
    assert [model["model"] for model in found["models"]] == ["alexnet", "vgg16"]
    result = run("conventions", "alexnet", "vgg16")
    assert "15.47 GMACs" in result.output
    assert "30.94 GFLOPs" in result.output


@pytest.mark.parametrize(("name", "flag"), list(product(["fvcore", "thop", "ptflops"], [(), ("--as", "timm")])))
def test_a_table_says_whose_writing_was_counted(name: str, flag: tuple[str, ...]):
    result = run("table", "vit-b-16", "--convention", name, "--depth", "1", *flag)
    library = flag[1] if flag else "torchvision"
    assert f"counted as {library} writes the network" in result.output


def test_nothing_is_left_out_silently():
    """Attention counts in part under fvcore: its products are named, with how many they are."""
    result = run("table", "vit-b-16", "--convention", "fvcore", "--depth", "1")
    assert "product_multiply_adds of attention (715,327,488)" in result.output
    assert "not seen by fvcore: position_embedding" in result.output
    found = record("table", "vit-b-16", "--convention", "fvcore")
    assert found["left_out"]["gelu"] == {"layers": 12, "elements": 12 * 197 * 3072, "seen": False}
    assert (found["unit"], found["multiply_add"], found["written"]) == ("MACs", 1, "torchvision")


def test_one_kind_called_in_two_ways_is_left_out_twice():
    """thop counts DenseNet's 120 ReLU modules as nothing, and does not see the last one, which is a function."""
    left_out = record("table", "densenet121", "--convention", "thop")["left_out"]
    assert (left_out["relu"]["layers"], left_out["relu"]["seen"]) == (120, True)
    assert (left_out["relu/functional"]["layers"], left_out["relu/functional"]["seen"]) == (1, False)
    assert record("table", "densenet121")["left_out"]["relu"]["layers"] == 121


def test_params_are_those_of_the_tool_and_that_is_said():
    result = run("table", "vit-b-16", "--convention", "thop", "--depth", "1")
    assert "58,067,176" in result.output
    assert "params as thop counts them" in result.output
    assert record("table", "vit-b-16", "--convention", "thop")["total"]["params"] == 58_067_176


def test_frozen_parameters():
    """MAE's sine-cosine positions are frozen: ptflops and calflops leave them out."""
    everything = record("table", "mae-vit-l-16")["total"]["params"]
    trained = record("table", "mae-vit-l-16", "--convention", "ptflops")["total"]["params"]
    assert everything - trained == (196 + 1) * (1024 + 512)
