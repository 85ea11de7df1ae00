"""`migrate resets`: send, status, sync."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command
from engine.cli.mfa import mfa
from engine.model.errors import MigrateError
from engine.plan_file.model import Spec
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.model.resets import ResetTarget
    from engine.quota.metered import MeteredTarget
    from engine.resets.results import SendResult, StatusResult, SyncResult
    from engine.resets.sending import SendOptions

# Bytes of --only-file: a million subs take 37 MB, and a device never ends.
_LONGEST_LIST = 64 << 20

app = typer.Typer(
    help="Password resets: mail the people who need one, and follow who has come back.",
    epilog="Example: migrate resets send plans/production.yaml --dry-run",
    no_args_is_help=False,
    rich_markup_mode=None,
)

LimitOption = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="Send at most N e-mails.", show_default=False)
]
OnlyOption = Annotated[
    str | None, typer.Option("--only", metavar="SUB,…", help="Mail only these subs.", show_default=False)
]
OnlyFileOption = Annotated[
    Path | None,
    typer.Option("--only-file", metavar="FILE", help="The same from a file, one sub a line.", show_default=False),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="List who is due without sending anything.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Stay for the next batches until all is sent.")]
ResendAfterOption = Annotated[
    str | None,
    typer.Option(
        "--resend-after",
        metavar="7d",
        help="Mail users again whose last e-mail is at least this old.",
        show_default=False,
    ),
]
ResendUnknownOption = Annotated[
    bool, typer.Option("--resend-unknown", help="Also mail users whose delivery is unknown.")
]
DryRunNamesOption = Annotated[bool, typer.Option("--names", help="With --dry-run, list the addresses beside the subs.")]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FOLDER",
        help="With deliver: file, the folder for the links; beside the state.",
        show_default=False,
    ),
]

app.command(epilog="Example: migrate resets mfa plans/production.yaml > enrol-again.tsv")(mfa)


@app.command(epilog="Example: migrate resets send plans/production.yaml --limit 100")
def send(
    plan: PlanArgument,
    limit: LimitOption = None,
    only: OnlyOption = None,
    only_file: OnlyFileOption = None,
    dry_run: DryRunOption = False,
    wait: WaitOption = False,
    resend_after: ResendAfterOption = None,
    resend_unknown: ResendUnknownOption = False,
    names: DryRunNamesOption = False,
    out: OutOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Send the password-reset e-mails that are due, one per user. Run it again for the next batch."""
    from engine.cli.wiring import open_spec, run
    from engine.resets.sending import SendOptions
    from engine.resets.session import outbox_folder

    with command(json=json, quiet=quiet) as console:
        subs, after = _subs(only, only_file), _duration(resend_after)
        spec = open_spec(console, plan, sandbox=sandbox)
        if spec.password_reset.strategy != "email":
            raise MigrateError(
                f"password_reset.strategy is {spec.password_reset.strategy}, so no e-mails are sent",
                remedy="write strategy: email into the plan file to send them",
                code="no_email_strategy",
            )
        options = SendOptions(
            out=out or outbox_folder(spec),
            limit=limit,
            only=subs,
            dry_run=dry_run,
            wait=wait,
            resend_after=after,
            resend_unknown=resend_unknown,
        )
        result = run(_send(console, spec, options, sandbox=sandbox))
        console.warn(*result.warnings)
        if json:
            console.document(result.to_json())
        else:
            from engine.views.resets import render_send

            for person in result.recipients:
                console.data(f"{person.sub}\t{person.email}" if names else person.sub)
            console.say("", *render_send(result))
        raise typer.Exit(result.exit_code)


