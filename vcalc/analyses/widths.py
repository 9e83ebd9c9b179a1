"""What a network comes to with numbers of so many bits: bit operations, bytes of parameters, and what zeros spare.

A multiply-add counts as many bit operations as the bits of its factors multiplied: van Baalen et al. 2020 ("Bayesian
Bits"), Yao et al. 2021 ("HAWQ-V3"). Baskin et al. 2018 ("UNIQ") add those of the sum, which are not counted here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from vcalc.analyses.cost import DTYPE_BYTES, Costs, added, collected
from vcalc.arithmetic import Number, product
from vcalc.graph import Facts, Node
from vcalc.layers.vocabulary import INTEGER_BUFFERS
from vcalc.widths import BYTE, PARAMETERS, Density, Widths, group_of, packed, packed_share

SOURCE = 'van Baalen et al. 2020, "Bayesian Bits"; Yao et al. 2021, "HAWQ-V3"'


class Size(NamedTuple):
    """What parameters of one sort take: how many there are, in which widths, dense and without zeros."""

    params: Number
    bits: tuple[Number, ...]
    bytes: Number
    effective_bytes: Number


class Stored(NamedTuple):
    """The parameters that a layer has in one role."""

    group: str
    count: Number
    bits: Number
    bytes: Number
    effective_bytes: Number


def usual(costs: Costs) -> int:
    """The bits of a number of which nothing is said."""
    return DTYPE_BYTES[costs.dtype] * BYTE


def stored(facts: Facts, widths: Widths, dtype_bits: int) -> list[Stored]:
    """What a layer's own parameters take, role by role, each in whole bytes."""
    found = []
    for role, count in facts.parameters.items():
        group = group_of(role)
        bits = dtype_bits if (said := getattr(widths, group)) is None else said
        dense = packed(count, bits)
        density = widths.density if role == "weight" else None
        kept = dense if density is None else packed_share(count, bits, density)
        found.append(Stored(group, count, bits, dense, kept))
    return found


def sizes(costs: Costs, nodes: list[Node]) -> dict[str, Size]:
    """What the parameters take by what they are: weights, biases, norms, all others."""
    each: dict[str, list[tuple[Stored, int]]] = {}
    for (facts, widths), times in _distinct(nodes):
        for part in stored(facts, widths, usual(costs)):
            each.setdefault(part.group, []).append((part, times))
    return {group: _size(each[group]) for group in PARAMETERS if group in each}


def _size(parts: list[tuple[Stored, int]]) -> Size:
    def total(of: Callable[[Stored], Number]) -> Number:
        return collected(added([times * of(part) for part, times in parts]))

    widths = tuple(dict.fromkeys(part.bits for part, _ in parts))
    return Size(
        total(lambda part: part.count),
        widths,
        total(lambda part: part.bytes),
        total(lambda part: part.effective_bytes),
    )


def buffers(costs: Costs, nodes: list[Node]) -> tuple[Number, Number]:
    """How many numbers there are that are no parameters, as wide as the dtype or whole numbers; and their bytes."""
    element = DTYPE_BYTES[costs.dtype]
    each = [
        (times * count, 8 if name in INTEGER_BUFFERS else element)
        for (facts, _), times in _distinct(nodes)
        for name, count in facts.buffers.items()
    ]
    return collected(added([count for count, _ in each])), collected(added([count * size for count, size in each]))


def bytes_of(costs: Costs, nodes: list[Node]) -> Number:
    """The size of the parameters."""
    return collected(added([size.bytes for size in sizes(costs, nodes).values()]))


def effective_bytes(costs: Costs, nodes: list[Node]) -> Number:
    """The size of the parameters without the weights that are zero."""
    return collected(added([size.effective_bytes for size in sizes(costs, nodes).values()]))


def bops(costs: Costs, nodes: list[Node]) -> Number:
    """Bit operations of one forward pass."""
    return _work(costs, nodes, bits=True, effective=False)


def effective_bops(costs: Costs, nodes: list[Node]) -> Number:
    """Bit operations without those of weights that are zero."""
    return _work(costs, nodes, bits=True, effective=True)


def effective_multiply_adds(costs: Costs, nodes: list[Node]) -> Number:
    """Multiply-adds, products of two activations among them, without those of weights that are zero."""
    return _work(costs, nodes, bits=False, effective=True)


def _work(costs: Costs, nodes: list[Node], bits: bool, effective: bool) -> Number:
    each = []
    for (facts, widths), times in _distinct(nodes):
        of_bits = operands(widths, usual(costs)) if bits else (1, 1)
        density = widths.density if effective else None
        each.append(times * work(facts, costs.batch, of_bits, density))
    return collected(added(each))


def work(facts: Facts, batch: Number, bits: tuple[Number, Number], density: Density | None = None) -> Number:
    """The multiply-adds of a layer, by the bits of its factors; of weights those that are not zero."""
    weight, activation = bits
    total: Number = 0
    for part in facts.whole:
        images = batch if part.batched else 1
        weighed, both = (part.work.get(name, 0) for name in ("multiply_adds", "product_multiply_adds"))
        if density is not None:
            weighed = density.of(weighed)
        total = total + images * (weighed * product((weight, activation)) + both * product((activation, activation)))
    return total


def operands(widths: Widths, dtype_bits: int) -> tuple[Number, Number]:
    """The bits of a weight and of an activation."""
    weight, activation = widths.weight, widths.activation
    return dtype_bits if weight is None else weight, dtype_bits if activation is None else activation


def multiplies(node: Node) -> bool:
    """Whether a layer multiplies and adds, be it weights or two activations."""
    return "multiply_adds" in node.facts.work or "product_multiply_adds" in node.facts.work


def _distinct(nodes: list[Node]) -> list[tuple[tuple[Facts, Widths], int]]:
    times: dict[tuple[Facts, Widths], int] = {}
    for node in nodes:
        key = node.facts, node.widths
        times[key] = times.get(key, 0) + 1
    return [*times.items()]


MEASURES: dict[str, Callable[[Costs, list[Node]], Number]] = {
    "bytes": bytes_of,
    "bops": bops,
    "effective_bytes": effective_bytes,
    "effective_bops": effective_bops,
    "effective_multiply_adds": effective_multiply_adds,
}
"""What depends on bits and densities (see `vcalc.widths.METRICS`)."""
