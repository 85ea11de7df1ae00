"""The fakes of `MembershipPort` and `SessionPort`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from engine.model.call_errors import Terminal
from engine.model.creations import Made
from engine.resources.memberships.port import HeldMembership, HeldSession, Status
from tests.support.fake_organizations import FakeOrganizations
from tests.support.fake_roles import FakeRoles
from tests.support.fake_script import Script


class FakeSessions:
    """`held` are those that have not ended."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.held: list[HeldSession] = []

    async def active(self, user_id: str) -> list[HeldSession]:
        return self._script.read("sessions.active", user_id, [one for one in self.held if one.user_id == user_id])

    async def revoke(self, user_id: str, session_ids: Sequence[str]) -> int:
        ending = [one for one in self.held if one.user_id == user_id and one.id in session_ids]
        after = self._script.begin("sessions.revoke", f"revoke {' '.join(one.id for one in ending)}")
        self.held = [one for one in self.held if one not in ending]
        return self._script.end(after, len(ending))


class FakeMemberships:
    """`held` by WorkOS id. `users` are those who exist, None: everybody. `multiple_roles`: an environment's setting."""

    def __init__(
        self, script: Script, organizations: FakeOrganizations, roles: FakeRoles, sessions: FakeSessions, *,
        page: int = 100,
    ) -> None:  # fmt: skip
        self._script, self._page = script, page
        self._organizations, self._roles, self._sessions = organizations, roles, sessions
        self.held: dict[str, HeldMembership] = {}
        self.users: set[str] | None = None
        self.multiple_roles = False

    def add(self, user_id: str, organization_id: str, status: Status = "active", *roles: str) -> HeldMembership:
        """One of somebody else's making."""
        now = self._script.now()
        made = HeldMembership(
            self._script.new_id("om"), user_id, organization_id, status, roles or ("member",), now, now
        )
        self.held[made.id] = made
        return made

    async def find(self, user_id: str, organization_id: str) -> HeldMembership | None:
        return self._script.read("memberships.find", (user_id, organization_id), self._find(user_id, organization_id))

    async def get(self, membership_id: str) -> HeldMembership | None:
        return self._script.read("memberships.get", membership_id, self.held.get(membership_id))

    async def list_page(
        self, after: str | None, *, user_id: str | None = None, organization_id: str | None = None
    ) -> tuple[Sequence[HeldMembership], str | None]:
        if user_id is None and organization_id is None:
            raise Terminal("missing_user_id_or_organization_id", status=400)
        left = [
            one
            for one in self.held.values()
            if user_id in (None, one.user_id)
            and organization_id in (None, one.organization_id)
            and (after is None or one.id > after)
        ]
        found = left[: self._page]
        page = (found, found[-1].id if len(left) > self._page else None)
        return self._script.read("memberships.list_page", (after, user_id, organization_id), page)

    async def create(self, user_id: str, organization_id: str, roles: Sequence[str] = ()) -> Made[HeldMembership]:
        there = self._find(user_id, organization_id)
        if there is not None and there.status != "inactive":
            return Made(there, ours=False)
        after = self._script.begin("memberships.create", f"membership {user_id} {organization_id} {' '.join(roles)}")
        if (self.users is not None and user_id not in self.users) or self._organizations.by_id(organization_id) is None:
            raise Terminal("entity_not_found", status=404)
        self._check(roles)
        if there is not None:
            # As WorkOS does (API description): who must not activate it has to look first.
            return self._script.end(after, Made(self._set(there, "active", roles), ours=True))
        made = self.add(user_id, organization_id, "active", *roles)
        return self._script.end(after, Made(made, ours=True))

    async def update_roles(self, membership_id: str, roles: Sequence[str]) -> HeldMembership:
        after = self._script.begin("memberships.update_roles", f"roles {membership_id} {' '.join(roles)}")
        held = self._one(membership_id)
        self._check(roles)
        return self._script.end(after, self._set(held, held.status, roles))

    async def deactivate(self, membership_id: str) -> HeldMembership:
        held = await self._move(membership_id, "deactivate", "inactive")
        self._sessions.held = [
            one
            for one in self._sessions.held
            if (one.user_id, one.organization_id) != (held.user_id, held.organization_id)
        ]
        return held

    async def reactivate(self, membership_id: str) -> HeldMembership:
        return await self._move(membership_id, "reactivate", "active")

    async def delete(self, membership_id: str) -> None:
        after = self._script.begin("memberships.delete", f"delete {membership_id}")
        self.held.pop(membership_id, None)
        self._script.end(after, None)

    async def _move(self, membership_id: str, verb: str, status: Literal["active", "inactive"]) -> HeldMembership:
        after = self._script.begin(f"memberships.{verb}", f"{verb} {membership_id}")
        held = self._one(membership_id)
        if held.status == "pending":
            raise Terminal(f"cannot_{verb}_pending_organization_membership", status=400)
        return self._script.end(after, self._set(held, status, ()) if held.status != status else held)

    def _set(self, held: HeldMembership, status: Status, roles: Sequence[str]) -> HeldMembership:
        changed = replace(held, status=status, roles=tuple(roles) or held.roles, updated_at=self._script.now())
        self.held[held.id] = changed
        return changed

    def _one(self, membership_id: str) -> HeldMembership:
        if membership_id not in self.held:
            raise Terminal("entity_not_found", status=404)
        return self.held[membership_id]

    def _find(self, user_id: str, organization_id: str) -> HeldMembership | None:
        pair = (user_id, organization_id)
        return next((one for one in self.held.values() if (one.user_id, one.organization_id) == pair), None)

    def _check(self, roles: Sequence[str]) -> None:
        if len(roles) > 1 and not self.multiple_roles:
            raise Terminal("multiple_roles_not_enabled", status=422)
        if not self._roles.held.keys() >= set(roles):
            raise Terminal("invalid_role", status=422)
