"""Receptive fields worked out by hand, published, and traced element by element.

By hand: a window of k elements, each `step` input positions from the next, adds (k - 1) * step to the field.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest

from vcalc import symbols
from vcalc.analyses.receptive_field import Axis, Field, as_record, receptive_fields, size_of
from vcalc.graph import INPUT, Graph
from vcalc.layers import KINDS
from vcalc.spec.network import Network


def stack(*layers: tuple[str, dict[str, Any]], size: Any = 64) -> Field:
    """The field of the last of some layers, one after the other."""
    graph, at = Graph((4, size, size)), INPUT
    for kind, fields in layers:
        at = graph.add(KINDS[kind](**fields), (at,), kind)
    return receptive_fields(graph)[at]


def conv(kernel: Any, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "conv", {"out": 4, "kernel": kernel, **fields}


def maxpool(kernel: Any, stride: Any, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "maxpool", {"kernel": kernel, "stride": stride, **fields}


def record(network: Network, path: str) -> dict[str, Any]:
    """The field after the last layer at or below a path."""
    node = network.graph.select((path,))[-1]
    return as_record(receptive_fields(network.graph)[node.index], network.graph.input)


SIZES = [
    # VGG's argument: two 3x3 read 5x5, three read 7x7
    ([conv(3)], (3, 1)),
    ([conv(3), conv(3)], (5, 1)),
    ([conv(3), conv(3), conv(3)], (7, 1)),
    ([conv(1)], (1, 1)),
    ([conv(3, stride=2), conv(3)], (3 + 2 * 2, 2)),
    ([conv(3), maxpool(2, 2), conv(3)], (3 + 1 + 2 * 2, 2)),
    ([conv(7, stride=2, pad=3), maxpool(3, 2, pad=1)], (7 + 2 * 2, 4)),
    # dilations 1, 2, 4: 1 + 2 + 4 + 8, doubling as in Yu & Koltun 2016
    ([conv(3, dilation=1), conv(3, dilation=2), conv(3, dilation=4)], (15, 1)),
    ([conv(3, stride=2), conv(3, dilation=2)], (3 + 2 * 2 * 2, 2)),
    ([("subsample", {"kernel": 2}), conv(5)], (2 + 4 * 2, 2)),
    ([("space_to_depth", {"factor": 2}), conv(3)], (2 + 2 * 2, 2)),
    ([maxpool(3, 1, dilation=2), conv(3)], (5 + 2, 1)),
    ([maxpool(4, 4), ("pixel_shuffle", {}), ("crop", {"out": 9}), ("zero_pad", {"channels": 3})], (4, 2)),
    # windows of 3, one apart, folded where they came from, read what two windows next to one another read
    ([("unfold", {"kernel": 3}), ("linear", {"out": 36}), ("fold", {"out": 64, "kernel": 3})], (5, 1)),
    ([maxpool(4, 4), ("conv_transpose", {"out": 4, "kernel": 3, "stride": 2, "pad": "same"})], (4 + 4, 2)),
    ([conv(3), ("relu", {}), ("batchnorm", {}), ("dropout", {}), ("pointwise_linear", {"out": 4})], (3, 1)),
    # FCN's way back up: 4x4 kernels, 2 apart, overlap by two; 2x2 kernels do not; 64x64, 32 apart, lie two deep
    ([("conv_transpose", {"out": 4, "kernel": 4, "stride": 2, "pad": 1})], (2, 0.5)),
    ([conv(3), maxpool(2, 2), ("conv_transpose", {"out": 4, "kernel": 2, "stride": 2})], (4, 1)),
    ([maxpool(32, 32), ("conv_transpose", {"out": 4, "kernel": 64, "stride": 32, "pad": 16})], (32 + 32, 1)),
    # a transposed convolution in steps of 1 is a convolution padded all round
    ([("conv_transpose", {"out": 4, "kernel": 3}), ("conv_transpose", {"out": 4, "kernel": 5})], (3 + 4, 1)),
    ([("conv_transpose", {"out": 4, "kernel": 3, "dilation": 2})], (5, 1)),
    # up by 2 puts two elements on each position; a 3x3 window then always reads two positions
    ([conv(3, stride=2), ("upsample", {"scale": 2})], (3, 1)),
    ([maxpool(4, 4), ("upsample", {"scale": 2}), conv(3)], (4 + 2 * 2, 2)),
    # between two positions bilinear elements read both, bicubic ones another on each side
    ([maxpool(4, 4), ("upsample", {"scale": 2, "mode": "bilinear"})], (4 + 4, 2)),
    ([maxpool(4, 4), ("upsample", {"scale": 2, "mode": "bicubic"})], (4 + 3 * 4, 2)),
    ([conv(3, stride=2), ("upsample", {"scale": 2, "mode": "bilinear"}), conv(3)], (3 + 2 + 2, 1)),
]


@pytest.mark.parametrize(
    ("parts", "join"),
    [
        (({"out": 44, "start": 0}, {"out": 44, "start": 10}), {}),
        (({"out": 64}, {"out": 44, "start": 0}), {"fit": "crop"}),
        (({"out": 64}, {"out": 44, "start": 0}), {"fit": "pad"}),
        (({"out": 44}, {"out": 44, "start": 20}), {}),
    ],
)
def test_what_lies_beside_one_another_after_a_crop(parts: Any, join: dict[str, Any]):
    """Places of a map of 64 and those ten further on: both ends of eleven."""
    graph = Graph((4, 64, 64))
    ends = tuple(graph.add(KINDS["crop"](**part), (INPUT,), "crop") for part in parts)
    at = graph.add(KINDS["concat"](**join), ends, "concat")
    assert [axis.size for axis in receptive_fields(graph)[at].axes] == [11, 11]


@pytest.mark.parametrize(("layers", "expected"), SIZES)
def test_size_and_stride(layers: list[Any], expected: tuple[int, int]):
    field = stack(*layers)
    assert [(axis.size, axis.stride) for axis in field.axes] == [expected] * 2


def test_height_and_width_apart():
    field = stack(conv([1, 7], pad=[0, 3]), maxpool([2, 1], [2, 1]), conv([3, 3], dilation=[1, 2]))
    assert field.axes == (Axis(((0, 1 + 2 * 2),), 2), Axis(((-3, 3 + 4),), 1))


@pytest.mark.parametrize(
    "layer",
    [
        ("global_avgpool", {}),
        ("adaptive_avgpool", {"out": 1}),
        ("flatten", {}),
        ("groupnorm", {"groups": 2}),
        ("instancenorm", {}),
        ("global_response_norm", {}),
        ("window_attention", {"heads": 2, "window": 62}),
    ],
)
def test_the_whole_input(layer: tuple[str, dict[str, Any]]):
    field = stack(conv(3), layer)
    assert field.is_whole
    assert size_of(field, (3, 48, 64)) == (48, 64)
    assert as_record(field, (3, 48, 64)) == {"size": [48, 64], "stride": None, "start": None}


def test_attention_reads_everything_and_tokens_nothing_new():
    patches = [conv(16, stride=16), ("tokens", {}), ("layernorm", {}), ("linear", {"out": 4})]
    assert stack(*patches).axes == (Axis(((0, 15),), 16),) * 2
    assert stack(*patches, ("attention", {"heads": 2})).is_whole
    assert stack(*patches, ("class_token", {}), ("attention", {"heads": 2}), ("take_token", {})).is_whole


@pytest.mark.parametrize(
    ("layers", "size", "stride"),
    [
        # swin-t's first windows, 7 patches of 4; two that lie on one another, two that do not
        ([conv(4, stride=4), ("window_attention", {"heads": 2, "window": 7})], 28, 4),
        ([conv(4, stride=4), ("window_attention", {"heads": 2, "window": 7, "shift": 3})], 28, 4),
        ([("window_attention", {"heads": 2, "window": 4}), ("window_attention", {"heads": 2, "window": 4})], 4, 1),
        ([("window_attention", {"heads": 2, "window": 4, "shift": shift}) for shift in (0, 2)], 8, 1),
        ([conv(4, stride=4), ("window_attention", {"heads": 2, "window": 4})], 16, 4),
        ([("window_attention", {"heads": 2, "window": 4}), conv(3)], 8, 1),
        # windows of 7 merged by 2: elements at a seam read two windows
        ([("window_attention", {"heads": 2, "window": 7}), ("space_to_depth", {"factor": 2})], 14, 2),
        # a pattern of 4 after upsampling: the window of 3 that meets two patches of 4 reads both
        ([("avgpool", {"kernel": 4, "stride": 4}), ("upsample", {"scale": 4}), conv(3)], 8, 1),
        ([conv(4, stride=3), ("upsample", {"scale": 3}), ("space_to_depth", {"factor": 2})], 7, 2),
        ([("unfold", {"kernel": 7, "stride": 4})], 7, 4),
        # 64 to 7: windows of 10 at most, 9 or 10 apart
        ([("adaptive_avgpool", {"out": 7})], 10, Fraction(64, 7)),
        ([("upsample", {"out": [96, 96]}), conv(3)], 3, Fraction(2, 3)),
        # patches put back on the map that they come from, and read by a 3x3
        ([conv(4, stride=4), ("tokens", {}), ("class_token", {}), ("keep_tokens", {"start": 1, "count": 256}),
          ("linear", {"out": 4}), ("to_map", {"height": 16}), conv(3)], 12, 4),
    ],
)  # fmt: skip
def test_what_the_element_reads_that_reads_most(layers: list[Any], size: int, stride: Any):
    field = stack(*layers)
    assert [(axis.size, axis.stride) for axis in field.axes] == [(size, stride)] * 2


def test_tokens_that_do_not_lie_as_on_a_map_are_read_everywhere():
    """Rows of 8 patches are not the map's: each element is a patch, but its neighbours lie elsewhere."""
    other = [conv(4, stride=4), ("tokens", {}), ("rearrange", {"pattern": "(H W) D -> D H W", "H": 32})]
    assert size_of(stack(*other), (4, 64, 64)) == (4, 4)
    assert stack(*other, conv(3)).is_whole


