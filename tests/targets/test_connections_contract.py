"""The contract of the port `SignInEnvironment`, run on the fake and on the real adapter against the sandbox."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.model.call_errors import Refused, Terminal
from engine.model.clock import SystemClock
from engine.model.identity_providers import IdentityProvider
from engine.oauth.ports import SignInEnvironment
from engine.plan_file.model import Destination
from engine.plan_file.providers import ConnectionSpec
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from engine.resources.connections.design import design
from engine.resources.organizations.port import Organization
from engine.sandbox.options import Faults, Options, ScriptedFault
from engine.sandbox.server import Server
from engine.workos.sign_in import WorkOSSignIn
from engine.workos.users import WorkOSTarget
from tests.support.fake_sign_in import FakeSignIn

ACME = Organization("acme", "Acme", {"acme.com": "verified", "acme.org": "pending"})
OIDC = design(
    IdentityProvider("Okta", "OIDC", "c", "s", issuer="https://acme.okta.com", attributes={"email": "mail"}),
    ConnectionSpec("acme", "Acme"),
    "pool",
)
SAML = design(IdentityProvider("Adfs", "SAML", metadata_url="https://idp/m"), ConnectionSpec("acme"), "pool")


def adapter(server: Server, *, key: str | None = None) -> WorkOSSignIn:
    own = server.options
    destination = Destination(own.client_id, key or own.api_key, server.url)
    target = WorkOSTarget(destination, timeout=5)
    clock = SystemClock()
    meter = MeteredTarget(target, Quota(destination, clock), clock=clock, rng=random.Random(1))
    return WorkOSSignIn(target.client, target.backend, destination, meter=meter, timeout=5)


@pytest.fixture(params=["fake", "workos"])
async def environment(request: pytest.FixtureRequest) -> AsyncIterator[SignInEnvironment]:
    if request.param == "fake":
        yield FakeSignIn(uris=[])
        return
    async with Server(Options()) as server:
        made = adapter(server)
        yield made
        await made._backend.close()


async def test_redirect_uris(environment: SignInEnvironment) -> None:
    assert await environment.redirect_uris() == []
    for uri in ("https://a/cb", "https://b/cb"):
        await environment.create_redirect_uri(uri)
    assert await environment.redirect_uris() == ["https://a/cb", "https://b/cb"]


async def test_a_list_that_fails_is_asked_for_again() -> None:
    faults = Faults(next=(ScriptedFault("GET", "/redirect_uris", "error_before", times=2),))
    async with Server(Options(faults=faults)) as server:
        made = adapter(server)
        await made.create_redirect_uri("https://a/cb")
        assert await made.redirect_uris() == ["https://a/cb"]
        await made._backend.close()


async def test_organizations(environment: SignInEnvironment) -> None:
    assert await environment.find_organization("acme") is None
    made = await environment.create_organization(
        Organization("acme", "Acme", {"acme.com": "verified", "acme.org": "pending"})
    )
    assert await environment.find_organization("acme") == made
    assert await environment.create_organization(Organization("acme", "Acme again")) == made
    assert made.domains == {"acme.com": "verified", "acme.org": "pending"}
    await environment.set_domains(made.id, {"acme.com": "verified", "acme.org": "verified", "acme.net": "pending"})
    found = await environment.find_organization("acme")
    assert found is not None and found.verified == {"acme.com", "acme.org"} and found.domains["acme.net"] == "pending"


async def test_connections(environment: SignInEnvironment) -> None:
    organization = (await environment.create_organization(Organization("acme", "Acme"))).id
    other = (await environment.create_organization(Organization("other", "Other"))).id
    assert await environment.connections(organization) == []
    made = [await environment.create_connection(organization, one) for one in (OIDC, SAML)]
    assert [one.name for one in made] == ["Okta (pool)", "Adfs (pool)"]
    assert [await environment.find_connection(one.id) for one in made] == made
    assert await environment.connections(organization) == made
    assert await environment.connections(other) == []
    assert await environment.create_connection(organization, OIDC) == made[0]
    assert await environment.update_connection(made[0].id, replace(OIDC, attributes={})) == made[0]
    assert (await environment.update_connection(made[1].id, SAML)).id == made[1].id
    assert await environment.find_connection("conn_nobody") is None


async def test_a_key_of_nobody() -> None:
    async with Server(Options()) as server:
        environment = adapter(server, key="sk_test_of_nobody")
        with pytest.raises(Refused):
            await environment.create_organization(
                Organization("acme", "Acme", {"acme.com": "verified", "acme.org": "pending"})
            )
        await environment._backend.close()


@pytest.mark.parametrize("fault", ["throttled", "error_before", "error_after", "reset_after", "cut_off"])
async def test_what_is_not_known_to_be_done_is_looked_for(fault: str) -> None:
    faults = tuple(ScriptedFault("POST", path, fault) for path in ("redirect_uris", "organizations", "connections"))
    async with Server(Options(faults=Faults(next=faults, retry_after_s=0.01))) as server:
        environment = adapter(server)
        await environment.create_redirect_uri("https://a/cb")
        organization = (await environment.create_organization(Organization("acme", "Acme"))).id
        await environment.create_connection(organization, OIDC)
        assert await environment.redirect_uris() == ["https://a/cb"]
        assert len(await environment.connections(organization)) == 1
        await environment._backend.close()


async def test_what_workos_never_takes_is_said_at_once() -> None:
    async with Server(Options()) as server:
        environment = adapter(server)
        with pytest.raises(Terminal):
            await environment.create_redirect_uri("nowhere")
        with pytest.raises(Terminal):
            await environment.create_connection("org_nobody", OIDC)
        await environment._backend.close()


async def test_where_people_are_sent() -> None:
    async with Server(Options()) as server:
        environment = adapter(server)
        assert "error.workos.com" in (await environment.sign_in_address("https://a/cb", provider="GoogleOAuth") or "")
        await environment.create_redirect_uri("https://a/cb")
        location = await environment.sign_in_address("https://a/cb", provider="GoogleOAuth")
        assert location is not None and location.startswith("https://a/cb?error=connection_invalid")
        assert await environment.sign_in_address("", provider="GoogleOAuth") is None
        await environment._backend.close()
