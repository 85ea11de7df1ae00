"""Words and ports of a reset campaign: who may be mailed, requests and events, and what the state remembers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from engine.model.keys import written_user
from engine.model.ports import Clock

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
class Batch:
    """A batch that began at `began` and has mailed `used` users."""

    began: float
    used: int


@dataclass(frozen=True, slots=True)
class Intent:
    """A request that was about to be made, and whose end the state does not know."""

    workos_id: str
    key: str
    at: float


@dataclass(frozen=True, slots=True)
class Mail:
    """What the state knows of e-mails to a user; `sent_at` is of the last one known to be sent."""

    status: str  # intended, sent, unknown, failed
    sent_at: float | None


class MailRow(NamedTuple):
    """The same, as the state holds it, by WorkOS id."""

    workos_id: str
    status: str
    sent_at: float | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One selected person of the pool, beside their WorkOS user.

    `passwords` are (UserStatus, enabled) of the person's records with a password; `joins`: federated, by a provider
    that WorkOS lacks. `email` is WorkOS's, which is where the e-mail goes; None where there is no such user.
    """

    key: str
    workos_id: str | None
    email: str | None = field(repr=False)
    passwords: tuple[tuple[str, bool], ...]
    joins: bool = False
    enabled: bool = True
    verified: bool = True
    returned: bool = False
    mail: Mail | None = None
    placeholder: bool = False  # has no address: the plan made one up


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to mail. Address and name never appear in a repr."""

    workos_id: str
    key: str
    email: str = field(repr=False)
    name: str | None = field(default=None, repr=False)
    pools: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)  # names by ID, of several

    @property
    def sub(self) -> str:
        """What people know the user by."""
        return written_user(self.pools, self.key)


class ResetTarget(Protocol):
    """WorkOS's password resets, one call a method, with no retry. Raises the errors of `engine.model.call_errors`."""

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
        """Requests for these (WorkOS id, key) are about to be made, in the batch that began at `batch_at`."""
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
