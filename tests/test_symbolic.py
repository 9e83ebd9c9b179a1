"""Closed forms: the ones that were worked out elsewhere, and every model's bound to numbers again."""

from __future__ import annotations

import pytest
import sympy

from vcalc import conventions, limits, symbols
from vcalc.analyses.cost import Costs
from vcalc.conditions import stated
from vcalc.errors import VcalcError
from vcalc.symbols import evaluate, symbol


def total(network, convention="macs"):
    costs = Costs(network.graph, conventions.load(convention))
    return costs.total(network.graph.nodes)


@pytest.mark.parametrize(
    ("name", "sizes", "macs"),
    [
        (
            "resnet152",
            {"H": "32*h", "W": "32*h", "width": "c", "classes": "K"},
            "32*K*c + 56768*c**2*h**2 + 37632*c*h**2",
        ),
        ("densenet121", {"H": "32*h", "W": "32*h", "growth": "c"}, "54112*c**2*h**2 + 75264*c*h**2 + 32000*c"),
        ("swin-t", {"H": "224*h", "W": "224*h", "classes": "K"}, "768*K + 4489798656*h**2"),
        (
            "convnext-t",
            {"H": "32*h", "W": "32*h", "dims": "[c, 2*c, 4*c, 8*c]", "classes": "K"},
            "8*K*c + 9600*c**2*h**2 + 25416*c*h**2",
        ),
    ],
)
def test_closed_forms(network, name, sizes, macs):
    ours = total(network(name, **sizes)).flops
    names = {s: symbol(s) for s in ("K", "c", "h")}
    assert sympy.expand(ours - sympy.sympify(macs, locals=names)) == 0


@pytest.mark.parametrize(
    ("name", "step", "values"),
    [
        ("resnet18", 32, (5, 7)),
        ("resnet50", 32, (3, 10)),
        ("vgg16", 32, (7, 9)),
        ("vit-b-16", 16, (14, 24)),
        ("densenet121", 32, (7, 8)),
        ("mobilenet-v2", 32, (6, 7)),
        ("efficientnet-b0", 32, (7, 8)),
        ("regnet-y-16gf", 32, (7, 9)),
        ("swin-t", 224, (1, 2)),
        ("convnext-t", 32, (7, 12)),
        ("resnet50-fpn", 32, (7, 25)),
        ("googlenet", 32, (7, 8)),
        ("nasnet-a-mobile", 32, (7, 8)),
        ("mae-vit-l-16", 16, (14, 16)),
    ],
)
def test_a_formula_bound_is_the_count(network, name, step, values):
    formula = total(network(name, H=f"{step}*h", W=f"{step}*h"), "lecture")
    for value in values:
        numeric = total(network(name, H=step * value, W=step * value), "lecture")
        assert tuple(int(evaluate(part, {"h": value})) for part in formula) == tuple(numeric)


N = symbols.symbol("n")


@pytest.mark.parametrize(
    ("written", "short"),
    [
        (sympy.floor(sympy.floor(N / 4) / 2), sympy.floor(N / 8)),
        (sympy.floor((sympy.floor((N - 1) / 2) + 1 - 1) / 2) + 1, sympy.ceiling(N / 4)),
        (sympy.ceiling(sympy.ceiling(N / 2) / 2), sympy.ceiling(N / 4)),
        (sympy.floor((N + 5) / 3), sympy.ceiling(N / 3) + 1),
        (sympy.floor(2 * sympy.floor(N / 4) / 2), sympy.floor(N / 4)),
        (3 * sympy.floor((N - 1) / 2) ** 2 + 6 * sympy.floor((N - 1) / 2) + 3, 3 * sympy.ceiling(N / 2) ** 2),
    ],
    ids=str,
)
def test_floors_in_floors_become_one(written, short):
    assert symbols.closed_form(written) == short


WRITTEN = pytest.mark.parametrize(
    "written",
    [
        sympy.floor((2 * sympy.floor(N / 3) + 1) / 4),
        sympy.floor((sympy.floor(N / 3) + sympy.floor(N / 2)) / 2),
        sympy.ceiling((sympy.floor((N + 1) / 3) - 7) / 5),
        sympy.floor((sympy.ceiling((N - 2) / 3) + 4) / 7) * sympy.ceiling(N / 5 - sympy.Rational(3, 5)),
        sympy.floor((sympy.floor(N / 3) + sympy.Rational(1, 2)) / 2),
        sympy.floor(-sympy.floor(N / 3) / 2),
    ],
    ids=str,
)


