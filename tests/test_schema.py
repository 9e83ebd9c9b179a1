"""The JSON Schema takes every good spec, refuses what an editor should underline, and documents every word.

Each file is put to a small validator written here, and to jsonschema where that is installed.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from zoo import one_in

from vcalc import conventions, devices
from vcalc.analyses import figures, read_claims
from vcalc.conventions.read import parse as parse_convention
from vcalc.errors import VcalcError
from vcalc.layers import KINDS
from vcalc.reports.schema import SCHEMAS, spec_schema
from vcalc.source.read import Source, read
from vcalc.spec.beside import SPEC, kind_of, read_part
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec
from vcalc.spec.steps import JOINS, StepReader
from vcalc.spec.table import read_table
from vcalc.spec.top import TOP
from vcalc.spec.words import BLOCK, FORMS, OPTION

ROOT = Path(__file__).parent.parent
SCHEMA = spec_schema()
HEADS = ("", "title: t\ninput: {C: 3, H: 32, W: 32}\n")


# A validator of the words that the schema uses

TYPES: dict[str, Any] = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and v == v // 1,
}
ANNOTATIONS = {"$schema", "$defs", "title", "description", "markdownDescription", "default", "then", "else"}


def number(v: Any) -> bool:
    return TYPES["number"](v)


def equal(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


CHECKS: dict[str, Any] = {
    "$ref": lambda v, s, _: fits(v, SCHEMA["$defs"][s.removeprefix("#/$defs/")]),
    "type": lambda v, s, _: any(TYPES[name](v) for name in ([s] if isinstance(s, str) else s)),
    "enum": lambda v, s, _: any(equal(v, item) for item in s),
    "const": lambda v, s, _: equal(v, s),
    "not": lambda v, s, _: not fits(v, s),
    "allOf": lambda v, s, _: all(fits(v, each) for each in s),
    "anyOf": lambda v, s, _: any(fits(v, each) for each in s),
    "oneOf": lambda v, s, _: sum(fits(v, each) for each in s) == 1,
    "if": lambda v, s, whole: fits(v, whole.get("then" if fits(v, s) else "else", True)),
    "minimum": lambda v, s, _: not number(v) or v >= s,
    "exclusiveMinimum": lambda v, s, _: not number(v) or v > s,
    "maximum": lambda v, s, _: not number(v) or v <= s,
    "minLength": lambda v, s, _: not isinstance(v, str) or len(v) >= s,
    "maxLength": lambda v, s, _: not isinstance(v, str) or len(v) <= s,
    "pattern": lambda v, s, _: not isinstance(v, str) or re.search(s, v) is not None,
    "items": lambda v, s, _: not isinstance(v, list) or all(fits(item, s) for item in v),
    "minItems": lambda v, s, _: not isinstance(v, list) or len(v) >= s,
    "maxItems": lambda v, s, _: not isinstance(v, list) or len(v) <= s,
    "uniqueItems": lambda v, s, _: not s or not isinstance(v, list) or all(v.count(item) == 1 for item in v),
    "required": lambda v, s, _: not isinstance(v, dict) or set(s) <= set(v),
    "minProperties": lambda v, s, _: not isinstance(v, dict) or len(v) >= s,
    "maxProperties": lambda v, s, _: not isinstance(v, dict) or len(v) <= s,
    "propertyNames": lambda v, s, _: not isinstance(v, dict) or all(fits(key, s) for key in v),
    "properties": lambda v, s, _: not isinstance(v, dict) or all(fits(v[key], s[key]) for key in v if key in s),
    "additionalProperties": lambda v, s, whole: (
        not isinstance(v, dict) or all(fits(v[key], s) for key in v if key not in whole.get("properties", {}))
    ),
}


def fits(value: Any, schema: Any) -> bool:
    if isinstance(schema, bool):
        return schema
    assert set(schema) <= {*CHECKS, *ANNOTATIONS}, "the validator of this test does not know every word"
    return all(CHECKS[word](value, says, schema) for word, says in schema.items() if word in CHECKS)


@cache
def installed(kind: str = SPEC) -> Any:
    try:
        import jsonschema
    except ImportError:
        return None
    return jsonschema.Draft202012Validator(SCHEMAS[kind]())


def takes(text: str, kind: str = SPEC) -> bool:
    """Whether the schema takes a spec, or what stands beside one. Both validators agree."""
    value = yaml.safe_load(text)
    answer = fits(value, SCHEMA if kind == SPEC else SCHEMAS[kind]())
    if installed(kind) is not None:
        assert installed(kind).is_valid(value) is answer, text
    return answer


# Good specs


def spec_files() -> list[Path]:
    found = [*(ROOT / "specs").rglob("*.yaml"), *(ROOT / "examples").glob("*.yaml")]
    return sorted(path for path in found if not re.search("(?m)^extends:", path.read_text()))


@pytest.mark.parametrize("file", one_in(6, spec_files()), ids=lambda file: file.name)
def test_every_spec_that_comes_with_vcalc_is_taken(file):
    assert takes(file.read_text(encoding="utf-8"), kind_of(str(file)))


def texts() -> list[str]:
    """Every text in the tests and docs that may be a spec."""
    found = [
        node.value
        for file in sorted((ROOT / "tests").glob("test_*.py"))
        if file.name != Path(__file__).name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "layers:" in node.value
    ]
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        found += re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [head + text for text in found if len(text) < 20_000 for head in HEADS]


def understood(text: str) -> None:
    """Read and expand a spec, claims and all. Raises VcalcError where it is none."""
    spec = parse_spec(text, "net.yaml", "net")
    read_claims.claims_of(spec)
    for model in spec.models.values():
        for option in spec.options.values() or [None]:
            expand(spec, model, option=option)


def test_every_good_spec_of_the_tests_and_docs_is_taken():
    good = 0
    for text in dict.fromkeys(texts()):
        try:
            understood(text)
            yaml.safe_load(text)
        except (VcalcError, yaml.YAMLError, ValueError):
            continue
        good += 1
        assert takes(text), text
    assert good > 20


# What an editor should underline

MISTAKES = (
    "title: t\nlayers: [relu]",
    "input: {C: 3, H: 8, W: 8}",
    "inputs: {C: 3, H: 8, W: 8}\nlayers: [relu]",
    "title: t\ntitel: u",
    "input: {C: 3, H: 8}\nlayers: [relu]",
    "input: {C: 3, H: 8, W: 8, D: 2}\nlayers: [relu]",
    "input: {C: 0, H: 8, W: 8}\nlayers: [relu]",
    "convention: lectur",
    "symbols: [1a]",
    "models: {a: {x: 1}}\nsame_as: {timm: a}",
    "same_as: {tensorflow: a}",
    "blocks: {b: {do: [relu], arg: 1}}",
    "blocks: {b: {args: {c: 1}}}",
    "blocks: {conv: {do: [relu]}}",
    "blocks: {repeat: {do: [relu]}}",
    "blocks: {C: {do: [relu]}}",
    "let: {H: 3}",
    "let: {x: {y: 3}}",
    "let: {x: }",
    "options: {a: {doo: [relu]}}",
    "written: {torchvision: {relu: modul}}",
    "written: {torchvision: {maxpool: functional2}}",
    "claims: [{metric: params, printed: 5}]",
    "claims: [{source: s, metrik: params}]",
)
WRONG_STEPS = (
    "{maxpool: {kernal: 2}}",
    "conv",
    "{conv: }",
    "{conv: {kernel: 3}}",
    "{conv: {out: 0, kernel: 3}}",
    "{conv: {out: [1, 2], kernel: 3}}",
    "{conv: {out: 8, kernel: [3, 3, 3, 3]}}",
    "{conv: {out: 8, kernel: 3, bias: 2}}",
    "{conv: {out: 8, kernel: 3, pad: -1}}",
    "{conv: {out: 2.5, kernel: 3}}",
    "{conv: 8}",
    "{conv: {out: 8, kernel: 3}, relu: }",
    "{conv: {out: 8, kernel: 3, name: a/b}}",
    "{layernorm: {over: []}}",
    "{layernorm: {over: 1}}",
    "{softmax: {over: [C, C]}}",
    "{softmax: {over: [C, last]}}",
    "{dropout: {rate: 2}}",
    "add",
    "{add: }",
    "repeat",
    "{repeat: 2}",
    "{repeat: 2, do: [relu], time: 3}",
    "{repeat: -1, do: [relu]}",
    "{each: [1, 2], do: [relu]}",
    "{each: {}, do: [relu]}",
    "{each: {C: [1]}, do: [relu]}",
    "{if: true}",
    "{if: 3, then: [relu]}",
    "{then: [relu]}",
    "{branches: [[relu], [relu]]}",
    "{branches: [[relu]], join: add}",
    "{branches: [[relu], [relu]], join: sum}",
    "{residual: relu}",
    "{residual: [relu], short: []}",
    "{do: [relu]}",
    "{name: stem}",
    "{save: a b}",
    "{save: [a, b]}",
    "{save: 'x[1'}",
    "{save: 'x[]'}",
    "{take: {a: b}}",
    "{take: [], join: add}",
    "{take: a, join: sum}",
    "{block: {save: {a: []}}}",
    "{branches: [{tanh: }, []], join: add}",
    "{repeat: 2, do: [relu], first: relu}",
    "{each: {a: [1], '1b': [1]}, do: [relu]}",
    "{elif: true, do: [relu]}",
    "{use: block, take: {a b: c}}",
    "{let: {x: 1}, name: a}",
    "{block: {c: {d: 1}}}",
    "[relu]",
    "3",
    "{}",
)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_at_the_top_is_refused(mistake):
    sound = {"input": "{C: 3, H: 8, W: 8}", "layers": "[relu]"}
    only = mistake.partition(":")[0] in ("title", "inputs", "input")
    rest = "" if only else "".join(f"\n{key}: {value}" for key, value in sound.items())
    assert takes("input: {C: 3, H: 8, W: 8}\nlayers: [relu]")
    assert not takes(mistake + rest)


@pytest.mark.parametrize("step", WRONG_STEPS)
def test_a_mistake_in_a_layer_is_refused(step):
    """In the list itself, and deep in a block, a branch and a loop."""
    assert not takes(f"input: {{C: 3, H: 8, W: 8}}\nlayers:\n  - {step}\n")
    assert not takes(
        "input: {C: 3, H: 8, W: 8}\nlayers: [b]\nblocks:\n  b:\n    do:\n      - repeat: 2\n        do:\n"
        f"          - branches: {{a: [relu], b: [{{if: C == 3, then: [{step}]}}]}}\n            join: add\n"
    )


def test_axes_are_named_one_or_several():
    assert takes("input: {C: 3, H: 8, W: 8}\nlayers: [layernorm: {over: C}, softmax: {over: [H, W]}]")


def test_the_parser_refuses_what_the_schema_refuses():
    for step in WRONG_STEPS:
        with pytest.raises(VcalcError):
            understood(f"input: {{C: 3, H: 8, W: 8}}\nlayers:\n  - {step}\n")


@pytest.mark.parametrize("file", one_in(4, sorted((ROOT / "tests" / "bad").glob("*.yaml"))), ids=lambda file: file.stem)
def test_no_bad_spec_trips_it(file):
    """A schema cannot see every mistake; it has an answer to each file that is YAML."""
    with suppress(yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):  # not all are YAML
        takes(file.read_text(encoding="utf-8"))


# The schema follows from the code


def test_it_is_a_schema():
    if installed() is None:
        pytest.skip("jsonschema is not installed")
    installed().check_schema(SCHEMA)


def test_every_top_level_key_is_there_and_documented():
    assert list(SCHEMA["properties"]) == list(TOP.keys)
    assert set(SCHEMA["$defs"]["model"]["properties"]) < {*TOP.keys, "do"}
    for keys in (SCHEMA["properties"], SCHEMA["$defs"]["model"]["properties"]):
        assert all(len(each["description"]) > 10 for each in keys.values())


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.joins])
def test_every_layer_kind_has_its_fields_with_their_documentation(kind):
    made = SCHEMA["$defs"][f"layer_{kind}"]
    assert made["description"]
    assert KINDS[kind].source in made["markdownDescription"]
    ties = ["tied"] if KINDS[kind].ties else []
    assert list(made["properties"]) == [*KINDS[kind].fields, "name", *ties, "frozen"]
    for name, field in KINDS[kind].fields.items():
        assert field.doc in made["properties"][name]["description"]
    assert made.get("required", []) == [name for name, field in KINDS[kind].fields.items() if field.required]
    assert SCHEMA["$defs"]["item"]["properties"][kind]["description"] == made["description"]


def test_defaults_are_values_that_the_field_takes():
    for name, made in SCHEMA["$defs"].items():
        for field in made.get("properties", {}).values() if name.startswith("layer_") else ():
            if "default" in field:
                assert fits(json.loads(json.dumps(field["default"])), field), (name, field)


def test_the_joins_are_those_of_the_language():
    join = SCHEMA["$defs"]["item"]["properties"]["join"]
    *words, with_fields = join["oneOf"]
    assert tuple(each["const"] for each in words) == JOINS == tuple(with_fields["properties"])


def keys_taken(text: str) -> dict[str, tuple[str, ...]]:
    """The keys that the parser allows beside each other, by what it calls the place."""
    seen: dict[str, tuple[str, ...]] = {}

    class Spy(Source):
        def known_keys(self, entries, allowed, what, section=""):
            seen[what] = tuple(allowed)
            return super().known_keys(entries, allowed, what, section)

    source = Spy("net.yaml", text)
    _, root = read(text, "net.yaml")
    StepReader(source).step(root, frozenset())
    return seen


@pytest.mark.parametrize("word", [word for word in FORMS if word != "do"])
def test_a_forms_keys_are_those_that_the_parser_takes(word):
    inside = {
        "each": "{c: [1]}",
        "let": "{x: 1}",
        "use": "resnet50",
        "save": "a",
        "take": "a",
        "repeat": "2",
        "if": "1",
    }
    (taken,) = keys_taken(f"{word}: {inside.get(word, '[]')}").values()
    assert set(taken) == set(FORMS[word].keys)


def test_the_forms_are_told_apart_in_the_parsers_order():
    assert list(FORMS) == list(StepReader(Source("", "")).words)


def test_blocks_have_the_parsers_keys():
    for words, text in ((BLOCK, "blocks: {b: {x: 1}}"), (OPTION, "options: {b: {x: 1}}")):
        with pytest.raises(VcalcError) as caught:
            parse_spec(f"input: {{D: 1}}\nlayers: [relu]\n{text}", "net.yaml", "net")
        assert f"it has: {', '.join(sorted(words))}" in str(caught.value)


# The command


def test_the_command_prints_it(vcalc, tmp_path):
    assert json.loads(vcalc("schema").stdout) == json.loads(json.dumps(SCHEMA))
    file = tmp_path / "vcalc.schema.json"
    assert vcalc("schema", "-o", str(file)).stdout == ""
    assert json.loads(file.read_text())["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "cannot be written" in vcalc("schema", "-o", str(tmp_path / "no" / "x.json"), code=2).stderr


def test_what_stands_beside_a_spec_has_schemas_of_its_own(vcalc):
    claim = "{source: a table, metric: params, printed: 1}"
    good = {"claims": f"claims: [{claim}]", "written": "written: [{specs: [vgg], forms: {relu: functional}}]"}
    for kind, text in good.items():
        schema = json.loads(vcalc("schema", kind).stdout)
        assert schema == json.loads(json.dumps(SCHEMAS[kind]()))
        assert takes(text, kind)
        assert not takes(text, SPEC)
    assert not takes("claims: []", "claims")
    assert not takes(f"claims: [{claim}]\nlayers: [relu]", "claims")
    assert not takes("claims: [{metric: params, printed: 1}]", "claims")
    for entry in ("{forms: {relu: functional}}", "{specs: [vgg]}", "{models: [a], forms: {relu: sdpa}}", "{spec: a}"):
        assert not takes(f"written: [{entry}]", "written")


# Keys with anything under them

KEYED = {
    SPEC: """{title: t, cite: c, family: f, convention: macs, input: {C: 3, H: 8, W: 8}, let: {x: 8}, models: {a: {
  title: u, x: 16, same_as: {timm: resnet18}, aliases: [q], schedule: {steps: 5, batch: 3, set: {H: 32}, source: s},
  written: {timm: {relu: functional}}}}, written: {torchvision: {relu: functional}}, libraries: {timm: {x: 3}},
  layers: [{conv: {out: x, kernel: 3}}, relu], expect: {a: {params: 448}}, budget: {a: [params <= 5M]}}""",
    "claims": """claims:
  - {source: s, edition: e, seen: no, derived: d, model: net, metric: params, printed: 5M, of: c, kinds: [conv],
     convention: macs, set: {H: 64}, against: {model: vgg16, metric: flops, of: [a], set: {W: 3}}, rounding: cut,
     digits: 2, kilo: 1024, schedule: {images: 5, epochs: 3}, device: v100-sxm2-16gb, devices: 5, dtype: float16,
     under: {model: a, convention: macs, kinds: conv, metric: params, plus: [b], printed: yes}, ours: 5,
     proof: {printed: 5M, metric: flops, source: t}, why: because}
  - {sources: [s, t], option: x, metric: params, printed: [1, 2], against: vgg16, proof: {rows: yes}, ours: 4, guess: g}
  - {source: s, models: {a: {params: 5}}, open: yes}
  - {source: s, layers: {a: {params: 5}, b: {flops: 6}}}""",
    "written": "written: [{specs: [vgg], models: [a], forms: {relu: functional}}]",
    "convention": """{name: n, says: s, unit: MACs, source: s, version: v, called: c, aliases: [a], extends: macs,
  weights: {multiply_adds: 1, once: {bias_additions: 1}}, kinds: {"conv, linear/module": {multiply_adds: 2}},
  zero: {kinds: [relu]}, unseen: {families: [merge]}, params: {leave_out: [bias], lose: [prelu], buffers: [], says: s},
  memory: {unit: bytes, kilobyte: 1000, input: yes, leave_out: {kinds: [relu]}}, bugs: [{says: s, instead: {relu: {}}}],
  depends: [d], training: 3}""",
}
ANYTHING = (None, "", " ", "x", "5M", "true", "no", True, -1, 0, 2, 1.5, 1000, [], ["a"], [None], [[1]], {}, {"a": 1})


def changed(value: Any) -> Iterator[Any]:
    """Values with anything in place of one part, with a key that there is not, and without one of the parts."""
    yield from ANYTHING
    if isinstance(value, dict):
        yield {**value, "zzz": 1}
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        put = (lambda new: {**value, key: new}) if isinstance(value, dict) else (lambda new: [*value[:key], new])  # noqa: B023
        yield from map(put, changed(value[key]))
        yield {k: v for k, v in value.items() if k != key} if isinstance(value, dict) else value[:key]


def read_as(kind: str, text: str) -> None:
    """Read a file of a kind, what is asked later included. Raises VcalcError with what is wrong with it."""
    if kind == "convention":
        parse_convention(text, "c.yaml", conventions.load, conventions.names, True)
        return
    spec = parse_spec(text if kind == SPEC else "{input: {D: 1}, layers: [relu]}", "net.yaml", "net")
    if kind == SPEC:
        figures.expected_of(spec)
        figures.budgets_of(spec)
        spec.source.raise_problems()
        expand(spec, next(iter(spec.models.values())))
        return
    if kind == "claims":
        spec.source, spec.claims = read_part(f"{kind}/net.yaml", kind, text)
        assert read_claims.claims_in(spec), "an empty list, which vcalc check refuses"
    else:
        read_table(f"{kind}/net.yaml", text).source.raise_problems()


@pytest.mark.parametrize("start", one_in(5, [*range(5)]))
@pytest.mark.parametrize("kind", KEYED)
def test_what_the_reader_takes_an_editor_takes(kind, start):
    """Anything under any key: the schema never refuses what vcalc reads."""
    both = 0
    base = yaml.safe_load(KEYED[kind])
    for value in [*{json.dumps(each): each for each in changed(base)}.values()][start::5]:
        text = yaml.safe_dump(value, default_flow_style=True, width=10**6)
        try:
            read_as(kind, text)
        except (VcalcError, AssertionError):
            continue
        both += 1
        assert takes(text, kind), text
    assert both >= {"written": 3}.get(kind, 10)


def test_every_device_is_what_its_keys_take():
    text = Path(devices.FILE).read_text(encoding="utf-8")
    for device in yaml.safe_load(text).values():
        assert fits(device, devices.DEVICE.schema())
        assert not fits({**device, "peek": {}}, devices.DEVICE.schema())
        assert not fits({key: value for key, value in device.items() if key != "source"}, devices.DEVICE.schema())
        assert not fits({**device, "peak": {"float32": 0}}, devices.DEVICE.schema())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("peek: 3", "2:3: a device has no key 'peek'"),
        ("peak: {float31: 8}", "2:10: a name is bfloat16 or float16 or tf32 or float32 or float8, not 'float31'"),
        ("memory: 16 GB", "2:11: memory is a number above 0, not '16 GB'"),
        ("memory: 0", "2:11: memory is a number above 0, not '0'"),
        ("title: []", "2:10: title is a text, not an empty list"),
        ("", "2:3: a device needs 'source'"),
    ],
)
def test_a_wrong_device_says_where(tmp_path, monkeypatch, line, says):
    rest = [each for each in ("title: T", "unit: GPU", "peak: {float32: 8}") if each[:4] != line[:4]]
    file = tmp_path / "devices.yaml"
    file.write_text("\n  ".join(["mine:", *([line] if line else []), *rest, *(["source: me"] if line else [])]) + "\n")
    monkeypatch.setattr(devices, "FILE", str(file))
    with pytest.raises(VcalcError, match=re.escape(says)):
        devices.devices.__wrapped__()


CONVENTION = "name: mine\nsays: s\nunit: MACs\nsource: me\n"


@pytest.mark.parametrize("name", one_in(4, [*conventions.names(), "_torch"]))
def test_every_convention_that_comes_with_vcalc_is_taken(name):
    assert takes(Path(conventions.FOLDER, f"{name}.yaml").read_text(encoding="utf-8"), "convention")


@pytest.mark.parametrize(
    "line",
    [
        "wieghts: {}",
        "weights: {multiply_add: 1}",
        "weights: {multiply_adds: -1}",
        "weights: {multiply_adds: 1000000}",
        "weights: {once: {adds: 3}}",
        "kinds: {conv: {macs: 1}}",
        "kinds: []",
        "zero: {families: [pools]}",
        "unseen: {kind: [relu]}",
        "params: {leave_out: [biases]}",
        "params: {parts: {conv/modul: [weights]}}",
        "memory: {unit: byte}",
        "memory: {kilobyte: 1023}",
        "memory: {input: 1}",
        "bugs: [{says: it is wrong}]",
        "training: 10",
        "aliases: a",
        "unit: GFLOPs",
    ],
)
def test_an_editor_underlines_what_a_convention_may_not_say(line):
    """What vcalc refuses, too: tests/test_conventions.py has what it says."""
    lines = [other for other in CONVENTION.splitlines() if not other.startswith(line.split(":")[0])]
    good = "memory: {kilobyte: 1000, input: true, unit: elements}\nweights: {once: {additions: 3}, divisions: 1}"
    assert takes(f"{CONVENTION}{good}", "convention")
    assert not takes("\n".join([*lines, line]), "convention")


def test_the_page_has_the_line_for_editors():
    assert "# yaml-language-server: $schema=vcalc.schema.json" in (ROOT / "docs" / "editors.md").read_text()
