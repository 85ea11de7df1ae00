"""When e-mails may go out: the plan's window of hours, in its time zone. Pure; times are seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.plan_file.model import Hours

_DAY = 24 * 60


class Calendar:
    """The plan's `window` and `timezone`; without a window it is always open."""

    def __init__(self, hours: Hours | None, timezone: str) -> None:
        self._hours = hours
        self._zone = ZoneInfo(timezone)

    def is_open(self, now: float) -> bool:
        """Whether an e-mail may go out at this moment."""
        return self.next_open(now) <= now

    def next_open(self, now: float) -> float:
        """The first moment from now on at which e-mails may go out: now itself where it is open."""
        hours = self._hours
        if hours is None:
            return now
        today = datetime.fromtimestamp(now, UTC).astimezone(self._zone).date()
        length = (hours.closes - hours.opens) % _DAY
        # Yesterday's window may still be open past midnight; a week ahead holds every day of the week.
        for ahead in range(-1, 9):
            day = today + timedelta(days=ahead)
            if day.weekday() not in hours.days:
                continue
            opens = self._moment(day.toordinal(), hours.opens)
            closes = self._moment(day.toordinal(), hours.opens + length)
            if now < closes:
                return max(now, opens)
        raise ValueError("a window without days")

    def _moment(self, ordinal: int, minutes: int) -> float:
        # Local clock times, so that a window keeps its hours when the clocks change.
        day = datetime.fromordinal(ordinal + minutes // _DAY).date()
        local = time(minutes % _DAY // 60, minutes % 60)
        return datetime.combine(day, local, tzinfo=self._zone).timestamp()
