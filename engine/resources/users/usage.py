"""Whether somebody has made a WorkOS user theirs: what a change of address must not take from them (rule 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Set
from datetime import UTC, datetime, timedelta

from engine.model.paging import Cursors
from engine.model.ports import Clock
from engine.model.users import TargetUser
from engine.quota.metered import MeteredTarget
from engine.resources.users.planner import is_untouched

# WorkOS keeps events for 90 days and gives at most 30 of them a request (docs, events API).
_WINDOW = timedelta(days=30)
_WINDOWS = 3
# Clocks differ: what is new by WorkOS's clock may lie ahead of ours.
_AHEAD = timedelta(days=1)


class Usage:
    """One per run; questions may be asked side by side. Raises the errors of `engine.model.call_errors`."""

    def __init__(self, target: MeteredTarget, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._reset: set[str] = set()
        self._cursor: str | None = None
        self._cursors = Cursors()
        self._reading = asyncio.Lock()

    async def is_used(self, user: TargetUser, *, stamp: str | None) -> bool:
        """Verified, signed in, linked, with a second factor, with a password of their own, or changed by others.

        `stamp` is the user's `updated_at` after our last write, None where it is not known.
        """
        if user.email_verified or user.signed_in:
            return True
        if not is_untouched(user) and (stamp is None or user.updated_at != stamp):
            return True
        if await self._target.count_identities(user.id) or await self._target.count_factors(user.id):
            return True
        return user.id in await self.read_resets()

    async def read_resets(self) -> Set[str]:
        """WorkOS ids of users who have reset a password, by the events of the last 90 days."""
        async with self._reading:
            if self._cursor is None:
                await self._begin()
            while self._cursor is not None:
                found, after = await self._target.resets_page(datetime.min, datetime.min, self._cursor)
                self._reset.update(found)
                if after is None:
                    break
                self._cursor = self._cursors.follow(after)
        return self._reset

    async def _begin(self) -> None:
        """Find the oldest event that is kept; from there on the cursor leads to the newest."""
        end = datetime.fromtimestamp(self._clock.now(), UTC) + _AHEAD
        for window in range(_WINDOWS, 0, -1):
            since = end - window * _WINDOW
            found, after = await self._target.resets_page(since, since + _WINDOW, None)
            self._reset.update(found)
            self._cursor = self._cursors.follow(after)
            if self._cursor is not None:
                return
