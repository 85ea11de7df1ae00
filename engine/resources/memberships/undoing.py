"""The way back of a membership: ours goes, unless its user stays because somebody uses the account. Pure."""

from __future__ import annotations

from engine.model.outcomes import ResourceRow
from engine.resources.memberships.decision import CLOCKS_APART, made_at
from engine.resources.memberships.port import HeldMembership
from engine.resources.undoing import UndoAction, Undoing, begun_in, undo_whole


def undo_membership(row: ResourceRow, held: HeldMembership | None, *, user: UndoAction | None) -> Undoing:
    """What becomes of one. `held` is what was looked for where no run recorded what a creation made; `user` is what
    becomes of its user, None where the state knows none.
    """
    if row.relation != "primary":
        # It is known under another record's key by now.
        return Undoing(row.kind, row.key, "forget")
    if user == "pending":
        return Undoing(row.kind, row.key, "pending", row.workos_id)
    found = None
    if begun_in(row) == "create" and held is not None and made_at(held) >= (row.changed_at or 0) - CLOCKS_APART:
        found = held.id
    return undo_whole(row, found=found, kept="user_kept" if user == "keep" else None)
