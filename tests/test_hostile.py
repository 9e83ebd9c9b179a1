"""Inputs too large or too odd for a file: each ends, soon, in a network or in a VcalcError; nothing else, and no crash.

What could bring the interpreter down runs in a process of its own; everything else runs here, against the clock.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from zoo import one_in

from vcalc import conventions, limits, symbols
from vcalc.analyses.check_work import Work
from vcalc.analyses.cost import Costs
from vcalc.cli import main
from vcalc.errors import VcalcError
from vcalc.language.expression import FUNCTIONS, ExpressionError, parse
from vcalc.language.values import is_number
from vcalc.spec import find
from vcalc.spec.build import Budget
from vcalc.spec.find import load_file
from vcalc.spec.network import expand
from vcalc.spec.parse import parse_spec
from vcalc.symbols import symbol

SPECS = Path(__file__).parent.parent / "specs"
HEAD = "title: Net\ninput: {C: 64, H: 56, W: 56}\n"
SYMBOLS = "title: Net\nsymbols: [a, b, c, d, e, f, h]\ninput: {C: 3, H: 32*h, W: 32*h}\n"
SECONDS = 10
"""Of CPU time, far more than anything takes: a loaded machine fails no test."""


pytestmark = pytest.mark.cpu_seconds(6 * SECONDS)


def count(text: str) -> str:
    """What becomes of a spec: empty for networks that are expanded and counted, else the error."""
    start = time.process_time()
    try:
        spec = parse_spec(text, "net.yaml", "net")
        for option in list(spec.options.values()) or [None]:
            network = expand(spec, next(iter(spec.models.values())), {}, option)
            Costs(network.graph, conventions.load("lecture")).total(network.graph.nodes)
    except VcalcError as error:
        return str(error)
    finally:
        assert time.process_time() - start < SECONDS
    return ""


# What could crash the interpreter


@pytest.mark.parametrize(
    ("text", "says"),
    one_in(
        3,
        [
            (HEAD + "layers: " + "[" * 100_000, "nested more than 60 deep"),
            (HEAD + "layers: " + "[" * 100_000 + "]" * 100_000, "nested more than 60 deep"),
            (HEAD + "layers: " + "{a: " * 100_000, "nested more than 60 deep"),
            (HEAD + "layers:\n" + "- " * 100_000, "nested more than 60 deep"),
            (HEAD + "layers:\n" + "? " * 100_000, "nested more than 60 deep"),
            (HEAD + 'layers: [conv: {kernel: 1, out: "' + "(" * 400_000 + '"}]', "at most 500 are read"),
            (HEAD + "layers: [conv: {kernel: 1, out: " + "-" * 499 + "1}]", "nested more than 40 deep"),
            (HEAD + 'layers: [conv: {kernel: 1, out: "' + "[" * 499 + '"}]', "is not an expression"),
            (HEAD + "layers: [conv: {kernel: 1, out: x" + ".a" * 249 + "}]", "is not part of the expression language"),
        ],
    ),
    ids=["lists", "closed lists", "mappings", "items", "keys", "parentheses", "minuses", "brackets", "attributes"],
)
def test_what_nests_without_end(text: str, says: str):
    done = subprocess.run(
        [sys.executable, "-m", "vcalc", "table", "-"], input=text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: <standard input>:")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 1000


# What could take for ever, or fill the memory

STEPS = [
    ("repeat: 200000\n   do: []", "more than 200,000 steps"),
    ("repeat: 199000\n   do: []", ""),
    ("repeat: 99000\n   do: [let: {x: C + 1}]", ""),
    ("repeat: 99000\n   do: [let: {x: '[" + ", ".join(["C*C"] * 60) + "]'}]", "more than 10,000,000 operations"),
    ("repeat: 99000\n   do: [if: C == H]", "if needs 'then'"),
    ("repeat: 100001\n   do: [relu]", "more than 200,000 steps"),
    ("repeat: 101\n   do: [" + "relu, " * 999 + "relu]", "more than 100,000 layers"),
    ("repeat: 5000\n   do: [relu: {name: a}, relu: {name: a1}]", ""),
    ("repeat: 9999\n   index: i\n   do: [conv: {out: i + 1, kernel: 1}]", ""),
    ("repeat: 300\n   do: [{branches: [" + ", ".join(["[]"] * 900) + "], join: add}]", "more than 200,000 steps"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("loop", "says"), one_in(3, STEPS))
def test_loops_end(loop: str, says: str):
    found = count(f"{HEAD}layers:\n - {loop}\n")
    assert says in found
    assert bool(found) == bool(says)


def test_a_list_read_in_a_loop_is_paid_for():
    numbers = ", ".join(["1"] * 9_000)
    loop = "layers:\n - repeat: 90000\n   do: [let: {x: sum(all) + max(all)}]\n"
    assert "more than 10,000,000 operations" in count(f"{HEAD}let: {{all: [{numbers}]}}\n{loop}")


def nested(pattern: str, times: int) -> str:
    """A text put into a pattern, and that into it again."""
    text = "i + 2.5"
    for level in range(times):
        text = pattern.format(text, level)
    return text


@pytest.mark.slow
@pytest.mark.cpu_seconds(4)
@pytest.mark.parametrize(
    "text",
    one_in(
        6,
        [
            " + ".join(f"(i + 1) / (i + {level} + 2)" for level in range(3)),
            nested("(({}) ** 0.3{} + 1)", 10),
            nested("sqrt({} + {})", 15),
            nested("(({}) ** -0.3{} + log(i + 9, 7)) % 0.1 + 1", 6),
            nested("log({} + {} + 99)", 11),
            "[" + ", ".join(f"(i + {level}) ** sqrt(i + 2) ** -0.5" for level in range(11)) + "][0]",
        ],
    ),
    ids=["quotients", "powers", "roots", "remainders", "logarithms", "powers of roots"],
)
def test_numbers_of_many_digits_are_paid_for(text: str):
    """Ever new ones, in a loop: some operations take a thousand times as long as on whole numbers."""
    loop = f"layers:\n - repeat: 99000\n   index: i\n   do: [let: {{x: '{text}'}}]\n"
    assert "more than 10,000,000 operations" in count(HEAD + loop)


@pytest.mark.cpu_seconds(6)
@pytest.mark.parametrize(
    ("number", "says"),
    one_in(
        4,
        [
            (nested("(({}) ** 0.3{} + 1)", 10), "roots and logarithms more than 3 deep in one another"),
            (nested("(({}) ** 0.3{} + 1)", 3), "more than 10,000,000 operations"),
            (nested("log({} + {} + 9)", 4), "roots and logarithms more than 3 deep in one another"),
            ("sqrt(i + 2) + " + " + ".join(f"log(i + {n})" for n in range(3, 15)), "more than 10,000,000 operations"),
        ],
    ),
    ids=["deeper powers", "powers", "deeper logarithms", "a sum"],
)
def test_roots_that_meet_a_symbol_come_to_an_end(number: str, says: str):
    """SymPy works out a root in a root twice, to tell its sign."""
    loop = f"layers:\n - repeat: 99000\n   index: i\n   do: [let: {{x: '{number}', y: x * (a + x) / a}}]\n"
    assert says in count(SYMBOLS + loop)


@pytest.mark.cpu_seconds(6)
@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("{} ** 0.37 + 1", "roots and logarithms more than 3 deep"),
        ("({0} + 1) / ({0} + 2)", "more than 120 operations"),
    ],
)
def test_a_root_that_grows_line_by_line_comes_to_an_end(step: str, says: str):
    """Numbers alone are worked out; what they are written like doubles, and is refused where a symbol needs it."""
    lines = ["x0: sqrt(2)"] + [f"x{n}: '{step.format(f'x{n - 1}')}'" for n in range(1, 60)]
    numbers = "let:\n" + "".join(f"  {line}\n" for line in lines)
    assert count(HEAD + numbers + "layers: [relu]\n") == ""
    assert says in count(SYMBOLS + numbers + "layers:\n - let: {y: x59 * a}\n - relu\n")


def test_a_budget_lasts_as_long_whatever_was_worked_out_before():
    """What costs less the second time in a network costs as much in the next network."""
    expression, spent = parse("round(log(n + 1, 3) ** 0.5 * 7 / 3)"), []
    for _ in range(2):
        budget = Budget()
        for _ in range(2):
            before = budget.operations
            assert budget.value(expression, {"n": 8}) == 3
            spent.append(budget.operations - before)
    assert spent[:2] == spent[2:]
    assert spent[0] > 3 * spent[1]


def test_blocks_that_double():
    blocks = "".join(f"  b{i}: {{do: [b{i - 1}, b{i - 1}]}}\n" for i in range(1, 31))
    assert "more than 200,000 steps" in count(f"{HEAD}blocks:\n  b0: {{do: []}}\n{blocks}layers: [b30]\n")


@pytest.mark.parametrize("quoted", [False, True])
def test_lists_that_double(quoted: bool):
    quote = '"' if quoted else ""
    lists = "".join(f"  a{i}: {quote}[a{i - 1}, a{i - 1}]{quote}\n" for i in range(1, 41))
    assert "more than 10,000 items" in count(f"{HEAD}let:\n  a0: [1, 1]\n{lists}layers: [relu]\n")


def test_sizes_that_double():
    doubled = "layers:\n - repeat: 1000\n   do:\n    - {branches: [[], []], join: concat}\n"
    assert "a size of more than 128 bits" in count(HEAD + doubled)


@pytest.mark.parametrize(
    ("layers", "says"),
    one_in(
        3,
        [
            ("repeat: 99000\n   index: i\n   do: [let: {x: a*i + b}]", "more than 10,000,000 operations"),
            ("repeat: 9000\n   index: i\n   do: [conv: {out: a + i, kernel: 1}]", "more than 10,000,000 operations"),
            ("repeat: 30\n   do: [maxpool: {kernel: 3, stride: 2, pad: 1}]", ""),
            ("repeat: 1000\n   do: [conv: {out: C*a + b, kernel: 1}]", "more than 200 terms"),
            ("repeat: 90\n   do: [maxpool: {kernel: 3, stride: 2, pad: 1}]", "more than 10,000,000 operations"),
            (
                "conv: {out: (a+b+c+d+e)**3, kernel: 1}\n - conv: {out: 3, kernel: 1}",
                "a size of more than 120 operations",
            ),
            ("conv: {out: (a+b+c+d+e+f)**16, kernel: 1}", "more than 200 terms"),
            ("conv: {out: (a+b)**16 * (c+d)**16, kernel: 1}", "more than 200 terms"),
            ("conv: {out: '[(a+b+c+d)**4, (a+e+f+d)**4][0]', kernel: (a+b+c+f)**4}", "more than 200 terms"),
            ("conv: {out: ((a**16)**16)**16, kernel: 1}", "at most the 16th power"),
            ("conv: {out: (a - a + 9)**(a - a + 9**9), kernel: 1}", "more than 128 bits"),
            ("conv: {out: 9**(a - a + 9**9), kernel: 1}", "more than 128 bits"),
            ("conv: {out: (2**120*a)**16, kernel: 1}", "more than 128 bits"),
            ("conv: {out: 1 / (a - a), kernel: 1}", "divides by zero"),
            ("conv: {out: 1 / ((a + 1)**2 - a**2 - 2*a - 1), kernel: 1}", "divides by zero"),
            ("conv: {out: log(a - a), kernel: 1}", "log takes numbers above 0"),
            ("conv: {out: log(-a), kernel: 1}", "log takes numbers above 0"),
            ("conv: {out: 3*a / (2*a), kernel: 1}", "out is 1.5, not a whole number"),
            ("conv: {out: sqrt(2*a / a), kernel: 1}", "not a whole number"),
        ],
    ),
)
def test_symbols_come_to_an_end(layers: str, says: str):
    found = count(f"{SYMBOLS}layers:\n - {layers}\n")
    assert says in found
    assert bool(found) == bool(says)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "says"),
    one_in(
        3,
        [
            (HEAD + "layers:\n" + "- relu\n" * 10_000, ""),
            (HEAD + "layers: [" + "relu, " * 9_000 + "relu]\n", ""),
            (HEAD + "layers:\n- {branches: [" + "[], " * 20_000 + "[]], join: add}\n", ""),
            (HEAD + "let: {a: [" + "1, " * 40_000 + "1]}\nlayers: [relu]\n", "a list of more than 10,000 items"),
            (HEAD + "layers:\n" + "- rleu\n" * 40_000, "50 problems; the rest is not looked at"),
            ("".join(f"k{i}: 1\n" for i in range(20_000)), "50 problems; the rest is not looked at"),
            ("a: 1\n" * 20_000, "50 problems; the rest is not looked at"),
            ("[" + "!t x, " * 100_000 + "]", "50 problems; the rest is not looked at"),
            ("[" + "max(1, " * 20_000 + "]", "a spec is a mapping"),
            ("a: &a [x]\nb: [" + "*a, " * 40_000 + "]", "YAML aliases are not part"),
            ("[" + "&a x, " * 51_000 + "]", "more than 50,000 values"),
            (
                HEAD + "let:\n" + "".join(f"  n{i}: 1\n" for i in range(20_000)) + "layers: [relu]\n",
                "more than 500 names",
            ),
            (HEAD + "layers:\n" + "".join(f"- let: {{n{i}: 1}}\n" for i in range(9_000)), "more than 500 names"),
            (
                HEAD + "blocks:\n" + "".join(f"  n{i}: {{do: []}}\n" for i in range(9_000)) + "layers: []",
                "more than 500 names",
            ),
            (
                HEAD + "let:\n" + "".join(f"  n{i}: n{i + 1}\n" for i in range(400)) + "  n400: 1\nlayers: [relu]\n",
                "60 deep",
            ),
            (HEAD + "models:\n" + "".join(f"  m{i}: {{a{i}: 1}}\n" for i in range(9_000)), "more than 500 names"),
            (HEAD + "layers: [" + "a" * 400_000 + "]", "there is no layer or block 'aaa"),
            (HEAD + "layers: [relu] # " + "a" * 400_000, ""),
            (HEAD + "layers: [relu, " + "a" * 400_000 + "[0]]", "this is not YAML"),
            ("a" * 200_000 + ": [x[" + "b" * 200_000, "this is not YAML"),
            (
                HEAD + "layers:\n" + "- conv: {kernel: 1, out: 2*(3 + 4)*(5 - 4)}\n" * 5_000,
                "more than 30,000 operations in one file",
            ),
            (HEAD + "layers:\n- conv: {kernel: 1, out: " + "1+" * 50_000 + "1}", "at most 500 are read"),
        ],
    ),
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_long_files(text: str, says: str):
    found = count(text)
    assert says in found
    assert bool(found) == bool(says)
    assert len(found) < 20_000


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("conv: {out: 64, kernel: 3, groups: 10**12}", "64 does not divide into 1000000000000"),
        ("adaptive_avgpool: {out: 10**9}", ""),
    ],
)
def test_layers_with_huge_fields(layer: str, says: str):
    found = count(f"{HEAD}layers:\n- {layer}\n")
    assert says in found
    assert bool(found) == bool(says)


# Text that is no text, and files that are no specs


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"#" * (limits.FILE_BYTES + 1), "is larger than 500,000 bytes, which a spec does not need"),
        (b"layers: [\xff]", "is not text in UTF-8: byte 10 is no character"),
        (b"title: caf\xe9\n", "is not text in UTF-8: byte 11 is no character"),
        (b"\xff\xfet\x00i\x00t\x00l\x00e\x00", "is not text in UTF-8: byte 1 is no character"),
        (b"layers: [relu]\n# \x00\n", ":2:3: this is not YAML: the character '\\x00' stands in no text"),
        (b"layers: [re\x1blu]\n", ":1:12: this is not YAML: the character '\\x1b' stands in no text"),
        (b"layers: [re\x0clu]\n", "the character '\\x0c' stands in no text"),
        (b'title: "\\ud800"\n', "this is not YAML"),
        (b'title: "\\u202e"\n', "a text holds no control characters: '\\u202e'"),
        (b"PK\x03\x04" + bytes(100), "the character '\\x03' stands in no text"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
    ],
)
def test_bytes_that_are_no_spec(vcalc, tmp_path, data: bytes, says: str):
    (tmp_path / "net.yaml").write_bytes(data)
    result = vcalc("table", str(tmp_path / "net.yaml"), code=2)
    assert says in result.stderr
    assert result.stderr.replace("\n", "").isprintable()


def test_a_file_of_the_largest_size_is_read(vcalc, tmp_path):
    text = HEAD + "layers: [relu]\n"
    (tmp_path / "net.yaml").write_text(text)
    short = vcalc("table", str(tmp_path / "net.yaml")).stdout
    (tmp_path / "net.yaml").write_text(text + "#" * (limits.FILE_BYTES - len(text)))
    assert vcalc("table", str(tmp_path / "net.yaml")).stdout == short


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("\n", "\r"), ("title", "\ufefftitle"), ("Net", "Réseau 网络 🕸")])
def test_texts_of_other_editors(vcalc, tmp_path, change: tuple[str, str]):
    text = HEAD + "layers:\n  - conv: {out: 8, kernel: 3}\n"
    (tmp_path / "net.yaml").write_bytes(text.replace(*change).encode())
    assert "4,616" in vcalc("table", str(tmp_path / "net.yaml")).stdout


def test_the_caret_stands_under_the_word_after_wide_and_combining_letters():
    found = count("input: {D: 3}\nlayers: [relu: {name: 网络e\u0301}, rleu]\n")
    shown, caret = found.splitlines()[1:3]
    assert shown == "2 | layers: [relu: {name: 网络e\u0301}, rleu]"
    assert caret == " " * len("2 | layers: [relu: {name: ####e}, ") + "^~~~"


def test_names_of_other_alphabets():
    assert count("input: {D: 3}\nlet: {größe: 7, η: größe + 1}\nlayers: [linear: {out: größe * η}]\n") == ""
    assert "'ﬁlter' cannot name a hyperparameter" in count("input: {D: 3}\nlet: {ﬁlter: 7}\nlayers: [relu]\n")
    assert "could be taken for others" in count("input: {D: 3}\nlayers: [linear: {out: 2*Ｄ}]\n")


def test_lone_surrogates_from_python():
    assert "the character '\\udc80' stands in no text" in count("title: \udc80\n")


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes(vcalc, tmp_path, seed: int):
    (tmp_path / "net.yaml").write_bytes(random.Random(seed).randbytes(2000))
    assert "is not text in UTF-8" in vcalc("table", str(tmp_path / "net.yaml"), code=2).stderr


@pytest.mark.parametrize("seed", range(40))
def test_random_text(seed: int):
    dice = random.Random(seed)
    pieces = [
        "layers:",
        "input:",
        "\n",
        "  ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "conv",
        "relu",
        "C",
        "3",
        "'",
        '"',
        "&a ",
        "*a",
    ]
    assert "YAML" in count("".join(dice.choice(pieces) for _ in range(200)))


# Specs of the catalogue, damaged


def damaged(text: str, dice: random.Random) -> str:
    """The text with one character left out, put in or changed, cut off, or with one word or line in another's place."""
    at = dice.randrange(len(text))
    letter = dice.choice("{}[]()-:,#&*!|>'\"%@0123456789 \n\tabCHND+/=<.\\~^?_\x00é")
    words = [*re.finditer(r"[\w.*/+-]+", text)]
    word, other = (
        dice.choice(words),
        dice.choice([*(found[0] for found in words), "0", "-1", "1.5", "1000000", "[]", "{}"]),
    )
    lines = text.splitlines(keepends=True)
    line = dice.randrange(len(lines))
    return dice.choice(
        [
            text[:at],
            text[:at] + text[at + 1 :],
            text[:at] + letter + text[at:],
            text[:at] + letter + text[at + 1 :],
            text[: word.start()] + other + text[word.end() :],
            "".join([*lines[:line], dice.choice(lines), *lines[line + 1 :]]),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet", "vgg", "googlenet", "vit", "densenet", "swin", "blocks/basic-vs-bottleneck"]
)
def test_damaged_specs(name: str):
    text = (SPECS / f"{name}.yaml").read_text(encoding="utf-8").partition("\nclaims:")[0]
    assert count(text + "\n") == ""
    dice = random.Random(name)
    outcomes = [count(damaged(text, dice)) for _ in range(60)]
    assert any(outcomes)


# Expressions

ENVIRONMENT = {"n": 3, "x": 0.5, "c": symbol("c"), "widths": [64, 128], "yes": True, "C": 64, "H": symbol("h")}
NAMES = [*ENVIRONMENT, "unknown", "lambda", "__class__", "None"]


def value_of(text: str) -> Any:
    """The value of an expression, or None where it is refused."""
    try:
        return parse(text).value(ENVIRONMENT)
    except ExpressionError as refused:
        column = refused.column
    assert 0 <= column <= len(text)
    return None


def is_a_value(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(is_a_value, value))
    return isinstance(value, (bool, str)) or is_number(value)


def expressions() -> st.SearchStrategy[str]:
    """Texts of the language, and of what looks like it."""
    numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**140), st.floats(0, 1e18)).map(str)
    atoms = st.one_of(numbers, st.sampled_from([*NAMES, "true", "'a'", "[]", "1e400"]))

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operators = ["+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", ">=", "and", "or", "is", "@", "<<"]
        return st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from(operators), inner),
            st.builds("({} if {} else {})".format, inner, inner, inner),
            st.builds(
                "{}({})".format, st.sampled_from([*FUNCTIONS, "eval"]), st.lists(inner, max_size=3).map(", ".join)
            ),
            st.builds("[{}]".format, st.lists(inner, max_size=3).map(", ".join)),
            st.builds("{}[{}]".format, inner, inner),
            st.builds("{}{}".format, st.sampled_from(["-", "not ", "+", "~"]), inner),
        )

    return st.recursive(atoms, grow, max_leaves=12)


