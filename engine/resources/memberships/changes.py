"""What is known of a membership before it is decided about, and the change that comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from engine.resources.memberships.port import HeldMembership

MembershipAction = Literal[
    "create", "update", "unchanged", "deactivate", "reactivate", "remove", "conflict", "skip", "wait"
]
Left = Literal["disabled", "deleted", "filtered"]

# WorkOS's membership of the user in the organization, in any status; "absent": looked for and not there; "unknown":
# nobody has looked.
FoundMembership = HeldMembership | Literal["absent", "unknown"]

# Actions that must be decided again upon what a look just before the write shows: creating one activates one that is
# inactive (docs), and only what was switched off by us is switched on by us.
LOOK_FIRST: frozenset[MembershipAction] = frozenset({"create", "deactivate", "reactivate"})


@dataclass(frozen=True, slots=True)
class Standing:
    """The user of a membership, and the organization, as far as they are settled.

    `ours`: made by this plan or linked under rules 6 and 7, or about to be, and no conflict now. `organization`: it
    is there, or about to be. `verified`: a record of theirs has verified the address. `inside`: it lies in a domain
    of the organization that the plan or WorkOS calls verified. `left`: why nobody selects the user any more, None for
    who is selected.
    """

    ours: bool = True
    organization: bool = True
    verified: bool = False
    inside: bool = False
    left: Left | None = None
    waits: bool = False  # it is not the user's turn


@dataclass(frozen=True, slots=True)
class KnownMembership:
    """What the state says. `roles` are those that the plan asked for when ours was last written, or that another's had.

    `created_here`: this plan made it. `off`: this plan switched it off, and `stamp` is WorkOS's `updated_at` after our
    last write to it since, None where that is not known. `gone`: it was deleted in WorkOS. `claimed` is
    the operation that a run began and did not record, `begun_at` when (seconds since the epoch). A claimed one must
    be looked for before it is decided about. `workos_id` is None for one that was never found nor made.
    """

    workos_id: str | None
    roles: tuple[str, ...] = ()
    created_here: bool = False
    off: bool = False
    gone: bool = False
    claimed: str | None = None
    begun_at: float | None = None
    stamp: str | None = None


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """What to do. `roles` are those to write; a creation with () gets WorkOS's default role.

    Without `roles` an update writes nothing and is recorded, a reactivation writes no roles. `code` says why, for a
    conflict, a skip, and an `unchanged` that a person should know of. `created_here`, `off`, `stamp` and `wanted` (the
    next `KnownMembership.roles`) are for the state once it is done. `revoke`: end all sessions of the user as well.
    `finished`: the end of a creation that an earlier run began, and counted as such.
    """

    action: MembershipAction
    workos_id: str | None = None
    roles: tuple[str, ...] | None = None
    code: str | None = None
    created_here: bool = False
    off: bool = False
    wanted: tuple[str, ...] = ()
    revoke: bool = False
    finished: bool = False
    stamp: str | None = None

    @property
    def look_first(self) -> bool:
        """Whether it must be decided again upon a look just before the write."""
        # A write to what we switched off gives it a new stamp, under which another's writes before would be hidden.
        return self.action in LOOK_FIRST or (self.action == "update" and self.off)

    def after(self, seen: HeldMembership | None, written: HeldMembership) -> MembershipChange:
        """The change with the stamp that its write left; `seen` is what the look before it showed."""
        if not self.off:
            return self
        if self.action != "deactivate" and (seen is None or seen.updated_at != self.stamp):
            # Others have changed it since we switched it off: the old stamp goes on saying so.
            return self
        return replace(self, stamp=written.updated_at)


def membership_content(
    key: str, action: str, workos_id: str | None, code: str | None, roles: Sequence[str] | None
) -> bytes:
    """All that is decided on a membership, for the digest: the same for the same decision."""
    return orjson.dumps([key, action, workos_id, code, roles])
