from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.call_errors import Ambiguous, CallFailed, Throttled, Transient
from engine.model.retries import FIRST, LONGEST, THROTTLED_TRIES, TRIES, Tries


def _delays(error: CallFailed, seed: int = 1) -> list[float]:
    tries = Tries(random.Random(seed))
    delays = []
    while (delay := tries.next_delay(error)) is not None:
        delays.append(delay)
    assert tries.count == len(delays) + 1
    return delays


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (Transient("x"), TRIES),
        (Ambiguous("x"), TRIES),
        (Throttled("x"), THROTTLED_TRIES),
        (Throttled("x", retry_after=5), THROTTLED_TRIES),
    ],
)
def test_tries_are_bounded(error: CallFailed, tries: int) -> None:
    assert len(_delays(error)) == tries - 1


@given(st.integers(0, 2**32))
def test_full_jitter(seed: int) -> None:
    for index, delay in enumerate(_delays(Transient("x"), seed), start=1):
        assert 0 <= delay <= min(LONGEST, FIRST * 2**index)


@given(st.integers(0, 2**32))
def test_never_less_than_was_asked_for(seed: int) -> None:
    assert all(5.0 <= delay <= LONGEST for delay in _delays(Ambiguous("x", retry_after=5.0), seed))
    assert all(delay == LONGEST for delay in _delays(Ambiguous("x", retry_after=500.0), seed))
    # A 429's pause is the quota's, for everybody.
    assert all(delay <= FIRST for delay in _delays(Throttled("x", retry_after=5.0), seed))


def test_throttling_does_not_use_up_the_tries_of_faults() -> None:
    tries = Tries(random.Random(1))
    for _ in range(THROTTLED_TRIES - 1):
        assert tries.next_delay(Throttled("x")) is not None
    for _ in range(TRIES - 1):
        assert tries.next_delay(Transient("x")) is not None
    assert tries.next_delay(Transient("x")) is None
    assert Tries(random.Random(1), tries=1).next_delay(Transient("x")) is None
