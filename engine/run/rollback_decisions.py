"""Decides what a rollback does with every resource that the state knows: reads what that takes, and changes nothing.

Users first, since everything else goes by who of them stays; they are carried out in the reverse order of the kinds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from engine.model.errors import TargetError
from engine.model.keys import CONNECTION, MEMBERSHIP, ORGANIZATION, REDIRECT_URI, USER, split_membership_key
from engine.model.outcomes import ResourceRow
from engine.model.paging import every_page
from engine.model.ports import Progress
from engine.quota.metered import MeteredTarget
from engine.resources.connections.port import HeldConnection
from engine.resources.connections.undoing import begun_connection, undo_connection
from engine.resources.memberships.port import HeldMembership
from engine.resources.memberships.undoing import undo_membership
from engine.resources.organizations.port import HeldOrganization
from engine.resources.organizations.undoing import undo_organization
from engine.resources.undoing import ABSENT, ORPHAN, UNDONE, Undoing, begun_in, undo_whole
from engine.resources.users.undoing import UserUndoing
from engine.resources.users.usage import Usage
from engine.run.environment import WorkOSPorts
from engine.run.rollback_survey import survey_users
from engine.snapshot.undo_table import MembershipCase, UndoTable

_BATCH = 500
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class RollbackPlanner:
    """One rollback's decisions, kept in `table`."""

    table: UndoTable
    target: MeteredTarget
    workos: WorkOSPorts
    rules: UserUndoing
    usage: Usage

    async def decide_users(self, *, only: str | None, limit: int | None, progress: Progress) -> None:
        """What becomes of users and orphans. `only` is the key of one, `limit` the most that something is done for.

        Raises CallFailed: Refused where events may not be read and somebody could be in use.
        """
        if only is not None:
            self.table.hold_back_but(only)
        await survey_users(self.table, self.target, self.rules.fingerprints, only=only, progress=progress)
        resets = frozenset() if self.rules.include_active else frozenset(await self.usage.read_resets())
        batch: list[Undoing] = []
        for case in self.table.users():
            reset = case.held is not None and case.held.id in resets
            batch.append(self.rules.decide(case.row, case.held, reset=reset))
            if len(batch) >= _BATCH:
                self.table.store(batch)
                batch.clear()
        self.table.store(batch)
        self.table.store(self._orphans(resets, only=only, held_back=limit is not None))
        if limit is not None:
            self.table.hold_back_after(limit)

    def _orphans(self, resets: frozenset[str], *, only: str | None, held_back: bool) -> Iterable[Undoing]:
        for one in self.table.orphans():
            if held_back or only not in (None, one.key):
                yield Undoing(ORPHAN, one.workos_id, "pending", one.workos_id)
            elif one.held is None:
                # Somebody has deleted it, as they were told to.
                yield Undoing(ORPHAN, one.workos_id, "forget", one.workos_id)
            elif one.row is None or not one.row.created_here or one.row.relation == "primary":
                # The state does not know who made it: a record that speaks for itself was made another user.
                yield Undoing(ORPHAN, one.workos_id, "keep", one.workos_id, "orphaned")
            else:
                kept = None
                if not self.rules.include_active:
                    kept = self.rules.reason_to_stay(one.row, one.held, reset=one.workos_id in resets)
                yield Undoing(ORPHAN, one.workos_id, "keep" if kept else "remove", one.workos_id, kept)

    async def check_users(self, *, progress: Progress) -> None:
        """Keep whom nothing but a linked identity or a second factor shows to be in use. Raises CallFailed."""
        if self.rules.include_active:
            return
        seen = 0
        for kind in (USER, ORPHAN):
            for batch in self.table.to_check(kind):
                resets = await self.usage.read_resets()
                for at in range(0, len(batch), _AT_ONCE):
                    chunk = batch[at : at + _AT_ONCE]
                    codes = await asyncio.gather(*(self._in_use(workos_id) for _, workos_id in chunk))
                    found = [
                        (key, code or ("password_reset" if workos_id in resets else None))
                        for (key, workos_id), code in zip(chunk, codes, strict=True)
                    ]
                    self.table.keep(kind, [(key, code) for key, code in found if code and code != ABSENT])
                    self.table.note_absent(kind, [key for key, code in found if code == ABSENT])
                seen += len(batch)
                progress(seen)

    async def _in_use(self, workos_id: str) -> str | None:
        if await self.target.get(workos_id) is None:
            return ABSENT  # a deletion that was begun and is done, or a copy that lags behind
        if await self.target.count_identities(workos_id):
            return "identities"
        return "factors" if await self.target.count_factors(workos_id) else None

    async def decide_rest(self) -> None:
        """What becomes of everything else, once it is settled who stays. Raises CallFailed."""
        await self._decide_memberships()
        self.table.index()
        waits = any(action == "pending" for action, _ in self.table.count()[USER])
        await self._decide_connections(waits=waits)
        await self._decide_organizations(waits=waits)
        await self._decide_redirect_uris(waits=waits)

    async def _decide_memberships(self) -> None:
        batch: list[Undoing] = []
        for case in self.table.memberships():
            held = await self._begun_membership(case)
            batch.append(undo_membership(case.row, held, user=case.user))
            if len(batch) >= _BATCH:
                self.table.store(batch)
                batch.clear()
        self.table.store(batch)

    async def _begun_membership(self, case: MembershipCase) -> HeldMembership | None:
        if begun_in(case.row) != "create" or case.user_id is None:
            return None
        organization = await self.workos.organizations.find(split_membership_key(case.row.key)[1])
        if organization is None:
            return None
        return await self.workos.memberships.find(case.user_id, organization.id)

    async def _decide_connections(self, *, waits: bool) -> None:
        names = {row.workos_id: row.key for row in self.table.rows(ORGANIZATION)}
        staying = self.table.organizations_that_stay()
        for row in self.table.rows(CONNECTION):
            held = await self._connection(row)
            name = names.get(held.organization_id) if held is not None else None
            stay = name in staying
            if held is not None and held.organization_id is not None and not (stay or waits):
                # Whoever made them members: without the connection they may not get in any more.
                stay = not self.rules.include_active and await self._members_stay(held.organization_id)
            undoing = undo_connection(row, held, members_stay=stay)
            self.table.store([_waiting(undoing) if waits else undoing])

    async def _connection(self, row: ResourceRow) -> HeldConnection | None:
        if row.workos_id is not None:
            return await self.workos.connections.get(row.workos_id)
        for one in self.table.rows(ORGANIZATION):
            organization = await self._organization(one)
            if organization is not None:
                found = begun_connection(row.key, await self.workos.connections.of_organization(organization.id))
                if found is not None:
                    return found
        return None

    async def _decide_organizations(self, *, waits: bool) -> None:
        found = [(row, await self._organization(row)) for row in self.table.rows(ORGANIZATION)]
        sure = [held for row, held in found if row.workos_id is not None and row.operation != "remove"]
        if sure and not any(sure) and not self.table.count_known():
            # No user of the state is left by whom the environment could be known (rule 13).
            raise TargetError(
                "the key opens another WorkOS environment: organizations of the state are not there",
                remedy="use this environment's key; if they were deleted, move the state away",
                code="wrong_environment",
            )
        for row, held in found:
            ours = row.created_here or begun_in(row) == "create"
            occupied = bool(ours and held is not None and not waits and await self._will_be_occupied(held.id))
            undoing = undo_organization(row, held, self.rules.fingerprints, occupied=occupied)
            self.table.store([_waiting(undoing) if waits else undoing])

    async def _organization(self, row: ResourceRow) -> HeldOrganization | None:
        port = self.workos.organizations
        return await (port.find(row.key) if row.workos_id is None else port.get(row.workos_id))

    async def is_occupied(self, organization_id: str) -> bool:
        """Whether an organization has members, of any status, or connections. Raises CallFailed."""
        members, _ = await self._members(organization_id, None)
        return bool(members or await self.workos.connections.of_organization(organization_id))

    async def _will_be_occupied(self, organization_id: str) -> bool:
        """The same once all this is carried out."""
        if await self._members_stay(organization_id):
            return True
        connections = await self.workos.connections.of_organization(organization_id)
        return any(not self.table.goes(CONNECTION, one.id) for one in connections)

    async def _members_stay(self, organization_id: str) -> bool:
        async for members in every_page(partial(self._members, organization_id)):
            for one in members:
                if not (self.table.goes(MEMBERSHIP, one.id) or self.table.goes(USER, one.user_id)):
                    return True
        return False

    async def _members(self, organization_id: str, after: str | None) -> tuple[Sequence[HeldMembership], str | None]:
        return await self.workos.memberships.list_page(after, organization_id=organization_id)

    async def _decide_redirect_uris(self, *, waits: bool) -> None:
        rows = self.table.rows(REDIRECT_URI)
        held = {one.uri: one.id for one in await self.workos.redirect_uris.all()} if rows else {}
        for row in rows:
            undoing = undo_whole(row, found=held.get(row.key))
            self.table.store([_waiting(undoing) if waits else undoing])


def _waiting(undoing: Undoing) -> Undoing:
    return replace(undoing, action="pending", code=None) if undoing.action in UNDONE else undoing
