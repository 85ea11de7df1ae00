"""The ports: what the engine needs from a source, a target and a clock, whatever stands behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.model.groups import Group, WritableAttributes
from engine.model.identity_providers import IdentityProvider
from engine.model.pool_profile import PoolProfile
from engine.model.users import SourceUser, TargetUser


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """What a source says of itself before it is read. `estimated_users` is a hint only, None where unknown."""

    label: str  # for people: "user pool us-east-1_AbC (us-east-1)" or "3 export files"
    pool_id: str | None
    estimated_users: int | None
    # Whether users may sign in without a password (passkey, one-time code); None where nobody can say.
    passwordless: bool | None = None
    live: bool = True  # a pool that can be asked; False: files, which hold what they hold


class FactorReader(Protocol):
    """What a pool's users sign in with, one call a user. Blocking; raises SourceError."""

    @property
    def per_second(self) -> int:
        """Calls a second at most."""
        ...

    def read(self, users: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Sequence[str]]]:
        """(sub, factors to be enrolled again) of those of (sub, username) who have any."""
        ...

    def passwordless(self, users: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Subs of those of (sub, username) who sign in with something else and have no password."""
        ...


class UserSource(Protocol):
    """Where Cognito users come from.

    An implementer must give every record of the pool, in any order and in pages of any size. It may give one again
    (a chain restarted after a refused token, a user in two export files): consumers keep one record of each sub, the
    one modified last. It raises SourceError for everything that ends the reading; it retries what is worth retrying
    by itself. It never gives a part of a pool as if it were the whole.

    `warnings` holds, after reading, what a person should know.
    """

    @property
    def warnings(self) -> Sequence[str]:
        """Sentences without users' data; empty before the reading."""
        ...

    def describe(self) -> SourceDescription:
        """Contact the source once, cheaply. Raises SourceError where it cannot be read at all."""
        ...

    def profile(self) -> PoolProfile | None:
        """The pool's schema and settings; None where nobody can be asked, or the credentials may not. Blocking.

        Raises SourceError for everything but a missing right.
        """
        ...

    def groups(self) -> Sequence[Group] | None:
        """Every group, by name; None where nobody can be asked: records carry theirs. Blocking; raises SourceError."""
        ...

    def writable_attributes(self) -> WritableAttributes | None:
        """What users can write themselves by any app client; None where that cannot be read. Blocking.

        Must not leave out an app client, and takes an unclear one for one that lets its users write everything.
        Raises SourceError for everything but a missing right.
        """
        ...

    def group_members(self, group: str) -> Iterator[Sequence[str]]:
        """Usernames of one group, in pages. Raises SourceError where the group or groups are not known."""
        ...

    def identity_providers(self) -> Sequence[IdentityProvider] | None:
        """Every identity provider, by name; None where they cannot be asked for. Blocking; raises SourceError.

        Secrets are among it: never to be shown.
        """
        ...

    def factors(self) -> FactorReader | None:
        """What users sign in with; None where nobody can be asked."""
        ...

    def pages(self) -> Iterator[Sequence[SourceUser]]:
        """Every record once, in pages; blocking. Closing the iterator stops the reading."""
        ...


@dataclass(frozen=True, slots=True)
class UserChanges:
    """The fields that one update carries; None leaves a field as it is. A metadata key with None is removed.

    `clear_external_id` takes the external ID off.
    """

    email: str | None = None
    email_verified: bool | None = None
    first_name: str | None = None
    last_name: str | None = None
    external_id: str | None = None
    metadata: Mapping[str, str | None] | None = None
    clear_external_id: bool = False


class UserTarget(Protocol):
    """WorkOS, one call a method, with no retry of its own.

    Every method raises the errors of `engine.model.call_errors` and no others: Transient (was not done, may work
    later), Ambiguous (may have been done), Terminal (never will), Refused (the key or the environment is wrong).
    """

    async def create(self, user: Mapping[str, object]) -> TargetUser:
        """POST /user_management/users with these fields. A write."""
        ...

    async def update(self, user_id: str, changes: UserChanges) -> TargetUser:
        """PUT /user_management/users/{id}. A write."""
        ...

    async def get(self, user_id: str) -> TargetUser | None:
        """By WorkOS id; None where there is no such user. A read."""
        ...

    async def find_by_external_id(self, external_id: str) -> TargetUser | None:
        """By external ID; None where there is no such user. A read."""
        ...

    async def find_by_email(self, email: str) -> TargetUser | None:
        """By address, compared trimmed and lower-cased; None where there is no such user. A read."""
        ...

    async def count_identities(self, user_id: str) -> int:
        """Providers' identities that are linked to the user. A read."""
        ...

    async def count_factors(self, user_id: str) -> int:
        """The user's second factors. A read."""
        ...

    async def resets_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        """WorkOS ids of users who have reset a password, oldest first, and the cursor of the last of them.

        From `since` until `until`, or everybody after the cursor; no cursor where nobody is left. A read.
        """
        ...

    async def delete(self, user_id: str) -> None:
        """DELETE /user_management/users/{id}. A write.

        Raises Terminal: 404 where there is no such user, 409 `user_deletion_not_allowed` where WorkOS keeps it.
        """
        ...

    async def list_page(self, after: str | None) -> tuple[Sequence[TargetUser], str | None]:
        """One page of all users, oldest first, and the cursor of the next; None at the end. A read."""
        ...

    async def deleted_page(
        self, since: datetime, until: datetime, after: str | None
    ) -> tuple[Sequence[str], str | None]:
        """WorkOS ids of users who were deleted, oldest first; range and cursor as in `resets_page`. A read."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class Clock(Protocol):
    """Time and waiting, passed in so that no test sleeps."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let others run for that long."""
        ...


Progress = Callable[[int], None]


def shown_to_nobody(_: int) -> None:
    """Progress of what takes no time, or of what nobody looks at."""
