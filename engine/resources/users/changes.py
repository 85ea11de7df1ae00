"""What the planner takes in and gives out: a desired person, what is known of them, and the change between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from engine.model.keys import USER
from engine.model.users import TargetUser
from engine.resources.users.marks import UserMarks

UserAction = Literal["create", "update", "adopt", "unchanged", "skip", "conflict"]
# Phases of users' changes: those that give up an address, which somebody else may be waiting for, come first.
FREES_ADDRESS, THE_REST = 0, 1


@dataclass(frozen=True, slots=True)
class Desired:
    """One person as WorkOS should hold them; `fields` are flat names (`first_name`, `metadata.plan`, `external_id`).

    `flags` are metadata set at creation only and never written again (`password_reset.flag`). `invalid` says which
    fields WorkOS would not take, and why.
    """

    key: str
    email: str
    verified: bool
    fields: Mapping[str, str]
    flags: Mapping[str, str] = field(default_factory=dict)
    invalid: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What the state says of a person. `fields` are fingerprints of what was last written, by flat name.

    `claimed` is the operation that a run began and did not record, None otherwise. `handover`: the row is of
    another record, whose WorkOS user is to go over to this person. `stamp` is WorkOS's `updated_at` after our last
    write; None where others may have changed the user before it, or nobody knows. `removing`: a rollback began to
    delete the user, and no run has recorded its end.
    """

    workos_id: str | None
    status: str
    fields: Mapping[str, str]
    verified: bool
    created_here: bool
    claimed: str | None = None
    attempts: int = 0
    handover: bool = False
    stamp: str | None = None
    relation: str = "primary"  # of the row's record to this person, where it is another's
    marks: UserMarks = UserMarks()  # noqa: RUF009 - frozen
    removing: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What WorkOS holds under the person's external ID, under their address, and under a known or decided id.

    `relatives` are the external IDs of the other records of the same person.
    """

    by_external_id: TargetUser | None = None
    by_email: TargetUser | None = None
    by_id: TargetUser | None = None
    relatives: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Guard:
    """What a read of the WorkOS user must show just before the write (rules 2 and 3).

    `address` is the fingerprint of the address that the user must still have, None where that does not matter.
    `unused`: nobody may have made the account theirs, since Cognito never verified the address that they could use.
    `stamp` is as in `Known`. `begun`: an earlier try of this very write may have been done.
    """

    address: str | None = None
    unused: bool = False
    stamp: str | None = None
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What to do for one person.

    `send` holds the fields to write, flat; a value of None removes a metadata key. An empty `send` needs no
    request. `created_here` says that this plan made the WorkOS user (rule 3), `verified` what WorkOS will hold then.
    `vanished` are names whose attribute is gone in Cognito and which WorkOS keeps (rule 9). `counts_as` is how the
    result counts it once done. `stamp` is for the state where nothing is sent; `lineage`: as far as is known, all
    changes of the WorkOS user so far were ours. `because` are the reasons of `engine.model.rules`, in their order.
    `marks` say how to take the write back.
    """

    action: UserAction
    key: str
    workos_id: str | None = None
    send: Mapping[str, str | bool | None] = field(default_factory=dict)
    code: str | None = None
    created_here: bool = False
    verified: bool = False
    vanished: tuple[str, ...] = ()
    counts_as: str = ""
    guard: Guard | None = None
    stamp: str | None = None
    lineage: bool = True
    because: tuple[str, ...] = ()
    marks: UserMarks = UserMarks()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class UserWork:
    """A change to carry out, with the person that it is for and the fingerprint of all that they will hold."""

    change: Change
    desired: Desired
    fingerprint: bytes

    @property
    def kind(self) -> str:
        """Of the resource."""
        return USER

    @property
    def key(self) -> str:
        """Of the user."""
        return self.change.key

    @property
    def operation(self) -> str:
        """What the claim says: the end of a creation is still that creation, should this run not come to record it."""
        begun = self.change.action == "adopt" and self.change.created_here
        return "create" if begun else self.change.action

    @property
    def intent(self) -> Mapping[str, object]:
        """How to tell afterwards whom the write was about, and what it wrote."""
        marks = self.change.marks
        return (marks.with_whole(self.fingerprint) if self.operation == "create" else marks).to_detail()


def dump_detail(change: Change) -> bytes:
    """What the change table keeps of a user's change in `detail`, as JSON."""
    return orjson.dumps(
        {"verified": change.verified, "vanished": change.vanished, "guard": change.guard, "stamp": change.stamp,
         "lineage": change.lineage, "marks": change.marks.to_detail()}
    )  # fmt: skip


def load_detail(raw: bytes) -> dict[str, Any]:
    """The same fields of `Change` again."""
    held: dict[str, Any] = orjson.loads(raw)
    held["vanished"] = tuple(held["vanished"])
    held["guard"] = Guard(**held["guard"]) if held["guard"] else None
    held["marks"] = UserMarks.from_detail(held["marks"])
    return held
