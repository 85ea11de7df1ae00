"""Rounds one after another on a clock that moves only by sleeping: when each begins, and what ends them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from engine.model.errors import GuardRefused, Interrupted, MigrateError, SourceError, TargetError
from engine.model.round_counts import RoundCounts
from engine.quota.metered import Requests
from engine.run.results import APPLIED, ApplyResult, SourceCounts
from engine.run.rounds import Schedule, run_rounds
from engine.run.stopping import Stop
from tests.support.virtual_clock import VirtualClock

START = VirtualClock().now()
OUTAGE = TargetError("WorkOS cannot be reached", remedy="run again", code="unreachable")


def result(stopped: str | None = None, **users: int) -> ApplyResult:
    """A round's result with one write and two reads."""
    counts = dict.fromkeys(APPLIED, 0) | users
    return ApplyResult(
        "acme", "run", False, SourceCounts(1, 1, {}), Counter(counts), (), 0, Requests(writes=1, reads=2), 1.0,
        stopped=stopped,
    )  # fmt: skip


class Told:
    """What is said of rounds, as (number, what, seconds from the start to the next)."""

    def __init__(self) -> None:
        self.rounds: list[tuple[int, str, float | None]] = []

    def ended(self, number: int, result: ApplyResult, next_at: float | None) -> None:
        self.rounds.append((number, result.stopped or "ended", _from_start(next_at)))

    def failed(self, number: int, error: MigrateError, next_at: float | None) -> None:
        self.rounds.append((number, error.code, _from_start(next_at)))


def _from_start(moment: float | None) -> float | None:
    return None if moment is None else moment - START


class Rounds:
    """Runs rounds that end as written, each after so many seconds."""

    def __init__(
        self, ends: Sequence[ApplyResult | MigrateError], *, each: Callable[[int], float] = lambda _: 1.0
    ) -> None:
        self.clock, self.stop, self.told = VirtualClock(), Stop(), Told()
        self.began: list[float] = []
        self._ends, self._each = list(ends), each

    async def run(self, *, every: float = 60, until: float = 300) -> ApplyResult:
        return await run_rounds(
            Schedule(every, START + until), self._one, clock=self.clock, stop=self.stop, tells=self.told
        )

    async def _one(self, stop: Stop) -> ApplyResult:
        at = len(self.began)
        self.began.append(self.clock.now() - START)
        self.clock.time += self._each(at)
        end = self._ends[at] if at < len(self._ends) else result()
        if isinstance(end, MigrateError):
            raise end
        return end


async def test_a_round_each_time_and_the_last_at_the_end() -> None:
    rounds = Rounds([])
    last = await rounds.run()
    assert rounds.began == [0, 60, 120, 180, 240, 300]
    assert rounds.told.rounds == [(1, "ended", 60), (2, "ended", 120), (3, "ended", 180), (4, "ended", 240),
                                  (5, "ended", 300), (6, "ended", None)]  # fmt: skip
    assert last.rounds == RoundCounts(completed=6, writes=6, reads=12)
    assert last.exit_code == 0


async def test_the_last_round_begins_when_the_time_has_come_though_none_was_due() -> None:
    rounds = Rounds([])
    await rounds.run(every=200)
    assert rounds.began == [0, 200, 300]


async def test_a_round_that_takes_long_leaves_out_those_it_overlaps_and_is_the_last_where_it_goes_beyond() -> None:
    rounds = Rounds([], each=lambda at: (130, 1, 500)[at] if at < 3 else 1)
    await rounds.run()
    assert rounds.began == [0, 180, 240]


async def test_the_network_and_a_locked_quota_are_told_and_the_next_round_goes_on() -> None:
    locked = SourceError("Cognito asks for a pause", code="retry_later")
    rounds = Rounds([OUTAGE, result(created=1), locked, result(stopped="retry_later"), result(stopped="max_failures")])
    last = await rounds.run()
    assert [what for _, what, _ in rounds.told.rounds] == [
        "unreachable", "ended", "retry_later", "retry_later", "max_failures", "ended",
    ]  # fmt: skip
    assert last.rounds == RoundCounts(completed=4, failed=2, writes=4, reads=8, last_error="retry_later")
    assert (last.stopped, last.exit_code) == (None, 0)


