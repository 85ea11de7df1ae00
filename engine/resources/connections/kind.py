"""SSO connections: one for each identity provider that the plan makes a connection of. Their options hold secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.model.call_errors import Terminal
from engine.model.keys import CONNECTION, connection_key
from engine.model.outcomes import Done, ResourceRow
from engine.resources.connections.design import Design
from engine.resources.connections.port import ConnectionPort
from engine.resources.kind import ResourceChange, begun_here

FindOrganization = Callable[[str], str | None]
"""From an organization's external ID to its WorkOS id; None where it is not there (yet)."""


class ConnectionsKind:
    """See `Kind`. `organization` knows what the organizations' kind has found and made."""

    name = CONNECTION

    def __init__(
        self, designs: Sequence[Design], port: ConnectionPort, *, organization: FindOrganization, key: bytes
    ) -> None:
        self._designs = {connection_key(one.pool, one.provider): one for one in designs}
        self._port = port
        self._organization = organization
        self._key = key

    def design(self, key: str) -> Design:
        """What a change of this key is for."""
        return self._designs[key]

    async def foresee(self, known: Mapping[str, ResourceRow]) -> Sequence[ResourceChange]:
        """See `Kind`."""
        return [await self._decide(key, wanted, known.get(key)) for key, wanted in self._designs.items()]

    async def _decide(self, key: str, wanted: Design, row: ResourceRow | None) -> ResourceChange:
        organization_id = self._organization(wanted.organization.organization)
        mark = wanted.fingerprint(self._key)
        held = await self._port.get(row.workos_id) if row is not None and row.workos_id is not None else None
        if held is not None and held.organization_id != organization_id:
            # The plan has moved it to another organization, and WorkOS cannot.
            held = None
        if held is not None and row is not None:
            same = row.status != "claimed" and row.fingerprint == mark
            action, workos_id = ("unchanged" if same else "update"), held.id
            return self._change(key, wanted, action, workos_id, created_here=begun_here(row))
        if organization_id is not None:
            for one in await self._port.of_organization(organization_id):
                if one.name == wanted.name:
                    return self._change(key, wanted, "update", one.id, created_here=begun_here(row))
        return self._change(key, wanted, "create", None, created_here=True)

    def _change(
        self, key: str, wanted: Design, action: str, workos_id: str | None, *, created_here: bool
    ) -> ResourceChange:
        # Secrets stay out of what is shown: a hash stands for all that would be sent.
        send = {"name": wanted.name, "organization": wanted.organization.organization, "protocol": wanted.protocol}
        if action != "unchanged":
            send["options"] = wanted.slow_hash()
        return ResourceChange(
            self.name,
            key,
            action,  # type: ignore[arg-type]  # one of three
            workos_id,
            send={} if action == "unchanged" else send,
            created_here=created_here,
            fingerprint=wanted.fingerprint(self._key),
        )

    async def carry_out(self, change: ResourceChange) -> tuple[Done, str]:
        """See `Kind`."""
        wanted, workos_id, action = self._designs[change.key], change.workos_id, change.action
        created_here = change.created_here
        if workos_id is None:
            organization_id = self._organization(wanted.organization.organization)
            if organization_id is None:
                raise Terminal("no_organization")
            made = await self._port.create(organization_id, wanted)
            workos_id, created_here = made.held.id, made.ours
            # WorkOS gives the connection of this external ID where it has one (a lost state): that one is updated.
            action = "create" if made.ours else "update"
        if action == "update":
            await self._port.update(workos_id, wanted)
        done = Done(self.name, change.key, workos_id, action, change.fingerprint, {}, created_here, 1)
        return done, "created" if action == "create" else "updated"
