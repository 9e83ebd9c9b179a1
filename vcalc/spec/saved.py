"""The tensors that have names while a network is built.

A name stands for one tensor, or for a list of them: `save: x[i]` puts one at a place of the list `x`, `save: x` makes
it a list of one anew. The turns of a named loop are a list, too: `stage[0]` is what `stage1` gives.
"""

from __future__ import annotations

from typing import Any

from vcalc import limits
from vcalc.errors import VcalcError, quoted, suggestion
from vcalc.language.expression import Environment
from vcalc.language.operations import common
from vcalc.language.values import shown
from vcalc.spec import syntax
from vcalc.spec.build import Building, Scope
from vcalc.spec.evaluate import Evaluator
from vcalc.spec.sizes import merged_inputs
from vcalc.spec.syntax import Block, ModelEntry, Spec, Step, Tensor

List = list[int | None]
"""The tensors of a list; None at a place where nothing has been saved so far."""


class _Names:
    """The names of tensors in the network, or in one call of a block that is being carried out."""

    __slots__ = ("handed", "tensors", "waiting")

    def __init__(self, tensors: dict[str, List]) -> None:
        self.tensors = tensors
        self.handed = (*tensors,)
        """Those of what the call was handed."""
        self.waiting: dict[str, dict[int, Step]] = {}
        """The steps whose tensors nothing has taken up so far, by the names and places that these have."""


class Saved:
    """The names of one spec's tensors: the network's, then those of each call that is being carried out."""

    def __init__(self, building: Building, root: Scope) -> None:
        self.building = building
        self.root = root
        self.open = [_Names({})]
        self.blocks: list[str] = []
        """The blocks whose calls are being carried out."""
        self.kept: dict[str, str] = {}
        """The names of tensors that have ended with a call, and the block that had them."""
        self.others: dict[str, str] = {}
        """The names of inputs that the file has, and this model has not, with the reason."""

    def enter(self, inputs: dict[str, int]) -> None:
        """Give the tensors that go into the network their names; the only one may have none."""
        self.open[0].tensors = {name: [index] for name, index in inputs.items() if name}

    def begin(self, block: str, handed: dict[str, List]) -> None:
        """Begin a block's call that is handed these tensors, by the names that the block has for them."""
        self.blocks.append(block)
        self.open.append(_Names(handed))

    def end(self) -> dict[str, List]:
        """End a call; returns the tensors that its block had names for."""
        names, block = self.open.pop(), self.blocks.pop()
        if names.tensors:
            self.kept.update(dict.fromkeys(names.tensors, block))
            for steps in names.waiting.values():
                self.building.taken.update(steps.values())
        return names.tensors

    def save(self, name: str, tensors: List, step: Step) -> list[Step]:
        """Make a name that of these tensors, in the place of what it stood for.

        Returns the steps which had saved that, if nothing has taken it up.
        """
        names = self.open[-1]
        names.tensors[name] = tensors
        lost = names.waiting.get(name, {})
        names.waiting[name] = {0: step}
        return [*lost.values()]

    def put(self, name: str, place: int, tensor: int, step: Step) -> list[Step]:
        """Put a tensor at a place of a list, which grows with it; returns the same as `save`."""
        if not 0 <= place < limits.LIST_ITEMS:
            message = f"{name}[{place}]: places are counted from 0"
            message += f" to {limits.LIST_ITEMS - 1:,}" if place > 0 else ""
            raise VcalcError("type", message, hint="see docs/limits.md" if place > 0 else "")
        places = self.open[-1].tensors.setdefault(name, [])
        self.building.budget.spend(max(0, place - len(places)))
        places += [None] * (place + 1 - len(places))
        places[place] = tensor
        waiting = self.open[-1].waiting.setdefault(name, {})
        lost = [waiting[place]] if place in waiting else []
        waiting[place] = step
        return lost

    def has(self, name: str) -> bool:
        """Whether a name stands for anything here."""
        return bool(self.open[-1].tensors.get(name) or self.given(name))

    def find(self, name: str) -> List:
        """What a name stands for here. Raises VcalcError for a name that nothing has so far."""
        self.building.taken.update(self.open[-1].waiting.pop(name, {}).values())
        found = self.open[-1].tensors.get(name) or self.given(name)
        if not found:
            raise VcalcError("undefined", f"no tensor is called {quoted(name)} so far", hint=self.where(name))
        return found

    def hides(self, name: str) -> bool:
        """Whether a tensor is saved under a name under which a group gives another one."""
        saved, group = self.open[-1].tensors.get(name), self.root.find(name)
        return saved is not None and group is not None and group.output is not None and saved != [group.output]

    def given(self, name: str) -> List:
        """What a group of the network gives, or those that are numbered, as far as they have ended."""
        group = self.root.find(name)
        if group:
            return [] if group.output is None else [group.output]
        turns = self.root.turns(name)
        self.building.budget.spend(len(turns))
        return [turn.output for turn in turns if turn and turn.output is not None]

    def where(self, name: str) -> str:
        """Where a tensor could come from that has no name here."""
        if name in self.others:
            return f"{self.others[name]}: write {name}: {{…}} among them"
        block, handed = next(reversed(self.blocks), ""), " and ".join(self.open[-1].handed)
        if block and any(name in names.tensors for names in self.open):
            return f"a block has what its call hands to it: {block}: {{take: {name}}}"
        if handed:
            return f"the call of block {block} hands it {handed}: {block}: {{take: {{{name}: …}}}}"
        if name in self.kept:
            block = self.kept[name]
            return f"block {block} keeps it to itself, unless its call asks for it: {block}: {{save: {name}}}"
        save = f"write save: {name} where it is, above this" if "/" not in name else ""
        return suggestion(name, [*self.open[-1].tensors, *self.root.ended()], "so far") or save


