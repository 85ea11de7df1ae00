"""Runs one `apply` after another until a moment comes, and makes one result of them. When, and what ends it all.

What a round does is its caller's business. Times are seconds since the epoch, of the clock that is handed in.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from engine.model.errors import Interrupted, MigrateError
from engine.model.ports import Clock
from engine.model.round_counts import RoundCounts
from engine.run.results import ApplyResult
from engine.run.stopping import Stop

# The network, or a quota that somebody else has used up: the next round may find it otherwise. What a person has to
# mend (a guard, a key, a disk) ends it all.
_PASSING = frozenset(
    {"unreachable", "retry_later", "throttled", "region_not_found", "proxy_refused", "unexpected_answer"}
)
# A run that stopped for these has done what it could.
_STOPS = _PASSING | {"max_failures"}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A round every so many seconds, the last at `until`; one that takes longer leaves out those it overlaps."""

    every: float
    until: float

    def after(self, first: float, now: float) -> float | None:
        """When the next round begins, with the first at `first`; None where there is none any more."""
        if now >= self.until:
            return None
        due = first + self.every * (math.floor((now - first) / self.every) + 1)
        return min(due, self.until)


class Tells(Protocol):
    """Hears of each round as it ends; `next_at` is None after the last."""

    def ended(self, number: int, result: ApplyResult, next_at: float | None) -> None: ...
    def failed(self, number: int, error: MigrateError, next_at: float | None) -> None: ...


async def run_rounds(
    schedule: Schedule,
    carry_out: Callable[[Stop], Awaitable[ApplyResult]],
    *,
    clock: Clock,
    stop: Stop,
    tells: Tells,
) -> ApplyResult:
    """The last round's result, with the counts of all. Raises MigrateError where not one was completed."""
    first, number = clock.now(), 0
    counts, last = RoundCounts(), None
    while True:
        number += 1
        began = clock.now()
        error: MigrateError | None = None
        result: ApplyResult | None = None
        try:
            result = await carry_out(stop.for_round())
        except Interrupted as interrupted:
            error = interrupted
        except MigrateError as failed:
            error = failed
            counts = replace(counts, failed=counts.failed + 1, last_error=failed.code)
        if result is not None:
            sent = result.requests
            counts = replace(
                counts, completed=counts.completed + 1, writes=counts.writes + sent.writes,
                reads=counts.reads + sent.reads,
            )  # fmt: skip
            last = result
        next_at = None
        # A round that began with the last moment was the last, whenever it ended.
        if _goes_on(result, error) and not stop and began < schedule.until:
            next_at = schedule.after(first, max(clock.now(), began))
        if result is not None:
            tells.ended(number, result, next_at)
        elif error is not None and not isinstance(error, Interrupted):
            tells.failed(number, error, next_at)
        if next_at is None or not await _wait(clock, next_at, stop):
            return _whole(last, counts, error, stop)


def _goes_on(result: ApplyResult | None, error: MigrateError | None) -> bool:
    if result is not None:
        return result.stopped is None or result.stopped in _STOPS
    return error is not None and error.code in _PASSING


async def _wait(clock: Clock, until: float, stop: Stop) -> bool:
    """Sleep until then; False where somebody wants to stop first."""
    sleeping = asyncio.ensure_future(clock.sleep(max(0.0, until - clock.now())))
    stopping = asyncio.ensure_future(stop.event.wait())
    try:
        await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
        stopping.cancel()
        await asyncio.gather(sleeping, stopping, return_exceptions=True)
    return not stop


def _whole(last: ApplyResult | None, counts: RoundCounts, error: MigrateError | None, stop: Stop) -> ApplyResult:
    if last is None:
        raise error or Interrupted("interrupted before a round was completed", remedy="run again")
    if error is not None:
        # What the last completed round left is still there, but nobody can say that it is all.
        last = replace(last, stopped=error.code)
        if not isinstance(error, Interrupted):
            last = replace(last, warnings=(*last.warnings, f"the last round was given up: {error}"))
    if stop.reason is not None:
        last = replace(last, stopped=stop.reason)
    return replace(last, rounds=counts)
