"""`migrate explain`: one person, from the records in Cognito to what the next `apply` would do, and by which rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command
from engine.cli.day import AsOfOption
from engine.views.console import Console

if TYPE_CHECKING:
    from pathlib import Path

    from engine.run.explanation import Explanation

WhoArgument = Annotated[
    str,
    typer.Argument(
        metavar="WHO", help="Address, sub, username or WorkOS id; POOL/SUB where the plan has several pools."
    ),
]
ShownValuesOption = Annotated[
    bool, typer.Option("--values", help="Show values too, not their lengths alone: personal data.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate explain plans/production.yaml ann@acme.com")(explain)


def explain(
    plan: PlanArgument,
    who: WhoArgument,
    values: ShownValuesOption = False,
    as_of: AsOfOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show one person: records, filters, merging, fields, state, WorkOS, and what apply would do by which rule."""
    from engine.cli.wiring import run

    with command(json=json, quiet=quiet) as console:
        found = run(_explain(console, plan, who, as_of=as_of, sandbox=sandbox))
        console.warn(*found.warnings)
        if json:
            console.document(found.to_json(values=values))
        else:
            from engine.views.explanation import render_explanation

            console.answer(render_explanation(found, values=values))


async def _explain(console: Console, path: Path, who: str, *, as_of: str | None, sandbox: bool) -> Explanation:
    from engine.cli.wiring import preview
    from engine.run.explaining import run_explain

    async with preview(console, path, sandbox=sandbox, as_of=as_of) as (session, watch):
        return await run_explain(session, who, watch=watch)
