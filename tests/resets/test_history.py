"""Events read as far back as WorkOS has them, by its rules: a range or a cursor, 30 days a request."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.model.call_errors import CallFailed, Terminal
from engine.model.resets import CREATED, SUCCEEDED
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from engine.resets.history import History, read_history
from engine.resets.settlement import KEPT
from engine.sandbox.events import Events
from tests.resets.world import World, world
from tests.support.sandbox_extras import Faults, ScriptedFault

DAY = 86_400.0
NOW = 1_700_500_000.0


async def read(here: World, since: float, *names: str) -> History:
    metered = MeteredTarget(here.workos, Quota(here.destination, here.clock), clock=here.clock, rng=random.Random(1))
    return await read_history(here.adapter, metered, names or (CREATED,), since=since, now=here.clock.now())


def happen(here: World, user: str, ago: float, event: str = CREATED) -> None:
    """An event of so many seconds ago, as WorkOS would have kept it."""
    now, here.clock.time = here.clock.time, here.clock.time - ago
    Events(here.server.service.environment).record(event, {"user_id": user})
    here.clock.time = now


async def test_pages_and_windows_miss_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, [], at=NOW) as here:
        wanted = []
        for at in range(700):
            ago = 88.9 * DAY * (1 - at / 700)
            happen(here, f"user_{at}", ago, CREATED if at % 7 else SUCCEEDED)
            wanted += [f"user_{at}"] if at % 7 else []
        found = await read(here, NOW - KEPT)
        assert list(dict.fromkeys(one.user_id for one in found.events)) == wanted
        assert found.since == NOW - KEPT
        both = await read(here, NOW - KEPT, CREATED, SUCCEEDED)
        assert len({one.user_id for one in both.events}) == 700
        late = await read(here, NOW - 5 * DAY)
        assert {one.user_id for one in late.events} <= set(wanted) and late.since == NOW - 5 * DAY
        assert all(one.at >= NOW - 5 * DAY - 1 for one in late.events) and len(late.events) > 20


async def test_more_than_a_page_in_one_window(tmp_path: Path) -> None:
    async with world(tmp_path, [], at=NOW) as here:
        for at in range(250):
            happen(here, f"user_{at}", 1000.0 - at)
        found = await read(here, NOW - DAY)
        assert [one.user_id for one in found.events] == [f"user_{at}" for at in range(250)]


async def test_a_service_that_keeps_less_says_so_and_one_that_says_nothing_is_an_error(tmp_path: Path) -> None:
    async with world(tmp_path, [], at=NOW) as here:
        happen(here, "user_1", DAY)
        plain = here.adapter.events_page

        async def last_30_days(names: object, since: float, until: float | None, after: str | None) -> object:
            if since < NOW - 30 * DAY:
                raise Terminal("invalid_request_parameters", status=422)
            return await plain((CREATED,), since, until, after)

        here.adapter.events_page = last_30_days  # type: ignore[method-assign,assignment]
        found = await read(here, NOW - KEPT)
        assert [one.user_id for one in found.events] == ["user_1"] and found.since == NOW - KEPT / 3
        here.server.faults.replace(Faults(next=(ScriptedFault("GET", "/events", "error_before", 100),)))
        with pytest.raises(CallFailed):
            await read(here, NOW - KEPT)
