"""A network built and run once by torch, and what is seen of each of its layers on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple
from unittest.mock import patch

from vcalc.errors import VcalcError
from vcalc.graph import Graph
from vcalc.spec.network import Network
from vcalc.torch_backend import needed
from vcalc.torch_backend.build import build, examples
from vcalc.torch_backend.write import Line, lines


class RefusedError(Exception):
    """Torch does not make or run something; the text says why."""


class Seen(NamedTuple):
    """What torch gives of a layer or of a network, or why it refuses it.

    FLOPs are those of each way that it can be run in: attention as one operator, then as two products.
    """

    params: int = 0
    buffers: int = 0
    output: tuple[Any, ...] = ()
    """Its shape; of a network a tuple of those of all outputs."""
    flops: tuple[int, ...] = ()
    refused: str = ""
    trained: int = 0
    """Parameters that have gradients, of a network as a whole."""


class Watch:
    """One run of a whole network, each layer on what those before it gave.

    A layer that torch refuses, or that gives another shape than ours, is followed by zeros of our shape: those after it
    are seen nevertheless, and the network as a whole has to be run without a watch.
    """

    def __init__(self, network: Network, device: str, dtype: str, batch: int, advance: Callable[[str], None]) -> None:
        self.lines = lines(network.graph)
        self.seen: list[Seen] = []
        """What was seen of each layer, as far as the run came."""
        self.whole: Seen | None = None
        """What was seen of the network, if every layer ran and gave our shape."""
        self._torch = needed("torch")
        self._network, self._device, self._dtype, self._batch = network, device, dtype, batch
        self._advance = advance
        self._unmade: dict[int, RefusedError] = {}

    def run(self) -> None:
        """Build the network and run it. Raises VcalcError where the device has no room or no code for a layer."""
        self._built = build(self._network, self._device, self._dtype, self).eval()
        gradients = trained(self._built)
        # FlopCounterMode refuses a view of a parameter that has a gradient: a table given to each image.
        self._built.requires_grad_(False)
        nodes = self._network.graph.nodes
        try:
            with naming(nodes[0].path, nodes[0].kind) if nodes else nullcontext():
                given = examples(self._network, self._batch, self._device, self._dtype)
        except RefusedError as refused:
            self.seen.append(Seen(refused=str(refused)))
            return
        with counting(self._device) as self._counter:
            output = self._built(*given)
        if all(seen.output == self._shape(line) for seen, line in zip(self.seen, self.lines, strict=True)):
            flops = (sum(seen.flops[0] for seen in self.seen),)
            self.whole = Seen(*held(self._built), shapes_of(output), flops, trained=gradients)

    def makes(self, index: int, make: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """A layer's module; none where torch refuses to make it."""
        node = self.lines[index].node
        try:
            with naming(node.path, node.kind):
                return make(*given, **named)
        except RefusedError as refused:
            self._unmade[index] = refused

    def runs(self, index: int, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """A layer's output, or zeros of our shape where it has none of that shape."""
        line = self.lines[index]
        node = line.node
        self._advance(node.path)
        try:
            if (owner := Graph.owner(node)) in self._unmade:
                raise self._unmade[owner]
            with naming(node.path, node.kind):
                output, seen = self._ran(line, partial(call, *given, **named))
        except RefusedError as refused:
            output, seen = None, Seen(refused=str(refused))
        self.seen.append(seen)
        if seen.output == self._shape(line):
            return output
        return self._torch.zeros(self._shape(line), dtype=getattr(self._torch, self._dtype), device=self._device)

    def _shape(self, line: Line) -> tuple[int, ...]:
        return line.node.output.batched(self._batch)

    def _ran(self, line: Line, call: Callable[[], Any]) -> tuple[Any, Seen]:
        """A layer's output and what is seen of it."""
        module: Any = getattr(self._built, line.attribute) if line.code.make else None
        unfused: tuple[int, ...] = ()
        if FUSED in line.code.call + line.code.body:
            with patch.object(self._torch.nn.functional, FUSED, _products):
                unfused = (self._flops(call)[1],)
        output, flops = self._flops(call)
        own = None if line.node.facts.shared else module
        params, buffers = held(own)
        if line.tied:
            params -= attrgetter(line.code.first)(module).numel()
        return output, Seen(params, buffers, tuple(output.shape), (flops, *unfused))

    def _flops(self, call: Callable[[], Any]) -> tuple[Any, int]:
        """What a call gives, and the FLOPs that torch sees of it."""
        before = self._counter.get_total_flops()
        output = call()
        return output, self._counter.get_total_flops() - before


FUSED = "scaled_dot_product_attention"
"""Torch's function of an attention in one operator."""


def _products(query: Any, key: Any, value: Any, mask: Any = None, **how: Any) -> Any:
    """The same as two products and a softmax; which keys are read changes no shape."""
    times = query.shape[-3] // key.shape[-3] if how.get("enable_gqa") else 1
    if times > 1:
        key, value = (given.repeat_interleave(times, -3) for given in (key, value))
    scores = query @ key.transpose(-2, -1)
    scores = scores if mask is None else scores + mask
    return scores.softmax(-1) @ value


@contextmanager
def naming(path: str, kind: str) -> Iterator[None]:
    """Turn what torch raises into RefusedError, or into VcalcError where the device has no room or no code."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError, OverflowError, MemoryError) as error:
        import torch

        reason = in_a_line(error)
        if isinstance(error, (NotImplementedError, MemoryError, torch.OutOfMemoryError)) or "llocat" in reason:
            hint = "--device meta has no memory and knows shapes only; or a smaller --batch, another --dtype"
            raise VcalcError("device", f"torch cannot run {path} ({kind}) here: {reason}", hint=hint) from None
        raise RefusedError(reason) from None


def in_a_line(error: Exception) -> str:
    """What an exception says, in a line of bearable length."""
    said = str(error).strip().splitlines()
    return said[0][:200] if said else type(error).__name__


@contextmanager
def counting(device: str) -> Iterator[Any]:
    """Torch's counter of FLOPs, at work."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with ExitStack() as stack:
        counter = stack.enter_context(FlopCounterMode(display=False, custom_mapping=_unknown()))
        if device == "cpu":  # FlopCounterMode does not know a CPU's fused attention in every version of torch
            stack.enter_context(sdpa_kernel([SDPBackend.MATH]))
        yield counter


def _unknown() -> dict[Any, Callable[..., int]]:
    """What FlopCounterMode does not know: the LSTM that a CPU runs as one operator."""
    import torch

    def of_lstm(x: tuple[int, ...], *given: Any, **named: Any) -> int:
        steps, images, _ = x
        weights: int = sum(rows * columns for rows, columns in given[:2])
        return 2 * steps * images * weights

    return {torch.ops.aten.mkldnn_rnn_layer: of_lstm}


def shapes_of(output: Any) -> tuple[tuple[int, ...], ...]:
    """The shapes of what a network gives."""
    return tuple(tuple(each.shape) for each in (output if isinstance(output, tuple) else (output,)))


def held(module: Any) -> tuple[int, int]:
    """Elements of a module's parameters and of its buffers."""
    if module is None:
        return 0, 0
    return sum(each.numel() for each in module.parameters()), sum(each.numel() for each in module.buffers())


def trained(module: Any) -> int:
    """Elements of the parameters that have gradients."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad)
