"""An asynchronous clock whose time passes only when everybody waits, in the order of their waking."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_STEPS = 12  # turns of the loop after which everybody has got as far as they can


class VirtualClock:
    """The port `Clock`; `slept` lists the waits asked for. Without `run`, a sleep just moves the time on."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._driven = False

    def now(self) -> float:
        return 1_700_000_000.0 + self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if not self._driven:
            self.time += seconds
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._count), woken))
        await woken

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end, moving the time on whenever nobody can go on without it."""
        self._driven = True
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(_STEPS):
                await asyncio.sleep(0)
            if task.done():
                break
            assert self._sleepers, "everybody waits, and nobody for time"
            at, _, woken = heapq.heappop(self._sleepers)
            self.time = max(self.time, at)
            if not woken.done():
                woken.set_result(None)
        return await task
