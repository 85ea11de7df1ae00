"""The port of SSO connections: what is asked of a WorkOS environment, whatever stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.model.creations import Made
from engine.resources.connections.design import Design


@dataclass(frozen=True, slots=True)
class HeldConnection:
    """A connection as WorkOS shows it. Its options and its external ID are never shown."""

    id: str
    name: str
    organization_id: str | None


class ConnectionPort(Protocol):
    """The connections of an environment. External IDs are unique in an organization.

    Every method raises the errors of `engine.model.call_errors` and no others. An implementer tries again what is
    worth it, under the shared quota.
    """

    async def get(self, connection_id: str) -> HeldConnection | None:
        """By WorkOS id; None where there is none."""
        ...

    async def of_organization(self, organization_id: str) -> list[HeldConnection]:
        """All of an organization, oldest first."""
        ...

    async def create(self, organization_id: str, design: Design) -> Made[HeldConnection]:
        """Make one. WorkOS gives the one of this external ID where it is there, unchanged: then it is not ours."""
        ...

    async def update(self, connection_id: str, design: Design) -> HeldConnection:
        """Bring one up to date."""
        ...

    async def delete(self, connection_id: str) -> None:
        """Remove one; nothing where it is not there."""
        ...
