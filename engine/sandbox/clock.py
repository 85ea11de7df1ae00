"""Owns the sandbox's time: the real clock, moved ahead as a test or an operator asks."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.model.ports import Clock


class SandboxClock:
    """A clock that `offset` seconds are added to, so that quotas of a minute or a day pass without waiting."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self.offset = 0.0

    def now(self) -> float:
        return self._base.now() + self.offset

    def monotonic(self) -> float:
        return self._base.monotonic() + self.offset

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)

    def stamp(self, ahead: float = 0.0) -> str:
        """Now, or `ahead` seconds later, as the API writes it: ISO 8601, milliseconds, Z."""
        return iso(self.now() + ahead)


def iso(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 with milliseconds and Z; such texts sort by time."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
