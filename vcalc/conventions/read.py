"""Conventions as files: read into `Convention`, every key and value checked, every problem with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection
from copy import copy
from functools import cache
from typing import Any

import yaml

from vcalc.conventions.rules import NOTHING, TRAINING, UNSEEN, Bug, Convention, Memory, Params, Rule, Rules, Weights
from vcalc.errors import quoted, suggestion
from vcalc.layers import BUFFERS, KINDS, PRIMITIVES, ROLES
from vcalc.source.keys import (
    Key,
    Known,
    Made,
    Record,
    Schema,
    Several,
    Text,
    Type,
    Values,
    Whole,
    Word,
    YesOrNo,
    needed,
)
from vcalc.source.read import Entries, Source, YamlNode, read

Load = Callable[[str], Convention]

_LEAST = "a convention has at least: name, says, unit, source, and weights or kinds"


def parse(text: str, file: str, load: Load, known: Callable[[], list[str]], complete: bool) -> Convention:
    """A file's text as a convention; `load` gives the one that it extends, `known` the names there are.

    One that is not `complete` is there to be extended only, and may say nothing of some layer kinds.
    Raises VcalcError with every problem, each with its line and column.
    """
    source, root = read(text, file, _LEAST)
    said = CONVENTION.read(source, root)
    base = Known("convention", known).read(source, said.nodes["extends"], "extends") if said["extends"] else None
    convention = _convention(said, load(base) if base else None)
    if convention.default is None and complete:
        _check_complete(convention, source, root)
    source.raise_problems()
    return convention


def _convention(said: Values, base: Convention | None) -> Convention:
    """What a file says, over what the convention says that it extends."""
    own: Rules = {**dict.fromkeys(said["zero"], NOTHING), **dict.fromkeys(said["unseen"], UNSEEN), **said["kinds"]}
    inherited = base.rules if base else {}
    plain = ("name", "aliases", "version", "says", "unit", "called", "source", "bugs", "depends")
    return Convention(
        **{key: said[key] for key in plain},
        rules={name: rule for name, rule in inherited.items() if name.split("/")[0] not in own} | own,
        default=said["weights"] or (base.default if base else None),
        params=said["params"] or (base.params_rule if base else Params()),
        memory=_memory(said["memory"], copy(base.memory) if base else Memory()),
        training=said["training"] or (base.training if base else TRAINING),
    )


def _memory(said: Values | None, memory: Memory) -> Memory:
    """What a file says of memory, over what is said already."""
    for name, value in said.items() if said else ():
        if value is not None and name != "leave_out":
            setattr(memory, "shows_input" if name == "input" else name, value)
    if said and said["leave_out"]:
        memory.families_not_stored = frozenset(said["leave_out"]["families"])
        memory.kinds_not_stored = frozenset(said["leave_out"]["kinds"])
        memory.views_stored = not said["leave_out"]["views"]
    return memory


def _check_complete(convention: Convention, source: Source, root: YamlNode) -> None:
    """A layer kind that nothing is said of would count as nothing, silently."""
    missing = [
        kind
        for kind, layer in sorted(KINDS.items())
        if layer.composed is not True and any(convention.rule_of(kind, form) is None for form in layer.forms or ("",))
    ]
    if missing:
        hint = "name them under kinds, zero or unseen, or give the weights of all others under weights"
        source.report("missing", f"nothing is said of {', '.join(missing)}", root, hint)


@cache
def _kinds_and_forms() -> frozenset[str]:
    return frozenset({*KINDS, *(f"{kind}/{form}" for kind, layer in KINDS.items() for form in layer.forms)})


_KIND = Known("layer kind", lambda: KINDS)
_FORM = Known("layer kind", _kinds_and_forms)
_FAMILY = Known("family", lambda: {kind.family for kind in KINDS.values()})
_WEIGHT = Whole(0, 999_999)


class _Weight(Type):
    """A whole number; for layer kinds that are named also a formula over their fields and sizes."""

    def __init__(self, kinds: Collection[str] = ()) -> None:
        self.kinds = sorted(kinds)

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not self.kinds or not text.strip("+-0123456789.,_ ") or text.lower() in ("true", "false"):
            return _WEIGHT.read(source, node, f"the weight of {what}")
        return self._formula(source, node, what, text)

    def _formula(self, source: Source, node: YamlNode, what: str, text: str) -> Any:
        from vcalc.conventions.formulas import Formula, names_for
        from vcalc.language.expression import ExpressionError, parse

        try:
            expression = parse(text)
        except ExpressionError as error:
            problem = error.problems[0]
            message = f"{what} is a weight from 0 to 999,999, or a formula: {problem.message}"
            source.report("type", message, node, problem.hint)
            return None
        known = names_for(self.kinds)
        for name in sorted(expression.names.difference(known)):
            message = f"{what}: a formula for {' and '.join(self.kinds)} has no {quoted(name)}"
            source.report("unknown", message, node, suggestion(name, known, "there are"))
        return Formula(expression, source.place(node))

    def schema(self) -> Schema:
        return {"anyOf": [_WEIGHT.schema(), {"type": "string"}]} if self.kinds else _WEIGHT.schema()


class _Weights(Type):
    """Weights of primitives for each image, and under `once` those that count once whatever the batch."""

    def __init__(self, weight: Type | None = None) -> None:
        self.weight = weight or _Weight()

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        entries = source.mapping(node, f"the weights of {quoted(what)}", "multiply_adds: 1")
        once = entries.pop("once", None)
        return Rule(
            self._weights(source, entries), self._weights(source, source.mapping(once[1], "once")) if once else {}
        )

    def _weights(self, source: Source, entries: Entries) -> Weights:
        source.known_keys(entries, PRIMITIVES, "a rule", "rules")
        read = {name: self.weight.read(source, node, name) for name, (_, node) in entries.items()}
        return {name: weight for name, weight in read.items() if weight is not None}

    def schema(self) -> Schema:
        weights = {name: {"description": says, **self.weight.schema()} for name, says in PRIMITIVES.items()}
        made: Schema = {"type": ["object", "null"], "additionalProperties": False}
        return {**made, "properties": {**weights, "once": {**made, "properties": weights}}}


class _Rules(Type):
    """Weights by kind; a key may name several kinds, with commas, each perhaps in a form."""

    def read(self, source: Source, node: YamlNode, what: str) -> Any:
        found: Rules = {}
        for key, (key_node, value) in source.mapping(node, what).items():
            named = [part.strip() for part in key.split(",")]
            kinds = {name.split("/")[0] for name in named} & KINDS.keys()
            rule = _Weights(_Weight(kinds)).read(source, value, key)
            for name in named:
                if name in _kinds_and_forms() and name in found:
                    source.report("duplicate", f"'{name}' stands here twice", key_node)
                elif name not in _kinds_and_forms():
                    _FORM.unknown(source, key_node, name)
                found[name] = rule
        return found

    def schema(self) -> Schema:
        weights = _Weights(_Weight(KINDS)).schema()
        return {
            "type": ["object", "null"],
            "properties": dict.fromkeys(KINDS, weights),
            "additionalProperties": weights,
        }


def _kinds_of(what: str, kind: Known, example: str = "", more: tuple[Key, ...] = ()) -> Record:
    """Kinds and whole families."""
    keys = (
        Key("families", Several(_FAMILY), "Every kind of these families.", ()),
        Key("kinds", Several(kind), "These kinds.", ()),
    )
    return Record(what, keys + more, example=example)


def _uncounted(what: str) -> Type:
    """Kinds and whole families that bring nothing, each kind by name."""

    def kinds(said: Values) -> list[str]:
        return [*said["kinds"], *(kind for kind, layer in KINDS.items() if layer.family in said["families"])]

    return Made(_kinds_of(what, _FORM, f"{what}: {{kinds: [relu]}}"), kinds)


def _params(said: Values) -> Params:
    params = Params()
    params.left_out, params.lost, params.buffers = map(frozenset, (said["leave_out"], said["lose"], said["buffers"]))
    params.tied, params.says = said["tied"], said["says"]
    return params


_PARAMS = Record(
    "params",
    (
        Key("leave_out", Several(Known("role", lambda: ROLES)), "Roles that are no parameters to it.", ()),
        Key("lose", Several(_FORM), "Layer kinds whose parameters it does not see.", ()),
        Key("buffers", Several(Known("buffer", lambda: BUFFERS)), "Buffers that it takes for parameters.", ()),
        Key("tied", YesOrNo(), "Whether a table that two layers have counts in each of them.", False),
        Key("says", Text(), "What that comes to, in words.", ""),
    ),
    section="rules",
    example="params: {leave_out: [bias]}",
)
_VIEWS = Key("views", YesOrNo(), "Every kind that moves elements without a copy.", False)
_MEMORY = Record(
    "memory",
    (
        Key("unit", Word("bytes", "elements"), "The unit that it is shown in.", what="the unit of memory"),
        Key("kilobyte", Made(Word("1000", "1024"), int), "How many bytes a KB has.", what="a kilobyte"),
        Key("input", YesOrNo(), "Whether the input counts.", what="the input"),
        Key("leave_out", _kinds_of("leave_out", _KIND, more=(_VIEWS,)), "What takes no memory of its own."),
    ),
    example="memory: {unit: bytes}",
)
_BUG = Record(
    "a bug",
    (
        Key("says", Text(), "What the tool gets wrong.", ""),
        Key("instead", _Rules(), "The rules that would be right.", {}),
    ),
    needed("says", "instead"),
    example="{says: …, instead: {…}}",
)
CONVENTION = Record(
    "a convention",
    (
        Key("name", Text(), "What it is called.", ""),
        Key("says", Text(), "What it counts, in words.", ""),
        Key("unit", Word("MACs", "FLOPs", "activations", "connections"), "What it counts in.", "", "a unit"),
        Key("source", Text(), "Who counts so.", ""),
        Key("version", Text(), "Which version of that was read.", ""),
        Key("called", Text(), "The source's own word for the unit.", ""),
        Key("aliases", Several(Text()), "Other names.", ()),
        Key("extends", Text(), "A convention whose rules hold where this file has none."),
        Key("weights", _Weights(), "The weight of each primitive, for every kind that is not named."),
        Key(
            "kinds",
            _Rules(),
            "Weights for single kinds, several to a line with commas, `kind/form` for one way of calling it; weights "
            "under `once` count once for a batch of any size. A text in place of a weight is a formula for the count, "
            "in the language of specs, over the fields of a layer (those with a number for each axis as `kernel_t`, "
            "`kernel_h` and `kernel_w`) and its sizes: C, T, H, W, or N, D, or h, N, d, as they arrive, C_out and so "
            "on as they leave. An image has one place along T, a sequence one along T and H, and its length is W; "
            "`axes` says how many spatial axes there are.",
            {},
        ),
        Key("zero", _uncounted("zero"), "`kinds` and `families` that count nothing, on purpose.", ()),
        Key("unseen", _uncounted("unseen"), "Those that count nothing because the source does not see them.", ()),
        Key(
            "params",
            Made(_PARAMS, _params),
            "Roles to `leave_out`, kinds to `lose`, `buffers` to count, whether what is `tied` counts in each layer "
            "that has it, and what that comes to in words (`says`).",
        ),
        Key(
            "memory",
            _MEMORY,
            "`unit`, `kilobyte`, whether the `input` counts, what takes no memory: `leave_out` has `families`, "
            "`kinds`, and `views: true` for kinds that move elements without a copy.",
        ),
        Key(
            "bugs",
            Made(Several(Made(_BUG, lambda said: Bug(said["says"], said["instead"]))), tuple),
            "What a tool gets wrong (`says`), with the rules that would be right (`instead`): the output names it.",
            (),
        ),
        Key("depends", Several(Text()), "Which rules depend on how a network is written, in words.", ()),
        Key(
            "training",
            Whole(1, 9, "forward passes"),
            "How many forward passes a step of training comes to; 3 if not said ([training](training.md)).",
        ),
    ),
    needed("name", "says", "unit", "source"),
    example=_LEAST,
)
"""What a file of a convention may say."""
