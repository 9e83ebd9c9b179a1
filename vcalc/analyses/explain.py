"""The working of a layer's counts: its own formulas, evaluated on numbers that record their arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vcalc.analyses.cost import Costs
from vcalc.graph import Facts, Node
from vcalc.working import Working, with_working


def working(costs: Costs, node: Node) -> list[tuple[str, str, Any]]:
    """What is counted, its arithmetic, and the result: output sizes, params, FLOPs, memory of one layer."""
    inputs = tuple(shape.each(with_working) for shape in node.facts.inputs)
    owns = node.facts.owns
    owns = owns if owns.sets == 1 else owns._replace(sets=with_working(owns.sets))
    facts = Facts(node.layer.with_values(with_working), inputs, owns)
    lines = [
        (f"output {axis}", size.text, size.value)
        for axis, size in zip(facts.output.axes, map(Working.of, facts.output), strict=True)
        if not size.is_plain
    ]
    facts.made = node.facts.made.each(with_working)
    cost = costs.work_out(facts)
    for what, value in zip(("params", "flops", "memory"), cost, strict=True):
        value = Working.of(value)
        if value.value != 0:
            lines.append((what, value.text, value.value))
    return [*lines, *_of_bits(costs, node, facts)] if costs.graph.says_widths else lines


def _of_bits(costs: Costs, node: Node, facts: Facts) -> Iterator[tuple[str, str, Any]]:
    """Bytes of parameters and bit operations, of which the bits are said."""
    from vcalc.analyses import widths

    bits, usual = node.widths, widths.usual(costs)
    size = sum(part.bytes for part in widths.stored(facts, bits, usual))
    work = widths.work(facts, costs.batch, with_working(widths.operands(bits, usual)))
    for what, value in (("bytes", size), ("bops", work)):
        worked = Working.of(value)
        if worked.value != 0:
            yield what, worked.text, worked.value
