"""`migrate apply` and `migrate plan`: one migration carried out, and one foreseen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.changes import (
    ChangedUsersOption,
    ChangedValuesOption,
    ChangesOption,
    ShowOption,
    ShowOptions,
    check_show_options,
    showing,
)
from engine.cli.command import JsonOption, PaceOption, PlanArgument, QuietOption, SandboxOption, command
from engine.model.errors import EXIT_CHANGES, EXIT_OK
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.run.results import PlanResult

DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="End with 2 where apply would change something.")
]

PeopleLimitOption = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Write N users with changes at most.", show_default=False),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target", metavar="SUB|ADDRESS", help="Write this user, with what they need, and nobody else; repeatable.",
        show_default=False,
    ),
]  # fmt: skip
NoRefreshOption = Annotated[
    bool, typer.Option("--no-refresh", help="Do not look for users deleted in WorkOS since the last run.")
]
EveryOption = Annotated[
    str | None,
    typer.Option("--every", metavar="15m", help="Apply again and again, this far apart.", show_default=False),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="TIME", help="With --every: when the last round begins (ISO 8601, with its zone).",
        show_default=False,
    ),
]  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: migrate apply plans/production.yaml")(apply)
    app.command(epilog="Example: migrate plan plans/production.yaml --detailed-exitcode")(plan)


def apply(
    plan: PlanArgument,
    sandbox: SandboxOption = False,
    pace: PaceOption = False,
    no_refresh: NoRefreshOption = False,
    limit: PeopleLimitOption = None,
    target: TargetOption = None,
    every: EveryOption = None,
    until: UntilOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Carry out the plan without asking. A second run does only what is left."""
    from engine.cli.applying import Applying, schedule_of
    from engine.cli.wiring import run
    from engine.run.canary import Canary
    from engine.views.step_summary import summarise_apply

    with command(json=json, quiet=quiet) as console:
        canary = Canary.of(limit, target)
        applying = Applying(console, sandbox=sandbox, pace=pace, refresh=not no_refresh, canary=canary)
        schedule = schedule_of(every, until, applying.clock.now())
        result = run(applying.once(plan) if schedule is None else applying.until(plan, schedule))
        for one in result.warnings:
            console.warn(one)
        console.note_result(result.to_json())
        console.summarise(summarise_apply(result))
        if json:
            console.document(result.to_json())
        else:
            from engine.views.results import render_apply

            console.say("", *render_apply(result))
            from engine.resets.results import SendResult

            if isinstance(result.resets, SendResult):
                from engine.views.resets import render_send

                console.say("", *render_send(result.resets))
            if applying.ready is not None:
                from engine.views.ready import render_ready

                console.say("", *render_ready(applying.ready))
        raise typer.Exit(result.exit_code)


def plan(
    plan: PlanArgument,
    sandbox: SandboxOption = False,
    pace: PaceOption = False,
    no_refresh: NoRefreshOption = False,
    detailed_exitcode: DetailedExitcode = False,
    show: ShowOption = 5,
    values: ChangedValuesOption = False,
    users: ChangedUsersOption = None,
    changes: ChangesOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print what apply would do, change by change, how many requests it takes and how long; changes nothing."""
    from engine.cli.wiring import run
    from engine.views.step_summary import summarise_plan

    with command(json=json, quiet=quiet) as console:
        options = ShowOptions(show, values, users, changes)
        check_show_options(options, json=json)
        result = run(_plan(console, plan, options, sandbox=sandbox, pace=pace, refresh=not no_refresh))
        for one in result.warnings:
            console.warn(one)
        console.note_result(result.to_json())
        console.summarise(summarise_plan(result))
        if json:
            console.document(result.to_json())
        else:
            from engine.views.results import render_plan

            console.say("", *render_plan(result))
            if changes is not None:
                console.say(f"changes written to {changes}")
        raise typer.Exit(EXIT_CHANGES if detailed_exitcode and result.changes else EXIT_OK)


async def _plan(
    console: Console, path: Path, options: ShowOptions, *, sandbox: bool, pace: bool, refresh: bool
) -> PlanResult:
    from engine.cli.applying import tell_mfa
    from engine.cli.wiring import preview
    from engine.run.migration import run_plan

    async with preview(console, path, sandbox=sandbox, pace=pace) as (session, watch):
        session.refresh = refresh
        with showing(console, session, watch, options) as look:
            result = await run_plan(session, watch=watch, look=look)
        result = replace(result, diff=look.diff)
        tell_mfa(console, session.spec, result.source.selected)
        return result
