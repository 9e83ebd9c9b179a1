"""Which layer of one network is which of another.

Layers that are the same at the same path stand fast (the longest such run, as in a patience diff). Between them layers
are paired by what they have in common: path, kind, fields, shapes. What is left was added or removed.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import Any

from vcalc import limits
from vcalc.errors import VcalcError
from vcalc.graph import Node

Pair = tuple[Node | None, Node | None]


def pairs(old: list[Node], new: list[Node]) -> list[Pair]:
    """The layers of both networks, each once, in order: paired, or alone where it was added or removed.

    Raises VcalcError for a network of too many layers.
    """
    if max(len(old), len(new)) > limits.DIFF_LAYERS:
        raise VcalcError("limit", f"networks of at most {limits.DIFF_LAYERS:,} layers are compared layer by layer")
    found: list[Pair] = []
    left = limits.DIFF_PAIRS
    for (i, j), (k, m) in pairwise([(-1, -1), *_fast(old, new), (len(old), len(new))]):
        stretches = old[i + 1 : k], new[j + 1 : m]
        left -= len(stretches[0]) * len(stretches[1])
        found += _between(*stretches, by_path=left < 0)
        if k < len(old):
            found.append((old[k], new[m]))
    return found


def _fast(old: list[Node], new: list[Node]) -> list[tuple[int, int]]:
    """The most layers that are the same at the same path in the same order: a longest increasing subsequence."""
    at = {_signature(node): index for index, node in enumerate(old)}
    same = [(at[key], j) for j, node in enumerate(new) if (key := _signature(node)) in at]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for position, (i, _) in enumerate(same):
        length = bisect_left(ends, i)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [i]
        last[length : length + 1] = [position]
    chain, position = [], last[-1] if last else -1
    while position >= 0:
        chain.append(same[position])
        position = before[position]
    return chain[::-1]


def _signature(node: Node) -> tuple[Any, ...]:
    return (node.path, node.kind, *node.layer.values().values())


def _between(old: list[Node], new: list[Node], by_path: bool) -> list[Pair]:
    """Pairs in a stretch: those with the most in common altogether, in order; or else those of the same path."""
    if not old or not new:
        return [(node, None) for node in old] + [(None, node) for node in new]
    if by_path:
        return _by_path(old, new)
    lines = [[0] * (len(new) + 1)]
    traits = [_Traits(node) for node in new]
    likes = [[_common(a, b) for b in traits] for a in map(_Traits, old)]
    for row in likes:
        above, line = lines[-1], [0]
        for j, like in enumerate(row):
            line.append(max(above[j + 1], line[j], above[j] + like if like else 0))
        lines.append(line)
    found: list[Pair] = []
    i, j = len(old), len(new)
    while i and j:
        if likes[i - 1][j - 1] and lines[i][j] == lines[i - 1][j - 1] + likes[i - 1][j - 1]:
            i, j = i - 1, j - 1
            found.append((old[i], new[j]))
        elif lines[i][j] == lines[i][j - 1]:
            j -= 1
            found.append((None, new[j]))
        else:
            i -= 1
            found.append((old[i], None))
    found += [(None, node) for node in reversed(new[:j])] + [(node, None) for node in reversed(old[:i])]
    return found[::-1]


def _by_path(old: list[Node], new: list[Node]) -> list[Pair]:
    before = {node.path: node for node in old}
    after = {node.path for node in new}
    gone: list[Pair] = [(node, None) for node in old if node.path not in after]
    return gone + [(before.get(node.path), node) for node in new]


class _Traits:
    """What a layer may have in common with another one."""

    __slots__ = ("fields", "group", "inputs", "kind", "path")

    def __init__(self, node: Node) -> None:
        self.kind = node.kind
        self.path = node.path
        self.group = node.path.rpartition("/")[0]
        self.fields = node.layer.values()
        self.inputs = node.facts.inputs


def _common(old: _Traits, new: _Traits) -> int:
    """How much two layers have in common; 0 where one cannot have become the other."""
    if old.kind != new.kind:
        return int(old.path == new.path)
    same = old.fields == new.fields
    if old.group != new.group:
        return 3 if same and old.inputs == new.inputs else 0
    return 4 + 6 * same + 2 * (old.path == new.path)


def unnumbered(path: str) -> tuple[str, str]:
    """The group, and the name without its number."""
    group, _, name = path.rpartition("/")
    return group, name.rstrip("0123456789")
