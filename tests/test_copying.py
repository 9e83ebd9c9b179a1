"""What is copied from a part before is what carrying its steps out again gives: layers, names, costs, refusals."""

from __future__ import annotations

import random
from typing import Any

import pytest

from vcalc import limits
from vcalc.errors import VcalcError
from vcalc.spec import network
from vcalc.spec.build import Building
from vcalc.spec.copying import Part
from vcalc.spec.parse import parse_spec

HEAD = """
input: {C: 6, H: 9, W: 9}
let: {wide: [6, 6, 8], n: 3}
blocks:
  plain: {args: {c: C}, do: [conv: {out: c, kernel: 3, pad: 1}, relu]}
  named: {args: {c: 6, deep: 1}, do: [{name: part, do: [plain: {c: c}]}, {repeat: deep, do: [plain]}]}
  kept: {do: [{save: x}, relu, {branches: [[], [take: x]], join: add}]}
  odd: {args: {k: 1}, do: [conv: {out: C, kernel: k}]}
  same: {shared: true, do: [conv: {out: C, kernel: 1}]}
layers:
"""


def steps(dice: random.Random, depth: int, seen: tuple[str, ...]) -> str:
    """A list of steps in flow style, within loops over the names that are seen."""
    return "[" + ", ".join(step(dice, depth, seen) for _ in range(dice.randint(1, 3))) + "]"


def step(dice: random.Random, depth: int = 0, seen: tuple[str, ...] = ()) -> str:
    simple = ["relu", "conv: {out: C, kernel: 1}", "maxpool: {kernel: 2, stride: 1}", "save: y", "take: y", "same"]
    simple += ["plain", "kept", "named", "plain: {c: 6}", "{use: plain, name: called}", "{use: plain, name: part}"]
    if seen:
        one = dice.choice(seen)
        simple += [
            f"named: {{deep: {one}}}",
            f"plain: {{c: 4 + {one}}}",
            f"{{if: {one} > 0, then: [relu], else: [same]}}",
        ]
    if depth == 3:
        return dice.choice(simple)
    name = f"i{depth}"
    loop, inner = steps(dice, depth + 1, (*seen, name)), steps(dice, depth + 1, seen)
    return dice.choice(
        [
            *simple,
            f"{{repeat: {dice.randint(0, 4)}, do: {inner}}}",
            f"{{repeat: n, index: {name}, name: turn, do: {loop}}}",
            f"{{repeat: 4, index: {name}, when: {name} != 1, do: {loop}}}",
            f"{{each: {{{name}: wide}}, name: part, do: {loop}}}",
            f"{{each: {{{name}: wide}}, do: {loop}}}",
            f"{{residual: {inner}}}",
            f"{{branches: [{inner}, [relu]], join: concat}}",
            f"{{name: part, do: {inner}}}",
        ]
    )


def outcome(text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """All that an expansion says: the layers with their names and origins, the costs; or the refusal."""
    spent = []

    class Watched(Building):
        def name_nodes(self) -> None:
            spent.append((self.budget.steps, self.budget.operations))
            super().name_nodes()

    monkeypatch.setattr(network, "Building", Watched)
    spec = parse_spec(text, "spec.yaml", "net")
    try:
        built = network.expand(spec, spec.models["net"])
    except VcalcError as error:
        return str(error)
    nodes = [(node.path, node.index, node.inputs, node.shares, node.facts.output) for node in built.graph.nodes]
    return nodes, [id(node.layer.kind) for node in built.graph.nodes], spent, sorted(built.origin.named)


def spec_of(seed: int) -> str:
    dice = random.Random(seed)
    return HEAD + "".join(f"  - {step(dice)}\n" for _ in range(5))


@pytest.mark.parametrize("layers", [limits.LAYERS, 30])
def test_a_copy_is_what_its_steps_give(monkeypatch, layers):
    monkeypatch.setattr(limits, "LAYERS", layers)
    monkeypatch.setattr(limits, "STEPS", 5 * layers)
    monkeypatch.setattr(limits, "OPERATIONS", 500 * layers)
    copied, counted = [], 0
    whole = Part.copy
    monkeypatch.setattr(Part, "copy", lambda self, *given: copied.append(self) or whole(self, *given))
    for seed in range(80):
        text = spec_of(seed)
        with_copies = outcome(text, monkeypatch)
        with pytest.MonkeyPatch.context() as without:
            without.setattr(Part, "fits", lambda self, building: False)
            assert with_copies == outcome(text, monkeypatch), text
        counted += not isinstance(with_copies, str)
    assert len(copied) > 50
    assert counted > (30 if layers > 1000 else 5)


def test_equal_turns_and_equal_calls_are_carried_out_once(monkeypatch):
    added = []
    add = Building.add
    monkeypatch.setattr(Building, "add", lambda self, *given: added.append(given) or add(self, *given))
    loops = "  - {repeat: 50, name: stage, do: [{repeat: 20, index: i, do: [plain: {c: 6}]}]}\n"
    spec = parse_spec(HEAD + loops, "spec.yaml", "net")
    built = network.expand(spec, spec.models["net"])
    assert len(built.graph.nodes) == 50 * 20 * 2
    assert built.graph.nodes[-1].path == "stage50/relu20"
    assert len(added) == 2


@pytest.mark.parametrize("values", ["[1, true]", "[true, 1]"])
def test_what_is_equal_to_something_else_is_no_copy_of_it(values):
    spec = parse_spec(HEAD + f"  - {{each: {{k: {values}}}, do: [odd: {{k: k}}]}}\n", "spec.yaml", "net")
    with pytest.raises(VcalcError, match="kernel is true, not a whole number"):
        network.expand(spec, spec.models["net"])


def test_blocks_without_arguments_are_told_apart_by_their_names():
    """Each is called on the same shape, alone and within another block."""
    blocks = "blocks: {a: {do: [relu]}, b: {do: [tanh]}, both: {do: [a, b, a]}}\n"
    spec = parse_spec(f"{blocks}input: {{D: 3}}\nlayers: [a, b, both, b, a, both]\n", "t.yaml", "t")
    kinds = [node.kind for node in network.expand(spec, spec.models["t"]).graph.nodes]
    both = ["relu", "tanh", "relu"]
    assert kinds == ["relu", "tanh", *both, "tanh", "relu", *both]
