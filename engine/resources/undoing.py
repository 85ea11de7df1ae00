"""The way back of one resource: what becomes of it, in words that all kinds share. Their rules stand in their folders.

Only what this plan made is removed, only what it wrote on others' resources is taken off, and what has been used since
is kept (rule 22).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.model.outcomes import ResourceRow

UndoAction = Literal["remove", "restore", "forget", "keep", "gone", "pending"]
"""remove: delete it in WorkOS. restore: take off what this plan wrote on another's. forget: nothing of ours is in
WorkOS, the state alone lets go of it. keep: it stays, `code` says why. gone: somebody else has deleted it in WorkOS.
pending: not now, by --target or --limit."""
UNDONE: frozenset[UndoAction] = frozenset({"remove", "restore", "forget", "gone"})
"""Actions that are carried out."""
ABSENT = "absent"
"""Code of a user to be removed whom the look before did not find: nobody knows who uses them, if they are there."""
ORPHAN = "orphan"
"""Kind of a user of WorkOS who is nobody's any more; key: the WorkOS id. The state lists them apart."""
CLOCKS_APART = 300.0
"""Seconds: WorkOS's clock and ours may be that far apart, and a resource still be the one whose creation was begun."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """What is to be done with one resource.

    `begun` is the operation that its row stands claimed with, where no run has recorded what it made: it stays that
    operation, until the end of the undoing is recorded. `send` are the fields of a restoring, `left` names what it
    cannot take off again. `row` is what the state knows, for who has to decide once more just before the call.
    """

    kind: str
    key: str
    action: UndoAction
    workos_id: str | None = None
    code: str | None = None
    begun: str | None = None
    send: Mapping[str, None] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    row: ResourceRow | None = None

    @property
    def operation(self) -> str:
        """What the claim says."""
        return self.begun or self.action

    @property
    def intent(self) -> None:
        """Nothing to note: the WorkOS id, or the claim that is open, says what to look for."""
        return None


def begun_in(row: ResourceRow) -> str | None:
    """The operation that a run began on it, where none has recorded what WorkOS calls it."""
    return row.operation if row.workos_id is None and row.status == "claimed" else None


def undo_whole(row: ResourceRow, *, found: str | None = None, kept: str | None = None) -> Undoing:
    """The rule for what is either wholly ours or not ours at all. Pure.

    `found` is the WorkOS id of what a creation that no run has recorded made; `kept` why it must stay.
    """
    begun = begun_in(row)
    workos_id = row.workos_id or found
    ours = row.created_here or begun == "create"
    if not ours or workos_id is None:
        return Undoing(row.kind, row.key, "forget", workos_id, begun=begun)
    if kept is not None:
        return Undoing(row.kind, row.key, "keep", workos_id, kept, begun=begun)
    if row.status == "gone":
        return Undoing(row.kind, row.key, "forget", workos_id)
    return Undoing(row.kind, row.key, "remove", workos_id, begun=begun)
