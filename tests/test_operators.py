"""The operators on paper: what a kind saves, worked out by hand; its parameters; views and copies, beside NumPy's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_layers import CASES, Case, label, shapes
from zoo import whole_in

from vcalc.analyses.memory_plan import Plan
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.vocabulary import FROZEN
from vcalc.operators.layout import contiguous, in_order_of, is_contiguous, is_dense, viewed
from vcalc.operators.paper import Leaf, Paper, Value
from vcalc.operators.types import ELEMENTS

ELEMENT = Plan("training", dtype="float16").element
"""Two bytes an element; four of a statistic, eight of an index, one of a mask."""


def on_paper(facts: Facts, training: bool = True, images: int = 2) -> tuple[Paper, list[Value], Value]:
    """A layer run on paper: its inputs, which have gradients, and its output."""
    paper = Paper(ELEMENT, images, training)
    inputs = [paper.new(shape.batched(images), type=facts.layer.reads) for shape in facts.inputs]
    for value in inputs:
        value.source = Leaf() if training else None
    paper.moments.clear()
    return paper, inputs, facts.run(paper, *inputs)


SAVED: list[tuple[str, dict[str, Any], str, str]] = [
    # A convolution's map padded to 3 + 2*3 by 4 + 2*4, if not as much on both sides; lists of 2, 1 and 3 channels;
    # standardized weights, 9 a pair of 6 and 4 channels; a pool's map padded to 3 + 2*3 by 3 + 2*4, and the shares of
    # windows that lie on it
    ("conv", {"out": 4, "kernel": [3, 4], "stride": 2, "pad": "same"}, "6 8 10", "6*9*12"),
    ("conv", {"out": 4, "kernel": 3, "pad": "same", "dilation": 2}, "6 8 10", "input 0"),
    ("conv", {"out": 4, "kernel": 3, "stride": 2, "pad": "same"}, "6 8 10", "6*9*11"),
    ("conv", {"out": 4, "kernel": 1, "pad": "same"}, "6 8 10", "input 0"),
    ("conv", {"out": 3, "kernel": 3, "connections": [[0, 1], [2], [0, 1, 2]]}, "3 8 10", "6*80, 6 index once"),
    (
        "conv",
        {"out": 3, "kernel": 3, "connections": [[0, 1], [2], [0, 1, 2]], "bias": False},
        "3 8 10",
        "6*80, 6 index once",
    ),
    ("maxpool", {"kernel": 3, "stride": 2, "pad": "same"}, "6 8 10", "6*9*11, 6*20 index"),
    ("adaptive_maxpool", {"out": 3}, "6 8 10", "input 0, 6*9 index"),
    ("adaptive_avgpool", {"out": 1}, "6 8 10", ""),
    ("adaptive_avgpool", {"out": [1, 2]}, "6 8 10", "input 0"),
    ("adaptive_avgpool", {"out": [2, 1]}, "6 8 10", "input 0"),
    ("avgpool", {"kernel": 3, "stride": 2, "pad": "same"}, "6 8 10", "6*9*11"),
    ("avgpool", {"kernel": 3, "stride": 1, "pad": "same", "count_pad": False}, "6 8 10", "6*10*12, 80 once"),
    ("subsample", {}, "6 8 10", "input 0, 6*20"),
    ("radial_basis", {"out": 5}, "6", "5*6"),
    ("batchnorm", {}, "6 8 10", "input 0, 6 statistic once, 6 statistic once"),
    ("layernorm", {}, "6 8 10", "input 0, 80 statistic, 80 statistic"),
    ("layernorm", {}, "5 6", "input 0, 5 statistic, 5 statistic"),
    ("groupnorm", {"groups": 3}, "6 8 10", "input 0, 3 statistic, 3 statistic"),
    ("groupnorm", {"groups": 3}, "5 6", "30, 3 statistic, 3 statistic"),
    ("instancenorm", {}, "6 8 10", "input 0, 6 statistic, 6 statistic"),
    ("instancenorm", {"affine": True}, "6 8 10", "input 0, 6 statistic, 6 statistic, 6"),
    ("local_response_norm", {}, "6 8 10", "input 0, 10*80, 6*80, 6*80"),
    ("dropout", {"p": 0.5}, "6", "6 mask"),
    ("dropout", {"p": 0}, "6", ""),
    ("drop_path", {"p": 0.5}, "5 6", "1"),
    ("drop_path", {"p": 0}, "5 6", ""),
    ("space_to_depth", {}, "6 7 10", ""),
    ("space_to_depth", {}, "6 8 10", ""),
    ("add", {}, "5 6, 5 6, 5 6, 5 6", ""),
    ("add", {}, "6 8 10, 6 1 1, 6 1 1", ""),
    ("layer_scale", {}, "5 6", "input 0"),
    ("layer_scale", {"constant": 0.5}, "5 6", ""),
    ("multiply", {}, "5 6, 5 6, 5 6", "input 0, input 1, input 2, 30"),
    ("matmul", {}, "5 6, 6 7", "input 0, input 1"),
    ("scaled_dot_product_attention", {}, "3 5 6, 3 7 6, 3 7 6", "input 0, input 1, input 2, output, 15 statistic"),
    ("scaled_dot_product_attention", {}, "3 5 6, 3 7 6, 3 7 4",
        "84 statistic, 3*30 statistic, 3*42 statistic, 3*35 statistic"),
    ("scaled_dot_product_attention", {}, "5 6, 7 6, 7 6", "42 statistic, 30 statistic, 42 statistic, 35 statistic"),
    ("attention", {"heads": 3}, "5 6", "input 0, 90, 30, 15 statistic"),
    ("attention", {"heads": 2, "head_dim": 4, "out_bias": False}, "5 6", "input 0, 120, 40, 10 statistic"),
    (
        "conv",
        {"out": 4, "kernel": 3, "standardized": True},
        "6 8 10",
        "input 0, 216 once, 4 statistic once, 4 statistic once",
    ),
    (
        "conv",
        {"out": 4, "kernel": 3, "pad": "same", "standardized": True, "gain": True},
        "6 8 10",
        "input 0, 216 once, 4 statistic once, 4 statistic once",
    ),
    # In fp32, as torch multiplies 16 bits without one operator for it, too
    ("rmsnorm", {}, "5 6", "30 statistic, 5 statistic, 30 statistic"),
    ("rmsnorm", {"affine": False}, "5 6", "30 statistic, 5 statistic"),
    ("global_response_norm", {}, "6 8 10", "input 0, 6, 1, 6, 480"),
    ("mean", {}, "5 6, 5 6, 1 6", ""),
    ("rotary_embedding", {}, "2 5 4", ""),
    ("rotary_embedding", {"skip": 1}, "2 5 4", ""),
    ("random_features", {"count": 4}, "5 6", "input 0, 20"),
    ("linear_attention", {}, "5 4, 5 4, 5 6", "input 0, input 1, input 2, 4, 5, 24, 30"),
    ("roi_align", {"proposals": 5, "out": 3}, "6 8 10, 6 4 5", "input 0, input 1, 360 once, 1080"),
    ("pool_heads", {"height": 8, "stride": 2}, "3 48 8", "1152"),
    ("pool_heads", {"height": 8, "stride": 2, "skip": 1}, "3 49 8", "1152"),
    (
        "relative_attention",
        {"query_rows": 8, "key_rows": 4},
        "3 48 8, 3 12 8, 3 12 8",
        "input 2, 1728, input 0, input 1, 1152, 32 index once, 256 once, 1152, 18 index once, 144 once",
    ),
    (
        "relative_attention",
        {"query_rows": 8, "key_rows": 4, "skip": 1},
        "3 49 8, 3 13 8, 3 13 6",
        "input 2, 1911, input 1, 1176, 32 index once, 256 once, 1152, 18 index once, 144 once, 1152",
    ),
    (
        "scaled_dot_product_attention",
        {"relative_positions": 9},
        "3 5 6, 3 5 6, 3 5 6",
        "90 statistic, 90 statistic, 90 statistic, 75 statistic",
    ),
    (
        "window_attention",
        {"heads": 2, "window": 4, "cosine": True},
        "6 8 8",
        "384, 384, 384, 384, 2048, 384, 1152, 128, 128, 128, 128, 2048, 2 once",
    ),
    (
        "window_attention",
        {"heads": 2, "window": 4, "position_mlp": 5},
        "6 8 8",
        "384, 384, 384, 384, 2048, 384, 245 once, 512 once",
    ),
    (
        "window_attention",
        {"heads": 2, "window": 4, "shift": 2, "position_mlp": 5, "cosine": True},
        "6 7 9",
        "576, 576, 576, 576, 3072, 576, 1728, 192, 192, 192, 192, 3072, 2 once, 245 once, 512 once",
    ),
    # 8 windows of 2x4: windows, q, k, v, the values mixed, and the softmax of two heads over 8 tokens each
    ("window_attention", {"heads": 2, "window": [2, 4]}, "6 8 8", "5*384, 8*2*8*8"),
    # Written as products: q scaled, q, k, v copied for it, 12 heads of 197x197
    ("attention", {"heads": 12, "written": "matmul"}, "197 768", "input 0, 4*197*768, 12*197*197"),
    ("embedding", {"vocabulary": 30, "out": 6}, "5", "input 0"),
    ("relu", {}, "5 6", "output"),
    ("gelu", {}, "5 6", "input 0"),
    ("softmax", {}, "5 6", "output"),
]  # fmt: skip
"""A kind, its fields and inputs; what it saves, each with its elements: inputs, the output, what it makes, of another
type than the activations' where that stands behind it, `once` where the batch does not multiply it."""


