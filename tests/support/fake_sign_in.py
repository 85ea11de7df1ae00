"""`SignInEnvironment` in memory: what WorkOS sends people to is scripted by selector."""

from __future__ import annotations

from urllib.parse import urlencode

from engine.oauth.connections import Design
from engine.oauth.ports import HeldConnection
from engine.targets.errors import CallFailed


class FakeSignIn:
    """`addresses` are answers by provider or connection id; `failing` makes every write raise that."""

    def __init__(self, *, uris: list[str] | None = None) -> None:
        self.uris = uris if uris is not None else ["https://app.acme.com/cb"]
        self.addresses: dict[str, str] = {}
        self.organizations: dict[str, str] = {}
        self.held: dict[str, HeldConnection] = {}
        self.failing: CallFailed | None = None
        self.writes: list[str] = []

    async def redirect_uris(self) -> list[str]:
        return list(self.uris)

    async def create_redirect_uri(self, uri: str) -> None:
        self._write(f"uri {uri}")
        self.uris.append(uri)

    async def find_organization(self, external_id: str) -> str | None:
        return self.organizations.get(external_id)

    async def create_organization(self, external_id: str, name: str) -> str:
        self._write(f"organization {external_id} {name}")
        return self.organizations.setdefault(external_id, f"org_{external_id}")

    async def find_connection(self, connection_id: str) -> HeldConnection | None:
        return self.held.get(connection_id)

    async def connections(self, organization_id: str) -> list[HeldConnection]:
        return [one for one in self.held.values() if one.organization_id == organization_id]

    async def create_connection(self, organization_id: str, design: Design) -> HeldConnection:
        self._write(f"connection {design.external_id}")
        made = HeldConnection(f"conn_{design.external_id}", design.name, organization_id)
        return self.held.setdefault(made.id, made)

    async def update_connection(self, connection_id: str, design: Design) -> HeldConnection:
        self._write(f"update {connection_id}")
        return self.held[connection_id]

    async def sign_in_address(self, redirect_uri: str, **selector: str) -> str | None:
        return self.addresses.get(next(iter(selector.values())))

    def sends(self, selector: str, client_id: str, redirect_uri: str, scope: str = "openid email profile") -> None:
        """Script where somebody who signs in with a provider or a connection goes."""
        query = urlencode({"client_id": client_id, "redirect_uri": redirect_uri, "scope": scope})
        self.addresses[selector] = f"https://provider.example/authorize?{query}"

    def _write(self, what: str) -> None:
        if self.failing is not None:
            raise self.failing
        self.writes.append(what)
