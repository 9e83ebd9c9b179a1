"""The command line: one function a command, one file a group of them, loaded only when called."""

from __future__ import annotations

import gc

gc.set_threshold(500_000, 20, 100)  # A run is short: collecting while it starts costs more than it frees.

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from vcalc.cli import process
from vcalc.errors import VcalcError, printable

COMMANDS = {
    "list": "catalogue",
    "table": "table",
    "compare": "compare",
    "block": "block",
    "formula": "table",
    "claims": "claims",
    "conventions": "conventions",
    "why": "conventions",
    "memory": "memory",
    "training": "training",
    "devices": "training",
    "check": "check",
    "import": "import_",
    "validate": "validate",
    "export": "validate",
    "layers": "catalogue",
    "schema": "schema",
    "diff": "diff",
    "new": "new",
    "fmt": "fmt",
}
"""Each command and the module that holds it."""


class _Refused(click.ClickException):
    """A question that was wrong: one message, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"error: {self.message}", err=True)


class Cli(click.Group):
    """Loads a command's module when it is called, and turns VcalcError into a message."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"vcalc.cli.{COMMANDS[cmd_name]}"), f"{cmd_name}_command")
        if _DEBUG not in command.params:
            for parameter in command.params:
                parameter.callback = parameter.callback or _not_empty
            command.params.append(_DEBUG)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            args = ["table", *args] if _is_model(args[0]) else args
        return super().resolve_command(ctx, args)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run as the program: the process ends."""
        process.run(lambda: self.main(*args, **kwargs))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _explained():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _explained():
            return super().invoke(ctx)


@contextmanager
def _explained() -> Iterator[None]:
    """Errors as messages."""
    try:
        yield
    except VcalcError as error:
        raise _Refused(str(error)) from None
    except click.UsageError as error:
        from vcalc.cli.usage import mended

        problem = mended(error)
        if problem is None:
            raise
        raise _Refused(str(problem)) from None
    except OSError as error:
        reason = process.reason(error)
        if error.filename is not None:
            raise _Refused(f"{printable(str(error.filename))}: {reason}") from None
        process.drop_output(1)
        raise _Refused(f"the output cannot be written: {reason}") from None


def _is_model(word: str) -> bool:
    """Whether a word in a command's place is a model, or a spec. Raises VcalcError for one that is nothing."""
    from vcalc.spec.find import find, is_file_name

    if is_file_name(word):
        return True
    try:
        find(word)
    except VcalcError as error:
        from vcalc.cli.usage import no_command

        raise no_command(word, COMMANDS, error) from None
    return True


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from vcalc import __version__

        click.echo(f"vcalc {__version__}")
        ctx.exit()


def _not_empty(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse a value that is empty, as a shell's variable is that is not set: it would pass for none at all."""
    source = ctx.get_parameter_source(parameter.name or "")
    values = value if isinstance(value, tuple) else (value,)
    if source is ParameterSource.COMMANDLINE and any(isinstance(v, str) and not v.strip(" ,") for v in values):
        if not isinstance(parameter, click.Option):
            raise VcalcError("usage", f"{(parameter.name or '').upper()} is empty", hint="give it a value")
        name = parameter.opts[0]
        hint = f"write {name} {parameter.make_metavar(ctx)}, or leave it out"
        raise VcalcError("usage", f"{name} is empty", hint=hint)
    return value


def _debug(_: click.Context, __: click.Parameter, wanted: bool) -> None:
    if wanted:
        process.show_traceback()


_DEBUG = click.Option(["--debug"], is_flag=True, expose_value=False, is_eager=True, callback=_debug, hidden=True)
"""What every command takes, too."""


@click.command(cls=Cli, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_debug,
    help="Show the traceback where vcalc itself fails; every command takes it, too.",
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
)
def main() -> None:
    """Memory, parameters and FLOPs of vision architectures, as exact numbers and as formulas.

    A MODEL is a name from `vcalc list` in any spelling (VGG-16, vit_b_16), another library's name for it, a spec file
    (net.yaml, or net.yaml:model where it holds several), or - for a spec on standard input. `vcalc MODEL` is short for
    `vcalc table MODEL`.
    """