def worked_out(text: str, facts: Facts, output: tuple[int, ...]) -> tuple[int, int]:
    """Bytes once and for each image."""
    once = each = 0
    for term in filter(None, text.split(", ")):
        words = term.split()
        if words[0] == "input":
            each += math.prod(facts.inputs[int(words[1])]) * ELEMENT(facts.layer.reads)
            continue
        count = math.prod(output) if words[0] == "output" else math.prod(map(int, words[0].split("*")))
        type = next((word for word in words if word in ELEMENTS), "activation")
        if words[-1] == "once":
            once += count * ELEMENT(type)
        else:
            each += count * ELEMENT(type)
    return once, each


@pytest.mark.parametrize(("kind", "fields", "inputs", "saved"), SAVED, ids=str)
def test_what_a_kind_saves(kind: str, fields: dict[str, Any], inputs: str, saved: str):
    facts = Facts(KINDS[kind](**fields), shapes(inputs))
    paper, _, made = on_paper(facts)
    ours = tuple(sum(sizes) for sizes in zip(*((fixed, each) for _, fixed, each in paper.saved), strict=True)) or (0, 0)
    assert ours == worked_out(saved, facts, facts.output)
    assert made.shape == facts.output.batched(2)


each_case = pytest.mark.parametrize("case", CASES, ids=label)
some_cases = pytest.mark.parametrize("case", whole_in(3, CASES), ids=label)


