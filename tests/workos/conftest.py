"""A WorkOS environment behind its ports: in memory, and by the real adapters against the sandbox."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
import pytest

from engine.model.clock import SystemClock
from engine.model.ports import Clock
from engine.plan_file.model import Destination
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from engine.resources.memberships.port import HeldSession
from engine.run.environment import WorkOSPorts
from engine.sandbox.options import Settings
from engine.workos.environment import WorkOSEnvironment
from engine.workos.users import WorkOSTarget
from tests.support.fake_workos import FakeWorkOS
from tests.support.sandbox_extras import Faults, Options, ScriptedFault, Server


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment's ports, and what only its other users do."""

    workos: WorkOSPorts
    make_user: Callable[[str], Awaitable[str]]  # by name; gives the WorkOS id
    sign_in: Callable[[str], Awaitable[None]]
    allow_several_roles: Callable[[], None]


def adapter(
    server: Server, *, key: str | None = None, address: str | None = None, clock: Clock | None = None
) -> tuple[WorkOSEnvironment, WorkOSTarget, MeteredTarget]:
    """The real adapters on a sandbox, or on what listens at `address`."""
    own = server.options
    destination = Destination(own.client_id, key or own.api_key, address or server.url)
    target = WorkOSTarget(destination, timeout=5)
    clock = clock or SystemClock()
    meter = MeteredTarget(target, Quota(destination, clock), clock=clock, rng=random.Random(1))
    return WorkOSEnvironment(target, destination, meter=meter, timeout=5), target, meter


@asynccontextmanager
async def failing(*faults: ScriptedFault) -> AsyncIterator[tuple[WorkOSEnvironment, Server]]:
    """The real adapters on a sandbox that fails by script."""
    async with Server(Options(faults=Faults(next=faults, retry_after_s=0.01))) as server:
        workos, target, _ = adapter(server)
        yield workos, server
        await target.close()


@pytest.fixture(params=["fake", "workos"])
async def setting(request: pytest.FixtureRequest) -> AsyncIterator[Setting]:
    if request.param == "fake":
        yield _in_memory()
        return
    async with Server(Options()) as server:
        workos, target, _ = adapter(server)

        async def make_user(name: str) -> str:
            return (await target.create({"email": f"{name}@example.com"})).id

        async def sign_in(user_id: str) -> None:
            body = orjson.dumps({"user_id": user_id})
            outcome = server.service.handle("POST", "/_sandbox/sessions", (), body, f"Bearer {server.options.api_key}")
            assert outcome.reply.status == 201

        def allow_several_roles() -> None:
            server.service.environment.settings = Settings(multiple_roles=True)

        yield Setting(workos, make_user, sign_in, allow_several_roles)
        await target.close()


def _in_memory() -> Setting:
    workos = FakeWorkOS(uris=[])
    workos.memberships.users = users = set[str]()

    async def make_user(name: str) -> str:
        users.add(f"user_{name}")
        return f"user_{name}"

    async def sign_in(user_id: str) -> None:
        active = [one for one in workos.memberships.held.values() if (one.user_id, one.status) == (user_id, "active")]
        organization = active[0].organization_id if len(active) == 1 else None
        workos.sessions.held.append(HeldSession(workos.script.new_id("session"), user_id, organization))

    def allow_several_roles() -> None:
        workos.memberships.multiple_roles = True

    return Setting(workos, make_user, sign_in, allow_several_roles)


@pytest.fixture
def workos(setting: Setting) -> WorkOSPorts:
    return setting.workos
