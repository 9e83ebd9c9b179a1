"""From small specs to graphs: loops, conditions, branches, blocks, other models, bindings, and the paths they give."""

from __future__ import annotations

from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from vcalc import limits, symbols
from vcalc.errors import VcalcError
from vcalc.spec import find, syntax
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec

IMAGE = "input: {C: 3, H: 32, W: 32}\n"


def net(text: str, model: str = "net", **given: Any) -> Network:
    """The network of a spec's text; the input is a 32x32 image where the text says none."""
    text = dedent(text)
    spec = parse_spec(text if "input:" in text else IMAGE + text, "spec.yaml", "net")
    return expand(spec, spec.models[model], given)


def paths(text: str, model: str = "net", **given: Any) -> list[str]:
    return [node.path for node in net(text, model, **given).graph.nodes]


def channels(text: str, model: str = "net", **given: Any) -> list[Any]:
    """The first size of every layer's output."""
    return [node.output[0] for node in net(text, model, **given).graph.nodes]


def test_a_pool_steps_by_its_window():
    """LeNet as torch's tutorial for CIFAR-10 writes it, its pools with their window only: 62,006 parameters."""
    graph = net("""
        layers:
          - {conv: {out: 6, kernel: 5}}
          - relu
          - maxpool: {kernel: 2}
          - {conv: {out: 16, kernel: 5}}
          - relu
          - maxpool: {kernel: 2}
          - flatten
          - linear: {out: 120}
          - relu
          - linear: {out: 84}
          - relu
          - linear: {out: 10}
    """).graph
    assert sum(sum(node.facts.parameters.values()) for node in graph.nodes) == 62_006


def refusal(text: str, model: str = "net", **given: Any) -> str:
    with pytest.raises(VcalcError) as refused:
        net(text, model, **given)
    return str(refused.value)


# Paths


def test_names_that_are_shared_are_numbered():
    found = paths("""
        layers:
          - conv: {out: 8, kernel: 3}
          - relu
          - conv: {out: 8, kernel: 3}
          - maxpool: {kernel: 2, stride: 2}
          - linear_head
        blocks: {linear_head: {do: [flatten, linear: {out: 10, name: fc}]}}
    """)
    assert found == ["conv1", "relu", "conv2", "maxpool", "flatten", "fc"]


def test_loops_number_their_turns_and_groups_contain_their_layers():
    found = paths("""
        layers:
          - name: stem
            do: [conv: {out: 8, kernel: 3}]
          - each: {n: [1, 2]}
            name: stage
            do:
              - repeat: n
                name: block
                do:
                  - conv: {out: 8, kernel: 1}
                  - conv: {out: 8, kernel: 1}
              - relu
    """)
    convs = ["stage1/block1/conv1", "stage1/block1/conv2"]
    blocks = [f"stage2/block{i}/conv{j}" for i in (1, 2) for j in (1, 2)]
    assert found == ["stem/conv", *convs, "stage1/relu", *blocks, "stage2/relu"]


def test_a_loop_without_a_name_adds_no_level():
    assert paths("layers: [{repeat: 3, do: [relu]}]") == ["relu1", "relu2", "relu3"]


def test_a_loop_of_one_turn_is_numbered_too():
    assert paths("layers: [{repeat: 1, name: stage, do: [relu]}]") == ["stage1/relu"]


def test_two_loops_of_one_name_count_on():
    found = paths("layers: [{repeat: 2, name: stage, do: [relu]}, {repeat: 1, name: stage, do: [relu]}]")
    assert found == ["stage1/relu", "stage2/relu", "stage3/relu"]


def test_a_path_is_given_once():
    found = paths("layers: [relu: {name: x1}, relu: {name: x}, relu: {name: x}]")
    assert len(set(found)) == 3


def test_named_calls_groups_and_joins():
    found = paths("""
        blocks:
          unit: {do: [relu]}
        layers:
          - unit: {name: a}
          - unit
          - branches: {left: [relu], right: []}
            join: concat
            name: fork
          - residual: [tanh]
            name: skip
    """)
    assert found == ["a/relu", "relu", "fork/left/relu", "fork/concat", "skip/tanh", "skip/add"]


# Loops and conditions


def test_each_walks_its_lists_together():
    text = """
        let: {widths: [4, 8, 16]}
        layers:
          - each: {c: widths, k: [1, 3, 5], n: [1, 0, 2]}
            index: i
            do:
              - repeat: n
                index: j
                do: [conv: {out: c + 100*i + j, kernel: k}]
    """
    assert channels(text) == [4, 216, 217]
    assert [node.layer.kernel for node in net(text).graph.nodes] == [(1, 1), (5, 5), (5, 5)]


def test_repeat_of_nothing_passes_the_tensor_on():
    assert paths("layers: [{repeat: 0, do: [relu]}, tanh]") == ["tanh"]


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("{each: {a: [1, 2], b: [1]}, do: [relu]}", "differ in length: a has 2, b has 1"),
        ("{each: {a: 3}, do: [relu]}", "each goes through lists, and 'a' is 3"),
        ("{repeat: 1.5, do: [relu]}", "repeat 1.5 is not a whole number, 0 or more"),
        ("{repeat: 0 - 1, do: [relu]}", "repeat -1 is not a whole number, 0 or more"),
        ("{repeat: 10**9, do: []}", "a repeat of 1,000,000,000"),
        ("{repeat: H, do: [relu]}", "how often repeat h runs cannot be told while h has no value"),
        ("{if: 3, then: [relu]}", "a condition is true or false, not 3"),
        ("{if: H > 8, then: [relu]}", "whether h > 8 cannot be told while h has no value"),
    ],
)
def test_loops_and_conditions_that_have_no_answer(layers: str, says: str):
    message = refusal(f"layers: [{layers}]", H="h")
    assert says in message
    assert "spec.yaml:2:" in message


