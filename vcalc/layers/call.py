"""What conventions weigh of a layer of several operators: each of its calls, or all of them together."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, NamedShape
from vcalc.layers.base import KINDS, features


class Call:
    """One operator that a layer calls, in one way; or what several that are weighed alike come to."""

    __slots__ = ("_shapes", "batched", "form", "kind", "parameters", "work")

    def __init__(
        self,
        kind: str,
        form: str,
        batched: bool,
        work: dict[str, Number],
        parameters: dict[str, Number],
        shapes: tuple[Shape, ...],
    ) -> None:
        self.kind = kind
        """The layer kind that it is; empty for what none is."""
        self.form = form
        """How the source calls it."""
        self.batched = batched
        """False for what does not depend on the images, and is worked out once for a batch of any size."""
        self.work = work
        self.parameters = parameters
        """Those that it reads first, by role."""
        self._shapes = shapes

    @property
    def each(self) -> list[tuple[Any, Number]]:
        """A layer of its kind, as formulas see it, and how often it is there: axes in front are a batch to it."""
        kind = KINDS[self.kind]
        only_maps = kind.accepts == (MAP,)
        first = self._shapes[0]
        front = 1 if only_maps else max(len(first) - max(_SIZES[of] for of in kind.accepts), 0)
        shapes = [_named(shape[front:], only_maps) for shape in self._shapes]
        out = shapes[-1][1:] if self.kind == "upsample" else features(shapes[-1])
        known = {"out": out, "bias": "bias" in self.parameters}
        fields = {name: field for name, field in kind.fields.items() if name in known}
        layer = SimpleNamespace(kind=self.kind, fields=fields, **{name: known[name] for name in fields})
        one = SimpleNamespace(layer=layer, inputs=tuple(shapes[:-1]), output=shapes[-1])
        return [(one, product(first[:front]))]


_SIZES = {MAP: 3, HEADS: 3, TOKENS: 2, VECTOR: 1}
"""How many sizes an operator sees of each, axes in front left out."""


def _named(shape: Shape, is_map: bool) -> NamedShape:
    return NamedShape(shape, MAP if is_map else HEADS if len(shape) == _SIZES[HEADS] else "")


class Whole:
    """What all calls of a layer come to: for each image, or once for a batch of any size."""

    __slots__ = ("batched", "each", "form", "kind", "work")

    def __init__(self, facts: Any, batched: bool, work: dict[str, Number]) -> None:
        self.kind = facts.kind
        self.form = facts.form
        self.batched = batched
        self.work = work
        self.each = [(facts, 1)] if batched else []
        """A formula is for the layer, and counted with what is for each image."""


def whole(facts: Any) -> list[Whole]:
    """A layer's calls as one, in two parts; what arrives and leaves is there for each image."""
    once = added(call for call in facts.calls if not call.batched)
    each = {name: count for name, count in facts.work.items() if name not in once}
    each |= added(call for call in facts.calls if call.batched)
    return [Whole(facts, True, each), Whole(facts, False, once)]


OF_THE_WHOLE = ("input_elements", "output_elements", "parameters")
"""What does not add up over calls: what arrives, what leaves, and parameters that are taken once."""


def added(calls: Iterable[Call]) -> dict[str, Number]:
    """The work of some calls, by primitive."""
    found: dict[str, Number] = {}
    for call in calls:
        for name, count in call.work.items():
            if name not in OF_THE_WHOLE:
                found[name] = found[name] + count if name in found else count
    return found
