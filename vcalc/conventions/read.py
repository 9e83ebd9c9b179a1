"""Conventions as files: read into `Convention`, every key and value checked, every problem with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from copy import copy
from functools import cache
from typing import TYPE_CHECKING

import yaml

from vcalc.conventions.rules import NOTHING, TRAINING, UNSEEN, Bug, Convention, Memory, Params, Rule, Rules, Weights
from vcalc.errors import quoted, suggestion
from vcalc.layers import BUFFERS, KINDS, PRIMITIVES, ROLES
from vcalc.source.read import Entries, Source, YamlNode, describe, read

if TYPE_CHECKING:
    from vcalc.conventions.formulas import Formula

KEYS = (
    "name",
    "aliases",
    "extends",
    "version",
    "says",
    "unit",
    "called",
    "source",
    "weights",
    "kinds",
    "zero",
    "unseen",
    "params",
    "memory",
    "bugs",
    "depends",
    "training",
)
NEEDED = ("name", "says", "unit", "source")
UNITS = ("MACs", "FLOPs", "activations", "connections")
FAMILIES = sorted({kind.family for kind in KINDS.values()})

Load = Callable[[str], Convention]


def parse(text: str, file: str, load: Load, known: Callable[[], list[str]], complete: bool) -> Convention:
    """A file's text as a convention; `load` gives the one that it extends, `known` the names there are.

    One that is not `complete` is there to be extended only, and may say nothing of some layer kinds.
    Raises VcalcError with every problem, each with its line and column.
    """
    source, root = read(text, file, hint="a convention has at least: name, says, unit, source, and weights or kinds")
    return _Reader(source, root, load, known).convention(complete)


class _Reader:
    """One file's reading."""

    def __init__(self, source: Source, root: YamlNode, load: Load, known: Callable[[], list[str]]) -> None:
        self.source = source
        self.root = root
        self.load = load
        self.known = known

    def convention(self, complete: bool) -> Convention:
        source = self.source
        top = source.mapping(self.root, "a convention", "name: mine")
        meant = source.known_keys(top, KEYS, "a convention")
        base = self.base(top)
        for key in NEEDED:
            if key not in top and key not in meant:
                source.report("missing", f"a convention needs '{key}'", self.root)
        own: Rules = {**self.uncounted(top, "zero", NOTHING), **self.uncounted(top, "unseen", UNSEEN)}
        own.update(self.rules(top["kinds"][1], "kinds") if "kinds" in top else {})
        inherited = base.rules if base else {}
        rules = {name: rule for name, rule in inherited.items() if name.split("/")[0] not in own} | own
        default = base.default if base else None
        if "weights" in top:
            default = Rule(*self.weights(top["weights"][1], "weights"))
        convention = Convention(
            name=self.text(top, "name"),
            aliases=tuple(self.texts(top, "aliases")),
            version=self.text(top, "version"),
            says=self.text(top, "says"),
            unit=self.one_of(top, "unit", "a unit", UNITS),
            called=self.text(top, "called"),
            source=self.text(top, "source"),
            rules=rules,
            default=default,
            params=self.params(top, base),
            memory=self.memory(top, base),
            bugs=tuple(self.bugs(top)),
            depends=tuple(self.texts(top, "depends")),
            training=self.training(top, base),
        )
        if default is None and complete:
            self.check_complete(convention)
        source.raise_problems()
        return convention

    def check_complete(self, convention: Convention) -> None:
        """A layer kind that nothing is said of would count as nothing, silently."""
        missing = [
            kind
            for kind, layer in sorted(KINDS.items())
            if any(convention.rule_of(kind, form) is None for form in layer.forms or ("",))
        ]
        if missing:
            hint = "name them under kinds, zero or unseen, or give the weights of all others under weights"
            self.source.report("missing", f"nothing is said of {', '.join(missing)}", self.root, hint)

    def base(self, top: Entries) -> Convention | None:
        name = self.text(top, "extends")
        if not name:
            return None
        if name not in self.known():
            self.unknown(f"there is no convention {quoted(name)}", top["extends"][1], name, self.known())
            return None
        return self.load(name)

    # Plain values

    def text(self, entries: Entries, key: str) -> str:
        return self.source.text(entries[key][1], key) if key in entries else ""

    def texts(self, entries: Entries, key: str) -> list[str]:
        nodes = self.source.sequence(entries[key][1], key) if key in entries else []
        return [self.source.text(node, f"an item of {key}") for node in nodes]

    def one_of(self, entries: Entries, key: str, what: str, allowed: Iterable[str]) -> str:
        text = self.source.text(entries[key][1], what) if key in entries else ""
        if text and text not in allowed:
            self.source.report("value", f"{what} is {' or '.join(allowed)}, not {quoted(text)}", entries[key][1])
        return text

    def names(self, entries: Entries, key: str, known: Collection[str]) -> set[str]:
        """The known names of a list."""
        found = set()
        for node in self.source.sequence(entries[key][1], key) if key in entries else []:
            name = self.source.text(node, f"an item of {key}")
            if name and name not in known:
                self.unknown(f"{key}: there is no {quoted(name)}", node, name, known)
            found.add(name)
        return found

    def unknown(self, message: str, node: YamlNode, name: str, known: Iterable[str]) -> None:
        """Report a name that is none of the known ones."""
        self.source.report("unknown", message, node, suggestion(name, known, "there are"))

    # Rules

    def uncounted(self, top: Entries, key: str, rule: Rule) -> Rules:
        """Kinds and whole families that bring nothing."""
        entries = self.source.mapping(top[key][1], key, f"{key}: {{kinds: [relu]}}") if key in top else {}
        self.source.known_keys(entries, ("families", "kinds"), key)
        families = self.names(entries, "families", FAMILIES)
        kinds = self.names(entries, "kinds", _kinds_and_forms())
        return dict.fromkeys((*kinds, *(kind for kind, layer in KINDS.items() if layer.family in families)), rule)

    def rules(self, node: YamlNode, what: str) -> Rules:
        """Weights by kind; a key may name several kinds, with commas, each perhaps in a form."""
        found: Rules = {}
        for key, (key_node, value) in self.source.mapping(node, what).items():
            named = [part.strip() for part in key.split(",")]
            kinds = {name.split("/")[0] for name in named} & KINDS.keys()
            rule = Rule(*self.weights(value, key, kinds))
            for name in named:
                if name not in KINDS and name not in _kinds_and_forms():
                    self.unknown(f"there is no layer kind {quoted(name)}", key_node, name, _kinds_and_forms())
                elif name in found:
                    self.source.report("duplicate", f"'{name}' stands here twice", key_node)
                found[name] = rule
        return found

    def weights(self, node: YamlNode, what: str, kinds: Collection[str] = ()) -> tuple[Weights, Weights]:
        """Weights for each image, and those that count once whatever the batch."""
        entries = self.source.mapping(node, f"the weights of {quoted(what)}", "multiply_adds: 1")
        once = entries.pop("once", None)
        of_batch = self.primitives(self.source.mapping(once[1], "once"), kinds) if once else {}
        return self.primitives(entries, kinds), of_batch

    def primitives(self, entries: Entries, kinds: Collection[str]) -> Weights:
        self.source.known_keys(entries, PRIMITIVES, "a rule")
        return {name: self.weight(name, node, kinds) for name, (_, node) in entries.items()}

    def weight(self, name: str, node: YamlNode, kinds: Collection[str]) -> int | Formula:
        """A whole number, or a formula over the fields and sizes of the layers of some kinds."""
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if text.isascii() and text.isdigit() and len(text) < 7:
            return int(text)
        if kinds and not _is_number(text):
            return self.formula(name, node, text, kinds)
        message = f"the weight of {name} is a whole number from 0 to 999,999, not {describe(node)}"
        self.source.report("type", message, node)
        return 0

    def formula(self, name: str, node: YamlNode, text: str, kinds: Collection[str]) -> int | Formula:
        from vcalc.conventions.formulas import Formula, names_for
        from vcalc.language.expression import ExpressionError, parse

        try:
            expression = parse(text)
        except ExpressionError as error:
            message = f"{name} is a weight from 0 to 999,999, or a formula: {error.problems[0].message}"
            self.source.report("type", message, node, error.problems[0].hint)
            return 0
        known = names_for(sorted(kinds))
        for unknown in sorted(expression.names.difference(known)):
            self.unknown(
                f"{name}: a formula for {' and '.join(sorted(kinds))} has no {quoted(unknown)}", node, unknown, known
            )
        return Formula(expression)

    def bugs(self, top: Entries) -> Iterable[Bug]:
        for node in self.source.sequence(top["bugs"][1], "bugs") if "bugs" in top else []:
            entries = self.source.mapping(node, "a bug", "{says: …, instead: {…}}")
            self.source.known_keys(entries, ("says", "instead"), "a bug")
            for key in ("says", "instead"):
                if key not in entries:
                    self.source.report("missing", f"a bug needs '{key}'", node)
            rules = self.rules(entries["instead"][1], "instead") if "instead" in entries else {}
            yield Bug(self.text(entries, "says"), rules)

    def training(self, top: Entries, base: Convention | None) -> int:
        """How many forward passes a step of training comes to."""
        if "training" not in top:
            return base.training if base else TRAINING
        node = top["training"][1]
        text = self.source.text(node, "training")
        if text.isascii() and text.isdigit() and len(text) == 1 and int(text) > 0:
            return int(text)
        message = f"training is a whole number of forward passes from 1 to 9, not {describe(node)}"
        self.source.report("type", message, node)
        return TRAINING

    # Parameters and memory

    def params(self, top: Entries, base: Convention | None) -> Params:
        if "params" not in top:
            return base.params_rule if base else Params()
        entries = self.source.mapping(top["params"][1], "params", "params: {leave_out: [bias]}")
        self.source.known_keys(entries, ("leave_out", "lose", "parts", "buffers", "says"), "params")
        params = Params()
        params.left_out = frozenset(self.names(entries, "leave_out", ROLES))
        params.lost = frozenset(self.names(entries, "lose", _kinds_and_forms()))
        params.parts = self.parts(entries["parts"][1]) if "parts" in entries else {}
        params.buffers = frozenset(self.names(entries, "buffers", BUFFERS))
        params.says = self.text(entries, "says")
        return params

    def parts(self, node: YamlNode) -> dict[str, tuple[str, ...]]:
        """By kind and form the primitives that count the parameters that are seen."""
        found = {}
        for name, (key, value) in self.source.mapping(node, "parts", "attention/mha: [out_parameters]").items():
            if name not in _kinds_and_forms():
                self.unknown(f"there is no layer kind {quoted(name)}", key, name, _kinds_and_forms())
            found[name] = tuple(sorted(self.names({name: (key, value)}, name, PRIMITIVES)))
        return found

    def memory(self, top: Entries, base: Convention | None) -> Memory:
        memory = copy(base.memory) if base else Memory()
        entries = self.source.mapping(top["memory"][1], "memory", "memory: {unit: bytes}") if "memory" in top else {}
        self.source.known_keys(entries, ("unit", "kilobyte", "input", "leave_out"), "memory")
        if "unit" in entries:
            memory.unit = self.one_of(entries, "unit", "the unit of memory", ("bytes", "elements"))
        if "kilobyte" in entries:
            kilobyte = self.one_of(entries, "kilobyte", "a kilobyte", ("1000", "1024"))
            memory.kilobyte = 1000 if kilobyte == "1000" else 1024
        if "input" in entries:
            memory.shows_input = self.one_of(entries, "input", "the input", ("true", "false")) == "true"
        if "leave_out" in entries:
            left_out = self.source.mapping(entries["leave_out"][1], "leave_out")
            self.source.known_keys(left_out, ("families", "kinds", "views"), "leave_out")
            memory.families_not_stored = frozenset(self.names(left_out, "families", FAMILIES))
            memory.kinds_not_stored = frozenset(self.names(left_out, "kinds", KINDS))
            memory.views_stored = self.one_of(left_out, "views", "views", ("true", "false")) != "true"
        return memory


def _is_number(text: str) -> bool:
    """Whether a text is a number, or none at all: no formula."""
    return not text or text.lstrip("+-").replace(".", "").replace("_", "").replace(",", "").isdigit()


@cache
def _kinds_and_forms() -> frozenset[str]:
    return frozenset({*KINDS, *(f"{kind}/{form}" for kind, layer in KINDS.items() for form in layer.forms)})