@each_case
def test_what_runs_has_the_shape_and_the_parameters_that_are_counted(case: Case):
    facts = case.facts(case.sizes)
    paper, _, made = on_paper(facts)
    assert made.shape == facts.output.batched(2)
    trained = {role: count for role, count in facts.parameters.items() if role not in FROZEN}
    paper.backward([(made, paper.new(made.shape))])
    gradients = [leaf.gradient for leaf in paper.parameters.values()]
    assert sum(math.prod(gradient.shape) for gradient in gradients if gradient) == sum(trained.values())


MULTIPLY_ADDS = ("multiply_adds", "product_multiply_adds")


@some_cases
@pytest.mark.parametrize("form", [False, True])
def test_what_runs_multiplies_as_often_as_is_counted(case: Case, form: bool):
    """In every form. Not told by operators: squared differences."""
    facts = case.facts(case.sizes)
    for written in facts.layer.forms if form else [None]:
        layer = facts.layer.in_form(written) if written else facts.layer
        each = Facts(layer, facts.inputs)
        if case.kind == "radial_basis":
            continue
        counted = [part.work.get(kind, 0) * (2 if part.batched else 1) for part in each.whole for kind in MULTIPLY_ADDS]
        assert on_paper(each)[0].multiply_adds == sum(counted)


