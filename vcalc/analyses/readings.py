"""What a printed number may be: the conventions and variants under which a model's count rounds to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from vcalc import conventions
from vcalc.analyses.cost import Costs, lots
from vcalc.analyses.measure import Question
from vcalc.analyses.read_claims import claims_of
from vcalc.conventions import Convention
from vcalc.errors import VcalcError
from vcalc.graph import Node, group_of
from vcalc.spec.find import load_file
from vcalc.spec.network import Network, expand
from vcalc.spec.syntax import ModelEntry, Spec
from vcalc.units import Printed

SQUARES = (128, 160, 192, 224, 227, 240, 256, 260, 288, 299, 300, 320, 331, 384, 448, 512)
"""Sides of the square inputs that classification networks are published at."""


class Reading(NamedTuple):
    """One way to arrive at a number: a variant of the model, a convention, a metric, and what that gives."""

    variant: str
    convention: Convention
    metric: str
    value: Any
    how: str
    """`rounds` or `is cut` to the printed figure; empty where it does neither."""


class Missing(NamedTuple):
    """A part of the network whose cost, left out or taken twice, leads to the printed number."""

    part: str
    change: str
    """`without` it, or with it `twice`."""
    value: Any


class Variant(NamedTuple):
    """The model, or something close to it, in words; `distance` orders them."""

    says: str
    network: Network
    distance: int


def readings(printed: Printed, variants: list[Variant], chosen: list[Convention]) -> list[Reading]:
    """Every variant under every convention that comes to the printed number, the closest variants first."""
    found: dict[tuple[str, str, Any], Reading] = {}
    for variant in sorted(variants, key=lambda variant: variant.distance):
        for reading in _of(printed, variant, chosen):
            if reading.how:
                found.setdefault((reading.convention.name, reading.metric, reading.value), reading)
    return list(found.values())


def nearest(printed: Printed, variants: list[Variant], chosen: list[Convention], count: int = 5) -> list[Reading]:
    """The readings of the closest variants that come nearest to the printed number."""
    every = [reading for variant in variants for reading in _of(printed, variant, chosen) if reading.value > 0]
    return sorted(every, key=lambda reading: abs(math.log(reading.value / printed.value)))[:count]


def _of(printed: Printed, variant: Variant, chosen: list[Convention]) -> Iterator[Reading]:
    """The metrics that the figure's unit allows, each value once."""
    nodes = variant.network.graph.nodes
    in_lots = lots(nodes)
    seen: set[tuple[str, Any]] = set()
    for convention in chosen:
        total = Costs(variant.network.graph, convention).total(nodes, in_lots)
        for metric in printed.metrics:
            value = getattr(total, metric)
            if metric != "flops" and (metric, value) in seen:
                continue
            seen.add((metric, value))
            how = "rounds" if printed.matches(value) else "is cut" if printed.matches(value, cut=True) else ""
            yield Reading(variant.says, convention, metric, value, how)


def missing(printed: Printed, network: Network, reading: Reading) -> list[Missing]:
    """Parts of the network without which, or with which taken twice, the reading gives the printed number."""
    costs = Costs(network.graph, reading.convention)
    groups: dict[str, list[Node]] = {}
    for node in network.graph.nodes:
        groups.setdefault(group_of(node.path), []).append(node)
        groups.setdefault(f"every {node.layer.label}", []).append(node)
    found = []
    for part, nodes in groups.items():
        amount = getattr(costs.total(nodes), reading.metric)
        for change, value in (("without", reading.value - amount), ("twice", reading.value + amount)):
            if amount != 0 and value > 0 and printed.matches(value):
                found.append(Missing(part, change, value))
    return found


def variants(spec: Spec, model: ModelEntry, network: Network, given: dict[str, Any]) -> list[Variant]:
    """The network itself, the variants that its claims name, its switches, its usual inputs, and its family."""
    found = [Variant(network.name, network, 0)]

    def add(says: str, entry: ModelEntry, bindings: dict[str, Any], distance: int) -> None:
        try:
            other = expand(spec, entry, bindings)
        except VcalcError:
            return  # a size or a switch that this network cannot have
        found.append(Variant(says, other, distance))

    for name, bindings in _claimed(spec, model):
        if name in spec.models:
            words = " ".join(f"{key}={value}" for key, value in bindings.items())
            add(f"{name} {words}".strip(), spec.models[name], {**given, **bindings}, 1)
    for name, value in network.hyperparameters.items():
        if isinstance(value, bool) and name not in given:
            add(f"{network.name} {name}={str(not value).lower()}", model, {**given, name: str(not value).lower()}, 2)
    if "H" in spec.input and "W" in spec.input and not {"H", "W"} & given.keys():
        for side in SQUARES:
            if network.graph.input[1:] != (side, side):
                add(f"{network.name} at {side}x{side}", model, {**given, "H": side, "W": side}, 3)
    for name, entry in spec.models.items():
        if entry is not model:
            add(name, entry, {}, 4)
    return _unlike(found)


def _unlike(found: list[Variant]) -> list[Variant]:
    """The variants without those that have been named before."""
    seen: set[str] = set()
    unlike = []
    for variant in found:
        if variant.says not in seen:
            seen.add(variant.says)
            unlike.append(variant)
    return unlike


def _claimed(spec: Spec, model: ModelEntry) -> Iterator[tuple[str, dict[str, str]]]:
    """Models and bindings under which claims about the model were explained."""
    for claim in claims_of(spec if spec.claims or spec.file == "-" else load_file(spec.file)):
        question: Question = claim.question
        if question.model.rpartition(":")[2] != model.name or question.option:
            continue
        if "model" in claim.under or "bindings" in claim.under:
            name = claim.under.get("model", question.model).rpartition(":")[2]
            yield name, dict(claim.under.get("bindings", ()))


def of_operations(chosen: list[Convention]) -> list[Convention]:
    """The conventions that count MACs or FLOPs, not connections or activations."""
    return [convention for convention in chosen if convention.unit in ("MACs", "FLOPs")]


def all_conventions(extra: str | None) -> list[Convention]:
    """The conventions that come with vcalc, and one more where it is asked for."""
    chosen = [conventions.load(name) for name in conventions.names()]
    more = conventions.find(extra) if extra else None
    return [more, *chosen] if more and more not in chosen else chosen
