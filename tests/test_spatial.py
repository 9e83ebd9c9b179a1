"""Layers on one, two and three spatial axes: what they come to by hand, what they read, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.analyses.receptive_field import as_record, receptive_fields, size_of
from vcalc.errors import VcalcError
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.axes import MAP, TOKENS, NamedShape, rank
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec

M5 = """
title: M5, on a second of sound
input: {C: 1, L: 16000}
layers:
  - conv: {out: 32, kernel: 80, stride: 16}
  - batchnorm
  - relu
  - maxpool: {kernel: 4}
  - conv: {out: 32, kernel: 3}
  - batchnorm
  - relu
  - maxpool: {kernel: 4}
  - conv: {out: 64, kernel: 3}
  - batchnorm
  - relu
  - maxpool: {kernel: 4}
  - conv: {out: 64, kernel: 3}
  - batchnorm
  - relu
  - maxpool: {kernel: 4}
  - global_avgpool
  - linear: {out: 35}
"""
"""M5 of Dai et al. 2017, narrower: torchaudio's tutorial on speech commands, which prints its 26,915 parameters."""


def network_of(text: str, **sizes: Any) -> Network:
    parsed = parse_spec(text, "net.yaml", "net")
    return expand(parsed, parsed.models["net"], sizes)


def multiply_adds(network: Network) -> Any:
    return Costs(network.graph, conventions.load("macs")).total(network.graph.nodes).flops


def test_a_stem_of_videos():
    """16 kernels of 3 x 3 x 5 x 5 at 16 x 112 x 112 places."""
    layer = KINDS["conv"](out=16, kernel=[3, 5, 5], stride=[1, 2, 2], pad=[1, 2, 2])
    facts = Facts(layer, ((3, 16, 224, 224),))
    assert facts.output == (16, 16, 112, 112)
    assert facts.parameters == {"weight": 3600, "bias": 16}
    assert facts.work["multiply_adds"] == 722_534_400 == 3600 * 16 * 112 * 112


def test_m5():
    """Each convolution's weights by its places; the linear layer after the mean."""
    network = network_of(M5)
    products = (80 * 32 * 996, 3 * 32 * 32 * 247, 3 * 32 * 64 * 59, 3 * 64 * 64 * 12, 64 * 35)
    assert multiply_adds(network) == sum(products)
    assert network.graph.nodes[-3].output == (64, 3)
    assert Costs(network.graph, conventions.load("macs")).total(network.graph.nodes).params == 26_915


def test_what_an_element_of_m5_reads():
    """r + (k - 1) * s, where s is the product of the strides before (Araujo, Norris & Sim 2019)."""
    graph, size, step, expected = network_of(M5).graph, 1, 1, []
    for kernel, stride in ((80, 16), (4, 4), (3, 1), (4, 4), (3, 1), (4, 4), (3, 1), (4, 4)):
        size, step = size + (kernel - 1) * step, step * stride
        expected.append((size,))
    assert expected == [(80,), (128,), (256,), (448,), (960,), (1728,), (3776,), (6848,)]
    fields = receptive_fields(graph)
    sliding = [node.index for node in graph.nodes if node.kind in ("conv", "maxpool")]
    assert [size_of(fields[index], graph.input) for index in sliding] == expected
    assert size_of(fields[-1], graph.input) == (16_000,)


def test_what_an_element_of_a_video_reads():
    graph = network_of(
        "input: {C: 3, T: 16, H: 64, W: 64}\nlayers:\n"
        "  - conv: {out: 8, kernel: [3, 7, 7], stride: [1, 2, 2], pad: [1, 3, 3]}\n"
        "  - maxpool: {kernel: 2}\n  - conv: {out: 8, kernel: [3, 1, 1], pad: [1, 0, 0]}\n"
    ).graph
    assert [size_of(field, graph.input) for field in receptive_fields(graph)] == [(3, 7, 7), (4, 9, 9), (8, 9, 9)]


def test_a_causal_convolution_reads_nothing_later():
    """As long as what arrives; WaveNet's front and two cycles of dilations 1 to 512 reach back over 2048 samples."""
    layer = "{conv: {out: 2, kernel: 2, dilation: 2**i, pad: causal}}"
    cycles = f"{{repeat: 2, do: [{{repeat: 10, index: i, do: [{layer}]}}]}}"
    front = "{conv: {out: 2, kernel: 2, pad: causal}}"
    graph = network_of(f"input: {{C: 2, L: 3000}}\nlayers: [{front}, {cycles}]\n").graph
    assert {node.output for node in graph.nodes} == {(2, 3000)}
    assert size_of(receptive_fields(graph)[-1], graph.input) == (1 + 1 + 2 * (2**10 - 1),)
    layer = KINDS["conv"](out=1, kernel=3, stride=2, dilation=4, pad="causal").fitted((SEQUENCE,))
    (reads,) = layer.reach(SEQUENCE).reads
    assert layer.output(SEQUENCE) == (1, 6)
    assert [(reads.first(j), reads.last(j)) for j in range(3)] == [(-8, 0), (-6, 2), (-4, 4)]