@some_cases
def test_nothing_is_left_but_what_the_caller_holds(case: Case):
    """After backward: the inputs, their gradients and those of parameters."""
    facts = case.facts(case.sizes)
    paper, inputs, made = on_paper(facts)
    seeds = [(made, paper.new(made.shape))]
    del made
    paper.backward(seeds)
    leaves = [*paper.parameters.values(), *(value.source for value in inputs)]
    held = {value.storage for value in (*inputs, *(leaf.gradient for leaf in leaves)) if value is not None}
    assert (paper.fixed, paper.per_image) == (
        sum(storage.fixed for storage in held),
        sum(storage.per_image for storage in held),
    )


@some_cases
def test_at_inference_only_the_output_is_left(case: Case):
    paper, inputs, made = on_paper(case.facts(case.sizes), training=False)
    held = {value.storage for value in (*inputs, made)} - {None}
    fixed = sum(storage.fixed for storage in held) if case.kind == "constant" else 0  # for all images at once
    assert (paper.fixed, paper.per_image) == (fixed, sum(storage.per_image for storage in held))
    assert not paper.tape


@pytest.mark.parametrize(
    ("kind", "fields", "inputs", "each", "once"),
    [
        # The caller's input, the output that is saved, its gradient and the input's
        ("relu", {}, "5 6", 4 * 30, 0),
        ("linear", {"out": 4}, "5 6", 30 + 20 + 30, 4 * 6 + 4),
        # Means, deviations, and the gradients of factor and offset
        ("batchnorm", {}, "6 8 10", 3 * 480, 4 * 6),
        # Of a factor that is repeated the gradient is as large as the map before it is summed
        ("multiply", {}, "6 8 10, 6 1 1", 480 + 6 + 480 + 2 * 480 + 6, 0),
        ("layer_scale", {}, "5 6", 30 + 30 + 2 * 30, 6),
        ("prelu", {}, "6 8 10", 480 + 480 + 2 * 480, 6),
        # Of a sum each part has its gradient
        ("mean", {}, "5 6, 5 6", 2 * 30 + 30 + 30, 0),
        # torchvision 0.28: zeros for the mask that is not there, the gradients of all that goes in, 54 columns at each
        # place, and the output's gradient with its images side by side
        ("deform_conv", {"out": 4, "kernel": 3, "pad": 1}, "6 8 10, 18 8 10", 2 * 1921 + 320 + 54 * 80 + 320, 4 * 54),
    ],
    ids=str,
)
def test_the_most_that_is_alive_backward(kind: str, fields: dict[str, Any], inputs: str, each: int, once: int):
    """Elements for each image and once, worked out by hand."""
    facts = Facts(KINDS[kind](**fields), shapes(inputs))
    paper = Paper(lambda type: 1, 2, training=True)
    given = [paper.new((2, *shape)) for shape in facts.inputs]
    for value in given:
        value.source = Leaf()
    made = facts.layer.run(paper, *given)
    seeds = [(made, paper.new(made.shape))]
    del made
    paper.moments.clear()
    paper.backward(seeds)
    assert max((each, once) for _, once, each in paper.moments) == (each, once)


def test_the_most_that_is_alive_in_a_deformable_convolution():
    """As torch's profiler shows of torchvision 0.28's: the columns, and three maps as large as the output."""
    facts = Facts(KINDS["deform_conv"](out=4, kernel=3, pad=1), shapes("6 8 10, 18 8 10, 9 8 10"))
    paper = Paper(lambda type: 1, 2)
    made = facts.layer.run(paper, *[paper.new((2, *shape)) for shape in facts.inputs])
    arriving = 80 * (6 + 18 + 9)
    assert made.shape == (2, 4, 8, 10)
    assert max(each for _, _, each in paper.moments) == arriving + 54 * 80 + 3 * 320


def gradient_is_passed(kind: str, inputs: str, **fields: Any) -> list[bool]:
    """Whether the gradient of each input lies in the memory of the output's."""
    facts = Facts(KINDS[kind](**fields), shapes(inputs))
    paper, given, made = on_paper(facts)
    gradient = paper.new(made.shape)
    paper.backward([(made, gradient)])
    return [value.source.gradient.storage is gradient.storage for value in given]


