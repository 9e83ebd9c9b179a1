"""Networks that take several inputs, and that give several outputs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import vcalc as api
from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.analyses.fold_norms import fold_norms
from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import TRAINING, Plan
from vcalc.analyses.receptive_field import fields_by_input
from vcalc.conventions import load as convention
from vcalc.errors import VcalcError
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec

ROOT = Path(__file__).parent.parent
CLIP = "clip-b-32"
LEVELS = f"{ROOT}/examples/detector.yaml:detector"
SIAMESE, DIT, PYRAMID = (str(ROOT / f"tests/data/inputs/{name}.yaml") for name in ("siamese", "dit", "pyramid"))

CROSS = """
inputs:
  image: {C: 3, H: 32, W: 32}
  text: {N: 77, D: 64}
  time: {D: 16}
outputs: [features, pooled]
layers:
  - {name: step, do: [take: time, linear: {out: 64}, silu]}
  - take: image
  - conv: {out: 64, kernel: 3, pad: 1, stride: 2}
  - branches: [[], [take: step]]
    join: add
  - save: features
  - tokens
  - residual:
      - branches: {q: [linear: {out: 64}], k: [take: text, linear: {out: 64}], v: [take: text, linear: {out: 64}]}
        join: scaled_dot_product_attention
  - global_avgpool
  - save: pooled
