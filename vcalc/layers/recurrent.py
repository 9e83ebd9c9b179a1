"""Recurrent layers: one cell that reads a sequence step by step and keeps a state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from vcalc import limits
from vcalc.arithmetic import Number, Shape, assumed
from vcalc.errors import LayerError
from vcalc.layers.axes import MAP, TOKENS, VECTOR, rank
from vcalc.layers.base import BRANCHES, Layer, describe, needs, show
from vcalc.layers.fields import FLAG, FRACTION, count, field, flag_or
from vcalc.layers.windows import EVERYWHERE, Window

if TYPE_CHECKING:
    from vcalc.operators.paper import Paper, Value


class _Recurrent(Layer):
    """Layers of one cell each, in one direction or both; the gates of a cell have a matrix on the input and the state.

    Element-wise additions join the two products of each gate and make the new state.
    """

    accepts = (TOKENS,)
    also_joins = True
    forms: ClassVar[tuple[str, ...]] = ("module", "functional")
    gates: ClassVar[int]
    """How many matrices a cell has on the input, and as many on the state."""
    additions: ClassVar[int]
    multiplications: ClassVar[int]

    hidden: Any = field(count(), "width of the state", symbol="M")
    layers: Any = field(count(), "cells one above the other, each of which reads the states of the one below", 1)
    bidirectional: Any = field(FLAG, "whether a second cell a layer reads from the end, its states beside", False)
    bias: Any = field(
        flag_or("one"),
        "whether gates have biases: true, two, on the input and on the state, as torch has; one; or false",
        True,
    )
    last: Any = field(FLAG, "whether the last state alone leaves, of each direction its own, as a vector", False)
    dropout: Any = field(FRACTION, "the share of states dropped between layers in training", 0.0)

    @property
    def out(self) -> Number:
        """The width of what each direction gives."""
        return self.hidden

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def weighted_layers(self) -> Number:  # type: ignore[override]
        """Layers count once, however many steps they are unrolled to."""
        return self.layers

    @property
    def form(self) -> str:
        """No module has one bias a gate."""
        return "functional" if self.bias == "one" and self.written is None else super().form

    def check(self, inputs: tuple[Shape, ...]) -> None:
        shape, *states = inputs
        if rank(shape) == MAP:
            message = f"{self.kind} reads tokens [N, D] one after another, but {describe(shape)} arrives"
            columns = ", or rearrange: C H W -> W (C H) one of each column" if len(shape) == 3 else ""
            raise LayerError(message, hint=f"put 'tokens' before it, which makes a step of each position{columns}")
        super().check((shape,))
        if states:
            self._check_states(states)

    def _check_states(self, states: list[Shape]) -> None:
        """The first states of all cells, one beside the other, and what the cells of an LSTM keep."""
        widths, cells = self._kept, self.layers * self._directions
        needs(
            len(states) <= len(widths),
            f"{self.kind} joins tokens and a first state{', and what its cells keep' if len(widths) > 1 else ''}, "
            f"not {1 + len(states)} branches",
            BRANCHES,
        )
        for state, width in zip(states, widths, strict=False):
            fits = rank(state) == VECTOR and assumed("==", state[0], cells * width)
            message = f"{self.kind}: a first state is a vector [{show(cells * width)}], but {describe(state)} arrives"
            needs(fits, message, hint=f"'linear' makes one of it: {{out: {show(cells * width)}}}")

    @property
    def _kept(self) -> tuple[Number, ...]:
        """The width of what goes on from step to step."""
        return (self.out,)

    def output(self, *inputs: Shape) -> Shape:
        between = not self.dropout or assumed(">", self.layers, 1)
        needs(between, f"{self.kind}: dropout is between layers, and there is one", "dropout", "leave it out")
        width = self._directions * self.out
        if self.last:
            return (width,)
        return (inputs[0][0], width)

    def _weights(self, input: Shape) -> Number:
        """Those that a step multiplies by: of the first layer, and of all others, which read both directions."""
        sides, gates = self._directions, self.gates * self.hidden
        first = sides * (gates * (input[1] + self.out))
        return first + (self.layers - 1) * (sides * (gates * ((sides + 1) * self.out)))

    def _biases(self) -> Number:
        each = 0 if self.bias is False else 1 if self.bias == "one" else 2
        return self.layers * self._directions * (self.gates * self.hidden) * each

    def parameters(self, *inputs: Shape) -> dict[str, Number]:
        return {"weight": self._weights(inputs[0]), **({"bias": self._biases()} if self.bias else {})}

    def buffers(self, *inputs: Shape) -> dict[str, Number]:
        return {"constant": self._biases()} if self.bias == "one" else {}

    def work(self, inputs: tuple[Shape, ...], output: Shape) -> dict[str, Number]:
        steps, _ = inputs[0]
        work = {"multiply_adds": steps * self._weights(inputs[0])}
        if self.bias:
            work["bias_additions"] = steps * self._biases()
        if self.bias == "one":
            work["zero_additions"] = steps * self._biases()
        each = steps * self.layers * self._directions * self.hidden
        many = {"additions": self.additions, "multiplications": self.multiplications}
        return work | {name: each * count for name, count in many.items() if count}

    def run(self, ops: Paper, x: Value, state: Value | None = None, memory: Value | None = None) -> Value:
        if self.layers > limits.UNROLLED:
            message = f"{self.kind}: {show(self.layers)} layers cannot be run one by one; at most {limits.UNROLLED:,}"
            raise LayerError(message, "layers", "see docs/limits.md")
        weights = [made for layer in range(self.layers) for made in self._made(ops, layer, x.shape[2])]
        states = [each for each in (state, memory) if each is not None]
        begins = [self._begun(ops, each) for each in states]
        fields = {"cell": self.kind, "hidden": self.hidden, "out": self.out, "layers": self.layers}
        fields |= {
            "both": self.bidirectional,
            "biases": bool(self.bias),
            "dropout": self.dropout,
            "last": self.last,
            "states": len(states),
        }
        return ops.part(self.kind).recurrent(x, *begins, *weights, **fields, **self._more())

    def _begun(self, ops: Paper, state: Value) -> Value:
        """The first states of all cells as torch takes them."""
        cells = self.layers * self._directions
        parted = ops.reshape(state, (state.shape[0], cells, state.shape[1] // cells))
        return ops.copy(ops.permute(parted, (1, 0, 2)))

    def _more(self) -> dict[str, Any]:
        return {}

    def _made(self, ops: Paper, layer: int, width: Number) -> Iterator[Value]:
        """The parameters of a layer, as torch has them."""
        gates = self.gates * self.hidden
        for _ in range(self._directions):
            yield ops.parameter(gates, self._directions * self.out if layer else width, name="weight_ih")
            yield ops.parameter(gates, self.out, name="weight_hh")
            if self.bias:
                yield ops.parameter(gates, role="bias", name="bias_ih")
                one = self.bias == "one"
                yield ops.own((gates,), "constant") if one else ops.parameter(gates, role="bias", name="bias_hh")
            yield from self._projection(ops)

    def _projection(self, ops: Paper) -> Iterator[Value]:
        return iter(())

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE


class LSTM(_Recurrent, kind="lstm"):
    """Long short-term memory: three gates decide what enters a cell, stays in it, and leaves it.

    With `project` the state is brought to a smaller width each step.
    """

    source = (
        "Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber & Cummins 2000; project: Sak, Senior & Beaufays"
        " 2014, section 2.2; bidirectional: Schuster & Paliwal 1997"
    )
    gates, additions, multiplications = 4, 5, 3

    project: Any = field(count(), "width that the state is projected to; not projected if not said", None, "P")

    @property
    def out(self) -> Number:
        return self.hidden if self.project is None else self.project

    @property
    def _kept(self) -> tuple[Number, ...]:
        return (self.out, self.hidden)

    def output(self, *inputs: Shape) -> Shape:
        smaller = self.project is None or assumed(">", self.hidden, self.project)
        needs(smaller, f"lstm: a state of {show(self.hidden)} is projected to fewer", "project", "leave it out")
        return super().output(*inputs)

    def _weights(self, input: Shape) -> Number:
        weights = super()._weights(input)
        if self.project is None:
            return weights
        return weights + self.layers * (self._directions * (self.hidden * self.project))

    def _projection(self, ops: Paper) -> Iterator[Value]:
        if self.project is not None:
            yield ops.parameter(self.project, self.hidden, name="weight_hr")


class GRU(_Recurrent, kind="gru"):
    """A gated recurrent unit: one gate resets what the new state sees of the old one, another mixes the two.

    The reset gate multiplies the old state's product, as in torch and cuDNN: it counts the same as before the product.
    """

    source = "Cho et al. 2014, section 2.3; as torch and cuDNN have it: torch.nn.GRU"
    gates, additions, multiplications = 3, 5, 2


class RNN(_Recurrent, kind="rnn"):
    """The simplest recurrent layer: tanh, or ReLU, of a product of the input and one of the state."""

    source = "Elman 1990"
    gates, additions, multiplications = 1, 1, 0

    relu: Any = field(FLAG, "whether ReLU stands in place of tanh", False)

    def _more(self) -> dict[str, Any]:
        return {"relu": self.relu}
