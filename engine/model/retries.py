"""How long to wait before the next try: exponential, with full jitter, never less than the server asked for."""

from __future__ import annotations

import random

from engine.model.call_errors import CallFailed, Throttled

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
