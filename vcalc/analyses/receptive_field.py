"""The part of the input that one output element can depend on, at inference, padding included.

Kept for each spatial axis as the outermost input positions that elements read (Araujo, Norris & Sim 2019, equations 1
to 5), for as many elements in turn as differ: after upsampling by 4 it takes four until the pattern comes again. Joins
take the outermost positions of their branches, element by element.
"""

from __future__ import annotations

from functools import reduce
from itertools import chain
from math import gcd, lcm
from typing import TYPE_CHECKING, Any, NamedTuple

from vcalc.analyses import inside
from vcalc.arithmetic import (
    Number,
    Shape,
    ceil_div,
    certainly_different,
    certainly_equal,
    certainly_less,
    is_many,
    is_symbolic,
    maximum,
    minimum,
)
from vcalc.graph import INPUT, Graph, Node
from vcalc.layers.axes import MAP, NamedShape, rank
from vcalc.layers.base import channels_first
from vcalc.layers.windows import REORDERED, Front, Reads, Window, alike

if TYPE_CHECKING:
    from vcalc.layers.partition import Laid

MOST_PHASES = 256
"""Elements of a pattern along one axis that are told apart; of a longer one an upper bound is kept."""


class Axis(NamedTuple):
    """What the elements along one axis read: the first and last position of each of `phases` elements in turn.

    The next ones read the same, `span` positions further on. Both positions grow from element to element.
    """

    phases: tuple[tuple[Number, Number], ...]
    span: Number

    @property
    def left(self) -> Number:
        """The first position that the first element reads."""
        return self.phases[0][0]

    @property
    def right(self) -> Number:
        """The last position that the first element reads."""
        return self.phases[0][1]

    @property
    def stride(self) -> Number:
        """How far the next element's positions lie, on average."""
        return _divided(self.span, len(self.phases))

    @property
    def start(self) -> Number:
        """The centre of the first element's receptive field, in input positions from 0; a half is a float."""
        ends = self.left + self.right
        return ends / 2 if type(ends) is int and ends % 2 else _divided(ends, 2)

    @property
    def size(self) -> Number:
        """How many positions the element reads that reads the most."""
        widths = dict.fromkeys(right - left for left, right in self.phases)
        return maximum(reduce(maximum, widths) + 1, 0)

    def bounded(self) -> Bound:
        """Outermost positions that hold for all phases."""
        lefts, rights = zip(*self.phases, strict=True)
        return Bound(reduce(minimum, lefts), reduce(maximum, rights), self.span, 0, 0, 1, len(self.phases))

    def through(self, reads: Reads) -> Axis | Bound:
        """What the elements of the next layer read, which read these."""
        if len(self.phases) == 1 and certainly_equal(reads.parts, 1):
            ((left, right),) = self.phases
            moved = (left + reads.low * self.span, right + reads.high * self.span)
            return Axis((moved,), self.span * reads.step)
        if not all(type(number) is int for number in reads):
            return self.bounded().through(reads)
        common = gcd(reads.step, reads.parts)
        outputs, inputs = reads.parts // common, reads.block * reads.step // common
        turns = len(self.phases) // gcd(inputs, len(self.phases))
        if outputs * turns > MOST_PHASES:
            return self.bounded().through(reads)
        phases = tuple((self._of(reads.first(j), 0), self._of(reads.last(j), 1)) for j in range(outputs * turns))
        return Axis(phases, self.span * (inputs * turns // len(self.phases)))

    def inside(self, window: Number, shift: Number, inner: Axis) -> Axis | None:
        """What those read that read these elements as `inner` says, in windows from `shift` on that all begin alike.

        None where they do not, and where sizes are open.
        """
        if not all(type(number) is int for number in (window, shift, inner.span, *chain(*inner.phases))):
            return None
        turns = len(self.phases) // gcd(inner.span, len(self.phases))
        if not inner.span or window % inner.span or len(inner.phases) * turns > MOST_PHASES:
            return None
        reads = [[shift + inner._of(j - shift, side) for side in (0, 1)] for j in range(len(inner.phases) * turns)]
        phases = tuple((self._of(first, 0), self._of(last, 1)) for first, last in reads)
        return Axis(phases, self.span * (inner.span * turns // len(self.phases)))

    def repeated(self, elements: int) -> tuple[tuple[Number, Number], ...]:
        """The phases of so many elements, a multiple of those that differ."""
        return tuple((self._of(j, 0), self._of(j, 1)) for j in range(elements))

    def _of(self, element: int, side: int) -> Number:
        turns, phase = divmod(element, len(self.phases))
        return self.phases[phase][side] + turns * self.span


class Bound(NamedTuple):
    """Outermost positions where sizes are open, or a pattern is too long to be kept.

    Element j reads from left + span*((step*j + low)//parts) at the least to right + span*((step*j + high)//parts).
    """

    left: Number
    right: Number
    span: Number
    low: Number
    high: Number
    step: Number
    parts: Number

    @property
    def stride(self) -> Number:
        """How far the next element's positions lie, on average."""
        return _divided(self.span * self.step, self.parts)

    @property
    def start(self) -> Number:
        """The centre of the first element's positions, in input positions from 0."""
        apart = self.low // self.parts + self.high // self.parts
        return _divided(self.left + self.right + self.span * apart, 2)

    @property
    def size(self) -> Number:
        """How many positions an element reads at most."""
        return (self.right - self.left) // 1 + 1 + self.span * ceil_div(self.high - self.low, self.parts)

    def through(self, reads: Reads) -> Bound:
        """What the elements of the next layer read, which read these."""
        if certainly_equal(self.step, 1) and certainly_equal(self.parts, 1):
            left = self.left + self.span * (self.low + reads.start)
            right = self.right + self.span * (self.high + reads.end)
            return Bound(left, right, self.span * reads.block, reads.low, reads.high, reads.step, reads.parts)._short()
        low, high, step, parts = reads.low + reads.start, reads.high + reads.end, reads.step, reads.parts
        if not certainly_equal(reads.block, 1):  # block*(j//block) lies between j - block + 1 and j
            low, parts = low - reads.block + 1, 1
        lost = 0 if certainly_equal(self.step, 1) else parts - 1
        return self._replace(
            low=self.step * (low - lost) + self.low * parts,
            high=self.step * high + self.high * parts,
            step=self.step * step,
            parts=self.parts * parts,
        )._short()

    def _short(self) -> Bound:
        """The same in lower terms, where a common divisor of step and parts is known."""
        common = self.parts if certainly_equal(self.step, self.parts) else 1
        if type(self.step) is int and type(self.parts) is int:
            common = gcd(self.step, self.parts)
        if certainly_equal(common, 1):
            return self
        low, high = self.low // common, self.high // common
        return self._replace(low=low, high=high, step=self.step // common, parts=self.parts // common)

    def joined(self, other: Bound) -> Bound:
        """The outermost positions of both, which step by the same."""
        if not all(map(certainly_equal, (self.span, *self[-2:]), (other.span, *other[-2:]))):
            self, other = self._even(), other._even()
        return self._replace(
            left=minimum(self.left, other.left),
            right=maximum(self.right, other.right),
            low=minimum(self.low, other.low),
            high=maximum(self.high, other.high),
        )

    def _even(self) -> Bound:
        """Positions that grow by the same from element to element, no less."""
        left = self.left + _divided(self.span * (self.low - self.parts + 1), self.parts)
        right = self.right + _divided(self.span * self.high, self.parts)
        return Bound(left, right, self.stride, 0, 0, 1, 1)


AnyAxis = Axis | Bound | None
"""None for an axis of which an element reads everything."""


class Field(NamedTuple):
    """What the elements of a tensor read of each axis of the input, and how they lie.

    Each axis has the one of the tensor by which its positions grow. The order is None where elements lie as on a map,
    their own or the one that tokens remember, or else the index of the node that put them in an order of their own.
    """

    axes: tuple[AnyAxis, ...]
    by: tuple[int, ...]
    order: int | None = None
    within: tuple[Field, Laid | None] | None = None
    """Inside windows what the elements of the map read that these are cut out of, and how they lie; of frames None."""

    @property
    def is_whole(self) -> bool:
        """Whether an element reads the whole input."""
        return bool(self.axes) and not any(self.axes)


_HERE = Axis(((0, 0),), 1)


def receptive_fields(graph: Graph, start: int = INPUT) -> list[Field | None]:
    """The receptive field of every node in one of the inputs, in order; None of what does not depend on that."""
    shape = graph.starts[start]
    axes = range(len(shape) - 1)
    fields: dict[int, Field | None] = dict.fromkeys(graph.starts)
    fields[start] = Field(tuple(_HERE for _ in axes), tuple(axes), None if rank(shape) == MAP else -1)
    for node in graph.nodes:
        fields[node.index] = _of_those_that_depend(node, [fields[index] for index in node.inputs])
    found = [fields[node.index] for node in graph.nodes]
    return [field and _shown(field) for field in found]


def fields_by_input(graph: Graph) -> list[dict[str, Field]]:
    """The receptive field of every node, in order, in each input that it depends on, by the input's name."""
    each = [receptive_fields(graph, start) for start in graph.starts]
    return [
        {name: field for name, field in zip(graph.inputs, fields, strict=True) if field is not None}
        for fields in zip(*each, strict=True)
    ]


def _shown(field: Field) -> Field:
    while field.within is not None:
        field = inside.outside(field)
    return field


def size_of(field: Field, input: Shape) -> tuple[Number, ...]:
    """The size of a field along each spatial axis of the input, whose own it is where that is read whole."""
    sizes = input[1:] if rank(input) == MAP else input[:-1]
    return tuple(size if axis is None else axis.size for size, axis in zip(sizes, field.axes, strict=True))


def as_one(sizes: tuple[Number, ...]) -> Any:
    """The sizes of a field as one number where they agree."""
    return sizes[0] if len(set(sizes)) == 1 else list(sizes)


def as_record(field: Field, input: Shape) -> dict[str, Any]:
    """A field as plain data: size, stride and start along each axis; the last two only where they are defined."""
    size = list(size_of(field, input))
    if field.is_whole:
        return {"size": size, "stride": None, "start": None}
    strides = [axis and _decimal(axis.stride) for axis in field.axes]
    return {"size": size, "stride": strides, "start": [axis and _decimal(axis.start) for axis in field.axes]}


def _decimal(value: Number) -> Number:
    """Halves and quarters as decimals; whole numbers and formulas as they are."""
    if is_many(value):
        each: Number = value.each(_decimal)
        return each
    return float(value) if getattr(value, "denominator", 1) != 1 and not is_symbolic(value) else value


def _divided(a: Number, b: Number) -> Number:
    """a / b exactly: a whole number where it is one, else a fraction."""
    if is_many(a) or is_many(b):
        from vcalc import many

        return many.each(_divided, a, b)
    if certainly_equal(b, 1):
        return a
    if certainly_equal(a % b, 0):
        return a // b
    if is_symbolic(a) or is_symbolic(b):
        return a / b
    from fractions import Fraction

    return Fraction(a) / b


def _of_those_that_depend(node: Node, fields: list[Field | None]) -> Field | None:
    """What a layer's elements read, of which some branches may not depend on the input."""
    there = {number: field for number, field in enumerate(fields) if field is not None}
    if not there:
        return None
    others = len(there) < len(fields)
    if others and [*there] == [0] and node.layer.rows_apart(node.facts.inner[0]):
        return there[0]
    shapes = tuple(node.facts.inner[number] for number in there)
    return (_beside_others if others else _step)(node, [*there.values()], shapes)


def _beside_others(node: Node, fields: list[Field], shapes: tuple[NamedShape, ...]) -> Field:
    """What the elements of a join read beside inputs that do not depend on the input, such as tables."""
    window = node.layer.reach(node.facts.inner[0])
    if window is None and any(_apart(shape, node.facts.made) for shape in shapes):
        return _whole(_joined(fields, shapes))
    if window is REORDERED and len(fields) == 1 and node.facts.output.grid is not None:
        return fields[0]  # as other tokens beside class tokens
    return _step(node, fields, shapes)


def _step(node: Node, fields: list[Field], shapes: tuple[NamedShape, ...]) -> Field:
    """What a layer's elements read, from what those of its inputs do."""
    if len(node.output.front) != len(node.input.front) or node.layer.in_front:
        return _parted(node, fields[0])
    window = node.layer.reach(node.facts.inner[0])
    if window is REORDERED:
        if any(field.within != fields[0].within for field in fields):
            return inside.whole_of(max(fields, key=_depth))._replace(order=node.index)
        return fields[0]._replace(axes=tuple(map(_widest, *(field.axes for field in fields))), order=node.index)
    aligned = node.layer.aligned(shapes)
    field = _joined(fields, shapes) if aligned is None else _beside(fields, aligned)
    if window is None:
        return field
    if isinstance(window, Front):
        return field if node.facts.output.grid is not None else field._replace(order=node.index)
    if not window.reads or field.order is not None:
        return _whole(field)
    return Field(_through(field, window), tuple(window.to[axis] for axis in field.by), within=field.within)


def _beside(fields: list[Field], aligned: tuple[Window, ...]) -> Field:
    """What elements of maps read that were cut or padded to lie beside one another."""
    if any(field.order is not None or field.within != fields[0].within for field in fields):
        return inside.whole_of(max(fields, key=_depth))
    moved = [field._replace(axes=_through(field, window)) for field, window in zip(fields, aligned, strict=True)]
    axes = moved[0].axes
    for field in moved[1:]:
        axes = tuple(map(_union_by, axes, field.axes, fields[0].by, field.by))
    return moved[0]._replace(axes=axes)


def _parted(node: Node, field: Field) -> Field:
    """What elements read after a map is cut into windows or parted into frames, and after these are put back."""
    laid = node.output.front[-1].laid if node.kind == "windows" else None
    if laid is not None:
        return Field((_HERE,) * len(laid.map), tuple(range(len(laid.map))), None, (field, laid))
    if node.kind == "frames" and field.order is None and field.by == (0, 1, 2):
        return Field(field.axes[1:], (0, 1), None, (field._replace(axes=field.axes[:1]), None))
    if node.kind in ("merge_windows", "merge_frames") and field.within is not None:
        back = inside.outside(field)
        return back if rank(node.output) == MAP else back._replace(order=node.index)
    return inside.whole_of(_shown(field))._replace(order=node.index)


def _depth(field: Field) -> int:
    return 0 if field.within is None else 1 + _depth(field.within[0])


def _whole(field: Field) -> Field:
    """Everything that the elements read, for each of them."""
    axes = tuple(axis if _is_fixed(axis) else None for axis in field.axes)
    return Field(axes, (0,) * len(field.axes), within=field.within)


def _is_fixed(axis: AnyAxis) -> bool:
    """Whether all elements read the same."""
    return axis is not None and certainly_equal(axis.span, 0)


def _through(field: Field, window: Window) -> tuple[AnyAxis, ...]:
    found: list[AnyAxis] = []
    for axis, by in zip(field.axes, field.by, strict=True):
        reads = window.reads[by]
        if found and axis == field.axes[0] and reads == window.reads[field.by[0]]:
            found.append(found[0])
        elif _is_fixed(axis):
            found.append(axis)
        else:
            found.append(None if axis is None or reads is None else axis.through(reads))
    return tuple(found)


def _widest(first: AnyAxis, *others: AnyAxis) -> AnyAxis:
    """The axis of the token that reads most, where tokens are put one after the other."""
    for axis in others:
        if first is None or axis is None:
            return None
        if certainly_less(first.size, axis.size):
            first = axis
        elif not certainly_less(axis.size, first.size + 1):
            return None
    return first


def _joined(fields: list[Field], shapes: tuple[NamedShape, ...]) -> Field:
    """The outermost positions of each element; the whole input when branches do not lie element on element."""
    first = fields[0]
    for field, shape in zip(fields[1:], shapes[1:], strict=True):
        if field.within != first.within:
            return inside.whole_of(max(first, field, key=_depth))
        if field.order != first.order or not alike(shapes[0].grid, shape.grid) or _apart(shapes[0], shape):
            return Field((None,) * len(first.axes), first.by, within=first.within)
        first = first._replace(axes=tuple(map(_union_by, first.axes, field.axes, first.by, field.by)))
    return first


def _apart(a: Shape, b: Shape) -> bool:
    """Whether not all places are the same: a map of one place is added to every place of another."""
    places = slice(1, None) if channels_first(a) else slice(0, -1)
    return len(a) != len(b) or any(map(certainly_different, a[places], b[places]))


def _union_by(a: AnyAxis, b: AnyAxis, a_by: int, b_by: int) -> AnyAxis:
    return _union(a, b) if a_by == b_by else None


def _union(a: AnyAxis, b: AnyAxis) -> AnyAxis:
    """The outermost positions of two branches; the whole axis where they step differently."""
    if a is None or b is None or a is b:
        return a and b
    if not certainly_equal(a.stride, b.stride):
        return None
    if isinstance(a, Axis) and isinstance(b, Axis):
        elements = lcm(len(a.phases), len(b.phases))
        if elements <= MOST_PHASES:
            return Axis(
                tuple(map(_hull, a.repeated(elements), b.repeated(elements))), a.span * elements // len(a.phases)
            )
    return _bound(a).joined(_bound(b))


def _bound(axis: Axis | Bound) -> Bound:
    return axis.bounded() if isinstance(axis, Axis) else axis


def _hull(a: tuple[Number, Number], b: tuple[Number, Number]) -> tuple[Number, Number]:
    return minimum(a[0], b[0]), maximum(a[1], b[1])
