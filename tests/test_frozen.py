"""What is not trained: said by a spec, by a model in use or on the command line; and norms folded, where one counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import vcalc as api
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import TRAINING, Plan
from vcalc.errors import VcalcError
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand

INPUT = "title: Net\ninput: {C: 3, H: 32, W: 32}\n"
UNIT = "blocks:\n  unit: {args: {deep: false}, do: [conv: {out: 8, kernel: 3, pad: 1}, relu]}\n"
RESNET, STEM, STAGE1 = 25_557_032, 64 * 3 * 49 + 128, 215_808
"""ResNet-50: all of it, its stem, and its first three blocks: 75,008 and twice 70,400 parameters."""
HEAD = 768 * 1000 + 1000


def network(tmp_path: Path, layers: str, top: str = "") -> Network:
    path = tmp_path / "net.yaml"
    path.write_text(f"{INPUT}{top}layers:\n{layers}")
    return expand(*load(str(path)))


def frozen(network: Network) -> list[str]:
    """The layers with parameters that are not trained."""
    return [node.path for node in network.graph.nodes if node.frozen and node.facts.parameters]


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ("  - {name: a, frozen: true, do: [unit]}\n  - {name: b, frozen: false, do: [unit]}\n", ["a/conv"]),
        ("  - {name: a, do: [conv: {out: 8, kernel: 1, frozen: true}, conv: {out: 8, kernel: 1}]}\n", ["a/conv1"]),
        ("  - {repeat: 4, index: i, name: s, frozen: i < 2, do: [unit]}\n", ["s1/conv", "s2/conv"]),
        (
            "  - {each: {c: [8, 16, 8]}, name: s, frozen: c == 8, do: [conv: {out: c, kernel: 1}]}\n",
            ["s1/conv", "s3/conv"],
        ),
        ("  - {repeat: 3, name: s, do: [unit: {frozen: C == 3}]}\n", ["s1/conv"]),
        ("  - {repeat: 2, name: s, do: [unit, unit: {frozen: true}]}\n", ["s1/conv2", "s2/conv2"]),
        ("  - unit: {frozen: true}\n  - unit\n  - unit\n", ["conv1"]),
        ("  - unit\n  - residual: [unit]\n    shortcut: [unit]\n    frozen: true\n", ["conv2", "shortcut/conv"]),
        ("  - {branches: [[unit], [unit]], join: add, frozen: H > 8}\n", ["conv1", "conv2"]),
        ("  - {use: unit, with: {}, frozen: true}\n", ["conv"]),
        ("  - {residual: [conv: {out: 3, kernel: 1}], when: H > 99, frozen: true}\n", ["conv"]),
    ],
)
def test_what_a_step_freezes(layers: str, found: list[str], tmp_path: Path):
    assert frozen(network(tmp_path, layers, UNIT)) == found


def test_a_loop_freezes_by_its_index_where_its_body_is_copied(tmp_path: Path):
    """The 40 turns are alike but for what they freeze."""
    turns = "  - unit\n  - {repeat: 40, index: i, name: s, do: [{name: a, frozen: i % 4 == 1, do: [unit]}, unit]}\n"
    assert frozen(network(tmp_path, turns, UNIT)) == [f"s{turn}/a/conv" for turn in range(2, 41, 4)]


def test_a_shared_block_is_frozen_wherever_it_stands(tmp_path: Path):
    shared = UNIT.replace("{args", "{shared: true, args")
    made = network(tmp_path, "  - conv: {out: 8, kernel: 1}\n  - unit\n  - unit: {frozen: true}\n", shared)
    assert frozen(made) == ["conv2"]
    assert [node.frozen for node in made.graph.nodes] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("frozen: [stem, stage1]", RESNET - STEM - STAGE1),
        ("frozen: [stem/conv, fc]", RESNET - 64 * 3 * 49 - 2048 * 1000 - 1000),
        ("frozen: [batchnorm]", RESNET - 53_120),
        ("frozen: ['/stem/conv', 'kind:linear']", RESNET - 64 * 3 * 49 - 2048 * 1000 - 1000),
        ("frozen: true", 0),
        ("frozen: false", RESNET),
        ("frozen: H > 31", 0),
        ("frozen: [stem, stage1], upto: stage4", RESNET - STEM - STAGE1 - 2048 * 1000 - 1000),
    ],
)
def test_what_a_model_in_use_freezes(said: str, left: int, tmp_path: Path):
    path = tmp_path / "net.yaml"
    for use in ("use: resnet50", "use: which"):
        path.write_text(f"{INPUT}let: {{which: resnet50}}\nlayers:\n  - {{{use}, name: backbone, {said}}}\n")
        assert api.load(str(path)).bind().trained_params == left


@pytest.mark.parametrize(
    ("said", "left"), [("[backbone/stem, fc]", RESNET - STEM - 10), ("true", 0), ("false", RESNET), ("[]", RESNET)]
)
def test_what_a_file_freezes(said: str, left: int, tmp_path: Path):
    path = tmp_path / "net.yaml"
    more = "  - {linear: {out: 10, bias: false, name: fc}}\n" if "fc" in said else ""
    path.write_text(f"{INPUT}frozen: {said}\nlayers:\n  - {{use: resnet50, name: backbone}}\n{more}")
    extra = 10 * 1000 if more else 0
    assert api.load(str(path)).bind().trained_params == left + (10 if more else 0)
    assert api.load(str(path)).bind().total.params == RESNET + extra


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("  - {use: resnet50, frozen: [stem, stage9]}\n", "6:36: there is no layer, group or kind 'stage9' to freeze"),
        ("  - {use: resnet50, frozen: [fc, relu]}\n", "6:34: 'relu' has no parameters to freeze"),
        ("  - {use: resnet50, frozen: [stem/relu]}\n", "6:30: 'stem/relu' has no parameters to freeze"),
        ("  - {use: resnet50, frozen: ['kind:gelu']}\n", "there is no layer of kind 'gelu' to freeze"),
        ("  - {use: resnet50, frozen: stem}\n", "write frozen: [stem] for a group of the model"),
        ("  - {name: a, frozen: [b], do: [relu]}\n", "frozen is true, false or a condition; only a model in use has"),
        ("  - {use: unit, frozen: [conv]}\n", "frozen is true, false or a condition; only a model in use has"),
        ("  - {use: norm, frozen: [conv]}\n", "frozen is true, false or a condition; only a model in use has"),
        ("  - {use: norm, with: {frozen: false}, frozen: true}\n", "6:48: 'frozen' stands here twice"),
        ("  - {repeat: 2, frozen: i, index: i, do: [relu]}\n", "a condition is true or false, not 0"),
        ("  - {repeat: 2, frozen: [conv], do: [unit]}\n", "only a model in use has groups that can be named there"),
        ("  - {name: a, frozen: 3, do: [relu]}\n", "a condition is true or false, not 3"),
        ("  - {name: a, frozen: nothing, do: [relu]}\n", "'nothing' is not defined here"),
        ("  - {conv: {out: 3, kernel: 1}, frozen: true}\n", "fields stand inside: conv: {frozen: …}"),
    ],
)
def test_refusals(layers: str, says: str, tmp_path: Path):
    with pytest.raises(VcalcError) as caught:
        network(tmp_path, f"{layers}let: {{norm: batchnorm}}\n", UNIT)
    assert says in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("said", "says"), [("3", "frozen is true, or a list of paths"), ("[stem]", "no layer, group or kind 'stem'")]
)
def test_refusals_of_a_file(said: str, says: str, tmp_path: Path):
    with pytest.raises(VcalcError) as caught:
        network(tmp_path, "  - conv: {out: 3, kernel: 1, name: stems}\n", f"frozen: {said}\n")
    assert says in str(caught.value)


def test_a_linear_probe(vcalc: Any):
    """All of ViT-B/16 but its head is frozen: the head's 769,000 parameters alone have gradients and moments."""
    asked = ("vit-b-16", "--frozen", "embedding,encoder")
    text = vcalc("table", *asked, "--depth", "1").stdout
    assert "params: 769,000 trained, 85,798,656 frozen (embedding, encoder)" in text
    assert [line.split()[-2] for line in text.splitlines() if line.startswith("head")] == ["769,000"]
    record = json.loads(vcalc("table", *asked, "--format", "json").stdout)
    assert (record["total"]["params"], record["total"]["trained_params"]) == (86_567_656, HEAD)
    assert record["frozen"] == ["embedding", "encoder"]
    assert sum(layer["trained_params"] for layer in record["layers"]) == HEAD
    compared = vcalc("compare", "vit-b-16", "vit-l-16", "--frozen", "encoder").stdout
    assert compared.splitlines()[0].split()[3:6] == ["params", "trained", "FLOPs"]
    assert "trained params" in vcalc("formula", *asked).stdout
    memory = json.loads(vcalc("memory", *asked, "--mode", "training", "--format", "json").stdout)
    assert (memory["gradients"], memory["optimizer_state"]) == (4 * HEAD, 8 * HEAD)
    assert memory["saved"] == 4 * 197 * 768  # the tokens that the head's is one of
    assert "frozen: embedding, encoder" in vcalc("memory", *asked, "--mode", "training").stdout
    assert vcalc("table", "vit-b-16", "--frozen", "embeding", code=2).stderr.startswith(
        "error: there is no layer, group or kind 'embeding' to freeze in vit-b-16"
    )


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("resnet18 --frozen batchnorm", "9,600 frozen (stem/batchnorm, stage1/block1/batchnorm1, "),
        ("resnet18 --frozen /batchnorm", "1,920 frozen (stem/batchnorm, stage2/block1/shortcut/batchnorm, "),
        ("resnet18 --frozen kind:linear", "11,176,512 trained, 513,000 frozen (fc)"),
        ("bert-base --frozen kind:embedding", "23,442,432 frozen (embedding/word, embedding/segment)"),
        ("bert-base --frozen /embedding", "frozen (embedding)"),
        ("bert-base --frozen embedding", "error: 'embedding' is a layer kind, and what stands at embedding is called"),
        ("resnet18 --frozen relu", "error: 'relu' has no parameters to freeze in resnet18"),
        ("resnet18 --frozen fc,stem/maxpool", "error: 'stem/maxpool' has no parameters to freeze in resnet18"),
        ("resnet18 --frozen kind:gelu", "error: there is no layer of kind 'gelu' to freeze in resnet18"),
        ("resnet18 --frozen /linear", "error: there is no layer or group 'linear' to freeze in resnet18"),
        ("resnet18 --frozen bn", "help: here that is batchnorm"),
    ],
)
def test_a_path_or_a_kind_is_frozen(vcalc: Any, asked: str, says: str):
    """ResNet-18 has 4,800 normalised channels, 960 of them in norms whose path ends in `batchnorm`.

    BERT looks up 30,522 words and 2 segments in 768 features.
    """
    code = 2 if "error" in says or "help" in says else 0
    done = vcalc("table", *asked.split(), "--depth", "1", code=code)
    assert says in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "trained"),
    [("detr-r50", 41_302_368), ("faster-rcnn-r50-fpn", 41_532_886), ("retinanet-r50-fpn", 33_792_599)],
)
def test_a_detector_trains_its_backbone_from_the_second_stage_on(name: str, trained: int):
    """facebookresearch/detr at lr_backbone > 0, torchvision at three trainable layers: no norm, no conv1, no layer1."""
    bound = api.load(name).bind()
    stem, stage1 = 64 * 3 * 49, 64 * (64 + 256 + 256) + 2 * 64 * (256 + 256) + 3 * 64 * 64 * 9
    assert (bound.trained_params, bound.total.params) == (trained, trained + stem + stage1)


