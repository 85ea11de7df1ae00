"""Who left the source since the last completed run: users of the state for whom no selected record speaks now."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

_KNOWN = """
SELECT count(DISTINCT workos_id) FROM known_user
WHERE left_source = 0 AND workos_id IS NOT NULL AND relation != 'unverified'
"""
# As `engine.snapshot.reconcile` counts them once the run is over; the plan's own changes name who takes a user over.
_LEFT = """
FROM known_user u
WHERE u.workos_id IS NOT NULL AND u.relation != 'unverified'
    AND NOT EXISTS (SELECT 1 FROM record r WHERE r.key = u.key AND r.reason IS NULL)
    AND NOT EXISTS (
        -- CROSS keeps the order: the other way round all records would be looked through.
        SELECT 1 FROM known_user o CROSS JOIN record r ON r.key = o.key
        WHERE o.workos_id = u.workos_id AND o.relation != 'unverified' AND r.reason IS NULL
    )
    -- Whom a conflict names goes over to nobody.
    AND u.workos_id NOT IN (
        SELECT workos_id FROM change WHERE kind = 'user' AND workos_id IS NOT NULL AND action != 'conflict'
    )
"""
_GONE = f"SELECT count(DISTINCT u.workos_id) {_LEFT} AND u.left_source = 0"
_GONE_KEYS = f"SELECT u.key {_LEFT} AND u.left_source = 0 ORDER BY u.key"
# Who is known to be deleted in WorkOS has no access any more.
_LEAVERS = f"SELECT DISTINCT u.workos_id {_LEFT} AND u.status != 'gone' ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Departures:
    """`known` are the users of WorkOS whom the last completed run found in the source, `gone` those who are not now."""

    known: int
    gone: int


def count_departures(connection: sqlite3.Connection) -> Departures:
    """Of a snapshot with its changes computed, and what the state knows in `known`."""
    known, gone = (int(connection.execute(query).fetchone()[0]) for query in (_KNOWN, _GONE))
    return Departures(known, gone)


def leavers(connection: sqlite3.Connection, limit: int) -> tuple[list[str], int]:
    """WorkOS ids of users for whom no selected record speaks, left before or now: the first `limit`, and how many."""
    found = (str(workos_id) for (workos_id,) in connection.execute(_LEAVERS))
    first = list(islice(found, limit))
    return first, len(first) + sum(1 for _ in found)


def gone_keys(connection: sqlite3.Connection) -> Iterator[str]:
    """The keys of those who are gone, as `count_departures` counts them."""
    yield from (str(row[0]) for row in connection.execute(_GONE_KEYS))