@app.command(epilog="Example: migrate resets status plans/production.yaml")
def status(
    plan: PlanArgument, sandbox: SandboxOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Count who has signed in or reset their password since the migration; changes nothing."""
    from engine.cli.wiring import run

    with command(json=json, quiet=quiet) as console:
        result = run(_status(console, plan, sandbox=sandbox))
        if json:
            console.document(result.to_json())
        else:
            from engine.views.resets import render_status

            for line in render_status(result):
                console.data(line)


@app.command(epilog="Example: migrate resets sync plans/production.yaml")
def sync(
    plan: PlanArgument, sandbox: SandboxOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Clear the flag of those who have signed in or reset their password since the migration."""
    from engine.cli.wiring import run

    with command(json=json, quiet=quiet) as console:
        result = run(_sync(console, plan, sandbox=sandbox))
        if json:
            console.document(result.to_json())
        else:
            from engine.views.resets import render_sync

            console.say("", *render_sync(result))
        raise typer.Exit(result.exit_code)


async def _send(console: Console, spec: Spec, options: SendOptions, *, sandbox: bool) -> SendResult:
    from engine.cli.stored import reading
    from engine.cli.wiring import session_for, watch_of
    from engine.resets.session import run_send
    from engine.run.identity import state_identity
    from engine.run.stopping import Stop, signals
    from engine.state.place import FilePlace
    from engine.workspace.folder import Workspace

    with ExitStack() as stack:
        with reading(spec) as known:
            key = known.key
        place = FilePlace(spec.state_path)
        workspace = Workspace(spec.state_path, preview=True)
        stages = stack.enter_context(console.stages())
        stop = Stop()
        stack.enter_context(signals(stop))
        if not options.dry_run:
            stack.enter_context(workspace.locked(place))
        async with session_for(console, spec, sandbox=sandbox, workspace=workspace) as session:
            identity = state_identity(spec, sandbox=sandbox)
            opened = reading(spec) if options.dry_run else place.open(identity, key=key)
            with opened as state:
                return await run_send(
                    session,
                    state,
                    options,
                    watch=watch_of(stages, session, stop),
                    sending=lambda total: stages.begin("sending", total),
                    stop=stop,
                )


async def _status(console: Console, path: Path, *, sandbox: bool) -> StatusResult:
    from engine.cli.stored import reading
    from engine.cli.wiring import open_spec
    from engine.resets.returning import run_status
    from engine.run.target_errors import as_target_error

    spec = open_spec(console, path, sandbox=sandbox)
    with reading(spec) as state:
        async with _workos(console, spec, sandbox=sandbox) as (metered, target):
            with as_target_error(spec.destination):
                return await run_status(spec, state, metered, target, sandbox=sandbox)


async def _sync(console: Console, path: Path, *, sandbox: bool) -> SyncResult:
    from engine.cli.stored import editing
    from engine.cli.wiring import open_spec
    from engine.model.clock import SystemClock
    from engine.resets.returning import run_sync
    from engine.run.stopping import Stop, signals
    from engine.run.target_errors import as_target_error

    spec = open_spec(console, path, sandbox=sandbox)
    stop = Stop()
    with editing(spec) as state, signals(stop):
        async with _workos(console, spec, sandbox=sandbox) as (metered, target):
            with as_target_error(spec.destination):
                return await run_sync(spec, state, metered, target, sandbox=sandbox, clock=SystemClock(), stop=stop)


@asynccontextmanager
async def _workos(console: Console, spec: Spec, *, sandbox: bool) -> AsyncIterator[tuple[MeteredTarget, ResetTarget]]:
    """WorkOS alone, proven to be the state's environment: nobody's pool is contacted."""
    from engine.cli.opening import open_resets, open_target, prove_environment
    from engine.cli.wiring import destination_for
    from engine.run.identity import state_identity
    from engine.state.file import StateFile
    from engine.workspace.folder import Workspace

    state = StateFile.read(spec.state_path, state_identity(spec, sandbox=sandbox))
    known: list[str] = []
    if state is not None:
        with state:
            known = state.some_workos_ids()
    async with AsyncExitStack() as stack:
        workspace = Workspace(spec.state_path, preview=True)
        used = await stack.enter_async_context(destination_for(spec, sandbox=sandbox, workspace=workspace))
        metered = await stack.enter_async_context(open_target(used.destination, tell=console.warn, trace=console.trace))
        target = await stack.enter_async_context(open_resets(used.destination, trace=console.trace))
        await prove_environment(metered, known, used.destination)
        yield metered, target


def _subs(only: str | None, only_file: Path | None) -> frozenset[str] | None:
    if only is None and only_file is None:
        return None
    named = (only or "").split(",")
    if only_file is not None:
        try:
            with only_file.open("rb") as file:
                raw = file.read(_LONGEST_LIST + 1)
            if len(raw) > _LONGEST_LIST:
                raise ValueError("without an end")
            named += raw.decode().splitlines()
        except (OSError, ValueError) as error:
            raise MigrateError(
                f"--only-file {only_file} cannot be read ({type(error).__name__})",
                remedy="name a text file with one sub a line, of up to 64 MiB",
                code="bad_usage",
            ) from error
    return frozenset(one.strip() for one in named if one.strip())


def _duration(text: str | None) -> float | None:
    from engine.plan_file.values import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise MigrateError(
            f"--resend-after {text} is no duration",
            remedy="write a whole number and a unit (s, m, h or d), for example 7d",
            code="bad_usage",
        ) from error
