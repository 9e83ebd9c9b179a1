"""The working of a layer's counts: its own formulas, evaluated on numbers that record their arithmetic."""

from __future__ import annotations

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
    return lines
