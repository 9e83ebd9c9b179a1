"""Every count of a network held against torch: the whole network built and run, each layer seen on the way.

Multiply-adds are those that torch's FlopCounterMode sees, in FLOPs of two; on the meta device nothing is computed and
no memory is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from vcalc import conventions
from vcalc.analyses.cost import Costs
from vcalc.analyses.trained import frozen_parts, trained_params
from vcalc.errors import VcalcError
from vcalc.graph import Node
from vcalc.spec.network import Network
from vcalc.torch_backend import needed
from vcalc.torch_backend.build import build, examples
from vcalc.torch_backend.watch import (
    RefusedError,
    Seen,
    Watch,
    counting,
    held,
    in_a_line,
    naming,
    shapes_of,
    trained,
)


class Check(NamedTuple):
    """One quantity of one layer, or of the whole network: ours, torch's, and the formula that gave ours."""

    path: str
    kind: str
    what: str
    ours: Any
    theirs: Any
    formula: str = ""

    @property
    def holds(self) -> bool:
        """Whether the two agree."""
        return bool(self.ours == self.theirs)


def validate(
    network: Network,
    device: str = "meta",
    dtype: str = "float32",
    batch: int = 1,
    advance: Callable[[str], None] = lambda path: None,
) -> list[Check]:
    """Shape, parameters, buffers and FLOPs of every layer and of the network, on a device.

    Attention is counted as one operator and as two products. What torch refuses to run is a check that does not hold.
    Raises VcalcError where the library or the device is not there, or has no room or no code for a layer; `advance` is
    told each layer's path.
    """
    torch = needed("torch", "vcalc validate")
    if network.symbolic:
        raise VcalcError("symbolic", "torch runs sizes, not symbols", hint="bind every size to a number")
    _check_device(torch, device)
    _check_dtype(torch, dtype)
    watch = Watch(network, device, dtype, batch, advance)
    with torch.no_grad():
        whole = _whole(network, watch, device, dtype, batch)
    counts = conventions.load("torch")
    checks = [
        check
        for line, seen in zip(watch.lines, watch.seen, strict=False)  # a run that does not begin has seen one of them
        for check in _layer_checks(line.node, seen, counts, batch)
    ]
    return checks + _network_checks(network, whole, counts, batch)


def _check_device(torch: Any, device: str) -> None:
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        message = f"torch has no device '{device}' here: {in_a_line(error)}"
        raise VcalcError("device", message, hint="meta, cpu, cuda") from None


def _check_dtype(torch: Any, dtype: str) -> None:
    of = getattr(torch, dtype, None)
    if of is None or not of.is_floating_point:
        raise VcalcError("dtype", f"torch runs no network in {dtype}", hint="fp32, fp16, bf16, fp64")


def _whole(network: Network, watch: Watch, device: str, dtype: str, batch: int) -> Seen:
    """What torch gives of the network; of its layers, the watch has seen it."""
    try:
        with naming("total", network.name):
            watch.run()
            if watch.whole is not None:
                return watch.whole
            built = build(network, device, dtype).eval()
            gradients = trained(built)
            built.requires_grad_(False)
            with counting(device) as counter:
                output = built(*examples(network, batch, device, dtype))
            return Seen(*held(built), shapes_of(output), (counter.get_total_flops(),), trained=gradients)
    except RefusedError as refused:
        return Seen(refused=str(refused))


def _layer_checks(node: Node, seen: Seen, counts: Any, batch: int) -> list[Check]:
    if seen.refused:
        return [_refusal(node.path, node.kind, seen)]
    facts = node.facts
    flops = counts.flops(facts, batch)
    formula = " + ".join(f"{weight} x {primitive}" for primitive, weight, _ in counts.parts(facts, batch)) or "0"
    named = zip(("FLOPs", "FLOPs, attention unfused"), seen.flops, strict=False)
    compared = {
        "output shape": (facts.output.batched(batch), seen.output, "output"),
        "params": (sum(facts.parameters.values()), seen.params, _roles(facts.parameters)),
        "buffers": (sum(facts.buffers.values()), seen.buffers, _roles(facts.buffers)),
        **{what: (flops, theirs, formula) for what, theirs in named},
    }
    return [Check(node.path, node.kind, what, *three) for what, three in compared.items()]


def _network_checks(network: Network, seen: Seen, counts: Any, batch: int) -> list[Check]:
    """The whole network, as it is exported."""
    if seen.refused:
        return [_refusal("total", network.name, seen)]
    nodes, outputs = network.graph.nodes, network.graph.outputs
    shapes = {
        name: ((batch, *network.graph.shape(index)), theirs)
        for (name, index), theirs in zip(outputs.items(), seen.output, strict=True)
    }
    named = [Check(f"output {name}", "output", "output shape", *two) for name, two in shapes.items() if name]
    compared: dict[str, tuple[Any, Any]] = {
        **({"output shape": shapes[""]} if "" in shapes else {}),
        "params": (sum(sum(node.facts.parameters.values()) for node in nodes), seen.params),
        "buffers": (sum(sum(node.facts.buffers.values()) for node in nodes), seen.buffers),
        "FLOPs": (sum(counts.flops(node.facts, batch) for node in nodes), seen.flops[0]),
    }
    if frozen_parts(nodes):
        compared["trained params"] = (trained_params(Costs(network.graph, counts), nodes), seen.trained)
    return named + [Check("total", network.name, what, *two, "the sum of the layers") for what, two in compared.items()]


def _refusal(path: str, kind: str, seen: Seen) -> Check:
    return Check(path, kind, "runs in torch", "yes", f"no: {seen.refused}")


def _roles(counts: dict[str, Any]) -> str:
    return " + ".join(f"{count} {role}" for role, count in counts.items()) or "none"
