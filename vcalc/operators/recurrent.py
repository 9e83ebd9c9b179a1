"""Recurrent layers as torch runs them on a CPU: LSTMs by one operator of oneDNN, all others step by step."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from vcalc import limits
from vcalc.arithmetic import Number, Shape
from vcalc.errors import VcalcError
from vcalc.operators import text as written
from vcalc.operators.paper import Operator, Paper, Value
from vcalc.operators.products import RowsBy

LSTM, GRU, RNN = "lstm", "gru", "rnn"

Weights = Sequence[Value]
Made = tuple[Value, list[Any]]
"""What a layer gives: all states, and the last ones of each direction."""

PAGE = 4096
"""Bytes to which each part of oneDNN's workspace is rounded up."""


class Recurrent(Operator, name="recurrent"):
    """Cells that read one step after another of a sequence [B, T, D], in layers, perhaps from both ends.

    First states [cells, B, width] may stand before the weights, in an LSTM two. Weights come as torch keeps them: for
    each layer and direction those on the input, those on the state, the biases of both, if there are any, and a
    projection of the state. What leaves is every state of the last layer, or its last ones.
    """

    composed = True

    @staticmethod
    def output(x: Any, *weights: Any, out: Number, both: bool, last: bool = False, **fields: Any) -> Shape:
        width = 2 * out if both else out
        return (x.shape[0], width) if last else (*x.shape[:2], width)

    @staticmethod
    def reads(states: int = 0, **fields: Any) -> int:
        return 1 + states

    @staticmethod
    def module(
        x: Any, *weights: Any, cell: str, hidden: int, out: int, layers: int, both: bool, biases: bool,
        dropout: float = 0, relu: bool = False, **fields: Any,
    ) -> str:  # fmt: skip
        given = {
            "bias": written.unless(biases, True),
            "batch_first": "True",
            "dropout": written.unless(dropout, 0, repr(dropout)),
            "bidirectional": written.unless(both, False),
            "proj_size": written.unless(out, hidden),
            "nonlinearity": '"relu"' if relu else "",
        }
        several = (layers,) if layers > 1 else ()
        return f"nn.{cell.upper()}({written.arguments(x.shape[2], hidden, *several, **given)})"

    @staticmethod
    def called(
        module: str, x: Any, *given: Any, cell: str, both: bool, last: bool = False, states: int = 0, **fields: Any
    ) -> str:
        first = f", {_begun(x, given[:states], cell, both=both, **fields)}" if states else ""
        return _taken(f"{module}({x}{first})", "[1][0]" if cell == LSTM else "[1]", both, last)

    @staticmethod
    def text(
        x: Any, *given: Any, cell: str, layers: int, both: bool, biases: bool, dropout: float = 0, relu: bool = False,
        last: bool = False, states: int = 0, hidden: int, out: int,
    ) -> str:  # fmt: skip
        many = layers * (2 if both else 1)
        begins = [*given[:states]] or [f"{x}.new_zeros({written.sizes((many, x.shape[0], out))})"]
        state = _begun(x, begins, cell, layers=layers, both=both, hidden=hidden)
        function = f"torch.{cell}{'' if cell != RNN else '_relu' if relu else '_tanh'}"
        weights = written.row(given[states:])
        named = written.arguments(x, state, weights, biases, layers, float(dropout), "self.training", both, True)
        return _taken(f"{function}({named})", "[1]", both, last)

    def forward(
        self, paper: Paper, x: Value, *given: Value, cell: str, hidden: int, out: int, layers: int, both: bool,
        biases: bool, dropout: float = 0, relu: bool = False, last: bool = False, states: int = 0,
    ) -> Value:  # fmt: skip
        cells = layers * (2 if both else 1)
        unrolled = cells if cell == LSTM and hidden == out else cells * x.shape[1]
        if unrolled > limits.UNROLLED:
            message = f"a {cell} that is run step by step has {unrolled:,} of them; at most {limits.UNROLLED:,} are run"
            raise VcalcError("limit", message, hint="see docs/limits.md")
        weights = given[states:]
        each = len(weights) // cells
        stack = _Stack(paper, cell, relu, dropout, biases, hidden != out)
        sets = [weights[first : first + each] for first in range(0, len(weights), each)]
        widths = ((out, hidden) if cell == LSTM else (out,))[states:]
        firsts = [*given[:states], *(paper.new((cells, x.shape[0], width)) for width in widths)]
        made, ends = stack.run(paper.permute(x, (1, 0, 2)), firsts, sets, 2 if both else 1)
        if not last:
            return paper.permute(made, (1, 0, 2))
        if both:
            sides = paper.permute(paper.slice(ends, axis=0, count=2, start=cells - 2), (1, 0, 2))
            return paper.reshape(sides, (x.shape[0], 2 * out))
        return paper.select(ends, axis=0, place=cells - 1)