@given(expressions())
@settings(max_examples=250, deadline=None)
def test_an_expression_has_a_value_or_is_refused(text: str):
    value = value_of(text)
    assert value is None or is_a_value(value)
    if type(value) is int:
        assert value.bit_length() <= limits.NUMBER_BITS


@given(st.one_of(st.text(max_size=60), st.text("0123456789+-*/%()[]<>=!., CHnot", max_size=40)))
@settings(max_examples=250, deadline=None)
@example("1if C else 2")
@example("\\\n1")
@example("'\\d'")
@example("0x1for x in n")
@example("\ud800")
@example("a\x00b")
def test_any_text_has_a_value_or_is_refused(text: str):
    value = value_of(text)
    assert value is None or is_a_value(value)


@pytest.mark.parametrize("text", ["1if true else 2", "'\\d'", "0x1for", "1 if 1is 1 else 2"])
def test_pythons_warnings_are_refusals(text: str, recwarn):
    warnings.simplefilter("always")
    with pytest.raises(ExpressionError, match="is not"):
        parse(text)
    assert not recwarn.list


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch {marker}')",
        "().__class__.__base__.__subclasses__()",
        "C.__class__",
        "(lambda: open('{marker}', 'w'))()",
        "[open('{marker}', 'w') for n in widths]",
        'f\'{{open("{marker}", "w")}}\'',
        "(n := 3)",
        "open('{marker}', 'w')",
        'eval(\'open("{marker}", "w")\')',
        "'{marker}'.format()",
        "H == \"__import__('pathlib').Path('{marker}').touch()\"",
        "\"__import__('pathlib').Path('{marker}').touch()\" != c",
        "H < \"__import__('pathlib').Path('{marker}').touch()\"",
        "\"__import__('pathlib').Path('{marker}').touch()\" >= H",
        "max(c, \"__import__('pathlib').Path('{marker}').touch()\")",
        "log(c, \"__import__('pathlib').Path('{marker}').touch()\")",
        "c + \"__import__('pathlib').Path('{marker}').touch()\"",
        "c ** \"__import__('pathlib').Path('{marker}').touch()\"",
        "sum([c, \"__import__('pathlib').Path('{marker}').touch()\"])",
        "[c] == [\"__import__('pathlib').Path('{marker}').touch()\"]",
    ],
)
def test_nothing_is_evaluated_as_python(tmp_path, text: str):
    marker = tmp_path / "ran"
    assert value_of(text.format(marker=marker)) is None
    assert not marker.exists()


