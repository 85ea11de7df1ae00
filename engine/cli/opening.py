"""Opens what commands work with, proves it, and closes it: source, WorkOS under its quota, state's key.

Everything that can be wrong with the surroundings is found here, before anything is written.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from engine.cli.sources import open_sources
from engine.model.clock import SystemClock
from engine.model.errors import MigrateError, TargetError
from engine.model.exchanges import Trace, untraced
from engine.model.outcomes import ResourceRow
from engine.model.ports import Clock
from engine.model.resets import ResetTarget
from engine.model.retries import TRIES
from engine.model.waits import Tell, tell_nobody
from engine.plan_file.model import Destination, Spec
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from engine.run.environment import WorkOSPorts
from engine.run.identity import state_identity
from engine.run.kinds import IN_MEMORY
from engine.run.session import Session
from engine.run.target_errors import as_target_error
from engine.state.place import FilePlace
from engine.workspace.folder import Workspace

if TYPE_CHECKING:
    from engine.workos.users import WorkOSTarget

# One call's time-out in seconds; the SDK's own variable overrides it.
_TIMEOUT = 20.0
_LONGEST = 3600.0
_FIRST_CONTACT_TRIES = 4


@dataclass(slots=True)
class Kept:
    """What a process keeps from one session to the next: time, the quota's windows, and that the key was proven."""

    clock: Clock = field(default_factory=SystemClock)
    quota: Quota | None = None
    proven: bool = False


@asynccontextmanager
async def open_session(
    spec: Spec,
    *,
    sandbox: bool,
    workspace: Workspace,
    tell: Tell = tell_nobody,
    trace: Trace = untraced,
    kept: Kept | None = None,
) -> AsyncIterator[Session]:
    """Open and prove everything; the workspace is prepared. `tell` hears of long waits, `trace` of requests.

    `kept` is what an earlier session of this process left. Raises MigrateError.
    """
    from engine.probe.provider_probe import HttpsProbe
    from engine.workos.environment import WorkOSEnvironment

    identity = state_identity(spec, sandbox=sandbox)
    async with AsyncExitStack() as stack:
        place = FilePlace(workspace.state_path)
        state = place.read(identity)
        known: list[str] = []
        rows: dict[str, dict[str, ResourceRow]] = {}
        key = secrets.token_bytes(32)
        if state is not None:
            with state:
                key, known = state.key, state.some_workos_ids()
                rows = {kind: {row.key: row for row in state.rows(kind)} for kind in IN_MEMORY}
        kept = kept or Kept()
        kept.quota = kept.quota or Quota(spec.destination, kept.clock, tell=tell)
        opened = open_workos(spec.destination, tell=tell, trace=trace, quota=kept.quota)
        workos, target = await stack.enter_async_context(opened)
        source = open_sources(spec, tell=tell, trace=trace)
        described = await asyncio.to_thread(source.describe)
        if not kept.proven:
            await prove_environment(target, known, spec.destination)
            # Of an empty state nothing was proven.
            kept.proven = bool(known)
        environment = WorkOSEnvironment(workos, spec.destination, meter=target, timeout=call_timeout())
        yield Session(
            spec, sandbox, workspace, place, identity, key, source, described, target, environment,
            partial(open_resets, trace=trace), HttpsProbe(spec.oauth.allow_hosts), rows,
            clock=kept.clock,
        )  # fmt: skip


@asynccontextmanager
async def open_environment(
    destination: Destination, known: list[str], *, tell: Tell = tell_nobody
) -> AsyncIterator[tuple[MeteredTarget, WorkOSPorts]]:
    """WorkOS alone, proven to be the state's environment by some WorkOS ids that it knows. Raises MigrateError."""
    from engine.workos.environment import WorkOSEnvironment

    async with open_workos(destination, tell=tell) as (workos, target):
        await prove_environment(target, known, destination)
        yield target, WorkOSEnvironment(workos, destination, meter=target, timeout=call_timeout())


@asynccontextmanager
async def open_workos(
    destination: Destination, *, tell: Tell = tell_nobody, trace: Trace = untraced, quota: Quota | None = None
) -> AsyncIterator[tuple[WorkOSTarget, MeteredTarget]]:
    """WorkOS as it is, and under the plan's quota; contacts nobody."""
    from engine.workos.users import WorkOSTarget

    clock = SystemClock()
    rng = random.Random()  # noqa: S311 (jitter, not a secret)
    workos = WorkOSTarget(destination, timeout=call_timeout(), trace=trace)
    target = MeteredTarget(workos, quota or Quota(destination, clock, tell=tell), clock=clock, rng=rng)
    try:
        yield workos, target
    finally:
        await target.close()


@asynccontextmanager
async def open_target(
    destination: Destination, *, tell: Tell = tell_nobody, trace: Trace = untraced
) -> AsyncIterator[MeteredTarget]:
    """WorkOS under the plan's quota; contacts nobody. `tell` hears of long waits."""
    async with open_workos(destination, tell=tell, trace=trace) as (_, target):
        yield target


def call_timeout() -> float:
    """One call's time-out in seconds. Raises MigrateError where the SDK's variable holds none."""
    written = os.environ.get("WORKOS_REQUEST_TIMEOUT") or str(_TIMEOUT)
    try:
        seconds = float(written)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        # What is written is not shown: somebody may have taken one variable for another.
        raise MigrateError(
            "WORKOS_REQUEST_TIMEOUT is no number of seconds that a call may take",
            remedy=f"set it to a number over 0 and up to {_LONGEST:g}, such as 20, or unset it",
            code="bad_usage",
        )
    return seconds


async def prove_environment(target: MeteredTarget, known: list[str], destination: Destination) -> None:
    """The key works, and opens the environment that the state knows (rule 13). Raises MigrateError."""
    target.read_tries = _FIRST_CONTACT_TRIES
    with as_target_error(destination):
        await _prove_environment(target, known, destination)
    target.read_tries = TRIES


async def _prove_environment(target: MeteredTarget, known: list[str], destination: Destination) -> None:
    """The key works, and opens the environment that the state knows (rule 13)."""
    if not known:
        await target.list_page(None)
        return
    for workos_id in known:
        if await target.get(workos_id) is not None:
            return
    raise TargetError(
        f"the key opens another WorkOS environment than {destination.client_id}: users of the state are not there",
        remedy="use this environment's key; if its users were deleted, move the state away and run again",
        code="wrong_environment",
    )


@asynccontextmanager
async def open_resets(destination: Destination, *, trace: Trace = untraced) -> AsyncIterator[ResetTarget]:
    """WorkOS's password resets; contacts nobody. Pacing is the metered target's, which they share."""
    from engine.workos.resets import WorkOSResets

    target = WorkOSResets(destination, timeout=call_timeout(), clock=SystemClock(), trace=trace)
    try:
        yield target
    finally:
        await target.close()
