from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from tests.sandbox.conftest import Api
from tests.support.sandbox_extras import FAULT_KINDS, Faults
from tests.support.sandbox_extras.faults import FaultPlan

USERS = "/user_management/users"
WRITTEN = {"error_after", "reset_after", "cut_off", "timeout_after", "hang_after"}


async def count(api: Api) -> int:
    return int((await api("GET", "/_sandbox/stats"))[1]["data"]["users"])


async def next_fault(api: Api, fault: str, **more: Any) -> None:
    case = {"method": "POST", "path": "/users$", "fault": fault}
    assert (await api("PUT", "/_sandbox/faults", {"next": [case], **more}))[0] == 200


@pytest.mark.parametrize("fault", FAULT_KINDS)
async def test_each_fault(api: Api, fault: str) -> None:
    await next_fault(api, fault, retry_after_s=7)
    call = api.session.post(
        api.server.url + USERS,
        json={"email": "ann@example.com"},
        headers=api.headers,
        timeout=aiohttp.ClientTimeout(0.3),
    )
    if fault.startswith("hang"):
        with pytest.raises(TimeoutError):
            await call
    elif fault.startswith("reset"):
        with pytest.raises(aiohttp.ClientConnectionError):
            await call
    elif fault == "cut_off":
        with pytest.raises(aiohttp.ClientPayloadError):
            async with call as response:
                await response.read()
    else:
        async with call as response:
            statuses = {"throttled": {429}, "throttled_bare": {429}, "forbidden": {403}, "timeout_after": {408}}
            assert response.status in statuses.get(fault, {500, 502, 503})
            assert response.headers.get("Retry-After") == ("7" if fault == "throttled" else None)
    assert await count(api) == (fault in WRITTEN)
    await api.user("bob@example.com")
    assert (await api("GET", "/_sandbox/stats"))[1]["faults"] == {fault: 1}


async def test_slow_answers_do_the_work_even_when_nobody_waits(api: Api) -> None:
    await api("PUT", "/_sandbox/faults", {"latency_ms": 200, "jitter_ms": 20})
    started = time.monotonic()
    await api.user()
    assert time.monotonic() - started >= 0.17
    with pytest.raises(TimeoutError):
        await api("POST", USERS, {"email": "bob@example.com"}, timeout=aiohttp.ClientTimeout(0.02))
    await asyncio.sleep(0.2)
    assert await count(api) == 2


def test_the_same_seed_fails_the_same_way() -> None:
    def draws(seed: int) -> list[str | None]:
        plan = FaultPlan(Faults(rates={"throttled": 0.1, "reset_after": 0.1}, seed=seed, only="writes"))
        assert plan.draw("GET", USERS) is None
        return [plan.draw("POST", USERS) for _ in range(2000)]

    assert draws(1) == draws(1) != draws(2)
    assert 150 < draws(1).count("throttled") < 250


@pytest.mark.parametrize(
    "body",
    [
        {"rates": {"fire": 0.1}},
        {"rates": {"throttled": 0.7, "cut_off": 0.7}},
        {"rates": {"throttled": "much"}},
        {"only": "some"},
        {"next": [{"fault": "cut_off"}]},
        {"next": [{"method": "*", "path": "(", "fault": "cut_off"}]},
    ],
)
async def test_wrong_faults_are_refused(api: Api, body: object) -> None:
    assert (await api("PUT", "/_sandbox/faults", body))[0] == 422
