"""Numbers and symbols have one arithmetic: expressions and networks drawn at random, as numbers and as formulas.

A formula with numbers put in is what the numbers give, wherever the conditions of the formula hold.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vcalc import symbols
from vcalc.arithmetic import Condition, conditions
from vcalc.conditions import stated
from vcalc.errors import VcalcError
from vcalc.language import exact
from vcalc.language.expression import ExpressionError, parse
from vcalc.reports.notes import conditions_note
from vcalc.spec.find import load
from vcalc.spec.network import Network, expand
from vcalc.spec.parse import parse_spec

HOLDS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "%": lambda a, b: a % b == 0,
}


def hold(assumed: Any, sizes: dict[str, int]) -> bool:
    """Whether conditions hold for some sizes."""
    return all(bool(HOLDS[sign](symbols.evaluate(a, sizes), symbols.evaluate(b, sizes))) for sign, a, b in assumed)


def said_to_hold(assumed: tuple[Condition, ...], sizes: dict[str, int]) -> bool:
    """The same, by what a formula says of them."""
    words = {
        "ceiling": sympy.ceiling,
        "floor": sympy.floor,
        "Min": min,
        "Max": max,
        "sqrt": sympy.sqrt,
        "Mod": sympy.Mod,
    }
    numbers = {name: sympy.Integer(size) for name, size in sizes.items()}
    return all(eval(text, {"__builtins__": {}}, words | numbers) for text in stated(assumed))


# Expressions

LITERALS = st.sampled_from(["1", "2", "3", "7", "0.5", "0.1", "0.29", "0.3", "1.5", "2.25", "0.75", "4.0"])
NAMES = st.sampled_from(["n", "m"])


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    functions = st.sampled_from(["round", "round_even", "floor", "ceil", "abs", "sqrt", "-"])
    return st.one_of(
        st.builds("({} {} {})".format, inner, signs, inner),
        st.builds("{}({})".format, functions, inner),
        st.builds("({}) ** {}".format, inner, st.sampled_from(["2", "3", "-1"])),
        st.builds("log({}, {})".format, inner, st.sampled_from(["2", "10", "0.5"])),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("({} if {} {} {} else {})".format, inner, inner, st.sampled_from(["<", "==", ">="]), inner, inner),
        st.builds("sum([{}, {}])".format, inner, inner),
    )


EXPRESSIONS = st.recursive(st.one_of(LITERALS, NAMES, NAMES), _combined, max_leaves=6)
SIZES = st.fixed_dictionaries({"n": st.integers(1, 130), "m": st.integers(1, 12)})


def _number(text: str, sizes: dict[str, int]) -> Any:
    """An expression's value with numbers for names; None where it is refused."""
    try:
        return parse(text).value(sizes)
    except ExpressionError:
        return None


def _formula(text: str) -> tuple[Any, dict[Condition, None]]:
    """An expression's value with symbols for names, and its conditions; None where they leave something open."""
    with conditions() as assumed:
        try:
            return parse(text).value({name: symbols.symbol(name) for name in "nm"}), assumed
        except ExpressionError:
            return None, assumed


def _agree(text: str, sizes: dict[str, int]) -> None:
    formula, assumed = _formula(text)
    if formula is None or not hold(assumed, sizes):
        return
    found = symbols.evaluate(formula, sizes) if hasattr(formula, "free_symbols") else formula
    number = _number(text, sizes)
    if number is None:
        assert found in (sympy.nan, sympy.zoo) or not sympy.sympify(found).is_real, found
    elif isinstance(number, bool):
        assert number is found
    else:
        written = exact.of_constant(found) if hasattr(found, "free_symbols") else found
        assert exact.compared(number, written) == 0, (number, found)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EXPRESSIONS, SIZES)
def test_an_expression_of_numbers_is_its_formula_with_the_numbers_put_in(text: str, sizes: dict[str, int]):
    _agree(text, sizes)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EXPRESSIONS, SIZES)
def test_many_expressions(text: str, sizes: dict[str, int]):
    _agree(text, sizes)


