"""The fake of `OrganizationPort`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.model.call_errors import Terminal
from engine.model.creations import Made
from engine.resources.organizations.port import HeldOrganization, Organization, OrganizationChanges
from tests.support.fake_script import Script


class FakeOrganizations:
    """`held` by external ID. `taken` are domains that WorkOS answers 409 to."""

    def __init__(self, script: Script, *, page: int = 100) -> None:
        self._script, self._page = script, page
        self.held: dict[str, HeldOrganization] = {}
        self.taken: set[str] = set()

    async def find(self, external_id: str) -> HeldOrganization | None:
        return self._script.read("organizations.find", external_id, self.held.get(external_id))

    async def get(self, organization_id: str) -> HeldOrganization | None:
        return self._script.read("organizations.get", organization_id, self.by_id(organization_id))

    async def list_page(self, after: str | None) -> tuple[Sequence[HeldOrganization], str | None]:
        left = [one for one in self.held.values() if after is None or one.id > after]
        found = left[: self._page]
        return self._script.read(
            "organizations.list_page", after, (found, found[-1].id if len(left) > self._page else None)
        )

    async def create(self, wanted: Organization) -> Made[HeldOrganization]:
        if wanted.external_id in self.held:
            return Made(self.held[wanted.external_id], ours=False)
        after = self._script.begin("organizations.create", f"organization {wanted.external_id} {wanted.name}")
        self._check(wanted.domains)
        made = HeldOrganization(
            self._script.new_id("org"), dict(wanted.domains), False, wanted.name, wanted.external_id,
            dict(wanted.metadata),
        )  # fmt: skip
        self.held[wanted.external_id] = made
        return self._script.end(after, Made(made, ours=True))

    async def update(self, organization_id: str, changes: OrganizationChanges) -> HeldOrganization:
        words = [*sorted(changes.domains or ()), *sorted(changes.metadata or ()), changes.name or ""]
        after = self._script.begin("organizations.update", f"update {organization_id} {' '.join(words)}".rstrip())
        self._check(changes.domains or {})
        held = self.by_id(organization_id)
        if held is None:
            raise Terminal("entity_not_found", status=404)
        merged = {**held.metadata, **(changes.metadata or {})}
        changed = replace(
            held,
            name=changes.name if changes.name is not None else held.name,
            domains=dict(changes.domains) if changes.domains is not None else held.domains,
            metadata={key: value for key, value in merged.items() if value is not None},
        )
        external_id = next(key for key, one in self.held.items() if one is held)
        self.held[external_id] = changed
        return self._script.end(after, changed)

    async def delete(self, organization_id: str) -> None:
        after = self._script.begin("organizations.delete", f"delete {organization_id}")
        self.held = {key: one for key, one in self.held.items() if one.id != organization_id}
        self._script.end(after, None)

    def by_id(self, organization_id: str) -> HeldOrganization | None:
        return next((one for one in self.held.values() if one.id == organization_id), None)

    def _check(self, domains: Mapping[str, str]) -> None:
        if self.taken & domains.keys():
            raise Terminal("conflict", status=409)
