"""Reads what WorkOS holds of the people whom the state does not know, by listing or by lookups.

A listing brings 100 users a request; looking one person up takes two. Which is cheaper shows only while listing:
WorkOS tells no count. So the listing goes on for as long as lookups would, and then lookups take over.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from engine.model.call_errors import Terminal
from engine.model.paging import Cursors
from engine.model.ports import Progress, UserTarget
from engine.model.users import TargetUser

PAGE = 100
_LOOKUPS_AT_ONCE = 32
_T = TypeVar("_T")


class Keeps(Protocol):
    """Where users of WorkOS are kept."""

    def store_targets(self, users: Sequence[TargetUser]) -> None: ...


class TargetStore(Keeps, Protocol):
    """Where what was found is kept; `engine.snapshot.plan_table` is one."""

    def count_unplaced(self) -> int: ...
    def unplaced(self) -> Iterator[tuple[str, str]]: ...
    def doubtful_ids(self) -> list[str]: ...
    def count_known(self) -> int: ...
    def index_targets(self) -> None: ...


async def discover(
    store: TargetStore, target: UserTarget, *, progress: Progress, wanted: Sequence[str] = (), listed: bool = False
) -> None:
    """Store every WorkOS user that matters to the plan, those `wanted` by id too; `listed`: all are stored already.

    Raises the errors of `engine.model.call_errors`.
    """
    unplaced = store.count_unplaced()
    if unplaced and not listed:
        # What the state knows to be in WorkOS would have to be listed as well.
        budget = 2 * unplaced
        if store.count_known() / PAGE > budget or not await list_all(store, target, progress, budget=budget):
            await look_up(store, store.unplaced(), target)
    await look_at(store, (*store.doubtful_ids(), *wanted), target)
    store.index_targets()


async def list_all(store: Keeps, target: UserTarget, progress: Progress, *, budget: int | None = None) -> bool:
    """Store all users; False where that took more than `budget` requests."""
    cursors = Cursors()
    seen = 0
    page = asyncio.ensure_future(target.list_page(None))
    try:
        for number in itertools.count(1):
            users, after = await page
            after = cursors.follow(after)
            more = after is not None and (budget is None or number < budget)
            if more:
                # The next page is under way while this one is stored.
                page = asyncio.ensure_future(target.list_page(after))
                await asyncio.sleep(0)
            store.store_targets(users)
            seen += len(users)
            progress(seen)
            if not more:
                break
    finally:
        page.cancel()
        await asyncio.gather(page, return_exceptions=True)
    return after is None


async def look_up(store: Keeps, people: Iterator[tuple[str, str]], target: UserTarget) -> None:
    """Store whom WorkOS holds under these (external ID, address)."""
    async for batch in _batches(people):
        found = await asyncio.gather(*(_find(target, external_id, email) for external_id, email in batch))
        store.store_targets([user for users in found for user in users])


async def look_at(store: Keeps, workos_ids: Iterable[str], target: UserTarget) -> None:
    """Store those of these users whom WorkOS has, read side by side."""
    async for batch in _batches(iter(workos_ids)):
        found = await asyncio.gather(*(_if_it_may_be(target.get(workos_id)) for workos_id in batch))
        store.store_targets([user for user in found if user is not None])


async def _find(target: UserTarget, external_id: str, email: str) -> list[TargetUser]:
    ours = await _if_it_may_be(target.find_by_external_id(external_id))
    if ours is not None and ours.email == email:
        return [ours]
    theirs = await _if_it_may_be(target.find_by_email(email))
    return [user for user in (ours, theirs) if user is not None]


async def _if_it_may_be(look: Awaitable[TargetUser | None]) -> TargetUser | None:
    """Nobody, where WorkOS refuses the question itself: one odd value must not end a run; its creation will tell."""
    try:
        return await look
    except Terminal:
        return None


async def _batches(people: Iterator[_T]) -> AsyncIterator[list[_T]]:
    while batch := list(itertools.islice(people, _LOOKUPS_AT_ONCE)):
        yield batch
