"""Arrays go through the whole graph: what comes out is what binding one by one gives."""

from __future__ import annotations

import json
import operator
import subprocess
import sys
from typing import Any

import numpy
import pytest
from arrays import at, many
from hypothesis import given
from hypothesis import strategies as st
from zoo import one_in

import vcalc
from vcalc import VcalcError, conventions
from vcalc.analyses.cost import Costs
from vcalc.arithmetic import ceil_div, common_divisor, exact_div, maximum, minimum, product
from vcalc.language.expression import parse
from vcalc.many import Many
from vcalc.spec.find import load, model_names
from vcalc.spec.network import Network, expand
from vcalc.spec.sizes import merged_inputs

NET = """title: Net
input: {C: 3, H: 8, W: 8}
let: {width: 4, share: 0.75, turns: 2, widths: [4, 8], word: same}
layers:
  - conv: {out: width, kernel: 3, pad: word}
  - conv: {out: round(share * width), kernel: 3}
  - repeat: turns
    do: [conv: {out: "max(width, 8)", kernel: 1}]
  - if: H > 20
    then: [maxpool: {kernel: 2}]
  - each: {c: widths}
    do: [conv: {out: c * ceil(width / 3), kernel: 1}]
"""


def binds_images(name: str) -> bool:
    spec, entry = load(name)
    return [set(sizes) for sizes in merged_inputs(spec, entry).values()] == [{"C", "H", "W"}]


