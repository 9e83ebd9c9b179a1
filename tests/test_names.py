"""Names that are worked out: places in lists of tensors, lists that are joined, branches of loops, rows of tables."""

from __future__ import annotations

import time
from textwrap import dedent, indent
from typing import Any

import pytest

from vcalc.errors import VcalcError
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec

HEAD = "input: {C: 3, H: 32, W: 32}\n"


def net(layers: str, more: str = "", model: str = "net", **given: Any) -> Network:
    """The network of a list of layers on a small image, with what else the file has."""
    text = HEAD + dedent(more) + "layers:\n" + indent(dedent(layers).strip("\n"), "  ") + "\n"
    spec = parse_spec(text, "net.yaml", "net")
    return expand(spec, spec.models[model], given)


def inputs(layers: str, more: str = "", **given: Any) -> list[tuple[str, tuple[int, ...]]]:
    """Every layer's kind with the layers that it reads."""
    return [(node.kind, node.inputs) for node in net(layers, more, **given).graph.nodes]


def channels(layers: str, more: str = "", model: str = "net", **given: Any) -> list[Any]:
    return [node.output[0] for node in net(layers, more, model, **given).graph.nodes]


def refusal(layers: str, more: str = "", model: str = "net", **given: Any) -> str:
    with pytest.raises(VcalcError) as refused:
        net(layers, more, model, **given)
    message = str(refused.value)
    assert message.startswith("net.yaml:"), message
    return message


# Lists of tensors

AGGREGATION = """
blocks:
  one_shot:
    args: {c: , n: }
    do:
      - save: seen
      - repeat: n
        index: i
        do:
          - conv: {out: c, kernel: 3, pad: 1}
          - save: seen[i + 1]
      - {take: seen, join: concat}
"""


def test_all_that_a_loop_saved_is_joined_once():
    """One-shot aggregation (Lee et al. 2019, VoVNet): what arrives and all outputs in a row, 3 + 4 * 8 channels."""
    found = net("- one_shot: {c: 8, n: 4}\n- one_shot: {c: 2, n: 1}", AGGREGATION).graph.nodes
    assert [(node.kind, node.inputs) for node in found[:5]] == [
        *(("conv", (i - 1,)) for i in range(4)),
        ("concat", (-1, 0, 1, 2, 3)),
    ]
    assert [node.output[0] for node in found[4:]] == [35, 2, 37]


def test_a_layer_reads_those_that_powers_of_two_lie_before_it():
    """HarDNet (Chao et al. 2019, section 3.1): layer l reads l - 2^k where 2^k divides l; 4 reads 3, 2 and 0."""
    layers = """
        - save: x
        - repeat: 4
          index: i
          do:
            - let: {l: i + 1}
            - branches:
                - repeat: l
                  index: k
                  when: l % 2**k == 0
                  do: [take: "x[l - 2**k]"]
              join: concat
            - conv: {out: 1, kernel: 1}
            - save: x[l]
    """
    assert inputs(layers) == [
        ("conv", (-1,)),
        ("concat", (0, -1)),
        ("conv", (1,)),
        ("conv", (2,)),
        ("concat", (3, 2, -1)),
        ("conv", (4,)),
    ]


def test_places_of_a_list():
    layers = """
        - repeat: 4
          index: i
          do: [conv: {out: 1 + i, kernel: 1}, save: "x[3 - i]"]
        - TAKE
        - tanh
    """
    wanted = {"take: x[0]": [4], "take: x[-1]": [1], "{take: x, join: concat}": [10, 10]}
    wanted |= {"{take: 'x[1:3]', join: concat}": [5, 5], "{take: ['x[0]', 'x[::2]'], join: concat}": [10, 10]}
    wanted |= {"{take: 'x[2:3]', join: concat}": [2], "{take: ['x[1]', x], join: concat, name: all}": [13, 13]}
    for take, after in wanted.items():
        assert channels(layers.replace("TAKE", take))[4:] == after
    assert net(layers.replace("TAKE", "{take: x, join: concat, name: all}")).graph.nodes[4].path == "all/concat"


def test_a_name_that_is_saved_anew_is_one_tensor_again():
    layers = """
        - repeat: 2
          do:
            - save: x
            - conv: {out: 2, kernel: 1}
            - save: x[1]
            - {take: x, join: concat}
    """
    assert channels(layers) == [2, 5, 2, 7]


