"""What an error says would bring shapes together: worked out by hand for each case, and true when it is tried."""

from __future__ import annotations

import re

import pytest
import yaml

from vcalc.errors import LayerError, VcalcError
from vcalc.graph import Facts
from vcalc.layers import KINDS, mend
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, NamedShape, rank
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec

SAME_SIZE = "bring them to one height and width: pad, stride, or 'upsample'"
KEEPS = "with stride 1 and pad: same, conv and pools keep the height and width that arrive"


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ((64, 56, 56), (32, 28, 56), SAME_SIZE),
        ((64, 56, 56), (32, 56, 28), SAME_SIZE),
        (NamedShape((8, 30), MAP), NamedShape((8, 31), MAP), SAME_SIZE.replace("height and width", "length")),
        ((8, 4, 9, 9), (8, 2, 9, 9), SAME_SIZE.replace("height", "duration, height")),
        ((64, 56, 56), (32, 56, 56), "conv: {out: 64, kernel: 1} brings the second to the channels of the first"),
        ((197, 768), (197, 384), "linear: {out: 768} brings the second to the width of the first"),
        ((10,), (20,), "linear: {out: 10} brings the second to the width of the first"),
        ((197, 768), (196, 768), ""),
        ((197, 768), (768,), "'take_token' or 'global_avgpool' turns tokens into a vector"),
        ((64, 8, 8), (64, 64), "'tokens' turns a map into tokens, 'to_map' tokens into a map"),
        ((64, 8, 8), (64,), "'global_avgpool' or 'flatten' turns a map into a vector"),
    ],
)
def test_branches(first: tuple[int, ...], second: tuple[int, ...], says: str):
    assert mend.joined(first, second) == says


def test_a_vector_stands_for_a_constant_map():
    assert mend.combined((64, 8, 8), (32,)) == "a vector goes with a map of as many channels"
    assert mend.combined((64, 8, 8), (32, 8, 8)) == mend.joined((64, 8, 8), (32, 8, 8))


@pytest.mark.parametrize(
    ("made", "arrives", "says"),
    [
        ((8, 4, 4), (3, 4, 4), "shortcut: [conv: {out: 8, kernel: 1}] brings what arrives to [8, 4, 4]"),
        ((8, 4, 4), (3, 32, 32), "shortcut: [conv: {out: 8, kernel: 1, stride: 8}] brings what arrives to [8, 4, 4]"),
        ((8, 4, 4), (3, 36, 36), KEEPS),  # a stride of 9 would, and is none that a network has
        ((8, 28, 56), (8, 30, 56), KEEPS),
        ((8, 28, 28), (8, 30, 28), KEEPS),
        (NamedShape((8, 28), MAP), NamedShape((8, 30), MAP), KEEPS.replace("height and width", "length")),
        ((8, 9, 9), (8, 4, 4), "a shortcut: [...] has to bring what arrives to [8, 9, 9]"),
        ((197, 768), (197, 384), "shortcut: [linear: {out: 768}] brings what arrives to [197, 768]"),
        ((197, 768), (196, 768), "a shortcut: [...] has to bring what arrives to [197, 768]"),
        ((10,), (20,), "shortcut: [linear: {out: 10}] brings what arrives to [10]"),
        ((10,), (20, 4), "'take_token' or 'global_avgpool' turns tokens into a vector"),
    ],
)
def test_residuals(made: tuple[int, ...], arrives: tuple[int, ...], says: str):
    assert mend.residual(made, arrives) == says


def test_features_of_tokens_are_joined_over_d():
    assert mend.concatenated((16, 8), (16, 4), None) == mend.FEATURES
    assert mend.concatenated((16, 8), (12, 4), None) == "linear: {out: 8} brings the second to the width of the first"
    assert mend.concatenated((64, 8, 8), (64, 4, 4), None) == SAME_SIZE


# Helps, followed to the letter


SHAPES = {MAP: (12, 4, 4), TOKENS: (16, 12), VECTOR: (12,), HEADS: NamedShape((3, 16, 4), HEADS)}
FIELDS = {
    "to_map": {"height": 4},
    "split_heads": {"heads": 2},
    "rearrange": {"pattern": "D -> D 1 1"},
    "flip": {"over": "last"},
}


