"""Patterns that move elements: held against element by element on numbers, and what they refuse."""

from __future__ import annotations

import json
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import vcalc
from vcalc import limits, symbols
from vcalc.arithmetic import conditions
from vcalc.errors import LayerError, VcalcError
from vcalc.graph import Facts
from vcalc.layers import KINDS
from vcalc.layers.axes import HEADS, MAP, TOKENS, VECTOR, Leading, NamedShape, rank
from vcalc.layers.places import leaves
from vcalc.layers.windows import REORDERED, SPREAD, Front, Window
from vcalc.operators.pattern import parse
from vcalc.operators.reads import read, whole
from vcalc.operators.rearrange import copies


class Letter(NamedTuple):
    """A letter, its size, and which of its places are taken; `one` of them is no axis any more."""

    name: str
    size: int
    first: int
    count: int
    one: bool


class Drawn(NamedTuple):
    """A pattern as it was made up, with what it was made of: independent of how vcalc reads it."""

    text: str
    shape: tuple[int, ...]
    sizes: dict[str, int]
    left: list[list[Letter]]
    right: list[list[tuple[str, int]]]

    @property
    def output(self) -> tuple[int, ...]:
        return tuple(prod(size for _, size in axis) for axis in self.right)

    def sources(self) -> np.ndarray:
        """The number of the element that each place of the output reads, worked out one by one."""
        made = np.empty(self.output, int)
        names = [[name for name, _ in axis] for axis in self.right]
        for place in product(*map(range, self.output)):
            values: dict[str, int] = {}
            for axis, at in enumerate(place):
                for name, size in reversed(self.right[axis]):
                    at, values[name] = divmod(at, size)
            number = 0
            for letters, size in zip(self.left, self.shape, strict=True):
                at = 0
                for letter in letters:
                    at = at * letter.size + letter.first + (0 if letter.one else values[letter.name])
                number = number * size + at
            made[place] = number
        assert len(names) == len(self.right)
        return made


NAMES = ["C", "H", "W", "N", "D", "r", "m", "c", "n", "h", "d", "p", "q", "w_2", "X"]


@st.composite
def patterns(draw: Any, shape: tuple[int, ...] | None = None, most: int = 5, arriving: int = 3) -> Drawn:
    """A pattern: axes of up to three letters, some cut, in any order and grouping, some of them new."""
    names = iter(draw(st.permutations(NAMES)))
    if shape is None:
        left = [
            [(next(names), draw(st.integers(1, 4))) for _ in range(draw(st.integers(0, 3)))]
            for _ in range(draw(st.integers(1, arriving)))
        ]
    else:
        left = [[(next(names), size) for size in draw(st.sampled_from(splits(axis)))] for axis in shape]
    letters = [[cut(draw, name, size) for name, size in axis] for axis in left]
    kept = [(letter.name, letter.count) for axis in letters for letter in axis if not letter.one]
    new = [(next(names), draw(st.integers(1, 3))) for _ in range(draw(st.integers(0, 1)))]
    new += [("3", 3)] * draw(st.integers(0, 1))
    leaving = draw(st.permutations([*kept, *new]))
    bounds = sorted(draw(st.lists(st.integers(0, len(leaving)), max_size=most - 1)))
    right = [list(leaving[a:b]) for a, b in zip([0, *bounds], [*bounds, len(leaving)], strict=True)]
    sizes = {name: size for name, size in new if not name.isdigit()}
    for axis in left:
        follows = draw(st.integers(-1, len(axis) - 1))
        sizes |= {name: size for i, (name, size) in enumerate(axis) if i != follows}
    text = f"{side([[spelt(draw, letter) for letter in axis] for axis in letters])} -> " + side(
        [[name for name, _ in axis] for axis in right]
    )
    return Drawn(text, tuple(prod(size for _, size in axis) for axis in left), sizes, letters, right)


