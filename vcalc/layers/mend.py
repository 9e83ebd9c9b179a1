"""What would bring together shapes that do not fit: the help of an error's message, imported where there is one."""

from __future__ import annotations

from collections.abc import Iterator

from vcalc import limits
from vcalc.arithmetic import Shape, certainly_different, certainly_less
from vcalc.errors import LayerError
from vcalc.layers import KINDS, Layer
from vcalc.layers.axes import (
    CALLED,
    HEADS,
    MAP,
    PLACES,
    TOKENS,
    VECTOR,
    NamedShape,
    described,
    front_of,
    inner,
    places_of,
    rank,
)
from vcalc.layers.base import show
from vcalc.layers.places import leaves
from vcalc.operators.pattern import Pattern

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


def with_fronts(inputs: tuple[Shape, ...], hint: str) -> str:
    """The help about joining windows or frames with what is none; another, where the channels or widths are wrong."""
    return IN_FRONT if any(_places_differ(inputs[0], other) for other in inputs[1:]) else hint


def _places_differ(one: Shape, other: Shape) -> bool:
    """Whether two shapes may not fit for where their places are, in windows or not, and not for their features."""
    if rank(one) != rank(other):
        return VECTOR not in (rank(one), rank(other))
    if rank(one) == MAP:
        return any(map(certainly_different, one[1:], other[1:]))
    return not certainly_different(one[-1], other[-1])


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


def all_ranks() -> str:
    """What may leave a layer, in words."""
    *others, last = map(described, CALLED)
    return f"{', '.join(others)} or {last}"


def rearranged(pattern: Pattern, arrives: Shape) -> str:
    """How a pattern could be written of which no layer takes what leaves: channels first, or with a bar."""
    leaving = [pattern.written(axis) for axis in pattern.right]
    in_front, own = leaving[: pattern.front[1]], leaving[pattern.front[1] :]
    start = " ".join([pattern.text[: pattern.arrow + 2], *in_front, *("|" for _ in in_front[:1])])
    if len(pattern.text) + 2 > limits.PATTERN_LENGTH:
        return ""
    ways = []
    if not _mixes(pattern) and leaves(first := f"{start} {own[-1]} {' '.join(own[:-1])}", arrives) == MAP:
        if own[-1:] + own[:-1] == [pattern.written(axis) for axis in pattern.inner[0]]:
            return "leave it out: channels come first, and norms and 'pointwise_linear' find them there"
        ways.append(f"{first} for a map")
    barred = f"{start} {own[0]} | {' '.join(own[1:])}"
    if not in_front and leaves(barred, arrives):
        ways.append(f"{barred} where {own[0]} is a batch to the layers that follow")
    return f"write {', or '.join(ways)}" if ways else ""


def _mixes(pattern: Pattern) -> bool:
    """Whether an axis that leaves before the last has letters of several that arrive, as windows of a map have."""
    of = {part.name: number for number, axis in enumerate(pattern.left) for part in axis.parts}
    return any(len({of[part.name] for part in axis.parts if part.name in of}) > 1 for axis in pattern.right[:-1])


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
