"""`migrate apply` and `migrate plan`: one migration carried out, and one foreseen."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PaceOption, PlanArgument, QuietOption, SandboxOption, command
from engine.cli.day import AsOfOption, day_of
from engine.model.errors import EXIT_CHANGES, EXIT_OK, MigrateError
from engine.plan_file.model import Spec
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.run.canary import Canary
    from engine.run.results import ApplyResult, PlanResult

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
    as_of: AsOfOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Carry out the plan without asking. A second run does only what is left."""
    from engine.cli.wiring import run
    from engine.run.canary import Canary

    with command(json=json, quiet=quiet) as console:
        canary = Canary.of(limit, target)
        refresh = not no_refresh
        result = run(_apply(console, plan, sandbox=sandbox, pace=pace, refresh=refresh, canary=canary, as_of=as_of))
        for one in result.warnings:
            console.warn(one)
        if json:
            console.document(result.to_json())
        else:
            from engine.views.results import render_apply

            console.say("", *render_apply(result))
            from engine.resets.results import SendResult

            if isinstance(result.resets, SendResult):
                from engine.views.resets import render_send

                console.say("", *render_send(result.resets))
        raise typer.Exit(result.exit_code)


def plan(
    plan: PlanArgument,
    sandbox: SandboxOption = False,
    pace: PaceOption = False,
    no_refresh: NoRefreshOption = False,
    detailed_exitcode: DetailedExitcode = False,
    as_of: AsOfOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print what apply would do, how many requests it takes and how long; changes nothing."""
    from engine.cli.wiring import run

    with command(json=json, quiet=quiet) as console:
        result = run(_plan(console, plan, sandbox=sandbox, pace=pace, refresh=not no_refresh, as_of=as_of))
        for one in result.warnings:
            console.warn(one)
        if json:
            console.document(result.to_json())
        else:
            from engine.views.results import render_plan

            console.say("", *render_plan(result))
        raise typer.Exit(EXIT_CHANGES if detailed_exitcode and result.changes else EXIT_OK)


async def _apply(
    console: Console, path: Path, *, sandbox: bool, pace: bool, refresh: bool, canary: Canary | None, as_of: str | None
) -> ApplyResult:
    from engine.cli.wiring import open_spec, session_for, watch_of
    from engine.resets.session import send_after_apply, sends_after_apply
    from engine.run.migration import run_apply
    from engine.run.stopping import Stop, signals
    from engine.workspace.folder import Workspace

    with ExitStack() as stack:
        spec = open_spec(console, path, sandbox=sandbox)
        day = day_of(as_of, spec)
        workspace = Workspace(spec.state_path)
        stages = stack.enter_context(console.stages())
        stop = Stop()
        stack.enter_context(signals(stop))
        with workspace.locked():
            try:
                async with session_for(console, spec, sandbox=sandbox, workspace=workspace, pace=pace) as session:
                    session.refresh, session.canary, session.as_of = refresh, canary, day
                    result = await run_apply(
                        session,
                        watch=watch_of(stages, session, stop),
                        writing=lambda total: stages.begin("writing", total),
                        stop=stop,
                    )
                    if canary is not None and sends_after_apply(spec):
                        # They go to everybody who has come by then: that is no matter of a few.
                        note = "no reset e-mails are sent after --limit or --target: `migrate resets send` sends them"
                        result = replace(result, warnings=(*result.warnings, note))
                    elif result.stopped is None and sends_after_apply(spec):
                        watch, sending = watch_of(stages, session, stop), lambda total: stages.begin("sending", total)
                        resets = await send_after_apply(session, watch=watch, sending=sending, stop=stop)
                        result = replace(result, resets=resets, warnings=(*result.warnings, *resets.warnings))
                    _tell_mfa(console, spec, result.source.selected)
                    return result
            except MigrateError:
                workspace.discard()
                raise


async def _plan(
    console: Console, path: Path, *, sandbox: bool, pace: bool, refresh: bool, as_of: str | None
) -> PlanResult:
    from engine.cli.wiring import preview
    from engine.run.migration import run_plan

    async with preview(console, path, sandbox=sandbox, pace=pace) as (session, watch):
        session.refresh, session.as_of = refresh, day_of(as_of, session.spec)
        result = await run_plan(session, watch=watch)
        _tell_mfa(console, session.spec, result.source.selected)
        return result


def _tell_mfa(console: Console, spec: Spec, selected: int) -> None:
    if spec.mfa == "report":
        console.say(f"mfa: `migrate resets mfa` lists who must enrol again; at most {selected:,} calls to Cognito")