def test_the_model_that_lacks_what_is_frozen_is_named(vcalc: Any):
    said = vcalc("compare", "resnet18", "vgg16", "--frozen", "stem", code=2).stderr
    assert "there is no layer, group or kind 'stem' to freeze in vgg16" in said


def test_nothing_is_spared_where_nothing_is_trained(vcalc: Any):
    said = vcalc("memory", "resnet18", "--frozen", "stem", code=2).stderr
    assert "--frozen changes nothing here: at inference nothing is trained" in said
    assert vcalc("memory", "resnet18", "--frozen", "stem", "--mixed", "autocast", "--dtype", "bf16").stdout


def test_what_is_trained_of_many_widths_and_of_an_open_one(tmp_path: Path):
    """A frozen stem of 3 * 9 * c weights, and as many as c * c behind it."""
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "net.yaml"
    stem = "{name: stem, frozen: true, do: [conv: {out: c, kernel: 3, bias: false}]}"
    path.write_text(f"{INPUT}let: {{c: 8}}\nlayers:\n  - {stem}\n  - conv: {{out: c, kernel: 1, bias: false}}\n")
    assert list(api.load(str(path)).bind(c=numpy.array([8, 16])).trained_params) == [64, 256]
    assert str(api.load(str(path)).bind(c="d").trained_params) == "d**2"
    many = api.load(str(path)).bind(c=numpy.array([8, 16])).to_dict()
    assert [many["total"][key] for key in ("params", "trained_params")] == [[280, 688], [64, 256]]


