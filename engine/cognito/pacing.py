"""One budget of requests per second for a whole user pool, whoever sends: when the next request may leave.

Retrying and backing off are `calls`' business; it reports throttling here, so that all narrow together.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from engine.model.side_by_side import Sleep

SHARE = 0.97  # of the figure is aimed at: leaves 30 ms for sends that the network brings closer together
_WINDOW = 1.01  # seconds; the service counts by its own clock, so our second is a little longer
_NARROW = 0.7
_LEAST = 0.05  # of the figure: however often it is throttled, reading goes on
_RECOVER = 0.05  # of the figure a second
_CALM = 1.0  # seconds between changes: sixteen chains that are refused at one instant are one event


class Pacer:
    """Spaces requests evenly below `per_second`; None spaces nothing and only obeys Retry-After.

    No second ever holds more than the figure (rounded up). Thread-safe; turns are given in the order in which the
    threads' lock gives them.
    """

    def __init__(self, per_second: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limit = per_second
        self._rate = per_second or 0.0
        self._changed = -math.inf
        self._next = -math.inf
        self._held_until = -math.inf
        self._sent: deque[float] = deque(maxlen=math.ceil(per_second) if per_second else 1)
        # The one whose turn it is sleeps with `_turn` held; `_lock` is never held while sleeping.
        self._turn = threading.Lock()
        self._lock = threading.Lock()

    @property
    def rate(self) -> float | None:
        """Requests per second at the moment, below the figure after throttling; None without pacing."""
        return self._rate if self._limit else None

    def take(self, sleep: Sleep = time.sleep) -> None:
        """Wait until one more request may leave. What `sleep` raises goes through and gives the turn back."""
        if self._limit is None and self._clock() >= self._held_until:
            return
        with self._turn:
            while True:
                with self._lock:
                    now = self._clock()
                    wait = self._due() - now
                    if wait <= 1e-9:
                        self._note_sent(now)
                        return
                sleep(wait)

    def slow_down(self, retry_after: float | None = None) -> None:
        """A request was refused as too many: all get slower, and nobody sends before Retry-After (seconds) is over."""
        with self._lock:
            now = self._clock()
            if retry_after is not None:
                self._held_until = max(self._held_until, now + retry_after)
            if self._limit and now - self._changed >= _CALM:
                self._rate = max(self._rate * _NARROW, self._limit * _LEAST)
                self._changed = now
                self._next = max(self._next, now + self._interval())

    def _due(self) -> float:
        due = max(self._next, self._held_until)
        if self._limit and len(self._sent) == self._sent.maxlen:
            window = _WINDOW * max(1.0, 1.0 / self._limit)
            due = max(due, self._sent[0] + window)
        return due

    def _note_sent(self, now: float) -> None:
        if not self._limit:
            return
        if self._rate < self._limit and now - self._changed >= _CALM:
            self._rate = min(self._limit, self._rate + self._limit * _RECOVER)
            self._changed = now
        self._sent.append(now)
        interval = self._interval()
        # A thread that woke late may make up for a little of it; more would be a burst.
        self._next = max(self._next, now - max(interval / 2, 0.005)) + interval

    def _interval(self) -> float:
        return 1.0 / (self._rate * SHARE)
