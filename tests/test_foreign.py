"""What others call things: each of their words leads to what is the same here, or to an honest "there is none"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from vcalc import conventions, foreign
from vcalc.analyses.measure import METRICS
from vcalc.cli import COMMANDS, main
from vcalc.conventions.read import parse as parse_convention
from vcalc.errors import VcalcError
from vcalc.language.expression import SHAPE_NAMES
from vcalc.layers import KINDS, PRIMITIVES
from vcalc.render import FORMATS
from vcalc.render.check import FORMATS as CHECK_FORMATS
from vcalc.reports.layers_table import DEFAULT_COLUMNS
from vcalc.spec.find import find
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec
from vcalc.spec.sizes import SIZES
from vcalc.spec.steps import JOINS, LAYERS
from vcalc.spec.top import TOP

TABLE = yaml.safe_load(Path(foreign.FILE).read_text(encoding="utf-8"))
NAMES = yaml.safe_load((Path(__file__).parent / "data" / "foreign_names.yaml").read_text(encoding="utf-8"))
INPUTS = ("{C: 32, H: 32, W: 32}", "{N: 64, D: 32}", "{D: 32}", "{C: 32, L: 64}", "{C: 32, T: 8, H: 8, W: 8}")
ALLOWED = {
    "fields": {"frozen", "tied", *(field for kind in KINDS.values() for field in kind.fields)},
    "values": ("0", *SHAPE_NAMES),
    "uses": ("with", "upto", "as", "take", "save", "frozen", "name"),
    "joins": JOINS,
    "sizes": SIZES,
    "keys": TOP.keys,
    "metrics": METRICS,
    "columns": (*DEFAULT_COLUMNS, "kind"),
    "formats": (*FORMATS, *CHECK_FORMATS),
    "commands": COMMANDS,
    "options": {name for command in COMMANDS for each in main.get_command(None, command).params for name in each.opts},
}


def network(layers: str, input_: str):
    spec = parse_spec(f"title: t\ninput: {input_}\nlayers: {layers}\n", "t.yaml", "t")
    return expand(spec, spec.models["t"])


def expanded(written: str):
    """The network of an answer, with something in its gaps, on the first input that it takes."""
    filled = written.replace("…, …, …", "[], [], []").replace("…, …]", "[], []]").replace("[…]", "[relu]")
    filled = filled.replace("if: …", "if: true")
    filled = re.sub(r"(heads|window|height|factor): …", r"\1: 2", filled).replace("…", "1")
    before = "{save: '1'}, " if "take" in filled else ""
    before = "{split_heads: {heads: 2}}, " if filled in ("merge_heads", "rotary_embedding") else before
    before = {"merge_windows": "{windows: {window: 2}}, ", "merge_frames": "frames, ", "to_map": "tokens, "}.get(
        filled, before
    )
    for input_ in INPUTS:
        try:
            return network(f"[{before}{filled}]" if not filled.startswith("[") else filled, input_)
        except VcalcError as error:
            problem = error
    return problem


WRITTEN = sorted({entry["is"] for entry in TABLE["layers"] if "is" in entry})


@pytest.mark.parametrize("written", WRITTEN)
def test_what_a_foreign_layer_is_called_here_is_a_network(written):
    join = re.search(r"join: (\w+|\{\w+)", written)
    if join and "…" in written:
        assert join[1].strip("{") in JOINS
        return
    made = expanded(written)
    assert not isinstance(made, VcalcError), made


@pytest.mark.parametrize("section", ALLOWED)
def test_every_other_answer_is_a_name_that_there_is(section):
    for entry in TABLE[section]:
        assert ("is" in entry) != ("none" in entry)
        if "is" in entry:
            assert entry["is"] in ALLOWED[section]
        for kind in entry.get("kinds", "").split():
            assert entry["is"] in KINDS[kind].fields


def test_the_sections_are_tested():
    assert set(TABLE) == {*ALLOWED, "layers", "models", "files", "rules"}
    assert all("none" in entry for entry in (*TABLE["files"], *TABLE["rules"]))


def test_what_rules_named_once_is_none_of_theirs_and_what_to_write_instead_is_read():
    head = "name: mine\nsays: s\nunit: MACs\nsource: me\nextends: macs\n"
    for entry in TABLE["rules"]:
        assert not set(entry["words"].split()) & PRIMITIVES.keys()
        rule = entry["none"].partition("; write ")[2]
        text = f"params: {{{rule}}}" if rule.startswith("lose") else f"kinds: {{{rule}}}"
        assert (
            parse_convention(f"{head}{text}\n", "mine.yaml", conventions.load, conventions.names, True).rules
            is not None
        )


@pytest.mark.parametrize("library", NAMES)
def test_every_layer_of_a_library_has_an_answer(library):
    own = {foreign.bare(kind) for kind in KINDS}
    lost = [name for name in NAMES[library].split() if not foreign.answers("layers", name)]
    assert [name for name in lost if foreign.bare(name) not in own] == []


@pytest.mark.parametrize("section", ["layers", "fields", "metrics", "formats", "commands"])
def test_no_foreign_word_is_a_word_of_ours_with_another_meaning(section):
    """A word that stands for itself says nothing; one that is ours is never looked up."""
    own = {foreign.bare(name): name for name in ALLOWED.get(section, LAYERS)}
    for entry in TABLE[section]:
        for word in str(entry["words"]).split():
            if section == "layers" and word in LAYERS:
                raise AssertionError(f"{word} is a layer kind")
            if section not in ("layers", "fields"):
                assert foreign.bare(word) not in own, word


def test_no_model_that_the_catalogue_has_is_said_to_be_missing():
    for entry in TABLE["models"]:
        for word in entry["words"].split() if "none" in entry else ():
            with pytest.raises(VcalcError) as caught:
                find(word)
            assert f"help: {entry['none']}" in str(caught.value)


def test_every_model_that_a_foreign_name_stands_for_is_there(vcalc):
    for entry in TABLE["models"]:
        for word in entry["words"].split() if "is" in entry else ():
            model, *more = entry["is"].split()
            assert find(model)[1] == model
            if not more:
                assert find(word)[1] == model
                continue
            assert f"vcalc table {entry['is']}" in vcalc("table", word, code=2).stderr
            vcalc("table", model, *more, "--format", "json")


@pytest.mark.parametrize(
    ("word", "params"),
    [  # in torch: the params of the module named, on 32 channels (or 32 features) where the gaps are 1
        ("Conv2d", 32 + 1),
        ("nn.Conv2d(3, 64, 3)", 32 + 1),
        ("DepthwiseConv2D", 32 + 32),
        ("SeparableConv2D", 32 + 32 + 1),
        ("BatchNorm2d", 64),
        ("Dense", 32 + 1),
        ("Gemm", 32 + 1),
        ("swish", 0),
        ("GlobalAveragePooling2D", 0),
        ("FrozenBatchNorm2d", 0),
        ("mlp", 32 * 128 + 128 + 128 * 32 + 32),
        ("SE", 32 * 2 + 2 + 2 * 32 + 32),
        ("PatchMerging", 2 * 128 + 128 * 64),
        ("MultiheadAttention", 4 * (32 * 32 + 32)),
        ("TransformerEncoderLayer", 4 * (32 * 32 + 32) + 2 * 64 + 32 * 128 + 128 + 128 * 32 + 32),
    ],
)
def test_an_answer_has_the_parameters_of_what_was_asked_for(word, params):
    made = expanded(foreign.answers("layers", word)[0].write)
    assert sum(sum(node.facts.parameters.values()) for node in made.graph.nodes) == params


def test_squeeze_and_excitation_gives_back_any_number_of_channels():
    [answer] = foreign.answers("layers", "SE")
    [*_, last] = network(f"[{answer.write}]", "{C: 40, H: 8, W: 8}").graph.nodes
    assert last.output == (40, 8, 8)


def said(layers: str) -> str:
    with pytest.raises(VcalcError) as caught:
        network(layers, INPUTS[0])
    return str(caught.value)


@pytest.mark.parametrize(
    ("layer", "says", "never"),
    [
        ("deconv", "conv_transpose: {out: …, kernel: …, stride: …}", "'conv'"),
        ("depth_to_space", "here that is pixel_shuffle: {factor: …} (a larger map of channels)", "did you mean"),
        ("center_crop", "crop: {out: …} (to a size), or {branches: […, …], join: {concat: {fit: crop}}}", "rearrange"),
        (
            "separable_conv",
            "[{conv: {out: C, kernel: …, groups: C, bias: false}}, {conv: {out: …, kernel: 1}}]",
            "did you mean",
        ),
        ("swish", "here that is silu;", "hardswish"),
        ("F.relu_", "here that is relu", "did you mean"),
        ("tf.keras.layers.Conv2DTranspose", "conv_transpose", "did you mean"),
        ("conv3d", "conv: {out: …, kernel: …} (on a video, ", "did you mean"),
        ("GRUCell", "here that is gru: {hidden: …} (of tokens)", "did you mean"),
        ("ConvLSTM2D", "there is none", "did you mean"),
        ("depthwise_conv", "groups: C", "did you mean"),
        ("identity", "leave it out", "did you mean"),
        ("covn: {out: 3, kernel: 1}", "did you mean 'conv'", "here that is"),
        ("{branches: [[relu], []], join: cat}", "here that is concat", "did you mean"),
        ("C2f: {out: 3}", "a spec writes its layers, under blocks", "did you mean"),
        ("InvertedResidual", "vcalc new mine --from mobilenet-v2 shows it", "did you mean"),
        ("freeze: true", '"frozen: true" stands beside or among the words', "did you mean"),
        ("{name: a, do: [relu], trainable: false}", "here that is frozen (true where it is not)", "transpose"),
        ("{repeat: 2, do: [relu], requires_grad: false}", "here that is frozen (true where it is not)", "did you mean"),
        ("{use: resnet18, freeze: true}", "here that is frozen", "did you mean"),
        ("learned: 100x256", "write learned: {N: 100, D: 256}", "name: …"),
        ("learned: [8, 4, 4]", "write learned: {C: 8, H: 4, W: 4}", "name: …"),
        ("roll: 3", "its fields are: channels, columns, frames, positions, rows", "name: …"),
        ("relu: 3", "its fields are: written", "name: …"),
        ("{branches: [[relu], []], join: {concat: {over: 1}}}", "axes go by name: C, H and W of a map", "did you mean"),
        ("{use: resnet18, take: {input: s}}", "leave take out", "backbone"),
    ],
)
def test_a_foreign_layer_is_answered_by_meaning(layer, says, never):
    message = said(f"[{layer}]")
    assert says in message
    assert never not in message


def test_what_a_file_does_not_train_is_answered_by_meaning():
    for word in ("trainable: false", "freeze: [relu]"):
        with pytest.raises(VcalcError) as caught:
            parse_spec(f"title: t\ninput: {{D: 2}}\n{word}\nlayers: [relu]\n", "t.yaml", "t")
        assert "here that is frozen" in str(caught.value)


def test_a_model_that_is_said_to_show_a_block_can_be_copied(vcalc):
    shown = {word for entry in TABLE["layers"] for word in re.findall(r"--from ([\w.-]+)", entry.get("none", ""))}
    assert len(shown) > 10
    for model in shown:
        vcalc("new", "mine", "--from", model, "--output", "-")


def test_a_block_of_the_file_goes_before_what_others_call_so():
    text = "title: t\ninput: {D: 2}\nblocks: {conv_bn: {do: [relu]}}\nlayers: [ConvBN]\n"
    with pytest.raises(VcalcError) as caught:
        parse_spec(text, "t.yaml", "t")
    assert "did you mean 'conv_bn'?" in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("conv: {filters: 8, kernel_size: 3}", ["here that is out", "here that is kernel"]),
        (
            "conv: {out_channels: 8, size: 3, strides: 2, padding: 1}",
            ["that is kernel", "that is stride", "that is pad"],
        ),
        ("conv: {in_channels: 3, out: 8, kernel: 3}", ["leave it out; what arrives says it"]),
        ("linear: {units: 8}", ["here that is out"]),
        ("linear: {in_features: 8, out: 3}", ["leave it out"]),
        ("conv: {out: 8, kernel: 3, dilation_rate: 2, activation: relu}", ["dilation", "a layer of its own"]),
        ("upsample: {size: 2}", ["here that is out (a size), or scale (a factor)"]),
        ("upsample: {channels: 2}", ["leave it out"]),
        ("groupnorm: {group_size: 2, groups: 1}", ["groups (C // group_size)"]),
        ("avgpool: {kernel: 2, dilation: 2}", ["there is none of that kind"]),
        ("attention: {num_heads: 2, bias: false}", ["here that is heads", "qkv_bias, or out_bias"]),
        ("conv: {out: 8, kernel: 3, pad: valid}", ["here that is 0 (as a pad)"]),
        ("conv: {out: in_channels, kernel: 3}", ["here that is C (of the map that arrives)"]),
        ("batchnorm: {epsilon: 0.1}", ["here that is eps"]),
        ("linear: {out: 4, eps: 0.1}", ["it changes no count"]),
        ("linear: {out: 4, trainable: false}", ["here that is frozen (true where it is not)"]),
        ("dropout: {rate: 0.1}", ["here that is p"]),
        ("leaky_relu: {negative_slope: 0.1}", ["here that is slope"]),
        ("conv: {out: 8, kernel: 3, causal: true}", ["here that is pad (a word: pad: causal)"]),
        ("lstm: {hidden_size: 8, num_layers: 2}", ["here that is hidden", "here that is layers"]),
        ("lstm: {units: 8, return_sequences: false}", ["here that is last (true where the last state alone leaves)"]),
        ("reduce_axes: {by: mean, dim: 1}", ["here that is over (the name of an axis"]),
        ("roll: {shifts: 3}", ["here that is rows, or columns, or positions, or channels"]),
        ("roll: {shift: 3, dims: 1}", ["here that is rows, or columns"]),
        ("crop: {H: 4, W: 4}", ["here that is out"]),
        ("linear: {out: 4, freeze: true}", ["here that is frozen"]),
        ("relu: {kernel_size: 3}", ["it has: frozen, name, written"]),
        ("conv: {out: 8, kernle: 3}", ["did you mean 'kernel'"]),
    ],
)
def test_a_foreign_field_is_answered_by_meaning(layer, says):
    message = said(f"[{layer}]")
    for part in says:
        assert part in message
    assert "needs" not in message  # what was meant is not missing, too


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("table", "nn.Conv2d"), "here that is conv: {out: …, kernel: …}; 'vcalc layers' lists the layer kinds"),
        (("table", "conv3d"), "here that is conv: {out: …, kernel: …} (on a video, "),
        (("table", "ConvBNReLU"), "here that is [{conv: "),
        (("compare", "vgg16", "Linear"), "here that is linear: {out: …}"),
        (("table", "maxpool"), "it is a layer kind: vcalc layers maxpool"),
        (("conv",), "it is a layer kind: vcalc layers conv"),
        (("table", "lstm"), "none of this family"),
        (("table", "vgg61"), "did you mean 'vgg19' or 'vgg16'"),
        (("conventions", "thopp"), "did you mean 'thop'?"),
        (("conventions", "vgg61"), "did you mean 'vgg19' or 'vgg16'"),
    ],
)
def test_a_layer_or_a_convention_in_a_models_place(vcalc, command, says):
    assert says in vcalc(*command, code=2).stderr


def test_tokens_go_back_to_their_map_without_being_told_its_height(vcalc, tmp_path):
    spec = tmp_path / "net.yaml"
    spec.write_text("title: t\ninput: {C: 3, H: 8, W: 8}\nlayers: [tokens, view]\n", encoding="utf-8")
    said = vcalc("table", str(spec), code=2).stderr
    assert "to_map" in said
    assert "height" not in said
