"""Counting conventions: data files that say which primitives of which layer kind count, and with what weight.

Formulas know no convention, and a convention knows no formula: it weighs the primitives that a layer reports.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import yaml

from vcalc.arithmetic import Number
from vcalc.errors import VcalcError, suggestion
from vcalc.graph import Facts
from vcalc.layers import KINDS, PRIMITIVES, ROLES, Layer

FOLDER = os.path.dirname(__file__)
DEFAULT = "lecture"
_KEYS = {"name", "extends", "says", "unit", "source", "weights", "kinds", "params", "memory"}


class Convention:
    """How one source counts: FLOPs by weighed primitives, parameters by role, memory by what is stored."""

    def __init__(self, data: dict[str, Any], file: str) -> None:
        self.file = file
        unknown = set(data) - _KEYS
        if unknown:
            raise self._wrong(f"there is no key '{min(unknown)}'", min(unknown), _KEYS)
        self.name: str = data["name"]
        self.says: str = data["says"]
        self.unit: str = data["unit"]
        self.source: str = data["source"]
        self.default_weights: dict[str, int] = self._primitives(data["weights"])
        self.kind_weights = {self._kind(kind): self._primitives(weights) for kind, weights in data.get("kinds", {}).items()}
        self.params_left_out = frozenset(self._role(role) for role in data.get("params", {}).get("leave_out", ()))
        memory = data["memory"]
        self.memory_unit: str = memory["unit"]
        self.kilobyte: int = memory["kilobyte"]
        self.shows_input: bool = memory.get("input", False)
        left_out = memory.get("leave_out", {})
        self._families_not_stored = frozenset(left_out.get("families", ()))
        self._kinds_not_stored = frozenset(self._kind(kind) for kind in left_out.get("kinds", ()))

    def _wrong(self, message: str, word: str, allowed: Any) -> VcalcError:
        return VcalcError("convention", f"{self.file}: {message}", hint=suggestion(word, allowed, "known"))

    def _kind(self, kind: str) -> str:
        if kind not in KINDS:
            raise self._wrong(f"there is no layer kind '{kind}'", kind, KINDS)
        return kind

    def _role(self, role: str) -> str:
        if role not in ROLES:
            raise self._wrong(f"there is no parameter role '{role}'", role, ROLES)
        return role

    def _primitives(self, weights: dict[str, int]) -> dict[str, int]:
        for primitive in weights:
            if primitive not in PRIMITIVES:
                raise self._wrong(f"there is no primitive '{primitive}'", primitive, PRIMITIVES)
        return weights

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
