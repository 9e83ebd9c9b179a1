"""`vcalc block`: two or more ways to build the same thing, compared as formulas or as numbers."""

from __future__ import annotations

from typing import Any

from vcalc import units
from vcalc.analyses.cost import Costs
from vcalc.analyses.depth import depth, nonlinearities
from vcalc.analyses.receptive_field import as_one, fields_by_input, size_of
from vcalc.conventions import Convention
from vcalc.reports.notes import bug_notes, conditions_note, convention_note, left_out_notes, params_note
from vcalc.reports.table import Column, Report, Row, Table, axes_of, inputs_of, inputs_text, plain_value, shape_text
from vcalc.spec.network import Network
from vcalc.spec.syntax import Spec

RATIOS = ("params", "flops", "memory")


def block_report(name: str, spec: Spec, sides: list[tuple[str, Network, Costs]]) -> Report:
    """A row for each option, and the ratio of the first to each other one."""
    options = [_option(option, network, costs) for option, network, costs in sides]
    convention = sides[0][2].convention
    first = options[0]
    variable = _variable(spec.crossover, options)
    rows = [Row(option, "layer") for option in options]
    ratios: dict[str, dict[str, Any]] = {}
    for other in options[1:]:
        ratios[other["name"]] = {key: _ratio(first[key], other[key]) for key in RATIOS}
        rows.append(Row({"name": f"{first['name']} : {other['name']}", **ratios[other["name"]]}, "total"))
    shown = _columns(convention)
    notes = [convention_note(convention), *params_note(convention)]
    for option, network, costs in sides:
        notes += left_out_notes(costs, network.graph.nodes, f", {option}")
        notes += bug_notes(costs, network.graph.nodes, f", {option}")
        notes += conditions_note(network.conditions, option)
    crossings = _crossings(variable, options, sides) if variable else []
    notes = [*map(_crossing_text, crossings), *_never(variable, options, crossings), *notes]
    table = Table(f"{spec.title}, input {_inputs(sides)}", shown, rows, notes)
    record = {
        "schema": 1,
        "block": name,
        "title": spec.title,
        "convention": convention.name,
        "options": [
            {**{key: plain_value(value) for key, value in option.items()}, "axes": axes_of(output=option["output"])}
            for option in options
        ],
        "ratios": _ratio_record(ratios),
        "crossovers": crossings,
    }
    numbers = [
        Row({**option, **{f"{key}_ratio": value for key, value in ratios.get(option["name"], {}).items()}})
        for option in options
    ]
    with_ratios = [*shown, *(Column(f"{key}_ratio", f"{key} : {first['name']}") for key in RATIOS)]
    return Report([table], record, Table("", with_ratios, numbers))


def _variable(wanted: str, options: list[dict[str, Any]]) -> str:
    """The symbol to solve for: the one that the spec names, or the only one that is open."""
    open_ = {str(s) for option in options for key in RATIOS for s in getattr(option[key], "free_symbols", ())}
    return wanted if wanted in open_ else open_.pop() if len(open_) == 1 else ""


def _columns(convention: Convention) -> list[Column]:
    return [
        Column("name", "option"),
        Column("params", "params", number=True, text=_text),
        Column("flops", convention.unit, number=True, text=_text),
        Column("memory", f"memory ({convention.memory.unit})", number=True, drop=3, text=_text),
        Column("receptive_field", "receptive field", number=True, drop=2, text=_field_text),
        Column("depth", "depth", number=True, drop=4),
        Column("nonlinearities", "non-linearities", number=True, drop=5),
        Column("output", "output", number=True, drop=6, text=shape_text),
    ]


def _crossings(
    variable: str, options: list[dict[str, Any]], sides: list[tuple[str, Network, Costs]]
) -> list[dict[str, Any]]:
    """Where each other option has as much of a metric as the first, as records."""
    from vcalc import symbols
    from vcalc.analyses.crossover import crossovers

    found = []
    for other in options[1:]:
        pair = (options[0]["name"], other["name"])
        for metric in RATIOS:
            for crossing in crossovers(options[0][metric], other[metric], variable) or ():
                inputs, value = sides[0][1].graph.inputs, {variable: crossing.value}
                at = {
                    name: [_number(symbols.evaluate(size, value)) for size in shape] for name, shape in inputs.items()
                }
                found.append(
                    {
                        "metric": metric,
                        "options": list(pair),
                        "symbol": variable,
                        "value": _number(crossing.value),
                        **inputs_of(at),
                        "axes": inputs_of(inputs, axes=True),
                        "less_below": None if crossing.less_below is None else pair[crossing.less_below],
                        "less_above": None if crossing.less_above is None else pair[crossing.less_above],
                    }
                )
    return found


