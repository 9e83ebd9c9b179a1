"""What the shared options ask for: sizes bound, a way of counting."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vcalc.errors import VcalcError, printable, quoted

if TYPE_CHECKING:
    from vcalc.analyses.cost import Costs
    from vcalc.conventions import Convention
    from vcalc.spec.network import Network
    from vcalc.spec.syntax import ModelEntry, Option, Spec


class Request:
    """The values of `--set`, `--input`, `--convention`, `--batch`, `--dtype` and `--as`, as they were typed."""

    def __init__(
        self,
        settings: tuple[str, ...] = (),
        input_: str | None = None,
        convention: str | None = None,
        batch: str = "1",
        dtype: str = "float32",
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

    def refuse(self, why: str, options: Iterable[str] = ()) -> None:
        """Refuse the options that were given and would change nothing (of some, or of all). Raises VcalcError."""
        given = {
            "--set": self.settings,
            "--input": self.input,
            "--convention": self.convention,
            "--batch": self.batch != "1",
            "--dtype": self.dtype != "float32",
            "--as": self.library,
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

    def given(self, spec: Spec | None) -> dict[str, Any]:
        """What `--set` and `--input` bind."""
        return _given(self.settings, self.input, spec)

    def costs(self, network: Network, convention: Convention) -> Costs:
        """A network's costs under a convention."""
        from vcalc.analyses.cost import Costs, batch_size

        return Costs(network.graph, convention, batch_size(self.batch, "--batch"), self.dtype)


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


_SIZE = r"[(\[]?\s*\d{1,18}(?:\s*[xX×*,\s]\s*\d{1,18})*\s*,?\s*[)\]]?"
"""`3x224x224`, and as other tools print it: `3,224,224`, `(3, 224, 224)`, `[3, 224, 224]`."""


def _sizes(text: str, spec: Spec | None) -> dict[str, str]:
    """The sizes that `--input` binds, by name. Raises VcalcError for what is no input of the spec."""
    from vcalc.layers.axes import INPUTS

    sizes = re.findall(r"\d+", text) if len(text) <= 80 and re.fullmatch(_SIZE, text.strip(), re.ASCII) else []
    if not sizes:
        hint = "write 3x224x224, or 512x768 for N tokens of width D"
        raise VcalcError("input", f"--input {printable(text[:80])} is no size", hint=hint)
    known = [names for names in INPUTS if spec is None or set(names) == set(spec.input)]
    names = next((names for names in known if len(names) == len(sizes)), None)
    if names is None:
        takes = f"{spec.title} takes {'x'.join(spec.input)}" if spec else "an image has 3, tokens 2, a vector 1"
        count = f"{len(sizes)} size{'s' if len(sizes) > 1 else ''}"
        raise VcalcError("input", f"--input {text} has {count}; {takes}", hint=_meant_size(sizes, spec))
    if spec is not None:
        from vcalc.spec.bindings import check_order

        check_order(spec.input, sizes)
    return dict(zip(names, sizes, strict=True))


def _meant_size(sizes: list[str], spec: Spec | None) -> str:
    """How sizes that are too many or too few were probably meant: with a batch in front, or without what stays."""
    own = [str(getattr(value.node, "value", "")) for value in spec.input.values()] if spec else ["3", "224", "224"]
    if len(sizes) == len(own) + 1 == 4 and sizes[0] == own[0] != sizes[1]:
        return f"write --input {'x'.join(sizes[:3])}"
    if len(sizes) == len(own) + 1:
        batch = f" --batch {sizes[0]}" if sizes[0] != "1" else ""
        return f"the batch stands apart: --input {'x'.join(sizes[1:])}{batch}"
    if len(own) == 3 and len(sizes) < 3 and own[0].isdigit():
        height, width = sizes[-2:] if len(sizes) == 2 and sizes[0] != own[0] else (sizes[-1], sizes[-1])
        return f"write --input {own[0]}x{height}x{width}"
    if len(own) == 2 and len(sizes) == 1 and own[1].isdigit():
        return f"write --input {sizes[0]}x{own[1]}"
    if spec and all(size.isdigit() for size in own):
        return f"write --input {'x'.join(own)}"
    return "write 3x224x224, or 512x768 for N tokens of width D"