def _begun(x: Any, states: Sequence[Any], cell: str, layers: int, both: bool, hidden: int, **fields: Any) -> str:
    """The first states as torch takes them, of an LSTM with what its cells keep: zeros where they are not given."""
    if cell != LSTM:
        return str(states[0])
    zeros = f"{x}.new_zeros({written.sizes((layers * (2 if both else 1), x.shape[0], hidden))})"
    return written.row((states[0], states[1] if len(states) > 1 else zeros))


def _taken(made: str, last_states: str, both: bool, last: bool) -> str:
    """All states of what torch gives, or the last ones."""
    if not last:
        return f"{made}[0]"
    return f"{made}{last_states}{'[-2:].transpose(0, 1).flatten(1)' if both else '[-1]'}"


class _Stack:
    """The layers of one recurrent network, each in one direction or both.

    Variables live here as long as they do in torch's own code.
    """

    def __init__(self, paper: Paper, cell: str, relu: bool, dropout: float, biases: bool, projects: bool) -> None:
        self.paper, self.cell, self.dropout, self.biases = paper, cell, dropout, biases
        self.function = "relu" if relu else "tanh"
        self.fused = cell == LSTM and not projects
        self.outputs: list[Value] = []
        """What each direction of the last layer made, of one that is fused."""

    def run(self, x: Value, firsts: Sequence[Value], sets: Sequence[Weights], directions: int) -> tuple[Value, Value]:
        """All states of the last layer, [T, B, D], and the last states of all layers."""
        paper, ends = self.paper, []
        given = x = paper.copy(x) if self.fused else x
        if self.fused:
            begins = [[paper.select(first, axis=0, place=number) for first in firsts] for number in range(len(sets))]
        else:
            begins = [[*each] for each in zip(*map(paper.unbind, firsts), strict=True)]
        layer = self._fused if self.fused else self._unrolled
        for number in range(0, len(sets), directions):
            own = slice(number, number + directions)
            x, found = layer(x, sets[own], begins[own])
            ends += found
            if self.dropout and paper.training and number + directions < len(sets):
                x = paper.dropout(x, p=self.dropout)
        states = [paper.stack(*each, axis=0) for each in zip(*ends, strict=True)]
        self.outputs.clear()
        del given
        return x, states[0]

    def _fused(self, x: Value, weights: Sequence[Weights], begins: Sequence[Weights]) -> Made:
        ends = []
        for number, (own, begin) in enumerate(zip(weights, begins, strict=True)):
            made: Any = self.paper.fused_lstm(x, *own, *self._zeros(own), *begin)
            self.outputs[number : number + 1] = made[:1]
            ends.append(made[1:])
            del made
        return self._joined(self.outputs), ends

    def _zeros(self, weights: Weights) -> list[Value]:
        """What torch hands oneDNN in place of biases: zeros of the sizes of the weights."""
        return [] if self.biases else [self.paper.new(weight.shape, False) for weight in reversed(weights)][::-1]

    def _unrolled(self, x: Value, weights: Sequence[Weights], begins: Sequence[Weights]) -> Made:
        paper, made, ends, every = self.paper, [], [], []
        for backward, (own, state) in enumerate(zip(weights, begins, strict=True)):
            inputs = paper.linear(x, own[0], own[2] if self.biases else None)
            steps = paper.unbind(inputs)
            outputs: list[Value] = []
            for step in reversed(steps) if backward else steps:
                state = self._step(step, state, own)
                outputs.append(state[0])
            del step
            made.append(paper.stack(*(reversed(outputs) if backward else outputs), axis=0))
            every.append(outputs)
            ends.append(state)
            del outputs
        return self._joined(made), ends

    def _joined(self, made: list[Value]) -> Value:
        """What the directions give side by side."""
        return self.paper.concat(*made, axis=2) if len(made) > 1 else made[0]

    def _step(self, step: Value, state: Sequence[Value], weights: Weights) -> tuple[Value, ...]:
        """The state after one step, and what the cell keeps."""
        if self.cell == LSTM:
            return self._lstm(step, state[0], state[1], weights)
        return (self._gru(step, state[0], weights) if self.cell == GRU else self._rnn(step, state[0], weights),)

    def _products(self, state: Value, weights: Weights) -> Value:
        weight = self._turned(weights[1])
        if self.biases:
            return self.paper.rows_onto(weights[3], state, weight)
        return self.paper.rows_by(state, weight, None)

    def _turned(self, weight: Value) -> Value:
        """A matrix as a step reads it: its gradients are added up one by one, each when that step is done."""
        return self.paper.reshape(weight, weight.shape)

    def _rnn(self, step: Value, state: Value, weights: Weights) -> Value:
        sums = self.paper.add_to(self._products(state, weights), step)
        return self.paper.activation(sums, saves="output", function=self.function)

    def _gru(self, step: Value, state: Value, weights: Weights) -> Value:
        paper = self.paper
        given: Any = paper.chunk(step, parts=3)
        old: Any = paper.chunk(self._products(state, weights), parts=3)
        reset = self._gate(paper.add_to(old[0], given[0]), "sigmoid")
        keep = self._gate(paper.add_to(old[1], given[1]), "sigmoid")
        new = self._gate(paper.add(given[2], paper.mul_by(old[2], reset)), "tanh")
        return paper.add_to(paper.mul_by(paper.sub(state, new), keep), new)

    def _lstm(self, step: Value, state: Value, memory: Value, weights: Weights) -> tuple[Value, Value]:
        paper = self.paper
        parts: Any = paper.chunk(paper.add_to(self._products(state, weights), step), parts=4)
        enter, forget, new, leave = map(self._gate, parts, ("sigmoid", "sigmoid", "tanh", "sigmoid"))
        kept = paper.mul(forget, memory)
        kept = paper.add_to(kept, paper.mul(enter, new))
        made = paper.mul(leave, paper.activation(kept, saves="output", function="tanh"))
        return paper.rows_by(made, self._turned(weights[-1]), None), kept

    def _gate(self, x: Value, function: str) -> Value:
        return self.paper.activation(x, saves="output", in_place=True, function=function)


