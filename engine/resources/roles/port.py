"""The port of roles and permissions: what is asked of a WorkOS environment, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.model.creations import Made


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role of the environment as WorkOS shows it; `permissions` are slugs."""

    id: str
    slug: str
    name: str
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldPermission:
    """A permission as WorkOS shows it."""

    id: str
    slug: str
    name: str


class RolePort(Protocol):
    """The roles of an environment (not those of single organizations) and its permissions. Slugs never change.

    Every method raises the errors of `engine.model.call_errors` and no others. An implementer tries again what is
    worth it, under the shared quota, and looks again before it repeats a creation. Refused (403) means that the
    environment has no roles to be managed by API.
    """

    async def all(self) -> list[HeldRole]:
        """All roles that memberships may have, by priority."""
        ...

    async def create(self, slug: str, name: str) -> Made[HeldRole]:
        """Make one without permissions. Gives the one of this slug where it is there, as it is."""
        ...

    async def set_permissions(self, slug: str, permissions: Sequence[str]) -> HeldRole:
        """Give a role these permissions and no others. Raises Terminal where the role or a permission is missing."""
        ...

    async def permissions(self) -> list[HeldPermission]:
        """All permissions of the environment, oldest first."""
        ...

    async def create_permission(self, slug: str, name: str) -> Made[HeldPermission]:
        """Make one. Gives the one of this slug where it is there, as it is."""
        ...
