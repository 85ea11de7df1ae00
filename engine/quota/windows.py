"""A quota as WorkOS counts it: at most so many requests in any window of so many seconds.

The server counts a request somewhere between its sending and its answer. A slot is therefore held from the sending
until one whole window after the answer: whatever the server took for its moment, no window holds too many
(facts: a slot freed earlier was refused 46 times in 2,000).
"""

from __future__ import annotations

from collections import deque


class SlidingWindow:
    """`limit` requests in any `period` seconds. Times are monotonic seconds, handed in by the caller."""

    def __init__(self, limit: int, period: float) -> None:
        self.limit = limit
        self.period = period
        self._in_flight = 0
        self._answered: deque[float] = deque()

    def delay(self, now: float, share: float = 1.0) -> float | None:
        """Seconds until a slot is free: 0 if one is, None if it takes an answer first.

        `share` narrows the limit (0 to 1) for a quota that others use as well.
        """
        answered = self._answered
        while answered and answered[0] + self.period <= now:
            answered.popleft()
        limit = max(1, int(self.limit * share))
        over = self._in_flight + len(answered) - limit
        if over < 0:
            return 0.0
        if over >= len(answered):
            return None
        return answered[over] + self.period - now

    def take(self) -> None:
        """A request is being sent."""
        self._in_flight += 1

    def give_back(self, now: float) -> None:
        """The request has been answered, or will not be any more."""
        self._in_flight -= 1
        self._answered.append(now)