def test_a_line_that_all_elements_read_alike():
    """One row taken of a map, then a sequence: rows 4 to 6 of a 3x3, whatever stands beside it."""
    field = stack(conv(3), ("rearrange", {"pattern": "C H[4] W -> W C"}), ("to_map", {}), conv(5))
    assert as_record(field, (4, 64, 64)) == {"size": [3, 7], "stride": [0, 1], "start": [5, 3]}
    assert as_record(stack(("rearrange", {"pattern": "C H W -> W (C H)"})), (4, 8, 64))["size"] == [8, 1]


def test_rows_and_columns_change_places():
    """A window 3 high and 1 wide on the transposed map of one of 1 by 5."""
    field = stack(conv([1, 5]), ("rearrange", {"pattern": "C H W -> C W H"}), conv([3, 1]))
    assert [axis.size for axis in field.axes] == [1, 7]


def test_one_side_read_whole():
    """A softmax over the last axis of a map reads a row; a window as high as the map, all of a column."""
    field = stack(conv(3), ("softmax", {}))
    assert as_record(field, (4, 64, 48)) == {"size": [3, 48], "stride": [1, None], "start": [1, None]}
    for kind in ("softmax", "layernorm", "rmsnorm"):
        field = stack(conv(3), (kind, {"over": ["C", "H"]}))
        assert as_record(field, (4, 64, 48)) == {"size": [64, 3], "stride": [None, 1], "start": [None, 1]}
        assert stack(conv(3), (kind, {"over": "C"})).axes == stack(conv(3)).axes
        assert stack(("tokens", {}), (kind, {"over": "N"})).is_whole
    field = stack(("window_attention", {"heads": 2, "window": [64, 4]}))
    assert as_record(field, (4, 64, 64)) == {"size": [64, 4], "stride": [None, 1], "start": [None, 1.5]}


