"""Owns the counting of requests: sliding windows as the server sees them, and what was refused."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from engine.sandbox.clock import SandboxClock, iso
from engine.sandbox.database import Database
from engine.sandbox.errors import rate_limited, refused
from engine.sandbox.options import Quotas


class Window:
    """The requests of the last `seconds`; refused ones take no room in it, but are seen by `most_arrived`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._accepted: deque[float] = deque()
        self._arrived: deque[float] = deque()
        self.most_accepted = 0
        self.most_arrived = 0
        self.refused = 0

    def wait(self, now: float, limit: int | None) -> float | None:
        """None where one more request fits, else the seconds until one does."""
        _expire(self._accepted, now - self.seconds)
        if limit is None or len(self._accepted) < limit:
            return None
        # The place that must become free is the one `limit` requests ago: the limit may have been lowered.
        return self._accepted[-limit] + self.seconds - now if limit > 0 else self.seconds

    def arrive(self, now: float) -> None:
        """Count a request, whatever becomes of it."""
        _expire(self._arrived, now - self.seconds)
        self._arrived.append(now)
        self.most_arrived = max(self.most_arrived, len(self._arrived))

    def accept(self, now: float) -> None:
        """Give a request its place."""
        self._accepted.append(now)
        self.most_accepted = max(self.most_accepted, len(self._accepted))


def _expire(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()


class RequestQuotas:
    """Writes (all but GET) and reads of the environment, and all requests of the key.

    A request must fit into both of its windows; one that does not is refused with 429 and counts in neither.
    """

    def __init__(self, quotas: Quotas, monotonic: Callable[[], float]) -> None:
        self.quotas = quotas
        self._monotonic = monotonic
        self.clear()

    def clear(self) -> None:
        """Forget all requests."""
        self.windows = {"writes": Window(10), "reads": Window(10), "all": Window(60)}
        # Beside the others, and not among what is shown: one path alone has it.
        self._organization_deletions = Window(60)

    @property
    def limited(self) -> bool:
        """Whether any of the three windows has a limit."""
        own = self.quotas
        return any(one is not None for one in (own.writes_per_10s, own.reads_per_10s, own.requests_per_60s))

    def admit(self, method: str, path: str = "") -> None:
        """Count one request. Raises ApiError 429."""
        now = self._monotonic()
        kind, limit = (
            ("reads", self.quotas.reads_per_10s) if method == "GET" else ("writes", self.quotas.writes_per_10s)
        )
        both = [(self.windows[kind], limit), (self.windows["all"], self.quotas.requests_per_60s)]
        if method == "DELETE" and path.startswith("/organizations/") and path.count("/") == 2:
            both.append((self._organization_deletions, self.quotas.organization_deletions_per_60s))
        waits = []
        for window, most in both:
            window.arrive(now)
            wait = window.wait(now, most)
            if wait is not None:
                window.refused += 1
                waits.append(wait)
        if waits:
            raise rate_limited(max(1, math.ceil(max(waits))) if self.quotas.retry_after else None)
        for window, _ in both:
            window.accept(now)

    def seen(self) -> dict[str, dict[str, int]]:
        """Per window: the most requests accepted and arrived in any of its lengths, and the number refused."""
        return {
            name: {"max_accepted": one.most_accepted, "max_arrived": one.most_arrived, "refused": one.refused}
            for name, one in self.windows.items()
        }


class ResetQuota:
    """Password resets: a few per minute and address, and so many per day (UTC) of the environment."""

    def __init__(self, quotas: Quotas, clock: SandboxClock, database: Database) -> None:
        self.quotas = quotas
        self._clock = clock
        self._database = database

    def admit(self, email: str) -> None:
        """Raises ApiError 429: daily_quota_exceeded, or rate_limit_exceeded for the address."""
        now = self._clock.now()
        if self.quotas.resets_per_day is not None:
            midnight = iso(now - now % 86400)
            if self._made_since(midnight) >= self.quotas.resets_per_day:
                raise refused(429, "daily_quota_exceeded")
        if self.quotas.resets_per_60s is not None:
            sql = "SELECT created_at FROM password_resets WHERE created_at > ? AND email = ?"
            if len(self._database.rows(sql, (iso(now - 60), email))) >= self.quotas.resets_per_60s:
                raise rate_limited(60 if self.quotas.retry_after else None)

    def _made_since(self, stamp: str) -> int:
        sql = "SELECT count(*) FROM password_resets WHERE created_at >= ?"
        return int(self._database.row(sql, (stamp,))[0])
