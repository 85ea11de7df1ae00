"""`migrate validate`: the plan file's shape and sense. Contacts nobody and needs no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.command import JsonOption, QuietOption, command, diagnostic_json
from engine.model.diagnostics import Diagnostic
from engine.model.errors import InvalidPlanFile

PlansArgument = Annotated[list[Path], typer.Argument(metavar="PLAN...", help="Plan files.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate validate plans/*.yaml")(validate)


def validate(plans: PlansArgument, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Check plan files, schema and sense; contacts nobody."""
    from engine.plan_file.loader import load
    from engine.workspace.folder import sweep

    with command(json=json, quiet=quiet) as console:
        found: list[Diagnostic] = []
        warnings: list[Diagnostic] = []
        states: dict[Path, Path] = {}  # by whom each state is used
        for path in plans:
            try:
                loaded = load(path, resolve=False)
            except InvalidPlanFile as error:
                found.extend(error.found)
                continue
            sweep(loaded.spec.state_path)
            other = states.setdefault(loaded.spec.state_path.resolve(), path)
            if other.resolve() != path.resolve():
                # Each would take the other's users for its own, and those it does not select for gone.
                found.append(
                    Diagnostic(
                        "shared_state",
                        f"{path} and {other} have one state, {loaded.spec.state_path}",
                        "give each plan a name or a state.path of its own",
                    )
                )
                continue
            warnings.extend(loaded.warnings)
            console.warn(*loaded.warnings)
            console.say(f"{path}: valid")
        if found:
            raise InvalidPlanFile(found)
        if json:
            console.document(
                {
                    "schema": "validate.v1",
                    "command": "validate",
                    "valid": [str(path) for path in plans],
                    "warnings": [diagnostic_json(one) for one in warnings],
                }
            )
