"""The ports of memberships and sessions: what is asked of a WorkOS environment, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.model.creations import Made

Status = Literal["active", "inactive", "pending"]


@dataclass(frozen=True, slots=True)
class HeldMembership:
    """A membership as WorkOS shows it. `roles` are slugs, at least one; times are ISO 8601, None where not shown.

    `directory_managed`: a directory decides about it, and what is changed by hand does not last.
    """

    id: str
    user_id: str
    organization_id: str
    status: Status
    roles: tuple[str, ...]
    created_at: str | None = None
    updated_at: str | None = None
    directory_managed: bool = False


class MembershipPort(Protocol):
    """The memberships of an environment: one a user and organization, whatever its status.

    Every method raises the errors of `engine.model.call_errors` and no others. An implementer tries again what is
    worth it, under the shared quota, and looks again before it repeats a creation. Terminal carries WorkOS's code:
    `invalid_role`, `multiple_roles_not_enabled` (422), 404 where user, organization or membership is gone.
    """

    async def find(self, user_id: str, organization_id: str) -> HeldMembership | None:
        """The one of a user in an organization, of any status; None where there is none."""
        ...

    async def get(self, membership_id: str) -> HeldMembership | None:
        """By WorkOS id; None where there is none."""
        ...

    async def list_page(
        self, after: str | None, *, user_id: str | None = None, organization_id: str | None = None
    ) -> tuple[Sequence[HeldMembership], str | None]:
        """One page of a user's or an organization's, of any status, oldest first, and the cursor of the next.

        At least one of the two must be given. No cursor at the end.
        """
        ...

    async def create(self, user_id: str, organization_id: str, roles: Sequence[str] = ()) -> Made[HeldMembership]:
        """Make an active one; without `roles` it gets the environment's default role.

        WorkOS activates an inactive one by itself (API description): a caller must have looked first, and this must
        not be called where there is one. Where one turns up nevertheless (WorkOS refuses, or the end of a try is not
        known), it is given as it is, of whatever status, and nothing is sent again.
        """
        ...

    async def update_roles(self, membership_id: str, roles: Sequence[str]) -> HeldMembership:
        """Give it these roles, at least one, and no others. Its status stays."""
        ...

    async def deactivate(self, membership_id: str) -> HeldMembership:
        """Switch it off; nothing where it is off. Sessions of it end (docs). Raises Terminal for a pending one."""
        ...

    async def reactivate(self, membership_id: str) -> HeldMembership:
        """Switch it on with the roles that it had; nothing where it is on. Raises Terminal for a pending one."""
        ...

    async def delete(self, membership_id: str) -> None:
        """Remove it; nothing where it is not there."""
        ...


@dataclass(frozen=True, slots=True)
class HeldSession:
    """Somebody signed in. `organization_id` is None where they did so into none."""

    id: str
    user_id: str
    organization_id: str | None


class SessionPort(Protocol):
    """Who is signed in. Raises the errors of `engine.model.call_errors` and no others."""

    async def active(self, user_id: str) -> list[HeldSession]:
        """A user's that have not ended; none where there is no such user."""
        ...

    async def revoke(self, user_id: str, session_ids: Sequence[str]) -> int:
        """End these sessions of a user; the number of writes that it took. One that has ended is as good as ended."""
        ...
