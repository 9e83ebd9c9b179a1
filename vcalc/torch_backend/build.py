"""Networks of torch, from specs: built from the text that `vcalc export` writes, on any device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from vcalc.errors import VcalcError
from vcalc.graph import takes_words
from vcalc.spec.network import Network
from vcalc.torch_backend import needed
from vcalc.torch_backend.write import Line, source


def parts_text() -> str:
    """The text of the modules that torch has not."""
    return (Path(__file__).parent / "parts.py").read_text(encoding="utf-8")


def exported(network: Network) -> str:
    """A network as a Python module that needs torch only. Raises VcalcError where a size is a symbol."""
    if network.symbolic:
        raise VcalcError("symbolic", "a network of torch has sizes, not symbols", hint="bind every size to a number")
    return source(network, parts_text())


class Watching(Protocol):
    """What is asked for each layer of a network, by its number: to make its module, and to run it."""

    lines: list[Line]

    def makes(self, index: int, make: Callable[..., Any], *given: Any, **named: Any) -> Any: ...
    def runs(self, index: int, call: Callable[..., Any], *given: Any, **named: Any) -> Any: ...


def build(network: Network, device: str = "cpu", dtype: str = "float32", watch: Watching | None = None) -> Any:
    """A network as an nn.Module on a device (`meta` for shapes only), in training mode, its weights initialised."""
    torch = needed("torch", "building a network")
    namespace: dict[str, Any] = {"__name__": "vcalc_network"}
    if watch is None:
        text = exported(network)
    else:
        text = source(network, parts_text(), watch.lines)
        namespace |= {"makes": watch.makes, "runs": watch.runs}
    exec(compile(text, f"<{network.name}>", "exec"), namespace)
    with torch.device(device):
        built = namespace["Network"]()
    return built.to(getattr(torch, dtype)) if dtype != "float32" else built


def examples(network: Network, batch: int = 1, device: str = "cpu", dtype: str = "float32") -> tuple[Any, ...]:
    """An input of zeros for each that it takes, of word numbers where embeddings look them up."""
    torch = needed("torch", "running a network")
    of = {True: torch.long, False: getattr(torch, dtype)}
    return tuple(
        torch.zeros(batch, *shape, device=device, dtype=of[takes_words(network.graph, index)])
        for index, shape in network.graph.starts.items()
    )


def example(network: Network, batch: int = 1, device: str = "cpu", dtype: str = "float32") -> Any:
    """The same of a network with one input."""
    (made,) = examples(network, batch, device, dtype)
    return made
