"""Damaged and hostile specs for benchmarks/fuzz.py and tests/test_fuzz.py, each drawn from a source of chance."""

from __future__ import annotations

import marshal
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 1500
"""Characters of a spec that is damaged: small ones make many cases."""

LETTERS = "{}[]()-:,#&*!|>'\"%@0123456789 \n\tabCHWND+/=<.\\~^?_\x00\x1b\x85é网\u202e\ufeff"

_WORDS = """
0 -1 1 2 3 7 64 1.5 -0.0 .5 1e3 1e308 1e400 -1e308 .nan .inf -.inf nan inf 010 0x10 0b11 1_000
9007199254740993 2001-01-01 12:30:45 true false yes no null ~ None C H W N D c n h x classes depths stride
C*H*W 4*c H//2 W%2 2**127 2**128 10**40 -2**127 1/0 0**0 1/3 C/7 9**9**9 (-8)**(1/3) [] {} [1] [1,2,3]
[[1],[2]] [[]] '' ' ' '-' '=' << = & * ! resnet50 vgg16 nonsense ../secret.yaml /etc/passwd - net.yaml:net
file:///etc/passwd $HOME __import__('os') C.__class__ lambda f'{C}' (x:=1) `id` %s {0} same p5 params flops
memory depth receptive_field lecture macs ptflops 61M 13.6GFLOP 1.9MB 4.1e9 1e999999999 0 100% torchvision
timm conv relu residual use take concat add multiply largesse ａ ﬁ é 网络 𝟙 ² 1٣
"""

SCALARS = [
    *_WORDS.split(),
    "9" * 30,
    "9" * 300,
    "9" * 5000,
    "(" * 60 + "1" + ")" * 60,
    "-" * 200 + "1",
    "+".join("C" * 200),
    "C*" * 60 + "C",
    "[" * 50 + "]" * 50,
    "x" * 61,
    "x" * 3000,
    "a\x07b",
    "\ud800",
    "max(1, 2, C, H)",
    "sum([1, 2]) + len([1])",
    "1 if C == H else 2",
    "params <= 5M",
    "flops of conv1 <= 300M under macs",
    "memory <= 20MB",
    "a*b + 25*C**2",
]

NAMES = ("C", "C", "H", "W", "c", "n", "h", "a", "b", "x", "c", "n", "c", "n", "i")
OPERATORS = ("+", "+", "-", "*", "*", "/", "//", "%", "**", "==", "<", " and ", " in ")
CALLS = ("max", "min", "sum", "len", "floor", "ceil", "round", "log", "sqrt", "abs", "open")
ALIASES = ("conv", "relu", "maxpool", "avgpool", "batchnorm", "linear", "flatten", "gelu", "layernorm", "attention")
JOINS = ("concat", "add", "multiply", "matmul", "largest")