def test_conditions_read_the_arriving_shape():
    text = """
        layers:
          - {if: C == 3 and H == 32, then: [conv: {out: 8, kernel: 3}], else: [relu]}
          - {if: C == 3, then: [relu], else: [flatten]}
          - {if: D == 8 * 30 * 30, then: [tanh]}
          - {if: D == 1, then: [gelu]}
    """
    assert paths(text) == ["conv", "flatten", "tanh"]


def test_fields_read_the_arriving_shape():
    text = """
        layers:
          - conv: {out: 4*C, kernel: "[H // 8, W // 16]"}
          - tokens
          - linear: {out: N + D}
    """
    nodes = net(text).graph.nodes
    assert nodes[0].layer.kernel == (4, 2)
    assert [node.output for node in nodes] == [(12, 29, 31), (29 * 31, 12), (29 * 31, 29 * 31 + 12)]


# Branches


def test_branches_start_from_the_same_tensor():
    text = """
        layers:
          - conv: {out: 8, kernel: 1}
          - branches:
              - [conv: {out: 4, kernel: 1}, relu]
              - []
              - [conv: {out: 2, kernel: 3, pad: 1}]
            join: concat
    """
    nodes = net(text).graph.nodes
    assert [node.path for node in nodes] == ["conv1", "conv2", "relu", "conv3", "concat"]
    assert [node.inputs for node in nodes] == [(-1,), (0,), (1,), (0,), (2, 0, 3)]
    assert nodes[-1].output == (4 + 8 + 2, 32, 32)


KEPT = "[conv: {out: 8, kernel: 1}]"
"""A branch that gives 8 channels; 3 arrive."""


@pytest.mark.parametrize(
    ("branch", "out"),
    [
        ("[]", 11),
        ("[{if: false, then: [relu]}]", 8),
        ("[{if: false, then: [relu], else: []}]", 11),
        ("[{if: true, then: []}]", 11),
        ("[{if: true, then: [{if: false, then: [relu]}]}]", 8),
        ("[{if: false, then: [relu]}, {if: C > 3, then: [tanh]}]", 8),
        ("[{if: false, then: [relu]}, {if: C == 3, then: [tanh]}]", 11),
        ("[{let: {k: 1}}, {if: k > 1, then: [relu]}]", 8),
        ("[{repeat: 0, do: [relu]}]", 8),
        ("[{repeat: 2, when: false, do: [relu]}]", 8),
        ("[{repeat: 2, do: []}]", 11),
        ("[{each: {c: []}, do: [relu]}]", 8),
        ("[{name: g, do: [{if: false, then: [relu]}]}]", 8),
        ("[maybe: {really: false}]", 8),
        ("[maybe: {really: true}]", 11),
        ("[nothing]", 11),
        ("[{residual: [{if: false, then: [relu]}]}]", 11),
        ("[{branches: [[], [{if: false, then: [relu]}]], join: add}]", 11),
        ("[save: x]", 11),
        ("[dropout]", 11),
    ],
)
def test_a_branch_in_which_nothing_is_carried_out_is_none(branch, out):
    blocks = "blocks: {maybe: {args: {really: }, do: [{if: really, then: [tanh]}]}, nothing: {do: []}}\n"
    for order in (f"{KEPT}, {branch}", f"{branch}, {KEPT}"):
        assert channels(blocks + f"layers: [{{branches: [{order}], join: concat}}, sigmoid]")[-1] == out


@pytest.mark.parametrize("join", ["add", "concat", "mean", "multiply"])
def test_one_branch_left_is_itself(join):
    """Nothing is joined: no layer stands for it, and no work."""
    found = net(f"layers: [{{branches: {{a: [{{if: false, then: [tanh]}}], b: [relu]}}, join: {join}}}]")
    assert [(node.path, node.inputs) for node in found.graph.nodes] == [("b/relu", (-1,))]


def test_a_residual_adds_what_there_is():
    """Its shortcut is the tensor itself where nothing is carried out in it; layers that are left out add nothing."""
    off = "{if: false, then: [tanh]}"
    assert paths(f"layers: [{{residual: [relu], shortcut: [{off}]}}]") == ["relu", "add"]
    assert paths(f"layers: [{{residual: [{off}]}}, gelu]") == ["gelu"]
    assert paths(f"layers: [{{residual: [{off}], shortcut: [relu]}}, gelu]") == ["shortcut/relu", "gelu"]
    assert paths("layers: [{residual: []}]") == ["add"]


def test_a_branch_that_is_left_out_has_no_name():
    text = "layers: [{branches: {a: [{if: false, then: [tanh]}], b: [relu]}, join: add}, take: a]"
    assert "no tensor is called 'a' so far" in refusal(text)
    assert paths("layers: [{branches: {a: [{if: false, then: [tanh]}], b: [relu]}, join: add}, {name: a, do: [gelu]}]")[
        -1
    ] == ("a/gelu")


