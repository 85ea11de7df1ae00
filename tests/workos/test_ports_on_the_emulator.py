"""The vendor's own emulator behind the ports: other error bodies, fewer fields, refusals of what is done already."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.model.call_errors import Terminal
from engine.model.clock import SystemClock
from engine.plan_file.model import Destination
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from engine.resources.organizations.port import Organization, OrganizationChanges
from engine.workos.environment import WorkOSEnvironment
from engine.workos.users import WorkOSTarget
from tests.support.emulator import KEY, emulator

pytestmark = pytest.mark.xdist_group("emulator")


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[tuple[WorkOSEnvironment, WorkOSTarget]]:
    with emulator(tmp_path) as url:
        destination = Destination("client_1", KEY, url)
        target = WorkOSTarget(destination, timeout=20)
        clock = SystemClock()
        meter = MeteredTarget(target, Quota(destination, clock), clock=clock, rng=random.Random(1))
        yield WorkOSEnvironment(target, destination, meter=meter, timeout=20), target
        await target.close()


async def test_memberships(opened: tuple[WorkOSEnvironment, WorkOSTarget]) -> None:
    workos, target = opened
    user = (await target.create({"email": "ann@example.com", "email_verified": True})).id
    acme = Organization("acme", "Acme", {"acme.com": "verified"}, {"tier": "gold"})
    made = await workos.organizations.create(acme)
    held = made.held
    assert made.ours and (held.name, dict(held.domains), dict(held.metadata)) == ("Acme", acme.domains, acme.metadata)
    assert await workos.organizations.find("acme") == held == await workos.organizations.get(held.id)
    assert (await workos.organizations.update(held.id, OrganizationChanges(name="New"))).name == "New"

    for _ in range(2):
        assert (await workos.roles.create("auditor", "Auditor")).held.slug == "auditor"
        assert (await workos.roles.create_permission("posts:read", "Read")).held.slug == "posts:read"
    assert "auditor" in [one.slug for one in await workos.roles.all()]

    port = workos.memberships
    assert await port.find(user, held.id) is None
    first, second = [await port.create(user, held.id, ["auditor"]) for _ in range(2)]
    assert (first.ours, second.ours, first.held) == (True, False, second.held)
    assert (first.held.status, first.held.roles) == ("active", ("auditor",))
    for _ in range(2):
        # The emulator refuses to switch off what is off.
        off = await port.deactivate(first.held.id)
    assert off.status == "inactive" and await port.find(user, held.id) == off
    for _ in range(2):
        assert (await port.reactivate(off.id)).status == "active"
    assert (await port.update_roles(off.id, ["member"])).roles == ("member",)
    with pytest.raises(Terminal, match="roles_not_kept"):
        # It does not know lists of roles.
        await port.update_roles(off.id, ["member", "auditor"])
    assert await workos.sessions.active(user) == [] == await workos.sessions.active("user_nobody")
    for _ in range(2):
        await port.delete(off.id)
    for _ in range(2):
        await workos.organizations.delete(held.id)
    assert await workos.organizations.find("acme") is None
