"""Quotas as the server counts them: each request somewhere between its sending and its answer."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.quota.budget import Quota, RequestKind
from engine.quota.windows import SlidingWindow
from tests.support.metered import destination
from tests.support.virtual_clock import VirtualClock

Span = tuple[float, float]  # sent, answered


def most_in_a_window(counted: list[float], period: float) -> int:
    """How many of these moments any half-open window of that many seconds holds at most."""
    moments = sorted(counted)
    return max((bisect_left(moments, at + period) - index for index, at in enumerate(moments)), default=0)


async def _load(
    clock: VirtualClock,
    quota: Quota,
    number: int,
    workers: int,
    latency: dict[RequestKind, list[float]],
    kinds: list[RequestKind],
) -> list[tuple[RequestKind, Span]]:
    spans: list[tuple[RequestKind, Span]] = []
    todo = iter(range(number))

    async def worker() -> None:
        for index in todo:
            kind = kinds[index % len(kinds)]
            await quota.enter(kind)
            sent = clock.time
            await clock.sleep(latency[kind][index % len(latency[kind])])
            quota.leave(kind, throttled=False)
            spans.append((kind, (sent, clock.time)))

    await asyncio.gather(*(worker() for _ in range(workers)))
    return spans


LATENCIES = st.lists(st.sampled_from([0.001, 0.05, 0.1, 0.5, 3.0]), min_size=1, max_size=7)


@given(LATENCIES, st.integers(1, 40), st.integers(0, 2**32), st.sampled_from([5, 20, 50]))
@settings(max_examples=25, deadline=None)
def test_no_ten_seconds_ever_hold_more(latency: list[float], workers: int, seed: int, limit: int) -> None:
    """Also at 500: the rule does not depend on the figure, and small ones meet its edges more often."""
    clock = VirtualClock()
    quota = Quota(destination(writes_per_10s=limit), clock)
    spans = asyncio.run(clock.run(_load(clock, quota, 6 * limit, workers, {"write": latency}, ["write"])))
    rng = random.Random(seed)
    assert len(spans) == 6 * limit
    # However the server counts: on arrival, on answering, anywhere between, or as badly as it can for us.
    for counted in (
        [sent for _, (sent, _) in spans],
        [answered for _, (_, answered) in spans],
        [rng.uniform(*span) for _, span in spans],
        [rng.choice(span) for _, span in spans],
    ):
        assert most_in_a_window(counted, 10.0 - 1e-6) <= limit


async def test_five_hundred_writes_in_any_ten_seconds() -> None:
    clock = VirtualClock()
    quota = Quota(destination(writes_per_10s=500), clock)
    rng = random.Random(7)
    latency = [rng.uniform(0.05, 0.15) for _ in range(977)]
    spans = await clock.run(_load(clock, quota, 2000, 64, {"write": latency}, ["write"]))
    counted = [rng.uniform(*span) for _, span in spans]
    assert most_in_a_window(counted, 10.0 - 1e-6) <= 500
    # No slower than it has to be: four windows' worth, each one answer's time apart, and the time of one load.
    assert clock.time - 1000 <= 3 * (10 + 0.15) + 500 / 64 * 0.15 + 1


@given(LATENCIES, st.integers(5, 40))
@settings(max_examples=25, deadline=None)
def test_throughput_is_not_below_what_is_possible(latency: list[float], limit: int) -> None:
    clock = VirtualClock()
    quota = Quota(destination(writes_per_10s=limit), clock)
    asyncio.run(clock.run(_load(clock, quota, 4 * limit, limit, {"write": latency}, ["write"])))
    assert clock.time - 1000 <= 4 * (10 + max(latency))


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_all_three_windows_hold_together(seed: int) -> None:
    clock = VirtualClock()
    quota = Quota(destination(writes_per_10s=10, reads_per_10s=20, requests_per_60s=100), clock)
    rng = random.Random(seed)
    latency: dict[RequestKind, list[float]] = {"write": [0.2, 0.05], "read": [0.01, 0.4]}
    kinds: list[RequestKind] = [rng.choice(["write", "read"]) for _ in range(31)]
    spans = asyncio.run(clock.run(_load(clock, quota, 350, 16, latency, kinds)))
    counted = [(kind, rng.uniform(*span)) for kind, span in spans]
    assert most_in_a_window([at for kind, at in counted if kind == "write"], 9.999) <= 10
    assert most_in_a_window([at for kind, at in counted if kind == "read"], 9.999) <= 20
    assert most_in_a_window([at for _, at in counted], 59.999) <= 100


async def test_without_limits_nobody_waits() -> None:
    clock = VirtualClock()
    quota = Quota(destination(), clock)
    for _ in range(1000):
        await quota.enter("write")
    assert clock.slept == []


async def test_retry_after_pauses_everybody_of_either_kind() -> None:
    clock = VirtualClock()
    quota = Quota(destination(), clock)
    await quota.enter("write")
    quota.leave("write", throttled=True, retry_after=7.0)
    await clock.run(_load(clock, quota, 10, 10, {"write": [0.0], "read": [0.0]}, ["write", "read"]))
    assert clock.time == 1007.0


async def test_a_later_shorter_pause_does_not_end_a_longer_one() -> None:
    clock = VirtualClock()
    quota = Quota(destination(), clock)
    for wait in (30.0, 1.0, 2000.0):
        await quota.enter("write") if wait == 30.0 else None
        quota.leave("write", throttled=True, retry_after=wait)
        if wait == 1.0:
            await quota.enter("write")
            assert clock.time == 1030.0
    await quota.enter("write")
    assert clock.time == 3030.0


async def test_refusals_narrow_the_budget_and_it_recovers() -> None:
    clock = VirtualClock()
    quota = Quota(destination(writes_per_10s=100), clock)
    assert quota.share == 1.0
    for number in range(20):
        await quota.enter("write")
        quota.leave("write", throttled=number % 4 == 0)
    narrowed = quota.share
    assert 0.2 <= narrowed < 0.75
    for number in range(40):
        clock.time += 0.1
        quota.leave("write", throttled=False) if number < 0 else None
        await quota.enter("write")
        quota.leave("write", throttled=True)
    assert quota.share == 0.2
    for _ in range(60):
        clock.time += 1.0
        await quota.enter("write")
        quota.leave("write", throttled=False)
    assert quota.share == 1.0


def test_a_window_by_hand() -> None:
    window = SlidingWindow(2, 10.0)
    assert window.delay(0.0) == 0.0
    window.take()
    window.take()
    assert window.delay(1.0) is None
    window.give_back(3.0)
    assert window.delay(4.0) == pytest.approx(9.0)
    assert window.delay(13.0) == 0.0
    # Narrowed, never to nothing.
    window.give_back(20.0)
    assert window.delay(20.0, 0.01) == pytest.approx(10.0)
    assert window.delay(30.0, 0.01) == 0.0


async def test_deleting_organizations_has_a_quota_of_its_own() -> None:
    """50 a minute (docs, rate limits), beside that of writes; none where the plan turns off all pacing."""
    for pace, least in ((6000, 120.0), (None, 0.0)):
        clock = VirtualClock()
        began = clock.time
        quota = Quota(destination(requests_per_60s=pace), clock)
        for _ in range(120):
            await quota.enter("organization_deletion")
            quota.leave("organization_deletion", throttled=False, answered=True)
        assert least <= clock.time - began <= least + 30