SEEDS = (
    """title: Chain
cite: own work
input: {C: 3, H: 32, W: 32}
let: {widths: [8, 16], n: 2, classes: 10}
expect: {params: 14594}
layers:
  - each: {c: widths}
    index: i
    name: stage
    do:
      - repeat: n
        do: [conv: {out: c, kernel: 3, pad: 1, bias: false}, batchnorm, relu]
      - maxpool: {kernel: 2, stride: 2}
  - flatten
  - linear: {out: classes, name: fc}
""",
    """title: Residual
cite: own work
input: {C: 16, H: 8, W: 8}
models: {small: {c: 16}, large: {c: 4*8, title: Large}}
blocks:
  basic:
    args: {c: , stride: 1}
    do:
      - residual: [conv: {out: c, kernel: 3, stride: stride, pad: 1}, relu, conv: {out: c, kernel: 3, pad: 1}]
        shortcut:
          - if: stride != 1 or C != c
            then: [conv: {out: c, kernel: 1, stride: stride}]
      - relu
layers: [basic: {c: c}, basic: {c: 2*c, stride: 2}, global_avgpool, linear: {out: 10}]
budget: {small: [params <= 1M, memory <= 2MB]}
claims:
  - source: a paper, table 1
    models: {small: {params: 19.4K}, large: {params: 72.6K}}
    why: own work
    under: {model: large}
""",
    """title: Tokens  # vcalc: ignore[no-figure]
cite: own work
input: {C: 3, H: 32, W: 32}
let: {dim: 64, heads: 4, depth: 2, mlp: 4*dim}
layers:
  - conv: {out: dim, kernel: 8, stride: 8}
  - tokens
  - class_token
  - position_embedding
  - repeat: depth
    do:
      - residual: [layernorm, attention: {heads: heads}]
      - residual: [layernorm, linear: {out: mlp}, gelu, linear: {out: dim}]
  - take_token
  - linear: {out: 10}
""",
    """title: Pyramid
cite: own work
convention: macs
input: {C: 8, H: 16, W: 16}
expect: {depth: 3, channels of up: 8}
layers:
  - {name: down, do: [conv: {out: 8, kernel: 3, pad: 1}, save: p1, maxpool: {kernel: 2, stride: 2}]}
  - let: {k: C // 2}
  - branches: {wide: [conv: {out: k, kernel: 3, pad: 1}], narrow: [conv: {out: k, kernel: 1}]}
    join: concat
  - {name: up, do: [upsample: {scale: 2}]}
  - branches: [[], [take: p1]]
    join: add
  - save: p2
  - take: down
  - use: resnet18
    upto: stem
    with: {width: k}
  - flatten
  - branches: [[linear: {out: 10}], [take: p2, global_avgpool, linear: {out: 10}]]
    join: add
""",
    """title: Two sides
cite: own work
symbols: [a, h]
input: {C: a, H: h, W: h}
options:
  one: [conv: {out: 2*a, kernel: 5, pad: 2, bias: false}]
  two: {input: {C: 2*a, H: 7, W: h}, do: [conv: {out: 2*a, kernel: 3, pad: 1, bias: false}, relu]}
claims:
  - {source: a lecture, option: one, metric: params, printed: 50*a**2}
  - {source: a lecture, option: one, against: two, metric: params, printed: 25/18}
""",
)
"""Short specs that hold nearly every word of the language."""


