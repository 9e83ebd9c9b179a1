"""Options that several commands share, and what they do with them: bindings, conventions, output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vcalc.errors import VcalcError
from vcalc.render import FORMATS, render
from vcalc.reports.table import Report
from vcalc.spec.syntax import Spec

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from vcalc.analyses.cost import Costs
    from vcalc.spec.expand import Network

F = TypeVar("F", bound=Callable[..., Any])

_SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".tex": "latex"}


class _Name(click.ParamType[str]):
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


MODEL = _Name("model", _models)
BLOCK = _Name("block", _blocks)
KIND = _Name("kind", _kinds, files=False)
CONVENTION = _Name("convention", _conventions, files=False)


def output_options(function: F) -> F:
    """`--format` and `--output`."""
    function = click.option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        help="How to print: rich on a terminal, plain elsewhere, unless --output's suffix says otherwise.",
    )(function)
    return click.option(
        "--output", "-o", type=click.Path(dir_okay=False), help="Write to a file, whole or not at all."
    )(function)


def counting_options(function: F) -> F:
    """`--convention`, `--batch` and `--dtype`."""
    function = click.option(
        "--convention", type=CONVENTION, help="How to count; lecture, where the spec names no other."
    )(function)
    function = click.option("--batch", default="1", show_default=True, help="Images at once; a number or a name.")(
        function
    )
    return click.option("--dtype", default="float32", show_default=True, help="Type of an element: float32, bf16, ...")(
        function
    )


def binding_options(function: F) -> F:
    """`--set` and `--input`."""
    function = click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Bind a hyperparameter or an input size to a number, a list, or a formula with new names (H=32*h).",
    )(function)
    return click.option("--input", "input_", metavar="SIZE", help="The input's size, 3x384x384 for C, H and W.")(
        function
    )


def given(settings: tuple[str, ...], input_: str | None, spec: Spec | None = None) -> dict[str, Any]:
    """The bindings that `--set` and `--input` ask for. Raises VcalcError for one that is no NAME=VALUE."""
    bindings: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name or not value:
            raise VcalcError("binding", f"--set {setting} is no binding", hint="write --set classes=10 or --set H=32*h")
        if name in bindings:
            raise VcalcError("binding", f"--set binds {name} twice")
        bindings[name] = value
    if input_ is not None:
        bindings = {**_sizes(input_, spec), **bindings}
    return bindings


def _sizes(text: str, spec: Spec | None) -> dict[str, str]:
    sizes = [size.strip() for size in text.lower().replace("×", "x").split("x")]
    names = {3: ("C", "H", "W"), 2: ("N", "D"), 1: ("D",)}.get(len(sizes), ())
    if not names or not all(size.isdigit() for size in sizes):
        raise VcalcError(
            "input", f"--input {text} is no size", hint="write 3x224x224, or 512x768 for N tokens of width D"
        )
    if spec is not None and set(spec.input) != set(names):
        raise VcalcError("input", f"--input {text} has {len(sizes)} sizes; {spec.title} takes {'x'.join(spec.input)}")
    return dict(zip(names, sizes, strict=True))


def costs_of(network: Network, convention: str | None, batch: str, dtype: str) -> Costs:
    """A network's costs as `--convention`, `--batch` and `--dtype` ask for them."""
    from vcalc import conventions
    from vcalc.analyses.cost import Costs

    name = convention or network.spec.convention or conventions.DEFAULT
    return Costs(network.graph, conventions.load(name), batch_size(batch), dtype)


def batch_size(text: str) -> Any:
    """`--batch` as a number, or as a symbol where it is a name."""
    if text.isdigit() and 0 < int(text) <= 10**12:
        return int(text)
    if text.isidentifier():
        from vcalc import symbols

        return symbols.symbol(text)
    raise VcalcError("batch", f"--batch {text} is neither a whole number, 1 or more, nor a name")


def emit(report: Report, format_: str | None, output: str | None) -> None:
    """Print a report, or write it to a file by way of a temporary one beside it."""
    if output is None:
        on_terminal = sys.stdout.isatty()
        format_ = format_ or ("rich" if on_terminal else "plain")
        width = _terminal_width() if on_terminal else None
        click.echo(render(report, format_, width), nl=False, color=on_terminal)
        return
    suffix = os.path.splitext(output)[1].lower()
    _write(render(report, format_ or _SUFFIXES.get(suffix, "plain")), output)


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _write(text: str, path: str) -> None:
    import tempfile

    folder = os.path.dirname(os.path.abspath(path))
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".vcalc-", delete=False) as file:
            temporary = file.name
            file.write(text)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise VcalcError("output", f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
