"""An input's sizes in a row, as `--input` takes them and other tools print them: `3x224x224`, `[1, 16000]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from vcalc import units
from vcalc.errors import VcalcError, printable, quoted, suggestion
from vcalc.spec.sizes import label, order_of
from vcalc.spec.syntax import Sizes, Value

SMALLEST_IMAGE = 16
"""Rows and columns from which sizes can be taken for an image's, with its channels last."""
SHORTEST_SOUND = 1000
"""Samples from which sizes can be taken for those of a recording, with its channels last."""
MOST_COLOURS = 4
"""Channels up to which they can be those of an image."""

_SIZE = r"[(\[]?\s*\d{1,18}(?:\s*[xX×*,\s]\s*\d{1,18})*\s*,?\s*[)\]]?"
"""`3x224x224`, and as other tools print it: `3,224,224`, `(3, 224, 224)`, `[3, 224, 224]`."""


def channels_first(sizes: Sequence[Any]) -> tuple[Any, ...]:
    """The sizes of a map with the last in front, where they look like those of an input whose channels are last."""
    *places, last = sizes
    if len(sizes) not in (2, 3, 4) or not all(type(size) is int for size in sizes):
        return ()
    if len(places) == 1:
        looks = last in (1, 2) and places[0] >= SHORTEST_SOUND
    else:
        height, width = places[-2:]
        colours = last in (3, MOST_COLOURS) or (last == 1 and height == width)
        looks = colours and min(height, width) >= SMALLEST_IMAGE
    return (last, *places) if looks else ()


def by_name(sizes: list[int]) -> str:
    """How sizes in a row, or such with one image in front, are written by name: `{C: 3, H: 224, W: 224}`."""
    sizes = sizes[1:] if len(sizes) > 3 and sizes[0] == 1 else sizes
    names = {1: "D", 2: "CL", 3: "CHW", 4: "CTHW"}.get(len(sizes))
    if not names:
        return "{C: 3, H: 224, W: 224}"
    tokens = f", or {_braces('ND', sizes)} for tokens" if len(sizes) == 2 else ""
    return f"{_braces(names, channels_first(sizes) or sizes)}{tokens}"


def _braces(names: Sequence[str], sizes: Sequence[Any]) -> str:
    return f"{{{', '.join(f'{name}: {size}' for name, size in zip(names, sizes, strict=True))}}}"


