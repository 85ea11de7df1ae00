"""WorkOS's events about password resets, read as far back as WorkOS has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from engine.model.call_errors import Terminal
from engine.model.paging import every_page
from engine.model.resets import ResetEvent, ResetTarget
from engine.quota.metered import MeteredTarget
from engine.resets.settlement import KEPT

# A request may ask for 30 days (docs, events API); three windows of a little less make up what is kept.
_WINDOW = KEPT / 3
# Whether the end of a range belongs to it is documented nowhere.
_OVERLAP = 1.0


@dataclass(frozen=True, slots=True)
class History:
    """Events, oldest first; everything since `since` (seconds since the epoch) is among them."""

    events: Sequence[ResetEvent]
    since: float


async def read_history(
    target: ResetTarget, metered: MeteredTarget, names: Collection[str], *, since: float, now: float
) -> History:
    """All events of these names from `since` on, as far as WorkOS has them; `now` is WorkOS's time.

    The newest window has to be readable: raises CallFailed. The guide says that events are
    kept for 90 days, the reference 30: a refusal of an older window is taken for the end of what is kept.
    """
    found: list[ResetEvent] = []
    reach, end = now, None
    while reach > since:
        start = max(since, reach - _WINDOW)
        try:
            read = await _read_window(target, metered, names, start, end)
        except Terminal as error:
            if end is None or error.status not in (400, 422):
                raise
            break
        found[:0] = read
        reach, end = start, start + _OVERLAP
    return History(found, reach)


async def walk_history(
    target: ResetTarget, metered: MeteredTarget, names: Collection[str], *, now: float
) -> AsyncIterator[Sequence[ResetEvent]]:
    """The same as far back as WorkOS keeps events, page by page and each event once: memory does not grow.

    The newest days come first.
    """
    reach, end = now, None
    while reach > now - KEPT:
        start = max(now - KEPT, reach - _WINDOW)
        try:
            async for events in _pages(target, metered, names, start, end):
                # Windows overlap, and a cursor leads beyond one.
                yield [one for one in events if one.at >= start and (end is None or one.at < reach)]
        except Terminal as error:
            if end is None or error.status not in (400, 422):
                raise
            return
        reach, end = start, start + _OVERLAP


async def _read_window(
    target: ResetTarget, metered: MeteredTarget, names: Collection[str], start: float, end: float | None
) -> list[ResetEvent]:
    return [one async for events in _pages(target, metered, names, start, end) for one in events]


async def _pages(
    target: ResetTarget, metered: MeteredTarget, names: Collection[str], start: float, end: float | None
) -> AsyncIterator[Sequence[ResetEvent]]:
    async def fetch(after: str | None) -> tuple[Sequence[ResetEvent], str | None]:
        return await metered.read(lambda: target.events_page(names, start, end, after))

    async for events in every_page(fetch):
        yield events
        # A cursor is sent without the range, so it may lead beyond the window, where the others have been.
        if end is not None and events and events[-1].at > end:
            break
