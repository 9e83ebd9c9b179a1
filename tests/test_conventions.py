"""What each convention makes of the same network, and what a convention's data may not say."""

from __future__ import annotations

import json
from io import BytesIO, TextIOWrapper
from math import prod
from pathlib import Path
from typing import Any

import numpy
import pytest

from vcalc import conventions, symbols
from vcalc.analyses.cost import Costs
from vcalc.conventions.read import parse
from vcalc.errors import VcalcError
from vcalc.graph import Facts
from vcalc.layers import KINDS, Layer
from vcalc.spec.find import load as find_model
from vcalc.spec.network import expand

# VGG-16, from Table 1 of the paper: (input channels, output channels, side) of each convolution, then the matrices.
CONVS = [
    (3, 64, 224), (64, 64, 224), (64, 128, 112), (128, 128, 112), (128, 256, 56), (256, 256, 56), (256, 256, 56),
    (256, 512, 28), (512, 512, 28), (512, 512, 28), (512, 512, 14), (512, 512, 14), (512, 512, 14),
]  # fmt: skip
MATRICES = [(7 * 7 * 512, 4096), (4096, 4096), (4096, 1000)]
POOLS = [(64, 112), (128, 56), (256, 28), (512, 14), (512, 7)]

WEIGHTS = sum(9 * c * k for c, k, _ in CONVS) + sum(map(prod, MATRICES))
BIASES = sum(k for _, k, _ in CONVS) + sum(k for _, k in MATRICES)
MULTIPLY_ADDS = sum(9 * c * k * side * side for c, k, side in CONVS) + sum(map(prod, MATRICES))
POOLED = sum(4 * c * side * side for c, side in POOLS)
OUTPUTS = (
    sum(k * side * side for _, k, side in CONVS)
    + sum(c * side * side for c, side in POOLS)
    + sum(k for _, k in MATRICES)
)


def test_vgg16_by_hand_is_vgg16_as_published():
    assert WEIGHTS == 138_344_128  # CS231n's table; torchvision's 138,357,544 has the biases
    assert WEIGHTS + BIASES == 138_357_544
    assert MULTIPLY_ADDS == 15_470_264_320
    assert MULTIPLY_ADDS + POOLED == 15_476_385_792
    assert OUTPUTS + 3 * 224 * 224 == 15_237_608


@pytest.mark.parametrize(
    ("convention", "params", "flops", "memory"),
    [
        ("lecture", WEIGHTS + BIASES, MULTIPLY_ADDS + POOLED, 4 * OUTPUTS),
        ("macs", WEIGHTS + BIASES, MULTIPLY_ADDS, 4 * OUTPUTS),
        ("flops", WEIGHTS + BIASES, 2 * MULTIPLY_ADDS, 4 * OUTPUTS),
        ("cs231n", WEIGHTS, MULTIPLY_ADDS + POOLED, OUTPUTS + 3 * 224 * 224),
    ],
)
def test_vgg16(network: Any, convention: str, params: int, flops: int, memory: int):
    costs = Costs(network("vgg16").graph, conventions.load(convention))
    assert costs.total(costs.graph.nodes) == (params, flops, memory)


def test_lenets_connections(network: Any):
    """LeCun et al. 1998, section II.B: the connections of each layer; 340,908 together, the outputs' 840 among them."""
    costs = Costs(network("lenet5").graph, conventions.load("connections"))
    by_layer = {node.path: costs.of(node).flops for node in costs.graph.nodes if node.kind not in ("tanh", "flatten")}
    assert by_layer == {
        "C1": 122_304,
        "S2": 5_880,
        "C3": 151_600,
        "S4": 2_000,
        "C5": 48_120,
        "F6": 84 * (120 + 1),
        "output": 10 * 84,
    }
    assert costs.total(costs.graph.nodes).flops == 340_908
    assert costs.total(costs.graph.nodes).params == 60_000


LAYERS: list[tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]]] = [
    ("conv", {"out": 8, "kernel": 3}, ((4, 10, 10),)),
    ("maxpool", {"kernel": 2, "stride": 2}, ((4, 10, 10),)),
    ("global_avgpool", {}, ((4, 10, 10),)),
    ("adaptive_avgpool", {"out": 5}, ((4, 10, 10),)),
    ("attention", {"heads": 2}, ((10, 4),)),
    ("batchnorm", {}, ((4, 10, 10),)),
    ("relu", {}, ((4, 10, 10),)),
    ("add", {}, ((4, 10, 10), (4, 10, 10))),
    ("softmax", {}, ((10,),)),
]
CONV, ATTENTION = 9 * 4 * 8 * 8 * 8, 10 * 4 * 4 * 4 + 2 * 10 * 10 * 4


