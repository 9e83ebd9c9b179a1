"""What the shared options ask for: sizes bound, a way of counting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vcalc.errors import VcalcError, quoted

if TYPE_CHECKING:
    from vcalc.analyses.cost import Costs
    from vcalc.conventions import Convention
    from vcalc.spec.network import Described, Network
    from vcalc.spec.syntax import ModelEntry, Option, Spec


class Request:
    """The values of `--set`, `--input`, `--convention`, `--batch`, `--dtype`, `--as`, `--frozen`, `--bits`, ..."""

    def __init__(
        self,
        settings: tuple[str, ...] = (),
        input_: tuple[str, ...] = (),
        convention: str | None = None,
        batch: str = "1",
        dtype: str = "float32",
        library: str = "",
        frozen: tuple[str, ...] = (),
        fold_norms: bool = False,
        bits: tuple[str, ...] = (),
        density: tuple[str, ...] = (),
    ) -> None:
        self.settings = settings
        self.inputs = input_
        self.convention = convention
        self.batch = batch
        self.dtype = dtype
        self.library = library
        self.fold_norms = fold_norms
        self.bits = bits
        self.density = density
        self.frozen = tuple(path.strip() for paths in frozen for path in paths.split(",") if path.strip())

    def counted(
        self, spec: Spec, model: ModelEntry, option: Option | None = None, convention: str | None = None
    ) -> tuple[Network, Costs]:
        """A model's network with the sizes bound, and its costs.

        Counted as `--convention` says, or else `convention`, or the spec's own, or the default.
        """
        from vcalc import conventions

        network = self.network(spec, model, option)
        name = self.convention or convention or spec.convention or conventions.DEFAULT
        return network, self.costs(network, conventions.find(name))

    def network(self, spec: Spec, model: ModelEntry, option: Option | None = None) -> Network:
        """A model's network with the sizes bound."""
        from vcalc.spec.network import expand

        network = expand(spec, model, self.given(spec, model, option), option, self.library)
        if self.frozen:
            from vcalc.analyses.freeze import freeze

            freeze(network.graph, self.frozen, f" in {network.name}")
        if self.bits or self.density:
            from vcalc.spec.widths import widen

            widen(network.graph, self.bits, self.density)
        if self.fold_norms:
            from vcalc.analyses.fold_norms import fold_norms

            network.graph = fold_norms(network.graph)
        return network

    def refuse(self, why: str, options: Iterable[str] = ()) -> None:
        """Refuse the options that were given and would change nothing (of some, or of all). Raises VcalcError."""
        given = {
            "--set": self.settings,
            "--input": self.inputs,
            "--convention": self.convention,
            "--batch": self.batch != "1",
            "--dtype": self.dtype != "float32",
            "--as": self.library,
            "--frozen": self.frozen,
            "--fold-norms": self.fold_norms,
            "--bits": self.bits,
            "--density": self.density,
        }
        for option in options or given:
            if given[option]:
                raise VcalcError("usage", f"{option} changes nothing here: {why}", hint=f"leave {option} out")

    @property
    def dtype_name(self) -> str:
        """The full name of the dtype."""
        from vcalc.analyses.cost import dtype_name

        return dtype_name(self.dtype)

    @property
    def whole_batch(self) -> int:
        """The batch as a number. Raises VcalcError for a name."""
        from vcalc.analyses.cost import batch_size

        size = batch_size(self.batch, "--batch")
        if isinstance(size, int):
            return size
        raise VcalcError("batch", f"--batch {quoted(self.batch)} is no whole number, and one is needed here")

    def given(self, spec: Spec, model: ModelEntry, option: Option | None = None) -> dict[str, Any]:
        """What `--set` and `--input` bind of a model, or of one side of a comparison."""
        bound = _set(self.settings)
        if not self.inputs:
            return bound
        from vcalc.spec.rows import sizes_given
        from vcalc.spec.sizes import merged_inputs

        return {**sizes_given(self.inputs, merged_inputs(spec, model, option), spec.title), **bound}

    def recorded(self, source: str) -> tuple[Described, Costs]:
        """The network of an ONNX file, or of a torch module in somebody's own code, and its costs."""
        from vcalc.importers.network import named

        self.refuse(
            "it is recorded, and not written in a spec",
            ("--set", "--as", "--frozen", "--fold-norms", "--bits", "--density"),
        )
        network = named(source, shapes=self.inputs)
        return network, self.costs_of(network)

    def costs_of(self, network: Described) -> Costs:
        """The costs of a network that was recorded: no spec says how it is counted."""
        from vcalc import conventions

        return self.costs(network, conventions.find(self.convention or conventions.DEFAULT))

    def costs(self, network: Described, convention: Convention) -> Costs:
        """A network's costs under a convention."""
        from vcalc.analyses.cost import Costs, batch_size

        return Costs(network.graph, convention, batch_size(self.batch, "--batch"), self.dtype)


def _set(settings: tuple[str, ...]) -> dict[str, Any]:
    """The bindings that `--set` asks for. Raises VcalcError for one that is no NAME=VALUE."""
    bindings: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or not value:
            raise VcalcError("binding", f"--set {setting} is no binding", hint="write --set classes=10 or --set H=32*h")
        if name in bindings:
            raise VcalcError("binding", f"--set binds {name} twice")
        bindings[name] = value
    return bindings