"""


def of(text: str, **given: object) -> Network:
    spec = parse_spec(text, "net.yaml", "net")
    return expand(spec, next(iter(spec.models.values())), given)


def refusal(text: str, **given: object) -> str:
    with pytest.raises(VcalcError) as caught:
        of(text, **given)
    problem = caught.value.problems[0]
    return f"{problem.message}; {problem.hint}"


@pytest.mark.parametrize(
    ("file", "params", "multiply_adds"),
    [
        (SIAMESE, 38_951_745, 1_817_251_840),
        (CLIP, 87_849_216 + 63_428_096 + 1, 4_408_811_520 + 2_979_770_368),  # both towers, and the temperature
        (DIT, 675_129_632, 118_621_421_568),
        (PYRAMID, 23_508_032 + 3840 * 256 + 4 * 256 + 4 * (9 * 256 * 256 + 256), None),  # ResNet-50 without its fc
    ],
)
def test_counts_are_those_of_the_whole_network(file, params, multiply_adds):
    network = expand(*load(file))
    total = Costs(network.graph, convention("macs")).total(network.graph.nodes)
    assert total.params == params
    assert multiply_adds in (None, total.flops)


def test_sizes_belong_to_their_input():
    """[77, 64] by [64, 256]: the products of attention are n * 256 * 64 each."""
    network = of(CROSS, **{"text.N": "n", "image.H": "16*h", "W": 32})
    total = Costs(network.graph, convention("macs")).total(network.graph.nodes)
    n, h = network.symbols["n"], network.symbols["h"]
    conv, query = 8 * h * 16 * 27 * 64, 128 * h * 64 * 64
    assert total.flops == (16 * 64 + conv + query + 2 * n * 64 * 64 + 2 * 128 * h * n * 64).expand()


def test_a_size_that_several_inputs_have_needs_the_inputs_name():
    text = "inputs: {a: {C: 1, H: 8, W: 8}, b: {C: 1, H: 8, W: 8}}\nlayers: [{branches: [[], [take: b]], join: add}]"
    assert "H is a size of a and b; say of which: a.H or b.H" in refusal(text, H=4)
    assert "'H' is a size of the input" in refusal(text, **{"a.H": "H", "b.H": "H"})
    assert of(text, **{"a.H": "h", "b.H": "h"}).graph.inputs["b"][1] == of(text, **{"a.H": "h"}).symbols["h"]
    assert "a.Q" in refusal(text, **{"a.Q": 4})


def test_the_api_binds_and_gives_them_by_name():
    clip = api.load(CLIP).bind(image={"H": 64, "W": 64}, text={"D": 16})
    assert clip.inputs == {"image": (3, 64, 64), "text": (16,)}
    assert clip.outputs == {"image_features": (512,), "text_features": (512,)}
    with pytest.raises(VcalcError, match="image and text"):
        _ = clip.input
    with pytest.raises(VcalcError, match=r"text is an input, and no number") as caught:
        api.load(CLIP).bind(text=16)
    assert caught.value.problems[0].hint == "its sizes are text.D"
    many = api.load(CLIP).bind(text={"D": np.array([16, 77])})
    each = [api.load(CLIP).bind({"text.D": words}).total.flops for words in (16, 77)]
    assert list(many.total.flops) == each


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("16", "say of which: --input image=3x16x16 or --input text=16\n"),
        ("3x64x64", "say of which: --input image=3x64x64\n"),
        ("3x64", "say of which: --input image=3x224x224 or --input text=77\n"),
        ("text", "say of which: --input text=77\n"),
        ("image=224", "--input image=224 has 1 size; CLIP takes CxHxW as image\n"),
        ("image=192", "help: write --input image=3x192x192\n"),
        ("text=40x40", "takes D as text\n  help: write --input text=77\n"),
        ("text=8x40", "the batch stands apart: --input text=40 --batch 8\n"),
        ("text=n", "--input text=n is no size\n  help: write text=77; names and formulas: --set text.D=n\n"),
        ("image=3xhx32*w", "names and formulas: --set image.H=h --set image.W=32*w\n"),
        ("image=3x64x64,text=5", "write image=3x224x224; each input has an --input of its own\n"),
    ],
)
def test_what_was_meant_as_the_size_of_an_input(vcalc, given, says):
    assert says in vcalc("table", CLIP, "--input", given, code=2).stderr


def test_the_option_says_of_which(vcalc):
    sized = json.loads(vcalc("table", CLIP, "--input", "text=16", "--format", "json").stdout)
    assert sized["inputs"] == {"image": {"C": 3, "H": 224, "W": 224}, "text": {"D": 16}}
    assert sized["input"] is None
    assert sized["axes"]["inputs"] == {"image": ["C", "H", "W"], "text": ["D"]}
    assert [each["shape"] for each in sized["outputs"].values()] == [[512], [512]]
    assert [each["layer"] for each in sized["outputs"].values()] == ["temperature", "l2norm2"]
    assert "did you mean 'text'?" in vcalc("table", CLIP, "--input", "txt=16", code=2).stderr
    assert "takes D as text" in vcalc("table", CLIP, "--input", "text=16x4", code=2).stderr
    twice = vcalc("table", CLIP, "--input", "text=16", "--input", "text=17", code=2).stderr
    assert "gives the sizes of text twice" in twice
    assert "without a name: --input 3x64x64" in vcalc("table", "vgg16", "--input", "x=3x64x64", code=2).stderr


def test_receptive_fields_lie_in_each_input_that_a_layer_depends_on(vcalc, tmp_path):
    """A query stands for its own place of the image, whatever it reads of the text."""
    file = tmp_path / "cross.yaml"
    file.write_text(CROSS, encoding="utf-8")
    layers = {each["path"]: each for each in json.loads(vcalc("table", str(file), "--format", "json").stdout)["layers"]}
    sizes = {
        path: {name: field["size"] for name, field in each["receptive_field"].items()} for path, each in layers.items()
    }
    assert sizes["conv"] == {"image": [3, 3]}
    assert sizes["k/linear"] == {"text": [1]}
    assert sizes["scaled_dot_product_attention"] == {"image": [3, 3], "text": [77], "time": []}
    assert sizes["global_avgpool"] == {"image": [32, 32], "text": [77], "time": []}


HELD = """
inputs: {a: {D: 8}, b: {D: 4}}
layers:
  - linear: {out: 8}
  - save: early
  - linear: {out: 8}
  - save: middle
  - take: b
  - linear: {out: 8}
  - branches: [[], [take: middle]]
    join: add
  - save: late
