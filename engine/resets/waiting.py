"""Waiting for a time, or for somebody to stop the run."""

from __future__ import annotations

import asyncio

from engine.model.ports import Clock
from engine.run.stopping import Stop


async def wait_or_stop(clock: Clock, seconds: float, stop: Stop) -> bool:
    """Let that time pass; False as soon as the run is stopped."""
    if stop:
        return False
    sleeping = asyncio.ensure_future(clock.sleep(max(seconds, 0.0)))
    stopping = asyncio.ensure_future(stop.event.wait())
    try:
        await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sleeping, stopping):
            task.cancel()
        await asyncio.gather(sleeping, stopping, return_exceptions=True)
    return not stop