@WRITTEN
def test_a_closed_form_has_the_values_of_what_was_written(written):
    found = symbols.closed_form(written)
    assert [found.subs(N, i) for i in range(1, 80)] == [written.subs(N, i) for i in range(1, 80)]


@WRITTEN
def test_a_formula_is_within_its_bounds(written):
    for each in (written, written - N / 8, sympy.floor(N / 5) - 2 * written, written**2 - written):
        low, high = symbols.bounds_together(each)
        assert all(low <= each.subs(N, i) <= high for i in range(1, 80))


@pytest.mark.parametrize(
    ("a", "b", "smaller"),
    [
        (2 * sympy.floor(N / 16), sympy.floor(N / 8), 2 * sympy.floor(N / 16)),
        (2 * sympy.floor(N / 16 - sympy.Rational(19, 4)), sympy.floor(N / 8 - sympy.Rational(9, 2)) + 3, None),
        (sympy.ceiling(N / 4), sympy.floor(N / 4) + 1, sympy.ceiling(N / 4)),
        (sympy.ceiling(N / 4), sympy.floor(N / 4), sympy.floor(N / 4)),
    ],
    ids=str,
)
def test_the_smaller_of_two_rounded_formulas(a, b, smaller):
    found, other = symbols.minimum(a, b), symbols.maximum(a, b)
    assert found == (a if smaller is None else smaller)
    assert found + other == a + b
    assert all(found.subs(N, i) == min(a.subs(N, i), b.subs(N, i)) for i in range(1, 80))


@pytest.mark.parametrize(("name", "least"), [("unet", 188), ("unet-padded", 16)])
def test_two_open_sides_of_a_u_net(network, name, least):
    """Its smallest map has to leave something after all windows, and what is cropped is always the skip's."""
    made = network(name, H="h", W="w")
    assert stated(made.conditions) == [f"h >= {least}", f"w >= {least}"]
    formula = total(made)
    for h, w in ((least, least), (least + 15, 572), (572, least + 1), (700, 604)):
        assert tuple(int(evaluate(part, {"h": h, "w": w})) for part in formula) == tuple(total(network(name, H=h, W=w)))
    with pytest.raises(VcalcError, match="does not fit"):
        network(name, H=least - 1, W=572)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("beit-b-16", ["h >= 16", "w >= 16"]),  # so that there is a patch, and a table of 3 * 1 * 1 + 3 biases
        ("mae-vit-b-16", ["h >= 16", "w >= 16"]),  # no more patches stay than there are
        ("hybrid-r50-vit-b-16", []),  # a quarter, rounded up, and half of it, rounded up, is an eighth, rounded up
    ],
)
def test_a_condition_that_follows_from_others_is_not_said(network, name, says):
    assert stated(network(name, H="h", W="w").conditions) == says


def test_what_rounded_sizes_cost_is_told(network, monkeypatch):
    monkeypatch.setattr(limits, "OPERATIONS", 100_000)
    with pytest.raises(VcalcError) as caught:
        network("vgg11", H="h")
    assert "--set H=32*h" in caught.value.problems[0].hint


def test_batch_as_a_symbol(network):
    vgg = network("vgg11")
    costs = Costs(vgg.graph, conventions.load("macs"), batch=symbol("B"))
    assert costs.total(vgg.graph.nodes).flops == 7_609_090_048 * symbol("B")
    assert costs.total(vgg.graph.nodes).params == 132_863_336


def test_a_formula_says_where_its_symbol_has_to_be_whole(vcalc, network):
    """EfficientNet-B0's width is 1.0, B2's 1.1: at 1.1 channels are rounded to eights, which the formula knows not."""
    formula = total(network("efficientnet-b0", width="a")).params
    assert evaluate(formula, {"a": 2}) == total(network("efficientnet-b0", width=2)).params
    assert evaluate(formula, {"a": 1.1}) != total(network("efficientnet-b0", width=1.1)).params
    for model, value, says in (
        ("efficientnet-b0", "a", True),
        ("mobilenet-v1", "2*a", True),
        ("resnet50", "a", False),
        ("efficientnet-b0", "2", False),
    ):
        said = vcalc("formula", model, "--set", f"width={value}").stdout
        assert ("holds where a % 1 == 0" in said) is says


@pytest.mark.parametrize(("width", "says"), [("w/3", "w % 3 == 0"), ("w/6", "w % 6 == 0"), ("3*w/2", "w % 2 == 0")])
def test_multiples_that_divide_together_are_said_once(vcalc, width, says):
    last = vcalc("formula", "resnet50", "--set", f"width={width}").stdout.splitlines()[-1]
    assert last == f"holds where {says}"
