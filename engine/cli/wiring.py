"""What the commands that read pool and WorkOS share: session, sandbox, signals, stages, event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from engine.cli.command import introduce, load_plan
from engine.cli.day import day_of
from engine.cli.opening import open_session
from engine.cli.sources import reading_limits
from engine.model.errors import MigrateError
from engine.plan_file.model import Spec
from engine.run.identity import for_sandbox, sandbox_data
from engine.run.reading import Watch
from engine.run.session import Session
from engine.run.stopping import Stop, signals
from engine.sandbox.options import UNPACED, Options, Quotas
from engine.sandbox.process import SandboxProcess
from engine.views.console import Console
from engine.views.progress import Stages
from engine.workspace.folder import Workspace, database_files

_T = TypeVar("_T")


def open_spec(console: Console, path: Path, *, sandbox: bool) -> Spec:
    """The plan's spec with the state that is meant, introduced."""
    spec = load_plan(console, path, sandbox=sandbox).spec
    spec = for_sandbox(spec) if sandbox else spec
    introduce(console, spec, sandbox=sandbox)
    return spec


@asynccontextmanager
async def session_for(
    console: Console, spec: Spec, *, sandbox: bool, workspace: Workspace, pace: bool = False
) -> AsyncIterator[Session]:
    """The session, around a sandbox where one is wanted; long waits are told on the console."""
    async with (
        destination_for(spec, sandbox=sandbox, workspace=workspace, pace=pace) as used,
        open_session(used, sandbox=sandbox, workspace=workspace, tell=console.warn, trace=console.trace) as session,
    ):
        yield session


@asynccontextmanager
async def destination_for(
    spec: Spec, *, sandbox: bool, workspace: Workspace, pace: bool = False
) -> AsyncIterator[Spec]:
    """The spec with the destination in use. A sandbox keeps its users beside its own state.

    With `pace` the sandbox has WorkOS's quotas, and the plan's pace towards it is kept. Raises MigrateError.
    """
    if pace and not sandbox:
        raise MigrateError(
            "--pace is for --sandbox alone: the real destination always gets the plan's pace",
            remedy="leave --pace out, or add --sandbox",
            code="usage",
        )
    if not sandbox:
        yield spec
        return
    data = sandbox_data(spec)
    new = not data.exists()
    # A preview leaves nothing behind: what it would have to make stays in memory.
    options = Options(data=None if new and workspace.preview else data, quotas=Quotas() if pace else UNPACED)
    try:
        with SandboxProcess(options) as process:
            destination = replace(
                spec.destination, api_key=process.api_key, client_id=process.client_id, base_url=process.url
            )
            if not pace:
                destination = replace(destination, writes_per_10s=None, reads_per_10s=None, requests_per_60s=None)
            yield replace(spec, destination=destination)
    except MigrateError:
        # Nothing was attempted.
        for path in database_files(data) if new else ():
            path.unlink(missing_ok=True)
        raise


@asynccontextmanager
async def preview(
    console: Console, path: Path, *, sandbox: bool, pace: bool = False, as_of: str | None = None
) -> AsyncIterator[tuple[Session, Watch]]:
    """For commands that change nothing: a session, by the day of `--as-of`, and nothing left behind on disk."""
    with ExitStack() as stack:
        spec = open_spec(console, path, sandbox=sandbox)
        day = day_of(as_of, spec)
        workspace = Workspace(spec.state_path, preview=True)
        stages = stack.enter_context(console.stages())
        stop = Stop()
        stack.enter_context(signals(stop))
        workspace.prepare()
        try:
            async with session_for(console, spec, sandbox=sandbox, workspace=workspace, pace=pace) as session:
                session.as_of = day
                yield session, watch_of(stages, session, stop)
        finally:
            workspace.discard()


def watch_of(stages: Stages, session: Session, stop: Stop) -> Watch:
    """A preparation's watch: its stages shown, its end asked for by signal."""
    return Watch(
        reading=stages.lazily(
            "reading", session.described.estimated_users, limits=reading_limits(session.spec), estimated=True
        ),
        listing=stages.lazily("listing WorkOS"),
        planning=stages.lazily("planning"),
        stopping=lambda: bool(stop),
    )


def run(work: Coroutine[object, object, _T]) -> _T:
    """Run to the end, on the quickest event loop that there is."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # it is not made for every platform
        return None
    return uvloop.new_event_loop
