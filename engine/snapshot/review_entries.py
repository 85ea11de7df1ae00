"""What a plan on disk would do, entry by entry, for its digest and for the file that a review is kept in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import NamedTuple

import orjson

from engine.model.keys import MEMBERSHIP, USER
from engine.resources.memberships.changes import membership_content
from engine.resources.review_entry import DEPARTURE, ReviewEntry
from engine.resources.users.changes import Change, Desired, UserAction
from engine.resources.users.plan import user_entry
from engine.snapshot.departures import gone_keys
from engine.snapshot.plan_queries import DesiredRow
from engine.snapshot.rows import named

_USERS = """
SELECT r.key, r.email, r.verified, r.fields, r.invalid, max(r.password, r.joins) AS password,
    c.action, c.workos_id, c.send, c.code
FROM change c JOIN record r ON r.key = c.key WHERE c.kind = 'user' AND c.action NOT IN ('unchanged', 'wait')
"""
# Who waits is there as well, and excluded and merged records: whoever is let in later has not signed up. But who has
# begun to sign up may end it.
_STAYING = """
SELECT r.key FROM record r LEFT JOIN change c ON c.kind = 'user' AND c.key = r.key
WHERE coalesce(c.action, 'unchanged') IN ('unchanged', 'wait')
    AND NOT (r.reason IS 'status' AND r.status = 'UNCONFIRMED')
"""
_MEMBERSHIPS = """
SELECT key, action, workos_id, send, code FROM change WHERE kind = 'membership' AND action != 'unchanged'
"""


class _DecidedRow(NamedTuple):
    key: str
    email: str
    verified: int
    fields: bytes
    invalid: bytes | None
    password: int
    action: UserAction
    workos_id: str | None
    send: bytes | None
    code: str | None


def user_entries(
    connection: sqlite3.Connection, desired: Callable[[DesiredRow], Desired], name: Callable[[str], str]
) -> Iterator[ReviewEntry]:
    """Of everybody for whom there is something to decide. `name` is as for the digest."""
    for row in named(connection, _DecidedRow, _USERS):
        send = orjson.loads(row.send) if row.send else {}
        change = Change(row.action, row.key, row.workos_id, send=send, code=row.code)
        yield user_entry(name(row.key), change, desired(row))


def staying_entries(connection: sqlite3.Connection) -> Iterator[ReviewEntry]:
    """Of the records for which nothing is to be done, or not yet: a review remembers who was there."""
    for (key,) in connection.execute(_STAYING):
        yield ReviewEntry(USER, key, "unchanged")


def membership_entries(connection: sqlite3.Connection) -> Iterator[ReviewEntry]:
    """Of memberships; none where the plan has none."""
    for key, action, workos_id, send, code in connection.execute(_MEMBERSHIPS):
        parts = orjson.loads(send) if send else {}
        content = membership_content(key, action, workos_id, code, parts.get("roles"))
        yield ReviewEntry(MEMBERSHIP, key, action, content, parts)


def departure_entries(connection: sqlite3.Connection) -> Iterator[ReviewEntry]:
    """Of users who left the source."""
    for key in gone_keys(connection):
        yield ReviewEntry(DEPARTURE, key, "leave", key.encode("utf-8", "surrogatepass"))