def test_the_turns_of_a_named_loop_are_a_list():
    layers = """
        - {use: resnet18, upto: stage4, name: backbone}
        - repeat: 4
          index: i
          name: level
          do:
            - take: backbone/stage[3 - i]
            - conv: {out: 8, kernel: 1}
        - take: level[-1]
        - tanh
    """
    found = net(layers).graph.nodes
    assert [node.facts.inputs[0][0] for node in found[-5:]] == [512, 256, 128, 64, 8]
    assert found[-1].inputs == (found[-2].index,)
    assert "no tensor is called 'backbone/stag' so far" in refusal(layers.replace("stage[", "stag["))


def test_a_turn_is_found_among_many_other_parts():
    started = time.process_time()
    net("- {repeat: 2, name: s, do: [relu]}\n- {repeat: 30000, name: t, do: [{take: 's[0]'}]}")
    assert time.process_time() - started < 3


def test_lists_are_handed_to_a_block_and_asked_for():
    """High-resolution streams (Wang et al. 2020): each output reads all streams; the old ones stay as they are."""
    more = """
        blocks:
          fuse:
            args: {n: }
            do:
              - repeat: n
                index: i
                do:
                  - {take: x, join: concat}
                  - conv: {out: 10 + i, kernel: 1}
                  - save: y[i]
    """
    layers = """
        - save: x[0]
        - save: x[1]
        - fuse: {n: 2, take: x, save: {x: y}}
        - fuse: {n: 3, take: x, save: {"x[0]": "y[2]"}}
        - {take: x, join: concat}
    """
    assert channels(layers, more) == [6, 10, 6, 11, 21, 10, 21, 11, 21, 12, 12 + 11]
    own = layers.replace("take: x, save: {x: y}", "take: {x: [x, 'x[0]']}, save: [y]").replace(
        'take: x, save: {"x', 'take: {x: y}, save: {"x'
    )
    assert channels(own, more)[:1] == [9]
    split = "- save: x\n- fuse: {n: 1, take: x}\n- take: x\n- tanh"
    assert inputs(split, more.replace("save: y[i]", "save: x[i]"))[-1] == ("tanh", (-1,))


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("- take: x[0]", "2:11: no tensor is called 'x' so far"),
        ("- save: x\n- take: x[1]", "3:11: 'x[1]' has no value: there is no item 1 in a list of 1 (0 is the first)"),
        ("- save: x[2]\n- take: x[1]", "3:11: nothing is saved at x[0] so far"),
        ("- save: x[2]\n- {take: x, join: add}", "nothing is saved at x[0] so far"),
        ("- save: x[1]\n- save: x[0]\n- take: x", "'x' is a list of 2 tensors, and one goes on"),
        ("- save: x\n- {take: 'x[1:]', join: add}", "these are lists of no tensors"),
        ("- save: x\n- take: x[1:]", "'x[1:]' is a list of 0 tensors, and one goes on"),
        ("- save: x[-1]", "2:11: x[-1]: places are counted from 0"),
        ("- save: x[10**4]", "places are counted from 0 to 9,999"),
        ("- save: x[0.5]", "x[0.5]: 0.5 is no place of a list, a whole number"),
        ("- save: x[H]", "x[H]: h is no place of a list"),
        ("- save: x[i]", "2:13: 'i' is not defined here"),
        ("- save: x[]", "'' is not an expression"),
        ("- save: x[0", "'x[0' is no name with a place in brackets"),
        ("- save: '[0]'", "is no name with a place"),
        ("- save: a/b[0]", "a name holds no slash"),
        ("- take: '[0]'", "has no name before its brackets"),
        ("- save: x\n- take: x[i]", "3:13: 'i' is not defined here"),
        ("- save: x\n- take: x[0][0]", "is no name with a place in brackets"),
        ("- save: x\n- take: x[0] + 1", "is no name with a place in brackets"),
        ("- take: []", "take needs the name of a tensor"),
        ("- {take: {a: b}, join: add}", "take is a list"),
        ("- save: x\n- {take: x, name: y}", "has a name already"),
        ("- save: x\n- take: [x, x]", "join them, {take: [x, x], join: concat}, or take one of them, x"),
        ("- save: x[1]\n- take: x", "nothing is saved at x[0] so far"),
        ("- save: x\n- {take: x, join: sum}", "there is no join 'sum'"),
        ("- {repeat: 2, name: s, do: [relu]}\n- take: s", "'s' is a list of 2 tensors"),
        ("- {repeat: 2, name: s, do: [{take: 's[1]'}]}", "no tensor is called 's' so far"),
    ],
)
def test_names_that_stand_for_nothing(layers: str, says: str):
    assert says in refusal(layers, H="h").replace("net.yaml:3:", "2:").replace("net.yaml:4:", "3:")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("b: {take: ['x[0]']}", "'x[0]' needs a name in the block"),
        ("b: {take: [x, x]}", "take hands over 'x' twice"),
        ("b: {take: {yy: x}}", "the call of block b hands it yy: b: {take: {y: …}}"),
        ("b: {take: {'y[0]': x}}", "no tensor is called"),
        ("b: {take: {y: x}, save: {z: 'w[1]'}}", "there is no item 1 in a list of 1"),
        ("b: {take: {y: x}, save: {'z[0]': 'v'}}", "block b saves no 'v'"),
        ("b: {take: {y: ['x', 'x']}, save: {'z[0]': y}}", "at z[0] stands one tensor, not 2"),
    ],
)
def test_what_a_call_cannot_hand_over(call: str, says: str):
    blocks = "blocks: {b: {do: [{take: 'y[0]'}, relu, save: w]}}\n"
    assert says in refusal(f"- save: x\n- {call}", blocks)


