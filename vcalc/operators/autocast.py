"""torch.autocast: the operators that it runs in 16 bits, in fp32, and as the widest of what they read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vcalc.operators.types import ACTIVATION, LOW

if TYPE_CHECKING:
    from vcalc.operators.paper import Operator, Paper


class Rules(NamedTuple):
    """For which operators a device's autocast has a rule; to all others tensors go as they are."""

    low: frozenset[str] = frozenset()
    """What they read is cast to 16 bits."""
    wide: frozenset[str] = frozenset()
    """What they read is cast to fp32; with `3d` behind, where they work along three axes."""
    into: frozenset[str] = frozenset()
    """They read 16 bits and make fp32."""
    widest: frozenset[str] = frozenset()
    """What they read is cast to the widest type among it."""

    def __bool__(self) -> bool:
        return any(self[:])

    def makes(self, kind: type[Operator]) -> str:
        """The type that an operator makes whatever it reads, if it does."""
        return ACTIVATION if kind.name in self.into else ""

    def cast(self, paper: Paper, kind: type[Operator], arguments: tuple[Any, ...]) -> tuple[tuple[Any, ...], Rules]:
        """The arguments as an operator reads them, cast from the last to the first, and the rules that hold in it."""
        from vcalc.operators.paper import Value, widest

        tensors = [each for each in arguments if isinstance(each, Value)]
        if kind.name in self.low:
            type = LOW
        elif kind.name in self.wide or (tensors and f"{kind.name}{len(tensors[0].shape) - 2}d" in self.wide):
            type = ACTIVATION
        elif kind.name in self.widest:
            type = widest(tensors)
        else:
            return arguments, self
        found = [paper.as_type(each, type) if isinstance(each, Value) else each for each in reversed(arguments)]
        return tuple(reversed(found)), OFF


OFF = Rules()
"""No rules: autocast is off."""

_LOW = frozenset(("attention", "conv", "linear", "matmul", "prelu"))
_WIDE = frozenset(("exp", "group_norm", "interpolate", "inverse_root", "layer_norm", "power", "rms_norm", "sample"))
_INTO = frozenset(("length", "sum"))
_SOFTMAX = frozenset(("softmax",))

_CPU = Rules(_LOW, frozenset(("avg_pool3d", "max_pool3d", "sample")), widest=frozenset(("concat", "stack")))

AUTOCAST = {
    ("cpu", "bfloat16"): _CPU,
    ("cpu", "float16"): _CPU,
    ("cuda", "bfloat16"): Rules(_LOW, _WIDE | _SOFTMAX, _INTO, frozenset(("mul_add",))),
    ("cuda", "float16"): Rules(_LOW, _WIDE, _INTO | _SOFTMAX, frozenset(("mul_add",))),
}
"""By device and dtype, as torch 2.13 documents it ("Autocast Op Reference"); a softmax reads float16 as it is."""
