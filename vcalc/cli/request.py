"""What the shared options ask for: sizes bound, a way of counting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.errors import VcalcError, quoted

if TYPE_CHECKING:
    from vcalc.analyses.cost import Costs
    from vcalc.conventions import Convention
    from vcalc.spec.network import Network
    from vcalc.spec.syntax import ModelEntry, Option, Spec


class Request:
    """The values of `--set`, `--input`, `--convention`, `--batch`, `--dtype` and `--as`, as they were typed."""

    def __init__(
        self,
        settings: tuple[str, ...],
        input_: str | None,
        convention: str | None,
        batch: str,
        dtype: str,
        library: str = "",
    ) -> None:
        self.settings = settings
        self.input = input_
        self.convention = convention
        self.batch = batch
        self.dtype = dtype
        self.library = library

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

        return expand(spec, model, self.given(None if option else spec), option, self.library)

    @property
    def dtype_name(self) -> str:
        """The full name of the dtype."""
        from vcalc.analyses.cost import dtype_name

        return dtype_name(self.dtype)

    @property
    def whole_batch(self) -> int:
        """The batch as a number. Raises VcalcError for a name."""
        size = _batch_size(self.batch)
        if isinstance(size, int):
            return size
        raise VcalcError("batch", f"--batch {quoted(self.batch)} is no whole number, and one is needed here")

    def given(self, spec: Spec | None) -> dict[str, Any]:
        """What `--set` and `--input` bind."""
        return _given(self.settings, self.input, spec)

    def costs(self, network: Network, convention: Convention) -> Costs:
        """A network's costs under a convention."""
        from vcalc.analyses.cost import Costs

        return Costs(network.graph, convention, _batch_size(self.batch), self.dtype)


def _given(settings: tuple[str, ...], input_: str | None, spec: Spec | None) -> dict[str, Any]:
    """The bindings that `--set` and `--input` ask for. Raises VcalcError for one that is no NAME=VALUE."""
    bindings: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or not value:
            raise VcalcError("binding", f"--set {setting} is no binding", hint="write --set classes=10 or --set H=32*h")
        if name in bindings:
            raise VcalcError("binding", f"--set binds {name} twice")
        bindings[name] = value
    if input_ is not None:
        bindings = {**_sizes(input_, spec), **bindings}
    return bindings


def _sizes(text: str, spec: Spec | None) -> dict[str, str]:
    sizes = [size.strip() for size in text.lower().replace("×", "x").split("x")]
    from vcalc.layers.base import SIZES

    names = SIZES.get(len(sizes), ())
    if not names or not all(size.isascii() and size.isdigit() for size in sizes):
        raise VcalcError(
            "input", f"--input {text} is no size", hint="write 3x224x224, or 512x768 for N tokens of width D"
        )
    if spec is not None and set(spec.input) != set(names):
        raise VcalcError("input", f"--input {text} has {len(sizes)} sizes; {spec.title} takes {'x'.join(spec.input)}")
    if spec is not None:
        from vcalc.spec.bindings import check_order

        check_order(spec.input, sizes)
    return dict(zip(names, sizes, strict=True))


def _batch_size(text: str) -> Any:
    """`--batch` as a number, or as a symbol where it is a name."""
    if text == "1":
        return 1  # what nearly every call has: nothing is loaded for it
    from vcalc.numerals import NumeralError, whole
    from vcalc.spec.expression import can_name

    if can_name(text):
        from vcalc import symbols

        return symbols.symbol(text)
    message = f"--batch {quoted(text)} is neither a whole number, 1 or more and at most 10**12, nor a name"
    hint = "--batch 32, or --batch B"
    try:
        size = whole(text)
    except NumeralError as error:
        raise error.error("batch", message, hint) from None
    if not 1 <= size <= 10**12:
        raise VcalcError("batch", message, hint=hint)
    return size