"""


def test_inputs_are_given_and_outputs_stay():
    """12 elements of inputs; at the sum two terms and their sum of 8, and what is an output already."""
    alone, both = of(HELD), of(f"outputs: [early, late]{HELD}")
    assert Memory(alone.graph, Plan()).input.per_image == 4 * 12
    assert Memory(alone.graph, Plan()).peak(1).size.per_image == 4 * (12 + 3 * 8)
    assert Memory(both.graph, Plan()).peak(1).size.per_image == 4 * (12 + 4 * 8)


USED = """
inputs: {words: {D: 77}, noise: {C: 8, H: 64, W: 64}}
layers:
  - take: noise
  - conv: {out: 3, kernel: 1}
  - save: picture
  - CALL
  - branches: [[], [take: seen]]
    join: multiply
"""
CALL = "{use: clip-b-32, name: clip, take: {text: words}, save: {seen: image_features}}"


def test_a_model_in_use_takes_what_its_user_hands_over():
    """An image that a layer made arrives, words are the user's input; the last output goes on, the first is saved."""
    network = of(USED.replace("CALL", CALL))
    *clip, product = network.graph.nodes[1:]
    assert network.graph.shape(clip[0].inputs[0]) == (3, 64, 64)
    assert {index for node in clip for index in node.inputs if index < 0} == {-1}
    assert [network.graph.nodes[index].path for index in product.inputs] == [
        "clip/l2norm2",
        "clip/temperature",
    ]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("{use: clip-b-32}", "takes image and text: nothing is its text; write {use: clip-b-32, take: {text: …}}"),
        ("{use: clip-b-32, take: {tex: words}}", "has no input 'tex'; did you mean 'text'?"),
        ("{use: clip-b-32, take: {text: word}}", "no tensor is called 'word' so far"),
        (
            "{use: clip-b-32, take: {text: picture}}",
            "takes a vector [D] as text, but a feature map [3, 64",
        ),
        ("{use: clip-b-32, take: {text: words}, save: seen}", "has no output 'seen'; it gives"),
        ("{use: clip-b-32, take: {text: words}, upto: image, save: image_features}", "ends clip-b-32 before"),
        ("{use: resnet18, take: {image: picture}}", "resnet18 has one input, without a name: what arrives"),
    ],
)
def test_what_cannot_be_handed_to_a_model(call, says):
    assert says in refusal(USED.replace("CALL", call))


OWN = """
input: {C: 3, H: 64, W: 64}
models:
  trunk:
    outputs: stage
    do:
      - each: {c: [8, 16, 32]}
        name: stage
        do: [conv: {out: c, kernel: 3, stride: 2, pad: 1}]
  pair:
    inputs: {image: {C: 3, H: 32, W: 32}, words: {D: 7}}
    outputs: [seen, read]
    do:
      - {use: trunk, save: {levels: stage}}
      - save: seen
      - take: words
      - linear: {out: 5}
      - save: read
  plain: {}
  wide: {input: {H: 128}}
  named: {inputs: {picture: {C: 1, H: 8, W: 8}}}
layers: [conv: {out: 4, kernel: 1}]
"""


def models_of(text: str) -> dict[str, Network]:
    spec = parse_spec(text, "net.yaml", "net")
    return {name: expand(spec, model) for name, model in spec.models.items()}


def test_each_model_of_a_file_says_what_it_takes_and_gives(vcalc, tmp_path):
    """What it does not say it has of the file; of a model in use all its stages are to be had, and the last goes on."""
    graphs = {name: network.graph for name, network in models_of(OWN).items()}
    assert {name: dict(graph.inputs) for name, graph in graphs.items()} == {
        "trunk": {"": (3, 64, 64)},
        "pair": {"image": (3, 32, 32), "words": (7,)},
        "plain": {"": (3, 64, 64)},
        "wide": {"": (3, 128, 64)},
        "named": {"picture": (1, 8, 8)},
    }
    gives = {
        name: {each: graph.shape(index) for each, index in graph.outputs.items()} for name, graph in graphs.items()
    }
    assert gives["trunk"] == {"stage[0]": (8, 32, 32), "stage[1]": (16, 16, 16), "stage[2]": (32, 8, 8)}
    assert gives["pair"] == {"seen": (32, 4, 4), "read": (5,)}
    assert gives["plain"] == {"": (4, 64, 64)}
    first = models_of(OWN.replace("- save: seen", "- take: levels[0]\n      - save: seen"))["pair"].graph
    assert first.shape(first.outputs["seen"]) == (8, 16, 16)
    file = tmp_path / "net.yaml"
    file.write_text(OWN, encoding="utf-8")
    assert "input image 3x32x32 and words 9" in vcalc("table", f"{file}:pair", "--input", "words=9").stdout
    vcalc("new", "copy", "--from", f"{file}:trunk", "-o", str(tmp_path / "copy.yaml"))
    assert [*expand(*load(str(tmp_path / "copy.yaml"))).graph.outputs] == [*gives["trunk"]]


