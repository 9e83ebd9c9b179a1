"""What a layer kind takes, torch runs: fields and sizes drawn at random, forward and backward."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations, islice
from math import prod
from typing import Any

import pytest
from layer_torch import alone

from vcalc.errors import LayerError
from vcalc.graph import Facts
from vcalc.layers import KINDS, Field
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, Leading, NamedShape
from vcalc.layers.partition import Laid
from vcalc.operators.types import INDEX

torch: Any = pytest.importorskip("torch", reason="torch is asked what it runs")


VALUES = (
    0, 1, 2, 3, 4, 6, [1, 3], [2, 1], [0, 2], [4, 4], [2], [1, 3, 2], [0, 1, 0], True, False, 0.5, 1.5,
    [[0, 1], [1]], [[0], [2], [0, 1]], [[2, 3]], [[3, 2], [1, 2]],
)  # fmt: skip
PATTERNS = (
    "C H W -> (H W) C", "C (r m) (c n) -> (m n C) r c", "(C m n) H W -> C (H m) (W n)", "C H[1:] W[:-1] -> C H W",
    "C H W -> C (H r) (W 2)", "C 1 1 -> C", "(g c) H W -> (c g) H W", "N (p[0] h d) -> h N d", "N[i] D -> D",
    "(H W) D -> D H W", "N D -> D N", "N[i:] (a b) -> N (b a)", "h N d -> N (h d)", "h N d -> (h r) N d", "D -> D 1 1",
    "D -> r D", "(C H W) -> C H W",
)  # fmt: skip
SIZES = (1, 1, 2, 3, 4, 6, 8, 12)
LENGTHS = {HEADS: 3, TOKENS: 2, VECTOR: 1}
DRAWS, TAKEN = 8000, 60
BATCH = 2


def accepted(field: Field) -> Iterator[Any]:
    """The values that a field takes of some simple ones, of its own words, of names of axes, and of patterns."""
    axes = field.type.axes
    named = (*axes, *map(list, combinations(axes, 2)), ["W", "C", "H"])
    for value in (*VALUES, *field.type.words, *(named if axes else ()), *(PATTERNS if field.type.names else ())):
        try:
            field.type.accept(value)
        except (ValueError, TypeError):
            continue
        yield value


def facts_of(kind: str, draw: random.Random) -> Facts | None:
    """A layer of random fields on random inputs; None where it refuses them."""
    layer = KINDS[kind]
    fields = {
        name: draw.choice(list(accepted(field)))
        for name, field in layer.fields.items()
        if name != "written" and (field.required or draw.random() < 0.5)
    }
    for name in [name for name, field in layer.fields.items() if field.type.names]:
        named = layer.fields[name].type.names(fields[name])
        fields |= {letter: draw.choice((0, 1, 2, 3, 4)) for letter in named if draw.random() < 0.5}
    rank = draw.choice(layer.accepts or (VECTOR,))
    length = 1 + draw.choice(layer.spatial) if rank == MAP else LENGTHS[rank]
    first = [draw.choice(SIZES) for _ in range(length)]
    shapes = [] if layer.begins else [first]
    if kind in SAMPLED:
        shapes = SAMPLED[kind](fields, first, draw)
    elif layer.joins:  # most joins are of inputs alike but for a size or two
        shapes = [[draw.choice((size, size, size, 1, 2)) for size in first] for _ in range(draw.choice((2, 3, 3)))]
    front = _fronts(kind, first, random.Random(f"{kind} {first}"))
    try:
        return Facts(layer(**fields), tuple(_in_front(NamedShape(shape, rank), front) for shape in shapes))
    except LayerError:
        return None


Shapes = list[list[int]]


def _offsets(fields: dict[str, Any], first: list[int], draw: random.Random) -> Shapes:
    """A map, the offsets of a window on it, and perhaps masks, for one group of channels or two."""
    try:
        plain = Facts(KINDS["conv"](**fields), (NamedShape(first, MAP),))
    except LayerError:
        return [first, first]
    each, places = prod(plain.layer.kernel) * draw.choice((1, 1, 2)), plain.output[1:]
    return [first, [2 * each, *places], [each, *places]][: draw.choice((2, 3))]


def _levels(fields: dict[str, Any], first: list[int], draw: random.Random) -> Shapes:
    """Offsets, weights, points or boxes, and the values of all levels."""
    queries, many = first[0], fields["heads"] * len(fields["levels"]) * draw.choice((1, 2))
    places, width = sum(map(prod, fields["levels"])), fields["heads"] * draw.choice((1, 3))
    return [[queries, 2 * many], [queries, many], [queries, draw.choice((2, 4))], [places, width]]


SAMPLED = {"deform_conv": _offsets, "deformable_attention": _levels}
"""Joins of inputs that are not alike."""

Fronts = list[tuple[int, Leading]]


def _fronts(kind: str, shape: list[int], draw: random.Random) -> Fronts:
    """Windows or frames that stand in front, mostly none; what a kind takes itself is of its own."""
    front = [(draw.choice(SIZES), Leading("T"))] if draw.random() < 0.3 else []
    if kind == "merge_windows":
        window = (draw.choice((shape[0], 2)), draw.choice((1, 2)))
        if draw.random() < 0.7:
            shape[:] = [window[0] * window[1], shape[-1]] if len(shape) == 2 else [shape[0], *window]
        laid = Laid((draw.choice(SIZES), draw.choice(SIZES)), window, (draw.choice((0, 1)), 0), draw.random() < 0.3)
        front += [(prod(laid.counts), Leading("w", laid))]
    return front + [(draw.choice(SIZES), Leading("T"))] * (kind == "merge_frames")


def _in_front(shape: NamedShape, front: Fronts) -> NamedShape:
    axes = tuple(axis for _, axis in front)
    return NamedShape((*(size for size, _ in front), *shape), shape.of, front=axes)


@pytest.mark.parametrize("kind", KINDS)
def test_torch_runs_what_a_kind_takes(kind: str):
    draw = random.Random(kind)
    draws = (facts_of(kind, draw) for _ in range(DRAWS))
    taken = list(islice(filter(None, draws), TAKEN))
    assert len(taken) >= TAKEN // 4, "too few draws fit"
    for facts in taken:
        described = (facts.layer.values(), facts.inputs)
        _, call = alone(facts)
        words = facts.layer.reads == INDEX
        given = [torch.zeros(*shape.batched(BATCH), requires_grad=not words) for shape in facts.inputs]
        try:
            y = call(given)
            y.sum().backward() if y.requires_grad else None
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            pytest.fail(f"torch refuses {described}: {error}")
        assert tuple(y.shape) == facts.output.batched(BATCH), described