async def test_where_the_last_round_is_given_up_nobody_says_that_all_is_done() -> None:
    rounds = Rounds([result(), result(), result(), result(), result(), OUTAGE])
    last = await rounds.run()
    assert (last.stopped, last.converged, last.exit_code) == ("unreachable", False, 3)
    assert last.warnings == ("the last round was given up: WorkOS cannot be reached; run again",)
    assert last.rounds == RoundCounts(completed=5, failed=1, writes=5, reads=10, last_error="unreachable")


async def test_where_no_round_was_completed_it_ends_as_one_apply_would() -> None:
    rounds = Rounds([OUTAGE] * 6)
    with pytest.raises(TargetError):
        await rounds.run()
    assert len(rounds.began) == 6


@pytest.mark.parametrize("at", [0, 2])
async def test_what_a_person_has_to_mend_ends_it(at: int) -> None:
    guard = GuardRefused("too many left", code="max_left_source")
    rounds = Rounds([*[result()] * at, guard])
    if at == 0:
        with pytest.raises(GuardRefused):
            await rounds.run()
    else:
        last = await rounds.run()
        assert (last.stopped, last.exit_code) == ("max_left_source", 3)
    assert rounds.told.rounds[-1] == (at + 1, "max_left_source", None)


@pytest.mark.parametrize("code", ["unauthorized", "forbidden", "disk_full"])
async def test_a_run_that_stopped_for_what_the_next_would_meet_as_well_is_the_last(code: str) -> None:
    rounds = Rounds([result(), result(stopped=code)])
    last = await rounds.run()
    assert (last.stopped, last.exit_code, len(rounds.began)) == (code, 3, 2)


async def _interrupted(rounds: Rounds, **given: Any) -> ApplyResult:
    running = asyncio.ensure_future(rounds.clock.run(rounds.run(**given)))
    while not rounds.began:
        await asyncio.sleep(0)
    rounds.stop.request("interrupted")
    return await running


async def test_whoever_interrupts_the_sleep_gets_the_last_result() -> None:
    rounds = Rounds([result(created=1)])
    last = await _interrupted(rounds)
    assert (last.exit_code, last.stopped, last.users["created"]) == (130, "interrupted", 1)
    assert last.rounds == RoundCounts(completed=1, writes=1, reads=2)
    assert len(rounds.began) == 1


async def test_whoever_interrupts_the_reading_of_a_later_round_gets_the_result_of_the_one_before() -> None:
    rounds = Rounds([result(created=1), Interrupted("interrupted while reading")])
    last = await rounds.run()
    assert (last.exit_code, last.stopped, last.warnings) == (130, "interrupted", ())
    assert last.rounds == RoundCounts(completed=1, writes=1, reads=2)
    with pytest.raises(Interrupted):
        await Rounds([Interrupted("interrupted while reading")]).run()


def test_a_round_stops_with_the_whole_and_for_reasons_of_its_own() -> None:
    whole = Stop()
    first = whole.for_round()
    first.request("max_failures")
    assert whole.reason is None
    second = whole.for_round()
    whole.request("interrupted")
    assert (first.reason, second.reason, whole.for_round().reason) == ("max_failures", "interrupted", "interrupted")


def test_the_result_shows_rounds_only_where_there_were_some() -> None:
    assert "rounds" not in result().to_json()
    assert replace(result(), rounds=RoundCounts(2, 1, 3, 4, "unreachable", "go")).to_json()["rounds"] == {
        "completed": 2, "failed": 1, "writes": 3, "reads": 4, "last_error": "unreachable", "verdict": "go",
    }  # fmt: skip
