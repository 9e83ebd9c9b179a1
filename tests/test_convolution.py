"""Where the windows of convolutions and pools stand, and what convolutions refuse: worked out by hand."""

from __future__ import annotations

import pytest

from vcalc import conventions, symbols
from vcalc.errors import LayerError
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.conv import slide


def test_a_last_window_that_is_partly_empty_counts_only_in_ceil_mode():
    """Windows of 3 in steps of 2 over 8: from 0, 2 and 4; one from 6 would end past it. Over 2 none fits."""
    assert slide(8, 3, 2, 0) == 3
    assert slide(8, 3, 2, 0, ceil_mode=True) == 4
    assert slide(2, 3, 2, 0, ceil_mode=True) == 1


def test_a_last_window_counts_where_it_starts_before_the_padding_on_the_right():
    """Windows of 2 in steps of 3, padded by 1: from -1, 2, 5 and 8, which is the last of 9 elements and past 8.

    Without padding from 0, 3 and 6, which is past 6 elements.
    """
    assert slide(9, 2, 3, 1, ceil_mode=True) == 4
    assert slide(8, 2, 3, 1, ceil_mode=True) == 3
    assert slide(6, 2, 3, 0, ceil_mode=True) == 2


def test_an_open_size_in_ceil_mode_has_no_minimum_where_every_window_starts_inside():
    """Windows of 3 in steps of 2 do: one for 3 elements, one more for each 2 after them and for one that is left."""
    height = symbols.symbol("H")
    windows = Facts(KINDS["maxpool"](kernel=3, stride=2, ceil_mode=True), ((1, height, 8),)).output[1]
    assert windows == symbols.ceiling((height - 3) / 2) + 1
    assert [symbols.evaluate(windows, {"H": size}) for size in (3, 4, 5, 6)] == [1, 2, 2, 3]


@pytest.mark.parametrize("lists", [[[0], []], [[], []]])
def test_every_output_channel_reads_an_input_channel(lists: list[list[int]]):
    with pytest.raises(LayerError) as refused:
        Facts(KINDS["conv"](out=2, kernel=1, connections=lists), ((3, 8, 8),))
    assert str(refused.value) == "conv: connections has an empty list, and every output channel reads an input channel"
    assert refused.value.field == "connections"


def test_one_input_channel_for_all_output_channels():
    """Each has one 3x3 kernel and a bias."""
    facts = Facts(KINDS["conv"](out=2, kernel=3, connections=[[0], [0]]), ((1, 8, 8),))
    assert (facts.output, facts.parameters) == ((2, 6, 6), {"weight": 2 * 9, "bias": 2})


def test_a_transposed_convolution_may_leave_one_position():
    """A kernel of 3 on one position covers three, of which the padding leaves the middle one."""
    layer = KINDS["conv_transpose"](out=4, kernel=3, pad=1)
    assert Facts(layer, ((2, 1, 1),)).output == (4, 1, 1)


def test_the_axes_of_a_transposed_convolution():
    """Kernels of 3 with gaps reach over 5 rows, those of 4 without over 4 columns.

    Rows are 2 apart, so that at most 3 kernels meet and, one row left out, one before the first; columns are 1 apart:
    4, and 3. A convolution of 9x7 in these steps would have (9 + 2 - 5) // 2 + 1 = 4 rows and 7 - 4 + 1 = 4 columns.
    """
    layer = KINDS["conv_transpose"](out=6, kernel=[3, 4], stride=[2, 1], pad=[1, 0], dilation=[2, 1], groups=2)
    window = layer.reach((2, 9, 7))
    assert [(axis.first(1), axis.last(1)) for axis in window.reads] == [(-1, 1), (-2, 1)]
    of_bias = {what: amount for what, _, amount in conventions.load("deepspeed").parts(Facts(layer, ((2, 9, 7),)))}
    assert of_bias["bias_additions"] == 6 // 2 * 4 * 4
