"""Numbers as text, and figures as papers print them."""

from __future__ import annotations

from typing import Any

import pytest

from vcalc.errors import VcalcError
from vcalc.symbols import symbol
from vcalc.units import Printed, exact, ratio, rounded, size

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


@pytest.mark.parametrize(
    ("text", "value", "last_digit"),
    [
        ("4096", 4096, 1),
        ("4,096", 4096, 1),
        ("50,176", 50_176, 1),
        ("13.6 GFLOP", 13_600_000_000, 10**8),
        ("13.6 GFLOPs", 13_600_000_000, 10**8),
        ("7.7G", 7_700_000_000, 10**8),
        ("300M", 300_000_000, 10**6),
        ("2.5B", 2_500_000_000, 10**8),
        ("3.86x", 3.86, 0.01),
        ("4.1e9", 4_100_000_000, 10**8),
        ("28.3e6", 28_300_000, 10**5),
        ("1.9 MB", 1.9 * 1024**2, 0.1 * 1024**2),
        ("1.9 MiB", 1.9 * 1024**2, 0.1 * 1024**2),
        ("62k", 62_000, 1000),
        ("2T", 2 * 10**12, 10**12),
        (".5", 0.5, 0.1),
        ("-3", -3, 1),
        ("784 bytes", 784, 1),
        (" 22M ", 22_000_000, 10**6),
    ],
)
def test_a_printed_figure(text: str, value: float, last_digit: float):
    figure = Printed(text, 1024)
    assert figure.value == pytest.approx(value, rel=1e-12)
    assert figure.last_digit == pytest.approx(last_digit, rel=1e-9)


@pytest.mark.parametrize("text", ["", "many", "1.2.3", "12 parsecs", "1 2", "--3", "1e", "61M%", "61 M params"])
def test_what_is_no_figure(text: str):
    with pytest.raises(VcalcError, match="is not a printed figure"):
        Printed(text, 1024)


def test_the_kilo_of_the_source():
    assert Printed("2 KB", 1000).value == 2000
    assert Printed("2 KB", 1024).value == 2048
    assert Printed("2 KiB", 1000).value == 2048
    assert Printed("2K", 1024).value == 2000
    assert Printed("2K", 1024, kilo=1024).value == 2048
    assert Printed("2M", 1024, kilo=1024).value == 2 * 1024**2


@pytest.mark.parametrize(
    ("text", "value", "rounds", "cuts"),
    [
        ("13.6G", 13_600_000_000, True, True),
        ("13.6G", 13_649_000_000, True, True),
        ("13.6G", 13_699_000_000, False, True),
        ("13.6G", 13_560_000_000, True, False),
        ("13.6G", 13_549_000_000, False, False),
        ("13.6G", 13_700_000_000, False, False),
        ("4096", 4096, True, True),
        ("4096", 4097, False, False),
        ("3.5", 3.45, True, False),
        ("138M", 138_357_544, True, True),
    ],
)
def test_matching_by_rounding_and_by_cutting(text: str, value: float, rounds: bool, cuts: bool):
    figure = Printed(text, 1024)
    assert figure.matches(value) is rounds
    assert figure.matches(value, cut=True) is cuts


@pytest.mark.parametrize(
    ("text", "digits", "value", "matches"),
    [
        ("60,000", 1, 61_706, True),  # "about 60,000": the zeros say nothing
        ("60,000", 2, 61_706, False),
        ("60,000", 2, 60_400, True),
        ("60,000", None, 60_400, False),
        ("61.1M", 2, 60_600_000, True),
        ("61.1M", 4, 61_160_000, False),
    ],
)
def test_fewer_digits_than_are_printed(text: str, digits: int | None, value: float, matches: bool):
    assert Printed(text, 1024, digits).matches(value) is matches


def test_digits_of_a_figure_below_one():
    assert Printed("0.0512", 1024, digits=1).last_digit == pytest.approx(0.01)
    assert Printed("800K", 1024, digits=2).last_digit == 10_000


def test_terabytes():
    assert size(5 * 1024**4) == "5 TB"
