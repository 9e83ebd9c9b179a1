"""What is wrong with a command line, said as every other error: what was found, and what would have worked.

Imported where there is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

import click

from vcalc import foreign
from vcalc.errors import VcalcError, listing, nearest, printable, quoted, suggestion

_NO_PLACE = "there is no place for "


def mended(error: click.UsageError) -> VcalcError | None:
    """The error as ours; None for one that is no error, but a question for help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return None
    if isinstance(error, click.NoSuchOption):
        return _no_option(error)
    message = printable(" ".join(error.format_message().split())).rstrip(".")
    message = re.sub(r"^Invalid value for '([^']*)':", r"\1:", message)
    message = re.sub(r"^Missing (argument|parameter) '([^']*)'", rf"{_command(error)} needs a \2", message)
    message = re.sub(r"^Option '(-[^']*)'", r"\1", message)
    message = re.sub(r"^Got unexpected extra arguments? \((.*)\)", rf"{_NO_PLACE}'\1'", message)
    hint = _usage(error)
    if message.startswith(_NO_PLACE):
        hint = _meant_extra(message.removeprefix(_NO_PLACE).strip("'").split(" ")[0], error) or hint
    return VcalcError("usage", message[:1].lower() + message[1:], hint=hint)


def _meant_extra(word: str, error: click.UsageError) -> str:
    """What a word was meant to be that the command has no place for; empty where that cannot be told."""
    if "=" in word and "--set" in _options(error.ctx):
        return f"each has an option of its own: --set {word}"
    from vcalc.spec.find import find, is_file_name

    if "[OPTIONS] MODEL" not in _usage(error):
        return ""
    with suppress(VcalcError):
        if is_file_name(word) or find(word):
            return "one model at a time; `vcalc compare` takes several"
    return f"a value with a space in it stands in quotes; {_usage(error)}"


def _no_option(error: click.NoSuchOption) -> VcalcError:
    options = _options(error.ctx)
    name = error.option_name
    close = " or ".join(f"'--{each}'" for each in nearest(name.lstrip("-"), [option[2:] for option in options]))
    if error.ctx and isinstance(error.ctx.command, click.Group) and not close:
        hint = "options follow a command or a model: vcalc table vgg16 --depth 1, vcalc vgg16 --depth 1"
    elif foreign.meant("options", name, options) is not None:
        hint = foreign.hint("options", name, options, "it has")
    else:  # by the spelling without the dashes, which all of them have
        hint = f"did you mean {close}?" if close else listing(options, "it has")
    return VcalcError("usage", f"there is no option {quoted(name)}", hint=hint or _usage(error))


def _options(context: click.Context | None) -> list[str]:
    parameters = context.command.get_params(context) if context else []
    return [name for each in parameters if isinstance(each, click.Option) for name in each.opts if name[:2] == "--"]


def _command(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx else "vcalc"


def _usage(error: click.UsageError) -> str:
    if error.ctx is None:
        return ""
    usage = " ".join(error.ctx.get_usage().split()).removeprefix("Usage: ")
    return f"{usage}; {error.ctx.command_path} --help says more"


def same_format(name: str, formats: Iterable[str]) -> str:
    """The format that a name is just another name of (`md`, `tex`); empty where it is none, or one like it."""
    same = [answer for answer in foreign.answers("formats", name) if answer.write in formats]
    return same[0].write if len(same) == 1 and not same[0].says else ""


def no_choice(name: str, value: str, choices: Iterable[str], section: str) -> VcalcError:
    """The error for a word that is none of an option's choices."""
    choices = list(choices)
    hint = foreign.hint(section, value, choices, "it can be") if section else suggestion(value, choices, "it can be")
    return VcalcError("usage", f"{name} cannot be {quoted(printable(value))}", hint=hint)


def no_command(name: str, commands: Iterable[str], as_model: VcalcError) -> VcalcError:
    """The error for a word in a command's place that is no model either, for the reason that is given."""
    from vcalc.source.walk import meant_file
    from vcalc.spec.find import beginning

    commands = list(commands)
    problem = as_model.problems[0]
    is_model = foreign.answers("models", name) or beginning(name)
    near = foreign.answers("commands", name) or (nearest(name, commands) and not is_model)
    if near and not meant_file(name):
        problem.hint = foreign.hint("commands", name, commands, "commands")
    return VcalcError("usage", problem.message.replace("no model", "no command or model", 1), hint=problem.hint)