def test_claims_evaluate_nothing(tmp_path):
    (tmp_path / "net.yaml").write_text(
        "input: {D: 3}\nlayers: [linear: {out: 10}]\n"
        f'let: {{evil: "\'__import__(\\"pathlib\\").Path(\\"{tmp_path}/ran\\").touch()\'"}}\n'
        "claims:\n  - {source: a paper, metric: evil, printed: 10*x}\n"
    )
    CliRunner().invoke(main, ["claims", str(tmp_path / "net.yaml")])
    assert not (tmp_path / "ran").exists()


def test_a_spec_runs_and_opens_nothing(tmp_path, monkeypatch):
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    monkeypatch.chdir(tmp_path)
    found = count("input: {D: 3}\nlayers: [use: secret.yaml]\n")
    assert "a spec opens no other file" in found
    assert "hunter2" not in found
    assert "a spec opens no other file" in count("input: {D: 3}\nlayers: [use: '-']\n")


# Files of many claims, models and layers

MANY = "title: N\ncite: x\ninput: {C: 64, H: 56, W: 56}\nlet: {x: 1}\n"
DEEP = "layers:\n - repeat: 2000\n   index: i\n   do: [conv: {out: i + x, kernel: 1}]\n"
CUT = "source: s, metric: params, printed: 1K, rounding: cut"
CLAIM = "  - {{source: s, metric: {}, printed: {}, set: {{x: {}}}}}\n"


