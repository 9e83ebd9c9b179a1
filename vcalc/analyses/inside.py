"""What elements inside windows and frames read, and what it comes to on the map or video that these are cut out of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vcalc.arithmetic import certainly_equal
from vcalc.layers.windows import Reads

if TYPE_CHECKING:
    from vcalc.analyses.receptive_field import AnyAxis, Field
    from vcalc.layers.partition import Laid


def whole_of(field: Field) -> Field:
    """Everything, inside windows and frames that are cut out of everything."""
    within = field.within and (whole_of(field.within[0]), field.within[1])
    return field._replace(axes=(None,) * len(field.axes), order=None, within=within)


def outside(field: Field) -> Field:
    """What elements read, windows and frames put back."""
    if field.within is None:
        return field
    outer, laid = field.within
    if laid is None:
        by = (0, *(axis + 1 for axis in field.by))
        return field._replace(axes=(*outer.axes, *field.axes), by=by, within=outer.within)
    axes = tuple(
        _along(one, field.axes[by] if field.order is None and field.by[by] == by else None, laid, by)
        for one, by in zip(outer.axes, outer.by, strict=True)
    )
    return outer._replace(axes=axes)


def _along(outer: AnyAxis, inner: AnyAxis, laid: Laid, number: int) -> AnyAxis:
    """Along an axis: what is read of a window, where the window lies."""
    from vcalc.analyses.receptive_field import Axis

    if outer is None:
        return None
    if isinstance(inner, Axis) and len(inner.phases) == 1:
        ((left, right),) = inner.phases
        if not laid.grid:
            return outer.through(Reads(left, right, inner.span))
        if certainly_equal(inner.span, 1):
            apart = laid.counts[number]
            return outer.through(Reads(left * apart, right * apart))
    elif isinstance(inner, Axis) and isinstance(outer, Axis) and not laid.grid:
        found = outer.inside(laid.window[number], laid.shifts[number], inner)
        if found is not None:
            return found
    own = laid.own(number)
    return None if own is None else outer.through(own)
