"""Pauses that WorkOS and Cognito ask for: told when they are long, the end of the run when they are too long."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from engine.cognito.calls import PacedCalls
from engine.cognito.pacing import Pacer
from engine.model.call_errors import Ambiguous, CallFailed, Suspended, Terminal, Throttled
from engine.model.errors import SourceError
from engine.model.ports import UserChanges
from engine.model.resets import Batch
from engine.plan_file.model import CognitoSource
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from engine.resets.pace import AddressLimit, next_turn
from engine.run.target_errors import target_error
from engine.workos.translation import retry_after
from tests.support.fake_target import FakeTarget
from tests.support.fake_time import FakeTime
from tests.support.metered import destination
from tests.support.virtual_clock import VirtualClock

DAY = 86_400.0


class Asking(FakeTarget):
    """Answers the first calls with these ends."""

    def __init__(self, *ends: CallFailed) -> None:
        super().__init__()
        self.ends = list(ends)
        self.asked = 0

    async def get(self, user_id: str) -> Any:
        self.asked += 1
        if self.ends:
            raise self.ends.pop(0)
        return None

    async def update(self, user_id: str, changes: UserChanges) -> Any:
        self.asked += 1
        raise self.ends.pop(0)


def throttled(seconds: float) -> Throttled:
    return Throttled("rate_limit_exceeded", status=429, retry_after=seconds)


def world(*ends: CallFailed) -> tuple[MeteredTarget, Asking, VirtualClock, list[str]]:
    clock, told, asking = VirtualClock(), [], Asking(*ends)
    quota = Quota(destination(), clock, tell=told.append)
    return MeteredTarget(asking, quota, clock=clock, rng=random.Random(1)), asking, clock, told


async def test_a_short_pause_is_kept_in_silence() -> None:
    metered, _, clock, told = world(throttled(60))
    assert await metered.get("user_1") is None
    assert clock.time >= 1060 and told == []


async def test_a_long_pause_says_why_and_until_when() -> None:
    metered, _, clock, told = world(throttled(600))
    assert await metered.get("user_1") is None
    assert 1600 <= clock.time < 1602
    (one,) = told
    assert one.startswith("WorkOS asks for a pause (Retry-After): waiting until 2023-11-14 ")


async def test_many_short_pauses_are_a_long_one() -> None:
    metered, _, clock, told = world(*[throttled(50)] * 3)
    await metered.get("user_1")
    assert clock.time >= 1150 and len(told) == 2


@pytest.mark.parametrize("ends", [[throttled(DAY)], [throttled(1000)] * 5, [throttled(3601)]])
async def test_a_pause_that_is_too_long_ends_the_run(ends: list[CallFailed]) -> None:
    metered, asking, clock, _ = world(*ends)
    with pytest.raises(Suspended) as ended:
        await metered.get("user_1")
    asked, waited = asking.asked, clock.time - 1000
    assert waited <= 3600 and ended.value.code == "retry_later"
    with pytest.raises(Suspended):  # and nobody else asks either
        await metered.update("user_2", UserChanges(first_name="x"))
    assert asking.asked == asked
    error = target_error(ended.value, destination())
    assert error.code == "retry_later" and "asks for a pause until 2023-11-1" in error.message


async def test_pauses_with_answers_between_them_are_no_end() -> None:
    metered, _, clock, _ = world(throttled(3000), Terminal("x", status=400), throttled(3000))
    with pytest.raises(Terminal, match="x"):
        await metered.get("user_1")
    assert await metered.get("user_1") is None and clock.time >= 7000


async def test_a_write_that_may_have_been_done_stays_one() -> None:
    metered, asking, _, _ = world(Ambiguous("http_503", status=503, retry_after=DAY))
    with pytest.raises(Ambiguous, match="http_503"):
        await metered.update("user_1", UserChanges(first_name="x"))
    with pytest.raises(Suspended):
        await metered.get("user_1")
    assert asking.asked == 1


def test_a_date_counts_from_the_answers_own() -> None:
    """This machine's clock may stand anywhere, and may be set meanwhile."""
    headers = {"Date": "Sun, 22 Nov 2020 12:00:00 GMT", "Retry-After": "Sun, 22 Nov 2020 12:00:30 GMT"}
    assert retry_after(headers) == 30.0


def test_a_clock_set_back_lets_no_campaign_wait_for_longer() -> None:
    assert next_turn(Batch(1_000_000.0, 5), 1000.0, batch=5, every=60).at == 1060.0
    limit = AddressLimit()
    for _ in range(3):
        limit.note("user_1", 1_000_000.0)
    assert limit.delay("user_1", 1000.0) == 60.0


def _calls(*waits: float) -> tuple[PacedCalls, FakeTime, list[str], Any]:
    time, told, left = FakeTime(), [], list(waits)

    def send() -> str:
        if not left:
            return "answer"
        meta = {"HTTPStatusCode": 429, "HTTPHeaders": {"retry-after": str(left.pop(0))}}
        raise ClientError({"Error": {"Code": "TooManyRequestsException"}, "ResponseMetadata": meta}, "ListUsers")  # type: ignore[typeddict-item]

    pool = CognitoSource("us-east-1_a", "us-east-1")
    calls = PacedCalls(
        pool, Pacer(25, clock=time.clock), sleep=time.sleep, draw=lambda low, _: low, tell=told.append,
        now=lambda: 1_700_000_000.0,
    )  # fmt: skip
    return calls, time, told, send


def test_cognitos_pauses_are_told() -> None:
    calls, time, told, send = _calls(30, 90)
    assert calls.call("cognito-idp:ListUsers", send) == "answer"
    assert time.now >= 1120 and len(told) == 1 and told[0].startswith("Cognito asks for a pause (Retry-After)")


@pytest.mark.parametrize("waits", [[DAY], [1e99], [2000, 2000]])
def test_cognitos_pause_of_a_day_ends_the_reading(waits: list[float]) -> None:
    calls, time, _, send = _calls(*waits)
    with pytest.raises(SourceError) as ended:
        calls.call("cognito-idp:ListUsers", send)
    assert ended.value.code == "retry_later" and time.now < 5000