def seconds(*arguments: str) -> float:
    """How long a command takes; whatever it answers, it is no crash."""
    start = time.process_time()
    result = CliRunner().invoke(main, list(arguments))
    assert isinstance(result.exception, (SystemExit, type(None))), result.exception
    return time.process_time() - start


@pytest.mark.parametrize(
    "text",
    [
        MANY + DEEP + "claims:\n" + "".join(CLAIM.format("receptive_field", 7, 1) for _ in range(2_000)),
        MANY + DEEP + "claims:\n" + "".join(CLAIM.format("flops", 7, i) for i in range(2_000)),
        MANY + DEEP + "claims:\n" + "".join(CLAIM.format("flops", 7, 1) for _ in range(2_000)),
        MANY + "layers: [relu]\nclaims:\n" + "".join(CLAIM.format("flops", 7, 1) for _ in range(4_000)),
        MANY + DEEP + "budget:\n" + "".join(f"  - params <= {i}\n" for i in range(4_000)),
        MANY + "models:\n" + "".join(f"  m{i}: {{x: {i + 1}}}\n" for i in range(490)) + DEEP,
        MANY
        + DEEP.replace("2000", "400000 // 1000")
        + "symbols: [a, b]\nclaims:\n"
        + "".join(f"  - {{source: s, metric: flops, printed: a*b, set: {{x: a + {i}*b}}}}\n" for i in range(500)),
        MANY + DEEP + "claims:\n" + "".join(f"  - {{{CUT}, kinds: [conv], of: [conv{i}]}}\n" for i in range(1, 2_001)),
        MANY
        + DEEP
        + "claims:\n"
        + "".join(f"  - {{source: s, metric: params, printed: 1K, of: [conv{i}]}}\n" for i in range(1, 1_501))
        + f"  - {{{CUT}, ours: 2K, why: w, proof: {{rows: yes}}}}\n" * 500,
    ],
    ids=["fields", "sizes", "metrics", "questions", "budgets", "models", "formulas", "cuts", "rows"],
)
@pytest.mark.parametrize("command", ["check", "claims", "fmt"])
@pytest.mark.slow
def test_a_file_of_many_questions_ends(tmp_path, command: str, text: str):
    (tmp_path / "net.yaml").write_text(text)
    assert seconds(command, *(["--check"] if command == "fmt" else []), str(tmp_path / "net.yaml")) < SECONDS


