"""Looks which users that the state knows were deleted in WorkOS: by its events, else by a listing of all its users.

Both cost one request per 100; events are the fewer by far, and reach back 30 days for certain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from engine.model.call_errors import CallFailed, Refused
from engine.model.paging import Cursors
from engine.model.ports import Progress, UserTarget
from engine.resources.users.discovery import Keeps, list_all

Refresh = Literal["not_needed", "events", "listing", "skipped", "failed"]

# A request gives 30 days of events (docs, events API); a day on either side is for clocks that differ.
_REACH_S = 28 * 86_400.0
_AROUND = timedelta(days=1)
_AT_ONCE = 32


class Departed(Keeps, Protocol):
    """What the state knows, and where those who are gone are kept; `engine.snapshot.plan_table` is one."""

    def count_known(self) -> int: ...
    def is_known(self, workos_id: str) -> bool: ...
    def unlisted(self) -> Iterator[str]: ...
    def store_gone(self, workos_ids: Sequence[str]) -> None: ...


async def find_departed(
    store: Departed, target: UserTarget, *, looked_at: float | None, now: float, progress: Progress
) -> Refresh:
    """Store who is gone since the look at `looked_at` (None: since ever), and say how that was found out."""
    if not store.count_known():
        return "not_needed"
    if looked_at is not None and 0 <= now - looked_at <= _REACH_S:
        try:
            await _confirm(store, target, await _deleted(store, target, looked_at, now))
            return "events"
        except CallFailed as error:
            _raise_final(error)
    try:
        await list_all(store, target, progress)
        await _confirm(store, target, list(store.unlisted()))
        return "listing"
    except CallFailed as error:
        _raise_final(error)
        return "failed"


def _raise_final(error: CallFailed) -> None:
    # A key that may not read one thing may read another: 403 alone is no end.
    if isinstance(error, Refused) and error.status != 403:
        raise error


async def _deleted(store: Departed, target: UserTarget, looked_at: float, now: float) -> list[str]:
    since, until = datetime.fromtimestamp(looked_at, UTC) - _AROUND, datetime.fromtimestamp(now, UTC) + _AROUND
    found: set[str] = set()
    cursors = Cursors()
    after: str | None = None
    while True:
        ids, after = await target.deleted_page(since, until, after)
        after = cursors.follow(after)
        found.update(one for one in ids if store.is_known(one))
        if after is None:
            return sorted(found)


async def _confirm(store: Departed, target: UserTarget, workos_ids: Sequence[str]) -> None:
    """A user is gone only once WorkOS says so of that very user: lists may lag behind."""
    for at in range(0, len(workos_ids), _AT_ONCE):
        batch = workos_ids[at : at + _AT_ONCE]
        held = await asyncio.gather(*(target.get(workos_id) for workos_id in batch))
        store.store_gone([one for one, user in zip(batch, held, strict=True) if user is None])