IMAGE_MODELS = [name for name in model_names() if binds_images(name)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    file = tmp_path_factory.mktemp("arrays") / "net.yaml"
    file.write_text(NET)
    return vcalc.load(file)


def answers(network: Network, place: int = 0) -> list[Any]:
    """Every shape, the counts of every layer, and the totals under every convention, for one of the numbers."""
    nodes, each = network.graph.nodes, Costs(network.graph, conventions.find("lecture"), 3)
    found = [(n.path, n.kind, *(at(place, number) for number in (*n.input, *n.output, *each.of(n)))) for n in nodes]
    for name in conventions.names():
        total = Costs(network.graph, conventions.find(name), 3).total(nodes)
        found.append(tuple(at(place, count) for count in total))
    return found


def structure(network: Network) -> list[Any]:
    """What layers there are and what they say, without the numbers."""
    return [(n.path, n.kind, n.inputs, sorted(n.facts.buffers), sorted(n.facts.work)) for n in network.graph.nodes]


def sizes_of(name: str) -> list[tuple[int, int]]:
    """The size of a model's images, one that is larger and not square, one of twice the size: those that it takes."""
    _, height, width = expand(*load(name)).graph.input
    wanted = [(height, width), (height + 32, width + 64), (2 * height, 2 * width)]
    return [size for size in wanted if takes(name, size)]


def takes(name: str, size: tuple[int, int]) -> bool:
    try:
        return bool(expand(*load(name), {"H": size[0], "W": size[1]}))
    except VcalcError:
        return False


@pytest.mark.parametrize("name", one_in(40, IMAGE_MODELS))
def test_images_of_many_sizes_are_images_of_each(name: str):
    """An array is refused where a condition differs, so that the networks have not the same layers and counts."""
    sizes = sizes_of(name)
    alone = [expand(*load(name), {"H": height, "W": width}) for height, width in sizes]
    arrays = {"H": numpy.array([size[0] for size in sizes]), "W": numpy.array([size[1] for size in sizes])}
    if all(structure(network) == structure(alone[0]) for network in alone):
        together = expand(*load(name), arrays)
        for place, network in enumerate(alone):
            assert answers(together, place) == answers(network)
    else:
        with pytest.raises(VcalcError, match=r"the numbers of an array differ(.|\n)*bind them one by one"):
            expand(*load(name), arrays)


HYPERPARAMETERS = [
    ("resnet50", {"width": [64, 96, 7], "classes": [10, 1000, 1], "H": [224, 225, 97]}),
    ("resnext50-32x4d", {"classes": [10, 1000], "W": [224, 96]}),
    ("vit-b-16", {"dim": [768, 384, 12], "classes": [10, 1000, 10**30]}),
    ("vit-b-16", {"dim": [768, 384], "H": [224, 384], "W": [224, 384]}),
    ("mobilenet-v2", {"width": [1, 2, 3], "H": [224, 96, 33]}),
    ("vgg16", {"classes": [10, 20], "H": [224, 448]}),
    ("densenet121", {"growth": [32, 48], "W": [224, 256]}),
]


@pytest.mark.parametrize(("name", "values"), one_in(3, HYPERPARAMETERS))
def test_hyperparameters_may_be_many(name: str, values: dict[str, list[int]]):
    together = expand(*load(name), {key: numpy.array(each) for key, each in values.items()})
    for place in range(len(next(iter(values.values())))):
        network = expand(*load(name), {key: each[place] for key, each in values.items()})
        assert answers(together, place) == answers(network)
        assert {k: at(place, v) for k, v in together.hyperparameters.items()} == network.hyperparameters


def taken(place: int, value: Any) -> Any:
    """What a value of the API is for one of the numbers: arrays are taken apart, and what holds them."""
    if isinstance(value, numpy.ndarray):
        return value.tolist()[place]
    if isinstance(value, tuple):
        return tuple(taken(place, each) for each in value)
    return {key: taken(place, each) for key, each in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("convention", ["lecture", "fvcore", "cs231n"])
def test_what_the_api_gives(convention: str):
    resnet = vcalc.load("resnet50")
    sizes, batches = [224, 256, 97], [1, 8, 3]
    bound = resnet.bind(
        H=numpy.array(sizes), W=numpy.array(sizes), batch=numpy.array(batches), convention=convention, dtype="fp16"
    )
    for place, (size, batch) in enumerate(zip(sizes, batches, strict=True)):
        alone = resnet.bind(H=size, W=size, batch=batch, convention=convention, dtype="fp16")
        assert taken(place, tuple(bound.total)) == tuple(alone.total)
        assert taken(place, tuple(bound.total_of("stem"))) == tuple(alone.total_of("stem"))
        assert taken(place, bound.input) == alone.input
        assert [taken(place, row) for row in bound.rows()] == alone.rows()
        assert [taken(place, tuple(layer)) for layer in bound.layers] == [tuple(layer) for layer in alone.layers]
        assert bound.depth == alone.depth


def within(place: int, record: Any, one: Any) -> Any:
    """A record for one of the numbers: it has a list where the record of one number has a number."""
    if isinstance(one, dict):
        return {key: within(place, record[key], each) for key, each in one.items()}
    if isinstance(one, list):
        return [within(place, *pair) for pair in zip(record, one, strict=True)]
    return record[place] if isinstance(record, list) else record


def test_the_record_has_lists():
    record = vcalc.load("resnet50").bind(H=numpy.array([224, 256]), width=numpy.array([64, 32])).to_dict()
    assert json.loads(json.dumps(record)) == record
    assert record["input"] == {"C": 3, "H": [224, 256], "W": 224}
    assert record["hyperparameters"]["width"] == [64, 32]
    assert record["layers"][0]["output"] == [[64, 32], [112, 128], 112]
    alone = [vcalc.load("resnet50").bind(H=h, width=w).to_dict() for h, w in ((224, 64), (256, 32))]
    for place, one in enumerate(alone):
        assert within(place, record, one) == one


def test_numpy_is_loaded_for_an_array_alone():
    code = "import sys, vcalc; vcalc.load('mobilenet-v2').bind(H=32).to_dict(); print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_what_does_not_depend_on_an_array_is_a_number():
    total = vcalc.load("resnet50").bind(H=numpy.array([224, 256])).total
    assert total.params == 25_557_032
    assert type(total.params) is int
    assert total.flops.dtype == numpy.int64


def test_an_array_that_is_given_back_is_ones_own(model):
    given = numpy.array([8, 16])
    bound = model.bind(H=given)
    before = bound.total.flops.tolist()
    given[0], bound.total.flops[0], bound.input[1][0] = 99, 0, 1
    assert bound.total.flops.tolist() == before
    assert bound.input[1].tolist() == [8, 16]


# Exact, however large


@pytest.mark.parametrize("width", [2**31, 2**60, 2**100])
def test_counts_beyond_64_bits_are_exact(width: int):
    bound = vcalc.load("resnet50").bind(width=numpy.array([64, width], object), H=numpy.array([224, 2**40]))
    alone = vcalc.load("resnet50").bind(width=width, H=2**40).total
    assert [count.tolist()[1] for count in bound.total] == list(alone)
    assert [count.tolist()[0] for count in bound.total] == list(vcalc.load("resnet50").bind().total)
    assert alone.flops > 2**64
    assert {count.dtype for count in bound.total} <= {numpy.dtype(object), numpy.dtype(numpy.int64)}


def test_what_fits_64_bits_has_them_again():
    assert many(2**62, -5).array().dtype == (many(2**62, -5) * 4 // 8).array().dtype == numpy.int64
    assert many(2**63, 5).array().dtype == object
    assert (many(2**62, -5) - many(-(2**62), 5)).array().tolist() == [2**63, -10]


def test_a_size_of_more_bits_than_any_has_is_refused():
    with pytest.raises(VcalcError, match="more than 128 bits"):
        vcalc.load("resnet50").bind(width=numpy.array([64, 2**127], object))


OPERATIONS = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.floordiv,
    operator.mod,
    ceil_div,
    exact_div,
    maximum,
    minimum,
    common_divisor,
    lambda a, b: product((a, b, a)),
    lambda a, b: -abs(a) * b // 3 + b,
]

LARGE = st.one_of(*(st.integers(-(2**bits) - 2, 2**bits + 2) for bits in (3, 31, 40, 63, 90)))


@given(st.lists(st.tuples(LARGE, LARGE.filter(bool)), min_size=1, max_size=4), st.sampled_from(OPERATIONS))
def test_an_operation_on_many_is_that_on_each(pairs: list[tuple[int, int]], operation: Any):
    left, right = many(*(a for a, _ in pairs)), many(*(b for _, b in pairs))
    first, divisor = pairs[0]
    assert operation(left, right).numbers.tolist() == [operation(a, b) for a, b in pairs]
    assert operation(left, divisor).numbers.tolist() == [operation(a, divisor) for a, _ in pairs]
    assert operation(first, right).numbers.tolist() == [operation(first, b) for _, b in pairs]
    assert {type(number) for number in operation(left, right).numbers.tolist()} == {int}


def test_a_quotient_of_many_is_that_of_each():
    assert (many(1, 8) / many(4, 2)).numbers.tolist() == [0.25, 4]
    assert (many(1, 8) / 4).numbers.tolist() == [0.25, 2]
    assert (1 / many(4, 1)).numbers.tolist() == [0.25, 1]
    halves = many(1, 3) / 2
    assert (halves * 4).numbers.tolist() == (4 * halves).numbers.tolist() == [2, 6]
    assert halves != 1
    assert halves != 2**70
    assert many(1, 1) / 2 == 0.5
    for divide in (operator.floordiv, operator.truediv, operator.mod):
        with pytest.raises(ZeroDivisionError):
            divide(many(1, 8), 0)
        with pytest.raises(ZeroDivisionError):
            divide(1, many(0, 0))


PAIRS = [(2**40, 3), (3, 2**40), (3, -(2**40)), (-(2**40), 2**40), (2**41 - 1, 2**40), (0, 2**40)]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("pair", PAIRS)
def test_what_follows_an_operation_is_exact(operation: Any, pair: tuple[int, int]):
    found = operation(many(pair[0], pair[0]), pair[1])
    assert (found * found * found).numbers.tolist() == [operation(*pair) ** 3] * 2


@given(st.lists(LARGE, min_size=1, max_size=8), st.sampled_from(OPERATIONS[:3]))
def test_a_chain_of_operations_is_exact(numbers: list[int], operation: Any):
    found, expected = many(1, 2), [1, 2]
    for number in numbers:
        found, expected = operation(found, number), [operation(each, number) for each in expected]
        assert found.numbers.tolist() == expected


RELATIONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


@given(st.lists(LARGE, min_size=1, max_size=3), LARGE, st.sampled_from(RELATIONS))
def test_a_comparison_of_many_is_that_of_each(numbers: list[int], other: int, relation: Any):
    """What is equal for some is not equal; an order that holds for some has no answer."""
    answers = {relation(number, other) for number in numbers}
    if relation in RELATIONS[:2]:
        assert relation(many(*numbers), other) is (all(n == other for n in numbers) is (relation is operator.eq))
    elif len(answers) == 1:
        assert {relation(many(*numbers), other)} == answers
    else:
        with pytest.raises(VcalcError, match="the numbers of an array differ"):
            relation(many(*numbers), other)


def test_equal_everywhere_is_equal():
    assert many(3, 3) == 3
    assert many(3, 3) == many(3, 3)
    assert many(3, 4) != 3
    assert many(3, 4) != many(3, 5)
    assert many(3, 4) != many(3, 4, 5)
    assert many(3, 4) != "3"
    assert len({many(3, 3), 3, many(3, 4), many(3, 4)}) == 2
    assert list(range(many(2, 2))) == [0, 1]
    assert str(many(*range(9))) == "[0, 1, 2, 3, …]"
    assert str(many(*range(4))) == "[0, 1, 2, 3]"


# What has more than one answer


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"H": [8, 30, 9]}, r"net.yaml:9:5: .*: 28 > 20 with H=30, but not 6 > 20 with H=8"),
        ({"H": [2, 16]}, r"net.yaml:6:\d+: .*: 13 >= 0 with H=16, but not -1 >= 0 with H=2, at conv"),
        ({"turns": [2, 3]}, r"net.yaml:7:5: .*: 2 == 2 with turns=2, but not 3 == 2 with turns=3"),
        ({"width": [4, 0]}, r"net.yaml:5:\d+: .*: 4 >= 1 with width=4, but not 0 >= 1 with width=0"),
        ({"share": [0.5, 0.001]}, r"net.yaml:6:\d+: .*: 2 >= 1 with share=0.5, but not 0 >= 1 with share=0.001"),
    ],
)
def test_a_condition_that_differs_says_where(model, values, says):
    with pytest.raises(VcalcError, match=says) as refused:
        model.bind({name: numpy.array(each) for name, each in values.items()})
    assert refused.value.problems[0].hint == "bind them one by one"


