"""A scan: a state that decays, takes something in and is read at each step, as one kernel runs it."""

from __future__ import annotations

from typing import Any

from vcalc.arithmetic import Number, Shape, product
from vcalc.operators import text as written
from vcalc.operators.layout import size_of
from vcalc.operators.paper import Operator, Paper, Value


class Scan(Operator, name="scan", kind="selective_scan"):
    """Mamba's selective scan of x [B, N, D]: what a state forgets, takes in and gives depends on x itself.

    Steps [B, N, D] and a decay [D, S] say what it forgets, `enter` and `leave` [B, N, S] what it takes in and gives.
    All that it reads is saved; states are made once more for the backward pass.
    """

    @staticmethod
    def output(x: Any, *others: Any) -> Shape:
        return tuple(x.shape)

    @staticmethod
    def work(output: Shape, x: Any, step: Any, decay: Any, *others: Any) -> dict[str, Number]:
        each = product(x.shape)
        states = each * decay.shape[1]
        return {
            "exponentials": states,
            "multiplications": 2 * states + 2 * each,
            "product_multiply_adds": 2 * states,
            "additions": each,
        }

    @staticmethod
    def text(*given: Any) -> str:
        return f"selective_scan({written.arguments(*given)})"

    def forward(self, paper: Paper, *given: Value) -> Value:
        self.saved = given
        paper.multiply_adds += 2 * size_of(given[0].shape) * given[2].shape[1]
        return paper.new(given[0].shape)

    def backward(self, paper: Paper, *gradients: Value) -> tuple[Value | None, ...]:
        return tuple([None if given is None else paper.new(given.shape, given.batched) for given in self.saved])