def test_a_model_takes_what_it_names_where_it_has_layers_of_its_own_or_other_inputs():
    """Else the sizes that it has otherwise; and the file's outputs are those of a model that names none."""
    made = models_of("""
        inputs: {a: {D: 4}, b: {D: 5}}
        outputs: [x, y]
        models:
          sizes: {inputs: {b: {D: 6}}}
          own: {inputs: {b: {}}, outputs: z, do: [linear: {out: 2}, save: z]}
          other: {more: false, inputs: {a: {}, c: {D: 2}}, outputs: [x, c]}
        let: {more: true}
        layers: [linear: {out: 2}, save: x, {if: more, then: [take: b, linear: {out: 2}, save: y]}]
    """)
    assert {name: {**each.graph.inputs} for name, each in made.items()} == {
        "sizes": {"a": (4,), "b": (6,)},
        "own": {"b": (5,)},
        "other": {"a": (4,), "c": (2,)},
    }
    assert [[*each.graph.outputs] for each in made.values()] == [["x", "y"], ["z"], ["x", "c"]]
    with pytest.raises(VcalcError) as caught:
        models_of("inputs: {a: {D: 4}, b: {D: 5}}\nmodels: {m: {input: {D: 4}}}\nlayers: [relu, take: b]")
    assert "m has inputs of its own: write b: {…} among them" in str(caught.value.problems[0].hint)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("plain: {}", "plain: {inputs: {image: {C: 1}}}", "the network has one input, which has no name"),
        ("plain: {}", "plain: {input: {D: 1}, inputs: {a: {D: 1}}}", "'input' and 'inputs' do not go together"),
        ("plain: {}", "plain: {words: 2}", "'words' is a hyperparameter or symbol and cannot name"),
        ("plain: {}", "plain: {outputs: [left]}", "no tensor is called 'left', an output; write save: left where"),
        ("plain: {}", "plain: {outputs: []}", "outputs needs the name of a tensor"),
        ("input: {C: 3, H: 64, W: 64}\n", "", "model 'trunk' needs 'input', which the file has not for all"),
        ("outputs: stage\n", "outputs: stages\n", "no tensor is called 'stages', an output; did you mean 'stage"),
        ("outputs: stage\n", "outputs: stage[0]\n", "'stage[0]' is a place in a list; stage gives each of its tensors"),
        ("plain: {}", "plain: {inputs: 3}", "inputs is a mapping of names to values"),
        ("{D: 7}}", "{D: 7}, more: {D: 1}}", "nothing takes the input 'more'; write take: more"),
        ("{levels: stage}", "{levels: stages}", "trunk has no output 'stages'; did you mean 'stage'?"),
    ],
)
def test_what_is_wrong_with_a_models_own_inputs_and_outputs_is_said(old, new, says):
    with pytest.raises(VcalcError) as caught:
        models_of(OWN.replace(old, new))
    problem = caught.value.problems[0]
    assert says in f"{problem.message}; {problem.hint}"


def test_a_change_of_outputs_is_a_change(vcalc, tmp_path):
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(CROSS, encoding="utf-8")
    new.write_text(CROSS.replace("[features, pooled]", "pooled"), encoding="utf-8")
    said = vcalc("diff", str(old), str(new))
    assert "outputs: features of add1, pooled of global_avgpool → pooled of global_avgpool" in said.stdout
    assert "nothing changed" not in said.stdout
    assert json.loads(vcalc("diff", str(old), str(new), "--format", "json").stdout)["same"] is False