def test_a_join_has_fields_that_see_what_arrives_at_the_branches():
    """4*4 tokens: 7*7 relative positions for each of two heads."""
    tokens = """
        input: {N: 16, D: 8}
        layers:
          - branches: [HEADS, HEADS, HEADS]
            join: {scaled_dot_product_attention: {relative_positions: (2*sqrt(N) - 1)**2}}
    """
    found = net(tokens.replace("HEADS", "[split_heads: {heads: 2}]")).graph.nodes[-1]
    assert found.facts.parameters == {"relative_position_bias": 7 * 7 * 2}
    assert found.kind == "scaled_dot_product_attention"


WORDS = """
    let: {padding: same, backbone: resnet18, depth: 2}
    models:
      net: {}
      other: {padding: 1, backbone: mobilenet-v1}
      deep: {backbone: vgg16}
    layers:
      - conv: {out: 3, kernel: 3, stride: 2, pad: padding}
      - use: backbone
        upto: stage1
        name: body
"""


def test_a_hyperparameter_may_be_a_word_or_a_model():
    nodes = net(WORDS).graph.nodes
    assert nodes[0].output == (3, 16, 16)
    assert nodes[1].path == "body/stem/conv"
    assert nodes[-1].path.startswith("body/stage1/")
    assert net(WORDS, padding=1).graph.nodes[0].output == (3, 16, 16)
    assert net(WORDS, padding="0").graph.nodes[0].output == (3, 15, 15)
    assert net(WORDS, backbone="resnet50").graph.nodes[-1].output == (256, 4, 4)


@pytest.mark.parametrize(
    "layers",
    [
        "[{each: {p: [same, 0]}, do: [CONV]}]",
        "[{each: {p: pads}, do: [CONV]}]",
        "[{b: {p: same}}, {b: {p: 0}}]",
        "[b, {b: {p: 0}}]",
        "[{use: b, with: {p: same}}, {use: b, with: {p: 0}}]",
        "[{let: {p: same}}, CONV, {let: {p: 0}}, CONV]",
    ],
)
def test_what_is_bound_may_be_a_word(layers: str):
    """A convolution that keeps its 16 rows, and one that loses two of them."""
    spec = "let: {pads: [same, 0]}\nblocks: {b: {args: {p: same}, do: [CONV]}}\nlayers: " + layers
    nodes = net(spec.replace("CONV", "{conv: {out: 3, kernel: 3, pad: p}}")).graph.nodes
    assert [node.output[1] for node in nodes] == [32, 30]


def test_words_are_bound_from_outside_one_by_one_and_in_lists():
    spec = "let: {one: same, of: [0, same]}\nlayers: [{each: {p: LIST}, do: [{conv: {out: 3, kernel: 3, pad: p}}]}]"
    assert net(spec.replace("LIST", "of"), of="[same, same]").graph.nodes[-1].output == (3, 32, 32)
    with pytest.raises(VcalcError, match="'valid' is no word of a field\n  help: here that is 0"):
        net(spec.replace("LIST", "[one]"), one="valid")


def test_a_part_of_a_model_is_written_as_a_library_writes_it():
    """timm calls GELU as a function; what is written of the head, which is left out here, is no error."""
    spec = "let: {net: convnext-t}\nlayers: [{use: net, upto: stage1, AS}]"
    forms = {}
    for library in ("torchvision", "timm"):
        nodes = net(spec.replace("AS", f"as: {library}")).graph.nodes
        forms[library] = next(node.layer.form for node in nodes if node.kind == "gelu")
    assert forms == {"torchvision": "module", "timm": "functional"}
    assert net(spec.replace(", AS", "")).graph.nodes[-1].output == (96, 8, 8)
    assert "convnext-t is not in 'timmm'" in refusal(spec.replace("AS", "as: timmm"))


def test_a_model_that_is_used_by_name_is_refused_as_if_it_stood_there():
    assert "mobilenet-v1 has no group 'stage1'" in refusal(WORDS, "other")
    assert "'no' is not defined here" in refusal(WORDS.replace("backbone: resnet18", "backbone: no-such-net"))
    assert "there is no model 'same'" in refusal(WORDS.replace("use: backbone", "use: padding"))


def shared_head(again: str = "head", shared: str = "true") -> str:
    """A head of Faster R-CNN's region proposals on two levels, as in Ren et al. 2015."""
    return f"""
        blocks:
          head:
            args: {{out: 3}}
            shared: {shared}
            do:
              - branches:
                  - [conv: {{out: 8, kernel: 3, pad: 1}}, relu, conv: {{out: out, kernel: 1}}]
                  - [batchnorm]
                join: concat
        layers:
          - conv: {{out: 8, kernel: 3, pad: 1}}
          - save: p2
          - head
          - take: p2
          - maxpool: {{kernel: 2, stride: 2}}
          - {again}
    """


def test_a_shared_block_has_its_parameters_once_and_does_its_work_each_time():
    once, each = net(shared_head()).graph.nodes, net(shared_head(shared="false")).graph.nodes
    first, second = slice(1, 6), slice(7, 12)
    assert [node.facts.work["output_elements"] for node in once] == [
        node.facts.work["output_elements"] for node in each
    ]
    assert [node.facts.parameters for node in once[first]] == [node.facts.parameters for node in each[first]]
    assert sum(sum(node.facts.parameters.values()) for node in each[second]) == 9 * 64 + 8 + 8 * 3 + 3 + 16
    assert [node.facts.parameters | node.facts.buffers for node in once[second]] == [{}] * 5
    assert [node.shares for node in once[second]] == [1, 2, 3, 4, 5]
    assert {node.shares for node in (*once[:7], *each)} == {None}


