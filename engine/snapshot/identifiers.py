"""Every selected record's identifiers beside the WorkOS user that the state has for it: what `ids` prints."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

# A user of the state who is no longer in what the pool gives keeps their line: an application may still refer to them.
_ROWS = """
SELECT r.sub, r.username, r.identities, k.workos_id, coalesce(k.relation, r.relation)
FROM record r LEFT JOIN known.users k ON k.sub = r.sub WHERE r.reason IS NULL
UNION ALL
SELECT k.sub, NULL, NULL, k.workos_id, k.relation FROM known.users k
WHERE k.workos_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM record r WHERE r.sub = k.sub AND r.reason IS NULL)
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Identifiers:
    """One Cognito record. `workos_id` is None where it was not migrated; `identities` are (provider, its user id)."""

    sub: str
    username: str | None
    identities: tuple[tuple[str, str], ...]
    workos_id: str | None
    relation: str


def identifiers(connection: sqlite3.Connection) -> Iterator[Identifiers]:
    """One a record, in order of sub; the state is attached as `known`."""
    cursor = connection.execute(_ROWS)
    while rows := cursor.fetchmany(1000):
        for sub, username, identities, workos_id, relation in rows:
            pairs = tuple((provider, user) for provider, user in orjson.loads(identities)) if identities else ()
            yield Identifiers(sub, username, pairs, workos_id, relation)


def names_of(connection: sqlite3.Connection, sub: str) -> tuple[str | None, str | None]:
    """Username and address of one record; None for both where the snapshot has no such record."""
    row = connection.execute("SELECT username, email FROM record WHERE sub = ?", (sub,)).fetchone()
    return (row[0], row[1]) if row else (None, None)