@pytest.mark.parametrize("format_", one_in(3, ["json", "plain", "markdown"]))
def test_a_long_table_of_formulas_ends(tmp_path, format_: str):
    text = "symbols: [a, b, h]\ninput: {C: 8*a + b, H: 8*h + a, W: 8*h + b}\n"
    layers = "layers: [{repeat: 9900, do: [conv: {out: 64, kernel: 3, pad: 1}]}]\n"
    (tmp_path / "net.yaml").write_text(text + layers)
    assert seconds("table", str(tmp_path / "net.yaml"), "--format", format_) < SECONDS


def test_formulas_that_are_left_out_are_added_once_for_each_layer_unlike_the_others(monkeypatch):
    text = "symbols: [a, h]\ninput: {C: a, H: h, W: h}\n"
    spec = parse_spec(text + "layers: [{repeat: 500, do: [gelu, relu]}]\n", "net.yaml", "net")
    graph = expand(spec, spec.models["net"]).graph
    terms: list[int] = []
    monkeypatch.setattr(symbols, "added", lambda amounts: terms.append(len(amounts)) or sum(amounts))
    left_out = Costs(graph, conventions.load("lecture")).left_out(graph.nodes)
    size = symbol("a") * symbol("h") ** 2
    assert left_out == {"gelu": (500, 500 * size), "relu": (500, 500 * size)}
    assert terms == [1, 1]