@pytest.mark.parametrize(
    ("again", "says"),
    [
        (
            "head: {out: 4}",
            "conv: what is shared has the same parameters wherever it stands, not weight 24, bias 3, then",
        ),
        ("name: other\n            do: [conv: {out: 4, kernel: 1}, head]", "not weight 576, bias 8, then weight 288"),
    ],
)
def test_a_shared_block_whose_parameters_would_differ_is_refused(again: str, says: str):
    assert says in refusal(shared_head(again))


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [("relu", "[relu, gelu]", "gelu: shared block b had 1 layers"), ("[relu, gelu]", "relu", "b had 2 layers before")],
)
def test_a_shared_block_has_as_many_layers_each_time(first: str, then: str, says: str):
    one, other = (2 if "gelu" in text else 1 for text in (first, then))
    spec = "blocks: {b: {args: {n: }, shared: true, do: [relu, {if: n > 1, then: [gelu]}]}}\n"
    assert says in refusal(spec + f"layers: [b: {{n: {one}}}, b: {{n: {other}}}]")


def test_shared_is_true_or_false():
    assert "shared is true or false" in refusal("blocks: {b: {shared: [1], do: [relu]}}\nlayers: [b]")


@pytest.mark.parametrize(("join", "expected"), [("concat", 6), ("add", 3), ("multiply", 3)])
def test_joins(join: str, expected: int):
    assert channels(f"layers: [{{branches: [[], []], join: {join}}}]") == [expected]


def test_a_residual_without_shortcut_adds_what_arrived():
    nodes = net("layers: [relu, residual: [conv: {out: C, kernel: 1}]]").graph.nodes
    assert [(node.path, node.inputs) for node in nodes] == [("relu", (-1,)), ("conv", (0,)), ("add", (1, 0))]


def test_a_residual_with_a_shortcut_names_it():
    text = """
        layers:
          - repeat: 2
            do:
              - residual: [conv: {out: 8, kernel: 1}]
                shortcut:
                  - if: C != 8
                    then: [conv: {out: 8, kernel: 1}]
    """
    nodes = net(text).graph.nodes
    assert [node.path for node in nodes] == ["conv1", "shortcut1/conv", "add1", "conv2", "add2"]
    assert [node.inputs for node in nodes] == [(-1,), (-1,), (0, 1), (2,), (3, 2)]


@pytest.mark.parametrize(("out", "expected"), [(3, ["conv", "add"]), (8, ["conv"])])
def test_a_residual_under_a_condition(out: int, expected: list[str]):
    assert paths(f"let: {{w: {out}}}\nlayers: [{{residual: [conv: {{out: w, kernel: 1}}], when: C == w}}]") == expected


def test_what_does_not_match_says_where():
    message = refusal("layers:\n- name: stage\n  do:\n  - residual: [conv: {out: 8, kernel: 1}]\n")
    assert message.startswith(
        "spec.yaml:5:5: add: a feature map [8, 32, 32] and a feature map [3, 32, 32] do not match"
    )
    assert "at stage/add" in message
    assert refusal("layers:\n- conv: {out: 4, kernel: 0}").startswith("spec.yaml:3:26: conv: kernel is 0")


# Names: let, blocks, arguments


def test_let_binds_for_the_rest_of_the_list_only():
    text = """
        let: {w: 4}
        layers:
          - name: group
            do:
              - let: {w: 2*w, v: w + 1}
              - conv: {out: w, kernel: 1}
              - let: {w: C + v}
              - conv: {out: w, kernel: 1}
          - conv: {out: w, kernel: 1}
    """
    assert channels(text) == [8, 8 + 9, 4]


def test_a_name_of_an_inner_list_is_unknown_outside():
    assert "'v' is not defined here" in refusal("layers: [{name: g, do: [let: {v: 1}]}, conv: {out: v, kernel: 1}]")


BLOCKS = """
blocks:
  unit:
    args: {out: , kernel: 3, pad: kernel // 2, mid: out // 2 + C}
    do:
      - conv: {out: mid, kernel: kernel, pad: pad}
      - conv: {out: out, kernel: 1}
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("out: 8", [(7, 32, 32), (8, 32, 32)]),
        ("out: 8, kernel: 5", [(7, 32, 32), (8, 32, 32)]),
        ("out: 8, pad: 0", [(7, 30, 30), (8, 30, 30)]),
        ("out: 2*C, mid: 1", [(1, 32, 32), (6, 32, 32)]),
    ],
)
def test_arguments_and_their_defaults(arguments: str, expected: list[tuple[int, ...]]):
    nodes = net(f"{BLOCKS}\nlayers: [unit: {{{arguments}}}]").graph.nodes
    assert [node.output for node in nodes] == expected


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("unit", "block unit needs 'out'"),
        ("unit: {out: 8, width: 3}", "has no key 'width'"),
        ("unti: {out: 8}", "did you mean 'unit'?"),
    ],
)
def test_calls_that_do_not_fit(layer: str, says: str):
    assert says in refusal(f"{BLOCKS}\nlayers: [{layer}]")


def test_blocks_see_hyperparameters_and_arguments_but_no_names_of_the_caller():
    text = "let: {w: 4}\nblocks: {b: {do: [conv: {out: w, kernel: 1}]}}\nlayers: [let: {w: 9}, b]"
    assert channels(text) == [4]
    text = "blocks: {b: {do: [conv: {out: i, kernel: 1}]}}\nlayers: [{repeat: 2, index: i, do: [b]}]"
    assert "'i' is not defined here" in refusal(text)


CHOICE = """
let: {unit: plain}
blocks:
  plain: {args: {c: }, do: [conv: {out: c, kernel: 1}]}
  double: {args: {c: }, do: [conv: {out: c, kernel: 1}, conv: {out: 2*c, kernel: 1}]}
