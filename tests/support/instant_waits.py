"""Waits that pass at once: for a command in a fork that tries again and again, where nothing else goes by the clock."""

from __future__ import annotations

import asyncio
import time

BEFORE = "tests.support.instant_waits:install"


def install() -> None:
    """In the fork: whoever sleeps has moved the clock on instead."""
    from engine.model.clock import SystemClock

    passed = [0.0]

    async def sleep(_: SystemClock, seconds: float) -> None:
        passed[0] += seconds
        await asyncio.sleep(0)

    SystemClock.now = lambda _: time.time() + passed[0]  # type: ignore[method-assign]
    SystemClock.monotonic = lambda _: time.monotonic() + passed[0]  # type: ignore[method-assign]
    SystemClock.sleep = sleep  # type: ignore[method-assign]