class Keeper(Evaluator):
    """Carries out the steps that give tensors names and take them up."""

    def __init__(self, spec: Spec, model: ModelEntry, building: Building, root: Scope) -> None:
        super().__init__(spec, model, building)
        self.root = root
        self.saved = Saved(building, root)
        own = merged_inputs(spec, model)
        self.saved.others = {name: f"{model.name} has inputs of its own" for name in spec.inputs if name not in own}

    def save(self, step: syntax.Save, at: int, environment: Environment, scope: Scope) -> int:
        self.building.outside += 1
        self.building.carried_out += 1
        self.building.named.add(at)
        self.save_as(step.tensor, [at], step, at, environment)
        return at

    def save_as(self, target: Tensor, tensors: list[int], step: Step, at: int, environment: Environment) -> None:
        """Give tensors of a step a name; one of them a place in the list of that name."""
        if target.places is None:
            return self.note_lost(self.saved.save(target.name, [*tensors], step), target, step)
        place = common(self.value(target.places, at, environment))
        if type(place) is not int or len(tensors) != 1:
            what = f"at {target} stands one tensor, not {len(tensors)}"
            what = what if type(place) is int else f"{target}: {shown(place)} is no place of a list, a whole number"
            raise VcalcError("type", what).at(self.place(target.node))
        try:
            self.note_lost(self.saved.put(target.name, place, tensors[0], step), target, step)
        except VcalcError as error:
            raise error.at(self.place(target.node)) from None

    def note_lost(self, steps: list[Step], target: Tensor, by: Step) -> None:
        """Note that a step saves a tensor in the place of what other steps saved, and nothing has taken up."""
        for step in steps:
            if step is not by:
                self.building.lost[step] = (self.spec, str(target), by)

    def take(self, step: syntax.Take, at: int, environment: Environment, scope: Scope) -> int:
        self.building.outside += 1
        self.building.carried_out += 1
        return self.only(step, at, environment)

    def only(self, step: syntax.Take, at: int, environment: Environment) -> int:
        """The one tensor that a name stands for here."""
        tensors = self.taken(step.tensors, step, at, environment)
        if len(tensors) != 1:
            name = ", ".join(map(str, step.tensors))
            listed = f"[{name}]" if len(step.tensors) > 1 else name
            one = f"{step.tensors[0].name}[0]" if len(step.tensors) == 1 else step.tensors[0]
            hint = f"join them, {{take: {listed}, join: concat}}, or take one of them, {one}"
            what = f"{quoted(name)} is a list of {len(tensors)} tensors, and one goes on"
            raise VcalcError("type", what, hint=hint if tensors else "")
        (tensor,) = tensors
        return tensor

    def taken(self, tensors: list[Tensor], step: Step, at: int, environment: Environment) -> list[int]:
        """What names stand for here: one tensor each, or those of a list."""
        found: list[int] = []
        for tensor in tensors:
            try:
                places = self.saved.find(tensor.name)
                if self.saved.hides(tensor.name):
                    self.building.hidden.append((self.spec, step, tensor.name))
                found += self.picked(tensor, places, at, environment)
            except VcalcError as error:
                raise error.at(self.place(tensor.node)) from None
        return found

    def picked(self, tensor: Tensor, places: List, at: int, environment: Environment) -> list[int]:
        """The tensors of a list that are meant: those at some places, or all."""
        self.building.budget.spend(len(places) if tensor.places is None else 1)
        chosen: Any = places
        if tensor.places is not None:
            chosen = self.value(tensor.places, at, {**environment, "": places})
            chosen = chosen if isinstance(chosen, tuple) else (chosen,)
        if None in chosen:
            place = places.index(None)
            message = f"nothing is saved at {tensor.name}[{place}] so far"
            raise VcalcError("undefined", message, hint=f"write save: {tensor.name}[{place}] where it is, above this")
        return list(chosen)

    def asked(self, tensor: Tensor, block: Block, own: dict[str, List], at: int, environment: Environment) -> list[int]:
        """What a call asks of the tensors that its block has saved."""
        if tensor.name in own:
            return self.picked(tensor, own[tensor.name], at, environment)
        hint = suggestion(tensor.name, own, "it saves") or f"write save: {tensor} in the block, where the tensor is"
        raise VcalcError("undefined", f"block {block.name} saves no {quoted(str(tensor))}", hint=hint)
