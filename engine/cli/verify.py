"""`migrate verify`: pool and WorkOS read afresh and compared, whatever the state says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command
from engine.cli.day import AsOfOption
from engine.views.console import Console

if TYPE_CHECKING:
    from pathlib import Path

    from engine.run.verify_result import VerifyResult

SampleOption = Annotated[
    int | None,
    typer.Option("--sample", metavar="N", min=1, help="Compare N users drawn at random.", show_default=False),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Drift and extra users count as differences.")]


BothValuesOption = Annotated[bool, typer.Option("--values", help="Show both values of what differs: personal data.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate verify plans/production.yaml --sample 500")(verify)


def verify(
    plan: PlanArgument,
    sample: SampleOption = None,
    strict: StrictOption = False,
    values: BothValuesOption = False,
    as_of: AsOfOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare pool and WorkOS field by field, independent of the state; ends with 3 where they differ."""
    from engine.cli.wiring import run
    from engine.views.check_markdown import render_verify_markdown

    with command(json=json, quiet=quiet) as console:
        result = run(_verify(console, plan, sample=sample, strict=strict, values=values, as_of=as_of, sandbox=sandbox))
        console.warn(*result.warnings)
        console.note_result(result.to_json())
        console.summarise(render_verify_markdown(result))
        if json:
            console.document(result.to_json())
        else:
            from engine.views.verification import render_verify

            console.say("", *render_verify(result))
        raise typer.Exit(result.exit_code)


async def _verify(
    console: Console, path: Path, *, sample: int | None, strict: bool, values: bool, as_of: str | None, sandbox: bool
) -> VerifyResult:
    from engine.cli.wiring import preview
    from engine.run.verifying import run_verify

    async with preview(console, path, sandbox=sandbox, as_of=as_of) as (session, watch):
        return await run_verify(session, watch=watch, sample=sample, strict=strict, values=values)
