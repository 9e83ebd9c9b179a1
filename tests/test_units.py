"""Numbers as text."""

from __future__ import annotations

from typing import Any

import pytest

from vcalc.symbols import symbol
from vcalc.units import exact, ratio, rounded, size

h = symbol("h")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (15_476_385_792, "15,476,385,792"),
        (-1234, "-1,234"),
        (2.5, "2.5"),
        (True, "true"),
        (3 * h**2, "3*h**2"),
        ("resnet50", "resnet50"),
    ],
)
def test_exact(value: Any, text: str):
    assert exact(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (15_476_385_792, "FLOPs", "15.48 GFLOPs"),
        (138_357_544, "", "138.4 M"),
        (25_557_032, "", "25.56 M"),
        (61_000_000, "", "61 M"),
        (1728, "", "1.73 K"),
        (1000, "", "1 K"),
        (999, "", "999"),
        (999, "MACs", "999 MACs"),
        (0, "", "0"),
        (2.5e12, "FLOPs", "2.50 TFLOPs"),
        (-4_100_000_000, "", "-4.10 G"),
        (0.5, "", "0.50"),
        (9_999_999_999_999_899_900_000_000_000_001, "", "9,999,999,999,999,899,900 T"),
        (32 * h, "FLOPs", "32*h FLOPs"),
    ],
)
def test_rounded(value: Any, unit: str, text: str):
    assert rounded(value, unit) == text


@pytest.mark.parametrize(
    ("value", "kilobyte", "text"),
    [
        (12_845_056, 1024, "12.25 MB"),
        (12_845_056, 1000, "12.85 MB"),
        (1023, 1024, "1023 bytes"),
        (1023, 1000, "1.02 KB"),
        (1024, 1024, "1 KB"),
        (3 * 1024**3, 1024, "3 GB"),
        (0, 1024, "0 bytes"),
        (1, 1024, "1 byte"),
        (3 * 10**40, 1000, "30,000,000,000,000,000,000,000,000,000 TB"),
        (4 * h, 1024, "4*h bytes"),
    ],
)
def test_size(value: Any, kilobyte: int, text: str):
    assert size(value, kilobyte) == text


def test_size_counts_in_1024_where_nothing_else_is_said():
    assert size(12_845_056) == size(12_845_056, 1024) != size(12_845_056, 1000)


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2"), (25 / 18, "25/18"), (0.5, "1/2"), (3.14159265, "3.142"), (123.456789, "123.5")]
)
def test_ratio(value: float, text: str):
    assert ratio(value) == text


@pytest.mark.parametrize(("value", "text"), [(999_999_999, "1 G"), (999_960, "1 M")])
def test_a_number_that_rounds_to_the_next_unit_takes_it(value: int, text: str):
    assert rounded(value).replace(".00", "") == text


def test_terabytes():
    assert size(5 * 1024**4) == "5 TB"
