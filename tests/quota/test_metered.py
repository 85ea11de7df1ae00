from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.model.call_errors import Ambiguous, Refused, Terminal, Throttled, Transient
from engine.model.ports import UserChanges
from engine.model.retries import TRIES
from engine.quota.metered import CallsStopped, Requests
from tests.support.fake_target import After, FakeTarget
from tests.support.metered import metered
from tests.support.virtual_clock import VirtualClock


async def test_every_call_is_counted_by_kind() -> None:
    target = metered(FakeTarget())
    made = await target.create({"email": "a@b.co"})
    await target.update(made.id, UserChanges(first_name="A"))
    await target.get(made.id)
    await target.find_by_email("a@b.co")
    await target.find_by_external_id("x")
    await target.list_page(None)
    assert target.requests == Requests(writes=2, reads=4, throttled=0, retried=0)


@pytest.mark.parametrize("error", [Transient("x"), Ambiguous("x"), Throttled("x")])
async def test_reads_are_tried_again_and_writes_are_not(error: Exception) -> None:
    fake = FakeTarget()
    target = metered(fake)
    fake.fail("get", error, error)
    fake.fail("create", error)
    assert await target.get("x") is None
    throttled = isinstance(error, Throttled)
    assert target.requests == Requests(writes=0, reads=3, throttled=2 * throttled, retried=2)
    with pytest.raises(type(error)):
        await target.create({"email": "a@b.co"})
    assert target.requests.writes == 1 and fake.called("create") == 1


@pytest.mark.parametrize("error", [Terminal("x"), Refused("x")])
async def test_what_is_refused_is_not_repeated(error: Exception) -> None:
    fake = FakeTarget()
    fake.fail("get", error)
    with pytest.raises(type(error)):
        await metered(fake).get("x")
    assert fake.called("get") == 1


async def test_reads_give_up_in_the_end() -> None:
    fake = FakeTarget()
    fake.fail("list_page", *[Transient("down")] * 50)
    target = metered(fake)
    with pytest.raises(Transient):
        await target.list_page(None)
    assert fake.called("list_page") == TRIES
    target.read_tries = 2
    with pytest.raises(Transient):
        await target.list_page(None)
    assert fake.called("list_page") == TRIES + 2


async def test_retry_after_pauses_the_others() -> None:
    clock = VirtualClock()
    fake = FakeTarget(clock=clock, latency=0.01)
    target = metered(fake, clock=clock)
    fake.fail("create", Throttled("x", retry_after=9.0))
    with pytest.raises(Throttled):
        await target.create({"email": "a@b.co"})
    before = clock.time
    await target.create({"email": "a@b.co"})
    assert clock.time - before >= 9.0


async def test_stopping_begins_nothing_more_and_lets_calls_end() -> None:
    clock = VirtualClock()
    fake = FakeTarget(clock=clock, latency=1.0)
    target = metered(fake, clock=clock)
    seen: dict[str, Any] = {}

    async def scene() -> None:
        under_way: asyncio.Task[Any] = asyncio.create_task(target.create({"email": "a@b.co"}))
        await clock.sleep(0.5)
        seen["calling"] = target.calling(under_way)
        target.stop()
        with pytest.raises(CallsStopped):
            await target.create({"email": "c@d.co"})
        with pytest.raises(CallsStopped):
            await target.get("x")
        seen["made"] = (await under_way).email
        seen["after"] = target.calling(under_way)

    await clock.run(scene())
    assert seen == {"calling": True, "made": "a@b.co", "after": False}
    assert target.requests == Requests(writes=1)


async def test_a_cancelled_call_gives_its_places_back() -> None:
    clock = VirtualClock()
    fake = FakeTarget(clock=clock, latency=5.0)
    target = metered(fake, clock=clock, writes_per_10s=1)

    async def scene() -> None:
        call = asyncio.create_task(target.create({"email": "a@b.co"}))
        await clock.sleep(1.0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await target.create({"email": "c@d.co"})

    await clock.run(scene())
    # One window after it was given up: the server may have counted it.
    assert clock.time == pytest.approx(1000 + 1 + 10 + 5)


async def test_concurrency_is_limited() -> None:
    clock = VirtualClock()
    now = most = 0

    class Counting(FakeTarget):
        async def get(self, user_id: str) -> None:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await clock.sleep(0.1)
            now -= 1

    target = metered(Counting(), clock=clock)

    async def scene() -> None:
        await asyncio.gather(*(target.get("x") for _ in range(500)))

    await clock.run(scene())
    assert 8 <= most <= 64


async def test_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTarget()
    fake.fail("create", After(Ambiguous("timeout")))
    target = metered(fake)
    with pytest.raises(Ambiguous):
        await target.create({"email": "a@b.co"})
    assert len(fake.users) == 1
    await target.close()
    assert fake.closed
