"""`migrate ready`: go or no-go for the cut-over, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command
from engine.cli.day import AsOfOption
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.run.readiness import Readiness


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate ready plans/production.yaml")(ready)


def ready(
    plan: PlanArgument,
    as_of: AsOfOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Go or no-go for the cut-over, each line with its remedy; changes nothing. Ends with 3 for no-go."""
    from engine.cli.wiring import run
    from engine.views.check_markdown import render_ready_markdown

    with command(json=json, quiet=quiet) as console:
        found = run(_ready(console, plan, as_of=as_of, sandbox=sandbox))
        console.warn(*found.result.warnings)
        console.note_result(found.to_json())
        console.summarise(render_ready_markdown(found, console.message))
        if json:
            console.document(found.to_json())
        else:
            from engine.views.ready import render_ready

            console.answer(render_ready(found))
        raise typer.Exit(found.exit_code)


async def _ready(console: Console, path: Path, *, as_of: str | None, sandbox: bool) -> Readiness:
    from engine.cli.wiring import preview
    from engine.run.readiness import run_ready

    async with preview(console, path, sandbox=sandbox, as_of=as_of) as (session, watch):
        return await run_ready(session, watch=watch, hide=console.hide)
