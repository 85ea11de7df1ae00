"""How quickly: batches and the time between them, and WorkOS's limit for one address. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from engine.model.resets import Batch

# WorkOS takes three password resets per 60 s and address (docs, rate limits).
_PER_ADDRESS, _PERIOD = 3, 60.0


@dataclass(frozen=True, slots=True)
class Turn:
    """From `at` on, `room` users may be mailed in the batch that began, or begins, at `began`."""

    at: float
    room: int
    began: float


def next_turn(last: Batch | None, now: float, *, batch: int, every: float) -> Turn:
    """The rest of the last batch, else a new one once `every` seconds have passed since the last began.

    A clock that was set back since lets nobody wait longer than `every`.
    Batches that nobody sent in time are not made up for: `every` is a promise to the mail servers behind it.
    """
    due = now if last is None else max(now, min(last.began, now) + every)
    if last is not None and last.used < batch and due > now:
        return Turn(now, batch - last.used, last.began)
    return Turn(due, batch, due)


class AddressLimit:
    """Never more than three requests for one user in a minute, refused ones included."""

    def __init__(self) -> None:
        self._asked: dict[str, deque[float]] = {}

    def delay(self, user: str, now: float) -> float:
        """Seconds until one more may be asked for."""
        asked = self._asked.get(user)
        if asked is None or len(asked) < _PER_ADDRESS:
            return 0.0
        return min(max(0.0, asked[0] + _PERIOD - now), _PERIOD)

    def note(self, user: str, now: float) -> None:
        """One is being asked for."""
        self._asked.setdefault(user, deque(maxlen=_PER_ADDRESS)).append(now)
