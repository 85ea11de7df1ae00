"""WorkOS's organizations behind `OrganizationPort`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.call_errors import Terminal
from engine.model.creations import Made
from engine.plan_file.providers import DomainState
from engine.resources.organizations.port import HeldOrganization, Organization, OrganizationChanges
from engine.workos.calls import identifier, items, metadata, optional_text, text
from engine.workos.metered_calls import Body, MeteredCalls

_PATH = ("organizations",)
_DELETION_WAITS = (0.5, 1.0, 2.0, 4.0)


class WorkOSOrganizations:
    """`OrganizationPort` on one WorkOS environment."""

    def __init__(self, calls: MeteredCalls) -> None:
        self._calls = calls

    async def find(self, external_id: str) -> HeldOrganization | None:
        """See the port."""
        found = await self._calls.find((*_PATH, "external_id", external_id))
        return _held(found) if found is not None else None

    async def get(self, organization_id: str) -> HeldOrganization | None:
        """See the port."""
        found = await self._calls.find((*_PATH, organization_id))
        return _held(found) if found is not None else None

    async def list_page(self, after: str | None) -> tuple[Sequence[HeldOrganization], str | None]:
        """See the port."""
        page = await self._calls.page(_PATH, after)
        return [_held(one) for one in page.items], page.after

    async def create(self, wanted: Organization) -> Made[HeldOrganization]:
        """See the port."""
        body: Body = {"name": wanted.name, "external_id": wanted.external_id}
        if wanted.domains:
            body["domain_data"] = _domain_data(wanted.domains)
        if wanted.metadata:
            body["metadata"] = dict(wanted.metadata)

        async def create() -> HeldOrganization:
            return _held(await self._calls.send("post", _PATH, body))

        return await self._calls.create(create, lambda: self.find(wanted.external_id))

    async def update(self, organization_id: str, changes: OrganizationChanges) -> HeldOrganization:
        """See the port."""
        body: Body = {}
        if changes.name is not None:
            body["name"] = changes.name
        if changes.domains is not None:
            body["domain_data"] = _domain_data(changes.domains)
        if changes.metadata:  # an empty object would remove all (docs, metadata)
            body["metadata"] = dict(changes.metadata)

        async def update() -> HeldOrganization:
            return _held(await self._calls.send("put", (*_PATH, organization_id), body))

        held = await self._calls.write(update)
        domains = changes.domains or {}
        verified = {name for name, state in domains.items() if state == "verified"}
        if domains.keys() - held.domains.keys() or verified - held.verified:
            # An answer that does not hold what was asked is no success.
            raise Terminal("domains_not_kept")
        return held

    async def delete(self, organization_id: str) -> None:
        """See the port."""
        path = (*_PATH, organization_id)
        # 202 is among the answers (API description): the deletion is accepted, and done some time after.
        await self._calls.delete(
            path, lambda: self.get(organization_id), kind="organization_deletion", waits=_DELETION_WAITS
        )


def _domain_data(domains: Mapping[str, DomainState]) -> list[dict[str, str]]:
    return [{"domain": name, "state": state} for name, state in domains.items()]


def _held(given: Mapping[str, Any]) -> HeldOrganization:
    domains = items(given.get("domains"))
    return HeldOrganization(
        id=identifier(given.get("id")),
        # A state that WorkOS leaves out is one that nobody may count on.
        domains={text(one.get("domain")).lower(): optional_text(one.get("state")) or "" for one in domains},
        allows_outside=given.get("allow_profiles_outside_organization") is True,
        name=text(given.get("name")),
        external_id=optional_text(given.get("external_id")),
        metadata=metadata(given.get("metadata")),
    )
