"""`migrate apply` and `migrate plan`: wires session, signals and views around one migration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command, introduce, load_plan
from engine.errors import EXIT_CHANGES, EXIT_OK, MigrateError
from engine.spec.model import Spec
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.apply.preparation import Watch
    from engine.apply.session import Session
    from engine.apply.stopping import Stop
    from engine.results import ApplyResult, PlanResult
    from engine.state.workspace import Workspace
    from engine.views.progress import Stages

_T = TypeVar("_T")

DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="End with 2 where apply would change something.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: migrate apply plans/production.yaml")(apply)
    app.command(epilog="Example: migrate plan plans/production.yaml --detailed-exitcode")(plan)


def apply(
    plan: PlanArgument, sandbox: SandboxOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Carry the plan out, with no question asked; run again, it does only what is left."""
    with command(json=json, quiet=quiet) as console:
        result = _run(_apply(console, plan, sandbox=sandbox))
        _show(console, result.warnings)
        if json:
            console.document(result.to_json())
        else:
            from engine.views.results import render_apply

            console.say("", *render_apply(result, plan_path=str(plan)))
        raise typer.Exit(result.exit_code)


def plan(
    plan: PlanArgument,
    sandbox: SandboxOption = False,
    detailed_exitcode: DetailedExitcode = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print what apply would do, how many requests it takes and how long; changes nothing."""
    with command(json=json, quiet=quiet) as console:
        result = _run(_plan(console, plan, sandbox=sandbox))
        _show(console, result.warnings)
        if json:
            console.document(result.to_json())
        else:
            from engine.views.results import render_plan

            console.say("", *render_plan(result, plan_path=str(plan)))
        raise typer.Exit(EXIT_CHANGES if detailed_exitcode and result.changes else EXIT_OK)


async def _apply(console: Console, path: Path, *, sandbox: bool) -> ApplyResult:
    from engine.apply.migration import run_apply
    from engine.apply.stopping import Stop, signals
    from engine.state.lock import StateLock
    from engine.state.workspace import Workspace

    with ExitStack() as stack:
        spec = _open(console, path, sandbox=sandbox)
        workspace = Workspace(spec.state_path)
        stages = stack.enter_context(console.stages())
        stop = Stop()
        stack.enter_context(signals(stop))
        workspace.prepare()
        # What a run that holds the lock works on is not ours to discard.
        with StateLock(workspace.lock_path):
            try:
                async with _session(spec, sandbox=sandbox, workspace=workspace) as session:
                    return await run_apply(
                        session,
                        watch=_watch(stages, session, stop),
                        writing=lambda total: stages.begin("writing", total),
                        stop=stop,
                    )
            except MigrateError:
                workspace.discard()
                raise


async def _plan(console: Console, path: Path, *, sandbox: bool) -> PlanResult:
    from engine.apply.migration import run_plan
    from engine.apply.stopping import Stop, signals
    from engine.state.workspace import Workspace

    with ExitStack() as stack:
        spec = _open(console, path, sandbox=sandbox)
        workspace = Workspace(spec.state_path, preview=True)
        stages = stack.enter_context(console.stages())
        stop = Stop()
        stack.enter_context(signals(stop))
        workspace.prepare()
        try:
            async with _session(spec, sandbox=sandbox, workspace=workspace) as session:
                return await run_plan(session, watch=_watch(stages, session, stop))
        finally:
            workspace.discard()


def _open(console: Console, path: Path, *, sandbox: bool) -> Spec:
    from engine.apply.session import for_sandbox

    spec = load_plan(console, path, sandbox=sandbox).spec
    spec = for_sandbox(spec) if sandbox else spec
    introduce(console, spec, sandbox=sandbox)
    return spec


@asynccontextmanager
async def _session(spec: Spec, *, sandbox: bool, workspace: Workspace) -> AsyncIterator[Session]:
    """The session, around a sandbox where one is wanted. The sandbox keeps its users beside its own state."""
    from engine.apply.session import open_session

    if not sandbox:
        async with open_session(spec, sandbox=False, workspace=workspace) as session:
            yield session
        return
    from engine.apply.session import sandbox_data
    from engine.sandbox.options import Options
    from engine.sandbox.process import SandboxProcess
    from engine.state.workspace import database_files

    data = sandbox_data(spec)
    new = not data.exists()
    try:
        # A preview leaves nothing behind: what it would have to make stays in memory.
        with SandboxProcess(Options(data=None if new and workspace.preview else data)) as process:
            destination = replace(
                spec.destination, api_key=process.api_key, client_id=process.client_id, base_url=process.url
            )
            used = replace(spec, destination=destination)
            async with open_session(used, sandbox=True, workspace=workspace) as session:
                yield session
    except MigrateError:
        # Nothing was attempted.
        for path in database_files(data) if new else ():
            path.unlink(missing_ok=True)
        raise


def _watch(stages: Stages, session: Session, stop: Stop) -> Watch:
    from engine.apply.preparation import Watch

    return Watch(
        reading=stages.lazily("reading", session.described.estimated_users),
        listing=stages.lazily("listing WorkOS"),
        stopping=lambda: bool(stop),
    )


def _show(console: Console, warnings: tuple[str, ...]) -> None:
    for one in warnings:
        console.warn(one)


def _run(work: Coroutine[object, object, _T]) -> _T:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # it is not made for every platform
        return None
    return uvloop.new_event_loop
