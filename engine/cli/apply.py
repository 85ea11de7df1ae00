"""`migrate apply` and `migrate plan`: one migration carried out, and one foreseen."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import (
    JsonOption,
    OverwriteOption,
    PaceOption,
    PlanArgument,
    QuietOption,
    SandboxOption,
    command,
)
from engine.cli.summary import Summary, SummaryOption
from engine.model.errors import EXIT_CHANGES, EXIT_OK, MigrateError
from engine.plan_file.model import Spec
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.cli.reviewing import ReviewFile
    from engine.run.expectation import Expectation
    from engine.run.results import ApplyResult, PlanResult

DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="End with 2 where apply would change something.")
]

NoRefreshOption = Annotated[
    bool, typer.Option("--no-refresh", help="Do not look for users deleted in WorkOS since the last run.")
]
ReviewOutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", help="Keep the plan for review (0600), for apply --expect FILE."),
]
ExpectOption = Annotated[
    str | None,
    typer.Option(
        "--expect",
        metavar="DIGEST|FILE",
        help="Do exactly what was reviewed, or nothing: the digest that plan printed, or the file of its --out.",
    ),
]
GrowthOption = Annotated[
    bool, typer.Option("--allow-growth", help="With --expect FILE: let sign-ups since the review pass.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: migrate apply plans/production.yaml --expect reviewed.plan")(apply)
    app.command(epilog="Example: migrate plan plans/production.yaml --out reviewed.plan")(plan)


def apply(
    plan: PlanArgument,
    sandbox: SandboxOption = False,
    pace: PaceOption = False,
    no_refresh: NoRefreshOption = False,
    expect: ExpectOption = None,
    allow_growth: GrowthOption = False,
    summary: SummaryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Carry out the plan without asking. A second run does only what is left."""
    from engine.cli.reviewing import expectation
    from engine.cli.wiring import run

    told = Summary(summary, plan)
    with command(json=json, quiet=quiet, refused=told.tell_refusal) as console:
        told.begin()
        expected = expectation(expect, allow_growth=allow_growth)
        result = run(_apply(console, plan, sandbox=sandbox, pace=pace, refresh=not no_refresh, expected=expected))
        for one in result.warnings:
            console.warn(one)
        told.tell_apply(console, result)
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
    out: ReviewOutOption = None,
    overwrite: OverwriteOption = False,
    summary: SummaryOption = None,
    detailed_exitcode: DetailedExitcode = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print what apply would do, how many requests it takes and how long; changes nothing."""
    from engine.cli.reviewing import ReviewFile
    from engine.cli.wiring import run

    told = Summary(summary, plan)
    with command(json=json, quiet=quiet, refused=told.tell_refusal) as console:
        told.begin()
        review = ReviewFile.of(out, overwrite=overwrite)
        result = run(_plan(console, plan, sandbox=sandbox, pace=pace, refresh=not no_refresh, review=review))
        for one in result.warnings:
            console.warn(one)
        told.tell_plan(console, result)
        if json:
            console.document(result.to_json())
        else:
            from engine.views.results import render_plan

            console.say("", *render_plan(result))
        raise typer.Exit(EXIT_CHANGES if detailed_exitcode and result.changes else EXIT_OK)


async def _apply(
    console: Console, path: Path, *, sandbox: bool, pace: bool, refresh: bool, expected: Expectation | None
) -> ApplyResult:
    from engine.cli.wiring import open_spec, session_for, watch_of
    from engine.resets.session import send_after_apply, sends_after_apply
    from engine.run.migration import run_apply
    from engine.run.stopping import Stop, signals
    from engine.workspace.folder import Workspace

    with ExitStack() as stack:
        spec = open_spec(console, path, sandbox=sandbox)
        workspace = Workspace(spec.state_path)
        stages = stack.enter_context(console.stages())
        stop = Stop()
        stack.enter_context(signals(stop))
        with workspace.locked():
            try:
                async with session_for(console, spec, sandbox=sandbox, workspace=workspace, pace=pace) as session:
                    session.refresh = refresh
                    result = await run_apply(
                        session,
                        watch=watch_of(stages, session, stop),
                        writing=lambda total: stages.begin("writing", total),
                        stop=stop,
                        expected=expected,
                    )
                    if result.stopped is None and sends_after_apply(spec):
                        watch, sending = watch_of(stages, session, stop), lambda total: stages.begin("sending", total)
                        resets = await send_after_apply(session, watch=watch, sending=sending, stop=stop)
                        result = replace(result, resets=resets, warnings=(*result.warnings, *resets.warnings))
                    _tell_mfa(console, spec, result.source.selected)
                    return result
            except MigrateError:
                workspace.discard()
                raise


async def _plan(
    console: Console, path: Path, *, sandbox: bool, pace: bool, refresh: bool, review: ReviewFile | None
) -> PlanResult:
    from engine.cli.wiring import preview
    from engine.run.migration import run_plan

    async with preview(console, path, sandbox=sandbox, pace=pace) as (session, watch):
        session.refresh = refresh
        result = await run_plan(session, watch=watch, keep=review.keeper(session) if review is not None else None)
        if review is not None:
            console.say(review.sentence())
        _tell_mfa(console, session.spec, result.source.selected)
        return result


def _tell_mfa(console: Console, spec: Spec, selected: int) -> None:
    if spec.mfa == "report":
        console.say(f"mfa: `migrate resets mfa` lists who must enrol again; at most {selected:,} calls to Cognito")