models:
  net: {}
  big: {unit: double}
layers:
  - {use: unit, with: {c: 5}}
"""


def test_a_block_called_by_a_hyperparameter():
    assert channels(CHOICE) == [5]
    assert channels(CHOICE, "big") == [5, 10]
    assert channels(CHOICE, unit="double") == [5, 10]
    assert "'7' is not a block" in refusal(CHOICE, unit=7)
    assert "block plain takes no 'd'" in refusal(CHOICE.replace("{c: 5}", "{c: 5, d: 1}"))


def test_a_block_passed_to_a_block():
    twice = "blocks:\n  twice: {args: {b: }, do: [{use: b, with: {c: 3}}, {use: b, with: {c: 4}}]}"
    text = CHOICE.replace("blocks:", twice).replace("- {use: unit, with: {c: 5}}", "- twice: {b: double}")
    assert channels(text) == [3, 6, 4, 8]


def test_blocks_in_a_circle():
    text = "blocks: {a: {do: [b]}, b: {do: [a]}}\nlayers: [a]"
    assert "a block calls itself: a → b → a" in refusal(text)


# Tensors taken up later


def test_save_and_take():
    text = """
        layers:
          - conv: {out: 4, kernel: 1}
          - save: skip
          - conv: {out: 8, kernel: 1}
          - take: skip
          - conv: {out: 2, kernel: 1}
          - branches: [[], [take: skip]]
            join: concat
    """
    nodes = net(text).graph.nodes
    assert [node.inputs for node in nodes] == [(-1,), (0,), (0,), (2, 0)]
    assert nodes[-1].output == (6, 32, 32)


def test_take_the_output_of_a_group_a_call_a_branch_a_turn():
    text = """
        blocks: {unit: {do: [conv: {out: 7, kernel: 1}]}}
        layers:
          - {name: stem, do: [conv: {out: 4, kernel: 1}]}
          - {repeat: 2, name: stage, index: i, do: [conv: {out: 5 + i, kernel: 1}]}
          - unit: {name: neck}
          - {branches: {left: [conv: {out: 8, kernel: 1}], right: []}, join: concat, name: fork}
          - {branches: [TAKES], join: concat}
    """
    wanted = {"stem": 4, "stage1": 5, "stage2": 6, "neck": 7, "fork/left": 8, "fork": 8 + 7}
    takes = ", ".join(f"[take: {name}]" for name in wanted)
    joined = net(text.replace("TAKES", takes)).graph.nodes[-1]
    assert [shape[0] for shape in joined.facts.inputs] == list(wanted.values())


def test_take_the_first_of_two_groups_of_one_name():
    text = "layers: [{name: stage, do: [relu]}, {name: stage, do: [tanh]}, take: stage1, gelu]"
    assert paths(text)[0] == "stage1/relu"
    assert net(text).graph.nodes[-1].inputs == (0,)


def test_an_unknown_tensor_names_the_nearest():
    message = refusal("layers: [{name: stem, do: [relu]}, take: stemm]")
    assert "no tensor is called 'stemm' so far" in message
    assert "'stem'" in message


def test_a_name_saved_in_a_block_is_the_blocks_own():
    """3 channels with those of the caller's x make 11; with the block's own they would be 16."""
    text = """
        blocks: {inner: {do: [conv: {out: 8, kernel: 1}, save: x, relu]}}
        layers: [save: x, inner, {branches: [[], [take: x]], join: concat}]
    """
    assert channels(text)[-1] == 8 + 3


HANDS = """
blocks:
  up:
    args: {c: }
    do:
      - branches: [[], [take: skip]]
        join: concat
      - conv: {out: c, kernel: 1}
      - save: wide
      - conv: {out: 1, kernel: 1}
      - save: narrow