def test_a_check_that_no_number_passes_is_refused_as_for_one(model):
    with pytest.raises(VcalcError, match=r"a window of 3 does not fit an input of \[1, 2\] padded by 0"):
        model.bind(H=numpy.array([1, 2]))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("8 // (a - 4)", "4 != 0 with a=8, but not 0 != 0 with a=4"),
        ("ceil(8 / (a - 8) + 9)", "-4 != 0 with a=4, but not 0 != 0 with a=8"),
        ("ceil(8 % (a / 3 - 8 / 3) + 9)", "!= 0 with a=4, but not 0 != 0 with a=8"),
        ("ceil(log(a - 7)) + 1", "log takes numbers above 0 with a=4; bind them one by one"),
        ("ceil(2 ** (a - 8) * 2**150)", "a number of more than 128 bits"),
        ("a / 8", "1 % 1 == 0 with a=8, but not 0.5 % 1 == 0 with a=4"),
        ("a / 3", "linear: out is [1.3333333333333333, 2.6666666666666665], not a whole number, 1 or more"),
        ("[1, 2, 3][a // 4]", "1 == 1 with a=4, but not 2 == 1 with a=8"),
        ("1 if a / 3 < 2 else 2", "< 2 with a=4, but not 8/3 < 2 with a=8"),
    ],
)
def test_an_expression_that_has_no_value_for_some(tmp_path, value, says):
    net = f'title: N\ninput: {{D: 8}}\nlet: {{a: 5}}\nlayers: [linear: {{out: "{value}"}}]\n'
    (tmp_path / "net.yaml").write_text(net)
    with pytest.raises(VcalcError) as refused:
        vcalc.load(tmp_path / "net.yaml").bind(a=numpy.array([4, 8]))
    assert says in str(refused.value)