def test_a_pattern_too_long_to_be_kept():
    """At least what is read, and here no more: two elements at a seam of 300."""
    assert stack(conv(3), ("upsample", {"scale": 300}), conv(3)).axes[0].size == 4


def test_tokens_and_vectors_as_the_input():
    graph = Graph((196, 64))
    graph.add(KINDS["attention"](heads=2), (INPUT,), "attention")
    assert size_of(receptive_fields(graph)[0], graph.input) == (196,)
    assert as_record(receptive_fields(graph)[0], graph.input) == {"size": [196], "stride": None, "start": None}


# Networks


@pytest.mark.parametrize(
    ("path", "size", "stride", "start"),
    [
        ("stage1/conv2", 5, 1, 0),
        ("stage1", 6, 2, 0.5),
        ("stage2", 16, 4, 1.5),
        ("stage3", 44, 8, 3.5),
        ("stage4", 100, 16, 7.5),
        ("stage5/conv3", 100 + 3 * 2 * 16, 16, 7.5),
        ("stage5", 212, 32, 15.5),
    ],
)
def test_vgg16(network: Any, path: str, size: int, stride: int, start: float):
    """Each stage of n convolutions adds n*2*step, its pool one more step."""
    found = record(network("vgg16"), path)
    assert found == {"size": [size] * 2, "stride": [stride] * 2, "start": [start] * 2}


