"""The port of organizations: what is asked of a WorkOS environment, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.model.creations import Made
from engine.plan_file.providers import DomainState

# States of a domain that count (API description, OrganizationDomain): the second is from before there were states.
_VERIFIED = frozenset({"verified", "legacy_verified"})


@dataclass(frozen=True, slots=True)
class HeldOrganization:
    """An organization as WorkOS shows it. `domains` are states by name; some of WorkOS's cannot be written."""

    id: str
    domains: Mapping[str, str] = field(default_factory=dict)
    allows_outside: bool = False
    name: str = ""
    external_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def verified(self) -> frozenset[str]:
        """Domains whose addresses may sign in by SSO."""
        return frozenset(name for name, state in self.domains.items() if state in _VERIFIED)


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization as the plan wants it; everything that names its external ID counts.

    WorkOS takes metadata of at most 10 keys (docs, metadata).
    """

    external_id: str
    name: str
    domains: Mapping[str, DomainState] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def verified(self) -> frozenset[str]:
        """Domains for which the plan's author vouches."""
        return frozenset(name for name, state in self.domains.items() if state == "verified")


@dataclass(frozen=True, slots=True)
class OrganizationChanges:
    """What one update carries; None leaves a field as it is.

    `domains` must be all of the organization: whether WorkOS replaces or merges them is documented nowhere. A
    metadata key with None is removed, one that is missing stays (docs, metadata).
    """

    name: str | None = None
    domains: Mapping[str, DomainState] | None = None
    metadata: Mapping[str, str | None] | None = None


class OrganizationPort(Protocol):
    """The organizations of an environment. External IDs are unique in it, names and domains need not be.

    Every method raises the errors of `engine.model.call_errors` and no others. An implementer tries again what is
    worth it, under the shared quota, and looks again before it repeats a creation. WorkOS answers 409 where it does
    not take a domain that another organization holds: that is Terminal.
    """

    async def find(self, external_id: str) -> HeldOrganization | None:
        """By external ID; None where there is none."""
        ...

    async def get(self, organization_id: str) -> HeldOrganization | None:
        """By WorkOS id; None where there is none."""
        ...

    async def list_page(self, after: str | None) -> tuple[Sequence[HeldOrganization], str | None]:
        """One page of all organizations, oldest first, and the cursor of the next; None at the end."""
        ...

    async def create(self, wanted: Organization) -> Made[HeldOrganization]:
        """Make one. Gives the one of this external ID where it is there, as it is."""
        ...

    async def update(self, organization_id: str, changes: OrganizationChanges) -> HeldOrganization:
        """Bring one up to date. Raises Terminal (`domains_not_kept`) where the answer lacks a domain that was sent."""
        ...

    async def delete(self, organization_id: str) -> None:
        """Remove one with all that hangs on it; nothing where it is not there."""
        ...