"""


@pytest.mark.parametrize(
    "call", ["up: {c: 7, CALL}", "{use: up, with: {c: 7}, CALL}", "{use: chosen, with: {c: 7}, CALL}"]
)
@pytest.mark.parametrize(
    ("handed", "taken", "out"),
    [
        ("take: skip, save: wide", "wide", 7),
        ("take: {skip: skip}, save: {narrow: wide}", "narrow", 7),
        ("take: [skip], save: [wide, narrow]", "narrow", 1),
        ("take: {skip: down}, save: {skip: wide}", "skip", 7),
        ("take: skip", "skip", 3),
    ],
)
def test_what_a_call_hands_over(call, handed, taken, out):
    layers = f"[save: skip, {{name: down, do: [tanh]}}, {call.replace('CALL', handed)}, take: {taken}, relu]"
    found = net(f"{HANDS}let: {{chosen: up}}\nlayers: {layers}").graph.nodes
    assert [node.output[0] for node in found] == [3, 6, 7, 1, out]


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("[save: skip, up: {c: 4}]", "a block has what its call hands to it: up: {take: skip}"),
        ("[save: s, up: {c: 4, take: {skip: t}}]", "no tensor is called 't' so far"),
        ("[save: skip, up: {c: 4, take: skip, save: side}]", "block up saves no 'side'"),
        ("[save: skip, up: {c: 4, take: skip, save: {a: wid}}]", "did you mean 'wide'?"),
        ("[save: skip, up: {c: 4, take: skip}, take: wide]", "up: {save: wide}"),
        ("[{use: resnet18, save: x}]", "keeps the names of its tensors to itself"),
        ("[{use: chosen, take: x}]", "resnet18 has one input, without a name: what arrives"),
    ],
)
def test_what_a_call_cannot_hand_over(layers, says):
    assert says in refusal(f"{HANDS}let: {{chosen: resnet18}}\nlayers: {layers}")


def test_a_block_that_has_run_on_a_map_is_not_taken_to_run_on_heads():
    """[2, 4, 4] each time."""
    text = """
        input: {C: 2, H: 4, W: 4}
        blocks: {pool: {do: [maxpool: {kernel: 1}]}}
        layers: [pool, tokens, linear: {out: 8}, to_map, tokens, {keep_tokens: {count: 4}},
          {split_heads: {heads: 2}}, pool]
    """
    assert (
        "maxpool takes a feature map [C, H, W], a sequence [C, L] or a video [C, T, H, W], but heads [2, 4, 4] arrives"
        in refusal(text)
    )


def test_groups_loops_and_branches_name_tensors_for_the_list_around_them():
    """A name that is saved again stands for the new tensor from there on."""
    found = channels("""
        layers:
          - {repeat: 2, do: [save: x, conv: {out: C + 1, kernel: 1}]}
          - take: x
          - {name: g, do: [relu, save: y]}
          - {if: true, then: [tanh, save: z]}
          - {branches: [[take: y], [take: z]], join: concat}
    """)
    assert found == [4, 5, 4, 4, 8]


def test_a_blocks_argument_cannot_be_called_like_what_a_call_says():
    for word in ("name", "take", "save"):
        assert f"'{word}' cannot name an argument" in refusal(
            f"blocks: {{b: {{args: {{{word}: 1}}, do: [relu]}}}}\nlayers: [b]"
        )


# Models of one file, and bindings

FAMILY = """
title: Family
input: {C: 3, H: 32, W: 32}
let: {classes: 10, width: 4, widths: [width, 2*width, hidden], hidden: 3*width}
models:
  small: {}
  large: {title: Large Net, width: 8, input: {C: 1, H: 64, W: 48}}
  wide: {widths: [1, 2, 3], hidden: classes}
layers:
  - each: {c: widths}
    do: [conv: {out: c, kernel: 1}]
  - flatten
  - linear: {out: classes}
