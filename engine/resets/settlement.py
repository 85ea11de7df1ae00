"""How a request whose end is not known ended, told by WorkOS's events. Pure."""

from __future__ import annotations

from typing import Literal

Settled = Literal["sent", "not_sent", "wait", "unknown"]

# WorkOS keeps events for 90 days (docs, events API); a day is left for clocks and for reading.
KEPT = 89 * 86_400.0
# Without an event so long after the intent, there was no request.
CERTAIN_AFTER = 60.0
# Our clock may run ahead of WorkOS's: an event a little before the intent is taken for its own. At worst the user
# had asked for a reset themselves a minute before, and has an e-mail.
SKEW = 60.0


def settle(intent_at: float, event_at: float | None, now: float, *, readable: bool) -> Settled:
    """What became of an intent; `event_at` is the time of the user's newest `password_reset.created`."""
    if event_at is not None and event_at >= intent_at - SKEW:
        return "sent"
    if not readable:
        return "unknown"
    return "not_sent" if now - intent_at >= CERTAIN_AFTER else "wait"