class FusedLSTM(Operator, name="fused_lstm"):
    """One layer of an LSTM in one direction: every state, the last one, and what the cell keeps at the end.

    What oneDNN notes down on the way is saved, too.
    """

    def forward(self, paper: Paper, x: Value, *given: Value) -> tuple[Value, ...]:
        steps, images, width = x.shape
        hidden = given[-1].shape[1]
        of_weights = [(each.shape if number < 2 else (4 * hidden,), False) for number, each in enumerate(given[:4])]
        self.shapes = [(x.shape, True), *of_weights, *((each.shape, True) for each in given[4:])]
        made = (paper.new((steps, images, hidden)), *(paper.new((images, hidden)) for _ in range(2)))
        paper.multiply_adds += steps * images * sum(prod(weight.shape) for weight in given[:2])
        if paper.records:
            sizes = workspace(steps, width, hidden)
            self.saved = (x, *given, *made, paper.rounded([images * size for size in sizes], PAGE))
        return made

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return tuple([paper.new(shape, batched) for shape, batched in self.shapes])


def workspace(steps: int, width: int, hidden: int) -> tuple[int, ...]:
    """The parts of oneDNN's workspace, in elements an image: gates, states and their gradients (oneDNN, rnn_utils)."""
    states = 2 * (steps + 1) * _leading(max(width, hidden))
    cells = 2 * (steps + 1) * hidden
    gates, outputs = steps * _leading(4 * hidden), steps * _leading(hidden)
    return (gates, outputs, states, cells, states, states, cells)


def _leading(size: int) -> int:
    """The distance between rows in memory: whole cache lines, but no multiple of 256 elements."""
    lines = -(-size // 16) * 16
    return lines if lines % 256 else lines + 16


class RowsOnto(RowsBy, name="rows_onto"):
    """As `rows_by`, but the gradient of the bias is handed on first: of one that every step adds, this has effect."""

    def forward(self, paper: Paper, bias: Value, x: Value, weight: Value) -> Value:  # type: ignore[override]
        of_bias, *others = self.needs
        self.needs = (*others, of_bias)
        return super().forward(paper, x, weight, bias)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        of_x, of_weight, of_bias = super().backward(paper, *gradients)
        return (of_bias, of_x, of_weight)


class Chunk(Operator, name="chunk"):
    """Equal parts of the last axis, which may be changed in place. Backward puts their gradients together."""

    def forward(self, paper: Paper, x: Value, parts: int) -> tuple[Value, ...]:
        shape = (*x.shape[:-1], x.shape[-1] // parts)
        self.shape, self.batched = x.shape, x.batched
        return tuple(paper.view(x, shape, x.strides) for _ in range(parts))

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (paper.new(self.shape, self.batched),)


class AddTo(Operator, name="add_to"):
    """A sum put in the memory of its first part."""

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        return a.bare()

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return (gradients[0], gradients[0])


class MulBy(Operator, name="mul_by"):
    """A product put in the memory of its first factor, which is copied for the gradient of the other."""

    def forward(self, paper: Paper, a: Value, b: Value) -> Value:
        self.saved = (paper.like(a) if self.needs[1] else None, b if self.needs[0] else None)
        return a.bare()

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        of_b = paper.like(gradients[0]) if self.needs[1] else None
        return (paper.like(gradients[0]) if self.needs[0] else None, of_b)