@pytest.mark.parametrize(
    ("model", "path", "size", "stride"),
    [
        # 11; +2*4 = 19; +4*8 = 51; +2*8 = 67; +3 * 2*16 = 163; +2*16 = 195 (Araujo et al. 2019: 195, stride 32)
        ("alexnet", "stage1/conv", 11, 4),
        ("alexnet", "stage1", 19, 8),
        ("alexnet", "stage2/conv", 51, 8),
        ("alexnet", "stage2", 67, 16),
        ("alexnet", "stage5/conv", 163, 16),
        ("alexnet", "stage5", 195, 32),
        # 5; +1 = 6; +4*2 = 14; +2 = 16; +4*4 = 32
        ("lenet5", "C5", 32, 4),
        # stem 7 + 2*2 = 11; 4 * 2*4 = 43; 2*4 + 3 * 2*8 = 99; 2*8 + 3 * 2*16 = 211; 2*16 + 3 * 2*32 = 435
        ("resnet18", "stage1", 43, 4),
        ("resnet18", "stage2", 99, 8),
        ("resnet18", "stage4", 435, 32),
        # one 3x3 a block, strided in the first: 11 + 3*8; + 8 + 3*16; + 16 + 5*32; + 32 + 2*64
        ("resnet50", "stage1", 35, 4),
        ("resnet50", "stage4", 427, 32),
        # one 3x3 a layer, a 2x2 pool a transition: 11 + 6*8 = 59; + 4 + 12*16 = 255; + 8 + 24*32; + 16 + 16*64
        ("densenet121", "denseblock2", 255, 8),
        ("densenet121", "denseblock4", 2071, 32),
    ],
)  # fmt: skip
def test_networks(network: Any, model: str, path: str, size: int, stride: int):
    found = record(network(model), path)
    assert (found["size"], found["stride"]) == ([size] * 2, [stride] * 2)


def test_inception_takes_its_widest_branch(network: Any):
    """The stem reads 7 + 2*2 + 2*4 + 2*4 = 27 in steps of 8, around 2 + 4; a 5x5 adds four steps, a 1x1 none."""
    googlenet = network("googlenet")
    assert record(googlenet, "stem")["size"] == [27, 27]
    assert record(googlenet, "inception3a/1x1")["size"] == [27, 27]
    assert record(googlenet, "inception3a/3x3")["size"] == [27 + 2 * 8] * 2
    assert record(googlenet, "inception3a") == {"size": [27 + 4 * 8] * 2, "stride": [8] * 2, "start": [6] * 2}


def test_a_join_takes_the_outermost_positions():
    """Two 3x3 read from -2 to 2; three 2x2, padded on the right, from 0 to 3."""
    graph = Graph((4, 64, 64))
    ends = []
    for kernel, times in ((3, 2), (2, 3)):
        at = INPUT
        for _ in range(times):
            at = graph.add(KINDS["conv"](out=4, kernel=kernel, pad="same"), (at,), "conv")
        ends.append(at)
    joined = graph.add(KINDS["concat"](), tuple(ends), "concat")
    fields = receptive_fields(graph)
    assert [fields[at].axes[0].phases for at in (*ends, joined)] == [((-2, 2),), ((0, 3),), ((-2, 3),)]


