"""`SignInEnvironment` in memory: what WorkOS sends people to is scripted by selector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from engine.model.call_errors import CallFailed
from engine.plan_file.providers import DomainState
from engine.resources.connections.design import Design
from engine.resources.connections.port import HeldConnection
from engine.resources.organizations.port import HeldOrganization, Organization


class FakeSignIn:
    """`addresses` are answers by provider or connection id; `failing` makes every write raise that."""

    def __init__(self, *, uris: list[str] | None = None) -> None:
        self.uris = uris if uris is not None else ["https://app.acme.com/cb"]
        self.addresses: dict[str, str] = {}
        self.organizations: dict[str, HeldOrganization] = {}
        self.held: dict[str, HeldConnection] = {}
        self.failing: CallFailed | None = None
        self.writes: list[str] = []

    async def redirect_uris(self) -> list[str]:
        return list(self.uris)

    async def create_redirect_uri(self, uri: str) -> None:
        self._write(f"uri {uri}")
        self.uris.append(uri)

    async def find_organization(self, external_id: str) -> HeldOrganization | None:
        return self.organizations.get(external_id)

    async def create_organization(self, wanted: Organization) -> HeldOrganization:
        self._write(f"organization {wanted.external_id} {wanted.name}")
        made = HeldOrganization(f"org_{wanted.external_id}", dict(wanted.domains))
        return self.organizations.setdefault(wanted.external_id, made)

    async def set_domains(self, organization_id: str, domains: Mapping[str, DomainState]) -> None:
        self._write(f"domains {organization_id} {' '.join(sorted(domains))}")
        for external_id, one in self.organizations.items():
            if one.id == organization_id:
                self.organizations[external_id] = replace(one, domains=dict(domains))

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
