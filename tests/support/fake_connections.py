"""The fake of `ConnectionPort`."""

from __future__ import annotations

from dataclasses import replace

from engine.model.call_errors import Terminal
from engine.model.creations import Made
from engine.resources.connections.design import Design
from engine.resources.connections.port import HeldConnection
from tests.support.fake_organizations import FakeOrganizations
from tests.support.fake_script import Script


class FakeConnections:
    """`held` by WorkOS id, which is made of the external ID."""

    def __init__(self, script: Script, organizations: FakeOrganizations) -> None:
        self._script, self._organizations = script, organizations
        self.held: dict[str, HeldConnection] = {}

    async def get(self, connection_id: str) -> HeldConnection | None:
        return self._script.read("connections.get", connection_id, self.held.get(connection_id))

    async def of_organization(self, organization_id: str) -> list[HeldConnection]:
        found = [one for one in self.held.values() if one.organization_id == organization_id]
        return self._script.read("connections.of_organization", organization_id, found)

    async def create(self, organization_id: str, design: Design) -> Made[HeldConnection]:
        after = self._script.begin("connections.create", f"connection {design.external_id}")
        if self._organizations.by_id(organization_id) is None:
            raise Terminal("entity_not_found", status=404)
        identifier = f"conn_{design.external_id}"
        if (there := self.held.get(identifier)) is not None and there.organization_id == organization_id:
            return Made(there, ours=False)
        self.held[identifier] = HeldConnection(identifier, design.name, organization_id)
        return self._script.end(after, Made(self.held[identifier], ours=True))

    async def update(self, connection_id: str, design: Design) -> HeldConnection:
        after = self._script.begin("connections.update", f"update {connection_id}")
        if connection_id not in self.held:
            raise Terminal("entity_not_found", status=404)
        self.held[connection_id] = replace(self.held[connection_id], name=design.name)
        return self._script.end(after, self.held[connection_id])

    async def delete(self, connection_id: str) -> None:
        after = self._script.begin("connections.delete", f"delete {connection_id}")
        self.held.pop(connection_id, None)
        self._script.end(after, None)
