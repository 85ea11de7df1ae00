"""The fake of a WorkOS environment but for its users: one fake a port, one script for all."""

from __future__ import annotations

from urllib.parse import urlencode

from engine.model.call_errors import CallFailed
from tests.support.fake_connections import FakeConnections
from tests.support.fake_memberships import FakeMemberships, FakeSessions
from tests.support.fake_organizations import FakeOrganizations
from tests.support.fake_redirect_uris import FakeRedirectUris
from tests.support.fake_roles import FakeRoles
from tests.support.fake_script import Script
from tests.support.fake_webhooks import FakeWebhooks


class FakeSignInAddress:
    """`addresses` are where WorkOS sends people, by provider or connection id."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}

    async def find(self, redirect_uri: str, **selector: str) -> str | None:
        return self.addresses.get(next(iter(selector.values())))


class FakeWorkOS:
    """`WorkOSPorts` in memory."""

    def __init__(self, *, uris: list[str] | None = None) -> None:
        self.script = Script()
        self.redirect_uris = FakeRedirectUris(self.script, uris if uris is not None else ["https://app.acme.com/cb"])
        self.organizations = FakeOrganizations(self.script)
        self.roles = FakeRoles(self.script)
        self.connections = FakeConnections(self.script, self.organizations)
        self.sessions = FakeSessions(self.script)
        self.memberships = FakeMemberships(self.script, self.organizations, self.roles, self.sessions)
        self.webhooks = FakeWebhooks(self.script)
        self.sign_in = FakeSignInAddress()

    @property
    def writes(self) -> list[str]:
        return self.script.writes

    @property
    def uris(self) -> list[str]:
        return self.redirect_uris.uris

    def fail_all(self, error: CallFailed | None) -> None:
        """Every write ends so from now on."""
        self.script.failing = error

    def sends(self, selector: str, client_id: str, redirect_uri: str, scope: str = "openid email profile") -> None:
        """Script where somebody who signs in with a provider or a connection goes."""
        query = urlencode({"client_id": client_id, "redirect_uri": redirect_uri, "scope": scope})
        self.sign_in.addresses[selector] = f"https://provider.example/authorize?{query}"
