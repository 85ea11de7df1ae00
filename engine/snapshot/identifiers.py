"""Every selected record's identifiers beside the WorkOS user that the state has for it: what `ids` prints."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from engine.model.keys import name_of_pool, sub_of
from engine.snapshot.rows import named

# A user of the state who is no longer in what the pool gives keeps their line: an application may still refer to them.
_ROWS = """
SELECT r.key, r.username, r.identities, k.workos_id, coalesce(k.relation, r.relation)
FROM record r LEFT JOIN known_user k ON k.key = r.key WHERE r.reason IS NULL
UNION ALL
SELECT k.key, NULL, NULL, k.workos_id, k.relation FROM known_user k
WHERE k.workos_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM record r WHERE r.key = k.key AND r.reason IS NULL)
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
    pool: str | None = None  # where the plan has several: its name


class _IdentifiersRow(NamedTuple):
    key: str
    username: str | None
    identities: bytes | None
    workos_id: str | None
    relation: str


def identifiers(connection: sqlite3.Connection, pools: Mapping[str, str] | None = None) -> Iterator[Identifiers]:
    """One a record, in order of key; the state's rows are in `known`. `pools`: the names of several, by ID."""
    cursor = named(connection, _IdentifiersRow, _ROWS)
    while rows := cursor.fetchmany(1000):
        for row in rows:
            held = orjson.loads(row.identities) if row.identities else ()
            pairs = tuple((provider, user) for provider, user in held)
            pool = name_of_pool(pools or {}, row.key)
            yield Identifiers(sub_of(row.key), row.username, pairs, row.workos_id, row.relation, pool)


def names_of(connection: sqlite3.Connection, key: str) -> tuple[str | None, str | None]:
    """Username and address of one record; None for both where the snapshot has no such record."""
    row = connection.execute("SELECT username, email FROM record WHERE key = ?", (key,)).fetchone()
    return (row[0], row[1]) if row else (None, None)