def test_fixed_positions_are_not_trained(tmp_path: Path):
    """Sine-cosine positions of 1024 places: parameters that nobody trains."""
    layers = "  - tokens\n  - linear: {out: 8}\n  - position_embedding: {fixed: true}\n"
    made = network(tmp_path, layers)
    bound = api.load(str(tmp_path / "net.yaml")).bind()
    assert (bound.total.params, bound.trained_params) == (3 * 8 + 8 + 1024 * 8, 3 * 8 + 8)
    assert frozen(made) == []


def test_all_frozen_trains_nothing(tmp_path: Path):
    made = network(tmp_path, "  - conv: {out: 8, kernel: 3}\n  - batchnorm\n  - relu\n", "frozen: true\n")
    memory = Memory(made.graph, Plan(TRAINING))
    assert (memory.held.gradients, memory.held.state, memory.saved.at(4)) == (0, 0, 0)


def test_a_difference_in_what_is_trained(vcalc: Any, tmp_path: Path):
    for name, said in (("old", "false"), ("new", "true")):
        text = f"{INPUT}layers:\n  - {{name: stem, frozen: {said}, do: [conv: {{out: 8, kernel: 3}}, relu]}}\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    record = json.loads(
        vcalc("diff", *(str(tmp_path / f"{n}.yaml") for n in ("old", "new")), "--format", "json").stdout
    )
    assert [(layer["path"], layer["fields"]) for layer in record["layers"]] == [
        ("stem/conv", {"frozen": [False, True]})
    ]