@pytest.mark.parametrize(
    ("text", "n", "expected"),
    [
        ("floor(0.29*n)", 100, 29),
        ("ceil(0.1*n / 0.3)", 3, 1),
        ("floor(log(n, 10))", 1000, 3),
        ("ceil(log(n, 5))", 125, 3),
        ("round(n / 2 - 3)", 1, -3),
        ("round_even(n / 2 - 3)", 1, -2),
        ("round(-n / 2)", 5, -3),
        ("floor(sqrt(n) * sqrt(n))", 3, 3),
        ("floor(0.5 * n % 0.3 * 100)", 1, 20),
        ("(n - 10) // 3", 2, -3),
        ("(n - 10) % 3", 2, 1),
    ],
)
def test_what_differed_once(text: str, n: int, expected: int):
    assert parse(text).value({"n": n}) == expected
    assert parse(text).value({"n": symbols.symbol("n")}).subs(symbols.symbol("n"), n) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / (n - 3)", ["n - 3 != 0"]),
        ("(n - 3) ** -2", ["n - 3 != 0"]),
        ("sqrt(n - 8)", ["n >= 8"]),
        ("log(n - 8)", ["n >= 9"]),
        ("1 / (n + 3) + sqrt(n) + log(n)", []),
    ],
)
def test_an_expression_says_where_it_has_a_value(text: str, says: list[str]):
    assert stated(tuple(_formula(text)[1])) == says


# Networks

WIDTHS = st.sampled_from(
    [
        "c",
        "2*c",
        "C",
        "C + c",
        "c // 2",
        "ceil(0.29*c)",
        "round(1.5*c)",
        "round_even(c / 2)",
        "C / 2",
        "4*c",
        "8",
        "c - 1",
    ]
)


