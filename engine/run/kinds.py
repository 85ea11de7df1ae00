"""The kinds of resources of a run, in the order of their dependencies: the one list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from engine.model.keys import CONNECTION, MEMBERSHIP, ORGANIZATION, REDIRECT_URI, ROLE, USER
from engine.model.outcomes import ResourceRow
from engine.plan_file.model import Spec
from engine.resources.connections.design import Design
from engine.resources.connections.kind import ConnectionsKind
from engine.resources.fingerprints import Fingerprints
from engine.resources.organizations.kind import OrganizationsKind
from engine.resources.organizations.planner import OrganizationPlanner
from engine.resources.organizations.port import HeldOrganization, Organization
from engine.resources.redirect_uris.kind import RedirectUrisKind
from engine.resources.roles.kind import RolesKind
from engine.run.environment import WorkOSPorts
from engine.run.work_in_memory import WorkInMemory

KINDS = (REDIRECT_URI, ORGANIZATION, ROLE, CONNECTION, USER, MEMBERSHIP)
"""Each may need those before it. Going back takes them the other way round."""
IN_MEMORY = (REDIRECT_URI, ORGANIZATION, ROLE, CONNECTION)
"""Few enough to be held in memory, and carried out before the users."""

KnownRows = Mapping[str, Mapping[str, ResourceRow]]
"""The state's rows, by kind and key."""


@dataclass(frozen=True, slots=True)
class KindsInMemory:
    """The kinds of IN_MEMORY in one run. Iterating gives them in their order."""

    redirect_uris: WorkInMemory
    organizations: WorkInMemory
    roles: WorkInMemory
    connections: WorkInMemory

    def __iter__(self) -> Iterator[WorkInMemory]:
        yield from (self.redirect_uris, self.organizations, self.roles, self.connections)

    async def foresee(self, known: KnownRows) -> None:
        """Decide on everything. Raises GuardRefused and the errors of `engine.model.call_errors`."""
        for one in self:
            await one.foresee(known.get(one.kind.name, {}))

    @property
    def wanted_organizations(self) -> Mapping[str, Organization]:
        """By external ID."""
        return cast("OrganizationsKind", self.organizations.kind).wanted

    @property
    def held_organizations(self) -> Mapping[str, HeldOrganization]:
        """By external ID, as WorkOS held them when they were looked at."""
        return cast("OrganizationsKind", self.organizations.kind).held


def kinds_in_memory(
    spec: Spec,
    workos: WorkOSPorts,
    *,
    key: bytes,
    designs: Sequence[Design],
    organizations: Callable[[], Mapping[str, Organization]],
) -> KindsInMemory:
    """The kinds of one plan and environment; contacts nobody."""
    planner = OrganizationPlanner(Fingerprints(key), create_missing=spec.organizations.create_missing)
    made = WorkInMemory(OrganizationsKind(organizations, workos.organizations, planner))
    return KindsInMemory(
        WorkInMemory(RedirectUrisKind(spec.destination.redirect_uris, workos.redirect_uris)),
        made,
        WorkInMemory(RolesKind(spec.organizations, workos.roles)),
        WorkInMemory(ConnectionsKind(designs, workos.connections, organization=made.workos_id, key=key)),
    )
