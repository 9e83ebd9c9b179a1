"""`vcalc new`: a spec to begin with."""

from __future__ import annotations

import click

from vcalc.cli.options import MODEL


@click.command("new", short_help="A new spec, each part of it explained.")
@click.argument("name")
@click.option("--from", "model", type=MODEL, help="Begin with a copy of this model's spec.")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="The file, NAME.yaml if not said; - prints it.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def new_command(name: str, model: str | None, output: str | None, force: bool) -> None:
    """Write a spec called NAME, with comments: a small network that classifies images, or a copy of a model's spec.

    \b
    vcalc new my-net
    vcalc new my-resnet --from resnet50 -o specs/my-resnet.yaml
    """
    import os

    from vcalc.analyses.accept import accepted
    from vcalc.cli.output import write_text
    from vcalc.errors import VcalcError, printable
    from vcalc.spec.find import is_file_name, load, split_model
    from vcalc.spec.scaffold import check_name, copied_spec, first_spec

    name = name.removesuffix(".yaml")
    check_name(name)
    file = output if output not in (None, "-") else f"{name}.yaml"
    assert file is not None
    if not is_file_name(file) or split_model(file)[1]:
        raise VcalcError("output", f"a spec's name ends in .yaml, and {file} does not", hint=f"--output {name}.yaml")
    shown = file if file.isprintable() else os.path.basename(name)
    text = copied_spec(name, shown, *load(model)) if model else first_spec(name, shown)
    text = accepted(text, shown, name)
    if output == "-":
        click.echo(text, nl=False)
        return
    if os.path.lexists(file) and not force:
        raise VcalcError("output", f"{file} is there already", hint="--force writes over it; --output names another")
    write_text(text, file)
    click.echo(f"{printable(file)} is written: vcalc table {printable(file)}")