@st.composite
def windows(draw: st.DrawFn, kernels: tuple[int, ...] = (1, 2, 3, 5)) -> dict[str, Any]:
    kernel = draw(st.sampled_from(kernels))
    pad = draw(st.sampled_from([0, kernel // 2]))
    return {"kernel": kernel, "stride": draw(st.sampled_from([1, 1, 2, 3])), "pad": pad}


CONVS = st.builds(lambda out, window: {"conv": {"out": out, **window}}, WIDTHS, windows())
GATE = ["global_avgpool", {"linear": {"out": "ceil(0.3*C)"}}, {"linear": {"out": "k"}}]
KEEPING = st.sampled_from(
    [
        "relu",
        "batchnorm",
        {"conv": {"out": "C", "kernel": 3, "pad": 1}},
        {"conv": {"out": "C", "kernel": 1, "groups": 2}},
        {"conv": {"out": "C", "kernel": 3, "pad": 1, "groups": "C", "bias": False}},
        {"groupnorm": {"groups": 4}},
        {"channel_shuffle": {"groups": 2}},
        {"window_attention": {"heads": 2, "window": 3, "shift": 1}},
        {"repeat": 1, "do": [{"let": {"k": "C"}}, {"branches": [[], GATE], "join": "multiply"}]},
        {"if": "2*C > C", "then": ["silu"], "else": ["gelu"]},
        {"drop_path": {"p": "0.1 * 2 / 3"}},
    ]
)
LAYERS = st.one_of(
    CONVS,
    KEEPING,
    st.builds(lambda window: {"maxpool": window}, windows((2, 3))),
    st.builds(lambda window: {"avgpool": {**window, "ceil_mode": True}}, windows((2, 3))),
    st.sampled_from(
        [
            {"upsample": {"scale": 2}},
            {"space_to_depth": {"factor": 2}},
            {"pixel_shuffle": {"factor": [1, 2]}},
            {"crop": {"out": ["ceil(H / 2)", "W"]}},
            {"branches": [[], [{"maxpool": {"kernel": 2, "pad": 1}}]], "join": {"concat": {"fit": "crop"}}},
            {"branches": [[], [{"maxpool": {"kernel": 2, "pad": 1}}]], "join": {"concat": {"fit": "pad"}}},
            {"conv_transpose": {"out": "C", "kernel": 3, "stride": 2, "pad": "same"}},
            {"reduce_axes": {"by": "mean", "over": "channels"}},
            {"conv_transpose": {"out": "ceil(C / 3)", "kernel": 3, "stride": 2, "pad": 1, "output_pad": 1}},
            {"conv": {"out": "2*C", "kernel": 3, "stride": 2, "pad": "same"}},
            {"keep_channels": {"count": "ceil(0.7*C)"}},
        ]
    ),
)


def _with_structure(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several, some = st.lists(inner, max_size=3), st.lists(inner, min_size=1, max_size=2)
    return st.one_of(
        st.builds(lambda body: {"residual": body}, st.lists(KEEPING, min_size=1, max_size=2)),
        st.builds(lambda body: {"residual": body}, some),
        st.builds(
            lambda times, body: {"repeat": times, "do": body},
            st.integers(0, 2),
            st.lists(inner, min_size=1, max_size=2),
        ),
        st.builds(
            lambda one, other, join: {"branches": [one, other], "join": join},
            st.one_of(several, st.lists(KEEPING, max_size=2)),
            st.one_of(several, st.lists(KEEPING, max_size=2)),
            st.sampled_from(["concat", "add", "mean", "multiply"]),
        ),
    )


TAILS = st.sampled_from(
    [
        [],
        ["global_avgpool", {"linear": {"out": "round(c / 3 + 1)"}}],
        ["tokens", {"attention": {"heads": 4}}, {"linear": {"out": "c"}}],
        ["tokens", "layernorm", {"split_heads": {"heads": "c"}}],
    ]
)
NETWORKS = st.builds(
    lambda first, body, tail: [{"conv": {"out": first, "kernel": 3, "pad": 1}}, *body, *tail],
    WIDTHS.filter(lambda width: "C" not in width),
    st.lists(st.recursive(LAYERS, _with_structure, max_leaves=4), min_size=1, max_size=4),
    TAILS,
)
NETWORK_SIZES = st.fixed_dictionaries(
    {"h": st.integers(1, 40), "w": st.integers(1, 40), "c": st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16, 24])}
)


def expanded(layers: list[Any], sizes: dict[str, Any], tmp_path_factory: Any) -> Network:
    file = tmp_path_factory.getbasetemp() / "drawn.yaml"
    spec = {"title": "Drawn", "cite": "own work", "input": {"C": 4, "H": 9, "W": 9}, "let": {"c": 4}, "layers": layers}
    file.write_text(json.dumps(spec))
    return expand(*load(str(file)), sizes)


def _counts(network: Network) -> list[tuple[str, Any]]:
    """Every shape, parameter, buffer and primitive of every layer."""
    found: list[tuple[str, Any]] = []
    for node in network.graph.nodes:
        facts = node.facts
        found += [(f"{node.path} size {axis}", size) for axis, size in enumerate(facts.output)]
        for what in (facts.parameters, facts.buffers, facts.work):
            found += [(f"{node.path} {role}", number) for role, number in what.items()]
    return found


def _same(layers: list[Any], sizes: dict[str, int], tmp_path_factory: Any) -> None:
    try:
        formulas = expanded(layers, {"H": "h", "W": "w", "c": "c"}, tmp_path_factory)
    except VcalcError:
        return
    holds = hold(formulas.conditions, sizes)
    assert said_to_hold(formulas.conditions, sizes) is holds
    if not holds:
        return
    numbers = expanded(layers, {"H": sizes["h"], "W": sizes["w"], "c": sizes["c"]}, tmp_path_factory)
    names, counts = zip(*_counts(formulas), strict=True)
    values = (symbols.evaluate(count, sizes) for count in counts)
    assert list(zip(names, values, strict=True)) == _counts(numbers)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(NETWORKS, NETWORK_SIZES)
def test_a_network_of_numbers_is_its_formula_with_the_numbers_put_in(tmp_path_factory, layers, sizes):
    _same(layers, sizes, tmp_path_factory)


@pytest.mark.slow
@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(NETWORKS, NETWORK_SIZES)
def test_many_networks(tmp_path_factory, layers, sizes):
    _same(layers, sizes, tmp_path_factory)


# Conditions


@pytest.mark.parametrize(
    ("name", "sizes", "says"),
    [
        ("vit-b-16", {"dim": "d"}, ["d % 12 == 0"]),
        ("vit-b-16", {"dim": "12*d"}, []),
        ("inception-v3", {"H": "h", "W": "h"}, ["h >= 75"]),  # the smallest input that Keras takes, too
        ("swin-t", {"H": "h", "W": "224"}, ["h >= 4"]),
        ("resnet50", {"H": "h", "W": "w", "width": "c"}, []),
        ("densenet121", {"growth": "c"}, []),
        ("vit-b-16", {"H": "h/2", "W": "32"}, ["h % 2 == 0", "h >= 32"]),
    ],
)
def test_a_formula_says_where_it_holds(network, name: str, sizes: dict[str, str], says: list[str]):
    assert stated(network(name, **sizes).conditions) == says


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("maxpool: {kernel: k, pad: 2}", ["k >= 4"]),
        ("subsample: {kernel: k}", ["k <= 8"]),
        ("groupnorm: {groups: k}", ["8 % k == 0"]),
    ],
)
def test_what_a_layer_would_refuse_is_a_condition(layer: str, says: list[str]):
    spec = parse_spec(f"symbols: [k]\ninput: {{C: 8, H: 8, W: 8}}\nlayers: [{layer}]\n", "net.yaml", "net")
    assert set(says) <= set(stated(expand(spec, spec.models["net"]).conditions))


