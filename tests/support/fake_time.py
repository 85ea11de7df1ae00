"""Time that passes only by sleeping, so that no test waits."""

from __future__ import annotations

import threading


class FakeTime:
    """A blocking clock; threads may share it. `slept` lists the waits that were asked for, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def clock(self) -> float:
        with self._lock:
            return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds
            self.slept.append(seconds)
