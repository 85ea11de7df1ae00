"""Native users who have no password in Cognito, in the snapshot: whom to ask for, and what then counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

# From (key, username) to the keys of those without a password; blocking, raises SourceError.
FindPasswordless = Callable[[Iterable[tuple[str, str]]], Iterator[str]]

# The flag is set at creation alone, and the state remembers who had a password: who is known with one is not asked for.
_TO_CREATE = """
SELECT r.key, r.username, coalesce(r.primary_key, r.key) AS person FROM record r
WHERE r.native AND r.reason IS NULL AND r.skipped = 0 AND r.relation != 'unverified' AND NOT EXISTS (
    SELECT 1 FROM known_user k WHERE k.key = coalesce(r.primary_key, r.key)
        AND k.workos_id IS NOT NULL AND k.status != 'gone' AND k.password
) AND NOT EXISTS (SELECT 1 FROM waiting w WHERE w.key = coalesce(r.primary_key, r.key)) ORDER BY r.key
"""
_OF_PERSON = """
SELECT key, username FROM record WHERE (key = ?1 OR primary_key = ?1)
    AND native AND reason IS NULL AND skipped = 0 AND relation != 'unverified'
"""
_JOINS = "SELECT joins FROM record WHERE key = ?"
_MARK = "UPDATE record SET passwordless = 1 WHERE key = ?"
# A person has a password where any of their records has one.
_SETTLE = """
UPDATE record SET password = 0, passwordless = 1
WHERE primary_key IS NULL AND password
    AND key IN (SELECT coalesce(primary_key, key) FROM record WHERE passwordless)
    AND NOT EXISTS (
        SELECT 1 FROM record n WHERE (n.key = record.key OR n.primary_key = record.key)
            AND n.native AND NOT n.passwordless AND n.reason IS NULL AND n.relation != 'unverified'
    )
"""

_COUNT_NATIVE = "SELECT count(*) FROM record WHERE reason IS NULL AND native AND relation != 'unverified'"
# Records that were merged into another have factors of their own; who only signs in by a provider has none in Cognito.
_NATIVE = """
SELECT r.key, r.username, k.workos_id FROM record r LEFT JOIN known_user k ON k.key = r.key
WHERE r.reason IS NULL AND r.native AND r.relation != 'unverified' ORDER BY r.key
"""


def mark_passwordless(
    connection: sqlite3.Connection, find: FindPasswordless, check: Callable[[], None], *, people: Collection[str] = ()
) -> None:
    """Ask for everybody who may be created, and let who has no password count as such. `check` may end it.

    `people`: for these alone, where there are any.
    """

    def users() -> Iterator[tuple[str, str]]:
        for key, username, person in connection.execute(_TO_CREATE).fetchall():
            check()
            if not people or person in people:
                yield key, username

    found = [(key,) for key in find(users())]
    connection.execute("BEGIN")
    connection.executemany(_MARK, found)
    connection.execute(_SETTLE)
    connection.execute("COMMIT")


def count_flagged(connection: sqlite3.Connection) -> int:
    """People to be created who get the flag for a password that nobody has proved them to have."""
    query = """
    SELECT count(*) FROM change c JOIN record r ON r.key = c.key
    WHERE c.kind = 'user' AND c.action = 'create' AND r.password
    """
    return int(connection.execute(query).fetchone()[0])


def without_password(connection: sqlite3.Connection, keys: Sequence[str], find: FindPasswordless) -> set[str]:
    """Those of these people none of whose records has a password, and who do not join as federated users."""
    records = {key: connection.execute(_OF_PERSON, (key,)).fetchall() for key in keys}
    found = set(find([(key, username) for rows in records.values() for key, username in rows]))
    return {
        person
        for person, rows in records.items()
        if rows and all(key in found for key, _ in rows) and not connection.execute(_JOINS, (person,)).fetchone()[0]
    }


def count_native(connection: sqlite3.Connection) -> int:
    """How many `native_users` gives."""
    return int(connection.execute(_COUNT_NATIVE).fetchone()[0])


def native_users(connection: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    """(key, username, WorkOS id) of every selected record that may have second factors in Cognito, in order of key."""
    return connection.execute(_NATIVE).fetchall()
