"""What goes into a network and comes out of it, from YAML nodes: `input` or `inputs`, and `outputs`."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

from vcalc import foreign, limits
from vcalc.errors import quoted, suggestion
from vcalc.language.expression import SHAPE_NAMES, SHAPE_NAMES_OF_SOME
from vcalc.source.read import Entries, YamlNode, is_null
from vcalc.spec.fields import FieldReader, Names
from vcalc.spec.sizes import SIZES, WHAT_THERE_IS, in_order, merged_inputs, rank_problem
from vcalc.spec.syntax import Sizes, Spec, Take, Tensor

_DIGITS = r"[\s(]*[0-9]{1,9}(?:[\s,x×]+[0-9]{1,9})*[\s)]*"
_EXAMPLE = "write inputs: {image: {C: 3, H: 224, W: 224}}"


class PortReader:
    """Reads the inputs and outputs of one file, and notes every problem in them."""

    def __init__(self, reader: FieldReader) -> None:
        self.reader = reader
        self.source = reader.source

    def inputs(
        self, entries: Entries, names: Names, whole: Spec | None = None, of_model: bool = False
    ) -> dict[str, Sizes]:
        """The sizes of every input by name, of the only one under none.

        A part of `whole` has those of its inputs; a model may have others, with all their sizes.
        """
        found = {"": entries["input"]} if "input" in entries else {}
        if "inputs" in entries:
            if "input" in entries:
                message = "'input' and 'inputs' do not go together"
                self.source.report("misplaced", message, entries["input"][0], "give it a name among the inputs")
            found = self._several(entries["inputs"][1])
        inputs = {name: self._sizes(name, node, names) for name, (_, node) in found.items()}
        if whole is not None and whole.inputs:
            for name, sizes in inputs.items():
                if name not in whole.inputs and not (of_model and in_order(sizes)):
                    self._unknown(name, found[name][0], whole)
        return inputs

    def _several(self, node: YamlNode) -> Entries:
        found = self.source.mapping(node, "inputs", _EXAMPLE)
        if not found and (isinstance(node, yaml.MappingNode) or is_null(node)):
            self.source.report("missing", "inputs needs the name of an input, and its sizes", node, _EXAMPLE)
        if len(found) > limits.INPUTS:
            message = f"{len(found):,} inputs; a network has at most {limits.INPUTS}"
            self.source.report("limit", message, node, "see docs/limits.md")
        return found

    def _unknown(self, name: str, key: YamlNode, whole: Spec) -> None:
        """Refuse sizes of an input that the network does not have."""
        known = [*filter(None, whole.inputs)]
        message, hint = f"the network has no input {quoted(name)}", suggestion(name, known, "it has") if known else ""
        if not name:
            message, hint = "the network has inputs by name", f"write inputs: {{{known[0]}: …}}"
        elif not known:
            message, hint = "the network has one input, which has no name", "write input: {…} here"
        self.source.report("unknown-key", message, key, hint)

    def _sizes(self, input: str, node: YamlNode, names: Names) -> Sizes:
        what = f"input {quoted(input)}" if input else "input"
        sizes = self.source.mapping(node, what, _hint(node, input or "input"))
        for name, (key, _) in sizes.items():
            if name not in SIZES:
                hint = foreign.hint("sizes", name, SIZES, "")
                hint = hint if foreign.answers("sizes", name) or hint.startswith("here") else WHAT_THERE_IS
                self.source.report("unknown-key", f"{what} has no size {quoted(name)}", key, hint)
        return {name: self.reader.value(value, names, shape=frozenset()) for name, (_, value) in sizes.items()}

    def nodes(self, top: Entries) -> dict[str, tuple[YamlNode, YamlNode]]:
        """Where each input of a file is written: its name, and its sizes."""
        if "inputs" in top and isinstance(top["inputs"][1], yaml.MappingNode):
            return {key.value: (key, node) for key, node in top["inputs"][1].value}
        return {"": top["input"]} if "input" in top else {}

    def check_names(self, sections: Iterable[Entries], names: Names) -> None:
        """Refuse a name of an input that cannot be one, or that something else has which is bound from outside."""
        nodes = [item for section in sections for item in self.nodes(section).items()]
        for name, (key, _) in {name: node for name, node in reversed(nodes) if name}.items():
            self.reader.check_name(name, key, "an input")
            self.reader.tensor_names.add(name)
            if name in names and name not in self.reader.blocks:
                message = f"'{name}' is a hyperparameter or symbol and cannot name an input, too"
                self.source.report("name", message, key, f"give one of them another name, such as {name}_size")

    def check_sizes(self, spec: Spec) -> None:
        """Refuse sizes that make no input: of the file, of a model, or of an option, which the first model has."""
        first = next(iter(spec.models.values()))
        models, options = spec.models.values(), spec.options.values()
        unfit = {name for name, (_, node) in spec.input_nodes.items() if not _may_have_sizes(node)}
        for own in ((), *((each,) for each in models), *((first, each) for each in options)):
            inputs = merged_inputs(spec, *own)
            for name, (_, node) in (own[-1] if own else spec).input_nodes.items():
                sizes = inputs.get(name, {})
                problem = rank_problem(sizes)
                refused = name in unfit or not _may_have_sizes(node) or (spec.inputs and name not in spec.inputs)
                if problem and not refused and SIZES.issuperset(sizes):
                    self.source.take(problem, node)

    def outputs(self, node: YamlNode | None) -> list[Take]:
        """The tensors that come out, by their names: one, or a list."""
        if node is None:
            return []
        items = [node] if isinstance(node, yaml.ScalarNode) else self.source.sequence(node, "outputs")
        if not items and isinstance(node, yaml.SequenceNode):
            self.source.report("missing", "outputs needs the name of a tensor", node, "write save: boxes where it is")
        made: dict[str, Take] = {}
        for item in items:
            name = self.source.text(item, "an output")
            if name in made and name:
                self.source.report("name", f"outputs names {quoted(name)} twice", item, "leave one of them out")
            whole, bracket, _ = name.partition("[")
            if bracket:
                hint = f"{whole.strip()} gives each of its tensors; one of them needs a name of its own, save: y"
                self.source.report("name", f"outputs takes names, and {quoted(name)} is a place in a list", item, hint)
            made[name] = Take(item, [Tensor(item, name)])
        return [*made.values()]


def shape_names(sections: Iterable[Entries], options: Iterable[YamlNode]) -> Names:
    """What the sizes of an arriving shape are called: L and T only where an input has them."""
    entries = [(name, node) for section in sections for name, (_, node) in section.items()]
    entries += [(key.value, node) for option in options for key, node in _pairs(option)]
    inputs = [node for name, node in entries if name == "input"]
    inputs += [node for name, several in entries if name == "inputs" for _, node in _pairs(several)]
    written = {key.value for node in inputs for key, _ in _pairs(node)}
    return SHAPE_NAMES | (SHAPE_NAMES_OF_SOME & written)


def _pairs(node: YamlNode) -> list[tuple[YamlNode, YamlNode]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _may_have_sizes(node: YamlNode) -> bool:
    return isinstance(node, yaml.MappingNode) or is_null(node)


def _hint(node: YamlNode, input: str) -> str:
    """How an input is written that is no mapping, by name where it is sizes in a row."""
    if isinstance(node, yaml.MappingNode):
        return ""
    from vcalc.spec.rows import by_name

    return f"write {input}: {by_name(_digits(node))}"


def _digits(node: YamlNode) -> list[int]:
    """The whole numbers of a list or of a text such as `3x224x224`, where it holds nothing else."""
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts = [item.value for item in items]
    if not all(isinstance(text, str) and re.fullmatch(_DIGITS, text) for text in texts):
        return []
    return [int(number) for text in texts for number in re.findall("[0-9]+", text)]
