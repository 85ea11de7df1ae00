"""`migrate schema`: the plan file's JSON Schema, for editors and for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.command import JsonOption, QuietOption, command


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate schema --out plan.v1.schema.json")(schema)


def schema(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it into a new file instead.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print the plan file's JSON Schema, or write it; never over a file that is there."""
    from engine.plan_file.schema import plan_schema_text
    from engine.workspace.named_files import NamedFile

    with command(json=json, quiet=quiet) as console:
        text = plan_schema_text().rstrip("\n") + "\n"
        if out is None:
            console.stream([text])
            return
        NamedFile(out, public=True, option="").write(text.encode())
        if console.json:
            console.document({"schema": "schema-file.v1", "command": "schema", "file": str(out)})
        console.say(f"{out}: written")
