"""The real clock behind the port `Clock`."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime


class SystemClock:
    """Time as the operating system tells it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let others run for that long."""
        await asyncio.sleep(seconds)


def today(now: float | None = None) -> date:
    """The day that it is, UTC: by what plan files reckon. `now` is in seconds since the epoch, else the system's."""
    return datetime.fromtimestamp(time.time() if now is None else now, UTC).date()
