"""`vcalc schema`: the JSON Schemas of specs and of what stands beside them.

They are made from the layer classes and the words of the language.
What a field takes is asked of the field itself. A schema knows neither the names a file defines nor what an
expression gives, so every value may be an expression; `vcalc table` says the rest.
"""

from __future__ import annotations

from typing import Any

from vcalc import limits
from vcalc.analyses.claim_keys import CLAIM
from vcalc.analyses.figures import budget_schema, expect_schema
from vcalc.conventions.read import CONVENTION
from vcalc.language.expression import FUNCTIONS, SHAPE_NAMES
from vcalc.layers import KINDS, Layer, kinds
from vcalc.layers.axes import INPUTS, MAPS, described
from vcalc.layers.base import show
from vcalc.layers.fields import Field, FieldType, Like
from vcalc.reports.kinds import summary
from vcalc.source.keys import Schema, Several
from vcalc.spec.beside import CLAIMS, SPEC, WRITTEN
from vcalc.spec.sizes import SAYS
from vcalc.spec.steps import JOINS, LAYERS, ONLY_JOINS
from vcalc.spec.table import ENTRY
from vcalc.spec.top import MODEL, TOP
from vcalc.spec.words import BLOCK, CALL, FORMS, NAME, OPTION, TIED
from vcalc.widths import MOST_BITS, WIDE

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAME = r"^[^\W\d]\w{0,59}$"
_NAMES = r"^[^\W\d]\w{0,59}(\s*,\s*[^\W\d]\w{0,59})*$"
_BRANCHES = ("repeat", "each", "if", "elif", "take")
"""The words that stand for branches, none, one or several, in place of a list."""
_SEVERAL: Schema = {
    "items": {"type": "object"},
    "minItems": 1,
    "additionalProperties": {"type": "object"},
    "minProperties": 1,
}
_TEXT: Schema = {"type": ["string", "number"], "minLength": 1}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_SOME_TEXTS: Schema = {**_TEXTS, "minItems": 1}
_EXPRESSION: Schema = {"type": "string", "minLength": 1, "maxLength": limits.EXPRESSION_LENGTH}
_CONDITION: Schema = {**_EXPRESSION, "type": ["string", "boolean"]}


def spec_schema() -> Schema:
    """The JSON Schema of a spec file."""
    return {
        "$schema": DIALECT,
        "title": "vcalc spec",
        "description": "A vision architecture, or a comparison of blocks, for vcalc.",
        **_top(),
        "allOf": [
            {"anyOf": [_one_of("input", "inputs"), _every_model_has("input", "inputs")]},
            {"not": {"required": ["input", "inputs"]}},
            {"anyOf": [{"required": ["layers"]}, {"required": ["options"]}, _every_model_has("do")]},
        ],
        "if": {"required": ["models"]},
        "then": {"properties": dict.fromkeys(("same_as", "aliases"), False)},
        "$defs": {
            "value": _value(),
            "values": {"type": ["object", "null"], "additionalProperties": _ref("value")},
            "hyperparameters": {**_named(_ref("value")), "type": ["object", "null"]},
            "handed": _handed(),
            "place": {"type": ["string", "number"], "pattern": r"^[^/,:\s\[\]]{1,60}\s*(\[.{1,500}\])?$"},
            "tensors": {"anyOf": [_TEXT, _SOME_TEXTS]},
            "label": {"type": ["string", "number"], "pattern": r"^[^/,:\s]{1,60}$"},
            "name": {"$ref": "#/$defs/label", "description": NAME},
            "sizes": _sizes(),
            "inputs": {**_named(_ref("sizes")), "minProperties": 1, "maxProperties": limits.INPUTS},
            "outputs": {"anyOf": [_TEXT, {**_SOME_TEXTS, "uniqueItems": True}]},
            "symbols": {"type": "array", "items": {"type": "string", "pattern": _NAME}},
            "frozen": {"anyOf": [{"type": "boolean"}, _TEXTS]},
            "bits": _bits(),
            "density": {"anyOf": [_SHARE, _by_place(_SHARE)]},
            "models": _by_label(_ref("model")),
            "blocks": {**_named(_block(), *LAYERS, *FORMS), "type": ["object", "null"]},
            "options": _by_label(_option()),
            "expect": expect_schema(),
            "budget": budget_schema(),
            "claims": {"type": "array", "items": CLAIM.schema()},
            "steps": {"type": "array", "items": _ref("step")},
            "model": _model(),
            "step": {"anyOf": [_ref("word"), _ref("item")]},
            "word": _word(),
            "item": _item(),
            "call": _call(),
            **{f"layer_{kind.kind}": _layer(kind) for kind in kinds()},
        },
    }


