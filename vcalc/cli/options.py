"""Options that several commands share. A command that takes them returns its report; it is printed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from vcalc.cli.output import SUFFIXES, emit, format_of
from vcalc.cli.request import Request
from vcalc.render import FORMATS
from vcalc.reports.table import Report

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    _Text = click.ParamType[str]
else:
    _Text = click.ParamType  # the oldest click that will do knows no type of it


class _Name(_Text):
    """A name that the shell completes from a list, or a file."""

    def __init__(self, name: str, known: Callable[[], list[str]], files: bool = True) -> None:
        self.name = name
        self._known = known
        self._files = files

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name) for name in self._known() if name.startswith(incomplete)]
        return found or ([CompletionItem(incomplete, type="file")] if self._files else [])


def _models() -> list[str]:
    from vcalc.spec.find import model_names

    return model_names()


def _blocks() -> list[str]:
    from vcalc.spec.find import block_names

    return block_names()


def _conventions() -> list[str]:
    from vcalc.conventions import names

    return names()


def _kinds() -> list[str]:
    from vcalc.layers import KINDS

    return list(KINDS)


def _devices() -> list[str]:
    from vcalc.devices import names

    return names()


class Word(click.Choice):  # type: ignore[type-arg, unused-ignore]
    """One of some words; what others call them (a `section` of `vcalc.foreign`) is answered by meaning."""

    def __init__(self, choices: Sequence[str], section: str = "") -> None:
        super().__init__(choices)
        self.section = section

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in self.choices:
            return value
        from vcalc.cli.usage import no_choice, same_format

        if self.section == "formats" and (same := same_format(str(value), self.choices)):
            return same

        name = param.opts[0] if param else "it"
        raise no_choice(name, str(value), self.choices, self.section)


MODEL = _Name("model", _models)
DEVICE = _Name("device", _devices, files=False)
BLOCK = _Name("block", _blocks)
KIND = _Name("kind", _kinds, files=False)
CONVENTION = _Name("convention", _conventions)


def printing(formats: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`--format`, one of some, and `--output`."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        function = click.option(
            "--output", "-o", type=click.Path(dir_okay=False), help="Write to a file, whole or not at all."
        )(function)
        return click.option(
            "--format",
            "format_",
            type=Word(formats, "formats"),
            help="How to print: rich on a terminal, plain elsewhere, unless --output's suffix says otherwise.",
        )(function)

    return add


def reporting(function: Callable[..., Report]) -> Callable[..., None]:
    """`--format` and `--output`, for a command that returns a report."""

    @printing(FORMATS)
    @wraps(function)
    def command(format_: str | None, output: str | None, **arguments: Any) -> None:
        format_of(output, format_, SUFFIXES)  # what cannot be written is not worked out
        report = function(**arguments)
        emit(report, format_, output)
        if not report.holds:
            click.get_current_context().exit(1)

    return command


def totals(function: Callable[..., Report]) -> Callable[..., Report]:
    """`--total`, for a command whose tables end in sums."""

    @click.option("--total", "with_total", is_flag=True, help="End the CSV, too, with the total, as the others do.")
    @wraps(function)
    def command(with_total: bool, **arguments: Any) -> Report:
        report = function(**arguments)
        report.with_total = with_total
        return report

    return command


SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Bind a hyperparameter or an input size to a number, a list, or a formula with new names (H=32*h).",
)
INPUT = click.option(
    "--input",
    "input_",
    multiple=True,
    metavar="SIZE",
    help="The input's size, 3x384x384 for C, H and W; of several inputs of one by name, text=77.",
)
AS = click.option("--as", "library", default="", metavar="LIBRARY", help="Count it as torchvision or timm writes it.")


FROZEN = click.option(
    "--frozen", multiple=True, metavar="NAME,...", help="Parameters of these groups, layers or kinds are not trained."
)
FOLD_NORMS = click.option(
    "--fold-norms", is_flag=True, help="Batch norms are part of the convolutions before them, as in deployment."
)
BITS = click.option(
    "--bits",
    multiple=True,
    metavar="BITS,...",
    help="How many bits numbers have: 8, W4A8, weight=4,activation=8, conv=4,first=8,last=8; names give formulas.",
)
DENSITY = click.option(
    "--density",
    multiple=True,
    metavar="SHARE,...",
    help="The share of weights that are not zero: 0.5, 2:4, conv=2:4,first=1.",
)
_ASKED = {
    "settings": SET,
    "input_": INPUT,
    "convention": click.option(
        "--convention", type=CONVENTION, help="How to count, by name or file; the spec's, or lecture."
    ),
    "batch": click.option("--batch", default="1", show_default=True, help="Images at once; a number or a name."),
    "dtype": click.option(
        "--dtype", default="float32", show_default=True, help="Type of an element: float32, bf16, ..."
    ),
    "library": AS,
    "frozen": FROZEN,
    "fold_norms": FOLD_NORMS,
    "bits": BITS,
    "density": DENSITY,
}
"""The options of a request, by the parameter that each gives."""


def counting(function: Callable[..., Any], without: Sequence[str] = ()) -> Callable[..., Any]:
    """`--set`, `--input`, `--convention`, `--batch`, `--dtype`, `--as`, `--frozen`, ... as one `request`.

    `without` names those that the command has no use for, by their parameters.
    """
    asked = {name: option for name, option in _ASKED.items() if name not in without}

    @wraps(function)
    def command(**arguments: Any) -> Any:
        request = Request(**{name: arguments.pop(name) for name in asked})
        return function(request=request, **arguments)

    for option in reversed(asked.values()):
        command = option(command)
    return command


def names(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The names of lists with commas: those of each time that the option is given."""
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
