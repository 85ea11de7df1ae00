"""The contracts of `MembershipPort` and `SessionPort`, and what only the real adapter is faced with."""

from __future__ import annotations

import pytest

from engine.model.call_errors import Ambiguous, Terminal
from engine.resources.memberships.port import HeldMembership
from engine.resources.organizations.port import Organization
from engine.run.environment import WorkOSPorts
from engine.workos.environment import WorkOSEnvironment
from tests.support.sandbox_extras import ScriptedFault, Server
from tests.workos.conftest import Setting, failing

PATH = "/organization_memberships"


async def organization(workos: WorkOSPorts, external_id: str = "acme") -> str:
    return (await workos.organizations.create(Organization(external_id, external_id.title()))).held.id


async def member(setting: Setting, *roles: str, name: str = "ann") -> HeldMembership:
    user = await setting.make_user(name)
    return (await setting.workos.memberships.create(user, await organization(setting.workos), roles)).held


async def test_make_and_find(setting: Setting) -> None:
    port = setting.workos.memberships
    user, org, other = await setting.make_user("ann"), *[await organization(setting.workos, one) for one in "ab"]
    assert await port.find(user, org) is None and await port.get("om_nobody") is None
    made = await port.create(user, org)
    held = made.held
    assert made.ours and (held.user_id, held.organization_id) == (user, org)
    assert (held.status, held.roles, held.directory_managed) == ("active", ("member",), False)
    assert held.created_at is not None and held.created_at == held.updated_at
    assert await port.find(user, org) == held and await port.get(held.id) == held
    assert await port.find(user, other) is None
    again = await port.create(user, org)
    assert (again.held, again.ours) == (held, False)


async def test_roles(setting: Setting) -> None:
    port = setting.workos.memberships
    for slug in ("admin", "editor"):
        await setting.workos.roles.create(slug, slug.title())
    held = await member(setting, "admin")
    assert held.roles == ("admin",)
    held = await port.update_roles(held.id, ["editor"])
    assert held.roles == ("editor",) and await port.get(held.id) == held
    for roles, code in ((["nobody"], "invalid_role"), (["admin", "editor"], "multiple_roles_not_enabled")):
        with pytest.raises(Terminal) as refused:
            await port.update_roles(held.id, roles)
        assert (refused.value.code, refused.value.status) == (code, 422)
        bob = await setting.make_user("bob" + code)
        with pytest.raises(Terminal) as refused:
            await port.create(bob, held.organization_id, roles)
        assert (refused.value.code, refused.value.status) == (code, 422)
        assert await port.find(bob, held.organization_id) is None
    setting.allow_several_roles()
    held = await port.update_roles(held.id, ["admin", "editor"])
    assert set(held.roles) == {"admin", "editor"}
    cid = await setting.make_user("cid")
    assert set((await port.create(cid, held.organization_id, ["admin", "editor"])).held.roles) == {"admin", "editor"}


async def test_off_and_on_again(setting: Setting) -> None:
    port = setting.workos.memberships
    await setting.workos.roles.create("admin", "Admin")
    held = await member(setting, "admin")
    off = await port.deactivate(held.id)
    assert (off.status, off.roles) == ("inactive", ("admin",))
    assert await port.deactivate(held.id) == off
    # Whoever looks must see it: POST would activate it.
    assert await port.find(held.user_id, held.organization_id) == off
    listed, _ = await port.list_page(None, organization_id=held.organization_id)
    assert listed == [off]
    on = await port.reactivate(held.id)
    assert (on.status, on.roles) == ("active", ("admin",)) and await port.reactivate(held.id) == on


async def test_a_creation_activates_what_was_switched_off(setting: Setting) -> None:
    """WorkOS does so by itself (API description), which is why callers look first."""
    port = setting.workos.memberships
    await setting.workos.roles.create("admin", "Admin")
    held = await port.deactivate((await member(setting)).id)
    made = (await port.create(held.user_id, held.organization_id, ["admin"])).held
    assert (made.id, made.status, made.roles) == (held.id, "active", ("admin",))


async def test_who_is_not_there(setting: Setting) -> None:
    port = setting.workos.memberships
    user, org = await setting.make_user("ann"), await organization(setting.workos)
    for pair in (("user_nobody", org), (user, "org_nobody")):
        with pytest.raises(Terminal) as refused:
            await port.create(*pair)
        assert refused.value.status == 404
        assert await port.find(*pair) is None
    for call in (port.deactivate, port.reactivate, lambda one: port.update_roles(one, ["member"])):
        with pytest.raises(Terminal) as refused:
            await call("om_nobody")
        assert refused.value.status == 404


async def test_lists(setting: Setting) -> None:
    port = setting.workos.memberships
    acme, globex = [await organization(setting.workos, one) for one in ("acme", "globex")]
    users = [await setting.make_user(f"u{number:03}") for number in range(103)]
    made = [(await port.create(one, acme)).held for one in users]
    other = (await port.create(users[0], globex)).held
    first, after = await port.list_page(None, organization_id=acme)
    second, end = await port.list_page(after, organization_id=acme)
    assert [*first, *second] == made and after is not None and end is None
    assert await port.list_page(None, user_id=users[0]) == ([made[0], other], None)
    with pytest.raises(Terminal):
        await port.list_page(None)


