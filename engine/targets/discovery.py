"""Reads what WorkOS holds of the people whom the state does not know, by listing or by look-ups.

A listing brings 100 users a request; looking one person up takes two. Which is cheaper shows only while listing:
WorkOS tells no count. So the listing goes on for as long as look-ups would, and then gives way to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Protocol

from engine.ports import Progress, UserTarget
from engine.users import TargetUser

PAGE = 100
_LOOKUPS_AT_ONCE = 32


class TargetStore(Protocol):
    """Where what was found is kept; `engine.snapshot.plan_table` is one."""

    def count_unplaced(self) -> int: ...
    def unplaced(self) -> Iterator[tuple[str, str]]: ...
    def claimed_ids(self) -> list[str]: ...
    def count_known(self) -> int: ...
    def store_targets(self, users: Sequence[TargetUser]) -> None: ...
    def index_targets(self) -> None: ...


async def discover(store: TargetStore, target: UserTarget, *, progress: Progress, wanted: Sequence[str] = ()) -> None:
    """Store every WorkOS user that matters to the plan, those `wanted` by id too.

    Raises the errors of `engine.targets.errors`.
    """
    unplaced = store.count_unplaced()
    if unplaced:
        # What the state knows to be in WorkOS would have to be listed as well.
        budget = 2 * unplaced
        if store.count_known() / PAGE > budget or not await _list(store, target, budget, progress):
            await _look_up(store, target)
    for workos_id in (*store.claimed_ids(), *wanted):
        user = await target.get(workos_id)
        if user is not None:
            store.store_targets([user])
    store.index_targets()


async def _list(store: TargetStore, target: UserTarget, budget: int, progress: Progress) -> bool:
    """All users, or False where that took more than `budget` requests."""
    after: str | None = None
    seen = 0
    for _ in range(max(1, budget)):
        users, after = await target.list_page(after)
        store.store_targets(users)
        seen += len(users)
        progress(seen)
        if after is None:
            return True
    return False


async def _look_up(store: TargetStore, target: UserTarget) -> None:
    async for people in _batches(store.unplaced()):
        found = await asyncio.gather(*(_find(target, external_id, email) for external_id, email in people))
        store.store_targets([user for users in found for user in users])


async def _find(target: UserTarget, external_id: str, email: str) -> list[TargetUser]:
    ours = await target.find_by_external_id(external_id)
    if ours is not None and ours.email == email:
        return [ours]
    theirs = await target.find_by_email(email)
    return [user for user in (ours, theirs) if user is not None]


async def _batches(people: Iterator[tuple[str, str]]) -> AsyncIterator[list[tuple[str, str]]]:
    while batch := list(islice(people, _LOOKUPS_AT_ONCE)):
        yield batch
