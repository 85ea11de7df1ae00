"""The plan file's content as frozen values: what the loader hands on and everybody else reads.

Values are resolved (`${NAME}` replaced, defaults filled in) and checked; nobody after the loader checks them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from engine.model.keys import NO_POOL
from engine.plan_file.organizations import Organizations
from engine.plan_file.providers import OAuthChecks, ProviderSpec
from engine.plan_file.written import WrittenAttribute

Preference = Literal["native", "federated", "newest", "oldest"]
WhenInvalid = Literal["error", "omit", "escape"]
ExistingUsers = Literal["adopt", "update", "skip", "error"]
ResetStrategy = Literal["on_next_sign_in", "email", "none"]

DEFAULT_BASE_URL = "https://api.workos.com"

NAMELESS_POOL = NO_POOL
"""What a pool is called that has neither a name nor an ID."""

DEFAULT_STATUSES = frozenset({"CONFIRMED", "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED", "EXTERNAL_PROVIDER"})


@dataclass(frozen=True, slots=True)
class CognitoSource:
    """A live user pool. `requests_per_second` is None for no pacing."""

    user_pool_id: str
    region: str
    profile: str | None = None
    role_arn: str | None = None
    endpoint_url: str | None = None
    requests_per_second: float | None = 25


@dataclass(frozen=True, slots=True)
class ExportSource:
    """Files that hold a pool's users. `files` are the patterns as written; `base` is the plan file's folder."""

    files: tuple[str, ...]
    base: Path
    user_pool_id: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """WorkOS's limits on what a user may hold; the docs' figures unless the plan raises them."""

    metadata_keys: int = 10
    external_id_length: int = 64
    metadata_key_length: int = 40
    metadata_value_length: int = 600


@dataclass(frozen=True, slots=True)
class Destination:
    """A WorkOS environment. `api_key` never appears in a repr. Quotas are None for no pacing."""

    client_id: str
    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    environment: Literal["production", "staging"] | None = None
    writes_per_10s: int | None = 450
    reads_per_10s: int | None = 900
    requests_per_60s: int | None = 5700
    limits: Limits = Limits()
    redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """One attribute's test: exactly one of the five is set. `matches` is a search in the normalised value."""

    name: str
    any_of: tuple[str, ...] | None = None  # `in` in the plan file
    not_in: tuple[str, ...] | None = None
    matches: str | None = None
    not_matches: str | None = None
    exists: bool | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A stable part of the people, `percent` of them (more than 0, at most 100), by a hash of seed and sub."""

    percent: float
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Cohort:
    """A wave of people, due from the beginning of the day `starts` (UTC) on.

    Who is in one of `groups` (where there are any) and passes all `attributes` belongs to it; with neither it is
    everybody. The first cohort that fits a person counts; who fits none is not due.
    """

    name: str
    starts: date  # `from` in the plan file
    groups: tuple[str, ...] = ()
    attributes: tuple[AttributeFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """Who is migrated. `created_after` is inclusive, `created_before` exclusive, both aware (UTC).

    `sample` and `cohorts` say who is due, and are the same for all pools of a plan: they are about people, and a person
    may have records in several.
    """

    status: frozenset[str] = DEFAULT_STATUSES
    enabled: bool | None = True  # None: any
    created_after: datetime | None = None
    created_before: datetime | None = None
    groups_any: tuple[str, ...] = ()
    groups_none: tuple[str, ...] = ()
    attributes: tuple[AttributeFilter, ...] = ()
    allow_empty: bool = False  # a plan that selects nobody of a pool that has users is meant
    sample: Sample | None = None
    cohorts: tuple[Cohort, ...] = ()

    @property
    def in_waves(self) -> bool:
        """Whether not everybody who is selected has their turn at once."""
        return self.sample is not None or bool(self.cohorts)

    @property
    def need_groups(self) -> bool:
        """Whether group membership must be known to filter."""
        return bool(self.groups_any or self.groups_none or any(one.groups for one in self.cohorts))


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Where one WorkOS field's value comes from.

    Exactly one of `sources` (the first attribute that has a value wins), `template` and `constant` is set; in a
    template {pool} is the user pool's ID. `translate` is the plan's `map`: a value that it lacks counts as missing.
    `default` is used when nothing else gives a value. `split` (first and last name only) is the attribute of a whole
    name, for users who have neither of the two. `optional`: no user of the pool needs to have the attributes.
    `trust_writable` (external ID only): the attributes count although users can write them themselves.
    """

    sources: tuple[str, ...] = ()
    template: str | None = None
    translate: Mapping[str, str] | None = None
    default: str | None = None
    when_invalid: WhenInvalid = "error"
    split: str | None = None
    constant: str | None = None  # `const` in the plan file
    optional: bool = False
    trust_writable: bool = False


