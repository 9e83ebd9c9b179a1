"""State space layers: a state for each feature that is scanned along the tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcalc.layers.axes import TOKENS
from vcalc.layers.base import Layer
from vcalc.layers.fields import count, field
from vcalc.layers.windows import EVERYWHERE, Window

if TYPE_CHECKING:
    from vcalc.arithmetic import Shape
    from vcalc.operators.paper import Paper, Value


class SelectiveScan(Layer, kind="selective_scan"):
    """Mamba's S6: each feature has a state of a few numbers, which forgets, takes in and gives as the token says.

    Two linear layers make of each token its step sizes, through a small width, and what enters and leaves the states.
    """

    source = "Gu & Dao 2023 (Mamba), section 3.2 and algorithm 2; the authors' code, mamba_simple.py"
    accepts = (TOKENS,)
    weighted_layers = 2
    in_parts = True

    state: Any = field(count(), "numbers that the state of a feature has", 16, "S")
    rank: Any = field(count(), "width that step sizes are made through; in Mamba a 16th of the model's", symbol="R")

    @property
    def composed(self) -> bool:  # type: ignore[override]
        """Conventions weigh the scan, and the linear layers before it."""
        return True

    def run(self, ops: Paper, x: Value) -> Value:
        width = x.shape[2]
        made = ops.part("x_proj").linear(x, ops.parameter(self.rank + 2 * self.state, width))
        steps = ops.slice(made, axis=2, count=self.rank)
        enter, leave = (
            ops.slice(made, axis=2, count=self.state, start=self.rank + part * self.state) for part in (0, 1)
        )
        del made
        weight, bias = ops.parameter(width, self.rank), ops.parameter(width, role="bias")
        steps = ops.part("dt_proj").linear(steps, weight, bias)
        decay = ops.scale(ops.exp(ops.parameter(width, self.state, role="state_space", name="A_log")), by=-1)
        return ops.scan(x, steps, decay, enter, leave, ops.parameter(width, role="state_space", name="D"))

    def reach(self, input: Shape) -> Window:
        return EVERYWHERE