def test_a_walk_through_a_network_costs_more_than_a_sum_over_it(network):
    built = network("vgg16")
    walk, sum_, again = Work(), Work(), Work()
    walk.look(built, "receptive_field")
    sum_.look(built, "flops")
    again.look(built, "flops", known=True)
    assert walk.done > sum_.done > again.done >= len(built.graph.nodes)


def test_what_a_file_may_ask_is_told(vcalc, tmp_path):
    claims = "".join(f"  - {{source: s, metric: flops, printed: 7, of: conv{i}}}\n" for i in range(1, 2_001))
    (tmp_path / "net.yaml").write_text(MANY + DEEP + "claims:\n" + claims)
    assert "look at more than 3,000,000 layers" in vcalc("claims", str(tmp_path / "net.yaml"), code=2).stderr
    assert "more together than one file may" in vcalc("check", str(tmp_path / "net.yaml"), code=1).stdout


@pytest.mark.slow
def test_networks_that_differ_everywhere_are_compared_in_time(tmp_path):
    text = "input: {C: 8, H: 8, W: 8}\nlayers:\n - repeat: 2\n   name: g\n"
    text += "   do: [tanh, {repeat: 4900, do: [OP: {name: N}]}]\n"
    (tmp_path / "old.yaml").write_text(text.replace("OP", "relu").replace("N}", "a}"))
    (tmp_path / "new.yaml").write_text(text.replace("OP", "gelu").replace("N}", "b}"))
    assert seconds("diff", str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml")) < SECONDS


def test_networks_of_too_many_layers_are_not_compared(vcalc, tmp_path):
    text = "input: {D: 3}\nlayers: [{repeat: LAYERS, do: [relu]}]\n"
    (tmp_path / "net.yaml").write_text(text.replace("LAYERS", str(limits.DIFF_LAYERS + 1)))
    (tmp_path / "most.yaml").write_text(text.replace("LAYERS", str(limits.DIFF_LAYERS)))
    net, most = str(tmp_path / "net.yaml"), str(tmp_path / "most.yaml")
    assert "at most 10,000 layers are compared" in vcalc("diff", net, most, code=2).stderr
    assert "at most 10,000 layers are compared" in vcalc("diff", most, net, code=2).stderr
    vcalc("diff", most, most)


@pytest.mark.parametrize("printed", ["false", "[1, 2]", "'a'", "a if a == 1 else 2", "1/0", "max", "a**99"])
def test_what_is_printed_of_a_formula(tmp_path, printed: str):
    text = "input: {D: a}\nsymbols: [a]\nlayers: [linear: {out: 2}]\n"
    (tmp_path / "net.yaml").write_text(text + f"claims: [{{source: x, metric: params, printed: {printed}}}]\n")
    assert seconds("claims", str(tmp_path / "net.yaml")) < SECONDS


@pytest.mark.parametrize("digits", ["9" * 5000, "²", "-1", "1.5", "0", "13", "''"])
def test_digits_that_are_no_number(vcalc, tmp_path, digits: str):
    text = LINEAR + f"claims: [{{source: x, metric: params, printed: 8, digits: {digits}}}]\n"
    (tmp_path / "net.yaml").write_text(text)
    assert "digits is " in vcalc("claims", str(tmp_path / "net.yaml"), code=2).stderr


def test_a_quotient_of_printed_figures_needs_two(vcalc, tmp_path):
    claim = "claims: [{source: x, metric: params, printed: 9, under: {printed: true}, why: y}]\n"
    (tmp_path / "net.yaml").write_text(LINEAR + claim)
    assert "say what it is to: against:" in vcalc("claims", str(tmp_path / "net.yaml"), code=2).stderr


# Which files are opened

LINEAR = "title: N\ncite: x\ninput: {D: 3}\nexpect: {params: 8}\nlayers: [linear: {out: 2}]\n"
WORDS = [
    "secret.yaml",
    "./secret.yaml",
    "../secret.yaml",
    "{folder}/secret.yaml",
    "secret.yaml:secret",
    "-",
    "link.yaml",
]
PLACES = {
    "use": "layers: [use: '{path}', linear: {{out: 2}}]",
    "use with": "let: {{net: x}}\nlayers: [use: '{path}', with: {{D: 3}}, upto: 'a']",
    "same_as": "same_as: {{torchvision: '{path}', timm: '{path}'}}",
    "aliases": "aliases: ['{path}']",
    "convention": "convention: '{path}'",
    "written": "written: {{torchvision: {{linear: '{path}'}}}}",
    "claim's model": "claims: [{{source: x, model: '{path}', metric: params, printed: 8}}]",
    "claim's models": "claims: [{{source: x, models: {{'{path}': {{params: 8}}}}}}]",
    "claim's option": "claims: [{{source: x, model: '{path}', option: a, metric: params, printed: 8}}]",
    "claim's against": "claims: [{{source: x, against: '{path}', metric: params, printed: 1}}]",
    "claim against a model": "claims: [{{source: x, against: {{model: '{path}'}}, metric: params, printed: 1}}]",
    "claim's under": "claims: [{{source: x, metric: params, printed: 1, under: {{model: '{path}'}}, why: y}}]",
    "claim's convention": "claims: [{{source: x, metric: params, convention: '{path}', printed: 8}}]",
    "claim's metric": "claims: [{{source: x, metric: '{path}', printed: 8}}]",
    "budget": "budget: ['params <= 9 under {path}']",
    "expect": "expect: {{'params under {path}': 8}}",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("word", WORDS)
def test_no_word_of_a_spec_opens_a_file(vcalc, tmp_path, monkeypatch, place: str, word: str):
    folder = tmp_path / "named"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for secret in (tmp_path / "secret.yaml", folder / "secret.yaml"):
        secret.write_text(LINEAR.replace("title: N", "title: hunter2"))
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    extra = PLACES[place].format(path=word.format(folder=tmp_path))
    (folder / "net.yaml").write_text(
        LINEAR.replace("layers: ", "# ") + extra + "\n" if "layers" in extra else LINEAR + extra
    )
    opened = opened_by(lambda: CliRunner().invoke(main, ["check", "net.yaml"]))
    assert "net.yaml" in opened
    assert not [path for path in opened if "secret" in path or "link" in path]


_opened: list[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _opened is not None and event == "open" and isinstance(arguments[0], (str, bytes)):
        _opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(_note)


def opened_by(run: Any) -> list[str]:
    """The files that are opened meanwhile; a path as it is given."""
    global _opened
    _opened = found = []
    try:
        run()
    finally:
        _opened = None
    return found


def test_a_table_of_claims_is_about_the_file_and_not_about_the_catalogue(vcalc, tmp_path):
    models = "models: {vgg16: {}, other: {}}\n"
    claims = "claims: [{source: x, models: {vgg16: {params: 8}, other: {params: 8}, vgg11: {params: 132.9M}}}]\n"
    (tmp_path / "net.yaml").write_text(LINEAR.replace("expect: {params: 8}\n", "") + models + claims)
    result = vcalc("claims", str(tmp_path / "net.yaml"), "--format", "json")
    assert [claim["exact"] for claim in json.loads(result.stdout)] == [8, 8, 132863336]


def test_a_spec_uses_a_model_of_the_catalogue_and_opens_that_alone(tmp_path, monkeypatch):
    (tmp_path / "net.yaml").write_text("title: N\ninput: {C: 3, H: 224, W: 224}\nlayers: [{use: vgg16}]\n")
    monkeypatch.setattr(find, "_parse", find._parse.__wrapped__)  # nothing has been read yet
    opened = opened_by(lambda: CliRunner().invoke(main, ["table", str(tmp_path / "net.yaml")]))
    data = [path for path in opened if path.endswith((".yaml", ".json"))]
    folders = (find.catalogue(), conventions.FOLDER, str(tmp_path))
    assert all(path.startswith(folders) for path in data)
    assert {Path(path).name for path in data if Path(path).parent == Path(find.catalogue())} == {"vgg.yaml"}


@pytest.mark.parametrize("command", [["check"], ["fmt", "--check"], ["fmt"]])
def test_a_folder_that_is_named_holds_what_is_opened(tmp_path, command: list[str]):
    inside, outside = tmp_path / "named", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "net.yaml").write_text(LINEAR)
    (outside / "secret.yaml").write_text(LINEAR.replace("title: N", "title:    hunter2"))
    before = (outside / "secret.yaml").read_bytes()
    (inside / "link.yaml").symlink_to(outside / "secret.yaml")
    (inside / "up.yaml").symlink_to("../outside/secret.yaml")
    (inside / "folder").symlink_to(outside)
    opened = opened_by(lambda: CliRunner().invoke(main, [*command, str(inside)]))
    assert not [path for path in opened if path.endswith(("secret.yaml", "link.yaml", "up.yaml"))]
    assert str(inside / "net.yaml") in opened
    assert (outside / "secret.yaml").read_bytes() == before


@pytest.mark.parametrize("name", ["../secret", "./secret.yaml", "secret.yaml", "/etc/passwd", "../_torch.yaml"])
def test_a_convention_extends_a_name_and_no_file(vcalc, tmp_path, monkeypatch, name: str):
    monkeypatch.chdir(tmp_path)
    text = "name: mine\nsays: as I count\nunit: MACs\nsource: own work\nextends: '{}'\n"
    for file in (tmp_path / "secret.yaml", tmp_path.parent / "secret"):
        file.write_text(text.format("macs").replace("mine", "hunter2"))
    (tmp_path / "mine.yaml").write_text(text.format(name))
    opened: list[str] = []
    opened += opened_by(lambda: vcalc("table", "alexnet", "--convention", "./mine.yaml", code=2))
    assert "./mine.yaml" in opened
    assert not [path for path in opened if "secret" in path or "passwd" in path]


@pytest.mark.parametrize("path", ["a\0b.yaml", "x" * 5000 + ".yaml", "net\udc80.yaml"])
def test_odd_file_names(path: str):
    with pytest.raises(VcalcError, match=re.escape("cannot be read")) as refused:
        load_file(path)
    assert str(refused.value).replace("\n", "").isprintable()


@pytest.mark.skipif(os.getuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("layers: []\n")
    path.chmod(0)
    with pytest.raises(VcalcError, match="permission denied"):
        load_file(str(path))