FORMULAS = [
    "a // 3 + a % 5 - -a",
    "max(a, 7) * min(a, 9, 3) + abs(a - 9)",
    "ceil(a / 4) + floor(0.29 * a) + round(a / 8) + round_even(a / 8)",
    "round8(a * 1.4) + round8(32.5)",
    "ceil(sqrt(a) * log(a, 2)) + a ** 2 + floor(2 ** (a / 3))",
    "max([a / 3, 2.5]) * 30 // 1",
    "sum([a, 3, a / 2]) * 2 // 1",
    "a // 2 if a > 1 else 7",
    "a / 2 * 2",
    "floor(-a / 3) + 9 * a",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_an_expression_of_many_is_that_of_each(formula):
    values = [2, 3, 4, 9, 13, 100]
    together = parse(formula).value({"a": many(*values)})
    assert [at(place, together) for place in range(len(values))] == [parse(formula).value({"a": a}) for a in values]


# What an array is not


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (numpy.array([[8, 8]]), "H is an array of 1x2 numbers: many numbers are an array of one dimension"),
        (numpy.array([], int), "H is an array of 0 numbers"),
        (numpy.ma.array([8, 16], mask=[False, True]), "H is an array with masked places, which are no numbers"),
        (numpy.array([8, 8.5]), "input H is 8.5, not a whole number, 1 or more"),
        (numpy.array([8, -3]), "input H is -3, not a whole number, 1 or more"),
        (numpy.array([8, 0]), "input H is 0, not a whole number, 1 or more"),
        (numpy.array([8, numpy.nan]), "H is not a finite number"),
        (numpy.array([8, numpy.inf]), "H is not a finite number"),
        (numpy.array([True, False]), "H is an array that holds true, which is no number"),
        (numpy.array(["8", "16"]), "H is an array that holds '8', which is no number"),
        (numpy.array([8, None]), "H is an array that holds None, which is no number"),
        (numpy.array([8, [8, 9]], object), r"H is an array that holds \[8, 9\], which is no number"),
        (numpy.array([8, 2**128], object), "H is a number of more than 128 bits"),
        (numpy.array([8j, 1]), "H is an array that holds 8j, which is no number"),
        (numpy.array([8, 9], "datetime64[D]"), "H is an array that holds 1970-01-09, which is no number"),
        ([8, 16], r"input H is \[8, 16\], not a whole number, 1 or more"),
    ],
)
def test_what_is_no_array_of_sizes(model, array, says):
    with pytest.raises(VcalcError, match=says):
        model.bind(H=array)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "float32", object])
