"""Carries out one membership's change: looks where a write could touch somebody else's, writes, and says what is so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from engine.model.call_errors import Ambiguous, Terminal
from engine.model.keys import MEMBERSHIP
from engine.model.outcomes import Done, NotDone, Outcome
from engine.resources.memberships.changes import KnownMembership, MembershipChange, Standing
from engine.resources.memberships.decision import MembershipRules
from engine.resources.memberships.placements import DesiredMembership, one_role
from engine.resources.memberships.port import HeldMembership, MembershipPort, SessionPort

_T = TypeVar("_T")
_COUNTS = {
    "create": "created", "update": "updated", "deactivate": "deactivated", "reactivate": "reactivated",
    "remove": "removed", "unchanged": "unchanged", "skip": "skipped", "conflict": "conflicts",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MembershipWork:
    """One change with what it was decided by. `user_id` is None where the user could not be written."""

    key: str
    organization: str  # its external ID
    user_id: str | None
    change: MembershipChange
    desired: DesiredMembership | None
    known: KnownMembership | None
    standing: Standing

    @property
    def kind(self) -> str:
        """Of the resource."""
        return MEMBERSHIP

    @property
    def operation(self) -> str:
        """What the claim says: the end of a creation is still that creation, should this run not come to record it."""
        return "create" if self.change.finished else self.change.action

    @property
    def intent(self) -> None:
        """Nothing to note: the key says what to look for."""
        return None


class MembershipPerformer:
    """One per run; `perform` may run many times at once. `narrowed` counts members who got one role of several."""

    def __init__(
        self,
        memberships: MembershipPort,
        sessions: SessionPort,
        rules: MembershipRules,
        *,
        organization: Callable[[str], str | None],
    ) -> None:
        self._memberships = memberships
        self._sessions = sessions
        self._rules = rules
        self._organization = organization
        self._one_role = False
        self.narrowed = 0

    async def perform(self, work: MembershipWork) -> tuple[Outcome, str]:
        """See the runner."""
        organization_id = self._organization(work.organization)
        if work.user_id is None or organization_id is None:
            # Reported with the user, or the organization: the next run takes it up.
            return NotDone(MEMBERSHIP, work.key, "released", None), "pending"
        try:
            change, held = work.change, None
            if change.look_first:
                held = await self._memberships.find(work.user_id, organization_id)
                change = self._rules.decide(work.desired, work.known, held or "absent", work.standing)
            return await self._carry_out(work, change, held, work.user_id, organization_id)
        except Ambiguous as error:
            return NotDone(MEMBERSHIP, work.key, "claimed", error.code, 1), "failed"
        except Terminal as error:
            if error.status == 404:
                return NotDone(MEMBERSHIP, work.key, "failed", "unsettled", 1), "failed"
            if error.code in ("invalid_role", "multiple_roles_not_enabled"):
                return NotDone(MEMBERSHIP, work.key, "conflict", error.code, 1), "conflicts"
            return NotDone(MEMBERSHIP, work.key, "failed", error.code, 1), "failed"

    async def _carry_out(
        self,
        work: MembershipWork,
        change: MembershipChange,
        seen: HeldMembership | None,
        user_id: str,
        organization_id: str,
    ) -> tuple[Outcome, str]:
        workos_id, port = change.workos_id or "", self._memberships
        match change.action:
            case "create":
                made = await self._with_roles(
                    change.roles or (), lambda roles: port.create(user_id, organization_id, roles)
                )
                if not made.ours:
                    # It turned up between the look and the write: whose it is is decided anew.
                    change = self._rules.decide(work.desired, work.known, made.held, work.standing)
                    return self._ended(work, change, user_id)
                return self._done(work, replace(change, workos_id=made.held.id), user_id)
            case "update":
                if change.roles:
                    written = await self._with_roles(change.roles, lambda roles: port.update_roles(workos_id, roles))
                    change = change.after(seen, written)
            case "deactivate":
                change = change.after(seen, await port.deactivate(workos_id))
                if change.revoke:
                    try:
                        await self._revoke(user_id)
                    except Terminal as error:
                        # It stays begun: what is off by now would look like somebody else's doing to the next run.
                        return NotDone(MEMBERSHIP, work.key, "claimed", error.code, 1), "failed"
            case "reactivate":
                await port.reactivate(workos_id)
                if change.roles:
                    await self._with_roles(change.roles, lambda roles: port.update_roles(workos_id, roles))
            case "remove":
                await port.delete(workos_id)
                return NotDone(MEMBERSHIP, work.key, "removed", None), "removed"
            case _:
                return self._ended(work, change, user_id)
        return self._done(work, change, user_id)

    async def _with_roles(self, roles: tuple[str, ...], write: Callable[[tuple[str, ...]], Awaitable[_T]]) -> _T:
        """The write with these roles, or with the first of them where the environment allows one alone (rule 20)."""
        if not self._one_role or len(roles) < 2:
            try:
                return await write(roles)
            except Terminal as error:
                if error.code != "multiple_roles_not_enabled" or len(roles) < 2:
                    raise
            self._one_role = True
        written = await write(one_role(roles)[:1])
        self.narrowed += 1
        return written

    async def _revoke(self, user_id: str) -> None:
        sessions = await self._sessions.active(user_id)
        if sessions:
            await self._sessions.revoke(user_id, [one.id for one in sessions])

    def _ended(self, work: MembershipWork, change: MembershipChange, user_id: str) -> tuple[Outcome, str]:
        if change.action == "conflict":
            return NotDone(MEMBERSHIP, work.key, "conflict", change.code, 1), "conflicts"
        if change.workos_id is None:
            return NotDone(MEMBERSHIP, work.key, "released", None), _COUNTS[change.action]
        return self._done(work, change, user_id)

    def _done(self, work: MembershipWork, change: MembershipChange, user_id: str) -> tuple[Outcome, str]:
        detail = {"roles": list(change.wanted), "off": change.off, "user": user_id}
        if change.off:
            detail["stamp"] = change.stamp
        done = Done(
            MEMBERSHIP, work.key, change.workos_id or "", change.action, b"", {}, change.created_here, 1, detail=detail
        )
        return done, "created" if change.finished else _COUNTS[change.action]
