"""`migrate rollback`: shows the way back, and goes it with `--yes`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PaceOption, PlanArgument, QuietOption, SandboxOption, command
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.model.ports import Progress
    from engine.plan_file.model import Spec
    from engine.quota.metered import MeteredTarget
    from engine.run.rollback_results import RollbackResult
    from engine.run.stopping import Stop
    from engine.state.file import StateFile

YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without this, only show what would be done.")]
IncludeActiveOption = Annotated[
    bool, typer.Option("--include-active", help="Also remove users whom somebody uses or has changed since.")
]
OneUserOption = Annotated[
    str | None,
    typer.Option("--target", metavar="WHO", help="One user alone, by sub, address or WorkOS id.", show_default=False),
]
UsersLimitOption = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="N users at most; the rest waits.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate rollback plans/production.yaml --limit 10 --yes")(rollback)


def rollback(
    plan: PlanArgument,
    yes: YesOption = False,
    include_active: IncludeActiveOption = False,
    target: OneUserOption = None,
    limit: UsersLimitOption = None,
    sandbox: SandboxOption = False,
    pace: PaceOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove from WorkOS what this plan made, and nothing else. Run again, it does what is left."""
    from engine.cli.wiring import run
    from engine.views.commands import repeated
    from engine.views.rollback import render_rollback

    with command(json=json, quiet=quiet) as console:
        going = _Going(yes=yes, include_active=include_active, who=target, limit=limit)
        result = run(going.go(console, plan, sandbox=sandbox, pace=pace))
        console.warn(*result.warnings)
        if json:
            console.document(result.to_json())
        else:
            given = ("--include-active", include_active), ("--target", target), ("--limit", limit)
            console.say("", *render_rollback(result, repeated("rollback", *given)))
        raise typer.Exit(result.exit_code)


class _Going:
    def __init__(self, *, yes: bool, include_active: bool, who: str | None, limit: int | None) -> None:
        self._yes, self._include_active, self._who, self._limit = yes, include_active, who, limit

    async def go(self, console: Console, path: Path, *, sandbox: bool, pace: bool) -> RollbackResult:
        from engine.cli.opening import open_environment
        from engine.cli.stored import reading
        from engine.cli.wiring import destination_for, open_spec
        from engine.run.identity import state_identity
        from engine.run.rollback import RollbackOptions, RollbackSurroundings, run_rollback
        from engine.run.stopping import Stop, signals
        from engine.state.place import FilePlace
        from engine.workspace.folder import Workspace

        async with AsyncExitStack() as stack:
            spec = open_spec(console, path, sandbox=sandbox)
            with reading(spec) as known:
                key, ids = known.key, known.some_workos_ids()
            place = FilePlace(spec.state_path)
            workspace = Workspace(spec.state_path, preview=not self._yes)
            stages = stack.enter_context(console.stages())
            stop = Stop()
            stack.enter_context(signals(stop))
            if self._yes:
                stack.enter_context(workspace.locked(place))
            else:
                workspace.prepare()
                stack.callback(workspace.discard)
            identity = state_identity(spec, sandbox=sandbox)
            opened = place.open(identity, key=key) if self._yes else reading(spec)
            state = stack.enter_context(opened)
            used = await stack.enter_async_context(
                destination_for(spec, sandbox=sandbox, workspace=workspace, pace=pace)
            )
            target, workos = await stack.enter_async_context(open_environment(used.destination, ids, tell=console.warn))
            options = RollbackOptions(
                self._yes, self._include_active, await self._key(state, spec, target), self._limit
            )
            around = RollbackSurroundings(
                spec=used, sandbox=sandbox, workspace=workspace, target=target, workos=workos, stop=stop,
                listing=_stoppable(stages.lazily("listing WorkOS"), stop),
                checking=_stoppable(stages.lazily("looking who is in use"), stop),
                removing=lambda total: stages.begin("removing", total),
            )  # fmt: skip
            return await run_rollback(around, state, options)

    async def _key(self, state: StateFile, spec: Spec, target: MeteredTarget) -> str | None:
        """The key of the user whom `--target` means. Raises MigrateError."""
        from engine.cli.stored import key_of_user, unknown_user
        from engine.run.target_errors import as_target_error
        from engine.state import queries

        who = self._who
        if who is None:
            return None
        workos_id = who if who.startswith("user_") else None
        if "@" in who:
            with as_target_error(spec.destination):
                found = await target.find_by_email(who)
            workos_id = found.id if found is not None else ""
        if workos_id is None:
            key = key_of_user(state, spec, who)
            merged = queries.user(state, key)
            return (merged.primary_key if merged is not None else None) or key
        key_there = queries.key_in_workos(state, workos_id)
        if key_there is None:
            raise unknown_user(who)
        return key_there


def _stoppable(progress: Progress, stop: Stop) -> Callable[[int], None]:
    from engine.model.errors import Interrupted

    def shown(number: int) -> None:
        if stop:
            raise Interrupted("interrupted while looking; nothing was changed", remedy="run again")
        progress(number)

    return shown
