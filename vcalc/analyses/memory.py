"""What a network takes of memory when it runs or trains: what is held, what is saved, and the peak.

The graph is run on paper, layer by layer, as PyTorch runs it: a tensor is freed after its last reader, tensors that
share memory count once, backward frees what forward saved. Every figure is `fixed + per_image * batch`, so the peak is
a maximum of straight lines in the batch, and the largest batch that fits follows exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from vcalc.analyses.liveness import Run
from vcalc.analyses.memory_plan import BACKWARD, FORWARD, FP32, NOTHING, SCRATCH, STATES, UPDATE, Moment, Plan, Size
from vcalc.analyses.trained import is_trained
from vcalc.arithmetic import Number, is_symbolic, maximum, product
from vcalc.errors import VcalcError
from vcalc.graph import Facts, Graph, Node
from vcalc.layers.vocabulary import INTEGER_BUFFERS
from vcalc.operators.types import ACTIVATION
from vcalc.widths import group_of, packed, symbols_in


class Held(NamedTuple):
    """What lies in memory from one step of training to the next, or from one image to the next."""

    weights: int
    gradients: int
    master: int
    """Weights in fp32 beside those of a 16-bit dtype, in mixed precision."""
    state: int
    buffers: int
    scratch: int

    @property
    def always(self) -> int:
        """What never goes away."""
        return self.weights + self.master + self.state + self.buffers


class Memory:
    """A network's memory under a plan: what is held, what is saved, and every moment of a run."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph = graph
        self.plan = plan.checked()
        _refuse_open_sizes(graph)
        self.held = _held(graph, self.plan)
        run = Run(graph, self.plan)
        self.input = run.input
        self.straight = run.paper.straight
        """Whether all is a straight line in the batch: what is rounded up to pages is none."""
        self.saved_by: list[Size] = run.saved_by
        """What each layer adds to the saved tensors, by its index."""
        always = Size(self.held.always, 0)
        self.moments = [Moment(phase, path, always.plus(size)) for phase, path, size in run.moments]
        for phase in (FORWARD, BACKWARD) if self.plan.training else (FORWARD,):
            if not any(moment.phase == phase for moment in self.moments):
                self.moments.append(Moment(phase, "", always.plus(run.outside)))
        if self.plan.training:
            update = Size(self.held.gradients + self.held.scratch, 0).plus(run.outside)
            self.moments.append(Moment(UPDATE, "", always.plus(update)))

    def of(self, batch: Any) -> Memory:
        """The same network and plan at a batch: one image may take other memory than the straight lines say."""
        if batch != 1:
            exact = self.straight or type(batch) is not int or batch in (0, self.plan.images)
            return self if exact else Memory(self.graph, self.plan._replace(images=batch))
        alone = Memory(self.graph, self.plan._replace(single=True))
        return self if (alone.moments, alone.saved_by) == (self.moments, self.saved_by) else alone

    @property
    def saved(self) -> Size:
        """What all layers save for the backward pass; a storage that two of them save counts once."""
        total = NOTHING
        for size in self.saved_by:
            total = total.plus(size)
        return total

    def peak(self, batch: int, phase: str = "") -> Moment:
        """The largest moment of a phase, or of all; the first one where several are."""
        return max(self._of(phase), key=lambda moment: moment.size.at(batch))

    def peak_formula(self, batch: Any, phase: str = "") -> Any:
        """The peak as a formula in the batch: a straight line, or the largest of a few."""
        return self.most((moment.size for moment in self._of(phase)), batch)

    def peaks(self, phase: str = "") -> list[Moment]:
        """The moments that are the peak at some batch, one for each straight line."""
        moments = self._of(phase)
        return [next(moment for moment in moments if moment.size == size) for size in upper(m.size for m in moments)]

    def most(self, sizes: Iterable[Size], batch: Any) -> Any:
        """The largest of some sizes at a batch, a formula where that is a symbol; None of none."""
        values = [line.at(batch) for line in upper(sizes)]
        if not values:
            return None
        most = values[0]
        for value in values[1:]:
            most = maximum(most, value)
        return most

    def _of(self, phase: str) -> list[Moment]:
        return [moment for moment in self.moments if not phase or moment.phase == phase]

    def largest_batch(self, capacity: int) -> int | None:
        """The largest batch whose peak is no more than `capacity` bytes; None where no batch is too large."""
        sizes = {moment.size for moment in self.moments}
        most = min((_largest(size, capacity) for size in sizes if _limits(size, capacity)), default=None)
        if most is None or self.straight:
            return int(self._fits(1, capacity)) if most in (0, 1) else most
        while most and not self._fits(most, capacity):
            most -= 1
        while self._fits(most + 1, capacity):
            most += 1
        return most

    def _fits(self, batch: int, capacity: int) -> bool:
        """Whether a batch takes no more than `capacity` bytes."""
        return bool(self.of(batch).peak(batch).size.at(batch) <= capacity)


