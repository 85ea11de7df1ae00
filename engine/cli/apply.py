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
from engine.cli.command import (
    JsonOption,
    OverwriteOption,
    PaceOption,
    PlanArgument,
    QuietOption,
    SandboxOption,
    command,
)
from engine.cli.day import AsOfOption
from engine.cli.summary import Summary, SummaryOption
from engine.model.errors import EXIT_CHANGES, EXIT_OK
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.cli.reviewing import ReviewFile
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
    app.command(epilog="Example: migrate plan plans/production.yaml --out reviewed.plan")(plan)
    app.command(epilog="Example: migrate apply plans/production.yaml --expect reviewed.plan")(apply)


def apply(
    plan: PlanArgument,
    sandbox: SandboxOption = False,
    pace: PaceOption = False,
    no_refresh: NoRefreshOption = False,
    limit: PeopleLimitOption = None,
    target: TargetOption = None,
    as_of: AsOfOption = None,
    every: EveryOption = None,
    until: UntilOption = None,
    expect: ExpectOption = None,
    allow_growth: GrowthOption = False,
    summary: SummaryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Carry out the plan without asking. A second run does only what is left."""
    from engine.cli.applying import Applying, schedule_of
    from engine.cli.reviewing import expectation
    from engine.cli.wiring import run
    from engine.run.canary import Canary

    told = Summary(summary, plan, target or ())
    with command(json=json, quiet=quiet, refused=told.tell_refusal) as console:
        told.begin()
        canary, expected = Canary.of(limit, target), expectation(expect, allow_growth=allow_growth)
        applying = Applying(
            console, sandbox=sandbox, pace=pace, refresh=not no_refresh, canary=canary, expected=expected, as_of=as_of
        )
        schedule = schedule_of(every, until, applying.clock.now())
        result = run(applying.once(plan) if schedule is None else applying.until(plan, schedule))
        console.warn(*result.warnings)
        told.tell_apply(console, result)
        console.note_result(result.to_json())
        if json:
            console.document(result.to_json())
        else:
            from engine.views.commands import repeated
            from engine.views.results import render_apply

            given = (
                ("--pace", pace), ("--no-refresh", no_refresh), ("--limit", limit), ("--target", target),
                ("--every", every), ("--until", until), ("--expect", expect), ("--allow-growth", allow_growth),
            )  # fmt: skip
            console.say("", *render_apply(result, repeated("apply", *given)))
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
    out: ReviewOutOption = None,
    overwrite: OverwriteOption = False,
    summary: SummaryOption = None,
    detailed_exitcode: DetailedExitcode = False,
    as_of: AsOfOption = None,
    show: ShowOption = 5,
    values: ChangedValuesOption = False,
    users: ChangedUsersOption = None,
    changes: ChangesOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print what apply would do, change by change, how many requests it takes and how long; changes nothing."""
    from engine.cli.reviewing import ReviewFile
    from engine.cli.wiring import run

    told = Summary(summary, plan)
    with command(json=json, quiet=quiet, refused=told.tell_refusal) as console:
        told.begin()
        options = ShowOptions(show, values, users, changes)
        check_show_options(options, json=json)
        review = ReviewFile.of(out, plan, overwrite=overwrite)
        result = run(
            _plan(
                console, plan, options, sandbox=sandbox, pace=pace, refresh=not no_refresh, review=review, as_of=as_of
            )
        )
        console.warn(*result.warnings)
        told.tell_plan(console, result)
        console.note_result(result.to_json())
        if json:
            console.document(result.to_json())
        else:
            from engine.views.results import render_plan

            console.say("", *render_plan(result))
            if changes is not None:
                console.say(f"changes written to {changes}")
        raise typer.Exit(EXIT_CHANGES if detailed_exitcode and result.changes else EXIT_OK)


async def _plan(
    console: Console,
    path: Path,
    options: ShowOptions,
    *,
    sandbox: bool,
    pace: bool,
    refresh: bool,
    review: ReviewFile | None,
    as_of: str | None,
) -> PlanResult:
    from engine.cli.applying import tell_mfa
    from engine.cli.wiring import preview
    from engine.run.migration import run_plan

    async with preview(console, path, sandbox=sandbox, pace=pace, as_of=as_of) as (session, watch):
        session.refresh = refresh
        keep = review.keeper(session) if review is not None else None
        with showing(console, session, watch, options) as look:
            result = await run_plan(session, watch=watch, look=look, keep=keep)
        result = replace(result, diff=look.diff)
        if review is not None:
            console.say(review.sentence())
        tell_mfa(console, session.spec, result.source.selected)
        return result
