"""The contract of `RolePort`, and what only the real adapter is faced with."""

from __future__ import annotations

import pytest

from engine.model.call_errors import Terminal
from engine.run.environment import WorkOSPorts
from tests.support.sandbox_extras import ScriptedFault
from tests.workos.conftest import failing


async def test_roles(workos: WorkOSPorts) -> None:
    assert [(one.slug, one.name, one.permissions) for one in await workos.roles.all()] == [("member", "Member", ())]
    made = await workos.roles.create("admin", "Admin")
    assert made.ours and (made.held.slug, made.held.name, made.held.permissions) == ("admin", "Admin", ())
    again = await workos.roles.create("admin", "Another name")
    assert (again.held, again.ours) == (made.held, False)
    assert [one.slug for one in await workos.roles.all()] == ["member", "admin"]


async def test_permissions(workos: WorkOSPorts) -> None:
    assert await workos.roles.permissions() == []
    made = [await workos.roles.create_permission(slug, slug.title()) for slug in ("posts:read", "posts:write")]
    assert all(one.ours for one in made)
    again = await workos.roles.create_permission("posts:read", "Other")
    assert (again.held, again.ours) == (made[0].held, False)
    assert await workos.roles.permissions() == [one.held for one in made]
    await workos.roles.create("admin", "Admin")
    held = await workos.roles.set_permissions("admin", ["posts:read", "posts:write"])
    assert set(held.permissions) == {"posts:read", "posts:write"}
    held = await workos.roles.set_permissions("admin", ["posts:write"])
    assert held.permissions == ("posts:write",)
    assert held in await workos.roles.all()
    for role, permissions in (("nobody", ["posts:read"]), ("admin", ["posts:delete"])):
        with pytest.raises(Terminal):
            await workos.roles.set_permissions(role, permissions)


@pytest.mark.parametrize("fault", ["throttled", "error_before", "error_after", "reset_after", "cut_off"])
async def test_what_is_not_known_to_be_done_is_looked_for(fault: str) -> None:
    faults = [ScriptedFault("POST", path, fault) for path in ("/authorization/roles", "/authorization/permissions")]
    async with failing(*faults) as (workos, server):
        assert (await workos.roles.create("admin", "Admin")).ours
        assert (await workos.roles.create_permission("posts:read", "Read")).ours
        counts = server.counts()
        assert (counts["roles"], counts["permissions"]) == (2, 1)


async def test_roles_of_finer_resources_are_none_of_memberships() -> None:
    async with failing() as (workos, server):
        body = b'{"slug":"editor","name":"Editor","resource_type_slug":"document"}'
        key = f"Bearer {server.options.api_key}"
        assert server.service.handle("POST", "/authorization/roles", (), body, key).reply.status == 201
        assert [one.slug for one in await workos.roles.all()] == ["member"]
