"""Columns, rows and tables as records. A column says what it holds; renderers only arrange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vcalc import units
from vcalc.arithmetic import Shape, is_many
from vcalc.layers.axes import names_of

if TYPE_CHECKING:
    from vcalc.graph import Graph

KEEP = 0
"""The priority of a column that is never dropped."""

LINE, HEAD, BELOW, SMALL = "line", "head", "below", "small"
"""Where text, which has no room for everything in one line, puts a column: among the others, above the rows that share
its value, or below the row, as running text or in small print. Markdown, CSV and LaTeX have columns only."""


class Column:
    """One column: its key and header, what it means, how a value is shown, and how soon a narrow terminal drops it."""

    __slots__ = ("bar", "drop", "header", "key", "number", "place", "prose", "says", "text")

    def __init__(
        self,
        key: str,
        header: str,
        says: str = "",
        *,
        number: bool = False,
        prose: bool = False,
        bar: bool = False,
        drop: int = KEEP,
        place: str = LINE,
        text: Callable[[Any], str] = units.exact,
    ) -> None:
        self.key = key
        self.header = header
        self.says = says
        self.number = number
        self.prose = prose
        """Running text, which may be folded before any column is dropped for it."""
        self.bar = bar
        """Shares of the longest bar, from 0 to 1, drawn as long as there is room."""
        self.drop = drop
        """0 stays; of the others the highest goes first."""
        self.place = place
        self.text = text


BAR = 40
"""Characters of the longest bar."""


def bar_text(share: float, length: int = BAR) -> str:
    """A bar for a share of the longest one; what is not nothing shows."""
    return "█" * max(1, round(length * share))


class Amount(str):
    """A number with its unit as a person reads it, in a column whose text is `str`; CSV has each by itself."""

    __slots__ = ("unit", "value")
    value: Any
    unit: str

    def __new__(cls, value: Any, unit: str, text: str = "") -> Amount:
        """An amount, shown with all its digits unless a text is given."""
        made = super().__new__(cls, text or f"{units.exact(value)} {unit}".rstrip())
        made.value = value
        made.unit = unit
        return made


class Row:
    """One row: raw values by column key, and what the row is (layer, subtotal, total)."""

    __slots__ = ("cells", "style", "sums")

    def __init__(self, cells: dict[str, Any], style: str = "", sums: bool | None = None) -> None:
        self.cells = cells
        self.style = style
        self.sums = style in ("total", "subtotal") if sums is None else sums
        """Whether it says again what other rows say: a sum over a column would count that twice."""


class Table:
    """Rows under columns, a title above, and notes below that say how the figures were counted."""

    def __init__(self, title: str, columns: list[Column], rows: list[Row], notes: list[str] | None = None) -> None:
        self.title = title
        self.columns = columns
        self.rows = rows
        self.notes = notes or []

    def text(self, row: Row, column: Column) -> str:
        """One cell as a person reads it; nothing where the row has no such value."""
        value = row.cells.get(column.key)
        return "" if value is None else column.text(value)


class Report:
    """Tables for people and, for machines, one record whose keys are a promise.

    What is long may be given as a function: it is called when its format is asked for.
    """

    def __init__(self, tables: Any, record: Any, complete: Any = None, holds: bool = True, brief: Any = None) -> None:
        self._tables = tables
        self.brief: list[Table] | None = brief
        """What text shows in place of tables that would drown a reader."""
        self._record = record
        self._complete = complete
        self.holds = holds
        """False when the answer is "no": the exit code is 1 then."""
        self.with_total = False
        """Whether the rows that sum others up are in the CSV, too."""

    @cached_property
    def tables(self) -> list[Table]:
        """The tables for people."""
        tables: list[Table] = self._tables() if callable(self._tables) else self._tables
        return tables

    @cached_property
    def record(self) -> Any:
        """The JSON of the answer."""
        return self._record() if callable(self._record) else self._record

    @cached_property
    def complete(self) -> Table | None:
        """The table with every row, for CSV, where the ones for people leave rows out."""
        complete: Table | None = self._complete() if callable(self._complete) else self._complete
        return complete


def shape_text(shape: Any) -> str:
    """`64x112x112`; sizes that are sums stand in parentheses."""
    return "x".join(f"({size})" if " " in size else size for size in map(units.plain, shape))


def pair_text(value: Any) -> str | None:
    """A field along all axes: one number where they agree."""
    if value is None or isinstance(value, str):
        return value
    pair = value if isinstance(value, tuple) else (value, value)
    return str(pair[0]) if len(set(map(str, pair))) == 1 else shape_text(pair)


def inputs_text(inputs: Mapping[str, Shape] | Shape) -> str:
    """What goes in, in a heading or a cell: `3x224x224`, or `image 3x224x224 and text 77x512`."""
    if not isinstance(inputs, Mapping):
        return shape_text(inputs)
    each = [f"{name} {shape_text(shape)}".lstrip() for name, shape in inputs.items()]
    return " and ".join([", ".join(each[:-1]), each[-1]] if len(each) > 1 else each)


def inputs_of(inputs: Mapping[str, Any], *, by_name: bool = False, axes: bool = False) -> dict[str, Any]:
    """What goes in, by name, as JSON has it: under `input` where it is one, and under `inputs` where it has names.

    Each is a list of sizes, or these by what they are called, or that alone.
    """

    def of(shape: Any) -> Any:
        return list(names_of(shape)) if axes else sizes_of(shape) if by_name else plain_value(shape)

    made: dict[str, Any] = {"input": of(*inputs.values()) if len(inputs) == 1 else None}
    return made if "" in inputs else {**made, "inputs": {name: of(shape) for name, shape in inputs.items()}}


def outputs_of(graph: Graph) -> dict[str, Any]:
    """What comes out where it has names, as JSON has it: the layer that gives each, and its sizes."""
    if "" in graph.outputs:
        return {}
    made = {}
    for name, index in graph.outputs.items():
        layer, shape = graph.nodes[index].path if index >= 0 else None, graph.shape(index)
        made[name] = {"layer": layer, "shape": plain_value(shape), "axes": list(names_of(shape))}
    return {"outputs": made}


def axes_of(**shapes: Shape) -> dict[str, list[str]]:
    """What the sizes of shapes are called, by the key that each shape has in a record."""
    return {key: list(names_of(shape)) for key, shape in shapes.items()}


def sizes_of(shape: Shape) -> dict[str, Any]:
    """The sizes of a shape by what they are called, as JSON has them."""
    return dict(zip(names_of(shape), map(plain_value, shape), strict=True))


def plain_value(value: Any) -> Any:
    """A value as JSON has it: numbers as they are, formulas as strings."""
    if isinstance(value, dict):
        return {key: plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if getattr(value, "is_Integer", False):
        return int(value)
    if is_many(value):
        return value.numbers.tolist()
    return units.plain(value)
