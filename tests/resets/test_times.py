"""Hours, batches, the limit for one address, and what events say: pure rules over times."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.model.resets import Batch
from engine.plan_file.model import Hours
from engine.resets.hours import Calendar
from engine.resets.pace import AddressLimit, Turn, next_turn
from engine.resets.settlement import CERTAIN_AFTER, SKEW, Settled, settle

BERLIN = "Europe/Berlin"
WORKDAYS = frozenset(range(5))
OFFICE = Hours(8 * 60, 18 * 60, WORKDAYS)
NIGHT = Hours(22 * 60, 6 * 60, WORKDAYS)


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).timestamp()


@pytest.mark.parametrize(
    ("hours", "now", "opens"),
    [
        (OFFICE, "2023-11-20 07:59:59", "2023-11-20 08:00"),  # a Monday
        (OFFICE, "2023-11-20 08:00", "2023-11-20 08:00"),
        (OFFICE, "2023-11-20 17:59:59", "2023-11-20 17:59:59"),
        (OFFICE, "2023-11-20 18:00", "2023-11-21 08:00"),
        (OFFICE, "2023-11-24 18:00", "2023-11-27 08:00"),  # Friday to Monday
        (OFFICE, "2023-11-25 12:00", "2023-11-27 08:00"),
        (NIGHT, "2023-11-21 03:00", "2023-11-21 03:00"),
        (NIGHT, "2023-11-21 06:00", "2023-11-21 22:00"),
        (NIGHT, "2023-11-20 03:00", "2023-11-20 22:00"),  # Sunday night is not Monday's
        (NIGHT, "2023-11-25 03:00", "2023-11-25 03:00"),  # Friday's night goes into Saturday
        (NIGHT, "2023-11-25 22:30", "2023-11-27 22:00"),
        # Clocks change on 2024-03-31 and 2024-10-27: the hours stay those of the clock on the wall.
        (Hours(8 * 60, 18 * 60), "2024-03-31 07:00", "2024-03-31 08:00"),
        (Hours(8 * 60, 18 * 60), "2024-10-27 07:00", "2024-10-27 08:00"),
        (Hours(0, 1, frozenset({6})), "2023-11-20 00:00", "2023-11-26 00:00"),
    ],
)
def test_hours(hours: Hours, now: str, opens: str) -> None:
    calendar = Calendar(hours, BERLIN)
    assert calendar.next_open(_at(now)) == _at(opens)
    assert calendar.is_open(_at(now)) is (now == opens)


def test_without_hours_it_is_always_open() -> None:
    assert Calendar(None, "UTC").next_open(1.0) == 1.0


def test_the_window_is_that_of_its_time_zone() -> None:
    assert Calendar(OFFICE, "UTC").is_open(_at("2023-11-20 18:30"))
    assert not Calendar(OFFICE, BERLIN).is_open(_at("2023-11-20 18:30"))


@pytest.mark.parametrize(
    ("last", "now", "turn"),
    [
        (None, 50.0, Turn(50.0, 10, 50.0)),
        (Batch(100.0, 4), 150.0, Turn(150.0, 6, 100.0)),
        (Batch(100.0, 10), 150.0, Turn(160.0, 10, 160.0)),
        (Batch(100.0, 10), 160.0, Turn(160.0, 10, 160.0)),
        (Batch(100.0, 4), 160.0, Turn(160.0, 10, 160.0)),
        (Batch(100.0, 10), 1_000.0, Turn(1_000.0, 10, 1_000.0)),  # nine missed batches are not made up for
        (Batch(100.0, 30), 150.0, Turn(160.0, 10, 160.0)),  # the plan had larger ones before
    ],
)
def test_batches(last: Batch | None, now: float, turn: Turn) -> None:
    assert next_turn(last, now, batch=10, every=60.0) == turn


def test_three_a_minute_for_one_address() -> None:
    limit = AddressLimit()
    for now in (0.0, 10.0, 20.0):
        assert limit.delay("user_1", now) == 0.0
        limit.note("user_1", now)
    assert limit.delay("user_1", 20.0) == 40.0
    assert limit.delay("user_2", 20.0) == 0.0
    assert limit.delay("user_1", 60.0) == 0.0
    limit.note("user_1", 60.0)
    assert limit.delay("user_1", 61.0) == 9.0


INTENT = 10_000_000.0


@pytest.mark.parametrize(
    ("event", "now", "readable", "settled"),
    [
        (INTENT + 1, INTENT + 2, True, "sent"),
        (INTENT - SKEW, INTENT + 2, True, "sent"),
        (INTENT - SKEW - 1, INTENT + CERTAIN_AFTER, True, "not_sent"),
        (None, INTENT + CERTAIN_AFTER - 1, True, "wait"),
        (None, INTENT + CERTAIN_AFTER, True, "not_sent"),
        (None, INTENT + 1, False, "unknown"),
        (INTENT + 1, INTENT + 90 * 86_400, False, "sent"),
    ],
)
def test_what_events_say(event: float | None, now: float, readable: bool, settled: Settled) -> None:
    assert settle(INTENT, event, now, readable=readable) == settled