def test_a_layer_that_reads_another_input_is_seen(vcalc, tmp_path):
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    text = (
        "inputs: {a: {D: 8}, b: {D: 8}}\noutputs: [x, y]\nlayers: [take: ONE, linear: {out: 8}, save: x, take: OTHER, "
    )
    for file, one, other in ((old, "a", "b"), (new, "b", "a")):
        file.write_text(f"{text}relu, save: y]".replace("ONE", one).replace("OTHER", other), encoding="utf-8")
    said = vcalc("diff", str(old), str(new)).stdout
    assert "reads the input a → the input b" in said
    assert "reads the input b → the input a" in said


def test_a_copy_keeps_inputs_and_outputs(vcalc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cross.yaml").write_text(CROSS, encoding="utf-8")
    vcalc("new", "copy.yaml", "--from", "cross.yaml")
    ours, theirs = (expand(*load(name)).graph for name in ("copy.yaml", "cross.yaml"))
    assert (ours.inputs, ours.outputs) == (theirs.inputs, theirs.outputs)
    assert "changed: " not in vcalc("fmt", "--check", "copy.yaml").stdout


def test_a_check_looks_at_inputs_and_outputs(vcalc, tmp_path):
    """What is an output needs no reader, what is none does, and a name is an input's or another tensor's."""
    net = tmp_path / "net.yaml"
    text = """
        title: Net
        cite: own work
        inputs: {a: {D: 4}, b: {C: 64, H: 64, W: 3}}
        outputs: [x, y]
        layers: [linear: {out: 3}, save: x, {name: left, do: [linear: {out: 2}]}, take: b, save: a, global_avgpool,
          linear: {out: 2}, save: y]
        expect: {params: 153}
    """
    net.write_text(text, encoding="utf-8")
    said = vcalc("check", str(net)).stdout
    assert "warning[shadowed-name]: 'a' names another tensor from here on, and hides the input" in said
    assert "warning[unused-branch]: nothing reads what this linear gives" in said
    assert "warning[channels-last]: an input of 64 channels, 64 rows and 3 columns" in said
    assert "'x' is saved" not in said
    assert "'y' is saved" not in said


def test_two_networks_side_by_side_are_each_what_they_are_alone():
    """Counts under every convention, saved bytes and receptive fields; an image of one, words of the other."""
    towers = [expand(*load(name)) for name in ("resnet18", "clip-text-b")]
    both = of("""
        inputs: {image: {C: 3, H: 224, W: 224}, words: {D: 77}}
        outputs: [seen, read]
        layers: [use: resnet18, save: seen, take: words, use: clip-text-b, save: read]
    """)
    for name in conventions.names():
        whole, *each = (Costs(of.graph, convention(name)).total(of.graph.nodes) for of in (both, *towers))
        assert [*whole] == [sum(parts) for parts in zip(*each, strict=True)], name
    saved, one, other = (Memory(of.graph, Plan(TRAINING)).saved for of in (both, *towers))
    assert saved == one.plus(other)
    fields = [field for of in towers for each in fields_by_input(of.graph) for field in each.values()]
    side_by_side = [each for fields in fields_by_input(both.graph) for each in fields.items()]
    assert [field.axes for _, field in side_by_side] == [field.axes for field in fields]
    assert [*dict.fromkeys(name for name, _ in side_by_side)] == ["image", "words"]


def test_what_is_an_output_is_neither_overwritten_nor_folded_into():
    text = "input: {C: 8, L: 1}\nOUTPUTS\nlayers: [conv: {out: 8, kernel: 1}, save: x, batchnorm, relu, save: y]"
    folds = [
        len(fold_norms(of(text.replace("OUTPUTS", outputs)).graph).folded or [])
        for outputs in ("", "outputs: y", "outputs: [x, y]")
    ]
    assert folds == [1, 1, 0]
    text = "input: {D: 8}\nOUTPUTS\nlayers: [linear: {out: 8}, save: x, relu, save: y]"
    peaks = [
        Memory(of(text.replace("OUTPUTS", outputs)).graph, Plan(in_place=True)).peak(1).size.per_image
        for outputs in ("", "outputs: y", "outputs: [x, y]")
    ]
    assert peaks == [4 * 2 * 8, 4 * 2 * 8, 4 * 3 * 8]
