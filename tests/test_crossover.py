"""Where two formulas are equal, against values worked out by hand, and what `vcalc block` says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sympy

from vcalc import symbols
from vcalc.analyses.crossover import Crossover, crossovers

C, h = symbols.symbol("C"), symbols.symbol("h")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # 4 C^2 h^2 + 2 C h^4 against 9 C^2 h^2, with C = 64 and open: h^2 = 5 C / 2
        (128 * h**4 + 16384 * h**2, 36864 * h**2, [Crossover(4 * sympy.sqrt(10), 0, 1)]),
        (2 * C * h**4 + 4 * C**2 * h**2, 9 * C**2 * h**2, [Crossover(sympy.sqrt(10) * sympy.sqrt(C) / 2, 0, 1)]),
        # (h - 2)(h - 5) > 0 outside of 2 and 5
        (h**2 + 10, 7 * h, [Crossover(2, 1, 0), Crossover(5, 0, 1)]),
        # a root that is touched
        (h**2 + 9, 6 * h, [Crossover(3, 1, 1)]),
        (h / 3 + 1, sympy.Integer(2), [Crossover(3, 0, 1)]),
        # never, always, and only where h is negative
        (h + 1, h, []),
        (h, h, []),
        (5, 7, []),
        (h + 4, sympy.Integer(1), []),
        # floors are no polynomial, and a fifth power with another symbol is not solved
        (sympy.floor(h / 2), 7, None),
        (h**6 + C * h, 7, None),
        (h**6, 64, [Crossover(2, 0, 1)]),
    ],
    ids=str,
)
def test_crossovers(first: Any, second: Any, expected: Any):
    assert crossovers(first, second, "h") == expected


def test_a_crossing_is_where_the_numbers_cross():
    (crossing,) = crossovers(128 * h**4 + 16384 * h**2, 36864 * h**2, "h") or [None]
    assert crossing is not None
    for size in range(1, 40):
        ahead = 128 * size**4 + 16384 * size**2 < 36864 * size**2
        assert ahead == (size < crossing.value)


def test_a_comparison_says_where_one_side_overtakes_the_other(vcalc: Any):
    text = vcalc("block", "attention-vs-conv").stdout
    assert "equal flops at h = sqrt(10)*sqrt(C)/2" in text
    assert "below it attention has less, above it conv3x3" in text
    (crossing,) = json.loads(vcalc("block", "attention-vs-conv", "--set", "C=40", "--format", "json").stdout)[
        "crossovers"
    ]
    assert crossing == {
        "metric": "flops",
        "options": ["attention", "conv3x3"],
        "symbol": "h",
        "value": 10,
        "input": [40, 10, 10],
        "axes": {"input": ["C", "H", "W"]},
        "less_below": "attention",
        "less_above": "conv3x3",
    }
    numbers = vcalc("block", "attention-vs-conv", "--set", "C=40", "--set", "h=10", "--format", "json").stdout
    assert json.loads(numbers)["crossovers"] == []
    assert json.loads(numbers)["ratios"]["flops"] == 1


def test_a_crossover_is_over_a_symbol(tmp_path: Path, vcalc: Any):
    file = tmp_path / "b.yaml"
    file.write_text(
        "title: b\nsymbols: [C]\ncrossover: H\ninput: {C: C, H: 8, W: 8}\noptions: {a: [relu], b: [gelu]}\n"
    )
    assert "crossover names one of the symbols, not 'H'" in vcalc("block", str(file), code=2).stderr


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("window-vs-global", "equal flops at h = 1, input CxMxM: below it global has less, above it windows"),
        ("mha-vs-performer", "equal flops at h = sqrt(2*m + m/(2*D)): below it softmax has less, above it performer"),
        ("swin-vs-convnext", "convnext has fewer flops than swin at every h"),
    ],
)
def test_the_comparisons_of_attention(vcalc: Any, block: str, says: str):
    assert says in vcalc("block", block).stdout


def test_a_performer_overtakes_where_the_tokens_are_about_twice_the_features(vcalc: Any):
    """2 N^2 D against 4 N m D + N m: with D = 64, m = 32 that is N = 64.25; T2T-ViT's 3136 tokens are far beyond."""
    text = vcalc("block", "mha-vs-performer", "--set", "D=64", "--set", "m=32", "--format", "json").stdout
    (crossing,) = json.loads(text)["crossovers"]
    assert crossing["value"] ** 2 == pytest.approx(64.25)
