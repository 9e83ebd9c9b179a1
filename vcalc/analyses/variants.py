"""A model and what is close to it: the variants that its claims name, its switches, its usual inputs, its family."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from vcalc.analyses.read_claims import Claim, claims_of, name_asked
from vcalc.errors import VcalcError
from vcalc.spec.find import files_citing, is_of_catalogue, load_file
from vcalc.spec.network import Network, expand
from vcalc.spec.sizes import merged_inputs
from vcalc.spec.syntax import ModelEntry, Spec

SQUARES = (128, 160, 192, 224, 227, 240, 256, 260, 288, 299, 300, 320, 331, 384, 448, 512)
"""Sides of the square inputs that classification networks are published at."""


class Variant(NamedTuple):
    """The model, or something close to it, in words."""

    says: str
    network: Network


class Model:
    """A model with the sizes and switches that are asked for, and its neighbours, each built when it is asked for."""

    def __init__(
        self, spec: Spec, entry: ModelEntry, network: Network, given: dict[str, Any], library: str = ""
    ) -> None:
        self.spec = spec
        self.entry = entry
        self.network = network
        self.given = given
        self.library = library
        self._named = {network.name}

    @property
    def itself(self) -> Variant:
        """The model as it is."""
        return Variant(self.network.name, self.network)

    def claims(self) -> list[Claim]:
        """The claims of the model's own spec."""
        return claims_of(self.spec)

    def claims_elsewhere(self) -> list[Claim]:
        """The claims of the catalogue's other files that name the model."""
        if not is_of_catalogue(self.spec.file):
            return []
        files = [file for file in files_citing(self.entry.name) if file != self.spec.file]
        return [claim for file in files for claim in claims_of(load_file(file))]

    def own(self, claims: list[Claim]) -> list[Claim]:
        """Those of some claims that are about the model."""
        return [
            claim for claim in claims if name_asked(claim.question) == self.entry.name and not claim.question.option
        ]

    def claimed(self, claims: list[Claim]) -> Iterator[Variant]:
        """Models of the file, and bindings, under which claims about the model were explained."""
        for claim in claims:
            if "model" not in claim.under and "bindings" not in claim.under:
                continue
            name = claim.under.get("model", claim.question.model).rpartition(":")[2]
            bindings = dict(claim.under.get("bindings", ()))
            if name in self.spec.models:
                words = " ".join(f"{key}={value}" for key, value in bindings.items())
                yield from self._variant(f"{name} {words}".strip(), self.spec.models[name], bindings)

    def switched(self) -> Iterator[Variant]:
        """The model with one of its switches the other way."""
        for name, value in self.network.hyperparameters.items():
            if isinstance(value, bool) and name not in self.given:
                other = str(not value).lower()
                yield from self._variant(f"{self.network.name} {name}={other}", self.entry, {name: other})

    def resized(self) -> Iterator[Variant]:
        """The model at the usual square inputs, where no size is asked for."""
        first, *others = merged_inputs(self.spec, self.entry).values()
        if others or not {"H", "W"} <= first.keys() or {"H", "W"} & self.given.keys():
            return
        for side in SQUARES:
            if self.network.graph.input[1:] != (side, side):
                says = f"{self.network.name} at {side}x{side}"
                yield from self._variant(says, self.entry, {"H": side, "W": side})

    def family(self) -> Iterator[Variant]:
        """The other models of the file, as they are."""
        for name, entry in self.spec.models.items():
            yield from self._variant(name, entry, {}, as_it_is=True)

    def _variant(
        self, says: str, entry: ModelEntry, bindings: dict[str, Any], as_it_is: bool = False
    ) -> Iterator[Variant]:
        """The variant, unless it has been named before, or the network cannot have the size or the switch."""
        if says in self._named:
            return
        self._named.add(says)
        try:
            network = expand(self.spec, entry, bindings if as_it_is else {**self.given, **bindings}, None, self.library)
        except VcalcError:
            return
        yield Variant(says, network)
