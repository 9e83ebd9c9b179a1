"""How sizes and arguments are written in torch's calls. A size that holds the batch is a multiple of `BATCH`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

BATCH = 2**31 - 1
"""Stands for the size of the batch where a call is written: a prime that divides no other size."""

IMAGES = "\x01"
"""Where the size of the batch is written."""

FIRST = "\x02"
"""Where the first input is written, whose device and numbers are those of what is made on the way."""


def size(value: int) -> str:
    """A size, perhaps of a batch."""
    times, rest = divmod(value, BATCH)
    if not times or rest:
        return str(int(value))
    return IMAGES if times == 1 else f"{IMAGES} * {times}"


def sizes(shape: Iterable[int]) -> str:
    """The sizes of a tensor, as arguments."""
    return ", ".join(map(size, shape))


def each(values: Iterable[Any]) -> str:
    """A number for each axis."""
    return str(tuple(map(int, values)))


def row(parts: Iterable[Any]) -> str:
    """Several tensors in brackets."""
    each = [str(part) for part in parts]
    return f"({', '.join(each)}{',' if len(each) == 1 else ''})"


def axes(values: Any) -> str:
    """The same as torch takes it: one number where all are the same."""
    return str(int(values[0])) if len(set(values)) == 1 else each(values)


def unless(value: Any, usual: Any, text: str = "") -> str:
    """A value as it is written; nothing where it is the usual one."""
    return "" if value == usual else text or str(value)


def unless_all(values: Any, usual: int) -> str:
    """Numbers for the axes, or nothing where all are the usual one."""
    return "" if set(values) == {usual} else axes(values)


def arguments(*positional: Any, **named: Any) -> str:
    """Arguments of a call; named ones that are empty are left out."""
    return ", ".join([*map(str, positional), *(f"{name}={value}" for name, value in named.items() if value != "")])


def reshaped(old: tuple[int, ...], new: tuple[int, ...]) -> str:
    """The method that gives a tensor another shape: axes are merged, split, added or left out where that says it."""
    if old == new:
        return ""
    least = min(len(old), len(new))
    first = next((place for place in range(least) if old[place] != new[place]), least)
    last = next((place for place in range(least - first) if old[-1 - place] != new[-1 - place]), least - first)
    before, after = old[first : len(old) - last], new[first : len(new) - last]
    if len(before) > 1 and len(after) == 1:
        return f".flatten({first}{f', {first + len(before) - 1}' if last else ''})"
    if len(before) == 1 and len(after) > 1:
        follows = next((place for place, value in enumerate(after) if _holds_batch(value)), len(after) - 1)
        parts = ", ".join("-1" if place == follows else str(value) for place, value in enumerate(after))
        return f".unflatten({first}, ({parts}))"
    if not before and set(after) == {1} and not last:
        return f"[{', '.join([':'] * first + ['None'] * len(after))}]" if len(after) > 1 else ".unsqueeze(-1)"
    if not before and after == (1,):
        return f".unsqueeze({first})"
    if not after and set(before) == {1}:
        if first > 1 and not last:
            return f".flatten({first - 1})"
        gone = tuple(range(first, first + len(before)))
        return f".squeeze({gone[0] if len(gone) == 1 else gone})"
    return f".reshape({', '.join('-1' if _holds_batch(value) else size(value) for value in new)})"


def _holds_batch(value: int) -> bool:
    return value >= BATCH and value % BATCH == 0
