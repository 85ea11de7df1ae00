"""One budget of requests for everybody who calls WorkOS in a run: its windows, a pause, and what 429s taught.

Windows come from the plan. A 429 in spite of them (live sign-ins use the same quota) narrows the budget by the share
of requests refused lately, and it widens again as refusals cease. Retry-After pauses everybody.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from engine.model.call_errors import Suspended
from engine.model.ports import Clock
from engine.model.waits import LONGEST, TOLD_FROM, Tell, pause_asked, tell_nobody
from engine.plan_file.model import Destination
from engine.quota.windows import SlidingWindow

# Deleting organizations has a quota of its own beside that of writes (docs, rate limits).
RequestKind = Literal["write", "read", "organization_deletion"]
_ORGANIZATION_DELETIONS = 50

# How long a refusal is remembered, and what is left of the budget at worst.
_MEMORY = 5.0
_LEAST_SHARE = 0.2


class Quota:
    """Call `enter` before a request and `leave` after its end, however it ended."""

    def __init__(self, destination: Destination, clock: Clock, *, tell: Tell = tell_nobody) -> None:
        everything = _window(destination.requests_per_60s, 60)
        writes = _window(destination.writes_per_10s, 10) + everything
        # Who turns off the pace of all requests asks for none at all.
        deletions = _ORGANIZATION_DELETIONS if destination.requests_per_60s is not None else None
        self._windows: dict[RequestKind, list[SlidingWindow]] = {
            "write": writes,
            "read": _window(destination.reads_per_10s, 10) + everything,
            "organization_deletion": _window(deletions, 60) + writes,
        }
        self._clock = clock
        self._turn: dict[RequestKind, asyncio.Lock] = {kind: asyncio.Lock() for kind in self._windows}
        self._freed = asyncio.Event()
        self._tell = tell
        self._paused_until = 0.0
        self._stuck_since: float | None = None  # the first pause asked for since the last proper answer
        self._requests = 0.0
        self._refused = 0.0
        self._aged_at = clock.monotonic()

    @property
    def share(self) -> float:
        """What is used of the budget, 0.2 to 1."""
        if self._refused < 0.5:
            return 1.0
        return max(_LEAST_SHARE, 1.0 - 2.0 * self._refused / max(self._requests, 1.0))

    def suspended(self) -> Suspended | None:
        """The end of the run, where WorkOS asks for a longer pause than a run waits, in one or in many pieces."""
        now = self._clock.monotonic()
        since = now if self._stuck_since is None else self._stuck_since
        if self._paused_until <= now or self._paused_until - since <= LONGEST:
            return None
        return Suspended(self._clock.now() + self._paused_until - now)

    async def enter(self, kind: RequestKind) -> None:
        """Wait for a slot in every window that counts this kind, first come, first served. Raises Suspended."""
        windows = self._windows[kind]
        if not windows and self._paused_until <= self._clock.monotonic():
            return
        async with self._turn[kind]:
            while True:
                now = self._clock.monotonic()
                if self._paused_until > now:
                    if (suspended := self.suspended()) is not None:
                        raise suspended
                    await self._clock.sleep(self._paused_until - now)
                    continue
                delays = [window.delay(now, self.share) for window in windows]
                if None in delays:
                    self._freed.clear()
                    await self._freed.wait()
                    continue
                longest = max((one for one in delays if one is not None), default=0.0)
                if longest <= 0:
                    break
                await self._clock.sleep(longest)
            for window in windows:
                window.take()

    def leave(
        self, kind: RequestKind, *, throttled: bool, retry_after: float | None = None, answered: bool = False
    ) -> None:
        """The request has ended; `answered` where the service did its work, be it to refuse what was asked for."""
        now = self._clock.monotonic()
        for window in self._windows[kind]:
            window.give_back(now)
        self._freed.set()
        self._age(now)
        self._requests += 1
        self._refused += throttled
        if answered:
            self._stuck_since = None
        if retry_after:
            # Whoever is told to wait speaks for everybody: the service is one.
            self._pause(now, now + retry_after)

    def _pause(self, now: float, until: float) -> None:
        if self._stuck_since is None:
            self._stuck_since = now
        # Those in flight at one instant are refused at one instant: that is one pause, told once.
        new = until > self._paused_until + 1
        self._paused_until = max(self._paused_until, until)
        if new and until - self._stuck_since > TOLD_FROM and self.suspended() is None:
            self._tell(pause_asked("WorkOS", self._clock.now() + until - now))

    def _age(self, now: float) -> None:
        passed = now - self._aged_at
        if passed >= 0.25:
            self._aged_at = now
            left = 0.5 ** (passed / _MEMORY)
            self._requests *= left
            self._refused *= left


def _window(limit: int | None, period: float) -> list[SlidingWindow]:
    return [SlidingWindow(limit, period)] if limit is not None else []
