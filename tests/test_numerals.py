"""Numbers as people write and print them: one grammar, read exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from vcalc.cli import main
from vcalc.numerals import NumeralError, Printed, read, whole


@pytest.mark.parametrize(
    ("text", "value", "last_digit"),
    [
        ("4096", 4096, 1),
        ("4,096", 4096, 1),
        ("50,176", 50_176, 1),
        ("13.6 GFLOP", 13_600_000_000, 10**8),
        ("13.6 GFLOPs", 13_600_000_000, 10**8),
        ("7.7G", 7_700_000_000, 10**8),
        ("300M", 300_000_000, 10**6),
        ("2.5B", 2_500_000_000, 10**8),
        ("3.86x", 3.86, 0.01),
        ("4.1e9", 4_100_000_000, 10**8),
        ("28.3e6", 28_300_000, 10**5),
        ("1.9 MB", 1.9 * 1024**2, 0.1 * 1024**2),
        ("1.9 MiB", 1.9 * 1024**2, 0.1 * 1024**2),
        ("62k", 62_000, 1000),
        ("2T", 2 * 10**12, 10**12),
        (".5", 0.5, 0.1),
        ("-3", -3, 1),
        ("784 bytes", 784, 1),
        (" 22M ", 22_000_000, 10**6),
        ("1 234 567", 1_234_567, 1),
        ("61 M params", 61_000_000, 10**6),
        ("25.6M parameters", 25_600_000, 10**5),
        ("11.1M activations", 11_100_000, 10**5),
        ("4.1 GFLOPS", 4_100_000_000, 10**8),
        ("3.8 x 10^9", 3_800_000_000, 10**8),
        ("3.8×10**9", 3_800_000_000, 10**8),
        ("25.6 million", 25_600_000, 10**5),
        ("4.1 billion FLOPs", 4_100_000_000, 10**8),
    ],
)
def test_a_printed_figure(text: str, value: float, last_digit: float):
    figure = Printed(text, 1024)
    assert float(figure.value) == pytest.approx(value, rel=1e-15)
    assert float(figure.last_digit) == pytest.approx(last_digit, rel=1e-15)


@pytest.mark.parametrize(
    "text", ["", "many", "1.2.3", "12 parsecs", "1 2", "--3", "1e", "61M%", "4.", "0x10", "٣", "80Mb", "~3.8G", "5 G M"]
)
def test_what_is_no_figure(text: str):
    with pytest.raises(NumeralError):
        Printed(text, 1024)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("15,30", "15.30 or 1,530"),
        ("1,4", "1.4 or 1,400"),
        ("3,8G", "3.8G or 3,800G"),
        ("1,2345", "1.2345 or 12,345"),
        ("12,34,567", "1,234,567"),
        ("1.234.567", "1,234,567"),
        ("1.234,5", "1,234.5"),
        ("~3.8G", "3.8G"),
        ("61M%", "61M"),
    ],
)
def test_what_would_have_been_a_number(text: str, instead: str):
    with pytest.raises(NumeralError) as error:
        Printed(text, 1024)
    assert error.value.instead == instead


@pytest.mark.parametrize("text", ["3.8X", "25.6 gazillion", "4.1ms"])
def test_a_unit_that_is_none_is_what_is_wrong(text: str):
    with pytest.raises(NumeralError, match="is no unit that may stand here") as error:
        Printed(text, 1024)
    assert error.value.instead == ""


@pytest.mark.parametrize(
    "text", ["9" * 400, "1e400", "1e99", "1e-99", "inf", "-Infinity", ".inf", "nan", "9,999" + ",999" * 14]
)
def test_what_is_beyond_counting(text: str):
    with pytest.raises(NumeralError, match="beyond anything that is counted"):
        Printed(text, 1024)


@given(st.integers(-(10**39), 10**39))
def test_a_whole_number_is_read_as_it_is_written(number: int):
    assert whole(str(number)) == whole(f"{number:,}") == whole(f"{number:_}") == number


@given(st.decimals(-(10**20), 10**20, places=9))
def test_every_digit_counts(number: Any):
    assert read(f"{number:,f}").number == Fraction(number)


def test_neighbours_beyond_53_bits_differ():
    """Binary floats make one number of these."""
    assert Printed("9007199254740993", 1024).matches(2**53 + 1)
    assert not Printed("9007199254740993", 1024).matches(2**53)
    assert not Printed("9" * 39, 1024).matches(float("inf"))


def test_halfway_rounds_to_both_and_is_cut_to_one():
    assert Printed("13.6G", 1024).matches(13_650_000_000)
    assert Printed("13.7G", 1024).matches(13_650_000_000)
    assert not Printed("13.6G", 1024).matches(13_650_000_001)
    assert Printed("0.3", 1024).matches(0.3, cut=True)  # a float is the decimal that it is written as


BEYOND = "9" * 4301  # one digit more than Python makes an int of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("table", "lenet5", "--batch", BEYOND), "at most 10**12, nor a name: it is beyond"),
        (("table", "lenet5", "--batch", "1,5"), "1.5 or 1,500"),
        (("table", "lenet5", "--batch", "1.5"), "neither a whole number"),
        (("table", "lenet5", "--batch", "10000000000000"), "at most 10**12"),
        (("memory", "lenet5", "--fit", BEYOND + "GB"), "no size of a memory: it is beyond"),
        (("memory", "lenet5", "--fit", "1,5GB"), "1.5GB or 1,500GB"),
        (("training", "lenet5", "--images", "1,28M", "--epochs", "1"), "1.28M or 1,280M"),
        (("training", "lenet5", "--images", BEYOND, "--epochs", "1"), "number above 0, not"),
        (("training", "lenet5", "--images", "1", "--epochs", "1", "--peak", "3,12T"), "3.12T or 3,120T"),
        (("training", "lenet5", "--images", "1", "--epochs", "1", "--peak", "1T", "--utilization", "0,4"), "0.4 or "),
        (("why", "lenet5", "15,30"), "15.30 or 1,530"),
        (("why", "lenet5", BEYOND), "beyond anything that is counted"),
    ],
)
def test_every_command_reads_by_the_same_grammar(arguments: tuple[str, ...], message: str):
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert "Traceback" not in result.output
    assert len(result.output) < 500


def test_thousands_are_read_everywhere():
    runner = CliRunner()
    for first, second in (
        (("table", "lenet5", "--batch", "1,024"), ("table", "lenet5", "--batch", "1024")),
        (("memory", "lenet5", "--fit", "1,024 MB"), ("memory", "lenet5", "--fit", "1 GiB")),
        (
            ("training", "lenet5", "--steps", "1,000", "--batch", "2"),
            ("training", "lenet5", "--steps", "1k", "--batch", "2"),
        ),
    ):
        one, other = (runner.invoke(main, list(arguments)).output for arguments in (first, second))
        assert one == other != ""


CLAIMED = "title: N\ncite: x\ninput: {D: 2}\nlayers: [linear: {out: 3}]\n"


@pytest.mark.parametrize("text", ["x" * 5000, "+%" * 5000, "~5" + "x%" * 5000, "<x" * 5000])
def test_what_is_no_number_is_refused_however_long_it_is(text: str):
    with pytest.raises(NumeralError):
        read(text)
    assert CliRunner().invoke(main, ["table", "vgg16", "--batch", text]).exit_code == 2


@pytest.mark.parametrize("key", ["printed", "ours"])
@pytest.mark.parametrize("figure", ["9" * 400, "1e400", ".inf", "-.inf", "nan"])
def test_a_claim_beyond_counting_is_refused_where_it_stands(tmp_path: Path, key: str, figure: str):
    figures = {"printed": "9", "ours": "9", "why": "so", key: figure}
    entries = ", ".join(f"{name}: {value}" for name, value in figures.items())
    text = CLAIMED + f"claims: [{{source: s, metric: params, {entries}}}]\n"
    (tmp_path / "n.yaml").write_text(text)
    column = text.splitlines()[-1].index(f" {key}: ") + len(key) + 4
    for command in ("claims", "check"):
        result = CliRunner().invoke(main, [command, str(tmp_path / "n.yaml")])
        assert result.exit_code == (2 if command == "claims" else 1), result.output
        assert f"n.yaml:5:{column}: " in result.output
        assert "beyond anything that is counted" in result.output


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ('claims: [{source: s, metric: params, printed: "15,30"}]', "'15,30' is not a printed figure: "),
        ('expect: {params: "1,4"}', "'1,4' is no exact figure: "),
        ("expect: {params: 9M}", "'9M' is no exact figure"),
        ('budget: "params <= 1,4"', "'1,4' is not a figure: "),
        (f"budget: params <= {'9' * 60}", "is not a figure: it is beyond anything that is counted"),
    ],
)
def test_what_a_spec_prints_is_read_by_the_same_grammar(tmp_path: Path, spec: str, message: str):
    (tmp_path / "n.yaml").write_text(
        CLAIMED + f"expect: {{params: 9}}\n{spec}\n" if "expect" not in spec else CLAIMED + spec
    )
    result = CliRunner().invoke(main, ["check", str(tmp_path / "n.yaml")])
    assert result.exit_code == 1, result.output
    assert message in result.output


def test_a_ratio_of_printed_figures_to_nothing_is_an_error(tmp_path: Path):
    text = CLAIMED.replace("layers", "models: {a: {}, b: {}}\nlayers") + (
        "claims:\n"
        "  - {source: s, model: a, metric: params, printed: 9}\n"
        "  - {source: s, model: b, metric: params, printed: 0, ours: 9, why: so}\n"
        "  - {source: s, model: a, against: b, metric: params, printed: 2x, under: {printed: true}, why: so}\n"
    )
    (tmp_path / "n.yaml").write_text(text)
    result = CliRunner().invoke(main, ["claims", str(tmp_path / "n.yaml")])
    assert result.exit_code == 2, result.output
    assert "n.yaml:9:" in result.output
    assert "0 is printed for the params of b" in result.output


def test_the_kilo_of_the_source():
    assert Printed("2 KB", 1000).value == 2000
    assert Printed("2 KB", 1024).value == 2048
    assert Printed("2 KiB", 1000).value == 2048
    assert Printed("2K", 1024).value == 2000
    assert Printed("2K", 1024, kilo=1024).value == 2048
    assert Printed("2M", 1024, kilo=1024).value == 2 * 1024**2


@pytest.mark.parametrize(
    ("text", "value", "rounds", "cuts"),
    [
        ("13.6G", 13_600_000_000, True, True),
        ("13.6G", 13_649_000_000, True, True),
        ("13.6G", 13_699_000_000, False, True),
        ("13.6G", 13_560_000_000, True, False),
        ("13.6G", 13_549_000_000, False, False),
        ("13.6G", 13_700_000_000, False, False),
        ("4096", 4096, True, True),
        ("4096", 4097, False, False),
        ("3.5", 3.45, True, False),
        ("138M", 138_357_544, True, True),
    ],
)
def test_matching_by_rounding_and_by_cutting(text: str, value: float, rounds: bool, cuts: bool):
    figure = Printed(text, 1024)
    assert figure.matches(value) is rounds
    assert figure.matches(value, cut=True) is cuts


@pytest.mark.parametrize(
    ("text", "digits", "value", "matches"),
    [
        ("60,000", 1, 61_706, True),  # "about 60,000": the zeros say nothing
        ("60,000", 2, 61_706, False),
        ("60,000", 2, 60_400, True),
        ("60,000", None, 60_400, False),
        ("61.1M", 2, 60_600_000, True),
        ("61.1M", 4, 61_160_000, False),
    ],
)
def test_fewer_digits_than_are_printed(text: str, digits: int | None, value: float, matches: bool):
    assert Printed(text, 1024, digits).matches(value) is matches


def test_digits_of_a_figure_below_one():
    assert Printed("0.0512", 1024, digits=1).last_digit == pytest.approx(0.01)
    assert Printed("800K", 1024, digits=2).last_digit == 10_000


@pytest.mark.parametrize(
    ("text", "unit", "word", "metrics"),
    [
        ("13.6 GFLOP", "GFLOP", "FLOP", ("flops",)),
        ("4.1 GMACs", "GMACs", "MACs", ("flops",)),
        ("25.6M Params", "MParams", "Params", ("params",)),
        ("11.1M activations", "Mactivations", "activations", ("elements",)),
        ("1.9 MB", "MB", "B", ("memory",)),
        ("1.9 MiB", "MiB", "iB", ("memory",)),
        ("784 bytes", "bytes", "bytes", ("memory",)),
        ("7.7G", "G", "", ("flops", "params", "elements")),
        ("1.4 billion", "B", "", ("flops", "params", "elements")),
        ("4096", "", "", ("flops", "params", "elements")),
        ("3.86x", "x", "x", ()),
    ],
)
def test_what_a_figure_counts(text: str, unit: str, word: str, metrics: tuple[str, ...]):
    figure = Printed(text, 1024)
    assert (figure.text, figure.unit, figure.word) == (text, unit, word)
    assert figure.metrics == metrics
    assert figure.in_bytes is (metrics == ("memory",))


@pytest.mark.parametrize(
    ("text", "digits"),
    [("13.6 GFLOP", 3), ("4096", 4), ("60,000", 5), ("0.0512", 3), ("-1.50", 3), ("0.00", 0), ("5", 1)],
)
def test_how_many_digits_are_printed(text: str, digits: int):
    assert Printed(text, 1024).digits == digits


def test_no_figure_is_infinite():
    assert not Printed("9" * 39, 1024).matches(float("nan"))
    assert not Printed("9" * 39, 1024).matches(float("-inf"), cut=True)


@pytest.mark.parametrize(
    ("text", "letters", "words", "scale", "letter", "word"),
    [
        ("12G", "KMG", (), 10**9, "G", ""),
        ("12 B", "K", ("B",), 1, "", "B"),
        ("12 B", "KB", ("B",), 10**9, "B", ""),
        ("12 KB", "KB", ("B",), 1000, "K", "B"),
        ("12 kb", "K", ("B", "kb"), 1, "", "kb"),
        ("12 million params", "M", ("params",), 10**6, "M", "params"),
        ("12 PARAMS", "M", ("params",), 1, "", "PARAMS"),
        ("12E", "KMGTPE", (), 10**18, "E", ""),
        ("12", "KMG", (), 1, "", ""),
    ],
)
def test_a_letter_and_a_word(text: str, letters: str, words: tuple[str, ...], scale: int, letter: str, word: str):
    found = read(text, letters, words)
    assert (found.letter, found.word, found.scale(), found.value()) == (letter, word, scale, 12 * scale)


@pytest.mark.parametrize(
    ("text", "letters", "words", "reason", "instead"),
    [
        ("1.4 billion", "KM", (), "'billion' is no unit that may stand here", ""),
        ("12 million parrots", "M", ("params",), "'million parrots' is no unit that may stand here", ""),
        ("12 ms", "M", ("S",), "'ms' is no unit that may stand here", ""),
        ("12 parsecs", "KMG", ("B",), "'parsecs' is no unit that may stand here", ""),
        ("many", "", (), "", ""),
        ("~many", "", (), "", ""),
        ("~12 MB", "KM", ("B",), "", "12 MB"),
        ("<= 12", "", (), "", "12"),
        ("300M+", "M", (), "", "300M"),
        ("40%", "", (), "", "40"),
        ("3x", "", (), "", "3"),
        ("3 x+", "", (), "", "3"),
        ("15,30", "", (), "',' stands before every three digits", "15.30 or 1,530"),
        ("15_30", "", (), "'_' stands before every three digits", "15.30 or 1,530"),
        ("1.234.567", "", (), "',' stands before every three digits, and '.' before decimals", "1,234,567"),
        ("12,,34", "", (), "',' stands before every three digits, and '.' before decimals", "1,234"),
        (
            "1" * 37 + ",30",
            "",
            (),
            "',' stands before every three digits",
            f"{'1' * 37}.30 or {int('1' * 37 + '30'):,}",
        ),
        ("1e40", "", (), "it is beyond anything that is counted", ""),
        ("1e-41", "", (), "it is beyond anything that is counted", ""),
        ("1" + "0" * 38 + " K", "K", (), "it is beyond anything that is counted", ""),
    ],
)
def test_why_a_text_is_no_number(text: str, letters: str, words: tuple[str, ...], reason: str, instead: str):
    with pytest.raises(NumeralError) as error:
        read(text, letters, words)
    assert (error.value.reason, error.value.instead) == (reason, instead)


def test_the_largest_and_the_finest_number():
    assert read("9.9e39").number == 99 * 10**38
    assert read("1e-40").last_digit == Fraction(1, 10**40)
    assert whole("9" * 40) == 10**40 - 1


def test_the_error_of_the_place_where_a_text_stands():
    """Its reason after the message, and what would have worked for what is asked for here."""
    with pytest.raises(NumeralError) as refused:
        read("1,4")
    problem = refused.value.error("size", "'1,4' is no size", "as in 1GB").problems[0]
    assert (problem.code, problem.message, problem.hint) == (
        "size",
        "'1,4' is no size: ',' stands before every three digits",
        "1.4 or 1,400",
    )
    with pytest.raises(NumeralError) as refused:
        read("many")
    problem = refused.value.error("size", "'many' is no size", "as in 1GB").problems[0]
    assert (problem.message, problem.hint) == ("'many' is no size", "as in 1GB")


@pytest.mark.parametrize(("text", "value", "last_digit"), [("18.6%", "0.186", "0.001"), ("40 %", "0.4", "0.01")])
def test_a_percent_is_a_hundredth(text: str, value: str, last_digit: str):
    figure = Printed(text, 1024)
    assert (figure.value, figure.last_digit) == (Fraction(value), Fraction(last_digit))


@pytest.mark.parametrize(
    ("text", "digits", "last_digit", "shown"), [("60,700", 1, 10_000, 1), ("1000", 1, 1000, 1), ("999", 2, 10, 2)]
)
def test_the_last_digit_that_says_something(text: str, digits: int, last_digit: int, shown: int):
    figure = Printed(text, 1024, digits)
    assert (figure.last_digit, figure.digits) == (last_digit, shown)