def _values(facts: Facts) -> Number:
    """How many values a batch norm sees of each channel of an image."""
    return product((*facts.front.sizes, *facts.made[1:]))


def single_values(graph: Graph) -> list[Node]:
    """Batch norms that see one value a channel of each image, which torch refuses to train with a batch of one."""
    return [node for node in graph.nodes if node.kind == "batchnorm" and _values(node.facts) == 1]


def _limits(size: Size, capacity: int) -> bool:
    return size.per_image > 0 or size.fixed > capacity


def _largest(size: Size, capacity: int) -> int:
    return max(0, (capacity - size.fixed) // size.per_image) if size.per_image else 0


def upper(sizes: Iterable[Size]) -> list[Size]:
    """The straight lines that are the largest at some batch from 1 on, flattest first."""
    lines: list[Size] = []
    for size in sorted(set(sizes), key=lambda size: (size.per_image, size.at(1))):
        while lines and (lines[-1].at(1) <= size.at(1) or _never_on_top(lines, size)):
            lines.pop()
        lines.append(size)
    return lines


def _never_on_top(lines: list[Size], steeper: Size) -> bool:
    """Whether the last line lies below the one before it until the steeper one has overtaken both."""
    if len(lines) < 2:
        return False
    before, last = lines[-2:]
    overtakes = (before.fixed - last.fixed) * (steeper.per_image - last.per_image)
    overtaken = (last.fixed - steeper.fixed) * (last.per_image - before.per_image)
    return overtaken <= overtakes


def _refuse_open_sizes(graph: Graph) -> None:
    """A peak is a comparison of sizes: all but the batch need numbers."""
    for node in graph.nodes:
        sizes = [*node.output, *node.facts.parameters.values()]
        sizes += [size for shape in node.facts.inputs for size in shape]
        if any(map(is_symbolic, sizes)) or symbols_in([node.widths]):
            raise VcalcError(
                "usage",
                f"which moment is the peak cannot be told while sizes are open, at {node.path}",
                hint="bind every size to a number; only the batch may stay a name: --batch B",
            )


def _held(graph: Graph, plan: Plan) -> Held:
    """Weights, gradients, optimizer state and buffers in bytes; bits that are said are those of weights in use."""
    element = plan.element(ACTIVATION)
    weights = trained = buffers = 0
    for node in graph.nodes:
        for role, count in node.facts.parameters.items():
            bits = None if plan.training else getattr(node.widths, group_of(role))
            weights += int(count) * element if bits is None else packed(int(count), bits)
            trained += int(count) if is_trained(node, role) else 0
        for name, count in node.facts.buffers.items():
            buffers += int(count) * (8 if name in INTEGER_BUFFERS else element)
    if not plan.training:
        return Held(weights, 0, 0, 0, buffers, 0)
    kept = FP32 if plan.mixed else element
    return Held(
        weights,
        trained * element,
        trained * FP32 if plan.mixed else 0,
        STATES[plan.optimizer] * trained * kept,
        buffers,
        SCRATCH.get(plan.optimizer, 0) * trained * kept if plan.device == "cuda" else 0,
    )
