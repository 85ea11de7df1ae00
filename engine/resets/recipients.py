"""What a run says of everybody who is to be mailed: the words that planning and sending share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from engine.model.resets import Recipient

# WorkOS's code for the day's e-mails being used up: a run ends there, and goes on tomorrow.
QUOTA_SPENT = "daily_quota_exceeded"


@dataclass(slots=True)
class Due:
    """Who is due, in order of key, and how many are not, by reason."""

    people: list[Recipient] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class SendTally:
    """What a run did. `stopped` says why it ended before its time, `next_at` when the next e-mails are due."""

    sent: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    left: int = 0
    passwordless: int = 0  # found to have no password just before their e-mail
    stopped: str | None = None
    next_at: float | None = None
    files: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
