"""`migrate schema`: the plan file's JSON Schema, for editors and for CI."""

from __future__ import annotations

import typer

from engine.cli.command import JsonOption, QuietOption, command


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate schema > plan.v1.schema.json")(schema)


def schema(json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Print the plan file's JSON Schema."""
    from engine.plan_file.schema import plan_schema_text

    with command(json=json, quiet=quiet) as console:
        console.stream([plan_schema_text().rstrip("\n") + "\n"])
