"""The time left is held against what it took: a run under a real window, at every moment of it."""

from __future__ import annotations

import pytest

from engine.quota.forecast import Forecast, PaceLimit
from engine.quota.windows import SlidingWindow


def test_the_first_burst_promises_nothing() -> None:
    """450 go at once; the rest takes its 90 s, and that is what is told from the first answer on."""
    forecast = Forecast(4500, 0.0, [PaceLimit(450, 10.0)])
    forecast.note(450, 0.5)
    assert forecast.rate(0.5) == 900
    assert forecast.left(0.5) == pytest.approx(89.5)


@pytest.mark.parametrize("latency", [0.05, 0.4])
def test_what_is_told_is_what_it_takes(latency: float) -> None:
    window, now, done, told = SlidingWindow(450, 10.0), 0.0, 0, []
    forecast = Forecast(9000, now, [PaceLimit(450, 10.0)])
    while done < 9000:
        wait = window.delay(now)
        assert wait is not None
        now += wait
        # 40 in flight, answered together.
        for _ in range(40):
            if done < 9000 and window.delay(now) == 0:
                window.take()
                window.give_back(now + latency)
                done += 1
        now += latency
        forecast.note(done, now)
        told.append((now, forecast.left(now)))
    for at, left in told:
        assert left is not None
        assert abs(at + left - now) <= max(11.0, 0.1 * now), (at, left, now)


def test_slower_than_the_quota_is_told_by_the_last_minute() -> None:
    forecast = Forecast(10_000, 0.0, [PaceLimit(450, 10.0)])
    for second in range(1, 601):
        # Fast for five minutes, a tenth of that since.
        forecast.note(second * 20 if second <= 300 else 6000 + (second - 300) * 2, float(second))
    assert forecast.rate(600.0) == pytest.approx(2, rel=0.05)
    assert forecast.left(600.0) == pytest.approx(3400 / 2, rel=0.05)


def test_a_pause_leaves_a_time() -> None:
    """Ten minutes without an answer: no rate, and the time is neither nought nor without end."""
    forecast = Forecast(1000, 0.0)
    forecast.note(500, 100.0)
    assert forecast.rate(700.0) == 0
    assert forecast.left(700.0) == pytest.approx(700.0)


def test_what_nobody_can_say() -> None:
    assert Forecast(None, 0.0).left(5.0) is None
    assert Forecast(10, 0.0).left(5.0) is None
    assert Forecast(10, 0.0, [PaceLimit(1, 1.0)]).left(0.0) == 9.0
    over = Forecast(10, 0.0)
    over.note(12, 1.0)
    assert over.left(1.0) == 0.0


def test_memory_is_bounded() -> None:
    forecast = Forecast(None, 0.0)
    for at in range(100_000):
        forecast.note(at, at / 100)
    assert len(forecast._samples) < 70