def test_arrays_of_any_type(model, dtype):
    found = model.bind(H=numpy.array([8, 16], dtype), W=numpy.array([9, 200], "uint8")).total.flops.tolist()
    assert found == [model.bind(H=8, W=9).total.flops, model.bind(H=16, W=200).total.flops]


def test_a_tensor_is_an_array(model):
    torch = pytest.importorskip("torch")
    bound = model.bind(H=torch.tensor([8, 16]), batch=torch.tensor([1, 2]))
    assert bound.total.flops.tolist() == [model.bind().total.flops, model.bind(H=16, batch=2).total.flops]


def test_decimals_may_be_many(model):
    shares = numpy.array([0.5, 0.75, 1], numpy.float32)
    found = model.bind(share=shares)
    assert found.hyperparameters["share"].tolist() == [0.5, 0.75, 1]
    assert found.total.params.tolist() == [model.bind(share=share).total.params for share in (0.5, 0.75, 1)]


@pytest.mark.parametrize("each", [2, 2.5])
@pytest.mark.parametrize(
    "layers", ["{repeat: a, do: [linear: {out: 4}]}", "linear: {out: '[8, 16, 24][a]'}"], ids=["repeat", "pick"]
)
def test_a_number_that_all_are_is_taken_as_that_one_is(tmp_path, layers, each):
    """Two and a half is no number of turns and no place in a list, however many say so."""
    (tmp_path / "net.yaml").write_text(f"input: {{D: 4}}\nlet: {{a: 1}}\nlayers: [{layers}]\n")

    def bound(value: Any) -> Any:
        try:
            return vcalc.load(tmp_path / "net.yaml").bind(a=value).total.params
        except VcalcError as error:
            return str(error)

    assert bound(numpy.array([each, each])) == bound(each)
    assert isinstance(bound(each), int) == (each == 2)


def test_an_array_for_a_list_is_a_list(model):
    found = model.bind(widths=numpy.array([4, 8]), H=numpy.array([8, 16]))
    assert found.hyperparameters["widths"] == [4, 8]
    assert [layer.output[0] for layer in found.layers[-2:]] == [8, 16]


def test_arrays_are_as_long_as_one_another(model):
    with pytest.raises(VcalcError, match="hold as many numbers: H has 2, W has 3"):
        model.bind(H=numpy.array([8, 16]), W=numpy.array([8, 16, 32]))
    with pytest.raises(VcalcError, match="hold as many numbers: H has 2, batch has 3"):
        model.bind(H=numpy.array([8, 16]), batch=numpy.array([1, 2, 3]))


@pytest.mark.parametrize("bound", [{"W": "w"}, {"width": "w"}, {"share": "w"}, {"batch": "w"}])
def test_arrays_and_symbols_do_not_go_together(model, bound):
    with pytest.raises(VcalcError, match="many numbers are given for H, and none for w"):
        model.bind(H=numpy.array([8, 16]), **bound)


def test_all_that_do_not_go_together_are_named(model):
    with pytest.raises(VcalcError, match="many numbers are given for H and share, and none for v and w"):
        model.bind(H=numpy.array([8, 16]), W="w*v", share=numpy.array([1, 2]))
    with pytest.raises(VcalcError, match="as many numbers: a has 2, b has 3"):
        Many.of([1, 2], {"a": [1, 2]}) + Many.of([1, 2, 3], {"b": [1, 2, 3]})


def test_many_batches_and_a_symbol(model):
    with pytest.raises(VcalcError, match="many numbers are given for batch, and none for w"):
        model.bind(W="w", batch=numpy.array([8, 16]))


@pytest.mark.parametrize("array", [[1, 0], [1, 10**12 + 1], [1.5, 2], [True, False], [[1], [2]], []])
def test_what_are_no_batches(model, array):
    with pytest.raises(VcalcError, match="batch"):
        model.bind(batch=numpy.array(array))
