"""What `export` writes of a rearrangement, run by torch: elements and memory; and einops, where it is installed."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
from hypothesis import given, settings
from layer_torch import rearranged
from test_rearrange import Drawn, patterns

from vcalc.operators.paper import Leaf, Paper
from vcalc.operators.rearrange import copies

torch = pytest.importorskip("torch")

BATCH = 2


def numbered(shape: tuple[int, ...]) -> Any:
    return torch.arange(BATCH * prod(shape), dtype=torch.float32).reshape(BATCH, *shape)


@given(patterns())
@settings(max_examples=300)
def test_what_is_written_reads_every_element_as_one_by_one(drawn: Drawn):
    x = numbered(drawn.shape)
    made = eval(rearranged(drawn.text, drawn.sizes, drawn.shape), {"x": x, "torch": torch})
    assert tuple(made.shape) == (BATCH, *drawn.output)
    expected = torch.from_numpy(drawn.sources())
    for image in range(BATCH):
        assert (made[image] == expected + image * prod(drawn.shape)).all()


@given(patterns())
@settings(max_examples=300)
def test_on_paper_it_lies_as_torch_lays_it(drawn: Drawn):
    """Whether it is a copy, and the strides; on a tensor in order, and on one whose last two axes are turned."""
    for turned in (False, True):
        shape = drawn.shape if not turned or len(drawn.shape) < 2 else (*drawn.shape[:-2], *drawn.shape[:-3:-1])
        x = numbered(shape)
        paper = Paper(lambda _: 4)
        value = paper.new((BATCH, *shape))
        if shape != drawn.shape or (turned and len(drawn.shape) > 1):
            x, value = x.transpose(-2, -1), paper.view(value, (BATCH, *drawn.shape), swapped(value.strides))
        made = eval(rearranged(drawn.text, drawn.sizes, drawn.shape), {"x": x, "torch": torch})
        ours = paper.rearrange(value, drawn.text, drawn.sizes)
        assert (ours.storage is value.storage) == (made.untyped_storage().data_ptr() == x.untyped_storage().data_ptr())
        assert ours.shape == tuple(made.shape)
        strides = zip(ours.shape, ours.strides, made.stride(), strict=True)
        assert all(one == other for size, one, other in strides if size > 1)
        if not turned and not copies(drawn.text):
            assert ours.storage is value.storage


def swapped(strides: tuple[int, ...]) -> tuple[int, ...]:
    return (*strides[:-2], strides[-1], strides[-2])


@given(patterns())
@settings(max_examples=200)
def test_gradients_arrive_as_large_as_what_they_are_of(drawn: Drawn):
    paper = Paper(lambda _: 4, training=True)
    value = paper.new((BATCH, *drawn.shape))
    leaf = value.source = Leaf()
    made = paper.rearrange(value, drawn.text, drawn.sizes)
    paper.backward([(made, paper.new(made.shape))])
    assert leaf.gradient is not None
    assert leaf.gradient.shape == value.shape
    assert paper.saved == []


@given(patterns())
@settings(max_examples=200)
def test_einops_agrees_on_patterns_that_take_no_part(drawn: Drawn):
    einops = pytest.importorskip("einops")
    if "[" in drawn.text:
        return
    left, right = drawn.text.split("->")
    x = numbered(drawn.shape)
    theirs = einops.repeat(x, f"batch {left} -> batch {right}", **drawn.sizes)
    ours = eval(rearranged(drawn.text, drawn.sizes, drawn.shape), {"x": x, "torch": torch})
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("pattern", "shape", "sizes", "text"),
    [
        ("C H W -> (H W) C", (3, 4, 5), {}, ".flatten(2).transpose(1, 2)"),
        ("(H W) D -> D H W", (20, 3), {"H": 4}, ".transpose(1, 2).unflatten(2, (4, -1))"),
        ("N (h d) -> h N d", (5, 12), {"h": 3}, ".unflatten(2, (3, -1)).transpose(1, 2)"),
        ("h N d -> N (h d)", (3, 5, 4), {}, ".transpose(1, 2).flatten(2)"),
        ("C H W -> (C H W)", (3, 4, 5), {}, ".flatten(1)"),
        ("N[0] D -> D", (5, 12), {}, "[:, 0]"),
        ("N[1:] D -> N D", (5, 12), {}, "[:, 1:]"),
        ("C H W -> C W H", (3, 4, 5), {}, ".transpose(2, 3)"),
        ("N (p[1] h d) -> h N d", (5, 24), {"p": 3, "h": 2}, ".unflatten(2, (3, 2, -1))[:, :, 1].transpose(1, 2)"),
        ("(g c) H W -> (c g) H W", (6, 4, 5), {"g": 2}, ".unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)"),
        ("D -> D 1 1", (5,), {}, "[:, :, None, None]"),
        ("C 1 1 -> C", (5, 1, 1), {}, ".flatten(1)"),
        ("N D -> N D", (5, 4), {}, ""),
    ],
)
def test_it_is_written_as_a_person_would(pattern: str, shape: tuple[int, ...], sizes: dict[str, int], text: str):
    assert rearranged(pattern, sizes, shape) == f"x{text}"


@pytest.mark.parametrize(
    ("pattern", "sizes", "theirs"),
    [
        ("(C m n) H W -> C (H m) (W n)", {"m": 2, "n": 2}, lambda x: torch.nn.functional.pixel_shuffle(x, 2)),
        ("C (H m) (W n) -> (C m n) H W", {"m": 2, "n": 2}, lambda x: torch.nn.functional.pixel_unshuffle(x, 2)),
        ("(g c) H W -> (c g) H W", {"g": 4}, lambda x: torch.nn.functional.channel_shuffle(x, 4)),
        ("C (H m) (W n) -> (H W) (C m n)", {"m": 3, "n": 3}, lambda x: unfolded(x, 3)),
        ("C H W -> C (H 2) (W 2)", {}, lambda x: torch.nn.functional.interpolate(x, scale_factor=2)),
        ("C H W -> C (2 H) W", {}, lambda x: x.repeat(1, 1, 2, 1)),
        ("C H W -> C (H 3) W", {}, lambda x: x.repeat_interleave(3, 2)),
    ],
)
def test_what_torch_has_an_operator_for(pattern: str, sizes: dict[str, int], theirs: Any):
    x = numbered((8, 6, 12))
    assert torch.equal(eval(rearranged(pattern, sizes, (8, 6, 12)), {"x": x}), theirs(x))


def unfolded(x: Any, size: int) -> Any:
    return torch.nn.functional.unfold(x, size, stride=size).transpose(1, 2)