async def test_deleting(setting: Setting) -> None:
    port = setting.workos.memberships
    held = await member(setting)
    await port.delete(held.id)
    await port.delete(held.id)
    assert await port.find(held.user_id, held.organization_id) is None


async def test_sessions(setting: Setting) -> None:
    port = setting.workos.sessions
    ann, bob = [await setting.make_user(name) for name in ("ann", "bob")]
    assert await port.active("user_nobody") == [] == await port.active(ann)
    for user in (ann, ann, bob):
        await setting.sign_in(user)
    found = await port.active(ann)
    assert [(one.user_id, one.organization_id) for one in found] == [(ann, None)] * 2
    assert await port.revoke(ann, [one.id for one in found]) == 2
    assert await port.active(ann) == [] and len(await port.active(bob)) == 1
    assert await port.revoke(ann, [one.id for one in found]) == 0


async def test_sessions_end_with_the_membership(setting: Setting) -> None:
    held = await member(setting)
    await setting.sign_in(held.user_id)
    (session,) = await setting.workos.sessions.active(held.user_id)
    assert session.organization_id == held.organization_id
    await setting.workos.memberships.deactivate(held.id)
    assert await setting.workos.sessions.active(held.user_id) == []


async def somebody(workos: WorkOSEnvironment, server: Server) -> tuple[str, str]:
    key = f"Bearer {server.options.api_key}"
    made = server.service.handle("POST", "/user_management/users", (), b'{"email":"ann@example.com"}', key)
    assert made.reply.status == 201
    row = server.service.environment.database.row("SELECT id FROM users")
    return str(row["id"]), await organization(workos)


@pytest.mark.parametrize("fault", ["throttled", "error_before", "error_after", "reset_after", "cut_off"])
async def test_what_is_not_known_to_be_done_is_looked_for(fault: str) -> None:
    verbs = [ScriptedFault("PUT", f"/{verb}$", fault) for verb in ("deactivate", "reactivate", "om_[0-9A-Z]*")]
    async with failing(ScriptedFault("POST", PATH, fault), ScriptedFault("DELETE", PATH, fault), *verbs) as (
        workos, server,
    ):  # fmt: skip
        port = workos.memberships
        made = await port.create(*await somebody(workos, server))
        assert made.ours and server.counts()["memberships"] == 1
        times = 2 if fault in ("throttled", "error_before") else 1
        assert server.service.requests[f"POST /user_management{PATH}"] == times
        assert (await port.deactivate(made.held.id)).status == "inactive"
        assert (await port.reactivate(made.held.id)).status == "active"
        assert (await port.update_roles(made.held.id, ["member"])).roles == ("member",)
        await port.delete(made.held.id)
        assert server.counts()["memberships"] == 0 and server.faults.pending() == 0


async def test_one_of_somebody_elses_making_that_turns_up_is_given_as_it_is() -> None:
    """WorkOS was asked, nobody knows to what end, and there is an inactive one: asked again it would activate it."""
    async with failing(ScriptedFault("POST", PATH, "error_before")) as (workos, server):
        user, org = await somebody(workos, server)
        own = server.service.environment
        with own.database.unit():
            own.database.write(
                "INSERT INTO memberships (id, user_id, organization_id, status, roles, created_at, updated_at)"
                " VALUES ('om_theirs', ?, ?, 'inactive', '[\"member\"]', ?, ?)",
                (user, org, own.clock.stamp(), own.clock.stamp()),
            )
        made = await workos.memberships.create(user, org)
        assert (made.held.id, made.held.status, made.ours) == ("om_theirs", "inactive", False)
        assert server.service.requests[f"POST /user_management{PATH}"] == 1


async def test_pending_ones_are_left() -> None:
    async with failing() as (workos, server):
        user, org = await somebody(workos, server)
        held = (await workos.memberships.create(user, org)).held
        with server.service.environment.database.unit():
            server.service.environment.database.write("UPDATE memberships SET status = 'pending'")
        for call in (workos.memberships.deactivate, workos.memberships.reactivate):
            with pytest.raises(Terminal) as refused:
                await call(held.id)
            assert refused.value.status == 400 and "pending" in refused.value.code
        made = await workos.memberships.create(user, org)
        assert (made.held.status, made.ours) == ("pending", False)


@pytest.mark.parametrize("fault", ["throttled", "error_before", "error_after", "reset_after", "cut_off"])
async def test_a_revocation_whose_end_is_not_known(fault: str) -> None:
    async with failing(ScriptedFault("POST", "/sessions/revoke", fault)) as (workos, server):
        user, _ = await somebody(workos, server)
        body = f'{{"user_id":"{user}"}}'.encode()
        server.service.handle("POST", "/_sandbox/sessions", (), body, f"Bearer {server.options.api_key}")
        await workos.sessions.revoke(user, [one.id for one in await workos.sessions.active(user)])
        assert await workos.sessions.active(user) == []


async def test_what_never_ends_well_is_ambiguous() -> None:
    async with failing(ScriptedFault("POST", PATH, "error_before", times=100)) as (workos, server):
        workos.memberships._calls._tries = 2
        with pytest.raises(Ambiguous):
            await workos.memberships.create(*await somebody(workos, server))
