"""The values that a layer's fields take, what they become, and what a refusal says was wanted."""

from __future__ import annotations

from typing import Any

import pytest

from vcalc import symbols
from vcalc.layers.base import Layer
from vcalc.layers.fields import (
    FLAG,
    FRACTION,
    INDEX_LISTS,
    NUMBER,
    REQUIRED,
    FieldType,
    both_sides,
    choice,
    count,
    field,
    flag_or,
    padding2d,
    size2d,
)

C = symbols.symbol("C")
WORDS = ("nearest", "bilinear")


def label(value: Any) -> str:
    return value.says if isinstance(value, FieldType) else str(value)


@pytest.mark.parametrize(
    ("type", "value", "stored"),
    [
        (count(), 1, 1),
        (count(), 7.0, 7),
        (count(), C, C),
        (count(0), 0, 0),
        (size2d(), 3, (3, 3)),
        (size2d(), [1, 7], (1, 7)),
        (size2d(0), (0, C), (0, C)),
        (both_sides(), 1, (1, 1)),
        (both_sides(), [0, 2], (0, 2)),
        (padding2d(), 0, (0, 0)),
        (padding2d(), [1, 2], (1, 2)),
        (padding2d(), "same", "same"),
        (FLAG, True, True),
        (FLAG, False, False),
        (FRACTION, 0, 0),
        (FRACTION, 1, 1),
        (FRACTION, 0.25, 0.25),
        (NUMBER, 2, 2.0),
        (NUMBER, -0.5, -0.5),
        (INDEX_LISTS, [[0, 2], [1.0]], ((0, 2), (1,))),
        (INDEX_LISTS, ((), (3,)), ((), (3,))),
        (choice(WORDS), "bilinear", "bilinear"),
        (flag_or("affine"), "affine", "affine"),
        (flag_or("affine"), True, True),
        (flag_or("affine"), False, False),
    ],
    ids=label,
)
def test_what_a_field_stores(type: FieldType, value: Any, stored: Any):
    found = type.accept(value)
    assert found == stored
    assert isinstance(found, stored.__class__)


@pytest.mark.parametrize(
    ("type", "values"),
    [
        (count(), (0, -1, 0.5, "3", True, [3], (3,), -C)),
        (count(0), (-1, -0.5, False)),
        (size2d(), (0, [3], [3, 3, 3], [3, 0], [0, 3], "33", [True, 3])),
        (size2d(0), (-1, [-1, 0], [0, -1])),
        (both_sides(), (-1, [0, -1], [1], "same")),
        (padding2d(), (-1, "valid", [0, -1], [1])),
        (FLAG, (0, 1, "true", None)),
        (FRACTION, (-0.1, 1.1, 2, True, "0.5", C)),
        (NUMBER, (float("inf"), float("nan"), True, "1", C)),
        (INDEX_LISTS, ([], 3, [3], [[0], 3], [[-1]], [[0.5]], [["a"]], "ab")),
        (choice(WORDS), ("cubic", "near", True, 1)),
        (flag_or("affine"), ("all", 0, None)),
    ],
    ids=label,
)
def test_what_a_field_refuses(type: FieldType, values: tuple[Any, ...]):
    for value in values:
        with pytest.raises(ValueError):  # noqa: PT011
            type.accept(value)


@pytest.mark.parametrize(
    ("type", "says", "words"),
    [
        (count(), "a whole number, 1 or more", ()),
        (count(0), "a whole number, 0 or more", ()),
        (size2d(), "a whole number, 1 or more, or a pair [height, width] of them", ()),
        (both_sides(), "a whole number, 0 or more, or a pair [before, after] of them", ()),
        (padding2d(), "a whole number, 0 or more, or a pair [height, width] of them, or 'same'", ("same",)),
        (FLAG, "true or false", ()),
        (choice(WORDS), "nearest or bilinear", WORDS),
        (flag_or("affine", "all"), "true, false or affine or all", ("affine", "all")),
    ],
    ids=label,
)
def test_what_a_field_takes_in_words(type: FieldType, says: str, words: tuple[str, ...]):
    assert (type.says, type.words) == (says, words)


def test_a_field_has_the_name_of_its_attribute():
    class Scale(Layer):
        by: Any = field(count(), "the factor")
        shared: Any = field(FLAG, "whether all channels share it", False, "s")

    by, shared = Scale.fields["by"], Scale.fields["shared"]
    assert list(Scale.fields) == ["by", "shared"]
    assert (by.name, by.doc, by.default, by.symbol, by.required) == ("by", "the factor", REQUIRED, "", True)
    assert (shared.name, shared.default, shared.symbol, shared.required) == ("shared", False, "s", False)
    assert by.type.accept(2) == 2
    assert Scale(by=3).values() == {"by": 3, "shared": False}
