"""The contract of `OrganizationPort`, and what only the real adapter is faced with."""

from __future__ import annotations

import pytest

from engine.model.call_errors import Ambiguous, Refused, Terminal
from engine.resources.organizations.port import Organization, OrganizationChanges
from engine.run.environment import WorkOSPorts
from engine.sandbox.options import Settings
from tests.support.answering import listening, says
from tests.support.fake_workos import FakeWorkOS
from tests.support.sandbox_extras import Options, ScriptedFault, Server
from tests.support.virtual_clock import VirtualClock
from tests.workos.conftest import adapter, failing

ACME = Organization("acme", "Acme", {"acme.com": "verified", "acme.org": "pending"}, {"tier": "gold", "old": "x"})


async def test_make_and_find(workos: WorkOSPorts) -> None:
    port = workos.organizations
    assert await port.find("acme") is None and await port.get("org_nobody") is None
    made = await port.create(ACME)
    held = made.held
    assert made.ours and held.id
    assert (held.name, held.external_id, held.allows_outside) == ("Acme", "acme", False)
    assert (dict(held.domains), dict(held.metadata)) == (dict(ACME.domains), dict(ACME.metadata))
    assert held.verified == {"acme.com"}
    assert await port.find("acme") == held and await port.get(held.id) == held


async def test_one_that_is_there_is_left(workos: WorkOSPorts) -> None:
    made = await workos.organizations.create(ACME)
    again = await workos.organizations.create(Organization("acme", "Another", {"new.com": "pending"}))
    assert (again.held, again.ours) == (made.held, False)


async def test_names_need_not_be_unique(workos: WorkOSPorts) -> None:
    made = [(await workos.organizations.create(Organization(key, "Acme"))).held for key in ("one", "two")]
    assert made[0].id != made[1].id


async def test_an_update_changes_what_it_carries(workos: WorkOSPorts) -> None:
    port = workos.organizations
    held = (await port.create(ACME)).held
    changed = await port.update(held.id, OrganizationChanges(name="Acme Inc"))
    assert (changed.name, changed.domains, changed.metadata) == ("Acme Inc", held.domains, held.metadata)
    changed = await port.update(held.id, OrganizationChanges(metadata={"old": None, "new": "y"}))
    assert (changed.name, dict(changed.metadata)) == ("Acme Inc", {"tier": "gold", "new": "y"})
    changed = await port.update(held.id, OrganizationChanges(metadata={}))
    assert dict(changed.metadata) == {"tier": "gold", "new": "y"}
    changed = await port.update(
        held.id, OrganizationChanges(domains={"acme.com": "verified", "acme.org": "verified", "acme.net": "pending"})
    )
    assert changed.verified == {"acme.com", "acme.org"} and changed.domains["acme.net"] == "pending"
    assert await port.find("acme") == changed
    with pytest.raises(Terminal) as refused:
        await port.update("org_nobody", OrganizationChanges(name="x"))
    assert refused.value.status == 404


async def test_listing_oldest_first(workos: WorkOSPorts) -> None:
    made = [(await workos.organizations.create(Organization(f"o{number:03}", "x"))).held for number in range(105)]
    first, after = await workos.organizations.list_page(None)
    second, end = await workos.organizations.list_page(after)
    assert [*first, *second] == made and after is not None and end is None and len(first) == 100


async def test_deleting(workos: WorkOSPorts) -> None:
    held = (await workos.organizations.create(ACME)).held
    await workos.organizations.delete(held.id)
    await workos.organizations.delete(held.id)
    assert await workos.organizations.find("acme") is None


@pytest.mark.parametrize("fault", ["throttled", "error_before", "error_after", "reset_after", "cut_off"])
async def test_what_is_not_known_to_be_done_is_looked_for(fault: str) -> None:
    async with failing(ScriptedFault("POST", "/organizations", fault)) as (workos, server):
        made = await workos.organizations.create(Organization("acme", "Acme"))
        assert made.ours and server.counts()["organizations"] == 1


async def test_a_domain_of_another_organization() -> None:
    """Only where WorkOS says so."""
    for unique in (False, True):
        async with Server(Options(settings=Settings(unique_domains=unique))) as server:
            workos, target, _ = adapter(server)
            await workos.organizations.create(ACME)
            other = Organization("other", "Other", {"acme.com": "pending"})
            if unique:
                with pytest.raises(Terminal) as refused:
                    await workos.organizations.create(other)
                assert refused.value.status == 409
            else:
                assert (await workos.organizations.create(other)).ours
            await target.close()
    fake = FakeWorkOS()
    fake.organizations.taken = {"acme.com"}
    with pytest.raises(Terminal) as refused:
        await fake.organizations.create(ACME)
    assert refused.value.status == 409


async def test_a_key_of_nobody() -> None:
    async with Server(Options()) as server:
        workos, target, _ = adapter(server, key="sk_test_of_nobody")
        with pytest.raises(Refused):
            await workos.organizations.create(ACME)
        await target.close()


async def test_a_domain_that_is_not_kept_is_no_success() -> None:
    body = b'{"id":"org_1","name":"Acme","domains":[{"domain":"acme.com","state":"pending"}]}'
    async with listening(lambda _: says("200 OK", body)) as address, Server(Options()) as server:
        workos, target, _ = adapter(server, address=address, clock=VirtualClock())
        with pytest.raises(Terminal, match="domains_not_kept"):
            await workos.organizations.update("org_1", OrganizationChanges(domains={"acme.com": "verified"}))
        with pytest.raises(Ambiguous):
            # It is there still, whatever the answer to DELETE was.
            await workos.organizations.delete("org_1")
        await target.close()
