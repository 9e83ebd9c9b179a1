"""`vcalc layers`: the layer kinds with their fields, and their formulas as SymPy prints them."""

from __future__ import annotations

from typing import Any

from vcalc import foreign
from vcalc.errors import VcalcError, quoted
from vcalc.graph import Facts
from vcalc.layers import KINDS, Layer, kinds
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, NamedShape, axes
from vcalc.layers.base import show
from vcalc.layers.call import OF_THE_WHOLE
from vcalc.layers.fields import Field
from vcalc.reports.table import Column, Report, Row, Table

_LENGTHS = {MAP: 3, HEADS: 3, TOKENS: 2, VECTOR: 1}


def kinds_report() -> Report:
    """A row for each layer kind."""
    rows = [
        {"kind": kind.kind, "family": kind.family, "fields": _signature(kind), "says": summary(kind)}
        for kind in kinds()
    ]
    columns = [
        Column("kind", "kind"),
        Column("family", "family", drop=1),
        Column("fields", "fields (* required)", prose=True, drop=2),
        Column("says", "what it is", prose=True),
    ]
    return Report([Table("layer kinds", columns, [Row(row, "layer") for row in rows])], rows)


def kind_report(name: str) -> Report:
    """One layer kind: its fields and its formulas. Raises VcalcError for an unknown one."""
    if name not in KINDS:
        raise VcalcError(
            "unknown-kind",
            f"there is no layer kind {quoted(name)}",
            hint=foreign.layer_hint(name, KINDS, "known") or "`vcalc layers` lists them",
        )
    kind = KINDS[name]
    fields = [_field(field) for field in kind.fields.values()]
    formulas = [{"quantity": quantity, "formula": formula} for quantity, formula in formulas_of(kind)]
    field_columns = [
        Column("name", "field"),
        Column("symbol", "symbol", drop=1),
        Column("type", "value", prose=True),
        Column("default", "default"),
        Column("doc", "what it is", prose=True),
    ]
    formula_columns = [Column("quantity", "quantity"), Column("formula", "formula", prose=True)]
    tables = [
        Table(f"{name}: {summary(kind)}", field_columns, [Row(field, "layer") for field in fields]),
        Table("formulas", formula_columns, [Row(row, "layer") for row in formulas], [f"source: {kind.source}"]),
    ]
    record = {
        "kind": name,
        "family": kind.family,
        "says": summary(kind),
        "source": kind.source,
        "fields": fields,
        "formulas": {row["quantity"]: row["formula"] for row in formulas},
    }
    return Report(tables if fields else tables[1:], record)


def summary(kind: type[Layer]) -> str:
    """The first sentence of the class's documentation."""
    return " ".join((kind.__doc__ or "").split())


def _signature(kind: type[Layer]) -> str:
    return ", ".join(name + ("*" if field.required else "") for name, field in kind.fields.items())


def _field(field: Field) -> dict[str, Any]:
    default = "required" if field.required else "" if field.default is None else show(field.default)
    return {"name": field.name, "symbol": field.symbol, "type": field.type.says, "default": default, "doc": field.doc}


def formulas_of(kind: type[Layer]) -> list[tuple[str, str]]:
    """The layer's formulas, evaluated on the literature's symbols: output shape, parameters, buffers, work."""
    from vcalc import symbols

    layer = _sample(kind)
    first = MAP if kind.accepts == Layer.accepts else (*kind.accepts, VECTOR)[0]
    usual = ("C_in", "H", "W") if first == MAP else axes(first, _LENGTHS[first])
    names = kind.example or (usual,) * (0 if kind.begins else 2 if kind.joins else 1)
    inputs = tuple(map(_in_symbols, names))

    facts = Facts(layer, inputs)
    known = [size for sizes in inputs for size in sizes]
    output = tuple(
        size if size in known or size.is_Symbol or size.is_Integer else symbols.symbol(f"{name}_out")
        for size, name in zip(map(symbols.exact, facts.output), facts.output.axes, strict=True)
    )
    lines = [("input", " and ".join(map(show, dict.fromkeys(inputs)))), ("output", show(output))][kind.begins :]
    lines += [(str(name), str(size)) for name, size in zip(output, facts.output, strict=True) if str(name) != str(size)]
    lines += [(f"parameters: {role}", str(count)) for role, count in facts.parameters.items()]
    lines += [(f"buffers: {name}", str(count)) for name, count in facts.buffers.items()]
    work = [(name, count) for name, count in facts.work.items() if name not in OF_THE_WHOLE]
    return lines + [(f"work: {name}", str(count)) for name, count in work]


def _in_symbols(names: tuple[str, ...]) -> Any:
    """A shape whose sizes are the symbols of their names."""
    from vcalc import symbols

    def symbol(name: Any) -> Any:
        return symbols.symbol(name) if isinstance(name, str) else name

    return names.each(symbol) if isinstance(names, NamedShape) else tuple(map(symbol, names))


def _sample(kind: type[Layer]) -> Layer:
    """The layer with the literature's symbols for fields that have one, and defaults (or 1) for the others."""
    from vcalc import symbols

    values: dict[str, Any] = {name: value for name, value in kind.sample.items() if value is not None}
    for name, field in kind.fields.items():
        if name in values:
            continue
        if field.symbol and (field.default is not None or name in kind.sample):
            values[name] = symbols.symbol(field.symbol)
        elif field.required:
            values[name] = 1
    return kind(**values)
