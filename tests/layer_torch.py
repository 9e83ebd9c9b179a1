"""One layer as the torch backend writes it: its module, and its call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import pytest

from vcalc.graph import Facts
from vcalc.operators.pattern import parse
from vcalc.operators.text import BATCH
from vcalc.torch_backend.code import CLASS, Code, code_of
from vcalc.torch_backend.lines import Lines
from vcalc.torch_backend.script import Script

torch = pytest.importorskip("torch")
parts = pytest.importorskip("vcalc.torch_backend.parts")

NAMES = {**vars(parts), "torch": torch, "nn": torch.nn, "F": torch.nn.functional, "Tensor": torch.Tensor}


def made_of(code: Code) -> Any:
    """The module, if there is one."""
    names = dict(NAMES)
    if code.body:
        exec(f"from __future__ import annotations\nclass {CLASS}{code.body}", names)
    return eval(code.make, names) if code.make else None


def alone(facts: Facts) -> tuple[Any, Callable[[Sequence[Any]], Any]]:
    """A layer's module, if it has one, and its call on inputs."""
    code = code_of(facts)
    module, images = made_of(code), 2
    call = code.call.format(*(f"inputs[{number}]" for number in range(len(facts.inputs))), self="module")
    return module, lambda inputs: eval(call, NAMES, {"module": module, "inputs": inputs, "images": images})


def rearranged(pattern: str, sizes: Mapping[str, int], shape: tuple[int, ...]) -> str:
    """What is written of a rearrangement of `x`, which has a batch in front."""
    arriving, _ = parse(pattern).front
    front, inside = shape[:arriving], shape[arriving:]
    run = partial(rearrange, pattern=pattern, sizes=sizes, front=front)
    return Lines(Script(run, ((BATCH * prod(front), *inside),)), ["x"]).returned


def rearrange(ops: Any, x: Any, **fields: Any) -> Any:
    """A layer's run."""
    return ops.rearrange(x, **fields)