def splits(size: int) -> list[tuple[int, ...]]:
    pairs = [(a, size // a) for a in range(1, size + 1) if size % a == 0]
    return [(size,), *pairs]


def cut(draw: Any, name: str, size: int) -> Letter:
    how = draw(st.sampled_from(("all", "all", "all", "range", "one")))
    first = draw(st.integers(0, size - 1)) if how != "all" else 0
    count = {"all": size, "one": 1, "range": draw(st.integers(1, size - first))}[how]
    return Letter(name, size, first, count, how == "one")


def spelt(draw: Any, letter: Letter) -> str:
    if letter.one:
        return f"{letter.name}[{letter.first - draw(st.sampled_from((0, letter.size)))}]"
    if letter.count == letter.size:
        return letter.name
    last = letter.first + letter.count
    end = "" if last == letter.size else last - draw(st.sampled_from((0, letter.size)))
    return f"{letter.name}[{letter.first or ''}:{end}]" if letter.first or end != "" else letter.name


def side(axes: list[list[str]]) -> str:
    return " ".join("1" if not axis else axis[0] if len(axis) == 1 else f"({' '.join(axis)})" for axis in axes)


def as_read(made: Any) -> np.ndarray:
    """The numbers of the elements that a `Read` reads, from its digits."""
    steps = [prod(made.shape[axis + 1 :]) for axis in range(len(made.shape))]
    start = sum(first * step for first, step in zip(made.firsts, steps, strict=True))
    found = np.array(start)
    for axis in made.axes:
        numbers = np.zeros(1, int)
        for digit in axis:
            step = digit.step * steps[digit.axis] if digit.axis >= 0 else 0
            numbers = (numbers[:, None] + step * np.arange(digit.size)).reshape(-1)
        found = found[..., None] + numbers
    return found


@given(patterns())
@settings(max_examples=150)
def test_the_shape_and_every_element_are_those_of_one_by_one(drawn: Drawn):
    assert parse(drawn.text).output(drawn.shape, drawn.sizes) == drawn.output
    assert (as_read(read(drawn.text, drawn.shape, drawn.sizes)) == drawn.sources()).all()


@given(patterns())
@settings(max_examples=150)
def test_the_simplest_form_reads_the_same(drawn: Drawn):
    made = read(drawn.text, drawn.shape, drawn.sizes)
    simplest = made.pattern()
    assert simplest is not None
    assert read(simplest[0], drawn.shape, simplest[1]) == made
    assert len(parse(simplest[0]).letters) <= len(parse(drawn.text).letters)
    as_it_arrives = np.arange(prod(drawn.shape)).reshape(drawn.shape)
    assert made.changes_nothing == np.array_equal(drawn.sources(), as_it_arrives)


@given(st.data())
@settings(max_examples=100)
def test_two_in_a_row_are_one_or_none(data: Any):
    first = data.draw(patterns(most=3))
    second = data.draw(patterns(first.output))
    both = read(first.text, first.shape, first.sizes).then(second.text, second.sizes)
    if both is None:
        return
    expected = first.sources().reshape(-1)[second.sources()]
    assert (as_read(both) == expected).all()
    if (simplest := both.pattern()) is not None:
        assert read(simplest[0], first.shape, simplest[1]) == both


@pytest.mark.parametrize(
    ("rows", "shape", "simplest"),
    [
        ([("C H W -> (H W) C", {}), ("(H W) C -> C H W", {"H": 4})], (3, 4, 5), "a b c -> a b c"),
        ([("N (p[1] D) -> N D", {"p": 3}), ("N (h d) -> h N d", {"h": 2})], (5, 24), "a (b[2:4] c) -> b a c"),
        ([("(g c) H W -> (c g) H W", {"g": 2}), ("(c g) H W -> (g c) H W", {"g": 2})], (6, 4, 5), "a b c -> a b c"),
        ([("N[1:] D -> N D", {}), ("N[2:] D -> N D", {})], (9, 5), "a[3:9] b -> a b"),
        ([("C (H a) W -> C H (a W)", {"a": 2}), ("C H W -> (H W) C", {})], (3, 4, 5), "a b c -> (b c) a"),
        ([("C H W -> C (H 2) W", {}), ("C (H s[1]) W -> C H W", {"s": 2})], (3, 4, 5), "a b c -> a b c"),
        ([("N[1:] D -> N D", {}), ("(H W) D -> D H W", {"H": 2})], (5, 3), None),
        ([("N[2:10] D -> N D", {}), ("(a b c) D -> c b a D", {"b": 2, "c": 2})], (12, 3), None),
        ([("N[4:] D -> N D", {}), ("(a b c) D -> c b a D", {"b": 2, "c": 2})], (12, 3), "(a[1:3] b c) d -> c b a d"),
    ],
)
def test_chains_that_are_known(rows: list[tuple[str, dict[str, int]]], shape: tuple[int, ...], simplest: str | None):
    """Back and forth is nothing; parts of parts are parts; a class token left out before a map is no one pattern."""
    made: Any = whole(shape)
    for text, sizes in rows:
        made = made.then(text, sizes)
    found = made.pattern()
    assert (found and found[0]) == simplest
    assert made.changes_nothing == (simplest == "a b c -> a b c")


def test_axes_that_cut_across_are_no_one_pattern():
    """Windows of 7, and then a grid of 8 x 8, as in MaxViT on 56 x 56 where the windows are not undone."""
    windows = read("C (r m) -> r m C", (3, 56), {"m": 7})
    assert windows.then("r m C -> (r m) C", {}) is not None
    turned = windows.then("r m C -> (m r) C", {})
    assert turned is not None
    assert turned.then("(a b) C -> a b C", {"a": 4}) is None


@given(patterns())
@settings(max_examples=60)
def test_symbols_give_the_same_shape_where_their_conditions_hold(drawn: Drawn):
    names = {f"size{axis}": size for axis, size in enumerate(drawn.shape)}
    with conditions() as noted:
        formulas = parse(drawn.text).output(tuple(map(symbols.symbol, names)), drawn.sizes)
    assert tuple(symbols.evaluate(formula, names) for formula in formulas) == drawn.output
    for relation, a, b in noted:
        a, b = (symbols.evaluate(side_, names) for side_ in (a, b))
        assert {"%": b and a % b == 0, "==": a == b, ">=": a >= b, ">": a > b}[relation]


def test_what_symbols_leave_open_is_noted():
    """h heads of N tokens of D features: D divides into h; of them at least one place is taken."""
    size, heads = symbols.symbol("D"), symbols.symbol("h")
    with conditions() as noted:
        assert parse("N (h d) -> h N d").output((5, size), {"h": heads}) == (heads, 5, size / heads)
    assert list(noted) == [("%", size, heads)]
    with conditions() as noted:
        assert parse("N[3:] D -> N D").output((symbols.symbol("N"), 4), {}) == (symbols.symbol("N") - 3, 4)
    assert list(noted) == [(">", symbols.symbol("N"), 3)]


# What is refused, and where


@pytest.mark.parametrize(
    ("text", "says", "column"),
    [
        ("C H W", "a pattern says what arrives and what leaves", 0),
        ("", "a pattern says what arrives and what leaves", 0),
        ("a -> b -> c", "a pattern has two sides", 7),
        ("-> a", "nothing arrives", 0),
        ("a ->", "nothing leaves", 2),
        ("a ((b)) -> a b", "round brackets within round brackets", 3),
        ("(a b -> a b", "a round bracket is not closed", 0),
        ("a b) -> a b", "a round bracket closes that was not opened", 3),
        ("a a -> a", "'a' arrives twice", 2),
        ("a -> a a", "'a' leaves twice", 7),
        ("a b -> a", "'b' arrives and does not leave", 2),
        ("a[0] b -> a b", "one place of 'a' is taken, which is no axis any more", 0),
        ("a b -> a b[0]", "a part is taken where it arrives, on the left", 9),
        ("2 a -> a", "what arrives has letters", 0),
        ("a -> a 0", "an axis has one place or more", 7),
        ("a ... -> ... a", "... is not read here: each axis has a letter", 2),
        ("a, b -> b a", "',' does not name an axis", 1),
        ("a b>-> b a", "'>' does not name an axis", 3),
        ("é -> é", "'é' does not name an axis", 0),
        ("_a -> _a", "'_a' does not name an axis", 0),
        ("a_ -> a_", "'a_' does not name an axis", 0),
        ("2a -> 2a", "'2a' does not name an axis", 0),
        ("a [1] -> a", "square brackets follow a letter, without a space", 2),
        ("(a)[1] -> a", "square brackets follow a letter, without a space", 3),
        ("a[ -> a", "'[' takes no part", 1),
        ("a[] -> a", "'[]' takes no part", 1),
        ("a[:] -> a", "'[:]' takes no part", 1),
        ("a[::2] b -> a b", "'[::2]' takes no part", 1),
        ("a[1.5] -> 1", "'[1.5]' takes no part", 1),
        ("a[-b] -> 1", "'-b' is neither a whole number nor a name", 2),
        ("a[b:] b -> a b", "'b' is an axis, and cannot say which part is taken", 0),
        ("a -> a " + "9" * 60, f"a number of more than {limits.NUMBER_BITS} bits", 7),
        ("a " * limits.PATTERN_LENGTH, f"a pattern of more than {limits.PATTERN_LENGTH} characters", 0),
        ("(" * 150, "a pattern says what arrives and what leaves", 0),
        ("(" * 150 + "->", "nothing leaves", 150),
        ("\u202ea -> a", "'\\u202e' does not name an axis", 0),
        ("a\x00b -> a b", "'\\x00' does not name an axis", 1),
    ],
)  # fmt: skip
def test_what_is_no_pattern(text: str, says: str, column: int):
    with pytest.raises(LayerError) as refused:
        parse(text)
    (problem,) = refused.value.problems
    assert problem.message == f"rearrange: {says}"
    assert (refused.value.field, refused.value.column) == ("pattern", column)
    assert 0 < refused.value.length <= max(1, len(text))


@pytest.mark.parametrize(
    ("text", "shape", "sizes", "says", "column"),
    [
        ("(a b) -> a b", (12,), {}, "how 12 divides into 'a' and 'b' is open", 0),
        ("(a b c) -> a b c", (12,), {"b": 2}, "how 12 divides into 'a' and 'c' is open", 0),
        ("C (a b) -> a b C", (3, 12), {"a": 5}, "12 does not divide into '(a b)', 5 in each", 2),
        ("(a b) -> a b", (12,), {"a": 5, "b": 2}, "'(a b)' is 10, but 12 arrive", 0),
        ("C -> C", (12,), {"C": 5}, "'C' is 5, but 12 arrive", 0),
        ("C 1 -> C", (12, 2), {}, "an axis is 1, but 2 arrive", 2),
        ("a[12] b -> b", (12, 1), {}, "'a' has 12 places, counted from 0: there is no place 12", 0),
        ("a[-13] b -> b", (12, 1), {}, "'a' has 12 places, counted from 0: there is no place -1", 0),
        ("a[3:2] -> a", (12,), {}, "'a' has 12 places, counted from 0: there are no places 3 to before 2", 0),
        ("a[3:13] -> a", (12,), {}, "'a' has 12 places, counted from 0: there are no places 3 to before 13", 0),
        ("a[i] b -> b", (12, 1), {}, "'i' has no value", 0),
        ("a -> a r", (12,), {}, "'r' leaves and does not arrive", 7),
    ],
)  # fmt: skip
def test_what_does_not_fit(text: str, shape: tuple[int, ...], sizes: dict[str, int], says: str, column: int):
    with pytest.raises(LayerError) as refused:
        parse(text).output(shape, sizes)
    assert refused.value.problems[0].message == f"rearrange: {says}"
    assert refused.value.column == column


@given(st.text(alphabet="ab1 2()[]:->.-_ é\t", max_size=40))
@example("a" * limits.PATTERN_LENGTH)
@settings(max_examples=200)
def test_any_text_is_a_pattern_or_refused(text: str):
    found = LayerError("rearrange: ")
    try:
        pattern = parse(text)
        pattern.output((6,) * len(pattern.left), {})
    except LayerError as error:
        found = error
    assert found.problems[0].message.startswith("rearrange: ")
    assert 0 <= found.column <= len(text)


# What leaves


@pytest.mark.parametrize(
    ("text", "arrives", "leaving"),
    [
        ("C H W -> (H W) C", MAP, TOKENS),
        ("C H W -> (C H W)", MAP, VECTOR),
        ("C W H -> C H W", MAP, MAP),
        ("C (r m) (c n) -> (m n C) r c", MAP, MAP),
        ("(C m n) H W -> C (H m) (W n)", MAP, MAP),
        ("C[0] H W -> 1 H W", MAP, MAP),
        ("C H W -> 1 1 (C H W)", MAP, MAP),
        ("(h d) H W -> h (H W) d", MAP, HEADS),
        ("(h d) H W -> h d (H W)", MAP, HEADS),
        ("C H W -> H W C", MAP, None),
        ("C (r m) (c n) -> (r c) (m n) C", MAP, None),
        ("C (r m) (c n) -> r c m n C", MAP, None),
        ("(H W) D -> D H W", TOKENS, MAP),
        ("(H W) (C m n) -> C (H m) (W n)", TOKENS, MAP),
        ("N D -> D 1 N", TOKENS, MAP),
        ("N[0] (C H W) -> C H W", TOKENS, MAP),
        ("D (H W) -> D H W", TOKENS, MAP),
        ("N (h d) -> h N d", TOKENS, HEADS),
        ("N (h d) -> h d N", TOKENS, HEADS),
        ("N[0] (h d) -> h 1 d", TOKENS, HEADS),
        ("(h d) N -> h N d", TOKENS, HEADS),
        ("(n m) (h d) -> h n (m d)", TOKENS, None),
        ("(w n) D -> w n D", TOKENS, None),
        ("N D -> D N", TOKENS, TOKENS),
        ("h N d -> N (h d)", HEADS, TOKENS),
        ("h N d -> h d N", HEADS, HEADS),
        ("h N d -> (h 2) N d", HEADS, HEADS),
        ("h (H W) d -> (h d) H W", HEADS, MAP),
        ("h N d -> N h d", HEADS, None),
        ("D -> D 1 1", VECTOR, MAP),
        ("(C H W) -> C H W", VECTOR, MAP),
        ("D -> 1 D", VECTOR, TOKENS),
        ("(N D) -> N D", VECTOR, TOKENS),
        ("(C L) -> C L", VECTOR, MAP),
        ("L -> 1 L", VECTOR, MAP),
        ("D -> D 1", VECTOR, MAP),
        ("D -> D 1 1 1", VECTOR, MAP),
        ("(C T H W) -> C T H W", VECTOR, MAP),
        ("N[0] (C T H W) -> C T H W", TOKENS, MAP),
        ("C 1 W -> C W", MAP, MAP),
        ("(C r) L -> C (L r)", MAP, MAP),
        ("C (L r) -> (C r) L", MAP, MAP),
        ("C H W -> (C H) W", MAP, MAP),
        ("C H W -> W (C H)", MAP, TOKENS),
        ("C H W -> C (H W)", MAP, TOKENS),
        ("C T 1 1 -> C T", MAP, MAP),
        ("C T H W -> (H W) | C T", MAP, MAP),
        ("T | D -> D T", VECTOR, MAP),
        ("T | D -> T D", VECTOR, TOKENS),
    ],
)
def test_what_leaves(text: str, arrives: str, leaving: str | None):
    pattern = parse(text)
    front = (Leading("T"),) * pattern.front[0]
    assert leaves(text, NamedShape((1,) * len(pattern.left), arrives, front=front)) == leaving


def test_heads_are_heads_and_a_map_is_none():
    heads = Facts(KINDS["rearrange"](pattern="N (h d) -> h N d", h=3), ((5, 12),)).output
    assert heads == (3, 5, 4)
    assert rank(heads) == HEADS
    back = Facts(KINDS["rearrange"](pattern="h (H W) d -> (h d) H W", H=1), (heads,)).output
    assert back == (12, 1, 5)
    assert rank(back) == MAP


# What is read


def places_of(shape: tuple[int, ...], of: str) -> tuple[int, ...]:
    """The axes along which places lie; features, channels and heads are along the others."""
    return {MAP: tuple(range(1, len(shape))), TOKENS: (0,), HEADS: (1,)}[of]


def read_by_place(drawn: Drawn, arrives: str, leaving: str) -> dict[tuple[int, ...], set[tuple[int, ...]]]:
    """The places that arrive which each place that leaves reads, whatever its features."""
    found: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    axes = places_of(drawn.output, leaving)
    if leaving == HEADS:  # transposed, their tokens go last
        tokens = {letter.name for axis in places_of(drawn.shape, arrives) for letter in drawn.left[axis]}
        axes = (1,) if tokens.intersection(name for name, _ in drawn.right[1]) else (2,)
    for place, number in np.ndenumerate(drawn.sources()):
        source = np.unravel_index(int(number), drawn.shape)
        here = tuple(place[axis] for axis in axes)
        there = tuple(int(source[axis]) for axis in places_of(drawn.shape, arrives))
        found.setdefault(here, set()).add(there)
    return found


def at(place: tuple[int, ...], grid: Any) -> tuple[int, ...]:
    """Where a token lies on the map that it comes from; of a map's place they are itself."""
    return place if grid is None else tuple(int(each) for each in np.unravel_index(place[0] - grid[0], grid[1:]))


def grids(tokens: int) -> list[tuple[int, ...] | None]:
    """The maps that so many tokens may fill."""
    pairs = [(a, tokens // a) for a in range(1, tokens + 1) if tokens % a == 0]
    videos = [(a, c, b // c) for a, b in pairs for c in range(1, b + 1) if b % c == 0]
    return [None, (0, tokens), *[(0, *each) for each in (*pairs, *videos)]]


def on(sizes: tuple[int, ...], of: str, *grid: int) -> NamedShape:
    """Tokens or heads that fill a map."""
    return NamedShape(sizes, of, (0, *grid))


@pytest.mark.slow
@given(patterns(most=4, arriving=4), st.data())
@settings(max_examples=400, deadline=None)
@example(Drawn("C (H m) W -> (m C) H W", (1, 4, 2), {"m": 2}, [
    [Letter("C", 1, 0, 1, False)], [Letter("H", 2, 0, 2, False), Letter("m", 2, 0, 2, False)],
    [Letter("W", 2, 0, 2, False)]], [[("m", 2), ("C", 1)], [("H", 2)], [("W", 2)]]), None)  # fmt: skip
def test_an_element_reads_no_place_beside_those_that_are_said(drawn: Drawn, data: Any):
    for arrives in {4: (MAP,), 3: (MAP, HEADS), 2: (TOKENS, MAP), 1: ()}[len(drawn.shape)]:
        grid = data.draw(st.sampled_from(grids(drawn.shape[-2]))) if arrives != MAP and data else None
        shape = NamedShape(drawn.shape, arrives, grid)
        leaving = leaves(drawn.text, shape)
        if leaving in (None, VECTOR):
            continue
        window = KINDS["rearrange"](pattern=drawn.text, **drawn.sizes).reach(shape)
        if window is SPREAD:
            continue
        for here, there in read_by_place(drawn, arrives, leaving).items():
            if isinstance(window, Window) and window is not REORDERED:
                assert_lines(window, at(here, window.gives), {at(place, grid) for place in there})
            elif leaving != HEADS or grid:
                assert len(there) == 1
            if window is None:
                assert there == {here}
            if isinstance(window, Front):
                assert there == {(here[0] - window.tokens,)}


def assert_lines(window: Window, here: tuple[int, ...], there: set[tuple[int, ...]]) -> None:
    """What is said of each line that arrives, of the place that leaves along the one which it goes to."""
    for line, (reads, to) in enumerate(zip(window.reads, window.to, strict=True)):
        read = {place[line] for place in there}
        if reads is not None:
            assert (reads.first(here[to]), reads.last(here[to])) == (min(read), max(read))


@pytest.mark.parametrize(
    ("text", "shape", "sizes", "reads", "gives"),
    [
        ("C H W -> (H W) C", (3, 4, 5), {}, ((0, 0, 1), (0, 0, 1)), (0, 4, 5)),
        ("C (r m) (c n) -> (m n C) r c", (3, 4, 6), {"m": 2, "n": 3}, ((0, 1, 2), (0, 2, 3)), None),
        ("C (r m) (c n) -> (r c) (m n C)", (3, 4, 6), {"m": 2, "n": 3}, ((0, 1, 2), (0, 2, 3)), (0, 2, 2)),
        ("C H[1:] W -> C H W", (3, 4, 6), {}, ((1, 1, 1), (0, 0, 1)), None),
        ("C H W[2:] -> (H W) C", (3, 4, 6), {}, ((0, 0, 1), (2, 2, 1)), (0, 4, 4)),
        ("C (H m[1]) W -> C H W", (3, 4, 6), {"m": 2}, ((1, 1, 2), (0, 0, 1)), None),
        ("C (H m[1:3]) W -> (C m) H W", (3, 8, 6), {"m": 4}, ((1, 2, 4), (0, 0, 1)), None),
        ("C (H[1:] m n) W -> (n m C) H W", (3, 24, 6), {"m": 2, "n": 3}, ((6, 11, 6), (0, 0, 1)), None),
        ("(H W) D -> D H W", on((20, 3), TOKENS, 4, 5), {"H": 4}, ((0, 0, 1), (0, 0, 1)), None),
        ("(H m W n) D -> (m n D) H W", on((48, 3), TOKENS, 6, 8), {"H": 2, "m": 3, "n": 4},
         ((0, 2, 3), (0, 3, 4)), None),
        ("h (H W) d -> (h d) H W", on((2, 20, 3), HEADS, 4, 5), {"H": 4}, ((0, 0, 1), (0, 0, 1)), None),
        ("C T H W -> (T H W) C", (3, 2, 4, 5), {}, ((0, 0, 1), (0, 0, 1), (0, 0, 1)), (0, 2, 4, 5)),
        ("C T H W -> (T C) H W", (3, 2, 4, 5), {}, (None, (0, 0, 1), (0, 0, 1)), None),
        ("C H[2] W -> W C", (3, 4, 5), {}, ((2, 2, 0), (0, 0, 1)), (0, 5)),
        ("C H W -> W (C H)", (3, 4, 5), {}, (None, (0, 0, 1)), (0, 5)),
        ("C (L m) -> (m C) L", NamedShape((3, 8), MAP), {"m": 2}, ((0, 1, 2),), None),
        ("(H W) D -> (W H) D", on((20, 3), TOKENS, 4, 5), {"H": 4}, ((0, 0, 1), (0, 0, 1)), (0, 5, 4)),
        ("C H W -> C W H", (3, 4, 5), {}, ((0, 0, 1), (0, 0, 1)), None),
        ("(h d) H W -> h (H W) d", (6, 4, 5), {"h": 2}, ((0, 0, 1), (0, 0, 1)), (0, 4, 5)),
    ],
)  # fmt: skip
def test_what_the_named_cases_read(text: str, shape: tuple[int, ...], sizes: dict[str, int], reads: Any, gives: Any):
    """First and last place of the first element, and the step to the next; the grids that tokens lie on."""
    window = KINDS["rearrange"](pattern=text, **sizes).reach(shape)
    assert window is not REORDERED
    assert tuple(each and tuple(each[:3]) for each in window.reads) == reads
    assert window.gives == gives


@pytest.mark.parametrize(
    ("text", "shape", "sizes", "reads"),
    [
        ("(g c) H W -> (c g) H W", (6, 4, 5), {"g": 2}, None),
        ("C[2:4] H W -> C H W", (6, 4, 5), {}, None),
        ("N (h d) -> h N d", (5, 12), {"h": 3}, None),
        ("N (h d) -> h d N", (5, 12), {"h": 3}, REORDERED),
        ("h N d -> N (h d)", NamedShape((3, 5, 4), HEADS), {}, SPREAD),
        ("h N d -> N (h d)", NamedShape((3, 5, 4), HEADS, (1, 2, 2)), {}, None),
        ("(H W) D -> D H W", (20, 3), {"H": 4}, REORDERED),
        ("(H W) D -> D H W", NamedShape((20, 3), TOKENS, (0, 2, 10)), {"H": 4}, REORDERED),
        ("N[2] D -> D", (5, 12), {}, REORDERED),
        ("N D -> D N", (5, 12), {}, SPREAD),
        ("C H W -> (C H W)", (3, 4, 5), {}, SPREAD),
        ("D -> D 1 1", (5,), {}, None),
        ("C[0] H W -> (H W)", (3, 4, 5), {}, SPREAD),
        ("(N p[0]) D -> (N D)", (6, 5), {"p": 2}, SPREAD),
        ("N D -> (N D)", (6, 5), {}, SPREAD),
        ("(N p[0]) D -> N D", (6, 5), {"p": 2}, REORDERED),
        ("C (H m) W -> C (m H) W", (3, 4, 5), {"m": 2}, REORDERED),
        ("C (r[1:] m[1:]) W -> C (r m) W", (3, 8, 5), {"m": 4}, REORDERED),
    ],
)
def test_what_reads_no_window(text: str, shape: tuple[int, ...], sizes: dict[str, int], reads: Any):
    """Its own place, its token, one place in an order of its own, or everything."""
    assert KINDS["rearrange"](pattern=text, **sizes).reach(shape) is reads


def test_tokens_left_out_in_front_move_the_others():
    assert KINDS["rearrange"](pattern="N[1:] D -> N D").reach((5, 12)) == Front(-1)


def test_pixel_shuffle_repeats_places():
    window = KINDS["rearrange"](pattern="(C m n) H W -> C (H m) (W n)", m=2, n=2).reach((12, 4, 5))
    assert [window.reads[0].first(row) for row in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [window.reads[0].last(row) for row in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]


# Views


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("C H W -> (H W) C", False),
        ("(H W) D -> D H W", False),
        ("N (h d) -> h N d", False),
        ("h N d -> N (h d)", True),
        ("(g c) H W -> (c g) H W", True),
        ("C (r m) (c n) -> (m n C) r c", True),
        ("N[1:] D -> (N D)", False),
        ("N D[1:] -> (N D)", True),
        ("h N d -> (h 2) N d", True),
        ("h N d -> h N d 2", False),
        ("a p[0] b -> (a b)", True),
        ("p[0] a b -> (a b)", False),
        ("a (b c) -> (a b) c", False),
        ("C 1 1 -> C", False),
    ],
)
def test_what_has_to_be_copied(text: str, copied: bool):
    assert copies(text) == copied


# In a spec


def network(layers: str, input_: str = "{C: 4, H: 8, W: 6}") -> str:
    return f"title: Net\ncite: own work\ninput: {input_}\nlayers:\n{layers}"


ATTENTION = """\
  - rearrange: C H W -> (H W) C
  - linear: {out: 3*D}
  - branches:
      - [rearrange: {pattern: 'N (p[0] h d) -> h N d', p: 3, h: 2}]
      - [rearrange: {pattern: 'N (p[i] h d) -> h N d', p: 3, h: 2, i: 1}]
      - [rearrange: {pattern: 'N (p[-1] h d) -> h N d', p: 3, h: 2}]
    join: scaled_dot_product_attention
  - rearrange: h N d -> N (h d)
  - rearrange: {pattern: (H W) D -> D H W, H: 8}
"""


def test_attention_in_patterns_counts_as_attention(vcalc, tmp_path):
    """4 * 12 weights and 12 biases; 48 tokens by 12 weights of 4, and two products of 48 x 48 pairs by 4 features."""
    file = tmp_path / "net.yaml"
    file.write_text(network(ATTENTION))
    record = json.loads(vcalc("table", str(file), "--convention", "macs", "--format", "json").stdout)
    assert record["total"]["params"] == 4 * 12 + 12
    assert record["total"]["flops"] == 48 * 4 * 12 + 2 * 48 * 48 * 4
    assert record["layers"][-1]["output"] == [4, 8, 6]
    assert [row["flops"] for row in record["layers"] if row["kind"] == "rearrange"] == [0] * 6


def test_memory_is_that_of_copies_and_the_note_says_so(vcalc, tmp_path):
    """Merging heads copies 48 tokens of 4 features; all other patterns are views."""
    file = tmp_path / "net.yaml"
    file.write_text(network(ATTENTION))
    record = json.loads(vcalc("table", str(file), "--format", "json").stdout)
    rows = [row["memory"] for row in record["layers"] if row["kind"] == "rearrange"]
    assert rows == [0, 0, 0, 0, 4 * 48 * 4, 0]
    assert "reusing their input's: rearrange (where it is a view)" in vcalc("table", str(file)).stdout


def test_a_formula_holds_where_an_axis_divides(vcalc, tmp_path):
    file = tmp_path / "net.yaml"
    file.write_text(network("  - rearrange: {pattern: 'C (r m) W -> (C m) r W', m: 2}\n"))
    text = vcalc("formula", str(file), "--set", "H=n").stdout
    assert "holds where n % 2 == 0" in text


def test_a_spec_keeps_its_patterns(vcalc, tmp_path):
    """In a layout of its own, in a copy, and where another says what changed."""
    file, other = tmp_path / "net.yaml", tmp_path / "other.yaml"
    file.write_text(network(ATTENTION))
    vcalc("fmt", str(file))
    text = file.read_text()
    assert all(line in text for line in ATTENTION.splitlines())
    copied = vcalc("new", "copy", "--from", str(file), "-o", "-").stdout
    assert "- rearrange: h N d -> N (h d)" in copied
    other.write_text(text.replace("h: 2", "h: 4"))
    changed = json.loads(vcalc("diff", str(file), str(other), "--format", "json").stdout)
    assert [row["fields"] for row in changed["layers"] if row["fields"]] == [{"h": [2, 4]}] * 3


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (f"  - rearrange: C H W -> (C {2**127} 4) H W\n", "rearrange: a size of more than 128 bits"),
        (f"  - rearrange: {'(' * 150}\n", "a pattern says what arrives and what leaves"),
        ("  - rearrange: " + "a " * 150 + "-> b\n", "a pattern of more than 200 characters"),
        ("  - rearrange: Ç H W -> (H W) Ç\n", "'Ç' does not name an axis"),
        ("  - rearrange: 'C H W -> (H W) C\\e[31m'\n", "does not name an axis"),
        ("  - rearrange: {pattern: C H W -> (H W) C, C: [4]}\n", "C is [4], not a whole number, 1 or more"),
        ("  - rearrange: {pattern: C H W -> (H W) C, C: true}\n", "C is true, not a whole number, 1 or more"),
        ("  - rearrange: {pattern: C H W -> (H W) C r, r: 0}\n", "r is 0, not a whole number, 1 or more"),
        ("  - rearrange: {pattern: {C: 3}}\n", "pattern is a text, not a mapping"),
        ("  - rearrange: {pattern: }\n", "pattern is a text, not nothing"),
    ],
)  # fmt: skip
def test_a_hostile_spec_is_refused_in_one_line(vcalc, tmp_path, layers: str, says: str):
    file = tmp_path / "net.yaml"
    file.write_text(network(layers), encoding="utf-8")
    error = vcalc("table", str(file), code=2).stderr
    assert says in error
    assert "\x1b" not in error
    assert "Traceback" not in error


@pytest.mark.cpu_seconds(5)
@pytest.mark.slow
@pytest.mark.parametrize("command", [["table"], ["check"], ["memory", "--mode", "training"], ["export"]])
def test_a_file_full_of_patterns_ends(vcalc, tmp_path, command: list[str]):
    """No two alike, of as many letters as there is room for."""
    ones = ["1"] * 58
    layers = "".join(
        f"  - rearrange: C{i} H W -> ({' '.join([*ones[: i % 58], f'C{i}', *ones[i % 58 :]])}) W H\n  - relu\n"
        for i in range(2000)
    )
    file = tmp_path / "net.yaml"
    file.write_text(network(layers))
    vcalc(command[0], str(file), *command[1:])


def test_arrays_give_what_each_size_gives(tmp_path):
    """Heights and widths together; a height that does not divide is refused with the number that does not."""
    file = tmp_path / "net.yaml"
    file.write_text(network("  - rearrange: {pattern: C (r m) W -> (C m) r W, m: 2}\n  - conv: {out: 3, kernel: 1}\n"))
    model = vcalc.load(str(file))
    heights, widths = np.array([8, 10, 32]), np.array([6, 7, 9])
    each = [model.bind(H=h, W=w).total.flops for h, w in zip(heights.tolist(), widths.tolist(), strict=True)]
    assert list(model.bind(H=heights, W=widths).total.flops) == each
    with pytest.raises(VcalcError, match="but not 33 % 2 == 0 with H=33"):
        _ = model.bind(H=np.array([32, 33])).total
