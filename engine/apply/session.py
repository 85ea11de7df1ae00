"""Opens what a `plan` or `apply` works with, proves it, and closes it: workspace, source, target, state's key.

Everything that can be wrong with the surroundings is found here, before anything is written.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.apply.preparation import Prepared, prepare
from engine.apply.reading import Watch, read_people
from engine.apply.sign_in import Foreseen, SignInStage
from engine.clock import SystemClock
from engine.codes import explain
from engine.errors import MigrateError, TargetError
from engine.oauth.checks import Check
from engine.oauth.connections import Known
from engine.oauth.ports import ProviderProbe, SignInEnvironment
from engine.ports import SourceDescription, UserSource
from engine.snapshot import database
from engine.snapshot.passwordless import FindPasswordless
from engine.snapshot.sign_ins import count_addresses, count_left_out, count_sign_ins
from engine.sources.factors import AuthFactors
from engine.sources.identity_providers import read_identity_providers
from engine.sources.open import open_source
from engine.spec.model import CognitoSource, Destination, ExportSource, Spec
from engine.state.connections import read_connections
from engine.state.file import StateFile
from engine.state.records import StateIdentity
from engine.state.workspace import Workspace
from engine.targets.backoff import TRIES
from engine.targets.errors import CallFailed, Refused, Suspended, Terminal
from engine.targets.metered import MeteredTarget
from engine.targets.quota import Quota
from engine.waits import Tell, tell_nobody, until

if TYPE_CHECKING:
    from engine.targets.workos import WorkOSTarget

# One call's time-out in seconds; the SDK's own variable overrides it.
_TIMEOUT = 20.0
_LONGEST = 3600.0
_FIRST_CONTACT_TRIES = 4


@dataclass(slots=True)
class Session:
    """What a command works with. `spec.destination` is the one in use, the sandbox's under `--sandbox`."""

    spec: Spec
    sandbox: bool
    workspace: Workspace
    identity: StateIdentity
    key: bytes
    source: UserSource
    described: SourceDescription
    target: MeteredTarget
    sign_in: SignInEnvironment
    connections: dict[str, Known] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    refresh: bool = True  # look who was deleted in WorkOS

    async def sign_in_stage(self) -> SignInStage:
        """What the plan says of signing in, with the pool's providers read. Raises SourceError."""
        pool = None
        if self.spec.providers is not None and isinstance(self.spec.source, CognitoSource):
            pool = await asyncio.to_thread(read_identity_providers, self.spec.source)
        return SignInStage(self.spec, self.sign_in, pool=pool, known=self.connections, key=self.key)

    async def foresee_sign_in(self, stage: SignInStage, snapshot: sqlite3.Connection) -> Foreseen:
        """What signing in takes for the people in a snapshot. Raises MigrateError."""
        people = await asyncio.to_thread(count_sign_ins, snapshot)
        left_out = await asyncio.to_thread(count_left_out, snapshot)
        with as_target_error(self.spec.destination):
            foreseen = await stage.foresee(people, left_out)
        if foreseen.connections:
            foreseen.addresses = await asyncio.to_thread(
                count_addresses, snapshot, foreseen.connections, foreseen.domains
            )
        return foreseen

    async def check_sign_in(self, stage: SignInStage, probe: ProviderProbe, watch: Watch) -> list[Check]:
        """Read who signs in how, and check every provider by what `apply` would go by. Raises MigrateError."""
        path = self.workspace.snapshot_path
        snapshot = database.create(path)
        try:
            with database.disk_errors(path):
                await asyncio.to_thread(read_people, self.spec, self.source, snapshot, self.key, watch)
                foreseen = await self.foresee_sign_in(stage, snapshot)
            with as_target_error(self.spec.destination):
                return await stage.check(foreseen, probe)
        finally:
            snapshot.close()
            database.remove(path)

    async def prepare(self, watch: Watch) -> Prepared:
        """Compute the plan. Raises MigrateError for everything that ends the command."""
        path = self.workspace.state_path
        with as_target_error(self.spec.destination):
            return await prepare(
                self.spec,
                source=self.source,
                target=self.target,
                snapshot=self.workspace.snapshot_path,
                state=path if path.exists() else None,
                key=self.key,
                watch=watch,
                now=time.time(),
                refresh=self.refresh,
                find_passwordless=self.find_passwordless()
                if self.spec.password_reset.strategy == "on_next_sign_in"
                else None,
            )

    def find_passwordless(self) -> FindPasswordless | None:
        """How to find users without a password, under `mfa: report` in a pool that allows them; None elsewhere."""
        source = self.spec.source
        if self.spec.mfa != "report" or not isinstance(source, CognitoSource) or self.described.passwordless is False:
            return None
        return AuthFactors(source).passwordless

    def doubt_passwords(self, number: int, what: str) -> list[str]:
        """A warning where people may be flagged or mailed for a password that they never had."""
        live = isinstance(self.spec.source, CognitoSource)
        if not number or not live or self.spec.mfa == "report" or self.described.passwordless is False:
            return []
        who = "1 user" if number == 1 else f"{number:,} users"
        return [
            f"the pool lets users sign in without a password (passkey, one-time code): up to {who} {what} may never "
            "have had one; with mfa: report they are asked for, and those are left alone"
        ]


