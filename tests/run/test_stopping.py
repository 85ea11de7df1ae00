from __future__ import annotations

import asyncio
import os
import signal

import pytest

from engine.run import stopping
from engine.run.stopping import FailureGuard, Stop, signals


def test_the_first_reason_stays() -> None:
    stop = Stop()
    assert not stop and not stop.event.is_set()
    stop.request("max_failures")
    stop.request("interrupted")
    assert stop and stop.reason == "max_failures" and stop.event.is_set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_and_a_second_one_ends(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(stopping.os, "_exit", ended.append)
    stop = Stop()
    with signals(stop):
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stop.event.wait(), 5)
        assert stop.reason == "interrupted" and ended == []
        os.kill(os.getpid(), number)
        for _ in range(100):
            await asyncio.sleep(0)
            if ended:
                break
    assert ended == [130]


async def test_a_second_signal_ends_a_run_that_stops_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(stopping.os, "_exit", ended.append)
    stop = Stop()
    with signals(stop):
        stop.request("max_failures")
        for expected in ([], [130]):
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(100):
                await asyncio.sleep(0)
            assert ended == expected
    assert stop.reason == "max_failures"


@pytest.mark.parametrize(
    ("limit", "ends", "stops_at"),
    [
        (None, [True] * 1000, None),
        (2, [True] * 5, 3),
        (0, [False, True], 2),
        (0.05, [True] * 300, 200),
        (0.05, [False] * 199 + [True] * 12, 210),
        (0.05, ([False] * 19 + [True]) * 100, None),
        (0.0, [False] * 250 + [True], 251),
    ],
)
def test_the_guard(limit: int | float | None, ends: list[bool], stops_at: int | None) -> None:
    guard = FailureGuard(limit)
    stopped = next((place for place, failed in enumerate(ends, start=1) if guard.count(failed=failed)), None)
    assert stopped == stops_at
