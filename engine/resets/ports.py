"""The ports of a campaign: requests for resets and events on one side, what the state remembers on the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.ports import Clock
from engine.resets.pace import Batch

CREATED = "password_reset.created"
SUCCEEDED = "password_reset.succeeded"


@dataclass(frozen=True, slots=True)
class IssuedReset:
    """A reset that WorkOS made. Its URL is a way into the account: it never appears in a repr."""

    user_id: str
    url: str | None = field(repr=False)
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class ResetEvent:
    """An event about a user's password reset; `at` in seconds since the epoch."""

    name: str
    user_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Intent:
    """A request that was about to be made, and whose end the state does not know."""

    workos_id: str
    sub: str
    at: float


class ResetTarget(Protocol):
    """WorkOS's password resets, one call a method, with no retry. Raises the errors of `engine.targets.errors`."""

    @property
    def clock(self) -> Clock:
        """Time as WorkOS tells it, from the newest answer; ours before the first."""
        ...

    async def request(self, email: str, locale: str | None) -> IssuedReset:
        """POST /user_management/password_reset, which sends the e-mail. Raises QuotaSpent at the day's end."""
        ...

    async def events_page(
        self, names: Collection[str], since: float, until: float | None, after: str | None
    ) -> tuple[Sequence[ResetEvent], str | None]:
        """Events of these names from `since` on, oldest first, and the cursor of the next page; None at the end.

        `until` bounds the first page alone: a page by cursor may go beyond it. None: up to now.
        """
        ...


class Ledger(Protocol):
    """Who was mailed. Every method is one committed transaction: on return it survives a kill."""

    def intend(self, people: Sequence[tuple[str, str]], *, at: float, batch_at: float, run_id: str) -> None:
        """Requests for these (WorkOS id, sub) are about to be made, in the batch that began at `batch_at`."""
        ...

    def postpone(self, workos_id: str, at: float) -> None:
        """The request is only made now."""
        ...

    def record(
        self,
        *,
        sent: Iterable[tuple[str, float]] = (),
        withdrawn: Iterable[str] = (),
        failed: Iterable[tuple[str, str]] = (),
        unknown: Iterable[str] = (),
    ) -> None:
        """How intents ended: sent (id, when), not made after all, refused (id, code), or nobody can say."""
        ...

    def open_intents(self) -> list[Intent]:
        """Intents without an end, those given up as unknown included: events may tell after all."""
        ...

    def last_batch(self) -> Batch | None:
        """The newest batch."""
        ...

    def returned(self, people: Iterable[tuple[str, str]]) -> None:
        """These (WorkOS id, how) have signed in or reset; remembered for good."""
        ...