def state_identity(spec: Spec, *, sandbox: bool) -> StateIdentity:
    """Whom the state of this plan belongs to (rule 13)."""
    if isinstance(spec.source, ExportSource):
        pool = spec.source.user_pool_id or "export files"
    else:
        pool = spec.source.user_pool_id
    destination = "sandbox" if sandbox else f"{spec.destination.base_url.rstrip('/')} {spec.destination.client_id}"
    return StateIdentity(spec.name, pool, destination)


def for_sandbox(spec: Spec) -> Spec:
    """The plan with a state of its own for the sandbox."""
    return replace(spec, state_path=spec.state_path.with_name(_sandbox_stem(spec.state_path) + ".state.db"))


def sandbox_data(spec: Spec) -> Path:
    """Where the sandbox of a plan keeps its users, beside its state; `spec` is from `for_sandbox`."""
    return spec.state_path.with_name(spec.state_path.name.removesuffix(".state.db") + ".workos.db")


@asynccontextmanager
async def open_session(
    spec: Spec, *, sandbox: bool, workspace: Workspace, tell: Tell = tell_nobody
) -> AsyncIterator[Session]:
    """Open and prove everything; the workspace is prepared. `tell` hears of long waits. Raises MigrateError."""
    from engine.targets.sign_in import WorkOSSignIn

    identity = state_identity(spec, sandbox=sandbox)
    async with AsyncExitStack() as stack:
        state = StateFile.read(workspace.state_path, identity)
        known: list[str] = []
        connections: dict[str, Known] = {}
        key = secrets.token_bytes(32)
        if state is not None:
            with state:
                key, known = state.key, state.some_workos_ids()
                connections = read_connections(state)
        workos, target = await stack.enter_async_context(open_workos(spec.destination, tell=tell))
        source = open_source(spec.source, tell=tell)
        described = await asyncio.to_thread(source.describe)
        await prove_environment(target, known, spec.destination)
        sign_in = WorkOSSignIn(workos.client, workos.backend, spec.destination, meter=target, timeout=call_timeout())
        yield Session(spec, sandbox, workspace, identity, key, source, described, target, sign_in, connections)


@asynccontextmanager
async def open_workos(
    destination: Destination, *, tell: Tell = tell_nobody
) -> AsyncIterator[tuple[WorkOSTarget, MeteredTarget]]:
    """WorkOS as it is, and under the plan's quota; contacts nobody."""
    from engine.targets.workos import WorkOSTarget

    clock = SystemClock()
    rng = random.Random()  # noqa: S311 (jitter, not a secret)
    workos = WorkOSTarget(destination, timeout=call_timeout())
    target = MeteredTarget(workos, Quota(destination, clock, tell=tell), clock=clock, rng=rng)
    try:
        yield workos, target
    finally:
        await target.close()


@asynccontextmanager
async def open_target(destination: Destination, *, tell: Tell = tell_nobody) -> AsyncIterator[MeteredTarget]:
    """WorkOS under the plan's quota; contacts nobody. `tell` hears of long waits."""
    async with open_workos(destination, tell=tell) as (_, target):
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


class as_target_error:  # noqa: N801 (reads as the statement that it is)
    """Turns the end of a call that nobody can go on without into the command's error."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CallFailed):
            raise target_error(error, self._destination) from error


def target_error(error: CallFailed, destination: Destination) -> MigrateError:
    """The command's error for a call's end."""
    base_url = destination.base_url
    if isinstance(error, Suspended):
        return TargetError(
            f"WorkOS at {base_url} asks for a pause until {until(error.until)} (Retry-After)",
            remedy="run again after that",
            code=error.code,
        )
    if isinstance(error, Refused):
        if error.status == 401:
            return TargetError(
                f"WorkOS at {base_url} refuses the API key (401)",
                remedy="set the variable of destination.workos.api_key to a valid key of this environment",
                code="unauthorized",
            )
        return TargetError(
            f"WorkOS at {base_url} does not allow this to the API key ({error.status} {error.code})",
            remedy="use a key that may read and write users",
            code="forbidden",
        )
    if error.code in ("unexpected_answer", "cursor_loop"):
        wrong = (
            "gave a cursor of a list twice" if error.code == "cursor_loop" else "gave an answer that is not its API's"
        )
        return TargetError(
            f"WorkOS at {base_url} {wrong}",
            remedy="check destination.workos.base_url and any proxy in between, then run again",
            code=error.code,
        )
    if error.code in ("untrusted_certificate", "proxy_refused"):
        wrong, remedy = explain(error.code)
        return TargetError(f"WorkOS at {base_url} cannot be reached: {wrong}", remedy=remedy, code=error.code)
    if isinstance(error, Terminal):
        return TargetError(
            f"WorkOS at {base_url} refused a request that every run makes ({error.status} {error.code})",
            remedy="check destination.workos.base_url",
            code="unexpected_answer",
        )
    return TargetError(
        f"WorkOS at {base_url} cannot be reached ({error.code})",
        remedy="check destination.workos.base_url and the network, then run again",
        code="unreachable",
    )


def _sandbox_stem(state_path: Path) -> str:
    return state_path.name.removesuffix(".db").removesuffix(".state") + ".sandbox"
