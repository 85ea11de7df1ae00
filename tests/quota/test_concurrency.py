from __future__ import annotations

import asyncio

import pytest

from engine.quota.concurrency import InFlight


async def test_no_more_than_the_limit_first_come_first_served() -> None:
    places = InFlight(start=2, least=1, most=2)
    order: list[int] = []
    now = most = 0

    async def call(number: int) -> None:
        nonlocal now, most
        await places.enter()
        order.append(number)
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        places.leave(None)

    await asyncio.gather(*(call(number) for number in range(20)))
    assert most == 2 and order == list(range(20))


async def _answers(places: InFlight, number: int, latency: float) -> None:
    for _ in range(number):
        await places.enter()
        places.leave(latency)


async def test_it_grows_while_answers_are_quick_and_shrinks_when_they_queue() -> None:
    places = InFlight(start=8, least=4, most=64)
    await _answers(places, 400, 0.1)
    assert places.limit == 64
    await _answers(places, 60, 1.0)
    assert places.limit <= 64
    await _answers(places, 600, 1.0)
    assert 4 <= places.limit < 20


async def test_slow_for_good_is_not_punished_for_ever() -> None:
    places = InFlight(start=8, least=4, most=64)
    await _answers(places, 400, 0.1)
    await _answers(places, 3000, 0.4)
    assert places.limit == 64


async def test_faults_teach_nothing() -> None:
    places = InFlight(start=8)
    for _ in range(100):
        await places.enter()
        places.leave(None)
    assert places.limit == 8


@pytest.mark.parametrize("given_first", [False, True])
async def test_who_is_cancelled_takes_no_place_along(given_first: bool) -> None:
    places = InFlight(start=1, least=1, most=1)
    await places.enter()
    waiting = asyncio.create_task(places.enter())
    next_one = asyncio.create_task(places.enter())
    await asyncio.sleep(0)
    if given_first:
        places.leave(None)
        waiting.cancel()
    else:
        waiting.cancel()
        await asyncio.sleep(0)
        places.leave(None)
    await asyncio.wait_for(next_one, 1)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    places.leave(None)
    await asyncio.wait_for(places.enter(), 1)
