"""WorkOS's own time, from the `Date` of its answers: events carry it, so what is held against them must too."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from workos import AsyncHTTPBackend, HTTPResponse

from engine.model.ports import Clock


class ServiceClock:
    """The port `Clock` with the service's time; ours before the first answer, and where answers have no date."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: tuple[float, float] | None = None  # the newest date, and our monotonic time at that moment

    def hear(self, date: str | None) -> None:
        """The `Date` of an answer that came just now."""
        try:
            told = parsedate_to_datetime(date or "")
        except ValueError:
            return
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        self._heard = told.timestamp(), self._clock.monotonic()

    def now(self) -> float:
        """Seconds since the epoch, to a second."""
        if self._heard is None:
            return self._clock.now()
        date, at = self._heard
        return date + self._clock.monotonic() - at

    def monotonic(self) -> float:
        """See the port."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See the port."""
        await self._clock.sleep(seconds)


class DatedBackend:
    """`AsyncHTTPBackend` around another: a clock hears the date of every answer."""

    def __init__(self, backend: AsyncHTTPBackend, clock: ServiceClock) -> None:
        self._backend = backend
        self._clock = clock

    async def request(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None, timeout: float
    ) -> HTTPResponse:
        """See the SDK's protocol."""
        answer = await self._backend.request(method, url, headers=headers, content=content, timeout=timeout)
        self._clock.hear(answer.headers.get("Date"))
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._backend.close()
