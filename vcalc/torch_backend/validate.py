"""Every count of a network held against torch: each layer built and run by itself, then the whole network.

Multiply-adds are those that torch's FlopCounterMode sees, in FLOPs of two; on the meta device nothing is computed and
no memory is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

from vcalc import conventions
from vcalc.errors import VcalcError
from vcalc.spec.network import Network
from vcalc.torch_backend import needed
from vcalc.torch_backend.build import build, example
from vcalc.torch_backend.write import Line, lines


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
    counts = conventions.load("torch")
    checks: list[Check] = []
    with torch.no_grad(), torch.device(device):
        for line in lines(network.graph):
            advance(line.node.path)
            run = partial(_layer_checks, torch, network, line, counts, device, batch, dtype)
            checks += _unless_refused(torch, run, line.node.path, line.node.kind)
    run = partial(_network_checks, torch, network, counts, device, dtype, batch)
    return checks + _unless_refused(torch, run, "total", network.name)


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


def _unless_refused(torch: Any, run: Callable[[], list[Check]], path: str, kind: str) -> list[Check]:
    """The checks of a layer or of the network, or the one that says why torch does not run it."""
    try:
        return run()
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError, OverflowError, MemoryError) as error:
        reason = in_a_line(error)
        if isinstance(error, (NotImplementedError, MemoryError, torch.OutOfMemoryError)) or "llocat" in reason:
            hint = "--device meta has no memory and knows shapes only; or a smaller --batch, another --dtype"
            raise VcalcError("device", f"torch cannot run {path} ({kind}) here: {reason}", hint=hint) from None
        return [Check(path, kind, "runs in torch", "yes", f"no: {reason}")]


def in_a_line(error: Exception) -> str:
    """What an exception says, in a line of bearable length."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _inputs(torch: Any, network: Network, line: Line, device: str, dtype: str, batch: int) -> list[Any]:
    """Tensors of the shapes that a layer reads."""
    return [
        example(network, batch, device, dtype) if index < 0 else torch.zeros(batch, *shape, dtype=getattr(torch, dtype))
        for index, shape in zip(line.node.inputs, line.node.facts.inputs, strict=True)
    ]


def _layer_checks(
    torch: Any, network: Network, line: Line, counts: Any, device: str, batch: int, dtype: str
) -> list[Check]:
    from vcalc.torch_backend import parts

    facts, given = line.node.facts, _inputs(torch, network, line, device, dtype, batch)
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, **vars(parts)}
    module: Any = None
    if line.code.make:
        module = eval(line.code.make, names).to(getattr(torch, dtype)).eval()
    names |= {f"given{i}": tensor for i, tensor in enumerate(given)} | {"module": module}
    call = line.call("module", [f"given{i}" for i in range(len(given))])
    flops = counts.flops(facts, batch)
    seen = []
    for fused in (True, False) if hasattr(module, "fused") else (True,):
        if hasattr(module, "fused"):
            module.fused = fused
        counted, output = _counted(device, lambda: eval(call, names))
        seen.append(counted)
    formula = " + ".join(f"{weight} x {primitive}" for primitive, weight, _ in counts.parts(facts, batch)) or "0"
    if facts.shared:
        module = None
    held = {
        "output shape": ((batch, *facts.output), tuple(output.shape), "output"),
        "params": (sum(facts.parameters.values()), _elements(module, "parameters"), _roles(facts.parameters)),
        "buffers": (sum(facts.buffers.values()), _elements(module, "buffers"), _roles(facts.buffers)),
        "FLOPs": (flops, seen[0], formula),
        **({"FLOPs, attention unfused": (flops, seen[1], formula)} if len(seen) > 1 else {}),
    }
    return [Check(line.node.path, line.node.kind, what, *three) for what, three in held.items()]


def _network_checks(torch: Any, network: Network, counts: Any, device: str, dtype: str, batch: int) -> list[Check]:
    """The whole network, as it is exported."""
    nodes = network.graph.nodes
    built = build(network, device, dtype).eval()
    with torch.no_grad():
        counted, output = _counted(device, lambda: built(example(network, batch, device, dtype)))
    last = nodes[-1].output if nodes else network.graph.input
    held = {
        "output shape": ((batch, *last), tuple(output.shape)),
        "params": (sum(sum(node.facts.parameters.values()) for node in nodes), _elements(built, "parameters")),
        "buffers": (sum(sum(node.facts.buffers.values()) for node in nodes), _elements(built, "buffers")),
        "FLOPs": (sum(counts.flops(node.facts, batch) for node in nodes), counted),
    }
    return [Check("total", network.name, what, *two, "the sum of the layers") for what, two in held.items()]


def _counted(device: str, run: Callable[[], Any]) -> tuple[int, Any]:
    """FLOPs that torch sees of a run, and what the run gives."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with ExitStack() as stack:
        counter = stack.enter_context(FlopCounterMode(display=False))
        if device == "cpu":  # FlopCounterMode does not know a CPU's fused attention in every version of torch
            stack.enter_context(sdpa_kernel([SDPBackend.MATH]))
        output = run()
    return counter.get_total_flops(), output


def _elements(module: Any, which: str) -> int:
    return sum(tensor.numel() for tensor in getattr(module, which)()) if module is not None else 0


def _roles(counts: dict[str, Any]) -> str:
    return " + ".join(f"{count} {role}" for role, count in counts.items()) or "none"
