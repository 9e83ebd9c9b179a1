"""How fast the engine is, in process. Run by hand: python benchmarks/engine.py

ResNet-152 expanded and counted (bound: 20 ms); a chain of layers, for its time a layer (60 microseconds) and whether
that grows with its length; the closed form of ResNet-152 after SymPy's import (0.5 s); the whole catalogue read,
expanded and counted (2 s), with the garbage collected as seldom as the command line does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from vcalc import conventions
from vcalc.analyses.cost import Cost, Costs
from vcalc.spec.find import load, model_names
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec

CHAIN = """
title: a chain
input: {{C: 64, H: 56, W: 56}}
layers:
  - repeat: {turns}
    do:
      - conv: {{out: 64, kernel: 3, pad: 1}}
      - batchnorm
      - relu
      - conv: {{out: C, kernel: 1}}
"""


def best(run: Callable[[], Any], times: int = 5, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of several runs, in a clock's seconds."""
    found = []
    for _ in range(times):
        start = clock()
        run()
        found.append(clock() - start)
    return min(found)


def total(name: str, **sizes: str) -> Cost:
    """Expand a model and count it."""
    network = expand(*load(name), sizes)
    return Costs(network.graph, conventions.load("lecture")).total(network.graph.nodes)


def chain(layers: int) -> float:
    """Microseconds a layer for a chain of that many."""
    spec = parse_spec(CHAIN.format(turns=layers // 4), "chain.yaml", "chain")

    def run() -> None:
        network = expand(spec, spec.models["chain"])
        Costs(network.graph, conventions.load("lecture")).total(network.graph.nodes)

    return best(run, 3) / layers * 1e6


def main() -> None:
    """Print every figure with its bound."""
    print(f"ResNet-152 expanded and counted: {best(lambda: total('resnet152')) * 1e3:.1f} ms (bound 20)")
    short, long = chain(10_000), chain(100_000)
    print(f"a chain: {short:.1f} us a layer at 10,000, {long:.1f} at 100,000 (bound 60); ratio {long / short:.2f}")
    import sympy

    import vcalc.cli  # noqa: F401, it sets how often garbage is collected

    sizes = {"H": "32*h", "W": "32*h", "width": "c", "classes": "K"}
    start = time.perf_counter()
    total("resnet152", **sizes)
    print(f"closed form of ResNet-152, SymPy {sympy.__version__} imported: {time.perf_counter() - start:.2f} s (0.5)")
    names = model_names()
    start = time.process_time()
    for name in names:
        total(name)
    taken = time.process_time() - start
    each = taken / len(names) * 1e3
    print(f"the catalogue, {len(names)} models: {taken:.2f} s of CPU (bound 2), {each:.1f} ms a model")


if __name__ == "__main__":
    main()
