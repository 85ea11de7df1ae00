from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.call_errors import Ambiguous, CallFailed, Refused, Terminal, Throttled, Transient
from engine.model.retries import FIRST, LONGEST, THROTTLED_TRIES, TRIES, Tries, patiently


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


class _Calls:
    """Ends by script; what is waited is noted."""

    def __init__(self, *ends: Exception | str) -> None:
        self.ends = list(ends)
        self.waited: list[float] = []

    async def call(self) -> str:
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    async def pause(self, seconds: float) -> None:
        self.waited.append(seconds)


async def test_a_call_is_tried_again_while_it_is_worth_it() -> None:
    calls = _Calls(Transient("x"), Ambiguous("y"), "done")
    assert await patiently(calls.call, Tries(random.Random(1)), calls.pause) == "done"
    assert len(calls.waited) == 2
    for ends, error in (([Terminal("z"), "never"], Terminal), ([Transient("x")] * 3, Transient)):
        calls = _Calls(*ends)
        with pytest.raises(error):
            await patiently(calls.call, Tries(random.Random(1), tries=3), calls.pause)
    assert len(calls.waited) == 2
    calls = _Calls(Ambiguous("y"), "never")
    with pytest.raises(Ambiguous):
        await patiently(calls.call, Tries(random.Random(1)), calls.pause, again_after=(Transient,))
    assert calls.waited == []


async def test_a_write_is_looked_for_before_it_is_repeated() -> None:
    looked: list[str] = []

    async def look(failure: CallFailed) -> str | None:
        looked.append(failure.code)
        return "found" if len(looked) == 2 else None

    calls = _Calls(Ambiguous("first"), Terminal("second"), "never")
    assert await patiently(calls.call, Tries(random.Random(1)), calls.pause, look=look) == "found"
    assert looked == ["first", "second"] and len(calls.waited) == 1
    # A key that is wrong finds nothing either, and a look that fails must not lead to another write.
    calls = _Calls(Refused("no"))
    with pytest.raises(Refused):
        await patiently(calls.call, Tries(random.Random(1)), calls.pause, look=look)

    async def blind(_: CallFailed) -> str | None:
        raise Transient("blind")

    calls = _Calls(Ambiguous("first"), "never")
    with pytest.raises(Transient, match="blind"):
        await patiently(calls.call, Tries(random.Random(1)), calls.pause, look=blind)
    assert calls.ends == ["never"] and len(looked) == 2
