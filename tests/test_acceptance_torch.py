"""What a layer kind takes, torch runs: fields and sizes drawn at random, forward and backward."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from vcalc.errors import LayerError
from vcalc.graph import Facts
from vcalc.layers import KINDS, Field
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, NamedShape
from vcalc.operators.types import INDEX

torch: Any = pytest.importorskip("torch", reason="torch is asked what it runs")

from vcalc.torch_backend import parts
from vcalc.torch_backend.code import code_of

VALUES = (
    0, 1, 2, 3, 4, 6, [1, 3], [2, 1], [0, 2], [4, 4], [2], [1, 3, 2], [0, 1, 0], True, False, 0.5, 1.5,
    [[0, 1], [1]], [[0], [2], [0, 1]],
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
    """The values that a field takes of some simple ones, of its own words, and of patterns."""
    for value in (*VALUES, *field.type.words, *(PATTERNS if field.type.names else ())):
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
    rank = draw.choice(layer.accepts)
    length = 1 + draw.choice(layer.spatial) if rank == MAP else LENGTHS[rank]
    first = [draw.choice(SIZES) for _ in range(length)]
    shapes = [first]
    if layer.joins:  # most joins are of inputs alike but for a size or two
        shapes = [[draw.choice((size, size, size, 1, 2)) for size in first] for _ in range(draw.choice((2, 3, 3)))]
    try:
        return Facts(layer(**fields), tuple(NamedShape(shape, rank) for shape in shapes))
    except LayerError:
        return None


@pytest.mark.parametrize("kind", KINDS)
def test_torch_runs_what_a_kind_takes(kind: str):
    draw = random.Random(kind)
    draws = (facts_of(kind, draw) for _ in range(DRAWS))
    taken = list(islice(filter(None, draws), TAKEN))
    assert len(taken) >= TAKEN // 4, "too few draws fit"
    for facts in taken:
        described = (facts.layer.values(), facts.inputs)
        code = code_of(facts)
        names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, **vars(parts)}
        module = eval(code.make, names) if code.make else None
        words = facts.layer.reads == INDEX
        given = [torch.zeros(BATCH, *shape, requires_grad=not words) for shape in facts.inputs]
        call = code.call.format(*(f"given[{i}]" for i in range(len(given))), self="module")
        try:
            y = eval(call, {**names, "module": module, "given": given})
            y.sum().backward() if y.requires_grad else None
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            pytest.fail(f"torch refuses {described}: {error}")
        assert tuple(y.shape) == (BATCH, *facts.output), described
