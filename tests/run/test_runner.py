"""The runner's order: claimed on disk, called, recorded. Stops, guards, and how much is under way at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from engine.model.call_errors import QuotaSpent, Refused, Terminal
from engine.model.errors import StateError
from engine.model.outcomes import Claim, Done, NotDone, Outcome
from engine.model.users import TargetUser
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.changes import Change, Desired, UserWork
from engine.resources.users.performer import Performer
from engine.resources.users.planner import Planner
from engine.run.runner import Runner, Tally
from engine.run.stopping import FailureGuard, Stop
from tests.support.fake_target import FakeTarget
from tests.support.metered import metered

MARKS = Fingerprints(b"k" * 32)


def work(number: int, *, action: Any = "create") -> UserWork:
    sub = f"sub-{number:05}"
    desired = Desired(sub, f"{sub}@example.com", True, {"external_id": sub})
    return UserWork(Change(action, sub, created_here=True, verified=True, counts_as="created"), desired, b"mark")


class Changes:
    """The port `WorkList`: so many creations, in lists of 256; `given` says how many were handed out."""

    def __init__(self, number: int, freeing: Sequence[UserWork] = ()) -> None:
        self.number, self.freeing, self.given = number, list(freeing), 0

    def work(self, phase: int) -> Iterator[list[UserWork]]:
        if phase == 0:
            if self.freeing:
                yield self.freeing
            return
        for at in range(0, self.number, 256):
            batch = [work(number) for number in range(at, min(at + 256, self.number))]
            self.given += len(batch)
            yield batch


class StateSpy:
    """The port `Journal`, in memory; `fail_at` makes that call and later ones fail."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.claimed: set[str] = set()
        self.open: set[str] = set()
        self.ended: dict[str, Outcome] = {}
        self.most_open = 0
        self.calls = 0
        self._fail_at = fail_at

    def advance(self, outcomes: Sequence[Outcome], claims: Sequence[Claim], *, run_id: str) -> None:
        self.calls += 1
        if self._fail_at is not None and self.calls >= self._fail_at:
            raise StateError("disk full", code="state_not_writable")
        for outcome in outcomes:
            assert outcome.key in self.open, "recorded without a claim, or twice"
            self.open.remove(outcome.key)
            self.ended[outcome.key] = outcome
        for claim in claims:
            assert claim.key not in self.claimed, "claimed twice"
            self.claimed.add(claim.key)
            self.open.add(claim.key)
        self.most_open = max(self.most_open, len(self.open))


class Witness(FakeTarget):
    """Fails the test where a call is made for somebody who is not claimed on disk; `refuse` gives errors by number."""

    def __init__(self, state: StateSpy) -> None:
        super().__init__()
        self.state = state
        self.made = 0
        self.error: Any = lambda number: None
        self.hold: asyncio.Event | None = None
        self.begun = asyncio.Event()

    async def create(self, user: Any) -> TargetUser:
        assert user["external_id"] in self.state.open, "called before the claim was on disk"
        self.made += 1
        self.begun.set()
        if (error := self.error(self.made)) is not None:
            raise error
        if self.hold is not None:
            await self.hold.wait()
        await asyncio.sleep(0)
        return TargetUser(f"user_{user['external_id']}", user["email"], True, user["external_id"])


class Scene:
    def __init__(self, number: int, *, limit: Any = None, fail_at: int | None = None, freeing: Any = ()) -> None:
        self.changes = Changes(number, freeing)
        self.state = StateSpy(fail_at)
        self.fake = Witness(self.state)
        self.target = metered(self.fake)
        self.stop = Stop()
        self.shown: list[int] = []
        self.runner = Runner(
            work=self.changes, state=self.state,
            performer=Performer(self.target, Planner(MARKS), MARKS, self.target._clock), target=self.target,
            run_id="r1", stop=self.stop, guard=FailureGuard(limit), progress=self.shown.append,
        )  # fmt: skip

    async def run(self) -> Tally:
        return await asyncio.wait_for(self.runner.run(), 20)

    def ended(self, kind: type, status: str | None = None) -> set[str]:
        return {
            sub for sub, one in self.state.ended.items()
            if isinstance(one, kind) and status in (None, getattr(one, "status", None))
        }  # fmt: skip


async def test_everybody_is_claimed_called_and_recorded_once() -> None:
    scene = Scene(2000)
    tally = await scene.run()
    assert tally.counts == {"created": 2000} and scene.fake.made == 2000
    assert len(scene.ended(Done)) == 2000 and not scene.state.open
    assert scene.shown == sorted(scene.shown) and scene.shown[-1] == 2000
    # Batches: far fewer commits than users; and few are claimed ahead, however many there are.
    assert scene.state.calls < 200 and scene.state.most_open <= 128 + 256 + 128 + 64