@pytest.mark.parametrize(
    ("convention", "flops"),
    [
        ("macs", [CONV, 0, 0, 0, ATTENTION, 0, 0, 0, 0]),
        ("flops", [2 * CONV, 0, 0, 0, 2 * ATTENTION, 0, 0, 0, 0]),
        ("lecture", [CONV, 4 * 4 * 25, 4 * 100, 0, ATTENTION, 0, 0, 0, 0]),
        ("cs231n", [CONV, 4 * 4 * 25, 4 * 100, 0, ATTENTION, 0, 0, 0, 0]),
        ("connections", [CONV + 8 * 64, 0, 0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_what_counts(convention: str, flops: list[int]):
    ours = [conventions.load(convention).flops(Facts(KINDS[kind](**fields), inputs)) for kind, fields, inputs in LAYERS]
    assert ours == flops


def test_what_is_stored():
    """Activations and views reuse the memory of their input; convolutions, pools and sums do not."""
    stored = {kind for kind in KINDS if conventions.load("lecture").stores(make(kind))}
    assert {"conv", "linear", "maxpool", "global_avgpool", "add", "concat", "attention"} <= stored
    assert not {"relu", "softmax", "dropout", "batchnorm", "layernorm", "flatten", "tokens"} & stored


def make(kind: str) -> Any:
    """A layer of the kind, its fields left out, but for those of its documentation."""
    made = object.__new__(KINDS[kind])
    vars(made).update(made.sample)
    return made


def test_names_and_their_order():
    assert conventions.names()[0] == conventions.DEFAULT == "lecture"
    promised = {
        "lecture", "macs", "flops", "cs231n", "fvcore", "fvcore-fused", "ptflops", "ptflops-aten", "thop",
        "ultralytics-thop", "torchinfo-1.8", "torchinfo", "torch", "calflops", "calflops-macs", "deepspeed",
        "deepspeed-macs", "torchvision", "timm", "mmcv", "pycls", "convnet-burden", "swin", "nfnet",
    }  # fmt: skip
    assert promised <= set(conventions.names())
    more = {"connections", "fvcore-activations", "macs-masked", "mmcv-attention", "timm-activations"}
    assert set(conventions.names()) - promised == more
    assert conventions.load("mmengine") is conventions.load("fvcore")


@pytest.mark.parametrize("name", conventions.names())
def test_every_convention_says_what_it_is(name: str):
    convention = conventions.load(name)
    assert convention.name == name
    assert convention.says
    assert convention.source
    assert convention.unit in ("FLOPs", "MACs", "connections", "activations")
    if convention.params_rule.left_out or convention.params_rule.lost:
        assert name == "cs231n" or convention.params_rule.says
    for kind, layer in KINDS.items():
        for form in layer.forms or ("",):
            assert layer.composed is True or convention.rule_of(kind, form) is not None


@pytest.mark.parametrize("name", conventions.names())
def test_a_bug_has_a_rule_that_differs(name: str):
    """A bug whose right rules are those that run would change no answer."""
    convention = conventions.load(name)
    for bug in convention.bugs:
        assert bug.instead
        for kind, rule in bug.instead.items():
            name, _, form = kind.partition("/")
            wrong = convention.rule_of(name, form)
            assert wrong is not None
            assert (wrong.weights, wrong.once) != (rule.weights, rule.once)


def test_what_a_multiply_add_is():
    twice = {name for name in conventions.names() if conventions.load(name).multiply_add == 2}
    assert twice == {"flops", "torch", "calflops", "deepspeed"}
    assert all(conventions.load(name).unit == "FLOPs" for name in twice)
    assert conventions.load("fvcore-activations").multiply_add == 0


def test_an_unknown_convention_names_the_nearest():
    with pytest.raises(VcalcError, match="there is no convention 'lecure'") as refused:
        conventions.load("lecure")
    assert "did you mean 'lecture'?" in str(refused.value)


@pytest.mark.parametrize("name", ["../conventions/macs", "", "macs.yaml", "a/b", "_torch.yaml"])
def test_a_name_opens_no_other_file(name: str):
    """Claims and specs name conventions; only the command line and the library may name a file."""
    with pytest.raises(VcalcError, match="there is no convention"):
        conventions.load(name)


MINE = """\
name: mine
says: something
unit: FLOPs
source: me
weights: {multiply_adds: 3, bias_additions: 1}
kinds:
  linear: {multiply_adds: 5}
  "relu, gelu/functional": {output_elements: 1, once: {input_elements: 2}}
zero: {families: [pool]}
unseen: {kinds: [add]}
params: {leave_out: [bias], lose: [layernorm], buffers: [running_mean], says: odd ones}
memory: {unit: elements, kilobyte: 1000, leave_out: {families: [norm], kinds: [flatten]}}
bugs:
  - says: takes a linear layer for more than it is
    instead: {linear: {multiply_adds: 3}}
"""


def own(tmp_path: Path, text: str, name: str = "mine.yaml") -> conventions.Convention:
    """A convention from a file of one's own."""
    file = tmp_path / name
    file.write_text(text)
    return conventions.find(str(file))


def facts_of(kind: str, *inputs: tuple[int, ...], **fields: Any) -> Facts:
    return Facts(KINDS[kind](**fields), inputs)


def test_a_convention_of_ones_own(tmp_path: Path):
    mine = own(tmp_path, MINE)
    conv = facts_of("conv", (5, 3, 3), out=2, kernel=1)
    linear = facts_of("linear", (5,), out=2)
    relu, gelu = facts_of("relu", (7,)), facts_of("gelu", (7,))
    assert (mine.flops(conv), mine.flops(linear)) == (3 * 5 * 2 * 9 + 2 * 9, 5 * 5 * 2)
    assert (mine.flops(relu), mine.flops(relu, 10), mine.flops(gelu)) == (7 + 2 * 7, 10 * 7 + 2 * 7, 0)
    assert mine.flops(facts_of("gelu", (7,), written="functional")) == 7 + 2 * 7
    assert mine.flops(facts_of("maxpool", (1, 4, 4), kernel=2)) == 0
    assert mine.sees(facts_of("maxpool", (1, 4, 4), kernel=2))
    assert not mine.sees(facts_of("add", (7,), (7,)))
    assert (mine.params(conv), mine.params(linear)) == (10, 10)
    assert mine.params(facts_of("layernorm", (3, 8))) == 0
    assert mine.params(facts_of("batchnorm", (8,))) == 8 + 8 + 8
    assert [mine.stores(make(kind)) for kind in ("conv", "batchnorm", "flatten", "relu")] == [True, False, False, True]
    (bug,) = mine.bugs
    assert mine.fault(bug, linear, 4) == 4 * (5 - 3) * 10
    assert mine.fault(bug, conv) == 0


def test_one_that_extends_another(tmp_path: Path):
    text = (
        "name: mine\nsays: s\nunit: MACs\nsource: me\nextends: calflops\nkinds: {matmul: {product_multiply_adds: 7}}\n"
    )
    mine, base = own(tmp_path, text), conventions.load("calflops")
    assert mine.flops(facts_of("conv", (5, 3, 3), out=2, kernel=1)) == base.flops(
        facts_of("conv", (5, 3, 3), out=2, kernel=1)
    )
    for form in KINDS["matmul"].forms:
        product = facts_of("matmul", (2, 3), (3, 4), written=form)
        assert mine.flops(product) == 7 * 2 * 3 * 4
    assert mine.params_rule.left_out == base.params_rule.left_out
    assert mine.memory.kilobyte == 1024


UNITS = "a unit is MACs or FLOPs or activations or connections"
LIST = "write [ … ] or lines that begin with '- '"
WEIGHT = "the weight of multiply_adds is a whole number from 0 to 999,999, not"
MAPPING = "is a mapping of names to values, not"
PASSES = "training is a whole number of forward passes from 1 to 9, not"


def test_all_that_a_file_may_say(tmp_path: Path):
    mine = own(tmp_path, MINE)
    assert (mine.name, mine.says, mine.unit, mine.source) == ("mine", "something", "FLOPs", "me")
    assert (mine.aliases, mine.version, mine.called, mine.depends) == ((), "", "FLOPs", ())
    assert (mine.params_rule.says, mine.bugs[0].says) == ("odd ones", "takes a linear layer for more than it is")
    assert (mine.memory.unit, mine.memory.kilobyte, mine.memory.shows_input) == ("elements", 1000, False)
    more = own(
        tmp_path,
        "name: more\nsays: s\nunit: MACs\nsource: me\naliases: [most, least]\nversion: v7\ncalled: MAdds\n"
        "depends: [on this, and that]\nweights: {multiply_adds: 999999}\nmemory: {input: true, kilobyte: 1024}\n",
        "more.yml",
    )
    assert (more.aliases, more.version, more.called) == (("most", "least"), "v7", "MAdds")
    assert more.depends == ("on this", "and that")
    assert more.flops(facts_of("linear", (1,), out=1)) == more.multiply_add == 999_999
    assert (more.memory.unit, more.memory.kilobyte, more.memory.shows_input) == ("bytes", 1024, True)
    assert more.params(facts_of("batchnorm", (8,))) == 16
    assert more.stores(make("relu"))
    assert (more.bugs, more.params_rule.says) == ((), "")
    least = own(
        tmp_path, "name: least\nsays: s\nunit: MACs\nsource: me\nweights: {}\nmemory: {unit: bytes}\n", "3.yaml"
    )
    assert (least.memory.kilobyte, least.memory.shows_input, least.multiply_add) == (1024, False, 0)


def test_what_is_extended_is_inherited_and_stays_as_it_is(tmp_path: Path):
    text = "name: other\nsays: s\nunit: MACs\nsource: me\nextends: cs231n\nmemory: {kilobyte: 1024}\n"
    mine, base = own(tmp_path, text), conventions.load("cs231n")
    conv = facts_of("conv", (5, 3, 3), out=2, kernel=1)
    assert (mine.flops(conv), mine.params(conv)) == (base.flops(conv), base.params(conv)) == (90, 10)
    assert (mine.memory.unit, mine.memory.kilobyte, base.memory.kilobyte) == ("elements", 1024, 1000)
    assert mine.memory.shows_input
    assert not mine.stores(make("relu"))
    assert mine.training == base.training == 3
    assert [own(tmp_path, f"{text}training: {n}\n", f"{n}.yaml").training for n in (1, 9)] == [1, 9]
    slow = own(tmp_path, f"{text}training: 2\n", "slow.yaml")
    inheriting = parse(text, "other.yaml", lambda name: slow, lambda: ["cs231n"], complete=True)
    assert (inheriting.training, inheriting.flops(conv)) == (2, 90)
    own_weights = own(tmp_path, text + "weights: {bias_additions: 1}\nparams: {leave_out: [weight]}\n", "2.yaml")
    assert (own_weights.flops(conv), own_weights.params(conv)) == (18, 2)


BAD = [
    ("wieghts: {}", 1, "unknown-key", "a convention has no key 'wieghts'", "did you mean 'weights'?"),
    ("weights: {multiply_add: 1}", 11, "unknown-key", "a rule has no key 'multiply_add'", "'multiply_adds'"),
    ("weights: {multiply_adds: one}", 26, "type", f"{WEIGHT} 'one'", ""),
    ("weights: {multiply_adds: -1}", 26, "type", f"{WEIGHT} '-1'", ""),
    ("weights: {multiply_adds: 0.5}", 26, "type", f"{WEIGHT} '0.5'", ""),
    ("weights: {multiply_adds: ²}", 26, "type", f"{WEIGHT} '²'", ""),
    ("weights: {multiply_adds: [1]}", 26, "type", f"{WEIGHT} a list", ""),
    ("weights: {multiply_adds: 1000000}", 26, "type", f"{WEIGHT} '1000000'", ""),
    ("weights: []", 10, "type", f"the weights of 'weights' {MAPPING} an empty list", "multiply_adds: 1"),
    ("weights: {once: 3}", 17, "type", f"once {MAPPING} '3'", ""),
    ("weights: {once: {adds: 3}}", 18, "unknown-key", "a rule has no key 'adds'", "'additions'"),
    ("kinds: {convolution: {}}", 9, "unknown", "there is no layer kind 'convolution'", "'conv/functional'"),
    ("kinds: {relu/function: {}}", 9, "unknown", "there is no layer kind 'relu/function'", "'relu/functional'"),
    ("kinds: {conv: {macs: 1}}", 16, "unknown-key", "a rule has no key 'macs'", "it has: additions"),
    (
        "kinds: {attention: {projected_elements: 1}}",
        21,
        "unknown-key",
        "a rule has no key 'projected_elements'",
        "its projections are linear layers; write linear: {output_elements: 1}",
    ),
    (
        "params: {parts: {attention/mha: [out_parameters]}}",
        10,
        "unknown-key",
        "params has no key 'parts'",
        "parameters are lost operator by operator; write lose: [linear/functional]",
    ),
    ("kinds: {conv: 3}", 15, "type", f"the weights of 'conv' {MAPPING} '3'", "multiply_adds: 1"),
    ("kinds: []", 8, "type", f"kinds {MAPPING} an empty list", ""),
    ('kinds: {"conv, conv": {multiply_adds: 1}}', 9, "duplicate", "'conv' stands here twice", ""),
    ("zero: {families: [pools]}", 19, "unknown", "there is no family 'pools'", "did you mean 'pool'?"),
    ("zero: {families: [a]}", 19, "unknown", "there is no family 'a'", "there are: activation, attention, conv"),
    ("zero: {kinds: [relu/function]}", 16, "unknown", "there is no layer kind 'relu/function'", "'relu/functional'"),
    ("zero: {kinds: pool}", 15, "type", "kinds is a list, not 'pool'", LIST),
    ("zero: {kinds: [[a]]}", 16, "type", "an item of kinds is a text, not a list", ""),
    ("zero: []", 7, "type", f"zero {MAPPING} an empty list", "zero: {kinds: [relu]}"),
    ("unseen: {kind: [relu]}", 10, "unknown-key", "unseen has no key 'kind'", "did you mean 'kinds'?"),
    ("unseen: 3", 9, "type", f"unseen {MAPPING} '3'", "unseen: {kinds: [relu]}"),
    ("params: {leave_out: [biases]}", 22, "unknown", "there is no role 'biases'", "did you mean 'bias'?"),
    ("params: {leave: [bias]}", 10, "unknown-key", "params has no key 'leave'", "did you mean 'leave_out'?"),
    ("params: {leave_out: bias}", 21, "type", "leave_out is a list, not 'bias'", LIST),
    ("params: {lose: [layernor]}", 17, "unknown", "there is no layer kind 'layernor'", "'layernorm'"),
    (
        "params: {buffers: [mean]}",
        20,
        "unknown",
        "there is no buffer 'mean'",
        "there are: angles",
    ),
    ("params: {says: []}", 16, "type", "says is a text, not an empty list", ""),
    ("params: []", 9, "type", f"params {MAPPING} an empty list", "params: {leave_out: [bias]}"),
    ("memory: {unit: byte}", 16, "value", "the unit of memory is bytes or elements, not 'byte'", ""),
    ("memory: {kilobyte: 1023}", 20, "value", "a kilobyte is 1000 or 1024, not '1023'", ""),
    ("memory: {input: 1}", 17, "value", "the input is yes or no, not '1'", ""),
    ("memory: {inputs: true}", 10, "unknown-key", "memory has no key 'inputs'", "did you mean 'input'?"),
    ("memory: {leave_out: {kinds: [flaten]}}", 30, "unknown", "there is no layer kind 'flaten'", "'flatten'"),
    ("memory: {leave_out: {families: [norms]}}", 33, "unknown", "there is no family 'norms'", "'norm'"),
    ("memory: {leave_out: {kind: [a]}}", 22, "unknown-key", "leave_out has no key 'kind'", "did you mean 'kinds'?"),
    ("memory: {leave_out: [a]}", 21, "type", f"leave_out {MAPPING} a list", ""),
    ("memory: []", 9, "type", f"memory {MAPPING} an empty list", "memory: {unit: bytes}"),
    ("unit: GFLOPS", 7, "value", f"{UNITS}, not 'GFLOPS'", ""),
    ("unit: []", 7, "value", f"{UNITS}, not an empty list", ""),
    ("extends: fvcor", 10, "unknown", "there is no convention 'fvcor'", "did you mean 'fvcore'"),
    ("extends: ./other.yaml", 10, "unknown", "there is no convention './other.yaml'", "there are: _torch, calflops,"),
    ("extends: [a]", 10, "type", "extends is a text, not a list", ""),
    ("bugs: [{says: it is wrong}]", 8, "missing", "a bug needs 'instead'", "{says: …, instead: {…}}"),
    ("bugs: [{instead: {conv: {}}}]", 8, "missing", "a bug needs 'says'", "{says: …, instead: {…}}"),
    ("bugs: [{says: a, instead: {}, in: {}}]", 31, "unknown-key", "a bug has no key 'in'", "it has: instead, says"),
    ("bugs: [{says: a, instead: 3}]", 27, "type", f"instead {MAPPING} '3'", ""),
    ("bugs: [3]", 8, "type", f"a bug {MAPPING} '3'", "{says: …, instead: {…}}"),
    ("bugs: 3", 7, "type", "bugs is a list, not '3'", LIST),
    ("training: 0", 11, "type", f"{PASSES} '0'", ""),
    ("training: 10", 11, "type", f"{PASSES} '10'", ""),
    ("training: three", 11, "type", f"{PASSES} 'three'", ""),
    ("training: ²", 11, "type", f"{PASSES} '²'", ""),
    ("training: []", 11, "type", f"{PASSES} an empty list", ""),
    ("aliases: a", 10, "type", "aliases is a list, not 'a'", LIST),
    ("aliases: [[a]]", 11, "type", "an item of aliases is a text, not a list", ""),
    ("depends: a", 10, "type", "depends is a list, not 'a'", LIST),
    ("name: [a]", 7, "type", "name is a text, not a list", ""),
    ("version: []", 10, "type", "version is a text, not an empty list", ""),
    ("says: []", 7, "type", "says is a text, not an empty list", ""),
    ("called: {}", 9, "type", "called is a text, not an empty mapping", ""),
    ("source: []", 9, "type", "source is a text, not an empty list", ""),
]


@pytest.mark.parametrize(("line", "column", "code", "message", "hint"), BAD, ids=lambda value: str(value)[:40])
def test_a_wrong_file_says_where(tmp_path: Path, line: str, column: int, code: str, message: str, hint: str):
    key = line[: line.index(":") + 1]
    lines = [*MINE.split("bugs:")[0].splitlines()]
    kept = [other for other in lines if not other.startswith(key)] if key != "kinds:" else lines[:5] + lines[8:]
    with pytest.raises(VcalcError) as refused:
        own(tmp_path, "\n".join([*kept, line]) + "\n")
    problem = refused.value.problems[0]
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (len(kept) + 1, column)
    assert (problem.code, problem.message) == (code, message)
    assert hint in problem.hint
    assert hint == problem.hint or hint.startswith(("'", "did you", "there are", "it has"))


def test_every_problem_of_a_file_is_told(tmp_path: Path):
    text = "name: mine\nsays: s\nunit: G\nweights: {adds: 1}\nbugs: [3]\n"
    with pytest.raises(VcalcError) as refused:
        own(tmp_path, text)
    assert [(problem.code, problem.message) for problem in refused.value.problems] == [
        ("missing", "a convention needs 'source'"),
        ("value", "a unit is MACs or FLOPs or activations or connections, not 'G'"),
        ("unknown-key", "a rule has no key 'adds'"),
        ("type", f"a bug {MAPPING} '3'"),
    ]


def test_a_file_that_is_no_mapping_says_what_one_has(tmp_path: Path):
    with pytest.raises(VcalcError) as refused:
        own(tmp_path, "- name: mine\n")
    assert refused.value.problems[0].message == "a convention is a mapping of names to values, not a list"
    hint = "a convention has at least: name, says, unit, source, and weights or kinds"
    assert refused.value.problems[0].hint == hint
    with pytest.raises(VcalcError) as refused:
        own(tmp_path, "")
    assert refused.value.problems[0].hint == hint


@pytest.mark.parametrize("key", ["name", "says", "unit", "source"])
def test_missing_data_is_refused(tmp_path: Path, key: str):
    lines = [line for line in MINE.splitlines() if not line.startswith(f"{key}:")]
    with pytest.raises(VcalcError, match=f"a convention needs '{key}'"):
        own(tmp_path, "\n".join(lines))


def test_nothing_said_of_a_kind_is_an_error(tmp_path: Path):
    """Not a zero: a convention without weights for all other kinds names each of them that computes something."""
    text = "name: mine\nsays: s\nunit: MACs\nsource: me\nkinds: {conv: {multiply_adds: 1}, gelu/module: {}}\n"
    with pytest.raises(VcalcError, match=r"mine.yaml:1:1: nothing is said of adaptive_avgpool, .*linear") as refused:
        own(tmp_path, text)
    (problem,) = refused.value.problems
    composed = {name for name, kind in KINDS.items() if kind.composed is True}
    silent = sorted(name for name, kind in KINDS.items() if name not in ("conv", *composed) and not kind.moves)
    assert problem.message == f"nothing is said of {', '.join(silent)}"
    assert problem.code == "missing"
    assert problem.hint == "name them under kinds, zero or unseen, or give the weights of all others under weights"


def test_a_kind_that_only_moves_elements_needs_no_line_in_a_convention(monkeypatch: pytest.MonkeyPatch):
    """It counts nothing anywhere, unless a convention weighs it; its memory is none where it is a view."""

    class Turned(Layer):
        kind, family, moves, reuses_input = "turned", "shape", True, True

    monkeypatch.setitem(KINDS, "turned", Turned)
    facts = Facts(Turned(), ((3, 4, 5),))
    for name in conventions.names():
        convention = conventions.load(name)
        assert convention.flops(facts) == convention.params(facts) == 0, name
    assert not conventions.load("lecture").stores(facts.layer)
    assert not conventions.load("fvcore").stores(facts.layer)
    assert conventions.load("convnet-burden").stores(facts.layer)


def test_a_kind_of_several_operators_needs_no_line_in_a_convention(monkeypatch: pytest.MonkeyPatch):
    """Its matrix is a linear module to every tool, its product one of `@`; what it makes of parameters counts once."""

    class Mixed(Layer):
        kind, family, composed = "mixed", "attention", True

        def run(self, ops: Any, x: Any) -> Any:
            table = ops.linear(ops.own((1, 7, 2)), ops.parameter(x.shape[2], 2))
            tokens = ops.linear(x, ops.parameter(x.shape[2], x.shape[2]), ops.parameter(x.shape[2], role="bias"))
            return ops.add(tokens, ops.matmul(ops.matmul(tokens, ops.permute(table, (0, 2, 1))), table))

    monkeypatch.setitem(KINDS, "mixed", Mixed)
    facts = Facts(Mixed(), ((5, 3),))
    matrix, made, products = 5 * 3 * 3, 7 * 2 * 3, 2 * 5 * 3 * 7
    assert (facts.parameters, facts.buffers) == ({"weight": 2 * 3 + 3 * 3, "bias": 3}, {})
    counted = {
        "macs": (10 * (matrix + products) + made, 18),
        "flops": (20 * (matrix + products) + 2 * made, 18),
        "thop": (10 * matrix + made, 18),
        "torchinfo": (10 * (matrix + 5 * 3) + made, 18),
        "torchinfo-1.8": (10 * 12 + 6, 18),
        "mmcv": (matrix + made, 18),
        "calflops": (20 * matrix + 2 * made, 18),
        "deepspeed": (20 * (matrix + products) + 2 * made, 18),
        "ptflops-aten": (10 * (matrix + 5 * 3 + products) + made, 18),
        "fvcore-activations": (10 * (5 * 3 + 5 * 7 + 5 * 3) + 7 * 3, 18),
    }
    found = {name: (conventions.load(name).flops(facts, 10), conventions.load(name).params(facts)) for name in counted}
    assert found == counted


# Tokens [5, 4] of two heads; a map [4, 5, 7] in 3 x 3 windows of 2 x 3 tokens, padded to 6 x 9, 3 x 5 positions
TOKENS, WINDOWS = 5, 9 * 6
MLP = 15 * 8 * (2 + 2)
SEEN_OF_A_WHOLE: list[tuple[str, dict[str, Any], str, int]] = [
    ("attention", {"written": "sdpa"}, "thop", TOKENS * 4 * 16),
    ("attention", {"written": "functional_qkv"}, "thop", TOKENS * 16),
    ("attention", {"written": "mha"}, "thop", 0),
    ("attention", {"written": "functional_qkv", "qkv_bias": "qv"}, "torchinfo", TOKENS * (16 + 4)),
    ("attention", {"written": "operator"}, "torchinfo-1.8", 4 * 16 + 4 * 4),
    ("attention", {"written": "sdpa"}, "fvcore-activations", TOKENS * 4 * 4),
    ("attention", {"written": "matmul"}, "fvcore-activations", TOKENS * 4 * 4 + 2 * TOKENS * TOKENS + TOKENS * 4),
    ("attention", {"written": "mha"}, "ptflops", TOKENS * (4 * 16 + 3 * 4 + 4 + 4) + 2 * 25 * 4 + 2 * 25),
    ("attention", {"written": "matmul"}, "ptflops", TOKENS * (4 * 16 + 4 * 4) + 2 * 25 * 4 + 2 * 25),
    ("window_attention", {"written": "sdpa"}, "torchinfo-1.8", 9 * (4 * 16 + 4 * 4)),
    ("window_attention", {"written": "functional_qkv"}, "torchinfo-1.8", 9 * (16 + 4)),
    ("window_attention", {"written": "functional"}, "mmcv", 0),
    ("window_attention", {"written": "functional", "position_mlp": 8}, "mmcv", MLP + 15 * 8),
    ("window_attention", {"written": "sdpa", "position_mlp": 8}, "fvcore", WINDOWS * 4 * 16 + MLP),
    ("window_attention", {"written": "functional_cosine", "cosine": True}, "calflops-macs", WINDOWS * (4 * 16 + 6 * 4)),
    ("window_attention", {"written": "modules"}, "thop", WINDOWS * 4 * 16 + WINDOWS * 2 * (6 + 5 + 6)),
    ("window_attention", {}, "swin", 5 * 7 * 4 * 16 + 2 * 5 * 7 * 4 * 2 * 3),
    ("window_attention", {"position_mlp": 8}, "pycls", WINDOWS * (4 * 16 + 4 * 4 + 2 * 6 * 4) + MLP + 15 * 8),
    # Looked up by products: 3 for each of 4 pairs of rows and 5 columns, 5 for each of 36 pairs of places, of two heads
    ("window_attention", {"one_hot_lookup": True}, "torch", 2 * (WINDOWS * (64 + 48) + 2 * (20 * 3 + 36 * 5))),
    ("window_attention", {"one_hot_lookup": True}, "mmcv-attention", WINDOWS * (64 + 48)),
    ("window_attention", {"one_hot_lookup": True}, "fvcore-fused", WINDOWS * 64 + 2 * (20 * 3 + 36 * 5)),
]


@pytest.mark.parametrize(("kind", "fields", "convention", "flops"), SEEN_OF_A_WHOLE, ids=str)
def test_what_tools_see_of_a_whole(kind: str, fields: dict[str, Any], convention: str, flops: int):
    arrives, more = ((5, 4), {}) if kind == "attention" else ((4, 5, 7), {"window": [2, 3]})
    assert conventions.load(convention).flops(facts_of(kind, arrives, heads=2, **more, **fields)) == flops


@pytest.mark.parametrize(
    ("kind", "fields", "arrives"),
    [
        ("attention", {"heads": 2}, (5, 4)),
        ("window_attention", {"heads": 2, "window": [2, 3], "position_mlp": 8}, (4, 5, 7)),
        ("pool_heads", {"height": 3, "stride": 2, "skip": 1}, (2, 13, 4)),
        ("pointwise_linear", {"out": 6}, (4, 5, 7)),
        ("pointwise_linear", {"out": 6, "written": "conv"}, (4, 5, 7)),
    ],
    ids=str,
)
def test_a_formula_for_an_operator_holds_wherever_it_is_called(
    tmp_path: Path, kind: str, fields: dict[str, Any], arrives: tuple[int, ...]
):
    mine = own(
        tmp_path,
        "name: mine\nsays: s\nunit: MACs\nsource: me\nextends: thop\nkinds:\n"
        "  linear: {bias_additions: N * out if bias else 0, multiply_adds: N * D * D_out}\n"
        "  conv: {multiply_adds: 1, bias_additions: out * H_out * W_out}\n",
    )
    plain = own(
        tmp_path,
        "name: plain\nsays: s\nunit: MACs\nsource: me\nextends: thop\nkinds:\n"
        "  linear, conv: {bias_additions: 1, multiply_adds: 1}\n",
        "plain.yaml",
    )
    facts = facts_of(kind, arrives, **fields)
    assert mine.flops(facts, 7) == plain.flops(facts, 7) > 0


def test_a_matrix_whose_bias_is_put_together_is_called_as_the_layer_is(tmp_path: Path):
    """It has the rule of its own form, or that of all other kinds; not that of modules."""
    head = "name: mine\nsays: s\nunit: MACs\nsource: me\nweights: {multiply_adds: 3}\n"
    mine = own(tmp_path, f"{head}kinds: {{linear/module: {{multiply_adds: 1}}}}\nparams: {{lose: [linear/module]}}\n")
    for form, weight, params in (("module", 1, 0), ("subclass", 3, 4 * 12 + 8), ("functional", 3, 4 * 12 + 8)):
        facts = facts_of("linear", (5, 4), out=12, bias="qv", written=form)
        assert (mine.flops(facts), mine.params(facts)) == (weight * 5 * 4 * 12, params)


def test_parameters_are_lost_call_by_call():
    layer = {"heads": 2, "window": 2, "position_mlp": 8}
    thop = conventions.load("thop")
    table = 2 * 8 + 8 + 8 * 2
    for form, params in (("sdpa", 4 * 16 + 16), ("functional_qkv", 16 + 4), ("functional", 0)):
        assert thop.params(facts_of("window_attention", (4, 6, 6), written=form, **layer)) == params + table
    assert thop.params(facts_of("attention", (5, 4), heads=2)) == 0
    assert thop.params(facts_of("attention", (5, 4), heads=2, written="operator")) == 4 * 16 + 16


def test_a_convention_may_weigh_what_moves_elements(tmp_path: Path):
    head = "name: mine\nsays: s\nunit: MACs\nsource: me\nweights: {multiply_adds: 1}\n"
    flatten = Facts(KINDS["flatten"](), ((3, 4, 5),))
    assert own(tmp_path, f"{head}kinds: {{flatten: {{output_elements: 2}}}}\n").flops(flatten) == 2 * 3 * 4 * 5
    assert own(tmp_path, head, "all.yaml").stores(flatten.layer)
    assert not own(tmp_path, f"{head}memory: {{leave_out: {{views: true}}}}\n", "less.yaml").stores(flatten.layer)
    with pytest.raises(VcalcError, match="views is yes or no, not 'some'"):
        own(tmp_path, f"{head}memory: {{leave_out: {{views: some}}}}\n", "wrong.yaml")


def test_no_name_excuses_a_file_from_saying_something_of_every_kind(tmp_path: Path):
    """Only vcalc's own file to extend may be silent; once a name beginning with _ was enough, and tables broke."""
    text = "name: _mine\nsays: s\nunit: MACs\nsource: me\nkinds: {conv: {multiply_adds: 1}}\n"
    with pytest.raises(VcalcError, match="nothing is said of"):
        own(tmp_path, text)


@pytest.mark.parametrize("name", ["./nowhere.yaml", "nowhere.yaml", "nowhere.yml", "no/where"])
def test_a_file_that_is_none(name: str):
    with pytest.raises(VcalcError, match=f"{name} cannot be read: no such file"):
        conventions.find(name)


@pytest.mark.parametrize("name", ["no/where", "no\\where"])
def test_a_file_is_named_with_the_separator_of_the_system_or_a_slash(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.sep", "\\")
    with pytest.raises(VcalcError) as refused:
        conventions.find(name)
    assert refused.value.problems[0].code == "file"


@pytest.mark.parametrize("name", ["MACs", "Fvcore", "FVCORE", "mmEngine"])
def test_a_conventions_name_is_known_in_any_case(name: str):
    assert conventions.find(name) is conventions.find(name.lower())


def test_a_convention_like_no_other_is_told_where_they_are():
    with pytest.raises(VcalcError) as refused:
        conventions.find("keras")
    assert "vcalc conventions" in refused.value.problems[0].hint


def test_a_convention_by_name_alias_or_from_the_standard_input(monkeypatch: pytest.MonkeyPatch):
    assert conventions.find("macs") is conventions.load("macs")
    assert conventions.find("mmengine") is conventions.load("fvcore")
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(MINE.encode())))
    conventions._from_file.cache_clear()
    assert conventions.find("-").name == "mine"
    conventions._from_file.cache_clear()


def test_what_counts_for_a_layer(tmp_path: Path):
    mine = own(tmp_path, MINE.replace("instead: {", "instead: {gelu/functional: {output_elements: 5}, "))
    relu, gelu = facts_of("relu", (7,)), facts_of("gelu", (7,), written="functional")
    parts = [("output_elements", 1, 7), ("input_elements", 2, 14)]
    assert list(mine.parts(relu)) == parts
    assert list(mine.parts(relu, 3)) == [("output_elements", 1, 21), parts[1]]
    (bug,) = mine.bugs
    assert (mine.fault(bug, facts_of("linear", (5,), out=2)), mine.fault(bug, relu)) == (20, 0)
    assert mine.fault(bug, gelu) == 7 + 2 * 7 - 5 * 7
    assert mine.fault(bug, facts_of("gelu", (7,))) == 0
    rule = mine.rule_of("gelu", "")
    assert rule is not None
    assert rule.weights == {"multiply_adds": 3, "bias_additions": 1}
    assert mine.counted_params(facts_of("batchnorm", (8,))) == {"scale": 8, "shift": 8, "running_mean": 8}


def test_whether_it_matters_how_layers_are_called(tmp_path: Path):
    assert own(tmp_path, MINE).sees_writing
    assert not own(tmp_path, MINE.replace("gelu/functional", "gelu"), "2.yaml").sees_writing
    lost = MINE.replace("gelu/functional", "gelu").replace("[layernorm]", "[layernorm/functional]")
    losing = own(tmp_path, lost, "3.yaml")
    assert losing.sees_writing
    assert losing.params(facts_of("layernorm", (3, 8))) == 16
    assert losing.params(facts_of("layernorm", (3, 8), written="functional")) == 0


def test_a_special_form_has_the_rule_of_the_one_it_is_a_case_of(tmp_path: Path):
    """A norm called as the last before the head is one called as a module, unless a rule says otherwise."""
    of_modules = MINE.replace("  linear:", "  layernorm/module: {output_elements: 9}\n  linear:")
    last, first = (facts_of("layernorm", (3, 8), written=form) for form in ("final", "module"))
    mine = own(tmp_path, of_modules)
    assert mine.flops(last) == mine.flops(first) == 9 * 24
    assert mine.flops(facts_of("layernorm", (3, 8), written="subclass")) == 0
    of_both = own(tmp_path, of_modules.replace("  linear:", "  layernorm/final: {}\n  linear:"), "2.yaml")
    assert (of_both.flops(last), of_both.flops(first)) == (0, 9 * 24)


# Counts that are one tool's own, as formulas

TURNED: list[tuple[dict[str, Any], tuple[int, ...], dict[str, int]]] = [
    # U-Net's first up-convolution, to 56x56. A convolution of its kernel would have led 28 to 14.
    ({"out": 512, "kernel": 2, "stride": 2}, (1024, 28, 28), {
        "thop": 4*1024*512 * 56*56,
        "torchinfo": 4*1024*512 * 56*56 + 512 * 56*56,
        "convnet-burden": 4*1024*1024 * 28*28 + 512 * 56*56,
        "calflops": 2 * 4*1024*512 * 28*28 + 512 * 14*14,
        "deepspeed": 2 * 4*1024*512 * 28*28 + 512 * 14*14,
        "mmcv": 4*1024*512 * 28*28 + 512 * 56*56,
    }),
    # Mask R-CNN's on 100 masks of 14x14, one below the other: each is 28 rows of its own.
    ({"out": 256, "kernel": 2, "stride": 2, "stack": 100}, (256, 1400, 14), {
        "thop": 4*256*256 * 2800*28,
        "convnet-burden": 4*256*256 * 1400*14 + 256 * 2800*28,
        "calflops": 2 * 4*256*256 * 1400*14 + 100 * 256 * 7*7,
        "mmcv": 4*256*256 * 1400*14 + 100 * 256 * 28*28,
    }),
    # Two groups, sides that differ: 4*2 + 5 + 1 - 2 = 12, 5*3 + 2 + 2 = 19; a convolution would lead 5, 6 to 2, 2.
    ({"out": 6, "kernel": [3, 2], "stride": [2, 3], "pad": [1, 0], "output_pad": [1, 2], "dilation": [2, 1],
      "groups": 2}, (4, 5, 6), {
        "thop": 3*2*4*3 * 12*19,
        "torchinfo": 3*2*4*3 * 12*19 + 6 * 12*19,
        "convnet-burden": 3*2*4*4 * 5*6 + 6 * 12*19,
        "calflops": 2 * 3*2*4*(3//2) * 5*6 + 3 * 2*2,
        "calflops-macs": 3*2*4*(3//2) * 5*6,
        "deepspeed": 2 * 3*2*4*3 * 5*6 + 3 * 2*2,
        "mmcv": 3*2*4*3 * 5*6 + 6 * 12*12,
    }),
    # DCGAN's second, without a bias.
    ({"out": 512, "kernel": 4, "stride": 2, "pad": 1, "bias": False}, (1024, 4, 4), {
        "thop": 16*1024*512 * 8*8,
        "convnet-burden": 16*1024*1024 * 4*4,
        "calflops": 2 * 16*1024*512 * 4*4,
        "mmcv": 16*1024*512 * 4*4,
    }),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "shape", "expected"), TURNED, ids=str)
def test_tools_count_transposed_convolutions_by_formulas_of_their_own(
    fields: dict[str, Any], shape: tuple[int, ...], expected: dict[str, int]
):
    found = Facts(KINDS["conv_transpose"](**fields), (shape,))
    assert {name: conventions.load(name).flops(found) for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "fields", "shape", "expected"),
    [
        # By a factor at the size that arrives, or that leaves; to a size one channel, whatever the batch
        ("upsample", {"scale": 3}, (8, 4, 4), {"calflops": 3 * 8*4*4, "deepspeed": 3 * 8*12*12}),
        ("upsample", {"out": [32, 16]}, (8, 4, 4), {"calflops": 32*16, "deepspeed": 32*16}),
        ("local_response_norm", {}, (96, 55, 55), {"convnet-burden": 3 * 96*55*55 + 2 * 55*55}),
        ("maxpool", {"kernel": 3, "stride": 2, "pad": 1}, (64, 112, 112), {"convnet-burden": 2 * 4*64*56*56}),
        # A class token and 14 x 14 tokens of two heads, each pooled to 7 x 7
        ("pool_heads", {"height": 14, "stride": 2, "skip": 1}, (2, 197, 96), {"fvcore-activations": 2*49*96}),
    ],
)  # fmt: skip
def test_formulas_of_other_kinds(kind: str, fields: dict[str, Any], shape: tuple[int, ...], expected: dict[str, int]):
    found = Facts(KINDS[kind](**fields), (shape,))
    batch = 3 if kind == "upsample" else 1
    assert {name: conventions.load(name).flops(found, batch) for name in expected} == expected


def test_a_formula_of_symbols_bound_is_the_number():
    n = symbols.symbol("n")
    of = {size: Facts(KINDS["conv_transpose"](out=4, kernel=3, stride=2), ((3, size, 9),)) for size in (n, 7)}
    for name in ("thop", "calflops", "deepspeed", "mmcv", "convnet-burden"):
        convention = conventions.load(name)
        assert symbols.evaluate(convention.flops(of[n]), {"n": 7}) == convention.flops(of[7])


OWN = """name: mine
says: mine
unit: MACs
source: mine
weights: {multiply_adds: 1}
kinds:
  conv: {multiply_adds: WEIGHT}
"""


def test_a_formula_in_a_file_of_ones_own(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    formula = "kernel_h * kernel_w * C * C_out + (5 if bias else 0)"
    file.write_text(OWN.replace("WEIGHT", formula))
    convention = conventions.find(str(file))
    assert convention.flops(Facts(KINDS["conv"](out=4, kernel=3), ((2, 9, 9),))) == 9 * 2 * 4 + 5
    assert list(convention.formulas) == [
        ("conv", "multiply_adds", "kernel_h * kernel_w * C * C_out + (5 if bias else 0)")
    ]


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        ("kernel * 2", "multiply_adds: a formula for conv has no 'kernel'"),
        ("kernel_h +", "multiply_adds is a weight from 0 to 999,999, or a formula"),
        ("__import__('os')", "multiply_adds is a weight from 0 to 999,999, or a formula"),
        ("heads * 2", "multiply_adds: a formula for conv has no 'heads'"),
        ("1.5", "the weight of multiply_adds is a whole number"),
        ("-1", "the weight of multiply_adds is a whole number"),
    ],
)
def test_formulas_that_are_refused(weight: str, says: str, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(OWN.replace("WEIGHT", weight))
    with pytest.raises(VcalcError) as refused:
        conventions.find(str(file))
    problem = refused.value.problems[0]
    assert says in problem.message
    assert problem.place.line == 7


def test_a_formula_without_a_value_is_one_message(vcalc: Any, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(OWN.replace("WEIGHT", "C // (kernel_h - 3)"))
    said = vcalc("table", "vgg16", "--convention", str(file), code=2).stderr
    assert "a convention's formula for conv fails: 'C // (kernel_h - 3)' divides by zero" in said


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        ("'\"many\"'", "gives 'many'"),
        ("'[C, H]'", "gives [3, 224]"),
        ("C > 2", "gives true"),
        ("0 - C", "gives -3"),
        ("C / 2", "gives 1.5"),
        ("C / 7", "gives 3/7"),
        ("1 / 0", "divides by zero"),
        ("N * D", "is not defined here"),
        ("10**400", "more than 128 bits"),
    ],
)
def test_a_formula_that_counts_nothing_is_refused_where_it_stands(weight: str, says: str, vcalc: Any, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(OWN.replace("WEIGHT", weight))
    said = vcalc("table", "vgg16", "--convention", str(file), code=2).stderr
    assert says in said
    assert f"{file}:7:25: a convention's formula for conv fails" in said


def test_a_formula_of_many_sizes_gives_counts_for_all(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(OWN.replace("WEIGHT", "H - 230"))
    sizes = numpy.array([256, 224])
    bound = expand(*find_model("vgg16"), {"H": sizes, "W": sizes})
    with pytest.raises(VcalcError, match=r"7:25: a convention's formula for conv fails: 'H - 230' gives \[26, -6\]"):
        conventions.find(str(file)).flops(bound.graph.nodes[0].facts)


def test_a_convention_shows_its_formulas(vcalc: Any):
    text = " ".join(vcalc("conventions", "thop").stdout.split())
    assert "kernel_t * kernel_h * kernel_w * (C_out // groups) * C * (T_out * H_out * W_out)" in text
    record = json.loads(vcalc("conventions", "thop", "--format", "json").stdout)
    assert record["formulas"] == [
        {
            "kind": "conv_transpose",
            "primitive": "multiply_adds",
            "formula": "kernel_t * kernel_h * kernel_w * (C_out // groups) * C * (T_out * H_out * W_out)",
        },
        {
            "kind": "lstm/module",
            "primitive": "multiply_adds",
            "formula": "N * (2 if bidirectional else 1) * 4 * hidden * (D + hidden + (layers - 1) * (3 if bidirectional"
            " else 2) * hidden)",
        },
    ]


SMALL_TRANSPOSED = "{title: t, input: {C: 1, H: 1, W: 6}, layers: [conv_transpose: {out: 10, kernel: [5, 2]}]}"


@pytest.mark.parametrize("models", [1, 2])
def test_a_tool_without_a_count_does_not_keep_the_others_from_being_shown(vcalc: Any, tmp_path: Path, models: int):
    """calflops and DeepSpeed take the kernel for one that does not fit: 10 * (1 - 5 + 1) * (6 - 2 + 1) = -150."""
    files = [tmp_path / f"net{i}.yaml" for i in range(models)]
    for file in files:
        file.write_text(SMALL_TRANSPOSED, encoding="utf-8")
    text = vcalc("conventions", *map(str, files)).stdout
    assert "gives -150, and a count is a whole number of 0 or more" in text
    record = json.loads(vcalc("conventions", *map(str, files), "--format", "json").stdout)
    for each in record["models"] if models > 1 else [record]:
        flops = {side["convention"]: side["flops"] for side in each["conventions"]}
        assert flops["macs"] == 1 * 10 * (5 * 2) * (1 * 6)
        assert [name for name, count in flops.items() if count is None] == ["calflops", "deepspeed"]
        (side,) = (side for side in each["conventions"] if side["convention"] == "calflops")
        assert (side["params"], "gives -150" in side["error"]) == (1 * 10 * 10 + 10, True)
    assert vcalc("conventions", *map(str, files), "--format", "csv").stdout


def test_a_convention_of_ones_own_without_a_count_is_an_error(vcalc: Any, tmp_path: Path):
    mine = tmp_path / "mine.yaml"
    file = tmp_path / "net.yaml"
    file.write_text(SMALL_TRANSPOSED, encoding="utf-8")
    mine.write_text(
        "name: mine\nsays: t\nunit: MACs\nsource: none\nextends: macs\n"
        "kinds:\n  conv_transpose: {multiply_adds: H - kernel_h}\n"
    )
    said = vcalc("conventions", str(file), "--convention", str(mine), code=2).stderr
    assert "mine.yaml:7:" in said
