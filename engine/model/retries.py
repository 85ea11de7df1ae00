"""How a call is tried again, and how long to wait before: exponential, full jitter, no less than the server asks for.

Neither tenacity nor stamina: a Retry-After is one pause for everybody (the quota's), a write whose end is not known
needs a look between tries, and the clock and a run's stop are passed in.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.model.call_errors import Ambiguous, CallFailed, Refused, Throttled, Transient

T = TypeVar("T")

FIRST, LONGEST = 0.2, 20.0
# Bounded tries of one call; a 429 says nothing against the call itself, so it may come more often.
TRIES, THROTTLED_TRIES = 8, 25


class Tries:
    """Counts one call's tries and says how long to wait, in seconds, or None when it is enough."""

    def __init__(self, rng: random.Random, *, tries: int = TRIES) -> None:
        self._rng = rng
        self._tries = tries
        self._failed = 0
        self._throttled = 0

    @property
    def count(self) -> int:
        """Tries that have failed so far."""
        return self._failed + self._throttled

    def next_delay(self, error: CallFailed) -> float | None:
        """After this failure."""
        if isinstance(error, Throttled):
            self._throttled += 1
            if self._throttled >= THROTTLED_TRIES:
                return None
            if error.retry_after:
                # The pause itself is the quota's, for everybody; this only spreads those who waited.
                return self._rng.uniform(0, FIRST)
            exponent = self._throttled
        else:
            self._failed += 1
            if self._failed >= self._tries:
                return None
            exponent = self._failed
        jittered = self._rng.uniform(0, min(LONGEST, FIRST * 2**exponent))
        return max(jittered, min(error.retry_after or 0.0, LONGEST))


async def patiently(
    call: Callable[[], Awaitable[T]],
    tries: Tries,
    pause: Callable[[float], Awaitable[None]],
    *,
    again_after: tuple[type[CallFailed], ...] = (Transient, Ambiguous),
    look: Callable[[CallFailed], Awaitable[T | None]] | None = None,
) -> T:
    """The call's answer, or its last error once the tries are used up. Only `again_after` is worth another try.

    `look` is for a write: it says what is there by now, before the write is repeated or given up, and None where
    there is nothing; what it raises ends the tries. `pause` waits that many seconds, or raises where nobody may wait.
    """
    while True:
        try:
            return await call()
        except CallFailed as error:
            failure = error
        if look is not None and not isinstance(failure, Refused):
            found = await look(failure)
            if found is not None:
                return found
        delay = tries.next_delay(failure) if isinstance(failure, again_after) else None
        if delay is None:
            raise failure
        await pause(delay)
