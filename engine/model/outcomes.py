"""What goes into the state for a user: a claim before a call, an outcome after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Operation = Literal["create", "update", "adopt"]


@dataclass(frozen=True, slots=True)
class StateIdentity:
    """Whom a state belongs to: another plan, pool or destination may not use it (rule 13)."""

    plan: str
    pool: str
    destination: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A call is about to be made for this user; committed before the call."""

    sub: str
    operation: str  # an Operation


@dataclass(frozen=True, slots=True)
class Done:
    """WorkOS holds what was desired; `fields` are fingerprints by flat name.

    `stamp` is WorkOS's `updated_at` after our last write, None where others may have changed the user before it.
    """

    sub: str
    workos_id: str
    operation: Operation
    fingerprint: bytes
    fields: Mapping[str, str]
    verified: bool
    created_here: bool
    flagged: bool
    attempts: int
    stamp: str | None = None


@dataclass(frozen=True, slots=True)
class NotDone:
    """The user ended as failed, conflict, skipped or gone, or was let go of (released) without a call.

    `claimed`: failed, and whether the write was done is not known; the next run looks first. `leftover` is the WorkOS
    id of a user who was made otherwise than asked and could not be deleted again.
    """

    sub: str
    status: Literal["failed", "conflict", "skipped", "gone", "released", "claimed"]
    code: str | None
    attempts: int = 0
    leftover: str | None = None


Outcome = Done | NotDone
