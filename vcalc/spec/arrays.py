"""Arrays that are given for a number: many numbers, each of which the network has an answer for."""

from __future__ import annotations

from typing import Any

import numpy as np

from vcalc.errors import VcalcError
from vcalc.language.values import is_number, shown
from vcalc.many import Given, Many, unlike
from vcalc.spec.bindings import from_python


def from_outside(name: str, array: Any, given: Given) -> Many:
    """The numbers of an array that is given under a name, beside others. Raises VcalcError for any other array."""
    if len(array.shape) != 1 or not len(array):
        size = "x".join(map(str, array.shape))
        message = f"{name} is an array of {size} numbers: many numbers are an array of one dimension, and at least one"
        raise VcalcError("binding", message, hint="a list of a list is written as one, not as an array")
    if np.ma.is_masked(array):
        message = f"{name} is an array with masked places, which are no numbers"
        raise VcalcError("binding", message, hint=f"leave them out: {name}.compressed()")
    numbers = Many.of(_numbers(name, array), given)
    given[name] = numbers.numbers
    if len({len(each) for each in given.values()}) > 1:
        raise unlike(given)
    return numbers


def _numbers(name: str, array: Any) -> list[Any]:
    """Python's numbers for those of an array."""
    if getattr(getattr(array, "dtype", None), "kind", "") in ("i", "u"):
        whole: list[Any] = np.asarray(array).tolist()
        return whole
    numbers = [from_python(name, number) for number in array]
    for number in numbers:
        if not is_number(number):
            raise VcalcError("binding", f"{name} is an array that holds {shown(number)}, which is no number")
    return numbers
