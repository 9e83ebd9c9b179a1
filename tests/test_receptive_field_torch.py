"""Receptive fields held against gradients: what torch's autograd says an output element reads, in random networks.

All weights are positive, so that nothing cancels; every layer's output is scaled, so that no softmax saturates.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import pytest
from layer_torch import alone

from vcalc.analyses.receptive_field import Axis, receptive_fields
from vcalc.arithmetic import product
from vcalc.errors import LayerError
from vcalc.graph import INPUT, Graph
from vcalc.layers import KINDS
from vcalc.layers.axes import MAP, MAPS, NamedShape

torch: Any = pytest.importorskip("torch", reason="gradients are torch's")


CHANNELS = 2


class Drawn(NamedTuple):
    """A random network; `exact` where docs/receptive-fields.md names no approximation for what is in it."""

    graph: Graph
    exact: bool


class _Draw:
    """Puts random layers on a graph, one after the other and side by side."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.graph = Graph((CHANNELS, self.random.choice((48, 50, 57)), self.random.choice((48, 51, 56))))
        self.exact = True

    def add(self, at: int | tuple[int, ...], kind: str, **fields: Any) -> int:
        inputs = at if isinstance(at, tuple) else (at,)
        return self.graph.add(KINDS[kind](**fields), inputs, kind)

    def pair(self, *choices: int) -> list[int]:
        return [self.random.choice(choices), self.random.choice(choices)]

    def conv(self, at: int) -> int:
        pad: Any = self.random.choice(("same", self.pair(0, 1, 2)))
        window = {"kernel": self.pair(1, 2, 3, 4), "stride": self.pair(1, 1, 2, 3), "dilation": self.pair(1, 1, 2)}
        return self.add(at, "conv", out=CHANNELS, pad=pad, **window)

    def avgpool(self, at: int) -> int:
        kernel, ceil = self.random.randint(2, 4), self.random.random() < 0.5
        return self.add(at, "avgpool", kernel=kernel, stride=self.pair(1, 2, 3), pad=kernel // 2, ceil_mode=ceil)

    def conv_transpose(self, at: int) -> int:
        kernel, stride, dilation = self.pair(1, 2, 3, 4), self.pair(1, 2, 3), self.pair(1, 1, 1, 2)
        holes = any(d > 1 or s > k for k, s, d in zip(kernel, stride, dilation, strict=True))
        self.exact = self.exact and not holes
        window = {"kernel": kernel, "stride": stride, "dilation": dilation}
        return self.add(at, "conv_transpose", out=CHANNELS, pad=self.pair(0, 1), **window)

    def upsample(self, at: int) -> int:
        mode, scale = self.random.choice(("nearest", "bilinear", "bicubic")), self.random.choice((2, 3))
        self.exact = self.exact and not (mode == "bicubic" and scale == 3)
        return self.add(at, "upsample", mode=mode, scale=scale)

    def resize(self, at: int) -> int:
        height, width = self.graph.shape(at)[1:]
        mode = self.random.choice(("nearest", "bilinear"))
        return self.add(at, "upsample", mode=mode, out=[height * 3 // 2, max(1, width * 3 // 4)])

    def adaptive(self, at: int) -> int:
        return self.add(at, "adaptive_avgpool", out=[max(2, size * 2 // 3) for size in self.graph.shape(at)[1:]])

    def space_to_depth(self, at: int) -> int:
        return self.add(self.add(at, "space_to_depth"), "pointwise_linear", out=CHANNELS)

    def rearranged(self, at: int) -> int:
        """Neighbours to channels and back, edges cut off, places repeated or left out, a map as tokens in between."""
        height, width = self.graph.shape(at)[1:]
        patterns: dict[str, dict[str, int]] = {
            "C H[1:] W[2:-1] -> C H W": {},
            "C H W -> C (H 2) (W r)": {"r": self.random.choice((1, 3))},
            "C (H s[1]) W -> C H W": {"s": self.random.choice([n for n in (1, 2, 3) if height % n == 0])},
            "C (r m) (c n) -> (n C m) r c": {"r": height // 2, "n": 3} if height % 2 == width % 3 == 0 else {},
        }
        text = self.random.choice(list(patterns))
        at = self.add(at, "rearrange", pattern=text, **patterns[text])
        at = self.add(self.add(at, "pointwise_linear", out=2 * CHANNELS), "rearrange", pattern="C H W -> (H W) C")
        return self.add(at, "rearrange", pattern="(H W) (n C) -> C H (W n)", n=2)

    def window_attention(self, at: int) -> int:
        window = self.pair(2, 3, 4, 7)
        shift = [self.random.choice((0, size // 2)) for size in window]
        return self.add(at, "window_attention", heads=1, window=window, shift=shift)

    def shifted(self, at: int) -> int:
        at = self.add(at, "zero_pad", rows=self.pair(0, 1), columns=self.pair(0, 2))
        return self.add(at, "subsample", kernel=2)

    def unfold(self, at: int) -> int:
        kernel = self.pair(1, 2, 3)
        at = self.add(at, "unfold", kernel=kernel, stride=self.random.choice((1, 2)), pad=1)
        return self.on_tokens(at)

    def tokens(self, at: int) -> int:
        at = self.add(self.add(at, "tokens"), "class_token")
        return self.on_tokens(self.add(at, "keep_tokens", start=1, count=self.graph.shape(at)[0] - 1))

    def on_tokens(self, at: int) -> int:
        """A layer on tokens, and heads, put back on the map that they came from."""
        at = self.add(at, "linear", out=CHANNELS)
        at = self.add(self.add(at, "split_heads", heads=2), "pool_heads", kernel=3)
        return self.add(self.add(at, "merge_heads"), "to_map")

    def keeps_size(self, at: int) -> int:
        kernel = self.pair(1, 2, 3, 5)
        kind: str = self.random.choice(("conv", "conv", "avgpool", "window_attention"))
        if kind == "window_attention":
            return self.window_attention(at)
        return self.add(at, kind, kernel=kernel, stride=1, pad="same", **({"out": CHANNELS} if kind == "conv" else {}))

    def down_and_up(self, at: int) -> int:
        """An hourglass beside the map that it comes from."""
        height, width = self.graph.shape(at)[1:]
        if height % 2 or width % 2:
            return at
        lower = self.keeps_size(self.add(at, "avgpool", kernel=2, stride=2))
        mode = self.random.choice(("nearest", "bilinear", "conv_transpose"))
        if mode == "conv_transpose":
            return self.add(lower, mode, out=CHANNELS, kernel=2, stride=2)
        return self.add(lower, "upsample", mode=mode)

    def branches(self, at: int) -> int:
        ends = [at]
        for _ in range(self.random.randint(1, 2)):
            end = self.random.choice((self.keeps_size, self.down_and_up))(at)
            ends.append(self.keeps_size(end) if self.random.random() < 0.3 else end)
        join = self.random.choice(("add", "concat", "mean", "multiply"))
        at = self.add(tuple(ends), join)
        return self.add(at, "pointwise_linear", out=CHANNELS) if join == "concat" else at

    def network(self) -> Drawn:
        at = INPUT
        ways = [self.conv, self.avgpool, self.conv_transpose, self.upsample, self.resize, self.adaptive, self.tokens]
        ways += [self.space_to_depth, self.window_attention, self.shifted, self.unfold, *[self.branches] * 4, self.conv]
        ways += [self.rearranged] * 2
        for _ in range(self.random.randint(2, 5)):
            drawn = self.random.choice(ways)(at)
            if max(self.graph.shape(drawn)[1:]) > 72:
                continue  # what was drawn leads nowhere
            at = drawn
        self.add(at, "relu")
        return Drawn(self.graph, self.exact)


def drawn(seed: int, draw: type[_Draw] = _Draw) -> Drawn:
    """The first network from this seed that fits its input."""
    for attempt in range(100):
        try:
            found = draw(seed * 1000 + 3 * attempt).network()
        except LayerError:
            continue
        if min(found.graph.nodes[-1].output[1:]) >= 2:
            return found
    raise AssertionError(seed)


def traced(graph: Graph) -> list[list[tuple[int, int] | None]]:
    """For each row, then for each column, of the output: the first and the last of the input that it reads."""
    sizes = graph.nodes[-1].output[1:]
    x = torch.rand(graph.input, dtype=torch.float64).repeat(sum(sizes), *(1 for _ in graph.input)).requires_grad_()
    y = run(graph, x)
    seed, lines = torch.zeros_like(y), []
    for axis, size in enumerate(sizes):
        for i in range(size):
            line = seed[len(lines)].select(axis + 1, i)
            line.copy_(torch.rand(line.shape))
            lines.append(axis + 1)
    (gradient,) = torch.autograd.grad(y, x, seed)
    found = [
        extent(each.transpose(0, axis).flatten(1).sum(1)) for each, axis in zip(gradient.abs(), lines, strict=True)
    ]
    return [
        [each for each, axis in zip(found, lines, strict=True) if axis == line] for line in range(1, len(x.shape) - 1)
    ]


def extent(gradient: Any) -> tuple[int, int] | None:
    """First and last place of a gradient that is more than the noise of floating point, and of a mask's exp(-100)."""
    places = (gradient > 1e-14 * gradient.max()).nonzero().flatten().tolist()
    return (places[0], places[-1]) if places else None


def run(graph: Graph, x: Any) -> Any:
    """The last node's output, each layer as vcalc writes it in torch, with positive weights."""
    made = {INPUT: x}
    for node in graph.nodes:
        module, call = alone(node.facts)
        for parameter in module.double().eval().parameters() if module else ():
            parameter.data.uniform_(0.1, 1.0)
        y = call([made[i] for i in node.inputs])
        made[node.index] = y / y.detach().abs().max()
    return made[graph.nodes[-1].index]


class _Lines(_Draw):
    """The same on a sequence, an image or a video, of kinds that take any of them."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        axes = 1 + seed % 3
        most = {1: (60, 75), 2: (24, 30), 3: (12, 15)}[axes]
        self.axes, self.graph = axes, Graph(NamedShape((CHANNELS, *self.pair(*most, axes=axes)), MAP))

    def pair(self, *choices: int, axes: int = 0) -> list[int]:
        return [self.random.choice(choices) for _ in range(axes or self.axes)]

    def tokens(self, at: int) -> int:
        """Class tokens put in front and taken away, features doubled and shared out along the last axis."""
        at = self.add(self.add(self.add(at, "tokens"), "class_token", count=2), "linear", out=2 * CHANNELS)
        at = self.add(at, "keep_tokens", start=2, count=self.graph.shape(at)[0] - 2)
        *letters, last = MAPS[self.axes - 1][1:]
        arrive, leave = " ".join((*letters, last)), " ".join(("C", *letters, f"({last} n)"))
        if self.axes == 1 or self.random.random() < 0.3:
            return self.add(self.add(at, "to_map"), "pointwise_linear", out=CHANNELS)
        return self.add(at, "rearrange", pattern=f"({arrive}) (n C) -> {leave}", n=2)

    def unfold(self, at: int) -> int:
        at = self.add(at, "unfold", kernel=self.pair(1, 2, 3), stride=self.random.choice((1, 2)), pad=1)
        return self.add(self.add(at, "linear", out=CHANNELS), "to_map")

    def rearranged(self, at: int) -> int:
        """Pairs of neighbours along the first axis to channels, the first place of the last left out."""
        first, *others = MAPS[self.axes - 1][1:]
        if self.axes == 1:
            text = f"C ({first} m) -> (C m) {first}"
        else:
            text = (
                f"C ({first} m) {' '.join((*others[:-1], others[-1] + '[1:]'))} -> (C m) {' '.join((first, *others))}"
            )
        return self.add(self.add(at, "rearrange", pattern=text, m=2), "pointwise_linear", out=CHANNELS)

    def network(self) -> Drawn:
        at = INPUT
        for _ in range(self.random.randint(2, 4)):
            ways = (self.conv, self.conv, self.avgpool, self.conv_transpose, self.tokens, self.unfold, self.rearranged)
            drawn = self.random.choice(ways)(at)
            if product(self.graph.shape(drawn)[1:]) <= 2 * product(self.graph.input[1:]):
                at = drawn
        self.add(at, "relu")
        return Drawn(self.graph, self.exact)


class _Cut(_Draw):
    """Maps cropped, put beside others of other sizes, folded, and spread over larger ones."""

    def crop(self, at: int) -> int:
        out = [max(2, size - by) for size, by in zip(self.graph.shape(at)[1:], self.pair(0, 1, 4, 7), strict=True)]
        return self.add(at, "crop", out=out, start=self.random.choice((None, 0)))

    def beside(self, at: int) -> int:
        """As in U-Net: what comes from below has another size."""
        fit = self.random.choice(("crop", "pad"))
        below = self.add(self.add(at, "avgpool", kernel=2), "upsample")
        at = self.add((at, self.conv(below)), "concat", fit=fit)
        return self.add(at, "pointwise_linear", out=CHANNELS)

    def pixel_shuffle(self, at: int) -> int:
        factor = self.pair(1, 2, 3)
        return self.add(
            self.add(at, "pointwise_linear", out=CHANNELS * product(factor)), "pixel_shuffle", factor=factor
        )

    def fold(self, at: int) -> int:
        window = {"kernel": self.pair(2, 3), "stride": self.pair(1, 2), "pad": self.pair(0, 1)}
        out = list(self.graph.shape(at)[1:])
        at = self.add(self.add(at, "unfold", **window), "linear", out=CHANNELS * product(window["kernel"]))
        return self.add(at, "fold", out=out, **window)

    def same(self, at: int) -> int:
        kernel = self.random.randint(2, 5)
        stride = self.pair(*[step for step in (1, 2, 3) if step <= kernel])
        return self.add(at, "conv_transpose", out=CHANNELS, kernel=kernel, stride=stride, pad="same")

    def network(self) -> Drawn:
        at = INPUT
        ways = (self.conv, self.crop, self.beside, self.pixel_shuffle, self.fold, self.same)
        for way in self.random.sample(ways, self.random.randint(2, 4)):
            drawn = way(at)
            if max(self.graph.shape(drawn)[1:]) <= 72:
                at = drawn
        self.add(at, "relu")
        return Drawn(self.graph, self.exact)


@pytest.mark.parametrize("part", range(20))
def test_no_element_reads_more_than_its_receptive_field(part: int):
    """Sixteen networks each; some element reads all of it where nothing is approximated and the map is large enough."""
    torch.manual_seed(part)
    met = 0
    for seed in range(16 * part, 16 * part + 16):
        met += held(seed, *drawn(seed))
    assert met >= 8, "too few were large enough to be told"


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_sequences_images_and_videos(axes: int):
    """Twenty networks each."""
    torch.manual_seed(axes)
    networks = [(seed, *drawn(seed, _Lines)) for seed in range(axes - 1, 60, 3)]
    assert {len(graph.input) - 1 for _, graph, _ in networks} == {axes}
    assert {"to_map", "unfold", "rearrange"} <= {node.kind for _, graph, _ in networks for node in graph.nodes}
    assert sum(held(*network) for network in networks) >= 8, "too few were large enough to be told"


def test_maps_of_other_sizes():
    """Forty networks."""
    torch.manual_seed(0)
    networks = [(seed, *drawn(seed, _Cut)) for seed in range(40)]
    kinds = {node.kind for _, graph, _ in networks for node in graph.nodes}
    assert {"crop", "concat", "pixel_shuffle", "fold", "conv_transpose"} <= kinds
    assert sum(held(*network) for network in networks) >= 30, "too few were large enough to be told"


def held(seed: int, graph: Graph, exact: bool) -> int:
    """How many axes of a network are large enough to be told that an element reads all of its receptive field."""
    met = 0
    described = (seed, [(node.kind, node.layer.values()) for node in graph.nodes])
    field = receptive_fields(graph)[-1]
    for axis, size, found in zip(field.axes, graph.input[1:], traced(graph), strict=True):
        widest = max(last - first + 1 for first, last in filter(None, found))
        assert widest <= (size if axis is None else axis.size), described
        if exact and isinstance(axis, Axis) and axis.size <= size // 2 and 2 * len(axis.phases) <= len(found):
            met += 1
            assert widest == axis.size, described
    return met
