"""What our adapters send, and what the sandbox answers, is valid under the vendor's API description."""

from __future__ import annotations

import contextlib

import pytest

from engine.model.call_errors import CallFailed
from engine.resources.organizations.port import Organization, OrganizationChanges
from tests.support.deviations import unexplained
from tests.support.recording import installed, record, the_description
from tests.support.sandbox_extras import Options, Server
from tests.workos.conftest import adapter


async def test_every_call_is_valid() -> None:
    if not installed():
        pytest.skip("the vendor's API description is not installed: `make emulator` does it")
    said = the_description()
    async with Server(Options()) as server:
        exchanges = record(server)
        await _use_everything(server)
    operations = {said.operation(one) for one in exchanges} - {None}
    assert len(operations) >= 24, sorted(map(str, operations))
    assert unexplained(fault for one in exchanges for fault in said.faults(one)) == []


async def _use_everything(server: Server) -> None:
    workos, target, _ = adapter(server)
    user = (await target.create({"email": "ann@example.com", "email_verified": True})).id
    acme = (await workos.organizations.create(Organization("acme", "Acme", {"a.com": "verified"}, {"tier": "x"}))).held
    await workos.organizations.create(Organization("acme", "Acme"))
    await workos.organizations.update(
        acme.id, OrganizationChanges("New", {"a.com": "verified", "b.com": "pending"}, {"tier": None})
    )
    for find in (workos.organizations.find, workos.organizations.get, workos.connections.get, workos.memberships.get):
        assert await find("nobody") is None
    await workos.organizations.list_page(None)
    await workos.roles.create("admin", "Admin")
    await workos.roles.create("admin", "Admin")
    for _ in range(2):
        await workos.roles.create_permission("posts:read", "Read")
    await workos.roles.set_permissions("admin", ["posts:read"])
    await workos.roles.all()
    await workos.roles.permissions()
    memberships = workos.memberships
    held = (await memberships.create(user, acme.id, ["admin"])).held
    await memberships.create(user, acme.id)
    await memberships.find(user, acme.id)
    await memberships.get(held.id)
    await memberships.update_roles(held.id, ["member"])
    for roles in (["nobody"], ["admin", "member"]):
        with contextlib.suppress(CallFailed):
            await memberships.update_roles(held.id, roles)
    await memberships.deactivate(held.id)
    await memberships.create(user, acme.id)
    await memberships.deactivate(held.id)
    await memberships.reactivate(held.id)
    _sign_in(server, user)
    await workos.sessions.revoke(user, [*[one.id for one in await workos.sessions.active(user)], "session_nobody"])
    await workos.redirect_uris.create("https://a.example.com/cb")
    await workos.connections.of_organization(acme.id)
    for _ in range(2):
        await memberships.delete(held.id)
    await workos.organizations.delete(acme.id)
    await workos.connections.delete("conn_nobody")
    await target.delete(user)
    await target.close()


def _sign_in(server: Server, user_id: str) -> None:
    body = f'{{"user_id":"{user_id}"}}'.encode()
    server.service.handle("POST", "/_sandbox/sessions", (), body, f"Bearer {server.options.api_key}")