# Loops as branches, and a turn that differs


def test_each_turn_of_a_loop_is_a_branch():
    """As many convolutions beside each other as a block is overparameterised by (Vasu et al. 2023, MobileOne)."""
    layers = """
        - branches:
            - repeat: k
              name: copy
              do: [conv: {out: 4, kernel: 3, pad: 1}]
            - [conv: {out: 4, kernel: 1}]
            - if: C == 4
              then: [batchnorm]
            - elif: C == 3
              then: [tanh, conv: {out: 4, kernel: 1}]
          join: add
    """
    found = net(layers, "let: {k: 3}\n").graph.nodes
    assert [(node.path, node.inputs) for node in found] == [
        ("copy1/conv", (-1,)),
        ("copy2/conv", (-1,)),
        ("copy3/conv", (-1,)),
        ("conv1", (-1,)),
        ("tanh", (-1,)),
        ("conv2", (4,)),
        ("add", (0, 1, 2, 3, 5)),
    ]
    assert len(net(layers, "let: {k: 0}\n").graph.nodes) == 4


def test_branches_of_a_loop_read_one_another_and_have_names():
    """Res2Net (Gao et al. 2019, equation 1): y_i = K_i(x_i + y_{i-1}), of four parts of 2 channels."""
    layers = """
        - conv: {out: 8, kernel: 1}
        - save: x
        - branches:
            part:
              repeat: 4
              index: i
              first: [keep_channels: {count: 2}, save: "y[i]"]
              do:
                - keep_channels: {start: 2*i, count: 2}
                - save: part
                - if: i > 1
                  then: [{take: [part, "y[i - 1]"], join: add}]
                - conv: {out: 2, kernel: 3, pad: 1}
                - save: y[i]
          join: concat
        - {take: part, join: concat}
    """
    found = net(layers).graph
    assert sum(sum(node.facts.parameters.values()) for node in found.nodes) == 3 * 8 + 8 + 3 * (2 * 2 * 9 + 2)
    assert [node.kind for node in found.nodes].count("add") == 2
    assert next(node.inputs for node in found.nodes if node.kind == "concat") == tuple(
        node.index
        for node in found.nodes
        if node.path in ("part1/keep_channels", *(f"part{i}/conv" for i in (2, 3, 4)))
    )


def test_a_first_turn_that_differs():
    layers = """
        - each: {c: [8, 16, 32], n: depths}
          name: stage
          first: [conv: {out: c, kernel: 1}]
          do:
            - repeat: n
              name: block
              first: [conv: {out: c, kernel: 2, stride: 2}]
              do: [relu]
    """
    paths = [node.path for node in net(layers, "let: {depths: [9, 2, 1]}\n").graph.nodes]
    assert paths == ["stage1/conv", "stage2/block1/conv", "stage2/block2/relu", "stage3/block1/conv"]
    skipped = "- {repeat: 4, index: i, when: i > 1, first: [conv: {out: i, kernel: 1}], do: [relu]}"
    assert inputs(skipped) == [("conv", (-1,)), ("relu", (0,))]
    assert channels(skipped)[0] == 2


