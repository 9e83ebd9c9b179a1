"""What would bring together shapes that do not fit: the help of an error's message, imported where there is one."""

from __future__ import annotations

from collections.abc import Iterator

from vcalc.arithmetic import Shape, certainly_different, certainly_less
from vcalc.errors import LayerError
from vcalc.layers import KINDS, Layer
from vcalc.layers.axes import HEADS, MAP, PLACES, TOKENS, VECTOR, NamedShape, front_of, inner, places_of, rank
from vcalc.layers.base import show

_RANKS = {
    frozenset((MAP, TOKENS)): "'tokens' turns a map into tokens, 'to_map' tokens into a map",
    frozenset((MAP, VECTOR)): "'global_avgpool' or 'flatten' turns a map into a vector",
    frozenset((TOKENS, VECTOR)): "'take_token' or 'global_avgpool' turns tokens into a vector",
    frozenset((HEADS, MAP)): "'merge_heads' and then 'to_map' turn heads into a map",
    frozenset((HEADS, TOKENS)): "'merge_heads' turns heads into tokens, 'split_heads' tokens into heads",
}

IN_FRONT = (
    "'merge_windows', 'merge_frames' and 'rearrange' take away what stands in front; what has nothing there is one for"
    " all"
)
"""How windows or frames are joined with what is none."""

MOST_STRIDE = 8
"""The largest stride that a shortcut is said to need."""


def joined(first: Shape, second: Shape) -> str:
    """How one of two branches could be brought to the shape of the other."""
    if rank(first) != rank(second):
        return _RANKS.get(frozenset((rank(first), rank(second))), "")
    if rank(first) == HEADS:
        return ""
    if rank(first) == MAP and len(first) != len(second):
        return ""
    if rank(first) == MAP and any(map(certainly_different, first[1:], second[1:])):
        return f"bring them to one {_sizes(first)}: pad, stride, or 'upsample'"
    if rank(first) == MAP:
        return f"conv: {{out: {show(first[0])}, kernel: 1}} brings the second to the channels of the first"
    if certainly_different(first[-1], second[-1]):
        return f"linear: {{out: {show(first[-1])}}} brings the second to the width of the first"
    return ""


def _sizes(shape: Shape) -> str:
    """What the sizes of a map along its places are called."""
    *others, last = (PLACES[axis][0] for axis in places_of(inner(shape)))
    return f"{', '.join(others)} and {last}" if others else last


FEATURES = "concat joins tokens along N; join: {concat: {over: D}} joins their features"
"""How tokens are joined along D."""


def concatenated(first: Shape, second: Shape, over: str | None) -> str:
    """The same for a join one after the other, where tokens as many as the others were meant to get wider."""
    tokens = rank(first) == rank(second) == TOKENS and over is None
    return FEATURES if tokens and not certainly_different(first[0], second[0]) else joined(first, second)


def combined(first: Shape, second: Shape) -> str:
    """The same for a join element by element, where a vector is the same for all places."""
    if {rank(first), rank(second)} == {MAP, VECTOR}:
        return "a vector goes with a map of as many channels"
    if {rank(first), rank(second)} == {TOKENS, VECTOR}:
        return "a vector goes with tokens of as many features"
    return joined(first, second)


def residual(made: Shape, arrives: Shape) -> str:
    """How what a residual's layers give could be added to what arrives: a shortcut that gives the same."""
    if front_of(made) != front_of(arrives):
        return IN_FRONT
    made, arrives = inner(made), inner(arrives)
    if rank(made) != rank(arrives) or rank(made) == HEADS:
        return joined(made, arrives) if TOKENS in map(rank, (made, arrives)) else combined(made, arrives)
    for word, fields in _shortcuts(made):
        if _gives(KINDS[word], fields, arrives, made):
            written = ", ".join(f"{name}: {value}" for name, value in fields.items())
            return f"shortcut: [{word}: {{{written}}}] brings what arrives to {show(made)}"
    if rank(made) == MAP and any(map(certainly_less, made[1:], arrives[1:])):
        return f"with stride 1 and pad: same, conv and pools keep the {_sizes(made)} that arrive"
    return f"a shortcut: [...] has to bring what arrives to {show(made)}"


def _shortcuts(made: Shape) -> Iterator[tuple[str, dict[str, int]]]:
    if not all(type(size) is int for size in made):
        return
    if rank(made) != MAP:
        yield "linear", {"out": made[-1]}
        return
    yield "conv", {"out": made[0], "kernel": 1}
    for stride in range(2, MOST_STRIDE + 1):
        yield "conv", {"out": made[0], "kernel": 1, "stride": stride}


def _gives(kind: type[Layer], fields: dict[str, int], arrives: Shape, made: Shape) -> bool:
    try:
        named = NamedShape(arrives, rank(arrives))
        return kind(**fields).fitted((named,)).output(named) == made
    except LayerError:
        return False
