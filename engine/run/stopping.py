"""Why and when a run stops before its end: signals, a refused key, too many failures, an unusable state."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from engine.model.errors import EXIT_INTERRUPTED


class Stop:
    """A request to stop, with its first reason. Any thread may look at it; the event loop's own thread sets it."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.event = asyncio.Event()
        self._within: Stop | None = None

    def __bool__(self) -> bool:
        return self.reason is not None

    def request(self, reason: str) -> None:
        """Stop taking work. The first reason stays."""
        if self.reason is None:
            self.reason = reason
            self.event.set()
            if self._within is not None:
                self._within.request(reason)

    def for_round(self) -> Stop:
        """Another, for the next of several runs: it stops with this one, and for reasons of its own."""
        self._within = Stop()
        if self.reason is not None:
            self._within.request(self.reason)
        return self._within


@contextmanager
def signals(stop: Stop) -> Iterator[None]:
    """SIGINT and SIGTERM stop the run; a second one ends the process at once.

    That is safe as well: every call in flight stands as claimed in the state, on disk.
    """

    asked = False

    def received() -> None:
        nonlocal asked
        # Counted here: a run that stops for a reason of its own keeps that one, and still ends at the second signal.
        if asked:
            os._exit(EXIT_INTERRUPTED)
        asked = True
        stop.request("interrupted")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, received)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class FailureGuard:
    """`safety.max_failures`: a number of users, or a share of those attempted, counted from the 200th."""

    _FROM = 200

    def __init__(self, limit: int | float | None) -> None:
        self._limit = limit
        self._attempted = 0
        self._failed = 0

    def count(self, *, failed: bool) -> bool:
        """Count one user; True when the run has to stop."""
        self._attempted += 1
        self._failed += failed
        if self._limit is None or not failed:
            return False
        if isinstance(self._limit, int):
            return self._failed > self._limit
        return self._attempted >= self._FROM and self._failed > self._limit * self._attempted