async def test_nothing_to_do() -> None:
    scene = Scene(0)
    assert (await scene.run()).counts == {} and scene.state.calls == 0


async def test_addresses_that_are_given_up_come_first() -> None:
    scene = Scene(300, freeing=[work(99999)])
    await scene.run()
    assert next(iter(scene.state.ended)) == "sub-99999" and len(scene.state.ended) == 301


async def test_few_are_claimed_ahead_of_slow_calls() -> None:
    scene = Scene(5000)
    scene.fake.hold = asyncio.Event()
    running = asyncio.create_task(scene.runner.run())
    await asyncio.wait_for(scene.fake.begun.wait(), 10)
    assert scene.changes.given <= 128 + 2 * 256 and len(scene.state.open) == len(scene.state.claimed)
    scene.stop.request("interrupted")
    scene.fake.hold.set()
    tally = await asyncio.wait_for(running, 10)
    # Calls in flight ended and were recorded; whom nobody had called is given back; the rest was never claimed.
    assert tally.counts["created"] == scene.fake.made > 0
    assert len(scene.ended(NotDone, "released")) + scene.fake.made + len(scene.state.open) == len(scene.state.claimed)
    assert scene.ended(NotDone, "released").isdisjoint(scene.ended(Done)) and len(scene.state.open) <= 64


async def test_a_stop_before_the_start() -> None:
    scene = Scene(1000)
    scene.stop.request("interrupted")
    tally = await scene.run()
    assert tally.counts == {} and scene.fake.made == 0 and not scene.state.claimed


async def test_a_refused_key_stops_the_run_and_fails_nobody() -> None:
    scene = Scene(3000)
    scene.fake.error = lambda number: Refused("unauthorized", status=401) if number > 500 else None
    with pytest.raises(Refused):
        await scene.run()
    assert scene.stop.reason == "unauthorized"
    assert scene.runner.tally.counts["failed"] == 0 and not scene.ended(NotDone, "failed")
    assert scene.fake.made < 600 and len(scene.ended(Done)) == scene.runner.tally.counts["created"] >= 436


async def test_too_many_failures_stop_the_run_from_the_200th() -> None:
    scene = Scene(3000, limit=0.05)
    scene.fake.error = lambda number: Terminal("invalid_metadata", status=400)
    tally = await scene.run()
    assert scene.stop.reason == "max_failures"
    assert 200 <= tally.counts["failed"] <= 200 + 64 and tally.failures_total == tally.counts["failed"]
    assert {failure.code for failure in tally.failures} == {"invalid_metadata"}


async def test_few_failures_do_not() -> None:
    scene = Scene(1000, limit=0.05)
    scene.fake.error = lambda number: Terminal("invalid_metadata", status=400) if number % 25 == 0 else None
    tally = await scene.run()
    assert tally.counts == {"created": 960, "failed": 40} and scene.stop.reason is None


async def test_listed_failures_are_bounded() -> None:
    scene = Scene(1500)
    scene.fake.error = lambda number: Terminal("invalid_metadata", status=400)
    tally = await scene.run()
    assert (len(tally.failures), tally.failures_total) == (1000, 1500)


@pytest.mark.parametrize("fail_at", [1, 2, 5])
async def test_a_state_that_cannot_be_written_stops_the_run(fail_at: int) -> None:
    scene = Scene(3000, fail_at=fail_at)
    with pytest.raises(StateError):
        await scene.run()
    assert scene.stop.reason == "state_not_writable"
    # Nobody was called whose claim is not on disk (the witness would have said so), and nobody is lost.
    assert scene.fake.made <= len(scene.state.claimed) < 3000
    assert (scene.fake.made == 0) is (fail_at == 1)


async def test_any_other_end_of_a_call_is_one_users_failure() -> None:
    """An error that no write is known to end with says nothing of the others; what became of it stays open."""
    scene = Scene(300)
    scene.fake.error = lambda number: QuotaSpent("daily_quota_exceeded", status=429) if number == 100 else None
    tally = await scene.run()
    assert tally.counts == {"created": 299, "failed": 1} and scene.stop.reason is None
    assert len(scene.ended(NotDone, "claimed")) == 1 and tally.failures[0].code == "daily_quota_exceeded"


async def test_a_bug_stops_the_run_and_is_told() -> None:
    scene = Scene(3000)
    scene.fake.error = lambda number: ZeroDivisionError("bug") if number == 100 else None
    with pytest.raises(ZeroDivisionError):
        await scene.run()
    assert scene.stop.reason == "internal_error" and scene.fake.made < 300