def test_whose_inputs_gradient_is_the_outputs_or_a_part_of_it():
    """Sums of equal shapes, what puts something before, behind or beside its input, reshapes that need no copy."""
    assert gradient_is_passed("add", "6 8 10, 6 1 1, 6 8 10") == [True, False, True]
    assert gradient_is_passed("add", "6, 6 8 10") == [False, True]
    assert gradient_is_passed("concat", "6 8 10, 4 8 10") == [True, True]
    for kind in ("class_token", "position_embedding", "append_tokens"):
        fields = {"count": 1} if kind == "append_tokens" else {}
        assert gradient_is_passed(kind, "5 6", **fields) == [True]
    assert gradient_is_passed("flatten", "6 8 10") == gradient_is_passed("tokens", "6 8 10") == [True]
    assert gradient_is_passed("split_heads", "5 6", heads=2) == [False]
    assert gradient_is_passed("split_heads", "5 6", heads=1) == [True]
    assert gradient_is_passed("dropout", "6", p=0) == [True]
    assert gradient_is_passed("dropout", "6", p=1) == [False]
    assert gradient_is_passed("relu", "6") == [False]


def test_one_image_is_a_view_where_several_are_copied():
    """Queries, keys and values lie token by token; heads of several images cannot be merged with the images."""
    facts = Facts(KINDS["attention"](heads=12, written="matmul"), ((197, 768),))
    one, _, _ = on_paper(facts, images=1)
    tokens, scores = 197 * 768, 12 * 197 * 197
    # The input, q scaled, q, k and v in one, the values mixed, and the softmax.
    assert sum(each for _, _, each in one.saved) == ELEMENT("activation") * (tokens * (1 + 1 + 3 + 1) + scores)


def test_a_variable_of_run_lives_until_it_returns():
    """Fused attention: 90 of q, k and v and 30 of mixed values are there with the 30 that the projection puts out.

    The 15 sums before it, of four bytes each, take as much as these 30.
    """
    paper, _, _ = on_paper(Facts(KINDS["attention"](heads=3), ((5, 6),)), training=False)
    base = 2 * 30
    assert [each - base for _, _, each in paper.moments] == [2 * 90, 2 * 120, 2 * 120 + 4 * 15]


# Layouts


@st.composite
def arrays(draw: Any) -> tuple[np.ndarray, tuple[int, ...]]:
    """A permuted, perhaps sliced array, and another shape of as many elements."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    array = np.zeros(shape).transpose(draw(st.permutations(range(len(shape)))))
    if draw(st.booleans()):
        array = array[..., : max(1, array.shape[-1] - 1)]
    rest, new = array.size, []
    for _ in range(draw(st.integers(0, 3))):
        size = draw(st.sampled_from([d for d in range(1, rest + 1) if rest % d == 0]))
        new.append(size)
        rest //= size
    return array, (*new, rest)


@given(arrays())
def test_another_shape_is_a_view_where_numpy_makes_one(given: tuple[np.ndarray, tuple[int, ...]]):
    array, new = given
    strides = tuple(stride // array.itemsize for stride in array.strides)
    ours = viewed(array.shape, strides, new)
    view = array.view()
    try:
        view.shape = new
    except AttributeError:
        assert ours is None
        return
    assert ours is not None
    assert [(n, s) for n, s in zip(new, ours, strict=True) if n > 1] == [
        (n, s // view.itemsize) for n, s in zip(new, view.strides, strict=True) if n > 1
    ]


@given(arrays())
def test_order_and_density_are_numpys(given: tuple[np.ndarray, tuple[int, ...]]):
    array, _ = given
    strides = tuple(stride // array.itemsize for stride in array.strides)
    assert is_contiguous(array.shape, strides) == array.flags.c_contiguous
    dense = np.empty_like(array)
    kept = tuple(stride // dense.itemsize for stride in dense.strides)
    ours = in_order_of(array.shape, strides)
    assert is_dense(array.shape, ours)
    assert [s for n, s in zip(array.shape, ours, strict=True) if n > 1] == [
        s for n, s in zip(array.shape, kept, strict=True) if n > 1
    ]
    assert is_dense(array.shape, contiguous(array.shape))