def test_a_gate_of_the_whole_map_makes_the_field_whole():
    graph = Graph((4, 64, 64))
    body = graph.add(KINDS["conv"](out=4, kernel=3, pad=1), (INPUT,), "conv")
    gate = graph.add(KINDS["global_avgpool"](), (body,), "pool")
    graph.add(KINDS["multiply"](), (body, gate), "multiply")
    assert receptive_fields(graph)[-1].is_whole


def test_branches_that_step_differently_read_the_whole_input():
    graph = Graph((4, 8, 8))
    strided = graph.add(KINDS["conv"](out=4, kernel=2, stride=2), (INPUT,), "strided")
    dense = graph.add(KINDS["conv"](out=4, kernel=5), (INPUT,), "dense")
    joined = graph.add(KINDS["add"](), (strided, dense), "add")
    assert receptive_fields(graph)[joined].is_whole


# Symbols


def test_formulas():
    k, s, d = symbols.symbol("K"), symbols.symbol("S"), symbols.symbol("D")
    three, strided, dilated = stack(*[conv(k)] * 3), stack(conv(k, stride=s), conv(k)), stack(conv(3, dilation=d))
    assert symbols.closed_form(three.axes[0].size) == 3 * k - 2
    assert symbols.closed_form(strided.axes[0].size - (k + (k - 1) * s)) == 0
    assert (strided.axes[0].stride, dilated.axes[0].size) == (s, 2 * d + 1)


def test_the_wider_of_two_symbolic_branches():
    k = symbols.symbol("K")
    graph = Graph((4, 64, 64))
    branches = [graph.add(KINDS["conv"](out=4, kernel=2 * n + 1, pad=n), (INPUT,), str(n)) for n in (k, 3, k + 1)]
    joined = graph.add(KINDS["concat"](), tuple(branches), "concat")
    size = receptive_fields(graph)[joined].axes[0].size
    assert [symbols.evaluate(size, {"K": value}) for value in (1, 2, 3, 9)] == [7, 7, 9, 21]


# Traced: every input position that an output element can reach, through every window.

TRACED = [
    [conv(3, pad=1), maxpool(2, 2), conv(3, pad=1)],
    [conv(5, stride=2, pad=2), conv(3, dilation=3), maxpool(3, 2, pad=1)],
    [conv(7, stride=3), maxpool(3, 2, pad=1), conv(1, stride=2), conv(4, pad=3)],
    [conv(3, stride=2, pad="same"), conv(4, pad="same"), maxpool(3, 2, pad="same")],
    [conv(3, pad=1), conv(1, stride=2, pad="same"), conv(3, pad=1)],
    [conv(3, pad="same", dilation=2)],
]


def read_by(layers: list[Any], position: int, size: int) -> set[int]:
    """The input positions behind one output position, along one axis; `same` pads as little as fits all windows."""
    if not layers:
        return {position}
    (_, fields), before = layers[-1], layers[:-1]
    arriving = size
    for kind, earlier in before:
        arriving = KINDS[kind](**earlier).output((4, arriving, arriving))[1]
    kernel, stride, dilation = fields["kernel"], fields.get("stride", 1), fields.get("dilation", 1)
    pad = fields.get("pad", 0)
    if pad == "same":
        last = max(range(0, arriving, stride)) + dilation * (kernel - 1)
        pad = max(0, last - (arriving - 1)) // 2
    taps = [position * stride - pad + i * dilation for i in range(kernel)]
    return set().union(*(read_by(before, tap, size) for tap in taps))


@pytest.mark.parametrize("size", [32, 33, 47])
@pytest.mark.parametrize("layers", TRACED)
def test_traced(layers: list[Any], size: int):
    axis = stack(*layers, size=size).axes[0]
    first, second = read_by(layers, 0, size), read_by(layers, 1, size)
    assert (axis.left, axis.right) == (min(first), max(first))
    assert axis.stride == min(second) - min(first)
    assert axis.size == max(first) - min(first) + 1
    assert axis.start == (min(first) + max(first)) / 2