def test_norms_folded_where_one_counts(vcalc: Any):
    """ResNet-50's 53 batch norms have 2 * 26,560 parameters; folded, its convolutions have 26,560 biases."""
    text = vcalc("table", "resnet50", "--fold-norms").stdout
    assert "ResNet-50 (resnet50), input 3x224x224, float32, norms folded" in text
    assert "layer before them: 53;" in text
    assert "(stem/batchnorm into stem/conv, stage1/block1/batchnorm1 into stage1/block1/conv1," in text
    record = json.loads(vcalc("table", "resnet50", "--fold-norms", "--format", "json").stdout)
    assert record["total"]["params"] == RESNET - 26_560
    assert len(record["folded"]) == 53
    assert record["folded"][0] == {"norm": "stem/batchnorm", "into": "stem/conv"}
    assert not any(layer["kind"] == "batchnorm" for layer in record["layers"])
    plain = json.loads(
        vcalc("compare", "resnet50", "resnet18", "--fold-norms", "--convention", "macs", "--format", "json").stdout
    )
    assert [model["total"]["params"] for model in plain["models"]] == [RESNET - 26_560, 11_689_512 - 4_800]
    assert plain["models"][0]["total"]["flops"] == 4_089_184_256
    both = [
        json.loads(vcalc("conventions", "resnet50", *more, "--format", "json").stdout)
        for more in ((), ("--fold-norms",))
    ]
    flops = [{each["convention"]: each["flops"] for each in record["conventions"]} for record in both]
    assert flops[0]["macs"] == flops[1]["macs"]
    norms = sum(
        2 * node.facts.work["normalized_elements"]
        for node in expand(*load("resnet50")).graph.nodes
        if node.kind == "batchnorm"
    )
    assert flops[0]["fvcore"] - flops[1]["fvcore"] == norms


def test_norms_of_tokens_and_frozen_norms_are_folded(tmp_path: Path):
    from vcalc.analyses.fold_norms import fold_norms

    layers = """
  - conv: {out: 8, kernel: 3, bias: false}
  - frozen_batchnorm
  - pointwise_linear: {out: 4, bias: false}
  - batchnorm
  - tokens
  - linear: {out: 6, bias: false}
  - batchnorm
  - layernorm
"""
    folded = fold_norms(network(tmp_path, layers).graph)
    assert [node.kind for node in folded.nodes] == ["conv", "pointwise_linear", "tokens", "linear", "layernorm"]
    assert (
        sum(sum(node.facts.parameters.values()) for node in folded.nodes)
        == (27 + 1) * 8 + (8 + 1) * 4 + (4 + 1) * 6 + 12
    )
