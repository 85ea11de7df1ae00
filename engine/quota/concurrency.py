"""How many calls are in flight at once, adapted to the latency found.

More in flight helps until the service queues them: then latency grows and throughput does not. The limit rises while
answers stay about as quick as the quickest seen, and falls when they do not.
"""

from __future__ import annotations

import asyncio
from collections import deque

# A run begins with reads that its first write waits for: from eight on, that took twice as many rounds.
LEAST, START, MOST = 4, 16, 64
# Answers within twice the quickest plus this (seconds) count as quick: a few milliseconds are noise, not a queue.
_SLACK = 0.010


class InFlight:
    """A limit on calls in flight; `enter` before a call, `leave` after it with its latency in seconds."""

    def __init__(self, *, start: int = START, least: int = LEAST, most: int = MOST) -> None:
        self.limit = start
        self._least = least
        self._most = most
        self._now = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._quickest = float("inf")
        self._sum = 0.0
        self._count = 0

    async def enter(self) -> None:
        """Wait for a place, first come, first served."""
        if self._now < self.limit and not self._waiting:
            self._now += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                # The place was given just before the cancellation: pass it on.
                self._now -= 1
                self._wake()
            raise

    def leave(self, latency: float | None) -> None:
        """A call has ended; None where its time says nothing of the service (refused, broken, timed out)."""
        self._now -= 1
        if latency is not None:
            self._learn(latency)
        self._wake()

    def _learn(self, latency: float) -> None:
        self._quickest = min(self._quickest, latency)
        self._sum += latency
        self._count += 1
        if self._count < self.limit:
            return
        mean = self._sum / self._count
        quick = mean <= 2 * self._quickest + _SLACK
        grown = self.limit + max(1, self.limit // 4) if quick else self.limit - max(1, self.limit // 8)
        self.limit = min(self._most, max(self._least, grown))
        # The quickest is forgotten slowly: a service that becomes slower for good is not punished for its past.
        self._quickest *= 1.02
        self._sum, self._count = 0.0, 0

    def _wake(self) -> None:
        while self._waiting and self._now < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._now += 1
                place.set_result(None)
