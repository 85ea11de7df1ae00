"""What goes into the state for a resource: a claim before a call, an outcome after it, and the row that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

# No ID of a user pool has one.
_BETWEEN_POOLS = ","

Operation = Literal["create", "update", "adopt"]


@dataclass(frozen=True, slots=True)
class StateIdentity:
    """Whom a state belongs to: another plan, pool, destination or environment may not use it (rule 13).

    `pool` is the user pool's ID, or those of all pools by `join_pools`; never a name that a plan gives to one.
    """

    plan: str
    pool: str
    destination: str
    environment: str | None = None  # as the plan names it; None where it does not

    @property
    def pools(self) -> tuple[str, ...]:
        """The ID of each pool."""
        return tuple(self.pool.split(_BETWEEN_POOLS))


def join_pools(pools: Iterable[str]) -> str:
    """The IDs of pools as one text, whatever their order."""
    return _BETWEEN_POOLS.join(sorted(pools))


@dataclass(frozen=True, slots=True)
class Claim:
    """A call is about to be made for this resource; committed before the call.

    `detail` is what tells, should no run see the call's end, whom it was about and what it wrote; None: what is noted
    stays.
    """

    kind: str
    key: str
    operation: str
    detail: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """WorkOS holds what was desired; `fields` are fingerprints by flat name.

    `stamp` is WorkOS's `updated_at` after our last write, None where others may have changed the resource before it.
    `verified` and `flagged` are users' alone; `detail` is what a kind keeps beside, as JSON.
    """

    kind: str
    key: str
    workos_id: str
    operation: str
    fingerprint: bytes
    fields: Mapping[str, str]
    created_here: bool
    attempts: int
    verified: bool = False
    flagged: bool = False
    stamp: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotDone:
    """The resource ended as failed, conflict, skipped or gone, was let go of (released) without a call,
    or is there no more (removed): its row goes, and so do those of records that were merged into it.

    `claimed`: failed, and whether the write was done is not known; the next run looks first. `leftover` is the WorkOS
    id of something that was made otherwise than asked and could not be deleted again; with `removed`, of an orphan
    that is there no more.
    """

    kind: str
    key: str
    status: Literal["failed", "conflict", "skipped", "gone", "released", "claimed", "removed"]
    code: str | None
    attempts: int = 0
    leftover: str | None = None


Outcome = Done | NotDone


class ResourceRow(NamedTuple):
    """One resource as the state holds it, column by column.

    A tuple: a million of them go from one database into another as they are. `fields` and `detail` are JSON, which
    only who needs it decodes. `created_here`, `verified`, `flagged`, `password` and `left_source` are 0 or 1.
    """

    kind: str
    key: str
    workos_id: str | None = None
    relation: str = "primary"  # merged, unverified: another record speaks for the person
    primary_key: str | None = None  # of that record
    status: str = "done"  # claimed, done, failed, conflict, skipped, gone
    operation: str | None = None  # of the claim, or of the last write
    created_here: int = 0
    verified: int = 0
    flagged: int = 0
    password: int = 0
    fingerprint: bytes | None = None
    fields: str | None = None
    stamp: str | None = None
    attempts: int = 0
    error_code: str | None = None
    run_id: str | None = None
    changed_at: float | None = None
    left_source: int = 0
    detail: str | None = None


class Orphan(NamedTuple):
    """A user of WorkOS whose record was merged into another one's, or who was made otherwise than asked."""

    workos_id: str
    key: str
    run_id: str
