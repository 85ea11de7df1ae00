"""What signing in rests on in a WorkOS environment, by the official SDK: redirect URIs, organizations, connections.

Behind `engine.oauth.ports.SignInEnvironment`. There are few of these calls, so each looks again before it repeats a
write whose end is not known.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from workos import AsyncWorkOSClient, TransportError
from workos.common.models import OrganizationDomainDataState
from workos.organizations import OrganizationDomainData
from workos.sso import (
    CreateConnectionAttributeMaps,
    CreateConnectionOIDCOptions,
    CreateConnectionSAMLOptions,
    CreateConnectionStandardAttributes,
    CreateProtocolOptionsOIDC,
    CreateProtocolOptionsSAML,
    PatchConnectionAttributeMaps,
    PatchConnectionOIDCOptions,
    PatchConnectionSAMLOptions,
    PatchConnectionStandardAttributes,
    PatchProtocolOptionsOIDC,
    PatchProtocolOptionsSAML,
)

from engine.model.call_errors import Ambiguous, CallFailed, Terminal, Transient
from engine.model.paging import every_page
from engine.model.retries import Tries
from engine.plan_file.model import Destination
from engine.plan_file.providers import DomainState
from engine.quota.metered import MeteredTarget
from engine.resources.connections.design import Design
from engine.resources.connections.port import HeldConnection
from engine.resources.organizations.port import HeldOrganization, Organization
from engine.workos.calls import ask, checked, optional_text, text
from engine.workos.paging import Page, read_page
from engine.workos.transport import AiohttpBackend

_T = TypeVar("_T")
_PAGE = 100
_TRIES = 4


class _Connection(Protocol):
    id: str
    name: str
    organization_id: str | None


class WorkOSSignIn:
    """`SignInEnvironment` on one WorkOS environment, under the quota of `meter`."""

    def __init__(
        self,
        client: AsyncWorkOSClient,
        backend: AiohttpBackend,
        destination: Destination,
        *,
        meter: MeteredTarget,
        timeout: float,
    ) -> None:
        self._client = client
        self._backend = backend
        self._destination = destination
        self._meter = meter
        self._timeout = timeout
        self._opts: Any = {"timeout": timeout, "max_retries": 0}

    async def redirect_uris(self) -> list[str]:
        """See the port."""
        found = await self._all(("user_management", "redirect_uris"))
        return [text(one.get("uri")) for one in sorted(found, key=lambda one: one.get("default") is not True)]

    async def create_redirect_uri(self, uri: str) -> None:
        """See the port."""

        async def look() -> bool | None:
            return True if uri in await self.redirect_uris() else None

        async def create() -> bool:
            await checked(self._client.user_management.create_redirect_uri(uri=uri, request_options=self._opts))
            return True

        await self._write(create, look)

    async def find_organization(self, external_id: str) -> HeldOrganization | None:
        """See the port."""
        call = self._client.organizations.get_organization_by_external_id
        found = await self._found(lambda: call(external_id, request_options=self._opts))
        return _organization(found) if found is not None else None

    async def create_organization(self, wanted: Organization) -> HeldOrganization:
        """See the port."""

        async def create() -> HeldOrganization:
            made = self._client.organizations.create_organization(
                name=wanted.name,
                external_id=wanted.external_id,
                domain_data=_domain_data(wanted.domains) if wanted.domains else None,
                request_options=self._opts,
            )
            return _organization(await checked(made))

        return await self._write(create, lambda: self.find_organization(wanted.external_id))

    async def set_domains(self, organization_id: str, domains: Mapping[str, DomainState]) -> None:
        """See the port. The same content twice is the same, so it is simply repeated."""

        async def update() -> None:
            changed = self._client.organizations.update_organization(
                organization_id, domain_data=_domain_data(domains), request_options=self._opts
            )
            held = _organization(await checked(changed))
            verified = {name for name, state in domains.items() if state == "verified"}
            if domains.keys() - held.domains.keys() or verified - held.verified:
                # An answer that does not hold what was asked is no success.
                raise Terminal("domains_not_kept")

        await self._write(update, _nothing)

    async def find_connection(self, connection_id: str) -> HeldConnection | None:
        """See the port."""
        call = self._client.sso.get_connection
        found = await self._found(lambda: call(connection_id, request_options=self._opts))
        return _held(found) if found is not None else None

    async def connections(self, organization_id: str) -> list[HeldConnection]:
        """See the port."""
        found = await self._all(("connections",), organization_id=organization_id)
        # Compared here as well: a server that does not know the filter answers with everybody's.
        return [
            HeldConnection(text(one.get("id")), text(one.get("name")), organization_id)
            for one in found
            if one.get("organization_id") == organization_id
        ]

    async def create_connection(self, organization_id: str, design: Design) -> HeldConnection:
        """See the port. Idempotent by external ID (SDK, create_connection), so it is simply repeated."""
        fields: Any = dict(design.options)
        options: Any = (
            CreateProtocolOptionsOIDC(CreateConnectionOIDCOptions(**fields))
            if design.protocol == "oidc"
            else CreateProtocolOptionsSAML(CreateConnectionSAMLOptions(**fields))
        )
        standard: Any = dict(design.attributes)
        maps = CreateConnectionAttributeMaps(CreateConnectionStandardAttributes(**standard)) if standard else None

        async def create() -> HeldConnection:
            made = self._client.sso.create_connection(
                organization_id=organization_id,
                name=design.name,
                external_id=design.external_id,
                connection_type=_TYPES[design.protocol],
                attribute_maps=maps,
                protocol_options=options,
                request_options=self._opts,
            )
            return _held(await checked(made))

        return await self._write(create, _nothing)

    async def update_connection(self, connection_id: str, design: Design) -> HeldConnection:
        """See the port. The same content twice is the same, so it is simply repeated."""
        fields: Any = dict(design.options)
        options: Any = (
            PatchProtocolOptionsOIDC(PatchConnectionOIDCOptions(**fields))
            if design.protocol == "oidc"
            else PatchProtocolOptionsSAML(PatchConnectionSAMLOptions(**fields))
        )
        standard: Any = dict(design.attributes)
        maps = PatchConnectionAttributeMaps(PatchConnectionStandardAttributes(**standard)) if standard else None

        async def update() -> HeldConnection:
            changed = self._client.sso.update_connection(
                connection_id,
                name=design.name,
                external_id=design.external_id,
                attribute_maps=maps,
                protocol_options=options,
                request_options=self._opts,
            )
            return _held(await checked(changed))

        return await self._write(update, _nothing)

    async def sign_in_address(self, redirect_uri: str, **selector: str) -> str | None:
        """See the port. One redirect, without the key: this is what a browser does (facts, authorize)."""
        query = {"client_id": self._destination.client_id, "redirect_uri": redirect_uri, "response_type": "code"}
        address = f"{self._destination.base_url.rstrip('/')}/user_management/authorize?{urlencode(query | selector)}"

        async def ask() -> str | None:
            try:
                answer = await self._backend.request("GET", address, headers={}, content=None, timeout=self._timeout)
            except TransportError as error:
                raise Transient("connection_failed") from error
            location = next((value for name, value in answer.headers.items() if name.lower() == "location"), None)
            return location if 300 <= answer.status_code < 400 else None

        return await self._meter.read(ask)

    async def _all(self, path: tuple[str, ...], **filters: str) -> list[Mapping[str, Any]]:
        async def fetch(after: str | None) -> tuple[Sequence[Any], str | None]:
            params = {"limit": _PAGE, "order": "asc", **filters} | ({"after": after} if after else {})

            async def ask_once() -> Page:
                return read_page(await ask(self._client, path, params, self._opts))

            page = await self._meter.read(ask_once)
            return page.items, page.after

        found = [one async for items in every_page(fetch) for one in items]
        if not all(isinstance(one, Mapping) for one in found):
            raise Ambiguous("unexpected_answer")
        return found

    async def _found(self, call: Callable[[], Awaitable[_T]]) -> _T | None:
        try:
            return await self._meter.read(lambda: checked(call()))
        except Terminal as error:
            if error.status == 404:
                return None
            raise

    async def _write(self, write: Callable[[], Awaitable[_T]], look: Callable[[], Awaitable[_T | None]]) -> _T:
        tries = Tries(self._meter.rng, tries=_TRIES)
        while True:
            try:
                return await self._meter.write(write)
            except (Transient, Ambiguous, Terminal) as error:
                failure: CallFailed = error
            # Somebody may have been there first, or the write was done and its answer lost.
            found = await look()
            if found is not None:
                return found
            delay = None if isinstance(failure, Terminal) else tries.next_delay(failure)
            if delay is None:
                raise failure
            self._meter.requests.retried += 1
            await self._meter.pause(delay)


_TYPES = {"oidc": "GenericOIDC", "saml": "GenericSAML"}


async def _nothing() -> None:
    return None


def _id(given: object) -> str:
    if not (found := text(given)):
        raise Ambiguous("unexpected_answer")
    return found


def _domain_data(domains: Mapping[str, DomainState]) -> list[OrganizationDomainData]:
    return [
        OrganizationDomainData(domain=name, state=OrganizationDomainDataState(state)) for name, state in domains.items()
    ]


def _organization(found: Any) -> HeldOrganization:
    # A state that WorkOS leaves out is one that nobody may count on.
    domains = {text(one.domain).lower(): str(getattr(one.state, "value", one.state) or "") for one in found.domains}
    return HeldOrganization(_id(found.id), domains, bool(found.allow_profiles_outside_organization))


def _held(connection: _Connection) -> HeldConnection:
    return HeldConnection(text(connection.id), text(connection.name), optional_text(connection.organization_id))