_WIDTH: Schema = {**_EXPRESSION, "type": ["integer", "string"], "minimum": 1, "maximum": MOST_BITS}
_SHARE: Schema = {**_EXPRESSION, "type": ["number", "string"], "exclusiveMinimum": 0}


def _bits() -> Schema:
    """A width, or widths by what has them: all layers, a kind, the first or last one, a path."""
    roles = dict.fromkeys(WIDE, _WIDTH)
    of_some = {"anyOf": [_WIDTH, {**_object(roles), "minProperties": 1}]}
    return {"anyOf": [_WIDTH, {**_by_place(of_some), "properties": roles}]}


def _by_place(values: Schema) -> Schema:
    return {"type": "object", "minProperties": 1, "additionalProperties": values}


def claims_schema() -> Schema:
    """The JSON Schema of a file in `claims/`."""
    claims: Schema = {"type": "array", "items": CLAIM.schema(), "minItems": 1}
    return _part_schema(CLAIMS, "The published figures of a spec, for vcalc.", claims)


def table_schema() -> Schema:
    """The JSON Schema of a file in `written/`."""
    written = Several(ENTRY).schema()
    return _part_schema(WRITTEN, "How a library's source calls the layers of its models, for vcalc.", written)


def convention_schema() -> Schema:
    """The JSON Schema of a file of a convention."""
    head: Schema = {"$schema": DIALECT, "title": "vcalc convention", "description": "How a source counts, for vcalc."}
    return {**head, **CONVENTION.schema()}


SCHEMAS = {SPEC: spec_schema, CLAIMS: claims_schema, WRITTEN: table_schema, "convention": convention_schema}
"""By what a file holds."""


def _part_schema(key: str, says: str, schema: Schema) -> Schema:
    head: Schema = {"$schema": DIALECT, "title": f"vcalc {key}", "description": says}
    return {**head, **_object({key: _documented(schema, TOP.keys[key].doc)}, (key,))}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _documented(schema: Schema, text: str) -> Schema:
    return {"description": text, **schema} if text else schema


def _object(properties: Schema, required: tuple[str, ...] = (), null: bool = False) -> Schema:
    """A mapping with these keys and no others."""
    made: Schema = {"type": ["object", "null"] if null else "object", "properties": properties}
    return {**made, **({"required": list(required)} if required else {}), "additionalProperties": False}


def _own_name(*taken: str) -> Schema:
    """A name of the file's own: a letter, then letters, digits and _; nothing that has a meaning already."""
    return {"pattern": _NAME, "not": {"enum": sorted({*SHAPE_NAMES, *FUNCTIONS, *taken})}}


def _named(values: Schema, *taken: str) -> Schema:
    """A mapping of names of the file's own to values."""
    return {"type": "object", "propertyNames": _own_name(*taken), "additionalProperties": values}


def _top() -> Schema:
    """The keys of a file; what is read over the hyperparameters has its schema here, and so has what is asked later."""
    made = TOP.schema()
    keys = made["properties"]
    rank = [{"title": described(names), "required": list(names), "maxProperties": len(names)} for names in INPUTS]
    keys["input"] |= {"type": "object", "anyOf": rank}
    keys["inputs"] |= {"additionalProperties": {**_ref("sizes"), "type": "object", "anyOf": rank}}
    keys["crossover"] |= {"type": "string", "pattern": _NAME}
    return made


def _one_of(*keys: str) -> Schema:
    """One of some keys, and not another one beside it."""
    return {"oneOf": [{"required": [key]} for key in keys]}


def _by_label(values: Schema) -> Schema:
    return {"type": ["object", "null"], "propertyNames": _ref("label"), "additionalProperties": values}


# Values


def _value() -> Schema:
    """A number, a truth, an expression, a word, or a list of these."""
    kinds_of_value = ["number", "boolean", "string", "array"]
    return {**_EXPRESSION, "type": kinds_of_value, "items": _ref("value"), "maxItems": limits.LIST_ITEMS}


def _whole(least: int) -> Schema:
    return {**_EXPRESSION, "type": ["integer", "string"], "minimum": least}