@dataclass(frozen=True, slots=True)
class Attributes:
    """WorkOS fields and where they come from; a field set to None is not migrated."""

    email: FieldMapping = FieldMapping(sources=("email",))
    email_verified: FieldMapping | None = FieldMapping(sources=("email_verified", "emailVerified"))
    first_name: FieldMapping | None = FieldMapping(sources=("given_name",))
    last_name: FieldMapping | None = FieldMapping(sources=("family_name",))
    external_id: FieldMapping = FieldMapping(sources=("sub",))
    metadata: Mapping[str, FieldMapping] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pool:
    """One user pool of the plan with everything that holds for it alone.

    `name` is what the plan file calls it; where `source` is no list it is the user pool's ID, or "export files".
    `organization` is the external ID for all its users, under `organizations.from: pool`.
    """

    name: str
    source: CognitoSource | ExportSource
    organization: str | None = None
    filters: Filters = Filters()
    attributes: Attributes = Attributes()

    @property
    def key(self) -> str:
        """What the keys of its users begin with: the user pool's ID, never the name."""
        return self.source.user_pool_id or NO_POOL


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What becomes of several records with one address (rules 4 and 5)."""

    strategy: Literal["merge", "error"] = "merge"
    prefer: tuple[Preference, ...] = ("native", "newest")
    allow_unverified: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """A single case settled in git. `user_id` (WorkOS) is set for `adopt` only; `line` and `column` are its place.

    `pool` is the pool's name in the plan file, set where `source` is a list of several.
    """

    sub: str
    action: Literal["skip", "primary", "adopt"]
    user_id: str | None = None
    because: str | None = None
    pool: str | None = None
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Hours:
    """When e-mails may go out: minutes of the day, local time. `closes` before `opens` means over midnight.

    `days` are those on which it opens, Monday is 0.
    """

    opens: int
    closes: int
    days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class ResetEmail:
    """Password-reset e-mails. `every` is in seconds; no `hours`: at any time; `timezone` is an IANA name."""

    send: Literal["manual", "after_apply"] = "manual"
    batch: int = 500
    every: float = 3600
    hours: Hours | None = None
    timezone: str = "UTC"
    status: frozenset[str] = frozenset({"CONFIRMED", "RESET_REQUIRED", "FORCE_CHANGE_PASSWORD"})
    unverified: bool = False
    locale: str | None = None
    deliver: Literal["workos", "file"] = "workos"
    allow_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """`flag` is the metadata key set to "true" under `on_next_sign_in`; `email` counts under `email`."""

    strategy: ResetStrategy = "none"
    flag: str = "password_reset_pending"
    email: ResetEmail = ResetEmail()


@dataclass(frozen=True, slots=True)
class Safety:
    """Guards of a run; a figure is a number of users (int) or a share of them (float, 0 to 1). None: no guard."""

    max_changes: int | float | None = None
    max_failures: int | float | None = 0.05
    max_left_source: int | float | None = 0.05
    max_updates: int | float | None = 0.3


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole plan file. `path` is the file as the user named it; relative paths in it count from its folder.

    `source`, `filters` and `attributes` are those of the first of `pools`. Without `pools` they make up the only one.
    """

    name: str
    path: Path
    source: CognitoSource | ExportSource
    destination: Destination
    state_path: Path
    filters: Filters = Filters()
    attributes: Attributes = Attributes()
    duplicates: Duplicates = Duplicates()
    existing_users: ExistingUsers = "adopt"
    decisions: tuple[Decision, ...] = ()
    oauth: OAuthChecks = field(default_factory=OAuthChecks)
    providers: Mapping[str, ProviderSpec] | None = None  # by name; None: the plan has no `oauth_providers`
    trusted_providers: frozenset[str] = frozenset()  # OIDC and SAML providers with `trust_email: true`
    password_reset: PasswordReset = PasswordReset()
    mfa: Literal["ignore", "report"] = "ignore"
    safety: Safety = Safety()
    keep_snapshot: bool = False
    pools: tuple[Pool, ...] = ()
    organizations: Organizations = field(default_factory=Organizations)
    disabled: Literal["skip", "deactivate"] = "skip"
    left: Literal["report", "deactivate"] = "report"
    no_email: Literal["skip", "placeholder"] = "skip"
    written_attributes: tuple[WrittenAttribute, ...] = ()  # names that the plan file itself has, with their places
    placeholder: str | None = None  # an address with {sub} in it, lower-cased; set with `no_email: placeholder` only

    def __post_init__(self) -> None:
        """Make the only pool where none is given; two truths about the first one are refused."""
        if not self.pools:
            name = self.source.user_pool_id or NAMELESS_POOL
            only = Pool(name, self.source, None, self.filters, self.attributes)
            object.__setattr__(self, "pools", (only,))
        first = self.pools[0]
        if (first.source, first.filters, first.attributes) != (self.source, self.filters, self.attributes):
            raise ValueError("the first of pools has another source, filters or attributes than the plan")
