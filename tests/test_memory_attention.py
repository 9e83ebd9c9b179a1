"""The tensors that attention and its parts make, beside the steps that data/alive.yaml works out by hand."""

from __future__ import annotations

import pytest
from test_layers import CASES, Case, label
from test_memory import BARE, graph

from vcalc.analyses.memory import Memory
from vcalc.analyses.memory_plan import Size
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.tensors import ELEMENTS, GRADIENT, OUTPUT, Tensor


def tensors(facts: Facts) -> list[Tensor]:
    """All tensors in a kind's memory formulas."""
    layer, arguments = facts.layer, (facts.inputs, facts.output)
    steps = [layer.saved(*arguments), *layer.gradient_steps(*arguments)]
    steps += [step for training in (True, False) for step in layer.steps(*arguments, training)]
    return [each for step in steps for each in step if isinstance(each, Tensor) and each not in (OUTPUT, GRADIENT)]


@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_name_stands_for_one_tensor(case: Case):
    """A storage is known by it, over all steps; of which type, and whether it grows with the batch, is said."""
    found = tensors(case.facts(case.sizes))
    assert len(set(found)) == len({tensor.name for tensor in found})
    assert all(tensor.name and tensor.type in ELEMENTS and tensor.per_image in (True, False) for tensor in found)


def test_oblong_windows_save_their_scores():
    """8 windows of 2x4: windows, q, k, v and values of 6x8x8, and the softmax of two heads over 8 tokens each."""
    memory = Memory(graph((6, 8, 8), ("window_attention", {"heads": 2, "window": [2, 4]})), BARE)
    assert memory.saved == Size(0, 4 * (5 * 6 * 8 * 8 + 2 * 8 * 8 * 8))


@pytest.mark.parametrize(("shift", "moves"), [([1, 0], False), ([0, 2], True), ([1, 2], True), ([0, 0], False)])
def test_windows_move_along_a_side_that_has_several(shift: list[int], moves: bool):
    """On 2x8 windows of 2x4 stand side by side; moved, they have a mask for 8x8 pairs in each of the two."""
    facts = Facts(KINDS["window_attention"](heads=2, window=[2, 4], shift=shift), ((6, 2, 8),))
    masks = {tensor for tensor in tensors(facts) if tensor.name == "mask"}
    assert masks == ({Tensor("mask", 2 * 8 * 8, per_image=False)} if moves else set())


def test_keys_and_values_are_repeated_where_the_operator_is_not_fused():
    """4 heads of queries on 2 of keys, 5 queries on 7 keys; values of a width of their own keep torch from fusing."""
    facts = Facts(KINDS["scaled_dot_product_attention"](), ((4, 5, 6), (2, 7, 6), (2, 7, 3)))
    keys, values = Tensor("repeated keys", 4 * 7 * 6), Tensor("repeated values", 4 * 7 * 3)
    queries, scaled = Tensor("queries", 4 * 5 * 6), Tensor("keys", 4 * 7 * 6)
    scores, softmax = Tensor("scores", 4 * 5 * 7), Tensor("softmax", 4 * 5 * 7)
    assert facts.layer.steps(facts.inputs, facts.output, True) == (
        (keys, values, queries, scaled, scores),
        (keys, values, queries, scores, softmax),
        (keys, values, queries, softmax, OUTPUT),
    )
    assert facts.layer.saved(facts.inputs, facts.output) == (values, queries, scaled, softmax)


def test_biases_are_looked_up_rows_first():
    """Windows of 2x3 and 4 heads: for 2*2 pairs of rows 5 distances of columns, then 36 pairs of places, twice."""
    facts = Facts(KINDS["window_attention"](heads=4, window=[2, 3], one_hot_lookup=True), ((8, 2, 3),))
    steps = facts.layer.steps(facts.inputs, facts.output, True)
    (step,) = [step for step in steps if any(getattr(each, "name", "") == "looked_up" for each in step)]
    assert step[-3:] == (
        Tensor("of_rows", 4 * (2 * 2 * 5), per_image=False),
        Tensor("looked_up", 4 * 36, per_image=False),
        Tensor("bias", 4 * 36, per_image=False),
    )
