"""Takes one person out of a state for good; a keyed tombstone alone stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.model.keys import MEMBERSHIP, USER, membership_key
from engine.model.tombstones import NOTED_AS, Tombstones
from engine.state.file import StateFile


@dataclass(frozen=True, slots=True)
class Erased:
    """What was taken out. `workos_ids` are the person's users in WorkOS, which are there still."""

    users: int
    memberships: int
    workos_ids: tuple[str, ...]


def keys_of_person(state: StateFile, key: str) -> list[str]:
    """The keys of all records that are one person with this one, as far as the state knows.

    A record that has not verified the address which another one has (unverified) is only somebody who claims it.
    """
    row = state.one("SELECT relation, workos_id FROM resources WHERE kind = ? AND key = ?", (USER, key))
    if row is None or row["workos_id"] is None or row["relation"] == "unverified":
        return [key]
    query = "SELECT key FROM resources WHERE kind = ? AND workos_id = ? AND relation != 'unverified' ORDER BY key"
    return sorted({key, *(one["key"] for one in state.every(query, (USER, row["workos_id"])))})


def erase(state: StateFile, keys: Sequence[str]) -> Erased:
    """Everything that the state holds under these keys of users, and under their WorkOS ids, in one transaction."""
    noted = Tombstones(state.key, state.meta(NOTED_AS)).with_keys(keys)
    users = memberships = 0
    workos_ids: set[str] = set()
    # What is deleted is overwritten: free pages would keep it.
    state.one("PRAGMA secure_delete = ON")
    with state.transaction() as connection:
        for key in keys:
            held = connection.execute(
                "SELECT workos_id FROM resources WHERE kind = ? AND key = ? AND relation != 'unverified'", (USER, key)
            )
            workos_ids |= {one[0] for one in held if one[0] is not None}
            orphaned = connection.execute("SELECT workos_id FROM orphaned WHERE key = ?", (key,))
            workos_ids |= {one[0] for one in orphaned}
            users += connection.execute("DELETE FROM resources WHERE kind = ? AND key = ?", (USER, key)).rowcount
            memberships += connection.execute(
                "DELETE FROM resources WHERE kind = ? AND key > ? AND key < ?",
                (MEMBERSHIP, membership_key(key, ""), membership_key(key, "\U0010ffff")),
            ).rowcount
            for table in ("orphaned", "left_out", "resets"):
                connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,))  # noqa: S608 - our own names
        for workos_id in workos_ids:
            for table in ("resets", "returned"):
                connection.execute(f"DELETE FROM {table} WHERE workos_id = ?", (workos_id,))  # noqa: S608 - the same
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (NOTED_AS, noted))
    # The log beside the file holds the old pages until then.
    state.one("PRAGMA wal_checkpoint(TRUNCATE)")
    return Erased(users, memberships, tuple(sorted(workos_ids)))
