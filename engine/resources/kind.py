"""What a kind of resource gives to the pipeline: its rules, bound to one plan and one WorkOS environment.

Kinds whose resources fit in memory are behind `Kind`. Users and memberships, of which there may be millions, are
decided on disk; they give the runner the same kind of work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.model.outcomes import Done, ResourceRow

Action = Literal[
    "create", "update", "adopt", "unchanged", "skip", "conflict", "deactivate", "reactivate", "remove", "wait"
]
TO_DO: frozenset[Action] = frozenset({"create", "update", "adopt", "deactivate", "reactivate", "remove"})
"""Actions that are carried out; the others need no call. What waits is not of this run: nobody of it needs it."""


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """What is to be done with one resource.

    `send` is what a write would carry, for people and for the digest: no secret is in it. `workos_id` is of what
    WorkOS holds, None for what is to be created. `created_here` says that this plan made it. `fingerprint` and
    `fields` (by flat name) are of what WorkOS will hold then. `intent` is noted before the call, where the key alone
    does not tell what to look for or to take back.
    """

    kind: str
    key: str
    action: Action
    workos_id: str | None = None
    send: Mapping[str, object] = field(default_factory=dict)
    code: str | None = None
    created_here: bool = False
    fingerprint: bytes = b""
    fields: Mapping[str, str] = field(default_factory=dict)
    intent: Mapping[str, object] | None = None

    @property
    def operation(self) -> str:
        """What the claim says."""
        return self.action


class Kind(Protocol):
    """One kind, few enough resources to be held in memory.

    `foresee` comes first, and changes nothing: it reads what WorkOS holds of what the plan wants, and decides on
    each, in a fixed order. `carry_out` makes one of those changes and looks before it repeats a write whose end is
    not known. Both raise the errors of `engine.model.call_errors`; `foresee` also GuardRefused.
    """

    @property
    def name(self) -> str:
        """As in the state: see `engine.model.keys`."""
        ...

    async def foresee(self, known: Mapping[str, ResourceRow]) -> Sequence[ResourceChange]:
        """One change for each resource that the plan wants; `known` are the state's rows of this kind, by key."""
        ...

    async def carry_out(self, change: ResourceChange) -> tuple[Done, str]:
        """What the state has to record, and what the result counts: created, updated, …"""
        ...


def begun_here(row: ResourceRow | None) -> bool:
    """Whether what WorkOS holds under this key was made by this plan, or by a creation of it that was cut off."""
    if row is None:
        return False
    return bool(row.created_here) or (row.status == "claimed" and row.operation == "create")