def _never(variable: str, options: list[dict[str, Any]], crossings: list[dict[str, Any]]) -> list[str]:
    """Which option has fewer FLOPs whatever the symbol's value, where no value makes them equal."""
    from vcalc import symbols

    first, notes = options[0], []
    for other in options[1:] if variable else ():
        pair = [first["name"], other["name"]]
        if any(found["metric"] == "flops" and found["options"] == pair for found in crossings):
            continue
        for less, more in ((first, other), (other, first)):
            if symbols.decide("<", less["flops"], more["flops"]):
                notes.append(f"{less['name']} has fewer flops than {more['name']} at every {variable}")
    return notes


def _number(value: Any) -> Any:
    """A size as JSON has it: a whole number, a decimal where it is none, the formula where it is open."""
    if getattr(value, "free_symbols", None):
        return str(value)
    return int(value) if value == int(value) else float(value)


def _crossing_text(crossing: dict[str, Any]) -> str:
    """One crossing in words: where, at what input, and which side is ahead."""
    inputs = crossing.get("inputs") or {"": crossing["input"]}
    at_input = " and ".join(f"{name} {_row(sizes)}".lstrip() for name, sizes in inputs.items())
    value = crossing["value"]
    shown = _place(value)
    text = f"equal {crossing['metric']} at {crossing['symbol']} = {shown}"
    text += f", input {at_input}" if len(at_input) <= 40 else ""
    below, above = crossing["less_below"], crossing["less_above"]
    if below and above:
        text += f": below it {below} has less, above it {above}" if below != above else f"; {below} has less elsewhere"
    return text


def _row(sizes: list[Any]) -> str:
    each = [_place(size) for size in sizes]
    return (" x " if any("*" in size for size in each) else "x").join(each)


def _place(value: Any) -> str:
    """A place on an axis: a whole number with all its digits, a decimal with six, a formula as it is."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _inputs(sides: list[tuple[str, Network, Costs]]) -> str:
    shapes: dict[tuple[str, tuple[tuple[str, ...], ...]], list[str]] = {}
    for option, network, _ in sides:
        given = network.graph.inputs
        shapes.setdefault((inputs_text(given), tuple(shape.axes for shape in given.values())), []).append(option)
    if len(shapes) == 1:
        return next(iter(shapes))[0]
    return ", ".join(f"{shape} ({' and '.join(names)})" for (shape, _), names in shapes.items())


def _option(name: str, network: Network, costs: Costs) -> dict[str, Any]:
    graph = network.graph
    fields = fields_by_input(graph)[-1]
    each = {input: as_one(size_of(field, graph.inputs[input])) for input, field in fields.items()}
    return {
        "name": name,
        **costs.total(graph.nodes)._asdict(),
        "receptive_field": each if len(graph.inputs) > 1 else next(iter(each.values()), None),
        "depth": depth(graph),
        "nonlinearities": nonlinearities(graph),
        "output": graph.shape([*graph.outputs.values()][-1]),
    }


def _ratio(a: Any, b: Any) -> Any:
    """a : b, simplified; a plain number where both are; nothing where there is nothing to divide by."""
    if type(b) is int and b == 0:
        return None
    if isinstance(a, int) and isinstance(b, int):
        return a / b
    from vcalc import symbols

    return symbols.ratio(a, b)


def _ratio_record(ratios: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ratios by metric; with more than two options by option and metric."""
    plain = {other: {key: plain_value(value) for key, value in values.items()} for other, values in ratios.items()}
    return next(iter(plain.values())) if len(plain) == 1 else plain


def _text(value: Any) -> str:
    return units.ratio(value) if isinstance(value, float) else units.exact(value)


def _field_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_field_text(size)}" for name, size in value.items())
    return shape_text(value) if isinstance(value, list) else units.exact(value)


def blocks_report() -> Report:
    """The block comparisons that come with vcalc."""
    from vcalc.spec.find import block_names, load_block

    rows = []
    for name in block_names():
        spec = load_block(name)
        rows.append({"name": name, "title": spec.title, "options": list(spec.options)})
    columns = [
        Column("name", "block"),
        Column("title", "title", prose=True, drop=1),
        Column("options", "options", prose=True, text=", ".join),
    ]
    return Report([Table("block comparisons", columns, [Row(row, "layer") for row in rows])], rows)
