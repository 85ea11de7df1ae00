"""How fast a long stage goes, and how long it will still take: from the quota, and from the last minute. Pure.

A quota lets its first window's worth pass at once, so the rate of the first seconds says nothing of the hours to come.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

# What happened longer ago than this (seconds) says nothing of now; samples this far apart are enough.
_WINDOW = 60.0
_APART = 1.0


@dataclass(frozen=True, slots=True)
class PaceLimit:
    """At most `number` steps in any `period` seconds."""

    number: float
    period: float

    def seconds(self, steps: int) -> float:
        """How long so many steps take at least; the first window's worth goes at once."""
        return max(0.0, (math.ceil(steps / self.number) - 1) * self.period)


class Forecast:
    """One stage's. Times are seconds of one clock, handed in; `done` counts from 0 to `total`, None where unknown."""

    def __init__(self, total: int | None, began: float, limits: Sequence[PaceLimit] = ()) -> None:
        self.total = total
        self.done = 0
        self._began = self._moved = began
        self._limits = limits
        self._samples: deque[tuple[float, int]] = deque([(began, 0)])

    def note(self, done: int, now: float) -> None:
        """So many are done."""
        if done != self.done:
            self.done, self._moved = done, now
        if now - self._samples[-1][0] >= _APART:
            self._samples.append((now, done))
        # One sample from before the window stays: the rate is over the whole of it.
        while len(self._samples) > 1 and self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()

    def rate(self, now: float) -> float:
        """Steps a second over the last minute, or since the beginning where that is shorter."""
        if now - self._moved >= _WINDOW:
            return 0.0
        at, done = self._samples[0]
        return max(0.0, self.done - done) / max(now - at, 1e-3)

    def left(self, now: float) -> float | None:
        """Seconds that the rest takes, by what is slower: quota or last minute. None where nobody can say."""
        if self.total is None:
            return None
        rest = max(0, self.total - self.done)
        if not rest:
            return 0.0
        passed = now - self._began
        told = [max(limit.seconds(self.total) - passed, limit.seconds(rest)) for limit in self._limits]
        # Whoever waits out a pause has no rate: then the whole time until now has to do.
        rate = self.rate(now) or self.done / max(passed, 1e-3)
        if rate:
            told.append(rest / rate)
        return max(told, default=None)