def test_rows_of_a_table():
    """MobileNetV2's table 2 (Sandler et al. 2018), of which a few rows."""
    more = "let: {table: [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2]]}\n"
    do = "do: [{repeat: n, do: [conv: {out: t * c, kernel: s, stride: s}]}]"
    wanted = [16, 144, 144, 192, 192, 192]
    for each in ("{t, c, n, s: table}", "{t: , c: , n: , s: table}", "{'t, c, n, s': table}"):
        assert channels(f"- each: {each}\n  {do}", more) == wanted
    block = "- each:\n    t, c, n, s: table\n    extra: [0, 0, 0]\n  " + do
    assert channels(block, more) == wanted
    own = "- each:\n    t, c, n:\n      - [1, 16, 1]\n      - [6, 24, 2]\n    s: [1, 2]\n  " + do
    assert channels(own) == wanted[:3]


@pytest.mark.parametrize(
    ("each", "says"),
    [
        ("{a, b: [[1, 2], [3]]}", "3:27: row 2 has 1 item, and 2 names go through it: a, b"),
        ("{a, b: [[1, 2], 3]}", "row 2 is 3, and 2 names go through it"),
        ("{a, b: t}", "3:18: row 1 has 3 items, and 2 names"),
        ("'a, b in t'", "each: {a, b: t}"),
        ("{a, b: 3}", "each goes through lists, and 'a, b' is 3"),
        ("{a, b}", "'a' and 'b' go through no list"),
        ("{a: [1], b}", "'b' goes through no list"),
        ("{'a, a': t}", "the name 'a' stands here twice"),
        ("{'a,': t}", "'' cannot name a loop variable"),
        ("{'a, C': t}", "'C' is the arriving shape"),
        ("{a, b: [[1, 2]], c: [1, 2]}", "differ in length: a has 1, b has 1, c has 2"),
    ],
)
def test_rows_that_do_not_fit(each: str, says: str):
    assert says in refusal(f"- each: {each}\n  do: [relu]", "let: {t: [[1, 2, 3]]}\n").replace("net.yaml:4:", "3:")


@pytest.mark.parametrize(("size", "kind"), [(1, "relu"), (2, "tanh"), (3, "gelu"), (4, "sigmoid")])
def test_elif(size: int, kind: str):
    layers = """
        - if: n == 1
          then: [relu]
        - elif: n == 2
          then: [tanh]
        - elif: n < 4
          then: [gelu]
          else: [sigmoid]
    """
    assert inputs(layers, f"let: {{n: {size}}}\n") == [(kind, (-1,))]
    chain = "- {if: n < 0, then: [relu]}\n" + "".join(f"- {{elif: n == {i}, then: [tanh]}}\n" for i in range(200))
    assert inputs(chain, "let: {n: 199}\n") == [("tanh", (-1,))]


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("- {elif: true, then: [relu]}", "'elif' stands in an item of its own right after one with 'if'"),
        ("- {if: true, then: []}\n- relu\n- {elif: true, then: []}", "net.yaml:5:6: 'elif' stands"),
        ("- {if: true, then: [], else: []}\n- {elif: true, then: []}", "net.yaml:4:6: an 'elif' after an 'else'"),
        ("- {residual: [relu], when: true}\n- {elif: true, then: []}", "'elif' stands"),
        ("- {if: false, then: []}\n- {elif: true}", "elif needs 'then'"),
        ("- {if: false, then: [], elif: true}", "net.yaml:3:27: 'elif' stands in an item of its own"),
        ("- {repeat: 2, if: true, do: [relu]}\n- {elif: true, then: []}", "repeat has no key 'if'"),
        ("- {branches: [{each: {c: [1]}, if: true, do: []}, {elif: true, then: []}], join: add}", "no key 'if'"),
        ("- {branches: [{take: x, if: true}, {elif: true, then: []}], join: add}", "take has no key 'if'"),
        ("- {if: false, then: []}\n- {elif: 3, then: []}", "a condition is true or false, not 3"),
        ("- {branches: [{elif: true, then: []}, []], join: add}", "'elif' stands"),
        ("- {branches: [[], {relu: }], join: add}", "a branch is a list"),
        ("- {branches: {a: {repeat: 2, name: b, do: [relu]}}, join: add}", "named twice, 'a' and 'b'"),
        ("- {branches: [{repeat: 0, do: [relu]}], join: add}", "no branch is left"),
        ("- {branches: [{repeat: 10**6, do: [relu]}], join: add}", "a repeat of 1,000,000"),
        ("- {branches: [{repeat: 10**5, do: []}, {repeat: 10**5, do: []}], join: add}", "more than 200,000 steps"),
    ],
)
def test_conditions_and_branches_that_do_not_fit(layers: str, says: str):
    assert says in refusal(layers)


