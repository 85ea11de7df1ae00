"""Looks at a computed plan and shows its changes: the first of each kind, all of some, or all of them into a file.

Old values come from WorkOS, read for the users that are shown, and only where values are asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from engine.model.users import TargetUser
from engine.resources.users.discovery import PAGE, list_all, look_at
from engine.run.diff import Diff, ShownChange
from engine.run.kinds import IN_MEMORY, KindsInMemory
from engine.run.preparation import Prepared
from engine.run.reading import Watch
from engine.run.session import Session
from engine.run.shown_changes import changes_in_memory, membership_change, user_change
from engine.run.sign_in import SignInPlan, SignInStage
from engine.run.target_errors import as_target_error
from engine.snapshot.change_rows import ChangedUser, ChangeRows

USER_CHANGES = ("create", "update", "adopt", "merge", "skip", "conflicts", "wait")
"""What a list of users can be asked for, as the result calls it."""
_STORED = {"conflicts": "conflict"}
# Users whose old values are needed, from which on a listing of WorkOS may cost less than a look at each.
_MANY = 1000
_T = TypeVar("_T")

Told = Callable[[Sequence[ShownChange]], None]
"""Hears of changes in lists of bounded length."""


class Showing:
    """See `engine.run.migration.Look`. Its `diff` is there once it has looked."""

    def __init__(
        self,
        session: Session,
        watch: Watch,
        *,
        limit: int,
        values: bool,
        users: Collection[str] = (),
        tell_users: Told | None = None,
        tell_all: Told | None = None,
    ) -> None:
        """`tell_users` hears of all changes of `users` (of USER_CHANGES), `tell_all` of every change there is."""
        self._session = session
        self._watch = watch
        self._limit = limit
        self._values = values
        self._users = {_STORED.get(one, one) for one in users}
        self._tell_users = tell_users
        self._tell_all = tell_all
        self._pools = session.source.names
        self._listed = False
        self.diff = Diff()

    async def __call__(self, prepared: Prepared, _stage: SignInStage, _plan: SignInPlan, kinds: KindsInMemory) -> None:
        """See `Look`."""
        rows = ChangeRows(prepared.connection, prepared.table)
        in_memory = list(changes_in_memory(kinds, self._pools))
        with as_target_error(self._session.spec.destination):
            self.diff = await self._first(prepared, rows, in_memory)
            if self._tell_users is not None:
                async for users in self._all_users(prepared, rows, self._users):
                    self._tell_users(users)
            if self._tell_all is not None:
                self._tell_all(in_memory)
                every = {_STORED.get(one, one) for one in USER_CHANGES}
                async for users in self._all_users(prepared, rows, every):
                    self._tell_all(users)
                async for memberships in self._in_lists(rows.memberships()):
                    self._tell_all([membership_change(one, self._pools) for one in memberships])

    async def _first(self, prepared: Prepared, rows: ChangeRows, in_memory: Sequence[ShownChange]) -> Diff:
        limit, one_more = self._limit, self._limit + 1
        totals = await asyncio.to_thread(rows.totals)
        if not limit:
            return Diff(limit, self._values, totals=totals)
        users = await asyncio.to_thread(rows.first_users, one_more)
        kept = list(_first_of_each(users, limit, lambda one: one.action))
        members = [
            membership_change(one, self._pools) for one in await asyncio.to_thread(rows.first_memberships, one_more)
        ]
        others = sorted(in_memory, key=lambda one: (IN_MEMORY.index(one.kind), one.action))
        few = list(_first_of_each(others, limit, lambda one: (one.kind, one.action)))
        few_members = list(_first_of_each(members, limit, lambda one: one.action))
        shown = (*few, *await self._with_values(prepared, rows, kept), *few_members)
        return Diff(limit, self._values, shown, len(shown) < len(others) + len(users) + len(members), totals)

    async def _all_users(
        self, prepared: Prepared, rows: ChangeRows, actions: Collection[str]
    ) -> AsyncIterator[list[ShownChange]]:
        if self._values and not self._listed:
            counts = prepared.actions()
            due = sum(counts[one] for one in ("update", "adopt") if one in actions)
            if due > max(_MANY, prepared.table.count_known() // PAGE):
                # Whether WorkOS has far more users than that shows only while listing.
                await list_all(prepared.table, self._session.target, self._watch.listing, budget=due)
                self._listed = True
        async for users in self._in_lists(rows.users(actions)):
            yield await self._with_values(prepared, rows, users)

    async def _with_values(
        self, prepared: Prepared, rows: ChangeRows, users: Sequence[ChangedUser]
    ) -> list[ShownChange]:
        held: dict[str, TargetUser] = {}
        wanted = [one.workos_id for one in users if one.workos_id is not None and one.send] if self._values else []
        if wanted:
            held = await asyncio.to_thread(rows.held, wanted)
            missing = [one for one in wanted if one not in held]
            if missing:
                await look_at(prepared.table, missing, self._session.target)
                held |= await asyncio.to_thread(rows.held, missing)
        return [user_change(one, held.get(one.workos_id or ""), self._pools) for one in users]

    async def _in_lists(self, lists: Iterator[list[_T]]) -> AsyncIterator[list[_T]]:
        while (found := await asyncio.to_thread(next, lists, None)) is not None:
            self._watch.check("showing changes")
            yield found


def _first_of_each(found: Iterable[_T], limit: int, of: Callable[[_T], object]) -> Iterator[_T]:
    """The first `limit` of each group; `found` is in order of groups."""
    for _, group in groupby(found, key=of):
        for at, one in enumerate(group):
            if at < limit:
                yield one
