"""Counting conventions: data files that say which primitives of which layer kind count, and with what weight.

Formulas know no convention, and a convention knows no formula: it weighs the primitives that a layer reports.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import cache
from typing import Any

import yaml

from vcalc.arithmetic import Number
from vcalc.errors import VcalcError, suggestion
from vcalc.graph import Facts
from vcalc.layers import KINDS, PRIMITIVES, ROLES, Layer

FOLDER = os.path.dirname(__file__)
DEFAULT = "lecture"
_KEYS = ("name", "extends", "says", "unit", "source", "weights", "kinds", "params", "memory")


class Convention:
    """How one source counts: FLOPs by weighed primitives, parameters by role, memory by what is stored."""

    def __init__(self, data: dict[str, Any], file: str) -> None:
        self.file = file
        self._check(data, "a convention", _KEYS, ("name", "says", "unit", "source", "weights", "memory"))
        self.name: str = data["name"]
        self.says: str = data["says"]
        self.unit: str = data["unit"]
        self.source: str = data["source"]
        self.default_weights = self._primitives(data["weights"])
        kinds = self._check(data.get("kinds", {}), "kinds", KINDS)
        self.kind_weights = {kind: self._primitives(weights) for kind, weights in kinds.items()}
        params = self._check(data.get("params", {}), "params", ("leave_out",))
        self.params_left_out = frozenset(self._names(params, "leave_out", ROLES))
        memory = self._check(data["memory"], "memory", ("unit", "kilobyte", "input", "leave_out"), ("unit", "kilobyte"))
        self.memory_unit: str = self._one_of(memory["unit"], "the unit of memory", ("bytes", "elements"))
        self.kilobyte: int = self._one_of(memory["kilobyte"], "a kilobyte", (1000, 1024))
        self.shows_input: bool = self._one_of(memory.get("input", False), "the input in memory", (True, False))
        left_out = self._check(memory.get("leave_out", {}), "leave_out", ("families", "kinds"))
        families = {kind.family for kind in KINDS.values()}
        self._families_not_stored = frozenset(self._names(left_out, "families", families))
        self._kinds_not_stored = frozenset(self._names(left_out, "kinds", KINDS))

    def _wrong(self, message: str, hint: str = "") -> VcalcError:
        return VcalcError("convention", f"{self.file}: {message}", hint=hint)

    def _check(self, data: Any, what: str, known: Collection[str], needed: tuple[str, ...] = ()) -> dict[str, Any]:
        """A mapping with known keys, the needed ones among them."""
        if not isinstance(data, dict):
            raise self._wrong(f"{what} is a mapping, not {data!r}")
        for key in data:
            if key not in known:
                raise self._wrong(f"{what} has no '{key}'", suggestion(str(key), known, "it has"))
        for key in needed:
            if key not in data:
                raise self._wrong(f"{what} needs '{key}'")
        return data

    def _names(self, data: dict[str, Any], key: str, known: Collection[str]) -> list[str]:
        """A list of known names."""
        names = data.get(key, [])
        if not isinstance(names, list):
            raise self._wrong(f"{key} is a list of names, not {names!r}")
        for name in names:
            if name not in known:
                raise self._wrong(f"{key}: there is no '{name}'", suggestion(str(name), known, "there are"))
        return names

    def _one_of(self, value: Any, what: str, allowed: tuple[Any, ...]) -> Any:
        if value not in allowed:
            raise self._wrong(f"{what} is {' or '.join(map(str, allowed))}, not {value!r}")
        return value

    def _primitives(self, weights: Any) -> dict[str, int]:
        for primitive, weight in self._check(weights, "weights", PRIMITIVES).items():
            if type(weight) is not int or weight < 0:
                raise self._wrong(f"the weight of {primitive} is a whole number, 0 or more, not {weight!r}")
        checked: dict[str, int] = weights
        return checked

    def weights(self, layer: Layer) -> dict[str, int]:
        """The weight of each primitive that counts for a layer."""
        return self.kind_weights.get(layer.kind, self.default_weights)

    def flops(self, facts: Facts) -> Number:
        """The layer's work, weighed."""
        work = facts.work
        total: Number = 0
        for primitive, weight in self.weights(facts.layer).items():
            if primitive in work:
                total = total + (work[primitive] if weight == 1 else weight * work[primitive])
        return total

    def params(self, facts: Facts) -> Number:
        """The layer's parameters, without the roles that the convention leaves out."""
        total: Number = 0
        for role, count in facts.parameters.items():
            if role not in self.params_left_out:
                total = total + count
        return total

    @property
    def not_stored(self) -> list[str]:
        """The layer kinds whose output takes no memory of its own."""
        return sorted(kind for kind, cls in KINDS.items() if not self._stores(cls.family, kind))

    def stores(self, layer: Layer) -> bool:
        """Whether the layer's output takes memory of its own; activations and views reuse their input's."""
        return self._stores(layer.family, layer.kind)

    def _stores(self, family: str, kind: str) -> bool:
        return family not in self._families_not_stored and kind not in self._kinds_not_stored


def names() -> list[str]:
    """The conventions that come with vcalc, the default first."""
    found = sorted(name.removesuffix(".yaml") for name in os.listdir(FOLDER) if name.endswith(".yaml"))
    return sorted(found, key=lambda name: name != DEFAULT)


@cache
def load(name: str) -> Convention:
    """A convention by name. Raises VcalcError for an unknown one, with the nearest."""
    if not name.replace("-", "").isalnum() or not os.path.isfile(_path(name)):
        raise VcalcError("convention", f"there is no convention '{name}'", hint=suggestion(name, names(), "known"))
    return Convention(_read(name), f"{name}.yaml")


def _path(name: str) -> str:
    return os.path.join(FOLDER, f"{name}.yaml")


def _read(name: str) -> dict[str, Any]:
    """A file's data on top of that of the convention it extends."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with open(_path(name), encoding="utf-8") as file:
        data: dict[str, Any] = yaml.load(file, Loader=loader)
    if "extends" not in data:
        return data
    base = _read(data["extends"])
    return {**base, **data, "memory": {**base["memory"], **data.get("memory", {})}}