def test_same_padding_of_a_symbolic_size():
    """A 1x1 window in steps of 2 needs no padding, whatever the size."""
    axis = stack(conv(1, stride=2, pad="same"), size=symbols.symbol("H")).axes[0]
    assert symbols.evaluate(axis.left, {"H": 8}) == 0


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
def test_an_upsampled_map_is_read_in_whole_positions(kernel: int, scale: int):
    """Element i of an upsampled map is position i // scale; a window may begin at any element."""
    read = [{element // scale for element in range(start, start + kernel)} for start in range(scale)]
    axis = stack(("upsample", {"scale": scale}), conv(kernel)).axes[0]
    assert axis.size == max(map(len, read))
    assert axis.stride * scale == 1


def taps(mode: str, element: int, scale: int) -> range:
    """The positions that an element of an enlarged map is made from.

    Its centre is at (element + 1/2) / scale from the edge of the map, position i from i to i + 1. Nearest takes the
    position it lies in; bilinear the centres on both sides of it, or the one it lies on; bicubic one more on each side.
    """
    if mode == "nearest":
        return range(element // scale, element // scale + 1)
    centre = Fraction(2 * element + 1, 2 * scale) - Fraction(1, 2)
    around = range(floor(centre), ceil(centre) + 1)
    return around if mode == "bilinear" else range(around.start - 1, around.stop + 1)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
def test_what_an_enlarged_map_is_made_from(kernel: int, scale: int, mode: str):
    """The most over every element that a window may begin at; the first element, and all, by the same step."""
    window = [{tap for i in range(kernel) for tap in taps(mode, at + i, scale)} for at in range(scale)]
    alone = stack(("upsample", {"scale": scale, "mode": mode})).axes[0]
    assert (alone.left, alone.right) == (taps(mode, 0, scale)[0], taps(mode, 0, scale)[-1])
    assert alone.stride == Fraction(1, scale)
    assert stack(("upsample", {"scale": scale, "mode": mode}), conv(kernel)).axes[0].size == max(map(len, window))


@pytest.mark.parametrize(("mode", "around"), [("nearest", 0), ("bilinear", 1), ("bicubic", 3)])
def test_an_enlarged_map_of_a_strided_one(mode: str, around: int):
    """Patches of 8, each `around` more: as many steps of 8 wider."""
    axis = stack(maxpool(8, 8), ("upsample", {"scale": 4, "mode": mode})).axes[0]
    assert (axis.size, axis.stride) == (8 + around * 8, 2)


def laid_on(element: int, kernel: int, stride: int, pad: int, dilation: int) -> set[int]:
    """The input positions, on a map without end, whose kernels a transposed convolution lays on an output element."""
    reached = [element + pad - tap * dilation for tap in range(kernel)]
    return {place // stride for place in reached if place % stride == 0}


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
def test_a_transposed_convolution_reads_the_positions_whose_kernels_it_lays(kernel: int, stride: int, dilation: int):
    """From the outermost to the outermost at most, over all output elements; without dilation just as many."""
    for pad in range(3):
        window = {"kernel": kernel, "stride": stride, "pad": pad, "dilation": dilation}
        axis = stack(("conv_transpose", {"out": 4, **window})).axes[0]
        read = [places for element in range(stride) if (places := laid_on(element, **window))]
        widest = max(max(places) - min(places) + 1 for places in read)
        assert axis.stride * stride == 1
        assert axis.size >= widest
        if dilation == 1:
            assert axis.size == widest


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
def test_the_first_element_of_a_transposed_convolution(kernel: int, stride: int):
    """It lies on the first position if it is not cut off: 2x2 kernels, 2 apart, read as nearest upsampling does."""
    for pad in range(3):
        window = {"kernel": kernel, "stride": stride, "pad": pad, "dilation": 1}
        axis = stack(("conv_transpose", {"out": 4, **window})).axes[0]
        if first := laid_on(0, **window):
            assert axis.left == min(first), pad
            assert axis.right >= max(first), pad


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("after", [2, 3, 5])
def test_a_convolution_after_a_transposed_one_reads_what_is_said(after: int, kernel: int, stride: int):
    window = {"kernel": kernel, "stride": stride, "pad": 1, "dilation": 1}
    axis = stack(("conv_transpose", {"out": 4, **window}), conv(after)).axes[0]
    read = [{place for i in range(after) for place in laid_on(at + i, **window)} for at in range(stride)]
    assert axis.size == max(max(places) - min(places) + 1 for places in read if places)


def test_a_transposed_convolution_of_a_symbolic_kernel():
    """As deep as whole steps fit into a kernel, rounded up."""
    k, s = symbols.symbol("K"), symbols.symbol("S")
    size = stack(("conv_transpose", {"out": 4, "kernel": k, "stride": s})).axes[0].size
    for kernel, stride, depth in ((4, 2, 2), (5, 2, 3), (2, 2, 1), (3, 1, 3), (1, 3, 1)):
        assert symbols.evaluate(size, {"K": kernel, "S": stride}) == depth


@pytest.mark.parametrize(
    ("kind", "operands", "before"), [("matmul", 2, ()), ("scaled_dot_product_attention", 3, ("tokens",))]
)
def test_products_of_activations_read_everything(kind: str, operands: int, before: tuple[str, ...]):
    graph = Graph((4, 8, 8))
    ends = [graph.add(KINDS["conv"](out=4, kernel=3, pad=1), (INPUT,), "conv") for _ in range(operands)]
    for each in before:
        ends = [graph.add(KINDS[each](), (end,), each) for end in ends]
    product = graph.add(KINDS[kind](), tuple(ends), kind)
    assert receptive_fields(graph)[product].is_whole


def test_halves_are_written_as_decimals():
    field = stack(("upsample", {"scale": 2}), conv(3))
    assert as_record(field, (4, 64, 64)) == {"size": [2, 2], "stride": [0.5, 0.5], "start": [0.5, 0.5]}
    assert as_record(stack(("upsample", {"scale": 2}), maxpool(2, 2)), (4, 64, 64))["stride"] == [1, 1]


def test_a_symbolic_scale():
    scale = symbols.symbol("S")
    assert stack(conv(3), ("upsample", {"scale": scale})).axes[0].stride == 1 / scale
    assert stack(conv(1, stride=scale), ("upsample", {"scale": scale})).axes[0].stride == 1


# Single layers


def read(kind: str, *shape: int, element: int = 0, **fields: Any) -> Any:
    """What an element of a layer's output reads, first and last, along H and W."""
    window = KINDS[kind](**fields).reach(shape)
    return window and [axis and (axis.first(element), axis.last(element)) for axis in window.reads]


def test_what_single_layers_read():
    """A `same` pool of 3 over 8 in steps of 1 has one row before it; of 2, none: the odd row comes after."""
    assert read("relu", 6) is None
    assert read("flatten", 6) is None
    assert read("flatten", 6, 1, 1) == read("flatten", 5, 6) == []
    assert read("zero_pad", 6, 8, 10, rows=[1, 2], columns=[3, 0]) == [(-1, -1), (-3, -3)]
    assert read("maxpool", 6, 8, 8, kernel=3, stride=1, pad="same") == [(-1, 1), (-1, 1)]
    assert read("maxpool", 6, 8, 8, kernel=2, stride=2, pad="same", element=3) == [(6, 7), (6, 7)]
    assert read("conv", 6, 8, 8, out=4, kernel=3, dilation=[1, 2], pad="same") == [(-1, 1), (-2, 2)]
    assert read("upsample", 6, 8, 8, scale=3, mode="bicubic") == [(-2, 1), (-2, 1)]
    assert read("conv_transpose", 6, 8, 8, out=4, kernel=4, stride=2, pad=1) == [(-1, 0), (-1, 0)]
    assert read("window_attention", 6, 8, 8, heads=2, window=[4, 8], shift=1) == [(-3, 0), None]