"""


def test_models_override_let_input_and_title():
    small, large, wide = (net(FAMILY, name) for name in ("small", "large", "wide"))
    assert (small.title, large.title) == ("small", "Large Net")
    assert (small.graph.input, large.graph.input) == ((3, 32, 32), (1, 64, 48))
    assert channels(FAMILY, "small") == [4, 8, 12, 12 * 32 * 32, 10]
    assert channels(FAMILY, "large") == [8, 16, 24, 24 * 64 * 48, 10]
    assert channels(FAMILY, "wide")[:3] == [1, 2, 3]
    assert wide.hyperparameters == {"classes": 10, "width": 4, "widths": [1, 2, 3], "hidden": 10}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"classes": 5}, [4, 8, 12, 12 * 1024, 5]),
        ({"classes": "2 * width"}, [4, 8, 12, 12 * 1024, 8]),
        ({"width": "classes + 1"}, [11, 22, 33, 33 * 1024, 10]),
        ({"hidden": "width", "width": 6}, [6, 12, 6, 6 * 1024, 10]),
        ({"widths": "[7, 9]"}, [7, 9, 9 * 1024, 10]),
        ({"widths": [7, 9]}, [7, 9, 9 * 1024, 10]),
        ({"classes": "2 * classes"}, [4, 8, 12, 12 * 1024, 2 * symbols.symbol("classes")]),
        ({"H": 16, "W": "8 * 2"}, [4, 8, 12, 12 * 256, 10]),
    ],
)
def test_bindings_from_outside(given: dict[str, Any], expected: list[int]):
    assert channels(FAMILY, "small", **given) == expected


def test_a_text_as_a_hyperparameter():
    text = "let: {mode: \"'fast'\"}\nlayers: [{if: mode == 'fast', then: [relu], else: [tanh]}]"
    assert paths(text) == ["relu"]
    assert paths(text, mode="'slow'") == ["tanh"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"clases": 5}, "Family has no hyperparameter 'clases'"),
        ({"N": 5}, "Family has no hyperparameter 'N'"),
        ({"classes": "1 +"}, "--set classes=1 +: '1 +' is not an expression"),
        ({"classes": "1 / 0"}, "--set classes=1 / 0: '1 / 0' divides by zero"),
        ({"width": "hidden"}, "in a circle: width → hidden → width"),
        ({"H": "h / 0"}, "--set H=h / 0: 'h / 0' divides by zero"),
        ({"H": 0}, "input H is 0, not a whole number, 1 or more"),
        ({"H": 1.5}, "input H is 1.5, not a whole number"),
        ({"classes": 1.5}, "linear: out is 1.5, not a whole number, 1 or more, at linear"),
        ({"classes": "'ten'"}, "linear: out is 'ten', not a whole number"),
    ],
)
def test_bindings_that_do_not_fit(given: dict[str, Any], says: str):
    assert says in refusal(FAMILY, "small", **given)


def test_hyperparameters_in_a_circle():
    assert "in a circle: a → b → a" in refusal("let: {a: b + 1, b: 2*a}\nlayers: [relu]")


def test_sizes_become_symbols():
    found = net(FAMILY, "small", H="32*h", W="32*h", width="c", classes="K")
    h, c, k = (symbols.symbol(name) for name in "hcK")
    assert found.symbolic
    assert found.graph.input == (3, 32 * h, 32 * h)
    assert [node.output[0] for node in found.graph.nodes] == [c, 2 * c, 3 * c, 3 * c * (32 * h) ** 2, k]
    assert not net(FAMILY, "small", H="16 + 16").symbolic


def test_symbols_of_the_spec_itself():
    text = "symbols: [c, k]\ninput: {C: c, H: 2*k, W: 2*k}\nlayers: [maxpool: {kernel: 2, stride: 2}]"
    c, k = symbols.symbol("c"), symbols.symbol("k")
    assert net(text).graph.nodes[0].output == (c, k, k)
    assert net(text, c=5).graph.nodes[0].output == (5, k, k)


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ("{N: 196, D: 64}", (196, 64)),
        ("{D: 64, N: 196}", (196, 64)),
        ("{D: 7}", (7,)),
        ("{W: 5, C: 3, H: 4}", (3, 4, 5)),
    ],
)
def test_inputs_of_every_rank(sizes: str, shape: tuple[int, ...]):
    assert net(f"input: {sizes}\nlayers: [gelu]").graph.nodes[0].output == shape


def test_an_input_that_is_no_size_says_where():
    assert refusal("input: {C: 3, H: 0, W: 4}\nlayers: [relu]").startswith("spec.yaml:1:18: input H is 0")


def test_an_input_of_no_rank():
    assert "an input of C, H is no image, sequence or video, no tokens and no" in refusal(
        "input: {C: 3, H: 4}\nlayers: [relu]"
    )


def test_lists_are_equal_wherever_they_are_bound():
    test = "{if: 'd == [1, 2]', then: [relu], else: [tanh]}"
    assert paths(f"let: {{d: [1, 2]}}\nlayers: [{test}]") == ["relu"]
    assert paths(f"layers: [let: {{d: [1, 2]}}, {test}]") == ["relu"]


# Other models


def test_use_a_model_of_the_catalogue_up_to_a_group():
    text = """
        input: {C: 3, H: 224, W: 224}
        layers:
          - {use: resnet18, upto: stage3, with: {width: 8}, name: backbone}
          - conv: {out: 5, kernel: 1}
    """
    nodes = net(text).graph.nodes
    assert nodes[0].path == "backbone/stem/conv"
    assert nodes[-2].path.startswith("backbone/stage3/block2/")
    assert (nodes[-2].output, nodes[-1].output) == ((32, 14, 14), (5, 14, 14))


def test_use_a_whole_model_on_another_size():
    whole = [node.path for node in expand(*find.load("resnet18"), {"H": 32, "W": 32, "C": 1}).graph.nodes]
    used = net("input: {C: 1, H: 32, W: 32}\nlayers: [use: resnet18]").graph.nodes
    assert [node.path for node in used] == [f"resnet18/{path}" for path in whole]
    assert used[0].input == (1, 32, 32)


def test_take_a_group_of_a_model_in_use():
    text = """
        layers:
          - {use: resnet18, upto: stage2, name: backbone}
          - take: backbone/stage1
          - conv: {out: 5, kernel: 1}
    """
    assert net(text).graph.nodes[-1].input == (64, 8, 8)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("{use: resnet18, upto: stage9}", "resnet18 has no group 'stage9'"),
        ("{use: resnet18, with: {depht: 3}}", "no hyperparameter 'depht'"),
        ("{use: resnet1018}", "there is no model 'resnet1018'"),
        ("flatten\n- {use: resnet18}", "takes a feature map [C, H, W], but a vector [3072] arrives"),
    ],
)
def test_uses_that_do_not_fit(step: str, says: str):
    assert says in refusal(f"layers:\n- {step}")


def test_specs_in_a_circle(monkeypatch: pytest.MonkeyPatch):
    texts = {"a": "layers: [use: b]", "b": "layers: [use: a]"}
    specs = {name: parse_spec(IMAGE + text, f"{name}.yaml", name) for name, text in texts.items()}
    monkeypatch.setattr("vcalc.spec.find.load", lambda name: (specs[name], specs[name].models[name]))
    with pytest.raises(VcalcError, match="a spec uses itself: a → b → a"):
        expand(*find.load("a"))


@pytest.mark.parametrize("file", ["-", "other.yaml", "/etc/other.yaml", "other.yaml:net"])
def test_a_spec_opens_no_other_file(file: str):
    assert "a spec opens no other file" in refusal(f"layers: [use: '{file}']")


def test_a_loop_takes_the_turns_for_which_its_condition_holds():
    text = """
        layers:
          - repeat: 5
            index: i
            when: i % 2 == 0
            name: block
            do: [{conv: {out: 1 + i, kernel: 1}}]
    """
    nodes = net(text).graph.nodes
    assert [node.path for node in nodes] == ["block1/conv", "block2/conv", "block3/conv"]
    assert [node.output[0] for node in nodes] == [1, 3, 5]


def test_a_residual_is_added_only_when_its_condition_holds():
    text = "layers: [{residual: [{conv: {out: C, kernel: 1}}], when: C == WIDTH}]"
    assert paths(text.replace("WIDTH", "3")) == ["conv", "add"]
    assert paths(text.replace("WIDTH", "4")) == ["conv"]


# Parts of a network


def test_select_by_path_and_kind():
    graph = net("""
        layers:
          - {repeat: 2, name: stage, do: [{repeat: 11, name: block, do: [relu, tanh]}]}
          - flatten
    """).graph
    assert len(graph.select()) == 2 * 11 * 2 + 1
    assert [node.path for node in graph.select(("stage1/block1",))] == ["stage1/block1/relu", "stage1/block1/tanh"]
    assert len(graph.select(("block11",))) == 2 * 2
    assert len(graph.select(("stage2",), ("tanh",))) == 11
    assert len(graph.select(("stage1", "flatten"))) == 22 + 1
    assert len(graph.select((), ("flatten", "relu"))) == 1 + 22
    assert graph.select(("stage",)) == graph.select(("stage1/block1/rel",)) == []


# Limits


def test_steps_layers_and_nesting_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "STEPS", 50)
    monkeypatch.setattr(limits, "LAYERS", 10)
    assert len(paths("layers: [{repeat: 10, do: [relu]}]")) == 10
    assert "more than 10 layers" in refusal("layers: [{repeat: 11, do: [relu]}]")
    assert "more than 50 steps" in refusal("layers: [{repeat: 8, do: [{repeat: 8, do: []}]}]")
    monkeypatch.setattr(limits, "NESTING", 3)
    assert paths("layers: [{name: a, do: [{name: b, do: [relu]}]}]") == ["a/b/relu"]
    assert "nested more than 3 deep" in refusal("layers: [{name: a, do: [{name: b, do: [{name: c, do: [relu]}]}]}]")


# The tree of a spec


def test_a_spec_says_nothing_until_it_is_read():
    spec = syntax.Spec(SimpleNamespace(file="a.yaml"))
    assert spec.file == "a.yaml"
    assert [spec.title, spec.cite, spec.family, spec.convention, spec.crossover] == [""] * 5
    assert [spec.written_node, spec.claims, spec.expect, spec.budget, spec.root, spec.schedule] == [None] * 6
    assert [spec.symbols, spec.layers, spec.bound, spec.used] == [[], [], [], set()]
    by_name = [spec.written, spec.input, spec.let, spec.blocks, spec.models, spec.options, spec.names]
    assert by_name == [{}] * 7


def test_every_part_keeps_the_node_it_was_written_as():
    parts = [
        syntax.Let("here", {}),
        syntax.Save("here", syntax.Tensor("here", "x")),
        syntax.Take("here", [syntax.Tensor("here", "x")]),
        syntax.Group("here", "x", []),
        syntax.Block("here", "x", {}, []),
        syntax.Option("here", "x", [], {}),
    ]
    assert [part.node for part in parts] == ["here"] * 6
    assert [getattr(part, "name", "x") for part in parts] == ["x"] * 6


def test_a_call_is_of_a_whole_model_and_of_no_library_unless_it_says_so():
    block = syntax.Value("here", None)
    call, use = syntax.Call("here", block, {}, "x"), syntax.UseModel("here", "there", "net", {}, "", "x")
    assert (call.upto, call.library, use.library) == ("", "", "")
    call, use = syntax.Call("", block, {}, "x", "stem", "timm"), syntax.UseModel("", "", "net", {}, "stem", "x", "timm")
    assert (call.upto, call.library) == (use.upto, use.library) == ("stem", "timm")
    assert not syntax.Block("here", "x", {}, []).shared
    assert syntax.ModelEntry("here", "net", "", {}, {}, {}, []).schedule is None


# Names of axes in fields


def test_a_field_takes_the_name_of_an_axis_and_no_size():
    """ConvNeXt's norm has 2*C parameters, torch's nn.LayerNorm([C, H, W]) 2*C*H*W, one of heads twice their width."""
    text = "input: {C: 8, H: 6, W: 4}\nlet: {d: 3}\nlayers:\n"
    text += "  - layernorm: {over: C}\n  - layernorm: {over: [H, W, C]}\n  - tokens\n  - layernorm: {over: N}\n"
    text += "  - split_heads: {heads: 2}\n  - layernorm: {over: d}\n  - rmsnorm: {over: [d, h]}\n"
    counts = [sum(node.facts.parameters.values()) for node in net(text).graph.nodes]
    assert counts == [2 * 8, 2 * 8 * 6 * 4, 0, 2 * 24, 0, 2 * 4, 8]


def test_elsewhere_the_name_of_an_axis_is_its_size():
    text = "input: {C: 8, H: 6, W: 4}\nblocks: {b: {args: {c}, do: [conv: {out: c, kernel: 1}]}}\n"
    assert net(text + "layers: [b: {c: C}, b: {c: H}]\n").graph.nodes[-1].output == (6, 6, 4)


def test_an_axis_that_is_not_there():
    text = "input: {C: 8, H: 6, W: 4}\nlayers: [layernorm: {over: [C, T]}]\n"
    says = refusal(text)
    assert "layernorm: over names T, and what arrives is a feature map [C, H, W]" in says
    assert "over: C or H or W" in says
    frames = "input: {C: 8, T: 5, H: 6, W: 4}\nlayers: [frames, softmax: {over: T}]\n"
    assert "softmax: over names T, and what arrives is a feature map [C, H, W]" in refusal(frames)