def test_one_position_has_no_variance():
    spec = parse_spec("input: {C: 8, H: 8, W: 8}\nlayers: [instancenorm]\n", "net.yaml", "net")
    small = expand(spec, spec.models["net"], {"H": "h", "W": "w"})
    assert stated(small.conditions) == ["h*w > 1"]


def test_numbers_have_no_conditions(network):
    assert network("vit-b-16").conditions == ()


def test_conditions_are_shown(vcalc):
    assert vcalc("formula", "vit-b-16", "--set", "dim=d").stdout.endswith("\nholds where d % 12 == 0\n")
    assert "\nholds where d % 12 == 0" in vcalc("table", "vit-b-16", "--set", "dim=d").stdout
    assert json.loads(vcalc("formula", "vit-b-16", "--set", "dim=d", "--format", "json").stdout)["conditions"] == [
        "d % 12 == 0"
    ]
    assert "holds where" not in vcalc("formula", "vit-b-16", "--set", "dim=12*d").stdout


def test_twenty_conditions_are_told():
    odd = tuple(("%", symbols.symbol("c") + i, i) for i in range(2, 25))
    (note,) = conditions_note(odd, "this")
    assert note.startswith("this holds where (c + 2) % 2 == 0, ")
    assert note.endswith(", (c + 21) % 21 == 0, and 3 more")


C, G, H, W = (symbols.symbol(name) for name in "CGHW")


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (("%", 4 * C, 12), "C % 3 == 0"),
        (("%", C * H, 4), "C*H % 4 == 0"),
        (("%", C - 1, 4), "(C - 1) % 4 == 0"),
        (("%", C, 2 * G), "C % (2*G) == 0"),
        (("%", symbols.share("a") * 32, 1), "32*a % 1 == 0"),
        ((">=", (H - 1) // 2 + 1, 7), "H >= 13"),
        ((">=", H * W, 7), "H*W >= 7"),
        ((">=", 7, H), "H <= 7"),
        (("==", H, W), "H == W"),
        (("==", 64, C), "C == 64"),
        (("!=", C - 3, 0), "C - 3 != 0"),
    ],
    ids=str,
)
def test_a_condition_in_words(condition: Condition, says: str):
    assert stated((condition,)) == [says]


def test_what_another_condition_holds_in_it_is_left_out():
    assert stated((("%", C, 4), ("%", C, 6), (">=", C, 5), (">=", H, 3), (">=", H, 9))) == ["C % 12 == 0", "H >= 9"]


@pytest.mark.parametrize(
    ("a", "b", "known"),
    [
        (H, sympy.ceiling(H / 2), False),  # both are 1 where H is
        (H, sympy.floor((H - 1) / 2) + 1, False),
        (sympy.ceiling(H / 8), sympy.ceiling(H / 16), False),
        (C * H, 2 * C * H + H, False),
        (H, sympy.ceiling(W / 2), None),
        (2 * H, W, None),
        (C, 64, None),
        (H * sympy.floor(W / 2), H * W / 2 - H / 4, None),
        (2 * sympy.ceiling(H / 2), H, None),
        (H + 1, H + 1, True),
    ],
    ids=str,
)
def test_sizes_that_grow_apart_are_not_equal(a: Any, b: Any, known: bool | None):
    assert symbols.holds("==", a, b) is known


RESIDUAL = """
title: Net
cite: own work
input: {C: 8, H: 8, W: 8}
layers:
  - residual: [conv: {out: 8, kernel: 3, stride: 2, pad: 1}]
"""


@pytest.mark.parametrize("height", ["8", "9", "h", "2*h", "h + 3"])
def test_a_residual_that_matches_at_no_number_matches_with_no_symbol(vcalc, tmp_path, height: str):
    (tmp_path / "net.yaml").write_text(RESIDUAL)
    sizes = ("--set", f"H={height}", "--set", f"W={height}")
    assert "do not match" in vcalc("formula", str(tmp_path / "net.yaml"), *sizes, code=2).stderr


def test_a_residual_of_sizes_that_stay_open_says_where_they_are_equal(vcalc, tmp_path):
    body = RESIDUAL.replace("layers:", "let: {c: 8}\nlayers:")
    body = body.replace("{out: 8, kernel: 3, stride: 2, pad: 1}", "{out: c, kernel: 1}")
    (tmp_path / "net.yaml").write_text(body)
    assert vcalc("formula", str(tmp_path / "net.yaml"), "--set", "c=c").stdout.endswith("\nholds where c == 8\n")
