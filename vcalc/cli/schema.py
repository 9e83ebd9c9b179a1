"""`vcalc schema`: the JSON Schema of spec files, for editors."""

from __future__ import annotations

import click


@click.command("schema", short_help="The JSON Schema of spec files, for editors.")
@click.argument(
    "kind", type=click.Choice(["spec", "claims", "written", "convention"]), default="spec", metavar="[KIND]"
)
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="Write to a file, whole or not at all.")
def schema_command(kind: str, output: str | None) -> None:
    """The JSON Schema (draft 2020-12) of spec files: completion, documentation and checks in an editor.

    KIND is spec (if not said), claims or written for the files in the folders of that name beside specs, or
    convention for a convention of your own.

    \b
    vcalc schema -o vcalc.schema.json
    and, as the first line of a spec:
    # yaml-language-server: $schema=vcalc.schema.json
    """
    import json

    from vcalc.cli.output import check_suffix, deliver
    from vcalc.reports.schema import SCHEMAS

    check_suffix(output, ".json", "it is JSON")
    text = json.dumps(SCHEMAS[kind](), indent=2, ensure_ascii=False) + "\n"
    deliver(text, output)