def after(kind: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    fields = {name: 1 for name, field in KINDS[kind].fields.items() if field.required}
    return Facts(KINDS[kind](**{**fields, **FIELDS.get(kind, {})}), (shape,)).output


def fits(kind: str, shape: tuple[int, ...]) -> bool:
    return rank(shape) in KINDS[kind].accepts


TAKING = [kind for kind in KINDS if not KINDS[kind].begins]
REFUSED = [(kind, arrives) for kind in TAKING for arrives in SHAPES if arrives not in KINDS[kind].accepts]


@pytest.mark.parametrize(("kind", "arrives"), REFUSED)
def test_a_help_about_what_a_layer_takes_is_true(kind: str, arrives: int):
    """Put a layer before it, use another kind, leave it out, or there is no way: each is tried."""
    layer, shape = object.__new__(KINDS[kind]), SHAPES[arrives]
    with pytest.raises(LayerError) as refused:
        layer.check((NamedShape(shape, arrives),))
    hint = refused.value.problems[0].hint
    ways = [way for put in re.findall("put (.*?) before it", hint) for way in put.split(" or ")]
    for way in ways:
        there = shape
        for word in re.findall(r"'(\w+)'", way):
            there = after(word, there)
        layer.check((NamedShape(there, rank(there)),))
    used = re.findall(r"use '(\w+)'", hint)
    assert all(fits(word, shape) for word in used)
    assert all(("out" in KINDS[word].fields) == ("out" in KINDS[kind].fields) for word in used)
    left_out = hint.startswith("leave it out")
    if left_out:
        assert arrives in {rank(after(kind, SHAPES[wanted])) for wanted in layer.accepts}
    none = hint.startswith(("no layer makes", "only 'rearrange' makes a feature map"))
    if none:
        assert arrives == VECTOR
        assert ("embedding" in hint) == (MAP not in layer.accepts)
    assert ways or used or left_out or none


def test_only_an_embedding_and_a_pattern_make_more_of_a_vector():
    """But for vectors of frames, which are tokens together."""
    kinds = [kind for kind in KINDS.values() if VECTOR in kind.accepts and kind.kind != "merge_frames"]
    vectors = [kind.kind for kind in kinds if not kind.joins]
    assert {kind for kind in vectors if rank(after(kind, (12,))) != VECTOR} == {"embedding", "rearrange"}
    for pattern, made in (("D -> D 1 1", MAP), ("D -> 1 D", TOKENS)):
        assert rank(Facts(KINDS["rearrange"](pattern=pattern), ((12,),)).output) == made


@pytest.mark.parametrize(
    ("join", "first", "second"),
    [
        ("add", (8, 4, 4), (6, 4, 4)),
        ("multiply", (16, 8), (16, 6)),
        ("add", (8,), (6,)),
        ("concat", (16, 8), (12, 4)),
        ("add", (8, 4, 4), (16, 8)),
        ("concat", (8, 4, 4), (8,)),
        ("concat", (16, 8), (8,)),
        ("add", NamedShape((2, 16, 4), HEADS), (16, 8)),
        ("add", NamedShape((2, 16, 4), HEADS), (2, 16, 5)),
    ],
    ids=str,
)
def test_a_help_about_two_branches_is_true(join: str, first: tuple[int, ...], second: tuple[int, ...]):
    """A layer with its fields after the second, or words that make the rank of the one of the other."""
    with pytest.raises(LayerError) as refused:
        Facts(KINDS[join](), (first, second))
    hint = refused.value.problems[0].hint
    written = re.search(r"(\w+): (\{.*?\})", hint)
    if written:
        mended = Facts(KINDS[written[1]](**yaml.safe_load(written[2])), (second,)).output
        assert Facts(KINDS[join](), (first, mended)).output
        return
    words = re.findall(r"'(\w+)'", hint)
    made = {rank(after(word, shape)) for shape in (first, second, (16, 8)) for word in words if fits(word, shape)}
    assert {rank(first), rank(second)} & made


@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
@pytest.mark.parametrize(
    ("channels", "out", "groups"), [(3, 8, 3), (64, 96, 48), (64, 100, 64), (64, 64, 3), (10, 4, 5)]
)
def test_a_help_about_groups_divides_both(kind: str, channels: int, out: int, groups: int):
    def tried(**fields: int) -> None:
        Facts(KINDS[kind](**{"kernel": 3, "out": out, "groups": groups, **fields}), ((channels, 8, 8),))

    with pytest.raises(LayerError) as refused:
        tried()
    hint, _, outs = refused.value.problems[0].hint.partition(";")
    for number in map(int, re.findall(r"\d+", hint.split(" divides ")[0])):
        tried(groups=number)
    for number in map(int, re.findall(r"\d+", outs.partition("out is")[2])):
        tried(out=number)
    assert outs or channels % groups


@pytest.mark.parametrize(
    ("shape", "layers", "says", "followed", "output"),
    [
        ("{N: 16, D: 8}", "{branches: [[], [linear: {out: 4}]], join: concat}", "join: {concat: {over: D}}",
         "{branches: [[], [linear: {out: 4}]], join: {concat: {over: D}}}", (16, 12)),
        ("{C: 8, H: 4, W: 4}", "linear: {out: 3}", "'pointwise_linear', which works at each place",
         "pointwise_linear: {out: 3}", (3, 4, 4)),
        ("{N: 16, D: 8}", "split_heads: {heads: 2}, conv: {out: 3, kernel: 1}", "'merge_heads' and then 'to_map'",
         "split_heads: {heads: 2}, merge_heads, to_map: {height: 4}, conv: {out: 3, kernel: 1}", (3, 4, 4)),
        ("{C: 8, H: 4, W: 4}", "{branches: [[windows: {window: 2}], [conv: {out: 4, kernel: 1}]], join: add}",
         "'merge_windows'",
         "{branches: [[windows: {window: 2}, merge_windows], [conv: {out: 8, kernel: 1}]], join: add}", (8, 4, 4)),
        ("{C: 8, H: 4, W: 4}", "{branches: [[windows: {window: 2}], [tokens, linear: {out: 6}]], join: concat}",
         "linear: {out: 8} brings the second to the width of the first",
         "{branches: [[windows: {window: 2}], [tokens, linear: {out: 8}]], join: concat}", (4, 20, 8)),
        ("{C: 8, H: 4, W: 4}", "rearrange: C H W -> H W C", "leave it out: channels come first", "layernorm",
         (8, 4, 4)),
        ("{N: 16, D: 8}", "rearrange: {pattern: (w n) D -> w n D, n: 2}", "write (w n) D -> D w n for a map",
         "rearrange: {pattern: (w n) D -> D w n, n: 2}", (8, 8, 2)),
        ("{N: 16, D: 8}", "rearrange: {pattern: (w n) D -> w n D, n: 2}", "or (w n) D -> w | n D where w is a batch",
         "rearrange: {pattern: (w n) D -> w | n D, n: 2}", (8, 2, 8)),
        ("{C: 8, H: 4, W: 4}", "rearrange: {pattern: C (a h) (b w) -> (a b) (h w) C, h: 2, w: 2}",
         "write C (a h) (b w) -> (a b) | (h w) C where (a b) is a batch",
         "rearrange: {pattern: C (a h) (b w) -> (a b) | (h w) C, h: 2, w: 2}", (4, 4, 8)),
    ],
)  # fmt: skip
def test_a_help_that_is_followed_gives_what_was_meant(shape, layers, says, followed, output):
    def network(text: str) -> Network:
        spec = parse_spec(f"input: {shape}\nlayers: [{text}]\n", "net.yaml", "net")
        return expand(spec, spec.models["net"])

    with pytest.raises(VcalcError) as refused:
        network(layers)
    assert says in refused.value.problems[0].hint
    assert network(followed).graph.nodes[-1].output == output


@pytest.mark.parametrize(
    ("kind", "shapes", "says"),
    [
        ("take_token", [(10,)], "leave it out: what arrives is a vector already"),
        ("tokens", [(196, 768)], "leave it out: what arrives is tokens already"),
        ("merge_heads", [(196, 768)], "leave it out: what arrives is tokens already"),
        ("pool_heads", [(196, 768)], "put 'split_heads' before it"),
        ("merge_heads", [(768,)], "no layer makes heads of a vector, but 'embedding' of word numbers"),
        ("matmul", [(2, 8, 4), (2, 5, 6)], "the second has to be [2, 4, M], with any M"),
        ("matmul", [(8, 4), (5, 6)], "the second has to be [4, M], with any M"),
    ],
)
def test_what_a_layer_takes(kind: str, shapes: list[tuple[int, ...]], says: str):
    with pytest.raises(LayerError) as error:
        Facts(KINDS[kind](**({"height": 2} if kind == "pool_heads" else {})), tuple(shapes))
    assert error.value.problems[0].hint == says
