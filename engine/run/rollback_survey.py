"""Reads what WorkOS holds of the users whom a rollback is about: by listing all, or one by one where they are few."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from engine.model.keys import sub_of
from engine.model.outcomes import ResourceRow
from engine.model.ports import Progress
from engine.model.users import TargetUser
from engine.quota.metered import MeteredTarget
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.discovery import list_all, look_at
from engine.resources.users.marks import UserMarks
from engine.snapshot.undo_table import UndoTable

# A listing brings 100 users a request, and those of others as well: nobody knows how many there are.
_LISTED_FROM = 200
_AT_ONCE = 32


class _Filter:
    """Keeps of a listing whom the state knows, and whom a begun creation or adoption was about."""

    def __init__(self, table: UndoTable, sought: Mapping[str, str], fingerprints: Fingerprints) -> None:
        self._table, self._sought, self._fingerprints = table, sought, fingerprints

    def store_targets(self, users: Sequence[TargetUser]) -> None:
        kept = []
        for user in users:
            if user.external_id is not None and self._sought:
                key = self._sought.get(self._fingerprints.field("external_id", user.external_id))
                if key is not None:
                    self._table.store_begun([(key, user.id)])
                    kept.append(user)
                    continue
            if self._table.knows(user.id):
                kept.append(user)
        self._table.store_targets(kept)


async def survey_users(
    table: UndoTable,
    target: MeteredTarget,
    fingerprints: Fingerprints,
    *,
    only: str | None,
    progress: Progress,
) -> None:
    """Store them in the table; `only` is the key of the one who matters. Raises CallFailed."""
    begun = [row for row in table.begun() if only in (None, row.key)]
    # The sub is what most plans make the external ID; older states have noted no other.
    await _look_up(table, target, begun, fingerprints)
    found = table.begun_keys()
    sought = {mark: row.key for row in begun if row.key not in found and (mark := _sought(row)) is not None}
    if sought or (only is None and table.count_known() >= _LISTED_FROM):
        await list_all(_Filter(table, sought, fingerprints), target, progress)
    else:
        await look_at(table, table.known_ids(only), target)


async def _look_up(
    table: UndoTable, target: MeteredTarget, begun: Sequence[ResourceRow], fingerprints: Fingerprints
) -> None:
    for at in range(0, len(begun), _AT_ONCE):
        batch = begun[at : at + _AT_ONCE]
        held = await asyncio.gather(*(target.find_by_external_id(sub_of(row.key)) for row in batch))
        found = [
            (row.key, user)
            for row, user in zip(batch, held, strict=True)
            # Another plan may call somebody else by this sub.
            if user is not None and _sought(row) in (None, fingerprints.field("external_id", user.external_id or ""))
        ]
        table.store_targets([user for _, user in found])
        table.store_begun([(key, user.id) for key, user in found])


def _sought(row: ResourceRow) -> str | None:
    marks = UserMarks.from_detail(row.detail)
    return marks.sought or marks.added.get("external_id")