# What a name can hold


def test_a_condition_chooses_between_words():
    """Layer kinds for a name, and for a field its own words; elsewhere in an expression a word is no value."""
    more = """
        let: {small: true, act: relu if small else silu, whole: true}
        blocks: {unit: {args: {f: , g: gelu if small else tanh}, do: [use: f, use: g]}}
    """
    layers = """
        - use: act
        - unit: {f: elu if small else mish}
        - conv: {out: 4, kernel: 3, stride: 2, pad: same if whole else 1}
    """
    for small, kinds in ((True, ["relu", "elu", "gelu"]), (False, ["silu", "mish", "tanh"])):
        nodes = net(layers, more, small=small, whole=small).graph.nodes
        assert [node.kind for node in nodes] == [*kinds, "conv"]
        assert nodes[-1].layer.pad == ("same" if small else (1, 1))
    assert "'rellu' is not defined here\n" in refusal(layers, more.replace("relu if", "rellu if"))
    assert "'relu' is not defined here\n" in refusal(layers, more.replace("relu if small else silu", "relu + 1"))
    assert "'relu' is not defined here\n" in refusal(layers.replace("out: 4", "out: relu if whole else 4"), more)
    assert "'same' is not a number" in refusal(layers.replace("same if", "same + 1 if"), more)


def test_a_layer_kind_is_a_hyperparameter():
    more = """
        let: {act: gelu, norm: batchnorm}
        models: {net: {}, old: {act: relu, norm: own}, grouped: {norm: groupnorm}}
        blocks:
          own: {do: [rmsnorm]}
          unit: {args: {f: tanh}, do: [use: f]}
    """
    layers = "- {use: act}\n- {use: norm}\n- unit\n- unit: {f: silu}\n- unit: {f: act, name: last}"
    kinds = [node.kind for node in net(layers, more).graph.nodes]
    assert kinds == ["gelu", "batchnorm", "tanh", "silu", "gelu"]
    assert [node.kind for node in net(layers, more, "old").graph.nodes][:2] == ["relu", "rmsnorm"]
    assert net(layers, more, act="hardswish").graph.nodes[-1].path == "last/hardswish"
    assert "groupnorm needs 'groups'\n" in refusal(layers, more, "grouped")
    with_groups = layers.replace("norm}", "norm, with: {groups: 3}, name: n}", 1)
    assert net(with_groups, more, "grouped").graph.nodes[1].path == "n"
    assert "batchnorm takes no 'groups'" in refusal(with_groups, more)
    assert "gelu is a layer, and no model" in refusal("- {use: act, upto: stem}", more)
    assert "gelu is a layer, and has no names of tensors" in refusal("- {use: act, save: x}", more)
    assert "there is no model 'add'" in refusal("- {use: act}", "let: {act: \"'add'\"}\n")


OWN = """
    let: {body: features, width: 8}
    models:
      features: {}
      wide: {width: 16}
      detector: {body: heads, trunk: wide}
      loop: {body: heads, trunk: detector}
      round: {body: heads, trunk: loop2}
      loop2: {body: heads, trunk: round}
      resnet18: {body: heads, trunk: resnet18}
    blocks:
      features:
        do:
          - {name: stage1, do: [conv: {out: width, kernel: 3, pad: 1}]}
          - {name: stage2, do: [conv: {out: 2 * width, kernel: 3, pad: 1}]}
      heads:
        do:
          - {use: trunk, upto: stage2, name: backbone}
          - conv: {out: 5, kernel: 1}
"""


def test_a_model_uses_another_of_its_file():
    found = net("- use: body", OWN, "detector").graph.nodes
    assert [(node.path, node.output[0]) for node in found] == [
        ("backbone/stage1/conv", 16),
        ("backbone/stage2/conv", 32),
        ("conv", 5),
    ]
    assert net("- use: body", OWN, "detector", trunk="features").graph.nodes[1].output[0] == 16
    assert net("- use: body", OWN, "resnet18").graph.nodes[-2].output == (128, 4, 4)  # the catalogue's
    assert "a spec uses itself: round → loop2 → round" in refusal("- use: body", OWN, "round")
    assert "a spec uses itself: wide → wide" in refusal("- use: wide", OWN, "wide")


