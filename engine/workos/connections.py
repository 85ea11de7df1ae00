"""WorkOS's SSO connections behind `ConnectionPort`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

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

from engine.model.creations import Made
from engine.resources.connections.design import Design
from engine.resources.connections.port import HeldConnection
from engine.workos.calls import checked, identifier, optional_text, text
from engine.workos.metered_calls import MeteredCalls

_PATH = ("connections",)
_TYPES = {"oidc": "GenericOIDC", "saml": "GenericSAML"}


class _Connection(Protocol):
    id: str
    name: str
    organization_id: str | None


class WorkOSConnections:
    """`ConnectionPort` on one WorkOS environment. Bodies are the SDK's: the API description has no such writes yet."""

    def __init__(self, calls: MeteredCalls) -> None:
        self._calls = calls
        self._sso = calls.client.sso

    async def get(self, connection_id: str) -> HeldConnection | None:
        """See the port."""
        found = await self._calls.find((*_PATH, connection_id))
        return _held(found) if found is not None else None

    async def of_organization(self, organization_id: str) -> list[HeldConnection]:
        """See the port."""
        found = await self._calls.all(_PATH, organization_id=organization_id)
        # Compared here as well: a server that does not know the filter answers with everybody's.
        return [_held(one) for one in found if one.get("organization_id") == organization_id]

    async def create(self, organization_id: str, design: Design) -> Made[HeldConnection]:
        """See the port. Idempotent by external ID (SDK, create_connection), so it is simply repeated."""
        fields: Any = dict(design.options)
        options: Any = (
            CreateProtocolOptionsOIDC(CreateConnectionOIDCOptions(**fields))
            if design.protocol == "oidc"
            else CreateProtocolOptionsSAML(CreateConnectionSAMLOptions(**fields))
        )
        standard: Any = dict(design.attributes)
        maps = CreateConnectionAttributeMaps(CreateConnectionStandardAttributes(**standard)) if standard else None
        # The answer does not tell a new one from one that was there.
        before = {one.id for one in await self.of_organization(organization_id)}

        async def create() -> HeldConnection:
            made = self._sso.create_connection(
                organization_id=organization_id,
                name=design.name,
                external_id=design.external_id,
                connection_type=_TYPES[design.protocol],
                attribute_maps=maps,
                protocol_options=options,
                request_options=self._calls.opts,
            )
            return _of_model(await checked(made))

        held = await self._calls.write(create)
        return Made(held, ours=held.id not in before)

    async def update(self, connection_id: str, design: Design) -> HeldConnection:
        """See the port."""
        fields: Any = dict(design.options)
        options: Any = (
            PatchProtocolOptionsOIDC(PatchConnectionOIDCOptions(**fields))
            if design.protocol == "oidc"
            else PatchProtocolOptionsSAML(PatchConnectionSAMLOptions(**fields))
        )
        standard: Any = dict(design.attributes)
        maps = PatchConnectionAttributeMaps(PatchConnectionStandardAttributes(**standard)) if standard else None

        async def update() -> HeldConnection:
            changed = self._sso.update_connection(
                connection_id,
                name=design.name,
                external_id=design.external_id,
                attribute_maps=maps,
                protocol_options=options,
                request_options=self._calls.opts,
            )
            return _of_model(await checked(changed))

        return await self._calls.write(update)

    async def delete(self, connection_id: str) -> None:
        """See the port."""
        await self._calls.delete((*_PATH, connection_id), lambda: self.get(connection_id))


def _held(given: Mapping[str, Any]) -> HeldConnection:
    return HeldConnection(
        identifier(given.get("id")), text(given.get("name")), optional_text(given.get("organization_id"))
    )


def _of_model(given: _Connection) -> HeldConnection:
    return HeldConnection(identifier(given.id), text(given.name), optional_text(given.organization_id))
