"""Numbers that are many, as the tests make and read them."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import is_many
from vcalc.many import Many


def many(*numbers: Any) -> Many:
    """Several numbers in the place of one."""
    return Many.of(numbers, {"n": numbers})


def at(place: int, value: Any) -> Any:
    """What a value is for one of the numbers."""
    return value.numbers.tolist()[place] if is_many(value) else value
