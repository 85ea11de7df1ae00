"""The words for what a pool or an export was found to hold: counts and names, never a user's value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.model.identity_providers import IdentityProvider
from engine.model.pool_profile import PoolProfile


@dataclass(frozen=True, slots=True)
class AttributeUse:
    """How many selected users have a value of one attribute, and how many of those WorkOS's metadata cannot hold.

    `long_escaped` are those too long once what is not ASCII is written as \\uXXXX; the long ones are among them.
    """

    name: str
    users: int
    not_ascii: int = 0
    too_long: int = 0
    long_escaped: int = 0
    misfits: int = 0  # not ASCII, too long, or both


@dataclass(frozen=True, slots=True)
class DraftProvider:
    """How many selected users one identity provider stands on, and its kind by their word."""

    name: str
    kind: str
    users: int


@dataclass(frozen=True, slots=True)
class GroupUse:
    """A group. `members` is None where nobody has counted them; with `more` there are at least that many."""

    name: str
    members: int | None = None
    precedence: int | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Census:
    """Everybody who was read, each sub once. Selected are those whom the plan's defaults migrate.

    `excluded` is by reason; `statuses` counts everybody; `attributes`, `providers`, `federated`, `unverified`,
    `by_name` and the shared addresses are of the selected ones. `incomplete`: there are more names than anybody counts.
    """

    seen: int
    selected: int
    excluded: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    disabled: int = 0
    federated: int = 0
    unverified: int = 0
    by_name: int = 0
    shared_addresses: int = 0
    sharing: int = 0
    attributes: tuple[AttributeUse, ...] = ()
    providers: tuple[DraftProvider, ...] = ()
    groups: tuple[GroupUse, ...] | None = None  # None: the records carry none
    incomplete: bool = False

    @property
    def native(self) -> int:
        """Selected users with a record of their own in Cognito: with a password, unless they are passwordless."""
        return self.selected - self.federated


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read, and what would help: `right` is an IAM action where one is missing."""

    what: str
    message: str
    remedy: str
    right: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is known of a source. None: not known."""

    label: str
    live: bool
    profile: PoolProfile | None = None
    census: Census | None = None
    providers: tuple[IdentityProvider, ...] | None = None
    groups: tuple[GroupUse, ...] | None = None
    passwordless: int | None = None  # selected native users who have no password
    unread: tuple[Unread, ...] = ()
