"""Axes in front of those that a layer works on: windows and frames, worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_layers import windows

from vcalc import conventions, symbols
from vcalc.analyses.cost import Costs
from vcalc.analyses.receptive_field import as_record, receptive_fields
from vcalc.errors import LayerError, VcalcError
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.axes import Leading, NamedShape
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec

CATALOGUE = Path(__file__).parents[1] / "specs"


def network(layers: str, input: str = "{C: 3, T: 8, H: 32, W: 32}", **values: Any) -> Network:
    spec = parse_spec(f"title: t\ninput: {input}\nlayers: {layers}\n", "t.yaml", "t")
    return expand(spec, next(iter(spec.models.values())), values)


def frames(*sizes: Any) -> NamedShape:
    return NamedShape(sizes, front=(Leading("T"),))


def totals(of: Network, convention: str = "macs", batch: int = 1) -> tuple[Any, Any]:
    total = Costs(of.graph, conventions.load(convention), batch).total(of.graph.nodes)
    return total.params, total.flops


def test_timesformer_has_the_parameters_that_its_paper_prints():
    """121.4 million with the 174 classes of Something-Something (Table 1); each part by hand."""
    attention, norm, mlp = 768 * 4 * 768 + 4 * 768, 2 * 768, 2 * 4 * 768 * 768 + 5 * 768
    block = 2 * attention + 3 * norm + mlp + 768 * 768 + 768
    embedding = 3 * 16 * 16 * 768 + 768 + 768 + 197 * 768 + 8 * 768
    params = embedding + 12 * block + norm + 174 * 769
    assert params == 121_392_558
    assert totals(expand(*load(str(CATALOGUE / "timesformer.yaml")), {"classes": 174}))[0] == params


@pytest.mark.parametrize("name", conventions.names())
def test_attention_in_windows_is_window_attention_without_its_biases(name: str):
    """Under every convention, at every batch, where both are called in one way.

    One counts the map without padding, which attention on windows knows nothing of: it gets whole windows.
    """
    height, width = (10, 15) if name == "swin" else (13, 18)
    parted = "[windows: {window: 5, shift: 2}, attention: {heads: 3, written: sdpa}, merge_windows]"
    whole = "[window_attention: {heads: 3, window: 5, shift: 2, relative_position_bias: false, written: sdpa}]"
    sides = [network(layers, f"{{C: 12, H: {height}, W: {width}}}") for layers in (parted, whole)]
    assert sides[0].graph.nodes[-1].output == sides[1].graph.nodes[-1].output == (12, height, width)
    for batch in (1, 4):
        assert totals(sides[0], name, batch) == totals(sides[1], name, batch)


@pytest.mark.parametrize("name", conventions.names())
def test_a_layer_on_frames_counts_as_often_as_it_runs(name: str):
    """Under every convention as for so many images: in an average per image, too, since frames are none."""
    alone = Facts(KINDS["conv"](out=4, kernel=3), ((3, 9, 9),))
    framed = Facts(KINDS["conv"](out=4, kernel=3), (NamedShape((8, 3, 9, 9), "map", front=(Leading("T"),)),))
    convention = conventions.load(name)
    one, image = convention.flops(alone, 1), convention.flops(alone, 2) - convention.flops(alone, 1)
    assert convention.flops(framed, 1) == 8 * one
    assert convention.flops(framed, 2) - convention.flops(framed, 1) == 8 * image
    assert convention.params(framed) == convention.params(alone)


def test_what_weights_bring_comes_once_for_all_windows():
    layer = KINDS["conv"](out=4, kernel=3, standardized=True)
    framed = Facts(layer, (NamedShape((8, 3, 9, 9), "map", front=(Leading("T"),)),)).work
    alone = Facts(layer, ((3, 9, 9),)).work
    assert framed["standardized_weights"] == alone["standardized_weights"] == 4 * 3 * 9
    assert framed["multiply_adds"] == 8 * alone["multiply_adds"] == 8 * 4 * 3 * 9 * 49


def test_positions_are_shared_by_all_frames():
    facts = Facts(KINDS["position_embedding"](), (frames(8, 196, 768),))
    assert facts.parameters == {"position_embedding": 196 * 768}
    assert facts.work["additions"] == 8 * 196 * 768
    assert facts.output.axes == ("T", "N", "D")


@pytest.mark.parametrize(
    ("arrives", "leaves", "axes"),
    [
        (NamedShape((8, 3, 5, 6), "map", front=(Leading("T"),)), (3, 8, 5, 6), "CTHW"),
        (frames(8, 30, 4), (240, 4), "ND"),
        (frames(8, 4), (8, 4), "ND"),
    ],
)
def test_frames_put_together(arrives: NamedShape, leaves: tuple[int, ...], axes: str):
    output = Facts(KINDS["merge_frames"](), (arrives,)).output
    assert (output, output.axes) == (leaves, tuple(axes))


@pytest.mark.parametrize(
    ("arrives", "leaves"),
    [
        (windows(25, 196, 768, laid=((64, 64), (14, 14), (0, 0), False)), (768, 64, 64)),
        (windows(64, 49, 96, laid=((56, 56), (7, 7), (3, 3), False)), (96, 56, 56)),
        (windows(16, 9, 4, 4, laid=((32, 32), (8, 8), (0, 0), False)), (9, 16, 16)),
        (windows(16, 9, 8, 8, laid=((31, 29), (8, 8), (4, 4), False)), (9, 31, 29)),
        (windows(128, 392, 96, laid=((16, 56, 56), (8, 7, 7), (0, 3, 3), False)), (96, 16, 56, 56)),
    ],
)
def test_windows_put_back(arrives: NamedShape, leaves: tuple[int, ...]):
    assert Facts(KINDS["merge_windows"](), (arrives,)).output == leaves


def test_an_outer_axis_stays_in_front_of_windows():
    made = network("[frames, windows: {window: 8}, linear: {out: 5}, merge_windows, merge_frames]")
    shapes = [(node.output, node.output.axes) for node in made.graph.nodes]
    assert shapes == [
        ((8, 3, 32, 32), ("T", "C", "H", "W")),
        ((8, 16, 64, 3), ("T", "w", "N", "D")),
        ((8, 16, 64, 5), ("T", "w", "N", "D")),
        ((8, 5, 32, 32), ("T", "C", "H", "W")),
        ((5, 8, 32, 32), ("C", "T", "H", "W")),
    ]
    assert totals(made) == (3 * 5 + 5, 8 * 32 * 32 * 3 * 5)


def test_windows_that_stay_in_front_know_where_they_came_from():
    """Attention in each window over all frames: 4 matrices of 3 by 3, products of 8 * 25 by as many tokens."""
    together, apart = "T w | N D -> w | (T N) D", "{pattern: w | (T N) D -> T w | N D, T: 8}"
    layers = f"[frames, windows: {{window: 5, shift: 2}}, rearrange: {together}, attention: {{heads: 3}}"
    made = network(f"{layers}, rearrange: {apart}, merge_windows, merge_frames]")
    assert made.graph.nodes[-1].output == (3, 8, 32, 32)
    assert totals(made)[1] == 49 * (200 * 4 * 9 + 2 * 200 * 200 * 3)
    assert made.graph.nodes[1].output.front == made.graph.nodes[4].output.front


@pytest.mark.parametrize("pattern", ["w[1:] | N D -> w | N D", "w | N D -> (w 2) | N D"])
def test_other_windows_are_not_put_back(pattern: str):
    with pytest.raises(VcalcError) as caught:
        network(f"[windows: {{window: 8}}, rearrange: '{pattern}', merge_windows]", "{C: 3, H: 32, W: 32}")
    (problem,) = caught.value.problems
    assert problem.message.startswith("merge_windows puts back what 'windows' has cut, but tokens [")
    assert problem.hint == (
        "'rearrange' takes away what it puts in front; it keeps windows that stand there before and after"
    )


@pytest.mark.parametrize(
    ("layer", "takes"),
    [
        ("frames", "a video [C, T, H, W]"),
        ("windows: {window: 8}", "a feature map [C, H, W], a sequence [C, L] or a video [C, T, H, W]"),
    ],
)
def test_a_kind_says_which_maps_it_takes(layer: str, takes: str):
    with pytest.raises(VcalcError) as caught:
        network(f"[{layer}]", "{N: 64, D: 12}")
    (problem,) = caught.value.problems
    assert problem.message == f"{layer.split(':')[0]} takes {takes}, but tokens [64, 12] arrives"


@pytest.mark.parametrize(
    ("before", "inside", "after", "size"),
    [
        ("", "", "", 4),
        ("", "", ", conv: {out: 4, kernel: 3, pad: 1}", 8),
        ("conv: {out: 4, kernel: 3, pad: 1}, ", "", "", 6),
        ("", "maxpool: {kernel: 2, stride: 2}, ", "", 8),
    ],
)
@pytest.mark.parametrize("shift", [0, 3])
def test_windows_in_windows_read_no_more_than_the_inner_ones(
    before: str, inside: str, after: str, size: int, shift: int
):
    """Four places of an inner window; one on each side of them, or two windows of four; and in pools two each."""
    outer = f"windows: {{window: 16, shift: {0 if inside else shift}}}, to_map"
    inner = f"{inside}windows: {{window: 4}}, attention: {{heads: 2}}, merge_windows"
    made = network(f"[{before}{outer}, {inner}, merge_windows{after}]", "{C: 4, H: 64, W: 64}")
    assert as_record(receptive_fields(made.graph)[-1], made.graph.input)["size"] == [size, size]


def test_a_model_in_use_works_on_each_frame():
    """Four frames through one ResNet-18: its parameters once, its work four times, and so of a model in windows."""
    image = network("[use: resnet18]", "{C: 3, H: 32, W: 32}")
    video = network("[frames, use: resnet18, merge_frames, global_avgpool]", "{C: 3, T: 4, H: 32, W: 32}")
    parted = network("[windows: {window: 32}, to_map, use: resnet18]", "{C: 3, H: 64, W: 64}")
    params, work = totals(image)
    assert params == 11_689_512
    assert totals(video) == totals(parted) == (params, 4 * work)
    assert video.graph.nodes[-1].output == (1000,)


def test_a_model_of_images_says_how_it_takes_a_video():
    with pytest.raises(VcalcError) as caught:
        network("[use: resnet18]")
    (problem,) = caught.value.problems
    assert problem.message == "resnet18 takes a feature map [C, H, W], but a video [3, 8, 32, 32] arrives"
    assert problem.hint == "put 'frames' before it, and each frame goes through it by itself"


def test_an_axis_in_front_that_has_a_name_twice_is_numbered():
    made = network('[frames, tokens, rearrange: "T | N D -> N | T D"]')
    assert made.graph.nodes[-1].output.axes == ("N2", "N", "D")


def test_open_sizes():
    """Whole windows of a map of any size: 4 multiply-adds of 6 by 6 at each of 25 places, 2 products of 25 by 25."""
    layers = "[windows: {window: 5}, attention: {heads: 2}, merge_windows]"
    flops = totals(network(layers, "{C: 6, H: 9, W: 9}", H="H", W="W"))[1]
    for height, width in ((5, 10), (11, 14), (1, 1)):
        count = -(-height // 5) * -(-width // 5)
        expected = count * (25 * 4 * 36 + 2 * 25 * 25 * 6)
        assert symbols.evaluate(flops, {"H": height, "W": width}) == expected
        assert totals(network(layers, "{C: 6, H: 9, W: 9}", H=height, W=width))[1] == expected


def fields(of: Network) -> list[dict[str, Any]]:
    return [as_record(field, of.graph.input) for field in receptive_fields(of.graph)]


@pytest.mark.parametrize("shift", [0, 3])
@pytest.mark.parametrize("side", [7, 26, 28])
def test_what_is_read_through_windows_is_what_window_attention_reads(shift: int, side: int):
    parted = f"windows: {{window: 7, shift: {shift}}}, attention: {{heads: 3}}, merge_windows"
    whole = f"window_attention: {{heads: 3, window: 7, shift: {shift}}}"
    conv = "conv: {out: 6, kernel: 3}"
    found = [
        fields(network(f"[{conv}, {layers}, {conv}]", f"{{C: 6, H: {side + 2}, W: 40}}")) for layers in (parted, whole)
    ]
    assert found[0][-1] == found[1][-1]
    assert found[0][-3] == found[1][-2]


@pytest.mark.parametrize(
    ("layers", "alone"),
    [
        ("windows: {window: 8}, to_map: {height: 8}, maxpool: {kernel: 2, stride: 2}, merge_windows",
         "maxpool: {kernel: 2, stride: 2}"),
        ("windows: {window: 8, shift: 2}, to_map: {height: 8}, conv: {out: 6, kernel: 3, pad: 1}, merge_windows",
         "conv: {out: 6, kernel: 3, pad: 1}"),
        ("windows: {window: 8}, linear: {out: 6}, merge_windows", "conv: {out: 6, kernel: 1}"),
        ("windows: {window: 8, strided: true}, layernorm, merge_windows", "layernorm"),
    ],
)  # fmt: skip
def test_what_is_read_inside_windows_is_what_is_read_of_the_map(layers: str, alone: str):
    found = [fields(network(f"[{each}]", "{C: 6, H: 32, W: 32}"))[-1] for each in (layers, alone)]
    assert found[0] == found[1]


def test_grid_attention_reads_the_whole_map_and_frames_read_themselves():
    strided = network(
        "[windows: {window: 8, strided: true}, attention: {heads: 1}, merge_windows]", "{C: 6, H: 32, W: 32}"
    )
    assert fields(strided)[-1]["size"] == [32, 32]
    framed = network("[frames, conv: {out: 4, kernel: 8, stride: 8}, tokens, attention: {heads: 1}, merge_frames]")
    assert [each["size"] for each in fields(framed)] == [[1, 1, 1], [1, 8, 8], [1, 8, 8], [1, 32, 32], [1, 32, 32]]


W = windows(6, 16, 8, laid=((8, 12), (4, 4), (0, 0), False))
REFUSED = [
    ("merge_windows", {}, ((16, 8),), "takes what has windows or frames in front, but tokens [16, 8] arrives"),
    ("merge_windows", {}, (frames(6, 16, 8),), "puts back what 'windows' has cut, but tokens [6, 16, 8] in 6 frames"),
    ("merge_frames", {}, ((3, 8, 8),), "takes what has windows or frames in front"),
    ("merge_frames", {}, (W,), "puts frames together, but tokens [6, 16, 8] in 6 windows arrives"),
    ("merge_windows", {}, (windows(6, 17, 8, laid=((8, 12), (4, 4), (0, 0), False)),), "has no 17 tokens"),
    ("merge_windows", {}, (windows(6, 8, 2, 2, laid=((7, 12), (4, 4), (0, 0), False)),), "padding cannot be taken off"),
    ("merge_windows", {}, (windows(6, 8, 2, 2, laid=((8, 12), (4, 4), (2, 0), False)),), "shift cannot be undone"),
    ("frames", {}, ((3, 8, 8),), "frames takes a video [C, T, H, W], but a feature map [3, 8, 8] arrives"),
    ("windows", {"window": 4}, ((16, 8),), "takes a feature map"),
    ("windows", {"window": [4, 4]}, ((8, 4, 8, 8),), "window has a number for each of 2 axes"),
    ("add", {}, (W, frames(6, 16, 8)), "differ in what stands in front"),
    ("concat", {}, (frames(6, 16, 8), frames(5, 16, 8)), "differ in what stands in front"),
    ("rearrange", {"pattern": "T | N D -> N | T D"}, ((16, 8),), "takes what has windows or frames in front"),
    (
        "merge_frames",
        {},
        (NamedShape((4, 16, 10), "map", front=(Leading("T"),)),),
        "takes a feature map [C, H, W], but a sequence [4, 16, 10] in 4 frames arrives",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "inputs", "says"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_does_not_fit_is_refused(kind: str, fields: dict[str, Any], inputs: tuple[Any, ...], says: str):
    with pytest.raises(LayerError) as error:
        Facts(KINDS[kind](**fields), inputs)
    assert says in error.value.problems[0].message


@pytest.mark.parametrize(
    ("pattern", "says", "column"),
    [
        ("T | N | D -> N D", "a side has one bar", 7),
        ("| N D -> N D", "nothing stands before the bar", 0),
        ("N D -> N D |", "nothing stands behind the bar", 12),
    ],
)
def test_a_bar_stands_between_axes(pattern: str, says: str, column: int):
    with pytest.raises(VcalcError) as error:
        network(f'[rearrange: "{pattern}"]', "{N: 4, D: 6}")
    assert says in str(error.value)
    assert error.value.problems[0].place.column == len('layers: [rearrange: "') + column


def test_a_network_of_images_is_used_on_each_frame():
    """Its parameters once, its work for each of eight frames."""
    params, macs = totals(expand(*load("resnet18"), {"H": 64, "W": 64}))
    film = network("[frames, {use: resnet18, name: backbone}]", "{C: 3, T: 8, H: 64, W: 64}")
    assert totals(film) == (params, 8 * macs)


def test_a_network_of_images_is_not_used_on_each_vector():
    with pytest.raises(VcalcError, match=r"resnet18 takes a feature map .*, but a vector .* in 8 frames arrives"):
        network("[frames, global_avgpool, {use: resnet18}]")
