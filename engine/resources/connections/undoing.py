"""The way back of a connection: ours goes, unless people who stay may sign in through it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.model.keys import split_user_key
from engine.model.outcomes import ResourceRow
from engine.resources.connections.design import connection_name
from engine.resources.connections.port import HeldConnection
from engine.resources.undoing import Undoing, undo_whole


def begun_connection(key: str, held: Iterable[HeldConnection]) -> HeldConnection | None:
    """The connection that a creation made whose end no run has recorded; None where there is none, or several."""
    name = connection_name(*split_user_key(key))
    found = [one for one in held if one.name == name]
    return found[0] if len(found) == 1 else None


def undo_connection(row: ResourceRow, found: HeldConnection | None, *, members_stay: bool) -> Undoing:
    """What becomes of one. `members_stay`: its organization has members who are there afterwards too."""
    undoing = undo_whole(row, found=found.id if found else None, kept="members_stay" if members_stay else None)
    if undoing.action == "forget" and row.operation == "update" and not row.created_here:
        # It was there before, and this plan has written its options over: WorkOS shows none, so none were kept.
        return replace(undoing, left=("options",))
    return undoing