def sizes_given(texts: Sequence[str], inputs: dict[str, Sizes], title: str) -> dict[str, str]:
    """What binds the sizes that `--input` gives: a text for the only input, or one each for some by name.

    Raises VcalcError where they do not fit, and for an input that is not there or has them twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, row = _named(text, inputs, title)
        given = {label(name, size): number for size, number in sizes_in(row, inputs[name], title, name).items()}
        if not found.keys().isdisjoint(given):
            raise VcalcError("input", f"--input gives the sizes of {name or 'the input'} twice")
        found |= given
    return found


def _named(text: str, inputs: dict[str, Sizes], title: str) -> tuple[str, str]:
    """The input that a text of `--input` is about, and its sizes."""
    name, equals, row = (part.strip() for part in text.partition("="))
    known = [*filter(None, inputs)]
    if not equals:
        if len(inputs) > 1:
            message = f"--input {printable(text[:80])} is of none of the inputs: {title} takes {' and '.join(inputs)}"
            raise VcalcError("input", message, hint=f"say of which: {_of_which(text, inputs)}")
        return next(iter(inputs)), text
    if name not in known:
        message = f"{title} has no input {quoted(printable(name[:80]))}"
        hint = (
            suggestion(name, known, "it takes") if known else f"it has one, without a name: {_fitting(row, inputs[''])}"
        )
        raise VcalcError("input", message, hint=hint)
    return name, row


def _numbers(text: str) -> list[str]:
    """The sizes of a row; none, where it is no row of sizes."""
    return re.findall(r"\d+", text) if len(text) <= 80 and re.fullmatch(_SIZE, text.strip(), re.ASCII) else []


def _of_which(text: str, inputs: dict[str, Sizes]) -> str:
    """How sizes without the name of an input are given: to those that have as many, or as the sides of an image."""
    sizes, said = _numbers(text), []
    for name, written in inputs.items():
        names = order_of(written)
        own = [_digits(written[size]) for size in names]
        if sizes and len(sizes) == len(names):
            said.append(f"--input {name}={printable(text[:80])}")
        elif (len(sizes) == 1 and names[0] == "C") or name == text.strip():
            said.append(_meant(sizes, names, own, f"{name}=") if sizes else _rather(own, f"{name}="))
    if not said:
        said = [
            _rather([_digits(written[size]) for size in order_of(written)], f"{name}=")
            for name, written in inputs.items()
        ]
    return " or ".join(each.removeprefix("write ") for each in said[:3])


def _fitting(text: str, written: Sizes) -> str:
    """How a row of sizes is given to an only input."""
    names, sizes = order_of(written), _numbers(text)
    own = [_digits(written[name]) for name in names]
    if len(sizes) == len(names) or not sizes:
        return f"--input {printable(text[:80]) if sizes else _example(own)}"
    return _meant(sizes, names, own, "").removeprefix("write ")


def sizes_in(text: str, written: Sizes, title: str, input: str = "") -> dict[str, str]:
    """By name the sizes that `--input` gives an input that is written so. Raises VcalcError where they do not fit."""
    sizes, names, of = _numbers(text), order_of(written), f"{input}=" if input else ""
    own = [_digits(written[name]) for name in names]
    if not sizes:
        hint = f"write {of}{_example(own)}{_open_sizes(text, names, input)}"
        raise VcalcError("input", f"--input {of}{printable(text[:80])} is no size", hint=hint)
    if len(names) != len(sizes):
        message = f"--input {of}{text} has {units.counted(len(sizes), 'size')}; {title} takes {'x'.join(names)}"
        message += f" as {input}" if input else ""
        raise VcalcError("input", message, hint=_meant(sizes, names, own, of))
    if names[0] == "C":
        _check_order([int(size) for size in sizes if len(size) < 10], int(own[0]) if own[0] else None)
    return dict(zip(names, sizes, strict=True))


def _open_sizes(text: str, names: tuple[str, ...], input: str) -> str:
    """How names or formulas are bound that stand where sizes are numbers."""
    if re.search(r",\s*\w+=", text):
        return "; each input has an --input of its own"
    parts = [part.strip() for part in re.split("[x×,]", text)]
    if len(text) > 80 or not all(re.fullmatch(r"[\w*+/() -]+", part) for part in parts):
        return ""
    sizes = names[1:] if names[0] == "C" and len(parts) < len(names) else names
    parts = parts * len(sizes) if len(parts) == 1 else parts
    bound = [
        f"--set {label(input, size)}={part.replace(' ', '')}"
        for size, part in zip(sizes, parts, strict=False)
        if re.match(r"[A-Za-z_(]|\d+\s*\*", part)
    ]
    return f"; names and formulas: {' '.join(bound)}" if bound and len(parts) == len(sizes) else ""


def _digits(value: Value) -> str:
    """A size as it is written, where that is a number."""
    text = str(getattr(value.node, "value", ""))
    return text if text.isascii() and text.isdigit() else ""


def _example(own: list[str]) -> str:
    return "x".join(own) if own and all(own) else "3x224x224, or 512x768 for N tokens of width D"


def _rather(own: list[str], of: str) -> str:
    return f"write {f'--input {of}' if all(own) else ''}{_example(own)}"


def _check_order(sizes: list[int], wanted: int | None) -> None:
    """Refuse sizes whose channels, as many as the network takes, stand last, or behind the frames of a video."""
    meant = channels_first(sizes)
    if len(sizes) == 4 and sizes[1] <= MOST_COLOURS < sizes[0]:
        meant = meant or (sizes[1], sizes[0], *sizes[2:])
    if meant and meant[0] == wanted != sizes[0]:
        row, rather = ("x".join(map(str, each)) for each in (sizes, meant))
        message = f"--input {row} is a map of {sizes[0]} channels, and this network takes {wanted}"
        raise VcalcError("input", message, hint=f"did you mean {rather}? Channels come first")


def _meant(sizes: list[str], names: tuple[str, ...], own: list[str], of: str) -> str:
    """How sizes that are too many or too few were probably meant: with a batch in front, or without what stays."""
    first = sizes[0] == own[0]
    if len(sizes) == len(own) + 1:
        if names[0] == "C" and own[0] and sizes[1] != own[0]:
            one = first and sizes[-1] == "1"
            return f"write --input {of}{'x'.join(sizes[:-1])}" if one else _rather(own, of)
        if names == ("D",) and sizes[0] == sizes[1]:
            return _rather(own, of)
        batch = f" --batch {sizes[0]}" if sizes[0] != "1" else ""
        return f"the batch stands apart: --input {of}{'x'.join(sizes[1:])}{batch}"
    if names == ("N", "D") and len(sizes) == 1 and own[1]:
        return f"write --input {of}{sizes[0]}x{own[1]}"
    rest = sizes[1:] if first and len(sizes) > 1 else sizes
    rest = rest * 2 if len(rest) == 1 and len(own) > 2 else rest
    stays = own[: max(0, len(own) - len(rest))]
    if names[0] == "C" and stays and all(stays):
        return f"write --input {of}{'x'.join((*stays, *rest))}"
    return _rather(own, of)
