"""What stands under a table to say how its figures were counted: nothing is left out silently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vcalc import units
from vcalc.analyses.active import active_params, experts_of
from vcalc.analyses.cost import Cost, Costs
from vcalc.analyses.trained import frozen_params, frozen_parts, trained_params
from vcalc.arithmetic import Condition, is_many, is_symbolic
from vcalc.conventions import Convention
from vcalc.graph import Graph, Node
from vcalc.reports.table import plain_value

MOST_SAID = 20
"""Conditions and frozen parts that a note tells; JSON has all of them."""

MOST_NORMS = 3
"""Folded norms that a note names."""


def convention_note(convention: Convention) -> str:
    """The convention, what it says, and where that comes from."""
    version = f" ({convention.version})" if convention.version else ""
    called = f", which it calls {convention.called}" if convention.called != convention.unit else ""
    return (
        f"convention {convention.name}{version}, in {convention.unit}{called}: {convention.says} ({convention.source})"
    )


def params_note(convention: Convention, said_of_tied: bool = False) -> list[str]:
    """What `params` means, where that is not all parameters; what of tied ones, where that is asked, too."""
    rule = convention.params_rule
    if rule.says and (rule.left_out or rule.lost or rule.buffers):
        return [f"params as {convention.name} counts them: {rule.says}"]
    notes = [f"params leave out: {', '.join(sorted(rule.left_out))}"] if rule.left_out else []
    notes += ["params of what is tied count in each layer that has them"] if said_of_tied and rule.tied else []
    notes += [f"params of these are not seen: {', '.join(sorted(rule.lost))}"] if rule.lost else []
    return notes + ([f"params hold buffers: {', '.join(sorted(rule.buffers))}"] if rule.buffers else [])


def active_note(costs: Costs, nodes: list[Node], whose: str = "") -> list[str]:
    """How many parameters a token meets, where it goes through some of several experts."""
    experts = experts_of(nodes)
    if not experts:
        return []
    each = ", ".join(f"{units.exact(some)} of {units.exact(all)} experts" for some, all in experts)
    return [
        f"params{whose}: {units.exact(active_params(costs, nodes))} active for each token, which goes through {each}"
    ]


def frozen_note(costs: Costs, nodes: list[Node], whose: str = "") -> list[str]:
    """How many parameters are trained and how many are not, and which, where some are frozen."""
    frozen = frozen_params(costs, nodes)
    if not is_symbolic(frozen) and not is_many(frozen) and frozen == 0:
        return []
    trained = units.exact(trained_params(costs, nodes))
    return [f"params{whose}: {trained} trained, {units.exact(frozen)} frozen ({what_is_frozen(nodes)})"]


def what_is_frozen(nodes: list[Node]) -> str:
    """The groups and layers that are not trained, in words; empty where there are none."""
    return _first(frozen_parts(nodes), MOST_SAID)


def tied_note(graph: Graph, nodes: list[Node]) -> list[str]:
    """Which layers have the table or matrix of another one, in words."""
    each = [f"{node.path} to {graph.nodes[node.tied].path}" for node in nodes if node.tied is not None]
    return [f"tied, in memory once: {_first(each, MOST_SAID)}"] if each else []


def _first(said: Sequence[str], most: int) -> str:
    """The first of what there is to say, and how many more there are."""
    more = f", and {len(said) - most} more" if len(said) > most else ""
    return f"{', '.join(said[:most])}{more}"


def folded_note(graph: Graph, whose: str = "") -> list[str]:
    """Which norms are part of the layers before them, if any should be."""
    if graph.folded is None:
        return []
    if not graph.folded:
        return [f"there is no batch norm that alone reads a convolution or linear layer{whose}"]
    named = _first([f"{norm} into {layer}" for norm, layer in graph.folded], MOST_NORMS)
    return [
        f"batch norms folded into the convolution or linear layer before them{whose}: {len(graph.folded)}; it has a "
        f"bias then, and their parameters and buffers are gone ({named})"
    ]


def folded_record(graph: Graph) -> list[dict[str, str]] | None:
    """The same as data."""
    return None if graph.folded is None else [{"norm": norm, "into": layer} for norm, layer in graph.folded]


def conditions_note(conditions: Sequence[Condition], what: str = "") -> list[str]:
    """Where formulas hold, if that is not for all sizes."""
    if not conditions:
        return []
    from vcalc.conditions import stated

    said = stated(conditions)
    if not said:
        return []
    return [f"{what} holds where {_first(said, MOST_SAID)}".lstrip()]


def writing_note(costs: Costs, library: str) -> list[str]:
    """Whose way of writing the network was counted, where the convention's counts depend on it."""
    if not costs.convention.sees_writing:
        return []
    whose = f"as {library} writes the network" if library else "as if every layer were a module"
    return [f"counted {whose}, on which {costs.convention.name}'s counts depend"]


def left_out_notes(costs: Costs, nodes: list[Node], whose: str = "") -> list[str]:
    """The layer kinds that bring nothing, and what is not counted of those that bring something."""
    unit = costs.convention.unit
    notes = []
    for seen, words in (
        (True, f"0 {unit} by this convention"),
        (False, f"0 {unit}, not seen by {costs.convention.name}"),
    ):
        left_out = costs.left_out(nodes, seen)
        if left_out:
            parts = (f"{kind} ({layers} x{_elements(passing)})" for kind, (layers, passing) in left_out.items())
            notes.append(f"{words}{whose}: {', '.join(parts)}")
    inside = costs.uncounted(nodes)
    if inside:
        parts = (f"{primitive} of {kind} ({units.exact(count)})" for (kind, primitive), count in inside.items())
        notes.append(f"not counted within layers that are{whose}: {', '.join(parts)}")
    return notes


def _elements(count: Any) -> str:
    """How many elements pass, where that is no long formula."""
    text = f"{units.exact(count)} element{'' if count == 1 else 's'}"
    return f", {text}" if len(text) <= 49 else ""


def bug_notes(costs: Costs, nodes: list[Node], whose: str = "") -> list[str]:
    """The tool's known bugs that change this answer, and by how much."""
    return [
        f"known bug of {costs.convention.name}{whose}: it {bug.says} ({signed(fault)} {costs.convention.unit} here)"
        for bug, fault in costs.faults(nodes)
    ]


def signed(value: Any) -> str:
    """A number with its sign; a formula as it is."""
    return f"{value:+,}" if isinstance(value, int) else str(value)


def total_record(convention: Convention, total: Cost) -> dict[str, Any]:
    """A total under a convention, with its unit, as data."""
    return {
        "convention": convention.name,
        "unit": convention.unit,
        "multiply_add": convention.multiply_add,
        "flops": plain_value(total.flops),
        "params": plain_value(total.params),
    }


def bug_records(costs: Costs, nodes: list[Node]) -> list[dict[str, Any]]:
    """The tool's known bugs that change this answer, as data."""
    return [{"says": bug.says, "adds": plain_value(fault)} for bug, fault in costs.faults(nodes)]


def convention_record(costs: Costs, nodes: list[Node], library: str) -> dict[str, Any]:
    """The same as data."""
    convention = costs.convention
    return {
        "convention": convention.name,
        "unit": convention.unit,
        "multiply_add": convention.multiply_add,
        "written": library or None,
        "left_out": {
            kind: {"layers": layers, "elements": plain_value(passing), "seen": seen}
            for seen in (True, False)
            for kind, (layers, passing) in costs.left_out(nodes, seen).items()
        },
        "bugs": bug_records(costs, nodes),
        "folded": folded_record(costs.graph),
    }
