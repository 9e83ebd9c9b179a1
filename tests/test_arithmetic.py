"""The operations of formulas, on ints, symbols, many numbers and workings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from arrays import many

from vcalc import symbols
from vcalc.arithmetic import (
    ceil_div,
    certainly_different,
    certainly_equal,
    certainly_less,
    common_divisor,
    exact_div,
    maximum,
    minimum,
    product,
    tidied,
)
from vcalc.working import Working

C, G, H = (symbols.symbol(name) for name in "CGH")


def test_a_product_of_workings_is_one_group():
    assert (product((3, Working(3), 64)) * 2).text == "(3*3*64)*2"
    assert (product((Working(3), 5)) * 2).text == "(3*5)*2"
    assert product(iter((3, 4, 5))) == 60
    assert product(()) == 1


@pytest.mark.parametrize(("a", "b"), [(C, 3), (6, G), (C, G)])
def test_a_quotient_of_symbols_has_no_floor(a: Any, b: Any):
    assert exact_div(a, b) == a / b
    working = exact_div(Working(a), Working(b))
    assert working.value == a / b


def test_a_quotient_of_numbers_is_whole():
    assert (exact_div(12, 3), type(exact_div(12, 3))) == (4, int)
    assert ceil_div(7, 2) == 4
    assert ceil_div(8, 2) == 4


def test_floors_of_a_shape_fold_away():
    folded = (C * (H + 1) - C) // C
    assert folded != H
    assert tidied((3, folded, 7)) == (3, H, 7)
    numbers = (3, 8, 8)
    assert tidied(numbers) is numbers


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (12, 18, 6),
        (Working(12), Working(18), 6),
        (many(12, 7), 18, many(6, 1)),
        (12, many(18, 8), many(6, 4)),
        (many(12, 9), many(18, 6), many(6, 3)),
    ],
)
def test_common_divisors(a: Any, b: Any, expected: Any):
    assert common_divisor(a, b) == expected


@pytest.mark.parametrize(
    ("certainly", "a", "b", "expected"),
    [
        (certainly_equal, 3, 3, True),
        (certainly_equal, 3, 4, False),
        (certainly_equal, C, C, True),
        (certainly_equal, C, 3, False),
        (certainly_equal, 3, C, False),
        (certainly_equal, C * (H + 1) - C * H, C, True),
        (certainly_equal, C * (H + 1) - C * H - C, 0, True),
        (certainly_equal, 0, C * (H + 1) - C * H - C, True),
        (certainly_equal, Working(C), Working(C), True),
        (certainly_equal, Working(3), 3, True),
        (certainly_equal, Working(4), 3, False),
        (certainly_equal, many(3, 3), 3, True),
        (certainly_equal, many(5, 4), 3, False),
        (certainly_equal, 3, many(5, 4), False),
        (certainly_different, 3, 4, True),
        (certainly_different, 3, 3, False),
        (certainly_different, C, C + 1, True),
        (certainly_different, C, 3, False),
        (certainly_different, 0, C, True),
        (certainly_different, Working(C), Working(C + 1), True),
        (certainly_different, many(5, 4), 3, True),
        (certainly_different, many(3, 3), 3, False),
        (certainly_less, 3, 4, True),
        (certainly_less, 3, 3, False),
        (certainly_less, 0, C, True),
        (certainly_less, C, C + 1, True),
        (certainly_less, 1, C, False),
        (certainly_less, many(2, 3), 4, True),
        (certainly_less, many(5, 4), 4, False),
    ],
)
def test_what_is_known_for_certain(certainly: Callable[..., bool], a: Any, b: Any, expected: bool):
    """Of symbols, which are 1 or more, what holds for all of them; of arrays, what is so for all or for none."""
    assert certainly(a, b) is expected


@pytest.mark.parametrize(
    ("a", "b", "most", "least"),
    [
        (3, 5, 5, 3),
        (5, 3, 5, 3),
        (-2, -3, -2, -3),
        (C, C + 1, C + 1, C),
        (0, C, C, 0),
        (C, 0, C, 0),
        (Working(C), Working(C + 2), C + 2, C),
        (many(1, 9), 4, many(4, 9), many(1, 4)),
        (4, many(1, 9), many(4, 9), many(1, 4)),
    ],
)
def test_the_larger_and_the_smaller(a: Any, b: Any, most: Any, least: Any):
    for found, expected in ((maximum(a, b), most), (minimum(a, b), least)):
        assert found == expected


def test_the_smaller_of_a_symbol_and_a_number_is_written_so():
    assert str(minimum(C, 3)) == str(minimum(3, C)) == "Min(3, C)"
    assert str(minimum(Working(3), C)) == "Min(3, C)"


def test_of_equal_numbers_the_first_is_taken():
    """So that a number with a working keeps it beside a plain one."""
    working = Working(1) + 1
    assert maximum(working, 2) is working
    assert maximum(2, working) == 2