def _sizes() -> Schema:
    return _object({name: _documented(_whole(1), text) for name, text in SAYS.items()}, null=True)


def _field(field: Field) -> Schema:
    """What a layer's field takes, with its documentation."""
    default = "" if field.required or field.default is None else f"; {show(field.default)} if not said"
    symbol = f"{field.symbol}: " if field.symbol else ""
    if field.type.names:
        text: Schema = {"type": "string", "minLength": 1, "maxLength": limits.PATTERN_LENGTH}
        return {"description": f"{symbol}{field.doc}\n\n{field.type.says}", **text}
    made = {"description": f"{symbol}{field.doc}\n\n{field.type.says}, or an expression{default}"}
    if default and not isinstance(field.default, Like):
        made["default"] = field.default
    return {**made, **_taken(field.type)}


def _taken(type_: FieldType) -> Schema:
    """What a type of field accepts, found by asking it, and expressions, which have a value only later."""

    def takes(value: Any) -> bool:
        try:
            type_.accept(value)
        except (ValueError, TypeError):
            return False
        return True

    made: Schema = {**_EXPRESSION, "type": ["string"]}
    if takes(True):
        made["type"].append("boolean")
    least = next((number for number in (-1, 0, 1, 2) if takes(number)), None)
    if least is not None:
        made["type"].append("number" if takes(0.5) else "integer")
        if least >= 0:  # below 0 nothing is the least
            made |= {"exclusiveMinimum": 0} if least and takes(least / 2) else {"minimum": least}
        if not takes(10):
            made["maximum"] = 1
    lengths = [length for length in range(1, len(MAPS[2])) if takes((2,) * length)]
    if lengths:
        made["type"].append("array")
        made |= {"items": {**_whole(least or 0)}, "minItems": lengths[0], "maxItems": lengths[-1]}
    elif takes(((1,),)):
        made["type"].append("array")
        made |= {"items": {"type": ["array", "string"], "items": _whole(0)}, "minItems": 1}
    if type_.axes:
        name = {"enum": list(type_.axes)}
        names = {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}
        return {"anyOf": [{"enum": [*type_.words, *type_.axes]}, names, made]}
    return {"anyOf": [{"enum": list(type_.words)}, made]} if type_.words else made


# Items of a list of layers


def _layer(kind: type[Layer]) -> Schema:
    """A layer kind's fields. A kind that needs none may stand without."""
    fields = {name: _field(field) for name, field in kind.fields.items()}
    required = tuple(name for name, field in kind.fields.items() if field.required)
    own = {"name": _ref("name"), **({"tied": _documented(_TEXT, TIED)} if kind.ties else {}), "frozen": _CONDITION}
    taken = _object({**fields, **own}, required, null=not required)
    if any(field.type.names for field in kind.fields.values()):
        taken["additionalProperties"] = _ref("value")
    if kind.shorthand:  # a text may stand for all fields
        taken |= {"type": ["object", "string"], "minLength": 1, "maxLength": limits.PATTERN_LENGTH}
    return {"description": summary(kind), "markdownDescription": _page(kind), **taken}


def _page(kind: type[Layer]) -> str:
    lines = [f"**{kind.kind}** {summary(kind)}", ""]
    for name, field in kind.fields.items():
        default = "required" if field.required else "" if field.default is None else f"default {show(field.default)}"
        lines.append(f"- `{name}`{f' ({default})' if default else ''}: {field.doc}")
    return "\n".join([*lines, *([""] if kind.fields else []), f"Source: {kind.source}"])


def _word() -> Schema:
    """A layer kind that needs no field, or a block's name, alone."""
    alone = [kind for kind in kinds() if not kind.joins and not any(field.required for field in kind.fields.values())]
    known: list[Schema] = [{"const": kind.kind, "description": summary(kind)} for kind in alone]
    block = _own_name(*KINDS, *_WORDS)
    return {"type": "string", "anyOf": [*known, {**block, "description": "A block of this file."}]}


_WORDS = {key for form in FORMS.values() for key in form.keys}