@cache
def corpus() -> tuple[str, ...]:
    """The specs that are damaged: SEEDS often, what is short in the catalogue, and everything that the tests refuse."""
    found = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in _files()]
    short = [text for text in found if len(text) <= LONGEST]
    return (*short, *SEEDS * (4 * len(short) // len(SEEDS)))


def _files() -> Iterator[Path]:
    for folder in ("specs", "examples", "tests/bad"):
        yield from sorted((ROOT / folder).rglob("*.yaml"))


@cache
def trees() -> tuple[bytes, ...]:
    """The specs of the corpus that are YAML, as trees of texts; an alias would make a tree without end."""
    found = []
    for text in corpus():
        if "&" in text:
            continue
        try:
            tree = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
            found.append(marshal.dumps(tree))
        except (yaml.YAMLError, ValueError, TypeError):
            continue
    return tuple(found)


# Texts


def damaged(dice: random.Random) -> str:
    """A spec with a few characters, words or lines elsewhere."""
    text = dice.choice(corpus())
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        text = _damage(text, dice)
    return text


def _damage(text: str, dice: random.Random) -> str:
    kind, at = dice.randrange(8), dice.randrange(len(text) + 1)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text[:at] + text[at + dice.randint(1, 6) :]
    if kind == 2:
        return text[:at] + dice.choice(LETTERS) + text[at:]
    if kind == 3:
        return text[:at] + dice.choice(LETTERS) + text[at + 1 :]
    if kind == 4:
        return text[:at] + dice.choice(SCALARS) + text[at:]
    if kind == 5:
        words = [*re.finditer(r"[\w.*/+-]+", text)] or [re.match("", text)]
        word = dice.choice(words)
        return text[: word.start()] + dice.choice(SCALARS) + text[word.end() :]  # type: ignore[union-attr]
    lines = text.splitlines(keepends=True) or [""]
    line = dice.randrange(len(lines))
    return "".join([*lines[:line], dice.choice(lines), *lines[line + kind - 6 :]])


def spliced(dice: random.Random) -> str:
    """The beginning of one spec and the end of another, perhaps with a piece of bytes that are no text."""
    first, second = dice.choice(corpus()), dice.choice(corpus())
    if dice.random() < 0.7:
        a, b = first.splitlines(keepends=True), second.splitlines(keepends=True)
        return "".join(a[: dice.randint(0, len(a))] + b[dice.randint(0, len(b)) :])
    return first[: dice.randint(0, len(first))] + second[dice.randint(0, len(second)) :]


# Trees


def rearranged(dice: random.Random) -> str:
    """A spec with subtrees swapped, left out, put in twice, or taken from another one."""
    tree = marshal.loads(dice.choice(trees()))
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        spots = list(_spots(tree))
        if not spots or len(spots) > LONGEST:
            break
        holder, key = dice.choice(spots)
        kind = dice.randrange(5)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            other, place = dice.choice(spots)
            holder[key], other[place] = _copy(other[place]), _copy(holder[key])
        elif kind == 2:
            other, place = dice.choice(list(_spots(marshal.loads(dice.choice(trees())))) or spots)
            holder[key] = _copy(other[place])
        elif kind == 3 and isinstance(holder, list):
            holder[key:key] = [_copy(holder[key]) for _ in range(dice.choice((1, 2, 9)))]
        else:
            holder[key] = dice.choice(
                ([_copy(holder[key])], {"do": _copy(holder[key])}, {"repeat": "3", "do": _copy(holder[key])})
            )
    return written(tree)


def replaced(dice: random.Random) -> str:
    """A spec with hostile scalars and expressions in place of its own."""
    tree = marshal.loads(dice.choice(trees()))
    spots = [(holder, key) for holder, key in _spots(tree) if isinstance(holder[key], str)]
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        if spots:
            holder, key = dice.choice(spots)
            other, place = dice.choice(spots)
            holder[key] = dice.choice((dice.choice(SCALARS), expression(dice), str(dice.randint(0, 99)), other[place]))
    return written(tree)


def _spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a tree: the list or mapping, and the index or key."""
    stack = [tree]
    while stack:
        holder = stack.pop()
        places = holder if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for place in list(places):
            yield holder, place
            stack.append(holder[place])


def _copy(tree: Any) -> Any:
    return marshal.loads(marshal.dumps(tree))


_PLAIN = re.compile(r"[\w.*/+()<=\" -]*[\w)]", re.ASCII)


def written(tree: Any) -> str:
    """A tree as YAML: a key a line at the top, everything below in brackets."""
    if isinstance(tree, dict):
        return "".join(f"{_text(key)}: {_flow(value)}\n" for key, value in tree.items())
    return _flow(tree) + "\n"


def _flow(tree: Any) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{_text(key)}: {_flow(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_flow, tree)) + "]"
    return _text(tree)


def _text(value: Any) -> str:
    text = str(value)
    if not text:
        return text
    if _PLAIN.fullmatch(text) and text[0] not in '-*"=< ' and len(text) < 400:
        return text
    return "'" + text.replace("'", "''").replace("\n", "\n\n") + "'"


# Specs made up from nothing


def expression(dice: random.Random, depth: int = 0) -> str:
    """A text of the expression language, or close to it."""
    kind = dice.randrange(9 if depth < 2 else 3)
    if kind == 0:
        return dice.choice(NAMES)
    if kind == 1:
        return str(dice.choice((0, 1, 2, 3, 4, 7, 8, 16, 64, 0.5, 1e9, 2**60, 10**30)))
    if kind == 2:
        return dice.choice(SCALARS) if dice.random() < 0.05 else str(dice.randint(1, 30))
    inner = [expression(dice, depth + 1) for _ in range(dice.randint(1, 3))]
    if kind == 3:
        return f"{dice.choice(CALLS)}({', '.join(inner)})"
    if kind == 4:
        return f"[{', '.join(inner)}]" + dice.choice(("", "[0]", "[-1]", "[i]"))
    if kind == 5:
        return f"{inner[0]} if {inner[-1]} else {inner[0]}"
    operator = dice.choice(OPERATORS)
    return f"({inner[0]}{operator}{inner[-1]})" if kind == 6 else f"{inner[0]}{operator}{inner[-1]}"


def invented(dice: random.Random) -> str:
    """A spec of all words of the language, put together by chance."""
    spec: dict[str, Any] = {"title": "Net", "cite": "own work"}
    spec["input"] = dice.choice(
        ({"C": "3", "H": "32", "W": "32"}, {"N": "16", "D": "64"}, {"C": "3", "H": "32", "W": "32"}, {"D": "8"})
    )
    if dice.random() < 0.3:
        spec["symbols"] = ["a", "h"]
        spec["input"] = {"C": "a", "H": "32*h", "W": "32*h"}
    else:
        spec["let"] = {"a": "4", "h": "2*a" if dice.random() < 0.8 else _value(dice)}
    spec["let"] = {**spec.get("let", {}), **{name: str(dice.randint(0, 9)) for name in ("b", "c", "n", "x")}}
    if dice.random() < 0.4:
        spec["models"] = {f"m{i}": {dice.choice("bcnx"): _value(dice)} for i in range(dice.randint(1, 3))}
    if dice.random() < 0.6:
        spec["blocks"] = {"block": {"args": {"c": "", "n": "1"}, "do": _layers(dice, 1)}}
    spec[dice.choice(("layers", "layers", "layers", "options"))] = _layers(dice, 0)
    if isinstance(spec.get("options"), list):
        spec["options"] = {"one": spec["options"], "two": _layers(dice, 0)}
    if dice.random() < 0.3:
        spec["expect"] = {"params": _value(dice)}
    if dice.random() < 0.3:
        spec["budget"] = [
            dice.choice(("params <= 5M", "flops of b <= 1K under macs", "depth < 2", "width >= 1e5", "x"))
        ]
    if dice.random() < 0.5:
        spec["claims"] = [_claim(dice) for _ in range(dice.randint(1, 3))]
    return written(spec)


def _value(dice: random.Random) -> Any:
    kind = dice.randrange(40)
    if kind == 0:
        return [_value(dice) for _ in range(dice.randint(0, 4))]
    if kind < 4:
        return expression(dice)
    return dice.choice(SCALARS) if kind == 4 else str(dice.choice((1, 2, 3, 8, 16, 64, dice.randint(0, 70))))


def _layers(dice: random.Random, depth: int) -> list[Any]:
    return [_layer(dice, depth) for _ in range(dice.randint(0, 4))]


def _layer(dice: random.Random, depth: int) -> Any:
    inner: Callable[[], list[Any]] = lambda: _layers(dice, depth + 1)  # noqa: E731
    kind = dice.randrange(14 if depth < 3 else 6)
    if kind < 2:
        return {"conv": {"out": _value(dice), "kernel": dice.choice(("1", "3", _value(dice))), "pad": "1"}}
    if kind == 2:
        return {"linear": {"out": _value(dice)}}
    if kind < 5:
        return dice.choice((*ALIASES, "block", {"block": {"c": _value(dice)}}, {"maxpool": {"kernel": _value(dice)}}))
    if kind == 5:
        return dice.choice(
            ({"save": "s"}, {"take": "s"}, {"take": "b1"}, {"use": "resnet18", "upto": "stem"}, {"use": "x"})
        )
    if kind == 6:
        return {"repeat": _value(dice), "index": "i", "do": inner(), "name": dice.choice(("b", "stage"))}
    if kind == 7:
        return {"each": {"c": _value(dice), "n": _value(dice)}, "do": inner()}
    if kind == 8:
        return {"if": expression(dice), "then": inner(), "else": inner()}
    if kind == 9:
        return {"branches": [inner() for _ in range(dice.choice((1, 2, 2, 3)))], "join": dice.choice(JOINS)}
    if kind == 10:
        return {"residual": inner(), "shortcut": inner()}
    if kind == 11:
        return {"let": {dice.choice(NAMES): _value(dice)}}
    return {"name": "b", "do": inner()}


def _claim(dice: random.Random) -> dict[str, Any]:
    claim: dict[str, Any] = {"source": "a paper", "metric": dice.choice(("params", "flops", "memory", "depth", "x"))}
    claim["printed"] = dice.choice(("61M", "8", "1.5 GFLOP", "1e400", "a*b", "25*C**2", dice.choice(SCALARS)))
    for key in ("ours", "of", "kinds", "digits", "rounding", "kilo", "convention", "why", "option", "model"):
        if dice.random() < 0.1:
            claim[key] = dice.choice(("m0", "b", "conv", "2", "cut", "1024", "macs", "one", dice.choice(SCALARS)))
    for key in ("against", "under"):
        if dice.random() < 0.2:
            claim[key] = dice.choice(("m0", "vgg16", {"model": "m1"}, {"set": {"C": "7"}}, {"printed": "true"}))
    if dice.random() < 0.2:
        claim["set"] = {dice.choice(NAMES): _value(dice)}
    return claim


KINDS: dict[str, tuple[Callable[[random.Random], str], int]] = {
    "damaged text": (damaged, 30),
    "spliced texts": (spliced, 10),
    "rearranged tree": (rearranged, 20),
    "hostile values": (replaced, 20),
    "invented": (invented, 20),
}
"""Each kind of case, and how many of a hundred are of it."""


def case(dice: random.Random) -> tuple[str, str]:
    """A case: its kind, and its text."""
    names = [name for name, (_, weight) in KINDS.items() for _ in range(weight)]
    kind = dice.choice(names)
    return kind, KINDS[kind][0](dice)