def test_an_open_length_and_arrays_of_lengths():
    sizes = numpy.array([16_000, 8_000, 22_050])
    together = multiply_adds(network_of(M5, L=sizes))
    one_by_one = [multiply_adds(network_of(M5, L=int(size))) for size in sizes]
    assert together.numbers.tolist() == one_by_one


@pytest.mark.parametrize("kernel", [4, 5])
def test_where_arrays_of_lengths_are_read_from(kernel: int):
    """Padding that depends on each length: half of it lies before the first place."""
    text = f"{{conv: {{out: 2, kernel: {kernel}, stride: 3, pad: same}}}}"
    lengths = [20, 21, 22, 23]
    spec = "title: t\ninput: {C: 1, L: 8}\nlayers: [" + text + ", {conv: {out: 1, kernel: 2}}]"

    def read(length: Any) -> Any:
        network = network_of(spec, L=length)
        return as_record(receptive_fields(network.graph)[-1], network.graph.input)

    together = read(numpy.array(lengths))
    for key, (found,) in together.items():
        each = [read(length)[key][0] for length in lengths]
        assert (found.numbers.tolist() if hasattr(found, "numbers") else [found] * 4) == each


def test_a_formula_in_a_length(vcalc: Any, tmp_path: Any):
    file = tmp_path / "m5.yaml"
    file.write_text(M5)
    text = vcalc("formula", str(file), "--set", "L=L").stdout
    assert "1xL" in text
    assert "holds where L >= 6848" in text  # what the last convolution's window and the pool after it read
    working = vcalc("table", str(file), "--explain").stdout
    assert "(16000 - 80)//16 + 1 = 996" in working


def test_a_vector_gates_the_channels_of_any_map():
    """Squeeze and excitation."""
    for places in ((20,), (6, 7), (4, 6, 7)):
        video = NamedShape((8, *places), MAP)
        assert Facts(KINDS["multiply"](), (video, (8,))).output == video
        assert Facts(KINDS["multiply"](), ((8,), video)).output == video


@pytest.mark.parametrize("kind", ["add", "mean", "multiply"])
def test_three_sequences_are_joined_as_two_are(kind: str):
    """What two of them give is a sequence, and no tokens: a vector goes with its channels."""
    sequence = NamedShape((8, 20), MAP)
    assert Facts(KINDS[kind](), (sequence, sequence, (8,))).output == sequence
    assert rank(Facts(KINDS[kind](), (sequence, sequence, sequence)).output) == MAP


@pytest.mark.parametrize("kind", ["add", "concat", "mean", "multiply"])
def test_a_sequence_is_not_joined_with_tokens_of_its_sizes(kind: str):
    sequence, tokens = NamedShape((16, 16), MAP), NamedShape((16, 16), TOKENS)
    for shapes in ((sequence, tokens), (tokens, sequence), (sequence, sequence, tokens)):
        with pytest.raises(VcalcError, match=rf"^{kind}: .*(a sequence|tokens) .* do not match"):
            Facts(KINDS[kind](), shapes)


SEQUENCE, IMAGE, CLIP = NamedShape((4, 12), MAP), NamedShape((4, 6, 8), MAP), NamedShape((4, 2, 6, 8), MAP)


@pytest.mark.parametrize(
    ("kind", "fields", "shape", "message"),
    [
        ("conv", {"out": 4, "kernel": [3, 3]}, SEQUENCE, "has a number for each of 2 axes, and what arrives has one"),
        ("conv", {"out": 4, "kernel": [3, 3]}, CLIP, "and what arrives has 3 spatial axes"),
        ("roi_align", {"proposals": 2, "out": 2}, CLIP, "roi_align takes a feature map [C, H, W], but"),
        ("upsample", {"mode": "bilinear"}, SEQUENCE, "upsample: bilinear does not go with one spatial axis"),
        ("conv", {"out": 4, "kernel": 3, "pad": "causal"}, IMAGE, "conv: pad: causal is of a sequence"),
        ("upsample", {"mode": "linear"}, IMAGE, "upsample: linear does not go with 2 spatial axes"),
        ("upsample", {"mode": "bicubic"}, CLIP, "upsample: bicubic does not go with 3 spatial axes"),
        ("zero_pad", {"rows": 1}, SEQUENCE, "zero_pad: a sequence [4, 12] has no rows"),
        ("zero_pad", {"frames": 1}, IMAGE, "zero_pad: a feature map [4, 6, 8] has no frames"),
        ("zero_pad", {"positions": 1}, CLIP, "has no positions"),
        ("avgpool", {"kernel": 3, "pad": 1}, CLIP, "avgpool: a window of 3 is larger than the 2 that it averages"),
    ],
)  # fmt: skip
def test_refusals(kind: str, fields: dict[str, Any], shape: NamedShape, message: str):
    with pytest.raises(VcalcError) as raised:
        Facts(KINDS[kind](**fields), (shape,))
    assert message in str(raised.value)