def _item() -> Schema:
    """A layer or a block's call with its fields, or one of the forms; the first word of a form decides which."""
    form: Schema = {
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": _own_name(*ONLY_JOINS, *_WORDS),
    }
    for word, each in reversed(FORMS.items()):
        then: Schema = {"propertyNames": {"enum": list(each.keys)}}
        if each.required:
            then["required"] = list(each.required)
        if word == "save":
            then["properties"] = {word: _ref("place")}
        if word == "take":
            then["properties"] = {word: _ref("tensors")}
        form = {"if": {"required": [word]}, "then": then, "else": form}
    properties = {name: _documented(_ref(f"layer_{name}"), summary(KINDS[name])) for name in LAYERS}
    for word, each in FORMS.items():
        for key, text in each.keys.items():
            text = f"{each.says} {text}" if key == word else properties.get(key, {}).get("description", text)
            properties[key] = {**_part(key), "description": text}
    return {"type": "object", "properties": properties, "additionalProperties": _ref("call"), **form}


def _part(key: str) -> Schema:
    """What stands under a word of a form."""
    branch = {"anyOf": [_ref("steps"), {**_ref("item"), "anyOf": [{"required": [word]} for word in _BRANCHES]}]}
    lists = {"items": branch, "anyOf": [{"minItems": 2, "minProperties": 2}, _SEVERAL]}
    named = {"propertyNames": _ref("label"), "additionalProperties": branch}
    made: dict[str, Schema] = {
        "repeat": _whole(0),
        "experts": _whole(1),
        "active": _whole(1),
        "normalized": _CONDITION,
        "each": {
            "type": "object",
            "propertyNames": {**_own_name(), "pattern": _NAMES},
            "additionalProperties": {"type": ["string", "array", "null"], "items": _ref("value")},
            "minProperties": 1,
        },
        "index": {"type": "string", **_own_name()},
        "when": _CONDITION,
        "if": _CONDITION,
        "elif": _CONDITION,
        "shared": _CONDITION,
        "frozen": {"anyOf": [_CONDITION, _SOME_TEXTS]},
        "branches": {"type": ["array", "object"], **lists, **named},
        "join": {"oneOf": [*map(_join, JOINS), {**_joins_with_fields(), "minProperties": 1, "maxProperties": 1}]},
        "let": _named(_ref("value")),
        "use": _TEXT,
        "with": _ref("values"),
        "upto": _TEXT,
        "as": _TEXT,
        "save": _ref("handed"),
        "take": _ref("handed"),
        "name": _ref("name"),
    }
    return made.get(key, _ref("steps"))


def _join(name: str) -> Schema:
    return {"const": name, "description": summary(KINDS[name])}


def _joins_with_fields() -> Schema:
    made: Schema = _object({name: _documented(_ref(f"layer_{name}"), summary(KINDS[name])) for name in JOINS}, ())
    return made


def _call() -> Schema:
    return {
        "description": "A block of this file, with its arguments.",
        "type": ["object", "null"],
        "properties": {
            word: _documented(_CONDITION if word == "frozen" else _ref("name" if word == "name" else "handed"), text)
            for word, text in CALL.items()
        },
        "additionalProperties": _ref("value"),
    }


def _handed() -> Schema:
    """Tensors that a call hands over: one name, several, or new names for them."""
    renamed: Schema = {"type": "object", "propertyNames": _ref("place"), "additionalProperties": _ref("tensors")}
    return {"anyOf": [_TEXT, _TEXTS, renamed]}


# The parts of a file


def _block() -> Schema:
    default = {**_value(), "type": [*_value()["type"], "null"]}
    parts: dict[str, Schema] = {"args": {**_named(default, *CALL), "type": ["object", "null"]}, "do": _ref("steps")}
    parts["shared"] = _CONDITION
    return _object({key: _documented(parts[key], text) for key, text in BLOCK.items()}, ("do",))


def _every_model_has(*keys: str) -> Schema:
    """In every model one of some keys, and not another one beside it."""
    models: Schema = {
        "type": "object",
        "additionalProperties": {"type": "object", **_one_of(*keys)},
        "minProperties": 1,
    }
    return {"required": ["models"], "properties": {"models": models}}


def _model() -> Schema:
    return {
        **MODEL.schema(),
        "type": ["object", "null"],
        "additionalProperties": _ref("value"),
        "not": {"type": "object", "required": ["input", "inputs"]},
    }


def _option() -> Schema:
    parts = {"input": _ref("sizes"), "inputs": _ref("inputs"), "do": _ref("steps")}
    whole = _object({key: _documented(parts[key], text) for key, text in OPTION.items()}, ("do",))
    return {**whole, "type": ["object", "array"], "items": _ref("step")}
