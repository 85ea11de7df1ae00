"""The contract of `ConnectionPort`, and of the address that people who sign in are sent to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.call_errors import Terminal
from engine.model.identity_providers import IdentityProvider
from engine.plan_file.providers import ConnectionSpec
from engine.resources.connections.design import design
from engine.resources.organizations.port import Organization
from engine.run.environment import WorkOSPorts
from tests.support.sandbox_extras import ScriptedFault
from tests.workos.conftest import failing

OIDC = design(
    IdentityProvider("Okta", "OIDC", "c", "s", issuer="https://acme.okta.com", attributes={"email": "mail"}),
    ConnectionSpec("acme", "Acme"),
    "pool",
)
SAML = design(IdentityProvider("Adfs", "SAML", metadata_url="https://idp/m"), ConnectionSpec("acme"), "pool")


async def test_connections(workos: WorkOSPorts) -> None:
    port = workos.connections
    acme, other = [(await workos.organizations.create(Organization(key, key))).held.id for key in ("acme", "other")]
    assert await port.of_organization(acme) == []
    made = [await port.create(acme, one) for one in (OIDC, SAML)]
    held = [one.held for one in made]
    assert [(one.ours, one.held.name) for one in made] == [(True, "Okta (pool)"), (True, "Adfs (pool)")]
    assert [await port.get(one.id) for one in held] == held
    assert await port.of_organization(acme) == held and await port.of_organization(other) == []
    again = await port.create(acme, OIDC)
    assert (again.held, again.ours) == (held[0], False)
    assert await port.update(held[0].id, replace(OIDC, attributes={})) == held[0]
    assert (await port.update(held[1].id, SAML)).id == held[1].id
    assert await port.get("conn_nobody") is None
    await port.delete(held[0].id)
    await port.delete(held[0].id)
    assert await port.of_organization(acme) == [held[1]]
    for call in (port.create("org_nobody", OIDC), port.update("conn_nobody", OIDC)):
        with pytest.raises(Terminal):
            await call


@pytest.mark.parametrize("fault", ["throttled", "error_before", "error_after", "reset_after", "cut_off"])
async def test_what_is_not_known_to_be_done_is_made_once(fault: str) -> None:
    async with failing(ScriptedFault("POST", "/connections", fault)) as (workos, _):
        acme = (await workos.organizations.create(Organization("acme", "Acme"))).held.id
        made = await workos.connections.create(acme, OIDC)
        assert made.ours and await workos.connections.of_organization(acme) == [made.held]


async def test_where_people_are_sent() -> None:
    async with failing() as (workos, _):
        find = workos.sign_in.find
        assert "error.workos.com" in (await find("https://a/cb", provider="GoogleOAuth") or "")
        await workos.redirect_uris.create("https://a/cb")
        location = await find("https://a/cb", provider="GoogleOAuth")
        assert location is not None and location.startswith("https://a/cb?error=connection_invalid")
        assert await find("", provider="GoogleOAuth") is None
