"""The budget: no second holds more than the figure, and hardly less is used."""

from __future__ import annotations

import heapq
import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cognito.pacing import Pacer
from tests.support.fake_time import FakeTime


def simulate(limit: float, chains: int, answers: list[float], requests: int, late: float = 0.0) -> list[float]:
    """Sends at which `chains` readers, each waiting for its answer, would leave."""
    fake = FakeTime()
    pacer = Pacer(limit, clock=fake.clock)
    ready = [fake.now] * chains
    sent = []
    for number in range(requests):
        fake.now = max(fake.now, heapq.heappop(ready))
        pacer.take(lambda seconds: fake.sleep(seconds + late))
        sent.append(fake.now)
        heapq.heappush(ready, fake.now + answers[number % len(answers)])
    return sent


def fullest(sent: list[float], window: float = 1.0) -> int:
    most, start = 0, 0
    for end, at in enumerate(sent):
        while sent[start] <= at - window:
            start += 1
        most = max(most, end - start + 1)
    return most


@given(
    limit=st.integers(1, 120),
    chains=st.integers(1, 16),
    answers=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=20),
    late=st.floats(0.0, 0.2),
)
def test_no_second_holds_more_than_the_figure(limit: int, chains: int, answers: list[float], late: float) -> None:
    assert fullest(simulate(limit, chains, answers, 300, late)) <= limit


@given(limit=st.floats(0.1, 40.0, exclude_min=True))
def test_a_fraction_is_rounded_up(limit: float) -> None:
    sent = simulate(limit, 4, [0.08], 120)
    assert fullest(sent) <= -(-limit // 1)


@pytest.mark.parametrize("limit", [1, 5, 10, 25, 30, 60, 120])
@pytest.mark.parametrize("late", [0.0, 0.002])
def test_reaches_95_percent_with_answers_of_80_ms(limit: int, late: float) -> None:
    sent = simulate(limit, 16, [0.08], 1000, late)
    assert 999 / (sent[-1] - sent[0]) >= 0.95 * limit


def test_requests_are_spaced_evenly_and_idling_saves_nothing_up() -> None:
    fake = FakeTime()
    pacer = Pacer(25, clock=fake.clock)
    pacer.take(fake.sleep)
    fake.now += 60
    sent = []
    for _ in range(10):
        pacer.take(fake.sleep)
        sent.append(fake.now)
    gaps = [after - before for before, after in itertools.pairwise(sent)]
    assert min(gaps) >= 0.5 / 25
    assert gaps[1:] == pytest.approx([1 / (25 * 0.97)] * 8)


def test_throttling_narrows_for_all_once_and_recovers() -> None:
    fake = FakeTime()
    pacer = Pacer(20, clock=fake.clock)
    for _ in range(16):
        pacer.slow_down()
    assert pacer.rate == pytest.approx(14)
    sent = []
    for _ in range(400):
        pacer.take(fake.sleep)
        sent.append(fake.now)
    assert sent[10] - sent[0] == pytest.approx(10 / (14 * 0.97), rel=0.05)
    assert pacer.rate == 20
    assert fullest(sent) <= 20


def test_never_narrows_to_nothing() -> None:
    fake = FakeTime()
    pacer = Pacer(20, clock=fake.clock)
    for _ in range(100):
        fake.now += 2
        pacer.slow_down()
    assert pacer.rate == pytest.approx(1)


@pytest.mark.parametrize("limit", [None, 25])
def test_retry_after_holds_everybody(limit: float | None) -> None:
    fake = FakeTime()
    pacer = Pacer(limit, clock=fake.clock)
    pacer.take(fake.sleep)
    pacer.slow_down(retry_after=7)
    start = fake.now
    pacer.take(fake.sleep)
    assert fake.now - start == pytest.approx(7)


def test_without_a_figure_nothing_waits() -> None:
    fake = FakeTime()
    pacer = Pacer(None, clock=fake.clock)
    for _ in range(100):
        pacer.take(fake.sleep)
    assert fake.slept == []
    assert pacer.rate is None


def test_a_turn_is_given_back_when_the_reader_leaves() -> None:
    fake = FakeTime()
    pacer = Pacer(1, clock=fake.clock)
    pacer.take(fake.sleep)

    def leave(_seconds: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        pacer.take(leave)
    pacer.take(fake.sleep)


class RecordingPacer(Pacer):
    """Notes the turns themselves: a thread may be held up between its turn and its own look at the clock."""

    def __init__(self, per_second: float) -> None:
        super().__init__(per_second)
        self.turns: list[float] = []

    def _note_sent(self, now: float) -> None:
        self.turns.append(now)
        super()._note_sent(now)


def test_threads_share_one_budget() -> None:
    pacer = RecordingPacer(200)

    def work() -> None:
        for _ in range(20):
            pacer.take()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pacer.turns) == 320
    assert fullest(pacer.turns) <= 200