PARTS = """
input: {C: 3, H: 64, W: 64}
models:
  backbone:
    width: 16
    do:
      - each: {c: [width, 2*width, 4*width]}
        name: stage
        do: [conv: {out: c, kernel: 3, stride: 2, pad: 1}]
  detector:
    do:
      - {use: backbone, with: {width: 8}}
      - repeat: 3
        index: i
        name: level
        do: [take: "backbone/stage[i]", conv: {out: 5, kernel: 1}]
"""


def test_a_model_has_layers_of_its_own():
    """Each level reads a stage of a backbone of 8, 16 and 32 channels: 5 * (c + 1) parameters."""
    spec = parse_spec(PARTS, "net.yaml", "net")
    assert [node.output[0] for node in expand(spec, spec.models["backbone"]).graph.nodes] == [16, 32, 64]
    nodes = expand(spec, spec.models["detector"]).graph.nodes
    assert [node.inputs for node in nodes] == [(-1,), (0,), (1,), (0,), (1,), (2,)]
    assert [sum(node.facts.parameters.values()) for node in nodes[3:]] == [5 * 9, 5 * 17, 5 * 33]
    assert [node.path for node in nodes[2:4]] == ["backbone/stage3/conv", "level1/conv"]
    with pytest.raises(VcalcError, match="a spec needs 'layers'"):
        parse_spec(PARTS + "  other: {}\n", "net.yaml", "net")
    with pytest.raises(VcalcError, match="there is no layer or block 'cnv'"):
        parse_spec(PARTS + "  other: {do: [cnv]}\n", "net.yaml", "net")


def test_a_model_that_ends_in_a_shared_block_leaves_it():
    """The block's own calls share 3*3 + 3 and 3*3*9 + 3 parameters, whatever part of another model went before."""
    text = """
input: {C: 3, H: 8, W: 8}
blocks:
  twice: {shared: true, do: [{name: first, do: [conv: {out: 3, kernel: 1}]}, conv: {out: 3, kernel: 3, pad: 1}]}
models:
  inner: {do: [twice: {name: a}]}
  outer: {do: [{use: inner, upto: a/first}, conv: {out: 3, kernel: 1}, twice, twice]}
"""
    spec = parse_spec(text, "net.yaml", "net")
    nodes = expand(spec, spec.models["outer"]).graph.nodes
    assert [sum(node.facts.parameters.values()) for node in nodes] == [12, 12, 12, 84, 0, 0]


@pytest.mark.parametrize("upto", ["inner/b", "inner/a", "c", "inner"])
def test_a_use_ends_within_a_model_that_the_other_one_uses(upto: str):
    """Convolutions of 3*3 + 3, then 3*3*9 + 3, then 3*3*25 + 3 parameters, as far as the group goes."""
    text = """
input: {C: 3, H: 8, W: 8}
models:
  inner:
    do:
      - {name: a, do: [conv: {out: 3, kernel: 1}]}
      - {name: b, do: [conv: {out: 3, kernel: 3, pad: 1}]}
      - {name: d, do: [relu]}
  whole: {do: [{use: inner, upto: b, name: inner}, {name: c, do: [conv: {out: 3, kernel: 5, pad: 2}]}]}
  part: {do: [{use: whole, upto: UPTO, name: w, frozen: [inner/a]}, global_avgpool]}
""".replace("UPTO", upto)
    spec = parse_spec(text, "net.yaml", "net")
    nodes = expand(spec, spec.models["part"]).graph.nodes
    ends = {"inner/a": [12], "inner/b": [12, 84], "inner": [12, 84], "c": [12, 84, 228]}[upto]
    assert [sum(node.facts.parameters.values()) for node in nodes] == [*ends, 0]
    assert [node.frozen for node in nodes[:2]] == [True, False][: len(nodes)]


def test_a_group_that_a_used_model_lacks_is_refused():
    assert "resnet18 has no group 'stage1/block9'" in refusal("- {use: resnet18, upto: stage1/block9}")
    assert "no group 'backbone/stage5'" in refusal("- {use: detr-r50, upto: backbone/stage5}")
